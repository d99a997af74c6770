#ifndef BY_CONTROLLER_CLI_SECRET_H
#define BY_CONTROLLER_CLI_SECRET_H
/* What must not be seen: from a file that an option names, else asked for on the terminal without
 * echo.  Never an argument.  One thread. */
#include "controller/cli/cli.h"

/** First line of the file of that option; without the option, asked for under the name of what it
 * is. */
int cli_secret(struct cli *c, const char *option, const char *what, const char **out,
               struct err *e);
/** As cli_secret(), asked for twice. */
int cli_secret_twice(struct cli *c, const char *option, const char *what, const char **out,
                     struct err *e);
/** There is a terminal to ask on. */
bool cli_can_ask(void);
#endif
