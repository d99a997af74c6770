#include "drivers/virt/domfound.h"

#include <stdio.h>
#include <string.h>

#include "drivers/crypto/digest.h"
#include "drivers/host/disk.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/xmlutil.h"

enum { DISKS_MAX = 32, NICS_MAX = 16 }; /* as wire.def */

static const char *
or_empty(const char *s)
{
    return s == NULL ? "" : s;
}

static void
copy(xmlXPathContextPtr x, xmlNodePtr n, const char *expr, char *out, size_t size, struct arena *a)
{
    (void)snprintf(out, size, "%s", or_empty(xml_text(x, n, expr, a)));
}

static bool
has(xmlXPathContextPtr x, xmlNodePtr n, const char *expr)
{
    return xml_node(x, n, expr) != NULL;
}

/* ---- disks and cards ---- */

static const char *
disk_path(xmlXPathContextPtr x, xmlNodePtr n, const char *kind, struct arena *a)
{
    const char *pool = xml_text(x, n, "source/@pool", a);
    const char *protocol = xml_text(x, n, "source/@protocol", a);

    if (strcmp(kind, "volume") == 0)
        return arena_printf(a, "%s/%s", or_empty(pool),
                            or_empty(xml_text(x, n, "source/@volume", a)));
    if (strcmp(kind, "network") == 0)
        return arena_printf(a, "%s:%s", or_empty(protocol),
                            or_empty(xml_text(x, n, "source/@name", a)));
    return xml_text(x, n, "source/@file | source/@dev | source/@dir", a);
}

static void
disk_read(xmlXPathContextPtr x, xmlNodePtr n, struct arena *a, struct w_found_disk *d)
{
    const char *device = xml_text(x, n, "@device", a);
    char backing[PATH_MAX];

    copy(x, n, "target/@dev", d->target, sizeof(d->target), a);
    copy(x, n, "@type", d->kind, sizeof(d->kind), a);
    copy(x, n, "driver/@type", d->format, sizeof(d->format), a);
    d->path = disk_path(x, n, d->kind, a);
    d->shared = has(x, n, "readonly") || has(x, n, "shareable") ||
                (device != NULL && strcmp(device, "disk") != 0 && strcmp(device, "lun") != 0);
    if (d->path == NULL)
        (void)snprintf(d->kind, sizeof(d->kind), "none");
    if (d->path == NULL || d->path[0] != '/')
        return;
    d->bytes = disk_bytes(d->path, d->format);
    if (disk_backing(d->path, d->format, backing))
        d->backing = arena_strdup(a, backing);
}

static bool
disks_read(xmlXPathContextPtr x, struct arena *a, struct w_adoption *p)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/disk");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr;
    struct w_found_disk *d;

    if (n > DISKS_MAX)
        return false;
    d = arena_alloc(a, (n + 1) * sizeof(*d));
    for (size_t i = 0; i < n; i++)
        disk_read(x, found->nodesetval->nodeTab[i], a, &d[i]);
    p->disks = (struct jm_list){d, n};
    return true;
}

static bool
nics_read(xmlXPathContextPtr x, struct arena *a, struct w_adoption *p)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/interface");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr;
    struct w_found_nic *c;

    if (n > NICS_MAX)
        return false;
    c = arena_alloc(a, (n + 1) * sizeof(*c));
    for (size_t i = 0; i < n; i++) {
        xmlNodePtr node = found->nodesetval->nodeTab[i];

        copy(x, node, "mac/@address", c[i].mac, sizeof(c[i].mac), a);
        copy(x, node, "@type", c[i].kind, sizeof(c[i].kind), a);
        copy(x, node, "source/@network | source/@bridge | source/@dev", c[i].source,
             sizeof(c[i].source), a);
    }
    p->nics = (struct jm_list){c, n};
    return true;
}

/* ---- who owns it, what of the host it has ---- */

static void
metadata_read(xmlXPathContextPtr x, struct arena *a, struct w_found *out)
{
    SCOPED(xml_found_free) xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/metadata/*");
    SCOPED(strbuf) struct strbuf all = {0};

    for (int i = 0; found != NULL && i < found->nodesetval->nodeNr; i++) {
        const xmlNs *ns = found->nodesetval->nodeTab[i]->ns;
        const char *href = ns == NULL ? NULL : (const char *)ns->href;

        if (href == NULL || strcmp(href, XML_BY_NS) == 0)
            continue;
        strbuf_addf(&all, "%s%s", all.len > 0 ? " " : "", href);
        if (out->owner[0] == '\0' && domread_is_manager(href))
            (void)snprintf(out->owner, sizeof(out->owner), "%s", href);
    }
    if (all.len > 0)
        out->metadata = arena_strdup(a, strbuf_peek(&all));
}

static void
host_device_add(xmlXPathContextPtr x, xmlNodePtr n, struct arena *a, struct strbuf *all)
{
    const char *type = xml_text(x, n, "@type", a);
    xmlNodePtr at = xml_node(x, n, "source/address");

    strbuf_addf(all, "%s%s", all->len > 0 ? ", " : "", or_empty(type));
    if (at != NULL && type != NULL && strcmp(type, "usb") != 0)
        strbuf_addf(all, " %s:%s:%s.%s", or_empty(xml_text(x, at, "@domain", a)),
                    or_empty(xml_text(x, at, "@bus", a)), or_empty(xml_text(x, at, "@slot", a)),
                    or_empty(xml_text(x, at, "@function", a)));
    if (has(x, n, "source/vendor"))
        strbuf_addf(all, " %s:%s", or_empty(xml_text(x, n, "source/vendor/@id", a)),
                    or_empty(xml_text(x, n, "source/product/@id", a)));
}

static void
host_devices_read(xmlXPathContextPtr x, struct arena *a, struct w_found *out)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found =
        xml_nodes(x, NULL, "/domain/devices/hostdev | /domain/devices/interface[@type='hostdev']");
    SCOPED(strbuf) struct strbuf all = {0};

    for (int i = 0; found != NULL && i < found->nodesetval->nodeNr; i++)
        host_device_add(x, found->nodesetval->nodeTab[i], a, &all);
    if (all.len > 0)
        out->host_devices = arena_strdup(a, strbuf_peek(&all));
}

/* ---- the whole ---- */

static int
sizes_read(const char *xml, struct arena *a, struct w_adoption *p, struct err *e)
{
    struct domread r;

    if (domread_parse(xml, a, &r, e) < 0)
        return -1;
    memcpy(p->id, r.id, sizeof(p->id));
    memcpy(p->name, r.name, sizeof(p->name));
    p->vcpus = r.def.vcpus;
    p->vcpus_max = r.def.vcpus_max;
    p->mem_mib = r.def.mem_mib;
    p->mem_max_mib = r.def.mem_max_mib > r.def.mem_mib ? r.def.mem_max_mib : r.def.mem_mib;
    return 0;
}

int
domfound_parse(const char *xml, struct arena *a, struct w_found *out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct w_found f = {0};
    const char *unmarked;

    if (sizes_read(xml, a, &f.parts, e) < 0 || xml_parse(xml, "domain", &doc, e) < 0 ||
        xml_xpath_new(doc, &x, e) < 0 || domfound_unmarked(xml, a, &unmarked, e) < 0)
        return -1;
    f.parts.firmware = has(x, NULL, "/domain/os[@firmware='efi']") ||
                               has(x, NULL, "/domain/os/loader[@type='pflash']")
                           ? FW_UEFI
                           : FW_BIOS;
    if (!disks_read(x, a, &f.parts) || !nics_read(x, a, &f.parts)) {
        f.parts.disks = f.parts.nics = (struct jm_list){0};
        f.parts.vcpus = f.parts.vcpus_max = 0;
        f.parts.mem_mib = f.parts.mem_max_mib = 0;
    }
    metadata_read(x, a, &f);
    host_devices_read(x, a, &f);
    f.balloon = has(x, NULL, "/domain/devices/memballoon[@model!='none']");
    digest_sha256_hex(unmarked, strlen(unmarked), f.xml_sha256);
    *out = f;
    return 0;
}

/* ---- how it runs ---- */

static bool
runs_with_disks(xmlXPathContextPtr x, struct arena *a, const struct w_adoption *p)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/disk");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr, same = 0;

    for (size_t i = 0; i < n; i++) {
        xmlNodePtr node = found->nodesetval->nodeTab[i];
        const char *target = or_empty(xml_text(x, node, "target/@dev", a));
        const char *path = or_empty(disk_path(x, node, or_empty(xml_text(x, node, "@type", a)), a));

        for (size_t k = 0; k < p->disks.n; k++) {
            const struct w_found_disk *d = JM_ITEM(p->disks, struct w_found_disk, k);

            /* Another disc in a drive is nobody's business. */
            same += strncmp(d->target, target, sizeof(d->target) - 1) == 0 &&
                    (d->shared || strcmp(or_empty(d->path), path) == 0);
        }
    }
    return n == p->disks.n && same == n;
}

static bool
runs_with_nics(xmlXPathContextPtr x, struct arena *a, const struct w_adoption *p)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/interface");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr, same = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < p->nics.n; k++)
            same +=
                strcmp(JM_ITEM(p->nics, struct w_found_nic, k)->mac,
                       or_empty(xml_text(x, found->nodesetval->nodeTab[i], "mac/@address", a))) ==
                0;
    return n == p->nics.n && same >= n;
}

int
domfound_running(const char *xml, struct arena *a, struct w_found *f, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct w_found live = {0};

    if (xml_parse(xml, "domain", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    metadata_read(x, a, &live);
    host_devices_read(x, a, &live);
    if (f->owner[0] == '\0')
        memcpy(f->owner, live.owner, sizeof(f->owner));
    if (f->host_devices == NULL)
        f->host_devices = live.host_devices;
    f->job = f->job || has(x, NULL, "/domain/devices/disk/mirror");
    f->unequal =
        f->unequal || !runs_with_disks(x, a, &f->parts) || !runs_with_nics(x, a, &f->parts);
    return 0;
}

static bool
is_ours(const char *path)
{
    const char *base = strrchr(path, '/');

    return base != NULL && strncmp(base, "/by-", 4) == 0;
}

void
domfound_measure(struct virt_dom_def *d)
{
    /* The list is the back end's own, just made. */
    struct virt_disk_seen *disks = (struct virt_disk_seen *)(uintptr_t)d->disks;

    for (size_t i = 0; i < d->n_disks; i++)
        if (disks[i].path != NULL && disks[i].path[0] == '/' && !is_ours(disks[i].path))
            disks[i].bytes = disk_bytes(disks[i].path, disks[i].format);
}

const char *
domfound_state(enum virt_state s)
{
    switch (s) {
    case VIRT_RUNNING:
        return "running";
    case VIRT_PAUSED:
        return "paused";
    case VIRT_SHUTOFF:
        return "off";
    case VIRT_CRASHED:
        return "crashed";
    case VIRT_UNKNOWN:
    case VIRT_STATE__MAX:
        break;
    }
    return "unknown";
}

static void
drop(xmlNodePtr n)
{
    xmlNodePtr blank = n->prev;

    if (blank != NULL && blank->type == XML_TEXT_NODE && xmlIsBlankNode(blank)) {
        xmlUnlinkNode(blank);
        xmlFreeNode(blank);
    }
    xmlUnlinkNode(n);
    xmlFreeNode(n);
}

int
domfound_unmarked(const char *xml, struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    xmlNodePtr n;

    if (xml_parse(xml, "domain", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    while ((n = xml_node(x, NULL, "/domain/metadata/by:mark")) != NULL)
        drop(n);
    n = xml_node(x, NULL, "/domain/metadata[not(*)]");
    if (n != NULL)
        drop(n);
    return xml_doc_text(doc, a, out, e);
}
