#include "tests/unit/papermill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"

enum { DAY_MS = 86400000 };

static void
must(int rc, const struct err *e)
{
    if (rc == 0)
        return;
    fprintf(stderr, "papermill: %s\n", e->msg);
    abort();
}

static void
key_row(struct mill *m, struct w_key_entry *k, const struct sigkey *key, int use,
        const char *holder)
{
    (void)snprintf(k->id, sizeof(k->id), "%s", sigkey_id(key));
    (void)snprintf(k->alg, sizeof(k->alg), "%s", sigkey_alg(key));
    (void)snprintf(k->holder, sizeof(k->holder), "%s", holder);
    k->use = use;
    k->public_pem = sigkey_public_pem(key, &m->a);
    k->not_before_ms = m->now_ms - DAY_MS;
    k->not_after_ms = m->now_ms + DAY_MS;
}

static const char *
sign(struct mill *m, const struct sigkey *k, const char *purpose, const struct jm_field *schema,
     const void *in)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const char *out = NULL;
    struct err e = {0};

    jm_encode(schema, in, &b);
    must(paper_sign(k, purpose, strbuf_peek(&b), &m->a, &out, &e), &e);
    return out;
}

static void
make_keys(struct mill *m, const char *alg)
{
    struct sigkey **keys[] = {&m->root, &m->bureau, &m->controller, &m->stranger};
    struct w_key_entry *rows = arena_alloc(&m->a, 2 * sizeof(*rows));
    struct w_key_statement s = {.version = 1, .serial = 1, .issued_at_ms = m->now_ms - DAY_MS};
    struct err e = {0};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        must(sigkey_generate(alg, keys[i], &e), &e);
    m->root_pem = sigkey_public_pem(m->root, &m->a);
    key_row(m, &rows[0], m->bureau, KEY_GRANT, "bureau");
    key_row(m, &rows[1], m->controller, KEY_ORDER, "controller");
    s.keys = (struct jm_list){.items = rows, .n = 2};
    m->keys = sign(m, m->root, PAPER_KEYS, schema_key_statement, &s);
}

static void
make_grant(struct mill *m)
{
    struct w_grant_line *l = arena_alloc(&m->a, 3 * sizeof(*l));
    struct w_grant *g = &m->grant;

    l[0] = (struct w_grant_line){
        .line = 1, .kind = RES_NETWORK, .name = "net", .count = 1, .cidr = "10.9.0.0/24"};
    l[1] = (struct w_grant_line){
        .line = 2, .kind = RES_VOLUME, .name = "data", .count = 1, .disk_gib = 1};
    l[2] = (struct w_grant_line){.line = 3,
                                 .kind = RES_VM,
                                 .name = "vm",
                                 .count = 2,
                                 .vcpus = 4,
                                 .mem_mib = 1024,
                                 .disk_gib = 2,
                                 .firmware = FW_BIOS,
                                 .network_line = 1};
    (void)snprintf(l[2].image, sizeof(l[2].image), "%s", m->image);
    g->version = 1;
    random_uuid(g->id);
    random_uuid(g->system);
    random_uuid(g->unit);
    random_uuid(g->approver);
    (void)snprintf(g->number, sizeof(g->number), "test 1");
    g->approved_at_ms = g->valid_from_ms = m->now_ms - DAY_MS;
    g->valid_to_ms = m->now_ms + DAY_MS;
    g->hold_ms = 0;
    digest_sha256_hex("a", 1, g->approval_sha256);
    digest_sha256_hex("b", 1, g->agreement_sha256);
    digest_sha256_hex("c", 1, g->declaration_sha256);
    g->lines = (struct jm_list){.items = l, .n = 3};
    m->grant_text = mill_sign_grant(m, m->bureau, g);
}

void
mill_open(struct mill *m, const char *alg, const char *image)
{
    char *ids[] = {m->host, m->store, m->net, m->vol, m->vm, m->root_vol, m->seed_vol};

    memset(m, 0, sizeof(*m));
    m->now_ms = clock_wall_ms();
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        random_uuid(ids[i]);
    (void)snprintf(m->image, sizeof(m->image), "%s", image);
    make_keys(m, alg);
    make_grant(m);
}

void
mill_close(struct mill *m)
{
    sigkey_free(m->root);
    sigkey_free(m->bureau);
    sigkey_free(m->controller);
    sigkey_free(m->stranger);
    arena_clear(&m->a);
}

static void
order(struct mill *m, struct w_order *o, int kind, uint32_t line, const char *resource, int wanted)
{
    memset(o, 0, sizeof(*o));
    o->version = 1;
    random_uuid(o->id);
    (void)snprintf(o->grant, sizeof(o->grant), "%s", m->grant.id);
    (void)snprintf(o->system, sizeof(o->system), "%s", m->grant.system);
    (void)snprintf(o->host, sizeof(o->host), "%s", m->host);
    (void)snprintf(o->resource, sizeof(o->resource), "%s", resource);
    (void)snprintf(o->authority_id, sizeof(o->authority_id), "%s", m->grant.id);
    o->line = line;
    o->ordinal = 1;
    o->incarnation = o->term = o->generation = 1;
    o->kind = kind;
    o->verb = VERB_CREATE;
    o->wanted = wanted;
    o->authority = AUTH_GRANT;
    o->issued_at_ms = m->now_ms;
}

void
mill_net_order(struct mill *m, struct w_order *o)
{
    order(m, o, RES_NETWORK, 1, m->net, WANT_PRESENT);
    (void)snprintf(o->network.id, sizeof(o->network.id), "%s", m->net);
    (void)snprintf(o->network.name, sizeof(o->network.name), "net");
    (void)snprintf(o->network.bridge, sizeof(o->network.bridge), "by%.8s%.4s", m->net, m->net + 9);
    (void)snprintf(o->network.cidr, sizeof(o->network.cidr), "10.9.0.0/24");
}

void
mill_vol_order(struct mill *m, struct w_order *o)
{
    order(m, o, RES_VOLUME, 2, m->vol, WANT_PRESENT);
    (void)snprintf(o->volume.id, sizeof(o->volume.id), "%s", m->vol);
    (void)snprintf(o->volume.name, sizeof(o->volume.name), "data");
    o->volume.format = FMT_QCOW2;
    o->volume.size_bytes = 4 << 20;
}

void
mill_vm_order(struct mill *m, struct w_order *o)
{
    struct w_nic *nic = arena_alloc(&m->a, sizeof(*nic));
    struct w_vm_disk *disk = arena_alloc(&m->a, sizeof(*disk));
    struct w_vm_spec *s = &o->vm;

    order(m, o, RES_VM, 3, m->vm, WANT_RUNNING);
    (void)snprintf(s->id, sizeof(s->id), "%s", m->vm);
    (void)snprintf(s->name, sizeof(s->name), "vm-1");
    (void)snprintf(s->hostname, sizeof(s->hostname), "vm-1");
    s->vcpus = 2;
    s->vcpus_max = 4;
    s->mem_mib = 512;
    s->mem_max_mib = 1024;
    s->firmware = FW_BIOS;
    (void)snprintf(s->image, sizeof(s->image), "%s", m->image);
    (void)snprintf(s->root_volume, sizeof(s->root_volume), "%s", m->root_vol);
    (void)snprintf(s->seed_volume, sizeof(s->seed_volume), "%s", m->seed_vol);
    s->root_bytes = 64 << 20;
    (void)snprintf(nic->network, sizeof(nic->network), "%s", m->net);
    (void)snprintf(nic->mac, sizeof(nic->mac), "52:54:00:00:00:01");
    (void)snprintf(nic->ip, sizeof(nic->ip), "10.9.0.10");
    (void)snprintf(disk->volume, sizeof(disk->volume), "%s", m->vol);
    disk->format = FMT_QCOW2;
    s->nics = (struct jm_list){.items = nic, .n = 1};
    s->disks = (struct jm_list){.items = disk, .n = 1};
}

const char *
mill_sign_order(struct mill *m, const struct sigkey *k, const struct w_order *o)
{
    return sign(m, k, PAPER_ORDER, schema_order, o);
}

const char *
mill_sign_grant(struct mill *m, const struct sigkey *k, const struct w_grant *g)
{
    return sign(m, k, PAPER_GRANT, schema_grant, g);
}

const char *
mill_sign_plan(struct mill *m, const struct sigkey *k, const struct w_plan *p)
{
    return sign(m, k, PAPER_PLAN, schema_plan, p);
}

void
mill_plan(struct mill *m, struct w_plan *p, int kind, const char *resource, int verb)
{
    struct w_plan_line *l = arena_alloc(&m->a, sizeof(*l));

    memset(p, 0, sizeof(*p));
    p->version = 1;
    random_uuid(p->id);
    random_uuid(p->finding);
    (void)snprintf(p->grant, sizeof(p->grant), "%s", m->grant.id);
    (void)snprintf(p->system, sizeof(p->system), "%s", m->grant.system);
    (void)snprintf(p->approver, sizeof(p->approver), "%s", m->grant.approver);
    p->issued_at_ms = m->now_ms;
    p->reason = "idle";
    l->kind = kind;
    l->verb = verb;
    (void)snprintf(l->resource, sizeof(l->resource), "%s", resource);
    p->lines = (struct jm_list){.items = l, .n = 1};
}

static struct jm_list
papers(struct mill *m, const char *const *texts, size_t n)
{
    struct w_paper *p = arena_alloc(&m->a, (n + 1) * sizeof(*p));

    for (size_t i = 0; i < n; i++)
        p[i].text = texts[i];
    return (struct jm_list){.items = p, .n = n};
}

void
mill_answer(struct mill *m, const char *const *orders, size_t n, struct w_desired_answer *out)
{
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->store, sizeof(out->store), "%s", m->store);
    out->term = 1;
    out->revision = 1;
    out->full = true;
    out->keys = papers(m, &m->keys, 1);
    out->grants = papers(m, &m->grant_text, 1);
    out->orders = papers(m, orders, n);
}
