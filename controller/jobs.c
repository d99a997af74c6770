#include "controller/jobs.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/attachment.h"
#include "controller/auth.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/finding.h"
#include "controller/hold.h"
#include "controller/hosts.h"
#include "controller/hosttable.h"
#include "controller/live.h"
#include "controller/metrics.h"
#include "controller/plan.h"
#include "controller/policy.h"
#include "controller/quota.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/base/scope.h"
#include "drivers/db/store_host_flow.h"

#define DAY_MS INT64_C(86400000)

enum { TICK_MS = 500, TRIM_MS = 5000, SILENT_MAX = 1024, JOBS_CACHE_KIB = 1024, UPLOAD_STEPS = 8 };

struct jobs {
    struct controller *c;
    struct db *d; /* of the thread */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop;
    int64_t next_ms[JOB__MAX]; /* monotonic; owner thread */
    int64_t tick_ms;           /* when metric_recent() is given its next minute */
    int64_t trim_ms;           /* when free memory is given back next */
};

/* ---- plans and holds
 * ------------------------------------------------------------------------------ */

static int
plans_step(void *arg, struct tx *t, struct err *e)
{
    return tx_clock_jumped(t) ? 0 : plan_run_due(t, arg, e);
}

static int
count(void *arg, const struct plan_due *l, struct err *e)
{
    size_t *n = arg;

    (void)l;
    (void)e;
    (*n)++;
    return 0;
}

/* Look with the read connection first: most rounds have nothing to write. */
static int
run_plans(struct controller *c, struct db *d, struct err *e)
{
    size_t due = 0, made = 0;

    if (controller_clock_jumped(c))
        return 0;
    if (plan_each_due(d, controller_now_ms(c), "", count, &due, e) < 0)
        return -1;
    if (due == 0)
        return 0;
    if (commit_run(c->commit, plans_step, &made, e) < 0)
        return -1;
    if (made > 0)
        log_info("plans.ordered", "lines=%zu of=%zu", made, due);
    return 0;
}

static int
holds_step(void *arg, struct tx *t, struct err *e)
{
    return tx_clock_jumped(t) ? 0 : hold_expire(t, arg, e);
}

static int
note_hold(void *arg, const char *id, const char *host, struct err *e)
{
    size_t *n = arg;

    (void)id;
    (void)host;
    (void)e;
    (*n)++;
    return 0;
}

static int
nothing_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    (void)t;
    (void)e;
    return 0;
}

/* Also the round that lets the ledger tell of a jump while nobody asks for anything. */
static int
run_holds(struct controller *c, struct db *d, struct err *e)
{
    size_t n = 0;

    if (live_clock_strays(c->live, c->wall_ms(), c->mono_ms()))
        return commit_run(c->commit, nothing_step, NULL, e);
    if (controller_clock_jumped(c))
        return 0;
    if (hold_each_expired(d, controller_now_ms(c), note_hold, &n, e) < 0)
        return -1;
    return n == 0 ? 0 : commit_run(c->commit, holds_step, &n, e);
}

/* ---- hosts
 * ----------------------------------------------------------------------------------------- */

struct silence {
    char id[W_ID], name[W_NAME];
    bool silent;
};
struct silences {
    struct silence *list;
    size_t n;
};

static int
silence_step(void *arg, struct tx *t, struct err *e)
{
    struct silences *x = arg;

    for (size_t i = 0; i < x->n; i++) {
        const struct silence *s = &x->list[i];

        if (ledger_append(t, "controller", s->silent ? "host.silent" : "host.heard", s->id, "{}",
                          e) < 0)
            return -1;
        log_warn(s->silent ? "host.silent" : "host.heard", "host=%s name=%s", s->id, s->name);
    }
    return 0;
}

/* 1 when the newest entry says that the host is silent. */
static int
told_silent(struct db *d, const char *host, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_LEDGER_FLOW_SILENCE, &r, e, DBS(host)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    return rc == 1 && strcmp(db_str(r, 0), "host.silent") == 0;
}

static bool
is_silent(struct controller *c, const struct db_rows *r)
{
    return host_is_silent(c, host_heard_ms(c, db_str(r, 0), db_int(r, 2)), db_int(r, 3) != 0,
                          controller_now_ms(c));
}

/* What was not heard while the controller was away says nothing of a host: it listens for as long
 * as a host may be quiet before it tells of any. */
static bool
has_listened(struct controller *c)
{
    return c->mono_ms() - c->opened_ms > c->conf.silent_seconds * 1000;
}

/* Silence keeps machines and quota as they are; it is told once, and so is the return. */
static int
run_hosts(struct controller *c, struct db *d, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(free) struct silence *list = calloc(SILENT_MAX, sizeof(*list));
    struct silences x = {.list = list};
    int rc;

    if (list == NULL)
        return err_set(e, BY_E_NOMEM, "hosts");
    if (db_query(d, DB_HOST_FLOW_HEARD, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && x.n < SILENT_MAX) {
        struct silence *s = &list[x.n];
        int told = told_silent(d, db_str(r, 0), e);

        if (told < 0)
            return -1;
        s->silent = is_silent(c, r);
        if (s->silent == (told == 1) || (s->silent && !has_listened(c)))
            continue;
        (void)snprintf(s->id, sizeof(s->id), "%s", db_str(r, 0));
        (void)snprintf(s->name, sizeof(s->name), "%s", db_str(r, 1));
        x.n++;
    }
    if (rc < 0)
        return -1;
    db_rows_free(TAKE(r)); /* the write must not wait for our reading */
    return x.n == 0 ? 0 : commit_run(c->commit, silence_step, &x, e);
}

/* ---- proof
 * ---------------------------------------------------------------------------------------- */

struct proof {
    int64_t drift[QM__MAX], unproven;
};

static int
tell_drift(void *arg, const char *grant, const struct w_quota_row *rows, size_t n, struct err *e)
{
    struct proof *p = arg;

    (void)e;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].drift != 0)
            log_error("quota.drift", "grant=%s metric=%s used=%lld proven=%lld", grant,
                      rows[i].metric, (long long)rows[i].used, (long long)rows[i].proven);
        for (size_t m = 0; m < QM__MAX; m++)
            if (strcmp(rows[i].metric, quota_metric_name((enum quota_metric)m)) == 0)
                p->drift[m] += llabs(rows[i].drift);
    }
    p->unproven += n > 0 && rows[0].unproven;
    return 0;
}

static int
run_proof(struct controller *c, struct db *d, struct err *e)
{
    struct proof p = {0};
    int64_t unbalanced = 0, wrong = 0, promises = 0;

    if (quota_prove_all(d, controller_now_ms(c), tell_drift, &p, e) < 0 ||
        quota_books_wrong(d, &unbalanced, &wrong, e) < 0 ||
        host_promises_wrong(d, &promises, e) < 0)
        return -1;
    if (unbalanced != 0 || wrong != 0 || promises != 0)
        log_error("quota.books_wrong", "unbalanced=%lld wrong_sums=%lld wrong_hosts=%lld",
                  (long long)unbalanced, (long long)wrong, (long long)promises);
    for (size_t m = 0; m < QM__MAX; m++)
        metric_set(c->metrics, CM_QUOTA_DRIFT, m, p.drift[m]);
    metric_set(c->metrics, CM_QUOTA_UNPROVEN, 0, p.unproven);
    metric_set(c->metrics, CM_BOOKS_WRONG, CM_UNBALANCED, unbalanced);
    metric_set(c->metrics, CM_BOOKS_WRONG, CM_SUMS, wrong);
    metric_set(c->metrics, CM_BOOKS_WRONG, CM_PROMISES, promises);
    return 0;
}

/* ---- hosts in memory
 * ------------------------------------------------------------------------------- */

static int
table_step(void *arg, struct tx *t, struct err *e)
{
    return hosttable_differs(t->c->hosts, arg, e);
}

/* Placing goes by memory, so memory is held against the store too. */
static int
run_table(struct controller *c, struct err *e)
{
    size_t n = 0;

    if (commit_run(c->commit, table_step, &n, e) < 0)
        return -1;
    if (n > 0)
        log_error("hosts.differ", "hosts=%zu", n);
    metric_set(c->metrics, CM_BOOKS_WRONG, CM_TABLE, (int64_t)n);
    return 0;
}

/* ---- uploads
 * -------------------------------------------------------------------------------------- */

static int
uploads_step(void *arg, struct tx *t, struct err *e)
{
    const int64_t *keep_ms = arg;

    return tx_clock_jumped(t) ? 0 : attachment_sweep(t, *keep_ms, e);
}

static int
run_uploads(struct controller *c, struct db *d, struct err *e)
{
    int64_t keep_ms = c->conf.document_days * DAY_MS;
    bool any = !controller_clock_jumped(c);

    for (int i = 0; i < UPLOAD_STEPS && any; i++)
        if (attachment_stale(d, controller_now_ms(c), keep_ms, &any, e) < 0 ||
            (any && commit_run(c->commit, uploads_step, &keep_ms, e) < 0))
            return -1;
    return 0;
}

/* ---- the thread
 * ------------------------------------------------------------------------------------ */

int
job_run(struct controller *c, struct db *d, enum job what, struct err *e)
{
    size_t n = 0;

    switch (what) {
    case JOB_PLANS:
        return run_plans(c, d, e);
    case JOB_HOLDS:
        return run_holds(c, d, e);
    case JOB_HOSTS:
        return run_hosts(c, d, e);
    case JOB_CLOCKS:
        return clocks_run(c, d, e);
    case JOB_PROOF:
        return run_proof(c, d, e);
    case JOB_FINDINGS:
        return finding_evaluate(c, d, &n, e);
    case JOB_UPLOADS:
        return run_uploads(c, d, e);
    case JOB_TABLE:
        return run_table(c, e);
    case JOB__MAX:
        break;
    }
    return err_set(e, BY_E_BUG, "no such job");
}

static int64_t
period_ms(struct jobs *j, enum job what)
{
    SCOPED(arena) struct arena a = {0};
    struct w_policy p;
    struct err e = {0};

    switch (what) {
    case JOB_PLANS:
    case JOB_HOLDS:
        return 1000;
    case JOB_HOSTS:
        return 5000;
    case JOB_CLOCKS:
        return 15000;
    case JOB_PROOF:
        return 60000;
    case JOB_UPLOADS:
        return 10000;
    case JOB_TABLE:
        return DAY_MS;
    case JOB_FINDINGS:
        return policy_in_force(j->d, &a, &p, &e) < 0 ? 60000 : p.evaluate_ms;
    case JOB__MAX:
        break;
    }
    return 60000;
}

static void
run_one(struct jobs *j, enum job what)
{
    struct metrics *m = j->c->metrics;
    int64_t begun = clock_mono_ns();
    struct err e = {0};

    if (job_run(j->c, j->d, what, &e) < 0) {
        log_error("job.failed", "job=%s reason=" LOG_Q, cm_jobs[what], e.msg);
        metric_add(m, CM_JOB_FAILURES, what, 1);
    } else {
        metric_set(m, CM_JOB_SUCCESS, what, clock_wall_ms() * 1000000);
    }
    metric_set(m, CM_JOB_DURATION, what, clock_mono_ns() - begun);
}

static void
run_due(struct jobs *j)
{
    for (int w = 0; w < JOB__MAX; w++) {
        int64_t now = clock_mono_ms(), period = period_ms(j, (enum job)w);

        /* A policy that shortens the period counts from now on, not after the old one. */
        if (j->next_ms[w] > now + period)
            j->next_ms[w] = now + period;
        if (now < j->next_ms[w])
            continue;
        run_one(j, (enum job)w);
        j->next_ms[w] = clock_mono_ms() + period;
    }
}

static bool
wait_tick(struct jobs *j)
{
    int64_t at = clock_mono_ms() + TICK_MS;
    struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000};
    bool stop;

    (void)pthread_mutex_lock(&j->lock);
    if (!j->stop)
        (void)pthread_cond_timedwait(&j->cond, &j->lock, &ts);
    stop = j->stop;
    (void)pthread_mutex_unlock(&j->lock);
    return !stop;
}

static void *
jobs_main(void *arg)
{
    struct jobs *j = arg;

    while (wait_tick(j)) {
        run_due(j);
        if (clock_mono_ms() >= j->trim_ms) {
            (void)malloc_trim(0); /* what a storm has left; 0: there was nothing to give back */
            j->trim_ms = clock_mono_ms() + TRIM_MS;
        }
        if (clock_mono_ms() < j->tick_ms)
            continue;
        metrics_tick(j->c->metrics);
        j->tick_ms = clock_mono_ms() + 60000;
    }
    return NULL;
}

void
jobs_begin(struct controller *c)
{
    for (size_t w = 0; w < JOB__MAX; w++)
        metric_set(c->metrics, CM_JOB_SUCCESS, w, c->wall_ms() * 1000000);
}

int
jobs_new(struct controller *c, struct jobs **out, struct err *e)
{
    struct jobs *j = calloc(1, sizeof(*j));
    pthread_condattr_t attr;

    if (j == NULL)
        return err_set(e, BY_E_NOMEM, "jobs");
    j->c = c;
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&j->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (db_open(c->store_path, true, &j->d, e) < 0 || db_limit_cache(j->d, JOBS_CACHE_KIB, e) < 0) {
        jobs_free(j);
        return err_wrap(e, "jobs");
    }
    if (pthread_create(&j->thread, NULL, jobs_main, j) != 0) {
        jobs_free(j);
        return err_set(e, BY_E_NOMEM, "no thread for jobs");
    }
    j->started = true;
    *out = j;
    return 0;
}

void
jobs_free(struct jobs *j)
{
    if (j == NULL)
        return;
    (void)pthread_mutex_lock(&j->lock);
    j->stop = true;
    (void)pthread_cond_signal(&j->cond);
    (void)pthread_mutex_unlock(&j->lock);
    if (j->started)
        (void)pthread_join(j->thread, NULL);
    db_free(j->d);
    (void)pthread_cond_destroy(&j->cond);
    (void)pthread_mutex_destroy(&j->lock);
    free(j);
}
