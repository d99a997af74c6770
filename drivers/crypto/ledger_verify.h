#ifndef BY_DRIVERS_CRYPTO_LEDGER_VERIFY_H
#define BY_DRIVERS_CRYPTO_LEDGER_VERIFY_H
/* Offline proof of a ledger: a stream of entries, the signed head that came with it, and heads that
 * witnesses kept (older or newer).  Constant memory.  What it finds: an entry edited, missing, out
 * of order or twice, time that falls, a body that is not the one recorded, a chain that does not
 * end at the signed head; with a witnessed head also a cut tail and a history that was written anew
 * and signed again.  Without one, a cut tail under an older genuine head cannot be seen.
 * Threads: one owner. */
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/keyring.h"

enum { LEDGER_VERIFY_MAX_WITNESSES = 1024 };

struct ledger_verify;

/** head is the envelope of the signed head; its key must be an order key of the ring, valid when
 * the head was signed.  The ring must outlive *out. */
int ledger_verify_new(const struct keyring *ring, const char *head, size_t len,
                      struct ledger_verify **out, struct err *e);
void ledger_verify_free(struct ledger_verify *v); /* NULL is fine */
/** A head that somebody else kept; before the first entry.  It must be of the same store and
 * genuine. */
int ledger_verify_witness(struct ledger_verify *v, const char *head, size_t len, struct err *e);
/** Next entry, from number 1.  DENIED names the first bad line ("line 17: ..."), lines being
 * counted from 1 as they come in; after that the verdict stands and every call repeats it. */
int ledger_verify_add(struct ledger_verify *v, const struct w_ledger_entry *entry, struct err *e);
/** After the last entry: does the chain end where the heads say? */
int ledger_verify_end(struct ledger_verify *v, struct err *e);
const struct w_ledger_head *ledger_verify_head(const struct ledger_verify *v);
/** Entries that held, and how many of their bodies had been purged. */
uint64_t ledger_verify_count(const struct ledger_verify *v, uint64_t *purged);

SCOPE_FN(ledger_verify_free, struct ledger_verify)
#endif
