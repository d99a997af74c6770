#include "controller/adoption.h"

#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/api_grant.h"
#include "controller/api_order.h"
#include "controller/claim.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/grant_expand.h"
#include "controller/made.h"
#include "controller/signer.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/db/store_grant.h"

/* One line on its way. */
struct take {
    struct claim_row claim;
    struct w_found found; /* as its host finds it now */
    bool again;           /* an earlier adoption of it was never carried out */
    int wanted;
};
struct intake {
    struct signed_paper paper;
    struct w_grant g;
    struct take *takes; /* as g.lines */
};

bool
adoption_is(const struct w_grant *g)
{
    for (size_t i = 0; i < g->lines.n; i++)
        if (JM_ITEM(g->lines, struct w_grant_line, i)->adopt.id[0] != '\0')
            return true;
    return false;
}

int
prepare_claim_confirm(struct api_call *k, struct err *e)
{
    const struct w_grant_request *req = k->in;
    struct intake *in = arena_alloc(k->a, sizeof(*in));

    if (signer_open(k, req->grant, PAPER_GRANT, &in->paper, e) < 0 ||
        W_DECODE(grant, in->paper.body, strlen(in->paper.body), JM_SIGNED, k->a, &in->g, e) < 0)
        return err_wrap(e, "grant");
    k->prepared = in;
    return 0;
}

/* ---- is it what a unit claimed, and still is ---- */

struct search {
    const struct w_grant *g;
    const struct w_adoption *p;
    struct take *out;
    size_t n;
};

static int
note_claim(void *arg, const struct claim_row *c, struct err *e)
{
    struct search *s = arg;

    (void)e;
    if (strcmp(c->system, s->g->system) == 0 && strcmp(c->unit, s->g->unit) == 0 &&
        strcmp(c->host, s->p->host) == 0 && s->n++ == 0)
        s->out->claim = *c;
    return 0;
}

static int
state_wanted(const struct w_found *f, struct err *e)
{
    if (strcmp(f->state, "running") == 0)
        return WANT_RUNNING;
    if (strcmp(f->state, "off") == 0 || strcmp(f->state, "crashed") == 0)
        return WANT_STOPPED;
    return err_set(e, BY_E_CONFLICT, "it is %s: confirm it when it runs or is off", f->state);
}

static int
check_line(struct tx *t, const struct w_grant *g, const struct w_grant_line *l, struct arena *a,
           struct take *out, struct err *e)
{
    struct search s = {.g = g, .p = &l->adopt, .out = out};
    struct found_row f;
    const char *why;
    bool later;
    int n;

    if (claim_each_of(t->d, l->adopt.id, a, note_claim, &s, e) < 0)
        return -1;
    if (s.n == 0)
        return err_set(e, BY_E_CONFLICT,
                       "no open claim of that unit and system names machine %s on that host",
                       l->adopt.id);
    if ((n = found_find(t->d, l->adopt.id, a, &f, e)) < 0)
        return -1;
    if (n != 1 || strcmp(f.host, l->adopt.host) != 0 || !claim_found(f.found, a, &out->found))
        return err_set(e, BY_E_CONFLICT,
                       "exactly one host must report the machine %s, and say "
                       "what it is",
                       l->adopt.name);
    why = adopt_obstacle(&l->adopt, &out->found, a, &later);
    if (why != NULL && !later)
        return err_set(e, BY_E_CONFLICT, "%s: %s", l->adopt.name, why);
    out->wanted = state_wanted(&out->found, e);
    return out->wanted < 0 ? -1 : claim_is_free(t, l->adopt.id, a, &out->again, e);
}

static int
check_lines(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    if (in->g.shape == SHAPE_FREE)
        return err_field(e, BY_E_INVALID, "shape",
                         "what was there is taken over as it is: such a grant has no free shape");
    in->takes = arena_alloc(a, (in->g.lines.n + 1) * sizeof(*in->takes));
    for (size_t i = 0; i < in->g.lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(in->g.lines, struct w_grant_line, i);

        if (l->adopt.id[0] == '\0')
            return err_set(e, BY_E_INVALID,
                           "line %u makes something new: that is a grant of its own", l->line);
        for (size_t j = 0; j < i; j++)
            if (strcmp(JM_ITEM(in->g.lines, struct w_grant_line, j)->adopt.id, l->adopt.id) == 0)
                return err_set(e, BY_E_INVALID, "line %u names machine %s again", l->line,
                               l->adopt.name);
        if (check_line(t, &in->g, l, a, &in->takes[i], e) < 0)
            return err_wrap(e, "line %u", l->line);
    }
    return 0;
}

/* ---- writing it down ---- */

static int
add_record(struct api_call *k, struct tx *t, const struct intake *in, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_adoption_record rec = {.approved_at_ms = in->g.approved_at_ms};
    struct w_claim_record *claims = arena_alloc(k->a, (in->g.lines.n + 1) * sizeof(*claims));

    memcpy(rec.number, in->g.number, sizeof(rec.number));
    memcpy(rec.system, in->g.system, sizeof(rec.system));
    memcpy(rec.unit, in->g.unit, sizeof(rec.unit));
    memcpy(rec.approver, in->g.approver, sizeof(rec.approver));
    memcpy(rec.key, in->paper.key, sizeof(rec.key));
    memcpy(rec.body_sha256, in->paper.body_sha256, sizeof(rec.body_sha256));
    for (size_t i = 0; i < in->g.lines.n; i++) {
        const struct w_adoption *p = &JM_ITEM(in->g.lines, struct w_grant_line, i)->adopt;
        const char *why = adopt_obstacle(p, &in->takes[i].found, k->a, NULL);

        claim_record_fill(&in->takes[i].claim, CS_CONFIRMED, why == NULL ? "" : why,
                          &in->takes[i].found, &claims[i]);
    }
    rec.claims = (struct jm_list){claims, in->g.lines.n};
    jm_encode(schema_adoption_record, &rec, &b);
    return ledger_append(t, k->who.account, "adoption.confirmed", in->g.id, strbuf_peek(&b), e);
}

static void
order_of(const struct w_grant *g, const struct w_grant_line *l, int wanted, struct w_order *o)
{
    struct w_vm_spec *vm = &o->vm;

    memset(o, 0, sizeof(*o));
    memcpy(o->grant, g->id, sizeof(o->grant));
    memcpy(o->system, g->system, sizeof(o->system));
    memcpy(o->authority_id, g->id, sizeof(o->authority_id));
    memcpy(o->host, l->adopt.host, sizeof(o->host));
    memcpy(o->resource, l->adopt.id, sizeof(o->resource));
    o->line = l->line;
    o->ordinal = 1;
    o->kind = RES_VM;
    o->verb = VERB_ADOPT;
    o->wanted = wanted;
    o->authority = AUTH_GRANT;
    memcpy(vm->id, l->adopt.id, sizeof(vm->id));
    memcpy(vm->name, l->name, sizeof(vm->name));
    expand_host_name(l->name, l->adopt.id, vm->hostname);
    vm->vcpus = l->adopt.vcpus;
    vm->vcpus_max = l->adopt.vcpus_max;
    vm->mem_mib = l->adopt.mem_mib;
    vm->mem_max_mib = l->adopt.mem_max_mib;
    vm->firmware = l->adopt.firmware;
    vm->root_bytes = adopt_disk_bytes(&l->adopt);
    vm->adopt = l->adopt;
}

static int
resource_put(struct tx *t, const struct w_order *o, const char *unit, bool again, struct arena *a,
             struct resource_row *r, struct err *e)
{
    struct resource_row old;

    if (!again)
        return made_insert(t, o, unit, r, e);
    if (resource_get(t->d, o->resource, a, &old, e) < 0)
        return -1;
    made_row(o, unit, t->now_ms, r);
    r->wanted = o->wanted;
    r->promised_vcpus = old.promised_vcpus;
    r->promised_mem_mib = old.promised_mem_mib;
    r->promised_bytes = old.promised_bytes;
    return resource_readopt(t->d, r, e) < 0 ? -1 : resource_promise(t->d, r, e);
}

struct rivals {
    struct api_call *k;
    struct tx *t;
    const struct claim_row *won;
    struct claim_row *list;
    size_t n;
};

static int
note_rival(void *arg, const struct claim_row *c, struct err *e)
{
    struct rivals *r = arg;

    (void)e;
    if (strcmp(c->id, r->won->id) != 0 && r->n < r->won->rivals)
        r->list[r->n++] = *c;
    return 0;
}

/* The bureau has decided: the others are told. */
static int
refuse_rivals(struct api_call *k, struct tx *t, const struct claim_row *won, struct err *e)
{
    struct rivals r = {k, t, won, NULL, 0};

    if (won->rivals == 0)
        return 0;
    r.list = arena_alloc(k->a, (won->rivals + 1) * sizeof(*r.list));
    if (claim_each_of(t->d, won->vm, k->a, note_rival, &r, e) < 0)
        return -1;
    for (size_t i = 0; i < r.n; i++)
        if (claim_end(t, &r.list[i], CS_EV_REFUSE, k->who.account,
                      "the bureau confirmed the claim of another unit or system to it", "", e) < 0)
            return -1;
    return 0;
}

static int
take_over(struct api_call *k, struct tx *t, const struct intake *in, size_t i,
          struct w_order_view *v, struct err *e)
{
    const struct w_grant_line *l = JM_ITEM(in->g.lines, struct w_grant_line, i);
    const struct take *x = &in->takes[i];
    struct resource_row r;
    struct w_order o;

    order_of(&in->g, l, x->wanted, &o);
    if (resource_put(t, &o, in->g.unit, x->again, k->a, &r, e) < 0 ||
        refuse_rivals(k, t, &x->claim, e) < 0 ||
        claim_end(t, &x->claim, CS_EV_CONFIRM, k->who.account, in->g.number, in->g.id, e) < 0 ||
        act_issue(t, k->who.account, &o, e) < 0)
        return err_wrap(e, "grant %s, line %u, %s", in->g.number, l->line, l->name);
    order_view_new(&o, r.name, v);
    return 0;
}

int
api_claim_confirm(struct api_call *k, struct tx *t, struct err *e)
{
    struct intake *in = k->prepared;
    struct w_accepted *out = k->out;
    struct w_order_view *v = arena_alloc(k->a, (in->g.lines.n + 1) * sizeof(*v));
    struct system_row sys;

    if (controller_recovery(k->c))
        return err_set(e, BY_E_CONFLICT, "the controller is in recovery: nothing is taken over");
    if (signer_check(k, t, &in->paper, in->g.approver, e) < 0 ||
        grant_lawful(t, &in->g, k->a, &sys, e) < 0 || check_lines(t, in, k->a, e) < 0)
        return -1;
    if (grant_insert(t->d, &in->g, k->who.account, in->paper.text, in->paper.body_sha256, t->now_ms,
                     e) < 0 ||
        add_record(k, t, in, e) < 0)
        return -1;
    for (size_t i = 0; i < in->g.lines.n; i++)
        if (take_over(k, t, in, i, &v[i], e) < 0)
            return -1;
    memcpy(out->id, in->g.id, sizeof(out->id));
    out->orders = (struct jm_list){v, in->g.lines.n};
    out->note = arena_printf(k->a,
                             "%zu machines to be taken over as they are; they count as quota, and "
                             "are measured, from the host's readback on",
                             in->g.lines.n);
    return 0;
}
