/* Orders under grants that supersede one another, as a host judges them. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "policies/order_check.h"

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
static const struct oc_nic nics[] = {{"net1", "52:54:00:00:00:01", "10.0.0.2"}};
static const struct oc_nic other_nics[] = {{"net1", "52:54:00:00:00:09", "10.0.0.9"}};
static const struct oc_host host = {
    .id = "h", .incarnation = 3, .format_default = 1, .now_ms = 2000};

static struct oc_order
good_vm(void)
{
    return (struct oc_order){.id = "o1",
                             .grant = "g",
                             .system = "sys",
                             .host = "h",
                             .resource = "vm1",
                             .incarnation = 3,
                             .term = 1,
                             .generation = 5,
                             .line = 1,
                             .ordinal = 1,
                             .kind = MO_VM,
                             .verb = MO_CREATE,
                             .wanted = MO_RUNNING,
                             .authority = MO_BY_GRANT,
                             .authority_id = "g",
                             .issued_at_ms = 2000,
                             .vcpus = 4,
                             .vcpus_max = 8,
                             .mem_mib = 4096,
                             .mem_max_mib = 8192,
                             .image = "img",
                             .root = "vm1-r",
                             .seed = "vm1-s",
                             .firmware = 2,
                             .nics = nics,
                             .n_nics = 1,
                             .bytes = 1000};
}

/* The machine at an older generation, and another of the same grant. */
static size_t
held_fill(struct oc_held held[2])
{
    for (size_t i = 0; i < 2; i++)
        held[i] = (struct oc_held){.order = good_vm()};
    held[0].order.id = "o0";
    held[0].order.generation = 4;
    held[1].order.id = "o9";
    held[1].order.resource = "vm9";
    held[1].order.ordinal = 2;
    held[1].order.root = "vm9-r";
    held[1].order.seed = "vm9-s";
    held[1].order.nics = other_nics;
    return 2;
}

static void
expect_reason(const char *what, struct oc_verdict v, enum oc_reason reason)
{
    if (v.reason != reason)
        fprintf(stderr, "\n%s: %s, expected %s\n", what, oc_reason_name(v.reason),
                oc_reason_name(reason));
    CU_ASSERT_EQUAL(v.reason, reason);
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
    return order_check(&host, o, &p);
}

static struct oc_order
grown_vm(const char *under)
{
    struct oc_order o = good_vm();

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
    size_t n = held_fill(held);
    struct oc_order o = grown_vm("g2");

    expect_reason("one step", judge_family(&o, family, 2, held, n), OC_OK);
    CU_ASSERT_EQUAL(judge_family(&o, family, 2, held, n).hold_ms, 300);
    o.vcpus = 7;
    expect_reason("beyond the new line", judge_family(&o, family, 2, held, n), OC_TOO_LARGE);
    o = grown_vm("g3");
    expect_reason("two steps", judge_family(&o, family, 3, held, n), OC_OK);
    o.ordinal = 2; /* vm9 has it, under the oldest */
    expect_reason("an ordinal that is held", judge_family(&o, family, 3, held + 1, 1),
                  OC_LINE_TAKEN);
    held[0].order.grant = "g2";
    o = grown_vm("g");
    o.vcpus = 4;
    expect_reason("back to the older", judge_family(&o, family, 3, held, n), OC_CHANGED);
    o = grown_vm("g3");
    o.generation = 3;
    expect_reason("an older generation", judge_family(&o, family, 3, held, n), OC_OLDER);
    o = good_vm(); /* what was made before, told again to a host that lost its receipts */
    expect_reason("restated", judge_family(&o, family, 3, NULL, 0), OC_OK);
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
    size_t n = held_fill(held);
    struct oc_order o = grown_vm("g2");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_reason(rows[i].what, judge_family(&o, rows[i].grants, rows[i].n, held, n),
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
    struct oc_held held[1] = {{.order = good_vm()}};
    struct oc_order o = good_vm();

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
    held[0].order.nics = other_nics;
    o.grant = "g2";
    o.line = 0;
    o.authority = MO_BY_UNIT;
    o.authority_id = "account";
    o.vcpus = 2;
    o.vcpus_max = 6;
    expect_reason("four and two", judge_family(&o, family, 2, held, 1), OC_OK);
    o.vcpus = 3;
    expect_reason("four and three", judge_family(&o, family, 2, held, 1), OC_EXCEEDS);
    o.grant = "g";
    o.vcpus = 2;
    expect_reason("by the older: no second allowance", judge_family(&o, family, 2, held, 1), OC_OK);
    o.vcpus = 3;
    expect_reason("by the older, too much", judge_family(&o, family, 2, held, 1), OC_EXCEEDS);
}

CU_TestInfo order_family_tests[] = {
    {"a newer grant takes on what the older one made",
     a_newer_grant_takes_on_what_the_older_one_made},
    {"a stolen order key cannot invent what supersedes",
     a_stolen_order_key_cannot_invent_what_supersedes},
    {"sums count under the newest grant", sums_count_under_the_newest_grant},
    CU_TEST_INFO_NULL,
};
