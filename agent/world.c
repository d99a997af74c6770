#include "agent/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/sorted.h"
#include "drivers/codec/jclass.h"

enum kind { KIND_DOM, KIND_VOL, KIND_NET, KIND__MAX };

/* One object, or the knowledge that it is gone. */
struct entry {
    const char *key;  /* dom, net: id; vol: name */
    const void *seen; /* NULL: gone */
    struct reading *src;
};

struct table {
    struct entry *v; /* sorted by key */
    size_t n, cap;
};

struct world {
    struct table t[KIND__MAX];
    struct reading *pool_src, *segments_src;
    int64_t read_at, wall_at;
};

static void *
must(void *p)
{
    if (p == NULL)
        abort(); /* out of memory: half a world would be wrong */
    return p;
}

struct reading *
reading_new(void)
{
    struct reading *r = must(calloc(1, sizeof(*r)));

    r->began_ns = clock_mono_ns();
    r->wall_ms = clock_wall_ms();
    return r;
}

void
reading_free(struct reading *r)
{
    if (r == NULL)
        return;
    arena_clear(&r->a);
    free(r);
}

int
reading_nets(struct reading *r, struct virt *v, struct err *e)
{
    if (v->ops->net->list(v, &r->a, &r->nets, &r->n_nets, e) < 0)
        return err_wrap(e, "list networks");
    r->networks = true;
    return 0;
}

void
reading_segments(struct reading *r, struct segments *s)
{
    r->segments_asked = true;
    r->has_segments = segments_list(s, &r->a, &r->segments, &r->n_segments, &r->segments_err) == 0;
    if (!r->has_segments)
        r->n_segments = 0;
}

int
reading_all(struct reading *r, struct virt *v, struct err *e)
{
    if (v->ops->dom->list(v, &r->a, &r->doms, &r->n_doms, e) < 0)
        return err_wrap(e, "list domains");
    if (v->ops->vol->list(v, &r->a, &r->vols, &r->n_vols, e) < 0)
        return err_wrap(e, "list volumes");
    if (reading_nets(r, v, e) < 0)
        return -1;
    if (v->ops->pool->info(v, &r->a, &r->pool, e) < 0)
        return err_wrap(e, "ask the pool");
    r->has_pool = true;
    r->whole = true;
    return 0;
}

int
reading_dom(struct reading *r, struct virt *v, const char *id, struct err *e)
{
    struct virt_dom_seen *d = arena_alloc(&r->a, sizeof(*d));

    if (v->ops->dom->get(v, id, &r->a, d, e) == 0) {
        r->doms = d;
        r->n_doms = 1;
        return 0;
    }
    if (e->code != BY_E_NOT_FOUND || r->n_gone_doms == READ_GONE_MAX)
        return err_wrap(e, "read back domain %s", id);
    (void)snprintf(r->gone_doms[r->n_gone_doms++], W_ID, "%s", id);
    err_clear(e);
    return 0;
}

int
reading_vol(struct reading *r, struct virt *v, const char *id, struct err *e)
{
    struct virt_vol_seen *more = arena_alloc(&r->a, (r->n_vols + 1) * sizeof(*more));

    if (v->ops->vol->get(v, id, &r->a, &more[r->n_vols], e) == 0) {
        if (r->n_vols > 0)
            memcpy(more, r->vols, r->n_vols * sizeof(*more));
        r->vols = more;
        r->n_vols++;
        return 0;
    }
    if (e->code != BY_E_NOT_FOUND || r->n_gone_vols == READ_GONE_MAX)
        return err_wrap(e, "read back volume %s", id);
    (void)snprintf(r->gone_vols[r->n_gone_vols++], W_ID, "%s", id);
    err_clear(e);
    return 0;
}

struct world *
world_new(void)
{
    return must(calloc(1, sizeof(struct world)));
}

static void
unref(struct reading *r)
{
    if (r != NULL && --r->refs == 0)
        reading_free(r);
}

void
world_free(struct world *w)
{
    if (w == NULL)
        return;
    for (int k = 0; k < KIND__MAX; k++) {
        for (size_t i = 0; i < w->t[k].n; i++)
            unref(w->t[k].v[i].src);
        free(w->t[k].v);
    }
    unref(w->pool_src);
    unref(w->segments_src);
    free(w);
}

static const char *
table_key(const void *table, size_t i)
{
    return ((const struct table *)table)->v[i].key;
}

static size_t
table_index(const struct table *t, const char *key, bool *found)
{
    return sorted_index(t, t->n, table_key, key, found);
}

static const struct entry *
table_find(const struct table *t, const char *key)
{
    bool found;
    size_t i = table_index(t, key, &found);

    return found && t->v[i].seen != NULL ? &t->v[i] : NULL;
}

/* seen NULL: gone.  What a later reading said stays. */
static void
table_put(struct table *t, const char *key, const void *seen, struct reading *src)
{
    bool found;
    size_t i = table_index(t, key, &found);

    if (found && t->v[i].src->began_ns > src->began_ns)
        return;
    if (found) {
        struct reading *old = t->v[i].src;

        src->refs++;
        t->v[i] = (struct entry){.key = key, .seen = seen, .src = src};
        unref(old);
        return;
    }
    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 64 : t->cap * 2;
        t->v = must(realloc(t->v, t->cap * sizeof(*t->v)));
    }
    memmove(&t->v[i + 1], &t->v[i], (t->n - i) * sizeof(*t->v));
    src->refs++;
    t->v[i] = (struct entry){.key = key, .seen = seen, .src = src};
    t->n++;
}

/* After a whole list: what it does not have is gone, unless a later reading saw it. */
static void
table_drop_older(struct table *t, const struct reading *than)
{
    size_t keep = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->v[i].src == than || t->v[i].src->began_ns > than->began_ns)
            t->v[keep++] = t->v[i];
        else
            unref(t->v[i].src);
    }
    t->n = keep;
}

static void
take_gone(struct world *w, struct reading *r)
{
    for (size_t i = 0; i < r->n_gone_doms; i++)
        table_put(&w->t[KIND_DOM], r->gone_doms[i], NULL, r);
    for (size_t i = 0; i < r->n_gone_vols; i++)
        table_put(&w->t[KIND_VOL], arena_printf(&r->a, "by-%s", r->gone_vols[i]), NULL, r);
}

static void
take_place(struct reading **place, struct reading *r)
{
    struct reading *old = *place;

    if (old != NULL && old->began_ns > r->began_ns)
        return;
    *place = r;
    r->refs++;
    unref(old);
}

void
world_take(struct world *w, struct reading *r)
{
    r->refs = 1;
    if (r->whole && r->began_ns < w->read_at) { /* it hung while a later one came through */
        unref(r);
        return;
    }
    for (size_t i = 0; i < r->n_doms; i++)
        table_put(&w->t[KIND_DOM], r->doms[i].id, &r->doms[i], r);
    for (size_t i = 0; i < r->n_vols; i++)
        table_put(&w->t[KIND_VOL], r->vols[i].name, &r->vols[i], r);
    for (size_t i = 0; i < r->n_nets; i++)
        table_put(&w->t[KIND_NET], r->nets[i].id, &r->nets[i], r);
    take_gone(w, r);
    if (r->networks)
        table_drop_older(&w->t[KIND_NET], r);
    if (r->whole) {
        table_drop_older(&w->t[KIND_DOM], r);
        table_drop_older(&w->t[KIND_VOL], r);
        w->read_at = r->began_ns;
        w->wall_at = r->wall_ms;
    }
    if (r->has_pool)
        take_place(&w->pool_src, r);
    if (r->segments_asked)
        take_place(&w->segments_src, r);
    unref(r);
}

int64_t
world_read_at(const struct world *w)
{
    return w->read_at;
}

int64_t
world_wall_at(const struct world *w)
{
    return w->wall_at;
}

int64_t
world_wall_of(const struct world *w, const char *id)
{
    char name[W_ID + 8];
    const char *const keys[KIND__MAX] = {[KIND_DOM] = id, [KIND_VOL] = name, [KIND_NET] = id};
    int64_t at = w->wall_at;

    (void)snprintf(name, sizeof(name), "by-%s", id);
    for (int k = 0; k < KIND__MAX; k++) {
        bool found;
        size_t i = table_index(&w->t[k], keys[k], &found);

        if (found && w->t[k].v[i].src->wall_ms > at)
            at = w->t[k].v[i].src->wall_ms;
    }
    return at;
}

const struct virt_pool_seen *
world_pool(const struct world *w)
{
    return w->pool_src != NULL ? &w->pool_src->pool : NULL;
}

size_t
world_doms(const struct world *w)
{
    return w->t[KIND_DOM].n;
}

/* By index gives NULL for what is known to be gone. */
const struct virt_dom_seen *
world_dom_at(const struct world *w, size_t i)
{
    return w->t[KIND_DOM].v[i].seen;
}

const struct virt_dom_seen *
world_dom(const struct world *w, const char *id)
{
    const struct entry *t = table_find(&w->t[KIND_DOM], id);

    return t != NULL ? t->seen : NULL;
}

size_t
world_vols(const struct world *w)
{
    return w->t[KIND_VOL].n;
}

const struct virt_vol_seen *
world_vol_at(const struct world *w, size_t i)
{
    return w->t[KIND_VOL].v[i].seen;
}

const struct virt_vol_seen *
world_vol(const struct world *w, const char *id)
{
    char name[W_ID + 8];
    const struct entry *t;

    (void)snprintf(name, sizeof(name), "by-%s", id);
    t = table_find(&w->t[KIND_VOL], name);
    return t != NULL ? t->seen : NULL;
}

size_t
world_nets(const struct world *w)
{
    return w->t[KIND_NET].n;
}

const struct virt_net_seen *
world_net_at(const struct world *w, size_t i)
{
    return w->t[KIND_NET].v[i].seen;
}

const struct virt_net_seen *
world_net(const struct world *w, const char *id)
{
    const struct entry *t = table_find(&w->t[KIND_NET], id);

    return t != NULL ? t->seen : NULL;
}

const struct segment_seen *
world_segments(const struct world *w, size_t *n, bool *known)
{
    *known = w->segments_src != NULL && w->segments_src->has_segments;
    *n = *known ? w->segments_src->n_segments : 0;
    return *known ? w->segments_src->segments : NULL;
}

const struct segment_seen *
world_segment(const struct world *w, const char *bridge)
{
    bool known;
    size_t n;
    const struct segment_seen *v = world_segments(w, &n, &known);

    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].bridge, bridge) == 0)
            return &v[i];
    return NULL;
}

const char *
world_volume_id(const char *name_or_path)
{
    const char *base;

    if (name_or_path == NULL)
        return NULL;
    base = strrchr(name_or_path, '/');
    base = base != NULL ? base + 1 : name_or_path;
    if (strncmp(base, "by-", 3) != 0)
        return NULL;
    /* A file that only looks like one of ours must not reach the wire as an id. */
    return jclass_fault(JM_UUID, base + 3, strlen(base + 3)) == NULL ? base + 3 : NULL;
}
