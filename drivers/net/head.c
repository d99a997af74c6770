#include "drivers/net/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "drivers/base/scope.h"

static const struct {
    const char *name;
    bool body;
} methods[] = {{"GET", false},  {"POST", true},  {"DELETE", false}, {"PUT", true},
               {"PATCH", true}, {"HEAD", false}, {"OPTIONS", false}};

/* Fields that may stand only once: two of them have two readings. */
enum { FIELD_HOST, FIELD_LENGTH, FIELD_AUTH, FIELD_TYPE, FIELD_EXPECT, FIELD_CODING, FIELD__MAX };
static const char *const once[FIELD__MAX] = {
    [FIELD_HOST] = "host",          [FIELD_LENGTH] = "content-length",
    [FIELD_AUTH] = "authorization", [FIELD_TYPE] = "content-type",
    [FIELD_EXPECT] = "expect",      [FIELD_CODING] = "transfer-encoding",
};

struct head_read {
    struct head h;
    bool may_have_body, version_1_0;
    bool seen[FIELD__MAX];
    int fields;
    int *status;
    struct err *e;
};

static int
head_refuse(struct head_read *r, int status, enum err_code code, const char *why)
{
    *r->status = status;
    return err_set(r->e, code, "%s", why);
}

static int
head_bad(struct head_read *r, const char *why)
{
    return head_refuse(r, 400, BY_E_INVALID, why);
}

static int
head_method(struct head_read *r, const char *s, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strlen(methods[i].name) == len && memcmp(methods[i].name, s, len) == 0) {
            memcpy(r->h.method, s, len);
            r->may_have_body = methods[i].body;
            return 0;
        }
    }
    return head_refuse(r, 501, BY_E_UNSUPPORTED,
                       "only GET, POST, PUT, PATCH and DELETE are served");
}

static int
head_request_line(struct head_read *r, const char *s, size_t len)
{
    const char *sp1 = memchr(s, ' ', len), *sp2;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || (unsigned char)s[i] >= 0x7f)
            return head_bad(r, "the request line has bytes that are not printable ASCII");
    sp2 = sp1 == NULL ? NULL : memchr(sp1 + 1, ' ', len - (size_t)(sp1 + 1 - s));
    if (sp2 == NULL || sp2 == sp1 + 1)
        return head_bad(r, "the request line must be: method, address, HTTP/1.1");
    if (len - (size_t)(sp2 + 1 - s) != 8 || memcmp(sp2 + 1, "HTTP/1.", 7) != 0 ||
        (sp2[8] != '0' && sp2[8] != '1'))
        return head_refuse(r, 505, BY_E_UNSUPPORTED, "only HTTP/1.1 is served");
    r->version_1_0 = sp2[8] == '0';
    r->h.target = sp1 + 1;
    r->h.target_len = (size_t)(sp2 - sp1 - 1);
    if (r->h.target[0] != '/')
        return head_bad(r, "the address must begin with a slash");
    return head_method(r, s, (size_t)(sp1 - s));
}

static int
head_length(struct head_read *r, const char *s, size_t len)
{
    int64_t n = 0;

    if (len == 0 || len > 15)
        return head_bad(r, "Content-Length must be a number");
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)s[i]))
            return head_bad(r, "Content-Length must be a number");
        n = n * 10 + (s[i] - '0');
    }
    if (n > 0 && !r->may_have_body)
        return head_bad(r, "a request of this method has no body");
    r->h.content_length = n;
    return 0;
}

static int
head_known(struct head_read *r, int field, const char *value, size_t len)
{
    if (r->seen[field])
        return head_bad(r, "a header that may stand once stands twice");
    r->seen[field] = true;
    if (field == FIELD_LENGTH)
        return head_length(r, value, len);
    if (field == FIELD_CODING)
        return head_refuse(r, 411, BY_E_UNSUPPORTED,
                           "a body needs Content-Length; Transfer-Encoding is not served");
    if (field == FIELD_EXPECT && (len != 12 || strncasecmp(value, "100-continue", len) != 0))
        return head_refuse(r, 417, BY_E_UNSUPPORTED, "only 'Expect: 100-continue' is known");
    return 0;
}

static bool
head_is_token(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && memchr("!#$%&'*+-.^_`|~", s[i], 15) == NULL)
            return false;
    return len > 0;
}

static int
head_field(struct head_read *r, const char *s, size_t len)
{
    const char *colon = memchr(s, ':', len), *v;
    size_t name_len, n;

    if (colon == NULL || !head_is_token(s, (size_t)(colon - s)))
        return head_bad(r, "a header must be: name, colon, value");
    if (++r->fields > HEAD_MAX_FIELDS)
        return head_refuse(r, 431, BY_E_TOO_LARGE, "too many headers");
    name_len = (size_t)(colon - s);
    v = colon + 1;
    n = len - name_len - 1;
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)v[i] < ' ' && v[i] != '\t') || v[i] == 0x7f)
            return head_bad(r, "a header has a control character");
    for (; n > 0 && (v[0] == ' ' || v[0] == '\t'); n--)
        v++;
    for (; n > 0 && (v[n - 1] == ' ' || v[n - 1] == '\t'); n--)
        ;
    for (int f = 0; f < FIELD__MAX; f++)
        if (strlen(once[f]) == name_len && strncasecmp(once[f], s, name_len) == 0)
            return head_known(r, f, v, n);
    return 0;
}

int
head_scan(const char *text, size_t len, struct head *out, int *status, struct err *e)
{
    struct head_read r = {.status = status, .e = e};
    const char *end = text + len, *p = text;

    while (p < end) {
        const char *cr = memchr(p, '\r', (size_t)(end - p));
        size_t n = (size_t)((cr == NULL ? end : cr) - p);

        if (cr == NULL || end - cr < 2 || cr[1] != '\n' || memchr(p, '\n', n) != NULL)
            return head_bad(&r, "lines must end with CR LF");
        if (n == 0 && p != text)
            break; /* the empty line */
        if ((p == text ? head_request_line(&r, p, n) : head_field(&r, p, n)) < 0)
            return -1;
        p = cr + 2;
    }
    if (p >= end)
        return head_bad(&r, "the empty line is missing");
    if (!r.seen[FIELD_HOST] && !r.version_1_0)
        return head_bad(&r, "the Host header is missing");
    *out = r.h;
    return 0;
}

void
head_language(const char *text, size_t len, char *out, size_t size)
{
    static const char name[] = "\r\nAccept-Language:";
    const size_t skip = sizeof(name) - 1;
    size_t n = 0;

    for (size_t i = 0; i + skip <= len; i++) {
        if (strncasecmp(text + i, name, skip) != 0)
            continue;
        for (i += skip; i < len && text[i] != '\r' && text[i] != '\n' && n + 1 < size; i++)
            out[n++] = text[i] == '\0' ? ' ' : text[i];
        break;
    }
    out[n] = '\0';
}
