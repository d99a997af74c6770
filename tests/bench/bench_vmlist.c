/* vmlist.p99_ms: 16 clients ask without a pause for the first page of 100 machines, over TLS, while
 * a unit stops and starts machines of its own; other questions after it, one line each.  Prints
 * JSON lines.  Started by bench_vmlist.sh, which makes the controller and its filled store.
 *   bench-vmlist SIZE LOOKS [NAME PATH]...
 * A star in PATH is 100 and the client's number: no two ask the same. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpc.h"

#define CLIENTS 16

struct bench {
    const char *url, *ca, *bureau, *tenant, *vm;
    int rounds;
    double *ms; /* CLIENTS * rounds */
    atomic_bool over;
    int writes;
};
struct client {
    struct bench *b;
    char path[200];
    int n;
};

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "bench_vmlist: %s: %s\n", what, why);
    exit(1);
}

static struct httpc *
connect_to(const struct bench *b, const char *token)
{
    struct httpc_config conf = {.base_url = b->url, .ca_file = b->ca};
    struct httpc *h = NULL;
    struct err e = {0};

    if (httpc_new(&conf, &h, &e) < 0)
        die("connect", e.msg);
    httpc_token(h, token);
    return h;
}

static void *
look(void *arg)
{
    const struct client *c = arg;
    SCOPED(httpc_free) struct httpc *h = connect_to(c->b, c->b->bureau);
    struct err e = {0};

    for (int i = -1; i < c->b->rounds; i++) { /* the first one makes the connection */
        struct httpc_answer ans = {0};
        int64_t from = clock_mono_ns();

        if (httpc_call(h, "GET", c->path, NULL, 0, 60000, &ans, &e) < 0)
            die(c->path, e.msg);
        if (i >= 0)
            c->b->ms[c->n * c->b->rounds + i] = (double)(clock_mono_ns() - from) / 1e6;
        httpc_answer_clear(&ans);
    }
    return NULL;
}

/* The machine is stopped and started by orders, one acknowledged after the other. */
static void *
write_on(void *arg)
{
    struct bench *b = arg;
    SCOPED(httpc_free) struct httpc *h = connect_to(b, b->tenant);
    struct err e = {0};
    bool stop = true;

    for (int refused = 0; !atomic_load(&b->over); stop = !stop) {
        struct httpc_answer ans = {0};
        char path[100], body[120], id[W_ID];

        random_uuid(id);
        (void)snprintf(path, sizeof(path), "/v1/resources/%s:%s", b->vm, stop ? "stop" : "start");
        (void)snprintf(body, sizeof(body), "{\"request\":\"%s\",\"reason\":\"bench\"}", id);
        if (httpc_call(h, "POST", path, body, strlen(body), 60000, &ans, &e) == 0)
            b->writes++;
        else if (++refused > 1) /* once: it is stopped already */
            die(path, e.msg);
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

/* Processor time of the controller, which tells more than the clock while others use the machine.
 */
static double
cpu_ms(void)
{
    const char *pid = getenv("BENCH_PID");
    char path[60], text[600] = "", *p;
    FILE *f;
    long user, kernel;

    if (pid == NULL)
        return 0;
    (void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    p = strrchr(text, ')');
    for (int i = 0; p != NULL && i < 12; i++)
        p = strchr(p + 1, ' ');
    if (p == NULL)
        return 0;
    user = strtol(p, &p, 10);
    kernel = strtol(p, NULL, 10);
    return (double)(user + kernel) * 1000 / (double)sysconf(_SC_CLK_TCK);
}

static void
ask(struct bench *b, const char *name, const char *path)
{
    struct client c[CLIENTS];
    pthread_t thread[CLIENTS], writer;
    int n = CLIENTS * b->rounds;
    double seconds, cpu = cpu_ms();
    int64_t from = clock_mono_ns();

    b->writes = 0;
    atomic_store(&b->over, false);
    (void)pthread_create(&writer, NULL, write_on, b);
    for (int i = 0; i < CLIENTS; i++) {
        const char *star = strchr(path, '*');

        c[i] = (struct client){.b = b, .n = i};
        if (star == NULL)
            (void)snprintf(c[i].path, sizeof(c[i].path), "%s", path);
        else
            (void)snprintf(c[i].path, sizeof(c[i].path), "%.*s%d%s", (int)(star - path), path,
                           100 + i, star + 1);
        (void)pthread_create(&thread[i], NULL, look, &c[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_join(thread[i], NULL);
    seconds = (double)(clock_mono_ns() - from) / 1e9;
    cpu = (cpu_ms() - cpu) / n;
    atomic_store(&b->over, true);
    (void)pthread_join(writer, NULL);
    qsort(b->ms, (size_t)n, sizeof(b->ms[0]), cmp);
    printf("{\"name\":\"vmlist.%s\",\"value\":%.1f,\"unit\":\"ms\",\"p50_ms\":%.1f,\"clients\":%d,"
           "\"looks\":%d,\"cpu_ms\":%.2f,\"looks_per_s\":%.0f,\"writes_per_s\":%.0f,\"path\":\"%"
           "s\"}\n",
           name, b->ms[n * 99 / 100], b->ms[n / 2], CLIENTS, n, cpu, n / seconds,
           b->writes / seconds, path);
    (void)fflush(stdout);
}

static const char *
env(const char *name)
{
    const char *v = getenv(name);

    if (v == NULL) {
        fprintf(stderr, "bench_vmlist: %s is not set: start bench_vmlist.sh\n", name);
        exit(2);
    }
    return v;
}

int
main(int argc, char **argv)
{
    struct bench b = {.url = env("BENCH_URL"),
                      .ca = env("BENCH_CA"),
                      .bureau = env("BENCH_BUREAU"),
                      .tenant = env("BENCH_TENANT"),
                      .vm = env("BENCH_VM")};
    char name[60];

    b.rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (b.rounds < 1 || b.rounds > 10000)
        die("looks", "say SIZE LOOKS [NAME PATH]...");
    b.ms = calloc((size_t)(CLIENTS * b.rounds), sizeof(b.ms[0]));
    if (b.ms == NULL)
        abort();
    (void)snprintf(name, sizeof(name), "p99_ms.%s", argv[1]);
    ask(&b, name, "/v1/resources?kind=vm&limit=100");
    for (int i = 3; i + 1 < argc; i += 2) {
        (void)snprintf(name, sizeof(name), "%s_p99_ms.%s", argv[i], argv[1]);
        ask(&b, name, argv[i + 1]);
    }
    free(b.ms);
    return 0;
}
