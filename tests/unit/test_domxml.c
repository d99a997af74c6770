#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/virt/domcaps.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/domxml.h"
#include "tests/unit/virtspec.h"

static const char *
built(struct virtspec *v, bool kvm, struct arena *a)
{
    struct domxml_host h = virtspec_host(kvm);
    const char *xml = "";
    struct err e = {0};

    CU_ASSERT_EQUAL(domxml_build(&v->s, &h, a, &xml, &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
    return xml;
}

static void
writes_bios_under_tcg(void)
{
    struct arena a = {0};
    struct virtspec v;

    virtspec_init(&v);
    golden_text("bios-tcg.domain.xml", built(&v, false, &a));
    arena_clear(&a);
}

static void
writes_uefi_under_kvm(void)
{
    struct arena a = {0};
    struct virtspec v;

    virtspec_init(&v);
    v.vm.firmware = FW_UEFI;
    golden_text("uefi-kvm.domain.xml", built(&v, true, &a));
    arena_clear(&a);
}

/* Only the card on a part of a segment: the guest's driver takes the size as its own. */
static void
tells_a_card_what_its_segment_carries(void)
{
    struct arena a = {0};
    struct virtspec v;
    const char *xml, *at;

    virtspec_init(&v);
    virtspec_parts(&v, 0, 2);
    v.s.segment_nics = 2;
    xml = built(&v, false, &a);
    at = strstr(xml, "<mtu size=\"1450\"/>");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT_PTR_NULL(strstr(at + 1, "<mtu"));
    CU_ASSERT(strstr(xml, v.nics[0].mac) < at && strstr(xml, v.nics[1].mac) < at);
    arena_clear(&a);
}

/* As libvirt 9.0 with qemu-system-aarch64 7.2 tells it. */
static void
writes_aarch64_by_its_domain_capabilities(void)
{
    char cpu_mode[24] = "";
    struct virt_caps c = {0};
    struct arena a = {0};
    struct err e = {0};
    struct virtspec v;
    uint32_t gic = 0;
    const char *xml = "", *caps;

    caps = file_text(&a, "tests/cases/virt/aarch64.domaincapabilities.xml");
    CU_ASSERT_PTR_NOT_NULL_FATAL(caps);
    CU_ASSERT_EQUAL_FATAL(domcaps_read(caps, false, &c, cpu_mode, &gic, &e), 0);
    CU_ASSERT(c.uefi && !c.kvm && gic == 3 && c.vcpus_max == 512);
    virtspec_init(&v);
    v.vm.firmware = FW_UEFI;
    const struct domxml_host h = {.type = "qemu",
                                  .arch = "aarch64",
                                  .machine = c.machine,
                                  .emulator = c.emulator,
                                  .cpu_mode = cpu_mode,
                                  .uefi = c.uefi,
                                  .gic = gic};
    CU_ASSERT_EQUAL(domxml_build(&v.s, &h, &a, &xml, &e), 0);
    golden_text("aarch64.domain.xml", xml);
    v.vm.firmware = FW_BIOS;
    CU_ASSERT_EQUAL(domxml_build(&v.s, &h, &a, &xml, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_UNSUPPORTED);
    arena_clear(&a);
}

static void
refuses_a_processor_until_libvirt_lists_it(void)
{
    struct arena a = {0};
    const char *caps = file_text(&a, "tests/cases/virt/libvirt-9.capabilities.xml");
    struct err e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(caps);
    CU_ASSERT_EQUAL(domcaps_arch(caps, "x86_64", &e), 0);
    CU_ASSERT_EQUAL(domcaps_arch(caps, "aarch64", &e), 0);
    CU_ASSERT_EQUAL(domcaps_arch(caps, "loongarch64", &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "this libvirt does not know loongarch64"));
    CU_ASSERT_EQUAL(domcaps_arch("<capabilities><guest><arch name='loongarch64'/></guest>"
                                 "</capabilities>",
                                 "loongarch64", &e),
                    0);
    CU_ASSERT_EQUAL(domcaps_arch(caps, "sparc64", &e), -1); /* known to neither */
    arena_clear(&a);
}

static void
writes_sixteen_disks_and_eight_cards(void)
{
    struct arena a = {0};
    struct virtspec v;

    virtspec_init(&v);
    virtspec_parts(&v, 16, 8);
    golden_text("many-parts.domain.xml", built(&v, false, &a));
    arena_clear(&a);
}

static void
writes_a_vm_that_cannot_grow_without_memory_slots(void)
{
    struct arena a = {0};
    struct virtspec v;

    virtspec_init(&v);
    virtspec_parts(&v, 0, 0);
    v.vm.vcpus = v.vm.vcpus_max = 1;
    v.vm.mem_max_mib = v.vm.mem_mib;
    v.s.seed_path = NULL;
    v.s.serial_log = NULL;
    golden_text("fixed.domain.xml", built(&v, false, &a));
    arena_clear(&a);
}

static void
escapes_names_and_paths(void)
{
    struct arena a = {0};
    struct virtspec v;
    struct domread r;

    virtspec_init(&v);
    memcpy(v.vm.name, "</title><x a='1\"&;$(id)`", sizeof("</title><x a='1\"&;$(id)`"));
    v.s.root_path = "/pool/a'b\"<c>&d";
    golden_text("names.domain.xml", built(&v, false, &a));
    CU_ASSERT_EQUAL(domread_parse(built(&v, false, &a), &a, &r, NULL), 0);
    CU_ASSERT_STRING_EQUAL(r.def.disks[0].path, "/pool/a'b\"<c>&d");
    CU_ASSERT_EQUAL(r.def.n_disks, 3);
    arena_clear(&a);
}

static void
is_read_back_as_it_was_meant(void)
{
    struct arena a = {0};
    struct virtspec v;
    struct domread r;

    virtspec_init(&v);
    CU_ASSERT_EQUAL_FATAL(domread_parse(built(&v, true, &a), &a, &r, NULL), 0);
    CU_ASSERT_STRING_EQUAL(r.id, v.vm.id);
    CU_ASSERT(r.ours && !r.other_owner);
    CU_ASSERT_STRING_EQUAL(r.mark.order, v.s.mark.order);
    CU_ASSERT(r.mark.term == 3 && r.mark.generation == 12);
    CU_ASSERT(r.def.vcpus == 2 && r.def.vcpus_max == 4);
    CU_ASSERT(r.def.mem_mib == 1024 && r.def.mem_max_mib == 2048);
    CU_ASSERT_EQUAL_FATAL(r.def.n_disks, 3);
    CU_ASSERT_STRING_EQUAL(r.def.disks[0].target, "vda");
    CU_ASSERT_STRING_EQUAL(r.def.disks[1].target, "vdb");
    CU_ASSERT_STRING_EQUAL(r.def.disks[1].format, "raw");
    CU_ASSERT_STRING_EQUAL(r.def.disks[2].target, "vdz");
    CU_ASSERT_STRING_EQUAL(r.def.disks[2].serial, "40008000000000000003");
    CU_ASSERT_EQUAL_FATAL(r.def.n_nics, 1);
    CU_ASSERT_STRING_EQUAL(r.def.nics[0].network, v.nics[0].network);
    CU_ASSERT_STRING_EQUAL(r.def.nics[0].mac, v.nics[0].mac);
    CU_ASSERT_EQUAL_FATAL(r.n_logs, 1);
    CU_ASSERT_STRING_EQUAL(r.logs[0], v.s.serial_log);
    arena_clear(&a);
}

static void
refuses_what_cannot_be(void)
{
    static const struct {
        const char *what;
        uint32_t vcpus;
        uint64_t mem_mib;
        const char *root, *name;
        bool uefi_there;
        enum err_code code;
    } rows[] = {
        {"no vCPU", 0, 1024, "/p", "n", true, BY_E_INVALID},
        {"more vCPUs than the maximum", 5, 1024, "/p", "n", true, BY_E_INVALID},
        {"no memory", 2, 0, "/p", "n", true, BY_E_INVALID},
        {"more memory than the maximum", 2, 4096, "/p", "n", true, BY_E_INVALID},
        {"no root disk", 2, 1024, NULL, "n", true, BY_E_INVALID},
        {"a relative path", 2, 1024, "p", "n", true, BY_E_INVALID},
        {"a line break in the name", 2, 1024, "/p", "a\nb", true, BY_E_INVALID},
        {"a name that is not UTF-8", 2, 1024, "/p", "a\xff", true, BY_E_INVALID},
        {"UEFI where there is none", 2, 1024, "/p", "n", false, BY_E_UNSUPPORTED},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct domxml_host h = virtspec_host(false);
        const char *xml = "untouched";
        struct arena a = {0};
        struct err e = {0};
        struct virtspec v;

        virtspec_init(&v);
        v.vm.vcpus = rows[i].vcpus;
        v.vm.mem_mib = rows[i].mem_mib;
        v.s.root_path = rows[i].root;
        memcpy(v.vm.name, rows[i].name, strlen(rows[i].name) + 1);
        v.vm.firmware = rows[i].uefi_there ? FW_BIOS : FW_UEFI;
        h.uefi = rows[i].uefi_there;
        if (domxml_build(&v.s, &h, &a, &xml, &e) == 0 || e.code != rows[i].code)
            CU_FAIL(rows[i].what);
        CU_ASSERT_STRING_EQUAL(xml, "untouched");
        arena_clear(&a);
    }
}

static void
refuses_two_disks_that_guests_could_not_tell_apart(void)
{
    struct domxml_host h = virtspec_host(false);
    struct arena a = {0};
    struct err e = {0};
    struct virtspec v;
    const char *xml;

    virtspec_init(&v);
    memcpy(v.disks[0].volume, "ffff0000-0000-4000-8000-000000000002", 37);
    CU_ASSERT_EQUAL(domxml_build(&v.s, &h, &a, &xml, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    arena_clear(&a);
}

static void
names_taps_within_what_the_kernel_takes(void)
{
    char tap[DOMXML_TAP], serial[DOMXML_SERIAL];

    domxml_tap("52:54:00:ab:cd:ef", tap);
    CU_ASSERT_STRING_EQUAL(tap, "byt525400abcdef");
    CU_ASSERT_EQUAL(strlen(tap), 15);
    domxml_serial("01234567-89ab-cdef-0123-456789abcdef", serial);
    CU_ASSERT_STRING_EQUAL(serial, "cdef0123456789abcdef");
}

CU_TestInfo domxml_tests[] = {
    {"tells a card what its segment carries", tells_a_card_what_its_segment_carries},
    {"writes BIOS under TCG", writes_bios_under_tcg},
    {"writes UEFI under KVM", writes_uefi_under_kvm},
    {"writes aarch64 by its domain capabilities", writes_aarch64_by_its_domain_capabilities},
    {"refuses a processor until libvirt lists it", refuses_a_processor_until_libvirt_lists_it},
    {"writes sixteen disks and eight cards", writes_sixteen_disks_and_eight_cards},
    {"writes a VM that cannot grow without memory slots",
     writes_a_vm_that_cannot_grow_without_memory_slots},
    {"escapes names and paths", escapes_names_and_paths},
    {"is read back as it was meant", is_read_back_as_it_was_meant},
    {"refuses what cannot be", refuses_what_cannot_be},
    {"refuses two disks that guests could not tell apart",
     refuses_two_disks_that_guests_could_not_tell_apart},
    {"names taps within what the kernel takes", names_taps_within_what_the_kernel_takes},
    CU_TEST_INFO_NULL,
};
