#ifndef BY_AGENT_WORLD_H
#define BY_AGENT_WORLD_H
/* What libvirt has, as last read: one whole reading of all lists, patched by the small readings
 * that follow each action, so that a host need not be listed anew after every call.  A small
 * reading wins over a whole one that began before it.  Nothing here concludes from a failure: a
 * reading that failed is not taken, it only makes the world not ok. Threads: readings are made in
 * workers, the world belongs to one owner; pointers stay valid until the next world_take(). */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/host/segment.h"
#include "drivers/virt/virt.h"

enum { READ_GONE_MAX = 4 };

/* One reading.  Made by one worker, then taken by the world. */
struct reading {
    struct arena a;
    int64_t began_ns; /* monotonic, before the first call */
    int64_t wall_ms;
    bool whole;    /* every list */
    bool networks; /* the list of networks is whole */
    const struct virt_dom_seen *doms;
    size_t n_doms;
    const struct virt_vol_seen *vols;
    size_t n_vols;
    const struct virt_net_seen *nets;
    size_t n_nets;
    bool segments_asked, has_segments; /* asked and not there: segments_err says why */
    const struct segment_seen *segments;
    size_t n_segments;
    struct err segments_err;
    bool has_pool;
    struct virt_pool_seen pool;
    /* not there, by a single question */
    char gone_doms[READ_GONE_MAX][W_ID];
    size_t n_gone_doms;
    char gone_vols[READ_GONE_MAX][W_ID];
    size_t n_gone_vols;
    int refs; /* entries that point into it; the world's */
};

struct reading *reading_new(void);
void reading_free(struct reading *r); /* NULL is fine */
/** All lists.  In a worker. */
int reading_all(struct reading *r, struct virt *v, struct err *e);
/** One object; absence is a fact, not a failure.  In a worker. */
int reading_dom(struct reading *r, struct virt *v, const char *id, struct err *e);
int reading_vol(struct reading *r, struct virt *v, const char *id, struct err *e);
/** All networks. */
int reading_nets(struct reading *r, struct virt *v, struct err *e);

/** All parts of segments.  It never fails: what the kernel does not tell is not known. */
void reading_segments(struct reading *r, struct segments *s);

struct world;

struct world *world_new(void);
void world_free(struct world *w);
/** Owns r from here. */
void world_take(struct world *w, struct reading *r);
/** When the newest whole reading began, monotonic nanoseconds; 0: never. */
int64_t world_read_at(const struct world *w);
int64_t world_wall_at(const struct world *w);
/** Wall clock of the newest reading of one domain, volume or network. */
int64_t world_wall_of(const struct world *w, const char *id);
const struct virt_pool_seen *world_pool(const struct world *w); /* NULL: not known */
/* By index: NULL for what a single question found to be gone. */
size_t world_doms(const struct world *w);
const struct virt_dom_seen *world_dom_at(const struct world *w, size_t i);
const struct virt_dom_seen *world_dom(const struct world *w, const char *id);
size_t world_vols(const struct world *w);
const struct virt_vol_seen *world_vol_at(const struct world *w, size_t i);
/** The volume by-<id>. */
const struct virt_vol_seen *world_vol(const struct world *w, const char *id);
size_t world_nets(const struct world *w);
const struct virt_net_seen *world_net_at(const struct world *w, size_t i);
const struct virt_net_seen *world_net(const struct world *w, const char *id);

/** Parts of segments, as last read; known false: they could not be read. */
const struct segment_seen *world_segments(const struct world *w, size_t *n, bool *known);
/** The part on this bridge, or NULL. */
const struct segment_seen *world_segment(const struct world *w, const char *bridge);

/** The id in a volume's name or path ("…/by-<id>"), or NULL: not one of ours. */
const char *world_volume_id(const char *name_or_path);

SCOPE_FN(reading_free, struct reading)
SCOPE_FN(world_free, struct world)
#endif
