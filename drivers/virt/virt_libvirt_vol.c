#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/virt/domread.h"
#include "drivers/virt/virt_libvirt.h"
#include "drivers/virt/volxml.h"

/* 1 found, 0 not there, -1 nobody knows.  "Not there" is said only after the folder was read again,
 * which libvirt does not do while it makes a volume: then it may still remember one that is gone.
 */
static int
vol_find(struct virt_libvirt *lv, virStoragePoolPtr p, const char *id, virStorageVolPtr *out,
         struct err *e)
{
    char name[W_ID + 4];
    virStorageVolInfo info;

    (void)snprintf(name, sizeof(name), "by-%s", id);
    *out = virStorageVolLookupByName(p, name);
    if (*out != NULL && virStorageVolGetInfo(*out, &info) == 0)
        return 1; /* it looks at the file: what libvirt remembers of it is true */
    lv_vol_free(TAKE(*out));
    if (lv_pool_refresh(lv, p, e) < 0)
        return -1;
    *out = virStorageVolLookupByName(p, name);
    if (*out == NULL)
        return lv_absent() ? 0 : lv_fail(lv, e, "volume %s", id);
    if (virStorageVolGetInfo(*out, &info) == 0 || !lv_absent())
        return 1;
    lv_vol_free(TAKE(*out));
    return err_set(e, BY_E_BUSY,
                   "volume %s is gone, and libvirt cannot notice while it makes another one", id);
}

static int
vol_read(struct virt_libvirt *lv, virStorageVolPtr vol, struct arena *a, struct virt_vol_seen *out,
         struct err *e)
{
    const char *name = virStorageVolGetName(vol);
    SCOPED(free) char *xml = virStorageVolGetXMLDesc(vol, 0);

    if (xml == NULL)
        return lv_fail(lv, e, "volume %s", name);
    return volxml_parse(xml, a, out, e);
}

static int
vol_list(struct virt *v, struct arena *a, const struct virt_vol_seen **out, size_t *n,
         struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = NULL;
    virStorageVolPtr *vols = NULL;
    struct virt_vol_seen *list;
    struct err one = {0};
    int count, rc = 0;
    size_t k = 0;

    if (lv_pool(lv, &p, e) < 0 || lv_pool_refresh(lv, p, e) < 0)
        return -1;
    count = virStoragePoolListAllVolumes(p, &vols, 0);
    if (count < 0)
        return lv_fail(lv, e, "list of volumes");
    list = arena_alloc(a, ((size_t)count + 1) * sizeof(*list));
    for (int i = 0; i < count; i++) {
        if (rc == 0 && vol_read(lv, vols[i], a, &list[k], &one) == 0)
            k++;
        else if (rc == 0 && one.code != BY_E_NOT_FOUND)
            rc = -1;
        lv_vol_free(vols[i]);
    }
    free(vols);
    if (rc < 0) {
        if (e != NULL)
            *e = one;
        return -1;
    }
    *out = list;
    *n = k;
    return 0;
}

static int
vol_get(struct virt *v, const char *id, struct arena *a, struct virt_vol_seen *out, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = NULL;
    SCOPED(lv_vol_free) virStorageVolPtr vol = NULL;
    int found;

    if (lv_pool(lv, &p, e) < 0)
        return -1;
    found = vol_find(lv, p, id, &vol, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no volume %s in pool %s", id, lv->pool_name);
    return vol_read(lv, vol, a, out, e);
}

/* ---- making -------------------------------------------------------------------------------- */

/* Format of a base image by its first bytes.  Safe only there: images are checked by hash before
 * they are used, and no guest ever writes to one. */
static int
image_format(const char *path, enum w_format *out, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char magic[4] = "";

    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO,
                       "base image %s cannot be read: %s", path, strerror(errno));
    *out = read(fd, magic, 4) == 4 && memcmp(magic, "QFI\xfb", 4) == 0 ? FMT_QCOW2 : FMT_RAW;
    return 0;
}

static int
vol_upload(struct virt_libvirt *lv, virStorageVolPtr vol, int fd, uint64_t length, struct err *e)
{
    const char *name = virStorageVolGetName(vol);
    SCOPED(lv_stream_free) virStreamPtr st = virStreamNew(lv->conn, 0);
    char buf[65536];
    ssize_t got;

    if (st == NULL || virStorageVolUpload(vol, st, 0, length, 0) < 0)
        return lv_fail(lv, e, "content of volume %s", name);
    while ((got = read(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t off = 0; off < got;) {
            int sent = virStreamSend(st, buf + off, (size_t)(got - off));

            if (sent < 0)
                return lv_fail(lv, e, "content of volume %s", name);
            off += sent;
        }
    }
    if (got < 0) {
        (void)virStreamAbort(st); /* the volume is useless either way, and not yet filled */
        return err_set(e, BY_E_IO, "content of volume %s cannot be read: %s", name,
                       strerror(errno));
    }
    if (virStreamFinish(st) < 0)
        return lv_fail(lv, e, "content of volume %s", name);
    return 0;
}

/* There already: the same size and format, or another's. */
static int
vol_compare(struct virt_libvirt *lv, virStorageVolPtr vol, const struct virt_vol_spec *s,
            uint64_t capacity, struct err *e)
{
    struct virt_vol_seen seen = {0};
    struct arena a = {0};
    int rc = vol_read(lv, vol, &a, &seen, e);

    /* An ISO image is told as `iso`, which is raw with a file system that libvirt knows. */
    if (rc == 0 && s->content_path != NULL && seen.format == FMT_NONE)
        seen.format = FMT_RAW;
    if (rc == 0 && (seen.capacity_bytes != capacity || seen.format != s->format))
        rc = err_set(e, BY_E_CONFLICT,
                     "volume %s is there with %llu bytes as %s; wanted are %llu bytes as %s", s->id,
                     (unsigned long long)seen.capacity_bytes, w_format_names[seen.format],
                     (unsigned long long)capacity, w_format_names[s->format]);
    arena_clear(&a);
    return rc;
}

static int
vol_make(struct virt_libvirt *lv, virStoragePoolPtr p, const struct virt_vol_spec *s,
         uint64_t capacity, virStorageVolPtr *out, struct err *e)
{
    enum w_format backing = FMT_NONE;
    struct arena a = {0};
    const char *xml;
    int rc;

    if (s->backing_path != NULL && image_format(s->backing_path, &backing, e) < 0)
        return -1;
    rc = volxml_build(s, capacity, backing, &a, &xml, e);
    if (rc == 0) {
        *out = virStorageVolCreateXML(p, xml, 0);
        if (*out == NULL)
            rc = lv_fail(lv, e, "volume %s cannot be made", s->id);
    }
    arena_clear(&a);
    return rc;
}

static int
vol_create(struct virt *v, const struct virt_vol_spec *s, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = NULL;
    SCOPED(lv_vol_free) virStorageVolPtr vol = NULL;
    SCOPED(fd) int fd = -1;
    uint64_t capacity = s->size_bytes;
    struct stat st;
    int found;

    if (s->content_path != NULL) {
        fd = open(s->content_path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
            return err_set(e, BY_E_IO, "%s cannot be read: %s", s->content_path, strerror(errno));
        capacity = (uint64_t)st.st_size;
    }
    if (lv_pool(lv, &p, e) < 0)
        return -1;
    found = vol_find(lv, p, s->id, &vol, e);
    if (found < 0)
        return -1;
    if (found == 1)
        return vol_compare(lv, vol, s, capacity, e);
    if (vol_make(lv, p, s, capacity, &vol, e) < 0)
        return -1;
    if (fd < 0)
        return 0;
    if (vol_upload(lv, vol, fd, capacity, e) == 0)
        return 0;
    (void)virStorageVolDelete(vol, 0); /* made by this very call; the first error counts */
    return -1;
}

/* ---- growing and removing ------------------------------------------------------------------ */

/* A volume in use must be grown by its QEMU: qemu-img would meet its lock.  1 when done so. */
static int
grow_live(struct virt_libvirt *lv, const char *path, uint64_t bytes, struct err *e)
{
    virDomainPtr *doms = NULL;
    int count = virConnectListAllDomains(lv->conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE), rc = 0;

    if (count < 0)
        return lv_fail(lv, e, "list of domains");
    for (int i = 0; i < count; i++) {
        SCOPED(free) char *xml = rc == 0 ? virDomainGetXMLDesc(doms[i], 0) : NULL;
        struct arena a = {0};
        struct domread r;

        if (xml != NULL && domread_parse(xml, &a, &r, NULL) == 0)
            for (size_t k = 0; k < r.def.n_disks && rc == 0; k++)
                if (r.def.disks[k].path != NULL && strcmp(r.def.disks[k].path, path) == 0)
                    rc = virDomainBlockResize(doms[i], path, bytes,
                                              VIR_DOMAIN_BLOCK_RESIZE_BYTES) == 0
                             ? 1
                             : lv_fail(lv, e, "disk %s cannot grow", path);
        arena_clear(&a);
        lv_dom_free(doms[i]);
    }
    free(doms);
    return rc;
}

static int
vol_grow(struct virt *v, const char *id, uint64_t size_bytes, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = NULL;
    SCOPED(lv_vol_free) virStorageVolPtr vol = NULL;
    SCOPED(free) char *path = NULL;
    virStorageVolInfo info;
    int found;

    if (lv_pool(lv, &p, e) < 0)
        return -1;
    found = vol_find(lv, p, id, &vol, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no volume %s in pool %s", id, lv->pool_name);
    path = virStorageVolGetPath(vol);
    if (path == NULL || virStorageVolGetInfo(vol, &info) < 0)
        return lv_fail(lv, e, "volume %s", id);
    if (size_bytes < info.capacity)
        return err_set(e, BY_E_INVALID,
                       "volume %s has %llu bytes and cannot shrink to %llu: its end would be lost",
                       id, info.capacity, (unsigned long long)size_bytes);
    if (size_bytes == info.capacity)
        return 0;
    found = grow_live(lv, path, size_bytes, e);
    if (found != 0)
        return found < 0 ? -1 : 0;
    if (virStorageVolResize(vol, size_bytes, 0) < 0)
        return lv_fail(lv, e, "volume %s cannot grow", id);
    return 0;
}

static int
vol_remove(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = NULL;
    SCOPED(lv_vol_free) virStorageVolPtr vol = NULL;
    int found;

    if (lv_pool(lv, &p, e) < 0)
        return -1;
    found = vol_find(lv, p, id, &vol, e);
    if (found <= 0)
        return found;
    if (virStorageVolDelete(vol, 0) < 0 && !lv_absent())
        return lv_fail(lv, e, "volume %s cannot be removed", id);
    return 0;
}

const struct virt_vol_ops virt_libvirt_vol = {
    .list = vol_list,
    .get = vol_get,
    .create = vol_create,
    .grow = vol_grow,
    .remove = vol_remove,
};
