#include "drivers/base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t cap, used;
    max_align_t data[];
};

void *
arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct arena_block *b = a->head;
    void *p;

    if (size > (size_t)1 << 40)
        abort();
    size = (size + align - 1) / align * align;
    if (b == NULL || b->cap - b->used < size) {
        size_t least = b == NULL ? 2400 : 4000; /* a poll that waits needs no second one */
        size_t cap = size > least ? size : least;

        b = calloc(1, sizeof(*b) + cap);
        if (b == NULL)
            abort();
        b->cap = cap;
        b->next = a->head;
        a->head = b;
    }
    p = (char *)b->data + b->used;
    b->used += size;
    a->used += size;
    return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *p = arena_alloc(a, len + 1);

    memcpy(p, s, len);
    return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    char first[200], *p;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(first, sizeof(first), fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    if ((size_t)n < sizeof(first))
        return arena_strndup(a, first, (size_t)n);
    p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void
arena_clear(struct arena *a)
{
    if (a == NULL)
        return;
    while (a->head != NULL) {
        struct arena_block *next = a->head->next;

        free(a->head);
        a->head = next;
    }
    a->used = 0;
}
