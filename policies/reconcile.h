#ifndef BY_POLICIES_RECONCILE_H
#define BY_POLICIES_RECONCILE_H
/* What an agent should do next: accepted orders + what libvirt has + now -> ordered actions.
 * Pure.  Absence never acts: only what an order says of its own resource becomes an action; what no
 * order knows is reported as foreign or unclaimed.  Unknown is not stopped: with !observed_ok the
 * answer is no action at all.  A running guest is stopped only by an order that says so, or
 * restarted by one whose verb may and which the domain does not follow yet; drift is reported.
 * Rules 2 to 5 of the design are here and in tests/cases/reconcile.
 * Cost: wants x objects, or with an index (recindex.h) wants alone.
 * Memory: the caller's; texts are static. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies/model.h"

/** At most cap actions into out; returns how many, in the order to do them.  One resource has one
 * action at a time, and no two of one answer disturb each other: they may run side by side. */
size_t reconcile(const struct rec_world *w, struct rec_action *out, size_t cap);
/** What to report of one order's resource. want is one of w->wants. */
struct rec_verdict reconcile_judge(const struct rec_world *w, const struct rec_want *want);
#endif
