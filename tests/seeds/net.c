#include "tests/seeds/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/base/strbuf.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/net/httpc.h"
#include "drivers/net/httpd.h"
#include "drivers/net/problem.h"
#include "drivers/net/url.h"
#include "policies/say.h"
#include "tests/seeds/fiber.h"

enum { LISTENERS = 2, PEM_MAX = 16384, CONTROLLER = 1 };

/* ---- what the network does, in order of time ------------------------------------------------- */

struct event {
    struct event *next;
    int64_t at;
    void (*fn)(void *arg);
    void *arg;
};

static struct event *events;
static struct net_faults faults;
static bool cut[FIBER_NODES];

static void
event_add(int64_t in_ms, void (*fn)(void *), void *arg)
{
    struct event *v = calloc(1, sizeof(*v)), **at = &events;

    if (v == NULL)
        abort();
    *v = (struct event){.at = fiber_now_ns() + in_ms * 1000000, .fn = fn, .arg = arg};
    while (*at != NULL && (*at)->at <= v->at)
        at = &(*at)->next;
    v->next = *at;
    *at = v;
    fiber_wake(&events);
}

static void *
net_main(void *arg)
{
    (void)arg;
    for (;;) {
        struct event *v = events;

        if (v == NULL || v->at > fiber_now_ns()) {
            (void)fiber_wait(&events, v == NULL ? FIBER_FOREVER : v->at);
            continue;
        }
        events = v->next;
        v->fn(v->arg);
        free(v);
    }
    return NULL;
}

void
net_init(void)
{
    events = NULL;
    memset(cut, 0, sizeof(cut));
    faults = (struct net_faults){.latency_ms = 5};
    fiber_go(0, net_main, NULL);
}

void
net_faults(const struct net_faults *f)
{
    faults = *f;
}

void
net_cut(int node, bool on)
{
    cut[node] = on;
}

bool
net_is_cut(int node)
{
    return cut[node];
}

static bool
happens(int in_1000)
{
    return (int)(fiber_chance() % 1000) < in_1000;
}

static int64_t
latency(void)
{
    int64_t most = happens(faults.slow) ? 30000 : faults.latency_ms;

    return most == 0 ? 0 : (int64_t)(fiber_chance() % (uint64_t)(most + 1));
}

/* ---- server ---------------------------------------------------------------------------------- */

struct httpd {
    struct httpd_listener lst[LISTENERS];
    int n;
    bool started;
};

struct call;
struct http_req {
    struct http_req *next; /* all that owe an answer */
    struct arena a;
    struct url url;
    const char *method, *body, *auth, *fingerprint, *uri;
    size_t len;
    struct call *call;
    void (*on_gone)(struct http_req *r, void *arg);
    void *gone_arg;
};

/* A call of a client.  Freed when the client is done with it and no message names it any more. */
struct call {
    struct call *next; /* all that are open */
    struct httpc *h;   /* NULL: given up */
    int node, port, refs;
    char *method, *path, *body, *auth, *fingerprint, *uri;
    int64_t ends_s; /* of its certificate; 0: it has none */
    size_t len;
    httpc_done done;
    void *arg;
    bool answered, finished; /* an answer is on its way; it is in the client's hands */
    struct httpc_answer answer;
    struct call *ready; /* next in the client's inbox */
};

struct httpc {
    int node, port, ncalls;
    char *token, *fingerprint, *uri;
    int64_t ends_s;
    struct call *inbox;
    bool woken;
};

static struct httpd *server;
static struct http_req *reqs; /* of the server that is */
static struct call *calls;

static void
call_unref(struct call *c)
{
    struct call **at = &calls;

    if (--c->refs > 0)
        return;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    httpc_answer_clear(&c->answer);
    free(c->method);
    free(c->path);
    free(c->body);
    free(c->auth);
    free(c->fingerprint);
    free(c->uri);
    free(c);
}

/* Into the client's hands, once. */
static void
call_end(struct call *c)
{
    struct call **at;

    if (c->finished || c->h == NULL)
        return;
    c->finished = true;
    for (at = &c->h->inbox; *at != NULL;)
        at = &(*at)->ready;
    c->ready = NULL;
    *at = c;
    fiber_wake(c->h);
}

static void
call_fail(struct call *c, enum err_code code, const char *why)
{
    if (c->finished)
        return;
    httpc_answer_clear(&c->answer);
    (void)err_set(&c->answer.err, code, "%s", why);
    call_end(c);
}

/* The server sees that the client has closed; not through a network that is cut. */
static void
on_closed(void *arg)
{
    struct call *c = arg;
    struct http_req *r = cut[c->node] ? NULL : reqs;
    int old = fiber_as(CONTROLLER);

    while (r != NULL) {
        void (*gone)(struct http_req *, void *) = r->on_gone;

        if (r->call != c || gone == NULL) {
            r = r->next;
            continue;
        }
        r->on_gone = NULL;
        gone(r, r->gone_arg);
        r = reqs; /* it has been answered, others too for all we know */
    }
    (void)fiber_as(old);
    call_unref(c);
}

static void
close_call(struct call *c)
{
    c->refs++;
    event_add(latency(), on_closed, c);
}

static void
on_timeout(void *arg)
{
    struct call *c = arg;

    if (!c->finished)
        close_call(c);
    call_fail(c, BY_E_TIMEOUT, "no answer in time");
    call_unref(c);
}

static void
on_refused(void *arg)
{
    struct call *c = arg;

    call_fail(c, BY_E_IO, "nobody listens there");
    call_unref(c);
}

static void
on_answer(void *arg)
{
    struct call *c = arg;

    if (!cut[c->node])
        call_end(c);
    call_unref(c);
}

/* A request is there: exactly one answer is owed for each time. */
static void
on_request(void *arg)
{
    struct call *c = arg;
    const struct httpd_listener *l;
    struct http_req *r;
    struct err e = {0};
    int old;

    if (server == NULL || !server->started || cut[c->node]) {
        if (server == NULL && !cut[c->node])
            call_fail(c, BY_E_IO, "nobody listens there");
        call_unref(c);
        return;
    }
    if (c->ends_s != 0 && fiber_wall_ms() + fiber_skew_of(CONTROLLER) > c->ends_s * 1000) {
        call_fail(c, BY_E_IO, "the certificate has expired");
        call_unref(c);
        return;
    }
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        abort();
    r->call = c; /* with its reference */
    r->method = arena_strdup(&r->a, c->method);
    r->body = arena_strndup(&r->a, c->body == NULL ? "" : c->body, c->len);
    r->len = c->len;
    r->auth = c->auth == NULL ? NULL : arena_strdup(&r->a, c->auth);
    r->fingerprint = c->fingerprint;
    r->uri = c->uri;
    r->next = reqs;
    reqs = r;
    l = &server->lst[c->port - 1];
    old = fiber_as(CONTROLLER);
    if (url_parse(c->path, strlen(c->path), &r->a, &r->url, &e) < 0)
        httpd_reply_err(r, &e, NULL);
    else
        l->on_request(r, l->arg);
    (void)fiber_as(old);
}

int
httpd_new(int loops, struct httpd **out, struct err *e)
{
    (void)loops;
    *out = calloc(1, sizeof(**out));
    return *out == NULL ? err_set(e, BY_E_NOMEM, "httpd") : 0;
}

int
httpd_listen(struct httpd *h, const struct httpd_listener *l, int *index, struct err *e)
{
    (void)e;
    *index = h->n;
    h->lst[h->n++] = *l;
    return 0;
}

int
httpd_port(const struct httpd *h, int index)
{
    (void)h;
    return index + 1;
}

int
httpd_start(struct httpd *h, struct err *e)
{
    (void)e;
    h->started = true;
    server = h;
    return 0;
}

static void
connections_break(void)
{
    for (struct call *c = calls, *next; c != NULL; c = next) {
        next = c->next;
        if (!c->finished && !c->answered)
            call_fail(c, BY_E_IO, "the connection was closed");
    }
}

void
httpd_free(struct httpd *h)
{
    if (h == server) {
        server = NULL;
        reqs = NULL;
        connections_break();
    }
    free(h);
}

void
net_server_gone(void)
{
    server = NULL;
    reqs = NULL;
    connections_break();
}

void
httpd_revoke(struct httpd *h, const char *fingerprint)
{
    (void)h;
    for (struct call *c = calls, *next; c != NULL; c = next) {
        next = c->next;
        if (c->fingerprint != NULL && strcmp(c->fingerprint, fingerprint) == 0)
            call_fail(c, BY_E_IO, "the connection was closed");
    }
}

int
httpd_alive(struct httpd *h, int timeout_ms)
{
    (void)h;
    (void)timeout_ms;
    return 0;
}

int64_t
httpd_connections(const struct httpd *h, int index)
{
    (void)h;
    (void)index;
    return 0;
}

int64_t
httpd_handshakes(const struct httpd *h, int index)
{
    (void)h;
    (void)index;
    return 0;
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
    return strcasecmp(name, "Authorization") == 0 ? r->auth : NULL;
}

const char *
http_req_body(const struct http_req *r, size_t *len)
{
    *len = r->len;
    return r->body;
}

const char *
http_req_peer(const struct http_req *r)
{
    (void)r;
    return "10.0.0.1";
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
    return &r->a;
}

void
http_req_on_gone(struct http_req *r, void (*fn)(struct http_req *r, void *arg), void *arg)
{
    r->on_gone = fn;
    r->gone_arg = arg;
}

static void
req_end(struct http_req *r)
{
    struct http_req **at = &reqs;

    while (*at != NULL && *at != r)
        at = &(*at)->next;
    if (*at == r)
        *at = r->next;
    arena_clear(&r->a);
    free(r);
}

void
httpd_reply(struct http_req *r, int status, const char *type, const void *body, size_t len)
{
    struct call *c = r->call;

    (void)type;
    if (c->answered || c->finished || happens(faults.lose_answer)) {
        call_unref(c); /* lost, or the second of two */
    } else {
        c->answered = true;
        c->answer.status = status;
        c->answer.len = len;
        c->answer.body = calloc(1, len + 1);
        if (c->answer.body == NULL)
            abort();
        if (len > 0)
            memcpy(c->answer.body, body, len);
        if (status < 200 || status > 299)
            problem_read(status, c->answer.body, len, &c->answer.err);
        event_add(latency(), on_answer, c);
    }
    req_end(r);
}

/* Answers in pieces are not played: whoever asks for one is told so. */
bool
http_req_takes_pieces(const struct http_req *r)
{
    (void)r;
    return false;
}

void
httpd_stream(struct http_req *r, int status, const char *type)
{
    (void)r;
    (void)status;
    (void)type;
}

int
httpd_stream_piece(struct http_req *r, const void *bytes, size_t len)
{
    (void)r;
    (void)bytes;
    (void)len;
    return -1;
}

void
httpd_stream_end(struct http_req *r, bool whole)
{
    (void)r;
    (void)whole;
}

void
httpd_stream_cut(struct http_req *r)
{
    (void)r;
}

void
httpd_reply_err(struct http_req *r, const struct err *e, const char *request_id)
{
    SCOPED(strbuf) struct strbuf doc = {0};

    problem_write(err_http_status(e->code), e, SAY_EN, request_id, &doc);
    httpd_reply(r, err_http_status(e->code), NULL, doc.s, doc.len);
}

/* ---- client ---------------------------------------------------------------------------------- */

void
httpc_answer_clear(struct httpc_answer *a)
{
    free(a->body);
    *a = (struct httpc_answer){.status = 0};
}

/* Whom a certificate names, as the other side of a TLS connection sees it. */
static int
identity(struct httpc *h, const char *cert_file, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf pem = {0};
    const char *uri = NULL;
    int64_t from;
    char print[65];

    if (durable_read(cert_file, PEM_MAX, &pem, e) < 0 ||
        x509_fingerprint(strbuf_peek(&pem), print, e) < 0 ||
        x509_validity(strbuf_peek(&pem), &from, &h->ends_s, e) < 0 ||
        x509_san_uri(strbuf_peek(&pem), &a, &uri, e) < 0)
        return -1;
    h->fingerprint = strdup(print);
    h->uri = uri == NULL ? NULL : strdup(uri);
    return 0;
}

int
httpc_new(const struct httpc_config *c, struct httpc **out, struct err *e)
{
    SCOPED(httpc_free) struct httpc *h = calloc(1, sizeof(*h));
    const char *port = strrchr(c->base_url, ':');

    if (h == NULL)
        abort();
    h->node = fiber_node();
    h->port = port == NULL ? 0 : (int)strtol(port + 1, NULL, 10);
    if (h->port < 1 || h->port > LISTENERS)
        return err_set(e, BY_E_INVALID, "%s is nowhere here", c->base_url);
    if (c->cert_file != NULL && identity(h, c->cert_file, e) < 0)
        return -1;
    *out = TAKE(h);
    return 0;
}

void
httpc_free(struct httpc *h)
{
    if (h == NULL)
        return;
    for (struct call *c = calls, *next; c != NULL; c = next) {
        next = c->next;
        if (c->h != h)
            continue;
        c->h = NULL;
        close_call(c);
        call_unref(c);
    }
    free(h->token);
    free(h->fingerprint);
    free(h->uri);
    free(h);
}

void
net_client_gone(int node)
{
    for (struct call *c = calls, *next; c != NULL; c = next) {
        next = c->next;
        if (c->node != node || c->h == NULL)
            continue;
        c->h = NULL;
        close_call(c);
        call_unref(c);
    }
}

void
httpc_token(struct httpc *h, const char *token)
{
    free(h->token);
    h->token = token == NULL ? NULL : strdup(token);
}

static char *
copy(const char *s)
{
    return s == NULL ? NULL : strdup(s);
}

static void
post(struct call *c)
{
    c->refs++;
    event_add(latency(), on_request, c);
}

int
httpc_start(struct httpc *h, const char *method, const char *path, const char *body, size_t len,
            int timeout_ms, httpc_done done, void *arg, struct err *e)
{
    struct call *c;

    if (h->ncalls >= HTTPC_MAX_CALLS)
        return err_set(e, BY_E_BUSY, "%d calls are under way already", h->ncalls);
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        abort();
    *c = (struct call){.next = calls,
                       .h = h,
                       .node = h->node,
                       .port = h->port,
                       .ends_s = h->ends_s,
                       .refs = 1,
                       .done = done,
                       .arg = arg};
    calls = c;
    c->method = strdup(method);
    c->path = strdup(path);
    c->fingerprint = copy(h->fingerprint);
    c->uri = copy(h->uri);
    if (body != NULL) {
        c->body = malloc(len + 1);
        memcpy(c->body, body, len);
        c->len = len;
    }
    if (h->token != NULL && asprintf(&c->auth, "Bearer %s", h->token) < 0)
        abort();
    h->ncalls++;
    c->refs++;
    event_add(timeout_ms, on_timeout, c);
    if (server == NULL && !cut[c->node]) {
        c->refs++;
        event_add(latency(), on_refused, c);
        return 0;
    }
    if (!happens(faults.lose_request))
        post(c);
    if (happens(faults.twice))
        post(c);
    return 0;
}

static int
take_answers(struct httpc *h)
{
    int n = 0;

    while (h->inbox != NULL) {
        struct call *c = h->inbox;

        h->inbox = c->ready;
        h->ncalls--;
        c->done(c->arg, &c->answer);
        httpc_answer_clear(&c->answer);
        c->h = NULL;
        call_unref(c);
        n++;
    }
    return n;
}

void
httpc_run(struct httpc *h, int wait_ms)
{
    if (take_answers(h) > 0)
        return;
    if (!h->woken && wait_ms > 0)
        (void)fiber_wait(h, fiber_now_ns() + (int64_t)wait_ms * 1000000);
    else if (!h->woken)
        (void)fiber_wait(h, fiber_now_ns() + 1000); /* others are let run */
    h->woken = false;
    (void)take_answers(h);
}

void
httpc_event(struct httpc *h, int fd, int ready)
{
    (void)fd;
    (void)ready;
    (void)take_answers(h);
}

void
httpc_wakeup(struct httpc *h)
{
    h->woken = true;
    fiber_wake(h);
}

struct blocking {
    bool done;
    struct httpc_answer *out;
};

static void
blocking_done(void *arg, struct httpc_answer *a)
{
    struct blocking *b = arg;

    b->done = true;
    *b->out = *a;
    a->body = NULL;
}

int
httpc_call(struct httpc *h, const char *method, const char *path, const char *body, size_t len,
           int timeout_ms, struct httpc_answer *out, struct err *e)
{
    struct blocking b = {.out = out};

    *out = (struct httpc_answer){.status = 0};
    if (httpc_start(h, method, path, body, len, timeout_ms, blocking_done, &b, e) < 0)
        return -1;
    while (!b.done)
        httpc_run(h, 60000);
    if (out->err.code == BY_E_OK)
        return 0;
    if (e != NULL)
        *e = out->err;
    return -1;
}

/* The listener shows its chain; here everybody knows where our CA is. */
static const char *ca_pem;

void
net_ca(const char *pem)
{
    ca_pem = pem;
}

int
httpc_fetch_ca(const char *base_url, const char *ca_sha256, char **pem, struct err *e)
{
    (void)base_url;
    (void)ca_sha256;
    (void)e;
    *pem = copy(ca_pem);
    return *pem == NULL ? -1 : 0;
}
