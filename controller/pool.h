#ifndef BY_CONTROLLER_POOL_H
#define BY_CONTROLLER_POOL_H
/* Threads with one bounded queue.  Jobs of a reader pool get a read connection of their own thread.
 * Threads: pool_submit() from any. */
#include <stdbool.h>
#include <stddef.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/db/db.h"

enum { POOL_LOOK = 64 };

struct pool;
/** d: the thread's read connection, NULL in a pool without a store. */
typedef void (*pool_job)(void *arg, struct db *d);

struct pool_config {
    const char *name;       /* of the threads, at most 15 bytes */
    unsigned threads;       /* 1..64 */
    size_t queue;           /* jobs that may wait */
    const char *store_path; /* NULL: no connection */
};

int pool_new(const struct pool_config *p, struct pool **out, struct err *e);
/** Finish what is queued, then join.  NULL is fine. */
void pool_free(struct pool *p);
/** BUSY when the queue is full; then the job will not run. */
int pool_submit(struct pool *p, pool_job job, void *arg, struct err *e);
/** Take out of the queue, oldest first, up to max jobs of this kind whose arguments are like mine;
 * they are the caller's now.  Looks at no more than the next POOL_LOOK that wait. */
size_t pool_take_like(struct pool *p, pool_job job, bool (*like)(const void *mine, const void *its),
                      const void *mine, void **out, size_t max);
/** How many jobs wait. */
size_t pool_queued(struct pool *p);
SCOPE_FN(pool_free, struct pool)
#endif
