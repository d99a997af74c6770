#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/conf.h"
#include "drivers/base/scope.h"

struct settings {
    int64_t port;
    bool kvm;
    char name[16], dir[32];
};
static const struct conf_row rows[] = {
    {"net", "port", CONF_INT, CONF_AT(struct settings, port), "8443", 1, 65535, "where to listen"},
    {"net", "name", CONF_STR, CONF_AT(struct settings, name), NULL, 1, 0, "who we are"},
    {"host", "kvm", CONF_BOOL, CONF_AT(struct settings, kvm), "yes", 0, 0, "use KVM"},
    {"host", "dir", CONF_PATH, CONF_AT(struct settings, dir), "/var/lib/x", 0, 0, "where to keep"},
    {0},
};

static int
parse(const char *text, struct settings *out, struct err *e)
{
    return conf_parse("x.conf", text, strlen(text), rows, sizeof(*out), out, e);
}

static void
reads_values_and_fills_in_defaults(void)
{
    struct settings s = {0};
    struct err e = {0};

    CU_ASSERT_EQUAL(conf_check(rows, sizeof(s), &e), 0);
    CU_ASSERT_EQUAL(parse("# 注释\n[net]\r\nname = 汴云 ; mine\n\n[host]\nkvm=no\n", &s, &e), 0);
    CU_ASSERT_EQUAL(s.port, 8443);
    CU_ASSERT_FALSE(s.kvm);
    CU_ASSERT_STRING_EQUAL(s.name, "汴云");
    CU_ASSERT_STRING_EQUAL(s.dir, "/var/lib/x");
}

static void
refuses_what_is_not_exactly_right_and_names_the_line(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[net]\nname=a\nport=x\n", "line 3: port must be a whole number"},
        {"[net]\nname=a\nport= +5\n", "line 3: port must be a whole number"},
        {"[net]\nname=a\nport=\n", "line 3: port must be a whole number"},
        {"[net]\nname=a\nport=99999999999999999999\n", "line 3: port must be a whole number"},
        {"[net]\nname=a\nport=0\n", "line 3: port must be from 1 to 65535"},
        {"[net]\nname=a\nname=b\n", "line 3: given twice: name"},
        {"[net]\nname=a\ncolour=b\n", "line 3: unknown key: colour"},
        {"[host]\nname=a\n", "line 2: unknown key: name"},
        {"name=a\n", "line 1: a key before any [section]: name"},
        {"[net]\nname=a\n[ghost]\n", "line 3: unknown section: [ghost]"},
        {"[net]\nname=a\n[host\n", "line 3: a section is written [name]"},
        {"[net]\nname=a\n[host] x=1\n", "line 3: a section is written [name]"},
        {"[net]\nname=abcdefghijklmnop\n", "line 2: name must have 1 to 15 bytes"},
        {"[net]\nname=\n", "line 2: name must have 1 to 15 bytes"},
        {"[net]\nname=a\n b\n", "line 3: a line may not begin with a blank"},
        {"[net]\nname=a\nwhat\n", "line 3: expected [section] or key = value"},
        {"[net]\nname=a\x01\n", "line 2: control character"},
        {"[net]\nname=a\n[host]\nkvm=true\n", "line 4: kvm must be yes or no"},
        {"[net]\nname=a\n[host]\ndir=var\n", "line 4: dir must be an absolute path"},
        {"[net]\nport=1\n", "[net] name must be set"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct settings s = {.port = 77};
        struct err e = {0};

        CU_ASSERT_EQUAL(parse(bad[i].text, &s, &e), -1);
        if (strstr(e.msg, bad[i].says) == NULL)
            fprintf(stderr, "row %zu: %s\n", i, e.msg);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, bad[i].says));
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        CU_ASSERT_EQUAL(s.port, 77);
    }
}

static void
refuses_a_line_that_would_be_cut(void)
{
    char text[600];
    struct settings s = {0};
    struct err e = {0};

    for (int n = CONF_MAX_LINE - 1; n <= CONF_MAX_LINE + 1; n++) {
        (void)snprintf(text, sizeof(text), "[net]\nname=a\n#%0*d\n[host]\nkvm=no\n", n - 1, 0);
        s.kvm = true;
        CU_ASSERT_EQUAL(parse(text, &s, &e), n <= CONF_MAX_LINE ? 0 : -1);
        CU_ASSERT_EQUAL(s.kvm, n > CONF_MAX_LINE);
    }
    CU_ASSERT_STRING_EQUAL(e.msg, "x.conf line 3: the line is too long");
    CU_ASSERT_EQUAL(conf_parse("x", "[net]\n\0", 7, rows, sizeof(s), &s, &e), -1);
}

static void
reads_its_own_sample(void)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(strbuf) struct strbuf live = {0};
    struct settings s = {0};
    struct err e = {0};

    conf_sample(rows, &b);
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&b), "# where to listen\n"));
    CU_ASSERT_EQUAL(parse(strbuf_peek(&b), &s, &e), -1); /* name is not set */
    for (const char *p = strbuf_peek(&b); *p != '\0'; p++) {
        if (p[0] == '#' && p[1] != ' ')
            continue;
        strbuf_addc(&live, *p);
        if (strncmp(p, "name =", 6) == 0) {
            strbuf_adds(&live, "ame = a");
            p += 5;
        }
    }
    CU_ASSERT_EQUAL(parse(strbuf_peek(&live), &s, &e), 0);
    CU_ASSERT_EQUAL(s.port, 8443);
}

static void
refuses_a_table_that_does_not_fit(void)
{
    static const struct conf_row bad[][2] = {
        {{"a", "b", CONF_INT, 0, 4, "1", 0, 9, "h"}},
        {{"a", "b", CONF_INT, 8, 8, "1", 0, 9, "h"}},
        {{"a", "b", CONF_INT, 0, 8, "10", 0, 9, "h"}},
        {{"a", "b", CONF_STR, 0, 8, "", 0, 8, "h"}},
        {{"a", "b", CONF_BOOL, 0, 1, "maybe", 0, 0, "h"}},
    };
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CU_ASSERT_EQUAL(conf_check(bad[i], 8, &e), -1);
}

static void
says_when_there_is_no_file(void)
{
    struct settings s;
    struct err e = {0};

    CU_ASSERT_EQUAL(conf_load("/nonexistent/x.conf", rows, sizeof(s), &s, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_EQUAL(conf_load("/dev/zero", rows, sizeof(s), &s, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
}

CU_TestInfo conf_tests[] = {
    {"reads values and fills in defaults", reads_values_and_fills_in_defaults},
    {"refuses what is not exactly right and names the line",
     refuses_what_is_not_exactly_right_and_names_the_line},
    {"refuses a line that would be cut", refuses_a_line_that_would_be_cut},
    {"reads its own sample", reads_its_own_sample},
    {"refuses a table that does not fit", refuses_a_table_that_does_not_fit},
    {"says when there is no file", says_when_there_is_no_file},
    CU_TEST_INFO_NULL,
};
