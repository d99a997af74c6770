#include "controller/api_grant.h"

#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/adoption.h"
#include "controller/api_order.h"
#include "controller/application.h"
#include "controller/approvers.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/grant_expand.h"
#include "controller/granting.h"
#include "controller/manual.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/placing_grant.h"
#include "controller/policy.h"
#include "controller/quota.h"
#include "controller/signer.h"
#include "controller/supersede.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_act.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_resource.h"
#include "policies/model.h"

enum { CLOCK_SKEW_MS = 300000 };

/* One grant on its way in. */
struct intake {
    struct signed_paper paper; /* empty in a dry run */
    struct w_grant g;          /* first said by the paper or by the dry run */
    struct w_policy policy;
    struct system_row sys;
    struct expansion x;
    struct grant_placing placing;
    struct clock_row clock;
    const char *own_case;   /* number of the import that this is the grant of, or NULL */
    struct supersede *over; /* of a grant that supersedes another, or NULL */
    const struct w_application *asked;
    int64_t restart_from_ms;
};

/* ---- is it a lawful grant -----------------------------------------------------------------------
 */

static int
check_times(const struct intake *in, int64_t now_ms, struct err *e)
{
    const struct w_grant *g = &in->g;

    if (g->approved_at_ms > now_ms + CLOCK_SKEW_MS)
        return err_field(e, BY_E_INVALID, "approved_at_ms", "it was approved in the future");
    if (g->valid_from_ms >= g->valid_to_ms)
        return err_field(e, BY_E_INVALID, "valid_to_ms", "the grant ends before it begins");
    if (now_ms < g->valid_from_ms || now_ms > g->valid_to_ms)
        return err_field(e, BY_E_INVALID, "valid_from_ms",
                         "the grant is not valid now: no order may be made under it");
    if (g->hold_ms < in->policy.least_hold_ms)
        return err_field(e, BY_E_INVALID, "hold_ms",
                         "the recycle bin keeps things for at least %lld ms (policy %s), the grant "
                         "says %lld",
                         (long long)in->policy.least_hold_ms, in->policy.version,
                         (long long)g->hold_ms);
    return 0;
}

static int
check_number(struct tx *t, const struct intake *in, struct err *e)
{
    const struct w_grant *g = &in->g;
    char id[W_ID], held[32];
    int rc = grant_number_find(t->d, g->number, id, e);

    if (rc < 0)
        return -1;
    if (rc > 0)
        return err_field(e, BY_E_CONFLICT, "number",
                         "the approval number %s belongs to grant %s already", g->number, id);
    if ((rc = import_held(t->d, g->number, held, e)) < 0)
        return -1;
    if (rc > 0 && (in->own_case == NULL || strcmp(held, in->own_case) != 0))
        return err_field(e, BY_E_CONFLICT, "number",
                         "the approval number %s waits in case %s: confirm or refuse that import",
                         g->number, held);
    return 0;
}

static int
check_system(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    if (system_row_get(t->d, in->g.system, a, &in->sys, e) < 0)
        return -1;
    if (strcmp(in->sys.unit, in->g.unit) != 0)
        return err_field(e, BY_E_INVALID, "unit",
                         "the information system %s belongs to another unit", in->sys.name);
    if (in->sys.mlps_level > MLPS_MAX)
        return err_field(e, BY_E_DENIED, "system",
                         "%s has MLPS level %u: above level %d it may not run on this cloud",
                         in->sys.name, in->sys.mlps_level, MLPS_MAX);
    return 0;
}

static int
check_grant(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    if (policy_in_force(t->d, a, &in->policy, e) < 0 || check_number(t, in, e) < 0 ||
        check_system(t, in, a, e) < 0 || check_times(in, t->now_ms, e) < 0)
        return -1;
    if (grant_lines_check(&in->g, e) < 0)
        return -1;
    if (in->g.supersedes[0] != '\0') {
        in->over = arena_alloc(a, sizeof(*in->over));
        if (supersede_check(t, &in->g, in->asked, a, in->over, e) < 0)
            return -1;
    }
    return granting_images(t, &in->g, in->over == NULL ? NULL : &in->over->old, a, e);
}

int
grant_lawful(struct tx *t, const struct w_grant *g, struct arena *a, struct system_row *sys,
             struct err *e)
{
    struct intake *in = arena_alloc(a, sizeof(*in));

    in->g = *g;
    if (g->supersedes[0] != '\0')
        return err_field(e, BY_E_INVALID, "supersedes",
                         "a grant that takes over what was there supersedes none");
    if (check_grant(t, in, a, e) < 0)
        return -1;
    *sys = in->sys;
    return 0;
}

/* What was there is not made: it is taken over by confirming a claim. */
static int
check_makes(const struct w_grant *g, struct err *e)
{
    if (!adoption_is(g))
        return 0;
    return err_field(e, BY_E_INVALID, "lines",
                     "a line names an existing machine: confirm the claim to it instead "
                     "(POST /v1/claims:confirm)");
}

/* ---- expanding and placing
 * ------------------------------------------------------------------------
 */

static int
expand(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    return granting_expand(t, &in->g, in->sys.ssh_key, in->over == NULL ? NULL : in->over->there, a,
                           &in->x, e);
}

static int
expand_and_place(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    return expand(t, in, a, e) < 0
               ? -1
               : grant_place(t, &in->x, in->over, &in->policy, a, &in->placing, e);
}

static const char *
host_name_of(const struct w_placing_facts *f, const char *host)
{
    for (size_t i = 0; i < f->hosts.n; i++)
        if (strcmp(JM_ITEM(f->hosts, struct w_placing_host, i)->id, host) == 0)
            return JM_ITEM(f->hosts, struct w_placing_host, i)->name;
    return "";
}

/* ---- dry run -----------------------------------------------------------------------------------
 */

static const char *
why_not(const struct grant_placing *p, size_t group)
{
    const struct w_placing_choice *c;

    if (p->choice_of == NULL || p->choice_of[group] == UINT32_MAX)
        return p->no_room;
    c = JM_ITEM(p->choices.items, struct w_placing_choice, p->choice_of[group]);
    return c->reason == NULL ? p->no_room : c->reason;
}

static void
check_answer(const struct intake *in, struct arena *a, struct w_grant_check *out)
{
    struct w_placement *p = arena_alloc(a, (in->x.n + 1) * sizeof(*p));

    for (size_t i = 0; i < in->x.n; i++) {
        const struct expand_item *it = &in->x.items[i];
        const struct expand_group *g = &in->x.groups[it->group];

        p[i].line = it->line;
        p[i].ordinal = it->ordinal;
        memcpy(p[i].host, g->host, sizeof(p[i].host));
        (void)snprintf(p[i].host_name, sizeof(p[i].host_name), "%s",
                       host_name_of(&in->placing.facts, g->host));
        p[i].reason = g->host[0] == '\0' ? why_not(&in->placing, it->group) : NULL;
    }
    out->placements = (struct jm_list){p, in->x.n};
    out->fits = in->placing.no_room == NULL;
    out->reason = in->placing.no_room;
}

int
api_grant_check(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_grant_request *req = k->in;
    struct w_application app;
    struct case_row c;
    struct w_grant g;

    if (W_DECODE(grant, req->grant, strlen(req->grant), JM_SIGNED, k->a, &g, e) < 0)
        return err_wrap(e, "grant");
    if (own_check(k, g.unit, "unit", e) < 0)
        return -1;
    if (req->application[0] == '\0')
        return grant_try(k, t, &g, NULL, NULL, k->out, e);
    if (case_row_get(t->d, req->application, k->a, &c, e) < 0 ||
        own_check(k, c.unit, "case", e) < 0 || application_of(&c, k->a, &app, e) < 0)
        return -1;
    return grant_try(k, t, &g, NULL, &app, k->out, e);
}

int
grant_try(struct api_call *k, struct tx *t, const struct w_grant *g, const char *own_case,
          const struct w_application *asked, struct w_grant_check *out, struct err *e)
{
    struct intake *in = arena_alloc(k->a, sizeof(*in));
    struct err why = {0};

    in->g = *g;
    in->asked = asked;
    in->own_case = own_case;
    if (check_makes(&in->g, &why) < 0 || check_grant(t, in, k->a, &why) < 0) {
        if (why.code == BY_E_IO || why.code == BY_E_BUG) {
            *e = why;
            return -1;
        }
        out->reason = arena_strdup(k->a, why.msg);
        if (in->over != NULL)
            supersede_changes(in->over, k->a, &out->changes);
        return 0;
    }
    if (in->over != NULL)
        supersede_changes(in->over, k->a, &out->changes);
    if (expand_and_place(t, in, k->a, e) < 0)
        return -1;
    check_answer(in, k->a, out);
    if (controller_recovery(k->c)) {
        out->fits = false;
        out->reason = "the controller is in recovery: nothing is allocated until it is confirmed";
    }
    return 0;
}

/* ---- the real thing -----------------------------------------------------------------------------
 */

int
grant_open(struct api_call *k, const char *text, struct err *e)
{
    struct intake *in = arena_alloc(k->a, sizeof(*in));

    if (signer_open(k, text, PAPER_GRANT, &in->paper, e) < 0 ||
        W_DECODE(grant, in->paper.body, strlen(in->paper.body), JM_SIGNED, k->a, &in->g, e) < 0)
        return err_wrap(e, "grant");
    k->prepared = in;
    return 0;
}

const struct w_grant *
grant_opened(const struct api_call *k)
{
    return &((const struct intake *)k->prepared)->g;
}

int
prepare_grant_add(struct api_call *k, struct err *e)
{
    return grant_open(k, ((const struct w_grant_request *)k->in)->grant, e);
}

static int
clock_of(struct tx *t, struct intake *in, struct err *e)
{
    struct clock_spec s = {.kind = in->over == NULL ? CLK_CONFIGURE : CLK_CHANGE,
                           .subject_kind = "grant",
                           .subject = in->g.id,
                           .title = in->g.number,
                           .unit = in->g.unit,
                           .start_ms = in->g.approved_at_ms};

    return clock_compute(t, &s, &in->clock, e);
}

static int
add_resources(struct api_call *k, struct tx *t, struct intake *in, struct w_order_view *v, size_t n,
              struct err *e)
{
    for (size_t i = 0; i < in->x.n; i++) {
        struct expand_item *it = &in->x.items[i];
        struct resource_row r;
        bool issued;

        if (grant_place_item(t, k->who.account, in->g.unit, &in->x, i, k->a, &r, &issued, e) < 0 ||
            (!issued && act_issue(t, k->who.account, &it->order, e) < 0))
            return err_wrap(e, "grant %s, line %u, %s", in->g.number, it->line, r.name);
        order_view_new(&it->order, r.name, &v[n + i]);
    }
    return 0;
}

static int
add_record(struct api_call *k, struct tx *t, const struct intake *in, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant_record rec = {.approved_at_ms = in->g.approved_at_ms};
    struct w_grant_resource *made = arena_alloc(k->a, (in->x.n + 1) * sizeof(*made));

    memcpy(rec.number, in->g.number, sizeof(rec.number));
    memcpy(rec.system, in->g.system, sizeof(rec.system));
    memcpy(rec.unit, in->g.unit, sizeof(rec.unit));
    memcpy(rec.approver, in->g.approver, sizeof(rec.approver));
    memcpy(rec.key, in->paper.key, sizeof(rec.key));
    memcpy(rec.body_sha256, in->paper.body_sha256, sizeof(rec.body_sha256));
    memcpy(rec.due_day, in->clock.due_day, sizeof(rec.due_day));
    rec.facts = in->placing.facts;
    rec.choices = in->placing.choices;
    for (size_t i = 0; i < in->x.n; i++) {
        const struct expand_item *it = &in->x.items[i];

        memcpy(made[i].resource, it->order.resource, sizeof(made[i].resource));
        made[i].kind = (int)it->kind;
        made[i].line = it->line;
        made[i].ordinal = it->ordinal;
        made[i].group = in->placing.choice_of[it->group];
    }
    rec.resources = (struct jm_list){made, in->x.n};
    jm_encode(schema_grant_record, &rec, &b);
    return ledger_append(t, k->who.account, "grant.accepted", in->g.id, strbuf_peek(&b), e);
}

int
api_grant_add(struct api_call *k, struct tx *t, struct err *e)
{
    return grant_accept(k, t, k->out, e);
}

/* Only what people have not been told to do under the older grant. */
static int
open_manual(struct tx *t, const struct intake *in, struct arena *a, struct err *e)
{
    struct w_grant g = in->g;
    struct w_manual_line *l = arena_alloc(a, (g.manual.n + 1) * sizeof(*l));

    if (in->over == NULL)
        return manual_open(t, &g, in->clock.due_ms, e);
    g.manual = (struct jm_list){l, 0};
    for (size_t i = 0; i < in->g.manual.n; i++) {
        const struct w_manual_line *m = JM_ITEM(in->g.manual, struct w_manual_line, i);
        bool known = false;

        for (size_t j = 0; j < in->over->old.manual.n; j++) {
            const struct w_manual_line *was =
                JM_ITEM(in->over->old.manual, struct w_manual_line, j);
            known = known || (was->line == m->line && strcmp(was->item, m->item) == 0 &&
                              was->count >= m->count);
        }
        if (!known)
            l[g.manual.n++] = *m;
    }
    return g.manual.n == 0 ? 0 : manual_open(t, &g, in->clock.due_ms, e);
}

/* What the older grant's resources become, then what is made. */
static int
make_all(struct api_call *k, struct tx *t, struct intake *in, struct w_accepted *out, struct err *e)
{
    size_t most = in->x.n + (in->over == NULL ? 0 : in->over->n), grown = 0;
    struct w_order_view *v = arena_alloc(k->a, (most + 1) * sizeof(*v));

    if (in->over != NULL &&
        supersede_apply(t, in->over, k->who.account, in->restart_from_ms, k->a, v, &grown, e) < 0)
        return -1;
    if (add_resources(k, t, in, v, grown, e) < 0)
        return -1;
    out->orders = (struct jm_list){v, grown + in->x.n};
    memcpy(out->id, in->g.id, sizeof(out->id));
    out->note = arena_printf(k->a, "%zu orders made; due %s", out->orders.n, in->clock.due_day);
    if (out->orders.n > 0)
        return 0;
    /* Everything is left to the unit: nothing to configure. */
    return clock_meet(t, k->who.account, in->clock.kind, in->g.id, t->now_ms, e);
}

void
grant_asked(struct api_call *k, const struct w_application *app, int64_t restart_from_ms)
{
    struct intake *in = k->prepared;

    in->asked = app;
    in->restart_from_ms = restart_from_ms;
}

/* Everything but whose signature it is; actor: on whose behalf. */
static int
carry_out(struct api_call *k, struct tx *t, struct intake *in, struct w_accepted *out,
          struct err *e)
{
    struct quota_size total;

    if (controller_recovery(k->c))
        return err_set(e, BY_E_CONFLICT,
                       "the controller is in recovery: its hosts know more than "
                       "its store; an administrator must confirm first");
    if (check_makes(&in->g, e) < 0 || check_grant(t, in, k->a, e) < 0 ||
        expand_and_place(t, in, k->a, e) < 0)
        return -1;
    if (in->placing.no_room != NULL)
        return err_set(e, BY_E_CONFLICT, "grant %s: %s", in->g.number, in->placing.no_room);
    quota_size_granted(&in->g, &total);
    if (grant_insert(t->d, &in->g, k->who.account, in->paper.text, in->paper.body_sha256, t->now_ms,
                     e) < 0 ||
        clock_of(t, in, e) < 0 || quota_grant(t, in->g.id, &total, e) < 0 ||
        add_record(k, t, in, e) < 0 || clock_begin(t, k->who.account, &in->clock, e) < 0 ||
        open_manual(t, in, k->a, e) < 0)
        return -1;
    return make_all(k, t, in, out, e);
}

int
grant_accept(struct api_call *k, struct tx *t, struct w_accepted *out, struct err *e)
{
    struct intake *in = k->prepared;

    if (signer_check(k, t, &in->paper, in->g.approver, e) < 0)
        return -1;
    return carry_out(k, t, in, out, e);
}

int
grant_accept_own(struct api_call *k, struct tx *t, const struct w_grant *g, struct w_accepted *out,
                 struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct intake *in = arena_alloc(k->a, sizeof(*in));
    struct api_call own = *k; /* the same call, on the controller's own behalf */
    const char *paper;

    jm_encode(schema_grant, g, &b);
    if (paper_sign(k->c->grant_key, PAPER_GRANT, strbuf_peek(&b), k->a, &paper, e) < 0 ||
        signer_open(k, paper, PAPER_GRANT, &in->paper, e) < 0)
        return err_wrap(e, "grant %s", g->number);
    in->g = *g;
    (void)snprintf(own.who.account, sizeof(own.who.account), "controller");
    return carry_out(&own, t, in, out, e);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static void
grant_view_fill(struct controller *c, const struct grant_row *g, bool paper, int64_t now_ms,
                struct w_grant_view *v)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->id, g->id, sizeof(v->id));
    memcpy(v->number, g->number, sizeof(v->number));
    memcpy(v->system, g->system, sizeof(v->system));
    memcpy(v->system_name, g->system_name, sizeof(v->system_name));
    memcpy(v->unit, g->unit, sizeof(v->unit));
    v->approved_at_ms = g->approved_ms;
    v->orders = g->orders;
    v->orders_open = g->orders_open;
    if (g->clock.due_ms > 0) { /* one that was recovered may have none yet */
        struct clock_row r = g->clock;

        r.kind = g->supersedes[0] == '\0' ? CLK_CONFIGURE : CLK_CHANGE;
        clock_view_fill(c, &r, now_ms, &v->clock);
    }
    memcpy(v->supersedes, g->supersedes, sizeof(v->supersedes));
    memcpy(v->superseded_by, g->superseded_by, sizeof(v->superseded_by));
    v->paper = paper ? g->paper : NULL;
}

struct list {
    struct paging p;
    struct controller *c;
    int64_t now_ms;
};

static int
list_add(void *arg, const struct grant_row *g, struct err *e)
{
    struct list *l = arg;
    struct w_grant_view *to = paging_add(&l->p, g->accepted_ms, g->id, "");

    (void)e;
    if (to != NULL)
        grant_view_fill(l->c, g, false, l->now_ms, to);
    return 0;
}

int
api_grant_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_grant_list *out = k->out;
    struct list l = {.c = k->c, .now_ms = t->now_ms};

    if (PAGING_OPEN(&l.p, k, out, grant_view, INT64_MAX, e) < 0)
        return -1;
    return grant_each(t->d, own_filter(k), param_text(k, "system"), &l.p.from, k->a, list_add, &l,
                      e);
}

int
api_grant_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct grant_row g;

    if (grant_row_show(t->d, k->id, k->a, &g, e) < 0 || own_check(k, g.unit, "grant", e) < 0)
        return -1;
    grant_view_fill(k->c, &g, true, t->now_ms, k->out);
    return 0;
}
