#include "drivers/virt/virt_fake_qcow2.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/durable.h"

/* Clusters: 0 header, 1 refcount table, 2 refcount block, 3.. the first-level table, long enough
 * for FAKE_QCOW2_MAX_BYTES, so that growing changes one number. */
#define CLUSTER_BITS 16u
#define CLUSTER ((uint64_t)1 << CLUSTER_BITS)
#define L1_AT (3 * CLUSTER)
#define L1_SPAN ((uint64_t)512 << 20) /* bytes that one first-level entry covers */
#define L1_CLUSTERS (FAKE_QCOW2_MAX_BYTES / L1_SPAN * 8 / CLUSTER)
#define CLUSTERS (3 + L1_CLUSTERS)
#define HEADER_BYTES 104u
#define SIZE_AT 24u
#define EXT_BACKING_FORMAT 0xE2792ACAu

static void
put(unsigned char *at, uint64_t v, size_t bytes)
{
    while (bytes-- > 0) {
        at[bytes] = (unsigned char)v;
        v >>= 8;
    }
}

static uint64_t
get(const unsigned char *at, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | at[i];
    return v;
}

static int
write_at(int fd, const void *bytes, size_t len, uint64_t at, struct err *e)
{
    ssize_t n = pwrite(fd, bytes, len, (off_t)at);

    if (n == (ssize_t)len)
        return 0;
    return durable_errno(e, n < 0 ? errno : ENOSPC, "write", "a qcow2 header");
}

static int
size_check(uint64_t size, struct err *e)
{
    if (size > FAKE_QCOW2_MAX_BYTES)
        return err_set(e, BY_E_INVALID, "qcow2: %llu bytes are more than 64 TiB",
                       (unsigned long long)size);
    return 0;
}

int
fake_qcow2_write(int fd, uint64_t size, const char *backing, const char *backing_format,
                 struct err *e)
{
    unsigned char h[2048] = {'Q', 'F', 'I', 0xfb};
    unsigned char table[8], counts[2 * CLUSTERS];
    size_t at = HEADER_BYTES, len = backing == NULL ? 0 : strlen(backing);

    if (size_check(size, e) < 0)
        return -1;
    if (len > 1023)
        return err_set(e, BY_E_INVALID, "qcow2: the backing file's name is too long");
    put(h + 4, 3, 4);
    put(h + 20, CLUSTER_BITS, 4);
    put(h + SIZE_AT, size, 8);
    put(h + 36, FAKE_QCOW2_MAX_BYTES / L1_SPAN, 4); /* entries of the first-level table */
    put(h + 40, L1_AT, 8);
    put(h + 48, CLUSTER, 8); /* refcount table */
    put(h + 56, 1, 4);
    put(h + 96, 4, 4); /* 16-bit refcounts */
    put(h + 100, HEADER_BYTES, 4);
    if (backing_format != NULL) {
        put(h + at, EXT_BACKING_FORMAT, 4);
        put(h + at + 4, strlen(backing_format), 4);
        memcpy(h + at + 8, backing_format, strlen(backing_format));
        at += 16;
    }
    at += 8; /* end of extensions: zeros */
    if (len > 0) {
        put(h + 8, at, 8);
        put(h + 16, len, 4);
        memcpy(h + at, backing, len);
    }
    put(table, 2 * CLUSTER, 8);
    for (size_t i = 0; i < CLUSTERS; i++)
        put(counts + 2 * i, 1, 2);
    if (write_at(fd, table, sizeof(table), CLUSTER, e) < 0 ||
        write_at(fd, counts, sizeof(counts), 2 * CLUSTER, e) < 0)
        return -1;
    if (ftruncate(fd, (off_t)(CLUSTERS * CLUSTER)) < 0)
        return durable_errno(e, errno, "size", "a qcow2 file");
    return write_at(fd, h, at + len, 0, e);
}

int
fake_qcow2_read(int fd, uint64_t *size, char backing[1024], struct err *e)
{
    unsigned char h[2048] = {0};
    uint64_t at, len;

    if (pread(fd, h, sizeof(h), 0) < 0)
        return durable_errno(e, errno, "read", "a volume");
    if (memcmp(h, "QFI\xfb", 4) != 0)
        return 0;
    *size = get(h + SIZE_AT, 8);
    at = get(h + 8, 8);
    len = get(h + 16, 4);
    backing[0] = '\0';
    if (at != 0 && len > 0 && len < 1024 && at + len <= sizeof(h)) {
        memcpy(backing, h + at, len);
        backing[len] = '\0';
    }
    return 1;
}

int
fake_qcow2_grow(int fd, uint64_t size, struct err *e)
{
    unsigned char part[8];

    if (size_check(size, e) < 0)
        return -1;
    put(part, size, sizeof(part));
    return write_at(fd, part, sizeof(part), SIZE_AT, e);
}
