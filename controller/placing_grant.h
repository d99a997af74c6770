#ifndef BY_CONTROLLER_PLACING_GRANT_H
#define BY_CONTROLLER_PLACING_GRANT_H
/* Where all that a grant makes goes: room where things stand already, then hosts for the rest, each
 * network on one host or over several (spread.h); and the parts of those that span.  Threads: steps
 * of the writer; the dry run anywhere. */
#include "controller/placing.h"
#include "controller/supersede.h"

struct grant_placing {
    struct w_placing_facts facts;
    struct w_placing_choices choices;
    uint32_t *choice_of; /* of each group of the expansion; UINT32_MAX: it stands where its network
                          * is */
    const char *no_room; /* NULL: all found a host */
};

/** Regroups *x, and gives each group its host. */
int grant_place(struct tx *t, struct expansion *x, struct supersede *over,
                const struct w_policy *policy, struct arena *a, struct grant_placing *out,
                struct err *e);
/** Before item i of *x is ordered: its host; the network's parts, when it is the first of it; the
 * cards of a machine name the part on its host.  *issued: the item itself was ordered too. */
int grant_place_item(struct tx *t, const char *actor, const char *unit, struct expansion *x,
                     size_t i, struct arena *a, struct resource_row *r, bool *issued,
                     struct err *e);
#endif
