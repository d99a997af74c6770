#ifndef BY_CONTROLLER_ACCOUNT_H
#define BY_CONTROLLER_ACCOUNT_H
/* One-time tokens of accounts: how a person signs in, and the only way back in.  Threads: the
 * writer; account_rescue() main, without a controller on the store. */
#include "controller/api.h"

#define ACCOUNT_TOKEN 64 /* bytes that hold a one-time token */
#define ACCOUNT_TOKEN_MS (72 * INT64_C(3600000))

/** A new one-time token; an older one that was not used is void. */
int account_token(struct tx *t, const char *account, char token[ACCOUNT_TOKEN], struct err *e);
/** From the machine itself, for an account that nobody can give a token to: the last administrator
 * whose session has ended.  NOT_FOUND, or CONFLICT when it is disabled. */
int account_rescue(const char *dir, const char *login, char token[ACCOUNT_TOKEN], struct err *e);
#endif
