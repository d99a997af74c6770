#include "drivers/base/manpage.h"

#include <inttypes.h>
#include <string.h>

#include "drivers/base/error.h"

void
man_text(const char *s, struct strbuf *out)
{
    for (; *s != '\0'; s++) {
        if (strchr("_*\\`#", *s) != NULL)
            strbuf_addc(out, '\\');
        strbuf_addc(out, *s);
    }
}

void
man_exits(struct strbuf *out)
{
    strbuf_adds(out, "# EXIT STATUS\n\n*0*\n\tdone\n\n");
    for (int status = 1; status < 128; status++) {
        int n = 0;

        for (int c = BY_E_OK + 1; c < BY_E__MAX; c++) {
            if (err_exit_status((enum err_code)c) != status)
                continue;
            if (n++ == 0)
                strbuf_addf(out, "*%d*\n\t", status);
            else
                strbuf_adds(out, ", ");
            man_text(err_code_name((enum err_code)c), out);
            if (err_retryable((enum err_code)c))
                strbuf_adds(out, " (the same may help later)");
        }
        if (n > 0)
            strbuf_adds(out, "\n\n");
    }
}

void
man_program(const char *program, const char *what, const char *const *helps, struct strbuf *out)
{
    strbuf_addf(out, "%s(8)\n\n# NAME\n\n%s - ", program, program);
    man_text(what, out);
    strbuf_adds(out, "\n\n# COMMANDS\n\n");
    for (; *helps != NULL; helps++)
        strbuf_addf(out, "```\n%s```\n\n", *helps);
    man_exits(out);
    strbuf_addf(out, "# SEE ALSO\n\n*bianyun*(1), *%s.conf*(5)\n", program);
}

static void
man_form(const struct conf_row *r, struct strbuf *out)
{
    switch (r->type) {
    case CONF_INT:
        strbuf_addf(out, " A whole number from %" PRId64 " to %" PRId64 ".", r->min, r->max);
        break;
    case CONF_BOOL:
        strbuf_adds(out, " *yes* or *no*.");
        break;
    case CONF_PATH:
        strbuf_adds(out, " An absolute path.");
        break;
    case CONF_STR:
        break;
    }
    if (r->def == NULL) {
        strbuf_adds(out, " Must be set.");
    } else if (r->def[0] != '\0') {
        strbuf_adds(out, " Default: ");
        man_text(r->def, out);
    }
}

void
man_conf(const char *program, const struct conf_row *rows, struct strbuf *out)
{
    const char *section = "";

    strbuf_addf(
        out,
        "%s.conf(5)\n\n# NAME\n\n%s.conf - settings of %s\n\n# DESCRIPTION\n\n"
        "Lines \"KEY = VALUE\" below their \"[SECTION]\"; a line that begins with \\# or ; is "
        "a comment. An unknown section, key or value is refused.\n\n",
        program, program, program);
    for (const struct conf_row *r = rows; r->key != NULL; r++) {
        if (strcmp(section, r->section) != 0)
            strbuf_addf(out, "# [%s]\n\n", r->section);
        section = r->section;
        strbuf_addc(out, '*');
        man_text(r->key, out);
        strbuf_adds(out, "*\n\t");
        man_text(r->help, out);
        strbuf_addc(out, '.');
        man_form(r, out);
        strbuf_adds(out, "\n\n");
    }
    strbuf_addf(out, "# SEE ALSO\n\n*%s*(8)\n", program);
}
