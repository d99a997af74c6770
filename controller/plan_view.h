#ifndef BY_CONTROLLER_PLAN_VIEW_H
#define BY_CONTROLLER_PLAN_VIEW_H
/* Signed plans as people see them: pages, one with what each line waits for or became, and taking
 * back what is no order yet.  Threads: as api.h says. */
#include "controller/api.h"

int api_plan_list(struct api_call *k, struct tx *t, struct err *e);
int api_plan_get(struct api_call *k, struct tx *t, struct err *e);
int api_plan_withdraw(struct api_call *k, struct tx *t, struct err *e);
#endif
