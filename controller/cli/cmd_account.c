/* Sessions, accounts, units, systems. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/net/httpc.h"

/* The CA: copied next to the profiles, so that it stays when the given file goes. */
static int
keep_ca(struct cli *c, struct err *e)
{
    const char *file = cli_opt(c, "ca"), *pin = cli_opt(c, "ca-sha256"), *text;
    char dir[540];
    SCOPED(free) char *pem = NULL;
    size_t len;

    if (file == NULL && pin == NULL)
        return c->ca_file[0] != '\0'
                   ? 0
                   : err_set(e, BY_E_INVALID,
                             "give --ca FILE, or --ca-sha256 HEX to fetch and check it");
    if (profile_dir(c, dir, sizeof(dir), e) < 0)
        return -1;
    if (file != NULL) {
        if (cli_read_file(c, file, 65536, &text, &len, e) < 0)
            return -1;
        pem = strdup(text);
        if (pem == NULL)
            return err_set(e, BY_E_NOMEM, "no memory for the CA");
    } else if (httpc_fetch_ca(c->url, pin, &pem, e) < 0) {
        return -1;
    }
    (void)snprintf(c->ca_file, sizeof(c->ca_file), "%s/%s.ca", dir, c->profile);
    if (profile_save(c, e) < 0) /* makes the folder */
        return -1;
    (void)unlink(c->ca_file); /* an older one of this profile */
    return cli_write_file(c->ca_file, pem, strlen(pem), 0644, e);
}

int
cmd_login(struct cli *c, struct err *e)
{
    const char *url = cli_opt(c, "url"), *from = cli_opt(c, "token-file"), *text;
    struct w_session_request in = {0};
    struct w_session s;
    char *token;

    if (url != NULL)
        (void)snprintf(c->url, sizeof(c->url), "%s", url);
    if (c->url[0] == '\0')
        return err_set(e, BY_E_INVALID,
                       "--url is missing: the controller's address, https://HOST:PORT");
    if (keep_ca(c, e) < 0)
        return -1;
    if (from == NULL)
        fprintf(stderr, "one-time token (from init or the administrator), then Enter: ");
    if (cli_read_file(c, from != NULL ? from : "-", 4096, &text, NULL, e) < 0)
        return -1;
    token = arena_strdup(&c->a, text);
    token[strcspn(token, " \r\n\t")] = '\0';
    in.one_time_token = token;
    c->token[0] = '\0';
    if (CLI_POST(c, "/v1/sessions", session_request, &in, session, &s, e) < 0)
        return -1;
    (void)snprintf(c->token, sizeof(c->token), "%s", s.token);
    if (profile_save(c, e) < 0)
        return -1;
    fprintf(stderr, "signed in as %s, profile '%s'\n", w_role_names[s.role], c->profile);
    return 0;
}

int
cmd_logout(struct cli *c, struct err *e)
{
    struct err ignored = {0};

    if (c->token[0] != '\0') /* the session may be over already; forgetting it matters more */
        (void)cli_call(c, "DELETE", "/v1/sessions", NULL, NULL, NULL, 0, NULL, &ignored);
    return profile_forget(c, e);
}

int
cmd_whoami(struct cli *c, struct err *e)
{
    struct w_account me;

    if (CLI_GET(c, "/v1/me", account, &me, e) < 0)
        return -1;
    return cli_print_one(c, schema_account, &me, e);
}

int
cmd_account_add(struct cli *c, struct err *e)
{
    struct w_account in = {0}, out;
    struct w_unit unit;
    const char *role, *name, *unit_name, *employer = cli_opt(c, "employer");

    if (cli_need(c, "role", &role, e) < 0 || cli_need(c, "name", &name, e) < 0 ||
        cli_need(c, "unit", &unit_name, e) < 0 || cli_find_unit(c, unit_name, &unit, e) < 0)
        return -1;
    for (int r = ROLE_ADMIN; r < ROLE__MAX; r++)
        if (strcmp(w_role_names[r], role) == 0)
            in.role = r;
    if (in.role == ROLE_NONE)
        return err_set(e, BY_E_INVALID,
                       "no role '%s'; there are admin, bureau, provider, tenant, auditor", role);
    (void)snprintf(in.login, sizeof(in.login), "%s", c->argv[0]);
    (void)snprintf(in.name, sizeof(in.name), "%s", name);
    (void)snprintf(in.unit, sizeof(in.unit), "%s", unit.id);
    (void)snprintf(in.employer, sizeof(in.employer), "%s", employer != NULL ? employer : "");
    if (CLI_POST(c, "/v1/accounts", account, &in, account, &out, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_account, &out, e);
    fprintf(stderr, "account %s (%s); hand this one-time token over, it is not shown again:\n",
            out.login, out.id);
    printf("%s\n", out.one_time_token);
    return 0;
}

int
cmd_account_disable(struct cli *c, struct err *e)
{
    struct w_account a, out;

    if (cli_find_account(c, c->argv[0], &a, e) < 0 ||
        cli_call(c, "POST", arena_printf(&c->a, "/v1/accounts/%s:disable", a.id), NULL, NULL,
                 schema_account, sizeof(out), &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_account, &out, e);
}

int
cmd_account_list(struct cli *c, struct err *e)
{
    struct w_account_list l;

    if (CLI_GET(c, "/v1/accounts", account_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_account_list, &l, "login name role disabled employer id", e);
}

int
cmd_unit_add(struct cli *c, struct err *e)
{
    struct w_unit in = {0}, out;
    const char *code = cli_opt(c, "code");

    (void)snprintf(in.name, sizeof(in.name), "%s", c->argv[0]);
    (void)snprintf(in.code, sizeof(in.code), "%s", code != NULL ? code : "");
    if (CLI_POST(c, "/v1/units", unit, &in, unit, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_unit, &out, e);
}

int
cmd_unit_list(struct cli *c, struct err *e)
{
    struct w_unit_list l;

    if (CLI_GET(c, "/v1/units", unit_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_unit_list, &l, "name code id", e);
}

int
cmd_system_add(struct cli *c, struct err *e)
{
    struct w_system in = {0}, out;
    struct w_unit unit;
    const char *unit_name, *purpose, *ssh = cli_opt(c, "ssh-key"), *text;
    uint64_t level;

    if (cli_need(c, "unit", &unit_name, e) < 0 || cli_need(c, "purpose", &purpose, e) < 0 ||
        cli_opt_u64(c, "mlps", 2, &level, e) < 0 || cli_find_unit(c, unit_name, &unit, e) < 0)
        return -1;
    (void)snprintf(in.name, sizeof(in.name), "%s", c->argv[0]);
    (void)snprintf(in.unit, sizeof(in.unit), "%s", unit.id);
    in.mlps_level = (uint32_t)level;
    in.purpose = purpose;
    if (ssh != NULL) {
        char *line;

        if (cli_read_file(c, ssh, 4096, &text, NULL, e) < 0)
            return -1;
        line = arena_strdup(&c->a, text);
        line[strcspn(line, "\r\n")] = '\0';
        in.ssh_key = line;
    }
    if (CLI_POST(c, "/v1/systems", system, &in, system, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_system, &out, e);
}

int
cmd_system_list(struct cli *c, struct err *e)
{
    struct w_system_list l;

    if (CLI_GET(c, "/v1/systems", system_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_system_list, &l, "name mlps_level purpose unit id", e);
}
