#ifndef BY_DRIVERS_BASE_STRBUF_H
#define BY_DRIVERS_BASE_STRBUF_H
/* A growing, NUL-terminated byte string.  Running out of memory aborts: nothing here is worth
 * half an answer.  Threads: one owner. */
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *s; /* NULL when nothing was ever added */
    size_t len, cap;
};

void strbuf_clear(struct strbuf *b); /* free; NULL and empty are fine */
void strbuf_reset(struct strbuf *b); /* keep the memory, empty the text */
void strbuf_add(struct strbuf *b, const void *bytes, size_t len);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addu(struct strbuf *b, uint64_t v); /* in decimal */
void strbuf_addi(struct strbuf *b, int64_t v);
void strbuf_grow(struct strbuf *b, size_t more); /* for strbuf_reserve() */
/** Room for so many bytes more: where they go.  Then say how many were put there. */
static inline char *
strbuf_reserve(struct strbuf *b, size_t more)
{
    if (b->cap == 0 || more >= b->cap - b->len) /* one byte is for the end */
        strbuf_grow(b, more);
    return b->s + b->len;
}
static inline void
strbuf_wrote(struct strbuf *b, size_t n)
{
    b->len += n;
    b->s[b->len] = '\0';
}
static inline void
strbuf_addc(struct strbuf *b, char c)
{
    *strbuf_reserve(b, 1) = c;
    strbuf_wrote(b, 1);
}
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The text, never NULL; valid until the buffer changes. */
const char *strbuf_peek(const struct strbuf *b);
/** Move the text out (never NULL); the caller frees it, the buffer is empty again. */
char *strbuf_take(struct strbuf *b);

static inline void
strbuf_scope(struct strbuf *b)
{
    strbuf_clear(b);
}
#endif
