#include "controller/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/exports.h"
#include "controller/listen.h"
#include "controller/live.h"
#include "controller/own.h"
#include "controller/metrics.h"
#include "controller/params.h"
#include "controller/pool.h"
#include "controller/recall.h"
#include "controller/routes.h"
#include "controller/watching.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpd.h"

struct server {
    struct controller *c;
    struct exports *exports;
    atomic_int open_calls; /* without an account, in work */
    pthread_mutex_t lock;  /* of what follows */
    pthread_cond_t idle;
    bool stopping;
    unsigned calls; /* in work or parked */
};

enum { READ_TWINS = 32 }; /* answered by one look */

/* One request in work.  It belongs to one thread at a time: handed from loop to worker to reader or
 * writer through their queues. */
struct job {
    struct api_call k; /* first: handlers know it by this */
    struct server *s;
    struct strbuf answer;
    struct recall recall; /* request id and what it is compared by */
    char ref[W_ID];       /* to find this request in the log */
    int64_t begun_ns;     /* monotonic */
    bool waited;          /* it was parked: how long it took says nothing */
};

/* ---- begin and end of a request ------------------------------------------------------------- */

static int
server_enter(struct server *s, struct err *e)
{
    bool stopping;

    (void)pthread_mutex_lock(&s->lock);
    stopping = s->stopping;
    if (!stopping)
        s->calls++;
    (void)pthread_mutex_unlock(&s->lock);
    return stopping ? err_set(e, BY_E_BUSY, "the controller is stopping: try again in a moment")
                    : 0;
}

static void
server_leave(struct server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (--s->calls == 0)
        (void)pthread_cond_signal(&s->idle);
    (void)pthread_mutex_unlock(&s->lock);
}

static void
job_free(struct job *j)
{
    struct server *s = j->s;

    if ((j->k.route->roles & ROUTE_OPEN) != 0)
        atomic_fetch_sub(&s->open_calls, 1);
    strbuf_clear(&j->answer);
    free(j);
    server_leave(s);
}

/* Who asked was not known: nobody signed in, or no longer. */
static void
count_stranger(struct server *s, const struct err *e, bool agent)
{
    if (e->code == BY_E_UNAUTHENTICATED)
        metric_add(s->c->metrics, CM_AUTH_FAILURES, agent ? CM_AGENT : CM_PERSON, 1);
}

static void
job_count(const struct job *j, int status)
{
    struct metrics *m = j->s->c->metrics;

    cm_answered(m, j->k.route, status);
    if (!j->waited)
        metric_observe(m, CM_REQUEST_SECONDS, route_reads(j->k.route) ? CM_READ : CM_WRITE,
                       clock_mono_ns() - j->begun_ns);
}

static void
job_fail(struct job *j, const struct err *e)
{
    const char *accept = http_req_header(j->k.req, "Accept");

    job_count(j, err_http_status(e->code));
    count_stranger(j->s, e, (j->k.route->roles & ROUTE_AGENT) != 0);
    if (err_http_status(e->code) >= 500 && e->code != BY_E_BUSY)
        log_error("request.failed", "route=%s ref=%s code=%s reason=" LOG_Q, j->k.route->name,
                  j->ref, err_code_name(e->code), e->msg);
    if (j->k.fail_page != NULL && accept != NULL && strstr(accept, "text/html") != NULL)
        httpd_reply(j->k.req, err_http_status(e->code), "text/html; charset=utf-8", j->k.fail_page,
                    strlen(j->k.fail_page));
    else
        httpd_reply_err(j->k.req, e, j->ref);
    job_free(j);
}

static void
job_reply(struct job *j)
{
    bool empty = j->k.status == 204 || j->answer.len == 0;
    size_t len = j->answer.len;

    job_count(j, empty ? 204 : j->k.status);
    httpd_reply_take(j->k.req, empty ? 204 : j->k.status, empty ? NULL : j->k.raw_type,
                     len == 0 ? NULL : strbuf_take(&j->answer), len);
    job_free(j);
}

static void
job_encode(struct job *j)
{
    if (j->k.raw != NULL)
        strbuf_add(&j->answer, j->k.raw, j->k.raw_len != 0 ? j->k.raw_len : strlen(j->k.raw));
    else if (j->k.route->out != NULL && j->k.status != 204)
        jm_encode(j->k.route->out, j->k.out, &j->answer);
}

int64_t
server_now(struct controller *c)
{
    int64_t now = controller_now_ms(c), last = live_head_ms(c->live);

    return now < last ? last : now;
}

/* The session may have ended while the request waited its turn.  In the writer the store says it:
 * what an earlier step of the same group ended is not in memory yet. */
static int
job_still_signed_in(struct job *j, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const struct caller *who = &j->k.who;
    bool on;

    if (who->role == ROLE_NONE) /* an agent, or nobody yet */
        return 0;
    on = auth_session_alive(j->s->c->auth, who->session, t->now_ms);
    if (on && t->group != NULL) {
        int rc = DB_QUERY(t->d, DB_ACCOUNT_LIVE, &r, e, DBS(who->session), DBS(who->account),
                          DBI(who->role));

        if (rc < 0 || (rc = db_next(r, e)) < 0)
            return -1;
        on = rc == 1;
    }
    return on ? 0
              : err_set(e, BY_E_UNAUTHENTICATED,
                        "the session ended before the request was served: sign in again");
}

/* ---- reads ---------------------------------------------------------------------------------- */

static int
job_look(struct job *j, struct tx *t, struct err *e)
{
    return job_still_signed_in(j, t, e) < 0 ? -1 : j->k.route->run(&j->k, t, e);
}

static int
job_read_run(struct job *j, struct db *d, struct err *e)
{
    struct tx t = {.c = j->s->c, .d = d, .now_ms = server_now(j->s->c)};
    int rc;

    j->k.park = NULL;
    if (db_begin(d, e) < 0) /* one snapshot for all its queries */
        return -1;
    rc = job_look(j, &t, e);
    db_rollback(d);
    return rc;
}

int
server_look(struct api_call *k, struct db *d, int64_t now_ms, struct err *e)
{
    struct tx t = {.c = k->c, .d = d, .now_ms = now_ms};

    return job_look((struct job *)k, &t, e);
}

void
server_streamed(struct api_call *k, bool whole)
{
    struct job *j = (struct job *)k;

    j->waited = true; /* for its client */
    job_count(j, 200);
    httpd_stream_end(k->req, whole);
    job_free(j);
}

/* One look of a call that waits for another answer than the one it knows: what a look needs goes
 * with it, there may be many. */
static int
job_watch_look(struct job *j, struct db *d, bool *known, struct err *e)
{
    SCOPED(arena) struct arena look = {0};
    struct arena *kept = j->k.a;
    char hash[65];
    int rc;

    memset(j->k.out, 0, j->k.route->out_size);
    strbuf_reset(&j->answer);
    j->k.a = &look;
    rc = job_read_run(j, d, e);
    if (rc == 0)
        job_encode(j);
    j->k.a = kept;
    digest_sha256_hex(strbuf_peek(&j->answer), j->answer.len, hash);
    *known = rc == 0 && strcmp(hash, param_text(&j->k, "known")) == 0;
    return rc;
}

static void
job_watch(struct job *j, struct db *d)
{
    struct watching *w = j->s->c->watching;
    uint64_t seen = watching_seen(w);
    struct err e = {0};
    bool known = false;
    int rc = job_watch_look(j, d, &known, &e);

    j->waited = true;
    if (known)
        rc = watching_wait(w, &j->k, seen, &e);
    if (rc == 1)
        return; /* it waits */
    watching_leave(w, &j->k);
    if (rc < 0)
        job_fail(j, &e);
    else
        job_reply(j);
}

/* Runs it and encodes what it found; false: it was refused, or waits, and is no longer ours. */
static bool
job_read_whole(struct job *j, struct db *d)
{
    struct err e = {0};

    if (job_read_run(j, d, &e) < 0) {
        job_fail(j, &e);
        return false;
    }
    if (j->k.park != NULL) {
        j->waited = true;
        j->k.park(&j->k); /* the last touch */
        return false;
    }
    job_encode(j);
    return true;
}

static bool
same_query(const struct http_req *a, const struct http_req *b)
{
    const char *name, *its, *value = NULL, *its_value = NULL;

    for (size_t i = 0;; i++) {
        name = http_req_query_at(a, i, &value);
        its = http_req_query_at(b, i, &its_value);
        if (name == NULL || its == NULL)
            return name == its;
        if (strcmp(name, its) != 0 || strcmp(value, its_value) != 0)
            return false;
    }
}

/* The same question of the same session: what one of them reads answers both. */
static bool
job_like(const void *mine, const void *its)
{
    const struct api_call *a = &((const struct job *)mine)->k, *b = &((const struct job *)its)->k;

    return a->route == b->route && a->body_len == 0 && b->body_len == 0 &&
           a->who.session[0] != '\0' && strcmp(a->who.session, b->who.session) == 0 &&
           strcmp(http_req_path(a->req), http_req_path(b->req)) == 0 &&
           same_query(a->req, b->req) && !watching_wanted(b);
}

/* A read, and with it all like it that wait now: each had come before what it is answered with was
 * read.  Many who look at one list cost one look. */
static void
job_read(void *arg, struct db *d)
{
    struct job *j = arg, *twins[READ_TWINS];
    size_t n;
    bool whole;

    if (watching_wanted(&j->k)) {
        job_watch(j, d);
        return;
    }
    n = pool_take_like(j->s->c->readers, job_read, job_like, j, (void **)twins, READ_TWINS);
    whole = job_read_whole(j, d);
    for (size_t i = 0; i < n; i++) {
        if (!whole || j->k.raw != NULL) { /* bytes of its own request: each for itself */
            if (job_read_whole(twins[i], d))
                job_reply(twins[i]);
            continue;
        }
        twins[i]->k.status = j->k.status;
        strbuf_add(&twins[i]->answer, strbuf_peek(&j->answer), j->answer.len);
        metric_add(j->s->c->metrics, CM_READS_SHARED, 0, 1);
        job_reply(twins[i]);
    }
    if (whole)
        job_reply(j);
}

int
server_resume(struct api_call *k, struct err *e)
{
    struct job *j = (struct job *)k;

    return pool_submit(j->s->c->readers, job_read, j, e);
}

void
server_answer(struct api_call *k)
{
    struct job *j = (struct job *)k;

    job_encode(j);
    job_reply(j);
}

void
server_fail(struct api_call *k, const struct err *e)
{
    job_fail((struct job *)k, e);
}

/* ---- writes --------------------------------------------------------------------------------- */

static int
job_step(void *arg, struct tx *t, struct err *e)
{
    struct job *j = arg;
    bool again = false;

    strbuf_reset(&j->answer);
    if (job_still_signed_in(j, t, e) < 0)
        return -1;
    if (recall_find(&j->recall, &j->k, t, &j->answer, &again, e) < 0)
        return -1;
    if (again)
        return 0;
    if (j->k.route->run(&j->k, t, e) < 0)
        return -1;
    job_encode(j);
    if (recall_audit(&j->recall, &j->k, t, e) < 0)
        return -1;
    return recall_store(&j->recall, &j->k, t, strbuf_peek(&j->answer), e);
}

static void
job_done(void *arg, const struct err *e)
{
    if (e != NULL)
        job_fail(arg, e);
    else
        job_reply(arg);
}

/* ---- body and preparation ------------------------------------------------------------------- */

static int
job_decode(struct job *j, struct err *e)
{
    const struct route *r = j->k.route;
    void *in;

    if (r->in == NULL) {
        if (j->k.body_len != 0 && !(j->k.body_len == 2 && memcmp(j->k.body, "{}", 2) == 0))
            return err_set(e, BY_E_INVALID, "%s %s takes no body", r->method, r->path);
        return 0;
    }
    if (j->k.body_len == 0)
        return err_set(e, BY_E_INVALID, "%s %s needs a%s body", r->method, r->path,
                       r->in == schema_raw ? "" : " JSON");
    if (r->in == schema_raw)
        return 0;
    in = arena_alloc(j->k.a, r->in_size);
    if (jm_decode(j->k.body, j->k.body_len, r->in, r->in_size,
                  (r->roles & ROUTE_AGENT) != 0 ? JM_PEER : JM_PEOPLE, j->k.a, in, e) < 0)
        return -1;
    j->k.in = in;
    return 0;
}

/* On a worker, or at once when there is neither body nor preparation. */
static void
job_forward(struct job *j)
{
    struct controller *c = j->s->c;
    struct err e = {0};
    int rc;

    if (exports_wanted(&j->k))
        rc = exports_submit(j->s->exports, &j->k, &e);
    else if (route_reads(j->k.route))
        rc = pool_submit(c->readers, job_read, j, &e);
    else
        rc = commit_submit(c->commit, job_step, job_done, j, &e);
    if (rc < 0)
        job_fail(j, &e);
}

static void
job_work(void *arg, struct db *d)
{
    struct job *j = arg;
    struct err e = {0};

    (void)d; /* workers have none */
    if (job_decode(j, &e) < 0 ||
        (j->k.route->prepare != NULL && j->k.route->prepare(&j->k, &e) < 0)) {
        job_fail(j, &e);
        return;
    }
    recall_prepare(&j->recall, &j->k);
    job_forward(j);
}

/* ---- on a loop thread ----------------------------------------------------------------------- */

static int
authenticate_host(struct server *s, struct http_req *req, const struct route *r, int64_t now_ms,
                  struct caller *who, struct err *e)
{
    const char *fingerprint = http_req_cert_fingerprint(req), *uri = http_req_cert_uri(req);

    if (auth_cert_find(s->c->auth, fingerprint, uri, now_ms, who, e) == 0)
        return 0;
    if (r->run != api_agent_renew || !auth_cert_lost(s->c->auth, fingerprint, uri, now_ms, who))
        return -1;
    err_clear(e);
    log_warn("host.unknown_certificate", "host=%s reason=" LOG_Q, who->host,
             "issued after this store was backed up: it may be renewed");
    return 0;
}

static int
server_authenticate(struct server *s, struct http_req *req, const struct route *r, bool agent,
                    struct caller *who, struct err *e)
{
    const char *h = http_req_header(req, "Authorization");
    int64_t now = server_now(s->c);

    if (agent)
        return authenticate_host(s, req, r, now, who, e);
    if ((r->roles & ROUTE_OPEN) != 0)
        return 0;
    if (h == NULL || strncmp(h, "Bearer ", 7) != 0)
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "sign in first: send 'Authorization: Bearer TOKEN' with a session's token");
    if ((r->roles & ROUTE_SCRAPE) != 0 && auth_scrape_is(s->c->auth, h + 7))
        return 0;
    if (auth_session_find(s->c->auth, h + 7, now, who, e) < 0)
        return -1;
    if (who->role == ROLE_NONE || (r->roles & (1U << who->role)) == 0)
        return err_set(e, BY_E_DENIED, "the role '%s' may not do this: %s", w_role_names[who->role],
                       r->doc);
    return own_named(who, !route_reads(r) && (r->roles & ROUTE_EVERYONE) != ROUTE_EVERYONE, e);
}

/* *r: the route, also when it may not be used; NULL when there is none; then allow may have the
 * methods of its path. */
static int
server_admit(struct server *s, struct http_req *req, bool agent, char id[W_ID], struct caller *who,
             const struct route **r, char allow[ROUTE_ALLOW_MAX], struct err *e)
{
    size_t len = 0;

    *r = route_find(http_req_method(req), http_req_path(req), id);
    if (*r != NULL && agent != (((*r)->roles & ROUTE_AGENT) != 0))
        *r = NULL;
    if (*r == NULL) {
        (void)route_missing(http_req_method(req), http_req_path(req), agent, allow, e);
        return -1;
    }
    if (server_authenticate(s, req, *r, agent, who, e) < 0 || params_check(*r, req, e) < 0)
        return -1;
    (void)http_req_body(req, &len);
    if (len > route_max_body(*r))
        return err_set(e, BY_E_TOO_LARGE, "a body of %zu bytes is more than %s %s can need", len,
                       (*r)->method, (*r)->path);
    return 0;
}

static void
server_refuse(struct server *s, struct http_req *req, bool agent, const struct route *r,
              const char *allow, const struct err *e)
{
    cm_answered(s->c->metrics, r, allow[0] != '\0' ? 405 : err_http_status(e->code));
    count_stranger(s, e, agent);
    if (allow[0] != '\0')
        httpd_reply_allow(req, allow, e);
    else
        httpd_reply_err(req, e, NULL);
}

static struct job *
job_new(struct server *s, struct http_req *req, const struct route *r, const char *id,
        const struct caller *who)
{
    struct job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        abort(); /* as arena and strbuf: a process without memory starts again */
    j->s = s;
    j->begun_ns = clock_mono_ns();
    random_uuid(j->ref);
    j->k = (struct api_call){
        .c = s->c, .req = req, .route = r, .a = http_req_arena(req), .who = *who, .status = 200};
    if (id[0] != '\0')
        j->k.id = arena_strdup(j->k.a, id);
    j->k.body = http_req_body(req, &j->k.body_len);
    if (r->out != NULL)
        j->k.out = arena_alloc(j->k.a, r->out_size);
    return j;
}

/* Counted against the few that may be in work without an account. */
static int
server_open_enter(struct server *s, const struct route *r, struct err *e)
{
    if ((r->roles & ROUTE_OPEN) == 0 || atomic_fetch_add(&s->open_calls, 1) < SERVER_OPEN_AT_ONCE)
        return 0;
    atomic_fetch_sub(&s->open_calls, 1);
    return err_set(e, BY_E_BUSY, "too many sign-ins at once: try again in a moment");
}

static void
server_request(struct server *s, struct http_req *req, bool agent)
{
    struct caller who = {0};
    struct err e = {0};
    char id[W_ID] = "", allow[ROUTE_ALLOW_MAX] = "";
    const struct route *r = NULL;
    struct job *j;

    if (server_enter(s, &e) < 0) {
        httpd_reply_err(req, &e, NULL);
        return;
    }
    if (server_admit(s, req, agent, id, &who, &r, allow, &e) < 0 ||
        server_open_enter(s, r, &e) < 0) {
        server_refuse(s, req, agent, r, allow, &e);
        server_leave(s);
        return;
    }
    j = job_new(s, req, r, id, &who);
    if (j->k.body_len == 0 && r->in == NULL && r->prepare == NULL && route_reads(r))
        job_forward(j);
    else if (pool_submit(route_hashes(r) ? s->c->hashers : s->c->workers, job_work, j, &e) < 0)
        job_fail(j, &e);
}

static void
server_on_people(struct http_req *req, void *arg)
{
    server_request(arg, req, false);
}

static void
server_on_agent(struct http_req *req, void *arg)
{
    server_request(arg, req, true);
}

/* ---- life ----------------------------------------------------------------------------------- */

int
server_start(struct controller *c, struct err *e)
{
    struct server *s = calloc(1, sizeof(*s));
    const struct listen_to to = {.people = server_on_people, .agents = server_on_agent, .arg = s};

    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    s->c = c;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->idle, NULL);
    c->server = s;
    return exports_new(c, &s->exports, e) < 0 ? -1 : listen_start(c, &to, e);
}

void
server_drain(struct controller *c)
{
    struct server *s = c->server;

    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_mutex_unlock(&s->lock);
    if (s->exports != NULL)
        exports_stop(s->exports);
    watching_stop(c->watching);
    (void)pthread_mutex_lock(&s->lock);
    while (s->calls != 0) /* ends: the pools and the writer answer all that they hold */
        (void)pthread_cond_wait(&s->idle, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

void
server_stop(struct controller *c)
{
    struct server *s = c->server;

    if (s == NULL)
        return;
    server_drain(c);
    httpd_free(TAKE(c->httpd));
    exports_free(TAKE(s->exports));
    (void)pthread_cond_destroy(&s->idle);
    (void)pthread_mutex_destroy(&s->lock);
    free(TAKE(c->server));
}

int
server_people_port(const struct controller *c)
{
    return httpd_port(c->httpd, c->people);
}

int
server_agents_port(const struct controller *c)
{
    return httpd_port(c->httpd, c->agents);
}

int
server_alive(struct controller *c, int timeout_ms)
{
    return commit_alive(c->commit, timeout_ms) && httpd_alive(c->httpd, timeout_ms) == 0 ? 0 : -1;
}
