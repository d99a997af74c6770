#ifndef BY_CONTROLLER_HOLD_H
#define BY_CONTROLLER_HOLD_H
/* Emergency holds (应急处置): a host observes and does not act, on one thing or on all.  A hold
 * ends by itself and says so.  Threads: changes in the writer, the list on readers. */
#include "controller/api.h"

int api_hold_add(struct api_call *k, struct tx *t, struct err *e);
int api_hold_end(struct api_call *k, struct tx *t, struct err *e);
int api_hold_list(struct api_call *k, struct tx *t, struct err *e);
/** For steps: end what has run out; *n counts them. */
int hold_expire(struct tx *t, size_t *n, struct err *e);
#endif
