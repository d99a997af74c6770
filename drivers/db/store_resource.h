#ifndef BY_DRIVERS_DB_STORE_RESOURCE_H
#define BY_DRIVERS_DB_STORE_RESOURCE_H
/* VMs, volumes and networks: what should be and what was seen.  Texts live in the arena given.
 * Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

struct resource_row {
    char id[W_ID], name[W_NAME], system[W_ID], unit[W_ID], grant[W_ID], host[W_ID], order[W_ID];
    char vm[W_ID];      /* volume: the machine it belongs to */
    char network[W_ID]; /* vm: the network of its first card */
    char part_of[W_ID]; /* network: this is its further part, on another host; "": the thing itself
                         */
    int kind, wanted, seen;
    uint32_t line, ordinal;
    uint64_t term, generation, seen_term, seen_generation;
    uint32_t vcpus, prior_vcpus, seen_vcpus;
    uint64_t mem_mib, prior_mem_mib, seen_mem_mib, bytes, seen_bytes;
    char ip[20], bridge[16], cidr[20], seen_code[24];
    bool seen_equal, backup_declared;
    int64_t seen_ms, created_ms, binned_ms, absent_ms;
    const char *seen_reason;
    char plan[W_ID], certificate[W_ID];
    uint64_t promised_vcpus, promised_mem_mib, promised_bytes; /* of its host's room */
    char system_name[W_NAME], number[100], host_name[W_NAME];  /* joined */
    int64_t host_seen_ms;                                      /* joined */
    const char *host_unknown; /* joined: why its libvirt does not answer; NULL: it does */
};

/** Generation 0: order_issue() writes what is wanted. */
int resource_insert(struct db *d, const struct resource_row *r, struct err *e);
int resource_get(struct db *d, const char *id, struct arena *a, struct resource_row *out,
                 struct err *e);
/** 1 found, 0 not, -1 error. */
int resource_find(struct db *d, const char *id, struct arena *a, struct resource_row *out,
                  struct err *e);

struct resource_page {
    const char *unit, *system; /* "" for all */
    const char *name;          /* name or id; NULL or "" for all */
    int kind;                  /* 0 for all */
    bool gone;                 /* what is gone for good, instead of what is there */
    const char *after_name, *after_id;
    int limit;
};
typedef int (*resource_fn)(void *arg, const struct resource_row *r, struct err *e);
/** What lists show of a row: the rest (RES_REST of stmt_flow.def) is empty. */
int resource_each_page(struct db *d, const struct resource_page *p, struct arena *a, resource_fn fn,
                       void *arg, struct err *e);
/** Everything of a grant that is not gone. */
int resource_each_of_grant(struct db *d, const char *grant, struct arena *a, resource_fn fn,
                           void *arg, struct err *e);
/** Volumes of a machine; machines on a network. */
int resource_each_of_vm(struct db *d, const char *vm, struct arena *a, resource_fn fn, void *arg,
                        struct err *e);
int resource_each_on_network(struct db *d, const char *network, struct arena *a, resource_fn fn,
                             void *arg, struct err *e);

/** Writes vcpus, mem_mib, bytes, prior_*, plan, backup_declared, name, vm. */
int resource_size_set(struct db *d, const struct resource_row *r, struct err *e);
/** Writes every seen_ field. */
int resource_seen_set(struct db *d, const struct resource_row *r, struct err *e);
/** After any change of wanted, seen or size in *r: the room that it takes of its host, the larger
 * of wanted and seen.  Writes only what differs, to the resource and to the host's sum. */
int resource_promise(struct db *d, struct resource_row *r, struct err *e);
int resource_binned_set(struct db *d, const char *id, int64_t binned_ms, struct err *e);
/** Gone for good: its bridge and addresses are free again. */
int resource_absent_set(struct db *d, const char *id, int64_t absent_ms, const char *certificate,
                        struct err *e);
/** From a host's receipts: what that host was told. */
int resource_import_set(struct db *d, const char *id, const char *host, int wanted, uint64_t term,
                        uint64_t generation, const char *order, struct err *e);

int address_insert(struct db *d, const char *network, const char *ip, const char *mac,
                   const char *resource, struct err *e);
/** 1 in use, 0 free, -1 error. */
int address_mac_taken(struct db *d, const char *mac, struct err *e);
int bridge_taken(struct db *d, const char *bridge, struct err *e);
#endif
