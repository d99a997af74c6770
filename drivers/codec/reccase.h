#ifndef BY_DRIVERS_CODEC_RECCASE_H
#define BY_DRIVERS_CODEC_RECCASE_H
/* A case of policies/reconcile as JSON: {about, desired: [...], observed: {ok, heard,
 * clock_suspect, pool_free_bytes, domains, volumes, networks}, now, stop_grace_ms, expect}.  What a
 * case leaves out has the value of a healthy host; what it misspells is refused.  The same files
 * are the golden tests of the policy (tests/cases/reconcile) and what `bianyun simulate` runs, so
 * that a bad night becomes a test. Threads: none shared. */
#include <stddef.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"
#include "policies/model.h"

/** Strings and lists of *out live in the arena.  INVALID names the place ("desired[2].kind"). */
int reccase_read(const char *text, size_t len, struct arena *a, struct rec_world *out,
                 struct err *e);
/** Append what the policy says of it: the actions in order, and what would be reported. */
void reccase_answer(const struct rec_world *w, struct strbuf *out);
#endif
