#include "drivers/virt/virt_fake_live.h"

#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "drivers/virt/virt_fake_dom.h"
#include "drivers/virt/xmlutil.h"

#define X(s) ((const xmlChar *)(s))

/* A running domain and its live XML, to be edited. */
struct live {
    const struct virt_dom_spec *s;
    struct fake_dom d;
    struct domread r;
    xmlXPathContextPtr x;
    struct arena *a;
};

static int
put_vcpus(struct live *l, struct err *e)
{
    if (l->r.def.vcpus >= l->s->vm->vcpus)
        return 0;
    if (l->r.def.vcpus_max < l->s->vm->vcpus)
        return err_set(e, BY_E_UNSUPPORTED, "fake: started for at most %u processors",
                       l->r.def.vcpus_max);
    (void)xmlSetProp(xml_node(l->x, NULL, "/domain/vcpu"), X("current"),
                     X(arena_printf(l->a, "%u", l->s->vm->vcpus)));
    return 0;
}

static int
put_memory(struct live *l, struct err *e)
{
    xmlNodePtr n = xml_node(l->x, NULL, "/domain/memory");

    if (l->r.def.mem_mib >= l->s->vm->mem_mib)
        return 0;
    if (l->r.def.mem_max_mib < l->s->vm->mem_mib)
        return err_set(e, BY_E_UNSUPPORTED, "fake: started for at most %llu MiB",
                       (unsigned long long)l->r.def.mem_max_mib);
    (void)xmlSetProp(n, X("unit"), X("MiB"));
    xmlNodeSetContent(n, X(arena_printf(l->a, "%llu", (unsigned long long)l->s->vm->mem_mib)));
    return 0;
}

static int
put_disks(struct live *l, struct err *e)
{
    xmlNodePtr devices = xml_node(l->x, NULL, "/domain/devices");

    for (size_t i = 1; i <= l->s->vm->disks.n; i++) {
        SCOPED(xml_doc_free) xmlDocPtr piece = NULL;
        struct domxml_disk_part p;
        const char *xml;
        bool there = false;

        domxml_disk_part(l->s, i, &p);
        for (size_t k = 0; k < l->r.def.n_disks && !there; k++)
            there = strcmp(l->r.def.disks[k].serial, p.serial) == 0;
        if (there)
            continue;
        if (access(p.path, F_OK) != 0)
            return err_set(e, BY_E_IO, "fake: no file %s to plug in", p.path);
        if (domxml_disk(l->s, i, l->a, &xml, e) < 0 || xml_parse(xml, "disk", &piece, e) < 0)
            return -1;
        (void)xmlAddChild(devices, xmlDocCopyNode(xmlDocGetRootElement(piece), l->x->doc, 1));
    }
    return 0;
}

static int
edit_locked(struct fake *f, struct live *l, int (*put)(struct live *, struct err *), struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    const char *id = l->s->vm->id;

    if (fake_dom_load(f->world, id, l->a, &l->d, e) < 0)
        return -1;
    if (l->d.live == NULL)
        return err_set(e, BY_E_CONFLICT, "fake: domain %s does not run", id);
    if (domread_parse(l->d.live, l->a, &l->r, e) < 0 ||
        xml_parse(l->d.live, "domain", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    l->x = x;
    if (!l->r.ours)
        return err_set(e, BY_E_CONFLICT, "fake: domain %s was not made by an order", id);
    if (put(l, e) < 0 || xml_doc_text(doc, l->a, &l->d.live, e) < 0)
        return -1;
    return fake_dom_store(f->world, id, &l->d, e);
}

static int
edit(struct virt *v, const char *op, const struct virt_dom_spec *s,
     int (*put)(struct live *, struct err *), struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct live l = {.s = s, .a = &a};
    struct fake_call c;

    if (fake_enter(v, op, s->vm->id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, edit_locked(c.f, &l, put, e), e);
}

static int
live_vcpus(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    return edit(v, "live.vcpus", s, put_vcpus, e);
}

static int
live_memory(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    return edit(v, "live.memory", s, put_memory, e);
}

static int
live_disks(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    return edit(v, "live.disks", s, put_disks, e);
}

const struct virt_live_ops virt_fake_live_ops = {
    .vcpus = live_vcpus,
    .memory = live_memory,
    .disks = live_disks,
};
