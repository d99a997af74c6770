#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/params.h"
#include "controller/routes.h"
#include "drivers/net/httpc.h"
#include "tests/unit/ctl.h"
#include "tests/unit/flow.h"

static void
each_row_is_of_a_route_whose_body_has_no_fields(void)
{
    for (size_t i = 0; i < params_count; i++) {
        size_t k = 0;

        while (k < routes_count && strcmp(routes[k].name, params[i].route) != 0)
            k++;
        CU_ASSERT_FATAL(k < routes_count);
        CU_ASSERT(strcmp(routes[k].method, "GET") == 0 || routes[k].in == schema_raw);
        CU_ASSERT(strlen(params[i].f.doc) > 3);
    }
}

/* What the caller is told of one target; 0 when it is taken. */
static int
ask(struct httpc *h, const char *target, struct err *e)
{
    struct httpc_answer ans = {0};
    int status;

    (void)httpc_call(h, "GET", target, NULL, 0, 60000, &ans, e);
    *e = ans.err;
    status = ans.status;
    httpc_answer_clear(&ans);
    return status;
}

static void
what_has_no_row_or_another_form_is_refused(void)
{
    static const struct {
        const char *target, *field, *says;
    } rows[] = {
        {"/v1/findings?verdct=idle", "verdct",
         "it takes ?after= ?format= ?known= ?limit= ?wait= ?all="},
        {"/v1/status?all=1", "all", "it takes no parameters"},
        {"/v1/findings?verdict=lazy", "verdict", "must be one of active, underused"},
        {"/v1/findings?verdict=", "verdict", "must be one of"},
        {"/v1/findings?all=yes", "all", "must be 1 or 0"},
        {"/v1/hosts?state=offline", "state",
         "must be one of enrolling, ready, cordoned, held, silent, refused, revoked"},
        {"/v1/findings?vm=web-1", "vm", "must be a UUID"},
        {"/v1/orders?grant=", "grant", "leave it out"},
        {"/v1/resources?limit=0", "limit", "from 1 to 1000"},
        {"/v1/resources?limit=1001", "limit", "from 1 to 1000"},
        {"/v1/resources?limit=1e2", "limit", "whole number"},
        {"/v1/resources?limit=%2B1", "limit", "whole number"},
        {"/v1/resources?limit=99999999999999999999", "limit", "whole number"},
        {"/v1/resources?name=a%3Cb", "name", "must not contain"},
        {"/v1/resources?after=x", "after", "another list"},
        {"/v1/resources?after=resource_list~x", "after", "unchanged"},
        {"/v1/usage?window_ms=999", "window_ms", "from 1000"},
        {"/v1/units?%3Cscript%3E=1", "", "does not know"},
    };
    struct ctl t;
    char token[64];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_BUREAU, NULL, token);
    SCOPED(httpc_free) struct httpc *h = ctl_client(&t, token);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};

        CU_ASSERT_EQUAL(ask(h, rows[i].target, &e), 400);
        CU_ASSERT_STRING_EQUAL(e.field, rows[i].field);
        if (strstr(e.msg, rows[i].says) == NULL)
            fprintf(stderr, "\n%s: %s\n", rows[i].target, e.msg);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].says));
    }
    ctl_stop(&t);
}

static size_t
named(struct flow *f, enum flow_who who, const char *name)
{
    struct w_resource_list l = {0};

    CU_ASSERT_EQUAL(FLOW_CALL(f, f->people[who], "GET",
                              flow_text(f, "/v1/resources?limit=1&name=%s", name), NULL,
                              resource_list, &l),
                    0);
    return l.items.n;
}

static void
a_resource_is_found_by_its_name_or_id_alone(void)
{
    struct flow f;
    struct w_accepted acc;

    flow_start(&f);
    CU_ASSERT_EQUAL_FATAL(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc), 0);
    for (size_t i = 0; i < acc.orders.n; i++) {
        const struct w_order_view *o = JM_ITEM(acc.orders, const struct w_order_view, i);

        CU_ASSERT_EQUAL(named(&f, FLOW_TENANT, o->name), 1);
        CU_ASSERT_EQUAL(named(&f, FLOW_TENANT, o->resource), 1);
        CU_ASSERT_EQUAL(named(&f, FLOW_OTHER, o->name), 0);
        CU_ASSERT_EQUAL(named(&f, FLOW_OTHER, o->resource), 0);
    }
    CU_ASSERT_EQUAL(named(&f, FLOW_BUREAU, "nothing"), 0);
    flow_stop(&f);
}

CU_TestInfo params_tests[] = {
    {"each row is of a route whose body has no fields",
     each_row_is_of_a_route_whose_body_has_no_fields},
    {"what has no row or another form is refused", what_has_no_row_or_another_form_is_refused},
    {"a resource is found by its name or id alone", a_resource_is_found_by_its_name_or_id_alone},
    CU_TEST_INFO_NULL,
};
