#ifndef BY_CONTROLLER_PARAMS_H
#define BY_CONTROLLER_PARAMS_H
/* The query parameters of routes.def: the rows of params.def as data, checked by the router before
 * a handler runs, so that a handler reads a value or its default and has no error to tell. Threads:
 * immutable. */
#include "controller/api.h"
#include "drivers/codec/jmap.h"

struct param {
    const char *route; /* name of its handler */
    struct jm_field f; /* JM_TEXT, JM_I64, JM_ENUM or JM_BOOL; offsets mean nothing */
};

extern const struct param params[];
extern const size_t params_count;

/** Each given parameter has a row for this route and a value of its form; else INVALID, naming it
 * and, for an unknown one, those that there are. */
int params_check(const struct route *r, const struct http_req *req, struct err *e);

/* A checked value.  Absent is "", the default, 0 (not given), false. */
const char *param_text(const struct api_call *k, const char *name);
int64_t param_number(const struct api_call *k, const char *name, int64_t otherwise);
int param_word(const struct api_call *k, const char *name);
bool param_flag(const struct api_call *k, const char *name);
#endif
