#ifndef BY_DRIVERS_HOST_BRIDGE_H
#define BY_DRIVERS_HOST_BRIDGE_H
/* Bridges of the kernel that libvirt made for our networks.  A libvirtd that is killed while it
 * starts a network leaves the bridge, knows nothing of it, and cannot start the network again.
 * Threads: any. */
#include "drivers/base/error.h"

/** Remove the bridge of this name when nothing is plugged into it.  1 removed; 0 there is none, or
 * it is in use, or the name is no bridge of ours ("by" and 12 hex digits); -1. */
int bridge_drop_stale(const char *name, struct err *e);
#endif
