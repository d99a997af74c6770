/* After what takes something away: how to undo it, and until when. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "drivers/crypto/paper.h"

#define HINTS_MAX 5 /* a page of orders is not answered by a page of hints */

void
cli_undo(struct cli *c, int64_t until_ms, const char *fmt, ...)
{
    char command[200];
    va_list ap;

    if (cli_opt(c, "json") != NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    if (until_ms > 0)
        cli_line(c, stderr, "undo with: %s (until %s)", command, cli_time(c, until_ms));
    else
        cli_line(c, stderr, "undo with: %s", command);
}

/* When the hold of its grant is over, or 0 when that cannot be told. */
static int64_t
held_until(struct cli *c, const struct w_order_view *o)
{
    struct err none = {0};
    struct w_grant_view g;
    struct w_envelope env;
    struct w_grant grant;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/grants/%s", o->grant), grant_view, &g, &none) < 0 ||
        g.paper == NULL || paper_parse(g.paper, strlen(g.paper), &c->a, &env, &none) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_PEER, &c->a, &grant, &none) < 0)
        return 0;
    return o->issued_at_ms + grant.hold_ms;
}

void
cli_undo_orders(struct cli *c, const struct w_accepted *acc)
{
    size_t told = 0;

    for (size_t i = 0; i < acc->orders.n && told < HINTS_MAX; i++) {
        const struct w_order_view *o = JM_ITEM(acc->orders, const struct w_order_view, i);
        bool blank = strchr(o->name, ' ') != NULL;

        if (o->verb != VERB_BIN && o->verb != VERB_DOWNGRADE)
            continue;
        cli_undo(c, o->verb == VERB_BIN ? held_until(c, o) : 0, "bianyun restore %s%s%s",
                 blank ? "'" : "", o->name, blank ? "'" : "");
        told++;
    }
}
