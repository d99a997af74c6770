#include "drivers/db/store_resource.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

/* Each reads the columns of stmt_flow.def of that name, from c on: the next one. */
static int
page_read(const struct db_rows *r, int c, struct arena *a, struct resource_row *o)
{
    memset(o, 0, sizeof(*o));
    COPY(o->id, r, c++);
    o->kind = (int)db_int(r, c++);
    COPY(o->name, r, c++);
    COPY(o->system, r, c++);
    COPY(o->unit, r, c++);
    COPY(o->grant, r, c++);
    COPY(o->host, r, c++);
    o->wanted = (int)db_int(r, c++);
    o->term = (uint64_t)db_int(r, c++);
    o->generation = (uint64_t)db_int(r, c++);
    COPY(o->order, r, c++);
    o->vcpus = (uint32_t)db_int(r, c++);
    o->mem_mib = (uint64_t)db_int(r, c++);
    o->bytes = (uint64_t)db_int(r, c++);
    o->prior_vcpus = (uint32_t)db_int(r, c++);
    o->prior_mem_mib = (uint64_t)db_int(r, c++);
    COPY(o->ip, r, c++);
    COPY(o->bridge, r, c++);
    COPY(o->cidr, r, c++);
    o->seen = (int)db_int(r, c++);
    o->seen_term = (uint64_t)db_int(r, c++);
    o->seen_generation = (uint64_t)db_int(r, c++);
    o->seen_equal = db_int(r, c++) != 0;
    o->seen_ms = db_int(r, c++);
    o->seen_reason = arena_strdup(a, db_str(r, c++));
    o->created_ms = db_int(r, c++);
    o->binned_ms = db_int(r, c++);
    o->absent_ms = db_int(r, c++);
    COPY(o->certificate, r, c++);
    return c;
}

static int
rest_read(const struct db_rows *r, int c, struct resource_row *o)
{
    o->line = (uint32_t)db_int(r, c++);
    o->ordinal = (uint32_t)db_int(r, c++);
    COPY(o->vm, r, c++);
    COPY(o->network, r, c++);
    o->seen_vcpus = (uint32_t)db_int(r, c++);
    o->seen_mem_mib = (uint64_t)db_int(r, c++);
    o->seen_bytes = (uint64_t)db_int(r, c++);
    COPY(o->seen_code, r, c++);
    o->backup_declared = db_int(r, c++) != 0;
    COPY(o->plan, r, c++);
    o->promised_vcpus = (uint64_t)db_int(r, c++);
    o->promised_mem_mib = (uint64_t)db_int(r, c++);
    o->promised_bytes = (uint64_t)db_int(r, c++);
    COPY(o->part_of, r, c++);
    return c;
}

static void
joined_read(const struct db_rows *r, int c, struct arena *a, struct resource_row *o)
{
    COPY(o->system_name, r, c++);
    COPY(o->number, r, c++);
    COPY(o->host_name, r, c++);
    o->host_seen_ms = db_int(r, c++);
    o->host_unknown = db_int(r, c++) == 0 ? NULL : arena_strdup(a, db_str(r, c));
}

static void
resource_read(const struct db_rows *r, struct arena *a, struct resource_row *o)
{
    joined_read(r, rest_read(r, page_read(r, 0, a, o), o), a, o);
}

int
resource_insert(struct db *d, const struct resource_row *r, struct err *e)
{
    if (DB_EXEC(d, DB_RES_INSERT, NULL, e, DBS(r->id), DBI(r->kind), DBS(r->name), DBS(r->system),
                DBS(r->unit), DBS(r->grant), DBI(r->line), DBI(r->ordinal), DBS(r->host),
                DBS(r->vm), DBS(r->network), DBI(r->vcpus), DBI(r->mem_mib), DBI(r->bytes),
                DBS(r->ip), DBS(r->bridge[0] == '\0' ? NULL : r->bridge), DBS(r->cidr),
                DBI(r->created_ms), DBS(r->part_of)) < 0)
        return err_wrap(e, "resource %s", r->name);
    return 0;
}

int
resource_find(struct db *d, const char *id, struct arena *a, struct resource_row *out,
              struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(d, DB_RES_GET, &rows, e, DBS(id)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 1)
        resource_read(rows, a, out);
    return rc;
}

int
resource_get(struct db *d, const char *id, struct arena *a, struct resource_row *out, struct err *e)
{
    int rc = resource_find(d, id, a, out, e);

    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no VM, volume or network %s", id);
    return rc < 0 ? -1 : 0;
}

static int
each(struct db_rows *rows, struct arena *a, resource_fn fn, void *arg, struct err *e)
{
    int rc;

    while ((rc = db_next(rows, e)) == 1) {
        struct resource_row r;

        resource_read(rows, a, &r);
        if (fn(arg, &r, e) < 0)
            return -1;
    }
    return rc;
}

/* What rows of one page have joined alike, found once: as many as fit, the newest in each place. */
enum { NAMES_BITS = 6 };

static size_t
names_place(const struct resource_row *r)
{
    uint64_t a, b, c; /* ids are random */

    memcpy(&a, r->system, sizeof(a));
    memcpy(&b, r->grant, sizeof(b));
    memcpy(&c, r->host, sizeof(c));
    return (size_t)((a ^ b ^ c) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - NAMES_BITS));
}

static void
joined_copy(const struct resource_row *from, struct resource_row *to)
{
    memcpy(to->system_name, from->system_name, sizeof(to->system_name));
    memcpy(to->number, from->number, sizeof(to->number));
    memcpy(to->host_name, from->host_name, sizeof(to->host_name));
    to->host_seen_ms = from->host_seen_ms;
    to->host_unknown = from->host_unknown;
}

/* all: earlier rows, with what is joined. */
static int
names_find(struct db *d, struct resource_row *all, struct resource_row *r, struct arena *a,
           struct err *e)
{
    struct resource_row *n = &all[names_place(r)];
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (strcmp(n->host, r->host) == 0 && strcmp(n->grant, r->grant) == 0 &&
        strcmp(n->system, r->system) == 0) {
        joined_copy(n, r);
        return 0;
    }
    rc = DB_FIRST(d, DB_RES_NAMES, &rows, e, DBS(r->system), DBS(r->grant), DBS(r->host));
    if (rc <= 0)
        return rc < 0 ? -1 : err_set(e, BY_E_BUG, "resource %s: nothing to name it by", r->id);
    joined_read(rows, 0, a, r);
    *n = *r;
    return 0;
}

static int
each_named(struct db *d, struct db_rows *rows, struct arena *a, resource_fn fn, void *arg,
           struct err *e)
{
    struct resource_row *names = arena_alloc(a, sizeof(*names) << NAMES_BITS);
    int rc;

    while ((rc = db_next(rows, e)) == 1) {
        struct resource_row r;

        (void)page_read(rows, 0, a, &r); /* they are the last */
        if (names_find(d, names, &r, a, e) < 0 || fn(arg, &r, e) < 0)
            return -1;
    }
    return rc;
}

int
resource_each_page(struct db *d, const struct resource_page *p, struct arena *a, resource_fn fn,
                   void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    const struct db_value gone = DBI(p->gone);
    int rc;

    /* One statement for each index: a list must stay quick at a quarter of a million rows. */
    if (p->name != NULL && p->name[0] != '\0')
        rc =
            DB_QUERY(d, DB_RES_NAMED, &rows, e, gone, DBS(p->name), gone, DBS(p->name),
                     DBS(p->unit), DBS(p->unit), DBS(p->system), DBS(p->system), DBS(p->after_name),
                     DBS(p->after_id), DBI(p->kind), DBI(p->kind), DBI(p->limit));
    else if (p->system[0] != '\0')
        rc = DB_QUERY(d, DB_RES_PAGE_SYSTEM, &rows, e, DBS(p->system), gone, DBS(p->unit),
                      DBS(p->unit), DBS(p->after_name), DBS(p->after_id), DBI(p->kind),
                      DBI(p->kind), DBI(p->limit));
    else if (p->unit[0] == '+')
        rc = DB_QUERY(d, DB_RES_PAGE_SCOPE, &rows, e, DBS(p->unit), gone, DBS(p->after_name),
                      DBS(p->after_id), DBI(p->kind), DBI(p->kind), DBI(p->limit), DBI(p->limit));
    else if (p->unit[0] != '\0')
        rc = DB_QUERY(d, DB_RES_PAGE_UNIT, &rows, e, DBS(p->unit), gone, DBS(p->after_name),
                      DBS(p->after_id), DBI(p->kind), DBI(p->kind), DBI(p->limit));
    else
        rc = DB_QUERY(d, DB_RES_PAGE, &rows, e, gone, DBS(p->after_name), DBS(p->after_id),
                      DBI(p->kind), DBI(p->kind), DBI(p->limit));
    return rc < 0 ? -1 : each_named(d, rows, a, fn, arg, e);
}

int
resource_each_of_grant(struct db *d, const char *grant, struct arena *a, resource_fn fn, void *arg,
                       struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_RES_OF_GRANT, &rows, e, DBS(grant)) < 0)
        return -1;
    return each(rows, a, fn, arg, e);
}

int
resource_each_of_vm(struct db *d, const char *vm, struct arena *a, resource_fn fn, void *arg,
                    struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_RES_OF_VM, &rows, e, DBS(vm)) < 0)
        return -1;
    return each(rows, a, fn, arg, e);
}

int
resource_each_on_network(struct db *d, const char *network, struct arena *a, resource_fn fn,
                         void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, DB_RES_ON_NETWORK, &rows, e, DBS(network)) < 0)
        return -1;
    return each(rows, a, fn, arg, e);
}

int
resource_size_set(struct db *d, const struct resource_row *r, struct err *e)
{
    return DB_EXEC(d, DB_RES_SIZE, NULL, e, DBI(r->vcpus), DBI(r->mem_mib), DBI(r->prior_vcpus),
                   DBI(r->prior_mem_mib), DBS(r->plan), DBI(r->backup_declared), DBS(r->name),
                   DBI(r->bytes), DBS(r->vm), DBS(r->id));
}

int
resource_seen_set(struct db *d, const struct resource_row *r, struct err *e)
{
    return DB_EXEC(d, DB_RES_SEEN, NULL, e, DBI(r->seen), DBI(r->seen_term),
                   DBI(r->seen_generation), DBI(r->seen_equal), DBI(r->seen_ms), DBI(r->seen_vcpus),
                   DBI(r->seen_mem_mib), DBI(r->seen_bytes), DBS(r->seen_code),
                   DBS(r->seen_reason == NULL ? "" : r->seen_reason), DBS(r->id));
}

int
resource_promise(struct db *d, struct resource_row *r, struct err *e)
{
    bool gone = r->absent_ms > 0 || (r->wanted == WANT_ABSENT && r->seen == SEEN_ABSENT);
    bool idle = gone || (r->wanted == WANT_BINNED && r->seen == SEEN_BINNED);
    uint64_t vcpus = r->vcpus > r->seen_vcpus ? r->vcpus : r->seen_vcpus;
    uint64_t mem = r->mem_mib > r->seen_mem_mib ? r->mem_mib : r->seen_mem_mib;
    uint64_t bytes = gone ? 0 : r->bytes;

    if (idle || r->kind != RES_VM)
        vcpus = mem = 0;
    if (vcpus == r->promised_vcpus && mem == r->promised_mem_mib && bytes == r->promised_bytes)
        return 0;
    if (DB_EXEC(d, DB_RES_PROMISE, NULL, e, DBI(vcpus), DBI(mem), DBI(bytes), DBS(r->id)) < 0 ||
        DB_EXEC(d, DB_HOST_FLOW_PROMISE, NULL, e, DBI((int64_t)(vcpus - r->promised_vcpus)),
                DBI((int64_t)(mem - r->promised_mem_mib)),
                DBI((int64_t)(bytes - r->promised_bytes)), DBS(r->host)) < 0)
        return err_wrap(e, "room of %s", r->name);
    r->promised_vcpus = vcpus;
    r->promised_mem_mib = mem;
    r->promised_bytes = bytes;
    return 0;
}

int
resource_binned_set(struct db *d, const char *id, int64_t binned_ms, struct err *e)
{
    return DB_EXEC(d, DB_RES_BINNED, NULL, e, DBI(binned_ms), DBS(id));
}

int
resource_absent_set(struct db *d, const char *id, int64_t absent_ms, const char *certificate,
                    struct err *e)
{
    if (DB_EXEC(d, DB_RES_ABSENT, NULL, e, DBI(absent_ms), DBS(certificate), DBS(id)) < 0)
        return -1;
    return DB_EXEC(d, DB_ADDRESS_DELETE, NULL, e, DBS(id));
}

int
resource_import_set(struct db *d, const char *id, const char *host, int wanted, uint64_t term,
                    uint64_t generation, const char *order, struct err *e)
{
    return DB_EXEC(d, DB_RES_IMPORT, NULL, e, DBS(host), DBI(wanted), DBI(term), DBI(generation),
                   DBS(order), DBS(id));
}

int
address_insert(struct db *d, const char *network, const char *ip, const char *mac,
               const char *resource, struct err *e)
{
    return DB_EXEC(d, DB_ADDRESS_INSERT, NULL, e, DBS(network), DBS(ip), DBS(mac), DBS(resource));
}

static int
found(struct db *d, enum db_stmt s, const char *key, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(d, s, &rows, e, DBS(key)) < 0)
        return -1;
    return db_next(rows, e);
}

int
address_mac_taken(struct db *d, const char *mac, struct err *e)
{
    return found(d, DB_ADDRESS_BY_MAC, mac, e);
}

int
bridge_taken(struct db *d, const char *bridge, struct err *e)
{
    return found(d, DB_RES_BY_BRIDGE, bridge, e);
}
