#ifndef BY_DRIVERS_HOST_SEGMENT_INT_H
#define BY_DRIVERS_HOST_SEGMENT_INT_H
/* Between the files of segment.h. */
#include <pthread.h>

#include "drivers/host/segment.h"

struct segments {
    const struct segment_ops *ops;
    char *folder;         /* of the fake; NULL: the kernel */
    pthread_mutex_t lock; /* one call at a time: what is read is still so when it is changed */
};

extern const struct segment_ops segment_kernel_ops, segment_fake_ops;

/* Filters of one device, as read back. */
struct segment_filters {
    bool rules; /* every rule that all parts share is there, and no other in our tables */
    const char *bridge, *inet; /* the text of both tables */
};
int segment_nft_read(struct arena *a, struct segment_filters *out, struct err *e);
/** Take gateway, sources and whether the VNI is guarded from what was read. */
void segment_nft_see(const struct segment_filters *f, struct arena *a, struct segment_seen *io);
/** Filters for exactly this spec; the shared rules are put right too. */
int segment_nft_set(const struct segment_filters *now, const struct segment_spec *spec,
                    struct err *e);
/** Nothing of this device and VNI (0: none) stays. */
int segment_nft_drop(const struct segment_filters *now, const char *name, uint32_t vni,
                     struct err *e);
/** No part is left: nor are our tables. */
int segment_nft_end(const struct segment_filters *now, struct err *e);
int segment_text_cmp(const void *a, const void *b); /* of const char *, for qsort() */
#endif
