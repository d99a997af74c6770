#ifndef BY_CONTROLLER_IMAGE_FILE_H
#define BY_CONTROLLER_IMAGE_FILE_H
/* The bytes of base images: DIR/images/<sha256>.part while they come, DIR/images/<sha256> once they
 * are whole and checked.  What was acknowledged is on the disk.  Threads: any, never a loop. */
#include "controller/controller.h"

#define IMAGE_PART_BYTES (1u << 20)

/** Bytes that are here of one that is still coming; 0 when none. */
int image_file_received(struct controller *c, const char *sha256, uint64_t *out, struct err *e);
/** Room for so many more bytes beside what must stay free; NO_SPACE says how much there is. */
int image_file_room(struct controller *c, uint64_t bytes, struct err *e);
/** A part at an offset that is at most what is here; what is here already is not written again.
 * *received counts what is here afterwards.  Durable on return. */
int image_file_write(struct controller *c, const char *sha256, uint64_t offset, const void *bytes,
                     size_t len, uint64_t *received, struct err *e);
/** At most IMAGE_PART_BYTES from an offset of a whole one. */
int image_file_read(struct controller *c, const char *sha256, uint64_t offset, struct arena *a,
                    const char **bytes, size_t *len, struct err *e);
/** Hash and header of what came, and, when they are good, its move to its place; both steps may be
 * repeated after a crash.  INVALID: it is bad and its bytes are gone. */
int image_file_settle(struct controller *c, const char *sha256, uint64_t size_bytes, int *format,
                      uint64_t *virtual_bytes, struct err *e);
#endif
