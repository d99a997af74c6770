#include "drivers/virt/virt_fake.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/virt_fake_dom.h"
#include "drivers/virt/virt_fake_live.h"
#include "drivers/virt/virt_fake_net.h"
#include "drivers/virt/virt_fake_segment.h"
#include "drivers/virt/virt_fake_stats.h"
#include "drivers/virt/virt_fake_vol.h"
#include "drivers/virt/virt_fake_world.h"
#include "drivers/virt/xmlutil.h"

#define SCHEME "fake://"

static const char *const folders[] = {"",     "/autostart", "/calls", "/dom",  "/load",
                                      "/net", "/nvram",     "/save",  "/stats"};

/* ---- the handle ----------------------------------------------------------------------------- */

static void
fake_close(struct virt *v)
{
    struct fake *f = (struct fake *)v;

    if (f == NULL)
        return;
    free(f->world);
    free(f->pool);
    free(f);
}

static int
fake_ping(struct virt *v, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "ping", NULL, FAKE_READS, &c, e) < 0)
        return -1;
    return fake_leave(&c, 0, e);
}

static int
fake_caps(struct virt *v, struct virt_caps *out, struct err *e)
{
    struct virt_caps caps = {
        /* Nothing boots, but all that the contract asks of a running guest holds. */
        .can = VIRT_CAN_BOOT | VIRT_CAN_STATS | VIRT_CAN_VOLUMES | VIRT_CAN_OVERLAY |
               VIRT_CAN_BALLOON | VIRT_CAN_DHCP | VIRT_CAN_METADATA,
        .lock_manager = true,
        .arch = "x86_64",
        .machine = "pc-q35-7.2",
        .emulator = "/usr/bin/qemu-system-x86_64",
        .vcpus_max = 288,
    };
    struct fake_call c;

    if (fake_enter(v, "caps", NULL, FAKE_READS, &c, e) < 0)
        return -1;
    caps.kvm = fake_setting(c.f->world, "host", "kvm", 0) != 0;
    caps.uefi = fake_setting(c.f->world, "host", "uefi", 1) != 0;
    caps.cpus = (uint32_t)fake_setting(c.f->world, "host", "cpus", 64);
    caps.mem_mib = (uint64_t)fake_setting(c.f->world, "host", "mem_mib", 262144);
    *out = caps;
    return fake_leave(&c, 0, e);
}

static const struct virt_ops ops = {
    .name = "fake",
    .caps = fake_caps,
    .ping = fake_ping,
    .close = fake_close,
    .dom = &virt_fake_dom_ops,
    .vol = &virt_fake_vol_ops,
    .net = &virt_fake_net_ops,
    .live = &virt_fake_live_ops,
    .pool = &virt_fake_pool_ops,
    .stats = &virt_fake_stats_ops,
};

static int
world_make(const char *world, struct err *e)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (snprintf(path, sizeof(path), "%s%s", world, folders[i]) >= (int)sizeof(path))
            return err_set(e, BY_E_INVALID, "fake: the folder's name is too long");
        if (access(path, F_OK) < 0 && durable_mkdirs(path, 0700, e) < 0)
            return -1;
    }
    return 0;
}

int
virt_fake_open(const struct virt_config *c, struct virt **out, struct err *e)
{
    const char *world = c->uri + strlen(SCHEME);
    struct fake_call call;
    struct fake *f;

    if (strncmp(c->uri, SCHEME, strlen(SCHEME)) != 0 || world[0] != '/')
        return err_set(e, BY_E_INVALID, "'%s' is not fake:///ABSOLUTE/FOLDER", c->uri);
    if (world_make(world, e) < 0)
        return -1;
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        return err_set(e, BY_E_NOMEM, "fake: no memory");
    f->virt.ops = &ops;
    f->read_only = c->read_only;
    f->world = strdup(world);
    if (c->pool_path == NULL)
        (void)!asprintf(&f->pool, "%s/pool", world);
    else
        f->pool = strdup(c->pool_path);
    if (f->world == NULL || f->pool == NULL ||
        fake_enter(&f->virt, "open", NULL, 0, &call, e) < 0) {
        fake_close(&f->virt);
        return err_wrap(e, "fake: open %s", world);
    }
    if (fake_leave(&call, 0, e) < 0) {
        fake_close(&f->virt);
        return -1;
    }
    *out = &f->virt;
    return 0;
}

/* ---- tools ---------------------------------------------------------------------------------- */

int
virt_fake_crash(const char *world, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = fake_lock(world, e);
    struct fake_dom d;

    if (lock < 0 || fake_id_check(id, e) < 0 || fake_dom_load(world, id, &a, &d, e) < 0)
        return -1;
    if (d.live == NULL)
        return err_set(e, BY_E_CONFLICT, "fake: domain %s is not active: it cannot crash", id);
    return fake_dom_stop(world, id, &d, VIRT_CRASHED, e);
}

int
virt_fake_pause(const char *world, const char *id, bool no_space, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = fake_lock(world, e);
    struct fake_dom d;

    if (lock < 0 || fake_id_check(id, e) < 0 || fake_dom_load(world, id, &a, &d, e) < 0)
        return -1;
    if (d.live == NULL)
        return err_set(e, BY_E_CONFLICT, "fake: domain %s is not active: it cannot pause", id);
    d.state = VIRT_PAUSED;
    d.no_space = no_space;
    return fake_dom_store(world, id, &d, e);
}

int
virt_fake_reboot(const char *world, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = fake_lock(world, e);
    const char *const *ids;
    char path[PATH_MAX];
    struct fake_dom d;
    size_t n;

    if (lock < 0 || fake_names(world, "dom", ".dom", &a, &ids, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (fake_dom_load(world, ids[i], &a, &d, e) < 0 ||
            fake_dom_stop(world, ids[i], &d, VIRT_SHUTOFF, e) < 0)
            return -1;
    if (fake_net_all_down(world, e) < 0 || fake_segments_gone(world, e) < 0 ||
        fake_path(world, path, "", "pool-started", "", e) < 0)
        return -1;
    return fake_drop(path, e);
}

int
virt_fake_add_foreign(const char *world, const char *id, const char *xml,
                      enum virt_fake_foreign how, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = fake_lock(world, e);
    struct fake_dom d = {.state = how == VIRT_FAKE_OFF ? VIRT_SHUTOFF : VIRT_RUNNING};
    struct domread r;

    if (lock < 0 || fake_id_check(id, e) < 0 || domread_parse(xml, &a, &r, e) < 0)
        return -1;
    d.config = how == VIRT_FAKE_TRANSIENT ? NULL : xml;
    d.live = how == VIRT_FAKE_OFF ? NULL : xml;
    return fake_dom_store(world, id, &d, e);
}

int
virt_fake_add_element(const char *world, const char *id, const char *element, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(fd) int lock = fake_lock(world, e);
    struct fake_dom d;
    const char *end;

    if (lock < 0 || fake_id_check(id, e) < 0 || fake_dom_load(world, id, &a, &d, e) < 0)
        return -1;
    end = d.config == NULL ? NULL : strstr(d.config, "</devices>");
    if (end == NULL)
        return err_set(e, BY_E_INVALID, "fake: domain %s has no devices", id);
    d.config = arena_printf(&a, "%.*s%s%s", (int)(end - d.config), d.config, element, end);
    /* Rewritten as libvirt rewrites what it is given (quotes, empty elements). */
    if (xml_parse(d.config, "domain", &doc, e) < 0 || xml_doc_text(doc, &a, &d.config, e) < 0)
        return -1;
    return fake_dom_store(world, id, &d, e);
}

int
virt_fake_save(const char *world, const char *id, const void *bytes, size_t len, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = fake_lock(world, e);
    char path[PATH_MAX], name[W_ID + 4];
    struct fake_dom d;

    if (lock < 0 || fake_id_check(id, e) < 0 || fake_dom_load(world, id, &a, &d, e) < 0)
        return -1;
    (void)snprintf(name, sizeof(name), "by-%.39s", id);
    if (fake_path(world, path, "save", name, ".save", e) < 0 ||
        durable_write(path, bytes, len, 0600, e) < 0)
        return -1;
    return fake_dom_stop(world, id, &d, VIRT_SHUTOFF, e);
}

int
virt_fake_load(const char *world, const char *id, const char *line, struct err *e)
{
    SCOPED(fd) int lock = fake_lock(world, e);
    char path[PATH_MAX];

    if (lock < 0 || (strcmp(id, "default") != 0 && fake_id_check(id, e) < 0) ||
        fake_path(world, path, "load", id, "", e) < 0)
        return -1;
    return fake_put(path, line, strlen(line), e);
}

int
virt_fake_calls(const char *world, const char *op, unsigned long long *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    struct err why = {0};
    char path[PATH_MAX];

    if (fake_path(world, path, "calls", op, "", e) < 0)
        return -1;
    if (fake_get(path, &text, &why) < 0 && why.code != BY_E_NOT_FOUND)
        return err_set(e, why.code, "%s", why.msg);
    *out = strtoull(strbuf_peek(&text), NULL, 10);
    return 0;
}
