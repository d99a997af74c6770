/* The whole way over real HTTP: grant, orders, poll, readback. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/flow.h"

static void
a_grant_becomes_orders_that_close_on_equal_readback(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant_view g;
    struct w_order o[8];

    flow_start(&f);
    const struct w_grant *grant = flow_grant(&f, "X-2026-1");
    CU_ASSERT_EQUAL(flow_grant_add(&f, grant, flow_uuid(&f), &acc), 0);
    CU_ASSERT_STRING_EQUAL(f.err.msg, "");
    CU_ASSERT_EQUAL(acc.orders.n, 4);

    CU_ASSERT_EQUAL(flow_desired(&f, 0), 0);
    CU_ASSERT(f.set.full);
    CU_ASSERT_EQUAL(f.set.grants.n, 1);
    CU_ASSERT_EQUAL(f.set.keys.n, 1);
    CU_ASSERT_EQUAL(flow_orders(&f, o, 8), 4);
    CU_ASSERT_EQUAL(o[0].kind, RES_NETWORK);

    f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    CU_ASSERT_STRING_EQUAL(f.err.msg, "");
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET",
                              flow_text(&f, "/v1/grants/%s", grant->id), NULL, grant_view, &g),
                    0);
    CU_ASSERT_EQUAL(g.orders, 4);
    CU_ASSERT_EQUAL(g.orders_open, 0);
    CU_ASSERT(g.clock.met_ms > 0);
    CU_ASSERT_FALSE(g.clock.overdue);
    flow_stop(&f);
}

CU_TestInfo flow_tests[] = {
    {"a grant becomes orders that close on equal readback",
     a_grant_becomes_orders_that_close_on_equal_readback},
    CU_TEST_INFO_NULL,
};
