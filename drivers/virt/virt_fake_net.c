#include "drivers/virt/virt_fake_net.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jmap.h"

#define MAX_HOSTS 4096

struct fake_net {
    char id[W_ID], bridge[20], cidr[20], order[W_ID];
    bool ours, active;
    uint64_t term, generation;
    struct jm_list hosts; /* of struct virt_net_host */
};

#define AT(type, f) .off = offsetof(struct type, f), .size = sizeof(((struct type *)0)->f)

static const struct jm_field host_rows[] = {
    {.name = "ip", .doc = "fixed address", .type = JM_STR, AT(virt_net_host, ip)},
    {.name = "mac", .doc = "whose", .type = JM_STR, .flags = JM_REQ, AT(virt_net_host, mac)},
    {.name = "name", .doc = "host name", .type = JM_STR, AT(virt_net_host, name)},
    {0},
};
static const struct jm_field net_rows[] = {
    {.name = "active", .doc = "up", .type = JM_BOOL, AT(fake_net, active)},
    {.name = "bridge", .doc = "interface", .type = JM_STR, AT(fake_net, bridge)},
    {.name = "cidr", .doc = "range", .type = JM_STR, AT(fake_net, cidr)},
    {.name = "generation", .doc = "of our mark", .type = JM_U64, AT(fake_net, generation)},
    {.name = "hosts",
     .doc = "fixed addresses",
     .type = JM_LIST,
     .max = MAX_HOSTS,
     .sub = host_rows,
     .sub_size = sizeof(struct virt_net_host),
     AT(fake_net, hosts)},
    {.name = "id", .doc = "UUID", .type = JM_STR, .flags = JM_REQ, AT(fake_net, id)},
    {.name = "order", .doc = "of our mark", .type = JM_STR, AT(fake_net, order)},
    {.name = "ours", .doc = "carries our mark", .type = JM_BOOL, AT(fake_net, ours)},
    {.name = "term", .doc = "of our mark", .type = JM_U64, AT(fake_net, term)},
    {0},
};

static int
net_load(const char *world, const char *id, struct arena *a, struct fake_net *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char path[PATH_MAX];
    struct err why = {0};

    if (fake_path(world, path, "net", id, ".json", e) < 0)
        return -1;
    if (fake_get(path, &text, &why) < 0 && why.code == BY_E_NOT_FOUND)
        return err_set(e, BY_E_NOT_FOUND, "fake: no network %s", id);
    if (why.code != BY_E_OK)
        return err_set(e, why.code, "%s", why.msg);
    return jm_decode(text.s, text.len, net_rows, sizeof(*out), JM_PEER, a, out, e);
}

static int
net_store(const char *world, const struct fake_net *n, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char path[PATH_MAX];

    if (fake_path(world, path, "net", n->id, ".json", e) < 0)
        return -1;
    jm_encode(net_rows, n, &text);
    return fake_put(path, text.s, text.len, e);
}

int
fake_net_check_active(const char *world, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct fake_net n;

    if (net_load(world, id, &a, &n, NULL) < 0 || !n.active)
        return err_set(e, BY_E_IO, "network %s is not active", id);
    return 0;
}

bool
fake_net_has_bridge(const char *world, const char *bridge)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *ids;
    struct fake_net n;
    size_t count;

    if (fake_names(world, "net", ".json", &a, &ids, &count, NULL) < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (net_load(world, ids[i], &a, &n, NULL) == 0 && n.active && strcmp(n.bridge, bridge) == 0)
            return true;
    return false;
}

int
fake_net_all_down(const char *world, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *ids;
    struct fake_net n;
    size_t count;

    if (fake_names(world, "net", ".json", &a, &ids, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (net_load(world, ids[i], &a, &n, e) < 0)
            return -1;
        n.active = false;
        if (net_store(world, &n, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- operations ----------------------------------------------------------------------------- */

static void
net_see(const struct fake_net *n, struct virt_net_seen *out)
{
    *out = (struct virt_net_seen){.ours = n->ours, .active = n->active};
    memcpy(out->id, n->id, sizeof(out->id));
    (void)snprintf(out->name, sizeof(out->name), "by-%s", n->id);
    memcpy(out->bridge, n->bridge, sizeof(out->bridge));
    memcpy(out->cidr, n->cidr, sizeof(out->cidr));
    memcpy(out->mark.order, n->order, sizeof(out->mark.order));
    out->mark.term = n->term;
    out->mark.generation = n->generation;
    out->hosts = n->hosts.items;
    out->n_hosts = n->hosts.n;
}

static int
list_locked(struct fake *f, struct arena *a, const struct virt_net_seen **out, size_t *n,
            struct err *e)
{
    const char *const *ids;
    struct virt_net_seen *seen;
    struct fake_net net;
    size_t count;

    if (fake_names(f->world, "net", ".json", a, &ids, &count, e) < 0)
        return -1;
    seen = arena_alloc(a, (count + 1) * sizeof(*seen));
    for (size_t i = 0; i < count; i++) {
        if (net_load(f->world, ids[i], a, &net, e) < 0)
            return -1;
        net_see(&net, &seen[i]);
    }
    *out = seen;
    *n = count;
    return 0;
}

static int
net_list(struct virt *v, struct arena *a, const struct virt_net_seen **out, size_t *n,
         struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "net.list", NULL, FAKE_READS, &c, e) < 0)
        return -1;
    return fake_leave(&c, list_locked(c.f, a, out, n, e), e);
}

static int
define_locked(struct fake *f, const struct virt_net_spec *s, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct err why = {0};
    struct fake_net n = {.ours = true};

    if (net_load(f->world, s->net->id, &a, &n, &why) < 0) {
        if (why.code != BY_E_NOT_FOUND)
            return err_set(e, why.code, "%s", why.msg);
        n = (struct fake_net){.ours = true};
        memcpy(n.id, s->net->id, sizeof(n.id));
    }
    if (!n.ours)
        return err_set(e, BY_E_CONFLICT, "fake: network %s is there and not ours", n.id);
    if (n.bridge[0] != '\0' &&
        (strcmp(n.bridge, s->net->bridge) != 0 || strcmp(n.cidr, s->net->cidr) != 0))
        return err_set(e, BY_E_CONFLICT, "fake: network %s is there on %s with %s", n.id, n.bridge,
                       n.cidr);
    (void)snprintf(n.bridge, sizeof(n.bridge), "%s", s->net->bridge);
    (void)snprintf(n.cidr, sizeof(n.cidr), "%s", s->net->cidr);
    memcpy(n.order, s->mark.order, sizeof(n.order));
    n.term = s->mark.term;
    n.generation = s->mark.generation;
    n.active = true;
    return net_store(f->world, &n, e);
}

static int
net_define(struct virt *v, const struct virt_net_spec *s, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "net.define", s->net->id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, define_locked(c.f, s, e), e);
}

static int
start_locked(struct fake *f, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct fake_net n;

    if (net_load(f->world, id, &a, &n, e) < 0)
        return -1;
    n.active = true;
    return net_store(f->world, &n, e);
}

static int
net_start(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "net.start", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, start_locked(c.f, id, e), e);
}

/* The list without this MAC, room for one more at its end. */
static struct virt_net_host *
hosts_without(const struct fake_net *n, const char *mac, struct arena *a, size_t *count)
{
    struct virt_net_host *hosts = arena_alloc(a, (n->hosts.n + 1) * sizeof(*hosts));

    *count = 0;
    for (size_t i = 0; i < n->hosts.n; i++) {
        const struct virt_net_host *h = JM_ITEM(n->hosts, const struct virt_net_host, i);

        if (strcmp(h->mac, mac) != 0)
            hosts[(*count)++] = *h;
    }
    return hosts;
}

static int
host_add_locked(struct fake *f, const char *id, const struct virt_net_host *h, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct virt_net_host *hosts;
    struct fake_net n;
    size_t count;

    if (net_load(f->world, id, &a, &n, e) < 0)
        return -1;
    hosts = hosts_without(&n, h->mac, &a, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(hosts[i].ip, h->ip) == 0)
            return err_set(e, BY_E_CONFLICT, "fake: network %s: %s belongs to %s", id, h->ip,
                           hosts[i].mac);
    if (count >= MAX_HOSTS)
        return err_set(e, BY_E_TOO_LARGE, "fake: network %s has %zu addresses already", id, count);
    hosts[count] = *h;
    n.hosts = (struct jm_list){hosts, count + 1};
    return net_store(f->world, &n, e);
}

static int
net_host_add(struct virt *v, const char *id, const struct virt_net_host *h, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "net.host_add", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, host_add_locked(c.f, id, h, e), e);
}

static int
host_remove_locked(struct fake *f, const char *id, const char *mac, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct virt_net_host *hosts;
    struct err why = {0};
    struct fake_net n;
    size_t count;

    if (net_load(f->world, id, &a, &n, &why) < 0)
        return why.code == BY_E_NOT_FOUND ? 0 : err_set(e, why.code, "%s", why.msg);
    hosts = hosts_without(&n, mac, &a, &count);
    if (count == n.hosts.n)
        return 0;
    n.hosts = (struct jm_list){hosts, count};
    return net_store(f->world, &n, e);
}

static int
net_host_remove(struct virt *v, const char *id, const char *mac, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "net.host_remove", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, host_remove_locked(c.f, id, mac, e), e);
}

static int
remove_locked(struct fake *f, const char *id, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct err why = {0};
    char path[PATH_MAX];
    struct fake_net n;

    if (net_load(f->world, id, &a, &n, &why) < 0)
        return why.code == BY_E_NOT_FOUND ? 0 : err_set(e, why.code, "%s", why.msg);
    return fake_path(f->world, path, "net", id, ".json", e) < 0 ? -1 : fake_drop(path, e);
}

static int
net_remove(struct virt *v, const char *id, struct err *e)
{
    struct fake_call c;

    if (fake_enter(v, "net.remove", id, FAKE_CHANGES, &c, e) < 0)
        return -1;
    return fake_leave(&c, remove_locked(c.f, id, e), e);
}

const struct virt_net_ops virt_fake_net_ops = {
    .list = net_list,
    .define = net_define,
    .start = net_start,
    .host_add = net_host_add,
    .host_remove = net_host_remove,
    .remove = net_remove,
};
