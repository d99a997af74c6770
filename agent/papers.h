#ifndef BY_AGENT_PAPERS_H
#define BY_AGENT_PAPERS_H
/* Which orders this host accepts: the whole chain, from the pinned root over the key statements,
 * the bureau's grant or plan, to the order and to what this host has accepted before.  What is
 * accepted is staged in the receipts with the papers that it rests on; the caller commits.  An
 * unknown field or version is refused.  A refusal is kept in the track of its resource, told once,
 * and the same bytes are not judged again.  An order that equals its receipt is success.
 * Threads: one owner. */
#include "agent/agent.h"

struct papers_result {
    size_t accepted, known, refused;
    size_t later;  /* of the refused: the same bytes may be accepted another time */
    bool head_new; /* the answer's ledger head is genuine and newer than ours */
};

/** Judge a whole answer.  -1 only when nothing of it may count (another store, an older term). */
int papers_take(struct agent *ag, const struct w_desired_answer *in, int64_t wall_ms,
                struct papers_result *out, struct err *e);
/** Holds that were in force when the agent ended; they end by themselves. */
int papers_load_holds(struct agent *ag, struct err *e);
/** A ring with every key statement of the receipts. */
int papers_keyring(const struct ident *id, const struct receipts *r, struct keyring **out,
                   struct err *e);
#endif
