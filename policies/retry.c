#include "policies/retry.h"

/* splitmix64: spreads seeds that differ by one over all bits. */
static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int64_t
below(int64_t bound, uint64_t seed)
{
    return bound > 0 ? (int64_t)(mix(seed) % (uint64_t)bound) : 0;
}

struct retry_verdict
retry_next(const struct retry_rule *rule, uint32_t attempt, bool retryable, int64_t now_ms,
           uint64_t seed)
{
    int64_t step = rule->base_ms;

    if (rule->limit != 0 && attempt >= rule->limit)
        return (struct retry_verdict){.give_up = true};
    for (uint32_t i = 1; i < attempt && step < rule->cap_ms; i++)
        step = step > rule->cap_ms / 2 ? rule->cap_ms : step * 2;
    if (!retryable || step > rule->cap_ms)
        step = rule->cap_ms;
    return (struct retry_verdict){.next_ms = now_ms + step / 2 + below(step - step / 2 + 1, seed)};
}

struct retry_verdict
retry_first(const struct retry_rule *rule, int64_t spread_ms, int64_t now_ms, uint64_t seed)
{
    int64_t from = rule->base_ms / 4, over = rule->base_ms - from;

    if (spread_ms > rule->cap_ms - from)
        spread_ms = rule->cap_ms - from;
    if (spread_ms > over)
        over = spread_ms;
    return (struct retry_verdict){.next_ms = now_ms + from + below(over + 1, seed)};
}

int64_t
retry_jitter(int64_t wait_ms, uint64_t seed)
{
    return wait_ms - below(wait_ms / 4 + 1, seed);
}
