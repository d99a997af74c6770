#include <CUnit/CUnit.h>
#include <string.h>

#include "policies/host_fsm.h"
#include "policies/image_fsm.h"
#include "policies/order_fsm.h"

static void
refuses_what_is_no_row(void)
{
    CU_ASSERT_EQUAL(host_fsm_next(HS_REVOKED, HS_EV_HEARD), HS_NONE);
    CU_ASSERT_EQUAL(host_fsm_next(HS_ENROLLING, HS_EV_LOST), HS_NONE);
    CU_ASSERT_EQUAL(host_fsm_next(HS__MAX, HS_EV_HEARD), HS_NONE);
    CU_ASSERT_EQUAL(host_fsm_next(HS_READY, HS_EV__MAX), HS_NONE);
    for (int ev = 0; ev < OS_EV__MAX; ev++)
        CU_ASSERT_EQUAL(order_fsm_next(OS_SUPERSEDED, (enum order_event)ev), OS_NONE);
    CU_ASSERT_EQUAL(order_fsm_next(OS_CLOSED, OS_EV_REFUSE), OS_NONE);
}

static void
closes_an_order_only_by_equal_readback(void)
{
    for (int s = 0; s < OS__MAX; s++)
        for (int ev = 0; ev < OS_EV__MAX; ev++)
            if (order_fsm_next((enum order_state)s, (enum order_event)ev) == OS_CLOSED)
                CU_ASSERT_EQUAL(ev, OS_EV_EQUAL);
    CU_ASSERT_EQUAL(order_fsm_next(OS_CLOSED, OS_EV_UNEQUAL), OS_OPEN);
    CU_ASSERT_TRUE(order_fsm_is_open(OS_REFUSED));
    CU_ASSERT_FALSE(order_fsm_is_open(OS_CLOSED) || order_fsm_is_open(OS_SUPERSEDED));
}

/* Every state has a way out or is an end that is meant to be one. */
static void
leaves_no_state_without_a_way_out(void)
{
    for (int s = 1; s < HS__MAX; s++) {
        bool out = false;

        for (int ev = 0; ev < HS_EV__MAX; ev++) {
            enum host_state next = host_fsm_next((enum host_state)s, (enum host_event)ev);

            out = out || (next != HS_NONE && (int)next != s);
        }
        CU_ASSERT_TRUE(out);
        CU_ASSERT(strlen(host_state_name((enum host_state)s)) > 1);
    }
    for (int s = 1; s < OS__MAX; s++) {
        CU_ASSERT(s == OS_SUPERSEDED ||
                  order_fsm_next((enum order_state)s, OS_EV_SUPERSEDE) == OS_SUPERSEDED);
        CU_ASSERT(strlen(order_state_name((enum order_state)s)) > 1);
    }
}

static void
places_new_machines_on_ready_hosts_only(void)
{
    for (int s = 0; s <= HS__MAX; s++)
        CU_ASSERT_EQUAL(host_fsm_takes_new((enum host_state)s), s == HS_READY);
    CU_ASSERT_EQUAL(host_fsm_next(HS_CORDONED, HS_EV_HEARD), HS_CORDONED);
    CU_ASSERT_EQUAL(host_fsm_next(HS_CORDONED_SILENT, HS_EV_HEARD), HS_CORDONED);
}

static void
grants_only_published_images_and_keeps_retired_ones(void)
{
    for (int s = 0; s <= IS__MAX; s++) {
        CU_ASSERT_EQUAL(image_fsm_granted((enum image_state)s), s == IS_PUBLISHED);
        CU_ASSERT_EQUAL(image_fsm_fetched((enum image_state)s),
                        s == IS_PUBLISHED || s == IS_RETIRED);
        for (int ev = 0; ev <= IS_EV__MAX; ev++) {
            enum image_state to = image_fsm_next((enum image_state)s, (enum image_event)ev);

            if (to == IS_PUBLISHED) /* never what was not checked */
                CU_ASSERT(ev == IS_EV_PUBLISH && (s == IS_CHECKED || s == IS_RETIRED));
            if (to == IS_CHECKED)
                CU_ASSERT(ev == IS_EV_PASS && s == IS_UPLOADED);
        }
    }
    for (int s = IS_NONE + 1; s < IS__MAX; s++) {
        bool out = false;

        for (int ev = 0; ev < IS_EV__MAX; ev++)
            out = out || image_fsm_next((enum image_state)s, (enum image_event)ev) != IS_NONE;
        CU_ASSERT_TRUE(out);
        CU_ASSERT_EQUAL((int)image_state_of(image_state_name((enum image_state)s)), s);
    }
    CU_ASSERT_EQUAL(image_state_of("no state"), IS_NONE);
}

CU_TestInfo fsm_tests[] = {
    {"grants only published images and keeps retired ones",
     grants_only_published_images_and_keeps_retired_ones},
    {"refuses what is no row", refuses_what_is_no_row},
    {"closes an order only by equal readback", closes_an_order_only_by_equal_readback},
    {"leaves no state without a way out", leaves_no_state_without_a_way_out},
    {"places new machines on ready hosts only", places_new_machines_on_ready_hosts_only},
    CU_TEST_INFO_NULL,
};
