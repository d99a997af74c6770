#ifndef BY_CONTROLLER_GRANT_EXPAND_H
#define BY_CONTROLLER_GRANT_EXPAND_H
/* A grant's lines become exact resources: ids, names, MACs, addresses, disks, cards.  No database
 * and no placement here: the caller says which MACs and bridges are taken, and gives every item a
 * host afterwards.  Strings and lists live in the caller's arena.  Threads: any. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

#define EXPAND_ITEMS_MAX 4096 /* resources of one grant */
#define EXPAND_FIRST_HOST                                                                          \
    10 /* a network's lowest address for a machine; below: the host and spare */
#define EXPAND_VCPUS_MAX 32 /* more are not kept ready for a smaller machine */
#define GIB_BYTES (1024ULL * 1024 * 1024)

#define EXPAND_LINES_MAX 64

/* What an older grant made of a line, which is not made again. */
struct expand_there {
    uint32_t count;            /* ordinals up to it are there, or were */
    const char *host;          /* network: where its first part stands */
    const char *segment;       /* network: as in a group, below */
    bool spans;                /* network: it can have a part on another host too */
    struct w_network_spec net; /* network: id "" when it is not there */
};

/* Whether a MAC ("mac") or a bridge name ("bridge") is in use anywhere; an address ("ip") on the
 * network that is there already. */
struct expand_taken {
    bool (*fn)(void *arg, const char *what, const char *value);
    void *arg;
    const struct expand_there *there; /* [EXPAND_LINES_MAX + 1] by line number, or NULL */
};

struct expand_item {
    uint32_t line, ordinal;
    enum w_res_kind kind;
    size_t group;                  /* items of one group stand on one host */
    enum w_apart apart;            /* vm: from others of its system */
    const char *zone, *pool_class; /* asked for, or NULL */
    struct w_order order;          /* all but id, host, incarnation, term, generation, issue time */
};

/* What one host must have room for. */
struct expand_group {
    uint64_t vcpus, mem_mib, disk_bytes;
    uint32_t networks;
    uint32_t vms, largest_vcpus; /* of one machine */
    const char *cidr;            /* its network's range, or NULL */
    const char *pinned;          /* the host where its network is already, or NULL */
    enum w_apart apart;          /* whether machines of its system may share a host */
    const char *zone;            /* asked for, or NULL */
    const char *pool_class;      /* asked for, or NULL */
    const char *segment;         /* its network, when that may span hosts, then the hosts that have
                                    a part of it already: ids, blanks between; or NULL */
    bool mixed;                  /* its machines ask for several zones or classes */
    bool fixed;                  /* that network stands where it is, and cannot span hosts */
    char host[W_ID];             /* where it goes, once that is decided */
    size_t first, n_items;       /* items of a group are neighbours */
};

struct expansion {
    struct expand_item *items; /* networks, then volumes, then VMs, group by group */
    size_t n;
    struct expand_group *groups;
    size_t n_groups;
};

/** The lines make sense by themselves: numbers unique, sizes given, references to lines that are
 * there and of the right kind.  INVALID names the field. */
int grant_lines_check(const struct w_grant *g, struct err *e);
/** Lines must have passed grant_lines_check().  BUSY when no free MAC was found. */
int grant_expand(const struct w_grant *g, const char *ssh_key, const struct expand_taken *taken,
                 struct arena *a, struct expansion *out, struct err *e);
/** Maxima that a guest is started with, so that it can grow while it runs: up to four times its
 * size, within what the grant gives in all.  In: its size. */
void grant_headroom(uint64_t all_vcpus, uint64_t all_mem_mib, uint32_t *vcpus, uint64_t *mem_mib);
/** A display name as host name, where it is a lawful one; else one made of the id. */
void expand_host_name(const char *name, const char *id, char out[W_NAME]);
/** Kernel interface of a network. */
void expand_bridge_name(const char *id, char out[16]);
/** The n-th address (0 is the network's own) of a range as text; -1 when it lies outside or is the
 * broadcast address. */
int cidr_address(const char *cidr, uint32_t n, char out[20]);
/** Number of the lowest address that a machine gets. */
uint32_t cidr_first(const char *cidr);
/** Whether a range lies within another; a malformed one does not. */
bool cidr_within(const char *outer, const char *inner);
/** Whether two ranges share an address; a malformed one shares none. */
bool cidr_overlap(const char *a, const char *b);
#endif
