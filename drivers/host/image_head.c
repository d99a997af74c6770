#include "drivers/host/image_head.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/scope.h"

/* Offsets and numbers of the qcow2 format as its specification gives them. */
enum {
    V2_LENGTH = 72,
    V3_LENGTH = 104,
    AT_VERSION = 4,
    AT_BACKING = 8,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT = 32,
    AT_L1_SIZE = 36,
    AT_L1 = 40,
    AT_REFS = 48,
    AT_REF_CLUSTERS = 56,
    AT_SNAPSHOTS = 60,
    AT_INCOMPATIBLE = 72,
    AT_REF_ORDER = 96,
    AT_LENGTH = 100,
    L1_BYTES_MAX = 32 << 20,
    REF_BYTES_MAX = 8 << 20,
    EXTENSIONS_MAX = 64,
};
enum {
    BIT_DIRTY = 1 << 0,
    BIT_CORRUPT = 1 << 1,
    BIT_DATA_FILE = 1 << 2,
    BIT_COMPRESSION = 1 << 3,
    BIT_EXTENDED_L2 = 1 << 4,
};
#define EXT_BACKING_FORMAT UINT32_C(0xe2792aca)
#define EXT_DATA_FILE UINT32_C(0x44415441)
#define EXT_ENCRYPTION UINT32_C(0x0537be77)

static uint32_t
be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t
be64(const unsigned char *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static int
refuse(struct err *e, const char *why)
{
    return err_set(e, BY_E_INVALID, "%s", why);
}

/* A table of so many bytes lies inside the file, at a whole cluster. */
static bool
table_fits(uint64_t at, uint64_t bytes, uint64_t cluster, uint64_t file_bytes)
{
    return at % cluster == 0 && at >= cluster && at <= file_bytes && bytes <= file_bytes - at;
}

static int
check_features(const unsigned char *h, struct err *e)
{
    uint64_t bits = be64(h + AT_INCOMPATIBLE);

    if ((bits & BIT_DATA_FILE) != 0)
        return refuse(e, "its data lie in another file; flatten it with qemu-img convert");
    if ((bits & (BIT_DIRTY | BIT_CORRUPT)) != 0)
        return refuse(e, "it is marked dirty or corrupt; repair it with qemu-img check -r all");
    if ((bits & ~(uint64_t)(BIT_COMPRESSION | BIT_EXTENDED_L2)) != 0)
        return refuse(e, "it uses features of qcow2 that are not known here; rewrite it with "
                         "qemu-img convert -O qcow2");
    if (be32(h + AT_REF_ORDER) > 6)
        return refuse(e, "its reference counts have a width that qcow2 does not have");
    return 0;
}

/* The list of extensions behind the header, up to its end mark. */
static int
check_extensions(const unsigned char *h, size_t len, size_t at, struct err *e)
{
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        uint32_t type, bytes;

        if (at + 8 > len)
            return refuse(e, "its header extensions do not end");
        type = be32(h + at);
        bytes = be32(h + at + 4);
        if (type == 0)
            return 0;
        if (type == EXT_BACKING_FORMAT || type == EXT_DATA_FILE)
            return refuse(e, "it names another file; flatten it with qemu-img convert");
        if (type == EXT_ENCRYPTION)
            return refuse(e, "it is encrypted; decrypt it with qemu-img convert");
        at += 8;
        if (bytes > len - at)
            return refuse(e, "a header extension is longer than its first cluster");
        at += (bytes + 7) & ~(size_t)7;
    }
    return refuse(e, "it has more header extensions than any tool writes");
}

static int
check_tables(const unsigned char *h, uint64_t file_bytes, uint64_t size, struct err *e)
{
    uint64_t cluster = UINT64_C(1) << be32(h + AT_CLUSTER_BITS);
    uint64_t entry =
        be32(h + AT_VERSION) >= 3 && (be64(h + AT_INCOMPATIBLE) & BIT_EXTENDED_L2) != 0 ? 16 : 8;
    uint64_t covered = cluster * (cluster / entry); /* by one entry of the first table */
    uint64_t l1_bytes = (uint64_t)be32(h + AT_L1_SIZE) * 8;
    uint64_t ref_bytes = (uint64_t)be32(h + AT_REF_CLUSTERS) * cluster;

    if (l1_bytes / 8 < size / covered + (size % covered != 0))
        return refuse(e, "its table of clusters is shorter than its size needs");
    if (l1_bytes > L1_BYTES_MAX || !table_fits(be64(h + AT_L1), l1_bytes, cluster, file_bytes))
        return refuse(e, "its table of clusters does not lie in the file: it is cut or damaged");
    if (ref_bytes == 0 || ref_bytes > REF_BYTES_MAX ||
        !table_fits(be64(h + AT_REFS), ref_bytes, cluster, file_bytes))
        return refuse(e, "its table of references does not lie in the file: it is cut or damaged");
    return 0;
}

static int
check_qcow2(const unsigned char *h, size_t len, uint64_t file_bytes, struct image_head *out,
            struct err *e)
{
    uint32_t version, bits;
    size_t header = V2_LENGTH;
    uint64_t size;

    if (len < V2_LENGTH)
        return refuse(e, "it ends within its header: it is cut");
    version = be32(h + AT_VERSION);
    if (version != 2 && version != 3)
        return err_set(
            e, BY_E_INVALID,
            "it is version %u of the format, 2 and 3 are taken; rewrite it with qemu-img "
            "convert -O qcow2",
            version);
    if (be64(h + AT_BACKING) != 0)
        return refuse(e, "it has a backing file; flatten it with qemu-img convert");
    if (be32(h + AT_CRYPT) != 0)
        return refuse(e, "it is encrypted; decrypt it with qemu-img convert");
    if (be32(h + AT_SNAPSHOTS) != 0)
        return refuse(e, "it has snapshots inside; flatten it with qemu-img convert");
    bits = be32(h + AT_CLUSTER_BITS);
    if (bits < 9 || bits > 21)
        return refuse(e, "its clusters have a size that qcow2 does not have");
    if (version == 3) {
        if (len < V3_LENGTH || check_features(h, e) < 0)
            return len < V3_LENGTH ? refuse(e, "it ends within its header: it is cut") : -1;
        header = be32(h + AT_LENGTH);
        if (header < V3_LENGTH || header % 8 != 0 || header > UINT64_C(1) << bits)
            return refuse(e, "its header has a length that qcow2 does not have");
    }
    len = len > UINT64_C(1) << bits ? (size_t)(UINT64_C(1) << bits) : len;
    size = be64(h + AT_SIZE);
    if (size == 0 || size > IMAGE_VIRTUAL_MAX)
        return err_set(e, BY_E_INVALID, "its guest would see %llu bytes; from 1 to %llu are taken",
                       (unsigned long long)size, (unsigned long long)IMAGE_VIRTUAL_MAX);
    if (check_extensions(h, len, header, e) < 0 || check_tables(h, file_bytes, size, e) < 0)
        return -1;
    *out = (struct image_head){FMT_QCOW2, size};
    return 0;
}

/* Raw is what nothing else claims: a file that QEMU, asked to guess, would take for something else
 * is refused, since that may name further files. */
static int
check_raw(const unsigned char *h, size_t len, uint64_t file_bytes, struct image_head *out,
          struct err *e)
{
    static const struct {
        size_t at;
        const char *magic, *what;
    } others[] = {
        {0, "QED", "QED"},
        {0, "KDMV", "VMDK"},
        {0, "COWD", "VMDK"},
        {0, "# Disk Desc", "VMDK"},
        {0, "conectix", "VHD"},
        {0, "vhdxfile", "VHDX"},
        {0, "LUKS\xba\xbe", "LUKS"},
        {0, "WithoutFre", "HDD"},
        {0, "WithouFre", "HDD"},
        {0, "Bochs Virt", "Bochs"},
        {0, "\x1f\x8b", "gzip"},
        {0,
         "\xfd"
         "7zXZ",
         "xz"},
        {0, "\x28\xb5\x2f\xfd", "zstd"},
        {64, "\x7f\x10\xda\xbe", "VDI"},
    };

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        size_t n = strlen(others[i].magic);

        if (len >= others[i].at + n && memcmp(h + others[i].at, others[i].magic, n) == 0)
            return err_set(e, BY_E_INVALID,
                           "it is %s; unpack or rewrite it with qemu-img convert -O qcow2",
                           others[i].what);
    }
    if (file_bytes < 512 || file_bytes > IMAGE_VIRTUAL_MAX)
        return err_set(e, BY_E_INVALID, "it has %llu bytes: no disk",
                       (unsigned long long)file_bytes);
    *out = (struct image_head){FMT_RAW, file_bytes};
    return 0;
}

int
image_head_check(const void *head, size_t len, uint64_t file_bytes, struct image_head *out,
                 struct err *e)
{
    const unsigned char *h = head;

    if (len > file_bytes)
        len = (size_t)file_bytes;
    if (len >= 4 && memcmp(h, "QFI\xfb", 4) == 0)
        return check_qcow2(h, len, file_bytes, out, e);
    return check_raw(h, len, file_bytes, out, e);
}

int
image_head_file(int fd, struct image_head *out, struct err *e)
{
    SCOPED(free) char *head = malloc(IMAGE_HEAD_BYTES);
    size_t len = 0;
    struct stat st;
    ssize_t n = 1;

    if (head == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (fstat(fd, &st) < 0)
        return err_set(e, BY_E_IO, "it cannot be looked at: %s", strerror(errno));
    while (len < IMAGE_HEAD_BYTES && n > 0) {
        n = pread(fd, head + len, IMAGE_HEAD_BYTES - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            return err_set(e, BY_E_IO, "it cannot be read: %s", strerror(errno));
        else
            len += (size_t)n;
    }
    return image_head_check(head, len, (uint64_t)st.st_size, out, e);
}
