#ifndef BY_POLICIES_ORDER_ASKED_H
#define BY_POLICIES_ORDER_ASKED_H
/* One order while it is judged: shared by the rules of order_check.c and order_others.c, and by
 * nobody else. */
#include "policies/order_check.h"

/* Every rule is a function that answers OC_OK or why not; order_check() asks them in turn. */
struct asked {
    const struct oc_host *host;
    const struct oc_order *o;
    const struct oc_papers *papers;
    const struct oc_grant *named;                /* by the order */
    const struct oc_grant *grant;                /* the newest of its family: what counts now */
    const struct oc_grant *family[OC_STEPS_MAX]; /* that supersede one another, newest first */
    size_t n_family, at;                         /* at: where the named one is in it */
    const struct oc_plan *plan;                  /* that the order names, or NULL */
    const struct oc_plan_line *plan_line;        /* that names the act, or NULL */
    const struct oc_line *line;
    bool dropped;              /* the newest grant, of exact shape, does not give it any more */
    const struct oc_held *old; /* of the same resource, or NULL */
};

/** Both there and equal. */
bool oc_same(const char *a, const char *b);
/** Of this family, from the member at `from` on (0: any). */
bool oc_in_family(const struct asked *q, const char *grant, size_t from);
/** Against every other resource of this host that is not gone. */
enum oc_reason oc_check_others(struct asked *q);
#endif
