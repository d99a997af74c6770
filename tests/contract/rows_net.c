/* Rows of networks. */
#include <string.h>

#include "tests/contract/rows.h"

static struct virt_net_seen
look(struct contract *c, const char *id)
{
    const struct virt_net_seen *list = NULL;
    struct virt_net_seen none = {0};
    size_t n = 0;

    OK(c->v->ops->net->list(c->v, &c->a, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, id) == 0)
            return list[i];
    return none;
}

static const struct virt_net_host *
host_of(const struct virt_net_seen *s, const char *mac)
{
    for (size_t i = 0; i < s->n_hosts; i++)
        if (strcmp(s->hosts[i].mac, mac) == 0)
            return &s->hosts[i];
    return NULL;
}

static struct virt_net_host
host(struct contract *c, const struct virt_net_spec *s, const char *mac, unsigned last,
     const char *name)
{
    struct virt_net_host h = {0};
    const char *dot = strrchr(s->net->cidr, '.');
    const char *ip = arena_printf(&c->a, "%.*s.%u", (int)(dot - s->net->cidr), s->net->cidr, last);

    memcpy(h.mac, mac, strlen(mac) + 1);
    memcpy(h.ip, ip, strlen(ip) + 1);
    memcpy(h.name, name, strlen(name) + 1);
    return h;
}

void
net_define_twice(struct contract *c)
{
    struct virt_net_spec *s = contract_net(c);
    struct virt_net_seen seen;

    OK(c->v->ops->net->define(c->v, s, e));
    OK(c->v->ops->net->define(c->v, s, e));
    OK(c->v->ops->net->start(c->v, s->net->id, e));
    seen = look(c, s->net->id);
    CHECK(seen.ours && seen.active);
    CHECK(strcmp(seen.cidr, s->net->cidr) == 0 && strcmp(seen.bridge, s->net->bridge) == 0);
    CHECK(strcmp(seen.mark.order, s->mark.order) == 0 && seen.mark.generation == 1);
    OK(c->v->ops->net->remove(c->v, s->net->id, e));
    CHECK(look(c, s->net->id).id[0] == '\0');
}

void
net_mark(struct contract *c)
{
    struct virt_net_spec *s = contract_net(c);
    struct virt_net_host h = host(c, s, "52:54:00:aa:00:01", 10, "one");
    bool dhcp = (c->caps.can & VIRT_CAN_DHCP) != 0;
    struct virt_net_seen seen;

    OK(c->v->ops->net->define(c->v, s, e));
    if (dhcp)
        OK(c->v->ops->net->host_add(c->v, s->net->id, &h, e));
    s->mark.generation = 7;
    OK(c->v->ops->net->define(c->v, s, e));
    seen = look(c, s->net->id);
    CHECK(seen.ours && seen.active && seen.mark.generation == 7);
    CHECK(!dhcp || host_of(&seen, h.mac) != NULL);
    OK(c->v->ops->net->remove(c->v, s->net->id, e));
}

void
net_hosts(struct contract *c)
{
    struct virt_net_spec *s = contract_net(c);
    struct virt_net_host one = host(c, s, "52:54:00:aa:00:01", 10, "one");
    struct virt_net_host two = host(c, s, "52:54:00:aa:00:02", 11, "two");
    struct virt_net_seen seen;

    OK(c->v->ops->net->define(c->v, s, e));
    OK(c->v->ops->net->host_add(c->v, s->net->id, &one, e));
    OK(c->v->ops->net->host_add(c->v, s->net->id, &one, e));
    OK(c->v->ops->net->host_add(c->v, s->net->id, &two, e));
    seen = look(c, s->net->id);
    CHECK(seen.n_hosts == 2 && host_of(&seen, one.mac) != NULL);
    CHECK(host_of(&seen, two.mac) != NULL && strcmp(host_of(&seen, two.mac)->ip, two.ip) == 0);
    OK(c->v->ops->net->host_remove(c->v, s->net->id, one.mac, e));
    OK(c->v->ops->net->host_remove(c->v, s->net->id, one.mac, e));
    seen = look(c, s->net->id);
    CHECK(seen.n_hosts == 1 && host_of(&seen, one.mac) == NULL);
    OK(c->v->ops->net->remove(c->v, s->net->id, e));
}

void
net_host_moves(struct contract *c)
{
    struct virt_net_spec *s = contract_net(c);
    struct virt_net_host h = host(c, s, "52:54:00:aa:00:01", 10, "one");
    struct virt_net_host moved = host(c, s, "52:54:00:aa:00:01", 20, "other");
    struct virt_net_seen seen;

    OK(c->v->ops->net->define(c->v, s, e));
    OK(c->v->ops->net->host_add(c->v, s->net->id, &h, e));
    OK(c->v->ops->net->host_add(c->v, s->net->id, &moved, e));
    seen = look(c, s->net->id);
    CHECK(seen.n_hosts == 1 && host_of(&seen, h.mac) != NULL);
    CHECK(seen.n_hosts == 1 && strcmp(seen.hosts[0].ip, moved.ip) == 0);
    CHECK(seen.n_hosts == 1 && strcmp(seen.hosts[0].name, "other") == 0);
    OK(c->v->ops->net->remove(c->v, s->net->id, e));
}

void
net_host_taken(struct contract *c)
{
    struct virt_net_spec *s = contract_net(c);
    struct virt_net_host h = host(c, s, "52:54:00:aa:00:01", 10, "one");
    struct virt_net_host thief = host(c, s, "52:54:00:aa:00:02", 10, "two");

    OK(c->v->ops->net->define(c->v, s, e));
    OK(c->v->ops->net->host_add(c->v, s->net->id, &h, e));
    FAILS(c->v->ops->net->host_add(c->v, s->net->id, &thief, e), BY_E_CONFLICT);
    CHECK(look(c, s->net->id).n_hosts == 1);
    OK(c->v->ops->net->remove(c->v, s->net->id, e));
}

void
net_absent(struct contract *c)
{
    const char *id = contract_id(c);

    FAILS(c->v->ops->net->start(c->v, id, e), BY_E_NOT_FOUND);
    OK(c->v->ops->net->host_remove(c->v, id, "52:54:00:aa:00:01", e));
    OK(c->v->ops->net->remove(c->v, id, e));
}

void
net_other_range(struct contract *c)
{
    struct virt_net_spec *s = contract_net(c);
    struct w_network_spec other = *s->net;
    struct virt_net_spec changed = {.net = &other, .mark = s->mark};

    memcpy(other.cidr, "10.232.0.0/24", 14);
    OK(c->v->ops->net->define(c->v, s, e));
    FAILS(c->v->ops->net->define(c->v, &changed, e), BY_E_CONFLICT);
    CHECK(strcmp(look(c, s->net->id).cidr, s->net->cidr) == 0);
    OK(c->v->ops->net->remove(c->v, s->net->id, e));
}
