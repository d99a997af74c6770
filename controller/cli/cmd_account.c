/* Sessions, accounts, units, systems. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/commands.h"
#include "drivers/net/httpc.h"

/* Where the CA of this profile is kept, that it stays when the given file goes; suffix "" or
 * ".new". */
static int
ca_path(struct cli *c, const char *suffix, char *out, size_t size, struct err *e)
{
    char dir[540];

    if (profile_make_dir(c, e) < 0 || profile_dir(c, dir, sizeof(dir), e) < 0)
        return -1;
    return (size_t)snprintf(out, size, "%s/%s.ca%s", dir, c->profile, suffix) < size
               ? 0
               : err_set(e, BY_E_INVALID, "the path of the profile folder is too long: %s", dir);
}

/* The CA as given or fetched by its hash, beside the one in use; without either, that one. */
static int
take_ca(struct cli *c, struct err *e)
{
    const char *file = cli_opt(c, "ca"), *pin = cli_opt(c, "ca-sha256"), *text;
    SCOPED(free) char *pem = NULL;

    if (file != NULL && pin != NULL)
        return err_set(e, BY_E_INVALID, "give --ca or --ca-sha256, not both");
    if (file == NULL && pin == NULL)
        return c->ca_file[0] != '\0'
                   ? 0
                   : err_set(e, BY_E_INVALID,
                             "give --ca FILE, or --ca-sha256 HEX to fetch and check it");
    if (file != NULL) {
        if (cli_read_file(c, file, 65536, &text, NULL, e) < 0)
            return -1;
        pem = strdup(text);
        if (pem == NULL)
            return err_set(e, BY_E_NOMEM, "no memory for the CA");
    } else if (httpc_fetch_ca(c->url, pin, &pem, e) < 0) {
        return -1;
    }
    if (ca_path(c, ".new", c->ca_file, sizeof(c->ca_file), e) < 0)
        return -1;
    (void)unlink(c->ca_file); /* of a sign-in that was killed */
    return cli_write_file(c->ca_file, pem, strlen(pem), 0644, e);
}

static int
read_token(struct cli *c, const char **token, struct err *e)
{
    const char *from = cli_opt(c, "token-file"), *text;
    char *word;

    if (from == NULL)
        fprintf(stderr, "one-time token (from init or the administrator), then Enter: ");
    if (cli_read_file(c, from != NULL ? from : "-", 4096, &text, NULL, e) < 0)
        return -1;
    word = arena_strdup(&c->a, text);
    word[strcspn(word, " \r\n\t")] = '\0';
    if (word[0] == '\0')
        return err_set(e, BY_E_INVALID, "there is no token in %s",
                       from != NULL ? from : "what was typed");
    *token = word;
    return 0;
}

/* A sign-in that fails leaves the profile as it was. */
int
cmd_login(struct cli *c, struct err *e)
{
    struct w_session_request in = {0};
    struct w_session s;
    const char *url = cli_opt(c, "url");
    char ca[sizeof(c->ca_file)];
    bool fresh;

    if (url != NULL && cli_copy(c->url, sizeof(c->url), "url", url, e) < 0)
        return -1;
    if (c->url[0] == '\0')
        return err_set(e, BY_E_INVALID,
                       "--url is missing: the controller's address, https://HOST:PORT");
    c->token[0] = '\0'; /* an older session is of no use here, perhaps of another controller */
    fresh = cli_opt(c, "ca") != NULL || cli_opt(c, "ca-sha256") != NULL;
    if (take_ca(c, e) < 0)
        return -1;
    if (read_token(c, &in.one_time_token, e) < 0 ||
        CLI_POST(c, "/v1/sessions", session_request, &in, session, &s, e) < 0) {
        if (fresh)
            (void)unlink(c->ca_file);
        return -1;
    }
    if (fresh) {
        if (ca_path(c, "", ca, sizeof(ca), e) < 0)
            return -1;
        if (rename(c->ca_file, ca) < 0)
            return err_set(e, BY_E_IO, "cannot write %s: %s", ca, strerror(errno));
        (void)cli_copy(c->ca_file, sizeof(c->ca_file), "ca", ca, NULL); /* of the same size */
    }
    if (cli_copy(c->token, sizeof(c->token), "token", s.token, e) < 0 || profile_save(c, e) < 0)
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

static int
print_token(struct cli *c, const struct w_account *out, struct err *e)
{
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_account, out, e);
    fprintf(stderr, "account %s (%s); hand this one-time token over, it is not shown again:\n",
            out->login, out->id);
    printf("%s\n", out->one_time_token);
    return 0;
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
    (void)snprintf(in.unit, sizeof(in.unit), "%s", unit.id);
    if (cli_copy(in.login, sizeof(in.login), "login", c->argv[0], e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", name, e) < 0 ||
        cli_copy(in.employer, sizeof(in.employer), "employer", employer, e) < 0 ||
        CLI_POST(c, "/v1/accounts", account, &in, account, &out, e) < 0)
        return -1;
    return print_token(c, &out, e);
}

int
cmd_account_token(struct cli *c, struct err *e)
{
    struct w_account a, out;

    if (cli_find_account(c, c->argv[0], &a, e) < 0 ||
        cli_call(c, "POST", arena_printf(&c->a, "/v1/accounts/%s:token", a.id), NULL, NULL,
                 schema_account, sizeof(out), &out, e) < 0)
        return -1;
    return print_token(c, &out, e);
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

    if (cli_copy(in.name, sizeof(in.name), "name", c->argv[0], e) < 0 ||
        cli_copy(in.code, sizeof(in.code), "code", code, e) < 0 ||
        CLI_POST(c, "/v1/units", unit, &in, unit, &out, e) < 0)
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
        cli_opt_u64(c, "mlps", 2, UINT32_MAX, &level, e) < 0 ||
        cli_find_unit(c, unit_name, &unit, e) < 0)
        return -1;
    if (cli_copy(in.name, sizeof(in.name), "name", c->argv[0], e) < 0)
        return -1;
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
