#include "controller/image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "controller/paths.h"
#include "drivers/base/fault.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/host/image_tables.h"
#include "drivers/host/image_head.h"
#include "drivers/host/image_tables.h"

enum { PATH_BYTES = 512 };

static int
file_path(const struct controller *c, const char *sha256, const char *ending, char path[PATH_BYTES],
          struct err *e)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s/%s%s", c->dir, PATH_IMAGES_DIR, sha256, ending);

    return n < PATH_BYTES ? 0 : err_set(e, BY_E_INVALID, "the path of the images is too long");
}

int
image_file_received(struct controller *c, const char *sha256, uint64_t *out, struct err *e)
{
    char path[PATH_BYTES];
    struct stat st;

    if (file_path(c, sha256, ".part", path, e) < 0)
        return -1;
    if (stat(path, &st) < 0 && errno != ENOENT)
        return durable_errno(e, errno, "look at", path);
    *out = stat(path, &st) < 0 ? 0 : (uint64_t)st.st_size;
    return 0;
}

int
image_file_room(struct controller *c, uint64_t bytes, struct err *e)
{
    uint64_t spare = (uint64_t)c->conf.image_spare_mib << 20, free_bytes;
    struct statvfs fs;

    if (statvfs(c->dir, &fs) < 0)
        return durable_errno(e, errno, "measure", c->dir);
    free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= spare && free_bytes - spare >= bytes)
        return 0;
    return err_set(e, BY_E_NO_SPACE,
                   "the controller's disk has %" PRIu64 " MiB free, of which %" PRIu64
                   " MiB stay free for the store: no room for %" PRIu64 " MiB more of images",
                   free_bytes >> 20, spare >> 20, (bytes + (1 << 20) - 1) >> 20);
}

static int
write_all(int fd, const char *path, uint64_t offset, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return durable_errno(e, errno, "write", path);
        offset += (uint64_t)n;
        bytes += n;
        len -= (size_t)n;
    }
    return fdatasync(fd) < 0 ? durable_errno(e, errno, "sync", path) : 0;
}

int
image_file_write(struct controller *c, const char *sha256, uint64_t offset, const void *bytes,
                 size_t len, uint64_t *received, struct err *e)
{
    char path[PATH_BYTES], dir[PATH_BYTES];
    SCOPED(fd) int fd = -1;
    struct stat st;

    if (paths_join(c->dir, PATH_IMAGES_DIR, dir, sizeof(dir), e) < 0 ||
        durable_mkdirs(dir, 0700, e) < 0 || file_path(c, sha256, ".part", path, e) < 0 ||
        image_file_room(c, len, e) < 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return durable_errno(e, errno, "open", path);
    if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0) /* two who send the same */
        return durable_errno(e, errno, "lock", path);
    if (offset > (uint64_t)st.st_size)
        return err_set(e, BY_E_CONFLICT, "the next byte that is missing is %jd, not %" PRIu64,
                       (intmax_t)st.st_size, offset);
    if (offset + len > (uint64_t)st.st_size) {
        if (fault_at(BY_FAULT_IMAGE_PART) == FAULT_FAIL)
            return err_set(e, BY_E_IO, "write %s: a fault was asked for", path);
        if (write_all(fd, path, offset, bytes, len, e) < 0 ||
            (offset == 0 && durable_sync_parent(path, e) < 0))
            return -1;
    }
    *received = offset + len > (uint64_t)st.st_size ? offset + len : (uint64_t)st.st_size;
    return 0;
}

int
image_file_read(struct controller *c, const char *sha256, uint64_t offset, struct arena *a,
                const char **bytes, size_t *len, struct err *e)
{
    char path[PATH_BYTES], *to;
    SCOPED(fd) int fd = -1;
    size_t at = 0;
    ssize_t n = 1;

    if (file_path(c, sha256, "", path, e) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return durable_errno(e, errno, "open", path);
    to = arena_alloc(a, IMAGE_PART_BYTES);
    while (at < IMAGE_PART_BYTES && n > 0) {
        n = pread(fd, to + at, IMAGE_PART_BYTES - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            return durable_errno(e, errno, "read", path);
        else
            at += (size_t)n;
    }
    *bytes = to;
    *len = at;
    return 0;
}

static int
check_file(const char *path, const char *sha256, uint64_t size_bytes, struct image_head *head,
           struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char found[65];
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return durable_errno(e, errno, "open", path);
    if ((uint64_t)st.st_size != size_bytes)
        return err_set(e, BY_E_INVALID, "it has %jd bytes, %" PRIu64 " were announced",
                       (intmax_t)st.st_size, size_bytes);
    if (image_head_file(fd, head, e) < 0 || image_tables_file(fd, e) < 0) /* before the hash */
        return -1;
    if (digest_file_sha256_hex(path, found, e) < 0)
        return -1;
    if (strcmp(found, sha256) != 0)
        return err_set(e, BY_E_INVALID, "its bytes have the hash %s, not the announced one", found);
    return 0;
}

int
image_file_settle(struct controller *c, const char *sha256, uint64_t size_bytes, int *format,
                  uint64_t *virtual_bytes, struct err *e)
{
    char part[PATH_BYTES], whole[PATH_BYTES];
    struct image_head head = {0};
    const char *at = part;

    if (file_path(c, sha256, ".part", part, e) < 0 || file_path(c, sha256, "", whole, e) < 0)
        return -1;
    if (access(part, F_OK) < 0 && access(whole, F_OK) == 0)
        at = whole; /* moved before a crash */
    if (check_file(at, sha256, size_bytes, &head, e) < 0) {
        struct err left = {0};

        if (e->code == BY_E_INVALID && durable_remove(at, &left) < 0)
            *e = left; /* try again: what is refused must not stay */
        return -1;
    }
    if (fault_at(BY_FAULT_IMAGE_SETTLE) == FAULT_FAIL)
        return err_set(e, BY_E_IO, "move %s: a fault was asked for", part);
    if (at == part && (chmod(part, 0400) < 0 || rename(part, whole) < 0))
        return durable_errno(e, errno, "move", part);
    if (durable_sync_parent(whole, e) < 0)
        return -1;
    *format = (int)head.format;
    *virtual_bytes = head.virtual_bytes;
    return 0;
}
