#include "controller/factor.h"

#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/signin.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/totp.h"

static int
proof_wrong(const char *why, struct err *e)
{
    return err_field(e, BY_E_UNAUTHENTICATED, "proof", "the second factor is no good: %s", why);
}

int
factor_proof(struct controller *c, const char *login, const char *proof, struct arena *a,
             struct factor_claim *out, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    struct w_envelope env;
    struct w_login_proof p;

    if (paper_parse(proof, strlen(proof), a, &env, NULL) < 0 ||
        W_DECODE(login_proof, env.body, strlen(env.body), JM_PEOPLE, a, &p, NULL) < 0 ||
        sigkey_from_pem(p.public_pem, &k, NULL) < 0 || sigkey_is_private(k) ||
        paper_check(&env, PAPER_LOGIN, NULL, k, NULL) < 0)
        return proof_wrong("it is not signed by the key that it names", e);
    if (strcmp(p.store, c->store) != 0 || strcmp(p.login, login) != 0 ||
        !signin_nonce_ours(c, login, p.nonce, controller_now_ms(c)))
        return proof_wrong("it answers no challenge for this login, or too late: ask for a new one",
                           e);
    (void)snprintf(out->key, sizeof(out->key), "%s", sigkey_id(k));
    out->nonce = p.nonce;
    return 0;
}

/* One row of FACTOR_LIST. */
struct factor_row {
    char id[W_ID], secret[W_HASH];
    int kind;
    enum totp_alg alg;
    uint64_t last_step;
    bool counts;
};

static size_t
factor_rows(struct db_rows *r, struct factor_row *out, struct err *e, int *rc)
{
    size_t n = 0;

    while (n < FACTORS_OF_ACCOUNT && (*rc = db_next(r, e)) == 1) {
        struct factor_row *f = &out[n++];

        (void)snprintf(f->id, sizeof(f->id), "%s", db_str(r, 0));
        f->kind = (int)db_int(r, 1);
        f->alg = strcmp(db_str(r, 3), "sha256") == 0 ? TOTP_SHA256 : TOTP_SHA1;
        (void)snprintf(f->secret, sizeof(f->secret), "%s", db_str(r, 4));
        f->last_step = (uint64_t)db_int(r, 5);
        f->counts = db_int(r, 7) != 0;
    }
    return n;
}

/* The secret is kept as the first bytes of 64 hex digits. */
static uint64_t
factor_step(const struct factor_row *f, const char *code, int64_t now_ms)
{
    uint8_t bytes[DIGEST_BYTES];

    return digest_from_hex(f->secret, bytes, NULL) < 0
               ? 0
               : totp_find(f->alg, bytes, TOTP_SECRET, code, now_ms, f->last_step);
}

static int
factor_by_code(struct tx *t, const struct factor_row *f, size_t n, const char *code, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t step =
            f[i].kind == FACTOR_TOTP && f[i].counts ? factor_step(&f[i], code, t->now_ms) : 0;
        int changed = 0;

        if (step == 0)
            continue;
        if (DB_EXEC(t->d, DB_FACTOR_STEP, &changed, e, DBI(step), DBS(f[i].id), DBI(step)) < 0)
            return -1;
        if (changed == 1)
            return 0;
    }
    return err_field(e, BY_E_UNAUTHENTICATED, "code",
                     "the code is wrong or was used already: wait for the next one");
}

static int
factor_by_key(struct tx *t, const struct factor_row *f, size_t n, const struct factor_claim *x,
              struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (f[i].kind == FACTOR_KEY && strcmp(f[i].secret, x->key) == 0)
            return signin_nonce_use(t->c, x->nonce, t->now_ms)
                       ? 0
                       : proof_wrong("this challenge was answered already", e);
    return proof_wrong("the key is not one of this account", e);
}

int
factor_judge(struct tx *t, const char *account, enum w_role role, const struct w_login_policy *p,
             const struct factor_claim *x, bool *counts, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct factor_row f[FACTORS_OF_ACCOUNT];
    bool some = false;
    size_t n;
    int rc = 0;

    *counts = false;
    if (DB_QUERY(t->d, DB_FACTOR_LIST, &r, e, DBS(account)) < 0)
        return -1;
    n = factor_rows(r, f, e, &rc);
    if (rc < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        some = some || f[i].counts;
    if (!some && !login_policy_wants_factor(p, role))
        return 0;
    if (!some)
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "this role needs a second factor and none is registered: sign in with a "
                       "one-time token and register one (bianyun factors)");
    if (x->nonce == NULL && x->code == NULL)
        return err_field(e, BY_E_UNAUTHENTICATED, "code",
                         "a second factor is needed: a code, or a challenge signed with your key");
    *counts = true;
    return x->nonce != NULL ? factor_by_key(t, f, n, x, e) : factor_by_code(t, f, n, x->code, e);
}
