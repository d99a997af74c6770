#include "controller/spread.h"

#include <string.h>

enum way { WAY_WHOLE, WAY_SPLIT, WAY_NONE };

/* In which ways a group may be placed, the preferred first. */
static enum way
way_of(const struct expand_group *g, unsigned attempt)
{
    static const enum way ways[APART__MAX][3] = {
        [APART_NONE] = {WAY_WHOLE, WAY_SPLIT, WAY_NONE},
        [APART_SOFT] = {WAY_SPLIT, WAY_WHOLE, WAY_NONE},
        [APART_HARD] = {WAY_SPLIT, WAY_NONE, WAY_NONE},
    };
    bool one = g->cidr == NULL || (g->vms <= 1 && g->segment == NULL);

    if (g->mixed && !one && !g->fixed) /* no one host is what all ask for */
        return attempt == 0 ? WAY_SPLIT : WAY_NONE;
    if (one || g->fixed) /* nothing to spread */
        return attempt == 0 ? WAY_WHOLE : WAY_NONE;
    return attempt < 3 ? ways[g->apart][attempt] : WAY_NONE;
}

static void
size_add(struct expand_group *g, const struct w_order *o)
{
    if (o->kind == RES_VOLUME)
        g->disk_bytes += o->volume.size_bytes;
    if (o->kind == RES_NETWORK)
        g->networks++;
    if (o->kind != RES_VM)
        return;
    g->vms++;
    g->vcpus += o->vm.vcpus;
    g->mem_mib += o->vm.mem_mib;
    g->disk_bytes += o->vm.root_bytes;
    if (o->vm.vcpus > g->largest_vcpus)
        g->largest_vcpus = o->vm.vcpus;
}

static struct expand_group *
group_add(struct spread *s, struct expansion *x, size_t of, size_t first)
{
    struct expand_group *g = &x->groups[x->n_groups];

    *g = s->base.groups[of];
    g->host[0] = '\0';
    s->of[x->n_groups++] = of;
    g->first = first;
    return g;
}

/* Each machine with its volumes; the network itself goes with the first. */
static void
split(struct spread *s, struct expansion *x, size_t of)
{
    const struct expand_group *whole = &s->base.groups[of];
    size_t end = whole->first + whole->n_items;
    const char *segment = whole->segment;
    struct expand_group *g = NULL;

    if (segment == NULL) /* made by this: nowhere yet */
        segment = arena_strdup(s->a, x->items[whole->first].order.resource);
    for (size_t i = whole->first; i < end; i++) {
        struct expand_item *it = &x->items[i];

        if (g == NULL) {
            g = group_add(s, x, of, i);
            g->vcpus = g->mem_mib = g->disk_bytes = 0;
            g->networks = g->vms = g->largest_vcpus = 0;
            g->n_items = 0;
            g->pinned = NULL;
            g->segment = segment;
            g->zone = g->pool_class = NULL;
            g->mixed = false;
        }
        g->n_items++;
        it->group = x->n_groups - 1;
        size_add(g, &it->order);
        if (it->kind == RES_VM) {
            g->apart = it->apart;
            g->zone = it->zone;
            g->pool_class = it->pool_class;
            g = NULL;
        }
    }
}

static void
regroup(struct spread *s, struct expansion *x)
{
    x->n_groups = 0;
    for (size_t of = 0; of < s->base.n_groups; of++) {
        const struct expand_group *whole = &s->base.groups[of];

        if (way_of(whole, s->attempt[of]) == WAY_SPLIT) {
            split(s, x, of);
            continue;
        }
        group_add(s, x, of, whole->first)->segment = NULL;
        for (size_t i = 0; i < whole->n_items; i++)
            x->items[whole->first + i].group = x->n_groups - 1;
    }
}

void
spread_begin(struct spread *s, struct expansion *x, struct arena *a)
{
    *s = (struct spread){.a = a, .base = *x};
    s->attempt = arena_alloc(a, x->n_groups + 1);
    s->of = arena_alloc(a, (x->n + x->n_groups + 1) * sizeof(*s->of));
    x->groups = arena_alloc(a, (x->n + x->n_groups + 1) * sizeof(*x->groups));
    regroup(s, x);
}

bool
spread_refused(struct spread *s, size_t group)
{
    size_t of = s->of[group];
    const struct expand_group *g = &s->base.groups[of];

    if (way_of(g, s->attempt[of] + 1u) == WAY_NONE)
        return false;
    s->attempt[of]++;
    return true;
}

void
spread_again(struct spread *s, struct expansion *x)
{
    regroup(s, x);
}

const char **
spread_hosts(const struct expansion *x, const char *segment, struct arena *a, size_t *n)
{
    const char **out = arena_alloc(a, (x->n_groups + 1) * sizeof(*out));

    *n = 0;
    for (size_t i = 0; i < x->n_groups; i++) {
        bool known = x->groups[i].segment != segment || x->groups[i].host[0] == '\0';

        for (size_t j = 0; j < *n && !known; j++)
            known = strcmp(out[j], x->groups[i].host) == 0;
        if (!known)
            out[(*n)++] = x->groups[i].host;
    }
    return out;
}
