/* What an approved change does: a grant that supersedes another, over real HTTP, with a host that
 * the test plays. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "drivers/base/strbuf.h"
#include "tests/unit/flowsee.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

static struct w_grant *
start(struct flow *f)
{
    struct w_accepted acc;
    struct w_grant *g;

    flow_start(f);
    OK(flow_hello(f));
    g = flow_grant(f, "2026-1");
    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(f), 4);
    return g;
}

/* The same lines under another number, to be changed. */
static struct w_grant *
over(struct flow *f, const struct w_grant *old, const char *number)
{
    struct w_grant *g = flow_grant(f, number);

    g->version = 4;
    memcpy(g->supersedes, old->id, sizeof(g->supersedes));
    return g;
}

static struct w_grant_line *
line(const struct w_grant *g, size_t i)
{
    return JM_ITEM(g->lines, struct w_grant_line, i);
}

static struct w_resource_view
named(struct flow *f, const char *name)
{
    struct w_resource_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/resources", NULL, resource_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_resource_view, i)->name, name) == 0)
            return *JM_ITEM(l.items, struct w_resource_view, i);
    CU_FAIL_FATAL("no such resource");
    return (struct w_resource_view){0};
}

static struct w_grant_view
view(struct flow *f, const struct w_grant *g)
{
    struct w_grant_view v;

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/grants/%s", g->id), NULL,
                 grant_view, &v));
    return v;
}

static void
refused(struct flow *f, const struct w_grant *g, int status, const char *words)
{
    struct w_accepted acc;

    CU_ASSERT_EQUAL(flow_grant_add(f, g, flow_uuid(f), &acc), -1);
    CU_ASSERT_EQUAL(f->status, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(f->err.msg, words));
    if (strstr(f->err.msg, words) == NULL)
        fprintf(stderr, "said: %s\n", f->err.msg);
}

/* Of the newest grant only: one that was superseded gives nothing and is not listed. */
static struct w_quota_row
quota(struct flow *f, const struct w_grant *g, const char *metric)
{
    struct w_quota_list l;
    const struct w_quota_row *found = NULL;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/quota", NULL, quota_list, &l));
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_quota_row *r = JM_ITEM(l.items, struct w_quota_row, i);

        CU_ASSERT_STRING_EQUAL(r->grant, g->id);
        if (strcmp(r->metric, metric) == 0)
            found = r;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    return *found;
}

static void
lines_that_grew_grow_their_machines_and_make_more(void)
{
    struct flow f;
    struct w_grant *old = start(&f), *g = over(&f, old, "2026-2");
    struct w_resource_view before = named(&f, "web-1"), after;
    struct w_accepted acc;
    struct w_order orders[8];
    struct w_quota_row q;
    struct w_case_list l;
    size_t n, resizes = 0;

    line(g, 1)->vcpus = 4;
    line(g, 1)->mem_mib = 2048;
    line(g, 1)->count = 3;
    line(g, 2)->disk_gib = 2;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 4); /* two machines and a volume grow, a third is made */
    q = quota(&f, g, "vcpus");
    CU_ASSERT_EQUAL(q.granted, 12);
    CU_ASSERT_EQUAL(q.used, 4);     /* as read back under the older grant */
    CU_ASSERT_EQUAL(q.reserved, 8); /* the larger of old and new is held while in work */
    CU_ASSERT_TRUE(q.unproven);
    flow_books_are_right(&f);
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.grants.n, 2); /* the older one comes along: the host judges both */
    n = flow_orders(&f, orders, 8);
    CU_ASSERT_EQUAL(n, 4);
    for (size_t i = 0; i < n; i++) {
        struct w_observed o = flow_observed(&f, &orders[i]);

        resizes += orders[i].verb == VERB_RESIZE && orders[i].authority == AUTH_GRANT;
        CU_ASSERT_STRING_EQUAL(orders[i].grant, g->id);
        CU_ASSERT_STRING_EQUAL(orders[i].authority_id, g->id);
        OK(flow_status(&f, &o, 1, false));
    }
    CU_ASSERT_EQUAL(resizes, 3);
    after = named(&f, "web-1");
    CU_ASSERT_STRING_EQUAL(after.id, before.id);
    CU_ASSERT_STRING_EQUAL(after.host, before.host);
    CU_ASSERT_STRING_EQUAL(after.grant, g->id);
    CU_ASSERT_EQUAL(after.vcpus, 4);
    CU_ASSERT_EQUAL(named(&f, "web-3").vcpus, 4);
    CU_ASSERT_STRING_NOT_EQUAL(named(&f, "web-3").ip, named(&f, "web-2").ip);
    CU_ASSERT_STRING_EQUAL(named(&f, "web-3").host, before.host);
    q = quota(&f, g, "vcpus");
    CU_ASSERT_EQUAL(q.used, 12);
    CU_ASSERT_EQUAL(q.reserved, 0);
    CU_ASSERT_EQUAL(q.drift, 0);
    flow_books_are_right(&f);
    /* What grew and what was made is handed over as the first delivery was. */
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/cases?kind=handover", NULL, case_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 2);
    flow_stop(&f);
}

static void
the_older_grant_is_superseded_once_and_for_all(void)
{
    struct flow f;
    struct w_grant *old = start(&f), *g = over(&f, old, "2026-2"), *third;
    struct w_accepted acc;

    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 0); /* nothing grew: only the books moved */
    CU_ASSERT_STRING_EQUAL(view(&f, old).superseded_by, g->id);
    CU_ASSERT_STRING_EQUAL(view(&f, g).supersedes, old->id);
    CU_ASSERT_TRUE(view(&f, g).clock.met_ms > 0);
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").used, 4);
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").drift, 0);
    refused(&f, over(&f, old, "2026-3"), 409, "name the newest");
    third = over(&f, g, "2026-4");
    line(third, 1)->vcpus = 3;
    OK(flow_grant_add(&f, third, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 2);
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.grants.n, 3); /* every step, down to the one that made them */
    /* An act of the unit itself is ordered under the newest. */
    f.cursor = 0;
    CU_ASSERT(flow_carry_out(&f) >= 2);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST",
                 flow_text(&f, "/v1/resources/%s:stop", named(&f, "web-2").id),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc));
    CU_ASSERT_STRING_EQUAL(JM_ITEM(acc.orders, struct w_order_view, 0)->grant, third->id);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
what_is_no_longer_covered_is_named(void)
{
    struct flow f;
    struct w_grant *old = start(&f), *g;

    g = over(&f, old, "2026-2");
    line(g, 1)->count = 1;
    refused(&f, g, 409, "web-2 of grant 2026-1: the new grant gives less");
    g = over(&f, old, "2026-3");
    line(g, 1)->mem_mib = 512;
    refused(&f, g, 409, "web-1, web-2 of grant 2026-1: the new grant gives less");
    g = over(&f, old, "2026-4");
    g->lines.n = 2;
    refused(&f, g, 409, "data of grant 2026-1: the new grant gives less");
    g = over(&f, old, "2026-5");
    (void)snprintf(line(g, 1)->name, W_NAME, "app");
    refused(&f, g, 400, "takes a new number");
    g = over(&f, old, "2026-6");
    g->version = 2;
    refused(&f, g, 400, "version 4");
    g = over(&f, old, "2026-7");
    memcpy(g->supersedes, flow_uuid(&f), sizeof(g->supersedes));
    refused(&f, g, 400, "no such grant of this system");
    g = over(&f, old, "2026-8");
    line(g, 2)->count = 2; /* for a machine that is there */
    refused(&f, g, 400, "would join machines that are there");
    g = over(&f, old, "2026-9");
    line(g, 1)->vcpus = 512;
    line(g, 1)->mem_mib = 1 << 20;
    refused(&f, g, 409, "no room where it stands");
    CU_ASSERT_STRING_EQUAL(view(&f, old).superseded_by, "");
    CU_ASSERT_EQUAL(quota(&f, old, "vcpus").used, 4);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
a_dry_run_shows_before_and_after(void)
{
    struct flow f;
    struct w_grant *old = start(&f), *g = over(&f, old, "2026-2");
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant_check c;
    const struct w_grant_change *first;

    line(g, 1)->vcpus = 3;
    jm_encode(schema_grant, g, &b);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "POST", "/v1/grants:check",
                 flow_text(&f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(&f),
                           flow_quote(&f, strbuf_peek(&b))),
                 grant_check, &c));
    CU_ASSERT_TRUE(c.fits);
    CU_ASSERT_EQUAL(c.placements.n, 0);
    CU_ASSERT_EQUAL_FATAL(c.changes.n, 2);
    first = JM_ITEM(c.changes, struct w_grant_change, 0);
    CU_ASSERT_EQUAL(first->before_vcpus, 2);
    CU_ASSERT_EQUAL(first->after_vcpus, 3);
    CU_ASSERT_TRUE(first->restart); /* an exact grant starts guests for no more than they have */
    CU_ASSERT_STRING_EQUAL(view(&f, old).superseded_by, "");
    flow_stop(&f);
}

static void
work_of_the_older_grant_closes_under_the_newer(void)
{
    struct flow f;
    struct w_grant *old, *g;
    struct w_accepted acc;

    flow_start(&f);
    OK(flow_hello(&f));
    old = flow_grant(&f, "2026-1");
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    g = over(&f, old, "2026-2");
    line(g, 1)->vcpus = 3;
    refused(&f, g, 409, "has not taken up");
    line(g, 1)->vcpus = 2;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").reserved, 4);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").used, 4);
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").reserved, 0);
    CU_ASSERT_TRUE(view(&f, old).clock.met_ms > 0);
    flow_books_are_right(&f);
    flow_stop(&f);
}

static void
under_free_shape_only_the_totals_grow(void)
{
    struct flow f;
    struct w_grant *old, *g;
    struct w_accepted acc;

    flow_start(&f);
    OK(flow_hello(&f));
    old = flow_grant(&f, "2026-1");
    old->version = 2;
    old->shape = SHAPE_FREE;
    old->resources_max = 6;
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    g = over(&f, old, "2026-2");
    g->shape = SHAPE_FREE;
    g->resources_max = 6;
    line(g, 1)->vcpus = 4;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 0);
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").granted, 8);
    OK(FLOW_CALL(
        &f, f.people[FLOW_TENANT], "POST",
        flow_text(&f, "/v1/resources/%s:resize", named(&f, "web-1").id),
        flow_text(&f, "{\"request\":\"%s\",\"vcpus\":6,\"restart\":\"now\"}", flow_uuid(&f)),
        accepted, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(quota(&f, g, "vcpus").used, 8);
    flow_books_are_right(&f);
    flow_stop(&f);
}

CU_TestInfo change_tests[] = {
    {"lines that grew grow their machines and make more",
     lines_that_grew_grow_their_machines_and_make_more},
    {"the older grant is superseded once and for all",
     the_older_grant_is_superseded_once_and_for_all},
    {"what is no longer covered is named", what_is_no_longer_covered_is_named},
    {"a dry run shows before and after", a_dry_run_shows_before_and_after},
    {"work of the older grant closes under the newer",
     work_of_the_older_grant_closes_under_the_newer},
    {"under free shape only the totals grow", under_free_shape_only_the_totals_grow},
    CU_TEST_INFO_NULL,
};
