#ifndef BY_TESTS_UNIT_VIRTSPEC_H
#define BY_TESTS_UNIT_VIRTSPEC_H
/* One VM spec for the tests of the XML writers, and golden files of text.  Paths are relative to
 * the top of the tree; CASES_UPDATE=1 writes the golden files anew. */
#include "drivers/base/scope.h"
#include "drivers/virt/domxml.h"

struct virtspec {
    struct virt_dom_spec s;
    struct w_vm_spec vm;
    struct w_nic nics[8];
    struct w_vm_disk disks[16];
    const char *paths[16];
    char path_text[16][64];
};

/** 2 of 4 vCPUs, 1024 of 2048 MiB, BIOS, one card, one raw data disk. */
void virtspec_init(struct virtspec *v);
/** Give it n data disks (raw and qcow2 in turn) and m cards. */
void virtspec_parts(struct virtspec *v, size_t n, size_t m);
/** A host that has only TCG, or one with KVM. */
struct domxml_host virtspec_host(bool kvm);
/** text equals the file tests/cases/virt/NAME, or the running test fails. */
void golden_text(const char *name, const char *text);
/** A file of the tree whole, in the arena; NULL when it is not there. */
const char *file_text(struct arena *a, const char *path);
#endif
