#ifndef BY_DRIVERS_VIRT_DOMEDIT_H
#define BY_DRIVERS_VIRT_DOMEDIT_H
/* Change a definition property by property, in the tree that libvirt returned: mark, title, sizes,
 * our disks and our cards.  What we do not know stays.  A disk is ours when its file is named
 * by-<id>…, a card when its network is by-<uuid>; other disks and cards are an administrator's and
 * stay too.  Threads: any. */
#include "drivers/virt/virt.h"

/** xml: the persistent definition; it must carry our mark (CONFLICT).  *out in the arena;
 * *changed false when the definition says it all already (then *out equals xml). */
int domedit_apply(const char *xml, const struct virt_dom_spec *s, struct arena *a, const char **out,
                  bool *changed, struct err *e);
#endif
