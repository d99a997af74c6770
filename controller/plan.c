#include "controller/plan.h"

#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/api_order.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/policy.h"
#include "controller/signer.h"
#include "controller/takeback.h"
#include "drivers/base/log.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_resource.h"
#include "drivers/db/store_usage.h"

enum { SKEW_MS = 300000, DUE_MAX = 256 };

/* ---- by itself ----------------------------------------------------------------------------------
 */

static int
bad(struct err *e, size_t i, const char *field, const char *what)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "lines[%zu].%s", i, field);
    return err_field(e, BY_E_INVALID, path, "plan line at %s: %s", path, what);
}

static int
check_line(const struct w_plan *p, size_t i, struct err *e)
{
    const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);

    if (l->verb != VERB_DOWNGRADE && l->verb != VERB_BIN && l->verb != VERB_ERASE &&
        l->verb != VERB_RESTORE)
        return bad(e, i, "verb", "a plan downgrades, bins, erases or returns, nothing else");
    if (l->verb == VERB_DOWNGRADE && l->kind != RES_VM)
        return bad(e, i, "kind", "only a VM is downgraded");
    if (l->verb == VERB_DOWNGRADE && (l->vcpus == 0 || l->mem_mib == 0))
        return bad(e, i, "vcpus", "a downgrade names the exact processors and memory after it");
    if (l->verb != VERB_DOWNGRADE && (l->verb != VERB_RESTORE || l->kind != RES_VM) &&
        (l->vcpus != 0 || l->mem_mib != 0))
        return bad(e, i, "vcpus", "only a downgrade, or a VM's return, names sizes");
    for (size_t j = 0; j < i; j++) {
        const struct w_plan_line *m = JM_ITEM(p->lines, struct w_plan_line, j);

        if (m->verb == l->verb && strcmp(m->resource, l->resource) == 0)
            return bad(e, i, "resource", "the same act on the same resource twice");
    }
    return 0;
}

int
plan_check(const struct w_plan *p, const struct w_policy *policy, int64_t now_ms, struct err *e)
{
    if (p->lines.n == 0)
        return err_field(e, BY_E_INVALID, "lines", "the plan has no line: nothing is planned");
    if (p->issued_at_ms > now_ms + SKEW_MS)
        return err_field(e, BY_E_INVALID, "issued_at_ms", "it was signed in the future");
    if (p->hold_ms < policy->least_hold_ms)
        return err_field(e, BY_E_INVALID, "hold_ms",
                         "the recycle bin keeps things for at least %lld ms (policy %s), the plan "
                         "says %lld",
                         (long long)policy->least_hold_ms, policy->version, (long long)p->hold_ms);
    if (p->reason == NULL || p->reason[0] == '\0')
        return err_field(e, BY_E_INVALID, "reason", "a plan says why, with the figures");
    for (size_t i = 0; i < p->lines.n; i++)
        if (check_line(p, i, e) < 0)
            return -1;
    return takeback_check(p, e);
}

/* ---- against what is known
 * ------------------------------------------------------------------------
 */

struct intake {
    struct signed_paper paper;
    struct w_plan p;
    struct finding_row finding;
    struct resource_row vm; /* of the finding */
    bool free;              /* the grant is of free shape */
};

/* A return needs no use that is low; it names what it is about by the finding all the same. */
static bool
is_return(const struct w_plan *p)
{
    return JM_ITEM(p->lines, const struct w_plan_line, 0)->verb == VERB_RESTORE;
}

static int
check_finding(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    struct finding_row now;
    int rc = finding_find(t->d, in->p.finding, a, &in->finding, e);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_NOT_FOUND, "finding", "there is no finding %s", in->p.finding);
    if (!is_return(&in->p) && in->finding.verdict != VERDICT_IDLE &&
        in->finding.verdict != VERDICT_UNDERUSED)
        return err_field(e, BY_E_CONFLICT, "finding", "the finding says '%s': it supports no plan",
                         w_verdict_names[in->finding.verdict]);
    if (strcmp(in->finding.grant, in->p.grant) != 0 ||
        strcmp(in->finding.system, in->p.system) != 0)
        return err_field(e, BY_E_INVALID, "grant",
                         "the finding is about another grant or system than the plan");
    rc = finding_newest(t->d, in->finding.vm, a, &now, e);
    if (rc < 0)
        return -1;
    if (rc == 1 && now.verdict == VERDICT_ACTIVE && !is_return(&in->p))
        return err_field(e, BY_E_CONFLICT, "finding", "%s has been in use since the finding: %s",
                         now.name, now.reason);
    return resource_get(t->d, in->finding.vm, a, &in->vm, e);
}

/* A finding about a VM supports taking the VM, its own volumes and its network; nothing else. */
static bool
is_about(const struct intake *in, const struct resource_row *r)
{
    if (strcmp(r->id, in->vm.id) == 0)
        return true;
    if (r->kind == RES_VOLUME)
        return strcmp(r->vm, in->vm.id) == 0;
    return r->kind == RES_NETWORK && strcmp(r->id, in->vm.network) == 0;
}

static int
open_grant(struct tx *t, struct intake *in, struct arena *a, struct err *e)
{
    struct w_envelope env;
    struct grant_row row;
    struct w_grant g;

    if (grant_row_get(t->d, in->p.grant, a, &row, e) < 0 ||
        paper_parse(row.paper, strlen(row.paper), a, &env, e) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_SIGNED, a, &g, e) < 0)
        return err_wrap(e, "grant %s", in->p.grant);
    in->free = g.shape == SHAPE_FREE;
    return 0;
}

/* What is not in the recycle bin, and is not put there by the same plan, is not to be erased: the
 * plan would wait for the day when its unit bins it for reasons of its own. */
static bool
erases_from_bin(const struct w_plan *p, const struct resource_row *r)
{
    for (size_t i = 0; i < p->lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);

        if (l->verb == VERB_BIN && strcmp(l->resource, r->id) == 0)
            return true;
    }
    return r->wanted == WANT_BINNED;
}

static int
check_resources(struct tx *t, const struct intake *in, struct arena *a, struct err *e)
{
    for (size_t i = 0; i < in->p.lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(in->p.lines, struct w_plan_line, i);
        struct resource_row r;

        if (resource_get(t->d, l->resource, a, &r, e) < 0)
            return -1;
        if (r.kind != l->kind)
            return bad(e, i, "kind", "the resource is of another kind");
        if (strcmp(r.grant, in->p.grant) != 0 || strcmp(r.system, in->p.system) != 0 ||
            !is_about(in, &r))
            return bad(e, i, "resource", "the finding is not about this resource");
        if (r.absent_ms > 0)
            return bad(e, i, "resource", "it is gone already");
        if (l->verb == VERB_ERASE && !erases_from_bin(&in->p, &r))
            return err_field(
                e, BY_E_CONFLICT, "lines",
                "%s is not in the recycle bin: reclaim it first, then it may be erased", r.name);
        if (l->verb == VERB_DOWNGRADE && (l->vcpus > r.vcpus || l->mem_mib > r.mem_mib ||
                                          (l->vcpus == r.vcpus && l->mem_mib == r.mem_mib)))
            return bad(e, i, "vcpus", "the size after the downgrade is not less than it is");
        if (takeback_check_line(t, &in->p, i, in->free, &r, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- carrying out -------------------------------------------------------------------------------
 */

void
plan_line_act(const struct plan_due *l, struct act *x)
{
    *x = (struct act){.verb = (enum w_verb)l->verb,
                      .authority = AUTH_PLAN,
                      .authority_id = l->plan,
                      .actor = "controller",
                      .vcpus = l->vcpus,
                      .mem_mib = l->mem_mib};
    if (l->verb == VERB_BIN)
        x->wanted = WANT_BINNED;
    if (l->verb == VERB_ERASE)
        x->wanted = WANT_ABSENT;
}

/* 1 ordered, 0 not yet, -1 error. */
static int
run_line(struct tx *t, const struct plan_due *l, struct arena *a, struct w_order *o,
         struct resource_row *r, struct err *e)
{
    struct err why = {0};
    struct act x;
    int rc;

    plan_line_act(l, &x);
    if (resource_get(t->d, l->resource, a, r, e) < 0)
        return -1;
    if (l->verb == VERB_ERASE &&
        (act_erase_from_ms(r, 0) == 0 || t->now_ms < act_erase_from_ms(r, l->hold_ms)))
        return 0;
    if (act_check(t, r, &x, a, &why) < 0) {
        if (why.code == BY_E_CONFLICT || why.code == BY_E_INVALID)
            return 0; /* its neighbour first, or its host has not taken it up: it waits */
        *e = why;
        return -1;
    }
    rc = takeback_run(t, l, r, e);
    if (rc != 1)
        return rc; /* 0: the newest grant has no room for what is returned */
    if (act_do(t, r, &x, a, o, e) < 0 || plan_line_done(t->d, l->plan, l->n, o->id, e) < 0)
        return -1;
    return 1;
}

struct due {
    struct plan_due *lines;
    size_t n;
};

static int
note_due(void *arg, const struct plan_due *l, struct err *e)
{
    struct due *d = arg;

    (void)e;
    if (d->n < DUE_MAX)
        d->lines[d->n++] = *l;
    return 0;
}

/* Machines come before what they use (by kind), so one round can take a machine and its disk. */
static int
run_due(struct tx *t, const char *plan, struct arena *a, struct jm_list *made, struct err *e)
{
    struct due d = {.lines = arena_alloc(a, DUE_MAX * sizeof(*d.lines))};
    struct w_order_view *v = arena_alloc(a, DUE_MAX * sizeof(*v));

    *made = (struct jm_list){v, 0};
    if (plan_each_due(t->d, t->now_ms, plan, note_due, &d, e) < 0)
        return -1;
    for (size_t i = 0; i < d.n; i++) {
        struct resource_row r;
        struct w_order o;
        int rc;

        rc = run_line(t, &d.lines[i], a, &o, &r, e);
        if (rc < 0)
            return err_wrap(e, "plan %s, line %u", d.lines[i].plan, d.lines[i].n);
        if (rc == 1)
            order_view_new(&o, r.name, &v[made->n++]);
    }
    return 0;
}

int
plan_run_due(struct tx *t, size_t *n, struct err *e)
{
    struct jm_list made;

    *n = 0;
    if (controller_recovery(t->c))
        return 0;
    if (run_due(t, "", tx_arena(t), &made, e) < 0)
        return -1;
    *n = made.n;
    return 0;
}

int
prepare_plan_add(struct api_call *k, struct err *e)
{
    const struct w_plan_request *req = k->in;
    struct intake *in = arena_alloc(k->a, sizeof(*in));

    if (signer_open(k, req->plan, PAPER_PLAN, &in->paper, e) < 0 ||
        W_DECODE(plan, in->paper.body, strlen(in->paper.body), JM_SIGNED, k->a, &in->p, e) < 0)
        return err_wrap(e, "plan");
    k->prepared = in;
    return 0;
}

int
api_plan_add(struct api_call *k, struct tx *t, struct err *e)
{
    struct intake *in = k->prepared;
    struct w_accepted *out = k->out;
    struct w_policy policy;

    if (controller_recovery(k->c))
        return err_set(e, BY_E_CONFLICT, "the controller is in recovery: nothing is taken away");
    if (policy_in_force(t->d, k->a, &policy, e) < 0 ||
        signer_check(k, t, &in->paper, in->p.approver, e) < 0 ||
        plan_check(&in->p, &policy, t->now_ms, e) < 0 || open_grant(t, in, k->a, e) < 0 ||
        check_finding(t, in, k->a, e) < 0 || check_resources(t, in, k->a, e) < 0)
        return -1;
    if (plan_insert(t->d, &in->p, k->who.account, in->paper.text, t->now_ms, e) < 0 ||
        (!is_return(&in->p) && finding_plan_set(t->d, in->p.finding, in->p.id, e) < 0) ||
        takeback_accept(t, &in->p, k->a, e) < 0 ||
        ledger_append(t, k->who.account, "plan.accepted", in->p.id, in->paper.body, e) < 0 ||
        run_due(t, in->p.id, k->a, &out->orders, e) < 0)
        return -1;
    memcpy(out->id, in->p.id, sizeof(out->id));
    if (out->orders.n < in->p.lines.n)
        out->note = arena_printf(k->a,
                                 "%zu of %zu lines became orders now; the others wait for their "
                                 "dates, their hold, or for what uses them",
                                 out->orders.n, in->p.lines.n);
    return 0;
}
