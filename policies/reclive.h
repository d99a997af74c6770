#ifndef BY_POLICIES_RECLIVE_H
#define BY_POLICIES_RECLIVE_H
/* Whether a running guest can become what its order says without a restart.  Pure. */
#include "policies/model.h"

/** All that differs can be added to the running guest.  Nothing is ever taken from one: guests do
 * not give processors and memory back reliably. */
bool reclive_can(const struct rec_dom *d, const struct rec_want *want);
#endif
