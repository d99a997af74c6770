#ifndef BY_DRIVERS_CODEC_UTF8_H
#define BY_DRIVERS_CODEC_UTF8_H
/* One code point at a time.  Threads: any. */
#include <stddef.h>
#include <stdint.h>

/** Bytes of the well-formed code point at s (1 to 4), *cp its number; 0 when s is not well formed
 * (overlong, surrogate, above U+10FFFF, cut) or len is 0. */
size_t utf8_next(const char *s, size_t len, uint32_t *cp);
/** Write cp, a Unicode scalar value, and say how many bytes. */
size_t utf8_put(uint32_t cp, char out[4]);
#endif
