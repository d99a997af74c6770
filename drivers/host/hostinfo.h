#ifndef BY_DRIVERS_HOST_HOSTINFO_H
#define BY_DRIVERS_HOST_HOSTINFO_H
/* Facts of the machine that no hypervisor is needed for.  Errors: IO.  Threads: any. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

struct hostinfo {
    char boot[W_ID]; /* the kernel's boot id: changes with each boot */
    char arch[20];   /* as uname says */
    char hostname[W_NAME];
    uint32_t cpus;          /* online */
    uint64_t mem_mib;       /* all of it */
    uint64_t available_mib; /* could be given out without swapping, as the kernel guesses */
    bool vmx_or_svm;        /* the CPU shows hardware virtualization */
};

int hostinfo_read(struct hostinfo *out, struct err *e);
#endif
