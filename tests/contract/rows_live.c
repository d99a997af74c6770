/* Rows of adding to a running domain. */
#include <string.h>

#include "tests/contract/rows.h"

/* A running domain of 1 vCPU and 128 MiB that was started for 4 and 1024. */
struct grown {
    struct virt_dom_spec *s, want;
    struct w_vm_spec vm;
};

static struct virt_dom_seen
look(struct contract *c, const char *id)
{
    struct virt_dom_seen seen = {0};

    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    return seen;
}

static struct grown *
running(struct contract *c)
{
    struct grown *g = arena_alloc(&c->a, sizeof(*g));

    g->s = contract_vm(c);
    g->vm = *g->s->vm;
    g->vm.vcpus = 1;
    g->vm.vcpus_max = 4;
    g->vm.mem_mib = 128;
    g->vm.mem_max_mib = 1024;
    g->want = *g->s;
    g->want.vm = &g->vm;
    OK(c->v->ops->dom->define(c->v, &g->want, e));
    OK(c->v->ops->dom->start(c->v, g->vm.id, e));
    return g;
}

void
live_sizes(struct contract *c)
{
    struct grown *g = running(c);
    struct virt_dom_seen seen;

    g->vm.vcpus = 2;
    g->vm.mem_mib = 256;
    for (int i = 0; i < 2; i++) { /* there already is success */
        OK(c->v->ops->live->vcpus(c->v, &g->want, e));
        OK(c->v->ops->live->memory(c->v, &g->want, e));
    }
    seen = look(c, g->vm.id);
    CHECK(seen.state == VIRT_RUNNING && seen.live.vcpus == 2 && seen.live.mem_mib == 256);
    CHECK(seen.config.vcpus == 1 && seen.config.mem_mib == 128);
    g->vm.mem_mib = 512; /* once more: there are slots */
    OK(c->v->ops->live->memory(c->v, &g->want, e));
    OK(c->v->ops->dom->define(c->v, &g->want, e));
    seen = look(c, g->vm.id);
    CHECK(seen.live.mem_mib == 512 && seen.config.mem_mib == 512 && seen.config.vcpus == 2);
    OK(c->v->ops->dom->destroy(c->v, g->vm.id, e)); /* the definition alone makes it again */
    OK(c->v->ops->dom->start(c->v, g->vm.id, e));
    seen = look(c, g->vm.id);
    CHECK(seen.live.mem_mib == 512 && seen.live.vcpus == 2);
    contract_vm_drop(c, g->s);
}

void
live_bounds(struct contract *c)
{
    struct grown *g = running(c);
    struct virt_dom_seen seen;

    g->vm.vcpus = 5;
    g->vm.mem_mib = 2048;
    FAILS(c->v->ops->live->vcpus(c->v, &g->want, e), BY_E_UNSUPPORTED);
    FAILS(c->v->ops->live->memory(c->v, &g->want, e), BY_E_UNSUPPORTED);
    g->vm.vcpus = 1;
    g->vm.mem_mib = 64; /* less is not taken away */
    OK(c->v->ops->live->vcpus(c->v, &g->want, e));
    OK(c->v->ops->live->memory(c->v, &g->want, e));
    seen = look(c, g->vm.id);
    CHECK(seen.live.vcpus == 1 && seen.live.mem_mib == 128);
    OK(c->v->ops->dom->destroy(c->v, g->vm.id, e));
    FAILS(c->v->ops->live->vcpus(c->v, &g->want, e), BY_E_CONFLICT);
    FAILS(c->v->ops->live->memory(c->v, &g->want, e), BY_E_CONFLICT);
    FAILS(c->v->ops->live->disks(c->v, &g->want, e), BY_E_CONFLICT);
    contract_vm_drop(c, g->s);
}

void
live_disks(struct contract *c)
{
    struct grown *g = running(c);
    struct virt_vol_spec v = {.format = FMT_QCOW2, .size_bytes = 2 << 20};
    struct w_vm_disk disk = {.format = FMT_QCOW2};
    const char *paths[1];
    struct virt_vol_seen seen = {0};

    memcpy(v.id, contract_id(c), 37);
    OK(c->v->ops->vol->create(c->v, &v, e));
    OK(c->v->ops->vol->get(c->v, v.id, &c->a, &seen, e));
    memcpy(disk.volume, v.id, sizeof(disk.volume));
    paths[0] = seen.path;
    g->vm.disks = (struct jm_list){&disk, 1};
    g->want.disk_paths = paths;
    OK(c->v->ops->live->disks(c->v, &g->want, e));
    OK(c->v->ops->live->disks(c->v, &g->want, e));
    CHECK(look(c, g->vm.id).live.n_disks == 3);
    CHECK(look(c, g->vm.id).config.n_disks == 2);
    OK(c->v->ops->vol->grow(c->v, v.id, 4 << 20, e)); /* in use: grown by who has it open */
    OK(c->v->ops->vol->get(c->v, v.id, &c->a, &seen, e));
    CHECK(seen.capacity_bytes == 4 << 20);
    OK(c->v->ops->dom->define(c->v, &g->want, e));
    CHECK(look(c, g->vm.id).config.n_disks == 3);
    contract_vm_drop(c, g->s);
    OK(c->v->ops->vol->remove(c->v, v.id, e));
}
