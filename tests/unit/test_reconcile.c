/* Golden cases of tests/cases/reconcile (drivers/codec/reccase.h).  CASES_UPDATE=1 writes the
 * expectations anew; the diff is what gets reviewed. */
#include <CUnit/CUnit.h>
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/arena.h"
#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/reccase.h"
#include "policies/recname.h"
#include "policies/reconcile.h"
#include "tests/unit/golden.h"

static void
case_run(struct json_object *c, struct strbuf *out)
{
    SCOPED(arena) struct arena a = {0};
    const char *text = json_object_to_json_string(c);
    struct rec_world w = {0};
    struct err e = {0};

    if (reccase_read(text, strlen(text), &a, &w, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        CU_FAIL("a golden case is refused");
        return;
    }
    reccase_answer(&w, out);
    for (size_t i = 0; i < w.n_wants; i++) {
        struct rec_verdict v = reconcile_judge(&w, &w.wants[i]);

        CU_ASSERT(v.equal == (v.reason == NULL));
    }
}

static void
refuses_a_case_that_is_misspelt(void)
{
    static const struct {
        const char *text, *field;
    } rows[] = {
        {"{\"desire\":[]}", "desire"},
        {"{\"desired\":[{},{\"kynd\":\"vm\"}]}", "desired[1].kynd"},
        {"{\"desired\":[{\"kind\":\"car\"}]}", "desired[0].kind"},
        {"{\"desired\":[{\"vcpus\":-1}]}", "desired[0].vcpus"},
        {"{\"desired\":[{\"vcpus\":\"1\"}]}", "desired[0].vcpus"},
        {"{\"desired\":[{\"held\":1}]}", "desired[0].held"},
        {"{\"desired\":[{\"volumes\":[1]}]}", "desired[0].volumes"},
        {"{\"desired\":[7]}", "desired[0]."},
        {"{\"desired\":{}}", "desired"},
        {"{\"observed\":{\"okay\":true}}", "observed.okay"},
        {"{\"observed\":{\"domains\":[{\"id\":7}]}}", "domains[0].id"},
        {"[]", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(arena) struct arena a = {0};
        struct rec_world w = {.n_wants = 77};
        struct err e = {0};

        CU_ASSERT_EQUAL(reccase_read(rows[i].text, strlen(rows[i].text), &a, &w, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        CU_ASSERT_STRING_EQUAL(e.field, rows[i].field);
        CU_ASSERT_EQUAL(w.n_wants, 77);
    }
}

static void
answers_every_golden_case(void)
{
    CU_ASSERT(golden_run("tests/cases/reconcile", case_run) >= 40);
}

static void
answers_with_no_more_than_it_is_asked_for(void)
{
    struct rec_want wants[3] = {
        {.id = "a", .kind = MO_NETWORK, .wanted = MO_PRESENT, .wanted_now = true},
        {.id = "b", .kind = MO_NETWORK, .wanted = MO_PRESENT, .wanted_now = true},
        {.id = "c", .kind = MO_NETWORK, .wanted = MO_PRESENT, .wanted_now = true},
    };
    struct rec_world w = {.observed_ok = true, .wants = wants, .n_wants = 3};
    struct rec_action act[3] = {{.reason = "untouched"}, {.reason = "untouched"}, {.want = 77}};

    CU_ASSERT_EQUAL(reconcile(&w, act, 2), 2);
    CU_ASSERT_EQUAL(act[2].want, 77);
    CU_ASSERT_EQUAL(reconcile(&w, NULL, 0), 0);
    CU_ASSERT_EQUAL(reconcile(&w, act, 3), 3);
}

static void
names_every_operation_and_state(void)
{
    for (int i = 0; i < REC_OP__MAX; i++)
        CU_ASSERT(strlen(rec_op_name((enum rec_op)i)) > 1);
    for (int i = REC_SEEN_UNKNOWN; i < REC_SEEN__MAX; i++)
        CU_ASSERT(strlen(rec_seen_name((enum rec_seen)i)) > 1);
    CU_ASSERT_STRING_EQUAL(rec_op_name(REC_OP__MAX), "?");
}

CU_TestInfo reconcile_tests[] = {
    {"answers every golden case", answers_every_golden_case},
    {"refuses a case that is misspelt", refuses_a_case_that_is_misspelt},
    {"answers with no more than it is asked for", answers_with_no_more_than_it_is_asked_for},
    {"names every operation and state", names_every_operation_and_state},
    CU_TEST_INFO_NULL,
};
