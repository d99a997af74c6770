#include "drivers/db/store_claim.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

enum { UUID_LEN = 36 };

int
claim_insert(struct db *d, const struct claim_row *c, struct err *e)
{
    return DB_EXEC(d, DB_CLAIM_ADD, NULL, e, DBS(c->id), DBS(c->host), DBS(c->vm), DBS(c->name),
                   DBS(c->system), DBS(c->unit), DBS(c->account), DBS(c->reason), DBI(c->state),
                   DBI(c->at_ms), DBS(c->found));
}

static void
claim_read(const struct db_rows *r, struct arena *a, struct claim_row *c)
{
    memset(c, 0, sizeof(*c));
    COPY(c->id, r, 0);
    COPY(c->host, r, 1);
    COPY(c->vm, r, 2);
    COPY(c->name, r, 3);
    COPY(c->system, r, 4);
    COPY(c->unit, r, 5);
    COPY(c->account, r, 6);
    c->reason = arena_strdup(a, db_str(r, 7));
    c->state = (enum claim_state)db_int(r, 8);
    c->at_ms = db_int(r, 9);
    c->found = arena_strdup(a, db_str(r, 10));
    COPY(c->decided_by, r, 11);
    c->decided_ms = db_int(r, 12);
    c->decision = arena_strdup(a, db_str(r, 13));
    COPY(c->grant, r, 14);
    COPY(c->host_name, r, 15);
    COPY(c->system_name, r, 16);
    COPY(c->unit_name, r, 17);
    c->rivals = (uint32_t)db_int(r, 18);
}

int
claim_get(struct db *d, const char *id, struct arena *a, struct claim_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_CLAIM_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no claim %s", id);
    claim_read(r, a, out);
    return 0;
}

int
claim_decide(struct db *d, const struct claim_row *c, enum claim_state to, const char *account,
             const char *why, const char *grant, int64_t now_ms, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(d, DB_CLAIM_DECIDE, &changed, e, DBI(to), DBS(account), DBI(now_ms), DBS(why),
                DBS(grant), DBS(c->id), DBI(c->state)) < 0)
        return -1;
    return changed == 1 ? 0 : err_set(e, BY_E_CONFLICT, "claim %s was decided meanwhile", c->id);
}

int
claim_count_open(struct db *d, const char *unit, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_CLAIM_COUNT_OPEN, &r, e, DBS(unit)) < 0 || db_next(r, e) != 1)
        return -1;
    *n = db_int(r, 0);
    return 0;
}

static int
claims_walk(struct db_rows *r, struct arena *a, claim_fn fn, void *arg, struct err *e)
{
    struct claim_row c;
    int rc;

    while ((rc = db_next(r, e)) == 1) {
        claim_read(r, a, &c);
        if (fn(arg, &c, e) < 0)
            return -1;
    }
    return rc;
}

int
claim_each(struct db *d, const char *unit, const struct db_page *from, struct arena *a, claim_fn fn,
           void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_CLAIM_LIST, &r, e, DBS(unit), DBS(unit), DBI(from->text[0] == '1'),
                 DBI(from->n), DBS(from->id), DBI(from->limit)) < 0)
        return -1;
    return claims_walk(r, a, fn, arg, e);
}

int
claim_each_of(struct db *d, const char *vm, struct arena *a, claim_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_CLAIM_OF_VM, &r, e, DBS(vm)) < 0)
        return -1;
    return claims_walk(r, a, fn, arg, e);
}

/* ---- what hosts say of machines that no order made ---- */

static void
found_read(const struct db_rows *r, struct arena *a, struct found_row *f)
{
    memset(f, 0, sizeof(*f));
    COPY(f->host, r, 0);
    f->kind = (int)db_int(r, 1);
    COPY(f->id, r, 2);
    COPY(f->name, r, 3);
    f->seen = (int)db_int(r, 4);
    f->as_of_ms = db_int(r, 5);
    f->found = arena_strdup(a, db_str(r, 6));
    COPY(f->host_name, r, 7);
}

static int
found_by(struct db *d, enum db_stmt by, const char *what, struct arena *a, struct found_row *out,
         struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct found_row second;
    int rc, n = 0;

    if (DB_QUERY(d, by, &r, e, DBS(what)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        found_read(r, a, n++ == 0 ? out : &second);
    return rc < 0 ? -1 : n;
}

int
found_find(struct db *d, const char *id_or_name, struct arena *a, struct found_row *out,
           struct err *e)
{
    int n = strlen(id_or_name) == UUID_LEN ? found_by(d, DB_FOUND_BY_ID, id_or_name, a, out, e) : 0;

    return n != 0 ? n : found_by(d, DB_FOUND_BY_NAME, id_or_name, a, out, e);
}

int
found_each(struct db *d, const struct db_page *from, struct arena *a, found_fn fn, void *arg,
           struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct found_row f;
    int rc;

    if (DB_QUERY(d, DB_FOUND_LIST, &r, e, DBS(from->text), DBS(from->text), DBI(from->n),
                 DBS(from->id), DBI(from->limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        found_read(r, a, &f);
        f.claims = (uint32_t)db_int(r, 8);
        if (fn(arg, &f, e) < 0)
            return -1;
    }
    return rc;
}

int
found_set(struct db *d, const char *host, const char *id, const char *found, struct err *e)
{
    return DB_EXEC(d, DB_FOUND_SET, NULL, e, DBS(found), DBS(host), DBS(id), DBS(found));
}

int
resource_readopt(struct db *d, const struct resource_row *r, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(d, DB_RES_READOPT, &changed, e, DBS(r->name), DBS(r->system), DBS(r->unit),
                DBS(r->grant), DBI(r->line), DBI(r->ordinal), DBS(r->host), DBI(r->vcpus),
                DBI(r->mem_mib), DBI(r->bytes), DBI(r->wanted), DBS(r->id)) < 0)
        return -1;
    return changed == 1 ? 0 : err_set(e, BY_E_BUG, "resource %s has no row", r->id);
}
