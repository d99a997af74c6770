/* A good order of each kind, and one change at a time that must be refused for its own reason. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/order_check.h"
#include "tests/unit/orders.h"

static const struct oc_line lines[] = {
    {.line = 1,
     .count = 2,
     .kind = MO_VM,
     .vcpus = 4,
     .mem_mib = 4096,
     .disk_bytes = 1000,
     .image = "img",
     .firmware = 2},
    {.line = 2, .count = 1, .kind = MO_VOLUME, .disk_bytes = 500},
    {.line = 3, .count = 1, .kind = MO_NETWORK, .cidr = "10.0.0.0/24"},
};
static const struct oc_grant grant = {.id = "g",
                                      .system = "sys",
                                      .valid_from_ms = 1000,
                                      .valid_to_ms = 9000,
                                      .hold_ms = 700,
                                      .lines = lines,
                                      .n_lines = 3};
static const struct oc_plan_line plan_lines[] = {
    {.kind = MO_VM,
     .resource = "vm1",
     .verb = MO_DOWNGRADE,
     .vcpus = 2,
     .mem_mib = 1024,
     .not_before_ms = 4000},
    {.kind = MO_VM, .resource = "vm1", .verb = MO_BIN, .not_before_ms = 5000},
    {.kind = MO_VM, .resource = "vm1", .verb = MO_ERASE, .not_before_ms = 6000},
};
static const struct oc_plan plans[] = {
    {.id = "p", .grant = "g", .system = "sys", .hold_ms = 900, .lines = plan_lines, .n_lines = 3},
    {.id = "foreign",
     .grant = "other",
     .system = "sys",
     .hold_ms = 900,
     .lines = plan_lines,
     .n_lines = 3},
};

static struct oc_order
good_volume(void)
{
    return (struct oc_order){.id = "o2",
                             .grant = "g",
                             .system = "sys",
                             .host = "h",
                             .resource = "vol1",
                             .incarnation = 3,
                             .term = 1,
                             .generation = 5,
                             .line = 2,
                             .ordinal = 1,
                             .kind = MO_VOLUME,
                             .verb = MO_CREATE,
                             .wanted = MO_PRESENT,
                             .authority = MO_BY_GRANT,
                             .authority_id = "g",
                             .issued_at_ms = 2000,
                             .bytes = 500,
                             .format = 1};
}

static struct oc_order
good_network(void)
{
    return (struct oc_order){.id = "o3",
                             .grant = "g",
                             .system = "sys",
                             .host = "h",
                             .resource = "net1",
                             .incarnation = 3,
                             .term = 1,
                             .generation = 5,
                             .line = 3,
                             .ordinal = 1,
                             .kind = MO_NETWORK,
                             .verb = MO_CREATE,
                             .wanted = MO_PRESENT,
                             .authority = MO_BY_GRANT,
                             .authority_id = "g",
                             .issued_at_ms = 2000,
                             .cidr = "10.0.0.0/24"};
}

/* The good order of the same machine at generation 4, and another machine of the same grant. */

static struct oc_verdict
judge(const struct oc_order *o, const struct oc_held *held, size_t n)
{
    struct oc_papers papers = {
        .grant = &grant, .plans = plans, .n_plans = 2, .held = held, .n_held = n};

    return order_check(&orders_host, o, &papers);
}

static void
accepts_what_fits_its_grant(void)
{
    struct oc_order vm = orders_vm(), vol = good_volume(), net = good_network();
    struct oc_verdict v = judge(&vm, NULL, 0);

    orders_expect("vm", v, OC_OK);
    CU_ASSERT_EQUAL(v.hold_ms, 700);
    CU_ASSERT_EQUAL(v.not_before_ms, 0);
    CU_ASSERT_FALSE(v.may_restart);
    orders_expect("volume", judge(&vol, NULL, 0), OC_OK);
    orders_expect("network", judge(&net, NULL, 0), OC_OK);
    vm.vcpus = 1;
    vm.mem_mib = 64;
    orders_expect("smaller than its line", judge(&vm, NULL, 0), OC_OK);
}

#define REFUSE(order, change, reason_)                                                             \
    do {                                                                                           \
        struct oc_order o = order();                                                               \
        o.change;                                                                                  \
        orders_expect(#change, judge(&o, NULL, 0), reason_);                                       \
    } while (0)

static void
refuses_what_the_grant_does_not_say(void)
{
    REFUSE(orders_vm, host = "h2", OC_OTHER_HOST);
    REFUSE(orders_vm, host = NULL, OC_OTHER_HOST);
    REFUSE(orders_vm, incarnation = 2, OC_OTHER_INCARNATION);
    REFUSE(orders_vm, grant = "g2", OC_OTHER_GRANT);
    REFUSE(orders_vm, system = "sys2", OC_OTHER_SYSTEM);
    REFUSE(orders_vm, line = 4, OC_NO_LINE);
    REFUSE(orders_vm, ordinal = 3, OC_NO_ORDINAL);
    REFUSE(orders_vm, ordinal = 0, OC_NO_ORDINAL);
    REFUSE(orders_vm, line = 2, OC_OTHER_KIND);
    REFUSE(orders_vm, resource = "", OC_NONSENSE);
    REFUSE(orders_vm, wanted = MO_PRESENT, OC_NONSENSE);
    REFUSE(orders_vm, wanted = MO_ABSENT, OC_NONSENSE);
    REFUSE(good_volume, wanted = MO_RUNNING, OC_NONSENSE);
    REFUSE(orders_vm, issued_at_ms = 2001 + OC_SKEW_MS, OC_FUTURE);
    REFUSE(orders_vm, issued_at_ms = 999, OC_NOT_VALID);
    REFUSE(orders_vm, issued_at_ms = 9001, OC_NOT_VALID);
    REFUSE(orders_vm, vcpus = 5, OC_TOO_LARGE);
    REFUSE(orders_vm, vcpus = 0, OC_TOO_LARGE);
    REFUSE(orders_vm, mem_mib = 4097, OC_TOO_LARGE);
    REFUSE(orders_vm, bytes = 1001, OC_TOO_LARGE);
    REFUSE(orders_vm, vcpus_max = 3, OC_NONSENSE);
    REFUSE(orders_vm, image = "img2", OC_OTHER_IMAGE);
    REFUSE(orders_vm, image = NULL, OC_OTHER_IMAGE);
    REFUSE(orders_vm, firmware = 1, OC_OTHER_FIRMWARE);
    REFUSE(good_volume, bytes = 501, OC_TOO_LARGE);
    REFUSE(good_volume, bytes = 0, OC_TOO_LARGE);
    REFUSE(good_volume, format = 2, OC_OTHER_FORMAT);
    REFUSE(good_network, cidr = "10.0.0.0/16", OC_OTHER_RANGE);
    REFUSE(orders_vm, seed = "vm1-r", OC_DISK_TAKEN);
}

static void
refuses_verbs_without_their_authority(void)
{
    static const struct {
        enum mo_verb verb;
        enum mo_wanted wanted;
        enum mo_authority by;
        const char *id;
        uint32_t vcpus;
        uint64_t mem_mib;
        enum oc_reason reason;
    } rows[] = {
        {MO_CREATE, MO_RUNNING, MO_BY_GRANT, "g2", 4, 4096, OC_NO_AUTHORITY},
        {MO_CREATE, MO_RUNNING, MO_BY_UNIT, "acc", 4, 4096, OC_NO_AUTHORITY},
        {MO_CREATE, MO_RUNNING, MO_BY_PLAN, "p", 4, 4096, OC_NO_AUTHORITY},
        {MO_RESIZE, MO_RUNNING, MO_BY_PLAN, "p", 4, 4096, OC_NO_AUTHORITY},
        {MO_RESIZE, MO_RUNNING, MO_BY_GRANT, "g", 4, 4096, OC_OK},
        {MO_RESIZE, MO_RUNNING, MO_BY_GRANT, "g", 3, 4096, OC_SHRINKS},
        {MO_RESIZE, MO_RUNNING, MO_BY_UNIT, "acc", 3, 4096, OC_OK},
        {MO_RESTORE, MO_RUNNING, MO_BY_GRANT, "g", 4, 2048, OC_SHRINKS},
        {MO_POWER, MO_STOPPED, MO_BY_GRANT, "g", 4, 4096, OC_OK},
        {MO_POWER, MO_STOPPED, MO_BY_UNIT, "acc", 4, 4096, OC_OK},
        {MO_POWER, MO_STOPPED, MO_BY_UNIT, "", 4, 4096, OC_NO_AUTHORITY},
        {MO_POWER, MO_STOPPED, MO_BY_GRANT, "g", 1, 4096, OC_SHRINKS},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_GRANT, "g", 2, 1024, OC_NO_AUTHORITY},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_UNIT, "acc", 2, 1024, OC_NO_AUTHORITY},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_PLAN, "p", 2, 1024, OC_OK},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_PLAN, "p", 1, 1024, OC_NOT_AS_PLANNED},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_PLAN, "p", 2, 1023, OC_NOT_AS_PLANNED},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_PLAN, "p7", 2, 1024, OC_NO_PLAN},
        {MO_DOWNGRADE, MO_RUNNING, MO_BY_PLAN, "foreign", 2, 1024, OC_OTHER_PLAN},
        {MO_POWER, MO_STOPPED, MO_BY_GRANT, "g", 2, 1024, OC_SHRINKS}, /* planned, but for later */
        {MO_BIN, MO_BINNED, MO_BY_GRANT, "g", 4, 4096, OC_NO_AUTHORITY},
        {MO_BIN, MO_BINNED, MO_BY_UNIT, "acc", 4, 4096, OC_OK},
        {MO_BIN, MO_BINNED, MO_BY_PLAN, "p", 4, 4096, OC_OK},
        {MO_BIN, MO_BINNED, MO_BY_PLAN, "p", 1, 4096, OC_SHRINKS},
        {MO_ERASE, MO_ABSENT, MO_BY_GRANT, "g", 4, 4096, OC_NO_AUTHORITY},
        {MO_ERASE, MO_ABSENT, MO_BY_PLAN, "p", 4, 4096, OC_OK},
        {MO_ERASE, MO_ABSENT, MO_BY_UNIT, "acc", 4, 4096, OC_OK},
        {(enum mo_verb)0, MO_RUNNING, MO_BY_GRANT, "g", 4, 4096, OC_NONSENSE},
    };
    struct oc_held held[2];
    size_t n = orders_held(held);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct oc_order o = orders_vm();
        char what[40];

        o.verb = rows[i].verb;
        o.wanted = rows[i].wanted;
        o.authority = rows[i].by;
        o.authority_id = rows[i].id;
        o.vcpus = rows[i].vcpus;
        o.mem_mib = rows[i].mem_mib;
        (void)snprintf(what, sizeof(what), "authority row %zu", i);
        orders_expect(what, judge(&o, held, n), rows[i].reason);
    }
}

static void
refuses_a_plan_for_another_resource_or_act(void)
{
    struct oc_order o = orders_vm();

    o.verb = MO_DOWNGRADE;
    o.authority = MO_BY_PLAN;
    o.authority_id = "p";
    o.resource = "vm2";
    o.vcpus = 2;
    o.mem_mib = 1024;
    orders_expect("another resource", judge(&o, NULL, 0), OC_NOT_IN_PLAN);
}

static void
takes_a_planned_size_that_was_missed_once_its_time_has_come(void)
{
    static const struct {
        int64_t now_ms;
        enum oc_reason reason;
    } rows[] = {{3999, OC_SHRINKS}, {4000, OC_OK}};
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_papers papers = {
        .grant = &grant, .plans = plans, .n_plans = 2, .held = held, .n_held = n};
    struct oc_order o = orders_vm();

    o.verb = MO_POWER;
    o.wanted = MO_STOPPED;
    o.vcpus = 2;
    o.mem_mib = 1024;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct oc_host at = orders_host;

        at.now_ms = rows[i].now_ms;
        orders_expect("a missed downgrade", order_check(&at, &o, &papers), rows[i].reason);
    }
}

static void
never_shortens_the_hold_of_what_is_in_the_bin(void)
{
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = orders_vm();

    held[0].order.wanted = MO_BINNED;
    held[0].order.verb = MO_BIN;
    held[0].hold_ms = 900; /* by a plan */
    o.verb = MO_ERASE;
    o.wanted = MO_ABSENT;
    o.authority = MO_BY_UNIT;
    o.authority_id = "acc";
    CU_ASSERT_EQUAL(judge(&o, held, n).hold_ms, 900);
    o.verb = MO_RESTORE;
    o.wanted = MO_RUNNING;
    CU_ASSERT_EQUAL(judge(&o, held, n).hold_ms, 700);
}

static void
takes_time_and_hold_from_the_plan(void)
{
    struct oc_order o = orders_vm();
    struct oc_verdict v;

    o.verb = MO_ERASE;
    o.wanted = MO_ABSENT;
    o.authority = MO_BY_PLAN;
    o.authority_id = "p";
    o.issued_at_ms = 9500 - OC_SKEW_MS; /* outside the validity: taking away stays possible */
    v = judge(&o, NULL, 0);
    orders_expect("erase by plan", v, OC_OK);
    CU_ASSERT_EQUAL(v.not_before_ms, 6000);
    CU_ASSERT_EQUAL(v.hold_ms, 900);
}

static void
follows_only_upwards(void)
{
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = orders_vm();

    orders_expect("next generation", judge(&o, held, n), OC_OK);
    o.generation = 3;
    orders_expect("older generation", judge(&o, held, n), OC_OLDER);
    o.generation = 4;
    orders_expect("same numbers, another order", judge(&o, held, n), OC_FORGED);
    o.id = "o0";
    orders_expect("the same", judge(&o, held, n), OC_SAME);
    o.term = 0;
    o.generation = 99;
    orders_expect("older term", judge(&o, held, n), OC_OLDER);
    o.term = 2;
    o.generation = 1;
    orders_expect("newer term", judge(&o, held, n), OC_OK);
}

static void
keeps_a_resource_what_it_is(void)
{
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = orders_vm();

    o.ordinal = 2;
    orders_expect("another ordinal", judge(&o, held, n), OC_CHANGED);
    o = orders_vm();
    o.root = "vm1-r2";
    orders_expect("another root", judge(&o, held, n), OC_PARTS_CHANGED);
    o = orders_vm();
    o.bytes = 999;
    o.authority = MO_BY_UNIT;
    o.verb = MO_RESIZE;
    o.authority_id = "acc";
    orders_expect("a cut disk", judge(&o, held, n), OC_DISK_CUT);
    o = orders_vm();
    held[0].no_back = true;
    orders_expect("after its overwriting", judge(&o, held, n), OC_NO_WAY_BACK);
}

static void
keeps_resources_apart(void)
{
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = orders_vm(), vol = good_volume();

    o.resource = "vm3";
    o.root = "vm3-r";
    o.seed = "vm3-s";
    o.ordinal = 2;
    o.n_nics = 0;
    o.n_volumes = 0;
    orders_expect("taken ordinal", judge(&o, held, n), OC_LINE_TAKEN);
    held[1].gone = true;
    orders_expect("free again", judge(&o, held, n), OC_OK);
    held[1].gone = false;
    o = orders_vm();
    o.root = "vm9-r";
    held[0].order.root = "vm9-r";
    orders_expect("another machine's root", judge(&o, held, n), OC_DISK_TAKEN);
    orders_held(held);
    vol.resource = "vm9-r";
    orders_expect("a volume over a root", judge(&vol, held, n), OC_DISK_TAKEN);
    o = orders_vm();
    o.nics = orders_other_nics;
    orders_expect("another machine's address", judge(&o, held, n), OC_ADDRESS_TAKEN);
    held[1].order = good_network();
    held[1].order.system = "sys2";
    o = orders_vm();
    orders_expect("another system's network", judge(&o, held, n), OC_OTHER_SYSTEMS_PART);
    held[1].order = good_volume();
    held[1].order.system = "sys2";
    orders_expect("another system's volume", judge(&o, held, n), OC_OTHER_SYSTEMS_PART);
    held[1].order = good_volume();
    orders_expect("its own volume", judge(&o, held, n), OC_OK);
    held[1].order = good_network();
    o = good_network();
    held[1].order.grant = "g2";
    held[1].order.system = "sys2";
    held[1].order.resource = "net9";
    held[1].order.vni = o.vni = 7;
    orders_expect("another network's segment", judge(&o, held, n), OC_SEGMENT_TAKEN);
    o.vni = 8;
    orders_expect("a segment of its own", judge(&o, held, n), OC_OK);
    held[1].order.vni = o.vni = 0;
    orders_expect("both without a segment", judge(&o, held, n), OC_OK);
    held[1].order.bridge = o.bridge = "by0123456789ab";
    orders_expect("another network's bridge", judge(&o, held, n), OC_BRIDGE_TAKEN);
    held[1].gone = true;
    orders_expect("the bridge of one that is gone", judge(&o, held, n), OC_OK);
    held[1].gone = false;
    o.bridge = "by0123456789ac";
    orders_expect("a bridge of its own", judge(&o, held, n), OC_OK);
}

static void
removes_a_further_part_by_its_grant(void)
{
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = good_network();
    struct oc_verdict v;

    held[1].order = good_network();
    o.generation++;
    o.verb = MO_ERASE;
    o.wanted = MO_ABSENT;
    orders_expect("a whole network", judge(&o, held, n), OC_NO_AUTHORITY);
    o.part_of = "net0";
    orders_expect("one that becomes a part", judge(&o, held, n), OC_CHANGED);
    held[1].order.part_of = "net9";
    orders_expect("of another network", judge(&o, held, n), OC_CHANGED);
    held[1].order.part_of = "net0";
    v = judge(&o, held, n);
    orders_expect("a further part", v, OC_OK);
    CU_ASSERT_EQUAL(v.hold_ms, 0);
    o.authority_id = "g2";
    orders_expect("by another grant", judge(&o, held, n), OC_NO_AUTHORITY);
    o = good_network();
    o.generation++;
    o.part_of = "net0";
    v = judge(&o, held, n);
    orders_expect("told of other peers", v, OC_OK);
}

/* ---- machines that were there ---- */

static struct oc_order
good_adopt(void)
{
    static const char *const files[] = {"/srv/old.img"};
    struct oc_order o = orders_vm();

    o.resource = "old";
    o.verb = MO_ADOPT;
    o.line = 4;
    o.image = o.root = o.seed = NULL;
    o.n_nics = o.n_volumes = 0;
    o.vcpus_max = 4;
    o.mem_max_mib = 4096;
    o.adopt = "digest";
    o.files = files;
    o.n_files = 1;
    return o;
}

static struct oc_verdict
judge_adopt(const struct oc_order *o, const struct oc_held *held, size_t n)
{
    static const struct oc_line adopt_lines[] = {
        {.line = 1,
         .count = 1,
         .kind = MO_VM,
         .vcpus = 4,
         .mem_mib = 4096,
         .disk_bytes = 1000,
         .image = "img"},
        {.line = 4,
         .count = 1,
         .kind = MO_VM,
         .vcpus = 4,
         .mem_mib = 4096,
         .disk_bytes = 1000,
         .adopt = "digest",
         .adopt_host = "h",
         .adopt_id = "old"},
        {.line = 5,
         .count = 1,
         .kind = MO_VM,
         .vcpus = 4,
         .mem_mib = 4096,
         .disk_bytes = 1000,
         .adopt = "digest",
         .adopt_host = "h2",
         .adopt_id = "old"},
    };
    static const struct oc_grant g = {.id = "g",
                                      .system = "sys",
                                      .valid_from_ms = 1000,
                                      .valid_to_ms = 5000,
                                      .hold_ms = 100,
                                      .lines = adopt_lines,
                                      .n_lines = 3};
    struct oc_papers papers = {.grant = &g, .held = held, .n_held = n};

    return order_check(&orders_host, o, &papers);
}

static void
takes_over_only_what_the_bureau_signed_for(void)
{
    struct oc_order o = good_adopt();

    orders_expect("as signed", judge_adopt(&o, NULL, 0), OC_OK);
#define CASE(what, change, why)                                                                    \
    o = good_adopt();                                                                              \
    change;                                                                                        \
    orders_expect(what, judge_adopt(&o, NULL, 0), why)
    CASE("another machine", o.resource = "other", OC_OTHER_MACHINE);
    CASE("other disks or sizes", o.adopt = "other", OC_OTHER_MACHINE);
    CASE("nothing said of it", o.adopt = NULL, OC_OTHER_MACHINE);
    CASE("on another host", o.line = 5, OC_OTHER_MACHINE);
    CASE("made instead", o.verb = MO_CREATE, OC_NONSENSE);
    CASE("under a line that makes", o.line = 1, OC_NONSENSE);
    CASE("with a root of ours", o.root = "r", OC_NONSENSE);
    CASE("with an image", o.image = "img", OC_NONSENSE);
    CASE("straight into the bin", o.wanted = MO_BINNED, OC_NONSENSE);
    CASE("larger than its line", o.vcpus = 5; o.vcpus_max = 5, OC_TOO_LARGE);
    CASE("by the unit alone", o.authority = MO_BY_UNIT, OC_NO_AUTHORITY);
    CASE("by a plan", o.authority = MO_BY_PLAN, OC_NO_AUTHORITY);
    CASE("outside the grant's validity", o.issued_at_ms = 500, OC_NOT_VALID);
#undef CASE
    o = good_adopt();
    o.verb = MO_POWER;
    o.wanted = MO_STOPPED;
    orders_expect("stopped, receipts lost", judge_adopt(&o, NULL, 0), OC_OK);
    o = orders_vm();
    o.adopt = "digest";
    orders_expect("a made one that names one", judge_adopt(&o, NULL, 0), OC_OTHER_MACHINE);
    o = orders_vm();
    o.seed = NULL;
    orders_expect("a made one without its seed", judge_adopt(&o, NULL, 0), OC_NONSENSE);
}

static void
confirms_anew_only_what_was_never_taken_over(void)
{
    struct oc_held held = {.order = good_adopt(), .unadopted = true};
    struct oc_order o = good_adopt();

    held.order.grant = "g0";
    held.order.line = 1;
    held.order.generation = 4;
    held.order.id = "o0";
    orders_expect("anew, under another grant", judge_adopt(&o, &held, 1), OC_OK);
    o.verb = MO_POWER;
    orders_expect("not by another verb", judge_adopt(&o, &held, 1), OC_CHANGED);
    o = good_adopt();
    held.unadopted = false;
    orders_expect("it was taken over", judge_adopt(&o, &held, 1), OC_CHANGED);
    held.order.resource = "older";
    orders_expect("another machine has its file", judge_adopt(&o, &held, 1), OC_DISK_TAKEN);
}

static void
says_every_reason(void)
{
    for (int r = 0; r < OC_REASON__MAX; r++) {
        CU_ASSERT(strlen(oc_reason_text((enum oc_reason)r)) > 5);
        CU_ASSERT(strlen(oc_reason_name((enum oc_reason)r)) > 1);
    }
}

/* ---- grants of free shape ---- */

static struct oc_verdict
judge_free(const struct oc_order *o, const struct oc_held *held, size_t n)
{
    struct oc_grant free_grant = grant;
    struct oc_papers papers = {.grant = &free_grant, .held = held, .n_held = n};

    free_grant.free = true;
    free_grant.resources_max = 3;
    return order_check(&orders_host, o, &papers);
}

/* A machine of the unit's own: of no line. */
static struct oc_order
own_vm(const char *id, uint32_t ordinal, uint32_t vcpus, uint64_t mem_mib)
{
    static const struct oc_nic own_nics[] = {{"net1", "52:54:00:00:00:77", "10.0.0.77"}};
    struct oc_order o = orders_vm();

    o.id = o.resource = id;
    o.line = 0;
    o.ordinal = ordinal;
    o.authority = MO_BY_UNIT;
    o.authority_id = "account";
    o.vcpus = o.vcpus_max = vcpus;
    o.mem_mib = o.mem_max_mib = mem_mib;
    o.root = id;
    o.seed = "own-seed";
    o.nics = own_nics;
    o.n_volumes = 0;
    o.bytes = 100;
    return o;
}

static void
a_free_grant_is_bounded_by_its_totals(void)
{
    /* The lines give 8 vCPUs, 8192 MiB, 2500 bytes, 1 network; vm1 and vm9 hold what the row says.
     */
    static const struct {
        const char *what;
        uint32_t held_vcpus, vcpus;
        uint64_t held_mem, mem, bytes;
        enum mo_wanted held_wanted;
        enum oc_reason reason;
    } rows[] = {
        {"what is left", 6, 2, 6144, 2048, 100, MO_RUNNING, OC_OK},
        {"a vCPU more", 6, 3, 6144, 2048, 100, MO_RUNNING, OC_EXCEEDS},
        {"a MiB more", 6, 2, 6144, 2049, 100, MO_RUNNING, OC_EXCEEDS},
        {"a byte more", 6, 2, 6144, 2048, 1501, MO_RUNNING, OC_EXCEEDS},
        {"the bin frees processors and memory", 6, 8, 6144, 8192, 1500, MO_BINNED, OC_OK},
        {"and keeps the disk", 6, 8, 6144, 8192, 1501, MO_BINNED, OC_EXCEEDS},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oc_order o = own_vm("own", 1, rows[i].vcpus, rows[i].mem);
        struct oc_held held = {.order = orders_vm()};

        o.bytes = rows[i].bytes;
        held.order.vcpus = rows[i].held_vcpus;
        held.order.mem_mib = rows[i].held_mem;
        held.order.wanted = rows[i].held_wanted;
        orders_expect(rows[i].what, judge_free(&o, &held, 1), rows[i].reason);
    }
}

/* Whoever stole the order key makes nothing beyond the grant, one order at a time or all at once.
 */
static void
a_stolen_order_key_stays_within_a_free_grant(void)
{
    struct oc_held held[3] = {0};
    struct oc_order o = own_vm("own1", 1, 8, 8192);

    orders_expect("alone it fits", judge_free(&o, NULL, 0), OC_OK);
    o.vcpus_max = 9;
    orders_expect("room to grow beyond the grant", judge_free(&o, NULL, 0), OC_TOO_LARGE);
    o = own_vm("own1", 1, 8, 8192);
    held[0].order = o;
    o = own_vm("own2", 2, 1, 64);
    o.root = "own2-r";
    o.seed = "own2-s";
    o.n_nics = 0;
    orders_expect("a second one does not", judge_free(&o, held, 1), OC_EXCEEDS);
    held[0].gone = true;
    orders_expect("when the first is gone it does", judge_free(&o, held, 1), OC_OK);
    held[0] = (struct oc_held){.order = own_vm("a", 1, 1, 64)};
    held[1] = (struct oc_held){.order = own_vm("b", 2, 1, 64)};
    held[2] = (struct oc_held){.order = own_vm("c", 3, 1, 64)};
    o.ordinal = 4;
    orders_expect("a fourth thing", judge_free(&o, held, 3), OC_TOO_MANY);
    o.image = "another";
    orders_expect("an image that the grant does not name", judge_free(&o, NULL, 0), OC_OTHER_IMAGE);
    o = own_vm("own1", 1, 1, 64);
    orders_expect("of no line under an exact grant", judge(&o, NULL, 0), OC_NO_LINE);
    o = orders_vm();
    o.authority = MO_BY_UNIT;
    o.authority_id = "account";
    orders_expect("made by the unit under an exact grant", judge(&o, NULL, 0), OC_NO_AUTHORITY);
}

/* What stops or is put away is not refused for what is there; it brings nothing new along. */
static void
a_stop_hides_no_growth(void)
{
    struct oc_held held[2] = {{.order = own_vm("own1", 1, 6, 64)},
                              {.order = own_vm("own2", 2, 6, 64)}};
    struct oc_order o = own_vm("own1", 1, 6, 64);

    held[1].order.root = "own2-r";
    held[1].order.seed = "own2-s";
    held[1].order.n_nics = 0;
    o.id = "later";
    o.generation++;
    o.verb = MO_POWER;
    o.wanted = MO_STOPPED;
    orders_expect("beyond the totals it stops", judge_free(&o, held, 2), OC_OK);
    o.bytes = 5000;
    orders_expect("with a larger disk", judge_free(&o, held, 2), OC_EXCEEDS);
    o.verb = MO_BIN;
    o.wanted = MO_BINNED;
    orders_expect("into the bin with one", judge_free(&o, held, 2), OC_EXCEEDS);
    o.bytes = 100;
    orders_expect("into the bin as it is", judge_free(&o, held, 2), OC_OK);
    orders_expect("nor when receipts were lost", judge_free(&o, NULL, 0), OC_OK);
    o.bytes = 5000;
    orders_expect("more than all of the grant", judge_free(&o, NULL, 0), OC_EXCEEDS);
}

static void
the_units_ranges_lie_within_the_grants(void)
{
    static const struct {
        const char *cidr;
        enum oc_reason reason;
    } rows[] = {
        {"10.0.0.0/24", OC_OK},
        {"10.0.0.128/25", OC_OK},
        {"10.0.1.0/24", OC_OTHER_RANGE},
        {"10.0.0.0/23", OC_OTHER_RANGE},
        {"0.0.0.0/0", OC_OTHER_RANGE},
        {"10.0.0/24", OC_OTHER_RANGE},
        {"10.0.0.256/25", OC_OTHER_RANGE},
        {"", OC_OTHER_RANGE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oc_order o = good_network();

        o.line = 0;
        o.authority = MO_BY_UNIT;
        o.authority_id = "account";
        o.cidr = rows[i].cidr;
        orders_expect(rows[i].cidr, judge_free(&o, NULL, 0), rows[i].reason);
    }
}

static void
a_change_keeps_every_size(void)
{
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = orders_vm();

    o.verb = MO_CHANGE;
    o.authority = MO_BY_UNIT;
    o.authority_id = "account";
    o.n_volumes = 0;
    orders_expect("fewer volumes", judge(&o, held, n), OC_OK);
    CU_ASSERT_FALSE(judge(&o, held, n).may_restart);
    o.restart_from_ms = 1;
    CU_ASSERT_TRUE(judge(&o, held, n).may_restart);
    o.vcpus = 3;
    orders_expect("a size too", judge(&o, held, n), OC_RESIZES);
    o.vcpus = 4;
    o.authority = MO_BY_GRANT;
    o.authority_id = "g";
    orders_expect("not by the unit", judge(&o, held, n), OC_NO_AUTHORITY);
}

CU_TestInfo order_check_tests[] = {
    {"accepts what fits its grant", accepts_what_fits_its_grant},
    {"refuses what the grant does not say", refuses_what_the_grant_does_not_say},
    {"refuses verbs without their authority", refuses_verbs_without_their_authority},
    {"refuses a plan for another resource or act", refuses_a_plan_for_another_resource_or_act},
    {"takes time and hold from the plan", takes_time_and_hold_from_the_plan},
    {"takes a planned size that was missed once its time has come",
     takes_a_planned_size_that_was_missed_once_its_time_has_come},
    {"never shortens the hold of what is in the bin",
     never_shortens_the_hold_of_what_is_in_the_bin},
    {"follows only upwards", follows_only_upwards},
    {"keeps a resource what it is", keeps_a_resource_what_it_is},
    {"keeps resources apart", keeps_resources_apart},
    {"removes a further part by its grant", removes_a_further_part_by_its_grant},
    {"takes over only what the bureau signed for", takes_over_only_what_the_bureau_signed_for},
    {"confirms anew only what was never taken over", confirms_anew_only_what_was_never_taken_over},
    {"says every reason", says_every_reason},
    {"a free grant is bounded by its totals", a_free_grant_is_bounded_by_its_totals},
    {"a stolen order key stays within a free grant", a_stolen_order_key_stays_within_a_free_grant},
    {"a stop hides no growth", a_stop_hides_no_growth},
    {"the unit's ranges lie within the grant's", the_units_ranges_lie_within_the_grants},
    {"a change keeps every size", a_change_keeps_every_size},
    CU_TEST_INFO_NULL,
};
