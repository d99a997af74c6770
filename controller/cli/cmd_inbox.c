/* The inbox: what waits for me, and until when. */
#include "controller/cli/commands.h"

#define COLUMNS "due_ms overdue kind number title todo unit_name since_ms command"

static int
print_counts(struct cli *c, const struct w_inbox_list *l, struct err *e)
{
    static const struct jm_field rows[] = {{.name = "items",
                                            .doc = "counts",
                                            .type = JM_LIST,
                                            .sub = schema_inbox_count,
                                            .sub_size = sizeof(struct w_inbox_count)},
                                           {0}};
    struct {
        struct jm_list items;
    } counts = {l->counts};

    return cli_print_list(c, rows, &counts, "kind to_do overdue", e);
}

int
cmd_inbox(struct cli *c, struct err *e)
{
    const char *path =
        cli_query(c, "/v1/inbox", "overdue", cli_opt(c, "overdue") != NULL ? "1" : NULL);
    struct w_inbox_list l;

    if (CLI_LIST(c, cli_query(c, path, "kind", cli_opt(c, "kind")), inbox_list, &l, e) < 0)
        return -1;
    if (cli_opt(c, "counts") != NULL && cli_opt(c, "json") == NULL)
        return print_counts(c, &l, e);
    return cli_print_list(c, schema_inbox_list, &l, COLUMNS, e);
}
