#include "drivers/db/store_plan.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

/* Columns as in PLAN_COLS of stmt_plan.def. */
static void
plan_read(const struct db_rows *r, struct w_plan_item *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    COPY(o->finding, r, c++);
    COPY(o->grant, r, c++);
    COPY(o->grant_number, r, c++);
    COPY(o->system, r, c++);
    COPY(o->system_name, r, c++);
    COPY(o->unit, r, c++);
    COPY(o->unit_name, r, c++);
    COPY(o->approver, r, c++);
    o->issued_at_ms = db_int(r, c++);
    o->hold_ms = db_int(r, c++);
    o->accepted_ms = db_int(r, c++);
    o->version = (uint32_t)db_int(r, c++);
    o->line_count = (uint32_t)db_int(r, c++);
    o->waiting = (uint32_t)db_int(r, c++);
    COPY(o->resource_name, r, c++);
}

int
plan_each(struct db *d, const struct plan_filter *f, plan_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_plan_item row;
    int rc;

    if (DB_QUERY(d, DB_PLAN_PAGE, &r, e, DBS(f->unit), DBS(f->unit), DBS(f->grant), DBS(f->grant),
                 DBS(f->resource), DBS(f->resource), DBI(f->waiting), DBI(f->before_ms),
                 DBS(f->before_id), DBI(f->limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        plan_read(r, &row);
        if (fn(arg, &row, e) < 0)
            return -1;
    }
    return rc;
}

int
plan_show(struct db *d, const char *id, struct arena *a, struct w_plan_item *out,
          const char **paper, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_PLAN_SHOW, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no plan %s", id);
    plan_read(r, out);
    *paper = arena_strdup(a, db_str(r, 16));
    return 0;
}

int
plan_each_line(struct db *d, const char *plan, plan_line_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_PLAN_LINES, &r, e, DBS(plan)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct plan_line_row l = {.n = (uint32_t)db_int(r, 0),
                                  .verb = (int)db_int(r, 2),
                                  .vcpus = (uint32_t)db_int(r, 3),
                                  .mem_mib = (uint64_t)db_int(r, 4),
                                  .not_before_ms = db_int(r, 5)};

        COPY(l.resource, r, 1);
        COPY(l.order, r, 6);
        l.hold_ms = db_int(r, 7) > db_int(r, 8) ? db_int(r, 7) : db_int(r, 8);
        if (fn(arg, &l, e) < 0)
            return -1;
    }
    return rc;
}

int
plan_withdraw(struct db *d, const struct w_plan_item *p, uint32_t *n, struct err *e)
{
    int lines = 0;

    if (DB_EXEC(d, DB_PLAN_WITHDRAW, &lines, e, DBS(p->id)) < 0)
        return -1;
    *n = (uint32_t)lines;
    return DB_EXEC(d, DB_PLAN_FINDING_OPEN, NULL, e, DBS(p->finding), DBS(p->id), DBS(p->id));
}
