#ifndef BY_TESTS_UNIT_FLOWSEE_H
#define BY_TESTS_UNIT_FLOWSEE_H
/* What the tenant of a flow sees, and the quota ledger's own sums.  A test ends when it is not
 * there. */
#include "tests/unit/flow.h"

/** Id of the resource of that name. */
const char *flow_named(struct flow *f, const char *name);
struct w_resource_view flow_resource(struct flow *f, const char *id);
/** How many that person sees. */
size_t flow_resources(struct flow *f, enum flow_who who);
/** The first row of that metric. */
struct w_quota_row flow_quota(struct flow *f, const char *metric);
/** Every movement has its other side, and the sums are those of the entries. */
void flow_books_are_right(struct flow *f);
/** What a host that holds this set sends as its receipts: by id, so a machine may come before its
 * network, and a return before what it returns; here the worst case. */
const char *flow_receipts(struct flow *f, const struct w_desired_answer *set);
/** Parts of a network, its own first. */
struct w_network_part_list flow_parts(struct flow *f, const char *network);
/** The newest order for a host about what is not to go, of that kind, by a poll for everything: as
 * that host from now on. */
struct w_order flow_order_at(struct flow *f, const char *host, enum w_res_kind kind);
#endif
