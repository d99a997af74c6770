#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "tests/unit/tmpdir.h"

static void
writes_and_reads_back(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf got = {0};
    struct err e = {0};
    struct stat st;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/a/b/c", dir);
    CU_ASSERT_EQUAL(durable_mkdirs(path, 0700, &e), 0);
    CU_ASSERT_EQUAL(durable_mkdirs(path, 0700, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/a/b/c/file", dir);
    CU_ASSERT_EQUAL(durable_write(path, "old", 3, 0600, &e), 0);
    CU_ASSERT_EQUAL(durable_write(path, "new\0er", 6, 0640, &e), 0);
    CU_ASSERT_EQUAL(durable_read(path, 6, &got, &e), 0);
    CU_ASSERT_EQUAL(got.len, 6);
    CU_ASSERT_EQUAL(memcmp(got.s, "new\0er", 6), 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
    CU_ASSERT_EQUAL(tmpdir_count(dir, "a/b/c"), 1);
}

static void
refuses_what_is_too_large(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf got = {0};
    struct err e = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/file", dir);
    CU_ASSERT_EQUAL(durable_write(path, "1234567", 7, 0600, &e), 0);
    strbuf_adds(&got, "kept");
    CU_ASSERT_EQUAL(durable_read(path, 6, &got, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&got), "kept");
}

static void
keeps_the_old_file_when_the_new_one_fails(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct err e = {0};
    struct stat st;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/sub", dir);
    CU_ASSERT_EQUAL(durable_mkdirs(path, 0700, &e), 0);
    CU_ASSERT_EQUAL(durable_write(path, "x", 1, 0600, &e), -1); /* a folder is in the way */
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT(S_ISDIR(st.st_mode));
    CU_ASSERT_EQUAL(tmpdir_count(dir, "."), 1); /* no temporary file left */
    (void)snprintf(path, sizeof(path), "%s/none/file", dir);
    CU_ASSERT_EQUAL(durable_write(path, "x", 1, 0600, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
}

static void
removes_and_does_not_mind_absence(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf got = {0};
    struct err e = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/file", dir);
    CU_ASSERT_EQUAL(durable_write(path, "x", 1, 0600, &e), 0);
    CU_ASSERT_EQUAL(durable_remove(path, &e), 0);
    CU_ASSERT_EQUAL(durable_remove(path, &e), 0);
    CU_ASSERT_EQUAL(durable_read(path, 10, &got, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_EQUAL(durable_write(path, "x", 1, 0600, &e), 0);
    CU_ASSERT_EQUAL(durable_mkdirs(path, 0700, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
}

/* As after kill -9, when the last write of the killed one is not over yet. */
static void
a_lock_waits_for_who_is_ending_and_for_nobody_else(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(fd) int mine = -1;
    char path[512], ready = 0;
    int go[2] = {-1, -1}, held[2] = {-1, -1}, status = -1;
    pid_t other;

    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    mine = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(mine >= 0 && pipe(go) == 0 && pipe(held) == 0);
    other = fork();
    if (other == 0) {
        int theirs = open(path, O_RDWR | O_CLOEXEC);

        (void)close(go[1]);
        if (durable_lock(theirs, 0) < 0 || write(held[1], "x", 1) != 1)
            _exit(1);
        _exit(read(go[0], &ready, 1) != 0); /* it ends when it is told to */
    }
    (void)close(go[0]);
    CU_ASSERT_EQUAL(read(held[0], &ready, 1), 1);
    CU_ASSERT_EQUAL(durable_lock(mine, 0), -1);
    CU_ASSERT_EQUAL(durable_lock(mine, 50), -1);
    (void)close(go[1]);
    CU_ASSERT_EQUAL(durable_lock(mine, 20000), 0);
    CU_ASSERT_EQUAL(waitpid(other, &status, 0), other);
    CU_ASSERT_EQUAL(status, 0);
    (void)close(held[0]);
    (void)close(held[1]);
}

CU_TestInfo durable_tests[] = {
    {"writes and reads back", writes_and_reads_back},
    {"refuses what is too large", refuses_what_is_too_large},
    {"keeps the old file when the new one fails", keeps_the_old_file_when_the_new_one_fails},
    {"removes and does not mind absence", removes_and_does_not_mind_absence},
    {"a lock waits for who is ending and for nobody else",
     a_lock_waits_for_who_is_ending_and_for_nobody_else},
    CU_TEST_INFO_NULL,
};
