#ifndef BY_POLICIES_RECONCILE_H
#define BY_POLICIES_RECONCILE_H
/* What an agent should do next: accepted orders + what libvirt has + now -> ordered actions.
 * Pure.  Absence never acts: only what an order says of its own resource becomes an action; what no
 * order knows is reported as foreign or unclaimed.  Unknown is not stopped: with !observed_ok the
 * answer is no action at all.  Rules 2, 4 and 5 of the design are here and in
 * tests/cases/reconcile. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies/model.h"

/** At most cap actions into out; returns how many, in the order to do them.  Actions of different
 * resources may run side by side unless .after says otherwise; one resource has one at a time. */
size_t reconcile(const struct rec_world *w, struct rec_action *out, size_t cap);
/** What to report of one order's resource. */
struct rec_verdict reconcile_judge(const struct rec_world *w, const struct rec_want *want);
#endif
