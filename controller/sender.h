#ifndef BY_CONTROLLER_SENDER_H
#define BY_CONTROLLER_SENDER_H
/* One way out for deliveries: claim each that is due (the attempt counts from here on, its contents
 * stay as they are), send it, write down how it went.  A process that ends in between sends again,
 * with the same id.  Of one receiver one letter is under way, and one mail: who hangs delays only
 * what is for himself.  Failures come back with growing waits, what was given up is kept as dead.
 * Ledger: notices.sent with figures, of a batch.  Threads: one owner. */
#include "controller/api.h"
#include "drivers/net/post.h"

/* Given up after so many attempts: nobody reached, about three days; refused, about an hour. */
enum { NOTICE_ATTEMPTS = 24, NOTICE_REFUSALS = 8 };
#define NOTICE_WAIT_MAX_MS (INT64_C(7) * 3600000) /* no delivery waits longer, by any clock */

struct sender;

/** The database is a read connection; both it and the post are borrowed.  What a process that ended
 * had under way, and what a clock that was wrong put off, is due now. */
int sender_new(struct controller *c, struct db *d, enum w_notice_channel ch, const struct post *p,
               struct sender **out, struct err *e);
void sender_free(struct sender *s); /* NULL is fine */
SCOPE_FN(sender_free, struct sender)
/** Start what is due, go on at most wait_ms, write down what ended: *n counts that. */
int sender_round(struct sender *s, int wait_ms, unsigned *n, struct err *e);
bool sender_busy(const struct sender *s); /* something is under way */

/** The file with a webhook's secret. */
int sender_secret_path(struct controller *c, const char *hook, char out[320], struct err *e);
#endif
