/* A host's part of a segment through its agent: ordered, read back, changed live, made again after
 * a reboot, taken away; and what is refused, cannot be, or nobody ordered. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/papers.h"
#include "agent/report.h"
#include "drivers/base/clock.h"
#include "drivers/base/fault.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/agenthost.h"

#define UNDERLAY "[network]\nunderlay = 10.9.0.1\n"

static struct w_net_peer two[] = {{.ip = "10.9.0.3"}, {.ip = "10.9.0.2"}},
                         one[] = {{.ip = "10.9.0.9"}}, self[] = {{.ip = "10.9.0.1"}};

/* A later order of the network; vni 0: no segment. */
static void
net_order(struct agenthost *h, struct w_order *o, uint64_t generation, uint32_t vni,
          struct w_net_peer *peers, size_t n)
{
    mill_net_order(&h->m, o);
    random_uuid(o->id);
    o->generation = generation;
    o->version = vni != 0 ? 3 : 1;
    o->network.vni = vni;
    o->network.peers = (struct jm_list){peers, n};
}

static void
give(struct agenthost *h, uint64_t generation, uint32_t vni, struct w_net_peer *peers, size_t n)
{
    struct w_order o;

    net_order(h, &o, generation, vni, peers, n);
    agenthost_order(h, &o);
}

/* The host with its machine running on a network that is a part of segment 77. */
static void
host_make(struct agenthost *h, const char *config)
{
    struct w_order orders[3];
    const char *texts[3];
    struct w_desired_answer in;

    agenthost_new(h, config);
    agenthost_start(h);
    net_order(h, &orders[0], 1, 77, two, 2);
    mill_vol_order(&h->m, &orders[1]);
    mill_vm_order(&h->m, &orders[2]);
    for (size_t i = 0; i < 3; i++)
        texts[i] = mill_sign_order(&h->m, h->m.controller, &orders[i]);
    mill_answer(&h->m, texts, 3, &in);
    agenthost_give(h, &in);
}

/* What the host reports of the network's segment, "" when nothing. */
static void
segment_told(struct agenthost *h, char *out, size_t size)
{
    struct report r;

    out[0] = '\0';
    report_build(&h->ag, true, 0, clock_wall_ms(), clock_mono_ms(), &r);
    for (size_t i = 0; i < r.status.items.n; i++) {
        const struct w_observed *o = JM_ITEM(r.status.items, struct w_observed, i);

        if (strcmp(o->resource, h->m.net) == 0 && o->segment != NULL)
            (void)snprintf(out, size, "%s", o->segment);
    }
    report_clear(&r);
}

static void
makes_changes_and_restores_its_part(void)
{
    struct agenthost h;
    unsigned long long starts = 0;
    struct err e = {0};
    char told[100];

    host_make(&h, UNDERLAY);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    segment_told(&h, told, sizeof(told));
    CU_ASSERT_STRING_EQUAL(told, "77 10.9.0.2 10.9.0.3");
    give(&h, 2, 77, one, 1);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    segment_told(&h, told, sizeof(told));
    CU_ASSERT_STRING_EQUAL(told, "77 10.9.0.9");
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(virt_fake_calls(h.world, "dom.start", &starts, &e), 0);
    CU_ASSERT_EQUAL(starts, 1); /* the guest ran on */
    agenthost_stop(&h);
    CU_ASSERT_EQUAL(virt_fake_reboot(h.world, &e), 0);
    agenthost_start(&h);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    segment_told(&h, told, sizeof(told));
    CU_ASSERT_STRING_EQUAL(told, "77 10.9.0.9");
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    give(&h, 3, 0, NULL, 0); /* isolated again */
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    segment_told(&h, told, sizeof(told));
    CU_ASSERT_STRING_EQUAL(told, "");
    give(&h, 4, 77, two, 2);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    agenthost_free(&h);
}

static void
by_the_unit(struct agenthost *h, struct w_order *o, uint64_t generation, int verb, int wanted)
{
    random_uuid(o->id);
    o->generation = generation;
    o->verb = verb;
    o->wanted = wanted;
    o->authority = AUTH_UNIT;
    agenthost_order(h, o);
}

/* First the part, then libvirt's network: nothing is left. */
static void
takes_its_part_away_with_the_network(void)
{
    struct agenthost h;
    struct w_order vm, net;
    bool known;
    size_t n;

    host_make(&h, UNDERLAY);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    mill_vm_order(&h.m, &vm);
    by_the_unit(&h, &vm, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_BINNED));
    net_order(&h, &net, 2, 77, two, 2);
    by_the_unit(&h, &net, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_BINNED));
    (void)world_segments(h.ag.world, &n, &known);
    CU_ASSERT(known && n == 1); /* the bin keeps it */
    by_the_unit(&h, &vm, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_ABSENT));
    by_the_unit(&h, &net, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_ABSENT));
    (void)world_segments(h.ag.world, &n, &known);
    CU_ASSERT(known && n == 0);
    agenthost_free(&h);
}

static void
part_write(struct agenthost *h, const char *bridge, const char *text)
{
    struct err e = {0};
    char path[400];

    (void)snprintf(path, sizeof(path), "%s/segment/%s.json", h->world, bridge);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, text, strlen(text), 0600, &e), 0);
}

static size_t
parts(struct agenthost *h)
{
    bool known;
    size_t n;

    CU_ASSERT_TRUE(agenthost_settle(h));
    (void)world_segments(h->ag.world, &n, &known);
    return known ? n : 99;
}

/* The network and its machine are erased; libvirt's network was undefined by hand meanwhile. */
static void
removes_what_is_left_of_a_network_that_is_gone(void)
{
    struct agenthost h;
    struct w_order vm, net;
    struct virt_config c = {0};
    struct virt *v = NULL;
    struct err e = {0};
    char uri[400], told[100];

    host_make(&h, UNDERLAY);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    mill_vm_order(&h.m, &vm);
    by_the_unit(&h, &vm, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_BINNED));
    by_the_unit(&h, &vm, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_ABSENT));
    net_order(&h, &net, 2, 77, two, 2);
    by_the_unit(&h, &net, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_BINNED));
    (void)snprintf(uri, sizeof(uri), "fake://%s", h.world);
    c.uri = uri;
    CU_ASSERT_EQUAL_FATAL(virt_fake_open(&c, &v, &e), 0);
    CU_ASSERT_EQUAL(v->ops->net->remove(v, h.m.net, &e), 0);
    v->ops->close(v);
    CU_ASSERT_EQUAL(parts(&h), 1);
    segment_told(&h, told, sizeof(told));
    CU_ASSERT_STRING_EQUAL(told,
                           "77 10.9.0.2 10.9.0.3"); /* it is reported as long as it is there */
    by_the_unit(&h, &net, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_ABSENT));
    CU_ASSERT_EQUAL(parts(&h), 0);
    part_write(&h, net.network.bridge, "{\"underlay\":\"10.9.0.1\",\"vni\":77}"); /* there again */
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_ABSENT));
    CU_ASSERT_EQUAL(parts(&h), 0);
    agenthost_free(&h);
}

/* An answer that did not come is not "gone": until parts can be read, an erased network is not told
 * to be absent, though libvirt's is. */
static void
calls_nothing_absent_that_it_cannot_read(void)
{
    static const char *const other = "bydeadbeef00ff";
    struct agenthost h;
    struct w_order net;
    struct w_desired_answer in;
    const char *text;
    char why[400];
    bool equal;

    agenthost_new(&h, UNDERLAY);
    agenthost_start(&h);
    net_order(&h, &net, 1, 77, two, 2);
    text = mill_sign_order(&h.m, h.m.controller, &net);
    mill_answer(&h.m, &text, 1, &in); /* the whole set: the controller is heard */
    agenthost_give(&h, &in);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    net_order(&h, &net, 2, 77, two, 2);
    by_the_unit(&h, &net, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_BINNED));
    part_write(&h, other, "not what a part is");
    by_the_unit(&h, &net, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_FAILED));
    (void)agenthost_seen(&h, h.m.net, &equal, why, sizeof(why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "cannot be read"));
    CU_ASSERT_FALSE(equal);
    part_write(&h, other, "{\"underlay\":\"10.9.0.1\",\"vni\":9}");
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_ABSENT));
    agenthost_free(&h);
}

/* An agent was killed between device and filters: filters without a device are none of an isolated
 * network, and go. */
static void
removes_filters_whose_device_is_gone(void)
{
    struct agenthost h;
    struct w_order o;

    host_make(&h, UNDERLAY);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    net_order(&h, &o, 2, 0, NULL, 0);
    agenthost_order(&h, &o);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    CU_ASSERT_EQUAL(parts(&h), 0);
    part_write(&h, o.network.bridge, "{\"bare\":true,\"underlay\":\"10.9.0.1\",\"vni\":77}");
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    CU_ASSERT_EQUAL(parts(&h), 0);
    agenthost_free(&h);
}

/* Each change of a part fails once, or its answer is lost: the next try is the last. */
static void
converges_after_each_fault(void)
{
    static const char *const faults[] = {"SEGMENT_BEFORE:1:fail", "SEGMENT_BEFORE:1:lose",
                                         "SEGMENT_AFTER:1:lose"};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        for (int step = 0; step < 3; step++) {
            struct agenthost h;
            char told[100];

            agenthost_new(&h, UNDERLAY);
            agenthost_start(&h);
            for (int at = 0; at <= step; at++) {
                if (at == step) {
                    (void)setenv("BIANYUN_FAULT", faults[i], 1);
                    fault_restart();
                }
                give(&h, (uint64_t)at + 1, at == 2 ? 0 : 77, at == 0 ? two : one,
                     at == 2 ? 0 : 2 - (size_t)at);
                CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
            }
            (void)unsetenv("BIANYUN_FAULT");
            segment_told(&h, told, sizeof(told));
            CU_ASSERT_STRING_EQUAL(told, step == 0   ? "77 10.9.0.2 10.9.0.3"
                                         : step == 1 ? "77 10.9.0.9"
                                                     : "");
            agenthost_free(&h);
        }
}

/* Tried, failed, told why; the machine is not held back. */
static void
says_what_this_host_cannot(void)
{
    static const struct {
        const char *config, *code, *word;
        bool kernel;
        struct w_net_peer *peers;
        size_t n;
    } rows[] = {{UNDERLAY, "unsupported", "no VXLAN", false, two, 2},
                {NULL, "unsupported", "no underlay address", true, two, 2},
                {UNDERLAY, "invalid", "10.9.0.1 as another host", true, self, 1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct agenthost h;
        struct err e = {0};
        char why[400], path[400];
        bool equal;

        agenthost_new(&h, rows[i].config);
        (void)snprintf(path, sizeof(path), "%s/segment-unsupported", h.world);
        if (!rows[i].kernel)
            CU_ASSERT_EQUAL_FATAL(durable_mkdirs(h.world, 0700, &e) < 0 ||
                                      durable_write(path, "", 0, 0600, &e) < 0,
                                  0);
        agenthost_start(&h);
        give(&h, 1, 77, rows[i].peers, rows[i].n);
        CU_ASSERT_TRUE(agenthost_settle(&h));
        CU_ASSERT_TRUE(agenthost_settle(&h));
        CU_ASSERT_EQUAL(agenthost_seen(&h, h.m.net, &equal, why, sizeof(why)), SEEN_FAILED);
        CU_ASSERT_FALSE(equal);
        if (strstr(why, rows[i].word) == NULL || strstr(why, rows[i].code) == NULL)
            fprintf(stderr, "%s: told '%s'\n", rows[i].word, why);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, rows[i].word));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, rows[i].code));
        agenthost_free(&h);
    }
}

static void
refuses_a_version_that_does_not_fit(void)
{
    static const struct {
        uint32_t version, vni;
        size_t peers;
    } rows[] = {{1, 77, 2}, {2, 77, 0}, {3, 0, 0}, {3, 0, 2}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct agenthost h;
        struct w_order o;
        const struct track *k;

        agenthost_new(&h, UNDERLAY);
        agenthost_start(&h);
        net_order(&h, &o, 1, rows[i].vni, two, rows[i].peers);
        o.version = rows[i].version;
        agenthost_order(&h, &o);
        CU_ASSERT_TRUE(agenthost_settle(&h));
        k = track_find(&h.ag.tracks, h.m.net);
        CU_ASSERT_PTR_NOT_NULL_FATAL(k);
        CU_ASSERT_STRING_EQUAL(k->refused_word, "invalid");
        CU_ASSERT_PTR_NULL(receipts_find(h.ag.receipts, h.m.net));
        agenthost_free(&h);
    }
}

/* Two networks on one bridge, or one on a bridge that is not its own, would join what must be
 * apart. */
static void
refuses_a_bridge_that_is_not_its_own(void)
{
    static const struct {
        const char *id, *bridge, *word;
    } rows[] = {{"4e700000-0000-4000-8000-0000000000aa", "by4e7000000001", "invalid"},
                {"4e700000-0000-4000-8000-0000000000aa", "virbr0", "invalid"},
                {NULL, NULL, "BRIDGE_TAKEN"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct agenthost h;
        struct w_order o;
        const struct track *k;

        agenthost_new(&h, UNDERLAY);
        JM_ITEM(h.m.grant.lines, struct w_grant_line, 0)->count = 2;
        h.m.grant_text = mill_sign_grant(&h.m, h.m.bureau, &h.m.grant);
        agenthost_start(&h);
        give(&h, 1, 0, NULL, 0);
        CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
        net_order(&h, &o, 1, 0, NULL, 0);
        o.ordinal = 2;
        if (rows[i].id != NULL)
            (void)snprintf(o.resource, sizeof(o.resource), "%s", rows[i].id);
        else /* another id with the same first digits */
            (void)snprintf(o.resource + 13, sizeof(o.resource) - 13, "-4000-8000-0000000000aa");
        (void)snprintf(o.network.id, sizeof(o.network.id), "%s", o.resource);
        if (rows[i].bridge != NULL)
            (void)snprintf(o.network.bridge, sizeof(o.network.bridge), "%s", rows[i].bridge);
        agenthost_order(&h, &o);
        CU_ASSERT_TRUE(agenthost_settle(&h));
        k = track_find(&h.ag.tracks, o.resource);
        CU_ASSERT_PTR_NOT_NULL_FATAL(k);
        CU_ASSERT_STRING_EQUAL(k->refused_word, rows[i].word);
        CU_ASSERT_PTR_NULL(receipts_find(h.ag.receipts, o.resource));
        agenthost_free(&h);
    }
}

/* A network becomes a part of a segment under a machine that runs: it runs on, and its definition
 * has what the segment carries for its next start. */
static void
defines_what_a_segment_carries_under_a_running_machine(void)
{
    struct agenthost h;
    struct w_order vm;
    const struct virt_dom_seen *d;
    unsigned long long starts = 0;
    struct err e = {0};

    agenthost_new(&h, UNDERLAY);
    agenthost_start(&h);
    give(&h, 1, 0, NULL, 0);
    mill_vol_order(&h.m, &vm);
    agenthost_order(&h, &vm);
    mill_vm_order(&h.m, &vm);
    agenthost_order(&h, &vm);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    d = world_dom(h.ag.world, h.m.vm);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->config.nics[0].mtu, 0);
    give(&h, 2, 77, two, 2);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    d = world_dom(h.ag.world, h.m.vm);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->config.nics[0].mtu, 1450);
    CU_ASSERT_EQUAL(virt_fake_calls(h.world, "dom.start", &starts, &e), 0);
    CU_ASSERT_EQUAL(starts, 1);
    agenthost_free(&h);
}

static void
tells_of_a_part_that_nobody_ordered(void)
{
    static const char part[] =
        "{\"gateway\":\"10.7.0.1\",\"peers\":[],\"underlay\":\"10.9.0.1\",\"vni\":9}";
    struct agenthost h;
    struct err e = {0};
    char path[400], why[400];
    bool equal, known;
    size_t n;

    host_make(&h, UNDERLAY);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    (void)snprintf(path, sizeof(path), "%s/segment/bydeadbeef00ff.json", h.world);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, part, strlen(part), 0600, &e), 0);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(
        agenthost_seen(&h, "deadbeef-00ff-0000-0000-000000000000", &equal, why, sizeof(why)),
        SEEN_UNCLAIMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "bxdeadbeef00ff"));
    CU_ASSERT_TRUE(agenthost_settle(&h));
    (void)world_segments(h.ag.world, &n, &known);
    CU_ASSERT(known && n == 2); /* left alone */
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    agenthost_free(&h);
}

/* Somebody took the filters away: seen, told, made good. */
static void
mends_what_drifted(void)
{
    static const char bare[] = "{\"underlay\":\"10.9.0.1\",\"unfiltered\":true,\"vni\":77}";
    struct agenthost h;
    struct err e = {0};
    char path[400], told[100];
    const struct segment_seen *s;
    struct w_order o;

    host_make(&h, UNDERLAY);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    net_order(&h, &o, 1, 77, two, 2);
    (void)snprintf(path, sizeof(path), "%s/segment/%s.json", h.world, o.network.bridge);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, bare, strlen(bare), 0600, &e), 0);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    s = world_segment(h.ag.world, o.network.bridge);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_TRUE(s->filtered);
    segment_told(&h, told, sizeof(told));
    CU_ASSERT_STRING_EQUAL(told, "77 10.9.0.2 10.9.0.3");
    agenthost_free(&h);
}

CU_TestInfo segment_agent_tests[] = {
    {"makes, changes and restores its part", makes_changes_and_restores_its_part},
    {"takes its part away with the network", takes_its_part_away_with_the_network},
    {"says what this host cannot", says_what_this_host_cannot},
    {"refuses a version that does not fit", refuses_a_version_that_does_not_fit},
    {"removes what is left of a network that is gone",
     removes_what_is_left_of_a_network_that_is_gone},
    {"calls nothing absent that it cannot read", calls_nothing_absent_that_it_cannot_read},
    {"removes filters whose device is gone", removes_filters_whose_device_is_gone},
    {"converges after each fault", converges_after_each_fault},
    {"refuses a bridge that is not its own", refuses_a_bridge_that_is_not_its_own},
    {"defines what a segment carries under a running machine",
     defines_what_a_segment_carries_under_a_running_machine},
    {"tells of a part that nobody ordered", tells_of_a_part_that_nobody_ordered},
    {"mends what drifted", mends_what_drifted},
    CU_TEST_INFO_NULL,
};
