#include "policies/sentence.h"

#include <string.h>

enum { ARGS_MAX = 12, AHEAD = 8, PARTS_MAX = 64, DEPTH_MAX = 5 };

struct span {
    const char *s;
    size_t len;
};

struct found {
    const struct say_row *row; /* NULL: nothing */
    size_t score;              /* bytes that the format itself says */
    size_t n;
    struct span args[ARGS_MAX];
};

static bool
starts(struct span s, const char *with)
{
    size_t n = strlen(with);

    return s.len >= n && memcmp(s.s, with, n) == 0;
}

/* Where lit is in s; NULL: nowhere. */
static const char *
find(struct span s, struct span lit)
{
    if (lit.len == 0)
        return s.s;
    for (const char *last = s.s + s.len; (size_t)(last - s.s) >= lit.len; s.s++)
        if (*s.s == *lit.s && memcmp(s.s, lit.s, lit.len) == 0)
            return s.s;
    return NULL;
}

static bool
is_digit(char kind, char c)
{
    return (c >= '0' && c <= '9') || (kind == 'x' && c >= 'a' && c <= 'f') ||
           (kind == 'X' && c >= 'A' && c <= 'F');
}

/* What a conversion that is no text takes from the start of s; 0: it is none. */
static size_t
number(char kind, struct span s)
{
    size_t n = (kind == 'd' || kind == 'i') && starts(s, "-") ? 1 : 0, from = n;

    while (n < s.len && is_digit(kind, s.s[n]))
        n++;
    return n > from ? n : 0;
}

/* Take the format's literal text out of *rest; an open argument before it ends there.  The last
 * literal stands at the very end. */
static bool
take_literal(struct found *f, bool *open, const struct say_part *p, struct span *rest)
{
    struct span lit = {p->before, p->before_len};
    const char *at = rest->s;

    if (*open && p->kind == '\0')
        at = rest->len >= lit.len ? rest->s + rest->len - lit.len : NULL;
    else if (*open)
        at = find(*rest, lit);
    if (at == NULL || (size_t)(rest->s + rest->len - at) < lit.len ||
        memcmp(at, lit.s, lit.len) != 0)
        return false;
    if (*open)
        f->args[f->n - 1] = (struct span){rest->s, (size_t)(at - rest->s)};
    *open = false;
    f->score += lit.len;
    rest->len -= (size_t)(at - rest->s) + lit.len;
    rest->s = at + lit.len;
    return true;
}

/* As far as the format's first conversion?  Sorts nearly all out. */
static bool
begins(const char *format, struct span text)
{
    size_t i = 0;

    while (format[i] != '%' && format[i] != '\0' && i < text.len && format[i] == text.s[i])
        i++;
    return format[i] == '%' || (format[i] == '\0' && i == text.len);
}

/* Might it have been made with this format?  From the left, each argument as short as it can be. */
static bool
fits(const struct say_row *row, struct span text, struct found *f)
{
    const char *fmt = row->en;
    struct say_part p;
    bool open = false;

    f->row = row;
    f->score = f->n = 0;
    do {
        size_t n;

        fmt = say_part(fmt, &p);
        if (!take_literal(f, &open, &p, &text))
            return false;
        if (p.kind == '\0')
            return text.len == 0;
        if (p.kind == '%') {
            if (!starts(text, "%"))
                return false;
            n = 1;
        } else if (f->n == ARGS_MAX) {
            return false;
        } else if (p.kind == 's' || p.kind == 'c') {
            open = true;
            f->n++;
            continue;
        } else {
            n = number(p.kind, text);
            if (n == 0)
                return false;
            f->args[f->n++] = (struct span){text.s, n};
        }
        text.s += n;
        text.len -= n;
    } while (true);
}

/* The first row, in their order, that does not begin before this byte. */
static size_t
rows_from(unsigned byte)
{
    size_t lo = 0, hi = say_rows_count;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if ((unsigned char)say_rows[mid].en[0] < byte)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void
recognise_among(unsigned byte, struct span text, struct found *best)
{
    struct found f;

    for (size_t i = rows_from(byte), end = rows_from(byte + 1); i < end; i++)
        if (begins(say_rows[i].en, text) && fits(&say_rows[i], text, &f) && f.score > best->score)
            *best = f;
}

/* The row that says most of it. */
static void
recognise(struct span text, struct found *best)
{
    *best = (struct found){0};
    if (text.len == 0)
        return;
    recognise_among((unsigned char)text.s[0], text, best);
    recognise_among('%', text, best);
}

static void say_span(struct span text, int depth, struct text *out);

/* What stands between “ and ”, or behind "--", is a name or a command as it was typed. */
static bool
quoted_after(struct span lit, bool before)
{
    for (size_t i = 0; i + 3 <= lit.len; i++)
        if (memcmp(lit.s + i, "“", 3) == 0)
            before = true;
        else if (memcmp(lit.s + i, "”", 3) == 0)
            before = false;
    return before;
}

static bool
ends(struct span s, const char *with)
{
    size_t n = strlen(with);

    return s.len >= n && memcmp(s.s + s.len - n, with, n) == 0;
}

static void
render(const struct found *f, int depth, struct text *out)
{
    const char *zh = f->row->zh;
    struct say_part p;
    bool quoted = false;
    size_t next = 0;

    do {
        zh = say_part(zh, &p);
        text_add(out, "%.*s", (int)p.before_len, p.before);
        if (p.kind == '%') {
            text_add(out, "%%");
        } else if (p.kind != '\0') {
            size_t i = p.arg > 0 ? p.arg - 1 : next++;
            struct span a = i < f->n ? f->args[i] : (struct span){"", 0};
            struct span before = {p.before, p.before_len};

            quoted = quoted_after(before, quoted);
            if (quoted || ends(before, "--") || p.kind != 's' || depth == DEPTH_MAX)
                text_add(out, "%.*s", (int)a.len, a.s);
            else
                say_span(a, depth + 1, out);
        }
    } while (p.kind != '\0');
}

/* Where the part after the next ": " or "; " begins, or the end. */
static size_t
next_part(struct span t, size_t from)
{
    for (; from + 2 <= t.len; from++)
        if ((t.s[from] == ':' || t.s[from] == ';') && t.s[from + 1] == ' ')
            return from + 2;
    return t.len;
}

/* From *at on, the parts that one row says most of, in *best; *at goes behind them. */
static void
longest(struct span t, size_t *at, struct found *best)
{
    size_t from = *at, end = from, first = next_part(t, from);

    *best = (struct found){0};
    for (int k = 0; k < AHEAD && end < t.len; k++) {
        struct found f;

        end = next_part(t, end);
        recognise((struct span){t.s + from, end - from - (end < t.len ? 2 : 0)}, &f);
        if (f.score > best->score) {
            *best = f;
            *at = end;
        }
    }
    if (best->row == NULL)
        *at = first;
}

static void
say_span(struct span t, int depth, struct text *out)
{
    size_t parts = 0;
    bool was = true;

    for (size_t at = 0; at < t.len;) {
        struct found f = {0};
        size_t from = at;
        bool known;

        if (parts++ < PARTS_MAX)
            longest(t, &at, &f);
        else
            at = t.len; /* no sentence of ours has so many */
        known = f.row != NULL;
        if (from > 0) /* the join belongs to what is in Chinese beside it */
            text_add(out, "%s",
                     !known && !was         ? (t.s[from - 2] == ':' ? ": " : "; ")
                     : t.s[from - 2] == ':' ? "："
                                            : "；");
        if (known)
            render(&f, depth, out);
        else
            text_add(out, "%.*s", (int)(at - from - (at < t.len ? 2 : 0)), t.s + from);
        was = known;
    }
}

/* Take off what is left of a character that was cut. */
static void
whole_characters(struct text *t)
{
    size_t n = t->len;
    unsigned char lead;

    while (n > 0 && ((unsigned char)t->s[n - 1] & 0xc0) == 0x80)
        n--;
    if (n == 0)
        return;
    lead = (unsigned char)t->s[n - 1];
    if (t->len - n + 1 < (lead >= 0xf0 ? 4U : lead >= 0xe0 ? 3U : lead >= 0xc0 ? 2U : 1U))
        t->s[t->len = n - 1] = '\0';
}

void
sentence_add(enum say_lang l, const char *english, struct text *out)
{
    if (l == SAY_EN)
        text_add(out, "%s", english);
    else
        say_span((struct span){english, strlen(english)}, 0, out);
    whole_characters(out);
}

/* q of a language in thousandths: "zh-CN;q=0.8" has 800. */
static int
quality(struct span range)
{
    int q = 0, unit = 1000;

    while (range.len > 0 && range.s[0] != ';') {
        range.s++;
        range.len--;
    }
    while (range.len > 0 && (range.s[0] == ';' || range.s[0] == ' ')) {
        range.s++;
        range.len--;
    }
    if (!starts(range, "q="))
        return 1000;
    for (size_t i = 2; i < range.len && unit > 0; i++) {
        if (range.s[i] == '.')
            continue;
        if (!is_digit('d', range.s[i]))
            break;
        q += (range.s[i] - '0') * unit;
        unit /= 10;
    }
    return q;
}

enum say_lang
sentence_lang(const char *accept)
{
    int best[] = {[SAY_EN] = 0, [SAY_ZH] = 0};

    while (accept != NULL && accept[0] != '\0') {
        const char *end = strchr(accept, ',');
        struct span range = {accept, end == NULL ? strlen(accept) : (size_t)(end - accept)};
        int q = quality(range);

        while (starts(range, " ")) {
            range.s++;
            range.len--;
        }
        if (starts(range, "zh") && q > best[SAY_ZH])
            best[SAY_ZH] = q;
        if (starts(range, "en") && q > best[SAY_EN])
            best[SAY_EN] = q;
        accept = end == NULL ? NULL : end + 1;
    }
    return best[SAY_ZH] > best[SAY_EN] ? SAY_ZH : SAY_EN;
}
