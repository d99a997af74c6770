/* The way from a grant to equal readback over real HTTP, and what may go wrong on it. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "controller/commit.h"
#include "controller/act.h"
#include "controller/dispatch.h"
#include "controller/jobs.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "tests/unit/flowsee.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

static struct w_grant_view
grant_view(struct flow *f, const char *id)
{
    struct w_grant_view g;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/grants/%s", id), NULL,
                 grant_view, &g));
    return g;
}

static void
a_grant_becomes_orders_that_close_on_equal_readback(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o[8];

    flow_start(&f);
    const struct w_grant *grant = flow_grant(&f, "X-2026-1");
    OK(flow_grant_add(&f, grant, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 4);
    CU_ASSERT_EQUAL(grant_view(&f, grant->id).orders_open, 4);

    OK(flow_desired(&f, 0));
    CU_ASSERT(f.set.full);
    CU_ASSERT_EQUAL(f.set.grants.n, 1);
    CU_ASSERT_EQUAL(f.set.keys.n, 1);
    CU_ASSERT_PTR_NOT_NULL(f.set.head);
    CU_ASSERT_EQUAL(flow_orders(&f, o, 8), 4);
    CU_ASSERT_EQUAL(o[0].kind, RES_NETWORK);

    f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    struct w_grant_view g = grant_view(&f, grant->id);
    CU_ASSERT_EQUAL(g.orders, 4);
    CU_ASSERT_EQUAL(g.orders_open, 0);
    CU_ASSERT(g.clock.met_ms > 0);
    CU_ASSERT_FALSE(g.clock.overdue);
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_TENANT), 4);
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_OTHER), 0);
    flow_stop(&f);
}

static void
pages_follow_each_other_without_gap_or_repeat(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_resource_list l;
    char after[200] = "";
    size_t n = 0;

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    do {
        OK(FLOW_CALL(
            &f, f.people[FLOW_BUREAU], "GET",
            flow_text(&f, "/v1/resources?limit=1%s%s", after[0] == '\0' ? "" : "&after=", after),
            NULL, resource_list, &l));
        n += l.items.n;
        after[0] = '\0';
        if (l.next != NULL)
            (void)snprintf(after, sizeof(after), "%s", l.next);
    } while (after[0] != '\0' && n < 10);
    CU_ASSERT_EQUAL(n, 4);
    flow_stop(&f);
}

static void
a_lost_answer_is_answered_the_same_again(void)
{
    struct flow f;
    struct w_accepted one, two;
    struct w_order o[8];
    struct w_observed x[8];

    flow_start(&f);
    const struct w_grant *grant = flow_grant(&f, "X-1");
    const char *request = flow_uuid(&f);
    OK(flow_grant_add(&f, grant, request, &one));
    /* The signature differs each time, so the body does: the number says that it is there. */
    CU_ASSERT_EQUAL(flow_grant_add(&f, grant, request, &two), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_EQUAL(flow_grant_add(&f, grant, flow_uuid(&f), &two), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, grant->id));
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_TENANT), 4);

    const char *body = flow_text(&f,
                                 "{\"request\":\"%s\",\"for_ms\":60000,\"reason\":\"x\","
                                 "\"host\":\"%s\"}",
                                 flow_uuid(&f), f.host);
    struct w_hold h1, h2;
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/holds", body, hold, &h1));
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/holds", body, hold, &h2));
    CU_ASSERT_STRING_EQUAL(h1.id, h2.id);

    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.holds.n, 1);
    size_t n = flow_orders(&f, o, 8);
    for (size_t i = 0; i < n; i++)
        x[i] = flow_observed(&f, &o[i]);
    OK(flow_status(&f, x, n, false));
    x[0].seen = SEEN_MISSING; /* a report of the past changes nothing */
    f.seq--;
    OK(flow_status(&f, x, 1, false));
    CU_ASSERT_EQUAL(grant_view(&f, grant->id).orders_open, 0);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/unregistered", NULL,
                              unregistered_list, &(struct w_unregistered_list){0}),
                    0);
    flow_stop(&f);
}

static void
a_grant_that_is_not_in_order_makes_nothing(void)
{
    struct flow f;
    struct w_accepted acc;

    flow_start(&f);
    for (int row = 0; row < 9; row++) {
        struct w_grant *g = flow_grant(&f, flow_text(&f, "X-%d", row));
        int status = 400;

        switch (row) {
        case 0:
            g->hold_ms = 1;
            break;
        case 1:
            g->valid_to_ms = g->valid_from_ms;
            break;
        case 2:
            memcpy(g->unit, f.unit[FLOW_OTHER], W_ID);
            break;
        case 3:
            memcpy(g->system, flow_uuid(&f), 37);
            status = 404;
            break;
        case 4:
            memcpy(g->approver, f.account[FLOW_TENANT], W_ID);
            status = 403;
            break;
        case 5:
            JM_ITEM(g->lines, struct w_grant_line, 1)->mem_mib = 1u << 20;
            status = 409;
            break;
        case 6:
            g->approval_sha256[0] = '\0';
            break;
        case 7:
            JM_ITEM(g->lines, struct w_grant_line, 1)->network_line = 9;
            break;
        case 8:
            g->approved_at_ms += INT64_C(86400000);
            break;
        default:
            break;
        }
        CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
        CU_ASSERT_EQUAL(f.status, status);
    }
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), 0);
    flow_stop(&f);
}

static void
a_paper_altered_by_one_bit_is_refused(void)
{
    struct flow f;
    struct w_accepted acc;
    SCOPED(strbuf) struct strbuf b = {0};
    const char *paper;
    size_t tried = 0;

    flow_start(&f);
    jm_encode(schema_grant, flow_grant(&f, "X-1"), &b);
    OK(paper_sign(f.grant_key, PAPER_GRANT, strbuf_peek(&b), &f.a, &paper, &f.err));
    for (size_t i = 40; i < strlen(paper); i += 97) {
        char *bad = arena_strdup(&f.a, paper);

        bad[i] ^= 1;
        CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_BUREAU], "POST", "/v1/grants",
                                  flow_text(&f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(&f),
                                            flow_quote(&f, bad)),
                                  accepted, &acc),
                        -1);
        CU_ASSERT(f.status == 400 || f.status == 403);
        tried++;
    }
    CU_ASSERT(tried > 10);
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), 0);
    flow_stop(&f);
}

static void
a_dry_run_explains_and_makes_nothing(void)
{
    struct flow f;
    struct w_grant_check c;
    SCOPED(strbuf) struct strbuf b = {0}, big = {0};

    flow_start(&f);
    struct w_grant *g = flow_grant(&f, "X-1");
    jm_encode(schema_grant, g, &b);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/grants:check",
                 flow_text(&f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(&f),
                           flow_quote(&f, strbuf_peek(&b))),
                 grant_check, &c));
    CU_ASSERT(c.fits);
    CU_ASSERT_EQUAL(c.placements.n, 4);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(c.placements, struct w_placement, 0)->host_name, "h1");
    JM_ITEM(g->lines, struct w_grant_line, 1)->mem_mib = 1u << 20;
    jm_encode(schema_grant, g, &big);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/grants:check",
                 flow_text(&f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(&f),
                           flow_quote(&f, strbuf_peek(&big))),
                 grant_check, &c));
    CU_ASSERT_FALSE(c.fits);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.reason, "h1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(c.reason, "MiB"));
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), 0);
    flow_stop(&f);
}

/* ---- the poll -----------------------------------------------------------------------------------
 */

static void
cursors_give_everything_once_and_then_news(void)
{
    struct flow f;
    struct w_accepted acc;

    flow_start(&f);
    OK(flow_desired(&f, 0));
    CU_ASSERT(f.set.full);
    CU_ASSERT_EQUAL(f.set.orders.n, 0); /* an empty set is a set: nothing is removed by it */
    CU_ASSERT(f.cursor > 0);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    OK(flow_desired(&f, 0));
    CU_ASSERT_FALSE(f.set.full);
    CU_ASSERT_EQUAL(f.set.orders.n, 4);
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.orders.n, 0);
    CU_ASSERT_FALSE(f.set.full);
    f.cursor += 1000; /* from a future that this store does not have */
    OK(flow_desired(&f, 0));
    CU_ASSERT(f.set.full);
    CU_ASSERT_EQUAL(f.set.orders.n, 4);
    flow_stop(&f);
}

struct waiting {
    bool done;
    struct w_desired_answer ans;
    struct flow *f;
};

static void
poll_done(void *arg, struct httpc_answer *a)
{
    struct waiting *w = arg;

    w->done = true;
    CU_ASSERT_EQUAL(a->status, 200);
    if (a->status == 200)
        OK(W_DECODE(desired_answer, arena_strndup(&w->f->a, a->body, a->len), a->len, JM_PEER,
                    &w->f->a, &w->ans, &w->f->err));
}

static void
a_waiting_poll_is_woken_by_the_commit(void)
{
    struct flow f;
    struct w_accepted acc;
    struct waiting w = {.f = &f};

    flow_start(&f);
    OK(flow_desired(&f, 0));
    const char *q =
        flow_text(&f, "{\"cursor\":%llu,\"wait_ms\":20000}", (unsigned long long)f.cursor);
    OK(httpc_start(f.agent, "POST", "/a/v1/desired", q, strlen(q), 30000, poll_done, &w, &f.err));
    for (int i = 0; i < 500 && dispatch_parked(f.ctl.c.dispatch) == 0; i++)
        httpc_run(f.agent, 10);
    CU_ASSERT_EQUAL(dispatch_parked(f.ctl.c.dispatch), 1);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    for (int i = 0; i < 500 && !w.done; i++)
        httpc_run(f.agent, 10);
    CU_ASSERT(w.done);
    CU_ASSERT_EQUAL(w.ans.orders.n, 4);
    CU_ASSERT_EQUAL(dispatch_parked(f.ctl.c.dispatch), 0);
    flow_stop(&f);
}

/* ---- readback
 * ------------------------------------------------------------------------------------- */

static void
only_equal_figures_close_an_order(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o[8];

    flow_start(&f);
    const struct w_grant *grant = flow_grant(&f, "X-1");
    OK(flow_grant_add(&f, grant, flow_uuid(&f), &acc));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, o, 8), 4);
    for (int row = 0; row < 6; row++) {
        struct w_observed x = flow_observed(&f, &o[3]);

        CU_ASSERT_EQUAL_FATAL(o[3].kind, RES_VM);
        x.equal = row != 0;
        x.mem_mib -= row == 1;
        x.vcpus += row == 2;
        x.seen = row == 3 ? SEEN_STOPPED : x.seen;
        x.generation -= row == 4;
        x.seen = row == 5 ? SEEN_UNKNOWN : x.seen;
        OK(flow_status(&f, &x, 1, false));
        CU_ASSERT_EQUAL(grant_view(&f, grant->id).orders_open, 4);
    }
    struct w_observed x = flow_observed(&f, &o[3]);
    OK(flow_status(&f, &x, 1, false));
    CU_ASSERT_EQUAL(grant_view(&f, grant->id).orders_open, 3);
    flow_stop(&f);
}

static size_t
unregistered(struct flow *f, int seen)
{
    struct w_unregistered_list l;
    size_t n = 0;

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/unregistered", NULL, unregistered_list,
                 &l));
    for (size_t i = 0; i < l.items.n; i++)
        n += JM_ITEM(l.items, struct w_unregistered_view, i)->seen == seen;
    return n;
}

static void
what_no_order_knows_is_registered_and_what_is_gone_is_missing(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o[8];
    struct w_observed x[8];

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    OK(flow_desired(&f, 0));
    size_t n = flow_orders(&f, o, 8);
    for (size_t i = 0; i < n; i++)
        x[i] = flow_observed(&f, &o[i]);
    OK(flow_status(&f, x, n, true));
    x[n] = (struct w_observed){.kind = RES_VM, .seen = SEEN_FOREIGN, .at_ms = 1};
    memcpy(x[n].resource, flow_uuid(&f), 37);
    (void)snprintf(x[n].name, sizeof(x[n].name), "made-by-hand");
    OK(flow_status(&f, x, n + 1, true));
    CU_ASSERT_EQUAL(unregistered(&f, SEEN_FOREIGN), 1);
    ctl_clock(-60000, 0);                /* the newest counts, whatever the clock says */
    OK(flow_status(&f, x, n - 1, true)); /* a full inventory without the last machine */
    CU_ASSERT_EQUAL(unregistered(&f, SEEN_FOREIGN), 0);
    CU_ASSERT_EQUAL(unregistered(&f, SEEN_MISSING), 1);
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_TENANT), 4); /* nothing is forgotten */
    OK(flow_status(&f, x, n, true));
    CU_ASSERT_EQUAL(unregistered(&f, SEEN_MISSING), 0);
    ctl_clock(0, 0);
    flow_stop(&f);
}

/* ---- authority
 * ------------------------------------------------------------------------------------ */

static void
taking_away_needs_its_own_authority(void)
{
    static const struct {
        int verb, authority;
        bool may;
    } rows[] = {
        {VERB_CREATE, AUTH_GRANT, true},
        {VERB_CREATE, AUTH_UNIT, true},
        {VERB_CHANGE, AUTH_UNIT, true},
        {VERB_CHANGE, AUTH_PLAN, false},
        {VERB_CREATE, AUTH_PLAN, false},
        {VERB_DOWNGRADE, AUTH_PLAN, true},
        {VERB_DOWNGRADE, AUTH_UNIT, false},
        {VERB_DOWNGRADE, AUTH_GRANT, false},
        {VERB_BIN, AUTH_GRANT, true}, /* an approved change; hosts hold it against the grant */
        {VERB_BIN, AUTH_UNIT, true},
        {VERB_BIN, AUTH_PLAN, true},
        {VERB_ERASE, AUTH_GRANT, false},
        {VERB_ERASE, AUTH_UNIT, true},
        {VERB_ERASE, AUTH_PLAN, true},
        {VERB_RESTORE, AUTH_GRANT, true},
        {VERB_RESTORE, AUTH_PLAN, true},
        {VERB_POWER, AUTH_UNIT, true},
        {VERB_POWER, AUTH_GRANT, false},
        {VERB_NONE, AUTH_GRANT, false},
        {VERB_ERASE, AUTH_NONE, false},
        {-1, AUTH_UNIT, false},
        {VERB_ERASE, 99, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};

        CU_ASSERT_EQUAL(act_authority_check(rows[i].verb, rows[i].authority, &e),
                        rows[i].may ? 0 : -1);
    }
}

/* ---- recovery
 * ------------------------------------------------------------------------------------- */

static int
recovery_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    return controller_enter_recovery(t, "a host knows more", e);
}

static int
confirm(struct flow *f, struct w_status_view *st)
{
    return FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                     flow_text(f, "{\"request\":\"%s\"}", flow_uuid(f)), status_view, st);
}

static int
without(struct flow *f, const char *host, const char *reason, struct w_status_view *st)
{
    return FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:without",
                     flow_text(f, "{\"request\":\"%s\",\"host\":\"%s\",\"reason\":\"%s\"}",
                               flow_uuid(f), host, reason),
                     status_view, st);
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

static void
an_older_copy_of_the_store_learns_from_its_hosts(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_status_view st;

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    const char *copy = flow_text(&f, "%s/copy.db", f.ctl.dir);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(db_backup(d, copy, &f.err));
    }
    struct w_grant *second = flow_grant(&f, "X-2");
    (void)snprintf(JM_ITEM(second->lines, struct w_grant_line, 0)->cidr, 20, "10.78.0.0/24");
    OK(flow_grant_add(&f, second, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    f.cursor = 0;
    OK(flow_desired(&f, 0));
    struct w_desired_answer all = f.set;
    CU_ASSERT_EQUAL_FATAL(all.orders.n, 8);

    flow_restart(&f, copy);
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), 4);
    OK(flow_desired(&f, 0)); /* its head says what we once knew */
    CU_ASSERT(f.set.recovery);
    CU_ASSERT_EQUAL(f.set.orders.n, 0);
    OK(flow_hello(&f));
    CU_ASSERT(controller_recovery(&f.ctl.c));
    CU_ASSERT_EQUAL(flow_grant_add(&f, flow_grant(&f, "X-3"), flow_uuid(&f), &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);

    CU_ASSERT_EQUAL(confirm(&f, &st), -1); /* what this host knows would be forgotten */
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "h1"));
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", "/v1/status", NULL, status_view, &st));
    CU_ASSERT_STRING_EQUAL(st.receipts_missing, "h1");
    OK(flow_call(&f, f.agent, "POST", "/a/v1/receipts", flow_receipts(&f, &all), NULL, 0, NULL));
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_BUREAU), 8);
    CU_ASSERT_EQUAL(without(&f, "h1", "gone", &st), -1); /* it is not waited for */
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), status_view, &st));
    CU_ASSERT_FALSE(st.recovery);
    CU_ASSERT_EQUAL(st.term, 2);

    OK(flow_desired(&f, 0)); /* the same old head does not start it again */
    CU_ASSERT_FALSE(f.set.recovery);
    f.cursor = 0;
    CU_ASSERT_EQUAL(flow_carry_out(&f), 8);
    CU_ASSERT_EQUAL(grant_view(&f, second->id).orders_open, 0);
    flow_stop(&f);
}

/* A host that burnt down: somebody says so, with a reason, and the rest goes on. */
static void
a_lost_host_is_named_before_recovery_ends(void)
{
    struct flow f;
    struct w_status_view st;

    flow_start(&f);
    CU_ASSERT_EQUAL(without(&f, "h1", "gone", &st), -1); /* not in recovery */
    OK(commit_run(f.ctl.c.commit, recovery_step, NULL, &f.err));
    CU_ASSERT_EQUAL(confirm(&f, &st), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "recovery without HOST"));
    CU_ASSERT_EQUAL(without(&f, "h9", "gone", &st), -1);
    CU_ASSERT_EQUAL(f.status, 404);
    CU_ASSERT_EQUAL(without(&f, "h1", "", &st), -1); /* a reason is owed */
    CU_ASSERT_EQUAL(confirm(&f, &st), -1);
    OK(without(&f, "h1", "burnt down on the third", &st));
    CU_ASSERT_PTR_NULL(st.receipts_missing);
    CU_ASSERT_TRUE(st.recovery);
    CU_ASSERT_EQUAL(ledger_has(&f, "recovery.without"), 1);
    OK(confirm(&f, &st));
    CU_ASSERT_FALSE(st.recovery);
    OK(commit_run(f.ctl.c.commit, recovery_step, NULL, &f.err)); /* the next one asks anew */
    CU_ASSERT_EQUAL(confirm(&f, &st), -1);
    flow_stop(&f);
}

static void
a_term_that_cannot_be_is_not_believed(void)
{
    struct flow f;
    struct w_status_view st;

    flow_start(&f);
    CU_ASSERT_EQUAL(flow_call(&f, f.agent, "POST", "/a/v1/receipts",
                              "{\"papers\":[],\"term\":9007199254740991}", NULL, 0, NULL),
                    -1);
    CU_ASSERT_EQUAL(f.status, 400);
    CU_ASSERT_STRING_EQUAL(f.err.field, "term");
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", "/v1/status", NULL, status_view, &st));
    CU_ASSERT_FALSE(st.recovery);
    CU_ASSERT_EQUAL(st.term, 1);
    flow_stop(&f);
}

/* ---- time ---------------------------------------------------------------------------------------
 */

static void
a_clock_is_overdue_from_its_own_instant(void)
{
    struct flow f;
    struct w_accepted acc;

    flow_start(&f);
    struct w_grant *g = flow_grant(&f, "X-1");
    g->approved_at_ms -= INT64_C(30) * 86400000;
    g->valid_from_ms = g->approved_at_ms;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    struct w_grant_view v = grant_view(&f, g->id);
    CU_ASSERT(v.clock.overdue);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(job_run(&f.ctl.c, d, JOB_CLOCKS, &f.err));
        OK(job_run(&f.ctl.c, d, JOB_CLOCKS, &f.err));
    }
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    v = grant_view(&f, g->id);
    CU_ASSERT(v.clock.met_ms > 0);
    CU_ASSERT(v.clock.overdue); /* met late stays late */
    flow_stop(&f);
}

static void
a_silent_host_takes_nothing_new_and_loses_nothing(void)
{
    struct flow f;
    struct w_accepted acc;
    int64_t long_ago;

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "X-1"), flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    long_ago = f.ctl.c.conf.silent_seconds * 1000 + 1000;
    ctl_clock(long_ago, long_ago);
    struct w_grant *g = flow_grant(&f, "X-2");
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "silent"));
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(job_run(&f.ctl.c, d, JOB_HOSTS, &f.err));
    }
    CU_ASSERT_EQUAL(flow_resources(&f, FLOW_TENANT), 4);
    OK(flow_hello(&f));
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 0)->cidr, 20, "10.78.0.0/24");
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    flow_stop(&f);
}

static void
a_host_whose_libvirt_does_not_answer_is_silent_with_the_reason(void)
{
    struct flow f;
    struct w_host_list l;
    struct w_status_answer ans;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_status s = {.unknown = true, .reason = "libvirt has not answered for 12 s"};
    const struct w_host_view *h;

    flow_start(&f);
    s.seq = ++f.seq;
    memcpy(s.boot, f.boot, sizeof(s.boot));
    jm_encode(schema_status, &s, &b);
    OK(FLOW_CALL(&f, f.agent, "POST", "/a/v1/status", strbuf_peek(&b), status_answer, &ans));
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/hosts", NULL, host_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    h = JM_ITEM(l.items, struct w_host_view, 0);
    CU_ASSERT_STRING_EQUAL(h->state, "silent");
    CU_ASSERT_STRING_EQUAL(h->reason, "libvirt has not answered for 12 s");
    flow_stop(&f);
}

static void
a_hold_reaches_the_host_and_ends_by_itself(void)
{
    struct flow f;
    struct w_hold h;

    flow_start(&f);
    OK(flow_desired(&f, 0));
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/holds",
                 flow_text(&f,
                           "{\"request\":\"%s\",\"for_ms\":60000,\"reason\":\"fire\",\"host\":"
                           "\"%s\"}",
                           flow_uuid(&f), f.host),
                 hold, &h));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.holds.n, 1);
    ctl_clock(61000, 61000);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(job_run(&f.ctl.c, d, JOB_HOLDS, &f.err));
    }
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.holds.n, 0);
    CU_ASSERT_EQUAL(flow_call(&f, f.people[FLOW_PROVIDER], "DELETE",
                              flow_text(&f, "/v1/holds/%s", h.id), NULL, NULL, 0, NULL),
                    -1);
    CU_ASSERT_EQUAL(f.status, 409);
    flow_stop(&f);
}

static void
a_hold_outlasts_a_clock_that_jumps(void)
{
    struct flow f;
    struct w_hold h;

    flow_start(&f);
    OK(flow_desired(&f, 0));
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/holds",
                 flow_text(&f,
                           "{\"request\":\"%s\",\"for_ms\":600000,\"reason\":\"fire\",\"host\":"
                           "\"%s\"}",
                           flow_uuid(&f), f.host),
                 hold, &h));
    ctl_clock(7200000, 1000);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        OK(job_run(&f.ctl.c, d, JOB_HOLDS, &f.err));
    }
    CU_ASSERT_TRUE(controller_clock_jumped(&f.ctl.c));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL(f.set.holds.n, 1);
    CU_ASSERT_EQUAL(ledger_has(&f, "hold.expired"), 0);
    flow_stop(&f);
}

/* A host refuses what is signed in its future: nothing is, during the jump or after it. */
static void
no_order_is_signed_in_the_future_of_a_clock_that_jumped(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o[8];
    size_t n;

    flow_start(&f);
    const struct w_grant *grant = flow_grant(&f, "X-1");
    ctl_clock(2 * 86400000, 1000);
    OK(flow_grant_add(&f, grant, flow_uuid(&f), &acc));
    CU_ASSERT_TRUE(controller_clock_jumped(&f.ctl.c));
    ctl_clock(2000, 2000); /* somebody set it right */
    OK(flow_desired(&f, 0));
    n = flow_orders(&f, o, 8);
    CU_ASSERT_EQUAL(n, 4);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT(o[i].issued_at_ms <= clock_wall_ms() + 60000);
    flow_stop(&f);
}

CU_TestInfo flow_tests[] = {
    {"a grant becomes orders that close on equal readback",
     a_grant_becomes_orders_that_close_on_equal_readback},
    {"pages follow each other without gap or repeat",
     pages_follow_each_other_without_gap_or_repeat},
    {"a lost answer is answered the same again", a_lost_answer_is_answered_the_same_again},
    {"a grant that is not in order makes nothing", a_grant_that_is_not_in_order_makes_nothing},
    {"a paper altered by one bit is refused", a_paper_altered_by_one_bit_is_refused},
    {"a dry run explains and makes nothing", a_dry_run_explains_and_makes_nothing},
    {"cursors give everything once and then news", cursors_give_everything_once_and_then_news},
    {"a waiting poll is woken by the commit", a_waiting_poll_is_woken_by_the_commit},
    {"only equal figures close an order", only_equal_figures_close_an_order},
    {"what no order knows is registered, what is gone is missing",
     what_no_order_knows_is_registered_and_what_is_gone_is_missing},
    {"taking away needs its own authority", taking_away_needs_its_own_authority},
    {"a term that cannot be is not believed", a_term_that_cannot_be_is_not_believed},
    {"an older copy of the store learns from its hosts",
     an_older_copy_of_the_store_learns_from_its_hosts},
    {"a lost host is named before recovery ends", a_lost_host_is_named_before_recovery_ends},
    {"a clock is overdue from its own instant", a_clock_is_overdue_from_its_own_instant},
    {"a silent host takes nothing new and loses nothing",
     a_silent_host_takes_nothing_new_and_loses_nothing},
    {"a host whose libvirt does not answer is silent with the reason",
     a_host_whose_libvirt_does_not_answer_is_silent_with_the_reason},
    {"no order is signed in the future of a clock that jumped",
     no_order_is_signed_in_the_future_of_a_clock_that_jumped},
    {"a hold outlasts a clock that jumps", a_hold_outlasts_a_clock_that_jumps},
    {"a hold reaches the host and ends by itself", a_hold_reaches_the_host_and_ends_by_itself},
    CU_TEST_INFO_NULL,
};
