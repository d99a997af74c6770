#include "drivers/virt/domread.h"

#include <string.h>

#include "drivers/virt/xmlutil.h"

/* Namespaces, by their beginning, of managers whose domains are never ours to touch. */
static const char *const managers[] = {
    "http://openstack.org/",
    "https://openstack.org/",
    "http://ovirt.org/",
    "https://ovirt.org/",
    "http://kubevirt.io",
    "https://kubevirt.io",
    "http://harvesterhci.io",
    "https://harvesterhci.io",
    "http://cloudstack.apache.org",
    "https://cloudstack.apache.org",
    "http://www.cloudstack.org",
    "http://opennebula.org/",
    "https://opennebula.org/",
    "http://opennebula.systems/",
    "http://proxmox.com",
    "http://ganeti.org",
    "http://eucalyptus.com",
    "http://xenorchestra.com",
};

bool
domread_is_manager(const char *ns)
{
    for (size_t k = 0; k < ARRAY_LEN(managers); k++)
        if (strncmp(ns, managers[k], strlen(managers[k])) == 0)
            return true;
    return false;
}

static bool
owner_is_other(xmlXPathContextPtr x)
{
    SCOPED(xml_found_free) xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/metadata/*");

    for (int i = 0; found != NULL && i < found->nodesetval->nodeNr; i++) {
        xmlNodePtr n = found->nodesetval->nodeTab[i];

        if (n->ns != NULL && n->ns->href != NULL && domread_is_manager((const char *)n->ns->href))
            return true;
    }
    return false;
}

static int
count_check(xmlXPathObjectPtr found, const char *what, struct err *e)
{
    if (found != NULL && found->nodesetval->nodeNr > DOMREAD_MAX_DEVICES)
        return err_set(e, BY_E_TOO_LARGE, "a domain with more than %d %s is not read",
                       DOMREAD_MAX_DEVICES, what);
    return 0;
}

/* A piece that is too long for its field is cut: only our own are compared, and they fit. */
static void
field_copy(xmlXPathContextPtr x, xmlNodePtr n, const char *expr, char *out, size_t size,
           struct arena *a)
{
    const char *s = xml_text(x, n, expr, a);
    size_t len = s == NULL ? 0 : strnlen(s, size - 1);

    if (len > 0)
        memcpy(out, s, len);
    out[len] = '\0';
}

static int
disks_read(xmlXPathContextPtr x, struct arena *a, struct virt_dom_def *d, struct err *e)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/disk");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr;
    struct virt_disk_seen *out;

    if (count_check(found, "disks", e) < 0)
        return -1;
    out = arena_alloc(a, (n + 1) * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        xmlNodePtr node = found->nodesetval->nodeTab[i];

        field_copy(x, node, "target/@dev", out[i].target, sizeof(out[i].target), a);
        field_copy(x, node, "serial", out[i].serial, sizeof(out[i].serial), a);
        field_copy(x, node, "driver/@type", out[i].format, sizeof(out[i].format), a);
        out[i].path = xml_text(x, node, "source/@file | source/@dev", a);
    }
    d->disks = out;
    d->n_disks = n;
    return 0;
}

static int
nics_read(xmlXPathContextPtr x, struct arena *a, struct virt_dom_def *d, struct err *e)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/interface");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr;
    struct virt_nic_seen *out;

    if (count_check(found, "cards", e) < 0)
        return -1;
    out = arena_alloc(a, (n + 1) * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        xmlNodePtr node = found->nodesetval->nodeTab[i];
        const char *net = xml_text(x, node, "source/@network", a);
        uint64_t mtu = 0;

        if (xml_u64(x, node, "mtu/@size", &mtu, NULL) == 0 && mtu <= UINT16_MAX)
            out[i].mtu = (uint32_t)mtu;
        field_copy(x, node, "mac/@address", out[i].mac, sizeof(out[i].mac), a);
        if (net != NULL && strncmp(net, "by-", 3) == 0 && strlen(net) == 3 + 36)
            memcpy(out[i].network, net + 3, 37);
    }
    d->nics = out;
    d->n_nics = n;
    return 0;
}

static int
size_read(xmlXPathContextPtr x, struct virt_dom_def *d, struct err *e)
{
    uint64_t vcpus_max = 1, vcpus = 0;

    if (xml_u64(x, NULL, "/domain/vcpu", &vcpus_max, e) < 0)
        return -1;
    vcpus = vcpus_max;
    if (xml_u64(x, NULL, "/domain/vcpu/@current", &vcpus, e) < 0 ||
        xml_mib(x, NULL, "/domain/memory", &d->mem_mib, e) < 0)
        return -1;
    if (vcpus > UINT32_MAX || vcpus_max > UINT32_MAX)
        return err_set(e, BY_E_INVALID, "the number of vCPUs is absurd");
    d->vcpus = (uint32_t)vcpus;
    d->vcpus_max = (uint32_t)vcpus_max;
    d->mem_max_mib = d->mem_mib;
    return xml_mib(x, NULL, "/domain/maxMemory", &d->mem_max_mib, e);
}

static int
logs_read(xmlXPathContextPtr x, struct arena *a, struct domread *out, struct err *e)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/domain/devices/*/log/@file");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr, k = 0;
    const char **logs;

    if (count_check(found, "consoles", e) < 0)
        return -1;
    logs = arena_alloc(a, (n + 1) * sizeof(*logs));
    for (size_t i = 0; i < n; i++) {
        const char *s = xml_text(x, found->nodesetval->nodeTab[i], ".", a);
        bool again = s == NULL;

        for (size_t j = 0; j < k && !again; j++) /* libvirt shows a console twice */
            again = strcmp(logs[j], s) == 0;
        if (!again)
            logs[k++] = s;
    }
    out->logs = logs;
    out->n_logs = k;
    out->nvram = xml_text(x, NULL,
                          "/domain/os/nvram[not(source)][normalize-space()] | "
                          "/domain/os/nvram/source/@file",
                          a);
    return 0;
}

int
domread_parse(const char *xml, struct arena *a, struct domread *out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct domread d = {0};
    int marked;

    if (xml_parse(xml, "domain", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    if (xml_copy(x, NULL, "/domain/uuid", d.id, sizeof(d.id), e) < 0)
        return -1;
    field_copy(x, NULL, "/domain/name", d.name, sizeof(d.name), a);
    marked = xml_mark_read(x, &d.mark, e);
    if (marked < 0 || size_read(x, &d.def, e) < 0 || disks_read(x, a, &d.def, e) < 0 ||
        nics_read(x, a, &d.def, e) < 0 || logs_read(x, a, &d, e) < 0)
        return err_wrap(e, "domain %s", d.id);
    d.ours = marked == 1;
    d.other_owner = owner_is_other(x);
    *out = d;
    return 0;
}
