/* inbox.p99_ms: 16 people of the bureau look into an inbox in which 100,000 cases wait, over and
 * over, from a server with the cases in its store.  Beside it the same page and count asked of
 * SQLite alone.  Prints a JSON line.  Started by bench_inbox.sh, which makes the controller and
 * people. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/db.h"
#include "drivers/net/httpc.h"
#include "policies/case_fsm.h"

#define CLIENTS 16

static const char *const sql[DB_STMT__MAX] = {
#define STMT(id, text) [DB_##id] = text,
#include "drivers/db/stmt.def"
#undef STMT
};

struct bench {
    const char *url, *ca, *token, *unit;
    sqlite3 *db;
    int rounds;
    double *ms; /* CLIENTS * rounds */
};
struct client {
    struct bench *b;
    int n;
};

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "bench_inbox: %s: %s\n", what, why);
    exit(1);
}

static sqlite3_stmt *
prepare(struct bench *b, const char *text)
{
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(b->db, text, -1, &s, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(b->db));
    return s;
}

static void
run_sql(struct bench *b, const char *text)
{
    if (sqlite3_exec(b->db, text, NULL, NULL, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(b->db));
}

static void
bind_text(sqlite3_stmt *s, int i, const char *text)
{
    (void)sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT);
}

/* As CASE_ADD of stmt_case.def takes them. */
static void
fill(struct bench *b, int cases)
{
    sqlite3_stmt *s;
    int64_t now = clock_wall_ms();

    run_sql(b, "BEGIN IMMEDIATE");
    s = prepare(b, sql[DB_CASE_ADD]);
    for (int i = 0; i < cases; i++) {
        char id[W_ID], number[32], title[64];

        random_uuid(id);
        (void)snprintf(number, sizeof(number), "bench-%06d", i);
        (void)snprintf(title, sizeof(title), "全市一体化健康信息平台扩容 %d", i);
        bind_text(s, 1, id);
        bind_text(s, 2, number);
        (void)sqlite3_bind_int(s, 3, CASE_NEW);
        (void)sqlite3_bind_int(s, 4, CASE_IS_REVIEW);
        bind_text(s, 5, b->unit);
        for (int k = 6; k <= 8; k++)
            bind_text(s, k, "");
        bind_text(s, 9, title);
        bind_text(s, 10, "{}");
        (void)sqlite3_bind_int(s, 11, ROLE_BUREAU);
        (void)sqlite3_bind_int64(s, 12, now + (int64_t)(i * 7919 % 100000) * 60000);
        (void)sqlite3_bind_int64(s, 13, now);
        bind_text(s, 14, "bench");
        (void)sqlite3_bind_int64(s, 15, now);
        if (sqlite3_step(s) != SQLITE_DONE)
            die("case", sqlite3_errmsg(b->db));
        (void)sqlite3_reset(s);
    }
    (void)sqlite3_finalize(s);
    run_sql(b, "COMMIT");
    run_sql(b, "PRAGMA wal_checkpoint(TRUNCATE)"); /* as a store at rest */
}

static void *
look(void *arg)
{
    const struct client *c = arg;
    struct httpc_config conf = {.base_url = c->b->url, .ca_file = c->b->ca};
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct err e = {0};

    if (httpc_new(&conf, &h, &e) < 0)
        die("connect", e.msg);
    httpc_token(h, c->b->token);
    for (int i = -1; i < c->b->rounds; i++) { /* the first one makes the connection */
        struct httpc_answer ans = {0};
        int64_t from = clock_mono_ns();

        if (httpc_call(h, "GET", "/v1/inbox", NULL, 0, 60000, &ans, &e) < 0)
            die("/v1/inbox", e.msg);
        if (i >= 0)
            c->b->ms[c->n * c->b->rounds + i] = (double)(clock_mono_ns() - from) / 1e6;
        httpc_answer_clear(&ans);
    }
    return NULL;
}

static int
cmp(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

/* Page and count of the kind that waits, one after the other, nothing else. */
static double
floor_ms(struct bench *b)
{
    sqlite3_stmt *page = prepare(b, sql[DB_INBOX_NEW]);
    sqlite3_stmt *count = prepare(b, sql[DB_INBOX_NEW_COUNT]);
    double ms[51];

    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        int64_t from = clock_mono_ns();
        int rows = 0;

        (void)sqlite3_bind_int(page, 1, ROLE_BUREAU);
        (void)sqlite3_bind_int(page, 2, CASE_NEW);
        (void)sqlite3_bind_int64(page, 3, -1);
        (void)sqlite3_bind_int64(page, 4, -1);
        bind_text(page, 5, "");
        (void)sqlite3_bind_int64(page, 6, INT64_MAX);
        (void)sqlite3_bind_int(page, 7, 101);
        while (sqlite3_step(page) == SQLITE_ROW)
            rows += (int)(sqlite3_column_text(page, 2) != NULL);
        (void)sqlite3_bind_int64(count, 1, clock_wall_ms());
        (void)sqlite3_bind_int(count, 2, ROLE_BUREAU);
        (void)sqlite3_bind_int(count, 3, CASE_NEW);
        if (rows != 101 || sqlite3_step(count) != SQLITE_ROW)
            die("floor", "not a full page");
        (void)sqlite3_reset(page);
        (void)sqlite3_reset(count);
        ms[i] = (double)(clock_mono_ns() - from) / 1e6;
    }
    (void)sqlite3_finalize(page);
    (void)sqlite3_finalize(count);
    qsort(ms, ARRAY_LEN(ms), sizeof(ms[0]), cmp);
    return ms[ARRAY_LEN(ms) / 2];
}

static void
run(struct bench *b, int cases)
{
    struct client c[CLIENTS];
    pthread_t thread[CLIENTS];
    int n = CLIENTS * b->rounds;
    double seconds, least = floor_ms(b);
    int64_t from = clock_mono_ns();

    for (int i = 0; i < CLIENTS; i++) {
        c[i] = (struct client){b, i};
        (void)pthread_create(&thread[i], NULL, look, &c[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_join(thread[i], NULL);
    seconds = (double)(clock_mono_ns() - from) / 1e9;
    qsort(b->ms, (size_t)n, sizeof(b->ms[0]), cmp);
    printf(
        "{\"name\":\"inbox.p99_ms\",\"value\":%.1f,\"unit\":\"ms\",\"floor\":%.2f,\"ratio\":%.1f,"
        "\"clients\":%d,\"cases\":%d,\"looks\":%d,\"p50_ms\":%.1f,\"looks_per_s\":%.0f}\n",
        b->ms[n * 99 / 100], least, b->ms[n * 99 / 100] / least, CLIENTS, cases, n, b->ms[n / 2],
        n / seconds);
}

static const char *
env(const char *name)
{
    const char *v = getenv(name);

    if (v == NULL) {
        fprintf(stderr, "bench_inbox: %s is not set: start bench_inbox.sh\n", name);
        exit(2);
    }
    return v;
}

int
main(int argc, char **argv)
{
    struct bench b = {.url = env("BENCH_URL"),
                      .ca = env("BENCH_CA"),
                      .token = env("BENCH_TOKEN"),
                      .unit = env("BENCH_UNIT"),
                      .rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 60};
    int cases = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100000;

    if (b.rounds < 1 || b.rounds > 10000 || cases < 101 || cases > 1000000)
        die("looks or cases", "out of range");
    if (sqlite3_open_v2(env("BENCH_STORE"), &b.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(b.db, 60000) != SQLITE_OK)
        die("store", sqlite3_errmsg(b.db));
    b.ms = calloc((size_t)(CLIENTS * b.rounds), sizeof(b.ms[0]));
    if (b.ms == NULL)
        abort();
    fill(&b, cases);
    run(&b, cases);
    free(b.ms);
    (void)sqlite3_close(b.db);
    return 0;
}
