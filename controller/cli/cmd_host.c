/* Hosts, holds, the controller's state, recovery. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

int
cmd_host_add(struct cli *c, struct err *e)
{
    const char *zone = cli_opt(c, "zone"), *out = cli_opt(c, "out");
    struct w_host_request in = {0};
    struct w_host_token t;
    uint64_t cpu, mem;

    if (cli_opt_u64(c, "cpu-overcommit", 0, UINT32_MAX, &cpu, e) < 0 ||
        cli_opt_u64(c, "mem-overcommit", 0, UINT32_MAX, &mem, e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", c->argv[0], e) < 0 ||
        cli_copy(in.zone, sizeof(in.zone), "zone", zone, e) < 0)
        return -1;
    in.cpu_overcommit_percent = (uint32_t)cpu;
    in.mem_overcommit_percent = (uint32_t)mem;
    if (out != NULL && cli_may_make(out, e) < 0) /* a new token voids the one before */
        return -1;
    if (CLI_POST(c, "/v1/hosts", host_request, &in, host_token, &t, e) < 0)
        return -1;
    if (out != NULL && cli_write_file(out, t.token, strlen(t.token), 0600, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_host_token, &t, e);
    cli_line(c, stderr, "host %s (%s); on the host, within the hour:", in.name, t.host);
    printf("bianyun-agent enrol --controller %s --name %s --ca-sha256 %s --token-file %s\n", c->url,
           in.name, t.ca_sha256, out != NULL ? out : "FILE");
    if (out == NULL)
        printf("%s\n", t.token);
    return 0;
}

int
cmd_host_list(struct cli *c, struct err *e)
{
    const char *path = cli_query(c, "/v1/hosts", "state", cli_opt(c, "state"));
    struct w_host_list l;

    if (CLI_LIST(c, cli_query(c, path, "zone", cli_opt(c, "zone")), host_list, &l, e) < 0)
        return -1;
    return cli_print_list(
        c, schema_host_list, &l,
        "name state zone pool_class cpus vcpus_used mem_mib mem_used_mib pool_bytes "
        "pool_free_bytes kvm lock_manager underlay seen_at_ms reason id",
        e);
}

/* What is not given stays as it is. */
int
cmd_host_set(struct cli *c, struct err *e)
{
    const char *zone = cli_opt(c, "zone"), *class = cli_opt(c, "pool-class");
    struct w_host_settings in = {.reason = cli_opt(c, "reason")};
    struct w_host_view h;

    if (zone == NULL && class == NULL)
        return err_set(e, BY_E_INVALID, "say what it is to be: --zone, --pool-class");
    if (cli_find_host(c, c->argv[0], &h, e) < 0 ||
        cli_copy(in.zone, sizeof(in.zone), "zone", zone != NULL ? zone : h.zone, e) < 0 ||
        cli_copy(in.pool_class, sizeof(in.pool_class), "pool_class",
                 class != NULL ? class : h.pool_class, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/hosts/%s:set", h.id), host_settings, &in, host_view,
                 &h, e) < 0)
        return -1;
    return cli_print_one(c, schema_host_view, &h, e);
}

int
cmd_host_show(struct cli *c, struct err *e)
{
    struct w_host_view h;

    return cli_find_host(c, c->argv[0], &h, e) < 0 ? -1 : cli_print_one(c, schema_host_view, &h, e);
}

static int
host_act(struct cli *c, const char *verb, struct err *e)
{
    struct w_host_view h, out;

    if (cli_find_host(c, c->argv[0], &h, e) < 0 ||
        cli_call(c, "POST", arena_printf(&c->a, "/v1/hosts/%s:%s", h.id, verb), NULL, NULL,
                 schema_host_view, sizeof(out), &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_host_view, &out, e);
}

int
cmd_host_cordon(struct cli *c, struct err *e)
{
    if (host_act(c, "cordon", e) < 0)
        return -1;
    cli_undo(c, 0, "bianyun hosts uncordon %s", c->argv[0]);
    return 0;
}

int
cmd_host_uncordon(struct cli *c, struct err *e)
{
    return host_act(c, "uncordon", e);
}

int
cmd_host_revoke(struct cli *c, struct err *e)
{
    return host_act(c, "revoke", e);
}

int
cmd_hold(struct cli *c, struct err *e)
{
    struct w_hold_request in = {0};
    struct w_host_view h;
    struct w_resource_view r;
    struct w_hold out;
    struct err none = {0};

    if (cli_need(c, "reason", &in.reason, e) < 0 ||
        cli_opt_ms(c, "for", 7200000, &in.for_ms, e) < 0)
        return -1;
    if (in.for_ms < 1000 || in.for_ms > 604800000)
        return err_set(e, BY_E_INVALID, "--for is from 1s to 7d: a hold is for an emergency");
    if (cli_find_host(c, c->argv[0], &h, &none) == 0)
        (void)snprintf(in.host, sizeof(in.host), "%s", h.id);
    else if (cli_find_resource(c, c->argv[0], &r, e) == 0)
        (void)snprintf(in.resource, sizeof(in.resource), "%s", r.id);
    else
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/holds", hold_request, &in, hold, &out, e) < 0 ||
        cli_print_one(c, schema_hold, &out, e) < 0)
        return -1;
    cli_undo(c, out.until_ms, "bianyun holds end %s", out.id);
    return 0;
}

int
cmd_hold_list(struct cli *c, struct err *e)
{
    struct w_hold_list l;

    if (CLI_LIST(c, "/v1/holds", hold_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_hold_list, &l, "id host resource until_ms reason", e);
}

int
cmd_hold_end(struct cli *c, struct err *e)
{
    return cli_call(c, "DELETE", arena_printf(&c->a, "/v1/holds/%s", cli_escape(c, c->argv[0])),
                    NULL, NULL, NULL, 0, NULL, e);
}

int
cmd_recovery_confirm(struct cli *c, struct err *e)
{
    struct w_act_request in = {.reason = cli_opt(c, "reason"),
                               .dry_run = cli_opt(c, "dry-run") != NULL};
    struct w_status_view s;

    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/recovery:confirm", act_request, &in, status_view, &s, e) < 0)
        return -1;
    return cli_print_one(c, schema_status_view, &s, e);
}

int
cmd_recovery_without(struct cli *c, struct err *e)
{
    struct w_recovery_without in = {.dry_run = cli_opt(c, "dry-run") != NULL};
    struct w_status_view s;

    if (cli_need(c, "reason", &in.reason, e) < 0 ||
        cli_copy(in.host, sizeof(in.host), "host", c->argv[0], e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/recovery:without", recovery_without, &in, status_view, &s, e) < 0)
        return -1;
    return cli_print_one(c, schema_status_view, &s, e);
}

int
cmd_version(struct cli *c, struct err *e)
{
    (void)c;
    (void)e;
    printf("bianyun %s\n", BY_VERSION);
    return 0;
}
