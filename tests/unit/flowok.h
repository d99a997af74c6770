#ifndef BY_TESTS_UNIT_FLOWOK_H
#define BY_TESTS_UNIT_FLOWOK_H
/* For tests whose struct flow is called f: a call that must succeed, or what was answered is said.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_ < 0)                                                                               \
            fprintf(stderr, "%s: %d %s\n", #call, f.status, f.err.msg);                            \
        CU_ASSERT_EQUAL_FATAL(rc_, 0);                                                             \
    } while (0)
#endif
