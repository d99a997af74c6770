#ifndef BY_DRIVERS_BASE_ARENA_H
#define BY_DRIVERS_BASE_ARENA_H
/* Memory of one lifetime (a request, a poll): many small pieces, one free.  Running out of memory
 * aborts.  Threads: one owner at a time. */
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out, for limits and tests */
};

/** Zeroed, aligned for any type; lives until arena_clear(). */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_clear(struct arena *a); /* NULL and empty are fine */

static inline void
arena_scope(struct arena *a)
{
    arena_clear(a);
}
#endif
