#ifndef BY_DRIVERS_HOST_SEGMENT_INT_H
#define BY_DRIVERS_HOST_SEGMENT_INT_H
/* Between the files of segment.h. */
#include <pthread.h>

#include "drivers/host/segment.h"

/* One back end: as the functions of segment.h, which check first. */
struct segment_ops {
    int (*list)(struct segments *s, struct arena *a, const struct segment_seen **out, size_t *n,
                struct err *e);
    int (*make)(struct segments *s, const struct segment_spec *spec, struct err *e);
    int (*remove)(struct segments *s, const char *bridge, struct err *e);
};

struct segments {
    const struct segment_ops *ops;
    char *folder;         /* of the fake; NULL: the kernel */
    pthread_mutex_t lock; /* one call at a time: what is read is still so when it is changed */
    bool none;            /* under lock: no device and no filter was there, and none made since */
};

extern const struct segment_ops segment_kernel_ops, segment_fake_ops;

/* An element of a set: the name of a device or a VNI, and the address that it is joined with. */
struct segment_element {
    char key[SEGMENT_NAME + 8], ip[20];
    uint32_t vni;
};
struct segment_set {
    const struct segment_element *v;
    size_t n;
};
/* Filters of all parts, as read back. */
struct segment_filters {
    bool there;                /* a table of ours, whatever is in it */
    bool rules;                /* every rule that all parts share is there, and no other in our
                                  tables */
    const char *bridge, *inet; /* the text of both tables; "": none, or not one that can be kept */
    struct segment_set gateways, vnis, sources;
};
/* The devices whose filters stay. */
struct segment_keep {
    const char (*names)[SEGMENT_NAME];
    const uint32_t *vnis;
    size_t n;
};
int segment_nft_read(struct arena *a, struct segment_filters *out, struct err *e);
/** Take gateway, sources and whether the VNI is guarded from what was read. */
void segment_nft_see(const struct segment_filters *f, struct arena *a, struct segment_seen *io);
/** Filters for this spec and those that are kept, no others; the shared rules are put right too. */
int segment_nft_set(const struct segment_filters *now, const struct segment_keep *keep,
                    const struct segment_spec *spec, const char *name, struct err *e);
/** Filters for those that are kept, no others; when there are none, no tables either. */
int segment_nft_drop(const struct segment_filters *now, const struct segment_keep *keep,
                     struct err *e);
int segment_text_cmp(const void *a, const void *b); /* of const char *, for qsort() */
#endif
