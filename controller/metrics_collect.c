#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/dispatch.h"
#include "controller/hosts.h"
#include "controller/pools.h"
#include "controller/live.h"
#include "controller/metrics.h"
#include "controller/pool.h"
#include "controller/routes.h"
#include "drivers/base/clock.h"
#include "drivers/host/procinfo.h"
#include "drivers/net/httpd.h"

#define NS_PER_MS INT64_C(1000000)
#define WEEK_MS (7 * INT64_C(86400000))

void
cm_answered(struct metrics *m, const struct route *r, int status)
{
    size_t row = r == NULL ? routes_count : (size_t)(r - routes);
    int class = status / 100 - 2;

    if (class >= 0 && class < CM_CLASSES)
        metric_add(m, CM_REQUESTS, row * CM_CLASSES + (size_t) class, 1);
}

/* ---- out of the store ----------------------------------------------------------------------- */

struct idle {
    struct hosts_tally *h;
    struct arena *a;
};

static int
idle_add(void *arg, const struct w_pool_item *v)
{
    struct idle *x = arg;

    if (v->reason != NULL && x->h->n_idle++ < HEALTH_NAMES)
        x->h->idle[x->h->n_idle - 1] = arena_strdup(x->a, v->name);
    return 0;
}

static int
collect_pools(struct tx *t, struct arena *a, struct hosts_tally *h, struct err *e)
{
    struct idle x = {h, a};

    if (pools_page(t, "", POOLS_MOST, a, idle_add, &x, e) < 0)
        return -1;
    metric_set(t->c->metrics, CM_POOLS_IDLE, 0, (int64_t)h->n_idle);
    return 0;
}

static int
collect_hosts(struct tx *t, struct arena *a, struct hosts_tally *h, struct err *e)
{
    if (hosts_count(t, a, h, e) < 0)
        return -1;
    for (size_t k = 0; k < CM_HOST_STATES; k++)
        metric_set(t->c->metrics, CM_HOSTS, k, h->n[k]);
    return 0;
}

static int
collect_orders(struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int64_t n[CM_VERBS][CM_ORDER_STATES] = {{0}}, oldest = t->now_ms;
    int64_t due = controller_clock_jumped(t->c) ? 0 : t->now_ms; /* then nothing is overdue */
    int rc;

    if (DB_QUERY(t->d, DB_METRIC_ORDERS, &r, e, DBI(due)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        int64_t verb = db_int(r, 0) - 1;

        if (verb < 0 || verb >= CM_VERBS)
            continue;
        n[verb][CM_ORDERS_OVERDUE] = db_int(r, 2);
        n[verb][CM_ORDERS_OPEN] = db_int(r, 1) - db_int(r, 2);
        if (db_int(r, 3) < oldest)
            oldest = db_int(r, 3);
    }
    for (size_t v = 0; v < CM_VERBS; v++)
        for (size_t s = 0; s < CM_ORDER_STATES; s++)
            metric_set(t->c->metrics, CM_ORDERS, v * CM_ORDER_STATES + s, n[v][s]);
    metric_set(t->c->metrics, CM_ORDERS_OLDEST, 0, (t->now_ms - oldest) * NS_PER_MS);
    return rc;
}

static int
collect_clocks(struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct metrics *m = t->c->metrics;
    bool held = controller_clock_jumped(t->c);

    if (DB_QUERY(t->d, DB_METRIC_CLOCKS, &r, e, DBI(t->now_ms), DBI(t->now_ms)) < 0 ||
        db_next(r, e) != 1)
        return -1;
    metric_set(m, CM_CLOCK_JUMPED, 0, held);
    metric_set(m, CM_CLOCKS, CM_CLOCKS_OPEN, db_int(r, 0));
    metric_set(m, CM_CLOCKS, CM_CLOCKS_OVERDUE, held ? 0 : db_int(r, 1));
    metric_set(m, CM_CLOCKS, CM_CLOCKS_HELD, held ? db_int(r, 1) : 0);
    return 0;
}

static int
collect_rest(struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL, *holds = NULL;
    struct metrics *m = t->c->metrics;

    if (DB_QUERY(t->d, DB_METRIC_DELIVERIES, &r, e, DBI(t->now_ms - WEEK_MS)) < 0 ||
        db_next(r, e) != 1 || DB_QUERY(t->d, DB_METRIC_HOLDS, &holds, e, DBI(t->now_ms)) < 0 ||
        db_next(holds, e) != 1)
        return -1;
    metric_set(m, CM_DELIVERIES, CM_WAITING, db_int(r, 0));
    metric_set(m, CM_DELIVERIES, CM_DEAD, db_int(r, 1));
    metric_set(m, CM_HOLDS, 0, db_int(holds, 0));
    return 0;
}

/* ---- out of memory and the machine ---------------------------------------------------------- */

static void
collect_live(struct controller *c)
{
    struct metrics *m = c->metrics;

    metric_set(m, CM_BUILD, 0, 1);
    metric_set(m, CM_TERM, 0, (int64_t)controller_term(c));
    metric_set(m, CM_RECOVERY, 0, controller_recovery(c));
    metric_set(m, CM_LEDGER_SEQ, 0, (int64_t)controller_head_seq(c));
    metric_set(m, CM_LEDGER_TIME, 0, live_head_ms(c->live) * NS_PER_MS);
    metric_set(m, CM_SESSIONS, 0, (int64_t)auth_session_count(c->auth));
    metric_set(m, CM_COMMIT_QUEUE, 0, (int64_t)commit_queued(c->commit));
    metric_set(m, CM_QUEUE, CM_READERS, (int64_t)pool_queued(c->readers));
    metric_set(m, CM_QUEUE, CM_WORKERS, (int64_t)pool_queued(c->workers));
    metric_set(m, CM_QUEUE, CM_HASHERS, (int64_t)pool_queued(c->hashers));
    if (c->dispatch != NULL)
        metric_set(m, CM_POLLS, 0, (int64_t)dispatch_parked(c->dispatch));
    if (c->httpd != NULL) {
        metric_set(m, CM_CONNECTIONS, CM_PEOPLE, httpd_connections(c->httpd, c->people));
        metric_set(m, CM_CONNECTIONS, CM_AGENTS, httpd_connections(c->httpd, c->agents));
        metric_set(m, CM_HANDSHAKES, CM_PEOPLE, httpd_handshakes(c->httpd, c->people));
        metric_set(m, CM_HANDSHAKES, CM_AGENTS, httpd_handshakes(c->httpd, c->agents));
    }
}

static void
collect_file(struct controller *c, size_t which, const char *end)
{
    char path[320];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s%s", c->store_path, end);
    metric_set(c->metrics, CM_STORE_BYTES, which, stat(path, &st) == 0 ? st.st_size : 0);
}

static void
collect_machine(struct controller *c)
{
    struct metrics *m = c->metrics;
    struct procinfo p;
    struct statvfs fs;
    struct err e = {0};

    collect_file(c, CM_DB, "");
    collect_file(c, CM_WAL, "-wal");
    if (statvfs(c->dir, &fs) == 0) {
        metric_set(m, CM_DISK_FREE, 0, (int64_t)(fs.f_bavail * fs.f_frsize));
        metric_set(m, CM_DISK_SIZE, 0, (int64_t)(fs.f_blocks * fs.f_frsize));
    }
    if (procinfo_read(&p, &e) < 0)
        return; /* what is not known is not printed */
    metric_set(m, CM_PROC_RSS, 0, p.rss_bytes);
    metric_set(m, CM_PROC_CPU, 0, p.cpu_ns);
    metric_set(m, CM_PROC_START, 0, p.start_ns);
    if (p.fds >= 0)
        metric_set(m, CM_PROC_FDS, 0, p.fds);
    metric_set(m, CM_PROC_MAX_FDS, 0, p.max_fds);
}

int
cm_collect(struct tx *t, struct arena *a, struct hosts_tally *hosts, struct err *e)
{
    collect_live(t->c);
    collect_machine(t->c);
    if (collect_hosts(t, a, hosts, e) < 0 || collect_pools(t, a, hosts, e) < 0 ||
        collect_orders(t, e) < 0 || collect_clocks(t, e) < 0)
        return -1;
    return collect_rest(t, e);
}
