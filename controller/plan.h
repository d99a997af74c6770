#ifndef BY_CONTROLLER_PLAN_H
#define BY_CONTROLLER_PLAN_H
/* Plans: the bureau's signed authority to take away.  Exact sizes, exact dates, about one finding.
 * What is due becomes orders at once; the rest when its time comes; overwriting only after the host
 * itself has read back the recycle bin for the whole hold.  Threads: prepare_ on workers, the rest
 * in the writer; plan_check() anywhere. */
#include "controller/act.h"
#include "drivers/db/store_usage.h"

/** What can be judged of a plan by itself: version, lines, dates, hold.  INVALID names the field.
 */
int plan_check(const struct w_plan *p, const struct w_policy *policy, int64_t now_ms,
               struct err *e);
/** For steps: order what is due; *n counts orders.  A line that cannot be carried out yet waits. */
int plan_run_due(struct tx *t, size_t *n, struct err *e);

/** What a line does; it borrows the plan's id from l. */
void plan_line_act(const struct plan_due *l, struct act *x);

int prepare_plan_add(struct api_call *k, struct err *e);
int api_plan_add(struct api_call *k, struct tx *t, struct err *e);
#endif
