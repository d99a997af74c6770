#ifndef BY_CONTROLLER_POOLS_H
#define BY_CONTROLLER_POOLS_H
/* Shared pools as people see them.  Threads: readers and the writer. */
#include "controller/api.h"

enum { POOLS_MOST = 1000 }; /* looked at for the figures */

/** Its steward does nothing for it now. */
bool pool_waits(const struct w_pool_item *v);
/** Those behind that name, by name; without their hosts.  fn: 0 goes on, else it ends. */
typedef int (*pool_fn)(void *arg, const struct w_pool_item *v);
int pools_page(struct tx *t, const char *after, int64_t limit, struct arena *a, pool_fn fn,
               void *arg, struct err *e);
#endif
