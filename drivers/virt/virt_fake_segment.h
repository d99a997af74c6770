#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_SEGMENT_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_SEGMENT_H
/* Parts of segments in a fake world; reached through drivers/host/segment.h. */
#include "drivers/base/error.h"

/** As after a reboot of the host: none is left.  Under the world's lock. */
int fake_segments_gone(const char *world, struct err *e);
#endif
