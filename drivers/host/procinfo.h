#ifndef BY_DRIVERS_HOST_PROCINFO_H
#define BY_DRIVERS_HOST_PROCINFO_H
/* What this process uses: of /proc/self, the clocks and its limits.  Threads: any. */
#include <stdint.h>

#include "drivers/base/error.h"

struct procinfo {
    int64_t rss_bytes;
    int64_t cpu_ns;       /* user and system, of all its threads */
    int64_t start_ns;     /* since 1970 */
    int64_t fds, max_fds; /* fds below 0: could not be counted */
};

int procinfo_read(struct procinfo *out, struct err *e);
#endif
