/* Kinds of legal clocks, from facts to a due day, a state and who is told. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "policies/clock.h"
#include "tests/unit/days.h"

#define HOUR INT64_C(3600000)

/* Ten in the morning of that day in China. */
static int64_t
at(int32_t yyyymmdd)
{
    return cal_ms_of_day(of(yyyymmdd), CAL_TZ_CHINA) + 10 * HOUR;
}

static struct cal_deadline
due(enum clock_kind k, int32_t start, int32_t event, uint32_t n)
{
    struct clock_facts f = {.kind = k,
                            .n = n,
                            .start_ms = at(start),
                            .event_day = event == 0 ? 0 : of(event),
                            .tz_minutes = CAL_TZ_CHINA};

    return clock_due(NULL, &f);
}

static const struct {
    enum clock_kind kind;
    int32_t start, event, due;
    uint32_t n;
    bool provisional;
} dues[] = {
    {CLK_CONFIGURE, 20240208, 0, 20240219, 0, false}, /* New Year's Eve works, so does the 18th */
    {CLK_CONFIGURE, 20240208, 0, 20240221, 5, false}, /* as the policy says, not the rule */
    {CLK_CHANGE, 20250930, 0, 20251011, 0, false},
    {CLK_DEPLOY, 20260924, 0, 20261009, 0, false},
    {CLK_REVIEW, 20260213, 0, 20260225, 0, false},
    {CLK_ACCOUNT, 20260930, 0, 20261008, 0, false},
    {CLK_TESTS, 20240131, 0, 20240229, 0, false},
    {CLK_TESTS, 20230131, 0, 20230228, 0, false},
    {CLK_TESTS, 20260131, 0, 20260228, 0, false}, /* a Saturday that is worked */
    {CLK_TESTS, 20220401, 0, 20220505, 0, false}, /* over the May holidays */
    {CLK_EXPANSION_ASK, 20260901, 20260924, 20260921, 0, false},
    {CLK_EXPANSION_ASK, 20220301, 20220401, 20220329, 0, false},
    {CLK_EXPANSION_END, 20260901, 20261003, 20261003, 0, false},
    {CLK_PLATFORM_CHANGE, 20260101, 20260213, 20260130, 0, false},
    {CLK_ANSWER, 20260901, 0, 20261008, 0, false}, /* the 30th day is 1 October */
    {CLK_CONFIGURE, 20261230, 0, 20270104, 0, true},
    {CLK_TESTS, 20261215, 0, 20270115, 0, true},
    {CLK_PLATFORM_CHANGE, 20261201, 20270104, 20261221, 0, true},
};

static void
each_kind_is_due_as_its_form_says(void)
{
    for (size_t i = 0; i < ARRAY_LEN(dues); i++) {
        struct cal_deadline d = due(dues[i].kind, dues[i].start, dues[i].event, dues[i].n);

        if (to(d.due_day) != dues[i].due)
            fprintf(stderr, "row %zu: due %d\n", i, to(d.due_day));
        CU_ASSERT_EQUAL(to(d.due_day), dues[i].due);
        CU_ASSERT_EQUAL(d.provisional, dues[i].provisional);
        CU_ASSERT_EQUAL(d.overdue_ms, cal_ms_of_day(d.due_day + 1, CAL_TZ_CHINA));
    }
}

static void
the_state_follows_the_instants_alone(void)
{
    static const struct {
        enum clock_kind kind;
        int64_t due, met, cancelled, now;
        bool held;
        enum clock_state state;
    } rows[] = {
        {CLK_DEPLOY, 100, 0, 0, 99, false, CLS_RUNNING},
        {CLK_DEPLOY, 100, 0, 0, 100, false, CLS_OVERDUE},
        {CLK_DEPLOY, 100, 0, 0, 100, true, CLS_HELD},
        {CLK_DEPLOY, 100, 99, 0, 500, false, CLS_MET},
        {CLK_DEPLOY, 100, 99, 0, 500, true, CLS_MET},
        {CLK_DEPLOY, 100, 100, 0, 500, false, CLS_MET_LATE},
        {CLK_DEPLOY, 100, 0, 50, 500, false, CLS_CANCELLED},
        {CLK_EXPANSION_ASK, 100, 100, 0, 500, false, CLS_LATE_FILING},
        {CLK_EXPANSION_ASK, 100, 99, 0, 500, false, CLS_MET},
        {CLK_NONE, 100, 0, 0, 500, false, CLS_NONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(clock_judge(rows[i].kind, rows[i].due, rows[i].met, rows[i].cancelled,
                                    rows[i].now, rows[i].held),
                        rows[i].state);
    CU_ASSERT(clock_is_late(CLS_OVERDUE) && clock_is_late(CLS_MET_LATE) &&
              clock_is_late(CLS_LATE_FILING));
    CU_ASSERT_FALSE(clock_is_late(CLS_HELD) || clock_is_late(CLS_MET) ||
                    clock_is_late(CLS_RUNNING) || clock_is_late(CLS_CANCELLED));
}

static size_t
events_of(enum clock_kind k, int32_t start, int32_t event, struct clock_event *ev)
{
    struct clock_facts f = {.kind = k,
                            .start_ms = at(start),
                            .event_day = event == 0 ? 0 : of(event),
                            .tz_minutes = CAL_TZ_CHINA};
    struct cal_deadline d = clock_due(NULL, &f);

    return clock_events(NULL, &f, &d, ev);
}

static void
reminders_come_before_and_escalation_after(void)
{
    struct clock_event ev[CLK_EVENTS];
    size_t n = events_of(CLK_EXPANSION_END, 20260901, 20261003, ev);

    /* The end falls into the October break: three and one working days before it. */
    CU_ASSERT_FATAL(n >= 3);
    CU_ASSERT_EQUAL(ev[0].what, CLE_REMIND);
    CU_ASSERT_EQUAL(ev[0].days, 3);
    CU_ASSERT_EQUAL(ev[0].at_ms, cal_ms_of_day(of(20260928), CAL_TZ_CHINA) + 9 * HOUR);
    CU_ASSERT_EQUAL(ev[1].at_ms, cal_ms_of_day(of(20260930), CAL_TZ_CHINA) + 9 * HOUR);
    CU_ASSERT_EQUAL(ev[2].what, CLE_ESCALATE);
    CU_ASSERT_EQUAL(ev[2].to, CLT_DUTY);
    CU_ASSERT_EQUAL(ev[2].at_ms, cal_ms_of_day(of(20261004), CAL_TZ_CHINA));
    for (int k = CLK_NONE + 1; k < CLK__MAX; k++) {
        n = events_of((enum clock_kind)k, 20260601, 20260901, ev);
        for (size_t i = 1; i < n; i++)
            CU_ASSERT(ev[i - 1].at_ms <= ev[i].at_ms);
        CU_ASSERT_EQUAL(ev[n - 1].to, CLT_AUDITOR);
    }
    /* Reminders that would have come before the start are not made up. */
    n = events_of(CLK_CONFIGURE, 20260907, 0, ev);
    CU_ASSERT_EQUAL(ev[0].days, 1);
    n = events_of(CLK_EXPANSION_END, 20260930, 20261003, ev);
    CU_ASSERT_EQUAL(ev[0].what, CLE_ESCALATE);
}

static void
every_kind_has_its_row(void)
{
    for (int k = CLK_NONE + 1; k < CLK__MAX; k++) {
        const struct clock_rule *r = clock_rule((enum clock_kind)k);

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_EQUAL(clock_kind_of(r->name), (enum clock_kind)k);
        CU_ASSERT_STRING_EQUAL(w_clock_kind_names[k], r->name);
        CU_ASSERT(r->duty != AZ_NOBODY && (r->duty & (r->duty - 1)) == 0);
        CU_ASSERT(r->basis[0] == 'G' && r->zh[0] != '\0' && r->en[0] != '\0');
        CU_ASSERT(r->n > 0 || r->form == CLK_ON);
    }
    CU_ASSERT_PTR_NULL(w_clock_kind_names[CLK__MAX]);
    CU_ASSERT_PTR_NULL(clock_rule(CLK_NONE));
    CU_ASSERT_PTR_NULL(clock_rule(CLK__MAX));
    CU_ASSERT_EQUAL(clock_kind_of("tea"), CLK_NONE);
}

CU_TestInfo clock_tests[] = {
    {"each kind is due as its form says", each_kind_is_due_as_its_form_says},
    {"the state follows the instants alone", the_state_follows_the_instants_alone},
    {"reminders come before and escalation after", reminders_come_before_and_escalation_after},
    {"every kind has its row", every_kind_has_its_row},
    CU_TEST_INFO_NULL,
};
