/* Machines that were there, on the controller's side: listed, claimed, confirmed, taken over. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/db/store_quota.h"
#include "tests/unit/flow.h"

#define OLD "deadbeef-0000-4000-8000-000000000001"
#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
#define BYTES (3ULL << 30)

static struct w_found
old(struct flow *f)
{
    struct w_found_disk *d = arena_alloc(&f->a, sizeof(*d));
    struct w_found x = {.parts = {.id = OLD,
                                  .name = "old-web",
                                  .vcpus = 2,
                                  .vcpus_max = 4,
                                  .mem_mib = 2048,
                                  .mem_max_mib = 2048,
                                  .firmware = FW_BIOS},
                        .state = "running"};

    *d = (struct w_found_disk){
        .target = "vda", .kind = "file", .path = "/srv/old.img", .format = "raw", .bytes = BYTES};
    x.parts.disks = (struct jm_list){d, 1};
    return x;
}

/* The host's full inventory: one machine that no order made. */
static void
report(struct flow *f, const struct w_found *x)
{
    SCOPED(strbuf) struct strbuf b = {0}, detail = {0};
    struct w_found_text text;
    struct w_observed o = {.kind = RES_VM, .seen = SEEN_FOREIGN, .at_ms = f->ctl.c.wall_ms()};
    struct w_status s = {.seq = ++f->seq, .complete = true, .pool_free_bytes = 1ULL << 40};
    struct w_status_answer ans;

    memcpy(o.resource, OLD, sizeof(OLD));
    memcpy(o.name, x->parts.name, sizeof(o.name));
    memcpy(s.boot, f->boot, sizeof(s.boot));
    s.items = (struct jm_list){&o, 1};
    jm_encode(schema_found, x, &detail);
    text.text = strbuf_peek(&detail);
    s.found = (struct jm_list){&text, 1};
    jm_encode(schema_status, &s, &b);
    OK(FLOW_CALL(f, f->agent, "POST", "/a/v1/status", strbuf_peek(&b), status_answer, &ans));
}

static int
claim(struct flow *f, enum flow_who who, const char *vm, const char *system, struct w_claim_view *v)
{
    return FLOW_CALL(f, f->people[who], "POST", "/v1/claims",
                     flow_text(f, "{\"request\":\"%s\",\"vm\":\"%s\",\"system\":\"%s\"}",
                               flow_uuid(f), vm, system),
                     claim_view, v);
}

static struct w_grant *
grant_of(struct flow *f, const char *number, const struct w_found *x)
{
    struct w_grant *g = flow_grant(f, number);
    struct w_grant_line *l = arena_alloc(&f->a, sizeof(*l));

    l->line = 1;
    l->kind = RES_VM;
    l->count = 1;
    (void)snprintf(l->name, sizeof(l->name), "old-web");
    l->adopt = x->parts;
    memcpy(l->adopt.host, f->host, sizeof(l->adopt.host));
    l->vcpus = l->adopt.vcpus;
    l->mem_mib = l->adopt.mem_mib;
    l->disk_gib = (adopt_disk_bytes(&l->adopt) + (1 << 30) - 1) >> 30;
    g->version = 3;
    g->lines = (struct jm_list){l, 1};
    g->approved_at_ms -= INT64_C(400) * 86400000; /* an old approval */
    return g;
}

static int
confirm(struct flow *f, const struct w_grant *g, struct w_accepted *out)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const char *paper;

    jm_encode(schema_grant, g, &b);
    OK(paper_sign(f->grant_key, PAPER_GRANT, strbuf_peek(&b), &f->a, &paper, &f->err));
    return FLOW_CALL(
        f, f->people[FLOW_BUREAU], "POST", "/v1/claims:confirm",
        flow_text(f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(f), flow_quote(f, paper)),
        accepted, out);
}

static int64_t
quota(struct flow *f, const char *metric, int64_t *granted)
{
    struct w_quota_list l;

    *granted = 0;
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/quota", NULL, quota_list, &l));
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_quota_row *r = JM_ITEM(l.items, struct w_quota_row, i);

        if (strcmp(r->metric, metric) != 0)
            continue;
        *granted = r->granted;
        CU_ASSERT_EQUAL(r->reserved, 0);
        return r->used;
    }
    return 0;
}

static struct w_resource_view
resource(struct flow *f)
{
    struct w_resource_view v;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/resources/" OLD, NULL, resource_view, &v));
    return v;
}

static void
explains(struct flow *f, const char *words)
{
    struct w_explanation x;
    bool told = false;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/explain/" OLD, NULL, explanation, &x));
    for (size_t i = 0; i < x.lines.n; i++)
        told = told || strstr(JM_ITEM(x.lines, struct w_explain_line, i)->text, words) != NULL;
    CU_ASSERT_TRUE(told);
    CU_ASSERT_TRUE(x.replay_equal);
}

static void
lists_claims_and_takes_a_machine_over(void)
{
    struct flow f;
    struct w_found x;
    struct w_unregistered_list l;
    struct w_unregistered_detail d;
    struct w_claim_view v;
    struct w_claim_detail c;
    struct w_accepted acc;
    struct w_grant_view g;
    int64_t granted;

    flow_start(&f);
    x = old(&f);
    report(&f, &x);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/unregistered", NULL, unregistered_list,
                 &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_unregistered_view, 0)->claim, "待认领");
    CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_unregistered_view, 0)->bytes, BYTES);
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/unregistered/" OLD, NULL,
                 unregistered_detail, &d));
    CU_ASSERT_EQUAL(d.found.parts.disks.n, 1);
    OK(claim(&f, FLOW_TENANT, "old-web", f.system, &v)); /* by its name */
    CU_ASSERT_STRING_EQUAL(v.state, "claimed");
    CU_ASSERT_EQUAL(claim(&f, FLOW_TENANT, OLD, f.system, &v), -1); /* twice */
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/claims/%s", v.id), NULL,
                 claim_detail, &c) == -1
           ? 0
           : 0);
    OK(confirm(&f, grant_of(&f, "old 1", &x), &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 1);
    CU_ASSERT_EQUAL(quota(&f, "vcpus", &granted), 0);
    CU_ASSERT_EQUAL(granted, 0); /* nothing until it is read back */
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(quota(&f, "vcpus", &granted), 2);
    CU_ASSERT_EQUAL(granted, 2);
    CU_ASSERT_EQUAL(quota(&f, "disk_gib", &granted), 3);
    CU_ASSERT_TRUE(resource(&f).equal);
    CU_ASSERT_EQUAL(resource(&f).seen, SEEN_RUNNING);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/grants/%s", acc.id), NULL,
                 grant_view, &g));
    CU_ASSERT_EQUAL(g.clock.due_ms, 0); /* no clock runs */
    explains(&f, "存量");
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/resources/" OLD ":stop",
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(resource(&f).seen, SEEN_STOPPED);
    CU_ASSERT_EQUAL(quota(&f, "vcpus", &granted), 2);
    flow_stop(&f);
}

static void
lets_only_the_bureau_decide_between_two_claims(void)
{
    struct flow f;
    struct w_found x;
    struct w_claim_view mine, theirs, v;
    struct w_claim_list all;
    struct w_claim_detail c;
    struct w_system sys;
    struct w_accepted acc;

    flow_start(&f);
    x = old(&f);
    report(&f, &x);
    OK(FLOW_CALL(
        &f, f.people[FLOW_OTHER], "POST", "/v1/systems",
        flow_text(&f, "{\"name\":\"other\",\"unit\":\"%s\",\"mlps_level\":2,\"purpose\":\"x\"}",
                  f.unit[FLOW_OTHER]),
        system, &sys));
    CU_ASSERT_EQUAL(claim(&f, FLOW_OTHER, OLD, f.system, &v), -1); /* not its own system */
    OK(claim(&f, FLOW_TENANT, OLD, f.system, &mine));
    OK(claim(&f, FLOW_OTHER, OLD, sys.id, &theirs));
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", flow_text(&f, "/v1/claims/%s", mine.id), NULL,
                 claim_detail, &c));
    CU_ASSERT_EQUAL(c.claim.rivals, 1);
    CU_ASSERT_EQUAL(c.found.parts.vcpus, 2);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/claims/%s", mine.id), NULL,
                 claim_detail, &c));
    CU_ASSERT_STRING_EQUAL(c.found.parts.id, ""); /* whose it is, is not said yet */
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET",
                              flow_text(&f, "/v1/claims/%s", theirs.id), NULL, claim_detail, &c),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST",
                              flow_text(&f, "/v1/claims/%s:withdraw", theirs.id),
                              flow_text(&f, "{\"request\":\"%s\",\"reason\":\"x\"}", flow_uuid(&f)),
                              claim_view, &v),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/claims", NULL, claim_list, &all));
    CU_ASSERT_EQUAL(all.items.n, 1); /* its own only */
    OK(confirm(&f, grant_of(&f, "old 2", &x), &acc));
    OK(FLOW_CALL(&f, f.people[FLOW_OTHER], "GET", flow_text(&f, "/v1/claims/%s", theirs.id), NULL,
                 claim_detail, &c));
    CU_ASSERT_STRING_EQUAL(c.claim.state, "refused");
    CU_ASSERT_EQUAL(confirm(&f, grant_of(&f, "old 3", &x), &acc), -1); /* no open claim any more */
    CU_ASSERT_EQUAL(claim(&f, FLOW_OTHER, OLD, sys.id, &v), 0); /* not taken over yet: it may */
    OK(FLOW_CALL(&f, f.people[FLOW_OTHER], "POST", flow_text(&f, "/v1/claims/%s:withdraw", v.id),
                 flow_text(&f, "{\"request\":\"%s\",\"reason\":\"no\"}", flow_uuid(&f)), claim_view,
                 &v));
    CU_ASSERT_STRING_EQUAL(v.state, "withdrawn");
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_EQUAL(claim(&f, FLOW_OTHER, OLD, sys.id, &v), -1); /* registered now */
    flow_stop(&f);
}

static void
refuses_what_may_not_be_claimed_or_changed_since(void)
{
    struct flow f;
    struct w_found x;
    struct w_claim_view v;
    struct w_accepted acc;
    struct w_grant *g;

    flow_start(&f);
    x = old(&f);
    (void)snprintf(x.owner, sizeof(x.owner), "http://openstack.org/xmlns/libvirt/nova/1.1");
    report(&f, &x);
    CU_ASSERT_EQUAL(claim(&f, FLOW_TENANT, OLD, f.system, &v), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "another manager"));
    x = old(&f);
    report(&f, &x);
    OK(claim(&f, FLOW_TENANT, OLD, f.system, &v));
    g = grant_of(&f, "old 4", &x);
    x.parts.mem_mib = x.parts.mem_max_mib = 4096;
    report(&f, &x);
    CU_ASSERT_EQUAL(confirm(&f, g, &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "2048 then, 4096 now"));
    g = grant_of(&f, "old 5", &x);
    JM_ITEM(g->lines, struct w_grant_line, 0)->vcpus = 8; /* more than it has */
    CU_ASSERT_EQUAL(confirm(&f, g, &acc), -1);
    CU_ASSERT_EQUAL(flow_grant_add(&f, grant_of(&f, "old 6", &x), flow_uuid(&f), &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "confirm the claim"));
    x.job = true; /* passes by itself: the host waits for its end */
    report(&f, &x);
    OK(confirm(&f, grant_of(&f, "old 7", &x), &acc));
    flow_stop(&f);
}

/* The host left it alone; the bureau confirms it anew as it is now. */
static void
confirms_anew_what_was_never_taken_over(void)
{
    struct flow f;
    struct w_found x;
    struct w_claim_view v;
    struct w_accepted acc;
    struct w_order o;
    struct w_observed seen;
    int64_t granted;

    flow_start(&f);
    x = old(&f);
    report(&f, &x);
    OK(claim(&f, FLOW_TENANT, OLD, f.system, &v));
    OK(confirm(&f, grant_of(&f, "old 8", &x), &acc));
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, &o, 1), 1);
    seen = flow_observed(&f, &o);
    seen.seen = SEEN_FOREIGN;
    seen.equal = false;
    seen.reason = "its vCPUs changed since it was claimed: 2 then, 3 now";
    OK(flow_status(&f, &seen, 1, false));
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/resources/" OLD ":stop",
                              flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), accepted, &acc),
                    -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "has not taken over"));
    x.parts.vcpus = 3;
    report(&f, &x);
    CU_ASSERT_EQUAL(resource(&f).seen, SEEN_FOREIGN); /* there, not missing */
    OK(claim(&f, FLOW_TENANT, OLD, f.system, &v));
    OK(confirm(&f, grant_of(&f, "old 9", &x), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 1);
    CU_ASSERT_TRUE(resource(&f).equal);
    CU_ASSERT_EQUAL(quota(&f, "vcpus", &granted), 3);
    CU_ASSERT_STRING_EQUAL(resource(&f).number, "old 9");
    flow_stop(&f);
}

struct beside {
    const char *host, *vm;
};

static int
put_beside(void *arg, struct tx *t, struct err *e)
{
    const struct beside *b = arg;

    return DB_EXEC(t->d, DB_UNREG_PUT, NULL, e, DBS(b->host), DBS(b->vm), DBI(RES_VM),
                   DBS("old-web"), DBI(SEEN_FOREIGN), DBI(t->now_ms), DBI(t->now_ms));
}

/* Another host reports the same name, then the same machine: nobody may choose for a person. */
static void
takes_no_machine_that_two_hosts_report(void)
{
    static const char other[] = "deadbeef-0000-4000-8000-000000000002";
    struct flow f;
    struct w_found x;
    struct w_claim_view v;
    struct w_accepted acc;
    struct w_host_token tok;
    struct w_host_list hosts;
    struct beside b = {.host = "", .vm = other};

    flow_start(&f);
    x = old(&f);
    report(&f, &x);
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/hosts",
                 "{\"name\":\"h2\",\"cpu_overcommit_percent\":100}", host_token, &tok));
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/hosts", NULL, host_list, &hosts));
    for (size_t i = 0; i < hosts.items.n; i++)
        if (strcmp(JM_ITEM(hosts.items, struct w_host_view, i)->name, "h2") == 0)
            b.host = JM_ITEM(hosts.items, struct w_host_view, i)->id;
    OK(commit_run(f.ctl.c.commit, put_beside, &b, &f.err));
    CU_ASSERT_EQUAL(claim(&f, FLOW_TENANT, "old-web", f.system, &v), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "name it by its UUID"));
    OK(claim(&f, FLOW_TENANT, OLD, f.system, &v));
    b.vm = OLD;
    OK(commit_run(f.ctl.c.commit, put_beside, &b, &f.err));
    CU_ASSERT_EQUAL(confirm(&f, grant_of(&f, "old 8", &x), &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "exactly one host"));
    flow_stop(&f);
}

CU_TestInfo adoption_tests[] = {
    {"lists, claims and takes a machine over", lists_claims_and_takes_a_machine_over},
    {"lets only the bureau decide between two claims",
     lets_only_the_bureau_decide_between_two_claims},
    {"refuses what may not be claimed, or changed since",
     refuses_what_may_not_be_claimed_or_changed_since},
    {"confirms anew what was never taken over", confirms_anew_what_was_never_taken_over},
    {"takes no machine that two hosts report", takes_no_machine_that_two_hosts_report},
    CU_TEST_INFO_NULL,
};
