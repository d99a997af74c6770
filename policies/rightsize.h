#ifndef BY_POLICIES_RIGHTSIZE_H
#define BY_POLICIES_RIGHTSIZE_H
/* The size that the evidence supports: P95 of peaks with headroom, never above today's, and at most
 * halved in one step, because even a good rule sees some of its flags wake up.  Memory that could
 * not be measured gets no suggestion: unknown is not small.  Pure. */
#include <stddef.h>
#include <stdint.h>

#include "policies/histogram.h"

struct size_rule {
    uint32_t cpu_headroom_percent, mem_headroom_percent;
    uint64_t mem_step_mib, mem_least_mib; /* suggestions are multiples of step, never below least */
};
#define SIZE_RULE_DEFAULT                                                                          \
    ((struct size_rule){.cpu_headroom_percent = 20,                                                \
                        .mem_headroom_percent = 20,                                                \
                        .mem_step_mib = 64,                                                        \
                        .mem_least_mib = 128})

struct size_facts {
    uint32_t vcpus;
    uint64_t mem_mib;
    const struct hist *cpu_peak; /* 1/100 percent of the granted vCPUs */
    const struct hist *mem_peak; /* 1/100 percent of the granted memory; NULL or empty: unknown */
};
struct size_advice {
    uint32_t vcpus;   /* 0: no suggestion (nothing measured) */
    uint64_t mem_mib; /* 0: no suggestion */
};

/** reason: every number in words, at most cap bytes. */
struct size_advice rightsize(const struct size_rule *rule, const struct size_facts *facts,
                             char *reason, size_t cap);
#endif
