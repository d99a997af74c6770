#ifndef BY_AGENT_TRACK_H
#define BY_AGENT_TRACK_H
/* What the agent remembers of a resource while it runs, and may forget when it ends: what is being
 * done, what failed and when to try again, what was refused, what was reported.
 * Threads: one owner; pointers stay valid until the table is cleared. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

struct track {
    char id[W_ID];
    bool busy;           /* a task of it is running */
    int64_t stale_ns;    /* not judged before a whole reading that began after this; 0: fine */
    uint64_t set_serial; /* newest full set that had it */
    bool out_of_set;     /* the controller's full set did not have it */
    bool told;           /* the controller has the erasure; likewise */
    bool seen_once;      /* read back equal; in the receipt with its next facts */
    uint64_t sent;       /* hash of what the controller has of it */
    /* the last failure; code OK: none */
    struct err failed;
    unsigned attempts;
    uint64_t live_failed; /* generation for which growing a running guest failed; 0: none */
    int64_t retry_mono_ms;
    char image[W_HASH]; /* waits for this base image, or "" */
    bool asks;          /* waits for the steward of its shared pool, */
    char steward[300];  /* in words */
    /* the newest refused order */
    bool refused;
    char refused_sha256[65]; /* of its envelope */
    bool refused_told;
    char refused_order[W_ID];
    int refused_kind;
    uint64_t refused_term, refused_generation;
    char refused_word[24]; /* machine word of the reason */
    struct err refusal;
};

struct tracks {
    struct track **v; /* sorted by id */
    size_t n, cap;
};

/** The track of an id, made when there is none. */
struct track *track_get(struct tracks *t, const char *id);
struct track *track_find(const struct tracks *t, const char *id);
void tracks_clear(struct tracks *t);

void track_failed(struct track *t, const struct err *e, int64_t now_mono_ms);
void track_done(struct track *t);
#endif
