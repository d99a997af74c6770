#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/error.h"

static void
wraps_outer_before_inner(void)
{
    struct err e = {0};

    CU_ASSERT_EQUAL(err_set(&e, BY_E_NOT_FOUND, "no such %s", "volume"), -1);
    CU_ASSERT_EQUAL(err_wrap(&e, "vm %d", 7), -1);
    CU_ASSERT_STRING_EQUAL(e.msg, "vm 7: no such volume");
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
}

static void
keeps_within_its_buffer(void)
{
    struct err e = {0};
    char big[2000];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    (void)err_set(&e, BY_E_IO, "%s", big);
    for (int i = 0; i < 5; i++)
        (void)err_wrap(&e, "%s", big);
    CU_ASSERT(strlen(e.msg) < sizeof(e.msg));
}

static void
gives_every_code_a_status(void)
{
    for (int c = 0; c < BY_E__MAX; c++) {
        CU_ASSERT(err_http_status((enum err_code)c) >= 200);
        CU_ASSERT(strlen(err_code_name((enum err_code)c)) > 0);
    }
}

CU_TestInfo error_tests[] = {
    {"wraps outer before inner", wraps_outer_before_inner},
    {"keeps within its buffer", keeps_within_its_buffer},
    {"gives every code a status", gives_every_code_a_status},
    CU_TEST_INFO_NULL,
};
