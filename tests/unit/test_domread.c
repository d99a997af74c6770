#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/virt/domfound.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/xmlutil.h"
#include "tests/unit/virtspec.h"

#define MARK "<by:mark xmlns:by='urn:bianyun:mark:1' order='o' term='1' generation='2'/>"

static void
knows_the_owner_by_metadata(void)
{
    static const struct {
        const char *metadata;
        bool ours, other;
    } rows[] = {
        {"", false, false},
        {MARK, true, false},
        {"<mark order='o' term='1' generation='2'/>", false, false},
        {"<by:mark xmlns:by='urn:bianyun:mark:2' order='o'/>", false, false},
        {"<x><by:mark xmlns:by='urn:bianyun:mark:1' order='o'/></x>", false, false},
        {"<n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'/>", false, true},
        {"<v:vm xmlns:v='http://ovirt.org/vm/1.0'/>", false, true},
        {"<k:kubevirt xmlns:k='http://kubevirt.io'/>", false, true},
        {"<one:vm xmlns:one='http://opennebula.org/xmlns/libvirt/1.0'/>", false, true},
        {"<o:x xmlns:o='http://libosinfo.org/xmlns/libvirt/domain/1.0'/>", false, false},
        {MARK "<n:i xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'/>", true, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct domread r;
        const char *xml =
            arena_printf(&a, "<domain><metadata>%s</metadata></domain>", rows[i].metadata);

        if (domread_parse(xml, &a, &r, NULL) < 0 || r.ours != rows[i].ours ||
            r.other_owner != rows[i].other)
            CU_FAIL(rows[i].metadata);
        arena_clear(&a);
    }
}

static void
reads_sizes_in_every_unit(void)
{
    static const struct {
        const char *memory;
        uint64_t mib;
    } rows[] = {
        {"<memory>1048576</memory>", 1024},
        {"<memory unit='KiB'>1048576</memory>", 1024},
        {"<memory unit='MiB'>1024</memory>", 1024},
        {"<memory unit='GiB'>3</memory>", 3072},
        {"<memory unit='bytes'>1073741824</memory>", 1024},
        {"<memory unit='KiB'>1048577</memory>", 1024},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct domread r;

        if (domread_parse(arena_printf(&a, "<domain>%s<vcpu>2</vcpu></domain>", rows[i].memory), &a,
                          &r, NULL) < 0 ||
            r.def.mem_mib != rows[i].mib || r.def.mem_max_mib != rows[i].mib)
            CU_FAIL(rows[i].memory);
        CU_ASSERT(r.def.vcpus == 2 && r.def.vcpus_max == 2);
        arena_clear(&a);
    }
}

static void
refuses_bad_documents_and_leaves_the_output_alone(void)
{
    static const char *const rows[] = {
        "",
        "domain",
        "<domain>",
        "<network/>",
        "<domain><memory>-1</memory></domain>",
        "<domain><memory>1e3</memory></domain>",
        "<domain><memory>99999999999999999999999</memory></domain>",
        "<domain><memory unit='TiB'>18446744073709551615</memory></domain>",
        "<domain><memory unit='furlong'>1</memory></domain>",
        "<domain><vcpu>4294967296</vcpu></domain>",
        "<domain><vcpu current='x'>1</vcpu></domain>",
        "<domain><uuid>0000000000000000000000000000000000000000000000000000</uuid></domain>",
        ("<domain><metadata><by:mark xmlns:by='urn:bianyun:mark:1' order='o' term='x' "
         "generation='2'/></metadata></domain>"),
        "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>",
        "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><domain><name>&b;</name></domain>",
        "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><domain><name>&x;</name></domain>",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct err e = {0};
        struct domread r;

        memset(&r, 0x5a, sizeof(r));
        if (domread_parse(rows[i], &a, &r, &e) == 0 || e.code != BY_E_INVALID)
            CU_FAIL(rows[i]);
        CU_ASSERT_EQUAL(((unsigned char *)&r)[0], 0x5a);
        arena_clear(&a);
    }
}

static void
refuses_a_document_that_is_too_large(void)
{
    struct arena a = {0};
    char *big = arena_alloc(&a, XML_MAX_BYTES + 32);
    struct err e = {0};
    struct domread r;

    memset(big, ' ', XML_MAX_BYTES + 16);
    memcpy(big, "<domain>", 8);
    CU_ASSERT_EQUAL(domread_parse(big, &a, &r, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
    arena_clear(&a);
}

static void
refuses_more_devices_than_any_machine_has(void)
{
    struct strbuf b = {0};
    struct arena a = {0};
    struct err e = {0};
    struct domread r;

    strbuf_adds(&b, "<domain><devices>");
    for (int i = 0; i <= DOMREAD_MAX_DEVICES; i++)
        strbuf_adds(&b, "<disk/>");
    strbuf_adds(&b, "</devices></domain>");
    CU_ASSERT_EQUAL(domread_parse(strbuf_peek(&b), &a, &r, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
    strbuf_clear(&b);
    arena_clear(&a);
}

static void
reads_a_domain_that_an_administrator_made(void)
{
    struct arena a = {0};
    struct domread r;

    CU_ASSERT_EQUAL_FATAL(
        domread_parse(file_text(&a, "tests/cases/virt/foreign.domain.xml"), &a, &r, NULL), 0);
    CU_ASSERT(!r.ours && !r.other_owner);
    CU_ASSERT_STRING_EQUAL(r.name, "db 'old' & slow");
    CU_ASSERT_EQUAL_FATAL(r.def.n_disks, 3);
    CU_ASSERT_STRING_EQUAL(r.def.disks[0].path, "/dev/vg0/db");
    CU_ASSERT_PTR_NULL(r.def.disks[1].path);
    CU_ASSERT_PTR_NULL(r.def.disks[2].path);
    CU_ASSERT_EQUAL_FATAL(r.def.n_nics, 2);
    CU_ASSERT_STRING_EQUAL(r.def.nics[0].network, "");
    CU_ASSERT_STRING_EQUAL(r.nvram, "/var/lib/libvirt/qemu/nvram/db_VARS.fd");
    CU_ASSERT(r.def.mem_mib == 4096 && r.def.vcpus == 2 && r.def.vcpus_max == 8);
    arena_clear(&a);
}

/* What a machine runs with beside what its definition says. */
static void
sees_what_only_runs(void)
{
#define DOMAIN(metadata, devices)                                                                  \
    "<domain type='qemu'><name>old</name><uuid>deadbeef-0000-4000-8000-000000000001</uuid>"        \
    "<metadata>" metadata "</metadata><memory>65536</memory><vcpu>1</vcpu><devices>" devices       \
    "</devices></domain>"
#define VDA(more)                                                                                  \
    "<disk type='file'><driver type='raw'/><source file='/srv/a'>" more                            \
    "</source><target dev='vda'/></disk>"
#define CD(disc) "<disk type='file' device='cdrom'>" disc "<target dev='sda'/></disk>"
#define NIC(mac) "<interface type='user'><mac address='" mac "'/></interface>"
#define BASE VDA("") CD("") NIC("52:54:00:00:00:01")
    static const struct {
        const char *what, *live, *owner, *devices;
        bool unequal, job;
    } rows[] = {
        {"the same", DOMAIN("", BASE), "", NULL, false, false},
        {"what libvirt adds", DOMAIN("", VDA("<seclabel/>") CD("") NIC("52:54:00:00:00:01")), "",
         NULL, false, false},
        {"another disc",
         DOMAIN("", VDA("") CD("<source file='/srv/cd'/>") NIC("52:54:00:00:00:01")), "", NULL,
         false, false},
        {"another file",
         DOMAIN("", "<disk type='file'><source file='/srv/b'/><target dev='vda'/>"
                    "</disk>" CD("") NIC("52:54:00:00:00:01")),
         "", NULL, true, false},
        {"a disk more",
         DOMAIN("", BASE "<disk type='file'><source file='/srv/b'/><target dev='vdb'/></disk>"), "",
         NULL, true, false},
        {"a disk less", DOMAIN("", CD("") NIC("52:54:00:00:00:01")), "", NULL, true, false},
        {"another card", DOMAIN("", VDA("") CD("") NIC("52:54:00:00:00:02")), "", NULL, true,
         false},
        {"no card", DOMAIN("", VDA("") CD("")), "", NULL, true, false},
        {"another manager",
         DOMAIN("<n:x xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'/>", BASE),
         "http://openstack.org/xmlns/libvirt/nova/1.1", NULL, false, false},
        {"a device of the host",
         DOMAIN("", BASE "<hostdev type='usb'><source><vendor id='0x1'/><product id='0x2'/>"
                         "</source></hostdev>"),
         "", "usb 0x1:0x2", false, false},
        {"a disk that is copied",
         DOMAIN("", "<disk type='file'><source file='/srv/a'/><mirror job='copy'/>"
                    "<target dev='vda'/></disk>" CD("") NIC("52:54:00:00:00:01")),
         "", NULL, false, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct w_found f;
        struct err e = {0};

        CU_ASSERT_EQUAL(domfound_parse(DOMAIN("", BASE), &a, &f, &e), 0);
        CU_ASSERT_EQUAL(domfound_running(rows[i].live, &a, &f, &e), 0);
        if (f.unequal != rows[i].unequal || f.job != rows[i].job ||
            strcmp(f.owner, rows[i].owner) != 0 ||
            strcmp(f.host_devices == NULL ? "" : f.host_devices,
                   rows[i].devices == NULL ? "" : rows[i].devices) != 0) {
            fprintf(stderr, "\n%s: unequal %d, job %d, owner '%s', devices '%s'\n", rows[i].what,
                    f.unequal, f.job, f.owner, f.host_devices == NULL ? "" : f.host_devices);
            CU_FAIL("a row");
        }
        arena_clear(&a);
    }
}

CU_TestInfo domread_tests[] = {
    {"sees what only runs", sees_what_only_runs},
    {"knows the owner by metadata", knows_the_owner_by_metadata},
    {"reads sizes in every unit", reads_sizes_in_every_unit},
    {"refuses bad documents and leaves the output alone",
     refuses_bad_documents_and_leaves_the_output_alone},
    {"refuses a document that is too large", refuses_a_document_that_is_too_large},
    {"refuses more devices than any machine has", refuses_more_devices_than_any_machine_has},
    {"reads a domain that an administrator made", reads_a_domain_that_an_administrator_made},
    CU_TEST_INFO_NULL,
};
