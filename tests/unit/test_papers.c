#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/papers.h"
#include "agent/report.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/agenthost.h"

/* What is wrong with one answer: an order changed before it is signed, or its text after. */
struct row {
    const char *name;
    const char *code; /* machine word of the refusal */
    void (*change)(struct mill *m, struct w_order *o);
    const char *(*sign)(struct mill *m, const struct w_order *o);
    void (*answer)(struct mill *m, struct w_desired_answer *in);
};

static const char *
sign_well(struct mill *m, const struct w_order *o)
{
    return mill_sign_order(m, m->controller, o);
}

static void
other_host(struct mill *m, struct w_order *o)
{
    (void)m;
    random_uuid(o->host);
}

static void
other_incarnation(struct mill *m, struct w_order *o)
{
    (void)m;
    o->incarnation = 2;
}

static void
too_large(struct mill *m, struct w_order *o)
{
    (void)m;
    o->volume.size_bytes = (2ull << 30) + 1;
}

static void
no_such_ordinal(struct mill *m, struct w_order *o)
{
    (void)m;
    o->ordinal = 2;
}

static void
no_such_line(struct mill *m, struct w_order *o)
{
    (void)m;
    o->line = 9;
}

static void
other_system(struct mill *m, struct w_order *o)
{
    (void)m;
    random_uuid(o->system);
}

static void
from_the_future(struct mill *m, struct w_order *o)
{
    o->issued_at_ms = m->now_ms + 3600000;
}

static void
erase_by_the_grant(struct mill *m, struct w_order *o)
{
    (void)m;
    o->verb = VERB_ERASE;
    o->wanted = WANT_ABSENT;
}

static void
bin_by_a_plan_that_is_not_here(struct mill *m, struct w_order *o)
{
    (void)m;
    o->verb = VERB_BIN;
    o->wanted = WANT_BINNED;
    o->authority = AUTH_PLAN;
    random_uuid(o->authority_id);
}

static void
describes_another(struct mill *m, struct w_order *o)
{
    (void)m;
    random_uuid(o->volume.id);
}

static void
kind_and_contents_differ(struct mill *m, struct w_order *o)
{
    struct w_order net;

    mill_net_order(m, &net);
    o->network = net.network;
}

static const char *
signed_by_a_stranger(struct mill *m, const struct w_order *o)
{
    return mill_sign_order(m, m->stranger, o);
}

static const char *
signed_by_the_bureau(struct mill *m, const struct w_order *o)
{
    return mill_sign_order(m, m->bureau, o);
}

/* One bit of one digit of the size, inside the signed text. */
static const char *
altered_by_one_bit(struct mill *m, const struct w_order *o)
{
    char *text = arena_strdup(&m->a, sign_well(m, o));
    char *at = strstr(text, "4194304");

    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    at[0] ^= 1; /* 4 becomes 5 */
    return text;
}

static const char *
signed_anew(struct mill *m, const char *body)
{
    const char *out = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(paper_sign(m->controller, PAPER_ORDER, body, &m->a, &out, &e), 0);
    return out;
}

static const char *
with_replaced(struct mill *m, const struct w_order *o, const char *from, const char *to)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char *at;

    jm_encode(schema_order, o, &b);
    at = strstr(b.s, from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    return signed_anew(
        m, arena_printf(&m->a, "%.*s%s%s", (int)(at - b.s), b.s, to, at + strlen(from)));
}

static const char *
with_an_unknown_field(struct mill *m, const struct w_order *o)
{
    return with_replaced(m, o, "{", "{\"aside\":1,");
}

static const char *
with_an_unknown_version(struct mill *m, const struct w_order *o)
{
    return with_replaced(m, o, "\"version\":1", "\"version\":2");
}

static const char *
with_another_purpose(struct mill *m, const struct w_order *o)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const char *out = NULL;
    struct err e = {0};

    jm_encode(schema_order, o, &b);
    CU_ASSERT_EQUAL_FATAL(paper_sign(m->controller, PAPER_PLAN, strbuf_peek(&b), &m->a, &out, &e),
                          0);
    return out;
}

static void
without_the_grant(struct mill *m, struct w_desired_answer *in)
{
    (void)m;
    in->grants.n = 0;
}

static void
grant_signed_by_the_controller(struct mill *m, struct w_desired_answer *in)
{
    JM_ITEM(in->grants, struct w_paper, 0)->text = mill_sign_grant(m, m->controller, &m->grant);
}

static void
keys_signed_by_a_stranger(struct mill *m, struct w_desired_answer *in)
{
    struct w_envelope env;
    const char *out = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(paper_parse(m->keys, strlen(m->keys), &m->a, &env, &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_sign(m->stranger, PAPER_KEYS, env.body, &m->a, &out, &e), 0);
    JM_ITEM(in->keys, struct w_paper, 0)->text = out;
}

static const struct row rows[] = {
    {"for another host", "OTHER_HOST", other_host, NULL, NULL},
    {"for another incarnation", "OTHER_INCARNATION", other_incarnation, NULL, NULL},
    {"larger than its grant", "TOO_LARGE", too_large, NULL, NULL},
    {"an ordinal too many", "NO_ORDINAL", no_such_ordinal, NULL, NULL},
    {"a line that is not granted", "NO_LINE", no_such_line, NULL, NULL},
    {"of another system", "OTHER_SYSTEM", other_system, NULL, NULL},
    {"from the future", "FUTURE", from_the_future, NULL, NULL},
    {"an erasure without plan or unit", "NO_AUTHORITY", erase_by_the_grant, NULL, NULL},
    {"a plan that is not here", "NO_PLAN", bin_by_a_plan_that_is_not_here, NULL, NULL},
    {"describes another resource", "invalid", describes_another, NULL, NULL},
    {"kind and contents differ", "invalid", kind_and_contents_differ, NULL, NULL},
    {"signed by a stranger", "denied", NULL, signed_by_a_stranger, NULL},
    {"signed by the bureau's key", "denied", NULL, signed_by_the_bureau, NULL},
    {"altered by one bit", "denied", NULL, altered_by_one_bit, NULL},
    {"an unknown field", "invalid", NULL, with_an_unknown_field, NULL},
    {"an unknown version", "invalid", NULL, with_an_unknown_version, NULL},
    {"signed for another purpose", "denied", NULL, with_another_purpose, NULL},
    {"no signature of the bureau", "OTHER_GRANT", NULL, NULL, without_the_grant},
    {"a grant by the controller's key", "OTHER_GRANT", NULL, NULL, grant_signed_by_the_controller},
    {"keys not by the root", "denied", NULL, NULL, keys_signed_by_a_stranger},
};

/* A host of its own for each row: it knows no grant or key from another one. */
static void
refuses_row(const struct row *w)
{
    struct agenthost h;
    struct papers_result r;
    struct w_desired_answer in;
    struct w_order o;
    const struct track *k;
    const char *text;
    struct err e = {0};

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    mill_vol_order(&h.m, &o);
    if (w->change != NULL)
        w->change(&h.m, &o);
    text = w->sign != NULL ? w->sign(&h.m, &o) : sign_well(&h.m, &o);
    mill_answer(&h.m, &text, 1, &in);
    if (w->answer != NULL)
        w->answer(&h.m, &in);
    CU_ASSERT_EQUAL_FATAL(papers_take(&h.ag, &in, clock_wall_ms(), &r, &e), 0);
    k = track_find(&h.ag.tracks, h.m.vol);
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    if (r.refused != 1 || r.accepted != 0 || strcmp(k->refused_word, w->code) != 0)
        fprintf(stderr, "row '%s': refused=%zu accepted=%zu code=%s, wanted %s\n", w->name,
                r.refused, r.accepted, k->refused_word, w->code);
    CU_ASSERT_EQUAL(r.accepted, 0);
    CU_ASSERT_EQUAL(r.refused, 1);
    CU_ASSERT_STRING_EQUAL(k->refused_word, w->code);
    CU_ASSERT(strlen(k->refusal.msg) > 10);
    CU_ASSERT_TRUE(agenthost_settle(&h));
    CU_ASSERT_PTR_NULL(receipts_find(h.ag.receipts, h.m.vol));
    agenthost_free(&h);
}

static void
refuses_everything_that_is_not_right(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refuses_row(&rows[i]);
}

/* Items that a changes-only report has of a resource with this word. */
static size_t
told(struct agenthost *h, const char *id, bool acknowledge)
{
    struct report r;
    size_t n = 0;

    report_build(&h->ag, false, 0, clock_wall_ms(), clock_mono_ms(), &r);
    for (size_t i = 0; i < r.status.items.n; i++) {
        const struct w_observed *o = JM_ITEM(r.status.items, struct w_observed, i);

        n += strcmp(o->resource, id) == 0 && o->seen == SEEN_REFUSED;
    }
    if (acknowledge)
        report_acknowledged(&h->ag, &r);
    report_clear(&r);
    return n;
}

static void
tells_a_refusal_once_and_judges_the_same_bytes_once(void)
{
    struct agenthost h;
    struct papers_result r;
    struct w_desired_answer in;
    struct w_order o;
    const char *text;
    struct err e = {0};

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    mill_vol_order(&h.m, &o);
    text = signed_by_a_stranger(&h.m, &o);
    mill_answer(&h.m, &text, 1, &in);
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms(), &r, &e), 0);
    CU_ASSERT_EQUAL(told(&h, h.m.vol, false), 1); /* lost on the way: told again */
    CU_ASSERT_EQUAL(told(&h, h.m.vol, true), 1);
    CU_ASSERT_EQUAL(told(&h, h.m.vol, true), 0);
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms(), &r, &e), 0);
    CU_ASSERT_EQUAL(r.refused, 1);
    CU_ASSERT_EQUAL(told(&h, h.m.vol, true), 0); /* the same bytes: not judged again */
    agenthost_order(&h, &o);                     /* the real one is accepted */
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    agenthost_free(&h);
}

/* A host whose clock was behind, and is right again. */
static void
accepts_an_order_once_it_is_not_from_the_future(void)
{
    struct agenthost h;
    struct papers_result r;
    struct w_desired_answer in;
    struct w_order o;
    const char *text;
    struct err e = {0};

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    mill_vol_order(&h.m, &o);
    text = sign_well(&h.m, &o);
    mill_answer(&h.m, &text, 1, &in);
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms() - 3600000, &r, &e), 0);
    CU_ASSERT_EQUAL(r.refused, 1);
    CU_ASSERT_EQUAL(r.later, 1);
    CU_ASSERT_EQUAL(told(&h, h.m.vol, true), 1);
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms() - 3600000, &r, &e), 0);
    CU_ASSERT_EQUAL(told(&h, h.m.vol, true), 0); /* the same again is not told again */
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms(), &r, &e), 0);
    CU_ASSERT_EQUAL(r.accepted, 1);
    CU_ASSERT_EQUAL(r.later, 0);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    agenthost_free(&h);
}

static void
keeps_to_the_newest_generation(void)
{
    static const struct {
        uint64_t term, generation;
        const char *code;
    } late[] = {{1, 1, "OLDER"}, {1, 2, "FORGED"}, {0, 9, NULL}};
    struct agenthost h;
    struct w_order o;

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    mill_vol_order(&h.m, &o);
    o.generation = 2;
    agenthost_order(&h, &o);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    for (size_t i = 0; i < 2; i++) {
        random_uuid(o.id); /* another order of that generation */
        o.term = late[i].term;
        o.generation = late[i].generation;
        agenthost_order(&h, &o);
        CU_ASSERT_TRUE(agenthost_settle(&h));
        CU_ASSERT_STRING_EQUAL(track_find(&h.ag.tracks, h.m.vol)->refused_word, late[i].code);
        CU_ASSERT_EQUAL(receipts_find(h.ag.receipts, h.m.vol)->order.generation, 2);
    }
    agenthost_free(&h);
}

static void
refuses_another_store_and_an_older_term(void)
{
    struct agenthost h;
    struct papers_result r;
    struct w_desired_answer in;
    struct w_order o;
    const char *text;
    struct err e = {0};

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    mill_vol_order(&h.m, &o);
    o.term = 5;
    text = mill_sign_order(&h.m, h.m.controller, &o);
    mill_answer(&h.m, &text, 1, &in);
    in.term = 5;
    agenthost_give(&h, &in);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vol, SEEN_PRESENT));
    in.term = 4;
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms(), &r, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    in.term = 5;
    random_uuid(in.store);
    CU_ASSERT_EQUAL(papers_take(&h.ag, &in, clock_wall_ms(), &r, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    agenthost_free(&h);
}

/* Shrinking needs the bureau's plan with exactly these sizes. */
static void
downgrades_only_as_planned(void)
{
    struct agenthost h;
    struct w_order vm;
    struct w_plan plan;
    struct w_plan_line *line;
    struct w_paper paper;
    struct w_desired_answer in;
    const char *text;

    agenthost_new(&h, NULL);
    agenthost_start(&h);
    mill_net_order(&h.m, &vm);
    agenthost_order(&h, &vm);
    mill_vol_order(&h.m, &vm);
    agenthost_order(&h, &vm);
    mill_vm_order(&h.m, &vm);
    agenthost_order(&h, &vm);
    CU_ASSERT_TRUE_FATAL(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    vm.generation = 2;
    random_uuid(vm.id);
    vm.verb = VERB_DOWNGRADE;
    vm.authority = AUTH_PLAN;
    vm.vm.vcpus = 1;
    vm.vm.mem_mib = 256;
    for (int wrong = 1; wrong >= 0; wrong--) {
        mill_plan(&h.m, &plan, RES_VM, h.m.vm, VERB_DOWNGRADE);
        line = JM_ITEM(plan.lines, struct w_plan_line, 0);
        line->vcpus = 1;
        line->mem_mib = wrong ? 512 : 256;
        (void)snprintf(vm.authority_id, sizeof(vm.authority_id), "%s", plan.id);
        text = mill_sign_order(&h.m, h.m.controller, &vm);
        mill_answer(&h.m, &text, 1, &in);
        paper.text = mill_sign_plan(&h.m, h.m.bureau, &plan);
        in.plans = (struct jm_list){.items = &paper, .n = 1};
        in.full = false;
        agenthost_give(&h, &in);
        CU_ASSERT_TRUE(agenthost_settle(&h));
        if (wrong)
            CU_ASSERT_STRING_EQUAL(track_find(&h.ag.tracks, h.m.vm)->refused_word,
                                   "NOT_AS_PLANNED");
    }
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(world_dom(h.ag.world, h.m.vm)->live.vcpus, 1);
    CU_ASSERT_EQUAL(world_dom(h.ag.world, h.m.vm)->live.mem_mib, 256);
    agenthost_free(&h);
}

CU_TestInfo papers_tests[] = {
    {"refuses everything that is not right", refuses_everything_that_is_not_right},
    {"tells a refusal once and judges the same bytes once",
     tells_a_refusal_once_and_judges_the_same_bytes_once},
    {"accepts an order once it is not from the future",
     accepts_an_order_once_it_is_not_from_the_future},
    {"keeps to the newest generation", keeps_to_the_newest_generation},
    {"refuses another store and an older term", refuses_another_store_and_an_older_term},
    {"downgrades only as planned", downgrades_only_as_planned},
    CU_TEST_INFO_NULL,
};
