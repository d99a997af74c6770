#ifndef BY_CONTROLLER_LIVE_H
#define BY_CONTROLLER_LIVE_H
/* What every thread wants to know at once: term, recovery, newest ledger head, key ring.  A copy of
 * what the store has, changed only after a commit.  Threads: any. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/crypto/paper.h"
#include "drivers/db/db.h"

struct live;

int live_new(struct live **out, struct err *e);
void live_free(struct live *l);
/** Read everything from the store; the root's key too.  Unchanged on -1. */
int live_load(struct live *l, struct db *d, const struct sigkey *order_key, int64_t mono_ms,
              struct err *e);

uint64_t live_term(struct live *l);
void live_set_term(struct live *l, uint64_t term);
bool live_recovery(struct live *l);
void live_set_recovery(struct live *l, bool on);
bool live_jumped(struct live *l);
/** The wall clock jumped: until the end time goes on from wall_ms, where it was, as mono_ms does.
 */
void live_jump_begin(struct live *l, int64_t wall_ms, int64_t mono_ms);
void live_jump_end(struct live *l);
/** What both clocks said at the newest group. */
void live_clock_seen(struct live *l, int64_t wall_ms, int64_t mono_ms);
/** The wall clock has jumped since the newest group: the next one will tell of it. */
bool live_clock_strays(struct live *l, int64_t wall_ms, int64_t mono_ms);
/** Out of what both clocks say now. */
int64_t live_now_ms(struct live *l, int64_t wall_ms, int64_t mono_ms);
/** Newest signed head, copied; NULL before the first. */
const char *live_head(struct live *l, struct arena *a);
uint64_t live_head_seq(struct live *l);
int64_t live_head_ms(struct live *l); /* time of the newest entry */
void live_set_head(struct live *l, const char *head, uint64_t seq, int64_t at_ms);

int live_keys_add(struct live *l, const char *statement, struct err *e);
uint64_t live_keys_serial(struct live *l);
/** DENIED unless the root names the key for this use at that time. */
int live_keys_named(struct live *l, const char *id, enum w_key_use use, int64_t at_ms,
                    struct err *e);
int live_keys_check(struct live *l, const char *text, size_t len, const char *purpose,
                    const char *batch_purpose, enum w_key_use use, int64_t at_ms, struct arena *a,
                    const char **body, struct err *e);
#endif
