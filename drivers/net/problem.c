#include "drivers/net/problem.h"

#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "policies/sentence.h"

static const struct {
    int status;
    enum err_code code; /* what a bare status means to a client */
    const char *phrase;
} phrases[] = {
    {200, BY_E_OK, "OK"},
    {202, BY_E_OK, "Accepted"},
    {204, BY_E_OK, "No Content"},
    {400, BY_E_INVALID, "Bad Request"},
    {401, BY_E_UNAUTHENTICATED, "Unauthorized"},
    {403, BY_E_DENIED, "Forbidden"},
    {404, BY_E_NOT_FOUND, "Not Found"},
    {405, BY_E_UNSUPPORTED, "Method Not Allowed"},
    {408, BY_E_TIMEOUT, "Request Timeout"},
    {409, BY_E_CONFLICT, "Conflict"},
    {411, BY_E_UNSUPPORTED, "Length Required"},
    {413, BY_E_TOO_LARGE, "Content Too Large"},
    {417, BY_E_UNSUPPORTED, "Expectation Failed"},
    {431, BY_E_TOO_LARGE, "Request Header Fields Too Large"},
    {500, BY_E_IO, "Internal Server Error"},
    {501, BY_E_UNSUPPORTED, "Not Implemented"},
    {503, BY_E_BUSY, "Service Unavailable"},
    {504, BY_E_TIMEOUT, "Gateway Timeout"},
    {505, BY_E_UNSUPPORTED, "HTTP Version Not Supported"},
    {507, BY_E_NO_SPACE, "Insufficient Storage"},
};

const char *
problem_phrase(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Other";
}

void
problem_write(int status, const struct err *e, enum say_lang l, const char *request,
              struct strbuf *out)
{
    char detail[1000];
    struct text t = text_on(detail, sizeof(detail));
    struct w_problem p = {.status = (uint32_t)status, .detail = detail};

    sentence_add(l, e->msg, &t);
    (void)snprintf(p.type, sizeof(p.type), "about:blank");
    (void)snprintf(p.title, sizeof(p.title), "%s", err_code_name(e->code));
    (void)snprintf(p.field, sizeof(p.field), "%s", e->field);
    (void)snprintf(p.request, sizeof(p.request), "%s", request == NULL ? "" : request);
    jm_encode(schema_problem, &p, out);
}

static enum err_code
problem_code(const char *title, int status)
{
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++)
        if (strcmp(err_code_name((enum err_code)c), title) == 0)
            return (enum err_code)c;
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status && phrases[i].code != BY_E_OK)
            return phrases[i].code;
    return status >= 400 && status < 500 ? BY_E_INVALID : BY_E_IO;
}

void
problem_read(int status, const char *text, size_t len, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct w_problem p;

    if (text == NULL || W_DECODE(problem, text, len, JM_PEER, &a, &p, NULL) < 0) {
        (void)err_set(e, problem_code("", status), "the server answered %d %s without saying why",
                      status, problem_phrase(status));
        return;
    }
    (void)err_set(e, problem_code(p.title, status), "%s", p.detail);
    if (e != NULL)
        (void)snprintf(e->field, sizeof(e->field), "%.*s", (int)sizeof(e->field) - 1, p.field);
}
