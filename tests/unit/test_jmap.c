#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jclass.h"
#include "drivers/codec/wire.h"

/* One struct with every type, and rows for it. */
struct part {
    char tag[8];
    uint32_t n;
};
struct all {
    char name[20];
    const char *text;
    uint32_t u32;
    uint64_t u64;
    int64_t i64;
    bool yes;
    int colour;
    struct part part;
    struct jm_list parts;
    char id[W_ID];
    const char *secret;
    uint64_t kept;
};

static const char *const colours[] = {"", "red", "green", NULL};

#define AT(s, m) .off = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m), .doc = "x"
static const struct jm_field part_rows[] = {
    {.name = "tag", AT(part, tag), .type = JM_STR, .flags = JM_REQ, .cls = JM_LINE},
    {.name = "n", AT(part, n), .type = JM_U32, .min = 1, .max = 9},
    {0},
};
static const struct jm_field all_rows[] = {
    {.name = "name", AT(all, name), .type = JM_STR, .flags = JM_REQ, .cls = JM_NAME},
    {.name = "text", AT(all, text), .type = JM_TEXT, .max = 12, .cls = JM_ANY},
    {.name = "u32", AT(all, u32), .type = JM_U32},
    {.name = "u64", AT(all, u64), .type = JM_U64},
    {.name = "i64", AT(all, i64), .type = JM_I64, .min = -5, .max = INT64_C(9007199254740991)},
    {.name = "yes", AT(all, yes), .type = JM_BOOL},
    {.name = "colour", AT(all, colour), .type = JM_ENUM, .names = colours},
    {.name = "part",
     AT(all, part),
     .type = JM_OBJ,
     .sub = part_rows,
     .sub_size = sizeof(struct part)},
    {.name = "parts",
     AT(all, parts),
     .type = JM_LIST,
     .sub = part_rows,
     .sub_size = sizeof(struct part),
     .max = 3},
    {.name = "id", AT(all, id), .type = JM_STR, .flags = JM_RO, .cls = JM_UUID},
    {.name = "secret", AT(all, secret), .type = JM_TEXT, .flags = JM_SECRET, .max = 8},
    {.name = "kept", AT(all, kept), .type = JM_U64, .flags = JM_KEEP0},
    {0},
};

static int
decode(const char *text, enum jm_mode mode, struct arena *a, struct all *out, struct err *e)
{
    return jm_decode(text, strlen(text), all_rows, sizeof(*out), mode, a, out, e);
}

static void
every_wire_object_has_a_sound_schema(void)
{
    size_t n = 0;

    for (const struct w_object *o = w_objects; o->name != NULL; o++, n++) {
        struct err e = {0};

        if (jm_schema_check(o->schema, &e) < 0) {
            printf("\n%s: %s\n", o->name, e.msg);
            CU_FAIL("schema");
        }
    }
    CU_ASSERT(n > 50);
}

static void
writes_the_canonical_form_and_reads_it_back(void)
{
    static const char want[] =
        "{\"colour\":\"green\",\"i64\":-5,\"id\":\"1b4e28ba-2fa1-41d2-883f-0016d3cca427\","
        "\"kept\":0,\"name\":\"汴云 一号\",\"part\":{\"n\":9,\"tag\":\"t\"},"
        "\"parts\":[{\"tag\":\"a\"},{\"n\":2,\"tag\":\"b\"}],"
        "\"text\":\"\\\"\\\\/\\n\\t€\",\"u32\":4294967295,\"u64\":9007199254740991,"
        "\"yes\":true}";
    struct part parts[] = {{"a", 0}, {"b", 2}};
    struct all in = {.name = "汴云 一号",
                     .text = "\"\\/\n\t€",
                     .u32 = UINT32_MAX,
                     .u64 = UINT64_C(9007199254740991),
                     .i64 = -5,
                     .yes = true,
                     .colour = 2,
                     .part = {"t", 9},
                     .parts = {parts, 2},
                     .id = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"};
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf out = {0};
    SCOPED(strbuf) struct strbuf again = {0};
    struct err e = {0};
    struct all back;

    jm_encode(all_rows, &in, &out);
    CU_ASSERT_STRING_EQUAL(out.s, want);
    CU_ASSERT_EQUAL_FATAL(decode(out.s, JM_SIGNED, &a, &back, &e), 0);
    CU_ASSERT_EQUAL(back.u64, in.u64);
    CU_ASSERT_EQUAL(back.parts.n, 2);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(back.parts, struct part, 1)->tag, "b");
    jm_encode(all_rows, &back, &again);
    CU_ASSERT_STRING_EQUAL(again.s, out.s);
}

static void
leaves_out_what_is_empty_but_not_what_is_required(void)
{
    SCOPED(strbuf) struct strbuf out = {0};
    struct all in = {0};

    jm_encode(all_rows, &in, &out);
    CU_ASSERT_STRING_EQUAL(out.s, "{\"kept\":0,\"name\":\"\"}");
}

static void
writes_json_even_of_broken_bytes(void)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"\xff", "\"\xef\xbf\xbd\""},
        {"a\xe6\xb1", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80z", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
        {"\x01\x7f", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"a\r\n\t\"\\", "\"a\xef\xbf\xbd\\n\\t\\\"\\\\\""},
        {"123456789012345", "\"123456789012\""},
        {"12345678901汴", "\"12345678901\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(strbuf) struct strbuf out = {0};
        struct all in = {.text = rows[i].in};
        char want[80];

        (void)snprintf(want, sizeof(want), "{\"kept\":0,\"name\":\"\",\"text\":%s}", rows[i].want);
        jm_encode(all_rows, &in, &out);
        CU_ASSERT_STRING_EQUAL(out.s, want);
    }
}

/* One reason too long or not clean must not make a peer refuse a whole report. */
static void
writes_only_what_its_reader_takes(void)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf out = {0};
    char reason[3000];
    struct w_observed o = {.kind = RES_VM, .seen = SEEN_FAILED, .reason = reason}, back;
    struct w_status st = {.seq = 1, .items = {&o, 1}}, got;
    struct err e = {0};

    memset(reason, 'x', sizeof(reason));
    memcpy(reason, "\x1b[31m\n\x80\xe6", 8);
    reason[sizeof(reason) - 1] = '\0';
    (void)snprintf(o.resource, sizeof(o.resource), "1b4e28ba-2fa1-41d2-983f-0016d3cca427");
    memcpy(st.boot, o.resource, sizeof(st.boot));
    (void)snprintf(o.code, sizeof(o.code), "two\nlines");
    (void)snprintf(o.name, sizeof(o.name), "a\x7f");
    jm_encode(schema_status, &st, &out);
    CU_ASSERT_EQUAL_FATAL(W_DECODE(status, out.s, out.len, JM_PEER, &a, &got, &e), 0);
    back = *JM_ITEM(got.items, struct w_observed, 0);
    CU_ASSERT_STRING_EQUAL(back.code, "two lines");
    CU_ASSERT_STRING_EQUAL(back.name, "a\xef\xbf\xbd");
    CU_ASSERT_EQUAL(strlen(back.reason), 1000);
}

struct line {
    char tag[24];
};
static const struct jm_field line_rows[] = {
    {.name = "tag", AT(line, tag), .type = JM_STR, .flags = JM_REQ, .cls = JM_LINE},
    {0},
};

/* Text is taken eight bytes at a time: a byte means the same wherever it stands. */
static void
writes_a_byte_alike_at_every_place(void)
{
    enum { LONG = 20 };
    struct line p;
    SCOPED(strbuf) struct strbuf out = {0}, alone = {0}, want = {0};

    for (int c = 1; c < 256; c++) {
        memset(p.tag, 0, sizeof(p.tag));
        p.tag[0] = (char)c;
        strbuf_reset(&alone);
        jm_encode(line_rows, &p, &alone); /* {"tag":"…"} */
        for (size_t at = 0; at < LONG; at++) {
            memset(p.tag, 'x', LONG); /* and a zero behind */
            p.tag[at] = (char)c;
            strbuf_reset(&out);
            strbuf_reset(&want);
            jm_encode(line_rows, &p, &out);
            strbuf_addf(&want, "{\"tag\":\"%.*s", (int)at, "xxxxxxxxxxxxxxxxxxxx");
            strbuf_add(&want, alone.s + 8, alone.len - 10);
            strbuf_addf(&want, "%.*s\"}", (int)(LONG - 1 - at), "xxxxxxxxxxxxxxxxxxxx");
            CU_ASSERT_STRING_EQUAL(out.s, want.s);
        }
    }
}

/* Chinese is taken three bytes at a time: so are its neighbours, whole or cut, wherever they stand.
 */
static void
writes_chinese_alike_at_every_place(void)
{
    static const char many[] = "xxxxxxxxxxxxxxxxxxxxxxxx";
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"\xe2\xbf\xbf", "\xe2\xbf\xbf"}, /* U+2FFF, U+3000, U+CFFF, U+D000 */
        {"\xe3\x80\x80", "\xe3\x80\x80"},
        {"\xec\xbf\xbf", "\xec\xbf\xbf"},
        {"\xed\x80\x80", "\xed\x80\x80"},
        {"\xef\xbc\x88", "\xef\xbc\x88"},
        {"\xe2\x80\xa8", "\xef\xbf\xbd"}, /* a line's end */
        {"\xe6\xb1", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe6\xb1\"", "\xef\xbf\xbd\xef\xbf\xbd\\\""},
        {"\xe6\"\xb4", "\xef\xbf\xbd\\\"\xef\xbf\xbd"},
        {"\xe6", "\xef\xbf\xbd"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int before = 0; before < 20; before++)
            for (int after = 0; before + after + 3 < (int)sizeof(((struct line *)0)->tag);
                 after++) {
                SCOPED(strbuf) struct strbuf out = {0}, want = {0}, in = {0};
                struct line p = {.tag = ""};

                strbuf_addf(&in, "%.*s%s%.*s", before, many, rows[i].in, after, many);
                strbuf_addf(&want, "{\"tag\":\"%.*s%s%.*s\"}", before, many, rows[i].out, after,
                            many);
                memcpy(p.tag, in.s, in.len);
                jm_encode(line_rows, &p, &out);
                CU_ASSERT_STRING_EQUAL(out.s, want.s);
            }
}

static void
writes_numbers_of_every_length(void)
{
    for (uint64_t v = 1, digits = 1; digits <= 20; v *= 10, digits++)
        for (int less = 0; less < 2; less++) {
            SCOPED(strbuf) struct strbuf out = {0};
            char want[24];

            strbuf_addu(&out, v - (uint64_t)less);
            (void)snprintf(want, sizeof(want), "%" PRIu64, v - (uint64_t)less);
            CU_ASSERT_STRING_EQUAL(out.s, want);
        }
}

static const struct {
    const char *text, *field, *what;
} faults[] = {
    {"[]", "", "object"},
    {"\"x\"", "", "object"},
    {"{", "", "byte 1"},
    {"{}", "name", "missing"},
    {"{\"name\":\"\"}", "name", "empty"},
    {"{\"name\":null}", "name", "null"},
    {"{\"name\":1}", "name", "text"},
    {"{\"name\":\"aaaaaaaaaaaaaaaaaaaa\"}", "name", "at most 19"},
    {"{\"name\":\"汴汴汴汴汴汴汴\"}", "name", "at most 19"},
    {"{\"name\":\"a;b\"}", "name", "must not contain"},
    {"{\"name\":\"n\",\"text\":\"1234567890123\"}", "text", "at most 12"},
    {"{\"name\":\"n\",\"text\":\"\\u0001\"}", "text", "control"},
    {"{\"name\":\"n\",\"text\":{}}", "text", "text"},
    {"{\"name\":\"n\",\"u32\":4294967296}", "u32", "4294967295"},
    {"{\"name\":\"n\",\"u32\":-1}", "u32", "from 0"},
    {"{\"name\":\"n\",\"u32\":\"1\"}", "u32", "whole number"},
    {"{\"name\":\"n\",\"u32\":true}", "u32", "whole number"},
    {"{\"name\":\"n\",\"u32\":1.5}", "", "fraction"},
    {"{\"name\":\"n\",\"u64\":9007199254740992}", "u64", "9007199254740991"},
    {"{\"name\":\"n\",\"u64\":9223372036854775808}", "u64", "9007199254740991"},
    {"{\"name\":\"n\",\"u64\":18446744073709551615}", "u64", "9007199254740991"},
    {"{\"name\":\"n\",\"i64\":-6}", "i64", "from -5"},
    {"{\"name\":\"n\",\"i64\":-9223372036854775808}", "i64", "from -5"},
    {"{\"name\":\"n\",\"yes\":1}", "yes", "true or false"},
    {"{\"name\":\"n\",\"yes\":\"true\"}", "yes", "true or false"},
    {"{\"name\":\"n\",\"colour\":\"blue\"}", "colour", "red, green"},
    {"{\"name\":\"n\",\"colour\":\"re\"}", "colour", "red, green"},
    {"{\"name\":\"n\",\"colour\":1}", "colour", "red, green"},
    {"{\"name\":\"n\",\"part\":[]}", "part", "object"},
    {"{\"name\":\"n\",\"part\":{}}", "part.tag", "missing"},
    {"{\"name\":\"n\",\"part\":{\"tag\":\"t\",\"n\":10}}", "part.n", "from 1 to 9"},
    {"{\"name\":\"n\",\"part\":{\"tag\":\"t\",\"x\":1}}", "part.x", "not a field"},
    {"{\"name\":\"n\",\"parts\":{}}", "parts", "list"},
    {"{\"name\":\"n\",\"parts\":[{\"tag\":\"t\"},7]}", "parts[1]", "object"},
    {"{\"name\":\"n\",\"parts\":[null]}", "parts[0]", "object"},
    {"{\"name\":\"n\",\"parts\":[{\"tag\":\"t\"},{\"tag\":\"t\"},{\"tag\":\"t\",\"n\":0}]}",
     "parts[2].n", "from 1 to 9"},
    {"{\"name\":\"n\",\"parts\":[{\"tag\":\"t\"},{\"tag\":\"t\"},{\"tag\":\"t\"},{\"tag\":"
     "\"t\"}]}",
     "parts", "at most 3"},
    {"{\"name\":\"n\",\"wat\":1}", "wat", "not a field"},
    {"{\"name\":\"n\",\"\\u0007<b>\":1}", "(unprintable)", "not a field"},
    {"{\"name\":\"n\",\"name\":\"n\"}", "", "already given"},
    {"{\"name\":\"n\",\"id\":\"1b4e28ba-2fa1-41d2-883f-0016d3cca427\"}", "id", "server"},
};

static void
names_the_field_at_fault_and_clears_the_output(void)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        SCOPED(arena) struct arena a = {0};
        const struct all zero = {0};
        struct err e = {0};
        struct all out;

        memset(&out, 0x55, sizeof(out));
        CU_ASSERT_EQUAL(decode(faults[i].text, JM_PEOPLE, &a, &out, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        CU_ASSERT_EQUAL(memcmp(&out, &zero, sizeof(out)), 0);
        if (strcmp(e.field, faults[i].field) != 0 || strstr(e.msg, faults[i].what) == NULL) {
            printf("\n%s: wanted %s, %s; got %s, %s\n", faults[i].text, faults[i].field,
                   faults[i].what, e.field, e.msg);
            CU_FAIL("another fault");
        }
    }
}

static void
is_strict_with_people_and_signatures_and_lenient_with_peers(void)
{
    static const char unknown[] = "{\"name\":\"n\",\"wat\":[{\"x\":1}],\"u32\":7}";
    static const char read_only[] =
        "{\"name\":\"n\",\"id\":\"1b4e28ba-2fa1-41d2-883f-0016d3cca427\"}";
    static const struct {
        const char *text;
        int want[3]; /* by mode */
    } rows[] = {{unknown, {-1, -1, 0}}, {read_only, {-1, 0, 0}}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int m = JM_PEOPLE; m <= JM_PEER; m++) {
            SCOPED(arena) struct arena a = {0};
            struct err e = {0};
            struct all out;

            CU_ASSERT_EQUAL(decode(rows[i].text, (enum jm_mode)m, &a, &out, &e), rows[i].want[m]);
        }
}

static void
shows_the_head_of_a_very_long_path(void)
{
    SCOPED(arena) struct arena a = {0};
    struct err e = {0};
    struct all out;

    CU_ASSERT_EQUAL(
        decode("{\"name\":\"n\",\"parts\":[{\"tag\":\"t\",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
               "aaaaaaaaaaaa\":1}]}",
               JM_PEOPLE, &a, &out, &e),
        -1);
    CU_ASSERT_EQUAL(strncmp(e.field, "parts[0].aaaa", 13), 0);
    CU_ASSERT(strlen(e.field) < sizeof(e.field));
}

static const struct {
    enum jm_class cls;
    const char *text;
    bool good;
} forms[] = {
    {JM_ANY, "", true},
    {JM_ANY, "a\nb\tc", true},
    {JM_ANY, "a\rb", false},
    {JM_ANY, "\x7f", false},
    {JM_ANY, "\xc2\x85", false},
    {JM_ANY, "\xff", false},
    {JM_LINE, "汴 a\tb <&>", true},
    {JM_LINE, "a\nb", false},
    {JM_LINE, "a\xe2\x80\xa8", false},
    {JM_NAME, "政务云-1号（试点）", true},
    {JM_NAME, "web_1.a", true},
    {JM_NAME, "", false},
    {JM_NAME, " a", false},
    {JM_NAME, "a ", false},
    {JM_NAME,
     "\xe3\x80\x80"
     "a",
     false},
    {JM_NAME, ".a", false},
    {JM_NAME, "a.", false},
    {JM_NAME, "..", false},
    {JM_NAME, "a/b", false},
    {JM_NAME, "a\\b", false},
    {JM_NAME, "a<b", false},
    {JM_NAME, "a>b", false},
    {JM_NAME, "a&b", false},
    {JM_NAME, "a\"b", false},
    {JM_NAME, "a'b", false},
    {JM_NAME, "a`b", false},
    {JM_NAME, "a$b", false},
    {JM_NAME, "a;b", false},
    {JM_NAME, "a|b", false},
    {JM_NAME, "a*b", false},
    {JM_NAME, "a?b", false},
    {JM_NAME, "a\tb", false},
    {JM_NAME, "a\xe2\x80\x8b", false},
    {JM_NAME,
     "a\xe2\x80\xae"
     "b",
     false},
    {JM_HOST, "host-1", true},
    {JM_HOST, "1", true},
    {JM_HOST, "", false},
    {JM_HOST, "Host", false},
    {JM_HOST, "-a", false},
    {JM_HOST, "a-", false},
    {JM_HOST, "a.b", false},
    {JM_HOST, "a_b", false},
    {JM_HOST, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
    {JM_HOST, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {JM_UUID, "1b4e28ba-2fa1-41d2-883f-0016d3cca427", true},
    {JM_UUID, "1B4e28ba-2fa1-41d2-883f-0016d3cca427", false},
    {JM_UUID, "1b4e28ba-2fa1-41d2-883f-0016d3cca42", false},
    {JM_UUID, "1b4e28ba-2fa1-41d2-883f-0016d3cca4270", false},
    {JM_UUID, "1b4e28ba02fa1-41d2-883f-0016d3cca427", false},
    {JM_UUID, "../../../../../../../../etc/passwd00", false},
    {JM_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", true},
    {JM_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", false},
    {JM_SHA256, "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
    {JM_MAC, "52:54:00:12:34:56", true},
    {JM_MAC, "52:54:00:12:34:5", false},
    {JM_MAC, "52-54-00-12-34-56", false},
    {JM_MAC, "52:54:00:12:34:5G", false},
    {JM_MAC, "01:00:5e:00:00:01", false},
    {JM_MAC, "ff:ff:ff:ff:ff:ff", false},
    {JM_MAC, "52:54:00:AB:34:56", false},
    {JM_IPV4, "10.0.0.5", true},
    {JM_IPV4, "255.255.255.255", true},
    {JM_IPV4, "10.0.0.256", false},
    {JM_IPV4, "10.0.0", false},
    {JM_IPV4, "010.0.0.5", false},
    {JM_IPV4, "10.0.0.5 ", false},
    {JM_IPV4, "::1", false},
    {JM_CIDR4, "10.0.0.0/8", true},
    {JM_CIDR4, "10.1.2.4/30", true},
    {JM_CIDR4, "10.1.2.0/24", true},
    {JM_CIDR4, "10.1.2.5/30", false},
    {JM_CIDR4, "10.0.0.0/7", false},
    {JM_CIDR4, "10.0.0.0/31", false},
    {JM_CIDR4, "10.0.0.0/08", false},
    {JM_CIDR4, "10.0.0.0/", false},
    {JM_CIDR4, "10.0.0.0/2a", false},
    {JM_CIDR4, "10.0.0.0", false},
    {JM_CIDR4, "/24", false},
};

static void
knows_each_form_of_text(void)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *fault = jclass_fault(forms[i].cls, forms[i].text, strlen(forms[i].text));

        if ((fault == NULL) != forms[i].good) {
            printf("\n%s '%s': %s\n", jclass_name(forms[i].cls), forms[i].text,
                   fault != NULL ? fault : "taken");
            CU_FAIL("form");
        }
    }
}

static void
finds_rows_that_do_not_fit_their_struct(void)
{
    static const struct jm_field short_uuid[] = {
        {.name = "a", .doc = "x", .type = JM_STR, .cls = JM_UUID, .size = 36}, {0}};
    static const struct jm_field twice[] = {
        {.name = "a", .doc = "x", .type = JM_BOOL, .size = sizeof(bool)},
        {.name = "a", .doc = "x", .type = JM_BOOL, .size = sizeof(bool)},
        {0}};
    static const struct jm_field wrong_int[] = {
        {.name = "a", .doc = "x", .type = JM_U64, .size = 4}, {0}};
    static const struct jm_field no_limit[] = {
        {.name = "a", .doc = "x", .type = JM_TEXT, .size = sizeof(char *)}, {0}};
    static const struct jm_field wide[] = {
        {.name = "a", .doc = "x", .type = JM_U64, .size = 8, .max = INT64_MAX}, {0}};
    static const struct jm_field upside_down[] = {
        {.name = "a", .doc = "x", .type = JM_I64, .size = 8, .min = 5, .max = 4}, {0}};
    static const struct jm_field no_doc[] = {{.name = "a", .type = JM_BOOL, .size = sizeof(bool)},
                                             {0}};
    static const struct jm_field bad_name[] = {
        {.name = "A b", .doc = "x", .type = JM_BOOL, .size = sizeof(bool)}, {0}};
    static const struct jm_field no_names[] = {
        {.name = "a", .doc = "x", .type = JM_ENUM, .size = sizeof(int)}, {0}};
    static const struct jm_field too_many_keys[] = {{.name = "a",
                                                     .doc = "x",
                                                     .type = JM_LIST,
                                                     .size = sizeof(struct jm_list),
                                                     .sub = part_rows,
                                                     .sub_size = sizeof(struct part),
                                                     .max = 50001},
                                                    {0}};
    static const struct jm_field *const rows[] = {short_uuid, twice,        wrong_int, no_limit,
                                                  wide,       upside_down,  no_doc,    bad_name,
                                                  no_names,   too_many_keys};
    struct err e = {0};

    CU_ASSERT_EQUAL(jm_schema_check(all_rows, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        e = (struct err){0};
        CU_ASSERT_EQUAL(jm_schema_check(rows[i], &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_BUG);
    }
}

static void
reads_a_full_list_of_the_largest_object(void)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf out = {0};
    struct w_samples in = {
        .boot = "1b4e28ba-2fa1-41d2-883f-0016d3cca427", .seq = 1, .slot_ms = 9000};
    struct w_samples back;
    struct w_slot *slots = arena_alloc(&a, 16000 * sizeof(*slots));
    struct err e = {0};

    for (size_t i = 0; i < 16000; i++) {
        slots[i] = (struct w_slot){.metric = METRIC_CPU, .at_ms = (int64_t)i, .avg = i, .peak = i};
        memcpy(slots[i].vm, in.boot, sizeof(in.boot));
    }
    in.slots = (struct jm_list){slots, 16000};
    jm_encode(schema_samples, &in, &out);
    CU_ASSERT_EQUAL_FATAL(W_DECODE(samples, out.s, out.len, JM_PEER, &a, &back, &e), 0);
    CU_ASSERT_EQUAL(back.slots.n, 16000);
    CU_ASSERT_EQUAL(JM_ITEM(back.slots, struct w_slot, 15999)->peak, 15999);
}

CU_TestInfo jmap_tests[] = {
    {"every wire object has a sound schema", every_wire_object_has_a_sound_schema},
    {"writes the canonical form and reads it back", writes_the_canonical_form_and_reads_it_back},
    {"leaves out what is empty but not what is required",
     leaves_out_what_is_empty_but_not_what_is_required},
    {"writes JSON even of broken bytes", writes_json_even_of_broken_bytes},
    {"writes only what its reader takes", writes_only_what_its_reader_takes},
    {"writes a byte alike at every place", writes_a_byte_alike_at_every_place},
    {"writes Chinese alike at every place", writes_chinese_alike_at_every_place},
    {"writes numbers of every length", writes_numbers_of_every_length},
    {"names the field at fault and clears the output",
     names_the_field_at_fault_and_clears_the_output},
    {"is strict with people and signatures and lenient with peers",
     is_strict_with_people_and_signatures_and_lenient_with_peers},
    {"shows the head of a very long path", shows_the_head_of_a_very_long_path},
    {"knows each form of text", knows_each_form_of_text},
    {"finds rows that do not fit their struct", finds_rows_that_do_not_fit_their_struct},
    {"reads a full list of the largest object", reads_a_full_list_of_the_largest_object},
    CU_TEST_INFO_NULL,
};
