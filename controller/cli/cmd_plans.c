/* Signed plans (方案): listed, shown, taken back while they wait.  Making them: cmd_plan.c. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

int
cmd_plan_list(struct cli *c, struct err *e)
{
    const char *grant = cli_opt(c, "grant"), *resource = cli_opt(c, "resource");
    const char *path = "/v1/plans";
    struct w_resource_view r;
    struct w_grant_view g;
    struct w_plan_list l;

    if ((grant != NULL && cli_find_grant(c, grant, &g, e) < 0) ||
        (resource != NULL && cli_find_resource(c, resource, &r, e) < 0))
        return -1;
    path = cli_query(c, path, "grant", grant != NULL ? g.id : NULL);
    path = cli_query(c, path, "resource", resource != NULL ? r.id : NULL);
    path = cli_query(c, path, "waiting", cli_opt(c, "waiting") != NULL ? "1" : NULL);
    if (CLI_LIST(c, path, plan_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_plan_list, &l,
                          "resource_name unit_name system_name grant_number version line_count "
                          "waiting accepted_ms id",
                          e);
}

int
cmd_plan_show(struct cli *c, struct err *e)
{
    const char *file = cli_opt(c, "paper");
    struct w_plan_view v;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/plans/%s", cli_escape(c, c->argv[0])), plan_view, &v,
                e) < 0 ||
        (file != NULL && cli_write_file(file, v.paper, strlen(v.paper), 0644, e) < 0))
        return -1;
    return cli_print_one(c, schema_plan_view, &v, e);
}

int
cmd_plan_withdraw(struct cli *c, struct err *e)
{
    struct w_plan_withdrawal in = {.dry_run = cli_opt(c, "dry-run") != NULL};
    struct w_plan_view v;

    if (cli_need(c, "reason", &in.reason, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/plans/%s:withdraw", cli_escape(c, c->argv[0])),
                 plan_withdrawal, &in, plan_view, &v, e) < 0)
        return -1;
    v.paper = NULL;
    return cli_print_one(c, schema_plan_view, &v, e);
}
