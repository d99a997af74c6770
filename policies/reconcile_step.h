#ifndef BY_POLICIES_RECONCILE_STEP_H
#define BY_POLICIES_RECONCILE_STEP_H
/* Between the parts of reconcile: what one evaluation of one order says.  Pure. */
#include "policies/model.h"

/* One evaluation of one order serves both questions: what to do (op) and what to report (seen,
 * equal, why), so a report can never explain something else than what is done. */
struct step {
    enum rec_op op;
    enum rec_seen seen;
    bool equal;
    const char *why;
};

static inline struct step
act(enum rec_op op, enum rec_seen seen, const char *why)
{
    return (struct step){.op = op, .seen = seen, .why = why};
}

static inline struct step
rest(enum rec_seen seen, const char *why)
{
    return (struct step){.op = REC_NONE, .seen = seen, .why = why};
}

static inline struct step
settled(enum rec_seen seen)
{
    return (struct step){.op = REC_NONE, .seen = seen, .equal = true};
}
#endif
