#include "policies/quota.h"

int64_t
quota_free(const struct quota_sum *sum)
{
    return sum->granted - sum->reserved - sum->used;
}

bool
quota_is_sound(const struct quota_sum *sum, const struct quota_held *held)
{
    /* Each bound is checked before it is used, so that no sum here can overflow. */
    if (sum->granted < 0 || sum->reserved < 0 || sum->used < 0 || sum->used > sum->granted ||
        sum->reserved > sum->granted - sum->used)
        return false;
    return held->reserved >= 0 && held->used >= 0 && held->reserved <= sum->reserved &&
           held->used <= sum->used;
}

static void
move(struct quota_verdict *v, enum quota_account from, enum quota_account to, int64_t amount)
{
    if (amount <= 0)
        return;
    v->moves[v->n++] = (struct quota_move){.from = from, .to = to, .amount = amount};
    if (from == QUOTA_RESERVED) {
        v->sum.reserved -= amount;
        v->held.reserved -= amount;
    } else if (from == QUOTA_USED) {
        v->sum.used -= amount;
        v->held.used -= amount;
    }
    if (to == QUOTA_RESERVED) {
        v->sum.reserved += amount;
        v->held.reserved += amount;
    } else if (to == QUOTA_USED) {
        v->sum.used += amount;
        v->held.used += amount;
    }
}

static struct quota_verdict
verdict_new(const struct quota_sum *sum, const struct quota_held *held, int64_t size)
{
    struct quota_verdict v = {.sum = *sum, .held = *held};

    if (size < 0 || !quota_is_sound(sum, held))
        v.reason = QUOTA_CORRUPT;
    return v;
}

struct quota_verdict
quota_reserve(const struct quota_sum *sum, const struct quota_held *held, int64_t size)
{
    struct quota_verdict v = verdict_new(sum, held, size);
    int64_t more;

    if (v.reason != QUOTA_OK)
        return v;
    more = size - (held->reserved + held->used);
    if (more > quota_free(sum)) {
        v.reason = QUOTA_SHORT;
        v.short_by = more - quota_free(sum);
        return v;
    }
    move(&v, QUOTA_FREE, QUOTA_RESERVED, more);
    return v;
}

struct quota_verdict
quota_settle(const struct quota_sum *sum, const struct quota_held *held, int64_t size)
{
    struct quota_verdict v = verdict_new(sum, held, size);
    int64_t more;

    if (v.reason != QUOTA_OK)
        return v;
    /* Only what was held can become used: a readback above it is never booked silently. */
    more = size - (held->reserved + held->used);
    if (more > 0) {
        v.reason = QUOTA_SHORT;
        v.short_by = more;
        return v;
    }
    if (size > held->used)
        move(&v, QUOTA_RESERVED, QUOTA_USED, size - held->used);
    else
        move(&v, QUOTA_USED, QUOTA_FREE, held->used - size);
    move(&v, QUOTA_RESERVED, QUOTA_FREE, v.held.reserved);
    return v;
}

const char *
quota_reason_text(enum quota_reason r)
{
    switch (r) {
    case QUOTA_OK:
        return "";
    case QUOTA_SHORT:
        return "the grant has not enough left";
    case QUOTA_CORRUPT:
        return "the quota ledger does not add up: nothing is booked before a person looked";
    case QUOTA_REASON__MAX:
        break;
    }
    return "?";
}

const char *
quota_account_name(enum quota_account a)
{
    switch (a) {
    case QUOTA_FREE:
        return "free";
    case QUOTA_RESERVED:
        return "reserved";
    case QUOTA_USED:
        return "used";
    }
    return "?";
}
