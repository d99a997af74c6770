#include "agent/track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/sorted.h"
#include "drivers/crypto/digest.h"
#include "policies/retry.h"

static const struct retry_rule track_retry = {.base_ms = 500, .cap_ms = 300000};

static const char *
track_key(const void *table, size_t i)
{
    return ((const struct tracks *)table)->v[i]->id;
}

static size_t
track_index(const struct tracks *t, const char *id, bool *found)
{
    return sorted_index(t, t->n, track_key, id, found);
}

struct track *
track_find(const struct tracks *t, const char *id)
{
    bool found;
    size_t i = track_index(t, id, &found);

    return found ? t->v[i] : NULL;
}

struct track *
track_get(struct tracks *t, const char *id)
{
    bool found;
    size_t i = track_index(t, id, &found);
    struct track *k;

    if (found)
        return t->v[i];
    if (t->n == t->cap) {
        struct track **v;

        t->cap = t->cap == 0 ? 64 : t->cap * 2;
        v = realloc(t->v, t->cap * sizeof(struct track *));
        if (v == NULL)
            abort();
        t->v = v;
    }
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        abort(); /* forgetting what runs would start it twice */
    (void)snprintf(k->id, sizeof(k->id), "%s", id);
    memmove(&t->v[i + 1], &t->v[i], (t->n - i) * sizeof(struct track *));
    t->v[i] = k;
    t->n++;
    return k;
}

void
tracks_clear(struct tracks *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->v[i]);
    free(t->v);
    memset(t, 0, sizeof(*t));
}

void
track_failed(struct track *t, const struct err *e, int64_t now_mono_ms)
{
    uint64_t seed = 0;

    random_bytes(&seed, sizeof(seed));
    t->failed = *e;
    t->asks = false;
    t->attempts++;
    t->retry_mono_ms =
        retry_next(&track_retry, t->attempts, err_retryable(e->code), now_mono_ms, seed).next_ms;
}

void
track_done(struct track *t)
{
    err_clear(&t->failed);
    t->attempts = 0;
    t->asks = false;
    t->retry_mono_ms = 0;
}
