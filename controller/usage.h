#ifndef BY_CONTROLLER_USAGE_H
#define BY_CONTROLLER_USAGE_H
/* Utilization: slots from hosts, idempotent by (VM, metric, instant), summed by day; and what
 * people see of it.  Threads: samples in the writer, views on readers. */
#include "controller/api.h"

int api_agent_samples(struct api_call *k, struct tx *t, struct err *e);
int api_usage_list(struct api_call *k, struct tx *t, struct err *e);
#endif
