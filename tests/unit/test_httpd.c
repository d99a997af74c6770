#include <CUnit/CUnit.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/net/httpc.h"
#include "drivers/net/httpd.h"
#include "tests/unit/net_fixture.h"

#define WAIT_MS 60000 /* longer than anything here takes on a busy machine */
#define HELD_MAX 8

/* A server with a few paths; requests to /hold wait until the test lets them go. */
struct site {
    struct pki pki;
    struct httpd *h;
    int people, agents; /* ports */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_req *held[HELD_MAX];
    int nheld, gone, served;
    bool block; /* /block blocks the loop, and so does wait_gone() */
    bool past;  /* /block no longer */
};

static void
on_gone(struct http_req *r, void *arg)
{
    struct site *s = arg;

    (void)r;
    (void)pthread_mutex_lock(&s->lock);
    s->gone++;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Blocks the loop while it is told. */
static void
wait_gone(struct http_req *r, void *arg)
{
    struct site *s = arg;

    on_gone(r, s);
    (void)pthread_mutex_lock(&s->lock);
    while (s->block)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

/* As a server does whose answer is owed all the same. */
static void
reply_gone(struct http_req *r, void *arg)
{
    on_gone(r, arg);
    httpd_reply(r, 200, NULL, "nobody", 6);
}

static void
hold(struct site *s, struct http_req *r)
{
    (void)pthread_mutex_lock(&s->lock);
    CU_ASSERT_FATAL(s->nheld < HELD_MAX);
    s->held[s->nheld++] = r;
    (void)pthread_cond_broadcast(&s->changed);
    while (s->block && !s->past && strcmp(http_req_path(r), "/block") == 0)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

static void
echo(struct http_req *r)
{
    struct arena *a = http_req_arena(r);
    size_t len = 0;
    const char *body = http_req_body(r, &len), *q = http_req_query(r, "q");
    const char *fp = http_req_cert_fingerprint(r), *uri = http_req_cert_uri(r);
    const char *text = arena_printf(a, "%s %s q=%s cert=%s uri=%s body=%zu:%s", http_req_method(r),
                                    http_req_path(r), q == NULL ? "-" : q, fp == NULL ? "-" : fp,
                                    uri == NULL ? "-" : uri, len, len < 100 ? body : "");

    httpd_reply(r, 200, "text/plain", text, strlen(text));
}

static void
on_request(struct http_req *r, void *arg)
{
    struct site *s = arg;
    const char *path = http_req_path(r);
    struct err e = {0};

    (void)pthread_mutex_lock(&s->lock);
    s->served++;
    (void)pthread_mutex_unlock(&s->lock);
    if (strcmp(path, "/hold") == 0) {
        http_req_on_gone(r, on_gone, s);
        hold(s, r);
    } else if (strcmp(path, "/block") == 0 || strcmp(path, "/park") == 0) {
        hold(s, r);
    } else if (strcmp(path, "/big") == 0) {
        char *big = calloc(1, 5000000);

        httpd_reply(r, 200, "application/octet-stream", big, 5000000);
        free(big);
    } else if (strcmp(path, "/none") == 0) {
        httpd_reply(r, 204, NULL, NULL, 0);
    } else if (strcmp(path, "/echo") == 0 || strncmp(path, "/echo/", 6) == 0) {
        echo(r);
    } else {
        (void)err_field(&e, BY_E_NOT_FOUND, "path", "there is no %s here", path);
        httpd_reply_err(r, &e, "req-1");
    }
}

static void
site_open(struct site *s, int loops, const struct httpd_limits *limits)
{
    struct httpd_listener l = {.address = "127.0.0.1", .on_request = on_request, .arg = s};
    struct err e = {0};
    int a = -1, b = -1;

    memset(s, 0, sizeof(*s));
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    pki_make(&s->pki);
    l.cert_pem = s->pki.server_cert;
    l.key_pem = s->pki.server_key;
    if (limits != NULL)
        l.limits = *limits;
    CU_ASSERT_EQUAL_FATAL(httpd_new(loops, &s->h, &e), 0);
    CU_ASSERT_EQUAL_FATAL(httpd_listen(s->h, &l, &a, &e), 0);
    l.client_ca_pem = s->pki.ca_cert;
    CU_ASSERT_EQUAL_FATAL(httpd_listen(s->h, &l, &b, &e), 0);
    CU_ASSERT_EQUAL_FATAL(httpd_start(s->h, &e), 0);
    s->people = httpd_port(s->h, a);
    s->agents = httpd_port(s->h, b);
}

/* Wait until a counter of the site has reached n. */
static bool
site_wait(struct site *s, const int *counter, int n)
{
    struct timespec until;
    int rc = 0;
    bool ok;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    (void)pthread_mutex_lock(&s->lock);
    while (*counter < n && rc == 0)
        rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    ok = *counter >= n;
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

static void
site_close(struct site *s)
{
    httpd_free(s->h);
    for (int i = 0; i < s->nheld; i++) /* replies after the server has gone are dropped */
        if (s->held[i] != NULL)
            httpd_reply(s->held[i], 200, NULL, "late", 4);
    pki_clear(&s->pki);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}
#define SCOPED_SITE __attribute__((cleanup(site_close))) struct site

static void
release(struct site *s, int i, const char *text)
{
    struct http_req *r = s->held[i];

    s->held[i] = NULL;
    httpd_reply(r, 200, "text/plain", text, strlen(text));
}

static void
client_open(struct site *s, struct httpc **out)
{
    char url[64];
    struct httpc_config c = {.base_url = url, .ca_pem = s->pki.ca_cert};
    struct err e = {0};

    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", s->people);
    CU_ASSERT_EQUAL_FATAL(httpc_new(&c, out, &e), 0);
}

static void
serves_requests_and_problem_documents(void)
{
    SCOPED_SITE s;
    SCOPED(httpc_free) struct httpc *c = NULL;
    struct httpc_answer a;
    struct err e = {0};

    site_open(&s, 2, NULL);
    client_open(&s, &c);
    CU_ASSERT_EQUAL(httpc_call(c, "GET", "/echo/%E6%B1%B4?q=a%20b&x=", NULL, 0, WAIT_MS, &a, &e),
                    0);
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_STRING_EQUAL(a.body, "GET /echo/汴 q=a b cert=- uri=- body=0:");
    httpc_answer_clear(&a);
    CU_ASSERT_EQUAL(httpc_call(c, "PATCH", "/echo", "{}", 2, WAIT_MS, &a, &e), 0);
    CU_ASSERT_STRING_EQUAL(a.body, "PATCH /echo q=- cert=- uri=- body=2:{}");
    httpc_answer_clear(&a);
    CU_ASSERT_EQUAL(httpc_call(c, "DELETE", "/none", NULL, 0, WAIT_MS, &a, &e), 0);
    CU_ASSERT_EQUAL(a.status, 204);
    httpc_answer_clear(&a);
    CU_ASSERT_EQUAL(httpc_call(c, "GET", "/big", NULL, 0, WAIT_MS, &a, &e), 0);
    CU_ASSERT_EQUAL(a.len, 5000000);
    httpc_answer_clear(&a);
    CU_ASSERT_EQUAL(httpc_call(c, "GET", "/other", NULL, 0, WAIT_MS, &a, &e), -1);
    CU_ASSERT_EQUAL(a.status, 404);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(e.msg, "there is no /other here");
    CU_ASSERT_STRING_EQUAL(e.field, "path");
    httpc_answer_clear(&a);
}

static void
refuses_broken_requests_in_words(void)
{
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /echo HTTP/1.0\r\n\r\n", 200},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", 200},
        {"GET /echo HTTP/1.1\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\nHost: x\n\n\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400},
        {"GET echo HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET http://x/echo HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo/../etc HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo/%2e%2e/etc HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo//x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo%2fx HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo%0a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo#x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", 417},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413},
        {"HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200}, /* what it is answered is the router's */
        {"TRACE /echo HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        {"WONDER /echo HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        {"GET /echo HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        {"\r\n\r\n", 400},
        {"\x16\x03\x01\r\n\r\n", 400},
    };
    SCOPED_SITE s;

    site_open(&s, 1, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(raw_free) struct raw *r = raw_open(s.people, NULL, NULL);
        int status;

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_TRUE(raw_says(r, rows[i].text));
        status = raw_status(r, WAIT_MS);
        if (status != rows[i].status)
            fprintf(stderr, "row %zu: %d\n", i, status);
        CU_ASSERT_EQUAL(status, rows[i].status);
        if (status != 200)
            CU_ASSERT_PTR_NOT_NULL(strstr(raw_body(r), "\"detail\":\""));
        if (status != 200 || strstr(rows[i].text, "HTTP/1.0") != NULL)
            CU_ASSERT_TRUE(raw_closed(r, WAIT_MS));
    }
}

static long
resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fscanf(f, "%ld %ld", &size, &resident), 2);
    (void)fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
takes_no_memory_for_a_body_of_60_megabytes(void)
{
    static char piece[16000];
    SCOPED_SITE s;
    long before;

    site_open(&s, 1, NULL);
    before = resident_kib();
    for (int told = 0; told < 2; told++) { /* a header of 60 MB without an end; a body of 60 MB */
        SCOPED(raw_free) struct raw *r = raw_open(s.people, NULL, NULL);
        int left = 60000000;

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        memset(piece, 'x', sizeof(piece));
        CU_ASSERT_TRUE(raw_says(r, told ? "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                          "Content-Length: 60000000\r\n\r\n"
                                        : "GET /echo HTTP/1.1\r\nA: "));
        while (left > 0 && raw_send(r, piece, sizeof(piece)))
            left -= (int)sizeof(piece);
        CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), told ? 413 : 431);
    }
    CU_ASSERT_EQUAL(s.served, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they keep freed memory */
    CU_ASSERT(resident_kib() - before < 8 * 1024);
#else
    (void)before;
#endif
}

static void
waits_for_the_whole_request_only_so_long(void)
{
    static const char *const begun[] = {
        "GET /echo HT",
        "GET /echo HTTP/1.1\r\nHost: x\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n",
    };
    struct httpd_limits lim = {.header_timeout_ms = 1500, .idle_timeout_ms = 1500};
    SCOPED_SITE s;

    site_open(&s, 1, &lim);
    for (size_t i = 0; i < ARRAY_LEN(begun); i++) {
        SCOPED(raw_free) struct raw *r = raw_open(s.people, NULL, NULL);
        struct pollfd p;
        int drops = 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_TRUE(raw_says(r, begun[i]));
        if (strstr(begun[i], "100-continue") != NULL)
            CU_ASSERT_EQUAL(raw_status(r, 200), -1); /* only the 100 */
        p = (struct pollfd){.fd = raw_fd(r), .events = POLLIN};
        while (poll(&p, 1, 20) == 0 && drops < 3000) /* a byte each time nothing came back */
            drops += raw_says(r, "a");
        CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 408);
        CU_ASSERT(drops < 3000);
    }
    {
        SCOPED(raw_free) struct raw *idle = raw_open(s.people, NULL, NULL);
        SCOPED(fd) int silent = tcp_open(s.people); /* not even a TLS handshake */
        char c;

        CU_ASSERT_TRUE(raw_closed(idle, WAIT_MS));
        CU_ASSERT_EQUAL(read(silent, &c, 1), 0);
    }
}

static void
loses_only_the_connection_that_sends_while_waiting(void)
{
    static const char poll_text[] = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n";
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *a = NULL;
    SCOPED(raw_free) struct raw *b = NULL;
    SCOPED(raw_free) struct raw *c = NULL;

    site_open(&s, 1, NULL);
    a = raw_open(s.people, NULL, NULL);
    b = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(b, poll_text));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 1));
    CU_ASSERT_TRUE(raw_says(a, poll_text));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 2));
    CU_ASSERT_TRUE(raw_says(a, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE(raw_closed(a, WAIT_MS));
    CU_ASSERT_TRUE(site_wait(&s, &s.gone, 1));
    release(&s, 1, "nobody reads this");
    release(&s, 0, "still here");
    CU_ASSERT_EQUAL(raw_status(b, WAIT_MS), 200);
    CU_ASSERT_STRING_EQUAL(raw_body(b), "still here");
    for (int i = 2; i < 5; i++) { /* and the same connection polls again */
        CU_ASSERT_TRUE(raw_says(b, poll_text));
        CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, i + 1));
        release(&s, i, "again");
        CU_ASSERT_EQUAL(raw_status(b, WAIT_MS), 200);
    }
    c = raw_open(s.people, NULL, NULL); /* two requests in one piece: told, then closed */
    CU_ASSERT_TRUE(raw_says(c, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_EQUAL(raw_status(c, WAIT_MS), 400);
    CU_ASSERT_TRUE(raw_closed(c, WAIT_MS));
    CU_ASSERT_EQUAL(s.gone, 1);
}

static void
notices_a_client_that_leaves_while_waiting(void)
{
    SCOPED_SITE s;
    struct raw *r;

    site_open(&s, 1, NULL);
    r = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(r, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 1));
    raw_free(r);
    CU_ASSERT_TRUE(site_wait(&s, &s.gone, 1));
    http_req_on_gone(s.held[0], on_gone, &s); /* asked again: it was told once */
    release(&s, 0, "too late");
    CU_ASSERT_EQUAL(httpd_alive(s.h, WAIT_MS), 0);
    CU_ASSERT_EQUAL(s.gone, 1);
}

static void
lets_in_agents_by_certificate_only(void)
{
    SCOPED_SITE s;
    const struct pki *p = &s.pki;
    char want[256];

    site_open(&s, 2, NULL);
    const struct {
        const char *cert, *key;
    } bad[] = {
        {NULL, NULL},
        {p->stale_cert, p->stale_key},
        {p->stranger_cert, p->stranger_key},
        {p->server_cert, p->server_key}, /* ours, but not for clients */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        SCOPED(raw_free) struct raw *r = raw_open(s.agents, bad[i].cert, bad[i].key);

        /* In TLS 1.3 the client learns of its refusal after its own handshake is done. */
        if (r != NULL) {
            (void)raw_says(r, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
            CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 0);
        }
    }
    CU_ASSERT_EQUAL(s.served, 0);
    {
        SCOPED(raw_free) struct raw *r = raw_open(s.agents, p->client_cert, p->client_key);

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_TRUE(raw_says(r, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
        CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 200);
        (void)snprintf(want, sizeof(want),
                       "GET /echo q=- cert=%s uri=bianyun:host:h1:1 body=0:", p->client_pin);
        CU_ASSERT_STRING_EQUAL(raw_body(r), want);
    }
}

static void
closes_what_a_revoked_certificate_has_open(void)
{
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *idle = NULL;
    SCOPED(raw_free) struct raw *waiting = NULL;
    SCOPED(raw_free) struct raw *other = NULL;

    site_open(&s, 2, NULL);
    idle = raw_open(s.agents, s.pki.client_cert, s.pki.client_key);
    waiting = raw_open(s.agents, s.pki.client_cert, s.pki.client_key);
    other = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(idle, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_EQUAL(raw_status(idle, WAIT_MS), 200);
    CU_ASSERT_TRUE(raw_says(waiting, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 1));
    httpd_revoke(s.h, "0000");
    CU_ASSERT_EQUAL(httpd_alive(s.h, WAIT_MS), 0);
    CU_ASSERT_EQUAL(s.gone, 0);
    httpd_revoke(s.h, s.pki.client_pin);
    CU_ASSERT_TRUE(raw_closed(idle, WAIT_MS));
    CU_ASSERT_TRUE(raw_closed(waiting, WAIT_MS));
    CU_ASSERT_TRUE(site_wait(&s, &s.gone, 1));
    CU_ASSERT_TRUE(raw_says(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_EQUAL(raw_status(other, WAIT_MS), 200);
}

#define CROWD 2000
static void
serves_through_two_thousand_idle_connections(void)
{
    static int fds[CROWD];
    struct rlimit files = {0}, more;
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *r = NULL;
    int open_now = 0;

    CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &files), 0);
    more = files;
    more.rlim_cur = files.rlim_max < 3 * CROWD ? files.rlim_max : 3 * CROWD;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &more), 0);
    site_open(&s, 2, NULL);
    for (int i = 0; i < CROWD; i++) {
        fds[i] = tcp_open(s.people);
        open_now += fds[i] >= 0;
    }
    CU_ASSERT_EQUAL(open_now, CROWD);
    r = raw_open(s.people, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_TRUE(raw_says(r, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 200);
    for (int i = 0; i < CROWD; i++)
        (void)close(fds[i]);
    CU_ASSERT_TRUE(raw_says(r, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 200);
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static void
lets_further_connections_wait_when_full(void)
{
    static const char text[] = "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n";
    struct httpd_limits lim = {.max_connections = 2};
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *b = NULL;
    SCOPED(raw_free) struct raw *c = NULL;
    SCOPED(fd) int waiting = -1;
    struct raw *a;
    struct pollfd p;

    site_open(&s, 1, &lim);
    a = raw_open(s.people, NULL, NULL);
    b = raw_open(s.people, NULL, NULL);
    waiting = tcp_open(s.people); /* the kernel takes it, the server does not */
    CU_ASSERT_TRUE(waiting >= 0);
    CU_ASSERT_EQUAL(write(waiting, "not TLS at all", 14), 14);
    p = (struct pollfd){.fd = waiting, .events = POLLIN};
    CU_ASSERT_TRUE(raw_says(b, text)); /* served after the other would have been refused */
    CU_ASSERT_EQUAL(raw_status(b, WAIT_MS), 200);
    CU_ASSERT_EQUAL(poll(&p, 1, 0), 0);
    raw_free(a);
    CU_ASSERT_EQUAL(poll(&p, 1, WAIT_MS), 1); /* its turn: an alert, then the end */
    c = raw_open(s.people, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_TRUE(raw_says(c, text));
    CU_ASSERT_EQUAL(raw_status(c, WAIT_MS), 200);
}

static void
flag(struct site *s, bool *which, bool on)
{
    (void)pthread_mutex_lock(&s->lock);
    *which = on;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Clients that wait and die; the server has seen it, nobody was told.  They are the first n held.
 */
static void
park_dead(struct site *s, int n)
{
    struct raw *r[HELD_MAX];

    for (int i = 0; i < n; i++) {
        r[i] = raw_open(s->people, NULL, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r[i]);
        CU_ASSERT_TRUE(raw_says(r[i], "GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
        CU_ASSERT_TRUE_FATAL(site_wait(s, &s->nheld, i + 1));
    }
    for (int i = 0; i < n; i++)
        raw_free(r[i]);
    for (int i = 0; i < 3; i++) /* rounds of the loop */
        CU_ASSERT_EQUAL_FATAL(httpd_alive(s->h, WAIT_MS), 0);
}

static void
outlives_replies_made_while_a_death_is_told(void)
{
    SCOPED_SITE s;

    site_open(&s, 1, NULL);
    park_dead(&s, 3);
    for (int i = 0; i < 2; i++) { /* on the loop itself */
        struct http_req *r = s.held[i];

        s.held[i] = NULL;
        http_req_on_gone(r, reply_gone, &s);
        CU_ASSERT_TRUE(site_wait(&s, &s.gone, i + 1));
    }
    flag(&s, &s.block, true); /* and on another thread, while the loop tells */
    http_req_on_gone(s.held[2], wait_gone, &s);
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.gone, 3));
    release(&s, 2, "nobody");
    flag(&s, &s.block, false);
    CU_ASSERT_EQUAL(httpd_alive(s.h, WAIT_MS), 0);
    CU_ASSERT_EQUAL(s.gone, 3);
}

/* Two deaths to be told in one turn of the loop; the second is replied to while the first is told.
 */
static void
keeps_its_list_when_a_reply_overtakes_a_death(void)
{
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *r = NULL;
    SCOPED(raw_free) struct raw *alive = NULL;

    site_open(&s, 1, NULL);
    park_dead(&s, 2);
    alive = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(alive, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 3));
    flag(&s, &s.block, true);
    r = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(r, "GET /block HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 4));
    http_req_on_gone(s.held[0], wait_gone, &s);
    http_req_on_gone(s.held[1], on_gone, &s);
    flag(&s, &s.past, true); /* out of /block, not out of wait_gone() */
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.gone, 1));
    release(&s, 2, "alive");
    release(&s, 1, "nobody");
    release(&s, 0, "nobody");
    release(&s, 3, "done");
    flag(&s, &s.block, false);
    CU_ASSERT_EQUAL_FATAL(httpd_alive(s.h, WAIT_MS), 0);
    CU_ASSERT_EQUAL(raw_status(alive, WAIT_MS), 200);
    CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 200);
    CU_ASSERT_EQUAL(s.gone, 1); /* a reply that was made needs no word of a death */
}

struct late {
    struct site *s;
    struct http_req *dead; /* gone, and watched only while the server stops */
};

static void *
late_watch(void *arg)
{
    struct late *l = arg;

    CU_ASSERT_TRUE(site_wait(l->s, &l->s->gone, 1)); /* the loop closes what it has */
    http_req_on_gone(l->dead, on_gone, l->s);
    flag(l->s, &l->s->block, false);
    httpd_reply(l->dead, 200, NULL, "nobody", 6); /* before the server has gone, or after */
    return NULL;
}

static void
stops_while_a_reply_and_a_watch_are_on_their_way(void)
{
    for (int round = 0; round < 20; round++) {
        SCOPED_SITE s;
        SCOPED(raw_free) struct raw *a = NULL;
        SCOPED(raw_free) struct raw *b = NULL;
        struct late l = {.s = &s};
        pthread_t t;

        site_open(&s, 1, NULL);
        a = raw_open(s.people, NULL, NULL); /* closed in this order */
        CU_ASSERT_TRUE(raw_says(a, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
        CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 1));
        b = raw_open(s.people, NULL, NULL);
        CU_ASSERT_TRUE(raw_says(b, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
        CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 2));
        flag(&s, &s.block, true);
        http_req_on_gone(s.held[1], wait_gone, &s);
        l.dead = s.held[0];
        s.held[0] = NULL;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, late_watch, &l), 0);
        httpd_free(s.h);
        s.h = NULL;
        CU_ASSERT_EQUAL(pthread_join(t, NULL), 0);
    }
}

static void
stops_under_clients_that_do_not_wait_for_their_answer(void)
{
    for (int round = 0; round < 5; round++) {
        SCOPED_SITE s;

        site_open(&s, 2, NULL);
        for (int i = 0; i < 20; i++) { /* the handler replies in its own turn */
            SCOPED(raw_free) struct raw *r = raw_open(s.people, NULL, NULL);

            CU_ASSERT_TRUE(raw_says(r, i % 2 == 0 ? "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
                                                  : "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
        }
    }
}

static void
tells_a_stuck_loop_from_a_live_one(void)
{
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *r = NULL;

    site_open(&s, 1, NULL);
    CU_ASSERT_EQUAL(httpd_alive(s.h, WAIT_MS), 0);
    flag(&s, &s.block, true);
    r = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(r, "GET /block HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 1));
    CU_ASSERT_EQUAL(httpd_alive(s.h, 50), -1);
    flag(&s, &s.block, false);
    CU_ASSERT_EQUAL(httpd_alive(s.h, WAIT_MS), 0);
    release(&s, 0, "done");
    CU_ASSERT_EQUAL(raw_status(r, WAIT_MS), 200);
}

static void
ends_with_requests_that_still_wait(void)
{
    SCOPED_SITE s;
    SCOPED(raw_free) struct raw *a = NULL;
    SCOPED(raw_free) struct raw *b = NULL;

    site_open(&s, 2, NULL);
    a = raw_open(s.people, NULL, NULL);
    b = raw_open(s.people, NULL, NULL);
    CU_ASSERT_TRUE(raw_says(a, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE(raw_says(b, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    CU_ASSERT_TRUE_FATAL(site_wait(&s, &s.nheld, 2));
    httpd_free(s.h);
    s.h = NULL;
    CU_ASSERT_EQUAL(s.gone, 2);
    CU_ASSERT_TRUE(raw_closed(a, WAIT_MS));
    CU_ASSERT_TRUE(raw_closed(b, WAIT_MS));
}

static void
refuses_listeners_that_cannot_work(void)
{
    struct pki p;
    struct httpd *h = NULL;
    struct err e = {0};
    int index = -1;

    pki_make(&p);
    CU_ASSERT_EQUAL(httpd_new(0, &h, &e), -1);
    CU_ASSERT_EQUAL_FATAL(httpd_new(1, &h, &e), 0);
    struct httpd_listener good = {.address = "127.0.0.1",
                                  .cert_pem = p.server_cert,
                                  .key_pem = p.server_key,
                                  .on_request = on_request},
                          l = good;
    l.key_pem = p.client_key;
    CU_ASSERT_EQUAL(httpd_listen(h, &l, &index, &e), -1);
    l = good;
    l.cert_pem = "nonsense";
    CU_ASSERT_EQUAL(httpd_listen(h, &l, &index, &e), -1);
    l = good;
    l.client_ca_pem = "";
    CU_ASSERT_EQUAL(httpd_listen(h, &l, &index, &e), -1);
    l = good;
    l.address = "not.an.address";
    CU_ASSERT_EQUAL(httpd_listen(h, &l, &index, &e), -1);
    CU_ASSERT_EQUAL(index, -1);
    CU_ASSERT_EQUAL(httpd_listen(h, &good, &index, &e), 0);
    l = good;
    l.port = httpd_port(h, index);
    CU_ASSERT_EQUAL(httpd_listen(h, &l, &index, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    httpd_free(h);
    pki_clear(&p);
}

CU_TestInfo httpd_tests[] = {
    {"serves requests and problem documents", serves_requests_and_problem_documents},
    {"refuses broken requests in words", refuses_broken_requests_in_words},
    {"takes no memory for a body of 60 megabytes", takes_no_memory_for_a_body_of_60_megabytes},
    {"waits for the whole request only so long", waits_for_the_whole_request_only_so_long},
    {"loses only the connection that sends while waiting",
     loses_only_the_connection_that_sends_while_waiting},
    {"notices a client that leaves while waiting", notices_a_client_that_leaves_while_waiting},
    {"lets in agents by certificate only", lets_in_agents_by_certificate_only},
    {"closes what a revoked certificate has open", closes_what_a_revoked_certificate_has_open},
    {"serves through two thousand idle connections", serves_through_two_thousand_idle_connections},
    {"lets further connections wait when full", lets_further_connections_wait_when_full},
    {"outlives replies made while a death is told", outlives_replies_made_while_a_death_is_told},
    {"keeps its list when a reply overtakes a death",
     keeps_its_list_when_a_reply_overtakes_a_death},
    {"stops while a reply and a watch are on their way",
     stops_while_a_reply_and_a_watch_are_on_their_way},
    {"stops under clients that do not wait for their answer",
     stops_under_clients_that_do_not_wait_for_their_answer},
    {"tells a stuck loop from a live one", tells_a_stuck_loop_from_a_live_one},
    {"ends with requests that still wait", ends_with_requests_that_still_wait},
    {"refuses listeners that cannot work", refuses_listeners_that_cannot_work},
    CU_TEST_INFO_NULL,
};
