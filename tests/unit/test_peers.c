/* Hosts of one network over several: they join, leave, move, fall silent, come back, are taken out
 * of the choice, refused, given up.  What a host's own state does to machines elsewhere: nothing.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/flowok.h"
#include "tests/unit/flowsee.h"

enum { MANY = 3 };

static const char *const names[MANY] = {"h1", "h2", "h3"};
static const char *const ip[MANY] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};

/* That many hosts, each with its address. */
static void
start(struct flow *f, size_t hosts)
{
    flow_start(f);
    (void)snprintf(f->underlay, sizeof(f->underlay), "%s", ip[0]);
    CU_ASSERT_EQUAL_FATAL(flow_hello(f), 0);
    for (size_t i = 1; i < hosts; i++)
        flow_host_add(f, names[i], ip[i]);
}

/* Every host carries out all that it has; how many orders there were. */
static int
carry_out(struct flow *f, size_t hosts)
{
    int n = 0, rc;

    for (size_t i = 0; i < hosts; i++) {
        flow_as(f, names[i]);
        rc = flow_carry_out(f);
        CU_ASSERT_TRUE_FATAL(rc >= 0);
        n += rc;
    }
    return n;
}

static struct w_grant_line *
line(struct w_grant *g, size_t i)
{
    return JM_ITEM(g->lines, struct w_grant_line, i);
}

/* A network, and so many machines that must be apart. */
static struct w_grant *
apart(struct flow *f, const char *number, uint32_t machines)
{
    struct w_grant *g = flow_grant(f, number);

    g->lines.n = 2;
    line(g, 1)->count = machines;
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    return g;
}

static const char *
net_of(struct flow *f, size_t hosts, uint32_t machines)
{
    struct w_accepted acc;

    start(f, hosts);
    CU_ASSERT_EQUAL_FATAL(flow_grant_add(f, apart(f, "2026-1", machines), flow_uuid(f), &acc), 0);
    return flow_named(f, "lan");
}

static const struct w_network_part *
part(const struct w_network_part_list *l, size_t i)
{
    return JM_ITEM(l->items, struct w_network_part, i);
}

/* The peers of the part on that host, in order. */
static const char *
peers(struct flow *f, const char *host)
{
    struct w_order o = flow_order_at(f, host, RES_NETWORK);
    const char *got = "";

    for (size_t i = 0; i < o.network.peers.n; i++)
        got = flow_text(f, "%s%s%s", got, i > 0 ? " " : "",
                        JM_ITEM(o.network.peers, struct w_net_peer, i)->ip);
    return got;
}

static int
ask(struct flow *f, const char *path, const char *fields, struct w_accepted *out)
{
    memset(out, 0, sizeof(*out));
    return FLOW_CALL(f, f->people[FLOW_TENANT], "POST", path,
                     flow_text(f, "{\"request\":\"%s\"%s%s}", flow_uuid(f),
                               fields[0] == '\0' ? "" : ",", fields),
                     accepted, out);
}

static struct w_host_view
host_named(struct flow *f, const char *name)
{
    struct w_host_list l = {0};

    CU_ASSERT_EQUAL_FATAL(
        FLOW_CALL(f, f->people[FLOW_PROVIDER], "GET", "/v1/hosts", NULL, host_list, &l), 0);
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_host_view, i)->name, name) == 0)
            return *JM_ITEM(l.items, struct w_host_view, i);
    CU_FAIL_FATAL("no such host");
    return (struct w_host_view){0};
}

static void
host_act(struct flow *f, const char *name, const char *act)
{
    struct w_host_view v;

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST",
                                    flow_text(f, "/v1/hosts/%s:%s", host_named(f, name).id, act),
                                    NULL, host_view, &v),
                          0);
}

static bool
says(const struct flow *f, const char *what)
{
    bool there = strstr(f->err.msg, what) != NULL;

    if (!there)
        fprintf(stderr, "not said: %s: %s\n", what, f->err.msg);
    return there;
}

/* ---- joining, leaving ---- */

static void
each_that_joins_is_told_to_all(void)
{
    struct flow f;
    struct w_network_part_list l;
    const char *net = net_of(&f, MANY, 3);

    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), "192.0.2.2 192.0.2.3");
    CU_ASSERT_STRING_EQUAL(peers(&f, "h2"), "192.0.2.1 192.0.2.3");
    CU_ASSERT_STRING_EQUAL(peers(&f, "h3"), "192.0.2.1 192.0.2.2");
    for (size_t i = 0; i < MANY; i++) {
        flow_as(&f, names[i]);
        f.cursor = 0;
    }
    CU_ASSERT_EQUAL(carry_out(&f, MANY), 6);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL(l.items.n, 3);
    CU_ASSERT_TRUE(flow_resource(&f, net).equal);
    flow_stop(&f);
}

/* A third part, later: each other one gets a newer order, and is not equal until it was read. */
static void
one_more_is_a_newer_order_for_each(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *old, *g;
    const char *net;

    start(&f, MANY);
    old = apart(&f, "2026-1", 2);
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(carry_out(&f, MANY), 4);
    net = flow_named(&f, "lan");
    g = apart(&f, "2026-2", 3);
    memcpy(g->supersedes, old->id, sizeof(g->supersedes));
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_FALSE(flow_resource(&f, net).equal);
    CU_ASSERT_EQUAL(carry_out(&f, MANY), 4); /* three parts, one machine */
    CU_ASSERT_TRUE(flow_resource(&f, net).equal);
    CU_ASSERT_EQUAL(flow_order_at(&f, "h1", RES_NETWORK).generation, 2);
    CU_ASSERT_EQUAL(flow_order_at(&f, "h2", RES_NETWORK).generation, 2);
    CU_ASSERT_EQUAL(flow_order_at(&f, "h3", RES_NETWORK).generation, 1);
    flow_stop(&f);
}

/* ---- addresses ---- */

static void
one_address_is_one_hosts(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_host_view v;

    start(&f, 2);
    flow_as(&f, "h2");
    (void)snprintf(f.underlay, sizeof(f.underlay), "%s", ip[0]);
    OK(flow_hello(&f)); /* it works otherwise */
    v = host_named(&f, "h2");
    CU_ASSERT_STRING_EQUAL(v.underlay, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(v.reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.reason, "192.0.2.1, is that of host h1"));
    CU_ASSERT_STRING_EQUAL(host_named(&f, "h1").underlay, ip[0]);
    CU_ASSERT_EQUAL(flow_grant_add(&f, apart(&f, "2026-1", 2), flow_uuid(&f), &acc), -1);
    CU_ASSERT_TRUE(says(&f, "h2: it lacks an underlay address"));
    /* It was the other one that was wrong. */
    flow_as(&f, "h1");
    (void)snprintf(f.underlay, sizeof(f.underlay), "%s", ip[2]);
    OK(flow_hello(&f));
    flow_as(&f, "h2");
    OK(flow_hello(&f));
    v = host_named(&f, "h2");
    CU_ASSERT_STRING_EQUAL(v.underlay, ip[0]);
    CU_ASSERT_PTR_NULL(v.reason);
    OK(flow_grant_add(&f, apart(&f, "2026-2", 2), flow_uuid(&f), &acc));
    flow_stop(&f);
}

/* Two hosts of one network that say each other's address never send to themselves. */
static void
an_address_that_is_lost_is_told(void)
{
    struct flow f;

    (void)net_of(&f, 2, 2);
    flow_as(&f, "h2");
    (void)snprintf(f.underlay, sizeof(f.underlay), "%s", ip[0]);
    OK(flow_hello(&f));
    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), "");
    flow_as(&f, "h2");
    (void)snprintf(f.underlay, sizeof(f.underlay), "%s", ip[1]);
    OK(flow_hello(&f));
    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), ip[1]);
    CU_ASSERT_EQUAL(flow_order_at(&f, "h1", RES_NETWORK).generation, 3);
    flow_stop(&f);
}

/* ---- silent, cordoned ---- */

static void
a_silent_host_keeps_what_it_has(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *net = net_of(&f, 2, 2);
    int64_t later;

    CU_ASSERT_EQUAL(carry_out(&f, 2), 4);
    later = f.ctl.c.conf.silent_seconds * 1000 + 1000;
    ctl_clock(later, later);
    flow_as(&f, "h1");
    OK(flow_hello(&f));
    CU_ASSERT_STRING_EQUAL(host_named(&f, "h2").state, "silent");
    CU_ASSERT_EQUAL(carry_out(&f, 1), 0); /* nothing is made elsewhere, no peer is dropped */
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 2);
    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), ip[1]);
    struct w_grant *g = apart(&f, "2026-2", 2);
    (void)snprintf(line(g, 0)->cidr, sizeof(line(g, 0)->cidr), "10.78.0.0/24");
    (void)snprintf(line(g, 0)->name, sizeof(line(g, 0)->name), "lan2");
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_TRUE(says(&f, "h2: it is silent"));
    /* Back, as it was. */
    flow_as(&f, "h2");
    OK(flow_hello(&f));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 0);
    CU_ASSERT_STRING_EQUAL(host_named(&f, "h2").state, "ready");
    ctl_clock(0, 0);
    flow_stop(&f);
}

/* Free shape, one machine on h1 that must be apart from others. */
static const char *
free_one(struct flow *f, size_t hosts)
{
    struct w_accepted acc;
    struct w_grant *g;

    start(f, hosts);
    g = apart(f, "2026-1", 1);
    g->shape = SHAPE_FREE;
    g->resources_max = 9;
    g->lines.n = 3;
    *line(g, 2) = *line(g, 1);
    line(g, 2)->line = 3;
    line(g, 2)->apart = APART_NONE;
    line(g, 2)->deferred = true;
    line(g, 2)->network_line = 0;
    line(g, 2)->count = 4;
    (void)snprintf(line(g, 2)->name, sizeof(line(g, 2)->name), "more");
    CU_ASSERT_EQUAL_FATAL(flow_grant_add(f, g, flow_uuid(f), &acc), 0);
    CU_ASSERT_EQUAL_FATAL(carry_out(f, hosts), 2);
    return flow_named(f, "lan");
}

static int
one_more(struct flow *f, const char *name, const char *net, const char *fields,
         struct w_accepted *acc)
{
    return ask(f, "/v1/resources",
               flow_text(f,
                         "\"kind\":\"vm\",\"name\":\"%s\",\"vcpus\":1,\"mem_mib\":512,"
                         "\"disk_gib\":1,\"network\":\"%s\"%s",
                         name, net, fields),
               acc);
}

/* Explained with that, and the same again. */
static bool
is_told(struct flow *f, const char *id, const char *what)
{
    struct w_explanation x;
    bool told = false;

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_TENANT], "GET",
                                    flow_text(f, "/v1/explain/%s", id), NULL, explanation, &x),
                          0);
    for (size_t i = 0; i < x.lines.n; i++)
        told = told || strstr(JM_ITEM(x.lines, struct w_explain_line, i)->text, what) != NULL;
    return told && x.replay_equal;
}

/* Also one that nobody asked to be apart. */
static void
later_machines_stay_away_from_one_that_must_be_apart(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *net = free_one(&f, 2), *home = arena_strdup(&f.a, flow_resource(&f, net).host);

    OK(one_more(&f, "web-2", net, "", &acc));
    CU_ASSERT_STRING_NOT_EQUAL(flow_resource(&f, acc.id).host, home);
    OK(one_more(&f, "web-3", net, "", &acc)); /* beside the second */
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, acc.id).host,
                           flow_resource(&f, flow_named(&f, "web-2")).host);
    CU_ASSERT_TRUE(is_told(&f, acc.id, "machines that must be apart from it are there: 1"));
    CU_ASSERT_EQUAL(one_more(&f, "web-4", net, ",\"apart\":\"hard\"", &acc), -1);
    CU_ASSERT_TRUE(says(&f, "h1: machines that must be apart from it are there: 1"));
    CU_ASSERT_TRUE(says(&f, "h2: machines that must be apart from it are there: 2"));
    OK(one_more(&f, "web-5", net, ",\"apart\":\"soft\"", &acc));
    CU_ASSERT_TRUE(is_told(&f, acc.id, "apart from other machines of its system: soft"));
    CU_ASSERT_TRUE(
        is_told(&f, flow_named(&f, "web"), "apart from other machines of its system: hard"));
    flow_books_are_right(&f);
    flow_stop(&f);
}

/* Its part and its machines stay; nothing new comes. */
static void
a_cordoned_host_keeps_its_part_and_gets_nothing_new(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *net = free_one(&f, MANY), *third;

    OK(one_more(&f, "web-2", net, ",\"apart\":\"hard\"", &acc));
    CU_ASSERT_EQUAL(carry_out(&f, MANY), 3);
    third = arena_strdup(&f.a, flow_resource(&f, acc.id).host_name);
    host_act(&f, third, "cordon");
    OK(one_more(&f, "web-3", net, "", &acc));
    CU_ASSERT_STRING_NOT_EQUAL(flow_resource(&f, acc.id).host_name, third);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 3);
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, flow_named(&f, "web-2")).host_name, third);
    CU_ASSERT_EQUAL(one_more(&f, "web-4", net, ",\"apart\":\"hard\"", &acc), -1);
    CU_ASSERT_TRUE(says(&f, flow_text(&f, "%s: it is cordoned, not ready", third)));
    /* A change of the network reaches it all the same. */
    CU_ASSERT_TRUE(carry_out(&f, MANY) > 0);
    CU_ASSERT_TRUE(flow_resource(&f, net).equal);
    flow_stop(&f);
}

/* ---- two machines on one key, a host that is given up ---- */

static void
a_cloned_host_gets_no_part(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *first, *net = net_of(&f, 2, 2);

    CU_ASSERT_EQUAL(carry_out(&f, 2), 4);
    flow_as(&f, "h2");
    first = arena_strdup(&f.a, f.boot);
    memcpy(f.boot, flow_uuid(&f), sizeof(f.boot));
    OK(flow_hello(&f)); /* as after a restart */
    (void)snprintf(f.boot, sizeof(f.boot), "%s", first);
    CU_ASSERT_EQUAL(flow_hello(&f), -1);
    CU_ASSERT_TRUE(says(&f, "two machines use one key"));
    struct w_grant *g = apart(&f, "2026-2", 2);
    (void)snprintf(line(g, 0)->cidr, sizeof(line(g, 0)->cidr), "10.78.0.0/24");
    (void)snprintf(line(g, 0)->name, sizeof(line(g, 0)->name), "lan2");
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_TRUE(says(&f, "h2: it is refused, not ready"));
    /* What it had is neither stopped nor made elsewhere. */
    CU_ASSERT_EQUAL(carry_out(&f, 1), 0);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 2);
    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), ip[1]);
    flow_stop(&f);
}

static void
nobody_sends_to_a_host_that_was_given_up(void)
{
    struct flow f;
    struct w_network_part_list l;
    const char *net = net_of(&f, 2, 2);

    CU_ASSERT_EQUAL(carry_out(&f, 2), 4);
    host_act(&f, "h2", "revoke");
    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), "");
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    CU_ASSERT_STRING_EQUAL(part(&l, 1)->host_name, "h2");
    CU_ASSERT_PTR_NOT_NULL_FATAL(part(&l, 1)->reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(part(&l, 1)->reason, "given up"));
    CU_ASSERT_EQUAL(part(&l, 1)->machines, 1);
    flow_stop(&f);
}

/* ---- in the midst ---- */

static void
a_restart_between_two_hosts_changes_nothing(void)
{
    struct flow f;
    const char *net = net_of(&f, 2, 2);

    flow_as(&f, "h1");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    flow_restart(&f, NULL);
    flow_as(&f, "h2");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    CU_ASSERT_TRUE(flow_resource(&f, net).equal);
    CU_ASSERT_EQUAL(flow_resource(&f, net).parts, 2);
    CU_ASSERT_EQUAL(flow_order_at(&f, "h1", RES_NETWORK).generation, 1);
    flow_books_are_right(&f);
    flow_stop(&f);
}

/* Nothing is ordered in recovery: what a host says of its address then is told when it ends. */
static void
an_address_said_in_recovery_is_told_after_it(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_status_view st;
    struct w_desired_answer set[2];
    const char *net = net_of(&f, 2, 2), *copy = flow_text(&f, "%s/copy.db", f.ctl.dir);

    CU_ASSERT_EQUAL(carry_out(&f, 2), 4);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(db_backup(d, copy, &f.err));
    }
    OK(ask(&f, flow_text(&f, "/v1/resources/%s:rename", net), "\"name\":\"back\"", &acc));
    CU_ASSERT_EQUAL(carry_out(&f, 2), 2);
    for (size_t i = 0; i < 2; i++) {
        (void)flow_order_at(&f, names[i], RES_NETWORK);
        set[i] = f.set;
    }
    flow_restart(&f, copy);
    for (size_t i = 0; i < 2; i++) {
        flow_as(&f, names[i]);
        OK(flow_desired(&f, 0));
        if (i == 1)
            (void)snprintf(f.underlay, sizeof(f.underlay), "%s", ip[2]);
        OK(flow_hello(&f));
        OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &set[i]), NULL, 0,
                     NULL));
    }
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), status_view, &st));
    host_act(&f, "h2", "cordon"); /* one more step of the writer */
    CU_ASSERT_STRING_EQUAL(peers(&f, "h1"), ip[2]);
    CU_ASSERT_STRING_EQUAL(flow_order_at(&f, "h1", RES_NETWORK).network.name, "back");
    flow_stop(&f);
}

/* The part stays while its last machine could come back. */
static void
a_part_waits_for_the_recycle_bin(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_network_part_list l;
    const char *net = net_of(&f, 2, 2), *vm;

    CU_ASSERT_EQUAL(carry_out(&f, 2), 4);
    l = flow_parts(&f, net);
    vm = strcmp(flow_resource(&f, flow_named(&f, "web-1")).host, part(&l, 1)->host) == 0 ? "web-1"
                                                                                         : "web-2";
    vm = arena_strdup(&f.a, flow_named(&f, vm));
    OK(ask(&f, flow_text(&f, "/v1/resources/%s:bin", vm), "\"reason\":\"x\"", &acc));
    CU_ASSERT_EQUAL(carry_out(&f, 2), 1);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    CU_ASSERT_EQUAL(part(&l, 1)->wanted, WANT_PRESENT);
    CU_ASSERT_EQUAL(part(&l, 1)->machines, 1);
    OK(ask(&f, flow_text(&f, "/v1/resources/%s:restore", vm), "\"reason\":\"x\"", &acc));
    CU_ASSERT_EQUAL(carry_out(&f, 2), 1);
    CU_ASSERT_TRUE(flow_resource(&f, vm).equal);
    CU_ASSERT_TRUE(flow_resource(&f, net).equal);
    flow_stop(&f);
}

/* Neither joined by its own id nor renamed by it. */
static void
a_part_is_nobodys_to_name(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_network_part_list l;
    const char *net = free_one(&f, 2);

    OK(one_more(&f, "web-2", net, "", &acc));
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    CU_ASSERT_EQUAL(one_more(&f, "web-3", part(&l, 1)->id, "", &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_TRUE(says(&f, "act on the network"));
    CU_ASSERT_EQUAL(ask(&f, flow_text(&f, "/v1/resources/%s:rename", part(&l, 1)->id),
                        "\"name\":\"mine\"", &acc),
                    -1);
    CU_ASSERT_TRUE(says(&f, "act on the network"));
    flow_stop(&f);
}

CU_TestInfo peers_tests[] = {
    {"each that joins is told to all", each_that_joins_is_told_to_all},
    {"one more is a newer order for each", one_more_is_a_newer_order_for_each},
    {"one address is one host's", one_address_is_one_hosts},
    {"an address that is lost is told", an_address_that_is_lost_is_told},
    {"a silent host keeps what it has", a_silent_host_keeps_what_it_has},
    {"later machines stay away from one that must be apart",
     later_machines_stay_away_from_one_that_must_be_apart},
    {"a cordoned host keeps its part and gets nothing new",
     a_cordoned_host_keeps_its_part_and_gets_nothing_new},
    {"a cloned host gets no part", a_cloned_host_gets_no_part},
    {"nobody sends to a host that was given up", nobody_sends_to_a_host_that_was_given_up},
    {"a restart between two hosts changes nothing", a_restart_between_two_hosts_changes_nothing},
    {"an address said in recovery is told after it", an_address_said_in_recovery_is_told_after_it},
    {"a part waits for the recycle bin", a_part_waits_for_the_recycle_bin},
    {"a part is nobody's to name", a_part_is_nobodys_to_name},
    CU_TEST_INFO_NULL,
};
