#include "drivers/db/store_clock.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

static const char *
or_all(const char *s)
{
    return s == NULL ? "" : s;
}

/* Columns as in CLOCK_COLS of stmt_clock.def. */
static void
clock_read(const struct db_rows *r, struct clock_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    o->kind = clock_kind_of(db_str(r, c++));
    COPY(o->subject_kind, r, c++);
    COPY(o->subject, r, c++);
    COPY(o->title, r, c++);
    COPY(o->unit, r, c++);
    o->duty_role = (int)db_int(r, c++);
    o->start_ms = db_int(r, c++);
    COPY(o->event_day, r, c++);
    o->n = (uint32_t)db_int(r, c++);
    COPY(o->policy, r, c++);
    COPY(o->calendar, r, c++);
    COPY(o->due_day, r, c++);
    o->due_ms = db_int(r, c++);
    o->provisional = db_int(r, c++) != 0;
    o->met_ms = db_int(r, c++);
    o->overdue_ms = db_int(r, c++);
    o->cancelled_ms = db_int(r, c++);
    o->told_ms = db_int(r, c++);
    o->next_ms = db_int(r, c++);
}

static const char *
kind_name(enum clock_kind k)
{
    const struct clock_rule *rule = clock_rule(k);

    return rule == NULL ? "" : rule->name;
}

int
clock_row_insert(struct db *d, const struct clock_row *r, struct err *e)
{
    return DB_EXEC(d, DB_CLOCK_INSERT, NULL, e, DBS(r->id), DBS(kind_name(r->kind)),
                   DBS(r->subject_kind), DBS(r->subject), DBS(r->title), DBS(r->unit),
                   DBI(r->duty_role), DBI(r->start_ms), DBS(r->event_day), DBI(r->n),
                   DBS(r->policy), DBS(r->calendar), DBS(r->due_day), DBI(r->due_ms),
                   DBI(r->provisional), DBI(r->next_ms));
}

static int
read_one(struct db_rows *rows, struct clock_row *out, struct err *e)
{
    int rc = db_next(rows, e);

    if (rc == 1)
        clock_read(rows, out);
    return rc;
}

int
clock_row_find(struct db *d, const char *id, struct clock_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_CLOCK_GET, &rows, e, DBS(id)) < 0)
        return -1;
    return read_one(rows, out, e);
}

int
clock_row_open(struct db *d, enum clock_kind kind, const char *subject, struct clock_row *out,
               struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_CLOCK_OPEN, &rows, e, DBS(kind_name(kind)), DBS(subject)) < 0)
        return -1;
    return read_one(rows, out, e);
}

int
clock_row_meet(struct db *d, const char *id, int64_t at_ms, int64_t next_ms, struct err *e)
{
    return DB_EXEC(d, DB_CLOCK_MEET, NULL, e, DBI(at_ms), DBI(next_ms), DBS(id));
}

int
clock_row_cancel(struct db *d, const char *id, int64_t at_ms, struct err *e)
{
    return DB_EXEC(d, DB_CLOCK_CANCEL, NULL, e, DBI(at_ms), DBS(id));
}

int
clock_row_told(struct db *d, const struct clock_row *r, struct err *e)
{
    return DB_EXEC(d, DB_CLOCK_TOLD, NULL, e, DBI(r->overdue_ms), DBI(r->told_ms), DBI(r->next_ms),
                   DBS(r->id));
}

int
clock_row_recompute(struct db *d, const struct clock_row *r, struct err *e)
{
    return DB_EXEC(d, DB_CLOCK_RECOMPUTE, NULL, e, DBI(r->n), DBS(r->calendar), DBS(r->due_day),
                   DBI(r->due_ms), DBI(r->provisional), DBI(r->overdue_ms), DBI(r->told_ms),
                   DBI(r->next_ms), DBS(r->id));
}

int
clock_row_each(struct db *d, const struct clock_filter *f, clock_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    const char *unit = or_all(f->unit), *kind = kind_name(f->kind), *subject = or_all(f->subject);
    const struct db_value v[] = {DBS(subject),
                                 DBS(unit),
                                 DBS(unit),
                                 DBS(kind),
                                 DBS(kind),
                                 DBI(f->duty_role),
                                 DBI(f->duty_role),
                                 DBI(f->open),
                                 DBI(f->due_before_ms),
                                 DBI(f->due_before_ms),
                                 DBI(f->after_ms),
                                 DBS(or_all(f->after_id)),
                                 DBI(f->limit == 0 ? 1000 : f->limit)};
    size_t n = sizeof(v) / sizeof(v[0]);
    struct clock_row row;
    int rc;

    /* One statement for each index. */
    if (subject[0] != '\0')
        rc = db_query(d, DB_CLOCK_LIST_SUBJECT, v, n, &rows, e);
    else
        rc = db_query(d, DB_CLOCK_LIST, v + 1, n - 1, &rows, e);
    if (rc < 0)
        return -1;
    while ((rc = read_one(rows, &row, e)) == 1)
        if (fn(arg, &row, e) < 0)
            return -1;
    return rc;
}

int
clock_feed_each(struct db *d, int duty_role, const char *unit, int64_t since_ms, clock_fn fn,
                void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct clock_row row;
    int rc;

    if (DB_QUERY(d, DB_CLOCK_FEED_LIST, &rows, e, DBI(duty_role), DBS(unit), DBS(unit),
                 DBI(since_ms), DBI(since_ms)) < 0)
        return -1;
    while ((rc = read_one(rows, &row, e)) == 1)
        if (fn(arg, &row, e) < 0)
            return -1;
    return rc;
}

int
clock_tell(struct db *d, const char *id, const struct clock_event *ev, int64_t now_ms,
           struct err *e)
{
    return DB_EXEC(d, DB_CLOCK_TELL, NULL, e, DBS(id), DBI(ev->what), DBI(ev->to), DBI(ev->days),
                   DBI(ev->at_ms), DBI(now_ms));
}

int
clock_told_each(struct db *d, const char *id, clock_told_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_CLOCK_TOLD_LIST, &rows, e, DBS(id)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        struct clock_event ev = {.what = (enum clock_event_what)db_int(rows, 0),
                                 .to = (enum clock_to)db_int(rows, 1),
                                 .days = (int32_t)db_int(rows, 2),
                                 .at_ms = db_int(rows, 3)};

        if (fn(arg, &ev, db_int(rows, 4), e) < 0)
            return -1;
    }
    return rc;
}
