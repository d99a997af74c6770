#ifndef BY_CONTROLLER_NOTICES_H
#define BY_CONTROLLER_NOTICES_H
/* The way out for notices.  Two threads with their own read connections, one for mail and one for
 * webhooks, each with a sender (sender.h); before it, new notices become deliveries: a mail per
 * account that unites what came within ten minutes, a post per webhook.
 * Threads: notices_new() main. */
#include "controller/api.h"

struct notices;

#define NOTICE_KEEP_MS (30 * INT64_C(86400000)) /* the outbox remembers so long */
enum { NOTICE_WAITING_MAX = 1000 };

int notices_new(struct controller *c, struct notices **out, struct err *e);
/** Joins the threads; before the writer ends.  NULL is fine. */
void notices_free(struct notices *n);

/** A test to this account or webhook, at once and on its own; for steps. */
int notices_test(struct tx *t, enum w_notice_channel ch, const char *to, char id[W_ID],
                 struct err *e);
/** What a thread does with new notices, in the calling thread; for tests. */
int notices_spread(struct controller *c, struct db *d, struct err *e);
#endif
