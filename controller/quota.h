#ifndef BY_CONTROLLER_QUOTA_H
#define BY_CONTROLLER_QUOTA_H
/* Quota as a double-entry ledger: reserved when an order is made, used when it is read back equal,
 * free again when less or nothing is read back.  While an order is superseded or half applied the
 * larger of old and new is held.  The recycle bin frees processors and memory, keeps storage and
 * addresses.  Use is proved against inventories; drift must be 0.  Threads: steps in the writer,
 * views anywhere. */
#include "controller/api.h"
#include "drivers/db/store_quota.h"
#include "drivers/db/store_resource.h"

/* What a resource takes, by metric. */
struct quota_size {
    int64_t by[QM__MAX];
};
/** Of a resource when it is as wanted (an enum w_wanted). */
void quota_size_of(int kind, int wanted, uint64_t vcpus, uint64_t mem_mib, uint64_t bytes,
                   struct quota_size *out);
/** A grant's lines, summed; machines that were there count when they are taken over. */
void quota_size_granted(const struct w_grant *g, struct quota_size *out);

/** A grant is accepted: its totals become free. */
int quota_grant(struct tx *t, const char *grant, const struct quota_size *s, struct err *e);
struct quota_whose {
    const char *grant, *resource, *order; /* order: the cause, may be "" */
};
/** A grant is superseded: what a resource holds moves to the newer grant's books. */
int quota_move(struct tx *t, const char *from, const char *to, const char *resource, struct err *e);
/** Give a grant as much beyond its paper as what it takes on holds beyond it; quota_returned()
 * takes that back as it becomes free, also after each readback. */
int quota_lend(struct tx *t, const char *grant, const struct quota_size *more, struct err *e);
int quota_returned(struct tx *t, const char *grant, struct err *e);
/** Nothing is held any more: a superseded grant gives nothing. */
int quota_close(struct tx *t, const char *grant, struct err *e);
/** A plan takes `less` from the grant's totals for good: from what the resource holds beyond
 * `after`, then from what is free.  Nothing becomes free by it. */
int quota_take(struct tx *t, const struct quota_whose *w, const struct quota_size *less,
               const struct quota_size *after, struct err *e);
/** The bureau returns all that plans took with this resource: it is free again. */
int quota_give_back(struct tx *t, const struct quota_whose *w, struct err *e);
/** Whether the grant has what the resource needs to become so large. */
int quota_fits(struct db *d, const struct quota_whose *w, const struct quota_size *want, bool *out,
               struct err *e);
/** An order is made: hold at least want; CONFLICT (with figures) when the grant has no more. */
int quota_hold(struct tx *t, const struct quota_whose *w, const struct quota_size *want,
               struct err *e);
/** Read back equal: use is exactly have, whatever else was held is free. */
int quota_readback(struct tx *t, const struct quota_whose *w, const struct quota_size *have,
                   struct err *e);

/** A machine that was there is read back as taken over: granted and used in one movement (that a
 * recovery booked it before is fine). */
int quota_adopt(struct tx *t, const struct quota_whose *w, const struct quota_size *have,
                struct err *e);

/* The result of one proof, by grant and metric. */
struct quota_proof {
    int64_t settled[QM__MAX]; /* used by what is settled */
    int64_t proven[QM__MAX];  /* of these, found on hosts */
    bool unproven;            /* something is in work, or an inventory is missing or too old */
};
#define QUOTA_FRESH_MS 180000 /* an inventory older than three rounds proves nothing */
int quota_prove(struct db *d, const char *grant, int64_t now_ms, struct quota_proof *out,
                struct err *e);
/** Of so many grants that the unit ("" all) may see, behind one ("" from the first): a row of each
 * metric that it gives. */
typedef int (*quota_rows_fn)(void *arg, const char *grant, const struct w_quota_row *rows, size_t n,
                             struct err *e);
int quota_view(struct db *d, const char *unit, int64_t now_ms, const char *after, int grants,
               quota_rows_fn fn, void *arg, struct err *e);
/** Of every grant there is, a few at a time: no read lasts long. */
enum { QUOTA_SWEEP = 100 };
int quota_prove_all(struct db *d, int64_t now_ms, quota_rows_fn fn, void *arg, struct err *e);
#endif
