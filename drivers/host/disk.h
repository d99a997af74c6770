#ifndef BY_DRIVERS_HOST_DISK_H
#define BY_DRIVERS_HOST_DISK_H
/* Disks of machines that others made, looked at through their own files: how large a guest sees
 * them, what they are laid over.  The format is what the definition says, never guessed from the
 * bytes: a guest writes those.  Reads a few hundred bytes, no locks.  Threads: any. */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/** What the guest sees of a file or block device; 0 when it cannot be told. */
uint64_t disk_bytes(const char *path, const char *format);
/** The file that a qcow2 file is laid over, as an absolute path; false when there is none, or none
 * that is a file. */
bool disk_backing(const char *path, const char *format, char out[PATH_MAX]);
/** A plain file under one name: whoever overwrites it overwrites nothing else.  Absent: true. */
bool disk_is_single(const char *path);
#endif
