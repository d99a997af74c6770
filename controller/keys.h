#ifndef BY_CONTROLLER_KEYS_H
#define BY_CONTROLLER_KEYS_H
/* Key statements of the root, and which account holds which grant key.  Threads: owner of the
 * connection. */
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

#define KEYS_KEPT 64 /* newest statements that are handed out */

/** The newest statements, oldest first, as struct w_paper. */
int keys_list(struct db *d, struct arena *a, struct jm_list *out, struct err *e);
/** The account that holds a grant key by the newest statement; DENIED when there is none, when it
 * is disabled, or no bureau's. */
int keys_holder(struct db *d, const char *key_id, char account[W_ID], struct err *e);
#endif
