#include "controller/quota.h"

#include <stdio.h>
#include <string.h>

#include "controller/grant_expand.h"
#include "policies/quota.h"

void
quota_size_of(int kind, int wanted, uint64_t vcpus, uint64_t mem_mib, uint64_t bytes,
              struct quota_size *out)
{
    bool there = wanted != WANT_ABSENT && wanted != WANT_NONE;
    bool binned = wanted == WANT_BINNED;

    memset(out, 0, sizeof(*out));
    if (!there)
        return;
    if (kind == RES_VM && !binned) {
        out->by[QM_VCPUS] = (int64_t)vcpus;
        out->by[QM_MEM] = (int64_t)mem_mib;
    }
    if (kind == RES_NETWORK)
        out->by[QM_NETWORKS] = 1;
    else
        out->by[QM_DISK] = (int64_t)((bytes + GIB_BYTES - 1) / GIB_BYTES);
}

void
quota_size_granted(const struct w_grant *g, struct quota_size *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);
        struct quota_size one;

        if (l->adopt.id[0] != '\0')
            continue;
        quota_size_of(l->kind, WANT_PRESENT, l->vcpus, l->mem_mib, l->disk_gib * GIB_BYTES, &one);
        for (int m = 0; m < QM__MAX; m++)
            out->by[m] += one.by[m] * (int64_t)l->count;
    }
}

int
quota_grant(struct tx *t, const char *grant, const struct quota_size *s, struct err *e)
{
    for (int m = 0; m < QM__MAX; m++)
        if (s->by[m] > 0 && quota_entry_move(t->d, grant, (enum quota_metric)m, QB_GRANTED, QB_FREE,
                                             s->by[m], "", "", t->now_ms, e) < 0)
            return -1;
    return 0;
}

int
quota_move(struct tx *t, const char *from, const char *to, const char *resource, struct err *e)
{
    static const enum quota_book held[] = {QB_RESERVED, QB_USED};
    struct quota_sums has;

    if (quota_resource_sums(t->d, resource, &has, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++)
        for (size_t i = 0; i < 2; i++) {
            int64_t n = has.by[m][held[i]];

            if (n > 0 && (quota_entry_move(t->d, from, (enum quota_metric)m, held[i], QB_FREE, n,
                                           resource, "", t->now_ms, e) < 0 ||
                          quota_entry_move(t->d, to, (enum quota_metric)m, QB_FREE, held[i], n,
                                           resource, "", t->now_ms, e) < 0))
                return -1;
        }
    return 0;
}

int
quota_lend(struct tx *t, const char *grant, const struct quota_size *more, struct err *e)
{
    for (int m = 0; m < QM__MAX; m++)
        if (more->by[m] > 0 && quota_entry_move(t->d, grant, (enum quota_metric)m, QB_RETURNING,
                                                QB_FREE, more->by[m], "", "", t->now_ms, e) < 0)
            return -1;
    return 0;
}

int
quota_returned(struct tx *t, const char *grant, struct err *e)
{
    struct quota_sums all;

    if (quota_grant_sums(t->d, grant, &all, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        int64_t owed = -all.by[m][QB_RETURNING], free = all.by[m][QB_FREE];
        int64_t back = owed < free ? owed : free;

        if (back > 0 && quota_entry_move(t->d, grant, (enum quota_metric)m, QB_FREE, QB_RETURNING,
                                         back, "", "", t->now_ms, e) < 0)
            return -1;
    }
    return 0;
}

int
quota_close(struct tx *t, const char *grant, struct err *e)
{
    struct quota_sums all;

    if (quota_returned(t, grant, e) < 0 || quota_grant_sums(t->d, grant, &all, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        if (all.by[m][QB_RESERVED] != 0 || all.by[m][QB_USED] != 0)
            return err_set(e, BY_E_BUG, "grant %s is closed and still holds %s", grant,
                           quota_metric_name((enum quota_metric)m));
        if (all.by[m][QB_FREE] > 0 &&
            quota_entry_move(t->d, grant, (enum quota_metric)m, QB_FREE, QB_GRANTED,
                             all.by[m][QB_FREE], "", "", t->now_ms, e) < 0)
            return -1;
    }
    return 0;
}

int
quota_take(struct tx *t, const struct quota_whose *w, const struct quota_size *less,
           const struct quota_size *after, struct err *e)
{
    static const enum quota_book from[] = {QB_USED, QB_RESERVED, QB_FREE};
    struct quota_sums has, all;

    if (quota_resource_sums(t->d, w->resource, &has, e) < 0 ||
        quota_grant_sums(t->d, w->grant, &all, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        int64_t left = less->by[m];
        int64_t beyond = has.by[m][QB_USED] + has.by[m][QB_RESERVED] - after->by[m];

        for (size_t i = 0; i < ARRAY_LEN(from) && left > 0; i++) {
            int64_t n = from[i] == QB_FREE ? all.by[m][QB_FREE] : has.by[m][from[i]];

            if (from[i] != QB_FREE) {
                n = n < beyond ? n : beyond;
                beyond -= n > 0 ? n : 0;
            }
            n = n < left ? n : left;
            if (n > 0 && quota_entry_move(t->d, w->grant, (enum quota_metric)m, from[i], QB_GRANTED,
                                          n, w->resource, w->order, t->now_ms, e) < 0)
                return -1;
            left -= n > 0 ? n : 0;
        }
    }
    return 0;
}

int
quota_give_back(struct tx *t, const struct quota_whose *w, struct err *e)
{
    struct quota_sums has;

    if (quota_resource_sums(t->d, w->resource, &has, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++)
        if (has.by[m][QB_GRANTED] > 0 &&
            quota_entry_move(t->d, w->grant, (enum quota_metric)m, QB_GRANTED, QB_FREE,
                             has.by[m][QB_GRANTED], w->resource, w->order, t->now_ms, e) < 0)
            return -1;
    return 0;
}

int
quota_fits(struct db *d, const struct quota_whose *w, const struct quota_size *want, bool *out,
           struct err *e)
{
    struct quota_sums has, all;

    if (quota_resource_sums(d, w->resource, &has, e) < 0 ||
        quota_grant_sums(d, w->grant, &all, e) < 0)
        return -1;
    *out = true;
    for (int m = 0; m < QM__MAX; m++)
        if (want->by[m] - has.by[m][QB_RESERVED] - has.by[m][QB_USED] > all.by[m][QB_FREE])
            *out = false;
    return 0;
}

static struct quota_sum
sum_of(const struct quota_sums *all, int m)
{
    return (struct quota_sum){.granted = -all->by[m][QB_GRANTED] - all->by[m][QB_RETURNING],
                              .reserved = all->by[m][QB_RESERVED],
                              .used = all->by[m][QB_USED]};
}

static struct quota_held
held_of(const struct quota_sums *has, int m)
{
    return (struct quota_held){.reserved = has->by[m][QB_RESERVED], .used = has->by[m][QB_USED]};
}

static enum quota_book
book_of(enum quota_account a)
{
    switch (a) {
    case QUOTA_FREE:
        return QB_FREE;
    case QUOTA_RESERVED:
        return QB_RESERVED;
    case QUOTA_USED:
        return QB_USED;
    }
    return QB_FREE;
}

/* Write down what the policy decided. */
static int
carry_out(struct tx *t, const struct quota_whose *w, int m, const struct quota_verdict *v,
          struct err *e)
{
    if (v->reason == QUOTA_SHORT)
        return err_set(e, BY_E_CONFLICT,
                       "grant %s lacks %lld %s: apply for more, or give something back first",
                       w->grant, (long long)v->short_by, quota_metric_name((enum quota_metric)m));
    if (v->reason != QUOTA_OK)
        return err_set(e, BY_E_BUG, "quota of grant %s, %s: %s", w->grant,
                       quota_metric_name((enum quota_metric)m), quota_reason_text(v->reason));
    for (size_t i = 0; i < v->n; i++)
        if (quota_entry_move(t->d, w->grant, (enum quota_metric)m, book_of(v->moves[i].from),
                             book_of(v->moves[i].to), v->moves[i].amount, w->resource, w->order,
                             t->now_ms, e) < 0)
            return -1;
    return 0;
}

typedef struct quota_verdict (*decide_fn)(const struct quota_sum *sum,
                                          const struct quota_held *held, int64_t size);

/* In each metric what the policy decides about the resource at that size. */
static int
book(struct tx *t, const struct quota_whose *w, const struct quota_size *size, decide_fn decide,
     struct err *e)
{
    struct quota_sums has, all;

    if (quota_resource_sums(t->d, w->resource, &has, e) < 0 ||
        quota_grant_sums(t->d, w->grant, &all, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        struct quota_sum sum = sum_of(&all, m);
        struct quota_held held = held_of(&has, m);
        struct quota_verdict v = decide(&sum, &held, size->by[m]);

        if (carry_out(t, w, m, &v, e) < 0)
            return -1;
    }
    return 0;
}

int
quota_hold(struct tx *t, const struct quota_whose *w, const struct quota_size *want, struct err *e)
{
    return book(t, w, want, quota_reserve, e);
}

int
quota_readback(struct tx *t, const struct quota_whose *w, const struct quota_size *have,
               struct err *e)
{
    struct quota_sums all;
    bool owes = false;

    if (book(t, w, have, quota_settle, e) < 0 || quota_grant_sums(t->d, w->grant, &all, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++)
        owes = owes || all.by[m][QB_RETURNING] != 0;
    return owes ? quota_returned(t, w->grant, e) : 0;
}

int
quota_adopt(struct tx *t, const struct quota_whose *w, const struct quota_size *have, struct err *e)
{
    struct quota_sums has;

    if (quota_resource_sums(t->d, w->resource, &has, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++)
        if (has.by[m][QB_RESERVED] != 0 || has.by[m][QB_USED] != 0)
            return quota_readback(t, w, have, e);
    for (int m = 0; m < QM__MAX; m++)
        if (have->by[m] > 0 &&
            quota_entry_move(t->d, w->grant, (enum quota_metric)m, QB_GRANTED, QB_USED, have->by[m],
                             w->resource, w->order, t->now_ms, e) < 0)
            return -1;
    return 0;
}

/* ---- proof ---------------------------------------------------------------------------------- */

struct prove {
    struct db *d;
    int64_t now_ms;
    struct quota_proof *out;
};

static bool
is_sure(const struct quota_proof_row *r)
{
    return !r->found || r->seen == SEEN_RUNNING || r->seen == SEEN_STOPPED ||
           r->seen == SEEN_PRESENT || r->seen == SEEN_BINNED;
}

static int
prove_row(void *arg, const struct quota_proof_row *r, struct err *e)
{
    struct prove *p = arg;
    struct quota_sums has;
    struct quota_size found = {0};

    if (!r->settled || !is_sure(r) || r->inventory_unknown ||
        p->now_ms - r->inventory_ms > QUOTA_FRESH_MS) {
        p->out->unproven = true;
        return 0;
    }
    if (quota_resource_sums(p->d, r->id, &has, e) < 0)
        return -1;
    if (r->found)
        quota_size_of(r->kind, r->seen == SEEN_BINNED ? WANT_BINNED : WANT_PRESENT, r->vcpus,
                      r->mem_mib, r->bytes, &found);
    for (int m = 0; m < QM__MAX; m++) {
        p->out->settled[m] += has.by[m][QB_USED];
        p->out->proven[m] += found.by[m];
    }
    return 0;
}

int
quota_prove(struct db *d, const char *grant, int64_t now_ms, struct quota_proof *out, struct err *e)
{
    struct prove p = {d, now_ms, out};

    memset(out, 0, sizeof(*out));
    return quota_each_proof(d, grant, prove_row, &p, e);
}

struct view {
    struct db *d;
    int64_t now_ms;
    quota_rows_fn fn;
    void *arg;
};

static int
view_grant(void *arg, const char *grant, const char *number, const struct quota_sums *s,
           struct err *e)
{
    struct view *v = arg;
    struct w_quota_row rows[QM__MAX] = {0};
    struct quota_proof p;
    size_t n = 0;

    if (quota_prove(v->d, grant, v->now_ms, &p, e) < 0)
        return -1;
    for (int m = 0; m < QM__MAX; m++) {
        struct w_quota_row *r = &rows[n];

        if (s->by[m][QB_GRANTED] == 0)
            continue;
        n++;
        (void)snprintf(r->grant, sizeof(r->grant), "%s", grant);
        (void)snprintf(r->number, sizeof(r->number), "%s", number);
        (void)snprintf(r->metric, sizeof(r->metric), "%s", quota_metric_name((enum quota_metric)m));
        r->granted = -s->by[m][QB_GRANTED];
        r->reserved = s->by[m][QB_RESERVED];
        r->used = s->by[m][QB_USED];
        r->proven = p.proven[m];
        r->drift = p.settled[m] - p.proven[m];
        r->unproven = p.unproven;
    }
    return v->fn(v->arg, grant, rows, n, e);
}

int
quota_view(struct db *d, const char *unit, int64_t now_ms, const char *after, int grants,
           quota_rows_fn fn, void *arg, struct err *e)
{
    struct view v = {d, now_ms, fn, arg};

    return quota_each_grant(d, unit, after, grants, view_grant, &v, e);
}

struct sweep {
    quota_rows_fn fn;
    void *arg;
    char last[W_ID];
    int n;
};

static int
sweep_grant(void *arg, const char *grant, const struct w_quota_row *rows, size_t n, struct err *e)
{
    struct sweep *s = arg;

    (void)snprintf(s->last, sizeof(s->last), "%s", grant);
    s->n++;
    return s->fn(s->arg, grant, rows, n, e);
}

int
quota_prove_all(struct db *d, int64_t now_ms, quota_rows_fn fn, void *arg, struct err *e)
{
    struct sweep s = {.fn = fn, .arg = arg};

    do {
        char after[W_ID];

        memcpy(after, s.last, sizeof(after));
        s.n = 0;
        if (quota_view(d, "", now_ms, after, QUOTA_SWEEP, sweep_grant, &s, e) < 0)
            return -1;
    } while (s.n == QUOTA_SWEEP);
    return 0;
}
