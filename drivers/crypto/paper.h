#ifndef BY_DRIVERS_CRYPTO_PAPER_H
#define BY_DRIVERS_CRYPTO_PAPER_H
/* Signed papers.  The signed message is: purpose, one 0 byte, body.  In a Merkle batch it is the
 * same with the batch purpose ("bianyun order batch 1") and the 64 hex digits of the root as body;
 * leaves are H(0x00 || purpose || 0x00 || body), nodes H(0x01 || left || right) (RFC 6962, 2.1).
 * H is SM3 for sm2-sm3 (GB/T 32905) and SHA-256 for p256-sha256; SM2 (GB/T 32918) always with the
 * explicit distid 1234567812345678.  Threads: keys are immutable after loading; calls may run
 * anywhere. */
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"

#define PAPER_KEYS "bianyun keys 1"
#define PAPER_GRANT "bianyun grant 1"
#define PAPER_ORDER "bianyun order 1"
#define PAPER_ORDER_BATCH "bianyun order batch 1"
#define PAPER_PLAN "bianyun plan 1"
#define PAPER_ERASURE "bianyun erasure 1"
#define PAPER_CERTIFICATE "bianyun certificate 1"
#define PAPER_HEAD "bianyun ledger head 1"

#define ALG_SM2 "sm2-sm3"
#define ALG_P256 "p256-sha256"

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
const char *sigkey_id(const struct sigkey *k); /* 64 hex digits: SHA-256 of the DER public key */
bool sigkey_is_private(const struct sigkey *k);
char *sigkey_public_pem(const struct sigkey *k, struct arena *a);

/** Sign one body: *out is the canonical text of the envelope, in the arena. */
int paper_sign(const struct sigkey *k, const char *purpose, const char *body, struct arena *a,
               const char **out, struct err *e);
/** Sign n bodies of one purpose with one signature over their Merkle root (batch purpose). */
int paper_sign_batch(const struct sigkey *k, const char *purpose, const char *batch_purpose,
                     const char *const *bodies, size_t n, struct arena *a, const char **out,
                     struct err *e);
/** Parse an envelope without judging it. */
int paper_parse(const char *text, size_t len, struct arena *a, struct w_envelope *out,
                struct err *e);
/** Purpose as expected, key id as k's, signature over body or over the root that path leads to
 * (batch_purpose; NULL refuses paths).  DENIED says what is wrong. */
int paper_check(const struct w_envelope *env, const char *purpose, const char *batch_purpose,
                const struct sigkey *k, struct err *e);

/* The keys that the root names: built from key statements, newest serial wins. */
struct keyring;
int keyring_new(const char *root_public_pem, struct keyring **out, struct err *e);
void keyring_free(struct keyring *r); /* NULL is fine */
/** Check a statement against the root and take it in when its serial is newer (an older or equal
 * one is success and changes nothing). */
int keyring_add(struct keyring *r, const char *statement, size_t len, struct err *e);
uint64_t keyring_serial(const struct keyring *r);
/** Parse and check a paper: the key must be in the ring, for this use, valid at at_ms.
 * *body is the exact signed text, in the arena. */
int keyring_check(const struct keyring *r, const char *text, size_t len, const char *purpose,
                  const char *batch_purpose, enum w_key_use use, int64_t at_ms, struct arena *a,
                  const char **body, struct err *e);
/** The public key of that id, or NULL. */
const struct w_key_entry *keyring_find(const struct keyring *r, const char *id);

SCOPE_FN(sigkey_free, struct sigkey)
SCOPE_FN(keyring_free, struct keyring)
#endif
