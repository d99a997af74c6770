/* VMs, volumes, networks: list, show, and what a unit does with its own. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

static int
list_kind(struct cli *c, enum w_res_kind kind, const char *columns, struct err *e)
{
    const char *system = cli_opt(c, "system"), *path, *after = "";
    struct w_resource_list l, all = {0};
    struct w_system s = {0};
    uint64_t limit;
    size_t cap = 0;

    if (cli_limit(c, &limit, e) < 0)
        return -1;
    if (system != NULL && cli_find_system(c, system, &s, e) < 0)
        return -1;
    path = arena_printf(&c->a, "/v1/resources?limit=%d", limit < 1000 ? (int)limit : 1000);
    path = cli_query(c, path, "kind", w_res_kind_names[kind]);
    path = cli_query(c, path, "system", s.id);
    do { /* page by page, until the last or enough */
        struct w_resource_view *grown;

        if (CLI_GET(c, cli_query(c, path, "after", after), resource_list, &l, e) < 0)
            return -1;
        if (all.items.n + l.items.n > cap) {
            cap = 2 * (all.items.n + l.items.n);
            grown = arena_alloc(&c->a, cap * sizeof(*grown));
            if (all.items.n > 0)
                memcpy(grown, all.items.items, all.items.n * sizeof(*grown));
            all.items.items = grown;
        }
        if (l.items.n > 0)
            memcpy((struct w_resource_view *)all.items.items + all.items.n, l.items.items,
                   l.items.n * sizeof(*grown));
        all.items.n += l.items.n;
        after = l.next != NULL ? l.next : "";
    } while (after[0] != '\0' && l.items.n > 0 && all.items.n < limit);
    return cli_print_list(c, schema_resource_list, &all, columns, e);
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
