/* Golden cases of tests/cases/underuse: {rule, facts, expect}; cpu_avg and cpu_peak are lists of
 * [value in 1/100 percent, how many slots]. */
#include <CUnit/CUnit.h>
#include <json-c/json.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/wire.h"
#include "policies/rightsize.h"
#include "policies/sizes.h"
#include "policies/text.h"
#include "policies/underuse.h"
#include "tests/unit/golden.h"

#define DAY INT64_C(86400000)

static void
hist_read(struct json_object *o, const char *key, struct hist *h)
{
    struct json_object *list = golden_get(o, key);

    hist_init(h, HIST_PERCENT);
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *pair = json_object_array_get_idx(list, i);
        int64_t v = json_object_get_int64(json_object_array_get_idx(pair, 0));
        int64_t n = json_object_get_int64(json_object_array_get_idx(pair, 1));

        for (int64_t k = 0; k < n; k++)
            hist_add(h, (uint64_t)v);
    }
}

/* "then": what was measured while it had so many vCPUs. */
static void
then_merge(struct json_object *f, uint32_t now, struct hist *avg, struct hist *peak)
{
    struct json_object *list = golden_get(f, "then");

    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        uint64_t then = (uint64_t)golden_int(o, "vcpus", now);
        struct hist h;

        hist_read(o, "cpu_avg", &h);
        CU_ASSERT(hist_merge_scaled(avg, &h, then, now));
        hist_read(o, "cpu_peak", &h);
        CU_ASSERT(hist_merge_scaled(peak, &h, then, now));
    }
}

static void
case_run(struct json_object *c, struct strbuf *out)
{
    struct json_object *r = golden_get(c, "rule"), *f = golden_get(c, "facts");
    struct hist avg, peak, mem;
    struct use_rule rule = {
        .version = golden_str(r, "version", "default-1"),
        .window_ms = golden_int(r, "window_ms", 60 * DAY),
        .min_age_ms = golden_int(r, "min_age_ms", 60 * DAY),
        .min_coverage_percent = (uint32_t)golden_int(r, "min_coverage_percent", 90),
        .p95_cpu_below = (uint32_t)golden_int(r, "p95_cpu_below", 500),
        .peak_cpu_below = (uint32_t)golden_int(r, "peak_cpu_below", 1000),
        .under_p95_cpu_below = (uint32_t)golden_int(r, "under_p95_cpu_below", 2000)};
    struct use_facts facts = {.not_applicable = golden_str(f, "not_applicable", NULL),
                              .age_ms = golden_int(f, "age_ms", 90 * DAY),
                              .measured_ms = golden_int(f, "measured_ms", 60 * DAY),
                              .resized = (uint32_t)golden_int(f, "resized", 0),
                              .cpu_avg = &avg,
                              .cpu_peak = &peak};
    struct size_facts size = {.vcpus = (uint32_t)golden_int(f, "vcpus", 4),
                              .mem_mib = (uint64_t)golden_int(f, "mem_mib", 4096),
                              .cpu_peak = &peak,
                              .mem_peak = golden_get(f, "mem_peak") != NULL ? &mem : NULL};
    char reason[USE_REASON_MAX], advice[USE_REASON_MAX];
    enum use_verdict v;
    struct size_advice a;

    hist_read(f, "cpu_avg", &avg);
    hist_read(f, "cpu_peak", &peak);
    hist_read(f, "mem_peak", &mem);
    then_merge(f, size.vcpus, &avg, &peak);
    v = underuse_judge(&rule, &facts, reason, sizeof(reason));
    a = rightsize(&SIZE_RULE_DEFAULT, &size, advice, sizeof(advice));
    CU_ASSERT(strncmp(reason, use_verdict_name(v), strlen(use_verdict_name(v))) == 0);
    strbuf_addf(out,
                "{\n    \"reason\": \"%s\",\n    \"vcpus\": %u,\n    \"mem_mib\": %llu,\n"
                "    \"advice\": \"%s\"\n  }",
                reason, a.vcpus, (unsigned long long)a.mem_mib, advice);
}

static void
answers_every_golden_case(void)
{
    CU_ASSERT(golden_run("tests/cases/underuse", case_run) >= 15);
}

static void
never_writes_beyond_the_callers_memory(void)
{
    struct hist h;
    struct use_rule rule = {.version = "v", .window_ms = DAY, .min_coverage_percent = 1};
    struct use_facts f = {.measured_ms = DAY, .cpu_avg = &h, .cpu_peak = &h};
    char text[USE_REASON_MAX];

    hist_init(&h, HIST_PERCENT);
    hist_add(&h, 5);
    for (size_t cap = 0; cap < 200; cap++) {
        memset(text, '#', sizeof(text));
        CU_ASSERT_EQUAL(underuse_judge(&rule, &f, text, cap), USE_ACTIVE);
        CU_ASSERT_EQUAL(text[cap], '#');
        CU_ASSERT(cap == 0 || strlen(text) < cap);
    }
}

static void
writes_spans_in_two_units(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0 s"},          {-5, "0 s"},          {250, "250 ms"},
                {20000, "20 s"},     {61000, "1 min 1 s"}, {3600000, "1 h"},
                {3600001, "1 h"},    {90 * DAY, "90 d"},   {DAY + 7200000, "1 d 2 h"},
                {1500, "1 s 500 ms"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[40];
        struct text t = text_on(buf, sizeof(buf));

        text_add_span(&t, rows[i].ms);
        CU_ASSERT_STRING_EQUAL(buf, rows[i].text);
    }
}

static size_t
file_text(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    size_t n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    n = fread(out, 1, cap, f);
    (void)fclose(f); /* read only */
    return n;
}

/* The policy documents that ship: they decode, and their limits can be answered exactly. */
static void
ships_policies_whose_limits_are_edges(void)
{
    static const char *const files[] = {"policies/rules/default.json", "policies/rules/demo.json"};

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        SCOPED(arena) struct arena a = {0};
        struct w_policy p;
        struct err e = {0};
        char text[4096];
        size_t len = file_text(files[i], text, sizeof(text));

        CU_ASSERT_EQUAL_FATAL(W_DECODE(policy, text, len, JM_PEOPLE, &a, &p, &e), 0);
        CU_ASSERT(hist_is_edge(HIST_PERCENT, p.p95_cpu_below));
        CU_ASSERT(hist_is_edge(HIST_PERCENT, p.under_p95_cpu_below));
        CU_ASSERT(p.window_ms >= p.slot_ms && p.slot_ms >= p.sample_ms);
        CU_ASSERT_EQUAL(p.clock_working_days, 3);
    }
}

static void
knows_the_size_of_then(void)
{
    static const struct {
        int64_t from, to;
        uint64_t largest;
    } rows[] = {{0, 50, 8},    {0, 100, 8},   {100, 200, 8}, {200, 300, 8},
                {300, 400, 4}, {350, 360, 4}, {400, 500, 4}, {500, 900, 2}};
    struct sizes s = {.n = 0};

    CU_ASSERT_EQUAL(sizes_largest(&s, 0, 1), 0);
    sizes_add_older(&s, 500, 2);
    sizes_add_older(&s, 400, 4); /* renamed: the same size */
    sizes_add_older(&s, 300, 4);
    sizes_add_older(&s, 100, 8);
    CU_ASSERT_EQUAL(s.n, 3);
    CU_ASSERT_EQUAL(sizes_changes(&s, 0), 2);
    CU_ASSERT_EQUAL(sizes_changes(&s, 300), 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(sizes_largest(&s, rows[i].from, rows[i].to), rows[i].largest);
    for (uint64_t i = 0; i < 3 * SIZES_MAX; i++)
        sizes_add_older(&s, 90 - (int64_t)i, i % 2 == 0 ? 1 : 16);
    CU_ASSERT_EQUAL(s.n, SIZES_MAX); /* what does not fit counts as the largest of it */
    CU_ASSERT_EQUAL(sizes_largest(&s, -1000, -500), 16);
}

static void
counts_no_use_lower_than_it_was(void)
{
    for (uint64_t then = 1; then <= 9; then++)
        for (uint64_t v = 0; v < 14000; v += 37) {
            struct hist one, out;
            uint64_t want = then > 4 ? (v * then + 3) / 4 : v;

            hist_init(&one, HIST_PERCENT);
            hist_init(&out, HIST_PERCENT);
            hist_add(&one, v);
            CU_ASSERT_TRUE_FATAL(hist_merge_scaled(&out, &one, then, 4));
            CU_ASSERT_FATAL(out.n == 1 && out.max == want && out.sum == want);
            CU_ASSERT_FATAL(hist_quantile(&out, 10000) == want);
        }
}

CU_TestInfo underuse_tests[] = {
    {"answers every golden case", answers_every_golden_case},
    {"never writes beyond the caller's memory", never_writes_beyond_the_callers_memory},
    {"knows the size of then", knows_the_size_of_then},
    {"counts no use lower than it was", counts_no_use_lower_than_it_was},
    {"writes spans in two units", writes_spans_in_two_units},
    {"ships policies whose limits are edges", ships_policies_whose_limits_are_edges},
    CU_TEST_INFO_NULL,
};
