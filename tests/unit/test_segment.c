/* What drivers/host/segment.h promises, over the fake and, in a network namespace of its own, over
 * this machine's kernel: the same walk, and for the kernel what people do to it by hand. */
#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/host/segment.h"
#include "drivers/virt/virt_fake.h"
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

    if (segments_ops(s)->list(s, &a, &seen, &count, e) < 0 || count != n)
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
    return segments_ops(s)->make(s, spec, e);
}

static int
walk(struct segments *s, struct err *e)
{
    struct segment_spec x = first, same = second, nowhere = first;

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
    TRY(segments_ops(s)->remove(s, BRIDGE, e) == 0);
    TRY(ARE(&second));
    TRY(segments_ops(s)->remove(s, BRIDGE, e) == 0);
    TRY(segments_ops(s)->remove(s, "virbr0", e) == 0);
    TRY(segments_ops(s)->remove(s, OTHER, e) == 0);
    TRY(are(s, NULL, 0, e));
    return 0;
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

    if (segments_ops(s)->list(s, &a, &seen, &n, e) < 0)
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
    TRY(segments_ops(s)->remove(s, OTHER, e) == 0);
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
    TRY(segments_ops(s)->remove(s, BRIDGE, e) == 0);
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
    TRY(segments_ops(s)->remove(s, BRIDGE, e) == -1 && e->code == BY_E_CONFLICT);
    TRY(if_nametoindex(DEVICE) != 0);
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

enum { CANNOT = 77 }; /* no namespaces, bridges or VXLAN here */

static int
on_the_kernel(void)
{
    struct segments *s = NULL;
    struct err e = {0};
    int rc;

    if (unshare(CLONE_NEWNET) < 0 || !bridges() || segments_open(NULL, &s, &e) < 0)
        return CANNOT;
    if (make(s, &first, &e) < 0 && e.code == BY_E_UNSUPPORTED) {
        fprintf(stderr, "test_segment.c: skipped: %s\n", e.msg);
        return CANNOT;
    }
    (void)segments_ops(s)->remove(s, BRIDGE, &e);
    rc = walk(s, &e) < 0 || drifts(s, &e) < 0 || strangers(s, &e) < 0 ? 1 : 0;
    segments_free(s);
    return rc;
}

static void
passes_on_the_kernel(void)
{
    int status = 0;
    pid_t pid = fork();

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0)
        _exit(on_the_kernel());
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_FATAL(WIFEXITED(status));
    if (WEXITSTATUS(status) != CANNOT)
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
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
