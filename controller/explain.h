#ifndef BY_CONTROLLER_EXPLAIN_H
#define BY_CONTROLLER_EXPLAIN_H
/* Why something is as it is, rebuilt from the ledger alone: from the thing over its orders to the
 * grant and its approval number.  Decisions (placing, verdicts) are made again from the facts that
 * the ledger keeps, and must be the same byte for byte.  Threads: readers. */
#include "controller/api.h"

int api_explain_get(struct api_call *k, struct tx *t, struct err *e);
#endif
