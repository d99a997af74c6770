/* VMs, volumes, networks: list, show, and what a unit does with its own. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

static int
list_kind(struct cli *c, enum w_res_kind kind, const char *columns, struct err *e)
{
    const char *system = cli_opt(c, "system"), *host = cli_opt(c, "host"),
               *unit = cli_opt(c, "unit"), *path = "/v1/resources";
    struct w_resource_list l = {0};
    struct w_system s = {0};
    struct w_host_view h = {0};
    struct w_unit u = {0};

    if ((system != NULL && cli_find_system(c, system, &s, e) < 0) ||
        (host != NULL && cli_find_host(c, host, &h, e) < 0) ||
        (unit != NULL && cli_find_unit(c, unit, &u, e) < 0))
        return -1;
    path = cli_query(c, path, "kind", w_res_kind_names[kind]);
    path = cli_query(c, path, "system", s.id);
    path = cli_query(c, path, "host", h.id);
    path = cli_query(c, path, "unit", u.id);
    path = cli_query(c, path, "seen", cli_opt(c, "seen"));
    path = cli_query(c, path, "starts", cli_opt(c, "starts"));
    path = cli_query(c, path, "contains", cli_opt(c, "contains"));
    path = cli_query(c, path, "verdict", cli_opt(c, "verdict"));
    path = cli_query(c, path, "gone", cli_opt(c, "gone") != NULL ? "1" : NULL);
    if (CLI_LIST(c, path, resource_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_resource_list, &l, columns, e);
}

int
cmd_vm_list(struct cli *c, struct err *e)
{
    return list_kind(c, RES_VM,
                     "name wanted seen equal vcpus mem_mib ip host_name system_name number id", e);
}

int
cmd_volume_list(struct cli *c, struct err *e)
{
    return list_kind(c, RES_VOLUME, "name wanted seen equal bytes host_name system_name number id",
                     e);
}

int
cmd_network_list(struct cli *c, struct err *e)
{
    return list_kind(c, RES_NETWORK,
                     "name wanted seen equal ip bridge host_name system_name number id", e);
}

int
cmd_resource_show(struct cli *c, struct err *e)
{
    struct w_resource_view r, out;

    if (cli_find_resource(c, c->argv[0], &r, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/resources/%s", r.id), resource_view, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_resource_view, &out, e);
}

int
cmd_network_parts(struct cli *c, struct err *e)
{
    struct w_network_part_list l;
    struct w_resource_view r;

    if (cli_find_resource(c, c->argv[0], &r, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/resources/%s/parts", r.id), network_part_list, &l, e) <
            0)
        return -1;
    return cli_print_list(c, schema_network_part_list, &l,
                          "host_name underlay wanted seen equal machines as_of_ms reason id", e);
}

static int
act(struct cli *c, const char *verb, struct err *e)
{
    struct w_resource_view r;
    struct w_act_request in = {.reason = cli_opt(c, "reason"),
                               .dry_run = cli_opt(c, "dry-run") != NULL,
                               .backup_declared = cli_opt(c, "backup-declared") != NULL};
    struct w_accepted out;

    if (cli_find_resource(c, c->argv[0], &r, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/resources/%s:%s", r.id, verb), act_request, &in,
                 accepted, &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}

int
cmd_resource_bin(struct cli *c, struct err *e)
{
    return act(c, "bin", e);
}

int
cmd_resource_erase(struct cli *c, struct err *e)
{
    return act(c, "erase", e);
}

int
cmd_resource_restore(struct cli *c, struct err *e)
{
    return act(c, "restore", e);
}

int
cmd_resource_start(struct cli *c, struct err *e)
{
    return act(c, "start", e);
}

int
cmd_resource_stop(struct cli *c, struct err *e)
{
    return act(c, "stop", e);
}
