#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/fault.h"
#include "drivers/codec/netpart.h"
#include "drivers/host/segment_int.h"

enum { HEX_DIGITS = 12 };

int
segments_open(const char *folder, struct segments **out, struct err *e)
{
    struct segments *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "segments");
    (void)pthread_mutex_init(&s->lock, NULL);
    s->ops = folder != NULL ? &segment_fake_ops : &segment_kernel_ops;
    if (folder != NULL && (s->folder = strdup(folder)) == NULL) {
        segments_free(s);
        return err_set(e, BY_E_NOMEM, "segments");
    }
    *out = s;
    return 0;
}

void
segments_free(struct segments *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    free(s->folder);
    free(s);
}

int
segments_list(struct segments *s, struct arena *a, const struct segment_seen **out, size_t *n,
              struct err *e)
{
    return s->ops->list(s, a, out, n, e);
}

/* Around a call that changes the host: or a fault instead. */
#define CHANGE(what, call)                                                                         \
    do {                                                                                           \
        enum fault_verdict before = fault_at(BY_FAULT_SEGMENT_BEFORE), after;                      \
        int rc;                                                                                    \
                                                                                                   \
        if (before == FAULT_FAIL)                                                                  \
            return err_set(e, BY_E_IO, what ": failed by a fault point");                          \
        rc = s->ops->call;                                                                         \
        after = fault_at(BY_FAULT_SEGMENT_AFTER);                                                  \
        if (before == FAULT_LOSE || after != FAULT_NONE)                                           \
            return err_set(e, BY_E_TIMEOUT, what ": the answer was lost by a fault point");        \
        return rc;                                                                                 \
    } while (0)

/* A flood entry to oneself sends each frame back to where it came from. */
static int
check_peers(const struct segment_spec *spec, struct err *e)
{
    for (size_t i = 0; i < spec->n_peers; i++)
        if (strcmp(spec->peers[i], spec->underlay) == 0)
            return err_set(e, BY_E_INVALID,
                           "the order names %s as another host of segment %u, and that is this "
                           "host's own underlay address: two hosts have the same setting "
                           "'underlay', correct one of them",
                           spec->peers[i], (unsigned)spec->vni);
    return 0;
}

int
segments_make(struct segments *s, const struct segment_spec *spec, struct err *e)
{
    char name[SEGMENT_NAME];

    if (!segment_name(spec->bridge, name))
        return err_set(e, BY_E_INVALID, "'%s' is no bridge of ours", spec->bridge);
    if (check_peers(spec, e) < 0)
        return -1;
    CHANGE("make a part of a segment", make(s, spec, e));
}

int
segments_remove(struct segments *s, const char *bridge, struct err *e)
{
    char name[SEGMENT_NAME];

    if (!segment_name(bridge, name))
        return 0; /* never made */
    CHANGE("remove a part of a segment", remove(s, bridge, e));
}

bool
segment_name(const char *bridge, char out[SEGMENT_NAME])
{
    if (strncmp(bridge, "by", 2) != 0 || strlen(bridge) != 2 + HEX_DIGITS ||
        strspn(bridge + 2, "0123456789abcdef") != HEX_DIGITS)
        return false;
    (void)snprintf(out, SEGMENT_NAME, "bx%.*s", HEX_DIGITS, bridge + 2);
    return true;
}

int
segment_text_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
segment_spec_of(const struct w_network_spec *n, const char *underlay, struct arena *a,
                struct segment_spec *out)
{
    const char **peers = arena_alloc(a, (n->peers.n + 1) * sizeof(*peers));

    *out = (struct segment_spec){.vni = n->vni, .peers = peers, .n_peers = n->peers.n};
    (void)snprintf(out->bridge, sizeof(out->bridge), "%s", n->bridge);
    (void)snprintf(out->underlay, sizeof(out->underlay), "%s", underlay);
    netpart_gateway(n->cidr, out->gateway);
    for (size_t i = 0; i < n->peers.n; i++)
        peers[i] = JM_ITEM(n->peers, struct w_net_peer, i)->ip;
    if (out->n_peers > 0)
        qsort(peers, out->n_peers, sizeof(*peers), segment_text_cmp);
}

bool
segment_is(const struct segment_seen *seen, const struct segment_spec *spec)
{
    if (seen->vni != spec->vni || seen->mtu != SEGMENT_MTU || !seen->up || !seen->joined ||
        !seen->filtered || seen->n_peers != spec->n_peers ||
        strcmp(seen->underlay, spec->underlay) != 0 || strcmp(seen->gateway, spec->gateway) != 0)
        return false;
    for (size_t i = 0; i < spec->n_peers; i++)
        if (strcmp(seen->peers[i], spec->peers[i]) != 0)
            return false;
    return true;
}

bool
segment_has_address(const char *ip)
{
    struct ifaddrs *all = NULL;
    struct in_addr want;
    bool found = false;

    if (inet_pton(AF_INET, ip, &want) != 1 || getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
        struct sockaddr_in in;

        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET ||
            (i->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        memcpy(&in, i->ifa_addr, sizeof(in));
        found = in.sin_addr.s_addr == want.s_addr;
    }
    freeifaddrs(all);
    return found;
}
