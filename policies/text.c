#include "policies/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct text
text_on(char *s, size_t cap)
{
    if (cap > 0)
        s[0] = '\0';
    return (struct text){.s = s, .cap = cap};
}

void
text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->len + 1 >= t->cap)
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->s + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->len = (size_t)n < t->cap - t->len ? t->len + (size_t)n : t->cap - 1;
}

void
text_add_percent(struct text *t, uint64_t hundredths)
{
    text_add(t, "%" PRIu64 ".%02" PRIu64 " %%", hundredths / 100, hundredths % 100);
}

void
text_add_span(struct text *t, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    int shown = 0;

    if (ms <= 0) {
        text_add(t, "0 s");
        return;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && shown < 2; i++) {
        int64_t n = ms / units[i].ms;

        if (n > 0)
            text_add(t, "%s%" PRId64 " %s", shown > 0 ? " " : "", n, units[i].name);
        shown += n > 0 || shown > 0 ? 1 : 0;
        ms %= units[i].ms;
    }
}
