#ifndef BY_CONTROLLER_LEDGER_H
#define BY_CONTROLLER_LEDGER_H
/* The ledger (审计台账) as the writer keeps it: each entry chains the hash of the one before; the
 * head is signed once a commit group.  The chain itself is drivers/crypto/chain.h.  Threads: the
 * writer, but ledger_verify() any owner of a connection. */
#include "controller/api.h"
#include "controller/group.h"

/** Add an entry; body is canonical JSON of the facts.  actor, act and subject are one line each. */
int ledger_append(struct tx *t, const char *actor, const char *act, const char *subject,
                  const char *body, struct err *e);
/** Newest entry of the store. */
int ledger_load_tail(struct db *d, struct ledger_tail *out, struct err *e);
/** Sign the head of what the group appended and store it; g->head. */
int ledger_seal(struct group *g, int64_t now_ms, struct err *e);
#endif
