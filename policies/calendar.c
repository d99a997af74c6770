#include "policies/calendar.h"

#include <stddef.h>

/* From this day of December the next year's notice may move days (2022-12-31 was in 2023's). */
#define TURN_DAY 24

#define FIRST_DAY (-719162) /* 0001-01-01 */
#define LAST_DAY 2932896    /* 9999-12-31 */

struct fact {
    int32_t first, last; /* yyyymmdd */
    bool works;
};

static const struct fact facts[] = {
#define YEAR(y, notice)
#define OFF(a, b) {.first = a, .last = b},
#define WORK(a) {.first = a, .last = a, .works = true},
#include "policies/calendar_facts.def"
#undef YEAR
#undef OFF
#undef WORK
};

static const int32_t years[] = {
#define YEAR(y, notice) y,
#define OFF(a, b)
#define WORK(a)
#include "policies/calendar_facts.def"
#undef YEAR
#undef OFF
#undef WORK
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Days are counted from 0000-03-01, so that a leap day is the last of its year and months of
 * 31,30,31,30,31 days repeat: 153 days in five of them, 146097 in 400 years. */
int32_t
cal_day(int32_t year, int32_t month, int32_t day)
{
    int32_t y = month > 2 ? year : year - 1;
    int32_t era = y / 400, yoe = y % 400;
    int32_t doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct cal_date
cal_date(int32_t day)
{
    int32_t z = day + 719468;
    int32_t era = z / 146097, doe = z % 146097;
    int32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int32_t mp = (5 * doy + 2) / 153;
    struct cal_date d;

    d.day = doy - (153 * mp + 2) / 5 + 1;
    d.month = mp < 10 ? mp + 3 : mp - 9;
    d.year = era * 400 + yoe + (d.month <= 2 ? 1 : 0);
    return d;
}

int32_t
cal_weekday(int32_t day)
{
    /* 1970-01-01 was a Thursday. */
    return ((day % 7) + 7 + 3) % 7 + 1;
}

void
cal_text(int32_t day, char out[11])
{
    struct cal_date d = cal_date(day);
    int32_t parts[3] = {d.year, d.month, d.day};
    static const int at[3] = {0, 5, 8}, width[3] = {4, 2, 2};

    for (int p = 0; p < 3; p++)
        for (int i = width[p] - 1, v = parts[p]; i >= 0; i--, v /= 10)
            out[at[p] + i] = (char)('0' + v % 10);
    out[4] = out[7] = '-';
    out[10] = '\0';
}

int32_t
cal_day_of_ms(int64_t utc_ms, int32_t tz_minutes)
{
    int64_t local = utc_ms + (int64_t)tz_minutes * 60000;
    int64_t day = local / CAL_DAY_MS;

    if (local % CAL_DAY_MS < 0)
        day--;
    if (day < FIRST_DAY)
        return FIRST_DAY;
    return day > LAST_DAY ? LAST_DAY : (int32_t)day;
}

int64_t
cal_ms_of_day(int32_t day, int32_t tz_minutes)
{
    return (int64_t)day * CAL_DAY_MS - (int64_t)tz_minutes * 60000;
}

bool
cal_is_working(int32_t day)
{
    struct cal_date d = cal_date(day);
    int32_t key = d.year * 10000 + d.month * 100 + d.day;

    for (size_t i = 0; i < COUNT(facts); i++)
        if (key >= facts[i].first && key <= facts[i].last)
            return facts[i].works;
    return cal_weekday(day) <= 5;
}

static bool
year_is_known(int32_t year)
{
    for (size_t i = 0; i < COUNT(years); i++)
        if (years[i] == year)
            return true;
    return false;
}

bool
cal_is_published(int32_t day)
{
    struct cal_date d = cal_date(day);

    if (!year_is_known(d.year))
        return false;
    return d.month < 12 || d.day < TURN_DAY || year_is_known(d.year + 1);
}

/* Walks day by day: deadlines are days or weeks long, and every day touched counts for whether the
 * result is provisional. */
static struct cal_result
walk(int32_t start, uint32_t n, int32_t step)
{
    struct cal_result r = {.day = start};

    if (n > CAL_DAYS_MAX)
        n = CAL_DAYS_MAX;
    while (n > 0) {
        r.day += step;
        r.provisional = r.provisional || !cal_is_published(r.day);
        if (cal_is_working(r.day))
            n--;
    }
    return r;
}

struct cal_result
cal_plus_working(int32_t start, uint32_t n)
{
    return walk(start, n, 1);
}

struct cal_result
cal_minus_working(int32_t start, uint32_t n)
{
    return walk(start, n, -1);
}

int32_t
cal_plus_months(int32_t start, uint32_t months)
{
    struct cal_date d = cal_date(start);
    int32_t m = d.month - 1 + (int32_t)(months % 120000);
    int32_t year = d.year + m / 12, month = m % 12 + 1;
    int32_t next = month == 12 ? cal_day(year + 1, 1, 1) : cal_day(year, month + 1, 1);
    int32_t last = cal_date(next - 1).day;

    return cal_day(year, month, d.day < last ? d.day : last);
}

struct cal_result
cal_rolled(int32_t day)
{
    struct cal_result r = {.day = day, .provisional = !cal_is_published(day)};

    return cal_is_working(day) ? r : walk(day, 1, 1);
}

struct cal_deadline
cal_deadline(int64_t start_ms, uint32_t n, int32_t tz_minutes)
{
    struct cal_result r = cal_plus_working(cal_day_of_ms(start_ms, tz_minutes), n);

    return (struct cal_deadline){.due_day = r.day,
                                 .overdue_ms = cal_ms_of_day(r.day + 1, tz_minutes),
                                 .provisional = r.provisional};
}
