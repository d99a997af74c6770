#ifndef BY_AGENT_LINK_H
#define BY_AGENT_LINK_H
/* The agent's side of the wire: hello, the long poll for orders, reports, samples, all receipts
 * when they are asked for, renewal of the certificate.  The agent dials out; every call has a
 * timeout; after a failure the next try waits longer, with jitter.  What was not acknowledged is
 * sent again. Threads: one owner, but link_wake() from any. */
#include "agent/agent.h"

struct link;

int link_new(struct agent *ag, struct link **out, struct err *e);
void link_free(struct link *l); /* NULL is fine */
/** Start the calls that are due; returns milliseconds until the next would be. */
int link_step(struct link *l, int64_t now_mono_ms);
/** Drive calls, at most wait_ms or until woken. */
void link_run(struct link *l, int wait_ms);
void link_wake(struct link *l);
/** What the last answers said could not be kept: ask for everything again. */
void link_forget(struct link *l);
/** The controller has answered this agent's hello and its poll for orders is under way. */
bool link_polls(const struct link *l);
/** A watched link's socket is ready, or its time has come (fd -1): see httpc_event(). */
void link_event(struct link *l, int fd, int ready);
/** Something may have changed: look whether a report is due. */
void link_touch(struct link *l);
/** Something that a hello says has changed: it is said again. */
void link_hello_again(struct link *l);
SCOPE_FN(link_free, struct link)
#endif
