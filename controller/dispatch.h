#ifndef BY_CONTROLLER_DISPATCH_H
#define BY_CONTROLLER_DISPATCH_H
/* What hosts are told: their hello, and the long poll for their set of orders.  A poll that has
 * nothing new is parked; the commit that touches its host wakes it.  Cursor 0, or one from a future
 * that this store does not have, gets the whole set; later ones get what is new.  An empty set
 * removes nothing: agents act on orders only.  Threads: wake from any; see each function. */
#include "controller/api.h"

struct dispatch;

int dispatch_new(struct controller *c, struct dispatch **out, struct err *e);
/** Answers what is parked with 503 and parks nothing more; before server_stop().  NULL is fine. */
void dispatch_stop(struct dispatch *d);
/** After server_stop().  NULL is fine. */
void dispatch_free(struct dispatch *d);
/** For controller.wake_host: runs on the writer after its commit, must not block. */
void dispatch_wake(struct controller *c, const char *host);
/** Polls that wait now. */
size_t dispatch_parked(struct dispatch *d);

/** The answer for one host and what it has; *news tells whether there is any. */
int dispatch_answer(struct controller *c, struct db *db, const char *host,
                    const struct w_desired_request *in, int64_t now_ms, struct arena *a,
                    struct w_desired_answer *out, bool *news, struct err *e);

int api_agent_hello(struct api_call *k, struct tx *t, struct err *e);
int api_agent_desired(struct api_call *k, struct tx *t, struct err *e);
#endif
