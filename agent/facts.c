#include "agent/facts.h"

#include <stdio.h>
#include <string.h>

#include "drivers/codec/adoptwire.h"
#include "drivers/codec/netpart.h"
#include "policies/recindex.h"

/* Disks of a machine beside its data volumes: root and seed. */
enum { OWN_DISKS = 2 };

enum mo_wanted
facts_wanted(int w)
{
    switch ((enum w_wanted)w) {
    case WANT_RUNNING:
        return MO_RUNNING;
    case WANT_STOPPED:
        return MO_STOPPED;
    case WANT_BINNED:
        return MO_BINNED;
    case WANT_ABSENT:
        return MO_ABSENT;
    case WANT_PRESENT:
    case WANT_NONE:
    case WANT__MAX:
        break;
    }
    return MO_PRESENT;
}

enum mo_kind
facts_kind(int k)
{
    return k == RES_VM ? MO_VM : k == RES_VOLUME ? MO_VOLUME : MO_NETWORK;
}

static enum mo_fill
fill_of(int f)
{
    return f == FILL_DONE ? MO_FILL_DONE : f == FILL_FILLING ? MO_FILL_FILLING : MO_FILL_NONE;
}

static enum mo_power
power_of(enum virt_state s)
{
    switch (s) {
    case VIRT_RUNNING:
        return MO_PW_RUNNING;
    case VIRT_PAUSED:
        return MO_PW_PAUSED;
    case VIRT_SHUTOFF:
        return MO_PW_OFF;
    case VIRT_CRASHED:
        return MO_PW_CRASHED;
    case VIRT_UNKNOWN:
    case VIRT_STATE__MAX:
        break;
    }
    return MO_PW_UNKNOWN;
}

struct receipt_facts
facts_current(const struct agent *ag, const struct receipt *t)
{
    const struct track *k = track_find(&ag->tracks, t->id);
    struct receipt_facts f = t->facts;

    f.seen_once = f.seen_once || (k != NULL && k->seen_once);
    f.told = f.told || (k != NULL && k->told);
    return f;
}

bool
facts_is_held(const struct agent *ag, const char *id, int64_t wall_ms)
{
    for (size_t i = 0; i < ag->holds.n; i++) {
        const struct w_hold *h = JM_ITEM(ag->holds, struct w_hold, i);

        if (h->until_ms > wall_ms && (h->resource[0] == '\0' || strcmp(h->resource, id) == 0))
            return true;
    }
    return false;
}

static void
want_vm(const struct w_vm_spec *vm, struct arena *a, struct rec_want *w)
{
    const char **vols = arena_alloc(a, (vm->disks.n + 1) * sizeof(*vols));
    const char **nets = arena_alloc(a, (vm->nics.n + 1) * sizeof(*nets));

    for (size_t i = 0; i < vm->disks.n; i++)
        vols[i] = JM_ITEM(vm->disks, struct w_vm_disk, i)->volume;
    for (size_t i = 0; i < vm->nics.n; i++)
        nets[i] = JM_ITEM(vm->nics, struct w_nic, i)->network;
    w->vcpus = vm->vcpus;
    w->mem_mib = vm->mem_mib;
    w->bytes = vm->root_bytes;
    w->existing = vm->adopt.id[0] != '\0';
    w->root = w->existing ? NULL : vm->root_volume;
    w->seed = w->existing ? NULL : vm->seed_volume;
    w->volumes = vols;
    w->n_volumes = vm->disks.n;
    w->networks = nets;
    w->n_networks = vm->nics.n;
}

/* A machine that was there and carries no mark yet: why it may not be marked now. */
static const char *
obstacle_of(const struct agent *ag, const struct receipt *t, struct arena *a)
{
    const struct virt_dom_seen *d = world_dom(ag->world, t->id);

    if (t->order.vm.adopt.id[0] == '\0' || d == NULL || d->ours)
        return NULL;
    return adopt_obstacle(&t->order.vm.adopt, d->found, a, NULL);
}

/* Time of this host's own clock that a retry waits for, as wall time. */
static int64_t
retry_wall(const struct track *k, int64_t wall_ms, int64_t mono_ms)
{
    if (k == NULL || k->retry_mono_ms <= mono_ms)
        return 0;
    return wall_ms + (k->retry_mono_ms - mono_ms);
}

/* A change by the unit restarts a guest only when and if that was agreed; other verbs that change
 * sizes may at once.  A start may when it overtook one of them that was not carried out (act.c). */
static void
want_restart(const struct w_order *o, struct rec_want *w)
{
    bool by_unit = o->verb == VERB_RESIZE || o->verb == VERB_CHANGE;
    bool owed = o->verb == VERB_POWER && o->restart_from_ms != 0;

    w->may_restart = by_unit || owed || o->verb == VERB_DOWNGRADE || o->verb == VERB_RESTORE;
    if (by_unit || owed)
        w->restart_from_ms = o->restart_from_ms != 0 ? o->restart_from_ms : REC_NO_RESTART;
}

/* libvirt's network may be gone and its part not.  What cannot be read is not gone, where an order
 * named a segment; after it was read back gone once, only what is seen counts. */
static bool
segment_left(const struct agent *ag, const struct receipt *t, bool gone)
{
    bool known;
    size_t n;

    (void)world_segments(ag->world, &n, &known);
    if (!known)
        return !gone && t->order.network.vni != 0;
    return world_segment(ag->world, t->order.network.bridge) != NULL;
}

static void
want_build(const struct agent *ag, const struct receipt *t, int64_t wall_ms, int64_t mono_ms,
           struct arena *a, struct rec_want *w)
{
    const struct track *k = track_find(&ag->tracks, t->id);
    struct receipt_facts f = facts_current(ag, t);
    int64_t binned = receipt_binned_ms(&f, wall_ms, mono_ms, ag->host.boot);

    w->id = t->id;
    w->kind = facts_kind(t->order.kind);
    w->wanted = facts_wanted(t->order.wanted);
    w->system = t->order.system;
    w->term = t->order.term;
    w->generation = t->order.generation;
    w->wanted_now = k == NULL || !k->out_of_set;
    w->held = facts_is_held(ag, t->id, wall_ms);
    w->quarantined = workers_quarantined(ag->calls, t->id);
    want_restart(&t->order, w);
    w->live_failed = k != NULL && k->live_failed == t->order.generation;
    w->seen_once = f.seen_once;
    w->restated = f.restated;
    w->root_fill = fill_of(f.root_fill);
    w->seed_fill = fill_of(f.seed_fill);
    w->fill = fill_of(f.fill);
    /* By the smaller of two clocks: a jump never shortens the hold. */
    w->binned_at_ms = binned < 0 ? 0 : wall_ms > binned ? wall_ms - binned : 1;
    w->hold_ms = t->hold_ms;
    w->not_before_ms = t->not_before_ms;
    w->erase_begun = f.erase_begun;
    w->erased = f.absent; /* signed for, unlinked and read back: before that there is work left */
    w->stop_asked_ms = f.stop_generation == t->order.generation ? f.stop_asked_ms : 0;
    w->retry_at_ms = retry_wall(k, wall_ms, mono_ms);
    if (t->order.kind == RES_VM)
        want_vm(&t->order.vm, a, w);
    w->segment_left = t->order.kind == RES_NETWORK && segment_left(ag, t, f.absent);
    w->obstacle = obstacle_of(ag, t, a);
    if (t->order.kind == RES_VOLUME)
        w->bytes = t->order.volume.size_bytes;
}

/* ---- what is ---- */

static bool
has_disk(const struct virt_dom_def *d, const char *volume)
{
    for (size_t i = 0; i < d->n_disks; i++) {
        const char *id = world_volume_id(d->disks[i].path);

        if (id != NULL && strcmp(id, volume) == 0)
            return true;
    }
    return false;
}

static bool
has_nic(const struct virt_dom_def *d, const struct w_nic *nic)
{
    for (size_t i = 0; i < d->n_nics; i++)
        if (strcmp(d->nics[i].mac, nic->mac) == 0 && strcmp(d->nics[i].network, nic->network) == 0)
            return true;
    return false;
}

bool
facts_is_segment(const struct agent *ag, const char *network)
{
    const struct receipt *net = receipts_find(ag->receipts, network);

    return net != NULL && net->order.kind == RES_NETWORK && net->order.network.vni != 0;
}

/* Cards on parts of segments are defined with what a segment carries, for the next start. */
static bool
mtu_is_defined(const struct agent *ag, const struct virt_dom_def *d)
{
    for (size_t i = 0; i < d->n_nics; i++)
        if (d->nics[i].mtu != SEGMENT_MTU && d->nics[i].network[0] != '\0' &&
            facts_is_segment(ag, d->nics[i].network))
            return false;
    return true;
}

static bool
has_path(const struct virt_dom_def *d, const char *path)
{
    for (size_t i = 0; i < d->n_disks; i++)
        if (path != NULL && d->disks[i].path != NULL && strcmp(d->disks[i].path, path) == 0)
            return true;
    return false;
}

/* Its own disks are where they were; CDs and cards are its unit's matter. */
static bool
existing_parts_equal(const struct virt_dom_def *d, const struct w_adoption *p)
{
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct w_found_disk *f = JM_ITEM(p->disks, struct w_found_disk, i);

        if (!f->shared && f->path != NULL && f->path[0] == '/' && !has_path(d, f->path))
            return false;
    }
    return true;
}

static bool
parts_equal(const struct virt_dom_def *d, const struct w_vm_spec *vm)
{
    if (vm->adopt.id[0] != '\0')
        return existing_parts_equal(d, &vm->adopt);
    if (d->n_disks != vm->disks.n + OWN_DISKS || d->n_nics != vm->nics.n ||
        !has_disk(d, vm->root_volume) || !has_disk(d, vm->seed_volume))
        return false;
    for (size_t i = 0; i < vm->disks.n; i++)
        if (!has_disk(d, JM_ITEM(vm->disks, struct w_vm_disk, i)->volume))
            return false;
    for (size_t i = 0; i < vm->nics.n; i++)
        if (!has_nic(d, JM_ITEM(vm->nics, struct w_nic, i)))
            return false;
    return true;
}

/* The running guest has nothing that the order does not name, and lacks only data volumes. */
static bool
parts_lack(const struct virt_dom_def *d, const struct w_vm_spec *vm)
{
    size_t have = 0;

    if (d->n_nics != vm->nics.n || !has_disk(d, vm->root_volume) || !has_disk(d, vm->seed_volume))
        return false;
    for (size_t i = 0; i < vm->nics.n; i++)
        if (!has_nic(d, JM_ITEM(vm->nics, struct w_nic, i)))
            return false;
    for (size_t i = 0; i < vm->disks.n; i++)
        have += has_disk(d, JM_ITEM(vm->disks, struct w_vm_disk, i)->volume);
    return have < vm->disks.n && d->n_disks == have + OWN_DISKS;
}

static void
names_of(const struct virt_dom_def *d, const char **vols, size_t *n_vols, const char **nets,
         size_t *n_nets)
{
    for (size_t i = 0; i < d->n_disks; i++) {
        const char *id = world_volume_id(d->disks[i].path);

        if (id != NULL)
            vols[(*n_vols)++] = id;
    }
    for (size_t i = 0; i < d->n_nics; i++)
        if (d->nics[i].network[0] != '\0')
            nets[(*n_nets)++] = d->nics[i].network;
}

static void
dom_build(const struct agent *ag, const struct virt_dom_seen *d, struct arena *a,
          struct rec_dom *out)
{
    const struct receipt *t = receipts_find(ag->receipts, d->id);
    const struct virt_dom_def *live = d->has_live ? &d->live : &d->config;
    size_t disks = d->config.n_disks + d->live.n_disks + 1, nics = d->config.n_nics;
    const char **vols = arena_alloc(a, disks * sizeof(*vols));
    const char **nets = arena_alloc(a, (nics + d->live.n_nics + 1) * sizeof(*nets));

    out->id = d->id;
    out->ours = d->ours;
    out->power = power_of(d->state);
    out->no_space = d->no_space;
    out->term = d->mark.term;
    out->generation = d->mark.generation;
    out->vcpus = d->config.vcpus;
    out->mem_mib = d->config.mem_mib;
    out->live_vcpus = live->vcpus;
    out->live_mem_mib = live->mem_mib;
    out->live_vcpus_max = live->vcpus_max;
    out->live_mem_max_mib = live->mem_max_mib;
    out->defined = d->persistent;
    if (t != NULL && t->order.kind == RES_VM) {
        out->parts_equal = parts_equal(&d->config, &t->order.vm) &&
                           (t->order.vm.adopt.id[0] != '\0' || mtu_is_defined(ag, &d->config));
        out->live_parts_equal = parts_equal(live, &t->order.vm);
        out->live_parts_lack = parts_lack(live, &t->order.vm);
    }
    names_of(&d->config, vols, &out->n_volumes, nets, &out->n_networks);
    if (d->has_live)
        names_of(&d->live, vols, &out->n_volumes, nets, &out->n_networks);
    out->volumes = vols;
    out->networks = nets;
}

/* A machine keeps its address until it is erased. */
static bool
keeps_address(const struct receipt *t)
{
    return t->order.kind == RES_VM && t->order.wanted != WANT_ABSENT;
}

void
facts_net_hosts(const struct receipts *r, const char *network, struct arena *a,
                const struct virt_net_host **out, size_t *n)
{
    size_t cap = 0, have = 0;
    struct virt_net_host *v;

    for (size_t i = 0; i < receipts_count(r); i++)
        cap += receipts_at(r, i)->order.vm.nics.n;
    v = arena_alloc(a, (cap + 1) * sizeof(*v));
    for (size_t i = 0; i < receipts_count(r); i++) {
        const struct receipt *t = receipts_at(r, i);

        for (size_t k = 0; keeps_address(t) && k < t->order.vm.nics.n; k++) {
            const struct w_nic *nic = JM_ITEM(t->order.vm.nics, struct w_nic, k);

            if (strcmp(nic->network, network) != 0)
                continue;
            (void)snprintf(v[have].mac, sizeof(v[have].mac), "%s", nic->mac);
            (void)snprintf(v[have].ip, sizeof(v[have].ip), "%s", nic->ip);
            (void)snprintf(v[have].name, sizeof(v[have].name), "%s", t->order.vm.hostname);
            have++;
        }
    }
    *out = v;
    *n = have;
}

static bool
hosts_equal(const struct agent *ag, const struct virt_net_seen *net, struct arena *a)
{
    const struct virt_net_host *want = NULL;
    size_t n = 0;

    facts_net_hosts(ag->receipts, net->id, a, &want, &n);
    for (size_t i = 0; i < n; i++) {
        bool there = false;

        for (size_t k = 0; k < net->n_hosts && !there; k++)
            there = strcmp(net->hosts[k].mac, want[i].mac) == 0 &&
                    strcmp(net->hosts[k].ip, want[i].ip) == 0;
        if (!there)
            return false;
    }
    return true;
}

/* What could not be read is not equal: doing it again says why. */
static bool
segment_off(const struct agent *ag, const struct virt_net_seen *net, struct arena *a)
{
    const struct receipt *t = receipts_find(ag->receipts, net->id);
    const struct segment_seen *seen = world_segment(ag->world, net->bridge);
    struct segment_spec spec;

    if (t == NULL || t->order.kind != RES_NETWORK || !net->active)
        return false;
    if (t->order.network.vni == 0)
        return seen != NULL;
    segment_spec_of(&t->order.network, ag->conf.underlay, a, &spec);
    return seen == NULL || !segment_is(seen, &spec);
}

/* A data volume's order names its format; a machine's own disks are judged by their machine. */
static bool
format_equal(const struct agent *ag, const char *id, const struct virt_vol_seen *v)
{
    const struct receipt *t = receipts_find(ag->receipts, id);
    int want;

    if (t == NULL || t->order.kind != RES_VOLUME)
        return true;
    want = t->order.volume.format;
    return v->format == (enum w_format)(want == FMT_NONE ? FMT_QCOW2 : want);
}

static void
objects_build(const struct agent *ag, struct arena *a, struct rec_world *out)
{
    const struct world *w = ag->world;
    struct rec_dom *doms = arena_alloc(a, (world_doms(w) + 1) * sizeof(*doms));
    struct rec_vol *vols = arena_alloc(a, (world_vols(w) + 1) * sizeof(*vols));
    struct rec_net *nets = arena_alloc(a, (world_nets(w) + 1) * sizeof(*nets));

    for (size_t i = 0; i < world_doms(w); i++)
        if (world_dom_at(w, i) != NULL)
            dom_build(ag, world_dom_at(w, i), a, &doms[out->n_doms++]);
    for (size_t i = 0; i < world_vols(w); i++) {
        const struct virt_vol_seen *v = world_vol_at(w, i);
        const char *id = v != NULL ? world_volume_id(v->name) : NULL;

        if (id != NULL)
            vols[out->n_vols++] = (struct rec_vol){.id = id,
                                                   .capacity_bytes = v->capacity_bytes,
                                                   .format_equal = format_equal(ag, id, v)};
    }
    for (size_t i = 0; i < world_nets(w); i++) {
        const struct virt_net_seen *n = world_net_at(w, i);

        if (n != NULL)
            nets[out->n_nets++] = (struct rec_net){.id = n->id,
                                                   .ours = n->ours,
                                                   .active = n->active,
                                                   .term = n->mark.term,
                                                   .generation = n->mark.generation,
                                                   .hosts_equal = hosts_equal(ag, n, a),
                                                   .segment_off = segment_off(ag, n, a)};
    }
    out->doms = doms;
    out->vols = vols;
    out->nets = nets;
}

bool
facts_observed_ok(const struct agent *ag, int64_t mono_ms, char *why, size_t size)
{
    struct workers_state s;

    workers_state(ag->calls, &s);
    if (!s.usable) {
        (void)snprintf(why, size, "%s", s.reason);
        return false;
    }
    if (ag->observe_err.code != BY_E_OK) {
        (void)snprintf(why, size, "libvirt did not answer: %s", ag->observe_err.msg);
        return false;
    }
    if (world_read_at(ag->world) == 0) {
        (void)snprintf(why, size, "libvirt has not answered yet");
        return false;
    }
    if (ag->observers > 0 && mono_ms - ag->observing_since_ms > ag->conf.call_deadline_ms) {
        (void)snprintf(why, size, "libvirt has not answered for %lld s",
                       (long long)((mono_ms - ag->observing_since_ms) / 1000));
        return false;
    }
    return true;
}

void
facts_index(struct rec_world *w, struct arena *a)
{
    struct rec_index *x = arena_alloc(a, sizeof(*x));

    recindex_count(w, x);
    x->entries = arena_alloc(a, (x->n_entries + 1) * sizeof(*x->entries));
    x->buckets = arena_alloc(a, x->n_buckets * sizeof(*x->buckets));
    recindex_fill(x, w);
}

void
facts_build(const struct agent *ag, int64_t wall_ms, int64_t mono_ms, struct arena *a,
            struct rec_world *out)
{
    size_t n = receipts_count(ag->receipts);
    struct rec_want *wants = arena_alloc(a, (n + 1) * sizeof(*wants));
    char why[16];

    memset(out, 0, sizeof(*out));
    out->observed_ok = facts_observed_ok(ag, mono_ms, why, sizeof(why));
    out->heard = ag->heard;
    out->clock_suspect = ag->clock_suspect;
    out->now_ms = wall_ms;
    out->stop_grace_ms = ag->conf.stop_grace_ms;
    if (world_pool(ag->world) != NULL)
        out->pool_free_bytes = world_pool(ag->world)->free_bytes;
    for (size_t i = 0; i < n; i++)
        want_build(ag, receipts_at(ag->receipts, i), wall_ms, mono_ms, a, &wants[i]);
    out->wants = wants;
    out->n_wants = n;
    objects_build(ag, a, out);
    facts_index(out, a);
}
