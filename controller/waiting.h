#ifndef BY_CONTROLLER_WAITING_H
#define BY_CONTROLLER_WAITING_H
/* Since when each host has something to fetch: how long dispatch takes is measured with it.  An
 * entry is gone when its host has looked.  Threads: any. */
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"

struct waiting;

int waiting_new(struct waiting **out, struct err *e);
void waiting_free(struct waiting *w);
/** What is durable already has become the host's at now_ns; of several the first counts. */
void waiting_begin(struct waiting *w, const char *host, int64_t now_ns);
/** The host has all that became its own before looked_ns: since when it waited, 0 when it did not.
 */
int64_t waiting_end(struct waiting *w, const char *host, int64_t looked_ns);
SCOPE_FN(waiting_free, struct waiting)
#endif
