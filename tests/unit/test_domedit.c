#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/virt/domedit.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "tests/unit/virtspec.h"

/* What an administrator added to a VM of ours. */
static const char *const by_hand[] = {
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' "
    "bus='0x06' slot='0x12' function='0x5'/></source></hostdev>",
    "<disk type='file' device='disk'><source file='/backup/extra.img'/><target dev='sda' "
    "bus='sata'/><serial>extra</serial></disk>",
    "<interface type='bridge'><mac address='52:54:00:99:99:99'/><source bridge='br0'/>"
    "</interface>",
    "<watchdog model='i6300esb' action='pause'/>",
    "<shmem name='x'><size unit='M'>4</size></shmem>",
};

static const char *
defined(struct virtspec *v, struct arena *a, bool with_hand)
{
    struct domxml_host h = virtspec_host(false);
    const char *xml = "", *end;

    CU_ASSERT_EQUAL_FATAL(domxml_build(&v->s, &h, a, &xml, NULL), 0);
    for (size_t i = 0; with_hand && i < ARRAY_LEN(by_hand); i++) {
        end = strstr(xml, "</devices>");
        xml = arena_printf(a, "%.*s%s%s", (int)(end - xml), xml, by_hand[i], end);
    }
    return xml;
}

/* Text with one kind of quotes: libxml2 chooses its own. */
static const char *
plain(struct arena *a, const char *s)
{
    char *out = arena_strdup(a, s);

    for (char *p = out; *p != '\0'; p++)
        if (*p == '"')
            *p = '\'';
    return out;
}

static const char *
edited(const char *xml, struct virtspec *v, struct arena *a, bool *changed)
{
    const char *out = "";
    struct err e = {0};

    CU_ASSERT_EQUAL(domedit_apply(xml, &v->s, a, &out, changed, &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
    return out;
}

static void
changes_nothing_when_all_is_said(void)
{
    struct arena a = {0};
    struct virtspec v;
    bool changed = true;
    const char *xml;

    virtspec_init(&v);
    xml = defined(&v, &a, true);
    CU_ASSERT_PTR_EQUAL(edited(xml, &v, &a, &changed), xml);
    CU_ASSERT_FALSE(changed);
    arena_clear(&a);
}

static void
changes_each_property_and_keeps_what_was_made_by_hand(void)
{
    static const struct {
        const char *what;
        uint32_t vcpus, vcpus_max;
        uint64_t mem, mem_max, generation;
        size_t disks, nics;
    } rows[] = {
        {"mark", 2, 4, 1024, 2048, 13, 1, 1},
        {"fewer vCPUs", 1, 4, 1024, 2048, 12, 1, 1},
        {"all vCPUs", 4, 4, 1024, 2048, 12, 1, 1},
        {"more vCPUs at most", 2, 8, 1024, 2048, 12, 1, 1},
        {"one vCPU at most", 1, 1, 1024, 2048, 12, 1, 1},
        {"less memory", 2, 4, 512, 2048, 12, 1, 1},
        {"all memory", 2, 4, 2048, 2048, 12, 1, 1},
        {"more memory at most", 2, 4, 1024, 8192, 12, 1, 1},
        {"no data disk", 2, 4, 1024, 2048, 12, 0, 1},
        {"more disks", 2, 4, 1024, 2048, 12, 5, 1},
        {"no card", 2, 4, 1024, 2048, 12, 1, 0},
        {"more cards", 2, 4, 1024, 2048, 12, 1, 4},
        {"everything", 3, 6, 4096, 6144, 99, 16, 8},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct virtspec v;
        struct domread r = {0};
        bool changed = false, again = true;
        const char *xml, *out;

        virtspec_init(&v);
        xml = defined(&v, &a, true);
        v.vm.vcpus = rows[i].vcpus;
        v.vm.vcpus_max = rows[i].vcpus_max;
        v.vm.mem_mib = rows[i].mem;
        v.vm.mem_max_mib = rows[i].mem_max;
        v.s.mark.generation = rows[i].generation;
        virtspec_parts(&v, rows[i].disks, rows[i].nics);
        out = edited(xml, &v, &a, &changed);
        (void)edited(out, &v, &a, &again);
        if (!changed || again || domread_parse(out, &a, &r, NULL) < 0)
            CU_FAIL(rows[i].what);
        if (r.def.vcpus != rows[i].vcpus || r.def.vcpus_max != rows[i].vcpus_max ||
            r.def.mem_mib != rows[i].mem || r.def.mem_max_mib != rows[i].mem_max ||
            r.mark.generation != rows[i].generation || r.def.n_disks != rows[i].disks + 3 ||
            r.def.n_nics != rows[i].nics + 1)
            CU_FAIL(rows[i].what);
        for (size_t k = 0; k < ARRAY_LEN(by_hand); k++)
            if (strstr(plain(&a, out), plain(&a, by_hand[k])) == NULL)
                CU_FAIL(by_hand[k]);
        arena_clear(&a);
    }
}

static void
keeps_every_other_byte(void)
{
    struct arena a = {0};
    struct virtspec v;
    bool changed = false;
    const char *before, *after, *at;

    virtspec_init(&v);
    before = plain(&a, defined(&v, &a, true));
    v.s.mark.generation = 13;
    after = plain(&a, edited(before, &v, &a, &changed));
    at = strstr(before, "<metadata>"); /* in it, libxml2 may order attributes its own way */
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT(strncmp(before, after, (size_t)(at - before)) == 0);
    at = strstr(at, "<maxMemory");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    after = strstr(after, "<maxMemory");
    CU_ASSERT_PTR_NOT_NULL_FATAL(after);
    CU_ASSERT(strncmp(at, after, strlen("</domain>") + strlen(after) - 10) == 0);
    arena_clear(&a);
}

static void
points_a_disk_to_its_new_place(void)
{
    struct arena a = {0};
    struct virtspec v;
    struct domread r;
    bool changed = false;
    const char *xml;

    virtspec_init(&v);
    xml = defined(&v, &a, false);
    v.s.root_path = "/other/by-7a000000-0000-4000-8000-000000000002";
    CU_ASSERT_EQUAL(domread_parse(edited(xml, &v, &a, &changed), &a, &r, NULL), 0);
    CU_ASSERT(changed && r.def.n_disks == 3);
    CU_ASSERT_STRING_EQUAL(r.def.disks[0].path, v.s.root_path);
    arena_clear(&a);
}

static void
puts_a_card_that_hangs_elsewhere_back_once(void)
{
    struct arena a = {0};
    struct virtspec v;
    struct domread r;
    bool changed = false;
    const char *xml, *at;

    virtspec_init(&v);
    xml = defined(&v, &a, false);
    at = strstr(xml, "<interface type=\"network\">");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    xml = arena_printf(&a,
                       "%.*s<interface type='bridge'><mac address='%s'/><source bridge='b'/>"
                       "</interface>%s",
                       (int)(at - xml), xml, v.nics[0].mac, strstr(at, "</interface>") + 12);
    xml = edited(xml, &v, &a, &changed);
    CU_ASSERT(changed);
    CU_ASSERT_EQUAL(domread_parse(xml, &a, &r, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(r.def.n_nics, 1);
    CU_ASSERT_STRING_EQUAL(r.def.nics[0].network, v.nics[0].network);
    (void)edited(xml, &v, &a, &changed);
    CU_ASSERT_FALSE(changed);
    arena_clear(&a);
}

static void
refuses_a_domain_without_our_mark(void)
{
    struct arena a = {0};
    struct err e = {0};
    struct virtspec v;
    const char *out = "untouched";
    bool changed = false;

    virtspec_init(&v);
    CU_ASSERT_EQUAL(domedit_apply(file_text(&a, "tests/cases/virt/foreign.domain.xml"), &v.s, &a,
                                  &out, &changed, &e),
                    -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_STRING_EQUAL(out, "untouched");
    arena_clear(&a);
}

static void
takes_a_name_as_text(void)
{
    struct arena a = {0};
    struct virtspec v;
    struct domread r;
    bool changed = false;
    const char *xml, *out;

    virtspec_init(&v);
    xml = defined(&v, &a, false);
    memcpy(v.vm.name, "&amp;<disk/>&x;", sizeof("&amp;<disk/>&x;"));
    out = edited(xml, &v, &a, &changed);
    CU_ASSERT(changed);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "&amp;amp;&lt;disk/&gt;&amp;x;"));
    CU_ASSERT_EQUAL(domread_parse(out, &a, &r, NULL), 0);
    CU_ASSERT_EQUAL(r.def.n_disks, 3);
    (void)edited(out, &v, &a, &changed);
    CU_ASSERT_FALSE(changed);
    arena_clear(&a);
}

/* A machine that was there: KiB of its memory and of its balloon's target, to 96 MiB and back. */
static void
gives_a_machine_that_was_there_its_memory_back(void)
{
    static const struct {
        const char *target, *less, *back;
    } rows[] = {{">131072<", ">98304<", ">131072<"},
                {">65536<", ">65536<", ">65536<"},
                {">114688<", ">98304<", ">131072<"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct virtspec v;
        const char *xml, *now;
        bool changed;

        virtspec_init(&v);
        memcpy(v.vm.adopt.id, v.vm.id, sizeof(v.vm.id));
        v.vm.vcpus_max = v.vm.vcpus;
        v.vm.mem_max_mib = 128;
        xml = arena_printf(&a,
                           "<domain type='qemu'><name>old</name><uuid>%s</uuid><metadata><by:mark "
                           "xmlns:by='urn:bianyun:mark:1' order='%s' term='1' generation='1'/>"
                           "</metadata><memory unit='KiB'>131072</memory><currentMemory "
                           "unit='KiB'%s/currentMemory><vcpu>%u</vcpu></domain>",
                           v.vm.id, v.vm.id, rows[i].target, v.vm.vcpus);
        v.vm.mem_mib = 96;
        xml = edited(xml, &v, &a, &changed);
        now = strstr(xml, "<currentMemory");
        CU_ASSERT(changed && now != NULL && strstr(now, rows[i].less) != NULL);
        v.vm.mem_mib = 128;
        xml = edited(xml, &v, &a, &changed);
        now = strstr(xml, "<currentMemory");
        CU_ASSERT(changed && now != NULL && strstr(now, rows[i].back) != NULL);
        CU_ASSERT_PTR_NOT_NULL(strstr(xml, ">131072</memory>"));
        arena_clear(&a);
    }
}

CU_TestInfo domedit_tests[] = {
    {"changes nothing when all is said", changes_nothing_when_all_is_said},
    {"changes each property and keeps what was made by hand",
     changes_each_property_and_keeps_what_was_made_by_hand},
    {"keeps every other byte", keeps_every_other_byte},
    {"points a disk to its new place", points_a_disk_to_its_new_place},
    {"puts a card that hangs elsewhere back, once", puts_a_card_that_hangs_elsewhere_back_once},
    {"refuses a domain without our mark", refuses_a_domain_without_our_mark},
    {"takes a name as text", takes_a_name_as_text},
    {"gives a machine that was there its memory back",
     gives_a_machine_that_was_there_its_memory_back},
    CU_TEST_INFO_NULL,
};
