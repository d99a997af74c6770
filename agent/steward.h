#ifndef BY_AGENT_STEWARD_H
#define BY_AGENT_STEWARD_H
/* What the steward of a shared pool does for its other hosts: reads their asks, checks that the
 * order in each is signed and is the asking host's, makes, grows, overwrites or removes the volumes
 * of its resource, and answers.  Filled once: a volume that is written down as filled is never made
 * again.  The asks and answers are in the pool (drivers/host/sharedpool.h); nothing else is kept,
 * so a steward that was killed, or another one, goes on from what lies there.
 * Threads: works_read() a worker, the rest the owner of the agent. */
#include "agent/agent.h"
#include "drivers/host/sharedpool.h"

struct works;

int works_new(struct agent *ag, struct works **out, struct err *e);
/** No job of it runs any more; NULL is fine. */
void works_free(struct works *w);
/** Asks of other hosts, and of this one, that have no answer yet, at most max.  What nobody can
 * read is removed when it is a minute old, what was refused after an hour: its host asks anew. */
int works_read(const char *pool, size_t max, struct arena *a, struct sharedpool_file **out,
               size_t *n, struct err *e);
/** Begin what is asked, unless it is under way. */
void works_take(struct works *w, const struct sharedpool_file *ask);
/** Fetching of a base image ended; *why code OK: it is there. */
void works_image_ended(struct works *w, const char *sha256, const struct err *why);
#endif
