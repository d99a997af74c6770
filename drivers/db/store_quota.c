#include "drivers/db/store_quota.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "drivers/crypto/digest.h"

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

static const char *const metric_names[QM__MAX] = {"vcpus", "mem_mib", "disk_gib", "networks"};
static const char *const account_names[QB__MAX] = {"granted", "free", "reserved", "used",
                                                   "returning"};

const char *
quota_metric_name(enum quota_metric m)
{
    return metric_names[m];
}

static int
name_index(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static void
sums_add(struct quota_sums *s, const char *metric, const char *account, int64_t amount)
{
    int m = name_index(metric_names, QM__MAX, metric);
    int a = name_index(account_names, QB__MAX, account);

    if (m >= 0 && a >= 0)
        s->by[m][a] += amount;
}

int
quota_entry_move(struct db *d, const char *grant, enum quota_metric m, enum quota_book from,
                 enum quota_book to, int64_t amount, const char *resource, const char *order,
                 int64_t now_ms, struct err *e)
{
    char movement[W_ID];

    assert(amount > 0 && from != to);
    random_uuid_at(now_ms, movement);
    for (int side = 0; side < 2; side++) {
        const char *account = account_names[side == 0 ? from : to];
        int64_t part = side == 0 ? -amount : amount;

        if (DB_EXEC(d, DB_QUOTA_INSERT, NULL, e, DBS(grant), DBS(metric_names[m]), DBS(account),
                    DBI(part), DBS(movement), DBS(resource), DBS(order), DBI(now_ms)) < 0 ||
            DB_EXEC(d, DB_QUOTA_SUM_ADD, NULL, e, DBS(grant), DBS(metric_names[m]), DBS(account),
                    DBI(part)) < 0)
            return err_wrap(e, "quota of grant %s", grant);
    }
    return 0;
}

static int
sums_query(struct db *d, enum db_stmt s, const char *key, struct quota_sums *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    if (DB_QUERY(d, s, &rows, e, DBS(key)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1)
        sums_add(out, db_str(rows, 0), db_str(rows, 1), db_int(rows, 2));
    return rc;
}

int
quota_resource_sums(struct db *d, const char *resource, struct quota_sums *out, struct err *e)
{
    return sums_query(d, DB_QUOTA_RESOURCE, resource, out, e);
}

int
quota_grant_sums(struct db *d, const char *grant, struct quota_sums *out, struct err *e)
{
    return sums_query(d, DB_QUOTA_GRANT, grant, out, e);
}

int
quota_each_grant(struct db *d, const char *unit, const char *after, int grants, quota_sum_fn fn,
                 void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    char grant[W_ID] = "", number[100] = "";
    struct quota_sums s = {0};
    int rc, n = 0;

    if (DB_QUERY(d, DB_QUOTA_SUMS, &rows, e, DBS(unit), DBS(unit), DBS(after),
                 DBI((int64_t)(grants + 1) * QM__MAX * QB__MAX)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        if (strcmp(grant, db_str(rows, 0)) != 0) {
            if (grant[0] != '\0' && fn(arg, grant, number, &s, e) < 0)
                return -1;
            if (n++ == grants)
                return 0;
            memset(&s, 0, sizeof(s));
            COPY(grant, rows, 0);
            COPY(number, rows, 1);
        }
        sums_add(&s, db_str(rows, 2), db_str(rows, 3), db_int(rows, 4));
    }
    if (rc == 0 && grant[0] != '\0')
        return fn(arg, grant, number, &s, e);
    return rc;
}

static void
proof_read(const struct db_rows *r, struct quota_proof_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    o->kind = (int)db_int(r, c++);
    COPY(o->grant, r, c++);
    o->wanted = (int)db_int(r, c++);
    o->settled = db_int(r, c++) != 0;
    o->absent_ms = db_int(r, c++);
    o->inventory_ms = db_int(r, c++);
    o->inventory_unknown = db_int(r, c++) != 0;
    o->host_seen_ms = db_int(r, c++);
    o->found = !db_is_null(r, c);
    o->seen = (int)db_int(r, c++);
    o->vcpus = (uint64_t)db_int(r, c++);
    o->mem_mib = (uint64_t)db_int(r, c++);
    o->bytes = (uint64_t)db_int(r, c++);
}

int
quota_each_proof(struct db *d, const char *grant, quota_proof_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct quota_proof_row r;
    int rc;

    if (DB_QUERY(d, DB_QUOTA_PROOF, &rows, e, DBS(grant)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        proof_read(rows, &r);
        if (fn(arg, &r, e) < 0)
            return -1;
    }
    return rc;
}

static int
count_of(struct db *d, enum db_stmt s, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (db_query(d, s, NULL, 0, &rows, e) < 0 || db_next(rows, e) != 1)
        return -1;
    *n = db_int(rows, 0);
    return 0;
}

int
quota_each_returning(struct db *d, quota_grant_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (db_query(d, DB_QUOTA_RETURNING, NULL, 0, &rows, e) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1)
        if (fn(arg, db_str(rows, 0), e) < 0)
            return -1;
    return rc;
}

int
quota_books_wrong(struct db *d, int64_t *unbalanced, int64_t *wrong, struct err *e)
{
    if (count_of(d, DB_QUOTA_UNBALANCED, unbalanced, e) < 0)
        return -1;
    return count_of(d, DB_QUOTA_SUM_WRONG, wrong, e);
}
