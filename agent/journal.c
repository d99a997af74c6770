#include "agent/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/fault.h"
#include "drivers/crypto/digest.h"

/* A line is "<16 hex of SHA-256 of text> <text>\n"; the first line's text is "journal 1 <id>". */
#define FILE_NAME "log"
#define HEAD_TEXT "journal 1 "
enum { SUM_CHARS = 16, FILE_MAX = 256 << 20, ASIDE_MAX = 1000 };

struct journal {
    int dir_fd, fd;
    size_t size; /* bytes that count */
    bool broken; /* a failed write or sync: only a rewrite makes it whole */
    char id[64];
};

static int
write_all(int fd, const char *s, size_t len, off_t at, struct err *e)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, s, len, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, n < 0 && errno != ENOSPC && errno != EDQUOT ? BY_E_IO : BY_E_NO_SPACE,
                           "receipts: write: %s", n < 0 ? strerror(errno) : "nothing written");
        s += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

static int
open_dir(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO, "%s: %s", dir,
                       strerror(errno));
    return fd;
}

/* The folder's own entry must be durable too, in its parent. */
static int
sync_parent(const char *dir, struct err *e)
{
    SCOPED(free) char *copy = strdup(dir);
    SCOPED(fd) int fd = -1;
    char *slash;

    if (copy == NULL)
        return err_set(e, BY_E_NOMEM, "%s", dir);
    slash = strrchr(copy, '/');
    if (slash != NULL && slash != copy)
        *slash = '\0';
    fd = open(slash == NULL ? "." : copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_set(e, BY_E_IO, "%s: sync: %s", copy, strerror(errno));
    return 0;
}

/* Write all of a new file beside the real one, sync, rename over it, sync the folder.  *out_fd is
 * the new file as soon as it is in its place, even where -1 says that this may not be durable. */
static int
replace_file(int dir_fd, const struct strbuf *content, int *out_fd, struct err *e)
{
    SCOPED(fd)
    int fd = openat(dir_fd, FILE_NAME ".new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum fault_verdict move;

    if (fd < 0)
        return err_set(e, errno == ENOSPC ? BY_E_NO_SPACE : BY_E_IO, "receipts: create: %s",
                       strerror(errno));
    if (write_all(fd, content->s, content->len, 0, e) < 0)
        return -1;
    if (fsync(fd) < 0)
        return err_set(e, BY_E_IO, "receipts: make durable: %s", strerror(errno));
    move = fault_at(BY_FAULT_COMPACT_MOVE);
    if (move == FAULT_FAIL || renameat(dir_fd, FILE_NAME ".new", dir_fd, FILE_NAME) < 0)
        return err_set(e, BY_E_IO, "receipts: put the new file in its place: %s", strerror(errno));
    *out_fd = fd;
    fd = -1;
    if (fsync(dir_fd) < 0 || move == FAULT_LOSE)
        return err_set(e, BY_E_IO, "receipts: make durable: %s", strerror(errno));
    return 0;
}

void
journal_frame(struct strbuf *batch, const char *text, size_t len)
{
    char sum[65];

    digest_sha256_hex(text, len, sum);
    strbuf_add(batch, sum, SUM_CHARS);
    strbuf_addc(batch, ' ');
    strbuf_add(batch, text, len);
    strbuf_addc(batch, '\n');
}

static void
frame_head(struct strbuf *b, const char *id)
{
    char text[128];
    int n = snprintf(text, sizeof(text), HEAD_TEXT "%s", id);

    journal_frame(b, text, (size_t)n);
}

int
journal_create(const char *dir, const char *id, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(fd) int dir_fd = -1, fd = -1;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_set(e, BY_E_IO, "%s: %s", dir, strerror(errno));
    dir_fd = open_dir(dir, e);
    if (dir_fd < 0)
        return -1;
    if (faccessat(dir_fd, FILE_NAME, F_OK, 0) == 0)
        return err_set(e, BY_E_CONFLICT, "%s holds receipts already", dir);
    frame_head(&b, id);
    if (replace_file(dir_fd, &b, &fd, e) < 0)
        return err_wrap(e, "%s", dir);
    return sync_parent(dir, e);
}

/* Length of the intact line at s, with its newline; 0 when it is not intact. */
static size_t
line_check(const char *s, size_t left)
{
    const char *nl = memchr(s, '\n', left);
    char sum[65];
    size_t len;

    if (nl == NULL)
        return 0;
    len = (size_t)(nl - s);
    if (len <= SUM_CHARS || s[SUM_CHARS] != ' ')
        return 0;
    digest_sha256_hex(s + SUM_CHARS + 1, len - SUM_CHARS - 1, sum);
    return memcmp(sum, s, SUM_CHARS) == 0 ? len + 1 : 0;
}

static bool
intact_line_after(const char *s, size_t left)
{
    while (left > 0) {
        const char *nl = memchr(s, '\n', left);

        if (nl == NULL)
            return false;
        left -= (size_t)(nl + 1 - s);
        s = nl + 1;
        if (line_check(s, left) > 0)
            return true;
    }
    return false;
}

static int
read_file(int fd, char **out, size_t *len, struct err *e)
{
    struct stat st;
    char *s;
    size_t have = 0;

    if (fstat(fd, &st) < 0)
        return err_set(e, BY_E_IO, "receipts: %s", strerror(errno));
    if (st.st_size > FILE_MAX)
        return err_set(e, BY_E_TOO_LARGE, "receipts: the file is larger than %d MiB",
                       FILE_MAX >> 20);
    s = malloc((size_t)st.st_size + 1);
    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "receipts");
    while (have < (size_t)st.st_size) {
        ssize_t n = pread(fd, s + have, (size_t)st.st_size - have, (off_t)have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(s);
            return err_set(e, BY_E_IO, "receipts: read: %s", strerror(errno));
        }
        if (n == 0)
            break;
        have += (size_t)n;
    }
    s[have] = '\0';
    *out = s;
    *len = have;
    return 0;
}

/* Give every intact line; *good is where they end. */
static int
read_lines(const char *s, size_t len, const char *id, journal_line each, void *arg, size_t *good,
           struct err *e)
{
    SCOPED(strbuf) struct strbuf head = {0};
    size_t at;

    frame_head(&head, id);
    if (len < head.len || memcmp(s, head.s, head.len) != 0)
        return err_set(e, BY_E_NOT_FOUND, "receipts: this file belongs to another folder");
    for (at = head.len; at < len;) {
        size_t n = line_check(s + at, len - at);

        if (n == 0)
            break;
        if (each(arg, s + at + SUM_CHARS + 1, n - SUM_CHARS - 2, e) < 0)
            return err_wrap(e, "receipts: line at byte %zu", at);
        at += n;
    }
    if (at < len && intact_line_after(s + at, len - at))
        return err_set(e, BY_E_CONFLICT, "receipts: damaged at byte %zu, before its end", at);
    *good = at;
    return 0;
}

int
journal_open(const char *dir, const char *id, bool writable, journal_line each, void *arg,
             struct journal **out, struct err *e)
{
    SCOPED(journal_free) struct journal *j = calloc(1, sizeof(*j));
    SCOPED(free) char *text = NULL;
    size_t len = 0;

    if (j == NULL)
        return err_set(e, BY_E_NOMEM, "receipts");
    j->fd = -1;
    (void)snprintf(j->id, sizeof(j->id), "%s", id);
    j->dir_fd = open_dir(dir, e);
    if (j->dir_fd < 0)
        return -1;
    j->fd = openat(j->dir_fd, FILE_NAME, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (j->fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO, "%s/" FILE_NAME ": %s", dir,
                       strerror(errno));
    if (read_file(j->fd, &text, &len, e) < 0 ||
        read_lines(text, len, id, each, arg, &j->size, e) < 0)
        return -1;
    if (writable && j->size < len && (ftruncate(j->fd, (off_t)j->size) < 0 || fsync(j->fd) < 0))
        return err_set(e, BY_E_IO, "receipts: drop a torn line: %s", strerror(errno));
    *out = TAKE(j);
    return 0;
}

void
journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd); /* all that counts was synced */
    if (j->dir_fd >= 0)
        (void)close(j->dir_fd);
    free(j);
}

int
journal_append(struct journal *j, const struct strbuf *batch, struct err *e)
{
    if (batch->len == 0)
        return 0;
    if (j->broken)
        return err_set(e, BY_E_IO, "receipts: an earlier write failed; the file must be rewritten");
    if (fault_at(BY_FAULT_RECEIPT_BEFORE) == FAULT_FAIL)
        return err_set(e, BY_E_IO, "receipts: a test made this write fail");
    if (j->size + batch->len > FILE_MAX)
        return err_set(e, BY_E_NO_SPACE, "receipts: the file would exceed %d MiB", FILE_MAX >> 20);
    if (write_all(j->fd, batch->s, batch->len, (off_t)j->size, e) < 0) {
        j->broken = ftruncate(j->fd, (off_t)j->size) < 0;
        return -1;
    }
    if (fdatasync(j->fd) < 0) {
        /* After a failed sync nobody knows what is on the disk. */
        j->broken = true;
        return err_set(e, BY_E_IO, "receipts: sync: %s", strerror(errno));
    }
    j->size += batch->len;
    (void)fault_at(BY_FAULT_RECEIPT_AFTER);
    return 0;
}

int
journal_rewrite(struct journal *j, const struct strbuf *batch, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    int fd = -1, rc;

    if (fault_at(BY_FAULT_COMPACT_BEFORE) == FAULT_FAIL)
        return err_set(e, BY_E_IO, "receipts: a test made this rewriting fail");
    frame_head(&b, j->id);
    strbuf_add(&b, batch->s, batch->len);
    rc = replace_file(j->dir_fd, &b, &fd, e);
    if (fd < 0)
        return -1;
    /* Replaced, whatever follows: a line that went to the old file would be lost with it. */
    (void)close(j->fd);
    j->fd = fd;
    j->size = b.len;
    j->broken = rc < 0;
    (void)fault_at(BY_FAULT_COMPACT_AFTER);
    return rc;
}

size_t
journal_size(const struct journal *j)
{
    return j->size;
}

int
journal_put_aside(const char *dir, struct err *e)
{
    SCOPED(fd) int dir_fd = open_dir(dir, e);
    char name[40];

    if (dir_fd < 0) {
        if (e != NULL && e->code == BY_E_NOT_FOUND)
            return 0;
        return -1;
    }
    if (faccessat(dir_fd, FILE_NAME, F_OK, 0) < 0)
        return 0;
    for (int i = 1; i < ASIDE_MAX; i++) {
        (void)snprintf(name, sizeof(name), FILE_NAME ".lost-%d", i);
        if (faccessat(dir_fd, name, F_OK, 0) == 0)
            continue;
        if (renameat(dir_fd, FILE_NAME, dir_fd, name) < 0 || fsync(dir_fd) < 0)
            return err_set(e, BY_E_IO, "%s: put aside: %s", dir, strerror(errno));
        return 0;
    }
    return err_set(e, BY_E_NO_SPACE, "%s: too many lost files; remove some of " FILE_NAME ".lost-*",
                   dir);
}
