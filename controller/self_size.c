/* Resizing and renaming, and the plain acts (power, recycle bin) as something that can be undone.
 */
#include <stdio.h>
#include <string.h>

#include "controller/self.h"
#include "policies/model.h"

#define USE_WINDOW_MS ((int64_t)7 * 86400000) /* real use is looked for so far back */

struct wish {
    uint32_t vcpus, vcpus_max;
    uint64_t mem_mib, mem_max_mib, bytes;
    bool shrinks, live; /* something gets less; all of it can be added to the running guest */
};

static const struct w_grant_line *
line_of(const struct self *s)
{
    for (size_t i = 0; i < s->g.lines.n; i++)
        if (JM_ITEM(s->g.lines, struct w_grant_line, i)->line == s->r.line)
            return JM_ITEM(s->g.lines, struct w_grant_line, i);
    return NULL;
}

/* A grant of exact shape gives each machine its line's size, and no more. */
static int
check_exact(const struct self *s, const struct wish *w, struct err *e)
{
    const struct w_grant_line *l = line_of(s);

    if (s->g.shape == SHAPE_FREE)
        return 0;
    if (l == NULL || w->vcpus > l->vcpus || w->mem_mib > l->mem_mib ||
        w->bytes > l->disk_gib * GIB_BYTES)
        return err_set(e, BY_E_CONFLICT,
                       "grant %s is of exact shape: %s may have at most %u vCPUs, %llu MiB and "
                       "%llu GiB; apply for a change, or for free shape",
                       s->row.number, s->r.name, l == NULL ? 0 : l->vcpus,
                       l == NULL ? 0 : (unsigned long long)l->mem_mib,
                       l == NULL ? 0 : (unsigned long long)l->disk_gib);
    return 0;
}

static int
newest_order(struct self *s, struct w_order *o, struct err *e)
{
    struct order_row row;

    if (order_row_get(s->t->d, s->r.order, s->k->a, &row, e) < 0)
        return -1;
    return W_DECODE(order, row.body, strlen(row.body), JM_SIGNED, s->k->a, o, e);
}

/* What a guest that is started can grow to while it runs: four times its size, within the grant. */
static void
headroom(const struct self *s, struct wish *w)
{
    struct quota_size all;

    w->vcpus_max = w->vcpus;
    w->mem_max_mib = w->mem_mib;
    if (s->g.shape != SHAPE_FREE)
        return;
    quota_size_granted(&s->g, &all);
    grant_headroom((uint64_t)all.by[QM_VCPUS], (uint64_t)all.by[QM_MEM], &w->vcpus_max,
                   &w->mem_max_mib);
}

static int
wish_fill(struct self *s, struct wish *w, struct err *e)
{
    const struct w_unit_act_request *in = s->in;
    struct w_order o;
    uint64_t more;

    if (newest_order(s, &o, e) < 0)
        return -1;
    w->vcpus = in->vcpus != 0 ? in->vcpus : s->r.vcpus;
    w->mem_mib = in->mem_mib != 0 ? in->mem_mib : s->r.mem_mib;
    w->bytes = in->disk_gib != 0 ? in->disk_gib * GIB_BYTES : s->r.bytes;
    if (s->r.kind == RES_VOLUME && (in->vcpus != 0 || in->mem_mib != 0))
        return err_field(e, BY_E_INVALID, "vcpus", "a volume has a size, nothing else");
    if (s->r.kind == RES_VM && w->mem_mib < 64)
        return err_field(e, BY_E_INVALID, "mem_mib", "a VM needs at least 64 MiB of memory");
    if (w->bytes < s->r.bytes)
        return err_field(e, BY_E_INVALID, "disk_gib",
                         "%s has %llu GiB: a disk only grows, its end would be lost", s->r.name,
                         (unsigned long long)(s->r.bytes / GIB_BYTES));
    if (w->bytes != s->r.bytes && o.vm.adopt.id[0] != '\0')
        return err_field(e, BY_E_INVALID, "disk_gib",
                         "%s was there before its grant (存量): its disks stay as they are",
                         s->r.name);
    if (w->vcpus == s->r.vcpus && w->mem_mib == s->r.mem_mib && w->bytes == s->r.bytes)
        return err_set(e, BY_E_CONFLICT, "%s has this size already", s->r.name);
    headroom(s, w);
    more = w->mem_mib - s->r.mem_mib;
    w->shrinks = w->vcpus < s->r.vcpus || w->mem_mib < s->r.mem_mib;
    w->live = !w->shrinks && w->vcpus <= o.vm.vcpus_max && w->mem_mib <= o.vm.mem_max_mib &&
              more % REC_DIMM_MIB == 0;
    return 0;
}

/* R36: below what the guest really uses, or perhaps so: said, and asked. */
static int
check_use(struct self *s, const struct wish *w, struct err *e)
{
    int64_t slots = 0, peak = 0, used;

    if (s->r.kind != RES_VM || w->mem_mib >= s->r.mem_mib)
        return 0;
    if (self_mem_peak(s->t->d, s->r.id, s->t->now_ms - USE_WINDOW_MS, &slots, &peak, e) < 0)
        return -1;
    used = (peak * (int64_t)s->r.mem_mib + 9999) / 10000;
    if (slots > 0 && used <= (int64_t)w->mem_mib)
        return 0;
    if (slots == 0)
        s->warning = arena_printf(s->k->a,
                                  "what %s really uses of its memory is unknown: it may not fit "
                                  "into %llu MiB",
                                  s->r.name, (unsigned long long)w->mem_mib);
    else
        s->warning = arena_printf(s->k->a,
                                  "%s has used up to %lld MiB of its memory in the last 7 days: "
                                  "more than %llu MiB",
                                  s->r.name, (long long)used, (unsigned long long)w->mem_mib);
    if (s->in->confirm || s->in->dry_run)
        return 0;
    return err_field(e, BY_E_CONFLICT, "confirm",
                     "%s; ask again with confirm to do it all the same", s->warning);
}

static uint64_t
beyond(uint64_t now, uint64_t after)
{
    return after > now ? after - now : 0;
}

/* Growth needs room where it stands. */
static int
check_room(struct self *s, const struct wish *w, struct err *e)
{
    struct expand_group grow = {.vcpus = beyond(s->r.vcpus, w->vcpus),
                                .mem_mib = beyond(s->r.mem_mib, w->mem_mib),
                                .disk_bytes = beyond(s->r.bytes, w->bytes),
                                .largest_vcpus = w->vcpus};
    struct expansion x = {.groups = &grow, .n_groups = 1};
    char host[W_ID];

    if (grow.vcpus == 0 && grow.mem_mib == 0 && grow.disk_bytes == 0)
        return 0;
    return self_room(s, &x, s->r.host, host, e);
}

static const char *
size_text(const struct self *s, uint32_t vcpus, uint64_t mem_mib, uint64_t bytes)
{
    if (s->r.kind == RES_VOLUME)
        return arena_printf(s->k->a, "%llu GiB", (unsigned long long)(bytes / GIB_BYTES));
    return arena_printf(s->k->a, "%u vCPU, %llu MiB, %llu GiB", vcpus, (unsigned long long)mem_mib,
                        (unsigned long long)(bytes / GIB_BYTES));
}

int
self_resize(struct self *s, struct err *e)
{
    bool up = s->r.kind == RES_VM && s->r.wanted == WANT_RUNNING;
    struct wish w = {0};
    struct quota_size want;

    if (s->r.kind == RES_NETWORK)
        return err_set(e, BY_E_INVALID, "%s is a network: it has no size", s->r.name);
    if (wish_fill(s, &w, e) < 0 || check_exact(s, &w, e) < 0)
        return -1;
    quota_size_of(s->r.kind, s->r.wanted, w.vcpus, w.mem_mib, w.bytes, &want);
    if (self_quota(s, s->r.id, &want, e) < 0 || check_room(s, &w, e) < 0 ||
        check_use(s, &w, e) < 0 ||
        self_restart(s, up && !w.live,
                     w.shrinks ? "a running guest does not give back what it has"
                               : "it was not started for so much",
                     e) < 0)
        return -1;
    struct act x = {.verb = VERB_RESIZE,
                    .vcpus = s->r.kind == RES_VM ? w.vcpus : 0,
                    .mem_mib = s->r.kind == RES_VM ? w.mem_mib : 0,
                    .bytes = w.bytes,
                    .vcpus_max = w.vcpus_max,
                    .mem_max_mib = w.mem_max_mib};
    s->after = s->before;
    s->after.vcpus = s->r.kind == RES_VM ? w.vcpus : 0;
    s->after.mem_mib = s->r.kind == RES_VM ? w.mem_mib : 0;
    s->after.bytes = w.bytes;
    s->text = arena_printf(s->k->a, "%s resized from %s to %s", s->r.name,
                           size_text(s, s->r.vcpus, s->r.mem_mib, s->r.bytes),
                           size_text(s, w.vcpus, w.mem_mib, w.bytes));
    return self_order(s, &s->r, &x, e) < 0 ? -1 : self_finish(s, e);
}

int
self_rename(struct self *s, struct err *e)
{
    struct act x = {.verb = VERB_CHANGE, .name = s->in->name};
    struct quota_size none = {0};

    if (self_name_check(s, s->in->name, e) < 0 || self_quota(s, s->r.id, &none, e) < 0)
        return -1;
    if (s->r.seen_generation != s->r.generation || !s->r.seen_equal)
        return err_set(e, BY_E_CONFLICT,
                       "%s has an order in work: rename it when that has been read back",
                       s->r.name);
    s->after = s->before;
    memcpy(s->after.name, s->in->name, sizeof(s->after.name));
    s->text = arena_printf(s->k->a, "%s renamed to %s", s->r.name, s->in->name);
    return self_order(s, &s->r, &x, e) < 0 ? -1 : self_finish(s, e);
}

static const char *const simple_words[ACT__MAX] = {[ACT_BIN] = "put into the recycle bin",
                                                   [ACT_RESTORE] = "restored",
                                                   [ACT_START] = "started",
                                                   [ACT_STOP] = "stopped"};

int
self_note(struct api_call *k, struct tx *t, enum w_unit_act what, const struct resource_row *was,
          const char *reason, struct err *e)
{
    struct w_unit_act_request in = {.reason = reason};
    struct self *s = arena_alloc(k->a, sizeof(*s));

    if (self_open(s, k, t, what, &in, was->id, e) < 0)
        return -1;
    s->after = s->before;
    self_state(was, &s->before);
    s->text = arena_printf(k->a, "%s %s", was->name, simple_words[what]);
    return self_keep(s, e);
}

int
self_simple(struct self *s, struct err *e)
{
    static const struct act acts[ACT__MAX] = {
        [ACT_BIN] = {.verb = VERB_BIN, .wanted = WANT_BINNED},
        [ACT_RESTORE] = {.verb = VERB_RESTORE},
        [ACT_START] = {.verb = VERB_POWER, .wanted = WANT_RUNNING},
        [ACT_STOP] = {.verb = VERB_POWER, .wanted = WANT_STOPPED},
    };
    struct act x = acts[s->what];
    struct quota_size want = {0};
    struct resource_row now;

    if (s->what == ACT_RESTORE && s->r.wanted == WANT_BINNED)
        quota_size_of(s->r.kind, WANT_PRESENT, s->r.vcpus, s->r.mem_mib, s->r.bytes, &want);
    if (s->what == ACT_RESTORE && s->r.wanted != WANT_BINNED)
        quota_size_of(s->r.kind, WANT_PRESENT, s->r.prior_vcpus, s->r.prior_mem_mib, s->r.bytes,
                      &want);
    if (self_quota(s, s->r.id, &want, e) < 0)
        return -1;
    s->text = arena_printf(s->k->a, "%s %s", s->r.name, simple_words[s->what]);
    if (self_order(s, &s->r, &x, e) < 0 || resource_get(s->t->d, s->r.id, s->k->a, &now, e) < 0)
        return -1;
    self_state(&now, &s->after);
    return self_finish(s, e);
}

/* ---- routes ----------------------------------------------------------------------------------
 */

int
api_resource_resize(struct api_call *k, struct tx *t, struct err *e)
{
    struct self *s = arena_alloc(k->a, sizeof(*s));

    return self_open(s, k, t, ACT_RESIZE, k->in, k->id, e) < 0 ? -1 : self_resize(s, e);
}

int
api_resource_rename(struct api_call *k, struct tx *t, struct err *e)
{
    struct self *s = arena_alloc(k->a, sizeof(*s));

    return self_open(s, k, t, ACT_RENAME, k->in, k->id, e) < 0 ? -1 : self_rename(s, e);
}
