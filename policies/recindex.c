#include "policies/recindex.h"

#include <string.h>

struct ids {
    const char *const *v;
    size_t n;
};

static size_t
list_len(const struct rec_world *w, enum rec_named what)
{
    switch (what) {
    case REC_WANT:
    case REC_VOL_WANT:
    case REC_NET_WANT:
        return w->n_wants;
    case REC_DOM:
    case REC_VOL_DOM:
    case REC_NET_DOM:
        return w->n_doms;
    case REC_VOL:
        return w->n_vols;
    case REC_NET:
        return w->n_nets;
    case REC_NAMED__MAX:
        break;
    }
    return 0;
}

/* The ids under which this place of its list is found. */
static struct ids
ids_of(const struct rec_world *w, enum rec_named what, size_t at)
{
    switch (what) {
    case REC_WANT:
        return (struct ids){&w->wants[at].id, 1};
    case REC_DOM:
        return (struct ids){&w->doms[at].id, 1};
    case REC_VOL:
        return (struct ids){&w->vols[at].id, 1};
    case REC_NET:
        return (struct ids){&w->nets[at].id, 1};
    case REC_VOL_DOM:
        return (struct ids){w->doms[at].volumes, w->doms[at].n_volumes};
    case REC_NET_DOM:
        return (struct ids){w->doms[at].networks, w->doms[at].n_networks};
    case REC_VOL_WANT:
        return (struct ids){w->wants[at].volumes, w->wants[at].n_volumes};
    case REC_NET_WANT:
        return (struct ids){w->wants[at].networks, w->wants[at].n_networks};
    case REC_NAMED__MAX:
        break;
    }
    return (struct ids){NULL, 0};
}

/* FNV-1a. */
static uint32_t
bucket_of(const struct rec_index *x, enum rec_named what, const char *id)
{
    uint32_t h = 2166136261u ^ (uint32_t)what;

    for (; *id != '\0'; id++)
        h = (h ^ (unsigned char)*id) * 16777619u;
    return (h ^ h >> 15) & (x->n_buckets - 1);
}

void
recindex_count(const struct rec_world *w, struct rec_index *out)
{
    *out = (struct rec_index){.n_buckets = 16};
    for (int what = 0; what < REC_NAMED__MAX; what++)
        for (size_t i = 0; i < list_len(w, (enum rec_named)what); i++)
            out->n_entries += (uint32_t)ids_of(w, (enum rec_named)what, i).n;
    while (out->n_buckets < out->n_entries)
        out->n_buckets *= 2;
}

/* From behind, so that each bucket has them in the order of their list. */
void
recindex_fill(struct rec_index *x, struct rec_world *w)
{
    uint32_t used = 0;

    memset(x->buckets, 0, x->n_buckets * sizeof(*x->buckets));
    for (int k = 0; k < REC_NAMED__MAX; k++) {
        enum rec_named what = (enum rec_named)k;

        for (size_t i = list_len(w, what); i-- > 0;) {
            struct ids ids = ids_of(w, what, i);

            for (size_t j = 0; j < ids.n; j++) {
                uint32_t *bucket;

                if (ids.v[j] == NULL)
                    continue;
                bucket = &x->buckets[bucket_of(x, what, ids.v[j])];
                x->entries[used] = (struct rec_entry){ids.v[j], (uint32_t)i, *bucket, what};
                *bucket = ++used;
            }
        }
    }
    w->index = x;
}

struct rec_find
recindex_find(const struct rec_world *w, enum rec_named what, const char *id)
{
    struct rec_find f = {.w = w, .what = what, .id = id};

    if (w->index != NULL && id != NULL)
        f.next = w->index->buckets[bucket_of(w->index, what, id)];
    return f;
}

static bool
next_indexed(struct rec_find *f, size_t *at)
{
    while (f->next != 0) {
        const struct rec_entry *e = &f->w->index->entries[f->next - 1];

        f->next = e->next;
        if (e->what == f->what && strcmp(e->id, f->id) == 0) {
            *at = e->at;
            return true;
        }
    }
    return false;
}

bool
recindex_next(struct rec_find *f, size_t *at)
{
    if (f->id == NULL)
        return false;
    if (f->w->index != NULL)
        return next_indexed(f, at);
    for (size_t i = f->next; i < list_len(f->w, f->what); i++) {
        struct ids ids = ids_of(f->w, f->what, i);

        for (size_t j = 0; j < ids.n; j++) {
            if (ids.v[j] == NULL || strcmp(ids.v[j], f->id) != 0)
                continue;
            *at = i;
            f->next = (uint32_t)i + 1;
            return true;
        }
    }
    return false;
}
