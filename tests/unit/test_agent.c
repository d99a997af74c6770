#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/enrol.h"
#include "agent/facts.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/agenthost.h"
#include "tests/unit/tmpdir.h"

/* Network, volume and machine, as a full set. */
static void
give_all(struct agenthost *h)
{
    struct w_order net, vol, vm;
    const char *texts[3];
    struct w_desired_answer in;

    mill_net_order(&h->m, &net);
    mill_vol_order(&h->m, &vol);
    mill_vm_order(&h->m, &vm);
    texts[0] = mill_sign_order(&h->m, h->m.controller, &vm); /* in no helpful order */
    texts[1] = mill_sign_order(&h->m, h->m.controller, &vol);
    texts[2] = mill_sign_order(&h->m, h->m.controller, &net);
    mill_answer(&h->m, texts, 3, &in);
    agenthost_give(h, &in);
}

static void
create_all(struct agenthost *h)
{
    agenthost_new(h, NULL);
    agenthost_start(h);
    give_all(h);
    CU_ASSERT_TRUE_FATAL(agenthost_until(h, h->m.vm, SEEN_RUNNING));
    CU_ASSERT_TRUE(agenthost_until(h, h->m.net, SEEN_PRESENT));
    CU_ASSERT_TRUE(agenthost_until(h, h->m.vol, SEEN_PRESENT));
}

/* The unit's own act on something: the next generation. */
static void
unit_order(struct agenthost *h, struct w_order *o, uint64_t generation, int verb, int wanted)
{
    o->generation = generation;
    o->verb = verb;
    o->wanted = wanted;
    o->authority = AUTH_UNIT;
    (void)snprintf(o->authority_id, sizeof(o->authority_id), "%s", h->m.grant.approver);
    o->id[0] = (char)(o->id[0] == 'a' ? 'b' : 'a');
    agenthost_order(h, o);
}

static unsigned long long
calls(const struct agenthost *h, const char *op)
{
    unsigned long long n = 0;
    struct err e = {0};

    CU_ASSERT_EQUAL(virt_fake_calls(h->world, op, &n, &e), 0);
    return n;
}

static void
makes_what_is_ordered_once(void)
{
    struct agenthost h;

    create_all(&h);
    CU_ASSERT_EQUAL(calls(&h, "vol.create"), 3); /* root, seed, data */
    CU_ASSERT_EQUAL(calls(&h, "dom.define"), 1);
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 1);
    CU_ASSERT_EQUAL(calls(&h, "net.define"), 1);
    give_all(&h); /* the same orders signed again are known */
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(calls(&h, "dom.define"), 1);
    CU_ASSERT_EQUAL(calls(&h, "vol.create"), 3);
    agenthost_free(&h);
}

static void
does_nothing_on_an_empty_set(void)
{
    struct agenthost h;
    struct w_desired_answer in;
    unsigned long long before;
    bool equal;
    char why[300];

    create_all(&h);
    before = calls(&h, "dom.destroy") + calls(&h, "dom.shutdown") + calls(&h, "vol.remove");
    mill_answer(&h.m, NULL, 0, &in);
    agenthost_give(&h, &in);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(calls(&h, "dom.destroy") + calls(&h, "dom.shutdown") + calls(&h, "vol.remove"),
                    before);
    CU_ASSERT_EQUAL(agenthost_seen(&h, h.m.vm, &equal, why, sizeof(why)), SEEN_UNCLAIMED);
    agenthost_free(&h);
}

static void
brings_machines_back_after_a_reboot_without_the_controller(void)
{
    struct agenthost h;
    struct err e = {0};

    create_all(&h);
    agenthost_stop(&h);
    CU_ASSERT_EQUAL_FATAL(virt_fake_reboot(h.world, &e), 0);
    agenthost_start(&h); /* nothing is given: receipts alone */
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 2);
    CU_ASSERT_EQUAL(calls(&h, "vol.create"), 3);
    agenthost_free(&h);
}

static void
leaves_a_foreign_domain_alone(void)
{
    static const char id[] = "deadbeef-0000-4000-8000-000000000001";
    struct agenthost h;
    struct err e = {0};
    bool equal;
    char why[300];

    create_all(&h);
    CU_ASSERT_EQUAL_FATAL(virt_fake_add_foreign(h.world, id,
                                                "<domain type='qemu'><name>by-hand</name>"
                                                "<uuid>deadbeef-0000-4000-8000-000000000001</uuid>"
                                                "<devices><x/></devices></domain>",
                                                VIRT_FAKE_RUNNING, &e),
                          0);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(agenthost_seen(&h, id, &equal, why, sizeof(why)), SEEN_FOREIGN);
    agenthost_free(&h);
}

static bool
file_there(const struct agenthost *h, const char *volume)
{
    char path[500];

    (void)snprintf(path, sizeof(path), "%s/by-%s", h->pool, volume);
    return access(path, F_OK) == 0;
}

/* The signed report, checked with the host's own certificate. */
static void
check_erasure(struct agenthost *h, const char *id, const char *what)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    const struct receipt *t = receipts_find(h->ag.receipts, id);
    const char *pem = NULL;
    struct w_envelope env;
    struct w_erasure r;
    struct err e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->facts.erasure);
    CU_ASSERT_EQUAL_FATAL(x509_public_pem(h->ag.id.cert_pem, &a, &pem, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_from_pem(pem, &k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_parse(t->facts.erasure, strlen(t->facts.erasure), &a, &env, &e), 0);
    CU_ASSERT_EQUAL(paper_check(&env, PAPER_ERASURE, NULL, k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(W_DECODE(erasure, env.body, strlen(env.body), JM_SIGNED, &a, &r, &e), 0);
    CU_ASSERT_STRING_EQUAL(r.resource, id);
    CU_ASSERT(r.copies.n > 0);
    if (r.copies.n > 0) {
        const struct w_erased_copy *c = JM_ITEM(r.copies, struct w_erased_copy, 0);

        CU_ASSERT_STRING_EQUAL(c->what, what);
        CU_ASSERT_TRUE(c->existed);
        CU_ASSERT(c->overwritten_bytes > 0);
        CU_ASSERT_EQUAL(c->overwritten_bytes, c->read_back_bytes);
    }
}

static void
goes_down_the_staircase_and_back_up(void)
{
    struct agenthost h;
    struct w_order vm, vol, net;

    create_all(&h);
    mill_vm_order(&h.m, &vm);
    unit_order(&h, &vm, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_BINNED));
    CU_ASSERT_TRUE(file_there(&h, h.m.root_vol));
    unit_order(&h, &vm, 3, VERB_RESTORE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    unit_order(&h, &vm, 4, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_BINNED));
    unit_order(&h, &vm, 5, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_ABSENT));
    CU_ASSERT_FALSE(file_there(&h, h.m.root_vol));
    CU_ASSERT_FALSE(file_there(&h, h.m.seed_vol));
    CU_ASSERT_TRUE(file_there(&h, h.m.vol)); /* has an order of its own */
    check_erasure(&h, h.m.vm, "root disk");
    mill_vol_order(&h.m, &vol);
    unit_order(&h, &vol, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_BINNED));
    unit_order(&h, &vol, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_ABSENT));
    check_erasure(&h, h.m.vol, "data volume");
    mill_net_order(&h.m, &net);
    unit_order(&h, &net, 2, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_ABSENT));
    CU_ASSERT_EQUAL(calls(&h, "dom.undefine"), 1);
    agenthost_free(&h);
}

static void
keeps_the_hold_whatever_is_ordered(void)
{
    struct agenthost h;
    struct w_order vol;
    bool equal;
    char why[300];

    agenthost_new(&h, NULL);
    h.m.grant.hold_ms = 3600000;
    h.m.grant_text = mill_sign_grant(&h.m, h.m.bureau, &h.m.grant);
    agenthost_start(&h);
    give_all(&h);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    mill_vol_order(&h.m, &vol);
    unit_order(&h, &vol, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    unit_order(&h, &vol, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_NOT_EQUAL(agenthost_seen(&h, h.m.vol, &equal, why, sizeof(why)), SEEN_ABSENT);
    CU_ASSERT_TRUE(file_there(&h, h.m.vol));
    agenthost_free(&h);
}

/* ---- a hypervisor that fails, hangs or fills up ---- */

static void
set_script(struct agenthost *h, const char *text)
{
    char path[400];
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(durable_mkdirs(h->world, 0755, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/script", h->world);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, text, strlen(text), 0644, &e), 0);
}

static void
release_hanging(struct agenthost *h)
{
    char path[400];
    struct err e = {0};

    set_script(h, "");
    (void)snprintf(path, sizeof(path), "%s/release", h->world);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, "", 0, 0644, &e), 0);
}

static void
remakes_a_half_made_volume(void)
{
    struct agenthost h;
    struct w_order vol;

    agenthost_new(&h, NULL);
    set_script(&h, "vol.create 1 half\n");
    agenthost_start(&h);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    mill_vol_order(&h.m, &vol);
    agenthost_order(&h, &vol);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    CU_ASSERT_EQUAL(calls(&h, "vol.create"), 2);
    CU_ASSERT_EQUAL(calls(&h, "vol.remove"), 1); /* the half copy was never used */
    agenthost_free(&h);
}

static void
starts_nothing_new_while_its_receipts_are_lost(void)
{
    struct agenthost h;
    char path[400];

    create_all(&h);
    agenthost_stop(&h);
    (void)snprintf(path, sizeof(path), "%s/receipts/log", h.dir);
    CU_ASSERT_EQUAL(unlink(path), 0);
    agenthost_start(&h);
    CU_ASSERT_TRUE(receipts_lost(h.ag.receipts));
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 1);
    give_all(&h); /* restated by the controller */
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_FALSE(receipts_lost(h.ag.receipts));
    CU_ASSERT_EQUAL(calls(&h, "vol.create"), 3); /* nothing was made twice */
    CU_ASSERT_EQUAL(calls(&h, "vol.remove"), 0); /* nor taken for half made */
    agenthost_free(&h);
}

static void
says_failed_while_the_pool_is_full_and_goes_on_after(void)
{
    struct agenthost h;
    struct w_order vol;
    bool equal;
    char why[300] = "";

    agenthost_new(&h, NULL);
    set_script(&h, "vol.create * fail no_space\n");
    agenthost_start(&h);
    mill_vol_order(&h.m, &vol);
    agenthost_order(&h, &vol);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_FAILED));
    CU_ASSERT_EQUAL(agenthost_seen(&h, h.m.vol, &equal, why, sizeof(why)), SEEN_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "no_space"));
    set_script(&h, "");
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    agenthost_free(&h);
}

/* What the report on it says; whether it is about a copy that existed goes into *existed. */
static bool
says_never_made(struct agenthost *h, const char *id, bool *existed)
{
    SCOPED(arena) struct arena a = {0};
    const struct receipt *t = receipts_find(h->ag.receipts, id);
    struct w_envelope env;
    struct w_erasure r;
    struct err e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(t->facts.erasure);
    CU_ASSERT_EQUAL_FATAL(paper_parse(t->facts.erasure, strlen(t->facts.erasure), &a, &env, &e), 0);
    CU_ASSERT_EQUAL_FATAL(W_DECODE(erasure, env.body, strlen(env.body), JM_SIGNED, &a, &r, &e), 0);
    *existed = false;
    for (size_t i = 0; i < r.copies.n; i++)
        *existed = *existed || JM_ITEM(r.copies, struct w_erased_copy, i)->existed;
    CU_ASSERT_EQUAL(r.version, r.never_made ? 2 : 1);
    return r.never_made;
}

static void
bin_and_erase(struct agenthost *h, struct w_order *o)
{
    unit_order(h, o, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(h, o->resource, SEEN_BINNED));
    unit_order(h, o, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(h, o->resource, SEEN_ABSENT));
}

static void
ends_what_it_never_made_and_says_so(void)
{
    struct agenthost h;
    struct w_order o;
    bool existed;

    agenthost_new(&h, NULL);
    set_script(&h, "vol.create * fail no_space\n");
    agenthost_start(&h);
    give_all(&h);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_FAILED));
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_FAILED));
    mill_vm_order(&h.m, &o);
    bin_and_erase(&h, &o);
    CU_ASSERT_TRUE(says_never_made(&h, h.m.vm, &existed));
    CU_ASSERT_FALSE(existed);
    mill_vol_order(&h.m, &o);
    bin_and_erase(&h, &o);
    CU_ASSERT_TRUE(says_never_made(&h, h.m.vol, &existed));
    CU_ASSERT_FALSE(existed);
    agenthost_free(&h);
}

/* It was filled, and somebody took the file away: nothing was overwritten, and never made is not
 * what the host may say. */
static void
says_of_a_file_that_is_gone_only_that_it_is_gone(void)
{
    struct agenthost h;
    struct w_order o;
    char path[400];
    bool existed;

    create_all(&h);
    mill_vm_order(&h.m, &o);
    unit_order(&h, &o, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_BINNED));
    (void)snprintf(path, sizeof(path), "%s/by-%s", h.pool, h.m.vol);
    CU_ASSERT_EQUAL(unlink(path), 0);
    mill_vol_order(&h.m, &o);
    bin_and_erase(&h, &o);
    CU_ASSERT_FALSE(says_never_made(&h, h.m.vol, &existed));
    CU_ASSERT_FALSE(existed);
    agenthost_free(&h);
}

/* The n-th machine of its line, without a data volume. */
static void
give_machine(struct agenthost *h, int n, char id[W_ID])
{
    struct w_order o;
    struct w_nic *nic;

    random_uuid(h->m.vm);
    random_uuid(h->m.root_vol);
    random_uuid(h->m.seed_vol);
    mill_vm_order(&h->m, &o);
    o.ordinal = (uint32_t)n;
    o.vm.disks.n = 0;
    nic = JM_ITEM(o.vm.nics, struct w_nic, 0);
    (void)snprintf(nic->mac, sizeof(nic->mac), "52:54:00:00:00:%02x", (unsigned)n & 0xff);
    (void)snprintf(nic->ip, sizeof(nic->ip), "10.9.0.%d", 10 + n);
    agenthost_order(h, &o);
    (void)snprintf(id, W_ID, "%s", h->m.vm);
}

enum { STOPPED = 6, STOPPED_LINE = 2 };

/* Drive until so many calls are over their deadline. */
static bool
until_overdue(struct agenthost *h, int n)
{
    int64_t end = clock_mono_ms() + 60000;
    struct workers_state w = {0};

    while (w.overdue < n && clock_mono_ms() < end) {
        agent_wait(&h->ag, agent_round(&h->ag) < 20 ? 0 : 20);
        workers_state(h->ag.calls, &w);
    }
    return w.overdue >= n;
}

static void
serves_a_healthy_machine_beside_six_whose_calls_hang(void)
{
    struct agenthost h;
    struct w_order net;
    char ids[STOPPED][W_ID], healthy[W_ID];
    SCOPED(strbuf) struct strbuf script = {0};
    bool equal;
    char why[300];

    agenthost_new(&h, "call_deadline_ms = 2000\n");
    JM_ITEM(h.m.grant.lines, struct w_grant_line, STOPPED_LINE)->count = STOPPED + 1;
    h.m.grant_text = mill_sign_grant(&h.m, h.m.bureau, &h.m.grant);
    agenthost_start(&h);
    mill_net_order(&h.m, &net);
    agenthost_order(&h, &net);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    for (int i = 0; i < STOPPED; i++) {
        give_machine(&h, i + 1, ids[i]);
        strbuf_addf(&script, "dom.start * hang id=%s\n", ids[i]);
    }
    set_script(&h, strbuf_peek(&script));
    give_machine(&h, STOPPED + 1, healthy);
    CU_ASSERT_TRUE(agenthost_until(&h, healthy, SEEN_RUNNING));
    CU_ASSERT_TRUE(until_overdue(&h, STOPPED));
    for (int i = 0; i < STOPPED; i++)
        CU_ASSERT_EQUAL(agenthost_seen(&h, ids[i], &equal, why, sizeof(why)), SEEN_UNKNOWN);
    CU_ASSERT_TRUE(agenthost_until(&h, healthy, SEEN_RUNNING));
    release_hanging(&h);
    for (int i = 0; i < STOPPED; i++)
        CU_ASSERT_TRUE(agenthost_until(&h, ids[i], SEEN_RUNNING));
    agenthost_free(&h);
}

static void
concludes_nothing_while_the_hypervisor_hangs(void)
{
    struct agenthost h;
    int64_t end = clock_mono_ms() + 60000;
    char why[300];
    bool unknown = false;

    agenthost_new(&h, "call_deadline_ms = 2000\n");
    agenthost_start(&h);
    give_all(&h);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    set_script(&h, "any * hang\n");
    while (!unknown && clock_mono_ms() < end) {
        agent_wait(&h.ag, agent_round(&h.ag) < 20 ? 0 : 20);
        unknown = !facts_observed_ok(&h.ag, clock_mono_ms(), why, sizeof(why));
    }
    CU_ASSERT_TRUE(unknown);
    CU_ASSERT(strlen(why) > 10);
    release_hanging(&h);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 1);
    CU_ASSERT_EQUAL(calls(&h, "dom.destroy"), 0);
    agenthost_free(&h);
}

static void
starts_a_crashed_machine_again(void)
{
    struct agenthost h;
    struct err e = {0};

    create_all(&h);
    CU_ASSERT_EQUAL_FATAL(virt_fake_crash(h.world, h.m.vm, &e), 0);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 2);
    agenthost_free(&h);
}

static void
does_nothing_under_an_emergency_hold(void)
{
    struct agenthost h;
    struct w_desired_answer in;
    struct w_hold hold = {.reason = "test"};
    struct err e = {0};
    unsigned long long before;

    create_all(&h);
    (void)snprintf(hold.host, sizeof(hold.host), "%s", h.m.host);
    random_uuid(hold.id);
    hold.until_ms = clock_wall_ms() + 3600000;
    mill_answer(&h.m, NULL, 0, &in);
    in.full = false;
    in.holds = (struct jm_list){.items = &hold, .n = 1};
    agenthost_give(&h, &in);
    agenthost_stop(&h); /* and over a restart, with the controller away */
    CU_ASSERT_EQUAL_FATAL(virt_fake_reboot(h.world, &e), 0);
    before = calls(&h, "dom.start");
    agenthost_start(&h);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), before);
    in.holds.n = 0; /* it ended */
    agenthost_give(&h, &in);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    agenthost_free(&h);
}

/* A task of several steps stops at the next one. */
static void
goes_no_step_further_under_an_emergency_hold(void)
{
    struct agenthost h;
    struct w_desired_answer in;
    struct w_hold hold = {.reason = "test"};
    int64_t end = clock_mono_ms() + 60000;

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    set_script(&h, "dom.define 1 hang\n");
    give_all(&h);
    while (calls(&h, "dom.define") == 0 && clock_mono_ms() < end)
        agent_wait(&h.ag, agent_round(&h.ag) < 20 ? 0 : 20);
    (void)snprintf(hold.host, sizeof(hold.host), "%s", h.m.host);
    random_uuid(hold.id);
    hold.until_ms = clock_wall_ms() + 3600000;
    mill_answer(&h.m, NULL, 0, &in);
    in.full = false;
    in.holds = (struct jm_list){.items = &hold, .n = 1};
    agenthost_give(&h, &in);
    release_hanging(&h);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(calls(&h, "dom.define"), 1);
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 0);
    in.holds.n = 0; /* it ended */
    agenthost_give(&h, &in);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    agenthost_free(&h);
}

static void
reads_agent_conf_in_its_folder(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    const struct agent_options o = {.dir = dir};
    static const char bad[] = "[libvirt]\nnonsense = 1\n";
    struct agent ag = {0};
    struct err e = {0};
    char path[300];

    CU_ASSERT_EQUAL(agent_open(&ag, &o, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND); /* defaults are fine; it is not enrolled */
    CU_ASSERT_TRUE(agent_close(&ag));
    err_clear(&e);
    (void)snprintf(path, sizeof(path), "%s/agent.conf", dir);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, bad, sizeof(bad) - 1, 0644, &e), 0);
    CU_ASSERT_EQUAL(agent_open(&ag, &o, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "nonsense"));
    CU_ASSERT_TRUE(agent_close(&ag));
}

/* More, by the unit, without an agreed restart: the running guest is added to. */
static void
grows_a_running_machine_without_a_restart(void)
{
    struct agenthost h;
    struct w_order vm;

    create_all(&h);
    mill_vm_order(&h.m, &vm);
    vm.vm.vcpus = 4;
    vm.vm.root_bytes = 128 << 20;
    unit_order(&h, &vm, 2, VERB_RESIZE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&h, "live.vcpus"), 1);
    CU_ASSERT_EQUAL(calls(&h, "vol.grow"), 1);
    CU_ASSERT_EQUAL(calls(&h, "dom.shutdown") + calls(&h, "dom.destroy"), 0);
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 1);
    agenthost_free(&h);
}

/* Whatever happens in the middle of it, it ends equal, and the guest is not restarted. */
static void
grows_a_running_machine_through_lost_answers(void)
{
    static const char *const scripts[] = {
        "live.vcpus 1 fail io\n",   "live.vcpus 1 lose\n", "live.memory 1 lose\n",
        "live.disks 1 fail busy\n", "dom.define 2 lose\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct agenthost h;
        struct w_order vm;

        create_all(&h);
        set_script(&h, scripts[i]);
        mill_vm_order(&h.m, &vm);
        vm.vm.vcpus = 4;
        unit_order(&h, &vm, 2, VERB_RESIZE, WANT_RUNNING);
        CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
        CU_ASSERT_EQUAL(calls(&h, "dom.start"), 1);
        agenthost_free(&h);
    }
}

/* Less, or what adding cannot reach: only with the restart that was agreed. */
static void
restarts_for_a_change_only_as_agreed(void)
{
    struct agenthost h;
    struct w_order vm;
    bool equal = true;
    char why[300] = "";

    create_all(&h);
    mill_vm_order(&h.m, &vm);
    vm.vm.vcpus = 1;
    unit_order(&h, &vm, 2, VERB_RESIZE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(agenthost_seen(&h, h.m.vm, &equal, why, sizeof(why)), SEEN_RUNNING);
    CU_ASSERT_FALSE(equal);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "next stops"));
    CU_ASSERT_EQUAL(calls(&h, "dom.shutdown"), 0);
    vm.restart_from_ms = 1;
    unit_order(&h, &vm, 3, VERB_RESIZE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 2);
    agenthost_free(&h);
}

/* Stopped and started again before the restart came: what was agreed stays so. */
static void
restarts_for_a_change_that_a_start_overtook(void)
{
    struct agenthost h;
    struct w_order vm;

    create_all(&h);
    mill_vm_order(&h.m, &vm);
    vm.vm.vcpus = 1;
    unit_order(&h, &vm, 2, VERB_RESIZE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    vm.restart_from_ms = 1;
    unit_order(&h, &vm, 3, VERB_POWER, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&h, "dom.start"), 2);
    agenthost_free(&h);
}

/* The order key is enough to sign it, and the host adds up by itself: nothing is made. */
static void
refuses_what_exceeds_a_grant_of_free_shape(void)
{
    struct agenthost h;
    struct w_order vm;
    bool equal = true;
    char why[300] = "";

    agenthost_new(&h, NULL);
    h.m.grant.version = 2;
    h.m.grant.shape = SHAPE_FREE;
    h.m.grant.resources_max = 9;
    h.m.grant_text = mill_sign_grant(&h.m, h.m.bureau, &h.m.grant);
    agenthost_start(&h);
    give_all(&h);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING)); /* 2 of 8 vCPUs */
    mill_vm_order(&h.m, &vm);
    vm.line = 0;
    random_uuid(vm.resource);
    memcpy(vm.vm.id, vm.resource, sizeof(vm.vm.id));
    random_uuid(vm.vm.root_volume);
    random_uuid(vm.vm.seed_volume);
    vm.vm.vcpus = vm.vm.vcpus_max = 7;
    vm.vm.nics.n = vm.vm.disks.n = 0;
    unit_order(&h, &vm, 1, VERB_CREATE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_EQUAL(agenthost_seen(&h, vm.resource, &equal, why, sizeof(why)), SEEN_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "totals"));
    CU_ASSERT_EQUAL(calls(&h, "dom.define"), 1);
    vm.vm.vcpus = vm.vm.vcpus_max = 6;
    unit_order(&h, &vm, 1, VERB_CREATE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&h, vm.resource, SEEN_RUNNING));
    agenthost_free(&h);
}

/* What a call under way uses is there until it is back, however slow its disk. */
static void
frees_nothing_that_a_call_still_uses(void)
{
    struct agenthost h;
    int64_t end = clock_mono_ms() + 60000;

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    set_script(&h, "dom.define 1 hang\n");
    give_all(&h);
    while (calls(&h, "dom.define") == 0 && clock_mono_ms() < end)
        agent_wait(&h.ag, agent_round(&h.ag) < 20 ? 0 : 20);
    CU_ASSERT_FALSE(agent_close(&h.ag));
    CU_ASSERT_PTR_NOT_NULL(h.ag.link); /* which the call wakes at its end */
    release_hanging(&h);
    agenthost_free(&h);
}

/* A thousand hosts that were enrolled in the same second, with certificates of 90 days. */
static void
renews_at_a_time_of_its_own(void)
{
    enum { HOSTS = 1000, PARTS = 10 };
    const int64_t life = (int64_t)90 * 86400, from = 1000000;
    int n[PARTS] = {0};

    for (int i = 0; i < HOSTS; i++) {
        char id[W_ID];
        int64_t at;

        (void)snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", i);
        at = enrol_renew_at(id, from, from + life);
        CU_ASSERT_FATAL(at >= from + life / 3 * 2 && at < from + life / 4 * 3);
        CU_ASSERT_EQUAL(enrol_renew_at(id, from, from + life), at);
        n[(at - from - life / 3 * 2) * PARTS / (life / 12)]++;
    }
    for (int i = 0; i < PARTS; i++)
        CU_ASSERT(n[i] > HOSTS / PARTS / 2 && n[i] < HOSTS / PARTS * 2);
}

CU_TestInfo agent_tests[] = {
    {"makes what is ordered, once", makes_what_is_ordered_once},
    {"does nothing on an empty set", does_nothing_on_an_empty_set},
    {"brings machines back after a reboot without the controller",
     brings_machines_back_after_a_reboot_without_the_controller},
    {"leaves a foreign domain alone", leaves_a_foreign_domain_alone},
    {"goes down the staircase and back up", goes_down_the_staircase_and_back_up},
    {"keeps the hold whatever is ordered", keeps_the_hold_whatever_is_ordered},
    {"remakes a half-made volume", remakes_a_half_made_volume},
    {"starts nothing new while its receipts are lost",
     starts_nothing_new_while_its_receipts_are_lost},
    {"says failed while the pool is full and goes on after",
     says_failed_while_the_pool_is_full_and_goes_on_after},
    {"ends what it never made and says so", ends_what_it_never_made_and_says_so},
    {"says of a file that is gone only that it is gone",
     says_of_a_file_that_is_gone_only_that_it_is_gone},
    {"serves a healthy machine beside six whose calls hang",
     serves_a_healthy_machine_beside_six_whose_calls_hang},
    {"concludes nothing while the hypervisor hangs", concludes_nothing_while_the_hypervisor_hangs},
    {"starts a crashed machine again", starts_a_crashed_machine_again},
    {"does nothing under an emergency hold", does_nothing_under_an_emergency_hold},
    {"goes no step further under an emergency hold", goes_no_step_further_under_an_emergency_hold},
    {"frees nothing that a call still uses", frees_nothing_that_a_call_still_uses},
    {"renews at a time of its own", renews_at_a_time_of_its_own},
    {"reads agent.conf in its folder", reads_agent_conf_in_its_folder},
    {"grows a running machine without a restart", grows_a_running_machine_without_a_restart},
    {"grows a running machine through lost answers", grows_a_running_machine_through_lost_answers},
    {"restarts for a change only as agreed", restarts_for_a_change_only_as_agreed},
    {"restarts for a change that a start overtook", restarts_for_a_change_that_a_start_overtook},
    {"refuses what exceeds a grant of free shape", refuses_what_exceeds_a_grant_of_free_shape},
    CU_TEST_INFO_NULL,
};
