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

/* 0 when the text parses and checks as an order of k. */
static int
judge(const char *text, size_t len, const struct sigkey *k)
{
    SCOPED(arena) struct arena a = {0};
    struct w_envelope env;
    struct err e = {0};
    int r = paper_parse(text, len, &a, &env, &e);

    if (r == 0)
        r = paper_check(&env, PAPER_ORDER, PAPER_ORDER_BATCH, k, &e);
    CU_ASSERT(r == 0 || e.code == BY_E_DENIED || e.code == BY_E_INVALID ||
              e.code == BY_E_UNSUPPORTED);
    CU_ASSERT(r == 0 || e.msg[0] != '\0');
    return r;
}

/* P-256: every bit of every byte; SM2, dearer: one bit of every byte. */
static void
one_changed_bit_anywhere_is_refused(void)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        static const char *const bodies[] = {"{\"汴\":\"a\\\"\\n/\"}", "{\"n\":2}", "{\"n\":3}"};
        SCOPED(sigkey_free) struct sigkey *k = NULL;
        SCOPED(arena) struct arena a = {0};
        const char *texts[3] = {NULL, NULL, NULL};
        struct err e = {0};

        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &k, &e), 0);
        CU_ASSERT_EQUAL_FATAL(
            paper_sign_batch(k, PAPER_ORDER, PAPER_ORDER_BATCH, bodies, 3, &a, texts, &e), 0);
        CU_ASSERT_EQUAL_FATAL(paper_sign(k, PAPER_ORDER, bodies[0], &a, &texts[1], &e), 0);
        for (size_t t = 0; t < 2; t++) { /* one of a batch, one alone */
            size_t len = strlen(texts[t]);
            char *text = arena_strdup(&a, texts[t]);

            CU_ASSERT_EQUAL(judge(text, len, k), 0);
            for (size_t at = 0; at < len; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                    if (i == 0 && bit != at % 8)
                        continue;
                    text[at] = (char)(text[at] ^ (1 << bit));
                    CU_ASSERT_EQUAL(judge(text, len, k), -1);
                    text[at] = (char)(text[at] ^ (1 << bit));
                }
            for (size_t cut = 0; cut < len; cut++)
                CU_ASSERT_EQUAL(judge(text, cut, k), -1);
        }
    }
}

static void
refuses_papers_put_together_from_parts_of_others(void)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(sigkey_free) struct sigkey *other = NULL;
    SCOPED(arena) struct arena a = {0};
    static const char *const bodies[] = {"{\"n\":1}", "{\"n\":2}", "{\"n\":3}"};
    const char *texts[3] = {NULL, NULL, NULL}, *root = NULL, *foreign = NULL;
    struct w_envelope env[3], mixed, r;
    struct err e = {0};
    char hex[65];

    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &other, &e), 0);
    CU_ASSERT_EQUAL_FATAL(
        paper_sign_batch(k, PAPER_ORDER, PAPER_ORDER_BATCH, bodies, 3, &a, texts, &e), 0);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL_FATAL(paper_parse(texts[i], strlen(texts[i]), &a, &env[i], &e), 0);
    mixed = env[0];
    mixed.body = env[1].body; /* another body of the batch with the first one's path */
    CU_ASSERT_EQUAL(paper_check(&mixed, PAPER_ORDER, PAPER_ORDER_BATCH, k, &e), -1);
    mixed = env[0];
    mixed.path = env[2].path;
    CU_ASSERT_EQUAL(paper_check(&mixed, PAPER_ORDER, PAPER_ORDER_BATCH, k, &e), -1);
    mixed = env[0];
    mixed.path.n = 0; /* the batch's signature as if it were the body's own */
    CU_ASSERT_EQUAL(paper_check(&mixed, PAPER_ORDER, PAPER_ORDER_BATCH, k, &e), -1);
    mixed = env[0];
    CU_ASSERT_EQUAL(paper_check(&mixed, PAPER_ORDER, "another batch 1", k, &e), -1);
    CU_ASSERT_EQUAL(paper_check(&mixed, PAPER_ORDER, PAPER_ORDER_BATCH, other, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    memcpy(mixed.key, sigkey_id(other), 65); /* the key id alone does not help */
    CU_ASSERT_EQUAL(paper_check(&mixed, PAPER_ORDER, PAPER_ORDER_BATCH, other, &e), -1);
    digest_sha256_hex("x", 1, hex); /* a signed root is no order */
    CU_ASSERT_EQUAL_FATAL(paper_sign(k, PAPER_ORDER_BATCH, hex, &a, &root, &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_parse(root, strlen(root), &a, &r, &e), 0);
    CU_ASSERT_EQUAL(paper_check(&r, PAPER_ORDER, PAPER_ORDER_BATCH, k, &e), -1);
    CU_ASSERT_EQUAL_FATAL(paper_sign(other, PAPER_ORDER, bodies[0], &a, &foreign, &e), 0);
    CU_ASSERT_EQUAL(judge(foreign, strlen(foreign), k), -1);
}

static void
takes_only_one_spelling_of_a_signature(void)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(arena) struct arena a = {0};
    const char *text = NULL;
    struct w_envelope env;
    struct err e = {0};
    const char *good;

    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_sign(k, PAPER_ORDER, "{}", &a, &text, &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_parse(text, strlen(text), &a, &env, &e), 0);
    good = env.sig;
    const char *const bad[] = {
        arena_printf(&a, " %s", good),
        arena_printf(&a, "%s ", good),
        arena_printf(&a, "%sAAAA", good),
        arena_printf(&a, "    %s", good),
        arena_printf(&a, "%s====", good),
        arena_strndup(&a, good, strlen(good) - 4),
        "",
        "=",
        "====",
        "A===",
        "!!!!",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    CU_ASSERT_EQUAL(paper_check(&env, PAPER_ORDER, NULL, k, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        env.sig = bad[i];
        CU_ASSERT_EQUAL(paper_check(&env, PAPER_ORDER, NULL, k, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    }
}

static void
refuses_to_sign_what_nobody_could_read(void)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(free) char *big = calloc(1, 262146);
    SCOPED(arena) struct arena a = {0};
    const char *out = "untouched", *outs[2] = {"untouched", "untouched"};
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &k, &e), 0);
    memset(big, 'x', 262145);
    const char *const bad[] = {"", "\x01", "\xff", big};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *const two[] = {"{}", bad[i]};

        CU_ASSERT_EQUAL(paper_sign(k, PAPER_GRANT, bad[i], &a, &out, &e), -1);
        CU_ASSERT_STRING_EQUAL(out, "untouched");
        CU_ASSERT_EQUAL(paper_sign_batch(k, PAPER_ORDER, PAPER_ORDER_BATCH, two, 2, &a, outs, &e),
                        -1);
        CU_ASSERT_STRING_EQUAL(outs[0], "untouched");
    }
    CU_ASSERT_EQUAL(paper_sign_batch(k, PAPER_ORDER, PAPER_ORDER_BATCH, bad, 0, &a, outs, &e), -1);
    big[262144] = '\0';
    CU_ASSERT_EQUAL(paper_sign(k, PAPER_GRANT, big, &a, &out, &e), 0);
}

CU_TestInfo paper_tests[] = {
    {"signs and checks with both algorithms", signs_and_checks_with_both_algorithms},
    {"signs batches of any size", signs_batches_of_any_size},
    {"one changed bit anywhere is refused", one_changed_bit_anywhere_is_refused},
    {"refuses papers put together from parts of others",
     refuses_papers_put_together_from_parts_of_others},
    {"takes only one spelling of a signature", takes_only_one_spelling_of_a_signature},
    {"refuses to sign what nobody could read", refuses_to_sign_what_nobody_could_read},
    CU_TEST_INFO_NULL,
};
