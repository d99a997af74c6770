#ifndef BY_POLICIES_ADOPT_H
#define BY_POLICIES_ADOPT_H
/* Whether a machine that was there (存量) may be taken over as it is, and whether it is still the
 * one that was claimed.  The same two questions are asked when a unit claims, when the bureau
 * confirms, and by the host right before it sets the mark.
 * Refused: what another manager owns; passed-through host devices (R61); a machine without a
 * persistent definition; what a migration left behind; one whose memory is saved to disk (what it
 * wakes up with would lack the mark); one that runs with other sizes, disks or cards than its
 * definition; a disk whose size nobody knows; a name of ours.  Waits: a running job.  Fine: no
 * balloon, snapshots, autostart (turned off then). Pure; strings are borrowed. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ad_disk {
    const char *target, *kind, *path, *format, *backing;
    uint64_t bytes; /* 0: not known */
    bool shared;
};
struct ad_nic {
    const char *mac, *kind, *source;
};
/* What must be as it was claimed. */
struct ad_parts {
    const char *id, *name;
    uint32_t vcpus, vcpus_max;
    uint64_t mem_mib, mem_max_mib;
    int firmware;
    const struct ad_disk *disks;
    size_t n_disks;
    const struct ad_nic *nics;
    size_t n_nics;
};
struct ad_machine {
    struct ad_parts parts;
    const char *owner, *host_devices; /* NULL or "": none */
    bool transient, moved, saved, job, unequal;
};

enum ad_reason {
#define AD(name, text) AD_##name,
#include "policies/adopt.def"
#undef AD
    AD_REASON__MAX
};

/** May it be taken over as it is?  AD_OK, or the first reason against it. */
enum ad_reason adopt_judge(const struct ad_machine *m);
/** It may be claimed and confirmed, only not marked at this moment. */
bool adopt_waits(enum ad_reason r);
/** Is it still the one that was claimed?  If not, false, and what changed in words. */
bool adopt_is_same(const struct ad_parts *claimed, const struct ad_parts *now, char *what,
                   size_t size);
const char *ad_reason_name(enum ad_reason r); /* machine word: "OTHER_OWNER" */
const char *ad_reason_text(enum ad_reason r); /* a sentence for people: what, and what to do */
#endif
