#ifndef BY_CONTROLLER_CLI_COMMANDS_H
#define BY_CONTROLLER_CLI_COMMANDS_H
/* The handler of every row of commands.def.  Each prints its result and returns 0, or fills *e. */
#include "controller/cli/cli.h"

#define CMD(noun, verb, handler, args, options, help) int handler(struct cli *c, struct err *e);
#include "controller/cli/commands.def"
#undef CMD
#endif
