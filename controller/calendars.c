#include "controller/calendars.h"

#include <stdio.h>

int
calendar_load(struct db *d, struct arena *a, struct calendar *out, char *version, size_t size,
              struct err *e)
{
    (void)d;
    (void)a;
    (void)e;
    *out = *cal_base();
    (void)snprintf(version, size, "%d+0", out->years[out->n_years - 1]);
    return 0;
}
