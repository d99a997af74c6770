#ifndef BY_CONTROLLER_NOTICES_H
#define BY_CONTROLLER_NOTICES_H
/* The way out for notices.  Two threads with their own read connections, one for mail and one for
 * webhooks, so that a server that hangs holds up nobody else:
 *   spread  new notices become deliveries: a mail per account that unites what came within ten
 *           minutes, a post per webhook
 *   send    each due delivery: claim it (attempt counted, next attempt set, contents fixed), send,
 *           write down how it went.  A crash in between sends again, with the same id.
 * Failures come back with growing waits; what was given up is kept as dead for people to see.
 * Ledger: notices.sent, one entry a round with figures.  Threads: notices_new() main. */
#include "controller/api.h"
#include "drivers/net/post.h"

struct notices;

#define NOTICE_KEEP_MS (30 * INT64_C(86400000)) /* the outbox remembers so long */
enum { NOTICE_ATTEMPTS = 8, NOTICE_WAITING_MAX = 1000 };

int notices_new(struct controller *c, struct notices **out, struct err *e);
/** Joins the threads; before the writer ends.  NULL is fine. */
void notices_free(struct notices *n);

/** The file with a webhook's secret. */
int notices_secret_path(struct controller *c, const char *hook, char out[320], struct err *e);

/* What the threads do, in the calling thread; for tests. */
int notices_spread(struct controller *c, struct db *d, struct err *e);
/** One round: *n counts what was tried. */
int notices_send(struct controller *c, struct db *d, enum w_notice_channel ch, const struct post *p,
                 unsigned *n, struct err *e);
#endif
