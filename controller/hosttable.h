#ifndef BY_CONTROLLER_HOSTTABLE_H
#define BY_CONTROLLER_HOSTTABLE_H
/* What is known of every host, in columns, for placing.  A copy of the store's rows, never the only
 * one: each row that a change touches is read again before it is looked at next, also when the step
 * or the whole group is taken back.  So what steps of the running group have promised counts, and
 * what was rolled back does not.  Threads: the writer, and before it starts. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/db/db.h"
#include "drivers/db/store_host_flow.h"
#include "policies/place.h"

struct controller;
struct hosttable;

#define HOSTTABLE_MAX 100000 /* hosts */

int hosttable_new(struct controller *c, struct hosttable **out, struct err *e);
void hosttable_free(struct hosttable *t);
SCOPE_FN(hosttable_free, struct hosttable)
/** Read the whole table on the writer's connection, and hear of its changes from now on. */
int hosttable_load(struct hosttable *t, struct db *d, struct err *e);
/** A step, or the group with all its steps, was rolled back: what it touched is read again. */
void hosttable_taken_back(struct hosttable *t);
/** The group is kept: what it touched is true. */
void hosttable_kept(struct hosttable *t);

/** Of one group that is to be placed, what decides which hosts are worth recording. */
struct hosttable_need {
    uint64_t vcpus, mem_mib, bytes;
    uint32_t largest_vcpus;
    const char *zone, *pool_class; /* NULL: any */
    enum place_arch arch;
    bool reach; /* it must have an underlay address */
};
struct hosttable_picked {
    struct host_facts *hosts; /* copies, in the arena; without ranges */
    uint8_t *state;           /* enum host_state, as it is now */
    size_t *at;               /* their places in the table */
    size_t n;
    bool more; /* there may be others with room for one of the needs */
};
/** At most limit hosts: first those with room for one of the needs, whatever else it asks for, of
 * these the fullest; then others that are ready, then the rest, so that a refusal has its reasons.
 * passed: of each place of the table, whether it is left out; NULL: none. */
int hosttable_pick(struct hosttable *t, const struct hosttable_need *need, size_t n_needs,
                   int64_t now_ms, size_t limit, const uint8_t *passed, struct arena *a,
                   struct hosttable_picked *out, struct err *e);
/** The columns, every row as the store has it now; rows that no host has are in state HS_NONE. */
int hosttable_columns(struct hosttable *t, int64_t now_ms, const struct place_hosts **out,
                      struct err *e);
/** Rows whose memory differs from the store: must be 0 (a check for tests and jobs). */
int hosttable_differs(struct hosttable *t, size_t *n, struct err *e);
/** Hosts that there are. */
size_t hosttable_count(const struct hosttable *t);
#endif
