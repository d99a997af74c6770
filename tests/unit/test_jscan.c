#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/jscan.h"

/* Of this thread's processor.  Generous, for sanitizers; work that is not linear takes minutes. */
enum { QUICK_MS = 20000 };

static void
accepts_plain_json(void)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " { } ",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "\"\"",
        "\"汴云 \\u6c74 \\ud83d\\ude00 \xf0\x9f\x98\x80 \xc2\xba\"",
        "\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0001 \\u001f\"",
        "{\"a\":1,\"b\":{\"a\":1,\"b\":[{\"a\":1},{\"a\":1}]}}",
        "[1,[2,[3,[]]],{\"x\":[{}]}]",
        "\t\r\n[ 1 , 2 ]\n",
        "{\"\":0}",
        "\"\x7f\"",
        "{\"a\":1,\"A\":1,\"aa\":1,\"\\u00e4\":1}",
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err e = {0};

        if (jscan(good[i], strlen(good[i]), &e) != 0) {
            printf("\n%s: %s\n", good[i], e.msg);
            CU_FAIL("refused");
        }
    }
}

#define T(s) s, sizeof(s) - 1
static const struct {
    const char *text;
    size_t len, at;
    const char *what;
} refused[] = {
    {T(""), 0, "ends too early"},
    {T("  "), 2, "ends too early"},
    {T("{"), 1, "ends too early"},
    {T("[1,2"), 4, "ends too early"},
    {T("{\"a\""), 4, "ends too early"},
    {T("{\"a\":"), 5, "ends too early"},
    {T("\"abc"), 4, "ends too early"},
    {T("\"abc\\"), 5, "ends too early"},
    {T("\"\\u12"), 5, "ends too early"},
    {T("-"), 1, "ends too early"},
    {T("\xef\xbb\xbf{}"), 0, "byte order mark"},
    {T("{} {}"), 3, "more text"},
    {T("{}\0"), 2, "more text"},
    {T("[1,]"), 3, "value"},
    {T("[,1]"), 1, "value"},
    {T("[1 2]"), 3, "','"},
    {T("[1}"), 2, "']'"},
    {T("{\"a\":1]"), 6, "'}'"},
    {T("{\"a\":1,}"), 7, "key"},
    {T("{a:1}"), 1, "key"},
    {T("{'a':1}"), 1, "key"},
    {T("{\"a\" 1}"), 5, "':'"},
    {T("{1:1}"), 1, "key"},
    {T("'a'"), 0, "value"},
    {T("NaN"), 0, "value"},
    {T("-NaN"), 1, "digit"},
    {T("Infinity"), 0, "value"},
    {T("-Infinity"), 1, "digit"},
    {T("True"), 0, "value"},
    {T("nul"), 0, "value"},
    {T("nullx"), 4, "more text"},
    {T("// c\n1"), 0, "value"},
    {T("[1/*c*/]"), 2, "','"},
    {T("01"), 0, "begin with 0"},
    {T("-01"), 1, "begin with 0"},
    {T("+1"), 0, "value"},
    {T(".5"), 0, "value"},
    {T("0x10"), 1, "more text"},
    {T("1.0"), 1, "whole numbers"},
    {T("1e3"), 1, "whole numbers"},
    {T("1E400"), 1, "whole numbers"},
    {T("-0"), 0, "minus zero"},
    {T("18446744073709551616"), 0, "64 bits"},
    {T("-9223372036854775809"), 0, "64 bits"},
    {T("[1,99999999999999999999999999]"), 3, "64 bits"},
    {T("\"a\nb\""), 2, "control"},
    {T("\"a\tb\""), 2, "control"},
    {T("\"\x1f\""), 1, "control"},
    {T("\"a\0b\""), 2, "NUL"},
    {T("{\"a\0\":1}"), 3, "NUL"},
    {T("\"\\u0000\""), 1, "u0000"},
    {T("{\"\\u0000\":1}"), 2, "u0000"},
    {T("\"\\ud800\""), 1, "high surrogate"},
    {T("\"\\ud800x\""), 1, "high surrogate"},
    {T("\"\\ud800\\n\""), 1, "high surrogate"},
    {T("\"\\ud800\\ud800\""), 1, "high surrogate"},
    {T("\"x\\udc00\""), 2, "low surrogate"},
    {T("\"\\x41\""), 2, "escape"},
    {T("\"\\\0\""), 2, "escape"},
    {T("\"\\u12g4\""), 5, "hex digits"},
    {T("\"\x80\""), 1, "UTF-8"},
    {T("\"\xc0\xaf\""), 1, "UTF-8"},
    {T("\"\xe0\x80\xaf\""), 1, "UTF-8"},
    {T("\"\xed\xa0\x80\""), 1, "UTF-8"},
    {T("\"\xf4\x90\x80\x80\""), 1, "UTF-8"},
    {T("\"\xf8\x88\x80\x80\x80\""), 1, "UTF-8"},
    {T("\"\xe6\xb1\""), 1, "UTF-8"},
    {T("\"\xe6"), 1, "UTF-8"},
    {T("{\"a\":1,\"a\":1}"), 7, "already given"},
    {T("{\"a\":1,\"\\u0061\":1}"), 7, "already given"},
    {T("{\"\\u0061\":1,\"b\":2,\"a\":1}"), 18, "already given"},
    {T("{\"\":1,\"\":1}"), 6, "already given"},
    {T("[{\"x\":{\"k\":1,\"k\":2}}]"), 13, "already given"},
    {T("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}"), 18, "already given"},
    {T("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"c\":1}"), 55,
     "already given"},
};
#undef T

static void
refuses_with_the_offset_of_the_fault(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char at[40];
        struct err e = {0};

        (void)snprintf(at, sizeof(at), "byte %zu: ", refused[i].at);
        CU_ASSERT_EQUAL(jscan(refused[i].text, refused[i].len, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        if (strstr(e.msg, at) == NULL || strstr(e.msg, refused[i].what) == NULL) {
            printf("\n%s: wanted %s%s, got %s\n", refused[i].text, at, refused[i].what, e.msg);
            CU_FAIL("another fault");
        }
    }
}

static void
keeps_the_depth_limit(void)
{
    for (int depth = 31; depth <= 34; depth++) {
        char text[80];
        struct err e = {0};

        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        CU_ASSERT_EQUAL(jscan(text, 2 * (size_t)depth, &e), depth <= JSCAN_MAX_DEPTH ? 0 : -1);
    }
}

/* {"k0":1,...} with n keys, k from `from`. */
static void
add_object(struct strbuf *b, size_t n, size_t from)
{
    strbuf_addc(b, '{');
    for (size_t i = 0; i < n; i++)
        strbuf_addf(b, "%s\"k%zu\":1", i > 0 ? "," : "", from + i);
    strbuf_addc(b, '}');
}

static int64_t
cpu_ms(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
keeps_the_key_limits(void)
{
    static const struct {
        size_t objects, keys;
        int want;
    } rows[] = {{1, 1000, 0}, {1, 1001, -1}, {100, 1000, 0}, {101, 1000, -1}, {1, 100000, -1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(strbuf) struct strbuf b = {0};
        int64_t start = cpu_ms();
        struct err e = {0};

        strbuf_addc(&b, '[');
        for (size_t k = 0; k < rows[i].objects; k++) {
            if (k > 0)
                strbuf_addc(&b, ',');
            add_object(&b, rows[i].keys, k);
        }
        strbuf_addc(&b, ']');
        CU_ASSERT_EQUAL(jscan(b.s, b.len, &e), rows[i].want);
        CU_ASSERT(cpu_ms() - start < QUICK_MS);
    }
}

static void
finds_a_twin_among_a_thousand_keys(void)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    add_object(&b, 999, 0);
    b.len--;
    b.s[b.len] = '\0';
    strbuf_adds(&b, ",\"k500\":1}");
    CU_ASSERT_EQUAL(jscan(b.s, b.len, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "already given"));
}

static void
keeps_the_limit_of_a_key(void)
{
    for (size_t n = 255; n <= 258; n++) {
        char text[300] = "{\"";
        struct err e = {0};

        memset(text + 2, 'k', n);
        memcpy(text + 2 + n, "\":1}", 5);
        CU_ASSERT_EQUAL(jscan(text, strlen(text), &e), n <= JSCAN_MAX_KEY_BYTES ? 0 : -1);
    }
}

static void
refuses_huge_texts_quickly(void)
{
    static const char starts[] = {'[', '{', '"', ' ', '1', 'x'};
    const size_t huge = (size_t)60 * 1024 * 1024, most = JSCAN_MAX_BYTES;
    SCOPED(free) char *text = malloc(huge);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        int64_t start = cpu_ms();
        struct err e = {0};

        memset(text, starts[i], huge);
        start = cpu_ms();
        CU_ASSERT_EQUAL(jscan(text, huge, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
        CU_ASSERT_EQUAL(jscan(text, most, &e), -1); /* as large as may be, but no JSON */
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        CU_ASSERT(cpu_ms() - start < QUICK_MS);
    }
}

CU_TestInfo jscan_tests[] = {
    {"accepts plain JSON", accepts_plain_json},
    {"refuses with the offset of the fault", refuses_with_the_offset_of_the_fault},
    {"keeps the depth limit", keeps_the_depth_limit},
    {"keeps the key limits", keeps_the_key_limits},
    {"finds a twin among a thousand keys", finds_a_twin_among_a_thousand_keys},
    {"keeps the limit of a key", keeps_the_limit_of_a_key},
    {"refuses huge texts quickly", refuses_huge_texts_quickly},
    CU_TEST_INFO_NULL,
};
