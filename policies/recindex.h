#ifndef BY_POLICIES_RECINDEX_H
#define BY_POLICIES_RECINDEX_H
/* What belongs to an id, for reconcile(): its order, its object, who uses it.  Pure.
 * Without an index the lists are looked through, which is good for a few; a host has hundreds of
 * each, and every order asks a dozen times.  The answers are the same, in the order of the lists.
 * Memory: the caller's; ids are the world's and live as long. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies/model.h"

enum rec_named {
    REC_WANT, /* orders of this resource */
    REC_DOM,  /* the domain, volume and network of this id */
    REC_VOL,
    REC_NET,
    REC_VOL_DOM,  /* domains that name this volume */
    REC_NET_DOM,  /* domains that name this network */
    REC_VOL_WANT, /* orders that name this data volume */
    REC_NET_WANT, /* orders that name this network */
    REC_NAMED__MAX
};

struct rec_entry {
    const char *id;
    uint32_t at;   /* place in its list */
    uint32_t next; /* entry + 1 of the same bucket, later in its list; 0: none */
    enum rec_named what;
};

struct rec_index {
    struct rec_entry *entries;
    uint32_t *buckets;             /* entry + 1 */
    uint32_t n_entries, n_buckets; /* n_buckets: a power of two */
};

/** Entries and buckets that the index of this world needs. */
void recindex_count(const struct rec_world *w, struct rec_index *out);
/** Fill an index of counted size, whose arrays the caller has set; the world has it then. */
void recindex_fill(struct rec_index *x, struct rec_world *w);

struct rec_find {
    const struct rec_world *w;
    enum rec_named what;
    const char *id;
    uint32_t next; /* entry + 1, or place where there is no index */
};
/** All places where `what` is of this id; NULL is nobody's. */
struct rec_find recindex_find(const struct rec_world *w, enum rec_named what, const char *id);
/** The next of them; false: there is none. */
bool recindex_next(struct rec_find *f, size_t *at);
#endif
