#include "agent/erase.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/apply.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/disk.h"
#include "drivers/host/durable.h"
#include "drivers/host/extent.h"
#include "drivers/host/sharedpool.h"

enum { LOG_ROTATIONS = 4 };
#define METHOD "one pass of zeros over allocated extents, fsync, read back"
#define METHOD_NONE "nothing to overwrite: it was never made"
#define LIMITS_NONE                                                                                \
    "By the receipts of this host no disk of it was ever finished, so nothing was ever written "   \
    "to it."
#define LIMITS                                                                                     \
    "Not reachable through the files and so not overwritten: blocks that the file system freed "   \
    "or moved earlier, and blocks that the disk itself has remapped or keeps in reserve."

static struct task_copy *
copy_add(struct task *t, const char *what, const char *path, struct err *e)
{
    struct task_copy *c;

    for (size_t i = 0; i < t->n_copies; i++)
        if (strcmp(t->copies[i].path, path) == 0)
            return &t->copies[i];
    if (t->n_copies == TASK_COPIES_MAX) {
        (void)err_set(e, BY_E_TOO_LARGE,
                      "more than %d files belong to it; a person must look at %s", TASK_COPIES_MAX,
                      path);
        return NULL;
    }
    c = &t->copies[t->n_copies++];
    c->what = what;
    c->path = arena_strdup(&t->a, path);
    return c;
}

static int
volume_add(struct task *t, const char *what, const char *id, const char *path, struct err *e)
{
    struct task_copy *c = copy_add(t, what, path, e);

    if (c == NULL)
        return -1;
    c->volume = true;
    (void)snprintf(c->volume_id, sizeof(c->volume_id), "%s", id);
    return 0;
}

static int
copy_volume(struct task *t, struct virt *v, const char *what, const char *id, struct err *e)
{
    struct virt_vol_seen seen;
    const char *path = arena_printf(&t->a, "%s/by-%s", t->pool_path, id);

    if (v->ops->vol->get(v, id, &t->a, &seen, e) == 0) {
        if (seen.path != NULL)
            path = seen.path;
    } else if (e->code != BY_E_NOT_FOUND) {
        return err_wrap(e, "volume %s", id);
    }
    err_clear(e);
    return volume_add(t, what, id, path, e);
}

static const char *
what_of(const char *path)
{
    static const struct {
        const char *part, *what;
    } rows[] = {
        {"nvram", "NVRAM"},        {"_VARS", "NVRAM"},       {".save", "saved state"},
        {"/save/", "saved state"}, {"snapshot", "snapshot"}, {"dump", "memory dump"},
        {".log", "serial log"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strstr(path, rows[i].part) != NULL)
            return rows[i].what;
    return "other state";
}

/* A machine that is not surely off is never touched. */
static int
check_off(struct task *t, struct virt *v, struct err *e)
{
    struct virt_dom_seen d;

    if (v->ops->dom->get(v, t->id, &t->a, &d, e) < 0) {
        if (e->code != BY_E_NOT_FOUND)
            return -1;
        err_clear(e);
        return 0;
    }
    if (!d.ours)
        return err_set(e, BY_E_CONFLICT, "a domain with this UUID lacks our mark: left alone");
    if (d.state != VIRT_SHUTOFF && d.state != VIRT_CRASHED)
        return err_set(e, BY_E_CONFLICT, "it is not off: nothing is overwritten");
    return 0;
}

static int
gather_logs(struct task *t, struct err *e)
{
    if (copy_add(t, "serial log", t->serial_log, e) == NULL)
        return -1;
    for (int i = 0; i < LOG_ROTATIONS; i++) {
        const char *path = arena_printf(&t->a, "%s.%d", t->serial_log, i);

        if (access(path, F_OK) == 0 && copy_add(t, "serial log", path, e) == NULL)
            return -1;
    }
    return 0;
}

/* ---- disks that a machine which was there brought along ---- */

enum { CHAIN_MAX = 32 };

/* A definition names this file, or lays one of its disks over it. */
static bool
def_uses(const struct virt_dom_def *d, const char *path)
{
    char at[PATH_MAX], under[PATH_MAX];

    for (size_t i = 0; i < d->n_disks; i++) {
        if (d->disks[i].path == NULL ||
            snprintf(at, sizeof(at), "%s", d->disks[i].path) >= (int)sizeof(at))
            continue;
        for (int depth = 0; depth < CHAIN_MAX; depth++) {
            if (strcmp(at, path) == 0)
                return true;
            if (!disk_backing(at, depth == 0 ? d->disks[i].format : "qcow2", under))
                break;
            memcpy(at, under, sizeof(at));
        }
    }
    return false;
}

/* 1 used by another machine of this host, 0 not, -1 nobody knows. */
static int
used_elsewhere(struct task *t, struct virt *v, const char *path, struct err *e)
{
    const struct virt_dom_seen *all = NULL;
    size_t n = 0;

    if (v->ops->dom->list(v, &t->a, &all, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].id, t->id) != 0 &&
            (def_uses(&all[i].config, path) || (all[i].has_live && def_uses(&all[i].live, path))))
            return 1;
    return 0;
}

static void
by_hand(struct task *t, const char *target, const char *path, const char *why)
{
    strbuf_addf(&t->manual, "%s%s (%s): %s", t->manual.len > 0 ? "; " : "", target,
                path == NULL ? "no file" : path, why);
}

static int
gather_found(struct task *t, struct virt *v, const struct w_found_disk *d, struct err *e)
{
    int used;

    if (d->shared)
        return 0;
    if (strcmp(d->kind, "file") != 0 || d->path == NULL || d->path[0] != '/') {
        by_hand(t, d->target, d->path, "a device or disk elsewhere, to be erased where it is kept");
        return 0;
    }
    if (d->backing != NULL)
        by_hand(t, d->target, d->backing, "the image that it is laid over is left as it is");
    used = used_elsewhere(t, v, d->path, e);
    if (used < 0)
        return err_wrap(e, "who else uses %s", d->path);
    if (used == 1 || !disk_is_single(d->path)) {
        by_hand(t, d->target, d->path,
                "another machine uses it, or it has a second name: never overwritten from here");
        return 0;
    }
    return copy_add(t, "own disk", d->path, e) == NULL ? -1 : 0;
}

static int
gather_existing(struct task *t, struct virt *v, struct err *e)
{
    const struct w_adoption *p = &t->order.vm.adopt;

    strbuf_reset(&t->manual);
    for (size_t i = 0; i < p->disks.n; i++)
        if (gather_found(t, v, JM_ITEM(p->disks, struct w_found_disk, i), e) < 0)
            return -1;
    return 0;
}

static int
gather_disks(struct task *t, struct virt *v, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;

    if (vm->adopt.id[0] != '\0')
        return gather_existing(t, v, e);
    return copy_volume(t, v, "root disk", vm->root_volume, e) < 0 ||
                   copy_volume(t, v, "seed", vm->seed_volume, e) < 0
               ? -1
               : 0;
}

static int
gather_vm(struct task *t, struct virt *v, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;
    const char *const *paths = NULL;
    size_t n = 0;

    if (check_off(t, v, e) < 0 || gather_disks(t, v, e) < 0 ||
        v->ops->dom->leftovers(v, t->id, &t->a, &paths, &n, e) < 0)
        return err_wrap(e, "find all copies of %s", vm->name);
    for (size_t i = 0; i < n; i++)
        if (copy_add(t, what_of(paths[i]), paths[i], e) == NULL)
            return -1;
    return gather_logs(t, e);
}

int
erase_gather(struct task *t, struct virt *v, struct err *e)
{
    t->erase_started_ms = clock_wall_ms();
    if (t->order.kind == RES_VM)
        return gather_vm(t, v, e);
    return copy_volume(t, v, "data volume", t->id, e);
}

/* The process is ending: the overwrite begins anew with the next one. */
static int
keep_going(void *ctx, uint64_t done, uint64_t total)
{
    const struct task *t = ctx;

    (void)done;
    (void)total;
    return atomic_load(&t->ag->stopping) ? 1 : 0;
}

static void
add_limits(struct strbuf *all, const struct extent_report *r)
{
    SCOPED(strbuf) struct strbuf one = {0};

    extent_limits(r, &one);
    if (one.len == 0 || strstr(strbuf_peek(all), one.s) != NULL)
        return;
    strbuf_addc(all, ' ');
    strbuf_add(all, one.s, one.len);
}

int
erase_overwrite(struct task *t, struct virt *v, struct err *e)
{
    struct extent_watch w = {.progress = keep_going, .ctx = t};

    (void)v; /* needs no connection */
    strbuf_reset(&t->limits);
    strbuf_adds(&t->limits, LIMITS);
    if (t->asking && t->answer.limits != NULL)
        strbuf_addf(&t->limits, " By %s, the steward of the shared pool: %s",
                    t->answer.steward_name, t->answer.limits);
    if (t->manual.len > 0)
        strbuf_addf(&t->limits, " To be done by hand: %s.", strbuf_peek(&t->manual));
    for (size_t i = 0; i < t->n_copies; i++) {
        struct task_copy *c = &t->copies[i];
        struct extent_report r = {0};

        if (t->asking && c->volume)
            continue; /* by the steward; its report is there */
        if (extent_erase(c->path, &w, &r, e) < 0)
            return err_wrap(e, "overwrite %s", c->path);
        (void)snprintf(c->report.what, sizeof(c->report.what), "%s", c->what);
        c->report.path = c->path;
        c->report.existed = r.existed;
        c->report.size_bytes = r.size_bytes;
        c->report.overwritten_bytes = r.overwritten_bytes;
        c->report.read_back_bytes = r.read_back_bytes;
        add_limits(&t->limits, &r);
    }
    return 0;
}

/* By our receipts no disk of it was ever finished, so nothing ever ran on one; and none is there.
 * Lost receipts cannot say so. */
static bool
is_never_made(const struct task *t)
{
    const struct receipt_facts *f = &t->facts;

    for (size_t i = 0; i < t->n_copies; i++)
        if (t->copies[i].report.existed)
            return false;
    if (f->restated || t->order.vm.adopt.id[0] != '\0') /* it ran before it was ours */
        return false;
    return t->order.kind == RES_VM ? f->root_fill != FILL_DONE && f->seed_fill != FILL_DONE
                                   : f->fill != FILL_DONE;
}

/* On the owner's thread: the report, signed, goes into the receipt. */
int
erase_sign(struct task *t, struct err *e)
{
    struct w_erased_copy *copies = arena_alloc(&t->a, t->n_copies * sizeof(*copies));
    struct w_erasure r = {.kind = t->order.kind,
                          .started_at_ms = t->erase_started_ms,
                          .finished_at_ms = clock_wall_ms(),
                          .copies = {.items = copies, .n = t->n_copies}};
    SCOPED(strbuf) struct strbuf body = {0};

    if (t->facts.erased)
        return 0; /* signed for before a crash */
    for (size_t i = 0; i < t->n_copies; i++)
        copies[i] = t->copies[i].report;
    (void)snprintf(r.order, sizeof(r.order), "%s", t->order.id);
    (void)snprintf(r.host, sizeof(r.host), "%s", t->ag->id.host);
    (void)snprintf(r.resource, sizeof(r.resource), "%s", t->id);
    r.never_made = is_never_made(t);
    r.version = r.never_made ? 2 : 1;
    (void)snprintf(r.method, sizeof(r.method), "%s", r.never_made ? METHOD_NONE : METHOD);
    r.limits = r.never_made ? LIMITS_NONE : strbuf_peek(&t->limits);
    jm_encode(schema_erasure, &r, &body);
    if (paper_sign(t->ag->key, PAPER_ERASURE, strbuf_peek(&body), &t->a, &t->facts.erasure, e) < 0)
        return err_wrap(e, "sign the erasure report");
    t->facts.erased = true;
    t->facts_changed = true;
    return 0;
}

static int
remove_address(struct task *t, struct virt *v, struct err *e)
{
    for (size_t i = 0; i < t->order.vm.nics.n; i++) {
        const struct w_nic *nic = JM_ITEM(t->order.vm.nics, struct w_nic, i);

        if (v->ops->net->host_remove(v, nic->network, nic->mac, e) < 0 && e->code != BY_E_NOT_FOUND)
            return err_wrap(e, "address %s", nic->ip);
        err_clear(e);
    }
    return 0;
}

int
erase_remove_copies(struct task *t, struct virt *v, struct err *e)
{
    for (size_t i = 0; i < t->n_copies; i++) {
        const struct task_copy *c = &t->copies[i];

        if (t->asking && c->volume)
            continue; /* the steward's to remove */

        int rc = c->volume ? v->ops->vol->remove(v, c->volume_id, e) : durable_remove(c->path, e);

        if (rc < 0)
            return err_wrap(e, "remove %s", c->path);
        if (t->acting && c->volume && /* an earlier steward's note of it */
            sharedpool_remove(t->pool_path, SHAREDPOOL_FILLED, c->volume_id, e) < 0)
            return -1;
        if (access(c->path, F_OK) == 0)
            return err_set(e, BY_E_IO, "%s is still there", c->path);
        if (c->volume && reading_vol(task_reading(t), v, c->volume_id, e) < 0)
            return -1;
    }
    return 0;
}

int
erase_remove(struct task *t, struct virt *v, struct err *e)
{
    if (t->order.kind == RES_VM &&
        (v->ops->dom->undefine(v, t->id, e) < 0 || remove_address(t, v, e) < 0 ||
         reading_dom(task_reading(t), v, t->id, e) < 0 || reading_nets(task_reading(t), v, e) < 0))
        return err_wrap(e, "undefine %s", t->order.vm.name);
    return erase_remove_copies(t, v, e);
}

int
erase_volumes_find(struct task *t, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;
    const char *const rows[][2] = {{"data volume", t->order.kind == RES_VOLUME ? t->id : NULL},
                                   {"root disk", t->order.kind == RES_VM ? vm->root_volume : NULL},
                                   {"seed", t->order.kind == RES_VM ? vm->seed_volume : NULL}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i][1] != NULL &&
            volume_add(t, rows[i][0], rows[i][1],
                       arena_printf(&t->a, "%s/by-%s", t->pool_path, rows[i][1]), e) < 0)
            return -1;
    return 0;
}

/* Gone means read back as gone. */
int
erase_gone(struct task *t, struct err *e)
{
    const struct reading *r = t->reading;

    if (r->n_doms > 0 || r->n_vols > 0)
        return err_set(e, BY_E_IO, "it was removed but is still there");
    t->facts.absent = true;
    t->facts_changed = true;
    return 0;
}

/* ---- half-made volumes ---- */

static int
half_overwrite(struct task *t, struct virt *v, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;
    const char *ids[] = {
        t->order.kind == RES_VOLUME ? t->id : NULL,
        t->order.kind == RES_VM && t->facts.root_fill == FILL_FILLING ? vm->root_volume : NULL,
        t->order.kind == RES_VM && t->facts.seed_fill == FILL_FILLING ? vm->seed_volume : NULL,
    };

    (void)v;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct extent_report r;
        struct task_copy *c;

        if (ids[i] == NULL)
            continue;
        c = copy_add(t, "half-made volume", arena_printf(&t->a, "%s/by-%s", t->pool_path, ids[i]),
                     e);
        if (c == NULL || extent_erase(c->path, NULL, &r, e) < 0)
            return err_wrap(e, "overwrite volume %s", ids[i]);
        c->volume = true;
        (void)snprintf(c->volume_id, sizeof(c->volume_id), "%s", ids[i]);
    }
    return 0;
}

static int
half_forget(struct task *t, struct err *e)
{
    (void)e;
    t->facts.fill = t->facts.fill == FILL_FILLING ? FILL_NOT_BEGUN : t->facts.fill;
    if (t->facts.root_fill == FILL_FILLING)
        t->facts.root_fill = FILL_NOT_BEGUN;
    if (t->facts.seed_fill == FILL_FILLING)
        t->facts.seed_fill = FILL_NOT_BEGUN;
    t->facts_changed = true;
    return 0;
}

const struct task_phase *
erase_phases(void)
{
    static const struct task_phase phases[] = {
        /* After a crash the same again: overwritten once more, never signed for twice. */
        {.call = CALL_ERASE_FIND, .run = erase_gather},
        {.call = CALL_ERASE_OVERWRITE, .disk = true, .run = erase_overwrite, .after = erase_sign},
        {.call = CALL_ERASE_REMOVE, .run = erase_remove, .after = erase_gone},
        {0},
    };

    return phases;
}

const struct task_phase *
erase_remake_phases(void)
{
    static const struct task_phase phases[] = {
        {.call = CALL_HALF_OVERWRITE, .disk = true, .run = half_overwrite},
        {.call = CALL_HALF_REMOVE, .run = erase_remove_copies, .after = half_forget},
        {0},
    };

    return phases;
}
