#include "drivers/base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/scope.h"

#define CONF_MAX_ROWS 128

struct conf_read {
    const char *name, *p, *end;
    int line;
    const struct conf_row *rows;
    void *out;
    bool seen[CONF_MAX_ROWS];
    bool failed;
    struct err *e;
};

static int
conf_value(const struct conf_row *r, const char *value, void *out, struct err *e)
{
    size_t len = strlen(value);
    char *at = (char *)out + r->off;
    int64_t n;
    char *end;

    switch (r->type) {
    case CONF_INT:
        errno = 0;
        n = strtoimax(value, &end, 10);
        if (len == 0 || *end != '\0' || errno != 0 || !(value[0] == '-' || value[0] >= '0'))
            return err_set(e, BY_E_INVALID, "%s must be a whole number", r->key);
        if (n < r->min || n > r->max)
            return err_set(e, BY_E_INVALID, "%s must be from %" PRId64 " to %" PRId64, r->key,
                           r->min, r->max);
        memcpy(at, &n, sizeof(n));
        return 0;
    case CONF_BOOL:
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
            return err_set(e, BY_E_INVALID, "%s must be yes or no", r->key);
        *(bool *)at = value[0] == 'y';
        return 0;
    case CONF_PATH:
        if (len > 0 && value[0] != '/')
            return err_set(e, BY_E_INVALID, "%s must be an absolute path", r->key);
        break;
    case CONF_STR:
        break;
    }
    if (len >= r->size || (r->max > 0 && (int64_t)len > r->max) || (int64_t)len < r->min)
        return err_set(e, BY_E_INVALID, "%s must have %" PRId64 " to %" PRId64 " bytes", r->key,
                       r->min, r->max > 0 ? r->max : (int64_t)r->size - 1);
    memset(at, 0, r->size);
    memcpy(at, value, len);
    return 0;
}

/* Remembers the first failure only: inih goes on after one. */
static void
conf_fail(struct conf_read *c, const char *what, const char *thing)
{
    if (c->failed)
        return;
    c->failed = true;
    (void)err_set(c->e, BY_E_INVALID, "%s line %d: %s%s%s", c->name, c->line, what,
                  thing[0] == '\0' ? "" : " ", thing);
}

static bool
conf_knows_section(const struct conf_row *rows, const char *name, size_t len)
{
    for (const struct conf_row *r = rows; r->key != NULL; r++)
        if (strlen(r->section) == len && memcmp(r->section, name, len) == 0)
            return true;
    return false;
}

/* What inih would let pass: control characters, continuation lines, unknown sections. */
static void
conf_check_line(struct conf_read *c, const char *line, size_t len)
{
    const char *close;

    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
            conf_fail(c, "control character", "");
    if (len > 0 && (line[0] == ' ' || line[0] == '\t') && strspn(line, " \t") < len)
        conf_fail(c, "a line may not begin with a blank", "");
    if (line[0] != '[')
        return;
    close = memchr(line, ']', len);
    if (close == NULL || strspn(close + 1, " \t") != len - (size_t)(close + 1 - line))
        conf_fail(c, "a section is written [name]", "");
    else if (!conf_knows_section(c->rows, line + 1, (size_t)(close - line) - 1))
        conf_fail(c, "unknown section:", line);
}

/* inih's fgets: one line; never one that does not fit whole. */
static char *
conf_reader(char *str, int num, void *stream)
{
    struct conf_read *c = stream;
    const char *nl;
    size_t len;

    if (c->p >= c->end || c->failed)
        return NULL;
    c->line++;
    nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
    len = (size_t)((nl == NULL ? c->end : nl) - c->p);
    if (len > CONF_MAX_LINE || len + 2 > (size_t)num) {
        conf_fail(c, "the line is too long", "");
        return NULL;
    }
    memcpy(str, c->p, len);
    str[len] = '\0';
    if (len > 0 && str[len - 1] == '\r')
        str[len - 1] = '\0';
    conf_check_line(c, str, strlen(str));
    c->p += len + (nl != NULL);
    return str;
}

static int
conf_pair(void *user, const char *section, const char *key, const char *value)
{
    struct conf_read *c = user;
    const char *v = value == NULL ? "" : value;
    struct err e = {0};

    for (size_t i = 0; c->rows[i].key != NULL; i++) {
        const struct conf_row *r = &c->rows[i];

        if (strcmp(r->section, section) != 0 || strcmp(r->key, key) != 0)
            continue;
        if (c->seen[i])
            conf_fail(c, "given twice:", key);
        else if (conf_value(r, v, c->out, &e) < 0)
            conf_fail(c, e.msg, "");
        c->seen[i] = true;
        return !c->failed;
    }
    conf_fail(c, section[0] == '\0' ? "a key before any [section]:" : "unknown key:", key);
    return 0;
}

static int
conf_defaults(struct conf_read *c)
{
    for (size_t i = 0; c->rows[i].key != NULL; i++) {
        const struct conf_row *r = &c->rows[i];

        if (c->seen[i])
            continue;
        if (r->def == NULL)
            return err_set(c->e, BY_E_INVALID, "%s: [%s] %s must be set (%s)", c->name, r->section,
                           r->key, r->help);
        if (conf_value(r, r->def, c->out, c->e) < 0)
            return err_wrap(c->e, "default of [%s]", r->section);
    }
    return 0;
}

int
conf_parse(const char *name, const char *text, size_t len, const struct conf_row *rows,
           size_t out_size, void *out, struct err *e)
{
    SCOPED(free) void *tmp = calloc(1, out_size);
    struct conf_read c = {
        .name = name, .p = text, .end = text + len, .rows = rows, .out = tmp, .e = e};
    int rc;

    if (tmp == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (memchr(text, '\0', len) != NULL)
        return err_set(e, BY_E_INVALID, "%s: not a text file", name);
    rc = ini_parse_stream(conf_reader, &c, conf_pair, &c);
    if (rc != 0 && !c.failed) {
        c.line = rc > 0 ? rc : 0;
        conf_fail(&c, "expected [section] or key = value", "");
    }
    if (c.failed || conf_defaults(&c) < 0)
        return -1;
    memcpy(out, tmp, out_size);
    return 0;
}

int
conf_load(const char *file, const struct conf_row *rows, size_t out_size, void *out, struct err *e)
{
    SCOPED(fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    SCOPED(free) char *text = malloc(CONF_MAX_BYTES + 1);
    size_t len = 0;
    ssize_t n;

    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO, "%s: %s", file,
                       strerror(errno));
    if (text == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    while ((n = read(fd, text + len, CONF_MAX_BYTES + 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        return err_set(e, BY_E_IO, "%s: %s", file, strerror(errno));
    if (len > CONF_MAX_BYTES)
        return err_set(e, BY_E_TOO_LARGE, "%s is larger than %d bytes", file, CONF_MAX_BYTES);
    return conf_parse(file, text, len, rows, out_size, out, e);
}

static void
conf_sample_range(const struct conf_row *r, struct strbuf *out)
{
    switch (r->type) {
    case CONF_INT:
        strbuf_addf(out, "# A whole number from %" PRId64 " to %" PRId64 ".\n", r->min, r->max);
        break;
    case CONF_BOOL:
        strbuf_adds(out, "# yes or no.\n");
        break;
    case CONF_PATH:
        strbuf_adds(out, "# An absolute path.\n");
        break;
    case CONF_STR:
        break;
    }
}

void
conf_sample(const struct conf_row *rows, struct strbuf *out)
{
    const char *section = "";

    for (const struct conf_row *r = rows; r->key != NULL; r++) {
        if (strcmp(section, r->section) != 0)
            strbuf_addf(out, "%s[%s]\n", section[0] == '\0' ? "" : "\n", r->section);
        section = r->section;
        strbuf_addf(out, "# %s\n", r->help);
        conf_sample_range(r, out);
        if (r->def == NULL)
            strbuf_addf(out, "# Must be set.\n#%s =\n", r->key);
        else
            strbuf_addf(out, "#%s = %s\n", r->key, r->def);
    }
}

static bool
conf_fits(const struct conf_row *r, size_t out_size)
{
    bool sized =
        (r->type == CONF_INT && r->size == sizeof(int64_t)) ||
        (r->type == CONF_BOOL && r->size == sizeof(bool)) ||
        ((r->type == CONF_STR || r->type == CONF_PATH) && r->size > 1 && r->max < (int64_t)r->size);

    return sized && r->off + r->size <= out_size &&
           (r->min <= r->max || (r->type != CONF_INT && r->max == 0));
}

int
conf_check(const struct conf_row *rows, size_t out_size, struct err *e)
{
    SCOPED(free) void *tmp = calloc(1, out_size);
    size_t i, j;

    if (tmp == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    for (i = 0; rows[i].key != NULL; i++) {
        const struct conf_row *r = &rows[i];

        if (i + 1 >= CONF_MAX_ROWS || !conf_fits(r, out_size) || r->help == NULL)
            return err_set(e, BY_E_BUG, "[%s] %s: the row does not fit", r->section, r->key);
        if (r->def != NULL && conf_value(r, r->def, tmp, e) < 0)
            return err_wrap(e, "default of [%s]", r->section);
        for (j = 0; j < i; j++)
            if (strcmp(rows[j].section, r->section) == 0 && strcmp(rows[j].key, r->key) == 0)
                return err_set(e, BY_E_BUG, "[%s] %s: twice", r->section, r->key);
    }
    return 0;
}
