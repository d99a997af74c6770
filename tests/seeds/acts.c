/* What a seed does: each step one thing, chosen by weight. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/crypto/digest.h"
#include "drivers/virt/virt_fake.h"
#include "tests/seeds/acts.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/net.h"
#include "tests/seeds/sim.h"

enum { TRIES = 3 };

static int
number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

uint64_t
pick_roll(const struct pick *p, uint64_t sides)
{
    return fiber_random(p->random) % sides;
}

struct sim_host *
pick_host(const struct pick *p)
{
    return &sim.host[pick_roll(p, SIM_HOSTS)];
}

struct sim_host *
sim_host_by_id(const char *id)
{
    for (int i = 0; i < SIM_HOSTS; i++)
        if (strcmp(sim.host[i].id, id) == 0)
            return &sim.host[i];
    return NULL;
}

const struct query_row *
pick_resource(const struct pick *p, int kind, unsigned wanted)
{
    const struct query_row *list[PICK_MAX];
    uint64_t n = 0;

    for (int i = 0; i < p->n; i++)
        if ((kind == 0 || number(p->r[i].col[1]) == kind) &&
            (wanted & 1U << number(p->r[i].col[2])) != 0)
            list[n++] = &p->r[i];
    return n == 0 ? NULL : list[pick_roll(p, n)];
}

/* ---- people ---------------------------------------------------------------------------------- */

/* A request with its id that was answered: its body, or NULL. */
static const char *
said(enum flow_who who, const char *path, const char *fields, const struct jm_field *schema,
     size_t size, void *out)
{
    struct flow *f = &sim.f;
    const char *body =
        flow_text(f, "{\"request\":\"%s\"%s%s}", flow_uuid(f), *fields == '\0' ? "" : ",", fields);
    int rc = -1;

    for (int i = 0; i < TRIES && rc < 0; i++) {
        memset(out, 0, size);
        rc = flow_call(f, f->people[who], "POST", path, body, schema, size, out);
        if (rc < 0 && f->status != 0 && f->status < 500)
            break;
        if (rc < 0)
            sim_pass(5000);
    }
    sim_trace("%s %.300s: %d %s", path, fields, f->status, rc < 0 ? f->err.msg : "");
    return rc < 0 ? NULL : body;
}

int
act_say(enum flow_who who, const char *path, const char *fields, const struct jm_field *schema,
        size_t size, void *out)
{
    return said(who, path, fields, schema, size, out) == NULL ? -1 : 0;
}

int
act_ask(const struct pick *p, enum flow_who who, const char *path, const char *fields,
        struct w_accepted *acc)
{
    struct flow *f = &sim.f;
    const char *body = said(who, path, fields, schema_accepted, sizeof(*acc), acc);
    struct w_accepted again;
    int rc;

    if (body == NULL)
        return -1;
    laws_acknowledged(acc);
    if (pick_roll(p, 8) != 0)
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
        (void)act_ask(p, who, flow_text(&sim.f, "/v1/resources/%s:%s", r->col[0], verb), fields,
                      &acc);
}

static void
make_vm(struct pick *p)
{
    const struct query_row *net = pick_resource(p, RES_NETWORK, PICK_LIVE);
    struct w_accepted acc;

    (void)act_ask(
        p, FLOW_TENANT, "/v1/resources",
        flow_text(&sim.f,
                  "\"kind\":\"vm\",\"name\":\"v%d\",\"vcpus\":%d,\"mem_mib\":%d,"
                  "\"disk_gib\":%d%s",
                  sim.step, 1 + (int)pick_roll(p, 3), 512 << pick_roll(p, 3),
                  1 + (int)pick_roll(p, 3),
                  net == NULL ? "" : flow_text(&sim.f, ",\"network\":\"%s\"", net->col[0])),
        &acc);
}

static void
make_volume(struct pick *p)
{
    const struct query_row *vm = pick_resource(p, RES_VM, PICK_LIVE);
    struct w_accepted acc;

    if (vm != NULL)
        (void)act_ask(
            p, FLOW_TENANT, "/v1/resources",
            flow_text(&sim.f, "\"kind\":\"volume\",\"name\":\"d%d\",\"disk_gib\":%d,\"vm\":\"%s\"",
                      sim.step, 1 + (int)pick_roll(p, 2), vm->col[0]),
            &acc);
}

static void
resize(struct pick *p)
{
    on(p, FLOW_TENANT, pick_resource(p, RES_VM, PICK_LIVE), "resize",
       flow_text(&sim.f, "\"vcpus\":%d,\"mem_mib\":%d,\"restart\":\"now\",\"confirm\":true",
                 1 + (int)pick_roll(p, 4), 512 << pick_roll(p, 3)));
}

static void
bin(struct pick *p)
{
    on(p, FLOW_TENANT, pick_resource(p, pick_roll(p, 2) == 0 ? RES_VM : RES_VOLUME, PICK_LIVE),
       "bin", "");
}

static void
restore(struct pick *p)
{
    on(p, FLOW_TENANT, pick_resource(p, 0, PICK_BINNED), "restore", "");
}

static void
erase(struct pick *p)
{
    on(p, FLOW_TENANT, pick_resource(p, 0, PICK_BINNED), "erase", "\"backup_declared\":true");
}

static void
power(struct pick *p)
{
    on(p, FLOW_TENANT, pick_resource(p, RES_VM, PICK_LIVE), pick_roll(p, 2) == 0 ? "stop" : "start",
       "");
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
        (void)act_ask(p, FLOW_TENANT, flow_text(f, "/v1/acts/%s:undo", v->id), "\"confirm\":true",
                      &acc);
        return;
    }
}

static void
emergency(struct pick *p)
{
    const struct query_row *r = pick_resource(p, 0, PICK_LIVE | PICK_BINNED);
    struct flow *f = &sim.f;
    struct w_hold hold;
    int rc;

    if (r == NULL)
        return;
    rc = FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/holds",
                   flow_text(f, "{\"request\":\"%s\",\"%s\":\"%s\",\"for_ms\":%d,\"reason\":\"x\"}",
                             flow_uuid(f), pick_roll(p, 3) == 0 ? "host" : "resource",
                             pick_roll(p, 3) == 0 ? pick_host(p)->id : r->col[0],
                             60000 * (1 + (int)pick_roll(p, 10))),
                   hold, &hold);
    sim_trace("emergency hold: %d %s", f->status, rc < 0 ? f->err.msg : "");
}

static void
cordon(struct pick *p)
{
    struct flow *f = &sim.f;
    struct w_host_view v;

    (void)FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST",
                    flow_text(f, "/v1/hosts/%s:%s", pick_host(p)->id,
                              pick_roll(p, 3) == 0 ? "cordon" : "uncordon"),
                    NULL, host_view, &v);
    sim_trace("cordon: %d", f->status);
}

/* ---- processes ------------------------------------------------------------------------------- */

static void
kill_controller(struct pick *p)
{
    if (!sim.up)
        return;
    if (pick_roll(p, 3) == 0)
        sim_controller_kill(1000 + (int64_t)pick_roll(p, 30000));
    else
        sim.trap = (struct sim_trap){.armed = true,
                                     .kill = pick_roll(p, 4) != 0,
                                     .at = pick_roll(p, 2) == 0 ? BY_FAULT_COMMIT_BEFORE
                                                                : BY_FAULT_COMMIT_AFTER,
                                     .passes = (int)pick_roll(p, 6),
                                     .verdict = FAULT_FAIL};
}

static void
kill_agent(struct pick *p)
{
    static const enum fault_point places[] = {BY_FAULT_RECEIPT_BEFORE, BY_FAULT_RECEIPT_AFTER,
                                              BY_FAULT_VIRT_BEFORE, BY_FAULT_VIRT_AFTER};
    struct sim_host *h = pick_host(p);

    if (!h->up)
        return;
    if (pick_roll(p, 4) == 0)
        sim_host_kill(h, 1000 + (int64_t)pick_roll(p, 60000));
    else
        h->trap = (struct sim_trap){.armed = true,
                                    .kill = pick_roll(p, 3) != 0,
                                    .at = places[pick_roll(p, 4)],
                                    .passes = (int)pick_roll(p, 6),
                                    .verdict = pick_roll(p, 2) == 0 ? FAULT_FAIL : FAULT_LOSE};
}

static void
reboot(struct pick *p)
{
    struct sim_host *h = pick_host(p);

    if (h->up)
        sim_host_reboot(h, 20000 + (int64_t)pick_roll(p, 200000));
}

static void
network(struct pick *p)
{
    static const struct net_faults good = {.latency_ms = 5}, bad = {.latency_ms = 800,
                                                                    .lose_request = 80,
                                                                    .lose_answer = 80,
                                                                    .twice = 80,
                                                                    .slow = 50};
    uint64_t what = pick_roll(p, 5);

    if (what < 2) {
        net_faults(what == 0 ? &bad : &good);
        sim_trace("network is %s", what == 0 ? "bad" : "good");
        return;
    }
    for (int i = 0; i < SIM_HOSTS; i++) {
        bool cut = what < 4 && pick_roll(p, 2) == 0;

        net_cut(sim.host[i].node, cut);
        sim_trace("%s is %s", sim.host[i].name, cut ? "cut off" : "connected");
    }
}

/* ---- hosts ------------------------------------------------------------------------------------
 */

static void
hypervisor(struct pick *p)
{
    struct sim_host *h = pick_host(p);
    bool bad = pick_roll(p, 2) == 0;

    h->fail = bad ? (int)pick_roll(p, 100) : 0;
    h->lose = bad ? (int)pick_roll(p, 100) : 0;
    h->hang = bad ? (int)pick_roll(p, 30) : 0;
    h->slow = bad ? (int)pick_roll(p, 300) : 0;
    sim_trace("%s: hypervisor fails %d, loses %d, hangs %d in 1,000", h->name, h->fail, h->lose,
              h->hang);
}

/* To a machine of ours, on its host, by somebody who is not us. */
static void
to_machine(struct pick *p, bool undefine)
{
    const struct query_row *r = pick_resource(p, RES_VM, PICK_LIVE | PICK_BINNED);
    struct sim_host *h = r == NULL ? NULL : sim_host_by_id(r->col[3]);
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

static int
foreign_add(const struct sim_host *h, const char *id, enum virt_fake_foreign how, struct err *e)
{
    return virt_fake_add_foreign(h->world, id,
                                 flow_text(&sim.f,
                                           "<domain type='qemu'><name>other-%d</name><uuid>%s"
                                           "</uuid><memory unit='MiB'>512</memory><vcpu>1</vcpu>"
                                           "<os><type arch='x86_64'>hvm</type></os><devices/>"
                                           "</domain>",
                                           sim.step, id),
                                 how, e);
}

static void
foreign_appears(struct pick *p)
{
    struct sim_host *h = pick_host(p);
    struct err e = {0};
    char id[37];

    random_uuid(id);
    laws_world(h);
    laws_by_hand(id);
    if (foreign_add(h, id, VIRT_FAKE_RUNNING, &e) < 0)
        sim_trace("foreign: %s", e.msg);
    sim_trace("%s: a machine of somebody else appears", h->name);
    laws_world(h);
}

/* Somebody defines a machine by hand, from a definition of ours, without our mark. */
static void
impostor(struct pick *p)
{
    const struct query_row *r = pick_resource(p, RES_VM, PICK_LIVE | PICK_BINNED);
    struct sim_host *h = r == NULL ? NULL : sim_host_by_id(r->col[3]);
    struct err e = {0};
    char path[300];

    if (h == NULL || sim.n_impostors == SIM_IMPOSTORS || laws_in_flight(h, r->col[0]))
        return; /* between a call and its effect nobody can tell */
    laws_world(h);
    laws_by_hand(r->col[0]);
    (void)snprintf(path, sizeof(path), "%s/dom/%s.dom", h->world, r->col[0]);
    (void)remove(path);
    if (foreign_add(h, r->col[0], pick_roll(p, 2) == 0 ? VIRT_FAKE_RUNNING : VIRT_FAKE_OFF, &e) < 0)
        sim_trace("impostor: %s", e.msg);
    sim.impostor[sim.n_impostors].host = h;
    memcpy(sim.impostor[sim.n_impostors++].id, r->col[0], W_ID - 1);
    sim_trace("%s: %s is another's machine now", h->name, r->col[4]);
    laws_world(h);
}

static void
impostors_go(void)
{
    char path[300];

    for (int i = 0; i < sim.n_impostors; i++) {
        struct sim_impostor *x = &sim.impostor[i];

        laws_world(x->host);
        laws_by_hand(x->id);
        (void)snprintf(path, sizeof(path), "%s/dom/%s.dom", x->host->world, x->id);
        (void)remove(path);
        laws_world(x->host);
    }
    sim.n_impostors = 0;
}

/* A host says more, or less, than it has; its pool may be full at once. */
static void
sizes(struct pick *p)
{
    static const int cpus[] = {1, 8, 8, 4096}, mem[] = {1024, 16384, 16384, 4194304},
                     pool[] = {1, 8, 1024, 1024};
    struct sim_host *h = pick_host(p);

    sim_host_size(h, cpus[pick_roll(p, 4)], mem[pick_roll(p, 4)], pool[pick_roll(p, 4)]);
}

static void
disks_full(struct pick *p)
{
    struct sim_host *h = pick_host(p);

    if (pick_roll(p, 2) == 0)
        sim.full = pick_roll(p, 2) == 0;
    else
        h->full = pick_roll(p, 2) == 0;
    sim_trace("disks: of the store %s, of %s %s", sim.full ? "full" : "good", h->name,
              h->full ? "full" : "good");
}

static void
clocks(struct pick *p)
{
    int node = SIM_FIRST_HOST + (int)pick_roll(p, SIM_HOSTS);
    int64_t by = (int64_t)pick_roll(p, 7200000) - 3600000;

    if (pick_roll(p, 3) == 0)
        by /= 60;
    fiber_skew_ms(node, pick_roll(p, 3) == 0 ? 0 : by);
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
        sim_controller_restore(5000 + (int64_t)pick_roll(p, 60000));
}

static void
receipts_lost_act(struct pick *p)
{
    struct sim_host *h = pick_host(p);

    if (!h->up)
        return;
    sim_host_kill(h, 2000 + (int64_t)pick_roll(p, 20000));
    sim_host_forget(h);
    sim_trace("%s: its receipts are gone", h->name);
}

static void
controller_clock(struct pick *p)
{
    int64_t by = (int64_t)pick_roll(p, 7200000) - 3600000;

    if (pick_roll(p, 2) == 0)
        by /= 60;
    fiber_skew_ms(SIM_CONTROLLER, by);
    sim_trace("controller: clock is off by %lld ms", (long long)by);
}

static void
forgetful(struct pick *p)
{
    sim.forgetful = pick_roll(p, 2) == 0;
    sim_trace("controller tells %s", sim.forgetful ? "whole sets in part" : "all");
}

static void
long_time(struct pick *p)
{
    fiber_lag_ms(2000);
    sim_pass(600000 + (int64_t)pick_roll(p, 3000000));
    fiber_lag_ms(0);
}

/* Half of the hosts are away for an hour; the people go on. */
static void
half_away(struct pick *p)
{
    int stays = (int)pick_roll(p, SIM_HOSTS);

    for (int i = 0; i < SIM_HOSTS; i++)
        net_cut(sim.host[i].node, i != stays && pick_roll(p, 4) != 0);
    make_vm(p);
    power(p);
    fiber_lag_ms(2000);
    sim_pass(3600000);
    fiber_lag_ms(0);
    for (int i = 0; i < SIM_HOSTS; i++)
        net_cut(sim.host[i].node, false);
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
    {5, act_plan, "a plan of the bureau"},
    {3, act_import, "an approval given elsewhere"},
    {3, act_lie, "a host that lies"},
    {2, sizes, "what a host says that it has"},
    {3, disks_full, "full disks"},
    {1, act_clone, "a copy of a host"},
    {1, half_away, "half of the hosts are away for an hour"},
    {1, act_certificates_due, "certificates"},
    {2, impostor, "another's machine of the same id"},
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
                     p.r, PICK_MAX);
    for (size_t k = 0; k < sizeof(acts) / sizeof(acts[0]); k++)
        all += acts[k].weight;
    at = pick_roll(&p, (uint64_t)all);
    while (at >= (uint64_t)acts[i].weight)
        at -= (uint64_t)acts[i++].weight;
    sim_trace("-- %s", acts[i].name);
    acts[i].fn(&p);
    if (pick_roll(&p, 3) != 0)
        sim_pass((int64_t)pick_roll(&p, 20000));
}

void
acts_heal(void)
{
    static const struct net_faults good = {.latency_ms = 5};
    struct flow *f = &sim.f;
    struct w_host_view v;

    sim_trace("-- all is mended");
    sim.forgetful = sim.full = false;
    net_faults(&good);
    sim.trap.armed = false;
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &sim.host[i];

        net_cut(h->node, false);
        fiber_skew_ms(h->node, 0);
        h->fail = h->lose = h->hang = h->slow = 0;
        h->trap.armed = h->full = false;
        sim_host_size(h, 8, 16384, 1024);
    }
    impostors_go();
    fiber_skew_ms(SIM_CONTROLLER, 0);
    fiber_lag_ms(3000);
    sim_pass(300000);
    act_enrol_again();
    for (int i = 0; i < SIM_HOSTS; i++) /* who was told in part asks for all after a start */
        if (sim.host[i].up)
            sim_host_kill(&sim.host[i], 1000);
    sim_pass(240000); /* only what hosts say tells that the store is an older one */
    for (int i = 0; i < 20 && !confirmed(); i++)
        sim_pass(120000);
    for (int i = 0; i < SIM_HOSTS; i++)
        (void)FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST",
                        flow_text(f, "/v1/hosts/%s:uncordon", sim.host[i].id), NULL, host_view, &v);
    /* What was put into the recycle bin by a clock an hour ahead stays for its hold from then. */
    sim_pass(3600000 + 3 * SIM_HOLD_MS / 2);
    fiber_lag_ms(0);
    sim_pass(90000);
}
