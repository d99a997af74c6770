#ifndef BY_CONTROLLER_TAKEBACK_H
#define BY_CONTROLLER_TAKEBACK_H
/* What a plan of the bureau takes from a grant of free shape, so that the unit does not take it
 * again: amounts signed in the plan's lines, taken from the grant's totals when the line becomes an
 * order, and given back by a return (归还), a plan whose lines restore.  Hosts count the same from
 * the papers (policies/order_check.h).  A superseding grant says its totals anew: older plans take
 * nothing from it.  Threads: the writer. */
#include "drivers/db/store_resource.h"
#include "drivers/db/store_usage.h"

struct tx;

/** The plan's own words: version, amounts and verbs go together. */
int takeback_check(const struct w_plan *p, struct err *e);
/** Line i of an incoming plan names exactly what its act takes from r, or returns; of one resource
 * one thing at a time.  free: the grant is of free shape. */
int takeback_check_line(struct tx *t, const struct w_plan *p, size_t i, bool free,
                        const struct resource_row *r, struct err *e);
/** A plan was accepted: its returns end what earlier plans still had in store. */
int takeback_accept(struct tx *t, const struct w_plan *p, struct arena *a, struct err *e);
/** 1 when the line may be ordered now (its amounts are taken, or given back), 0 not yet, -1. */
int takeback_run(struct tx *t, const struct plan_due *l, const struct resource_row *r,
                 struct err *e);
/** CONFLICT while a plan that binds still has something to do with r: sizes stay as it knows them.
 */
int takeback_frozen(struct tx *t, const struct resource_row *r, struct err *e);
/** A plan came back from a host's receipts: what its lines took is taken here too. */
int takeback_recover(struct tx *t, const struct w_plan *p, struct arena *a, struct err *e);
#endif
