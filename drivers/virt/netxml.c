#include "drivers/virt/netxml.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "drivers/codec/netpart.h"
#include "drivers/virt/xmlutil.h"

enum { MAX_HOSTS = 65536 };

/* "10.1.2.0/24" -> "10.1.2.1" and 24. */
static int
range_split(const char *cidr, char gateway[20], uint32_t *prefix, struct err *e)
{
    char base[20] = "";
    const char *slash = strchr(cidr, '/');
    struct in_addr addr;
    char *end;
    unsigned long p = slash == NULL ? 0 : strtoul(slash + 1, &end, 10);

    if (slash == NULL || (size_t)(slash - cidr) >= sizeof(base) || *end != '\0' || p < 8 || p > 30)
        return err_field(e, BY_E_INVALID, "cidr", "'%s' is not an IPv4 range", cidr);
    memcpy(base, cidr, (size_t)(slash - cidr));
    if (inet_pton(AF_INET, base, &addr) != 1)
        return err_field(e, BY_E_INVALID, "cidr", "'%s' is not an IPv4 range", cidr);
    addr.s_addr = htonl(ntohl(addr.s_addr) + 1);
    (void)inet_ntop(AF_INET, &addr, gateway, 20);
    *prefix = (uint32_t)p;
    return 0;
}

int
netxml_build(const struct virt_net_spec *s, struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};
    char name[W_ID + 4], gateway[20];
    uint32_t prefix = 0;

    if (range_split(s->net->cidr, gateway, &prefix, e) < 0)
        return err_wrap(e, "network %s", s->net->id);
    if (xml_out_init(&o, e) < 0)
        return -1;
    (void)snprintf(name, sizeof(name), "by-%s", s->net->id);
    xml_open(&o, "network");
    xml_elem(&o, "name", name);
    xml_elem(&o, "uuid", s->net->id);
    xml_mark_write(&o, &s->mark);
    xml_open(&o, "bridge");
    xml_attr(&o, "name", s->net->bridge);
    xml_attr(&o, "stp", "off"); /* one bridge cannot loop; with STP a card waits 30 s */
    xml_attr(&o, "delay", "0");
    xml_close(&o);
    if (s->net->vni != 0) {
        xml_open(&o, "mtu");
        xml_attr_u64(&o, "size", SEGMENT_MTU);
        xml_close(&o);
    }
    xml_open(&o, "dns");
    xml_attr(&o, "enable", "no");
    xml_close(&o);
    xml_open(&o, "ip");
    xml_attr(&o, "address", gateway);
    xml_attr_u64(&o, "prefix", prefix);
    xml_open(&o, "dhcp");
    xml_close(&o);
    xml_close(&o);
    xml_close(&o);
    if (xml_out_text(&o, a, out, e) < 0)
        return err_wrap(e, "network %s", s->net->id);
    return 0;
}

/* The range of address and prefix or netmask; "" when libvirt gives none (a plain bridge). */
static void
range_read(xmlXPathContextPtr x, struct arena *a, char cidr[20])
{
    const char *ip = xml_text(x, NULL, "/network/ip[not(@family='ipv6')]/@address", a);
    const char *mask = xml_text(x, NULL, "/network/ip[not(@family='ipv6')]/@netmask", a);
    struct in_addr addr, m;
    uint64_t prefix = 32;
    char text[INET_ADDRSTRLEN];

    cidr[0] = '\0';
    if (ip == NULL || inet_pton(AF_INET, ip, &addr) != 1)
        return;
    if (mask != NULL && inet_pton(AF_INET, mask, &m) == 1)
        prefix = (uint64_t)__builtin_popcount(m.s_addr);
    else if (xml_u64(x, NULL, "/network/ip[not(@family='ipv6')]/@prefix", &prefix, NULL) < 0)
        return;
    if (prefix > 32)
        return;
    addr.s_addr &= prefix == 0 ? 0 : htonl(UINT32_MAX << (32 - prefix));
    if (inet_ntop(AF_INET, &addr, text, sizeof(text)) != NULL)
        (void)snprintf(cidr, 20, "%s/%u", text, (unsigned)prefix);
}

static int
hosts_read(xmlXPathContextPtr x, struct arena *a, struct netread *out, struct err *e)
{
    SCOPED(xml_found_free)
    xmlXPathObjectPtr found = xml_nodes(x, NULL, "/network/ip/dhcp/host[@mac][@ip]");
    size_t n = found == NULL ? 0 : (size_t)found->nodesetval->nodeNr, k = 0;
    struct virt_net_host *hosts;

    if (n > MAX_HOSTS)
        return err_set(e, BY_E_TOO_LARGE, "a network with more than %d hosts is not read",
                       MAX_HOSTS);
    hosts = arena_alloc(a, (n + 1) * sizeof(*hosts));
    for (size_t i = 0; i < n; i++) {
        xmlNodePtr node = found->nodesetval->nodeTab[i];

        /* A foreign network may hold IPv6 or longer names: such a row is not one of ours. */
        if (xml_copy(x, node, "@mac", hosts[k].mac, sizeof(hosts[k].mac), NULL) == 0 &&
            xml_copy(x, node, "@ip", hosts[k].ip, sizeof(hosts[k].ip), NULL) == 0 &&
            xml_copy(x, node, "@name", hosts[k].name, sizeof(hosts[k].name), NULL) == 0)
            k++;
    }
    out->hosts = hosts;
    out->n_hosts = k;
    return 0;
}

int
netxml_parse(const char *xml, struct arena *a, struct netread *out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct netread r = {0};
    int marked;

    if (xml_parse(xml, "network", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    if (xml_copy(x, NULL, "/network/uuid", r.id, sizeof(r.id), e) < 0 ||
        xml_copy(x, NULL, "/network/name", r.name, sizeof(r.name), e) < 0 ||
        xml_copy(x, NULL, "/network/bridge/@name", r.bridge, sizeof(r.bridge), e) < 0)
        return err_wrap(e, "network");
    marked = xml_mark_read(x, &r.mark, e);
    if (marked < 0 || hosts_read(x, a, &r, e) < 0)
        return err_wrap(e, "network %s", r.id);
    r.ours = marked == 1;
    range_read(x, a, r.cidr);
    *out = r;
    return 0;
}

static bool
mtu_set(xmlDocPtr doc, xmlXPathContextPtr x)
{
    xmlNodePtr mtu = xml_node(x, NULL, "/network/mtu");
    uint64_t is = 0;
    char want[16];

    if (xml_u64(x, NULL, "/network/mtu/@size", &is, NULL) == 0 && is == SEGMENT_MTU)
        return false;
    if (mtu == NULL)
        mtu = xmlNewChild(xmlDocGetRootElement(doc), NULL, BAD_CAST "mtu", NULL);
    (void)snprintf(want, sizeof(want), "%d", SEGMENT_MTU);
    (void)xmlSetProp(mtu, BAD_CAST "size", BAD_CAST want);
    return true;
}

int
netxml_edit(const char *xml, const struct virt_net_spec *s, struct arena *a, const char **out,
            bool *changed, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct netread r;

    if (netxml_parse(xml, a, &r, e) < 0)
        return -1;
    if (!r.ours)
        return err_set(e, BY_E_CONFLICT,
                       "a network with the UUID %s is on this host and was not made by an order; "
                       "it is left alone",
                       s->net->id);
    if (strcmp(r.cidr, s->net->cidr) != 0 || strcmp(r.bridge, s->net->bridge) != 0)
        return err_set(e, BY_E_CONFLICT,
                       "network %s has range %s on %s; range and bridge (%s on %s) cannot be "
                       "changed, make a new network",
                       s->net->id, r.cidr, r.bridge, s->net->cidr, s->net->bridge);
    if (xml_parse(xml, "network", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    *changed = xml_mark_set(x, &s->mark) != 0;
    if (s->net->vni != 0 && mtu_set(doc, x))
        *changed = true; /* for its next start */
    if (*changed)
        return xml_doc_text(doc, a, out, e);
    *out = xml;
    return 0;
}

int
netxml_host(const struct virt_net_host *h, struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};

    if (xml_out_init(&o, e) < 0)
        return -1;
    xml_open(&o, "host");
    xml_attr(&o, "mac", h->mac);
    if (h->name[0] != '\0')
        xml_attr(&o, "name", h->name);
    if (h->ip[0] != '\0')
        xml_attr(&o, "ip", h->ip);
    xml_close(&o);
    return xml_out_text(&o, a, out, e);
}
