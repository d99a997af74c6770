#include "drivers/host/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"

#define CACHE_MAX_BYTES 65536
#define CACHE_MAX_LINES 256

/* What a file must still be for an earlier check to count.  One line of the cache file. */
static void
line_of(const char *sha256, const struct stat *st, char line[256])
{
    (void)snprintf(line, 256, "%s %ju %ju %jd %jd.%09ld %jd.%09ld\n", sha256, (uintmax_t)st->st_dev,
                   (uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
                   st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static bool
cache_has(const char *cache_file, const char *line)
{
    SCOPED(strbuf) struct strbuf text = {0};

    if (cache_file == NULL || durable_read(cache_file, CACHE_MAX_BYTES, &text, NULL) < 0)
        return false;
    for (const char *at = text.s; at != NULL && *at != '\0';) {
        if (strncmp(at, line, strlen(line)) == 0)
            return true;
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    return false;
}

/* The newest line first, then the old ones but those of the same image.  A cache that cannot be
 * written only costs the next check its time. */
static void
cache_add(const char *cache_file, const char *line)
{
    SCOPED(strbuf) struct strbuf old = {0};
    SCOPED(strbuf) struct strbuf new = {0};
    int lines = 1;

    if (cache_file == NULL)
        return;
    (void)durable_read(cache_file, CACHE_MAX_BYTES, &old, NULL);
    strbuf_adds(&new, line);
    for (const char *at = old.s; at != NULL && *at != '\0' && lines < CACHE_MAX_LINES;) {
        const char *end = strchr(at, '\n');

        if (end == NULL)
            break;
        if (strncmp(at, line, 64) != 0) {
            strbuf_add(&new, at, (size_t)(end - at) + 1);
            lines++;
        }
        at = end + 1;
    }
    (void)durable_write(cache_file, new.s, new.len, 0600, NULL);
}

static uint64_t
be64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* Virtual size of a qcow2 file that stands on its own. */
static int
qcow2_check(const char *path, uint64_t *virtual_bytes, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char h[104] = {0};

    if (fd < 0)
        return durable_errno(e, errno, "open", path);
    if (pread(fd, h, sizeof(h), 0) < 72 || memcmp(h, "QFI\xfb", 4) != 0)
        return err_set(e, BY_E_INVALID, "image %s: not a qcow2 file", path);
    if (be64(h + 8) != 0)
        return err_set(e, BY_E_INVALID,
                       "image %s: it has a backing file; flatten it with qemu-img convert", path);
    if (h[7] >= 3 && (h[79] & 4) != 0) /* incompatible feature bit 2 */
        return err_set(e, BY_E_INVALID, "image %s: its data lie in another file", path);
    *virtual_bytes = be64(h + 24);
    return 0;
}

/* 0 found, 1 not there. */
static int
look(const char *dir, const char *sha256, const char *ending, struct image *out, struct stat *st,
     struct err *e)
{
    int n = snprintf(out->path, sizeof(out->path), "%s/%s%s", dir, sha256, ending);

    if (n < 0 || (size_t)n >= sizeof(out->path))
        return err_set(e, BY_E_INVALID, "image folder: the name is too long");
    if (stat(out->path, st) < 0)
        return errno == ENOENT ? 1 : durable_errno(e, errno, "look at", out->path);
    if (!S_ISREG(st->st_mode))
        return err_set(e, BY_E_INVALID, "image %s: not a plain file", out->path);
    return 0;
}

static int
verify(const char *sha256, const char *cache_file, const struct image *im, const struct stat *st,
       struct err *e)
{
    char line[256], found[65];

    line_of(sha256, st, line);
    if (cache_has(cache_file, line))
        return 0;
    if (digest_file_sha256_hex(im->path, found, e) < 0)
        return err_wrap(e, "image %s", im->path);
    if (strcmp(found, sha256) != 0)
        return err_set(e, BY_E_CONFLICT,
                       "image %s: its content has the hash %s; copy the right file again", im->path,
                       found);
    cache_add(cache_file, line);
    return 0;
}

int
image_find(const char *dir, const char *sha256, const char *cache_file, struct image *out,
           struct err *e)
{
    struct image im = {.format = FMT_QCOW2};
    struct stat st;
    int r;

    if (strspn(sha256, "0123456789abcdef") != 64 || sha256[64] != '\0')
        return err_set(e, BY_E_INVALID, "image: '%.80s' is not 64 hex digits", sha256);
    r = look(dir, sha256, ".qcow2", &im, &st, e);
    if (r == 1) {
        im.format = FMT_RAW;
        r = look(dir, sha256, ".img", &im, &st, e);
    }
    if (r == 1)
        return err_set(e, BY_E_NOT_FOUND, "no image %s in %s: copy it there as %.8s….qcow2 or .img",
                       sha256, dir, sha256);
    if (r < 0 || verify(sha256, cache_file, &im, &st, e) < 0)
        return -1;
    im.virtual_bytes = (uint64_t)st.st_size;
    if (im.format == FMT_QCOW2 && qcow2_check(im.path, &im.virtual_bytes, e) < 0)
        return -1;
    *out = im;
    return 0;
}
