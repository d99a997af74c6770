#ifndef BY_POLICIES_UNDERUSE_H
#define BY_POLICIES_UNDERUSE_H
/* Is a machine used?  A rule is data (a policy document), a verdict carries every number and the
 * limit that it was held against.  Missing data is never idleness: too young or too little measured
 * is "not enough data"; a machine that should not run is "not applicable".
 * Idle: the P95 of slot averages is below its limit, and no slot's average reaches the peak limit.
 * Under-used: the P95 of slot peaks is below its limit.  Else active.  Pure: the same facts and
 * rule give the same text byte for byte. */
#include <stddef.h>
#include <stdint.h>

#include "policies/histogram.h"

enum use_verdict {
    USE_NONE,
    USE_ACTIVE,
    USE_UNDERUSED,
    USE_IDLE,
    USE_NOT_ENOUGH_DATA,
    USE_NOT_APPLICABLE,
    USE__MAX
};

/* Limits in 1/100 percent. */
struct use_rule {
    const char *version;
    int64_t window_ms, min_age_ms;
    uint32_t min_coverage_percent;
    uint32_t p95_cpu_below, peak_cpu_below, under_p95_cpu_below;
};
struct use_facts {
    const char *not_applicable; /* why it is none of this rule's business, or NULL */
    int64_t age_ms;             /* since it first ran */
    int64_t measured_ms;        /* running and measured within the window */
    uint32_t resized; /* changes of size in it: shares are counted as policies/sizes.h says */
    const struct hist *cpu_avg;  /* of the slots of the window; HIST_PERCENT */
    const struct hist *cpu_peak; /* likewise, their peaks */
};

#define USE_REASON_MAX 600

enum use_verdict underuse_judge(const struct use_rule *rule, const struct use_facts *facts,
                                char *reason, size_t cap);
const char *use_verdict_name(enum use_verdict v); /* as the wire's words */
#endif
