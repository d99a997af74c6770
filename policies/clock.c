#include "policies/clock.h"

#include <string.h>

/* A reminder comes in the morning, when somebody can still act on it that day. */
#define REMIND_AT_MS (INT64_C(9) * 3600000)

static const struct clock_rule rules[CLK__MAX] = {
#define CLOCK(NAME, nm, fm, nn, field, dt, bs, rem, z, en_)                                        \
    [CLK_##NAME] = {.name = (nm),                                                                  \
                    .form = CLK_##fm,                                                              \
                    .n = (nn),                                                                     \
                    .duty = (dt),                                                                  \
                    .basis = (bs),                                                                 \
                    .reminders = CLOCK_LIST rem,                                                   \
                    .zh = (z),                                                                     \
                    .en = (en_)},
#define CLOCK_LIST(...)                                                                            \
    {                                                                                              \
        __VA_ARGS__, -1                                                                            \
    }
#include "policies/clock.def"
#undef CLOCK_LIST
#undef CLOCK
};

static const struct {
    int32_t days;
    enum clock_to to;
} escalations[] = {
#define ESCALATION(d, t, doc) {d, CLT_##t},
#include "policies/clock_escalation.def"
#undef ESCALATION
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(COUNT(escalations) + CLK_REMINDERS <= CLK_EVENTS, "a clock's events have room");

const struct clock_rule *
clock_rule(enum clock_kind k)
{
    return k > CLK_NONE && k < CLK__MAX ? &rules[k] : NULL;
}

enum clock_kind
clock_kind_of(const char *name)
{
    for (int k = CLK_NONE + 1; k < CLK__MAX; k++)
        if (strcmp(rules[k].name, name) == 0)
            return (enum clock_kind)k;
    return CLK_NONE;
}

const char *
clock_state_name(enum clock_state s)
{
    static const char *const names[CLS__MAX] = {
        "",
#define CLS(NAME, name) name,
#include "policies/clock_state.def"
#undef CLS
    };

    return s < CLS__MAX ? names[s] : "";
}

const char *
clock_to_name(enum clock_to to)
{
    static const char *const names[CLT__MAX] = {"", "duty", "unit", "head", "bureau", "auditor"};

    return to < CLT__MAX ? names[to] : "";
}

bool
clock_has_event(enum clock_kind k)
{
    const struct clock_rule *r = clock_rule(k);

    return r != NULL && (r->form == CLK_BEFORE || r->form == CLK_ON);
}

static struct cal_result
due_day(const struct calendar *c, const struct clock_facts *f, const struct clock_rule *r)
{
    uint32_t n = f->n > 0 ? f->n : r->n;
    int32_t start = cal_day_of_ms(f->start_ms, f->tz_minutes);

    switch (r->form) {
    case CLK_AFTER:
        return cal_plus_working(c, start, n);
    case CLK_DAYS:
        return cal_rolled(c, start + (int32_t)(n < CAL_DAYS_MAX ? n : CAL_DAYS_MAX));
    case CLK_MONTHS:
        return cal_rolled(c, cal_plus_months(start, n));
    case CLK_BEFORE:
        return cal_minus_working(c, f->event_day, n);
    case CLK_ON:
        break;
    }
    return (struct cal_result){.day = f->event_day};
}

struct cal_deadline
clock_due(const struct calendar *c, const struct clock_facts *f)
{
    const struct clock_rule *r = clock_rule(f->kind);
    struct cal_result d = {0};

    if (r != NULL)
        d = due_day(c, f, r);
    return (struct cal_deadline){.due_day = d.day,
                                 .overdue_ms = cal_ms_of_day(d.day + 1, f->tz_minutes),
                                 .provisional = d.provisional};
}

enum clock_state
clock_judge(enum clock_kind k, int64_t due_ms, int64_t met_ms, int64_t cancelled_ms, int64_t now_ms,
            bool held)
{
    const struct clock_rule *r = clock_rule(k);

    if (r == NULL)
        return CLS_NONE;
    if (met_ms > 0) {
        if (met_ms < due_ms)
            return CLS_MET;
        return r->form == CLK_BEFORE ? CLS_LATE_FILING : CLS_MET_LATE;
    }
    if (cancelled_ms > 0)
        return CLS_CANCELLED;
    if (held)
        return CLS_HELD;
    return now_ms >= due_ms ? CLS_OVERDUE : CLS_RUNNING;
}

bool
clock_is_late(enum clock_state s)
{
    return s == CLS_OVERDUE || s == CLS_MET_LATE || s == CLS_LATE_FILING;
}

size_t
clock_events(const struct calendar *c, const struct clock_facts *f, const struct cal_deadline *due,
             struct clock_event *out)
{
    const struct clock_rule *r = clock_rule(f->kind);
    size_t n = 0;

    if (r == NULL)
        return 0;
    for (size_t i = 0; i < CLK_REMINDERS && r->reminders[i] >= 0; i++) {
        int32_t day = cal_minus_working(c, due->due_day, (uint32_t)r->reminders[i]).day;
        int64_t at = cal_ms_of_day(day, f->tz_minutes) + REMIND_AT_MS;

        if (at > f->start_ms)
            out[n++] = (struct clock_event){CLE_REMIND, CLT_DUTY, r->reminders[i], at};
    }
    for (size_t i = 0; i < COUNT(escalations); i++) {
        int32_t day = cal_plus_working(c, due->due_day, (uint32_t)escalations[i].days).day;

        out[n++] = (struct clock_event){CLE_ESCALATE, escalations[i].to, escalations[i].days,
                                        cal_ms_of_day(day + 1, f->tz_minutes)};
    }
    return n;
}
