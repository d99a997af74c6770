#include "drivers/virt/domedit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drivers/codec/netpart.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "drivers/virt/xmlutil.h"

#define X(s) ((const xmlChar *)(s))

struct edit {
    xmlXPathContextPtr x;
    const struct virt_dom_spec *s;
    struct arena *a;
    bool changed;
};

static void
text_set(struct edit *d, xmlNodePtr n, const char *value)
{
    xmlChar *old = xmlNodeGetContent(n);

    if (old == NULL || strcmp((const char *)old, value) != 0) {
        xmlNodeSetContent(n, NULL);
        xmlNodeAddContent(n, X(value)); /* takes the text as it is: no entities */
        d->changed = true;
    }
    xmlFree(old);
}

static void
prop_put(struct edit *d, xmlNodePtr n, const char *name, const char *value)
{
    xmlChar *old = xmlGetNoNsProp(n, X(name));

    if (old == NULL || strcmp((const char *)old, value) != 0) {
        (void)xmlSetProp(n, X(name), X(value)); /* fails only without memory: readback sees it */
        d->changed = true;
    }
    xmlFree(old);
}

static const char *
number(struct edit *d, uint64_t v)
{
    return arena_printf(d->a, "%" PRIu64, v);
}

static void
node_drop(struct edit *d, xmlNodePtr n)
{
    if (n->prev != NULL && n->prev->type == XML_TEXT_NODE && xmlIsBlankNode(n->prev)) {
        xmlNodePtr blank = n->prev;

        xmlUnlinkNode(blank);
        xmlFreeNode(blank);
    }
    xmlUnlinkNode(n);
    xmlFreeNode(n);
    d->changed = true;
}

/* A size element in KiB.  Left alone when it says the same size already. */
static int
size_put(struct edit *d, const char *expr, uint64_t mib, struct err *e)
{
    xmlNodePtr n = xml_node(d->x, NULL, expr);
    uint64_t old = 0;

    if (n == NULL)
        return err_set(e, BY_E_INVALID, "vm %s: its definition has no %s", d->s->vm->id, expr);
    if (xml_mib(d->x, NULL, expr, &old, e) == 0 && old == mib)
        return 0;
    prop_put(d, n, "unit", "KiB");
    text_set(d, n, number(d, mib << 10));
    return 0;
}

static int
memory_put(struct edit *d, struct err *e)
{
    const struct w_vm_spec *vm = d->s->vm;
    xmlNodePtr n = xml_node(d->x, NULL, "/domain/maxMemory");
    xmlNodePtr first = xml_node(d->x, NULL, "/domain/memory");

    if (size_put(d, "/domain/memory", vm->mem_mib, e) < 0)
        return -1;
    if (xml_node(d->x, NULL, "/domain/currentMemory") != NULL &&
        size_put(d, "/domain/currentMemory", vm->mem_mib, e) < 0)
        return -1;
    if (vm->mem_max_mib <= vm->mem_mib) { /* QEMU refuses slots without room to grow */
        for (; n != NULL; n = xml_node(d->x, NULL, "/domain/maxMemory"))
            node_drop(d, n);
        return 0;
    }
    if (n != NULL)
        return size_put(d, "/domain/maxMemory", vm->mem_max_mib, e);
    n = xmlAddPrevSibling(first, xmlNewNode(NULL, X("maxMemory")));
    prop_put(d, n, "slots", number(d, DOMXML_MEMORY_SLOTS));
    prop_put(d, n, "unit", "KiB");
    text_set(d, n, number(d, vm->mem_max_mib << 10));
    return 0;
}

static int
vcpus_put(struct edit *d, struct err *e)
{
    const struct w_vm_spec *vm = d->s->vm;
    xmlNodePtr n = xml_node(d->x, NULL, "/domain/vcpu");

    if (n == NULL)
        return err_set(e, BY_E_INVALID, "vm %s: its definition has no vcpu", vm->id);
    text_set(d, n, number(d, vm->vcpus_max));
    /* libvirt leaves out current when it is the maximum. */
    if (vm->vcpus != vm->vcpus_max || xmlHasProp(n, X("current")) != NULL)
        prop_put(d, n, "current", number(d, vm->vcpus));
    return 0;
}

/* One cell holds all; more than one was made by hand and is left to who made it. */
static int
numa_put(struct edit *d, struct err *e)
{
    const struct w_vm_spec *vm = d->s->vm;
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(d->x, NULL, "/domain/cpu/numa/cell");

    if (found == NULL)
        return 0;
    if (found->nodesetval->nodeNr != 1)
        return err_set(e, BY_E_CONFLICT,
                       "vm %s: its definition was given several NUMA cells by hand; size them "
                       "there, or take them out",
                       vm->id);
    prop_put(d, found->nodesetval->nodeTab[0], "cpus",
             vm->vcpus_max == 1 ? "0" : arena_printf(d->a, "0-%u", vm->vcpus_max - 1));
    prop_put(d, found->nodesetval->nodeTab[0], "memory", number(d, vm->mem_mib << 10));
    prop_put(d, found->nodesetval->nodeTab[0], "unit", "KiB");
    return 0;
}

/* Put a piece of domxml's writing behind the node `after`, or last in devices. */
static int
piece_add(struct edit *d, const char *text, xmlNodePtr after, struct err *e)
{
    xmlNodePtr devices = xml_node(d->x, NULL, "/domain/devices"), copy;
    SCOPED(xml_doc_free)
    xmlDocPtr piece = xmlReadMemory(text, (int)strlen(text), "piece.xml", NULL,
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

    if (devices == NULL || piece == NULL)
        return err_set(e, BY_E_INVALID, "vm %s: its definition has no devices", d->s->vm->id);
    copy = xmlDocCopyNode(xmlDocGetRootElement(piece), d->x->doc, 1);
    if (copy == NULL)
        return err_set(e, BY_E_NOMEM, "no memory to edit XML");
    if (after != NULL)
        (void)xmlAddNextSibling(after, copy);
    else
        (void)xmlAddChild(devices, copy);
    d->changed = true;
    return 0;
}

static const char *
base_name(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    return slash == NULL ? "" : slash + 1;
}

static bool
disk_is_wanted(struct edit *d, const char *serial)
{
    struct domxml_disk_part p;

    for (size_t i = 0; i < domxml_disk_count(d->s); i++) {
        domxml_disk_part(d->s, i, &p);
        if (strcmp(p.serial, serial) == 0)
            return true;
    }
    return false;
}

static void
disks_drop(struct edit *d)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(d->x, NULL, "/domain/devices/disk");

    for (int i = 0; found != NULL && i < found->nodesetval->nodeNr; i++) {
        xmlNodePtr n = found->nodesetval->nodeTab[i];
        const char *serial = xml_text(d->x, n, "serial", d->a);
        const char *path = xml_text(d->x, n, "source/@file", d->a);

        if (serial != NULL && strncmp(base_name(path), "by-", 3) == 0 &&
            !disk_is_wanted(d, serial)) {
            node_drop(d, n);
            found->nodesetval->nodeTab[i] = NULL; /* freed: the set must not look at it again */
        }
    }
}

static xmlNodePtr
disk_find(struct edit *d, const char *serial)
{
    /* Our serials are hex digits: nothing to escape in the expression. */
    return xml_node(d->x, NULL, arena_printf(d->a, "/domain/devices/disk[serial[1]='%s']", serial));
}

static int
disks_put(struct edit *d, struct err *e)
{
    xmlNodePtr last = NULL;

    disks_drop(d);
    for (size_t i = 0; i < domxml_disk_count(d->s); i++) {
        struct domxml_disk_part p;
        const char *text;
        xmlNodePtr n, source;

        domxml_disk_part(d->s, i, &p);
        n = disk_find(d, p.serial);
        source = n == NULL ? NULL : xml_node(d->x, n, "source");
        for (; n != NULL && source == NULL; n = disk_find(d, p.serial)) {
            source = xml_node(d->x, n, "source");
            if (source != NULL)
                break;
            node_drop(d, n); /* one of ours that lost its file */
        }
        if (source != NULL) {
            prop_put(d, source, "file", p.path);
            last = n;
            continue;
        }
        if (domxml_disk(d->s, i, d->a, &text, e) < 0 || piece_add(d, text, last, e) < 0)
            return -1;
    }
    return 0;
}

static const struct w_nic *
nic_wanted(struct edit *d, const char *mac)
{
    for (size_t i = 0; mac != NULL && i < d->s->vm->nics.n; i++) {
        const struct w_nic *n = JM_ITEM(d->s->vm->nics, const struct w_nic, i);

        if (strcmp(n->mac, mac) == 0)
            return n;
    }
    return NULL;
}

/* A network may have become a part of a segment since; the card takes it from its next start on. */
static void
mtu_put(struct edit *d, xmlNodePtr nic)
{
    xmlNodePtr mtu = xml_node(d->x, nic, "mtu");

    if (mtu == NULL)
        mtu = xmlNewChild(nic, NULL, X("mtu"), NULL);
    if (mtu != NULL)
        prop_put(d, mtu, "size", number(d, SEGMENT_MTU));
}

static int
nics_put(struct edit *d, struct err *e)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(d->x, NULL, "/domain/devices/interface");
    bool have[8] = {false};

    for (int i = 0; found != NULL && i < found->nodesetval->nodeNr; i++) {
        xmlNodePtr n = found->nodesetval->nodeTab[i];
        const char *net = xml_text(d->x, n, "source/@network", d->a);
        const struct w_nic *w = nic_wanted(d, xml_text(d->x, n, "mac/@address", d->a));
        size_t k;

        if (w != NULL && net != NULL) {
            prop_put(d, xml_node(d->x, n, "source"), "network",
                     arena_printf(d->a, "by-%s", w->network));
            k = (size_t)(w - (const struct w_nic *)d->s->vm->nics.items);
            have[k] = true;
            if ((d->s->segment_nics >> k & 1) != 0)
                mtu_put(d, n);
        } else if (w != NULL || (net != NULL && strncmp(net, "by-", 3) == 0)) {
            /* Not ordered any more, or ordered and hung elsewhere: a MAC must not be there twice.
             */
            node_drop(d, n);
            found->nodesetval->nodeTab[i] = NULL;
        }
    }
    for (size_t i = 0; i < d->s->vm->nics.n; i++) {
        const char *text;

        if (!have[i] &&
            (domxml_nic(d->s, i, d->a, &text, e) < 0 || piece_add(d, text, NULL, e) < 0))
            return -1;
    }
    return 0;
}

/* ---- a machine that was there before its grant ---- */

/* The maximum and what pins it stay: only how many are online changes. */
static int
existing_vcpus_put(struct edit *d, struct err *e)
{
    const struct w_vm_spec *vm = d->s->vm;
    xmlNodePtr n = xml_node(d->x, NULL, "/domain/vcpu"), list;
    uint64_t max = 1, now;

    if (n == NULL || xml_u64(d->x, NULL, "/domain/vcpu", &max, e) < 0)
        return err_set(e, BY_E_INVALID, "its definition has no vcpu");
    now = max;
    if (xml_u64(d->x, NULL, "/domain/vcpu/@current", &now, e) < 0)
        return -1;
    if (now == vm->vcpus)
        return 0;
    if (vm->vcpus > max)
        return err_set(e, BY_E_CONFLICT, "its definition has a maximum of %llu vCPUs",
                       (unsigned long long)max);
    prop_put(d, n, "current", number(d, vm->vcpus));
    list = xml_node(d->x, NULL, "/domain/vcpus"); /* which are online: libvirt chooses anew */
    if (list != NULL)
        node_drop(d, list);
    return 0;
}

static int
existing_cell_put(struct edit *d, struct err *e)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(d->x, NULL, "/domain/cpu/numa/cell");

    if (found == NULL)
        return 0;
    if (found->nodesetval->nodeNr != 1)
        return err_set(e, BY_E_CONFLICT,
                       "it has several NUMA cells: size their memory by hand, or take them out");
    prop_put(d, found->nodesetval->nodeTab[0], "memory", number(d, d->s->vm->mem_mib << 10));
    prop_put(d, found->nodesetval->nodeTab[0], "unit", "KiB");
    return 0;
}

/* A balloon's target that an administrator set stays unless it is above the new size; one that gave
 * the guest all it had does so again. */
static int
existing_memory_put(struct edit *d, struct err *e)
{
    const struct w_vm_spec *vm = d->s->vm;
    uint64_t now = 0, target = 0;

    if (xml_mib(d->x, NULL, "/domain/memory", &now, e) < 0 ||
        xml_mib(d->x, NULL, "/domain/currentMemory", &target, e) < 0)
        return -1;
    if (now == vm->mem_mib)
        return 0;
    if (size_put(d, "/domain/memory", vm->mem_mib, e) < 0 ||
        ((target == now || target > vm->mem_mib) && target != 0 &&
         size_put(d, "/domain/currentMemory", vm->mem_mib, e) < 0))
        return -1;
    return existing_cell_put(d, e);
}

static int
existing_put(struct edit *d, struct err *e)
{
    return existing_vcpus_put(d, e) < 0 ? -1 : existing_memory_put(d, e);
}

static int
made_put(struct edit *d, struct err *e)
{
    return memory_put(d, e) < 0 || vcpus_put(d, e) < 0 || numa_put(d, e) < 0 ||
                   disks_put(d, e) < 0 || nics_put(d, e) < 0
               ? -1
               : 0;
}

static void
title_put(struct edit *d)
{
    xmlNodePtr n = xml_node(d->x, NULL, "/domain/title");
    xmlNodePtr uuid = xml_node(d->x, NULL, "/domain/uuid");

    if (n == NULL && uuid != NULL)
        n = xmlAddNextSibling(uuid, xmlNewNode(NULL, X("title")));
    if (n != NULL)
        text_set(d, n, d->s->vm->name);
}

int
domedit_apply(const char *xml, const struct virt_dom_spec *s, struct arena *a, const char **out,
              bool *changed, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct edit d = {.s = s, .a = a};
    struct virt_mark old;
    int marked;

    if (domxml_check(s, e) < 0 || xml_parse(xml, "domain", &doc, e) < 0 ||
        xml_xpath_new(doc, &x, e) < 0)
        return -1;
    d.x = x;
    marked = xml_mark_read(x, &old, e);
    if (marked < 0)
        return -1;
    if (marked == 0)
        return err_set(e, BY_E_CONFLICT,
                       "a domain with the UUID %s is on this host and was not made by an order; it "
                       "is left alone",
                       s->vm->id);
    d.changed = xml_mark_set(x, &s->mark) != 0;
    if (s->vm->adopt.id[0] == '\0')
        title_put(&d);
    if ((s->vm->adopt.id[0] != '\0' ? existing_put(&d, e) : made_put(&d, e)) < 0)
        return err_wrap(e, "vm %s", s->vm->id);
    *changed = d.changed;
    if (!d.changed) {
        *out = xml;
        return 0;
    }
    return xml_doc_text(doc, a, out, e);
}
