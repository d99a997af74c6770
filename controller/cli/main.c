/* bianyun: the command line.  Finds the row of commands.def, reads options, loads the profile, runs
 * the handler.  The exit status says what kind of failure it was (error.h). */
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"
#include "drivers/net/httpc.h"

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
    c->cmd = options_command(argc - 1, argv + 1, &used);
    if (c->cmd == NULL) {
        help_print(stderr, NULL, argv[1]);
        return err_set(e, BY_E_INVALID, "no command '%s%s%s'; see 'bianyun help'", argv[1],
                       argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    }
    if (options_read(c, argc - used, argv + used, e) < 0)
        return -1;
    if (cli_opt(c, "help") != NULL) {
        help_print(stdout, c->cmd, NULL);
        return 0;
    }
    if (options_arguments(c, e) < 0 || profile_load(c, e) < 0)
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
