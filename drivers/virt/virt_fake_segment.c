/* Parts of segments in a fake world: one file each in segment/, named for the bridge.  A file
 * segment-unsupported in the world makes it a kernel without VXLAN. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jmap.h"
#include "drivers/codec/netpart.h"
#include "drivers/host/durable.h"
#include "drivers/host/segment_int.h"
#include "drivers/virt/virt_fake_net.h"
#include "drivers/virt/virt_fake_segment.h"
#include "drivers/virt/virt_fake_world.h"

struct fake_segment {
    char underlay[20], gateway[20];
    uint32_t vni;
    bool bare;       /* scripted: its device is gone, its filters are left */
    bool unfiltered; /* scripted: somebody took the filters away */
    struct jm_list peers;
};

#define AT(f) .off = offsetof(struct fake_segment, f), .size = sizeof(((struct fake_segment *)0)->f)
#define PEER_AT .off = offsetof(struct w_net_peer, ip), .size = sizeof(((struct w_net_peer *)0)->ip)

static const struct jm_field peer_rows[] = {
    {.name = "ip", .doc = "address", .type = JM_STR, .flags = JM_REQ, PEER_AT}, {0}};
static const struct jm_field rows[] = {
    {.name = "bare", .doc = "without its device", .type = JM_BOOL, AT(bare)},
    {.name = "gateway", .doc = "filtered", .type = JM_STR, AT(gateway)},
    {.name = "peers",
     .doc = "flooded to",
     .type = JM_LIST,
     .max = W_PEERS_MAX,
     .sub = peer_rows,
     .sub_size = sizeof(struct w_net_peer),
     AT(peers)},
    {.name = "underlay", .doc = "sent from", .type = JM_STR, AT(underlay)},
    {.name = "unfiltered", .doc = "without filters", .type = JM_BOOL, AT(unfiltered)},
    {.name = "vni", .doc = "which", .type = JM_U32, AT(vni)},
    {0},
};

static int
part_load(const char *world, const char *bridge, struct arena *a, struct fake_segment *out,
          struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char path[PATH_MAX];

    return fake_path(world, path, "segment", bridge, ".json", e) < 0 || fake_get(path, &text, e) < 0
               ? -1
               : jm_decode(text.s, text.len, rows, sizeof(*out), JM_PEER, a, out, e);
}

static int
names_of(const char *world, struct arena *a, const char *const **out, size_t *n, struct err *e)
{
    char path[PATH_MAX];

    if (fake_path(world, path, "segment", "", "", e) < 0 || durable_mkdirs(path, 0700, e) < 0)
        return -1;
    return fake_names(world, "segment", ".json", a, out, n, e);
}

static void
part_see(const char *world, const char *bridge, const struct fake_segment *f, struct arena *a,
         struct segment_seen *out)
{
    const char **peers = arena_alloc(a, (f->peers.n + 1) * sizeof(*peers));

    *out = (struct segment_seen){.peers = peers};
    if (!f->bare)
        *out = (struct segment_seen){.vni = f->vni,
                                     .mtu = SEGMENT_MTU,
                                     .up = true,
                                     .joined = fake_net_has_bridge(world, bridge),
                                     .filtered = !f->unfiltered,
                                     .peers = peers,
                                     .n_peers = f->peers.n};
    (void)segment_name(bridge, out->name);
    (void)snprintf(out->bridge, sizeof(out->bridge), "%s", bridge);
    memcpy(out->underlay, f->underlay, sizeof(out->underlay));
    memcpy(out->gateway, f->gateway, sizeof(out->gateway));
    for (size_t i = 0; i < f->peers.n; i++)
        peers[i] = JM_ITEM(f->peers, const struct w_net_peer, i)->ip;
}

static int
fake_list(struct segments *s, struct arena *a, const struct segment_seen **out, size_t *n,
          struct err *e)
{
    SCOPED(fd) int lock = fake_lock(s->folder, e);
    const char *const *names;
    struct segment_seen *v;
    size_t count;

    if (lock < 0 || names_of(s->folder, a, &names, &count, e) < 0)
        return -1;
    v = arena_alloc(a, (count + 1) * sizeof(*v));
    for (size_t i = 0; i < count; i++) {
        struct fake_segment f;

        if (part_load(s->folder, names[i], a, &f, e) < 0)
            return -1;
        part_see(s->folder, names[i], &f, a, &v[i]);
    }
    *out = v;
    *n = count;
    return 0;
}

static int
check_free(const char *world, const struct segment_spec *spec, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *names;
    size_t count;

    if (names_of(world, &a, &names, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct fake_segment f;

        if (part_load(world, names[i], &a, &f, e) < 0)
            return -1;
        if (f.vni == spec->vni && strcmp(names[i], spec->bridge) != 0)
            return err_set(e, BY_E_CONFLICT, "fake: another device has the segment (VNI) %u",
                           (unsigned)spec->vni);
    }
    return 0;
}

static int
fake_make(struct segments *s, const struct segment_spec *spec, struct err *e)
{
    SCOPED(fd) int lock = fake_lock(s->folder, e);
    SCOPED(strbuf) struct strbuf text = {0};
    struct fake_segment f = {.vni = spec->vni};
    struct w_net_peer peers[W_PEERS_MAX] = {0};
    char path[PATH_MAX];

    if (lock < 0)
        return -1;
    if (spec->n_peers > W_PEERS_MAX)
        return err_set(e, BY_E_INVALID, "fake: segment %u has too many peers", (unsigned)spec->vni);
    if (fake_path(s->folder, path, "", "segment-unsupported", "", e) < 0)
        return -1;
    if (fake_get(path, &text, NULL) == 0)
        return err_set(e, BY_E_UNSUPPORTED, "fake: not available on this host: no VXLAN");
    if (!fake_net_has_bridge(s->folder, spec->bridge))
        return err_set(e, BY_E_NOT_FOUND, "fake: there is no bridge %s", spec->bridge);
    if (check_free(s->folder, spec, e) < 0)
        return -1;
    memcpy(f.underlay, spec->underlay, sizeof(f.underlay));
    memcpy(f.gateway, spec->gateway, sizeof(f.gateway));
    for (size_t i = 0; i < spec->n_peers; i++)
        (void)snprintf(peers[i].ip, sizeof(peers[i].ip), "%s", spec->peers[i]);
    f.peers = (struct jm_list){peers, spec->n_peers};
    jm_encode(rows, &f, &text);
    return fake_path(s->folder, path, "segment", spec->bridge, ".json", e) < 0
               ? -1
               : fake_put(path, text.s, text.len, e);
}

static int
fake_remove(struct segments *s, const char *bridge, struct err *e)
{
    SCOPED(fd) int lock = fake_lock(s->folder, e);
    char path[PATH_MAX];

    if (lock < 0)
        return -1;
    return fake_path(s->folder, path, "segment", bridge, ".json", e) < 0 ? -1 : fake_drop(path, e);
}

int
fake_segments_gone(const char *world, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *names;
    char path[PATH_MAX];
    size_t n;

    if (names_of(world, &a, &names, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (fake_path(world, path, "segment", names[i], ".json", e) < 0 || fake_drop(path, e) < 0)
            return -1;
    return 0;
}

const struct segment_ops segment_fake_ops = {
    .list = fake_list,
    .make = fake_make,
    .remove = fake_remove,
};
