#include <stdio.h>
#include <string.h>

#include "drivers/base/log.h"
#include "drivers/host/bridge.h"
#include "drivers/virt/netxml.h"
#include "drivers/virt/virt_libvirt.h"

static int
net_find_any(struct virt_libvirt *lv, const char *id, virNetworkPtr *out, struct err *e)
{
    *out = virNetworkLookupByUUIDString(lv->conn, id);
    if (*out != NULL)
        return 1;
    return lv_absent() ? 0 : lv_fail(lv, e, "network %s", id);
}

static int
net_find(struct virt_libvirt *lv, const char *id, virNetworkPtr *out, struct err *e)
{
    *out = virNetworkLookupByUUIDString(lv->conn, id);
    return *out != NULL ? 0 : lv_fail(lv, e, "network %s", id);
}

/* The persistent definition; a transient network has only the live one. */
static int
net_xml(struct virt_libvirt *lv, virNetworkPtr n, struct arena *a, const char **out, struct err *e)
{
    const char *name = virNetworkGetName(n);
    int persistent = virNetworkIsPersistent(n);
    SCOPED(free)
    char *xml =
        virNetworkGetXMLDesc(n, persistent == 1 && !lv->is_test ? VIR_NETWORK_XML_INACTIVE : 0);

    if (xml == NULL)
        return lv_fail(lv, e, "definition of network %s", name);
    *out = arena_strdup(a, xml);
    return 0;
}

static int
net_read(struct virt_libvirt *lv, virNetworkPtr n, struct arena *a, struct virt_net_seen *out,
         struct err *e)
{
    const char *name = virNetworkGetName(n);
    struct virt_net_seen s = {0};
    struct netread r = {0};
    const char *xml = NULL;
    int active = virNetworkIsActive(n);

    if (active < 0)
        return lv_fail(lv, e, "state of network %s", name);
    if (net_xml(lv, n, a, &xml, e) < 0)
        return -1;
    /* As with domains: what cannot be read is not ours, and is seen without its parts. */
    if (netxml_parse(xml, a, &r, NULL) < 0)
        (void)virNetworkGetUUIDString(n, r.id);
    memcpy(s.id, r.id, sizeof(s.id));
    (void)snprintf(s.name, sizeof(s.name), "%s", name);
    memcpy(s.bridge, r.bridge, sizeof(s.bridge));
    memcpy(s.cidr, r.cidr, sizeof(s.cidr));
    s.ours = r.ours;
    s.active = active == 1;
    s.mark = r.mark;
    s.hosts = r.hosts;
    s.n_hosts = r.n_hosts;
    *out = s;
    return 0;
}

static int
net_list(struct virt *v, struct arena *a, const struct virt_net_seen **out, size_t *n,
         struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    virNetworkPtr *nets = NULL;
    int count = virConnectListAllNetworks(lv->conn, &nets, 0), rc = 0;
    struct virt_net_seen *list;
    struct err one = {0};
    size_t k = 0;

    if (count < 0)
        return lv_fail(lv, e, "list of networks");
    list = arena_alloc(a, ((size_t)count + 1) * sizeof(*list));
    for (int i = 0; i < count; i++) {
        if (rc == 0 && net_read(lv, nets[i], a, &list[k], &one) == 0)
            k++;
        else if (rc == 0 && one.code != BY_E_NOT_FOUND)
            rc = -1;
        lv_net_free(nets[i]);
    }
    free(nets);
    if (rc < 0) {
        if (e != NULL)
            *e = one;
        return -1;
    }
    *out = list;
    *n = k;
    return 0;
}

/* What a libvirtd that died while it started the network left in its way. */
static bool
bridge_cleared(struct virt_libvirt *lv, virNetworkPtr n)
{
    SCOPED(free) char *bridge = NULL;
    struct err why = {0};
    int rc;

    if (lv->is_test || virNetworkIsActive(n) != 0)
        return false;
    bridge = virNetworkGetBridgeName(n);
    rc = bridge == NULL ? 0 : bridge_drop_stale(bridge, &why);
    if (rc != 0)
        log_warn("bridge.stale", "bridge=%s removed=%d reason=" LOG_Q, bridge, rc == 1, why.msg);
    return rc == 1;
}

static int
net_up(struct virt_libvirt *lv, virNetworkPtr n, struct err *e)
{
    const char *name = virNetworkGetName(n);

    if (virNetworkIsActive(n) == 1 || virNetworkCreate(n) == 0)
        return 0;
    (void)lv_fail(lv, e, "network %s cannot be started", name);
    if (virNetworkIsActive(n) != 1 && !(bridge_cleared(lv, n) && virNetworkCreate(n) == 0))
        return -1;
    err_clear(e);
    return 0;
}

static int
net_define_in(struct virt_libvirt *lv, const struct virt_net_spec *s, struct arena *a,
              struct err *e)
{
    SCOPED(lv_net_free) virNetworkPtr n = NULL;
    SCOPED(lv_net_free) virNetworkPtr defined = NULL;
    const char *xml = NULL, *old = NULL;
    bool changed = true;
    int found = net_find_any(lv, s->net->id, &n, e);

    if (found < 0)
        return -1;
    if (found == 1) {
        if (net_xml(lv, n, a, &old, e) < 0 || netxml_edit(old, s, a, &xml, &changed, e) < 0)
            return -1;
    } else if (netxml_build(s, a, &xml, e) < 0) {
        return -1;
    }
    if (!changed)
        return net_up(lv, n, e);
    defined = virNetworkDefineXML(lv->conn, xml);
    if (defined == NULL)
        return lv_fail(lv, e, "network %s cannot be defined", s->net->id);
    return net_up(lv, defined, e);
}

static int
net_define(struct virt *v, const struct virt_net_spec *s, struct err *e)
{
    struct arena a = {0};
    int rc = net_define_in(lv_of(v), s, &a, e);

    arena_clear(&a);
    return rc;
}

static int
net_start(struct virt *v, const char *id, struct err *e)
{
    SCOPED(lv_net_free) virNetworkPtr n = NULL;

    if (net_find(lv_of(v), id, &n, e) < 0)
        return -1;
    return net_up(lv_of(v), n, e);
}

/* ---- fixed addresses ----------------------------------------------------------------------- */

/* The definition or the running network: a crash of libvirtd may leave an address in one of them,
 * so each is looked at and mended by itself. */
struct side {
    struct virt_libvirt *lv;
    virNetworkPtr n;
    unsigned read, update; /* flags */
    struct netread seen;
};

static int
side_read(struct side *s, bool live, struct arena *a, struct err *e)
{
    const char *name = virNetworkGetName(s->n);
    SCOPED(free) char *xml = NULL;

    s->read = live || s->lv->is_test ? 0 : VIR_NETWORK_XML_INACTIVE;
    s->update = live ? VIR_NETWORK_UPDATE_AFFECT_LIVE : VIR_NETWORK_UPDATE_AFFECT_CONFIG;
    xml = virNetworkGetXMLDesc(s->n, s->read);
    if (xml == NULL)
        return lv_fail(s->lv, e, "definition of network %s", name);
    return netxml_parse(xml, a, &s->seen, e);
}

static const struct virt_net_host *
host_of(const struct side *s, const char *mac)
{
    for (size_t i = 0; i < s->seen.n_hosts; i++)
        if (strcasecmp(s->seen.hosts[i].mac, mac) == 0)
            return &s->seen.hosts[i];
    return NULL;
}

static int
host_update(struct side *s, virNetworkUpdateCommand command, const struct virt_net_host *h,
            struct arena *a, struct err *e)
{
    const char *name = virNetworkGetName(s->n), *xml;

    if (netxml_host(h, a, &xml, e) < 0)
        return -1;
    if (virNetworkUpdate(s->n, command, VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, xml, s->update) < 0)
        return lv_fail(s->lv, e, "address of %s in network %s", h->mac, name);
    return 0;
}

static int
host_put(struct side *s, const struct virt_net_host *h, struct arena *a, struct err *e)
{
    const struct virt_net_host *old = host_of(s, h->mac);

    if (old != NULL && strcmp(old->ip, h->ip) == 0 && strcmp(old->name, h->name) == 0)
        return 0;
    for (size_t i = 0; i < s->seen.n_hosts; i++)
        if (&s->seen.hosts[i] != old && strcmp(s->seen.hosts[i].ip, h->ip) == 0)
            return err_set(e, BY_E_CONFLICT, "address %s in network %s belongs to %s", h->ip,
                           s->seen.name, s->seen.hosts[i].mac);
    /* libvirt cannot change a name or address in place. */
    if (old != NULL && host_update(s, VIR_NETWORK_UPDATE_COMMAND_DELETE, old, a, e) < 0)
        return -1;
    return host_update(s, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, h, a, e);
}

static int
host_drop(struct side *s, const char *mac, struct arena *a, struct err *e)
{
    const struct virt_net_host *old = host_of(s, mac);

    return old == NULL ? 0 : host_update(s, VIR_NETWORK_UPDATE_COMMAND_DELETE, old, a, e);
}

/* Put h, or with h NULL drop mac, in the definition and in the running network. */
static int
host_both(struct virt_libvirt *lv, virNetworkPtr n, const struct virt_net_host *h, const char *mac,
          struct err *e)
{
    bool active = virNetworkIsActive(n) == 1;
    struct side s = {.lv = lv, .n = n};
    struct arena a = {0};
    int rc = 0;

    for (int live = 0; live <= active && rc == 0; live++) {
        rc = side_read(&s, live == 1, &a, e);
        if (rc == 0)
            rc = h != NULL ? host_put(&s, h, &a, e) : host_drop(&s, mac, &a, e);
    }
    arena_clear(&a);
    return rc;
}

static int
net_host_add(struct virt *v, const char *id, const struct virt_net_host *h, struct err *e)
{
    SCOPED(lv_net_free) virNetworkPtr n = NULL;

    if (net_find(lv_of(v), id, &n, e) < 0)
        return -1;
    return host_both(lv_of(v), n, h, h->mac, e);
}

static int
net_host_remove(struct virt *v, const char *id, const char *mac, struct err *e)
{
    SCOPED(lv_net_free) virNetworkPtr n = NULL;
    int found = net_find_any(lv_of(v), id, &n, e);

    return found <= 0 ? found : host_both(lv_of(v), n, NULL, mac, e);
}

static int
net_remove(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_net_free) virNetworkPtr n = NULL;
    int found = net_find_any(lv, id, &n, e);

    if (found <= 0)
        return found;
    if (virNetworkIsActive(n) == 1 && virNetworkDestroy(n) < 0 && virNetworkIsActive(n) == 1)
        return lv_fail(lv, e, "network %s cannot be stopped", id);
    if (virNetworkUndefine(n) < 0 && !lv_absent())
        return lv_fail(lv, e, "network %s cannot be removed", id);
    return 0;
}

const struct virt_net_ops virt_libvirt_net = {
    .list = net_list,
    .define = net_define,
    .start = net_start,
    .host_add = net_host_add,
    .host_remove = net_host_remove,
    .remove = net_remove,
};
