/* Runs every suite of suites.def; `unit NAME...` runs those.  Non-zero on a failure or when nothing
 * ran.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/notrun.h"

#define SUITE(n) extern CU_TestInfo n##_tests[];
#include "tests/unit/suites.def"
#undef SUITE

int
main(int argc, char **argv)
{
    CU_SuiteInfo suites[] = {
#define SUITE(n) {.pName = #n, .pTests = n##_tests},
#include "tests/unit/suites.def"
#undef SUITE
        CU_SUITE_INFO_NULL,
    };
    unsigned failed = 0, ran = 0;

    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
        return 2;
    CU_basic_set_mode(CU_BRM_NORMAL);
    for (int i = 1; i < argc; i++) {
        CU_pSuite s = CU_get_suite(argv[i]);

        if (s == NULL) {
            fprintf(stderr, "no suite '%s'; see tests/unit/suites.def\n", argv[i]);
            return 2;
        }
        (void)CU_basic_run_suite(s); /* counts anew for each */
        failed += CU_get_number_of_failures();
        ran += CU_get_number_of_tests_run();
    }
    if (argc < 2) {
        (void)CU_basic_run_tests();
        failed = CU_get_number_of_failures();
        ran = CU_get_number_of_tests_run();
    }
    CU_cleanup_registry();
    not_run_tell();
    return failed != 0 || ran == 0;
}
