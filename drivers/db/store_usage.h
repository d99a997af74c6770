#ifndef BY_DRIVERS_DB_STORE_USAGE_H
#define BY_DRIVERS_DB_STORE_USAGE_H
/* Utilization slots, daily histograms, findings, plans.  Texts live in the arena given.
 * Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "drivers/db/page.h"
#include "policies/histogram.h"
#include "policies/sizes.h"

#define USAGE_DAY_MS INT64_C(86400000)
#define USAGE_SLOTS_KEPT_MS (3 * USAGE_DAY_MS)  /* longer windows are judged by days */
#define USAGE_DAYS_KEPT_MS (400 * USAGE_DAY_MS) /* a year of evidence, and some */

/* One metric of one VM over a while. */
struct usage_sum {
    struct hist avg, peak;
    int64_t measured_ms;
    int64_t from_ms, to_ms; /* of what was found, 0 when nothing */
};
void usage_sum_init(struct usage_sum *u, int metric);

/** *fresh is false when that slot was there already: then nothing changes. */
int slot_add(struct db *d, const struct w_slot *s, int64_t slot_ms, bool *fresh, struct err *e);
/** Add a slot to its day. */
int hist_day_add(struct db *d, const struct w_slot *s, struct err *e);
/** True when a window this short is summed from its slots; a longer one from whole days. */
bool usage_is_by_slot(int64_t from_ms, int64_t to_ms);
/** From slots (short windows) or days (long ones), up to to_ms.  sizes: count shares of a larger
 * size of the size `now`; NULL: as they were measured. */
int usage_load(struct db *d, const char *vm, int metric, int64_t from_ms, int64_t to_ms,
               const struct sizes *sizes, uint64_t now, struct usage_sum *out, struct err *e);

/** Forget what is older than is kept. */
int usage_trim(struct db *d, const char *vm, int64_t now_ms, struct err *e);

struct finding_row {
    char id[W_ID], vm[W_ID], name[W_NAME], system[W_ID], unit[W_ID], grant[W_ID], plan[W_ID];
    int verdict;
    const char *reason, *facts;
    char policy[40];
    int64_t at_ms, since_ms;
    uint32_t suggest_vcpus;
    uint64_t suggest_mem_mib;
    bool newest;
};
/** Becomes the VM's newest. */
int finding_insert(struct db *d, const struct finding_row *f, struct err *e);
/** The same verdict again, with today's numbers. */
int finding_refresh(struct db *d, const struct finding_row *f, struct err *e);
/** 1 found, 0 not, -1 error. */
int finding_newest(struct db *d, const char *vm, struct arena *a, struct finding_row *out,
                   struct err *e);
int finding_find(struct db *d, const char *id, struct arena *a, struct finding_row *out,
                 struct err *e);
int finding_plan_set(struct db *d, const char *id, const char *plan, struct err *e);
struct finding_filter {
    const char *unit, *vm; /* "" for all */
    int verdict;           /* 0 for all */
    bool flagged;          /* under-used and idle ones only */
    struct db_page from;
};
/** The newest of each VM. */
typedef int (*finding_fn)(void *arg, const struct finding_row *f, struct err *e);
int finding_each(struct db *d, const struct finding_filter *f, struct arena *a, finding_fn fn,
                 void *arg, struct err *e);

int plan_insert(struct db *d, const struct w_plan *p, const char *account, const char *paper,
                int64_t now_ms, struct err *e);
int plan_line_done(struct db *d, const char *plan, uint32_t n, const char *order, struct err *e);
/** Whether the line has become an order (or was withdrawn). */
int plan_line_ordered(struct db *d, const char *plan, uint32_t n, bool *out, struct err *e);
/** Of plans that bind (version 2): when the newest about this resource was signed, or 0, and one
 * that still has something to do with it, or "". */
int plan_of_resource(struct db *d, const char *resource, int64_t *issued_ms, char pending[W_ID],
                     struct err *e);
/** 1 with its envelope, 0 not there, -1 error. */
int plan_paper(struct db *d, const char *id, struct arena *a, const char **paper, struct err *e);
struct plan_due {
    char plan[W_ID], resource[W_ID], grant[W_ID]; /* grant: that the plan was signed under */
    uint32_t n, vcpus;
    int verb, wanted, seen;
    uint64_t mem_mib, generation, seen_generation;
    int64_t not_before_ms, hold_ms; /* the larger of plan's and grant's */
    int64_t binned_ms;
    int64_t less_vcpus, less_mem_mib, less_disk_gib; /* that it takes from the grant's totals */
};
typedef int (*plan_due_fn)(void *arg, const struct plan_due *l, struct err *e);
/** Lines that can become orders now, as far as their own resource goes: what waits for its hold, or
 * has come to nothing, is left out, so that it never stands in the way.  plan: only its, "" all. */
int plan_each_due(struct db *d, int64_t now_ms, const char *plan, plan_due_fn fn, void *arg,
                  struct err *e);
#endif
