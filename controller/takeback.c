#include "controller/takeback.h"

#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/commit.h"
#include "controller/quota.h"

static int
bad(struct err *e, size_t i, const char *field, const char *what)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "lines[%zu].%s", i, field);
    return err_field(e, BY_E_INVALID, path, "plan line at %s: %s", path, what);
}

static bool
takes(const struct w_plan_line *l)
{
    return l->less_vcpus != 0 || l->less_mem_mib != 0 || l->less_disk_gib != 0;
}

int
takeback_check(const struct w_plan *p, struct err *e)
{
    size_t returns = 0;
    bool binds = false;

    for (size_t i = 0; i < p->lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);

        binds = binds || takes(l);
        returns += l->verb == VERB_RESTORE;
        if (l->verb == VERB_RESTORE && takes(l))
            return bad(e, i, "less_vcpus", "a return takes nothing");
        if (l->verb == VERB_RESTORE && l->not_before_ms > p->issued_at_ms)
            return bad(e, i, "not_before_ms", "a return acts at once");
    }
    if (returns != 0 && returns != p->lines.n)
        return err_field(e, BY_E_INVALID, "lines", "a plan that returns does nothing else");
    if ((binds || returns != 0) != (p->version > 1))
        return err_field(e, BY_E_INVALID, "version",
                         "the plan's version and its contents do not go together");
    return 0;
}

/* What the act takes from a grant of free shape. */
static struct quota_size
taken_by(const struct w_plan_line *l, const struct resource_row *r)
{
    struct quota_size now, less = {0};

    quota_size_of(r->kind, r->wanted, r->vcpus, r->mem_mib, r->bytes, &now);
    if (l->verb == VERB_DOWNGRADE || l->verb == VERB_BIN) {
        less.by[QM_VCPUS] = now.by[QM_VCPUS] - l->vcpus;
        less.by[QM_MEM] = now.by[QM_MEM] - (int64_t)l->mem_mib;
    }
    if (l->verb == VERB_ERASE)
        less.by[QM_DISK] = now.by[QM_DISK];
    return less;
}

static int
check_return(const struct w_plan_line *l, size_t i, const struct resource_row *r, struct err *e)
{
    bool back = r->wanted != WANT_BINNED && r->prior_vcpus != 0;
    uint32_t vcpus = back ? r->prior_vcpus : r->vcpus;
    uint64_t mem_mib = back ? r->prior_mem_mib : r->mem_mib;

    if (r->wanted == WANT_ABSENT)
        return bad(e, i, "resource", "it is being overwritten: nothing brings it back");
    if (r->kind == RES_VM && (l->vcpus != vcpus || l->mem_mib != mem_mib))
        return bad(e, i, "vcpus", "a return names the exact size after it");
    return 0;
}

int
takeback_check_line(struct tx *t, const struct w_plan *p, size_t i, bool free,
                    const struct resource_row *r, struct err *e)
{
    const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);
    struct quota_size less = taken_by(l, r);
    SCOPED(arena) struct arena a = {0};
    char pending[W_ID];
    int64_t issued;

    if (l->verb == VERB_RESTORE && check_return(l, i, r, e) < 0)
        return -1;
    if (l->verb != VERB_RESTORE && free &&
        ((int64_t)l->less_vcpus != less.by[QM_VCPUS] ||
         (int64_t)l->less_mem_mib != less.by[QM_MEM] ||
         (int64_t)l->less_disk_gib != less.by[QM_DISK]))
        return bad(e, i, "less_vcpus",
                   "under a grant of free shape it names exactly what its act takes");
    if (!free && takes(l))
        return bad(e, i, "less_vcpus", "only a grant of free shape has totals to take from");
    if (p->version < 2)
        return 0;
    /* The host counts what a plan takes as soon as it has the plan: an order that it has not heard
     * yet would be refused there, and this line would wait for it, for ever. */
    if (takes(l) && act_taken_up(t, r, &a, e) < 0)
        return -1;
    if (plan_of_resource(t->d, r->id, &issued, pending, e) < 0)
        return -1;
    if (issued >= p->issued_at_ms)
        return err_field(e, BY_E_CONFLICT, "issued_at_ms",
                         "a plan about %s that was signed later is here already: sign it anew",
                         r->name);
    if (pending[0] != '\0' && l->verb != VERB_RESTORE)
        return err_field(e, BY_E_CONFLICT, "lines",
                         "plan %s still has something to do with %s: wait for it, or return it "
                         "first",
                         pending, r->name);
    return 0;
}

int
takeback_accept(struct tx *t, const struct w_plan *p, struct arena *a, struct err *e)
{
    for (size_t i = 0; i < p->lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);
        struct resource_row r;

        if (l->verb != VERB_RESTORE)
            continue;
        if (DB_EXEC(t->d, DB_PLAN_LINES_RETURNED, NULL, e, DBS(l->resource), DBI(p->issued_at_ms)) <
                0 ||
            resource_get(t->d, l->resource, a, &r, e) < 0)
            return -1;
        struct quota_whose w = {.grant = r.grant, .resource = r.id, .order = p->id};
        /* Nothing to bring back, or the unit did by itself: only the totals rise again. */
        if (r.wanted != WANT_BINNED && r.prior_vcpus == 0 &&
            (quota_give_back(t, &w, e) < 0 ||
             plan_line_done(t->d, p->id, (uint32_t)i, "returned", e) < 0))
            return -1;
    }
    return 0;
}

int
takeback_run(struct tx *t, const struct plan_due *l, const struct resource_row *r, struct err *e)
{
    struct quota_whose w = {.grant = r->grant, .resource = r->id, .order = l->plan};
    struct quota_size less = {0}, size;
    bool fits = true;

    less.by[QM_VCPUS] = l->less_vcpus;
    less.by[QM_MEM] = l->less_mem_mib;
    less.by[QM_DISK] = l->less_disk_gib;
    if (l->verb == VERB_RESTORE) {
        bool binned = r->wanted == WANT_BINNED;

        quota_size_of(r->kind, WANT_PRESENT, binned ? r->vcpus : r->prior_vcpus,
                      binned ? r->mem_mib : r->prior_mem_mib, r->bytes, &size);
        if (quota_give_back(t, &w, e) < 0 || quota_fits(t->d, &w, &size, &fits, e) < 0)
            return -1;
        return fits;
    }
    if (strcmp(l->grant, r->grant) != 0)
        return 1; /* signed under a grant that was superseded: the newer one's totals stand */
    quota_size_of(r->kind,
                  l->verb == VERB_BIN     ? WANT_BINNED
                  : l->verb == VERB_ERASE ? WANT_ABSENT
                                          : r->wanted,
                  l->vcpus, l->mem_mib, r->bytes, &size);
    return quota_take(t, &w, &less, &size, e) < 0 ? -1 : 1;
}

int
takeback_frozen(struct tx *t, const struct resource_row *r, struct err *e)
{
    char pending[W_ID];
    int64_t issued;

    if (plan_of_resource(t->d, r->id, &issued, pending, e) < 0)
        return -1;
    if (pending[0] == '\0')
        return 0;
    return err_set(e, BY_E_CONFLICT,
                   "plan %s of the bureau still has something to do with %s: until then its size "
                   "and place stay as they are; the bureau can return it",
                   pending, r->name);
}

/* The resource is as the line wants it: it was carried out, whatever order did it. */
static bool
is_done(const struct w_plan_line *l, const struct resource_row *r)
{
    if (l->verb == VERB_DOWNGRADE)
        return r->vcpus <= l->vcpus && r->mem_mib <= l->mem_mib;
    if (l->verb == VERB_BIN)
        return r->wanted == WANT_BINNED || r->wanted == WANT_ABSENT;
    return l->verb == VERB_ERASE && r->wanted == WANT_ABSENT;
}

static int
recover_line(struct tx *t, const struct w_plan *p, uint32_t n, struct arena *a, struct err *e)
{
    const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, n);
    struct plan_due due = {.n = n,
                           .verb = l->verb,
                           .vcpus = l->vcpus,
                           .mem_mib = l->mem_mib,
                           .less_vcpus = l->less_vcpus,
                           .less_mem_mib = (int64_t)l->less_mem_mib,
                           .less_disk_gib = (int64_t)l->less_disk_gib};
    struct resource_row r;
    bool ordered;

    if (plan_line_ordered(t->d, p->id, n, &ordered, e) < 0 ||
        resource_get(t->d, l->resource, a, &r, e) < 0)
        return -1;
    if (!ordered && !is_done(l, &r))
        return 0; /* it is carried out, or returned, as if it had just come */
    if (!ordered && plan_line_done(t->d, p->id, n, "recovered", e) < 0)
        return -1;
    memcpy(due.plan, p->id, W_ID);
    memcpy(due.grant, p->grant, W_ID);
    return takeback_run(t, &due, &r, e) < 0 ? -1 : 0;
}

int
takeback_recover(struct tx *t, const struct w_plan *p, struct arena *a, struct err *e)
{
    for (size_t i = 0; p->version > 1 && i < p->lines.n; i++)
        if (recover_line(t, p, (uint32_t)i, a, e) < 0)
            return -1;
    return 0;
}
