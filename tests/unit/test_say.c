#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/routes.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "policies/say.h"

static void
rows_are_sorted_and_whole(void)
{
    for (size_t i = 0; i < say_rows_count; i++) {
        const struct say_row *r = &say_rows[i];

        CU_ASSERT(r->en[0] != '\0' && r->zh[0] != '\0');
        if (i > 0 && strcmp(say_rows[i - 1].en, r->en) >= 0) {
            fprintf(stderr, "\npolicies/say_zh.def: out of order: %s\n", r->en);
            CU_FAIL("not sorted");
        }
        if (!say_fits(r)) {
            fprintf(stderr, "\npolicies/say_zh.def: other conversions: %s\n", r->en);
            CU_FAIL("conversions differ");
        }
    }
    CU_ASSERT_STRING_EQUAL(say(SAY_ZH, "idle"), "闲置");
    CU_ASSERT_STRING_EQUAL(say(SAY_EN, "idle"), "idle");
    CU_ASSERT_STRING_EQUAL(say(SAY_ZH, "not a text of ours"), "not a text of ours");
}

static void
conversions_that_differ_are_seen(void)
{
    static const struct {
        struct say_row r;
        bool fits;
    } rows[] = {
        {{"%s of %zu", "%s / %zu"}, true},
        {{"%s of %zu", "%zu / %s"}, false},
        {{"%s", "x"}, false},
        {{"x", "%s"}, false},
        {{"100 %% of %d", "%d %%"}, true},
        {{"%.3s", "%s"}, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(say_fits(&rows[i].r), rows[i].fits);
}

static void
languages_are_known_by_their_locale(void)
{
    static const struct {
        const char *locale;
        enum say_lang l;
    } rows[] = {{"zh_CN.UTF-8", SAY_ZH}, {"zh", SAY_ZH}, {"zh-Hans", SAY_ZH}, {"zh.UTF-8", SAY_ZH},
                {"en_US.UTF-8", SAY_EN}, {"C", SAY_EN},  {"", SAY_EN},        {NULL, SAY_EN},
                {"zha_CN", SAY_EN},      {"de", SAY_EN}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(say_lang_of(rows[i].locale), rows[i].l);
}

static void
has_row(const char *what, const char *english)
{
    if (say_has(english))
        return;
    fprintf(stderr, "\n%s has no Chinese; policies/say_zh.def wants: ZH(\"%s\", \"…\")\n", what,
            english);
    CU_FAIL("a text in one language only");
}

static void
every_command_and_option_has_its_chinese(void)
{
    for (const struct command *k = commands; k->noun != NULL; k++)
        has_row(k->noun, k->help);
    for (size_t i = 0; option_rows[i].name != NULL; i++)
        has_row(option_rows[i].name, option_rows[i].help);
}

/* What `show` prints of an object, down to the last field. */
static void
fields_have_rows(const char *object, const struct jm_field *f)
{
    for (; f != NULL && f->name != NULL; f++) {
        has_row(object, f->name);
        for (int i = 1; f->type == JM_ENUM && f->names[i] != NULL; i++)
            has_row(f->name, f->names[i]);
        fields_have_rows(f->name, f->sub);
    }
}

static void
every_heading_and_word_has_its_chinese(void)
{
    for (size_t i = 0; i < routes_count; i++)
        if ((routes[i].roles & ROUTE_AGENT) == 0)
            fields_have_rows(routes[i].name, routes[i].out);
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++)
        has_row("error.h", err_code_name((enum err_code)c));
}

CU_TestInfo say_tests[] = {
    {"rows are sorted and whole", rows_are_sorted_and_whole},
    {"conversions that differ are seen", conversions_that_differ_are_seen},
    {"languages are known by their locale", languages_are_known_by_their_locale},
    {"every command and option has its Chinese", every_command_and_option_has_its_chinese},
    {"every heading and word has its Chinese", every_heading_and_word_has_its_chinese},
    CU_TEST_INFO_NULL,
};
