#ifndef BY_POLICIES_HEALTH_H
#define BY_POLICIES_HEALTH_H
/* What needs somebody now, in plain words with what to do, the worst first.  The same limits as the
 * alert rules of docs/prometheus.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_MAX 32
#define HEALTH_NAMES 5 /* hosts that are named; of more it is said how many */

struct health_facts {
    int64_t now_ms;
    bool recovery, clock_jumped;
    /* What follows only whoever runs the cloud is told; all 0 for others. */
    const char *const *silent; /* names of silent hosts */
    size_t n_silent;
    int64_t silent_since_ms; /* the longest silent one last spoke then; 0: not known */
    const char *const *refused;
    size_t n_refused;
    const char *const *idle; /* names of shared pools whose steward does nothing for them */
    size_t n_idle;
    int64_t drift, books_wrong, hosts_wrong;
    int64_t clocks_overdue, orders_overdue;
    int64_t order_oldest_ms;                /* issued then; 0: none is open */
    int64_t commit_p99_us, dispatch_p99_us; /* 0: not known */
    int64_t disk_free, disk_size;           /* bytes; size 0: not known */
    int64_t hosts_ready;
    int64_t ledger_ms,
        witnessed_ms; /* times of the newest entry, and of the newest witnessed one */
    int64_t notices_dead;
    int64_t jobs_late; /* jobs without a good round for a quarter of an hour */
};

struct health_finding {
    bool grave; /* somebody gets up for it */
    char text[400];
};

/** At most HEALTH_MAX; grave ones first. */
size_t health_judge(const struct health_facts *f, struct health_finding out[HEALTH_MAX]);
#endif
