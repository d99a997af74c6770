#ifndef BY_POLICIES_SIZES_H
#define BY_POLICIES_SIZES_H
/* The sizes that a machine has had, so that its use can be judged across them: a share measured of
 * a larger size is counted of the size that it has now, one measured of a smaller size as it was.
 * Use is thus never made to look lower than it was, and small reshapes begin nothing anew.  Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define SIZES_MAX 64

struct size_step {
    int64_t from_ms; /* when it was read back */
    uint64_t size;   /* vCPUs, or MiB */
};
/* Oldest first; the first is taken to reach back to the beginning. */
struct sizes {
    size_t n;
    struct size_step v[SIZES_MAX];
};

/** Add an older step before all others.  When there is no room the two oldest become one, of the
 * larger size. */
void sizes_add_older(struct sizes *s, int64_t from_ms, uint64_t size);
/** The largest size of [from, to): between the readbacks of two sizes it may have been either. 0
 * when nothing is known. */
uint64_t sizes_largest(const struct sizes *s, int64_t from_ms, int64_t to_ms);
/** How often the size changed after from_ms. */
uint32_t sizes_changes(const struct sizes *s, int64_t from_ms);
#endif
