#ifndef BY_CONTROLLER_FACTOR_H
#define BY_CONTROLLER_FACTOR_H
/* Second factors: signing keys and codes by time.  Threads: as said. */
#include "controller/api.h"
#include "controller/login_policy.h"

#define FACTORS_OF_ACCOUNT 8

/* What a sign-in brings besides the password. */
struct factor_claim {
    const char *login, *code, *nonce; /* NULL: none */
    char key[W_HASH];                 /* id of the key that signed the nonce */
};

/** On a worker: is the proof signed by the key that it names, over our challenge for this login?
 * Whose key it is says factor_judge(). */
int factor_proof(struct controller *c, const char *login, const char *proof, struct arena *a,
                 struct factor_claim *out, struct err *e);
/** For steps: enough for this account and role?  UNAUTHENTICATED; *counts when something was
 * brought and looked at. */
int factor_judge(struct tx *t, const char *account, enum w_role role,
                 const struct w_login_policy *p, const struct factor_claim *x, bool *counts,
                 struct err *e);
#endif
