/* What a bureau's plan took from a grant of free shape stays taken on every host that has the plan,
 * until the bureau returns it. */
#include <CUnit/CUnit.h>
#include <stdio.h>

#include "drivers/base/scope.h"
#include "policies/order_check.h"
#include "tests/unit/orders.h"

/* 8 vCPUs, 8192 MiB and 2500 bytes in all. */
static const struct oc_line lines[] = {
    {.line = 1,
     .count = 2,
     .kind = MO_VM,
     .vcpus = 4,
     .mem_mib = 4096,
     .disk_bytes = 1000,
     .image = "img"},
    {.line = 2, .count = 1, .kind = MO_VOLUME, .disk_bytes = 500},
};
static const struct oc_grant grant = {.id = "g",
                                      .system = "sys",
                                      .valid_from_ms = 1000,
                                      .valid_to_ms = 9000,
                                      .hold_ms = 700,
                                      .free = true,
                                      .resources_max = 9,
                                      .lines = lines,
                                      .n_lines = 2};

/* What the tests change; everything else is as signed. */
struct signed_plan {
    const char *id, *grant;
    int64_t issued_at_ms;
    struct oc_plan_line line;
};
static const struct oc_plan_line downgrade = {.kind = MO_VM,
                                              .resource = "vm1",
                                              .verb = MO_DOWNGRADE,
                                              .vcpus = 1,
                                              .mem_mib = 1024,
                                              .not_before_ms = 1500,
                                              .less_vcpus = 3,
                                              .less_mem_mib = 3072};
static const struct oc_plan_line back = {.kind = MO_VM,
                                         .resource = "vm1",
                                         .verb = MO_RESTORE,
                                         .vcpus = 4,
                                         .mem_mib = 4096,
                                         .not_before_ms = 1500};

/* A machine of the unit's own, of no line; `at` keeps it apart from the others. */
static struct oc_order
own(const char *id, uint32_t at, uint32_t vcpus, uint64_t mem_mib)
{
    struct oc_order o = orders_vm();

    o.id = o.resource = id;
    o.root = at == 1 ? "r1" : "r2";
    o.seed = at == 1 ? "s1" : "s2";
    o.line = 0;
    o.ordinal = at;
    o.vcpus = vcpus;
    o.mem_mib = mem_mib;
    o.n_nics = o.n_volumes = 0;
    o.firmware = 0;
    o.authority = MO_BY_UNIT;
    o.authority_id = "account";
    return o;
}

static struct oc_verdict
judge(const struct oc_order *o, const struct oc_held *held, size_t n_held,
      const struct signed_plan *p, size_t n)
{
    struct oc_plan plans[4];
    struct oc_papers papers = {
        .grant = &grant, .plans = plans, .n_plans = n, .held = held, .n_held = n_held};

    for (size_t i = 0; i < n; i++)
        plans[i] = (struct oc_plan){.id = p[i].id,
                                    .grant = p[i].grant,
                                    .system = "sys",
                                    .issued_at_ms = p[i].issued_at_ms,
                                    .hold_ms = 900,
                                    .lines = &p[i].line,
                                    .n_lines = 1};
    return order_check(&orders_host, o, &papers);
}

/* Machine vm1 as the plan left it, and one of four vCPUs beside it. */
static void
downgraded(struct oc_held held[2])
{
    held[0] = (struct oc_held){.order = own("vm1", 1, 1, 1024)};
    held[1] = (struct oc_held){.order = own("vm2", 2, 4, 4096)};
}

static struct oc_order
grown(enum mo_verb verb)
{
    struct oc_order o = own("vm1", 1, 4, 4096);

    o.id = "later";
    o.generation++;
    o.verb = verb;
    return o;
}

static void
what_a_plan_took_is_not_taken_again(void)
{
    struct oc_held held[2];
    struct oc_order o = grown(MO_RESIZE), small = grown(MO_RESIZE), other = own("vm3", 3, 3, 3072);
    struct signed_plan p[3] = {{"p", "g", 1000, downgrade}};

    downgraded(held);
    orders_expect("no plan: it grows", judge(&o, held, 2, p, 0), OC_OK);
    orders_expect("the plan binds", judge(&o, held, 2, p, 1), OC_EXCEEDS);
    o.verb = MO_RESTORE;
    orders_expect("also its return by the unit", judge(&o, held, 2, p, 1), OC_EXCEEDS);
    o.authority = MO_BY_GRANT;
    o.authority_id = "g";
    orders_expect("or by the controller alone", judge(&o, held, 2, p, 1), OC_EXCEEDS);
    other.root = "r3";
    other.seed = "s3";
    other.bytes = 100;
    orders_expect("nor by another machine", judge(&other, held, 2, p, 1), OC_EXCEEDS);
    small.vcpus = 1;
    small.mem_mib = 512;
    orders_expect("less is always fine", judge(&small, held, 2, p, 1), OC_OK);
    held[1].order.vcpus = 1;
    held[1].order.mem_mib = 1024;
    o = grown(MO_RESIZE);
    orders_expect("what is left may be cut otherwise", judge(&o, held, 2, p, 1), OC_OK);
    p[1] = p[0];
    orders_expect("a plan signed twice takes once", judge(&o, held, 2, p, 2), OC_OK);
    p[1].id = "p2";
    orders_expect("two plans take twice", judge(&o, held, 2, p, 2), OC_EXCEEDS);
}

static void
only_a_plan_of_this_grant_in_force_binds(void)
{
    static const struct {
        const char *what;
        struct signed_plan p;
    } rows[] = {
        {"of another grant, also one that this supersedes",
         {"p", "g0", 1000, {MO_VM, "vm1", MO_BIN, 0, 0, 1500, 8, 8192, 0}}},
        {"of a later day", {"p", "g", 1000, {MO_VM, "vm1", MO_BIN, 0, 0, 2500, 8, 8192, 0}}},
        {"that says no amounts", {"p", "g", 1000, {MO_VM, "vm1", MO_BIN, 0, 0, 1500, 0, 0, 0}}},
    };
    struct oc_held held[2];
    struct oc_order o = grown(MO_RESIZE);

    downgraded(held);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        orders_expect(rows[i].what, judge(&o, held, 2, &rows[i].p, 1), OC_OK);
}

static void
the_bureau_gives_it_back(void)
{
    struct oc_held held[2];
    struct oc_order o = grown(MO_RESTORE);
    struct signed_plan p[2] = {{"p", "g", 1000, downgrade}, {"r", "g", 1001, back}};

    downgraded(held);
    o.authority = MO_BY_PLAN;
    o.authority_id = "r";
    orders_expect("a return signed by the bureau", judge(&o, held, 2, p, 2), OC_OK);
    CU_ASSERT_TRUE(judge(&o, held, 2, p, 2).may_restart);
    o.vcpus = 3;
    orders_expect("exactly as signed", judge(&o, held, 2, p, 2), OC_NOT_AS_PLANNED);
    o.vcpus = 4;
    orders_expect("without it in hand", judge(&o, held, 2, p, 1), OC_EXCEEDS);
    o.authority_id = "p";
    orders_expect("whatever the order says", judge(&o, held, 2, p, 2), OC_NOT_IN_PLAN);
    o = grown(MO_RESIZE);
    orders_expect("then the unit sizes again", judge(&o, held, 2, p, 2), OC_OK);
    p[0].issued_at_ms = 1002;
    orders_expect("a plan after the return binds", judge(&o, held, 2, p, 2), OC_EXCEEDS);
    p[0].issued_at_ms = 1000;
    p[1].line.resource = "vm2";
    orders_expect("a return is of one resource", judge(&o, held, 2, p, 2), OC_EXCEEDS);
}

/* Two machines that one answer makes smaller: the first order must not wait for the second. */
static void
taking_away_is_never_refused_for_what_others_still_have(void)
{
    struct oc_held held[2] = {{.order = own("vm1", 1, 4, 4096)}, {.order = own("vm2", 2, 4, 4096)}};
    struct signed_plan p[2] = {{"p", "g", 1000, downgrade}, {"p2", "g", 1000, downgrade}};
    struct oc_order o = grown(MO_DOWNGRADE), start = own("vm2", 2, 4, 4096);

    p[1].line.resource = "vm2";
    o.vcpus = 1;
    o.mem_mib = 1024;
    o.authority = MO_BY_PLAN;
    o.authority_id = "p";
    orders_expect("the first downgrade", judge(&o, held, 2, p, 2), OC_OK);
    start.id = "later";
    start.generation++;
    start.verb = MO_POWER;
    orders_expect("what is there may start", judge(&start, held, 2, p, 2), OC_OK);
    start.vcpus_max = 8;
    orders_expect("with the room that it was made with", judge(&start, held, 2, p, 2), OC_OK);
}

static void
a_disk_counts_until_it_is_overwritten(void)
{
    static const struct oc_plan_line erase = {.kind = MO_VM,
                                              .resource = "vm1",
                                              .verb = MO_ERASE,
                                              .not_before_ms = 1500,
                                              .less_bytes = 1000};
    struct oc_held held[2];
    struct signed_plan p[1] = {{"p", "g", 1000, erase}};
    struct oc_order o = own("vm3", 3, 1, 64);

    downgraded(held);
    held[0].order.wanted = MO_BINNED;
    o.root = "r3";
    o.seed = "s3";
    o.bytes = 500;
    orders_expect("in the bin it is held and not yet taken", judge(&o, held, 2, p, 1), OC_OK);
    held[0].gone = true;
    orders_expect("overwritten: no longer held, and taken", judge(&o, held, 2, p, 1), OC_OK);
    o.bytes = 501;
    orders_expect("its room is not there again", judge(&o, held, 2, p, 1), OC_EXCEEDS);
    orders_expect("but for the plan it would be", judge(&o, held, 2, p, 0), OC_OK);
}

CU_TestInfo order_plans_tests[] = {
    {"what a plan took is not taken again", what_a_plan_took_is_not_taken_again},
    {"only a plan of this grant in force binds", only_a_plan_of_this_grant_in_force_binds},
    {"the bureau gives it back", the_bureau_gives_it_back},
    {"taking away is never refused for what others still have",
     taking_away_is_never_refused_for_what_others_still_have},
    {"a disk counts until it is overwritten", a_disk_counts_until_it_is_overwritten},
    CU_TEST_INFO_NULL,
};
