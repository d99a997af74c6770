#ifndef BY_CONTROLLER_POLICY_H
#define BY_CONTROLLER_POLICY_H
/* The policy document in force.  Threads: owner of the connection. */
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

/** Newest policy; NOT_FOUND when the store has none (init puts the shipped one). */
int policy_in_force(struct db *d, struct arena *a, struct w_policy *out, struct err *e);
/** One version, for replaying a decision. */
int policy_by_version(struct db *d, const char *version, struct arena *a, struct w_policy *out,
                      struct err *e);
/** Check and store a document as the newest; an earlier version name is CONFLICT. */
int policy_store(struct db *d, const char *document, const char *account, int64_t now_ms,
                 struct arena *a, struct w_policy *out, struct err *e);
/** The document that a new store starts with. */
const char *policy_shipped(void);
#endif
