#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_LIVE_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_LIVE_H
/* Adding to a running domain of a fake world: its live XML changes. */
#include "drivers/virt/virt_fake_world.h"

extern const struct virt_live_ops virt_fake_live_ops;
#endif
