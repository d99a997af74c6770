#include "controller/api_status.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/grant_key.h"
#include "controller/hosts.h"
#include "controller/jobs.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "controller/metrics.h"
#include "controller/own.h"
#include "controller/recovery.h"
#include "controller/routes.h"
#include "drivers/db/store_quota.h"
#include "policies/authz.h"
#include "policies/health.h"

#define NS_PER_MS INT64_C(1000000)
#define JOB_LATE_MS INT64_C(900000)

static int
status_counts(struct tx *t, struct w_status_view *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (db_query(t->d, DB_STATUS_COUNTS, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    out->orders_open = (uint64_t)db_int(r, 0);
    out->ledger_seq = (uint64_t)db_int(r, 1);
    return 0;
}

static int
status_notices(struct tx *t, struct w_status_view *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(t->d, DB_DELIVERY_DEAD, &r, e, DBI(t->now_ms - 7 * INT64_C(86400000))) < 0 ||
        db_next(r, e) != 1)
        return -1;
    out->notices_dead = (uint64_t)db_int(r, 0);
    return 0;
}

/* Hosts by state, and who needs somebody. */
static void
status_hosts(const struct hosts_tally *h, struct w_status_work *w, struct health_facts *f)
{
    w->hosts_cordoned = (uint64_t)hosts_in(h, "cordoned");
    w->hosts_held = (uint64_t)hosts_in(h, "held");
    w->hosts_ready = (uint64_t)hosts_in(h, "ready") + w->hosts_cordoned + w->hosts_held;
    w->hosts_silent = (uint64_t)hosts_in(h, "silent");
    w->hosts_refused = (uint64_t)hosts_in(h, "refused");
    f->silent = h->silent;
    f->n_silent = w->hosts_silent;
    f->silent_since_ms = h->silent_since_ms;
    f->refused = h->refused;
    f->n_refused = w->hosts_refused;
    f->idle = h->idle;
    f->n_idle = h->n_idle;
    f->hosts_ready = (int64_t)w->hosts_ready;
}

/* What is not known is 0. */
static int64_t
value(const struct metrics *m, enum cm id, size_t series)
{
    int64_t v = metric_get(m, id, series);

    return v == METRIC_UNSET ? 0 : v;
}

static uint64_t
count(const struct metrics *m, enum cm id, size_t series)
{
    int64_t v = value(m, id, series);

    return v < 0 ? 0 : (uint64_t)v;
}

static int64_t
recent_us(struct metrics *m, enum cm id, unsigned per_mille)
{
    int64_t ns = metric_recent(m, id, 0, per_mille);

    return ns == METRIC_UNSET ? 0 : ns / 1000;
}

static void
work_now(struct metrics *m, struct w_status_work *w)
{
    w->clocks_open = count(m, CM_CLOCKS, CM_CLOCKS_OPEN);
    w->clocks_overdue = count(m, CM_CLOCKS, CM_CLOCKS_OVERDUE);
    w->clocks_held = count(m, CM_CLOCKS, CM_CLOCKS_HELD);
    for (size_t v = 0; v < CM_VERBS; v++)
        w->orders_overdue += count(m, CM_ORDERS, v * CM_ORDER_STATES + CM_ORDERS_OVERDUE);
    w->commit_queue = count(m, CM_COMMIT_QUEUE, 0);
    w->requests_queued = count(m, CM_QUEUE, CM_READERS) + count(m, CM_QUEUE, CM_WORKERS) +
                         count(m, CM_QUEUE, CM_HASHERS);
    w->polls_parked = count(m, CM_POLLS, 0);
    w->notices_waiting = count(m, CM_DELIVERIES, CM_WAITING);
    w->commit_p50_us = recent_us(m, CM_COMMIT_SECONDS, 500);
    w->commit_p99_us = recent_us(m, CM_COMMIT_SECONDS, 990);
    w->dispatch_p50_us = recent_us(m, CM_DISPATCH, 500);
    w->dispatch_p99_us = recent_us(m, CM_DISPATCH, 990);
    if (metric_get(m, CM_QUOTA_UNPROVEN, 0) != METRIC_UNSET)
        w->quota.proved_ms = value(m, CM_JOB_SUCCESS, JOB_PROOF) / NS_PER_MS;
    for (size_t q = 0; q < QM__MAX; q++)
        w->quota.drift += value(m, CM_QUOTA_DRIFT, q);
    w->quota.unproven = value(m, CM_QUOTA_UNPROVEN, 0);
    w->ledger_at_ms = value(m, CM_LEDGER_TIME, 0) / NS_PER_MS;
    w->witnessed_seq = count(m, CM_WITNESSED_SEQ, 0);
    w->disk_free_bytes = count(m, CM_DISK_FREE, 0);
    w->disk_bytes = count(m, CM_DISK_SIZE, 0);
    w->store_bytes = count(m, CM_STORE_BYTES, CM_DB) + count(m, CM_STORE_BYTES, CM_WAL);
    w->memory_bytes = count(m, CM_PROC_RSS, 0);
    w->started_ms = value(m, CM_PROC_START, 0) / NS_PER_MS;
}

static int64_t
jobs_late(const struct metrics *m, int64_t now_ms)
{
    int64_t n = 0;

    for (size_t j = 0; j < JOB__MAX; j++) {
        int64_t ok_ms = value(m, CM_JOB_SUCCESS, j) / NS_PER_MS;

        n += j != JOB_FINDINGS && j != JOB_TABLE && ok_ms != 0 && now_ms - ok_ms > JOB_LATE_MS;
    }
    return n;
}

static void
facts_of(struct tx *t, const struct w_status_view *v, struct health_facts *f)
{
    const struct metrics *m = t->c->metrics;
    const struct w_status_work *w = &v->figures;

    f->drift = w->quota.drift;
    for (size_t b = CM_UNBALANCED; b <= CM_PROMISES; b++)
        f->books_wrong += value(m, CM_BOOKS_WRONG, b);
    f->hosts_wrong = value(m, CM_BOOKS_WRONG, CM_TABLE);
    f->clocks_overdue = (int64_t)w->clocks_overdue;
    f->orders_overdue = (int64_t)w->orders_overdue;
    f->order_oldest_ms = w->order_oldest_ms;
    f->commit_p99_us = w->commit_p99_us;
    f->dispatch_p99_us = w->dispatch_p99_us;
    f->disk_free = (int64_t)w->disk_free_bytes;
    f->disk_size = (int64_t)w->disk_bytes;
    f->ledger_ms = w->ledger_at_ms;
    f->witnessed_ms = value(m, CM_WITNESSED_TIME, 0) / NS_PER_MS;
    f->notices_dead = (int64_t)v->notices_dead;
    f->jobs_late = jobs_late(m, t->c->wall_ms());
}

static void
status_findings(const struct health_facts *f, struct arena *a, struct w_status_view *out)
{
    struct health_finding found[HEALTH_MAX];
    size_t n = health_judge(f, found);
    struct w_status_finding *list = arena_alloc(a, (n + 1) * sizeof(*list));

    for (size_t i = 0; i < n; i++) {
        list[i].grave = found[i].grave;
        list[i].text = arena_strdup(a, found[i].text);
    }
    out->problems = (struct jm_list){.items = list, .n = n};
}

/* For those who may read the figures; the hosts are walked once. */
static int
status_work(struct api_call *k, struct tx *t, struct health_facts *f, struct err *e)
{
    struct w_status_view *out = k->out;
    struct hosts_tally *hosts = arena_alloc(k->a, sizeof(*hosts)); /* f keeps what is in it */

    if (cm_collect(t, k->a, hosts, e) < 0)
        return -1;
    work_now(t->c->metrics, &out->figures);
    status_hosts(hosts, &out->figures, f);
    if (out->orders_open > 0)
        out->figures.order_oldest_ms =
            t->now_ms - value(t->c->metrics, CM_ORDERS_OLDEST, 0) / NS_PER_MS;
    facts_of(t, out, f);
    return 0;
}

int
status_fill(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_status_view *out = k->out;
    const char *recovery = NULL;
    int64_t term = 0, jumped = 0;

    memcpy(out->store, t->c->store, sizeof(out->store));
    (void)snprintf(out->version, sizeof(out->version), "%s", BY_VERSION);
    if (meta_get_int(t->d, META_TERM, &term, e) < 0 ||
        meta_get_int(t->d, META_CLOCK_JUMP, &jumped, e) < 0 ||
        meta_get(t->d, META_RECOVERY, k->a, &recovery, e) < 0)
        return -1;
    out->term = (uint64_t)term;
    out->recovery = recovery != NULL && recovery[0] != '\0';
    out->reason = out->recovery ? recovery : NULL;
    out->clock_jump = jumped != 0;
    out->grant_key = grant_key_note(t, k->a);
    if (out->recovery && recovery_missing(t, k->a, &out->receipts_missing, e) < 0)
        return -1;
    out->utc_offset_min = t->c->conf.utc_offset;
    return status_counts(t, out, e) < 0 ? -1 : status_notices(t, out, e);
}

int
api_status_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_status_view *out = k->out;
    struct health_facts f = {.now_ms = t->now_ms};

    if (status_fill(k, t, e) < 0 ||
        (authz_allows(own_role(k->who.role), AZ_P_METRIC_READ) && status_work(k, t, &f, e) < 0))
        return -1;
    f.recovery = out->recovery;
    f.clock_jumped = out->clock_jump;
    status_findings(&f, k->a, out);
    return 0;
}
