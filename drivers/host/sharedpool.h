#ifndef BY_DRIVERS_HOST_SHAREDPOOL_H
#define BY_DRIVERS_HOST_SHAREDPOOL_H
/* The small files in a pool's folder that several hosts see (docs/decisions/0025): who it is, who
 * its steward is, what hosts ask that steward, what it answered, which volumes are filled.  They
 * lie in POOL/.bianyun, written whole or not at all; every host of the pool may write there, so
 * links are never followed and nothing is read that is no plain file.
 * Errors: NOT_FOUND, CONFLICT, TOO_LARGE, NO_SPACE, DENIED, BUSY, IO.  Threads: any. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/wire.h"

/* Folders of files.  Asks and answers are named RESOURCE.HOST, filled volumes by their id. */
enum sharedpool_kind { SHAREDPOOL_ASK, SHAREDPOOL_ANSWER, SHAREDPOOL_FILLED, SHAREDPOOL_KIND__MAX };
enum { SHAREDPOOL_NAME = 2 * W_ID, SHAREDPOOL_BYTES = 1 << 20 };

struct sharedpool_file {
    char name[SHAREDPOOL_NAME];
    int64_t age_ms;      /* since it was written, by the file system's and this host's clocks */
    const char *content; /* NULL: not read, or not readable */
};

/** The identity of the pool at this folder; NOT_FOUND: it is not shared, or not mounted. */
int sharedpool_identify(const char *pool, char id[W_ID], struct err *e);
/** Mark a folder as shared; marked already is success.  id: what it is now. */
int sharedpool_share(const char *pool, char id[W_ID], struct err *e);

/** Newest word in the pool of who its steward is; NOT_FOUND: none yet. */
int sharedpool_steward_read(const char *pool, struct strbuf *out, struct err *e);
int sharedpool_steward_write(const char *pool, const char *text, struct err *e);
/** Hold the steward's lock until *fd is closed; BUSY: another process has it, here or on another
 * host. */
int sharedpool_lock(const char *pool, int *fd, struct err *e);

/** RESOURCE.HOST. */
void sharedpool_name(const char *resource, const char *host, char out[SHAREDPOOL_NAME]);
/** Whether a name is RESOURCE.HOST of two well-formed ids; both are copied. */
bool sharedpool_name_split(const char *name, char resource[W_ID], char host[W_ID]);
/** Files with well-formed names, at most max, in no order; others are passed over.
 * Nothing of them is read. */
int sharedpool_list(const char *pool, enum sharedpool_kind kind, size_t max, struct arena *a,
                    struct sharedpool_file **out, size_t *n, struct err *e);
int sharedpool_read(const char *pool, enum sharedpool_kind kind, const char *name,
                    struct strbuf *out, struct err *e);
int sharedpool_write(const char *pool, enum sharedpool_kind kind, const char *name,
                     const char *text, struct err *e);
/** Absent is success. */
int sharedpool_remove(const char *pool, enum sharedpool_kind kind, const char *name, struct err *e);
#endif
