#ifndef BY_CONTROLLER_SPREAD_H
#define BY_CONTROLLER_SPREAD_H
/* Which machines are asked for together.  A network with its machines goes to one host where it
 * fits and nobody asked for them to be apart; else machine by machine, each a group of its own, and
 * the network gets a part on each of their hosts.  What was refused is asked again in the other
 * way, if there is one.  Pure but for the arena.  Threads: any. */
#include "controller/grant_expand.h"

struct spread {
    struct arena *a;
    struct expansion base;  /* as expanded: one group a network */
    unsigned char *attempt; /* of each group of base */
    size_t *of;             /* group of base that each group now is of */
};

/** Regroups *x for the first attempt. */
void spread_begin(struct spread *s, struct expansion *x, struct arena *a);
/** Group i of *x found no host: try otherwise next.  False when there is no other way. */
bool spread_refused(struct spread *s, size_t group);
/** Regroups *x after spread_refused(). */
void spread_again(struct spread *s, struct expansion *x);
/** The hosts of a network's machines, each once, after placing: n of them. */
const char **spread_hosts(const struct expansion *x, const char *segment, struct arena *a,
                          size_t *n);
#endif
