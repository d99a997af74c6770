#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/virt/virt_libvirt.h"
#include "drivers/virt/volxml.h"

int
lv_pool(struct virt_libvirt *lv, virStoragePoolPtr *out, struct err *e)
{
    SCOPED(lv_pool_free) virStoragePoolPtr p = virStoragePoolLookupByName(lv->conn, lv->pool_name);
    int active;

    if (p == NULL && lv_absent()) /* not NOT_FOUND: a volume of a missing pool is not gone */
        return err_set(e, BY_E_BUSY, "pool %s is not defined", lv->pool_name);
    if (p == NULL)
        return lv_fail(lv, e, "pool %s", lv->pool_name);
    active = virStoragePoolIsActive(p);
    if (active < 0)
        return lv_fail(lv, e, "pool %s", lv->pool_name);
    if (active == 0)
        return err_set(e, BY_E_BUSY, "pool %s is not started", lv->pool_name);
    *out = TAKE(p);
    return 0;
}

int
lv_pool_refresh(struct virt_libvirt *lv, virStoragePoolPtr p, struct err *e)
{
    const virError *last;

    if (virStoragePoolRefresh(p, 0) == 0)
        return 0;
    last = virGetLastError();
    if (last != NULL && last->message != NULL && strstr(last->message, "asynchronous jobs") != NULL)
        return 0;
    return lv_fail(lv, e, "pool %s cannot be read again", lv->pool_name);
}

/* The pool of that name must be ours: a folder at our path. */
static int
pool_is_at_path(struct virt_libvirt *lv, virStoragePoolPtr p, struct err *e)
{
    SCOPED(free) char *xml = virStoragePoolGetXMLDesc(p, 0);
    struct arena a = {0};
    const char *path;
    int rc = -1;

    if (xml == NULL)
        return lv_fail(lv, e, "pool %s", lv->pool_name);
    if (poolxml_path(xml, &a, &path, e) < 0)
        (void)err_wrap(e, "pool %s", lv->pool_name);
    else if (strcmp(path, lv->pool_path) != 0)
        (void)err_set(e, BY_E_CONFLICT,
                      "pool %s lies at %s, not at %s; give the agent another "
                      "pool name",
                      lv->pool_name, path, lv->pool_path);
    else
        rc = 0;
    arena_clear(&a);
    return rc;
}

static int
pool_define(struct virt_libvirt *lv, virStoragePoolPtr *out, struct err *e)
{
    struct arena a = {0};
    const char *xml;
    int rc = poolxml_build(lv->pool_name, lv->pool_path, &a, &xml, e);

    if (rc == 0) {
        *out = virStoragePoolDefineXML(lv->conn, xml, 0);
        if (*out == NULL)
            rc = lv_fail(lv, e, "pool %s cannot be defined", lv->pool_name);
    }
    arena_clear(&a);
    return rc;
}

static int
pool_ensure(struct virt *v, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = virStoragePoolLookupByName(lv->conn, lv->pool_name);
    int active;

    if (p == NULL) {
        if (!lv_absent())
            return lv_fail(lv, e, "pool %s", lv->pool_name);
        if (pool_define(lv, &p, e) < 0)
            return -1;
    } else if (!lv->is_test && pool_is_at_path(lv, p, e) < 0) {
        return -1;
    }
    active = virStoragePoolIsActive(p);
    if (active < 0)
        return lv_fail(lv, e, "pool %s", lv->pool_name);
    if (active == 1)
        return 0;
    if (virStoragePoolBuild(p, 0) < 0 && !lv->is_test) /* makes the folder; there already is fine */
        return lv_fail(lv, e, "folder of pool %s cannot be made", lv->pool_name);
    if (virStoragePoolCreate(p, 0) < 0 && virStoragePoolIsActive(p) != 1)
        return lv_fail(lv, e, "pool %s cannot be started", lv->pool_name);
    return 0;
}

static int
pool_info(struct virt *v, struct arena *a, struct virt_pool_seen *out, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_pool_free) virStoragePoolPtr p = NULL;
    virStoragePoolInfo info;

    if (lv_pool(lv, &p, e) < 0 || lv_pool_refresh(lv, p, e) < 0)
        return -1;
    if (virStoragePoolGetInfo(p, &info) < 0)
        return lv_fail(lv, e, "pool %s", lv->pool_name);
    out->path = arena_strdup(a, lv->pool_path);
    out->capacity_bytes = info.capacity;
    out->free_bytes = info.available;
    return 0;
}

const struct virt_pool_ops virt_libvirt_pool = {.ensure = pool_ensure, .info = pool_info};
