#ifndef BY_DRIVERS_DB_MIGRATE_H
#define BY_DRIVERS_DB_MIGRATE_H
/* Numbered, forward-only changes of the schema.  Files migrate/NNNN-what.sqlite.sql are compiled
 * in; the table schema_version(n, sha256, at) says which were run.  Each runs in one transaction.
 * Before the first change of a store that already has a schema, the whole store is copied to
 * <path>.before-NNNN.  Threads: the owner of the handle. */
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"

struct migration {
    int n; /* from 1, without gaps */
    const char *name, *sha256, *sql;
};

/** The compiled-in list, sorted; *count is at least 0. */
const struct migration *migrate_list(size_t *count);
/** Bring the store to the newest schema.  CONFLICT when the store is newer than this program, or
 * when a migration that was run has another text than ours. */
int migrate_run(sqlite3 *s, const char *path, const struct migration *list, size_t count,
                struct err *e);
/** For connections that may not write: CONFLICT unless the schema is exactly ours. */
int migrate_check(sqlite3 *s, const struct migration *list, size_t count, struct err *e);
#endif
