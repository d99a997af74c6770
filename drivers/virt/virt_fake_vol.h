#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_VOL_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_VOL_H
/* Volumes of a fake world: real files by-<id> in the pool's folder.  A raw one is as long as it
 * says; a qcow2 one starts with a true (version 3) header, tables and the name of its backing file,
 * so that other programs can read it.  Files appear whole (a nameless file is linked into place).
 */
#include "drivers/virt/virt_fake_world.h"

extern const struct virt_vol_ops virt_fake_vol_ops;
extern const struct virt_pool_ops virt_fake_pool_ops;
#endif
