#ifndef BY_AGENT_APPLY_H
#define BY_AGENT_APPLY_H
/* Doing one action of reconcile: a table of phases per action (apply.c, erase.c).  What must be
 * durable before the first call is staged here; the loop commits it, then submits.  Threads: the
 * owner of the agent. */
#include "agent/agent.h"
#include "agent/task.h"
#include "policies/model.h"

/** Begin an action on its receipt: facts are staged, a task that needs calls is put into
 * ag->ready. -1: nothing was begun; the caller records the failure. */
int apply_begin(struct agent *ag, const struct rec_action *act, const struct receipt *t,
                struct err *e);

/* Steps on volumes of the task's order, in a worker; the steward of a shared pool takes them for
 * other hosts.  What is filled goes into the task's facts, what was read back into its reading. */
int apply_vol_create(struct task *t, struct virt *v, struct err *e);
int apply_vol_grow(struct task *t, struct virt *v, struct err *e);
/** Root disk and seed, those that its facts do not say are filled. */
int apply_vm_root(struct task *t, struct virt *v, struct err *e);
int apply_vm_grow(struct task *t, struct virt *v, struct err *e);
/** Read one back: it is there, or an error. */
const struct virt_vol_seen *apply_read_volume(struct task *t, struct virt *v, const char *id,
                                              struct err *e);
#endif
