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
#endif
