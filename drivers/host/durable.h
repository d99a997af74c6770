#ifndef BY_DRIVERS_HOST_DURABLE_H
#define BY_DRIVERS_HOST_DURABLE_H
/* Small files that must survive a power cut: the old bytes or the new ones, never half, and never
 * neither.  Paths are plain; a last part that is a symbolic link is replaced, not followed.
 * Errors: NOT_FOUND, NO_SPACE, TOO_LARGE, DENIED, IO.  Threads: any; two writers of one path: one
 * of them wins whole. */
#include <stddef.h>
#include <sys/types.h>

#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"

/** Make every missing folder of path with this mode, and sync what was made.  There already is
 * success; something there that is no folder is CONFLICT. */
int durable_mkdirs(const char *path, mode_t mode, struct err *e);
/** Replace path: temporary file beside it, fsync, rename, fsync of the folder.  On success the
 * bytes are on the disk; on failure the old file is as it was. */
int durable_write(const char *path, const void *bytes, size_t len, mode_t mode, struct err *e);
/** Append the whole file to *out; more than max bytes is TOO_LARGE and *out stays as it was. */
int durable_read(const char *path, size_t max, struct strbuf *out, struct err *e);
/** Unlink and sync the folder; absent is success.  Does not overwrite: extent_erase() does. */
int durable_remove(const char *path, struct err *e);
/** Sync the folder that path lies in, after a rename or link by other means. */
int durable_sync_parent(const char *path, struct err *e);
#define DURABLE_ENDING_MS 5000
/** Lock the open file for this process alone.  One that was just killed holds it until its last
 * write to the disk is over: so long, DURABLE_ENDING_MS at most, wait_ms lets it.  0, or -1 with
 * errno: EWOULDBLOCK when another has it. */
int durable_lock(int fd, int wait_ms);
/** err_set() from errno with a code that fits: "WHAT PATH: reason". */
int durable_errno(struct err *e, int error, const char *what, const char *path);
#endif
