#ifndef BY_CONTROLLER_ADOPTION_H
#define BY_CONTROLLER_ADOPTION_H
/* Confirming claims to machines that were there: a grant that the bureau signs against the old
 * approval, each line naming one existing machine with its host, sizes and disks.  Its adopt orders
 * mark them; nothing is placed, no clock runs.  Quota is granted and used in one movement when the
 * host reads the mark back, so a machine that is never taken over never counts.
 * Threads: as api.h says. */
#include "controller/api.h"

int prepare_claim_confirm(struct api_call *k, struct err *e);
int api_claim_confirm(struct api_call *k, struct tx *t, struct err *e);
/** The grant is one that takes over machines: only such lines.  Mixed ones are refused. */
bool adoption_is(const struct w_grant *g);
#endif
