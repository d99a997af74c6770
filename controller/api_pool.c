/* Shared pools for people: who their stewards are, and who is to be. */
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/hosts.h"
#include "controller/ledger.h"
#include "controller/paging.h"
#include "controller/pools.h"
#include "controller/routes.h"
#include "controller/steward.h"
#include "drivers/base/strbuf.h"

/* ---- what there is ----------------------------------------------------------------------------
 */

bool
pool_waits(const struct w_pool_item *v)
{
    return strcmp(v->steward_state, "ready") != 0 && strcmp(v->steward_state, "cordoned") != 0 &&
           strcmp(v->steward_state, "held") != 0;
}

static const char *
steward_state(const struct tx *t, const struct db_rows *r)
{
    if (db_str(r, 8)[0] == '\0')
        return "unknown";
    if (strcmp(db_str(r, 8), "revoked") == 0)
        return "revoked";
    if (db_int(r, 10) == 0)
        return "elsewhere";
    return host_state_now(t, r, 11, db_str(r, 8), host_heard_ms(t->c, db_str(r, 3), db_int(r, 9)));
}

static void
pool_read(const struct tx *t, const struct db_rows *r, struct arena *a, struct w_pool_item *v)
{
    memset(v, 0, sizeof(*v));
    db_copy(r, 0, v->id, sizeof(v->id));
    db_copy(r, 1, v->name, sizeof(v->name));
    db_copy(r, 2, v->pool_class, sizeof(v->pool_class));
    db_copy(r, 3, v->steward, sizeof(v->steward));
    db_copy(r, 4, v->steward_name, sizeof(v->steward_name));
    v->term = (uint64_t)db_int(r, 5);
    v->since_ms = db_int(r, 6);
    (void)snprintf(v->steward_state, sizeof(v->steward_state), "%s", steward_state(t, r));
    v->hosts_count = (uint32_t)db_int(r, 13);
    v->allotted_bytes = (uint64_t)db_int(r, 14);
    v->pool_bytes = (uint64_t)db_int(r, 15);
    v->pool_free_bytes = (uint64_t)db_int(r, 16);
    if (pool_waits(v) && v->hosts_count > 0)
        v->reason = arena_printf(a,
                                 "hosts of %s wait for its steward %s, which is %s: what runs runs "
                                 "on, new volumes wait; bianyun pools set %s --steward HOST",
                                 v->name, v->steward_name, v->steward_state, v->name);
}

int
pools_page(struct tx *t, const char *after, int64_t limit, struct arena *a, pool_fn fn, void *arg,
           struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_pool_item v;
    int rc, done = 0;

    if (DB_QUERY(t->d, DB_POOL_PAGE, &r, e, DBI(t->now_ms), DBS(after), DBI(limit)) < 0)
        return -1;
    while (done == 0 && (rc = db_next(r, e)) == 1) {
        pool_read(t, r, a, &v);
        done = fn(arg, &v);
    }
    return done != 0 ? 0 : rc;
}

static int
page_add(void *arg, const struct w_pool_item *v)
{
    struct w_pool_item *to = paging_add(arg, 0, "", v->name);

    if (to == NULL)
        return 1;
    *to = *v;
    return 0;
}

int
api_pool_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_pool_list *out = k->out;
    struct paging p;

    if (PAGING_OPEN(&p, k, out, pool_item, 0, e) < 0)
        return -1;
    return pools_page(t, p.from.text, p.from.limit, k->a, page_add, &p, e);
}

static int
hosts_add(struct tx *t, struct w_pool_view *v, struct arena *a, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_pool_host *h = arena_alloc(a, (v->hosts_count + 1) * sizeof(*h));
    size_t n = 0;
    int rc = 0;

    if (DB_QUERY(t->d, DB_POOL_HOSTS, &r, e, DBI(t->now_ms), DBS(v->id)) < 0)
        return -1;
    while (n < v->hosts_count && (rc = db_next(r, e)) == 1) {
        struct w_pool_host *o = &h[n++];

        memset(o, 0, sizeof(*o));
        db_copy(r, 0, o->id, sizeof(o->id));
        db_copy(r, 1, o->name, sizeof(o->name));
        o->seen_at_ms = host_heard_ms(t->c, o->id, db_int(r, 3));
        (void)snprintf(o->state, sizeof(o->state), "%s",
                       host_state_now(t, r, 7, db_str(r, 2), o->seen_at_ms));
        o->is_steward = strcmp(o->id, v->steward) == 0;
        o->allotted_bytes = (uint64_t)db_int(r, 4);
        o->pool_bytes = (uint64_t)db_int(r, 5);
        o->pool_free_bytes = (uint64_t)db_int(r, 6);
    }
    v->hosts = (struct jm_list){h, n};
    return rc < 0 ? -1 : 0;
}

static void
whole(const struct w_pool_item *v, struct w_pool_view *o)
{
    memset(o, 0, sizeof(*o));
    memcpy(o->id, v->id, sizeof(o->id));
    memcpy(o->name, v->name, sizeof(o->name));
    memcpy(o->pool_class, v->pool_class, sizeof(o->pool_class));
    memcpy(o->steward, v->steward, sizeof(o->steward));
    memcpy(o->steward_name, v->steward_name, sizeof(o->steward_name));
    memcpy(o->steward_state, v->steward_state, sizeof(o->steward_state));
    o->term = v->term;
    o->since_ms = v->since_ms;
    o->hosts_count = v->hosts_count;
    o->pool_bytes = v->pool_bytes;
    o->pool_free_bytes = v->pool_free_bytes;
    o->allotted_bytes = v->allotted_bytes;
    o->reason = v->reason;
}

static int
pool_view(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_pool_view *out = k->out;
    struct w_pool_item v;
    int rc;

    if (DB_QUERY(t->d, DB_POOL_VIEW, &r, e, DBI(t->now_ms), DBS(k->id)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no shared pool %s", k->id);
    pool_read(t, r, k->a, &v);
    whole(&v, out);
    return hosts_add(t, out, k->a, e);
}

int
api_pool_get(struct api_call *k, struct tx *t, struct err *e)
{
    return pool_view(k, t, e);
}

/* ---- what is said of one ------------------------------------------------------------------------
 */

struct candidate {
    char id[W_ID], name[W_NAME], pool[W_ID], state[16];
};

static int
candidate_get(struct tx *t, const char *id, struct candidate *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_POOL_MEMBER, &r, e, DBI(t->now_ms), DBS(id)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_NOT_FOUND, "steward", "there is no host %s", id);
    db_copy(r, 0, o->id, sizeof(o->id));
    db_copy(r, 1, o->name, sizeof(o->name));
    db_copy(r, 4, o->pool, sizeof(o->pool));
    (void)snprintf(o->state, sizeof(o->state), "%s",
                   host_state_now(t, r, 5, db_str(r, 2), host_heard_ms(t->c, o->id, db_int(r, 3))));
    return 0;
}

/* A host of the pool that would do at once; "" when there is none. */
static int
better_one(struct tx *t, const struct pool_row *p, char name[W_NAME], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    name[0] = '\0';
    if (DB_QUERY(t->d, DB_POOL_HOSTS, &r, e, DBI(t->now_ms), DBS(p->id)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        int64_t heard = host_heard_ms(t->c, db_str(r, 0), db_int(r, 3));

        if (strcmp(host_state_now(t, r, 7, db_str(r, 2), heard), "ready") != 0)
            continue;
        db_copy(r, 1, name, W_NAME);
        return 0;
    }
    return rc;
}

static int
candidate_check(struct tx *t, const struct pool_row *p, const struct candidate *c, struct err *e)
{
    char better[W_NAME];

    if (strcmp(c->state, "revoked") == 0)
        return err_field(e, BY_E_CONFLICT, "steward",
                         "host %s is revoked: it would never hear that it is the steward", c->name);
    if (strcmp(c->pool, p->id) != 0)
        return err_field(e, BY_E_CONFLICT, "steward",
                         "host %s does not see the pool %s: mount it there at the same path as on "
                         "its other hosts, then restart the agent of that host",
                         c->name, p->name);
    if (strcmp(c->state, "ready") == 0)
        return 0;
    if (better_one(t, p, better, e) < 0)
        return -1;
    if (better[0] == '\0')
        return 0;
    return err_field(e, BY_E_CONFLICT, "steward",
                     "host %s is %s, so the hosts of %s would wait for it: name one that is ready, "
                     "e.g. %s",
                     c->name, c->state, p->name, better);
}

static int
set_steward(struct api_call *k, struct tx *t, struct pool_row *p, const char *id, struct err *e)
{
    struct candidate c = {0};

    if (id[0] == '\0' || strcmp(id, p->steward) == 0)
        return 0;
    if (controller_recovery(t->c))
        return err_set(e, BY_E_CONFLICT,
                       "the controller is in recovery: its hosts may know of another steward; an "
                       "administrator must confirm first (POST /v1/recovery:confirm)");
    if (candidate_get(t, id, &c, e) < 0 || candidate_check(t, p, &c, e) < 0)
        return -1;
    return steward_name(t, k->who.account, p, c.id, c.name, e);
}

static int
set_words(struct api_call *k, struct tx *t, const struct pool_row *p, struct err *e)
{
    const struct w_pool_settings *in = k->in;
    const char *name = in->name[0] == '\0' ? p->name : in->name;
    const char *class = in->no_class ? "" : in->pool_class[0] != '\0' ? in->pool_class : p->class;
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(strbuf) struct strbuf body = {0};
    int rc;

    if (strcmp(name, p->name) == 0 && strcmp(class, p->class) == 0)
        return 0;
    if (DB_QUERY(t->d, DB_POOL_BY_NAME, &r, e, DBS(name)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1 && strcmp(db_str(r, 0), p->id) != 0)
        return err_field(e, BY_E_CONFLICT, "name", "another shared pool is called %s", name);
    /* What is in memory of its hosts is read again: their class may be another. */
    if (DB_EXEC(t->d, DB_POOL_SET, NULL, e, DBS(name), DBS(class), DBS(p->id)) < 0 ||
        DB_EXEC(t->d, DB_POOL_HOSTS_ANEW, NULL, e, DBS(p->id)) < 0)
        return -1;
    jm_encode(schema_pool_settings, in, &body);
    return ledger_append(t, k->who.account, "pool.set", p->id, strbuf_peek(&body), e);
}

int
api_pool_set(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_pool_settings *in = k->in;
    struct pool_row p;
    int rc;

    if (in->no_class && in->pool_class[0] != '\0')
        return err_field(e, BY_E_INVALID, "no_class", "a class is given as well: say one of them");
    if ((rc = pool_get(t->d, k->id, k->a, &p, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no shared pool %s", k->id);
    if (set_words(k, t, &p, e) < 0 || set_steward(k, t, &p, in->steward, e) < 0)
        return -1;
    return pool_view(k, t, e);
}
