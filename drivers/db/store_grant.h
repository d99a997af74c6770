#ifndef BY_DRIVERS_DB_STORE_GRANT_H
#define BY_DRIVERS_DB_STORE_GRANT_H
/* Grants with their clocks, and orders as they are read.  Texts live in the arena given.
 * Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "drivers/db/page.h"
#include "policies/sizes.h"
#include "drivers/db/store_clock.h"

struct grant_row {
    char id[W_ID], number[100], system[W_ID], system_name[W_NAME], unit[W_ID], approver[W_ID];
    char supersedes[W_ID], superseded_by[W_ID];
    int64_t approved_ms, valid_from_ms, valid_to_ms, hold_ms, accepted_ms;
    const char *paper;
    struct clock_row clock; /* configure; only its instants and due day */
    uint32_t orders, orders_open;
};

/** CONFLICT when the approval number is there already. */
int grant_insert(struct db *d, const struct w_grant *g, const char *account, const char *paper,
                 const char *body_sha256, int64_t now_ms, struct err *e);
int grant_row_get(struct db *d, const char *id, struct arena *a, struct grant_row *out,
                  struct err *e);
/** As grant_row_get(), and its orders are counted. */
int grant_row_show(struct db *d, const char *id, struct arena *a, struct grant_row *out,
                   struct err *e);
/** 1 found, 0 not, -1 error. */
int grant_row_find(struct db *d, const char *id, struct arena *a, struct grant_row *out,
                   struct err *e);
/** 1 with the grant's id when the number is in use, 0 not, -1 error. */
int grant_number_find(struct db *d, const char *number, char id[W_ID], struct err *e);
typedef int (*grant_fn)(void *arg, const struct grant_row *g, struct err *e);
int grant_each(struct db *d, const char *unit, const char *system, const struct db_page *from,
               struct arena *a, grant_fn fn, void *arg, struct err *e);

int grant_open_orders(struct db *d, const char *grant, int64_t *n, struct err *e);

struct order_row {
    char id[W_ID], grant[W_ID], resource[W_ID], name[W_NAME], host[W_ID], authority_id[W_ID];
    char unit[W_ID];
    int kind, verb, wanted, authority;
    uint64_t term, generation;
    int64_t issued_ms, closed_ms, superseded_ms, revision;
    const char *reason, *paper, *body, *seen_reason;
};
int order_row_get(struct db *d, const char *id, struct arena *a, struct order_row *out,
                  struct err *e);
struct order_filter {
    const char *unit, *grant, *resource, *host; /* "" for all */
    bool open;
    struct db_page from;
};
/** What the list of that filter is ordered by: from.n of a page behind this row. */
int64_t order_list_key(const struct order_filter *f, const struct order_row *o);
typedef int (*order_fn)(void *arg, const struct order_row *o, struct err *e);
int order_each(struct db *d, const struct order_filter *f, struct arena *a, order_fn fn, void *arg,
               struct err *e);
/** *closed tells whether it was open. */
int order_close(struct db *d, const char *id, int64_t at_ms, bool *closed, struct err *e);
/** *ran_ms: first read back equal and running, 0 not yet.  *sized_ms: since when it has the
 * size that somebody else than its unit gave it, as read back; 0 since it was made, INT64_MAX not
 * read back yet.  A return from the bin counts: what was measured before it says little about the
 * use after it.  What the unit does by itself begins nothing anew. */
int order_run_times(struct db *d, const char *resource, int64_t *ran_ms, int64_t *sized_ms,
                    struct err *e);
/** The sizes that a VM was read back with, as far back as from_ms; none when it never changed. */
int order_sizes(struct db *d, const char *resource, int64_t from_ms, struct sizes *vcpus,
                struct sizes *mem_mib, struct err *e);
int order_reason_set(struct db *d, const char *id, const char *reason, struct err *e);

struct system_row {
    char id[W_ID], name[W_NAME], unit[W_ID], unit_name[W_NAME];
    uint32_t mlps_level;
    const char *ssh_key; /* NULL when there is none */
};
int system_row_get(struct db *d, const char *id, struct arena *a, struct system_row *out,
                   struct err *e);
#endif
