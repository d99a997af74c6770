#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/net/httpc.h"
#include "drivers/net/httpd.h"
#include "drivers/host/durable.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/tmpdir.h"

#define WAIT_MS 60000 /* longer than anything here takes on a busy machine */

/* A server that answers /same at once and keeps /slow for ever. */
struct peer {
    struct pki pki;
    struct httpd *h;
    char url[64];
    int agents; /* port of the listener that wants a certificate */
    pthread_mutex_t lock;
    struct http_req *kept[HTTPC_MAX_CALLS + 4];
    int nkept;
};

static void
on_request(struct http_req *r, void *arg)
{
    struct peer *p = arg;
    const char *auth = http_req_header(r, "authorization");
    size_t len = 0;
    const char *body = http_req_body(r, &len);

    if (strcmp(http_req_path(r), "/slow") == 0) {
        (void)pthread_mutex_lock(&p->lock);
        p->kept[p->nkept++] = r;
        (void)pthread_mutex_unlock(&p->lock);
    } else if (strcmp(http_req_path(r), "/auth") == 0) {
        httpd_reply(r, 200, NULL, auth == NULL ? "-" : auth, auth == NULL ? 1 : strlen(auth));
    } else {
        httpd_reply(r, 200, NULL, body, len);
    }
}

static void
peer_open(struct peer *p)
{
    struct httpd_listener l = {.address = "127.0.0.1", .on_request = on_request, .arg = p};
    struct err e = {0};
    int index = -1, agents = -1;

    memset(p, 0, sizeof(*p));
    (void)pthread_mutex_init(&p->lock, NULL);
    pki_make(&p->pki);
    l.cert_pem = p->pki.server_cert;
    l.key_pem = p->pki.server_key;
    CU_ASSERT_EQUAL_FATAL(httpd_new(1, &p->h, &e), 0);
    CU_ASSERT_EQUAL_FATAL(httpd_listen(p->h, &l, &index, &e), 0);
    l.client_ca_pem = p->pki.ca_cert;
    l.limits.max_per_certificate = 2;
    CU_ASSERT_EQUAL_FATAL(httpd_listen(p->h, &l, &agents, &e), 0);
    CU_ASSERT_EQUAL_FATAL(httpd_start(p->h, &e), 0);
    p->agents = httpd_port(p->h, agents);
    (void)snprintf(p->url, sizeof(p->url), "https://127.0.0.1:%d", httpd_port(p->h, index));
}

static void
peer_close(struct peer *p)
{
    httpd_free(p->h);
    for (int i = 0; i < p->nkept; i++)
        httpd_reply(p->kept[i], 200, NULL, NULL, 0);
    pki_clear(&p->pki);
    (void)pthread_mutex_destroy(&p->lock);
}
#define SCOPED_PEER __attribute__((cleanup(peer_close))) struct peer

static struct httpc *
client(const struct peer *p, size_t max_answer)
{
    struct httpc_config c = {
        .base_url = p->url, .ca_pem = p->pki.ca_cert, .max_answer_bytes = max_answer};
    struct httpc *h = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(httpc_new(&c, &h, &e), 0);
    return h;
}

static void
sends_the_token_and_forgets_it(void)
{
    SCOPED_PEER p;
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct httpc_answer a;
    struct err e = {0};

    peer_open(&p);
    h = client(&p, 0);
    httpc_token(h, "secret");
    CU_ASSERT_EQUAL(httpc_call(h, "GET", "/auth", NULL, 0, WAIT_MS, &a, &e), 0);
    CU_ASSERT_STRING_EQUAL(a.body, "Bearer secret");
    httpc_answer_clear(&a);
    httpc_token(h, NULL);
    CU_ASSERT_EQUAL(httpc_call(h, "GET", "/auth", NULL, 0, WAIT_MS, &a, &e), 0);
    CU_ASSERT_STRING_EQUAL(a.body, "-");
    httpc_answer_clear(&a);
}

static void
says_what_went_wrong_on_the_way(void)
{
    SCOPED_PEER p;
    SCOPED(httpc_free) struct httpc *h = NULL;
    SCOPED(httpc_free) struct httpc *stranger = NULL;
    SCOPED(httpc_free) struct httpc *nobody = NULL;
    struct httpc_config c = {.ca_pem = NULL};
    struct httpc_answer a;
    struct err e = {0};

    peer_open(&p);
    h = client(&p, 1000);
    CU_ASSERT_EQUAL(httpc_call(h, "GET", "/slow", NULL, 0, 100, &a, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TIMEOUT);
    CU_ASSERT_EQUAL(a.status, 0);
    {
        static char big[2000];

        CU_ASSERT_EQUAL(httpc_call(h, "POST", "/same", big, sizeof(big), WAIT_MS, &a, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
    }
    c = (struct httpc_config){.base_url = p.url, .ca_pem = p.pki.stranger_cert};
    CU_ASSERT_EQUAL_FATAL(httpc_new(&c, &stranger, &e), 0);
    CU_ASSERT_EQUAL(httpc_call(stranger, "GET", "/same", NULL, 0, WAIT_MS, &a, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    c = (struct httpc_config){.base_url = "https://127.0.0.1:1", .ca_pem = p.pki.ca_cert};
    CU_ASSERT_EQUAL_FATAL(httpc_new(&c, &nobody, &e), 0);
    CU_ASSERT_EQUAL(httpc_call(nobody, "GET", "/same", NULL, 0, WAIT_MS, &a, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "is the controller running"));
    c = (struct httpc_config){.base_url = "http://127.0.0.1:1", .ca_pem = p.pki.ca_cert};
    CU_ASSERT_EQUAL(httpc_new(&c, &nobody, &e), -1);
    c = (struct httpc_config){.base_url = p.url};
    CU_ASSERT_EQUAL(httpc_new(&c, &nobody, &e), -1);
}

struct tally {
    int done, failed;
    size_t bytes;
};

static void
on_done(void *arg, struct httpc_answer *a)
{
    struct tally *t = arg;

    t->done++;
    t->failed += a->err.code != BY_E_OK;
    if (a->err.code != BY_E_OK)
        fprintf(stderr, "call %d: %s\n", t->done, a->err.msg);
    t->bytes += a->len;
}

static void
drives_many_calls_and_bounds_them(void)
{
    SCOPED_PEER p;
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct tally t = {0};
    struct err e = {0};
    int64_t until = clock_mono_ms() + WAIT_MS;

    peer_open(&p);
    h = client(&p, 0);
    for (int i = 0; i < HTTPC_MAX_CALLS; i++)
        CU_ASSERT_EQUAL(httpc_start(h, "PUT", i % 8 == 0 ? "/slow" : "/same", "abc", 3, WAIT_MS,
                                    on_done, &t, &e),
                        0);
    CU_ASSERT_EQUAL(httpc_start(h, "GET", "/same", NULL, 0, WAIT_MS, on_done, &t, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    while (t.done < HTTPC_MAX_CALLS / 8 * 7 && clock_mono_ms() < until)
        httpc_run(h, 1000);
    CU_ASSERT_EQUAL(t.done, HTTPC_MAX_CALLS / 8 * 7);
    CU_ASSERT_EQUAL(t.failed, 0);
    CU_ASSERT_EQUAL(t.bytes, HTTPC_MAX_CALLS / 8 * 7 * 3);
    CU_ASSERT_EQUAL(httpc_start(h, "GET", "/same", NULL, 0, WAIT_MS, on_done, &t, &e), 0);
} /* the handle is freed with nine calls under way */

static void *
wake(void *arg)
{
    httpc_wakeup(arg);
    return NULL;
}

static void
returns_early_when_woken(void)
{
    SCOPED_PEER p;
    SCOPED(httpc_free) struct httpc *h = NULL;
    int64_t start = clock_mono_ms();
    pthread_t thread;

    peer_open(&p);
    h = client(&p, 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wake, h), 0);
    httpc_run(h, 60000);
    CU_ASSERT(clock_mono_ms() - start < 30000);
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
}

static void
fetches_a_ca_only_by_its_pin(void)
{
    SCOPED_PEER p;
    SCOPED(free) char *pem = NULL;
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct httpc_config c;
    struct httpc_answer a;
    struct err e = {0};

    peer_open(&p);
    CU_ASSERT_EQUAL(httpc_fetch_ca(p.url, p.pki.client_pin, &pem, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    CU_ASSERT_PTR_NULL(pem);
    CU_ASSERT_EQUAL_FATAL(httpc_fetch_ca(p.url, p.pki.ca_pin, &pem, &e), 0);
    c = (struct httpc_config){.base_url = p.url, .ca_pem = pem};
    CU_ASSERT_EQUAL_FATAL(httpc_new(&c, &h, &e), 0);
    CU_ASSERT_EQUAL(httpc_call(h, "POST", "/same", "{}", 2, WAIT_MS, &a, &e), 0);
    CU_ASSERT_STRING_EQUAL(a.body, "{}");
    httpc_answer_clear(&a);
    CU_ASSERT_EQUAL(httpc_fetch_ca("https://127.0.0.1:1", p.pki.ca_pin, &pem, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_IO);
}

static int
kept(struct peer *p)
{
    int n;

    (void)pthread_mutex_lock(&p->lock);
    n = p->nkept;
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

static void
leaves_a_call_whose_connection_died_to_its_owner(void)
{
    SCOPED_PEER p;
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(httpc_free) struct httpc *h = NULL;
    char cert[300], key[300], url[64];
    struct httpc_config c = {.base_url = url, .cert_file = cert, .key_file = key, .once = true};
    struct httpc_answer a;
    struct tally d = {0};
    struct err e = {0};
    int64_t until = clock_mono_ms() + WAIT_MS;

    peer_open(&p);
    c.ca_pem = p.pki.ca_cert;
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", p.agents);
    (void)snprintf(cert, sizeof(cert), "%s/cert", dir);
    (void)snprintf(key, sizeof(key), "%s/key", dir);
    CU_ASSERT_EQUAL(durable_write(cert, p.pki.client_cert, strlen(p.pki.client_cert), 0600, &e), 0);
    CU_ASSERT_EQUAL(durable_write(key, p.pki.client_key, strlen(p.pki.client_key), 0600, &e), 0);
    CU_ASSERT_EQUAL_FATAL(httpc_new(&c, &h, &e), 0);
    CU_ASSERT_EQUAL(httpc_call(h, "POST", "/same", "{}", 2, WAIT_MS, &a, &e), 0);
    httpc_answer_clear(&a);
    CU_ASSERT_EQUAL_FATAL(httpc_start(h, "POST", "/slow", "{}", 2, WAIT_MS, on_done, &d, &e), 0);
    while (kept(&p) == 0 && clock_mono_ms() < until)
        httpc_run(h, 10);
    httpd_revoke(p.h, p.pki.client_pin);
    while (d.done == 0 && kept(&p) < 2 && clock_mono_ms() < until)
        httpc_run(h, 10);
    CU_ASSERT_EQUAL(d.failed, 1);
    CU_ASSERT_EQUAL(kept(&p), 1);
    CU_ASSERT_EQUAL(httpc_call(h, "POST", "/same", "{}", 2, WAIT_MS, &a, &e), 0);
    httpc_answer_clear(&a);
}

static void
a_certificate_keeps_its_newest_connections_only(void)
{
    static const char text[] = "GET /same HTTP/1.1\r\nHost: x\r\n\r\n";
    SCOPED_PEER p;
    struct raw *r[3];

    peer_open(&p);
    for (int i = 0; i < 3; i++) {
        r[i] = raw_open(p.agents, p.pki.client_cert, p.pki.client_key);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r[i]);
        CU_ASSERT_TRUE(raw_says(r[i], text));
        CU_ASSERT_EQUAL(raw_status(r[i], WAIT_MS), 200);
    }
    CU_ASSERT_TRUE(raw_closed(r[0], WAIT_MS));
    CU_ASSERT_TRUE(raw_says(r[1], text));
    CU_ASSERT_EQUAL(raw_status(r[1], WAIT_MS), 200);
    for (int i = 0; i < 3; i++)
        raw_free(r[i]);
}

CU_TestInfo httpc_tests[] = {
    {"a certificate keeps its newest connections only",
     a_certificate_keeps_its_newest_connections_only},
    {"sends the token and forgets it", sends_the_token_and_forgets_it},
    {"says what went wrong on the way", says_what_went_wrong_on_the_way},
    {"drives many calls and bounds them", drives_many_calls_and_bounds_them},
    {"returns early when woken", returns_early_when_woken},
    {"leaves a call whose connection died to its owner",
     leaves_a_call_whose_connection_died_to_its_owner},
    {"fetches a CA only by its pin", fetches_a_ca_only_by_its_pin},
    CU_TEST_INFO_NULL,
};
