#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/apply.h"
#include "agent/calls.h"
#include "agent/facts.h"
#include "agent/fetch.h"
#include "agent/link.h"
#include "agent/metrics.h"
#include "agent/papers.h"
#include "agent/sample.h"
#include "agent/shared.h"
#include "agent/task.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/notify.h"
#include "drivers/host/durable.h"
#include "drivers/host/segment.h"
#include "policies/recname.h"
#include "policies/reconcile.h"

enum {
    ACTIONS_MAX = 64,
    QUEUE_MAX = 256,
    CLOCK_JUMP_MS = 300000,
    WAIT_MAX_MS = 60000,
    BIN_COUNT_MS = 600000, /* how often time in the recycle bin is written down */
    WATCHDOG_MS = 10000,
    TRIM_MS = 2000, /* after a call: others may follow */
    OBSERVERS_MAX = 4,
    STOP_MS = 3000, /* for calls and overwrites under way, all together */
};

void
agent_wake(void *agent)
{
    struct agent *ag = agent;

    if (ag->among.wake != NULL)
        ag->among.wake(ag->among.arg);
    else if (ag->link != NULL)
        link_wake(ag->link);
}

void
agent_pool(struct agent *ag, int threads, struct workers_config *c)
{
    bool own = ag->among.watch == NULL || ag->among.threads;

    c->threads = own ? threads : 0;
    c->offer = own ? NULL : ag->among.offer;
    c->offer_arg = ag->among.arg;
    c->deadline_ms = (int)ag->conf.call_deadline_ms;
    c->wake = agent_wake;
    c->wake_arg = ag;
    c->ended = am_call_ended;
    c->ended_arg = ag->metrics;
}

bool
agent_run_call(struct agent *ag)
{
    return workers_run_one(ag->calls) || workers_run_one(ag->disk) || sampler_run_one(ag->sampler);
}

/* ---- observing ---- */

struct observe_job {
    struct worker_job job; /* first */
    struct agent *ag;
    struct reading *reading;
    struct virt_caps caps;
    uint64_t serial;
    char pool[W_ID], found[W_ID]; /* shared pool: which one must be there, and is */
};

static int
observe_run(struct worker_job *j, struct virt *v, struct err *e)
{
    struct observe_job *o = (struct observe_job *)j;

    if (shared_identify(o->ag, o->pool, o->found, e) < 0)
        return -1;
    if (!o->ag->has_caps && (v->ops->pool->ensure(v, e) < 0 || v->ops->caps(v, &o->caps, e) < 0))
        return -1;
    o->reading = reading_new();
    if (reading_all(o->reading, v, e) < 0)
        return -1;
    reading_segments(o->reading, o->ag->segments);
    return 0;
}

static void
observe_done(struct worker_job *j)
{
    struct observe_job *o = (struct observe_job *)j;
    struct agent *ag = o->ag;

    ag->observers--;
    if (o->serial != ag->observe_serial) { /* a later one took its place */
        reading_free(o->reading);
        free(o);
        return;
    }
    ag->observing_since_ms = clock_mono_ms();
    ag->observe_at_ms = ag->observing_since_ms + ag->conf.resync_ms;
    if (j->rc < 0) {
        if (ag->observe_err.code == BY_E_OK)
            log_warn("observe.failed", "reason=" LOG_Q, j->err.msg);
        ag->observe_err = j->err;
        reading_free(o->reading);
    } else {
        if (ag->observe_err.code != BY_E_OK)
            log_info("observe.restored", "libvirt answers again");
        err_clear(&ag->observe_err);
        if (!ag->has_caps)
            ag->caps = o->caps;
        ag->has_caps = true;
        world_take(ag->world, o->reading);
        shared_found(ag->shared, o->found);
    }
    ag->dirty = true;
    link_touch(ag->link);
    free(o);
}

static void
observe_start(struct agent *ag)
{
    struct observe_job *o = calloc(1, sizeof(*o));
    struct err e = {0};

    if (o == NULL)
        abort(); /* out of memory */
    o->ag = ag;
    o->serial = ++ag->observe_serial;
    memcpy(o->pool, ag->shared->id, sizeof(o->pool));
    o->job.what = call_text(CALL_READ_ALL);
    o->job.run = observe_run;
    o->job.done = observe_done;
    if (workers_submit(ag->calls, &o->job, &e) < 0) {
        free(o);
        ag->observe_at_ms = clock_mono_ms() + ag->conf.resync_ms;
        return;
    }
    ag->observers++;
    if (ag->observers == 1)
        ag->observing_since_ms = clock_mono_ms();
}

/* Due, and none is under way; or the one under way hangs, and another connection may not. */
static bool
observe_due(const struct agent *ag, int64_t now)
{
    if (ag->observers == 0)
        return now >= ag->observe_at_ms;
    return ag->observers < OBSERVERS_MAX &&
           now - ag->observing_since_ms > 2 * ag->conf.call_deadline_ms * ag->observers;
}

/* ---- deciding ---- */

/* A resource whose last call failed is judged again after a whole reading that began later. */
static bool
may_act(struct agent *ag, struct track *k)
{
    if (k->busy)
        return false;
    if (k->stale_ns != 0 && world_read_at(ag->world) <= k->stale_ns)
        return false;
    k->stale_ns = 0;
    return true;
}

static void
remember_equal(struct agent *ag, const struct rec_world *w)
{
    for (size_t i = 0; i < w->n_wants; i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);
        struct rec_verdict v;
        struct track *k;

        if (t->facts.seen_once)
            continue;
        v = reconcile_judge(w, &w->wants[i]);
        if (!v.equal || v.seen == REC_SEEN_BINNED || v.seen == REC_SEEN_ABSENT)
            continue; /* what was never made can be binned, too */
        k = track_get(&ag->tracks, t->id);
        k->seen_once = true; /* in the receipt with its next facts, at the latest at the resync */
    }
}

static void
decide_once(struct agent *ag, const struct rec_world *w)
{
    struct rec_action acts[ACTIONS_MAX];
    size_t n = reconcile(w, acts, ACTIONS_MAX);

    for (size_t i = 0; i < n; i++) {
        const struct receipt *t = receipts_at(ag->receipts, acts[i].want);
        struct track *k = track_get(&ag->tracks, t->id);
        struct err e = {0};

        if (!may_act(ag, k))
            continue;
        metric_add(ag->metrics, AM_ACTIONS, acts[i].op, 1);
        if (apply_begin(ag, &acts[i], t, &e) < 0) {
            metric_add(ag->metrics, AM_ACTION_FAILURES, acts[i].op, 1);
            track_failed(k, &e, clock_mono_ms());
            log_warn("action.failed", "op=%s resource=%s reason=" LOG_Q, rec_op_name(acts[i].op),
                     t->id, e.msg);
        }
    }
}

/* Make durable what was staged, then let the waiting tasks go on. */
static void
commit_and_submit(struct agent *ag)
{
    struct task *t = ag->ready, *next;
    struct err e = {0};
    int rc = receipts_commit(ag->receipts, &e);

    ag->ready = NULL;
    if (rc < 0) {
        log_error("receipts.failed", "nothing is begun; reason=" LOG_Q, e.msg);
        link_forget(ag->link);
    }
    for (; t != NULL; t = next) {
        next = t->next;
        if (rc < 0)
            task_fail(t, &e);
        else
            task_submit(t);
    }
}

static void
decide(struct agent *ag)
{
    /* A fact alone (recycle bin) asks for another look at once; it never takes more than a few. */
    for (int round = 0; round < 4 && (ag->dirty || ag->ready != NULL); round++) {
        SCOPED(arena) struct arena a = {0};
        struct rec_world w;

        commit_and_submit(ag);
        if (!ag->dirty)
            continue;
        ag->dirty = false;
        facts_build(ag, clock_wall_ms(), clock_mono_ms(), &a, &w);
        remember_equal(ag, &w);
        decide_once(ag, &w);
        commit_and_submit(ag);
        link_touch(ag->link);
    }
}

/* When time alone would change the decision: holds, graces, plans, retries. */
static int64_t
next_time(const struct agent *ag, int64_t wall, int64_t mono)
{
    int64_t best = ag->conf.resync_ms;

    for (size_t i = 0; i < receipts_count(ag->receipts); i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);
        const struct track *k = track_find(&ag->tracks, t->id);
        int64_t binned = receipt_binned_ms(&t->facts, wall, mono, ag->host.boot);
        int64_t times[4] = {
            t->not_before_ms - wall,
            t->facts.stop_asked_ms == 0 ? 0
                                        : t->facts.stop_asked_ms + ag->conf.stop_grace_ms - wall,
            binned < 0 ? 0 : t->hold_ms - binned,
            k == NULL ? 0 : k->retry_mono_ms - mono,
        };

        for (size_t j = 0; j < ARRAY_LEN(times); j++)
            if (times[j] > 0 && times[j] < best)
                best = times[j];
    }
    for (size_t i = 0; i < ag->holds.n; i++) {
        int64_t in = JM_ITEM(ag->holds, struct w_hold, i)->until_ms - wall;

        if (in > 0 && in < best)
            best = in;
    }
    return best;
}

/* ---- clocks ---- */

static void
watch_clock(struct agent *ag)
{
    int64_t base = clock_wall_ms() - clock_mono_ms(), off = base - ag->clock_base_ms;

    if (off < CLOCK_JUMP_MS && off > -CLOCK_JUMP_MS) {
        /* Slow correction is trusted, a jump is not. */
        if (!ag->clock_suspect)
            ag->clock_base_ms = base;
        return;
    }
    if (!ag->clock_suspect)
        log_error("clock.jump",
                  "by_ms=%lld nothing is erased until the controller's signed time "
                  "agrees",
                  (long long)off);
    ag->clock_suspect = true;
}

/* Time in the recycle bin, by the clock that nobody can set, survives a reboot by being written. */
static void
count_bins(struct agent *ag, int64_t mono)
{
    for (size_t i = 0; i < receipts_count(ag->receipts); i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);
        struct track *k = track_get(&ag->tracks, t->id);
        struct receipt_facts f = facts_current(ag, t);
        bool count =
            f.binned_at_ms != 0 && !f.absent &&
            (strcmp(f.binned_boot, ag->host.boot) != 0 || mono - f.binned_mono_ms > BIN_COUNT_MS);

        if (k->busy || (!count && f.seen_once == t->facts.seen_once && f.told == t->facts.told))
            continue;
        if (count)
            receipt_binned_count(&f, mono, ag->host.boot);
        receipts_stage_facts(ag->receipts, t->id, &f);
    }
}

/* ---- start, rounds, stop ---- */

static int
workers_start(struct agent *ag, struct err *e)
{
    struct workers_config c = {
        .virt = {.uri = ag->conf.libvirt_uri,
                 .pool_name = ag->conf.pool_name,
                 .pool_path = ag->conf.pool_path,
                 .forbid_kvm = ag->conf.forbid_kvm},
        .max_stuck = (int)ag->conf.stuck_max,
        .queue_max = QUEUE_MAX,
    };

    agent_pool(ag, (int)ag->conf.workers, &c);
    if (workers_new(&c, &ag->calls, e) < 0)
        return -1;
    agent_pool(ag, 1, &c); /* one overwrite at a time leaves the disk to the guests */
    return workers_new(&c, &ag->disk, e);
}

/* By default in our own folder; libvirt needs the whole path. */
static int
serial_dir_set(struct agent *ag, const char *dir, struct err *e)
{
    SCOPED(free) char *whole = NULL;
    int n;

    if (ag->conf.serial_dir[0] != '\0')
        return 0;
    whole = realpath(dir, NULL);
    if (whole == NULL)
        return durable_errno(e, errno, "find", dir);
    n = snprintf(ag->conf.serial_dir, sizeof(ag->conf.serial_dir), "%s/serial", whole);
    return n < (int)sizeof(ag->conf.serial_dir)
               ? 0
               : err_set(e, BY_E_INVALID, "%s: the path is too long", whole);
}

/* Said, or in our own folder; NULL: defaults. */
static const char *
config_file(const struct agent_options *o, struct arena *a)
{
    const char *own = arena_printf(a, "%s/agent.conf", o->dir);

    if (o->config_file != NULL)
        return o->config_file;
    return access(own, F_OK) == 0 ? own : NULL;
}

/* The fake hypervisor's world has its segments too. */
static const char *
fake_world(const char *uri)
{
    static const char scheme[] = "fake://";

    return strncmp(uri, scheme, strlen(scheme)) == 0 ? uri + strlen(scheme) : NULL;
}

int
agent_open(struct agent *ag, const struct agent_options *o, struct err *e)
{
    ag->lock_fd = -1;
    ag->among = o->among;
    if (agent_config_load(config_file(o, &ag->forever), &ag->conf, e) < 0 ||
        ident_load(o->dir, &ag->forever, &ag->id, e) < 0 ||
        ident_lock(o->dir, DURABLE_ENDING_MS, &ag->lock_fd, e) < 0 ||
        hostinfo_read(&ag->host, e) < 0 || sigkey_load(ag->id.key_file, &ag->key, e) < 0 ||
        receipts_open(ag->id.receipts_dir, ag->id.receipts, &ag->receipts, e) < 0 ||
        papers_keyring(&ag->id, ag->receipts, &ag->keys, e) < 0 || papers_load_holds(ag, e) < 0)
        return -1;
    if (ag->among.boot != NULL)
        (void)snprintf(ag->host.boot, sizeof(ag->host.boot), "%s", ag->among.boot);
    if (serial_dir_set(ag, o->dir, e) < 0 || durable_mkdirs(ag->conf.serial_dir, 0755, e) < 0)
        return -1;
    if (ag->conf.debug)
        log_level_set(LOG_LV_DEBUG);
    if (receipts_lost(ag->receipts))
        log_error("receipts.lost",
                  "dir=" LOG_Q " nothing new is started until the controller has "
                  "restated everything",
                  ag->id.receipts_dir);
    if (segments_open(fake_world(ag->conf.libvirt_uri), &ag->segments, e) < 0)
        return -1;
    ag->world = world_new();
    ag->dirty = true;
    ag->clock_base_ms = clock_wall_ms() - clock_mono_ms();
    if (am_open(ag, e) < 0 || workers_start(ag, e) < 0 || link_new(ag, &ag->link, e) < 0 ||
        fetch_new(ag, &ag->fetch, e) < 0 || shared_open(ag, &ag->shared, e) < 0)
        return -1;
    return sampler_new(ag, &ag->sampler, e);
}

static int
smaller(int a, int64_t b)
{
    return b < 0 ? 0 : b < a ? (int)b : a;
}

/* Reading everything takes memory for a moment; what is left over of it goes back.  Returns
 * milliseconds until the next time. */
static int64_t
trim(struct agent *ag, int64_t now)
{
    if (ag->trim_at_ms == 0)
        return WAIT_MAX_MS;
    if (now < ag->trim_at_ms)
        return ag->trim_at_ms - now;
    ag->trim_at_ms = 0;
    (void)malloc_trim(0); /* 0: there was nothing to give back */
    return WAIT_MAX_MS;
}

int
agent_round(struct agent *ag)
{
    int64_t now = clock_mono_ms();
    int wait = WATCHDOG_MS;

    if (workers_run_done(ag->disk) + workers_run_done(ag->calls) > 0 && ag->trim_at_ms == 0 &&
        ag->among.watch == NULL)
        ag->trim_at_ms = now + TRIM_MS;
    wait = smaller(wait, trim(ag, now));
    wait = smaller(wait, workers_tick(ag->calls, now));
    wait = smaller(wait, workers_tick(ag->disk, now));
    fetch_step(ag->fetch);
    wait = smaller(wait, shared_step(ag->shared, now));
    watch_clock(ag);
    if (observe_due(ag, now)) {
        count_bins(ag, now);
        observe_start(ag);
    }
    if (now >= ag->decide_at_ms)
        ag->dirty = true;
    decide(ag);
    ag->decide_at_ms = now + next_time(ag, clock_wall_ms(), now);
    wait = smaller(wait, ag->decide_at_ms - now);
    wait = smaller(wait, sampler_step(ag->sampler, now));
    wait = smaller(wait, link_step(ag->link, now));
    wait = smaller(wait, am_round(ag, now));
    return ag->observers > 0 ? wait : smaller(wait, ag->observe_at_ms - now);
}

/* No new calls; those under way have so long together.  false: some still runs, and uses what it
 * was given. */
static bool
stop_workers(struct agent *ag)
{
    int64_t until = clock_mono_ms() + STOP_MS;
    bool gone = true;

    if (ag->disk != NULL)
        gone = workers_stop(ag->disk, STOP_MS);
    if (ag->calls != NULL)
        gone = workers_stop(ag->calls, smaller(STOP_MS, until - clock_mono_ms())) && gone;
    if (ag->sampler != NULL)
        gone = sampler_stop(ag->sampler, smaller(STOP_MS, until - clock_mono_ms())) && gone;
    return gone;
}

/* Their next step is not begun; the next start finds where they were. */
static void
drop_ready(struct agent *ag)
{
    while (ag->ready != NULL) {
        struct task *t = ag->ready;

        ag->ready = t->next;
        task_free(t);
    }
}

bool
agent_close(struct agent *ag)
{
    atomic_store(&ag->stopping, true);
    if (!stop_workers(ag)) {
        log_warn("stop", "calls to the hypervisor still hang; nothing is freed");
        return false;
    }
    workers_free(ag->disk); /* hands back the last results, which look at the rest */
    workers_free(ag->calls);
    drop_ready(ag);
    fetch_free(ag->fetch);
    shared_free(ag->shared);
    sampler_free(ag->sampler);
    link_free(ag->link);
    receipts_free(ag->receipts);
    keyring_free(ag->keys);
    sigkey_free(ag->key);
    world_free(ag->world);
    segments_free(ag->segments);
    tracks_clear(&ag->tracks);
    metrics_free(TAKE(ag->metrics));
    arena_clear(&ag->holds_arena);
    arena_clear(&ag->forever);
    if (ag->lock_fd >= 0)
        (void)close(ag->lock_fd); /* ends the lock; nothing was written to it */
    return true;
}

void
agent_wait(struct agent *ag, int wait_ms)
{
    link_run(ag->link, wait_ms);
}

/* Waits for the signals that end the program; every other thread holds them. */
static void *
signal_main(void *arg)
{
    struct agent *ag = arg;
    int sig = 0;

    (void)sigwait(&ag->ends, &sig);
    atomic_store(&ag->stopping, true);
    agent_wake(ag);
    return NULL;
}

/* Once everything is open: the thread looks at it, and nothing is closed before the process ends.
 */
static int
signals_start(struct agent *ag, const sigset_t *ends, struct err *e)
{
    pthread_t t;
    int rc;

    ag->ends = *ends;
    rc = pthread_create(&t, NULL, signal_main, ag);
    if (rc != 0)
        return err_set(e, BY_E_NOMEM, "cannot start a thread: %s", strerror(rc));
    (void)pthread_detach(t);
    return 0;
}

/* Crash-only: what was acknowledged is durable.  Calls under way may end, what they found is
 * written down, and the process goes as a whole: threads of libvirt, of libcurl and those that hang
 * still use what it has, and tearing it apart under them could only go wrong. */
static _Noreturn void
agent_end(struct agent *ag)
{
    struct err e = {0};

    if (!stop_workers(ag))
        log_warn("stop", "calls to the hypervisor still hang; ending without them");
    (void)workers_run_done(ag->disk);
    (void)workers_run_done(ag->calls);
    if (receipts_commit(ag->receipts, &e) < 0)
        log_warn("stop", "what ended last is found out again at the next start; reason=" LOG_Q,
                 e.msg);
    _exit(0);
}

int
agent_run(const struct agent_options *o, struct err *e)
{
    static struct agent ag;        /* outlives this call: a call that hangs may still look at it */
    (void)mallopt(M_ARENA_MAX, 1); /* threads that wait must not each keep memory */
    ag.lock_fd = -1;
    if (agent_open(&ag, o, e) < 0 || signals_start(&ag, o->ends, e) < 0) {
        (void)agent_close(&ag); /* what still runs goes with the process */
        return -1;
    }
    log_info("start", "host=%s name=%s receipts=%zu version=%s", ag.id.host, ag.id.name,
             receipts_count(ag.receipts), BY_VERSION);
    notify_send("READY=1");
    while (!atomic_load(&ag.stopping)) {
        int wait = agent_round(&ag);

        notify_alive();
        agent_wait(&ag, wait);
    }
    notify_send("STOPPING=1");
    log_info("stop", "asked to");
    agent_end(&ag);
}
