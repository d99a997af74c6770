#ifndef BY_DRIVERS_VIRT_VIRT_LIBVIRT_H
#define BY_DRIVERS_VIRT_VIRT_LIBVIRT_H
/* libvirt behind the vtables, one file a noun: virt_libvirt{,_dom,_vol,_net,_pool,_stats}.c are the
 * only files that know it.  Private to them, but for virt_libvirt_open().
 * Events: libvirt's default loop runs in one thread for ever, for keepalive only; no callbacks.
 * Threads: as in virt.h; a connection is shared, handles of objects live within one call.
 *
 * test:/// (libvirt's own mock) cannot: run guests, keep volumes as files, upload, lay a volume
 * over an image, grow one, tell domain capabilities, give balloon or counter figures, serve DHCP,
 * tell the persistent definition of a running network, validate for a UEFI loader.  Its
 * capabilities say so. */
#include <pthread.h>
#include <stdbool.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "drivers/base/scope.h"
#include "drivers/virt/domxml.h"
#include "drivers/virt/virt.h"

struct virt_libvirt {
    struct virt base;
    virConnectPtr conn;
    char *pool_name, *pool_path; /* immutable after opening */
    bool forbid_kvm, is_test;    /* immutable after opening */
    pthread_mutex_t lock; /* caps_known, caps and the strings of host; never held over a call */
    bool caps_known;
    struct virt_caps caps;
    char cpu_mode[24];
    uint32_t gic;
};

/** For virt_open(): every scheme that is not ours. */
int virt_libvirt_open(const struct virt_config *c, struct virt **out, struct err *e);

extern const struct virt_dom_ops virt_libvirt_dom;
extern const struct virt_live_ops virt_libvirt_live;
extern const struct virt_vol_ops virt_libvirt_vol;
extern const struct virt_net_ops virt_libvirt_net;
extern const struct virt_pool_ops virt_libvirt_pool;
extern const struct virt_stats_ops virt_libvirt_stats;

static inline struct virt_libvirt *
lv_of(struct virt *v)
{
    return (struct virt_libvirt *)v;
}

/** Translate libvirt's last error of this thread, returns -1.  fmt says what was tried. */
int lv_fail(struct virt_libvirt *lv, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** libvirt's last error is one of a missing object. */
bool lv_absent(void);
/** Capabilities, asked once. */
int lv_caps(struct virt_libvirt *lv, struct virt_caps *out, struct err *e);
/** An object's UUID as text; "" when it cannot be told. */
void lv_dom_id(virDomainPtr d, char out[W_ID]);

static inline void
lv_dom_free(virDomainPtr d)
{
    if (d != NULL)
        (void)virDomainFree(d); /* only drops a reference */
}
static inline void
lv_net_free(virNetworkPtr n)
{
    if (n != NULL)
        (void)virNetworkFree(n);
}
static inline void
lv_vol_free(virStorageVolPtr v)
{
    if (v != NULL)
        (void)virStorageVolFree(v);
}
static inline void
lv_pool_free(virStoragePoolPtr p)
{
    if (p != NULL)
        (void)virStoragePoolFree(p);
}
static inline void
lv_stream_free(virStreamPtr s)
{
    if (s != NULL)
        (void)virStreamFree(s);
}
SCOPE_FN(lv_dom_free, virDomain)
SCOPE_FN(lv_net_free, virNetwork)
SCOPE_FN(lv_vol_free, virStorageVol)
SCOPE_FN(lv_pool_free, virStoragePool)
SCOPE_FN(lv_stream_free, virStream)

/** The pool, started; BUSY when it is missing or stopped: its volumes are then unknown, not gone.
 */
int lv_pool(struct virt_libvirt *lv, virStoragePoolPtr *out, struct err *e);
/** Scan the pool's folder again; while a volume is being made libvirt refuses, then what it
 * remembers must do. */
int lv_pool_refresh(struct virt_libvirt *lv, virStoragePoolPtr p, struct err *e);
#endif
