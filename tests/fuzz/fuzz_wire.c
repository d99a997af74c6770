/* Every schema: the first line names the object, the rest is its JSON.  Properties: what decodes
 * encodes; that text decodes again, also in the stricter mode, and encodes to the same bytes; what
 * signed documents take, peers' take too. */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/wire.h"
#include "tests/fuzz/fuzz.h"

/* What libFuzzer counts as new beside code coverage.  The decoder's code is the same for every row,
 * so without this it would not notice that it reached another field, or a longer list. */
enum { FEATURES = 1 << 15, FEATURE_DEPTH = 4 };
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t features[FEATURES];

static const struct w_object *
object_of(const uint8_t *name, size_t len)
{
    for (const struct w_object *o = w_objects; o->name != NULL; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static uint64_t
size_of_value(const struct jm_field *f, const void *at)
{
    uint64_t v = 0;

    switch (f->type) {
    case JM_STR:
        return strlen(at);
    case JM_TEXT:
        return *(const char *const *)at != NULL ? 1 + strlen(*(const char *const *)at) : 0;
    case JM_U32:
        v = *(const uint32_t *)at;
        break;
    case JM_U64:
    case JM_I64:
        v = *(const uint64_t *)at;
        break;
    case JM_BOOL:
        return *(const bool *)at;
    case JM_ENUM:
        return (uint64_t) * (const int *)at;
    case JM_LIST:
        return ((const struct jm_list *)at)->n;
    case JM_OBJ:
        return 1;
    }
    return v == 0 ? 0 : 64 - (uint64_t)__builtin_clzll(v);
}

static void
note_features(const struct jm_field *rows, const char *in, unsigned where, int depth)
{
    for (const struct jm_field *f = rows; f->name != NULL; f++) {
        unsigned slot = (where * 67 + (unsigned)(f - rows) + 1) % FEATURES;
        const void *at = in + f->off;
        uint64_t size = size_of_value(f, at);

        features[slot] = (uint8_t)(size < 255 ? size : 255);
        if (depth > 0 && f->type == JM_OBJ)
            note_features(f->sub, at, slot, depth - 1);
        if (depth > 0 && f->type == JM_LIST && size > 0)
            note_features(f->sub, ((const struct jm_list *)at)->items, slot, depth - 1);
    }
}

/* A list of eight items or more whose first and last differ. */
static void
planted(const struct w_object *o, const void *in)
{
    for (const struct jm_field *f = o->schema; f->name != NULL; f++)
        if (f->type == JM_LIST) {
            const struct jm_list *l = (const void *)((const char *)in + f->off);
            const char *items = l->items;

            fuzz_planted(l->n >= 8 &&
                         memcmp(items, items + (l->n - 1) * f->sub_size, f->sub_size) != 0);
        }
}

static void
round_trip(const struct w_object *o, const void *in)
{
    SCOPED(strbuf) struct strbuf one = {0};
    SCOPED(strbuf) struct strbuf two = {0};
    SCOPED(arena) struct arena a = {0};
    void *back = arena_alloc(&a, o->size);
    struct err e;

    jm_encode(o->schema, in, &one);
    fuzz_must(jm_decode(one.s, one.len, o->schema, o->size, JM_SIGNED, &a, back, &e) == 0);
    jm_encode(o->schema, back, &two);
    fuzz_must(one.len == two.len && memcmp(one.s, two.s, one.len) == 0);
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    const uint8_t *line = memchr(bytes, '\n', len);
    SCOPED(arena) struct arena a = {0};
    const struct w_object *o;
    int as_people, as_signed, as_peer;
    const char *text;
    struct err e;
    size_t n;
    void *out;

    o = line != NULL ? object_of(bytes, (size_t)(line - bytes)) : NULL;
    if (o == NULL)
        return;
    text = (const char *)line + 1;
    n = len - (size_t)(line + 1 - bytes);
    out = arena_alloc(&a, o->size);
    as_people = jm_decode(text, n, o->schema, o->size, JM_PEOPLE, &a, out, &e);
    as_signed = jm_decode(text, n, o->schema, o->size, JM_SIGNED, &a, out, &e);
    as_peer = jm_decode(text, n, o->schema, o->size, JM_PEER, &a, out, &e);
    fuzz_must(as_people < 0 || as_signed == 0);
    fuzz_must(as_signed < 0 || as_peer == 0);
    if (as_peer < 0) {
        fuzz_must(e.msg[0] != '\0' && strlen(e.field) < sizeof(e.field));
        return;
    }
    note_features(o->schema, out, (unsigned)(o - w_objects), FEATURE_DEPTH);
    planted(o, out);
    round_trip(o, out);
}
