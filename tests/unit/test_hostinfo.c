#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/host/hostinfo.h"

static void
tells_the_machine_it_runs_on(void)
{
    struct hostinfo a, b;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(hostinfo_read(&a, &e), 0);
    CU_ASSERT_EQUAL_FATAL(hostinfo_read(&b, &e), 0);
    CU_ASSERT_EQUAL(strlen(a.boot), 36);
    CU_ASSERT_EQUAL(a.boot[8], '-');
    CU_ASSERT_STRING_EQUAL(a.boot, b.boot);
    CU_ASSERT(a.cpus >= 1);
    CU_ASSERT(a.mem_mib >= a.available_mib && a.available_mib > 0);
    CU_ASSERT(strlen(a.arch) > 0 && strlen(a.hostname) > 0);
}

CU_TestInfo hostinfo_tests[] = {
    {"tells the machine it runs on", tells_the_machine_it_runs_on},
    CU_TEST_INFO_NULL,
};
