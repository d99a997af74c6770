/* Rows of what others made, and of what stays behind. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/virt/domfound.h"
#include "tests/contract/rows.h"

#define PCI                                                                                        \
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' "         \
    "bus='0x06' slot='0x12' function='0x5'/></source></hostdev>"

static const char *
xml_of(struct contract *c, const char *id)
{
    const char *xml = "";

    OK(c->v->ops->dom->xml(c->v, id, false, &c->a, &xml, e));
    return xml;
}

void
dom_foreign(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const char *xml = contract_foreign_xml(
        c, s->vm->id, "<a:note xmlns:a='urn:admin'><a:x>1</a:x></a:note>",
        (c->caps.can & VIRT_CAN_BOOT) != 0 ? PCI "<watchdog model='i6300esb' action='pause'/>"
                                           : "");
    const struct virt_dom_seen *list = NULL;
    const char *before;
    size_t n = 0, found = 0;

    OK(contract_foreign(c, s->vm->id, xml, e));
    before = xml_of(c, s->vm->id);
    FAILS(c->v->ops->dom->define(c->v, s, e), BY_E_CONFLICT);
    OK(c->v->ops->dom->list(c->v, &c->a, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, s->vm->id) == 0) {
            found++;
            CHECK(!list[i].ours && !list[i].other_owner);
        }
    CHECK(found == 1);
    CHECK(strcmp(before, xml_of(c, s->vm->id)) == 0);
    contract_foreign_drop(c, s->vm->id);
    contract_vm_drop(c, s);
}

void
dom_other_owner(struct contract *c)
{
    const char *id = contract_id(c);
    struct virt_dom_seen seen = {0};

    OK(contract_foreign(
        c, id,
        contract_foreign_xml(c, id,
                             "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/"
                             "1.1'><nova:name>x</nova:name></nova:instance>",
                             ""),
        e));
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.other_owner && !seen.ours);
    contract_foreign_drop(c, id);
}

static const struct virt_sample *
sample_of(struct contract *c, const char *id, bool cheap)
{
    const struct virt_sample *list = NULL;
    size_t n = 0;

    OK(c->v->ops->stats->sample(c->v, cheap, &c->a, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, id) == 0)
            return &list[i];
    return NULL;
}

/* Everything but our mark, as text. */
static const char *
unmarked(struct contract *c, const char *id)
{
    const char *out = "";

    OK(domfound_unmarked(xml_of(c, id), &c->a, &out, e));
    return out;
}

static const char *
admin_xml(struct contract *c, const char *id)
{
    return contract_foreign_xml(
        c, id, "<a:note xmlns:a='urn:admin'><a:x>1</a:x></a:note>",
        (c->caps.can & VIRT_CAN_BOOT) != 0 ? "<watchdog model='i6300esb' action='pause'/>" : "");
}

void
dom_adopt(struct contract *c)
{
    const char *id = contract_id(c), *before;
    struct virt_mark m = {.term = 1, .generation = 3};
    struct virt_dom_seen seen = {0};

    memcpy(m.order, id, sizeof(m.order));
    FAILS(c->v->ops->dom->adopt(c->v, id, &m, e), BY_E_NOT_FOUND);
    OK(contract_foreign(c, id, admin_xml(c, id), e));
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(!seen.ours && seen.found != NULL);
    if (seen.found != NULL) {
        CHECK(strcmp(seen.found->parts.id, id) == 0 && seen.found->parts.mem_mib == 128);
        CHECK(seen.found->metadata != NULL && strcmp(seen.found->metadata, "urn:admin") == 0);
        CHECK(!seen.found->transient && !seen.found->job && seen.found->owner[0] == '\0');
    }
    before = unmarked(c, id);
    OK(c->v->ops->dom->adopt(c->v, id, &m, e));
    OK(c->v->ops->dom->adopt(c->v, id, &m, e)); /* twice is once */
    CHECK(strcmp(before, unmarked(c, id)) == 0);
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.ours && seen.mark.generation == 3 && seen.found == NULL);
    contract_foreign_drop(c, id);
}

void
dom_adopt_running(struct contract *c)
{
    const char *id = contract_id(c), *live = "";
    struct virt_mark m = {.term = 1, .generation = 1};
    struct virt_dom_seen seen = {0};
    const struct virt_sample *one, *two;

    memcpy(m.order, id, sizeof(m.order));
    OK(contract_foreign(c, id, admin_xml(c, id), e));
    OK(c->v->ops->dom->start(c->v, id, e));
    one = sample_of(c, id, true);
    OK(c->v->ops->dom->adopt(c->v, id, &m, e));
    two = sample_of(c, id, true);
    CHECK(one != NULL && two != NULL && one->run_id == two->run_id);
    OK(c->v->ops->dom->xml(c->v, id, true, &c->a, &live, e));
    CHECK(strstr(live, "urn:bianyun:mark:1") != NULL);
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.ours && seen.state == VIRT_RUNNING);
    OK(c->v->ops->dom->destroy(c->v, id, e));
    contract_foreign_drop(c, id);
}

void
dom_adopt_sizes(struct contract *c)
{
    const char *id = contract_id(c), *before;
    struct w_vm_spec vm = {.vcpus = 1, .vcpus_max = 1, .mem_mib = 128, .mem_max_mib = 128};
    struct virt_dom_spec s = {.vm = &vm, .mark = {.term = 1, .generation = 1}};
    struct virt_dom_seen seen = {0};

    memcpy(vm.id, id, sizeof(vm.id));
    memcpy(vm.adopt.id, id, sizeof(vm.adopt.id));
    memcpy(s.mark.order, id, sizeof(s.mark.order));
    FAILS(c->v->ops->dom->define(c->v, &s, e), BY_E_NOT_FOUND);
    OK(contract_foreign(c, id, admin_xml(c, id), e));
    FAILS(c->v->ops->dom->define(c->v, &s, e), BY_E_CONFLICT);
    OK(c->v->ops->dom->adopt(c->v, id, &s.mark, e));
    before = unmarked(c, id);
    s.mark.generation = 2;
    OK(c->v->ops->dom->define(c->v, &s, e)); /* its sizes are the order's */
    CHECK(strcmp(before, unmarked(c, id)) == 0);
    vm.mem_mib = 96;
    OK(c->v->ops->dom->define(c->v, &s, e));
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.config.mem_mib == 96 && seen.config.vcpus == 1 && seen.mark.generation == 2);
    contract_foreign_drop(c, id);
}

void
dom_unknown_elements(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct w_vm_spec vm = *s->vm;
    const char *before, *after, *a, *b;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(contract_add_element(c, vm.id, PCI, e));
    before = strstr(xml_of(c, vm.id), "<hostdev");
    s->vm = &vm;
    vm.vcpus = 2;
    s->mark.generation = 2;
    OK(c->v->ops->dom->define(c->v, s, e));
    after = strstr(xml_of(c, vm.id), "<hostdev");
    CHECK(before != NULL && after != NULL);
    a = before == NULL ? NULL : strstr(before, "</hostdev>");
    b = after == NULL ? NULL : strstr(after, "</hostdev>");
    CHECK(a != NULL && b != NULL && a - before == b - after &&
          memcmp(before, after, (size_t)(a - before)) == 0);
    contract_vm_drop(c, s);
}

void
dom_leftovers(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    struct w_vm_spec vm = *s->vm;
    const char *const *paths = NULL;
    size_t n = 0, nvram = 0;
    bool log = false;

    vm.firmware = FW_UEFI;
    s->vm = &vm;
    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, vm.id, e));
    OK(c->v->ops->dom->destroy(c->v, vm.id, e));
    OK(c->v->ops->dom->leftovers(c->v, vm.id, &c->a, &paths, &n, e));
    for (size_t i = 0; i < n; i++) {
        CHECK(access(paths[i], F_OK) == 0);
        nvram += strstr(paths[i], "nvram") != NULL;
        log |= strcmp(paths[i], s->serial_log) == 0;
    }
    CHECK(nvram == 1);
    CHECK(log || access(s->serial_log, F_OK) != 0);
    OK(c->v->ops->dom->undefine(c->v, vm.id, e));
    OK(c->v->ops->dom->leftovers(c->v, vm.id, &c->a, &paths, &n, e));
    for (size_t i = 0; i < n; i++)
        CHECK(strstr(paths[i], "nvram") == NULL);
    contract_vm_drop(c, s);
}

void
dom_saved(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const char *const *paths = NULL;
    struct virt_dom_seen seen = {0};
    size_t n = 0, saved = 0;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    OK(contract_save(c, s->vm->id, e));
    OK(c->v->ops->dom->get(c->v, s->vm->id, &c->a, &seen, e));
    CHECK(seen.has_saved && !seen.has_live && seen.state == VIRT_SHUTOFF);
    OK(c->v->ops->dom->leftovers(c->v, s->vm->id, &c->a, &paths, &n, e));
    for (size_t i = 0; i < n; i++)
        saved += strstr(paths[i], "save") != NULL;
    CHECK(saved == 1);
    OK(c->v->ops->dom->undefine(c->v, s->vm->id, e));
    OK(c->v->ops->dom->leftovers(c->v, s->vm->id, &c->a, &paths, &n, e));
    for (size_t i = 0; i < n; i++)
        CHECK(strstr(paths[i], "/save/") == NULL);
    contract_vm_drop(c, s);
}

/* ---- counters ------------------------------------------------------------------------------ */

void
stats_running(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const struct virt_sample *one, *two;

    OK(c->v->ops->dom->define(c->v, s, e));
    CHECK(sample_of(c, s->vm->id, false) == NULL);
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    one = sample_of(c, s->vm->id, false);
    two = sample_of(c, s->vm->id, false);
    CHECK(one != NULL && two != NULL);
    if (one != NULL && two != NULL) {
        CHECK(one->state == VIRT_RUNNING && one->vcpus == 1);
        CHECK(one->has_cpu && one->has_net && one->has_block);
        CHECK(two->taken_ns > one->taken_ns && two->cpu_ns >= one->cpu_ns);
        CHECK(one->run_id == two->run_id);
    }
    contract_vm_drop(c, s);
}

void
stats_run_id(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const struct virt_sample *one, *two;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    one = sample_of(c, s->vm->id, false);
    OK(c->v->ops->dom->destroy(c->v, s->vm->id, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    two = sample_of(c, s->vm->id, false);
    CHECK(one != NULL && two != NULL && one->run_id != two->run_id);
    contract_vm_drop(c, s);
}

void
stats_cheap(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);
    const struct virt_sample *one;

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    one = sample_of(c, s->vm->id, true);
    CHECK(one != NULL && one->has_cpu && one->has_net && !one->has_mem && !one->has_block);
    contract_vm_drop(c, s);
}
