#ifndef BY_CONTROLLER_MANUAL_H
#define BY_CONTROLLER_MANUAL_H
/* Lines of a grant that no driver carries out (cloud database, security, disaster recovery: G14):
 * each is a case that waits for the provider, then for the unit's acceptance, under the grant's own
 * clock.  Never machine-verified.  Threads: the writer. */
#include "controller/api.h"

/** One case a line. */
int manual_open(struct tx *t, const struct w_grant *g, int64_t due_ms, struct err *e);
#endif
