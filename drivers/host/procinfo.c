#include "drivers/host/procinfo.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"

#define NS INT64_C(1000000000)

static int64_t
fds_now(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = 0;

    if (d == NULL)
        return -1;
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d); /* read only */
    return n - 3;      /* the folder's own, "." and ".." */
}

static int64_t
clock_ns(clockid_t id)
{
    struct timespec ts = {0};

    (void)clock_gettime(id, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}

/* Fields after the name, which may hold anything but ends at the last ')'. */
static int
stat_read(struct procinfo *p, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    unsigned long long start = 0;
    const char *at;
    long rss = 0;

    if (durable_read("/proc/self/stat", 4096, &b, e) < 0)
        return -1;
    at = strrchr(strbuf_peek(&b), ')');
    if (at == NULL ||
        sscanf(at + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu "
               "%*u %ld",
               &start, &rss) != 2)
        return err_set(e, BY_E_IO, "/proc/self/stat: not as proc(5) says");
    p->rss_bytes = rss * sysconf(_SC_PAGESIZE);
    p->start_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
                  (int64_t)start * (NS / sysconf(_SC_CLK_TCK));
    return 0;
}

int
procinfo_read(struct procinfo *out, struct err *e)
{
    struct rlimit lim = {0};

    memset(out, 0, sizeof(*out));
    if (stat_read(out, e) < 0)
        return -1;
    out->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    out->fds = fds_now();
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
        out->max_fds = (int64_t)lim.rlim_cur;
    return 0;
}
