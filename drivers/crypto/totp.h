#ifndef BY_DRIVERS_CRYPTO_TOTP_H
#define BY_DRIVERS_CRYPTO_TOTP_H
/* One-time codes by time (RFC 6238): HMAC by OpenSSL, steps of 30 seconds, 6 digits.  And a MAC for
 * what we give out and want back unchanged.  Threads: any. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOTP_STEP_MS 30000
#define TOTP_SKEW 1    /* steps that a clock may be off, either way */
#define TOTP_SECRET 20 /* bytes */
#define TOTP_BASE32 33 /* of a secret, and NUL */

enum totp_alg { TOTP_SHA1, TOTP_SHA256 };

/** The code of one step: 6 digits and NUL. */
void totp_code(enum totp_alg alg, const uint8_t *secret, size_t len, uint64_t step, char out[7]);
/** The step within the skew of now whose code this is, if it is above `last`; 0 when there is none.
 * Every step is compared, so the time taken says nothing. */
uint64_t totp_find(enum totp_alg alg, const uint8_t *secret, size_t len, const char *code,
                   int64_t now_ms, uint64_t last);
/** Without padding, as authenticator programs take it. */
void totp_base32(const uint8_t secret[TOTP_SECRET], char out[TOTP_BASE32]);
/** HMAC-SHA256 as 64 hex digits. */
void mac_sha256_hex(const void *key, size_t key_len, const char *text, char out[65]);
#endif
