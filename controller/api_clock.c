/* Legal clocks as people see them: lists, one with all beside it, causes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"

enum { CAUSES_MAX = 100 };

/* ---- lists --------------------------------------------------------------------------------- */

struct page {
    struct paging p;
    int64_t now_ms;
};

static int
add_row(void *arg, const struct clock_row *r, struct err *e)
{
    struct page *p = arg;
    struct w_clock_view *to = paging_add(&p->p, r->due_ms, r->id, "");

    (void)e;
    if (to != NULL)
        clock_view_fill(p->p.k->c, r, p->now_ms, to);
    return 0;
}

/* While the clock is held nothing is called overdue. */
static int
add_counts(struct api_call *k, struct tx *t, struct w_clock_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int64_t now = controller_clock_jumped(k->c) ? 0 : t->now_ms;
    const char *unit = own_filter(k);
    int rc;

    if (DB_QUERY(t->d, DB_CLOCK_COUNTS, &r, e, DBI(now), DBI(now), DBS(unit), DBS(unit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_clock_count *n = listing_add(&out->counts, sizeof(*n), k->a);

        (void)snprintf(n->unit, sizeof(n->unit), "%s", db_str(r, 0));
        (void)snprintf(n->unit_name, sizeof(n->unit_name), "%s", db_str(r, 1));
        n->kind = (int)clock_kind_of(db_str(r, 2));
        n->running = (uint32_t)db_int(r, 3);
        n->overdue = (uint32_t)db_int(r, 4);
    }
    return rc;
}

int
api_clock_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_clock_list *out = k->out;
    struct page p = {.now_ms = t->now_ms};
    struct clock_filter f = {.unit = own_filter(k),
                             .subject = param_text(k, "subject"),
                             .kind = (enum clock_kind)param_word(k, "kind"),
                             .duty_role = param_flag(k, "mine") ? (int)k->who.role : 0,
                             .open = param_flag(k, "open") || param_flag(k, "overdue")};

    if (param_flag(k, "overdue")) /* held: nothing is */
        f.due_before_ms = controller_clock_jumped(k->c) ? 1 : t->now_ms;
    if (PAGING_OPEN(&p.p, k, out, clock_view, 0, e) < 0)
        return -1;
    f.after_ms = p.p.from.n;
    f.after_id = p.p.from.id;
    f.limit = (uint32_t)p.p.from.limit;
    if (clock_each(t->d, &f, add_row, &p, e) < 0)
        return -1;
    return p.p.first ? add_counts(k, t, out, e) : 0;
}

/* ---- one ----------------------------------------------------------------------------------- */

struct beside {
    struct api_call *k;
    struct w_clock_detail *out;
};

static int
add_told(void *arg, const struct clock_event *ev, int64_t told_ms, struct err *e)
{
    struct beside *x = arg;
    struct w_clock_told *w = listing_add(&x->out->told, sizeof(*w), x->k->a);

    (void)e;
    (void)snprintf(w->to, sizeof(w->to), "%s", clock_to_name(ev->to));
    w->days = ev->what == CLE_REMIND ? -ev->days : ev->days;
    w->at_ms = ev->at_ms;
    w->told_ms = told_ms;
    return 0;
}

static int
add_causes(struct api_call *k, struct tx *t, const char *id, struct w_clock_detail *out,
           struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_CLOCK_CAUSE_LIST, &r, e, DBS(id)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_clock_cause_view *w = listing_add(&out->causes, sizeof(*w), k->a);

        w->cause = (int)db_int(r, 0);
        w->note = arena_strdup(k->a, db_str(r, 1));
        (void)snprintf(w->account, sizeof(w->account), "%s", db_str(r, 2));
        (void)snprintf(w->account_name, sizeof(w->account_name), "%s", db_str(r, 3));
        w->since_ms = db_int(r, 4);
        w->at_ms = db_int(r, 5);
    }
    return rc;
}

static int
detail_fill(struct api_call *k, struct tx *t, const struct clock_row *r, struct err *e)
{
    struct w_clock_detail *out = k->out;
    const struct clock_rule *rule = clock_rule(r->kind);
    struct beside x = {k, out};
    struct cal_deadline due = {0};

    memset(out, 0, sizeof(*out));
    if (rule == NULL)
        return err_set(e, BY_E_BUG, "clock %s is of a kind that this program does not know", r->id);
    clock_view_fill(k->c, r, t->now_ms, &out->clock);
    out->duty_text = arena_printf(k->a, "%s: %s", rule->zh, rule->en);
    (void)snprintf(out->basis, sizeof(out->basis), "%s", rule->basis);
    out->n = r->n;
    memcpy(out->policy, r->policy, sizeof(out->policy));
    memcpy(out->calendar, r->calendar, sizeof(out->calendar));
    if (r->policy[0] != '\0') {
        if (clock_replay(t, r, &due, e) < 0)
            return -1;
        out->replay_equal = due.overdue_ms == r->due_ms && due.provisional == r->provisional;
    }
    if (add_causes(k, t, r->id, out, e) < 0)
        return -1;
    return clock_told_each(t->d, r->id, add_told, &x, e);
}

int
api_clock_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct clock_row r;

    if (clock_load(t->d, k->id, &r, e) < 0 || own_check(k, r.unit, "clock", e) < 0)
        return -1;
    return detail_fill(k, t, &r, e);
}

/* ---- causes -------------------------------------------------------------------------------- */

static int
room_for_cause(struct tx *t, const char *id, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(t->d, DB_CLOCK_CAUSE_COUNT, &r, e, DBS(id)) < 0 || db_next(r, e) != 1)
        return -1;
    if (db_int(r, 0) >= CAUSES_MAX)
        return err_set(e, BY_E_CONFLICT, "%d causes stand beside this clock already", CAUSES_MAX);
    return 0;
}

int
api_clock_cause(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const struct w_clock_cause_request *in = k->in;
    struct w_clock_cause_view said = {.cause = in->cause, .note = in->note, .at_ms = t->now_ms};
    struct clock_row r;
    char id[40];

    if (clock_load(t->d, k->id, &r, e) < 0 || own_check(k, r.unit, "clock", e) < 0)
        return -1;
    said.since_ms = in->since_ms == 0 ? t->now_ms : in->since_ms;
    if (in->note[0] == '\0')
        return err_field(e, BY_E_INVALID, "note", "say what happened");
    if (said.since_ms > t->now_ms)
        return err_field(e, BY_E_INVALID, "since_ms", "a cause does not begin in the future");
    if (room_for_cause(t, r.id, e) < 0)
        return -1;
    random_uuid(id);
    memcpy(said.account, k->who.account, sizeof(said.account));
    jm_encode(schema_clock_cause_view, &said, &b);
    if (DB_EXEC(t->d, DB_CLOCK_CAUSE_ADD, NULL, e, DBS(id), DBS(r.id), DBI(in->cause),
                DBS(in->note), DBS(k->who.account), DBI(said.since_ms), DBI(t->now_ms)) < 0 ||
        ledger_append(t, k->who.account, "clock.cause", r.subject, strbuf_peek(&b), e) < 0)
        return -1;
    return detail_fill(k, t, &r, e);
}
