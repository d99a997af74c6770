#ifndef BY_CONTROLLER_CLI_CASES_H
#define BY_CONTROLLER_CLI_CASES_H
/* What the commands about cases share.  One thread. */
#include "controller/cli/cli.h"

/** By id or number, whole. */
int cli_find_case(struct cli *c, const char *name, struct w_case_view *out, struct err *e);
/** Upload a file as a document, with progress on standard error. */
int cli_upload(struct cli *c, const char *file, struct w_attachment *out, struct err *e);
/** kind: of that kind, NULL as --kind says. */
int cli_case_list(struct cli *c, const char *kind, struct err *e);
#endif
