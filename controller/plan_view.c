#include "controller/plan_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/act.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/plan.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/paper.h"
#include "drivers/db/store_plan.h"
#include "drivers/db/store_resource.h"

/* ---- lists ---------------------------------------------------------------------------------- */

static int
add_item(void *arg, const struct w_plan_item *i, struct err *e)
{
    struct w_plan_item *to = paging_add(arg, i->accepted_ms, i->id, "");

    (void)e;
    if (to != NULL)
        *to = *i;
    return 0;
}

int
api_plan_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_plan_list *out = k->out;
    struct plan_filter f = {.unit = own_filter(k),
                            .grant = param_text(k, "grant"),
                            .resource = param_text(k, "resource"),
                            .waiting = param_flag(k, "waiting")};
    struct paging p;

    if (PAGING_OPEN(&p, k, out, plan_item, INT64_MAX, e) < 0)
        return -1;
    f.before_ms = p.from.n;
    f.before_id = p.from.id;
    f.limit = (uint32_t)p.from.limit;
    return plan_each(t->d, &f, add_item, &p, e);
}

/* ---- one ------------------------------------------------------------------------------------ */

struct view {
    struct api_call *k;
    struct tx *t;
    struct w_plan_view *out;
};

static bool
is_leaving(const struct resource_row *r)
{
    return r->wanted == WANT_BINNED || r->wanted == WANT_ABSENT;
}

/* Why nothing is left to do, or NULL. */
static const char *
moot(const struct plan_line_row *l, const struct resource_row *r)
{
    if (r->absent_ms > 0)
        return "it is gone";
    if (r->wanted == WANT_ABSENT)
        return "it is being overwritten";
    if (l->verb == VERB_BIN && r->wanted == WANT_BINNED)
        return "it is in the recycle bin already";
    if (l->verb == VERB_DOWNGRADE &&
        (is_leaving(r) || l->vcpus > r->vcpus || l->mem_mib > r->mem_mib ||
         (l->vcpus == r->vcpus && l->mem_mib == r->mem_mib)))
        return "it has no more than that to lose";
    if (l->verb == VERB_RESTORE && r->wanted != WANT_BINNED && r->prior_vcpus == 0)
        return "there is nothing to bring back";
    return NULL;
}

/* An erasure waits for its host's word and for the hold. */
static bool
holds(const struct view *x, const struct plan_line_row *l, const struct resource_row *r,
      struct w_plan_line_view *v)
{
    v->hold_until_ms = act_erase_from_ms(r, l->hold_ms);
    if (v->hold_until_ms == 0)
        v->note = r->wanted == WANT_BINNED ? "its host has not read back the recycle bin yet"
                                           : "it is not in the recycle bin yet";
    return v->hold_until_ms == 0 || x->t->now_ms < v->hold_until_ms;
}

/* A line that is no order: what it waits for. */
static int
fill_waiting(const struct view *x, const struct plan_line_row *l, const struct resource_row *r,
             struct w_plan_line_view *v, struct err *e)
{
    struct plan_due due = {.verb = l->verb, .vcpus = l->vcpus, .mem_mib = l->mem_mib};
    struct err why = {0};
    struct act act;

    v->state = PLS_MOOT;
    if ((v->note = moot(l, r)) != NULL)
        return 0;
    v->state = PLS_DATE;
    if (x->t->now_ms < l->not_before_ms)
        return 0;
    v->state = PLS_HOLD;
    if (l->verb == VERB_ERASE && holds(x, l, r, v))
        return 0;
    memcpy(due.plan, x->out->id, sizeof(due.plan));
    plan_line_act(&due, &act);
    v->state = l->verb == VERB_RESTORE ? PLS_ROOM : PLS_DUE;
    if (l->verb == VERB_RESTORE)
        v->note = "the newest grant has no room for what is returned";
    if (act_check(x->t, r, &act, x->k->a, &why) == 0)
        return 0;
    if (why.code != BY_E_CONFLICT && why.code != BY_E_INVALID) {
        *e = why;
        return -1;
    }
    v->state = PLS_USE;
    v->note = arena_strdup(x->k->a, why.msg);
    return 0;
}

/* A line that became an order: how what it did is taken back, while it can be. */
static const char *
way_back(const struct view *x, const struct plan_line_row *l, const struct resource_row *r)
{
    bool taken = (l->verb == VERB_BIN && r->wanted == WANT_BINNED) ||
                 (l->verb == VERB_DOWNGRADE && r->wanted != WANT_ABSENT && r->prior_vcpus != 0);

    if (l->verb != VERB_RESTORE && (r->absent_ms > 0 || r->wanted == WANT_ABSENT))
        return "it is overwritten: nothing brings it back";
    if (!taken)
        return NULL;
    return arena_printf(x->k->a,
                        x->out->version > 1
                            ? "the way back is a return, signed by the bureau: bianyun return %s"
                            : "the way back: bianyun restore %s",
                        r->name);
}

static int
add_line(void *arg, const struct plan_line_row *l, struct err *e)
{
    struct view *x = arg;
    struct w_plan_line_view *v = listing_add(&x->out->lines, sizeof(*v), x->k->a);
    struct resource_row r;

    if (resource_get(x->t->d, l->resource, x->k->a, &r, e) < 0)
        return -1;
    v->n = l->n;
    memcpy(v->name, r.name, sizeof(v->name));
    memcpy(v->resource, l->resource, sizeof(v->resource));
    v->kind = r.kind;
    v->verb = l->verb;
    v->vcpus = l->vcpus;
    v->mem_mib = l->mem_mib;
    v->not_before_ms = l->not_before_ms;
    if (l->order[0] == '\0')
        return fill_waiting(x, l, &r, v, e);
    for (int s = PLS_WITHDRAWN; s < PLS__MAX; s++)
        if (strcmp(w_plan_line_state_names[s], l->order) == 0)
            v->state = s;
    if (v->state == PLS_NONE) {
        v->state = PLS_ORDERED;
        memcpy(v->order, l->order, sizeof(v->order));
    }
    if (v->state == PLS_ORDERED || v->state == PLS_RECOVERED)
        v->note = way_back(x, l, &r);
    return 0;
}

static void
head_fill(const struct w_plan_item *p, struct w_plan_view *v)
{
    memcpy(v->resource_name, p->resource_name, sizeof(v->resource_name));
    memcpy(v->grant_number, p->grant_number, sizeof(v->grant_number));
    memcpy(v->system_name, p->system_name, sizeof(v->system_name));
    memcpy(v->unit_name, p->unit_name, sizeof(v->unit_name));
    v->version = p->version;
    v->line_count = p->line_count;
    v->waiting = p->waiting;
    v->issued_at_ms = p->issued_at_ms;
    v->accepted_ms = p->accepted_ms;
    v->hold_ms = p->hold_ms;
    memcpy(v->approver, p->approver, sizeof(v->approver));
    memcpy(v->finding, p->finding, sizeof(v->finding));
    memcpy(v->grant, p->grant, sizeof(v->grant));
    memcpy(v->system, p->system, sizeof(v->system));
    memcpy(v->unit, p->unit, sizeof(v->unit));
    memcpy(v->id, p->id, sizeof(v->id));
}

static int
load(struct api_call *k, struct tx *t, struct w_plan_item *p, struct err *e)
{
    struct w_plan_view *out = k->out;
    struct view x = {k, t, out};
    struct w_envelope env;
    struct w_plan body;

    memset(out, 0, sizeof(*out));
    if (plan_show(t->d, k->id, k->a, p, &out->paper, e) < 0 || own_check(k, p->unit, "plan", e) < 0)
        return -1;
    head_fill(p, out);
    if (paper_parse(out->paper, strlen(out->paper), k->a, &env, NULL) == 0 &&
        W_DECODE(plan, env.body, strlen(env.body), JM_PEER, k->a, &body, NULL) == 0)
        out->reason = body.reason;
    return plan_each_line(t->d, p->id, add_line, &x, e);
}

int
api_plan_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_plan_item p;

    return load(k, t, &p, e);
}

/* ---- withdrawing ---------------------------------------------------------------------------- */

static int
tell(struct api_call *k, struct tx *t, const struct w_plan_item *p, uint32_t n, struct err *e)
{
    const struct w_plan_withdrawal *in = k->in;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_plan_withdrawn rec = {.reason = in->reason, .withdrawn = n};
    const struct w_plan_view *v = k->out;

    memcpy(rec.plan, p->id, sizeof(rec.plan));
    memcpy(rec.finding, p->finding, sizeof(rec.finding));
    for (size_t i = 0; i < v->lines.n; i++) {
        int s = JM_ITEM(v->lines, const struct w_plan_line_view, i)->state;

        rec.ordered += s == PLS_ORDERED || s == PLS_RECOVERED;
    }
    jm_encode(schema_plan_withdrawn, &rec, &b);
    return ledger_append(t, k->who.account, "plan.withdrawn", p->id, strbuf_peek(&b), e);
}

/* The answer, as it is afterwards. */
static void
mark(struct w_plan_view *v)
{
    for (size_t i = 0; i < v->lines.n; i++) {
        struct w_plan_line_view *l = JM_ITEM(v->lines, struct w_plan_line_view, i);

        if (l->state < PLS_ORDERED) {
            l->state = PLS_WITHDRAWN;
            l->note = NULL;
            l->hold_until_ms = 0;
        }
    }
    v->waiting = 0;
}

int
api_plan_withdraw(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_plan_withdrawal *in = k->in;
    struct w_plan_item p;
    uint32_t n = 0;

    if (controller_recovery(k->c))
        return err_set(e, BY_E_CONFLICT,
                       "the controller is in recovery: what became an order is not known yet");
    if (load(k, t, &p, e) < 0)
        return -1;
    if (p.version > 1)
        return err_set(e, BY_E_CONFLICT,
                       "plan %s changes what the grant gives in all, and hosts count that from the "
                       "signed paper: it is not withdrawn; sign a return instead: bianyun return "
                       "%s",
                       p.id, p.resource_name);
    if (p.waiting == 0)
        return err_set(e, BY_E_CONFLICT,
                       "nothing of plan %s waits any more: its lines are orders, or withdrawn "
                       "already",
                       p.id);
    if (!in->dry_run && (plan_withdraw(t->d, &p, &n, e) < 0 || tell(k, t, &p, n, e) < 0))
        return -1;
    mark(k->out);
    return 0;
}
