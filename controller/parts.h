#ifndef BY_CONTROLLER_PARTS_H
#define BY_CONTROLLER_PARTS_H
/* A network is one thing for people and quota, and has a part on each host that has a machine of
 * it.  The first part is the network's own row and order; each further one has an id, a row and
 * orders of its own, so that whatever holds for resources and their hosts holds for it: wanted set,
 * receipts, readback, recovery.  Orders of machines name the part on their host; the register, the
 * addresses and people know the network alone.  A part lives as long as its host has a machine of
 * the network that is not gone: it is made, told of the others, and removed by orders.
 * Threads: steps in the writer; views anywhere. */
#include "controller/api.h"
#include "drivers/db/store_part.h"
#include "drivers/db/store_resource.h"

/** The network has a part on each of these hosts, in the same commit; every part whose order is
 * not as it should be (its peers, its VNI, its name) gets one.  first: the network's own first
 * order, not issued yet, its row in the store; NULL: it has one. */
int parts_on(struct tx *t, const char *actor, const char *network, struct w_order *first,
             const char *const *hosts, size_t n, struct arena *a, struct err *e);
/** The same without new hosts: after a part went, or a host has another address. */
int parts_sync(struct tx *t, const char *actor, const char *network, struct arena *a,
               struct err *e);
/** For placing: the network's id, then those of the hosts that have a part of it, blanks between;
 * and whether it can have one on another host. */
int parts_segment(struct db *d, const char *network, struct arena *a, const char **out, bool *spans,
                  struct err *e);
/** The order of a machine names the parts on its host. */
int parts_cards(struct tx *t, struct w_order *vm, struct err *e);
/** A machine is gone: the part on its host goes too when it was the last there. */
int parts_leave(struct tx *t, const struct resource_row *vm, struct arena *a, struct err *e);
/** A host's underlay address is another one: all that send to it are told. */
int parts_moved(struct tx *t, const char *host, struct arena *a, struct err *e);
/** Kept where the network's own order is not in the store (yet): a part's receipt came first. */
int parts_recover(struct tx *t, const struct w_order *o, const char *unit, struct arena *a,
                  struct err *e);
/** Nobody acts on a part by itself: CONFLICT. */
int parts_refuse(const struct resource_row *r, struct err *e);
/** An order that removes a part: nothing of the tenant's is in it, and a host removes none that a
 * machine has a card on; so the grant that made it is authority enough. */
bool parts_is_removal(const struct w_order *o);

/** What people see of a network: as good as the worst of its parts. */
int parts_weigh(struct tx *t, struct w_resource_view *v, struct arena *a, struct err *e);
/** Each of them. */
int parts_view(struct tx *t, const char *network, struct arena *a, struct w_network_part_list *out,
               struct err *e);
int api_resource_parts(struct api_call *k, struct tx *t, struct err *e);
#endif
