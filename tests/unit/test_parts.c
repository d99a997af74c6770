/* A network over several hosts: one thing for people, a part with orders of its own on each. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/parts.h"
#include "drivers/crypto/digest.h"
#include "tests/unit/flowok.h"
#include "tests/unit/flowsee.h"

static const char *const ip[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};

/* ---- one step of the writer ---- */

struct spread {
    const char *network;
    const char *hosts[4];
    size_t n;
};

static int
spread_step(void *arg, struct tx *t, struct err *e)
{
    struct spread *s = arg;

    return parts_on(t, "controller", s->network, NULL, s->hosts, s->n, tx_arena(t), e);
}

static int
spread(struct flow *f, const char *network, const char *host)
{
    struct spread s = {network, {host}, 1};

    err_clear(&f->err);
    return commit_run(f->ctl.c.commit, spread_step, &s, &f->err);
}

/* h1 with a network and two machines, carried out; h2 and h3 beside it. */
static void
start(struct flow *f)
{
    struct w_accepted acc;

    flow_start(f);
    memcpy(f->underlay, ip[0], sizeof("192.0.2.1"));
    CU_ASSERT_EQUAL_FATAL(flow_hello(f), 0);
    CU_ASSERT_EQUAL_FATAL(flow_grant_add(f, flow_grant(f, "2026-1"), flow_uuid(f), &acc), 0);
    CU_ASSERT_EQUAL_FATAL(flow_carry_out(f), 4);
    flow_host_add(f, "h2", ip[1]);
    flow_host_add(f, "h3", "");
}

static const char *
host_of(struct flow *f, const char *name)
{
    const char *was = arena_strdup(&f->a, f->host_name), *id;

    flow_as(f, name);
    id = arena_strdup(&f->a, f->host);
    flow_as(f, was);
    return id;
}

static void
peers_are(const struct w_order *o, const char *want)
{
    char got[200] = "";

    for (size_t i = 0; i < o->network.peers.n; i++)
        (void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i > 0 ? " " : "",
                       JM_ITEM(o->network.peers, struct w_net_peer, i)->ip);
    CU_ASSERT_STRING_EQUAL(got, want);
}

/* ---- the tests ---- */

static void
a_network_on_one_host_is_isolated(void)
{
    struct flow f;
    struct w_order o;
    struct w_network_part_list l;

    start(&f);
    o = flow_order_at(&f, "h1", RES_NETWORK);
    CU_ASSERT_EQUAL(o.version, 1);
    CU_ASSERT_EQUAL(o.network.vni, 0);
    l = flow_parts(&f, o.resource);
    CU_ASSERT_EQUAL(l.vni, 0);
    CU_ASSERT_EQUAL(l.items.n, 1);
    CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_network_part, 0)->machines, 2);
    flow_stop(&f);
}

static void
each_part_is_told_of_the_others_in_one_commit(void)
{
    struct flow f;
    struct w_order home, part;
    struct w_resource_view v;
    struct w_network_part_list l;
    const char *net;

    start(&f);
    net = flow_named(&f, "lan");
    OK(spread(&f, net, host_of(&f, "h2")));
    home = flow_order_at(&f, "h1", RES_NETWORK);
    part = flow_order_at(&f, "h2", RES_NETWORK);
    CU_ASSERT_EQUAL(home.version, 3);
    CU_ASSERT_STRING_EQUAL(home.resource, net);
    CU_ASSERT_EQUAL(home.generation, 2);
    CU_ASSERT_STRING_EQUAL(home.network.part_of, "");
    CU_ASSERT_EQUAL(home.network.vni, 1);
    peers_are(&home, ip[1]);
    CU_ASSERT_STRING_NOT_EQUAL(part.resource, net);
    CU_ASSERT_STRING_EQUAL(part.network.part_of, net);
    CU_ASSERT_STRING_EQUAL(part.network.id, part.resource);
    CU_ASSERT_STRING_EQUAL(part.network.cidr, home.network.cidr);
    CU_ASSERT_STRING_NOT_EQUAL(part.network.bridge, home.network.bridge);
    CU_ASSERT_EQUAL(part.network.vni, 1);
    peers_are(&part, ip[0]);
    /* As good as the worst of its parts. */
    flow_as(&f, "h1");
    f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    v = flow_resource(&f, net);
    CU_ASSERT_EQUAL(v.parts, 2);
    CU_ASSERT_EQUAL(v.vni, 1);
    CU_ASSERT_FALSE(v.equal);
    CU_ASSERT_EQUAL(v.seen, SEEN_UNKNOWN);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.reason, "h2"));
    flow_as(&f, "h2");
    f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    v = flow_resource(&f, net);
    CU_ASSERT_TRUE(v.equal);
    CU_ASSERT_EQUAL(v.seen, SEEN_PRESENT);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL(l.items.n, 2);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_network_part, 0)->host_name, "h1");
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_network_part, 1)->underlay, ip[1]);
    /* Again: nothing is ordered anew. */
    OK(spread(&f, net, host_of(&f, "h2")));
    home = flow_order_at(&f, "h1", RES_NETWORK);
    CU_ASSERT_EQUAL(home.generation, 2);
    flow_stop(&f);
}

/* A list shows one network, quota counts one, and a part is nobody's to act on. */
static void
it_stays_one_thing_for_people_and_quota(void)
{
    struct flow f;
    struct w_resource_list all;
    struct w_order part;
    struct w_accepted acc;
    const char *net;

    start(&f);
    net = flow_named(&f, "lan");
    OK(spread(&f, net, host_of(&f, "h2")));
    part = flow_order_at(&f, "h2", RES_NETWORK);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 0);
    f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    flow_as(&f, "h1");
    CU_ASSERT_TRUE(flow_carry_out(&f) >= 0);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/resources?kind=network", NULL,
                 resource_list, &all));
    CU_ASSERT_EQUAL(all.items.n, 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "networks").used, 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "networks").drift, 0);
    flow_books_are_right(&f);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST",
                              flow_text(&f, "/v1/resources/%s:bin", part.resource),
                              flow_text(&f, "{\"request\":\"%s\",\"reason\":\"x\"}", flow_uuid(&f)),
                              accepted, &acc),
                    -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "act on the network"));
    flow_stop(&f);
}

static void
another_address_reaches_every_part(void)
{
    struct flow f;
    struct w_order o;
    const char *net;

    start(&f);
    net = flow_named(&f, "lan");
    OK(spread(&f, net, host_of(&f, "h2")));
    flow_as(&f, "h2");
    (void)snprintf(f.underlay, sizeof(f.underlay), "%s", ip[2]);
    OK(flow_hello(&f));
    o = flow_order_at(&f, "h1", RES_NETWORK);
    peers_are(&o, ip[2]);
    o = flow_order_at(&f, "h2", RES_NETWORK);
    peers_are(&o, ip[0]);
    CU_ASSERT_EQUAL(o.generation, 1);
    flow_stop(&f);
}

static void
a_host_without_an_address_takes_no_part(void)
{
    struct flow f;
    const char *net;

    start(&f);
    net = flow_named(&f, "lan");
    CU_ASSERT_EQUAL(spread(&f, net, host_of(&f, "h3")), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "host h3 has no address"));
    CU_ASSERT_EQUAL(flow_order_at(&f, "h1", RES_NETWORK).generation, 1);
    CU_ASSERT_EQUAL(flow_order_at(&f, "h3", RES_NETWORK).generation, 0);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 1);
    flow_stop(&f);
}

static void
a_new_name_goes_to_every_part(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *net;

    start(&f);
    net = flow_named(&f, "lan");
    OK(spread(&f, net, host_of(&f, "h2")));
    flow_as(&f, "h1");
    OK(flow_carry_out(&f) < 0 ? -1 : 0);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/resources/%s:rename", net),
                 flow_text(&f, "{\"request\":\"%s\",\"name\":\"back\"}", flow_uuid(&f)), accepted,
                 &acc));
    CU_ASSERT_STRING_EQUAL(flow_order_at(&f, "h1", RES_NETWORK).network.name, "back");
    CU_ASSERT_STRING_EQUAL(flow_order_at(&f, "h2", RES_NETWORK).network.name, "back");
    flow_stop(&f);
}

struct numbers {
    const char *network;
    const uint32_t *taken;
    size_t n;
    uint32_t got;
};

/* All of it is taken back. */
static int
numbers_step(void *arg, struct tx *t, struct err *e)
{
    struct numbers *x = arg;
    struct resource_row r;

    if (resource_get(t->d, x->network, tx_arena(t), &r, e) < 0)
        return -1;
    r.line = 99;
    r.bridge[0] = '\0';
    for (size_t i = 0; i < x->n; i++) {
        random_uuid(r.id);
        r.ordinal = (uint32_t)i;
        if (resource_insert(t->d, &r, e) < 0 || segment_import(t->d, r.id, x->taken[i], e) < 0)
            return -1;
    }
    x->got = 0;
    return segment_take(t->d, x->network, &x->got, e) < 0 ? -1
                                                          : err_set(e, BY_E_CONFLICT, "as asked");
}

/* Beyond the last one, then the lowest that is free, wherever that is. */
static void
a_segment_number_is_found_while_there_is_one(void)
{
    static const uint32_t top[] = {16777214, 16777215}, low[] = {1, 2, 16777215};
    static const uint32_t gap[] = {1, 3, 16777215}, few[] = {7};
    static const struct {
        const uint32_t *taken;
        size_t n;
        uint32_t got;
    } rows[] = {{NULL, 0, 1}, {few, 1, 8}, {low, 3, 3}, {gap, 3, 2}, {top, 2, 1}};
    struct flow f;
    struct err e = {0};
    const char *net;

    start(&f);
    net = flow_named(&f, "lan");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct numbers x = {.network = net, .taken = rows[i].taken, .n = rows[i].n};

        CU_ASSERT_EQUAL(commit_run(f.ctl.c.commit, numbers_step, &x, &e), -1);
        CU_ASSERT_STRING_EQUAL(e.msg, "as asked");
        CU_ASSERT_EQUAL(x.got, rows[i].got);
    }
    flow_stop(&f);
}

CU_TestInfo parts_tests[] = {
    {"a network on one host is isolated", a_network_on_one_host_is_isolated},
    {"each part is told of the others in one commit",
     each_part_is_told_of_the_others_in_one_commit},
    {"it stays one thing for people and quota", it_stays_one_thing_for_people_and_quota},
    {"another address reaches every part", another_address_reaches_every_part},
    {"a host without an address takes no part", a_host_without_an_address_takes_no_part},
    {"a new name goes to every part", a_new_name_goes_to_every_part},
    {"a segment number is found while there is one", a_segment_number_is_found_while_there_is_one},
    CU_TEST_INFO_NULL,
};
