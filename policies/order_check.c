#include "policies/order_asked.h"

#include <string.h>

bool
oc_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

/* Equal, or both not given. */
static bool
alike(const char *a, const char *b)
{
    bool none_a = a == NULL || a[0] == '\0', none_b = b == NULL || b[0] == '\0';

    return (none_a && none_b) || oc_same(a, b);
}

/* ---- grants that supersede one another: one family, and the newest counts ---- */

static const struct oc_grant *
grant_find(const struct oc_papers *p, const char *id)
{
    for (size_t i = 0; i < p->n_grants; i++)
        if (oc_same(p->grants[i].id, id))
            return &p->grants[i];
    return NULL;
}

/* The one that supersedes g, or NULL; *forked when there are two. */
static const struct oc_grant *
grant_after(const struct oc_papers *p, const struct oc_grant *g, bool *forked)
{
    const struct oc_grant *found = NULL;

    for (size_t i = 0; i < p->n_grants; i++) {
        if (!oc_same(p->grants[i].supersedes, g->id))
            continue;
        *forked = *forked || (found != NULL && !oc_same(found->id, p->grants[i].id));
        found = &p->grants[i];
    }
    return found;
}

/* From the newest that is here down to the first: all of one system, each known. */
static enum oc_reason
check_family(struct asked *q)
{
    const struct oc_grant *g = q->named, *up;
    bool forked = false;

    for (size_t i = 0; (up = grant_after(q->papers, g, &forked)) != NULL; i++) {
        if (i == OC_STEPS_MAX)
            return OC_FORKED;
        g = up;
    }
    for (q->grant = g; g != NULL; g = grant_find(q->papers, g->supersedes)) {
        if (q->n_family == OC_STEPS_MAX)
            return OC_FORKED;
        if (!oc_same(g->system, q->grant->system))
            return OC_OTHER_SYSTEM;
        if (oc_same(g->id, q->named->id))
            q->at = q->n_family;
        q->family[q->n_family++] = g;
        if (g->supersedes == NULL || g->supersedes[0] == '\0')
            break;
    }
    if (g == NULL)
        return OC_NO_OLDER_GRANT;
    for (size_t i = 0; i < q->n_family; i++)
        (void)grant_after(q->papers, q->family[i], &forked);
    return forked ? OC_FORKED : OC_OK;
}

/* Of this family, from the member at `from` on (0: any). */
bool
oc_in_family(const struct asked *q, const char *grant, size_t from)
{
    for (size_t i = from; i < q->n_family; i++)
        if (oc_same(q->family[i]->id, grant))
            return true;
    return false;
}

static enum oc_reason
check_address(struct asked *q)
{
    enum oc_reason r;

    if (!oc_same(q->o->host, q->host->id))
        return OC_OTHER_HOST;
    if (q->o->incarnation != q->host->incarnation)
        return OC_OTHER_INCARNATION;
    if (q->named == NULL || !oc_same(q->o->grant, q->named->id))
        return OC_OTHER_GRANT;
    r = check_family(q);
    if (r != OC_OK)
        return r;
    return oc_same(q->o->system, q->grant->system) ? OC_OK : OC_OTHER_SYSTEM;
}

static const struct oc_line *
line_of(const struct oc_grant *g, uint32_t line)
{
    const struct oc_line *found = NULL;

    for (size_t i = 0; i < g->n_lines; i++)
        if (g->lines[i].line == line)
            found = &g->lines[i];
    return found;
}

static bool
line_has(const struct oc_line *l, const struct oc_order *o)
{
    return l != NULL && o->ordinal >= 1 && o->ordinal <= l->count && o->kind == l->kind;
}

/* What goes may be of a line, and as large, as an older grant of the family gave. */
static const struct oc_line *
line_before(const struct asked *q)
{
    const struct oc_order *o = q->o;

    for (size_t i = 0; i < q->n_family; i++) {
        const struct oc_line *l = line_of(q->family[i], o->line);

        if (!q->family[i]->free && line_has(l, o) && o->vcpus <= l->vcpus &&
            o->mem_mib <= l->mem_mib && (o->kind == MO_NETWORK || o->bytes <= l->disk_bytes))
            return l;
    }
    return NULL;
}

static enum oc_reason
check_line(struct asked *q)
{
    if (q->grant->free && q->o->line == 0)
        return OC_OK; /* of no line: within the totals */
    q->line = line_of(q->grant, q->o->line);
    q->dropped = !q->grant->free && !line_has(q->line, q->o);
    if (!q->grant->free && (q->o->verb == MO_BIN || q->o->verb == MO_ERASE)) {
        const struct oc_line *l = line_before(q);

        if (l != NULL) {
            q->line = l;
            return OC_OK;
        }
    }
    if (q->line == NULL)
        return OC_NO_LINE;
    if (q->o->ordinal < 1 || q->o->ordinal > q->line->count)
        return OC_NO_ORDINAL;
    return q->o->kind == q->line->kind ? OC_OK : OC_OTHER_KIND;
}

static bool
none(const char *s)
{
    return s == NULL || s[0] == '\0';
}

/* The grant line names a machine that was there. A grant of free shape has no such lines. */
static bool
line_adopts(const struct asked *q)
{
    return q->line != NULL && !none(q->line->adopt);
}

static enum oc_reason
check_sense(struct asked *q)
{
    bool vm = q->o->kind == MO_VM, fine = false;
    bool kept =
        vm ? q->o->wanted == MO_RUNNING || q->o->wanted == MO_STOPPED : q->o->wanted == MO_PRESENT;

    switch (q->o->verb) {
    case MO_CREATE: /* what was there is taken over, and only that */
        fine = kept && !line_adopts(q);
        break;
    case MO_ADOPT:
        fine = kept && vm && line_adopts(q) && !q->grant->free;
        break;
    case MO_RESTORE:
    case MO_CHANGE:
        fine = kept;
        break;
    case MO_RESIZE:
        fine = kept && q->o->kind != MO_NETWORK;
        break;
    case MO_DOWNGRADE:
    case MO_POWER:
        fine = kept && vm;
        break;
    case MO_BIN:
        fine = q->o->wanted == MO_BINNED;
        break;
    case MO_ERASE:
        fine = q->o->wanted == MO_ABSENT;
        break;
    case MO_VERB__MAX:
        break;
    }
    return fine && q->o->resource != NULL && q->o->resource[0] != '\0' ? OC_OK : OC_NONSENSE;
}

/* An expired grant makes nothing more; what takes away, or stops, stays possible. */
static enum oc_reason
check_time(struct asked *q)
{
    bool makes = q->o->verb == MO_CREATE || q->o->verb == MO_ADOPT || q->o->verb == MO_RESIZE ||
                 q->o->verb == MO_RESTORE || q->o->verb == MO_CHANGE ||
                 (q->o->verb == MO_POWER && q->o->wanted == MO_RUNNING);

    if (q->o->issued_at_ms > q->host->now_ms + OC_SKEW_MS)
        return OC_FUTURE;
    if (makes && (q->o->issued_at_ms < q->named->valid_from_ms ||
                  q->o->issued_at_ms > q->named->valid_to_ms))
        return OC_NOT_VALID;
    return OC_OK;
}

/* Exactly the machine that the bureau signed for, which has no part of our making. */
static enum oc_reason
check_existing(const struct asked *q)
{
    const struct oc_order *o = q->o;

    if (!alike(o->adopt, q->line->adopt))
        return OC_OTHER_MACHINE;
    if (none(o->adopt))
        return none(o->root) || none(o->seed) ? OC_NONSENSE : OC_OK;
    if (!oc_same(o->resource, q->line->adopt_id) || !oc_same(q->host->id, q->line->adopt_host))
        return OC_OTHER_MACHINE;
    return none(o->image) && none(o->root) && none(o->seed) && o->n_nics == 0 && o->n_volumes == 0
               ? OC_OK
               : OC_NONSENSE;
}

static enum oc_reason
check_vm_fits(const struct asked *q)
{
    const struct oc_order *o = q->o;
    enum oc_reason existing = check_existing(q);

    if (existing != OC_OK)
        return existing;

    if (o->vcpus < 1 || o->vcpus > q->line->vcpus || o->mem_mib < 1 ||
        o->mem_mib > q->line->mem_mib || o->bytes > q->line->disk_bytes)
        return OC_TOO_LARGE;
    if (o->vcpus_max < o->vcpus || o->mem_max_mib < o->mem_mib)
        return OC_NONSENSE;
    if (none(o->adopt) && !oc_same(o->image, q->line->image))
        return OC_OTHER_IMAGE;
    return q->line->firmware == 0 || o->firmware == q->line->firmware ? OC_OK : OC_OTHER_FIRMWARE;
}

/* ---- grants of free shape: what the lines give in all, however the unit cuts it ---- */

struct amounts {
    uint64_t vcpus, mem_mib, bytes, networks, count;
};

static bool
runs(const struct oc_order *o)
{
    return o->wanted == MO_RUNNING || o->wanted == MO_STOPPED;
}

static void
amount_add(struct amounts *t, const struct oc_order *o)
{
    t->count++;
    t->networks += o->kind == MO_NETWORK;
    if (o->kind != MO_NETWORK)
        t->bytes += o->bytes;
    if (o->kind == MO_VM && runs(o)) { /* the recycle bin frees processors and memory */
        t->vcpus += o->vcpus;
        t->mem_mib += o->mem_mib;
    }
}

static struct amounts
totals(const struct oc_grant *g)
{
    struct amounts t = {.count = g->resources_max};

    for (size_t i = 0; i < g->n_lines; i++) {
        const struct oc_line *l = &g->lines[i];

        t.networks += l->kind == MO_NETWORK ? l->count : 0;
        t.bytes += l->kind != MO_NETWORK ? l->disk_bytes * l->count : 0;
        t.vcpus += l->kind == MO_VM ? (uint64_t)l->vcpus * l->count : 0;
        t.mem_mib += l->kind == MO_VM ? l->mem_mib * l->count : 0;
    }
    return t;
}

/* What this host holds of the grant, with this order in place of the one before it. */
static struct amounts
held_with(const struct asked *q)
{
    struct amounts t = {0};

    amount_add(&t, q->o);
    for (size_t i = 0; i < q->papers->n_held; i++) {
        const struct oc_held *h = &q->papers->held[i];

        if (!h->gone && oc_in_family(q, h->order.grant, 0) &&
            !oc_same(h->order.resource, q->o->resource))
            amount_add(&t, &h->order);
    }
    return t;
}

static const struct oc_held *
held_of(const struct asked *q, const char *resource)
{
    const struct oc_held *found = NULL;

    for (size_t i = 0; i < q->papers->n_held; i++)
        if (oc_same(q->papers->held[i].order.resource, resource))
            found = &q->papers->held[i];
    return found;
}

/* ---- what plans of the bureau took from them ---- */

/* Signed under the grant that counts now: one that supersedes says its totals anew. */
static bool
plan_binds(const struct asked *q, size_t at)
{
    const struct oc_plan *p = &q->papers->plans[at];

    for (size_t i = 0; i < at; i++)
        if (oc_same(q->papers->plans[i].id, p->id))
            return false; /* signed twice, it takes once */
    return oc_same(p->grant, q->grant->id) && oc_same(p->system, q->grant->system);
}

/* The bureau has returned since what the plan took from this resource. */
static bool
is_returned(const struct asked *q, const struct oc_plan *p, const char *resource)
{
    for (size_t i = 0; i < q->papers->n_plans; i++) {
        const struct oc_plan *r = &q->papers->plans[i];

        if (r->issued_at_ms <= p->issued_at_ms || !oc_same(r->grant, p->grant))
            continue;
        for (size_t k = 0; k < r->n_lines; k++)
            if (r->lines[k].verb == MO_RESTORE && oc_same(r->lines[k].resource, resource))
                return true;
    }
    return false;
}

static void
take_from(uint64_t *total, uint64_t less)
{
    *total -= less < *total ? less : *total;
}

static void
lower_by(const struct asked *q, const struct oc_plan *p, const struct oc_plan_line *l,
         struct amounts *t)
{
    const struct oc_held *h = held_of(q, l->resource);

    if ((l->less_vcpus == 0 && l->less_mem_mib == 0 && l->less_bytes == 0) ||
        l->not_before_ms > q->host->now_ms || is_returned(q, p, l->resource))
        return;
    take_from(&t->vcpus, l->less_vcpus);
    take_from(&t->mem_mib, l->less_mem_mib);
    if (h == NULL || h->gone) /* a disk is held until it is overwritten, and taken then */
        take_from(&t->bytes, l->less_bytes);
}

/* What the unit may have now. */
static struct amounts
totals_now(const struct asked *q)
{
    struct amounts t = totals(q->grant);

    for (size_t i = 0; i < q->papers->n_plans; i++)
        for (size_t k = 0; plan_binds(q, i) && k < q->papers->plans[i].n_lines; k++)
            lower_by(q, &q->papers->plans[i], &q->papers->plans[i].lines[k], &t);
    return t;
}

/* Nothing of it is more than it was, or, when the receipt was lost and it takes away, than all of
 * the grant. */
static bool
brings_nothing(const struct asked *q)
{
    const struct oc_held *h = held_of(q, q->o->resource);
    const struct oc_order *o = q->o;
    bool takes = o->wanted == MO_BINNED || o->wanted == MO_ABSENT ||
                 (o->verb == MO_POWER && o->wanted == MO_STOPPED);

    if (h == NULL)
        return takes && (o->kind == MO_NETWORK || o->bytes <= totals(q->grant).bytes);
    return (takes || !h->gone) && o->vcpus <= h->order.vcpus && o->mem_mib <= h->order.mem_mib &&
           o->bytes <= h->order.bytes && (takes || !runs(o) || runs(&h->order));
}

/* What is there already is never refused, whoever else has too much. */
static enum oc_reason
check_totals(const struct asked *q)
{
    struct amounts may = totals_now(q), have = held_with(q);

    if (brings_nothing(q))
        return OC_OK;
    if (have.count > may.count)
        return OC_TOO_MANY;
    return have.vcpus > may.vcpus || have.mem_mib > may.mem_mib || have.bytes > may.bytes ||
                   have.networks > may.networks
               ? OC_EXCEEDS
               : OC_OK;
}

/* An address range as first address and size; false when it is none. */
static bool
range_parse(const char *cidr, uint64_t *first, uint64_t *size)
{
    uint64_t part[5] = {0};
    size_t n = 0;
    bool digit = false;

    for (const char *p = cidr; p != NULL && *p != '\0'; p++) {
        if (*p >= '0' && *p <= '9') {
            part[n] = part[n] * 10 + (uint64_t)(*p - '0');
            digit = true;
            if (part[n] > 255)
                return false;
        } else if (digit && n < 4 && *p == (n < 3 ? '.' : '/')) {
            n++;
            digit = false;
        } else {
            return false;
        }
    }
    if (n != 4 || !digit || part[4] > 32)
        return false;
    *size = UINT64_C(1) << (32 - part[4]);
    *first = (part[0] << 24 | part[1] << 16 | part[2] << 8 | part[3]) & ~(*size - 1);
    return true;
}

/* The unit's own ranges lie within those of the grant's network lines. */
static enum oc_reason
check_range(const struct asked *q)
{
    uint64_t first, size, a, n;

    if (!range_parse(q->o->cidr, &first, &size))
        return OC_OTHER_RANGE;
    for (size_t i = 0; i < q->grant->n_lines; i++)
        if (q->grant->lines[i].kind == MO_NETWORK && range_parse(q->grant->lines[i].cidr, &a, &n) &&
            first >= a && first + size <= a + n)
            return OC_OK;
    return OC_OTHER_RANGE;
}

static enum oc_reason
check_vm_free(const struct asked *q)
{
    const struct oc_order *o = q->o;
    struct amounts may = totals(q->grant);

    if (!none(o->adopt))
        return OC_OTHER_MACHINE;
    if (none(o->root) || none(o->seed))
        return OC_NONSENSE;
    if (o->vcpus < 1 || o->mem_mib < 1 || o->bytes < 1 || o->vcpus_max < o->vcpus ||
        o->mem_max_mib < o->mem_mib)
        return OC_NONSENSE;
    if (o->vcpus_max > may.vcpus || o->mem_max_mib > may.mem_mib)
        return OC_TOO_LARGE;
    for (size_t i = 0; i < q->grant->n_lines; i++)
        if (q->grant->lines[i].kind == MO_VM && oc_same(o->image, q->grant->lines[i].image))
            return OC_OK;
    return OC_OTHER_IMAGE;
}

static enum oc_reason
check_free(const struct asked *q)
{
    enum oc_reason r = OC_OK;

    if (q->o->kind == MO_VM)
        r = check_vm_free(q);
    else if (q->o->kind == MO_VOLUME)
        r = q->o->bytes < 1 ? OC_NONSENSE : OC_OK;
    else
        r = check_range(q);
    return r != OC_OK ? r : check_totals(q);
}

static enum oc_reason
check_fits(struct asked *q)
{
    int format;

    if (q->grant->free)
        return check_free(q);
    format = q->line->format != 0 ? q->line->format : q->host->format_default;
    switch (q->o->kind) {
    case MO_VM:
        return check_vm_fits(q);
    case MO_VOLUME:
        if (q->o->bytes < 1 || q->o->bytes > q->line->disk_bytes)
            return OC_TOO_LARGE;
        return q->o->format == format ? OC_OK : OC_OTHER_FORMAT;
    case MO_NETWORK:
        return oc_same(q->o->cidr, q->line->cidr) ? OC_OK : OC_OTHER_RANGE;
    }
    return OC_OTHER_KIND;
}

static enum oc_reason
check_plan(struct asked *q)
{
    const struct oc_plan *p = NULL;

    for (size_t i = 0; i < q->papers->n_plans; i++)
        if (oc_same(q->o->authority_id, q->papers->plans[i].id))
            p = &q->papers->plans[i];
    if (p == NULL)
        return OC_NO_PLAN;
    if (!oc_in_family(q, p->grant, 0) || !oc_same(p->system, q->grant->system))
        return OC_OTHER_PLAN;
    for (size_t i = 0; i < p->n_lines; i++)
        if (p->lines[i].kind == q->o->kind && p->lines[i].verb == q->o->verb &&
            oc_same(p->lines[i].resource, q->o->resource))
            q->plan_line = &p->lines[i];
    q->plan = p;
    if (q->plan_line == NULL)
        return OC_NOT_IN_PLAN;
    if ((q->o->verb == MO_DOWNGRADE || (q->o->verb == MO_RESTORE && q->o->kind == MO_VM)) &&
        (q->o->vcpus != q->plan_line->vcpus || q->o->mem_mib != q->plan_line->mem_mib))
        return OC_NOT_AS_PLANNED;
    return OC_OK;
}

/* Making is the grant's; taking away is the bureau's plan or the unit's own act; what a unit may
 * undo and switch by itself may come from either; a return is the bureau's. */
static enum oc_reason
check_authority(struct asked *q)
{
    bool grant = q->o->authority == MO_BY_GRANT && oc_same(q->o->authority_id, q->named->id);
    bool unit = q->o->authority == MO_BY_UNIT && q->o->authority_id != NULL &&
                q->o->authority_id[0] != '\0';

    switch (q->o->verb) {
    case MO_CREATE:
        return grant || (unit && q->grant->free) ? OC_OK : OC_NO_AUTHORITY;
    case MO_CHANGE:
        return unit ? OC_OK : OC_NO_AUTHORITY;
    case MO_ADOPT:
        return grant ? OC_OK : OC_NO_AUTHORITY;
    case MO_RESIZE:
    case MO_POWER:
        return grant || unit ? OC_OK : OC_NO_AUTHORITY;
    case MO_RESTORE:
        if (grant || unit)
            return OC_OK;
        return q->o->authority == MO_BY_PLAN ? check_plan(q) : OC_NO_AUTHORITY;
    case MO_DOWNGRADE:
        return q->o->authority == MO_BY_PLAN ? check_plan(q) : OC_NO_AUTHORITY;
    case MO_BIN: /* also what the bureau signed away, never straight to overwriting */
        if (grant && q->dropped)
            return OC_OK;
        /* fall through */
    case MO_ERASE: /* a further part of a network holds nothing: it goes with its last machine */
        if (grant && q->o->kind == MO_NETWORK && !none(q->o->part_of))
            return OC_OK;
        if (unit)
            return OC_OK;
        return q->o->authority == MO_BY_PLAN ? check_plan(q) : OC_NO_AUTHORITY;
    case MO_VERB__MAX:
        break;
    }
    return OC_NO_AUTHORITY;
}

static enum oc_reason
check_newer(struct asked *q)
{
    const struct oc_order *a;

    q->old = held_of(q, q->o->resource);
    if (q->old == NULL)
        return OC_OK;
    a = &q->old->order;
    if (a->term == q->o->term && a->generation == q->o->generation)
        return oc_same(a->id, q->o->id) ? OC_SAME : OC_FORGED;
    if (q->o->term < a->term || (q->o->term == a->term && q->o->generation < a->generation))
        return OC_OLDER;
    return OC_OK;
}

/* A plan of the bureau gave this resource exactly these sizes, perhaps by an order that was missed
 * while the host was away. */
static bool
is_planned_size(const struct asked *q)
{
    for (size_t i = 0; i < q->papers->n_plans; i++) {
        const struct oc_plan *p = &q->papers->plans[i];

        if (!oc_in_family(q, p->grant, 0) || !oc_same(p->system, q->grant->system))
            continue;
        for (size_t k = 0; k < p->n_lines; k++)
            if (p->lines[k].verb == MO_DOWNGRADE && p->lines[k].not_before_ms <= q->host->now_ms &&
                oc_same(p->lines[k].resource, q->o->resource) && p->lines[k].vcpus == q->o->vcpus &&
                p->lines[k].mem_mib == q->o->mem_mib)
                return true;
    }
    return false;
}

/* Exactly what a newer grant of the bureau gives where it gives less: an order of a grant alone is
 * never below its own line. */
static bool
is_granted_size(const struct asked *q, const struct oc_order *a)
{
    const struct oc_order *o = q->o;

    return o->verb == MO_RESIZE && o->authority == MO_BY_GRANT && q->line != NULL &&
           !q->grant->free && (o->vcpus >= a->vcpus || o->vcpus == q->line->vcpus) &&
           (o->mem_mib >= a->mem_mib || o->mem_mib == q->line->mem_mib);
}

/* Growing stays within the line, which was checked; shrinking needs the bureau or the unit. */
static enum oc_reason
check_sizes(const struct asked *q, const struct oc_order *a)
{
    const struct oc_order *o = q->o;

    if (o->bytes < a->bytes)
        return OC_DISK_CUT;
    if (o->verb == MO_CHANGE &&
        (o->bytes != a->bytes || o->vcpus != a->vcpus || o->mem_mib != a->mem_mib))
        return OC_RESIZES;
    if (o->verb == MO_DOWNGRADE) /* exactly as planned: check_plan() */
        return OC_OK;
    if ((o->vcpus < a->vcpus || o->mem_mib < a->mem_mib) && o->authority != MO_BY_UNIT &&
        !is_planned_size(q) && !is_granted_size(q, a))
        return OC_SHRINKS;
    return OC_OK;
}

static enum oc_reason
check_succession(struct asked *q)
{
    const struct oc_order *a, *o = q->o;

    if (q->old == NULL)
        return OC_OK; /* new, or restated after receipts were lost: the line bounds it */
    a = &q->old->order;
    /* An adoption that was never carried out binds nothing: it may be confirmed anew. */
    if (q->old->unadopted && o->verb == MO_ADOPT && a->kind == o->kind)
        return OC_OK;
    /* From an older grant on to the one that supersedes it, never back. */
    if (a->kind != o->kind || !oc_in_family(q, a->grant, q->at) || !oc_same(a->system, o->system) ||
        a->line != o->line || a->ordinal != o->ordinal || !alike(a->part_of, o->part_of))
        return OC_CHANGED;
    if (q->old->no_back && o->wanted != MO_ABSENT)
        return OC_NO_WAY_BACK;
    if (o->kind == MO_VM && (!alike(a->root, o->root) || !alike(a->seed, o->seed) ||
                             !alike(a->image, o->image) || a->firmware != o->firmware))
        return OC_PARTS_CHANGED;
    return check_sizes(q, a);
}

struct oc_verdict
order_check(const struct oc_host *host, const struct oc_order *o, const struct oc_papers *papers)
{
    static enum oc_reason (*const rules[])(struct asked *) = {
        check_address,   check_line,  check_sense,      check_time,      check_fits,
        check_authority, check_newer, check_succession, oc_check_others,
    };
    struct asked q = {.host = host, .o = o, .papers = papers, .named = papers->grant};
    struct oc_verdict v = {.reason = OC_OK};

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && v.reason == OC_OK; i++)
        v.reason = rules[i](&q);
    if (v.reason != OC_OK && v.reason != OC_SAME)
        return v;
    v.hold_ms = q.grant->hold_ms > q.named->hold_ms ? q.grant->hold_ms : q.named->hold_ms;
    if (q.plan_line != NULL) {
        v.not_before_ms = q.plan_line->not_before_ms;
        v.hold_ms = q.plan->hold_ms > v.hold_ms ? q.plan->hold_ms : v.hold_ms;
    }
    /* Who overwrites what a plan put into the bin keeps that plan's hold. */
    if (q.old != NULL && (o->wanted == MO_BINNED || o->wanted == MO_ABSENT) &&
        (q.old->order.wanted == MO_BINNED || q.old->order.wanted == MO_ABSENT) &&
        q.old->hold_ms > v.hold_ms)
        v.hold_ms = q.old->hold_ms;
    if (o->kind == MO_NETWORK && !none(o->part_of))
        v.hold_ms = 0; /* nothing of it is ever wanted back */
    v.may_restart = ((o->verb == MO_RESIZE || o->verb == MO_CHANGE || o->verb == MO_POWER) &&
                     o->restart_from_ms != 0) ||
                    o->verb == MO_DOWNGRADE || o->verb == MO_RESTORE;
    return v;
}

const char *
oc_reason_name(enum oc_reason r)
{
    static const char *const names[OC_REASON__MAX] = {
#define OC(name, text) [OC_##name] = #name,
#include "policies/order_check.def"
#undef OC
    };

    return r < OC_REASON__MAX ? names[r] : "?";
}

const char *
oc_reason_text(enum oc_reason r)
{
    static const char *const texts[OC_REASON__MAX] = {
#define OC(name, text) [OC_##name] = text,
#include "policies/order_check.def"
#undef OC
    };

    return r < OC_REASON__MAX ? texts[r] : "?";
}
