#ifndef BY_DRIVERS_HOST_EXTENT_H
#define BY_DRIVERS_HOST_EXTENT_H
/* Overwriting a file where it lies: zeros over every allocated extent, written and preallocated
 * ones, up to the end of the last block; synced; then read back from the disk, not from memory.
 * Nothing is truncated, punched or unlinked before: what is freed first can no longer be reached.
 * Holes cost nothing.  The file keeps its size.
 * What cannot be reached through the file is not overwritten: blocks that were freed earlier,
 * blocks that the disk itself remapped, the file system's journal (with ext4's usual data=ordered
 * it holds names and sizes, not content; with inline_data, which a pool should not have, also what
 * a file held while it was smaller than an inode).  Where the file system moves what is written
 * (copy on write) or shares blocks with another file, the report says so; the caller puts it into
 * the certificate. Errors: NOT_FOUND, BUSY (somebody holds a lock on the file: stop the guest
 * first), NO_SPACE, IO (also: read back other than zero), UNSUPPORTED (no plain file).  Threads:
 * any, one per file. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"

struct extent_report {
    bool existed;                /* false: there was no such file, all else is 0 */
    uint64_t size_bytes;         /* apparent size */
    uint64_t extents;            /* allocated ones */
    uint64_t overwritten_bytes;  /* of allocated extents, to the end of their blocks */
    uint64_t read_back_bytes;    /* found zero */
    uint64_t preallocated_bytes; /* of overwritten: allocated, never written before */
    uint64_t shared_bytes;       /* blocks that another file shares: that file still has them */
    uint64_t moved_bytes; /* the file system wrote elsewhere: the old blocks were not reached */
    bool inline_data;     /* content lies in the inode: old copies may be in the journal */
    bool journaled;       /* the file system writes content to its journal first (data=journal) */
    bool direct;          /* past the page cache, both ways */
    bool mapped;          /* by FIEMAP; false: by SEEK_DATA, preallocated parts unseen */
    int64_t write_ns, read_ns; /* spent overwriting and syncing, reading back */
};

/* Called after each piece, from the same thread; returning non-zero stops with TIMEOUT ("stopped"):
 * a later call starts over. */
struct extent_watch {
    int (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
    void *ctx;
};

/** Overwrite path.  Absent is success with existed false.  w may be NULL.  *out is written on
 * success only. */
int extent_erase(const char *path, const struct extent_watch *w, struct extent_report *out,
                 struct err *e);
/** A sentence a part on what could not be overwritten, for the certificate; "" when nothing. */
struct strbuf;
void extent_limits(const struct extent_report *r, struct strbuf *out);
#endif
