#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/calendar.h"
#include "tests/unit/days.h"

/* start, its weekday (1 Monday), whether it is worked; the 3rd, 5th, 10th working day after; one
 * month later, and rolled; the 3rd and 10th working day before. */
static const struct vector {
    int32_t start, weekday;
    bool works;
    int32_t plus[3], month, rolled, minus[2];
} vectors[] = {
    {20220401, 5, true, {20220407, 20220411, 20220418}, 20220501, 20220505, {20220329, 20220318}},
    {20220429, 5, true, {20220507, 20220510, 20220517}, 20220529, 20220530, {20220426, 20220418}},
    {20220930, 5, true, {20221010, 20221012, 20221019}, 20221030, 20221031, {20220927, 20220916}},
    {20221230, 5, true, {20230105, 20230109, 20230116}, 20230130, 20230130, {20221227, 20221216}},
    {20230120, 5, true, {20230130, 20230201, 20230208}, 20230220, 20230220, {20230117, 20230106}},
    {20230928, 4, true, {20231009, 20231011, 20231018}, 20231028, 20231030, {20230925, 20230914}},
    {20240208, 4, true, {20240219, 20240221, 20240228}, 20240308, 20240308, {20240205, 20240126}},
    {20240430, 2, true, {20240508, 20240510, 20240516}, 20240530, 20240530, {20240426, 20240417}},
    {20240913, 5, true, {20240919, 20240923, 20240929}, 20241013, 20241014, {20240910, 20240830}},
    {20250127, 1, true, {20250207, 20250210, 20250217}, 20250227, 20250227, {20250123, 20250114}},
    {20250430, 3, true, {20250508, 20250512, 20250519}, 20250530, 20250530, {20250427, 20250417}},
    {20250930, 2, true, {20251011, 20251014, 20251021}, 20251030, 20251030, {20250926, 20250917}},
    {20251231, 3, true, {20260106, 20260108, 20260115}, 20260131, 20260202, {20251226, 20251217}},
    {20260213, 5, true, {20260225, 20260227, 20260305}, 20260313, 20260313, {20260210, 20260130}},
    {20260430, 4, true, {20260508, 20260511, 20260518}, 20260530, 20260601, {20260427, 20260416}},
    {20260919, 6, false, {20260922, 20260924, 20261009}, 20261019, 20261019, {20260916, 20260907}},
    {20260924, 4, true, {20260930, 20261009, 20261015}, 20261024, 20261026, {20260921, 20260911}},
    {20260930, 3, true, {20261010, 20261013, 20261020}, 20261030, 20261030, {20260924, 20260916}},
};

static void
check_vector(const struct vector *v)
{
    static const uint32_t plus[3] = {3, 5, 10}, minus[2] = {3, 10};
    int32_t day = of(v->start);

    CU_ASSERT_EQUAL(cal_weekday(day), v->weekday);
    CU_ASSERT_EQUAL(cal_is_working(NULL, day), v->works);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(to(cal_plus_working(NULL, day, plus[i]).day), v->plus[i]);
        CU_ASSERT_FALSE(cal_plus_working(NULL, day, plus[i]).provisional);
    }
    CU_ASSERT_EQUAL(to(cal_plus_months(day, 1)), v->month);
    CU_ASSERT_EQUAL(to(cal_rolled(NULL, cal_plus_months(day, 1)).day), v->rolled);
    for (size_t i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(to(cal_minus_working(NULL, day, minus[i]).day), v->minus[i]);
}

static void
counts_working_days_as_the_notices_say(void)
{
    CU_ASSERT_EQUAL(ARRAY_LEN(vectors), 18);
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        check_vector(&vectors[i]);
}

static void
turns_every_day_into_a_date_and_back(void)
{
    int32_t last = cal_day(1, 1, 1) - 1;

    CU_ASSERT_EQUAL(cal_day(1970, 1, 1), 0);
    CU_ASSERT_EQUAL(cal_day(2000, 2, 29), 11016);
    CU_ASSERT_EQUAL(cal_day(9999, 12, 31), 2932896);
    for (int32_t day = cal_day(1, 1, 1); day <= cal_day(9999, 12, 31); day++) {
        struct cal_date d = cal_date(day);

        if (cal_day(d.year, d.month, d.day) != day || day != last + 1 || d.day < 1 || d.day > 31)
            break;
        last = day;
    }
    CU_ASSERT_EQUAL(last, cal_day(9999, 12, 31));
}

static void
writes_dates(void)
{
    char text[11];

    cal_text(of(20261009), text);
    CU_ASSERT_STRING_EQUAL(text, "2026-10-09");
    cal_text(of(10203), text);
    CU_ASSERT_STRING_EQUAL(text, "0001-02-03");
}

static void
takes_the_turn_of_the_year_from_the_next_notice(void)
{
    CU_ASSERT_FALSE(cal_is_working(NULL, of(20221231)));
    CU_ASSERT_FALSE(cal_is_working(NULL, of(20230102)));
    CU_ASSERT_TRUE(cal_is_working(NULL, of(20230103)));
}

static void
falls_back_to_the_weekday_beside_a_holiday(void)
{
    CU_ASSERT_FALSE(cal_is_working(NULL, of(20240608)));
    CU_ASSERT_FALSE(cal_is_working(NULL, of(20240609)));
    CU_ASSERT_FALSE(cal_is_working(NULL, of(20240610)));
    CU_ASSERT_TRUE(cal_is_working(NULL, of(20240607)));
}

/* Counted apart from this table: weekdays, less those off, plus weekend days worked. */
static void
has_as_many_working_days_a_year_as_the_notices_leave(void)
{
    static const struct {
        int32_t year, working;
    } rows[] = {{2022, 249}, {2023, 249}, {2024, 251}, {2025, 248}, {2026, 248}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int32_t n = 0;

        for (int32_t d = cal_day(rows[i].year, 1, 1); d < cal_day(rows[i].year + 1, 1, 1); d++)
            n += cal_is_working(NULL, d) ? 1 : 0;
        if (n != rows[i].working)
            fprintf(stderr, "%d has %d working days\n", rows[i].year, n);
        CU_ASSERT_EQUAL(n, rows[i].working);
    }
}

static void
is_provisional_where_no_notice_reaches(void)
{
    CU_ASSERT_FALSE(cal_plus_working(NULL, of(20261218), 3).provisional);
    CU_ASSERT_TRUE(cal_plus_working(NULL, of(20261222), 3).provisional);
    CU_ASSERT_TRUE(cal_plus_working(NULL, of(20261231), 1).provisional);
    CU_ASSERT_TRUE(cal_rolled(NULL, of(20270501)).provisional);
    CU_ASSERT_TRUE(cal_minus_working(NULL, of(20220105), 10).provisional);
    CU_ASSERT_FALSE(cal_plus_working(NULL, of(20251229), 3).provisional);
}

static void
keeps_to_the_last_day_of_a_short_month(void)
{
    CU_ASSERT_EQUAL(to(cal_plus_months(of(20240131), 1)), 20240229);
    CU_ASSERT_EQUAL(to(cal_plus_months(of(20230131), 1)), 20230228);
    CU_ASSERT_EQUAL(to(cal_plus_months(of(20251130), 3)), 20260228);
    CU_ASSERT_EQUAL(to(cal_plus_months(of(20251231), 12)), 20261231);
}

static void
is_overdue_from_the_midnight_after_the_due_day_of_the_city(void)
{
    /* 2026-04-30 23:59 in China is 15:59 UTC; due on 8 May, overdue from 9 May 00:00 +08:00. */
    int64_t start = cal_ms_of_day(of(20260501), CAL_TZ_CHINA) - 60000;
    struct cal_deadline d = cal_deadline(NULL, start, 3, CAL_TZ_CHINA);

    CU_ASSERT_EQUAL(to(d.due_day), 20260508);
    CU_ASSERT_EQUAL(d.overdue_ms, (int64_t)of(20260508) * CAL_DAY_MS + 16 * 3600000);
    CU_ASSERT_FALSE(d.provisional);
    /* Two minutes later it is 1 May there: a holiday does not move the count, the day is later. */
    CU_ASSERT_EQUAL(to(cal_deadline(NULL, start + 120000, 3, CAL_TZ_CHINA).due_day), 20260508);
    CU_ASSERT_EQUAL(cal_day_of_ms(start, CAL_TZ_CHINA), of(20260430));
    CU_ASSERT_EQUAL(cal_day_of_ms(start + 60000, CAL_TZ_CHINA), of(20260501));
}

static void
survives_absurd_times(void)
{
    CU_ASSERT_EQUAL(cal_day_of_ms(-1, 0), -1);
    CU_ASSERT_EQUAL(cal_day_of_ms(INT64_MAX / 2, 480), cal_day(9999, 12, 31));
    CU_ASSERT_EQUAL(cal_day_of_ms(INT64_MIN / 2, 480), cal_day(1, 1, 1));
    CU_ASSERT(cal_plus_working(NULL, of(20260101), UINT32_MAX).provisional);
}

/* ---- what holds for every day of five years ----------------------------------------------- */

#define FIRST of(20220101)
#define LAST of(20261231)

/* A later start is never due earlier, more days never earlier, and never on a day off. */
static bool
is_sound_after(int32_t day, uint32_t n)
{
    int32_t due = cal_plus_working(NULL, day, n).day;

    return due > day && cal_is_working(NULL, due) &&
           due <= cal_plus_working(NULL, day + 1, n).day &&
           due < cal_plus_working(NULL, day, n + 1).day &&
           cal_plus_working(NULL, cal_plus_working(NULL, day, n - 1).day, 1).day == due;
}

static bool
is_sound_before(int32_t day, uint32_t n)
{
    int32_t last = cal_minus_working(NULL, day, n).day;

    return last < day && cal_is_working(NULL, last) &&
           last <= cal_minus_working(NULL, day + 1, n).day &&
           last > cal_minus_working(NULL, day, n + 1).day;
}

/* From a working day, n on and n back is the start; from a day off, the working day before it. */
static bool
is_inverse(int32_t day, uint32_t n)
{
    int32_t back = cal_minus_working(NULL, cal_plus_working(NULL, day, n).day, n).day;
    int32_t forth = cal_plus_working(NULL, cal_minus_working(NULL, day, n).day, n).day;

    if (cal_is_working(NULL, day))
        return back == day && forth == day;
    return back == cal_minus_working(NULL, day, 1).day &&
           forth == cal_plus_working(NULL, day, 1).day;
}

static void
holds_on_every_day_of_five_years(void)
{
    size_t wrong = 0;

    for (int32_t day = FIRST; day <= LAST; day++)
        for (uint32_t n = 1; n <= 22; n++)
            if (!is_sound_after(day, n) || !is_sound_before(day, n) || !is_inverse(day, n)) {
                fprintf(stderr, "%d and %u\n", to(day), n);
                wrong++;
            }
    CU_ASSERT_EQUAL(wrong, 0);
}

static bool
is_sound_month(int32_t day, uint32_t months)
{
    int32_t due = cal_plus_months(day, months), rolled = cal_rolled(NULL, due).day;
    struct cal_date from = cal_date(day), at = cal_date(due);
    int32_t next = cal_day(at.month == 12 ? at.year + 1 : at.year, at.month % 12 + 1, 1);
    bool in_month = at.year * 12 + at.month == from.year * 12 + from.month + (int32_t)months;

    /* The same day, or the last one where there is none; then on to a working day, no further. */
    if (!in_month || (at.day != from.day && !(at.day < from.day && due == next - 1)))
        return false;
    for (int32_t d = due; d < rolled; d++)
        if (cal_is_working(NULL, d))
            return false;
    return cal_is_working(NULL, rolled) && due <= cal_plus_months(day + 1, months);
}

static void
months_end_in_their_month_on_every_day_of_five_years(void)
{
    size_t wrong = 0;

    for (int32_t day = FIRST; day <= LAST; day++)
        for (uint32_t m = 1; m <= 13; m++)
            wrong += is_sound_month(day, m) ? 0 : 1;
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Certain exactly where every day on the way is: 24 December on is the next notice's. */
static void
is_provisional_exactly_where_a_notice_is_missing(void)
{
    size_t wrong = 0;

    for (int32_t day = FIRST; day <= LAST; day++)
        for (uint32_t n = 1; n <= 10; n++) {
            struct cal_result r = cal_plus_working(NULL, day, n);

            wrong += r.provisional == (r.day >= of(20261224)) ? 0 : 1;
        }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* The length of a deadline's last day is 24 hours in any zone: no daylight saving comes in. */
static void
ends_at_midnight_in_every_zone_on_every_day(void)
{
    static const int32_t zones[] = {-720, -210, 0, 345, 480, 840};
    size_t wrong = 0;

    for (int32_t day = FIRST; day <= LAST; day++)
        for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
            int64_t noon = cal_ms_of_day(day, zones[z]) + CAL_DAY_MS / 2;
            struct cal_deadline d = cal_deadline(NULL, noon, 3, zones[z]);

            if (d.due_day != cal_plus_working(NULL, day, 3).day ||
                cal_day_of_ms(d.overdue_ms - 1, zones[z]) != d.due_day ||
                cal_day_of_ms(d.overdue_ms, zones[z]) != d.due_day + 1)
                wrong++;
        }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void
reads_only_days_that_there_are(void)
{
    static const char *const no[] = {
        "",         "2026-02-29", "2026-13-01",  "2026-00-10", "2026-04-31", "0000-01-01",
        "2026-1-1", "2026/01/01", "2026-01-011", "20260101",   "2026-01-0x", "-026-01-01"};
    int32_t day = -7;

    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CU_ASSERT_FALSE(cal_parse(no[i], &day));
    CU_ASSERT_EQUAL(day, -7);
    for (int32_t d = FIRST; d <= LAST; d++) {
        char text[11];

        cal_text(d, text);
        CU_ASSERT(cal_parse(text, &day) && day == d);
    }
}

CU_TestInfo calendar_tests[] = {
    {"holds on every day of five years", holds_on_every_day_of_five_years},
    {"months end in their month on every day of five years",
     months_end_in_their_month_on_every_day_of_five_years},
    {"is provisional exactly where a notice is missing",
     is_provisional_exactly_where_a_notice_is_missing},
    {"ends at midnight in every zone on every day", ends_at_midnight_in_every_zone_on_every_day},
    {"reads only days that there are", reads_only_days_that_there_are},
    {"counts working days as the notices say", counts_working_days_as_the_notices_say},
    {"turns every day into a date and back", turns_every_day_into_a_date_and_back},
    {"writes dates", writes_dates},
    {"takes the turn of the year from the next notice",
     takes_the_turn_of_the_year_from_the_next_notice},
    {"falls back to the weekday beside a holiday", falls_back_to_the_weekday_beside_a_holiday},
    {"has as many working days a year as the notices leave",
     has_as_many_working_days_a_year_as_the_notices_leave},
    {"is provisional where no notice reaches", is_provisional_where_no_notice_reaches},
    {"keeps to the last day of a short month", keeps_to_the_last_day_of_a_short_month},
    {"is overdue from the midnight after the due day of the city",
     is_overdue_from_the_midnight_after_the_due_day_of_the_city},
    {"survives absurd times", survives_absurd_times},
    CU_TEST_INFO_NULL,
};
