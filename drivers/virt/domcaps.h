#ifndef BY_DRIVERS_VIRT_DOMCAPS_H
#define BY_DRIVERS_VIRT_DOMCAPS_H
/* What libvirt says that domains of a host can have, from its XML.  Pure; any thread. */
#include "drivers/virt/domxml.h"

/** The machine that has PCIe and that domxml writes for ("q35", "virt"), or NULL: an architecture
 * that we do not write for. */
const char *domcaps_machine(const char *arch);
/** From <capabilities>: UNSUPPORTED unless this libvirt lists the architecture for guests. */
int domcaps_arch(const char *xml, const char *arch, struct err *e);
/** From <domainCapabilities>: machine, emulator, vcpus_max, uefi and kvm of *c; cpu_mode as in
 * domxml_host; *gic: the newest interrupt controller of ARM, 0 when there is none. */
int domcaps_read(const char *xml, bool kvm, struct virt_caps *c, char cpu_mode[24], uint32_t *gic,
                 struct err *e);
#endif
