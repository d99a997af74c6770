/* Shared pools and their stewards. */
#include <string.h>

#include "controller/cli/commands.h"

int
cmd_pool_list(struct cli *c, struct err *e)
{
    struct w_pool_list l;

    if (CLI_LIST(c, "/v1/pools", pool_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_pool_list, &l,
                          "name pool_class steward_name steward_state hosts_count pool_bytes "
                          "pool_free_bytes allotted_bytes since_ms reason id",
                          e);
}

static int
pool_whole(struct cli *c, const char *name, struct w_pool_view *out, struct err *e)
{
    struct w_pool_item found;

    if (cli_find_pool(c, name, &found, e) < 0)
        return -1;
    return CLI_GET(c, arena_printf(&c->a, "/v1/pools/%s", found.id), pool_view, out, e);
}

int
cmd_pool_show(struct cli *c, struct err *e)
{
    struct w_pool_view p;

    return pool_whole(c, c->argv[0], &p, e) < 0 ? -1 : cli_print_one(c, schema_pool_view, &p, e);
}

/* What is not given stays as it is. */
int
cmd_pool_set(struct cli *c, struct err *e)
{
    const char *name = cli_opt(c, "name"), *class = cli_opt(c, "class"),
               *steward = cli_opt(c, "steward");
    struct w_pool_settings in = {.reason = cli_opt(c, "reason"),
                                 .no_class = class != NULL && class[0] == '\0'};
    struct w_pool_item found;
    struct w_pool_view p;
    struct w_host_view h;

    if (name == NULL && class == NULL && steward == NULL)
        return err_set(e, BY_E_INVALID, "say what it is to be: --name, --class, --steward");
    if (cli_copy(in.name, sizeof(in.name), "name", name, e) < 0 ||
        cli_copy(in.pool_class, sizeof(in.pool_class), "pool_class", class, e) < 0 ||
        cli_find_pool(c, c->argv[0], &found, e) < 0)
        return -1;
    if (steward != NULL) {
        if (cli_find_host(c, steward, &h, e) < 0)
            return -1;
        memcpy(in.steward, h.id, sizeof(in.steward));
    }
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/pools/%s", found.id), pool_settings, &in, pool_view,
                 &p, e) < 0)
        return -1;
    return cli_print_one(c, schema_pool_view, &p, e);
}
