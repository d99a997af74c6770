#ifndef BY_CONTROLLER_HOSTAUTH_H
#define BY_CONTROLLER_HOSTAUTH_H
/* Which machine speaks: steps that judge a host's boot ids and restate its orders.  Threads: the
 * writer. */
#include <stdbool.h>

#include "controller/api.h"

/** To be called first by every agent handler whose request carries a boot id.  hello: a boot id
 * never heard becomes the host's; one that was replaced earlier proves two machines on one key:
 * both are refused from then on (state refused), DENIED.  Otherwise: DENIED unless it is the host's
 * current one. */
int hostauth_boot(struct tx *t, const char *host, const char *boot, bool hello, struct err *e);
/** Issue the newest order of every resource of the host again, as it is, for the host's present
 * incarnation (after re-enrolment). *n counts them. */
int hostauth_restate(struct tx *t, const char *host, size_t *n, struct err *e);
/** Of every host that was enrolled again while nothing could be ordered. */
int hostauth_restate_all(struct tx *t, struct err *e);
#endif
