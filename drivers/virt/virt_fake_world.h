#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_WORLD_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_WORLD_H
/* The folder of a fake world: files replaced by rename under one lock, calls counted, the script
 * obeyed.  Only virt_fake*.c include this.  Renames are not synced: a process may die anywhere, a
 * power cut is not pretended.  Threads: a handle's fields are immutable but `gone`. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "drivers/base/strbuf.h"
#include "drivers/virt/virt.h"

struct fake {
    struct virt virt; /* first: handles are cast */
    char *world, *pool;
    bool read_only;
    atomic_bool gone; /* scripted: the connection is lost until it is opened again */
};

enum { FAKE_READS = 0, FAKE_CHANGES = 1, FAKE_NEEDS_POOL = 2 };

/* A call that holds the world's lock. */
struct fake_call {
    struct fake *f;
    const char *op;
    int lock;        /* its descriptor */
    bool lose, half; /* scripted */
};

/** Count the call, obey the script, then take the lock.  id may be NULL.  On failure there is
 * nothing to leave. */
int fake_enter(struct virt *v, const char *op, const char *id, int flags, struct fake_call *c,
               struct err *e);
/** Give the lock back; r is what the call came to. */
int fake_leave(struct fake_call *c, int r, struct err *e);
/** For tools: the lock alone. */
int fake_lock(const char *world, struct err *e);

/** Path of a file of the world, in the caller's memory of PATH_MAX bytes. */
int fake_path(const char *world, char *out, const char *folder, const char *name,
              const char *ending, struct err *e);
int fake_put(const char *path, const void *bytes, size_t len, struct err *e);
/** Append the file; NOT_FOUND. */
int fake_get(const char *path, struct strbuf *out, struct err *e);
/** Unlink; absent is success. */
int fake_drop(const char *path, struct err *e);
/** Names in world/folder that end so, without the ending, sorted; in the arena. */
int fake_names(const char *world, const char *folder, const char *ending, struct arena *a,
               const char *const **out, size_t *n, struct err *e);

/** "key=NUMBER" in a text of blank-separated words, or otherwise. */
long long fake_number(const char *text, const char *key, long long otherwise);
/** The same from a file of the world; an absent file has no words. */
long long fake_setting(const char *world, const char *file, const char *key, long long otherwise);
/** INVALID when id is not made of hex digits and dashes. */
int fake_id_check(const char *id, struct err *e);
#endif
