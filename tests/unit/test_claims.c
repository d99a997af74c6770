/* What a host says that it knows more than the store: believed when it shows what we signed. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/flowsee.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

/* A host that carried out four orders, and a copy of the store from before them. */
static const char *
start_with_older_copy(struct flow *f)
{
    struct w_accepted acc;

    flow_start(f);
    const char *copy = flow_text(f, "%s/copy.db", f->ctl.dir);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
        OK(db_backup(d, copy, &f->err));
    }
    OK(flow_grant_add(f, flow_grant(f, "X-1"), flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(f), 4);
    f->cursor = 0;
    OK(flow_desired(f, 0));
    CU_ASSERT_EQUAL_FATAL(f->set.orders.n, 4);
    return copy;
}

/* Without a head that proves it: a claim asks for receipts, and what we signed in them is proof. */
static void
an_order_that_we_signed_and_lost_is_proof_of_an_older_copy(void)
{
    struct flow f;
    const char *copy = start_with_older_copy(&f);
    struct w_desired_answer all = f.set;

    flow_restart(&f, copy);

    free(f.head);
    f.head = NULL;
    f.term = 2;
    OK(flow_hello(&f));
    CU_ASSERT_TRUE(f.want_receipts);
    CU_ASSERT_FALSE(controller_recovery(&f.ctl.c));
    OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &all), NULL, 0, NULL));
    CU_ASSERT_TRUE(controller_recovery(&f.ctl.c));
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), 4);
    flow_stop(&f);
}

/* A set that came in part: the host has a machine's order and not that of its network.  What can be
 * learnt is learnt, and recovery has an end. */
static void
a_machine_without_its_network_is_left_and_holds_up_nothing(void)
{
    struct flow f;
    struct w_order o[4];
    struct w_paper kept[4];
    size_t n = 0, vms = 0;
    const char *copy = start_with_older_copy(&f);

    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, o, 4), 4);
    struct w_desired_answer part = f.set;
    for (size_t i = 0; i < 4; i++) {
        vms += o[i].kind == RES_VM;
        if (o[i].kind != RES_NETWORK)
            kept[n++] = *JM_ITEM(part.orders, struct w_paper, i);
    }
    CU_ASSERT_EQUAL_FATAL(n, 3);
    CU_ASSERT_FATAL(vms > 0);
    part.orders = (struct jm_list){.items = kept, .n = n};
    flow_restart(&f, copy);

    OK(flow_hello(&f));
    CU_ASSERT_TRUE(controller_recovery(&f.ctl.c));
    OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &part), NULL, 0, NULL));
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), n - vms);
    flow_stop(&f);
}

/* One host that lies must not stop the work of all. */
static void
a_host_that_claims_and_shows_nothing_changes_nothing(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o[4];

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    f.cursor = 0;
    OK(flow_desired(&f, 0));
    struct w_desired_answer all = f.set;
    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, o, 4), 4);

    f.term = 9;
    OK(flow_hello(&f)); /* a term of its own making */
    CU_ASSERT_TRUE(f.want_receipts);
    OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &all), NULL, 0, NULL));
    CU_ASSERT_FALSE(controller_recovery(&f.ctl.c));
    f.term = 1;
    OK(flow_hello(&f));
    CU_ASSERT_FALSE(f.want_receipts);

    struct w_observed seen = flow_observed(&f, &o[0]);
    seen.generation += 3; /* an order of its own making */
    OK(flow_status(&f, &seen, 1, false));
    CU_ASSERT_FALSE(controller_recovery(&f.ctl.c));
    OK(flow_hello(&f));
    CU_ASSERT_TRUE(f.want_receipts);
    OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &all), NULL, 0, NULL));
    CU_ASSERT_FALSE(controller_recovery(&f.ctl.c));
    struct w_grant *g = flow_grant(&f, "X-2");
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 0)->cidr, 20, "10.78.0.0/24");
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    flow_stop(&f);
}

/* A volume that waits for the steward of its pool is not there yet; its host says so in full, too.
 */
static void
what_is_in_work_is_not_missing(void)
{
    static const enum w_seen seen[] = {SEEN_WORKING, SEEN_FAILED, SEEN_UNKNOWN};

    for (size_t k = 0; k < sizeof(seen) / sizeof(seen[0]); k++) {
        struct flow f;
        struct w_accepted acc;
        struct w_order o[8];
        struct w_observed x[8];
        struct w_resource_list l;

        flow_start(&f);
        OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
        OK(flow_desired(&f, 0));
        size_t n = flow_orders(&f, o, 8);
        for (size_t i = 0; i < n; i++) {
            x[i] = flow_observed(&f, &o[i]);
            x[i].equal = false;
            x[i].seen = SEEN_WORKING;
        }
        OK(flow_status(&f, x, n, false));
        for (size_t i = 0; i < n; i++)
            x[i].seen = seen[k];
        OK(flow_status(&f, x, n, true));
        OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/resources?limit=1000", NULL,
                     resource_list, &l));
        CU_ASSERT_EQUAL_FATAL(l.items.n, n);
        for (size_t i = 0; i < n; i++)
            CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_resource_view, i)->seen, (int)seen[k]);
        flow_stop(&f);
    }
}

CU_TestInfo claims_tests[] = {
    {"what is in work is not missing, though a full inventory has it nowhere",
     what_is_in_work_is_not_missing},
    {"a host that claims and shows nothing changes nothing",
     a_host_that_claims_and_shows_nothing_changes_nothing},
    {"a machine without its network is left and holds up nothing",
     a_machine_without_its_network_is_left_and_holds_up_nothing},
    {"an order that we signed and lost is proof of an older copy",
     an_order_that_we_signed_and_lost_is_proof_of_an_older_copy},
    CU_TEST_INFO_NULL,
};
