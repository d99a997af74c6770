#include "controller/commit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/auth.h"
#include "controller/controller.h"
#include "controller/hosttable.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "controller/metrics.h"
#include "controller/watching.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"

struct item {
    struct item *next;
    commit_step step;
    commit_done done;
    void *arg;
    struct err err; /* of this step; BY_E_OK: kept */
};

struct commit {
    struct controller *c;
    struct db *d; /* writer thread only, as all up to the lock */
    struct ledger_tail tail;
    int64_t revision;
    bool stale;         /* the last commit failed: what is above must be read again */
    bool crowded;       /* the last group had company: worth waiting for more */
    int64_t wall, mono; /* clocks at the last commit; mono 0: none yet */
    pthread_t thread;
    bool started;
    _Atomic int64_t turn_ms; /* when the running group began, 0 none */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t more;
    struct item *head, **tail_item;
    size_t queued;
    bool stop;
};

/* ---- the queue ------------------------------------------------------------------------------ */

int
commit_submit(struct commit *w, commit_step step, commit_done done, void *arg, struct err *e)
{
    struct item *it = calloc(1, sizeof(*it));
    bool taken = false;

    if (it == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    *it = (struct item){.step = step, .done = done, .arg = arg};
    (void)pthread_mutex_lock(&w->lock);
    if (w->queued < COMMIT_QUEUE && !w->stop) {
        *w->tail_item = it;
        w->tail_item = &it->next;
        w->queued++;
        taken = true;
        (void)pthread_cond_signal(&w->more);
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (taken)
        return 0;
    free(it);
    return err_set(e, BY_E_BUSY, "too many changes wait to be written: try again in a moment");
}

static struct timespec
commit_deadline(int64_t mono_ns)
{
    return (struct timespec){.tv_sec = mono_ns / 1000000000, .tv_nsec = mono_ns % 1000000000};
}

/* The next item; waits until until_ns (monotonic), 0: without end, -1: not at all. */
static struct item *
commit_next(struct commit *w, int64_t until_ns)
{
    struct timespec ts = commit_deadline(until_ns > 0 ? until_ns : 0);
    struct item *it;
    int rc = 0;

    (void)pthread_mutex_lock(&w->lock);
    while (w->head == NULL && !w->stop && until_ns >= 0 && rc == 0)
        rc = until_ns == 0 ? pthread_cond_wait(&w->more, &w->lock)
                           : pthread_cond_timedwait(&w->more, &w->lock, &ts);
    it = w->head;
    if (it != NULL) {
        w->head = it->next;
        if (w->head == NULL)
            w->tail_item = &w->head;
        w->queued--;
        it->next = NULL;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return it;
}

/* ---- one group ------------------------------------------------------------------------------ */

static int
commit_reload(struct commit *w, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (ledger_load_tail(w->d, &w->tail, e) < 0 ||
        DB_QUERY(w->d, DB_COUNTER_GET, &r, e, DBS("revision")) < 0 || db_next(r, e) != 1)
        return err_wrap(e, "store");
    w->revision = db_int(r, 0);
    return 0;
}

static int
commit_begin(struct commit *w, struct group *g, struct err *e)
{
    *g = (struct group){.c = w->c, .d = w->d};
    if (w->stale) {
        if (commit_reload(w, e) < 0 ||
            live_load(w->c->live, w->d, w->c->order_key, w->c->mono_ms(), e) < 0 ||
            controller_load_people(w->c, w->d, e) < 0)
            return -1;
        w->stale = false;
    }
    g->s.tail = w->tail;
    g->s.revision = w->revision;
    return db_begin(w->d, e);
}

static void
commit_clock_flag(struct controller *c, void *arg)
{
    const struct group *g = arg;

    live_jump_begin(c->live, g->jumped_wall_ms, g->jumped_mono_ms);
}

static int64_t
commit_now(const struct commit *w, const struct group *g)
{
    if (g->jumped && !controller_clock_jumped(w->c))
        return g->jumped_wall_ms + (w->c->mono_ms() - g->jumped_mono_ms);
    return controller_now_ms(w->c);
}

/* Wall time against monotonic time since the last group; after a start against the ledger. */
static int
commit_clock(struct commit *w, struct group *g, int64_t wall, int64_t mono, struct err *e)
{
    struct tx t = {.c = w->c, .d = w->d, .group = g};
    int64_t expect = w->mono != 0 ? w->wall + (mono - w->mono) : wall;
    int64_t fall = w->tail.at_ms - wall;
    char body[128];

    if (w->mono == 0 && fall > CLOCK_JUMP_MS)
        expect = w->tail.at_ms;
    if (llabs(wall - expect) <= CLOCK_JUMP_MS)
        return 0;
    log_warn("clock.jumped", "expected_ms=%" PRId64 " found_ms=%" PRId64, expect, wall);
    (void)snprintf(body, sizeof(body), "{\"expected_ms\":%" PRId64 ",\"found_ms\":%" PRId64 "}",
                   expect, wall);
    g->jumped = true;
    g->jumped_wall_ms = expect;
    g->jumped_mono_ms = mono;
    t.now_ms = commit_now(w, g);
    if (t.now_ms < w->tail.at_ms)
        t.now_ms = w->tail.at_ms;
    if (ledger_append(&t, "controller", "clock.jumped", w->c->store, body, e) < 0 ||
        meta_set_int(w->d, META_CLOCK_JUMP, 1, e) < 0)
        return -1;
    commit_after(&t, commit_clock_flag, g);
    return 0;
}

/* -1: the store itself is in trouble and the whole group with it. */
static int
commit_step_run(struct commit *w, struct group *g, struct item *it, struct err *e)
{
    struct group_state before = g->s;
    struct tx t = {.c = w->c, .d = w->d, .group = g};

    t.now_ms = commit_now(w, g);
    if (t.now_ms < g->s.tail.at_ms)
        t.now_ms = g->s.tail.at_ms;
    if (db_savepoint(w->d, e) < 0)
        return -1;
    if (it->step(it->arg, &t, &it->err) == 0)
        return db_savepoint_release(w->d, e);
    if (it->err.code == BY_E_OK)
        (void)err_set(&it->err, BY_E_BUG, "a step failed without saying why");
    g->s = before;
    if (it->err.code == BY_E_NO_SPACE || it->err.code == BY_E_IO) {
        *e = it->err;
        return -1;
    }
    db_savepoint_rollback(w->d);
    hosttable_taken_back(w->c->hosts);
    return 0;
}

/* *tried: the store was asked to commit, so that a failure does not say what is kept. */
static int
commit_seal(struct commit *w, struct group *g, bool *tried, struct err *e)
{
    int64_t now = commit_now(w, g);

    if (now < g->s.tail.at_ms)
        now = g->s.tail.at_ms;
    if (issue_seal(g, e) < 0 || ledger_seal(g, now, e) < 0)
        return -1;
    *tried = true;
    return db_commit(w->d, e);
}

static void
commit_wake(struct commit *w, const struct group *g)
{
    for (struct group_touch *h = g->s.touches; h != NULL && w->c->wake_host != NULL; h = h->next)
        w->c->wake_host(w->c, h->host);
    watching_commit(w->c->watching);
}

/* Whether it is kept is the store's to say.  What is in memory is read again before the next group;
 * hosts look at once, or what is kept after all would wait for the end of their polls. */
static void
commit_unkept(struct commit *w, const struct group *g, size_t n, bool tried, struct err *e)
{
    db_rollback(w->d);
    hosttable_taken_back(w->c->hosts);
    hosttable_kept(w->c->hosts);
    w->stale = true;
    log_error("commit.failed", "steps=%zu reason=" LOG_Q, n, e->msg);
    if (!tried) {
        (void)err_wrap(e, "nothing of this was kept");
        return;
    }
    commit_wake(w, g);
    (void)err_wrap(e, "whether this was kept is not known, ask again under the same request id");
}

static void
commit_published(struct commit *w, struct group *g)
{
    struct group_hook *hooks = NULL;

    w->tail = g->s.tail;
    w->revision = g->s.revision;
    hosttable_kept(w->c->hosts);
    if (g->head != NULL)
        live_set_head(w->c->live, g->head, g->s.tail.seq, g->s.tail.at_ms);
    while (g->s.hooks != NULL) { /* oldest first */
        struct group_hook *h = g->s.hooks;

        g->s.hooks = h->next;
        h->next = hooks;
        hooks = h;
    }
    for (; hooks != NULL; hooks = hooks->next)
        hooks->fn(w->c, hooks->arg);
    commit_wake(w, g);
}

/* Take what waits until the group is full or has run for long, and wait for more until 2 ms are
 * over; each is kept in list whatever happens. */
static int
commit_gather(struct commit *w, struct group *g, struct item *it, struct item **list, size_t *n,
              struct err *e)
{
    int64_t from = clock_mono_ns(), until = from + COMMIT_GATHER_MS * INT64_C(1000000);
    int64_t end = from + COMMIT_LONG_MS * INT64_C(1000000);
    int rc = 0;

    while (it != NULL) {
        list[(*n)++] = it;
        if (rc == 0)
            rc = commit_step_run(w, g, it, e);
        if (rc < 0 || *n == COMMIT_GROUP || clock_mono_ns() >= end)
            break;
        it = commit_next(w, w->crowded && clock_mono_ns() < until ? until : -1);
    }
    return rc;
}

static void
commit_counted(struct metrics *m, size_t n, int64_t begun_ns, int rc)
{
    if (rc < 0) {
        metric_add(m, CM_COMMIT_FAILURES, 0, 1);
        return;
    }
    metric_observe(m, CM_COMMIT_SECONDS, 0, clock_mono_ns() - begun_ns);
    metric_observe(m, CM_COMMIT_STEPS, 0, (int64_t)n);
}

static void
commit_turn(struct commit *w, struct item *first)
{
    struct item *list[COMMIT_GROUP];
    struct group g = {0};
    struct err e = {0};
    size_t n = 0;
    int64_t wall = w->c->wall_ms(), mono = w->c->mono_ms(), begun = clock_mono_ns();
    bool tried = false;
    int rc;

    atomic_store(&w->turn_ms, clock_mono_ms());
    rc = commit_begin(w, &g, &e);
    if (rc == 0)
        rc = commit_clock(w, &g, wall, mono, &e);
    if (rc < 0)
        list[n++] = first;
    else
        rc = commit_gather(w, &g, first, list, &n, &e);
    if (rc == 0)
        rc = commit_seal(w, &g, &tried, &e);
    commit_counted(w->c->metrics, n, begun, rc);
    if (rc == 0) {
        w->wall = wall;
        w->mono = mono;
        live_clock_seen(w->c->live, wall, mono);
        commit_published(w, &g);
    } else {
        commit_unkept(w, &g, n, tried, &e);
    }
    w->crowded = n > 1;
    for (size_t i = 0; i < n; i++) {
        const struct err *why = list[i]->err.code != BY_E_OK ? &list[i]->err : NULL;

        list[i]->done(list[i]->arg, rc < 0 ? &e : why);
        free(list[i]);
    }
    arena_clear(&g.arena);
    atomic_store(&w->turn_ms, 0);
}

static void *
commit_main(void *arg)
{
    struct commit *w = arg;
    struct item *it;

    while ((it = commit_next(w, 0)) != NULL)
        commit_turn(w, it);
    return NULL;
}

/* ---- for steps ------------------------------------------------------------------------------ */

int
commit_touch_host(struct tx *t, const char *host, struct err *e)
{
    struct group *g = t->group;
    struct group_touch *h;

    if (strlen(host) >= sizeof(h->host))
        return err_set(e, BY_E_BUG, "no host id: %s", host);
    g->s.revision++;
    g->s.revised = true;
    h = arena_alloc(&g->arena, sizeof(*h));
    (void)snprintf(h->host, sizeof(h->host), "%s", host);
    h->revision = g->s.revision;
    h->next = g->s.touches;
    g->s.touches = h;
    return 0;
}

void
commit_after(struct tx *t, void (*fn)(struct controller *c, void *arg), void *arg)
{
    struct group *g = t->group;
    struct group_hook *h = arena_alloc(&g->arena, sizeof(*h));

    *h = (struct group_hook){.next = g->s.hooks, .fn = fn, .arg = arg};
    g->s.hooks = h;
}

bool
tx_clock_jumped(const struct tx *t)
{
    return t->group->jumped || controller_clock_jumped(t->c);
}

struct arena *
tx_arena(struct tx *t)
{
    return &t->group->arena;
}

/* ---- waiting -------------------------------------------------------------------------------- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    commit_step step;
    void *arg;
    bool over;
    struct err err;
};

static int
waiter_step(void *arg, struct tx *t, struct err *e)
{
    struct waiter *x = arg;

    return x->step(x->arg, t, e);
}

static void
waiter_done(void *arg, const struct err *e)
{
    struct waiter *x = arg;

    (void)pthread_mutex_lock(&x->lock);
    if (e != NULL)
        x->err = *e;
    x->over = true;
    (void)pthread_cond_signal(&x->done);
    (void)pthread_mutex_unlock(&x->lock);
}

int
commit_run(struct commit *w, commit_step step, void *arg, struct err *e)
{
    struct waiter x = {.lock = PTHREAD_MUTEX_INITIALIZER,
                       .done = PTHREAD_COND_INITIALIZER,
                       .step = step,
                       .arg = arg};

    if (commit_submit(w, waiter_step, waiter_done, &x, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&x.lock);
    while (!x.over) /* ends: every queued item is answered, also at the stop */
        (void)pthread_cond_wait(&x.done, &x.lock);
    (void)pthread_mutex_unlock(&x.lock);
    if (x.err.code == BY_E_OK)
        return 0;
    if (e != NULL)
        *e = x.err;
    return -1;
}

/* ---- life ----------------------------------------------------------------------------------- */

size_t
commit_queued(struct commit *w)
{
    size_t n;

    (void)pthread_mutex_lock(&w->lock);
    n = w->queued;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

bool
commit_alive(struct commit *w, int64_t max_ms)
{
    int64_t since = atomic_load(&w->turn_ms);

    return since == 0 || clock_mono_ms() - since <= max_ms;
}

int
commit_new(struct controller *c, struct commit **out, struct err *e)
{
    struct commit *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;

    if (w == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    w->c = c;
    w->tail_item = &w->head;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->more, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (db_open(c->store_path, false, &w->d, e) < 0 || commit_reload(w, e) < 0 ||
        hosttable_new(c, &c->hosts, e) < 0 || hosttable_load(c->hosts, w->d, e) < 0) {
        commit_free(w);
        return -1;
    }
    if (pthread_create(&w->thread, NULL, commit_main, w) != 0) {
        commit_free(w);
        return err_set(e, BY_E_NOMEM, "no thread for the writer");
    }
    (void)pthread_setname_np(w->thread, "writer"); /* only for people who look */
    w->started = true;
    *out = w;
    return 0;
}

void
commit_free(struct commit *w)
{
    if (w == NULL)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_cond_broadcast(&w->more);
    (void)pthread_mutex_unlock(&w->lock);
    if (w->started)
        (void)pthread_join(w->thread, NULL);
    hosttable_free(TAKE(w->c->hosts));
    db_free(w->d);
    (void)pthread_cond_destroy(&w->more);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
