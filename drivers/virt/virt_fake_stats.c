#include "drivers/virt/virt_fake_stats.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/virt/virt_fake_dom.h"

#define NS_PER_S 1000000000.0

struct counters {
    long long run, at_ns;
    unsigned long long cpu_ns, rx, tx, block;
};

struct load {
    long long cpu, rx, tx, block, mem;
};

static void
load_read(const char *world, const char *id, struct load *l)
{
    static const struct load quiet = {.cpu = 10, .mem = 50};
    char file[W_ID + 8];

    *l = quiet;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(file, sizeof(file), "load/%.39s", i == 0 ? "default" : id);
        l->cpu = fake_setting(world, file, "cpu", l->cpu);
        l->rx = fake_setting(world, file, "rx", l->rx);
        l->tx = fake_setting(world, file, "tx", l->tx);
        l->block = fake_setting(world, file, "block", l->block);
        l->mem = fake_setting(world, file, "mem", l->mem);
    }
}

static void
counters_read(const char *path, long long run, int64_t now, struct counters *c)
{
    SCOPED(strbuf) struct strbuf text = {0};

    if (fake_get(path, &text, NULL) == 0 &&
        sscanf(strbuf_peek(&text), "%lld %lld %llu %llu %llu %llu", &c->run, &c->at_ns, &c->cpu_ns,
               &c->rx, &c->tx, &c->block) == 6 &&
        c->run == run && c->at_ns <= now)
        return;
    *c = (struct counters){.run = run, .at_ns = now};
}

static unsigned long long
grown(long long per_second, double seconds)
{
    return per_second <= 0 ? 0 : (unsigned long long)((double)per_second * seconds);
}

/* Counters up to now; kept, so that a change of load never makes them fall. */
static int
counters_grow(const char *world, const char *id, const struct fake_dom *d, const struct load *l,
              uint32_t vcpus, int64_t now, struct counters *c, struct err *e)
{
    char path[PATH_MAX], text[160];
    double s;

    if (fake_path(world, path, "stats", id, "", e) < 0)
        return -1;
    counters_read(path, d->run, now, c);
    s = d->state == VIRT_RUNNING ? (double)(now - c->at_ns) / NS_PER_S : 0;
    c->at_ns = now;
    c->cpu_ns += (unsigned long long)((double)l->cpu / 1000.0 * vcpus * s * NS_PER_S);
    c->rx += grown(l->rx, s);
    c->tx += grown(l->tx, s);
    c->block += grown(l->block, s);
    (void)snprintf(text, sizeof(text), "%lld %lld %llu %llu %llu %llu\n", c->run, c->at_ns,
                   c->cpu_ns, c->rx, c->tx, c->block);
    return fake_put(path, text, strlen(text), e);
}

static int
sample_one(const char *world, const char *id, const struct fake_dom *d, bool cheap, struct arena *a,
           struct virt_sample *out, struct err *e)
{
    struct virt_sample s = {.taken_ns = clock_mono_ns(), .run_id = d->run, .state = d->state};
    struct virt_dom_seen seen;
    struct counters c;
    struct load l;

    if (fake_dom_see(world, id, d, a, &seen, e) < 0)
        return -1;
    load_read(world, id, &l);
    s.vcpus = seen.live.vcpus;
    if (counters_grow(world, id, d, &l, s.vcpus, s.taken_ns, &c, e) < 0)
        return -1;
    (void)snprintf(s.id, sizeof(s.id), "%.39s", id);
    s.has_cpu = s.has_net = true;
    s.cpu_ns = c.cpu_ns;
    s.net_rx_bytes = c.rx;
    s.net_tx_bytes = c.tx;
    s.has_block = !cheap;
    s.block_bytes = cheap ? 0 : c.block;
    s.has_mem = !cheap && l.mem >= 0;
    if (s.has_mem) {
        s.mem_available_kib = seen.live.mem_mib * 1024;
        s.mem_usable_kib = s.mem_available_kib / 100 * (uint64_t)(l.mem > 100 ? 0 : 100 - l.mem);
        s.mem_updated_s = clock_wall_ms() / 1000;
    }
    *out = s;
    return 0;
}

static int
sample_locked(struct fake *f, bool cheap, struct arena *a, const struct virt_sample **out,
              size_t *n, struct err *e)
{
    const char *const *ids;
    struct virt_sample *samples;
    struct fake_dom d;
    size_t count, used = 0;

    if (fake_names(f->world, "dom", ".dom", a, &ids, &count, e) < 0)
        return -1;
    samples = arena_alloc(a, (count + 1) * sizeof(*samples));
    for (size_t i = 0; i < count; i++) {
        if (fake_dom_load(f->world, ids[i], a, &d, e) < 0)
            return -1;
        if (d.live == NULL)
            continue;
        if (sample_one(f->world, ids[i], &d, cheap, a, &samples[used], e) < 0)
            return -1;
        used++;
    }
    *out = samples;
    *n = used;
    return 0;
}

static int
stats_sample(struct virt *v, bool cheap, struct arena *a, const struct virt_sample **out, size_t *n,
             struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "stats.sample", NULL, FAKE_READS, &c, e) < 0)
        return -1;
    return fake_leave(&c, sample_locked(c.f, cheap, a, out, n, e), e);
}

const struct virt_stats_ops virt_fake_stats_ops = {
    .sample = stats_sample,
};
