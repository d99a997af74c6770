#ifndef BY_CONTROLLER_API_H
#define BY_CONTROLLER_API_H
/* How a request becomes an answer.  The router does, in this order: limits, match, authenticate,
 * role, parse the body by schema, prepare, run, encode, reply; so a handler starts with checked
 * input and cannot forget authorisation.  Ownership of a thing is checked by own.h, one helper.
 *
 *   prepare_<handler>(k, e)   optional; worker pool, no database: signatures, hashes
 *   api_<handler>(k, t, e)    GET and AGENT reads: reader pool, t->d is a read connection;
 *                             else: the one writer thread, in a savepoint of the commit group
 *
 * A write answers only after the group's commit; on -1 its savepoint is rolled back and the caller
 * gets a problem document.  Requests with a `request` id are remembered (account, id, body hash):
 * the same again gets the same answer, the id with another body is CONFLICT.
 * A body of bytes (`raw`) is k->body as it came.
 * Handlers put the answer into *k->out (the route's answer object, zeroed) or set k->status = 204.
 */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

struct controller;
struct http_req;
struct route;

struct caller {
    enum w_role role; /* ROLE_NONE: an agent, or nobody yet */
    char account[W_ID], unit[W_ID], name[W_NAME], employer[W_NAME];
    char session[W_HASH]; /* people: SHA-256 of the session's token */
    char host[W_ID];      /* agents: from the certificate, checked against the hosts table */
    uint64_t incarnation;
};

/* A database step.  In the writer it also gathers what must happen with the commit. */
struct tx {
    struct controller *c;
    struct db *d;
    int64_t now_ms;      /* one instant for the whole step; never before the last ledger entry's */
    struct group *group; /* NULL on readers; the writer's commit group (commit.h) */
};

struct api_call {
    struct controller *c;
    struct http_req *req;
    const struct route *route;
    struct arena *a; /* of the request */
    struct caller who;
    const char *id;   /* the {id} of the path, or NULL */
    const void *in;   /* decoded request object, or NULL */
    const char *body; /* its text */
    size_t body_len;
    void *prepared; /* from prepare_ to api_, in the arena */
    void *out;      /* answer object */
    int status;     /* 200 by default */
    /* Routes that answer "raw": these bytes instead of *out, in the arena; their length, 0 for a
     * text; their media type. */
    const char *raw, *raw_type;
    size_t raw_len;
    /* Set by who asks a list for page after page, in place of ?after= and ?limit= (exports.h). */
    const char *page_after;
    int page_limit;        /* 0: the caller's own page */
    const char *fail_page; /* HTML for a browser, in place of the problem document, or NULL */
    /* Set by a read that waits for news: the server then calls it as its last act, and the call
     * belongs to it until server_resume(), server_answer() or server_fail(). */
    void (*park)(struct api_call *k);
    void *parked; /* the waiter's own */
};

typedef int (*api_fn)(struct api_call *k, struct tx *t, struct err *e);
typedef int (*prepare_fn)(struct api_call *k, struct err *e);
#endif
