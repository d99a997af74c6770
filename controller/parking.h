#ifndef BY_CONTROLLER_PARKING_H
#define BY_CONTROLLER_PARKING_H
/* Waiting long polls, found by host and by request (among those of one of 4096 buckets) and by the
 * end of their wait (a heap).  Bounded by its user.  Threads: under its user's lock. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/codec/wire.h"

struct api_call;

/* One waiting poll.  It has exactly one owner at a time: the parking, or who took it out of it. */
struct parked {
    struct parked *next; /* of those taken together, or in the bucket of its host */
    struct api_call *k;  /* ours until it is resumed, answered or failed */
    const void *req;     /* whose connection may end */
    char host[W_ID];
    uint64_t touched; /* as counted before it looked */
    int64_t deadline_mono_ms;
    struct parked **prev_at, *req_next, **req_prev_at; /* the parking's */
    size_t heap_at;
};

enum { PARKING_BUCKETS = 4096 };

struct parking {
    struct parked *by_host[PARKING_BUCKETS], *by_req[PARKING_BUCKETS];
    struct parked **heap; /* the earliest end first */
    size_t n, room;
};

size_t parking_bucket(const char *host);
void parking_add(struct parking *g, struct parked *p);
/** All of that host, taken out and linked by `next`, in no order; NULL: none. */
struct parked *parking_take_host(struct parking *g, const char *host);
struct parked *parking_take_req(struct parking *g, const void *req);
/** Those whose wait is over. */
struct parked *parking_take_due(struct parking *g, int64_t now_mono_ms);
/** When the next wait is over; 0: nobody waits. */
int64_t parking_next(const struct parking *g);
void parking_clear(struct parking *g); /* when none is left in it */
#endif
