#ifndef BY_POLICIES_ORDER_CHECK_H
#define BY_POLICIES_ORDER_CHECK_H
/* Whether a host may accept an order whose signatures are good: it must fit its grant line, carry
 * the authority that its verb needs, and follow the order that the host holds of that resource.  A
 * stolen order key can thus make nothing beyond a grant, shrink nothing without the bureau's plan
 * or newer grant or the unit's own wish, and join nothing across systems. Signatures, keys and
 * unknown fields were judged before.  Pure; strings are borrowed. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies/model.h"

#define OC_SKEW_MS 300000 /* an order may be from this far in the future */
#define OC_STEPS_MAX 64   /* grants that supersede one another, oldest to newest */

struct oc_line {
    uint32_t line, count;
    enum mo_kind kind;
    uint32_t vcpus;
    uint64_t mem_mib, disk_bytes;
    const char *image;    /* vm */
    int firmware, format; /* as on the wire, 0 not given; volume format 0 means `format_default` */
    const char *cidr;     /* network */
    /* vm that was there: digest of exactly what is taken over, its host and UUID; NULL: none */
    const char *adopt, *adopt_host, *adopt_id;
};
struct oc_grant {
    const char *id, *system;
    const char *supersedes; /* the older grant whose resources it takes on, or NULL */
    int64_t valid_from_ms, valid_to_ms;
    int64_t hold_ms;
    bool free;              /* the unit makes and sizes within the totals of the lines, less what
                             * plans took from them */
    uint32_t resources_max; /* free: at one time */
    const struct oc_line *lines;
    size_t n_lines;
};
struct oc_plan_line {
    enum mo_kind kind;
    const char *resource;
    enum mo_verb verb;
    uint32_t vcpus;
    uint64_t mem_mib;
    int64_t not_before_ms;
    uint64_t less_vcpus, less_mem_mib, less_bytes; /* free: that the totals of the grant fall by */
};
struct oc_plan {
    const char *id, *grant, *system;
    int64_t issued_at_ms, hold_ms;
    const struct oc_plan_line *lines;
    size_t n_lines;
};
struct oc_nic {
    const char *network, *mac, *ip;
};
struct oc_order {
    const char *id, *grant, *system, *host, *resource;
    uint64_t incarnation, term, generation;
    uint32_t line, ordinal;
    enum mo_kind kind;
    enum mo_verb verb;
    enum mo_wanted wanted;
    enum mo_authority authority;
    const char *authority_id;
    int64_t issued_at_ms;
    int64_t restart_from_ms; /* resize, change, power; 0: no restart was agreed */
    /* vm */
    uint32_t vcpus, vcpus_max;
    uint64_t mem_mib, mem_max_mib;
    const char *image, *root, *seed;
    int firmware;
    const struct oc_nic *nics;
    size_t n_nics;
    const char *const *volumes;
    size_t n_volumes;
    uint64_t bytes;           /* vm: root disk; volume: size */
    int format;               /* volume */
    const char *cidr;         /* network */
    const char *bridge;       /* network: its kernel interface */
    uint32_t vni;             /* network: of its segment; 0: isolated */
    const char *part_of;      /* network: a further part of that one; NULL or "": it is the first */
    const char *adopt;        /* vm that was there: digest as in oc_line */
    const char *const *files; /* of its disks, that nobody else may have */
    size_t n_files;
};
/* An order that the host holds: the newest of its resource. */
struct oc_held {
    struct oc_order order;
    bool gone;       /* read back absent, or erased */
    bool no_back;    /* overwriting has begun */
    bool unadopted;  /* takes over a machine that was there, and has not yet */
    int64_t hold_ms; /* that it is kept under */
};
/* What the host holds and what came with the order, all signed. */
struct oc_papers {
    const struct oc_grant *grant;  /* the one that the order names, or NULL */
    const struct oc_grant *grants; /* every grant that is here: what supersedes what */
    size_t n_grants;
    const struct oc_plan *plans; /* of this grant, also earlier ones: sizes that a later order
                                  * rests on, and what they took from the totals */
    size_t n_plans;
    const struct oc_held *held; /* every order that this host holds, of any grant */
    size_t n_held;
};
struct oc_host {
    const char *id;
    uint64_t incarnation;
    int format_default; /* of a volume line without a format */
    int64_t now_ms;
};

enum oc_reason {
#define OC(name, text) OC_##name,
#include "policies/order_check.def"
#undef OC
    OC_REASON__MAX
};
struct oc_verdict {
    enum oc_reason reason; /* OC_OK: accept; OC_SAME: it is the one that is held */
    /* For the receipt, on OC_OK: */
    int64_t hold_ms;       /* least time in the bin: the larger of grant and plan */
    int64_t not_before_ms; /* of its plan line, else 0 */
    bool may_restart;      /* for a change of size or parts a restart was agreed */
};

/** Orders between the held one and this may have been missed: only the newest of a resource is
 * sent. */
struct oc_verdict order_check(const struct oc_host *host, const struct oc_order *o,
                              const struct oc_papers *papers);
const char *oc_reason_name(enum oc_reason r); /* machine word: "TOO_LARGE" */
const char *oc_reason_text(enum oc_reason r); /* a sentence for people */
#endif
