#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/histogram.h"

/* A fixed sequence that looks random. */
static uint64_t
next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static int
by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void
has_the_edges_that_it_promises(void)
{
    static const struct {
        size_t bin;
        uint64_t edge;
    } rows[] = {{0, 0},     {1, 20},    {24, 480},    {25, 500},    {26, 550},
                {55, 2000}, {56, 2100}, {162, 12700}, {163, 12800}, {164, UINT64_MAX}};

    CU_ASSERT_EQUAL(hist_bins(HIST_PERCENT), 164);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(hist_edge(HIST_PERCENT, rows[i].bin), rows[i].edge);
    for (size_t i = 2; i < hist_bins(HIST_RATE); i++) {
        uint64_t before = hist_edge(HIST_RATE, i - 1);

        CU_ASSERT_EQUAL(hist_edge(HIST_RATE, i), before * 105 / 100);
    }
    CU_ASSERT_EQUAL(hist_edge(HIST_RATE, 1), 100);
    CU_ASSERT(hist_edge(HIST_RATE, hist_bins(HIST_RATE) - 1) >= UINT64_C(12500000000));
    for (uint64_t limit = 0; limit <= 12800; limit += 10)
        CU_ASSERT_EQUAL(hist_is_edge(HIST_PERCENT, limit), limit < 500    ? limit % 20 == 0
                                                           : limit < 2000 ? limit % 50 == 0
                                                                          : limit % 100 == 0);
}

static void
puts_every_value_into_its_bin(void)
{
    static const enum hist_kind kinds[] = {HIST_PERCENT, HIST_RATE};

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t bin = 0; bin < hist_bins(kinds[k]); bin++) {
            struct hist h;
            uint64_t lo = hist_edge(kinds[k], bin), hi = hist_edge(kinds[k], bin + 1);

            hist_init(&h, kinds[k]);
            hist_add(&h, lo);
            hist_add(&h, hi - 1);
            CU_ASSERT_EQUAL(h.bin[bin], 2);
        }
}

static void
answers_limits_on_edges_exactly(void)
{
    static const uint64_t limits[] = {20, 500, 1000, 2000, 5000, 12800};
    uint64_t seed = 7, values[300];

    for (int round = 0; round < 40; round++) {
        size_t n = 1 + next(&seed) % 300;
        uint64_t span = 10 + next(&seed) % 15000;
        struct hist h;

        hist_init(&h, HIST_PERCENT);
        for (size_t i = 0; i < n; i++)
            hist_add(&h, values[i] = next(&seed) % span);
        qsort(values, n, sizeof(values[0]), by_value);
        for (size_t l = 0; l < ARRAY_LEN(limits); l++) {
            uint64_t exact = values[(n * 9500 + 9999) / 10000 - 1];

            CU_ASSERT_EQUAL(hist_quantile_below(&h, 9500, limits[l]),
                            exact < limits[l] ? HIST_YES : HIST_NO);
            CU_ASSERT(llabs((long long)hist_quantile(&h, 9500) - (long long)exact) <=
                      (exact < 500     ? 10
                       : exact < 2000  ? 25
                       : exact < 12800 ? 50
                                       : 3000));
        }
    }
}

static void
says_unsure_where_a_bin_decides(void)
{
    struct hist h;

    hist_init(&h, HIST_PERCENT);
    CU_ASSERT_EQUAL(hist_quantile_below(&h, 9500, 500), HIST_UNSURE);
    CU_ASSERT_EQUAL(hist_quantile(&h, 9500), 0);
    hist_add(&h, 2010);
    hist_add(&h, 2090);
    CU_ASSERT_EQUAL(hist_quantile_below(&h, 9500, 2050), HIST_UNSURE);
    CU_ASSERT_EQUAL(hist_quantile_below(&h, 9500, 2010), HIST_NO);
    CU_ASSERT_EQUAL(hist_quantile_below(&h, 9500, 2091), HIST_YES);
}

static void
merges_in_any_order_to_the_same(void)
{
    struct hist whole, left, right, a, b;
    char t1[HIST_TEXT_MAX], t2[HIST_TEXT_MAX];
    uint64_t seed = 3;

    hist_init(&whole, HIST_RATE);
    hist_init(&left, HIST_RATE);
    hist_init(&right, HIST_RATE);
    for (int i = 0; i < 1000; i++) {
        uint64_t v = next(&seed) % 1000000;

        hist_add(&whole, v);
        hist_add(i % 3 == 0 ? &left : &right, v);
    }
    a = left;
    b = right;
    CU_ASSERT_TRUE(hist_merge(&a, &right) && hist_merge(&b, &left));
    CU_ASSERT(hist_encode(&a, t1, sizeof(t1)) > 0 && hist_encode(&b, t2, sizeof(t2)) > 0);
    CU_ASSERT_STRING_EQUAL(t1, t2);
    CU_ASSERT(hist_encode(&whole, t2, sizeof(t2)) > 0);
    CU_ASSERT_STRING_EQUAL(t1, t2);
    CU_ASSERT_EQUAL(hist_mean(&a), whole.sum / 1000);
}

static void
refuses_to_merge_what_does_not_fit(void)
{
    struct hist a, b;

    hist_init(&a, HIST_PERCENT);
    hist_init(&b, HIST_RATE);
    CU_ASSERT_FALSE(hist_merge(&a, &b));
    hist_init(&b, HIST_PERCENT);
    hist_add(&a, 5);
    hist_add(&b, 5);
    a.bin[0] = UINT32_MAX;
    CU_ASSERT_FALSE(hist_merge(&a, &b));
    CU_ASSERT_EQUAL(a.n, 1);
    hist_add(&a, 5);
    CU_ASSERT_EQUAL(a.n, 1);
}

static void
survives_storage(void)
{
    struct hist h, back;
    char text[HIST_TEXT_MAX], again[HIST_TEXT_MAX];
    uint64_t seed = 11;

    for (int round = 0; round < 50; round++) {
        hist_init(&h, round % 2 == 0 ? HIST_PERCENT : HIST_RATE);
        for (int i = 0; i < round * 7; i++)
            hist_add(&h, next(&seed) % 200000);
        CU_ASSERT(hist_encode(&h, text, sizeof(text)) > 0);
        CU_ASSERT_TRUE_FATAL(hist_decode(text, &back));
        CU_ASSERT_EQUAL(memcmp(&h, &back, sizeof(h)), 0);
        CU_ASSERT(hist_encode(&back, again, sizeof(again)) == strlen(text));
    }
    for (size_t i = 0; i < hist_bins(HIST_RATE); i++)
        h.bin[i] = UINT32_MAX;
    CU_ASSERT(hist_encode(&h, text, sizeof(text)) > 0);
    CU_ASSERT_EQUAL(hist_encode(&h, text, 20), 0);
}

static void
refuses_every_text_that_it_did_not_write(void)
{
    struct hist h, out;
    char text[HIST_TEXT_MAX], bad[HIST_TEXT_MAX + 2];
    size_t len;

    hist_init(&h, HIST_PERCENT);
    for (uint64_t v = 0; v < 40; v++)
        hist_add(&h, v * 100);
    len = hist_encode(&h, text, sizeof(text));
    hist_init(&out, HIST_RATE);
    out.n = 99;
    for (size_t i = 0; i < len; i++) {
        memcpy(bad, text, len + 1);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        if (hist_decode(bad, &out)) { /* another sum: no bin can contradict it */
            CU_ASSERT_EQUAL(out.n, h.n);
            hist_init(&out, HIST_RATE);
            out.n = 99;
        }
        bad[i] = '\0';
        CU_ASSERT_FALSE(hist_decode(bad, &out));
        bad[i] = '=';
        CU_ASSERT_FALSE(hist_decode(bad, &out));
    }
    memcpy(bad, text, len);
    memcpy(bad + len, "A", 2);
    CU_ASSERT_FALSE(hist_decode(bad, &out));
    CU_ASSERT_FALSE(hist_decode("", &out));
    CU_ASSERT_EQUAL(out.n, 99);
}

CU_TestInfo histogram_tests[] = {
    {"has the edges that it promises", has_the_edges_that_it_promises},
    {"puts every value into its bin", puts_every_value_into_its_bin},
    {"answers limits on edges exactly", answers_limits_on_edges_exactly},
    {"says unsure where a bin decides", says_unsure_where_a_bin_decides},
    {"merges in any order to the same", merges_in_any_order_to_the_same},
    {"refuses to merge what does not fit", refuses_to_merge_what_does_not_fit},
    {"survives storage", survives_storage},
    {"refuses every text that it did not write", refuses_every_text_that_it_did_not_write},
    CU_TEST_INFO_NULL,
};
