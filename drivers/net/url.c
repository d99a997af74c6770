#include "drivers/net/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "drivers/codec/jclass.h"

static int
url_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode s once.  In a query '+' is a blank; in a path an encoded slash would make segments that
 * the sender did not write. */
static int
url_decode(const char *s, size_t len, bool path, struct arena *a, const char **out, struct err *e)
{
    char *to = arena_alloc(a, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '%') {
            int hi = len - i > 2 ? url_hex(s[i + 1]) : -1;
            int lo = len - i > 2 ? url_hex(s[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return err_set(e, BY_E_INVALID, "the address has a broken %% escape");
            c = (unsigned char)(hi * 16 + lo);
            if (path && (c == '/' || c == '\\'))
                return err_set(e, BY_E_INVALID, "the address has an encoded slash");
            i += 2;
        } else if (c == '+' && !path) {
            c = ' ';
        }
        if (c < ' ' || c == 0x7f)
            return err_set(e, BY_E_INVALID, "the address has a control character");
        to[n++] = (char)c;
    }
    to[n] = '\0';
    if (jclass_fault(JM_LINE, to, n) != NULL)
        return err_set(e, BY_E_INVALID, "the address is not UTF-8 text");
    *out = to;
    return 0;
}

static int
url_check_path(const char *path, struct err *e)
{
    const char *end;

    if (path[0] != '/')
        return err_set(e, BY_E_INVALID, "the address must begin with a slash");
    for (const char *p = path; *p != '\0'; p = end) {
        size_t n;

        p++; /* past the slash */
        end = strchrnul(p, '/');
        n = (size_t)(end - p);
        if (n == 0 && (*end != '\0' || p > path + 1))
            return err_set(e, BY_E_INVALID, "the address has an empty segment");
        if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return err_set(e, BY_E_INVALID, "the address has a dot segment");
        if (memchr(p, '\\', n) != NULL)
            return err_set(e, BY_E_INVALID, "the address has a backslash");
    }
    return 0;
}

static int
url_one_param(const char *s, size_t len, struct arena *a, struct url *u, struct err *e)
{
    const char *eq = memchr(s, '=', len);
    size_t name_len = eq == NULL ? len : (size_t)(eq - s);
    struct url_param p = {"", ""};

    if (u->n == URL_MAX_PARAMS)
        return err_set(e, BY_E_INVALID, "the address has more than %d parameters", URL_MAX_PARAMS);
    if (url_decode(s, name_len, false, a, &p.name, e) < 0)
        return -1;
    if (eq != NULL && url_decode(eq + 1, len - name_len - 1, false, a, &p.value, e) < 0)
        return -1;
    if (url_param(u, p.name) != NULL)
        return err_set(e, BY_E_INVALID, "the address has a parameter twice");
    u->params[u->n++] = p;
    return 0;
}

static int
url_query(const char *s, size_t len, struct arena *a, struct url *u, struct err *e)
{
    const char *end = s + len;

    while (s < end) {
        const char *amp = memchr(s, '&', (size_t)(end - s));
        size_t n = (size_t)((amp == NULL ? end : amp) - s);

        if (n > 0 && url_one_param(s, n, a, u, e) < 0)
            return -1;
        s += n + 1;
    }
    return 0;
}

int
url_parse(const char *target, size_t len, struct arena *a, struct url *out, struct err *e)
{
    const char *q = memchr(target, '?', len);
    size_t path_len = q == NULL ? len : (size_t)(q - target);
    struct url u = {.n = 0};

    if (len > URL_MAX_BYTES)
        return err_set(e, BY_E_INVALID, "the address is longer than %d bytes", URL_MAX_BYTES);
    if (memchr(target, '#', len) != NULL)
        return err_set(e, BY_E_INVALID, "the address has a fragment");
    if (url_decode(target, path_len, true, a, &u.path, e) < 0 || url_check_path(u.path, e) < 0)
        return -1;
    if (q != NULL && url_query(q + 1, len - path_len - 1, a, &u, e) < 0)
        return -1;
    *out = u;
    return 0;
}

const char *
url_param(const struct url *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->params[i].name, name) == 0)
            return u->params[i].value;
    return NULL;
}

char *
url_escape(const char *s, struct arena *a)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, strlen(s) * 3 + 1), *p = out;

    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL)) {
            *p++ = (char)c;
        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }
    *p = '\0';
    return out;
}
