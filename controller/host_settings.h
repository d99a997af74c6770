#ifndef BY_CONTROLLER_HOST_SETTINGS_H
#define BY_CONTROLLER_HOST_SETTINGS_H
/* What the provider says of a host and may say otherwise later: its zone, and the class of its
 * storage pool.  Placing goes by them from the next decision on; what stands there stays.  Threads:
 * the writer; host_offers_none() also readers. */
#include "controller/api.h"
#include "controller/grant_expand.h"

/** Why nothing could ever be placed: no host that counts is of the zone and class that one of the
 * groups asks for; it says which there are.  NULL when each has one. */
int host_offers_none(struct tx *t, const struct expansion *x, struct arena *a, const char **why,
                     struct err *e);
/** Whether that host is of this zone and class (NULL: any). */
int host_offers(struct tx *t, const char *host, const char *zone, const char *pool_class, bool *out,
                struct err *e);
#endif
