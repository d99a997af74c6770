#ifndef BY_CONTROLLER_APPLICATION_H
#define BY_CONTROLLER_APPLICATION_H
/* Applications (申请): what must be in them, what a decision may grant of them.  Threads: any owner
 * of a connection; application_submit() the writer. */
#include "controller/api.h"
#include "drivers/db/store_case.h"
#include "policies/case_fsm.h"

/** What is asked for, decoded. */
int application_of(const struct case_row *c, struct arena *a, struct w_application *out,
                   struct err *e);
/** Everything that is missing or wrong; papers: the documents of the case. */
int application_problems(struct api_call *k, struct tx *t, const struct case_row *c,
                         const struct w_application *app, struct w_case_check *out, struct err *e);
/** Before it goes into review: INVALID names the first problem.  Starts the review's clock and sets
 * c->due_ms. */
int application_submit(struct api_call *k, struct tx *t, struct case_row *c, struct err *e);
/** After a step: what becomes of the review's clock. */
int application_reviewed(struct api_call *k, struct tx *t, const struct case_row *c,
                         enum case_event ev, struct err *e);
/** The grant that would be made of it as it stands, unsigned. */
void application_grant(const struct case_row *c, const struct w_application *app, int64_t now_ms,
                       int64_t hold_ms, struct w_grant *out);
/** The same for a change: it supersedes change_of and keeps its shape. */
int application_change(struct tx *t, const struct w_application *app, struct w_grant *g,
                       struct arena *a, struct err *e);
/** When running machines may be restarted for a change, as the unit agreed; 0: not. */
int64_t application_restart_ms(const struct w_application *app, int64_t now_ms);
/** *less: it grants less than was applied for.  INVALID when it grants more or something else. */
int application_covers(const struct w_application *app, const struct w_grant *g, bool *less,
                       struct err *e);
#endif
