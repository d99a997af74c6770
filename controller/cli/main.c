/* bianyun: the command line.  Finds the row of commands.def, reads options, loads the profile, runs
 * the handler.  The exit status says what kind of failure it was (error.h). */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"
#include "drivers/net/httpc.h"

const struct command commands[] = {
#define CMD(noun, verb, handler, args, options, help) {noun, verb, handler, args, options, help},
#include "controller/cli/commands.def"
#undef CMD
    {0}};

const struct option_row option_rows[] = {
#define GLOBAL(name, arg, help) {name, arg, help, true},
#define OPTION(name, arg, help) {name, arg, help, false},
#include "controller/cli/options.def"
#undef GLOBAL
#undef OPTION
    {0}};

static bool
word_in(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

/* Which row the words name; *used counts the words taken. */
static const struct command *
find_command(int argc, char **argv, int *used)
{
    for (const struct command *k = commands; k->noun != NULL; k++) {
        if (argc < 1 || strcmp(k->noun, argv[0]) != 0)
            continue;
        if (k->verb[0] == '\0') {
            *used = 1;
            return k;
        }
        if (argc >= 2 && strcmp(k->verb, argv[1]) == 0) {
            *used = 2;
            return k;
        }
    }
    return NULL;
}

static int
read_options(struct cli *c, int argc, char **argv, struct err *e)
{
    struct option longs[ARRAY_LEN(c->values) + 1] = {{0}};
    size_t n = 0;
    int got, index = 0;

    for (; n < ARRAY_LEN(option_rows) - 1 && n < ARRAY_LEN(c->values); n++)
        longs[n] =
            (struct option){option_rows[n].name,
                            option_rows[n].arg != NULL ? required_argument : no_argument, NULL, 1};
    opterr = 0;
    optind = 0;
    while ((got = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
        const struct option_row *o;

        if (got == 'h') {
            for (index = 0; strcmp(option_rows[index].name, "help") != 0; index++)
                ;
        } else if (got == ':') {
            return err_set(e, BY_E_INVALID, "%s needs a value", argv[optind - 1]);
        } else if (got != 1) {
            return err_set(e, BY_E_INVALID, "unknown option %s; see 'bianyun help'",
                           argv[optind - 1]);
        }
        o = &option_rows[index];
        if (!o->global && (c->cmd == NULL || !word_in(c->cmd->options, o->name)))
            return err_set(e, BY_E_INVALID, "--%s does not belong to this command; see --help",
                           o->name);
        c->values[index] = optarg != NULL ? optarg : "";
    }
    c->argc = argc - optind;
    c->argv = argv + optind;
    return 0;
}

/* As many positional arguments as the row names. */
static int
check_arguments(const struct cli *c, struct err *e)
{
    int want = c->cmd->args[0] != '\0' ? 1 : 0;

    if (c->argc < want)
        return err_set(e, BY_E_INVALID, "'bianyun %s%s%s' needs %s", c->cmd->noun,
                       c->cmd->verb[0] != '\0' ? " " : "", c->cmd->verb, c->cmd->args);
    if (c->argc > want)
        return err_set(e, BY_E_INVALID, "what is '%s'? See 'bianyun %s --help'", c->argv[want],
                       c->cmd->noun);
    return 0;
}

static int
run(struct cli *c, int argc, char **argv, struct err *e)
{
    int used = 0;

    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        help_print(argc < 2 ? stderr : stdout, NULL, argc > 2 ? argv[2] : NULL);
        return argc < 2 ? err_set(e, BY_E_INVALID, "no command given") : 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        return cmd_version(c, e);
    c->cmd = find_command(argc - 1, argv + 1, &used);
    if (c->cmd == NULL) {
        help_print(stderr, NULL, argv[1]);
        return err_set(e, BY_E_INVALID, "no command '%s%s%s'; see 'bianyun help'", argv[1],
                       argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    }
    if (read_options(c, argc - used, argv + used, e) < 0)
        return -1;
    if (cli_opt(c, "help") != NULL) {
        help_print(stdout, c->cmd, NULL);
        return 0;
    }
    if (check_arguments(c, e) < 0 || profile_load(c, e) < 0)
        return -1;
    return c->cmd->run(c, e);
}

int
main(int argc, char **argv)
{
    struct cli c = {0};
    struct err e = {0};
    int status = 0;

    if (run(&c, argc, argv, &e) < 0) {
        fprintf(stderr, "bianyun: %s%s%s%s\n", e.msg, e.field[0] != '\0' ? " (field " : "", e.field,
                e.field[0] != '\0' ? ")" : "");
        status = err_exit_status(e.code);
    }
    httpc_free(c.http);
    arena_clear(&c.a);
    if (fflush(stdout) != 0 && status == 0) {
        fprintf(stderr, "bianyun: cannot write the result to standard output\n");
        status = err_exit_status(BY_E_IO);
    }
    return status;
}
