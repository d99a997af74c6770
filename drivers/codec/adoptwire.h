#ifndef BY_DRIVERS_CODEC_ADOPTWIRE_H
#define BY_DRIVERS_CODEC_ADOPTWIRE_H
/* Machines that were there, from the wire to the policy (policies/adopt.h): host and controller
 * must ask it the same questions.  Strings are borrowed, lists and answers live in the arena.
 * Threads: any. */
#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "policies/adopt.h"

/** Why a machine may not be taken over as it is, or NULL.  claimed: what it must still be, or NULL.
 * now: how its host found it, or NULL (it cannot be read).  later (may be NULL): true when it is
 * only a matter of time. */
const char *adopt_obstacle(const struct w_adoption *claimed, const struct w_found *now,
                           struct arena *a, bool *later);
/** Of the disks that are its own, in all. */
uint64_t adopt_disk_bytes(const struct w_adoption *p);
/** SHA-256 of the canonical text: what a grant line and an order must have in common; "" when it
 * names no machine. */
void adopt_sha256(const struct w_adoption *p, char out[W_HASH]);
#endif
