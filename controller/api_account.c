/* Accounts: one person of one unit with one role. */
#include <stdio.h>

#include "controller/account.h"
#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"

static void
account_read(const struct db_rows *r, struct w_account *out)
{
    (void)snprintf(out->id, sizeof(out->id), "%s", db_str(r, 0));
    (void)snprintf(out->login, sizeof(out->login), "%s", db_str(r, 1));
    (void)snprintf(out->name, sizeof(out->name), "%s", db_str(r, 2));
    (void)snprintf(out->unit, sizeof(out->unit), "%s", db_str(r, 3));
    (void)snprintf(out->employer, sizeof(out->employer), "%s", db_str(r, 4));
    out->role = (int)db_int(r, 5);
    out->disabled = db_int(r, 6) != 0;
}

static int
account_load(struct db *d, const char *id, struct w_account *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_ACCOUNT_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no account %s", id);
    account_read(r, out);
    return 0;
}

int
api_account_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_account_list *out = k->out;
    int rc;

    if (db_query(t->d, DB_ACCOUNT_LIST, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        account_read(r, listing_add(&out->items, sizeof(struct w_account), k->a));
    return rc;
}

static int
account_unit_exists(struct db *d, const char *unit, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_UNIT_GET, &r, e, DBS(unit)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    return rc == 1 ? 0
                   : err_field(e, BY_E_NOT_FOUND, "unit",
                               "no unit %s: register it first (POST /v1/units)", unit);
}

static int
account_answer_token(struct api_call *k, struct tx *t, struct w_account *out, struct err *e)
{
    char token[ACCOUNT_TOKEN];

    if (account_token(t, out->id, token, e) < 0)
        return -1;
    out->one_time_token = arena_strdup(k->a, token);
    return 0;
}

int
api_account_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_account *in = k->in;
    struct w_account *out = k->out;

    if (account_unit_exists(t->d, in->unit, e) < 0)
        return -1;
    *out = *in;
    random_uuid(out->id);
    if (DB_EXEC(t->d, DB_ACCOUNT_ADD, NULL, e, DBS(out->id), DBS(in->login), DBS(in->name),
                DBS(in->unit), DBS(in->employer), DBI(in->role), DBI(t->now_ms)) < 0)
        return e->code == BY_E_CONFLICT
                   ? err_field(e, BY_E_CONFLICT, "login",
                               "the login '%s' is taken: one person, one account", in->login)
                   : -1;
    return account_answer_token(k, t, out, e);
}

int
api_account_token(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_account *out = k->out;

    if (account_load(t->d, k->id, out, e) < 0)
        return -1;
    if (out->disabled)
        return err_set(e, BY_E_CONFLICT, "the account '%s' is disabled", out->login);
    return account_answer_token(k, t, out, e);
}

static void
account_end_sessions(struct controller *c, void *arg)
{
    auth_account_end(c->auth, arg);
}

/* Somebody must be left who can register accounts. */
static int
account_not_last_admin(struct db *d, const struct w_account *acc, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (acc->role != ROLE_ADMIN || acc->disabled)
        return 0;
    if (DB_QUERY(d, DB_ACCOUNT_ADMINS, &r, e, DBS(acc->id)) < 0 || db_next(r, e) != 1)
        return -1;
    return db_int(r, 0) > 0
               ? 0
               : err_set(e, BY_E_CONFLICT,
                         "'%s' is the last administrator: register another one first", acc->login);
}

int
api_account_disable(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_account *out = k->out;

    if (account_load(t->d, k->id, out, e) < 0 || account_not_last_admin(t->d, out, e) < 0)
        return -1;
    if (DB_EXEC(t->d, DB_ACCOUNT_DISABLE, NULL, e, DBS(k->id)) < 0 ||
        DB_EXEC(t->d, DB_SESSION_END_ACCOUNT, NULL, e, DBS(k->id)) < 0 ||
        DB_EXEC(t->d, DB_ONE_TIME_CLEAR, NULL, e, DBS(k->id)) < 0)
        return -1;
    out->disabled = true;
    commit_after(t, account_end_sessions, arena_strdup(tx_arena(t), k->id));
    return 0;
}

int
api_session_me(struct api_call *k, struct tx *t, struct err *e)
{
    return account_load(t->d, k->who.account, k->out, e);
}
