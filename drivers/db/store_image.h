#ifndef BY_DRIVERS_DB_STORE_IMAGE_H
#define BY_DRIVERS_DB_STORE_IMAGE_H
/* Base images as rows; their bytes are files that controller/image_file.h knows.
 * Threads: owner of the connection; changes by the writer. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "drivers/db/page.h"
#include "policies/image_fsm.h"

struct image_row {
    char id[W_ID], sha256[W_HASH], name[W_NAME], version[W_NAME], os[W_NAME], default_user[40];
    char account[W_ID], publisher[W_ID];
    int arch, boot, format;
    uint64_t min_disk_gib, min_mem_mib, size_bytes, virtual_bytes;
    bool guest_agent;
    enum image_state state;
    const char *reason;
    int64_t created_ms, checked_ms, published_ms, retired_ms;
};

/** 1 found, 0 not, -1 error. */
int image_by_id(struct db *d, const char *id, struct arena *a, struct image_row *out,
                struct err *e);
int image_by_sha(struct db *d, const char *sha256, struct arena *a, struct image_row *out,
                 struct err *e);
/** The oldest of a state. */
int image_in_state(struct db *d, enum image_state s, struct arena *a, struct image_row *out,
                   struct err *e);
/** 1 when another image than this one has the name and version, 0 not, -1 error. */
int image_name_taken(struct db *d, const char *name, const char *version, const char *but,
                     struct err *e);
typedef int (*image_fn)(void *arg, const struct image_row *r, struct err *e);
/** Of a name, or of all ("" ): at most 1,000, by name, the newest first. */
int image_each(struct db *d, const char *name, const struct db_page *from, struct arena *a,
               image_fn fn, void *arg, struct err *e);

/** A new one, state as in the row. */
int image_insert(struct db *d, const struct image_row *r, struct err *e);
/** What is said of it anew. */
int image_describe(struct db *d, const struct image_row *r, struct err *e);
/** The one place that changes a state: CONFLICT when the move is no row of image_fsm.def; r->state
 * is then as before. */
int image_move(struct db *d, struct image_row *r, enum image_event ev, struct err *e);
/** What checking found; reason "" when it is good. */
int image_found(struct db *d, const struct image_row *r, const char *reason, int64_t now_ms,
                struct err *e);
int image_note_published(struct db *d, const struct image_row *r, const char *account,
                         int64_t now_ms, struct err *e);
int image_note_retired(struct db *d, const struct image_row *r, int64_t now_ms, struct err *e);
#endif
