#include "drivers/host/extent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "drivers/base/clock.h"
#include "drivers/base/fault.h"
#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/host/durable.h"

/* One transfer.  In huge pages, so that a transfer is two segments to the disk and not a thousand:
 * twice the speed of small pages. */
#define PIECE ((size_t)4 << 20)
#define HUGE_PAGE ((size_t)2 << 20)
#define MAX_EXTENTS ((size_t)8 << 20)
#define MAP_BATCH 256u

struct span {
    uint64_t off, len, phys;
    uint32_t flags; /* FIEMAP_EXTENT_… */
};
struct span_list {
    struct span *items;
    size_t n, cap;
};

/* One file being erased. */
struct job {
    const char *path;
    const struct extent_watch *watch;
    int fd, direct_fd; /* direct_fd -1: the file system has no O_DIRECT */
    uint64_t size, total, done, block;
    char *zeros, *back; /* PIECE bytes each */
    struct span_list spans;
    struct extent_report rep;
};

static void
span_list_scope(struct span_list *l)
{
    free(l->items);
}

static int
span_add(struct span_list *l, const struct span *s)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? MAP_BATCH : l->cap * 2;
        struct span *more = l->n >= MAX_EXTENTS ? NULL : realloc(l->items, cap * sizeof(*more));

        if (more == NULL)
            return -1;
        l->items = more;
        l->cap = cap;
    }
    l->items[l->n++] = *s;
    return 0;
}

static int
too_many(const struct job *j, struct err *e)
{
    return err_set(e, BY_E_NOMEM, "map %s: no memory for its extents, %zu so far", j->path,
                   j->spans.n);
}

/* Every extent by FIEMAP.  1: the file system does not offer it. */
static int
map_fiemap(struct job *j, struct span_list *out, struct err *e)
{
    union {
        struct fiemap head;
        char room[sizeof(struct fiemap) + MAP_BATCH * sizeof(struct fiemap_extent)];
    } m;
    uint64_t from = 0;
    bool last = false;

    while (!last) {
        memset(&m.head, 0, sizeof(m.head));
        m.head.fm_start = from;
        m.head.fm_length = FIEMAP_MAX_OFFSET - from;
        m.head.fm_flags = FIEMAP_FLAG_SYNC;
        m.head.fm_extent_count = MAP_BATCH;
        if (ioctl(j->fd, FS_IOC_FIEMAP, &m) < 0) {
            if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EBADR || errno == ENOSYS)
                return 1;
            return durable_errno(e, errno, "map", j->path);
        }
        if (m.head.fm_mapped_extents == 0)
            return 0;
        for (uint32_t i = 0; i < m.head.fm_mapped_extents; i++) {
            const struct fiemap_extent *x = &m.head.fm_extents[i];
            struct span s = {x->fe_logical, x->fe_length, x->fe_physical, x->fe_flags};

            if (span_add(out, &s) < 0)
                return too_many(j, e);
            from = x->fe_logical + x->fe_length;
            last = (x->fe_flags & FIEMAP_EXTENT_LAST) != 0;
        }
    }
    return 0;
}

static int
map_seek(struct job *j, struct span_list *out, struct err *e)
{
    off_t at = 0, data, hole;

    while ((data = lseek(j->fd, at, SEEK_DATA)) >= 0) {
        hole = lseek(j->fd, data, SEEK_HOLE);
        if (hole < 0)
            break;
        struct span s = {.off = (uint64_t)data, .flags = FIEMAP_EXTENT_UNKNOWN};

        s.len = (uint64_t)(hole - data);
        if (span_add(out, &s) < 0)
            return too_many(j, e);
        at = hole;
    }
    if (errno == ENXIO)
        return 0; /* nothing but a hole from here on */
    return durable_errno(e, errno, "look for data in", j->path);
}

/* To whole blocks: what follows the end of the file in its last block is old data too. */
static void
round_spans(struct job *j)
{
    for (size_t i = 0; i < j->spans.n; i++) {
        struct span *s = &j->spans.items[i];

        if ((s->flags & (FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED)) != 0) {
            j->rep.inline_data = true;
            if (s->off + s->len > j->size)
                s->len = j->size > s->off ? j->size - s->off : 0;
        } else {
            uint64_t end = (s->off + s->len + j->block - 1) / j->block * j->block;

            s->off = s->off / j->block * j->block;
            s->len = end - s->off;
        }
        j->total += s->len;
        if ((s->flags & FIEMAP_EXTENT_UNWRITTEN) != 0)
            j->rep.preallocated_bytes += s->len;
        if ((s->flags & FIEMAP_EXTENT_SHARED) != 0)
            j->rep.shared_bytes += s->len;
    }
    j->rep.extents = j->spans.n;
}

static int
map_file(struct job *j, struct err *e)
{
    int r = map_fiemap(j, &j->spans, e);

    if (r < 0)
        return -1;
    j->rep.mapped = r == 0;
    if (r == 1 && map_seek(j, &j->spans, e) < 0)
        return -1;
    round_spans(j);
    return 0;
}

static int
step(struct job *j, uint64_t n, struct err *e)
{
    j->done += n;
    if (j->watch != NULL && j->watch->progress != NULL &&
        j->watch->progress(j->watch->ctx, j->done, 2 * j->total) != 0)
        return err_set(e, BY_E_TIMEOUT,
                       "erase %s: stopped after %llu of %llu bytes; the next try starts over",
                       j->path, (unsigned long long)j->done, (unsigned long long)(2 * j->total));
    return 0;
}

/* Inline and badly aligned extents, and file systems without O_DIRECT, go through the cache. */
static int
fd_for(const struct job *j, const struct span *s)
{
    if ((s->flags & (FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED)) != 0)
        return j->fd;
    return j->direct_fd >= 0 ? j->direct_fd : j->fd;
}

/* One piece through fd; a file system that takes O_DIRECT at open and refuses it now is served
 * through the cache from here on. */
static ssize_t
piece_io(struct job *j, int fd, char *to, uint64_t off, size_t len)
{
    ssize_t n;

    do
        n = to == NULL ? pwrite(fd, j->zeros, len, (off_t)off) : pread(fd, to, len, (off_t)off);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EINVAL && fd == j->direct_fd) {
        j->rep.direct = false;
        fd_scope(&j->direct_fd);
        j->direct_fd = -1;
        return piece_io(j, j->fd, to, off, len);
    }
    return n;
}

static int
write_span(struct job *j, const struct span *s, struct err *e)
{
    for (uint64_t at = 0; at < s->len;) {
        size_t len = s->len - at < PIECE ? (size_t)(s->len - at) : PIECE;
        ssize_t n = piece_io(j, fd_for(j, s), NULL, s->off + at, len);

        if (n <= 0)
            return durable_errno(e, n < 0 ? errno : EIO, "overwrite", j->path);
        at += (uint64_t)n;
        j->rep.overwritten_bytes += (uint64_t)n;
        if (step(j, (uint64_t)n, e) < 0)
            return -1;
    }
    return 0;
}

static int
read_span(struct job *j, const struct span *s, struct err *e)
{
    for (uint64_t at = 0; at < s->len;) {
        size_t len = s->len - at < PIECE ? (size_t)(s->len - at) : PIECE;
        ssize_t n = piece_io(j, fd_for(j, s), j->back, s->off + at, len);

        if (n <= 0)
            return durable_errno(e, n < 0 ? errno : EIO, "read back", j->path);
        if (memcmp(j->back, j->zeros, (size_t)n) != 0)
            return err_set(e, BY_E_IO,
                           "read back %s: not zero within %zd bytes from %llu; the disk did not "
                           "keep what was written, or somebody writes to the file",
                           j->path, n, (unsigned long long)(s->off + at));
        at += (uint64_t)n;
        j->rep.read_back_bytes += (uint64_t)n;
        if (step(j, (uint64_t)n, e) < 0)
            return -1;
    }
    return 0;
}

/* Bytes of `was` that lie elsewhere in `now`.  Both are sorted by offset. */
static uint64_t
moved_bytes(const struct span_list *was, const struct span_list *now)
{
    uint64_t moved = 0;
    size_t k = 0;

    for (size_t i = 0; i < was->n; i++) {
        const struct span *w = &was->items[i];
        uint64_t at = w->off, end = w->off + w->len, same = 0;

        if ((w->flags & (FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED)) != 0)
            continue;
        while (k < now->n && now->items[k].off + now->items[k].len <= at)
            k++;
        for (size_t m = k; m < now->n && now->items[m].off < end; m++) {
            const struct span *x = &now->items[m];
            uint64_t from = x->off > at ? x->off : at;
            uint64_t to = x->off + x->len < end ? x->off + x->len : end;

            if ((x->flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_ENCODED)) == 0 &&
                x->phys - x->off == w->phys - w->off && to > from)
                same += to - from;
        }
        moved += w->len - (same < w->len ? same : w->len);
    }
    return moved;
}

static int
check_place(struct job *j, struct err *e)
{
    __attribute__((cleanup(span_list_scope))) struct span_list now = {0};

    if (!j->rep.mapped)
        return 0;
    if (map_fiemap(j, &now, e) != 0)
        return err_wrap(e, "after overwriting");
    j->rep.moved_bytes = moved_bytes(&j->spans, &now);
    return 0;
}

static int
overwrite(struct job *j, struct err *e)
{
    int64_t start = clock_mono_ns();

    for (size_t i = 0; i < j->spans.n; i++)
        if (write_span(j, &j->spans.items[i], e) < 0)
            return -1;
    if (fsync(j->fd) < 0)
        return durable_errno(e, errno, "sync", j->path);
    j->rep.write_ns = clock_mono_ns() - start;
    return check_place(j, e);
}

static int
read_back(struct job *j, struct err *e)
{
    int64_t start = clock_mono_ns();

    /* Without O_DIRECT this makes the kernel read again; it is only advice, hence rep.direct. */
    (void)posix_fadvise(j->fd, 0, 0, POSIX_FADV_DONTNEED);
    for (size_t i = 0; i < j->spans.n; i++)
        if (read_span(j, &j->spans.items[i], e) < 0)
            return -1;
    j->rep.read_ns = clock_mono_ns() - start;
    /* The tail of the last block was written past the end: give the file its size back.  What this
     * frees is zero already. */
    if (ftruncate(j->fd, (off_t)j->size) < 0 || fsync(j->fd) < 0)
        return durable_errno(e, errno, "restore the size of", j->path);
    return 0;
}

/* ext4's data=journal, for the file system (also as a default that /proc/mounts does not show) or
 * for this file. */
static bool
is_journaled(int fd, dev_t dev)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char path[64], link[256], options[512];
    const char *name;
    int flags = 0;
    ssize_t n;

    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_JOURNAL_DATA_FL) != 0)
        return true;
    (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
    n = readlink(path, link, sizeof(link) - 1);
    if (n <= 0)
        return false;
    link[n] = '\0';
    name = strrchr(link, '/');
    (void)snprintf(options, sizeof(options), "/proc/fs/ext4/%s/options",
                   name == NULL ? link : name + 1);
    return durable_read(options, 65536, &text, NULL) == 0 &&
           strstr(strbuf_peek(&text), "data=journal") != NULL;
}

static int
refuse_locked(const struct job *j, struct err *e)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(j->fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK)
        return err_set(e, BY_E_BUSY,
                       "erase %s: somebody holds a lock on it: stop the guest that uses it first",
                       j->path);
    return 0;
}

/* Two pieces in huge pages where the kernel has some. */
static char *
pieces_map(void)
{
    size_t len = 2 * PIECE + HUGE_PAGE;
    char *raw =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *at;

    if (raw == MAP_FAILED)
        return NULL;
    at = (char *)(((uintptr_t)raw + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    /* Give the ends back, so that the caller unmaps 2 * PIECE from `at`. */
    if (at > raw)
        (void)munmap(raw, (size_t)(at - raw));
    if (raw + len > at + 2 * PIECE)
        (void)munmap(at + 2 * PIECE, (size_t)(raw + len - (at + 2 * PIECE)));
    (void)madvise(at, 2 * PIECE, MADV_HUGEPAGE);
    memset(at, 0, 2 * PIECE);
    return at;
}

static int
job_run(struct job *j, struct err *e)
{
    /* A test's sabotage: fail leaves the overwriting out (reading back must notice), lose leaves
     * both out and claims success (only a search of the disk can notice). */
    enum fault_verdict sabotage = fault_at(BY_FAULT_ERASE_SKIP);
    int r;

    if (map_file(j, e) < 0)
        return -1;
    if (sabotage == FAULT_LOSE) {
        j->rep.overwritten_bytes = j->rep.read_back_bytes = j->total;
        return 0;
    }
    j->zeros = pieces_map();
    if (j->zeros == NULL)
        return err_set(e, BY_E_NOMEM, "erase %s: no memory for a buffer", j->path);
    j->back = j->zeros + PIECE;
    r = sabotage == FAULT_FAIL ? 0 : overwrite(j, e);
    if (r == 0)
        r = read_back(j, e);
    (void)munmap(j->zeros, 2 * PIECE);
    return r;
}

static int
job_open(struct job *j, struct err *e)
{
    struct stat st;

    if (fstat(j->fd, &st) < 0)
        return durable_errno(e, errno, "look at", j->path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, BY_E_UNSUPPORTED, "erase %s: not a plain file", j->path);
    j->size = j->rep.size_bytes = (uint64_t)st.st_size;
    j->block = st.st_blksize >= 512 && st.st_blksize <= 65536 ? (uint64_t)st.st_blksize : 4096;
    j->rep.existed = true;
    j->rep.journaled = is_journaled(j->fd, st.st_dev);
    return refuse_locked(j, e);
}

int
extent_erase(const char *path, const struct extent_watch *w, struct extent_report *out,
             struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct job j = {.path = path, .watch = w, .fd = fd, .direct_fd = -1};
    int r;

    if (fd < 0 && errno == ENOENT) {
        memset(out, 0, sizeof(*out));
        return 0;
    }
    if (fd < 0 && (errno == ELOOP || errno == EISDIR))
        return err_set(e, BY_E_UNSUPPORTED, "erase %s: a link or a folder, not a plain file", path);
    if (fd < 0)
        return durable_errno(e, errno, "open", path);
    if (job_open(&j, e) < 0)
        return -1;
    j.direct_fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_DIRECT);
    j.rep.direct = j.direct_fd >= 0;
    r = job_run(&j, e);
    fd_scope(&j.direct_fd);
    span_list_scope(&j.spans);
    if (r == 0)
        *out = j.rep;
    return r;
}

void
extent_limits(const struct extent_report *r, struct strbuf *out)
{
    if (r->shared_bytes > 0)
        strbuf_addf(out, "%llu bytes were shared with another file, which still holds them. ",
                    (unsigned long long)r->shared_bytes);
    if (r->moved_bytes > 0)
        strbuf_addf(out,
                    "For %llu bytes the file system chose new blocks; the old ones were not "
                    "reached. ",
                    (unsigned long long)r->moved_bytes);
    if (r->inline_data)
        strbuf_adds(out, "The content lay inside file system metadata; older copies may remain in "
                         "its journal. ");
    if (r->journaled)
        strbuf_adds(out, "The file system writes content to its journal first, where older copies "
                         "may remain. ");
    if (r->existed && !r->direct && r->overwritten_bytes > 0)
        strbuf_adds(out, "The file system has no direct access; reading back may have been served "
                         "from memory. ");
    if (r->existed && !r->mapped)
        strbuf_adds(out, "The file system does not list extents; parts reserved but never written "
                         "were not seen. ");
}
