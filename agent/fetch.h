#ifndef BY_AGENT_FETCH_H
#define BY_AGENT_FETCH_H
/* Base images that this host lacks, fetched from the controller over the agent's own certificate:
 * one at a time by one thread, in parts, at most so fast.  A part file is taken up again after a
 * crash; only a whole file with the right hash, synced, gets the name under which it is used.
 * Nothing is fetched that no order needs, and nothing is ever removed here.
 * Threads: fetch_want() any; the rest the owner of the agent. */
#include <stdbool.h>

#include "agent/agent.h"

#define FETCH_TEXT 200

struct fetch;

int fetch_new(struct agent *ag, struct fetch **out, struct err *e);
/** Ends what is under way; its part file stays.  NULL is fine. */
void fetch_free(struct fetch *f);
/** An image is needed: queue it unless it is; always -1, BUSY: how far it is. */
int fetch_want(struct fetch *f, const char *sha256, struct err *e);
/** Queued or under way; then text says how far. */
bool fetch_busy(struct fetch *f, const char *sha256, char text[FETCH_TEXT]);
/** Take what ended: its machines are tried again, now or, when it failed, later. */
void fetch_step(struct fetch *f);
SCOPE_FN(fetch_free, struct fetch)
#endif
