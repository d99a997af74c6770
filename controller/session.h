#ifndef BY_CONTROLLER_SESSION_H
#define BY_CONTROLLER_SESSION_H
/* What sessions and passwords share.  Threads: as said. */
#include "controller/api.h"
#include "drivers/crypto/password.h"

/** For steps: a line of the ledger that names person and company. */
int session_note(struct tx *t, const struct caller *who, const char *act, const char *how,
                 struct err *e);
/** On a worker: is the new password good enough, and another one?  Its hash. */
int password_new(struct controller *c, const char *login, const char *old, const char *fresh,
                 char out[PASSWORD_HASH], struct err *e);
/** For steps: it is in force after the commit; the account's sessions but `keep` end. */
int password_store(struct tx *t, const struct caller *who, const char *hash, const char *keep,
                   struct err *e);
#endif
