#include "drivers/virt/virt.h"

#include <string.h>

#include "drivers/base/fault.h"
#include "drivers/virt/virt_fake.h"
#include "drivers/virt/virt_libvirt.h"

/* Around a call that changes the hypervisor: v->inner's slot, or a fault instead. */
#define CHANGE(what, call)                                                                         \
    do {                                                                                           \
        enum fault_verdict before = fault_at(BY_FAULT_VIRT_BEFORE), after;                         \
        int rc;                                                                                    \
                                                                                                   \
        if (before == FAULT_FAIL)                                                                  \
            return err_set(e, BY_E_IO, what ": failed by a fault point");                          \
        rc = v->inner->call;                                                                       \
        after = fault_at(BY_FAULT_VIRT_AFTER);                                                     \
        if (before == FAULT_LOSE || after != FAULT_NONE)                                           \
            return err_set(e, BY_E_TIMEOUT, what ": the answer was lost by a fault point");        \
        return rc;                                                                                 \
    } while (0)

static int
dom_define(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    CHANGE("dom.define", dom->define(v, s, e));
}

static int
dom_start(struct virt *v, const char *id, struct err *e)
{
    CHANGE("dom.start", dom->start(v, id, e));
}

static int
dom_resume(struct virt *v, const char *id, struct err *e)
{
    CHANGE("dom.resume", dom->resume(v, id, e));
}

static int
dom_shutdown(struct virt *v, const char *id, struct err *e)
{
    CHANGE("dom.shutdown", dom->shutdown(v, id, e));
}

static int
dom_destroy(struct virt *v, const char *id, struct err *e)
{
    CHANGE("dom.destroy", dom->destroy(v, id, e));
}

static int
dom_undefine(struct virt *v, const char *id, struct err *e)
{
    CHANGE("dom.undefine", dom->undefine(v, id, e));
}

static int
dom_list(struct virt *v, struct arena *a, const struct virt_dom_seen **out, size_t *n,
         struct err *e)
{
    return v->inner->dom->list(v, a, out, n, e);
}

static int
dom_get(struct virt *v, const char *id, struct arena *a, struct virt_dom_seen *out, struct err *e)
{
    return v->inner->dom->get(v, id, a, out, e);
}

static int
dom_adopt(struct virt *v, const char *id, const struct virt_mark *m, struct err *e)
{
    CHANGE("dom.adopt", dom->adopt(v, id, m, e));
}

static int
dom_leftovers(struct virt *v, const char *id, struct arena *a, const char *const **paths, size_t *n,
              struct err *e)
{
    return v->inner->dom->leftovers(v, id, a, paths, n, e);
}

static int
dom_xml(struct virt *v, const char *id, bool live, struct arena *a, const char **out, struct err *e)
{
    return v->inner->dom->xml(v, id, live, a, out, e);
}

static int
live_vcpus(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    CHANGE("live.vcpus", live->vcpus(v, s, e));
}

static int
live_memory(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    CHANGE("live.memory", live->memory(v, s, e));
}

static int
live_disks(struct virt *v, const struct virt_dom_spec *s, struct err *e)
{
    CHANGE("live.disks", live->disks(v, s, e));
}

static int
vol_create(struct virt *v, const struct virt_vol_spec *s, struct err *e)
{
    CHANGE("vol.create", vol->create(v, s, e));
}

static int
vol_grow(struct virt *v, const char *id, uint64_t size_bytes, struct err *e)
{
    CHANGE("vol.grow", vol->grow(v, id, size_bytes, e));
}

static int
vol_remove(struct virt *v, const char *id, struct err *e)
{
    CHANGE("vol.remove", vol->remove(v, id, e));
}

static int
vol_list(struct virt *v, struct arena *a, const struct virt_vol_seen **out, size_t *n,
         struct err *e)
{
    return v->inner->vol->list(v, a, out, n, e);
}

static int
vol_get(struct virt *v, const char *id, struct arena *a, struct virt_vol_seen *out, struct err *e)
{
    return v->inner->vol->get(v, id, a, out, e);
}

static int
net_define(struct virt *v, const struct virt_net_spec *s, struct err *e)
{
    CHANGE("net.define", net->define(v, s, e));
}

static int
net_start(struct virt *v, const char *id, struct err *e)
{
    CHANGE("net.start", net->start(v, id, e));
}

static int
net_host_add(struct virt *v, const char *id, const struct virt_net_host *h, struct err *e)
{
    CHANGE("net.host_add", net->host_add(v, id, h, e));
}

static int
net_host_remove(struct virt *v, const char *id, const char *mac, struct err *e)
{
    CHANGE("net.host_remove", net->host_remove(v, id, mac, e));
}

static int
net_remove(struct virt *v, const char *id, struct err *e)
{
    CHANGE("net.remove", net->remove(v, id, e));
}

static int
net_list(struct virt *v, struct arena *a, const struct virt_net_seen **out, size_t *n,
         struct err *e)
{
    return v->inner->net->list(v, a, out, n, e);
}

static int
pool_ensure(struct virt *v, struct err *e)
{
    CHANGE("pool.ensure", pool->ensure(v, e));
}

static int
pool_info(struct virt *v, struct arena *a, struct virt_pool_seen *out, struct err *e)
{
    return v->inner->pool->info(v, a, out, e);
}

static int
stats_sample(struct virt *v, bool cheap, struct arena *a, const struct virt_sample **out, size_t *n,
             struct err *e)
{
    return v->inner->stats->sample(v, cheap, a, out, n, e);
}

static int
outer_caps(struct virt *v, struct virt_caps *out, struct err *e)
{
    return v->inner->caps(v, out, e);
}

static int
outer_ping(struct virt *v, struct err *e)
{
    return v->inner->ping(v, e);
}

static void
outer_close(struct virt *v)
{
    v->inner->close(v);
}

static const struct virt_dom_ops dom_ops = {
    .list = dom_list,
    .get = dom_get,
    .define = dom_define,
    .adopt = dom_adopt,
    .start = dom_start,
    .resume = dom_resume,
    .shutdown = dom_shutdown,
    .destroy = dom_destroy,
    .undefine = dom_undefine,
    .leftovers = dom_leftovers,
    .xml = dom_xml,
};
static const struct virt_vol_ops vol_ops = {
    .list = vol_list,
    .get = vol_get,
    .create = vol_create,
    .grow = vol_grow,
    .remove = vol_remove,
};
static const struct virt_net_ops net_ops = {
    .list = net_list,
    .define = net_define,
    .start = net_start,
    .host_add = net_host_add,
    .host_remove = net_host_remove,
    .remove = net_remove,
};
static const struct virt_live_ops live_ops = {
    .vcpus = live_vcpus,
    .memory = live_memory,
    .disks = live_disks,
};
static const struct virt_pool_ops pool_ops = {.ensure = pool_ensure, .info = pool_info};
static const struct virt_stats_ops stats_ops = {.sample = stats_sample};

/* By back end, so that ops->name stays true. */
static const struct virt_ops outer_libvirt = {
    .name = "libvirt",
    .caps = outer_caps,
    .ping = outer_ping,
    .close = outer_close,
    .dom = &dom_ops,
    .vol = &vol_ops,
    .net = &net_ops,
    .live = &live_ops,
    .pool = &pool_ops,
    .stats = &stats_ops,
};
static const struct virt_ops outer_fake = {
    .name = "fake",
    .caps = outer_caps,
    .ping = outer_ping,
    .close = outer_close,
    .dom = &dom_ops,
    .vol = &vol_ops,
    .net = &net_ops,
    .live = &live_ops,
    .pool = &pool_ops,
    .stats = &stats_ops,
};

int
virt_open(const struct virt_config *c, struct virt **out, struct err *e)
{
    bool fake = strncmp(c->uri, "fake://", 7) == 0;
    struct virt *v = NULL;

    if (c->pool_name == NULL || c->pool_path == NULL || c->pool_path[0] != '/')
        return err_field(e, BY_E_INVALID, "pool_path",
                         "the pool needs a name and an absolute path");
    if ((fake ? virt_fake_open(c, &v, e) : virt_libvirt_open(c, &v, e)) < 0)
        return -1;
    v->inner = v->ops;
    v->ops = fake ? &outer_fake : &outer_libvirt;
    *out = v;
    return 0;
}

void
virt_close(struct virt *v)
{
    if (v != NULL)
        v->ops->close(v);
}
