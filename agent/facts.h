#ifndef BY_AGENT_FACTS_H
#define BY_AGENT_FACTS_H
/* Receipts, readings and holds as the plain facts that policies/reconcile judges.
 * They point into the receipts, the world and the arena, and are good until one of them changes.
 * Threads: the owner of the agent. */
#include "agent/agent.h"
#include "policies/model.h"

/** Build the facts of this moment in a; wants are in the order of the receipts. */
void facts_build(const struct agent *ag, int64_t wall_ms, int64_t mono_ms, struct arena *a,
                 struct rec_world *out);
/** Give a world an index of its lists, in a; facts_build() has done it. */
void facts_index(struct rec_world *w, struct arena *a);
/** Under an emergency hold, of itself or of the whole host. */
bool facts_is_held(const struct agent *ag, const char *id, int64_t wall_ms);
/** The world can be judged now; else why says why not. */
bool facts_observed_ok(const struct agent *ag, int64_t mono_ms, char *why, size_t size);
/** Fixed addresses that the orders want in a network. */
void facts_net_hosts(const struct receipts *r, const char *network, struct arena *a,
                     const struct virt_net_host **out, size_t *n);
/** Its order makes it a part of a segment. */
bool facts_is_segment(const struct agent *ag, const char *network);
/** Words of the wire as the policies' words. */
enum mo_kind facts_kind(int res_kind);
enum mo_wanted facts_wanted(int wanted);
/** Facts of a receipt with what is known since. */
struct receipt_facts facts_current(const struct agent *ag, const struct receipt *t);
#endif
