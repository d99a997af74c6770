#ifndef BY_AGENT_APPLY_H
#define BY_AGENT_APPLY_H
/* Doing one action of reconcile: a table of phases per action (apply.c, erase.c).  What must be
 * durable before the first call is staged here; the loop commits it, then submits.  Threads: the
 * owner of the agent. */
#include "agent/agent.h"
#include "policies/model.h"

/** Begin an action on its receipt: facts are staged, a task that needs calls is put into
 * ag->ready. -1: nothing was begun; the caller records the failure. */
int apply_begin(struct agent *ag, const struct rec_action *act, const struct receipt *t,
                struct err *e);
#endif
