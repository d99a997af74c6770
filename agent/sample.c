#include "agent/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/calls.h"
#include "agent/metrics.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "policies/slots.h"

enum {
    BATCH_MAX = 2000, /* slots of one report: well below the listener's limit for a body */
    SAMPLE_MS = 15000,
    SLOT_MS = 300000,
    DEAR_EVERY = 4,
    GAP_SAMPLES = 3,
    MEM_STALE_MS = 60000,
    QUEUE_MAX = 2,
    STUCK_MAX = 3,
    ROWS_MAX = 64,
};

/* One machine.  What is cheap to read is read more often, so each part has its own intervals. */
struct measured {
    char id[W_ID];
    struct slot_state cheap, dear;
    uint64_t round; /* newest sample that had it */
};

struct sampler {
    struct agent *ag;
    struct workers *w;
    int64_t sample_ms, slot_ms;
    int64_t due_ms;
    bool busy;
    uint64_t round;
    struct measured *v; /* sorted by id */
    size_t n, cap;
    struct w_slot *ring;
    size_t ring_size;
    uint64_t first, end; /* positions; first..end are kept */
    uint64_t dropped, taken, missed;
    struct err failed;
};

struct sample_job {
    struct worker_job job; /* first */
    struct sampler *s;
    struct arena a;
    bool cheap;
    int64_t wall_ms;
    const struct virt_sample *samples;
    size_t n;
};

static struct measured *
measured_get(struct sampler *s, const char *id)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(s->v[mid].id, id);

        if (c == 0)
            return &s->v[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 32 : s->cap * 2;
        s->v = realloc(s->v, s->cap * sizeof(*s->v));
        if (s->v == NULL)
            abort(); /* out of memory */
    }
    memmove(&s->v[lo + 1], &s->v[lo], (s->n - lo) * sizeof(*s->v));
    memset(&s->v[lo], 0, sizeof(*s->v));
    (void)snprintf(s->v[lo].id, sizeof(s->v[lo].id), "%s", id);
    s->n++;
    return &s->v[lo];
}

/* How many samples go to one of all groups; short slots, as in tests, need more of them. */
static int64_t
dear_every(const struct sampler *s)
{
    int64_t fit = s->slot_ms / (2 * s->sample_ms);

    return fit < 1 ? 1 : fit < DEAR_EVERY ? fit : DEAR_EVERY;
}

static struct slot_rule
rule_of(const struct sampler *s, bool dear)
{
    int64_t every = s->sample_ms * (dear ? dear_every(s) : 1);

    return (struct slot_rule){
        .slot_ms = s->slot_ms,
        .max_gap_ms = GAP_SAMPLES * every,
        .mem_stale_ms = GAP_SAMPLES * every > MEM_STALE_MS ? GAP_SAMPLES * every : MEM_STALE_MS,
    };
}

/* The oldest make room: newer slots say more, and the loss shows as lower coverage. */
static void
ring_add(struct sampler *s, const char *vm, const struct slot_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct w_slot *o = &s->ring[s->end % s->ring_size];

        memset(o, 0, sizeof(*o));
        (void)snprintf(o->vm, sizeof(o->vm), "%s", vm);
        o->metric = (int)rows[i].metric; /* the words are in the same order on the wire */
        o->at_ms = rows[i].at_ms;
        o->running_ms = rows[i].running_ms;
        o->avg = rows[i].avg;
        o->peak = rows[i].peak;
        s->end++;
        if (s->end - s->first > s->ring_size) {
            s->first++;
            if (s->dropped++ == 0)
                log_warn("samples.dropped", "the ring of %zu slots is full", s->ring_size);
        }
    }
}

static struct slot_sample
sample_of(const struct agent *ag, const struct virt_sample *v, int64_t wall_ms)
{
    const struct virt_dom_seen *d = world_dom(ag->world, v->id);
    struct slot_sample o = {
        .taken_ns = v->taken_ns,
        .wall_ms = wall_ms,
        .run_id = v->run_id,
        .running = v->state == VIRT_RUNNING,
        .has_cpu = v->has_cpu,
        .has_mem = v->has_mem && d != NULL,
        .has_net = v->has_net,
        .has_block = v->has_block,
        .vcpus = v->vcpus,
        .cpu_ns = v->cpu_ns,
        .mem_available_kib = v->mem_available_kib,
        .mem_usable_kib = v->mem_usable_kib,
        .mem_updated_s = v->mem_updated_s,
        .net_rx_bytes = v->net_rx_bytes,
        .net_tx_bytes = v->net_tx_bytes,
        .block_bytes = v->block_bytes,
    };

    if (d != NULL)
        o.mem_mib = d->has_live ? d->live.mem_mib : d->config.mem_mib;
    return o;
}

static void
feed(struct sampler *s, const struct virt_sample *v, int64_t wall_ms, bool cheap_only)
{
    struct slot_sample all = sample_of(s->ag, v, wall_ms), part = all;
    struct slot_rule cheap = rule_of(s, false), dear = rule_of(s, true);
    struct measured *m = measured_get(s, v->id);
    struct slot_row rows[ROWS_MAX];

    m->round = s->round;
    part.has_mem = part.has_block = false;
    ring_add(s, v->id, rows, slots_feed(&m->cheap, &cheap, &part, rows, ROWS_MAX));
    if (cheap_only)
        return;
    part = all;
    part.has_cpu = part.has_net = false;
    ring_add(s, v->id, rows, slots_feed(&m->dear, &dear, &part, rows, ROWS_MAX));
}

/* Machines that gave no sample: their slot is closed when it is over, then they are forgotten. */
static void
flush_silent(struct sampler *s, int64_t wall_ms)
{
    struct slot_rule cheap = rule_of(s, false), dear = rule_of(s, true);
    struct slot_row rows[ROWS_MAX];
    size_t keep = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct measured *m = &s->v[i];

        if (m->round != s->round) {
            ring_add(s, m->id, rows, slots_flush(&m->cheap, &cheap, wall_ms, rows, ROWS_MAX));
            ring_add(s, m->id, rows, slots_flush(&m->dear, &dear, wall_ms, rows, ROWS_MAX));
            if (!m->cheap.has_slot && !m->dear.has_slot)
                continue;
        }
        if (keep != i)
            s->v[keep] = *m;
        keep++;
    }
    s->n = keep;
}

static int
sample_run(struct worker_job *j, struct virt *v, struct err *e)
{
    struct sample_job *k = (struct sample_job *)j;

    k->wall_ms = clock_wall_ms();
    return v->ops->stats->sample(v, k->cheap, &k->a, &k->samples, &k->n, e);
}

static void
sample_done(struct worker_job *j)
{
    struct sample_job *k = (struct sample_job *)j;
    struct sampler *s = k->s;

    s->busy = false;
    if (j->rc < 0) {
        if (s->failed.code == BY_E_OK)
            log_warn("sample.failed", "reason=" LOG_Q, j->err.msg);
        s->failed = j->err;
        s->missed++;
    } else {
        err_clear(&s->failed);
        s->taken++;
        s->round++;
        for (size_t i = 0; i < k->n; i++)
            if (receipts_find(s->ag->receipts, k->samples[i].id) != NULL)
                feed(s, &k->samples[i], k->wall_ms, k->cheap);
        flush_silent(s, k->wall_ms);
    }
    arena_clear(&k->a);
    free(k);
}

int
sampler_new(struct agent *ag, struct sampler **out, struct err *e)
{
    SCOPED(sampler_free) struct sampler *s = calloc(1, sizeof(*s));
    struct workers_config c = {
        .virt = {.uri = ag->conf.libvirt_uri,
                 .pool_name = ag->conf.pool_name,
                 .pool_path = ag->conf.pool_path,
                 .forbid_kvm = ag->conf.forbid_kvm,
                 .read_only = true},
        .max_stuck = STUCK_MAX,
        .queue_max = QUEUE_MAX,
    };

    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "sampler");
    s->ag = ag;
    s->sample_ms = SAMPLE_MS;
    s->slot_ms = SLOT_MS;
    s->ring_size = (size_t)ag->conf.sample_ring;
    s->ring = calloc(s->ring_size, sizeof(*s->ring));
    if (s->ring == NULL)
        return err_set(e, BY_E_NOMEM, "sampler: ring of %zu slots", s->ring_size);
    agent_pool(ag, 1, &c);
    if (workers_new(&c, &s->w, e) < 0)
        return -1;
    *out = TAKE(s);
    return 0;
}

bool
sampler_run_one(struct sampler *s)
{
    return workers_run_one(s->w);
}

bool
sampler_stop(struct sampler *s, int wait_ms)
{
    return workers_stop(s->w, wait_ms);
}

void
sampler_free(struct sampler *s)
{
    if (s == NULL)
        return;
    workers_free(s->w);
    free(s->v);
    free(s->ring);
    free(s);
}

void
sampler_configure(struct sampler *s, int64_t sample_ms, int64_t slot_ms)
{
    if (s->sample_ms == sample_ms && s->slot_ms == slot_ms)
        return;
    s->sample_ms = sample_ms;
    s->slot_ms = slot_ms;
    s->n = 0; /* slots of another length do not mix */
    s->due_ms = 0;
}

int
sampler_step(struct sampler *s, int64_t now)
{
    struct sample_job *k;
    struct err e = {0};
    int tick;

    (void)workers_run_done(s->w);
    tick = workers_tick(s->w, now);
    if (s->busy)
        return tick;
    if (now < s->due_ms)
        return s->due_ms - now < tick ? (int)(s->due_ms - now) : tick;
    if (s->due_ms != 0)
        s->missed += (uint64_t)((now - s->due_ms) / s->sample_ms); /* one still ran, or we slept */
    s->due_ms = now - s->due_ms > s->sample_ms ? now + s->sample_ms : s->due_ms + s->sample_ms;
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        abort(); /* out of memory */
    k->s = s;
    k->cheap = s->round % (uint64_t)dear_every(s) != 0;
    k->job.what = call_text(CALL_SAMPLE);
    k->job.run = sample_run;
    k->job.done = sample_done;
    if (workers_submit(s->w, &k->job, &e) < 0) {
        free(k);
        return (int)s->sample_ms;
    }
    s->busy = true;
    return tick;
}

bool
sampler_batch(struct sampler *s, struct sample_batch *out)
{
    size_t n = (size_t)(s->end - s->first);
    struct w_slot *slots;

    if (n == 0)
        return false;
    n = n < BATCH_MAX ? n : BATCH_MAX;
    memset(out, 0, sizeof(*out));
    slots = arena_alloc(&out->a, n * sizeof(*slots));
    for (size_t i = 0; i < n; i++)
        slots[i] = s->ring[(s->first + i) % s->ring_size];
    out->upto = s->first + n;
    out->samples.slot_ms = s->slot_ms;
    out->samples.slots = (struct jm_list){.items = slots, .n = n};
    return true;
}

void
sampler_acknowledged(struct sampler *s, const struct sample_batch *b)
{
    if (b->upto > s->first)
        s->first = b->upto < s->end ? b->upto : s->end;
    if (s->first == s->end)
        s->first = s->end = 0; /* from the start again: memory that was never needed stays unused */
}

void
sample_batch_clear(struct sample_batch *b)
{
    arena_clear(&b->a);
    memset(b, 0, sizeof(*b));
}

void
sampler_state(const struct sampler *s, struct sampler_state *out)
{
    *out = (struct sampler_state){
        .taken = s->taken, .missed = s->missed, .slots = s->end - s->first, .dropped = s->dropped};
}
