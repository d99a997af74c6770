#include "controller/issue.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"

/* The newest generation and order of the resource. */
static int
issue_resource(struct tx *t, const struct w_order *o, uint64_t *generation, char old[W_ID],
               struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ISSUE_RESOURCE, &r, e, DBS(o->resource)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_BUG, "order for resource %s, which has no row", o->resource);
    *generation = (uint64_t)db_int(r, 0);
    (void)snprintf(old, W_ID, "%s", db_str(r, 1));
    return 0;
}

static int
issue_incarnation(struct tx *t, const char *host, uint64_t *incarnation, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ISSUE_HOST, &r, e, DBS(host)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host %s", host);
    *incarnation = (uint64_t)db_int(r, 0);
    if (*incarnation == 0)
        return err_set(e, BY_E_CONFLICT, "host %s is not enrolled yet: enrol its agent first",
                       db_str(r, 1));
    return 0;
}

static void
issue_queue(struct tx *t, const struct w_order *o, const char *body)
{
    struct group *g = t->group;
    struct group_order *q = arena_alloc(&g->arena, sizeof(*q));

    memcpy(q->id, o->id, sizeof(q->id));
    q->body = body;
    q->next = g->s.orders;
    g->s.orders = q;
    g->s.n_orders++;
}

static int
issue_store(struct tx *t, const struct w_order *o, const char *old, const char *body, struct err *e)
{
    int changed = 0;

    if (old[0] != '\0' && DB_EXEC(t->d, DB_ISSUE_SUPERSEDE, NULL, e, DBI(t->now_ms), DBS(old)) < 0)
        return -1;
    if (commit_touch_host(t, o->host, e) < 0 ||
        DB_EXEC(t->d, DB_ISSUE_ADD, NULL, e, DBS(o->id), DBS(o->resource), DBI(o->kind),
                DBS(o->grant), DBS(o->host), DBI(o->incarnation), DBI(o->term), DBI(o->generation),
                DBI(o->verb), DBI(o->wanted), DBI(o->authority), DBS(o->authority_id), DBS(body),
                DBI(t->group->s.revision), DBI(o->issued_at_ms)) < 0 ||
        DB_EXEC(t->d, DB_ISSUE_SET, &changed, e, DBS(o->host), DBI(o->wanted), DBI(o->term),
                DBI(o->generation), DBS(o->id), DBS(o->resource)) < 0)
        return -1;
    return changed == 1 ? 0 : err_set(e, BY_E_BUG, "resource %s has no row", o->resource);
}

static uint32_t
order_version(const struct w_order *o)
{
    if (o->vm.adopt.id[0] != '\0')
        return 2;
    return o->network.vni != 0 ? 3 : 1;
}

int
order_issue(struct tx *t, struct w_order *o, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const char *body;
    uint64_t generation = 0;
    char old[W_ID] = "";

    if (controller_recovery(t->c))
        return err_set(e, BY_E_CONFLICT,
                       "the controller is in recovery: its hosts know more than its store; an "
                       "administrator must confirm first (POST /v1/recovery:confirm)");
    if (issue_resource(t, o, &generation, old, e) < 0 ||
        issue_incarnation(t, o->host, &o->incarnation, e) < 0)
        return err_wrap(e, "order");
    random_uuid_at(t->now_ms, o->id);
    o->version = order_version(o);
    o->term = controller_term(t->c);
    o->generation = generation + 1;
    o->issued_at_ms = t->now_ms;
    jm_encode(schema_order, o, &b);
    body = arena_strndup(&t->group->arena, strbuf_peek(&b), b.len);
    if (issue_store(t, o, old, body, e) < 0)
        return err_wrap(e, "order for %s", o->resource);
    issue_queue(t, o, body);
    return 0;
}

static int
issue_sign(struct group *g, const char **bodies, const char **papers, struct err *e)
{
    struct sigkey *k = g->c->order_key;

    if (g->s.n_orders == 1)
        return paper_sign(k, PAPER_ORDER, bodies[0], &g->arena, &papers[0], e);
    return paper_sign_batch(k, PAPER_ORDER, PAPER_ORDER_BATCH, bodies, g->s.n_orders, &g->arena,
                            papers, e);
}

/* A host touched more than once keeps its newest revision: touches are newest first. */
static int
issue_revisions(struct group *g, struct err *e)
{
    for (struct group_touch *h = g->s.touches; h != NULL; h = h->next)
        if (DB_EXEC(g->d, DB_ISSUE_REVISION, NULL, e, DBI(h->revision), DBS(h->host),
                    DBI(h->revision)) < 0)
            return -1;
    if (g->s.revised)
        return DB_EXEC(g->d, DB_COUNTER_SET, NULL, e, DBI(g->s.revision), DBS("revision"));
    return 0;
}

int
issue_seal(struct group *g, struct err *e)
{
    size_t n = g->s.n_orders, i = n;
    const char **bodies, **papers;

    if (issue_revisions(g, e) < 0)
        return -1;
    if (n == 0)
        return 0;
    bodies = arena_alloc(&g->arena, n * sizeof(*bodies));
    papers = arena_alloc(&g->arena, n * sizeof(*papers));
    for (struct group_order *q = g->s.orders; q != NULL; q = q->next)
        bodies[--i] = q->body;
    if (issue_sign(g, bodies, papers, e) < 0)
        return err_wrap(e, "signing %zu orders", n);
    i = n;
    for (struct group_order *q = g->s.orders; q != NULL; q = q->next) {
        i--;
        if (DB_EXEC(g->d, DB_ISSUE_PAPER, NULL, e, DBS(papers[i]), DBS(q->id)) < 0)
            return -1;
    }
    return 0;
}
