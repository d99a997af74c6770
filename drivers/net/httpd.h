#ifndef BY_DRIVERS_NET_HTTPD_H
#define BY_DRIVERS_NET_HTTPD_H
/* HTTP/1.1 over TLS 1.3 on libevent: event-loop threads that parse and hand over; nothing here
 * blocks.  One httpd may have several listeners (people; agents with client certificates).
 *
 * A request is given to the listener's callback on a loop thread.  The callback must not block: it
 * queues the request elsewhere and returns.  Exactly one httpd_reply() per request, from any
 * thread, ends it; if the client went away meanwhile the reply is dropped silently, so a request
 * pointer stays valid until its reply.  While a request waits (long poll) the client's death is
 * noticed and reported once through on_gone; data that arrives while a reply is owed closes that
 * connection. libevent's own traps (dependencies: pending requests see no disconnect; EV_READ while
 * pending can end the process) are dealt with inside. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"

struct httpd;
struct http_req;

struct httpd_limits {
    size_t max_header_bytes; /* default 16 KiB */
    size_t max_body_bytes;   /* default 1 MiB; larger: 413 at once, body not read */
    int max_connections;     /* default 4096 each listener; beyond it the listener waits */
    int max_per_certificate; /* agents: of one client certificate, on each loop; default 16; a
                                further one ends the oldest */
    int header_timeout_ms;   /* the whole request must have arrived: default 10 s, and 1 s more for
                                each 64 kB of body; then 408 or close */
    int idle_timeout_ms;     /* keep-alive: default 75 s */
};

struct httpd_listener {
    const char *address; /* "127.0.0.1", "::", … */
    int port;            /* 0: any free one, see httpd_port() */
    const char *cert_pem, *key_pem;
    const char *client_ca_pem;  /* not NULL: a client certificate is required (agents) */
    struct httpd_limits limits; /* zero: default */
    void (*on_request)(struct http_req *r, void *arg);
    void *arg;
};

int httpd_new(int loops, struct httpd **out, struct err *e);
/** Strings are copied. *index names the listener for httpd_port(). */
int httpd_listen(struct httpd *h, const struct httpd_listener *l, int *index, struct err *e);
int httpd_port(const struct httpd *h, int index);
/** How many are open now; how many TLS handshakes have ended well since the start. */
int64_t httpd_connections(const struct httpd *h, int index);
int64_t httpd_handshakes(const struct httpd *h, int index);
int httpd_start(struct httpd *h, struct err *e);
/** Stop accepting, close what is idle, drop what waits, join the loops. */
void httpd_free(struct httpd *h);
/** Close every connection whose client certificate has this SHA-256 (revocation). */
void httpd_revoke(struct httpd *h, const char *fingerprint);
/** Ask each loop for a sign of life; 0 when all answered within timeout_ms (watchdog). */
int httpd_alive(struct httpd *h, int timeout_ms);

const char *http_req_method(const struct http_req *r);
const char *http_req_path(const struct http_req *r);                    /* decoded, without query */
const char *http_req_query(const struct http_req *r, const char *name); /* decoded or NULL */
/** The name of the i-th parameter and its value; NULL after the last. */
const char *http_req_query_at(const struct http_req *r, size_t i, const char **value);
const char *http_req_header(const struct http_req *r, const char *name);
const char *http_req_body(const struct http_req *r, size_t *len);
const char *http_req_peer(const struct http_req *r); /* address, for logs */
/** SHA-256 of the client's certificate and its first SAN URI; NULL on people's listeners. */
const char *http_req_cert_fingerprint(const struct http_req *r);
const char *http_req_cert_uri(const struct http_req *r);
struct arena *http_req_arena(struct http_req *r); /* freed after the reply */
/** Called on a loop thread if the client dies while the reply is owed; still reply afterwards. */
void http_req_on_gone(struct http_req *r, void (*fn)(struct http_req *r, void *arg), void *arg);

/** type NULL: application/json; charset=utf-8.  body is copied. */
void httpd_reply(struct http_req *r, int status, const char *type, const void *body, size_t len);
/** As httpd_reply(); the body is from malloc(), or NULL, and no longer the caller's. */
void httpd_reply_take(struct http_req *r, int status, const char *type, void *body, size_t len);
/** Whether the client understands an answer in pieces (HTTP/1.1). */
bool http_req_takes_pieces(const struct http_req *r);
/** In place of httpd_reply(), an answer whose length is not known: begin, pieces, end.  A piece
 * waits until the one before it has left, so at most one of them is in memory; not for a loop
 * thread.  A client that takes less than a piece in 30 s and 1 s more for each 16 kB is cut off. */
void httpd_stream(struct http_req *r, int status, const char *type);
/** -1: the client is gone, too slow, or httpd_stream_cut() was called; then end it. */
int httpd_stream_piece(struct http_req *r, const void *bytes, size_t len);
/** Exactly one ends it.  Not whole: the connection is cut, so that the client knows. */
void httpd_stream_end(struct http_req *r, bool whole);
/** Any thread, before its end: whoever waits in httpd_stream_piece() is let go. */
void httpd_stream_cut(struct http_req *r);
/** As a problem document (RFC 9457), its detail in the language that the request accepts. */
void httpd_reply_err(struct http_req *r, const struct err *e, const char *request_id);
/** The address is served with these methods ("GET, POST") only: 204 for OPTIONS, else 405 with *e.
 */
void httpd_reply_allow(struct http_req *r, const char *allow, const struct err *e);
#endif
