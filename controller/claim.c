#include "controller/claim.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/paging.h"
#include "controller/notice.h"
#include "controller/own.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_grant.h"
#include "policies/authz.h"

enum { OPEN_MAX = 1000 };

bool
claim_found(const char *json, struct arena *a, struct w_found *out)
{
    return json[0] != '\0' && W_DECODE(found, json, strlen(json), JM_PEER, a, out, NULL) == 0;
}

int
claim_is_free(struct tx *t, const char *vm, struct arena *a, bool *again, struct err *e)
{
    struct resource_row r;
    struct order_row o;
    int rc = resource_find(t->d, vm, a, &r, e);

    *again = false;
    if (rc <= 0)
        return rc;
    if (r.order[0] != '\0' && order_row_get(t->d, r.order, a, &o, e) < 0)
        return -1;
    *again = r.order[0] != '\0' && o.verb == VERB_ADOPT && o.closed_ms == 0;
    return *again ? 0
                  : err_set(e, BY_E_CONFLICT, "the machine %s is registered already, as %s", vm,
                            r.name);
}

void
claim_record_fill(const struct claim_row *c, enum claim_state s, const char *reason,
                  const struct w_found *found, struct w_claim_record *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->claim, c->id, sizeof(out->claim));
    memcpy(out->host, c->host, sizeof(out->host));
    memcpy(out->vm, c->vm, sizeof(out->vm));
    memcpy(out->system, c->system, sizeof(out->system));
    memcpy(out->unit, c->unit, sizeof(out->unit));
    (void)snprintf(out->state, sizeof(out->state), "%s", claim_state_name(s));
    out->reason = reason;
    if (found != NULL)
        out->found = *found;
}

static int
tell(struct tx *t, const struct claim_row *c, enum claim_state s, const char *account,
     const char *act, const char *reason, const struct w_found *found, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_claim_record rec;

    claim_record_fill(c, s, reason, found, &rec);
    jm_encode(schema_claim_record, &rec, &b);
    return ledger_append(t, account, act, c->vm, strbuf_peek(&b), e);
}

int
claim_end(struct tx *t, const struct claim_row *c, enum claim_event ev, const char *account,
          const char *why, const char *grant, struct err *e)
{
    static const char *const acts[CS__MAX] = {[CS_CONFIRMED] = "claim.confirmed",
                                              [CS_REFUSED] = "claim.refused",
                                              [CS_WITHDRAWN] = "claim.withdrawn"};
    enum claim_state to = claim_fsm_next(c->state, ev);

    if (to == CS_NONE)
        return err_set(e, BY_E_CONFLICT, "the claim to %s is %s already: claim anew", c->name,
                       claim_state_name(c->state));
    if (claim_decide(t->d, c, to, account, why, grant, t->now_ms, e) < 0)
        return -1;
    return tell(t, c, to, account, acts[to], why, NULL, e);
}

/* ---- claiming ---- */

static int
find_foreign(struct tx *t, const char *what, struct arena *a, struct found_row *f,
             struct w_found *found, struct err *e)
{
    int n = found_find(t->d, what, a, f, e);
    const char *why;
    bool later;

    if (n < 0)
        return -1;
    if (n == 0 || f->kind != RES_VM || f->seen != SEEN_FOREIGN)
        return err_field(e, BY_E_NOT_FOUND, "vm",
                         "no host reports an unregistered machine '%s'; name it by its UUID or its "
                         "exact name in libvirt",
                         what);
    if (n > 1)
        return err_field(e, BY_E_CONFLICT, "vm",
                         "several hosts report a machine '%s': name it by its UUID, or have the "
                         "double removed",
                         what);
    if (!claim_found(f->found, a, found))
        return err_field(e, BY_E_CONFLICT, "vm", "its host has not told anything of '%s' yet",
                         what);
    why = adopt_obstacle(NULL, found, a, &later);
    if (why != NULL && !later)
        return err_field(e, BY_E_CONFLICT, "vm", "%s cannot be taken over: %s", f->name, why);
    return 0;
}

struct rival {
    const struct claim_row *mine;
    bool twice;
};

static int
note_twice(void *arg, const struct claim_row *c, struct err *e)
{
    struct rival *r = arg;

    (void)e;
    r->twice = r->twice || strcmp(c->unit, r->mine->unit) == 0;
    return 0;
}

static int
check_bounds(struct tx *t, const struct claim_row *c, struct arena *a, struct err *e)
{
    struct rival r = {.mine = c};
    int64_t open = 0;
    bool again;

    if (claim_is_free(t, c->vm, a, &again, e) < 0 ||
        claim_each_of(t->d, c->vm, a, note_twice, &r, e) < 0 ||
        claim_count_open(t->d, c->unit, &open, e) < 0)
        return -1;
    if (r.twice)
        return err_set(e, BY_E_CONFLICT, "your unit has claimed %s already", c->name);
    if (open >= OPEN_MAX)
        return err_set(e, BY_E_CONFLICT, "your unit has %d open claims: the bureau decides first",
                       OPEN_MAX);
    return 0;
}

static void
claim_view_fill(const struct claim_row *c, struct w_claim_view *v)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->id, c->id, sizeof(v->id));
    (void)snprintf(v->state, sizeof(v->state), "%s", claim_state_name(c->state));
    memcpy(v->vm, c->vm, sizeof(v->vm));
    memcpy(v->name, c->name, sizeof(v->name));
    memcpy(v->host, c->host, sizeof(v->host));
    memcpy(v->host_name, c->host_name, sizeof(v->host_name));
    memcpy(v->system, c->system, sizeof(v->system));
    memcpy(v->system_name, c->system_name, sizeof(v->system_name));
    memcpy(v->unit, c->unit, sizeof(v->unit));
    memcpy(v->unit_name, c->unit_name, sizeof(v->unit_name));
    memcpy(v->account, c->account, sizeof(v->account));
    v->reason = c->reason;
    v->at_ms = c->at_ms;
    v->rivals = c->rivals;
    memcpy(v->decided_by, c->decided_by, sizeof(v->decided_by));
    v->decided_ms = c->decided_ms;
    v->decision = c->decision[0] == '\0' ? NULL : c->decision;
    memcpy(v->grant, c->grant, sizeof(v->grant));
}

int
api_claim_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_claim_request *in = k->in;
    struct claim_row c = {.state = CS_CLAIMED, .at_ms = t->now_ms};
    struct system_row sys;
    struct found_row f;
    struct w_found found;

    if (system_row_get(t->d, in->system, k->a, &sys, e) < 0 ||
        own_check(k, sys.unit, "information system", e) < 0 ||
        find_foreign(t, in->vm, k->a, &f, &found, e) < 0)
        return -1;
    random_uuid(c.id);
    memcpy(c.host, f.host, sizeof(c.host));
    memcpy(c.vm, f.id, sizeof(c.vm));
    memcpy(c.name, f.name, sizeof(c.name));
    memcpy(c.system, sys.id, sizeof(c.system));
    memcpy(c.unit, sys.unit, sizeof(c.unit));
    memcpy(c.account, k->who.account, sizeof(c.account));
    c.reason = in->reason == NULL ? "" : in->reason;
    c.found = f.found;
    if (check_bounds(t, &c, k->a, e) < 0 || claim_insert(t->d, &c, e) < 0 ||
        tell(t, &c, CS_CLAIMED, k->who.account, "claim.made", c.reason, &found, e) < 0 ||
        notice_waits(t, INBOX_CLAIM, AZ_EVERYONE,
                     &(struct notice){.kind = NOTICE_CLAIM_WAITS, .subject = c.id, .title = c.name},
                     e) < 0 ||
        claim_get(t->d, c.id, k->a, &c, e) < 0)
        return -1;
    claim_view_fill(&c, k->out);
    return 0;
}

/* ---- ending one ---- */

static int
end_by(struct api_call *k, struct tx *t, enum claim_event ev, struct err *e)
{
    const struct w_claim_decision *in = k->in;
    struct claim_row c;

    if (claim_get(t->d, k->id, k->a, &c, e) < 0 || own_check(k, c.unit, "claim", e) < 0 ||
        claim_end(t, &c, ev, k->who.account, in->reason, "", e) < 0 ||
        claim_get(t->d, k->id, k->a, &c, e) < 0)
        return -1;
    claim_view_fill(&c, k->out);
    return 0;
}

int
api_claim_refuse(struct api_call *k, struct tx *t, struct err *e)
{
    return end_by(k, t, CS_EV_REFUSE, e);
}

int
api_claim_withdraw(struct api_call *k, struct tx *t, struct err *e)
{
    return end_by(k, t, CS_EV_WITHDRAW, e);
}

/* ---- reading ---- */

struct list {
    struct paging p;
    struct arena *a;
};

static int
list_claim(void *arg, const struct claim_row *c, struct err *e)
{
    struct list *l = arg;

    struct w_claim_view *to = paging_add(&l->p, -c->at_ms, c->id, c->state == 1 ? "0" : "1");

    (void)e;
    if (to != NULL)
        claim_view_fill(c, to);
    return 0;
}

int
api_claim_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_claim_list *out = k->out;
    struct list l = {.a = k->a};

    if (PAGING_OPEN(&l.p, k, out, claim_view, INT64_MIN, e) < 0)
        return -1;
    return claim_each(t->d, own_filter(k), &l.p.from, k->a, list_claim, &l, e);
}

int
api_claim_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_claim_detail *out = k->out;
    struct claim_row c;
    struct found_row f;
    const char *json, *why;
    struct w_found found;
    int n;

    if (claim_get(t->d, k->id, k->a, &c, e) < 0 || own_check(k, c.unit, "claim", e) < 0)
        return -1;
    claim_view_fill(&c, &out->claim);
    if ((n = found_find(t->d, c.vm, k->a, &f, e)) < 0)
        return -1;
    json = n == 1 && f.found[0] != '\0' ? f.found : c.found;
    if (!claim_found(json, k->a, &found))
        return 0;
    why = adopt_obstacle(NULL, &found, k->a, NULL);
    if (c.state == CS_CLAIMED)
        out->claim.obstacle = why;
    /* What is somebody else's until the bureau says otherwise is not shown to who claims it. */
    if (own_filter(k)[0] == '\0' || c.state == CS_CONFIRMED)
        out->found = found;
    return 0;
}

/* ---- what no order made ---- */

static void
object_fill(const struct found_row *f, const struct w_found *found, struct arena *a,
            struct w_unregistered_view *v)
{
    bool later = false;

    memset(v, 0, sizeof(*v));
    memcpy(v->host, f->host, sizeof(v->host));
    memcpy(v->host_name, f->host_name, sizeof(v->host_name));
    v->kind = f->kind;
    memcpy(v->id, f->id, sizeof(v->id));
    memcpy(v->name, f->name, sizeof(v->name));
    v->seen = f->seen;
    v->as_of_ms = f->as_of_ms;
    if (f->kind != RES_VM || f->seen != SEEN_FOREIGN)
        return;
    if (found != NULL) {
        v->vcpus = found->parts.vcpus;
        v->mem_mib = found->parts.mem_mib;
        v->bytes = adopt_disk_bytes(&found->parts);
        memcpy(v->owner, found->owner, sizeof(v->owner));
    }
    v->reason = adopt_obstacle(NULL, found, a, &later);
    (void)snprintf(v->claim, sizeof(v->claim), "%s",
                   f->claims > 0                ? "claimed (已认领)"
                   : v->reason == NULL || later ? "待认领"
                                                : "cannot be claimed (不可认领)");
}

static int
list_object(void *arg, const struct found_row *f, struct err *e)
{
    struct list *l = arg;
    struct w_unregistered_view *to = paging_add(&l->p, f->kind, f->id, f->host_name);
    struct w_found found;
    bool known;

    (void)e;
    if (to == NULL)
        return 0;
    known = claim_found(f->found, l->a, &found);
    object_fill(f, known ? &found : NULL, l->a, to);
    return 0;
}

int
api_unregistered_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_unregistered_list *out = k->out;
    struct list l = {.a = k->a};

    if (PAGING_OPEN(&l.p, k, out, unregistered_view, 0, e) < 0)
        return -1;
    return found_each(t->d, &l.p.from, k->a, list_object, &l, e);
}

static int
count_claim(void *arg, const struct claim_row *c, struct err *e)
{
    (void)c;
    (void)e;
    (*(uint32_t *)arg)++;
    return 0;
}

int
api_unregistered_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_unregistered_detail *out = k->out;
    struct found_row f;
    int n = found_find(t->d, k->id, k->a, &f, e);
    bool known;

    if (n < 0 || (n > 0 && claim_each_of(t->d, f.id, k->a, count_claim, &f.claims, e) < 0))
        return -1;
    if (n == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host reports an unregistered object %s", k->id);
    known = claim_found(f.found, k->a, &out->found);
    if (!known)
        memset(&out->found, 0, sizeof(out->found));
    object_fill(&f, known ? &out->found : NULL, k->a, &out->object);
    return 0;
}
