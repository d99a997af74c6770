#ifndef BY_CONTROLLER_API_STATUS_H
#define BY_CONTROLLER_API_STATUS_H
/* How the controller is. */
#include "controller/api.h"

/** Fill k->out, a w_status_view, from the store, not from memory: a step that changes it sees its
 * own change.  Without figures and problems: those are GET /v1/status only. */
int status_fill(struct api_call *k, struct tx *t, struct err *e);
#endif
