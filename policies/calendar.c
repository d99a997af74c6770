#include "policies/calendar.h"

#include <string.h>

/* From this day of December the next year's notice may move days (2022-12-31 was in 2023's). */
#define TURN_DAY 24

#define FIRST_DAY (-719162) /* 0001-01-01 */
#define LAST_DAY 2932896    /* 9999-12-31 */

/* As cal_day(), for constants: yyyymmdd as a day. */
#define Y(k) ((k) / 10000 - ((k) / 100 % 100 <= 2))
#define M(k) (((k) / 100 % 100 + 9) % 12)
#define DAY(k)                                                                                     \
    (Y(k) * 365 + Y(k) / 4 - Y(k) / 100 + Y(k) / 400 + (153 * M(k) + 2) / 5 + (k) % 100 - 719469)

static const struct cal_fact facts[] = {
#define YEAR(y, notice)
#define OFF(y, a, b) {.first = DAY(a), .last = DAY(b), .year = y},
#define WORK(y, a) {.first = DAY(a), .last = DAY(a), .year = y, .works = true},
#include "policies/calendar_facts.def"
#undef YEAR
#undef OFF
#undef WORK
};

static const int32_t years[] = {
#define YEAR(y, notice) y,
#define OFF(y, a, b)
#define WORK(y, a)
#include "policies/calendar_facts.def"
#undef YEAR
#undef OFF
#undef WORK
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct calendar base = {facts, COUNT(facts), years, COUNT(years)};

const struct calendar *
cal_base(void)
{
    return &base;
}

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
cal_parse(const char *text, int32_t *day)
{
    int32_t v[3] = {0, 0, 0}, found;
    char back[11];

    for (int i = 0, p = 0; i < 10; i++) {
        if (i == 4 || i == 7) {
            if (text[i] != '-')
                return false;
            p++;
        } else if (text[i] >= '0' && text[i] <= '9') {
            v[p] = v[p] * 10 + (text[i] - '0');
        } else {
            return false;
        }
    }
    if (text[10] != '\0' || v[0] < 1 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31)
        return false;
    found = cal_day(v[0], v[1], v[2]);
    cal_text(found, back); /* 31 April would be 1 May */
    if (strcmp(back, text) != 0)
        return false;
    *day = found;
    return true;
}

static const struct cal_fact *
fact_of(const struct calendar *c, int32_t day)
{
    size_t lo = 0, hi = c->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (c->facts[mid].last < day)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < c->n && c->facts[lo].first <= day ? &c->facts[lo] : NULL;
}

bool
cal_is_working(const struct calendar *c, int32_t day)
{
    const struct cal_fact *f = fact_of(c == NULL ? &base : c, day);

    return f == NULL ? cal_weekday(day) <= 5 : f->works;
}

static bool
year_is_known(const struct calendar *c, int32_t year)
{
    for (size_t i = 0; i < c->n_years; i++)
        if (c->years[i] == year)
            return true;
    return false;
}

bool
cal_is_published(const struct calendar *c, int32_t day)
{
    struct cal_date d = cal_date(day);

    if (c == NULL)
        c = &base;
    if (!year_is_known(c, d.year))
        return false;
    return d.month < 12 || d.day < TURN_DAY || year_is_known(c, d.year + 1);
}

/* Walks day by day: deadlines are days or weeks long, and every day touched counts for whether the
 * result is provisional. */
static struct cal_result
walk(const struct calendar *c, int32_t start, uint32_t n, int32_t step)
{
    struct cal_result r = {.day = start};

    if (n > CAL_DAYS_MAX)
        n = CAL_DAYS_MAX;
    while (n > 0) {
        r.day += step;
        r.provisional = r.provisional || !cal_is_published(c, r.day);
        if (cal_is_working(c, r.day))
            n--;
    }
    return r;
}

struct cal_result
cal_plus_working(const struct calendar *c, int32_t start, uint32_t n)
{
    return walk(c, start, n, 1);
}

struct cal_result
cal_minus_working(const struct calendar *c, int32_t start, uint32_t n)
{
    return walk(c, start, n, -1);
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
cal_rolled(const struct calendar *c, int32_t day)
{
    struct cal_result r = {.day = day, .provisional = !cal_is_published(c, day)};

    return cal_is_working(c, day) ? r : walk(c, day, 1, 1);
}

struct cal_deadline
cal_deadline(const struct calendar *c, int64_t start_ms, uint32_t n, int32_t tz_minutes)
{
    struct cal_result r = cal_plus_working(c, cal_day_of_ms(start_ms, tz_minutes), n);

    return (struct cal_deadline){.due_day = r.day,
                                 .overdue_ms = cal_ms_of_day(r.day + 1, tz_minutes),
                                 .provisional = r.provisional};
}
