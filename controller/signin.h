#ifndef BY_CONTROLLER_SIGNIN_H
#define BY_CONTROLLER_SIGNIN_H
/* Who may come in with a password: what the store has of each account that has one, in memory, so
 * that a worker can compare without the store.  Counts what goes wrong, by account and by source
 * address, before anything is compared: however many try at once, no account is tried more often
 * than the policy says.  What is refused is refused in the same words and after the same work,
 * whether the login exists or not.  Threads: any. */
#include <stdint.h>

#include "controller/api.h"
#include "drivers/base/error.h"
#include "drivers/crypto/password.h"
#include "drivers/db/db.h"

#define SIGNIN_ADDRESSES 4096    /* source addresses with failures that are remembered */
#define SIGNIN_OF_ADDRESS 60     /* failures of one address within ... */
#define SIGNIN_ADDRESS_MS 600000 /* ... ten minutes: it waits until they are over */
#define SIGNIN_NONCE 160         /* bytes that hold a nonce */
#define SIGNIN_NONCE_MS 120000   /* its life */
#define SIGNIN_USED 20000        /* answered ones that are remembered */

struct signin;

/* A password that was right: what the writer compares with the store once more. */
struct signin_pass {
    char account[W_ID];
    int64_t password_ms;
    bool old; /* older than the policy allows: it must be changed at once */
};

int signin_new(struct signin **out, struct err *e);
void signin_free(struct signin *s);
/** Replace everything by what the store has. */
int signin_load(struct signin *s, struct db *d, struct err *e);
/** For steps: after the commit, what the store has of this account counts. */
int signin_refresh(struct tx *t, const char *account, struct err *e);
/** The policy from now on; copied. */
void signin_policy(struct signin *s, const struct w_login_policy *p);
/** Copy of what matters of it for passwords. */
void signin_rules(struct signin *s, struct w_login_policy *out);

/** The login of an account that has a password; false when it has none. */
bool signin_login(struct signin *s, const char *account, char login[W_NAME]);

/** On a worker: is it the password of this login?  UNAUTHENTICATED, or BUSY when the address has
 * failed too often. */
int signin_try(struct controller *c, const char *login, const char *password, const char *peer,
               struct signin_pass *out, struct err *e);
/** After a right password the second factor was wrong: counts as a failure of the account. */
void signin_bad(struct controller *c, const char *login, int64_t now_ms);
/** A session began: the failures of the account are forgotten. */
void signin_good(struct controller *c, const char *login, const char *peer);

/** What to sign.  It names store and login by a seal; nothing is kept of it. */
void signin_challenge(struct controller *c, const char *login, int64_t now_ms,
                      char nonce[SIGNIN_NONCE], int64_t *expires_ms);
/** Made by this run for this login, and not over. */
bool signin_nonce_ours(struct controller *c, const char *login, const char *nonce, int64_t now_ms);
/** True once for each. */
bool signin_nonce_use(struct controller *c, const char *nonce, int64_t now_ms);
#endif
