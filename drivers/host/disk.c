#include "drivers/host/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/scope.h"

enum { QCOW2_HEAD = 104, BACKING_MAX = 1023 };

static uint64_t
be64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static bool
is_qcow2(const char *format)
{
    return format != NULL && strcmp(format, "qcow2") == 0;
}

static bool
head_read(int fd, unsigned char h[QCOW2_HEAD])
{
    memset(h, 0, QCOW2_HEAD);
    return pread(fd, h, QCOW2_HEAD, 0) >= 72 && memcmp(h, "QFI\xfb", 4) == 0;
}

uint64_t
disk_bytes(const char *path, const char *format)
{
    unsigned char h[QCOW2_HEAD];
    struct stat st;
    SCOPED(fd) int fd = -1;
    off_t end;

    /* A FIFO or a device that waits must not hold the caller. */
    if (path == NULL || stat(path, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    if (is_qcow2(format))
        return head_read(fd, h) ? be64(h + 24) : 0;
    if (format != NULL && strcmp(format, "raw") != 0)
        return 0;
    end = lseek(fd, 0, SEEK_END);
    return end > 0 ? (uint64_t)end : 0;
}

bool
disk_backing(const char *path, const char *format, char out[PATH_MAX])
{
    unsigned char h[QCOW2_HEAD];
    char name[BACKING_MAX + 1];
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    SCOPED(fd) int fd = -1;
    uint64_t at, len;

    if (slash == NULL || !is_qcow2(format))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || !head_read(fd, h))
        return false;
    at = be64(h + 8);
    len = be64(h + 12) & UINT32_MAX;
    if (at == 0 || len == 0 || len > BACKING_MAX || at > INT64_MAX - BACKING_MAX ||
        pread(fd, name, (size_t)len, (off_t)at) != (ssize_t)len)
        return false;
    name[len] = '\0';
    if (name[0] == '/')
        return snprintf(out, PATH_MAX, "%s", name) < PATH_MAX;
    return strchr(name, ':') == NULL &&
           snprintf(out, PATH_MAX, "%.*s/%s", (int)(slash - path), path, name) < PATH_MAX;
}

bool
disk_is_single(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return true;
    return S_ISREG(st.st_mode) && st.st_nlink == 1;
}
