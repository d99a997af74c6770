#include "drivers/virt/virt_libvirt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/hostinfo.h"
#include "drivers/virt/domcaps.h"
#include "drivers/virt/xmlutil.h"

/* ---- errors -------------------------------------------------------------------------------- */

static enum err_code
code_of(const virError *err)
{
    static const struct {
        int libvirt;
        enum err_code ours;
    } table[] = {
        {VIR_ERR_NO_DOMAIN, BY_E_NOT_FOUND},
        {VIR_ERR_NO_NETWORK, BY_E_NOT_FOUND},
        {VIR_ERR_NO_STORAGE_POOL, BY_E_NOT_FOUND},
        {VIR_ERR_NO_STORAGE_VOL, BY_E_NOT_FOUND},
        {VIR_ERR_NO_DOMAIN_METADATA, BY_E_NOT_FOUND},
        {VIR_ERR_DOM_EXIST, BY_E_CONFLICT},
        {VIR_ERR_NETWORK_EXIST, BY_E_CONFLICT},
        {VIR_ERR_STORAGE_VOL_EXIST, BY_E_CONFLICT},
        {VIR_ERR_OPERATION_TIMEOUT, BY_E_TIMEOUT},
        {VIR_ERR_AGENT_UNRESPONSIVE, BY_E_TIMEOUT},
        {VIR_ERR_NO_SUPPORT, BY_E_UNSUPPORTED},
        {VIR_ERR_OPERATION_UNSUPPORTED, BY_E_UNSUPPORTED},
        {VIR_ERR_CONFIG_UNSUPPORTED, BY_E_UNSUPPORTED},
        {VIR_ERR_ARGUMENT_UNSUPPORTED, BY_E_UNSUPPORTED},
        {VIR_ERR_NO_CONNECT, BY_E_BUSY},
        {VIR_ERR_INVALID_CONN, BY_E_BUSY},
        {VIR_ERR_RPC, BY_E_BUSY},
        {VIR_ERR_RESOURCE_BUSY, BY_E_BUSY},
        {VIR_ERR_ACCESS_DENIED, BY_E_DENIED},
        {VIR_ERR_OPERATION_DENIED, BY_E_DENIED},
        {VIR_ERR_AUTH_FAILED, BY_E_DENIED},
        {VIR_ERR_AUTH_UNAVAILABLE, BY_E_DENIED},
        {VIR_ERR_XML_ERROR, BY_E_INVALID},
        {VIR_ERR_XML_DETAIL, BY_E_INVALID},
        {VIR_ERR_XML_INVALID_SCHEMA, BY_E_INVALID},
        {VIR_ERR_INVALID_ARG, BY_E_INVALID},
        {VIR_ERR_NO_MEMORY, BY_E_NOMEM},
    };

    /* libvirt puts errno there; helpers such as qemu-img only say it. */
    if ((err->code == VIR_ERR_SYSTEM_ERROR && err->int1 == ENOSPC) ||
        (err->message != NULL && strstr(err->message, "No space left on device") != NULL))
        return BY_E_NO_SPACE;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].libvirt == err->code)
            return table[i].ours;
    return BY_E_IO;
}

int
lv_fail(struct virt_libvirt *lv, struct err *e, const char *fmt, ...)
{
    const virError *last = virGetLastError();
    enum err_code code = last == NULL ? BY_E_IO : code_of(last);
    char message[240], what[120];
    va_list ap;

    (void)snprintf(message, sizeof(message), "%s",
                   last == NULL || last->message == NULL ? "libvirt gave no reason"
                                                         : last->message);
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    /* Whatever it says on a dead connection, it knows nothing of the object. */
    if (lv != NULL && lv->conn != NULL && virConnectIsAlive(lv->conn) == 0)
        return err_set(e, BY_E_BUSY, "%s: the connection to libvirt is lost: %s", what, message);
    /* What a helper says is long, and its end, which says this, would be cut off. */
    if (code == BY_E_NO_SPACE)
        return err_set(e, code,
                       "no space left on the host's storage: %s; free or add space there, it is "
                       "tried again by itself",
                       what);
    return err_set(e, code, "%s: %s", what, message);
}

bool
lv_absent(void)
{
    const virError *last = virGetLastError();

    return last != NULL && code_of(last) == BY_E_NOT_FOUND;
}

void
lv_dom_id(virDomainPtr d, char out[W_ID])
{
    if (virDomainGetUUIDString(d, out) < 0)
        out[0] = '\0';
}

/* libvirt prints every error to stderr unless told otherwise; ours go where the caller sends them.
 */
static void
error_quiet(void *data, virErrorPtr err)
{
    (void)data;
    (void)err;
}

/* ---- the event loop ------------------------------------------------------------------------ */

/* Once a process: libvirt can neither change nor stop its loop.  The only state that outlives a
 * handle. */
static pthread_once_t loop_once = PTHREAD_ONCE_INIT;
static int loop_ready;

static void *
loop_run(void *unused)
{
    (void)unused;
    for (;;)
        if (virEventRunDefaultImpl() < 0)
            (void)usleep(100000); /* never seen; must not spin */
    return NULL;
}

static void
loop_start(void)
{
    pthread_t thread;
    pthread_attr_t attr;

    virSetErrorFunc(NULL, error_quiet);
    xmlInitParser();
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        return;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    loop_ready = pthread_create(&thread, &attr, loop_run, NULL) == 0;
    (void)pthread_attr_destroy(&attr);
}

/* ---- capabilities -------------------------------------------------------------------------- */

static char *
domcaps_get(struct virt_libvirt *lv, const char *arch, const char *machine, bool kvm)
{
    return virConnectGetDomainCapabilities(lv->conn, NULL, arch, machine, kvm ? "kvm" : "qemu", 0);
}

static int
caps_test(struct virt_caps *c)
{
    c->can = VIRT_CAN_METADATA;
    (void)snprintf(c->machine, sizeof(c->machine), "pc");
    (void)snprintf(c->emulator, sizeof(c->emulator), "/usr/bin/test-hv");
    c->vcpus_max = 32;
    return 0;
}

static int
caps_ask(struct virt_libvirt *lv, struct virt_caps *c, char cpu_mode[24], uint32_t *gic,
         struct err *e)
{
    struct hostinfo info = {0};
    bool kvm;
    SCOPED(free) char *known = NULL;
    SCOPED(free) char *xml = NULL;
    const char *machine;
    virNodeInfo node;

    /* /dev/kvm alone proves nothing: there are machines where it exists and every guest hangs. */
    if (hostinfo_read(&info, e) < 0)
        return -1;
    kvm = !lv->forbid_kvm && info.vmx_or_svm;
    if (virNodeGetInfo(lv->conn, &node) < 0)
        return lv_fail(lv, e, "cannot read the host's size");
    c->cpus = node.cpus;
    c->mem_mib = node.memory >> 10;
    (void)snprintf(c->arch, sizeof(c->arch), "%.19s", node.model);
    if (lv->is_test)
        return caps_test(c);
    known = virConnectGetCapabilities(lv->conn);
    if (known == NULL)
        return lv_fail(lv, e, "cannot read what guests this host can have");
    if (domcaps_arch(known, c->arch, e) < 0)
        return -1;
    machine = domcaps_machine(c->arch);
    if (kvm)
        xml = domcaps_get(lv, c->arch, machine, true);
    if (xml == NULL) {
        kvm = false;
        xml = domcaps_get(lv, c->arch, machine, false);
    }
    if (xml == NULL)
        return lv_fail(lv, e, "cannot read what domains of this host can have");
    c->can = VIRT_CAN_BOOT | VIRT_CAN_VOLUMES | VIRT_CAN_OVERLAY | VIRT_CAN_BALLOON |
             VIRT_CAN_STATS | VIRT_CAN_DHCP | VIRT_CAN_METADATA;
    return domcaps_read(xml, kvm, c, cpu_mode, gic, e);
}

/* libvirt does not tell; the answer is about this machine's file, and "no" means "not seen". */
static bool
lock_manager_seen(void)
{
    char line[512];
    bool found = false;
    FILE *f = fopen("/etc/libvirt/qemu.conf", "re");

    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        const char *p = line + strspn(line, " \t");

        found = strncmp(p, "lock_manager", 12) == 0 &&
                (strstr(p, "\"lockd\"") != NULL || strstr(p, "\"sanlock\"") != NULL);
    }
    if (f != NULL)
        (void)fclose(f);
    return found;
}

int
lv_caps(struct virt_libvirt *lv, struct virt_caps *out, struct err *e)
{
    struct virt_caps c = {0};
    char cpu_mode[24] = "";
    uint32_t gic = 0;
    bool known;

    (void)pthread_mutex_lock(&lv->lock);
    known = lv->caps_known;
    if (known)
        *out = lv->caps;
    (void)pthread_mutex_unlock(&lv->lock);
    if (known)
        return 0;
    if (caps_ask(lv, &c, cpu_mode, &gic, e) < 0)
        return -1;
    c.lock_manager = !lv->is_test && lock_manager_seen();
    (void)pthread_mutex_lock(&lv->lock);
    if (!lv->caps_known) { /* two may have asked at once: the answers are the same */
        lv->caps = c;
        memcpy(lv->cpu_mode, cpu_mode, sizeof(lv->cpu_mode));
        lv->gic = gic;
        lv->caps_known = true;
    }
    (void)pthread_mutex_unlock(&lv->lock);
    *out = c;
    return 0;
}

/* ---- the handle ---------------------------------------------------------------------------- */

static int
lv_caps_op(struct virt *v, struct virt_caps *out, struct err *e)
{
    return lv_caps(lv_of(v), out, e);
}

static int
lv_ping(struct virt *v, struct err *e)
{
    unsigned long version;

    if (virConnectGetLibVersion(lv_of(v)->conn, &version) < 0)
        return lv_fail(lv_of(v), e, "libvirt does not answer");
    return 0;
}

static void
lv_close(struct virt *v)
{
    struct virt_libvirt *lv = lv_of(v);

    if (lv->conn != NULL)
        (void)virConnectClose(lv->conn); /* others may hold it still; nothing to do about it */
    (void)pthread_mutex_destroy(&lv->lock);
    free(lv->pool_name);
    free(lv->pool_path);
    free(lv);
}

static const struct virt_ops ops = {
    .name = "libvirt",
    .caps = lv_caps_op,
    .ping = lv_ping,
    .close = lv_close,
    .dom = &virt_libvirt_dom,
    .vol = &virt_libvirt_vol,
    .net = &virt_libvirt_net,
    .live = &virt_libvirt_live,
    .pool = &virt_libvirt_pool,
    .stats = &virt_libvirt_stats,
};

int
virt_libvirt_open(const struct virt_config *c, struct virt **out, struct err *e)
{
    struct virt_libvirt *lv;

    (void)pthread_once(&loop_once, loop_start);
    if (!loop_ready)
        return err_set(e, BY_E_IO, "libvirt's event loop cannot be started");
    lv = calloc(1, sizeof(*lv));
    if (lv == NULL)
        return err_set(e, BY_E_NOMEM, "no memory for a connection to libvirt");
    lv->base.ops = &ops;
    (void)pthread_mutex_init(&lv->lock, NULL);
    lv->forbid_kvm = c->forbid_kvm;
    lv->is_test = strncmp(c->uri, "test:", 5) == 0;
    lv->pool_name = strdup(c->pool_name);
    lv->pool_path = strdup(c->pool_path);
    if (lv->pool_name == NULL || lv->pool_path == NULL) {
        lv_close(&lv->base);
        return err_set(e, BY_E_NOMEM, "no memory for a connection to libvirt");
    }
    lv->conn = c->read_only ? virConnectOpenReadOnly(c->uri) : virConnectOpen(c->uri);
    if (lv->conn == NULL) {
        (void)lv_fail(NULL, e, "cannot open %s", c->uri);
        lv_close(&lv->base);
        return -1;
    }
    (void)virConnectSetKeepAlive(lv->conn, 5, 3); /* a connection without a wire has none */
    *out = &lv->base;
    return 0;
}
