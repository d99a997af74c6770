#include "agent/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/facts.h"
#include "agent/fetch.h"
#include "agent/metrics.h"
#include "agent/shared.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/crypto/paper.h"
#include "policies/recname.h"

/* Overwriting a large disk may take a day; its jobs hold no connection. */
enum { DISK_DEADLINE_MS = 86400000, IMAGE_GUARD_MS = 300000, ASK_GUARD_MS = 60000, LIVE_TRIES = 3 };

struct reading *
task_reading(struct task *t)
{
    if (t->reading == NULL)
        t->reading = reading_new();
    return t->reading;
}

/* The order again, from its exact bytes, in the task's own memory. */
static int
copy_order(struct task *t, const char *envelope, struct err *e)
{
    struct w_envelope env;

    if (paper_parse(envelope, strlen(envelope), &t->a, &env, e) < 0)
        return -1;
    return W_DECODE(order, env.body, strlen(env.body), JM_SIGNED, &t->a, &t->order, e);
}

static int
job_run(struct worker_job *j, struct virt *v, struct err *e)
{
    struct task *t = (struct task *)j;

    return t->phases[t->phase].run(t, v, e);
}

static void
finish(struct task *t)
{
    struct track *k = track_get(&t->ag->tracks, t->id);

    k->busy = false;
    track_done(k);
    t->ag->dirty = true;
    log_info("task.done", "op=%s resource=%s ms=%lld", rec_op_name(t->op), t->id,
             (long long)(clock_mono_ms() - t->started_ms));
    task_free(t);
}

/* Not a failure that counts: the end of fetching brings it back, the time is only a guard. */
static void
await_image(const struct task *t, struct track *k)
{
    char text[FETCH_TEXT];

    k->attempts--;
    k->retry_mono_ms = clock_mono_ms();
    if (!fetch_busy(t->ag->fetch, t->order.vm.image, text))
        return; /* it ended meanwhile */
    k->retry_mono_ms += IMAGE_GUARD_MS;
    (void)snprintf(k->image, sizeof(k->image), "%s", t->order.vm.image);
}

/* Likewise: the answer brings it back. */
static void
await_steward(const struct err *e, struct track *k)
{
    k->attempts--;
    k->asks = true;
    k->retry_mono_ms = clock_mono_ms() + ASK_GUARD_MS;
    (void)snprintf(k->steward, sizeof(k->steward), "%.*s", (int)sizeof(k->steward) - 1, e->msg);
}

/* Asking a running guest again would be answered the same. */
static bool
is_final(const struct err *e)
{
    return e->code == BY_E_UNSUPPORTED || e->code == BY_E_INVALID || e->code == BY_E_CONFLICT;
}

void
task_fail(struct task *t, const struct err *e)
{
    struct track *k = track_get(&t->ag->tracks, t->id);

    metric_add(t->ag->metrics, AM_ACTION_FAILURES, t->op, t->waits_steward ? 0 : 1);
    k->busy = false;
    k->stale_ns = clock_mono_ns(); /* what it did is not known: read everything again first */
    t->ag->observe_at_ms = 0;
    if (t->op == REC_VM_LIVE && (is_final(e) || k->attempts + 1 >= LIVE_TRIES))
        k->live_failed = t->order.generation;
    track_failed(k, e, clock_mono_ms());
    if (t->wants_image)
        await_image(t, k);
    if (t->waits_steward)
        await_steward(e, k);
    t->ag->dirty = true;
    if (t->waits_steward) { /* expected, and told as what it waits for */
        log_debug("task.waits", "resource=%s reason=" LOG_Q, t->id, e->msg);
        task_free(t);
        return;
    }
    log_warn("task.failed", "op=%s resource=%s phase=" LOG_Q " attempts=%u reason=" LOG_Q,
             rec_op_name(t->op), t->id,
             t->phases[t->phase].run != NULL ? call_text(t->phases[t->phase].call) : "",
             k->attempts, e->msg);
    task_free(t);
}

/* On the owner's thread, after a phase. */
static void
job_done(struct worker_job *j)
{
    struct task *t = (struct task *)j;
    const struct task_phase *p = &t->phases[t->phase];
    struct err e = j->err;

    if (j->rc < 0 || (p->after != NULL && p->after(t, &e) < 0)) {
        task_fail(t, &e);
        return;
    }
    if (t->reading != NULL)
        world_take(t->ag->world, TAKE(t->reading));
    if (t->facts_changed)
        task_stage(t);
    t->phase++;
    t->next = t->ag->ready;
    t->ag->ready = t;
}

void
task_stage(struct task *t)
{
    receipts_stage_facts(t->ag->receipts, t->id, &t->facts);
    t->facts_changed = false;
}

struct task *
task_new(struct agent *ag, enum rec_op op, const struct receipt *r, const struct task_phase *phases,
         struct err *e)
{
    struct task *t = calloc(1, sizeof(*t));

    if (t == NULL)
        abort(); /* out of memory */
    t->ag = ag;
    t->op = op;
    t->phases = phases;
    t->facts = facts_current(ag, r);
    t->started_ms = clock_mono_ms();
    (void)snprintf(t->id, sizeof(t->id), "%s", r->id);
    if (t->facts.erasure != NULL)
        t->facts.erasure = arena_strdup(&t->a, t->facts.erasure);
    if (copy_order(t, r->envelope, e) < 0) {
        task_free(t);
        return NULL;
    }
    t->pool_path = ag->conf.pool_path;
    t->image_dir = ag->conf.image_dir;
    t->image_cache = arena_printf(&t->a, "%s/images.cache", ag->id.dir);
    (void)snprintf(t->serial_log, sizeof(t->serial_log), "%s/%s.log", ag->conf.serial_dir, r->id);
    t->job.run = job_run;
    t->job.done = job_done;
    (void)snprintf(t->job.key, sizeof(t->job.key), "%s", r->id);
    track_get(&ag->tracks, r->id)->busy = true;
    return t;
}

void
task_submit(struct task *t)
{
    const struct task_phase *p = &t->phases[t->phase];
    struct err e = {0};

    if (p->run == NULL) {
        finish(t);
        return;
    }
    if (facts_is_held(t->ag, t->id, clock_wall_ms())) { /* it came between two steps */
        (void)err_set(&e, BY_E_BUSY, "under emergency hold: stopped before '%s'",
                      call_text(p->call));
        task_fail(t, &e);
        return;
    }
    t->job.what = call_text(p->call);
    t->job.deadline_ms = p->disk ? DISK_DEADLINE_MS : 0;
    t->job.no_conn = p->disk || p->aside;
    if (workers_submit(p->disk ? t->ag->disk : t->ag->calls, &t->job, &e) < 0)
        task_fail(t, &e);
}

void
task_clear(struct task *t)
{
    reading_free(t->reading);
    strbuf_clear(&t->limits);
    strbuf_clear(&t->manual);
    arena_clear(&t->a);
}

void
task_free(struct task *t)
{
    if (t == NULL)
        return;
    if (t->acting)
        t->ag->shared->acting--;
    task_clear(t);
    free(t);
}
