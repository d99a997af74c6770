#include "controller/params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/routes.h"
#include "drivers/codec/jclass.h"
#include "drivers/net/httpd.h"

#define ROW(r, n, d, t) .route = #r, .f = {.name = #n, .doc = d, .type = t
const struct param params[] = {
#define P_TEXT(r, n, most, class, d)                                                               \
    {                                                                                              \
        ROW(r, n, d, JM_TEXT), .cls = class, .max = most                                           \
    }                                                                                              \
    }                                                                                              \
    ,
#define P_NUMBER(r, n, least, most, d)                                                             \
    {                                                                                              \
        ROW(r, n, d, JM_I64), .min = least, .max = most                                            \
    }                                                                                              \
    }                                                                                              \
    ,
#define P_WORD(r, n, of, d)                                                                        \
    {                                                                                              \
        ROW(r, n, d, JM_ENUM), .names = w_##of##_names                                             \
    }                                                                                              \
    }                                                                                              \
    ,
#define P_FLAG(r, n, d)                                                                            \
    {                                                                                              \
        ROW(r, n, d, JM_BOOL)                                                                      \
    }                                                                                              \
    }                                                                                              \
    ,
#define P_LIST(r, after, d)                                                                        \
    P_TEXT(r, after, 200, JM_LINE, "what the page before gave as next")                            \
    P_WORD(r, format, list_format,                                                                 \
           "every row, of one moment, as one stream: csv, or jsonl, an object a line; count: how " \
           "many there are, counted up to 10000")                                                  \
    P_TEXT(r, known, 64, JM_SHA256, "SHA-256 of the answer that the caller has; with wait")        \
    P_NUMBER(r, limit, 1, 1000, d)                                                                 \
    P_NUMBER(r, wait, 0, 50,                                                                       \
             "seconds to wait while the answer is the known one; then it is sent all the same")
#include "controller/params.def"
#undef P_LIST
#undef P_TEXT
#undef P_NUMBER
#undef P_WORD
#undef P_FLAG
};
const size_t params_count = sizeof(params) / sizeof(params[0]);

static const struct param *
param_row(const char *route, const char *name)
{
    for (size_t i = 0; i < params_count; i++)
        if (strcmp(params[i].route, route) == 0 && strcmp(params[i].f.name, name) == 0)
            return &params[i];
    return NULL;
}

static int
param_index(const struct jm_field *f, const char *value)
{
    for (int i = 1; f->names[i] != NULL; i++)
        if (strcmp(f->names[i], value) == 0)
            return i;
    return 0;
}

static int
number_check(const struct jm_field *f, const char *value, struct err *e)
{
    size_t digits = strspn(value, "0123456789");
    long long v;

    errno = 0;
    v = strtoll(value, NULL, 10);
    if (digits == 0 || value[digits] != '\0' || errno != 0 || v < f->min || v > f->max)
        return err_field(e, BY_E_INVALID, f->name, "?%s= must be a whole number from %lld to %lld",
                         f->name, (long long)f->min, (long long)f->max);
    return 0;
}

static int
word_check(const struct jm_field *f, const char *value, struct err *e)
{
    char words[160];
    size_t n = 0;

    if (param_index(f, value) != 0)
        return 0;
    for (int i = 1; f->names[i] != NULL && n < sizeof(words); i++)
        n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s", i > 1 ? ", " : "", f->names[i]);
    return err_field(e, BY_E_INVALID, f->name, "?%s= must be one of %s", f->name, words);
}

static int
value_check(const struct jm_field *f, const char *value, struct err *e)
{
    size_t len = strlen(value);
    const char *fault;

    if (f->type == JM_I64)
        return number_check(f, value, e);
    if (f->type == JM_ENUM)
        return word_check(f, value, e);
    if (f->type == JM_BOOL)
        return strcmp(value, "1") == 0 || strcmp(value, "0") == 0
                   ? 0
                   : err_field(e, BY_E_INVALID, f->name, "?%s= must be 1 or 0", f->name);
    if (len == 0)
        return err_field(e, BY_E_INVALID, f->name, "?%s= has no value; leave it out instead",
                         f->name);
    if (len > (size_t)f->max)
        return err_field(e, BY_E_INVALID, f->name, "?%s= has %zu bytes; at most %lld are allowed",
                         f->name, len, (long long)f->max);
    fault = jclass_fault(f->cls, value, len);
    return fault == NULL ? 0 : err_field(e, BY_E_INVALID, f->name, "?%s= %s", f->name, fault);
}

static int
unknown(const struct route *r, const char *name, struct err *e)
{
    char known[240] = "no parameters";
    size_t n = 0;

    for (size_t i = 0; i < params_count && n < sizeof(known); i++)
        if (strcmp(params[i].route, r->name) == 0)
            n += (size_t)snprintf(known + n, sizeof(known) - n, "%s?%s=", n > 0 ? " " : "",
                                  params[i].f.name);
    /* From outside: only a plain name is repeated. */
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] != '\0' || strlen(name) > 40)
        name = "";
    return err_field(e, BY_E_INVALID, name, "%s %s does not know '?%s='; it takes %s", r->method,
                     r->path, name, known);
}

int
params_check(const struct route *r, const struct http_req *req, struct err *e)
{
    const char *name, *value;

    for (size_t i = 0; (name = http_req_query_at(req, i, &value)) != NULL; i++) {
        const struct param *p = param_row(r->name, name);

        if (p == NULL)
            return unknown(r, name, e);
        if (value_check(&p->f, value, e) < 0)
            return -1;
    }
    return 0;
}

const char *
param_text(const struct api_call *k, const char *name)
{
    const char *v = http_req_query(k->req, name);

    return v == NULL ? "" : v;
}

int64_t
param_number(const struct api_call *k, const char *name, int64_t otherwise)
{
    const char *v = http_req_query(k->req, name);

    return v == NULL ? otherwise : strtoll(v, NULL, 10);
}

int
param_word(const struct api_call *k, const char *name)
{
    const char *v = http_req_query(k->req, name);
    const struct param *p = v == NULL ? NULL : param_row(k->route->name, name);

    return p == NULL ? 0 : param_index(&p->f, v);
}

bool
param_flag(const struct api_call *k, const char *name)
{
    return param_text(k, name)[0] == '1';
}
