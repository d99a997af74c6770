#ifndef BY_POLICIES_CALENDAR_H
#define BY_POLICIES_CALENDAR_H
/* Working days of the People's Republic of China and deadlines in them.  A day is an int32_t: civil
 * days since 1970-01-01.  A day is a working day when the State Council's notices say so, else when
 * it is Monday to Friday.  A notice covers a year and the turn of the year before it; a result that
 * touches days whose notice is not in the calendar is provisional and is to be computed again.  The
 * notices compiled in are calendar_facts.def; NULL for a calendar is those alone, others join them
 * in calendar_notice.h.  Years 1 to 9999.  Pure; no time zone data: the city's offset is an
 * argument, so that daylight saving of a machine's own zone has no say. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAL_TZ_CHINA 480   /* minutes east of UTC */
#define CAL_DAYS_MAX 10000 /* most working days that are counted in one go */
#define CAL_DAY_MS INT64_C(86400000)

struct cal_date {
    int32_t year, month, day; /* 1..12, 1..31 */
};
/* What a notice says of some days; days that none names go by their weekday. */
struct cal_fact {
    int32_t first, last;
    int32_t year; /* of the notice */
    bool works;
};
struct calendar {
    const struct cal_fact *facts; /* by day, without overlap */
    size_t n;
    const int32_t *years; /* whose notices are in it, rising */
    size_t n_years;
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
/** Reads what cal_text() writes; false when it is no day that there is. */
bool cal_parse(const char *text, int32_t *day);
int32_t cal_day_of_ms(int64_t utc_ms, int32_t tz_minutes);
int64_t cal_ms_of_day(int32_t day, int32_t tz_minutes); /* its 00:00, as UTC milliseconds */

/** The notices that are compiled in. */
const struct calendar *cal_base(void);
bool cal_is_working(const struct calendar *c, int32_t day);
/** The notice that decides about this day is known. */
bool cal_is_published(const struct calendar *c, int32_t day);
/** The n-th working day after start; start itself is never counted. n 0 is start. */
struct cal_result cal_plus_working(const struct calendar *c, int32_t start, uint32_t n);
/** The n-th working day before start: the latest day to give notice for something on start. */
struct cal_result cal_minus_working(const struct calendar *c, int32_t start, uint32_t n);
/** The same day of a later month, its last day when there is none. */
int32_t cal_plus_months(int32_t start, uint32_t months);
/** This day, or the next working day when it is a day off. */
struct cal_result cal_rolled(const struct calendar *c, int32_t day);
/** n working days from start_ms. */
struct cal_deadline cal_deadline(const struct calendar *c, int64_t start_ms, uint32_t n,
                                 int32_t tz_minutes);
#endif
