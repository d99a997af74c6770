#include "controller/self.h"

#include <stdio.h>
#include <string.h>

#include "controller/api_order.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/own.h"
#include "controller/parts.h"
#include "controller/placing.h"
#include "controller/policy.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "policies/quota.h"

#define UNDO_MS ((int64_t)7 * 86400000) /* where the policy does not say */

int
self_grant(struct self *s, const char *grant, struct err *e)
{
    struct w_envelope env;

    if (grant_row_get(s->t->d, grant, s->k->a, &s->row, e) < 0 ||
        own_check(s->k, s->row.unit, "grant", e) < 0)
        return -1;
    if (paper_parse(s->row.paper, strlen(s->row.paper), s->k->a, &env, e) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_SIGNED, s->k->a, &s->g, e) < 0)
        return err_wrap(e, "grant %s", s->row.number);
    return policy_in_force(s->t->d, s->k->a, &s->policy, e);
}

int
self_open(struct self *s, struct api_call *k, struct tx *t, enum w_unit_act what,
          const struct w_unit_act_request *in, const char *resource, struct err *e)
{
    *s = (struct self){.k = k, .t = t, .in = in, .what = what, .undo_of = "", .other = ""};
    if (resource_get(t->d, resource, k->a, &s->r, e) < 0 ||
        own_check(k, s->r.unit, "resource", e) < 0 || parts_refuse(&s->r, e) < 0)
        return -1;
    self_state(&s->r, &s->before);
    return self_grant(s, s->r.grant, e);
}

void
self_state(const struct resource_row *r, struct w_unit_state *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->name, r->name, sizeof(out->name));
    out->vcpus = r->vcpus;
    out->mem_mib = r->mem_mib;
    out->bytes = r->bytes;
    out->wanted = r->wanted;
    memcpy(out->vm, r->vm, sizeof(out->vm));
}

int
self_name_check(struct self *s, const char *name, struct err *e)
{
    int rc;

    if (name[0] == '\0')
        return err_field(e, BY_E_INVALID, "name", "it needs a name");
    rc = self_named(s->t->d, s->g.system, name, e);
    if (rc < 0)
        return -1;
    return rc == 0 ? 0
                   : err_field(e, BY_E_CONFLICT, "name",
                               "there is something named %s in this system already", name);
}

/* ---- quota -----------------------------------------------------------------------------------
 */

static const char *const units[QM__MAX] = {"vCPU", "MiB", "GiB disk", "networks"};

/* "2 vCPU, 4096 MiB": only what is above 0; "nothing" when nothing is. */
static const char *
amounts(const struct quota_size *q, struct arena *a)
{
    SCOPED(strbuf) struct strbuf b = {0};

    for (int m = 0; m < QM__MAX; m++)
        if (q->by[m] > 0)
            strbuf_addf(&b, "%s%lld %s", b.len > 0 ? ", " : "", (long long)q->by[m], units[m]);
    return b.len == 0 ? "nothing" : arena_strdup(a, strbuf_peek(&b));
}

int
self_quota(struct self *s, const char *resource, const struct quota_size *want, struct err *e)
{
    struct quota_size asked = {0}, coming = {0};
    struct quota_sums all, has = {0};
    bool lacks = false;

    if (quota_grant_sums(s->t->d, s->g.id, &all, e) < 0 ||
        (resource[0] != '\0' && quota_resource_sums(s->t->d, resource, &has, e) < 0))
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        int64_t more = want->by[m] - has.by[m][QB_RESERVED] - has.by[m][QB_USED];

        s->left.by[m] = all.by[m][QB_FREE];
        asked.by[m] = more > 0 ? more : 0;
        coming.by[m] = all.by[m][QB_RESERVED];
        lacks = lacks || asked.by[m] > s->left.by[m];
    }
    if (lacks)
        return err_set(
            e, BY_E_CONFLICT,
            "grant %s has not enough left. Free: %s; asked: %s more. In work, and partly "
            "free when its orders are read back: %s. Give something back first, or "
            "apply for more",
            s->row.number, amounts(&s->left, s->k->a), amounts(&asked, s->k->a),
            amounts(&coming, s->k->a));
    for (int m = 0; m < QM__MAX; m++)
        s->left.by[m] -= asked.by[m];
    return 0;
}

/* ---- room ------------------------------------------------------------------------------------
 */

int
self_room(struct self *s, struct expansion *x, const char *host, char out[W_ID], struct err *e)
{
    const struct w_placing_choice *c;
    struct arena *a = s->k->a;
    bool fits = false;
    int rc;

    if (host != NULL) {
        rc = placing_gather_host(s->t, x, &s->policy, host, a, &s->facts, e);
        fits = rc == 0 && placing_decide(&s->facts, a, &s->choices);
    } else {
        rc = placing_choose(s->t, x, NULL, &s->policy, a, &s->facts, &s->choices, &fits, e);
    }
    if (rc < 0)
        return -1;
    c = JM_ITEM(s->choices.items, struct w_placing_choice, 0);
    if (!fits)
        return err_set(e, BY_E_CONFLICT, "no host has room for it: %s", placing_told(c->reason, a));
    memcpy(out, c->host, W_ID);
    return 0;
}

/* ---- restarts --------------------------------------------------------------------------------
 */

int
self_restart(struct self *s, bool needed, const char *why, struct err *e)
{
    s->restart_from_ms = 0;
    s->restart = needed;
    switch ((enum w_restart)s->in->restart) {
    case RESTART_NOW: /* also in case that growing it while it runs fails */
        s->restart_from_ms = s->t->now_ms;
        return 0;
    case RESTART_AT:
        if (s->in->restart_at_ms < s->t->now_ms)
            return err_field(e, BY_E_INVALID, "restart_at_ms",
                             "the time of the restart is missing or has passed");
        s->restart_from_ms = s->in->restart_at_ms;
        return 0;
    case RESTART_LATER:
        s->restart = false;
        return 0;
    case RESTART_NONE:
    case RESTART__MAX:
        break;
    }
    if (!needed || s->in->dry_run)
        return 0;
    return err_field(e, BY_E_CONFLICT, "restart",
                     "%s needs a restart (%s), and none was agreed: ask again with restart now, at "
                     "a time, or later (it takes effect when the machine next stops)",
                     s->r.name, why);
}

/* ---- ordering --------------------------------------------------------------------------------
 */

void
self_made(struct self *s, const struct w_order *o, const char *name)
{
    if (s->n_orders < SELF_ORDERS_MAX) {
        s->orders[s->n_orders] = *o;
        s->names[s->n_orders++] = arena_strdup(s->k->a, name);
    }
}

int
self_order(struct self *s, const struct resource_row *r, struct act *x, struct err *e)
{
    struct w_order o;

    x->actor = x->authority_id = s->k->who.account;
    x->authority = AUTH_UNIT;
    x->restart_from_ms = x->verb == VERB_RESIZE || x->verb == VERB_CHANGE ? s->restart_from_ms : 0;
    if (s->in->dry_run)
        return act_check(s->t, r, x, s->k->a, e);
    if (act_do(s->t, r, x, s->k->a, &o, e) < 0)
        return -1;
    self_made(s, &o, x->name != NULL ? x->name : r->name);
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------
 */

static int
tell(struct self *s, const char *id, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_unit_record rec = {.what = (int)s->what,
                                .reason = s->in->reason,
                                .text = s->text,
                                .before = s->before,
                                .after = s->after,
                                .facts = s->facts,
                                .choices = s->choices};
    const char *act = arena_printf(s->k->a, "unit.%s", w_unit_act_names[s->what]);

    (void)snprintf(rec.id, sizeof(rec.id), "%s", id);
    (void)snprintf(rec.undo_of, sizeof(rec.undo_of), "%s", s->undo_of);
    memcpy(rec.resource, s->r.id, sizeof(rec.resource));
    memcpy(rec.grant, s->g.id, sizeof(rec.grant));
    jm_encode(schema_unit_record, &rec, &b);
    return ledger_append(s->t, s->k->who.account, act, s->r.id, strbuf_peek(&b), e);
}

static int
keep(struct self *s, const char *id, struct err *e)
{
    struct act_row row = {.at_ms = s->t->now_ms,
                          .what = (int)s->what,
                          .text = s->text,
                          .before = s->before,
                          .after = s->after};

    row.until_ms = row.at_ms + (s->policy.undo_ms != 0 ? s->policy.undo_ms : UNDO_MS);
    (void)snprintf(row.id, sizeof(row.id), "%s", id);
    (void)snprintf(row.other, sizeof(row.other), "%s", s->other);
    memcpy(row.unit, s->row.unit, sizeof(row.unit));
    memcpy(row.account, s->k->who.account, sizeof(row.account));
    memcpy(row.resource, s->r.id, sizeof(row.resource));
    if (act_row_insert(s->t->d, &row, e) < 0 || tell(s, id, e) < 0)
        return -1;
    return s->undo_of[0] == '\0' ? 0 : act_row_undone(s->t->d, s->undo_of, id, e);
}

static const char *
host_name(const struct self *s)
{
    const struct w_placing_choice *c = s->choices.items.items;

    if (s->r.host_name[0] != '\0' || s->choices.items.n == 0)
        return s->r.host_name;
    for (size_t i = 0; i < s->facts.hosts.n; i++)
        if (strcmp(JM_ITEM(s->facts.hosts, struct w_placing_host, i)->id, c->host) == 0)
            return JM_ITEM(s->facts.hosts, struct w_placing_host, i)->name;
    return "";
}

/* A provider knows hosts by name, a unit hears where its things are: the same name. */
static void
answer(struct self *s, struct w_accepted *out)
{
    struct arena *a = s->k->a;
    struct w_order_view *v = arena_alloc(a, SELF_ORDERS_MAX * sizeof(*v));
    struct w_quota_free *q = arena_alloc(a, QM__MAX * sizeof(*q));

    memcpy(out->id, s->r.id, sizeof(out->id));
    for (size_t i = 0; i < s->n_orders; i++)
        order_view_new(&s->orders[i], s->names[i], &v[i]);
    for (int m = 0; m < QM__MAX; m++) {
        (void)snprintf(q[m].metric, sizeof(q[m].metric), "%s",
                       quota_metric_name((enum quota_metric)m));
        q[m].free = s->left.by[m];
    }
    out->orders = (struct jm_list){v, s->n_orders};
    out->free = (struct jm_list){q, QM__MAX};
    out->warning = s->warning;
    out->restart = s->restart;
    (void)snprintf(out->host_name, sizeof(out->host_name), "%s", host_name(s));
    out->note = arena_printf(
        a, "%s%s on host %s; %s; grant %s then has left: %s",
        s->in->dry_run ? "nothing was done; it would be: " : "", s->text, out->host_name,
        s->restart                        ? "the guest is restarted for it"
        : s->in->restart == RESTART_LATER ? "what needs a restart takes effect at its next stop"
                                          : "no restart",
        s->row.number, amounts(&s->left, a));
}

int
self_keep(struct self *s, struct err *e)
{
    struct w_accepted *out = s->k->out;

    random_uuid_at(s->t->now_ms, out->act);
    return keep(s, out->act, e) < 0 ? err_wrap(e, "%s", s->r.name) : 0;
}

int
self_finish(struct self *s, struct err *e)
{
    if (!s->in->dry_run && self_keep(s, e) < 0)
        return -1;
    answer(s, s->k->out);
    return 0;
}
