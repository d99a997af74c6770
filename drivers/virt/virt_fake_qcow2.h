#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_QCOW2_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_QCOW2_H
/* The least of the qcow2 format, version 3: an image of no data over a backing file or none.
 * Errors: INVALID (too large), IO, NO_SPACE.  Threads: any. */
#include <stdint.h>

#include "drivers/base/error.h"

#define FAKE_QCOW2_MAX_BYTES ((uint64_t)64 << 40)

/** Write into an empty file.  backing and its format ("raw", "qcow2") may be NULL. */
int fake_qcow2_write(int fd, uint64_t size, const char *backing, const char *backing_format,
                     struct err *e);
/** 1 and the facts when fd is qcow2, 0 when it is not, -1 on failure.  backing gets up to 1023
 * characters, "" when there is none. */
int fake_qcow2_read(int fd, uint64_t *size, char backing[1024], struct err *e);
/** A larger size, in one write. */
int fake_qcow2_grow(int fd, uint64_t size, struct err *e);
#endif
