#ifndef BY_POLICIES_RETRY_H
#define BY_POLICIES_RETRY_H
/* When to try again after a failure.  Waits double from base to cap, with jitter so that many who
 * failed together do not return together.  What trying again cannot help is still looked at again,
 * at the cap: the world may change.  Pure: randomness is the caller's seed. */
#include <stdbool.h>
#include <stdint.h>

struct retry_rule {
    int64_t base_ms, cap_ms; /* first wait, longest wait; both above 0 */
    uint32_t limit;          /* give up after so many attempts; 0: never */
};
struct retry_verdict {
    bool give_up;
    int64_t next_ms; /* when; give_up: 0 */
};

/** attempt: how many have failed, from 1. The wait is between half of the step and the step. */
struct retry_verdict retry_next(const struct retry_rule *rule, uint32_t attempt, bool retryable,
                                int64_t now_ms, uint64_t seed);
/** After something that had gone well: many had it at the same moment, and lose it at the same
 * moment. The wait is from a quarter of the first step on, over its other three quarters or over
 * spread_ms, whichever is longer. */
struct retry_verdict retry_first(const struct retry_rule *rule, int64_t spread_ms, int64_t now_ms,
                                 uint64_t seed);
/** A wait that is spread by up to a quarter of itself: for polls and sweeps. */
int64_t retry_jitter(int64_t wait_ms, uint64_t seed);
#endif
