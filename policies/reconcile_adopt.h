#ifndef BY_POLICIES_RECONCILE_ADOPT_H
#define BY_POLICIES_RECONCILE_ADOPT_H
/* A machine that was there (存量) and is not marked yet.  Pure. */
#include "policies/reconcile_step.h"

/** It is taken over exactly as it was claimed, in the state that was confirmed, or it stays
 * foreign.
 */
struct step reconcile_adopt(const struct rec_want *want, const struct rec_dom *d);
#endif
