/* An approved change that gives less, and gives up. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/db/store_quota.h"
#include "tests/unit/casework.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

static struct w_resource_view
vm_named(struct flow *f, const char *name)
{
    struct w_resource_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/resources?kind=vm", NULL, resource_list,
                 &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_resource_view, i)->name, name) == 0)
            return *JM_ITEM(l.items, struct w_resource_view, i);
    CU_FAIL_FATAL("no such VM");
    return (struct w_resource_view){0};
}

/* vcpus and mem_mib of both machines, how many of them; the grant that supersedes old. */
static struct w_grant *
sized(struct flow *f, const struct w_grant *old, const char *number, uint32_t vcpus, uint64_t mem,
      uint32_t count)
{
    struct w_grant *g = flow_grant(f, number);
    struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, 1);

    l->vcpus = vcpus;
    l->mem_mib = mem;
    l->count = count;
    g->version = 4;
    memcpy(g->supersedes, old->id, W_ID);
    return g;
}

static int64_t
vcpus_of(struct flow *f, const struct w_grant *g, bool used)
{
    struct w_quota_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/quota", NULL, quota_list, &l));
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_quota_row *r = JM_ITEM(l.items, struct w_quota_row, i);

        if (strcmp(r->grant, g->id) == 0 && strcmp(r->metric, "vcpus") == 0)
            return used ? r->used : r->granted;
    }
    return -1;
}

static int
restore(struct flow *f, const char *id)
{
    struct w_accepted acc;

    return FLOW_CALL(f, f->people[FLOW_TENANT], "POST",
                     flow_text(f, "/v1/resources/%s:restore", id),
                     flow_text(f, "{\"request\":\"%s\"}", flow_uuid(f)), accepted, &acc);
}

static void
books_are_right(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    int64_t unbalanced = 1, wrong = 1;

    OK(quota_books_wrong(d, &unbalanced, &wrong, &f->err));
    CU_ASSERT_EQUAL(unbalanced, 0);
    CU_ASSERT_EQUAL(wrong, 0);
}

/* From the two machines of the older grant to one of half the size. */
static void
approved_less(struct flow *f, const struct w_grant *old, struct w_attachment papers[3],
              struct w_grant **out)
{
    struct w_application app = casework_complete(f, papers);
    struct w_case_check chk;
    struct w_case_view v;
    struct w_accepted acc;

    app.lines = sized(f, old, "x", 1, 512, 1)->lines;
    app.manual = (struct jm_list){0};
    app.restart = RESTART_NOW;
    memcpy(app.change_of, old->id, W_ID);
    casework_open_case(f, &app, &v);
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/cases/%s:check", v.id), NULL,
                 case_check, &chk));
    CU_ASSERT_FALSE(chk.ready); /* nobody knows what the guest really uses */
    CU_ASSERT_STRING_EQUAL(JM_ITEM(chk.problems, struct w_case_problem, 0)->field,
                           "less_confirmed");
    app.less_confirmed = true;
    casework_open_case(f, &app, &v);
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/cases/%s:check", v.id), NULL,
                 case_check, &chk));
    CU_ASSERT_TRUE(chk.ready);
    CU_ASSERT_EQUAL(chk.changes.n, 2);
    OK(casework_move(f, FLOW_TENANT, &v, "submit", NULL));
    *out = sized(f, old, "X-2", 1, 512, 1);
    OK(casework_approve(f, &v, *out, papers, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 2);
}

static void
an_approved_change_also_gives_up(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_grant *old, *g, *third;
    struct w_accepted acc;
    char gone[W_ID];

    flow_start(&f);
    old = flow_grant(&f, "X-1");
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    memcpy(gone, vm_named(&f, "web-2").id, W_ID);
    approved_less(&f, old, papers, &g);
    CU_ASSERT_EQUAL(vcpus_of(&f, g, false), 1);
    CU_ASSERT_EQUAL(vcpus_of(&f, g, true), 4); /* until it is given back */
    books_are_right(&f);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    CU_ASSERT_EQUAL(vcpus_of(&f, g, true), 1);
    books_are_right(&f);
    CU_ASSERT_EQUAL(vm_named(&f, "web-1").vcpus, 1);
    CU_ASSERT_EQUAL(vm_named(&f, "web-1").mem_mib, 512);
    CU_ASSERT_EQUAL(vm_named(&f, "web-2").wanted, WANT_BINNED);
    CU_ASSERT_STRING_EQUAL(vm_named(&f, "web-2").grant, g->id);
    CU_ASSERT_EQUAL(restore(&f, gone), -1); /* the bureau signed it away */
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "apply for a change"));
    /* A later grant gives it again: the same machine comes back, no other is made. */
    third = sized(&f, g, "X-3", 2, 1024, 2);
    OK(flow_grant_add(&f, third, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 1); /* web-1 grows */
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    OK(restore(&f, gone));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(vm_named(&f, "web-2").wanted, WANT_RUNNING);
    CU_ASSERT_EQUAL(vcpus_of(&f, third, true), 4);
    books_are_right(&f);
    flow_stop(&f);
}

static void
only_the_unit_or_a_plan_gives_up(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_accepted acc;
    struct w_case_view v;
    const struct w_grant *old;
    struct w_application app;

    flow_start(&f);
    old = flow_grant(&f, "X-1");
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    CU_ASSERT_EQUAL(flow_grant_add(&f, sized(&f, old, "X-2", 1, 512, 2), flow_uuid(&f), &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "did not apply for less"));
    app = casework_complete(&f, papers); /* asks to keep both as they are, with one vCPU less */
    app.lines = sized(&f, old, "x", 1, 1024, 2)->lines;
    app.manual = (struct jm_list){0};
    memcpy(app.change_of, old->id, W_ID);
    casework_open_case(&f, &app, &v);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    CU_ASSERT_EQUAL(casework_approve(&f, &v, sized(&f, old, "X-3", 1, 1024, 1), papers, &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "web-2 of grant X-1"));
    CU_ASSERT_EQUAL(casework_approve(&f, &v, sized(&f, old, "X-3", 1, 512, 2), papers, &acc), -1);
    OK(casework_approve(&f, &v, sized(&f, old, "X-3", 1, 1024, 2), papers, &acc));
    /* No restart was agreed: the hosts wait for the guests to stop. */
    CU_ASSERT_EQUAL(acc.orders.n, 2);
    flow_stop(&f);
}

CU_TestInfo change_less_tests[] = {
    {"an approved change also gives up", an_approved_change_also_gives_up},
    {"only the unit or a plan gives up", only_the_unit_or_a_plan_gives_up},
    CU_TEST_INFO_NULL,
};
