#ifndef BY_AGENT_ERASE_H
#define BY_AGENT_ERASE_H
/* The last step: find every copy, overwrite each where it lies, read back, sign a report with the
 * host's key and keep it in the receipt, and only then remove the definition and the files.  A
 * crash anywhere begins again at the overwrite; the signed report is never lost and never made
 * twice. Files are overwritten before any of them is truncated or unlinked.  Threads: see task.h.
 */
#include "agent/task.h"

const struct task_phase *erase_phases(void);
/** For half-made volumes: overwrite, remove, forget that they were begun. */
const struct task_phase *erase_remake_phases(void);

/* Its steps, for those that share them with the steward of a shared pool (steward.h, ask.h). */
int erase_gather(struct task *t, struct virt *v, struct err *e);
/** Overwrite and read back the task's copies; those that are asked of the steward are passed over.
 */
int erase_overwrite(struct task *t, struct virt *v, struct err *e);
int erase_sign(struct task *t, struct err *e);
int erase_remove(struct task *t, struct virt *v, struct err *e);
int erase_gone(struct task *t, struct err *e);
/** The volumes of the order alone, whether they are there or not. */
int erase_volumes_find(struct task *t, struct err *e);
int erase_remove_copies(struct task *t, struct virt *v, struct err *e);
#endif
