#ifndef BY_CONTROLLER_API_IMPORT_H
#define BY_CONTROLLER_API_IMPORT_H
/* Approvals given elsewhere: their cases.  Threads: owner of the connection. */
#include "controller/cases.h"

/** Would the grant that confirms it be lawful and fit, now? */
int import_check(struct api_call *k, struct tx *t, const struct case_row *c,
                 struct w_case_check *out, struct err *e);
#endif
