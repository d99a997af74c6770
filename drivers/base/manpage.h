#ifndef BY_DRIVERS_BASE_MANPAGE_H
#define BY_DRIVERS_BASE_MANPAGE_H
/* Manual pages in scdoc's language, out of what the programs print and read anyway: their help
 * texts and the rows of their settings.  Pure. */
#include "drivers/base/conf.h"
#include "drivers/base/strbuf.h"

/** PROGRAM(8): what it is in one line, then its help texts (NULL ends them) and exit statuses. */
void man_program(const char *program, const char *what, const char *const *helps,
                 struct strbuf *out);
/** PROGRAM.conf(5): every setting with section, form and default. */
void man_conf(const char *program, const struct conf_row *rows, struct strbuf *out);
/** Append s with what scdoc would read as marks escaped. */
void man_text(const char *s, struct strbuf *out);
/** The section "EXIT STATUS", out of the rows of error.h. */
void man_exits(struct strbuf *out);
#endif
