#ifndef BY_DRIVERS_BASE_ERROR_H
#define BY_DRIVERS_BASE_ERROR_H
/* One error struct on the caller's stack: filled by the function that failed, wrapped on the way
 * up. A message says what happened, to what, and what to do.  Threads: plain data, no sharing. */
#include <stddef.h>

/* Rows: code, HTTP status, exit status of the CLI, whether trying the same again can help. */
#define ERR_CODES(X)                                                                               \
    X(OK, "ok", 200, 0, 0)                                                                         \
    X(INVALID, "invalid", 400, 2, 0)                                                               \
    X(UNAUTHENTICATED, "unauthenticated", 401, 3, 0)                                               \
    X(DENIED, "denied", 403, 3, 0)                                                                 \
    X(NOT_FOUND, "not_found", 404, 4, 0)                                                           \
    X(CONFLICT, "conflict", 409, 5, 0)                                                             \
    X(TOO_LARGE, "too_large", 413, 2, 0)                                                           \
    X(BUSY, "busy", 503, 6, 1)                                                                     \
    X(TIMEOUT, "timeout", 504, 6, 1)                                                               \
    X(NOMEM, "out_of_memory", 503, 6, 1)                                                           \
    X(NO_SPACE, "no_space", 507, 6, 1)                                                             \
    X(IO, "io", 500, 6, 1)                                                                         \
    X(UNSUPPORTED, "unsupported", 501, 7, 0)                                                       \
    X(BUG, "bug", 500, 8, 0)

enum err_code {
#define X(id, name, http, exit_status, retry) BY_E_##id,
    ERR_CODES(X)
#undef X
        BY_E__MAX
};

struct err {
    enum err_code code;
    char field[64]; /* the field of the input at fault, "" when none */
    char msg[480];  /* English, whole characters; sentence.h puts it into another language */
};

/** Fill *e (NULL is fine) and return -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** As err_set(), naming the field of the input at fault. */
int err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** Put "outer: " before the message, keep code and field, return -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *e);

const char *err_code_name(enum err_code code); /* stable machine word */
int err_http_status(enum err_code code);
int err_exit_status(enum err_code code);
int err_retryable(enum err_code code);
#endif
