/* Help, from the rows. */
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"

static void
print_option(const struct cli *c, FILE *f, const struct option_row *o)
{
    fprintf(f, "  --%s%s%-*s %s\n", o->name, o->arg != NULL ? " " : "",
            (int)(24 - strlen(o->name) - (o->arg != NULL ? 1 : 0)), o->arg != NULL ? o->arg : "",
            say(c->lang, o->help));
}

static void
print_command(const struct cli *c, FILE *f, const struct command *k)
{
    char words[80];
    int width = 30;

    (void)snprintf(words, sizeof(words), "%s%s%s%s%s", k->noun, k->verb[0] != '\0' ? " " : "",
                   k->verb, k->args[0] != '\0' ? " " : "", k->args);
    for (const char *p = words; *p != '\0'; p++) /* bytes that take no column */
        width += ((unsigned char)*p & 0xc0) == 0x80;
    fprintf(f, "  %-*s %s\n", width, words, say(c->lang, k->help));
}

static void
print_options_of(const struct cli *c, FILE *f, const struct command *k)
{
    for (const struct option_row *o = option_rows; o->name != NULL; o++)
        if (!o->global && options_taken(k, o->name))
            print_option(c, f, o);
}

bool
help_has(const char *noun)
{
    for (const struct command *k = commands; k->noun != NULL; k++)
        if (strcmp(k->noun, noun) == 0)
            return true;
    return false;
}

void
help_print(const struct cli *c, FILE *f, const struct command *only, const char *noun)
{
    bool any = noun != NULL && help_has(noun);

    if (only != NULL) {
        fprintf(f, "bianyun %s%s%s%s%s\n  %s\n", only->noun, only->verb[0] != '\0' ? " " : "",
                only->verb, only->args[0] != '\0' ? " " : "", only->args, say(c->lang, only->help));
        print_options_of(c, f, only);
        fprintf(f, "\n%s\n", say(c->lang, "Every command takes:"));
    } else {
        fprintf(f, "%s\n\n",
                say(c->lang, "bianyun COMMAND … : the command line of Bianyun (汴云)"));
        for (const struct command *k = commands; k->noun != NULL; k++)
            if (!any || strcmp(k->noun, noun) == 0)
                print_command(c, f, k);
        fprintf(f, "\n%s %s\n", say(c->lang, "'bianyun COMMAND --help' shows a command's options."),
                say(c->lang, "Every command takes:"));
    }
    for (const struct option_row *o = option_rows; o->name != NULL; o++)
        if (o->global)
            print_option(c, f, o);
}
