#ifndef BY_POLICIES_QUOTA_H
#define BY_POLICIES_QUOTA_H
/* The quota ledger (配额明细账): double entry.  Of each grant and metric, what was granted is
 * always free + reserved + used; a movement takes from one of these and gives to another.  Of each
 * resource, reserved + used is what it holds.  While its order is open or superseded it holds
 * max(old, new); equal readback settles it to exactly what is there.  Amounts are in the metric's
 * unit (vCPUs, MiB, GiB, pieces), never negative.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quota_account { QUOTA_FREE = 1, QUOTA_RESERVED, QUOTA_USED };

struct quota_sum {
    int64_t granted, reserved, used; /* of a grant and metric, all resources */
};
struct quota_held {
    int64_t reserved, used; /* of one resource in that metric */
};
struct quota_move {
    enum quota_account from, to;
    int64_t amount; /* above 0 */
};
enum quota_reason { QUOTA_OK, QUOTA_SHORT, QUOTA_CORRUPT, QUOTA_REASON__MAX };

#define QUOTA_MOVES_MAX 3
struct quota_verdict {
    enum quota_reason reason;
    int64_t short_by; /* QUOTA_SHORT: how much is lacking */
    size_t n;
    struct quota_move moves[QUOTA_MOVES_MAX];
    struct quota_sum sum;   /* after the moves; as before when denied */
    struct quota_held held; /* likewise */
};

/** An order wants the resource at `size` (0: gone): hold max(what it holds, size). */
struct quota_verdict quota_reserve(const struct quota_sum *sum, const struct quota_held *held,
                                   int64_t size);
/** Read back at exactly `size` (0: absent, or its host declared lost): use that, free the rest. */
struct quota_verdict quota_settle(const struct quota_sum *sum, const struct quota_held *held,
                                  int64_t size);
int64_t quota_free(const struct quota_sum *sum);
/** free + reserved + used is granted, none below 0, and the resource holds no more than all. */
bool quota_is_sound(const struct quota_sum *sum, const struct quota_held *held);
const char *quota_reason_text(enum quota_reason r);
const char *quota_account_name(enum quota_account a); /* free, reserved, used */
#endif
