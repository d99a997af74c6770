#include "drivers/db/store_act.h"

#include <stdio.h>
#include <string.h>

#include "drivers/base/strbuf.h"

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

static int
state_read(const char *text, struct arena *a, struct w_unit_state *out, struct err *e)
{
    return W_DECODE(unit_state, text, strlen(text), JM_PEER, a, out, e);
}

/* Columns as in UNIT_ACT_COLS of stmt_self.def. */
static int
act_read(const struct db_rows *r, struct arena *a, struct act_row *o, struct err *e)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    o->seq = db_int(r, c++);
    COPY(o->id, r, c++);
    o->at_ms = db_int(r, c++);
    COPY(o->unit, r, c++);
    COPY(o->account, r, c++);
    o->what = (int)db_int(r, c++);
    COPY(o->resource, r, c++);
    COPY(o->other, r, c++);
    o->text = arena_strdup(a, db_str(r, c++));
    if (state_read(db_str(r, c++), a, &o->before, e) < 0 ||
        state_read(db_str(r, c++), a, &o->after, e) < 0)
        return err_wrap(e, "act %s", o->id);
    o->until_ms = db_int(r, c++);
    COPY(o->undone_by, r, c++);
    return 0;
}

int
act_row_insert(struct db *d, const struct act_row *r, struct err *e)
{
    SCOPED(strbuf) struct strbuf before = {0}, after = {0};

    jm_encode(schema_unit_state, &r->before, &before);
    jm_encode(schema_unit_state, &r->after, &after);
    return DB_EXEC(d, DB_UNIT_ACT_INSERT, NULL, e, DBS(r->id), DBI(r->at_ms), DBS(r->unit),
                   DBS(r->account), DBI(r->what), DBS(r->resource), DBS(r->other), DBS(r->text),
                   DBS(strbuf_peek(&before)), DBS(strbuf_peek(&after)), DBI(r->until_ms));
}

static int
one(struct db_rows *rows, struct arena *a, struct act_row *out, struct err *e)
{
    int rc = db_next(rows, e);

    if (rc == 1 && act_read(rows, a, out, e) < 0)
        return -1;
    return rc;
}

int
act_row_get(struct db *d, const char *id, struct arena *a, struct act_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_UNIT_ACT_GET, &rows, e, DBS(id)) < 0 || (rc = one(rows, a, out, e)) < 0)
        return -1;
    return rc == 1 ? 0 : err_set(e, BY_E_NOT_FOUND, "there is no act %s", id);
}

int
act_row_last(struct db *d, const char *resource, int what, struct arena *a, struct act_row *out,
             struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_UNIT_ACT_LAST, &rows, e, DBS(resource), DBI(what)) < 0)
        return -1;
    return one(rows, a, out, e);
}

int
act_row_each(struct db *d, const char *unit, const struct db_page *from, struct arena *a,
             act_row_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct act_row r;
    int rc;

    if (DB_QUERY(d, DB_UNIT_ACT_LIST, &rows, e, DBS(unit), DBS(unit), DBI(from->n),
                 DBI(from->limit)) < 0)
        return -1;
    while ((rc = one(rows, a, &r, e)) == 1)
        if (fn(arg, &r, e) < 0)
            return -1;
    return rc;
}

int
act_row_undone(struct db *d, const char *id, const char *by, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(d, DB_UNIT_ACT_UNDONE, &changed, e, DBS(by), DBS(id)) < 0)
        return -1;
    return changed == 1 ? 0 : err_set(e, BY_E_CONFLICT, "act %s was undone already", id);
}

int
self_count(struct db *d, const char *grant, uint32_t *things, uint32_t *ordinal, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_SELF_COUNT, &rows, e, DBS(grant), DBS(grant)) < 0 || db_next(rows, e) != 1)
        return -1;
    *things = (uint32_t)db_int(rows, 0);
    *ordinal = (uint32_t)db_int(rows, 1);
    return 0;
}

int
self_named(struct db *d, const char *system, const char *name, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_SELF_NAMED, &rows, e, DBS(system), DBS(name)) < 0)
        return -1;
    return db_next(rows, e);
}

int
self_ip_taken(struct db *d, const char *network, const char *ip, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_SELF_IP_TAKEN, &rows, e, DBS(network), DBS(ip)) < 0)
        return -1;
    return db_next(rows, e);
}

int
self_mem_peak(struct db *d, const char *vm, int64_t since_ms, int64_t *slots, int64_t *peak,
              struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_SELF_MEM_PEAK, &rows, e, DBS(vm), DBI(METRIC_MEM), DBI(since_ms)) < 0 ||
        db_next(rows, e) != 1)
        return -1;
    *slots = db_int(rows, 0);
    *peak = db_int(rows, 1);
    return 0;
}

int
self_each_grant(struct db *d, const char *unit, int64_t now_ms, self_grant_fn fn, void *arg,
                struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_SELF_GRANTS, &rows, e, DBS(unit), DBI(now_ms)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1)
        if (fn(arg, db_str(rows, 0), e) < 0)
            return -1;
    return rc;
}
