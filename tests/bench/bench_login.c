/* login.p99_ms: 16 people sign in with their passwords, over and over, while grants are approved
 * one after the other.  Beside it the time of one hash alone, which is most of a sign-in, and how
 * many approvals went through meanwhile.  Prints JSON lines.  Started by bench_login.sh, which
 * makes controller, host and people. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/password.h"
#include "drivers/net/httpc.h"

#define CLIENTS 16

struct bench {
    const char *url, *ca, *password, *bureau, *system, *unit, *approver;
    int rounds;
    double *ms; /* CLIENTS * rounds */
    struct sigkey *key;
    atomic_bool over;
    int approvals;
    double approval_ms; /* all of them */
};
struct client {
    struct bench *b;
    int n;
};

static void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "bench_login: %s: %s\n", what, e->msg);
    exit(1);
}

static struct httpc *
connect_to(const struct bench *b, const char *token)
{
    struct httpc_config conf = {.base_url = b->url, .ca_file = b->ca};
    struct httpc *h = NULL;
    struct err e = {0};

    if (httpc_new(&conf, &h, &e) < 0)
        die("connect", &e);
    if (token != NULL)
        httpc_token(h, token);
    return h;
}

static void
post(struct httpc *h, const char *path, const char *body)
{
    struct httpc_answer ans = {0};
    struct err e = {0};

    if (httpc_call(h, "POST", path, body, strlen(body), 60000, &ans, &e) < 0)
        die(path, &e);
    httpc_answer_clear(&ans);
}

static void *
sign_in(void *arg)
{
    const struct client *c = arg;
    SCOPED(httpc_free) struct httpc *h = connect_to(c->b, NULL);
    char body[300];

    (void)snprintf(body, sizeof(body), "{\"login\":\"l%d\",\"password\":\"%s\"}", c->n,
                   c->b->password);
    for (int i = 0; i < c->b->rounds; i++) {
        int64_t from = clock_mono_ns();

        post(h, "/v1/sessions", body);
        c->b->ms[c->n * c->b->rounds + i] = (double)(clock_mono_ns() - from) / 1e6;
    }
    return NULL;
}

/* One network each: of all approvals the one that asks least of a host. */
static const char *
grant_body(const struct bench *b, int n, struct arena *a)
{
    SCOPED(strbuf) struct strbuf text = {0};
    SCOPED(strbuf) struct strbuf body = {0};
    int64_t now = clock_wall_ms();
    struct w_grant_line line = {.line = 1, .kind = RES_NETWORK, .count = 1};
    struct w_grant g = {.version = 1,
                        .approved_at_ms = now,
                        .valid_from_ms = now - 1000,
                        .valid_to_ms = now + 86400000,
                        .hold_ms = 3600000,
                        .lines = {.items = &line, .n = 1}};
    struct w_grant_request req = {0};
    struct err e = {0};

    (void)snprintf(line.name, sizeof(line.name), "net-%d", n);
    (void)snprintf(line.cidr, sizeof(line.cidr), "10.%d.%d.0/24", n / 256 % 256, n % 256);
    random_uuid(g.id);
    (void)snprintf(g.number, sizeof(g.number), "bench %d", n);
    (void)snprintf(g.system, sizeof(g.system), "%s", b->system);
    (void)snprintf(g.unit, sizeof(g.unit), "%s", b->unit);
    (void)snprintf(g.approver, sizeof(g.approver), "%s", b->approver);
    digest_sha256_hex("bench", 5, g.approval_sha256);
    digest_sha256_hex("bench", 5, g.agreement_sha256);
    digest_sha256_hex("bench", 5, g.declaration_sha256);
    jm_encode(schema_grant, &g, &text);
    if (paper_sign(b->key, PAPER_GRANT, strbuf_peek(&text), a, &req.grant, &e) < 0)
        die("sign", &e);
    random_uuid(req.request);
    jm_encode(schema_grant_request, &req, &body);
    return arena_strdup(a, strbuf_peek(&body));
}

static void *
approve(void *arg)
{
    struct bench *b = arg;
    SCOPED(httpc_free) struct httpc *h = connect_to(b, b->bureau);

    while (!atomic_load(&b->over)) {
        SCOPED(arena) struct arena a = {0};
        const char *body = grant_body(b, b->approvals + 1, &a);
        int64_t from = clock_mono_ns();

        post(h, "/v1/grants", body);
        b->approval_ms += (double)(clock_mono_ns() - from) / 1e6;
        b->approvals++;
    }
    return NULL;
}

static int
cmp(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

/* One hash at a time, nothing else going on. */
static double
hash_ms(void)
{
    char hash[PASSWORD_HASH];
    double ms[15];
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        int64_t from = clock_mono_ns();

        if (password_hash("Bian-liang 2026", hash, &e) < 0)
            die("hash", &e);
        ms[i] = (double)(clock_mono_ns() - from) / 1e6;
    }
    qsort(ms, ARRAY_LEN(ms), sizeof(ms[0]), cmp);
    return ms[ARRAY_LEN(ms) / 2];
}

static void
run(struct bench *b)
{
    struct client c[CLIENTS];
    pthread_t thread[CLIENTS], bureau;
    int64_t from = clock_mono_ns();
    int n = CLIENTS * b->rounds;
    double seconds, floor = hash_ms();

    (void)pthread_create(&bureau, NULL, approve, b);
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = (struct client){b, i};
        (void)pthread_create(&thread[i], NULL, sign_in, &c[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_join(thread[i], NULL);
    seconds = (double)(clock_mono_ns() - from) / 1e9;
    atomic_store(&b->over, true);
    (void)pthread_join(bureau, NULL);
    qsort(b->ms, (size_t)n, sizeof(b->ms[0]), cmp);
    printf(
        "{\"name\":\"login.p99_ms\",\"value\":%.1f,\"unit\":\"ms\",\"floor\":%.1f,\"ratio\":%.2f,"
        "\"clients\":%d,\"logins\":%d,\"p50_ms\":%.1f,\"logins_per_s\":%.1f,\"approvals\":%d,"
        "\"approval_ms\":%.1f}\n",
        b->ms[n * 99 / 100], floor, b->ms[n * 99 / 100] / floor, CLIENTS, n, b->ms[n / 2],
        n / seconds, b->approvals, b->approvals > 0 ? b->approval_ms / b->approvals : 0);
}

static const char *
env(const char *name)
{
    const char *v = getenv(name);

    if (v == NULL) {
        fprintf(stderr, "bench_login: %s is not set: start bench_login.sh\n", name);
        exit(2);
    }
    return v;
}

int
main(int argc, char **argv)
{
    struct bench b = {.url = env("BENCH_URL"),
                      .ca = env("BENCH_CA"),
                      .password = env("BENCH_PASSWORD"),
                      .bureau = env("BENCH_BUREAU_TOKEN"),
                      .system = env("BENCH_SYSTEM"),
                      .unit = env("BENCH_UNIT"),
                      .approver = env("BENCH_APPROVER"),
                      .rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20};
    struct err e = {0};

    if (b.rounds < 1 || b.rounds > 10000 || sigkey_load(env("BENCH_KEY"), &b.key, &e) < 0)
        die("key or rounds", &e);
    b.ms = calloc((size_t)(CLIENTS * b.rounds), sizeof(b.ms[0]));
    if (b.ms == NULL)
        abort();
    run(&b);
    free(b.ms);
    sigkey_free(b.key);
    return 0;
}
