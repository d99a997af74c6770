/* Segments through netlink.  Links by libnl-route; entries of the forwarding table by hand: libnl
 * knows no two entries of one hardware address. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <netlink/addr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/vxlan.h>

#include "drivers/base/fault.h"
#include "drivers/codec/netpart.h"
#include "drivers/host/segment_int.h"

/* A guest that makes up senders costs its own segment only. */
enum { LEARNED_MAX = 4096, FDB_MAX = 16384, MAC_LEN = 6 };

SCOPE_FN(nl_socket_free, struct nl_sock)
SCOPE_FN(nl_cache_free, struct nl_cache)
SCOPE_FN(rtnl_link_put, struct rtnl_link)
SCOPE_FN(nlmsg_free, struct nl_msg)

static enum err_code
nl_code(int code)
{
    return code == -NLE_OPNOTSUPP                            ? BY_E_UNSUPPORTED
           : code == -NLE_EXIST                              ? BY_E_CONFLICT
           : code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV ? BY_E_NOT_FOUND
                                                             : BY_E_IO;
}

static int
sock_open(struct nl_sock **out, struct err *e)
{
    struct nl_sock *s = nl_socket_alloc();
    int rc = s == NULL ? -NLE_NOMEM : nl_connect(s, NETLINK_ROUTE);

    if (rc < 0) {
        nl_socket_free(s);
        return err_set(e, BY_E_IO, "netlink: %s", nl_geterror(rc));
    }
    *out = s;
    return 0;
}

static int
links_read(struct nl_sock *s, struct nl_cache **out, struct err *e)
{
    int rc = rtnl_link_alloc_cache(s, AF_UNSPEC, out);

    return rc < 0 ? err_set(e, BY_E_IO, "list network devices: %s", nl_geterror(rc)) : 0;
}

static bool
is_our_name(const char *name, char bridge[SEGMENT_NAME])
{
    char back[SEGMENT_NAME];

    if (name == NULL || strncmp(name, "bx", 2) != 0 || strlen(name) >= SEGMENT_NAME)
        return false;
    (void)snprintf(bridge, SEGMENT_NAME, "by%s", name + 2);
    return segment_name(bridge, back);
}

/* ---- the forwarding table ---- */

struct fdb_entry {
    int ifindex;
    unsigned char mac[MAC_LEN];
    struct in_addr dst;
};
struct fdb {
    struct fdb_entry *v;
    size_t n, cap;
    int ifindex;      /* of this device */
    bool flood, full; /* flood: not what it learnt */
};

static void
fdb_free(struct fdb *f)
{
    free(f->v);
    *f = (struct fdb){0};
}

/* Entries of a flood list have no hardware address. */
static bool
is_flood(const unsigned char *mac)
{
    static const unsigned char zero[MAC_LEN];

    return memcmp(mac, zero, MAC_LEN) == 0;
}

static int
fdb_take(struct nl_msg *msg, void *arg)
{
    struct fdb *f = arg;
    struct nlmsghdr *h = nlmsg_hdr(msg);
    struct nlattr *attr[NDA_MAX + 1];
    const struct ndmsg *m = nlmsg_data(h);
    struct fdb_entry x = {0};

    if (h->nlmsg_type != RTM_NEWNEIGH || nlmsg_parse(h, sizeof(*m), attr, NDA_MAX, NULL) < 0 ||
        m->ndm_ifindex != f->ifindex || attr[NDA_DST] == NULL ||
        nla_len(attr[NDA_DST]) != (int)sizeof(x.dst) || attr[NDA_LLADDR] == NULL ||
        nla_len(attr[NDA_LLADDR]) != MAC_LEN || (f->flood && !is_flood(nla_data(attr[NDA_LLADDR]))))
        return NL_OK;
    x.ifindex = m->ndm_ifindex;
    memcpy(x.mac, nla_data(attr[NDA_LLADDR]), MAC_LEN);
    memcpy(&x.dst, nla_data(attr[NDA_DST]), sizeof(x.dst));
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 64 : f->cap * 2;
        struct fdb_entry *v = cap > FDB_MAX ? NULL : realloc(f->v, cap * sizeof(*v));

        if (v == NULL) {
            f->full = true;
            return NL_STOP;
        }
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n++] = x;
    return NL_OK;
}

/* Of that device only, where the kernel can (from 4.20 on; older ones tell of all, also of what
 * other programs hold by the ten thousand). */
static void
dump_one(struct nl_sock *s, int on)
{
    (void)setsockopt(nl_socket_get_fd(s), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

static int
fdb_read(struct nl_sock *s, int ifindex, bool flood, struct fdb *out, struct err *e)
{
    struct ndmsg m = {.ndm_family = AF_BRIDGE, .ndm_ifindex = ifindex};
    int rc;

    *out = (struct fdb){.ifindex = ifindex, .flood = flood};
    rc = nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, fdb_take, out);
    dump_one(s, 1);
    if (rc >= 0)
        rc = nl_send_simple(s, RTM_GETNEIGH, NLM_F_DUMP, &m, sizeof(m));
    if (rc >= 0)
        rc = nl_recvmsgs_default(s);
    dump_one(s, 0);
    (void)nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
    if (rc >= 0 && !out->full)
        return 0;
    fdb_free(out);
    if (rc >= 0)
        return err_set(e, BY_E_TOO_LARGE, "a device has more than %d forwarding entries", FDB_MAX);
    return err_set(e, BY_E_IO, "list forwarding entries: %s", nl_geterror(rc));
}

static int
fdb_change(struct nl_sock *s, int type, int flags, const struct fdb_entry *x, struct err *e)
{
    struct ndmsg m = {.ndm_family = AF_BRIDGE,
                      .ndm_ifindex = x->ifindex,
                      .ndm_state = NUD_NOARP | NUD_PERMANENT,
                      .ndm_flags = NTF_SELF};
    SCOPED(nlmsg_free) struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
    char ip[INET_ADDRSTRLEN];
    int rc = -NLE_NOMEM;

    if (msg != NULL && nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO) == 0 &&
        nla_put(msg, NDA_LLADDR, MAC_LEN, x->mac) == 0 &&
        nla_put(msg, NDA_DST, sizeof(x->dst), &x->dst) == 0)
        rc = nl_send_sync(s, TAKE(msg));
    if (rc >= 0 || (type == RTM_DELNEIGH && rc == -NLE_OBJ_NOTFOUND) ||
        (type == RTM_NEWNEIGH && rc == -NLE_EXIST))
        return 0;
    return err_set(e, nl_code(rc), "the forwarding entry for %s cannot be changed: %s",
                   inet_ntop(AF_INET, &x->dst, ip, sizeof(ip)), nl_geterror(rc));
}

/* What was learnt of a host that is no peer any more goes too; of that the kernel forgets by
 * itself, also at this very moment, so nothing fails by it. */
static int
fdb_sync(struct nl_sock *s, int ifindex, const struct segment_spec *spec, struct err *e)
{
    struct fdb now;
    bool there[W_PEERS_MAX] = {false};
    int rc = fdb_read(s, ifindex, false, &now, e);

    for (size_t i = 0; rc == 0 && i < now.n; i++) {
        char ip[INET_ADDRSTRLEN];
        const char *at = inet_ntop(AF_INET, &now.v[i].dst, ip, sizeof(ip));
        const char *const *k =
            bsearch(&at, spec->peers, spec->n_peers, sizeof(*spec->peers), segment_text_cmp);

        if (k == NULL && is_flood(now.v[i].mac))
            rc = fdb_change(s, RTM_DELNEIGH, 0, &now.v[i], e);
        else if (k == NULL)
            (void)fdb_change(s, RTM_DELNEIGH, 0, &now.v[i], &(struct err){0});
        else if (is_flood(now.v[i].mac))
            there[k - spec->peers] = true;
    }
    for (size_t i = 0; rc == 0 && i < spec->n_peers; i++) {
        struct fdb_entry x = {.ifindex = ifindex};

        if (!there[i] && inet_pton(AF_INET, spec->peers[i], &x.dst) == 1)
            rc = fdb_change(s, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, &x, e);
    }
    fdb_free(&now);
    return rc;
}

/* ---- reading ---- */

static int
peers_see(struct nl_sock *sock, int ifindex, struct arena *a, struct segment_seen *out,
          struct err *e)
{
    struct fdb f;
    const char **v;

    if (fdb_read(sock, ifindex, true, &f, e) < 0)
        return -1;
    v = arena_alloc(a, (f.n + 1) * sizeof(*v));
    for (size_t i = 0; i < f.n; i++) {
        char ip[INET_ADDRSTRLEN];

        if (inet_ntop(AF_INET, &f.v[i].dst, ip, sizeof(ip)) != NULL)
            v[out->n_peers++] = arena_strdup(a, ip);
    }
    fdb_free(&f);
    if (out->n_peers > 1)
        qsort(v, out->n_peers, sizeof(*v), segment_text_cmp);
    out->peers = v;
    return 0;
}

static void
link_see(struct rtnl_link *l, struct nl_cache *links, struct segment_seen *out)
{
    SCOPED(rtnl_link_put)
    struct rtnl_link *master =
        rtnl_link_get_master(l) > 0 ? rtnl_link_get(links, rtnl_link_get_master(l)) : NULL;
    struct nl_addr *local = NULL;
    uint32_t port = 0;

    (void)snprintf(out->name, sizeof(out->name), "%s", rtnl_link_get_name(l));
    if (rtnl_link_is_vxlan(l) && rtnl_link_vxlan_get_id(l, &out->vni) == 0 &&
        rtnl_link_vxlan_get_local(l, &local) == 0) {
        if (rtnl_link_vxlan_get_port(l, &port) < 0 || port != SEGMENT_PORT)
            out->vni = 0; /* not as we make them */
        if (nl_addr_get_family(local) == AF_INET)
            (void)inet_ntop(AF_INET, nl_addr_get_binary_addr(local), out->underlay,
                            sizeof(out->underlay));
    }
    nl_addr_put(local);
    out->mtu = rtnl_link_get_mtu(l);
    out->up = (rtnl_link_get_flags(l) & IFF_UP) != 0;
    out->joined = master != NULL && strcmp(rtnl_link_get_name(master), out->bridge) == 0;
}

/* Names and VNIs of our devices but this one ("": of all). */
static void
keep_of(struct nl_cache *links, const char *but, struct arena *a, struct segment_keep *out)
{
    size_t most = (size_t)nl_cache_nitems(links) + 1;
    char(*names)[SEGMENT_NAME] = arena_alloc(a, most * sizeof(*names));
    uint32_t *vnis = arena_alloc(a, most * sizeof(*vnis));

    *out = (struct segment_keep){.names = (const char(*)[SEGMENT_NAME])names, .vnis = vnis};
    for (struct nl_object *o = nl_cache_get_first(links); o != NULL; o = nl_cache_get_next(o)) {
        struct rtnl_link *l = (struct rtnl_link *)o;
        char bridge[SEGMENT_NAME];

        if (!is_our_name(rtnl_link_get_name(l), bridge) || strcmp(rtnl_link_get_name(l), but) == 0)
            continue;
        (void)snprintf(names[out->n], SEGMENT_NAME, "%s", rtnl_link_get_name(l));
        vnis[out->n] = 0;
        if (rtnl_link_is_vxlan(l)) /* libnl ends the process otherwise */
            (void)rtnl_link_vxlan_get_id(l, &vnis[out->n]);
        out->n++;
    }
}

/* A device went before its filters did: it is told as a part that is as nobody wants it. */
static void
list_left(const struct segment_filters *f, struct segment_seen *v, size_t *n)
{
    for (size_t i = 0; i < f->gateways.n; i++) {
        const char *name = f->gateways.v[i].key;
        char bridge[SEGMENT_NAME];
        bool listed = !is_our_name(name, bridge);

        for (size_t k = 0; k < *n && !listed; k++)
            listed = strcmp(v[k].name, name) == 0;
        if (listed)
            continue;
        v[*n] = (struct segment_seen){0};
        (void)snprintf(v[*n].name, sizeof(v[*n].name), "%.15s", name);
        (void)snprintf(v[*n].bridge, sizeof(v[*n].bridge), "%s", bridge);
        (*n)++;
    }
}

/* A kernel without filters has devices all the same: then nothing is filtered. */
static int
filters_read(struct arena *a, struct segment_filters *out, struct err *e)
{
    struct err why = {0};

    if (segment_nft_read(a, out, &why) == 0 || why.code == BY_E_UNSUPPORTED)
        return 0;
    *e = why;
    return -1;
}

static int
list_locked(struct segments *s, struct nl_sock *sock, struct nl_cache *links, struct arena *a,
            const struct segment_seen **out, size_t *n, struct err *e)
{
    struct segment_filters filters;
    struct segment_keep ours;
    struct segment_seen *v;

    keep_of(links, "", a, &ours);
    *out = NULL;
    *n = 0;
    if (s->none && ours.n == 0)
        return 0;
    if (filters_read(a, &filters, e) < 0)
        return -1;
    v = arena_alloc(a, (ours.n + filters.gateways.n + 1) * sizeof(*v));
    for (size_t i = 0; i < ours.n; i++) {
        SCOPED(rtnl_link_put) struct rtnl_link *l = rtnl_link_get_by_name(links, ours.names[i]);
        struct segment_seen *x = &v[(*n)++];

        *x = (struct segment_seen){0};
        (void)is_our_name(ours.names[i], x->bridge);
        link_see(l, links, x);
        if (peers_see(sock, rtnl_link_get_ifindex(l), a, x, e) < 0)
            return -1;
        segment_nft_see(&filters, a, x);
    }
    list_left(&filters, v, n);
    s->none = *n == 0 && !filters.there;
    *out = v;
    return 0;
}

static int
kernel_list(struct segments *s, struct arena *a, const struct segment_seen **out, size_t *n,
            struct err *e)
{
    SCOPED(nl_socket_free) struct nl_sock *sock = NULL;
    SCOPED(nl_cache_free) struct nl_cache *links = NULL;
    int rc;

    if (sock_open(&sock, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&s->lock);
    rc = links_read(sock, &links, e) < 0 ? -1 : list_locked(s, sock, links, a, out, n, e);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- changing ---- */

/* No address of its own: it only carries frames of the bridge. */
static void
no_ipv6(const char *name)
{
    char path[96];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* a kernel without IPv6 */
    (void)!write(fd, "1", 1);
    (void)close(fd);
}

static int
device_add(struct nl_sock *sock, const char *name, const struct segment_spec *spec, struct err *e)
{
    SCOPED(rtnl_link_put) struct rtnl_link *l = rtnl_link_vxlan_alloc();
    struct nl_addr *local = NULL;
    int rc = l == NULL ? -NLE_NOMEM : nl_addr_parse(spec->underlay, AF_INET, &local);

    if (rc == 0) {
        rtnl_link_set_name(l, name);
        rtnl_link_set_mtu(l, SEGMENT_MTU);
        (void)rtnl_link_vxlan_set_id(l, spec->vni);
        (void)rtnl_link_vxlan_set_port(l, SEGMENT_PORT);
        (void)rtnl_link_vxlan_set_local(l, local);
        (void)rtnl_link_vxlan_enable_learning(l);
        (void)rtnl_link_vxlan_set_limit(l, LEARNED_MAX);
        rc = rtnl_link_add(sock, l, NLM_F_CREATE | NLM_F_EXCL);
    }
    nl_addr_put(local);
    if (rc == -NLE_OPNOTSUPP)
        return err_set(e, BY_E_UNSUPPORTED, "not available on this host: its kernel has no VXLAN");
    return rc < 0
               ? err_set(e, nl_code(rc), "the device %s cannot be made: %s", name, nl_geterror(rc))
               : 0;
}

static int
device_join(struct nl_sock *sock, const char *name, int bridge, struct err *e)
{
    SCOPED(rtnl_link_put) struct rtnl_link *is = rtnl_link_alloc(), *want = rtnl_link_alloc();
    int rc = is == NULL || want == NULL ? -NLE_NOMEM : 0;

    if (rc == 0) {
        rtnl_link_set_ifindex(is, (int)if_nametoindex(name));
        rtnl_link_set_mtu(want, SEGMENT_MTU);
        rtnl_link_set_master(want, bridge);
        rtnl_link_set_flags(want, IFF_UP);
        rc = rtnl_link_change(sock, is, want, 0);
    }
    return rc < 0 ? err_set(e, nl_code(rc), "the device %s cannot be plugged into its bridge: %s",
                            name, nl_geterror(rc))
                  : 0;
}

static int
device_drop(struct nl_sock *sock, struct rtnl_link *l, struct err *e)
{
    const char *type = rtnl_link_get_type(l);
    int rc;

    if (type == NULL || strcmp(type, "vxlan") != 0)
        return err_set(e, BY_E_CONFLICT,
                       "the device %s is no VXLAN device, so it is not ours: it is left alone",
                       rtnl_link_get_name(l));
    rc = rtnl_link_delete(sock, l);
    return rc < 0 && rc != -NLE_NODEV && rc != -NLE_OBJ_NOTFOUND
               ? err_set(e, nl_code(rc), "the device %s cannot be removed: %s",
                         rtnl_link_get_name(l), nl_geterror(rc))
               : 0;
}

/* What cannot be changed in a device that is there. */
static bool
must_remake(struct rtnl_link *l, struct nl_cache *links, const struct segment_spec *spec)
{
    struct segment_seen is = {0};

    link_see(l, links, &is);
    return is.vni != spec->vni || strcmp(is.underlay, spec->underlay) != 0;
}

/* Before the filters of that VNI are changed. */
static int
check_vni_free(struct nl_cache *links, const char *name, uint32_t vni, struct err *e)
{
    for (struct nl_object *o = nl_cache_get_first(links); o != NULL; o = nl_cache_get_next(o)) {
        struct rtnl_link *l = (struct rtnl_link *)o;
        uint32_t id = 0;

        if (rtnl_link_is_vxlan(l) && rtnl_link_vxlan_get_id(l, &id) == 0 && id == vni &&
            strcmp(rtnl_link_get_name(l), name) != 0)
            return err_set(e, BY_E_CONFLICT,
                           "the device %s of this host has the segment (VNI) %u already: it is "
                           "left alone",
                           rtnl_link_get_name(l), (unsigned)vni);
    }
    return 0;
}

static int
make_locked(struct nl_sock *sock, struct nl_cache *links, const struct segment_spec *spec,
            const char *name, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(rtnl_link_put) struct rtnl_link *bridge = rtnl_link_get_by_name(links, spec->bridge);
    SCOPED(rtnl_link_put) struct rtnl_link *dev = rtnl_link_get_by_name(links, name);
    struct segment_filters filters;
    struct segment_keep others;

    if (bridge == NULL)
        return err_set(e, BY_E_NOT_FOUND, "there is no bridge %s", spec->bridge);
    if (check_vni_free(links, name, spec->vni, e) < 0 || segment_nft_read(&a, &filters, e) < 0)
        return -1;
    keep_of(links, name, &a, &others);
    if (dev != NULL && must_remake(dev, links, spec)) {
        if (device_drop(sock, dev, e) < 0)
            return -1;
        rtnl_link_put(TAKE(dev));
    }
    (void)fault_at(BY_FAULT_SEGMENT_HALF);
    if (segment_nft_set(&filters, &others, spec, name, e) < 0)
        return -1;
    (void)fault_at(BY_FAULT_SEGMENT_HALF);
    if (dev == NULL && device_add(sock, name, spec, e) < 0)
        return -1;
    no_ipv6(name);
    (void)fault_at(BY_FAULT_SEGMENT_HALF);
    if (fdb_sync(sock, (int)if_nametoindex(name), spec, e) < 0)
        return -1;
    return device_join(sock, name, rtnl_link_get_ifindex(bridge), e);
}

static int
kernel_make(struct segments *s, const struct segment_spec *spec, struct err *e)
{
    SCOPED(nl_socket_free) struct nl_sock *sock = NULL;
    SCOPED(nl_cache_free) struct nl_cache *links = NULL;
    char name[SEGMENT_NAME];
    int rc;

    (void)segment_name(spec->bridge, name);
    if (!segment_has_address(spec->underlay))
        return err_set(e, BY_E_NOT_FOUND, "the underlay address %s is no address of this host",
                       spec->underlay);
    if (sock_open(&sock, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&s->lock);
    s->none = false;
    rc = links_read(sock, &links, e) < 0 ? -1 : make_locked(sock, links, spec, name, e);
    (void)pthread_mutex_unlock(&s->lock);
    return rc < 0 ? err_wrap(e, "segment %u", (unsigned)spec->vni) : 0;
}

static int
remove_locked(struct nl_sock *sock, struct nl_cache *links, const char *name, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(rtnl_link_put) struct rtnl_link *dev = rtnl_link_get_by_name(links, name);
    struct segment_filters filters;
    struct segment_keep others;

    if (dev != NULL && device_drop(sock, dev, e) < 0)
        return -1;
    (void)fault_at(BY_FAULT_SEGMENT_HALF);
    if (filters_read(&a, &filters, e) < 0)
        return -1;
    keep_of(links, name, &a, &others);
    return segment_nft_drop(&filters, &others, e);
}

static int
kernel_remove(struct segments *s, const char *bridge, struct err *e)
{
    SCOPED(nl_socket_free) struct nl_sock *sock = NULL;
    SCOPED(nl_cache_free) struct nl_cache *links = NULL;
    char name[SEGMENT_NAME];
    int rc;

    (void)segment_name(bridge, name);
    if (sock_open(&sock, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&s->lock);
    rc = links_read(sock, &links, e) < 0 ? -1 : remove_locked(sock, links, name, e);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

const struct segment_ops segment_kernel_ops = {
    .list = kernel_list,
    .make = kernel_make,
    .remove = kernel_remove,
};
