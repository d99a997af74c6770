#ifndef BY_CONTROLLER_METRICS_H
#define BY_CONTROLLER_METRICS_H
/* The controller's metrics: rows of metrics.def, what their labels can say, and what is looked up
 * when somebody asks.  Threads: any. */
#include "drivers/base/metric.h"
#include "drivers/codec/wire.h"

struct arena;
struct controller;
struct hosts_tally;
struct route;
struct tx;

enum cm {
#define M(ID, name, kind, unit, label, label2, help) CM_##ID,
#include "controller/metrics.def"
#undef M
    CM__MAX
};
extern const struct metric_row controller_metrics[CM__MAX];

/* Words of the labels, in their order. */
enum { CM_PERSON, CM_AGENT };
enum { CM_UNBALANCED, CM_SUMS, CM_PROMISES, CM_TABLE };
enum { CM_CLOCKS_OPEN, CM_CLOCKS_OVERDUE, CM_CLOCKS_HELD };
enum { CM_PEOPLE, CM_AGENTS };
enum { CM_WAITING, CM_DEAD };
enum { CM_ORDERS_OPEN, CM_ORDERS_OVERDUE, CM_ORDER_STATES };
enum { CM_READERS, CM_WORKERS, CM_HASHERS };
enum { CM_READ, CM_WRITE };
enum { CM_CLASSES = 4 };
enum { CM_DB, CM_WAL };
enum { CM_HOST_STATES = 8, CM_VERBS = VERB__MAX - 1 };
extern const char *const cm_host_states[CM_HOST_STATES]; /* the last one: any other */
extern const char *const cm_jobs[];                      /* by enum job */

/** An answer left: counted by route (NULL: there is none) and class. */
void cm_answered(struct metrics *m, const struct route *r, int status);
/** Everything that is not counted as it happens; and the hosts as they were counted for it. */
int cm_collect(struct tx *t, struct arena *a, struct hosts_tally *hosts, struct err *e);
#endif
