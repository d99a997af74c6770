/* What the tables of cases (办件) promise by themselves. */
#include <CUnit/CUnit.h>

#include "controller/attachment.h"
#include "policies/authz.h"
#include "policies/case_fsm.h"

static void
every_state_that_can_be_reached_waits_for_somebody_or_is_an_end(void)
{
    for (int k = 1; k < CASE_KIND__MAX; k++)
        for (int from = 0; from < CASE_STATE__MAX; from++)
            for (int ev = 0; ev < CASE_EVENT__MAX; ev++) {
                enum case_state to =
                    case_next((enum case_kind)k, (enum case_state)from, (enum case_event)ev);

                if (to == CASE_STATE_NONE)
                    continue;
                CU_ASSERT_EQUAL(case_waits((enum case_kind)k, to) == AZ_NOBODY,
                                case_is_end((enum case_kind)k, to));
            }
}

static void
who_must_act_may_act(void)
{
    for (int k = 1; k < CASE_KIND__MAX; k++)
        for (int s = 1; s < CASE_STATE__MAX; s++) {
            unsigned waits = case_waits((enum case_kind)k, (enum case_state)s), may = 0;

            for (int ev = 0; ev < CASE_EVENT__MAX; ev++)
                may |= case_roles((enum case_kind)k, (enum case_state)s, (enum case_event)ev);
            CU_ASSERT((waits & may) == waits);
        }
}

static void
only_the_bureau_grants(void)
{
    for (int k = 1; k < CASE_KIND__MAX; k++)
        for (int s = 1; s < CASE_STATE__MAX; s++)
            for (int ev = 0; ev < CASE_EVENT__MAX; ev++)
                if (case_next((enum case_kind)k, (enum case_state)s, (enum case_event)ev) ==
                    CASE_IS_GRANTED)
                    CU_ASSERT_EQUAL(
                        case_roles((enum case_kind)k, (enum case_state)s, (enum case_event)ev),
                        AZ_BUREAU);
}

static void
a_county_only_remarks(void)
{
    for (int k = 1; k < CASE_KIND__MAX; k++)
        for (int s = 0; s < CASE_STATE__MAX; s++)
            for (int ev = 0; ev < CASE_EVENT__MAX; ev++)
                if ((case_roles((enum case_kind)k, (enum case_state)s, (enum case_event)ev) &
                     AZ_COUNTY) != 0) {
                    CU_ASSERT_EQUAL(ev, CASE_EV_NOTE);
                    CU_ASSERT_EQUAL(
                        (int)case_next((enum case_kind)k, (enum case_state)s, CASE_EV_NOTE), s);
                }
}

static void
knows_documents_by_their_first_bytes(void)
{
    CU_ASSERT_STRING_EQUAL(attachment_type("%PDF-1.7 ...", 12), "application/pdf");
    CU_ASSERT_STRING_EQUAL(attachment_type("PK\x03\x04zz", 6), "application/zip");
    CU_ASSERT_STRING_EQUAL(attachment_type("批复", 6), "text/plain");
    CU_ASSERT_STRING_EQUAL(attachment_type("批复", 5), "text/plain"); /* cut in a character */
    CU_ASSERT_PTR_NULL(attachment_type("\x7f"
                                       "ELF\x02\x01\x01\x00",
                                       8));
    CU_ASSERT_PTR_NULL(attachment_type("a\0b", 3));
    CU_ASSERT_PTR_NULL(attachment_type("\xff\xfe\xfd\xfc\xfb", 5));
    CU_ASSERT_PTR_NULL(attachment_type("", 0));
}

CU_TestInfo case_tables_tests[] = {
    {"every state that can be reached waits for somebody or is an end",
     every_state_that_can_be_reached_waits_for_somebody_or_is_an_end},
    {"who must act may act", who_must_act_may_act},
    {"only the bureau grants", only_the_bureau_grants},
    {"a county only remarks", a_county_only_remarks},
    {"knows documents by their first bytes", knows_documents_by_their_first_bytes},
    CU_TEST_INFO_NULL,
};
