#include "controller/made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/db/store_part.h"

static void
row_of_vm(const struct w_vm_spec *s, struct resource_row *r)
{
    memcpy(r->name, s->name, sizeof(r->name));
    r->vcpus = s->vcpus;
    r->mem_mib = s->mem_mib;
    r->bytes = s->root_bytes;
    if (s->nics.n > 0) {
        memcpy(r->network, JM_ITEM(s->nics, struct w_nic, 0)->network, sizeof(r->network));
        memcpy(r->ip, JM_ITEM(s->nics, struct w_nic, 0)->ip, sizeof(r->ip));
    }
}

/* A line's ordinals are the networks'; that of a part only tells it from the others, in the
 * register alone. */
static uint32_t
part_ordinal(const char *id)
{
    return UINT32_C(0x40000000) |
           ((uint32_t)strtoul(id + strlen(id) - 8, NULL, 16) & UINT32_C(0x3fffffff));
}

void
made_row(const struct w_order *o, const char *unit, int64_t now_ms, struct resource_row *r)
{
    memset(r, 0, sizeof(*r));
    memcpy(r->id, o->resource, sizeof(r->id));
    memcpy(r->system, o->system, sizeof(r->system));
    memcpy(r->grant, o->grant, sizeof(r->grant));
    memcpy(r->host, o->host, sizeof(r->host));
    (void)snprintf(r->unit, sizeof(r->unit), "%s", unit);
    r->kind = o->kind;
    r->line = o->line;
    r->ordinal = o->ordinal;
    r->created_ms = now_ms;
    if (o->kind == RES_VM) {
        row_of_vm(&o->vm, r);
    } else if (o->kind == RES_VOLUME) {
        memcpy(r->name, o->volume.name, sizeof(r->name));
        memcpy(r->vm, o->volume.vm, sizeof(r->vm));
        r->bytes = o->volume.size_bytes;
    } else {
        memcpy(r->name, o->network.name, sizeof(r->name));
        memcpy(r->bridge, o->network.bridge, sizeof(r->bridge));
        memcpy(r->cidr, o->network.cidr, sizeof(r->cidr));
        memcpy(r->part_of, o->network.part_of, sizeof(r->part_of));
        if (r->part_of[0] != '\0')
            r->ordinal = part_ordinal(r->id);
    }
}

static int
add_addresses(struct tx *t, const struct w_order *o, struct err *e)
{
    for (size_t i = 0; o->kind == RES_VM && i < o->vm.nics.n; i++) {
        const struct w_nic *n = JM_ITEM(o->vm.nics, struct w_nic, i);
        char network[W_ID]; /* addresses are the whole network's, not its part's */

        if (part_whole(t->d, n->network, network, e) < 0 ||
            address_insert(t->d, network, n->ip, n->mac, o->resource, e) < 0)
            return err_wrap(e, "address %s", n->ip);
    }
    return 0;
}

int
made_insert(struct tx *t, const struct w_order *o, const char *unit, struct resource_row *r,
            struct err *e)
{
    made_row(o, unit, t->now_ms, r);
    r->wanted = o->wanted;
    if (r->network[0] != '\0' && part_whole(t->d, r->network, r->network, e) < 0)
        return -1;
    if (resource_insert(t->d, r, e) < 0 || resource_promise(t->d, r, e) < 0)
        return -1;
    return add_addresses(t, o, e);
}

int
made_apart(struct tx *t, const struct resource_row *r, enum w_apart apart, struct err *e)
{
    if (r->kind != RES_VM || apart == APART_NONE)
        return 0;
    return DB_EXEC(t->d, DB_RES_APART, NULL, e, DBI(apart), DBS(r->id));
}
