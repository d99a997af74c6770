#ifndef BY_CONTROLLER_GRANT_KEY_H
#define BY_CONTROLLER_GRANT_KEY_H
/* The grant key that a controller may hold by configuration.  It signs one thing only: grants of
 * imported approvals, where the policy says that they are granted at once.  Weaker than a key in
 * the bureau's hands, and said so.  Threads: owner of the connection. */
#include "controller/api.h"

/** The account whose key it is.  CONFLICT when there is none, DENIED when the root does not name it
 * for grants now or its holder is no bureau account: the reason says what to do. */
int grant_key_ready(struct tx *t, char account[W_ID], struct err *e);
/** For people; NULL when the controller holds none. */
const char *grant_key_note(struct tx *t, struct arena *a);
#endif
