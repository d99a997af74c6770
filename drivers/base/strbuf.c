#include "drivers/base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
strbuf_grow(struct strbuf *b, size_t more)
{
    size_t cap = b->cap != 0 ? b->cap * 2 : 128;

    if (more >= (size_t)-1 / 4 || b->len >= (size_t)-1 / 4)
        abort();
    if (cap < b->len + more + 1) /* who knows how much it will be need not have twice that */
        cap = b->len + more + 1;
    b->s = realloc(b->s, cap);
    if (b->s == NULL)
        abort();
    b->cap = cap;
}

void
strbuf_clear(struct strbuf *b)
{
    if (b == NULL)
        return;
    free(b->s);
    *b = (struct strbuf){0};
}

void
strbuf_reset(struct strbuf *b)
{
    b->len = 0;
    if (b->s != NULL)
        b->s[0] = '\0';
}

void
strbuf_add(struct strbuf *b, const void *bytes, size_t len)
{
    char *to = strbuf_reserve(b, len);

    if (len != 0)
        memcpy(to, bytes, len);
    strbuf_wrote(b, len);
}

void
strbuf_addu(struct strbuf *b, uint64_t v)
{
    char text[20];
    size_t i = sizeof(text);

    for (; v >= 10; v /= 100) { /* two digits at a time */
        unsigned two = (unsigned)(v % 100);

        text[--i] = (char)('0' + two % 10);
        text[--i] = (char)('0' + two / 10);
    }
    if (v > 0 || i == sizeof(text))
        text[--i] = (char)('0' + v);
    strbuf_add(b, text + i, sizeof(text) - i);
}

void
strbuf_addi(struct strbuf *b, int64_t v)
{
    if (v < 0)
        strbuf_addc(b, '-');
    strbuf_addu(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void
strbuf_adds(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void
strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    char *to = strbuf_reserve(b, 100);
    size_t room = b->cap - b->len;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(to, room, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    if ((size_t)n >= room) { /* again, in room enough */
        to = strbuf_reserve(b, (size_t)n);
        va_start(ap, fmt);
        (void)vsnprintf(to, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    b->len += (size_t)n;
}

const char *
strbuf_peek(const struct strbuf *b)
{
    return b->s != NULL ? b->s : "";
}

char *
strbuf_take(struct strbuf *b)
{
    char *s;

    (void)strbuf_reserve(b, 0);
    b->s[b->len] = '\0';
    s = b->s;
    *b = (struct strbuf){0};
    return s;
}
