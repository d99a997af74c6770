#include "controller/account.h"

#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "drivers/crypto/digest.h"

int
account_token(struct tx *t, const char *account, char token[ACCOUNT_TOKEN], struct err *e)
{
    char hash[65];

    random_token(AUTH_TOKEN_ONE_TIME, token, ACCOUNT_TOKEN);
    digest_sha256_hex(token, strlen(token), hash);
    if (DB_EXEC(t->d, DB_ONE_TIME_CLEAR, NULL, e, DBS(account)) < 0)
        return -1;
    return DB_EXEC(t->d, DB_ONE_TIME_ADD, NULL, e, DBS(hash), DBS(account),
                   DBI(t->now_ms + ACCOUNT_TOKEN_MS));
}

struct rescue {
    const char *login;
    char *token;
};

static int
rescue_account(struct tx *t, const char *login, char id[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ACCOUNT_LOGIN, &r, e, DBS(login)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no account has the login '%s'", login);
    if (db_int(r, 2) != 0)
        return err_set(e, BY_E_CONFLICT, "the account '%s' is disabled", login);
    (void)snprintf(id, W_ID, "%s", db_str(r, 0));
    return 0;
}

static int
rescue_step(void *arg, struct tx *t, struct err *e)
{
    struct rescue *x = arg;
    char id[W_ID];

    if (rescue_account(t, x->login, id, e) < 0 || account_token(t, id, x->token, e) < 0)
        return -1;
    return ledger_append(t, "controller", "account.rescued", id,
                         "{\"how\":\"on the machine of the controller\"}", e);
}

int
account_rescue(const char *dir, const char *login, char token[ACCOUNT_TOKEN], struct err *e)
{
    struct rescue x = {.login = login, .token = token};
    struct controller c = {0};
    struct controller_config conf;
    int rc;

    if (config_default(&conf, e) < 0)
        return -1;
    rc = controller_open(&c, dir, &conf, e);
    if (rc == 0)
        rc = commit_run(c.commit, rescue_step, &x, e);
    controller_free(&c);
    return rc;
}
