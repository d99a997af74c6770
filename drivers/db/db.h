#ifndef BY_DRIVERS_DB_DB_H
#define BY_DRIVERS_DB_DB_H
/* A small vtable over an SQL engine.  SQL lives in stmt.def as named rows and nowhere else; values
 * are always bound.  Threads: one connection has one owner. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"

enum db_stmt {
#define STMT(id, sql) DB_##id,
#include "drivers/db/stmt.def"
#undef STMT
    DB_STMT__MAX
};

enum db_type { DB_INT, DB_TEXT, DB_BLOB, DB_NULL };
struct db_value {
    enum db_type type;
    int64_t i;
    const char *s; /* TEXT: NUL-terminated; BLOB: bytes */
    size_t len;
};
#define DBI(x) ((struct db_value){.type = DB_INT, .i = (int64_t)(x)})
#define DBS(x) db_text(x) /* NULL becomes SQL NULL */
struct db_value db_text(const char *s);
struct db_value db_blob(const void *bytes, size_t len);

struct db;
struct db_rows; /* a running query; end with db_rows_free() before the same statement runs again */

/** Before the first connection, while there is one thread: SQLite no longer counts its memory, at
 * the price of a lock that all connections share for each piece. */
void db_uncounted(void);
/** Open a file (created when absent, migrated to the newest schema; a newer schema is CONFLICT).
 * One that writes tries every statement here: a typo stops the daemon, not a user. */
int db_open(const char *path, bool read_only, struct db **out, struct err *e);
/** At most so many KiB of pages are kept; a connection that is opened keeps 4 MiB. */
int db_limit_cache(struct db *d, int kib, struct err *e);
/** As db_open() with another schema and other statements (then enum db_stmt is an index into them):
 * for tests of this module. */
struct migration;
struct db_schema {
    const struct migration *migrations;
    size_t migration_count;
    const char *const *statements; /* each is borrowed for the life of the connection */
    size_t statement_count;
};
int db_open_schema(const char *path, bool read_only, const struct db_schema *schema,
                   struct db **out, struct err *e);
void db_free(struct db *d);
/** Cap the size of the store; beyond it writes fail with NO_SPACE. */
int db_limit_bytes(struct db *d, int64_t bytes, struct err *e);
int db_begin(struct db *d, struct err *e);
/** Durable on return.  On -1 the transaction is over too: rolled back, or (fault point: answer
 * lost) committed without our knowing.  Fault points COMMIT_BEFORE, COMMIT_AFTER. */
int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d);                /* nothing when no transaction is open */
int db_savepoint(struct db *d, struct err *e); /* one level inside a transaction */
int db_savepoint_release(struct db *d, struct err *e);
void db_savepoint_rollback(struct db *d);

/** Run one that returns no rows; *changed (may be NULL) counts rows changed.  A unique or foreign
 * key violation is CONFLICT, a full disk NO_SPACE. */
int db_exec(struct db *d, enum db_stmt s, const struct db_value *v, size_t n, int *changed,
            struct err *e);
#define DB_EXEC(d, s, changed, e, ...)                                                             \
    db_exec(d, s, (const struct db_value[]){__VA_ARGS__},                                          \
            sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value), changed, e)
int db_query(struct db *d, enum db_stmt s, const struct db_value *v, size_t n, struct db_rows **out,
             struct err *e);
#define DB_QUERY(d, s, out, e, ...)                                                                \
    db_query(d, s, (const struct db_value[]){__VA_ARGS__},                                         \
             sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value), out, e)
/** 1 a row, 0 the end, -1 an error. */
int db_next(struct db_rows *r, struct err *e);
/** Run one and take its first row: 1 with it, 0 none, -1 an error. */
int db_first(struct db *d, enum db_stmt s, const struct db_value *v, size_t n, struct db_rows **out,
             struct err *e);
#define DB_FIRST(d, s, out, e, ...)                                                                \
    db_first(d, s, (const struct db_value[]){__VA_ARGS__},                                         \
             sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value), out, e)
int64_t db_int(const struct db_rows *r, int col);
const char *db_str(const struct db_rows *r, int col); /* "" for NULL; valid until db_next() */
/** As many whole characters of it as fit, as a string. */
void db_copy(const struct db_rows *r, int col, char *out, size_t size);
size_t db_len(const struct db_rows *r, int col); /* bytes of a TEXT or BLOB */
bool db_is_null(const struct db_rows *r, int col);
void db_rows_free(struct db_rows *r);
SCOPE_FN(db_rows_free, struct db_rows)
SCOPE_FN(db_free, struct db)
/** Hear of each row that this connection adds, changes or removes: its table and its number. Not of
 * rows of tables WITHOUT ROWID, of those that REPLACE takes away, or of a DELETE of all rows.
 * Called in the middle of the statement, and not told when that is rolled back; it may not use the
 * connection.  NULL: no more. */
typedef void (*db_change_fn)(void *arg, const char *table, int64_t row);
void db_on_change(struct db *d, db_change_fn fn, void *arg);
/** Copy the whole store to a file while it is in use. */
int db_backup(struct db *d, const char *path, struct err *e);
#endif
