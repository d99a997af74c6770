#include "controller/act.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/commit.h"
#include "controller/parts.h"
#include "controller/placing.h"
#include "controller/quota.h"
#include "controller/supersede.h"
#include "controller/takeback.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_grant.h"

int
act_authority_check(int verb, int authority, struct err *e)
{
    bool ok = false;

    switch ((enum w_verb)verb) {
    case VERB_CREATE: /* by the unit: within the totals of a grant of free shape */
        ok = authority == AUTH_GRANT || authority == AUTH_UNIT;
        break;
    case VERB_ADOPT:
        ok = authority == AUTH_GRANT;
        break;
    case VERB_CHANGE:
    case VERB_POWER:
        ok = authority == AUTH_UNIT;
        break;
    case VERB_RESIZE: /* by the grant: its line grew */
        ok = authority == AUTH_UNIT || authority == AUTH_GRANT;
        break;
    case VERB_RESTORE: /* what the grant gives anyway; by a plan: returned */
        ok = authority != AUTH_NONE;
        break;
    case VERB_DOWNGRADE:
        ok = authority == AUTH_PLAN;
        break;
    case VERB_BIN: /* by the grant: what the unit gave up by an approved change */
        ok = authority == AUTH_PLAN || authority == AUTH_UNIT || authority == AUTH_GRANT;
        break;
    case VERB_ERASE:
        ok = authority == AUTH_PLAN || authority == AUTH_UNIT;
        break;
    case VERB_NONE:
    case VERB__MAX:
        break;
    }
    if (ok)
        return 0;
    return err_set(e, BY_E_DENIED, "an order '%s' needs another authority than '%s'",
                   w_verb_names[verb < 0 || verb >= VERB__MAX ? 0 : verb],
                   w_authority_names[authority < 0 || authority >= AUTH__MAX ? 0 : authority]);
}

static void
order_size(const struct w_order *o, struct quota_size *out)
{
    switch ((enum w_res_kind)o->kind) {
    case RES_VM:
        quota_size_of(o->kind, o->wanted, o->vm.vcpus, o->vm.mem_mib, o->vm.root_bytes, out);
        return;
    case RES_VOLUME:
        quota_size_of(o->kind, o->wanted, 0, 0, o->volume.size_bytes, out);
        return;
    case RES_NETWORK:
    case RES_NONE:
    case RES__MAX:
        break;
    }
    if (o->network.part_of[0] != '\0') /* a network over several hosts counts once */
        memset(out, 0, sizeof(*out));
    else
        quota_size_of(o->kind, o->wanted, 0, 0, 0, out);
}

int
act_issue(struct tx *t, const char *actor, struct w_order *o, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct quota_size size;

    if ((!parts_is_removal(o) && act_authority_check(o->verb, o->authority, e) < 0) ||
        order_issue(t, o, e) < 0)
        return -1;
    order_size(o, &size);
    struct quota_whose w = {.grant = o->grant, .resource = o->resource, .order = o->id};
    /* What was there is granted and used at once, when it is read back: quota_adopt(). */
    if (o->verb != VERB_ADOPT && quota_hold(t, &w, &size, e) < 0)
        return -1;
    jm_encode(schema_order, o, &b);
    return ledger_append(t, actor, "order.issued", o->resource, strbuf_peek(&b), e);
}

int64_t
act_erase_from_ms(const struct resource_row *r, int64_t hold_ms)
{
    if (r->binned_ms == 0 || r->wanted != WANT_BINNED || r->seen != SEEN_BINNED)
        return 0;
    return r->binned_ms + hold_ms;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

struct neighbours {
    const struct resource_row *of;
    bool in_use, lost; /* someone who runs needs it; someone it needs is going away */
    char name[W_NAME];
};

static bool
is_leaving(const struct resource_row *r)
{
    return r->wanted == WANT_BINNED || r->wanted == WANT_ABSENT;
}

static int
note_user(void *arg, const struct resource_row *r, struct err *e)
{
    struct neighbours *n = arg;

    (void)e;
    if (!is_leaving(r)) {
        n->in_use = true;
        memcpy(n->name, r->name, sizeof(n->name));
    }
    return 0;
}

static int
note_part(void *arg, const struct resource_row *r, struct err *e)
{
    struct neighbours *n = arg;

    (void)e;
    if (is_leaving(r)) {
        n->lost = true;
        memcpy(n->name, r->name, sizeof(n->name));
    }
    return 0;
}

/* Who uses this volume or network. */
static int
look_users(struct tx *t, const struct resource_row *r, struct arena *a, struct neighbours *n,
           struct err *e)
{
    struct resource_row vm;

    if (r->kind == RES_NETWORK)
        return resource_each_on_network(t->d, r->id, a, note_user, n, e);
    if (r->kind != RES_VOLUME || r->vm[0] == '\0')
        return 0;
    if (resource_get(t->d, r->vm, a, &vm, e) < 0)
        return -1;
    return note_user(n, &vm, e);
}

/* What this VM cannot be without. */
static int
look_parts(struct tx *t, const struct resource_row *r, struct arena *a, struct neighbours *n,
           struct err *e)
{
    struct resource_row net;

    if (r->kind != RES_VM)
        return 0;
    if (resource_each_of_vm(t->d, r->id, a, note_part, n, e) < 0)
        return -1;
    if (r->network[0] == '\0')
        return 0;
    if (resource_get(t->d, r->network, a, &net, e) < 0)
        return -1;
    return note_part(n, &net, e);
}

/* ---- does it make sense now --------------------------------------------------------------------
 */

static int
check_leaving(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e)
{
    struct neighbours n = {.of = r};

    if (look_users(t, r, a, &n, e) < 0)
        return -1;
    if (n.in_use)
        return err_set(e, BY_E_CONFLICT,
                       "%s is used by the VM %s: put that into the recycle bin "
                       "first",
                       r->name, n.name);
    return 0;
}

static void
day_text(int64_t ms, char *out, size_t size)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;

    (void)gmtime_r(&s, &tm);
    (void)strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static int
check_erase(struct tx *t, const struct resource_row *r, const struct act *x, struct arena *a,
            struct err *e)
{
    struct grant_row g;
    int64_t from;
    char day[40];

    if (r->wanted == WANT_ABSENT)
        return err_set(e, BY_E_CONFLICT, "%s is being erased already", r->name);
    if (act_erase_from_ms(r, 0) == 0)
        return err_set(e, BY_E_CONFLICT,
                       "%s is not in the recycle bin by its host's own readback: put it there "
                       "first",
                       r->name);
    if (grant_row_get(t->d, r->grant, a, &g, e) < 0)
        return -1;
    from = act_erase_from_ms(r, g.hold_ms);
    if (t->now_ms < from) {
        day_text(from, day, sizeof(day));
        return err_set(e, BY_E_CONFLICT,
                       "%s stays in the recycle bin until %s: until then it can "
                       "be restored",
                       r->name, day);
    }
    if (x->authority == AUTH_UNIT && r->kind != RES_NETWORK && !x->backup_declared)
        return err_field(e, BY_E_INVALID, "backup_declared",
                         "no backup of %s is kept here: declare that the unit has its own, nothing "
                         "can be brought back afterwards",
                         r->name);
    return check_leaving(t, r, a, e);
}

/* A host is not overbooked for what comes back: its other guests would pay for it. */
static int
check_room(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e)
{
    bool binned = r->wanted == WANT_BINNED;
    const char *why;

    if (r->kind != RES_VM)
        return 0;
    if (placing_room_again(t, r, binned ? r->vcpus : r->prior_vcpus,
                           binned ? r->mem_mib : r->prior_mem_mib, a, &why, e) < 0)
        return -1;
    if (why == NULL)
        return 0;
    return err_set(e, BY_E_CONFLICT,
                   "%s has no room on its host any more: %s. Room must be made there first, or "
                   "its overcommit raised",
                   r->name, why);
}

static int
check_restore(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e)
{
    struct neighbours n = {.of = r};

    if (r->wanted == WANT_ABSENT)
        return err_set(e, BY_E_CONFLICT, "%s is being overwritten: it cannot be brought back",
                       r->name);
    if (r->wanted != WANT_BINNED && r->prior_vcpus == 0)
        return err_set(e, BY_E_CONFLICT, "%s is neither in the recycle bin nor downgraded",
                       r->name);
    if (supersede_gives(t, r, a, e) < 0 || look_parts(t, r, a, &n, e) < 0)
        return -1;
    if (n.lost)
        return err_set(e, BY_E_CONFLICT,
                       "%s needs %s, which is in the recycle bin: restore that "
                       "first",
                       r->name, n.name);
    return check_room(t, r, a, e);
}

static int
check_size(const struct resource_row *r, const struct act *x, struct err *e)
{
    if (r->kind != RES_VM && (x->verb == VERB_DOWNGRADE || r->kind != RES_VOLUME))
        return err_set(e, BY_E_INVALID, "%s is not a VM: it has no size to change", r->name);
    if (is_leaving(r))
        return err_set(e, BY_E_CONFLICT, "%s is in the recycle bin: there is nothing to size",
                       r->name);
    if (x->verb == VERB_DOWNGRADE && (x->vcpus == 0 || x->mem_mib == 0))
        return err_set(e, BY_E_INVALID, "a downgrade of %s names exact processors and memory",
                       r->name);
    if (x->verb == VERB_DOWNGRADE && (x->vcpus > r->vcpus || x->mem_mib > r->mem_mib ||
                                      (x->vcpus == r->vcpus && x->mem_mib == r->mem_mib)))
        return err_set(e, BY_E_CONFLICT,
                       "%s has %u vCPUs and %llu MiB: %u vCPUs and %llu MiB are not less", r->name,
                       r->vcpus, (unsigned long long)r->mem_mib, x->vcpus,
                       (unsigned long long)x->mem_mib);
    return 0;
}

static int
check_power(const struct resource_row *r, const struct act *x, struct err *e)
{
    if (r->kind != RES_VM)
        return err_set(e, BY_E_INVALID, "%s is not a VM: it cannot be started or stopped", r->name);
    if (is_leaving(r))
        return err_set(e, BY_E_CONFLICT, "%s is in the recycle bin: restore it first", r->name);
    if ((enum w_wanted)r->wanted == x->wanted)
        return err_set(e, BY_E_CONFLICT, "%s is ordered to be %s already", r->name,
                       w_wanted_names[r->wanted]);
    return 0;
}

/* A host judges an order by the one before it, and hears only the newest: what it must know first,
 * the making or a change of size, may not be overtaken. */
int
act_taken_up(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e)
{
    bool heard = r->seen_term == r->term && r->seen_generation == r->generation;
    struct order_row o;

    if (heard && r->seen != SEEN_FOREIGN)
        return 0;
    if (order_row_get(t->d, r->order, a, &o, e) < 0)
        return -1;
    if (o.verb == VERB_ADOPT && o.closed_ms == 0)
        return err_set(e, BY_E_CONFLICT, "host %s has not taken over %s yet%s%s", r->host_name,
                       r->name, r->seen_reason[0] == '\0' ? "" : ": ", r->seen_reason);
    if (heard)
        return 0;
    if (o.verb == VERB_POWER || o.verb == VERB_BIN || o.verb == VERB_ERASE)
        return 0;
    return err_set(e, BY_E_CONFLICT,
                   "host %s has not taken up the order '%s' of %s yet: wait for it", r->host_name,
                   w_verb_names[o.verb], r->name);
}

/* An expired grant makes nothing more; what takes away or stops stays possible. */
static int
check_validity(struct tx *t, const struct resource_row *r, const struct act *x, struct arena *a,
               struct err *e)
{
    bool makes = x->verb == VERB_RESIZE || x->verb == VERB_RESTORE || x->verb == VERB_CHANGE ||
                 (x->verb == VERB_POWER && x->wanted == WANT_RUNNING);
    struct grant_row g;

    if (!makes)
        return 0;
    if (grant_row_get(t->d, r->grant, a, &g, e) < 0)
        return -1;
    if (t->now_ms < g.valid_from_ms || t->now_ms > g.valid_to_ms)
        return err_set(e, BY_E_CONFLICT,
                       "the grant %s of %s is not valid now: nothing more can be made under it",
                       g.number, r->name);
    return 0;
}

int
act_check(struct tx *t, const struct resource_row *r, const struct act *x, struct arena *a,
          struct err *e)
{
    if (act_authority_check((int)x->verb, (int)x->authority, e) < 0)
        return -1;
    if (parts_refuse(r, e) < 0)
        return -1;
    if (r->absent_ms > 0)
        return err_set(e, BY_E_CONFLICT, "%s is gone: its erasure certificate is %s", r->name,
                       r->certificate[0] == '\0' ? "not needed" : r->certificate);
    if (act_taken_up(t, r, a, e) < 0 || check_validity(t, r, x, a, e) < 0 ||
        (x->authority != AUTH_PLAN && x->verb != VERB_POWER && x->verb != VERB_CHANGE &&
         takeback_frozen(t, r, e) < 0))
        return -1;
    switch (x->verb) {
    case VERB_BIN:
        if (is_leaving(r))
            return err_set(e, BY_E_CONFLICT, "%s is in the recycle bin already", r->name);
        return check_leaving(t, r, a, e);
    case VERB_ERASE:
        return check_erase(t, r, x, a, e);
    case VERB_RESTORE:
        return check_restore(t, r, a, e);
    case VERB_DOWNGRADE:
    case VERB_RESIZE:
        return check_size(r, x, e);
    case VERB_POWER:
        return check_power(r, x, e);
    case VERB_CHANGE:
        if (is_leaving(r))
            return err_set(e, BY_E_CONFLICT, "%s is in the recycle bin: restore it first", r->name);
        return 0;
    case VERB_CREATE:
    case VERB_ADOPT:
    case VERB_NONE:
    case VERB__MAX:
        break;
    }
    return err_set(e, BY_E_BUG, "%s: no such act", r->name);
}

/* ---- doing it ----------------------------------------------------------------------------------
 */

static int
order_of(struct tx *t, const struct resource_row *r, struct arena *a, struct w_order *o,
         struct err *e)
{
    struct order_row row;

    if (order_row_get(t->d, r->order, a, &row, e) < 0)
        return -1;
    return W_DECODE(order, row.body, strlen(row.body), JM_SIGNED, a, o, e);
}

/* Maxima only rise: they say what a guest that is started can grow to while it runs. */
static void
resize(struct resource_row *r, const struct act *x, struct w_order *o)
{
    struct w_vm_spec *vm = &o->vm;

    if (o->kind == RES_VOLUME) {
        o->volume.size_bytes = r->bytes = x->bytes != 0 ? x->bytes : r->bytes;
        return;
    }
    vm->vcpus = x->vcpus != 0 ? x->vcpus : vm->vcpus;
    vm->mem_mib = x->mem_mib != 0 ? x->mem_mib : vm->mem_mib;
    vm->root_bytes = r->bytes = x->bytes != 0 ? x->bytes : r->bytes;
    vm->vcpus_max = x->vcpus_max > vm->vcpus_max ? x->vcpus_max : vm->vcpus_max;
    vm->mem_max_mib = x->mem_max_mib > vm->mem_max_mib ? x->mem_max_mib : vm->mem_max_mib;
    vm->vcpus_max = vm->vcpus > vm->vcpus_max ? vm->vcpus : vm->vcpus_max;
    vm->mem_max_mib = vm->mem_mib > vm->mem_max_mib ? vm->mem_mib : vm->mem_max_mib;
    r->prior_vcpus = 0; /* the unit chose its size: there is nothing to return to */
    r->prior_mem_mib = 0;
}

static void
change(struct resource_row *r, const struct act *x, struct w_order *o)
{
    char *name = o->kind == RES_VM       ? o->vm.name
                 : o->kind == RES_VOLUME ? o->volume.name
                                         : o->network.name;

    if (x->name != NULL) {
        (void)snprintf(name, W_NAME, "%s", x->name);
        (void)snprintf(r->name, sizeof(r->name), "%s", x->name);
    }
    if (x->disks != NULL)
        o->vm.disks = *x->disks;
    if (x->volume_vm != NULL) {
        (void)snprintf(o->volume.vm, sizeof(o->volume.vm), "%s", x->volume_vm);
        (void)snprintf(r->vm, sizeof(r->vm), "%s", x->volume_vm);
    }
}

/* The resource's own figures after the act; what a downgrade takes is remembered for its return. */
static void
size_after(struct resource_row *r, const struct act *x, struct w_order *o)
{
    if (x->verb == VERB_DOWNGRADE) {
        if (r->prior_vcpus == 0) {
            r->prior_vcpus = r->vcpus;
            r->prior_mem_mib = r->mem_mib;
        }
        o->vm.vcpus = x->vcpus;
        o->vm.mem_mib = x->mem_mib;
    } else if (x->verb == VERB_RESIZE) {
        resize(r, x, o);
    } else if (x->verb == VERB_CHANGE) {
        change(r, x, o);
    } else if (x->verb == VERB_RESTORE && r->wanted != WANT_BINNED) {
        o->vm.vcpus = r->prior_vcpus;
        o->vm.mem_mib = r->prior_mem_mib;
        r->prior_vcpus = 0;
        r->prior_mem_mib = 0;
    }
    if (r->kind == RES_VM) {
        r->vcpus = o->vm.vcpus;
        r->mem_mib = o->vm.mem_mib;
    }
    if (x->verb == VERB_RESTORE)
        r->plan[0] = '\0';
    else if (x->authority == AUTH_PLAN)
        (void)snprintf(r->plan, sizeof(r->plan), "%s", x->authority_id);
    if (x->verb == VERB_ERASE)
        r->backup_declared = x->backup_declared;
}

static enum w_wanted
wanted_after(const struct resource_row *r, const struct act *x)
{
    if (x->wanted != WANT_NONE)
        return x->wanted;
    if (x->verb == VERB_RESTORE && r->wanted == WANT_BINNED)
        return r->kind == RES_VM ? WANT_RUNNING : WANT_PRESENT;
    return (enum w_wanted)r->wanted;
}

/* Stopped and started again before the guest was restarted for its new size: the restart that was
 * agreed, or signed, still is.  before: the newest order.  0: none. */
static int64_t
restart_owed(const struct tx *t, const struct resource_row *r, const struct w_order *before)
{
    if (r->seen_equal && r->seen_term == r->term && r->seen_generation == r->generation)
        return 0;
    if (before->verb == VERB_DOWNGRADE || before->verb == VERB_RESTORE)
        return t->now_ms;
    return before->restart_from_ms;
}

int
act_do(struct tx *t, const struct resource_row *was, const struct act *x, struct arena *a,
       struct w_order *o, struct err *e)
{
    struct resource_row r = *was;

    if (act_check(t, was, x, a, e) < 0 || order_of(t, was, a, o, e) < 0)
        return -1;
    o->restart_from_ms = x->verb == VERB_POWER ? restart_owed(t, was, o) : x->restart_from_ms;
    memcpy(o->grant, r.grant, sizeof(o->grant)); /* the newest, whatever it was made under */
    o->verb = (int)x->verb;
    o->wanted = (int)wanted_after(was, x);
    o->authority = (int)x->authority;
    (void)snprintf(o->authority_id, sizeof(o->authority_id), "%s", x->authority_id);
    size_after(&r, x, o);
    r.wanted = o->wanted;
    if (resource_size_set(t->d, &r, e) < 0 || resource_promise(t->d, &r, e) < 0 ||
        act_issue(t, x->actor, o, e) < 0)
        return err_wrap(e, "%s %s", w_verb_names[x->verb], was->name);
    /* Its other parts follow its name; what joined or went meanwhile is told to it. */
    if (r.kind == RES_NETWORK && (x->verb == VERB_CHANGE || x->verb == VERB_RESTORE) &&
        parts_sync(t, x->actor, r.id, a, e) < 0)
        return -1;
    /* Out of the bin: the hold starts anew if it goes back in, and an overwriting that a plan still
     * had in store is withdrawn. */
    if (x->verb == VERB_RESTORE && was->wanted == WANT_BINNED) {
        if (resource_binned_set(t->d, r.id, 0, e) < 0)
            return -1;
        return DB_EXEC(t->d, DB_PLAN_LINE_VOID, NULL, e, DBS(r.id));
    }
    return 0;
}
