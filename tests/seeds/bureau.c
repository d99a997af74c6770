/* What the bureau decides: plans that take away by due process or give back, and approvals that
 * were given elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/codec/approval.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/paper.h"
#include "policies/calendar.h"
#include "tests/seeds/acts.h"
#include "tests/seeds/fiber.h"

/* ---- plans --------------------------------------------------------------------------------------
 */

/* A finding that supports a plan, and the machine it is about: id, vm, grant, system, vcpus, mem,
 * wanted, prior vcpus, prior mem, GiB. */
static bool
some_finding(const struct pick *p, struct query_row *out)
{
    static struct query_row r[16];
    char sql[500];
    int n;

    (void)snprintf(sql, sizeof(sql),
                   "SELECT f.id, f.vm, f.grant_, f.system, r.vcpus, r.mem_mib, r.wanted, "
                   "r.prior_vcpus, r.prior_mem_mib, r.bytes/1073741824 FROM finding f JOIN "
                   "resource r ON r.id=f.vm WHERE f.newest=1 AND f.verdict IN (%d, %d) AND "
                   "r.absent_ms=0 AND r.wanted<>%d ORDER BY f.id",
                   VERDICT_IDLE, VERDICT_UNDERUSED, WANT_ABSENT);
    n = query_rows(sql, r, 16);
    if (n > 0)
        *out = r[pick_roll(p, (uint64_t)n)];
    return n > 0;
}

static uint32_t
number(const struct query_row *r, int i)
{
    return (uint32_t)strtoul(r->col[i], NULL, 10);
}

/* One line, sometimes two; what each takes from a grant of free shape is named exactly. */
static size_t
plan_lines(const struct pick *p, const struct query_row *r, struct w_plan_line *l)
{
    uint32_t vcpus = number(r, 4), mem = number(r, 5);
    bool binned = number(r, 6) == WANT_BINNED, free = strcmp(r->col[2], sim.grant) == 0;
    const struct w_plan_line erase = {
        .kind = RES_VM, .verb = VERB_ERASE, .less_disk_gib = free ? number(r, 9) : 0};

    *l = (struct w_plan_line){.kind = RES_VM, .verb = VERB_BIN};
    l[1] = erase;
    if ((binned || number(r, 7) != 0) && pick_roll(p, 2) == 0) {
        l->verb = VERB_RESTORE;
        l->vcpus = binned ? vcpus : number(r, 7);
        l->mem_mib = binned ? mem : number(r, 8);
        return 1;
    }
    if (binned) {
        *l = erase;
        return 1;
    }
    if ((vcpus > 1 || mem > 512) && pick_roll(p, 2) == 0) {
        l->verb = VERB_DOWNGRADE;
        l->vcpus = 1;
        l->mem_mib = 512;
    }
    l->less_vcpus = free ? vcpus - l->vcpus : 0;
    l->less_mem_mib = free ? mem - l->mem_mib : 0;
    return l->verb == VERB_BIN && pick_roll(p, 2) == 0 ? 2 : 1;
}

static void
hand_in(const struct pick *p, const struct query_row *r, struct w_plan_line *l, size_t n)
{
    struct flow *f = &sim.f;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_plan plan = {.version = 1,
                          .issued_at_ms = f->ctl.c.wall_ms(),
                          .hold_ms = SIM_HOLD_MS,
                          .reason = "idle",
                          .lines = {l, n}};
    struct w_accepted acc;
    const char *paper;

    for (size_t i = 0; i < n; i++) {
        memcpy(l[i].resource, r->col[1], W_ID - 1);
        if (l[i].verb == VERB_RESTORE || l[i].less_vcpus + l[i].less_mem_mib > 0 ||
            l[i].less_disk_gib > 0)
            plan.version = 2;
    }
    memcpy(plan.id, flow_uuid(f), 37);
    memcpy(plan.finding, r->col[0], W_ID - 1);
    memcpy(plan.grant, r->col[2], W_ID - 1);
    memcpy(plan.system, r->col[3], W_ID - 1);
    memcpy(plan.approver, f->account[FLOW_BUREAU], W_ID);
    jm_encode(schema_plan, &plan, &b);
    if (paper_sign(f->grant_key, PAPER_PLAN, strbuf_peek(&b), &f->a, &paper, &f->err) < 0)
        abort();
    sim_trace("the bureau plans: %s %s", w_verb_names[l->verb], r->col[1]);
    (void)act_ask(p, FLOW_BUREAU, "/v1/plans", flow_text(f, "\"plan\":%s", flow_quote(f, paper)),
                  &acc);
}

void
act_plan(struct pick *p)
{
    struct w_plan_line l[2];
    struct query_row r;

    if (some_finding(p, &r)) {
        hand_in(p, &r, l, plan_lines(p, &r, l));
        return;
    }
    fiber_lag_ms(5000); /* until something has been measured for long enough */
    sim_pass(7500000);
    fiber_lag_ms(0);
}

/* ---- approvals given elsewhere ------------------------------------------------------------------
 */

/* A machine of its own network, in the exact shape. */
static void
approval(struct flow *f, struct w_approval_import *d)
{
    struct w_grant_line *l = flow_grant(f, "x")->lines.items;
    char day[11];

    cal_text(cal_day_of_ms(f->ctl.c.wall_ms(), CAL_TZ_CHINA), day);
    *d = (struct w_approval_import){.version = 1, .hold_ms = SIM_HOLD_MS, .lines = {l, 2}};
    (void)snprintf(l[0].cidr, sizeof(l[0].cidr), "10.%d.0.0/24", 100 + sim.step % 100);
    (void)snprintf(l[1].image, sizeof(l[1].image), "%s", sim.image);
    l[1].count = l[1].vcpus = l[1].disk_gib = 1;
    l[1].mem_mib = 512;
    (void)snprintf(d->number, sizeof(d->number), "import-%d", sim.step);
    (void)snprintf(d->date, sizeof(d->date), "%s", day);
    memcpy(d->system, f->system, W_ID);
    memcpy(d->unit, f->unit[FLOW_TENANT], W_ID);
    memset(d->approval_sha256, '4', 64);
    memset(d->agreement_sha256, '5', 64);
    memset(d->declaration_sha256, '6', 64);
}

static void
confirm_import(const struct pick *p, const struct w_approval_import *d,
               const struct w_import_result *r)
{
    struct flow *f = &sim.f;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_case_view v;
    struct w_accepted acc;
    struct w_grant g;
    const char *paper;

    if (FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/cases/%s", r->case_id), NULL,
                  case_view, &v) < 0)
        return; /* it waits in the bureau's inbox */
    approval_grant(d, v.imported.approved_at_ms, SIM_HOLD_MS, &g);
    memcpy(g.id, flow_uuid(f), 37);
    memcpy(g.approver, f->account[FLOW_BUREAU], W_ID);
    jm_encode(schema_grant, &g, &b);
    if (paper_sign(f->grant_key, PAPER_GRANT, strbuf_peek(&b), &f->a, &paper, &f->err) < 0)
        abort();
    (void)act_ask(p, FLOW_BUREAU, flow_text(f, "/v1/cases/%s:confirm", r->case_id),
                  flow_text(f, "\"rev\":%llu,\"reason\":\"as approved\",\"grant\":%s",
                            (unsigned long long)v.rev, flow_quote(f, paper)),
                  &acc);
}

void
act_import(struct pick *p)
{
    struct flow *f = &sim.f;
    SCOPED(strbuf) struct strbuf doc = {0};
    struct w_import_result r;
    struct w_approval_import d;
    struct signed_bytes sig;

    approval(f, &d);
    jm_encode(schema_approval_import, &d, &doc);
    sig = signer_sign(&sim.approver, strbuf_peek(&doc), &f->a);
    if (ACT_SAY(FLOW_BUREAU, "/v1/grants:import",
                flow_text(f, "\"document\":%s,\"signature\":\"%s\",\"credential\":%s",
                          flow_quote(f, strbuf_peek(&doc)), base64_encode(sig.p, sig.n, &f->a),
                          flow_quote(f, sim.approver.pem)),
                import_result, &r) == 0)
        confirm_import(p, &d, &r);
}
