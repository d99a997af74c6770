#ifndef BY_DRIVERS_NET_HTTPD_REQ_H
#define BY_DRIVERS_NET_HTTPD_REQ_H
/* The life of a request outside its loop.  Threads: as each says. */
#include "drivers/net/httpd_int.h"

/** Copy what callers may ask for out of evhttp's request.  Loop thread. */
int req_new(struct mailbox *box, struct evhttp_request *ev, struct http_req **out, struct err *e);
void req_free(struct http_req *r);
/** The answer is there: post it to the loop, or drop it when the loop is gone.  Any thread. */
void req_post(struct http_req *r);
/** The answer comes in pieces.  Any thread, once. */
void req_stream(struct http_req *r);
/** A piece of the answer is there: post it and wait until it has left; -1 when it never will.  Not
 * a loop thread. */
int req_piece(struct http_req *r);
/** It has left.  Loop thread. */
void req_taken(struct http_req *r);
/** Nothing more of it is sent: whoever waits is let go.  Any thread. */
void req_cut(struct http_req *r);
/** The client is gone: tell the owner, at once or when it asks to be told.  Loop thread. */
void req_gone(struct http_req *r);
/** Who wants to be told that the client is gone.  Any thread. */
void req_watch(struct http_req *r, void (*fn)(struct http_req *r, void *arg), void *arg);
/** Call on_gone when that is due.  Loop thread. */
void req_tell(struct http_req *r);

struct mailbox *mailbox_new(struct err *e);
void mailbox_unref(struct mailbox *b);
/** Wake the loop; the lock is held. */
void mailbox_wake(struct mailbox *b);
#endif
