/* Making something new within what the grant still has free. */
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/granting.h"
#include "controller/made.h"
#include "controller/own.h"
#include "controller/parts.h"
#include "controller/self.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_resource.h"

enum { TRIES = 32, ORDINAL_MAX = 1000000 };

/* ---- under which grant -----------------------------------------------------------------------
 */

struct search {
    struct self *s;
    char id[W_ID];
    size_t n;
};

static int
search_one(void *arg, const char *grant, struct err *e)
{
    struct search *f = arg;

    if (self_grant(f->s, grant, e) < 0)
        return -1;
    if (f->s->g.shape == SHAPE_FREE && f->n++ == 0)
        (void)snprintf(f->id, sizeof(f->id), "%s", grant);
    return 0;
}

static int
find_grant(struct self *s, struct err *e)
{
    struct search f = {.s = s};
    int rc;

    if (strlen(s->in->grant) == 36 && strchr(s->in->grant, '-') != NULL)
        return self_grant(s, s->in->grant, e);
    if (s->in->grant[0] != '\0') {
        rc = grant_number_find(s->t->d, s->in->grant, f.id, e);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return err_field(e, BY_E_NOT_FOUND, "grant", "no such grant among those of your unit");
        return self_grant(s, f.id, e);
    }
    if (self_each_grant(s->t->d, s->k->who.unit, s->t->now_ms, search_one, &f, e) < 0)
        return -1;
    if (f.n == 0)
        return err_field(
            e, BY_E_CONFLICT, "grant",
            "your unit has no grant of free shape in force, and only within one does a "
            "unit make things by itself: apply for one");
    if (f.n > 1)
        return err_field(e, BY_E_INVALID, "grant",
                         "your unit has %zu grants of free shape in force: say which", f.n);
    return self_grant(s, f.id, e);
}

static int
check_grant(struct self *s, uint32_t *ordinal, struct err *e)
{
    uint32_t things;

    if (s->g.shape != SHAPE_FREE)
        return err_field(
            e, BY_E_CONFLICT, "grant",
            "grant %s is of exact shape: it made what its lines say; a unit makes more "
            "by itself only under one of free shape",
            s->row.number);
    if (s->row.superseded_by[0] != '\0')
        return err_field(e, BY_E_CONFLICT, "grant",
                         "grant %s was superseded by %s: create under that one", s->row.number,
                         s->row.superseded_by);
    if (s->t->now_ms < s->g.valid_from_ms || s->t->now_ms > s->g.valid_to_ms)
        return err_field(e, BY_E_CONFLICT, "grant",
                         "the grant %s is not valid now: nothing more can be made under it",
                         s->row.number);
    if (self_count(s->t->d, s->g.id, &things, ordinal, e) < 0)
        return -1;
    if (things >= s->g.resources_max || *ordinal >= ORDINAL_MAX)
        return err_field(
            e, BY_E_CONFLICT, "grant",
            "grant %s allows %u VMs, volumes and networks at one time, and has so many",
            s->row.number, s->g.resources_max);
    (*ordinal)++;
    return 0;
}

/* ---- as a line of one ------------------------------------------------------------------------
 */

/* The image that is asked for, or the grant's only one. */
static int
pick_image(struct self *s, struct w_grant_line *l, struct err *e)
{
    const char *only = NULL;

    for (size_t i = 0; i < s->g.lines.n; i++) {
        const struct w_grant_line *g = JM_ITEM(s->g.lines, struct w_grant_line, i);

        if (g->kind != RES_VM)
            continue;
        if (strcmp(g->image, s->in->image) == 0) {
            memcpy(l->image, g->image, sizeof(l->image));
            return 0;
        }
        if (only != NULL && strcmp(only, g->image) != 0 && s->in->image[0] == '\0')
            return err_field(e, BY_E_INVALID, "image", "grant %s names several images: say which",
                             s->row.number);
        only = g->image;
    }
    if (only == NULL || s->in->image[0] != '\0')
        return err_field(e, BY_E_INVALID, "image", "grant %s names no such image for a machine",
                         s->row.number);
    memcpy(l->image, only, sizeof(l->image));
    return 0;
}

static int
line_fill(struct self *s, struct w_grant_line *l, struct err *e)
{
    const struct w_unit_act_request *in = s->in;

    *l = (struct w_grant_line){.line = 1,
                               .kind = in->kind,
                               .count = 1,
                               .vcpus = in->vcpus,
                               .mem_mib = in->mem_mib,
                               .disk_gib = in->disk_gib,
                               .firmware = in->firmware,
                               .format = in->format};
    memcpy(l->name, in->name, sizeof(l->name));
    memcpy(l->cidr, in->cidr, sizeof(l->cidr));
    return in->kind == RES_VM ? pick_image(s, l, e) : 0;
}

/* A network's range lies within one that the grant gives; hosts check the same. */
static int
check_range(struct self *s, struct err *e)
{
    if (s->in->kind != RES_NETWORK)
        return 0;
    for (size_t i = 0; i < s->g.lines.n; i++) {
        const struct w_grant_line *g = JM_ITEM(s->g.lines, struct w_grant_line, i);

        if (g->kind == RES_NETWORK && cidr_within(g->cidr, s->in->cidr))
            return 0;
    }
    return err_field(e, BY_E_CONFLICT, "cidr",
                     "%s does not lie within an address range that grant %s gives", s->in->cidr,
                     s->row.number);
}

static int
expand(struct self *s, const struct w_grant_line *l, struct expansion *x, struct err *e)
{
    struct w_grant one = {
        .version = 1, .approved_at_ms = s->t->now_ms, .lines = {(void *)(uintptr_t)l, 1}};
    struct system_row sys;
    struct quota_size all;

    memcpy(one.id, s->g.id, sizeof(one.id));
    memcpy(one.system, s->g.system, sizeof(one.system));
    memcpy(one.number, s->g.number, sizeof(one.number));
    if (grant_lines_check(&one, e) < 0 || granting_images(s->t, &one, NULL, s->k->a, e) < 0 ||
        system_row_get(s->t->d, s->g.system, s->k->a, &sys, e) < 0)
        return -1;
    if (granting_expand(s->t, &one, sys.ssh_key, NULL, s->k->a, x, e) < 0)
        return -1;
    if (l->kind == RES_VM) {
        quota_size_granted(&s->g, &all);
        grant_headroom((uint64_t)all.by[QM_VCPUS], (uint64_t)all.by[QM_MEM],
                       &x->items[0].order.vm.vcpus_max, &x->items[0].order.vm.mem_max_mib);
    }
    return 0;
}

/* ---- where, and joined to what ---------------------------------------------------------------
 */

static int
join_network(struct self *s, const struct resource_row *net, struct w_order *o, struct err *e)
{
    struct w_nic *nic = arena_alloc(s->k->a, sizeof(*nic));
    unsigned char r[3];
    int rc = 1;

    memcpy(nic->network, net->id, sizeof(nic->network));
    for (int i = 0; i < TRIES && rc == 1; i++) {
        random_bytes(r, sizeof(r));
        (void)snprintf(nic->mac, sizeof(nic->mac), "52:54:00:%02x:%02x:%02x", r[0], r[1], r[2]);
        rc = address_mac_taken(s->t->d, nic->mac, e);
    }
    if (rc != 0)
        return rc < 0 ? -1 : err_set(e, BY_E_BUSY, "no free hardware address: ask again");
    rc = 1;
    for (uint32_t n = cidr_first(net->cidr); rc == 1; n++) {
        if (cidr_address(net->cidr, n, nic->ip) < 0)
            return err_field(e, BY_E_CONFLICT, "network", "network %s: %s has no address left",
                             net->name, net->cidr);
        rc = self_ip_taken(s->t->d, net->id, nic->ip, e);
    }
    o->vm.nics = (struct jm_list){nic, 1};
    return rc;
}

/* A neighbour that it joins: of this unit and system, there to stay. */
static int
neighbour(struct self *s, const char *id, enum w_res_kind kind, struct resource_row *out,
          struct err *e)
{
    const char *field = kind == RES_NETWORK ? "network" : "vm";

    if (resource_get(s->t->d, id, s->k->a, out, e) < 0 ||
        own_check(s->k, out->unit, "resource", e) < 0 || parts_refuse(out, e) < 0)
        return -1;
    if (out->kind != (int)kind || strcmp(out->system, s->g.system) != 0)
        return err_field(e, BY_E_INVALID, field, "%s is no %s of this information system",
                         out->name, w_res_kind_names[kind]);
    if (out->wanted == WANT_BINNED || out->wanted == WANT_ABSENT || out->absent_ms > 0)
        return err_field(e, BY_E_CONFLICT, field, "%s is in the recycle bin: restore it first",
                         out->name);
    return 0;
}

struct joined {
    struct resource_row net, vm;
    const char *host; /* where it must stand, or stands best, or NULL */
    bool new_part;    /* the network has none there yet */
};

static int
joined_fill(struct self *s, struct joined *j, struct err *e)
{
    const struct w_unit_act_request *in = s->in;

    if (in->network[0] != '\0' && in->kind != RES_VM)
        return err_field(e, BY_E_INVALID, "network", "only a VM joins a network");
    if (in->vm[0] != '\0' && in->kind != RES_VOLUME)
        return err_field(e, BY_E_INVALID, "vm", "only a volume is attached to a machine");
    if (in->network[0] != '\0') {
        if (neighbour(s, in->network, RES_NETWORK, &j->net, e) < 0)
            return -1;
        j->host = j->net.host;
    }
    if (in->vm[0] != '\0') {
        if (neighbour(s, in->vm, RES_VM, &j->vm, e) < 0)
            return -1;
        if (j->vm.seen_generation != j->vm.generation || !j->vm.seen_equal)
            return err_field(e, BY_E_CONFLICT, "vm",
                             "%s has an order in work: wait until it has been read back",
                             j->vm.name);
        j->host = j->vm.host;
    }
    return 0;
}

static const char *
text_of(const struct self *s)
{
    const struct w_unit_act_request *in = s->in;

    if (in->kind == RES_NETWORK)
        return arena_printf(s->k->a, "network %s (%s) created", in->name, in->cidr);
    if (in->kind == RES_VOLUME)
        return arena_printf(s->k->a, "volume %s of %llu GiB created", in->name,
                            (unsigned long long)in->disk_gib);
    return arena_printf(s->k->a, "VM %s of %u vCPU, %llu MiB, %llu GiB created", in->name,
                        in->vcpus, (unsigned long long)in->mem_mib,
                        (unsigned long long)in->disk_gib);
}

/* Another host than that of its network's first part. */
static int
room_elsewhere(struct self *s, struct joined *j, struct expansion *x, const char *segment,
               char out[W_ID], struct err *e)
{
    struct expand_group *g = &x->groups[0];
    struct err why = {0};

    g->cidr = j->net.cidr;
    g->segment = segment;
    for (const char *p = segment + W_ID - 1; *p == ' ' && g->apart == APART_NONE; p += W_ID) {
        char host[W_ID]; /* one that has a part */

        (void)snprintf(host, sizeof(host), "%s", p + 1);
        if (strcmp(host, j->host) != 0 && self_room(s, x, host, out, &why) == 0)
            return 0;
    }
    if (self_room(s, x, NULL, out, e) < 0)
        return -1;
    j->new_part = strstr(segment + W_ID - 1, out) == NULL;
    return 0;
}

/* Beside its network where that has room; else on any host that the network can reach. */
static int
room(struct self *s, struct joined *j, struct expansion *x, char out[W_ID], struct err *e)
{
    bool network = s->in->network[0] != '\0', spans = false;
    const char *segment;
    struct err first = {0};

    x->groups[0].apart = (enum w_apart)s->in->apart;
    if (network && s->in->apart != APART_NONE) {
        if (parts_segment(s->t->d, j->net.id, s->k->a, &segment, &spans, e) < 0)
            return -1;
        return spans ? room_elsewhere(s, j, x, segment, out, e) : self_room(s, x, j->host, out, e);
    }
    if (self_room(s, x, j->host, out, &first) == 0)
        return 0;
    if (network && first.code == BY_E_CONFLICT &&
        parts_segment(s->t->d, j->net.id, s->k->a, &segment, &spans, e) < 0)
        return -1;
    if (spans)
        return room_elsewhere(s, j, x, segment, out, e);
    *e = first;
    return -1;
}

/* ---- making it -------------------------------------------------------------------------------
 */

static int
make(struct self *s, struct joined *j, struct w_order *o, struct err *e)
{
    if (s->in->network[0] != '\0' && join_network(s, &j->net, o, e) < 0)
        return -1;
    if (s->in->vm[0] != '\0') {
        memcpy(o->volume.vm, j->vm.id, sizeof(o->volume.vm));
        s->other = arena_strdup(s->k->a, j->vm.id);
    }
    made_row(o, s->g.unit, s->t->now_ms, &s->r);
    s->r.wanted = o->wanted;
    self_state(&s->r, &s->after);
    if (s->in->dry_run)
        return 0;
    if (j->new_part && parts_on(s->t, s->k->who.account, j->net.id, NULL,
                                (const char *const[]){o->host}, 1, s->k->a, e) < 0)
        return -1;
    if (strcmp(o->host, j->net.host) != 0 && parts_cards(s->t, o, e) < 0)
        return -1;
    if (made_insert(s->t, o, s->g.unit, &s->r, e) < 0 ||
        made_apart(s->t, &s->r, (enum w_apart)s->in->apart, e) < 0 ||
        act_issue(s->t, s->k->who.account, o, e) < 0)
        return -1;
    self_made(s, o, s->r.name);
    return s->in->vm[0] == '\0' ? 0 : self_join(s, &j->vm, o->resource, o->volume.format, e);
}

int
api_resource_create(struct api_call *k, struct tx *t, struct err *e)
{
    struct self *s = arena_alloc(k->a, sizeof(*s));
    struct joined *j = arena_alloc(k->a, sizeof(*j));
    struct w_grant_line l;
    struct expansion x = {0};
    struct quota_size want;
    struct w_order *o;
    uint32_t ordinal;

    *s = (struct self){.k = k, .t = t, .in = k->in, .what = ACT_CREATE, .undo_of = "", .other = ""};
    if (s->in->kind == RES_NONE)
        return err_field(e, BY_E_INVALID, "kind", "say what to create: vm, volume or network");
    if (find_grant(s, e) < 0 || check_grant(s, &ordinal, e) < 0 ||
        self_name_check(s, s->in->name, e) < 0 || line_fill(s, &l, e) < 0 ||
        check_range(s, e) < 0 || joined_fill(s, j, e) < 0 || expand(s, &l, &x, e) < 0)
        return -1;
    o = &x.items[0].order;
    o->line = 0;
    o->ordinal = ordinal;
    o->authority = AUTH_UNIT;
    (void)snprintf(o->authority_id, sizeof(o->authority_id), "%s", k->who.account);
    quota_size_of(o->kind, o->wanted, l.vcpus, l.mem_mib, l.disk_gib * GIB_BYTES, &want);
    s->text = text_of(s);
    if (self_quota(s, "", &want, e) < 0 || room(s, j, &x, o->host, e) < 0 || make(s, j, o, e) < 0)
        return err_wrap(e, "create %s", s->in->name);
    return self_finish(s, e);
}
