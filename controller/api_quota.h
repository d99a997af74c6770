#ifndef BY_CONTROLLER_API_QUOTA_H
#define BY_CONTROLLER_API_QUOTA_H
/* The quota ledger as people see it, proved against inventories as it is read.  Threads: readers.
 */
#include "controller/api.h"

int api_quota_list(struct api_call *k, struct tx *t, struct err *e);
#endif
