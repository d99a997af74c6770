#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/host/durable.h"
#include "drivers/host/extent.h"
#include "tests/unit/tmpdir.h"

#define MIB ((size_t)1 << 20)

/* Put text at off; makes the file. */
static void
plant(const char *path, off_t off, const char *text)
{
    SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pwrite(fd, text, strlen(text), off), (ssize_t)strlen(text));
}

static int
all_zero(const char *path, size_t size)
{
    SCOPED(strbuf) struct strbuf got = {0};
    struct err e = {0};

    if (durable_read(path, size, &got, &e) < 0 || got.len != size)
        return 0;
    for (size_t i = 0; i < got.len; i++)
        if (got.s[i] != 0)
            return 0;
    return 1;
}

static void
overwrites_every_kind_of_extent(void)
{
    static const struct {
        const char *what;
        off_t size, at, reserve; /* reserve: preallocated this far, beyond the end too */
    } rows[] = {
        {"one byte", 1, 0, 0},
        {"a tail of a block", 5000, 4990, 0},
        {"holes around data", 12 * 1048576 + 123, 7 * 1048576, 0},
        {"only a hole", 3 * 1048576, -1, 0},
        {"preallocated, never written", 2 * 1048576, 10, 2 * 1048576},
        {"preallocated past the end", 4097, 4090, 1048576},
        {"empty", 0, -1, 0},
    };
    SCOPED(tmpdir) char *dir = tmpdir_new();
    char path[512];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct extent_report rep = {0};
        struct err e = {0};
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/f%zu", dir, i);
        plant(path, 0, "");
        if (rows[i].at >= 0)
            plant(path, rows[i].at, "s");
        CU_ASSERT_EQUAL(truncate(path, rows[i].size), 0);
        if (rows[i].reserve > 0) {
            SCOPED(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

            CU_ASSERT_EQUAL(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, rows[i].reserve), 0);
        }
        CU_ASSERT_EQUAL(extent_erase(path, NULL, &rep, &e), 0);
        CU_ASSERT_STRING_EQUAL(e.msg, "");
        CU_ASSERT(rep.existed);
        CU_ASSERT_EQUAL(rep.size_bytes, (uint64_t)rows[i].size);
        CU_ASSERT_EQUAL(rep.overwritten_bytes, rep.read_back_bytes);
        CU_ASSERT_EQUAL(rep.overwritten_bytes > 0, rows[i].at >= 0);
        CU_ASSERT(rep.overwritten_bytes < 4 * MIB); /* holes cost nothing */
        CU_ASSERT_EQUAL(rep.moved_bytes, 0);
        CU_ASSERT_EQUAL(stat(path, &st), 0);
        CU_ASSERT_EQUAL(st.st_size, rows[i].size);
        CU_ASSERT(all_zero(path, (size_t)rows[i].size));
        if (rep.mapped && rows[i].reserve > 0)
            CU_ASSERT_EQUAL(rep.overwritten_bytes, (uint64_t)rows[i].reserve);
    }
}

static void
takes_absence_as_done_and_refuses_what_is_no_file(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct extent_report rep = {.size_bytes = 7};
    struct err e = {0};
    char path[512], file[512];

    (void)snprintf(path, sizeof(path), "%s/none", dir);
    CU_ASSERT_EQUAL(extent_erase(path, NULL, &rep, &e), 0);
    CU_ASSERT_FALSE(rep.existed);
    CU_ASSERT_EQUAL(rep.size_bytes, 0);
    rep.size_bytes = 7;
    CU_ASSERT_EQUAL(extent_erase(dir, NULL, &rep, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(rep.size_bytes, 7);
    (void)snprintf(file, sizeof(file), "%s/file", dir);
    plant(file, 0, "kept");
    CU_ASSERT_EQUAL(symlink(file, path), 0);
    CU_ASSERT_EQUAL(extent_erase(path, NULL, &rep, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_UNSUPPORTED);
    CU_ASSERT_FALSE(all_zero(file, 4));
}

static void
refuses_a_file_that_a_guest_holds(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(fd) int fd = -1;
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    struct extent_report rep;
    struct err e = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/disk", dir);
    plant(path, 0, "kept");
    fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_OFD_SETLK, &l), 0); /* as QEMU does */
    CU_ASSERT_EQUAL(extent_erase(path, NULL, &rep, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    CU_ASSERT_FALSE(all_zero(path, 4));
}

struct seen {
    uint64_t done, total;
    int calls, stop_at;
};

static int
note(void *ctx, uint64_t done, uint64_t total)
{
    struct seen *s = ctx;

    CU_ASSERT(done > s->done && done <= total);
    s->done = done;
    s->total = total;
    return ++s->calls == s->stop_at;
}

static void
tells_progress_and_can_be_stopped(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf big = {0};
    struct seen seen = {0};
    struct extent_watch w = {note, &seen};
    struct extent_report rep = {0};
    struct err e = {0};
    char path[512];

    while (big.len < 10 * MIB)
        strbuf_adds(&big, "0123456789abcdefghijklmnopqrstuvwxyz");
    (void)snprintf(path, sizeof(path), "%s/disk", dir);
    CU_ASSERT_EQUAL(durable_write(path, big.s, big.len, 0600, &e), 0);
    seen.stop_at = 2;
    CU_ASSERT_EQUAL(extent_erase(path, &w, &rep, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TIMEOUT);
    CU_ASSERT_FALSE(rep.existed);
    seen = (struct seen){0};
    CU_ASSERT_EQUAL(extent_erase(path, &w, &rep, &e), 0);
    CU_ASSERT_EQUAL(seen.done, seen.total);
    CU_ASSERT_EQUAL(seen.total, 2 * rep.overwritten_bytes);
    CU_ASSERT(rep.overwritten_bytes >= big.len);
    CU_ASSERT(all_zero(path, big.len));
}

static void
says_what_it_could_not_reach(void)
{
    SCOPED(strbuf) struct strbuf text = {0};
    struct extent_report rep = {.existed = true, .mapped = true, .direct = true};

    rep.overwritten_bytes = 4096;
    extent_limits(&rep, &text);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&text), "");
    rep.shared_bytes = 4096;
    rep.moved_bytes = 8192;
    extent_limits(&rep, &text);
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&text), "4096 bytes were shared"));
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&text), "8192 bytes the file system chose"));
}

CU_TestInfo extent_tests[] = {
    {"overwrites every kind of extent", overwrites_every_kind_of_extent},
    {"takes absence as done and refuses what is no file",
     takes_absence_as_done_and_refuses_what_is_no_file},
    {"refuses a file that a guest holds", refuses_a_file_that_a_guest_holds},
    {"tells progress and can be stopped", tells_progress_and_can_be_stopped},
    {"says what it could not reach", says_what_it_could_not_reach},
    CU_TEST_INFO_NULL,
};
