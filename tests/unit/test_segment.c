/* What drivers/host/segment.h promises, over the fake and, in a network namespace of its own, over
 * this machine's kernel: the same walk, and for the kernel what people do to it by hand. */
#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vxlan.h>
#include <linux/neighbour.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/base/fault.h"
#include "drivers/host/segment.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/notrun.h"
#include "tests/unit/tmpdir.h"

#define BRIDGE "by0123456789ab"
#define DEVICE "bx0123456789ab"
#define OTHER "bydeadbeef00ff"
#define UNDERLAY "10.9.0.1"

static const char *const ab[] = {"10.9.0.2", "10.9.0.3"}, *const bc[] = {"10.9.0.3", "10.9.0.4"};
static const struct segment_spec first = {.bridge = BRIDGE,
                                          .vni = 77,
                                          .underlay = UNDERLAY,
                                          .gateway = "10.1.2.1",
                                          .peers = ab,
                                          .n_peers = 2};
static const struct segment_spec second = {
    .bridge = OTHER, .vni = 0xabcdef, .underlay = UNDERLAY, .gateway = "10.1.3.1"};

/* One step of a walk; the first that fails is told with its line. */
#define TRY(x)                                                                                     \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "test_segment.c:%d: %s; %s\n", __LINE__, #x, e->msg);                  \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

/* How many there are, and whether each of these is exactly as specified. */
static bool
are(struct segments *s, const struct segment_spec *const *specs, size_t n, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const struct segment_seen *seen;
    size_t count;

    if (segments_list(s, &a, &seen, &count, e) < 0 || count != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool found = false;

        for (size_t k = 0; k < count; k++)
            found = found || (strcmp(seen[k].bridge, specs[i]->bridge) == 0 &&
                              segment_is(&seen[k], specs[i]));
        if (!found)
            return false;
    }
    return true;
}
#define ARE(...)                                                                                   \
    are(s, (const struct segment_spec *const[]){__VA_ARGS__},                                      \
        sizeof((const struct segment_spec *const[]){__VA_ARGS__}) / sizeof(&first), e)

static int
make(struct segments *s, const struct segment_spec *spec, struct err *e)
{
    *e = (struct err){0};
    return segments_make(s, spec, e);
}

static int
walk(struct segments *s, struct err *e)
{
    static const char *const with_itself[] = {UNDERLAY, "10.9.0.2"};
    struct segment_spec x = first, same = second, nowhere = first, itself = first;

    TRY(are(s, NULL, 0, e));
    TRY(make(s, &first, e) == 0);
    TRY(ARE(&first));
    TRY(make(s, &first, e) == 0); /* already so */
    TRY(ARE(&first));
    same.vni = first.vni;
    TRY(make(s, &same, e) == -1 && e->code == BY_E_CONFLICT);
    TRY(make(s, &second, e) == 0);
    TRY(ARE(&first, &second));
    x.peers = bc; /* live */
    TRY(make(s, &x, e) == 0);
    TRY(ARE(&x, &second) && !segment_is(&(struct segment_seen){0}, &x));
    TRY(!ARE(&first, &second));
    x.n_peers = 0;
    TRY(make(s, &x, e) == 0);
    TRY(ARE(&x, &second));
    x = first;
    x.vni = 78;
    TRY(make(s, &x, e) == 0);
    TRY(ARE(&x, &second));
    (void)snprintf(nowhere.bridge, sizeof(nowhere.bridge), "by000000000000");
    TRY(make(s, &nowhere, e) == -1 && e->code == BY_E_NOT_FOUND);
    (void)snprintf(nowhere.bridge, sizeof(nowhere.bridge), "virbr0");
    TRY(make(s, &nowhere, e) == -1 && e->code == BY_E_INVALID);
    itself.peers = with_itself;
    TRY(make(s, &itself, e) == -1 && e->code == BY_E_INVALID);
    TRY(strstr(e->msg, UNDERLAY) != NULL && strstr(e->msg, "underlay") != NULL);
    TRY(ARE(&x, &second));
    TRY(segments_remove(s, BRIDGE, e) == 0);
    TRY(ARE(&second));
    TRY(segments_remove(s, BRIDGE, e) == 0);
    TRY(segments_remove(s, "virbr0", e) == 0);
    TRY(segments_remove(s, OTHER, e) == 0);
    TRY(are(s, NULL, 0, e));
    return 0;
}

/* ---- killed at each place ---- */

static const struct segment_spec moved = {.bridge = BRIDGE,
                                          .vni = 78,
                                          .underlay = UNDERLAY,
                                          .gateway = "10.1.2.1",
                                          .peers = bc,
                                          .n_peers = 2};

/* An agent of its own that is killed at the k-th passing of that point; false: it went on. */
static bool
is_killed(const char *folder, const char *point, int k, const struct segment_spec *spec)
{
    char fault[60];
    int status = 0;
    pid_t pid;

    (void)snprintf(fault, sizeof(fault), "%s:%d:kill", point, k);
    pid = fork();
    if (pid == 0) {
        struct segments *s = NULL;
        struct err e = {0};

        (void)setenv("BIANYUN_FAULT", fault, 1);
        fault_restart();
        if (segments_open(folder, &s, &e) == 0)
            (void)(spec != NULL ? segments_make(s, spec, &e) : segments_remove(s, BRIDGE, &e));
        _exit(0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGKILL;
}

/* From `from`, killed on the way to `to` (NULL: to nothing); then what the next agent wants is. */
static int
end_at(struct segments *s, const char *folder, const char *point, int k,
       const struct segment_spec *from, const struct segment_spec *to, bool repeat, struct err *e)
{
    if (from != NULL)
        TRY(make(s, from, e) == 0);
    if (!is_killed(folder, point, k, to))
        return 1;
    if (repeat && to != NULL) {
        TRY(make(s, to, e) == 0);
        TRY(ARE(to, &second));
    }
    TRY(segments_remove(s, BRIDGE, e) == 0);
    TRY(ARE(&second));
    return 0;
}

/* Nothing of the part may be left for which no device is there any more; clean() looks. */
static int
killed(struct segments *s, const char *folder, bool (*clean)(void), struct err *e)
{
    static const char *const points[] = {"SEGMENT_BEFORE", "SEGMENT_HALF", "SEGMENT_AFTER"};
    static const struct {
        const struct segment_spec *from, *to;
    } ways[] = {{NULL, &first}, {&first, &moved}, {&first, NULL}};
    int times = 0;

    TRY(make(s, &second, e) == 0);
    for (size_t p = 0; p < ARRAY_LEN(points); p++)
        for (size_t w = 0; w < ARRAY_LEN(ways); w++)
            for (int i = 2, rc = 0; rc == 0; i++) {
                if (i % 2 == 1 && strcmp(points[p], "SEGMENT_HALF") != 0)
                    continue; /* one end is enough */
                rc = end_at(s, folder, points[p], i / 2, ways[w].from, ways[w].to, i % 2 == 1, e);
                if (rc == 1) /* it went on */
                    TRY(segments_remove(s, BRIDGE, e) == 0);
                if (rc < 0 || !clean()) {
                    fprintf(stderr, "test_segment.c: killed at %s:%d on way %zu\n", points[p],
                            i / 2, w);
                    return -1;
                }
                times += rc == 0;
            }
    TRY(times >= 6);
    TRY(segments_remove(s, OTHER, e) == 0);
    return 0;
}

static bool
always(void)
{
    return true;
}

static void
passes_on_the_fake(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(segments_free) struct segments *s = NULL;
    struct virt_config c = {0};
    struct w_network_spec nets[] = {
        {.id = "4e700000-0000-4000-8000-000000000001", .bridge = BRIDGE, .cidr = "10.1.2.0/24"},
        {.id = "4e700000-0000-4000-8000-000000000002", .bridge = OTHER, .cidr = "10.1.3.0/24"}};
    struct virt *v = NULL;
    struct err e = {0};
    char uri[300];

    (void)snprintf(uri, sizeof(uri), "fake://%s/w", dir);
    c.uri = uri;
    CU_ASSERT_EQUAL_FATAL(virt_fake_open(&c, &v, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
        struct virt_net_spec n = {.net = &nets[i]};

        CU_ASSERT_EQUAL(v->ops->net->define(v, &n, &e), 0);
    }
    CU_ASSERT_EQUAL_FATAL(segments_open(uri + strlen("fake://"), &s, &e), 0);
    CU_ASSERT_EQUAL(walk(s, &e), 0);
    CU_ASSERT_EQUAL(killed(s, uri + strlen("fake://"), always, &e), 0);
    CU_ASSERT_EQUAL(make(s, &first, &e), 0);
    CU_ASSERT_EQUAL(virt_fake_reboot(uri + strlen("fake://"), &e), 0);
    CU_ASSERT_TRUE(are(s, NULL, 0, &e));
    v->ops->close(v);
}

/* ---- the kernel ---- */

static int
nft(const char *text)
{
    struct nft_ctx *c = nft_ctx_new(NFT_CTX_DEFAULT);
    int rc;

    (void)nft_ctx_buffer_output(c);
    (void)nft_ctx_buffer_error(c);
    rc = nft_run_cmd_from_buffer(c, text);
    nft_ctx_free(c);
    return rc;
}

static int
down(const char *name)
{
    struct ifreq r = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), rc;

    (void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    rc = ioctl(fd, SIOCSIFFLAGS, &r);
    (void)close(fd);
    return rc;
}

static int
unplug(const char *bridge, const char *name)
{
    struct ifreq r = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), rc;

    (void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", bridge);
    r.ifr_ifindex = (int)if_nametoindex(name);
    rc = ioctl(fd, SIOCBRDELIF, &r);
    (void)close(fd);
    return rc;
}

/* Whether what comes for the network of this bridge is looked at. */
static bool
is_guarded(struct segments *s, const char *bridge, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const struct segment_seen *seen;
    size_t n;

    if (segments_list(s, &a, &seen, &n, e) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(seen[i].bridge, bridge) == 0)
            return seen[i].filtered;
    return false;
}

/* One table gone: what the other holds for other networks stays when one network is made good. */
static int
keeps_the_other_table(struct segments *s, struct err *e)
{
    TRY(make(s, &first, e) == 0 && make(s, &second, e) == 0);
    TRY(nft("delete table bridge bianyun-parts") == 0);
    TRY(make(s, &first, e) == 0 && is_guarded(s, OTHER, e));
    TRY(make(s, &second, e) == 0 && ARE(&first, &second));
    TRY(segments_remove(s, OTHER, e) == 0);
    return 0;
}

/* What is taken away or changed by hand is seen, and made good by the next make. */
static int
drifts(struct segments *s, struct err *e)
{
    static const char *const by_hand[] = {
        "delete table bridge bianyun-parts",
        "delete table inet bianyun-parts",
        "flush chain bridge bianyun-parts in",
        "add rule bridge bianyun-parts out counter accept",
        "insert rule inet bianyun-parts underlay accept",
        "add chain bridge bianyun-parts more",
        "flush set bridge bianyun-parts gateways",
        "flush set inet bianyun-parts vnis",
        "delete element inet bianyun-parts sources { 0x4d . 10.9.0.2 }",
        "add element inet bianyun-parts sources { 0x4d . 10.9.0.9 }",
        "add element bridge bianyun-parts gateways { \"" DEVICE "\" . 10.7.7.7 }",
    };
    struct segment_spec elsewhere = first;

    if (keeps_the_other_table(s, e) < 0)
        return -1;
    TRY(make(s, &first, e) == 0);
    for (size_t i = 0; i < ARRAY_LEN(by_hand); i++) {
        if (nft(by_hand[i]) != 0 || ARE(&first) || make(s, &first, e) < 0 || !ARE(&first)) {
            fprintf(stderr, "test_segment.c: after '%s': %s\n", by_hand[i], e->msg);
            return -1;
        }
    }
    TRY(down(DEVICE) == 0 && !ARE(&first));
    TRY(make(s, &first, e) == 0 && ARE(&first));
    TRY(unplug(BRIDGE, DEVICE) == 0 && !ARE(&first));
    TRY(make(s, &first, e) == 0 && ARE(&first));
    (void)snprintf(elsewhere.underlay, sizeof(elsewhere.underlay), "10.9.0.77");
    TRY(make(s, &elsewhere, e) == -1 && e->code == BY_E_NOT_FOUND && ARE(&first));
    TRY(segments_remove(s, BRIDGE, e) == 0);
    TRY(nft("list table bridge bianyun-parts") != 0 && nft("list table inet bianyun-parts") != 0);
    return 0;
}

/* A device of our name that is none of ours is left alone. */
static int
strangers(struct segments *s, struct err *e)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    TRY(ioctl(fd, SIOCBRADDBR, DEVICE) == 0);
    (void)close(fd);
    TRY(make(s, &first, e) == -1 && e->code == BY_E_CONFLICT);
    TRY(segments_remove(s, BRIDGE, e) == -1 && e->code == BY_E_CONFLICT);
    TRY(if_nametoindex(DEVICE) != 0);
    return 0;
}

/* The tables have nothing of the first part, whichever VNI it had. */
static bool
nothing_of_it(void)
{
    struct nft_ctx *c = nft_ctx_new(NFT_CTX_DEFAULT);
    const char *text;
    bool clean;

    (void)nft_ctx_buffer_output(c);
    (void)nft_ctx_buffer_error(c);
    clean = nft_run_cmd_from_buffer(c, "list ruleset") == 0;
    text = nft_ctx_get_output_buffer(c);
    clean = clean && strstr(text, DEVICE) == NULL && strstr(text, "0x4d") == NULL &&
            strstr(text, "0x4e") == NULL && strstr(text, "0xabcdef") != NULL;
    if (!clean)
        fprintf(stderr, "%s\n", text);
    nft_ctx_free(c);
    return clean;
}

/* What is only left of filters is seen, and goes, also when no device ever comes again. */
static int
leftovers(struct segments *s, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const struct segment_seen *seen;
    size_t n;

    TRY(make(s, &first, e) == 0);
    TRY(is_killed(NULL, "SEGMENT_HALF", 1, NULL) && if_nametoindex(DEVICE) == 0);
    TRY(segments_list(s, &a, &seen, &n, e) == 0 && n == 1);
    TRY(strcmp(seen[0].bridge, BRIDGE) == 0 && seen[0].vni == 0 && !segment_is(&seen[0], &first));
    TRY(segments_remove(s, BRIDGE, e) == 0 && are(s, NULL, 0, e));
    TRY(nft("list table bridge bianyun-parts") != 0 && nft("list table inet bianyun-parts") != 0);
    return 0;
}

/* ---- entries that guests and others make ---- */

/* As it goes to the kernel: many of these in one message, or thousands take a minute. */
struct fdb_entry {
    struct nlmsghdr h;
    struct ndmsg m;
    struct nlattr mac_is;
    unsigned char mac[8]; /* the last two: padding */
    struct nlattr dst_is;
    struct in_addr dst;
};

/* Entries as if the device had learnt them; whoever calls counts what came of it. */
static void
fdb_fill(struct nl_sock *sock, const char *dev, uint32_t n, const char *dst)
{
    static struct fdb_entry v[400];
    int ifindex = (int)if_nametoindex(dev);
    struct in_addr to;

    (void)inet_pton(AF_INET, dst, &to);
    for (uint32_t i = 0, k = 0; i < n; i++) {
        v[k] = (struct fdb_entry){
            .h = {.nlmsg_len = sizeof(v[0]),
                  .nlmsg_type = RTM_NEWNEIGH,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL},
            .m = {.ndm_family = AF_BRIDGE,
                  .ndm_ifindex = ifindex,
                  .ndm_state = NUD_REACHABLE,
                  .ndm_flags = NTF_SELF},
            .mac_is = {.nla_len = sizeof(struct nlattr) + 6, .nla_type = NDA_LLADDR},
            .mac = {2, to.s_addr >> 24, i >> 24, (i >> 16) & 255, (i >> 8) & 255, i & 255},
            .dst_is = {.nla_len = sizeof(struct nlattr) + sizeof(to), .nla_type = NDA_DST},
            .dst = to};
        if (++k == ARRAY_LEN(v) || i + 1 == n) {
            (void)send(nl_socket_get_fd(sock), v, k * sizeof(v[0]), 0);
            k = 0;
        }
    }
}

/* How many a device has of hardware addresses that send there. */
struct learned {
    int ifindex;
    struct in_addr dst;
    size_t n;
};

static int
learned_take(struct nl_msg *msg, void *arg)
{
    static const unsigned char zero[6];
    struct learned *l = arg;
    struct nlattr *attr[NDA_MAX + 1];
    const struct ndmsg *m = nlmsg_data(nlmsg_hdr(msg));

    if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*m), attr, NDA_MAX, NULL) == 0 &&
        m->ndm_ifindex == l->ifindex && attr[NDA_DST] != NULL && attr[NDA_LLADDR] != NULL &&
        memcmp(nla_data(attr[NDA_LLADDR]), zero, sizeof(zero)) != 0)
        l->n += memcmp(nla_data(attr[NDA_DST]), &l->dst, sizeof(l->dst)) == 0;
    return NL_OK;
}

static size_t
learned_of(struct nl_sock *sock, const char *dev, const char *dst)
{
    struct learned l = {.ifindex = (int)if_nametoindex(dev)};
    struct ndmsg m = {.ndm_family = AF_BRIDGE};

    (void)inet_pton(AF_INET, dst, &l.dst);
    (void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, learned_take, &l);
    (void)nl_send_simple(sock, RTM_GETNEIGH, NLM_F_DUMP, &m, sizeof(m));
    (void)nl_recvmsgs_default(sock);
    (void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
    return l.n;
}

static int
vxlan_add(struct nl_sock *sock, const char *name, uint32_t vni)
{
    struct rtnl_link *l = rtnl_link_vxlan_alloc();
    int rc;

    rtnl_link_set_name(l, name);
    (void)rtnl_link_vxlan_set_id(l, vni);
    (void)rtnl_link_vxlan_set_port(l, 8472);
    rc = rtnl_link_add(sock, l, NLM_F_CREATE | NLM_F_EXCL);
    rtnl_link_put(l);
    return rc;
}

static int
vxlan_drop(struct nl_sock *sock, const char *name)
{
    struct rtnl_link *l = rtnl_link_alloc();
    int rc;

    rtnl_link_set_name(l, name);
    rc = rtnl_link_delete(sock, l);
    rtnl_link_put(l);
    return rc;
}

/* What is learnt of a host that is a peer no more goes, the rest stays; and neither that nor what
 * another program's device holds takes the place of what we must read. */
static int
learns(struct segments *s, struct err *e)
{
    struct nl_sock *sock = nl_socket_alloc();
    struct segment_spec x = first;

    TRY(nl_connect(sock, NETLINK_ROUTE) == 0);
    TRY(make(s, &first, e) == 0);
    fdb_fill(sock, DEVICE, 40, "10.9.0.2");
    fdb_fill(sock, DEVICE, 30, "10.9.0.3");
    TRY(ARE(&first) && learned_of(sock, DEVICE, "10.9.0.2") == 40);
    x.peers = bc;
    TRY(make(s, &x, e) == 0 && ARE(&x));
    TRY(learned_of(sock, DEVICE, "10.9.0.2") == 0 && learned_of(sock, DEVICE, "10.9.0.3") == 30);
    TRY(vxlan_add(sock, "others", 5) == 0);
    fdb_fill(sock, "others", 20000, "10.9.0.2");
    TRY(learned_of(sock, "others", "10.9.0.2") == 20000);
    TRY(ARE(&x) && make(s, &first, e) == 0 && ARE(&first));
    TRY(segments_remove(s, BRIDGE, e) == 0 && vxlan_drop(sock, "others") == 0);
    nl_socket_free(sock);
    return 0;
}

/* ---- what fails is not called impossible ---- */

/* So that just one more file can be opened; 0: as before. */
static void
files_left(int n)
{
    static struct rlimit before;
    struct rlimit few;
    int fd;

    if (before.rlim_cur == 0)
        (void)getrlimit(RLIMIT_NOFILE, &before);
    (void)setrlimit(RLIMIT_NOFILE, &before);
    if (n == 0)
        return;
    fd = dup(0);
    (void)close(fd);
    few = before;
    few.rlim_cur = (rlim_t)(fd + n);
    (void)setrlimit(RLIMIT_NOFILE, &few);
}

static int
says_what_failed(struct segments *s, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const struct segment_seen *seen;
    size_t n;
    int rc[3];

    TRY(make(s, &first, e) == 0);
    for (int way = 0; way < 2; way++) {
        struct err why[3] = {{0}};

        if (way == 0)
            files_left(1); /* netlink yes, nftables no */
        else
            TRY(seteuid(65534) == 0);
        rc[0] = segments_list(s, &a, &seen, &n, &why[0]);
        rc[1] = segments_make(s, &first, &why[1]);
        rc[2] = way == 0 ? segments_remove(s, OTHER, &why[2]) : -1;
        if (way == 0)
            files_left(0);
        else
            TRY(seteuid(0) == 0);
        for (int i = 0; i < 3 - way; i++) {
            if (rc[i] == -1 && why[i].code == BY_E_IO && why[i].msg[0] != '\0')
                continue;
            fprintf(stderr, "test_segment.c: way %d, call %d: %d %s: %s\n", way, i, rc[i],
                    err_code_name(why[i].code), why[i].msg);
            return -1;
        }
    }
    TRY(ARE(&first) && segments_remove(s, BRIDGE, e) == 0);
    return 0;
}

/* Two bridges, the first with our underlay address. */
static bool
bridges(void)
{
    struct ifreq r = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool fine =
        fd >= 0 && ioctl(fd, SIOCBRADDBR, BRIDGE) == 0 && ioctl(fd, SIOCBRADDBR, OTHER) == 0;

    (void)inet_pton(AF_INET, UNDERLAY, &in.sin_addr);
    (void)snprintf(r.ifr_name, sizeof(r.ifr_name), BRIDGE);
    memcpy(&r.ifr_addr, &in, sizeof(in));
    fine = fine && ioctl(fd, SIOCSIFADDR, &r) == 0;
    (void)close(fd);
    return fine;
}

/* Why not here, looked at without the code under test: what these find possible must pass. */
enum { CAN = 0, FAILED, NO_NAMESPACE, NO_BRIDGE, NO_VXLAN, NO_NFTABLES };
static const char *const cannot[] = {
    [NO_NAMESPACE] = "it lets us make no network namespace (run as root)",
    [NO_BRIDGE] = "it has no bridges",
    [NO_VXLAN] = "it has no VXLAN",
    [NO_NFTABLES] = "it has no nftables for bridges",
};

static int
what_lacks(void)
{
    struct nl_sock *sock = nl_socket_alloc();
    int fd, rc = -1;

    if (unshare(CLONE_NEWNET) < 0)
        return NO_NAMESPACE;
    if (!bridges())
        return NO_BRIDGE;
    if (nl_connect(sock, NETLINK_ROUTE) == 0)
        rc = vxlan_add(sock, "probe", 4);
    nl_socket_free(sock);
    if (rc < 0)
        return NO_VXLAN;
    fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER); /* without, libnftables ends us */
    if (fd < 0)
        return NO_NFTABLES;
    (void)close(fd);
    return nft("table bridge probe {\nchain c {\ntype filter hook prerouting priority "
               "-350;\n}\n}") == 0 &&
                   nft("delete table bridge probe") == 0
               ? CAN
               : NO_NFTABLES;
}

static int
on_the_kernel(void)
{
    struct segments *s = NULL;
    struct err e = {0};
    int rc = what_lacks();

    if (rc != CAN)
        return rc;
    if (segments_open(NULL, &s, &e) < 0 || walk(s, &e) < 0 || drifts(s, &e) < 0 ||
        killed(s, NULL, nothing_of_it, &e) < 0 || leftovers(s, &e) < 0 || learns(s, &e) < 0 ||
        says_what_failed(s, &e) < 0 || strangers(s, &e) < 0)
        rc = FAILED;
    segments_free(s);
    return rc;
}

static void
passes_on_the_kernel(void)
{
    char line[200];
    int status = 0;
    pid_t pid = fork();

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0)
        _exit(on_the_kernel());
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_FATAL(WIFEXITED(status));
    if (WEXITSTATUS(status) == CAN)
        return;
    CU_ASSERT_NOT_EQUAL_FATAL(WEXITSTATUS(status), FAILED);
    CU_ASSERT_FATAL(WEXITSTATUS(status) < (int)ARRAY_LEN(cannot));
    (void)snprintf(line, sizeof(line), "segments on this machine's kernel: %s",
                   cannot[WEXITSTATUS(status)]);
    not_run(line);
}

static void
names_a_device_for_its_bridge(void)
{
    static const char *const not_ours[] = {"virbr0",         "by0123456789a",  "by0123456789abc",
                                           "by0123456789aB", "bx0123456789ab", ""};
    char name[SEGMENT_NAME];

    CU_ASSERT_TRUE(segment_name(BRIDGE, name));
    CU_ASSERT_STRING_EQUAL(name, DEVICE);
    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
        CU_ASSERT_FALSE(segment_name(not_ours[i], name));
}

static void
takes_a_spec_from_an_order(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_net_peer peers[] = {{.ip = "10.9.0.3"}, {.ip = "10.9.0.2"}};
    struct w_network_spec n = {
        .bridge = BRIDGE, .cidr = "10.1.2.0/24", .vni = 77, .peers = {peers, 2}};
    struct segment_spec s;

    segment_spec_of(&n, UNDERLAY, &a, &s);
    CU_ASSERT_STRING_EQUAL(s.gateway, "10.1.2.1");
    CU_ASSERT_STRING_EQUAL(s.peers[0], "10.9.0.2");
    CU_ASSERT_STRING_EQUAL(s.peers[1], "10.9.0.3");
    CU_ASSERT_FALSE(segment_has_address("127.0.0.1"));
    CU_ASSERT_FALSE(segment_has_address("192.0.2.77"));
    CU_ASSERT_FALSE(segment_has_address(""));
}

CU_TestInfo segment_tests[] = {
    {"names a device for its bridge", names_a_device_for_its_bridge},
    {"takes a spec from an order", takes_a_spec_from_an_order},
    {"passes on the fake", passes_on_the_fake},
    {"passes on the kernel", passes_on_the_kernel},
    CU_TEST_INFO_NULL,
};
