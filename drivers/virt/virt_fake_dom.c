#include "drivers/virt/virt_fake_dom.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/virt/domedit.h"
#include "drivers/virt/domfound.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "drivers/virt/virt_fake_net.h"
#include "drivers/virt/xmlutil.h"

static const char *const state_names[VIRT_STATE__MAX] = {
    [VIRT_UNKNOWN] = "unknown", [VIRT_RUNNING] = "running", [VIRT_PAUSED] = "paused",
    [VIRT_SHUTOFF] = "shutoff", [VIRT_CRASHED] = "crashed",
};
#define FULL_NAME "full" /* paused because a write found no room */

static bool
is_active(const struct fake_dom *d)
{
    return d->state == VIRT_RUNNING || d->state == VIRT_PAUSED;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* "1 STATE RUN CONFIG-BYTES LIVE-BYTES\n", then both texts. */
int
fake_dom_load(const char *world, const char *id, struct arena *a, struct fake_dom *out,
              struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char path[PATH_MAX], state[16];
    size_t config, live;
    const char *body;
    struct fake_dom d = {0};

    if (fake_path(world, path, "dom", id, ".dom", e) < 0)
        return -1;
    if (fake_get(path, &text, e) < 0)
        return e != NULL && e->code == BY_E_NOT_FOUND
                   ? err_set(e, BY_E_NOT_FOUND, "fake: no domain %s", id)
                   : -1;
    body = memchr(strbuf_peek(&text), '\n', text.len);
    if (body == NULL ||
        sscanf(text.s, "1 %15s %lld %zu %zu\n", state, &d.run, &config, &live) != 4 ||
        text.len - (size_t)(body + 1 - text.s) != config + live)
        return err_set(e, BY_E_IO, "fake: %s is damaged", path);
    for (int i = 0; i < VIRT_STATE__MAX; i++)
        if (strcmp(state, state_names[i]) == 0)
            d.state = (enum virt_state)i;
    d.no_space = strcmp(state, FULL_NAME) == 0;
    if (d.no_space)
        d.state = VIRT_PAUSED;
    d.config = config == 0 ? NULL : arena_strndup(a, body + 1, config);
    d.live = live == 0 ? NULL : arena_strndup(a, body + 1 + config, live);
    *out = d;
    return 0;
}

int
fake_dom_store(const char *world, const char *id, const struct fake_dom *d, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    const char *config = d->config == NULL ? "" : d->config;
    const char *live = d->live == NULL ? "" : d->live;
    char path[PATH_MAX];

    if (fake_path(world, path, "dom", id, ".dom", e) < 0)
        return -1;
    strbuf_addf(&text, "1 %s %lld %zu %zu\n",
                d->state == VIRT_PAUSED && d->no_space ? FULL_NAME : state_names[d->state], d->run,
                strlen(config), strlen(live));
    strbuf_adds(&text, config);
    strbuf_adds(&text, live);
    return fake_put(path, text.s, text.len, e);
}

static int
dom_forget(const char *world, const char *id, struct err *e)
{
    char path[PATH_MAX];

    return fake_path(world, path, "dom", id, ".dom", e) < 0 ? -1 : fake_drop(path, e);
}

int
fake_dom_stop(const char *world, const char *id, struct fake_dom *d, enum virt_state state,
              struct err *e)
{
    d->state = state;
    d->live = NULL;
    return d->config == NULL ? dom_forget(world, id, e) : fake_dom_store(world, id, d, e);
}

/* ---- looking -------------------------------------------------------------------------------- */

static bool
file_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Files beside the disks, named after the domain as libvirt names them. */
static int
kept_path(const char *world, const char *id, bool save, char path[PATH_MAX], struct err *e)
{
    char name[W_ID + 4];

    (void)snprintf(name, sizeof(name), "by-%.39s", id);
    return save ? fake_path(world, path, "save", name, ".save", e)
                : fake_path(world, path, "nvram", name, "_VARS.fd", e);
}

static const struct w_found *
found_see(const char *world, const char *id, const struct virt_dom_seen *s,
          const struct fake_dom *d, struct arena *a)
{
    struct w_found *f = arena_alloc(a, sizeof(*f));
    char load[W_ID + 8], path[PATH_MAX];

    if (domfound_parse(d->config != NULL ? d->config : d->live, a, f, NULL) < 0)
        return NULL;
    (void)snprintf(load, sizeof(load), "load/%.39s", id);
    (void)snprintf(f->state, sizeof(f->state), "%s", domfound_state(s->state));
    f->transient = !s->persistent;
    f->saved = s->has_saved;
    if (s->has_live && s->persistent && d->live != NULL &&
        domfound_running(d->live, a, f, NULL) < 0)
        return NULL;
    f->unequal =
        f->unequal || (s->has_live && s->persistent &&
                       (s->live.vcpus != s->config.vcpus || s->live.mem_mib != s->config.mem_mib));
    f->job = s->has_live && fake_setting(world, load, "job", 0) != 0;
    f->snapshots = (uint32_t)fake_setting(world, load, "snapshots", 0);
    f->autostart = fake_path(world, path, "autostart", id, "", NULL) == 0 && file_there(path);
    return f;
}

int
fake_dom_see(const char *world, const char *id, const struct fake_dom *d, struct arena *a,
             struct virt_dom_seen *out, struct err *e)
{
    struct virt_dom_seen s = {.state = d->state, .no_space = d->no_space};
    struct domread r = {0};
    char save[PATH_MAX];

    if (kept_path(world, id, true, save, e) < 0)
        return -1;
    s.persistent = d->config != NULL;
    s.has_live = d->live != NULL;
    s.has_saved = file_there(save);
    if (d->live != NULL) {
        if (domread_parse(d->live, a, &r, e) < 0)
            return err_wrap(e, "fake: domain %s, live", id);
        s.live = r.def;
    }
    if (d->config != NULL) {
        if (domread_parse(d->config, a, &r, e) < 0)
            return err_wrap(e, "fake: domain %s", id);
        s.config = r.def;
    }
    memcpy(s.name, r.name, sizeof(s.name));
    s.ours = r.ours;
    s.other_owner = r.other_owner;
    s.mark = r.mark;
    (void)snprintf(s.id, sizeof(s.id), "%.39s", id);
    domfound_measure(&s.config);
    if (!s.ours)
        s.found = found_see(world, id, &s, d, a);
    *out = s;
    return 0;
}

static int
list_locked(struct fake *f, struct arena *a, const struct virt_dom_seen **out, size_t *n,
            struct err *e)
{
    const char *const *ids;
    struct virt_dom_seen *seen;
    struct fake_dom d;
    size_t count;

    if (fake_names(f->world, "dom", ".dom", a, &ids, &count, e) < 0)
        return -1;
    seen = arena_alloc(a, (count + 1) * sizeof(*seen));
    for (size_t i = 0; i < count; i++)
        if (fake_dom_load(f->world, ids[i], a, &d, e) < 0 ||
            fake_dom_see(f->world, ids[i], &d, a, &seen[i], e) < 0)
            return -1;
    *out = seen;
    *n = count;
    return 0;
}

static int
dom_list(struct virt *v, struct arena *a, const struct virt_dom_seen **out, size_t *n,
         struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "dom.list", NULL, FAKE_READS, &c, e) < 0)
        return -1;
    return fake_leave(&c, list_locked(c.f, a, out, n, e), e);
}

static int
dom_get(struct virt *v, const char *id, struct arena *a, struct virt_dom_seen *out, struct err *e)
{
    struct fake_call c;
    struct fake_dom d;
    int r;

    if (fake_enter(v, "dom.get", id, FAKE_READS, &c, e) < 0)
        return -1;
    r = fake_dom_load(c.f->world, id, a, &d, e);
    if (r == 0)
        r = fake_dom_see(c.f->world, id, &d, a, out, e);
    return fake_leave(&c, r, e);
}

static int
dom_xml(struct virt *v, const char *id, bool live, struct arena *a, const char **out, struct err *e)
{
    struct fake_call c;
    struct fake_dom d;
    int r;

    if (fake_enter(v, "dom.xml", id, FAKE_READS, &c, e) < 0)
        return -1;
    r = fake_dom_load(c.f->world, id, a, &d, e);
    if (r == 0)
        *out = (live && d.live != NULL) || d.config == NULL ? d.live : d.config;
    return fake_leave(&c, r, e);
}

/* ---- changing ------------------------------------------------------------------------------- */

static int
define_new(struct fake *f, const struct virt_dom_spec *s, struct arena *a, const char **out,
           struct err *e)
{
    struct domxml_host h = {
        .type = fake_setting(f->world, "host", "kvm", 0) != 0 ? "kvm" : "qemu",
        .arch = "x86_64",
        .machine = "pc-q35-7.2",
        .emulator = "/usr/bin/qemu-system-x86_64",
        .cpu_mode = "maximum",
        .uefi = fake_setting(f->world, "host", "uefi", 1) != 0,
    };

    return domxml_build(s, &h, a, out, e);
}

/* A mark is seen on a running domain at once. */
static int
mark_live(const struct virt_mark *m, struct arena *a, const char **live, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;

    if (xml_parse(*live, "domain", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    if (xml_mark_set(x, m) < 0)
        return err_set(e, BY_E_NOMEM, "fake: no memory for a mark");
    return xml_doc_text(doc, a, live, e);
}

static int
define_locked(struct fake *f, const struct virt_dom_spec *s, struct arena *a, struct err *e)
{
    struct fake_dom d = {.state = VIRT_SHUTOFF};
    struct err why = {0};
    bool changed = true;

    if (fake_dom_load(f->world, s->vm->id, a, &d, &why) < 0 && why.code != BY_E_NOT_FOUND) {
        if (e != NULL)
            *e = why;
        return -1;
    }
    if (d.config != NULL) {
        if (domedit_apply(d.config, s, a, &d.config, &changed, e) < 0)
            return -1;
    } else if (s->vm->adopt.id[0] != '\0') {
        return err_set(e, BY_E_NOT_FOUND,
                       "fake: domain %s was there before its grant and is gone: none is made",
                       s->vm->id);
    } else if (define_new(f, s, a, &d.config, e) < 0) {
        return -1;
    }
    if (!changed)
        return 0;
    if (d.live != NULL && mark_live(&s->mark, a, &d.live, e) < 0)
        return -1;
    return fake_dom_store(f->world, s->vm->id, &d, e);
}

static int
dom_define(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct fake_call c;

    if (fake_enter(v, "dom.define", s->vm->id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, define_locked(c.f, s, &a, e), e);
}

static int
adopt_locked(struct fake *f, const char *id, const struct virt_mark *m, struct arena *a,
             struct err *e)
{
    char load[W_ID + 8], path[PATH_MAX];
    struct fake_dom d;

    (void)snprintf(load, sizeof(load), "load/%.39s", id);
    if (fake_dom_load(f->world, id, a, &d, e) < 0 ||
        fake_path(f->world, path, "autostart", id, "", e) < 0)
        return -1;
    if (d.config == NULL)
        return err_set(e, BY_E_CONFLICT, "fake: domain %s has no persistent definition", id);
    if (d.live != NULL && fake_setting(f->world, load, "job", 0) != 0)
        return err_set(e, BY_E_BUSY, "fake: a job is running on domain %s", id);
    if (mark_live(m, a, &d.config, e) < 0 || (d.live != NULL && mark_live(m, a, &d.live, e) < 0) ||
        fake_dom_store(f->world, id, &d, e) < 0)
        return -1;
    return fake_drop(path, e);
}

static int
dom_adopt(struct virt *v, const char *id, const struct virt_mark *m, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct fake_call c;

    if (fake_enter(v, "dom.adopt", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, adopt_locked(c.f, id, m, &a, e), e);
}

/* The live XML may name one of these disks: whoever does not is not read in whole. */
static bool
may_name(const char *live, const struct virt_dom_def *def)
{
    for (size_t i = 0; live != NULL && i < def->n_disks; i++) {
        const char *path = def->disks[i].path;

        if (path != NULL && (strpbrk(path, "<>&\"'") != NULL || strstr(live, path) != NULL))
            return true;
    }
    return false;
}

/* Another active domain on one of these disks: the lock manager's refusal. */
static int
disks_free(struct fake *f, const char *id, const struct virt_dom_def *def, struct arena *a,
           struct err *e)
{
    const char *const *ids;
    struct virt_dom_seen o;
    struct fake_dom d;
    size_t n;

    if (fake_names(f->world, "dom", ".dom", a, &ids, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(ids[i], id) == 0)
            continue;
        if (fake_dom_load(f->world, ids[i], a, &d, e) < 0)
            return -1;
        if (!may_name(d.live, def))
            continue;
        if (fake_dom_see(f->world, ids[i], &d, a, &o, e) < 0)
            return -1;
        for (size_t k = 0; k < o.live.n_disks; k++)
            for (size_t m = 0; m < def->n_disks; m++)
                if (def->disks[m].path != NULL && o.live.disks[k].path != NULL &&
                    strcmp(def->disks[m].path, o.live.disks[k].path) == 0)
                    return err_set(e, BY_E_CONFLICT, "fake: %s is in use by domain %s",
                                   def->disks[m].path, ids[i]);
    }
    return 0;
}

static int
parts_ready(struct fake *f, const char *id, const struct domread *r, struct arena *a, struct err *e)
{
    for (size_t i = 0; i < r->def.n_disks; i++)
        if (r->def.disks[i].path != NULL && !file_there(r->def.disks[i].path))
            return err_set(e, BY_E_IO, "fake: start %s: no file %s", id, r->def.disks[i].path);
    for (size_t i = 0; i < r->def.n_nics; i++)
        if (r->def.nics[i].network[0] != '\0' &&
            fake_net_check_active(f->world, r->def.nics[i].network, e) < 0)
            return err_wrap(e, "fake: start %s", id);
    return disks_free(f, id, &r->def, a, e);
}

/* Number of the start: counters begin anew with each. */
static int
next_run(const char *world, long long *out, struct err *e)
{
    char path[PATH_MAX], text[40];

    *out = fake_setting(world, "runs", "last", 0) + 1;
    (void)snprintf(text, sizeof(text), "last=%lld\n", *out);
    if (fake_path(world, path, "", "runs", "", e) < 0)
        return -1;
    return fake_put(path, text, strlen(text), e);
}

/* What a guest's firmware and console leave on the host's disk. */
static int
leave_traces(struct fake *f, const char *id, const struct fake_dom *d, const struct domread *r,
             struct err *e)
{
    bool uefi = r->nvram != NULL || strstr(d->config, "firmware=\"efi\"") != NULL;
    char path[PATH_MAX], text[120];

    (void)snprintf(text, sizeof(text), "fake guest %.39s, run %lld\n", id, d->run);
    for (size_t i = 0; i < r->n_logs; i++) {
        SCOPED(fd) int fd = open(r->logs[i], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
            return durable_errno(e, errno, "append to", r->logs[i]);
    }
    if (!uefi)
        return 0;
    if (kept_path(f->world, id, false, path, e) < 0)
        return -1;
    return file_there(path) ? 0 : fake_put(path, text, strlen(text), e);
}

static int
start_locked(struct fake *f, const char *id, struct arena *a, struct err *e)
{
    char save[PATH_MAX];
    struct fake_dom d;
    struct domread r;

    if (fake_dom_load(f->world, id, a, &d, e) < 0)
        return -1;
    if (is_active(&d))
        return 0;
    if (domread_parse(d.config, a, &r, e) < 0 || parts_ready(f, id, &r, a, e) < 0 ||
        next_run(f->world, &d.run, e) < 0 || leave_traces(f, id, &d, &r, e) < 0 ||
        kept_path(f->world, id, true, save, e) < 0 || fake_drop(save, e) < 0)
        return -1;
    d.state = VIRT_RUNNING;
    d.live = d.config;
    return fake_dom_store(f->world, id, &d, e);
}

static int
dom_start(struct virt *v, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct fake_call c;

    if (fake_enter(v, "dom.start", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, start_locked(c.f, id, &a, e), e);
}

static int
resume_locked(struct fake *f, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct fake_dom d;

    if (fake_dom_load(f->world, id, &a, &d, e) < 0)
        return -1;
    if (!is_active(&d))
        return err_set(e, BY_E_CONFLICT, "fake: domain %s is off: nothing to resume", id);
    d.state = VIRT_RUNNING;
    d.no_space = false;
    return fake_dom_store(f->world, id, &d, e);
}

static int
dom_resume(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "dom.resume", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, resume_locked(c.f, id, e), e);
}

static int
stop_locked(struct fake *f, const char *id, bool by_guest, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct err why = {0};
    struct fake_dom d;
    char load[W_ID + 8];

    if (fake_dom_load(f->world, id, &a, &d, &why) < 0) {
        if (why.code == BY_E_NOT_FOUND && !by_guest)
            return 0;
        if (e != NULL)
            *e = why;
        return -1;
    }
    (void)snprintf(load, sizeof(load), "load/%.32s", "default");
    if (by_guest) {
        long long deaf = fake_setting(f->world, load, "deaf", 0);

        (void)snprintf(load, sizeof(load), "load/%.39s", id);
        if (fake_setting(f->world, load, "deaf", deaf) != 0)
            return 0;
        if (d.state == VIRT_PAUSED)
            return 0; /* does not hear it */
    }
    return is_active(&d) ? fake_dom_stop(f->world, id, &d, VIRT_SHUTOFF, e) : 0;
}

static int
dom_shutdown(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "dom.shutdown", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, stop_locked(c.f, id, true, e), e);
}

static int
dom_destroy(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "dom.destroy", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, stop_locked(c.f, id, false, e), e);
}

static int
undefine_locked(struct fake *f, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    char nvram[PATH_MAX], save[PATH_MAX];
    struct err why = {0};
    struct fake_dom d;

    if (fake_dom_load(f->world, id, &a, &d, &why) < 0) {
        if (why.code == BY_E_NOT_FOUND)
            return 0;
        if (e != NULL)
            *e = why;
        return -1;
    }
    if (is_active(&d))
        return err_set(e, BY_E_CONFLICT, "fake: domain %s is active: stop it first", id);
    if (kept_path(f->world, id, false, nvram, e) < 0 ||
        kept_path(f->world, id, true, save, e) < 0 || fake_drop(nvram, e) < 0 ||
        fake_drop(save, e) < 0)
        return -1;
    return dom_forget(f->world, id, e);
}

static int
dom_undefine(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "dom.undefine", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, undefine_locked(c.f, id, e), e);
}

static int
leftovers_locked(struct fake *f, const char *id, struct arena *a, const char *const **paths,
                 size_t *n, struct err *e)
{
    struct fake_dom d = {0};
    struct domread r = {0};
    struct err why = {0};
    const char **list;
    char path[PATH_MAX];
    size_t count = 0;

    if (fake_dom_load(f->world, id, a, &d, &why) < 0 && why.code != BY_E_NOT_FOUND) {
        if (e != NULL)
            *e = why;
        return -1;
    }
    if ((d.config != NULL || d.live != NULL) &&
        domread_parse(d.config != NULL ? d.config : d.live, a, &r, e) < 0)
        return -1;
    list = arena_alloc(a, (r.n_logs + 2) * sizeof(*list));
    for (int save = 0; save < 2; save++) {
        if (kept_path(f->world, id, save != 0, path, e) < 0)
            return -1;
        if (file_there(path))
            list[count++] = arena_strdup(a, path);
    }
    for (size_t i = 0; i < r.n_logs; i++)
        if (file_there(r.logs[i]))
            list[count++] = r.logs[i];
    *paths = list;
    *n = count;
    return 0;
}

static int
dom_leftovers(struct virt *v, const char *id, struct arena *a, const char *const **paths, size_t *n,
              struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "dom.leftovers", id, FAKE_READS, &c, e) < 0)
        return -1;
    return fake_leave(&c, leftovers_locked(c.f, id, a, paths, n, e), e);
}

const struct virt_dom_ops virt_fake_dom_ops = {
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
