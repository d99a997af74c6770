#include <string.h>

#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "drivers/virt/virt_libvirt.h"
#include "drivers/virt/xmlutil.h"

/* The running domain as it is now. */
static int
live_read(struct virt_libvirt *lv, const struct virt_dom_spec *s, struct arena *a,
          virDomainPtr *out, struct domread *r, struct err *e)
{
    SCOPED(lv_dom_free) virDomainPtr d = virDomainLookupByUUIDString(lv->conn, s->vm->id);
    SCOPED(free) char *xml = NULL;
    int active;

    if (d == NULL)
        return lv_fail(lv, e, "domain %s", s->vm->id);
    active = virDomainIsActive(d);
    if (active < 0 || (active == 1 && (xml = virDomainGetXMLDesc(d, 0)) == NULL))
        return lv_fail(lv, e, "definition of domain %s", s->vm->id);
    if (active == 0)
        return err_set(e, BY_E_CONFLICT, "domain %s does not run: nothing to add to", s->vm->id);
    if (domread_parse(xml, a, r, e) < 0)
        return -1;
    if (!r->ours)
        return err_set(e, BY_E_CONFLICT, "domain %s was not made by an order: left alone",
                       s->vm->id);
    *out = TAKE(d);
    return 0;
}

static int
live_vcpus(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    SCOPED(arena) struct arena a = {0};
    struct domread r = {0};

    if (live_read(lv, s, &a, &d, &r, e) < 0)
        return -1;
    if (r.def.vcpus >= s->vm->vcpus)
        return 0;
    if (r.def.vcpus_max < s->vm->vcpus)
        return err_set(e, BY_E_UNSUPPORTED, "domain %s was started for at most %u processors",
                       s->vm->id, r.def.vcpus_max);
    if (virDomainSetVcpusFlags(d, s->vm->vcpus, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return lv_fail(lv, e, "domain %s takes no more processors while it runs", s->vm->id);
    return 0;
}

static int
attach(struct virt_libvirt *lv, virDomainPtr d, const char *what, const char *xml, struct err *e)
{
    if (virDomainAttachDeviceFlags(d, xml, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return lv_fail(lv, e, "%s cannot be plugged in", what);
    return 0;
}

static int
live_memory(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    SCOPED(arena) struct arena a = {0};
    struct domread r = {0};

    if (live_read(lv, s, &a, &d, &r, e) < 0)
        return -1;
    if (r.def.mem_mib >= s->vm->mem_mib)
        return 0;
    if (r.def.mem_max_mib < s->vm->mem_mib)
        return err_set(e, BY_E_UNSUPPORTED, "domain %s was started for at most %llu MiB", s->vm->id,
                       (unsigned long long)r.def.mem_max_mib);
    return attach(lv, d, "memory",
                  arena_printf(&a,
                               "<memory model='dimm'><target><size unit='MiB'>%llu</size>"
                               "<node>0</node></target></memory>",
                               (unsigned long long)(s->vm->mem_mib - r.def.mem_mib)),
                  e);
}

static int
live_disks(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    SCOPED(arena) struct arena a = {0};
    struct domread r = {0};

    if (live_read(lv, s, &a, &d, &r, e) < 0)
        return -1;
    for (size_t i = 1; i <= s->vm->disks.n; i++) {
        struct domxml_disk_part p;
        const char *xml;
        bool there = false;

        domxml_disk_part(s, i, &p);
        for (size_t k = 0; k < r.def.n_disks && !there; k++)
            there = strcmp(r.def.disks[k].serial, p.serial) == 0;
        if (!there && (domxml_disk(s, i, &a, &xml, e) < 0 || attach(lv, d, "a volume", xml, e) < 0))
            return -1;
    }
    return 0;
}

const struct virt_live_ops virt_libvirt_live = {
    .vcpus = live_vcpus,
    .memory = live_memory,
    .disks = live_disks,
};
