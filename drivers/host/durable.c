#include "drivers/host/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"

int
durable_errno(struct err *e, int error, const char *what, const char *path)
{
    enum err_code code = BY_E_IO;
    char text[128];

    if (error == ENOENT || error == ENOTDIR)
        code = BY_E_NOT_FOUND;
    else if (error == ENOSPC || error == EDQUOT)
        code = BY_E_NO_SPACE;
    else if (error == EACCES || error == EPERM || error == EROFS)
        code = BY_E_DENIED;
    else if (error == ENOMEM)
        code = BY_E_NOMEM;
    else if (error == ENAMETOOLONG)
        code = BY_E_INVALID;
    return err_set(e, code, "%s %s: %s", what, path, strerror_r(error, text, sizeof(text)));
}

/* Folder of path into dir: "." when it names none. */
static int
parent_of(const char *path, char dir[PATH_MAX], struct err *e)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= PATH_MAX)
        return durable_errno(e, ENAMETOOLONG, "open the folder of", path);
    if (slash == NULL) {
        memcpy(dir, ".", 2);
        return 0;
    }
    if (len == 0)
        len = 1; /* the root itself */
    memcpy(dir, path, len);
    dir[len] = '\0';
    return 0;
}

int
durable_sync_parent(const char *path, struct err *e)
{
    SCOPED(fd) int fd = -1;
    char dir[PATH_MAX];

    if (parent_of(path, dir, e) < 0)
        return -1;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return durable_errno(e, errno, "open the folder", dir);
    if (fsync(fd) < 0)
        return durable_errno(e, errno, "sync the folder", dir);
    return 0;
}

int
durable_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (len == 0 || len >= sizeof(part))
        return durable_errno(e, ENAMETOOLONG, "make the folder", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, mode) == 0) {
            if (durable_sync_parent(part, e) < 0)
                return -1;
        } else if (errno != EEXIST) {
            return durable_errno(e, errno, "make the folder", part);
        }
        if (i < len)
            part[i] = '/';
    }
    if (stat(path, &st) < 0)
        return durable_errno(e, errno, "look at", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, BY_E_CONFLICT, "%s is there and is no folder: move it away", path);
    return 0;
}

static int
write_whole(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The temporary file is made, written and synced; its name goes to tmp. */
static int
write_beside(const char *path, const void *bytes, size_t len, mode_t mode, char tmp[PATH_MAX],
             struct err *e)
{
    SCOPED(fd) int fd = -1;
    int n = snprintf(tmp, PATH_MAX, "%s.XXXXXX", path);

    if (n < 0 || n >= PATH_MAX)
        return durable_errno(e, ENAMETOOLONG, "write", path);
    fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return durable_errno(e, errno, "make a file beside", path);
    if (write_whole(fd, bytes, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
        int error = errno;

        (void)unlink(tmp); /* the error that matters is the first one */
        return durable_errno(e, error, "write", path);
    }
    return 0;
}

int
durable_write(const char *path, const void *bytes, size_t len, mode_t mode, struct err *e)
{
    char tmp[PATH_MAX];

    if (write_beside(path, bytes, len, mode, tmp, e) < 0)
        return -1;
    if (rename(tmp, path) < 0) {
        int error = errno;

        (void)unlink(tmp); /* the error that matters is the first one */
        return durable_errno(e, error, "replace", path);
    }
    return durable_sync_parent(path, e);
}

int
durable_read(const char *path, size_t max, struct strbuf *out, struct err *e)
{
    SCOPED(fd) int fd = -1;
    SCOPED(strbuf) struct strbuf got = {0};
    char piece[8192];
    ssize_t n;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return durable_errno(e, errno, "read", path);
    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return durable_errno(e, errno, "read", path);
        if (got.len + (size_t)n > max)
            return err_set(e, BY_E_TOO_LARGE, "read %s: larger than %zu bytes", path, max);
        strbuf_add(&got, piece, (size_t)n);
    }
    strbuf_add(out, strbuf_peek(&got), got.len);
    return 0;
}

int
durable_remove(const char *path, struct err *e)
{
    if (unlink(path) < 0)
        return errno == ENOENT ? 0 : durable_errno(e, errno, "remove", path);
    return durable_sync_parent(path, e);
}

int
durable_lock(int fd, int wait_ms)
{
    const struct timespec look = {.tv_nsec = 20 * 1000000L};
    int64_t until = clock_mono_ms() + wait_ms;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || clock_mono_ms() >= until)
            return -1;
        (void)nanosleep(&look, NULL);
    }
    return 0;
}
