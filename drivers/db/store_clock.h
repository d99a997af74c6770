#ifndef BY_DRIVERS_DB_STORE_CLOCK_H
#define BY_DRIVERS_DB_STORE_CLOCK_H
/* Legal clocks as they are kept.  Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "policies/clock.h"

struct clock_row {
    char id[W_ID];
    enum clock_kind kind;
    char subject_kind[24], subject[W_ID], title[100], unit[W_ID];
    int duty_role; /* enum w_role */
    int64_t start_ms;
    char event_day[16]; /* "" when its form has none */
    uint32_t n;
    char policy[44], calendar[24]; /* versions that it was computed with */
    char due_day[16];
    int64_t due_ms; /* overdue from this instant */
    bool provisional;
    int64_t met_ms, overdue_ms, cancelled_ms; /* 0: not */
    int64_t told_ms, next_ms;
};
struct clock_filter {
    const char *unit, *subject; /* NULL or "" for all */
    enum clock_kind kind;       /* CLK_NONE for all */
    int duty_role;              /* 0 for all */
    bool open;
    int64_t due_before_ms; /* 0 for all */
    int64_t after_ms;      /* page: after this due_ms and id */
    const char *after_id;
    uint32_t limit; /* 0 is 1000 */
};
typedef int (*clock_fn)(void *arg, const struct clock_row *r, struct err *e);

/** CONFLICT when an open clock of this kind runs on this subject already. */
int clock_row_insert(struct db *d, const struct clock_row *r, struct err *e);
/** 1 found, 0 not, -1 error. */
int clock_row_find(struct db *d, const char *id, struct clock_row *out, struct err *e);
/** The open clock of a kind on a subject.  1 found, 0 not, -1 error. */
int clock_row_open(struct db *d, enum clock_kind kind, const char *subject, struct clock_row *out,
                   struct err *e);
int clock_row_meet(struct db *d, const char *id, int64_t at_ms, int64_t next_ms, struct err *e);
int clock_row_cancel(struct db *d, const char *id, int64_t at_ms, struct err *e);
int clock_row_told(struct db *d, const struct clock_row *r, struct err *e);
/** n, calendar, due, verdict and what is next. */
int clock_row_recompute(struct db *d, const struct clock_row *r, struct err *e);
/** By due instant. */
int clock_row_each(struct db *d, const struct clock_filter *f, clock_fn fn, void *arg,
                   struct err *e);
/** Those that are one role's duty, open or ended after an instant; latest due first, at most 1000.
 */
int clock_feed_each(struct db *d, int duty_role, const char *unit, int64_t since_ms, clock_fn fn,
                    void *arg, struct err *e);
int clock_tell(struct db *d, const char *id, const struct clock_event *ev, int64_t now_ms,
               struct err *e);
typedef int (*clock_told_fn)(void *arg, const struct clock_event *ev, int64_t told_ms,
                             struct err *e);
int clock_told_each(struct db *d, const char *id, clock_told_fn fn, void *arg, struct err *e);
#endif
