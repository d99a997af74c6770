#ifndef BY_CONTROLLER_ISSUE_H
#define BY_CONTROLLER_ISSUE_H
/* Issuing orders: the only place that gives a resource its next generation.  Threads: the writer.
 */
#include "controller/api.h"
#include "controller/group.h"

/** Insert an order: gives it its generation (one above the resource's newest), queues it for the
 * batch signature, supersedes the older order, bumps the host's revision and wakes it after commit.
 * o->id, version, term, generation, incarnation and issued_at_ms are filled in.  The resource's row
 * must be there (generation 0 for a new one): its host, wanted, term, generation and order_ are
 * written here.  CONFLICT in recovery, or when the host is not enrolled. */
int order_issue(struct tx *t, struct w_order *o, struct err *e);
/** Sign what the group issued as one Merkle batch, and store the papers and host revisions. */
int issue_seal(struct group *g, struct err *e);
#endif
