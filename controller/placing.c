#include "controller/placing.h"

#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/controller.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_host_flow.h"

enum { REASON_MAX = 900 };

static void
host_fact(const struct host_facts *h, bool silent, struct arena *a, struct w_placing_host *o)
{
    struct w_placing_range *r = arena_alloc(a, (h->n_ranges + 1) * sizeof(*r));

    memcpy(o->id, h->id, sizeof(o->id));
    memcpy(o->name, h->name, sizeof(o->name));
    (void)snprintf(o->state, sizeof(o->state), "%s", silent ? "silent" : h->state);
    o->cpus = h->cpus;
    o->mem_mib = h->mem_mib;
    o->cpu_overcommit_percent = h->cpu_overcommit_percent;
    o->mem_overcommit_percent = h->mem_overcommit_percent;
    o->pool_bytes = h->pool_bytes;
    o->pool_free_bytes = h->pool_free_bytes;
    o->vcpus_used = h->vcpus_used;
    o->mem_used_mib = h->mem_used_mib;
    o->bytes_used = h->bytes_used;
    for (size_t i = 0; i < h->n_ranges; i++)
        (void)snprintf(r[i].cidr, sizeof(r[i].cidr), "%s", h->ranges[i]);
    o->ranges = (struct jm_list){r, h->n_ranges};
}

/* A poll that waits is a sign of life too, and only in memory. */
static bool
is_silent(struct controller *c, const struct host_facts *h, int64_t now_ms)
{
    int64_t heard = auth_host_seen(c->auth, h->id);

    if (heard < h->seen_ms)
        heard = h->seen_ms;
    return h->inventory_unknown || now_ms - heard > c->conf.silent_seconds * 1000;
}

int
placing_gather(struct controller *c, struct db *d, const struct expansion *x, const char *policy,
               int64_t now_ms, struct arena *a, struct w_placing_facts *out, struct err *e)
{
    struct host_facts *hosts = NULL;
    struct w_placing_host *h;
    struct w_placing_group *g;
    size_t n = 0;

    if (host_facts_load(d, a, &hosts, &n, e) < 0)
        return -1;
    h = arena_alloc(a, (n + 1) * sizeof(*h));
    g = arena_alloc(a, (x->n_groups + 1) * sizeof(*g));
    for (size_t i = 0; i < n; i++)
        host_fact(&hosts[i], is_silent(c, &hosts[i], now_ms), a, &h[i]);
    for (size_t i = 0; i < x->n_groups; i++) {
        g[i].vcpus = x->groups[i].vcpus;
        g[i].mem_mib = x->groups[i].mem_mib;
        g[i].bytes = x->groups[i].disk_bytes;
        if (x->groups[i].cidr != NULL)
            (void)snprintf(g[i].cidr, sizeof(g[i].cidr), "%s", x->groups[i].cidr);
    }
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->policy, sizeof(out->policy), "%s", policy);
    out->at_ms = now_ms;
    out->hosts = (struct jm_list){h, n};
    out->groups = (struct jm_list){g, x->n_groups};
    return 0;
}

/* ---- deciding -------------------------------------------------------------------------------- */

/* NULL when the group fits, else why not. */
static const char *
refusal(const struct w_placing_host *h, const struct w_placing_group *g)
{
    if (strcmp(h->state, "ready") != 0)
        return h->state;
    if (h->vcpus_used + g->vcpus > h->cpus * h->cpu_overcommit_percent / 100)
        return "too few processors left";
    if (h->mem_used_mib + g->mem_mib > h->mem_mib * h->mem_overcommit_percent / 100)
        return "too little memory left";
    if (h->bytes_used + g->bytes > h->pool_bytes)
        return "too little room left in its pool";
    for (size_t i = 0; g->cidr[0] != '\0' && i < h->ranges.n; i++)
        if (cidr_overlap(JM_ITEM(h->ranges, struct w_placing_range, i)->cidr, g->cidr))
            return "a network there uses the same addresses";
    return NULL;
}

static uint64_t
mem_left(const struct w_placing_host *h)
{
    uint64_t all = h->mem_mib * h->mem_overcommit_percent / 100;

    return all > h->mem_used_mib ? all - h->mem_used_mib : 0;
}

static void
note(struct strbuf *b, size_t *left_out, const struct w_placing_host *h, const char *why)
{
    if (b->len > REASON_MAX)
        (*left_out)++;
    else
        strbuf_addf(b, "%s%s: %s", b->len > 0 ? "; " : "", h->name, why);
}

/* The host with the most memory left; the first by name among equals. */
static struct w_placing_host *
choose(const struct jm_list *hosts, const struct w_placing_group *g, struct strbuf *why)
{
    struct w_placing_host *best = NULL;
    size_t left_out = 0;

    for (size_t i = 0; i < hosts->n; i++) {
        struct w_placing_host *h = JM_ITEM(*hosts, struct w_placing_host, i);
        const char *no = refusal(h, g);

        if (no != NULL)
            note(why, &left_out, h, no);
        else if (best == NULL || mem_left(h) > mem_left(best))
            best = h;
    }
    if (left_out > 0)
        strbuf_addf(why, "; and %zu more", left_out);
    if (hosts->n == 0)
        strbuf_adds(why, "no host is enrolled");
    return best;
}

/* What the group takes is gone for the next one. */
static void
take_room(struct w_placing_host *h, const struct w_placing_group *g, struct arena *a)
{
    struct w_placing_range *r = arena_alloc(a, (h->ranges.n + 1) * sizeof(*r));

    h->vcpus_used += g->vcpus;
    h->mem_used_mib += g->mem_mib;
    h->bytes_used += g->bytes;
    if (g->cidr[0] == '\0')
        return;
    if (h->ranges.n > 0)
        memcpy(r, h->ranges.items, h->ranges.n * sizeof(*r));
    memcpy(r[h->ranges.n].cidr, g->cidr, sizeof(r->cidr));
    h->ranges = (struct jm_list){r, h->ranges.n + 1};
}

bool
placing_decide(const struct w_placing_facts *f, struct arena *a, struct w_placing_choices *out)
{
    struct w_placing_host *copy = arena_alloc(a, (f->hosts.n + 1) * sizeof(*copy));
    struct w_placing_choice *c = arena_alloc(a, (f->groups.n + 1) * sizeof(*c));
    struct jm_list hosts = {copy, f->hosts.n};
    bool all = true;

    if (f->hosts.n > 0)
        memcpy(copy, f->hosts.items, f->hosts.n * sizeof(*copy));
    for (size_t i = 0; i < f->groups.n; i++) {
        const struct w_placing_group *g = JM_ITEM(f->groups, struct w_placing_group, i);
        struct strbuf why = {0};
        struct w_placing_host *h = choose(&hosts, g, &why);

        if (why.len > 0)
            c[i].reason = arena_strdup(a, strbuf_peek(&why));
        strbuf_clear(&why);
        if (h == NULL) {
            all = false;
            continue;
        }
        memcpy(c[i].host, h->id, sizeof(c[i].host));
        take_room(h, g, a);
    }
    out->items = (struct jm_list){c, f->groups.n};
    return all;
}
