#ifndef BY_CONTROLLER_RECOVERY_H
#define BY_CONTROLLER_RECOVERY_H
/* A store that was restored from an older copy learns from its hosts: their receipts are the exact
 * papers that it signed once.  Each is verified; an order newer than ours is taken in as a fact,
 * with the grant and plan that it names.  Nothing is dispatched meanwhile, and nothing is ever
 * taken away by this.  Threads: the writer. */
#include "controller/api.h"

/** A host says that it knows more than this store and has not shown it: logged and counted, and its
 * receipts are to be asked for, as one that lies must not stop everybody.  what: "it has seen
 * term". */
void recovery_claimed(struct controller *c, const char *host, const char *what, uint64_t term);
int api_agent_receipts(struct api_call *k, struct tx *t, struct err *e);
/** Names of the hosts whose receipts are still waited for, for people; NULL when there are none. */
int recovery_missing(struct tx *t, struct arena *a, const char **out, struct err *e);
#endif
