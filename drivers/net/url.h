#ifndef BY_DRIVERS_NET_URL_H
#define BY_DRIVERS_NET_URL_H
/* The target of a request, decoded once.  Pure.  Refused: anything but an absolute path with an
 * optional query, control characters (also encoded), broken escapes, encoded slashes, text that is
 * not UTF-8, empty or dot segments, more than URL_MAX_PARAMS parameters, a parameter twice. */
#include <stddef.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"

#define URL_MAX_PARAMS 32
#define URL_MAX_BYTES 4096

struct url_param {
    const char *name, *value;
};
struct url {
    const char *path; /* decoded */
    struct url_param params[URL_MAX_PARAMS];
    size_t n;
};

/** Strings of *out are in the arena; *out is written only on success. */
int url_parse(const char *target, size_t len, struct arena *a, struct url *out, struct err *e);
/** The decoded value, or NULL. */
const char *url_param(const struct url *u, const char *name);
/** s with everything but letters, digits and -._~ escaped, in the arena: for building targets. */
char *url_escape(const char *s, struct arena *a);
#endif
