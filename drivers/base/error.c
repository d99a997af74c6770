#include "drivers/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int http, exit_status, retry;
} codes[BY_E__MAX] = {
#define X(id, name, http, exit_status, retry) [BY_E_##id] = {name, http, exit_status, retry},
    ERR_CODES(X)
#undef X
};

void
err_clear(struct err *e)
{
    if (e != NULL)
        *e = (struct err){.code = BY_E_OK};
}

/* What did not fit ends before a character, not within one. */
static void
cut_whole(char *s, size_t size, int wanted)
{
    size_t n = size - 1;

    if (wanted < (int)size)
        return;
    while (n > 0 && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
        n--;
    if (n > 0 && ((unsigned char)s[n - 1] & 0x80) != 0)
        s[n - 1] = '\0';
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    if (e == NULL)
        return -1;
    e->code = code;
    e->field[0] = '\0';
    va_start(ap, fmt);
    cut_whole(e->msg, sizeof(e->msg), vsnprintf(e->msg, sizeof(e->msg), fmt, ap));
    va_end(ap);
    return -1;
}

int
err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
{
    va_list ap;

    if (e == NULL)
        return -1;
    e->code = code;
    (void)snprintf(e->field, sizeof(e->field), "%s", field);
    va_start(ap, fmt);
    cut_whole(e->msg, sizeof(e->msg), vsnprintf(e->msg, sizeof(e->msg), fmt, ap));
    va_end(ap);
    return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[sizeof(e->msg)];
    va_list ap;
    size_t n, keep;

    if (e == NULL)
        return -1;
    memcpy(inner, e->msg, sizeof(inner));
    inner[sizeof(inner) - 1] = '\0';
    va_start(ap, fmt);
    (void)vsnprintf(e->msg, sizeof(e->msg) / 2, fmt, ap);
    va_end(ap);
    n = strlen(e->msg);
    e->msg[n++] = ':';
    e->msg[n++] = ' ';
    keep = strnlen(inner, sizeof(e->msg) - n - 1);
    memcpy(e->msg + n, inner, keep);
    e->msg[n + keep] = '\0';
    return -1;
}

const char *
err_code_name(enum err_code code)
{
    return code < BY_E__MAX ? codes[code].name : "bug";
}

int
err_http_status(enum err_code code)
{
    return code < BY_E__MAX ? codes[code].http : 500;
}

int
err_exit_status(enum err_code code)
{
    return code < BY_E__MAX ? codes[code].exit_status : 8;
}

int
err_retryable(enum err_code code)
{
    return code < BY_E__MAX && codes[code].retry;
}
