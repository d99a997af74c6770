#ifndef BY_DRIVERS_VIRT_DOMFOUND_H
#define BY_DRIVERS_VIRT_DOMFOUND_H
/* A machine that others made, in detail: what a unit claims and the bureau confirms.  Read from its
 * inactive definition; sizes of disks come from their files.  Anything may stand there: what is too
 * long is cut, what is too much (32 disks, 16 cards) leaves the sizes 0, so that nobody takes it
 * over by half.  Threads: any. */
#include "drivers/virt/virt.h"

/** All that the definition says; state and circumstances are the back end's. */
int domfound_parse(const char *xml, struct arena *a, struct w_found *out, struct err *e);
/** What only its running definition says: another manager, a device of the host, other disks or
 * cards than f (domfound_parse()) names, a disk that is being copied.  Adds to f. */
int domfound_running(const char *xml, struct arena *a, struct w_found *f, struct err *e);
/** Measure the disks of a definition that are not volumes of ours. */
void domfound_measure(struct virt_dom_def *d);
const char *domfound_state(enum virt_state s);
/** The definition as text without our mark: equal before and after nothing else changed. */
int domfound_unmarked(const char *xml, struct arena *a, const char **out, struct err *e);
#endif
