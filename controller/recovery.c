#include "controller/recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/adoption.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/group.h"
#include "controller/made.h"
#include "controller/metrics.h"
#include "controller/parts.h"
#include "controller/quota.h"
#include "controller/supersede.h"
#include "controller/takeback.h"
#include "controller/witness.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_usage.h"

enum { MISSING_NAMED = 8 }; /* in one sentence */

struct found {
    const char *text, *body;
    int kind;          /* order: of what */
    int64_t issued_ms; /* plan */
};

struct import {
    struct api_call *k;
    struct tx *t;
    struct arena *a;
    struct found *found; /* orders by their own word well-formed and signed */
    size_t n_found;
    size_t grants, plans, orders, refused;
};

static void
refuse(struct import *m, const char *what, const struct err *why)
{
    m->refused++;
    log_warn("recovery.refused", "host=%s what=%s reason=" LOG_Q, m->k->who.host, what, why->msg);
}

/* ---- grants
 * ---------------------------------------------------------------------------------------
 */

/* The older store may not know the unit or the system yet; the grant names them. */
static int
import_owner(struct import *m, const struct w_grant *g, struct err *e)
{
    char name[W_NAME];

    (void)snprintf(name, sizeof(name), "recovered-%.8s", g->unit);
    if (DB_EXEC(m->t->d, DB_UNIT_IMPORT, NULL, e, DBS(g->unit), DBS(name), DBI(m->t->now_ms)) < 0)
        return err_wrap(e, "unit of grant %s", g->number);
    (void)snprintf(name, sizeof(name), "recovered-%.8s", g->system);
    if (DB_EXEC(m->t->d, DB_SYSTEM_IMPORT, NULL, e, DBS(g->system), DBS(name), DBS(g->unit),
                DBS("recovered from a host's receipts: put its name and purpose right"),
                DBI(m->t->now_ms)) < 0)
        return err_wrap(e, "system of grant %s", g->number);
    return 0;
}

static int
import_clock(struct import *m, const struct w_grant *g, struct err *e)
{
    struct clock_spec s = {.kind = g->supersedes[0] == '\0' ? CLK_CONFIGURE : CLK_CHANGE,
                           .subject_kind = "grant",
                           .subject = g->id,
                           .title = g->number,
                           .unit = g->unit,
                           .start_ms = g->approved_at_ms};

    return clock_start(m->t, m->k->who.host, &s, NULL, e);
}

static int
import_grant(struct import *m, const char *text, const char *body, struct err *e)
{
    struct grant_row known;
    struct quota_size total;
    struct w_grant g;
    struct err why = {0};
    char hash[65], other[W_ID];
    int rc;

    if (W_DECODE(grant, body, strlen(body), JM_SIGNED, m->a, &g, &why) < 0) {
        refuse(m, "grant", &why);
        return 0;
    }
    if ((rc = grant_row_find(m->t->d, g.id, m->a, &known, e)) != 0)
        return rc < 0 ? -1 : 0;
    if ((rc = grant_number_find(m->t->d, g.number, other, e)) != 0) {
        if (rc > 0) {
            (void)err_set(&why, BY_E_CONFLICT, "number %s belongs to grant %s", g.number, other);
            refuse(m, "grant", &why);
        }
        return rc < 0 ? -1 : 0;
    }
    digest_sha256_hex(body, strlen(body), hash);
    quota_size_granted(&g, &total);
    if (import_owner(m, &g, e) < 0 ||
        grant_insert(m->t->d, &g, g.approver, text, hash, m->t->now_ms, e) < 0 ||
        (!adoption_is(&g) && import_clock(m, &g, e) < 0) ||
        quota_grant(m->t, g.id, &total, e) < 0 || supersede_recover(m->t, g.id, m->a, e) < 0)
        return -1;
    m->grants++;
    return ledger_append(m->t, m->k->who.host, "grant.recovered", g.id, body, e);
}

/* ---- orders
 * ---------------------------------------------------------------------------------------
 */

static bool
is_newer(const struct w_order *o, const struct resource_row *r)
{
    return o->term > r->term || (o->term == r->term && o->generation > r->generation);
}

static int
import_order_row(struct import *m, const struct w_order *o, const char *text, const char *body,
                 struct err *e)
{
    struct tx *t = m->t;

    if (commit_touch_host(t, o->host, e) < 0 ||
        DB_EXEC(t->d, DB_ORDER_SUPERSEDE_OTHERS, NULL, e, DBI(t->now_ms), DBS(o->resource),
                DBS(o->id)) < 0 ||
        DB_EXEC(t->d, DB_ORDER_IMPORT, NULL, e, DBS(o->id), DBS(o->resource), DBI(o->kind),
                DBS(o->grant), DBS(o->host), DBI(o->incarnation), DBI(o->term), DBI(o->generation),
                DBI(o->verb), DBI(o->wanted), DBI(o->authority), DBS(o->authority_id), DBS(body),
                DBS(text), DBI(t->group->s.revision), DBI(o->issued_at_ms)) < 0)
        return -1;
    return resource_import_set(t->d, o->resource, o->host, o->wanted, o->term, o->generation, o->id,
                               e);
}

static int
import_size(struct import *m, const struct w_order *o, struct resource_row *r, struct err *e)
{
    struct quota_whose w = {.grant = r->grant, .resource = o->resource, .order = o->id};
    struct quota_size size;
    bool fits = false;

    if (o->kind == RES_VM) {
        if (o->verb == VERB_DOWNGRADE && r->prior_vcpus == 0) {
            r->prior_vcpus = r->vcpus;
            r->prior_mem_mib = r->mem_mib;
        }
        r->vcpus = o->vm.vcpus;
        r->mem_mib = o->vm.mem_mib;
        r->bytes = o->vm.root_bytes;
    } else if (o->kind == RES_VOLUME) {
        r->bytes = o->volume.size_bytes;
    }
    if (o->authority == AUTH_PLAN)
        memcpy(r->plan, o->authority_id, sizeof(r->plan));
    memset(&size, 0, sizeof(size));
    if (r->part_of[0] == '\0') /* a network over several hosts counts once */
        quota_size_of(o->kind, o->wanted, r->vcpus, r->mem_mib, r->bytes, &size);
    r->wanted = o->wanted;
    if (resource_size_set(m->t->d, r, e) < 0 || resource_promise(m->t->d, r, e) < 0 ||
        quota_fits(m->t->d, &w, &size, &fits, e) < 0)
        return -1;
    /* What gave it back in the lost time still holds it here, until its host is heard. */
    if (!fits && quota_lend(m->t, r->grant, &size, e) < 0)
        return -1;
    return quota_hold(m->t, &w, &size, e);
}

/* A machine that was there: what its grant never had to give is granted with it. */
static int
import_existing(struct import *m, const struct w_order *o, struct err *e)
{
    struct quota_size size;

    quota_size_of(o->kind, WANT_PRESENT, o->vm.vcpus, o->vm.mem_mib, o->vm.root_bytes, &size);
    return quota_grant(m->t, o->grant, &size, e);
}

/* In the lost time who has it in this store gave it back, or it could not have been given again:
 * where that is said comes later, perhaps from another host. */
static int
import_addresses(struct import *m, const struct w_order *o, struct err *e)
{
    for (size_t i = 0; o->kind == RES_VM && i < o->vm.nics.n; i++) {
        const struct w_nic *n = JM_ITEM(o->vm.nics, struct w_nic, i);
        char network[W_ID]; /* addresses are the whole network's, not its part's */

        if (part_whole(m->t->d, n->network, network, e) < 0 ||
            DB_EXEC(m->t->d, DB_ADDRESS_TAKE, NULL, e, DBS(network), DBS(n->ip), DBS(n->mac)) < 0)
            return -1;
    }
    return 0;
}

/* Before anybody knew that this store is an older one, it gave that place of the grant to another:
 * who stands there stays, and this one runs on unclaimed until a person decides. */
static int
place_taken(struct import *m, const struct w_order *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    char body[160];
    int rc;

    if (o->network.part_of[0] != '\0')
        return 0; /* it has the place of its network */
    if (DB_QUERY(m->t->d, DB_RES_BY_PLACE, &rows, e, DBS(o->grant), DBI(o->line), DBI(o->ordinal)) <
        0)
        return -1;
    rc = db_next(rows, e);
    if (rc != 1)
        return rc;
    log_warn("recovery.left", "host=%s order=%s resource=%s in_its_place=%s", m->k->who.host, o->id,
             o->resource, db_str(rows, 0));
    (void)snprintf(body, sizeof(body), "{\"in_its_place\":\"%s\",\"order\":\"%s\"}",
                   db_str(rows, 0), o->id);
    return ledger_append(m->t, m->k->who.host, "recovery.left", o->resource, body, e) < 0 ? -1 : 1;
}

/* Its host was told of the machine and not of its network, or that one was left above: its
 * addresses are nobody's, and it is left likewise. */
static int
network_unknown(struct import *m, const struct w_order *o, struct err *e)
{
    char network[W_ID], body[160];
    struct resource_row r;
    int rc = 1;

    for (size_t i = 0; rc == 1 && o->kind == RES_VM && i < o->vm.nics.n; i++)
        if (part_whole(m->t->d, JM_ITEM(o->vm.nics, struct w_nic, i)->network, network, e) < 0 ||
            (rc = resource_find(m->t->d, network, m->a, &r, e)) < 0)
            return -1;
    if (rc == 1)
        return 0;
    log_warn("recovery.left", "host=%s order=%s resource=%s without_network=%s", m->k->who.host,
             o->id, o->resource, network);
    (void)snprintf(body, sizeof(body), "{\"order\":\"%s\",\"without_network\":\"%s\"}", o->id,
                   network);
    return ledger_append(m->t, m->k->who.host, "recovery.left", o->resource, body, e) < 0 ? -1 : 1;
}

/* What its grant asks for; what a unit asked for by itself is in no receipt. */
static int
import_apart(struct import *m, const struct w_order *o, const struct grant_row *row,
             const struct resource_row *r, struct err *e)
{
    struct w_envelope env;
    struct w_grant g;

    if (paper_parse(row->paper, strlen(row->paper), m->a, &env, e) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_SIGNED, m->a, &g, e) < 0)
        return err_wrap(e, "grant %s", row->number);
    for (size_t i = 0; i < g.lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g.lines, struct w_grant_line, i);

        if (l->line == o->line && made_apart(m->t, r, (enum w_apart)l->apart, e) < 0)
            return -1;
    }
    return 0;
}

/* Made under a grant that was superseded since: it lives under the newest.  1: it was left. */
static int
import_made(struct import *m, const struct w_order *o, const struct grant_row *made_under,
            struct resource_row *r, struct err *e)
{
    struct grant_row g = *made_under;
    struct w_order under = *o;
    int rc;

    while (g.superseded_by[0] != '\0')
        if (grant_row_get(m->t->d, g.superseded_by, m->a, &g, e) < 0)
            return -1;
    memcpy(under.grant, g.id, sizeof(under.grant));
    if ((rc = place_taken(m, &under, e)) != 0 || (rc = network_unknown(m, &under, e)) != 0)
        return rc;
    if (parts_recover(m->t, &under, g.unit, m->a, e) < 0 || import_addresses(m, o, e) < 0 ||
        made_insert(m->t, &under, g.unit, r, e) < 0)
        return -1;
    if (o->kind == RES_VM)
        return import_apart(m, o, &g, r, e);
    return parts_recover(m->t, &under, g.unit, m->a, e);
}

static int
import_order(struct import *m, const char *text, const char *body, struct err *e)
{
    struct resource_row r;
    struct grant_row g;
    struct w_order o;
    struct err why = {0};
    int rc, made = 0;

    if (W_DECODE(order, body, strlen(body), JM_SIGNED, m->a, &o, &why) < 0 ||
        (strcmp(o.host, m->k->who.host) != 0 &&
         err_set(&why, BY_E_DENIED, "order %s is for another host", o.id) < 0)) {
        refuse(m, "order", &why);
        return 0;
    }
    if ((rc = grant_row_find(m->t->d, o.grant, m->a, &g, e)) < 0)
        return -1;
    if (rc == 0) {
        (void)err_set(&why, BY_E_NOT_FOUND, "order %s: its grant %s is not here", o.id, o.grant);
        refuse(m, "order", &why);
        return 0;
    }
    if ((rc = resource_find(m->t->d, o.resource, m->a, &r, e)) < 0)
        return -1;
    if (rc == 1 && !is_newer(&o, &r))
        return 0;
    if (rc == 0 && (made = import_made(m, &o, &g, &r, e)) > 0)
        return 0;
    if (made < 0 || (rc == 0 && o.vm.adopt.id[0] != '\0' && import_existing(m, &o, e) < 0) ||
        import_order_row(m, &o, text, body, e) < 0 || import_size(m, &o, &r, e) < 0)
        return err_wrap(e, "order %s", o.id);
    m->orders++;
    return ledger_append(m->t, m->k->who.host, "order.issued", o.resource, body, e);
}

/* ---- plans
 * ----------------------------------------------------------------------------------------
 */

/* Lines about resources that are not here stay out; those that were ordered are marked as such. */
static int
import_plan(struct import *m, const char *text, const char *body, struct err *e)
{
    struct w_plan p, kept;
    struct resource_row r;
    struct grant_row g;
    struct err why = {0};
    const char *known = NULL;
    int rc;

    if (W_DECODE(plan, body, strlen(body), JM_SIGNED, m->a, &p, &why) < 0) {
        refuse(m, "plan", &why);
        return 0;
    }
    if ((rc = plan_paper(m->t->d, p.id, m->a, &known, e)) != 0)
        return rc < 0 ? -1 : 0;
    if ((rc = grant_row_find(m->t->d, p.grant, m->a, &g, e)) <= 0)
        return rc;
    kept = p;
    kept.lines.n = 0;
    kept.lines.items = arena_alloc(m->a, (p.lines.n + 1) * sizeof(struct w_plan_line));
    for (size_t i = 0; i < p.lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p.lines, struct w_plan_line, i);

        if ((rc = resource_find(m->t->d, l->resource, m->a, &r, e)) < 0)
            return -1;
        if (rc == 1)
            *JM_ITEM(kept.lines, struct w_plan_line, kept.lines.n++) = *l;
    }
    if (plan_insert(m->t->d, &kept, p.approver, text, m->t->now_ms, e) < 0 ||
        DB_EXEC(m->t->d, DB_PLAN_LINE_RECOVERED, NULL, e, DBS(p.id), DBS(p.id)) < 0 ||
        takeback_accept(m->t, &kept, m->a, e) < 0 || takeback_recover(m->t, &kept, m->a, e) < 0)
        return -1;
    m->plans++;
    return ledger_append(m->t, m->k->who.host, "plan.accepted", p.id, body, e);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

typedef int (*import_fn)(struct import *m, const char *text, const char *body, struct err *e);

static int
import_purpose(struct import *m, const struct w_receipts *in, const char *purpose,
               const char *batch, enum w_key_use use, import_fn fn, struct err *e)
{
    for (size_t i = 0; i < in->papers.n; i++) {
        const char *text = JM_ITEM(in->papers, struct w_paper, i)->text, *body;
        struct w_envelope env;
        struct err why = {0};

        if (paper_parse(text, strlen(text), m->a, &env, &why) < 0 ||
            strcmp(env.purpose, purpose) != 0)
            continue;
        if (controller_paper_check(m->k->c, text, strlen(text), purpose, batch, use, m->t->now_ms,
                                   m->a, &body, &why) < 0) {
            refuse(m, purpose, &why);
            continue;
        }
        if (fn(m, text, body, e) < 0)
            return -1;
    }
    return 0;
}

static int
find_order(struct import *m, const char *text, const char *body, struct err *e)
{
    struct w_order o;
    struct err why = {0};

    (void)e;
    if (W_DECODE(order, body, strlen(body), JM_SIGNED, m->a, &o, &why) < 0)
        refuse(m, "order", &why);
    else
        m->found[m->n_found++] = (struct found){.text = text, .body = body, .kind = (int)o.kind};
    return 0;
}

/* Receipts come in no order, and a machine's addresses are its network's: networks first. */
static int
import_orders(struct import *m, const struct w_receipts *in, struct err *e)
{
    static const int kinds[] = {RES_NETWORK, RES_VM, RES_VOLUME};

    m->found = arena_alloc(m->a, (in->papers.n + 1) * sizeof(*m->found));
    if (import_purpose(m, in, PAPER_ORDER, PAPER_ORDER_BATCH, KEY_ORDER, find_order, e) < 0)
        return -1;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t i = 0; i < m->n_found; i++)
            if (m->found[i].kind == kinds[k] &&
                import_order(m, m->found[i].text, m->found[i].body, e) < 0)
                return -1;
    return 0;
}

static int
find_plan(struct import *m, const char *text, const char *body, struct err *e)
{
    struct w_plan p;
    struct err why = {0};

    (void)e;
    if (W_DECODE(plan, body, strlen(body), JM_SIGNED, m->a, &p, &why) < 0)
        refuse(m, "plan", &why);
    else
        m->found[m->n_found++] =
            (struct found){.text = text, .body = body, .issued_ms = p.issued_at_ms};
    return 0;
}

static int
by_day(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->issued_ms > y->issued_ms) - (x->issued_ms < y->issued_ms);
}

/* What one plan took a later one may have returned: in the order in which they were signed. */
static int
import_plans(struct import *m, const struct w_receipts *in, struct err *e)
{
    m->n_found = 0;
    if (import_purpose(m, in, PAPER_PLAN, NULL, KEY_GRANT, find_plan, e) < 0)
        return -1;
    qsort(m->found, m->n_found, sizeof(*m->found), by_day);
    for (size_t i = 0; i < m->n_found; i++)
        if (import_plan(m, m->found[i].text, m->found[i].body, e) < 0)
            return -1;
    return 0;
}

int
recovery_missing(struct tx *t, struct arena *a, const char **out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    int rc, n = 0, more = 0;

    if (db_query(t->d, DB_RECOVERY_MISSING, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        if (n++ < MISSING_NAMED)
            strbuf_addf(&b, "%s%s", n > 1 ? ", " : "", db_str(r, 0));
        else
            more++;
    }
    if (more > 0)
        strbuf_addf(&b, " and %d more", more);
    *out = n == 0 ? NULL : arena_strdup(a, strbuf_peek(&b));
    return rc;
}

/* ---- proof that we once knew more ------------------------------------------------------------
 */

void
recovery_claimed(struct controller *c, const char *host, const char *what, uint64_t term)
{
    metric_add(c->metrics, CM_CLAIMS, 0, 1);
    log_error("recovery.claimed", "host=%s claim=\"%s %llu\" ours=%llu action=" LOG_Q, host, what,
              (unsigned long long)term, (unsigned long long)controller_term(c),
              "nothing of it is believed until the host shows an order that we signed; when none "
              "comes, look at this host");
}

/* An order of this host that we signed and do not have: its term is ours or a later one, as what
 * was before a recovery that was confirmed proves nothing any more. */
static int
proves(struct import *m, const char *body, bool *out, struct err *e)
{
    struct resource_row r;
    struct w_order o;
    int rc;

    *out = false;
    if (W_DECODE(order, body, strlen(body), JM_SIGNED, m->a, &o, e) < 0)
        return -1;
    if (strcmp(o.host, m->k->who.host) != 0 || o.term < controller_term(m->k->c))
        return 0;
    if ((rc = resource_find(m->t->d, o.resource, m->a, &r, e)) < 0)
        return -1;
    *out = rc == 0 || is_newer(&o, &r);
    return 0;
}

/* 1: the host has shown that this store was restored from an older copy, and recovery has begun. */
static int
prove(struct import *m, const struct w_receipts *in, struct err *e)
{
    char why[200];
    bool yes = false;

    m->found = arena_alloc(m->a, (in->papers.n + 1) * sizeof(*m->found));
    if (import_purpose(m, in, PAPER_ORDER, PAPER_ORDER_BATCH, KEY_ORDER, find_order, e) < 0)
        return -1;
    for (size_t i = 0; i < m->n_found && !yes; i++)
        if (proves(m, m->found[i].body, &yes, e) < 0)
            return -1;
    if (!yes)
        return 0;
    (void)snprintf(why, sizeof(why), "host %s holds an order that we signed and do not have",
                   m->k->who.host);
    return controller_enter_recovery(m->t, why, e) < 0 ? -1 : 1;
}

int
api_agent_receipts(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_receipts *in = k->in;
    struct import m = {.k = k, .t = t, .a = k->a}, proof = m;
    struct host_flow_row h;
    struct witness w;
    char body[200];
    int proved = 0;

    k->status = 204;
    if (host_flow_get(t->d, k->who.host, &h, e) < 0 ||
        witness_take(t, k->who.host, in->head, &w, e) < 0 ||
        controller_note_term(t, in->term, e) < 0)
        return -1;
    if (!controller_recovery(k->c) && w.verdict != WITNESS_AHEAD) {
        if ((proved = prove(&proof, in, e)) < 0)
            return -1;
        if (proved == 0 && !h.receipts_wanted)
            return 0; /* nobody asked: what a host was told is in the store */
    }
    if (import_purpose(&m, in, PAPER_GRANT, NULL, KEY_GRANT, import_grant, e) < 0 ||
        import_orders(&m, in, e) < 0 || supersede_recovered(t, e) < 0 ||
        import_plans(&m, in, e) < 0 ||
        host_flow_receipts_wanted(t->d, k->who.host, m.refused > 0, e) < 0 ||
        DB_EXEC(t->d, DB_RECOVERY_WITHOUT_END, NULL, e, DBS(k->who.host)) < 0)
        return err_wrap(e, "receipts of host %s", h.name);
    (void)snprintf(body, sizeof(body),
                   "{\"grants\":%zu,\"orders\":%zu,\"plans\":%zu,\"refused\":%zu}", m.grants,
                   m.orders, m.plans, m.refused);
    log_warn("recovery.imported", "host=%s grants=%zu orders=%zu plans=%zu refused=%zu",
             k->who.host, m.grants, m.orders, m.plans, m.refused);
    return ledger_append(t, k->who.host, "recovery.imported", k->who.host, body, e);
}
