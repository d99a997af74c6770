#include "drivers/db/store_part.h"

#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"

enum { VNI_MAX = 16777215 };

#define COPY(dst, r, col) (void)snprintf(dst, sizeof(dst), "%s", db_str(r, col))

static void
part_read(const struct db_rows *r, struct arena *a, struct part_row *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    COPY(o->host, r, c++);
    COPY(o->host_name, r, c++);
    COPY(o->host_state, r, c++);
    COPY(o->underlay, r, c++);
    o->wanted = (int)db_int(r, c++);
    o->seen = (int)db_int(r, c++);
    o->equal = db_int(r, c++) != 0;
    o->generation = (uint64_t)db_int(r, c++);
    o->seen_generation = (uint64_t)db_int(r, c++);
    o->seen_ms = db_int(r, c++);
    o->reason = arena_strdup(a, db_str(r, c++));
    COPY(o->grant, r, c++);
    COPY(o->unit, r, c++);
    COPY(o->bridge, r, c++);
    o->body = arena_strdup(a, db_str(r, c++));
    o->machines = (uint32_t)db_int(r, c++);
    o->host_seen_ms = db_int(r, c++);
    if (db_int(r, c++) != 0)
        o->host_unknown = arena_strdup(a, db_str(r, c));
}

int
part_list(struct db *d, const char *network, struct arena *a, struct part_row **out, size_t *n,
          struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct part_row *list = NULL;
    size_t room = 0;
    int rc;

    *n = 0;
    if (DB_QUERY(d, DB_PART_LIST, &rows, e, DBS(network), DBS(network), DBS(network)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        if (*n == room) {
            struct part_row *more = arena_alloc(a, (room = room * 2 + 4) * sizeof(*more));

            if (*n > 0)
                memcpy(more, list, *n * sizeof(*more));
            list = more;
        }
        part_read(rows, a, &list[(*n)++]);
    }
    *out = list;
    return rc;
}

int
part_at(struct db *d, const char *network, const char *host, char id[W_ID], int *wanted,
        struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_PART_AT, &rows, e, DBS(network), DBS(host)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 1) {
        (void)snprintf(id, W_ID, "%s", db_str(rows, 0));
        *wanted = (int)db_int(rows, 1);
    }
    return rc;
}

int
part_whole(struct db *d, const char *id, char out[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    const char *whole = id;
    int rc;

    if (DB_QUERY(d, DB_PART_WHOLE, &rows, e, DBS(id)) < 0 || (rc = db_next(rows, e)) < 0)
        return -1;
    if (rc == 1 && db_str(rows, 0)[0] != '\0')
        whole = db_str(rows, 0);
    memmove(out, whole, strlen(whole) + 1); /* may be the id itself */
    return 0;
}

static int
one_int(struct db_rows *rows, int64_t *out, struct err *e)
{
    int rc = db_next(rows, e);

    *out = rc == 1 ? db_int(rows, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int
part_each_of_host(struct db *d, const char *host, struct arena *a, part_fn fn, void *arg,
                  struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct id {
        struct id *next;
        const char *network;
    } *head = NULL;
    int rc;

    rc = host == NULL ? db_query(d, DB_PART_NETWORKS_ALL, NULL, 0, &rows, e)
                      : DB_QUERY(d, DB_PART_NETWORKS_HOST, &rows, e, DBS(host));
    if (rc < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1) {
        struct id *x = arena_alloc(a, sizeof(*x));

        x->network = arena_strdup(a, db_str(rows, 0));
        x->next = head;
        head = x;
    }
    for (; rc == 0 && head != NULL; head = head->next)
        rc = fn(arg, head->network, e);
    return rc;
}

int
segment_get(struct db *d, const char *network, uint32_t *vni, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int64_t n = 0;

    if (DB_QUERY(d, DB_SEGMENT_GET, &rows, e, DBS(network)) < 0 || one_int(rows, &n, e) < 0)
        return -1;
    *vni = (uint32_t)n;
    return 0;
}

static int
next_free(struct db *d, enum db_stmt s, int64_t *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    return db_query(d, s, NULL, 0, &rows, e) < 0 ? -1 : one_int(rows, out, e);
}

int
segment_take(struct db *d, const char *network, uint32_t *vni, struct err *e)
{
    int64_t n = 0;
    int added = 0;

    if (segment_get(d, network, vni, e) < 0)
        return -1;
    if (*vni != 0)
        return 0;
    if (next_free(d, DB_SEGMENT_NEXT, &n, e) < 0 ||
        (n > VNI_MAX && next_free(d, DB_SEGMENT_GAP, &n, e) < 0))
        return -1;
    if (n > VNI_MAX)
        return err_set(e, BY_E_CONFLICT, "all %d segments (VNI) are in use: erase networks first",
                       VNI_MAX);
    if (DB_EXEC(d, DB_SEGMENT_ADD, &added, e, DBI(n), DBS(network)) < 0)
        return -1;
    if (added != 1)
        return err_set(e, BY_E_BUG, "segment %lld of network %s is taken", (long long)n, network);
    *vni = (uint32_t)n;
    return 0;
}

int
segment_import(struct db *d, const char *network, uint32_t vni, struct err *e)
{
    return DB_EXEC(d, DB_SEGMENT_ADD, NULL, e, DBI(vni), DBS(network));
}

int
segment_end(struct db *d, const char *network, struct err *e)
{
    return DB_EXEC(d, DB_SEGMENT_END, NULL, e, DBS(network), DBS(network), DBS(network));
}
