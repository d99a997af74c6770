/* restart.s: a controller on a filled store is killed and started again; the time from exec() to
 * the answer to the first page of machines, over TLS.  Then controller.rss_mb: its memory with a
 * long poll of every host while 16 people read lists, and 12 s later.  Prints JSON lines.  Started
 * by bench_restart.sh, which makes the store. bench-restart SIZE ROUNDS CONTROLLER DIR HOSTS_KEY
 * HOSTS */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/net/httpc.h"

enum { CLIENTS = 16, LOOKS = 30, ROUNDS_MAX = 50, START_MS = 120000, URL_MAX = 100 };
#define FIRST_PAGE "/v1/resources?kind=vm&limit=100"

struct bench {
    const char *controller, *dir, *key, *token;
    char ca[400], people[URL_MAX], agents[URL_MAX];
    pid_t pid;
    atomic_int polls;
};
struct host {
    struct bench *b;
    char cert[420];
    long long cursor; /* what it knows already: the poll waits */
};

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "bench_restart: %s: %s\n", what, why);
    exit(1);
}

static void
pause_ms(int ms)
{
    const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&ts, NULL);
}

static void
start(struct bench *b)
{
    char path[400];

    (void)snprintf(path, sizeof(path), "%s/run/ports.json", b->dir);
    (void)unlink(path);
    b->pid = fork();
    if (b->pid != 0)
        return;
    int out = open("/dev/null", O_RDWR | O_CLOEXEC);
    char conf[420];

    (void)snprintf(conf, sizeof(conf), "%s/controller.conf", b->dir);
    (void)dup2(out, 0);
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    (void)execl(b->controller, b->controller, "run", "--dir", b->dir, "--config", conf,
                (char *)NULL);
    _exit(127);
}

static void
stop(struct bench *b)
{
    if (b->pid > 0 && kill(b->pid, SIGKILL) == 0)
        (void)waitpid(b->pid, NULL, 0);
    b->pid = 0;
}

/* Both addresses, once the file is there. */
static bool
ports(struct bench *b)
{
    char path[400], text[200] = "";
    int people = 0, agents = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/run/ports.json", b->dir);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    const char *p = strstr(text, "\"people\":"), *a = strstr(text, "\"agents\":");
    if (p == NULL || a == NULL)
        return false;
    people = (int)strtol(p + 9, NULL, 10);
    agents = (int)strtol(a + 9, NULL, 10);
    (void)snprintf(b->people, sizeof(b->people), "https://127.0.0.1:%d", people);
    (void)snprintf(b->agents, sizeof(b->agents), "https://127.0.0.1:%d", agents);
    return people > 0 && agents > 0;
}

static struct httpc *
person(const struct bench *b)
{
    struct httpc_config conf = {.base_url = b->people, .ca_file = b->ca};
    struct httpc *h = NULL;
    struct err e = {0};

    if (httpc_new(&conf, &h, &e) < 0)
        die("connect", e.msg);
    httpc_token(h, b->token);
    return h;
}

/* Seconds until people are answered. */
static double
restart(struct bench *b)
{
    int64_t from = clock_mono_ns();
    struct httpc_answer ans = {0};
    struct err e = {0};

    stop(b);
    from = clock_mono_ns();
    start(b);
    while (!ports(b)) {
        if (clock_mono_ns() - from > START_MS * INT64_C(1000000) ||
            waitpid(b->pid, NULL, WNOHANG) != 0)
            die("start", "it does not listen");
        pause_ms(1);
    }
    SCOPED(httpc_free) struct httpc *h = person(b);
    if (httpc_call(h, "GET", FIRST_PAGE, NULL, 0, START_MS, &ans, &e) < 0)
        die(FIRST_PAGE, e.msg);
    httpc_answer_clear(&ans);
    return (double)(clock_mono_ns() - from) / 1e9;
}

/* ---- memory --------------------------------------------------------------------------------- */

static void *
poll_on(void *arg)
{
    struct host *x = arg;
    struct httpc_config conf = {.base_url = x->b->agents,
                                .ca_file = x->b->ca,
                                .cert_file = x->cert,
                                .key_file = x->b->key,
                                .connect_timeout_ms = 60000};
    struct httpc *h = NULL;
    struct httpc_answer ans = {0};
    struct err e = {0};
    char body[80];

    (void)snprintf(body, sizeof(body), "{\"cursor\":%lld,\"wait_ms\":60000}", x->cursor);
    if (httpc_new(&conf, &h, &e) < 0)
        return NULL;
    atomic_fetch_add(&x->b->polls, 1);
    /* Ends with the controller, so that its failure says nothing; how many wait is printed. */
    (void)httpc_call(h, "POST", "/a/v1/desired", body, strlen(body), 120000, &ans, &e);
    atomic_fetch_sub(&x->b->polls, 1);
    return NULL;
}

static void
hosts(struct bench *b, size_t n)
{
    char store[420];
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    pthread_attr_t small;
    struct host *x = calloc(n, sizeof(*x));
    size_t i = 0;

    (void)snprintf(store, sizeof(store), "%s/store.db", b->dir);
    if (x == NULL || sqlite3_open_v2(store, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(
            db,
            "SELECT c.pem, h.revision FROM host_cert c JOIN host h ON h.id=c.host ORDER BY h.id",
            -1, &s, NULL) != SQLITE_OK)
        die("store", db == NULL ? "no memory" : sqlite3_errmsg(db));
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, 256 * 1024);
    for (; i < n && sqlite3_step(s) == SQLITE_ROW; i++) {
        pthread_t t;
        FILE *f;

        x[i].b = b;
        x[i].cursor = sqlite3_column_int64(s, 1);
        (void)snprintf(x[i].cert, sizeof(x[i].cert), "%s/bench-%zu.pem", b->dir, i);
        f = fopen(x[i].cert, "we");
        if (f == NULL || fputs((const char *)sqlite3_column_text(s, 0), f) < 0 || fclose(f) != 0 ||
            pthread_create(&t, &small, poll_on, &x[i]) != 0)
            die("host", x[i].cert);
        (void)pthread_detach(t);
    }
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    for (int64_t until = clock_mono_ms() + 40000;
         atomic_load(&b->polls) < (int)i && clock_mono_ms() < until;)
        pause_ms(100);
}

static void *
look(void *arg)
{
    SCOPED(httpc_free) struct httpc *h = person(arg);
    struct err e = {0};

    for (int i = 0; i < LOOKS; i++) {
        struct httpc_answer ans = {0};

        if (httpc_call(h, "GET", FIRST_PAGE, NULL, 0, 60000, &ans, &e) < 0)
            die(FIRST_PAGE, e.msg);
        httpc_answer_clear(&ans);
    }
    return NULL;
}

static double
status_mb(const struct bench *b, const char *what)
{
    char path[60], line[200];
    double kib = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)b->pid);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, what, strlen(what)) == 0)
            kib = strtod(line + strlen(what) + 1, NULL);
    if (f != NULL)
        (void)fclose(f);
    return kib / 1024;
}

static int
sockets(const struct bench *b)
{
    char path[60];
    int n = 0;

    for (int fd = 0; fd < 20000; fd++) {
        struct stat st;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)b->pid, fd);
        n += stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
    }
    return n;
}

static void
memory(struct bench *b, const char *size, size_t n_hosts)
{
    pthread_t t[CLIENTS];
    double alone = status_mb(b, "VmRSS");

    hosts(b, n_hosts);
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_create(&t[i], NULL, look, b);
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_join(t[i], NULL);
    double busy = status_mb(b, "VmRSS");

    pause_ms(12000); /* a round or two of giving back */
    printf("{\"name\":\"restart.rss_mb.%s\",\"value\":%.1f,\"unit\":\"MiB\",\"alone\":%.1f,"
           "\"after_lists\":%.1f,\"peak\":%.1f,\"sockets\":%d,\"polls\":%d}\n",
           size, status_mb(b, "VmRSS"), alone, busy, status_mb(b, "VmHWM"), sockets(b),
           atomic_load(&b->polls));
    (void)fflush(stdout);
}

static int
cmp(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

int
main(int argc, char **argv)
{
    static struct bench b;
    double s[ROUNDS_MAX];
    int rounds = argc == 7 ? (int)strtol(argv[2], NULL, 10) : 0;

    b.token = getenv("BENCH_BUREAU");
    if (b.token == NULL || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench_restart: start bench_restart.sh\n");
        return 2;
    }
    b.controller = argv[3];
    b.dir = argv[4];
    b.key = argv[5];
    (void)snprintf(b.ca, sizeof(b.ca), "%s/ca.pem", b.dir);
    for (int i = 0; i < rounds; i++)
        s[i] = restart(&b);
    qsort(s, (size_t)rounds, sizeof(s[0]), cmp);
    printf("{\"name\":\"restart.s.%s\",\"value\":%.2f,\"unit\":\"s\",\"least\":%.2f,\"most\":%.2f,"
           "\"rounds\":%d}\n",
           argv[1], s[rounds / 2], s[0], s[rounds - 1], rounds);
    memory(&b, argv[1], strtoul(argv[6], NULL, 10));
    stop(&b);
    _exit(0); /* the polls' threads still use what exit() takes down */
}
