#include "agent/report.h"

#include <stdio.h>
#include <string.h>

#include "agent/facts.h"
#include "agent/fetch.h"
#include "agent/shared.h"
#include "drivers/base/clock.h"
#include "drivers/codec/utf8.h"
#include "drivers/host/segment.h"
#include "policies/reconcile.h"

enum {
    ITEMS_MAX = 6000 /* as wire.def */,
    REASON_MAX = 900,
    FOUND_MAX = 1024,
    FOUND_BYTES = 65536 /* as wire.def */
};

static int
seen_of(enum rec_seen s)
{
    static const int of[REC_SEEN__MAX] = {
        [REC_SEEN_NONE] = SEEN_NONE,       [REC_SEEN_UNKNOWN] = SEEN_UNKNOWN,
        [REC_SEEN_WORKING] = SEEN_WORKING, [REC_SEEN_RUNNING] = SEEN_RUNNING,
        [REC_SEEN_STOPPED] = SEEN_STOPPED, [REC_SEEN_PRESENT] = SEEN_PRESENT,
        [REC_SEEN_BINNED] = SEEN_BINNED,   [REC_SEEN_ABSENT] = SEEN_ABSENT,
        [REC_SEEN_MISSING] = SEEN_MISSING, [REC_SEEN_UNCLAIMED] = SEEN_UNCLAIMED,
        [REC_SEEN_FOREIGN] = SEEN_FOREIGN,
    };

    return of[s];
}

static uint64_t
hash_add(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211ULL;
    return h;
}

/* Equal items hash equal, whenever they were read. */
static uint64_t
hash_item(const struct w_observed *o)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_observed timeless = *o;

    timeless.at_ms = 0;
    jm_encode(schema_observed, &timeless, &b);
    return hash_add(1469598103934665603ULL, strbuf_peek(&b), b.len);
}

/* Of the disks that a machine which was there brought along. */
static uint64_t
existing_bytes(const struct virt_dom_seen *d, const struct w_adoption *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct w_found_disk *f = JM_ITEM(p->disks, struct w_found_disk, i);

        for (size_t k = 0; !f->shared && f->path != NULL && k < d->config.n_disks; k++)
            if (d->config.disks[k].path != NULL && strcmp(d->config.disks[k].path, f->path) == 0)
                sum += d->config.disks[k].bytes;
    }
    return sum;
}

/* "VNI PEER PEER": what the kernel has, whatever was ordered. */
static const char *
segment_text(const struct agent *ag, const struct receipt *t, struct arena *a)
{
    const struct segment_seen *s = world_segment(ag->world, t->order.network.bridge);
    SCOPED(strbuf) struct strbuf b = {0};

    if (s == NULL || s->vni == 0) /* nothing, or what no frame passes */
        return NULL;
    strbuf_addf(&b, "%u", (unsigned)s->vni);
    for (size_t i = 0; i < s->n_peers && i < W_PEERS_MAX; i++)
        strbuf_addf(&b, " %s", s->peers[i]);
    return arena_strdup(a, strbuf_peek(&b));
}

/* Sizes as read back, never as ordered. */
static void
read_back(const struct agent *ag, const struct receipt *t, struct arena *a, struct w_observed *o)
{
    const struct virt_dom_seen *d;
    const struct virt_vol_seen *v;

    if (t->order.kind == RES_NETWORK) {
        o->segment = segment_text(ag, t, a);
        return;
    }
    v = world_vol(ag->world, t->order.kind == RES_VM ? t->order.vm.root_volume : t->id);
    if (v != NULL)
        o->bytes = v->capacity_bytes;
    d = t->order.kind == RES_VM ? world_dom(ag->world, t->id) : NULL;
    if (d == NULL)
        return;
    if (t->order.vm.adopt.id[0] != '\0')
        o->bytes = existing_bytes(d, &t->order.vm.adopt);
    o->vcpus = d->has_live ? d->live.vcpus : d->config.vcpus;
    o->mem_mib = d->has_live ? d->live.mem_mib : d->config.mem_mib;
}

/* What others named or said, as text that the wire takes: one line of well-formed UTF-8. */
static void
clean_text(const char *in, char *out, size_t size)
{
    size_t left = strlen(in), at = 0;

    while (left > 0) {
        uint32_t cp = 0;
        size_t n = utf8_next(in, left, &cp);
        bool fine = n > 0 && cp >= 0x20 && (cp < 0x7f || cp > 0x9f);

        if (n == 0)
            n = 1;
        if (at + (fine ? n : 1) >= size)
            break;
        if (fine)
            memcpy(out + at, in, n);
        else
            out[at] = '?';
        at += fine ? n : 1;
        in += n;
        left -= n;
    }
    out[at] = '\0';
}

static void
put_reason(struct arena *a, struct w_observed *o, const char *code, const char *reason)
{
    char clean[REASON_MAX];

    (void)snprintf(o->code, sizeof(o->code), "%s", code);
    clean_text(reason, clean, sizeof(clean));
    o->reason = arena_strdup(a, clean);
}

/* obstacle: it is not even tried at this moment, so what failed before is no news. */
static void
item_of(const struct agent *ag, const struct receipt *t, const struct rec_verdict *v, bool obstacle,
        struct arena *a, struct w_observed *o)
{
    const struct track *k = track_find(&ag->tracks, t->id);
    char text[FETCH_TEXT];

    o->kind = t->order.kind;
    (void)snprintf(o->resource, sizeof(o->resource), "%s", t->id);
    (void)snprintf(o->order, sizeof(o->order), "%s", t->order.id);
    o->term = t->order.term;
    o->generation = t->order.generation;
    o->seen = seen_of(v->seen);
    o->equal = v->equal;
    o->at_ms = world_wall_of(ag->world, t->id);
    if (v->seen != REC_SEEN_UNKNOWN)
        read_back(ag, t, a, o);
    if (v->reason != NULL)
        put_reason(a, o, "", v->reason);
    if (t->facts.absent && v->seen == REC_SEEN_ABSENT && !facts_current(ag, t).told)
        o->erasure = t->facts.erasure;
    if (k == NULL || v->equal || obstacle)
        return;
    if (k->image[0] != '\0' && fetch_busy(ag->fetch, k->image, text)) {
        o->seen = SEEN_WORKING;
        put_reason(a, o, err_code_name(BY_E_BUSY), text);
    } else if (k->asks) {
        o->seen = SEEN_WORKING;
        put_reason(a, o, err_code_name(BY_E_BUSY), k->steward);
    } else if (k->failed.code != BY_E_OK && v->seen != REC_SEEN_UNKNOWN && !k->out_of_set) {
        o->seen = SEEN_FAILED;
        put_reason(a, o, err_code_name(k->failed.code), k->failed.msg);
    } else if (k->busy && v->seen == REC_SEEN_MISSING) {
        o->seen = SEEN_WORKING;
    }
}

/* ---- what no receipt knows ---- */

static void
add_unregistered(struct arena *a, struct w_observed *items, size_t *n, int kind, const char *id,
                 const char *name, bool ours, int64_t at_ms)
{
    struct w_observed *o = &items[*n];

    if (*n >= ITEMS_MAX)
        return;
    memset(o, 0, sizeof(*o));
    o->kind = kind;
    (void)snprintf(o->resource, sizeof(o->resource), "%s", id);
    if (name != NULL)
        clean_text(name, o->name, sizeof(o->name));
    o->seen = ours ? SEEN_UNCLAIMED : SEEN_FOREIGN;
    o->at_ms = at_ms;
    put_reason(a, o, "",
               ours ? "carries our mark, but no receipt knows it"
                    : "not made by an order: left alone");
    (*n)++;
}

/* Root disks and seeds belong to their machine's receipt. */
static bool
volume_known(const struct agent *ag, const char *id)
{
    if (receipts_find(ag->receipts, id) != NULL)
        return true;
    for (size_t i = 0; i < receipts_count(ag->receipts); i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);

        if (t->order.kind == RES_VM &&
            (strcmp(t->order.vm.root_volume, id) == 0 || strcmp(t->order.vm.seed_volume, id) == 0))
            return true;
    }
    return false;
}

static bool
network_on(const struct agent *ag, const char *bridge)
{
    for (size_t i = 0; i < receipts_count(ag->receipts); i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);

        if (t->order.kind == RES_NETWORK && strcmp(t->order.network.bridge, bridge) == 0)
            return true;
    }
    return false;
}

static void
unregistered(const struct agent *ag, struct arena *a, struct w_observed *items, size_t *n)
{
    const struct world *w = ag->world;
    int64_t at = world_wall_at(w);

    for (size_t i = 0; i < world_doms(w); i++) {
        const struct virt_dom_seen *d = world_dom_at(w, i);

        if (d != NULL && receipts_find(ag->receipts, d->id) == NULL)
            add_unregistered(a, items, n, RES_VM, d->id, d->name, d->ours, at);
    }
    for (size_t i = 0; i < world_nets(w); i++) {
        const struct virt_net_seen *d = world_net_at(w, i);

        if (d != NULL && receipts_find(ag->receipts, d->id) == NULL)
            add_unregistered(a, items, n, RES_NETWORK, d->id, d->name, d->ours, at);
    }
    for (size_t i = 0; !shared_is_on(ag->shared) && i < world_vols(w); i++) {
        const struct virt_vol_seen *d = world_vol_at(w, i);
        const char *id = d != NULL ? world_volume_id(d->name) : NULL;

        if (id != NULL && !volume_known(ag, id))
            add_unregistered(a, items, n, RES_VOLUME, id, d->name, true, at);
    }
}

/* A device of our name scheme says 12 digits of an id; the rest is not known. */
static void
stray_segments(const struct agent *ag, struct arena *a, struct w_observed *items, size_t *n)
{
    bool known;
    size_t count;
    const struct segment_seen *s = world_segments(ag->world, &count, &known);

    for (size_t i = 0; i < count; i++) {
        char id[W_ID];

        if (*n >= ITEMS_MAX || network_on(ag, s[i].bridge))
            continue;
        (void)snprintf(id, sizeof(id), "%.8s-%.4s-0000-0000-000000000000", s[i].bridge + 2,
                       s[i].bridge + 10);
        add_unregistered(a, items, n, RES_NETWORK, id, s[i].name, true, world_wall_at(ag->world));
        put_reason(a, &items[*n - 1], "",
                   s[i].mtu == 0
                       ? arena_printf(a,
                                      "filters of a device %s are there without it, and no order "
                                      "knows it: they go with the next change of a segment here",
                                      s[i].name)
                       : arena_printf(a,
                                      "the device %s is a part of the segment %u that no order "
                                      "knows: left alone",
                                      s[i].name, (unsigned)s[i].vni));
    }
}

/* In detail, at most as many as a report may hold; the others are only listed. */
static void
found_add(const struct agent *ag, struct report *r)
{
    struct w_found_text *f = arena_alloc(&r->a, FOUND_MAX * sizeof(*f));
    size_t n = 0;

    for (size_t i = 0; i < world_doms(ag->world) && n < FOUND_MAX; i++) {
        const struct virt_dom_seen *d = world_dom_at(ag->world, i);
        SCOPED(strbuf) struct strbuf b = {0};

        if (d == NULL || d->ours || d->found == NULL)
            continue;
        jm_encode(schema_found, d->found, &b);
        if (b.len <= FOUND_BYTES)
            f[n++].text = arena_strdup(&r->a, strbuf_peek(&b));
    }
    r->status.found = (struct jm_list){.items = f, .n = n};
}

static uint64_t
found_hash(const struct jm_list *found)
{
    uint64_t h = 7;

    for (size_t i = 0; i < found->n; i++) {
        const char *text = JM_ITEM(*found, struct w_found_text, i)->text;

        h = hash_add(h, text, strlen(text));
    }
    return h;
}

/* ---- the report ---- */

static void
add_sent(struct report *r, const char *id, uint64_t hash, bool refusal)
{
    struct report_sent *s = &r->sent[r->n_sent++];

    (void)snprintf(s->id, sizeof(s->id), "%s", id);
    s->hash = hash;
    s->refusal = refusal;
}

static void
add_receipts(struct agent *ag, const struct rec_world *w, bool complete, struct report *r,
             struct w_observed *items, size_t *n)
{
    for (size_t i = 0; i < w->n_wants && *n < ITEMS_MAX; i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);
        struct rec_verdict v = reconcile_judge(w, &w->wants[i]);
        struct w_observed o = {0};
        uint64_t h;

        item_of(ag, t, &v, w->wants[i].obstacle != NULL, &r->a, &o);
        h = hash_item(&o);
        /* A tombstone is told once: what is not in a full inventory is not there. */
        if ((!complete || o.seen == SEEN_ABSENT) && track_get(&ag->tracks, t->id)->sent == h)
            continue;
        items[(*n)++] = o;
        add_sent(r, t->id, h, false);
        r->sent[r->n_sent - 1].erasure = o.erasure != NULL;
    }
}

static void
add_refusals(struct agent *ag, int64_t wall_ms, struct report *r, struct w_observed *items,
             size_t *n)
{
    for (size_t i = 0; i < ag->tracks.n && *n < ITEMS_MAX; i++) {
        struct track *k = ag->tracks.v[i];
        struct w_observed *o = &items[*n];

        if (!k->refused || k->refused_told)
            continue;
        memset(o, 0, sizeof(*o));
        o->kind = k->refused_kind;
        (void)snprintf(o->resource, sizeof(o->resource), "%s", k->id);
        (void)snprintf(o->order, sizeof(o->order), "%s", k->refused_order);
        o->term = k->refused_term;
        o->generation = k->refused_generation;
        o->seen = SEEN_REFUSED;
        o->at_ms = wall_ms;
        put_reason(&r->a, o, k->refused_word, k->refusal.msg);
        add_sent(r, k->id, k->refused_generation, true);
        (*n)++;
    }
}

static void
head_of(const struct agent *ag, bool complete, int64_t mono_ms, struct report *r, bool *ok)
{
    const struct virt_pool_seen *pool = world_pool(ag->world);
    char why[320], clean[320];

    (void)snprintf(r->status.boot, sizeof(r->status.boot), "%s", ag->host.boot);
    if (pool != NULL)
        r->status.pool_free_bytes = pool->free_bytes;
    *ok = facts_observed_ok(ag, mono_ms, why, sizeof(why));
    r->status.unknown = !*ok;
    r->status.complete = complete && *ok;
    if (!*ok) {
        clean_text(why, clean, sizeof(clean));
        r->status.reason = arena_strdup(&r->a, clean);
    }
}

void
report_build(struct agent *ag, bool complete, uint64_t foreign_known, int64_t wall_ms,
             int64_t mono_ms, struct report *out)
{
    size_t cap, n = 0, n_foreign = 0;
    struct w_observed *items, *foreign;
    struct rec_world w;
    bool ok;

    memset(out, 0, sizeof(*out));
    head_of(ag, complete, mono_ms, out, &ok);
    facts_build(ag, wall_ms, mono_ms, &out->a, &w);
    cap = w.n_wants + ag->tracks.n + world_doms(ag->world) + world_nets(ag->world) +
          world_vols(ag->world) + 1;
    items = arena_alloc(&out->a, cap * sizeof(*items));
    foreign = arena_alloc(&out->a, cap * sizeof(*foreign));
    out->sent = arena_alloc(&out->a, cap * sizeof(*out->sent));
    out->foreign_hash = foreign_known;
    if (ok) {
        unregistered(ag, &out->a, foreign, &n_foreign);
        stray_segments(ag, &out->a, foreign, &n_foreign);
        found_add(ag, out);
        out->foreign_hash = found_hash(&out->status.found);
        for (size_t i = 0; i < n_foreign; i++)
            out->foreign_hash = out->foreign_hash * 31 + hash_item(&foreign[i]);
        if (out->foreign_hash != foreign_known)
            complete = out->status.complete = true;
        if (!complete)
            out->status.found.n = 0; /* nothing new about them */
        add_receipts(ag, &w, complete, out, items, &n);
    }
    add_refusals(ag, wall_ms, out, items, &n);
    for (size_t i = 0; complete && i < n_foreign && n < ITEMS_MAX; i++)
        items[n++] = foreign[i];
    if (n == ITEMS_MAX) /* perhaps cut: what is not in it may be there all the same */
        out->status.complete = false;
    out->status.items = (struct jm_list){.items = items, .n = n};
}

void
report_acknowledged(struct agent *ag, const struct report *r)
{
    for (size_t i = 0; i < r->n_sent; i++) {
        struct track *k = track_find(&ag->tracks, r->sent[i].id);

        if (k == NULL)
            continue;
        if (r->sent[i].refusal)
            k->refused_told = k->refused_generation == r->sent[i].hash;
        else
            k->sent = r->sent[i].hash;
        k->told = k->told || r->sent[i].erasure;
    }
}

void
report_tell_anew(struct agent *ag)
{
    for (size_t i = 0; i < ag->tracks.n; i++) {
        ag->tracks.v[i]->told = false;
        ag->tracks.v[i]->sent = 0;
    }
    for (size_t i = 0; i < receipts_count(ag->receipts); i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);
        struct receipt_facts f = facts_current(ag, t);

        if (!f.told)
            continue;
        f.told = false;
        receipts_stage_facts(ag->receipts, t->id, &f);
    }
    ag->dirty = true; /* what was staged is made durable with the next look */
}

void
report_clear(struct report *r)
{
    arena_clear(&r->a);
    memset(r, 0, sizeof(*r));
}
