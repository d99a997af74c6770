#ifndef BY_CONTROLLER_CALENDARS_H
#define BY_CONTROLLER_CALENDARS_H
/* The calendar of working days in force: the notices compiled in and those that were imported.
 * Threads: owner of the connection. */
#include "controller/api.h"
#include "policies/calendar_notice.h"

/** The calendar, in the arena, and the name of its version, "YEAR+IMPORTS": the last year that is
 * compiled in and the number of the newest import. */
int calendar_load(struct db *d, struct arena *a, struct calendar *out, char *version, size_t size,
                  struct err *e);
/** The calendar of an earlier version, to make a verdict again. */
int calendar_at(struct db *d, const char *version, struct arena *a, struct calendar *out,
                struct err *e);
/** A notice as people write it, for cal_book_add(); INVALID with the field of a day that is none.
 */
int calendar_notice_of(const struct w_calendar *in, struct cal_notice *out, struct err *e);
#endif
