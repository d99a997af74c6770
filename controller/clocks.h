#ifndef BY_CONTROLLER_CLOCKS_H
#define BY_CONTROLLER_CLOCKS_H
/* Legal clocks (办理时限): started and met by whoever carries out a procedure, judged and told by a
 * job.  A start says what is known; the due day follows from policy, calendar and the city's time
 * zone, all of which are recorded with it.  Nothing but meeting or cancelling ends a clock: causes
 * are shown beside it and never stop it.  A kind has at most one open clock on a subject.
 * Ledger (subject: the clock's subject): clock.started, met, cancelled, overdue, late_filing, told,
 * recomputed, cause.  Threads: the writer where there is a tx that writes, else the owner. */
#include "controller/api.h"
#include "drivers/db/store_clock.h"

struct clock_spec {
    enum clock_kind kind;
    const char *subject_kind; /* "grant", "case", "account", ... */
    const char *subject;      /* its id */
    const char *title;        /* for people: approval number, number of the case */
    const char *unit;         /* the unit that it is about: it sees the clock */
    int64_t start_ms;
    int32_t event_day; /* kinds that count from an event day (clock_has_event()) */
};

/** What clock_start() would start: for dry runs. */
int clock_compute(struct tx *t, const struct clock_spec *s, struct clock_row *out, struct err *e);
/** Start what clock_compute() computed.  CONFLICT when an open one of its kind is on the subject.
 */
int clock_begin(struct tx *t, const char *actor, const struct clock_row *r, struct err *e);
/** Both.  out may be NULL. */
int clock_start(struct tx *t, const char *actor, const struct clock_spec *s, struct clock_row *out,
                struct err *e);
/** What it waits for was done at at_ms.  No open clock of the kind on the subject is fine. */
int clock_meet(struct tx *t, const char *actor, enum clock_kind kind, const char *subject,
               int64_t at_ms, struct err *e);
/** It does not apply any more (the application was withdrawn): reason is for people. */
int clock_cancel(struct tx *t, const char *actor, enum clock_kind kind, const char *subject,
                 const char *reason, struct err *e);
/** NOT_FOUND when there is none. */
int clock_load(struct db *d, const char *id, struct clock_row *out, struct err *e);
/** By due instant; the filter is bounded. */
int clock_each(struct db *d, const struct clock_filter *f, clock_fn fn, void *arg, struct err *e);
/** Its verdict at this instant. */
enum clock_state clock_state_of(struct controller *c, const struct clock_row *r, int64_t now_ms);
/** As people see it. */
void clock_view_fill(struct controller *c, const struct clock_row *r, int64_t now_ms,
                     struct w_clock_view *v);
/** The facts that its due day rests on. */
struct clock_facts clock_facts_of(struct controller *c, const struct clock_row *r);

/** Its entry in the ledger; old: what it was before, or NULL. */
int clock_record(struct tx *t, const char *actor, const char *act, const struct clock_row *r,
                 const struct clock_row *old, struct err *e);
/** Compute clocks again that rest on another version of the calendar, at most max of them; *n how
 * many there were, *moved how many are due on another day now. */
int clocks_recompute(struct tx *t, uint32_t max, uint32_t *n, uint32_t *moved, struct err *e);
/** Its due day as computed by the policy and calendar that it names: the same, or something is
 * wrong. */
int clock_replay(struct tx *t, const struct clock_row *r, struct cal_deadline *out, struct err *e);
/** The job: compute again what an import touches, judge what ran out, tell whom it concerns. */
int clocks_run(struct controller *c, struct db *d, struct err *e);
#endif
