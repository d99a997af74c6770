/* bianyun: the command line.  Finds the row of commands.def, reads options, loads the profile, runs
 * the handler.  The exit status says what kind of failure it was (error.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"
#include "drivers/base/scope.h"
#include "drivers/net/httpc.h"

/* One sentence: what was perhaps meant, the verbs of a noun that is known, else where to look. */
static int
no_command(int argc, char **argv, struct err *e)
{
    char verbs[160] = "";
    struct nearest noun = {.word = argv[0]}, verb = {.word = argc > 1 ? argv[1] : ""};
    size_t n = 0;

    for (const struct command *k = commands; k->noun != NULL; k++) {
        nearest_try(&noun, k->noun);
        if (strcmp(k->noun, argv[0]) != 0 || n >= sizeof(verbs))
            continue;
        nearest_try(&verb, k->verb);
        n += (size_t)snprintf(verbs + n, sizeof(verbs) - n, "%s%s", n > 0 ? ", " : "", k->verb);
    }
    if (n == 0 && noun.best != NULL)
        return err_set(e, BY_E_INVALID, "no command '%s'; did you mean '%s'?", argv[0], noun.best);
    if (n == 0)
        return err_set(e, BY_E_INVALID, "no command '%s'; see 'bianyun help'", argv[0]);
    if (argc < 2 || argv[1][0] == '-')
        return err_set(e, BY_E_INVALID, "'bianyun %s' needs one of: %s", argv[0], verbs);
    if (verb.best != NULL)
        return err_set(e, BY_E_INVALID, "'bianyun %s' has no '%s'; did you mean '%s'? It has: %s",
                       argv[0], argv[1], verb.best, verbs);
    return err_set(e, BY_E_INVALID, "'bianyun %s' has no '%s'; it has: %s", argv[0], argv[1],
                   verbs);
}

/* Before the options are read: help and their own errors are in it already. */
static enum say_lang
language_of(int argc, char **argv)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *l = NULL;

    for (size_t i = 0; i < ARRAY_LEN(names) && (l == NULL || l[0] == '\0'); i++)
        l = getenv(names[i]);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc)
            l = argv[i + 1];
        else if (strncmp(argv[i], "--lang=", 7) == 0)
            l = argv[i] + 7;
    return say_lang_of(l);
}

/* The words after "help": nothing, a noun, a noun and a verb. */
static int
run_help(const struct cli *c, int argc, char **argv, struct err *e)
{
    const struct command *k = NULL;
    int used = 0;

    if (argc == -1) {
        help_print(c, stderr, NULL, NULL);
        return err_set(e, BY_E_INVALID, "no command given");
    }
    if (argc > 0 && argv[0][0] != '-') {
        k = options_command(argc, argv, &used);
        if (k == NULL && (argc > 1 || !help_has(argv[0])))
            return no_command(argc, argv, e);
    }
    help_print(c, stdout, k, argc > 0 ? argv[0] : NULL);
    return 0;
}

static int
run(struct cli *c, int argc, char **argv, struct err *e)
{
    struct cli_out out;
    int used = 0;

    options_lead(argc, argv);
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return run_help(c, argc - 2, argv + 2, e);
    if (argc == 3 && help_has(argv[1]) &&
        (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
        return run_help(c, 1, argv + 1, e);
    if (strcmp(argv[1], "--version") == 0)
        return cmd_version(c, e);
    c->cmd = options_command(argc - 1, argv + 1, &used);
    if (c->cmd == NULL)
        return no_command(argc - 1, argv + 1, e);
    if (options_read(c, argc - used, argv + used, e) < 0)
        return -1;
    if (cli_opt(c, "help") != NULL) {
        help_print(c, stdout, c->cmd, NULL);
        return 0;
    }
    if (options_arguments(c, e) < 0 || profile_load(c, e) < 0 || out_begin(c, &out, e) < 0)
        return -1;
    return out_end(c, &out, follow_wanted(c) ? follow_run(c, e) : c->cmd->run(c, e), e);
}

int
main(int argc, char **argv)
{
    struct cli c = {.lang = language_of(argc, argv), .utc_offset_min = 480};
    struct err e = {0};
    int status = 0;

    if (run(&c, argc, argv, &e) < 0) {
        fprintf(stderr, "bianyun: %s", cli_sentence(&c, e.msg));
        if (e.field[0] != '\0')
            fprintf(stderr, say(c.lang, " (field %s)"), e.field);
        fprintf(stderr, "\n");
        status = err_exit_status(e.code);
    } else {
        status = c.exit_status;
    }
    httpc_free(c.http);
    arena_clear(&c.a);
    if ((fflush(stdout) != 0 || ferror(stdout) != 0) && status == 0) {
        fprintf(stderr, "bianyun: %s\n", say(c.lang, "cannot write the result to standard output"));
        status = err_exit_status(BY_E_IO);
    }
    return status;
}
