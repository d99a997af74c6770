#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"

int
cmd_metrics_token(struct cli *c, struct err *e)
{
    struct w_scrape_token t;
    const char *out;

    if (cli_opt(c, "revoke") != NULL)
        return cli_call(c, "DELETE", "/v1/metrics:token", NULL, NULL, NULL, 0, NULL, e);
    if (cli_need(c, "out", &out, e) < 0 || cli_may_make(out, e) < 0 ||
        cli_call(c, "POST", "/v1/metrics:token", NULL, NULL, schema_scrape_token, sizeof(t), &t,
                 e) < 0)
        return -1;
    t.token = arena_printf(&c->a, "%s\n", t.token);
    if (cli_write_file(out, t.token, strlen(t.token), 0600, e) < 0)
        return err_wrap(e, "the new token could not be kept; make another");
    cli_line(c, stderr,
             "the token is in %s; name it as credentials_file, readable by Prometheus alone", out);
    return 0;
}
