#ifndef BY_CONTROLLER_CASES_H
#define BY_CONTROLLER_CASES_H
/* The case engine (办件): opens cases and moves them as policies/case_fsm.def says, with number,
 * steps, reasons, whom they wait for, and the ledger.  Threads: steps in the writer. */
#include "controller/api.h"
#include "drivers/db/store_case.h"
#include "policies/case_fsm.h"

/* Who acts. */
struct case_actor {
    const char *account; /* or "controller" */
    unsigned role;       /* AZ_ bit; AZ_NOBODY: the controller itself */
};
struct case_actor case_actor_of(const struct api_call *k);
extern const struct case_actor case_actor_self;

/** Whether this move is possible now: as case_step says it, for those who have work to do before.
 */
int case_may(struct case_actor who, const struct case_row *c, enum case_event ev,
             const char *reason, struct err *e);
/** Open a case: kind, unit, system, grant, subject, title, body and due_ms of *c are the caller's,
 * the rest is filled.  Texts of *c must outlive it. */
int case_open(struct tx *t, struct case_actor who, enum case_event ev, const char *reason,
              struct case_row *c, struct err *e);
/** One move.  What the caller changed in *c (system, grant, title, body, due_ms) is written with
 * it.  DENIED: not this role's; CONFLICT: no such move from here, or the case was changed
 * meanwhile; INVALID: a reason is missing. */
int case_step(struct tx *t, struct case_actor who, struct case_row *c, enum case_event ev,
              const char *reason, struct err *e);
/** The case, if the caller may see it, at the revision that the caller read (0: any). */
int case_load(struct api_call *k, struct tx *t, uint64_t rev, struct case_row *out, struct err *e);
/** A line of a list. */
void case_item_fill(const struct case_row *c, struct w_case_item *v);
/** The whole: with steps, documents and what is asked for. */
int case_view_fill(struct db *d, const struct case_row *c, struct arena *a, struct w_case_view *v,
                   struct err *e);
#endif
