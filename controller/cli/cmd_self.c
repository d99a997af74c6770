/* What a unit does by itself within its grant: create, resize, rename, attach, detach, undo. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"

/* now, later, or a duration from now. */
static int
restart_fill(struct cli *c, struct w_unit_act_request *in, struct err *e)
{
    const char *when = cli_opt(c, "restart");
    int64_t in_ms;

    if (when == NULL)
        return 0;
    if (strcmp(when, "now") == 0) {
        in->restart = RESTART_NOW;
    } else if (strcmp(when, "later") == 0) {
        in->restart = RESTART_LATER;
    } else {
        if (cli_opt_ms(c, "restart", 0, &in_ms, e) < 0)
            return err_wrap(e, "--restart is now, later, or a time from now");
        in->restart = RESTART_AT;
        in->restart_at_ms = clock_wall_ms() + in_ms;
    }
    return 0;
}

static int
word_fill(struct cli *c, const char *option, const char *const *names, int *out, struct err *e)
{
    const char *v = cli_opt(c, option);

    if (v == NULL)
        return 0;
    for (int i = 1; names[i] != NULL; i++)
        if (strcmp(names[i], v) == 0) {
            *out = i;
            return 0;
        }
    return err_set(e, BY_E_INVALID, "--%s: '%s' is not one of its words", option, v);
}

/* A size that is said is one. */
static int
size_fill(struct cli *c, const char *option, uint64_t max, uint64_t *out, struct err *e)
{
    if (cli_opt_u64(c, option, 0, max, out, e) < 0)
        return -1;
    return *out > 0 || cli_opt(c, option) == NULL
               ? 0
               : err_set(e, BY_E_INVALID, "--%s is at least 1", option);
}

/* What every one of these commands may say. */
static int
common_fill(struct cli *c, struct w_unit_act_request *in, struct err *e)
{
    uint64_t vcpus;

    cli_request_id(c, in->request);
    in->reason = cli_opt(c, "reason");
    in->dry_run = cli_opt(c, "dry-run") != NULL;
    in->confirm = cli_opt(c, "yes") != NULL;
    if (size_fill(c, "vcpus", 512, &vcpus, e) < 0 ||
        size_fill(c, "mem-mib", 16777216, &in->mem_mib, e) < 0 ||
        size_fill(c, "disk-gib", 262144, &in->disk_gib, e) < 0)
        return -1;
    in->vcpus = (uint32_t)vcpus;
    return restart_fill(c, in, e);
}

static int
send(struct cli *c, const char *path, const struct w_unit_act_request *in, struct err *e)
{
    struct w_accepted out;

    if (CLI_POST(c, path, unit_act_request, in, accepted, &out, e) < 0)
        return -1;
    if (out.warning != NULL && cli_opt(c, "json") == NULL)
        cli_line(c, stderr, "warning: %s", out.warning);
    return cli_print_accepted(c, &out, e);
}

static int
act_on(struct cli *c, const char *verb, struct w_unit_act_request *in, struct err *e)
{
    struct w_resource_view r;

    if (common_fill(c, in, e) < 0 || cli_find_resource(c, c->argv[0], &r, e) < 0)
        return -1;
    return send(c, arena_printf(&c->a, "/v1/resources/%s:%s", r.id, verb), in, e);
}

static int
neighbour(struct cli *c, const char *option, char out[W_ID], struct err *e)
{
    struct w_resource_view r;

    if (cli_opt(c, option) == NULL)
        return 0;
    if (cli_find_kind(c, strcmp(option, "vm") == 0 ? RES_VM : RES_NETWORK, cli_opt(c, option), &r,
                      e) < 0)
        return err_wrap(e, "--%s", option);
    memcpy(out, r.id, W_ID);
    return 0;
}

static int
create(struct cli *c, enum w_res_kind kind, struct err *e)
{
    struct w_unit_act_request in = {.kind = (int)kind};

    if (common_fill(c, &in, e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", c->argv[0], e) < 0 ||
        cli_copy(in.grant, sizeof(in.grant), "grant", cli_opt(c, "grant"), e) < 0 ||
        cli_copy(in.image, sizeof(in.image), "image", cli_opt(c, "image"), e) < 0 ||
        cli_copy(in.cidr, sizeof(in.cidr), "cidr", cli_opt(c, "cidr"), e) < 0 ||
        word_fill(c, "firmware", w_firmware_names, &in.firmware, e) < 0 ||
        word_fill(c, "apart", w_apart_names, &in.apart, e) < 0 ||
        word_fill(c, "format", w_format_names, &in.format, e) < 0 ||
        neighbour(c, "network", in.network, e) < 0 || neighbour(c, "vm", in.vm, e) < 0)
        return -1;
    return send(c, "/v1/resources", &in, e);
}

int
cmd_vm_create(struct cli *c, struct err *e)
{
    return create(c, RES_VM, e);
}

int
cmd_volume_create(struct cli *c, struct err *e)
{
    const char *size;

    return cli_need(c, "disk-gib", &size, e) < 0 ? -1 : create(c, RES_VOLUME, e);
}

int
cmd_network_create(struct cli *c, struct err *e)
{
    return create(c, RES_NETWORK, e);
}

int
cmd_resource_resize(struct cli *c, struct err *e)
{
    struct w_unit_act_request in = {0};

    return act_on(c, "resize", &in, e);
}

int
cmd_resource_rename(struct cli *c, struct err *e)
{
    struct w_unit_act_request in = {0};
    const char *name;

    if (cli_need(c, "name", &name, e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", name, e) < 0)
        return -1;
    return act_on(c, "rename", &in, e);
}

int
cmd_volume_attach(struct cli *c, struct err *e)
{
    struct w_unit_act_request in = {0};
    const char *vm;

    if (cli_need(c, "vm", &vm, e) < 0 || neighbour(c, "vm", in.vm, e) < 0)
        return -1;
    return act_on(c, "attach", &in, e);
}

int
cmd_volume_detach(struct cli *c, struct err *e)
{
    struct w_unit_act_request in = {0};

    return act_on(c, "detach", &in, e);
}

/* By its id, or as much of it as is unique. */
static int
find_act(const struct w_unit_act_list *l, const char *what, const char **id, struct err *e)
{
    size_t found = 0;

    for (size_t i = 0; i < l->items.n; i++) {
        const struct w_unit_act_view *v = JM_ITEM(l->items, struct w_unit_act_view, i);

        if (strlen(what) >= 4 && strncmp(v->id, what, strlen(what)) == 0) {
            *id = v->id;
            found++;
        }
    }
    if (found == 1)
        return 0;
    return err_set(e, found == 0 ? BY_E_NOT_FOUND : BY_E_INVALID,
                   "%s act begins with '%s'; 'bianyun undo' lists them",
                   found == 0 ? "no" : "more than one", what);
}

int
cmd_undo(struct cli *c, struct err *e)
{
    struct w_unit_act_request in = {0};
    struct w_unit_act_list l;
    const char *id = "";

    if (CLI_GET(c, "/v1/acts", unit_act_list, &l, e) < 0)
        return -1;
    if (c->argc == 0)
        return cli_print_list(c, schema_unit_act_list, &l,
                              "id at_ms text can_undo until_ms account reason", e);
    if (find_act(&l, c->argv[0], &id, e) < 0 || common_fill(c, &in, e) < 0)
        return -1;
    return send(c, arena_printf(&c->a, "/v1/acts/%s:undo", id), &in, e);
}
