#ifndef BY_POLICIES_CALENDAR_H
#define BY_POLICIES_CALENDAR_H
/* Working days of the People's Republic of China and legal clocks (办理时限).  A day is an int32_t:
 * civil days since 1970-01-01.  A day is a working day when the State Council's notices say so,
 * else when it is Monday to Friday.  A notice covers a year and the turn of the year before it; a
 * result that touches days whose notice is not in calendar_facts.def is provisional and is to be
 * computed again.  Years 1 to 9999.  Pure; no time zone data: the city's offset is an argument. */
#include <stdbool.h>
#include <stdint.h>

#define CAL_TZ_CHINA 480   /* minutes east of UTC */
#define CAL_DAYS_MAX 10000 /* most working days that are counted in one go */
#define CAL_DAY_MS INT64_C(86400000)

struct cal_date {
    int32_t year, month, day; /* 1..12, 1..31 */
};
struct cal_result {
    int32_t day;
    bool provisional;
};
struct cal_deadline {
    int32_t due_day;    /* the last day on which it is in time */
    int64_t overdue_ms; /* UTC: late from this instant, 00:00 of the day after, the city's time */
    bool provisional;
};

int32_t cal_day(int32_t year, int32_t month, int32_t day);
struct cal_date cal_date(int32_t day);
int32_t cal_weekday(int32_t day); /* 1 Monday .. 7 Sunday */
/** "2026-10-09". */
void cal_text(int32_t day, char out[11]);
int32_t cal_day_of_ms(int64_t utc_ms, int32_t tz_minutes);
int64_t cal_ms_of_day(int32_t day, int32_t tz_minutes); /* its 00:00, as UTC milliseconds */

bool cal_is_working(int32_t day);
/** The notice that decides about this day is known. */
bool cal_is_published(int32_t day);
/** The n-th working day after start; start itself is never counted. n 0 is start. */
struct cal_result cal_plus_working(int32_t start, uint32_t n);
/** The n-th working day before start: the latest day to give notice for something on start. */
struct cal_result cal_minus_working(int32_t start, uint32_t n);
/** The same day of a later month, its last day when there is none. */
int32_t cal_plus_months(int32_t start, uint32_t months);
/** This day, or the next working day when it is a day off. */
struct cal_result cal_rolled(int32_t day);
/** A clock of n working days that started at start_ms. */
struct cal_deadline cal_deadline(int64_t start_ms, uint32_t n, int32_t tz_minutes);
#endif
