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

const char *
say_part(const char *format, struct say_part *out)
{
    const char *s = format, *number;
    unsigned arg = 0;

    while (*s != '\0' && *s != '%')
        s++;
    *out = (struct say_part){.before = format, .before_len = (size_t)(s - format)};
    if (*s == '\0')
        return s;
    for (number = ++s; *number >= '0' && *number <= '9'; number++)
        arg = arg * 10 + (unsigned)(*number - '0');
    if (arg > 0 && *number == '$') {
        out->arg = arg;
        s = number + 1;
    }
    out->spec = s;
    while (*s != '\0' && strchr("diouxXcsp%", *s) == NULL)
        s++;
    out->kind = *s;
    if (*s != '\0')
        s++;
    out->spec_len = (size_t)(s - out->spec);
    return s;
}

enum { ARGS_MAX = 12 };

/* The conversions by argument; how many, or -1: too many, or not all of one way. */
static int
arguments(const char *format, struct say_part args[ARGS_MAX])
{
    struct say_part p;
    int n = 0, numbered = 0;

    memset(args, 0, ARGS_MAX * sizeof(*args));
    for (format = say_part(format, &p); p.kind != '\0'; format = say_part(format, &p)) {
        unsigned at = p.arg > 0 ? p.arg - 1 : (unsigned)n;

        if (p.kind == '%')
            continue;
        if (at >= ARGS_MAX || args[at].kind != '\0')
            return -1;
        args[at] = p;
        n++;
        numbered += p.arg > 0 ? 1 : 0;
    }
    return numbered == 0 || numbered == n ? n : -1;
}

bool
say_fits(const struct say_row *r)
{
    struct say_part en[ARGS_MAX], zh[ARGS_MAX];
    int n = arguments(r->en, en);

    if (n < 0 || arguments(r->zh, zh) != n)
        return false;
    for (int i = 0; i < n; i++)
        if (en[i].arg != 0 || en[i].spec_len != zh[i].spec_len ||
            strncmp(en[i].spec, zh[i].spec, en[i].spec_len) != 0)
            return false;
    return true;
}
