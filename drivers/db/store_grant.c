#include "drivers/db/store_grant.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

int
grant_insert(struct db *d, const struct w_grant *g, const char *account, const char *paper,
             const char *body_sha256, int64_t now_ms, struct err *e)
{
    if (DB_EXEC(d, DB_GRANT_INSERT, NULL, e, DBS(g->id), DBS(g->number), DBS(g->system),
                DBS(g->unit), DBS(g->approver), DBS(account), DBI(g->approved_at_ms),
                DBI(g->valid_from_ms), DBI(g->valid_to_ms), DBI(g->hold_ms), DBS(paper),
                DBS(body_sha256), DBI(now_ms), DBS(g->supersedes)) < 0)
        return err_wrap(e, "grant %s", g->number);
    return 0;
}

/* Columns as in GRANT_COLS of stmt_flow.def. */
static void
grant_read(const struct db_rows *r, struct arena *a, struct grant_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    COPY(o->number, r, c++);
    COPY(o->system, r, c++);
    COPY(o->system_name, r, c++);
    COPY(o->unit, r, c++);
    COPY(o->approver, r, c++);
    o->approved_ms = db_int(r, c++);
    o->valid_from_ms = db_int(r, c++);
    o->valid_to_ms = db_int(r, c++);
    o->hold_ms = db_int(r, c++);
    o->paper = arena_strdup(a, db_str(r, c++));
    o->accepted_ms = db_int(r, c++);
    o->clock.start_ms = db_int(r, c++);
    COPY(o->clock.due_day, r, c++);
    o->clock.due_ms = db_int(r, c++);
    o->clock.provisional = db_int(r, c++) != 0;
    o->clock.met_ms = db_int(r, c++);
    o->clock.overdue_ms = db_int(r, c++);
    o->orders = (uint32_t)db_int(r, c++);
    o->orders_open = (uint32_t)db_int(r, c++);
    COPY(o->supersedes, r, c++);
    COPY(o->superseded_by, r, c++);
}

static int
grant_one(struct db *d, enum db_stmt s, const char *id, struct arena *a, struct grant_row *out,
          struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, s, &rows, e, DBS(id)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 1)
        grant_read(rows, a, out);
    return rc;
}

int
grant_row_find(struct db *d, const char *id, struct arena *a, struct grant_row *out, struct err *e)
{
    return grant_one(d, DB_GRANT_GET, id, a, out, e);
}

static int
grant_must(int rc, const char *id, struct err *e)
{
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no grant %s", id);
    return rc < 0 ? -1 : 0;
}

int
grant_row_get(struct db *d, const char *id, struct arena *a, struct grant_row *out, struct err *e)
{
    return grant_must(grant_one(d, DB_GRANT_GET, id, a, out, e), id, e);
}

int
grant_row_show(struct db *d, const char *id, struct arena *a, struct grant_row *out, struct err *e)
{
    return grant_must(grant_one(d, DB_GRANT_SHOW, id, a, out, e), id, e);
}

int
grant_number_find(struct db *d, const char *number, char id[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_GRANT_BY_NUMBER, &rows, e, DBS(number)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 1)
        (void)snprintf(id, W_ID, "%s", db_str(rows, 0));
    return rc;
}

int
grant_each(struct db *d, const char *unit, const char *system, const struct db_page *from,
           struct arena *a, grant_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct grant_row g;
    int rc;

    if (system[0] != '\0')
        rc = DB_QUERY(d, DB_GRANT_LIST_SYSTEM, &rows, e, DBS(system), DBS(unit), DBS(unit),
                      DBI(from->n), DBS(from->id), DBI(from->limit));
    else if (unit[0] != '\0')
        rc = DB_QUERY(d, DB_GRANT_LIST_UNIT, &rows, e, DBS(unit), DBI(from->n), DBS(from->id),
                      DBI(from->limit), DBI(from->limit));
    else
        rc = DB_QUERY(d, DB_GRANT_LIST, &rows, e, DBI(from->n), DBS(from->id), DBI(from->limit));
    if (rc < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        grant_read(rows, a, &g);
        if (fn(arg, &g, e) < 0)
            return -1;
    }
    return rc;
}

int
grant_open_orders(struct db *d, const char *grant, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_GRANT_OPEN_ORDERS, &rows, e, DBS(grant)) < 0 || db_next(rows, e) != 1)
        return -1;
    *n = db_int(rows, 0);
    return 0;
}

/* Columns as in ORD_COLS of stmt_flow.def. */
static void
order_read(const struct db_rows *r, struct arena *a, struct order_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    COPY(o->grant, r, c++);
    o->kind = (int)db_int(r, c++);
    COPY(o->resource, r, c++);
    COPY(o->name, r, c++);
    o->verb = (int)db_int(r, c++);
    o->wanted = (int)db_int(r, c++);
    o->term = (uint64_t)db_int(r, c++);
    o->generation = (uint64_t)db_int(r, c++);
    COPY(o->host, r, c++);
    o->authority = (int)db_int(r, c++);
    COPY(o->authority_id, r, c++);
    o->issued_ms = db_int(r, c++);
    o->closed_ms = db_int(r, c++);
    o->superseded_ms = db_int(r, c++);
    o->reason = arena_strdup(a, db_str(r, c++));
    o->paper = arena_strdup(a, db_str(r, c++));
    o->body = arena_strdup(a, db_str(r, c++));
    COPY(o->unit, r, c++);
    o->seen_reason = arena_strdup(a, db_str(r, c++));
    o->revision = db_int(r, c++);
}

int
order_row_get(struct db *d, const char *id, struct arena *a, struct order_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_ORDER_GET, &rows, e, DBS(id)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no order %s", id);
    if (rc == 1)
        order_read(rows, a, out);
    return rc < 0 ? -1 : 0;
}

int64_t
order_list_key(const struct order_filter *f, const struct order_row *o)
{
    bool by_host = f->grant[0] == '\0' && f->resource[0] == '\0' && f->host[0] != '\0';

    return by_host ? o->revision : o->issued_ms;
}

int
order_each(struct db *d, const struct order_filter *f, struct arena *a, order_fn fn, void *arg,
           struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct order_row o;
    int rc;

    const struct db_value n = DBI(f->from.n), id = DBS(f->from.id), limit = DBI(f->from.limit);

    /* One statement for each index. */
    if (f->grant[0] != '\0')
        rc = DB_QUERY(d, DB_ORDER_LIST_GRANT, &rows, e, DBS(f->grant), DBS(f->unit), DBS(f->unit),
                      DBS(f->resource), DBS(f->resource), DBS(f->host), DBS(f->host), DBI(f->open),
                      n, id, limit);
    else if (f->resource[0] != '\0')
        rc = DB_QUERY(d, DB_ORDER_LIST_RESOURCE, &rows, e, DBS(f->resource), DBS(f->unit),
                      DBS(f->unit), DBS(f->host), DBS(f->host), DBI(f->open), n, id, limit);
    else if (f->host[0] != '\0')
        rc = DB_QUERY(d, DB_ORDER_LIST_HOST, &rows, e, DBS(f->host), DBS(f->unit), DBS(f->unit),
                      DBI(f->open), n, id, limit);
    else if (f->open)
        rc = DB_QUERY(d, DB_ORDER_LIST_OPEN, &rows, e, DBS(f->unit), DBS(f->unit), n, id, limit);
    else if (f->unit[0] != '\0')
        rc = DB_QUERY(d, DB_ORDER_LIST_UNIT, &rows, e, DBS(f->unit), n, id, limit, limit);
    else
        rc = DB_QUERY(d, DB_ORDER_LIST, &rows, e, n, id, limit);
    if (rc < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        order_read(rows, a, &o);
        if (fn(arg, &o, e) < 0)
            return -1;
    }
    return rc;
}

int
order_close(struct db *d, const char *id, int64_t at_ms, bool *closed, struct err *e)
{
    int n = 0;

    if (DB_EXEC(d, DB_ORDER_CLOSE, &n, e, DBI(at_ms), DBS(id)) < 0)
        return -1;
    *closed = n > 0;
    return 0;
}

int
order_run_times(struct db *d, const char *resource, int64_t *ran_ms, int64_t *sized_ms,
                struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_ORDER_RUN_TIMES, &r, e, DBS(resource), DBS(resource), DBS(resource),
                 DBS(resource)) < 0 ||
        db_next(r, e) != 1)
        return err_wrap(e, "orders of %s", resource);
    *ran_ms = db_int(r, 0);
    *sized_ms = db_int(r, 2);
    if (db_int(r, 1) > 0 && *sized_ms == 0)
        *sized_ms = INT64_MAX;
    return 0;
}

int
order_sizes(struct db *d, const char *resource, int64_t from_ms, struct sizes *vcpus,
            struct sizes *mem_mib, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(arena) struct arena a = {0};
    int64_t at = INT64_MAX;
    int rc = 0;

    vcpus->n = mem_mib->n = 0;
    if (DB_QUERY(d, DB_ORDER_SIZES, &r, e, DBS(resource), DBS(resource)) < 0)
        return -1;
    while (at > from_ms && (rc = db_next(r, e)) == 1) {
        const char *body = db_str(r, 1);
        struct w_order o;

        if (W_DECODE(order, body, strlen(body), JM_SIGNED, &a, &o, e) < 0)
            return err_wrap(e, "orders of %s", resource);
        at = db_int(r, 0);
        sizes_add_older(vcpus, at, o.vm.vcpus);
        sizes_add_older(mem_mib, at, o.vm.mem_mib);
        arena_clear(&a);
    }
    return rc < 0 ? -1 : 0;
}

int
order_reason_set(struct db *d, const char *id, const char *reason, struct err *e)
{
    return DB_EXEC(d, DB_ORDER_REASON, NULL, e, DBS(reason == NULL ? "" : reason), DBS(id));
}

int
system_row_get(struct db *d, const char *id, struct arena *a, struct system_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_SYSTEM_FLOW_GET, &rows, e, DBS(id)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no information system %s", id);
    if (rc < 0)
        return -1;
    memset(out, 0, sizeof(*out));
    COPY(out->id, rows, 0);
    COPY(out->name, rows, 1);
    COPY(out->unit, rows, 2);
    out->mlps_level = (uint32_t)db_int(rows, 3);
    out->ssh_key = db_str(rows, 4)[0] == '\0' ? NULL : arena_strdup(a, db_str(rows, 4));
    COPY(out->unit_name, rows, 5);
    return 0;
}
