/* Many hosts, and what people do to them: nothing is refused for want of looking far enough, and
 * nothing is placed where it would not be made. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/jobs.h"
#include "controller/placing.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_host_flow.h"
#include "tests/unit/fleet.h"
#include "tests/unit/flowok.h"
#include "tests/unit/flowsee.h"

/* More than are looked at together. */
enum { MANY_HOSTS = 2 * PLACING_MANY + 10, FULLER_MIB = 8192 };

static struct w_host_view
host_act(struct flow *f, const char *verb)
{
    struct w_host_view v;

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST",
                                    flow_text(f, "/v1/hosts/%s:%s", f->host, verb), NULL, host_view,
                                    &v),
                          0);
    return v;
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

/* Hosts that are fuller than the one the test plays, each with a network of that range; and a grant
 * that asks for a part of it. */
static struct w_grant *
range_taken(struct flow *f)
{
    struct w_accepted acc;
    struct w_grant *first, *g;

    flow_start(f);
    first = flow_grant(f, "2026-1");
    CU_ASSERT_EQUAL_FATAL(flow_grant_add(f, first, flow_uuid(f), &acc), 0);
    fleet_add(f, &(struct fleet_of){.name = "full",
                                    .n = MANY_HOSTS,
                                    .cidr = "10.78.0.0/16",
                                    .grant = first->id,
                                    .promise_mib = FULLER_MIB});
    g = flow_grant(f, "2026-2");
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 0)->cidr, 20, "10.78.3.0/24");
    return g;
}

static void
a_range_in_use_on_many_hosts_is_free_on_another(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g = range_taken(&f);

    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 4);
    CU_ASSERT_TRUE(replays(&f, g->id));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.orders.n, 8); /* of both grants */
    flow_stop(&f);
}

/* Nowhere: the fullest say why. */
static void
a_range_in_use_everywhere_is_refused(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g = range_taken(&f);

    (void)host_act(&f, "cordon");
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "a network there uses addresses of 10.78.3.0/24"));
    flow_stop(&f);
}

static void
a_cordon_outlasts_a_new_enrolment(void)
{
    struct flow f;
    struct w_accepted acc;
    char host[W_ID];

    flow_start(&f);
    (void)host_act(&f, "cordon");
    ctl_enrol(&f.ctl, f.host_name, host);
    CU_ASSERT_STRING_EQUAL(host, f.host);
    CU_ASSERT_EQUAL(flow_grant_add(&f, flow_grant(&f, "2026-1"), flow_uuid(&f), &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "h1: it is cordoned"));
    (void)host_act(&f, "revoke");
    ctl_enrol(&f.ctl, f.host_name, host); /* given up and taken again: that was the end of it */
    CU_ASSERT_STRING_EQUAL(host_act(&f, "cordon").state, "cordoned");
    flow_stop(&f);
}

static void
what_is_done_to_a_host_is_in_the_ledger(void)
{
    static const struct {
        const char *verb, *act;
        int n;
    } rows[] = {{"cordon", "host.cordoned", 1},     {"cordon", "host.cordoned", 1}, /* no change */
                {"uncordon", "host.uncordoned", 1}, {"uncordon", "host.uncordoned", 1},
                {"cordon", "host.cordoned", 2},     {"revoke", "host.revoked", 1},
                {"revoke", "host.revoked", 1}};
    struct flow f;

    flow_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)host_act(&f, rows[i].verb);
        CU_ASSERT_EQUAL(fleet_ledger(&f, rows[i].act), rows[i].n);
    }
    flow_stop(&f);
}

static void
hold(struct flow *f, struct w_hold *h)
{
    CU_ASSERT_EQUAL_FATAL(
        FLOW_CALL(
            f, f->people[FLOW_PROVIDER], "POST", "/v1/holds",
            flow_text(
                f, "{\"request\":\"%s\",\"host\":\"%s\",\"reason\":\"smoke\",\"for_ms\":3600000}",
                flow_uuid(f), f->host),
            hold, h),
        0);
}

/* An agent that observes and does not act makes nothing: it is made elsewhere, or refused. */
static void
a_held_host_gets_nothing_new(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;
    struct w_hold h;

    flow_start(&f);
    hold(&f, &h);
    CU_ASSERT_EQUAL(flow_grant_add(&f, flow_grant(&f, "2026-1"), flow_uuid(&f), &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "h1: it is held"));
    OK(flow_call(&f, f.people[FLOW_PROVIDER], "DELETE", flow_text(&f, "/v1/holds/%s", h.id), NULL,
                 NULL, 0, NULL));
    OK(flow_grant_add(&f, flow_grant(&f, "2026-2"), flow_uuid(&f), &acc));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.orders.n, 4);
    hold(&f, &h);
    fleet_add(&f, &(struct fleet_of){.name = "free", .n = 1});
    g = flow_grant(&f, "2026-3");
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 0)->cidr, 20, "10.78.0.0/24");
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_TRUE(replays(&f, g->id));
    f.cursor = 0;
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.orders.n, 4);
    flow_stop(&f);
}

static int
others_step(void *arg, struct tx *t, struct err *e)
{
    return DB_EXEC(t->d, DB_HOST_FLOW_PROMISE, NULL, e, DBI(0), DBI(9000), DBI(0), DBS(arg));
}

/* What it leaves in the recycle bin others may have taken since: two guests in the memory of one
 * hurt both. */
static void
what_comes_back_needs_room_on_its_host(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;
    const char *vm;

    flow_start(&f);
    g = flow_grant(&f, "2026-1");
    JM_ITEM(g->lines, struct w_grant_line, 1)->mem_mib = 7000;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    vm = flow_named(&f, "web-2");
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/resources/%s:bin", vm),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    OK(commit_run(f.ctl.c.commit, others_step, f.host, &f.err)); /* 384 MiB are left */
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST",
                              flow_text(&f, "/v1/resources/%s:restore", vm),
                              flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc),
                    -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "h1: 7000 MiB of memory needed, 384 free"));
    CU_ASSERT_EQUAL(flow_resource(&f, vm).wanted, WANT_BINNED);
    (void)host_act(&f, "cordon"); /* what was there before is nothing new */
    f.host_mem_mib = 32768;
    OK(flow_hello(&f));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/resources/%s:restore", vm),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    flow_stop(&f);
}

/* So many things, each under a name of its own, that no order made. */
static int
tell_of_strangers(struct flow *f, size_t n, bool complete)
{
    struct w_observed *o = arena_alloc(&f->a, n * sizeof(*o));

    memset(o, 0, n * sizeof(*o));
    for (size_t i = 0; i < n; i++) {
        o[i].kind = RES_VOLUME;
        o[i].seen = SEEN_FOREIGN;
        o[i].at_ms = 1;
        random_uuid(o[i].resource);
    }
    return flow_status(f, o, n, complete);
}

static int64_t
strangers(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    int64_t n = -1;

    CU_ASSERT_EQUAL(unregistered_count(d, f->host, &n, &f->err), 0);
    return n;
}

/* Without full inventories, which take out what is gone, the oldest go, of one report all or none.
 */
static void
a_host_fills_no_register_without_end(void)
{
    static const struct {
        size_t told;
        bool complete;
        int64_t kept;
    } rows[] = {{6000, true, 6000},   {6000, false, 12000}, {1, false, 12001},
                {5999, false, 12000}, {100, true, 100},     {1, false, 101}};
    struct flow f;

    flow_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ctl_clock((int64_t)i * 1000, (int64_t)i * 1000);
        OK(tell_of_strangers(&f, rows[i].told, rows[i].complete));
        CU_ASSERT_EQUAL(strangers(&f), rows[i].kept);
    }
    flow_stop(&f);
}

/* How often the ledger says that a host is silent, after a round of the job. */
static int
told_silent(struct flow *f, const char *host)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    struct w_ledger_page page;
    int n = 0;

    CU_ASSERT_EQUAL(job_run(&f->ctl.c, d, JOB_HOSTS, &f->err), 0);
    CU_ASSERT_EQUAL(
        FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/ledger", NULL, ledger_page, &page), 0);
    for (size_t i = 0; i < page.items.n; i++) {
        const struct w_ledger_entry *x = JM_ITEM(page.items, struct w_ledger_entry, i);

        n += strcmp(x->act, "host.silent") == 0 && strcmp(x->subject, host) == 0;
    }
    return n;
}

/* It was away itself: a thousand hosts that wait for it are no news. */
static void
a_controller_listens_before_it_tells_of_silence(void)
{
    struct flow f;
    int64_t long_ago;

    flow_start(&f);
    long_ago = f.ctl.c.conf.silent_seconds * 1000 + 1000;
    ctl_clock(long_ago, long_ago);
    flow_restart(&f, NULL);
    CU_ASSERT_EQUAL(told_silent(&f, f.host), 0);
    ctl_clock(2 * long_ago, 2 * long_ago);
    CU_ASSERT_EQUAL(told_silent(&f, f.host), 1);
    CU_ASSERT_EQUAL(told_silent(&f, f.host), 1);
    flow_stop(&f);
}

static void
a_host_that_has_not_spoken_yet_is_not_silent(void)
{
    struct flow f;
    char host[W_ID];
    int64_t long_ago;

    flow_start(&f);
    ctl_enrol(&f.ctl, "h9", host);
    long_ago = f.ctl.c.conf.silent_seconds * 1000 + 1000;
    ctl_clock(long_ago, long_ago);
    CU_ASSERT_EQUAL(told_silent(&f, host), 0);
    CU_ASSERT_EQUAL(told_silent(&f, f.host), 1); /* that has spoken, long ago */
    flow_stop(&f);
}

/* Each is in the ledger for ever. */
static void
a_host_fills_no_ledger_with_hellos(void)
{
    struct flow f;
    int said = 0;

    flow_start(&f);
    while (said < 1000 && flow_hello(&f) == 0)
        said++;
    CU_ASSERT(said > 500 && said < 601);
    CU_ASSERT_EQUAL(f.status, 503);
    ctl_clock(601000, 601000);
    OK(flow_hello(&f));
    flow_stop(&f);
}

CU_TestInfo fleet_tests[] = {
    {"a range in use on many hosts is free on another",
     a_range_in_use_on_many_hosts_is_free_on_another},
    {"a range in use everywhere is refused", a_range_in_use_everywhere_is_refused},
    {"a cordon outlasts a new enrolment", a_cordon_outlasts_a_new_enrolment},
    {"what is done to a host is in the ledger", what_is_done_to_a_host_is_in_the_ledger},
    {"a held host gets nothing new", a_held_host_gets_nothing_new},
    {"what comes back needs room on its host", what_comes_back_needs_room_on_its_host},
    {"a host fills no register without end", a_host_fills_no_register_without_end},
    {"a host that has not spoken yet is not silent", a_host_that_has_not_spoken_yet_is_not_silent},
    {"a controller listens before it tells of silence",
     a_controller_listens_before_it_tells_of_silence},
    {"a host fills no ledger with hellos", a_host_fills_no_ledger_with_hellos},
    CU_TEST_INFO_NULL,
};
