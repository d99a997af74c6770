#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/plan.h"
#include "drivers/base/scope.h"

#define ID "11111111-1111-4111-8111-111111111111"
#define NOW INT64_C(1800000000000)
#define LINE(what, act, cpus, mem, from)                                                           \
    {                                                                                              \
        .kind = what, .resource = ID, .verb = act, .vcpus = cpus, .mem_mib = mem,                  \
        .not_before_ms = from                                                                      \
    }

static void
refuses_plans_that_are_not_exact(void)
{
    static const struct w_policy policy = {.version = "p1", .least_hold_ms = 1000};
    static const struct {
        const char *field; /* NULL: fine */
        struct w_plan_line lines[2];
        size_t n;
        int64_t hold_ms, issued_ms;
        const char *reason;
    } rows[] = {
        {NULL, {LINE(RES_VM, VERB_DOWNGRADE, 1, 512, 0)}, 1, 1000, NOW, "idle"},
        {NULL,
         {LINE(RES_VM, VERB_BIN, 0, 0, 0), LINE(RES_VM, VERB_ERASE, 0, 0, 0)},
         2,
         1000,
         NOW,
         "idle"},
        {"lines", {LINE(RES_VM, VERB_BIN, 0, 0, 0)}, 0, 1000, NOW, "idle"},
        {"hold_ms", {LINE(RES_VM, VERB_BIN, 0, 0, 0)}, 1, 999, NOW, "idle"},
        {"issued_at_ms", {LINE(RES_VM, VERB_BIN, 0, 0, 0)}, 1, 1000, NOW + 400000, "idle"},
        {"reason", {LINE(RES_VM, VERB_BIN, 0, 0, 0)}, 1, 1000, NOW, ""},
        {"reason", {LINE(RES_VM, VERB_BIN, 0, 0, 0)}, 1, 1000, NOW, NULL},
        {"lines[0].verb", {LINE(RES_VM, VERB_CREATE, 0, 0, 0)}, 1, 1000, NOW, "idle"},
        {"lines[0].verb", {LINE(RES_VM, VERB_POWER, 0, 0, 0)}, 1, 1000, NOW, "idle"},
        {"lines[0].verb", {LINE(RES_VM, VERB_RESIZE, 1, 512, 0)}, 1, 1000, NOW, "idle"},
        {"lines[0].kind", {LINE(RES_VOLUME, VERB_DOWNGRADE, 1, 512, 0)}, 1, 1000, NOW, "idle"},
        {"lines[0].vcpus", {LINE(RES_VM, VERB_DOWNGRADE, 0, 512, 0)}, 1, 1000, NOW, "idle"},
        {"lines[0].vcpus", {LINE(RES_VM, VERB_DOWNGRADE, 1, 0, 0)}, 1, 1000, NOW, "idle"},
        {"lines[0].vcpus", {LINE(RES_VM, VERB_ERASE, 1, 0, 0)}, 1, 1000, NOW, "idle"},
        {"lines[1].resource",
         {LINE(RES_VM, VERB_BIN, 0, 0, 0), LINE(RES_VM, VERB_BIN, 0, 0, 5)},
         2,
         1000,
         NOW,
         "idle"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct w_plan_line lines[2];
        struct w_plan p = {.version = 1,
                           .hold_ms = rows[i].hold_ms,
                           .issued_at_ms = rows[i].issued_ms,
                           .reason = rows[i].reason};
        struct err e = {0};

        memcpy(lines, rows[i].lines, sizeof(lines));
        p.lines = (struct jm_list){lines, rows[i].n};
        CU_ASSERT_EQUAL(plan_check(&p, &policy, NOW, &e), rows[i].field == NULL ? 0 : -1);
        CU_ASSERT_STRING_EQUAL(e.field, rows[i].field == NULL ? "" : rows[i].field);
    }
}

CU_TestInfo plan_tests[] = {
    {"refuses plans that are not exact", refuses_plans_that_are_not_exact},
    CU_TEST_INFO_NULL,
};
