#include "controller/supersede.h"

#include <stdio.h>
#include <string.h>

#include "controller/adoption.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/parts.h"
#include "controller/placing.h"
#include "controller/quota.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/paper.h"
#include "drivers/db/store_act.h"
#include "policies/model.h"
#include "policies/order_check.h"

#define USE_WINDOW_MS ((int64_t)7 * 86400000) /* real use is looked for so far back */
enum {
    NAMED_MAX = 5, /* in one sentence */
    ROOMS_MAX = 256
};

static const struct w_grant_line *
line_of(const struct w_grant *g, uint32_t line)
{
    for (size_t i = 0; i < g->lines.n; i++)
        if (JM_ITEM(g->lines, struct w_grant_line, i)->line == line)
            return JM_ITEM(g->lines, struct w_grant_line, i);
    return NULL;
}

/* ---- the two grants --------------------------------------------------------------------------
 */

static int
check_steps(struct tx *t, const struct grant_row *old, struct arena *a, struct err *e)
{
    struct grant_row g = *old;

    for (int n = 2; g.supersedes[0] != '\0'; n++) {
        if (n >= OC_STEPS_MAX)
            return err_field(e, BY_E_CONFLICT, "supersedes",
                             "%d grants have superseded one another up to %s: no host takes more "
                             "steps; apply anew",
                             OC_STEPS_MAX, old->number);
        if (grant_row_get(t->d, g.supersedes, a, &g, e) < 0)
            return -1;
    }
    return 0;
}

static int
grant_decode(const struct grant_row *row, struct arena *a, struct w_grant *out, struct err *e)
{
    struct w_envelope env;

    if (paper_parse(row->paper, strlen(row->paper), a, &env, e) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_SIGNED, a, out, e) < 0)
        return err_wrap(e, "grant %s", row->number);
    return 0;
}

static int
open_old(struct tx *t, const struct w_grant *g, struct arena *a, struct supersede *s, struct err *e)
{
    int rc = grant_row_find(t->d, g->supersedes, a, &s->row, e);

    if (rc < 0)
        return -1;
    if (rc == 0 || strcmp(s->row.system, g->system) != 0 || strcmp(s->row.unit, g->unit) != 0)
        return err_field(e, BY_E_INVALID, "supersedes", "there is no such grant of this system");
    if (s->row.superseded_by[0] != '\0')
        return err_field(e, BY_E_CONFLICT, "supersedes",
                         "grant %s was superseded by %s already: name the newest", s->row.number,
                         s->row.superseded_by);
    if (grant_decode(&s->row, a, &s->old, e) < 0)
        return -1;
    if (adoption_is(&s->old))
        return err_field(
            e, BY_E_CONFLICT, "supersedes",
            "grant %s took over machines that were there (存量), exactly as they are: it is "
            "not changed. For less the unit puts them into the recycle bin, or a plan "
            "of the bureau takes it; for more, apply for new machines",
            s->row.number);
    return check_steps(t, &s->row, a, e);
}

static int
bad_line(struct err *e, const struct w_grant_line *l, const char *what)
{
    return err_field(e, BY_E_INVALID, "lines", "line %u: %s", l->line, what);
}

static bool
continues(const struct w_grant_line *was, const struct w_grant_line *l)
{
    return was->kind == l->kind && strcmp(was->name, l->name) == 0 &&
           strcmp(was->image, l->image) == 0 && was->firmware == l->firmware &&
           was->format == l->format && strcmp(was->cidr, l->cidr) == 0 &&
           was->network_line == l->network_line && was->attach_line == l->attach_line &&
           was->deferred == l->deferred && strcmp(was->zone, l->zone) == 0 &&
           strcmp(was->pool_class, l->pool_class) == 0;
}

/* The n-th volume is made with the n-th machine, never for one that is there. */
static int
check_attached(const struct supersede *s, const struct w_grant_line *l, struct err *e)
{
    const struct w_grant_line *vm = line_of(&s->old, l->attach_line);
    const struct w_grant_line *was = line_of(&s->old, l->line);

    if (l->attach_line == 0 || vm == NULL || (was != NULL && was->count >= l->count))
        return 0;
    if (was != NULL && was->count == vm->count)
        return 0;
    return bad_line(e, l,
                    "its volumes would join machines that are there: leave attach_line out, the "
                    "unit attaches them");
}

/* The line that it continues: of the older grant, or, while something of it is in the recycle bin,
 * of the last one that gave it. */
static int
line_before(struct tx *t, const struct supersede *s, uint32_t line, struct arena *a,
            const struct w_grant_line **out, struct err *e)
{
    const struct w_grant *g = &s->old;

    *out = line_of(g, line);
    for (int n = 0; *out == NULL && s->top[line] > 0 && n < OC_STEPS_MAX; n++) {
        struct w_grant *older = arena_alloc(a, sizeof(*older));
        struct grant_row row;

        if (g->supersedes[0] == '\0')
            return 0;
        if (grant_row_get(t->d, g->supersedes, a, &row, e) < 0 ||
            grant_decode(&row, a, older, e) < 0)
            return -1;
        g = older;
        *out = line_of(g, line);
    }
    return 0;
}

static int
check_lines(struct tx *t, struct supersede *s, struct arena *a, struct err *e)
{
    for (size_t i = 0; i < s->g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(s->g->lines, struct w_grant_line, i);
        const struct w_grant_line *was;

        if (line_before(t, s, l->line, a, &was, e) < 0)
            return -1;
        if (was != NULL && !continues(was, l))
            return bad_line(e, l,
                            "it continues the older grant's line of this number and must have its "
                            "kind, name and parts; something new takes a new number");
        if (check_attached(s, l, e) < 0)
            return -1;
        if (was != NULL && !was->deferred && line_of(&s->old, l->line) != NULL)
            s->there[l->line].count = was->count;
        if (s->top[l->line] > s->there[l->line].count) /* what comes back from the bin */
            s->there[l->line].count = s->top[l->line];
    }
    return 0;
}

/* ---- the resources ---------------------------------------------------------------------------
 */

struct gather {
    struct tx *t;
    struct supersede *s;
    struct arena *a;
    size_t room;
};

static int
take_resource(void *arg, const struct resource_row *r, struct err *e)
{
    struct gather *g = arg;
    struct supersede *s = g->s;

    if (s->n == g->room) {
        size_t room = g->room == 0 ? 16 : g->room * 2;
        struct supersede_item *more = arena_alloc(g->a, room * sizeof(*more));

        if (s->n > 0)
            memcpy(more, s->items, s->n * sizeof(*more));
        s->items = more;
        g->room = room;
    }
    memset(&s->items[s->n], 0, sizeof(s->items[s->n]));
    s->items[s->n].r = *r;
    if (r->line <= EXPAND_LINES_MAX && r->ordinal > s->top[r->line])
        s->top[r->line] = r->ordinal;
    if (r->kind == RES_NETWORK && r->line != 0 && r->line <= EXPAND_LINES_MAX &&
        (r->wanted == WANT_PRESENT)) {
        struct expand_there *there = &s->there[r->line];

        memcpy(there->net.id, r->id, sizeof(there->net.id));
        memcpy(there->net.name, r->name, sizeof(there->net.name));
        memcpy(there->net.cidr, r->cidr, sizeof(there->net.cidr));
        memcpy(there->net.bridge, r->bridge, sizeof(there->net.bridge));
        there->host = arena_strdup(g->a, r->host);
        if (parts_segment(g->t->d, r->id, g->a, &there->segment, &there->spans, e) < 0)
            return -1;
    }
    s->n++;
    return 0;
}

static bool
in_ranges(const struct w_grant *g, const char *cidr)
{
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);

        if (l->kind == RES_NETWORK && cidr_within(l->cidr, cidr))
            return true;
    }
    return false;
}

static bool
is_leaving(const struct resource_row *r)
{
    return r->wanted == WANT_BINNED || r->wanted == WANT_ABSENT;
}

/* Under exact shape each by its line: what the unit asked to give up goes, what is in the bin stays
 * there.  Under free shape the totals bind, and are asked after. */
static bool
covered(const struct supersede *s, const struct supersede_item *it)
{
    const struct resource_row *r = &it->r;
    const struct w_grant_line *l = line_of(s->g, r->line);

    if (r->line == 0)
        return s->g->shape == SHAPE_FREE && (r->kind != RES_NETWORK || in_ranges(s->g, r->cidr));
    if (s->g->shape == SHAPE_FREE)
        return l != NULL && r->ordinal <= l->count;
    return true;
}

static bool
unit_asked(const struct supersede *s, const struct supersede_item *it)
{
    const struct w_grant_line *l;

    if (s->asked == NULL)
        return false;
    l = NULL;
    for (size_t i = 0; i < s->asked->lines.n; i++)
        if (JM_ITEM(s->asked->lines, struct w_grant_line, i)->line == it->r.line)
            l = JM_ITEM(s->asked->lines, struct w_grant_line, i);
    if (it->drops)
        return l == NULL || it->r.ordinal > l->count;
    return l != NULL && (it->vcpus >= it->r.vcpus || l->vcpus <= it->vcpus) &&
           (it->mem_mib >= it->r.mem_mib || l->mem_mib <= it->mem_mib);
}

/* Names of the items that fail, of whom there may be none. */
static size_t
name_items(const struct supersede *s,
           bool (*fine)(const struct supersede *, const struct supersede_item *),
           struct strbuf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        if (!fine(s, &s->items[i]) && n++ < NAMED_MAX)
            strbuf_addf(out, "%s%s", out->len > 0 ? ", " : "", s->items[i].r.name);
    if (n > NAMED_MAX)
        strbuf_addf(out, " and %zu more", n - NAMED_MAX);
    return n;
}

static bool
not_taken_away(const struct supersede *s, const struct supersede_item *it)
{
    return (!it->drops && !it->shrinks) || unit_asked(s, it);
}

static bool
not_cut(const struct supersede *s, const struct supersede_item *it)
{
    const struct w_grant_line *l = line_of(s->g, it->r.line);

    return s->g->shape == SHAPE_FREE || it->drops || is_leaving(&it->r) || l == NULL ||
           it->r.kind == RES_NETWORK || it->r.bytes <= l->disk_gib * GIB_BYTES;
}

/* A volume goes with its machine, or is taken off first. */
static bool
not_in_use(const struct supersede *s, const struct supersede_item *it)
{
    if (!it->drops || it->r.kind != RES_VOLUME || it->r.vm[0] == '\0')
        return true;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].r.id, it->r.vm) == 0)
            return s->items[i].drops || is_leaving(&s->items[i].r);
    return false;
}

static int
check_covered(const struct supersede *s, struct err *e)
{
    static const struct {
        bool (*fine)(const struct supersede *, const struct supersede_item *);
        const char *text;
    } rules[] = {
        {covered, "the new grant does not cover this: the unit makes it smaller or erases it "
                  "first, or a plan of the bureau does"},
        {not_cut,
         "the new grant gives less disk than that, and disks are never cut: the unit makes "
         "a smaller one, copies, and gives the larger one up"},
        {not_taken_away, "the new grant gives less than that, and the unit did not apply for less: "
                         "it does so, or a plan of the bureau takes it away"},
        {not_in_use, "the new grant does not give this, and a machine that stays has it: the unit "
                     "detaches it first"},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        SCOPED(strbuf) struct strbuf b = {0};

        if (name_items(s, rules[i].fine, &b) > 0)
            return err_field(e, BY_E_CONFLICT, "lines", "%s of grant %s: %s", strbuf_peek(&b),
                             s->row.number, rules[i].text);
    }
    return 0;
}

/* What is held, also by what is still in work, fits into the new totals. */
static int
check_totals(struct tx *t, const struct supersede *s, struct err *e)
{
    struct quota_size may;
    struct quota_sums has;
    size_t count = s->n;

    if (s->g->shape != SHAPE_FREE)
        return 0; /* each is within its line, or is given back */
    quota_size_granted(s->g, &may);
    if (quota_grant_sums(t->d, s->row.id, &has, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        int64_t held = has.by[m][QB_RESERVED] + has.by[m][QB_USED];

        if (held > may.by[m])
            return err_field(e, BY_E_CONFLICT, "lines",
                             "grant %s holds %lld of %s (what is in work counts with its larger "
                             "size), the new one gives %lld: the unit gives back first",
                             s->row.number, (long long)held,
                             quota_metric_name((enum quota_metric)m), (long long)may.by[m]);
    }
    for (size_t i = 0; i < s->g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(s->g->lines, struct w_grant_line, i);

        if (!l->deferred && l->count > s->there[l->line].count)
            count += l->count - s->there[l->line].count;
    }
    if (count > s->g->resources_max)
        return err_field(e, BY_E_CONFLICT, "resources_max",
                         "there would be %zu resources, the new grant allows %u at one time", count,
                         s->g->resources_max);
    return 0;
}

/* ---- what grows ------------------------------------------------------------------------------
 */

/* Up with its line; down only to what the line gives. */
static uint64_t
follow(uint64_t is, uint64_t was_line, uint64_t line)
{
    return is > line || line > was_line ? line : is;
}

static int
newest_order(struct tx *t, const struct resource_row *r, struct arena *a, struct w_order *o,
             struct err *e)
{
    struct order_row row;

    if (order_row_get(t->d, r->order, a, &row, e) < 0)
        return -1;
    return W_DECODE(order, row.body, strlen(row.body), JM_SIGNED, a, o, e);
}

static int
item_fill(struct tx *t, const struct supersede *s, struct supersede_item *it, struct arena *a,
          struct err *e)
{
    const struct resource_row *r = &it->r;
    const struct w_grant_line *was = line_of(&s->old, r->line), *l = line_of(s->g, r->line);
    struct w_order o;

    it->vcpus = r->vcpus;
    it->mem_mib = r->mem_mib;
    it->bytes = r->bytes;
    it->given = s->g->shape == SHAPE_FREE || (l != NULL && r->ordinal <= l->count);
    if (s->g->shape == SHAPE_FREE || is_leaving(r))
        return 0; /* under free shape the unit sizes by itself */
    it->drops = r->line != 0 && !it->given;
    if (it->drops || r->kind == RES_NETWORK || l == NULL || was == NULL)
        return 0;
    it->vcpus = (uint32_t)follow(r->vcpus, was->vcpus, l->vcpus);
    it->mem_mib = follow(r->mem_mib, was->mem_mib, l->mem_mib);
    it->bytes = follow(r->bytes, was->disk_gib * GIB_BYTES, l->disk_gib * GIB_BYTES);
    it->grows = it->vcpus > r->vcpus || it->mem_mib > r->mem_mib || it->bytes > r->bytes;
    it->shrinks = it->vcpus < r->vcpus || it->mem_mib < r->mem_mib;
    if ((!it->grows && !it->shrinks) || r->kind != RES_VM)
        return 0;
    if (newest_order(t, r, a, &o, e) < 0)
        return -1;
    it->restart = r->wanted == WANT_RUNNING &&
                  (it->shrinks || it->vcpus > o.vm.vcpus_max || it->mem_mib > o.vm.mem_max_mib ||
                   (it->mem_mib - r->mem_mib) % REC_DIMM_MIB != 0);
    return 0;
}

/* R36: what the guest really uses of its memory, where its line gives less than it has. */
static int
warn_use(struct tx *t, const struct supersede *s, struct supersede_item *it, struct arena *a,
         struct err *e)
{
    const struct w_grant_line *l = line_of(s->g, it->r.line);
    int64_t slots = 0, peak = 0, used;

    if (it->r.kind != RES_VM || l == NULL || it->mem_mib >= it->r.mem_mib)
        return 0;
    if (self_mem_peak(t->d, it->r.id, t->now_ms - USE_WINDOW_MS, &slots, &peak, e) < 0)
        return -1;
    used = (peak * (int64_t)it->r.mem_mib + 9999) / 10000;
    if (slots > 0 && used <= (int64_t)l->mem_mib)
        return 0;
    if (slots == 0)
        it->warning = arena_printf(a,
                                   "what %s really uses of its memory is unknown: it may not fit "
                                   "into %llu MiB",
                                   it->r.name, (unsigned long long)l->mem_mib);
    else
        it->warning = arena_printf(a,
                                   "%s has used up to %lld MiB of its memory in the last 7 days: "
                                   "more than %llu MiB",
                                   it->r.name, (long long)used, (unsigned long long)l->mem_mib);
    return 0;
}

int
supersede_check(struct tx *t, const struct w_grant *g, const struct w_application *asked,
                struct arena *a, struct supersede *s, struct err *e)
{
    struct gather to = {t, s, a, 0};

    *s = (struct supersede){.g = g, .asked = asked};
    if (open_old(t, g, a, s, e) < 0 ||
        resource_each_of_grant(t->d, s->row.id, a, take_resource, &to, e) < 0 ||
        check_lines(t, s, a, e) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        if (item_fill(t, s, &s->items[i], a, e) < 0 || warn_use(t, s, &s->items[i], a, e) < 0)
            return err_wrap(e, "%s", s->items[i].r.name);
    return check_covered(s, e) < 0 ? -1 : check_totals(t, s, e);
}

void
supersede_changes(const struct supersede *s, struct arena *a, struct jm_list *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct supersede_item *it = &s->items[i];
        struct w_grant_change *c;

        if (!it->grows && !it->shrinks && !it->drops && it->warning == NULL)
            continue;
        c = listing_add(out, sizeof(*c), a);
        memcpy(c->resource, it->r.id, sizeof(c->resource));
        c->kind = it->r.kind;
        memcpy(c->name, it->r.name, sizeof(c->name));
        c->before_vcpus = it->r.vcpus;
        c->before_mem_mib = it->r.mem_mib;
        c->before_bytes = it->r.bytes;
        c->binned = it->drops;
        c->after_vcpus = it->drops ? 0 : it->vcpus;
        c->after_mem_mib = it->drops ? 0 : it->mem_mib;
        c->after_bytes = it->bytes;
        c->restart = it->restart;
        c->warning = it->warning;
    }
}

/* ---- room ------------------------------------------------------------------------------------
 */

static struct expand_group *
room_of(struct supersede_need *rooms, size_t *n, const char *host)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(rooms[i].host, host) == 0)
            return &rooms[i].need;
    rooms[*n].host = host;
    return &rooms[(*n)++].need;
}

static uint64_t
beyond(uint64_t now, uint64_t after)
{
    return after > now ? after - now : 0;
}

static void
need_add(struct expand_group *to, uint64_t vcpus, uint64_t mem_mib, uint64_t bytes,
         uint32_t largest)
{
    to->vcpus += vcpus;
    to->mem_mib += mem_mib;
    to->disk_bytes += bytes;
    if (largest > to->largest_vcpus)
        to->largest_vcpus = largest;
}

static const char *
as_text(const struct jm_field *schema, const void *what, struct arena *a)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema, what, &b);
    return arena_strdup(a, strbuf_peek(&b));
}

static void
room_note(struct supersede *s, const struct w_placing_facts *facts,
          const struct w_placing_choices *choices, struct arena *a)
{
    struct w_grant_room *out;

    if (s->rooms.n >= ROOMS_MAX)
        return;
    out = listing_add(&s->rooms, sizeof(*out), a);
    out->facts = as_text(schema_placing_facts, facts, a);
    out->choices = as_text(schema_placing_choices, choices, a);
}

/* What grows on one host of a shared pool is gone for what grows on another. */
static void
room_in_pool(const struct supersede *s, struct supersede_need *r, struct w_placing_facts *facts)
{
    struct w_placing_host *h = JM_ITEM(facts->hosts, struct w_placing_host, 0);

    memcpy(r->pool, h->pool, sizeof(r->pool));
    for (const struct supersede_need *before = s->needs; before < r; before++)
        if (r->pool[0] != '\0' && strcmp(before->pool, r->pool) == 0)
            h->pool_used_bytes += before->need.disk_bytes;
}

static int
room_ask(struct tx *t, struct supersede *s, struct supersede_need *r, const struct w_policy *policy,
         struct arena *a, const char **why, struct err *e)
{
    struct expand_group need = r->need;
    struct expansion x = {.groups = &need, .n_groups = 1};
    struct w_placing_facts facts = {0};
    struct w_placing_choices choices = {0};
    bool fits;

    if (placing_gather_host(t, &x, policy, r->host, a, &facts, e) < 0)
        return -1;
    room_in_pool(s, r, &facts);
    fits = placing_decide(&facts, a, &choices);
    room_note(s, &facts, &choices, a);
    if (!fits)
        *why = arena_printf(
            a, "what grows has no room where it stands (%llu vCPUs, %llu MiB, %llu GiB more): %s",
            (unsigned long long)need.vcpus, (unsigned long long)need.mem_mib,
            (unsigned long long)(need.disk_bytes / GIB_BYTES),
            JM_ITEM(choices.items, struct w_placing_choice, 0)->reason);
    return 0;
}

int
supersede_rooms(struct tx *t, struct supersede *s, const struct expansion *x,
                const struct w_policy *policy, struct arena *a, const char **why, const char **host,
                struct err *e)
{
    struct supersede_need *rooms = arena_alloc(a, (s->n + x->n_groups + 1) * sizeof(*rooms));
    size_t n = 0;

    *why = *host = NULL;
    s->rooms = (struct jm_list){0};
    for (size_t i = 0; i < s->n; i++) {
        const struct supersede_item *it = &s->items[i];

        if (it->grows)
            need_add(room_of(rooms, &n, it->r.host), beyond(it->r.vcpus, it->vcpus),
                     beyond(it->r.mem_mib, it->mem_mib), beyond(it->r.bytes, it->bytes), it->vcpus);
    }
    for (size_t i = 0; i < x->n_groups; i++)
        if (x->groups[i].pinned != NULL)
            need_add(room_of(rooms, &n, x->groups[i].pinned), x->groups[i].vcpus,
                     x->groups[i].mem_mib, x->groups[i].disk_bytes, x->groups[i].largest_vcpus);
    s->needs = rooms;
    s->n_needs = n;
    for (size_t i = 0; i < n && *why == NULL; i++) {
        if (room_ask(t, s, &rooms[i], policy, a, why, e) < 0)
            return -1;
        *host = *why == NULL ? NULL : rooms[i].host;
    }
    return 0;
}

void
supersede_take_room(const struct supersede *s, struct w_placing_facts *facts)
{
    for (size_t i = 0; i < s->n_needs; i++)
        for (size_t k = 0; k < facts->hosts.n; k++) {
            struct w_placing_host *h = JM_ITEM(facts->hosts, struct w_placing_host, k);
            const struct expand_group *need = &s->needs[i].need;

            if (h->pool[0] != '\0' && strcmp(h->pool, s->needs[i].pool) == 0)
                h->pool_used_bytes += need->disk_bytes;
            if (strcmp(h->id, s->needs[i].host) != 0)
                continue;
            h->vcpus_used += need->vcpus;
            h->mem_used_mib += need->mem_mib;
            h->bytes_used += need->disk_bytes;
        }
}

/* ---- what comes back ---- */

int
supersede_gives(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e)
{
    uint32_t vcpus = r->wanted == WANT_BINNED ? r->vcpus : r->prior_vcpus;
    uint64_t mem_mib = r->wanted == WANT_BINNED ? r->mem_mib : r->prior_mem_mib;
    const struct w_grant_line *l;
    struct grant_row row;
    struct w_grant g;

    if (grant_row_get(t->d, r->grant, a, &row, e) < 0)
        return -1;
    if (row.supersedes[0] == '\0')
        return 0; /* it made it */
    if (grant_decode(&row, a, &g, e) < 0)
        return -1;
    l = line_of(&g, r->line);
    if (g.shape == SHAPE_FREE ||
        (l != NULL && r->ordinal <= l->count &&
         (r->kind != RES_VM || (vcpus <= l->vcpus && mem_mib <= l->mem_mib))))
        return 0;
    return err_set(e, BY_E_CONFLICT,
                   "grant %s does not give %s any more, or not so large: apply for a change that "
                   "gives it, then it can come back",
                   row.number, r->name);
}
