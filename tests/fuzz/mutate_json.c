/* A mutator that knows where the elements of JSON containers begin and end: it repeats, removes and
 * exchanges them, so that lists grow and fields move without breaking the text.  Every other time
 * libFuzzer's own mutations run.  For the targets of FUZZ_JSON_TARGETS. */
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { MUTATE_MAX_ELEMENTS = 512, MUTATE_MAX_DEPTH = 32 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* An item of a list, or a key with its value. */
struct element {
    size_t start, end;
    bool member;
};

struct elements {
    struct element of[MUTATE_MAX_ELEMENTS];
    size_t n;
};

static void
element_add(struct elements *s, size_t start, size_t end, bool member)
{
    if (end > start && s->n < MUTATE_MAX_ELEMENTS)
        s->of[s->n++] = (struct element){start, end, member};
}

static size_t
string_end(const uint8_t *t, size_t i, size_t len)
{
    for (i++; i < len && t[i] != '"'; i++)
        if (t[i] == '\\')
            i++;
    return i;
}

static void
elements_find(const uint8_t *t, size_t len, struct elements *s)
{
    size_t start[MUTATE_MAX_DEPTH];
    bool member[MUTATE_MAX_DEPTH];
    int depth = 0;

    s->n = 0;
    for (size_t i = 0; i < len; i++) {
        if (t[i] == '"') {
            i = string_end(t, i, len);
        } else if (t[i] == '{' || t[i] == '[') {
            if (depth == MUTATE_MAX_DEPTH)
                return;
            start[depth] = i + 1;
            member[depth++] = t[i] == '{';
        } else if (depth > 0 && (t[i] == '}' || t[i] == ']' || t[i] == ',')) {
            element_add(s, start[depth - 1], i, member[depth - 1]);
            start[depth - 1] = i + 1;
            if (t[i] != ',')
                depth--;
        }
    }
}

/* Put n bytes in place of [from, to); says the new size, or the old one when there is no room. */
static size_t
splice(uint8_t *t, size_t size, size_t max, size_t from, size_t to, const uint8_t *bytes, size_t n)
{
    if (size - (to - from) + n > max)
        return size;
    memmove(t + from + n, t + to, size - to);
    if (n > 0)
        memcpy(t + from, bytes, n);
    return size - (to - from) + n;
}

static size_t
element_remove(uint8_t *t, size_t size, const struct element *x)
{
    size_t from = x->start, to = x->end;

    if (to < size && t[to] == ',')
        to++;
    else if (from > 0 && t[from - 1] == ',')
        from--;
    return splice(t, size, size, from, to, NULL, 0);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static struct elements s; /* too large for a stack under sanitizers; one thread */
    const struct element *a, *b;
    uint8_t copy[4096];
    size_t n, times = 1;

    if (seed % 2 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    elements_find(data, size, &s);
    if (s.n == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    a = &s.of[seed / 8 % s.n];
    b = &s.of[seed / 4096 % s.n];
    if (seed / 2 % 4 == 0)
        return element_remove(data, size, a);
    if (seed / 2 % 4 == 1) { /* the same again beside itself, up to eight times */
        b = a;
        times = 1 + seed / 65536 % 8;
    }
    n = a->end - a->start;
    if (a->member != b->member || n + 1 > sizeof(copy))
        return LLVMFuzzerMutate(data, size, max_size);
    copy[0] = ',';
    memcpy(copy + 1, data + a->start, n);
    if (seed / 2 % 4 == 3)
        return splice(data, size, max_size, b->start, b->end, copy + 1, n);
    for (; times > 0; times--)
        size = splice(data, size, max_size, b->end, b->end, copy, n + 1);
    return size;
}
