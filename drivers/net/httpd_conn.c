#include "drivers/net/httpd_conn.h"

#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/base/scope.h"
#include "drivers/net/head.h"
#include "drivers/net/httpd_req.h"
#include "drivers/net/problem.h"
#include "drivers/net/tls.h"
#include "policies/sentence.h"

#define LINGER_MS 2000          /* how long input is thrown away after a refusal */
#define BODY_BYTES_PER_MS 64    /* a request may take a millisecond more for so many bytes */
#define SEND_MS 30000           /* to send an answer, and … */
#define SEND_BYTES_PER_MS 16    /* … a millisecond more for so many bytes */
#define RECORD 16384            /* what libevent writes at once: a record of TLS */
#define READ_AHEAD (32u * 1024) /* of what a client may send beyond one whole request */

enum conn_state { CONN_HEAD, CONN_BODY, CONN_OWED, CONN_STREAM, CONN_SENDING, CONN_LINGER };

struct conn {
    TAILQ_ENTRY(conn) next, alike; /* of the loop; with certificates of the same bucket */
    struct port *port;
    struct bufferevent *bev; /* one reference is ours */
    SSL *ssl;                /* the bufferevent's */
    struct evhttp_connection *evcon;
    bufferevent_data_cb http_read; /* evhttp's own callback */
    struct event *hook, *timer;
    enum conn_state state;
    bool corked;     /* the socket waits for a full packet */
    bool begun;      /* a byte of the next request has arrived */
    int64_t allowed; /* milliseconds for the request to arrive */
    size_t scanned;  /* bytes of the head searched already */
    struct http_req *req;
    char fingerprint[65], uri[256], peer[64];
    enum say_lang lang; /* of what is refused before there is a request */
};

static void
conn_arm(struct conn *c, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)evtimer_add(c->timer, &tv); /* fails only without memory; then there is no deadline */
}

/* Connections with certificates that begin alike. */
static struct conn_list *
conn_alike(const struct conn *c)
{
    unsigned at = 0;

    for (int i = 0; i < 3; i++) /* hex digits */
        at = at * 16 + (unsigned)(c->fingerprint[i] <= '9' ? c->fingerprint[i] - '0'
                                                           : c->fingerprint[i] - 'a' + 10);
    return &c->port->loop->alike[at % CONN_BUCKETS];
}

/* Unhook from the loop and free; the bufferevent goes with its last reference. */
static void
conn_drop(struct conn *c)
{
    struct port *p = c->port;

    TAILQ_REMOVE(&p->loop->conns, c, next);
    if (c->fingerprint[0] != '\0')
        TAILQ_REMOVE(conn_alike(c), c, alike);
    p->count--;
    atomic_fetch_sub(&p->lst->connections, 1);
    if (p->paused && p->count < p->cap && p->listener != NULL) {
        p->paused = false;
        (void)evconnlistener_enable(p->listener); /* -1 only without memory: the retry comes */
    }
    if (c->hook != NULL)
        event_free(c->hook);
    if (c->timer != NULL)
        event_free(c->timer);
    if (c->ssl != NULL)
        (void)SSL_set_app_data(c->ssl, NULL); /* cannot fail: the slot exists */
    if (c->bev != NULL)
        (void)bufferevent_decref(c->bev);
    free(c);
}

/* evhttp is about to free its connection, for whatever reason. */
static void
conn_closed(struct evhttp_connection *evcon, void *arg)
{
    struct conn *c = arg;

    (void)evcon;
    if (SSL_is_init_finished(c->ssl)) {
        (void)SSL_shutdown(c->ssl); /* a last word if the socket takes it */
        ERR_clear_error();
    }
    if (c->req != NULL)
        req_gone(c->req);
    c->req = NULL;
    conn_drop(c);
}

void
conn_close(struct conn *c)
{
    if (c->evcon != NULL)
        evhttp_connection_free(c->evcon); /* calls conn_closed() */
}

/* ---- refusing ---------------------------------------------------------------------------------
 */

static void
linger_read(struct bufferevent *bev, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(bev);

    (void)arg;
    (void)evbuffer_drain(in, evbuffer_get_length(in)); /* draining all cannot fail */
}

static void
linger_sent(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;

    (void)SSL_shutdown(c->ssl); /* our side ends here; the other may still read */
    ERR_clear_error();
    (void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
linger_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (!(what & BEV_EVENT_CONNECTED))
        conn_close(arg);
}

/* Answer with a problem document and close.  Input is thrown away for a moment: closing a socket
 * with unread input would reset it before the client has read the answer. */
static void
conn_refuse(struct conn *c, int status, const struct err *e)
{
    SCOPED(strbuf) struct strbuf doc = {0};
    struct evbuffer *out = bufferevent_get_output(c->bev);

    problem_write(status, e, c->lang, "", &doc);
    c->state = CONN_LINGER;
    bufferevent_setcb(c->bev, linger_read, linger_sent, linger_event, c);
    linger_read(c->bev, c);
    if (evbuffer_add_printf(out,
                            "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                            "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                            "Connection: close\r\n\r\n",
                            status, problem_phrase(status), doc.len) < 0 ||
        evbuffer_add(out, doc.s, doc.len) < 0 ||
        bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0) {
        conn_close(c);
        return;
    }
    conn_arm(c, LINGER_MS);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* How much of the head has come is enough to say in which language its sender reads. */
static void
conn_language(struct conn *c, struct evbuffer *in, size_t have)
{
    const size_t len =
        have < c->port->lst->limits.max_header_bytes ? have : c->port->lst->limits.max_header_bytes;
    const char *text = (const char *)evbuffer_pullup(in, (ev_ssize_t)len);
    char accept[200];

    if (text == NULL)
        return;
    head_language(text, len, accept, sizeof(accept));
    c->lang = sentence_lang(accept);
}

/* A whole head is in the input: look at it.  1: go on, 0: wait for more, -1: refused. */
static int
conn_check_head(struct conn *c, struct evbuffer *in)
{
    const struct httpd_limits *lim = &c->port->lst->limits;
    size_t have = evbuffer_get_length(in);
    struct evbuffer_ptr from, end;
    struct err e = {0};
    struct head h;
    int status = 400;
    const char *text;

    (void)evbuffer_ptr_set(in, &from, c->scanned, EVBUFFER_PTR_SET); /* scanned <= have */
    end = evbuffer_search(in, "\r\n\r\n", 4, &from);
    if (end.pos < 0 && have <= lim->max_header_bytes) {
        c->scanned = have > 3 ? have - 3 : 0;
        return 0;
    }
    if (end.pos < 0 || (size_t)end.pos + 4 > lim->max_header_bytes) {
        (void)err_set(&e, BY_E_TOO_LARGE, "the headers are larger than %zu bytes",
                      lim->max_header_bytes);
        conn_language(c, in, have);
        conn_refuse(c, 431, &e);
        return -1;
    }
    conn_language(c, in, (size_t)end.pos + 4);
    text = (const char *)evbuffer_pullup(in, end.pos + 4);
    if (text == NULL) {
        conn_close(c);
        return -1;
    }
    if (head_scan(text, (size_t)end.pos + 4, &h, &status, &e) < 0) {
        conn_refuse(c, status, &e);
        return -1;
    }
    if (h.content_length > (int64_t)lim->max_body_bytes) {
        (void)err_set(&e, BY_E_TOO_LARGE, "the body has %lld bytes; at most %zu are taken",
                      (long long)h.content_length, lim->max_body_bytes);
        conn_refuse(c, 413, &e);
        return -1;
    }
    if (h.content_length >= BODY_BYTES_PER_MS) {
        c->allowed += h.content_length / BODY_BYTES_PER_MS;
        conn_arm(c, c->allowed);
    }
    return 1;
}

static void
conn_read(struct bufferevent *bev, void *arg)
{
    /* arg may be evhttp's connection: its deferred callback calls whatever is set with its own. */
    struct conn *c = SSL_get_app_data(bufferevent_openssl_get_ssl(bev));
    struct evbuffer *in = bufferevent_get_input(bev);

    (void)arg;
    if (c == NULL || evbuffer_get_length(in) == 0)
        return;
    if (!c->begun) {
        c->begun = true;
        c->allowed = c->port->lst->limits.header_timeout_ms;
        conn_arm(c, c->allowed);
    }
    if (c->state == CONN_HEAD) {
        if (conn_check_head(c, in) <= 0)
            return;
        c->state = CONN_BODY;
    }
    c->http_read(bev, c->evcon); /* c may be gone after this */
}

/* One host that opens connection after connection has only the newest.  They are in the order in
 * which their handshakes ended. */
static void
conn_make_room(struct conn *c)
{
    struct conn *oldest = NULL, *o;
    int n = 0;

    TAILQ_INSERT_TAIL(conn_alike(c), c, alike);
    TAILQ_FOREACH(o, conn_alike(c), alike)
    {
        if (strcmp(o->fingerprint, c->fingerprint) != 0)
            continue;
        if (oldest == NULL)
            oldest = o;
        n++;
    }
    if (oldest != NULL && n > c->port->lst->limits.max_per_certificate)
        conn_close(oldest);
}

static void
conn_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = SSL_get_app_data(bufferevent_openssl_get_ssl(bev));
    X509 *cert;

    (void)arg;
    if (c == NULL)
        return;
    if (!(what & BEV_EVENT_CONNECTED)) {
        conn_close(c);
        return;
    }
    atomic_fetch_add(&c->port->lst->handshakes, 1);
    cert = SSL_get0_peer_certificate(c->ssl);
    if (cert == NULL || c->fingerprint[0] != '\0')
        return; /* people's listener: none is asked for */
    if (tls_fingerprint(cert, c->fingerprint) < 0) {
        conn_close(c); /* nobody could say whose it is */
        return;
    }
    if (tls_san_uri(cert, c->uri, sizeof(c->uri)) < 0)
        c->uri[0] = '\0'; /* without a name of ours the router lets nobody in */
    conn_make_room(c);
}

/* After evhttp has set its callbacks: put ours in front.  Runs before any input is seen. */
static void
conn_hook(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    bufferevent_data_cb rd = NULL;
    void *evcon = NULL;
    char *address = NULL;
    ev_uint16_t port = 0;

    (void)fd;
    (void)what;
    bufferevent_getcb(c->bev, &rd, NULL, NULL, &evcon);
    if (rd == NULL) { /* evhttp could not take the socket and has let go */
        conn_drop(c);
        return;
    }
    if (c->evcon == NULL) {
        c->evcon = evcon;
        evhttp_connection_set_closecb(c->evcon, conn_closed, c);
        evhttp_connection_get_peer(c->evcon, &address, &port);
        (void)snprintf(c->peer, sizeof(c->peer), "%s", address == NULL ? "?" : address);
    }
    if (c->state != CONN_HEAD)
        return;
    c->http_read = rd;
    bufferevent_setcb(c->bev, conn_read, NULL, conn_event, c);
}

static void
conn_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    struct err e = {0};

    (void)fd;
    (void)what;
    if ((c->state == CONN_HEAD && c->begun) || c->state == CONN_BODY) {
        (void)err_set(&e, BY_E_TIMEOUT, "the request did not arrive within %lld s; send it again",
                      (long long)c->allowed / 1000);
        conn_refuse(c, 408, &e);
    } else if (c->state != CONN_OWED) {
        conn_close(c);
    }
}

struct bufferevent *
conn_make(struct event_base *base, void *arg)
{
    struct port *p = arg;
    struct conn *c = calloc(1, sizeof(*c));
    SSL *ssl = SSL_new(p->lst->ctx);
    const struct httpd_limits *lim = &p->lst->limits;

    /* On NULL evhttp would make a connection without TLS; conn_request() refuses such. */
    if (c == NULL || ssl == NULL) {
        free(c);
        SSL_free(ssl);
        return NULL;
    }
    c->port = p;
    TAILQ_INSERT_TAIL(&p->loop->conns, c, next);
    p->count++;
    atomic_fetch_add(&p->lst->connections, 1);
    c->hook = event_new(base, -1, 0, conn_hook, c);
    c->timer = evtimer_new(base, conn_timeout, c);
    c->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_CLOSE_ON_FREE);
    if (c->bev != NULL) /* else libevent has freed ssl */
        bufferevent_incref(c->bev);
    if (c->hook == NULL || c->timer == NULL || c->bev == NULL || SSL_set_app_data(ssl, c) != 1) {
        struct bufferevent *bev = c->bev;

        conn_drop(c);
        if (bev != NULL)
            bufferevent_free(bev);
        return NULL;
    }
    c->ssl = ssl;
    bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
    bufferevent_setwatermark(c->bev, EV_READ, 0,
                             lim->max_header_bytes + lim->max_body_bytes + READ_AHEAD);
    event_active(c->hook, 0, 0);
    conn_arm(c, lim->header_timeout_ms);
    if (p->count >= p->cap && !p->paused) {
        p->paused = true;
        (void)evconnlistener_disable(p->listener); /* cannot fail for a listener in use */
    }
    return c->bev;
}

/* ---- owing and sending -------------------------------------------------------------------------
 */

static void
owed_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    conn_close(arg); /* one request at a time: see httpd.h */
}

static void
owed_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what;
    conn_close(arg);
}

void
conn_request(struct evhttp_request *ev, void *arg)
{
    struct port *p = arg;
    struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    struct conn *c = ssl == NULL ? NULL : SSL_get_app_data(ssl);
    struct http_req *r = NULL;
    struct err e = {0};

    if (c == NULL) {
        evhttp_connection_free(evcon);
        return;
    }
    (void)evtimer_del(c->timer); /* not pending is fine */
    if (evbuffer_get_length(bufferevent_get_input(bev)) > 0) {
        (void)err_set(&e, BY_E_INVALID, "send the next request after the answer to this one");
        conn_refuse(c, 400, &e);
        return;
    }
    if (req_new(p->loop->box, ev, &r, &e) < 0) {
        conn_refuse(c, err_http_status(e.code), &e);
        return;
    }
    r->conn = c;
    r->peer = arena_strdup(&r->arena, c->peer);
    r->fingerprint = c->fingerprint[0] == '\0' ? NULL : arena_strdup(&r->arena, c->fingerprint);
    r->uri = c->uri[0] == '\0' ? NULL : arena_strdup(&r->arena, c->uri);
    c->req = r;
    c->state = CONN_OWED;
    bufferevent_setcb(bev, owed_read, NULL, owed_event, c);
    if (bufferevent_enable(bev, EV_READ) < 0) {
        conn_close(c); /* and so r is gone before anyone has it */
        req_free(r);
        return;
    }
    p->lst->on_request(r, p->lst->arg);
}

/* A socket that takes no option sends each piece at once. */
static void
conn_cork(struct conn *c, int on)
{
    c->corked = on != 0;
    (void)setsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

/* The whole answer is written; evhttp goes back to reading and sets its callbacks again. */
static void
conn_sent(struct evhttp_request *ev, void *arg)
{
    struct conn *c = arg;

    (void)ev;
    if (c->corked)
        conn_cork(c, 0);
    c->state = CONN_HEAD;
    c->begun = false;
    c->scanned = 0;
    conn_arm(c, c->port->lst->limits.idle_timeout_ms);
    event_active(c->hook, 0, 0); /* before evhttp's deferred read, if it has input left */
}

static void
answer_free(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    free(arg);
}

static void
conn_headers(const struct http_req *r, struct evkeyvalq *out)
{
    static const struct http_header always[] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
    };

    /* Adding fails only without memory; the answer is then sent with fewer headers. */
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        (void)evhttp_add_header(out, always[i].name, always[i].value);
    if (r->type[0] != '\0')
        (void)evhttp_add_header(out, "Content-Type", r->type);
    if (strncmp(r->type, "text/html", 9) == 0)
        (void)evhttp_add_header(out, "Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors "
                                "'none'; base-uri 'none'; form-action 'none'");
    if (r->allow[0] != '\0')
        (void)evhttp_add_header(out, "Allow", r->allow);
    if (r->status == 401)
        (void)evhttp_add_header(out, "WWW-Authenticate", "Bearer");
    if (r->status == 503)
        (void)evhttp_add_header(out, "Retry-After", "1");
}

/* What is written of an answer is few large pieces: each is a record of its own, a call, and a
 * wakeup of who reads.  Nothing has been written yet; conn_sent() lets the last piece go. */
static void
conn_gather(struct conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    size_t len = evbuffer_get_length(out);

    /* NULL without memory: then head and body go apart. */
    (void)evbuffer_pullup(out, len < RECORD ? -1 : RECORD);
    if (len > RECORD)
        conn_cork(c, 1);
}

void
conn_answer(struct http_req *r)
{
    struct conn *c = r->conn;
    struct evhttp_request *ev = r->ev;
    struct evbuffer *body = evbuffer_new();

    c->req = NULL;
    if (body == NULL || bufferevent_disable(c->bev, EV_READ) < 0 ||
        (r->answer_len > 0 &&
         evbuffer_add_reference(body, r->answer, r->answer_len, answer_free, r->answer) < 0)) {
        if (body != NULL)
            evbuffer_free(body);
        conn_close(c);
        req_free(r);
        return;
    }
    if (r->answer_len > 0)
        r->answer = NULL; /* the buffer's now */
    c->state = CONN_SENDING;
    conn_headers(r, evhttp_request_get_output_headers(ev));
    evhttp_request_set_on_complete_cb(ev, conn_sent, c);
    conn_arm(c, SEND_MS + (int64_t)r->answer_len / SEND_BYTES_PER_MS);
    evhttp_send_reply(ev, r->status, problem_phrase(r->status), body);
    evbuffer_free(body);
    conn_gather(c);
    req_free(r);
}

/* ---- an answer in pieces -----------------------------------------------------------------------
 */

/* The output is empty: the piece is with the kernel or the client. */
static void
stream_sent(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;

    if (c->req == NULL || !c->req->sending || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    c->req->sending = false;
    (void)evtimer_del(c->timer); /* the next piece may take its time: the sender has a limit */
    req_taken(c->req);
}

static void
stream_head(struct http_req *r)
{
    struct conn *c = r->conn;

    r->begun = true;
    c->state = CONN_STREAM;
    conn_headers(r, evhttp_request_get_output_headers(r->ev));
    evhttp_send_reply_start(r->ev, r->status, problem_phrase(r->status));
    bufferevent_setcb(c->bev, owed_read, stream_sent, owed_event, c);
}

void
conn_piece(struct http_req *r)
{
    struct conn *c = r->conn;
    struct evbuffer *out = bufferevent_get_output(c->bev);
    void *piece = r->answer;

    if (piece == NULL)
        return;
    if (!r->begun)
        stream_head(r);
    r->sending = true;
    conn_arm(c, SEND_MS + (int64_t)r->answer_len / SEND_BYTES_PER_MS);
    if (evbuffer_add_printf(out, "%zx\r\n", r->answer_len) < 0) {
        conn_close(c);
        return;
    }
    r->answer = NULL; /* the buffer's now */
    if (evbuffer_add_reference(out, piece, r->answer_len, answer_free, piece) < 0) {
        free(piece);
        conn_close(c);
    } else if (evbuffer_add(out, "\r\n", 2) < 0) {
        conn_close(c);
    }
}

void
conn_end(struct http_req *r)
{
    struct conn *c = r->conn;
    struct evhttp_request *ev = r->ev;

    if (r->whole && !r->begun)
        stream_head(r);
    c->req = NULL;
    if (!r->whole || bufferevent_disable(c->bev, EV_READ) < 0) {
        conn_close(c); /* without the last chunk: the client knows that it is not all */
    } else {
        c->state = CONN_SENDING;
        evhttp_request_set_on_complete_cb(ev, conn_sent, c);
        conn_arm(c, SEND_MS);
        evhttp_send_reply_end(ev);
    }
    req_free(r);
}

bool
conn_is_of(const struct conn *c, const char *fingerprint)
{
    return strcmp(c->fingerprint, fingerprint) == 0;
}

struct conn *
conn_next(const struct conn *c)
{
    return TAILQ_NEXT(c, next);
}

void
conn_drop_all(struct loop *l)
{
    while (!TAILQ_EMPTY(&l->conns))
        conn_drop(TAILQ_FIRST(&l->conns));
}
