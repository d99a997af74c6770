/* What a plan takes from a grant of free shape stays taken until the bureau returns it: over real
 * HTTP, with a host that the test plays. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/jobs.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_usage.h"
#include "tests/unit/flowsee.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
#define HOLD_MS INT64_C(5000)

struct scene {
    struct flow f;
    struct w_grant *g;
    const char *vm, *other; /* web-1 and web-2: 2 vCPUs, 2048 MiB each; that is the whole grant */
    char finding[W_ID];
    int64_t passed_ms; /* of the clock, since the start */
};

static void
pass(struct scene *s, int64_t ms)
{
    s->passed_ms += ms;
    ctl_clock(s->passed_ms, s->passed_ms);
}

/* That it is idle is not this test's: the finding is put there. */
static int
find_idle(void *arg, struct tx *t, struct err *e)
{
    struct scene *s = arg;
    struct finding_row f = {.verdict = VERDICT_IDLE,
                            .reason = "idle: P95 0.1 %",
                            .facts = "{}",
                            .policy = "p",
                            .name = "web-1",
                            .at_ms = t->now_ms,
                            .since_ms = t->now_ms,
                            .newest = true};

    random_uuid(f.id);
    memcpy(s->finding, f.id, W_ID);
    (void)snprintf(f.vm, sizeof(f.vm), "%s", s->vm);
    memcpy(f.system, s->g->system, W_ID);
    memcpy(f.unit, s->g->unit, W_ID);
    memcpy(f.grant, s->g->id, W_ID);
    return finding_insert(t->d, &f, e);
}

static void
scene_start(struct scene *s, enum w_shape shape)
{
    static const char quick[] =
        "{\"version\":\"quick-1\",\"sample_ms\":1000,\"slot_ms\":1000,\"evaluate_ms\":3600000,"
        "\"window_ms\":60000,\"min_age_ms\":0,\"min_coverage_percent\":50,\"p95_cpu_below\":500,"
        "\"peak_cpu_below\":1000,\"under_p95_cpu_below\":2000,\"least_hold_ms\":1000,"
        "\"clock_working_days\":3}";
    struct w_grant_line *l;
    struct w_accepted acc;
    struct w_policy p;

    *s = (struct scene){.passed_ms = 0};
    flow_start(&s->f);
    OK(flow_hello(&s->f));
    OK(FLOW_CALL(&s->f, s->f.people[FLOW_BUREAU], "POST", "/v1/policies",
                 flow_text(&s->f, "{\"document\":%s}", flow_quote(&s->f, quick)), policy, &p));
    s->g = flow_grant(&s->f, "2026-9");
    s->g->hold_ms = HOLD_MS;
    l = s->g->lines.items;
    l[1].mem_mib = 2048;
    if (shape == SHAPE_FREE) {
        s->g->version = 2;
        s->g->shape = SHAPE_FREE;
        s->g->resources_max = 9;
    }
    OK(flow_grant_add(&s->f, s->g, flow_uuid(&s->f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s->f), 4);
    s->vm = flow_named(&s->f, "web-1");
    s->other = flow_named(&s->f, "web-2");
    OK(commit_run(s->f.ctl.c.commit, find_idle, s, &s->f.err));
}

static int
plan(struct scene *s, struct w_plan_line l, struct w_accepted *acc)
{
    struct flow *f = &s->f;
    struct w_plan p = {
        .version = 2, .hold_ms = HOLD_MS, .reason = "idle", .lines = {&l, 1}, .id = ""};

    l.kind = l.kind == RES_NONE ? RES_VM : l.kind;
    if (l.less_vcpus == 0 && l.less_mem_mib == 0 && l.less_disk_gib == 0 && l.verb != VERB_RESTORE)
        p.version = 1;
    if (l.resource[0] == '\0')
        (void)snprintf(l.resource, sizeof(l.resource), "%s", s->vm);
    pass(s, 10); /* of one resource, each is signed later than the one before */
    memcpy(p.id, flow_uuid(f), 37);
    memcpy(p.finding, s->finding, W_ID);
    memcpy(p.grant, s->g->id, W_ID);
    memcpy(p.system, s->g->system, W_ID);
    memcpy(p.approver, f->account[FLOW_BUREAU], W_ID);
    p.issued_at_ms = f->ctl.c.wall_ms();
    return flow_plan_add(f, &p, flow_uuid(f), acc);
}

static int
ask(struct scene *s, const char *id, const char *verb, const char *fields)
{
    struct flow *f = &s->f;
    struct w_accepted acc;

    return FLOW_CALL(f, f->people[FLOW_TENANT], "POST",
                     flow_text(f, "/v1/resources/%s:%s", id, verb),
                     flow_text(f, "{\"request\":\"%s\"%s}", flow_uuid(f), fields), accepted, &acc);
}

static void
refused(struct scene *s, int rc, int status, const char *words)
{
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_EQUAL(s->f.status, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->f.err.msg, words));
    if (strstr(s->f.err.msg, words) == NULL)
        fprintf(stderr, "said: %s\n", s->f.err.msg);
}

/* What the grant gives in all, and what of it is used. */
static void
books(struct scene *s, const char *metric, int64_t granted, int64_t used)
{
    struct w_quota_row q = flow_quota(&s->f, metric);

    CU_ASSERT_EQUAL(q.granted, granted);
    CU_ASSERT_EQUAL(q.used + q.reserved, used);
    if (q.granted != granted || q.used + q.reserved != used)
        fprintf(stderr, "%s: granted %lld, held %lld\n", metric, (long long)q.granted,
                (long long)(q.used + q.reserved));
    flow_books_are_right(&s->f);
}

static void
run_plans(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

    OK(job_run(&f->ctl.c, d, JOB_PLANS, &f->err));
}

static const struct w_plan_line smaller = {
    .verb = VERB_DOWNGRADE, .vcpus = 1, .mem_mib = 512, .less_vcpus = 1, .less_mem_mib = 1536};
static const struct w_plan_line back = {.verb = VERB_RESTORE, .vcpus = 2, .mem_mib = 2048};

#define BIG ",\"vcpus\":2,\"mem_mib\":2048,\"restart\":\"now\""

static void
a_downgrade_binds_until_the_bureau_returns_it(void)
{
    struct scene s;
    struct w_accepted acc;

    scene_start(&s, SHAPE_FREE);
    OK(plan(&s, smaller, &acc));
    /* At once, also while the host still has to carry it out. */
    books(&s, "vcpus", 3, 3);
    books(&s, "mem_mib", 2560, 2560);
    refused(&s, ask(&s, s.vm, "restore", ""), 409, "has not taken up");
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    books(&s, "vcpus", 3, 3);
    refused(&s, ask(&s, s.vm, "restore", ""), 409, "lacks 1 vcpus");
    refused(&s, ask(&s, s.vm, "resize", BIG), 409, "has not enough left");
    refused(&s, ask(&s, s.other, "resize", ",\"vcpus\":3,\"restart\":\"now\""), 409,
            "has not enough left");
    /* What is left is the unit's to cut otherwise. */
    OK(ask(&s, s.other, "resize", ",\"vcpus\":1,\"restart\":\"now\""));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    OK(ask(&s, s.other, "resize", ",\"vcpus\":2,\"restart\":\"now\""));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);

    OK(plan(&s, back, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 1);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    CU_ASSERT_EQUAL(s.f.set.plans.n, 2); /* what took, and what returned: the host counts itself */
    CU_ASSERT_EQUAL(flow_resource(&s.f, s.vm).vcpus, 2);
    books(&s, "vcpus", 4, 4);
    books(&s, "mem_mib", 4096, 4096);
    flow_stop(&s.f);
}

/* The plan's amounts count on the host as soon as it has the plan: what was ordered before and not
 * heard yet would be refused there for ever, and the plan would wait for it for ever. */
static void
waits_for_an_order_that_its_host_has_not_heard(void)
{
    const struct w_plan_line less = {
        .verb = VERB_DOWNGRADE, .vcpus = 1, .mem_mib = 2048, .less_vcpus = 2};
    struct scene s;
    struct w_accepted acc;

    scene_start(&s, SHAPE_FREE);
    OK(ask(&s, s.other, "resize", ",\"vcpus\":1,\"restart\":\"now\""));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    OK(ask(&s, s.vm, "resize", ",\"vcpus\":3,\"restart\":\"now\""));
    refused(&s, plan(&s, less, &acc), 409, "has not taken up");
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    OK(plan(&s, less, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    books(&s, "vcpus", 2, 2);
    flow_stop(&s.f);
}

static void
a_reclaim_binds_disk_and_all(void)
{
    struct scene s;
    struct w_accepted acc;

    scene_start(&s, SHAPE_FREE);
    OK(plan(&s, (struct w_plan_line){.verb = VERB_BIN, .less_vcpus = 2, .less_mem_mib = 2048},
            &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    books(&s, "vcpus", 2, 2);
    books(&s, "disk_gib", 5, 5);
    refused(&s, ask(&s, s.vm, "restore", ""), 409, "lacks 2 vcpus");
    /* An erasure that waits for its hold is not dodged by taking it out of the bin. */
    OK(plan(&s, (struct w_plan_line){.verb = VERB_ERASE, .less_disk_gib = 2}, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 0);
    refused(&s, ask(&s, s.vm, "restore", ""), 409, "of the bureau still has something to do");
    refused(&s, plan(&s, (struct w_plan_line){.verb = VERB_ERASE, .less_disk_gib = 2}, &acc), 409,
            "wait for it, or return it");
    pass(&s, HOLD_MS + 500);
    run_plans(&s.f);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    CU_ASSERT_EQUAL(flow_resource(&s.f, s.vm).seen, SEEN_ABSENT);
    books(&s, "disk_gib", 3, 3);
    flow_stop(&s.f);
}

static void
a_return_ends_what_was_still_in_store(void)
{
    struct scene s;
    struct w_accepted acc;
    struct w_plan_line later = smaller,
                       bin = {.verb = VERB_BIN, .less_vcpus = 2, .less_mem_mib = 2048};

    scene_start(&s, SHAPE_FREE);
    later.not_before_ms = s.f.ctl.c.wall_ms() + 600000;
    OK(plan(&s, later, &acc));
    books(&s, "vcpus", 4, 4);
    refused(&s, ask(&s, s.vm, "resize", ",\"vcpus\":1,\"restart\":\"now\""), 409,
            "of the bureau still has something to do");
    OK(plan(&s, back, &acc)); /* nothing to bring back: only what was in store ends */
    CU_ASSERT_EQUAL(acc.orders.n, 0);
    pass(&s, 700000);
    run_plans(&s.f);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 0);
    books(&s, "vcpus", 4, 4);

    OK(plan(&s, bin, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    OK(plan(&s, (struct w_plan_line){.verb = VERB_ERASE, .less_disk_gib = 2}, &acc));
    OK(plan(&s, back, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 1);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    books(&s, "vcpus", 4, 4);
    pass(&s, HOLD_MS * 2);
    run_plans(&s.f);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 0);
    CU_ASSERT_EQUAL(flow_resource(&s.f, s.vm).wanted, WANT_RUNNING);
    flow_stop(&s.f);
}

static void
amounts_are_exact_and_only_under_free_shape(void)
{
    struct scene s;
    struct w_accepted acc;
    struct w_plan_line l = smaller;

    scene_start(&s, SHAPE_FREE);
    l.less_vcpus = 2;
    refused(&s, plan(&s, l, &acc), 400, "exactly what its act takes");
    l.less_vcpus = 0;
    refused(&s, plan(&s, l, &acc), 400, "exactly what its act takes");
    l = back;
    l.vcpus = 3;
    refused(&s, plan(&s, l, &acc), 400, "exact size after it");
    l = back;
    l.less_vcpus = 1;
    refused(&s, plan(&s, l, &acc), 400, "a return takes nothing");
    flow_stop(&s.f);

    scene_start(&s, SHAPE_EXACT);
    refused(&s, plan(&s, smaller, &acc), 400, "only a grant of free shape");
    l = smaller;
    l.less_vcpus = 0;
    l.less_mem_mib = 0;
    OK(plan(&s, l, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    books(&s, "vcpus", 4, 3);
    OK(plan(&s, back, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    books(&s, "vcpus", 4, 4);
    flow_stop(&s.f);
}

/* The store is a copy of before everything that a plan did; the host knows more. */
static void
recover(struct scene *s, const char *copy)
{
    struct flow *f = &s->f;
    struct w_desired_answer all;
    struct w_status_view st;

    f->cursor = 0;
    OK(flow_desired(f, 0));
    all = f->set;
    flow_restart(f, copy);
    OK(flow_desired(f, 0));
    CU_ASSERT_TRUE(f->set.recovery);
    OK(flow_hello(f));
    OK(flow_call(f, f->agent, "POST", "/a/v1/receipts", flow_receipts(f, &all), NULL, 0, NULL));
    OK(FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                 flow_text(f, "{\"request\":\"%s\"}", flow_uuid(f)), status_view, &st));
}

static const char *
copy_of(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    const char *copy = flow_text(f, "%s/copy.db", f->ctl.dir);

    OK(db_backup(d, copy, &f->err));
    return copy;
}

static void
an_older_copy_learns_what_plans_took(void)
{
    struct scene s;
    struct w_accepted acc;

    scene_start(&s, SHAPE_FREE);
    const char *copy = copy_of(&s.f);
    OK(plan(&s, smaller, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    recover(&s, copy);
    books(&s, "vcpus", 3, 3);
    books(&s, "mem_mib", 2560, 2560);
    s.f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 4);
    refused(&s, ask(&s, s.vm, "resize", BIG), 409, "has not enough left");
    flow_stop(&s.f);

    scene_start(&s, SHAPE_FREE);
    copy = copy_of(&s.f);
    OK(plan(&s, smaller, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    OK(plan(&s, back, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    recover(&s, copy); /* what was returned is not taken again */
    run_plans(&s.f);
    books(&s, "vcpus", 4, 4);
    CU_ASSERT_EQUAL(flow_resource(&s.f, s.vm).vcpus, 2);
    flow_stop(&s.f);
}

CU_TestInfo takeback_tests[] = {
    {"a downgrade binds until the bureau returns it",
     a_downgrade_binds_until_the_bureau_returns_it},
    {"a plan waits for an order that its host has not heard",
     waits_for_an_order_that_its_host_has_not_heard},
    {"a reclaim binds, disk and all", a_reclaim_binds_disk_and_all},
    {"a return ends what was still in store", a_return_ends_what_was_still_in_store},
    {"an older copy learns what plans took", an_older_copy_learns_what_plans_took},
    {"amounts are exact, and only under free shape", amounts_are_exact_and_only_under_free_shape},
    CU_TEST_INFO_NULL,
};
