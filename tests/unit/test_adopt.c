#include <CUnit/CUnit.h>
#include <string.h>

#include "policies/adopt.h"
#include "policies/claim_fsm.h"

#define ID "aaaaaaaa-0000-4000-8000-000000000001"

static const struct ad_disk disk = {
    .target = "vda", .kind = "file", .path = "/srv/old.qcow2", .format = "qcow2", .bytes = 1 << 30};
static const struct ad_nic nic = {.mac = "52:54:00:aa:00:01", .kind = "bridge", .source = "br0"};

static struct ad_machine
machine(void)
{
    return (struct ad_machine){.parts = {.id = ID,
                                         .name = "old-web",
                                         .vcpus = 2,
                                         .vcpus_max = 4,
                                         .mem_mib = 2048,
                                         .mem_max_mib = 2048,
                                         .firmware = 1,
                                         .disks = &disk,
                                         .n_disks = 1,
                                         .nics = &nic,
                                         .n_nics = 1}};
}

static void
says_why_a_machine_may_not_be_taken_over(void)
{
    static const struct ad_disk unknown = {.target = "vda", .kind = "network", .path = "rbd:a/b"};
    static const struct ad_disk ours = {
        .target = "vdb", .kind = "file", .path = "/p/by-" ID, .format = "raw", .bytes = 4096};
    static const struct ad_disk lent = {
        .target = "vdb", .kind = "file", .path = "/p/by-" ID, .format = "raw", .shared = true};
    static const struct ad_disk over = {.target = "vdb",
                                        .kind = "file",
                                        .path = "/p/old.qcow2",
                                        .format = "qcow2",
                                        .backing = "/p/by-" ID,
                                        .bytes = 4096};
    static const struct ad_disk cd = {.target = "sda", .kind = "none", .shared = true};
    struct ad_machine m = machine();

    CU_ASSERT_EQUAL(adopt_judge(&m), AD_OK);
#define CASE(change, why)                                                                          \
    m = machine();                                                                                 \
    change;                                                                                        \
    CU_ASSERT_EQUAL(adopt_judge(&m), why)
    CASE(m.owner = "http://openstack.org/xmlns/libvirt/nova/1.1", AD_OTHER_OWNER);
    CASE(m.transient = true, AD_TRANSIENT);
    CASE(m.moved = true, AD_MOVED);
    CASE(m.host_devices = "pci 0x0000:0x06:0x12.0x5", AD_HOST_DEVICE);
    CASE(m.saved = true, AD_SAVED);
    CASE(m.unequal = true, AD_UNEQUAL);
    CASE(m.job = true, AD_JOB);
    CASE(m.parts.name = "by-" ID, AD_NAME_OF_OURS);
    CASE(m.parts.name = "by-hand", AD_OK);
    CASE(m.parts.vcpus = m.parts.vcpus_max = 513, AD_SIZE);
    CASE(m.parts.mem_mib = m.parts.mem_max_mib = 63, AD_SIZE);
    CASE(m.parts.vcpus = 0; m.parts.mem_mib = 0, AD_UNREADABLE);
    CASE(m.parts.disks = &unknown, AD_DISK_UNKNOWN);
    CASE(m.parts.disks = &ours, AD_DISK_OF_OURS);
    CASE(m.parts.disks = &lent, AD_DISK_OF_OURS);
    CASE(m.parts.disks = &over, AD_DISK_OF_OURS);
    CASE(m.parts.disks = &cd, AD_OK);
    CASE(m.parts.n_disks = 0, AD_OK);
    /* What passes by itself is said last. */
    CASE(m.job = true; m.owner = "http://ovirt.org/vm/1.0", AD_OTHER_OWNER);
#undef CASE
    for (int r = 0; r < AD_REASON__MAX; r++) {
        CU_ASSERT(strlen(ad_reason_text((enum ad_reason)r)) > 10);
        CU_ASSERT_EQUAL(adopt_waits((enum ad_reason)r), r == AD_JOB);
    }
}

static void
says_what_changed_since_it_was_claimed(void)
{
    static const struct ad_disk grown = {.target = "vda",
                                         .kind = "file",
                                         .path = "/srv/old.qcow2",
                                         .format = "qcow2",
                                         .bytes = 2u << 30};
    static const struct ad_disk moved = {.target = "vda",
                                         .kind = "file",
                                         .path = "/srv/new.qcow2",
                                         .format = "qcow2",
                                         .bytes = 1 << 30};
    static const struct ad_nic rehung = {
        .mac = "52:54:00:aa:00:01", .kind = "bridge", .source = "br9"};
    const struct ad_parts was = machine().parts;
    struct ad_parts now = was;
    char what[300] = "untouched";

    CU_ASSERT_TRUE(adopt_is_same(&was, &now, what, sizeof(what)));
    CU_ASSERT_STRING_EQUAL(what, "");
#define CASE(change, words)                                                                        \
    now = was;                                                                                     \
    change;                                                                                        \
    CU_ASSERT_FALSE(adopt_is_same(&was, &now, what, sizeof(what)));                                \
    CU_ASSERT_PTR_NOT_NULL(strstr(what, words))
    CASE(now.id = "b", "another machine");
    CASE(now.name = "new-web", "name changed");
    CASE(now.vcpus = 3, "vCPUs changed since it was claimed: 2 then, 3 now");
    CASE(now.vcpus_max = 8, "largest vCPUs");
    CASE(now.mem_mib = 4096, "2048 then, 4096 now");
    CASE(now.mem_max_mib = 4096, "largest memory");
    CASE(now.firmware = 2, "firmware");
    CASE(now.n_disks = 0, "number of its disks");
    CASE(now.n_nics = 0, "number of its cards");
    CASE(now.disks = &grown, "the size of disk vda");
    CASE(now.disks = &moved, "/srv/new.qcow2");
    CASE(now.nics = &rehung, "br9");
#undef CASE
}

static void
lets_a_claim_end_once(void)
{
    for (int s = 0; s <= CS__MAX; s++)
        for (int ev = 0; ev <= CS_EV__MAX; ev++) {
            enum claim_state to = claim_fsm_next((enum claim_state)s, (enum claim_event)ev);

            CU_ASSERT_EQUAL(to != CS_NONE, s == CS_CLAIMED && ev < CS_EV__MAX);
            CU_ASSERT_NOT_EQUAL(to, CS_CLAIMED);
        }
    CU_ASSERT_STRING_EQUAL(claim_state_name(CS_CLAIMED), "claimed");
    CU_ASSERT_STRING_EQUAL(claim_state_name(CS__MAX), "?");
}

CU_TestInfo adopt_tests[] = {
    {"says why a machine may not be taken over", says_why_a_machine_may_not_be_taken_over},
    {"says what changed since it was claimed", says_what_changed_since_it_was_claimed},
    {"lets a claim end once", lets_a_claim_end_once},
    CU_TEST_INFO_NULL,
};
