#ifndef BY_DRIVERS_CRYPTO_DIGEST_H
#define BY_DRIVERS_CRYPTO_DIGEST_H
/* Hashes as hex, random bytes, ids, tokens.  A hash that the library cannot compute aborts, as
 * running out of memory does.  Threads: any. */
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"

/** 64 hex digits and NUL into out. */
void digest_sha256_hex(const void *bytes, size_t len, char out[65]);
void digest_sm3_hex(const void *bytes, size_t len, char out[65]);

enum digest_alg { DIGEST_SHA256, DIGEST_SM3 };
enum { DIGEST_BYTES = 32 }; /* of both */
struct digest_part {
    const void *bytes;
    size_t len;
};
/** Hash of n parts, one after the other. */
void digest_parts(enum digest_alg alg, const struct digest_part *parts, size_t n,
                  uint8_t out[DIGEST_BYTES]);
void digest_hex(const uint8_t hash[DIGEST_BYTES], char out[65]);
/** From 64 lower-case hex digits; -1 (INVALID) when it is anything else. */
int digest_from_hex(const char *hex, uint8_t out[DIGEST_BYTES], struct err *e);

int digest_file_sha256_hex(const char *path, char out[65], struct err *e);
/** Random bytes from the system; aborts when there are none. */
void random_bytes(void *out, size_t len);
/** A random UUID (version 4) as text: 36 characters and NUL. */
void random_uuid(char out[37]);
/** One that begins with the time (version 7): of rows that are made one after the other the indexes
 * then grow at their end, where a page takes many.  Not for what must not be guessed. */
void random_uuid_at(int64_t at_ms, char out[37]);
/** prefix + 43 base64url characters (256 bits); out holds at least strlen(prefix) + 44. */
void random_token(const char *prefix, char *out, size_t size);
#endif
