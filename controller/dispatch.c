#include "controller/dispatch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/hostauth.h"
#include "controller/hosttable.h"
#include "controller/metrics.h"
#include "controller/parking.h"
#include "controller/policy.h"
#include "controller/recovery.h"
#include "controller/server.h"
#include "controller/steward.h"
#include "controller/underlay.h"
#include "controller/waiting.h"
#include "controller/witness.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/scope.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/net/httpd.h"

enum { PARKED_MAX = 30000, WAIT_RECOVERY_MS = 3000, WAIT_MAX_MS = 60000, SPREAD_MAX_MS = 25000 };
enum { ENTRIES_MAX = 600, ENTRIES_MS = 600000 }; /* of a host in the ledger */

/* How often a host was touched: a poll that read before the touch and parks after it must not
 * sleep.  Hosts share buckets; a false wake costs one look. */
struct dispatch {
    struct controller *c;
    struct waiting *waiting;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t cond;  /* an earlier end of a wait, or stop */
    bool stop;
    int64_t asleep_until_ms; /* the thread; 0: until it is told */
    struct parking parking;
    uint64_t touched[PARKING_BUCKETS];
};

static uint64_t
touches(struct dispatch *d, const char *host)
{
    uint64_t v;

    (void)pthread_mutex_lock(&d->lock);
    v = d->touched[parking_bucket(host)];
    (void)pthread_mutex_unlock(&d->lock);
    return v;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void
answer_frame(struct controller *c, struct arena *a, uint64_t cursor, struct w_desired_answer *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->store, c->store, sizeof(out->store));
    out->term = controller_term(c);
    out->recovery = controller_recovery(c);
    out->head = controller_head(c, a);
    out->revision = cursor;
}

static int
answer_orders(struct db *db, const struct host_flow_row *h, uint64_t cursor, struct arena *a,
              struct w_desired_answer *out, bool *news, struct err *e)
{
    struct host_papers p;
    uint64_t revision;
    bool full;

    /* Read before the orders: a commit in between makes the next poll see it again, never less. */
    revision = h->revision > 0 ? (uint64_t)h->revision : 1;
    full = cursor == 0 || cursor > revision;
    if (!full && cursor == revision)
        return 0;
    if (host_papers_load(db, h->id, full ? 0 : cursor, a, &p, e) < 0)
        return -1;
    out->orders = p.orders;
    out->grants = p.grants;
    out->plans = p.plans;
    out->keys = p.keys;
    if (p.orders.n >= 4096) /* cut: the rest is for the next poll, and this is not the whole set */
        revision = p.revision;
    out->full = full && p.orders.n < 4096;
    out->revision = revision > p.revision ? revision : p.revision;
    *news = true;
    return 0;
}

int
dispatch_answer(struct controller *c, struct db *db, const char *host,
                const struct w_desired_request *in, int64_t now_ms, struct arena *a,
                struct w_desired_answer *out, bool *news, struct err *e)
{
    struct host_flow_row h;

    answer_frame(c, a, in->cursor, out);
    *news = false;
    /* By a clock that jumped no hold is over; the host ends it by its own. */
    if (hold_in_force(db, host, controller_clock_jumped(c) ? 0 : now_ms, a, &out->holds, e) < 0 ||
        host_flow_get(db, host, &h, e) < 0)
        return -1;
    if (out->recovery)
        return 0;
    if (answer_orders(db, &h, in->cursor, a, out, news, e) < 0)
        return -1;
    return h.pool[0] == '\0' ? 0 : steward_news(db, host, in->steward_term, a, out, news, e);
}

/* ---- parked polls --------------------------------------------------------------------------- */

/* The poll's time is over: say so with the newest head, which is all there is to say. */
static void
reply_empty(struct parked *p)
{
    struct api_call *k = p->k;
    struct w_desired_answer *out = k->out;

    free(p);
    out->head = controller_head(k->c, k->a); /* every answer carries the newest: hosts witness it */
    server_answer(k);
}

/* Look again on a reader. */
static void
look_again(struct parked *p)
{
    struct api_call *k = p->k;
    struct err e = {0};

    free(p);
    k->parked = NULL;
    if (server_resume(k, &e) < 0)
        server_fail(k, &e); /* the agent asks again, with its jitter */
}

static void
each_taken(struct parked *p, void (*fn)(struct parked *p))
{
    while (p != NULL) {
        struct parked *next = p->next;

        fn(p);
        p = next;
    }
}

void
dispatch_wake(struct controller *c, const char *host)
{
    struct dispatch *d = c->dispatch;
    struct parked *p;

    if (d == NULL)
        return;
    waiting_begin(d->waiting, host, clock_mono_ns());
    (void)pthread_mutex_lock(&d->lock);
    d->touched[parking_bucket(host)]++;
    p = parking_take_host(&d->parking, host);
    (void)pthread_mutex_unlock(&d->lock);
    each_taken(p, look_again);
}

size_t
dispatch_parked(struct dispatch *d)
{
    size_t n;

    (void)pthread_mutex_lock(&d->lock);
    n = d->parking.n;
    (void)pthread_mutex_unlock(&d->lock);
    return n;
}

/* The client died while it waited: the reply is owed all the same, and dropped. */
static void
on_gone(struct http_req *req, void *arg)
{
    struct dispatch *d = arg;
    struct parked *p;

    (void)pthread_mutex_lock(&d->lock);
    p = parking_take_req(&d->parking, req);
    (void)pthread_mutex_unlock(&d->lock);
    each_taken(p, reply_empty);
}

/* The server's last act on a poll without news. */
static void
park(struct api_call *k)
{
    struct dispatch *d = k->c->dispatch;
    struct parked *p = k->parked;
    bool ok;

    http_req_on_gone(k->req, on_gone, d);
    (void)pthread_mutex_lock(&d->lock);
    ok = !d->stop && d->parking.n < PARKED_MAX;
    /* Touched since it looked: there is news, and nobody would wake it. */
    if (ok && d->touched[parking_bucket(p->host)] == p->touched) {
        parking_add(&d->parking, p);
        if (d->asleep_until_ms == 0 || p->deadline_mono_ms < d->asleep_until_ms)
            (void)pthread_cond_signal(&d->cond);
        p = NULL;
    }
    (void)pthread_mutex_unlock(&d->lock);
    if (p != NULL && ok)
        look_again(p);
    else if (p != NULL)
        reply_empty(p); /* stopping, or too many wait: the agent comes back */
}

/* Asleep until the next wait is over, or somebody waits at all. */
static void *
deadlines(void *arg)
{
    struct dispatch *d = arg;

    (void)pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        int64_t at = parking_next(&d->parking);
        struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000};

        d->asleep_until_ms = at;
        if (at == 0)
            (void)pthread_cond_wait(&d->cond, &d->lock);
        else if (at > clock_mono_ms())
            (void)pthread_cond_timedwait(&d->cond, &d->lock, &ts);
        struct parked *p = parking_take_due(&d->parking, clock_mono_ms());
        (void)pthread_mutex_unlock(&d->lock);
        each_taken(p, reply_empty);
        (void)pthread_mutex_lock(&d->lock);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return NULL;
}

int
dispatch_new(struct controller *c, struct dispatch **out, struct err *e)
{
    struct dispatch *d = calloc(1, sizeof(*d));
    pthread_condattr_t attr;

    if (d == NULL)
        return err_set(e, BY_E_NOMEM, "dispatch");
    d->c = c;
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (waiting_new(&d->waiting, e) < 0) {
        dispatch_free(d);
        return -1;
    }
    if (pthread_create(&d->thread, NULL, deadlines, d) != 0) {
        dispatch_free(d);
        return err_set(e, BY_E_NOMEM, "dispatch: no thread for deadlines");
    }
    d->started = true;
    *out = d;
    return 0;
}

static void
reply_stopping(struct parked *p)
{
    struct api_call *k = p->k;
    struct err e = {0};

    free(p);
    (void)err_set(&e, BY_E_BUSY, "the controller is stopping: ask again");
    server_fail(k, &e);
}

void
dispatch_stop(struct dispatch *d)
{
    struct parked *left;

    if (d == NULL)
        return;
    (void)pthread_mutex_lock(&d->lock);
    d->stop = true;
    (void)pthread_cond_signal(&d->cond);
    (void)pthread_mutex_unlock(&d->lock);
    if (d->started)
        (void)pthread_join(d->thread, NULL);
    d->started = false;
    (void)pthread_mutex_lock(&d->lock); /* the writer and the listener take from it as well */
    left = parking_take_due(&d->parking, INT64_MAX);
    (void)pthread_mutex_unlock(&d->lock);
    each_taken(left, reply_stopping);
}

void
dispatch_free(struct dispatch *d)
{
    if (d == NULL)
        return;
    dispatch_stop(d);
    waiting_free(d->waiting);
    parking_clear(&d->parking);
    (void)pthread_cond_destroy(&d->cond);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

/* ---- routes --------------------------------------------------------------------------------- */

struct ahead {
    char host[W_ID];
    char *head;
};

static int
ahead_step(void *arg, struct tx *t, struct err *e)
{
    struct ahead *x = arg;
    struct witness w;

    return witness_take(t, x->host, x->head, &w, e);
}

static void
ahead_done(void *arg, const struct err *e)
{
    struct ahead *x = arg;

    if (e != NULL)
        log_error("recovery.not_entered", "host=%s reason=" LOG_Q, x->host, e->msg);
    free(x->head);
    free(x);
}

static void
desired_witnessed(struct metrics *m, const struct witness *w)
{
    metric_raise(m, CM_WITNESSED_SEQ, 0, (int64_t)w->seq);
    metric_raise(m, CM_WITNESSED_TIME, 0,
                 w->at_ms * INT64_C(1000000)); /* never falls in a ledger */
}

/* A poll is a read; what its head proves is written by a step of its own. */
static int
desired_head(struct api_call *k, struct tx *t, const char *head, bool *ahead, struct err *e)
{
    struct witness w;
    struct ahead *x;

    *ahead = false;
    if (witness_judge(k->c, t->d, head, t->now_ms, k->a, &w, e) < 0)
        return -1;
    if (w.verdict == WITNESS_AGREES)
        desired_witnessed(k->c->metrics, &w);
    if (w.verdict != WITNESS_AHEAD)
        return 0;
    *ahead = true;
    if (controller_recovery(k->c))
        return 0;
    x = calloc(1, sizeof(*x));
    if (x == NULL || (x->head = strdup(head)) == NULL) {
        free(x);
        return err_set(e, BY_E_NOMEM, "desired");
    }
    memcpy(x->host, k->who.host, sizeof(x->host));
    if (commit_submit(k->c->commit, ahead_step, ahead_done, x, e) < 0) {
        free(x->head);
        free(x);
        return -1;
    }
    return 0;
}

static int
desired_park(struct api_call *k, int64_t wait, uint64_t touched, struct err *e)
{
    struct parked *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return err_set(e, BY_E_NOMEM, "desired");
    p->k = k;
    p->req = k->req;
    memcpy(p->host, k->who.host, sizeof(p->host));
    p->touched = touched;
    p->deadline_mono_ms = clock_mono_ms() + wait;
    k->parked = p;
    k->park = park;
    return 0;
}

/* How long this poll may still wait.  It looks again when it is woken: the first look set its end.
 */
static int64_t
desired_wait(struct api_call *k, const struct w_desired_request *in, bool recovery)
{
    int64_t *until = k->prepared, now = clock_mono_ms();
    int64_t wait = in->wait_ms < WAIT_MAX_MS ? in->wait_ms : WAIT_MAX_MS;

    if (k->c->dispatch == NULL)
        return 0;
    if (recovery && wait > WAIT_RECOVERY_MS)
        wait = WAIT_RECOVERY_MS;
    if (until == NULL) {
        k->prepared = until = arena_alloc(k->a, sizeof(*until));
        *until = now + wait;
    }
    return *until - now;
}

/* What a host takes as a whole set it was not waiting for, or it was not there.  In recovery it
 * gets nothing and goes on waiting. */
static void
desired_measure(struct api_call *k, int64_t looked_ns, bool news)
{
    const struct w_desired_answer *out = k->out;
    int64_t since;

    if (k->c->dispatch == NULL || out->recovery)
        return;
    since = waiting_end(k->c->dispatch->waiting, k->who.host, looked_ns);
    if (since != 0 && news && !out->full)
        metric_observe(k->c->metrics, CM_DISPATCH, 0, clock_mono_ns() - since);
}

int
api_agent_desired(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_desired_request *in = k->in;
    struct w_desired_answer *out = k->out;
    uint64_t touched = k->c->dispatch == NULL ? 0 : touches(k->c->dispatch, k->who.host);
    bool news = false, ahead = false;
    struct jm_list none = {0};
    int64_t wait, looked_ns = clock_mono_ns();

    if (desired_head(k, t, in->head, &ahead, e) < 0 ||
        dispatch_answer(k->c, t->d, k->who.host, in, t->now_ms, k->a, out, &news, e) < 0)
        return -1;
    if (ahead) {
        out->recovery = true;
        out->full = false;
        out->orders = out->grants = out->plans = out->keys = none;
        out->steward = NULL;
        out->revision = in->cursor;
        return 0;
    }
    desired_measure(k, looked_ns, news);
    wait = desired_wait(k, in, out->recovery);
    return news || wait <= 0 ? 0 : desired_park(k, wait, touched, e);
}

static int
hello_ledger(struct tx *t, const char *host, const struct w_hello *in, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_hello facts = *in;

    facts.head = NULL; /* kept as the host's witness, not in every entry */
    facts.steward = NULL;
    jm_encode(schema_hello, &facts, &b);
    return ledger_append(t, host, "host.hello", host, strbuf_peek(&b), e);
}

/* Each hello is an entry of the ledger for good, and a boot id a row: an agent that starts again
 * and again, or a host that wants to fill the disk, gets so many.  All entries about the host
 * count: that is one step in the index, and others are few. */
static int
hello_bound(struct tx *t, const char *host, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_LEDGER_FLOW_NTH, &r, e, DBS(host), DBI(ENTRIES_MAX - 1)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || t->now_ms - db_int(r, 0) > ENTRIES_MS)
        return 0;
    return err_set(e, BY_E_BUSY,
                   "this host has %d entries of the ledger within ten minutes, as by saying hello "
                   "again and again: see why its agent does; it is heard again in some minutes",
                   ENTRIES_MAX);
}

/* A handshake costs a processor 1.2 ms (docs/benchmarks.md); hello and report are to be answered
 * too. */
static int64_t
spread_of(size_t hosts)
{
    int64_t ms = (int64_t)hosts * 2;

    return ms < SPREAD_MAX_MS ? ms : SPREAD_MAX_MS;
}

int
api_agent_hello(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_hello *in = k->in;
    struct w_hello_answer *out = k->out;
    struct w_hello heard = *in;
    struct host_flow_row h;
    struct w_policy policy;
    struct witness w;
    bool recovery, claim;

    if (hello_bound(t, k->who.host, e) < 0 ||
        hostauth_boot(t, k->who.host, in->boot, true, e) < 0 ||
        host_flow_get(t->d, k->who.host, &h, e) < 0 ||
        witness_take(t, k->who.host, in->head, &w, e) < 0 ||
        policy_in_force(t->d, k->a, &policy, e) < 0 || controller_note_term(t, in->term, e) < 0)
        return -1;
    recovery = controller_recovery(k->c) || w.verdict == WITNESS_AHEAD;
    claim = !recovery && in->term > controller_term(k->c);
    if (claim)
        recovery_claimed(k->c, k->who.host, "it has seen term", in->term);
    out->want_receipts = recovery || claim || h.receipts_wanted;
    if (underlay_said(t, &h, &heard, e) < 0 ||
        host_flow_hello(t->d, k->who.host, &heard, out->want_receipts, t->now_ms, e) < 0 ||
        hello_ledger(t, k->who.host, in, e) < 0 ||
        (!recovery && underlay_told(t, &h, &heard, k->a, e) < 0) ||
        steward_hello(t, &h, in, recovery, e) < 0)
        return -1;
    memcpy(out->store, k->c->store, sizeof(out->store));
    out->term = controller_term(k->c);
    out->recovery = recovery;
    out->sample_ms = policy.sample_ms;
    out->slot_ms = policy.slot_ms;
    out->spread_ms = spread_of(hosttable_count(k->c->hosts));
    return 0;
}
