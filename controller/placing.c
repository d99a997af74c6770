#include "controller/placing.h"

#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/granting.h"
#include "controller/hosts.h"
#include "controller/hosttable.h"
#include "controller/policy.h"
#include "controller/supersede.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_host_flow.h"
#include "policies/host_fsm.h"
#include "policies/place.h"

enum { REASON_MAX = 900, TOLD_MAX = 300 }; /* bytes: in the ledger, in a message */

static const char *
host_ranges(const struct host_facts *h, struct arena *a)
{
    SCOPED(strbuf) struct strbuf b = {0};

    if (h->n_ranges == 0)
        return NULL;
    for (size_t i = 0; i < h->n_ranges; i++)
        strbuf_addf(&b, "%s%s", i > 0 ? " " : "", h->ranges[i]);
    return arena_strdup(a, strbuf_peek(&b));
}

static void
host_fact(const struct host_facts *h, enum host_state now, struct arena *a,
          struct w_placing_host *o)
{
    memcpy(o->id, h->id, sizeof(o->id));
    memcpy(o->name, h->name, sizeof(o->name));
    (void)snprintf(o->state, sizeof(o->state), "%s", host_state_name(now));
    o->cpus = h->cpus;
    o->mem_mib = h->mem_mib;
    o->cpu_overcommit_percent = h->cpu_overcommit_percent;
    o->mem_overcommit_percent = h->mem_overcommit_percent;
    o->pool_bytes = h->pool_bytes;
    o->pool_free_bytes = h->pool_free_bytes;
    o->vcpus_used = h->vcpus_used;
    o->mem_used_mib = h->mem_used_mib;
    o->bytes_used = h->bytes_used;
    memcpy(o->arch, h->arch, sizeof(o->arch));
    memcpy(o->zone, h->zone, sizeof(o->zone));
    memcpy(o->pool_class, h->pool_class, sizeof(o->pool_class));
    o->same = h->same;
    o->alone = h->alone;
    o->underlay = h->underlay;
    o->ranges = host_ranges(h, a);
    memcpy(o->pool, h->pool, sizeof(o->pool));
    o->pool_used_bytes = h->pool_used_bytes;
}

/* What the images of a group's machines are made for; those of unregistered ones are not known. */
static int
group_arch(struct db *d, const struct expansion *x, const struct expand_group *g, struct arena *a,
           char out[20], struct err *e)
{
    enum place_arch all = PLACE_ARCH_ANY;
    const char *last = "";

    for (size_t i = g->first; i < g->first + g->n_items; i++) {
        const struct w_order *o = &x->items[i].order;
        const char *arch;

        if (o->kind != RES_VM || strcmp(o->vm.image, last) == 0)
            continue;
        last = o->vm.image;
        if (granting_arch(d, last, a, &arch, e) < 0)
            return -1;
        all = place_arch_join(all, place_arch_of(arch));
    }
    (void)snprintf(out, 20, "%s", place_arch_name(all));
    return 0;
}

static void
group_fact(const struct expand_group *g, struct w_placing_group *o)
{
    o->vcpus = g->vcpus;
    o->mem_mib = g->mem_mib;
    o->bytes = g->disk_bytes;
    o->largest_vcpus = g->largest_vcpus;
    o->machines = g->vms;
    o->apart = (int)g->apart;
    o->segment = g->segment;
    if (g->cidr != NULL)
        (void)snprintf(o->cidr, sizeof(o->cidr), "%s", g->cidr);
    if (g->zone != NULL)
        (void)snprintf(o->zone, sizeof(o->zone), "%s", g->zone);
    if (g->pool_class != NULL)
        (void)snprintf(o->pool_class, sizeof(o->pool_class), "%s", g->pool_class);
}

static int
groups_fill(struct tx *t, const struct expansion *x, const struct w_policy *policy, struct arena *a,
            struct w_placing_facts *out, struct err *e)
{
    struct w_placing_group *g = arena_alloc(a, (x->n_groups + 1) * sizeof(*g));

    memset(out, 0, sizeof(*out));
    memcpy(out->policy, policy->version, sizeof(out->policy));
    out->rule = PLACE_RULE_2;
    out->at_ms = t->now_ms;
    out->groups = (struct jm_list){g, x->n_groups};
    for (size_t i = 0; i < x->n_groups; i++) {
        group_fact(&x->groups[i], &g[i]);
        if (group_arch(t->d, x, &x->groups[i], a, g[i].arch, e) < 0)
            return -1;
    }
    return 0;
}

static void
hosts_fill(const struct hosttable_picked *p, struct arena *a, struct w_placing_facts *out)
{
    struct w_placing_host *h = arena_alloc(a, (p->n + 1) * sizeof(*h));

    for (size_t i = 0; i < p->n; i++)
        host_fact(&p->hosts[i], (enum host_state)p->state[i], a, &h[i]);
    out->hosts = (struct jm_list){h, p->n};
}

/* Whose machines they are: all of one grant are of one system. */
static const char *
system_of(const struct expansion *x)
{
    return x->n > 0 ? x->items[0].order.system : "";
}

static bool
same_segment(const struct w_placing_group *a, const struct w_placing_group *b)
{
    return a->segment != NULL && b->segment != NULL &&
           strncmp(a->segment, b->segment, W_ID - 1) == 0;
}

/* Machines that are asked for one by one, on one network, or one more on a network that is there:
 * it may come to span hosts, whoever of its hosts is in this table. */
static bool
spans(const struct w_placing_facts *f, const struct w_placing_group *g)
{
    size_t n = 0;

    if (g->segment == NULL)
        return false;
    for (size_t i = 0; i < f->groups.n; i++)
        n += same_segment(g, JM_ITEM(f->groups, struct w_placing_group, i));
    return n > 1 || g->segment[W_ID - 1] != '\0';
}

/* What decides of each group which hosts are worth asking. */
static const struct hosttable_need *
needs_of(const struct w_placing_facts *f, const struct expansion *x, struct arena *a)
{
    struct hosttable_need *need = arena_alloc(a, (x->n_groups + 1) * sizeof(*need));

    for (size_t i = 0; i < x->n_groups; i++) {
        const struct expand_group *g = &x->groups[i];
        const struct w_placing_group *fact = JM_ITEM(f->groups, struct w_placing_group, i);

        need[i] = (struct hosttable_need){.vcpus = g->vcpus,
                                          .mem_mib = g->mem_mib,
                                          .bytes = g->disk_bytes,
                                          .largest_vcpus = g->largest_vcpus,
                                          .zone = g->zone,
                                          .pool_class = g->pool_class,
                                          .arch = place_arch_of(fact->arch),
                                          .reach = spans(f, fact)};
    }
    return need;
}

static int
pick(struct tx *t, const struct expansion *x, const struct w_placing_facts *f, size_t limit,
     const uint8_t *passed, struct arena *a, struct hosttable_picked *out, struct err *e)
{
    bool ranges = false;

    for (size_t i = 0; i < x->n_groups; i++)
        ranges = ranges || x->groups[i].cidr != NULL;
    if (hosttable_pick(t->c->hosts, needs_of(f, x, a), x->n_groups, t->now_ms, limit, passed, a,
                       out, e) < 0)
        return -1;
    for (size_t i = 0; ranges && i < out->n; i++)
        if (host_facts_ranges(t->d, a, &out->hosts[i], e) < 0)
            return -1;
    if (out->n > PLACING_FEW)
        return host_facts_same_all(t->d, system_of(x), out->hosts, out->n, e);
    for (size_t i = 0; i < out->n; i++)
        if (host_facts_same(t->d, system_of(x), &out->hosts[i], e) < 0)
            return -1;
    return 0;
}

/* At most limit hosts that have not been passed, and the groups. */
static int
gather(struct tx *t, const struct expansion *x, const struct w_policy *policy, size_t limit,
       const uint8_t *passed, struct arena *a, struct hosttable_picked *p,
       struct w_placing_facts *out, struct err *e)
{
    if (groups_fill(t, x, policy, a, out, e) < 0 || pick(t, x, out, limit, passed, a, p, e) < 0)
        return -1;
    hosts_fill(p, a, out);
    out->room_vcpus = policy->largest_vcpus;
    out->room_mem_mib = policy->largest_mem_mib;
    out->room_disk_gib = policy->largest_disk_gib;
    return 0;
}

int
placing_gather_host(struct tx *t, const struct expansion *x, const struct w_policy *policy,
                    const char *host, struct arena *a, struct w_placing_facts *out, struct err *e)
{
    struct host_facts h;
    uint8_t state;
    const struct hosttable_picked one = {.hosts = &h, .state = &state, .n = 1};

    if (host_facts_get(t->d, host, system_of(x), a, &h, e) < 0)
        return -1;
    state = (uint8_t)host_state_of(h.state);
    if (host_is_silent(t->c, host_heard_ms(t->c, h.id, h.seen_ms), h.inventory_unknown, t->now_ms))
        state = HS_SILENT;
    else if (state == HS_READY && x->groups[0].vms > 0 && h.held_until_ms > t->now_ms)
        state = HS_HELD;
    if (groups_fill(t, x, policy, a, out, e) < 0)
        return -1;
    hosts_fill(&one, a, out);
    return 0;
}

/* ---- deciding -------------------------------------------------------------------------------- */

/* Columns for the policy, in the order of the facts. */
struct table {
    struct place_hosts cols;
    const struct w_placing_facts *facts;
    const struct w_placing_host *hosts;
    const char **name, **ranges, **words;
    size_t n_words;
    uint8_t *state, *why, *arch, *part;
    int64_t *vcpus, *mem, *disk;
    uint32_t *cpus, *can, *zone, *pool_class, *same, *alone;
    uint32_t *pool; /* number of the shared one; 0: its own */
    size_t *at;     /* host chosen for each group */
};

/* The pool is not overcommitted; what others keep in it is not ours to promise.  One that several
 * hosts see is counted once. */
static int64_t
disk_free(const struct w_placing_host *h)
{
    return place_free(h->pool_bytes, 100, h->pool[0] == '\0' ? h->bytes_used : h->pool_used_bytes);
}

/* Numbers for names; 0 for none. */
static uint32_t
word_number(struct table *t, const char *word)
{
    if (word[0] == '\0')
        return 0;
    for (size_t i = 0; i < t->n_words; i++)
        if (strcmp(t->words[i], word) == 0)
            return (uint32_t)i + 1;
    t->words[t->n_words++] = word;
    return (uint32_t)t->n_words;
}

static void
table_alloc(const struct w_placing_facts *f, struct arena *a, struct table *t)
{
    size_t room = f->hosts.n + 1;

    memset(t, 0, sizeof(*t));
    t->facts = f;
    t->hosts = f->hosts.items;
    t->name = arena_alloc(a, room * sizeof(*t->name));
    t->ranges = arena_alloc(a, room * sizeof(*t->ranges));
    t->words = arena_alloc(a, 3 * (room + f->groups.n) * sizeof(*t->words));
    t->state = arena_alloc(a, room);
    t->why = arena_alloc(a, room);
    t->part = arena_alloc(a, room);
    t->vcpus = arena_alloc(a, room * sizeof(*t->vcpus));
    t->mem = arena_alloc(a, room * sizeof(*t->mem));
    t->disk = arena_alloc(a, room * sizeof(*t->disk));
    t->cpus = arena_alloc(a, room * sizeof(*t->cpus));
    t->can = arena_alloc(a, room * sizeof(*t->can));
    t->zone = arena_alloc(a, room * sizeof(*t->zone));
    t->pool_class = arena_alloc(a, room * sizeof(*t->pool_class));
    t->same = arena_alloc(a, room * sizeof(*t->same));
    t->alone = arena_alloc(a, room * sizeof(*t->alone));
    t->pool = arena_alloc(a, room * sizeof(*t->pool));
    t->arch = arena_alloc(a, room);
    t->at = arena_alloc(a, (f->groups.n + 1) * sizeof(*t->at));
    t->cols = (struct place_hosts){.n = f->hosts.n,
                                   .name = t->name,
                                   .state = t->state,
                                   .vcpus_free = t->vcpus,
                                   .mem_free_mib = t->mem,
                                   .disk_free_bytes = t->disk,
                                   .cpus = t->cpus,
                                   .can = t->can,
                                   .zone = t->zone,
                                   .pool_class = t->pool_class,
                                   .arch = t->arch,
                                   .same = t->same};
}

static void
table_fill(const struct w_placing_facts *f, struct arena *a, struct table *t)
{
    table_alloc(f, a, t);
    for (size_t i = 0; i < f->hosts.n; i++) {
        const struct w_placing_host *h = &t->hosts[i];

        t->name[i] = h->name;
        t->ranges[i] = h->ranges;
        t->state[i] = (uint8_t)host_state_of(h->state);
        t->vcpus[i] = place_free(h->cpus, (uint32_t)h->cpu_overcommit_percent, h->vcpus_used);
        t->mem[i] = place_free(h->mem_mib, (uint32_t)h->mem_overcommit_percent, h->mem_used_mib);
        t->disk[i] = disk_free(h);
        t->cpus[i] = (uint32_t)h->cpus;
        t->can[i] = h->underlay ? PLACE_CAN_REACH : 0;
        t->zone[i] = word_number(t, h->zone);
        t->pool_class[i] = word_number(t, h->pool_class);
        t->pool[i] = word_number(t, h->pool);
        t->same[i] = h->same;
        t->alone[i] = h->alone;
        t->arch[i] = (uint8_t)place_arch_of(h->arch);
    }
}

/* Two networks of one host cannot use the same addresses. */
static bool
range_clash(const char *ranges, const char *cidr)
{
    char one[20];

    while (ranges != NULL && *ranges != '\0') {
        size_t n = strcspn(ranges, " ");

        (void)snprintf(one, sizeof(one), "%.*s", (int)n, ranges);
        if (cidr_overlap(one, cidr))
            return true;
        ranges += n + (ranges[n] == ' ');
    }
    return false;
}

static void
explain(const struct table *t, const struct place_ask *ask, const char *cidr, struct strbuf *b)
{
    size_t left_out = 0;
    char line[200];

    for (size_t i = 0; i < t->cols.n; i++) {
        if (t->why[i] == PLACE_FITS)
            continue;
        if (b->len > REASON_MAX) {
            left_out++;
            continue;
        }
        if (t->why[i] == PLACE_ELSEWHERE) /* ours: masked for its addresses */
            (void)snprintf(line, sizeof(line), "%s: a network there uses addresses of %s",
                           t->name[i], cidr);
        else
            (void)place_explain(&t->cols, ask, i, (enum place_why)t->why[i], line, sizeof(line));
        strbuf_addf(b, "%s%s", b->len > 0 ? "; " : "", line);
    }
    if (left_out > 0)
        strbuf_addf(b, "; and %zu more", left_out);
    if (t->cols.n == 0)
        strbuf_adds(b, "no host is enrolled");
}

static void
ask_fill(struct table *t, const struct w_placing_group *g, struct place_ask *ask)
{
    const struct w_placing_facts *f = t->facts;

    *ask = place_ask_new();
    ask->vcpus = (int64_t)g->vcpus;
    ask->mem_mib = (int64_t)g->mem_mib;
    ask->disk_bytes = (int64_t)g->bytes;
    ask->machines = g->machines;
    ask->largest_vcpus = g->largest_vcpus;
    ask->needs = spans(f, g) ? PLACE_CAN_REACH : 0;
    ask->zone = word_number(t, g->zone);
    ask->pool_class = word_number(t, g->pool_class);
    ask->arch = place_arch_of(g->arch);
    ask->apart = (enum place_apart)g->apart;
    ask->rule = f->rule == 0 ? PLACE_RULE_1 : (enum place_rule)f->rule;
    ask->room_vcpus = f->room_vcpus;
    ask->room_mem_mib = (int64_t)f->room_mem_mib;
    ask->room_disk_bytes = (int64_t)(f->room_disk_gib * GIB_BYTES);
}

/* Which hosts have a part of the group's network: before this decision, and by it. */
static void
parts_fill(struct table *t, size_t group)
{
    const struct w_placing_group *g = JM_ITEM(t->facts->groups, struct w_placing_group, group);

    t->cols.part = NULL;
    if (g->segment == NULL)
        return;
    memset(t->part, 0, t->cols.n + 1);
    for (size_t h = 0; h < t->cols.n; h++)
        t->part[h] = strstr(g->segment, t->hosts[h].id) != NULL;
    for (size_t i = 0; i < group; i++)
        if (same_segment(g, JM_ITEM(t->facts->groups, struct w_placing_group, i)) &&
            t->at[i] != PLACE_NOWHERE)
            t->part[t->at[i]] = 1;
    t->cols.part = t->part;
}

static bool
has_part(const struct table *t, size_t host)
{
    return t->cols.part != NULL && t->cols.part[host] != 0;
}

/* Ready hosts that are out for this group: their networks clash, or a machine of its system there
 * must be apart from others. */
static enum place_why
out_for(const struct table *t, const struct w_placing_group *g, size_t i)
{
    if (t->state[i] != HS_READY)
        return PLACE_FITS;
    if (g->machines > 0 && t->alone[i] > 0)
        return PLACE_APART;
    if (g->cidr[0] != '\0' && !has_part(t, i) && range_clash(t->ranges[i], g->cidr))
        return PLACE_ELSEWHERE;
    return PLACE_FITS;
}

/* Where the group goes. */
static size_t
choose(struct table *t, size_t group, struct arena *a, struct strbuf *why, struct strbuf *chosen)
{
    const struct w_placing_group *g = JM_ITEM(t->facts->groups, struct w_placing_group, group);
    uint8_t *kept = arena_alloc(a, t->cols.n + 1), *out = arena_alloc(a, t->cols.n + 1);
    struct place_sums sums;
    struct place_ask ask;
    char line[400];
    size_t at;

    ask_fill(t, g, &ask);
    parts_fill(t, group);
    memcpy(kept, t->state, t->cols.n);
    for (size_t i = 0; i < t->cols.n; i++) {
        out[i] = (uint8_t)out_for(t, g, i);
        if (out[i] != PLACE_FITS)
            t->state[i] = HS_NONE;
    }
    at = place(&t->cols, &ask, t->why, &sums);
    for (size_t i = 0; i < t->cols.n; i++)
        if (out[i] != PLACE_FITS && t->why[i] == PLACE_NOT_READY)
            t->why[i] = out[i];
    memcpy(t->state, kept, t->cols.n);
    explain(t, &ask, g->cidr, why);
    if (at != PLACE_NOWHERE && ask.rule != PLACE_RULE_1) {
        (void)place_explain_choice(&t->cols, &ask, at, &sums, line, sizeof(line));
        strbuf_adds(chosen, line);
    }
    return at;
}

/* Also for the other hosts of a shared pool. */
static void
take_disk(struct table *t, size_t i, int64_t bytes)
{
    for (size_t k = 0; k < t->cols.n; k++)
        if (k == i || (t->pool[i] != 0 && t->pool[k] == t->pool[i]))
            t->disk[k] -= bytes;
}

/* What the group takes is gone for the next one. */
static void
take_room(struct table *t, size_t i, const struct w_placing_group *g, struct arena *a)
{
    t->vcpus[i] -= (int64_t)g->vcpus;
    t->mem[i] -= (int64_t)g->mem_mib;
    take_disk(t, i, (int64_t)g->bytes);
    t->same[i] += g->machines;
    if (g->apart == APART_HARD)
        t->alone[i] += g->machines;
    if (g->cidr[0] != '\0' && !has_part(t, i))
        t->ranges[i] =
            t->ranges[i] == NULL ? g->cidr : arena_printf(a, "%s %s", t->ranges[i], g->cidr);
}

bool
placing_decide(const struct w_placing_facts *f, struct arena *a, struct w_placing_choices *out)
{
    struct w_placing_choice *c = arena_alloc(a, (f->groups.n + 1) * sizeof(*c));
    struct table t;
    bool all = true;

    table_fill(f, a, &t);
    for (size_t i = 0; i < f->groups.n; i++) {
        SCOPED(strbuf) struct strbuf why = {0}, chosen = {0};
        size_t at = choose(&t, i, a, &why, &chosen);

        t.at[i] = at;
        if (why.len > 0)
            c[i].reason = arena_strdup(a, strbuf_peek(&why));
        if (chosen.len > 0)
            c[i].chosen = arena_strdup(a, strbuf_peek(&chosen));
        if (at == PLACE_NOWHERE) {
            all = false;
            continue;
        }
        memcpy(c[i].host, t.hosts[at].id, sizeof(c[i].host));
        take_room(&t, at, JM_ITEM(f->groups, struct w_placing_group, i), a);
    }
    out->items = (struct jm_list){c, f->groups.n};
    return all;
}

const char *
placing_told(const char *reason, struct arena *a)
{
    const char *p = reason == NULL ? "" : reason;
    size_t shown = 0, left_out = 0;

    while (*p != '\0') {
        const char *next = strstr(p, "; ");
        size_t end = (size_t)((next == NULL ? p + strlen(p) : next) - reason), more = 0;

        if (sscanf(p, "and %zu more", &more) == 1)
            left_out += more;
        else if (left_out > 0 || (shown > 0 && end > TOLD_MAX))
            left_out++;
        else
            shown = end;
        p = next == NULL ? "" : next + 2;
    }
    if (left_out == 0)
        return reason == NULL ? "" : reason;
    return arena_printf(a, "%.*s; and %zu more", (int)shown, reason, left_out);
}

/* ---- both, for the record -------------------------------------------------------------------- */

static bool
is_chosen(const struct w_placing_choices *c, const char *host)
{
    for (size_t i = 0; i < c->items.n; i++)
        if (strcmp(JM_ITEM(c->items, struct w_placing_choice, i)->host, host) == 0)
            return true;
    return false;
}

static bool
same_hosts(const struct w_placing_choices *a, const struct w_placing_choices *b)
{
    for (size_t i = 0; i < a->items.n; i++)
        if (strcmp(JM_ITEM(a->items, struct w_placing_choice, i)->host,
                   JM_ITEM(b->items, struct w_placing_choice, i)->host) != 0)
            return false;
    return true;
}

/* Machines that stand where the group goes: those that were there, and those of groups before it.
 */
static bool
stands_beside(const struct w_placing_facts *f, const struct w_placing_choices *c, size_t group)
{
    const char *host = JM_ITEM(c->items, struct w_placing_choice, group)->host;

    for (size_t i = 0; i < f->hosts.n; i++) {
        const struct w_placing_host *h = JM_ITEM(f->hosts, struct w_placing_host, i);

        if (h->same > 0 && strcmp(h->id, host) == 0)
            return true;
    }
    for (size_t i = 0; i < group; i++)
        if (JM_ITEM(f->groups, struct w_placing_group, i)->machines > 0 &&
            strcmp(JM_ITEM(c->items, struct w_placing_choice, i)->host, host) == 0)
            return true;
    return false;
}

/* A few hosts besides the chosen ones, in their order; only if the decision is the same then. */
static void
keep_few(struct w_placing_facts *f, struct w_placing_choices *c, struct arena *a)
{
    struct w_placing_host *h = arena_alloc(a, (f->hosts.n + 1) * sizeof(*h));
    struct w_placing_facts few = *f;
    struct w_placing_choices again = {0};
    size_t others = PLACING_KEPT - 1;

    few.hosts = (struct jm_list){h, 0};
    for (size_t i = 0; i < f->hosts.n; i++) {
        const struct w_placing_host *one = JM_ITEM(f->hosts, struct w_placing_host, i);
        bool chosen = is_chosen(c, one->id);

        if (!chosen && others == 0)
            continue;
        others -= chosen ? 0 : 1;
        h[few.hosts.n++] = *one;
    }
    if (!placing_decide(&few, a, &again) || !same_hosts(c, &again))
        return;
    *f = few;
    *c = again;
}

struct search {
    struct tx *t;
    const struct expansion *x;
    const struct supersede *over;
    const struct w_policy *policy;
    struct arena *a;
    uint8_t *passed; /* of each place of the host table; NULL: none yet */
    struct hosttable_picked picked;
    struct w_placing_facts facts;
    struct w_placing_choices choices;
};

/* Of a few hosts none took it, or it stands beside another of its system though it should not:
 * there may be better ones. */
static bool
wants_more(const struct search *s, bool fits)
{
    if (s->picked.n != PLACING_FEW)
        return false; /* there are no more */
    for (size_t i = 0; i < s->facts.groups.n && fits; i++)
        if (JM_ITEM(s->facts.groups, struct w_placing_group, i)->apart == APART_SOFT)
            fits = !stands_beside(&s->facts, &s->choices, i);
    return !fits;
}

static int
look_at(struct search *s, size_t limit, bool *fits, struct err *e)
{
    if (gather(s->t, s->x, s->policy, limit, s->passed, s->a, &s->picked, &s->facts, e) < 0)
        return -1;
    if (s->over != NULL)
        supersede_take_room(s->over, &s->facts);
    *fits = placing_decide(&s->facts, s->a, &s->choices);
    return 0;
}

/* They had room and were refused, for what only a closer look can tell, as a range in use: there
 * is no need to look at them again.  False: too few to go on. */
static bool
pass_refused(struct search *s)
{
    size_t n = 0;

    if (s->passed == NULL) {
        s->passed = arena_alloc(s->a, hosttable_count(s->t->c->hosts) + 1);
        memset(s->passed, 0, hosttable_count(s->t->c->hosts) + 1);
    }
    for (size_t i = 0; i < s->picked.n; i++) {
        if (is_chosen(&s->choices, s->picked.hosts[i].id))
            continue;
        s->passed[s->picked.at[i]] = 1;
        n++;
    }
    return n > PLACING_MANY / 2;
}

int
placing_choose(struct tx *t, const struct expansion *x, const struct supersede *over,
               const struct w_policy *policy, struct arena *a, struct w_placing_facts *facts,
               struct w_placing_choices *choices, bool *fits, struct err *e)
{
    struct search s = {.t = t, .x = x, .over = over, .policy = policy, .a = a};

    if (look_at(&s, PLACING_FEW, fits, e) < 0 ||
        (wants_more(&s, *fits) && look_at(&s, PLACING_MANY, fits, e) < 0))
        return -1;
    *facts = s.facts; /* the fullest: theirs is the reason, when nobody takes it */
    *choices = s.choices;
    while (!*fits && s.picked.n == PLACING_MANY && s.picked.more && pass_refused(&s))
        if (look_at(&s, PLACING_MANY, fits, e) < 0)
            return -1;
    if (!*fits)
        return 0;
    *facts = s.facts;
    *choices = s.choices;
    keep_few(facts, choices, a);
    return 0;
}

int
placing_room_again(struct tx *t, const struct resource_row *r, uint32_t vcpus, uint64_t mem_mib,
                   struct arena *a, const char **why, struct err *e)
{
    struct expand_group need = {
        .vcpus = vcpus > r->promised_vcpus ? vcpus - r->promised_vcpus : 0,
        .mem_mib = mem_mib > r->promised_mem_mib ? mem_mib - r->promised_mem_mib : 0};
    const struct expansion x = {.groups = &need, .n_groups = 1};
    struct w_placing_facts facts;
    struct w_placing_choices choices;
    struct w_placing_host *host;
    struct w_policy policy;

    *why = NULL;
    if (need.vcpus == 0 && need.mem_mib == 0)
        return 0;
    if (policy_in_force(t->d, a, &policy, e) < 0 ||
        placing_gather_host(t, &x, &policy, r->host, a, &facts, e) < 0)
        return -1;
    host = facts.hosts.items;
    (void)snprintf(host->state, sizeof(host->state), "%s", host_state_name(HS_READY));
    if (!placing_decide(&facts, a, &choices))
        *why = JM_ITEM(choices.items, struct w_placing_choice, 0)->reason;
    return 0;
}
