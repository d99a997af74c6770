#include "drivers/base/clock.h"

#include <time.h>

#include "drivers/base/fault.h"

static int64_t
clock_read_ns(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t); /* cannot fail for these two clocks */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
clock_wall_ms(void)
{
    return clock_read_ns(CLOCK_REALTIME) / 1000000 + fault_wall_ms();
}

int64_t
clock_mono_ms(void)
{
    return clock_read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t
clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}
