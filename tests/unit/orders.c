#include "tests/unit/orders.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

const struct oc_nic orders_nics[] = {{"net1", "52:54:00:00:00:01", "10.0.0.2"}};
const struct oc_nic orders_other_nics[] = {{"net1", "52:54:00:00:00:09", "10.0.0.9"}};
const char *const orders_volumes[] = {"vol1"};
const struct oc_host orders_host = {
    .id = "h", .incarnation = 3, .format_default = 1, .now_ms = 2000};

struct oc_order
orders_vm(void)
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
                             .nics = orders_nics,
                             .n_nics = 1,
                             .volumes = orders_volumes,
                             .n_volumes = 1,
                             .bytes = 1000};
}

size_t
orders_held(struct oc_held held[2])
{
    held[0] = (struct oc_held){.order = orders_vm()};
    held[0].order.id = "o0";
    held[0].order.generation = 4;
    held[1] = (struct oc_held){.order = orders_vm()};
    held[1].order.id = "o9";
    held[1].order.resource = "vm9";
    held[1].order.ordinal = 2;
    held[1].order.root = "vm9-r";
    held[1].order.seed = "vm9-s";
    held[1].order.nics = orders_other_nics;
    held[1].order.n_volumes = 0;
    return 2;
}

void
orders_expect(const char *what, struct oc_verdict v, enum oc_reason reason)
{
    if (v.reason != reason)
        fprintf(stderr, "\n%s: %s, expected %s\n", what, oc_reason_name(v.reason),
                oc_reason_name(reason));
    CU_ASSERT_EQUAL(v.reason, reason);
}
