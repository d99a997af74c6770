#include "drivers/host/hostinfo.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/host/durable.h"

static int
read_boot(char out[W_ID], struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};

    if (durable_read("/proc/sys/kernel/random/boot_id", 64, &text, e) < 0)
        return err_wrap(e, "boot id");
    if (text.len < 36)
        return err_set(e, BY_E_IO, "boot id: the kernel gave only %zu characters", text.len);
    memcpy(out, text.s, 36);
    out[36] = '\0';
    return 0;
}

/* "MemTotal:  8000 kB" -> MiB; 0 when the line is not there. */
static uint64_t
meminfo_mib(const char *text, const char *key)
{
    const char *line = strstr(text, key);
    unsigned long long kib = 0;

    if (line == NULL || sscanf(line + strlen(key), ": %llu kB", &kib) != 1)
        return 0;
    return kib / 1024;
}

/* A word of the "flags" line of the first processor. */
static bool
cpu_flag(const char *text, const char *flag)
{
    const char *line = strstr(text, "\nflags");
    const char *end = line == NULL ? NULL : strchr(line + 1, '\n');
    size_t len = strlen(flag);

    if (end == NULL)
        return false;
    for (const char *p = line; (p = strstr(p, flag)) != NULL && p < end; p += len)
        if (p[-1] == ' ' && (p[len] == ' ' || p[len] == '\n'))
            return true;
    return false;
}

int
hostinfo_read(struct hostinfo *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf mem = {0};
    SCOPED(strbuf) struct strbuf cpu = {0};
    struct hostinfo h = {0};
    struct utsname u;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (read_boot(h.boot, e) < 0 || durable_read("/proc/meminfo", 65536, &mem, e) < 0 ||
        durable_read("/proc/cpuinfo", 16 << 20, &cpu, e) < 0)
        return -1;
    if (uname(&u) < 0)
        return err_set(e, BY_E_IO, "uname: the kernel did not answer");
    (void)snprintf(h.arch, sizeof(h.arch), "%.*s", (int)sizeof(h.arch) - 1, u.machine);
    (void)snprintf(h.hostname, sizeof(h.hostname), "%.*s", (int)sizeof(h.hostname) - 1, u.nodename);
    h.cpus = cpus < 1 ? 1 : (uint32_t)cpus;
    h.mem_mib = meminfo_mib(strbuf_peek(&mem), "MemTotal");
    h.available_mib = meminfo_mib(strbuf_peek(&mem), "MemAvailable");
    h.vmx_or_svm = cpu_flag(strbuf_peek(&cpu), "vmx") || cpu_flag(strbuf_peek(&cpu), "svm");
    if (h.mem_mib == 0)
        return err_set(e, BY_E_IO, "/proc/meminfo: no MemTotal");
    *out = h;
    return 0;
}
