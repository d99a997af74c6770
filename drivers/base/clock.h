#ifndef BY_DRIVERS_BASE_CLOCK_H
#define BY_DRIVERS_BASE_CLOCK_H
/* The only place that asks what time it is.  Threads: any. */
#include <stdint.h>

int64_t clock_wall_ms(void); /* UTC milliseconds since 1970; may jump */
int64_t clock_mono_ms(void); /* never falls; for deadlines and intervals */
int64_t clock_mono_ns(void);
#endif
