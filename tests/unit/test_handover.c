/* Handover (资源交付): opened by the last readback, its sheet, its clock, the first sign-in. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/handover.h"
#include "policies/case_fsm.h"
#include "policies/clock.h"
#include "tests/unit/flow.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

/* A printable page; NULL when it was refused. */
static const char *
page(struct flow *f, struct httpc *h, const char *method, const char *path)
{
    struct httpc_answer ans = {0};
    const char *text = NULL;

    if (httpc_call(h, method, path, NULL, 0, 60000, &ans, &f->err) == 0)
        text = arena_strndup(&f->a, ans.body, ans.len);
    f->status = ans.status;
    httpc_answer_clear(&ans);
    return text;
}

/* A person who opens a link that is good no more is told so in a page, not in JSON. */
static bool
is_spent(struct flow *f, struct httpc *h, const char *method, const char *path)
{
    struct httpc_answer ans = {0};
    bool told;

    f->status = 0;
    told = httpc_call(h, method, path, NULL, 0, 60000, &ans, &f->err) < 0 && ans.status == 404 &&
           ans.body != NULL && memmem(ans.body, ans.len, "<h1>首次登录", 16) != NULL &&
           memmem(ans.body, ans.len, "已经用过", 12) != NULL;
    httpc_answer_clear(&ans);
    return told;
}

/* The handover of a grant that was carried out. */
static void
delivered(struct flow *f, const struct w_grant *g, struct w_case_view *v)
{
    struct w_case_list l;
    struct w_accepted acc;

    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/cases?kind=handover", NULL, case_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 0); /* nothing is delivered before it is read back */
    CU_ASSERT_EQUAL(flow_carry_out(f), (int)acc.orders.n);
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/cases?kind=handover", NULL, case_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET",
                 flow_text(f, "/v1/cases/%s", JM_ITEM(l.items, struct w_case_item, 0)->id), NULL,
                 case_view, v));
}

static int
move(struct flow *f, enum flow_who who, struct w_case_view *v, const char *event)
{
    return FLOW_CALL(
        f, f->people[who], "POST", flow_text(f, "/v1/cases/%s:move", v->id),
        flow_text(f, "{\"request\":\"%s\",\"rev\":%llu,\"event\":\"%s\",\"reason\":\"r\"}",
                  flow_uuid(f), (unsigned long long)v->rev, event),
        case_view, v);
}

static const struct w_clock_view *
deploy_clock(struct flow *f, struct w_clock_list *l)
{
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/clocks", NULL, clock_list, l));
    for (size_t i = 0; i < l->items.n; i++)
        if (JM_ITEM(l->items, struct w_clock_view, i)->kind == CLK_DEPLOY)
            return JM_ITEM(l->items, struct w_clock_view, i);
    return NULL;
}

static void
the_last_readback_hands_over_and_starts_the_units_clock(void)
{
    struct flow f;
    struct w_case_view v;
    struct w_clock_list l;
    const char *html;

    flow_start(&f);
    const struct w_grant *g = flow_grant(&f, "交付-1");
    delivered(&f, g, &v);
    CU_ASSERT_EQUAL(v.state, CASE_IS_DELIVERED);
    CU_ASSERT_EQUAL(v.handover.resources, 4);
    CU_ASSERT_EQUAL(v.handover.items.n, 4);
    CU_ASSERT_STRING_EQUAL(v.handover.number, "交付-1");
    const struct w_clock_view *clock = deploy_clock(&f, &l);
    CU_ASSERT_PTR_NOT_NULL_FATAL(clock);
    CU_ASSERT_STRING_EQUAL(clock->due_day, v.handover.due_day);
    CU_ASSERT_EQUAL(clock->due_ms, v.due_ms);
    html = page(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s:handover", v.id));
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    CU_ASSERT_PTR_NOT_NULL(strstr(html, "资源交付单"));
    CU_ASSERT_PTR_NOT_NULL(strstr(html, "10.77.0."));
    CU_ASSERT_PTR_NULL(
        page(&f, f.people[FLOW_OTHER], "GET", flow_text(&f, "/v1/cases/%s:handover", v.id)));
    CU_ASSERT_EQUAL(f.status, 404);

    /* Acceptance says nothing about the clock. */
    OK(move(&f, FLOW_TENANT, &v, "contest"));
    OK(move(&f, FLOW_PROVIDER, &v, "answer"));
    OK(move(&f, FLOW_TENANT, &v, "accept"));
    CU_ASSERT_EQUAL(v.state, CASE_IS_ACCEPTED);
    clock = deploy_clock(&f, &l);
    CU_ASSERT(clock != NULL && clock->met_ms == 0);
    OK(flow_call(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/grants/%s:started", g->id),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), NULL, 0, NULL));
    clock = deploy_clock(&f, &l);
    CU_ASSERT(clock == NULL || clock->met_ms > 0);
    flow_stop(&f);
}

static void
a_link_opens_the_first_sign_in_once(void)
{
    struct flow f;
    struct w_case_view v;
    struct w_signin_link link, next;
    struct w_clock_list l;
    const char *path, *html;

    flow_start(&f);
    delivered(&f, flow_grant(&f, "交付-2"), &v);
    const char *ask = flow_text(&f, "/v1/cases/%s:link", v.id);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_OTHER], "POST", ask, NULL, signin_link, &link), -1);
    CU_ASSERT_EQUAL(f.status, 404);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", ask, NULL, signin_link, &link));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", ask, NULL, signin_link, &next));
    SCOPED(httpc_free) struct httpc *anybody = ctl_browser(&f.ctl);
    CU_ASSERT_PTR_NULL(page(&f, anybody, "GET", flow_text(&f, "/v1/first-sign-in/%s", link.token)));
    CU_ASSERT_EQUAL(f.status, 404); /* the newer one made it void */
    path = flow_text(&f, "/v1/first-sign-in/%s", next.token);
    CU_ASSERT_PTR_NOT_NULL(page(&f, anybody, "GET", path));
    CU_ASSERT_PTR_NOT_NULL(page(&f, anybody, "GET", path)); /* looking does not use it up */
    html = page(&f, anybody, "POST", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    CU_ASSERT_PTR_NOT_NULL(strstr(html, "ssh "));
    CU_ASSERT_TRUE(is_spent(&f, anybody, "POST", path));
    CU_ASSERT_TRUE(is_spent(&f, anybody, "GET", path));
    SCOPED(httpc_free) struct httpc *program = ctl_client(&f.ctl, NULL);
    CU_ASSERT_FALSE(is_spent(&f, program, "POST", path)); /* it is told in JSON */
    CU_ASSERT_EQUAL(f.err.code, BY_E_NOT_FOUND);
    const struct w_clock_view *clock = deploy_clock(&f, &l);
    CU_ASSERT(clock == NULL || clock->met_ms > 0);
    flow_stop(&f);
}

static void
a_link_runs_out(void)
{
    struct flow f;
    struct w_case_view v;
    struct w_signin_link link;

    flow_start(&f);
    delivered(&f, flow_grant(&f, "交付-3"), &v);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/cases/%s:link", v.id), NULL,
                 signin_link, &link));
    ctl_clock(HANDOVER_LINK_MS + 1000, HANDOVER_LINK_MS + 1000);
    SCOPED(httpc_free) struct httpc *anybody = ctl_client(&f.ctl, NULL);
    CU_ASSERT_PTR_NULL(page(&f, anybody, "GET", flow_text(&f, "/v1/first-sign-in/%s", link.token)));
    CU_ASSERT_EQUAL(f.status, 404);
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
a_link_ends_with_the_account_that_asked_for_it(void)
{
    struct flow f;
    struct w_case_view v;
    struct w_signin_link link;

    flow_start(&f);
    delivered(&f, flow_grant(&f, "交付-4"), &v);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/cases/%s:link", v.id), NULL,
                 signin_link, &link));
    SCOPED(httpc_free) struct httpc *anybody = ctl_client(&f.ctl, NULL);
    const char *path = flow_text(&f, "/v1/first-sign-in/%s", link.token);
    CU_ASSERT_PTR_NOT_NULL(page(&f, anybody, "GET", path));
    OK(flow_call(&f, f.people[FLOW_ADMIN], "POST",
                 flow_text(&f, "/v1/accounts/%s:disable", f.account[FLOW_TENANT]), NULL, NULL, 0,
                 NULL));
    CU_ASSERT_PTR_NULL(page(&f, anybody, "GET", path));
    CU_ASSERT_PTR_NULL(page(&f, anybody, "POST", path));
    CU_ASSERT_EQUAL(f.status, 404);
    flow_stop(&f);
}

CU_TestInfo handover_tests[] = {
    {"the last readback hands over and starts the unit's clock",
     the_last_readback_hands_over_and_starts_the_units_clock},
    {"a link opens the first sign-in once", a_link_opens_the_first_sign_in_once},
    {"a link runs out", a_link_runs_out},
    {"a link ends with the account that asked for it",
     a_link_ends_with_the_account_that_asked_for_it},
    CU_TEST_INFO_NULL,
};
