#include <CUnit/CUnit.h>

#include "policies/retry.h"

static const struct retry_rule rule = {.base_ms = 100, .cap_ms = 10000, .limit = 20};

static void
waits_longer_each_time_up_to_the_cap(void)
{
    for (uint32_t attempt = 1; attempt < 20; attempt++) {
        int64_t step = attempt < 8 ? 100 << (attempt - 1) : 10000;

        for (uint64_t seed = 0; seed < 50; seed++) {
            struct retry_verdict v = retry_next(&rule, attempt, true, 5000, seed);

            CU_ASSERT_FALSE(v.give_up);
            CU_ASSERT(v.next_ms >= 5000 + step / 2 && v.next_ms <= 5000 + step);
        }
    }
}

static void
gives_up_at_the_limit_and_never_without_one(void)
{
    struct retry_rule forever = rule;

    forever.limit = 0;
    CU_ASSERT_TRUE(retry_next(&rule, 20, true, 5000, 1).give_up);
    CU_ASSERT_EQUAL(retry_next(&rule, 20, true, 5000, 1).next_ms, 0);
    CU_ASSERT_FALSE(retry_next(&forever, UINT32_MAX, true, 5000, 1).give_up);
    CU_ASSERT(retry_next(&forever, UINT32_MAX, true, 5000, 1).next_ms <= 15000);
}

static void
looks_slowly_at_what_trying_cannot_help(void)
{
    CU_ASSERT(retry_next(&rule, 1, false, 0, 3).next_ms >= 5000);
}

static void
spreads_those_who_failed_together(void)
{
    int64_t first = retry_next(&rule, 5, true, 0, 1).next_ms;
    int differ = 0;

    for (uint64_t seed = 2; seed < 20; seed++)
        differ += retry_next(&rule, 5, true, 0, seed).next_ms != first ? 1 : 0;
    CU_ASSERT(differ >= 15);
    CU_ASSERT_EQUAL(retry_next(&rule, 5, true, 0, 1).next_ms, first);
    for (uint64_t seed = 0; seed < 50; seed++)
        CU_ASSERT(retry_jitter(1000, seed) >= 750 && retry_jitter(1000, seed) <= 1000);
    CU_ASSERT_EQUAL(retry_jitter(0, 7), 0);
}

/* A thousand over 2.4 s: in no tenth of a second more than twice their share. */
static void
comes_back_over_as_long_as_many_need(void)
{
    int in[40] = {0};

    for (uint64_t seed = 0; seed < 1000; seed++) {
        int64_t few = retry_first(&rule, 0, 5000, seed).next_ms - 5000;
        int64_t many = retry_first(&rule, 2400, 5000, seed).next_ms - 5000;

        CU_ASSERT(few >= 25 && few <= 100);
        CU_ASSERT(many >= 25 && many <= 2425);
        CU_ASSERT(retry_first(&rule, 1000000, 0, seed).next_ms <= rule.cap_ms);
        in[many / 100]++;
    }
    for (int i = 0; i < 40; i++)
        CU_ASSERT(in[i] <= 2 * 1000 / 24);
}

CU_TestInfo retry_tests[] = {
    {"comes back over as long as many need", comes_back_over_as_long_as_many_need},
    {"waits longer each time up to the cap", waits_longer_each_time_up_to_the_cap},
    {"gives up at the limit and never without one", gives_up_at_the_limit_and_never_without_one},
    {"looks slowly at what trying cannot help", looks_slowly_at_what_trying_cannot_help},
    {"spreads those who failed together", spreads_those_who_failed_together},
    CU_TEST_INFO_NULL,
};
