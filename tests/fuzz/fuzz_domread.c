/* XML of domains, networks and volumes as others may have written it.  Properties: what is refused
 * says why and leaves the output alone; what is not ours is never edited; an edit of ours is read
 * back with the sizes and the mark that were asked for, and a second edit finds nothing to do. */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/virt/domedit.h"
#include "drivers/virt/domread.h"
#include "drivers/virt/netxml.h"
#include "drivers/virt/volxml.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 65536 };

/* The order that every input is edited to. */
static const struct w_nic nic = {.network = "4e700000-0000-4000-8000-000000000001",
                                 .mac = "52:54:00:00:00:07"};
static const struct w_vm_disk disk = {.volume = "d15c0000-0000-4000-8000-000000000004",
                                      .format = FMT_RAW};
static const char *const paths[] = {"/pool/by-d15c0000-0000-4000-8000-000000000004"};

static void
edit_twice(const char *xml, const struct domread *r, struct arena *a)
{
    const struct w_vm_spec vm = {.id = "7a000000-0000-4000-8000-000000000001",
                                 .name = "fuzz",
                                 .vcpus = 2,
                                 .vcpus_max = 4,
                                 .mem_mib = 512,
                                 .mem_max_mib = 1024,
                                 .firmware = FW_BIOS,
                                 .root_volume = "7a000000-0000-4000-8000-000000000002",
                                 .seed_volume = "7a000000-0000-4000-8000-000000000003",
                                 .nics = {.items = (void *)&nic, .n = 1},
                                 .disks = {.items = (void *)&disk, .n = 1}};
    const struct virt_dom_spec s = {.vm = &vm,
                                    .mark = {.order = "o", .term = 5, .generation = 6},
                                    .root_path = "/pool/by-root",
                                    .seed_path = "/pool/by-seed",
                                    .disk_paths = paths};
    const char *one = NULL, *two = NULL;
    struct domread seen;
    struct err e = {0};
    bool changed = false;

    if (domedit_apply(xml, &s, a, &one, &changed, &e) < 0) {
        fuzz_must(one == NULL && e.msg[0] != '\0');
        fuzz_must(r->ours || e.code == BY_E_CONFLICT);
        return;
    }
    fuzz_must(r->ours);
    if (domread_parse(one, a, &seen, NULL) < 0)
        return; /* an administrator's part of it is beyond us; libvirt would refuse it */
    fuzz_must(seen.ours && seen.mark.term == 5 && seen.mark.generation == 6);
    fuzz_must(seen.def.vcpus == 2 && seen.def.vcpus_max == 4);
    fuzz_must(seen.def.mem_mib == 512 && seen.def.mem_max_mib == 1024);
    fuzz_must(domedit_apply(one, &s, a, &two, &changed, &e) == 0 && !changed && two == one);
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    SCOPED(arena) struct arena a = {0};
    struct virt_vol_seen vol;
    struct netread net;
    struct domread r;
    struct err e = {0};
    const char *xml;

    if (len > TEXT_MAX)
        return;
    xml = arena_strndup(&a, (const char *)bytes, len);
    (void)netxml_parse(xml, &a, &net, NULL);
    (void)volxml_parse(xml, &a, &vol, NULL);
    memset(&r, 0x5a, sizeof(r));
    if (domread_parse(xml, &a, &r, &e) < 0) {
        fuzz_must(e.msg[0] != '\0' && r.id[0] == 0x5a);
        return;
    }
    fuzz_planted(r.ours && r.other_owner && r.def.n_nics > 0);
    edit_twice(xml, &r, &a);
}
