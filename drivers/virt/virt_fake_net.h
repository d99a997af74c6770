#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_NET_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_NET_H
/* Networks of a fake world: one JSON file each.  Functions need the world's lock. */
#include "drivers/virt/virt_fake_world.h"

extern const struct virt_net_ops virt_fake_net_ops;

/** IO when the network is not there or down, as when libvirt starts a domain on it. */
int fake_net_check_active(const char *world, const char *id, struct err *e);
/** A network that is up has this bridge. */
bool fake_net_has_bridge(const char *world, const char *bridge);
/** Every network down, as after a boot. */
int fake_net_all_down(const char *world, struct err *e);
#endif
