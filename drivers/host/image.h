#ifndef BY_DRIVERS_HOST_IMAGE_H
#define BY_DRIVERS_HOST_IMAGE_H
/* Base images: files named by their SHA-256 in one folder, as <sha256>.qcow2 or <sha256>.img (raw).
 * A file whose bytes do not have that hash is refused.  Hashing a large file costs seconds, so what
 * was found good is remembered in a small file by (device, inode, size, mtime, ctime); any change
 * means hashing again.  What image_head.h refuses is refused: a backing or data file would pull in
 * bytes that nobody hashed.
 * Errors: NOT_FOUND (no such image: what to do is in the message), CONFLICT (other content than its
 * name says), INVALID, IO.  Threads: any; processes may share the cache file. */
#include <limits.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

struct image {
    char path[PATH_MAX];
    enum w_format format;
    uint64_t virtual_bytes; /* what a guest sees */
};

/** Find and check.  cache_file may be absent or damaged (then all is hashed again) or NULL. */
int image_find(const char *dir, const char *sha256, const char *cache_file, struct image *out,
               struct err *e);
/** Note that a file was just hashed and found to be this image. */
void image_remember(const char *path, const char *sha256, const char *cache_file);
#endif
