#ifndef BY_DRIVERS_DB_STORE_PLAN_H
#define BY_DRIVERS_DB_STORE_PLAN_H
/* Plans and their lines, read back and withdrawn.  Written and carried out: store_usage.h. Threads:
 * whoever owns the connection. */
#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

struct plan_filter {
    const char *unit, *grant, *resource; /* unit: own_filter(); "" any */
    bool waiting;
    int64_t before_ms;
    const char *before_id;
    uint32_t limit;
};
typedef int (*plan_fn)(void *arg, const struct w_plan_item *p, struct err *e);
int plan_each(struct db *d, const struct plan_filter *f, plan_fn fn, void *arg, struct err *e);

/** NOT_FOUND says which plan is not there. */
int plan_show(struct db *d, const char *id, struct arena *a, struct w_plan_item *out,
              const char **paper, struct err *e);

struct plan_line_row {
    uint32_t n, vcpus;
    uint64_t mem_mib;
    int verb;
    int64_t not_before_ms, hold_ms; /* the larger of plan's and grant's */
    char resource[W_ID];
    char order[W_ID]; /* "": none yet; an order's id; withdrawn, returned, recovered */
};
typedef int (*plan_line_fn)(void *arg, const struct plan_line_row *l, struct err *e);
int plan_each_line(struct db *d, const char *plan, plan_line_fn fn, void *arg, struct err *e);

/** Lines that are no order yet become none; *n says how many.  The finding is open for another plan
 * when nothing else came of this one. */
int plan_withdraw(struct db *d, const struct w_plan_item *p, uint32_t *n, struct err *e);
#endif
