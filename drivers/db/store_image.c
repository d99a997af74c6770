#include "drivers/db/store_image.h"

#include <stdio.h>
#include <string.h>

#define COPY(dst, r, col) db_copy(r, col, dst, sizeof(dst))

static int
arch_of(const char *word)
{
    for (int i = 1; w_arch_names[i] != NULL; i++)
        if (strcmp(w_arch_names[i], word) == 0)
            return i;
    return ARCH_NONE;
}

/* As IMAGE_COLS. */
static void
image_read(const struct db_rows *r, struct arena *a, struct image_row *o)
{
    memset(o, 0, sizeof(*o));
    COPY(o->id, r, 0);
    COPY(o->sha256, r, 1);
    COPY(o->name, r, 2);
    COPY(o->version, r, 3);
    COPY(o->os, r, 4);
    o->arch = arch_of(db_str(r, 5));
    o->boot = (int)db_int(r, 6);
    o->min_disk_gib = (uint64_t)db_int(r, 7);
    o->min_mem_mib = (uint64_t)db_int(r, 8);
    COPY(o->default_user, r, 9);
    o->guest_agent = db_int(r, 10) != 0;
    o->size_bytes = (uint64_t)db_int(r, 11);
    o->format = (int)db_int(r, 12);
    o->virtual_bytes = (uint64_t)db_int(r, 13);
    o->state = image_state_of(db_str(r, 14));
    o->reason = arena_strdup(a, db_str(r, 15));
    COPY(o->account, r, 16);
    o->created_ms = db_int(r, 17);
    o->checked_ms = db_int(r, 18);
    COPY(o->publisher, r, 19);
    o->published_ms = db_int(r, 20);
    o->retired_ms = db_int(r, 21);
}

static int
image_one(struct db *d, enum db_stmt s, const char *key, struct arena *a, struct image_row *out,
          struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, s, &r, e, DBS(key)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1)
        image_read(r, a, out);
    return rc;
}

int
image_by_id(struct db *d, const char *id, struct arena *a, struct image_row *out, struct err *e)
{
    return image_one(d, DB_IMAGE_GET, id, a, out, e);
}

int
image_by_sha(struct db *d, const char *sha256, struct arena *a, struct image_row *out,
             struct err *e)
{
    return image_one(d, DB_IMAGE_BY_SHA, sha256, a, out, e);
}

int
image_in_state(struct db *d, enum image_state s, struct arena *a, struct image_row *out,
               struct err *e)
{
    return image_one(d, DB_IMAGE_BY_STATE, image_state_name(s), a, out, e);
}

int
image_name_taken(struct db *d, const char *name, const char *version, const char *but,
                 struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_IMAGE_BY_NAME, &r, e, DBS(name), DBS(version)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    return rc == 1 && strcmp(db_str(r, 0), but) != 0;
}

int
image_each(struct db *d, const char *name, const struct db_page *from, struct arena *a, image_fn fn,
           void *arg, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_IMAGE_LIST, &r, e, DBS(name), DBS(name), DBS(from->text), DBI(from->n),
                 DBS(from->id), DBI(from->limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct image_row row;

        image_read(r, a, &row);
        if (fn(arg, &row, e) < 0)
            return -1;
    }
    return rc;
}

int
image_insert(struct db *d, const struct image_row *r, struct err *e)
{
    return DB_EXEC(d, DB_IMAGE_INSERT, NULL, e, DBS(r->id), DBS(r->sha256), DBS(r->name),
                   DBS(r->version), DBS(r->os), DBS(w_arch_names[r->arch]), DBI(r->boot),
                   DBI(r->min_disk_gib), DBI(r->min_mem_mib), DBS(r->default_user),
                   DBI(r->guest_agent), DBI(r->size_bytes), DBS(image_state_name(r->state)),
                   DBS(r->account), DBI(r->created_ms));
}

int
image_describe(struct db *d, const struct image_row *r, struct err *e)
{
    return DB_EXEC(d, DB_IMAGE_DESCRIBE, NULL, e, DBS(r->name), DBS(r->version), DBS(r->os),
                   DBS(w_arch_names[r->arch]), DBI(r->boot), DBI(r->min_disk_gib),
                   DBI(r->min_mem_mib), DBS(r->default_user), DBI(r->guest_agent),
                   DBI(r->size_bytes), DBS(r->account), DBS(r->id));
}

int
image_move(struct db *d, struct image_row *r, enum image_event ev, struct err *e)
{
    static const char *const acts[IS_EV__MAX] = {"sent again", "completed", "passed",
                                                 "refused",    "published", "retired"};
    enum image_state to = image_fsm_next(r->state, ev);

    if (to == IS_NONE)
        return err_set(e, BY_E_CONFLICT, "image %s %s is %s: it cannot be %s", r->name, r->version,
                       image_state_name(r->state), acts[ev]);
    if (DB_EXEC(d, DB_IMAGE_STATE, NULL, e, DBS(image_state_name(to)), DBS(r->id)) < 0)
        return -1;
    r->state = to;
    return 0;
}

int
image_found(struct db *d, const struct image_row *r, const char *reason, int64_t now_ms,
            struct err *e)
{
    return DB_EXEC(d, DB_IMAGE_CHECKED, NULL, e, DBS(reason), DBI(r->format), DBI(r->virtual_bytes),
                   DBI(now_ms), DBS(r->id));
}

int
image_note_published(struct db *d, const struct image_row *r, const char *account, int64_t now_ms,
                     struct err *e)
{
    return DB_EXEC(d, DB_IMAGE_PUBLISHED, NULL, e, DBS(account), DBI(now_ms), DBS(r->id));
}

int
image_note_retired(struct db *d, const struct image_row *r, int64_t now_ms, struct err *e)
{
    return DB_EXEC(d, DB_IMAGE_RETIRED, NULL, e, DBI(now_ms), DBS(r->id));
}
