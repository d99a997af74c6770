#ifndef BY_AGENT_ASK_H
#define BY_AGENT_ASK_H
/* Actions whose volumes lie in a shared pool that another host is the steward of: the same steps,
 * but what touches a volume is asked of the steward, through the pool (docs/decisions/0025).  While
 * there is no answer the action ends as one that waits, and begins again when there is one.
 * Threads: see task.h. */
#include "agent/task.h"

/** Phases of an action that must ask, or NULL: it touches no volume of the pool. */
const struct task_phase *ask_phases(enum rec_op op, const struct w_order *o);
#endif
