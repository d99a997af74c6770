#ifndef BY_DRIVERS_VIRT_VOLXML_H
#define BY_DRIVERS_VIRT_VOLXML_H
/* Volumes and the pool as libvirt XML and back.  libvirt drops <metadata> of both: the receipts
 * hold theirs.  Files are sparse and private (mode 0600).  Threads: any. */
#include "drivers/virt/virt.h"

/** capacity: the content's length when there is content, else s->size_bytes. */
int volxml_build(const struct virt_vol_spec *s, uint64_t capacity, enum w_format backing_format,
                 struct arena *a, const char **out, struct err *e);
/** Sizes are in bytes; format FMT_NONE for what is neither qcow2 nor raw. */
int volxml_parse(const char *xml, struct arena *a, struct virt_vol_seen *out, struct err *e);

int poolxml_build(const char *name, const char *path, struct arena *a, const char **out,
                  struct err *e);
/** The folder of a dir pool; CONFLICT when it is another kind of pool. */
int poolxml_path(const char *xml, struct arena *a, const char **out, struct err *e);
#endif
