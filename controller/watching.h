#ifndef BY_CONTROLLER_WATCHING_H
#define BY_CONTROLLER_WATCHING_H
/* Lists that wait for news (?known=, ?wait=): a read whose answer is what its caller has already
 * waits for a commit, looks again, and is answered when it has become another one, or when its wait
 * is over.  A commit wakes, and each looks again at most once in WATCH_LOOK_MS, so that what is
 * looked at again is bounded however much is written.  Threads: any. */
#include <stdbool.h>
#include <stdint.h>

#include "controller/api.h"

enum { WATCH_MOST = 64, WATCH_OF_ONE = 4, WATCH_LOOK_MS = 1000 };

struct watching;

int watching_new(struct watching **out, struct err *e);
/** Answer all that wait as BUSY; nothing waits from now on. */
void watching_stop(struct watching *w);
void watching_free(struct watching *w); /* stops first; NULL is fine */
/** Something is durable that was not.  NULL is fine. */
void watching_commit(struct watching *w);
/** Before a look: to be given to watching_wait() with what it found. */
uint64_t watching_seen(struct watching *w);
/** The call asked to wait for another answer than the one it knows. */
bool watching_wanted(const struct api_call *k);
/** What was found is known: 1 when the call waits (it is no longer the caller's), 0 when it is to
 * be answered, -1 (BUSY) when too many wait. */
int watching_wait(struct watching *w, struct api_call *k, uint64_t seen, struct err *e);
/** Before a call that may have waited is answered. */
void watching_leave(struct watching *w, struct api_call *k);
#endif
