/* Legal clocks: what runs, what is overdue, why, and one's calendar feed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

#define COLUMNS "kind title state due_day provisional duty subject_kind id"

/* --kind, checked here so that a wrong word is told with the right ones. */
static int
query_of(struct cli *c, const char **out, struct err *e)
{
    const char *grant = cli_opt(c, "grant"), *path = "/v1/clocks";
    static const char *const flags[] = {"overdue", "open", "mine"};
    struct w_grant_view g = {0};

    if (grant != NULL && cli_find_grant(c, grant, &g, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        path = cli_query(c, path, flags[i], cli_opt(c, flags[i]) != NULL ? "1" : NULL);
    path = cli_query(c, path, "kind", cli_opt(c, "kind"));
    *out = cli_query(c, path, "subject", g.id);
    return 0;
}

int
cmd_clock_list(struct cli *c, struct err *e)
{
    struct w_clock_list l;
    struct {
        struct jm_list items;
    } counts;
    static const struct jm_field rows[] = {{.name = "items",
                                            .doc = "counts",
                                            .type = JM_LIST,
                                            .sub = schema_clock_count,
                                            .sub_size = sizeof(struct w_clock_count)},
                                           {0}};
    const char *path;

    if (query_of(c, &path, e) < 0 || CLI_LIST(c, path, clock_list, &l, e) < 0)
        return -1;
    if (cli_opt(c, "counts") != NULL && cli_opt(c, "json") == NULL) {
        counts.items = l.counts;
        return cli_print_list(c, rows, &counts, "unit_name kind running overdue", e);
    }
    return cli_print_list(c, schema_clock_list, &l, COLUMNS, e);
}

int
cmd_clock_show(struct cli *c, struct err *e)
{
    struct w_clock_detail d;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/clocks/%s", cli_escape(c, c->argv[0])), clock_detail,
                &d, e) < 0)
        return -1;
    return cli_print_one(c, schema_clock_detail, &d, e);
}

int
cmd_clock_cause(struct cli *c, struct err *e)
{
    struct w_clock_cause_request in = {0};
    struct w_clock_detail d;
    const char *cause = c->argv[1];

    for (int i = 1; i < CAUSE__MAX; i++)
        if (strcmp(w_clock_cause_names[i], cause) == 0)
            in.cause = i;
    if (in.cause == CAUSE_NONE)
        return err_set(e, BY_E_INVALID, "'%s' is no cause: capacity, unit, fault or other", cause);
    if (cli_need(c, "note", &in.note, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/clocks/%s:cause", cli_escape(c, c->argv[0])),
                 clock_cause_request, &in, clock_detail, &d, e) < 0)
        return -1;
    return cli_print_one(c, schema_clock_detail, &d, e);
}

int
cmd_clock_feed(struct cli *c, struct err *e)
{
    struct w_clock_feed f;
    const char *out;

    if (cli_opt(c, "revoke") != NULL)
        return cli_call(c, "DELETE", "/v1/clocks:feed", NULL, NULL, NULL, 0, NULL, e);
    if (cli_need(c, "out", &out, e) < 0 || cli_may_make(out, e) < 0 ||
        cli_call(c, "POST", "/v1/clocks:feed", NULL, NULL, schema_clock_feed, sizeof(f), &f, e) < 0)
        return -1;
    f.path = arena_printf(&c->a, "%s%s\n", c->url, f.path);
    if (cli_write_file(out, f.path, strlen(f.path), 0600, e) < 0)
        return err_wrap(e, "the new address could not be kept; make another");
    cli_line(c, stderr, "the address of the feed is in %s; whoever has it reads the feed", out);
    return 0;
}
