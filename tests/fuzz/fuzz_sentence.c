/* A sentence that holds users' words, put into Chinese where it is read.  Properties: it ends
 * within what it was given, and before a character; English stays as it is; whole characters stay
 * whole; what is not recognised stays too; twice the same comes out the same. */
#include <stdbool.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/utf8.h"
#include "policies/sentence.h"
#include "tests/fuzz/fuzz.h"

enum { IN_MAX = 400, OUT_MAX = 4000 };

static bool
whole(const char *s)
{
    uint32_t cp;
    size_t n = 1, len = strlen(s);

    for (; len > 0 && n > 0; s += n, len -= n)
        n = utf8_next(s, len, &cp);
    return n > 0;
}

static size_t
put(enum say_lang l, const char *in, char *out, size_t cap)
{
    struct text t;

    memset(out, 0x7f, cap + 1);
    t = text_on(out, cap);
    sentence_add(l, in, &t);
    fuzz_must(t.len < cap && out[t.len] == '\0' && strlen(out) == t.len && out[cap] == 0x7f);
    return t.len;
}

/* A sentence of ours with somebody's name in it, joined to another. */
static int
unusual(const char *in, const char *out)
{
    return strstr(in, ": ") != NULL && strstr(out, "：") != NULL && strstr(out, "“") != NULL;
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    SCOPED(free) char *in = NULL, *out = NULL, *again = NULL;
    size_t cap, n;

    if (len < 2 || len > IN_MAX)
        return;
    cap = 1 + (size_t)bytes[0] * 8; /* short memory, too */
    len -= 1;
    in = malloc(len + 1);
    out = malloc(OUT_MAX + 1);
    again = malloc(OUT_MAX + 1);
    if (in == NULL || out == NULL || again == NULL)
        return;
    memcpy(in, bytes + 1, len);
    in[len] = '\0';
    n = put(SAY_ZH, in, out, OUT_MAX);
    fuzz_must(put(SAY_ZH, in, again, OUT_MAX) == n && strcmp(out, again) == 0);
    n = put(SAY_ZH, in, again, cap);
    if (!whole(in))
        return; /* what is half a character at the end may be taken off */
    fuzz_must(whole(out) && whole(again));
    fuzz_must(strncmp(out, again, n) == 0); /* less room: the same, cut */
    fuzz_planted(unusual(in, out));
    n = put(SAY_EN, in, again, OUT_MAX);
    fuzz_must(n == strlen(in) && strcmp(in, again) == 0);
}
