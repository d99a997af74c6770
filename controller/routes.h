#ifndef BY_CONTROLLER_ROUTES_H
#define BY_CONTROLLER_ROUTES_H
/* The rows of routes.def as data, and finding one.  Threads: immutable. */
#include <stddef.h>

#include "controller/api.h"
#include "drivers/codec/jmap.h"

/* Bits of struct route.roles. */
enum {
    ROUTE_ADMIN = 1 << ROLE_ADMIN,
    ROUTE_BUREAU = 1 << ROLE_BUREAU,
    ROUTE_PROVIDER = 1 << ROLE_PROVIDER,
    ROUTE_TENANT = 1 << ROLE_TENANT,
    ROUTE_AUDITOR = 1 << ROLE_AUDITOR,
    ROUTE_COUNTY = 1 << ROLE_COUNTY,
    ROUTE_SECADMIN = 1 << ROLE_SECADMIN,
    ROUTE_AUDITADMIN = 1 << ROLE_AUDITADMIN,
    /* Who works with the cloud: all but the security and the audit administrator. */
    ROUTE_ANY =
        ROUTE_ADMIN | ROUTE_BUREAU | ROUTE_PROVIDER | ROUTE_TENANT | ROUTE_AUDITOR | ROUTE_COUNTY,
    ROUTE_EVERYONE = ROUTE_ANY | ROUTE_SECADMIN | ROUTE_AUDITADMIN,
    ROUTE_OPEN = 1 << 16,   /* people's listener, no account */
    ROUTE_SCRAPE = 1 << 18, /* also the token that reads metrics and nothing else */
    ROUTE_AGENT = 1 << 17,  /* agents' listener, a host's certificate */
};

struct route {
    const char *method, *path;
    unsigned roles;
    const char *name; /* of the handler, without api_ */
    api_fn run;
    prepare_fn prepare;              /* NULL: none */
    const struct jm_field *in, *out; /* NULL: none */
    size_t in_size, out_size;
    const char *doc;
};

/* The body or answer object of a route that carries bytes, not JSON. */
extern const struct jm_field schema_raw[];
#define ROUTE_RAW_MAX (1024u * 1024)

extern const struct route routes[];
extern const size_t routes_count;

/** The row for a request, or NULL; the {id} of its path is copied to id ("" when there is none).
 * Only UUIDs match an {id}. */
const struct route *route_find(const char *method, const char *path, char id[W_ID]);
#define ROUTE_ALLOW_MAX 40
/** Says what is wrong with a request that no row fits on that listener: its method (then allow has
 * those that the path takes, else it is ""), its id, its path.  Always -1. */
int route_missing(const char *method, const char *path, bool agent, char allow[ROUTE_ALLOW_MAX],
                  struct err *e);
/** Runs on a read connection: every GET, and the few others that change nothing. */
bool route_reads(const struct route *r);
/** Hashes a password or an id number: in the pool that is for that. */
bool route_hashes(const struct route *r);
/** Largest body that its rows can need. */
size_t route_max_body(const struct route *r);

/* A prepare_ function is optional, so it is weak. */
#define ROUTE(method, path, roles, h, i, o, doc)                                                   \
    int api_##h(struct api_call *k, struct tx *t, struct err *e);                                  \
    int prepare_##h(struct api_call *k, struct err *e) __attribute__((weak));
#include "controller/routes.def"
#undef ROUTE
#endif
