#include "drivers/net/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/net/httpd_loop.h"
#include "drivers/net/httpd_req.h"
#include "drivers/net/problem.h"
#include "drivers/net/tls.h"
#include "policies/sentence.h"

#define BACKLOG 1024

static const struct httpd_limits defaults = {
    .max_header_bytes = 16 * 1024,
    .max_body_bytes = 1024 * 1024,
    .max_connections = 4096,
    .max_per_certificate = 16,
    .header_timeout_ms = 10 * 1000,
    .idle_timeout_ms = 75 * 1000,
};

static void
address_free(struct addrinfo *ai)
{
    if (ai != NULL)
        freeaddrinfo(ai);
}
SCOPE_FN(address_free, struct addrinfo)

int
httpd_new(int loops, struct httpd **out, struct err *e)
{
    struct httpd *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (loops < 1 || loops > HTTPD_MAX_LOOPS) {
        free(h);
        return err_set(e, BY_E_INVALID, "event loops: from 1 to %d", HTTPD_MAX_LOOPS);
    }
    while (h->nloops < loops) {
        if (loop_init(&h->loops[h->nloops++], e) < 0) {
            httpd_free(h);
            return -1;
        }
    }
    *out = h;
    return 0;
}

static int
listen_options(int fd, int family)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1}, /* a restart need not wait for old connections */
        /* Accepted sockets take the rest over.  Without NODELAY an answer waits for an ACK. */
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 60},
        {IPPROTO_TCP, TCP_KEEPINTVL, 15},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},
    };
    int one = 1;

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int)) < 0)
            return -1;
    return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) : 0;
}

static int
listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {.v6 = {0}};
    socklen_t len = sizeof(a);

    if (getsockname(fd, &a.any, &len) < 0)
        return -1;
    return a.any.sa_family == AF_INET6 ? ntohs(a.v6.sin6_port) : ntohs(a.v4.sin_port);
}

static int
listen_socket(const char *address, int port, int *out, struct err *e)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    SCOPED(address_free) struct addrinfo *ai = NULL;
    SCOPED(fd) int fd = -1;
    char service[16];

    (void)snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(address, service, &hints, &ai) != 0)
        return err_set(e, BY_E_INVALID, "listen on %s: not an address", address);
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || listen_options(fd, ai->ai_family) < 0)
        return err_set(e, BY_E_IO, "listen on %s: %s", address, strerror(errno));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return err_set(e, errno == EADDRINUSE ? BY_E_CONFLICT : BY_E_IO, "listen on %s port %d: %s",
                       address, port, strerror(errno));
    *out = fd;
    fd = -1;
    return 0;
}

static struct httpd_limits
limits_or_default(const struct httpd_limits *l)
{
    struct httpd_limits r = *l;

    if (r.max_header_bytes == 0)
        r.max_header_bytes = defaults.max_header_bytes;
    if (r.max_body_bytes == 0)
        r.max_body_bytes = defaults.max_body_bytes;
    if (r.max_connections <= 0)
        r.max_connections = defaults.max_connections;
    if (r.max_per_certificate <= 0)
        r.max_per_certificate = defaults.max_per_certificate;
    if (r.header_timeout_ms <= 0)
        r.header_timeout_ms = defaults.header_timeout_ms;
    if (r.idle_timeout_ms <= 0)
        r.idle_timeout_ms = defaults.idle_timeout_ms;
    return r;
}

int
httpd_listen(struct httpd *h, const struct httpd_listener *l, int *index, struct err *e)
{
    struct lst *s = &h->lst[h->nlst];

    if (h->started || h->nlst == HTTPD_MAX_LISTENERS)
        return err_set(e, BY_E_BUG, "listeners are added before the start, at most %d",
                       HTTPD_MAX_LISTENERS);
    *s = (struct lst){.fd = -1, .limits = limits_or_default(&l->limits)};
    s->on_request = l->on_request;
    s->arg = l->arg;
    if (tls_server(l->cert_pem, l->key_pem, l->client_ca_pem, &s->ctx, e) < 0)
        return -1;
    if (listen_socket(l->address, l->port, &s->fd, e) < 0) {
        SSL_CTX_free(s->ctx);
        return -1;
    }
    s->port = listen_port(s->fd);
    *index = h->nlst++;
    return 0;
}

int
httpd_port(const struct httpd *h, int index)
{
    return index >= 0 && index < h->nlst ? h->lst[index].port : -1;
}

int64_t
httpd_connections(const struct httpd *h, int index)
{
    return atomic_load(&h->lst[index].connections);
}

int64_t
httpd_handshakes(const struct httpd *h, int index)
{
    return atomic_load(&h->lst[index].handshakes);
}

int
httpd_start(struct httpd *h, struct err *e)
{
    for (int i = 0; i < h->nloops; i++) {
        for (int k = 0; k < h->nlst; k++) {
            int cap = (h->lst[k].limits.max_connections + h->nloops - 1) / h->nloops;

            if (loop_listen(&h->loops[i], &h->lst[k], cap, e) < 0)
                return -1;
        }
    }
    h->started = true;
    for (int i = 0; i < h->nloops; i++)
        if (loop_start(&h->loops[i], e) < 0)
            return -1;
    return 0;
}

void
httpd_free(struct httpd *h)
{
    if (h == NULL)
        return;
    for (int i = 0; i < h->nloops; i++)
        loop_clear(&h->loops[i]);
    for (int i = 0; i < h->nlst; i++) {
        SSL_CTX_free(h->lst[i].ctx);
        (void)close(h->lst[i].fd); /* a listening socket: nothing to lose */
    }
    free(h);
}

void
httpd_revoke(struct httpd *h, const char *fingerprint)
{
    for (int i = 0; i < h->nloops; i++)
        loop_revoke(&h->loops[i], fingerprint);
}

int
httpd_alive(struct httpd *h, int timeout_ms)
{
    uint64_t asked[HTTPD_MAX_LOOPS] = {0};
    struct timespec until;
    int rc = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    for (int i = 0; i < h->nloops; i++)
        asked[i] = loop_ask(&h->loops[i]);
    for (int i = 0; i < h->nloops; i++)
        if (loop_wait(&h->loops[i], asked[i], &until) < 0)
            rc = -1;
    return rc;
}

const char *
http_req_method(const struct http_req *r)
{
    return r->method;
}

const char *
http_req_path(const struct http_req *r)
{
    return r->url.path;
}

const char *
http_req_query(const struct http_req *r, const char *name)
{
    return url_param(&r->url, name);
}

const char *
http_req_query_at(const struct http_req *r, size_t i, const char **value)
{
    if (i >= r->url.n)
        return NULL;
    *value = r->url.params[i].value;
    return r->url.params[i].name;
}

const char *
http_req_header(const struct http_req *r, const char *name)
{
    for (size_t i = 0; i < r->nheaders; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

const char *
http_req_body(const struct http_req *r, size_t *len)
{
    *len = r->body_len;
    return r->body;
}

const char *
http_req_peer(const struct http_req *r)
{
    return r->peer;
}

const char *
http_req_cert_fingerprint(const struct http_req *r)
{
    return r->fingerprint;
}

const char *
http_req_cert_uri(const struct http_req *r)
{
    return r->uri;
}

struct arena *
http_req_arena(struct http_req *r)
{
    return &r->arena;
}

void
http_req_on_gone(struct http_req *r, void (*fn)(struct http_req *r, void *arg), void *arg)
{
    req_watch(r, fn, arg);
}

/* The bytes are copied: evbuffers keep them until they have left. */
static void
answer_set(struct http_req *r, const void *bytes, size_t len)
{
    free(r->answer); /* a piece that never left */
    r->answer = malloc(len);
    if (r->answer == NULL)
        abort(); /* as an arena: an answer that was promised cannot be half sent */
    memcpy(r->answer, bytes, len);
    r->answer_len = len;
}

static void
answer_type(struct http_req *r, const char *type)
{
    (void)snprintf(r->type, sizeof(r->type), "%s",
                   type == NULL ? "application/json; charset=utf-8" : type);
}

void
httpd_reply_take(struct http_req *r, int status, const char *type, void *body, size_t len)
{
    r->status = status;
    if (strcmp(r->method, "HEAD") == 0) { /* which has no body, whatever is answered */
        free(body);
        body = NULL;
        len = 0;
    }
    free(r->answer);
    r->answer = body;
    r->answer_len = len;
    if (len > 0)
        answer_type(r, type);
    req_post(r);
}

bool
http_req_takes_pieces(const struct http_req *r)
{
    return r->chunks;
}

void
httpd_stream(struct http_req *r, int status, const char *type)
{
    r->status = status;
    answer_type(r, type);
    req_stream(r);
}

int
httpd_stream_piece(struct http_req *r, const void *bytes, size_t len)
{
    if (len == 0)
        return 0; /* an empty chunk would be the last */
    answer_set(r, bytes, len);
    return req_piece(r);
}

void
httpd_stream_end(struct http_req *r, bool whole)
{
    r->whole = whole;
    req_post(r);
}

void
httpd_stream_cut(struct http_req *r)
{
    req_cut(r);
}

void
httpd_reply(struct http_req *r, int status, const char *type, const void *body, size_t len)
{
    void *copy = len > 0 ? malloc(len) : NULL;

    if (len > 0 && copy == NULL)
        abort(); /* as an arena: an answer that was promised cannot be half sent */
    if (len > 0)
        memcpy(copy, body, len);
    httpd_reply_take(r, status, type, copy, len);
}

static void
reply_problem(struct http_req *r, int status, const struct err *e, const char *request_id)
{
    SCOPED(strbuf) struct strbuf doc = {0};

    problem_write(status, e, sentence_lang(http_req_header(r, "Accept-Language")), request_id,
                  &doc);
    httpd_reply(r, status, "application/problem+json", doc.s, doc.len);
}

void
httpd_reply_err(struct http_req *r, const struct err *e, const char *request_id)
{
    reply_problem(r, err_http_status(e->code), e, request_id);
}

void
httpd_reply_allow(struct http_req *r, const char *allow, const struct err *e)
{
    (void)snprintf(r->allow, sizeof(r->allow), "%s", allow);
    if (strcmp(r->method, "OPTIONS") == 0)
        httpd_reply(r, 204, NULL, NULL, 0);
    else
        reply_problem(r, 405, e, NULL);
}
