#include "drivers/db/store_host_flow.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))
enum { PAPERS_MAX = 4096, HOLDS_MAX = 1024 };

int
host_flow_get(struct db *d, const char *id, struct host_flow_row *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_HOST_FLOW_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no host %s", id);
    memset(o, 0, sizeof(*o));
    COPY(o->id, r, 0);
    COPY(o->name, r, 1);
    COPY(o->state, r, 2);
    o->incarnation = (uint64_t)db_int(r, 3);
    COPY(o->boot, r, 4);
    COPY(o->status_boot, r, 5);
    o->status_seq = (uint64_t)db_int(r, 6);
    COPY(o->samples_boot, r, 7);
    o->samples_seq = (uint64_t)db_int(r, 8);
    o->inventory_ms = db_int(r, 9);
    o->inventory_unknown = db_int(r, 10) != 0;
    o->receipts_wanted = db_int(r, 11) != 0;
    o->revision = db_int(r, 12);
    o->seen_ms = db_int(r, 13);
    COPY(o->underlay, r, 14);
    COPY(o->pool, r, 15);
    return 0;
}

int
host_flow_hello(struct db *d, const char *id, const struct w_hello *h, bool want_receipts,
                int64_t now_ms, struct err *e)
{
    return DB_EXEC(d, DB_HOST_FLOW_HELLO, NULL, e, DBS(h->boot), DBS(h->agent_version),
                   DBS(h->arch), DBI(h->cpus), DBI(h->mem_mib), DBI(h->pool_bytes),
                   DBI(h->pool_free_bytes), DBI(h->kvm), DBI(h->lock_manager), DBS(h->underlay),
                   DBI(now_ms), DBS(h->boot), DBS(h->boot), DBI(want_receipts), DBS(id));
}

int
host_flow_receipts_wanted(struct db *d, const char *id, bool wanted, struct err *e)
{
    return DB_EXEC(d, DB_HOST_FLOW_RECEIPTS, NULL, e, DBI(wanted), DBS(id));
}

int
host_flow_status(struct db *d, const char *id, const struct w_status *s, int64_t now_ms,
                 struct err *e)
{
    if (DB_EXEC(d, DB_HOST_FLOW_STATUS, NULL, e, DBS(s->boot), DBI(s->seq), DBI(now_ms),
                DBI(s->pool_free_bytes), DBI(s->unknown), DBS(s->reason == NULL ? "" : s->reason),
                DBS(id)) < 0)
        return -1;
    if (s->complete && !s->unknown)
        return DB_EXEC(d, DB_HOST_FLOW_STATUS_INVENTORY, NULL, e, DBI(now_ms), DBS(id));
    return 0;
}

int
host_flow_samples(struct db *d, const char *id, const char *boot, uint64_t seq, int64_t now_ms,
                  struct err *e)
{
    return DB_EXEC(d, DB_HOST_FLOW_SAMPLES, NULL, e, DBS(boot), DBI(seq), DBI(now_ms), DBS(id));
}

int
host_flow_witness(struct db *d, const char *id, uint64_t seq, const char *head, struct err *e)
{
    return DB_EXEC(d, DB_HOST_FLOW_WITNESS, NULL, e, DBI(seq), DBS(head), DBS(id), DBI(seq));
}

int
host_flow_each_cert(struct db *d, const char *id, const char *key, host_cert_fn fn, void *arg,
                    struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_HOST_FLOW_CERTS, &r, e, DBS(id), DBS(key)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if ((rc = fn(arg, db_str(r, 0), e)) != 0)
            return rc;
    return rc;
}

/* ---- facts for placing ------------------------------------------------------------------------
 */

void
host_facts_read(const struct db_rows *r, int from, struct host_facts *o)
{
    int c = from;

    COPY(o->id, r, c++);
    COPY(o->name, r, c++);
    COPY(o->state, r, c++);
    o->incarnation = (uint64_t)db_int(r, c++);
    COPY(o->zone, r, c++);
    COPY(o->arch, r, c++);
    o->cpus = (uint64_t)db_int(r, c++);
    o->mem_mib = (uint64_t)db_int(r, c++);
    o->cpu_overcommit_percent = (uint64_t)db_int(r, c++);
    o->mem_overcommit_percent = (uint64_t)db_int(r, c++);
    o->pool_bytes = (uint64_t)db_int(r, c++);
    o->pool_free_bytes = (uint64_t)db_int(r, c++);
    o->seen_ms = db_int(r, c++);
    o->inventory_ms = db_int(r, c++);
    o->inventory_unknown = db_int(r, c++) != 0;
    o->vcpus_used = (uint64_t)db_int(r, c++);
    o->mem_used_mib = (uint64_t)db_int(r, c++);
    o->bytes_used = (uint64_t)db_int(r, c++);
    o->underlay = db_int(r, c++) != 0;
    COPY(o->pool_class, r, c++);
    COPY(o->pool, r, c++);
    o->held_until_ms = db_int(r, c++);
}

int
host_facts_ranges(struct db *d, struct arena *a, struct host_facts *h, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    size_t room = 0;
    int rc;

    if (DB_QUERY(d, DB_NETWORK_RANGES, &r, e, DBS(h->id)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        if (h->n_ranges == room) {
            room = room == 0 ? 8 : room * 2;
            const char **more = arena_alloc(a, room * sizeof(*more));
            if (h->n_ranges > 0)
                memcpy(more, h->ranges, h->n_ranges * sizeof(*more));
            h->ranges = more;
        }
        h->ranges[h->n_ranges++] = arena_strdup(a, db_str(r, 0));
    }
    return rc;
}

int
host_facts_same(struct db *d, const char *system, struct host_facts *h, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_PLACE_SAME, &r, e, DBS(h->id), DBS(system)) < 0 || db_next(r, e) != 1)
        return -1;
    h->same = (uint32_t)db_int(r, 0);
    h->alone = (uint32_t)db_int(r, 1);
    return 0;
}

int
host_facts_same_all(struct db *d, const char *system, struct host_facts *hosts, size_t n,
                    struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_PLACE_SAME_ALL, &r, e, DBS(system)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        for (size_t i = 0; i < n; i++)
            if (strcmp(hosts[i].id, db_str(r, 0)) == 0) {
                hosts[i].same = (uint32_t)db_int(r, 1);
                hosts[i].alone = (uint32_t)db_int(r, 2);
            }
    return rc;
}

static int
pool_used(struct db *d, struct host_facts *h, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (h->pool[0] == '\0')
        return 0;
    if (DB_QUERY(d, DB_PLACE_POOL_USED, &r, e, DBS(h->pool)) < 0 || db_next(r, e) != 1)
        return -1;
    h->pool_used_bytes = (uint64_t)db_int(r, 0);
    return 0;
}

int
host_facts_get(struct db *d, const char *id, const char *system, struct arena *a,
               struct host_facts *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_PLACE_HOST, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no host %s", id);
    memset(out, 0, sizeof(*out));
    host_facts_read(r, 0, out);
    return pool_used(d, out, e) < 0 || host_facts_same(d, system, out, e) < 0
               ? -1
               : host_facts_ranges(d, a, out, e);
}

int
host_promises_wrong(struct db *d, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (db_query(d, DB_HOST_FLOW_PROMISE_WRONG, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    *n = db_int(r, 0);
    return 0;
}

/* ---- inventories and the register --------------------------------------------------------------
 */

int
inventory_put(struct db *d, const char *host, const struct w_observed *o, int64_t now_ms,
              struct err *e)
{
    return DB_EXEC(d, DB_INVENTORY_PUT, NULL, e, DBS(host), DBS(o->resource), DBI(o->kind),
                   DBI(o->seen), DBI(o->vcpus), DBI(o->mem_mib), DBI(o->bytes), DBI(now_ms));
}

int
inventory_blur(struct db *d, const char *host, const struct w_observed *o, int64_t now_ms,
               struct err *e)
{
    return DB_EXEC(d, DB_INVENTORY_BLUR, NULL, e, DBI(o->seen), DBI(now_ms), DBS(host),
                   DBS(o->resource));
}

int
inventory_delete(struct db *d, const char *host, const char *resource, struct err *e)
{
    return DB_EXEC(d, DB_INVENTORY_DELETE, NULL, e, DBS(host), DBS(resource));
}

int
inventory_stamp(struct db *d, const char *host, int64_t now_ms, int64_t *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_INVENTORY_NEWEST, &r, e, DBS(host), DBS(host)) < 0 || db_next(r, e) != 1)
        return -1;
    *out = db_int(r, 0) < now_ms ? now_ms : db_int(r, 0) + 1;
    return 0;
}

int
inventory_full(struct db *d, const char *host, int64_t now_ms, struct err *e)
{
    return DB_EXEC(d, DB_INVENTORY_CLEAR, NULL, e, DBS(host), DBI(now_ms));
}

int
unregistered_put(struct db *d, const char *host, const struct w_observed *o, int64_t now_ms,
                 struct err *e)
{
    return DB_EXEC(d, DB_UNREG_PUT, NULL, e, DBS(host), DBS(o->resource), DBI(o->kind),
                   DBS(o->name), DBI(o->seen), DBI(now_ms), DBI(now_ms));
}

int
unregistered_delete(struct db *d, const char *host, int kind, const char *id, struct err *e)
{
    return DB_EXEC(d, DB_UNREG_DELETE, NULL, e, DBS(host), DBI(kind), DBS(id));
}

int
unregistered_trim(struct db *d, const char *host, int64_t before_ms, struct err *e)
{
    return DB_EXEC(d, DB_UNREG_CLEAR, NULL, e, DBS(host), DBI(before_ms));
}

int
unregistered_count(struct db *d, const char *host, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_UNREG_COUNT, &r, e, DBS(host)) < 0 || db_next(r, e) != 1)
        return -1;
    *n = db_int(r, 0);
    return 0;
}

int
unregistered_keep(struct db *d, const char *host, int64_t n, struct err *e)
{
    return DB_EXEC(d, DB_UNREG_KEEP, NULL, e, DBS(host), DBS(host), DBI(n - 1));
}

int
inventory_each_missing(struct db *d, const char *host, id_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_RES_MISSING_SEEN, &r, e, DBS(host), DBS(host)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (fn(arg, db_str(r, 0), e) < 0)
            return -1;
    return rc;
}

/* ---- holds ------------------------------------------------------------------------------------
 */

static void
hold_read(const struct db_rows *r, struct arena *a, struct hold_row *o)
{
    memset(o, 0, sizeof(*o));
    COPY(o->hold.id, r, 0);
    COPY(o->hold.host, r, 1);
    COPY(o->hold.resource, r, 2);
    o->hold.until_ms = db_int(r, 3);
    o->hold.reason = arena_strdup(a, db_str(r, 4));
    COPY(o->account, r, 5);
    o->at_ms = db_int(r, 6);
    o->ended_ms = db_int(r, 7);
}

/* What placing knows of a host it reads again when the host's row changes. */
int
hold_insert(struct db *d, const struct hold_row *h, struct err *e)
{
    if (DB_EXEC(d, DB_HOLD_INSERT, NULL, e, DBS(h->hold.id), DBS(h->hold.host),
                DBS(h->hold.resource), DBI(h->hold.until_ms), DBS(h->hold.reason), DBS(h->account),
                DBI(h->at_ms)) < 0)
        return -1;
    return DB_EXEC(d, DB_HOLD_TOUCH, NULL, e, DBS(h->hold.id));
}

int
hold_get(struct db *d, const char *id, struct arena *a, struct hold_row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_HOLD_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no hold %s", id);
    hold_read(r, a, out);
    return 0;
}

int
hold_end(struct db *d, const char *id, int64_t now_ms, struct err *e)
{
    if (DB_EXEC(d, DB_HOLD_END, NULL, e, DBI(now_ms), DBS(id)) < 0)
        return -1;
    return DB_EXEC(d, DB_HOLD_TOUCH, NULL, e, DBS(id));
}

int
hold_each_page(struct db *d, int64_t now_ms, const struct db_page *from, struct arena *a,
               hold_row_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_HOLD_PAGE, &r, e, DBI(now_ms), DBI(from->n), DBS(from->id),
                 DBI(from->limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct hold_row row;

        hold_read(r, a, &row);
        if (fn(arg, &row, e) < 0)
            return -1;
    }
    return rc;
}

int
hold_in_force(struct db *d, const char *host, int64_t now_ms, struct arena *a, struct jm_list *out,
              struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_hold *v = NULL;
    size_t n = 0, room = 0;
    int rc;

    if (DB_QUERY(d, DB_HOLD_LIST, &r, e, DBI(now_ms), DBS(host), DBS(host)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && n < HOLDS_MAX) {
        struct hold_row row;

        if (n == room) {
            room = room == 0 ? 8 : room * 2;
            struct w_hold *more = arena_alloc(a, room * sizeof(*more));
            if (n > 0)
                memcpy(more, v, n * sizeof(*more));
            v = more;
        }
        hold_read(r, a, &row);
        v[n++] = row.hold;
    }
    *out = (struct jm_list){v, n};
    return rc < 0 ? -1 : 0;
}

int
hold_each_expired(struct db *d, int64_t now_ms, hold_fn fn, void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_HOLD_EXPIRED, &r, e, DBI(now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (fn(arg, db_str(r, 0), db_str(r, 1), e) < 0)
            return -1;
    return rc;
}

/* ---- a host's set -------------------------------------------------------------------------------
 */

static int
papers_load(struct db *d, enum db_stmt s, const struct db_value *v, size_t nv, struct arena *a,
            struct jm_list *out, uint64_t *revision, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_paper *p = NULL;
    size_t n = 0, room = 0;
    int rc;

    if (db_query(d, s, v, nv, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && n < PAPERS_MAX) {
        if (n == room) {
            room = room == 0 ? 16 : room * 2;
            struct w_paper *more = arena_alloc(a, room * sizeof(*more));
            if (n > 0)
                memcpy(more, p, n * sizeof(*more));
            p = more;
        }
        p[n].text = arena_strdup(a, db_str(r, 0));
        if (revision != NULL) { /* orders */
            *revision = (uint64_t)db_int(r, 1);
            p[n].made = db_int(r, 2) != 0;
        }
        n++;
    }
    *out = (struct jm_list){p, n};
    return rc < 0 ? -1 : 0;
}

int
host_papers_load(struct db *d, const char *host, uint64_t cursor, struct arena *a,
                 struct host_papers *out, struct err *e)
{
    /* At cursor 0 what is gone for good is left out; later its last order is news like any other.
     */
    const struct db_value v[] = {DBS(host), DBI(cursor), DBI(cursor),
                                 DBS(host), DBI(cursor), DBI(cursor)};

    memset(out, 0, sizeof(*out));
    out->revision = cursor;
    if (papers_load(d, DB_ORDER_PAPERS_HOST, v, 3, a, &out->orders, &out->revision, e) < 0)
        return err_wrap(e, "orders of host %s", host);
    if (cursor > 0 && out->orders.n == 0)
        return 0;
    if (papers_load(d, DB_GRANT_PAPERS_HOST, v, 3, a, &out->grants, NULL, e) < 0 ||
        papers_load(d, DB_PLAN_PAPERS_HOST, v, 6, a, &out->plans, NULL, e) < 0 ||
        papers_load(d, DB_KEY_FLOW_NEWEST, NULL, 0, a, &out->keys, NULL, e) < 0)
        return err_wrap(e, "papers of host %s", host);
    return 0;
}
