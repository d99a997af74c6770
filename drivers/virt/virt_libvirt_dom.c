#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/virt/domedit.h"
#include "drivers/virt/domfound.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "drivers/virt/virt_libvirt.h"
#include "drivers/virt/xmlutil.h"

enum { DISKS_MOST = 64 }; /* of one domain, when asked for their errors */

static int
dom_find(struct virt_libvirt *lv, const char *id, virDomainPtr *out, struct err *e)
{
    *out = virDomainLookupByUUIDString(lv->conn, id);
    return *out != NULL ? 0 : lv_fail(lv, e, "domain %s", id);
}

/* 1 found, 0 not there, -1 nobody knows. */
static int
dom_find_any(struct virt_libvirt *lv, const char *id, virDomainPtr *out, struct err *e)
{
    *out = virDomainLookupByUUIDString(lv->conn, id);
    if (*out != NULL)
        return 1;
    return lv_absent() ? 0 : lv_fail(lv, e, "domain %s", id);
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum virt_state
state_of(int state, int reason)
{
    switch ((virDomainState)state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN: /* the guest is on its way down and still there */
        return VIRT_RUNNING;
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
        return VIRT_PAUSED;
    case VIR_DOMAIN_SHUTOFF:
        return reason == VIR_DOMAIN_SHUTOFF_CRASHED ? VIRT_CRASHED : VIRT_SHUTOFF;
    case VIR_DOMAIN_CRASHED:
        return VIRT_CRASHED;
    case VIR_DOMAIN_NOSTATE:
        break;
    }
    return VIRT_UNKNOWN;
}

static int
dom_xml_read(struct virt_libvirt *lv, virDomainPtr d, unsigned flags, struct arena *a,
             struct domread *out, struct err *e)
{
    const char *name = virDomainGetName(d);
    SCOPED(free) char *xml = virDomainGetXMLDesc(d, flags);

    *out = (struct domread){0};
    if (xml == NULL)
        return lv_fail(lv, e, "definition of domain %s", name);
    /* A definition that we cannot read is not ours; its domain is seen, without its parts. */
    if (domread_parse(xml, a, out, NULL) < 0)
        (void)virDomainGetUUIDString(d, out->id);
    return 0;
}

/* Which disks a paused guest waits for: only room, and only where libvirt says so. */
static bool
waits_for_room(virDomainPtr d)
{
    virDomainDiskError errors[DISKS_MOST];
    int n = virDomainGetDiskErrors(d, errors, DISKS_MOST, 0), room = 0;

    for (int i = 0; i < n; i++) {
        room += errors[i].error == VIR_DOMAIN_DISK_ERROR_NO_SPACE;
        free(errors[i].disk);
    }
    return n > 0 && room == n;
}

/* What libvirt is about to do with a guest that it lets stand still. */
static bool
is_on_the_move(int state, int reason)
{
    switch (reason) {
    case VIR_DOMAIN_PAUSED_MIGRATION:
    case VIR_DOMAIN_PAUSED_SAVE:
    case VIR_DOMAIN_PAUSED_DUMP:
    case VIR_DOMAIN_PAUSED_SNAPSHOT:
    case VIR_DOMAIN_PAUSED_POSTCOPY:
    case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
        return state == VIR_DOMAIN_PAUSED;
    default:
        return state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_POSTCOPY;
    }
}

/* A machine that others made.  Its circumstances are asked for without waiting for any job, so not
 * all that run are known here: dom_adopt() asks for them. */
static const struct w_found *
found_read(virDomainPtr d, const struct virt_dom_seen *s, struct arena *a)
{
    struct w_found *f = arena_alloc(a, sizeof(*f));
    SCOPED(free) char *xml = virDomainGetXMLDesc(d, VIR_DOMAIN_XML_INACTIVE);
    SCOPED(free) char *live = s->has_live ? virDomainGetXMLDesc(d, 0) : NULL;
    int autostart = 0, snapshots, state = 0, reason = 0;

    if (xml == NULL || domfound_parse(xml, a, f, NULL) < 0 ||
        (live != NULL && s->persistent && domfound_running(live, a, f, NULL) < 0) ||
        virDomainGetState(d, &state, &reason, 0) < 0)
        return NULL;
    (void)snprintf(f->state, sizeof(f->state), "%s", domfound_state(s->state));
    f->transient = !s->persistent;
    f->saved = s->has_saved;
    f->unequal =
        f->unequal ||
        (s->has_live && (s->live.vcpus != s->config.vcpus || s->live.mem_mib != s->config.mem_mib));
    f->moved = state == VIR_DOMAIN_SHUTOFF && reason == VIR_DOMAIN_SHUTOFF_MIGRATED;
    f->job = f->job || is_on_the_move(state, reason);
    f->autostart = virDomainGetAutostart(d, &autostart) == 0 && autostart == 1;
    snapshots = virDomainSnapshotNum(d, 0);
    f->snapshots = snapshots > 0 ? (uint32_t)snapshots : 0;
    return f;
}

static int
dom_read(struct virt_libvirt *lv, virDomainPtr d, struct arena *a, struct virt_dom_seen *out,
         struct err *e)
{
    const char *name = virDomainGetName(d);
    struct virt_dom_seen s = {0};
    struct domread config = {0}, live = {0};
    int state, reason, persistent, saved;

    if (virDomainGetState(d, &state, &reason, 0) < 0 || (persistent = virDomainIsPersistent(d)) < 0)
        return lv_fail(lv, e, "state of domain %s", name);
    saved = virDomainHasManagedSaveImage(d, 0);
    s.state = state_of(state, reason);
    s.no_space =
        state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR && waits_for_room(d);
    s.has_live = s.state == VIRT_RUNNING || s.state == VIRT_PAUSED;
    s.persistent = persistent == 1;
    s.has_saved = saved == 1;
    if (s.has_live && dom_xml_read(lv, d, 0, a, &live, e) < 0)
        return -1;
    if (dom_xml_read(lv, d, VIR_DOMAIN_XML_INACTIVE, a, &config, e) < 0)
        return -1;
    lv_dom_id(d, s.id);
    (void)snprintf(s.name, sizeof(s.name), "%s", name);
    s.ours = config.ours;
    s.other_owner = config.other_owner || live.other_owner;
    s.mark = config.mark;
    s.config = config.def;
    s.live = live.def;
    domfound_measure(&s.config);
    if (!s.ours)
        s.found = found_read(d, &s, a);
    *out = s;
    return 0;
}

static int
dom_list(struct virt *v, struct arena *a, const struct virt_dom_seen **out, size_t *n,
         struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    virDomainPtr *doms = NULL;
    int count = virConnectListAllDomains(lv->conn, &doms, 0), rc = 0;
    struct virt_dom_seen *list;
    struct err one = {0};
    size_t k = 0;

    if (count < 0)
        return lv_fail(lv, e, "list of domains");
    list = arena_alloc(a, ((size_t)count + 1) * sizeof(*list));
    for (int i = 0; i < count; i++) {
        /* One that went away between the two calls is not in the list; that is the truth. */
        if (rc == 0 && dom_read(lv, doms[i], a, &list[k], &one) == 0)
            k++;
        else if (rc == 0 && one.code != BY_E_NOT_FOUND)
            rc = -1;
        lv_dom_free(doms[i]);
    }
    free(doms);
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
dom_get(struct virt *v, const char *id, struct arena *a, struct virt_dom_seen *out, struct err *e)
{
    SCOPED(lv_dom_free) virDomainPtr d = NULL;

    if (dom_find(lv_of(v), id, &d, e) < 0)
        return -1;
    return dom_read(lv_of(v), d, a, out, e);
}

static int
dom_xml(struct virt *v, const char *id, bool live, struct arena *a, const char **out, struct err *e)
{
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    SCOPED(free) char *xml = NULL;

    if (dom_find(lv_of(v), id, &d, e) < 0)
        return -1;
    xml = virDomainGetXMLDesc(d, live ? 0 : VIR_DOMAIN_XML_INACTIVE);
    if (xml == NULL)
        return lv_fail(lv_of(v), e, "definition of domain %s", id);
    *out = arena_strdup(a, xml);
    return 0;
}

/* ---- defining ------------------------------------------------------------------------------ */

static int
dom_define_xml(struct virt_libvirt *lv, const char *id, const char *xml, struct err *e)
{
    SCOPED(lv_dom_free)
    virDomainPtr d = virDomainDefineXMLFlags(lv->conn, xml, VIR_DOMAIN_DEFINE_VALIDATE);

    return d != NULL ? 0 : lv_fail(lv, e, "domain %s cannot be defined", id);
}

static int
dom_make(struct virt_libvirt *lv, const struct virt_dom_spec *s, struct arena *a, struct err *e)
{
    struct domxml_host h = {0};
    struct virt_caps c;
    const char *xml;

    if (lv_caps(lv, &c, e) < 0)
        return -1;
    h.type = lv->is_test ? "test" : c.kvm ? "kvm" : "qemu";
    h.uefi = c.uefi;
    h.arch = c.arch;
    h.machine = c.machine;
    h.emulator = c.emulator;
    h.gic = lv->gic;
    h.cpu_mode = lv->cpu_mode; /* written once, before lv_caps() first returned */
    if (domxml_build(s, &h, a, &xml, e) < 0)
        return -1;
    return dom_define_xml(lv, s->vm->id, xml, e);
}

/* The running one follows a changed definition at its next start; its mark can follow now. */
static int
dom_mark_live(struct virt_libvirt *lv, virDomainPtr d, const struct virt_mark *m, struct arena *a,
              struct err *e)
{
    const char *name = virDomainGetName(d);
    SCOPED(free) char *xml = NULL;
    struct domread live = {0};
    const char *mark;

    if (virDomainIsActive(d) != 1)
        return 0;
    xml = virDomainGetXMLDesc(d, 0);
    if (xml == NULL)
        return lv_fail(lv, e, "definition of domain %s", name);
    if (domread_parse(xml, a, &live, e) < 0)
        return -1;
    if (live.ours && strcmp(live.mark.order, m->order) == 0 && live.mark.term == m->term &&
        live.mark.generation == m->generation)
        return 0;
    if (xml_mark_piece(m, a, &mark, e) < 0)
        return -1;
    if (virDomainSetMetadata(d, VIR_DOMAIN_METADATA_ELEMENT, mark, XML_BY_PREFIX, XML_BY_NS,
                             VIR_DOMAIN_AFFECT_LIVE) < 0 &&
        virDomainIsActive(d) != 0)
        return lv_fail(lv, e, "mark of domain %s", name);
    return 0;
}

static int
dom_change(struct virt_libvirt *lv, virDomainPtr d, const struct virt_dom_spec *s, struct arena *a,
           struct err *e)
{
    SCOPED(free) char *old = NULL;
    const char *xml;
    bool changed;

    if (virDomainIsPersistent(d) == 0)
        return err_set(e, BY_E_CONFLICT, "domain %s runs and has no definition to change",
                       s->vm->id);
    old = virDomainGetXMLDesc(d, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (old == NULL)
        return lv_fail(lv, e, "definition of domain %s", s->vm->id);
    if (domedit_apply(old, s, a, &xml, &changed, e) < 0)
        return -1;
    if (changed && dom_define_xml(lv, s->vm->id, xml, e) < 0)
        return -1;
    return dom_mark_live(lv, d, &s->mark, a, e);
}

static int
dom_define(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    struct arena a = {0};
    int rc = dom_find_any(lv_of(v), s->vm->id, &d, e);

    if (rc == 0 && s->vm->adopt.id[0] != '\0')
        rc = err_set(e, BY_E_NOT_FOUND,
                     "domain %s was there before its grant and is gone: none is made", s->vm->id);
    if (rc >= 0)
        rc = rc == 0 ? dom_make(lv_of(v), s, &a, e) : dom_change(lv_of(v), d, s, &a, e);
    arena_clear(&a);
    return rc;
}

/* ---- adopting ------------------------------------------------------------------------------ */

/* Copying, committing and pulling of disks are not among libvirt's jobs of a domain. */
static int
disks_are_quiet(struct virt_libvirt *lv, virDomainPtr d, struct arena *a, struct err *e)
{
    const char *name = virDomainGetName(d);
    struct domread live;

    if (dom_xml_read(lv, d, 0, a, &live, e) < 0)
        return -1;
    for (size_t i = 0; i < live.def.n_disks; i++) {
        virDomainBlockJobInfo b = {0};
        int rc;

        if (live.def.disks[i].path == NULL)
            continue;
        rc = virDomainGetBlockJobInfo(d, live.def.disks[i].target, &b, 0);
        if (rc < 0)
            return lv_fail(lv, e, "whether disk %s of domain %s is being copied",
                           live.def.disks[i].target, name);
        if (rc == 1)
            return err_set(e, BY_E_BUSY,
                           "disk %s of domain %s is being copied or committed: it is marked when "
                           "that ends (virsh blockjob)",
                           live.def.disks[i].target, name);
    }
    return 0;
}

/* Migration, save, dump, backup …  While one runs libvirt gives it a type, and that of an ended one
 * for as long as something of it is left to do. */
static int
is_quiet(struct virt_libvirt *lv, virDomainPtr d, struct arena *a, struct err *e)
{
    const char *name = virDomainGetName(d);
    virDomainJobInfo j = {0};

    if (lv->is_test || virDomainIsActive(d) != 1)
        return 0;
    if (virDomainGetJobInfo(d, &j) < 0)
        return lv_fail(lv, e, "whether a job runs on domain %s", name);
    if (j.type != VIR_DOMAIN_JOB_NONE)
        return err_set(e, BY_E_BUSY,
                       "a job is running on domain %s: it is marked when that ends (virsh "
                       "domjobinfo)",
                       name);
    return disks_are_quiet(lv, d, a, e);
}

static int
unmarked_read(struct virt_libvirt *lv, virDomainPtr d, struct arena *a, const char **out,
              struct err *e)
{
    SCOPED(free)
    char *xml = virDomainGetXMLDesc(d, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);

    if (xml == NULL) {
        (void)lv_fail(lv, e, "definition of domain %s", virDomainGetName(d));
        return -1;
    }
    return domfound_unmarked(xml, a, out, e);
}

static int
autostart_off(struct virt_libvirt *lv, virDomainPtr d, int *was_on, struct err *e)
{
    *was_on = 0;
    if (virDomainGetAutostart(d, was_on) < 0 || *was_on == 0)
        return 0; /* a back end without it */
    return virDomainSetAutostart(d, 0) == 0
               ? 0
               : lv_fail(lv, e, "autostart of domain %s", virDomainGetName(d));
}

static int
adopt_found(struct virt_libvirt *lv, virDomainPtr d, const struct virt_mark *m, struct arena *a,
            struct err *e)
{
    const char *name = virDomainGetName(d), *mark, *before, *after;
    int active = virDomainIsActive(d), autostart;

    if (virDomainIsPersistent(d) != 1)
        return err_set(e, BY_E_CONFLICT, "domain %s has no persistent definition to mark", name);
    if (is_quiet(lv, d, a, e) < 0)
        return -1;
    /* What carries our mark is never looked at again: libvirt must not start it by itself then. */
    if (xml_mark_piece(m, a, &mark, e) < 0 || unmarked_read(lv, d, a, &before, e) < 0 ||
        autostart_off(lv, d, &autostart, e) < 0)
        return -1;
    if (virDomainSetMetadata(d, VIR_DOMAIN_METADATA_ELEMENT, mark, XML_BY_PREFIX, XML_BY_NS,
                             VIR_DOMAIN_AFFECT_CONFIG |
                                 (active == 1 ? VIR_DOMAIN_AFFECT_LIVE : 0)) < 0) {
        (void)lv_fail(lv, e, "mark of domain %s", name);
        if (autostart != 0)
            (void)virDomainSetAutostart(d, 1); /* it is not ours: as it was, as well as we can */
        return -1;
    }
    if (dom_mark_live(lv, d, m, a, e) < 0 || unmarked_read(lv, d, a, &after, e) < 0)
        return -1;
    if (strcmp(before, after) != 0)
        return err_set(
            e, BY_E_CONFLICT,
            "the definition of domain %s changed while it was marked: a person must look", name);
    return 0;
}

static int
dom_adopt(struct virt *v, const char *id, const struct virt_mark *m, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(lv_dom_free) virDomainPtr d = NULL;

    if (dom_find(lv_of(v), id, &d, e) < 0)
        return -1;
    return adopt_found(lv_of(v), d, m, &a, e);
}

/* ---- power --------------------------------------------------------------------------------- */

static int
dom_start(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;

    if (dom_find(lv, id, &d, e) < 0)
        return -1;
    if (virDomainIsActive(d) == 1 || virDomainCreate(d) == 0)
        return 0;
    (void)lv_fail(lv, e, "domain %s cannot be started", id);
    if (virDomainIsActive(d) != 1) /* another call of ours may have been faster */
        return -1;
    err_clear(e);
    return 0;
}

static bool
is_paused(virDomainPtr d)
{
    int state = VIR_DOMAIN_NOSTATE;

    return virDomainGetState(d, &state, NULL, 0) == 0 && state == VIR_DOMAIN_PAUSED;
}

static int
dom_resume(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;

    if (dom_find(lv, id, &d, e) < 0)
        return -1;
    if (virDomainIsActive(d) == 0)
        return err_set(e, BY_E_CONFLICT, "domain %s is off: there is nothing to resume", id);
    if (!is_paused(d) || virDomainResume(d) == 0)
        return 0;
    return lv_fail(lv, e, "domain %s cannot be resumed", id);
}

static int
dom_shutdown(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;

    if (dom_find(lv, id, &d, e) < 0)
        return -1;
    if (virDomainIsActive(d) == 0 || is_paused(d) ||
        virDomainShutdownFlags(d, lv->is_test ? 0 : VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) == 0)
        return 0;
    (void)lv_fail(lv, e, "domain %s cannot be asked to stop", id);
    if (virDomainIsActive(d) != 0)
        return -1;
    err_clear(e);
    return 0;
}

static int
dom_destroy(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    int found = dom_find_any(lv, id, &d, e);

    if (found <= 0)
        return found;
    if (virDomainIsActive(d) == 0 || virDomainDestroy(d) == 0)
        return 0;
    (void)lv_fail(lv, e, "domain %s cannot be stopped", id);
    if (virDomainIsActive(d) != 0)
        return -1;
    err_clear(e);
    return 0;
}

static int
dom_undefine(struct virt *v, const char *id, struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    int found = dom_find_any(lv, id, &d, e), active;
    unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;

    if (found <= 0)
        return found;
    active = virDomainIsActive(d);
    if (active < 0)
        return lv_fail(lv, e, "state of domain %s", id);
    if (active == 1)
        return err_set(e, BY_E_CONFLICT, "domain %s runs; stop it before its definition goes", id);
    if (!lv->is_test)
        flags |= VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    if (virDomainUndefineFlags(d, flags) < 0 && !lv_absent())
        return lv_fail(lv, e, "definition of domain %s cannot be removed", id);
    return 0;
}

/* ---- what stays behind --------------------------------------------------------------------- */

struct paths {
    struct arena *a;
    const char **list;
    size_t n, cap;
};

static void
path_add(struct paths *p, const char *path)
{
    struct stat st;

    if (path == NULL || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->list[i], path) == 0)
            return;
    if (p->n == p->cap) {
        const char **bigger = arena_alloc(p->a, (p->cap * 2 + 16) * sizeof(*bigger));

        if (p->n > 0)
            memcpy(bigger, p->list, p->n * sizeof(*bigger));
        p->list = bigger;
        p->cap = p->cap * 2 + 16;
    }
    p->list[p->n++] = arena_strdup(p->a, path);
}

/* Where libvirt 9 keeps files named after a domain; %s is its name.  A name that somebody chose may
 * begin another one's: with those only the exact names count, which come first. */
enum { KEPT_EXACT = 4 };
static const char *const kept_at[] = {
    "/var/lib/libvirt/qemu/save/%s.save",     "/var/lib/libvirt/qemu/snapshot/%s/*",
    "/var/lib/libvirt/qemu/checkpoint/%s/*",  "/var/log/libvirt/qemu/%s.log",

    "/var/lib/libvirt/qemu/save/%s.save.new", "/var/lib/libvirt/qemu/nvram/%s_VARS.*",
    "/var/lib/libvirt/qemu/nvram/%s.*",       "/var/lib/libvirt/qemu/dump/*-%s-*",
    "/var/lib/libvirt/qemu/dump/%s*",         "/var/lib/libvirt/qemu/ram/*-%s/*",
    "/var/log/libvirt/qemu/%s.log.*",         "/var/log/libvirt/qemu/%s-serial*.log",
};

static void
glob_add(struct paths *p, const char *pattern)
{
    glob_t g = {0};

    if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc; i++)
            path_add(p, g.gl_pathv[i]);
    globfree(&g);
}

/* A pattern's special characters in a name that an administrator chose. */
static const char *
glob_escape(struct arena *a, const char *name)
{
    char *out = arena_alloc(a, 2 * strlen(name) + 1), *w = out;

    for (; *name != '\0'; name++) {
        if (strchr("*?[]\\", *name) != NULL)
            *w++ = '\\';
        *w++ = *name;
    }
    return out;
}

static void
named_add(struct paths *p, const char *name)
{
    const char *escaped = glob_escape(p->a, name);
    size_t n = strncmp(name, "by-", 3) == 0 ? ARRAY_LEN(kept_at) : KEPT_EXACT;

    for (size_t i = 0; i < n; i++) {
        const char *hole = strstr(kept_at[i], "%s");

        glob_add(p, arena_printf(p->a, "%.*s%s%s", (int)(hole - kept_at[i]), kept_at[i], escaped,
                                 hole + 2));
    }
}

/* virtlogd rolls a log over to LOG.0, LOG.1 … */
static void
logs_add(struct paths *p, const struct domread *r)
{
    for (size_t i = 0; i < r->n_logs; i++) {
        path_add(p, r->logs[i]);
        glob_add(p, arena_printf(p->a, "%s.[0-9]", glob_escape(p->a, r->logs[i])));
    }
}

static int
dom_leftovers(struct virt *v, const char *id, struct arena *a, const char *const **out, size_t *n,
              struct err *e)
{
    struct virt_libvirt *lv = lv_of(v);
    SCOPED(lv_dom_free) virDomainPtr d = NULL;
    struct paths p = {.a = a};
    struct domread r;
    int found = dom_find_any(lv, id, &d, e);

    if (found < 0)
        return -1;
    if (found == 1) {
        if (dom_xml_read(lv, d, VIR_DOMAIN_XML_INACTIVE, a, &r, e) < 0)
            return -1;
        path_add(&p, r.nvram);
        logs_add(&p, &r);
        if (dom_xml_read(lv, d, 0, a, &r, e) < 0)
            return -1;
        path_add(&p, r.nvram);
        logs_add(&p, &r);
        named_add(&p, virDomainGetName(d));
    }
    named_add(&p, arena_printf(a, "by-%s", id));
    *out = p.list;
    *n = p.n;
    return 0;
}

const struct virt_dom_ops virt_libvirt_dom = {
    .list = dom_list,
    .get = dom_get,
    .define = dom_define,
    .adopt = dom_adopt,
    .start = dom_start,
    .resume = dom_resume,
    .shutdown = dom_shutdown,
    .destroy = dom_destroy,
    .undefine = dom_undefine,
    .leftovers = dom_leftovers,
    .xml = dom_xml,
};
