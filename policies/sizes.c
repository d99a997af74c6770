#include "policies/sizes.h"

#include <string.h>

void
sizes_add_older(struct sizes *s, int64_t from_ms, uint64_t size)
{
    if (s->n > 0 && s->v[0].size == size) {
        s->v[0].from_ms = from_ms;
        return;
    }
    if (s->n == SIZES_MAX) {
        s->v[0].from_ms = from_ms;
        s->v[0].size = size > s->v[0].size ? size : s->v[0].size;
        return;
    }
    memmove(&s->v[1], &s->v[0], s->n * sizeof(s->v[0]));
    s->v[0] = (struct size_step){.from_ms = from_ms, .size = size};
    s->n++;
}

uint64_t
sizes_largest(const struct sizes *s, int64_t from_ms, int64_t to_ms)
{
    uint64_t largest = 0;

    /* A step may hold from the readback of the one before it to that of the one after it. */
    for (size_t i = 0; i < s->n; i++)
        if ((i == 0 || s->v[i - 1].from_ms < to_ms) &&
            (i + 1 == s->n || s->v[i + 1].from_ms > from_ms) && s->v[i].size > largest)
            largest = s->v[i].size;
    return largest;
}

uint32_t
sizes_changes(const struct sizes *s, int64_t from_ms)
{
    uint32_t n = 0;

    for (size_t i = 1; i < s->n; i++)
        n += s->v[i].from_ms > from_ms && s->v[i].size != s->v[i - 1].size;
    return n;
}
