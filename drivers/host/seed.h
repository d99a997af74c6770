#ifndef BY_DRIVERS_HOST_SEED_H
#define BY_DRIVERS_HOST_SEED_H
/* The NoCloud seed of a VM: meta-data, user-data and network-config on an ISO 9660 image (Joliet
 * and Rock Ridge) labelled CIDATA.  Values are written as JSON strings, which YAML reads as they
 * are: no name or key can become syntax.  Equal input gives equal bytes: times are fixed.
 * A seed is a copy of a tenant's data.  Use seed_memfd(), which touches no disk; a file made by
 * seed_write() must be overwritten (extent_erase) before it is unlinked.
 * Errors: INVALID, NO_SPACE, NOMEM, IO.  Threads: any. */
#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/wire.h"

#define SEED_PATH_MAX 32

/** The image in memory.  *fd is the caller's; path ("/proc/self/fd/N") can be opened by this
 * process as long as *fd is open: fit for virt_vol_spec.content_path. */
int seed_memfd(const struct w_vm_spec *vm, int *fd, char path[SEED_PATH_MAX], struct err *e);
/** The image as a file, durable, mode 0600. */
int seed_write(const struct w_vm_spec *vm, const char *path, struct err *e);

/* The three texts, for tests and people. */
void seed_meta_data(const struct w_vm_spec *vm, struct strbuf *out);
void seed_user_data(const struct w_vm_spec *vm, struct strbuf *out);
void seed_network_config(const struct w_vm_spec *vm, struct strbuf *out);
#endif
