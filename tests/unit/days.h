#ifndef BY_TESTS_UNIT_DAYS_H
#define BY_TESTS_UNIT_DAYS_H
/* Days as tests write them: 20260131. */
#include <stdint.h>

#include "policies/calendar.h"

static inline int32_t
of(int32_t yyyymmdd)
{
    return cal_day(yyyymmdd / 10000, yyyymmdd / 100 % 100, yyyymmdd % 100);
}

static inline int32_t
to(int32_t day)
{
    struct cal_date d = cal_date(day);

    return d.year * 10000 + d.month * 100 + d.day;
}
#endif
