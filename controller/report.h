#ifndef BY_CONTROLLER_REPORT_H
#define BY_CONTROLLER_REPORT_H
/* What a host reads back becomes the inventory; equal readback of the newest order closes it and
 * settles its quota; what no order knows goes into the register.  "Done" is only ever concluded
 * here.  Unknown concludes nothing.  Threads: steps in the writer. */
#include "controller/api.h"

/** Take one report in; a report older than what is durable changes nothing. */
int report_take(struct tx *t, const char *host, const struct w_status *s, struct arena *a,
                struct err *e);

int api_agent_status(struct api_call *k, struct tx *t, struct err *e);
#endif
