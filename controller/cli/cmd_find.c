#include "controller/cli/commands.h"

int
cmd_find(struct cli *c, struct err *e)
{
    struct w_find_list l;

    if (CLI_GET(c, cli_query(c, "/v1/find", "q", c->argv[0]), find_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_find_list, &l, "what name detail unit command id", e);
}
