/* Accounts, passwords, how people sign in. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/cli/commands.h"
#include "controller/cli/secret.h"
#include "drivers/crypto/digest.h"

static int
print_token(struct cli *c, const struct w_account *out, struct err *e)
{
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_account, out, e);
    cli_line(c, stderr,
             "account %s (%s), %s; hand this one-time token over, it is not shown again:",
             out->login, out->id, w_role_names[out->role]);
    printf("%s\n", out->one_time_token);
    return 0;
}

static int
read_role(const char *word, int *role, struct err *e)
{
    for (int r = ROLE_ADMIN; r < ROLE__MAX; r++)
        if (strcmp(w_role_names[r], word) == 0)
            *role = r;
    return *role != ROLE_NONE
               ? 0
               : err_set(e, BY_E_INVALID,
                         "no role '%s'; there are admin, auditadmin, auditor, bureau, county, "
                         "provider, secadmin, tenant",
                         word);
}

/* The end of that day, by the clock of this machine. */
static int
read_day(const char *text, int64_t *ms, struct err *e)
{
    struct tm day = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%d", &day);
    time_t at;

    if (end == NULL || *end != '\0')
        return err_set(e, BY_E_INVALID, "--expires must be a day as 2026-12-31, not '%s'", text);
    day.tm_mday++;
    at = mktime(&day);
    if (at < 0)
        return err_set(e, BY_E_INVALID, "--expires: there is no day '%s'", text);
    *ms = (int64_t)at * 1000;
    return 0;
}

static int
read_papers(struct cli *c, struct w_account *in, struct err *e)
{
    const char *letter = cli_opt(c, "letter"), *expires = cli_opt(c, "expires");
    char hash[65];

    if (letter != NULL) {
        if (digest_file_sha256_hex(letter, hash, e) < 0)
            return -1;
        memcpy(in->letter_sha256, hash, sizeof(hash));
    }
    if (expires != NULL && read_day(expires, &in->expires_at_ms, e) < 0)
        return -1;
    return cli_secret(c, "id-file", "id number", &in->id_number, e);
}

int
cmd_account_add(struct cli *c, struct err *e)
{
    struct w_account in = {0}, out;
    struct w_unit unit;
    const char *role, *name, *unit_name, *employer = cli_opt(c, "employer");

    if (cli_need(c, "role", &role, e) < 0 || cli_need(c, "name", &name, e) < 0 ||
        cli_need(c, "unit", &unit_name, e) < 0 || read_role(role, &in.role, e) < 0 ||
        cli_find_unit(c, unit_name, &unit, e) < 0)
        return -1;
    (void)snprintf(in.unit, sizeof(in.unit), "%s", unit.id);
    if (cli_copy(in.login, sizeof(in.login), "login", c->argv[0], e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", name, e) < 0 ||
        cli_copy(in.employer, sizeof(in.employer), "employer", employer, e) < 0 ||
        read_papers(c, &in, e) < 0 ||
        CLI_POST(c, "/v1/accounts", account, &in, account, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_account, &out, e);
}

int
cmd_account_assign(struct cli *c, struct err *e)
{
    struct w_assign_request in = {0};
    const char *role = cli_opt(c, "role");
    struct w_account a, out;

    if ((role != NULL && read_role(role, &in.role, e) < 0) ||
        cli_copy(in.employer, sizeof(in.employer), "employer", cli_opt(c, "employer"), e) < 0 ||
        cli_find_account(c, c->argv[0], &a, e) < 0 ||
        CLI_POST(c, arena_printf(&c->a, "/v1/accounts/%s:assign", a.id), assign_request, &in,
                 account, &out, e) < 0)
        return -1;
    return print_token(c, &out, e);
}

/* POST /v1/accounts/{id}:verb */
static int
account_act(struct cli *c, const char *verb, struct w_account *out, struct err *e)
{
    struct w_account a;

    if (cli_find_account(c, c->argv[0], &a, e) < 0)
        return -1;
    return cli_call(c, "POST", arena_printf(&c->a, "/v1/accounts/%s:%s", a.id, verb), NULL, NULL,
                    schema_account, sizeof(*out), out, e);
}

int
cmd_account_token(struct cli *c, struct err *e)
{
    struct w_account out;

    return account_act(c, "token", &out, e) < 0 ? -1 : print_token(c, &out, e);
}

int
cmd_account_disable(struct cli *c, struct err *e)
{
    struct w_account out;

    return account_act(c, "disable", &out, e) < 0 ? -1 : cli_print_one(c, schema_account, &out, e);
}

int
cmd_account_unlock(struct cli *c, struct err *e)
{
    struct w_account out;

    return account_act(c, "unlock", &out, e) < 0 ? -1 : cli_print_one(c, schema_account, &out, e);
}

int
cmd_account_sign_out(struct cli *c, struct err *e)
{
    struct w_account out;

    return account_act(c, "end-sessions", &out, e) < 0 ? -1
                                                       : cli_print_one(c, schema_account, &out, e);
}

int
cmd_account_reset_factors(struct cli *c, struct err *e)
{
    struct w_account out;

    return account_act(c, "reset-factors", &out, e) < 0 ? -1
                                                        : cli_print_one(c, schema_account, &out, e);
}

int
cmd_account_sessions(struct cli *c, struct err *e)
{
    struct w_session_list l;
    struct w_account a;

    if (cli_find_account(c, c->argv[0], &a, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/accounts/%s/sessions", a.id), session_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_session_list, &l, "id created_at_ms expires_at_ms idle_ms", e);
}

int
cmd_account_list(struct cli *c, struct err *e)
{
    struct w_account_list l;

    if (CLI_LIST(c, "/v1/accounts", account_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_account_list, &l, "login name role unit state employer id", e);
}

/* ---- passwords ------------------------------------------------------------------------------ */

int
cmd_passwd(struct cli *c, struct err *e)
{
    struct w_password_request in = {0};
    struct err first = {0};

    if (cli_opt(c, "password-file") != NULL &&
        cli_secret(c, "password-file", "", &in.old_password, e) < 0)
        return -1;
    if (cli_secret_twice(c, "new-password-file", "new password", &in.password, e) < 0)
        return -1;
    if (cli_call(c, "POST", "/v1/me:password", schema_password_request, &in, NULL, 0, NULL,
                 &first) == 0)
        return 0;
    *e = first;
    if (strcmp(first.field, "old_password") != 0 || in.old_password != NULL || !cli_can_ask())
        return -1;
    if (cli_secret(c, "password-file", "password until now", &in.old_password, e) < 0)
        return -1;
    return cli_call(c, "POST", "/v1/me:password", schema_password_request, &in, NULL, 0, NULL, e);
}

int
cmd_login_policy_show(struct cli *c, struct err *e)
{
    struct w_login_policy p;

    if (CLI_GET(c, "/v1/login-policy", login_policy, &p, e) < 0)
        return -1;
    return cli_print_one(c, schema_login_policy, &p, e);
}

int
cmd_login_policy_set(struct cli *c, struct err *e)
{
    struct w_login_policy in, out;
    const char *text;
    size_t len;

    if (cli_read_file(c, c->argv[0], 65536, &text, &len, e) < 0)
        return -1;
    if (W_DECODE(login_policy, text, len, JM_PEOPLE, &c->a, &in, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    if (CLI_POST(c, "/v1/login-policy", login_policy, &in, login_policy, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_login_policy, &out, e);
}
