#ifndef BY_DRIVERS_VIRT_DOMXML_H
#define BY_DRIVERS_VIRT_DOMXML_H
/* A domain spec as libvirt XML, written by a writer that escapes: a name with < or " stays a name.
 * libvirt's name of a domain is by-<id>, so that the files that libvirt names after it (saved
 * state, NVRAM, log) are known even when the definition is gone; people see the display name as
 * the title.  Every virtio device sits on a pcie-root-port, 8 more stay free for hotplug.
 * Discards of the guest are ignored: a block that the guest gave up would leave the file and
 * could no longer be overwritten at erasure.  Threads: any. */
#include <stdbool.h>

#include "drivers/virt/virt.h"

enum {
    DOMXML_SPARE_PORTS = 8,
    DOMXML_MEMORY_SLOTS = 8,
    DOMXML_BALLOON_PERIOD_S = 5,
    DOMXML_SERIAL = 24, /* char[]: QEMU keeps 20 characters of a virtio disk's serial */
    DOMXML_TAP = 16,    /* char[]: IFNAMSIZ */
};

/* What the host offers, from its domain capabilities. */
struct domxml_host {
    const char *type;                      /* "kvm", "qemu", "test" */
    const char *arch, *machine, *emulator; /* "x86_64", "pc-q35-7.2", a path */
    const char *cpu_mode;                  /* "host-model", "maximum" …; "" leaves the default */
    bool uefi;
    uint32_t gic; /* ARM: version of the interrupt controller; 0: none is written */
};

/** The whole domain.  UNSUPPORTED when the spec needs what the host does not have. */
int domxml_build(const struct virt_dom_spec *s, const struct domxml_host *h, struct arena *a,
                 const char **out, struct err *e);

/** INVALID when the spec contradicts itself. */
int domxml_check(const struct virt_dom_spec *s, struct err *e);

/* Pieces, for domedit. */
/** i = 0: the root disk; 1..n: data disks; n+1: the seed. */
int domxml_disk(const struct virt_dom_spec *s, size_t i, struct arena *a, const char **out,
                struct err *e);
int domxml_nic(const struct virt_dom_spec *s, size_t i, struct arena *a, const char **out,
               struct err *e);
size_t domxml_disk_count(const struct virt_dom_spec *s);

/** What piece i of domxml_disk() is made of; borrowed from the spec. */
struct domxml_disk_part {
    const char *volume, *path;
    enum w_format format;
    char target[8], serial[DOMXML_SERIAL];
    bool readonly;
};
void domxml_disk_part(const struct virt_dom_spec *s, size_t i, struct domxml_disk_part *out);

/** The last 20 hex digits of an id. */
void domxml_serial(const char *id, char out[DOMXML_SERIAL]);
/** Fixed name of a card's tap: byt and the 12 hex digits of its MAC. */
void domxml_tap(const char *mac, char out[DOMXML_TAP]);
#endif
