/* Every schema: the first line names the object, the rest is its JSON.  Properties: what decodes
 * encodes; that text decodes again, also in the stricter mode, and encodes to the same bytes; what
 * signed documents take, peers' take too. */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/wire.h"
#include "tests/fuzz/fuzz.h"

enum { OBJECT_MAX = 65536 };

static const struct w_object *
object_of(const uint8_t *name, size_t len)
{
    for (const struct w_object *o = w_objects; o->name != NULL; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static void
planted(const struct w_object *o, const void *in)
{
    if (strcmp(o->name, "order") == 0) {
        const struct w_order *n = in;

        fuzz_planted(n->vm.nics.n >= 3 && n->issued_at_ms > 99999 && n->vm.disks.n == 0);
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
    planted(o, out);
    round_trip(o, out);
}
