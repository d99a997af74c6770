#ifndef BY_CONTROLLER_EXPORTS_H
#define BY_CONTROLLER_EXPORTS_H
/* A whole list as one stream (?format=csv, jsonl), or how long it is (count): the list's own
 * handler, page after page, in one read snapshot, so the same rows, columns and ownership as the
 * list, all of one moment.  Each has a thread and a read connection of its own, so it keeps no
 * reader busy.  At most a page and a piece are in memory: a client that does not read stops the
 * reading of the store.
 *
 * A snapshot keeps the writer's log from being begun anew, so it is bounded: EXPORT_MS, then the
 * stream is cut, as when the client is too slow, its session ends or the controller stops.  A cut
 * stream has no last chunk: clients see that it is not whole.  Threads: any. */
#include "controller/api.h"

#define EXPORTS_AT_ONCE 4 /* further ones are BUSY; one account has one at a time */
#define EXPORT_MS 120000
#define COUNTS_AT_ONCE 2 /* beside them, of whichever account */
#define COUNTS_WAITING 64
#define COUNT_MOST 10000 /* so far it is counted */

struct exports;

int exports_new(struct controller *c, struct exports **out, struct err *e);
/** Cut all; new ones are BUSY. */
void exports_stop(struct exports *x);
/** After exports_stop().  NULL is fine. */
void exports_free(struct exports *x);
/** The caller asked for one. */
bool exports_wanted(const struct api_call *k);
/** Takes the call and answers it; -1: not taken. */
int exports_submit(struct exports *x, struct api_call *k, struct err *e);
#endif
