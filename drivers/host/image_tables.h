#ifndef BY_DRIVERS_HOST_IMAGE_TABLES_H
#define BY_DRIVERS_HOST_IMAGE_TABLES_H
/* Whether everything that a qcow2 file points at lies in it: a file that was cut has a good head
 * and lacks its end.  Reads the tables and no data; allocates 64 KiB twice; reads at most as many
 * bytes as the file has, whatever the tables say.  The head was taken by image_head_check().  Any
 * thread. */
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"

struct image_bytes {
    /** Exactly len bytes from at; 0, or -1 with the reason. */
    int (*read)(void *arg, uint64_t at, void *buf, size_t len, struct err *e);
    void *arg;
    uint64_t size;
};

/** INVALID: cut or damaged.  What is no qcow2 is fine. */
int image_tables_check(const struct image_bytes *f, struct err *e);
/** The same for an open file. */
int image_tables_file(int fd, struct err *e);
#endif
