#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/base/clock.h"
#include "drivers/virt/virt_libvirt.h"

/* libvirt's number of a domain is new with each start, but numbers come again after libvirtd was
 * restarted: the pid file's time tells those apart where it can be seen. */
static int64_t
run_id(virDomainPtr d)
{
    uint64_t id = virDomainGetID(d);
    char path[320];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/run/libvirt/qemu/%s.pid", virDomainGetName(d));
    if (stat(path, &st) == 0)
        id ^= ((uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec) << 12;
    return (int64_t)(id & INT64_MAX);
}

static bool
u64_get(const virDomainStatsRecord *r, const char *name, uint64_t *out)
{
    unsigned long long v = 0;

    if (virTypedParamsGetULLong(r->params, r->nparams, name, &v) != 1)
        return false;
    *out = v;
    return true;
}

/* Sum of PREFIX.0.SUFFIX … over all devices; false when one does not tell. */
static bool
sum_get(const virDomainStatsRecord *r, const char *prefix, const char *suffix, uint64_t *out)
{
    unsigned count = 0;
    uint64_t sum = 0, v;
    char name[VIR_TYPED_PARAM_FIELD_LENGTH];

    (void)snprintf(name, sizeof(name), "%s.count", prefix);
    if (virTypedParamsGetUInt(r->params, r->nparams, name, &count) != 1 || count > 4096)
        return false;
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "%s.%u.%s", prefix, i, suffix);
        if (!u64_get(r, name, &v))
            return false;
        sum += v;
    }
    *out = sum;
    return true;
}

static void
sample_fill(const virDomainStatsRecord *r, bool cheap, struct virt_sample *s)
{
    int state = 0;
    uint64_t rd = 0, wr = 0, updated = 0;
    unsigned vcpus = 0;

    lv_dom_id(r->dom, s->id);
    s->run_id = run_id(r->dom);
    if (virTypedParamsGetInt(r->params, r->nparams, "state.state", &state) == 1)
        s->state = state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_PMSUSPENDED ? VIRT_PAUSED
                                                                                 : VIRT_RUNNING;
    if (virTypedParamsGetUInt(r->params, r->nparams, "vcpu.current", &vcpus) == 1)
        s->vcpus = vcpus;
    s->has_cpu = u64_get(r, "cpu.time", &s->cpu_ns);
    s->has_net = sum_get(r, "net", "rx.bytes", &s->net_rx_bytes) &&
                 sum_get(r, "net", "tx.bytes", &s->net_tx_bytes);
    if (cheap)
        return;
    s->has_block = sum_get(r, "block", "rd.bytes", &rd) && sum_get(r, "block", "wr.bytes", &wr);
    s->block_bytes = s->has_block ? rd + wr : 0;
    /* last-update is 0 until the guest's balloon driver has spoken once. */
    s->has_mem = u64_get(r, "balloon.available", &s->mem_available_kib) &&
                 u64_get(r, "balloon.usable", &s->mem_usable_kib) &&
                 u64_get(r, "balloon.last-update", &updated) && updated > 0;
    s->mem_updated_s = (int64_t)updated;
}

static int
stats_sample(struct virt *v, bool cheap, struct arena *a, const struct virt_sample **out, size_t *n,
             struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    unsigned groups = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_VCPU |
                      VIR_DOMAIN_STATS_INTERFACE;
    virDomainStatsRecordPtr *records = NULL;
    struct virt_sample *list;
    int64_t taken;
    int count;

    if (!cheap)
        groups |= VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_BLOCK;
    taken = clock_mono_ns();
    count = virConnectGetAllDomainStats(lv->conn, groups, &records,
                                        VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING |
                                            VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (count < 0)
        return lv_fail(lv, e, "counters of domains");
    list = arena_alloc(a, ((size_t)count + 1) * sizeof(*list));
    for (int i = 0; i < count; i++) {
        list[i].taken_ns = taken;
        sample_fill(records[i], cheap, &list[i]);
    }
    virDomainStatsRecordListFree(records);
    *out = list;
    *n = (size_t)count;
    return 0;
}

const struct virt_stats_ops virt_libvirt_stats = {.sample = stats_sample};
