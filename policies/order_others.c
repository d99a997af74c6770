/* What an order may not take from another resource of its host: ordinal, disks, networks,
 * addresses. */
#include "policies/order_asked.h"

static bool
names_disk(const struct oc_order *x, const char *id)
{
    return oc_same(x->root, id) || oc_same(x->seed, id) ||
           (x->kind == MO_VOLUME && oc_same(x->resource, id));
}

/* Two machines that were there, on one file. */
static bool
share_file(const struct oc_order *a, const struct oc_order *b)
{
    for (size_t i = 0; i < a->n_files; i++)
        for (size_t k = 0; k < b->n_files; k++)
            if (oc_same(a->files[i], b->files[k]))
                return true;
    return false;
}

static enum oc_reason
check_disks(const struct asked *q, const struct oc_order *x)
{
    const struct oc_order *o = q->o;

    if (share_file(o, x))
        return OC_DISK_TAKEN;

    if (o->kind == MO_VM && (names_disk(x, o->root) || names_disk(x, o->seed)))
        return OC_DISK_TAKEN;
    if (o->kind == MO_VOLUME && names_disk(x, o->resource))
        return OC_DISK_TAKEN;
    for (size_t i = 0; i < o->n_volumes; i++) {
        if (oc_same(x->root, o->volumes[i]) || oc_same(x->seed, o->volumes[i]))
            return OC_DISK_TAKEN;
        if (oc_same(x->resource, o->volumes[i]) && !oc_same(x->system, o->system))
            return OC_OTHER_SYSTEMS_PART;
        for (size_t k = 0; k < x->n_volumes; k++)
            if (oc_same(x->volumes[k], o->volumes[i]))
                return OC_DISK_TAKEN;
    }
    return OC_OK;
}

static enum oc_reason
check_cards(const struct asked *q, const struct oc_order *x)
{
    for (size_t i = 0; i < q->o->n_nics; i++) {
        const struct oc_nic *n = &q->o->nics[i];

        if (x->kind == MO_NETWORK && oc_same(x->resource, n->network) &&
            !oc_same(x->system, q->o->system))
            return OC_OTHER_SYSTEMS_PART;
        for (size_t k = 0; k < x->n_nics; k++)
            if (oc_same(x->nics[k].mac, n->mac) ||
                (oc_same(x->nics[k].network, n->network) && oc_same(x->nics[k].ip, n->ip)))
                return OC_ADDRESS_TAKEN;
    }
    return OC_OK;
}

/* Against every other resource of this host that is not gone. */
enum oc_reason
oc_check_others(struct asked *q)
{
    if (q->o->kind == MO_VM && oc_same(q->o->root, q->o->seed))
        return OC_DISK_TAKEN;
    for (size_t i = 0; i < q->papers->n_held; i++) {
        const struct oc_order *x = &q->papers->held[i].order;
        enum oc_reason r;

        if (&q->papers->held[i] == q->old || q->papers->held[i].gone)
            continue;
        if (oc_in_family(q, x->grant, 0) && x->line == q->o->line && x->ordinal == q->o->ordinal)
            return OC_LINE_TAKEN;
        if (q->o->kind == MO_NETWORK && oc_same(q->o->bridge, x->bridge))
            return OC_BRIDGE_TAKEN;
        if (q->o->kind == MO_NETWORK && q->o->vni != 0 && q->o->vni == x->vni)
            return OC_SEGMENT_TAKEN;
        r = check_disks(q, x);
        if (r == OC_OK)
            r = check_cards(q, x);
        if (r != OC_OK)
            return r;
    }
    return OC_OK;
}
