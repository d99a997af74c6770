#include <CUnit/CUnit.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/hostauth.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpc.h"
#include "tests/unit/ctl.h"

#define RESOURCES 12

struct scene {
    struct ctl t;
    char host[W_ID], unit[37], system[37], grant[37], resource[RESOURCES][37];
    atomic_int woken;
};

static void
sql(sqlite3 *s, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(s, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_free(text);
}

/* Rows that orders hang from; only their keys matter here. */
static void
scene_rows(struct scene *x)
{
    sqlite3 *s = NULL;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(x->t.c.store_path, &s), SQLITE_OK);
    random_uuid(x->unit);
    random_uuid(x->system);
    random_uuid(x->grant);
    sql(s, "INSERT INTO unit(id,name,created_ms) VALUES(%Q,'u',0)", x->unit);
    sql(s, "INSERT INTO system VALUES(%Q,'s',%Q,1,'p','',0)", x->system, x->unit);
    sql(s,
        "INSERT INTO grant_(id,number,system,unit,approver,account,approved_ms,valid_from_ms,"
        "valid_to_ms,hold_ms,paper,body_sha256,accepted_ms) VALUES(%Q,'n',%Q,%Q,'','',0,0,0,0,'',"
        "'',0)",
        x->grant, x->system, x->unit);
    for (int i = 0; i < RESOURCES; i++) {
        random_uuid(x->resource[i]);
        sql(s,
            "INSERT INTO resource(id,kind,name,system,unit,grant_,line,ordinal,host,created_ms) "
            "VALUES(%Q,2,'v',%Q,%Q,%Q,1,%d,%Q,0)",
            x->resource[i], x->system, x->unit, x->grant, i + 1, x->host);
    }
    CU_ASSERT_EQUAL(sqlite3_close(s), SQLITE_OK);
}

static void
scene_make(struct scene *x, const char *alg)
{
    memset(x, 0, sizeof(*x));
    ctl_start(&x->t, alg);
    ctl_serve(&x->t);
    ctl_enrol(&x->t, "host-1", x->host);
    scene_rows(x);
}

struct want {
    struct scene *x;
    int resource;
    bool fails;
    struct w_order o;
    atomic_int *done;
};

static int
want_step(void *arg, struct tx *t, struct err *e)
{
    struct want *w = arg;
    struct w_order *o = &w->o;

    memset(o, 0, sizeof(*o));
    memcpy(o->grant, w->x->grant, 37);
    memcpy(o->system, w->x->system, 37);
    memcpy(o->host, w->x->host, 37);
    memcpy(o->resource, w->x->resource[w->resource], 37);
    memcpy(o->authority_id, w->x->grant, 37);
    o->line = 1;
    o->ordinal = (uint32_t)w->resource + 1;
    o->kind = RES_VOLUME;
    o->verb = VERB_CREATE;
    o->wanted = WANT_PRESENT;
    o->authority = AUTH_GRANT;
    memcpy(o->volume.id, o->resource, 37);
    (void)snprintf(o->volume.name, sizeof(o->volume.name), "v");
    o->volume.format = FMT_QCOW2;
    o->volume.size_bytes = 1 << 30;
    if (order_issue(t, o, e) < 0)
        return -1;
    return w->fails ? err_set(e, BY_E_CONFLICT, "asked to fail") : 0;
}

static void
want_done(void *arg, const struct err *e)
{
    struct want *w = arg;

    (void)e;
    if (w->done != NULL)
        atomic_fetch_add(w->done, 1);
}

static void
paper_of(struct scene *x, const char *order, struct arena *a, const char **out)
{
    sqlite3 *s = NULL;
    sqlite3_stmt *st = NULL;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(x->t.c.store_path, &s), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_prepare_v2(s, "SELECT paper FROM order_ WHERE id=?", -1, &st, NULL), SQLITE_OK);
    (void)sqlite3_bind_text(st, 1, order, -1, SQLITE_TRANSIENT);
    *out = sqlite3_step(st) == SQLITE_ROW
               ? arena_strdup(a, (const char *)sqlite3_column_text(st, 0))
               : NULL;
    (void)sqlite3_finalize(st);
    CU_ASSERT_EQUAL(sqlite3_close(s), SQLITE_OK);
}

static int64_t
number(struct scene *x, const char *text)
{
    sqlite3 *s = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(x->t.c.store_path, &s), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(s, text, -1, &st, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    CU_ASSERT_EQUAL(sqlite3_close(s), SQLITE_OK);
    return n;
}

/* Whether it was signed in a batch of more than one. */
static bool
assert_good_paper(struct scene *x, const struct w_order *o)
{
    SCOPED(arena) struct arena a = {0};
    const char *paper = NULL, *body = NULL;
    struct w_envelope env;
    struct w_order back;
    struct err e = {0};

    paper_of(x, o->id, &a, &paper);
    CU_ASSERT_PTR_NOT_NULL_FATAL(paper);
    CU_ASSERT_EQUAL(controller_paper_check(&x->t.c, paper, strlen(paper), PAPER_ORDER,
                                           PAPER_ORDER_BATCH, KEY_ORDER, o->issued_at_ms, &a, &body,
                                           &e),
                    0);
    CU_ASSERT_EQUAL(paper_parse(paper, strlen(paper), &a, &env, &e), 0);
    CU_ASSERT_EQUAL(W_DECODE(order, body, strlen(body), JM_SIGNED, &a, &back, &e), 0);
    CU_ASSERT_STRING_EQUAL(back.resource, o->resource);
    CU_ASSERT_EQUAL(back.generation, o->generation);
    return env.path.n > 0;
}

static int
gate_step(void *arg, struct tx *t, struct err *e)
{
    atomic_int *open = arg;

    (void)t;
    (void)e;
    while (atomic_load(open) == 0)
        (void)sched_yield();
    return 0;
}

static void
nothing_done(void *arg, const struct err *e)
{
    (void)arg;
    (void)e;
}

static void
a_groups_orders_are_one_batch_without_those_that_failed(void)
{
    static const char *const algs[] = {ALG_SM2, ALG_P256};

    for (size_t k = 0; k < ARRAY_LEN(algs); k++) {
        struct scene x;
        struct want w[RESOURCES];
        atomic_int open = 0, done = 0;
        int batched = 0;
        struct err e = {0};
        SCOPED(arena) struct arena a = {0};
        const char *paper = NULL;

        scene_make(&x, algs[k]);
        CU_ASSERT_EQUAL(commit_submit(x.t.c.commit, gate_step, nothing_done, &open, &e), 0);
        for (int i = 0; i < RESOURCES; i++) {
            w[i] = (struct want){.x = &x, .resource = i, .fails = i == 5, .done = &done};
            CU_ASSERT_EQUAL(commit_submit(x.t.c.commit, want_step, want_done, &w[i], &e), 0);
        }
        atomic_store(&open, 1);
        while (atomic_load(&done) < RESOURCES)
            (void)sched_yield();
        for (int i = 0; i < RESOURCES; i++)
            batched += !w[i].fails && assert_good_paper(&x, &w[i].o);
        CU_ASSERT(batched >= 2); /* all, unless a slow machine cuts the group */
        paper_of(&x, w[5].o.id, &a, &paper);
        CU_ASSERT_PTR_NULL(paper);
        CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM order_ WHERE paper=''"), 0);
        CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM resource WHERE generation=1"),
                        RESOURCES - 1);
        CU_ASSERT_EQUAL(number(&x, "SELECT max(revision) FROM order_"),
                        number(&x, "SELECT revision FROM host"));
        ctl_stop(&x.t);
    }
}

static void
a_new_order_takes_the_place_of_the_older_one(void)
{
    struct scene x;
    struct want first = {.x = &x}, second = {.x = &x};
    struct err e = {0};

    scene_make(&x, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, want_step, &first, &e), 0);
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, want_step, &second, &e), 0);
    CU_ASSERT_EQUAL(first.o.generation, 1);
    CU_ASSERT_EQUAL(second.o.generation, 2);
    CU_ASSERT_EQUAL(second.o.term, 1);
    CU_ASSERT_EQUAL(second.o.incarnation, 1);
    CU_ASSERT_FALSE(assert_good_paper(&x, &second.o));
    CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM order_ WHERE superseded_ms>0"), 1);
    CU_ASSERT_EQUAL(number(&x, "SELECT o.generation FROM resource r JOIN order_ o ON o.id=r.order_ "
                               "WHERE r.ordinal=1"),
                    2);
    ctl_stop(&x.t);
}

static int
recovery_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    return controller_note_term(t, 7, e) < 0 ? -1
                                             : controller_enter_recovery(t, "a host knows more", e);
}

/* As if every host had sent its receipts. */
static int
spoken_step(void *arg, struct tx *t, struct err *e)
{
    const struct scene *x = arg;

    return host_flow_receipts_wanted(t->d, x->host, false, e);
}

static void
confirm(struct ctl *t)
{
    static const char body[] = "{\"request\":\"00000000-0000-4000-8000-000000000001\"}";
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct httpc_answer ans = {0};
    struct err e = {0};
    char token[64];

    ctl_account(t, ROLE_ADMIN, NULL, token);
    h = ctl_client(t, token);
    CU_ASSERT_EQUAL(
        httpc_call(h, "POST", "/v1/recovery:confirm", body, strlen(body), 60000, &ans, &e), 0);
    httpc_answer_clear(&ans);
}

static void
recovery_stops_every_order_until_a_person_confirms(void)
{
    struct scene x;
    struct want w = {.x = &x};
    struct err e = {0};

    scene_make(&x, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, recovery_step, NULL, &e), 0);
    CU_ASSERT_TRUE(controller_recovery(&x.t.c));
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, want_step, &w, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    ctl_restart(&x.t);
    CU_ASSERT_TRUE(controller_recovery(&x.t.c));
    CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM order_"), 0);
    ctl_serve(&x.t);
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, spoken_step, &x, &e), 0);
    confirm(&x.t);
    CU_ASSERT_FALSE(controller_recovery(&x.t.c));
    CU_ASSERT_EQUAL(controller_term(&x.t.c), 8); /* above every term that a host has seen */
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, want_step, &w, &e), 0);
    CU_ASSERT_EQUAL(w.o.term, 8);
    ctl_stop(&x.t);
}

/* As when the confirmation stands before it in the same group: memory has the older term. */
static int
confirmed_before_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    if (meta_set_int(t->d, META_TERM, (int64_t)controller_term(t->c) + 1, e) < 0 ||
        meta_set(t->d, META_RECOVERY, "", e) < 0)
        return -1;
    return controller_enter_recovery(t, "a host has seen a newer term", e);
}

static void
what_waited_behind_a_confirmation_begins_no_recovery(void)
{
    struct scene x;
    struct err e = {0};

    scene_make(&x, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, confirmed_before_step, NULL, &e), 0);
    CU_ASSERT_FALSE(controller_recovery(&x.t.c));
    CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM ledger WHERE act='recovery.entered'"), 0);
    ctl_stop(&x.t);
}

static int
restate_step(void *arg, struct tx *t, struct err *e)
{
    struct scene *x = arg;
    size_t n = 0;

    if (hostauth_restate(t, x->host, &n, e) < 0)
        return -1;
    CU_ASSERT_EQUAL(n, 2);
    return 0;
}

static void
a_host_enrolled_anew_gets_its_orders_restated_for_the_new_incarnation(void)
{
    struct scene x;
    struct want w[2];
    struct err e = {0};
    char same[W_ID];

    scene_make(&x, ALG_P256);
    for (int i = 0; i < 2; i++) {
        w[i] = (struct want){.x = &x, .resource = i};
        CU_ASSERT_EQUAL(commit_run(x.t.c.commit, want_step, &w[i], &e), 0);
    }
    ctl_enrol(&x.t, "host-1", same);
    CU_ASSERT_STRING_EQUAL(x.host, same);
    CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM order_ WHERE incarnation=2 AND generation=2 "
                               "AND superseded_ms=0 AND wanted=3 AND paper<>''"),
                    2);
    CU_ASSERT_EQUAL(commit_run(x.t.c.commit, restate_step, &x, &e), 0);
    CU_ASSERT_EQUAL(number(&x, "SELECT count(*) FROM order_ WHERE generation=3"), 2);
    ctl_stop(&x.t);
}

CU_TestInfo issue_tests[] = {
    {"a group's orders are one batch, without those that failed",
     a_groups_orders_are_one_batch_without_those_that_failed},
    {"a new order takes the place of the older one", a_new_order_takes_the_place_of_the_older_one},
    {"recovery stops every order, over a restart, until a person confirms",
     recovery_stops_every_order_until_a_person_confirms},
    {"what waited behind a confirmation begins no recovery",
     what_waited_behind_a_confirmation_begins_no_recovery},
    {"a host enrolled anew gets its orders restated for the new incarnation",
     a_host_enrolled_anew_gets_its_orders_restated_for_the_new_incarnation},
    CU_TEST_INFO_NULL,
};
