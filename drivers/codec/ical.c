#include "drivers/codec/ical.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/base/scope.h"

enum { LINE_OCTETS = 75 };

/* A continuation line begins with a blank, which counts. */
static void
put_folded(struct strbuf *out, const char *s, size_t len)
{
    size_t room = LINE_OCTETS;

    while (len > room) {
        size_t n = room;

        while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80) /* not inside a character */
            n--;
        if (n == 0)
            n = room;
        strbuf_add(out, s, n);
        strbuf_adds(out, "\r\n ");
        s += n;
        len -= n;
        room = LINE_OCTETS - 1;
    }
    strbuf_add(out, s, len);
    strbuf_adds(out, "\r\n");
}

void
ical_line(struct strbuf *b, const char *name, const char *value)
{
    SCOPED(strbuf) struct strbuf line = {0};

    strbuf_adds(&line, name);
    strbuf_addc(&line, ':');
    strbuf_adds(&line, value);
    put_folded(b, strbuf_peek(&line), line.len);
}

void
ical_text(struct strbuf *b, const char *name, const char *value)
{
    SCOPED(strbuf) struct strbuf text = {0};

    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\n') {
            strbuf_adds(&text, "\\n");
        } else if ((unsigned char)*p >= 0x20 && *p != 0x7f) {
            if (*p == '\\' || *p == ';' || *p == ',')
                strbuf_addc(&text, '\\');
            strbuf_addc(&text, *p);
        }
    }
    ical_line(b, name, strbuf_peek(&text));
}

void
ical_instant(struct strbuf *b, const char *name, int64_t utc_ms)
{
    char text[40];
    time_t s = (time_t)(utc_ms / 1000);
    struct tm tm;

    (void)gmtime_r(&s, &tm);
    (void)strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
    ical_line(b, name, text);
}
