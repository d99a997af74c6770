#ifndef BY_DRIVERS_CODEC_JSCAN_H
#define BY_DRIVERS_CODEC_JSCAN_H
/* Strict look at JSON text before any parser sees it: one pass, never recursive, memory bounded by
 * the keys of the objects that are open.  It refuses whatever two parsers could read differently.
 * Refused beyond RFC 8259: keys given twice in an object (escapes compared decoded), NUL and
 * \u0000, lone surrogates, fractions, exponents, -0, integers outside int64 and uint64, broken
 * UTF-8, a byte order mark, and anything past the limits below.  Threads: any. */
#include <stddef.h>

#include "drivers/base/error.h"

enum {
    JSCAN_MAX_BYTES = 48 * 1024 * 1024,
    JSCAN_MAX_DEPTH = 32,
    JSCAN_MAX_KEYS = 100000,      /* of the whole text */
    JSCAN_MAX_OBJECT_KEYS = 1000, /* of one object */
    JSCAN_MAX_KEY_BYTES = 256,    /* of one key as written */
};

/** 0 when text is one JSON value that every parser reads alike.  INVALID (TOO_LARGE for its bytes)
 * says the offset of the byte at fault, from 0, and what is wrong there. */
int jscan(const char *text, size_t len, struct err *e);
#endif
