#include "drivers/db/migrate.h"

#include <stdio.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/db/sqlite.h"

/* Ends with a row of zeros, so that a store without migrations still has a table. */
static const struct migration compiled_in[] = {
#include "drivers/db/migrate_sql.h"
    {0},
};

static void
stmt_end(sqlite3_stmt *st)
{
    (void)sqlite3_finalize(st); /* repeats the error of the step, told already */
}
SCOPE_FN(stmt_end, sqlite3_stmt)

const struct migration *
migrate_list(size_t *count)
{
    *count = ARRAY_LEN(compiled_in) - 1;
    return compiled_in;
}

static int
migrate_one_int(sqlite3 *s, const char *sql, int64_t *out, struct err *e)
{
    SCOPED(stmt_end) sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(s, sql, -1, &st, NULL) != SQLITE_OK)
        return sqlite_err(s, "schema_version", e);
    switch (sqlite3_step(st)) {
    case SQLITE_ROW:
        *out = sqlite3_column_int64(st, 0);
        return 0;
    case SQLITE_DONE:
        *out = 0;
        return 0;
    default:
        return sqlite_err(s, "schema_version", e);
    }
}

/* Which number the store is at, after comparing the text of every migration that was run. */
static int
migrate_at(sqlite3 *s, const struct migration *list, size_t count, size_t *at, struct err *e)
{
    SCOPED(stmt_end) sqlite3_stmt *st = NULL;
    int64_t n = 0, seen = 0;
    int rc;

    if (migrate_one_int(s, "SELECT count(*) FROM sqlite_master WHERE name='schema_version'", &n,
                        e) < 0)
        return -1;
    *at = 0;
    if (n == 0)
        return 0;
    if (sqlite3_prepare_v2(s, "SELECT n, sha256 FROM schema_version ORDER BY n", -1, &st, NULL) !=
        SQLITE_OK)
        return sqlite_err(s, "schema_version", e);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        n = sqlite3_column_int64(st, 0);
        if (n > (int64_t)count)
            return err_set(e, BY_E_CONFLICT,
                           "the store has schema %lld, this program knows %zu: run the newer "
                           "program, or restore a backup of before",
                           (long long)n, count);
        if (n != ++seen ||
            strcmp((const char *)sqlite3_column_text(st, 1), list[n - 1].sha256) != 0)
            return err_set(e, BY_E_CONFLICT,
                           "schema %lld of the store is not %s of this program: the store was "
                           "made by another build",
                           (long long)n, list[seen - 1].name);
    }
    *at = (size_t)seen;
    return rc == SQLITE_DONE ? 0 : sqlite_err(s, "schema_version", e);
}

static int
migrate_note(sqlite3 *s, const struct migration *m, struct err *e)
{
    SCOPED(stmt_end) sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(s, "INSERT INTO schema_version(n, sha256, at) VALUES(?, ?, ?)", -1, &st,
                           NULL) != SQLITE_OK)
        return sqlite_err(s, "schema_version", e);
    (void)sqlite3_bind_int(st, 1, m->n);
    (void)sqlite3_bind_text(st, 2, m->sha256, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 3, clock_wall_ms());
    return sqlite3_step(st) == SQLITE_DONE ? 0 : sqlite_err(s, "schema_version", e);
}

static int
migrate_check_keys(sqlite3 *s, struct err *e)
{
    SCOPED(stmt_end) sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(s, "PRAGMA foreign_key_check", -1, &st, NULL) != SQLITE_OK)
        return sqlite_err(s, "foreign keys", e);
    switch (sqlite3_step(st)) {
    case SQLITE_DONE:
        return 0;
    case SQLITE_ROW:
        return err_set(e, BY_E_BUG, "rows of %s would point to nothing",
                       (const char *)sqlite3_column_text(st, 0));
    default:
        return sqlite_err(s, "foreign keys", e);
    }
}

/* One migration in one transaction.  *at is read again inside it: another process may have been
 * faster. */
static int
migrate_step(sqlite3 *s, const struct migration *list, size_t count, size_t *at, struct err *e)
{
    const struct migration *m;

    if (sqlite_run(s, "BEGIN IMMEDIATE", e) < 0)
        return -1;
    if (migrate_at(s, list, count, at, e) < 0)
        goto undo;
    if (*at == count)
        return sqlite_run(s, "COMMIT", e);
    m = &list[*at];
    if (sqlite_run(s,
                   "CREATE TABLE IF NOT EXISTS schema_version(n INTEGER PRIMARY KEY, sha256 TEXT "
                   "NOT NULL, at INTEGER NOT NULL)",
                   e) < 0 ||
        sqlite_run(s, m->sql, e) < 0 || migrate_check_keys(s, e) < 0 || migrate_note(s, m, e) < 0 ||
        sqlite_run(s, "COMMIT", e) < 0) {
        (void)err_wrap(e, "migration %s", m->name);
        goto undo;
    }
    (*at)++;
    return 0;
undo:
    (void)sqlite3_exec(s, "ROLLBACK", NULL, NULL, NULL); /* the first error counts */
    return -1;
}

int
migrate_run(sqlite3 *s, const char *path, const struct migration *list, size_t count, struct err *e)
{
    char copy[4096];
    size_t at = 0;
    int rc = 0;

    if (migrate_at(s, list, count, &at, e) < 0)
        return -1;
    if (at == count)
        return 0;
    if (at > 0) {
        (void)snprintf(copy, sizeof(copy), "%s.before-%04d", path, list[at].n);
        if (sqlite_copy(s, copy, e) < 0)
            return err_wrap(e, "copy of the store before changing it");
    }
    /* Rebuilding a table drops it: keys are checked at the end of each transaction instead. */
    if (sqlite_run(s, "PRAGMA foreign_keys=OFF", e) < 0)
        return -1;
    while (rc == 0 && at < count)
        rc = migrate_step(s, list, count, &at, e);
    if (sqlite_run(s, "PRAGMA foreign_keys=ON", rc == 0 ? e : NULL) < 0)
        rc = -1;
    return rc;
}

int
migrate_check(sqlite3 *s, const struct migration *list, size_t count, struct err *e)
{
    size_t at = 0;

    if (migrate_at(s, list, count, &at, e) < 0)
        return -1;
    if (at != count)
        return err_set(e, BY_E_CONFLICT,
                       "the store has schema %zu, this program needs %zu: start the controller "
                       "once to bring it up to date",
                       at, count);
    return 0;
}
