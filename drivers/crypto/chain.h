#ifndef BY_DRIVERS_CRYPTO_CHAIN_H
#define BY_DRIVERS_CRYPTO_CHAIN_H
/* The chain of the ledger.  hash(i) = H(prev || seq || at_ms || actor || act || subject ||
 * body_sha256) where every part is its length in bytes as 8 big-endian bytes, then the bytes; seq
 * and at_ms are 8 big-endian bytes, prev is the 64 hex digits of entry i-1 (CHAIN_START for entry
 * 1), body_sha256 is 64 hex digits.  H is SM3 or SHA-256, as the store's signing algorithm says
 * (sigkey_digest()).  A body may be purged: its hash stays and so does the chain.
 * Threads: any. */
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/digest.h"

/* What stands before entry 1. */
#define CHAIN_START "0000000000000000000000000000000000000000000000000000000000000000"

/** Chain hash of e, which follows the entry with hash prev; e->body and e->hash are not read. */
void chain_hash(enum digest_alg alg, const char *prev, const struct w_ledger_entry *e,
                char out[65]);
/** Fill e->body_sha256 (of e->body, NULL as empty text) and e->hash. */
void chain_seal(enum digest_alg alg, const char *prev, struct w_ledger_entry *e);
#endif
