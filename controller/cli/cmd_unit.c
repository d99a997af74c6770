/* The tree of units. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

/* --kind and --parent. */
static int
read_place(struct cli *c, int *kind, char parent[W_ID], struct err *e)
{
    const char *word = cli_opt(c, "kind"), *name = cli_opt(c, "parent");
    struct w_unit up;

    for (int k = UNIT_BUREAU; word != NULL && k < UNIT__MAX; k++)
        if (strcmp(w_unit_kind_names[k], word) == 0)
            *kind = k;
    if (word != NULL && *kind == UNIT_NONE)
        return err_set(e, BY_E_INVALID,
                       "no kind '%s'; there are bureau, county, provider, tenant, finance, auditor",
                       word);
    if (name == NULL)
        return 0;
    if (cli_find_unit(c, name, &up, e) < 0)
        return -1;
    memcpy(parent, up.id, W_ID);
    return 0;
}

int
cmd_unit_add(struct cli *c, struct err *e)
{
    struct w_unit in = {0}, out;
    const char *code = cli_opt(c, "code");

    if (cli_copy(in.name, sizeof(in.name), "name", c->argv[0], e) < 0 ||
        cli_copy(in.code, sizeof(in.code), "code", code, e) < 0 ||
        read_place(c, &in.kind, in.parent, e) < 0 ||
        CLI_POST(c, "/v1/units", unit, &in, unit, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_unit, &out, e);
}

int
cmd_unit_move(struct cli *c, struct err *e)
{
    struct w_unit_move in = {0};
    struct w_unit unit, out;

    if (cli_find_unit(c, c->argv[0], &unit, e) < 0 || read_place(c, &in.kind, in.parent, e) < 0 ||
        CLI_POST(c, arena_printf(&c->a, "/v1/units/%s:move", unit.id), unit_move, &in, unit, &out,
                 e) < 0)
        return -1;
    return cli_print_one(c, schema_unit, &out, e);
}

int
cmd_unit_list(struct cli *c, struct err *e)
{
    struct w_unit_list l;

    if (CLI_LIST(c, "/v1/units", unit_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_unit_list, &l, "name kind code parent id", e);
}
