#ifndef BY_DRIVERS_CRYPTO_DIGEST_H
#define BY_DRIVERS_CRYPTO_DIGEST_H
/* Hashes as hex, random bytes, ids, tokens.  Threads: any. */
#include <stdint.h>

#include "drivers/base/error.h"

/** 64 hex digits and NUL into out. */
void digest_sha256_hex(const void *bytes, size_t len, char out[65]);
void digest_sm3_hex(const void *bytes, size_t len, char out[65]);
int digest_file_sha256_hex(const char *path, char out[65], struct err *e);
/** Random bytes from the system; aborts when there are none. */
void random_bytes(void *out, size_t len);
/** A random UUID (version 4) as text: 36 characters and NUL. */
void random_uuid(char out[37]);
/** prefix + 43 base64url characters (256 bits); out holds at least strlen(prefix) + 44. */
void random_token(const char *prefix, char *out, size_t size);
#endif
