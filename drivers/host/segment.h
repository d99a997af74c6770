#ifndef BY_DRIVERS_HOST_SEGMENT_H
#define BY_DRIVERS_HOST_SEGMENT_H
/* This host's parts of segments: for each a VXLAN device that is plugged into libvirt's bridge,
 * with one flood entry for each peer, and filters so that DHCP and the gateway of a part answer its
 * own ports only.  A device is named for its bridge: "bx" and the bridge's 12 hex digits.  Back
 * ends: the kernel (netlink and nftables), and a folder for tests; both pass
 * tests/unit/test_segment.c.
 *
 * Every operation is idempotent, and one that was cut off at any point is made good by the next.
 * Errors: INVALID (no bridge of ours, or a peer that is this host itself), UNSUPPORTED (this kernel
 * cannot; says what is missing), NOT_FOUND (no such bridge, or the underlay address is none of this
 * host's), CONFLICT (the name or the VNI is used by a device that is not ours, or by another of
 * ours), TOO_LARGE (more flood entries than are read), BUSY (somebody else changed the filters at
 * the same moment), NOMEM, IO.
 * Threads: a handle may be used from several threads. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"

#define SEGMENT_NAME 16
#define SEGMENT_PORT 4789

struct segment_spec {
    char bridge[20]; /* "by" and 12 hex digits */
    uint32_t vni;
    char underlay[20], gateway[20]; /* of this host; of the network: the first address */
    const char *const *peers;       /* sorted as text, each once */
    size_t n_peers;
};
struct segment_seen {
    char name[SEGMENT_NAME];
    char bridge[20];          /* that its name means */
    uint32_t vni, mtu;        /* both 0: no device, only filters of one are left */
    char underlay[20];        /* that it sends from */
    char gateway[20];         /* whose frames are filtered; "": none or several */
    const char *const *peers; /* sorted as text */
    size_t n_peers;
    bool up, joined; /* joined: plugged into its bridge */
    bool filtered;   /* all rules are there, and its VNI is taken from exactly these peers */
};

struct segments;

/** folder NULL: the kernel of this network namespace; else the world of a fake hypervisor. */
int segments_open(const char *folder, struct segments **out, struct err *e);
void segments_free(struct segments *s); /* NULL is fine */
/** Every device of our name scheme, and filters that a device of that name left behind. */
int segments_list(struct segments *s, struct arena *a, const struct segment_seen **out, size_t *n,
                  struct err *e);
/** Make or change it, live; the filters stand before the first frame passes. */
int segments_make(struct segments *s, const struct segment_spec *spec, struct err *e);
/** Its device and filters; absent already is success. */
int segments_remove(struct segments *s, const char *bridge, struct err *e);

/** What an order wants of this host. */
void segment_spec_of(const struct w_network_spec *n, const char *underlay, struct arena *a,
                     struct segment_spec *out);
/** seen is exactly what the spec says. */
bool segment_is(const struct segment_seen *seen, const struct segment_spec *spec);
/** "by0123456789ab" -> "bx0123456789ab"; false when it is no bridge of ours. */
bool segment_name(const char *bridge, char out[SEGMENT_NAME]);
/** An IPv4 address of this host, loopback not counted. */
bool segment_has_address(const char *ip);

SCOPE_FN(segments_free, struct segments)
#endif
