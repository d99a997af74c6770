#ifndef BY_CONTROLLER_UNDERLAY_H
#define BY_CONTROLLER_UNDERLAY_H
/* The address that a host has on the network between hosts: one is one host's.  Threads: steps of
 * the writer. */
#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "drivers/db/store_host_flow.h"

struct tx;

/** What a host says in its hello.  An address that another host has is not taken (in->underlay
 * becomes ""), and why is kept for people; the host works otherwise. */
int underlay_said(struct tx *t, const struct host_flow_row *h, struct w_hello *in, struct err *e);
/** After the hello is in the store: all that send to this host are told of another address. */
int underlay_told(struct tx *t, const struct host_flow_row *was, const struct w_hello *in,
                  struct arena *a, struct err *e);
/** Nobody sends to this host, or takes frames of it, any more. */
int underlay_end(struct tx *t, const char *host, struct arena *a, struct err *e);
/** Hosts that said another address while no order could be written, and other parts that are not as
 * they should be: all segments, each as it should be. */
int underlay_restate(struct tx *t, struct arena *a, struct err *e);
#endif
