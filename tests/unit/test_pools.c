/* Shared pools: told by hosts, found once, stewards named, told, proved; what they have is counted
 * once. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/dispatch.h"
#include "controller/hosttable.h"
#include "controller/jobs.h"
#include "controller/steward.h"
#include "drivers/base/scope.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/keyring.h"
#include "drivers/crypto/paper.h"
#include "tests/unit/flowsee.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_ < 0)                                                                               \
            fprintf(stderr, "%s: %d %s\n", #call, f->status, f->err.msg);                          \
        CU_ASSERT_EQUAL_FATAL(rc_, 0);                                                             \
    } while (0)
#define SAYS(part)                                                                                 \
    do {                                                                                           \
        if (strstr(f->err.msg, part) == NULL)                                                      \
            fprintf(stderr, "\nline %d: %s\n", __LINE__, f->err.msg);                              \
        CU_ASSERT_PTR_NOT_NULL(strstr(f->err.msg, part));                                          \
    } while (0)

static const char P[] = "11111111-2222-4333-8444-555555555555";
static const char Q[] = "99999999-2222-4333-8444-555555555555";

static struct w_pool_view
pool_now(struct flow *f, const char *id)
{
    struct w_pool_view v = {0};

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/pools/%s", id), NULL,
                 pool_view, &v));
    return v;
}

/* Whose stewards are to be brought back or replaced: the only one's state, "" none. */
static const char *
waits_for_steward(struct flow *f, const char *id)
{
    struct w_inbox_list l = {0};
    const struct w_inbox_item *v;

    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "GET", "/v1/inbox?kind=pool", NULL, inbox_list, &l));
    if (l.items.n == 0)
        return "";
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    v = JM_ITEM(l.items, const struct w_inbox_item, 0);
    CU_ASSERT_STRING_EQUAL(v->id, id);
    CU_ASSERT_STRING_EQUAL(v->title, pool_now(f, id).steward_name);
    return v->state;
}

static size_t
pools_now(struct flow *f, struct w_pool_item out[4])
{
    struct w_pool_list l = {0};

    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "GET", "/v1/pools", NULL, pool_list, &l));
    CU_ASSERT_FATAL(l.items.n <= 4);
    for (size_t i = 0; i < l.items.n; i++)
        out[i] = *JM_ITEM(l.items, struct w_pool_item, i);
    return l.items.n;
}

static int
set_as(struct flow *f, enum flow_who who, const char *id, const char *rest)
{
    struct w_pool_view v;

    return FLOW_CALL(f, f->people[who], "POST", flow_text(f, "/v1/pools/%s", id),
                     flow_text(f, "{\"request\":\"%s\"%s}", flow_uuid(f), rest), pool_view, &v);
}

static int
set_steward(struct flow *f, const char *id, const char *host)
{
    return set_as(f, FLOW_PROVIDER, id, flow_text(f, ",\"steward\":\"%s\"", host));
}

/* The host that the test plays sees that pool from now on. */
static int
tell(struct flow *f, const char *pool)
{
    (void)snprintf(f->pool, sizeof(f->pool), "%s", pool);
    return flow_hello(f);
}

static const char *
id_of(struct flow *f, const char *name)
{
    const char *was = flow_text(f, "%s", f->host_name), *id;

    flow_as(f, name);
    id = flow_text(f, "%s", f->host);
    flow_as(f, was);
    return id;
}

static int
ledger_has(struct flow *f, const char *act)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int n = 0;

    CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_LEDGER_PAGE, &r, &f->err, DBI(0), DBI(1000)), 0);
    while (db_next(r, &f->err) == 1)
        n += strcmp(db_str(r, 3), act) == 0;
    return n;
}

static bool
status_says(struct flow *f, const char *part)
{
    struct w_status_view v = {0};

    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "GET", "/v1/status", NULL, status_view, &v));
    for (size_t i = 0; i < v.problems.n; i++)
        if (strstr(JM_ITEM(v.problems, struct w_status_finding, i)->text, part) != NULL)
            return true;
    return false;
}

/* The host takes what its newest poll brought; checked with what the root names. */
static struct w_steward
hear(struct flow *f)
{
    struct w_steward s = {0};
    const char *got = f->set.steward == NULL ? "" : f->set.steward, *body = "";

    CU_ASSERT_EQUAL_FATAL(controller_paper_check(&f->ctl.c, got, strlen(got), PAPER_STEWARD, NULL,
                                                 KEY_ORDER, controller_now_ms(&f->ctl.c), &f->a,
                                                 &body, &f->err),
                          0);
    CU_ASSERT_EQUAL_FATAL(W_DECODE(steward, body, strlen(body), JM_SIGNED, &f->a, &s, &f->err), 0);
    f->steward = arena_strdup(&f->a, got);
    f->steward_term = s.term;
    return s;
}

/* A word as somebody would write it. */
static const char *
word(struct flow *f, const struct sigkey *k, const char *purpose, const char *pool,
     const char *host, uint64_t term)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_steward s = {.version = 1, .term = term, .issued_at_ms = 1, .host_name = "h9"};
    const char *out = NULL;

    (void)snprintf(s.pool, sizeof(s.pool), "%s", pool);
    (void)snprintf(s.host, sizeof(s.host), "%s", host);
    jm_encode(schema_steward, &s, &b);
    OK(paper_sign(k, purpose, strbuf_peek(&b), &f->a, &out, &f->err));
    return out;
}

static int
differs_step(void *arg, struct tx *t, struct err *e)
{
    return hosttable_differs(t->c->hosts, arg, e);
}

static bool
in_step(struct flow *f)
{
    size_t n = 99;

    return commit_run(f->ctl.c.commit, differs_step, &n, &f->err) == 0 && n == 0;
}

/* Two hosts of one pool; f plays h1, its steward. */
static void
start(struct flow *f)
{
    flow_start(f);
    OK(tell(f, P));
    flow_host_add(f, "h2", "");
    flow_as(f, "h2");
    OK(tell(f, P));
    flow_as(f, "h1");
}

/* ---- found, told --------------------------------------------------------------------------------
 */

static void
the_first_host_that_tells_of_a_pool_is_its_steward(void)
{
    struct flow flow, *f = &flow;
    struct w_pool_view v;
    struct w_pool_item all[4];
    struct w_steward s;

    flow_start(f);
    CU_ASSERT_EQUAL(pools_now(f, all), 0);
    OK(tell(f, P));
    v = pool_now(f, P);
    CU_ASSERT_STRING_EQUAL(v.name, "pool-11111111");
    CU_ASSERT_STRING_EQUAL(v.steward_name, "h1");
    CU_ASSERT_STRING_EQUAL(v.steward_state, "ready");
    CU_ASSERT_EQUAL(v.term, 1);
    CU_ASSERT_EQUAL(v.hosts_count, 1);
    CU_ASSERT_PTR_NULL(v.reason);
    /* No order is there, but the word, and the key to check it with. */
    OK(flow_desired(f, 0));
    s = hear(f);
    CU_ASSERT_STRING_EQUAL(s.pool, P);
    CU_ASSERT_STRING_EQUAL(s.host, f->host);
    CU_ASSERT_EQUAL(s.term, 1);
    CU_ASSERT_EQUAL(f->set.orders.n, 0);
    CU_ASSERT_EQUAL(f->set.keys.n, 1);
    OK(flow_desired(f, 0));
    CU_ASSERT_PTR_NULL(f->set.steward); /* once */
    flow_host_add(f, "h2", "");
    flow_as(f, "h2");
    OK(flow_desired(f, 0)); /* it has its set, and is in no pool */
    CU_ASSERT_PTR_NULL(f->set.steward);
    OK(tell(f, P));
    OK(flow_desired(f, 0)); /* nothing but the word is new */
    CU_ASSERT_EQUAL(hear(f).term, 1);
    CU_ASSERT_EQUAL(f->set.keys.n, 1);
    v = pool_now(f, P);
    CU_ASSERT_EQUAL(v.hosts_count, 2);
    CU_ASSERT_EQUAL(v.hosts.n, 2);
    CU_ASSERT_TRUE(JM_ITEM(v.hosts, struct w_pool_host, 0)->is_steward);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(v.hosts, struct w_pool_host, 1)->name, "h2");
    CU_ASSERT_EQUAL(ledger_has(f, "pool.found"), 1);
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward"), 1);
    OK(flow_hello(f)); /* the same again changes nothing */
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward"), 1);
    CU_ASSERT_TRUE(in_step(f));
    flow_stop(f);
}

static void
two_hosts_that_tell_of_different_pools_share_none(void)
{
    struct flow flow, *f = &flow;
    struct w_pool_item all[4];

    flow_start(f);
    OK(tell(f, P));
    flow_host_add(f, "h2", "");
    flow_as(f, "h2");
    OK(tell(f, Q));
    CU_ASSERT_EQUAL_FATAL(pools_now(f, all), 2);
    CU_ASSERT_STRING_EQUAL(all[0].steward_name, "h1");
    CU_ASSERT_STRING_EQUAL(all[1].steward_name, "h2");
    CU_ASSERT_EQUAL(all[0].hosts_count, 1);
    /* It comes into the other one: its own has no host, and its steward is elsewhere. */
    OK(tell(f, P));
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_name, "h1");
    CU_ASSERT_EQUAL(pool_now(f, P).hosts_count, 2);
    CU_ASSERT_EQUAL(pool_now(f, Q).hosts_count, 0);
    CU_ASSERT_STRING_EQUAL(pool_now(f, Q).steward_state, "elsewhere");
    CU_ASSERT_PTR_NULL(pool_now(f, Q).reason); /* nobody waits */
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, Q), "");
    CU_ASSERT_EQUAL(set_steward(f, Q, id_of(f, "h1")), -1);
    CU_ASSERT_EQUAL(f->status, 409);
    SAYS("does not see the pool");
    /* And out of any. */
    OK(tell(f, ""));
    CU_ASSERT_EQUAL(pool_now(f, P).hosts_count, 1);
    flow_as(f, "h1");
    OK(tell(f, Q)); /* its steward is not there: somebody has to say who is */
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool_now(f, Q).reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(pool_now(f, Q).reason, "pools set pool-99999999 --steward HOST"));
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, Q), "elsewhere");
    OK(set_steward(f, Q, f->host));
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, Q), "");
    CU_ASSERT_EQUAL(pool_now(f, Q).term, 2);
    CU_ASSERT_PTR_NULL(pool_now(f, Q).reason);
    CU_ASSERT_TRUE(in_step(f));
    flow_stop(f);
}

static void
hosts_job(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

    OK(job_run(&f->ctl.c, d, JOB_HOSTS, &f->err));
}

static void
a_steward_that_is_silent_waits_for_the_provider(void)
{
    struct flow flow, *f = &flow;
    struct w_inbox_list l = {0};
    int64_t long_ago;

    flow_start(f);
    OK(tell(f, P));
    hosts_job(f);
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, P), "");
    long_ago = f->ctl.c.conf.silent_seconds * 1000 + 1000;
    ctl_clock(long_ago, long_ago);
    hosts_job(f);
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, P), "silent");
    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/inbox?kind=pool", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 0); /* no matter of its own */
    OK(flow_hello(f));
    hosts_job(f);
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, P), "");
    flow_stop(f);
}

/* ---- named --------------------------------------------------------------------------------------
 */

struct waiting {
    struct flow *f;
    bool done;
};

static void
poll_done(void *arg, struct httpc_answer *a)
{
    struct waiting *w = arg;
    struct flow *f = w->f;

    w->done = true;
    CU_ASSERT_EQUAL_FATAL(a->status, 200);
    OK(W_DECODE(desired_answer, arena_strndup(&f->a, a->body, a->len), a->len, JM_PEER, &f->a,
                &f->set, &f->err));
}

static void
a_new_steward_is_told_to_hosts_that_wait(void)
{
    struct flow flow, *f = &flow;
    struct waiting w = {.f = &flow};
    struct w_steward s;
    const char *h2, *q;

    start(f);
    h2 = id_of(f, "h2");
    OK(flow_desired(f, 0));
    CU_ASSERT_EQUAL(hear(f).term, 1);
    q = flow_text(f, "{\"cursor\":%llu,\"wait_ms\":60000,\"steward_term\":1}",
                  (unsigned long long)f->cursor);
    OK(httpc_start(f->agent, "POST", "/a/v1/desired", q, strlen(q), 60000, poll_done, &w, &f->err));
    for (int i = 0; i < 6000 && dispatch_parked(f->ctl.c.dispatch) == 0; i++)
        httpc_run(f->agent, 10);
    CU_ASSERT_EQUAL(dispatch_parked(f->ctl.c.dispatch), 1);
    OK(set_steward(f, P, h2));
    for (int i = 0; i < 6000 && !w.done; i++)
        httpc_run(f->agent, 10);
    CU_ASSERT_TRUE_FATAL(w.done);
    CU_ASSERT_EQUAL(dispatch_parked(f->ctl.c.dispatch), 0);
    s = hear(f);
    CU_ASSERT_EQUAL(s.term, 2);
    CU_ASSERT_STRING_EQUAL(s.host_name, "h2");
    flow_stop(f);
}

static void
who_may_be_the_steward_is_told(void)
{
    struct flow flow, *f = &flow;
    const char *h1, *h2, *h3;
    struct w_host_view hv;

    start(f);
    flow_host_add(f, "h3", "");
    h1 = f->host;
    h2 = id_of(f, "h2");
    h3 = id_of(f, "h3");
    CU_ASSERT_EQUAL(set_steward(f, P, h3), -1); /* it sees no pool */
    CU_ASSERT_EQUAL(f->status, 409);
    SAYS("mount it there at the same path");
    CU_ASSERT_EQUAL(set_steward(f, P, flow_uuid(f)), -1);
    CU_ASSERT_EQUAL(f->status, 404);
    CU_ASSERT_EQUAL(set_steward(f, Q, h1), -1);
    CU_ASSERT_EQUAL(f->status, 404);
    CU_ASSERT_EQUAL(set_as(f, FLOW_BUREAU, P, ",\"name\":\"x\""), -1);
    CU_ASSERT_EQUAL(f->status, 403);
    OK(set_steward(f, P, h1)); /* it is */
    CU_ASSERT_EQUAL(pool_now(f, P).term, 1);
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward"), 1);
    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", flow_text(f, "/v1/hosts/%s:cordon", h2), NULL,
                 host_view, &hv));
    CU_ASSERT_EQUAL(set_steward(f, P, h2), -1);
    SAYS("host h2 is cordoned");
    SAYS("e.g. h1");
    /* The steward may be cordoned; then a cordoned one is as good. */
    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", flow_text(f, "/v1/hosts/%s:cordon", h1), NULL,
                 host_view, &hv));
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_state, "cordoned");
    CU_ASSERT_PTR_NULL(pool_now(f, P).reason);
    OK(set_steward(f, P, h2));
    CU_ASSERT_EQUAL(pool_now(f, P).term, 2);
    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", flow_text(f, "/v1/hosts/%s:revoke", h2), NULL,
                 host_view, &hv));
    CU_ASSERT_PTR_NOT_NULL_FATAL(hv.reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(hv.reason, "pools set pool-11111111 --steward HOST"));
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_state, "revoked");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool_now(f, P).reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(pool_now(f, P).reason, "which is revoked"));
    CU_ASSERT_STRING_EQUAL(waits_for_steward(f, P), "revoked");
    CU_ASSERT_TRUE(status_says(f, "do nothing for them: pool-11111111 "));
    OK(set_steward(f, P, h1));
    CU_ASSERT_FALSE(status_says(f, "do nothing for them"));
    CU_ASSERT_EQUAL(set_steward(f, P, h2), -1);
    SAYS("is revoked");
    CU_ASSERT_EQUAL(pool_now(f, P).term, 3);
    flow_stop(f);
}

static void
a_pool_has_a_name_and_a_class_of_its_own(void)
{
    struct flow flow, *f = &flow;
    struct w_pool_item all[4];

    start(f);
    OK(set_as(f, FLOW_PROVIDER, P, ",\"name\":\"nfs-1\",\"pool_class\":\"ssd\""));
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).name, "nfs-1");
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).pool_class, "ssd");
    CU_ASSERT_EQUAL(pool_now(f, P).term, 1);
    CU_ASSERT_TRUE(in_step(f));
    OK(set_as(f, FLOW_PROVIDER, P, ",\"name\":\"nfs-1\""));
    CU_ASSERT_EQUAL(ledger_has(f, "pool.set"), 1); /* nothing has changed */
    flow_as(f, "h2");
    OK(tell(f, Q));
    CU_ASSERT_EQUAL(set_as(f, FLOW_PROVIDER, Q, ",\"name\":\"nfs-1\""), -1);
    CU_ASSERT_EQUAL(f->status, 409);
    SAYS("another shared pool is called nfs-1");
    CU_ASSERT_EQUAL(set_as(f, FLOW_PROVIDER, P, ",\"no_class\":true,\"pool_class\":\"a\""), -1);
    OK(set_as(f, FLOW_PROVIDER, P, ",\"no_class\":true"));
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).pool_class, "");
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).name, "nfs-1");
    CU_ASSERT_EQUAL_FATAL(pools_now(f, all), 2);
    CU_ASSERT_STRING_EQUAL(all[0].name, "nfs-1");
    CU_ASSERT_TRUE(in_step(f));
    flow_stop(f);
}

/* ---- proved -------------------------------------------------------------------------------------
 */

static int
nothing(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    (void)t;
    (void)e;
    return 0;
}

static void
a_store_of_yesterday_learns_who_the_steward_is(void)
{
    struct flow flow, *f = &flow;
    struct w_status_view st;
    const char *h2, *copy;

    start(f);
    h2 = id_of(f, "h2");
    copy = flow_text(f, "%s/copy.db", f->ctl.dir);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

        OK(db_backup(d, copy, &f->err));
    }
    OK(set_steward(f, P, h2));
    OK(set_steward(f, P, f->host));
    OK(set_steward(f, P, h2));
    OK(flow_desired(f, 0));
    CU_ASSERT_EQUAL(hear(f).term, 4);
    flow_restart(f, copy);
    CU_ASSERT_EQUAL(pool_now(f, P).term, 1);
    OK(flow_desired(f, 0));
    CU_ASSERT_TRUE(f->set.recovery);
    CU_ASSERT_PTR_NULL(f->set.steward);
    OK(commit_run(f->ctl.c.commit, nothing, NULL, &f->err)); /* what the poll proved is written */
    CU_ASSERT_EQUAL(set_steward(f, P, h2), -1);              /* not now */
    SAYS("in recovery");
    OK(flow_hello(f));
    CU_ASSERT_EQUAL(pool_now(f, P).term, 4);
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_name, "h2");
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward_proved"), 1);
    flow_as(f, "h2"); /* a pool that nobody told of before is not found in recovery */
    OK(tell(f, Q));
    struct w_pool_item all[4];
    CU_ASSERT_EQUAL(pools_now(f, all), 1);
    OK(FLOW_CALL(
        f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:without",
        flow_text(f, "{\"request\":\"%s\",\"host\":\"h1\",\"reason\":\"r\"}", flow_uuid(f)),
        status_view, &st));
    OK(FLOW_CALL(
        f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:without",
        flow_text(f, "{\"request\":\"%s\",\"host\":\"h2\",\"reason\":\"r\"}", flow_uuid(f)),
        status_view, &st));
    OK(FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                 flow_text(f, "{\"request\":\"%s\"}", flow_uuid(f)), status_view, &st));
    CU_ASSERT_TRUE(in_step(f)); /* behind what was to be done when it was over */
    CU_ASSERT_EQUAL(pools_now(f, all), 2);
    CU_ASSERT_STRING_EQUAL(pool_now(f, Q).steward_name, "h2");
    flow_stop(f);
}

static void
words_that_prove_nothing_change_nothing(void)
{
    struct flow flow, *f = &flow;
    SCOPED(sigkey_free) struct sigkey *own = NULL;
    const char *h2;

    start(f);
    h2 = id_of(f, "h2");
    OK(sigkey_generate(ALG_P256, &own, &f->err));
    struct sigkey *ok = f->ctl.c.order_key;
    const char *rows[] = {
        "{}",
        "no paper",
        word(f, own, PAPER_STEWARD, P, h2, 9),          /* nobody's key */
        word(f, f->host_key, PAPER_STEWARD, P, h2, 9),  /* a host's */
        word(f, f->grant_key, PAPER_STEWARD, P, h2, 9), /* a key for something else */
        word(f, ok, PAPER_CERTIFICATE, P, h2, 9),       /* ours, for something else */
        word(f, ok, PAPER_STEWARD, Q, h2, 9),           /* of another pool */
        word(f, ok, PAPER_STEWARD, P, h2, 2000000),     /* beyond what can have been */
        word(f, ok, PAPER_STEWARD, P, h2, INT64_MAX),
        word(f, ok, PAPER_STEWARD, P, f->host, 1), /* known */
    };
    int64_t stewards = ledger_has(f, "pool.steward");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f->steward = rows[i];
        OK(flow_hello(f));
        CU_ASSERT_EQUAL(pool_now(f, P).term, 1);
        CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_name, "h1");
    }
    f->steward = word(f, ok, PAPER_STEWARD, P, h2, 9);
    OK(tell(f, "")); /* of no pool */
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward_proved"), 0);
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward"), stewards);
    /* Two of one term: the store's counts, by the next one. */
    f->steward = word(f, ok, PAPER_STEWARD, P, h2, 1);
    OK(tell(f, P));
    CU_ASSERT_EQUAL(pool_now(f, P).term, 2);
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_name, "h1");
    /* And one of a host that is not known. */
    f->steward = word(f, ok, PAPER_STEWARD, P, Q, 3);
    OK(flow_hello(f));
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_state, "unknown");
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_name, "h9");
    CU_ASSERT_EQUAL(ledger_has(f, "pool.steward_proved"), 1);
    flow_stop(f);
}

struct old_word {
    const char *host, *paper;
};

static int
old_word_step(void *arg, struct tx *t, struct err *e)
{
    const struct old_word *o = arg;

    return DB_EXEC(t->d, DB_POOL_STEWARD_SET, NULL, e, DBS(o->host), DBS("h1"), DBI(1),
                   DBS(o->paper), DBI(1), DBS(P));
}

/* Hosts may not take it any longer: it is said anew by the key that signs now. */
static void
a_word_of_an_earlier_key_is_signed_anew(void)
{
    struct flow flow, *f = &flow;
    SCOPED(sigkey_free) struct sigkey *was = NULL;
    struct old_word o;

    start(f);
    OK(sigkey_generate(ALG_P256, &was, &f->err));
    o = (struct old_word){f->host, word(f, was, PAPER_STEWARD, P, f->host, 1)};
    OK(commit_run(f->ctl.c.commit, old_word_step, &o, &f->err));
    OK(flow_hello(f));
    CU_ASSERT_EQUAL(pool_now(f, P).term, 2);
    CU_ASSERT_STRING_EQUAL(pool_now(f, P).steward_name, "h1");
    OK(flow_desired(f, 0));
    CU_ASSERT_EQUAL(hear(f).term, 2);
    OK(flow_hello(f));
    CU_ASSERT_EQUAL(pool_now(f, P).term, 2);
    flow_stop(f);
}

/* ---- counted once -------------------------------------------------------------------------------
 */

enum { GIB_ = 1 << 30 };

/* Two hosts that see one pool of 100 GiB. */
static void
start_small(struct flow *f)
{
    start(f);
    f->pool_bytes = 100ULL * GIB_;
    OK(flow_hello(f));
    flow_as(f, "h2");
    f->pool_bytes = 100ULL * GIB_;
    OK(flow_hello(f));
    flow_as(f, "h1");
}

/* So many machines of 60 GiB. */
static struct w_grant *
asking(struct flow *f, const char *number, const char *net, uint32_t machines, int apart)
{
    struct w_grant *g = flow_grant(f, number);
    struct w_grant_line *n = JM_ITEM(g->lines, struct w_grant_line, 0),
                        *m = JM_ITEM(g->lines, struct w_grant_line, 1);

    g->lines.n = 2;
    (void)snprintf(n->name, sizeof(n->name), "n-%s", number);
    (void)snprintf(n->cidr, sizeof(n->cidr), "%s", net);
    (void)snprintf(m->name, sizeof(m->name), "vm-%s", number);
    m->count = machines;
    m->disk_gib = 60;
    m->apart = apart;
    return g;
}

static void
a_shared_pool_is_counted_once(void)
{
    struct flow flow, *f = &flow;
    struct w_accepted acc;

    start_small(f);
    OK(flow_grant_add(f, asking(f, "1", "10.1.0.0/24", 1, 0), flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(pool_now(f, P).allotted_bytes, 60ULL * GIB_);
    CU_ASSERT_EQUAL(flow_grant_add(f, asking(f, "2", "10.2.0.0/24", 1, 0), flow_uuid(f), &acc), -1);
    SAYS("h1: 64424509440 bytes of disk needed, 42949672960 free");
    SAYS("h2: 64424509440 bytes of disk needed, 42949672960 free");
    CU_ASSERT_TRUE(in_step(f));
    flow_as(f, "h2"); /* out of it: a disk of its own */
    OK(tell(f, ""));
    CU_ASSERT_TRUE(in_step(f));
    OK(flow_grant_add(f, asking(f, "2", "10.2.0.0/24", 1, 0), flow_uuid(f), &acc));
    flow_stop(f);
}

static bool
replays(struct flow *f, const char *id)
{
    struct w_explanation x = {0};

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/explain/%s", id), NULL,
                 explanation, &x));
    return x.replay_equal;
}

static void
machines_apart_take_from_one_pool(void)
{
    struct flow flow, *f = &flow;
    struct w_accepted acc;
    struct w_grant *g;

    start_small(f);
    (void)snprintf(f->underlay, sizeof(f->underlay), "192.0.2.1");
    OK(flow_hello(f));
    flow_as(f, "h2");
    (void)snprintf(f->underlay, sizeof(f->underlay), "192.0.2.2");
    OK(flow_hello(f));
    g = asking(f, "1", "10.1.0.0/24", 2, APART_HARD);
    grant_version_fit(g);
    CU_ASSERT_EQUAL(flow_grant_add(f, g, flow_uuid(f), &acc), -1);
    SAYS("64424509440 bytes of disk needed, 42949672960 free");
    JM_ITEM(g->lines, struct w_grant_line, 1)->disk_gib = 40;
    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(pool_now(f, P).allotted_bytes, 80ULL * GIB_);
    CU_ASSERT_TRUE(replays(f, g->id));
    CU_ASSERT_TRUE(in_step(f));
    flow_stop(f);
}

/* What grows on one host of the pool is gone for what grows on another. */
static void
what_grows_takes_from_one_pool(void)
{
    struct flow flow, *f = &flow;
    struct w_accepted acc;
    struct w_grant *g, *more;

    start_small(f);
    (void)snprintf(f->underlay, sizeof(f->underlay), "192.0.2.1");
    OK(flow_hello(f));
    flow_as(f, "h2");
    (void)snprintf(f->underlay, sizeof(f->underlay), "192.0.2.2");
    OK(flow_hello(f));
    g = asking(f, "1", "10.1.0.0/24", 2, APART_HARD);
    JM_ITEM(g->lines, struct w_grant_line, 1)->disk_gib = 20;
    grant_version_fit(g);
    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    CU_ASSERT_TRUE(replays(f, g->id));
    CU_ASSERT_TRUE(flow_carry_out(f) > 0);
    flow_as(f, "h1");
    CU_ASSERT_TRUE(flow_carry_out(f) > 0);
    more = asking(f, "2", "10.1.0.0/24", 2, APART_HARD);
    memcpy(more->supersedes, g->id, sizeof(more->supersedes));
    for (size_t i = 0; i < 2; i++)
        memcpy(JM_ITEM(more->lines, struct w_grant_line, i)->name,
               JM_ITEM(g->lines, struct w_grant_line, i)->name, W_NAME);
    grant_version_fit(more);
    CU_ASSERT_EQUAL(flow_grant_add(f, more, flow_uuid(f), &acc), -1); /* 80 more, 60 free */
    SAYS("what grows has no room where it stands");
    JM_ITEM(more->lines, struct w_grant_line, 1)->disk_gib = 50;
    OK(flow_grant_add(f, more, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(pool_now(f, P).allotted_bytes, 100ULL * GIB_);
    CU_ASSERT_TRUE(in_step(f));
    flow_stop(f);
}

/* The pool's class goes before that of its hosts. */
static void
a_grant_asks_for_the_class_of_a_shared_pool(void)
{
    struct flow flow, *f = &flow;
    struct w_accepted acc;
    struct w_grant *g;

    start_small(f);
    g = asking(f, "1", "10.1.0.0/24", 1, 0);
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 1)->pool_class, W_NAME, "ssd");
    grant_version_fit(g);
    CU_ASSERT_EQUAL(flow_grant_add(f, g, flow_uuid(f), &acc), -1);
    SAYS("no host is of zone/pool class -/ssd");
    OK(set_as(f, FLOW_PROVIDER, P, ",\"pool_class\":\"ssd\""));
    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    CU_ASSERT_TRUE(in_step(f));
    flow_stop(f);
}

/* Whatever it says with each hello: what it told of stays, and so it may tell of that again. */
static void
a_host_tells_of_few_pools(void)
{
    struct flow flow, *f = &flow;
    const char *one = "";

    flow_start(f);
    for (int i = 0; i < STEWARD_OF_MAX; i++) {
        one = flow_uuid(f);
        OK(tell(f, one));
    }
    CU_ASSERT_EQUAL(tell(f, flow_uuid(f)), -1);
    CU_ASSERT_EQUAL(f->status, 409);
    SAYS("host h1 is the steward of 16 shared pools already");
    OK(tell(f, one));
    OK(tell(f, ""));
    flow_stop(f);
}

CU_TestInfo pools_tests[] = {
    {"the first host that tells of a pool is its steward",
     the_first_host_that_tells_of_a_pool_is_its_steward},
    {"two hosts that tell of different pools share none",
     two_hosts_that_tell_of_different_pools_share_none},
    {"a host tells of few pools", a_host_tells_of_few_pools},
    {"a steward that is silent waits for the provider",
     a_steward_that_is_silent_waits_for_the_provider},
    {"a new steward is told to hosts that wait", a_new_steward_is_told_to_hosts_that_wait},
    {"who may be the steward is told", who_may_be_the_steward_is_told},
    {"a pool has a name and a class of its own", a_pool_has_a_name_and_a_class_of_its_own},
    {"a store of yesterday learns who the steward is",
     a_store_of_yesterday_learns_who_the_steward_is},
    {"words that prove nothing change nothing", words_that_prove_nothing_change_nothing},
    {"a word of an earlier key is signed anew", a_word_of_an_earlier_key_is_signed_anew},
    {"a shared pool is counted once", a_shared_pool_is_counted_once},
    {"machines apart take from one pool", machines_apart_take_from_one_pool},
    {"what grows takes from one pool", what_grows_takes_from_one_pool},
    {"a grant asks for the class of a shared pool", a_grant_asks_for_the_class_of_a_shared_pool},
    CU_TEST_INFO_NULL,
};
