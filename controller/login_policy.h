#ifndef BY_CONTROLLER_LOGIN_POLICY_H
#define BY_CONTROLLER_LOGIN_POLICY_H
/* How people sign in: the newest document of the store, else the shipped one.  Threads: owner of
 * the connection. */
#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

int login_policy_in_force(struct db *d, struct arena *a, struct w_login_policy *out, struct err *e);
/** A password alone is not enough for this role. */
bool login_policy_wants_factor(const struct w_login_policy *p, enum w_role role);
#endif
