/* Help, completion and the manual page, all from the rows. */
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
    fprintf(f, "  %-14s%-10s %-12s %s\n", k->noun, k->verb, k->args, say(c->lang, k->help));
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

static void
print_words(bool verbs_of, const char *noun)
{
    const char *last = "";

    for (const struct command *k = commands; k->noun != NULL; k++) {
        if (verbs_of && strcmp(k->noun, noun) == 0)
            printf("%s ", k->verb);
        if (!verbs_of && strcmp(k->noun, last) != 0)
            printf("%s ", k->noun);
        last = k->noun;
    }
}

/* One function for both shells: zsh runs it through bashcompinit. */
int
cmd_completion(struct cli *c, struct err *e)
{
    const char *last = "";

    if (strcmp(c->argv[0], "bash") != 0 && strcmp(c->argv[0], "zsh") != 0)
        return err_set(e, BY_E_INVALID, "completion is made for bash and zsh, not for '%s'",
                       c->argv[0]);
    if (strcmp(c->argv[0], "zsh") == 0)
        printf("#compdef bianyun\nautoload -U +X bashcompinit && bashcompinit\n");
    printf("_bianyun() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
           "  if [ \"$COMP_CWORD\" = 1 ]; then words='");
    print_words(false, NULL);
    printf("'\n  else case ${COMP_WORDS[1]} in\n");
    for (const struct command *k = commands; k->noun != NULL; k++) {
        if (strcmp(k->noun, last) == 0)
            continue;
        last = k->noun;
        printf("    %s) [ \"$COMP_CWORD\" = 2 ] && words='", k->noun);
        print_words(true, k->noun);
        printf("' ;;\n");
    }
    printf("  esac; fi\n  case $cur in -*) case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (const struct command *k = commands; k->noun != NULL; k++) {
        printf("    \"%s \"%s) words='", k->noun, k->verb[0] != '\0' ? k->verb : "*");
        for (const char *q = k->options; *q != '\0';) {
            size_t n = strcspn(q, " ");

            printf("--%.*s ", (int)n, q);
            q += n + strspn(q + n, " ");
        }
        printf("' ;;\n");
    }
    printf("    esac; words=\"$words");
    for (const struct option_row *o = option_rows; o->name != NULL; o++)
        if (o->global)
            printf(" --%s", o->name);
    printf("\" ;; esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
           "complete -F _bianyun bianyun\n");
    return 0;
}

static void
print_escaped(const char *s)
{
    for (; *s != '\0'; s++) {
        if (strchr("_*\\", *s) != NULL)
            putchar('\\');
        putchar(*s);
    }
}

int
cmd_man(struct cli *c, struct err *e)
{
    (void)c;
    (void)e;
    printf(
        "bianyun(1)\n\n# NAME\n\nbianyun - command line of Bianyun, the resource orchestrator of a "
        "supervised government cloud\n\n# SYNOPSIS\n\n*bianyun* _COMMAND_ [_ARGUMENT_] "
        "[_OPTION_...]\n\n"
        "# COMMANDS\n\n");
    for (const struct command *k = commands; k->noun != NULL; k++) {
        printf("*%s%s%s* ", k->noun, k->verb[0] != '\0' ? " " : "", k->verb);
        if (k->args[0] != '\0')
            printf("_%s_ ", k->args);
        for (const char *p = k->options; *p != '\0';) {
            size_t n = strcspn(p, " ");

            printf("[--%.*s] ", (int)n, p);
            p += n + strspn(p + n, " ");
        }
        printf("\n\t");
        print_escaped(k->help);
        printf(".\n\n");
    }
    printf("# OPTIONS\n\n");
    for (const struct option_row *o = option_rows; o->name != NULL; o++) {
        printf("*--%s*", o->name);
        if (o->arg != NULL)
            printf(" _%s_", o->arg);
        printf("\n\t");
        print_escaped(o->help);
        printf(".\n\n");
    }
    printf("# EXIT STATUS\n\n0 done; 2 bad input; 3 not allowed; 4 not found; 5 conflict; 6 try "
           "again; "
           "7 not supported here; 8 a fault of the program.\n\n# FILES\n\n"
           "_$XDG\\_CONFIG\\_HOME/bianyun/profiles/NAME_: address, CA and session of a profile, "
           "mode 0600.\n");
    return 0;
}
