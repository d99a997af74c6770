#include "drivers/db/store_usage.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) (void)snprintf(dst, sizeof(dst), "%s", db_str(r, col))
#define SHORT_WINDOW_MS (2 * USAGE_DAY_MS)

/* ---- slots and days -----------------------------------------------------------------------------
 */

static enum hist_kind
kind_of(int metric)
{
    return metric == METRIC_CPU || metric == METRIC_MEM ? HIST_PERCENT : HIST_RATE;
}

void
usage_sum_init(struct usage_sum *u, int metric)
{
    memset(u, 0, sizeof(*u));
    hist_init(&u->avg, kind_of(metric));
    hist_init(&u->peak, kind_of(metric));
}

int
slot_add(struct db *d, const struct w_slot *s, int64_t slot_ms, bool *fresh, struct err *e)
{
    int n = 0;

    if (DB_EXEC(d, DB_SLOT_INSERT, &n, e, DBS(s->vm), DBI(s->metric), DBI(s->at_ms), DBI(slot_ms),
                DBI(s->running_ms), DBI(s->avg), DBI(s->peak)) < 0)
        return err_wrap(e, "slot of %s", s->vm);
    *fresh = n > 0;
    return 0;
}

/* The newest text wins nothing here: a damaged histogram is an error, not an empty day. */
static int
day_load(struct db *d, const struct w_slot *s, int64_t day, struct usage_sum *u, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    usage_sum_init(u, s->metric);
    if (DB_QUERY(d, DB_HIST_GET, &r, e, DBS(s->vm), DBI(s->metric), DBI(day)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    u->measured_ms = db_int(r, 3);
    if (!hist_decode(db_str(r, 0), &u->avg) || !hist_decode(db_str(r, 1), &u->peak))
        return err_set(e, BY_E_BUG, "the day's histogram of %s cannot be read", s->vm);
    return 0;
}

int
hist_day_add(struct db *d, const struct w_slot *s, struct err *e)
{
    int64_t day = s->at_ms / USAGE_DAY_MS;
    char avg[HIST_TEXT_MAX], peak[HIST_TEXT_MAX];
    struct usage_sum u;

    if (day_load(d, s, day, &u, e) < 0)
        return -1;
    hist_add(&u.avg, s->avg);
    hist_add(&u.peak, s->peak);
    if (hist_encode(&u.avg, avg, sizeof(avg)) == 0 || hist_encode(&u.peak, peak, sizeof(peak)) == 0)
        return err_set(e, BY_E_BUG, "the day's histogram of %s does not fit", s->vm);
    return DB_EXEC(d, DB_HIST_PUT, NULL, e, DBS(s->vm), DBI(s->metric), DBI(day), DBS(avg),
                   DBS(peak), DBI(u.avg.n), DBI(u.measured_ms + s->running_ms), DBI(u.avg.sum),
                   DBI(u.avg.min), DBI(u.avg.max), DBI(u.peak.max));
}

static void
widen(struct usage_sum *u, int64_t from, int64_t to)
{
    if (u->from_ms == 0 || from < u->from_ms)
        u->from_ms = from;
    if (to > u->to_ms)
        u->to_ms = to;
}

/* What is loaded, and how its shares are counted. */
struct usage_ask {
    const char *vm;
    int metric;
    int64_t from, to;
    const struct sizes *sizes;
    uint64_t now;
};

/* The size of then, when it was larger than now: shares are times then/now. */
static uint64_t
size_then(const struct usage_ask *q, int64_t from, int64_t to)
{
    uint64_t then = q->sizes == NULL || q->now == 0 ? 0 : sizes_largest(q->sizes, from, to);

    return then > q->now ? then : q->now;
}

static uint64_t
share_now(const struct usage_ask *q, uint64_t share, uint64_t then)
{
    return then == q->now ? share : (share * then + q->now - 1) / q->now;
}

static int
load_slots(struct db *d, const struct usage_ask *q, struct usage_sum *u, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_SLOT_RANGE, &r, e, DBS(q->vm), DBI(q->metric), DBI(q->from), DBI(q->to)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        uint64_t then = size_then(q, db_int(r, 0), db_int(r, 0) + db_int(r, 1));

        hist_add(&u->avg, share_now(q, (uint64_t)db_int(r, 3), then));
        hist_add(&u->peak, share_now(q, (uint64_t)db_int(r, 4), then));
        u->measured_ms += db_int(r, 2);
        widen(u, db_int(r, 0), db_int(r, 0) + db_int(r, 1));
    }
    return rc;
}

static int
load_days(struct db *d, const struct usage_ask *q, struct usage_sum *u, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct hist h;
    int rc;

    if (DB_QUERY(d, DB_HIST_RANGE, &r, e, DBS(q->vm), DBI(q->metric), DBI(q->from / USAGE_DAY_MS),
                 DBI(q->to / USAGE_DAY_MS)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        int64_t day = db_int(r, 0) * USAGE_DAY_MS;
        uint64_t then = size_then(q, day, day + USAGE_DAY_MS);

        if (!hist_decode(db_str(r, 1), &h) || !hist_merge_scaled(&u->avg, &h, then, q->now) ||
            !hist_decode(db_str(r, 2), &h) || !hist_merge_scaled(&u->peak, &h, then, q->now))
            return err_set(e, BY_E_BUG, "a day's histogram of %s cannot be read", q->vm);
        u->measured_ms += db_int(r, 4);
        widen(u, day, day + USAGE_DAY_MS);
    }
    return rc;
}

bool
usage_is_by_slot(int64_t from_ms, int64_t to_ms)
{
    return to_ms - from_ms <= SHORT_WINDOW_MS;
}

int
usage_load(struct db *d, const char *vm, int metric, int64_t from_ms, int64_t to_ms,
           const struct sizes *sizes, uint64_t now, struct usage_sum *out, struct err *e)
{
    const struct usage_ask q = {vm, metric, from_ms, to_ms, sizes, now};

    usage_sum_init(out, metric);
    return usage_is_by_slot(from_ms, to_ms) ? load_slots(d, &q, out, e) : load_days(d, &q, out, e);
}

int
usage_trim(struct db *d, const char *vm, int64_t now_ms, struct err *e)
{
    for (int m = METRIC_CPU; m < METRIC__MAX; m++)
        if (DB_EXEC(d, DB_SLOT_TRIM, NULL, e, DBS(vm), DBI(m), DBI(now_ms - USAGE_SLOTS_KEPT_MS)) <
                0 ||
            DB_EXEC(d, DB_HIST_TRIM, NULL, e, DBS(vm), DBI(m),
                    DBI((now_ms - USAGE_DAYS_KEPT_MS) / USAGE_DAY_MS)) < 0)
            return err_wrap(e, "old utilization of %s", vm);
    return 0;
}

/* ---- findings -----------------------------------------------------------------------------------
 */

int
finding_insert(struct db *d, const struct finding_row *f, struct err *e)
{
    if (DB_EXEC(d, DB_FINDING_OLD, NULL, e, DBS(f->vm)) < 0)
        return -1;
    return DB_EXEC(d, DB_FINDING_INSERT, NULL, e, DBS(f->id), DBS(f->vm), DBS(f->system),
                   DBS(f->unit), DBS(f->grant), DBI(f->verdict), DBS(f->reason), DBS(f->facts),
                   DBS(f->policy), DBI(f->at_ms), DBI(f->since_ms), DBI(f->suggest_vcpus),
                   DBI(f->suggest_mem_mib));
}

int
finding_refresh(struct db *d, const struct finding_row *f, struct err *e)
{
    return DB_EXEC(d, DB_FINDING_REFRESH, NULL, e, DBI(f->at_ms), DBS(f->reason), DBS(f->facts),
                   DBS(f->policy), DBI(f->suggest_vcpus), DBI(f->suggest_mem_mib), DBS(f->id));
}

/* Columns as in FINDING_COLS of stmt_flow.def. */
static void
finding_read(const struct db_rows *r, struct arena *a, struct finding_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    COPY(o->vm, r, c++);
    COPY(o->name, r, c++);
    COPY(o->system, r, c++);
    COPY(o->unit, r, c++);
    COPY(o->grant, r, c++);
    o->verdict = (int)db_int(r, c++);
    o->reason = arena_strdup(a, db_str(r, c++));
    o->facts = arena_strdup(a, db_str(r, c++));
    COPY(o->policy, r, c++);
    o->at_ms = db_int(r, c++);
    o->since_ms = db_int(r, c++);
    o->suggest_vcpus = (uint32_t)db_int(r, c++);
    o->suggest_mem_mib = (uint64_t)db_int(r, c++);
    o->newest = db_int(r, c++) != 0;
    COPY(o->plan, r, c++);
}

static int
finding_one(struct db *d, enum db_stmt s, const char *key, struct arena *a, struct finding_row *out,
            struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc = DB_FIRST(d, s, &r, e, DBS(key));

    if (rc == 1)
        finding_read(r, a, out);
    return rc;
}

int
finding_newest(struct db *d, const char *vm, struct arena *a, struct finding_row *out,
               struct err *e)
{
    return finding_one(d, DB_FINDING_NEWEST, vm, a, out, e);
}

int
finding_find(struct db *d, const char *id, struct arena *a, struct finding_row *out, struct err *e)
{
    return finding_one(d, DB_FINDING_GET, id, a, out, e);
}

int
finding_plan_set(struct db *d, const char *id, const char *plan, struct err *e)
{
    return DB_EXEC(d, DB_FINDING_PLAN, NULL, e, DBS(plan), DBS(id));
}

int
finding_each(struct db *d, const struct finding_filter *f, struct arena *a, finding_fn fn,
             void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct finding_row row;
    int rc;

    /* One statement for each index. */
    if (f->vm[0] != '\0')
        rc = DB_QUERY(d, DB_FINDING_LIST_VM, &r, e, DBS(f->vm), DBS(f->unit), DBS(f->unit),
                      DBI(f->flagged), DBI(f->verdict), DBI(f->verdict), DBI(f->from.n),
                      DBS(f->from.id), DBI(f->from.limit));
    else if (f->unit[0] != '\0')
        rc = DB_QUERY(d, DB_FINDING_LIST_UNIT, &r, e, DBS(f->unit), DBI(f->flagged),
                      DBI(f->verdict), DBI(f->verdict), DBI(f->from.n), DBS(f->from.id),
                      DBI(f->from.limit), DBI(f->from.limit));
    else
        rc = DB_QUERY(d,
                      f->flagged || f->verdict == VERDICT_UNDERUSED || f->verdict == VERDICT_IDLE
                          ? DB_FINDING_LIST_FLAGGED
                          : DB_FINDING_LIST,
                      &r, e, DBI(f->verdict), DBI(f->verdict), DBI(f->from.n), DBS(f->from.id),
                      DBI(f->from.limit));
    if (rc < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        finding_read(r, a, &row);
        if (fn(arg, &row, e) < 0)
            return -1;
    }
    return rc;
}

/* ---- plans --------------------------------------------------------------------------------------
 */

int
plan_insert(struct db *d, const struct w_plan *p, const char *account, const char *paper,
            int64_t now_ms, struct err *e)
{
    if (DB_EXEC(d, DB_PLAN_INSERT, NULL, e, DBS(p->id), DBS(p->finding), DBS(p->grant),
                DBS(p->system), DBS(p->approver), DBS(account), DBI(p->issued_at_ms),
                DBI(p->hold_ms), DBS(paper), DBI(now_ms), DBI(p->version)) < 0)
        return err_wrap(e, "plan %s", p->id);
    for (size_t i = 0; i < p->lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);

        if (DB_EXEC(d, DB_PLAN_LINE_INSERT, NULL, e, DBS(p->id), DBI(i), DBS(l->resource),
                    DBI(l->verb), DBI(l->vcpus), DBI(l->mem_mib), DBI(l->not_before_ms),
                    DBI(l->less_vcpus), DBI(l->less_mem_mib), DBI(l->less_disk_gib)) < 0)
            return err_wrap(e, "plan %s, line %zu", p->id, i);
    }
    return 0;
}

int
plan_line_done(struct db *d, const char *plan, uint32_t n, const char *order, struct err *e)
{
    return DB_EXEC(d, DB_PLAN_LINE_ORDER, NULL, e, DBS(order), DBS(plan), DBI(n));
}

int
plan_line_ordered(struct db *d, const char *plan, uint32_t n, bool *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_PLAN_LINE_ORDERED, &r, e, DBS(plan), DBI(n)) < 0 || db_next(r, e) < 0)
        return -1;
    *out = db_int(r, 0) > 0;
    return 0;
}

int
plan_of_resource(struct db *d, const char *resource, int64_t *issued_ms, char pending[W_ID],
                 struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_PLAN_OF_RESOURCE, &r, e, DBS(resource)) < 0 || db_next(r, e) < 0)
        return -1;
    *issued_ms = db_int(r, 0);
    (void)snprintf(pending, W_ID, "%s", db_str(r, 1));
    return 0;
}

int
plan_paper(struct db *d, const char *id, struct arena *a, const char **paper, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_PLAN_GET, &r, e, DBS(id)) < 0)
        return -1;
    rc = db_next(r, e);
    if (rc == 1)
        *paper = arena_strdup(a, db_str(r, 8));
    return rc;
}

int
plan_each_due(struct db *d, int64_t now_ms, const char *plan, plan_due_fn fn, void *arg,
              struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_PLAN_LINE_DUE, &r, e, DBI(now_ms), DBS(plan), DBS(plan), DBI(now_ms),
                 DBI(now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct plan_due l = {.n = (uint32_t)db_int(r, 1),
                             .verb = (int)db_int(r, 3),
                             .vcpus = (uint32_t)db_int(r, 4),
                             .mem_mib = (uint64_t)db_int(r, 5),
                             .not_before_ms = db_int(r, 6),
                             .wanted = (int)db_int(r, 9),
                             .seen = (int)db_int(r, 10),
                             .seen_generation = (uint64_t)db_int(r, 11),
                             .generation = (uint64_t)db_int(r, 12),
                             .binned_ms = db_int(r, 13),
                             .less_vcpus = db_int(r, 15),
                             .less_mem_mib = db_int(r, 16),
                             .less_disk_gib = db_int(r, 17)};

        COPY(l.plan, r, 0);
        COPY(l.resource, r, 2);
        COPY(l.grant, r, 14);
        l.hold_ms = db_int(r, 7) > db_int(r, 8) ? db_int(r, 7) : db_int(r, 8);
        if (fn(arg, &l, e) < 0)
            return -1;
    }
    return rc;
}
