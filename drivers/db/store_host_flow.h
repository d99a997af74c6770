#ifndef BY_DRIVERS_DB_STORE_HOST_FLOW_H
#define BY_DRIVERS_DB_STORE_HOST_FLOW_H
/* What hosts say and are told: hellos, reports, inventories, the register of objects that no order
 * knows, holds, and the papers of a host's set.  Texts live in the arena given.
 * Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "drivers/db/page.h"

struct host_flow_row {
    char id[W_ID], name[W_NAME], state[16], boot[W_ID], status_boot[W_ID], samples_boot[W_ID];
    char underlay[20]; /* address on the network between hosts, or "" */
    char pool[W_ID];   /* the shared pool that it is in, or "" */
    uint64_t incarnation, status_seq, samples_seq;
    int64_t inventory_ms, revision, seen_ms;
    bool inventory_unknown, receipts_wanted;
};
int host_flow_get(struct db *d, const char *id, struct host_flow_row *out, struct err *e);
/** Also forgets the last sequence numbers: an agent that starts counts anew. */
int host_flow_hello(struct db *d, const char *id, const struct w_hello *h, bool want_receipts,
                    int64_t now_ms, struct err *e);
int host_flow_receipts_wanted(struct db *d, const char *id, bool wanted, struct err *e);
int host_flow_status(struct db *d, const char *id, const struct w_status *s, int64_t now_ms,
                     struct err *e);
int host_flow_samples(struct db *d, const char *id, const char *boot, uint64_t seq, int64_t now_ms,
                      struct err *e);
/** A ledger head that a host holds, when it is newer than what it held. */
int host_flow_witness(struct db *d, const char *id, uint64_t seq, const char *head, struct err *e);
typedef int (*host_cert_fn)(void *arg, const char *pem, struct err *e);
/** The host's certificates with this key (sigkey_id()), or kept without it, newest first, until fn
 * answers 1 (found) or -1. */
int host_flow_each_cert(struct db *d, const char *id, const char *key, host_cert_fn fn, void *arg,
                        struct err *e);

/* Facts for placing. */
struct host_facts {
    char id[W_ID], name[W_NAME], state[16], zone[W_NAME], pool_class[W_NAME], arch[20];
    uint64_t incarnation;
    uint64_t cpus, mem_mib, cpu_overcommit_percent, mem_overcommit_percent;
    uint64_t pool_bytes, pool_free_bytes;
    int64_t seen_ms, inventory_ms, held_until_ms;
    bool inventory_unknown, underlay;
    uint64_t vcpus_used, mem_used_mib, bytes_used; /* promised by orders */
    char pool[W_ID];                               /* shared with other hosts; "" none */
    uint64_t pool_used_bytes;                      /* in that one, by all its hosts */
    uint32_t same;                                 /* machines of the asking system there */
    uint32_t alone;                                /* of these: that must be apart from others */
    const char **ranges;                           /* of its networks */
    size_t n_ranges;
};
/** The columns of a row from the n-th on; the ranges and what a shared pool's hosts
 * use together are not among them. */
void host_facts_read(const struct db_rows *r, int from, struct host_facts *out);
/** Counts the machines of that system there. */
int host_facts_same(struct db *d, const char *system, struct host_facts *h, struct err *e);
/** The same of many hosts at once: one look at all machines of the system. */
int host_facts_same_all(struct db *d, const char *system, struct host_facts *hosts, size_t n,
                        struct err *e);
/** Adds the address ranges of its networks. */
int host_facts_ranges(struct db *d, struct arena *a, struct host_facts *h, struct err *e);
/** One host by id; NOT_FOUND. */
int host_facts_get(struct db *d, const char *id, const char *system, struct arena *a,
                   struct host_facts *out, struct err *e);
/** Hosts whose sum of promises is not that of their resources: must be 0. */
int host_promises_wrong(struct db *d, int64_t *n, struct err *e);

int inventory_put(struct db *d, const char *host, const struct w_observed *o, int64_t now_ms,
                  struct err *e);
/** It was heard of, but nothing can be concluded: its old figures stay, and prove nothing. */
int inventory_blur(struct db *d, const char *host, const struct w_observed *o, int64_t now_ms,
                   struct err *e);
int inventory_delete(struct db *d, const char *host, const char *resource, struct err *e);
/** A stamp for all of a full inventory that is newer than all that is kept of the host, also when
 * the last one came in the same millisecond or the clock fell. */
int inventory_stamp(struct db *d, const char *host, int64_t now_ms, int64_t *out, struct err *e);
int inventory_full(struct db *d, const char *host, int64_t now_ms, struct err *e);
int unregistered_put(struct db *d, const char *host, const struct w_observed *o, int64_t now_ms,
                     struct err *e);
int unregistered_delete(struct db *d, const char *host, int kind, const char *id, struct err *e);
/** Forget the host's entries from before that instant: a full inventory has just been written. */
int unregistered_trim(struct db *d, const char *host, int64_t before_ms, struct err *e);
/** Its entries. */
int unregistered_count(struct db *d, const char *host, int64_t *n, struct err *e);
/** Forget the oldest: what came before the report of the n-th newest. */
int unregistered_keep(struct db *d, const char *host, int64_t n, struct err *e);
typedef int (*id_fn)(void *arg, const char *id, struct err *e);
/** Registered resources of the host that its inventory does not have. */
int inventory_each_missing(struct db *d, const char *host, id_fn fn, void *arg, struct err *e);

struct hold_row {
    struct w_hold hold;
    char account[W_ID];
    int64_t at_ms, ended_ms;
};
int hold_insert(struct db *d, const struct hold_row *h, struct err *e);
int hold_get(struct db *d, const char *id, struct arena *a, struct hold_row *out, struct err *e);
int hold_end(struct db *d, const char *id, int64_t now_ms, struct err *e);
/** Those in force, of a host or ("") all; into the arena. */
int hold_in_force(struct db *d, const char *host, int64_t now_ms, struct arena *a,
                  struct jm_list *out, struct err *e);
/** Those in force, page by page, the oldest first. */
typedef int (*hold_row_fn)(void *arg, const struct hold_row *h, struct err *e);
int hold_each_page(struct db *d, int64_t now_ms, const struct db_page *from, struct arena *a,
                   hold_row_fn fn, void *arg, struct err *e);
typedef int (*hold_fn)(void *arg, const char *id, const char *host, struct err *e);
int hold_each_expired(struct db *d, int64_t now_ms, hold_fn fn, void *arg, struct err *e);

/* A host's set: papers of orders with a revision above the cursor, and what they name. */
struct host_papers {
    struct jm_list orders, grants, plans, keys; /* of struct w_paper */
    uint64_t revision;                          /* of the newest order, or the cursor */
};
int host_papers_load(struct db *d, const char *host, uint64_t cursor, struct arena *a,
                     struct host_papers *out, struct err *e);
#endif
