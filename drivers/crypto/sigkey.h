#ifndef BY_DRIVERS_CRYPTO_SIGKEY_H
#define BY_DRIVERS_CRYPTO_SIGKEY_H
/* Signing keys: SM2 with SM3 (GB/T 32918, 32905; distid 1234567812345678, always explicit) and
 * P-256 with SHA-256.  A private part is cleansed by the library when it is freed.
 * Threads: keys are immutable once made; calls may run anywhere. */
#include <stdbool.h>
#include <stddef.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"

#define ALG_SM2 "sm2-sm3"
#define ALG_P256 "p256-sha256"

enum { SIGKEY_MAX_SIG = 80 }; /* DER signature, bytes */

struct sigkey; /* a private key, or a public one */

int sigkey_generate(const char *alg, struct sigkey **out, struct err *e);
/** From PEM text or file; the algorithm is the key's own.  Private files must not be readable by
 * group or others (DENIED). */
int sigkey_from_pem(const char *pem, struct sigkey **out, struct err *e);
int sigkey_load(const char *file, struct sigkey **out, struct err *e);
/** Write the private key, mode 0600, durable; an existing file is CONFLICT. */
int sigkey_save(const struct sigkey *k, const char *file, struct err *e);
void sigkey_free(struct sigkey *k); /* NULL is fine */
const char *sigkey_alg(const struct sigkey *k);
enum digest_alg sigkey_digest(const struct sigkey *k); /* the hash that belongs to its algorithm */
const char *sigkey_id(const struct sigkey *k); /* 64 hex digits: SHA-256 of the DER public key */
bool sigkey_is_private(const struct sigkey *k);
char *sigkey_public_pem(const struct sigkey *k, struct arena *a);

/** The hash of an algorithm by name; UNSUPPORTED for any other. */
int sigkey_alg_digest(const char *alg, enum digest_alg *out, struct err *e);
/** Sign bytes: DER into sig, its length into *sig_len. */
int sigkey_sign(const struct sigkey *k, const void *bytes, size_t len,
                unsigned char sig[SIGKEY_MAX_SIG], size_t *sig_len, struct err *e);
/** DENIED unless sig is k's over bytes. */
int sigkey_verify(const struct sigkey *k, const void *bytes, size_t len, const unsigned char *sig,
                  size_t sig_len, struct err *e);

SCOPE_FN(sigkey_free, struct sigkey)
#endif
