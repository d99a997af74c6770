#ifndef BY_DRIVERS_DB_STORE_PART_H
#define BY_DRIVERS_DB_STORE_PART_H
/* Parts of networks that span hosts, and the segments (VNI) that join them.  The first part is the
 * network's own row.  Texts live in the arena given.  Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

#define PARTS_MAX (W_PEERS_MAX + 1) /* of one network */

struct part_row {
    char id[W_ID], host[W_ID], host_name[W_NAME], host_state[16], underlay[20];
    char grant[W_ID], unit[W_ID], bridge[16];
    int wanted, seen;
    bool equal; /* read back, and as the newest order says */
    uint64_t generation, seen_generation;
    int64_t seen_ms;
    const char *reason;
    const char *body;  /* of its newest order; "" none yet */
    uint32_t machines; /* of the network on that host that are not gone */
    int64_t host_seen_ms;
    const char *host_unknown; /* why its libvirt does not answer; NULL: it does */
};
/** Those that are not gone, the network's own first, then by name of host. */
int part_list(struct db *d, const char *network, struct arena *a, struct part_row **out, size_t *n,
              struct err *e);
/** The further part of a network on a host: 1 found, 0 none, -1 error; *wanted what is wanted. */
int part_at(struct db *d, const char *network, const char *host, char id[W_ID], int *wanted,
            struct err *e);
/** The network that a part belongs to; a network that is no part: itself. */
int part_whole(struct db *d, const char *id, char out[W_ID], struct err *e);
typedef int (*part_fn)(void *arg, const char *network, struct err *e);
/** Networks in a segment that have a part on the host; NULL: all that are in one. */
int part_each_of_host(struct db *d, const char *host, struct arena *a, part_fn fn, void *arg,
                      struct err *e);

/** VNI of the network's segment; 0: it is isolated. */
int segment_get(struct db *d, const char *network, uint32_t *vni, struct err *e);
/** The same; one that nobody has is taken where it has none. */
int segment_take(struct db *d, const char *network, uint32_t *vni, struct err *e);
/** As a host's receipts say; one that is taken stays as it is. */
int segment_import(struct db *d, const char *network, uint32_t vni, struct err *e);
/** The VNI is free again once the last part is gone. */
int segment_end(struct db *d, const char *network, struct err *e);
#endif
