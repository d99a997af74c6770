/* The manual page bianyun(1), out of the rows. */
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/base/manpage.h"

static void
command(const struct command *k, struct strbuf *out)
{
    strbuf_adds(out, "*");
    man_text(k->noun, out);
    strbuf_addf(out, "%s%s* ", k->verb[0] != '\0' ? " " : "", k->verb);
    if (k->args[0] != '\0')
        strbuf_addf(out, "_%s_ ", k->args);
    for (const struct option_row *o = option_rows; o->name != NULL; o++)
        if (!o->global && options_taken(k, o->name))
            strbuf_addf(out, "[--%s] ", o->name);
    strbuf_adds(out, "\n\t");
    man_text(k->help, out);
    strbuf_adds(out, ".\n\n");
}

int
cmd_man(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    (void)c;
    (void)e;
    strbuf_adds(
        &b, "bianyun(1)\n\n# NAME\n\nbianyun - command line of Bianyun, the resource "
            "orchestrator of a supervised government cloud\n\n# SYNOPSIS\n\n*bianyun* _COMMAND_ "
            "[_ARGUMENT_] [_OPTION_...]\n\n# COMMANDS\n\n");
    for (const struct command *k = commands; k->noun != NULL; k++)
        command(k, &b);
    strbuf_adds(&b, "# OPTIONS\n\n");
    for (const struct option_row *o = option_rows; o->name != NULL; o++) {
        strbuf_addf(&b, "*--%s*", o->name);
        if (o->arg != NULL)
            strbuf_addf(&b, " _%s_", o->arg);
        strbuf_adds(&b, "\n\t");
        man_text(o->help, &b);
        strbuf_adds(&b, ".\n\n");
    }
    man_exits(&b);
    strbuf_adds(&b, "*1*\n\t_status --check_: something needs somebody\n\n");
    strbuf_adds(
        &b, "# ENVIRONMENT\n\n*BIANYUN\\_PROFILE*\n\tprofile to use\n\n*LC\\_ALL*, "
            "*LC\\_MESSAGES*, *LANG*\n\tlanguage of messages: zh or English\n\n# FILES\n\n"
            "_$XDG\\_CONFIG\\_HOME/bianyun/profiles/NAME_\n\taddress, CA and session of a "
            "profile, mode 0600\n\n# SEE ALSO\n\n*bianyun-controller*(8), *bianyun-agent*(8)\n");
    printf("%s", strbuf_peek(&b));
    return 0;
}
