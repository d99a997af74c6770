#include "controller/parts.h"

#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/grant_expand.h"
#include "controller/listing.h"
#include "controller/made.h"
#include "controller/own.h"
#include "controller/silence.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_grant.h"

enum { BRIDGE_TRIES = 32 };

/* One network with its parts, while they are put in order. */
struct parts {
    struct tx *t;
    struct arena *a;
    const char *actor, *network;
    struct w_order *first; /* the network's own, not issued yet, or NULL */
    struct w_order base;   /* what the orders of all parts have in common */
    struct part_row *list;
    size_t n;
    bool unknown; /* no order of it is here: lost, and not recovered yet */
};

static int
order_read(const struct part_row *p, struct arena *a, struct w_order *o, struct err *e)
{
    return W_DECODE(order, p->body, strlen(p->body), JM_SIGNED, a, o, e) < 0
               ? err_wrap(e, "network on host %s", p->host_name)
               : 0;
}

/* The list, and the network's own order, or, where that is lost, the one of any part. */
static int
parts_load(struct parts *p, struct err *e)
{
    if (part_list(p->t->d, p->network, p->a, &p->list, &p->n, e) < 0)
        return -1;
    if (p->first != NULL) {
        p->base = *p->first;
        return 0;
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].body[0] != '\0')
            return order_read(&p->list[i], p->a, &p->base, e);
    p->unknown = true;
    return 0;
}

static bool
is_home(const struct parts *p, const struct part_row *r)
{
    return strcmp(r->id, p->network) == 0;
}

/* ---- new parts ---- */

static const struct part_row *
part_of_host(const struct parts *p, const char *host)
{
    const struct part_row *found = NULL;

    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->list[i].host, host) == 0 &&
            (found == NULL || p->list[i].wanted == WANT_PRESENT))
            found = &p->list[i];
    return found;
}

static int
part_new(struct parts *p, const char *host, const char *unit, struct err *e)
{
    struct w_order o = p->base;
    struct resource_row r;
    int rc = 1;

    for (int i = 0; i < BRIDGE_TRIES && rc == 1; i++) {
        random_uuid(o.resource);
        expand_bridge_name(o.resource, o.network.bridge);
        rc = bridge_taken(p->t->d, o.network.bridge, e);
    }
    if (rc != 0)
        return rc < 0 ? -1 : err_set(e, BY_E_BUSY, "no free bridge name: ask again");
    memcpy(o.network.id, o.resource, sizeof(o.network.id));
    (void)snprintf(o.network.part_of, sizeof(o.network.part_of), "%s", p->network);
    (void)snprintf(o.host, sizeof(o.host), "%s", host);
    memcpy(o.grant, p->list[0].grant, sizeof(o.grant));
    o.wanted = WANT_PRESENT;
    return made_insert(p->t, &o, unit, &r, e);
}

/* Every part must be reachable by the others. */
static int
check_reach(const struct parts *p, struct err *e)
{
    if (p->n > PARTS_MAX)
        return err_set(e, BY_E_CONFLICT, "network %s: no network spans more than %d hosts",
                       p->base.network.name, PARTS_MAX);
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].underlay[0] == '\0')
            return err_set(e, BY_E_CONFLICT,
                           "network %s cannot span hosts: host %s has no address on the network "
                           "between hosts (setting underlay of its agent)",
                           p->base.network.name, p->list[i].host_name);
    return 0;
}

static int
add_hosts(struct parts *p, const char *const *hosts, size_t n, bool *added, struct err *e)
{
    *added = false;
    for (size_t i = 0; i < n; i++) {
        const struct part_row *r = part_of_host(p, hosts[i]);
        bool twice = false;

        for (size_t j = 0; j < i; j++)
            twice = twice || strcmp(hosts[j], hosts[i]) == 0;
        if (twice || (r != NULL && (r->wanted == WANT_PRESENT || is_home(p, r))))
            continue;
        if (r != NULL)
            return err_set(e, BY_E_CONFLICT,
                           "host %s is still removing its part of network %s: ask again when it "
                           "is gone",
                           r->host_name, p->base.network.name);
        if (part_new(p, hosts[i], p->list[0].unit, e) < 0)
            return -1;
        *added = true;
    }
    if (!*added)
        return 0;
    return parts_load(p, e) < 0 ? -1 : check_reach(p, e);
}

/* ---- each part's order as it should be ---- */

static void
peers_fill(const struct parts *p, size_t self, struct w_network_spec *s)
{
    struct w_net_peer *peers = arena_alloc(p->a, (p->n + 1) * sizeof(*peers));

    s->peers = (struct jm_list){peers, 0};
    for (size_t i = 0; i < p->n && s->peers.n < PARTS_MAX - 1; i++) {
        const struct part_row *r = &p->list[i];

        if (i == self || r->underlay[0] == '\0' || r->wanted == WANT_ABSENT ||
            strcmp(r->underlay, p->list[self].underlay) == 0)
            continue;
        memcpy(peers[s->peers.n++].ip, r->underlay, sizeof(peers->ip));
    }
}

static bool
same_spec(const struct w_network_spec *a, const struct w_network_spec *b)
{
    bool same = a->vni == b->vni && strcmp(a->name, b->name) == 0 && a->peers.n == b->peers.n;

    for (size_t i = 0; same && i < a->peers.n; i++)
        same = strcmp(JM_ITEM(a->peers, struct w_net_peer, i)->ip,
                      JM_ITEM(b->peers, struct w_net_peer, i)->ip) == 0;
    return same;
}

static void
order_fill(const struct parts *p, size_t i, uint32_t vni, struct w_order *o)
{
    const struct part_row *r = &p->list[i];
    struct w_network_spec *s = &o->network;

    *o = p->base;
    memcpy(o->resource, r->id, sizeof(o->resource));
    memcpy(o->host, r->host, sizeof(o->host));
    memcpy(s->id, r->id, sizeof(s->id));
    memcpy(s->bridge, r->bridge, sizeof(s->bridge));
    s->part_of[0] = '\0';
    if (!is_home(p, r))
        (void)snprintf(s->part_of, sizeof(s->part_of), "%s", p->network);
    s->vni = vni;
    peers_fill(p, i, s);
    o->wanted = WANT_PRESENT;
    o->restart_from_ms = 0;
    if (p->first != NULL && is_home(p, r))
        return; /* made by whom it says */
    memcpy(o->grant, r->grant, sizeof(o->grant));
    o->verb = VERB_CREATE;
    o->authority = AUTH_GRANT;
    memcpy(o->authority_id, r->grant, sizeof(o->authority_id));
}

static int
put_in_order(struct parts *p, uint32_t vni, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct part_row *r = &p->list[i];
        struct w_order o, was;

        if (r->wanted != WANT_PRESENT && r->body[0] != '\0')
            continue; /* on its way out */
        order_fill(p, i, vni, &o);
        if (r->body[0] != '\0') {
            if (order_read(r, p->a, &was, e) < 0)
                return -1;
            if (same_spec(&was.network, &o.network))
                continue;
        }
        if (act_issue(p->t, p->actor, &o, e) < 0)
            return err_wrap(e, "network %s on host %s", o.network.name, r->host_name);
        if (p->first != NULL && is_home(p, r))
            *p->first = o;
    }
    return 0;
}

/* Hosts make nothing under a grant that is not valid: a peer too many does no harm until then. */
static int
grant_holds(const struct parts *p, bool *out, struct err *e)
{
    struct grant_row g;

    if (grant_row_get(p->t->d, p->list[0].grant, p->a, &g, e) < 0)
        return -1;
    *out = p->t->now_ms >= g.valid_from_ms && p->t->now_ms <= g.valid_to_ms;
    return 0;
}

int
parts_on(struct tx *t, const char *actor, const char *network, struct w_order *first,
         const char *const *hosts, size_t n, struct arena *a, struct err *e)
{
    struct parts p = {.t = t, .a = a, .actor = actor, .network = network, .first = first};
    bool added, valid = true;
    uint32_t vni = 0;

    if (parts_load(&p, e) < 0)
        return -1;
    if (p.unknown)
        return n == 0 ? 0 : err_set(e, BY_E_CONFLICT, "no order of network %s is here", network);
    if (add_hosts(&p, hosts, n, &added, e) < 0 ||
        (first == NULL && !added && grant_holds(&p, &valid, e) < 0))
        return -1;
    if (!valid)
        return 0;
    if ((p.n > 1 && segment_take(t->d, network, &vni, e) < 0) ||
        (p.n <= 1 && segment_get(t->d, network, &vni, e) < 0))
        return -1;
    return put_in_order(&p, vni, e);
}

int
parts_sync(struct tx *t, const char *actor, const char *network, struct arena *a, struct err *e)
{
    return parts_on(t, actor, network, NULL, NULL, 0, a, e);
}

int
parts_segment(struct db *d, const char *network, struct arena *a, const char **out, bool *spans,
              struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct part_row *list;
    size_t n;

    if (part_list(d, network, a, &list, &n, e) < 0)
        return -1;
    *spans = n < PARTS_MAX;
    strbuf_adds(&b, network);
    for (size_t i = 0; i < n; i++) {
        *spans = *spans && list[i].underlay[0] != '\0';
        if (list[i].wanted == WANT_PRESENT)
            strbuf_addf(&b, " %s", list[i].host);
    }
    *out = arena_strdup(a, strbuf_peek(&b));
    return 0;
}

int
parts_cards(struct tx *t, struct w_order *vm, struct err *e)
{
    for (size_t i = 0; vm->kind == RES_VM && i < vm->vm.nics.n; i++) {
        struct w_nic *nic = JM_ITEM(vm->vm.nics, struct w_nic, i);
        int wanted;

        if (part_at(t->d, nic->network, vm->host, nic->network, &wanted, e) < 0)
            return -1;
    }
    return 0;
}

int
parts_refuse(const struct resource_row *r, struct err *e)
{
    if (r->part_of[0] == '\0')
        return 0;
    return err_set(e, BY_E_CONFLICT,
                   "this is the part of network %s on host %s, which comes and goes with the "
                   "machines there: act on the network",
                   r->name, r->host_name);
}

/* ---- removing ---- */

bool
parts_is_removal(const struct w_order *o)
{
    return o->kind == RES_NETWORK && o->network.part_of[0] != '\0' && o->verb == VERB_ERASE &&
           o->authority == AUTH_GRANT;
}

static int
part_remove(struct parts *p, const struct part_row *r, struct err *e)
{
    struct w_order o;

    if (order_read(r, p->a, &o, e) < 0)
        return -1;
    o.verb = VERB_ERASE;
    o.wanted = WANT_ABSENT;
    o.authority = AUTH_GRANT;
    memcpy(o.grant, r->grant, sizeof(o.grant));
    memcpy(o.authority_id, r->grant, sizeof(o.authority_id));
    return act_issue(p->t, p->actor, &o, e);
}

int
parts_leave(struct tx *t, const struct resource_row *vm, struct arena *a, struct err *e)
{
    struct parts p = {.t = t, .a = a, .actor = "controller", .network = vm->network};
    char id[W_ID];
    int wanted = 0, rc;

    if (vm->kind != RES_VM || vm->network[0] == '\0')
        return 0;
    rc = part_at(t->d, vm->network, vm->host, id, &wanted, e);
    if (rc <= 0 || wanted != WANT_PRESENT)
        return rc < 0 ? -1 : 0;
    if (parts_load(&p, e) < 0)
        return -1;
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.list[i].id, id) == 0 && p.list[i].machines == 0)
            return part_remove(&p, &p.list[i], e) < 0
                       ? -1
                       : parts_sync(t, "controller", vm->network, a, e);
    return 0;
}

/* ---- another address, a recovery ---- */

struct moved {
    struct tx *t;
    struct arena *a;
};

static int
moved_one(void *arg, const char *network, struct err *e)
{
    struct moved *m = arg;

    return parts_sync(m->t, "controller", network, m->a, e);
}

int
parts_moved(struct tx *t, const char *host, struct arena *a, struct err *e)
{
    struct moved m = {t, a};

    return part_each_of_host(t->d, host, a, moved_one, &m, e);
}

int
parts_recover(struct tx *t, const struct w_order *o, const char *unit, struct arena *a,
              struct err *e)
{
    const char *whole = o->network.part_of[0] != '\0' ? o->network.part_of : o->resource;
    struct w_order own = *o;
    struct resource_row r;
    int rc;

    if (o->kind != RES_NETWORK || o->network.vni == 0)
        return 0;
    if (strcmp(whole, o->resource) != 0) {
        rc = resource_find(t->d, whole, a, &r, e);
        (void)snprintf(own.resource, sizeof(own.resource), "%s", whole);
        (void)snprintf(own.network.id, sizeof(own.network.id), "%s", whole);
        expand_bridge_name(whole, own.network.bridge);
        own.network.part_of[0] = '\0';
        if (rc < 0 || (rc == 0 && made_insert(t, &own, unit, &r, e) < 0))
            return -1;
        return segment_import(t->d, whole, o->network.vni, e);
    }
    rc = resource_find(t->d, whole, a, &r, e);
    return rc <= 0 ? rc : segment_import(t->d, whole, o->network.vni, e);
}

/* ---- for people ---- */

static const char *
part_reason(const struct part_row *r)
{
    if (strcmp(r->host_state, "revoked") == 0)
        return "its host was given up: the part stays registered, and nothing on it is read back";
    if (r->equal)
        return NULL;
    if (r->wanted == WANT_ABSENT)
        return "its last machine is gone: it is being removed";
    return r->seen_generation == 0 ? "its host has not reported it yet" : r->reason;
}

/* The network is as good as the worst of its parts. */
static void
weigh(struct w_resource_view *v, const struct part_row *r, struct arena *a)
{
    const char *why = part_reason(r);

    if (v->wanted != WANT_PRESENT || r->wanted != WANT_PRESENT)
        return;
    if (r->seen_ms < v->as_of_ms)
        v->as_of_ms = r->seen_ms;
    if ((r->equal && why == NULL) || !v->equal)
        return;
    v->equal = false;
    v->seen = r->seen == SEEN_NONE ? SEEN_UNKNOWN : r->seen;
    v->reason = arena_printf(a, "its part on host %s: %s", r->host_name, why == NULL ? "" : why);
}

/* All parts, as people see them: of those on a silent host nothing is known. */
static int
seen_list(struct tx *t, const char *network, struct arena *a, struct part_row **list, size_t *n,
          struct err *e)
{
    if (part_list(t->d, network, a, list, n, e) < 0)
        return -1;
    for (size_t i = 0; i < *n; i++) {
        struct part_row *r = &(*list)[i];
        const char *why = host_silence(t, r->host, r->host_seen_ms, r->host_unknown, a);

        if (why == NULL || r->seen_generation == 0)
            continue;
        r->reason = silence_sentence(r->host_name, why, r->seen, a);
        r->seen = SEEN_UNKNOWN;
        r->equal = false;
    }
    return 0;
}

static void
part_view(const struct part_row *r, struct w_network_part *o)
{
    memcpy(o->id, r->id, sizeof(o->id));
    memcpy(o->host, r->host, sizeof(o->host));
    memcpy(o->host_name, r->host_name, sizeof(o->host_name));
    memcpy(o->underlay, r->underlay, sizeof(o->underlay));
    o->machines = r->machines;
    o->wanted = r->wanted;
    o->seen = r->seen == SEEN_NONE ? SEEN_UNKNOWN : r->seen;
    o->equal = r->equal;
    o->as_of_ms = r->seen_ms;
    o->reason = part_reason(r);
}

int
parts_view(struct tx *t, const char *network, struct arena *a, struct w_network_part_list *out,
           struct err *e)
{
    struct part_row *list;
    size_t n;

    if (segment_get(t->d, network, &out->vni, e) < 0 || seen_list(t, network, a, &list, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        part_view(&list[i], listing_add(&out->items, sizeof(struct w_network_part), a));
    return 0;
}

int
parts_weigh(struct tx *t, struct w_resource_view *v, struct arena *a, struct err *e)
{
    struct part_row *list;
    size_t n;

    if (v->kind != RES_NETWORK)
        return 0;
    if (segment_get(t->d, v->id, &v->vni, e) < 0)
        return -1;
    if (v->vni == 0)
        return 0;
    if (seen_list(t, v->id, a, &list, &n, e) < 0)
        return -1;
    v->parts = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, v->id) != 0)
            weigh(v, &list[i], a);
    return 0;
}

int
api_resource_parts(struct api_call *k, struct tx *t, struct err *e)
{
    struct resource_row r;

    if (resource_get(t->d, k->id, k->a, &r, e) < 0 || own_check(k, r.unit, "resource", e) < 0)
        return -1;
    if (r.kind != RES_NETWORK)
        return err_set(e, BY_E_INVALID, "%s is no network: it has no parts", r.name);
    return parts_view(t, r.part_of[0] != '\0' ? r.part_of : r.id, k->a, k->out, e);
}
