#include "controller/clocks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/calendars.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/policy.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"

static uint32_t
number_of(enum clock_kind k, const struct w_policy *p)
{
    uint32_t n = 0;

    switch (k) {
#define CLOCK(NAME, name, form, n_, field, duty, basis, reminders, zh, en)                         \
    case CLK_##NAME:                                                                               \
        n = field;                                                                                 \
        break;
#include "policies/clock.def"
#undef CLOCK
    case CLK_NONE:
    case CLK__MAX:
        break;
    }
    return n > 0 ? n : clock_rule(k)->n;
}

static int
role_of(unsigned duty)
{
    int r = ROLE_NONE;

    while (duty != 0) {
        duty >>= 1;
        r++;
    }
    return r;
}

struct clock_facts
clock_facts_of(struct controller *c, const struct clock_row *r)
{
    struct clock_facts f = {.kind = r->kind,
                            .n = r->n,
                            .start_ms = r->start_ms,
                            .tz_minutes = (int32_t)c->conf.utc_offset};

    if (r->event_day[0] != '\0')
        (void)cal_parse(r->event_day, &f.event_day);
    return f;
}

int
clock_compute(struct tx *t, const struct clock_spec *s, struct clock_row *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct w_policy p;
    struct calendar cal;
    struct clock_facts f;
    struct cal_deadline due;
    const struct clock_rule *rule = clock_rule(s->kind);

    if (rule == NULL)
        return err_set(e, BY_E_BUG, "a clock of no kind");
    memset(out, 0, sizeof(*out));
    if (policy_in_force(t->d, &a, &p, e) < 0 ||
        calendar_load(t->d, &a, &cal, out->calendar, sizeof(out->calendar), e) < 0)
        return -1;
    random_uuid(out->id);
    out->kind = s->kind;
    (void)snprintf(out->subject_kind, sizeof(out->subject_kind), "%s", s->subject_kind);
    (void)snprintf(out->subject, sizeof(out->subject), "%s", s->subject);
    (void)snprintf(out->title, sizeof(out->title), "%s", s->title == NULL ? "" : s->title);
    (void)snprintf(out->unit, sizeof(out->unit), "%s", s->unit);
    (void)snprintf(out->policy, sizeof(out->policy), "%s", p.version);
    out->duty_role = role_of(rule->duty);
    out->start_ms = s->start_ms;
    out->n = number_of(s->kind, &p);
    if (clock_has_event(s->kind))
        cal_text(s->event_day, out->event_day);
    f = clock_facts_of(t->c, out);
    due = clock_due(&cal, &f);
    cal_text(due.due_day, out->due_day);
    out->due_ms = due.overdue_ms;
    out->provisional = due.provisional;
    out->next_ms = out->start_ms > 0 ? out->start_ms : 1; /* the job finds what comes first */
    return 0;
}

int
clock_record(struct tx *t, const char *actor, const char *act, const struct clock_row *r,
             const struct clock_row *old, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_clock_record rec = {.kind = (int)r->kind,
                                 .start_ms = r->start_ms,
                                 .n = r->n,
                                 .due_ms = r->due_ms,
                                 .provisional = r->provisional};

    memcpy(rec.subject_kind, r->subject_kind, sizeof(rec.subject_kind));
    memcpy(rec.subject, r->subject, sizeof(rec.subject));
    memcpy(rec.unit, r->unit, sizeof(rec.unit));
    memcpy(rec.event_day, r->event_day, sizeof(rec.event_day));
    memcpy(rec.policy, r->policy, sizeof(rec.policy));
    memcpy(rec.calendar, r->calendar, sizeof(rec.calendar));
    memcpy(rec.due_day, r->due_day, sizeof(rec.due_day));
    if (old != NULL) {
        memcpy(rec.old_calendar, old->calendar, sizeof(rec.old_calendar));
        memcpy(rec.old_due_day, old->due_day, sizeof(rec.old_due_day));
    }
    jm_encode(schema_clock_record, &rec, &b);
    return ledger_append(t, actor, act, r->subject, strbuf_peek(&b), e);
}

int
clock_begin(struct tx *t, const char *actor, const struct clock_row *r, struct err *e)
{
    if (clock_row_insert(t->d, r, e) < 0) {
        if (e != NULL && e->code == BY_E_CONFLICT)
            return err_set(e, BY_E_CONFLICT, "a clock '%s' runs already on %s %s",
                           clock_rule(r->kind)->name, r->subject_kind, r->subject);
        return -1;
    }
    return clock_record(t, actor, "clock.started", r, NULL, e);
}

int
clock_start(struct tx *t, const char *actor, const struct clock_spec *s, struct clock_row *out,
            struct err *e)
{
    struct clock_row own;

    if (out == NULL)
        out = &own;
    return clock_compute(t, s, out, e) < 0 ? -1 : clock_begin(t, actor, out, e);
}

int
clock_meet(struct tx *t, const char *actor, enum clock_kind kind, const char *subject,
           int64_t at_ms, struct err *e)
{
    struct clock_row r;
    char body[160];
    int rc = clock_row_open(t->d, kind, subject, &r, e);

    if (rc <= 0)
        return rc;
    /* Late, and nobody has judged it yet: the job does, by its own instant. */
    if (clock_row_meet(t->d, r.id, at_ms, at_ms >= r.due_ms && r.overdue_ms == 0 ? r.due_ms : 0,
                       e) < 0)
        return -1;
    (void)snprintf(body, sizeof(body),
                   "{\"at_ms\":%" PRId64 ",\"due_ms\":%" PRId64 ",\"kind\":\"%s\"}", at_ms,
                   r.due_ms, clock_rule(kind)->name);
    return ledger_append(t, actor, "clock.met", subject, body, e);
}

int
clock_cancel(struct tx *t, const char *actor, enum clock_kind kind, const char *subject,
             const char *reason, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_clock_act act = {.reason = reason};
    struct clock_row r;
    int rc = clock_row_open(t->d, kind, subject, &r, e);

    if (rc <= 0)
        return rc;
    act.kind = (int)kind;
    jm_encode(schema_clock_act, &act, &b);
    if (clock_row_cancel(t->d, r.id, t->now_ms, e) < 0)
        return -1;
    return ledger_append(t, actor, "clock.cancelled", subject, strbuf_peek(&b), e);
}

int
clock_load(struct db *d, const char *id, struct clock_row *out, struct err *e)
{
    int rc = clock_row_find(d, id, out, e);

    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no clock %s", id);
    return rc < 0 ? -1 : 0;
}

int
clock_each(struct db *d, const struct clock_filter *f, clock_fn fn, void *arg, struct err *e)
{
    return clock_row_each(d, f, fn, arg, e);
}

enum clock_state
clock_state_of(struct controller *c, const struct clock_row *r, int64_t now_ms)
{
    return clock_judge(r->kind, r->due_ms, r->met_ms, r->cancelled_ms, now_ms,
                       controller_clock_jumped(c));
}

int
clock_replay(struct tx *t, const struct clock_row *r, struct cal_deadline *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct clock_facts f = clock_facts_of(t->c, r);
    struct calendar cal;
    struct w_policy p;

    if (calendar_at(t->d, r->calendar, &a, &cal, e) < 0 ||
        policy_by_version(t->d, r->policy, &a, &p, e) < 0)
        return -1;
    f.n = number_of(r->kind, &p);
    *out = clock_due(&cal, &f);
    return 0;
}

void
clock_view_fill(struct controller *c, const struct clock_row *r, int64_t now_ms,
                struct w_clock_view *v)
{
    enum clock_state s = clock_state_of(c, r, now_ms);

    memset(v, 0, sizeof(*v));
    memcpy(v->id, r->id, sizeof(v->id));
    v->kind = (int)r->kind;
    v->state = (int)s;
    memcpy(v->subject_kind, r->subject_kind, sizeof(v->subject_kind));
    memcpy(v->subject, r->subject, sizeof(v->subject));
    memcpy(v->title, r->title, sizeof(v->title));
    memcpy(v->unit, r->unit, sizeof(v->unit));
    v->duty = r->duty_role;
    memcpy(v->event_day, r->event_day, sizeof(v->event_day));
    v->start_ms = r->start_ms;
    memcpy(v->due_day, r->due_day, sizeof(v->due_day));
    v->due_ms = r->due_ms;
    v->met_ms = r->met_ms;
    v->provisional = r->provisional;
    v->overdue = clock_is_late(s);
}
