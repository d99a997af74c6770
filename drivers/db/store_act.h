#ifndef BY_DRIVERS_DB_STORE_ACT_H
#define BY_DRIVERS_DB_STORE_ACT_H
/* What units did by themselves, as rows: kept so that it can be undone.  Texts live in the arena
 * given.  Threads: owner of the connection. */
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "drivers/db/page.h"

struct act_row {
    int64_t seq, at_ms, until_ms;
    char id[W_ID], unit[W_ID], account[W_ID], resource[W_ID], undone_by[W_ID];
    char other[W_ID]; /* the machine of an attach or detach */
    int what;         /* enum w_unit_act */
    const char *text;
    struct w_unit_state before, after;
};

int act_row_insert(struct db *d, const struct act_row *r, struct err *e);
/** NOT_FOUND. */
int act_row_get(struct db *d, const char *id, struct arena *a, struct act_row *out, struct err *e);
/** The newest of that kind on a resource: 1 found, 0 none, -1 error. */
int act_row_last(struct db *d, const char *resource, int what, struct arena *a, struct act_row *out,
                 struct err *e);
typedef int (*act_row_fn)(void *arg, const struct act_row *r, struct err *e);
/** Newest first, at most 200; unit "" for all. */
int act_row_each(struct db *d, const char *unit, const struct db_page *from, struct arena *a,
                 act_row_fn fn, void *arg, struct err *e);
/** CONFLICT when it was undone already. */
int act_row_undone(struct db *d, const char *id, const char *by, struct err *e);

/** Things of a grant that are not gone, and the highest ordinal that a unit's own has. */
int self_count(struct db *d, const char *grant, uint32_t *things, uint32_t *ordinal, struct err *e);
/** 1 when something of that name is in the system, 0 not, -1 error. */
int self_named(struct db *d, const char *system, const char *name, struct err *e);
/** 1 when an address of a network is given out, 0 not, -1 error. */
int self_ip_taken(struct db *d, const char *network, const char *ip, struct err *e);
/** Slots of memory use since then, and the largest peak, in 1/100 percent. */
int self_mem_peak(struct db *d, const char *vm, int64_t since_ms, int64_t *slots, int64_t *peak,
                  struct err *e);
/** Ids of a unit's grants in force, newest first. */
typedef int (*self_grant_fn)(void *arg, const char *grant, struct err *e);
int self_each_grant(struct db *d, const char *unit, int64_t now_ms, self_grant_fn fn, void *arg,
                    struct err *e);
#endif
