/* Orders under grants that supersede one another, as a host judges them. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

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
};
static const struct oc_grant grant = {.id = "g",
                                      .system = "sys",
                                      .valid_from_ms = 1000,
                                      .valid_to_ms = 9000,
                                      .hold_ms = 700,
                                      .lines = lines,
                                      .n_lines = 1};

/* Without a volume: several of them live side by side here. */
static struct oc_order
vm(void)
{
    struct oc_order o = orders_vm();

    o.n_volumes = 0;
    return o;
}

/* ---- a grant that supersedes another: the same line with 6 vCPUs, one machine more ---- */

static const struct oc_line grown_lines[] = {
    {.line = 1,
     .count = 3,
     .kind = MO_VM,
     .vcpus = 6,
     .mem_mib = 4096,
     .disk_bytes = 1000,
     .image = "img",
     .firmware = 2},
};
#define GRANT_OF(i, older, of)                                                                     \
    {                                                                                              \
        .id = (i), .system = (of), .supersedes = (older), .valid_from_ms = 1000,                   \
        .valid_to_ms = 9000, .hold_ms = 300, .lines = grown_lines, .n_lines = 1                    \
    }

static struct oc_verdict
judge_family(const struct oc_order *o, const struct oc_grant *grants, size_t n,
             const struct oc_held *held, size_t n_held)
{
    struct oc_papers p = {.grants = grants, .n_grants = n, .held = held, .n_held = n_held};

    for (size_t i = 0; i < n; i++)
        if (strcmp(grants[i].id, o->grant) == 0)
            p.grant = &grants[i];
    return order_check(&orders_host, o, &p);
}

static struct oc_order
grown_vm(const char *under)
{
    struct oc_order o = vm();

    o.grant = under;
    o.verb = MO_RESIZE;
    o.authority_id = under;
    o.vcpus = 6;
    return o;
}

static void
a_newer_grant_takes_on_what_the_older_one_made(void)
{
    const struct oc_grant family[] = {grant, GRANT_OF("g2", "g", "sys"),
                                      GRANT_OF("g3", "g2", "sys")};
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = grown_vm("g2");

    orders_expect("one step", judge_family(&o, family, 2, held, n), OC_OK);
    CU_ASSERT_EQUAL(judge_family(&o, family, 2, held, n).hold_ms, 300);
    o.vcpus = 7;
    orders_expect("beyond the new line", judge_family(&o, family, 2, held, n), OC_TOO_LARGE);
    o = grown_vm("g3");
    orders_expect("two steps", judge_family(&o, family, 3, held, n), OC_OK);
    o.ordinal = 2; /* vm9 has it, under the oldest */
    orders_expect("an ordinal that is held", judge_family(&o, family, 3, held + 1, 1),
                  OC_LINE_TAKEN);
    held[0].order.grant = "g2";
    o = grown_vm("g");
    o.vcpus = 4;
    orders_expect("back to the older", judge_family(&o, family, 3, held, n), OC_CHANGED);
    o = grown_vm("g3");
    o.generation = 3;
    orders_expect("an older generation", judge_family(&o, family, 3, held, n), OC_OLDER);
    o = vm(); /* what was made before, told again to a host that lost its receipts */
    orders_expect("restated", judge_family(&o, family, 3, NULL, 0), OC_OK);
    CU_ASSERT_EQUAL(judge_family(&o, family, 3, NULL, 0).hold_ms, 700);
}

static void
a_stolen_order_key_cannot_invent_what_supersedes(void)
{
    const struct {
        const char *what;
        struct oc_grant grants[3];
        size_t n;
        enum oc_reason reason;
    } rows[] = {
        {"a grant that says nothing of it", {grant, GRANT_OF("g2", "", "sys")}, 2, OC_CHANGED},
        {"of another system", {grant, GRANT_OF("g2", "g", "other")}, 2, OC_OTHER_SYSTEM},
        {"the older one withheld", {GRANT_OF("g2", "g", "sys")}, 1, OC_NO_OLDER_GRANT},
        {"the step between withheld", {grant, GRANT_OF("g2", "g9", "sys")}, 2, OC_NO_OLDER_GRANT},
        {"the newer one withheld", {grant}, 1, OC_OTHER_GRANT},
        {"superseded twice",
         {grant, GRANT_OF("g2", "g", "sys"), GRANT_OF("g4", "g", "sys")},
         3,
         OC_FORKED},
        {"in a ring", {GRANT_OF("g", "g2", "sys"), GRANT_OF("g2", "g", "sys")}, 2, OC_FORKED},
    };
    struct oc_held held[2];
    size_t n = orders_held(held);
    struct oc_order o = grown_vm("g2");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        orders_expect(rows[i].what, judge_family(&o, rows[i].grants, rows[i].n, held, n),
                      rows[i].reason);
}

/* Four vCPUs in all before, six afterwards: what the older grant's machines have counts. */
static void
sums_count_under_the_newest_grant(void)
{
    struct oc_line small[] = {{.line = 1,
                               .count = 1,
                               .kind = MO_VM,
                               .vcpus = 4,
                               .mem_mib = 9000,
                               .disk_bytes = 9000,
                               .image = "img"}};
    struct oc_line large[] = {small[0]};
    struct oc_grant family[] = {grant, GRANT_OF("g2", "g", "sys")};
    struct oc_held held[1] = {{.order = vm()}};
    struct oc_order o = vm();

    large[0].vcpus = 6;
    family[0].lines = small;
    family[1].lines = large;
    for (size_t i = 0; i < 2; i++) {
        family[i].n_lines = 1;
        family[i].free = true;
        family[i].resources_max = 3;
    }
    held[0].order.resource = "vm9";
    held[0].order.root = "vm9-r";
    held[0].order.seed = "vm9-s";
    held[0].order.nics = orders_other_nics;
    o.grant = "g2";
    o.line = 0;
    o.authority = MO_BY_UNIT;
    o.authority_id = "account";
    o.vcpus = 2;
    o.vcpus_max = 6;
    orders_expect("four and two", judge_family(&o, family, 2, held, 1), OC_OK);
    o.vcpus = 3;
    orders_expect("four and three", judge_family(&o, family, 2, held, 1), OC_EXCEEDS);
    o.grant = "g";
    o.vcpus = 2;
    orders_expect("by the older: no second allowance", judge_family(&o, family, 2, held, 1), OC_OK);
    o.vcpus = 3;
    orders_expect("by the older, too much", judge_family(&o, family, 2, held, 1), OC_EXCEEDS);
}

/* ---- a grant that gives less: one machine of line 1 with 2 vCPUs and 2048 MiB, where two had 4
 * and 4096 ---- */

static const struct oc_line less_lines[] = {
    {.line = 1,
     .count = 1,
     .kind = MO_VM,
     .vcpus = 2,
     .mem_mib = 2048,
     .disk_bytes = 1000,
     .image = "img",
     .firmware = 2},
};
static const struct oc_grant less = {.id = "g2",
                                     .system = "sys",
                                     .supersedes = "g",
                                     .valid_from_ms = 1000,
                                     .valid_to_ms = 9000,
                                     .hold_ms = 300,
                                     .lines = less_lines,
                                     .n_lines = 1};

static void
what_a_newer_grant_gives_no_more_shrinks_or_goes_into_the_bin(void)
{
    static const struct {
        const char *what;
        uint32_t ordinal;
        enum mo_verb verb;
        enum mo_wanted wanted;
        enum mo_authority authority;
        uint32_t vcpus;
        uint64_t mem_mib;
        enum oc_reason reason;
    } rows[] = {
        {"to the line", 1, MO_RESIZE, MO_RUNNING, MO_BY_GRANT, 2, 2048, OC_OK},
        {"below it", 1, MO_RESIZE, MO_RUNNING, MO_BY_GRANT, 1, 2048, OC_SHRINKS},
        {"memory below it", 1, MO_RESIZE, MO_RUNNING, MO_BY_GRANT, 2, 1024, OC_SHRINKS},
        {"not down to it", 1, MO_RESIZE, MO_RUNNING, MO_BY_GRANT, 3, 2048, OC_TOO_LARGE},
        {"switched, smaller", 1, MO_POWER, MO_STOPPED, MO_BY_GRANT, 2, 2048, OC_SHRINKS},
        {"what stays, into the bin", 1, MO_BIN, MO_BINNED, MO_BY_GRANT, 4, 4096, OC_NO_AUTHORITY},
        {"what goes", 2, MO_BIN, MO_BINNED, MO_BY_GRANT, 4, 4096, OC_OK},
        {"the unit itself", 2, MO_BIN, MO_BINNED, MO_BY_UNIT, 4, 4096, OC_OK},
        {"no further", 2, MO_ERASE, MO_ABSENT, MO_BY_GRANT, 4, 4096, OC_NO_AUTHORITY},
        {"the unit, further", 2, MO_ERASE, MO_ABSENT, MO_BY_UNIT, 4, 4096, OC_OK},
        {"back", 2, MO_RESTORE, MO_RUNNING, MO_BY_UNIT, 2, 2048, OC_NO_ORDINAL},
        {"larger than ever given", 2, MO_BIN, MO_BINNED, MO_BY_GRANT, 5, 4096, OC_NO_ORDINAL},
        {"never given", 3, MO_BIN, MO_BINNED, MO_BY_GRANT, 4, 4096, OC_NO_ORDINAL},
    };
    const struct oc_grant family[] = {grant, less};
    const struct oc_grant wider[] = {grant, less, GRANT_OF("g3", "g2", "sys")};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oc_held held[1] = {{.order = vm()}};
        struct oc_order o = vm();

        held[0].order.ordinal = o.ordinal = rows[i].ordinal;
        held[0].order.generation = 1;
        o.grant = o.authority_id = "g2";
        o.generation = 2;
        o.verb = rows[i].verb;
        o.wanted = rows[i].wanted;
        o.authority = rows[i].authority;
        o.vcpus = o.vcpus_max = rows[i].vcpus;
        o.mem_mib = o.mem_max_mib = rows[i].mem_mib;
        orders_expect(rows[i].what, judge_family(&o, family, 2, held, 1), rows[i].reason);
        if (strcmp(rows[i].what, "what goes") == 0)
            orders_expect("a newer one gives it again", judge_family(&o, wider, 3, held, 1),
                          OC_NO_AUTHORITY);
    }
}

CU_TestInfo order_family_tests[] = {
    {"a newer grant takes on what the older one made",
     a_newer_grant_takes_on_what_the_older_one_made},
    {"a stolen order key cannot invent what supersedes",
     a_stolen_order_key_cannot_invent_what_supersedes},
    {"sums count under the newest grant", sums_count_under_the_newest_grant},
    {"what a newer grant gives no more shrinks or goes into the bin",
     what_a_newer_grant_gives_no_more_shrinks_or_goes_into_the_bin},
    CU_TEST_INFO_NULL,
};
