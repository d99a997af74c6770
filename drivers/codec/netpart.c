#include "drivers/codec/netpart.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool
netpart_is_host(const char *ip)
{
    struct in_addr a;
    uint32_t first;

    if (inet_pton(AF_INET, ip, &a) != 1)
        return false;
    first = ntohl(a.s_addr) >> 24;
    return first != 0 && first != 127 && first < 224;
}

void
netpart_bridge(const char *id, char out[NETPART_BRIDGE])
{
    size_t n = 0;

    out[n++] = 'b';
    out[n++] = 'y';
    for (; *id != '\0' && n < 14; id++)
        if (*id != '-')
            out[n++] = *id;
    out[n] = '\0';
}

int
netpart_check(const struct w_network_spec *n, struct err *e)
{
    char bridge[NETPART_BRIDGE];

    netpart_bridge(n->id, bridge);
    if (strcmp(n->bridge, bridge) != 0)
        return err_set(e, BY_E_INVALID,
                       "the order names the bridge %s for the network %s, whose bridge is %s: the "
                       "controller must order it again",
                       n->bridge, n->id, bridge);
    if (n->vni == 0 && n->peers.n > 0)
        return err_set(e, BY_E_INVALID, "a network without a segment (VNI) names peers");
    for (size_t i = 0; i < n->peers.n; i++) {
        const char *ip = JM_ITEM(n->peers, struct w_net_peer, i)->ip;

        if (!netpart_is_host(ip))
            return err_set(e, BY_E_INVALID, "the peer %s is no address that a host can have", ip);
        for (size_t k = 0; k < i; k++)
            if (strcmp(JM_ITEM(n->peers, struct w_net_peer, k)->ip, ip) == 0)
                return err_set(e, BY_E_INVALID, "the network names the peer %s twice", ip);
    }
    return 0;
}

void
netpart_gateway(const char *cidr, char out[20])
{
    struct in_addr a;
    char base[20];

    (void)snprintf(base, sizeof(base), "%.*s", (int)strcspn(cidr, "/"), cidr);
    out[0] = '\0';
    if (inet_pton(AF_INET, base, &a) != 1)
        return;
    a.s_addr = htonl(ntohl(a.s_addr) + 1);
    (void)inet_ntop(AF_INET, &a, out, 20);
}
