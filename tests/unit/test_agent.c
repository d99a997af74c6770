#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void
remakes_a_half_made_volume(void)
{
    static const char script[] = "vol.create 1 half\n";
    struct agenthost h;
    struct w_order vol;
    char path[400];
    struct err e = {0};

    agenthost_new(&h, NULL);
    CU_ASSERT_EQUAL_FATAL(durable_mkdirs(h.world, 0755, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/script", h.world);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, script, strlen(script), 0644, &e), 0);
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
    CU_TEST_INFO_NULL,
};
