#ifndef BY_DRIVERS_DB_STORE_QUOTA_H
#define BY_DRIVERS_DB_STORE_QUOTA_H
/* The quota ledger (配额明细账) as rows: each movement is two rows of one metric that sum to 0.
 * Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

enum quota_metric { QM_VCPUS, QM_MEM, QM_DISK, QM_NETWORKS, QM__MAX };
/* QB_RETURNING, like QB_GRANTED: what is held beyond the grant's paper until it is given back. */
enum quota_book { QB_GRANTED, QB_FREE, QB_RESERVED, QB_USED, QB_RETURNING, QB__MAX };

struct quota_sums { /* amounts by metric */
    int64_t by[QM__MAX][QB__MAX];
};

const char *quota_metric_name(enum quota_metric m);
/** Move amount (> 0) between two accounts of a grant; resource and order may be "". */
int quota_entry_move(struct db *d, const char *grant, enum quota_metric m, enum quota_book from,
                     enum quota_book to, int64_t amount, const char *resource, const char *order,
                     int64_t now_ms, struct err *e);
/** What one resource holds. */
int quota_resource_sums(struct db *d, const char *resource, struct quota_sums *out, struct err *e);
/** What a grant holds in all. */
int quota_grant_sums(struct db *d, const char *grant, struct quota_sums *out, struct err *e);

typedef int (*quota_sum_fn)(void *arg, const char *grant, const char *number,
                            const struct quota_sums *s, struct err *e);
/** So many grants of a unit ("" all) behind a grant ("" from the first), in order of their ids. */
int quota_each_grant(struct db *d, const char *unit, const char *after, int grants, quota_sum_fn fn,
                     void *arg, struct err *e);

/* One resource of a grant beside its host's newest inventory. */
struct quota_proof_row {
    char id[W_ID], grant[W_ID];
    int kind, wanted;
    bool settled; /* the newest order was read back equal */
    int64_t absent_ms, inventory_ms, host_seen_ms;
    bool inventory_unknown, found;
    int seen;
    uint64_t vcpus, mem_mib, bytes; /* found on the host */
};
typedef int (*quota_proof_fn)(void *arg, const struct quota_proof_row *r, struct err *e);
int quota_each_proof(struct db *d, const char *grant, quota_proof_fn fn, void *arg, struct err *e);
typedef int (*quota_grant_fn)(void *arg, const char *grant, struct err *e);
/** Grants under which something is still to be given back. */
int quota_each_returning(struct db *d, quota_grant_fn fn, void *arg, struct err *e);
/** Grants and metrics whose accounts do not sum to 0; sums that are not those of their entries.
 * Both are 0 when the books are right. */
int quota_books_wrong(struct db *d, int64_t *unbalanced, int64_t *wrong, struct err *e);
#endif
