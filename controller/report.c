#include "controller/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/erasure.h"
#include "controller/handover.h"
#include "controller/hostauth.h"
#include "controller/parts.h"
#include "controller/quota.h"
#include "controller/recovery.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_claim.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_resource.h"

enum { REGISTER_MAX = 12000 }; /* of one host: twice what one report holds */

struct report {
    struct tx *t;
    const char *host;
    struct arena *a;
    bool claimed;     /* that it knows more than we do: said once a report */
    bool registered;  /* something in the register of objects that no order made */
    int64_t stamp_ms; /* of what it says; a full one's is newer than all before */
};

/* ---- is it what the order says ------------------------------------------------------------------
 */

static bool
seen_as_wanted(int wanted, int seen)
{
    switch ((enum w_wanted)wanted) {
    case WANT_RUNNING:
        return seen == SEEN_RUNNING;
    case WANT_STOPPED:
        return seen == SEEN_STOPPED;
    case WANT_PRESENT:
        return seen == SEEN_PRESENT;
    case WANT_BINNED:
        return seen == SEEN_BINNED;
    case WANT_ABSENT:
        return seen == SEEN_ABSENT;
    case WANT_NONE:
    case WANT__MAX:
        break;
    }
    return false;
}

/* The agent's word "equal" is checked against the figures that it read back. */
static const char *
why_unequal(const struct resource_row *r, const struct w_observed *o)
{
    bool there = o->seen != SEEN_ABSENT && o->seen != SEEN_BINNED;

    if (!o->equal)
        return o->reason != NULL && o->reason[0] != '\0' ? o->reason : "not as the order says yet";
    if (o->term != r->term || o->generation != r->generation)
        return "the host still follows an older order";
    if (!seen_as_wanted(r->wanted, o->seen))
        return "what is seen is not what is wanted";
    if (r->kind == RES_VM && there && (o->vcpus != r->vcpus || o->mem_mib != r->mem_mib))
        return "the processors or memory read back are not the order's";
    if (r->kind != RES_NETWORK && there && o->bytes != r->bytes)
        return "the disk size read back is not the order's";
    return NULL;
}

/* ---- closing -----------------------------------------------------------------------------------
 */

static int
close_clock(struct report *p, const char *grant, bool superseded, struct err *e)
{
    struct tx *t = p->t;
    int64_t open = 0;

    if (grant_open_orders(t->d, grant, &open, e) < 0)
        return -1;
    if (open > 0)
        return 0;
    if (clock_meet(t, p->host, CLK_CONFIGURE, grant, t->now_ms, e) < 0 ||
        clock_meet(t, p->host, CLK_CHANGE, grant, t->now_ms, e) < 0)
        return -1;
    return superseded ? 0 : handover_deliver(t, grant, p->a, e); /* nothing lives under it */
}

static int
close_ledger(struct report *p, const struct w_observed *o, const char *act, const char *subject,
             struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_observed facts = *o;

    facts.erasure = NULL; /* in the certificate's own entry */
    jm_encode(schema_observed, &facts, &b);
    return ledger_append(p->t, p->host, act, subject, strbuf_peek(&b), e);
}

/* Gone: with a certificate, if it held data.  -1 leaves everything as it is and says why. */
static int
close_absent(struct report *p, const struct resource_row *r, const struct order_row *ord,
             const struct w_observed *o, struct err *e)
{
    char certificate[W_ID] = "";

    if (o->erasure != NULL && o->erasure[0] != '\0') {
        if (erasure_certify(p->t, r, ord, o->erasure, p->a, certificate, e) < 0)
            return -1;
    } else if (r->kind != RES_NETWORK) {
        return err_set(e, BY_E_DENIED, "it is gone, but the host sent no signed erasure report");
    }
    if (resource_absent_set(p->t->d, r->id, p->t->now_ms, certificate, e) < 0)
        return -1;
    if (r->kind == RES_NETWORK)
        return segment_end(p->t->d, r->part_of[0] != '\0' ? r->part_of : r->id, e);
    return parts_leave(p->t, r, p->a, e);
}

static int
close_order(struct report *p, const struct resource_row *r, const struct w_observed *o,
            struct err *e)
{
    struct quota_whose w = {.grant = r->grant, .resource = r->id, .order = r->order};
    struct quota_size have;
    struct order_row ord;
    bool closed = false;

    if (order_row_get(p->t->d, r->order, p->a, &ord, e) < 0)
        return -1;
    if (ord.closed_ms > 0)
        return 0;
    if (r->wanted == WANT_ABSENT && close_absent(p, r, &ord, o, e) < 0)
        return -1;
    if (r->wanted == WANT_BINNED && r->binned_ms == 0 &&
        resource_binned_set(p->t->d, r->id, p->t->now_ms, e) < 0)
        return -1;
    memset(&have, 0, sizeof(have));
    if (r->part_of[0] == '\0') /* a network over several hosts counts once */
        quota_size_of(r->kind, r->wanted, r->vcpus, r->mem_mib, r->bytes, &have);
    if (order_close(p->t->d, r->order, p->t->now_ms, &closed, e) < 0 ||
        (ord.verb == VERB_ADOPT ? quota_adopt(p->t, &w, &have, e)
                                : quota_readback(p->t, &w, &have, e)) < 0 ||
        close_ledger(p, o, "order.closed", r->order, e) < 0)
        return -1;
    /* Made under a grant that was superseded since: the clocks of both. */
    if (strcmp(ord.grant, r->grant) != 0 && close_clock(p, ord.grant, true, e) < 0)
        return -1;
    return close_clock(p, r->grant, false, e);
}

/* ---- one observation ----------------------------------------------------------------------------
 */

static void
seen_fill(struct resource_row *r, const struct w_observed *o, const char *why, int64_t now_ms)
{
    r->seen = o->seen;
    r->seen_equal = why == NULL;
    r->seen_ms = o->at_ms > 0 && o->at_ms < now_ms ? o->at_ms : now_ms;
    if (o->seen != SEEN_UNKNOWN) {
        r->seen_term = o->term;
        r->seen_generation = o->generation;
        r->seen_vcpus = o->vcpus;
        r->seen_mem_mib = o->mem_mib;
        r->seen_bytes = o->bytes;
    }
    (void)snprintf(r->seen_code, sizeof(r->seen_code), "%s", o->code);
    r->seen_reason = why == NULL ? "" : why;
}

/* A host that follows an order that we never made, by its generation, knows more than we do, or
 * lies: its receipts tell, which its next hello is asked for. */
static int
check_ahead(struct report *p, const struct resource_row *r, const struct w_observed *o,
            struct err *e)
{
    char what[120];

    if (o->term < r->term || (o->term == r->term && o->generation <= r->generation) ||
        controller_recovery(p->t->c) || p->claimed)
        return 0;
    p->claimed = true;
    (void)snprintf(what, sizeof(what), "it follows generation %llu of %s in term",
                   (unsigned long long)o->generation, r->id);
    recovery_claimed(p->t->c, p->host, what, o->term);
    return host_flow_receipts_wanted(p->t->d, p->host, true, e);
}

static bool
is_there(int seen)
{
    return seen == SEEN_RUNNING || seen == SEEN_STOPPED || seen == SEEN_PRESENT ||
           seen == SEEN_BINNED;
}

static int
take_inventory(struct report *p, const struct w_observed *o, struct err *e)
{
    if (is_there(o->seen))
        return inventory_put(p->t->d, p->host, o, p->stamp_ms, e);
    if (o->seen == SEEN_ABSENT || o->seen == SEEN_MISSING)
        return inventory_delete(p->t->d, p->host, o->resource, e);
    return inventory_blur(p->t->d, p->host, o, p->stamp_ms, e);
}

static int
take_register(struct report *p, const struct w_observed *o, struct err *e)
{
    if (o->seen == SEEN_FOREIGN || o->seen == SEEN_MISSING || o->seen == SEEN_UNCLAIMED)
        return unregistered_put(p->t->d, p->host, o, p->stamp_ms, e);
    return unregistered_delete(p->t->d, p->host, o->kind, o->resource, e);
}

/* An object that none of our orders names, or that belongs to another host. */
static int
take_stranger(struct report *p, const struct w_observed *o, struct err *e)
{
    struct w_observed x = *o;

    if (o->seen == SEEN_ABSENT)
        return unregistered_delete(p->t->d, p->host, o->kind, o->resource, e);
    if (x.seen != SEEN_FOREIGN)
        x.seen = SEEN_UNCLAIMED;
    p->registered = true;
    return unregistered_put(p->t->d, p->host, &x, p->stamp_ms, e);
}

static int
take_item(struct report *p, const struct w_observed *o, struct err *e)
{
    struct resource_row r;
    struct err trouble = {0};
    const char *why;
    int rc = resource_find(p->t->d, o->resource, p->a, &r, e);

    if (rc < 0)
        return -1;
    if (rc == 0 || strcmp(r.host, p->host) != 0)
        return take_stranger(p, o, e);
    if (r.absent_ms > 0 && !is_there(o->seen))
        return 0; /* settled long ago: a tombstone speaks */
    if (check_ahead(p, &r, o, e) < 0 || take_inventory(p, o, e) < 0 || take_register(p, o, e) < 0)
        return -1;
    why = why_unequal(&r, o);
    if (why == NULL && close_order(p, &r, o, &trouble) < 0) {
        if (trouble.code != BY_E_DENIED) {
            *e = trouble;
            return -1;
        }
        why = arena_strdup(p->a, trouble.msg);
    }
    seen_fill(&r, o, why, p->t->now_ms);
    if (resource_seen_set(p->t->d, &r, e) < 0 || resource_promise(p->t->d, &r, e) < 0)
        return -1;
    return why == NULL ? 0 : order_reason_set(p->t->d, r.order, why, e);
}

/* ---- a whole report -----------------------------------------------------------------------------
 */

struct missing {
    struct missing *next;
    char id[W_ID];
};
struct missing_list {
    struct arena *a;
    struct missing *head;
};

static int
note_missing(void *arg, const char *id, struct err *e)
{
    struct missing_list *l = arg;
    struct missing *m = arena_alloc(l->a, sizeof(*m));

    (void)e;
    (void)snprintf(m->id, sizeof(m->id), "%s", id);
    m->next = l->head;
    l->head = m;
    return 0;
}

static int
by_id(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids of all that a report names, sorted: both lists may be long. */
static const char **
named_sorted(const struct w_status *s, struct arena *a)
{
    const char **ids = arena_alloc(a, (s->items.n + 1) * sizeof(*ids));

    for (size_t i = 0; i < s->items.n; i++)
        ids[i] = JM_ITEM(s->items, struct w_observed, i)->resource;
    qsort(ids, s->items.n, sizeof(*ids), by_id);
    return ids;
}

/* A full inventory does not have it: it is missing, if it was ever there. */
static int
take_missing(struct report *p, const char *id, struct err *e)
{
    struct resource_row r;
    struct w_observed o = {0};

    if (resource_get(p->t->d, id, p->a, &r, e) < 0)
        return -1;
    /* Foreign: it is there, and not taken over yet. */
    if (r.seen_generation == 0 || r.seen == SEEN_MISSING || r.seen == SEEN_ABSENT ||
        r.seen == SEEN_FOREIGN)
        return 0;
    memcpy(o.resource, r.id, sizeof(o.resource));
    o.kind = r.kind;
    o.seen = SEEN_MISSING;
    o.term = r.seen_term;
    o.generation = r.seen_generation;
    o.at_ms = p->t->now_ms;
    (void)snprintf(o.name, sizeof(o.name), "%s", r.name);
    seen_fill(&r, &o, "its host's full inventory does not have it", p->t->now_ms);
    if (resource_seen_set(p->t->d, &r, e) < 0 || take_register(p, &o, e) < 0)
        return -1;
    return close_ledger(p, &o, "resource.missing", r.id, e);
}

static int
take_complete(struct report *p, const struct w_status *s, struct err *e)
{
    struct missing_list l = {.a = p->a};
    const char **named;

    if (inventory_full(p->t->d, p->host, p->stamp_ms, e) < 0 ||
        inventory_each_missing(p->t->d, p->host, note_missing, &l, e) < 0)
        return -1;
    named = l.head == NULL ? NULL : named_sorted(s, p->a);
    /* What it names as in work, failed or not known is not missing, though it is nowhere yet. */
    for (const struct missing *m = l.head; m != NULL; m = m->next) {
        const char *id = m->id;

        if (bsearch(&id, named, s->items.n, sizeof(*named), by_id) == NULL &&
            take_missing(p, id, e) < 0)
            return -1;
    }
    return unregistered_trim(p->t->d, p->host, p->stamp_ms, e);
}

/* What the host says of machines that no order made, beside their entries. */
static int
take_found(struct report *p, const struct w_status *s, struct err *e)
{
    for (size_t i = 0; i < s->found.n; i++) {
        const char *text = JM_ITEM(s->found, struct w_found_text, i)->text;
        struct w_found f;

        if (W_DECODE(found, text, strlen(text), JM_PEER, p->a, &f, e) < 0 ||
            found_set(p->t->d, p->host, f.parts.id, text, e) < 0)
            return -1;
    }
    return 0;
}

/* Only a full inventory takes out of the register what is gone; where none comes, what was told of
 * longest ago goes, so that no host fills it without end. */
static int
trim_register(const struct report *p, struct err *e)
{
    int64_t n = 0;

    if (!p->registered)
        return 0;
    if (unregistered_count(p->t->d, p->host, &n, e) < 0)
        return -1;
    return n <= REGISTER_MAX ? 0 : unregistered_keep(p->t->d, p->host, REGISTER_MAX, e);
}

int
report_take(struct tx *t, const char *host, const struct w_status *s, struct arena *a,
            struct err *e)
{
    struct report p = {.t = t, .host = host, .a = a, .stamp_ms = t->now_ms};

    if (s->complete && inventory_stamp(t->d, host, t->now_ms, &p.stamp_ms, e) < 0)
        return -1;
    for (size_t i = 0; i < s->items.n; i++) {
        const struct w_observed *o = JM_ITEM(s->items, struct w_observed, i);

        if (take_item(&p, o, e) < 0)
            return err_wrap(e, "status of %s %s", w_res_kind_names[o->kind], o->resource);
    }
    if (take_found(&p, s, e) < 0)
        return err_wrap(e, "machines found");
    if (s->complete && !s->unknown && take_complete(&p, s, e) < 0)
        return err_wrap(e, "full inventory");
    if (trim_register(&p, e) < 0)
        return -1;
    return host_flow_status(t->d, host, s, t->now_ms, e);
}

int
api_agent_status(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_status *in = k->in;
    struct w_status_answer *out = k->out;
    struct host_flow_row h;

    if (hostauth_boot(t, k->who.host, in->boot, false, e) < 0 ||
        host_flow_get(t->d, k->who.host, &h, e) < 0)
        return -1;
    if (strcmp(h.status_boot, in->boot) == 0 && in->seq <= h.status_seq) {
        out->seq = h.status_seq; /* its answer was lost: it is durable already */
        return 0;
    }
    if (report_take(t, k->who.host, in, k->a, e) < 0)
        return -1;
    out->seq = in->seq;
    return 0;
}
