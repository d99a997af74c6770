#include "drivers/host/image_tables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/scope.h"

enum { HEAD = 112, CHUNK = 65536 };
#define OFFSET_BITS UINT64_C(0x00fffffffffffe00)
#define REF_BITS UINT64_C(0xfffffffffffffe00)
#define COMPRESSED (UINT64_C(1) << 62)
#define EXTENDED_L2 (1 << 4)

struct walk {
    const struct image_bytes *f;
    struct err *e;
    unsigned bits;          /* of a cluster */
    uint64_t cluster, left; /* left: bytes that may still be read */
    size_t l2_step;
    unsigned char *inner; /* CHUNK bytes for second tables */
};
typedef int (*entry_fn)(struct walk *w, uint64_t entry);

static uint64_t
be(const unsigned char *p, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static int
cut(struct walk *w)
{
    return err_set(w->e, BY_E_INVALID,
                   "it points beyond its own end: it is cut or damaged; look at it with qemu-img "
                   "check, and send it whole");
}

/* Every entry of a table of so many bytes; a table read twice costs twice, so that what is read in
 * all stays below the size of the file. */
static int
each_entry(struct walk *w, uint64_t at, uint64_t bytes, size_t step, unsigned char *buf,
           entry_fn fn)
{
    if (at > w->f->size || bytes > w->f->size - at || bytes > w->left)
        return cut(w);
    w->left -= bytes;
    while (bytes > 0) {
        size_t n = bytes < CHUNK ? (size_t)bytes : CHUNK;

        if (w->f->read(w->f->arg, at, buf, n, w->e) < 0)
            return -1;
        for (size_t i = 0; i + 8 <= n; i += step)
            if (fn(w, be(buf + i, 8)) < 0)
                return -1;
        at += n;
        bytes -= n;
    }
    return 0;
}

/* Data: the last cluster of a file may be shorter. */
static int
data_entry(struct walk *w, uint64_t entry)
{
    uint64_t at = entry & OFFSET_BITS;

    if ((entry & COMPRESSED) != 0)
        at = entry & ((UINT64_C(1) << (62 - (w->bits - 8))) - 1);
    else if (at % w->cluster != 0)
        return cut(w);
    return at < w->f->size ? 0 : cut(w);
}

static int
l1_entry(struct walk *w, uint64_t entry)
{
    uint64_t at = entry & OFFSET_BITS;

    if (at == 0)
        return 0;
    if (at % w->cluster != 0)
        return cut(w);
    return each_entry(w, at, w->cluster, w->l2_step, w->inner, data_entry);
}

static int
ref_entry(struct walk *w, uint64_t entry)
{
    uint64_t at = entry & REF_BITS;

    return at % w->cluster == 0 && at < w->f->size ? 0 : cut(w);
}

int
image_tables_check(const struct image_bytes *f, struct err *e)
{
    SCOPED(free) unsigned char *outer = malloc(CHUNK), *inner = malloc(CHUNK);
    struct walk w = {.f = f, .e = e, .left = f->size, .l2_step = 8, .inner = inner};
    unsigned char h[HEAD] = {0};

    if (outer == NULL || inner == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (f->read(f->arg, 0, h, f->size < HEAD ? (size_t)f->size : HEAD, e) < 0)
        return -1;
    if (memcmp(h, "QFI\xfb", 4) != 0)
        return 0;
    w.bits = (unsigned)be(h + 20, 4);
    if (w.bits < 9 || w.bits > 21)
        return cut(&w);
    w.cluster = UINT64_C(1) << w.bits;
    if (be(h + 4, 4) >= 3 && (be(h + 72, 8) & EXTENDED_L2) != 0)
        w.l2_step = 16;
    if (each_entry(&w, be(h + 48, 8), be(h + 56, 4) * w.cluster, 8, outer, ref_entry) < 0)
        return -1;
    return each_entry(&w, be(h + 40, 8), be(h + 36, 4) * 8, 8, outer, l1_entry);
}

static int
file_read(void *arg, uint64_t at, void *buf, size_t len, struct err *e)
{
    const int *fd = arg;
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(*fd, (char *)buf + have, len - have, (off_t)(at + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, BY_E_IO, "it cannot be read: %s", strerror(errno));
        if (n == 0)
            return err_set(e, BY_E_IO, "it became shorter while it was read");
        have += (size_t)n;
    }
    return 0;
}

int
image_tables_file(int fd, struct err *e)
{
    struct image_bytes f = {.read = file_read, .arg = &fd};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_set(e, BY_E_IO, "it cannot be looked at: %s", strerror(errno));
    f.size = (uint64_t)st.st_size;
    return image_tables_check(&f, e);
}
