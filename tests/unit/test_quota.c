#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/quota.h"

/* Steps of one resource in a grant of 10; others hold `other` of it. */
struct row {
    const char *what;
    char op; /* r reserve, s settle */
    int64_t size;
    enum quota_reason reason;
    int64_t reserved, used; /* held after */
};

static void
run(int64_t other, const struct row *rows, size_t n)
{
    struct quota_sum sum = {.granted = 10, .used = other};
    struct quota_held held = {0};

    for (size_t i = 0; i < n; i++) {
        struct quota_verdict v = rows[i].op == 'r' ? quota_reserve(&sum, &held, rows[i].size)
                                                   : quota_settle(&sum, &held, rows[i].size);
        int64_t balance = 0;

        CU_ASSERT_EQUAL(v.reason, rows[i].reason);
        CU_ASSERT_EQUAL(v.held.reserved, rows[i].reserved);
        CU_ASSERT_EQUAL(v.held.used, rows[i].used);
        CU_ASSERT(quota_is_sound(&v.sum, &v.held));
        CU_ASSERT_EQUAL(v.sum.used - v.held.used, other);
        for (size_t m = 0; m < v.n; m++) {
            CU_ASSERT(v.moves[m].amount > 0 && v.moves[m].from != v.moves[m].to);
            balance += v.moves[m].from == QUOTA_FREE ? v.moves[m].amount : 0;
            balance -= v.moves[m].to == QUOTA_FREE ? v.moves[m].amount : 0;
        }
        CU_ASSERT_EQUAL(quota_free(&sum) - quota_free(&v.sum), balance);
        sum = v.sum;
        held = v.held;
    }
}

static void
reserves_commits_and_releases(void)
{
    static const struct row rows[] = {
        {"create", 'r', 4, QUOTA_OK, 4, 0},          {"read back", 's', 4, QUOTA_OK, 0, 4},
        {"read back again", 's', 4, QUOTA_OK, 0, 4}, {"erase", 'r', 0, QUOTA_OK, 0, 4},
        {"absent", 's', 0, QUOTA_OK, 0, 0},
    };

    run(0, rows, ARRAY_LEN(rows));
}

static void
holds_the_larger_while_work_is_open(void)
{
    static const struct row rows[] = {
        {"create", 'r', 4, QUOTA_OK, 4, 0},
        {"superseded by more", 'r', 6, QUOTA_OK, 6, 0},
        {"superseded by less", 'r', 2, QUOTA_OK, 6, 0},
        {"read back", 's', 2, QUOTA_OK, 0, 2},
        {"grow", 'r', 5, QUOTA_OK, 3, 2},
        {"and back before it was done", 'r', 2, QUOTA_OK, 3, 2},
        {"half applied", 's', 4, QUOTA_OK, 0, 4},
        {"downgrade", 'r', 1, QUOTA_OK, 0, 4},
        {"read back", 's', 1, QUOTA_OK, 0, 1},
    };

    run(3, rows, ARRAY_LEN(rows));
}

static void
denies_what_is_not_there(void)
{
    static const struct row rows[] = {
        {"all that is left", 'r', 6, QUOTA_OK, 6, 0},
        {"one more", 'r', 7, QUOTA_SHORT, 6, 0},
        {"readback above what is held", 's', 7, QUOTA_SHORT, 6, 0},
        {"negative", 'r', -1, QUOTA_CORRUPT, 6, 0},
        {"absurd", 'r', INT64_MAX, QUOTA_SHORT, 6, 0},
    };
    struct quota_sum sum = {.granted = 10, .used = 8};
    struct quota_held none = {0};

    run(4, rows, ARRAY_LEN(rows));
    CU_ASSERT_EQUAL(quota_reserve(&sum, &none, 5).short_by, 3);
}

static void
books_nothing_on_sums_that_do_not_add_up(void)
{
    static const struct {
        struct quota_sum sum;
        struct quota_held held;
    } rows[] = {
        {{10, 6, 5}, {0, 0}},         {{10, -1, 5}, {0, 0}}, {{-1, 0, 0}, {0, 0}},
        {{10, 2, 2}, {3, 0}},         {{10, 2, 2}, {0, 3}},  {{10, 2, 2}, {-1, 0}},
        {{10, INT64_MAX, 5}, {0, 0}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct quota_verdict v = quota_reserve(&rows[i].sum, &rows[i].held, 0);

        CU_ASSERT_EQUAL(v.reason, QUOTA_CORRUPT);
        CU_ASSERT_EQUAL(v.n, 0);
        CU_ASSERT_EQUAL(quota_settle(&rows[i].sum, &rows[i].held, 0).reason, QUOTA_CORRUPT);
    }
}

static void
says_every_reason(void)
{
    for (int r = QUOTA_SHORT; r < QUOTA_REASON__MAX; r++)
        CU_ASSERT(strlen(quota_reason_text((enum quota_reason)r)) > 10);
    CU_ASSERT_STRING_EQUAL(quota_account_name(QUOTA_RESERVED), "reserved");
}

CU_TestInfo quota_tests[] = {
    {"reserves, commits and releases", reserves_commits_and_releases},
    {"holds the larger while work is open", holds_the_larger_while_work_is_open},
    {"denies what is not there", denies_what_is_not_there},
    {"books nothing on sums that do not add up", books_nothing_on_sums_that_do_not_add_up},
    {"says every reason", says_every_reason},
    CU_TEST_INFO_NULL,
};
