/* What no agent would do, with a host's own certificate: these speak the wire by themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "tests/sim/sim.h"

enum { CALL_MS = 10000 };

static int
open_as(const struct sim_host *h, struct httpc **out, struct err *e)
{
    return httpc_new(&(struct httpc_config){.base_url = h->s->o.agents,
                                            .ca_file = h->ag.id.ca_file,
                                            .cert_file = h->ag.id.cert_file,
                                            .key_file = h->ag.id.key_file},
                     out, e);
}

static int
post(struct httpc *http, const char *path, const struct jm_field *schema, const void *body,
     int *status, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct httpc_answer a = {0};
    int rc;

    jm_encode(schema, body, &b);
    rc = httpc_call(http, "POST", path, strbuf_peek(&b), b.len, CALL_MS, &a, e);
    *status = a.status;
    httpc_answer_clear(&a);
    return rc;
}

static struct w_status
status_of(const struct sim_host *h)
{
    struct w_status s = {.seq = (uint64_t)clock_mono_ms() + 1};

    memcpy(s.boot, h->boot, sizeof(s.boot));
    return s;
}

/* "RESOURCE ORDER GENERATION VCPUS MEM-MIB BYTES SEEN": a machine that is another's is said to be
 * here as this order wants it. */
int
sim_steal(struct sim_host *h, const char *args, struct err *e)
{
    SCOPED(httpc_free) struct httpc *http = NULL;
    struct w_status s = status_of(h);
    struct w_observed o = {.kind = RES_VM, .term = 1, .equal = true, .at_ms = clock_wall_ms()};
    unsigned long long generation = 0, mem = 0, bytes = 0;
    char seen[24] = "";
    struct err why = {0};
    int status = 0;

    if (sscanf(args, "%39s %39s %llu %u %llu %llu %23s", o.resource, o.order, &generation, &o.vcpus,
               &mem, &bytes, seen) != 7)
        return err_set(e, BY_E_INVALID,
                       "steal HOST RESOURCE ORDER GENERATION VCPUS MEM BYTES SEEN");
    o.generation = generation;
    o.mem_mib = mem;
    o.bytes = bytes;
    for (int i = 1; w_seen_names[i] != NULL; i++)
        if (strcmp(w_seen_names[i], seen) == 0)
            o.seen = i;
    if (!h->open || open_as(h, &http, e) < 0)
        return -1;
    s.items = (struct jm_list){.items = &o, .n = 1};
    (void)post(http, "/a/v1/status", schema_status, &s, &status, &why); /* the answer is told */
    printf("{\"event\":\"steal\",\"host\":%d,\"status\":%d}\n", h->n, status);
    return fflush(stdout) != 0 ? err_set(e, BY_E_IO, "stdout") : 0;
}

/* Reports without end, as fast as they go, many at once. */
struct flood {
    struct sim_host *h;
    long left, under_way, ok, refused, failed;
    struct httpc *http;
};

static void flood_more(struct flood *f);

static void
flood_done(void *arg, struct httpc_answer *a)
{
    struct flood *f = arg;

    f->under_way--;
    if (a->err.code == BY_E_OK)
        f->ok++;
    else if (a->status != 0)
        f->refused++;
    else
        f->failed++;
    flood_more(f);
}

static void
flood_more(struct flood *f)
{
    while (f->left > 0 && f->under_way < HTTPC_MAX_CALLS) {
        struct w_status s = status_of(f->h);
        SCOPED(strbuf) struct strbuf b = {0};
        struct err e = {0};

        s.seq += (uint64_t)f->left;
        jm_encode(schema_status, &s, &b);
        f->left--;
        if (httpc_start(f->http, "POST", "/a/v1/status", strbuf_peek(&b), b.len, CALL_MS,
                        flood_done, f, &e) < 0)
            break;
        f->under_way++;
    }
}

int
sim_flood(struct sim_host *h, long count, struct err *e)
{
    struct flood f = {.h = h, .left = count};
    int64_t from = clock_mono_ms();

    if (!h->open || open_as(h, &f.http, e) < 0)
        return -1;
    flood_more(&f);
    while (f.under_way > 0) {
        httpc_run(f.http, 5);
        if (!h->s->ended)
            sim_loop_step(h->s, 0); /* the others go on */
    }
    httpc_free(f.http);
    printf("{\"event\":\"flood\",\"host\":%d,\"ok\":%ld,\"refused\":%ld,\"failed\":%ld,"
           "\"ms\":%lld}\n",
           h->n, f.ok, f.refused, f.failed, (long long)(clock_mono_ms() - from));
    return fflush(stdout) != 0 ? err_set(e, BY_E_IO, "stdout") : 0;
}

/* Somebody copied the host: its certificate says hello from a machine that booted by itself. */
int
sim_clone(struct sim_host *h, struct err *e)
{
    SCOPED(httpc_free) struct httpc *http = NULL;
    struct w_hello q = {.cpus = 1, .mem_mib = 1024, .receipts_lost = false};
    struct err why = {0};
    int status = 0;

    if (!h->open || open_as(h, &http, e) < 0)
        return -1;
    random_uuid(q.boot);
    (void)snprintf(q.agent_version, sizeof(q.agent_version), "%s", BY_VERSION);
    (void)snprintf(q.arch, sizeof(q.arch), "%s", h->ag.host.arch);
    (void)post(http, "/a/v1/hello", schema_hello, &q, &status, &why); /* the answer is told */
    printf("{\"event\":\"clone\",\"host\":%d,\"status\":%d}\n", h->n, status);
    return fflush(stdout) != 0 ? err_set(e, BY_E_IO, "stdout") : 0;
}
