#ifndef BY_DRIVERS_CRYPTO_KEYRING_H
#define BY_DRIVERS_CRYPTO_KEYRING_H
/* The keys that the root names: built from key statements, newest serial wins.
 * Threads: any; a statement that comes in while others check is seen whole or not at all.  What
 * keyring_find() and keyring_check() give from the ring lives until keyring_free(). */
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"

struct keyring;
int keyring_new(const char *root_public_pem, struct keyring **out, struct err *e);
void keyring_free(struct keyring *r); /* NULL is fine */
/** Check a statement against the root and take it in when its serial is newer (an older or equal
 * one is success and changes nothing). */
int keyring_add(struct keyring *r, const char *statement, size_t len, struct err *e);
uint64_t keyring_serial(const struct keyring *r); /* 0 before the first statement */
/** Parse and check a paper: the key must be in the ring, for this use, valid at at_ms.
 * *body is the exact signed text, in the arena. */
int keyring_check(const struct keyring *r, const char *text, size_t len, const char *purpose,
                  const char *batch_purpose, enum w_key_use use, int64_t at_ms, struct arena *a,
                  const char **body, struct err *e);
/** The public key of that id, or NULL. */
const struct w_key_entry *keyring_find(const struct keyring *r, const char *id);

SCOPE_FN(keyring_free, struct keyring)
#endif
