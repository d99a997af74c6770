/* The load of the group `dispatch` and what it is compared with; bench_dispatch.sh calls it.
 *
 *   bench-dispatch load WHO CLIENTS COUNT RATE ACKS   make COUNT machines by their units' own acts;
 *       WHO has lines "TOKEN GRANT"; RATE a second over all clients, 0: as fast as it goes; ACKS
 * gets "RESOURCE ACKNOWLEDGED-NS LATENCY-NS" (monotonic).  An act that got no answer is asked again
 *       under its request id, for 60 s.  Prints a JSON line.
 *   bench-dispatch join ACKS SEEN                     from acknowledged to seen by the host
 *   bench-dispatch books STORE                        machines, and whether quota adds up
 *   bench-dispatch ledger STORE ACKS                  acts of creation in the ledger against ACKS
 *   bench-dispatch copy STORE FILE                    a consistent copy of a store in use
 *   bench-dispatch floor STORE BEFORE                 the rows that STORE has more than its older
 *       copy BEFORE and that acts of creation write, in the groups in which they were signed,
 *       written by a bare program into BEFORE; then one group a commit into it (again).
 * BENCH_URL, BENCH_CA: the controller. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpc.h"
#include "tests/sim/books.h"

enum { CLIENTS_MAX = 256, WHO_MAX = 256, CALL_MS = 20000, AGAIN_MS = 60000, SINGLES = 300 };

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "bench_dispatch: %s: %s\n", what, why);
    exit(1);
}

static void *
must(void *p)
{
    if (p == NULL)
        die("memory", "there is none");
    return p;
}

static int
cmp(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

static double
at_part(const double *sorted, size_t n, double part)
{
    size_t i = (size_t)((double)n * part);

    return n == 0 ? 0 : sorted[i < n ? i : n - 1];
}

static void
print_parts(const char *name, double *ms, size_t n)
{
    qsort(ms, n, sizeof(*ms), cmp);
    printf(",\"%s_p50_ms\":%.3f,\"%s_p99_ms\":%.3f", name, at_part(ms, n, 0.5), name,
           at_part(ms, n, 0.99));
}

/* ---- the load ---------------------------------------------------------------------------------
 */

struct load {
    const char *url, *ca;
    char token[WHO_MAX][256], grant[WHO_MAX][W_ID];
    int n_who;
    long count, rate;
    atomic_long next, failed, again;
    int64_t start_ns;
    FILE *acks;
    pthread_mutex_t lock; /* of acks and ms */
    double *ms;
    size_t n_ms;
};

struct client {
    struct load *l;
    struct httpc *http;
};

static void
who_read(struct load *l, const char *file)
{
    SCOPED(free) char *line = NULL;
    size_t size = 0;
    FILE *f = fopen(file, "re");

    if (f == NULL)
        die(file, "cannot be read");
    while (l->n_who < WHO_MAX && getline(&line, &size, f) > 0)
        if (sscanf(line, "%255s %39s", l->token[l->n_who], l->grant[l->n_who]) == 2)
            l->n_who++;
    (void)fclose(f); /* only read */
    if (l->n_who == 0)
        die(file, "nobody is in it");
}

static void
acknowledged(struct load *l, const struct httpc_answer *a, int64_t from, int64_t now)
{
    SCOPED(arena) struct arena mem = {0};
    struct w_accepted ok;
    struct err e = {0};

    if (W_DECODE(accepted, a->body, a->len, JM_PEER, &mem, &ok, &e) < 0 || ok.orders.n != 1)
        die("answer", e.msg);
    (void)pthread_mutex_lock(&l->lock);
    fprintf(l->acks, "%s %lld %lld\n", JM_ITEM(ok.orders, struct w_order_view, 0)->resource,
            (long long)now, (long long)(now - from));
    l->ms[l->n_ms++] = (double)(now - from) / 1e6;
    (void)pthread_mutex_unlock(&l->lock);
}

static void
create_one(struct client *c, long n)
{
    struct load *l = c->l;
    int who = (int)(n % l->n_who);
    struct w_unit_act_request q = {.kind = RES_VM, .vcpus = 1, .mem_mib = 512, .disk_gib = 1};
    SCOPED(strbuf) struct strbuf b = {0};
    int64_t from = clock_mono_ns(), until = clock_mono_ms() + AGAIN_MS;
    struct err e = {0};

    random_uuid(q.request);
    memcpy(q.grant, l->grant[who], W_ID);
    (void)snprintf(q.name, sizeof(q.name), "v%ld-%.8s", n, q.request);
    jm_encode(schema_unit_act_request, &q, &b);
    httpc_token(c->http, l->token[who]);
    for (;;) {
        struct httpc_answer a = {0};
        struct timespec t = {.tv_nsec = 50000000};
        int rc =
            httpc_call(c->http, "POST", "/v1/resources", strbuf_peek(&b), b.len, CALL_MS, &a, &e);
        int status = a.status;

        if (rc == 0)
            acknowledged(l, &a, from, clock_mono_ns());
        httpc_answer_clear(&a);
        if (rc == 0)
            return;
        if ((status != 0 && status != 429 && status < 500) || clock_mono_ms() > until) {
            if (atomic_fetch_add(&l->failed, 1) == 0)
                fprintf(stderr, "bench_dispatch: refused: %s\n", e.msg);
            return;
        }
        atomic_fetch_add(&l->again, 1);
        (void)nanosleep(&t, NULL); /* a load that waits for a controller that is away */
    }
}

/* With a rate, the n-th act is due at its own time, whoever makes it. */
static void
pace(const struct load *l, long n)
{
    int64_t in = l->rate == 0 ? 0 : l->start_ns + n * 1000000000 / l->rate - clock_mono_ns();
    struct timespec t = {.tv_sec = in / 1000000000, .tv_nsec = in % 1000000000};

    if (in > 0)
        (void)nanosleep(&t, NULL); /* woken early: a little early */
}

static void *
client_main(void *arg)
{
    struct client *c = arg;
    long n;

    while ((n = atomic_fetch_add(&c->l->next, 1)) < c->l->count) {
        pace(c->l, n);
        create_one(c, n);
    }
    return NULL;
}

static int
do_load(char **arg)
{
    static struct load l;
    static struct client clients[CLIENTS_MAX];
    pthread_t threads[CLIENTS_MAX];
    int n = (int)strtol(arg[1], NULL, 10), running = 0;
    struct rusage u;
    struct err e = {0};
    double s;

    l.url = getenv("BENCH_URL");
    l.ca = getenv("BENCH_CA");
    who_read(&l, arg[0]);
    l.count = strtol(arg[2], NULL, 10);
    l.rate = strtol(arg[3], NULL, 10);
    l.acks = must(fopen(arg[4], "we"));
    (void)setvbuf(l.acks, NULL, _IOLBF, 0); /* it may be read meanwhile; cannot fail before use */
    l.ms = must(calloc((size_t)l.count + 1, sizeof(*l.ms)));
    (void)pthread_mutex_init(&l.lock, NULL);
    l.start_ns = clock_mono_ns();
    for (int i = 0; i < n && i < CLIENTS_MAX; i++) {
        clients[i] = (struct client){.l = &l};
        if (httpc_new(&(struct httpc_config){.base_url = l.url, .ca_file = l.ca}, &clients[i].http,
                      &e) < 0 ||
            pthread_create(&threads[i], NULL, client_main, &clients[i]) != 0)
            die("client", e.msg);
        running++;
    }
    for (int i = 0; i < running; i++) {
        (void)pthread_join(threads[i], NULL); /* each call has its end */
        httpc_free(clients[i].http);
    }
    s = (double)(clock_mono_ns() - l.start_ns) / 1e9;
    (void)getrusage(RUSAGE_SELF, &u); /* cannot fail with these arguments */
    printf("{\"acknowledged\":%zu,\"failed\":%ld,\"again\":%ld,\"s\":%.3f,\"per_s\":%.1f,"
           "\"client_cpu_s\":%.2f",
           l.n_ms, atomic_load(&l.failed), atomic_load(&l.again), s, (double)l.n_ms / s,
           (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    print_parts("ack", l.ms, l.n_ms);
    printf("}\n");
    free(l.ms);
    return fclose(l.acks) != 0;
}

/* ---- acknowledged and seen --------------------------------------------------------------------
 */

struct told {
    char id[W_ID];
    long long at, durable;
};

static int
by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Lines "ID NUMBER NUMBER …". */
static struct told *
told_read(const char *file, size_t *n)
{
    SCOPED(free) char *line = NULL;
    size_t size = 0, cap = 0;
    struct told *v = NULL;
    FILE *f = must(fopen(file, "re"));

    *n = 0;
    while (getline(&line, &size, f) > 0) {
        if (*n == cap) {
            cap = cap == 0 ? 1024 : 2 * cap;
            v = must(realloc(v, cap * sizeof(*v)));
        }
        if (sscanf(line, "%39s %lld %lld", v[*n].id, &v[*n].at, &v[*n].durable) == 3)
            (*n)++;
    }
    (void)fclose(f); /* only read */
    return v;
}

static int
do_join(char **arg)
{
    size_t n_acks, n_seen, n = 0, twice = 0;
    long long first = LLONG_MAX, last = 0;
    SCOPED(free) struct told *acks = told_read(arg[0], &n_acks), *seen = told_read(arg[1], &n_seen);
    SCOPED(free) double *ms = must(calloc(n_acks + 1, sizeof(*ms)));
    SCOPED(free) double *share = must(calloc(n_acks + 1, sizeof(*share)));

    if (n_seen > 0)
        qsort(seen, n_seen, sizeof(*seen), by_id);
    for (size_t i = 1; i < n_seen; i++)
        twice += strcmp(seen[i].id, seen[i - 1].id) == 0;
    for (size_t i = 0; i < n_acks && n_seen > 0; i++) {
        const struct told *s = bsearch(&acks[i], seen, n_seen, sizeof(*seen), by_id);

        if (s == NULL)
            continue;
        /* The host may be quicker than the one who asked. */
        share[n] = s->at > acks[i].at ? (double)(s->at - acks[i].at) / 1e6 : 0;
        ms[n++] = s->durable > acks[i].at ? (double)(s->durable - acks[i].at) / 1e6 : 0;
        if (acks[i].at - acks[i].durable < first)
            first = acks[i].at - acks[i].durable;
        if (s->durable > last)
            last = s->durable;
    }
    printf("{\"acknowledged\":%zu,\"seen\":%zu,\"twice\":%zu,\"seen_per_s\":%.1f", n_acks, n, twice,
           last > first ? (double)n * 1e9 / (double)(last - first) : 0);
    print_parts("seen", ms, n);
    print_parts("arrived", share, n);
    printf("}\n");
    return 0;
}

/* ---- the floor --------------------------------------------------------------------------------
 */

static sqlite3 *
open_db(const char *file, int flags)
{
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(file, &db, flags, NULL) != SQLITE_OK)
        die(file, sqlite3_errmsg(db));
    (void)sqlite3_busy_timeout(db, 10000);
    return db;
}

static void
run_sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(db));
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(db));
    return s;
}

static int
do_copy(char **arg)
{
    sqlite3 *from = open_db(arg[0], SQLITE_OPEN_READONLY);
    sqlite3 *to = open_db(arg[1], SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

    if (b == NULL || sqlite3_backup_step(b, -1) != SQLITE_DONE)
        die("copy", sqlite3_errmsg(to));
    (void)sqlite3_backup_finish(b); /* it was done */
    run_sql(to, "PRAGMA journal_mode=WAL");
    (void)sqlite3_close(to);
    (void)sqlite3_close(from);
    return 0;
}

static int
do_ledger(char **arg)
{
    sqlite3 *db = open_db(arg[0], SQLITE_OPEN_READONLY);
    sqlite3_stmt *s = prepare(db, "SELECT subject FROM ledger WHERE act='unit.create'");
    size_t n_acks, acts = 0, both = 0;
    SCOPED(free) struct told *acks = told_read(arg[1], &n_acks);
    struct told key = {0};

    if (n_acks > 0)
        qsort(acks, n_acks, sizeof(*acks), by_id);
    for (; sqlite3_step(s) == SQLITE_ROW; acts++) {
        (void)snprintf(key.id, sizeof(key.id), "%s", (const char *)sqlite3_column_text(s, 0));
        both += n_acks > 0 && bsearch(&key, acks, n_acks, sizeof(*acks), by_id) != NULL;
    }
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    printf("{\"acknowledged\":%zu,\"ledger\":%zu,\"both\":%zu}\n", n_acks, acts, both);
    return 0;
}

static int
do_books(char **arg)
{
    sqlite3 *db = open_db(arg[0], SQLITE_OPEN_READONLY);
    sqlite3_stmt *s = prepare(db, "SELECT COUNT(*) FROM resource WHERE kind=1");
    int wrong = 0;

    printf("{\"machines\":%lld", sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1);
    (void)sqlite3_finalize(s);
    for (size_t i = 0; i < ARRAY_LEN(books); i++) {
        s = prepare(db, books[i].sql);
        if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_int64(s, 0) != 0) {
            fprintf(stderr, "not so: %s\n", books[i].name);
            wrong++;
        }
        (void)sqlite3_finalize(s);
    }
    (void)sqlite3_close(db);
    printf(",\"wrong\":%d}\n", wrong);
    return 0;
}

/* What an act of creation adds, told by the tables' own order.  Rows that it changes (sums,
 * counters) and those that readback adds are left out: the floor is lower for it. */
static const struct {
    const char *table, *only;
} tables[] = {
    {"resource", "1"},
    {"order_", "1"},
    {"quota_entry", "movement IN (SELECT movement FROM s.quota_entry WHERE account_ = 'free')"},
    {"ledger", "actor IN (SELECT id FROM s.account)"},
    {"request", "1"},
    {"unit_act", "1"},
};

struct rows {
    sqlite3_stmt *insert;
    sqlite3_value **v; /* n * columns */
    size_t n, cap;
    int columns;
};

static void
rows_load(sqlite3 *db, const char *table, const char *only, struct rows *r)
{
    char sql[1024];
    sqlite3_stmt *s;

    (void)snprintf(sql, sizeof(sql),
                   "SELECT * FROM s.%s WHERE rowid > (SELECT coalesce(max(rowid), 0) FROM main.%s) "
                   "AND %s ORDER BY rowid",
                   table, table, only);
    s = prepare(db, sql);
    r->columns = sqlite3_column_count(s);
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (r->n == r->cap) {
            r->cap = r->cap == 0 ? 1024 : 2 * r->cap;
            r->v = must(realloc(r->v, r->cap * (size_t)r->columns * sizeof(*r->v)));
        }
        for (int i = 0; i < r->columns; i++)
            r->v[r->n * (size_t)r->columns + (size_t)i] =
                sqlite3_value_dup(sqlite3_column_value(s, i));
        r->n++;
    }
    (void)sqlite3_finalize(s);
    (void)snprintf(sql, sizeof(sql), "INSERT INTO main.%s VALUES (?", table);
    for (int i = 1; i < r->columns; i++)
        (void)snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), ",?");
    (void)snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), ")");
    r->insert = prepare(db, sql);
}

static void
rows_insert(sqlite3 *db, struct rows *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        for (int k = 0; k < r->columns; k++)
            (void)sqlite3_bind_value(r->insert, k + 1, r->v[i * (size_t)r->columns + (size_t)k]);
        if (sqlite3_step(r->insert) != SQLITE_DONE)
            die("floor", sqlite3_errmsg(db));
        (void)sqlite3_reset(r->insert);
    }
}

/* Creations from..to of all, with their part of each table. */
static void
group_write(sqlite3 *db, struct rows *r, size_t all, size_t from, size_t to)
{
    run_sql(db, "BEGIN IMMEDIATE");
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        rows_insert(db, &r[t], r[t].n * from / all, r[t].n * to / all);
    run_sql(db, "COMMIT");
}

/* Sizes of the groups: orders of one group are under one signature. */
static size_t *
groups_load(sqlite3 *db, size_t *n)
{
    sqlite3_stmt *s = prepare(
        db, "SELECT count(*) FROM (SELECT rowid AS r, json_extract(paper, '$.sig') AS g FROM "
            "s.order_ WHERE rowid > (SELECT coalesce(max(rowid), 0) FROM main.order_)) GROUP BY g "
            "ORDER BY min(r)");
    size_t *v = NULL, cap = 0;

    *n = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (*n == cap) {
            cap = cap == 0 ? 1024 : 2 * cap;
            v = must(realloc(v, cap * sizeof(*v)));
        }
        v[(*n)++] = (size_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_finalize(s);
    return v;
}

static int
do_floor(char **arg)
{
    sqlite3 *db = open_db(arg[1], SQLITE_OPEN_READWRITE);
    struct rows r[ARRAY_LEN(tables)] = {0};
    sqlite3_stmt *attach;
    size_t n_groups, all, at = 0, n_single = 0;
    SCOPED(free) size_t *groups = NULL;
    double single[SINGLES], s;
    int64_t from;

    run_sql(db, "PRAGMA foreign_keys=ON; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    attach = prepare(db, "ATTACH ? AS s");
    (void)sqlite3_bind_text(attach, 1, arg[0], -1, SQLITE_STATIC);
    if (sqlite3_step(attach) != SQLITE_DONE)
        die("attach", sqlite3_errmsg(db));
    (void)sqlite3_finalize(attach);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        rows_load(db, tables[t].table, tables[t].only, &r[t]);
    groups = groups_load(db, &n_groups);
    run_sql(db, "DETACH s");
    all = r[1].n;
    if (all <= SINGLES)
        die("floor", "too few creations");
    from = clock_mono_ns();
    for (size_t i = 0; i < n_groups && at < all - SINGLES; i++) {
        size_t to = at + groups[i] < all - SINGLES ? at + groups[i] : all - SINGLES;

        group_write(db, r, all, at, to);
        at = to;
    }
    s = (double)(clock_mono_ns() - from) / 1e9;
    for (size_t i = at; i < all && n_single < SINGLES; i++) {
        int64_t one = clock_mono_ns();

        group_write(db, r, all, i, i + 1);
        single[n_single++] = (double)(clock_mono_ns() - one) / 1e6;
    }
    printf("{\"creations\":%zu,\"groups\":%zu,\"s\":%.3f,\"per_s\":%.1f", at, n_groups, s,
           (double)at / s);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        printf(",\"%s\":%zu", tables[t].table, r[t].n);
    print_parts("single", single, n_single);
    printf("}\n");
    (void)sqlite3_close_v2(db);
    return 0; /* its memory ends with it */
}

int
main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "load") == 0)
        return do_load(argv + 2);
    if (argc == 4 && strcmp(argv[1], "join") == 0)
        return do_join(argv + 2);
    if (argc == 3 && strcmp(argv[1], "books") == 0)
        return do_books(argv + 2);
    if (argc == 4 && strcmp(argv[1], "ledger") == 0)
        return do_ledger(argv + 2);
    if (argc == 4 && strcmp(argv[1], "copy") == 0)
        return do_copy(argv + 2);
    if (argc == 4 && strcmp(argv[1], "floor") == 0)
        return do_floor(argv + 2);
    fprintf(stderr, "bench-dispatch load|join|books|ledger|copy|floor: see its source\n");
    return 2;
}
