#include "drivers/virt/virt_fake_vol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake_qcow2.h"

static int
vol_path(const struct fake *f, const char *id, char path[PATH_MAX], struct err *e)
{
    char name[W_ID + 4];

    (void)snprintf(name, sizeof(name), "by-%.39s", id);
    return fake_path(f->pool, path, "", name, "", e);
}

/* 0 and *out, NOT_FOUND, or another failure. */
static int
vol_see(const struct fake *f, const char *name, struct arena *a, struct virt_vol_seen *out,
        struct err *e)
{
    SCOPED(fd) int fd = -1;
    struct virt_vol_seen s = {.format = FMT_RAW};
    char path[PATH_MAX], backing[1024];
    struct stat st;
    int r;

    if (fake_path(f->pool, path, "", name, "", e) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return durable_errno(e, errno, "open the volume", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, BY_E_NOT_FOUND, "%s is no volume", path);
    (void)snprintf(s.name, sizeof(s.name), "%.255s", name);
    s.path = arena_strdup(a, path);
    s.capacity_bytes = (uint64_t)st.st_size;
    s.allocation_bytes = (uint64_t)st.st_blocks * 512;
    r = fake_qcow2_read(fd, &s.capacity_bytes, backing, e);
    if (r < 0)
        return -1;
    if (r == 1) {
        s.format = FMT_QCOW2;
        s.backing_path = backing[0] == '\0' ? NULL : arena_strdup(a, backing);
    }
    *out = s;
    return 0;
}

static int
list_locked(struct fake *f, struct arena *a, const struct virt_vol_seen **out, size_t *n,
            struct err *e)
{
    const char *const *names;
    struct virt_vol_seen *seen;
    size_t count, used = 0;

    if (fake_names(f->pool, "", "", a, &names, &count, e) < 0)
        return -1;
    seen = arena_alloc(a, (count + 1) * sizeof(*seen));
    for (size_t i = 0; i < count; i++) {
        struct err why = {0};

        if (vol_see(f, names[i], a, &seen[used], &why) == 0)
            used++;
        else if (why.code != BY_E_NOT_FOUND)
            return err_set(e, why.code, "%s", why.msg);
    }
    *out = seen;
    *n = used;
    return 0;
}

static int
vol_list(struct virt *v, struct arena *a, const struct virt_vol_seen **out, size_t *n,
         struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "vol.list", NULL, FAKE_READS | FAKE_NEEDS_POOL, &c, e) < 0)
        return -1;
    return fake_leave(&c, list_locked(c.f, a, out, n, e), e);
}

static int
vol_get(struct virt *v, const char *id, struct arena *a, struct virt_vol_seen *out, struct err *e)
{
    struct fake_call c;
    char name[W_ID + 4];

    if (fake_enter(v, "vol.get", id, FAKE_READS | FAKE_NEEDS_POOL, &c, e) < 0)
        return -1;
    (void)snprintf(name, sizeof(name), "by-%.39s", id);
    return fake_leave(&c, vol_see(c.f, name, a, out, e), e);
}

/* ---- making --------------------------------------------------------------------------------- */

/* The scripted size of the pool, when there is one. */
static int
room_for(struct fake *f, uint64_t more, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    long long limit = fake_setting(f->world, "host", "pool_bytes", 0);
    const struct virt_vol_seen *all;
    uint64_t used = 0;
    size_t n;

    if (limit <= 0)
        return 0;
    if (list_locked(f, &a, &all, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        used += all[i].capacity_bytes;
    if (used + more > (uint64_t)limit)
        return err_set(e, BY_E_NO_SPACE, "fake: the pool holds %lld bytes, %llu are taken", limit,
                       (unsigned long long)used);
    return 0;
}

static int
copy_content(const char *from, int to, uint64_t limit, struct err *e)
{
    SCOPED(fd) int fd = open(from, O_RDONLY | O_CLOEXEC);
    char piece[65536];
    uint64_t at = 0;

    if (fd < 0)
        return durable_errno(e, errno, "open", from);
    while (at < limit) {
        size_t want = limit - at < sizeof(piece) ? (size_t)(limit - at) : sizeof(piece);
        ssize_t n = pread(fd, piece, want, (off_t)at);

        if (n <= 0)
            return n == 0 ? 0 : durable_errno(e, errno, "read", from);
        if (pwrite(to, piece, (size_t)n, (off_t)at) != n)
            return durable_errno(e, errno, "fill a volume from", from);
        at += (uint64_t)n;
    }
    return 0;
}

/* Format of a backing file, which must be there. */
static int
backing_format(const char *path, const char **out, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char backing[1024];
    uint64_t size;
    int r;

    if (fd < 0)
        return durable_errno(e, errno, "open the base image", path);
    r = fake_qcow2_read(fd, &size, backing, e);
    *out = r == 1 ? "qcow2" : "raw";
    return r < 0 ? -1 : 0;
}

static int
fill(int fd, const struct virt_vol_spec *s, uint64_t size, bool half, struct err *e)
{
    const char *format = NULL;

    if (s->format == FMT_QCOW2) {
        if (s->backing_path != NULL && backing_format(s->backing_path, &format, e) < 0)
            return -1;
        if (half) /* a header was not written yet */
            return ftruncate(fd, 65536) < 0 ? durable_errno(e, errno, "size", "a volume") : 0;
        return fake_qcow2_write(fd, size, s->backing_path, format, e);
    }
    if (ftruncate(fd, (off_t)size) < 0)
        return durable_errno(e, errno == EFBIG ? ENOSPC : errno, "size", "a volume");
    return s->content_path == NULL ? 0
                                   : copy_content(s->content_path, fd, half ? size / 2 : size, e);
}

/* A nameless file gets its name when it is whole; what dies before leaves nothing. */
static int
make_file(struct fake *f, const struct virt_vol_spec *s, const char *path, uint64_t size, bool half,
          struct err *e)
{
    SCOPED(fd) int fd = open(f->pool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char proc[40];

    if (fd < 0)
        return durable_errno(e, errno, "make a file in", f->pool);
    if (room_for(f, size, e) < 0 || fill(fd, s, size, half, e) < 0)
        return -1;
    (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
        return durable_errno(e, errno, "name the volume", path);
    return 0;
}

static int
create_locked(struct fake *f, const struct virt_vol_spec *s, bool half, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    char path[PATH_MAX], name[W_ID + 4];
    uint64_t size = s->size_bytes;
    struct virt_vol_seen seen;
    struct err why = {0};
    struct stat st;

    if (s->format != FMT_QCOW2 && s->format != FMT_RAW)
        return err_set(e, BY_E_INVALID, "fake: volume %s: no format", s->id);
    if (s->content_path != NULL) {
        if (stat(s->content_path, &st) < 0)
            return durable_errno(e, errno, "look at", s->content_path);
        size = (uint64_t)st.st_size;
    }
    (void)snprintf(name, sizeof(name), "by-%.39s", s->id);
    if (vol_see(f, name, &a, &seen, &why) == 0) {
        if (seen.format == s->format && seen.capacity_bytes == size)
            return 0;
        return err_set(e, BY_E_CONFLICT, "fake: volume %s is there with %llu bytes", name,
                       (unsigned long long)seen.capacity_bytes);
    }
    if (why.code != BY_E_NOT_FOUND)
        return err_set(e, why.code, "%s", why.msg);
    return vol_path(f, s->id, path, e) < 0 ? -1 : make_file(f, s, path, size, half, e);
}

static int
vol_create(struct virt *v, const struct virt_vol_spec *s, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "vol.create", s->id, FAKE_CHANGES | FAKE_NEEDS_POOL, &c, e) < 0)
        return -1;
    return fake_leave(&c, create_locked(c.f, s, c.half, e), e);
}

static int
grow_locked(struct fake *f, const char *id, uint64_t size, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int fd = -1;
    char name[W_ID + 4];
    struct virt_vol_seen seen;

    (void)snprintf(name, sizeof(name), "by-%.39s", id);
    if (vol_see(f, name, &a, &seen, e) < 0)
        return -1;
    if (size < seen.capacity_bytes)
        return err_set(e, BY_E_INVALID, "fake: volume %s has %llu bytes and cannot shrink", name,
                       (unsigned long long)seen.capacity_bytes);
    if (size == seen.capacity_bytes)
        return 0;
    if (room_for(f, size - seen.capacity_bytes, e) < 0)
        return -1;
    fd = open(seen.path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return durable_errno(e, errno, "open", seen.path);
    if (seen.format == FMT_QCOW2)
        return fake_qcow2_grow(fd, size, e);
    return ftruncate(fd, (off_t)size) < 0 ? durable_errno(e, errno, "grow", seen.path) : 0;
}

static int
vol_grow(struct virt *v, const char *id, uint64_t size_bytes, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "vol.grow", id, FAKE_CHANGES | FAKE_NEEDS_POOL, &c, e) < 0)
        return -1;
    return fake_leave(&c, grow_locked(c.f, id, size_bytes, e), e);
}

static int
vol_remove(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;
    char path[PATH_MAX];
    int r;

    if (fake_enter(v, "vol.remove", id, FAKE_CHANGES | FAKE_NEEDS_POOL, &c, e) < 0)
        return -1;
    r = vol_path(c.f, id, path, e);
    return fake_leave(&c, r < 0 ? -1 : fake_drop(path, e), e);
}

/* ---- pool ----------------------------------------------------------------------------------- */

static int
pool_ensure(struct virt *v, struct err *e)
{
    struct fake_call c;
    char path[PATH_MAX];
    int r;

    if (fake_enter(v, "pool.ensure", NULL, FAKE_CHANGES, &c, e) < 0)
        return -1;
    r = durable_mkdirs(c.f->pool, 0711, e);
    if (r == 0)
        r = fake_path(c.f->world, path, "", "pool-started", "", e);
    if (r == 0 && access(path, F_OK) < 0)
        r = fake_put(path, "", 0, e);
    return fake_leave(&c, r, e);
}

static int
info_locked(struct fake *f, struct arena *a, struct virt_pool_seen *out, struct err *e)
{
    long long limit = fake_setting(f->world, "host", "pool_bytes", 0);
    const struct virt_vol_seen *all;
    struct virt_pool_seen s = {.path = arena_strdup(a, f->pool)};
    struct statvfs fs;
    uint64_t used = 0;
    size_t n;

    if (statvfs(f->pool, &fs) < 0)
        return durable_errno(e, errno, "look at the pool", f->pool);
    s.capacity_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
    s.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (limit > 0) {
        if (list_locked(f, a, &all, &n, e) < 0)
            return -1;
        for (size_t i = 0; i < n; i++)
            used += all[i].capacity_bytes;
        s.capacity_bytes = (uint64_t)limit;
        s.free_bytes = used < (uint64_t)limit ? (uint64_t)limit - used : 0;
    }
    *out = s;
    return 0;
}

static int
pool_info(struct virt *v, struct arena *a, struct virt_pool_seen *out, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "pool.info", NULL, FAKE_READS | FAKE_NEEDS_POOL, &c, e) < 0)
        return -1;
    return fake_leave(&c, info_locked(c.f, a, out, e), e);
}

const struct virt_vol_ops virt_fake_vol_ops = {
    .list = vol_list,
    .get = vol_get,
    .create = vol_create,
    .grow = vol_grow,
    .remove = vol_remove,
};

const struct virt_pool_ops virt_fake_pool_ops = {
    .ensure = pool_ensure,
    .info = pool_info,
};
