#include "policies/say.h"

#include <string.h>

const struct say_row say_rows[] = {
#define ZH(en, zh) {en, zh},
#include "policies/say_zh.def"
#undef ZH
};
const size_t say_rows_count = sizeof(say_rows) / sizeof(say_rows[0]);

static const struct say_row *
say_find(const char *english)
{
    size_t lo = 0, hi = say_rows_count;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strcmp(english, say_rows[mid].en);

        if (c == 0)
            return &say_rows[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const char *
say(enum say_lang l, const char *english)
{
    const struct say_row *r = l == SAY_ZH ? say_find(english) : NULL;

    return r == NULL ? english : r->zh;
}

bool
say_has(const char *english)
{
    return say_find(english) != NULL;
}

enum say_lang
say_lang_of(const char *locale)
{
    bool zh = locale != NULL && strncmp(locale, "zh", 2) == 0 &&
              (locale[2] == '\0' || strchr("_-.@", locale[2]) != NULL);

    return zh ? SAY_ZH : SAY_EN;
}

/* To the next conversion: its end, and its length in *len; NULL when there is none. */
static const char *
conversion(const char *s, size_t *len)
{
    for (; *s != '\0'; s++) {
        size_t n = 1;

        if (*s != '%')
            continue;
        while (s[n] != '\0' && strchr("diouxXcsp%", s[n]) == NULL)
            n++;
        *len = n + 1;
        if (s[n] == '\0' || s[n] == '%') {
            s += s[n] == '%' ? n : 0;
            continue; /* a percent sign */
        }
        return s;
    }
    return NULL;
}

bool
say_fits(const struct say_row *r)
{
    const char *a = r->en, *b = r->zh;

    for (;;) {
        size_t n = 0, m = 0;

        a = conversion(a, &n);
        b = conversion(b, &m);
        if (a == NULL || b == NULL)
            return a == NULL && b == NULL;
        if (n != m || strncmp(a, b, n) != 0)
            return false;
        a += n;
        b += m;
    }
}
