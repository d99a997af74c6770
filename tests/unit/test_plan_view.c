/* Signed plans are listed, shown line by line, and taken back while they wait: over real HTTP, with
 * a host that the test plays. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/jobs.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_usage.h"
#include "tests/unit/flow.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
#define HOLD_MS INT64_C(300000)
#define LATER_MS INT64_C(600000)

struct scene {
    struct flow f;
    struct w_grant *g;
    struct w_resource_view vm;
    char finding[W_ID];
    int64_t start_ms;
};

static int
find_idle(void *arg, struct tx *t, struct err *e)
{
    struct scene *s = arg;
    struct finding_row f = {.verdict = VERDICT_IDLE,
                            .reason = "idle",
                            .facts = "{}",
                            .policy = "p",
                            .at_ms = t->now_ms,
                            .since_ms = t->now_ms,
                            .newest = true};

    random_uuid(f.id);
    memcpy(s->finding, f.id, W_ID);
    memcpy(f.vm, s->vm.id, W_ID);
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
    struct w_policy policy;
    struct w_resource_list l;
    struct w_accepted acc;
    struct flow *f = &s->f;

    memset(s, 0, sizeof(*s));
    flow_start(f);
    OK(flow_hello(f));
    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", "/v1/policies",
                 flow_text(f, "{\"document\":%s}", flow_quote(f, quick)), policy, &policy));
    s->g = flow_grant(f, "2026-9");
    s->g->hold_ms = HOLD_MS;
    if (shape == SHAPE_FREE) {
        s->g->version = 2;
        s->g->shape = SHAPE_FREE;
        s->g->resources_max = 9;
    }
    OK(flow_grant_add(f, s->g, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(f), 4);
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/resources?name=web-1", NULL, resource_list,
                 &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    s->vm = *JM_ITEM(l.items, struct w_resource_view, 0);
    OK(commit_run(f->ctl.c.commit, find_idle, s, &f->err));
    s->start_ms = f->ctl.c.wall_ms();
}

/* Signed and handed in; the id of the plan. */
static const char *
plan(struct scene *s, struct w_plan_line *lines, size_t n)
{
    struct flow *f = &s->f;
    struct w_plan p = {.version = 1,
                       .hold_ms = HOLD_MS,
                       .reason = "P95 0.1 %",
                       .issued_at_ms = f->ctl.c.wall_ms(),
                       .lines = {lines, n}};
    struct w_accepted acc;

    for (size_t i = 0; i < n; i++) {
        lines[i].kind = RES_VM;
        memcpy(lines[i].resource, s->vm.id, W_ID);
        if (lines[i].less_vcpus != 0)
            p.version = 2;
    }
    memcpy(p.id, flow_uuid(f), W_ID);
    memcpy(p.finding, s->finding, W_ID);
    memcpy(p.grant, s->g->id, W_ID);
    memcpy(p.system, s->g->system, W_ID);
    memcpy(p.approver, f->account[FLOW_BUREAU], W_ID);
    OK(flow_plan_add(f, &p, flow_uuid(f), &acc));
    return flow_text(f, "%s", p.id);
}

static struct w_plan_view
show(struct scene *s, const char *id)
{
    struct flow *f = &s->f;
    struct w_plan_view v = {.id = ""};

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/plans/%s", id), NULL,
                 plan_view, &v));
    return v;
}

static const struct w_plan_line_view *
line(const struct w_plan_view *v, size_t i)
{
    CU_ASSERT_FATAL(i < v->lines.n);
    return JM_ITEM(v->lines, const struct w_plan_line_view, i);
}

static int
withdraw(struct scene *s, const char *id, const char *more, struct w_plan_view *v)
{
    struct flow *f = &s->f;

    return FLOW_CALL(
        f, f->people[FLOW_BUREAU], "POST", flow_text(f, "/v1/plans/%s:withdraw", id),
        flow_text(f, "{\"reason\":\"reviewed\",\"request\":\"%s\"%s}", flow_uuid(f), more),
        plan_view, v);
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

static size_t
listed(struct scene *s, const char *query, struct w_plan_list *l)
{
    struct flow *f = &s->f;

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/plans%s", query), NULL,
                 plan_list, l));
    return l->items.n;
}

static void
run_plans(struct scene *s)
{
    SCOPED(db_free) struct db *d = ctl_db(&s->f.ctl);

    OK(job_run(&s->f.ctl.c, d, JOB_PLANS, &s->f.err));
}

/* Plan that answers the newest finding, "" when it is open. */
static const char *
answered_by(struct scene *s)
{
    struct flow *f = &s->f;
    struct w_finding_list l;

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/findings", NULL, finding_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    return JM_ITEM(l.items, struct w_finding_view, 0)->plan;
}

static bool
explains(struct scene *s, const char *id, const char *words)
{
    struct w_explanation x;

    OK(FLOW_CALL(&s->f, s->f.people[FLOW_TENANT], "GET", flow_text(&s->f, "/v1/explain/%s", id),
                 NULL, explanation, &x));
    for (size_t i = 0; i < x.lines.n; i++)
        if (strstr(JM_ITEM(x.lines, struct w_explain_line, i)->text, words) != NULL)
            return true;
    return false;
}

static void
a_plan_is_withdrawn_before_its_date(void)
{
    struct scene s;
    struct w_plan_line l = {.verb = VERB_BIN};
    struct w_plan_view v;
    struct w_plan_list list;
    const char *id;

    scene_start(&s, SHAPE_EXACT);
    l.not_before_ms = s.start_ms + LATER_MS;
    id = plan(&s, &l, 1);
    v = show(&s, id);
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_DATE);
    CU_ASSERT_EQUAL(v.waiting, 1);
    CU_ASSERT_STRING_EQUAL(v.reason, "P95 0.1 %");
    CU_ASSERT_PTR_NOT_NULL(v.paper);
    CU_ASSERT_STRING_EQUAL(v.resource_name, "web-1");
    CU_ASSERT_STRING_EQUAL(answered_by(&s), id);
    CU_ASSERT_EQUAL(listed(&s, "?waiting=1", &list), 1);
    CU_ASSERT_EQUAL(listed(&s, flow_text(&s.f, "?resource=%s", s.vm.id), &list), 1);
    CU_ASSERT_EQUAL(listed(&s, flow_text(&s.f, "?resource=%s", s.g->id), &list), 0);
    CU_ASSERT_EQUAL(listed(&s, flow_text(&s.f, "?grant=%s", s.g->id), &list), 1);
    CU_ASSERT_EQUAL(listed(&s, flow_text(&s.f, "?grant=%s", s.vm.id), &list), 0);

    /* A dry run says it and does nothing. */
    OK(withdraw(&s, id, ",\"dry_run\":true", &v));
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_WITHDRAWN);
    v = show(&s, id);
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_DATE);
    CU_ASSERT_STRING_EQUAL(answered_by(&s), id);

    OK(withdraw(&s, id, "", &v));
    CU_ASSERT_EQUAL(v.waiting, 0);
    v = show(&s, id);
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_WITHDRAWN);
    CU_ASSERT_EQUAL(v.waiting, 0);
    CU_ASSERT_STRING_EQUAL(answered_by(&s), ""); /* open for another plan */
    CU_ASSERT_EQUAL(listed(&s, "?waiting=1", &list), 0);
    CU_ASSERT_EQUAL(listed(&s, "", &list), 1);
    refused(&s, withdraw(&s, id, "", &v), 409, "nothing of plan");
    CU_ASSERT_TRUE(explains(&s, id, "withdrawn by account"));

    ctl_clock(LATER_MS * 2, LATER_MS * 2);
    run_plans(&s);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 0);
    flow_stop(&s.f);
}

static void
what_is_an_order_stays_and_the_way_back_is_named(void)
{
    struct scene s;
    struct w_plan_line l[2] = {{.verb = VERB_BIN}, {.verb = VERB_ERASE}};
    struct w_plan_view v;
    struct w_order_view o;
    const char *id;

    scene_start(&s, SHAPE_EXACT);
    id = plan(&s, l, 2);
    v = show(&s, id);
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_ORDERED);
    CU_ASSERT_EQUAL(line(&v, 1)->state, PLS_HOLD);
    CU_ASSERT_EQUAL(line(&v, 1)->hold_until_ms, 0); /* its host has the word first */
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 1);
    v = show(&s, id);
    CU_ASSERT_EQUAL(line(&v, 1)->state, PLS_HOLD);
    CU_ASSERT(line(&v, 1)->hold_until_ms > s.start_ms + HOLD_MS - 1);
    OK(FLOW_CALL(&s.f, s.f.people[FLOW_BUREAU], "GET",
                 flow_text(&s.f, "/v1/orders/%s", line(&v, 0)->order), NULL, order_view, &o));

    /* Its hold is over, it is due, and the job has not come yet. */
    ctl_clock(HOLD_MS * 2, HOLD_MS * 2);
    OK(withdraw(&s, id, "", &v));
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_ORDERED);
    CU_ASSERT_PTR_NOT_NULL(strstr(line(&v, 0)->note, "bianyun restore web-1"));
    CU_ASSERT_EQUAL(line(&v, 1)->state, PLS_WITHDRAWN);
    run_plans(&s);
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), 0);
    CU_ASSERT_STRING_EQUAL(answered_by(&s), id); /* something came of it */
    refused(&s, withdraw(&s, id, "", &v), 409, "nothing of plan");
    flow_stop(&s.f);
}

static void
all_ordered_or_unknown_is_not_withdrawn(void)
{
    struct scene s;
    struct w_plan_line l = {.verb = VERB_BIN};
    struct w_plan_view v;
    struct flow *f = &s.f;
    const char *id;

    scene_start(&s, SHAPE_EXACT);
    id = plan(&s, &l, 1);
    refused(&s, withdraw(&s, id, "", &v), 409, "its lines are orders");
    refused(&s, withdraw(&s, flow_uuid(f), "", &v), 404, "there is no plan");
    refused(&s,
            FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", flow_text(f, "/v1/plans/%s:withdraw", id),
                      flow_text(f, "{\"request\":\"%s\"}", flow_uuid(f)), plan_view, &v),
            400, "reason");
    refused(&s,
            FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", flow_text(f, "/v1/plans/%s:withdraw", id),
                      "{\"reason\":\"x\"}", plan_view, &v),
            400, "request");
    flow_stop(f);
}

static void
a_plan_that_lowers_totals_is_returned_instead(void)
{
    struct scene s;
    struct w_plan_line l = {.verb = VERB_BIN, .less_vcpus = 2};
    struct w_plan_view v;
    const char *id;

    scene_start(&s, SHAPE_FREE);
    l.not_before_ms = s.start_ms + LATER_MS;
    l.less_mem_mib = s.vm.mem_mib;
    id = plan(&s, &l, 1);
    refused(&s, withdraw(&s, id, "", &v), 409, "bianyun return web-1");
    refused(&s, withdraw(&s, id, ",\"dry_run\":true", &v), 409, "bianyun return web-1");
    v = show(&s, id);
    CU_ASSERT_EQUAL(line(&v, 0)->state, PLS_DATE);
    flow_stop(&s.f);
}

enum { MANY = 101 };

static int
add_many(void *arg, struct tx *t, struct err *e)
{
    struct scene *s = arg;
    struct w_plan_line l = {.kind = RES_VM, .verb = VERB_BIN, .not_before_ms = INT64_MAX / 2};
    struct w_plan p = {.version = 1, .hold_ms = HOLD_MS, .reason = "x", .lines = {&l, 1}};

    memcpy(l.resource, s->vm.id, W_ID);
    memcpy(p.finding, s->finding, W_ID);
    memcpy(p.grant, s->g->id, W_ID);
    memcpy(p.system, s->g->system, W_ID);
    memcpy(p.approver, s->f.account[FLOW_BUREAU], W_ID);
    for (int i = 0; i < MANY; i++) {
        random_uuid(p.id);
        p.issued_at_ms = t->now_ms;
        if (plan_insert(t->d, &p, p.approver, "{}", t->now_ms + i / 3, e) < 0)
            return -1;
    }
    return 0;
}

static void
pages_hold_each_plan_once(void)
{
    struct scene s;
    struct w_plan_list one, two;
    char query[100];

    scene_start(&s, SHAPE_EXACT);
    OK(commit_run(s.f.ctl.c.commit, add_many, &s, &s.f.err));
    CU_ASSERT_EQUAL(listed(&s, "", &one), MANY - 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(one.next);
    (void)snprintf(query, sizeof(query), "?after=%s", one.next);
    CU_ASSERT_EQUAL_FATAL(listed(&s, query, &two), 1);
    CU_ASSERT_PTR_NULL(two.next);
    for (size_t i = 0; i < one.items.n; i++)
        CU_ASSERT_STRING_NOT_EQUAL(JM_ITEM(one.items, struct w_plan_item, i)->id,
                                   JM_ITEM(two.items, struct w_plan_item, 0)->id);
    refused(
        &s,
        FLOW_CALL(&s.f, s.f.people[FLOW_BUREAU], "GET", "/v1/plans?after=x", NULL, plan_list, &two),
        400, "another list");
    flow_stop(&s.f);
}

CU_TestInfo plan_view_tests[] = {
    {"a plan is withdrawn before its date", a_plan_is_withdrawn_before_its_date},
    {"what is an order stays, and the way back is named",
     what_is_an_order_stays_and_the_way_back_is_named},
    {"all ordered or unknown is not withdrawn", all_ordered_or_unknown_is_not_withdrawn},
    {"a plan that lowers totals is returned instead",
     a_plan_that_lowers_totals_is_returned_instead},
    {"pages hold each plan once", pages_hold_each_plan_once},
    CU_TEST_INFO_NULL,
};
