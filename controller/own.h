#ifndef BY_CONTROLLER_OWN_H
#define BY_CONTROLLER_OWN_H
/* Whose thing is it: the one place that says which units a caller may see and act on.  A tenant has
 * its own unit, a county its own and all below it; bureau, provider, auditor and administrator see
 * all (what they may do is the role's matter, routes.def).  A provider's person acts only under the
 * name of a company.  Threads: any. */
#include "controller/api.h"

/** Units to filter a list by, or "" for all: bind it in "(?='' OR unit " IN_SCOPE ")", stmt.def. */
const char *own_filter(const struct api_call *k);
/** NOT_FOUND when the thing belongs to a unit that the caller may not see: existence is not told.
 */
int own_check(const struct api_call *k, const char *unit, const char *what, struct err *e);
/** DENIED when this caller may not change anything because nobody would know whose work it is. */
int own_named(const struct caller *who, bool changes, struct err *e);
/** The role as policies have it: one AZ_ bit. */
unsigned own_role(enum w_role role);
#endif
