#ifndef BY_DRIVERS_CRYPTO_BASE64_H
#define BY_DRIVERS_CRYPTO_BASE64_H
/* Base64 (RFC 4648 section 4) of bytes in messages.  Threads: any. */
#include <stddef.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"

/** Text with padding, in the arena. */
const char *base64_encode(const void *bytes, size_t len, struct arena *a);
/** INVALID unless it is canonical, with padding and without blanks. */
int base64_decode(const char *text, struct arena *a, const void **bytes, size_t *len,
                  struct err *e);
#endif
