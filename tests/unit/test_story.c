/* One approved quota from grant to certificate, over real HTTP; time is moved, not waited for. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/jobs.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/x509.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_usage.h"
#include "tests/unit/flowsee.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
enum { SLOT_MS = 1000, HOLD_MS = 600000 };

static void
quick_policy(struct flow *f)
{
    struct w_policy p;
    const char *doc =
        "{\\\"version\\\":\\\"quick-1\\\",\\\"sample_ms\\\":1000,\\\"slot_ms\\\":1000,"
        "\\\"evaluate_ms\\\":3600000,\\\"window_ms\\\":60000,\\\"min_age_ms\\\":0,"
        "\\\"min_coverage_percent\\\":50,\\\"p95_cpu_below\\\":500,\\\"peak_cpu_below\\\":1000,"
        "\\\"under_p95_cpu_below\\\":2000,\\\"least_hold_ms\\\":1000,"
        "\\\"clock_working_days\\\":3}";

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", "/v1/policies",
                 flow_text(f, "{\"document\":\"%s\"}", doc), policy, &p));
}

static void
job(struct flow *f, enum job what)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

    OK(job_run(&f->ctl.c, d, what, &f->err));
}

/* Sixty slots up to now; the same batch twice, as after a lost answer. */
static void
measure(struct flow *f, const char *vm, uint64_t avg, uint64_t peak)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_slot slots[60];
    struct w_samples s = {.seq = 1, .slot_ms = SLOT_MS, .slots = {slots, 60}};
    struct w_status_answer ans;
    int64_t now = f->ctl.c.wall_ms() / SLOT_MS * SLOT_MS;

    memset(slots, 0, sizeof(slots));
    memcpy(s.boot, f->boot, sizeof(s.boot));
    for (int i = 0; i < 60; i++) {
        memcpy(slots[i].vm, vm, W_ID);
        slots[i].metric = METRIC_CPU;
        slots[i].at_ms = now - (60 - i) * SLOT_MS;
        slots[i].running_ms = SLOT_MS;
        slots[i].avg = avg;
        slots[i].peak = peak;
    }
    jm_encode(schema_samples, &s, &b);
    OK(FLOW_CALL(f, f->agent, "POST", "/a/v1/samples", strbuf_peek(&b), status_answer, &ans));
    OK(FLOW_CALL(f, f->agent, "POST", "/a/v1/samples", strbuf_peek(&b), status_answer, &ans));
}

/* The host's full inventory of what is there. */
static void
inventory(struct flow *f)
{
    struct w_order o[32];
    struct w_observed x[32];
    size_t n, m = 0;

    f->cursor = 0;
    OK(flow_desired(f, 0));
    n = flow_orders(f, o, 32);
    for (size_t i = 0; i < n; i++)
        if (o[i].wanted != WANT_ABSENT)
            x[m++] = flow_observed(f, &o[i]);
    OK(flow_status(f, x, m, true));
}

static void
books_are_right(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    int64_t promises = -1;

    flow_books_are_right(f);
    OK(host_promises_wrong(d, &promises, &f->err));
    CU_ASSERT_EQUAL(promises, 0);
    OK(job_run(&f->ctl.c, d, JOB_PROOF, &f->err));
}

static struct w_finding_view
idle_finding(struct flow *f, const char *vm)
{
    struct w_finding_list l;

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/findings", NULL, finding_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_finding_view, i)->vm, vm) == 0)
            return *JM_ITEM(l.items, struct w_finding_view, i);
    CU_FAIL_FATAL("no finding about that VM");
    return (struct w_finding_view){.verdict = 0};
}

static struct w_plan
plan_of(struct flow *f, const struct w_finding_view *v, struct w_plan_line *lines, size_t n)
{
    struct w_plan p = {.version = 1, .hold_ms = HOLD_MS, .reason = "idle", .lines = {lines, n}};

    memcpy(p.id, flow_uuid(f), 37);
    memcpy(p.finding, v->id, W_ID);
    memcpy(p.grant, v->grant, W_ID);
    memcpy(p.system, v->system, W_ID);
    memcpy(p.approver, f->account[FLOW_BUREAU], W_ID);
    p.issued_at_ms = f->ctl.c.wall_ms();
    return p;
}

static struct w_plan_line
line_of(const char *id, int kind, int verb)
{
    struct w_plan_line l = {.kind = kind, .verb = verb};

    memcpy(l.resource, id, 37);
    return l;
}

static void
act(struct flow *f, enum flow_who who, const char *id, const char *verb)
{
    struct w_accepted acc;

    OK(FLOW_CALL(f, f->people[who], "POST", flow_text(f, "/v1/resources/%s:%s", id, verb),
                 flow_text(f, "{\"request\":\"%s\",\"backup_declared\":true}", flow_uuid(f)),
                 accepted, &acc));
}

static void
started(struct flow *f)
{
    struct w_accepted acc;

    flow_start(f);
    quick_policy(f);
    struct w_grant *g = flow_grant(f, "X-2026-7");
    g->hold_ms = HOLD_MS;
    OK(flow_grant_add(f, g, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL_FATAL(flow_carry_out(f), 4);
}

static void
downgrade(struct flow *f, const char *vm, const struct w_finding_view *v)
{
    struct w_plan_line l = line_of(vm, RES_VM, VERB_DOWNGRADE);
    struct w_accepted acc;

    l.vcpus = 1;
    l.mem_mib = 512;
    struct w_plan p = plan_of(f, v, &l, 1);
    OK(flow_plan_add(f, &p, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 1);
    CU_ASSERT_EQUAL(flow_quota(f, "vcpus").used, 4); /* the larger is held until it is read back */
    OK(flow_desired(f, 0));
    CU_ASSERT_EQUAL(f->set.plans.n, 1);
    inventory(f);
    CU_ASSERT_EQUAL(flow_quota(f, "vcpus").used, 3);
    CU_ASSERT_EQUAL(flow_quota(f, "mem_mib").used, 1536);
    CU_ASSERT_EQUAL(flow_resource(f, vm).prior_vcpus, 2);
}

static void
erase(struct flow *f, const char *vm, const struct w_finding_view *v)
{
    struct w_plan_line l[2] = {line_of(vm, RES_VM, VERB_BIN), line_of(vm, RES_VM, VERB_ERASE)};
    struct w_plan p = plan_of(f, v, l, 2), only = plan_of(f, v, l + 1, 1);
    struct w_accepted acc;

    CU_ASSERT_EQUAL(flow_plan_add(f, &only, flow_uuid(f), &acc), -1); /* it is not in the bin */
    CU_ASSERT_EQUAL(f->status, 409);
    OK(flow_plan_add(f, &p, flow_uuid(f), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 1); /* overwriting waits for the hold */
    CU_ASSERT_EQUAL(flow_carry_out(f), 1);
    CU_ASSERT_EQUAL(flow_resource(f, vm).seen, SEEN_BINNED);
    job(f, JOB_PLANS);
    CU_ASSERT_EQUAL(flow_carry_out(f), 0);
    ctl_clock(HOLD_MS + 500, HOLD_MS + 500);
    job(f, JOB_PLANS);
    CU_ASSERT_EQUAL(flow_carry_out(f), 1);
}

static void
from_grant_to_certificate(void)
{
    struct flow f;
    struct w_certificate_view cert;
    struct w_explanation why;
    uint64_t entries = 0;

    started(&f);
    const char *vm = flow_named(&f, "web-2");
    measure(&f, vm, 10, 20);
    measure(&f, flow_named(&f, "web-1"), 6000, 9000);
    job(&f, JOB_FINDINGS);
    struct w_finding_view v = idle_finding(&f, vm);
    CU_ASSERT_EQUAL(v.verdict, VERDICT_IDLE);
    CU_ASSERT_EQUAL(v.suggest_vcpus, 1);

    downgrade(&f, vm, &v);
    act(&f, FLOW_TENANT, vm, "restore");
    inventory(&f);
    CU_ASSERT_EQUAL(flow_resource(&f, vm).vcpus, 2);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 4);

    erase(&f, vm, &v);
    struct w_resource_view gone = flow_resource(&f, vm);
    CU_ASSERT_EQUAL(gone.seen, SEEN_ABSENT);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET",
                 flow_text(&f, "/v1/certificates/%s", gone.certificate), NULL, certificate_view,
                 &cert));
    CU_ASSERT_PTR_NOT_NULL(strstr(cert.page, "数据清除证明"));
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_OTHER], "GET",
                              flow_text(&f, "/v1/certificates/%s", gone.certificate), NULL,
                              certificate_view, &cert),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);

    inventory(&f);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 2);
    CU_ASSERT_EQUAL(flow_quota(&f, "disk_gib").used, 3);
    CU_ASSERT_EQUAL(flow_quota(&f, "disk_gib").drift, 0);
    CU_ASSERT_FALSE(flow_quota(&f, "disk_gib").unproven);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/explain/%s", vm), NULL,
                 explanation, &why));
    CU_ASSERT(why.replay_equal);
    CU_ASSERT(why.lines.n > 8);
    books_are_right(&f);
    OK(ctl_verify(&f.ctl, &entries, &f.err));
    CU_ASSERT(entries > 20);
    flow_stop(&f);
}

static void
a_restored_machine_is_not_overwritten_by_an_old_plan(void)
{
    struct flow f;
    struct w_accepted acc;

    started(&f);
    const char *vm = flow_named(&f, "web-2");
    measure(&f, vm, 10, 20);
    job(&f, JOB_FINDINGS);
    struct w_finding_view v = idle_finding(&f, vm);
    struct w_plan_line l[2] = {line_of(vm, RES_VM, VERB_BIN), line_of(vm, RES_VM, VERB_ERASE)};
    struct w_plan p = plan_of(&f, &v, l, 2);
    OK(flow_plan_add(&f, &p, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 2);
    CU_ASSERT_EQUAL(flow_quota(&f, "disk_gib").used, 5);
    job(&f, JOB_FINDINGS); /* in the bin there is nothing to judge: the finding stands */
    CU_ASSERT_STRING_EQUAL(idle_finding(&f, vm).id, v.id);
    act(&f, FLOW_TENANT, vm, "restore");
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").reserved, 2);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 4);
    act(&f, FLOW_TENANT, vm, "bin");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    ctl_clock(HOLD_MS * 3, HOLD_MS * 3);
    job(&f, JOB_PLANS);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 0);
    CU_ASSERT_EQUAL(flow_resource(&f, vm).wanted, WANT_BINNED);
    flow_stop(&f);
}

/* The host asked so often, and no answer reached it. */
static void
renewals_lost(struct flow *f, int times)
{
    SCOPED(arena) struct arena a = {0};
    struct w_renew_request req = {0};
    struct w_enrol_answer got;
    const char *key = NULL;

    for (int i = 0; i < times; i++) {
        SCOPED(strbuf) struct strbuf b = {0};

        OK(x509_csr_new("x", &a, &key, &req.csr_pem, &f->err));
        jm_encode(schema_renew_request, &req, &b);
        OK(FLOW_CALL(f, f->agent, "POST", "/a/v1/renew", strbuf_peek(&b), enrol_answer, &got));
    }
}

static void
an_erasure_report_by_another_key_is_not_believed(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_order o[4];

    started(&f);
    const char *vm = flow_named(&f, "web-1");
    const char *data = flow_named(&f, "data");
    act(&f, FLOW_TENANT, vm, "bin");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    ctl_clock(HOLD_MS + 500, HOLD_MS + 500);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST",
                              flow_text(&f, "/v1/resources/%s:erase", vm),
                              flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc),
                    -1);
    CU_ASSERT_EQUAL(f.status, 400); /* no backup was declared */
    act(&f, FLOW_TENANT, vm, "erase");
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, o, 4), 1);
    struct w_observed x = flow_observed(&f, &o[0]);
    x.erasure = flow_erasure_by(&f, &o[0], f.grant_key);
    OK(flow_status(&f, &x, 1, false));
    struct w_resource_view r = flow_resource(&f, vm);
    CU_ASSERT_FALSE(r.equal);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.reason, "not signed by a key of host"));
    CU_ASSERT_EQUAL(flow_quota(&f, "disk_gib").used, 5);
    x.erasure = NULL;
    OK(flow_status(&f, &x, 1, false));
    CU_ASSERT_EQUAL(flow_quota(&f, "disk_gib").used, 5);
    x.erasure = flow_erasure(&f, &o[0]);
    renewals_lost(&f, 20);
    OK(flow_status(&f, &x, 1, false));
    CU_ASSERT_EQUAL(flow_quota(&f, "disk_gib").used, 3);
    CU_ASSERT_EQUAL(flow_resource(&f, data).wanted, WANT_PRESENT);
    flow_stop(&f);
}

/* Into the recycle bin and out of it for good: the erase order that the host gets. */
static struct w_order
to_be_erased(struct flow *f, const char *id)
{
    struct w_order o[8], found = {0};

    act(f, FLOW_TENANT, flow_named(f, "web-1"), "bin");
    act(f, FLOW_TENANT, id, "bin");
    CU_ASSERT(flow_carry_out(f) > 0);
    ctl_clock(HOLD_MS + 500, HOLD_MS + 500);
    act(f, FLOW_TENANT, id, "erase");
    OK(flow_desired(f, 0));
    for (size_t n = flow_orders(f, o, 8); n > 0; n--)
        if (strcmp(o[n - 1].resource, id) == 0)
            found = o[n - 1];
    CU_ASSERT_EQUAL(found.wanted, WANT_ABSENT);
    return found;
}

/* The host has taken up every order, and each of them fails. */
static void
nothing_is_made(struct flow *f)
{
    struct w_observed x[8];
    struct w_order o[8];
    size_t n;

    OK(flow_desired(f, 0));
    n = flow_orders(f, o, 8);
    for (size_t i = 0; i < n; i++) {
        x[i] = flow_observed(f, &o[i]);
        x[i].seen = SEEN_FAILED;
        x[i].equal = false;
        x[i].vcpus = 0;
        x[i].mem_mib = x[i].bytes = 0;
    }
    OK(flow_status(f, x, n, false));
}

static void
what_was_never_made_ends_with_a_certificate_that_says_so(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_certificate_view c;

    flow_start(&f);
    quick_policy(&f);
    struct w_grant *g = flow_grant(&f, "X-2026-7");
    g->hold_ms = HOLD_MS;
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    nothing_is_made(&f);
    const char *data = flow_named(&f, "data");
    struct w_order o = to_be_erased(&f, data);
    struct w_observed x = flow_observed(&f, &o);
    x.erasure = flow_never_made(&f, &o);
    OK(flow_status(&f, &x, 1, false));
    struct w_resource_view r = flow_resource(&f, data);
    CU_ASSERT_TRUE(r.equal);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET",
                 flow_text(&f, "/v1/certificates/%s", r.certificate), NULL, certificate_view, &c));
    CU_ASSERT_PTR_NOT_NULL(strstr(c.page, "从未建成"));
    CU_ASSERT_PTR_NOT_NULL(strstr(c.paper, "never_made"));
    flow_stop(&f);
}

static void
what_was_read_back_once_is_not_believed_never_made(void)
{
    struct flow f;

    started(&f);
    const char *data = flow_named(&f, "data");
    struct w_order o = to_be_erased(&f, data);
    struct w_observed x = flow_observed(&f, &o);
    x.erasure = flow_never_made(&f, &o);
    OK(flow_status(&f, &x, 1, false));
    struct w_resource_view r = flow_resource(&f, data);
    CU_ASSERT_FALSE(r.equal);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.reason, "read back as ordered before"));
    flow_stop(&f);
}

static void
a_unit_acts_within_its_grant_and_only_on_its_own(void)
{
    struct flow f;
    struct w_accepted acc;
    const char *body, *path;

    started(&f);
    const char *vm = flow_named(&f, "web-1");
    const char *net = flow_named(&f, "lan");
    body = flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f));
    static const struct {
        enum flow_who who;
        const char *verb;
        int status;
    } rows[] = {
        {FLOW_OTHER, "bin", 404},     {FLOW_BUREAU, "bin", 403},   {FLOW_PROVIDER, "erase", 403},
        {FLOW_PROVIDER, "stop", 403}, {FLOW_TENANT, "erase", 409}, {FLOW_TENANT, "restore", 409},
        {FLOW_TENANT, "start", 409},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        path = flow_text(&f, "/v1/resources/%s:%s", vm, rows[i].verb);
        CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[rows[i].who], "POST", path, body, accepted, &acc),
                        -1);
        CU_ASSERT_EQUAL(f.status, rows[i].status);
    }
    path = flow_text(&f, "/v1/resources/%s:bin", net);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", path, body, accepted, &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    act(&f, FLOW_TENANT, vm, "stop");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(flow_resource(&f, vm).seen, SEEN_STOPPED);
    CU_ASSERT_EQUAL(flow_quota(&f, "vcpus").used, 4);
    flow_stop(&f);
}

static struct w_finding_view
newest_finding(struct flow *f, const char *vm)
{
    struct w_finding_list l;

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/findings?all=1&vm=%s", vm),
                 NULL, finding_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    return *JM_ITEM(l.items, struct w_finding_view, 0);
}

/* Shares of the old size say nothing about the new one. */
static void
a_changed_size_begins_its_window_anew(void)
{
    struct flow f;

    started(&f);
    const char *vm = flow_named(&f, "web-2");
    measure(&f, vm, 10, 20);
    job(&f, JOB_FINDINGS);
    struct w_finding_view v = newest_finding(&f, vm);
    CU_ASSERT_EQUAL(v.verdict, VERDICT_IDLE);
    downgrade(&f, vm, &v);
    job(&f, JOB_FINDINGS);
    CU_ASSERT_EQUAL(newest_finding(&f, vm).at_ms, v.at_ms); /* nothing is known of the new size */
    ctl_clock(70000, 70000);
    OK(flow_hello(&f));
    measure(&f, vm, 10, 20);
    job(&f, JOB_FINDINGS);
    struct w_finding_view again = newest_finding(&f, vm);
    CU_ASSERT_EQUAL(again.verdict, VERDICT_IDLE);
    CU_ASSERT_STRING_NOT_EQUAL(again.id, v.id);
    CU_ASSERT_STRING_EQUAL(again.plan, "");
    flow_stop(&f);
}

static void
a_unit_that_reshapes_is_judged_all_the_same(void)
{
    static const char *const wishes[] = {"\"vcpus\":1", "\"vcpus\":2",
                                         "\"mem_mib\":512,\"confirm\":true"};
    struct flow f;
    struct w_accepted acc;

    started(&f);
    const char *vm = flow_named(&f, "web-2");
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        OK(FLOW_CALL(
            &f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/resources/%s:resize", vm),
            flow_text(&f, "{\"request\":\"%s\",\"restart\":\"now\",%s}", flow_uuid(&f), wishes[i]),
            accepted, &acc));
        inventory(&f);
    }
    measure(&f, vm, 100, 200); /* also before the newest change: 1 % at most, of the larger size */
    job(&f, JOB_FINDINGS);
    struct w_finding_view v = newest_finding(&f, vm);
    CU_ASSERT_EQUAL(v.verdict, VERDICT_IDLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.reason, "changes of size: 2"));
    flow_stop(&f);
}

static void
a_machine_is_as_old_as_its_first_run(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;

    flow_start(&f);
    quick_policy(&f);
    g = flow_grant(&f, "X-2026-7");
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    ctl_clock(100000, 100000); /* it was ordered, and could not be made yet */
    OK(flow_hello(&f));
    const char *vm = flow_named(&f, "web-2");
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        int64_t ran = -1, sized = -1;

        OK(order_run_times(d, vm, &ran, &sized, &f.err));
        CU_ASSERT_EQUAL(ran, 0);
        CU_ASSERT_EQUAL_FATAL(flow_carry_out(&f), 4);
        OK(order_run_times(d, vm, &ran, &sized, &f.err));
        CU_ASSERT(ran > f.ctl.c.wall_ms() - 50000);
        CU_ASSERT_EQUAL(sized, 0);
    }
    flow_stop(&f);
}

enum { WAITING = 200 };
struct crowd {
    struct flow *f;
    const char *vm;
    const struct w_finding_view *v;
};

/* Two plans full of lines that wait for a hold. */
static int
crowd_step(void *arg, struct tx *t, struct err *e)
{
    struct crowd *c = arg;
    struct w_plan_line lines[WAITING];

    for (int i = 0; i < WAITING; i++)
        lines[i] = line_of(c->vm, RES_VM, i % 2 == 0 ? VERB_ERASE : VERB_RESTORE);
    for (int i = 0; i < 2; i++) {
        struct w_plan p = plan_of(c->f, c->v, lines, WAITING);

        if (plan_insert(t->d, &p, c->f->account[FLOW_BUREAU], "{}", t->now_ms, e) < 0)
            return -1;
    }
    return 0;
}

static void
lines_that_wait_do_not_stand_in_the_way(void)
{
    struct flow f;
    struct crowd c;

    started(&f);
    const char *vm = flow_named(&f, "web-2");
    measure(&f, vm, 10, 20);
    job(&f, JOB_FINDINGS);
    struct w_finding_view v = newest_finding(&f, vm);
    c = (struct crowd){&f, vm, &v};
    OK(commit_run(f.ctl.c.commit, crowd_step, &c, &f.err));
    downgrade(&f, vm, &v);
    flow_stop(&f);
}

CU_TestInfo story_tests[] = {
    {"a size that the bureau changed begins its window anew",
     a_changed_size_begins_its_window_anew},
    {"a unit that reshapes is judged all the same", a_unit_that_reshapes_is_judged_all_the_same},
    {"a machine is as old as its first run", a_machine_is_as_old_as_its_first_run},
    {"lines that wait do not stand in the way", lines_that_wait_do_not_stand_in_the_way},
    {"from grant to certificate", from_grant_to_certificate},
    {"a restored machine is not overwritten by an old plan",
     a_restored_machine_is_not_overwritten_by_an_old_plan},
    {"what was never made ends with a certificate that says so",
     what_was_never_made_ends_with_a_certificate_that_says_so},
    {"what was read back once is not believed never made",
     what_was_read_back_once_is_not_believed_never_made},
    {"an erasure report by another key is not believed",
     an_erasure_report_by_another_key_is_not_believed},
    {"a unit acts within its grant and only on its own",
     a_unit_acts_within_its_grant_and_only_on_its_own},
    CU_TEST_INFO_NULL,
};
