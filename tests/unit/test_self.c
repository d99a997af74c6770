/* What a unit does by itself within its grant, over real HTTP, with a host that the test plays. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "drivers/db/store_quota.h"
#include "tests/unit/flow.h"

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

static const char *
named(struct flow *f, const char *name)
{
    struct w_resource_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/resources", NULL, resource_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_resource_view, i)->name, name) == 0)
            return JM_ITEM(l.items, struct w_resource_view, i)->id;
    CU_FAIL_FATAL("no such resource");
    return "";
}

static struct w_resource_view
resource(struct flow *f, const char *id)
{
    struct w_resource_view v;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/resources/%s", id), NULL,
                 resource_view, &v));
    return v;
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

static struct w_quota_row
quota(struct flow *f, const char *metric)
{
    struct w_quota_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/quota", NULL, quota_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_quota_row, i)->metric, metric) == 0)
            return *JM_ITEM(l.items, struct w_quota_row, i);
    CU_FAIL_FATAL("no such metric");
    return (struct w_quota_row){.drift = 1};
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

static void
two_machines_become_four(void)
{
    struct flow f;
    struct w_accepted acc;

    start_free(&f);
    const char *a = named(&f, "web-1"), *b = named(&f, "web-2"), *net = named(&f, "lan");
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
    CU_ASSERT_EQUAL(quota(&f, "mem_mib").used, 4096);
    OK(ask(&f, "/v1/resources", make, &acc));
    OK(ask(&f, "/v1/resources",
           "\"kind\":\"vm\",\"name\":\"db\",\"vcpus\":1,\"mem_mib\":2048,\"disk_gib\":2", &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 2);
    CU_ASSERT_EQUAL(quota(&f, "mem_mib").used, 8192);
    CU_ASSERT_EQUAL(quota(&f, "vcpus").used, 4);
    CU_ASSERT_STRING_EQUAL(resource(&f, named(&f, "web-3")).ip, "10.77.0.12");
    CU_ASSERT_EQUAL(resource(&f, named(&f, "db")).seen, SEEN_RUNNING);
    books_are_right(&f);
    flow_stop(&f);
}

CU_TestInfo self_tests[] = {
    {"two machines become four, and never more than the grant", two_machines_become_four},
    CU_TEST_INFO_NULL,
};
