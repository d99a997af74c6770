#ifndef BY_CONTROLLER_COMMIT_H
#define BY_CONTROLLER_COMMIT_H
/* The one writer: gathers steps (what waits, at most 100 or for 50 ms; for more it waits until 2 ms
 * are over), runs each in a savepoint, then
 * in the same transaction: signs the group's new orders as one Merkle batch, chains and signs the
 * ledger head, commits (durable), and only then lets answers leave and wakes the hosts that were
 * touched. */
#include "controller/api.h"
#include "controller/issue.h"
#include "controller/ledger.h"

struct commit;

#define COMMIT_GROUP 100     /* steps in one group */
#define COMMIT_GATHER_MS 2   /* from the first step: so long it waits for more */
#define COMMIT_LONG_MS 50    /* from the first step: so long it takes what waits already */
#define COMMIT_QUEUE 4096    /* steps that may wait */
#define CLOCK_JUMP_MS 300000 /* a jump beyond it is a ledger entry and holds overdue verdicts */

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

/** How many steps wait.  Threads: any. */
size_t commit_queued(struct commit *w);
/** No group has been running for longer than max_ms (watchdog).  Threads: any. */
bool commit_alive(struct commit *w, int64_t max_ms);

/* For steps, besides ledger_append() and order_issue(): */
/** Wake a host's long poll after the commit: its revision rises. */
int commit_touch_host(struct tx *t, const char *host, struct err *e);
/** Something to do after this step's commit, on the writer thread, in order; must not block.  Not
 * run when the step or the group fails. */
void commit_after(struct tx *t, void (*fn)(struct controller *c, void *arg), void *arg);
/** The clock jumped and nobody has confirmed it, or this very group found it: time alone decides
 * nothing now, no verdict, no end of a hold, no step of a plan. */
bool tx_clock_jumped(const struct tx *t);
/** Memory that lives until the group's answers have left. */
struct arena *tx_arena(struct tx *t);
#endif
