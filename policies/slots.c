#include "policies/slots.h"

#include <string.h>

/* Wall and monotonic time may drift apart this much between two samples (a slewed clock); more is a
 * jump. */
#define JUMP_MS 500
#define NS_PER_MS 1000000

/* What one interval measured; has: bit per metric. */
struct interval {
    int64_t end_ms, length_ms; /* wall */
    unsigned has;
    uint64_t value[MO_METRIC__MAX];
};

static int64_t
slot_start(const struct slot_rule *rule, int64_t wall_ms)
{
    return wall_ms - wall_ms % rule->slot_ms;
}

size_t
slots_rows_max(const struct slot_rule *rule)
{
    return (size_t)(MO_METRIC__MAX - 1) * (size_t)(rule->max_gap_ms / rule->slot_ms + 2);
}

static void
measured(struct interval *i, enum mo_metric metric, uint64_t value)
{
    i->has |= 1u << metric;
    i->value[metric] = value;
}

/* Bytes a second; a counter that fell measured nothing. */
static void
measure_rate(struct interval *i, enum mo_metric metric, bool has, uint64_t before, uint64_t after,
             int64_t ns)
{
    if (has && after >= before && after - before < UINT64_MAX / 1000000)
        measured(i, metric, (after - before) * 1000000 / (uint64_t)(ns / 1000));
}

static void
measure_cpu(struct interval *i, const struct slot_sample *a, const struct slot_sample *b)
{
    uint64_t ns = (uint64_t)(b->taken_ns - a->taken_ns), used;

    if (!a->has_cpu || !b->has_cpu || a->vcpus != b->vcpus || b->vcpus == 0 ||
        b->cpu_ns < a->cpu_ns)
        return;
    used = b->cpu_ns - a->cpu_ns;
    if (used < UINT64_MAX / 10000)
        measured(i, MO_CPU, used * 10000 / (ns * b->vcpus));
}

static void
measure_mem(struct interval *i, const struct slot_rule *rule, const struct slot_sample *b)
{
    int64_t age_ms = b->wall_ms - b->mem_updated_s * 1000;
    uint64_t used;

    if (!b->has_mem || b->mem_mib == 0 || b->mem_updated_s <= 0 || age_ms > rule->mem_stale_ms ||
        age_ms < -rule->mem_stale_ms || b->mem_usable_kib > b->mem_available_kib)
        return;
    used = b->mem_available_kib - b->mem_usable_kib;
    if (used < UINT64_MAX / 10000)
        measured(i, MO_MEM, used * 10000 / (b->mem_mib * 1024));
}

/* has stays 0 when the interval is to be discarded as a whole. */
static struct interval
measure(const struct slot_rule *rule, const struct slot_sample *a, const struct slot_sample *b)
{
    int64_t ns = b->taken_ns - a->taken_ns, wall = b->wall_ms - a->wall_ms;
    int64_t apart = wall - ns / NS_PER_MS;
    struct interval i = {.end_ms = b->wall_ms, .length_ms = ns / NS_PER_MS};

    if (!a->running || !b->running || a->run_id != b->run_id || i.length_ms < 1 ||
        i.length_ms > rule->max_gap_ms || apart > JUMP_MS || apart < -JUMP_MS ||
        b->wall_ms < i.length_ms)
        return i;
    measure_cpu(&i, a, b);
    measure_mem(&i, rule, b);
    measure_rate(&i, MO_NET_TX, a->has_net && b->has_net, a->net_tx_bytes, b->net_tx_bytes, ns);
    measure_rate(&i, MO_NET_RX, a->has_net && b->has_net, a->net_rx_bytes, b->net_rx_bytes, ns);
    measure_rate(&i, MO_DISK_IO, a->has_block && b->has_block, a->block_bytes, b->block_bytes, ns);
    return i;
}

/* Give out the slot being filled. */
static size_t
slot_end(struct slot_state *s, struct slot_row *out, size_t cap)
{
    size_t n = 0;

    if (!s->has_slot)
        return 0;
    for (int m = 1; m < MO_METRIC__MAX; m++) {
        if (s->acc[m].ms > 0 && n < cap)
            out[n++] = (struct slot_row){.metric = (enum mo_metric)m,
                                         .at_ms = s->at_ms,
                                         .running_ms = s->acc[m].ms,
                                         .avg = s->acc[m].sum / (uint64_t)s->acc[m].ms,
                                         .peak = s->acc[m].peak};
    }
    memset(s->acc, 0, sizeof(s->acc));
    s->has_slot = false;
    s->has_done = true;
    s->done_at_ms = s->at_ms;
    return n;
}

/* Book `ms` of the interval in the slot that starts at at_ms.  A slot that was given out is never
 * opened again: after a clock that fell, time is not measured twice. */
static void
slot_book(struct slot_state *s, const struct slot_rule *rule, const struct interval *i,
          int64_t at_ms, int64_t ms)
{
    if (s->has_done && at_ms <= s->done_at_ms)
        return;
    if (!s->has_slot) {
        s->has_slot = true;
        s->at_ms = at_ms;
    }
    for (int m = 1; m < MO_METRIC__MAX; m++) {
        if ((i->has & (1u << m)) == 0 || s->acc[m].ms + ms > rule->slot_ms ||
            i->value[m] > (UINT64_MAX - s->acc[m].sum) / (uint64_t)ms)
            continue;
        s->acc[m].ms += ms;
        s->acc[m].sum += i->value[m] * (uint64_t)ms;
        s->acc[m].peak = i->value[m] > s->acc[m].peak ? i->value[m] : s->acc[m].peak;
    }
}

/* An interval over the edge of a slot counts in both, each with its part of the time. */
static size_t
interval_book(struct slot_state *s, const struct slot_rule *rule, const struct interval *i,
              struct slot_row *out, size_t cap)
{
    int64_t from = i->end_ms - i->length_ms;
    size_t n = 0;

    while (from < i->end_ms) {
        int64_t at = slot_start(rule, from), to = at + rule->slot_ms;

        if (to > i->end_ms)
            to = i->end_ms;
        if (s->has_slot && s->at_ms != at)
            n += slot_end(s, out + n, cap - n);
        slot_book(s, rule, i, at, to - from);
        from = to;
    }
    return n;
}

size_t
slots_feed(struct slot_state *s, const struct slot_rule *rule, const struct slot_sample *now,
           struct slot_row *out, size_t cap)
{
    size_t n = 0;

    if (s->has_last && now->taken_ns <= s->last.taken_ns)
        return 0;
    if (s->has_last) {
        struct interval i = measure(rule, &s->last, now);

        if (i.has != 0)
            n = interval_book(s, rule, &i, out, cap);
    }
    s->last = *now;
    s->has_last = true;
    return n + slots_flush(s, rule, now->wall_ms, out + n, cap - n);
}

size_t
slots_flush(struct slot_state *s, const struct slot_rule *rule, int64_t wall_ms,
            struct slot_row *out, size_t cap)
{
    if (!s->has_slot || wall_ms < s->at_ms + rule->slot_ms)
        return 0;
    return slot_end(s, out, cap);
}
