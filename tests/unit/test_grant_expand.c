#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/grant_expand.h"
#include "drivers/base/scope.h"

#define IMAGE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NET(n)                                                                                     \
    {                                                                                              \
        .line = (n), .kind = RES_NETWORK, .name = "lan", .count = 1, .cidr = "10.7.0.0/24"         \
    }
#define VM(n, c, net)                                                                              \
    {                                                                                              \
        .line = (n), .kind = RES_VM, .name = "web", .count = (c), .vcpus = 2, .mem_mib = 2048,     \
        .disk_gib = 4, .image = IMAGE, .network_line = (net)                                       \
    }
#define VOL(n, c, vm)                                                                              \
    {                                                                                              \
        .line = (n), .kind = RES_VOLUME, .name = "data", .count = (c), .disk_gib = 10,             \
        .attach_line = (vm)                                                                        \
    }

static struct w_grant
grant_of(struct w_grant_line *lines, size_t n)
{
    struct w_grant g = {.version = 1, .lines = {lines, n}};

    (void)snprintf(g.id, sizeof(g.id), "%s", "11111111-1111-4111-8111-111111111111");
    (void)snprintf(g.system, sizeof(g.system), "%s", "22222222-2222-4222-8222-222222222222");
    (void)snprintf(g.number, sizeof(g.number), "%s", "X-1");
    return g;
}

static void
refuses_lines_that_make_no_sense(void)
{
    static const struct {
        const char *field;
        struct w_grant_line lines[2];
        size_t n;
    } rows[] = {
        {"lines", {{0}}, 0},
        {"lines[1].line", {VM(1, 1, 0), VM(1, 1, 0)}, 2},
        {"lines[0].network_line", {VM(1, 1, 9)}, 1},
        {"lines[0].network_line", {VM(1, 1, 2), VM(2, 1, 0)}, 2},
        {"lines[0].attach_line", {VOL(1, 1, 7)}, 1},
        {"lines[0].count", {VOL(1, 3, 2), VM(2, 2, 0)}, 2},
        {"lines[0].cidr", {NET(1), VM(2, 250, 1)}, 2},
        {"lines[0].vcpus",
         {{.line = 1, .kind = RES_VM, .count = 1, .mem_mib = 512, .disk_gib = 1, .image = IMAGE}},
         1},
        {"lines[0].image",
         {{.line = 1, .kind = RES_VM, .count = 1, .vcpus = 1, .mem_mib = 512, .disk_gib = 1}},
         1},
        {"lines[0].kind", {{.line = 1, .count = 1}}, 1},
        {"lines[0].count",
         {{.line = 1, .kind = RES_NETWORK, .count = 2, .cidr = "10.0.0.0/24"}},
         1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct w_grant_line lines[2];
        struct err e = {0};

        memcpy(lines, rows[i].lines, sizeof(lines));
        struct w_grant g = grant_of(lines, rows[i].n);
        CU_ASSERT_EQUAL(grant_lines_check(&g, &e), -1);
        CU_ASSERT_STRING_EQUAL(e.field, rows[i].field);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    }
}

static void
makes_two_machines_with_disk_and_card(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_grant_line lines[] = {VM(1, 2, 3), VOL(2, 1, 1), NET(3)};
    struct w_grant g = grant_of(lines, 3);
    struct expansion x = {0};
    struct err e = {0};

    CU_ASSERT_EQUAL(grant_lines_check(&g, &e), 0);
    CU_ASSERT_EQUAL_FATAL(grant_expand(&g, "ssh-ed25519 AAAA k", NULL, &a, &x, &e), 0);
    CU_ASSERT_EQUAL_FATAL(x.n, 4);
    CU_ASSERT_EQUAL(x.n_groups, 1);
    CU_ASSERT_EQUAL(x.items[0].kind, RES_NETWORK);
    CU_ASSERT_EQUAL(x.items[1].kind, RES_VOLUME);
    CU_ASSERT_EQUAL(x.items[2].kind, RES_VM);
    CU_ASSERT_EQUAL(x.items[3].kind, RES_VM);

    const struct w_vm_spec *one = &x.items[2].order.vm, *two = &x.items[3].order.vm;
    CU_ASSERT_STRING_EQUAL(one->name, "web-1");
    CU_ASSERT_STRING_EQUAL(two->hostname, "web-2");
    CU_ASSERT_EQUAL_FATAL(one->disks.n, 1);
    CU_ASSERT_EQUAL(two->disks.n, 0);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(one->disks, struct w_vm_disk, 0)->volume,
                           x.items[1].order.resource);
    CU_ASSERT_STRING_EQUAL(x.items[1].order.volume.vm, one->id);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(one->nics, struct w_nic, 0)->ip, "10.7.0.10");
    CU_ASSERT_STRING_EQUAL(JM_ITEM(two->nics, struct w_nic, 0)->ip, "10.7.0.11");
    CU_ASSERT_STRING_EQUAL(JM_ITEM(two->nics, struct w_nic, 0)->network, x.items[0].order.resource);
    CU_ASSERT(strncmp(JM_ITEM(one->nics, struct w_nic, 0)->mac, "52:54:00:", 9) == 0);
    CU_ASSERT_EQUAL(strlen(x.items[0].order.network.bridge), 14);
    CU_ASSERT(strncmp(x.items[0].order.network.bridge, "by", 2) == 0);
    CU_ASSERT_EQUAL(x.groups[0].vcpus, 4);
    CU_ASSERT_EQUAL(x.groups[0].mem_mib, 4096);
    CU_ASSERT_EQUAL(x.groups[0].disk_bytes, 18 * GIB_BYTES);
}

static void
never_grants_more_than_the_line_says(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_grant_line lines[] = {VM(1, 3, 0)};
    struct w_grant g = grant_of(lines, 1);
    struct expansion x = {0};
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(grant_expand(&g, NULL, NULL, &a, &x, &e), 0);
    CU_ASSERT_EQUAL(x.n, 3);
    CU_ASSERT_EQUAL(x.n_groups, 3);
    for (size_t i = 0; i < x.n; i++) {
        CU_ASSERT_EQUAL(x.items[i].order.vm.vcpus_max, 2);
        CU_ASSERT_EQUAL(x.items[i].order.vm.mem_max_mib, 2048);
        CU_ASSERT_EQUAL(x.items[i].ordinal, i + 1);
        CU_ASSERT_EQUAL(x.items[i].order.authority, AUTH_GRANT);
    }
}

static void
a_chinese_name_keeps_its_form_and_gets_a_lawful_host_name(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_grant_line lines[] = {VM(1, 1, 0)};
    struct expansion x = {0};
    struct err e = {0};

    (void)snprintf(lines[0].name, sizeof(lines[0].name), "%s", "不动产登记");
    struct w_grant g = grant_of(lines, 1);
    CU_ASSERT_EQUAL_FATAL(grant_expand(&g, NULL, NULL, &a, &x, &e), 0);
    CU_ASSERT_STRING_EQUAL(x.items[0].order.vm.name, "不动产登记");
    CU_ASSERT(strncmp(x.items[0].order.vm.hostname, "vm-", 3) == 0);
}

static bool
all_taken(void *arg, const char *what, const char *value)
{
    int *asked = arg;

    (void)value;
    *asked += strcmp(what, "mac") == 0;
    return strcmp(what, "mac") == 0;
}

static void
gives_up_when_every_mac_is_taken(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_grant_line lines[] = {NET(1), VM(2, 1, 1)};
    struct w_grant g = grant_of(lines, 2);
    struct expansion x = {.n = 77};
    int asked = 0;
    struct expand_taken taken = {all_taken, &asked, NULL};
    struct err e = {0};

    CU_ASSERT_EQUAL(grant_expand(&g, NULL, &taken, &a, &x, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    CU_ASSERT_EQUAL(x.n, 77);
    CU_ASSERT_EQUAL(asked, 32);
}

static void
ranges_overlap_or_not(void)
{
    static const struct {
        const char *a, *b;
        bool want;
    } rows[] = {
        {"10.0.0.0/24", "10.0.1.0/24", false}, {"10.0.0.0/16", "10.0.1.0/24", true},
        {"10.0.1.0/24", "10.0.0.0/16", true},  {"192.168.0.0/24", "10.0.0.0/8", false},
        {"10.0.0.0/24", "10.0.0.0/24", true},  {"", "10.0.0.0/8", false},
    };
    char ip[20] = "";

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(cidr_overlap(rows[i].a, rows[i].b), rows[i].want);
    CU_ASSERT_EQUAL(cidr_address("10.0.0.0/30", 2, ip), 0);
    CU_ASSERT_STRING_EQUAL(ip, "10.0.0.2");
    CU_ASSERT_EQUAL(cidr_address("10.0.0.0/30", 3, ip), -1);
}

CU_TestInfo grant_expand_tests[] = {
    {"refuses lines that make no sense", refuses_lines_that_make_no_sense},
    {"makes two machines with disk and card", makes_two_machines_with_disk_and_card},
    {"never grants more than the line says", never_grants_more_than_the_line_says},
    {"a Chinese name keeps its form", a_chinese_name_keeps_its_form_and_gets_a_lawful_host_name},
    {"gives up when every MAC is taken", gives_up_when_every_mac_is_taken},
    {"ranges overlap or not", ranges_overlap_or_not},
    CU_TEST_INFO_NULL,
};
