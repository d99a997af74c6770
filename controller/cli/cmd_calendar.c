/* The calendar of working days: what is in force, and a new year's notice. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"

int
cmd_calendar_list(struct cli *c, struct err *e)
{
    struct w_calendar_list l;

    if (CLI_LIST(c, "/v1/calendars", calendar_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_calendar_list, &l,
                          "year working_days imported at_ms number reason", e);
}

int
cmd_calendar_show(struct cli *c, struct err *e)
{
    struct w_calendar_list l;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/calendars?year=%s", cli_escape(c, c->argv[0])),
                calendar_list, &l, e) < 0)
        return -1;
    return cli_print_one(c, schema_calendar_view, JM_ITEM(l.items, struct w_calendar_view, 0), e);
}

int
cmd_calendar_import(struct cli *c, struct err *e)
{
    struct w_calendar_request in = {.reason = cli_opt(c, "reason"),
                                    .dry_run = cli_opt(c, "dry-run") != NULL};
    struct w_calendar doc;
    struct w_calendar_list l;
    size_t len;

    if (cli_read_file(c, c->argv[0], 16384, &in.document, &len, e) < 0)
        return -1;
    if (W_DECODE(calendar, in.document, len, JM_PEOPLE, &c->a, &doc, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/calendars", calendar_request, &in, calendar_list, &l, e) < 0)
        return -1;
    if (in.dry_run) {
        cli_line(c, stderr, "the notice of %u is in order; nothing was kept", doc.year);
        return 0;
    }
    cli_line(c, stderr, "calendar %s: %u clocks computed again, %u due on another day now",
             l.version, l.recomputed, l.due_moved);
    return cli_print_one(c, schema_calendar_view, JM_ITEM(l.items, struct w_calendar_view, 0), e);
}
