#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/net/head.h"
#include "drivers/net/problem.h"
#include "drivers/net/url.h"

static void
decodes_a_target_once(void)
{
    static const struct {
        const char *target, *path, *name, *value;
    } rows[] = {
        {"/", "/", NULL, NULL},
        {"/v1/vms/%E4%BA%91?x=1", "/v1/vms/云", "x", "1"},
        {"/a%252e", "/a%2e", NULL, NULL},
        {"/a?b", "/a", "b", ""},
        {"/a?&&b=c%26d&", "/a", "b", "c&d"},
        {"/a?b=c+d%2Be", "/a", "b", "c d+e"},
        {"/a+b", "/a+b", NULL, NULL},
        {"/a?b=c/d?e", "/a", "b", "c/d?e"},
        {"/...", "/...", NULL, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(arena) struct arena a = {0};
        struct url u;
        struct err e = {0};

        CU_ASSERT_EQUAL_FATAL(url_parse(rows[i].target, strlen(rows[i].target), &a, &u, &e), 0);
        CU_ASSERT_STRING_EQUAL(u.path, rows[i].path);
        if (rows[i].name != NULL) {
            CU_ASSERT_PTR_NOT_NULL_FATAL(url_param(&u, rows[i].name));
            CU_ASSERT_STRING_EQUAL(url_param(&u, rows[i].name), rows[i].value);
        }
        CU_ASSERT_PTR_NULL(url_param(&u, "absent"));
    }
}

static void
refuses_targets_with_two_readings(void)
{
    static const char *const rows[] = {
        "",        "a",      "//",         "/a//b",    "/.",       "/a/..",    "/../a",
        "/%2e%2e", "/a%2fb", "/a%5Cb",     "/a\\b",    "/a%",      "/a%4",     "/a%gg",
        "/a%00",   "/a%0d",  "/a%7f",      "/a#b",     "/a?b#c",   "/a%c0%af", "/a%ed%a0%80",
        "/a?b=%0", "/a?b=%", "/a?b=1&b=2", "/a?b&b=1", "/a?b=%00", "/a?b=%ff", "/a\x01",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(arena) struct arena a = {0};
        struct url u = {.n = 77};
        struct err e = {0};

        CU_ASSERT_EQUAL(url_parse(rows[i], strlen(rows[i]), &a, &u, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        CU_ASSERT_EQUAL(u.n, 77);
    }
}

static void
bounds_length_and_parameters(void)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    char longest[URL_MAX_BYTES + 2];
    struct url u;
    struct err e = {0};

    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    CU_ASSERT_EQUAL(url_parse(longest, URL_MAX_BYTES, &a, &u, &e), 0);
    CU_ASSERT_EQUAL(url_parse(longest, URL_MAX_BYTES + 1, &a, &u, &e), -1);
    strbuf_adds(&b, "/a?");
    for (int i = 0; i < URL_MAX_PARAMS; i++)
        strbuf_addf(&b, "p%d=%d&", i, i);
    CU_ASSERT_EQUAL(url_parse(b.s, b.len, &a, &u, &e), 0);
    CU_ASSERT_EQUAL(u.n, URL_MAX_PARAMS);
    strbuf_adds(&b, "one=more");
    CU_ASSERT_EQUAL(url_parse(b.s, b.len, &a, &u, &e), -1);
}

static void
escapes_so_that_it_decodes_to_the_same(void)
{
    static const char text[] = "汴云 a&b=c/d?e#f%41+\"'<>~";
    SCOPED(arena) struct arena a = {0};
    struct url u;
    struct err e = {0};
    char *target = arena_printf(&a, "/x?q=%s", url_escape(text, &a));

    CU_ASSERT_EQUAL_FATAL(url_parse(target, strlen(target), &a, &u, &e), 0);
    CU_ASSERT_STRING_EQUAL(url_param(&u, "q"), text);
}

static void
reads_what_a_good_head_says(void)
{
    static const char text[] = "POST /v1/x?y HTTP/1.1\r\nHost: h\r\nCONTENT-LENGTH:\t 12 \r\n\r\n";
    struct head h;
    struct err e = {0};
    int status = 0;

    CU_ASSERT_EQUAL_FATAL(head_scan(text, sizeof(text) - 1, &h, &status, &e), 0);
    CU_ASSERT_STRING_EQUAL(h.method, "POST");
    CU_ASSERT_EQUAL(h.target_len, 7);
    CU_ASSERT_EQUAL(memcmp(h.target, "/v1/x?y", 7), 0);
    CU_ASSERT_EQUAL(h.content_length, 12);
}

static void
refuses_every_cut_of_a_good_head(void)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n";
    struct head h = {.content_length = 77};
    struct err e = {0};
    int status;

    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        status = 0;
        CU_ASSERT_EQUAL(head_scan(text, n, &h, &status, &e), -1);
        CU_ASSERT(status >= 400);
    }
    CU_ASSERT_EQUAL(h.content_length, 77);
    CU_ASSERT_EQUAL(head_scan(text, sizeof(text) - 1, &h, &status, &e), 0);
}

static void
carries_an_error_through_a_problem_document(void)
{
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++) {
        SCOPED(strbuf) struct strbuf b = {0};
        struct err in = {0}, out = {0};
        int status = err_http_status((enum err_code)c);

        (void)err_field(&in, (enum err_code)c, "lines[2].vcpus", "太大: \"x\"\nmore");
        problem_write(status, &in, SAY_EN, "r-1", &b);
        problem_read(status, b.s, b.len, &out);
        CU_ASSERT_EQUAL(out.code, in.code);
        CU_ASSERT_STRING_EQUAL(out.field, in.field);
        CU_ASSERT_STRING_EQUAL(out.msg, in.msg);
        CU_ASSERT(strcmp(problem_phrase(status), "Other") != 0);
    }
}

static void
makes_an_error_of_an_answer_that_is_no_document(void)
{
    static const struct {
        int status;
        enum err_code code;
    } rows[] = {{401, BY_E_UNAUTHENTICATED}, {403, BY_E_DENIED}, {404, BY_E_NOT_FOUND},
                {418, BY_E_INVALID},         {502, BY_E_IO},     {503, BY_E_BUSY}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};

        problem_read(rows[i].status, "<html>", 6, &e);
        CU_ASSERT_EQUAL(e.code, rows[i].code);
        problem_read(rows[i].status, NULL, 0, &e);
        CU_ASSERT_EQUAL(e.code, rows[i].code);
    }
}

CU_TestInfo url_tests[] = {
    {"decodes a target once", decodes_a_target_once},
    {"refuses targets with two readings", refuses_targets_with_two_readings},
    {"bounds length and parameters", bounds_length_and_parameters},
    {"escapes so that it decodes to the same", escapes_so_that_it_decodes_to_the_same},
    {"reads what a good head says", reads_what_a_good_head_says},
    {"refuses every cut of a good head", refuses_every_cut_of_a_good_head},
    {"carries an error through a problem document", carries_an_error_through_a_problem_document},
    {"makes an error of an answer that is no document",
     makes_an_error_of_an_answer_that_is_no_document},
    CU_TEST_INFO_NULL,
};
