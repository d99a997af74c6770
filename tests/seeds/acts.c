/* What a seed does: each step one thing, chosen by weight. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/crypto/digest.h"
#include "drivers/virt/virt_fake.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/net.h"
#include "tests/seeds/sim.h"

enum { RESOURCES = 64, TRIES = 3 };

struct pick {
    uint64_t *random;
    struct query_row r[RESOURCES]; /* id, kind, wanted, host, name, vm */
    int n;
};

static int
number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

static uint64_t
roll(const struct pick *p, uint64_t sides)
{
    return fiber_random(p->random) % sides;
}

static struct sim_host *
some_host(const struct pick *p)
{
    return &sim.host[roll(p, SIM_HOSTS)];
}

static struct sim_host *
host_by_id(const char *id)
{
    for (int i = 0; i < SIM_HOSTS; i++)
        if (strcmp(sim.host[i].id, id) == 0)
            return &sim.host[i];
    return NULL;
}

/* A resource of that kind (0: any) whose wanted state is one of the bits; NULL: none. */
static const struct query_row *
some(const struct pick *p, int kind, unsigned wanted)
{
    const struct query_row *list[RESOURCES];
    uint64_t n = 0;

    for (int i = 0; i < p->n; i++)
        if ((kind == 0 || number(p->r[i].col[1]) == kind) &&
            (wanted & 1U << number(p->r[i].col[2])) != 0)
            list[n++] = &p->r[i];
    return n == 0 ? NULL : list[roll(p, n)];
}

#define LIVE (1U << WANT_RUNNING | 1U << WANT_STOPPED | 1U << WANT_PRESENT)
#define BINNED (1U << WANT_BINNED)

/* ---- people ---------------------------------------------------------------------------------- */

/* Said until it is answered, with the same request id; sometimes twice though it was answered. */
static int
ask(const struct pick *p, enum flow_who who, const char *path, const char *fields,
    struct w_accepted *acc)
{
    struct flow *f = &sim.f;
    const char *body =
        flow_text(f, "{\"request\":\"%s\"%s%s}", flow_uuid(f), *fields == '\0' ? "" : ",", fields);
    struct w_accepted again;
    int rc = -1;

    for (int i = 0; i < TRIES && rc < 0; i++) {
        memset(acc, 0, sizeof(*acc));
        rc = FLOW_CALL(f, f->people[who], "POST", path, body, accepted, acc);
        if (rc < 0 && f->status != 0 && f->status < 500)
            break;
        if (rc < 0)
            sim_pass(5000);
    }
    sim_trace("%s %s: %d %s", path, fields, f->status, rc < 0 ? f->err.msg : "");
    if (rc < 0)
        return -1;
    laws_acknowledged(acc);
    if (roll(p, 8) != 0)
        return 0;
    memset(&again, 0, sizeof(again));
    rc = FLOW_CALL(f, f->people[who], "POST", path, body, accepted, &again);
    if ((rc == 0 && strcmp(again.id, acc->id) != 0) || (rc < 0 && f->status / 100 == 4))
        laws_break("1 twice", "%s answered %s, and %s when it was said again", path, acc->id,
                   rc == 0 ? again.id : f->err.msg);
    return 0;
}

static void
on(const struct pick *p, enum flow_who who, const struct query_row *r, const char *verb,
   const char *fields)
{
    struct w_accepted acc;

    if (r != NULL)
        (void)ask(p, who, flow_text(&sim.f, "/v1/resources/%s:%s", r->col[0], verb), fields, &acc);
}

static void
make_vm(struct pick *p)
{
    const struct query_row *net = some(p, RES_NETWORK, LIVE);
    struct w_accepted acc;

    (void)ask(p, FLOW_TENANT, "/v1/resources",
              flow_text(&sim.f,
                        "\"kind\":\"vm\",\"name\":\"v%d\",\"vcpus\":%d,\"mem_mib\":%d,"
                        "\"disk_gib\":%d%s",
                        sim.step, 1 + (int)roll(p, 3), 512 << roll(p, 3), 1 + (int)roll(p, 3),
                        net == NULL ? "" : flow_text(&sim.f, ",\"network\":\"%s\"", net->col[0])),
              &acc);
}

static void
make_volume(struct pick *p)
{
    const struct query_row *vm = some(p, RES_VM, LIVE);
    struct w_accepted acc;

    if (vm != NULL)
        (void)ask(p, FLOW_TENANT, "/v1/resources",
                  flow_text(&sim.f,
                            "\"kind\":\"volume\",\"name\":\"d%d\",\"disk_gib\":%d,\"vm\":\"%s\"",
                            sim.step, 1 + (int)roll(p, 2), vm->col[0]),
                  &acc);
}

static void
resize(struct pick *p)
{
    on(p, FLOW_TENANT, some(p, RES_VM, LIVE), "resize",
       flow_text(&sim.f, "\"vcpus\":%d,\"mem_mib\":%d,\"restart\":\"now\",\"confirm\":true",
                 1 + (int)roll(p, 4), 512 << roll(p, 3)));
}

static void
bin(struct pick *p)
{
    on(p, FLOW_TENANT, some(p, roll(p, 2) == 0 ? RES_VM : RES_VOLUME, LIVE), "bin", "");
}

static void
restore(struct pick *p)
{
    on(p, FLOW_TENANT, some(p, 0, BINNED), "restore", "");
}

static void
erase(struct pick *p)
{
    on(p, FLOW_TENANT, some(p, 0, BINNED), "erase", "\"backup_declared\":true");
}

static void
power(struct pick *p)
{
    on(p, FLOW_TENANT, some(p, RES_VM, LIVE), roll(p, 2) == 0 ? "stop" : "start", "");
}

static void
undo(struct pick *p)
{
    struct w_unit_act_list l;
    struct w_accepted acc;
    struct flow *f = &sim.f;

    if (FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/acts", NULL, unit_act_list, &l) < 0)
        return;
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_unit_act_view *v = JM_ITEM(l.items, struct w_unit_act_view, i);

        if (!v->can_undo)
            continue;
        (void)ask(p, FLOW_TENANT, flow_text(f, "/v1/acts/%s:undo", v->id), "\"confirm\":true",
                  &acc);
        return;
    }
}

static void
emergency(struct pick *p)
{
    const struct query_row *r = some(p, 0, LIVE | BINNED);
    struct flow *f = &sim.f;
    struct w_hold hold;
    int rc;

    if (r == NULL)
        return;
    rc = FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/holds",
                   flow_text(f, "{\"request\":\"%s\",\"%s\":\"%s\",\"for_ms\":%d,\"reason\":\"x\"}",
                             flow_uuid(f), roll(p, 3) == 0 ? "host" : "resource",
                             roll(p, 3) == 0 ? some_host(p)->id : r->col[0],
                             60000 * (1 + (int)roll(p, 10))),
                   hold, &hold);
    sim_trace("emergency hold: %d %s", f->status, rc < 0 ? f->err.msg : "");
}

static void
cordon(struct pick *p)
{
    struct flow *f = &sim.f;
    struct w_host_view v;

    (void)FLOW_CALL(
        f, f->people[FLOW_PROVIDER], "POST",
        flow_text(f, "/v1/hosts/%s:%s", some_host(p)->id, roll(p, 3) == 0 ? "cordon" : "uncordon"),
        NULL, host_view, &v);
    sim_trace("cordon: %d", f->status);
}

/* ---- processes ------------------------------------------------------------------------------- */

static void
kill_controller(struct pick *p)
{
    if (!sim.up)
        return;
    if (roll(p, 3) == 0)
        sim_controller_kill(1000 + (int64_t)roll(p, 30000));
    else
        sim.trap = (struct sim_trap){.armed = true,
                                     .kill = roll(p, 4) != 0,
                                     .at = roll(p, 2) == 0 ? BY_FAULT_COMMIT_BEFORE
                                                           : BY_FAULT_COMMIT_AFTER,
                                     .passes = (int)roll(p, 6),
                                     .verdict = FAULT_FAIL};
}

static void
kill_agent(struct pick *p)
{
    static const enum fault_point places[] = {BY_FAULT_RECEIPT_BEFORE, BY_FAULT_RECEIPT_AFTER,
                                              BY_FAULT_VIRT_BEFORE, BY_FAULT_VIRT_AFTER};
    struct sim_host *h = some_host(p);

    if (!h->up)
        return;
    if (roll(p, 4) == 0)
        sim_host_kill(h, 1000 + (int64_t)roll(p, 60000));
    else
        h->trap = (struct sim_trap){.armed = true,
                                    .kill = roll(p, 3) != 0,
                                    .at = places[roll(p, 4)],
                                    .passes = (int)roll(p, 6),
                                    .verdict = roll(p, 2) == 0 ? FAULT_FAIL : FAULT_LOSE};
}

static void
reboot(struct pick *p)
{
    struct sim_host *h = some_host(p);

    if (h->up)
        sim_host_reboot(h, 20000 + (int64_t)roll(p, 200000));
}

static void
network(struct pick *p)
{
    static const struct net_faults good = {.latency_ms = 5}, bad = {.latency_ms = 800,
                                                                    .lose_request = 80,
                                                                    .lose_answer = 80,
                                                                    .twice = 80,
                                                                    .slow = 50};
    uint64_t what = roll(p, 5);

    if (what < 2) {
        net_faults(what == 0 ? &bad : &good);
        sim_trace("network is %s", what == 0 ? "bad" : "good");
        return;
    }
    for (int i = 0; i < SIM_HOSTS; i++) {
        bool cut = what < 4 && roll(p, 2) == 0;

        net_cut(sim.host[i].node, cut);
        sim_trace("%s is %s", sim.host[i].name, cut ? "cut off" : "connected");
    }
}

/* ---- hosts ------------------------------------------------------------------------------------
 */

static void
hypervisor(struct pick *p)
{
    struct sim_host *h = some_host(p);
    bool bad = roll(p, 2) == 0;

    h->fail = bad ? (int)roll(p, 100) : 0;
    h->lose = bad ? (int)roll(p, 100) : 0;
    h->hang = bad ? (int)roll(p, 30) : 0;
    h->slow = bad ? (int)roll(p, 300) : 0;
    sim_trace("%s: hypervisor fails %d, loses %d, hangs %d in 1,000", h->name, h->fail, h->lose,
              h->hang);
}

/* To a machine of ours, on its host, by somebody who is not us. */
static void
to_machine(struct pick *p, bool undefine)
{
    const struct query_row *r = some(p, RES_VM, LIVE | BINNED);
    struct sim_host *h = r == NULL ? NULL : host_by_id(r->col[3]);
    struct err e = {0};
    char path[300];
    int rc;

    if (h == NULL)
        return;
    laws_world(h);
    laws_by_hand(r->col[0]);
    if (undefine) {
        (void)snprintf(path, sizeof(path), "%s/dom/%s.dom", h->world, r->col[0]);
        rc = remove(path);
    } else {
        rc = virt_fake_crash(h->world, r->col[0], &e);
    }
    sim_trace("%s: %s %s by hand: %d", h->name, r->col[4], undefine ? "is undefined" : "dies", rc);
    laws_world(h);
}

static void
guest_dies(struct pick *p)
{
    to_machine(p, false);
}

static void
undefined_by_hand(struct pick *p)
{
    to_machine(p, true);
}

static void
foreign_appears(struct pick *p)
{
    struct sim_host *h = some_host(p);
    struct err e = {0};
    char id[37];

    random_uuid(id);
    laws_world(h);
    laws_by_hand(id);
    if (virt_fake_add_foreign(h->world, id,
                              flow_text(&sim.f,
                                        "<domain type='qemu'><name>other-%d</name><uuid>%s</uuid>"
                                        "<memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type "
                                        "arch='x86_64'>hvm</type></os><devices/></domain>",
                                        sim.step, id),
                              VIRT_FAKE_RUNNING, &e) < 0)
        sim_trace("foreign: %s", e.msg);
    sim_trace("%s: a machine of somebody else appears", h->name);
    laws_world(h);
}

static void
clocks(struct pick *p)
{
    int node = SIM_FIRST_HOST + (int)roll(p, SIM_HOSTS);
    int64_t by = (int64_t)roll(p, 7200000) - 3600000;

    if (roll(p, 3) == 0)
        by /= 60;
    fiber_skew_ms(node, roll(p, 3) == 0 ? 0 : by);
    sim_trace("h%d: clock is off by %lld ms", node - SIM_FIRST_HOST + 1,
              (long long)fiber_skew_of(node));
}

/* ---- what only people can mend ------------------------------------------------------------------
 */

/* After a recovery, or a jump of the clock, somebody looks and says so. */
static bool
confirmed(void)
{
    struct flow *f = &sim.f;
    struct w_status_view st;

    if (FLOW_CALL(f, f->people[FLOW_ADMIN], "GET", "/v1/status", NULL, status_view, &st) < 0)
        return false;
    if (!st.recovery && !st.clock_jump)
        return true;
    if (FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                  flow_text(f, "{\"request\":\"%s\",\"reason\":\"looked at\"}", flow_uuid(f)),
                  status_view, &st) < 0) {
        sim_trace("confirm: %s", f->err.msg);
        return false;
    }
    sim_trace("recovery, or the clock, is confirmed");
    return !st.recovery;
}

static void
confirm(struct pick *p)
{
    (void)p;
    (void)confirmed();
}

static void
backup(struct pick *p)
{
    (void)p;
    if (!sim.up)
        return;
    sim_controller_backup();
    sim_trace("the store is backed up");
}

static void
older_backup(struct pick *p)
{
    if (sim.backup && sim.up)
        sim_controller_restore(5000 + (int64_t)roll(p, 60000));
}

static void
receipts_lost_act(struct pick *p)
{
    struct sim_host *h = some_host(p);

    if (!h->up)
        return;
    sim_host_kill(h, 2000 + (int64_t)roll(p, 20000));
    sim_host_forget(h);
    sim_trace("%s: its receipts are gone", h->name);
}

static void
controller_clock(struct pick *p)
{
    int64_t by = (int64_t)roll(p, 7200000) - 3600000;

    if (roll(p, 2) == 0)
        by /= 60;
    fiber_skew_ms(SIM_CONTROLLER, by);
    sim_trace("controller: clock is off by %lld ms", (long long)by);
}

static void
forgetful(struct pick *p)
{
    sim.forgetful = roll(p, 2) == 0;
    sim_trace("controller tells %s", sim.forgetful ? "whole sets in part" : "all");
}

static void
long_time(struct pick *p)
{
    fiber_lag_ms(2000);
    sim_pass(600000 + (int64_t)roll(p, 3000000));
    fiber_lag_ms(0);
}

/* ---- the wheel --------------------------------------------------------------------------------
 */

static const struct {
    int weight;
    void (*fn)(struct pick *p);
    const char *name;
} acts[] = {
    {14, make_vm, "make a machine"},
    {6, make_volume, "make a volume"},
    {8, resize, "resize"},
    {10, bin, "bin"},
    {5, restore, "restore"},
    {5, erase, "erase"},
    {6, power, "power"},
    {4, undo, "undo"},
    {3, emergency, "emergency hold"},
    {2, cordon, "cordon"},
    {6, kill_controller, "kill the controller"},
    {8, kill_agent, "kill an agent"},
    {3, reboot, "reset a host"},
    {6, network, "network"},
    {6, hypervisor, "hypervisor"},
    {4, guest_dies, "a guest dies"},
    {2, undefined_by_hand, "undefined by hand"},
    {2, foreign_appears, "somebody else's machine"},
    {3, clocks, "clocks"},
    {3, long_time, "a long time"},
    {3, backup, "back up"},
    {2, older_backup, "an older backup"},
    {5, confirm, "a person confirms"},
    {2, receipts_lost_act, "receipts are lost"},
    {1, controller_clock, "the controller's clock"},
    {3, forgetful, "a forgetful controller"},
};

void
acts_step(uint64_t *random)
{
    static struct pick p;
    int all = 0;
    uint64_t at;
    size_t i = 0;

    p.random = random;
    p.n = query_rows("SELECT id, kind, wanted, host, name, vm FROM resource WHERE absent_ms=0 "
                     "ORDER BY created_ms, name, id",
                     p.r, RESOURCES);
    for (size_t k = 0; k < sizeof(acts) / sizeof(acts[0]); k++)
        all += acts[k].weight;
    at = roll(&p, (uint64_t)all);
    while (at >= (uint64_t)acts[i].weight)
        at -= (uint64_t)acts[i++].weight;
    sim_trace("-- %s", acts[i].name);
    acts[i].fn(&p);
    if (roll(&p, 3) != 0)
        sim_pass((int64_t)roll(&p, 20000));
}

void
acts_heal(void)
{
    static const struct net_faults good = {.latency_ms = 5};
    struct flow *f = &sim.f;
    struct w_host_view v;

    sim_trace("-- all is mended");
    sim.forgetful = false;
    net_faults(&good);
    sim.trap.armed = false;
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &sim.host[i];

        net_cut(h->node, false);
        fiber_skew_ms(h->node, 0);
        h->fail = h->lose = h->hang = h->slow = 0;
        h->trap.armed = false;
    }
    fiber_skew_ms(SIM_CONTROLLER, 0);
    fiber_lag_ms(3000);
    sim_pass(300000);
    for (int i = 0; i < SIM_HOSTS; i++) /* who was told in part asks for all after a start */
        if (sim.host[i].up)
            sim_host_kill(&sim.host[i], 1000);
    for (int i = 0; i < 20 && !confirmed(); i++)
        sim_pass(120000);
    for (int i = 0; i < SIM_HOSTS; i++)
        (void)FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST",
                        flow_text(f, "/v1/hosts/%s:uncordon", sim.host[i].id), NULL, host_view, &v);
    sim_pass(3600000);
    fiber_lag_ms(0);
    sim_pass(90000);
}
