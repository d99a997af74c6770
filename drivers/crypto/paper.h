#ifndef BY_DRIVERS_CRYPTO_PAPER_H
#define BY_DRIVERS_CRYPTO_PAPER_H
/* Signed papers.  The signed message is: purpose, one 0 byte, body.  In a Merkle batch it is the
 * same with the batch purpose ("bianyun order batch 1") and the 64 hex digits of the root as body;
 * leaves are H(0x00 || purpose || 0x00 || body), nodes H(0x01 || left || right) (RFC 6962, 2.1).
 * H is SM3 for sm2-sm3 (GB/T 32905) and SHA-256 for p256-sha256; SM2 (GB/T 32918) always with the
 * explicit distid 1234567812345678.  Threads: any. */
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/keyring.h"
#include "drivers/crypto/sigkey.h"

#define PAPER_KEYS "bianyun keys 1"
#define PAPER_GRANT "bianyun grant 1"
#define PAPER_ORDER "bianyun order 1"
#define PAPER_ORDER_BATCH "bianyun order batch 1"
#define PAPER_PLAN "bianyun plan 1"
#define PAPER_ERASURE "bianyun erasure 1"
#define PAPER_CERTIFICATE "bianyun certificate 1"
#define PAPER_LOGIN "bianyun login 1"
#define PAPER_STEWARD "bianyun steward 1"
#define PAPER_HEAD "bianyun ledger head 1"

/** Sign one body: *out is the canonical text of the envelope, in the arena. */
int paper_sign(const struct sigkey *k, const char *purpose, const char *body, struct arena *a,
               const char **out, struct err *e);
/** Sign n bodies of one purpose with one signature over their Merkle root (batch purpose); out has
 * room for n texts.  A batch of one is signed as one body. */
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

#endif
