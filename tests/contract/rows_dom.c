/* Rows of domains: define, power, change. */
#include <stdio.h>
#include <string.h>

#include "tests/contract/rows.h"

static struct virt_dom_seen
look(struct contract *c, const char *id)
{
    struct virt_dom_seen seen = {0};

    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    return seen;
}

static const char *
xml_of(struct contract *c, const char *id, bool live)
{
    const char *xml = "";

    OK(c->v->ops->dom->xml(c->v, id, live, &c->a, &xml, e));
    return xml;
}

static bool
size_is(const struct virt_dom_def *d, const struct w_vm_spec *vm)
{
    return d->vcpus == vm->vcpus && d->vcpus_max == vm->vcpus_max && d->mem_mib == vm->mem_mib &&
           d->mem_max_mib == vm->mem_max_mib;
}

void
dom_define_twice(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct virt_dom_seen seen;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->define(c->v, s, e));
    seen = look(c, s->vm->id);
    CHECK(seen.ours && !seen.other_owner && seen.persistent && !seen.has_live && !seen.has_saved);
    CHECK(seen.state == VIRT_SHUTOFF);
    CHECK(strcmp(seen.mark.order, s->mark.order) == 0 && seen.mark.term == 1 &&
          seen.mark.generation == 1);
    CHECK(size_is(&seen.config, s->vm));
    CHECK(seen.config.n_disks == 2 && seen.config.n_nics == 0);
    CHECK(seen.config.n_disks == 2 && strcmp(seen.config.disks[0].target, "vda") == 0 &&
          strcmp(seen.config.disks[0].path, s->root_path) == 0);
    contract_validate(c, xml_of(c, s->vm->id, false), "domain");
    contract_vm_drop(c, s);
}

void
dom_start_twice(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const char *id = s->vm->id;
    struct virt_dom_seen seen;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, id, e));
    OK(c->v->ops->dom->start(c->v, id, e));
    seen = look(c, id);
    CHECK(seen.state == VIRT_RUNNING && seen.has_live && seen.persistent);
    CHECK(size_is(&seen.live, s->vm));
    OK(c->v->ops->dom->shutdown(c->v, id, e));
    OK(c->v->ops->dom->destroy(c->v, id, e));
    OK(c->v->ops->dom->destroy(c->v, id, e));
    OK(c->v->ops->dom->shutdown(c->v, id, e));
    CHECK(look(c, id).state == VIRT_SHUTOFF);
    OK(c->v->ops->dom->undefine(c->v, id, e));
    OK(c->v->ops->dom->undefine(c->v, id, e));
    contract_vm_drop(c, s);
}

void
dom_paused(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const char *id = s->vm->id;
    struct virt_dom_seen seen;

    OK(c->v->ops->dom->define(c->v, s, e));
    FAILS(c->v->ops->dom->resume(c->v, id, e), BY_E_CONFLICT);
    OK(c->v->ops->dom->start(c->v, id, e));
    OK(contract_pause(c, id, e));
    seen = look(c, id);
    CHECK(seen.state == VIRT_PAUSED && seen.has_live && !seen.no_space);
    OK(c->v->ops->dom->shutdown(c->v, id, e)); /* does not hear it */
    CHECK(look(c, id).state == VIRT_PAUSED);
    OK(c->v->ops->dom->resume(c->v, id, e));
    OK(c->v->ops->dom->resume(c->v, id, e));
    CHECK(look(c, id).state == VIRT_RUNNING);
    OK(contract_pause(c, id, e));
    OK(c->v->ops->dom->destroy(c->v, id, e));
    CHECK(look(c, id).state == VIRT_SHUTOFF);
    contract_vm_drop(c, s);
}

void
dom_absent(struct contract *c)
{
    const char *id = contract_id(c), *xml;
    const char *const *paths = NULL;
    struct virt_dom_seen seen;
    size_t n = 1;

    FAILS(c->v->ops->dom->get(c->v, id, &c->a, &seen, e), BY_E_NOT_FOUND);
    FAILS(c->v->ops->dom->start(c->v, id, e), BY_E_NOT_FOUND);
    FAILS(c->v->ops->dom->resume(c->v, id, e), BY_E_NOT_FOUND);
    FAILS(c->v->ops->dom->shutdown(c->v, id, e), BY_E_NOT_FOUND);
    FAILS(c->v->ops->dom->xml(c->v, id, false, &c->a, &xml, e), BY_E_NOT_FOUND);
    OK(c->v->ops->dom->destroy(c->v, id, e));
    OK(c->v->ops->dom->undefine(c->v, id, e));
    OK(c->v->ops->dom->leftovers(c->v, id, &c->a, &paths, &n, e));
    CHECK(n == 0);
}

void
dom_undefine_running(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    FAILS(c->v->ops->dom->undefine(c->v, s->vm->id, e), BY_E_CONFLICT);
    CHECK(look(c, s->vm->id).persistent);
    contract_vm_drop(c, s);
}

/* The same VM with another size. */
static struct virt_dom_spec
resized(const struct virt_dom_spec *s, struct w_vm_spec *vm, uint32_t vcpus, uint64_t mem_mib)
{
    struct virt_dom_spec out = *s;

    *vm = *s->vm;
    vm->vcpus = vcpus;
    vm->mem_mib = mem_mib;
    if (vm->mem_max_mib < mem_mib)
        vm->mem_max_mib = mem_mib;
    if (vm->vcpus_max < vcpus)
        vm->vcpus_max = vcpus;
    out.vm = vm;
    out.mark.generation++;
    return out;
}

void
dom_resize(struct contract *c)
{
    static const struct {
        uint32_t vcpus;
        uint64_t mem_mib;
    } steps[] = {{2, 192}, {1, 256}, {4, 512}, {1, 96}};
    struct virt_dom_spec *s = contract_vm(c);
    struct virt_dom_seen seen;
    struct w_vm_spec vm;

    OK(c->v->ops->dom->define(c->v, s, e));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct virt_dom_spec r = resized(s, &vm, steps[i].vcpus, steps[i].mem_mib);

        OK(c->v->ops->dom->define(c->v, &r, e));
        OK(c->v->ops->dom->define(c->v, &r, e));
        seen = look(c, s->vm->id);
        CHECK(size_is(&seen.config, &vm));
        CHECK(seen.mark.generation == r.mark.generation);
        CHECK(seen.config.n_disks == 2);
        contract_validate(c, xml_of(c, s->vm->id, false), "domain");
        if ((c->caps.can & VIRT_CAN_BOOT) != 0) {
            OK(c->v->ops->dom->start(c->v, s->vm->id, e));
            seen = look(c, s->vm->id);
            CHECK(size_is(&seen.live, &vm));
            OK(c->v->ops->dom->destroy(c->v, s->vm->id, e));
        }
    }
    contract_vm_drop(c, s);
}

void
dom_resize_running(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct w_vm_spec vm;
    struct virt_dom_spec r = resized(s, &vm, 2, 192);
    struct virt_dom_seen seen;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    OK(c->v->ops->dom->define(c->v, &r, e));
    seen = look(c, s->vm->id);
    CHECK(size_is(&seen.config, &vm) && size_is(&seen.live, s->vm));
    OK(c->v->ops->dom->destroy(c->v, s->vm->id, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    seen = look(c, s->vm->id);
    CHECK(size_is(&seen.live, &vm));
    contract_vm_drop(c, s);
}

void
dom_mark(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct virt_dom_seen seen;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    memcpy(s->mark.order, contract_id(c), 37);
    s->mark.term = 2;
    s->mark.generation = 9;
    OK(c->v->ops->dom->define(c->v, s, e));
    seen = look(c, s->vm->id);
    CHECK(seen.mark.term == 2 && seen.mark.generation == 9);
    CHECK(strcmp(seen.mark.order, s->mark.order) == 0 && seen.state == VIRT_RUNNING);
    CHECK(strstr(xml_of(c, s->vm->id, true), s->mark.order) != NULL);
    CHECK(strstr(xml_of(c, s->vm->id, false), s->mark.order) != NULL);
    contract_vm_drop(c, s);
}

void
dom_bad_spec(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct w_vm_spec vm = *s->vm;
    struct virt_dom_spec bad = *s;
    struct virt_dom_seen seen;

    bad.vm = &vm;
    vm.vcpus = vm.vcpus_max + 1;
    FAILS(c->v->ops->dom->define(c->v, &bad, e), BY_E_INVALID);
    vm = *s->vm;
    vm.mem_mib = vm.mem_max_mib + 1;
    FAILS(c->v->ops->dom->define(c->v, &bad, e), BY_E_INVALID);
    FAILS(c->v->ops->dom->get(c->v, vm.id, &c->a, &seen, e), BY_E_NOT_FOUND);
    contract_vm_drop(c, s);
}

void
dom_names(struct contract *c)
{
    static const char *const names[] = {"<disk type='file'/>", "a&b;c\"d'e", "$(reboot) `id` | x",
                                        "]]><!--", "智慧城市 一号"};
    struct virt_dom_spec *s = contract_vm(c);

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct w_vm_spec vm = *s->vm;
        struct virt_dom_spec named = *s;

        (void)snprintf(vm.name, sizeof(vm.name), "%s", names[i]);
        named.vm = &vm;
        OK(c->v->ops->dom->define(c->v, &named, e));
        CHECK(look(c, vm.id).config.n_disks == 2);
        contract_validate(c, xml_of(c, vm.id, false), "domain");
    }
    contract_vm_drop(c, s);
}

static void
disks_add(struct contract *c, struct w_vm_spec *vm, struct virt_dom_spec *s, size_t n)
{
    struct w_vm_disk *disks = arena_alloc(&c->a, n * sizeof(*disks));
    const char **paths = arena_alloc(&c->a, n * sizeof(*paths));

    for (size_t i = 0; i < n; i++) {
        struct virt_vol_spec v = {.format = i % 2 == 0 ? FMT_RAW : FMT_QCOW2,
                                  .size_bytes = 1 << 20};
        struct virt_vol_seen seen = {0};

        memcpy(v.id, contract_id(c), 37);
        memcpy(disks[i].volume, v.id, 37);
        disks[i].format = (int)v.format;
        paths[i] = arena_printf(&c->a, "%s/by-%s", c->pool, v.id);
        if ((c->caps.can & VIRT_CAN_VOLUMES) != 0) {
            OK(c->v->ops->vol->create(c->v, &v, e));
            OK(c->v->ops->vol->get(c->v, v.id, &c->a, &seen, e));
            paths[i] = seen.path;
        }
    }
    vm->disks = (struct jm_list){.items = disks, .n = n};
    s->disk_paths = paths;
}

static void
nics_add(struct contract *c, struct w_vm_spec *vm, const char *network, size_t n)
{
    struct w_nic *nics = arena_alloc(&c->a, n * sizeof(*nics));

    for (size_t i = 0; i < n; i++) {
        memcpy(nics[i].network, network, 37);
        (void)snprintf(nics[i].mac, sizeof(nics[i].mac), "52:54:00:%.2s:%.2s:%02x", vm->id,
                       vm->id + 2, (unsigned)i);
    }
    vm->nics = (struct jm_list){.items = nics, .n = n};
}

void
dom_many_disks(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct virt_net_spec *net = contract_net(c);
    struct w_vm_spec vm = *s->vm;
    struct virt_dom_seen seen;

    s->vm = &vm;
    disks_add(c, &vm, s, 16);
    nics_add(c, &vm, net->net->id, 8);
    OK(c->v->ops->net->define(c->v, net, e));
    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, vm.id, e));
    seen = look(c, vm.id);
    CHECK(seen.live.n_disks == 18 && seen.live.n_nics == 8);
    CHECK(seen.live.n_nics == 8 && strcmp(seen.live.nics[7].network, net->net->id) == 0);
    contract_validate(c, xml_of(c, vm.id, true), "domain");
    contract_vm_drop(c, s);
    OK(c->v->ops->net->remove(c->v, net->net->id, e));
}

void
dom_uefi(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct w_vm_spec vm = *s->vm;
    const char *xml;

    CHECK(c->caps.uefi);
    vm.firmware = FW_UEFI;
    s->vm = &vm;
    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, vm.id, e));
    CHECK(look(c, vm.id).state == VIRT_RUNNING);
    xml = xml_of(c, vm.id, true);
    CHECK(strstr(xml, "secure='yes'") == NULL && strstr(xml, "secboot") == NULL);
    contract_validate(c, xml_of(c, vm.id, false), "domain");
    contract_vm_drop(c, s);
}

void
dom_disk_change(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct w_vm_spec vm = *s->vm;
    const char *net = contract_id(c);
    struct virt_dom_seen seen;

    s->vm = &vm;
    OK(c->v->ops->dom->define(c->v, s, e));
    disks_add(c, &vm, s, 2);
    nics_add(c, &vm, net, 2);
    OK(c->v->ops->dom->define(c->v, s, e));
    seen = look(c, vm.id);
    CHECK(seen.config.n_disks == 4 && seen.config.n_nics == 2);
    contract_validate(c, xml_of(c, vm.id, false), "domain");
    vm.disks.n = 1; /* the second is taken away, its volume stays */
    vm.nics.n = 1;
    OK(c->v->ops->dom->define(c->v, s, e));
    seen = look(c, vm.id);
    CHECK(seen.config.n_disks == 3 && seen.config.n_nics == 1);
    vm.disks.n = 2;
    contract_vm_drop(c, s);
}
