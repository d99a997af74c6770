/* N hosts enrolled as an engineer does it: a token from the API, then the agent's own enrolment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/enrol.h"
#include "drivers/base/strbuf.h"
#include "drivers/host/durable.h"
#include "tests/sim/sim.h"

enum { CALL_MS = 60000, TOKEN_MAX = 512, THREADS = 4, TOLD_EVERY = 500 };

struct crew {
    struct sim *s;
    const char *token;
    atomic_int next, done;
    pthread_mutex_t lock;
    struct err err; /* the first failure; under lock */
};

static int
token_for(struct crew *c, struct httpc *http, struct sim_host *h, const char *name, struct arena *a,
          struct w_host_token *out, struct err *e)
{
    struct w_host_request q = {.cpu_overcommit_percent = 400};
    SCOPED(strbuf) struct strbuf b = {0};
    struct httpc_answer ans = {0};
    int rc;

    (void)c;
    (void)h;
    (void)snprintf(q.name, sizeof(q.name), "%s", name);
    jm_encode(schema_host_request, &q, &b);
    rc = httpc_call(http, "POST", "/v1/hosts", strbuf_peek(&b), b.len, CALL_MS, &ans, e);
    if (rc == 0)
        rc = W_DECODE(host_token, ans.body, ans.len, JM_PEER, a, out, e);
    httpc_answer_clear(&ans);
    return rc;
}

static int
enrol_one(struct crew *c, struct httpc *http, struct sim_host *h, struct err *e)
{
    const struct sim_options *o = &c->s->o;
    SCOPED(arena) struct arena a = {0};
    struct w_host_token t;
    char name[W_NAME], file[500];
    struct enrol_request q = {
        .url = o->api, .agents_url = o->agents, .name = name, .token_file = file, .dir = h->dir};

    (void)snprintf(file, sizeof(file), "%s/identity.json", h->dir);
    if (access(file, F_OK) == 0)
        return sim_host_prepare(h, e); /* by an earlier run */
    (void)snprintf(name, sizeof(name), "%s-%d", o->prefix, h->n);
    (void)snprintf(file, sizeof(file), "%s/token", h->dir);
    if (token_for(c, http, h, name, &a, &t, e) < 0 || durable_mkdirs(h->dir, 0700, e) < 0 ||
        durable_write(file, t.token, strlen(t.token), 0600, e) < 0)
        return -1;
    q.ca_sha256 = t.ca_sha256;
    if (enrol_run(&q, e) < 0)
        return -1;
    return durable_remove(file, e) < 0 ? -1 : sim_host_prepare(h, e);
}

static void *
enrol_some(void *arg)
{
    struct crew *c = arg;
    const struct sim_options *o = &c->s->o;
    struct httpc *http = NULL;
    struct err e = {0};
    int i;

    if (httpc_new(&(struct httpc_config){.base_url = o->api, .ca_file = o->ca}, &http, &e) == 0) {
        httpc_token(http, c->token);
        while (e.code == BY_E_OK && (i = atomic_fetch_add(&c->next, 1)) < o->hosts) {
            if (enrol_one(c, http, &c->s->hosts[i], &e) < 0)
                (void)err_wrap(&e, "host %d", i + 1);
            else if (atomic_fetch_add(&c->done, 1) % TOLD_EVERY == TOLD_EVERY - 1)
                fprintf(stderr, "hostsim: %d hosts are enrolled\n", i + 1);
        }
    }
    httpc_free(http);
    (void)pthread_mutex_lock(&c->lock);
    if (e.code != BY_E_OK && c->err.code == BY_E_OK)
        c->err = e;
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

int
sim_enrol(struct sim *s, struct err *e)
{
    SCOPED(strbuf) struct strbuf token = {0};
    struct crew c = {.s = s};
    pthread_t t[THREADS];
    int n = 0;

    if (durable_read(s->o.token_file, TOKEN_MAX, &token, e) < 0)
        return -1;
    token.s[strcspn(strbuf_peek(&token), "\r\n")] = '\0';
    c.token = strbuf_peek(&token);
    (void)pthread_mutex_init(&c.lock, NULL);
    while (n < THREADS && pthread_create(&t[n], NULL, enrol_some, &c) == 0)
        n++;
    for (int i = 0; i < n; i++)
        (void)pthread_join(t[i], NULL); /* they end: each call has a timeout */
    (void)pthread_mutex_destroy(&c.lock);
    if (n == 0)
        return err_set(e, BY_E_NOMEM, "no thread to enrol hosts");
    if (c.err.code == BY_E_OK)
        return 0;
    *e = c.err;
    return -1;
}
