#ifndef BY_TESTS_SEEDS_NET_H
#define BY_TESTS_SEEDS_NET_H
/* The network between the nodes: httpc.h and httpd.h in memory, in place of libcurl and libevent.
 * Requests and answers take a while, get lost, come twice, late, in another order; nodes are cut
 * off.  Certificates are those of the files: their fingerprint and name arrive, as after TLS. */
#include <stdbool.h>
#include <stdint.h>

struct net_faults {
    int lose_request, lose_answer, twice; /* in 1,000 */
    int slow;                             /* in 1,000: takes up to 30 s */
    int64_t latency_ms;                   /* at most, otherwise */
};

void net_init(void);
void net_faults(const struct net_faults *f);
/** Between people (node 0) and agents on one side, the controller on the other. */
void net_cut(int node, bool cut);
bool net_is_cut(int node);
/** The controller's process is gone: its connections break. */
void net_server_gone(void);
/** A node's process is gone: what it waits for is nobody's. */
void net_client_gone(int node);
/** What a listener shows to who does not know it yet; borrowed. */
void net_ca(const char *pem);
#endif
