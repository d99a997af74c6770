#include "drivers/db/store_case.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

int
case_row_add(struct db *d, const struct case_row *c, struct err *e)
{
    return DB_EXEC(d, DB_CASE_ADD, NULL, e, DBS(c->id), DBS(c->number), DBI(c->kind), DBI(c->state),
                   DBS(c->unit), DBS(c->system), DBS(c->grant), DBS(c->subject), DBS(c->title),
                   DBS(c->body), DBI(c->waits), DBI(c->due_ms), DBI(c->opened_ms),
                   DBS(c->opened_by), DBI(c->changed_ms));
}

/* Columns as in CASE_COLS of stmt_case.def. */
static void
case_read(const struct db_rows *r, struct arena *a, struct case_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    COPY(o->number, r, c++);
    o->kind = (int)db_int(r, c++);
    o->state = (int)db_int(r, c++);
    o->rev = (uint64_t)db_int(r, c++);
    COPY(o->unit, r, c++);
    COPY(o->unit_name, r, c++);
    COPY(o->system, r, c++);
    COPY(o->system_name, r, c++);
    COPY(o->grant, r, c++);
    COPY(o->subject, r, c++);
    COPY(o->title, r, c++);
    o->body = arena_strdup(a, db_str(r, c++));
    o->waits = (int)db_int(r, c++);
    o->due_ms = db_int(r, c++);
    o->opened_ms = db_int(r, c++);
    COPY(o->opened_by, r, c++);
    o->changed_ms = db_int(r, c++);
}

int
case_row_get(struct db *d, const char *id, struct arena *a, struct case_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_CASE_GET, &rows, e, DBS(id)) < 0 || (rc = db_next(rows, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no case %s", id);
    case_read(rows, a, out);
    return 0;
}

int
case_row_set(struct db *d, struct case_row *c, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(d, DB_CASE_SET, &changed, e, DBI(c->state), DBS(c->system), DBS(c->grant),
                DBS(c->title), DBS(c->body), DBI(c->waits), DBI(c->due_ms), DBI(c->changed_ms),
                DBS(c->id), DBI(c->rev)) < 0)
        return -1;
    if (changed == 0)
        return err_field(e, BY_E_CONFLICT, "rev",
                         "case %s has changed meanwhile: look at it again, then decide", c->number);
    c->rev++;
    return 0;
}

int
case_step_add(struct db *d, const struct case_row *c, const char *account, int event,
              const char *reason, const char *body_sha256, struct err *e)
{
    return DB_EXEC(d, DB_CASE_STEP_ADD, NULL, e, DBS(c->id), DBI(c->rev), DBI(c->changed_ms),
                   DBS(account), DBI(event), DBI(c->state), DBS(reason == NULL ? "" : reason),
                   DBS(body_sha256));
}

static int
each(struct db_rows *rows, struct arena *a, case_fn fn, void *arg, struct err *e)
{
    struct case_row c;
    int rc;

    while ((rc = db_next(rows, e)) == 1) {
        case_read(rows, a, &c);
        if (fn(arg, &c, e) < 0)
            return -1;
    }
    return rc;
}

int
case_each(struct db *d, const struct case_filter *f, struct arena *a, case_fn fn, void *arg,
          struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_CASE_PAGE, &rows, e, DBS(f->unit), DBS(f->unit), DBI(f->kind), DBI(f->kind),
                 DBI(f->state), DBI(f->state), DBS(f->system), DBS(f->system), DBS(f->number),
                 DBS(f->number), DBI(f->before_ms), DBS(f->before_id), DBI(f->limit)) < 0)
        return -1;
    return each(rows, a, fn, arg, e);
}

int
case_of_subject(struct db *d, const char *grant, int kind, const char *subject, char id[W_ID],
                struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_CASE_OF_SUBJECT, &rows, e, DBS(grant), DBI(kind), DBS(subject)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 1)
        (void)snprintf(id, W_ID, "%s", db_str(rows, 0));
    return rc;
}

/* ---- steps and documents ----------------------------------------------------------------------
 */

enum { STEPS_MAX = 512, PAPERS_MAX = 64 }; /* as the LIMITs of stmt_case.def */

int
case_steps(struct db *d, const char *id, struct arena *a, struct jm_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct w_case_step *s = arena_alloc(a, STEPS_MAX * sizeof(*s));
    size_t n = 0;
    int rc;

    if (DB_QUERY(d, DB_CASE_STEPS, &rows, e, DBS(id)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1 && n < STEPS_MAX) {
        struct w_case_step *x = &s[n++];

        x->n = (uint64_t)db_int(rows, 0);
        x->at_ms = db_int(rows, 1);
        COPY(x->account, rows, 2);
        COPY(x->account_name, rows, 3);
        x->event = (int)db_int(rows, 4);
        x->state = (int)db_int(rows, 5);
        x->reason = db_str(rows, 6)[0] == '\0' ? NULL : arena_strdup(a, db_str(rows, 6));
        COPY(x->body_sha256, rows, 7);
    }
    *out = (struct jm_list){s, n};
    return rc < 0 ? -1 : 0;
}

int
case_papers(struct db *d, const char *id, struct arena *a, struct jm_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct w_case_paper *p = arena_alloc(a, PAPERS_MAX * sizeof(*p));
    size_t n = 0;
    int rc;

    if (DB_QUERY(d, DB_CASE_PAPERS, &rows, e, DBS(id)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1 && n < PAPERS_MAX) {
        struct w_case_paper *x = &p[n++];

        x->what = (int)db_int(rows, 0);
        COPY(x->attachment, rows, 1);
        COPY(x->name, rows, 2);
        COPY(x->sha256, rows, 3);
        x->size_bytes = (uint64_t)db_int(rows, 4);
    }
    *out = (struct jm_list){p, n};
    return rc < 0 ? -1 : 0;
}
