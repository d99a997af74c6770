#ifndef BY_POLICIES_CLOCK_H
#define BY_POLICIES_CLOCK_H
/* Legal clocks (办理时限): from facts to a due day, a state, and who is to be told when.  A kind is
 * a row of clock.def, a step of escalation one of clock_escalation.def.  Everything is computed
 * from recorded facts and a calendar, so that it comes out the same whoever ran when.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies/authz.h"
#include "policies/calendar.h"

enum clock_kind {
    CLK_NONE,
#define CLOCK(NAME, name, form, n, field, duty, basis, reminders, zh, en) CLK_##NAME,
#include "policies/clock.def"
#undef CLOCK
    CLK__MAX
};
enum clock_form { CLK_AFTER, CLK_DAYS, CLK_MONTHS, CLK_BEFORE, CLK_ON };
enum clock_state {
    CLS_NONE,
#define CLS(NAME, name) CLS_##NAME,
#include "policies/clock_state.def"
#undef CLS
    CLS__MAX
};
enum clock_to {
    CLT_NONE,
    CLT_DUTY,   /* accounts of the role whose duty it is, of the unit if they are a tenant's */
    CLT_UNIT,   /* the unit that the clock is about */
    CLT_HEAD,   /* the head of the unit whose duty it is */
    CLT_BUREAU, /* 主管部门 */
    CLT_AUDITOR,
    CLT__MAX
};

#define CLK_REMINDERS 4
#define CLK_EVENTS 16 /* most events of one clock */

struct clock_rule {
    const char *name;
    enum clock_form form;
    uint32_t n;
    unsigned duty; /* one AZ_ bit */
    const char *basis;
    int32_t reminders[CLK_REMINDERS]; /* working days before; -1 ends */
    const char *zh, *en;
};
/* All that a verdict rests on, besides the calendar and now. */
struct clock_facts {
    enum clock_kind kind;
    uint32_t n; /* in force when it started; 0: the rule's own */
    int64_t start_ms;
    int32_t event_day;  /* BEFORE and ON */
    int32_t tz_minutes; /* of the city, east of UTC */
};
enum clock_event_what { CLE_REMIND = 1, CLE_ESCALATE };
struct clock_event {
    enum clock_event_what what;
    enum clock_to to;
    int32_t days; /* working days before, or after, the due day */
    int64_t at_ms;
};

/** NULL for no kind. */
const struct clock_rule *clock_rule(enum clock_kind k);
/** CLK_NONE when there is none of that name. */
enum clock_kind clock_kind_of(const char *name);
const char *clock_state_name(enum clock_state s);
const char *clock_to_name(enum clock_to to);
/** The form counts from an event day, not from the start. */
bool clock_has_event(enum clock_kind k);
struct cal_deadline clock_due(const struct calendar *c, const struct clock_facts *f);
/** met_ms, cancelled_ms 0: not yet.  held: no verdict may be made by now_ms. */
enum clock_state clock_judge(enum clock_kind k, int64_t due_ms, int64_t met_ms,
                             int64_t cancelled_ms, int64_t now_ms, bool held);
/** It is late, or was met late: by its own instant, whoever looked when. */
bool clock_is_late(enum clock_state s);
/** Reminders that lie after the start, then the steps of escalation, as long as it is not met; by
 * instant.  At most CLK_EVENTS; returns how many. */
size_t clock_events(const struct calendar *c, const struct clock_facts *f,
                    const struct cal_deadline *due, struct clock_event *out);
#endif
