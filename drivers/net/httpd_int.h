#ifndef BY_DRIVERS_NET_HTTPD_INT_H
#define BY_DRIVERS_NET_HTTPD_INT_H
/* What the parts of httpd share.  Threads: per struct below. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "drivers/net/httpd.h"
#include "drivers/net/url.h"

#define HTTPD_MAX_LISTENERS 4
#define HTTPD_MAX_LOOPS 16

struct conn;
struct loop;

TAILQ_HEAD(req_list, http_req);
TAILQ_HEAD(conn_list, conn);
enum { CONN_BUCKETS = 1024, ALLOW_MAX = 40 };
STAILQ_HEAD(note_list, note);

/* A certificate to close connections of. */
struct note {
    STAILQ_ENTRY(note) next;
    char fingerprint[65];
};

/* How other threads talk to a loop.  Outlives the loop while replies are owed. */
struct mailbox {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t answered;
    int wake_fd;   /* -1 once closed */
    bool closed;   /* the loop is gone */
    bool stop;     /* the loop must go */
    unsigned refs; /* the loop and each request */
    struct req_list posted;
    struct note_list notes;
    uint64_t asked, alive; /* watchdog: alive follows asked */
};

/* Immutable once listening, but for what is counted. */
struct lst {
    SSL_CTX *ctx;
    int fd, port;
    struct httpd_limits limits;
    void (*on_request)(struct http_req *r, void *arg);
    void *arg;
    /* Counted by every loop. */
    atomic_llong handshakes, connections;
};

/* A listener on a loop; the loop's own. */
struct port {
    struct loop *loop;
    struct lst *lst;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *retry; /* after running out of descriptors */
    int count, cap;
    bool paused;
};

struct loop {
    struct mailbox *box;
    struct event_base *base; /* the loop thread's own, as everything below */
    struct event *wake;
    struct port ports[HTTPD_MAX_LISTENERS];
    int nports;
    struct conn_list conns;
    struct conn_list alike[CONN_BUCKETS]; /* those with a certificate, by its fingerprint */
    pthread_t thread;
    bool started;
};

struct httpd {
    struct lst lst[HTTPD_MAX_LISTENERS];
    int nlst;
    struct loop loops[HTTPD_MAX_LOOPS];
    int nloops;
    bool started;
};

struct http_header {
    const char *name, *value;
};

struct http_req {
    /* Immutable after hand-over, in the arena. */
    struct mailbox *box;
    struct arena arena;
    const char *method, *peer, *body, *fingerprint, *uri;
    bool chunks; /* the client knows them: HTTP/1.1 */
    size_t body_len;
    struct url url;
    struct http_header *headers;
    size_t nheaders;
    /* The loop thread's own. */
    struct conn *conn; /* NULL when the client is gone */
    struct evhttp_request *ev;
    bool told;           /* on_gone was called */
    bool begun, sending; /* of a stream: the head has left; a piece is on its way */
    /* Guarded by box->lock. */
    TAILQ_ENTRY(http_req) next;
    bool queued, replied, gone;
    bool stream, taken, cut; /* in pieces: this one has left; nothing more is sent */
    void (*on_gone)(struct http_req *r, void *arg);
    void *gone_arg;
    /* Written by the replying thread before it posts. */
    bool whole; /* of a stream: the last piece has been sent */
    int status;
    char type[64], allow[ALLOW_MAX];
    void *answer;
    size_t answer_len;
};
#endif
