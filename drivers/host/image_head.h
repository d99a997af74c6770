#ifndef BY_DRIVERS_HOST_IMAGE_HEAD_H
#define BY_DRIVERS_HOST_IMAGE_HEAD_H
/* The beginning of a disk image that a stranger made: what it is, how large its guest sees it, and
 * whether it stands on its own.  Reads only the bytes given, follows nothing, allocates nothing.
 * Refused (INVALID, with what to do): a backing or data file, encryption, snapshots inside, a size
 * of zero or beyond IMAGE_VIRTUAL_MAX, tables that lie outside the file, features that we do not
 * know, formats other than qcow2 2 and 3 and raw.  Pure; any thread. */
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

#define IMAGE_HEAD_BYTES 65536u                /* as many as there are, up to this */
#define IMAGE_VIRTUAL_MAX (UINT64_C(16) << 40) /* 16 TiB */

struct image_head {
    enum w_format format;
    uint64_t virtual_bytes;
};

/** file_bytes: length of the whole file. */
int image_head_check(const void *head, size_t len, uint64_t file_bytes, struct image_head *out,
                     struct err *e);
/** The same for an open file. */
int image_head_file(int fd, struct image_head *out, struct err *e);
#endif
