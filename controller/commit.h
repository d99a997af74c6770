#ifndef BY_CONTROLLER_COMMIT_H
#define BY_CONTROLLER_COMMIT_H
/* The one writer: gathers steps (at most 100, or 2 ms), runs each in a savepoint, then in the same
 * transaction: signs the group's new orders as one Merkle batch, chains and signs the ledger head,
 * commits (durable), and only then lets answers leave and wakes the hosts that were touched. */
#include "controller/api.h"

struct commit;

/** A step: run in the writer thread.  0 keeps its savepoint, -1 rolls it back. */
typedef int (*commit_step)(void *arg, struct tx *t, struct err *e);
/** After the commit (e NULL) or its failure: e says why; on a loop of the writer, must not block.
 */
typedef void (*commit_done)(void *arg, const struct err *e);

int commit_new(struct controller *c, struct commit **out, struct err *e);
void commit_free(struct commit *w);
/** Queue a step; BUSY when the queue is full (bounded). Threads: any. */
int commit_submit(struct commit *w, commit_step step, commit_done done, void *arg, struct err *e);
/** Queue and wait: for jobs and tests, never for a loop thread. */
int commit_run(struct commit *w, commit_step step, void *arg, struct err *e);

/* For steps: */
/** Add an entry to the ledger; body is canonical JSON of the facts. */
int ledger_append(struct tx *t, const char *actor, const char *act, const char *subject,
                  const char *body, struct err *e);
/** Insert an order: gives it its generation (one above the resource's newest), queues it for the
 * batch signature, supersedes the older order, bumps the host's revision and wakes it after commit.
 * o->id, version, term, generation, incarnation and issued_at_ms are filled in.  The resource's row
 * must be there (generation 0 for a new one): its host, wanted, term, generation and order_ are
 * written here.  CONFLICT in recovery, or when the host is not enrolled. */
int order_issue(struct tx *t, struct w_order *o, struct err *e);
/** Wake a host's long poll after the commit: its revision rises. */
int commit_touch_host(struct tx *t, const char *host, struct err *e);
/** Something to do after this step's commit, on the writer thread, in order; must not block.  Not
 * run when the step or the group fails. */
void commit_after(struct tx *t, void (*fn)(struct controller *c, void *arg), void *arg);
/** Memory that lives until the group's answers have left. */
struct arena *tx_arena(struct tx *t);
#endif
