#include "controller/placing_grant.h"

#include <stdio.h>
#include <string.h>

#include "controller/host_settings.h"
#include "controller/made.h"
#include "controller/parts.h"
#include "controller/spread.h"

/* ---- hosts --------------------------------------------------------------------------------------
 */

/* Groups that may stand anywhere; the others were asked for on their own hosts. */
static size_t
free_groups(struct expansion *x, struct expand_group *groups, uint32_t *choice_of)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n_groups; i++) {
        struct expand_group *g = &x->groups[i];

        choice_of[i] = g->pinned != NULL ? UINT32_MAX : (uint32_t)n;
        if (g->pinned != NULL)
            (void)snprintf(g->host, sizeof(g->host), "%s", g->pinned);
        else
            groups[n++] = *g;
    }
    return n;
}

static const struct w_placing_choice *
choice_at(const struct grant_placing *p, size_t i)
{
    return JM_ITEM(p->choices.items, struct w_placing_choice, i);
}

/* What stands somewhere already is not placed anew: its host must be what new parts of it ask for.
 */
static int
pinned_offers(struct tx *t, struct spread *s, const struct expansion *x, struct grant_placing *p,
              bool *again, struct err *e)
{
    for (size_t i = 0; i < x->n_groups; i++) {
        const struct expand_group *g = &x->groups[i];
        bool offers;

        if (g->pinned == NULL || (g->zone == NULL && g->pool_class == NULL))
            continue;
        if (host_offers(t, g->pinned, g->zone, g->pool_class, &offers, e) < 0)
            return -1;
        if (offers && !g->mixed)
            continue;
        if (p->no_room == NULL)
            p->no_room = arena_printf(
                s->a, "the network stands on a host that is not of zone/pool class %s/%s",
                g->zone == NULL ? "-" : g->zone, g->pool_class == NULL ? "-" : g->pool_class);
        if (spread_refused(s, i))
            *again = true;
    }
    return 0;
}

/* One way of grouping: *again when another may do better. */
static int
attempt(struct tx *t, struct spread *s, struct expansion *x, struct supersede *over,
        const struct w_policy *policy, struct grant_placing *p, bool *again, struct err *e)
{
    struct expansion asked = *x;
    const char *full = NULL;
    bool fits;

    *again = false;
    if (over != NULL && supersede_rooms(t, over, x, policy, s->a, &p->no_room, &full, e) < 0)
        return -1;
    for (size_t i = 0; full != NULL && i < x->n_groups; i++)
        if (x->groups[i].pinned != NULL && strcmp(x->groups[i].pinned, full) == 0 &&
            spread_refused(s, i))
            *again = true;
    if (p->no_room == NULL && pinned_offers(t, s, x, p, again, e) < 0)
        return -1;
    if (p->no_room != NULL && *again)
        return 0;
    asked.groups = arena_alloc(s->a, (x->n_groups + 1) * sizeof(*asked.groups));
    p->choice_of = arena_alloc(s->a, (x->n_groups + 1) * sizeof(*p->choice_of));
    asked.n_groups = free_groups(x, asked.groups, p->choice_of);
    if (placing_choose(t, &asked, over, policy, s->a, &p->facts, &p->choices, &fits, e) < 0)
        return -1;
    for (size_t i = 0; i < x->n_groups; i++) {
        if (p->choice_of[i] == UINT32_MAX)
            continue;
        memcpy(x->groups[i].host, choice_at(p, p->choice_of[i])->host, W_ID);
        if (x->groups[i].host[0] == '\0' && spread_refused(s, i))
            *again = true;
    }
    return 0;
}

/* What has no host, added up, and why the first of it has none. */
static void
say_short(const struct expansion *x, struct grant_placing *p, struct arena *a)
{
    struct expand_group sum = {0};
    const char *reason = NULL;

    for (size_t i = 0; i < x->n_groups; i++) {
        const struct expand_group *g = &x->groups[i];

        if (g->host[0] != '\0' || p->choice_of[i] == UINT32_MAX)
            continue;
        sum.vms += g->vms;
        sum.vcpus += g->vcpus;
        sum.mem_mib += g->mem_mib;
        sum.disk_bytes += g->disk_bytes;
        if (reason == NULL)
            reason = choice_at(p, p->choice_of[i])->reason;
        sum.n_items++;
    }
    if (sum.n_items > 0 && p->no_room == NULL)
        p->no_room =
            arena_printf(a,
                         "no host has room for %u VMs with %llu vCPUs, %llu MiB and %llu "
                         "GiB of disk: %s",
                         sum.vms, (unsigned long long)sum.vcpus, (unsigned long long)sum.mem_mib,
                         (unsigned long long)(sum.disk_bytes / GIB_BYTES), placing_told(reason, a));
}

int
grant_place(struct tx *t, struct expansion *x, struct supersede *over,
            const struct w_policy *policy, struct arena *a, struct grant_placing *out,
            struct err *e)
{
    const char *never = NULL;
    struct spread s;
    bool again;

    memset(out, 0, sizeof(*out));
    spread_begin(&s, x, a);
    if (attempt(t, &s, x, over, policy, out, &again, e) < 0)
        return -1;
    while (again) {
        spread_again(&s, x);
        out->no_room = NULL;
        if (attempt(t, &s, x, over, policy, out, &again, e) < 0)
            return -1;
    }
    say_short(x, out, a);
    if (out->no_room != NULL && host_offers_none(t, x, a, &never, e) < 0)
        return -1;
    out->no_room = never != NULL ? never : out->no_room;
    return 0;
}

/* ---- parts --------------------------------------------------------------------------------------
 */

static bool
is_first_of_segment(const struct expansion *x, size_t i)
{
    const struct expand_group *g = &x->groups[x->items[i].group];

    if (g->segment == NULL || x->items[i].kind == RES_VOLUME)
        return false;
    for (size_t j = 0; j < i; j++)
        if (x->groups[x->items[j].group].segment == g->segment && x->items[j].kind != RES_VOLUME)
            return false;
    return true;
}

int
grant_place_item(struct tx *t, const char *actor, const char *unit, struct expansion *x, size_t i,
                 struct arena *a, struct resource_row *r, bool *issued, struct err *e)
{
    struct expand_item *it = &x->items[i];
    const struct expand_group *g = &x->groups[it->group];
    bool makes = it->kind == RES_NETWORK, spans = is_first_of_segment(x, i);
    const struct w_nic *nic = it->order.vm.nics.items;
    const char **hosts = NULL;
    size_t n = 0;

    *issued = makes && spans;
    memcpy(it->order.host, g->host, sizeof(it->order.host));
    if (spans)
        hosts = spread_hosts(x, g->segment, a, &n);
    if (spans && !makes && nic != NULL &&
        parts_on(t, actor, nic->network, NULL, hosts, n, a, e) < 0)
        return -1;
    if (g->segment != NULL && parts_cards(t, &it->order, e) < 0)
        return -1;
    if (made_insert(t, &it->order, unit, r, e) < 0 || made_apart(t, r, it->apart, e) < 0)
        return -1;
    if (!*issued)
        return 0;
    return parts_on(t, actor, it->order.resource, &it->order, hosts, n, a, e);
}
