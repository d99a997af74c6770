/* Answers of every size, and answers in pieces: httpd's sending of them and httpc's taking. */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/net/httpc.h"
#include "drivers/net/httpd.h"
#include "tests/unit/net_fixture.h"

#define OK(x) CU_ASSERT_EQUAL_FATAL(x, 0)

/* A server that gives the test each request, and a client on a thread of its own. */
struct site {
    struct pki pki;
    struct httpd *h;
    int port;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_req *got; /* the newest */
    bool stuck;           /* the client does not take */
    pthread_t client;
    struct strbuf text; /* what the client has */
    int rc;
    struct err err;
};

/* As many bytes as ?q= says, none like the next. */
static void
sized(struct http_req *r)
{
    size_t n = strtoul(http_req_query(r, "q"), NULL, 10);
    char *bytes = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('!' + i % 93);
    httpd_reply_take(r, 200, "text/plain", bytes, n);
}

static void
on_request(struct http_req *r, void *arg)
{
    struct site *s = arg;

    if (strcmp(http_req_path(r), "/sized") == 0) {
        sized(r);
        return;
    }
    if (strcmp(http_req_path(r), "/plain") == 0) {
        httpd_reply(r, 200, "text/plain", "plain", 5);
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->got = r;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

static void
site_open(struct site *s)
{
    struct httpd_listener l = {.address = "127.0.0.1", .on_request = on_request, .arg = s};
    struct err e = {0};
    int index = -1;

    memset(s, 0, sizeof(*s));
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    pki_make(&s->pki);
    l.cert_pem = s->pki.server_cert;
    l.key_pem = s->pki.server_key;
    OK(httpd_new(1, &s->h, &e));
    OK(httpd_listen(s->h, &l, &index, &e));
    OK(httpd_start(s->h, &e));
    s->port = httpd_port(s->h, index);
}

static void
site_close(struct site *s)
{
    httpd_free(s->h);
    strbuf_clear(&s->text);
    pki_clear(&s->pki);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}
#define SCOPED_SITE __attribute__((cleanup(site_close))) struct site

static struct http_req *
site_next(struct site *s)
{
    struct http_req *r;

    (void)pthread_mutex_lock(&s->lock);
    while (s->got == NULL)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    r = s->got;
    s->got = NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static int
client_take(void *arg, const char *bytes, size_t n)
{
    struct site *s = arg;

    (void)pthread_mutex_lock(&s->lock);
    strbuf_add(&s->text, bytes, n);
    (void)pthread_cond_broadcast(&s->changed);
    while (s->stuck)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
    return 0;
}

static void *
client_run(void *arg)
{
    struct site *s = arg;
    char url[64];
    struct httpc_config c = {.base_url = url, .ca_pem = s->pki.ca_cert};
    struct httpc_answer ans = {0};
    struct httpc *h = NULL;
    struct err e = {0};

    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", s->port);
    if (httpc_new(&c, &h, &s->err) < 0)
        return NULL;
    s->rc = httpc_stream(h, "/stream", client_take, s, &s->err);
    if (s->rc == 0) /* the connection serves on */
        s->rc =
            httpc_call(h, "GET", "/plain", NULL, 0, 60000, &ans, &e) == 0 && ans.len == 5 ? 0 : 9;
    httpc_answer_clear(&ans);
    httpc_free(h);
    return NULL;
}

static struct http_req *
client_start(struct site *s)
{
    OK(pthread_create(&s->client, NULL, client_run, s));
    return site_next(s);
}

static void
client_end(struct site *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stuck = false;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    OK(pthread_join(s->client, NULL));
}

static void
pieces_arrive_in_order_and_the_connection_serves_on(void)
{
    SCOPED_SITE s;
    struct http_req *r;

    site_open(&s);
    r = client_start(&s);
    CU_ASSERT(http_req_takes_pieces(r));
    httpd_stream(r, 200, "text/csv");
    OK(httpd_stream_piece(r, "one ", 4));
    OK(httpd_stream_piece(r, "", 0)); /* is no end */
    OK(httpd_stream_piece(r, "two ", 4));
    OK(httpd_stream_piece(r, "three", 5));
    httpd_stream_end(r, true);
    client_end(&s);
    CU_ASSERT_EQUAL(s.rc, 0);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&s.text), "one two three");
}

static void
nothing_at_all_may_be_the_whole(void)
{
    SCOPED_SITE s;
    struct http_req *r;

    site_open(&s);
    r = client_start(&s);
    httpd_stream(r, 200, "text/csv");
    httpd_stream_end(r, true);
    client_end(&s);
    CU_ASSERT_EQUAL(s.rc, 0);
    CU_ASSERT_EQUAL(s.text.len, 0);
}

static void
a_cut_stream_is_known_as_such(void)
{
    for (int pieces = 0; pieces < 2; pieces++) {
        SCOPED_SITE s;
        struct http_req *r;

        site_open(&s);
        r = client_start(&s);
        httpd_stream(r, 200, "text/csv");
        if (pieces > 0)
            OK(httpd_stream_piece(r, "one", 3));
        httpd_stream_end(r, false);
        client_end(&s);
        CU_ASSERT_EQUAL(s.rc, -1);
        CU_ASSERT_EQUAL(s.err.code, BY_E_IO);
    }
}

/* Of 64 MB no buffers between the two hold more than a part. */
static size_t
send_until_it_fails(struct http_req *r)
{
    static char piece[65536];
    size_t n = 0;

    httpd_stream(r, 200, "text/csv");
    while (n < 1024 && httpd_stream_piece(r, piece, sizeof(piece)) == 0)
        n++;
    return n;
}

struct cutter {
    struct site *s;
    struct http_req *r;
};

static void *
cut_when_it_is_stuck(void *arg)
{
    struct cutter *c = arg;

    (void)pthread_mutex_lock(&c->s->lock);
    while (c->s->text.len == 0)
        (void)pthread_cond_wait(&c->s->changed, &c->s->lock);
    (void)pthread_mutex_unlock(&c->s->lock);
    httpd_stream_cut(c->r);
    return NULL;
}

static void
a_client_that_does_not_read_stops_the_sender_until_it_is_cut(void)
{
    SCOPED_SITE s;
    struct cutter c = {.s = &s};
    pthread_t cutter;
    size_t n;

    site_open(&s);
    s.stuck = true;
    c.r = client_start(&s);
    OK(pthread_create(&cutter, NULL, cut_when_it_is_stuck, &c));
    n = send_until_it_fails(c.r);
    CU_ASSERT(n < 1024);
    OK(pthread_join(cutter, NULL));
    httpd_stream_end(c.r, false);
    client_end(&s);
    CU_ASSERT_EQUAL(s.rc, -1);
}

static void *
leave_midway(void *arg)
{
    SCOPED(raw_free) struct raw *r = raw_open(((struct site *)arg)->port, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT(raw_says(r, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
    (void)raw_status(r, 1); /* some of it, perhaps */
    return NULL;
}

static void
a_client_that_leaves_ends_the_sending(void)
{
    SCOPED_SITE s;
    struct http_req *r;

    site_open(&s);
    OK(pthread_create(&s.client, NULL, leave_midway, &s));
    r = site_next(&s);
    CU_ASSERT(send_until_it_fails(r) < 1024);
    httpd_stream_end(r, true); /* too late: it is gone */
    OK(pthread_join(s.client, NULL));
}

static void
the_server_may_end_under_it(void)
{
    SCOPED_SITE s;
    struct http_req *r;

    site_open(&s);
    r = client_start(&s);
    httpd_stream(r, 200, "text/csv");
    OK(httpd_stream_piece(r, "one", 3));
    httpd_free(TAKE(s.h));
    CU_ASSERT_EQUAL(httpd_stream_piece(r, "two", 3), -1);
    httpd_stream_end(r, false);
    client_end(&s);
    CU_ASSERT_EQUAL(s.rc, -1);
}

static void
http_1_0_knows_no_pieces(void)
{
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *raw = NULL;
    struct http_req *r;

    site_open(&s);
    raw = raw_open(s.port, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(raw);
    CU_ASSERT(raw_says(raw, "GET /stream HTTP/1.0\r\nHost: x\r\n\r\n"));
    r = site_next(&s);
    CU_ASSERT(!http_req_takes_pieces(r));
    httpd_reply(r, 400, NULL, "{}", 2);
    CU_ASSERT_EQUAL(raw_status(raw, 60000), 400);
}

/* Heads are joined to bodies, and packets filled: around a record's 16384 bytes and far beyond, one
 * after the other on one connection. */
static void
sends_answers_of_every_size_whole(void)
{
    SCOPED_SITE s;
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct httpc_config c = {0};
    struct err e = {0};
    char text[64];

    site_open(&s);
    (void)snprintf(text, sizeof(text), "https://127.0.0.1:%d", s.port);
    c.base_url = text;
    c.ca_pem = s.pki.ca_cert;
    OK(httpc_new(&c, &h, &e));
    for (size_t i = 0; i < 120; i++) {
        size_t n = i < 100 ? 16000 + i * 4 : i == 100 ? 1 : i * 1111, wrong = 0;
        struct httpc_answer a;
        char path[40];

        (void)snprintf(path, sizeof(path), "/sized?q=%zu", n);
        OK(httpc_call(h, "GET", path, NULL, 0, 60000, &a, &e));
        CU_ASSERT_EQUAL(a.len, n);
        for (size_t k = 0; k < a.len; k++)
            wrong += a.body[k] != (char)('!' + k % 93);
        CU_ASSERT_EQUAL(wrong, 0);
        httpc_answer_clear(&a);
    }
}

CU_TestInfo stream_tests[] = {
    {"sends answers of every size whole", sends_answers_of_every_size_whole},
    {"pieces arrive in order and the connection serves on",
     pieces_arrive_in_order_and_the_connection_serves_on},
    {"nothing at all may be the whole", nothing_at_all_may_be_the_whole},
    {"a cut stream is known as such", a_cut_stream_is_known_as_such},
    {"a client that does not read stops the sender until it is cut",
     a_client_that_does_not_read_stops_the_sender_until_it_is_cut},
    {"a client that leaves ends the sending", a_client_that_leaves_ends_the_sending},
    {"the server may end under it", the_server_may_end_under_it},
    {"HTTP/1.0 knows no pieces", http_1_0_knows_no_pieces},
    CU_TEST_INFO_NULL,
};
