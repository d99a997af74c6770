#ifndef BY_DRIVERS_CODEC_APPROVAL_H
#define BY_DRIVERS_CODEC_APPROVAL_H
/* What grant an approval that was given elsewhere leads to: the same on the machine that signs and
 * on the one that checks.  Threads: any. */
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

/** Free shape, with its bound on how many (0: four times what the lines count).  Exact grants stay
 * as every release reads them. */
void grant_free_shape(struct w_grant *g, uint32_t resources_max);
/** Its version, from what its lines say: machines that are asked to be apart need the newest. */
void grant_version_fit(struct w_grant *g);
/** Everything of the grant that the document decides; id and approver stay empty, hold_ms is the
 * document's or, when it says none, the one given.  Lists are those of *d. */
void approval_grant(const struct w_approval_import *d, int64_t approved_ms, int64_t hold_ms,
                    struct w_grant *out);
/** Exactly that grant?  INVALID names the first thing that differs. */
int approval_equals(const struct w_approval_import *d, int64_t approved_ms, const struct w_grant *g,
                    struct err *e);
#endif
