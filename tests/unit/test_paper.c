#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/crypto/paper.h"

static const char *const algs[] = {ALG_SM2, ALG_P256};

static void
signs_and_checks_with_both_algorithms(void)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        SCOPED(sigkey_free) struct sigkey *k = NULL;
        SCOPED(sigkey_free) struct sigkey *pub = NULL;
        SCOPED(arena) struct arena a = {0};
        struct w_envelope env;
        struct err e = {0};
        const char *text = NULL;

        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &k, &e), 0);
        CU_ASSERT_STRING_EQUAL(sigkey_alg(k), algs[i]);
        CU_ASSERT_EQUAL_FATAL(sigkey_from_pem(sigkey_public_pem(k, &a), &pub, &e), 0);
        CU_ASSERT_STRING_EQUAL(sigkey_id(k), sigkey_id(pub));
        CU_ASSERT_EQUAL_FATAL(paper_sign(k, PAPER_GRANT, "{\"a\":1}", &a, &text, &e), 0);
        CU_ASSERT_EQUAL_FATAL(paper_parse(text, strlen(text), &a, &env, &e), 0);
        CU_ASSERT_EQUAL(paper_check(&env, PAPER_GRANT, NULL, pub, &e), 0);
        CU_ASSERT_EQUAL(paper_check(&env, PAPER_PLAN, NULL, pub, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    }
}

static void
signs_batches_of_any_size(void)
{
    const char *bodies[17] = {0}, *texts[17];

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        SCOPED(sigkey_free) struct sigkey *k = NULL;
        SCOPED(arena) struct arena a = {0};
        struct w_envelope env;
        struct err e = {0};

        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &k, &e), 0);
        for (size_t n = 1; n <= ARRAY_LEN(bodies); n++) {
            bodies[n - 1] = arena_printf(&a, "{\"n\":%zu}", n);
            CU_ASSERT_EQUAL_FATAL(
                paper_sign_batch(k, PAPER_ORDER, PAPER_ORDER_BATCH, bodies, n, &a, texts, &e), 0);
            for (size_t j = 0; j < n; j++) {
                CU_ASSERT_EQUAL_FATAL(paper_parse(texts[j], strlen(texts[j]), &a, &env, &e), 0);
                CU_ASSERT_STRING_EQUAL(env.body, bodies[j]);
                CU_ASSERT_EQUAL(paper_check(&env, PAPER_ORDER, PAPER_ORDER_BATCH, k, &e), 0);
            }
        }
        CU_ASSERT_EQUAL(paper_check(&env, PAPER_ORDER, NULL, k, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    }
}

CU_TestInfo paper_tests[] = {
    {"signs and checks with both algorithms", signs_and_checks_with_both_algorithms},
    {"signs batches of any size", signs_batches_of_any_size},
    CU_TEST_INFO_NULL,
};
