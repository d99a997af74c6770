#include "policies/reconcile.h"

#include <string.h>

#include "policies/recindex.h"
#include "policies/reclive.h"
#include "policies/reconcile_adopt.h"
#include "policies/reconcile_step.h"

/* A shutdown request older than this beyond its grace was forgotten, not ignored by the guest (the
 * agent was away): it is asked again rather than having its plug pulled. */
#define STOP_STALE_MS 600000

/* A guest that was paused on a full pool goes on when there is this much room: its next writes fit,
 * and it does not stop and go with every block that somebody frees. */
#define RESUME_ROOM_BYTES (256ULL << 20)

#define OTHER_DISKS                                                                                \
    "its disks are not those that it was taken over with: a person must look, nothing is done"

/* ---- looking things up ---- */

static bool
same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Below 0, 0 or above: how the mark (term, generation) stands to the order's. */
static int
mark_cmp(uint64_t term, uint64_t generation, const struct rec_want *want)
{
    if (term != want->term)
        return term < want->term ? -1 : 1;
    if (generation != want->generation)
        return generation < want->generation ? -1 : 1;
    return 0;
}

static const struct rec_want *
want_next(struct rec_find *f)
{
    size_t i;

    return recindex_next(f, &i) ? &f->w->wants[i] : NULL;
}

static const struct rec_dom *
dom_next(struct rec_find *f)
{
    size_t i;

    return recindex_next(f, &i) ? &f->w->doms[i] : NULL;
}

static bool
is_newest(const struct rec_world *w, const struct rec_want *want)
{
    struct rec_find f = recindex_find(w, REC_WANT, want->id);
    const struct rec_want *o;

    while ((o = want_next(&f)) != NULL)
        if (o->kind == want->kind && mark_cmp(o->term, o->generation, want) > 0)
            return false;
    return true;
}

static const struct rec_want *
want_find(const struct rec_world *w, enum mo_kind kind, const char *id)
{
    struct rec_find f = recindex_find(w, REC_WANT, id);
    const struct rec_want *o;

    while ((o = want_next(&f)) != NULL)
        if (o->kind == kind && is_newest(w, o))
            return o;
    return NULL;
}

static const struct rec_dom *
dom_find(const struct rec_world *w, const char *id)
{
    struct rec_find f = recindex_find(w, REC_DOM, id);

    return dom_next(&f);
}

static const struct rec_vol *
vol_find(const struct rec_world *w, const char *id)
{
    struct rec_find f = recindex_find(w, REC_VOL, id);
    size_t i;

    return recindex_next(&f, &i) ? &w->vols[i] : NULL;
}

static const struct rec_net *
net_find(const struct rec_world *w, const char *id)
{
    struct rec_find f = recindex_find(w, REC_NET, id);
    size_t i;

    return recindex_next(&f, &i) ? &w->nets[i] : NULL;
}

/* ---- who uses what ---- */

/* Not known to be off counts as running: unknown is not stopped. */
static bool
dom_is_up(const struct rec_dom *d)
{
    return d->power != MO_PW_OFF && d->power != MO_PW_CRASHED;
}

/* Which domains name it, other than the one with id `but` (NULL: none left out). */
struct users {
    bool any, up, ours, foreign;
};

static struct users
users_of(const struct rec_world *w, enum rec_named what, const char *id, const char *but)
{
    struct rec_find f = recindex_find(w, what, id);
    struct users u = {0};
    const struct rec_dom *d;

    while ((d = dom_next(&f)) != NULL) {
        if (same(d->id, but))
            continue;
        u.any = true;
        u.up = u.up || dom_is_up(d);
        u.ours = u.ours || d->ours;
        u.foreign = u.foreign || !d->ours;
    }
    return u;
}

static struct users
vol_users(const struct rec_world *w, const char *id, const char *but)
{
    return users_of(w, REC_VOL_DOM, id, but);
}

/* Why a machine's order keeps this volume from being overwritten, or NULL. */
static const char *
vol_kept_by_want(const struct rec_world *w, const char *id)
{
    struct rec_find f = recindex_find(w, REC_VOL_WANT, id);
    const struct rec_want *vm;

    while ((vm = want_next(&f)) != NULL) {
        if (vm->kind != MO_VM || vm->erased || !is_newest(w, vm))
            continue;
        if (vm->held)
            return "a machine that has it is under emergency hold";
        if (!vm->wanted_now)
            return "a machine that has it is unclaimed";
        if (vm->wanted == MO_RUNNING || vm->wanted == MO_STOPPED)
            return "a machine that is wanted still has it";
    }
    return NULL;
}

static bool
net_kept_by_want(const struct rec_world *w, const char *id)
{
    struct rec_find f = recindex_find(w, REC_NET_WANT, id);
    const struct rec_want *vm;

    while ((vm = want_next(&f)) != NULL)
        if (vm->kind == MO_VM && !vm->erased && is_newest(w, vm))
            return true;
    return false;
}

/* ---- steps that kinds share ---- */

/* Nothing of this order may be done at this moment, whatever it says. */
static bool
is_barred(const struct rec_world *w, const struct rec_want *want)
{
    return !w->observed_ok || !want->wanted_now || want->held || want->quarantined ||
           w->now_ms < want->retry_at_ms || !is_newest(w, want);
}

/* The last step of the staircase, or why not yet. The bin came before; this host keeps the hold by
 * its own receipt, whatever the controller says. */
static struct step
last_step(const struct rec_world *w, const struct rec_want *want, enum rec_op op)
{
    if (w->now_ms < want->binned_at_ms || w->now_ms - want->binned_at_ms < want->hold_ms)
        return rest(REC_SEEN_BINNED, "in the recycle bin until its hold has passed");
    if (!w->heard)
        return rest(REC_SEEN_BINNED, "its hold has passed; the controller and its emergency holds "
                                     "must be heard before what cannot be undone");
    if (w->clock_suspect)
        return rest(REC_SEEN_BINNED, "the clock jumped; whether its hold has passed is for a "
                                     "person to confirm");
    return act(op, REC_SEEN_BINNED, "wanted absent, and its hold has passed");
}

/* What was overwritten stays so: its id never comes back. */
static struct step
after_erasure(const struct rec_want *want, bool there)
{
    if (there)
        return rest(REC_SEEN_UNKNOWN,
                    "was overwritten and certified, yet there is one again: a person must look");
    if (want->wanted == MO_ABSENT)
        return settled(REC_SEEN_ABSENT);
    return rest(REC_SEEN_ABSENT, "was overwritten; it cannot come back under this id");
}

/* Half overwritten: neither what it was nor gone, so only the erasure may go on. */
static bool
is_spoilt(const struct rec_want *want)
{
    return want->erase_begun && want->wanted != MO_ABSENT;
}

/* What to report of a network or volume whose plan names a later time. */
static struct step
before_plan(const struct rec_want *want, bool there)
{
    enum rec_seen seen = there ? REC_SEEN_PRESENT : REC_SEEN_WORKING;

    return rest(there && want->binned_at_ms != 0 ? REC_SEEN_BINNED : seen,
                "its plan does not allow it yet");
}

static bool
is_taken(const struct rec_want *want)
{
    return want->wanted == MO_BINNED || want->wanted == MO_ABSENT;
}

/* ---- networks ---- */

static struct step
net_take(const struct rec_world *w, const struct rec_want *want, const struct rec_net *n)
{
    struct users u = users_of(w, REC_NET_DOM, want->id, NULL);

    if (n == NULL && !want->segment_left && want->wanted == MO_ABSENT)
        return settled(REC_SEEN_ABSENT);
    if (u.up)
        return rest(REC_SEEN_PRESENT, "a machine that is not off uses it");
    if (want->binned_at_ms == 0)
        return act(REC_BIN, n != NULL ? REC_SEEN_PRESENT : REC_SEEN_WORKING,
                   "wanted in the recycle bin: its hold starts");
    if (want->wanted == MO_BINNED)
        return settled(REC_SEEN_BINNED);
    if (u.any || net_kept_by_want(w, want->id))
        return rest(REC_SEEN_BINNED, "a machine that is not erased has a card on it");
    return last_step(w, want, REC_NET_REMOVE);
}

static struct step
net_keep(const struct rec_want *want, const struct rec_net *n)
{
    if (want->binned_at_ms != 0)
        return act(REC_UNBIN, REC_SEEN_BINNED, "wanted again: out of the recycle bin");
    if (n == NULL)
        return act(REC_NET_DEFINE, want->seen_once ? REC_SEEN_MISSING : REC_SEEN_WORKING,
                   want->seen_once ? "it was there and is gone: made again" : "to be made");
    if (mark_cmp(n->term, n->generation, want) < 0)
        return act(REC_NET_DEFINE, REC_SEEN_PRESENT, "follows an older order");
    if (!n->active)
        return act(REC_NET_START, REC_SEEN_PRESENT, "is not active");
    if (!n->hosts_equal)
        return act(REC_NET_HOSTS, REC_SEEN_PRESENT, "lacks a fixed address");
    if (n->segment_off)
        return act(REC_NET_SEGMENT, REC_SEEN_PRESENT, "its segment is not as ordered");
    return settled(REC_SEEN_PRESENT);
}

static struct step
net_step(const struct rec_world *w, const struct rec_want *want)
{
    const struct rec_net *n = net_find(w, want->id);

    if (n != NULL && !n->ours)
        return rest(REC_SEEN_FOREIGN, "a network with this UUID lacks our mark: left alone");
    if (want->erased && n == NULL && want->segment_left && want->wanted == MO_ABSENT)
        return act(REC_NET_REMOVE, REC_SEEN_UNKNOWN,
                   "its device or filters are there again: removed");
    if (want->erased)
        return after_erasure(want, n != NULL);
    if (n != NULL && mark_cmp(n->term, n->generation, want) > 0)
        return rest(REC_SEEN_PRESENT, "follows a newer order than this receipt: left alone until "
                                      "the controller restates its orders");
    if (w->now_ms < want->not_before_ms)
        return before_plan(want, n != NULL);
    if (is_taken(want))
        return net_take(w, want, n);
    if (want->wanted != MO_PRESENT)
        return rest(REC_SEEN_UNKNOWN, "a network has no power state: the order makes no sense");
    return net_keep(want, n);
}

/* ---- volumes ---- */

static struct step
vol_take(const struct rec_world *w, const struct rec_want *want, const struct rec_vol *v)
{
    struct users u = vol_users(w, want->id, NULL);
    const char *kept;

    if (u.up)
        return rest(REC_SEEN_PRESENT, "a machine that is not off uses it");
    if (want->binned_at_ms == 0)
        return act(REC_BIN, v != NULL ? REC_SEEN_PRESENT : REC_SEEN_WORKING,
                   "wanted in the recycle bin: its hold starts");
    if (want->wanted == MO_BINNED)
        return settled(REC_SEEN_BINNED);
    kept = vol_kept_by_want(w, want->id);
    if (kept != NULL)
        return rest(REC_SEEN_BINNED, kept);
    if (u.foreign)
        return rest(REC_SEEN_BINNED, "a domain without our mark names it: a person must look");
    return last_step(w, want, REC_ERASE);
}

/* After a loss: the controller had read it back as its order says. */
static bool
was_restated_made(const struct rec_want *want)
{
    return want->restated && want->seen_once;
}

/* Filled by receipt.  When receipts were lost, by proof: a domain of ours names it, and none is
 * defined before its disks are filled; or the restated order's own size and format are on the disk,
 * or at least its format where it was read back whole before.  A data volume begins empty, so one
 * of full size is either as new or a tenant's: both are kept as they are. */
static bool
vol_is_filled(const struct rec_world *w, const struct rec_want *want, const struct rec_vol *v)
{
    if (want->fill != MO_FILL_NONE)
        return want->fill == MO_FILL_DONE;
    if (vol_users(w, want->id, NULL).ours)
        return true;
    return want->restated && v->format_equal &&
           (want->seen_once || v->capacity_bytes == want->bytes);
}

/* Not there, or there without a receipt that says filled. */
static struct step
vol_unfilled(const struct rec_world *w, const struct rec_want *want, const struct rec_vol *v)
{
    struct users u = vol_users(w, want->id, NULL);

    if (v == NULL && (want->fill == MO_FILL_DONE || u.any || was_restated_made(want)))
        return rest(REC_SEEN_MISSING, "it was filled and is gone: nothing is made in its place");
    if (v == NULL)
        return act(REC_VOL_CREATE, REC_SEEN_WORKING, "to be made");
    if (want->fill == MO_FILL_FILLING && u.any)
        return rest(REC_SEEN_UNKNOWN,
                    "found half filled although a domain names it: a person must look");
    if (want->fill == MO_FILL_FILLING)
        return act(REC_VOL_REMAKE, REC_SEEN_WORKING, "found half filled and unused: made again");
    if (want->restated)
        return rest(REC_SEEN_UNKNOWN, v->format_equal
                                          ? "its receipt was lost, it was never read back whole, "
                                            "and it has another size than its order says: left "
                                            "alone, a person must look"
                                          : "its receipt was lost, and what is there has another "
                                            "format than its order says: left alone, a person "
                                            "must look");
    return rest(REC_SEEN_UNKNOWN, "there is one of this id, but no receipt says that it was "
                                  "filled: left alone");
}

static struct step
vol_keep(const struct rec_world *w, const struct rec_want *want, const struct rec_vol *v)
{
    struct users u;

    if (want->binned_at_ms != 0)
        return act(REC_UNBIN, REC_SEEN_BINNED, "wanted again: out of the recycle bin");
    if (v == NULL || !vol_is_filled(w, want, v))
        return vol_unfilled(w, want, v);
    if (v->capacity_bytes > want->bytes)
        return rest(REC_SEEN_PRESENT, "larger than its order: a volume is never cut");
    if (v->capacity_bytes == want->bytes)
        return settled(REC_SEEN_PRESENT);
    u = vol_users(w, want->id, NULL);
    if (u.up && u.foreign)
        return rest(REC_SEEN_PRESENT, "smaller than its order: grows when its machine is off");
    return act(REC_VOL_GROW, REC_SEEN_PRESENT, "smaller than its order");
}

static struct step
vol_step(const struct rec_world *w, const struct rec_want *want)
{
    const struct rec_vol *v = vol_find(w, want->id);

    if (want->erased)
        return after_erasure(want, v != NULL);
    if (w->now_ms < want->not_before_ms)
        return before_plan(want, v != NULL);
    if (is_taken(want))
        return vol_take(w, want, v);
    if (want->wanted != MO_PRESENT)
        return rest(REC_SEEN_UNKNOWN, "a volume has no power state: the order makes no sense");
    return vol_keep(w, want, v);
}

/* ---- machines ---- */

/* An order signed with a stolen key must not join two systems. */
static bool
is_of_another(const struct rec_want *vm, const struct rec_want *part)
{
    return vm->system != NULL && part != NULL && part->system != NULL &&
           !same(vm->system, part->system);
}

static const char *
net_wait(const struct rec_world *w, const struct rec_want *vm, const char *id)
{
    const struct rec_net *n = net_find(w, id);
    const struct rec_want *want = want_find(w, MO_NETWORK, id);

    if (is_of_another(vm, want))
        return "a network that it names belongs to another system: never joined";
    if (want != NULL && (is_taken(want) || want->binned_at_ms != 0))
        return "a network that it needs is in the recycle bin";
    if (n == NULL)
        return "waits for its network";
    if (!n->ours)
        return "the UUID of its network is used by one without our mark: a person must look";
    if (!n->active)
        return "waits for its network to be active";
    /* Two steps on one network side by side would disturb each other; but a definition that cannot
     * be brought up to date now must not keep a machine down. */
    if (want != NULL && mark_cmp(n->term, n->generation, want) < 0 && !is_barred(w, want) &&
        w->now_ms >= want->not_before_ms)
        return "waits for its network to follow its order";
    return n->hosts_equal ? NULL : "waits for its fixed address";
}

static const char *
vol_wait(const struct rec_world *w, const struct rec_want *vm, const char *id)
{
    const struct rec_vol *v = vol_find(w, id);
    const struct rec_want *want = want_find(w, MO_VOLUME, id);

    if (want == NULL)
        return "waits for the order of a volume that it needs";
    if (is_of_another(vm, want))
        return "a volume that it names belongs to another system: never attached";
    if (is_taken(want) || want->binned_at_ms != 0 || want->erased || want->erase_begun)
        return "a volume that it needs is in the recycle bin";
    if (v == NULL)
        return want->fill == MO_FILL_DONE ? "a volume that it needs is missing"
                                          : "waits for a volume that it needs";
    if (!vol_is_filled(w, want, v))
        return "waits for a volume that it needs to be filled";
    /* A growth that cannot happen now must not keep a machine down. */
    if (v->capacity_bytes < want->bytes && !is_barred(w, want) &&
        w->now_ms >= want->not_before_ms && !vol_users(w, id, NULL).up)
        return "waits for a volume that it needs to grow";
    return NULL;
}

/* What a machine still waits for before it can be defined and started, or NULL. */
static const char *
parts_wait(const struct rec_world *w, const struct rec_want *want)
{
    const char *why = NULL;

    for (size_t i = 0; i < want->n_networks && why == NULL; i++)
        why = net_wait(w, want, want->networks[i]);
    for (size_t i = 0; i < want->n_volumes && why == NULL; i++)
        why = vol_wait(w, want, want->volumes[i]);
    return why;
}

static bool
config_is_equal(const struct rec_dom *d, const struct rec_want *want)
{
    return d->defined && d->parts_equal && d->vcpus == want->vcpus && d->mem_mib == want->mem_mib;
}

static bool
live_is_equal(const struct rec_dom *d, const struct rec_want *want)
{
    return d->live_parts_equal && d->live_vcpus == want->vcpus && d->live_mem_mib == want->mem_mib;
}

/* Ask, wait, pull the plug.  A paused guest cannot answer, unless a person lets it run on in that
 * time. */
static struct step
stop_step(const struct rec_world *w, const struct rec_want *want, enum rec_seen seen)
{
    int64_t asked = want->stop_asked_ms;

    if (asked == 0 || asked > w->now_ms || w->now_ms - asked > w->stop_grace_ms + STOP_STALE_MS)
        return act(REC_VM_SHUTDOWN, seen, "its order stops it: the guest is asked");
    if (w->now_ms - asked < w->stop_grace_ms)
        return rest(seen, "was asked to stop: waiting for the guest");
    return act(REC_VM_DESTROY, seen, "did not stop in the time that it was given");
}

static bool
root_is_short(const struct rec_world *w, const struct rec_want *want)
{
    const struct rec_vol *root = vol_find(w, want->root);

    return root != NULL && root->capacity_bytes < want->bytes;
}

/* All is as the order says, if the root disk has its size: it grows, it is never cut. */
static struct step
vm_settled(const struct rec_world *w, const struct rec_want *want, enum rec_seen seen)
{
    const struct rec_vol *root = vol_find(w, want->root);

    if (root_is_short(w, want))
        return act(REC_VM_GROW, seen, "its root disk is smaller than its order says");
    if (root != NULL && want->bytes != 0 && root->capacity_bytes != want->bytes)
        return rest(seen, "its root disk has another size than its order says: a person must look");
    return settled(seen);
}

/* A running guest that follows an older order than one that may change it. */
static struct step
vm_reshape(const struct rec_world *w, const struct rec_want *want, const struct rec_dom *d,
           const char *wait)
{
    if (wait != NULL)
        return rest(REC_SEEN_RUNNING, wait);
    if (reclive_can(d, want))
        return act(REC_VM_LIVE, REC_SEEN_RUNNING, "grows while it runs");
    if (want->restart_from_ms == REC_NO_RESTART)
        return rest(REC_SEEN_RUNNING, "what its order changes needs a restart, and none was "
                                      "agreed: it takes effect when the machine next stops");
    if (w->now_ms < want->restart_from_ms)
        return rest(REC_SEEN_RUNNING, "restarts for its order at the time that was agreed");
    return stop_step(w, want, REC_SEEN_RUNNING);
}

/* A machine that runs and should. A guest is restarted only when the order may and the domain does
 * not follow it yet; and only when it could be started again. */
static struct step
vm_running(const struct rec_world *w, const struct rec_want *want, const struct rec_dom *d)
{
    bool follows = mark_cmp(d->term, d->generation, want) == 0;
    const char *wait = parts_wait(w, want);

    if (want->existing && !(d->parts_equal && d->live_parts_equal))
        return rest(REC_SEEN_RUNNING, OTHER_DISKS);
    if (wait == NULL && !want->existing &&
        (vol_find(w, want->root) == NULL || vol_find(w, want->seed) == NULL))
        wait = "runs, but its own disk is gone from the pool: a person must look before it stops";
    if (!live_is_equal(d, want) && !follows && want->may_restart)
        return vm_reshape(w, want, d, wait);
    if (!config_is_equal(d, want) || !follows) {
        if (wait != NULL && !d->parts_equal)
            return rest(REC_SEEN_RUNNING, wait);
        return act(REC_VM_DEFINE, REC_SEEN_RUNNING,
                   follows ? "its definition differs from its order" : "follows an older order");
    }
    if (!live_is_equal(d, want))
        return rest(REC_SEEN_RUNNING, "the running guest differs from its order; a restart would "
                                      "hurt it, so a person decides");
    return wait != NULL ? rest(REC_SEEN_RUNNING, wait) : vm_settled(w, want, REC_SEEN_RUNNING);
}

/* One of a machine's own two disks: NONE when it is good, else what to do or why to wait. */
static struct step
own_disk(const struct rec_world *w, const struct rec_want *want, const char *id, enum mo_fill fill)
{
    const struct rec_vol *v = vol_find(w, id);
    struct users u = vol_users(w, id, NULL);

    if (fill == MO_FILL_FILLING && u.any)
        return rest(REC_SEEN_UNKNOWN, "its own disk was found half filled although a domain names "
                                      "it: a person must look");
    if (fill == MO_FILL_FILLING)
        return act(REC_VM_REMAKE, REC_SEEN_WORKING,
                   "its own disk was found half filled and unused: made again");
    if (v == NULL && (fill == MO_FILL_DONE || u.any || was_restated_made(want)))
        return rest(REC_SEEN_MISSING,
                    "its own disk was filled and is gone: nothing is made in its place");
    if (v == NULL)
        return act(REC_VM_ROOT, want->seen_once ? REC_SEEN_MISSING : REC_SEEN_WORKING,
                   "its own disks are to be made");
    if (fill == MO_FILL_NONE && !u.ours && !was_restated_made(want))
        return rest(REC_SEEN_UNKNOWN, "there is a disk of its id, but no receipt says that it was "
                                      "filled: left alone");
    return settled(REC_SEEN_PRESENT);
}

/* Both own disks; what a person must look at goes before what can be made. */
static struct step
own_disks(const struct rec_world *w, const struct rec_want *want)
{
    struct step root = own_disk(w, want, want->root, want->root_fill);
    struct step seed = own_disk(w, want, want->seed, want->seed_fill);

    if (root.equal || (!seed.equal && seed.op == REC_NONE && root.op != REC_NONE))
        return seed;
    return root.op == REC_VM_ROOT && seed.op == REC_VM_REMAKE ? seed : root;
}

/* One that was there before its grant, off: nothing of it is ever made. */
static struct step
existing_parts(const struct rec_want *want, const struct rec_dom *d)
{
    if (d == NULL)
        return rest(want->seen_once ? REC_SEEN_MISSING : REC_SEEN_WORKING,
                    "the machine that its grant takes over is not on this host: nothing is made in "
                    "its place");
    return d->parts_equal ? settled(REC_SEEN_PRESENT) : rest(REC_SEEN_STOPPED, OTHER_DISKS);
}

/* A machine that does not run and should exist. */
static struct step
vm_off(const struct rec_world *w, const struct rec_want *want, const struct rec_dom *d)
{
    enum rec_seen seen = REC_SEEN_STOPPED;
    struct step disks = want->existing ? existing_parts(want, d) : own_disks(w, want);
    const char *wait = parts_wait(w, want);

    if (d == NULL)
        seen = want->seen_once ? REC_SEEN_MISSING : REC_SEEN_WORKING;
    if (!disks.equal)
        return disks;
    if (d == NULL || !config_is_equal(d, want) || mark_cmp(d->term, d->generation, want) != 0) {
        if (wait != NULL)
            return rest(seen, wait);
        if (d == NULL)
            return act(REC_VM_DEFINE, seen,
                       want->seen_once ? "it was there and is gone: defined "
                                         "again on its own disk"
                                       : "to be defined");
        return act(REC_VM_DEFINE, seen, "its definition differs from its order");
    }
    if (want->wanted == MO_STOPPED || root_is_short(w, want))
        return vm_settled(w, want, REC_SEEN_STOPPED);
    if (wait != NULL)
        return rest(seen, wait);
    return act(REC_VM_START, seen, d->power == MO_PW_CRASHED ? "crashed" : "wanted running");
}

static struct step
vm_take(const struct rec_world *w, const struct rec_want *want, const struct rec_dom *d)
{
    if (d != NULL && d->power == MO_PW_RUNNING)
        return stop_step(w, want, REC_SEEN_RUNNING);
    if (want->binned_at_ms == 0)
        return act(REC_BIN, d != NULL ? REC_SEEN_STOPPED : REC_SEEN_WORKING,
                   "stopped and wanted in the recycle bin: its hold starts");
    if (want->wanted == MO_BINNED)
        return settled(REC_SEEN_BINNED);
    if (vol_users(w, want->root, want->id).any || vol_users(w, want->seed, want->id).any)
        return rest(REC_SEEN_BINNED, "another domain names its disk: a person must look");
    return last_step(w, want, REC_ERASE);
}

/* Before the time that a plan names, the service of today goes on: what is defined may start. */
static struct step
vm_before_plan(const struct rec_world *w, const struct rec_want *want, const struct rec_dom *d)
{
    bool up = d != NULL && d->power == MO_PW_RUNNING;

    if (want->wanted == MO_RUNNING && d != NULL && d->defined && !up && want->binned_at_ms == 0 &&
        parts_wait(w, want) == NULL)
        return act(REC_VM_START, REC_SEEN_STOPPED,
                   "wanted running, as it is until its plan's time");
    if (d == NULL)
        return rest(REC_SEEN_WORKING, "its plan does not allow it yet");
    if (!up && want->binned_at_ms != 0)
        return rest(REC_SEEN_BINNED, "its plan does not allow it yet");
    return rest(up ? REC_SEEN_RUNNING : REC_SEEN_STOPPED, "its plan does not allow it yet");
}

/* A signed order that stops it is carried out; one that wants it running does not say why somebody
 * paused it, so that stays for people, unless only room was missing and there is some again. */
static struct step
vm_paused(const struct rec_world *w, const struct rec_want *want, const struct rec_dom *d)
{
    if (w->now_ms >= want->not_before_ms && (is_taken(want) || want->wanted == MO_STOPPED))
        return stop_step(w, want, REC_SEEN_UNKNOWN);
    if (!d->no_space || want->wanted != MO_RUNNING || want->binned_at_ms != 0)
        return rest(REC_SEEN_UNKNOWN, "paused, by an I/O error or by a person: a person decides");
    if (w->pool_free_bytes < RESUME_ROOM_BYTES)
        return rest(REC_SEEN_UNKNOWN,
                    "paused: its pool is full; it goes on by itself when there is room");
    return act(REC_VM_RESUME, REC_SEEN_UNKNOWN, "paused on a full pool that has room again");
}

static struct step
vm_step(const struct rec_world *w, const struct rec_want *want)
{
    const struct rec_dom *d = dom_find(w, want->id);
    bool up = d != NULL && d->power == MO_PW_RUNNING;

    if (d != NULL && !d->ours && want->existing)
        return reconcile_adopt(want, d);
    if (d != NULL && !d->ours)
        return rest(REC_SEEN_FOREIGN, "a domain with this UUID lacks our mark: left alone");
    if (want->erased)
        return after_erasure(want, d != NULL || vol_find(w, want->root) != NULL ||
                                       vol_find(w, want->seed) != NULL);
    if (d != NULL && d->power == MO_PW_UNKNOWN)
        return rest(REC_SEEN_UNKNOWN, "libvirt could not say its state: nothing is concluded");
    if (d != NULL && mark_cmp(d->term, d->generation, want) > 0)
        return rest(up ? REC_SEEN_RUNNING : REC_SEEN_STOPPED,
                    "follows a newer order than this receipt: left alone until the controller "
                    "restates its orders");
    if (d != NULL && d->power == MO_PW_PAUSED)
        return vm_paused(w, want, d);
    if (w->now_ms < want->not_before_ms)
        return vm_before_plan(w, want, d);
    if (is_taken(want))
        return vm_take(w, want, d);
    if (want->wanted != MO_RUNNING && want->wanted != MO_STOPPED)
        return rest(REC_SEEN_UNKNOWN, "a machine is not just present: the order makes no sense");
    if (want->binned_at_ms != 0)
        return act(REC_UNBIN, REC_SEEN_BINNED, "wanted again: out of the recycle bin");
    if (up)
        return want->wanted == MO_STOPPED ? stop_step(w, want, REC_SEEN_RUNNING)
                                          : vm_running(w, want, d);
    return vm_off(w, want, d);
}

/* ---- the two questions ---- */

static struct step
step_of(const struct rec_world *w, const struct rec_want *want)
{
    if (is_spoilt(want) && !want->erased)
        return rest(REC_SEEN_UNKNOWN,
                    "its overwriting had begun: it cannot come back, only be erased to the end");
    switch (want->kind) {
    case MO_NETWORK:
        return net_step(w, want);
    case MO_VOLUME:
        return vol_step(w, want);
    case MO_VM:
        return vm_step(w, want);
    }
    return rest(REC_SEEN_UNKNOWN, "the order names a kind that is not known");
}

size_t
reconcile(const struct rec_world *w, struct rec_action *out, size_t cap)
{
    static const enum mo_kind kinds[] = {MO_NETWORK, MO_VOLUME, MO_VM};
    size_t n = 0;

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t i = 0; i < w->n_wants && n < cap; i++) {
            struct step s;

            if (w->wants[i].kind != kinds[k] || is_barred(w, &w->wants[i]))
                continue;
            s = step_of(w, &w->wants[i]);
            if (s.op != REC_NONE)
                out[n++] = (struct rec_action){.op = s.op, .want = i, .reason = s.why};
        }
    return n;
}

struct rec_verdict
reconcile_judge(const struct rec_world *w, const struct rec_want *want)
{
    struct rec_verdict v = {.seen = REC_SEEN_UNKNOWN};
    struct step s;

    if (!w->observed_ok) {
        v.reason = "libvirt did not answer: nothing is concluded";
        return v;
    }
    if (!is_newest(w, want)) {
        v.reason = "a newer order of the same resource is here";
        return v;
    }
    if (want->quarantined) {
        v.reason = "a call about it is overdue: nothing is concluded";
        return v;
    }
    if (!want->wanted_now) {
        v.seen = REC_SEEN_UNCLAIMED;
        v.reason = "no longer in the controller's set: reported, left as it is";
        return v;
    }
    s = step_of(w, want);
    v.seen = s.seen;
    v.equal = s.equal;
    v.reason = s.why;
    if (want->held && !s.equal)
        v.reason = "under emergency hold: observed, nothing is done";
    return v;
}
