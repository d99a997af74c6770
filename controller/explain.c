#include "controller/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/api_resource.h"
#include "controller/approvers.h"
#include "controller/finding.h"
#include "controller/own.h"
#include "controller/parts.h"
#include "controller/placing.h"
#include "controller/policy.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/db/store_case.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_resource.h"
#include "drivers/db/store_usage.h"
#include "policies/case_fsm.h"
#include "policies/model.h"
#include "policies/order_check.h"

enum { LINES_MAX = 1000, ENTRIES_MAX = 300 };

struct story {
    struct api_call *k;
    struct tx *t;
    struct w_explanation *out;
    bool differs; /* a decision came out otherwise, or its facts are gone */
    size_t replayed;
};

/* One entry of the ledger. */
struct entry {
    struct entry *next;
    int64_t at_ms;
    const char *act, *actor, *body; /* body "" when purged */
};

static void tell(struct story *s, const char *step, const char *id, int64_t at_ms, const char *fmt,
                 ...) __attribute__((format(printf, 5, 6)));
static void
tell(struct story *s, const char *step, const char *id, int64_t at_ms, const char *fmt, ...)
{
    struct w_explain_line *l = JM_ITEM(s->out->lines, struct w_explain_line, s->out->lines.n);
    char text[4000];
    va_list ap;

    if (s->out->lines.n >= LINES_MAX)
        return;
    s->out->lines.n++;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)snprintf(l->step, sizeof(l->step), "%s", step);
    (void)snprintf(l->id, sizeof(l->id), "%s", id);
    l->at_ms = at_ms;
    l->text = arena_strdup(s->k->a, text);
}

/* ---- the ledger ---------------------------------------------------------------------------------
 */

/* 1 with the newest entry of that act about the subject, 0 none, -1 error. */
static int
entry_find(struct story *s, const char *subject, const char *act, struct entry *x, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    memset(x, 0, sizeof(*x));
    if (DB_QUERY(s->t->d, DB_LEDGER_FLOW_FIND, &r, e, DBS(subject), DBS(act)) < 0)
        return -1;
    rc = db_next(r, e);
    if (rc != 1)
        return rc;
    x->at_ms = db_int(r, 1);
    x->actor = arena_strdup(s->k->a, db_str(r, 2));
    x->body = arena_strdup(s->k->a, db_str(r, 3));
    x->act = act;
    return 1;
}

/* All entries about the subject, oldest first. */
static int
entry_all(struct story *s, const char *subject, struct entry **out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct entry **tail = out;
    size_t n = 0;
    int rc;

    *out = NULL;
    if (DB_QUERY(s->t->d, DB_LEDGER_FLOW_SUBJECT, &r, e, DBS(subject)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && n++ < ENTRIES_MAX) {
        struct entry *x = arena_alloc(s->k->a, sizeof(*x));

        x->at_ms = db_int(r, 1);
        x->actor = arena_strdup(s->k->a, db_str(r, 2));
        x->act = arena_strdup(s->k->a, db_str(r, 3));
        x->body = arena_strdup(s->k->a, db_str(r, 4));
        *tail = x;
        tail = &x->next;
    }
    return rc < 0 ? -1 : 0;
}

/* ---- grant and placing
 * ---------------------------------------------------------------------------- */

static const char *
host_name(const struct w_placing_facts *f, const char *id)
{
    for (size_t i = 0; i < f->hosts.n; i++)
        if (strcmp(JM_ITEM(f->hosts, struct w_placing_host, i)->id, id) == 0)
            return JM_ITEM(f->hosts, struct w_placing_host, i)->name;
    return id;
}

/* Made again from the recorded facts, and compared as bytes. */
static bool
placing_again(struct story *s, const struct w_grant_record *rec)
{
    SCOPED(strbuf) struct strbuf was = {0}, now = {0};
    struct w_placing_choices c = {0};

    (void)placing_decide(&rec->facts, s->k->a, &c);
    jm_encode(schema_placing_choices, &rec->choices, &was);
    jm_encode(schema_placing_choices, &c, &now);
    s->replayed++;
    return was.len == now.len && memcmp(strbuf_peek(&was), strbuf_peek(&now), was.len) == 0;
}

/* Where one group went, and why. */
static void
tell_choice(struct story *s, const struct w_placing_facts *f, const struct w_placing_choices *all,
            size_t group, const char *what, const char *resource, int64_t at_ms)
{
    const struct w_placing_choice *c;
    const struct w_placing_group *g;

    if (group >= all->items.n || group >= f->groups.n)
        return;
    c = JM_ITEM(all->items, struct w_placing_choice, group);
    g = JM_ITEM(f->groups, struct w_placing_group, group);
    tell(s, "placement", resource, at_ms, "%s went to host %s, of %zu hosts on record%s%s", what,
         host_name(f, c->host), f->hosts.n,
         c->reason == NULL ? "" : "; refused: ", c->reason == NULL ? "" : c->reason);
    if (g->apart != APART_NONE)
        tell(s, "placement", resource, at_ms,
             "asked to be apart from other machines of its system: %s", w_apart_names[g->apart]);
    if (g->zone[0] != '\0' || g->pool_class[0] != '\0')
        tell(s, "placement", resource, at_ms, "asked for zone/pool class %s/%s",
             g->zone[0] == '\0' ? "-" : g->zone, g->pool_class[0] == '\0' ? "-" : g->pool_class);
    if (c->chosen != NULL)
        tell(s, "placement", resource, at_ms, "chosen: %s", c->chosen);
}

static void
tell_placing(struct story *s, const struct w_grant_record *rec, const char *resource, int64_t at_ms)
{
    for (size_t i = 0; i < rec->resources.n; i++) {
        const struct w_grant_resource *g = JM_ITEM(rec->resources, struct w_grant_resource, i);

        if (resource != NULL && strcmp(g->resource, resource) != 0)
            continue;
        tell_choice(s, &rec->facts, &rec->choices, g->group,
                    arena_printf(s->k->a, "line %u, ordinal %u (%s)", g->line, g->ordinal,
                                 w_res_kind_names[g->kind]),
                    g->resource, at_ms);
    }
}

/* ---- machines that were there ---- */

/* Whether it might be taken over, judged once more from what its host had found. */
static bool
adoption_again(struct story *s, const struct w_claim_record *c)
{
    const char *why = adopt_obstacle(NULL, &c->found, s->k->a, NULL);

    s->replayed++;
    return strcmp(why == NULL ? "" : why, c->reason == NULL ? "" : c->reason) == 0;
}

/* 1 told, 0 the grant is not one that takes over machines. */
static int
tell_adoption(struct story *s, const char *grant, const char *resource, struct err *e)
{
    struct w_adoption_record rec;
    struct entry x;
    int rc = entry_find(s, grant, "adoption.confirmed", &x, e);

    if (rc != 1 || x.body[0] == '\0' ||
        W_DECODE(adoption_record, x.body, strlen(x.body), JM_PEER, s->k->a, &rec, NULL) < 0)
        return rc < 0 ? -1 : 0;
    for (size_t i = 0; i < rec.claims.n; i++) {
        const struct w_claim_record *c = JM_ITEM(rec.claims, struct w_claim_record, i);

        if (!adoption_again(s, c))
            s->differs = true;
        if (resource == NULL || strcmp(c->vm, resource) == 0)
            tell(s, "existing", c->vm, x.at_ms,
                 "was there before its grant (存量): %s on host %s, claimed by unit %s, confirmed "
                 "as it was found%s%s; its quota is entered as existing when its host reads the "
                 "mark back, no clock runs, nothing was measured before",
                 c->found.parts.name, c->host, c->unit,
                 c->reason == NULL || c->reason[0] == '\0' ? "" : ", waiting: ",
                 c->reason == NULL ? "" : c->reason);
    }
    tell(s, "grant", grant, x.at_ms,
         "confirmed from account %s, signed with key %.16s…, body SHA-256 %s", x.actor, rec.key,
         rec.body_sha256);
    tell(s, "approval", rec.number, rec.approved_at_ms,
         "approval number %s, approved by account %s", rec.number, rec.approver);
    return 1;
}

/* Of an approval given elsewhere: who signed it there, and what. */
static int
tell_import(struct story *s, const char *grant, struct err *e)
{
    struct w_import_record rec;
    struct w_approver who = {0};
    char id[W_ID];
    struct entry x;
    int rc = case_of_subject(s->t->d, grant, CASE_IMPORT, "", id, e);

    if (rc <= 0 || (rc = entry_find(s, id, "import.received", &x, e)) <= 0)
        return rc;
    if (x.body == NULL || x.body[0] == '\0' ||
        W_DECODE(import_record, x.body, strlen(x.body), JM_PEER, s->k->a, &rec, NULL) < 0)
        return 0;
    if (approver_find(s->t->d, rec.credential_sha256, s->k->a, &who, e) < 0)
        return -1;
    tell(
        s, "import", id, x.at_ms,
        "given elsewhere: dated %s, signed by %s (%s) with %.16s…, document SHA-256 %s, brought in "
        "by account %s",
        rec.date, who.name, who.unit, rec.credential_sha256, rec.document_sha256, x.actor);
    return 0;
}

static int
tell_grant(struct story *s, const char *grant, const char *resource, struct err *e)
{
    struct w_grant_record rec;
    struct entry x;
    struct err why = {0};
    int rc = tell_adoption(s, grant, resource, e);

    if (rc == 0)
        rc = entry_find(s, grant, "grant.accepted", &x, e);
    else
        return rc < 0 ? -1 : 0;
    if (rc < 0)
        return -1;
    if (rc != 1 || x.body[0] == '\0' ||
        W_DECODE(grant_record, x.body, strlen(x.body), JM_PEER, s->k->a, &rec, &why) < 0) {
        s->differs = true;
        tell(s, "grant", grant, 0, "the ledger does not hold how this grant was accepted%s%s",
             why.msg[0] == '\0' ? "" : ": ", why.msg);
        return 0;
    }
    if (!placing_again(s, &rec))
        s->differs = true;
    tell_placing(s, &rec, resource, x.at_ms);
    tell(s, "grant", grant, x.at_ms,
         "accepted from account %s, signed with key %.16s…, body SHA-256 %s; to be configured by "
         "the "
         "end of %s",
         x.actor, rec.key, rec.body_sha256, rec.due_day);
    tell(s, "approval", rec.number, rec.approved_at_ms,
         "approval number %s, approved by account %s", rec.number, rec.approver);
    return tell_import(s, grant, e);
}

/* ---- approved changes: which grant took the place of which ---- */

/* Decided again from what the record holds, and compared as bytes. */
static bool
rooms_again(struct story *s, const struct w_supersede_record *rec)
{
    bool same = true;

    for (size_t i = 0; i < rec->rooms.n; i++) {
        const struct w_grant_room *r = JM_ITEM(rec->rooms, struct w_grant_room, i);
        SCOPED(strbuf) struct strbuf now = {0};
        struct w_placing_choices c = {0};
        struct w_placing_facts f;

        s->replayed++;
        if (r->facts == NULL || r->choices == NULL ||
            W_DECODE(placing_facts, r->facts, strlen(r->facts), JM_PEER, s->k->a, &f, NULL) < 0)
            return false;
        (void)placing_decide(&f, s->k->a, &c);
        jm_encode(schema_placing_choices, &c, &now);
        same = same && strcmp(strbuf_peek(&now), r->choices) == 0;
    }
    return same;
}

static void
tell_change(struct story *s, const struct w_supersede_record *rec, const char *resource,
            int64_t at_ms)
{
    for (size_t i = 0; i < rec->changes.n; i++) {
        const struct w_grant_change *c = JM_ITEM(rec->changes, struct w_grant_change, i);

        if (resource != NULL && strcmp(c->resource, resource) != 0)
            continue;
        if (c->binned) {
            tell(s, "change", c->resource, at_ms,
                 "%s: not given any more, as the unit applied for: into the recycle bin", c->name);
            continue;
        }
        tell(s, "change", c->resource, at_ms,
             "%s: from %u vCPUs, %llu MiB, %llu GiB to %u vCPUs, %llu MiB, %llu GiB%s%s%s", c->name,
             c->before_vcpus, (unsigned long long)c->before_mem_mib,
             (unsigned long long)(c->before_bytes / GIB_BYTES), c->after_vcpus,
             (unsigned long long)c->after_mem_mib, (unsigned long long)(c->after_bytes / GIB_BYTES),
             c->restart ? ", with a restart" : "", c->warning == NULL ? "" : "; ",
             c->warning == NULL ? "" : c->warning);
    }
}

static int
tell_superseding(struct story *s, const struct grant_row *old, const char *resource, struct err *e)
{
    struct w_supersede_record rec;
    struct entry x;
    int rc = entry_find(s, old->id, "grant.superseded", &x, e);

    if (rc < 0)
        return -1;
    if (rc != 1 || x.body[0] == '\0' ||
        W_DECODE(supersede_record, x.body, strlen(x.body), JM_PEER, s->k->a, &rec, NULL) < 0) {
        s->differs = true;
        tell(s, "superseded", old->id, 0, "the ledger does not hold how grant %s was superseded",
             old->number);
        return 0;
    }
    if (!rooms_again(s, &rec))
        s->differs = true;
    tell_change(s, &rec, resource, x.at_ms);
    tell(s, "superseded", old->id, x.at_ms,
         "grant %s took the place of grant %s, with its %u resources, on behalf of %s", rec.number,
         old->number, rec.resources, x.actor);
    return 0;
}

/* The newest first, down to the one that made it. */
static int
tell_grants(struct story *s, const char *newest, const char *resource, struct err *e)
{
    struct grant_row g;
    int rc = grant_row_find(s->t->d, newest, s->k->a, &g, e);

    if (rc < 0 || tell_grant(s, newest, resource, e) < 0)
        return -1;
    for (int n = 1; rc == 1 && n < OC_STEPS_MAX && g.supersedes[0] != '\0'; n++) {
        rc = grant_row_find(s->t->d, g.supersedes, s->k->a, &g, e);
        if (rc < 0 || (rc == 1 && (tell_superseding(s, &g, resource, e) < 0 ||
                                   tell_grant(s, g.id, resource, e) < 0)))
            return -1;
    }
    return 0;
}

/* ---- findings and plans
 * --------------------------------------------------------------------------- */

static int
tell_finding(struct story *s, const char *finding, struct err *e)
{
    struct w_finding_record rec;
    struct w_policy p;
    struct entry x;
    struct err why = {0};
    int rc = entry_find(s, finding, "finding.made", &x, e);

    if (rc < 0)
        return -1;
    if (rc != 1 || x.body[0] == '\0' ||
        W_DECODE(finding_record, x.body, strlen(x.body), JM_PEER, s->k->a, &rec, &why) < 0 ||
        policy_by_version(s->t->d, rec.policy, s->k->a, &p, &why) < 0) {
        s->differs = true;
        tell(s, "finding", finding, 0, "the ledger does not hold what this finding rests on");
        return 0;
    }
    s->replayed++;
    if (!finding_replay(&rec, &p))
        s->differs = true;
    tell(s, "finding", finding, x.at_ms, "%s under policy %s: %s", w_verdict_names[rec.verdict],
         rec.policy, rec.reason);
    return 0;
}

/* What of it was taken back before it became an order. */
static int
tell_withdrawal(struct story *s, const char *plan, struct err *e)
{
    struct w_plan_withdrawn w;
    struct entry x;
    int rc = entry_find(s, plan, "plan.withdrawn", &x, e);

    if (rc != 1)
        return rc;
    if (x.body[0] == '\0' ||
        W_DECODE(plan_withdrawn, x.body, strlen(x.body), JM_PEER, s->k->a, &w, NULL) < 0) {
        tell(s, "plan", plan, x.at_ms, "withdrawn by account %s", x.actor);
        return 0;
    }
    tell(s, "plan", plan, x.at_ms,
         "withdrawn by account %s: %u lines are no order and become none, %u are orders and stay: "
         "%s",
         x.actor, w.withdrawn, w.ordered, w.reason);
    return 0;
}

/* 1 with what was signed, 0 when the ledger does not hold it. */
static int
plan_read(struct story *s, const char *plan, struct w_plan *p, struct entry *x, struct err *e)
{
    int rc = entry_find(s, plan, "plan.accepted", x, e);

    if (rc != 1)
        return rc;
    return x->body[0] != '\0' &&
           W_DECODE(plan, x->body, strlen(x->body), JM_PEER, s->k->a, p, NULL) == 0;
}

static int
tell_plan(struct story *s, const char *plan, struct err *e)
{
    struct w_plan p;
    struct entry x;
    int rc = plan_read(s, plan, &p, &x, e);

    if (rc < 0)
        return -1;
    if (rc != 1) {
        s->differs = true;
        tell(s, "plan", plan, 0, "the ledger does not hold this plan");
        return 0;
    }
    tell(s, "plan", plan, x.at_ms, "signed by account %s, %zu lines: %s", p.approver, p.lines.n,
         p.reason);
    return tell_withdrawal(s, plan, e) < 0 ? -1 : tell_finding(s, p.finding, e);
}

/* ---- orders and resources
 * -------------------------------------------------------------------------- */

static int
tell_order(struct story *s, const struct entry *x, char plan[W_ID], struct err *e)
{
    struct w_order o;
    struct entry closed;
    struct err why = {0};
    int rc;

    if (x->body[0] == '\0' ||
        W_DECODE(order, x->body, strlen(x->body), JM_PEER, s->k->a, &o, &why) < 0) {
        s->differs = true;
        return 0;
    }
    tell(s, "order", o.id, x->at_ms,
         "%s, wanted %s, generation %llu, by authority of %s %s, on behalf of %s",
         w_verb_names[o.verb], w_wanted_names[o.wanted], (unsigned long long)o.generation,
         w_authority_names[o.authority], o.authority_id, x->actor);
    if (o.authority == AUTH_PLAN)
        memcpy(plan, o.authority_id, W_ID);
    rc = entry_find(s, o.id, "order.closed", &closed, e);
    if (rc == 1)
        tell(s, "order", o.id, closed.at_ms, "closed: host %s read it back as equal", closed.actor);
    return rc < 0 ? -1 : 0;
}

/* What the unit did by itself; where it took room, the placing is made again. */
static void
tell_unit_act(struct story *s, const struct entry *x)
{
    struct w_grant_record placed = {0};
    struct w_unit_record rec;
    struct err why = {0};

    if (x->body[0] == '\0' ||
        W_DECODE(unit_record, x->body, strlen(x->body), JM_PEER, s->k->a, &rec, &why) < 0) {
        s->differs = true;
        return;
    }
    tell(s, "act", rec.id, x->at_ms, "%s, by account %s of the unit within its grant%s%s%s%s",
         rec.text, x->actor, rec.undo_of[0] == '\0' ? "" : "; undoes act ", rec.undo_of,
         rec.reason == NULL ? "" : "; reason: ", rec.reason == NULL ? "" : rec.reason);
    placed.facts = rec.facts;
    placed.choices = rec.choices;
    if (rec.facts.groups.n > 0 && !placing_again(s, &placed))
        s->differs = true;
    if (rec.what == ACT_CREATE)
        tell_choice(s, &rec.facts, &rec.choices, 0, "it", rec.resource, x->at_ms);
}

/* Of a network over several hosts. */
static int
tell_parts(struct story *s, const struct resource_row *r, struct err *e)
{
    struct w_network_part_list l = {0};

    if (r->kind != RES_NETWORK || r->part_of[0] != '\0')
        return 0;
    if (parts_view(s->t, r->id, s->k->a, &l, e) < 0)
        return -1;
    for (size_t i = 0; l.vni != 0 && i < l.items.n; i++) {
        const struct w_network_part *p = JM_ITEM(l.items, struct w_network_part, i);

        tell(s, "part", p->id, p->as_of_ms,
             "segment %u on host %s: wanted %s, seen %s, %u machines%s%s", l.vni, p->host_name,
             w_wanted_names[p->wanted], w_seen_names[p->seen], p->machines,
             p->reason == NULL ? "" : "; not equal: ", p->reason == NULL ? "" : p->reason);
    }
    return 0;
}

static int
tell_resource(struct story *s, const struct resource_row *r, struct err *e)
{
    struct entry *all = NULL;
    char plan[W_ID] = "", told[W_ID] = "";
    struct w_resource_view v; /* as it is shown: of a silent host nothing is known */

    resource_view_fill(s->t, r, s->k->a, &v);
    if (parts_weigh(s->t, &v, s->k->a, e) < 0)
        return -1;
    tell(s, w_res_kind_names[r->kind], r->id, s->t->now_ms,
         "%s on host %s: wanted %s, seen %s, generation %llu%s%s", r->name, r->host_name,
         w_wanted_names[r->wanted], w_seen_names[v.seen], (unsigned long long)r->generation,
         v.equal || v.reason == NULL ? "" : "; not equal: ",
         v.equal || v.reason == NULL ? "" : v.reason);
    if (tell_parts(s, r, e) < 0 || entry_all(s, r->id, &all, e) < 0)
        return -1;
    for (const struct entry *x = all; x != NULL; x = x->next) {
        if (strcmp(x->act, "order.issued") == 0) {
            if (tell_order(s, x, plan, e) < 0)
                return -1;
            if (plan[0] != '\0' && strcmp(plan, told) != 0 && tell_plan(s, plan, e) < 0)
                return -1;
            memcpy(told, plan, sizeof(told));
        } else if (strcmp(x->act, "certificate.issued") == 0) {
            tell(s, "certificate", r->certificate, x->at_ms,
                 "overwritten and read back by host %s; certificate %s", x->actor, r->certificate);
        } else if (strncmp(x->act, "unit.", 5) == 0) {
            tell_unit_act(s, x);
        } else {
            tell(s, "event", r->id, x->at_ms, "entry %s of the ledger, by %s", x->act, x->actor);
        }
    }
    return tell_grants(s, r->grant, r->id, e);
}

/* 1 told, 0 not of this kind. */
static int
try_resource(struct story *s, const char *id, struct err *e)
{
    struct resource_row r;
    int rc = resource_find(s->t->d, id, s->k->a, &r, e);

    if (rc <= 0)
        return rc;
    return own_check(s->k, r.unit, "thing", e) < 0 || tell_resource(s, &r, e) < 0 ? -1 : 1;
}

static int
try_order(struct story *s, const char *id, struct err *e)
{
    struct order_row o;
    struct err why = {0};

    if (order_row_get(s->t->d, id, s->k->a, &o, &why) < 0) {
        if (why.code == BY_E_NOT_FOUND)
            return 0;
        *e = why;
        return -1;
    }
    return try_resource(s, o.resource, e);
}

static int
try_grant(struct story *s, const char *id, struct err *e)
{
    struct grant_row g;
    int rc = grant_row_find(s->t->d, id, s->k->a, &g, e);

    if (rc <= 0)
        return rc;
    return own_check(s->k, g.unit, "thing", e) < 0 || tell_grants(s, id, NULL, e) < 0 ? -1 : 1;
}

static int
try_finding(struct story *s, const char *id, struct err *e)
{
    struct finding_row f;
    int rc = finding_find(s->t->d, id, s->k->a, &f, e);

    if (rc <= 0)
        return rc;
    if (own_check(s->k, f.unit, "thing", e) < 0 || tell_finding(s, id, e) < 0)
        return -1;
    return try_resource(s, f.vm, e);
}

static int
try_plan(struct story *s, const char *id, struct err *e)
{
    struct grant_row g;
    struct w_plan p;
    struct entry x;
    int rc = plan_read(s, id, &p, &x, e);

    if (rc != 1)
        return rc;
    rc = grant_row_find(s->t->d, p.grant, s->k->a, &g, e);
    if (rc <= 0)
        return rc;
    return own_check(s->k, g.unit, "thing", e) < 0 || tell_plan(s, id, e) < 0 ? -1 : 1;
}

int
api_explain_get(struct api_call *k, struct tx *t, struct err *e)
{
    static int (*const kinds[])(struct story *, const char *, struct err *) = {
        try_resource, try_order, try_grant, try_finding, try_plan};
    struct story s = {.k = k, .t = t, .out = k->out};

    s.out->lines.items = arena_alloc(k->a, LINES_MAX * sizeof(struct w_explain_line));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int rc = kinds[i](&s, k->id, e);

        if (rc < 0)
            return -1;
        if (rc == 1) {
            s.out->replay_equal = !s.differs && s.replayed > 0;
            return 0;
        }
    }
    return err_set(e, BY_E_NOT_FOUND,
                   "there is no VM, volume, network, order, grant, finding or plan %s", k->id);
}
