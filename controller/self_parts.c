/* Joining a data volume to a machine and taking it off again.  Both have an order: the volume's
 * says whose it is, the machine's what it has. */
#include <stdio.h>
#include <string.h>

#include "controller/own.h"
#include "controller/self.h"

enum { DISKS_MAX = 16 };

static int
machine_get(struct self *s, const char *id, struct resource_row *vm, struct err *e)
{
    if (resource_get(s->t->d, id, s->k->a, vm, e) < 0 ||
        own_check(s->k, vm->unit, "resource", e) < 0)
        return -1;
    if (vm->kind != RES_VM)
        return err_field(e, BY_E_INVALID, "vm", "%s is not a VM", vm->name);
    return 0;
}

static int
disks_of(struct self *s, const struct resource_row *vm, struct jm_list *out, struct err *e)
{
    struct order_row row;
    struct w_order o;
    struct w_vm_disk *d = arena_alloc(s->k->a, (DISKS_MAX + 1) * sizeof(*d));

    if (order_row_get(s->t->d, vm->order, s->k->a, &row, e) < 0 ||
        W_DECODE(order, row.body, strlen(row.body), JM_SIGNED, s->k->a, &o, e) < 0)
        return -1;
    if (o.vm.adopt.id[0] != '\0')
        return err_set(
            e, BY_E_CONFLICT,
            "%s was there before its grant (存量) and keeps the disks that it came with: "
            "nothing is attached to it",
            vm->name);
    if (o.vm.disks.n > 0)
        memcpy(d, o.vm.disks.items, o.vm.disks.n * sizeof(*d));
    *out = (struct jm_list){d, o.vm.disks.n};
    return 0;
}

/* A machine that is in the middle of something cannot be given another order about its parts. */
static int
settled_check(const struct resource_row *r, struct err *e)
{
    if (r->seen_generation == r->generation && r->seen_term == r->term && r->seen_equal)
        return 0;
    return err_set(e, BY_E_CONFLICT, "%s has an order in work: wait until it has been read back",
                   r->name);
}

int
self_join(struct self *s, const struct resource_row *vm, const char *volume, int format,
          struct err *e)
{
    struct act x = {.verb = VERB_CHANGE};
    struct w_vm_disk *d;
    struct jm_list disks;

    if (disks_of(s, vm, &disks, e) < 0)
        return -1;
    if (disks.n >= DISKS_MAX)
        return err_set(e, BY_E_CONFLICT, "%s has %d volumes already: no machine has more", vm->name,
                       DISKS_MAX);
    d = JM_ITEM(disks, struct w_vm_disk, disks.n);
    memset(d, 0, sizeof(*d));
    (void)snprintf(d->volume, sizeof(d->volume), "%s", volume);
    d->format = format;
    disks.n++;
    x.disks = &disks;
    return self_order(s, vm, &x, e);
}

/* The machine that had it must have let go: two guests never write one volume. */
static int
released_check(struct self *s, struct err *e)
{
    struct resource_row vm;
    struct act_row last;
    int rc = act_row_last(s->t->d, s->r.id, ACT_DETACH, s->k->a, &last, e);

    if (rc <= 0)
        return rc;
    if (resource_get(s->t->d, last.other, s->k->a, &vm, e) < 0)
        return -1;
    if (vm.absent_ms > 0 || settled_check(&vm, NULL) == 0)
        return 0;
    return err_set(e, BY_E_CONFLICT,
                   "%s had %s, and its host has not read back yet that it let go: wait for that",
                   vm.name, s->r.name);
}

static int
volume_format(struct self *s, int *format, struct err *e)
{
    struct order_row row;
    struct w_order o;

    if (order_row_get(s->t->d, s->r.order, s->k->a, &row, e) < 0 ||
        W_DECODE(order, row.body, strlen(row.body), JM_SIGNED, s->k->a, &o, e) < 0)
        return -1;
    *format = o.volume.format;
    return 0;
}

int
self_attach(struct self *s, struct err *e)
{
    struct act x = {.verb = VERB_CHANGE, .volume_vm = s->in->vm};
    struct quota_size none = {0};
    struct resource_row vm;
    int format;

    if (s->r.kind != RES_VOLUME)
        return err_set(e, BY_E_INVALID, "%s is not a volume: nothing to attach", s->r.name);
    if (s->in->vm[0] == '\0')
        return err_field(e, BY_E_INVALID, "vm", "say which machine gets it");
    if (s->r.vm[0] != '\0')
        return err_set(e, BY_E_CONFLICT, "%s is attached already: detach it first", s->r.name);
    if (machine_get(s, s->in->vm, &vm, e) < 0 || volume_format(s, &format, e) < 0 ||
        released_check(s, e) < 0 || settled_check(&s->r, e) < 0 || settled_check(&vm, e) < 0)
        return -1;
    if (strcmp(vm.system, s->r.system) != 0)
        return err_field(e, BY_E_DENIED, "vm", "%s belongs to another information system", vm.name);
    if (strcmp(vm.host, s->r.host) != 0)
        return err_field(e, BY_E_CONFLICT, "vm",
                         "%s stands on host %s and %s on host %s: local volumes do not move",
                         vm.name, vm.host_name, s->r.name, s->r.host_name);
    s->other = s->in->vm;
    s->after = s->before;
    memcpy(s->after.vm, vm.id, sizeof(s->after.vm));
    s->text = arena_printf(s->k->a, "%s attached to %s", s->r.name, vm.name);
    if (self_quota(s, s->r.id, &none, e) < 0 || self_restart(s, false, "", e) < 0 ||
        self_order(s, &s->r, &x, e) < 0 || self_join(s, &vm, s->r.id, format, e) < 0)
        return -1;
    return self_finish(s, e);
}

int
self_detach(struct self *s, struct err *e)
{
    struct act x = {.verb = VERB_CHANGE, .volume_vm = ""}, y = {.verb = VERB_CHANGE};
    struct quota_size none = {0};
    struct resource_row vm;
    struct jm_list disks;
    size_t kept = 0;

    if (s->r.kind != RES_VOLUME || s->r.vm[0] == '\0')
        return err_set(e, BY_E_CONFLICT, "%s is attached to nothing", s->r.name);
    if (machine_get(s, s->r.vm, &vm, e) < 0 || settled_check(&s->r, e) < 0 ||
        settled_check(&vm, e) < 0 || disks_of(s, &vm, &disks, e) < 0)
        return -1;
    for (size_t i = 0; i < disks.n; i++) {
        struct w_vm_disk *d = JM_ITEM(disks, struct w_vm_disk, i);

        if (strcmp(d->volume, s->r.id) != 0)
            *JM_ITEM(disks, struct w_vm_disk, kept++) = *d;
    }
    disks.n = kept;
    y.disks = &disks;
    s->other = arena_strdup(s->k->a, vm.id);
    s->after = s->before;
    s->after.vm[0] = '\0';
    s->text = arena_printf(s->k->a, "%s detached from %s", s->r.name, vm.name);
    if (self_quota(s, s->r.id, &none, e) < 0 ||
        self_restart(s, vm.wanted == WANT_RUNNING,
                     "a volume is not taken from under a running guest", e) < 0 ||
        self_order(s, &vm, &y, e) < 0 || self_order(s, &s->r, &x, e) < 0)
        return -1;
    return self_finish(s, e);
}

/* ---- routes ----------------------------------------------------------------------------------
 */

int
api_resource_attach(struct api_call *k, struct tx *t, struct err *e)
{
    struct self *s = arena_alloc(k->a, sizeof(*s));

    return self_open(s, k, t, ACT_ATTACH, k->in, k->id, e) < 0 ? -1 : self_attach(s, e);
}

int
api_resource_detach(struct api_call *k, struct tx *t, struct err *e)
{
    struct self *s = arena_alloc(k->a, sizeof(*s));

    return self_open(s, k, t, ACT_DETACH, k->in, k->id, e) < 0 ? -1 : self_detach(s, e);
}
