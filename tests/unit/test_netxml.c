#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/virt/netxml.h"
#include "drivers/virt/volxml.h"
#include "tests/unit/virtspec.h"

static struct w_network_spec net = {.id = "4e700000-0000-4000-8000-000000000001",
                                    .name = "业务网",
                                    .bridge = "by4e7000000001",
                                    .cidr = "10.1.2.0/24"};
static const struct virt_net_spec spec = {
    .net = &net,
    .mark = {.order = "0de40000-0000-4000-8000-000000000001", .term = 3, .generation = 12}};

static void
writes_an_isolated_network_and_reads_it_back(void)
{
    struct arena a = {0};
    struct netread r;
    const char *xml = "";

    CU_ASSERT_EQUAL(netxml_build(&spec, &a, &xml, NULL), 0);
    golden_text("isolated.network.xml", xml);
    CU_ASSERT_EQUAL_FATAL(netxml_parse(xml, &a, &r, NULL), 0);
    CU_ASSERT(r.ours && r.mark.term == 3 && r.mark.generation == 12);
    CU_ASSERT_STRING_EQUAL(r.id, net.id);
    CU_ASSERT_STRING_EQUAL(r.bridge, net.bridge);
    CU_ASSERT_STRING_EQUAL(r.cidr, net.cidr);
    CU_ASSERT_EQUAL(r.n_hosts, 0);
    arena_clear(&a);
}

/* What its VXLAN carries; a network that was there without takes it for its next start. */
static void
makes_room_for_vxlan_in_a_segment(void)
{
    struct arena a = {0};
    struct w_network_spec part = net;
    struct virt_net_spec s = {.net = &part, .mark = spec.mark};
    const char *isolated = "", *xml = "", *again = "";
    bool changed = false;

    CU_ASSERT_EQUAL(netxml_build(&spec, &a, &isolated, NULL), 0);
    CU_ASSERT_PTR_NULL(strstr(isolated, "<mtu"));
    part.vni = 77;
    CU_ASSERT_EQUAL(netxml_build(&s, &a, &xml, NULL), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<mtu size=\"1450\"/>"));
    CU_ASSERT_EQUAL(netxml_edit(xml, &s, &a, &again, &changed, NULL), 0);
    CU_ASSERT_FALSE(changed);
    CU_ASSERT_EQUAL(netxml_edit(isolated, &s, &a, &again, &changed, NULL), 0);
    CU_ASSERT_TRUE(changed);
    CU_ASSERT_PTR_NOT_NULL(strstr(again, "<mtu size=\"1450\"/>"));
    arena_clear(&a);
}

static void
edits_the_mark_and_keeps_the_hosts(void)
{
    static const char xml[] =
        "<network><name>by-x</name><uuid>4e700000-0000-4000-8000-000000000001</uuid><metadata>"
        "<by:mark xmlns:by='urn:bianyun:mark:1' order='o' term='1' generation='1'/><z:z "
        "xmlns:z='urn:z'/></metadata><bridge name='by4e7000000001'/><mtu size='1400'/>"
        "<ip address='10.1.2.1' netmask='255.255.255.0'><dhcp><host mac='52:54:00:00:00:01' "
        "name='a' ip='10.1.2.10'/></dhcp></ip></network>";
    struct arena a = {0};
    struct netread r;
    bool changed = false;
    const char *out = "";

    CU_ASSERT_EQUAL(netxml_edit(xml, &spec, &a, &out, &changed, NULL), 0);
    CU_ASSERT(changed);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "<mtu size=\"1400\"/>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "urn:z"));
    CU_ASSERT_EQUAL_FATAL(netxml_parse(out, &a, &r, NULL), 0);
    CU_ASSERT_EQUAL(r.mark.generation, 12);
    CU_ASSERT_EQUAL_FATAL(r.n_hosts, 1);
    CU_ASSERT_STRING_EQUAL(r.hosts[0].ip, "10.1.2.10");
    CU_ASSERT_EQUAL(netxml_edit(out, &spec, &a, &out, &changed, NULL), 0);
    CU_ASSERT_FALSE(changed);
    arena_clear(&a);
}

static void
refuses_another_range_and_a_foreign_network(void)
{
    static const struct {
        const char *mark, *ip;
    } rows[] = {
        {"", "10.1.2.1"},
        {"<by:mark xmlns:by='urn:bianyun:mark:1' order='o' term='1' generation='1'/>", "10.9.2.1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct err e = {0};
        bool changed;
        const char *out,
            *xml = arena_printf(
                &a,
                "<network><metadata>%s</metadata><bridge name='by4e7000000001'/><ip address='%s' "
                "prefix='24'/></network>",
                rows[i].mark, rows[i].ip);

        CU_ASSERT_EQUAL(netxml_edit(xml, &spec, &a, &out, &changed, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
        arena_clear(&a);
    }
}

static void
refuses_what_is_no_range(void)
{
    static const char *const rows[] = {"",          "10.0.0.0",   "10.0.0.0/", "10.0.0.0/31",
                                       "10.0.0/24", "10.0.0.0/7", "x/24",      "10.0.0.0/24x"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct w_network_spec bad = net;
        struct virt_net_spec s = {.net = &bad, .mark = spec.mark};
        struct arena a = {0};
        struct err e = {0};
        const char *out;

        memset(bad.cidr, 0, sizeof(bad.cidr));
        memcpy(bad.cidr, rows[i], strlen(rows[i]));
        if (netxml_build(&s, &a, &out, &e) == 0 || e.code != BY_E_INVALID)
            CU_FAIL(rows[i]);
        arena_clear(&a);
    }
}

static void
writes_volumes(void)
{
    static const struct {
        const char *golden, *backing;
        enum w_format format;
    } rows[] = {
        {"raw.storagevol.xml", NULL, FMT_RAW},
        {"overlay.storagevol.xml", "/images/a&b.qcow2", FMT_QCOW2},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct virt_vol_spec s = {.id = "d15c0000-0000-4000-8000-000000000001",
                                  .format = rows[i].format,
                                  .backing_path = rows[i].backing};
        struct virt_vol_seen seen = {0};
        struct arena a = {0};
        const char *xml = "";

        CU_ASSERT_EQUAL(volxml_build(&s, 1 << 30, FMT_QCOW2, &a, &xml, NULL), 0);
        golden_text(rows[i].golden, xml);
        CU_ASSERT_EQUAL(volxml_parse(xml, &a, &seen, NULL), 0);
        CU_ASSERT_STRING_EQUAL(seen.name, "by-d15c0000-0000-4000-8000-000000000001");
        CU_ASSERT(seen.format == rows[i].format && seen.capacity_bytes == 1 << 30);
        CU_ASSERT((seen.backing_path == NULL) == (rows[i].backing == NULL));
        arena_clear(&a);
    }
}

static void
refuses_raw_over_an_image(void)
{
    struct virt_vol_spec s = {.id = "d15c0000-0000-4000-8000-000000000001",
                              .format = FMT_RAW,
                              .backing_path = "/images/a"};
    struct arena a = {0};
    struct err e = {0};
    const char *xml;

    CU_ASSERT_EQUAL(volxml_build(&s, 1 << 30, FMT_QCOW2, &a, &xml, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    arena_clear(&a);
}

CU_TestInfo netxml_tests[] = {
    {"writes an isolated network and reads it back", writes_an_isolated_network_and_reads_it_back},
    {"makes room for VXLAN in a segment", makes_room_for_vxlan_in_a_segment},
    {"edits the mark and keeps the hosts", edits_the_mark_and_keeps_the_hosts},
    {"refuses another range and a foreign network", refuses_another_range_and_a_foreign_network},
    {"refuses what is no range", refuses_what_is_no_range},
    {"writes volumes", writes_volumes},
    {"refuses raw over an image", refuses_raw_over_an_image},
    CU_TEST_INFO_NULL,
};
