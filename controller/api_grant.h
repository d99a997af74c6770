#ifndef BY_CONTROLLER_API_GRANT_H
#define BY_CONTROLLER_API_GRANT_H
/* Grants: a dry run that explains, and the real thing: signature, number, system, validity, hold,
 * placement, quota, resources, one signed order each, the clock.  Everything or nothing.
 * Threads: prepare_ on workers, checks and reads on readers, adding in the writer. */
#include "controller/api.h"

int api_grant_check(struct api_call *k, struct tx *t, struct err *e);
int prepare_grant_add(struct api_call *k, struct err *e);
int api_grant_add(struct api_call *k, struct tx *t, struct err *e);
int api_grant_list(struct api_call *k, struct tx *t, struct err *e);
int api_grant_get(struct api_call *k, struct tx *t, struct err *e);
#endif
