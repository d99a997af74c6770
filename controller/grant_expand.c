#include "controller/grant_expand.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/codec/adoptwire.h"
#include "drivers/crypto/digest.h"

enum { MAC_TRIES = 32 };

struct build {
    const struct w_grant *g;
    const char *ssh_key;
    const struct expand_taken *taken;
    struct arena *a;
    struct expansion *out;
    uint64_t all_vcpus, all_mem_mib; /* that the grant gives */
    char (*macs)[20];                /* given out in this very call */
    size_t n_macs;
};

/* ---- addresses ------------------------------------------------------------------------------ */

static int
cidr_parse(const char *cidr, uint32_t *base, uint32_t *size)
{
    char text[20];
    const char *slash = strchr(cidr, '/');
    struct in_addr in;
    char *end;
    long bits;

    if (slash == NULL || (size_t)(slash - cidr) >= sizeof(text))
        return -1;
    memcpy(text, cidr, (size_t)(slash - cidr));
    text[slash - cidr] = '\0';
    bits = strtol(slash + 1, &end, 10);
    if (*end != '\0' || bits < 8 || bits > 30 || inet_pton(AF_INET, text, &in) != 1)
        return -1;
    *base = ntohl(in.s_addr);
    *size = 1u << (32 - bits);
    return 0;
}

int
cidr_address(const char *cidr, uint32_t n, char out[20])
{
    uint32_t base, size;
    struct in_addr in;

    if (cidr_parse(cidr, &base, &size) < 0 || n >= size - 1)
        return -1;
    in.s_addr = htonl(base + n);
    return inet_ntop(AF_INET, &in, out, 20) == NULL ? -1 : 0;
}

bool
cidr_overlap(const char *a, const char *b)
{
    uint32_t a0, an, b0, bn;

    if (cidr_parse(a, &a0, &an) < 0 || cidr_parse(b, &b0, &bn) < 0)
        return false;
    return a0 <= b0 ? b0 - a0 < an : a0 - b0 < bn;
}

bool
cidr_within(const char *outer, const char *inner)
{
    uint32_t o0, on, i0, in;

    if (cidr_parse(outer, &o0, &on) < 0 || cidr_parse(inner, &i0, &in) < 0)
        return false;
    return i0 >= o0 && i0 - o0 <= on - 1 && in <= on - (i0 - o0);
}

/* Machines start at .10 where the range is wide enough, else right behind the host's address. */
uint32_t
cidr_first(const char *cidr)
{
    uint32_t base, size;

    if (cidr_parse(cidr, &base, &size) < 0)
        return 2;
    return size >= 64 ? EXPAND_FIRST_HOST : 2;
}

static uint32_t
cidr_room(const char *cidr)
{
    uint32_t base, size;

    if (cidr_parse(cidr, &base, &size) < 0)
        return 0;
    return size - 1 - cidr_first(cidr);
}

/* ---- do the lines make sense ---------------------------------------------------------------- */

static const struct w_grant_line *
line_find(const struct w_grant *g, uint32_t line)
{
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);
        if (l->line == line)
            return l;
    }
    return NULL;
}

static int
bad(struct err *e, size_t i, const char *field, const char *what)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "lines[%zu].%s", i, field);
    return err_field(e, BY_E_INVALID, path, "grant line at %s: %s", path, what);
}

/* A machine that was there: the line says its sizes as they are, and nothing to be made. */
static int
check_existing(size_t i, const struct w_grant_line *l, struct err *e)
{
    uint64_t bytes = adopt_disk_bytes(&l->adopt);

    if (l->count != 1)
        return bad(e, i, "count", "each existing machine has a line of its own");
    if (l->adopt.host[0] == '\0')
        return bad(e, i, "adopt", "an existing machine is named with its host");
    if (l->image[0] != '\0' || l->network_line != 0 || l->attach_line != 0 || l->cidr[0] != '\0' ||
        l->apart != APART_NONE)
        return bad(e, i, "image", "nothing is made for an existing machine");
    if (l->vcpus != l->adopt.vcpus || l->mem_mib != l->adopt.mem_mib ||
        l->disk_gib != (bytes + GIB_BYTES - 1) / GIB_BYTES)
        return bad(e, i, "vcpus", "the line grants exactly what the machine has");
    return 0;
}

static int
check_vm(const struct w_grant *g, size_t i, const struct w_grant_line *l, struct err *e)
{
    const struct w_grant_line *net;

    if (l->adopt.id[0] != '\0')
        return check_existing(i, l, e);
    if (l->vcpus < 1)
        return bad(e, i, "vcpus", "a VM needs at least one virtual CPU");
    if (l->mem_mib < 64)
        return bad(e, i, "mem_mib", "a VM needs at least 64 MiB of memory");
    if (l->disk_gib < 1)
        return bad(e, i, "disk_gib", "a VM needs a root disk of at least 1 GiB");
    if (l->image[0] == '\0')
        return bad(e, i, "image", "a VM needs a base image, named by its SHA-256");
    if (l->attach_line != 0)
        return bad(e, i, "attach_line", "only a volume is attached to a VM line");
    if (l->network_line == 0)
        return 0;
    net = line_find(g, l->network_line);
    if (net == NULL || net->kind != RES_NETWORK)
        return bad(e, i, "network_line", "there is no network line of that number in this grant");
    return 0;
}

static int
check_volume(const struct w_grant *g, size_t i, const struct w_grant_line *l, struct err *e)
{
    const struct w_grant_line *vm;

    if (l->disk_gib < 1)
        return bad(e, i, "disk_gib", "a volume needs a size of at least 1 GiB");
    if (l->vcpus != 0 || l->mem_mib != 0 || l->network_line != 0 || l->image[0] != '\0' ||
        l->apart != APART_NONE)
        return bad(e, i, "kind", "a volume has a size, a format and an attach_line, nothing else");
    if (l->attach_line == 0)
        return 0;
    vm = line_find(g, l->attach_line);
    if (vm == NULL || vm->kind != RES_VM)
        return bad(e, i, "attach_line", "there is no VM line of that number in this grant");
    if (l->count > vm->count)
        return bad(e, i, "count", "more volumes than machines of the line they attach to");
    return 0;
}

static int
check_network(size_t i, const struct w_grant_line *l, struct err *e)
{
    if (l->cidr[0] == '\0')
        return bad(e, i, "cidr", "a network needs an IPv4 range");
    if (l->count != 1 && !l->deferred)
        return bad(e, i, "count", "one network a line: each needs a range of its own");
    if (l->vcpus != 0 || l->mem_mib != 0 || l->disk_gib != 0 || l->image[0] != '\0' ||
        l->apart != APART_NONE)
        return bad(e, i, "kind", "a network has a range, nothing else");
    return 0;
}

/* What the unit makes when it needs it. */
static int
check_deferred(const struct w_grant *g, size_t i, const struct w_grant_line *l, struct err *e)
{
    const struct w_grant_line *to =
        line_find(g, l->network_line != 0 ? l->network_line : l->attach_line);

    if (l->deferred && g->shape != SHAPE_FREE)
        return bad(e, i, "deferred", "only a grant of free shape leaves making to the unit");
    if (l->deferred && (l->network_line != 0 || l->attach_line != 0))
        return bad(e, i, "deferred", "the unit joins networks and machines when it makes it");
    if (to != NULL && to->deferred)
        return bad(e, i, l->network_line != 0 ? "network_line" : "attach_line",
                   "that line is deferred: nothing is there to join");
    return 0;
}

/* Zone and class are for what is made by the grant, and stands by itself. */
static int
check_place(size_t i, const struct w_grant_line *l, struct err *e)
{
    const char *field = l->zone[0] != '\0' ? "zone" : "pool_class";

    if (l->zone[0] == '\0' && l->pool_class[0] == '\0')
        return 0;
    if (l->kind == RES_NETWORK)
        return bad(e, i, field, "a network stands where its machines are: they ask");
    if (l->attach_line != 0)
        return bad(e, i, field, "a volume stands where its machine is: that one asks");
    if (l->adopt.id[0] != '\0')
        return bad(e, i, field, "an existing machine stands where it is");
    if (l->deferred)
        return bad(e, i, field, "what the unit makes later asks for no zone or class");
    return 0;
}

static int
check_line(const struct w_grant *g, size_t i, struct err *e)
{
    const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);

    if (check_deferred(g, i, l, e) < 0 || check_place(i, l, e) < 0)
        return -1;
    for (size_t j = 0; j < i; j++)
        if (JM_ITEM(g->lines, struct w_grant_line, j)->line == l->line)
            return bad(e, i, "line", "this number is used twice");
    switch ((enum w_res_kind)l->kind) {
    case RES_VM:
        return check_vm(g, i, l, e);
    case RES_VOLUME:
        return check_volume(g, i, l, e);
    case RES_NETWORK:
        return check_network(i, l, e);
    case RES_NONE:
    case RES__MAX:
        break;
    }
    return bad(e, i, "kind", "vm, volume or network");
}

/* Volumes on each machine of a line, and machines on each network, have bounds of their own. */
static int
check_sums(const struct w_grant *g, struct err *e)
{
    size_t total = 0;

    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);
        uint64_t disks = 0, cards = 0;

        for (size_t j = 0; j < g->lines.n; j++) {
            const struct w_grant_line *m = JM_ITEM(g->lines, struct w_grant_line, j);
            disks += m->kind == RES_VOLUME && m->attach_line == l->line;
            cards += m->kind == RES_VM && m->network_line == l->line ? m->count : 0;
        }
        if (l->kind == RES_VM && disks > 16)
            return bad(e, i, "line", "more than 16 volumes for one machine");
        if (l->kind == RES_NETWORK && cards > cidr_room(l->cidr))
            return bad(e, i, "cidr", "the range is too small for its machines");
        total += l->deferred ? 0 : l->count;
    }
    if (g->shape == SHAPE_FREE && total > g->resources_max)
        return err_field(e, BY_E_INVALID, "resources_max",
                         "the lines make %zu resources, the grant allows %u at one time", total,
                         g->resources_max);
    if (total > EXPAND_ITEMS_MAX)
        return err_field(e, BY_E_INVALID, "lines",
                         "the grant makes %zu resources, at most %d fit into one: split it", total,
                         EXPAND_ITEMS_MAX);
    return 0;
}

static bool
asks_any(const struct w_grant *g)
{
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);

        if (l->zone[0] != '\0' || l->pool_class[0] != '\0')
            return true;
    }
    return false;
}

int
grant_lines_check(const struct w_grant *g, struct err *e)
{
    if (g->supersedes[0] != '\0' && g->version < 4)
        return err_field(e, BY_E_INVALID, "version",
                         "a grant that supersedes another is of version 4");
    for (size_t i = 0; i < g->lines.n && g->version < 5; i++)
        if (JM_ITEM(g->lines, struct w_grant_line, i)->apart != APART_NONE)
            return err_field(e, BY_E_INVALID, "version",
                             "a grant whose machines are asked to be apart is of version 5");
    if (asks_any(g) && g->version < 6)
        return err_field(e, BY_E_INVALID, "version",
                         "a grant whose lines ask for a zone or a class of pool is of version 6");
    if (g->shape != SHAPE_NONE && g->version < 2)
        return err_field(e, BY_E_INVALID, "version", "a grant that says its shape is of version 2");
    if (g->shape != SHAPE_FREE && g->resources_max != 0)
        return err_field(e, BY_E_INVALID, "resources_max", "only free shape has a bound");
    if (g->lines.n == 0)
        return err_field(e, BY_E_INVALID, "lines", "the grant has no line: nothing is granted");
    for (size_t i = 0; i < g->lines.n; i++)
        if (check_line(g, i, e) < 0)
            return -1;
    return check_sums(g, e);
}

/* ---- expansion ------------------------------------------------------------------------------ */

static bool
is_taken(const struct build *b, const char *what, const char *value)
{
    if (strcmp(what, "mac") == 0)
        for (size_t i = 0; i < b->n_macs; i++)
            if (strcmp(b->macs[i], value) == 0)
                return true;
    return b->taken != NULL && b->taken->fn(b->taken->arg, what, value);
}

static int
mac_new(struct build *b, char out[20], struct err *e)
{
    unsigned char r[3];

    for (int i = 0; i < MAC_TRIES; i++) {
        random_bytes(r, sizeof(r));
        (void)snprintf(out, 20, "52:54:00:%02x:%02x:%02x", r[0], r[1], r[2]);
        if (!is_taken(b, "mac", out)) {
            memcpy(b->macs[b->n_macs++], out, 20);
            return 0;
        }
    }
    return err_set(e, BY_E_BUSY, "no free hardware address after %d tries: ask again", MAC_TRIES);
}

/* by + the first 12 hex digits of the id: a kernel interface has 15 characters at most. */
void
expand_bridge_name(const char *id, char out[16])
{
    size_t n = 2;

    out[0] = 'b';
    out[1] = 'y';
    for (const char *p = id; *p != '\0' && n < 14; p++)
        if (*p != '-')
            out[n++] = *p;
    out[n] = '\0';
}

static void
item_name(const struct w_grant_line *l, uint32_t ordinal, char out[W_NAME])
{
    char tail[16] = "";

    if (l->count > 1)
        (void)snprintf(tail, sizeof(tail), "-%u", ordinal);
    /* A stem that fills the field gives way to its number; never inside a UTF-8 character. */
    size_t keep = strlen(l->name);
    size_t room = 64 - strlen(tail);
    if (keep > room) {
        keep = room;
        while (keep > 0 && ((unsigned char)l->name[keep] & 0xC0) == 0x80)
            keep--;
    }
    (void)snprintf(out, W_NAME, "%.*s%s", (int)keep, l->name, tail);
}

void
expand_host_name(const char *name, const char *id, char out[W_NAME])
{
    size_t n = strlen(name);
    bool ok = n >= 1 && n <= 63 && name[0] != '-' && name[n - 1] != '-';

    for (size_t i = 0; ok && i < n; i++)
        ok = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
             name[i] == '-';
    if (ok)
        memcpy(out, name, n + 1);
    else
        (void)snprintf(out, W_NAME, "vm-%.8s", id);
}

static struct expand_item *
item_new(struct build *b, const struct w_grant_line *l, uint32_t ordinal, size_t group)
{
    struct expansion *x = b->out;
    struct expand_item *it = &x->items[x->n];
    struct w_order *o = &it->order;

    assert(x->n < EXPAND_ITEMS_MAX);
    x->n++;
    it->line = l->line;
    it->ordinal = ordinal;
    it->kind = (enum w_res_kind)l->kind;
    it->group = group;
    x->groups[group].n_items++;
    o->version = 1;
    memcpy(o->grant, b->g->id, W_ID);
    memcpy(o->system, b->g->system, W_ID);
    memcpy(o->authority_id, b->g->id, W_ID);
    o->authority = AUTH_GRANT;
    o->verb = VERB_CREATE;
    o->wanted = l->kind == RES_VM ? WANT_RUNNING : WANT_PRESENT;
    o->line = l->line;
    o->ordinal = ordinal;
    o->kind = l->kind;
    if (l->kind == RES_NETWORK) /* its first digits name the bridge */
        random_uuid(o->resource);
    else
        random_uuid_at(b->g->approved_at_ms, o->resource);
    return it;
}

static size_t
group_new(struct build *b)
{
    struct expansion *x = b->out;

    x->groups[x->n_groups] = (struct expand_group){.first = x->n};
    return x->n_groups++;
}

static const struct expand_there nothing_there;

static const struct expand_there *
there(const struct build *b, const struct w_grant_line *l)
{
    return b->taken == NULL || b->taken->there == NULL ? &nothing_there : &b->taken->there[l->line];
}

static int
make_network(struct build *b, const struct w_grant_line *l, size_t group, struct expand_item **out,
             struct err *e)
{
    struct expand_item *it = item_new(b, l, 1, group);
    struct w_network_spec *s = &it->order.network;

    for (int i = 0;; i++) {
        expand_bridge_name(it->order.resource, s->bridge);
        if (!is_taken(b, "bridge", s->bridge))
            break;
        if (i == MAC_TRIES)
            return err_set(e, BY_E_BUSY, "no free bridge name: ask again");
        random_uuid(it->order.resource);
    }
    memcpy(s->id, it->order.resource, W_ID);
    item_name(l, 1, s->name);
    memcpy(s->cidr, l->cidr, sizeof(s->cidr));
    b->out->groups[group].networks++;
    b->out->groups[group].cidr = s->cidr;
    *out = it;
    return 0;
}

static struct expand_item *
make_volume(struct build *b, const struct w_grant_line *l, uint32_t ordinal, size_t group)
{
    struct expand_item *it = item_new(b, l, ordinal, group);
    struct w_volume_spec *s = &it->order.volume;

    memcpy(s->id, it->order.resource, W_ID);
    item_name(l, ordinal, s->name);
    s->format = l->format == FMT_NONE ? FMT_QCOW2 : l->format;
    s->size_bytes = l->disk_gib * GIB_BYTES;
    b->out->groups[group].disk_bytes += s->size_bytes;
    return it;
}

/* The data volumes of one machine: made right before it, so that orders come in working order. */
static void
make_disks(struct build *b, const struct w_grant_line *l, uint32_t ordinal, size_t group,
           struct jm_list *disks)
{
    struct w_vm_disk *d = arena_alloc(b->a, 16 * sizeof(*d));

    disks->items = d;
    for (size_t i = 0; i < b->g->lines.n; i++) {
        const struct w_grant_line *v = JM_ITEM(b->g->lines, struct w_grant_line, i);

        if (v->kind != RES_VOLUME || v->deferred || v->attach_line != l->line ||
            ordinal > v->count || ordinal <= there(b, v)->count)
            continue;
        struct expand_item *it = make_volume(b, v, ordinal, group);
        memcpy(d[disks->n].volume, it->order.resource, W_ID);
        d[disks->n].format = it->order.volume.format;
        disks->n++;
    }
}

static int
make_nic(struct build *b, struct w_vm_spec *s, const struct w_network_spec *net, uint32_t address,
         struct err *e)
{
    struct w_nic *nic = arena_alloc(b->a, sizeof(*nic));

    memcpy(nic->network, net->id, W_ID);
    if (mac_new(b, nic->mac, e) < 0)
        return -1;
    if (cidr_address(net->cidr, address, nic->ip) < 0)
        return err_set(e, BY_E_INVALID, "network %s: %s has no address left", net->name, net->cidr);
    s->nics = (struct jm_list){nic, 1};
    return 0;
}

/* Where a line wants to be, its group must be: all of it, or each machine by itself. */
static void
asks_word(const char *word, const char **item, const char **group, bool *mixed)
{
    if (word[0] == '\0')
        return;
    *item = word;
    if (*group != NULL && strcmp(*group, word) != 0)
        *mixed = true;
    *group = word;
}

static void
asks(struct expand_item *it, const struct w_grant_line *l, struct expand_group *g)
{
    asks_word(l->zone, &it->zone, &g->zone, &g->mixed);
    asks_word(l->pool_class, &it->pool_class, &g->pool_class, &g->mixed);
}

static int
make_vm(struct build *b, const struct w_grant_line *l, uint32_t ordinal, size_t group,
        const struct w_network_spec *net, uint32_t address, struct err *e)
{
    struct expand_group *gr = &b->out->groups[group];
    size_t first = b->out->n;
    struct jm_list disks = {0};

    make_disks(b, l, ordinal, group, &disks);
    struct expand_item *it = item_new(b, l, ordinal, group);
    struct w_vm_spec *s = &it->order.vm;
    memcpy(s->id, it->order.resource, W_ID);
    for (size_t i = first; i + 1 < b->out->n; i++)
        memcpy(b->out->items[i].order.volume.vm, s->id, W_ID);
    item_name(l, ordinal, s->name);
    expand_host_name(s->name, s->id, s->hostname);
    s->vcpus = s->vcpus_max = l->vcpus;
    s->mem_mib = s->mem_max_mib = l->mem_mib;
    if (b->g->shape == SHAPE_FREE)
        grant_headroom(b->all_vcpus, b->all_mem_mib, &s->vcpus_max, &s->mem_max_mib);
    s->firmware = l->firmware == FW_NONE ? FW_BIOS : l->firmware;
    memcpy(s->image, l->image, sizeof(s->image));
    random_uuid(s->root_volume);
    random_uuid(s->seed_volume);
    s->root_bytes = l->disk_gib * GIB_BYTES;
    s->ssh_key = b->ssh_key;
    s->disks = disks;
    it->apart = (enum w_apart)l->apart;
    if (it->apart > gr->apart)
        gr->apart = it->apart;
    asks(it, l, gr);
    gr->vms++;
    gr->vcpus += s->vcpus;
    if (s->vcpus > gr->largest_vcpus)
        gr->largest_vcpus = s->vcpus;
    gr->mem_mib += s->mem_mib;
    gr->disk_bytes += s->root_bytes;
    return net == NULL ? 0 : make_nic(b, s, net, address, e);
}

/* The next address of a network that nobody has. */
static uint32_t
address_next(const struct build *b, const struct w_network_spec *net, uint32_t from)
{
    char ip[20];

    for (; cidr_address(net->cidr, from, ip) == 0; from++) {
        char both[W_ID + 24];

        (void)snprintf(both, sizeof(both), "%s %s", net->id, ip);
        if (!is_taken(b, "ip", both))
            break;
    }
    return from;
}

/* A network, made or there already, and every machine that is made on it. */
static int
expand_network(struct build *b, const struct w_grant_line *nl, struct err *e)
{
    const struct expand_there *is = there(b, nl);
    size_t group = group_new(b);
    const struct w_network_spec *spec = &is->net;
    struct expand_item *net = NULL;
    uint32_t address = cidr_first(nl->cidr);

    if (is->count == 0) {
        if (make_network(b, nl, group, &net, e) < 0)
            return -1;
        spec = &net->order.network;
    }
    if (is->count > 0) {
        b->out->groups[group].pinned = is->host;
        b->out->groups[group].cidr = spec->cidr;
        b->out->groups[group].segment = is->segment;
        b->out->groups[group].fixed = !is->spans;
    }
    for (size_t i = 0; i < b->g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(b->g->lines, struct w_grant_line, i);

        if (l->kind != RES_VM || l->deferred || l->network_line != nl->line)
            continue;
        if (l->apart > (int)b->out->groups[group].apart) /* also from those that are there */
            b->out->groups[group].apart = (enum w_apart)l->apart;
        for (uint32_t n = there(b, l)->count + 1; n <= l->count; n++) {
            if (spec->id[0] == '\0')
                return err_set(e, BY_E_CONFLICT, "line %u: its network %s is gone", l->line,
                               nl->name);
            if (is->count > 0)
                address = address_next(b, spec, address);
            if (make_vm(b, l, n, group, spec, address++, e) < 0)
                return -1;
        }
    }
    if (b->out->n == b->out->groups[group].first) /* nothing new there */
        b->out->n_groups--;
    return 0;
}

static int
expand_alone(struct build *b, const struct w_grant_line *l, struct err *e)
{
    for (uint32_t n = there(b, l)->count + 1; n <= l->count; n++) {
        if (l->kind == RES_VM && l->network_line == 0 &&
            make_vm(b, l, n, group_new(b), NULL, 0, e) < 0)
            return -1;
        if (l->kind == RES_VOLUME && l->attach_line == 0) {
            size_t group = group_new(b);

            asks(make_volume(b, l, n, group), l, &b->out->groups[group]);
        }
    }
    return 0;
}

void
grant_headroom(uint64_t all_vcpus, uint64_t all_mem_mib, uint32_t *vcpus, uint64_t *mem_mib)
{
    uint64_t v = (uint64_t)*vcpus * 4, m = *mem_mib * 4;

    v = v > EXPAND_VCPUS_MAX ? EXPAND_VCPUS_MAX : v;
    v = v > all_vcpus ? all_vcpus : v;
    m = m > all_mem_mib ? all_mem_mib : m;
    *vcpus = v > *vcpus ? (uint32_t)v : *vcpus;
    *mem_mib = m > *mem_mib ? m : *mem_mib;
}

static void
total_add(struct build *b, const struct w_grant_line *l, size_t *total)
{
    *total += l->deferred ? 0 : l->count;
    if (l->kind == RES_VM) {
        b->all_vcpus += (uint64_t)l->vcpus * l->count;
        b->all_mem_mib += l->mem_mib * l->count;
    }
}

int
grant_expand(const struct w_grant *g, const char *ssh_key, const struct expand_taken *taken,
             struct arena *a, struct expansion *out, struct err *e)
{
    struct expansion x = {0};
    struct build b = {.g = g, .ssh_key = ssh_key, .taken = taken, .a = a, .out = &x};
    size_t total = 0;

    for (size_t i = 0; i < g->lines.n; i++)
        total_add(&b, JM_ITEM(g->lines, struct w_grant_line, i), &total);
    assert(total <= EXPAND_ITEMS_MAX);
    x.items = arena_alloc(a, (total + 1) * sizeof(*x.items));
    x.groups = arena_alloc(a, (total + 1) * sizeof(*x.groups));
    b.macs = arena_alloc(a, (total + 1) * sizeof(*b.macs));
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);
        int rc;

        if (l->deferred)
            continue;
        rc = l->kind == RES_NETWORK ? expand_network(&b, l, e) : expand_alone(&b, l, e);

        if (rc < 0)
            return err_wrap(e, "grant %s, line %u", g->number, l->line);
    }
    *out = x;
    return 0;
}
