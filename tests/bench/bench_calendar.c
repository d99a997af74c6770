/* One deadline of a legal clock by the calendar compiled in: every form, from every day of five
 * years.  Prints its figure as a JSON line. */
#include <stdint.h>
#include <stdio.h>

#include "drivers/base/clock.h"
#include "policies/clock.h"

enum { ROUNDS = 20 };

int
main(void)
{
    int32_t first = cal_day(2022, 1, 1), last = cal_day(2026, 12, 31);
    int64_t sum = 0, n = 0, began = clock_mono_ns(), took;

    for (int r = 0; r < ROUNDS; r++)
        for (int32_t day = first; day <= last; day++)
            for (int k = CLK_NONE + 1; k < CLK__MAX; k++) {
                struct clock_facts f = {.kind = (enum clock_kind)k,
                                        .start_ms = cal_ms_of_day(day, CAL_TZ_CHINA),
                                        .event_day = day,
                                        .tz_minutes = CAL_TZ_CHINA};

                sum += clock_due(NULL, &f).due_day;
                n++;
            }
    took = clock_mono_ns() - began;
    printf("{\"name\":\"calendar.ns\",\"value\":%lld,\"unit\":\"ns\",\"deadlines\":%lld,"
           "\"sum_of_days\":%lld}\n",
           (long long)(took / n), (long long)n, (long long)sum);
    return 0;
}
