#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_STATS_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_STATS_H
/* Counters of a fake world: they grow with the monotonic clock by the scripted load of each domain,
 * never fall within one run, and begin anew with each start. */
#include "drivers/virt/virt_fake_world.h"

extern const struct virt_stats_ops virt_fake_stats_ops;
#endif
