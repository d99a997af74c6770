#ifndef BY_AGENT_SHARED_H
#define BY_AGENT_SHARED_H
/* A pool that other hosts see too (docs/decisions/0025): which one it is, who its steward is, and
 * whether this agent is the one that holds the steward's lock.  An agent that has seen a shared
 * pool once works with that one only.  Work of the steward for other hosts: steward.h; what this
 * host asks of another one: ask.h.
 * Threads: the owner of the agent, but where said. */
#include "agent/agent.h"
#include "drivers/host/sharedpool.h"

struct works;

struct shared {
    struct agent *ag;
    char id[W_ID];         /* of the pool; "": it is this host's alone */
    struct w_steward word; /* newest of who the steward is; term 0: none */
    char *word_text;       /* the same, an envelope; NULL: none */
    int lock_fd;           /* the steward's lock, -1: not held */
    unsigned acting;       /* tasks that rely on the lock */
    bool put_word;         /* the pool's word is older than ours, or missing */
    bool looking;
    int64_t look_at_ms;  /* monotonic */
    int64_t sweep_at_ms; /* monotonic: when left asks are looked for */
    struct works *works;
};

/** Read what is remembered in the agent's folder. */
int shared_open(struct agent *ag, struct shared **out, struct err *e);
void shared_free(struct shared *s); /* NULL is fine */

/** In a worker: the pool at its folder; expected "": whichever, found "" when it is not shared.
 * BUSY: another one is expected than is there. */
int shared_identify(const struct agent *ag, const char *expected, char found[W_ID], struct err *e);
/** A whole reading found this pool: from now on no other one will do. */
void shared_found(struct shared *s, const char *id);
/** Judge a word of who the steward is; it counts when it is signed, of this pool, and newer. */
void shared_take_word(struct shared *s, const char *text);
bool shared_is_on(const struct shared *s);
/** This agent may touch volumes itself: the pool is its own, or it holds the steward's lock. */
bool shared_acts(const struct shared *s);
/** Name of the steward for people. */
const char *shared_steward_name(const struct shared *s);
/** Look into the pool when it is due; returns milliseconds until the next time. */
int shared_step(struct shared *s, int64_t now_mono_ms);
#endif
