/* One system over several hosts: its machines apart, its network a part on each. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/db/store_host_flow.h"
#include "tests/unit/flowok.h"
#include "tests/unit/flowsee.h"

enum { HOLD_MS = 600000 };

static void
start(struct flow *f, const char *u1, const char *u2)
{
    flow_start(f);
    (void)snprintf(f->underlay, sizeof(f->underlay), "%s", u1);
    CU_ASSERT_EQUAL_FATAL(flow_hello(f), 0);
    flow_host_add(f, "h2", u2);
}

/* Short holds. */
static void
quick_policy(struct flow *f)
{
    struct w_policy p;
    const char *doc =
        "{\\\"version\\\":\\\"quick-1\\\",\\\"sample_ms\\\":1000,\\\"slot_ms\\\":1000,"
        "\\\"evaluate_ms\\\":3600000,\\\"window_ms\\\":60000,\\\"min_age_ms\\\":0,"
        "\\\"min_coverage_percent\\\":50,\\\"p95_cpu_below\\\":500,"
        "\\\"peak_cpu_below\\\":1000,\\\"under_p95_cpu_below\\\":2000,"
        "\\\"least_hold_ms\\\":1000,\\\"clock_working_days\\\":3}";

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", "/v1/policies",
                                    flow_text(f, "{\"document\":\"%s\"}", doc), policy, &p),
                          0);
}

static struct w_grant_line *
line(struct w_grant *g, size_t i)
{
    return JM_ITEM(g->lines, struct w_grant_line, i);
}

/* Both hosts carry out all that they have; how many orders there were. */
static int
carry_out_both(struct flow *f)
{
    int n = 0, rc;

    for (int i = 0; i < 2; i++) {
        flow_as(f, i == 0 ? "h1" : "h2");
        rc = flow_carry_out(f);
        CU_ASSERT_TRUE_FATAL(rc >= 0);
        n += rc;
    }
    return n;
}

static const struct w_network_part *
part(const struct w_network_part_list *l, size_t i)
{
    return JM_ITEM(l->items, struct w_network_part, i);
}

static bool
replays(struct flow *f, const char *id)
{
    struct w_explanation x;

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_TENANT], "GET",
                                    flow_text(f, "/v1/explain/%s", id), NULL, explanation, &x),
                          0);
    return x.replay_equal;
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

/* ---- grants ---- */

/* Two machines apart: each on its host with the part of the network there, in one commit. */
static void
a_grant_of_machines_apart_spans_two_hosts(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order net1, net2, vm1, vm2;
    struct w_network_part_list l;
    struct w_resource_view v;
    struct w_grant *g;
    const char *net;

    start(&f, "192.0.2.1", "192.0.2.2");
    g = flow_grant(&f, "2026-1");
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 4);
    net = flow_named(&f, "lan");
    net1 = flow_order_at(&f, "h1", RES_NETWORK);
    net2 = flow_order_at(&f, "h2", RES_NETWORK);
    vm1 = flow_order_at(&f, "h1", RES_VM);
    vm2 = flow_order_at(&f, "h2", RES_VM);
    CU_ASSERT_EQUAL(net1.network.vni, net2.network.vni);
    CU_ASSERT_NOT_EQUAL(net1.network.vni, 0);
    CU_ASSERT_EQUAL(net1.generation, 1);
    CU_ASSERT_EQUAL(net2.generation, 1);
    CU_ASSERT_EQUAL(net1.network.peers.n, 1);
    CU_ASSERT_EQUAL(net2.network.peers.n, 1);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(net1.network.peers, struct w_net_peer, 0)->ip, "192.0.2.2");
    CU_ASSERT_STRING_EQUAL(JM_ITEM(net2.network.peers, struct w_net_peer, 0)->ip, "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(JM_ITEM(vm1.vm.nics, struct w_nic, 0)->network, net1.resource);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(vm2.vm.nics, struct w_nic, 0)->network, net2.resource);
    CU_ASSERT_STRING_NOT_EQUAL(JM_ITEM(vm1.vm.nics, struct w_nic, 0)->ip,
                               JM_ITEM(vm2.vm.nics, struct w_nic, 0)->ip);
    f.cursor = 0;
    flow_as(&f, "h1");
    f.cursor = 0;
    CU_ASSERT_EQUAL(carry_out_both(&f), 5);
    v = flow_resource(&f, net);
    CU_ASSERT_TRUE(v.equal);
    CU_ASSERT_EQUAL(v.parts, 2);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL(part(&l, 0)->machines, 1);
    CU_ASSERT_EQUAL(part(&l, 1)->machines, 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "networks").used, 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 4);
    flow_books_are_right(&f);
    CU_ASSERT_TRUE(replays(&f, g->id));
    CU_ASSERT_TRUE(replays(&f, net));
    flow_stop(&f);
}

/* Nobody asked for it, but no host has room for both. */
static void
what_fits_no_host_alone_is_spread(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;

    start(&f, "192.0.2.1", "192.0.2.2");
    g = flow_grant(&f, "2026-1");
    line(g, 1)->mem_mib = 10240;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 5);
    CU_ASSERT_STRING_NOT_EQUAL(flow_resource(&f, flow_named(&f, "web-1")).host,
                               flow_resource(&f, flow_named(&f, "web-2")).host);
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, flow_named(&f, "web-1")).host,
                           flow_resource(&f, flow_named(&f, "data")).host);
    CU_ASSERT_EQUAL(flow_parts(&f, flow_named(&f, "lan")).items.n, 2);
    CU_ASSERT_TRUE(replays(&f, g->id));
    flow_stop(&f);
}

static void
what_fits_one_host_stays_there(void)
{
    struct flow f;
    struct w_accepted acc;

    start(&f, "192.0.2.1", "192.0.2.2");
    OK(flow_grant_add(&f, flow_grant(&f, "2026-1"), flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_parts(&f, flow_named(&f, "lan")).items.n, 1);
    CU_ASSERT_EQUAL(flow_parts(&f, flow_named(&f, "lan")).vni, 0);
    flow_stop(&f);
}

static int
try_it(struct flow *f, const struct w_grant *g, struct w_grant_check *out)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_grant, g, &b);
    memset(out, 0, sizeof(*out));
    return FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", "/v1/grants:check",
                     flow_text(f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(f),
                               flow_quote(f, strbuf_peek(&b))),
                     grant_check, out);
}

/* The dry run tells of each machine where it would go, or why not; nothing half is made. */
static void
a_dry_run_tells_of_each_machine(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant_check c;
    struct w_grant *g;
    size_t placed = 0, refused = 0;

    start(&f, "192.0.2.1", "192.0.2.2");
    g = flow_grant(&f, "2026-1");
    line(g, 1)->mem_mib = 10240;
    line(g, 1)->count = 3;
    OK(try_it(&f, g, &c));
    CU_ASSERT_FALSE(c.fits);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.reason, "1 VMs with 2 vCPUs, 10240 MiB"));
    for (size_t i = 0; i < c.placements.n; i++) {
        const struct w_placement *p = JM_ITEM(c.placements, struct w_placement, i);

        placed += p->host_name[0] != '\0';
        if (p->host_name[0] == '\0') {
            refused++;
            CU_ASSERT_PTR_NOT_NULL(strstr(p->reason, "h1: 10240 MiB of memory needed, 6144 free"));
        }
    }
    CU_ASSERT_EQUAL(placed, 4); /* two machines, the volume, the network */
    CU_ASSERT_EQUAL(refused, 1);
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_EQUAL(carry_out_both(&f), 0);
    line(g, 1)->count = 2;
    OK(try_it(&f, g, &c));
    CU_ASSERT_TRUE(c.fits);
    flow_stop(&f);
}

static void
hosts_without_an_address_take_no_part(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;

    start(&f, "192.0.2.1", "");
    g = flow_grant(&f, "2026-1");
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "underlay address"));
    CU_ASSERT_EQUAL(carry_out_both(&f), 0);
    /* Softly asked, they stand together. */
    g = flow_grant(&f, "2026-2");
    line(g, 1)->apart = APART_SOFT;
    g->version = 5;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_parts(&f, flow_named(&f, "lan")).items.n, 1);
    CU_ASSERT_TRUE(replays(&f, g->id));
    flow_stop(&f);
}

/* What is asked to be apart where it can, is: also by hosts that are not among the fullest, which
 * are looked at first. */
static void
machines_are_apart_while_there_are_hosts(void)
{
    enum { HOSTS = 12, AT_ONCE = 10 };
    char on[HOSTS][W_ID];
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;

    flow_start(&f);
    for (int i = 2; i <= HOSTS; i++)
        flow_host_add(&f, flow_text(&f, "h%d", i), "");
    for (int part = 1; part <= 2; part++) { /* together, and beside what is there */
        g = flow_grant(&f, flow_text(&f, "part-%d", part));
        g->lines.n = 1;
        *line(g, 0) = *line(g, 1);
        line(g, 0)->line = 1;
        line(g, 0)->network_line = 0;
        line(g, 0)->count = part == 1 ? AT_ONCE : HOSTS - AT_ONCE;
        line(g, 0)->apart = APART_SOFT;
        (void)snprintf(line(g, 0)->name, sizeof(line(g, 0)->name), "p%d", part);
        g->version = 5;
        OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
        CU_ASSERT_TRUE(replays(&f, g->id));
    }
    for (int i = 0; i < HOSTS; i++) {
        const char *name =
            i < AT_ONCE ? flow_text(&f, "p1-%d", i + 1) : flow_text(&f, "p2-%d", i - AT_ONCE + 1);

        memcpy(on[i], flow_resource(&f, flow_named(&f, name)).host, W_ID);
        for (int k = 0; k < i; k++)
            CU_ASSERT_STRING_NOT_EQUAL(on[i], on[k]);
    }
    flow_stop(&f);
}

/* A message has room for a few hosts: whole sentences, and how many are left out. */
static void
a_refusal_by_many_hosts_is_told_of_some(void)
{
    enum { HOSTS = 40 };
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;
    const char *more;
    size_t n = 0;

    flow_start(&f);
    for (int i = 2; i <= HOSTS; i++)
        flow_host_add(&f, flow_text(&f, "a-host-with-a-longer-name-%d", i), "");
    g = flow_grant(&f, "2026-1");
    line(g, 1)->mem_mib = 1U << 20;
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    more = strstr(f.err.msg, "; and ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(more);
    for (const char *p = f.err.msg; (p = strstr(p, "it lacks an underlay address")) != NULL; p++)
        n++;
    CU_ASSERT_STRING_EQUAL(more, flow_text(&f, "; and %zu more", HOSTS - n));
    flow_stop(&f);
}

static void
a_cordoned_host_gets_nothing_new(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;

    start(&f, "192.0.2.1", "192.0.2.2");
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", flow_text(&f, "/v1/hosts/%s:cordon", f.host),
                 NULL, host_view, &(struct w_host_view){0}));
    g = flow_grant(&f, "2026-1");
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "h1: it is cordoned"));
    CU_ASSERT_EQUAL(carry_out_both(&f), 0);
    flow_stop(&f);
}

/* A change makes more machines than their network's host has room for: the network grows. */
static void
a_change_takes_a_network_to_another_host(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *old, *g;
    struct w_network_part_list l;
    const char *net;

    start(&f, "192.0.2.1", "192.0.2.2");
    old = flow_grant(&f, "2026-1");
    line(old, 1)->mem_mib = 7000;
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 4);
    net = flow_named(&f, "lan");
    CU_ASSERT_EQUAL(flow_parts(&f, net).vni, 0);
    g = flow_grant(&f, "2026-2");
    g->version = 4;
    memcpy(g->supersedes, old->id, sizeof(g->supersedes));
    line(g, 1)->mem_mib = 7000;
    line(g, 1)->count = 4;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 2);
    CU_ASSERT_EQUAL(carry_out_both(&f), 4); /* two machines, both parts */
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    CU_ASSERT_NOT_EQUAL(l.vni, 0);
    CU_ASSERT_EQUAL(part(&l, 0)->machines, 2);
    CU_ASSERT_EQUAL(part(&l, 1)->machines, 2);
    CU_ASSERT_TRUE(part(&l, 0)->equal && part(&l, 1)->equal);
    CU_ASSERT_TRUE(replays(&f, g->id));
    /* And once more: what is there stays, and counts. */
    old = g;
    g = flow_grant(&f, "2026-3");
    g->version = 4;
    memcpy(g->supersedes, old->id, sizeof(g->supersedes));
    line(g, 1)->mem_mib = 7000;
    line(g, 1)->count = 5;
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    line(g, 1)->count = 4;
    line(g, 1)->mem_mib = 7500;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 4);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 2);
    flow_books_are_right(&f);
    flow_stop(&f);
}

/* ---- a unit by itself ---- */

/* A grant of free shape, on one host; more is given than that host has. */
static const char *
start_free(struct flow *f, const char *u2)
{
    struct w_accepted acc;
    struct w_grant *g;

    start(f, "192.0.2.1", u2);
    g = flow_grant(f, "2026-1");
    g->version = 2;
    g->shape = SHAPE_FREE;
    g->resources_max = 9;
    line(g, 1)->mem_mib = 7000;
    line(g, 2)->deferred = true;
    line(g, 2)->attach_line = 0;
    line(g, 2)->count = 9;
    g->lines.n = 3;
    CU_ASSERT_EQUAL_FATAL(flow_grant_add(f, g, flow_uuid(f), &acc), 0);
    CU_ASSERT_EQUAL_FATAL(carry_out_both(f), 3);
    return flow_named(f, "lan");
}

static void
a_unit_gives_back_and_makes_another(struct flow *f, const char *net, const char *fields,
                                    struct w_accepted *acc)
{
    CU_ASSERT_EQUAL_FATAL(
        ask(f, "/v1/resources",
            flow_text(f,
                      "\"kind\":\"vm\",\"name\":\"web-3\",\"vcpus\":1,\"mem_mib\":6000,"
                      "\"disk_gib\":1,\"network\":\"%s\"%s",
                      net, fields),
            acc),
        0);
}

/* Room for two machines of 7000 MiB is on the first host, for a third on another. */
static void
the_next_machine_goes_to_another_host(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order vm, mine;
    struct w_network_part_list l;
    const char *net, *first;

    net = start_free(&f, "192.0.2.2");
    first = arena_strdup(&f.a, flow_resource(&f, net).host);
    OK(ask(&f, flow_text(&f, "/v1/resources/%s:bin", flow_named(&f, "web-2")), "\"reason\":\"x\"",
           &acc));
    /* Not read back: its room is not free yet, its quota neither. */
    CU_ASSERT_EQUAL(carry_out_both(&f), 1);
    flow_as(&f, "h1");
    a_unit_gives_back_and_makes_another(&f, net, ",\"apart\":\"hard\"", &acc);
    CU_ASSERT_STRING_NOT_EQUAL(flow_resource(&f, acc.id).host, first);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    CU_ASSERT_STRING_EQUAL(part(&l, 0)->host, first);
    vm = flow_order_at(&f, part(&l, 1)->host_name, RES_VM);
    mine = flow_order_at(&f, part(&l, 1)->host_name, RES_NETWORK);
    CU_ASSERT_STRING_EQUAL(vm.resource, acc.id);
    CU_ASSERT_STRING_EQUAL(mine.network.part_of, net);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(vm.vm.nics, struct w_nic, 0)->network, mine.resource);
    CU_ASSERT_EQUAL(flow_order_at(&f, part(&l, 0)->host_name, RES_NETWORK).network.peers.n, 1);
    CU_ASSERT_TRUE(replays(&f, acc.id));
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
beside_its_network_while_there_is_room(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *net, *first;

    net = start_free(&f, "192.0.2.2");
    first = arena_strdup(&f.a, flow_resource(&f, net).host);
    OK(ask(&f, flow_text(&f, "/v1/resources/%s:bin", flow_named(&f, "web-2")), "\"reason\":\"x\"",
           &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 1);
    a_unit_gives_back_and_makes_another(&f, net, "", &acc);
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, acc.id).host, first);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 1);
    flow_stop(&f);
}

/* Its agent would make nothing until the hold ends. */
static void
not_beside_a_network_on_a_held_host(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_hold h;
    const char *net, *first;

    net = start_free(&f, "192.0.2.2");
    first = arena_strdup(&f.a, flow_resource(&f, net).host);
    OK(ask(&f, flow_text(&f, "/v1/resources/%s:bin", flow_named(&f, "web-2")), "\"reason\":\"x\"",
           &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 1);
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/holds",
                 flow_text(&f,
                           "{\"request\":\"%s\",\"host\":\"%s\",\"reason\":\"smoke\","
                           "\"for_ms\":3600000}",
                           flow_uuid(&f), first),
                 hold, &h));
    a_unit_gives_back_and_makes_another(&f, net, "", &acc);
    CU_ASSERT_STRING_NOT_EQUAL(flow_resource(&f, acc.id).host, first);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 2);
    CU_ASSERT_TRUE(replays(&f, acc.id));
    flow_stop(&f);
}

/* ---- going ---- */

/* The hold of everything in the bin has passed. */
static void
erase(struct flow *f, const char *name, int nth)
{
    struct w_accepted acc;
    const char *id = flow_named(f, name);

    CU_ASSERT_EQUAL_FATAL(
        ask(f, flow_text(f, "/v1/resources/%s:bin", id), "\"reason\":\"x\"", &acc), 0);
    CU_ASSERT_TRUE(carry_out_both(f) > 0);
    ctl_clock(nth * (HOLD_MS + 500), nth * (HOLD_MS + 500));
    int rc = ask(f, flow_text(f, "/v1/resources/%s:erase", id),
                 "\"reason\":\"x\",\"backup_declared\":true", &acc);
    if (rc < 0)
        fprintf(stderr, "erase %s: %s\n", name, f->err.msg);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    CU_ASSERT_TRUE(carry_out_both(f) > 0);
}

/* A part goes with the last machine of its host; the network's own stays. */
static void
a_part_goes_with_its_last_machine(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_network_part_list l;
    struct w_order o;
    struct w_grant *g;
    const char *net, *gone, *kept;

    start(&f, "192.0.2.1", "192.0.2.2");
    quick_policy(&f);
    g = flow_grant(&f, "2026-1");
    g->hold_ms = HOLD_MS;
    g->lines.n = 2;
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 4);
    net = flow_named(&f, "lan");
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    gone = strcmp(flow_resource(&f, flow_named(&f, "web-1")).host, part(&l, 1)->host) == 0
               ? "web-1"
               : "web-2";
    kept = gone[4] == '1' ? "web-2" : "web-1";
    erase(&f, gone, 1);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL(l.items.n, 2); /* ordered away, not read back */
    CU_ASSERT_EQUAL(part(&l, 1)->wanted, WANT_ABSENT);
    CU_ASSERT_TRUE(carry_out_both(&f) >= 1);
    l = flow_parts(&f, net);
    CU_ASSERT_EQUAL(l.items.n, 1);
    o = flow_order_at(&f, part(&l, 0)->host_name, RES_NETWORK);
    CU_ASSERT_EQUAL(o.network.peers.n, 0);
    CU_ASSERT_EQUAL(o.network.vni, l.vni);
    /* The last one goes, and then the network: its segment is free again. */
    erase(&f, kept, 2);
    erase(&f, "lan", 3);
    CU_ASSERT_EQUAL(flow_parts(&f, net).items.n, 0);
    CU_ASSERT_EQUAL(flow_parts(&f, net).vni, 0);
    flow_books_are_right(&f);
    ctl_clock(0, 0);
    flow_stop(&f);
}

/* ---- recovery ---- */

static struct w_desired_answer
all_of(struct flow *f, const char *host)
{
    flow_as(f, host);
    f->cursor = 0;
    CU_ASSERT_EQUAL_FATAL(flow_desired(f, 0), 0);
    return f->set;
}

/* Machines there that must be apart. */
static uint32_t
alone_at(struct flow *f, const char *host)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    struct host_facts facts;

    CU_ASSERT_EQUAL_FATAL(host_facts_get(d, host, f->system, &f->a, &facts, &f->err), 0);
    return facts.alone;
}

/* An older copy of the store: receipts come in any order of hosts. */
static void
recovered(bool home_first)
{
    struct flow f;
    struct w_accepted acc;
    struct w_status_view st;
    struct w_network_part_list was, is;
    struct w_desired_answer set[2];
    const char *net, *copy, *host[2];
    struct w_grant *g;

    start(&f, "192.0.2.1", "192.0.2.2");
    copy = flow_text(&f, "%s/copy.db", f.ctl.dir);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(db_backup(d, copy, &f.err));
    }
    g = flow_grant(&f, "2026-1");
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 5);
    net = flow_named(&f, "lan");
    was = flow_parts(&f, net);
    CU_ASSERT_EQUAL_FATAL(was.items.n, 2);
    for (size_t i = 0; i < 2; i++) {
        host[i] = part(&was, home_first ? i : 1 - i)->host_name;
        set[i] = all_of(&f, host[i]);
    }
    flow_restart(&f, copy);
    for (size_t i = 0; i < 2; i++) {
        flow_as(&f, host[i]);
        OK(flow_desired(&f, 0));
        OK(flow_hello(&f));
        OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &set[i]), NULL, 0,
                     NULL));
    }
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), status_view, &st));
    for (size_t i = 0; i < 2; i++) {
        flow_as(&f, host[i]);
        f.cursor = 0;
    }
    CU_ASSERT_EQUAL(carry_out_both(&f), 5);
    is = flow_parts(&f, net);
    CU_ASSERT_EQUAL(is.vni, was.vni);
    CU_ASSERT_EQUAL_FATAL(is.items.n, 2);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_STRING_EQUAL(part(&is, i)->id, part(&was, i)->id);
        CU_ASSERT_STRING_EQUAL(part(&is, i)->host, part(&was, i)->host);
        CU_ASSERT_EQUAL(part(&is, i)->machines, 1);
        CU_ASSERT_TRUE(part(&is, i)->equal);
    }
    CU_ASSERT_EQUAL(flow_quota(&f, "networks").used, 1);
    CU_ASSERT_EQUAL(alone_at(&f, part(&is, 0)->host), 1);
    CU_ASSERT_EQUAL(alone_at(&f, part(&is, 1)->host), 1);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
parts_are_recovered_from_their_hosts(void)
{
    recovered(true);
    recovered(false);
}

static size_t
listed(struct flow *f, const char *filter)
{
    struct w_resource_list l;

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_TENANT], "GET",
                                    flow_text(f, "/v1/resources?%s", filter), NULL, resource_list,
                                    &l),
                          0);
    return l.items.n;
}

static bool
explained(struct flow *f, const char *id, const char *words)
{
    struct w_explanation x = {0};
    bool found = false;

    CU_ASSERT_EQUAL(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/explain/%s", id),
                              NULL, explanation, &x),
                    0);
    for (size_t i = 0; i < x.lines.n; i++)
        found = found || strstr(JM_ITEM(x.lines, struct w_explain_line, i)->text, words) != NULL;
    return found;
}

static void
of_a_silent_host_nothing_is_known(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_network_part_list l;
    struct w_resource_view v;
    struct w_grant *g;
    int64_t long_ago;

    start(&f, "192.0.2.1", "192.0.2.2");
    g = flow_grant(&f, "2026-1");
    line(g, 1)->apart = APART_HARD;
    g->version = 5;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(carry_out_both(&f), 5);
    CU_ASSERT_EQUAL(listed(&f, "kind=vm&seen=running"), 2);
    long_ago = f.ctl.c.conf.silent_seconds * 1000 + 1000;
    ctl_clock(long_ago, long_ago);
    flow_as(&f, "h1");
    OK(flow_hello(&f));
    v = flow_resource(&f, flow_named(&f, "web-2"));
    CU_ASSERT_STRING_EQUAL_FATAL(v.host_name, "h2");
    CU_ASSERT_EQUAL(v.seen, SEEN_UNKNOWN);
    CU_ASSERT_FALSE(v.equal);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v.reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.reason, "host h2 is silent (nothing heard for "));
    CU_ASSERT_PTR_NOT_NULL(strstr(v.reason, "when last seen it was running"));
    CU_ASSERT_TRUE(explained(
        &f, v.id, "wanted running, seen unknown, generation 1; not equal: host h2 is silent"));
    CU_ASSERT_TRUE(explained(&f, flow_named(&f, "web-1"), "wanted running, seen running"));
    CU_ASSERT_TRUE(explained(&f, flow_named(&f, "lan"), "seen unknown"));
    v = flow_resource(&f, flow_named(&f, "web-1"));
    CU_ASSERT_EQUAL(v.seen, SEEN_RUNNING);
    CU_ASSERT_TRUE(v.equal);
    CU_ASSERT_EQUAL(listed(&f, "kind=vm&seen=running"), 1);
    CU_ASSERT_EQUAL(listed(&f, "kind=vm&seen=unknown"), 1);
    v = flow_resource(&f, flow_named(&f, "lan"));
    CU_ASSERT_EQUAL(v.seen, SEEN_UNKNOWN);
    l = flow_parts(&f, v.id);
    CU_ASSERT_EQUAL(part(&l, 0)->seen, SEEN_PRESENT);
    CU_ASSERT_EQUAL(part(&l, 1)->seen, SEEN_UNKNOWN);
    CU_ASSERT_FALSE(part(&l, 1)->equal);
    flow_as(&f, "h2");
    OK(flow_hello(&f));
    CU_ASSERT_EQUAL(listed(&f, "kind=vm&seen=running"), 2);
    CU_ASSERT_TRUE(flow_resource(&f, v.id).equal);
    flow_stop(&f);
}

CU_TestInfo spread_tests[] = {
    {"a grant of machines apart spans two hosts", a_grant_of_machines_apart_spans_two_hosts},
    {"what fits no host alone is spread", what_fits_no_host_alone_is_spread},
    {"what fits one host stays there", what_fits_one_host_stays_there},
    {"a dry run tells of each machine", a_dry_run_tells_of_each_machine},
    {"hosts without an address take no part", hosts_without_an_address_take_no_part},
    {"machines are apart while there are hosts", machines_are_apart_while_there_are_hosts},
    {"a refusal by many hosts is told of some", a_refusal_by_many_hosts_is_told_of_some},
    {"a cordoned host gets nothing new", a_cordoned_host_gets_nothing_new},
    {"a change takes a network to another host", a_change_takes_a_network_to_another_host},
    {"the next machine goes to another host", the_next_machine_goes_to_another_host},
    {"beside its network while there is room", beside_its_network_while_there_is_room},
    {"not beside a network on a held host", not_beside_a_network_on_a_held_host},
    {"a part goes with its last machine", a_part_goes_with_its_last_machine},
    {"parts are recovered from their hosts", parts_are_recovered_from_their_hosts},
    {"of a silent host nothing is known", of_a_silent_host_nothing_is_known},
    CU_TEST_INFO_NULL,
};
