#include "drivers/db/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>

#include "drivers/base/fault.h"
#include "drivers/db/migrate.h"
#include "drivers/db/sqlite.h"

/* How long a call may wait for another connection's lock. */
#define BUSY_TIMEOUT_MS 5000
/* After a checkpoint the log file is cut to this. */
#define LOG_KEEP_BYTES "67108864"
#define CACHE_KIB "4096"
#define CACHE_READ_KIB "2048"

struct db_rows {
    struct db *d;
    sqlite3_stmt *st;
    bool open, ended;
};

/* What begins and ends transactions: prepared once, too. */
enum db_word {
    WORD_BEGIN_READ,
    WORD_BEGIN_WRITE,
    WORD_COMMIT,
    WORD_ROLLBACK,
    WORD_SAVEPOINT,
    WORD_SAVEPOINT_BACK,
    WORD_SAVEPOINT_RELEASE,
    WORD__MAX
};
static const char *const words[] = {
    [WORD_BEGIN_READ] = "BEGIN",
    [WORD_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [WORD_COMMIT] = "COMMIT",
    [WORD_ROLLBACK] = "ROLLBACK",
    [WORD_SAVEPOINT] = "SAVEPOINT step",
    [WORD_SAVEPOINT_BACK] = "ROLLBACK TO step",
    [WORD_SAVEPOINT_RELEASE] = "RELEASE step",
};

struct db {
    sqlite3 *s;
    sqlite3_stmt *words[WORD__MAX]; /* those used so far */
    bool read_only;
    struct db_schema schema;
    sqlite3_stmt **stmts;
    struct db_rows *rows; /* one for each statement: a query costs no allocation */
    db_change_fn on_change;
    void *on_change_arg;
};

static const char *const statements[] = {
#define STMT(id, sql) sql,
#include "drivers/db/stmt.def"
#undef STMT
    NULL,
};

struct db_value
db_text(const char *s)
{
    if (s == NULL)
        return (struct db_value){.type = DB_NULL};
    return (struct db_value){.type = DB_TEXT, .s = s, .len = strlen(s)};
}

struct db_value
db_blob(const void *bytes, size_t len)
{
    if (bytes == NULL)
        return (struct db_value){.type = DB_NULL};
    return (struct db_value){.type = DB_BLOB, .s = bytes, .len = len};
}

void
db_uncounted(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* too late is slower, no more */
}

static int
db_prepare_one(struct db *d, size_t i, struct err *e)
{
    const char *tail = "";

    if (sqlite3_prepare_v3(d->s, d->schema.statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                           &d->stmts[i], &tail) != SQLITE_OK)
        return sqlite_err(d->s, d->schema.statements[i], e);
    if (*tail != '\0')
        return err_set(e, BY_E_BUG, "more than one statement: %s", d->schema.statements[i]);
    return 0;
}

/* The connection that writes tries every statement; each keeps those that it has used: most use
 * few, and all of them would be some megabytes in each connection. */
static int
db_prepare(struct db *d, struct err *e)
{
    size_t n = d->schema.statement_count;

    d->stmts = calloc(n + 1, sizeof(*d->stmts));
    d->rows = calloc(n + 1, sizeof(*d->rows));
    if (d->stmts == NULL || d->rows == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    for (size_t i = 0; !d->read_only && i < n; i++) {
        if (db_prepare_one(d, i, e) < 0)
            return -1;
        (void)sqlite3_finalize(d->stmts[i]); /* it has not run */
        d->stmts[i] = NULL;
    }
    return 0;
}

/* SQLite would make the file readable for all. */
static int
db_create_file(const char *path, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    SCOPED(fd) int dir = -1;
    char name[4096];

    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO, "store %s: %s", path,
                       strerror(errno));
    (void)snprintf(name, sizeof(name), "%s", path);
    dir = open(dirname(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) < 0)
        return err_set(e, BY_E_IO, "folder of the store %s: %s", path, strerror(errno));
    return 0;
}

static int
db_setup(struct db *d, const char *path, struct err *e)
{
    const struct db_schema *c = &d->schema;

    if (sqlite3_extended_result_codes(d->s, 1) != SQLITE_OK ||
        sqlite3_busy_timeout(d->s, BUSY_TIMEOUT_MS) != SQLITE_OK ||
        /* Plans are not made anew for each value where a partial index could help one of them. */
        sqlite3_db_config(d->s, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL) != SQLITE_OK)
        return sqlite_err(d->s, path, e);
    if (sqlite_run(d->s,
                   "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; "
                   "PRAGMA cache_size=-" CACHE_READ_KIB,
                   e) < 0)
        return -1;
    if (d->read_only)
        return migrate_check(d->s, c->migrations, c->migration_count, e);
    if (sqlite_run(d->s,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                   "PRAGMA wal_autocheckpoint=8192; PRAGMA cache_size=-" CACHE_KIB "; "
                   "PRAGMA journal_size_limit=" LOG_KEEP_BYTES,
                   e) < 0)
        return -1;
    return migrate_run(d->s, path, c->migrations, c->migration_count, e);
}

int
db_open_schema(const char *path, bool read_only, const struct db_schema *schema, struct db **out,
               struct err *e)
{
    SCOPED(db_free) struct db *d = calloc(1, sizeof(*d));
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

    if (d == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    d->read_only = read_only;
    d->schema = *schema;
    if (!read_only && db_create_file(path, e) < 0)
        return -1;
    if (sqlite3_open_v2(path, &d->s, flags, NULL) != SQLITE_OK) {
        (void)sqlite_err(d->s, path, e);
        return err_wrap(e, "store");
    }
    if (db_setup(d, path, e) < 0 || db_prepare(d, e) < 0)
        return err_wrap(e, "store %s", path);
    *out = TAKE(d);
    return 0;
}

int
db_open(const char *path, bool read_only, struct db **out, struct err *e)
{
    struct db_schema ours = {.statements = statements, .statement_count = DB_STMT__MAX};

    ours.migrations = migrate_list(&ours.migration_count);
    return db_open_schema(path, read_only, &ours, out, e);
}

void
db_free(struct db *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; d->stmts != NULL && i < d->schema.statement_count; i++)
        (void)sqlite3_finalize(d->stmts[i]); /* repeats an error told already */
    for (size_t i = 0; i < WORD__MAX; i++)
        (void)sqlite3_finalize(d->words[i]); /* likewise */
    free(d->stmts);
    free(d->rows);
    if (d->s != NULL)
        (void)sqlite3_close(d->s); /* an open transaction is rolled back */
    free(d);
}

int
db_limit_bytes(struct db *d, int64_t bytes, struct err *e)
{
    char sql[80];

    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld", (long long)(bytes / 4096));
    return sqlite_run(d->s, sql, e);
}

int
db_limit_cache(struct db *d, int kib, struct err *e)
{
    char sql[80];

    (void)snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%d", kib);
    return sqlite_run(d->s, sql, e);
}

static void
db_changed(void *arg, int what, const char *base, const char *table, sqlite3_int64 row)
{
    const struct db *d = arg;

    (void)what;
    (void)base;
    d->on_change(d->on_change_arg, table, row);
}

void
db_on_change(struct db *d, db_change_fn fn, void *arg)
{
    d->on_change = fn;
    d->on_change_arg = arg;
    (void)sqlite3_update_hook(d->s, fn == NULL ? NULL : db_changed, d); /* the one before */
}

static int
db_say(struct db *d, enum db_word w, struct err *e)
{
    int rc;

    if (d->words[w] == NULL && sqlite3_prepare_v3(d->s, words[w], -1, SQLITE_PREPARE_PERSISTENT,
                                                  &d->words[w], NULL) != SQLITE_OK)
        return sqlite_err(d->s, "store", e);
    rc = sqlite3_step(d->words[w]) == SQLITE_DONE ? 0 : sqlite_err(d->s, "store", e);
    (void)sqlite3_reset(d->words[w]); /* repeats the error of the step */
    return rc;
}

int
db_begin(struct db *d, struct err *e)
{
    return db_say(d, d->read_only ? WORD_BEGIN_READ : WORD_BEGIN_WRITE, e);
}

void
db_rollback(struct db *d)
{
    if (!sqlite3_get_autocommit(d->s))
        (void)db_say(d, WORD_ROLLBACK, NULL); /* cannot fail usefully */
}

int
db_commit(struct db *d, struct err *e)
{
    enum fault_verdict before = fault_at(BY_FAULT_COMMIT_BEFORE);

    if (before == FAULT_FAIL) {
        db_rollback(d);
        return err_set(e, BY_E_IO, "store: the commit failed");
    }
    if (db_say(d, WORD_COMMIT, e) < 0) {
        db_rollback(d);
        return -1;
    }
    if (fault_at(BY_FAULT_COMMIT_AFTER) != FAULT_NONE || before == FAULT_LOSE)
        return err_set(e, BY_E_IO, "store: the answer of the commit was lost");
    return 0;
}

int
db_savepoint(struct db *d, struct err *e)
{
    return db_say(d, WORD_SAVEPOINT, e);
}

int
db_savepoint_release(struct db *d, struct err *e)
{
    return db_say(d, WORD_SAVEPOINT_RELEASE, e);
}

void
db_savepoint_rollback(struct db *d)
{
    /* A full disk may have ended the whole transaction already; then there is nothing to undo and
     * the commit says so. */
    if (db_say(d, WORD_SAVEPOINT_BACK, NULL) == 0)
        (void)db_say(d, WORD_SAVEPOINT_RELEASE, NULL);
}

static int
db_bind_one(sqlite3_stmt *st, int i, const struct db_value *v, sqlite3_destructor_type keep)
{
    switch (v->type) {
    case DB_INT:
        return sqlite3_bind_int64(st, i, v->i);
    case DB_TEXT:
        return sqlite3_bind_text64(st, i, v->s, v->len, keep, SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(st, i, v->s, v->len, keep);
    case DB_NULL:
        return sqlite3_bind_null(st, i);
    }
    return SQLITE_MISUSE;
}

static int
db_bind(struct db *d, enum db_stmt s, const struct db_value *v, size_t n,
        sqlite3_destructor_type keep, struct err *e)
{
    unsigned k = (unsigned)s;
    sqlite3_stmt *st;

    if (k >= d->schema.statement_count)
        return err_set(e, BY_E_BUG, "store: no statement %u", k);
    if (d->stmts[k] == NULL && db_prepare_one(d, k, e) < 0)
        return -1;
    st = d->stmts[k];
    if (d->rows[k].open)
        return err_set(e, BY_E_BUG, "store: still running: %s", d->schema.statements[k]);
    if ((size_t)sqlite3_bind_parameter_count(st) != n)
        return err_set(e, BY_E_BUG, "store: %zu values for %d: %s", n,
                       sqlite3_bind_parameter_count(st), d->schema.statements[k]);
    for (size_t i = 0; i < n; i++) {
        if (db_bind_one(st, (int)i + 1, &v[i], keep) != SQLITE_OK) {
            (void)sqlite_err(d->s, d->schema.statements[k], e);
            (void)sqlite3_clear_bindings(st); /* always succeeds */
            return -1;
        }
    }
    return 0;
}

static void
db_stmt_end(sqlite3_stmt *st)
{
    (void)sqlite3_reset(st);          /* repeats the error of the step */
    (void)sqlite3_clear_bindings(st); /* the values are the caller's */
}

int
db_exec(struct db *d, enum db_stmt s, const struct db_value *v, size_t n, int *changed,
        struct err *e)
{
    sqlite3_stmt *st;
    int rc;

    if (db_bind(d, s, v, n, SQLITE_STATIC, e) < 0)
        return -1;
    st = d->stmts[s];
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        rc = err_set(e, BY_E_BUG, "store: returns rows: %s", d->schema.statements[s]);
    else if (rc == SQLITE_DONE)
        rc = 0;
    else
        rc = sqlite_err(d->s, "store", e);
    if (rc == 0 && changed != NULL)
        *changed = sqlite3_changes(d->s);
    db_stmt_end(st);
    return rc;
}

int
db_query(struct db *d, enum db_stmt s, const struct db_value *v, size_t n, struct db_rows **out,
         struct err *e)
{
    struct db_rows *r;

    if (db_bind(d, s, v, n, SQLITE_TRANSIENT, e) < 0)
        return -1;
    r = &d->rows[s];
    *r = (struct db_rows){.d = d, .st = d->stmts[s], .open = true};
    *out = r;
    return 0;
}

int
db_next(struct db_rows *r, struct err *e)
{
    assert(r->open);
    if (r->ended)
        return 0; /* another step would run the statement again */
    switch (sqlite3_step(r->st)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        r->ended = true;
        return 0;
    default:
        r->ended = true;
        return sqlite_err(r->d->s, "store", e);
    }
}

int
db_first(struct db *d, enum db_stmt s, const struct db_value *v, size_t n, struct db_rows **out,
         struct err *e)
{
    return db_query(d, s, v, n, out, e) < 0 ? -1 : db_next(*out, e);
}

int64_t
db_int(const struct db_rows *r, int col)
{
    return sqlite3_column_int64(r->st, col);
}

const char *
db_str(const struct db_rows *r, int col)
{
    const void *s = sqlite3_column_type(r->st, col) == SQLITE_BLOB
                        ? sqlite3_column_blob(r->st, col)
                        : (const void *)sqlite3_column_text(r->st, col);

    return s == NULL ? "" : s;
}

void
db_copy(const struct db_rows *r, int col, char *out, size_t size)
{
    const char *s = sqlite3_column_blob(r->st, col); /* of a text: its bytes */
    size_t n = 0;

    if (s != NULL) {
        size_t have = (size_t)sqlite3_column_bytes(r->st, col);

        n = have < size ? have : size - 1;
        while (n > 0 && n < have && ((unsigned char)s[n] & 0xc0) == 0x80)
            n--; /* into the middle of a character */
        memcpy(out, s, n);
    }
    out[n] = '\0';
}

size_t
db_len(const struct db_rows *r, int col)
{
    return (size_t)sqlite3_column_bytes(r->st, col);
}

bool
db_is_null(const struct db_rows *r, int col)
{
    return sqlite3_column_type(r->st, col) == SQLITE_NULL;
}

void
db_rows_free(struct db_rows *r)
{
    if (r == NULL || !r->open)
        return;
    db_stmt_end(r->st);
    r->open = false;
}

int
db_backup(struct db *d, const char *path, struct err *e)
{
    return sqlite_copy(d->s, path, e);
}
