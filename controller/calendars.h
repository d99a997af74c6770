#ifndef BY_CONTROLLER_CALENDARS_H
#define BY_CONTROLLER_CALENDARS_H
/* The calendar of working days in force: the notices compiled in and those that were imported.
 * Threads: owner of the connection. */
#include "controller/api.h"
#include "policies/calendar.h"

/** The calendar, in the arena, and the name of its version, "YEAR+IMPORTS": the last year that is
 * compiled in and the number of the newest import. */
int calendar_load(struct db *d, struct arena *a, struct calendar *out, char *version, size_t size,
                  struct err *e);
#endif
