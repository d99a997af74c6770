#include "drivers/codec/csv.h"

#include <inttypes.h>
#include <string.h>

#include "drivers/base/scope.h"

/* Spreadsheets calculate what begins so, in Chinese places also in the wide forms. */
static bool
is_formula(const char *s)
{
    static const char *const wide[] = {"＝", "＋", "－", "＠"};

    if (s[0] == '\0')
        return false;
    if (strchr("=+-@\t\r\n", s[0]) != NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (strncmp(s, wide[i], strlen(wide[i])) == 0)
            return true;
    return false;
}

void
csv_text(struct strbuf *out, const char *s, bool first)
{
    strbuf_adds(out, first ? "\"" : ",\"");
    if (is_formula(s))
        strbuf_addc(out, '\'');
    for (; *s != '\0'; s++) {
        if (*s == '"')
            strbuf_addc(out, '"');
        strbuf_addc(out, *s);
    }
    strbuf_addc(out, '"');
}

void
csv_number(struct strbuf *out, int64_t v, bool first)
{
    strbuf_addf(out, "%s%" PRId64, first ? "" : ",", v);
}

void
csv_end(struct strbuf *out)
{
    strbuf_adds(out, "\r\n");
}

bool
csv_has(const struct jm_field *f)
{
    return f->type != JM_OBJ && f->type != JM_LIST;
}

void
csv_head(struct strbuf *out, const struct jm_field *schema)
{
    bool first = true;

    for (const struct jm_field *f = schema; f->name != NULL; f++)
        if (csv_has(f)) {
            csv_text(out, f->name, first);
            first = false;
        }
    csv_end(out);
}

static void
csv_value(struct strbuf *out, const struct jm_field *f, const void *at, bool first)
{
    const char *s;

    switch (f->type) {
    case JM_STR:
        csv_text(out, at, first);
        break;
    case JM_TEXT:
        s = *(const char *const *)at;
        csv_text(out, s == NULL ? "" : s, first);
        break;
    case JM_U32:
        csv_number(out, *(const uint32_t *)at, first);
        break;
    case JM_U64:
        csv_number(out, (int64_t) * (const uint64_t *)at, first);
        break;
    case JM_I64:
        csv_number(out, *(const int64_t *)at, first);
        break;
    case JM_BOOL:
        csv_text(out, *(const bool *)at ? "true" : "false", first);
        break;
    case JM_ENUM:
        csv_text(out, f->names[*(const int *)at], first);
        break;
    case JM_OBJ:
    case JM_LIST:
        break;
    }
}

void
csv_row(struct strbuf *out, const struct jm_field *schema, const void *row)
{
    bool first = true;

    for (const struct jm_field *f = schema; f->name != NULL; f++)
        if (csv_has(f)) {
            csv_value(out, f, (const char *)row + f->off, first);
            first = false;
        }
    csv_end(out);
}
