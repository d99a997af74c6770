/* An approved change is carried out, and found again after a recovery. */
#include <stdio.h>
#include <string.h>

#include "controller/act.h"
#include "controller/api_order.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/quota.h"
#include "controller/supersede.h"
#include "drivers/base/strbuf.h"

static int
tell(struct tx *t, const struct supersede *s, const char *account, struct arena *a, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_supersede_record rec = {.rooms = s->rooms};

    memcpy(rec.by, s->g->id, sizeof(rec.by));
    memcpy(rec.number, s->g->number, sizeof(rec.number));
    rec.resources = (uint32_t)s->n;
    supersede_changes(s, a, &rec.changes);
    jm_encode(schema_supersede_record, &rec, &b);
    return ledger_append(t, account, "grant.superseded", s->row.id, strbuf_peek(&b), e);
}

struct mover {
    struct tx *t;
    const char *from, *to;
};

static int
move_one(void *arg, const struct resource_row *r, struct err *e)
{
    struct mover *m = arg;
    struct quota_whose w = {.grant = m->from, .resource = r->id, .order = ""};

    /* The newer grant says its totals anew: what plans took from the older one ends with it. */
    if (quota_give_back(m->t, &w, e) < 0 || quota_move(m->t, m->from, m->to, r->id, e) < 0)
        return err_wrap(e, "%s", r->name);
    return 0;
}

static int
move_all(struct tx *t, const char *from, const char *to, struct arena *a, struct err *e)
{
    struct mover m = {t, from, to};
    int changed = 0;

    if (DB_EXEC(t->d, DB_GRANT_SUPERSEDE, &changed, e, DBS(to), DBS(from)) < 0)
        return -1;
    if (changed != 1)
        return err_set(e, BY_E_CONFLICT, "grant %s was superseded meanwhile", from);
    if (resource_each_of_grant(t->d, from, a, move_one, &m, e) < 0 || quota_close(t, from, e) < 0)
        return -1;
    return DB_EXEC(t->d, DB_RES_SUPERSEDE, NULL, e, DBS(to), DBS(from));
}

static int
order_one(struct tx *t, const struct supersede *s, struct supersede_item *it, const char *account,
          int64_t restart_from_ms, struct arena *a, struct w_order_view *view, struct err *e)
{
    bool vm = it->r.kind == RES_VM && !it->drops;
    struct act x = {.verb = it->drops ? VERB_BIN : VERB_RESIZE,
                    .wanted = it->drops ? WANT_BINNED : WANT_NONE,
                    .authority = AUTH_GRANT,
                    .authority_id = s->g->id,
                    .actor = account,
                    .vcpus = vm ? it->vcpus : 0,
                    .mem_mib = vm ? it->mem_mib : 0,
                    .bytes = it->drops ? 0 : it->bytes,
                    .restart_from_ms = it->drops ? 0 : restart_from_ms};
    struct w_order o;

    memcpy(it->r.grant, s->g->id, sizeof(it->r.grant));
    if (act_do(t, &it->r, &x, a, &o, e) < 0)
        return -1;
    order_view_new(&o, it->r.name, view);
    return 0;
}

/* What the resources hold beyond what the new grant gives them: theirs until they gave it back. */
static int
lend(struct tx *t, const struct supersede *s, struct err *e)
{
    struct quota_size more = {0};

    for (size_t i = 0; s->g->shape != SHAPE_FREE && i < s->n; i++) {
        const struct supersede_item *it = &s->items[i];
        struct quota_sums has;
        struct quota_size will = {0};

        if (quota_resource_sums(t->d, it->r.id, &has, e) < 0)
            return -1;
        if (it->given)
            quota_size_of(it->r.kind, it->r.wanted, it->vcpus, it->mem_mib, it->bytes, &will);
        for (int m = 0; m < QM__MAX; m++) {
            int64_t held = has.by[m][QB_RESERVED] + has.by[m][QB_USED];

            more.by[m] += held > will.by[m] ? held - will.by[m] : 0;
        }
    }
    return quota_lend(t, s->g->id, &more, e);
}

int
supersede_apply(struct tx *t, struct supersede *s, const char *account, int64_t restart_from_ms,
                struct arena *a, struct w_order_view *views, size_t *n, struct err *e)
{
    int64_t open = 0;

    if (lend(t, s, e) < 0 || move_all(t, s->row.id, s->g->id, a, e) < 0 ||
        tell(t, s, account, a, e) < 0)
        return err_wrap(e, "superseding grant %s", s->row.number);
    for (size_t i = 0; i < s->n; i++)
        if ((s->items[i].grows || s->items[i].shrinks || s->items[i].drops) &&
            order_one(t, s, &s->items[i], account, restart_from_ms, a, &views[(*n)++], e) < 0)
            return -1;
    if (grant_open_orders(t->d, s->row.id, &open, e) < 0)
        return -1;
    if (open > 0)
        return 0;
    return clock_meet(t, account, CLK_CONFIGURE, s->row.id, t->now_ms, e) < 0
               ? -1
               : clock_meet(t, account, CLK_CHANGE, s->row.id, t->now_ms, e);
}

static int
superseding(struct tx *t, const char *grant, char id[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_GRANT_SUPERSEDING, &rows, e, DBS(grant)) < 0)
        return -1;
    rc = db_next(rows, e);
    if (rc == 1)
        (void)snprintf(id, W_ID, "%s", db_str(rows, 0));
    return rc;
}

/* Which sizes the newer grant gives is in orders that are still to be imported: until then all that
 * is held is lent. */
static int
move_recovered(struct tx *t, const char *from, const char *to, const char *number, struct arena *a,
               struct err *e)
{
    struct w_supersede_record rec = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    struct quota_size more;
    struct quota_sums all;

    if (quota_grant_sums(t->d, from, &all, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++)
        more.by[m] = all.by[m][QB_RESERVED] + all.by[m][QB_USED];
    if (quota_lend(t, to, &more, e) < 0 || move_all(t, from, to, a, e) < 0)
        return -1;
    (void)snprintf(rec.by, sizeof(rec.by), "%s", to);
    (void)snprintf(rec.number, sizeof(rec.number), "%s", number);
    jm_encode(schema_supersede_record, &rec, &b);
    return ledger_append(t, "controller", "grant.superseded", from, strbuf_peek(&b), e);
}

int
supersede_recover(struct tx *t, const char *grant, struct arena *a, struct err *e)
{
    struct grant_row g, old, newer;
    char id[W_ID];
    int rc;

    if (grant_row_get(t->d, grant, a, &g, e) < 0)
        return -1;
    if (g.supersedes[0] != '\0') {
        rc = grant_row_find(t->d, g.supersedes, a, &old, e);
        if (rc < 0 || (rc == 1 && old.superseded_by[0] == '\0' &&
                       move_recovered(t, old.id, g.id, g.number, a, e) < 0))
            return -1;
    }
    rc = superseding(t, g.id, id, e);
    if (rc <= 0)
        return rc;
    return grant_row_get(t->d, id, a, &newer, e) < 0
               ? -1
               : move_recovered(t, g.id, id, newer.number, a, e);
}

static int
returned(void *arg, const char *grant, struct err *e)
{
    return quota_returned(arg, grant, e);
}

int
supersede_recovered(struct tx *t, struct err *e)
{
    return quota_each_returning(t->d, returned, t, e);
}
