#include "policies/rightsize.h"

#include <inttypes.h>

#include "policies/text.h"

#define P95 9500

/* ceil(size x p95 x (100 + headroom) / 100), p95 in 1/100 percent. */
static uint64_t
needed(uint64_t size, uint64_t p95, uint32_t headroom)
{
    uint64_t part = p95 * (100 + (uint64_t)headroom); /* of 1,000,000 */

    return (size * part + 999999) / 1000000;
}

static uint64_t
clamp(uint64_t v, uint64_t least, uint64_t most)
{
    if (v < least)
        v = least;
    return v > most ? most : v;
}

static uint32_t
advise_cpu(const struct size_rule *rule, const struct size_facts *f, struct text *t)
{
    uint64_t p95, need, half = ((uint64_t)f->vcpus + 1) / 2, to;

    if (f->cpu_peak == NULL || f->cpu_peak->n == 0 || f->vcpus == 0) {
        text_add(t, "CPU: nothing was measured, no suggestion");
        return 0;
    }
    p95 = hist_quantile(f->cpu_peak, P95);
    need = needed(f->vcpus, p95, rule->cpu_headroom_percent);
    to = clamp(need, half, f->vcpus);
    text_add(t, "CPU: P95 of peaks ");
    text_add_percent(t, p95);
    text_add(t,
             " of %" PRIu32 " vCPUs + %" PRIu32 " %% needs %" PRIu64 ", at most halved to %" PRIu64
             ": %" PRIu64,
             f->vcpus, rule->cpu_headroom_percent, need, half, to);
    return (uint32_t)to;
}

static uint64_t
advise_mem(const struct size_rule *rule, const struct size_facts *f, struct text *t)
{
    uint64_t step = rule->mem_step_mib > 0 ? rule->mem_step_mib : 1, p95, need, half, to;

    if (f->mem_peak == NULL || f->mem_peak->n == 0 || f->mem_mib == 0) {
        text_add(t, "; memory: unknown, no suggestion");
        return 0;
    }
    p95 = hist_quantile(f->mem_peak, P95);
    need = needed(f->mem_mib, p95, rule->mem_headroom_percent);
    half = (f->mem_mib + 1) / 2;
    to = need < half ? half : need;
    to = to < rule->mem_least_mib ? rule->mem_least_mib : to;
    to = clamp((to + step - 1) / step * step, 1, f->mem_mib);
    text_add(t, "; memory: P95 of peaks ");
    text_add_percent(t, p95);
    text_add(t,
             " of %" PRIu64 " MiB + %" PRIu32 " %% needs %" PRIu64 ", at most halved to %" PRIu64
             ", in steps of %" PRIu64 ": %" PRIu64,
             f->mem_mib, rule->mem_headroom_percent, need, half, step, to);
    return to;
}

struct size_advice
rightsize(const struct size_rule *rule, const struct size_facts *f, char *reason, size_t cap)
{
    struct text t = text_on(reason, cap);
    struct size_advice a;

    a.vcpus = advise_cpu(rule, f, &t);
    a.mem_mib = advise_mem(rule, f, &t);
    return a;
}
