/* What a unit does by itself within its grant, over real HTTP, with a host that the test plays. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "tests/unit/flowsee.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

/* A grant of free shape: 16 vCPU, 16 GiB in two machines of 8 GiB; a network; disk to spare. */
static void
start_free(struct flow *f)
{
    struct w_grant *g;
    struct w_grant_line *l;
    struct w_accepted acc;

    flow_start(f);
    OK(flow_hello(f));
    g = flow_grant(f, "2026-1");
    g->version = 2;
    g->shape = SHAPE_FREE;
    g->resources_max = 9;
    l = g->lines.items;
    l[1].mem_mib = 4096;
    l[2] = (struct w_grant_line){.line = 3,
                                 .kind = RES_VOLUME,
                                 .name = "spare",
                                 .count = 1,
                                 .disk_gib = 10,
                                 .deferred = true};
    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 3);
    CU_ASSERT_EQUAL(flow_carry_out(f), 3);
}

static int
ask_as(struct flow *f, enum flow_who who, const char *path, const char *request, const char *fields,
       struct w_accepted *out)
{
    memset(out, 0, sizeof(*out));
    return FLOW_CALL(
        f, f->people[who], "POST", path,
        flow_text(f, "{\"request\":\"%s\"%s%s}", request, fields[0] == '\0' ? "" : ",", fields),
        accepted, out);
}

static int
ask(struct flow *f, const char *path, const char *fields, struct w_accepted *out)
{
    return ask_as(f, FLOW_TENANT, path, flow_uuid(f), fields, out);
}

static const char *
on(struct flow *f, const char *id, const char *verb)
{
    return flow_text(f, "/v1/resources/%s:%s", id, verb);
}

/* Refused with this status, and a sentence that has these words. */
static void
refused(struct flow *f, int rc, int status, const char *words)
{
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_EQUAL(f->status, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(f->err.msg, words));
    if (strstr(f->err.msg, words) == NULL)
        fprintf(stderr, "said: %s\n", f->err.msg);
}

static void
two_machines_become_four(void)
{
    struct flow f;
    struct w_accepted acc;

    start_free(&f);
    const char *a = flow_named(&f, "web-1"), *b = flow_named(&f, "web-2"),
               *net = flow_named(&f, "lan");
    const char *make = flow_text(&f,
                                 "\"kind\":\"vm\",\"name\":\"web-3\",\"vcpus\":1,\"mem_mib\":2048,"
                                 "\"disk_gib\":2,\"network\":\"%s\"",
                                 net);
    const char *half = "\"vcpus\":1,\"mem_mib\":2048,\"restart\":\"now\",\"confirm\":true";

    refused(&f, ask(&f, "/v1/resources", make, &acc), 409,
            "Free: 10 GiB disk; asked: 1 vCPU, 2048 MiB, 2 GiB disk more");
    OK(ask(&f, on(&f, a, "resize"), half, &acc));
    CU_ASSERT_TRUE(acc.restart);
    OK(ask(&f, on(&f, b, "resize"), half, &acc));
    /* Until the hosts have read it back the larger of old and new is held. */
    refused(&f, ask(&f, "/v1/resources", make, &acc), 409, "has not enough left");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    CU_ASSERT_EQUAL(flow_quota(&f, "mem_mib").used, 4096);
    OK(ask(&f, "/v1/resources", make, &acc));
    OK(ask(&f, "/v1/resources",
           "\"kind\":\"vm\",\"name\":\"db\",\"vcpus\":1,\"mem_mib\":2048,\"disk_gib\":2", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    CU_ASSERT_EQUAL(flow_quota(&f, "mem_mib").used, 8192);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 4);
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, flow_named(&f, "web-3")).ip, "10.77.0.12");
    CU_ASSERT_EQUAL(flow_resource(&f, flow_named(&f, "db")).seen, SEEN_RUNNING);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static const char *
size(struct flow *f, unsigned vcpus, unsigned mem_mib, const char *more)
{
    return flow_text(f, "\"vcpus\":%u,\"mem_mib\":%u%s", vcpus, mem_mib, more);
}

/* Six free vCPUs and so on, for growing: the second machine is given back. */
static void
give_back_one(struct flow *f)
{
    struct w_accepted acc;

    OK(ask(f, on(f, flow_named(f, "web-2"), "bin"), "", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(f), 1);
}

static void
two_people_at_once_never_exceed_the_grant(void)
{
    struct flow f;
    struct w_accepted acc, again;

    start_free(&f);
    const char *a = flow_named(&f, "web-1"), *request = flow_uuid(&f);
    give_back_one(&f);
    const char *body = size(&f, 4, 8192, "");
    OK(ask_as(&f, FLOW_TENANT, on(&f, a, "resize"), request, body, &acc));
    CU_ASSERT_FALSE(acc.restart); /* it was started with room to grow */
    /* A double click is one act; the same id with another wish is refused. */
    OK(ask_as(&f, FLOW_TENANT, on(&f, a, "resize"), request, body, &again));
    CU_ASSERT_STRING_EQUAL(acc.act, again.act);
    CU_ASSERT_EQUAL(
        ask_as(&f, FLOW_TENANT, on(&f, a, "resize"), request, size(&f, 3, 8192, ""), &again), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    /* The other person's wish came second: of one machine it waits, of the quota nothing is left.
     */
    refused(&f,
            ask(&f, on(&f, a, "resize"), size(&f, 3, 4096, ",\"restart\":\"now\",\"confirm\":true"),
                &again),
            409, "has not taken up the order");
    refused(&f, ask(&f, on(&f, flow_named(&f, "web-2"), "restore"), "", &again), 409, "lacks");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "mem_mib").used, 8192);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
only_its_own_and_only_within(void)
{
    struct flow f;
    struct w_accepted acc;

    start_free(&f);
    const char *a = flow_named(&f, "web-1"), *net = flow_named(&f, "lan");
    static const struct {
        enum flow_who who;
        int status;
    } rows[] = {{FLOW_OTHER, 404}, {FLOW_BUREAU, 403}, {FLOW_PROVIDER, 403}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CU_ASSERT_EQUAL(ask_as(&f, rows[i].who, on(&f, a, "resize"), flow_uuid(&f),
                               "\"vcpus\":1,\"restart\":\"now\"", &acc),
                        -1);
        CU_ASSERT_EQUAL(f.status, rows[i].status);
    }
    refused(&f, ask(&f, on(&f, a, "resize"), "\"disk_gib\":1", &acc), 400, "only grows");
    refused(&f, ask(&f, on(&f, a, "resize"), "\"vcpus\":2", &acc), 409, "this size already");
    refused(&f, ask(&f, on(&f, a, "resize"), "\"vcpus\":1", &acc), 409, "needs a restart");
    refused(&f, ask(&f, on(&f, net, "resize"), "\"vcpus\":1", &acc), 400, "has no size");
    refused(&f,
            ask(&f, "/v1/resources", "\"kind\":\"volume\",\"name\":\"web-1\",\"disk_gib\":1", &acc),
            409, "named web-1 in this system already");
    refused(&f,
            ask(&f, "/v1/resources",
                "\"kind\":\"network\",\"name\":\"n2\",\"cidr\":\"10.99.0.0/28\"", &acc),
            409, "does not lie within");
    /* A dry run says where, whether it restarts and what is left; nothing happens. */
    OK(ask(&f, on(&f, a, "resize"), "\"vcpus\":1,\"dry_run\":true", &acc));
    CU_ASSERT_TRUE(acc.restart);
    CU_ASSERT_STRING_EQUAL(acc.host_name, "h1");
    CU_ASSERT_EQUAL(acc.free.n, 4);
    OK(ask(&f, "/v1/resources",
           "\"kind\":\"volume\",\"name\":\"v\",\"disk_gib\":4,\"dry_run\":true", &acc));
    CU_ASSERT_EQUAL(JM_ITEM(acc.free, struct w_quota_free, 2)->free, 6);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 0);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
an_exact_grant_gives_its_lines_and_no_more(void)
{
    struct flow f;
    struct w_accepted acc;

    flow_start(&f);
    OK(flow_hello(&f));
    OK(flow_grant_add(&f, flow_grant(&f, "2026-2"), flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    const char *a = flow_named(&f, "web-1");
    refused(&f, ask(&f, on(&f, a, "resize"), "\"vcpus\":3,\"restart\":\"now\"", &acc), 409,
            "of exact shape");
    refused(&f,
            ask(&f, "/v1/resources",
                "\"kind\":\"volume\",\"name\":\"v\",\"disk_gib\":1,\"grant\":\"2026-2\"", &acc),
            409, "of exact shape");
    refused(&f, ask(&f, "/v1/resources", "\"kind\":\"volume\",\"name\":\"v\",\"disk_gib\":1", &acc),
            409, "no grant of free shape");
    OK(ask(&f, on(&f, a, "resize"), "\"vcpus\":1,\"restart\":\"now\"", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    OK(ask(&f, on(&f, a, "resize"), "\"vcpus\":2,\"restart\":\"now\"", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 4);
    flow_stop(&f);
}

/* Slots of memory use at so many hundredths of a percent of what it has. */
static void
measure_mem(struct flow *f, const char *vm, uint64_t peak)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_slot slot = {.metric = METRIC_MEM, .running_ms = 1000, .avg = peak, .peak = peak};
    struct w_samples s = {.seq = 1, .slot_ms = 1000, .slots = {&slot, 1}};
    struct w_status_answer ans;

    memcpy(s.boot, f->boot, sizeof(s.boot));
    memcpy(slot.vm, vm, W_ID);
    slot.at_ms = (f->ctl.c.wall_ms() / 1000 - 2) * 1000;
    jm_encode(schema_samples, &s, &b);
    OK(FLOW_CALL(f, f->agent, "POST", "/a/v1/samples", strbuf_peek(&b), status_answer, &ans));
}

static void
a_shrink_below_real_use_is_asked_again(void)
{
    struct flow f;
    struct w_accepted acc;

    start_free(&f);
    const char *a = flow_named(&f, "web-1"), *b = flow_named(&f, "web-2");
    refused(&f, ask(&f, on(&f, b, "resize"), size(&f, 2, 2048, ",\"restart\":\"now\""), &acc), 409,
            "is unknown");
    measure_mem(&f, a, 6000); /* 60 % of 4096 MiB */
    refused(&f, ask(&f, on(&f, a, "resize"), size(&f, 2, 2048, ",\"restart\":\"now\""), &acc), 409,
            "has used up to 2458 MiB");
    OK(ask(&f, on(&f, a, "resize"), size(&f, 2, 3072, ",\"restart\":\"now\""), &acc));
    CU_ASSERT_PTR_NULL(acc.warning);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    OK(ask(&f, on(&f, b, "resize"), size(&f, 2, 2048, ",\"restart\":\"later\",\"confirm\":true"),
           &acc));
    CU_ASSERT_PTR_NOT_NULL(acc.warning);
    flow_stop(&f);
}

static struct w_unit_act_view
newest_act(struct flow *f)
{
    struct w_unit_act_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/acts", NULL, unit_act_list, &l));
    CU_ASSERT_FATAL(l.items.n > 0);
    return *JM_ITEM(l.items, struct w_unit_act_view, 0);
}

static const char *
undo_path(struct flow *f, const char *act)
{
    return flow_text(f, "/v1/acts/%s:undo", act);
}

/* Take back the newest act and let the host carry it out. */
static void
undo(struct flow *f, const char *fields, int orders)
{
    struct w_unit_act_view v = newest_act(f);
    struct w_accepted acc;

    CU_ASSERT_TRUE(v.can_undo);
    OK(ask(f, undo_path(f, v.id), fields, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(f), orders);
    CU_ASSERT_EQUAL(ask(f, undo_path(f, v.id), fields, &acc), -1);
    CU_ASSERT_EQUAL(f->status, 409);
}

/* The host has heard of it, and did not come to it yet. */
static void
heard_only(struct flow *f, struct w_order *o)
{
    struct w_observed seen;

    OK(flow_desired(f, 0));
    CU_ASSERT_EQUAL_FATAL(flow_orders(f, o, 1), 1);
    seen = flow_observed(f, o);
    seen.seen = SEEN_RUNNING;
    seen.equal = false;
    OK(flow_status(f, &seen, 1, false));
}

static void
an_agreed_restart_outlives_a_stop_that_was_undone(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o, later;

    start_free(&f);
    const char *a = flow_named(&f, "web-1");
    OK(ask(&f, on(&f, a, "resize"), size(&f, 1, 4096, ",\"restart\":\"now\",\"confirm\":true"),
           &acc));
    heard_only(&f, &o);
    CU_ASSERT_TRUE(o.restart_from_ms > 0);
    OK(ask(&f, on(&f, a, "stop"), "", &acc));
    OK(ask(&f, undo_path(&f, newest_act(&f).id), "", &acc));
    heard_only(&f, &later);
    CU_ASSERT_EQUAL(later.verb, VERB_POWER);
    CU_ASSERT_EQUAL(later.restart_from_ms, o.restart_from_ms);
    OK(ask(&f, on(&f, a, "stop"), "", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1); /* that was its restart */
    OK(ask(&f, on(&f, a, "start"), "", &acc));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, &later, 1), 1);
    CU_ASSERT_EQUAL(later.restart_from_ms, 0);
    flow_stop(&f);
}

static void
every_act_can_be_taken_back(void)
{
    struct flow f;
    struct w_accepted acc;

    start_free(&f);
    const char *a = flow_named(&f, "web-1");
    OK(ask(&f, on(&f, a, "rename"), "\"name\":\"front\"", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, a).name, "front");
    undo(&f, "", 1);
    CU_ASSERT_STRING_EQUAL(flow_resource(&f, a).name, "web-1");

    OK(ask(&f, "/v1/resources", "\"kind\":\"volume\",\"name\":\"logs\",\"disk_gib\":3", &acc));
    const char *logs = flow_text(&f, "%s", acc.id);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    OK(ask(&f, on(&f, logs, "attach"), flow_text(&f, "\"vm\":\"%s\"", a), &acc));
    CU_ASSERT_FALSE(acc.restart);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    refused(&f, ask(&f, on(&f, logs, "bin"), "", &acc), 409, "is used by the VM");
    undo(&f, "\"restart\":\"now\"", 2);
    OK(ask(&f, on(&f, logs, "bin"), "", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    undo(&f, "", 1);
    CU_ASSERT_EQUAL(flow_resource(&f, logs).seen, SEEN_PRESENT);

    give_back_one(&f);
    OK(ask(&f, on(&f, a, "resize"), size(&f, 4, 8192, ""), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    refused(&f, ask(&f, undo_path(&f, newest_act(&f).id), "\"confirm\":true", &acc), 409,
            "needs a restart");
    undo(&f, "\"restart\":\"now\",\"confirm\":true", 1);
    CU_ASSERT_EQUAL(flow_resource(&f, a).vcpus, 2);

    OK(ask(&f, on(&f, a, "stop"), "", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    undo(&f, "", 1);
    CU_ASSERT_EQUAL(flow_resource(&f, a).seen, SEEN_RUNNING);
    OK(ask(&f, on(&f, logs, "resize"), "\"disk_gib\":4", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_FALSE(newest_act(&f).can_undo); /* a disk is never cut */
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
explain_tells_who_did_it_and_replays_the_placing(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_explanation x;
    bool told = false;

    start_free(&f);
    OK(ask(&f, "/v1/resources",
           "\"kind\":\"volume\",\"name\":\"logs\",\"disk_gib\":3,\"reason\":\"more logs\"", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/explain/%s", acc.id), NULL,
                 explanation, &x));
    CU_ASSERT_TRUE(x.replay_equal);
    for (size_t i = 0; i < x.lines.n; i++) {
        const struct w_explain_line *l = JM_ITEM(x.lines, struct w_explain_line, i);

        told = told || (strcmp(l->step, "act") == 0 && strstr(l->text, "more logs") != NULL &&
                        strstr(l->text, f.account[FLOW_TENANT]) != NULL);
    }
    CU_ASSERT_TRUE(told);
    flow_stop(&f);
}

CU_TestInfo self_tests[] = {
    {"two machines become four, and never more than the grant", two_machines_become_four},
    {"two people at once never exceed the grant", two_people_at_once_never_exceed_the_grant},
    {"a unit reshapes only its own, and only within", only_its_own_and_only_within},
    {"an exact grant gives its lines and no more", an_exact_grant_gives_its_lines_and_no_more},
    {"a shrink below real use is asked again", a_shrink_below_real_use_is_asked_again},
    {"an agreed restart outlives a stop that was undone",
     an_agreed_restart_outlives_a_stop_that_was_undone},
    {"every act can be taken back", every_act_can_be_taken_back},
    {"explain tells who did it and replays the placing",
     explain_tells_who_did_it_and_replays_the_placing},
    CU_TEST_INFO_NULL,
};
