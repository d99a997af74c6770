/* One's own second factors. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "controller/cli/secret.h"

static int
factor_name(struct cli *c, const char *otherwise, struct w_factor *in, struct err *e)
{
    const char *name = cli_opt(c, "name");

    return cli_copy(in->name, sizeof(in->name), "name", name != NULL ? name : otherwise, e);
}

int
cmd_factor_add_key(struct cli *c, struct err *e)
{
    struct w_factor in = {.kind = FACTOR_KEY}, out;

    if (factor_name(c, "key", &in, e) < 0 ||
        cli_read_file(c, c->argv[0], 1024, &in.public_pem, NULL, e) < 0 ||
        CLI_POST(c, "/v1/factors", factor, &in, factor, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_factor, &out, e);
}

static int
confirm(struct cli *c, const char *id, struct err *e)
{
    struct w_factor_code in = {0};
    struct w_factor out;

    if (cli_secret(c, "code-file", "first code", &in.code, e) < 0 ||
        CLI_POST(c, arena_printf(&c->a, "/v1/factors/%s:confirm", cli_escape(c, id)), factor_code,
                 &in, factor, &out, e) < 0)
        return -1;
    cli_line(c, stderr, "the codes of '%s' count from now on", out.name);
    return 0;
}

int
cmd_factor_confirm(struct cli *c, struct err *e)
{
    return confirm(c, c->argv[0], e);
}

/* The first code is asked for where there is somebody to ask. */
int
cmd_factor_add_totp(struct cli *c, struct err *e)
{
    struct w_factor in = {.kind = FACTOR_TOTP}, out;
    const char *alg = cli_opt(c, "alg");
    struct w_account me;

    if (factor_name(c, "codes", &in, e) < 0 || CLI_GET(c, "/v1/me", account, &me, e) < 0 ||
        (alg != NULL && cli_copy(in.alg, sizeof(in.alg), "alg", alg, e) < 0) ||
        CLI_POST(c, "/v1/factors", factor, &in, factor, &out, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_factor, &out, e);
    printf("otpauth://totp/bianyun:%s?secret=%s&issuer=bianyun&algorithm=%s&digits=6&period=30\n",
           me.login, out.secret, strcmp(out.alg, "sha256") == 0 ? "SHA256" : "SHA1");
    cli_line(c, stderr,
             "put this secret into your device, it is not shown again; it counts after: bianyun "
             "factors confirm %s",
             out.id);
    (void)fflush(stdout);
    return cli_can_ask() ? confirm(c, out.id, e) : 0;
}

int
cmd_factor_list(struct cli *c, struct err *e)
{
    struct w_factor_list l;

    if (CLI_LIST(c, "/v1/factors", factor_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_factor_list, &l, "name kind alg confirmed id", e);
}

int
cmd_factor_remove(struct cli *c, struct err *e)
{
    return cli_call(c, "DELETE", arena_printf(&c->a, "/v1/factors/%s", cli_escape(c, c->argv[0])),
                    NULL, NULL, NULL, 0, NULL, e);
}
