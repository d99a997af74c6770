#include "controller/api_resource.h"

#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/api_order.h"
#include "controller/own.h"
#include "controller/parts.h"
#include "controller/self.h"
#include "controller/silence.h"

void
resource_view_fill(const struct tx *t, const struct resource_row *r, struct arena *a,
                   struct w_resource_view *v)
{
    const char *silence;

    memcpy(v->id, r->id, sizeof(v->id));
    v->kind = r->kind;
    memcpy(v->name, r->name, sizeof(v->name));
    memcpy(v->system, r->system, sizeof(v->system));
    memcpy(v->system_name, r->system_name, sizeof(v->system_name));
    memcpy(v->unit, r->unit, sizeof(v->unit));
    memcpy(v->grant, r->grant, sizeof(v->grant));
    memcpy(v->number, r->number, sizeof(v->number));
    memcpy(v->order, r->order, sizeof(v->order));
    memcpy(v->host, r->host, sizeof(v->host));
    memcpy(v->host_name, r->host_name, sizeof(v->host_name));
    v->wanted = r->wanted;
    v->seen = r->seen == SEEN_NONE ? SEEN_UNKNOWN : r->seen;
    v->generation = r->generation;
    v->seen_generation = r->seen_generation;
    v->equal = r->seen_equal && r->seen_generation == r->generation && r->seen_term == r->term;
    v->as_of_ms = r->seen_ms;
    v->vcpus = r->vcpus;
    v->mem_mib = r->mem_mib;
    v->bytes = r->bytes;
    memcpy(v->ip, r->kind == RES_NETWORK ? r->cidr : r->ip, sizeof(v->ip));
    memcpy(v->bridge, r->bridge, sizeof(v->bridge));
    if (!v->equal)
        v->reason = r->seen_generation == 0 ? "its host has not reported it yet" : r->seen_reason;
    silence =
        r->absent_ms != 0 ? NULL : host_silence(t, r->host, r->host_seen_ms, r->host_unknown, a);
    if (silence != NULL) { /* unknown is not stopped, and not running */
        v->reason = silence_sentence(r->host_name, silence, r->seen, a);
        v->seen = SEEN_UNKNOWN;
        v->equal = false;
    }
    v->created_at_ms = r->created_ms;
    v->binned_at_ms = r->wanted == WANT_BINNED || r->wanted == WANT_ABSENT ? r->binned_ms : 0;
    v->prior_vcpus = r->prior_vcpus;
    v->prior_mem_mib = r->prior_mem_mib;
    memcpy(v->certificate, r->certificate, sizeof(v->certificate));
}

/* ---- reading ----------------------------------------------------------------------------------
 */

int
api_resource_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct resource_row r;

    if (resource_get(t->d, k->id, k->a, &r, e) < 0 || own_check(k, r.unit, "resource", e) < 0)
        return -1;
    resource_view_fill(t, &r, k->a, k->out);
    return parts_weigh(t, k->out, k->a, e);
}

/* ---- acts --------------------------------------------------------------------------------------
 */

static int
act_call(struct api_call *k, struct tx *t, struct act *x, enum w_unit_act what, struct err *e)
{
    const struct w_act_request *in = k->in;
    struct w_accepted *out = k->out;
    struct resource_row r;
    struct w_order o;

    if (resource_get(t->d, k->id, k->a, &r, e) < 0 || own_check(k, r.unit, "resource", e) < 0)
        return -1;
    x->actor = k->who.account;
    if (x->authority == AUTH_UNIT)
        x->authority_id = k->who.account;
    x->backup_declared = in->backup_declared;
    memcpy(out->id, r.id, sizeof(out->id));
    if (in->dry_run) {
        if (act_check(t, &r, x, k->a, e) < 0)
            return -1;
        out->note = arena_printf(
            k->a, "%s would be ordered for %s%s%s; nothing was done", w_verb_names[x->verb], r.name,
            x->wanted != WANT_NONE ? ", then wanted " : "", w_wanted_names[x->wanted]);
        return 0;
    }
    if (act_do(t, &r, x, k->a, &o, e) < 0)
        return -1;
    out->orders = (struct jm_list){arena_alloc(k->a, sizeof(struct w_order_view)), 1};
    order_view_new(&o, r.name, JM_ITEM(out->orders, struct w_order_view, 0));
    if (what == ACT_NONE || x->authority != AUTH_UNIT)
        return 0;
    return self_note(k, t, what, &r, in->reason, e);
}

int
api_resource_bin(struct api_call *k, struct tx *t, struct err *e)
{
    struct act x = {.verb = VERB_BIN, .wanted = WANT_BINNED, .authority = AUTH_UNIT};

    return act_call(k, t, &x, ACT_BIN, e);
}

int
api_resource_erase(struct api_call *k, struct tx *t, struct err *e)
{
    struct act x = {.verb = VERB_ERASE, .wanted = WANT_ABSENT, .authority = AUTH_UNIT};

    return act_call(k, t, &x, ACT_NONE, e);
}

/* By the unit itself, or by provider and bureau under the grant that gives it anyway. */
int
api_resource_restore(struct api_call *k, struct tx *t, struct err *e)
{
    struct act x = {.verb = VERB_RESTORE, .authority = AUTH_UNIT};
    struct resource_row r;

    if (k->who.role != ROLE_TENANT) {
        if (resource_get(t->d, k->id, k->a, &r, e) < 0)
            return -1;
        x.authority = AUTH_GRANT;
        x.authority_id = arena_strdup(k->a, r.grant);
    }
    return act_call(k, t, &x, ACT_RESTORE, e);
}

int
api_resource_start(struct api_call *k, struct tx *t, struct err *e)
{
    struct act x = {.verb = VERB_POWER, .wanted = WANT_RUNNING, .authority = AUTH_UNIT};

    return act_call(k, t, &x, ACT_START, e);
}

int
api_resource_stop(struct api_call *k, struct tx *t, struct err *e)
{
    struct act x = {.verb = VERB_POWER, .wanted = WANT_STOPPED, .authority = AUTH_UNIT};

    return act_call(k, t, &x, ACT_STOP, e);
}
