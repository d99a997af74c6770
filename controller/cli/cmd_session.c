/* Sessions and systems. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/commands.h"
#include "controller/cli/secret.h"
#include "drivers/crypto/paper.h"
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
        fprintf(stderr, "%s: ",
                say(c->lang, "one-time token (from init or the administrator), then Enter"));
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

/* The challenge, signed with the account's own key. */
static int
factor_sign(struct cli *c, struct w_session_request *in, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_challenge_request ask = {0};
    struct w_challenge ch;
    struct w_login_proof p = {.version = 1};

    memcpy(ask.login, in->login, sizeof(ask.login));
    if (sigkey_load(cli_opt(c, "factor-key"), &k, e) < 0 ||
        CLI_POST(c, "/v1/challenges", challenge_request, &ask, challenge, &ch, e) < 0)
        return -1;
    memcpy(p.login, in->login, sizeof(p.login));
    memcpy(p.store, ch.store, sizeof(p.store));
    p.nonce = ch.nonce;
    p.public_pem = sigkey_public_pem(k, &c->a);
    jm_encode(schema_login_proof, &p, &b);
    return paper_sign(k, PAPER_LOGIN, strbuf_peek(&b), &c->a, &in->proof, e);
}

/* With a one-time token, or with login and password. */
static int
read_proof(struct cli *c, struct w_session_request *in, struct err *e)
{
    const char *login = cli_opt(c, "login");

    if (login == NULL)
        return read_token(c, &in->one_time_token, e);
    if (cli_opt(c, "token-file") != NULL)
        return err_set(e, BY_E_INVALID, "give --login or --token-file, not both");
    if (cli_copy(in->login, sizeof(in->login), "login", login, e) < 0 ||
        cli_secret(c, "password-file", "password", &in->password, e) < 0)
        return -1;
    if (cli_opt(c, "new-password-file") != NULL &&
        cli_secret(c, "new-password-file", "", &in->new_password, e) < 0)
        return -1;
    if (cli_opt(c, "factor-key") != NULL)
        return factor_sign(c, in, e);
    return cli_opt(c, "code-file") == NULL ? 0 : cli_secret(c, "code-file", "", &in->code, e);
}

/* The controller says by the field at fault what else it wants: asked for, at most once each. */
static int
ask_more(struct cli *c, struct w_session_request *in, const struct err *why, struct err *e)
{
    if (!cli_can_ask())
        return *e = *why, -1;
    if (strcmp(why->field, "new_password") == 0 && in->new_password == NULL) {
        fprintf(stderr, "%s\n", cli_sentence(c, why->msg));
        return cli_secret_twice(c, "new-password-file", "new password", &in->new_password, e);
    }
    if (strcmp(why->field, "code") == 0 && in->code == NULL && in->proof == NULL)
        return cli_secret(c, "code-file", "code", &in->code, e);
    return *e = *why, -1;
}

static int
sign_in(struct cli *c, struct w_session_request *in, struct w_session *s, struct err *e)
{
    struct err why = {0};

    for (int n = 0; n < 3; n++) {
        if (CLI_POST(c, "/v1/sessions", session_request, in, session, s, &why) == 0)
            return 0;
        if (ask_more(c, in, &why, e) < 0)
            return -1;
    }
    return *e = why, -1;
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
    if (strncmp(c->url, "https://", 8) != 0)
        return err_set(e, BY_E_INVALID, "'%s' does not begin with https://", c->url);
    c->token[0] = '\0'; /* an older session is of no use here, perhaps of another controller */
    fresh = cli_opt(c, "ca") != NULL || cli_opt(c, "ca-sha256") != NULL;
    if (take_ca(c, e) < 0)
        return -1;
    if (read_proof(c, &in, e) < 0 || sign_in(c, &in, &s, e) < 0) {
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
    if (cli_copy(c->token, sizeof(c->token), "token", s.token, e) < 0)
        return -1;
    profile_learn(c);
    if (profile_save(c, e) < 0)
        return -1;
    cli_line(c, stderr, "signed in as %s, profile '%s'", w_role_names[s.role], c->profile);
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

    if (CLI_LIST(c, "/v1/systems", system_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_system_list, &l, "name mlps_level purpose unit id", e);
}
