#ifndef BY_DRIVERS_NET_HTTPD_CONN_H
#define BY_DRIVERS_NET_HTTPD_CONN_H
/* One connection.  libevent's evhttp parses and frames, but never sees bytes that were not looked
 * at first, is never left alone with a client while a reply is owed, and has no timers: our
 * callbacks stand in front of its own.  Why each:
 *  - evhttp is lenient and answers its own errors in HTML: head.h refuses first, in our words;
 *  - its timeouts are for inactivity: one timer per connection bounds the whole request, the
 *    sending of the answer, and idleness;
 *  - while a reply is owed it does not notice that the client has gone, and reading by its own
 *    callbacks then ends the process when a byte arrives: ours close that connection.
 * States: HEAD (waiting for a whole head) -> BODY -> OWED -> SENDING -> HEAD, with STREAM before
 * SENDING for an answer in pieces, whose chunks are written here, not by evhttp; LINGER after a
 * refusal (the answer is sent, input is thrown away for a moment, so that the client can read why).
 * Threads: the loop's own. */
#include "drivers/net/httpd_int.h"

/** evhttp_set_bevcb: a TLS connection for the next accepted socket. */
struct bufferevent *conn_make(struct event_base *base, void *port);
/** evhttp_set_gencb: a whole request has arrived. */
void conn_request(struct evhttp_request *ev, void *port);
/** Send what r has as its answer (its connection is there) and let go of r. */
void conn_answer(struct http_req *r);
/** Send the piece that r has; before the first, the head. */
void conn_piece(struct http_req *r);
/** The end of a stream: with its last chunk when it is whole, else the connection ends; let go of
 * r. */
void conn_end(struct http_req *r);
void conn_close(struct conn *c);
/** Its client certificate has this fingerprint. */
bool conn_is_of(const struct conn *c, const char *fingerprint);
/** The next in the loop's list. */
struct conn *conn_next(const struct conn *c);
/** Free what has no evhttp connection behind it any more: at the end of a loop. */
void conn_drop_all(struct loop *l);
#endif
