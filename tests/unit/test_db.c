#include <CUnit/CUnit.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/base/fault.h"
#include "drivers/base/scope.h"
#include "drivers/db/db.h"
#include "drivers/db/migrate.h"

/* Not the shipped schema: this module is tested by a small one of its own. */
static const struct migration steps[] = {
    {1, "0001-first", "aa", "CREATE TABLE unit(id TEXT PRIMARY KEY, name TEXT UNIQUE)"},
    {2, "0002-second", "bb",
     "CREATE TABLE vm(id INTEGER PRIMARY KEY, unit TEXT NOT NULL REFERENCES unit(id), body BLOB);"
     "INSERT INTO unit VALUES('u0', 'made by 0002')"},
    {3, "0003-third", "cc", "ALTER TABLE vm ADD COLUMN note TEXT"},
};
enum { ADD_UNIT, ADD_VM, LIST_UNIT, GET_VM, RENAME, ADD_BACK, COUNT_UNIT, S_MAX };
static const char *const sql[S_MAX] = {
    [ADD_UNIT] = "INSERT INTO unit(id, name) VALUES(?, ?)",
    [ADD_VM] = "INSERT INTO vm(id, unit, body) VALUES(?, ?, ?)",
    [LIST_UNIT] = "SELECT id, name FROM unit ORDER BY id",
    [GET_VM] = "SELECT body, note FROM vm WHERE id=?",
    [RENAME] = "UPDATE unit SET name=? WHERE id=?",
    [ADD_BACK] = "INSERT INTO unit(id, name) VALUES(?, ?) RETURNING name",
    [COUNT_UNIT] = "SELECT count(*) FROM unit",
};
#define S(x) ((enum db_stmt)(x))

struct place {
    char dir[64], file[96];
};

static void
place_make(struct place *p)
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(p->dir, sizeof(p->dir), "%s/by-db-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->dir));
    (void)snprintf(p->file, sizeof(p->file), "%s/store.db", p->dir);
}

static void
place_drop(struct place *p)
{
    DIR *d = opendir(p->dir);
    struct dirent *f;
    char path[400];

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    while ((f = readdir(d)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", p->dir, f->d_name);
        (void)unlink(path);
    }
    (void)closedir(d);
    CU_ASSERT_EQUAL(rmdir(p->dir), 0);
}
#define SCOPED_PLACE __attribute__((cleanup(place_drop))) struct place

static int
open_at(const struct place *p, bool read_only, size_t version, struct db **out, struct err *e)
{
    static const char *const none[] = {NULL};
    struct db_schema s = {steps, version, version == 3 ? sql : none, version == 3 ? S_MAX : 0};

    return db_open_schema(p->file, read_only, &s, out, e);
}

static int64_t
units(struct db *d)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(db_query(d, S(COUNT_UNIT), NULL, 0, &r, &e), 0);
    CU_ASSERT_EQUAL_FATAL(db_next(r, &e), 1);
    return db_int(r, 0);
}

static void
opens_the_shipped_schema(void)
{
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(db_free) struct db *reader = NULL;
    struct err e = {0};
    struct stat st;

    place_make(&p);
    CU_ASSERT_EQUAL(db_open(p.file, true, &d, &e), -1);
    CU_ASSERT_PTR_NULL(d);
    CU_ASSERT_EQUAL(db_open(p.file, false, &d, &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, e.code == BY_E_OK ? "" : e.msg);
    CU_ASSERT_EQUAL(stat(p.file, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(db_open(p.file, true, &reader, &e), 0);
}

static void
numbers_migrations_without_gaps(void)
{
    size_t n = 0;
    const struct migration *m = migrate_list(&n);

    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(m[i].n, (int)i + 1);
        CU_ASSERT_EQUAL(strlen(m[i].sha256), 64);
        CU_ASSERT(strlen(m[i].sql) > 0);
    }
}

static void
keeps_values_of_every_type(void)
{
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err e = {0};
    int changed = -7;

    place_make(&p);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), &changed, &e, DBS("u1"), DBS("财政局")), 0);
    CU_ASSERT_EQUAL(changed, 1);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_VM), NULL, &e, DBI(INT64_MAX), DBS("u1"), db_blob("a\0b", 3)),
                    0);
    CU_ASSERT_EQUAL(DB_QUERY(d, S(GET_VM), &r, &e, DBI(INT64_MAX)), 0);
    CU_ASSERT_EQUAL(db_next(r, &e), 1);
    CU_ASSERT_EQUAL(db_len(r, 0), 3);
    CU_ASSERT_EQUAL(memcmp(db_str(r, 0), "a\0b", 3), 0);
    CU_ASSERT_TRUE(db_is_null(r, 1));
    CU_ASSERT_STRING_EQUAL(db_str(r, 1), "");
    CU_ASSERT_EQUAL(db_next(r, &e), 0);
    CU_ASSERT_EQUAL(db_next(r, &e), 0); /* the end stays the end */
    db_rows_free(TAKE(r));
    CU_ASSERT_EQUAL(DB_EXEC(d, S(RENAME), &changed, &e, DBS("x"), DBS("nobody")), 0);
    CU_ASSERT_EQUAL(changed, 0);
    CU_ASSERT_EQUAL(DB_QUERY(d, S(ADD_BACK), &r, &e, DBS("u2"), DBS("税务局")), 0);
    CU_ASSERT_EQUAL(db_next(r, &e), 1);
    CU_ASSERT_STRING_EQUAL(db_str(r, 0), "税务局");
}

static void
names_the_class_of_each_failure(void)
{
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(db_free) struct db *reader = NULL;
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err e = {0};
    int changed = -7;

    place_make(&p);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u1"), DBS("one")), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), &changed, &e, DBS("u1"), DBS("two")), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), &changed, &e, DBS("u2"), DBS("one")), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_VM), &changed, &e, DBI(1), DBS("no"), DBS(NULL)), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_VM), &changed, &e, DBI(1), DBS("u1")), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUG);
    CU_ASSERT_EQUAL(db_exec(d, S(LIST_UNIT), NULL, 0, &changed, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUG);
    CU_ASSERT_EQUAL(changed, -7);
    CU_ASSERT_EQUAL(db_query(d, S(LIST_UNIT), NULL, 0, &r, &e), 0);
    CU_ASSERT_EQUAL(db_query(d, S(LIST_UNIT), NULL, 0, &r, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUG);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, true, 3, &reader, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(reader, S(ADD_UNIT), NULL, &e, DBS("u9"), DBS("nine")), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
}

static void
cuts_no_character_in_two(void)
{
    static const struct {
        size_t size;
        const char *want;
    } rows[] = {{1, ""}, {4, "a"}, {5, "a汴"}, {6, "a汴"}, {7, "a汴"}, {8, "a汴云"}, {40, "a汴云"}};
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err e = {0};

    place_make(&p);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u9"), DBS("a汴云")), 0);
    CU_ASSERT_EQUAL(db_query(d, S(LIST_UNIT), NULL, 0, &r, &e), 0);
    CU_ASSERT_EQUAL(db_next(r, &e), 1);
    CU_ASSERT_EQUAL(db_next(r, &e), 1); /* after u0 */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[40];

        db_copy(r, 1, out, rows[i].size);
        CU_ASSERT_STRING_EQUAL(out, rows[i].want);
    }
}

static void
undoes_one_step_of_a_transaction(void)
{
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(db_free) struct db *reader = NULL;
    struct err e = {0};

    place_make(&p);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, true, 3, &reader, &e), 0);
    CU_ASSERT_EQUAL(db_begin(d, &e), 0);
    CU_ASSERT_EQUAL(db_savepoint(d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u1"), DBS("one")), 0);
    CU_ASSERT_EQUAL(db_savepoint_release(d, &e), 0);
    CU_ASSERT_EQUAL(db_savepoint(d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u2"), DBS("two")), 0);
    db_savepoint_rollback(d);
    CU_ASSERT_EQUAL(units(d), 2);
    CU_ASSERT_EQUAL(units(reader), 1);
    CU_ASSERT_EQUAL(db_commit(d, &e), 0);
    CU_ASSERT_EQUAL(units(reader), 2);
    CU_ASSERT_EQUAL(db_begin(d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u3"), DBS("three")), 0);
    db_rollback(d);
    db_rollback(d);
    CU_ASSERT_EQUAL(units(d), 2);
}

static void
tells_a_full_disk_and_goes_on_after_it(void)
{
    static char big[200000];
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    struct err e = {0};
    int rc = 0;

    place_make(&p);
    memset(big, 'x', sizeof(big));
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL(db_limit_bytes(d, 1000000, &e), 0);
    CU_ASSERT_EQUAL(db_begin(d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u1"), DBS("one")), 0);
    for (int i = 0; rc == 0 && i < 20; i++)
        rc = DB_EXEC(d, S(ADD_VM), NULL, &e, DBI(i), DBS("u0"), db_blob(big, sizeof(big)));
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NO_SPACE);
    db_rollback(d);
    CU_ASSERT_EQUAL(units(d), 1);
    CU_ASSERT_EQUAL(db_limit_bytes(d, 100000000, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u1"), DBS("one")), 0);
    CU_ASSERT_EQUAL(units(d), 2);
}

static void
brings_an_old_store_up_after_copying_it(void)
{
    SCOPED_PLACE p;
    struct place copy;
    SCOPED(db_free) struct db *d = NULL;
    struct err e = {0};

    place_make(&p);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 2, &d, &e), 0);
    db_free(TAKE(d));
    CU_ASSERT_EQUAL(open_at(&p, true, 3, &d, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL(units(d), 1);
    db_free(TAKE(d));
    CU_ASSERT_EQUAL(open_at(&p, false, 2, &d, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_PTR_NULL(d);
    copy = p;
    (void)snprintf(copy.file, sizeof(copy.file), "%.60s/store.db.before-0003", p.dir);
    CU_ASSERT_EQUAL(open_at(&copy, true, 2, &d, &e), 0);
}

static void
leaves_the_store_as_it_was_when_a_migration_fails(void)
{
    static const char *const none[] = {NULL};
    static const struct migration bad[] = {
        {1, "0001-first", "aa", "CREATE TABLE unit(id TEXT PRIMARY KEY, name TEXT UNIQUE)"},
        {2, "0002-bad", "bb", "INSERT INTO unit VALUES('a','b'); CREATE TABLE broken("},
    };
    static const struct migration other[] = {
        {1, "0001-other", "zz", "CREATE TABLE unit(id TEXT PRIMARY KEY, name TEXT UNIQUE)"},
    };
    struct db_schema s = {bad, 2, none, 0};
    SCOPED_PLACE p;
    SCOPED(db_free) struct db *d = NULL;
    struct err e = {0};

    place_make(&p);
    CU_ASSERT_EQUAL(db_open_schema(p.file, false, &s, &d, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "0002-bad"));
    s = (struct db_schema){other, 1, none, 0};
    CU_ASSERT_EQUAL(db_open_schema(p.file, false, &s, &d, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL(units(d), 1); /* the row of 0002, not of the broken one */
}

static void
copies_a_store_in_use(void)
{
    SCOPED_PLACE p;
    struct place copy;
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(db_free) struct db *reader = NULL;
    SCOPED(db_free) struct db *c = NULL;
    struct err e = {0};

    place_make(&p);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
    CU_ASSERT_EQUAL_FATAL(open_at(&p, true, 3, &reader, &e), 0);
    CU_ASSERT_EQUAL(db_begin(d, &e), 0);
    CU_ASSERT_EQUAL(DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u1"), DBS("one")), 0);
    copy = p;
    (void)snprintf(copy.file, sizeof(copy.file), "%.60s/copy.db", p.dir);
    CU_ASSERT_EQUAL(db_backup(reader, copy.file, &e), 0);
    CU_ASSERT_EQUAL(db_commit(d, &e), 0);
    CU_ASSERT_EQUAL_FATAL(open_at(&copy, false, 3, &c, &e), 0);
    CU_ASSERT_EQUAL(units(c), 1); /* what was committed when the copy was made */
    CU_ASSERT_EQUAL(db_backup(reader, "/nonexistent/copy.db", &e), -1);
}

#ifdef BY_FAULTS
/* In a child, because some rows kill it. */
static int
child_commit(const struct place *p)
{
    SCOPED(db_free) struct db *d = NULL;
    struct err e = {0};

    fault_restart();
    if (open_at(p, false, 3, &d, &e) < 0 || db_begin(d, &e) < 0 ||
        DB_EXEC(d, S(ADD_UNIT), NULL, &e, DBS("u1"), DBS("one")) < 0)
        return 9;
    return db_commit(d, &e) < 0 ? 1 : 0;
}

static void
obeys_the_fault_points_of_a_commit(void)
{
    static const struct {
        const char *what;
        int status, sig;
        int64_t units;
    } rows[] = {
        {"COMMIT_BEFORE:1:fail", 1, 0, 1}, {"COMMIT_BEFORE:1:lose", 1, 0, 2},
        {"COMMIT_BEFORE:1:kill", 0, 9, 1}, {"COMMIT_AFTER:1:fail", 1, 0, 2},
        {"COMMIT_AFTER:1:lose", 1, 0, 2},  {"COMMIT_AFTER:1:kill", 0, 9, 2},
        {"VIRT_AFTER:1:kill", 0, 0, 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED_PLACE p;
        SCOPED(db_free) struct db *d = NULL;
        struct err e = {0};
        int st = 0;
        pid_t pid;

        place_make(&p);
        pid = fork();
        CU_ASSERT_FATAL(pid >= 0);
        if (pid == 0) {
            (void)setenv("BIANYUN_FAULT", rows[i].what, 1);
            _exit(child_commit(&p));
        }
        CU_ASSERT_EQUAL(waitpid(pid, &st, 0), pid);
        CU_ASSERT_EQUAL(WIFSIGNALED(st) ? WTERMSIG(st) : 0, rows[i].sig);
        CU_ASSERT_EQUAL(WIFEXITED(st) ? WEXITSTATUS(st) : 0, rows[i].status);
        CU_ASSERT_EQUAL_FATAL(open_at(&p, false, 3, &d, &e), 0);
        CU_ASSERT_EQUAL(units(d), rows[i].units);
    }
}
#endif

CU_TestInfo db_tests[] = {
    {"opens the shipped schema", opens_the_shipped_schema},
    {"numbers migrations without gaps", numbers_migrations_without_gaps},
    {"keeps values of every type", keeps_values_of_every_type},
    {"names the class of each failure", names_the_class_of_each_failure},
    {"cuts no character in two", cuts_no_character_in_two},
    {"undoes one step of a transaction", undoes_one_step_of_a_transaction},
    {"tells a full disk and goes on after it", tells_a_full_disk_and_goes_on_after_it},
    {"brings an old store up after copying it", brings_an_old_store_up_after_copying_it},
    {"leaves the store as it was when a migration fails",
     leaves_the_store_as_it_was_when_a_migration_fails},
    {"copies a store in use", copies_a_store_in_use},
#ifdef BY_FAULTS
    {"obeys the fault points of a commit", obeys_the_fault_points_of_a_commit},
#endif
    CU_TEST_INFO_NULL,
};
