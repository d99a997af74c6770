/* One's own password. */
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/routes.h"
#include "controller/session.h"
#include "controller/signin.h"
#include "drivers/net/httpd.h"
#include "policies/person.h"

static int
password_strong(const struct w_login_policy *p, const char *login, const char *fresh, struct err *e)
{
    const struct password_rules rules = {.min_length = p->min_length,
                                         .min_classes = p->min_classes};

    switch (password_judge(fresh, login, &rules)) {
    case PASSWORD_OK:
        return 0;
    case PASSWORD_SHORT:
        return err_field(e, BY_E_INVALID, "password", "a password has at least %u characters",
                         p->min_length);
    case PASSWORD_PLAIN:
        return err_field(e, BY_E_INVALID, "password",
                         "a password has at least %u of: lower case, upper case, digits, others",
                         p->min_classes);
    case PASSWORD_DULL:
        return err_field(e, BY_E_INVALID, "password",
                         "a password has five different characters, and is no row of neighbours");
    case PASSWORD_LOGIN:
        return err_field(e, BY_E_INVALID, "password", "the password contains the login name");
    }
    return err_set(e, BY_E_BUG, "no such verdict");
}

int
password_new(struct controller *c, const char *login, const char *old, const char *fresh,
             char out[PASSWORD_HASH], struct err *e)
{
    struct w_login_policy p;

    signin_rules(c->signin, &p);
    if (password_strong(&p, login, fresh, e) < 0)
        return -1;
    if (old != NULL && strcmp(old, fresh) == 0)
        return err_field(e, BY_E_INVALID, "password", "the new password is the old one");
    return password_hash(fresh, out, e);
}

/* ---- in the writer -------------------------------------------------------------------------- */

struct end_others {
    char account[W_ID], keep[W_HASH];
};

static void
others_end(struct controller *c, void *arg)
{
    const struct end_others *x = arg;

    auth_account_end(c->auth, x->account, x->keep);
}

int
password_store(struct tx *t, const struct caller *who, const char *hash, const char *keep,
               struct err *e)
{
    struct end_others *x = arena_alloc(tx_arena(t), sizeof(*x));

    (void)snprintf(x->account, sizeof(x->account), "%s", who->account);
    (void)snprintf(x->keep, sizeof(x->keep), "%s", keep);
    if (DB_EXEC(t->d, DB_ACCOUNT_PASSWORD, NULL, e, DBS(hash), DBI(t->now_ms), DBS(who->account)) <
            0 ||
        DB_EXEC(t->d, DB_SESSION_END_OTHERS, NULL, e, DBS(who->account), DBS(keep)) < 0 ||
        signin_refresh(t, who->account, e) < 0)
        return -1;
    commit_after(t, others_end, x);
    return session_note(t, who, "password.set", "by its owner", e);
}

/* ---- the route ------------------------------------------------------------------------------ */

struct prepared {
    char login[W_NAME];
    struct signin_pass pass;
    char fresh[PASSWORD_HASH];
};

int
prepare_password_set(struct api_call *k, struct err *e)
{
    const struct w_password_request *in = k->in;
    struct prepared *p = arena_alloc(k->a, sizeof(*p));

    k->prepared = p;
    if (signin_login(k->c->signin, k->who.account, p->login)) {
        if (in->old_password == NULL)
            return err_field(e, BY_E_INVALID, "old_password", "give the password in force too");
        if (signin_try(k->c, p->login, in->old_password, http_req_peer(k->req), &p->pass, e) < 0)
            return e->code == BY_E_UNAUTHENTICATED
                       ? err_field(e, BY_E_DENIED, "old_password",
                                   "that is not the password in force, or the account is locked")
                       : -1;
    }
    return password_new(k->c, p->login, in->old_password, in->password, p->fresh, e);
}

int
api_password_set(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const struct w_password_request *in = k->in;
    const struct prepared *p = k->prepared;
    const struct password_rules none = {0};

    if (DB_QUERY(t->d, DB_ACCOUNT_SIGNIN, &r, e, DBS(k->who.account)) < 0 || db_next(r, e) != 1)
        return -1;
    if (db_int(r, 5) != p->pass.password_ms)
        return err_set(e, BY_E_CONFLICT, "the password was set meanwhile: sign in with that one");
    if (password_judge(in->password, db_str(r, 0), &none) == PASSWORD_LOGIN)
        return err_field(e, BY_E_INVALID, "password", "the password contains the login name");
    db_rows_free(TAKE(r)); /* the statement runs again */
    if (p->login[0] != '\0')
        signin_good(t->c, p->login, http_req_peer(k->req));
    k->status = 204;
    return password_store(t, &k->who, p->fresh, k->who.session, e);
}
