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
#include "drivers/host/image_head.h"

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

/* What the bytes are, whatever the ending says: QEMU goes by the bytes too. */
static int
head_check(struct image *im, struct err *e)
{
    SCOPED(fd) int fd = open(im->path, O_RDONLY | O_CLOEXEC);
    struct image_head head;

    if (fd < 0)
        return durable_errno(e, errno, "open", im->path);
    if (image_head_file(fd, &head, e) < 0)
        return err_wrap(e, "image %s", im->path);
    if (head.format != im->format)
        return err_set(e, BY_E_INVALID, "image %s: it is %s, its name says %s", im->path,
                       w_format_names[head.format], w_format_names[im->format]);
    im->virtual_bytes = head.virtual_bytes;
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

void
image_remember(const char *path, const char *sha256, const char *cache_file)
{
    char line[256];
    struct stat st;

    if (stat(path, &st) < 0) /* it only costs the next check its time */
        return;
    line_of(sha256, &st, line);
    cache_add(cache_file, line);
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
        return err_set(e, BY_E_NOT_FOUND, "no image %s in %s", sha256, dir);
    if (r < 0 || verify(sha256, cache_file, &im, &st, e) < 0)
        return -1;
    if (head_check(&im, e) < 0)
        return -1;
    *out = im;
    return 0;
}
