#include "controller/usage.h"

#include <string.h>

#include "controller/hostauth.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/policy.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_resource.h"
#include "drivers/db/store_usage.h"

enum { SKEW_MS = 300000 };

/* ---- from hosts ---------------------------------------------------------------------------------
 */

/* Remembers the last VM asked about: slots come machine by machine. */
struct whose {
    char vm[W_ID];
    bool ours;
};

static int
is_of_host(struct api_call *k, struct tx *t, const char *vm, struct whose *w, struct err *e)
{
    struct resource_row r;
    int rc;

    if (strcmp(w->vm, vm) == 0)
        return w->ours;
    rc = resource_find(t->d, vm, k->a, &r, e);
    if (rc < 0)
        return -1;
    memcpy(w->vm, vm, W_ID);
    w->ours = rc == 1 && r.kind == RES_VM && strcmp(r.host, k->who.host) == 0;
    return w->ours;
}

/* A slot that cannot be true measures nothing; it is left out, never bent into shape. */
static bool
is_sane(const struct w_slot *s, int64_t slot_ms, int64_t now_ms)
{
    return s->at_ms % slot_ms == 0 && s->at_ms <= now_ms + SKEW_MS && s->running_ms > 0 &&
           s->running_ms <= slot_ms && s->peak >= s->avg;
}

int
api_agent_samples(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_samples *in = k->in;
    struct w_status_answer *out = k->out;
    struct whose w = {.ours = false};

    if (hostauth_boot(t, k->who.host, in->boot, false, e) < 0)
        return -1;
    for (size_t i = 0; i < in->slots.n; i++) {
        const struct w_slot *s = JM_ITEM(in->slots, struct w_slot, i);
        bool fresh = false;
        int ours = is_of_host(k, t, s->vm, &w, e);

        if (ours < 0)
            return -1;
        if (ours == 0 || !is_sane(s, in->slot_ms, t->now_ms))
            continue;
        if (slot_add(t->d, s, in->slot_ms, &fresh, e) < 0 ||
            (fresh && hist_day_add(t->d, s, e) < 0))
            return -1;
    }
    if (host_flow_samples(t->d, k->who.host, in->boot, in->seq, t->now_ms, e) < 0)
        return -1;
    out->seq = in->seq;
    return 0;
}

/* ---- for people
 * ---------------------------------------------------------------------------------- */

struct list {
    struct api_call *k;
    struct tx *t;
    struct w_usage_list *out;
    struct paging p; /* of VMs: each keeps all its rows */
    struct jm_list vms;
    int64_t from_ms, to_ms;
};

static void
row_fill(const struct usage_sum *u, const struct list *l, struct w_usage_row *r)
{
    int64_t window = l->to_ms - l->from_ms;
    int64_t share = window > 0 ? u->measured_ms * 100 / window : 0;

    r->from_ms = l->from_ms;
    r->to_ms = l->to_ms;
    r->coverage_percent = share > 100 ? 100 : (uint32_t)share;
    r->slots = u->avg.n;
    r->avg = hist_mean(&u->avg);
    r->p95 = hist_quantile(&u->avg, 9500);
    r->p95_peak = hist_quantile(&u->peak, 9500);
    r->max = u->peak.max;
    r->unknown = u->avg.n == 0;
}

static int
list_vm(void *arg, const struct resource_row *r, struct err *e)
{
    struct list *l = arg;

    if (paging_add(&l->p, 0, r->id, r->name) == NULL)
        return 0;
    for (int m = METRIC_CPU; m < METRIC__MAX; m++) {
        struct w_usage_row *row = JM_ITEM(l->out->items, struct w_usage_row, l->out->items.n);
        struct usage_sum u;

        if (usage_load(l->t->d, r->id, m, l->from_ms, l->to_ms, NULL, 0, &u, e) < 0)
            return -1;
        memcpy(row->vm, r->id, sizeof(row->vm));
        memcpy(row->name, r->name, sizeof(row->name));
        row->metric = m;
        row_fill(&u, l, row);
        l->out->items.n++;
    }
    return 0;
}

static int
window_of(struct api_call *k, struct tx *t, struct list *l, struct err *e)
{
    struct w_policy p;
    int64_t window;

    if (policy_in_force(t->d, k->a, &p, e) < 0)
        return -1;
    window = param_number(k, "window_ms", p.window_ms);
    l->to_ms = t->now_ms;
    l->from_ms = window < t->now_ms ? t->now_ms - window : 0;
    return 0;
}

int
api_usage_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct list l = {.k = k, .t = t, .out = k->out};
    const char *vm = param_text(k, "vm");
    struct resource_page page = {.unit = own_filter(k), .system = "", .kind = RES_VM};
    struct resource_row r;

    if (window_of(k, t, &l, e) < 0 || paging_open(&l.p, k, &l.vms, 1, &l.out->next, 0, e) < 0)
        return -1;
    l.out->items.items = arena_alloc(k->a, (vm[0] == '\0' ? l.p.limit : 1) * METRIC__MAX *
                                               sizeof(struct w_usage_row));
    if (vm[0] == '\0') {
        page.after_name = l.p.from.text;
        page.after_id = l.p.from.id;
        page.limit = l.p.from.limit;
        return resource_each_page(t->d, &page, k->a, list_vm, &l, e);
    }
    if (resource_get(t->d, vm, k->a, &r, e) < 0 || own_check(k, r.unit, "VM", e) < 0)
        return -1;
    return r.absent_ms > 0 ? 0 : list_vm(&l, &r, e);
}
