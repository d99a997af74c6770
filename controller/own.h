#ifndef BY_CONTROLLER_OWN_H
#define BY_CONTROLLER_OWN_H
/* Whose thing is it: the one place that says which units a caller may see and act on.  A tenant has
 * its own unit; bureau, provider, auditor and administrator see all (what they may do is the role's
 * matter, routes.def).  Threads: any. */
#include "controller/api.h"

/** Unit to filter a list by, or "" for all: bind it in "(?='' OR unit=?)". */
const char *own_filter(const struct api_call *k);
/** NOT_FOUND when the thing belongs to a unit that the caller may not see: existence is not told.
 */
int own_check(const struct api_call *k, const char *unit, const char *what, struct err *e);
#endif
