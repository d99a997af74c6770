#ifndef BY_CONTROLLER_API_GRANT_H
#define BY_CONTROLLER_API_GRANT_H
/* Grants: a dry run that explains, and the real thing: signature, number, system, validity, hold,
 * placement, quota, resources, one signed order each, the clock.  Everything or nothing.
 * Threads: prepare_ on workers, checks and reads on readers, adding in the writer. */
#include "controller/api.h"
#include "drivers/db/store_grant.h"

#define GRANT_DEFAULT_DAYS 365 /* of an application that names no time */

int api_grant_check(struct api_call *k, struct tx *t, struct err *e);
int prepare_grant_add(struct api_call *k, struct err *e);
int api_grant_add(struct api_call *k, struct tx *t, struct err *e);
/** For decisions that carry a grant. grant_open() on a worker keeps it in k->prepared;
 * grant_accept() in the writer carries it out, everything or nothing. */
int grant_open(struct api_call *k, const char *text, struct err *e);
const struct w_grant *grant_opened(const struct api_call *k);
int grant_accept(struct api_call *k, struct tx *t, struct w_accepted *out, struct err *e);
/** The same for a grant that the controller signs with the key that it holds (grant_key.h). */
int grant_accept_own(struct api_call *k, struct tx *t, const struct w_grant *g,
                     struct w_accepted *out, struct err *e);
/** After grant_open(), of a change: what the unit applied for, which must outlive the call; running
 * machines may be restarted from then on, 0: not. */
void grant_asked(struct api_call *k, const struct w_application *app, int64_t restart_from_ms);
/** Would it be lawful and fit?  The answer is in *out; -1 only when that could not be found out.
 * own_case: number of the import that it would confirm, which holds its approval number; or NULL.
 * asked: the application that it would approve, or NULL. */
int grant_try(struct api_call *k, struct tx *t, const struct w_grant *g, const char *own_case,
              const struct w_application *asked, struct w_grant_check *out, struct err *e);
int api_grant_list(struct api_call *k, struct tx *t, struct err *e);
int api_grant_get(struct api_call *k, struct tx *t, struct err *e);
/** The rules of every grant: number, system, times, hold, lines that make sense. */
int grant_lawful(struct tx *t, const struct w_grant *g, struct arena *a, struct system_row *sys,
                 struct err *e);
#endif
