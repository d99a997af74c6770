/* iCalendar lines: what a reader that unfolds and unescapes gets back is what was said. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/ical.h"

/* RFC 5545, 3.1: lines of at most 75 octets; -1 when they are not. */
static int
unfold(const char *s, char *out, size_t size)
{
    size_t n = 0, line = 0;

    for (; *s != '\0' && n + 1 < size; s++) {
        if (s[0] == '\r' && s[1] == '\n') {
            if (line > 75)
                return -1;
            line = 0;
            s++;
            if (s[1] != ' ')
                break;
        } else {
            if ((unsigned char)*s < 0x20)
                return -1;
            if (line++ > 0 || n == 0) /* not the blank that a continuation begins with */
                out[n++] = *s;
        }
    }
    out[n] = '\0';
    return 0;
}

/* And 3.3.11, in place. */
static int
unescape(char *s)
{
    char *out = s;

    for (; *s != '\0'; s++) {
        if (*s == '\\') {
            s++;
            if (*s == '\0' || strchr("\\;,n", *s) == NULL)
                return -1;
            *out++ = *s == 'n' ? '\n' : *s;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
    return 0;
}

static int
read_back(const char *s, char *out, size_t size)
{
    return unfold(s, out, size) < 0 ? -1 : unescape(out);
}

static void
comes_back_as_it_was_said(void)
{
    static const char *const rows[] = {
        "",
        "plain",
        "a;b,c\\d",
        "two\nlines",
        "BEGIN:VEVENT\nEND:VCALENDAR",
        "资源配置 汴政云批〔2026〕1号（逾期），资源配置 汴政云批〔2026〕1号（逾期），资源配置 "
        "汴政云批",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"
        "\\\\\\\\\\",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(strbuf) struct strbuf b = {0};
        char back[600];

        ical_text(&b, "X", rows[i]);
        CU_ASSERT_EQUAL(read_back(strbuf_peek(&b), back, sizeof(back)), 0);
        CU_ASSERT_EQUAL(strncmp(back, "X:", 2), 0);
        CU_ASSERT_STRING_EQUAL(back + 2, rows[i]);
        CU_ASSERT(b.len >= 2 && strcmp(strbuf_peek(&b) + b.len - 2, "\r\n") == 0);
    }
}

/* Whatever the length before it, a character of several bytes is never cut by a fold. */
static void
folds_between_characters_at_every_length(void)
{
    for (size_t pad = 0; pad < 160; pad++) {
        SCOPED(strbuf) struct strbuf b = {0}, text = {0};
        char back[1200];

        for (size_t i = 0; i < pad; i++)
            strbuf_addc(&text, 'x');
        for (int i = 0; i < 60; i++)
            strbuf_adds(&text, i % 2 == 0 ? "办" : "𠀀");
        ical_text(&b, "SUMMARY", strbuf_peek(&text));
        CU_ASSERT_EQUAL(read_back(strbuf_peek(&b), back, sizeof(back)), 0);
        CU_ASSERT_STRING_EQUAL(back + 8, strbuf_peek(&text));
        for (const char *p = strbuf_peek(&b); *p != '\0'; p++)
            if (p[0] == ' ' && p > strbuf_peek(&b) && p[-1] == '\n')
                CU_ASSERT(((unsigned char)p[1] & 0xc0) != 0x80);
    }
}

static void
drops_what_no_line_may_hold(void)
{
    SCOPED(strbuf) struct strbuf b = {0};

    ical_text(&b, "X",
              "a\rb\x01"
              "c\x7f");
    ical_instant(&b, "DTSTAMP", 0);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&b), "X:abc\r\nDTSTAMP:19700101T000000Z\r\n");
}

CU_TestInfo ical_tests[] = {
    {"comes back as it was said", comes_back_as_it_was_said},
    {"folds between characters at every length", folds_between_characters_at_every_length},
    {"drops what no line may hold", drops_what_no_line_may_hold},
    CU_TEST_INFO_NULL,
};
