#include "agent/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/erase.h"
#include "agent/facts.h"
#include "agent/fetch.h"
#include "agent/shared.h"
#include "agent/task.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/host/image.h"
#include "drivers/host/seed.h"
#include "drivers/host/segment.h"
#include "policies/recname.h"

static struct virt_mark
mark_of(const struct w_order *o)
{
    struct virt_mark m = {.term = o->term, .generation = o->generation};

    (void)snprintf(m.order, sizeof(m.order), "%s", o->id);
    return m;
}

/* ---- networks ---- */

/* Bring fixed addresses up to date: what is in the way of a wanted one goes first. */
static int
hosts_sync(struct task *t, struct virt *v, const struct virt_net_seen *net, struct err *e)
{
    for (size_t i = 0; i < t->n_hosts; i++) {
        const struct virt_net_host *want = &t->hosts[i];
        bool there = false;

        for (size_t k = 0; net != NULL && k < net->n_hosts; k++) {
            const struct virt_net_host *h = &net->hosts[k];
            bool mac = strcmp(h->mac, want->mac) == 0, ip = strcmp(h->ip, want->ip) == 0;

            if (mac && ip)
                there = true;
            else if ((mac || ip) && v->ops->net->host_remove(v, t->id, h->mac, e) < 0)
                return err_wrap(e, "address %s", h->ip);
        }
        if (!there && v->ops->net->host_add(v, t->id, want, e) < 0)
            return err_wrap(e, "address %s", want->ip);
    }
    return 0;
}

static int
net_define(struct task *t, struct virt *v, struct err *e)
{
    struct virt_net_spec s = {.net = &t->order.network, .mark = mark_of(&t->order)};

    if (v->ops->net->define(v, &s, e) < 0 || hosts_sync(t, v, NULL, e) < 0)
        return err_wrap(e, "network %s", t->order.network.name);
    return reading_nets(task_reading(t), v, e);
}

static int
net_start(struct task *t, struct virt *v, struct err *e)
{
    if (v->ops->net->start(v, t->id, e) < 0)
        return err_wrap(e, "network %s", t->order.network.name);
    return reading_nets(task_reading(t), v, e);
}

static int
net_hosts(struct task *t, struct virt *v, struct err *e)
{
    struct reading *r = reading_new();
    const struct virt_net_seen *net = NULL;
    int rc = reading_nets(r, v, e);

    for (size_t i = 0; rc == 0 && i < r->n_nets; i++)
        if (strcmp(r->nets[i].id, t->id) == 0)
            net = &r->nets[i];
    if (rc == 0)
        rc = hosts_sync(t, v, net, e);
    reading_free(r);
    return rc < 0 ? err_wrap(e, "network %s", t->order.network.name)
                  : reading_nets(task_reading(t), v, e);
}

static int
net_segment(struct task *t, struct virt *v, struct err *e)
{
    const struct w_network_spec *n = &t->order.network;
    struct segments *s = t->ag->segments;
    struct segment_spec spec;
    int rc;

    segment_spec_of(n, t->ag->conf.underlay, &t->a, &spec);
    if (n->vni == 0)
        rc = segments_remove(s, n->bridge, e);
    else if (spec.underlay[0] == '\0')
        rc = err_set(e, BY_E_UNSUPPORTED,
                     "this host takes no part of a segment: its agent has no underlay address");
    else
        rc = segments_make(s, &spec, e);
    if (rc < 0 || reading_nets(task_reading(t), v, e) < 0)
        return err_wrap(e, "network %s", n->name);
    reading_segments(task_reading(t), s);
    return 0;
}

static int
net_remove(struct task *t, struct virt *v, struct err *e)
{
    struct segments *s = t->ag->segments;

    if (segments_remove(s, t->order.network.bridge, e) < 0 || v->ops->net->remove(v, t->id, e) < 0)
        return err_wrap(e, "network %s", t->order.network.name);
    reading_segments(task_reading(t), s);
    return reading_nets(task_reading(t), v, e);
}

static int
net_gone(struct task *t, struct err *e)
{
    for (size_t i = 0; i < t->reading->n_nets; i++)
        if (strcmp(t->reading->nets[i].id, t->id) == 0)
            return err_set(e, BY_E_IO, "network %s is still there", t->order.network.name);
    if (!t->reading->has_segments)
        return err_set(e, BY_E_IO, "network %s: whether its segment is there cannot be read: %s",
                       t->order.network.name, t->reading->segments_err.msg);
    for (size_t i = 0; i < t->reading->n_segments; i++)
        if (strcmp(t->reading->segments[i].bridge, t->order.network.bridge) == 0)
            return err_set(e, BY_E_IO, "the segment of network %s is still there",
                           t->order.network.name);
    t->facts.absent = t->facts_changed = true;
    return 0;
}

/* ---- volumes ---- */

/* A volume that a power cut could take back is not filled. */
static int
file_sync(const char *path, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return durable_errno(e, errno, "sync", path);
    return 0;
}

const struct virt_vol_seen *
apply_read_volume(struct task *t, struct virt *v, const char *id, struct err *e)
{
    struct reading *r = task_reading(t);
    size_t before = r->n_vols;

    if (reading_vol(r, v, id, e) < 0)
        return NULL;
    if (r->n_vols == before) {
        (void)err_set(e, BY_E_IO, "volume %s was made but is not there", id);
        return NULL;
    }
    return &r->vols[before];
}

static int
make_volume(struct task *t, struct virt *v, const struct virt_vol_spec *s, uint64_t *bytes,
            struct err *e)
{
    const struct virt_vol_seen *seen;

    if (v->ops->vol->create(v, s, e) < 0)
        return -1;
    seen = apply_read_volume(t, v, s->id, e);
    if (seen == NULL)
        return -1;
    *bytes = seen->capacity_bytes;
    return seen->path != NULL ? file_sync(seen->path, e) : 0;
}

int
apply_vol_create(struct task *t, struct virt *v, struct err *e)
{
    const struct w_volume_spec *o = &t->order.volume;
    struct virt_vol_spec s = {.format = (enum w_format)o->format, .size_bytes = o->size_bytes};

    (void)snprintf(s.id, sizeof(s.id), "%s", o->id);
    if (make_volume(t, v, &s, &t->facts.fill_bytes, e) < 0)
        return err_wrap(e, "volume %s", o->name);
    t->facts.fill = FILL_DONE;
    t->facts_changed = true;
    return 0;
}

int
apply_vm_grow(struct task *t, struct virt *v, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;

    if (v->ops->vol->grow(v, vm->root_volume, vm->root_bytes, e) < 0 ||
        apply_read_volume(t, v, vm->root_volume, e) == NULL)
        return err_wrap(e, "root disk of %s", vm->name);
    return 0;
}

int
apply_vol_grow(struct task *t, struct virt *v, struct err *e)
{
    const struct w_volume_spec *o = &t->order.volume;

    if (v->ops->vol->grow(v, o->id, o->size_bytes, e) < 0 ||
        apply_read_volume(t, v, o->id, e) == NULL)
        return err_wrap(e, "volume %s", o->name);
    return 0;
}

static int
make_root(struct task *t, struct virt *v, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;
    struct virt_vol_spec s = {.format = FMT_QCOW2, .size_bytes = vm->root_bytes};
    struct image img;

    if (image_find(t->image_dir, vm->image, t->image_cache, &img, e) < 0) {
        t->wants_image = e->code == BY_E_NOT_FOUND;
        return t->wants_image ? fetch_want(t->ag->fetch, vm->image, e) : -1;
    }
    if (img.virtual_bytes > vm->root_bytes)
        return err_set(e, BY_E_INVALID, "the image needs %llu bytes, the root disk has %llu",
                       (unsigned long long)img.virtual_bytes, (unsigned long long)vm->root_bytes);
    (void)snprintf(s.id, sizeof(s.id), "%s", vm->root_volume);
    s.backing_path = img.path;
    if (make_volume(t, v, &s, &t->facts.root_bytes, e) < 0)
        return -1;
    t->facts.root_fill = FILL_DONE;
    t->facts_changed = true;
    return 0;
}

static int
make_seed(struct task *t, struct virt *v, struct err *e)
{
    const struct w_vm_spec *vm = &t->order.vm;
    struct virt_vol_spec s = {.format = FMT_RAW};
    SCOPED(fd) int fd = -1;
    char path[SEED_PATH_MAX];

    if (seed_memfd(vm, &fd, path, e) < 0 ||
        digest_file_sha256_hex(path, t->facts.seed_sha256, e) < 0)
        return -1;
    (void)snprintf(s.id, sizeof(s.id), "%s", vm->seed_volume);
    s.content_path = path;
    if (make_volume(t, v, &s, &t->facts.seed_bytes, e) < 0)
        return -1;
    t->facts.seed_fill = FILL_DONE;
    t->facts_changed = true;
    return 0;
}

int
apply_vm_root(struct task *t, struct virt *v, struct err *e)
{
    if (t->facts.root_fill != FILL_DONE && make_root(t, v, e) < 0)
        return err_wrap(e, "root disk of %s", t->order.vm.name);
    if (t->facts.seed_fill != FILL_DONE && make_seed(t, v, e) < 0)
        return err_wrap(e, "seed of %s", t->order.vm.name);
    return 0;
}

/* ---- machines ---- */

static struct virt_dom_spec
vm_spec(struct task *t)
{
    const struct w_vm_spec *vm = &t->order.vm;
    const char **disks = arena_alloc(&t->a, (vm->disks.n + 1) * sizeof(*disks));
    struct virt_dom_spec s = {.vm = vm, .mark = mark_of(&t->order), .disk_paths = disks};

    for (size_t i = 0; i < vm->disks.n; i++)
        disks[i] = arena_printf(&t->a, "%s/by-%s", t->pool_path,
                                JM_ITEM(vm->disks, struct w_vm_disk, i)->volume);
    s.root_path = arena_printf(&t->a, "%s/by-%s", t->pool_path, vm->root_volume);
    s.seed_path = arena_printf(&t->a, "%s/by-%s", t->pool_path, vm->seed_volume);
    s.serial_log = t->serial_log;
    s.segment_nics = t->segment_nics;
    return s;
}

/* Without reading back: what follows in the same task does. */
static int
vm_define_only(struct task *t, struct virt *v, struct err *e)
{
    struct virt_dom_spec s = vm_spec(t);

    if (v->ops->dom->define(v, &s, e) < 0)
        return err_wrap(e, "define %s", t->order.vm.name);
    return 0;
}

/* Add to the running guest, then let its definition and its mark say so: killed in between, the
 * guest is equal and only the definition is left to do. */
static int
vm_live(struct task *t, struct virt *v, struct err *e)
{
    struct virt_dom_spec s = vm_spec(t);

    if (v->ops->live->vcpus(v, &s, e) < 0 || v->ops->live->memory(v, &s, e) < 0 ||
        v->ops->live->disks(v, &s, e) < 0)
        return err_wrap(e, "grow %s while it runs", t->order.vm.name);
    return vm_define_only(t, v, e) < 0 ? -1 : reading_dom(task_reading(t), v, t->id, e);
}

static int
vm_define(struct task *t, struct virt *v, struct err *e)
{
    return vm_define_only(t, v, e) < 0 ? -1 : reading_dom(task_reading(t), v, t->id, e);
}

/* Looked at once more right before: what was read a while ago may have changed. */
static int
vm_adopt(struct task *t, struct virt *v, struct err *e)
{
    struct virt_mark m = mark_of(&t->order);
    struct virt_dom_seen d;
    const char *why;
    bool later;

    if (v->ops->dom->get(v, t->id, &t->a, &d, e) < 0)
        return err_wrap(e, "take over %s", t->order.vm.name);
    why = d.ours ? NULL : adopt_obstacle(&t->order.vm.adopt, d.found, &t->a, &later);
    if (why != NULL)
        return err_set(e, later ? BY_E_BUSY : BY_E_CONFLICT, "%s is left alone: %s",
                       t->order.vm.name, why);
    if (v->ops->dom->adopt(v, t->id, &m, e) < 0)
        return err_wrap(e, "take over %s", t->order.vm.name);
    return reading_dom(task_reading(t), v, t->id, e);
}

/* Read right before: somebody may have defined another machine in its place by hand. */
static int
vm_is_ours(struct task *t, struct virt *v, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct virt_dom_seen seen;

    if (v->ops->dom->get(v, t->id, &a, &seen, e) < 0)
        return -1;
    if (!seen.ours)
        return err_set(e, BY_E_CONFLICT,
                       "%s: a machine without our mark has its id now, so it is not touched",
                       t->order.vm.name);
    return 0;
}

static int
vm_start(struct task *t, struct virt *v, struct err *e)
{
    if (v->ops->dom->start(v, t->id, e) < 0)
        return err_wrap(e, "start %s", t->order.vm.name);
    return reading_dom(task_reading(t), v, t->id, e);
}

static int
vm_resume(struct task *t, struct virt *v, struct err *e)
{
    if (v->ops->dom->resume(v, t->id, e) < 0)
        return err_wrap(e, "resume %s", t->order.vm.name);
    return reading_dom(task_reading(t), v, t->id, e);
}

static int
vm_shutdown(struct task *t, struct virt *v, struct err *e)
{
    if (v->ops->dom->shutdown(v, t->id, e) < 0)
        return err_wrap(e, "ask %s to stop", t->order.vm.name);
    return reading_dom(task_reading(t), v, t->id, e);
}

static int
vm_destroy(struct task *t, struct virt *v, struct err *e)
{
    if (v->ops->dom->destroy(v, t->id, e) < 0)
        return err_wrap(e, "stop %s", t->order.vm.name);
    return reading_dom(task_reading(t), v, t->id, e);
}

/* ---- what each action is made of ---- */

#define PHASES(name, ...) static const struct task_phase name##_phases[] = {__VA_ARGS__, {0}}
PHASES(net_define, {.call = CALL_NET_DEFINE, .run = net_define});
PHASES(net_start, {.call = CALL_NET_START, .run = net_start});
PHASES(net_hosts, {.call = CALL_NET_HOSTS, .run = net_hosts});
PHASES(net_segment, {.call = CALL_NET_SEGMENT, .run = net_segment});
PHASES(net_remove, {.call = CALL_NET_REMOVE, .run = net_remove, .after = net_gone});
PHASES(vol_create, {.call = CALL_VOL_CREATE, .run = apply_vol_create});
PHASES(vol_grow, {.call = CALL_VOL_GROW, .run = apply_vol_grow});
PHASES(vm_grow, {.call = CALL_VM_GROW, .run = apply_vm_grow});
PHASES(vm_live, {.call = CALL_VM_LIVE, .run = vm_live});
PHASES(vm_root, {.call = CALL_VM_ROOT, .run = apply_vm_root});
PHASES(vm_define, {.call = CALL_VM_DEFINE, .run = vm_define});
PHASES(vm_make, {.call = CALL_VM_DEFINE, .run = vm_define_only},
       {.call = CALL_VM_START, .run = vm_start});
PHASES(vm_adopt, {.call = CALL_VM_ADOPT, .run = vm_adopt});
PHASES(vm_start, {.call = CALL_VM_LOOK, .run = vm_is_ours},
       {.call = CALL_VM_START, .run = vm_start});
PHASES(vm_resume, {.call = CALL_VM_LOOK, .run = vm_is_ours},
       {.call = CALL_VM_RESUME, .run = vm_resume});
PHASES(vm_shutdown, {.call = CALL_VM_LOOK, .run = vm_is_ours},
       {.call = CALL_VM_SHUTDOWN, .run = vm_shutdown});
PHASES(vm_destroy, {.call = CALL_VM_LOOK, .run = vm_is_ours},
       {.call = CALL_VM_DESTROY, .run = vm_destroy});

static const struct task_phase *
phases_of(enum rec_op op)
{
    switch (op) {
    case REC_NET_DEFINE:
        return net_define_phases;
    case REC_NET_START:
        return net_start_phases;
    case REC_NET_HOSTS:
        return net_hosts_phases;
    case REC_NET_SEGMENT:
        return net_segment_phases;
    case REC_NET_REMOVE:
        return net_remove_phases;
    case REC_VOL_CREATE:
        return vol_create_phases;
    case REC_VOL_GROW:
        return vol_grow_phases;
    case REC_VM_ROOT:
        return vm_root_phases;
    case REC_VM_GROW:
        return vm_grow_phases;
    case REC_VM_LIVE:
        return vm_live_phases;
    case REC_VM_DEFINE:
        return vm_define_phases;
    case REC_VM_START:
        return vm_start_phases;
    case REC_VM_RESUME:
        return vm_resume_phases;
    case REC_VM_ADOPT:
        return vm_adopt_phases;
    case REC_VM_SHUTDOWN:
        return vm_shutdown_phases;
    case REC_VM_DESTROY:
        return vm_destroy_phases;
    case REC_VOL_REMAKE:
    case REC_VM_REMAKE:
        return erase_remake_phases();
    case REC_ERASE:
        return erase_phases();
    case REC_BIN:
    case REC_UNBIN:
    case REC_NONE:
    case REC_OP__MAX:
        break;
    }
    return NULL;
}

/* Half-made disks that are not even there need no overwriting. */
static enum rec_op
shorten(const struct agent *ag, enum rec_op op, const struct receipt *t)
{
    const struct w_vm_spec *vm = &t->order.vm;
    struct receipt_facts f = facts_current(ag, t);
    bool root = f.root_fill == FILL_FILLING && world_vol(ag->world, vm->root_volume) != NULL;
    bool seed = f.seed_fill == FILL_FILLING && world_vol(ag->world, vm->seed_volume) != NULL;

    return op == REC_VM_REMAKE && !root && !seed ? REC_VM_ROOT : op;
}

/* Facts that must be durable before the first call of an action. */
static void
facts_before(struct agent *ag, enum rec_op op, const struct receipt *t, struct receipt_facts *f)
{
    switch (op) {
    case REC_BIN:
        f->binned_at_ms = clock_wall_ms();
        f->binned_elapsed_ms = 0;
        f->binned_mono_ms = clock_mono_ms();
        (void)snprintf(f->binned_boot, sizeof(f->binned_boot), "%s", ag->host.boot);
        break;
    case REC_UNBIN:
        f->binned_at_ms = f->binned_elapsed_ms = f->binned_mono_ms = 0;
        f->binned_boot[0] = '\0';
        break;
    case REC_VOL_CREATE:
        f->fill = FILL_FILLING;
        break;
    case REC_VM_ROOT:
        f->root_fill = f->root_fill == FILL_DONE ? FILL_DONE : FILL_FILLING;
        f->seed_fill = f->seed_fill == FILL_DONE ? FILL_DONE : FILL_FILLING;
        break;
    case REC_VM_SHUTDOWN:
        f->stop_asked_ms = clock_wall_ms();
        f->stop_generation = t->order.generation;
        break;
    case REC_VM_START:
        f->stop_asked_ms = 0;
        f->stop_generation = 0;
        break;
    case REC_ERASE:
        f->erase_begun = true;
        break;
    case REC_NONE:
    case REC_NET_DEFINE:
    case REC_NET_START:
    case REC_NET_HOSTS:
    case REC_NET_SEGMENT:
    case REC_NET_REMOVE:
    case REC_VOL_REMAKE:
    case REC_VOL_GROW:
    case REC_VM_REMAKE:
    case REC_VM_GROW:
    case REC_VM_LIVE:
    case REC_VM_DEFINE:
    case REC_VM_RESUME:
    case REC_VM_DESTROY:
    case REC_VM_ADOPT:
    case REC_OP__MAX:
        break;
    }
}

static bool
facts_equal(const struct receipt_facts *a, const struct receipt_facts *b)
{
    return a->fill == b->fill && a->root_fill == b->root_fill && a->seed_fill == b->seed_fill &&
           a->stop_asked_ms == b->stop_asked_ms && a->stop_generation == b->stop_generation &&
           a->binned_at_ms == b->binned_at_ms && a->erase_begun == b->erase_begun;
}

/* Cards on networks that are parts of segments. */
static uint32_t
segment_nics(const struct agent *ag, const struct w_vm_spec *vm)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < vm->nics.n; i++) {
        if (facts_is_segment(ag, JM_ITEM(vm->nics, struct w_nic, i)->network))
            bits |= UINT32_C(1) << i;
    }
    return bits;
}

/* A disk in use is grown by its guest's own QEMU, so by its own host. */
static bool
is_in_use(const struct agent *ag, const struct receipt *r)
{
    const char *id = r->order.kind == RES_VM ? r->order.vm.root_volume : r->id;

    for (size_t i = 0; i < world_doms(ag->world); i++) {
        const struct virt_dom_seen *d = world_dom_at(ag->world, i);

        for (size_t k = 0; d != NULL && d->has_live && k < d->live.n_disks; k++) {
            const char *named = world_volume_id(d->live.disks[k].path);

            if (named != NULL && strcmp(named, id) == 0)
                return true;
        }
    }
    return false;
}

/* In a shared pool volumes are the steward's to touch: this agent's, if it is the one. */
static const struct task_phase *
phases_shared(const struct agent *ag, enum rec_op op, const struct receipt *r)
{
    const struct task_phase *asked = shared_acts(ag->shared) ? NULL : ask_phases(op, &r->order);

    return (op == REC_VOL_GROW || op == REC_VM_GROW) && is_in_use(ag, r) ? NULL : asked;
}

/* What the task needs of a shared pool; it holds the steward's lock while it is at work. */
static void
task_share(struct agent *ag, struct task *t, const struct receipt *r, bool asking)
{
    t->asking = asking;
    t->acting = shared_is_on(ag->shared) && shared_acts(ag->shared);
    if (t->acting)
        ag->shared->acting++;
    if (!asking)
        return;
    t->steward_name = arena_strdup(&t->a, shared_steward_name(ag->shared));
    t->envelope = arena_strdup(&t->a, r->envelope);
}

int
apply_begin(struct agent *ag, const struct rec_action *act, const struct receipt *r, struct err *e)
{
    enum rec_op op = shorten(ag, act->op, r);
    struct receipt_facts f = facts_current(ag, r);
    const struct task_phase *asked = phases_shared(ag, op, r);
    const struct task_phase *phases = asked != NULL ? asked : phases_of(op);
    struct task *t;

    /* What is not there and should run is waiting for nothing else: one reading serves both. */
    if (op == REC_VM_DEFINE && r->order.wanted == WANT_RUNNING &&
        world_dom(ag->world, r->id) == NULL)
        phases = vm_make_phases;
    facts_before(ag, op, r, &f);
    log_info("action", "op=%s resource=%s generation=%llu reason=" LOG_Q, rec_op_name(op), r->id,
             (unsigned long long)r->order.generation, act->reason);
    if (phases == NULL) { /* only a fact of ours */
        receipts_stage_facts(ag->receipts, r->id, &f);
        ag->dirty = true;
        return 0;
    }
    t = task_new(ag, op, r, phases, e);
    if (t == NULL)
        return -1;
    task_share(ag, t, r, asked != NULL);
    if (op == REC_NET_DEFINE || op == REC_NET_HOSTS)
        facts_net_hosts(ag->receipts, r->id, &t->a, &t->hosts, &t->n_hosts);
    t->segment_nics = segment_nics(ag, &r->order.vm);
    if (!facts_equal(&f, &r->facts)) {
        const char *erasure = t->facts.erasure;

        t->facts = f;
        t->facts.erasure = erasure;
        task_stage(t);
    }
    t->next = ag->ready;
    ag->ready = t;
    return 0;
}
