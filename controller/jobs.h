#ifndef BY_CONTROLLER_JOBS_H
#define BY_CONTROLLER_JOBS_H
/* What runs by the clock: due plan lines, holds that end, hosts that fall silent, legal clocks that
 * run out (also while nobody ran), the quota proof, findings.  One thread with its own read
 * connection; every round is bounded, and a failed job tries again in its next round.
 * Threads: jobs_new() main, the rest any. */
#include "controller/api.h"

struct jobs;

enum job {
    JOB_PLANS,    /* due lines become orders */
    JOB_HOLDS,    /* end what has run out */
    JOB_HOSTS,    /* silence and return, as ledger entries */
    JOB_CLOCKS,   /* overdue, reminders, escalation */
    JOB_PROOF,    /* quota against inventories */
    JOB_FINDINGS, /* utilization against the rule in force */
    JOB_UPLOADS,  /* documents that were never sent whole, parts that are there twice */
    JOB_TABLE,    /* once a day: hosts in memory against the store */
    JOB__MAX
};

/** Until a job has succeeded, it counts from the start of the controller. */
void jobs_begin(struct controller *c);
int jobs_new(struct controller *c, struct jobs **out, struct err *e);
/** Joins the thread; before the writer ends.  NULL is fine. */
void jobs_free(struct jobs *j);
/** Run one job now, in the calling thread; for tests. */
int job_run(struct controller *c, struct db *d, enum job what, struct err *e);
#endif
