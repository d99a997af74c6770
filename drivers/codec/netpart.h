#ifndef BY_DRIVERS_CODEC_NETPART_H
#define BY_DRIVERS_CODEC_NETPART_H
/* What a network order says of its segment must make sense before anything is made of it.
 * Threads: any. */
#include <stdbool.h>

#include "drivers/codec/wire.h"

#define SEGMENT_MTU 1450 /* an underlay of 1500 less 50 bytes of VXLAN over IPv4 */
enum { NETPART_BRIDGE = 16 };

/** The bridge is the one of its id; peers only with a VNI, each once, each an address that one host
 * can have. */
int netpart_check(const struct w_network_spec *n, struct err *e);
/** An address that one host can have: neither loopback nor multicast nor 0.0.0.0/8. */
bool netpart_is_host(const char *ip);
/** The bridge of a network: "by" and the first 12 hex digits of its id. */
void netpart_bridge(const char *id, char out[NETPART_BRIDGE]);
/** The first address of a range, its gateway; "" when cidr is no range. */
void netpart_gateway(const char *cidr, char out[20]);
#endif
