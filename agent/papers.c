#include "agent/papers.h"

#include <stdio.h>
#include <string.h>

#include "agent/facts.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/codec/netpart.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/durable.h"
#include "policies/order_check.h"

enum {
    HEAD_KEEP_MS = 30000,
    CLOCK_AGREES_MS = 300000,
    GIB_SHIFT = 30,
    HOLDS_BYTES = 1 << 20,
    ROOT_MIN_BYTES = 1 << 20
};

/* Everything that the orders of one answer are judged against. */
struct bench {
    struct agent *ag;
    struct arena a;
    int64_t wall_ms;
    struct oc_host host;
    struct oc_grant *grants;
    size_t n_grants;
    struct oc_plan *plans;
    size_t n_plans;
    struct oc_held *held; /* receipts, and what this answer added */
    size_t n_held;
    bool may_prefill; /* the world is known: what is not there is not there */
};

static void
bench_scope(struct bench *b)
{
    arena_clear(&b->a);
}

/* ---- wire to policy ---- */

static const char *
adopt_to_policy(struct bench *b, const struct w_adoption *p)
{
    char sum[W_HASH];

    if (p->id[0] == '\0')
        return NULL;
    adopt_sha256(p, sum);
    return arena_strdup(&b->a, sum);
}

static void
grant_to_policy(struct bench *b, const struct w_grant *g, struct oc_grant *out)
{
    struct oc_line *lines = arena_alloc(&b->a, (g->lines.n + 1) * sizeof(*lines));

    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);

        lines[i] = (struct oc_line){.line = l->line,
                                    .count = l->count,
                                    .kind = facts_kind(l->kind),
                                    .vcpus = l->vcpus,
                                    .mem_mib = l->mem_mib,
                                    .disk_bytes = l->disk_gib << GIB_SHIFT,
                                    .image = l->image,
                                    .firmware = l->firmware,
                                    .format = l->format,
                                    .cidr = l->cidr,
                                    .adopt = adopt_to_policy(b, &l->adopt),
                                    .adopt_host = l->adopt.host,
                                    .adopt_id = l->adopt.id};
    }
    *out = (struct oc_grant){.id = g->id,
                             .system = g->system,
                             .supersedes = g->supersedes,
                             .valid_from_ms = g->valid_from_ms,
                             .valid_to_ms = g->valid_to_ms,
                             .hold_ms = g->hold_ms,
                             .free = g->shape == SHAPE_FREE,
                             .resources_max = g->resources_max,
                             .lines = lines,
                             .n_lines = g->lines.n};
}

static enum mo_verb
verb_to_policy(int v)
{
    static const enum mo_verb of[VERB__MAX] = {
        [VERB_NONE] = MO_VERB__MAX,      [VERB_CREATE] = MO_CREATE, [VERB_RESIZE] = MO_RESIZE,
        [VERB_DOWNGRADE] = MO_DOWNGRADE, [VERB_POWER] = MO_POWER,   [VERB_BIN] = MO_BIN,
        [VERB_RESTORE] = MO_RESTORE,     [VERB_ERASE] = MO_ERASE,   [VERB_CHANGE] = MO_CHANGE,
        [VERB_ADOPT] = MO_ADOPT,
    };

    return of[v];
}

static void
plan_to_policy(struct bench *b, const struct w_plan *p, struct oc_plan *out)
{
    struct oc_plan_line *lines = arena_alloc(&b->a, (p->lines.n + 1) * sizeof(*lines));

    for (size_t i = 0; i < p->lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);

        lines[i] = (struct oc_plan_line){.kind = facts_kind(l->kind),
                                         .resource = l->resource,
                                         .verb = verb_to_policy(l->verb),
                                         .vcpus = l->vcpus,
                                         .mem_mib = l->mem_mib,
                                         .not_before_ms = l->not_before_ms,
                                         .less_vcpus = l->less_vcpus,
                                         .less_mem_mib = l->less_mem_mib,
                                         .less_bytes = l->less_disk_gib << GIB_SHIFT};
    }
    *out = (struct oc_plan){.id = p->id,
                            .grant = p->grant,
                            .system = p->system,
                            .issued_at_ms = p->issued_at_ms,
                            .hold_ms = p->hold_ms,
                            .lines = lines,
                            .n_lines = p->lines.n};
}

/* Files that a machine which was there has to itself. */
static void
files_to_policy(struct bench *b, const struct w_adoption *p, struct oc_order *out)
{
    const char **files = arena_alloc(&b->a, (p->disks.n + 1) * sizeof(*files));

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct w_found_disk *d = JM_ITEM(p->disks, struct w_found_disk, i);

        if (!d->shared && d->path != NULL && d->path[0] == '/')
            files[out->n_files++] = d->path;
    }
    out->files = files;
}

static void
vm_to_policy(struct bench *b, const struct w_vm_spec *vm, struct oc_order *out)
{
    struct oc_nic *nics = arena_alloc(&b->a, (vm->nics.n + 1) * sizeof(*nics));
    const char **vols = arena_alloc(&b->a, (vm->disks.n + 1) * sizeof(*vols));

    for (size_t i = 0; i < vm->nics.n; i++) {
        const struct w_nic *n = JM_ITEM(vm->nics, struct w_nic, i);

        nics[i] = (struct oc_nic){.network = n->network, .mac = n->mac, .ip = n->ip};
    }
    for (size_t i = 0; i < vm->disks.n; i++)
        vols[i] = JM_ITEM(vm->disks, struct w_vm_disk, i)->volume;
    out->vcpus = vm->vcpus;
    out->vcpus_max = vm->vcpus_max;
    out->mem_mib = vm->mem_mib;
    out->mem_max_mib = vm->mem_max_mib;
    out->image = vm->image;
    out->root = vm->root_volume;
    out->seed = vm->seed_volume;
    out->firmware = vm->firmware;
    out->nics = nics;
    out->n_nics = vm->nics.n;
    out->volumes = vols;
    out->n_volumes = vm->disks.n;
    out->bytes = vm->root_bytes;
    out->adopt = adopt_to_policy(b, &vm->adopt);
    files_to_policy(b, &vm->adopt, out);
}

static void
order_to_policy(struct bench *b, const struct w_order *o, struct oc_order *out)
{
    static const enum mo_authority authority[AUTH__MAX] = {
        [AUTH_GRANT] = MO_BY_GRANT, [AUTH_PLAN] = MO_BY_PLAN, [AUTH_UNIT] = MO_BY_UNIT};

    *out = (struct oc_order){.id = o->id,
                             .grant = o->grant,
                             .system = o->system,
                             .host = o->host,
                             .resource = o->resource,
                             .incarnation = o->incarnation,
                             .term = o->term,
                             .generation = o->generation,
                             .line = o->line,
                             .ordinal = o->ordinal,
                             .kind = facts_kind(o->kind),
                             .verb = verb_to_policy(o->verb),
                             .wanted = facts_wanted(o->wanted),
                             .authority = authority[o->authority],
                             .authority_id = o->authority_id,
                             .issued_at_ms = o->issued_at_ms,
                             .restart_from_ms = o->restart_from_ms};
    if (o->kind == RES_VM)
        vm_to_policy(b, &o->vm, out);
    if (o->kind == RES_VOLUME) {
        out->bytes = o->volume.size_bytes;
        out->format = o->volume.format;
    }
    if (o->kind == RES_NETWORK) {
        out->cidr = o->network.cidr;
        out->bridge = o->network.bridge;
        out->vni = o->network.vni;
        out->part_of = o->network.part_of;
    }
}

/* ---- grants, plans, keys ---- */

/* Check a paper of the bureau against the ring; the body is in the bench's arena. */
static int
check_bureau(struct bench *b, const char *text, const char *purpose, const char **body,
             struct err *e)
{
    return keyring_check(b->ag->keys, text, strlen(text), purpose, NULL, KEY_GRANT, b->wall_ms,
                         &b->a, body, e);
}

static bool
is_kept(const struct receipts *r, const char *text)
{
    for (size_t i = 0; i < receipts_papers(r); i++)
        if (strcmp(receipts_paper_at(r, i)->envelope, text) == 0)
            return true;
    return false;
}

static void
take_keys(struct bench *b, const struct w_desired_answer *in)
{
    for (size_t i = 0; i < in->keys.n; i++) {
        const char *text = JM_ITEM(in->keys, struct w_paper, i)->text;
        uint64_t before = keyring_serial(b->ag->keys);
        struct err e = {0};

        if (is_kept(b->ag->receipts, text))
            continue;
        if (keyring_add(b->ag->keys, text, strlen(text), &e) < 0)
            log_warn("keys.refused", "reason=" LOG_Q, e.msg);
        else if (keyring_serial(b->ag->keys) > before)
            receipts_stage_paper(b->ag->receipts, PAPER_KIND_KEYS, text);
    }
}

static void
take_grants(struct bench *b, const struct w_desired_answer *in)
{
    for (size_t i = 0; i < in->grants.n; i++) {
        const char *text = JM_ITEM(in->grants, struct w_paper, i)->text, *body = NULL;
        struct w_grant *g = arena_alloc(&b->a, sizeof(*g));
        struct err e = {0};

        if (is_kept(b->ag->receipts, text))
            continue;
        if (check_bureau(b, text, PAPER_GRANT, &body, &e) < 0 ||
            W_DECODE(grant, body, strlen(body), JM_SIGNED, &b->a, g, &e) < 0) {
            log_warn("grant.refused", "reason=" LOG_Q, e.msg);
            continue;
        }
        receipts_stage_paper(b->ag->receipts, PAPER_KIND_GRANT, text);
        grant_to_policy(b, g, &b->grants[b->n_grants++]);
    }
}

static void
take_plans(struct bench *b, const struct w_desired_answer *in)
{
    for (size_t i = 0; i < in->plans.n; i++) {
        const char *text = JM_ITEM(in->plans, struct w_paper, i)->text, *body = NULL;
        struct w_plan *p = arena_alloc(&b->a, sizeof(*p));
        struct err e = {0};

        if (is_kept(b->ag->receipts, text))
            continue;
        if (check_bureau(b, text, PAPER_PLAN, &body, &e) < 0 ||
            W_DECODE(plan, body, strlen(body), JM_SIGNED, &b->a, p, &e) < 0) {
            log_warn("plan.refused", "reason=" LOG_Q, e.msg);
            continue;
        }
        receipts_stage_paper(b->ag->receipts, PAPER_KIND_PLAN, text);
        plan_to_policy(b, p, &b->plans[b->n_plans++]);
    }
}

static void
bench_fill(struct bench *b, const struct w_desired_answer *in)
{
    const struct receipts *r = b->ag->receipts;
    size_t papers = receipts_papers(r) + in->grants.n + in->plans.n + 1;
    char why[16];

    b->host = (struct oc_host){.id = b->ag->id.host,
                               .incarnation = b->ag->id.incarnation,
                               .format_default = FMT_QCOW2,
                               .now_ms = b->wall_ms};
    b->grants = arena_alloc(&b->a, papers * sizeof(*b->grants));
    b->plans = arena_alloc(&b->a, papers * sizeof(*b->plans));
    b->held = arena_alloc(&b->a, (receipts_count(r) + in->orders.n + 1) * sizeof(*b->held));
    for (size_t i = 0; i < receipts_papers(r); i++) {
        const struct receipt_paper *p = receipts_paper_at(r, i);

        if (p->kind == PAPER_KIND_GRANT)
            grant_to_policy(b, &p->u.grant, &b->grants[b->n_grants++]);
        if (p->kind == PAPER_KIND_PLAN)
            plan_to_policy(b, &p->u.plan, &b->plans[b->n_plans++]);
    }
    for (size_t i = 0; i < receipts_count(r); i++) {
        const struct receipt *t = receipts_at(r, i);

        order_to_policy(b, &t->order, &b->held[b->n_held].order);
        b->held[b->n_held].gone = t->facts.absent;
        b->held[b->n_held].hold_ms = t->hold_ms;
        b->held[b->n_held].unadopted =
            t->order.verb == VERB_ADOPT && !facts_current(b->ag, t).seen_once;
        b->held[b->n_held++].no_back = t->facts.erase_begun;
    }
    b->may_prefill = !receipts_lost(r) && world_read_at(b->ag->world) != 0 &&
                     facts_observed_ok(b->ag, clock_mono_ms(), why, sizeof(why));
}

/* ---- orders ---- */

static const struct oc_grant *
grant_of(const struct bench *b, const char *id)
{
    for (size_t i = 0; i < b->n_grants; i++)
        if (strcmp(b->grants[i].id, id) == 0)
            return &b->grants[i];
    return NULL;
}

static uint32_t
order_version(const struct w_order *o)
{
    if (o->vm.adopt.id[0] != '\0')
        return 2;
    return o->network.vni != 0 || o->network.peers.n > 0 ? 3 : 1;
}

/* Which body goes with the kind, and only that one: else two programs could read it differently. */
static int
check_shape(const struct w_order *o, struct err *e)
{
    bool vm = o->vm.id[0] != '\0', vol = o->volume.id[0] != '\0', net = o->network.id[0] != '\0';
    const char *id = o->kind == RES_VM       ? o->vm.id
                     : o->kind == RES_VOLUME ? o->volume.id
                                             : o->network.id;

    if (vm != (o->kind == RES_VM) || vol != (o->kind == RES_VOLUME) ||
        net != (o->kind == RES_NETWORK))
        return err_set(e, BY_E_INVALID, "the order's kind and its contents do not go together");
    if (o->version != order_version(o))
        return err_set(e, BY_E_INVALID, "the order's version and its contents do not go together");
    if (net && netpart_check(&o->network, e) < 0)
        return -1;
    if (strcmp(id, o->resource) != 0)
        return err_set(e, BY_E_INVALID, "the order is about one resource and describes another");
    if (vm && o->vm.adopt.id[0] == '\0' && o->vm.root_bytes < ROOT_MIN_BYTES)
        return err_set(e, BY_E_INVALID, "the order makes a machine without a root disk");
    return 0;
}

static int
order_open(struct bench *b, const char *text, struct w_order *o, struct err *e)
{
    const char *body = NULL;

    if (keyring_check(b->ag->keys, text, strlen(text), PAPER_ORDER, PAPER_ORDER_BATCH, KEY_ORDER,
                      b->wall_ms, &b->a, &body, e) < 0)
        return -1;
    if (W_DECODE(order, body, strlen(body), JM_SIGNED, &b->a, o, e) < 0)
        return -1;
    return check_shape(o, e);
}

#define AT(m) .off = offsetof(struct w_order, m), .size = sizeof(((struct w_order *)0)->m)
static const struct jm_field schema_peek[] = {
    {"id", "order", JM_STR, JM_REQ, JM_UUID, AT(id)},
    {"resource", "resource", JM_STR, JM_REQ, JM_UUID, AT(resource)},
    {"kind", "its kind", JM_ENUM, JM_REQ, AT(kind), .names = w_res_kind_names},
    {"term", "term", JM_U64, 0, AT(term)},
    {"generation", "generation", JM_U64, 0, AT(generation)},
    {0},
};
#undef AT

/* What can be said of an order that could not be trusted, whatever its version: only to report the
 * refusal under it. */
static bool
order_peek(struct bench *b, const char *text, struct w_order *o)
{
    struct w_envelope env;
    struct err e = {0};

    memset(o, 0, sizeof(*o));
    return paper_parse(text, strlen(text), &b->a, &env, &e) == 0 &&
           jm_decode(env.body, strlen(env.body), schema_peek, sizeof(*o), JM_PEER, &b->a, o, &e) ==
               0;
}

static void
refuse(struct bench *b, const char *text, const struct w_order *o, const char *word,
       const struct err *why)
{
    struct track *k = track_get(&b->ag->tracks, o->resource);
    char sum[65];

    digest_sha256_hex(text, strlen(text), sum);
    if (k->refused && strcmp(k->refused_sha256, sum) == 0 && strcmp(k->refused_word, word) == 0)
        return; /* said before, and still so */
    k->refused = true;
    k->refused_told = false;
    memcpy(k->refused_sha256, sum, sizeof(sum));
    (void)snprintf(k->refused_order, sizeof(k->refused_order), "%s", o->id);
    (void)snprintf(k->refused_word, sizeof(k->refused_word), "%s", word);
    k->refused_kind = o->kind;
    k->refused_term = o->term;
    k->refused_generation = o->generation;
    k->refusal = *why;
    log_warn("order.refused", "order=%s resource=%s code=%s reason=" LOG_Q, o->id, o->resource,
             word, why->msg);
}

/* The volumes of something new are known not to be there: that their filling has begun is recorded
 * together with the order, so that it costs no sync of its own. */
static void
prefill(struct bench *b, const struct w_order *o)
{
    struct receipt_facts f = {0};
    const struct world *w = b->ag->world;

    if (!b->may_prefill || o->verb != VERB_CREATE || o->kind == RES_NETWORK ||
        receipts_find(b->ag->receipts, o->resource) != NULL)
        return;
    if (o->kind == RES_VOLUME && world_vol(w, o->resource) == NULL)
        f.fill = FILL_FILLING;
    if (o->kind == RES_VM && world_vol(w, o->vm.root_volume) == NULL &&
        world_vol(w, o->vm.seed_volume) == NULL)
        f.root_fill = f.seed_fill = FILL_FILLING;
    receipts_stage_facts(b->ag->receipts, o->resource, &f);
}

/* What the receipt would have known, as far as the controller's word may go: it never says that
 * something was filled, only that it once was whole, so that nothing is made in its place. */
static void
restate(struct bench *b, const struct w_order *o, bool made)
{
    struct receipt_facts f = {.restated = true, .seen_once = made};

    if (receipts_lost(b->ag->receipts) && receipts_find(b->ag->receipts, o->resource) == NULL)
        receipts_stage_facts(b->ag->receipts, o->resource, &f);
}

static void
hold_order(struct bench *b, const struct oc_order *o)
{
    for (size_t i = 0; i < b->n_held; i++)
        if (strcmp(b->held[i].order.resource, o->resource) == 0) {
            b->held[i].order = *o;
            return;
        }
    b->held[b->n_held++] = (struct oc_held){.order = *o};
}

static void
accept(struct bench *b, const struct w_paper *paper, const struct w_order *o,
       const struct oc_order *p, const struct oc_verdict *v)
{
    struct track *k = track_get(&b->ag->tracks, o->resource);

    receipts_stage_order(b->ag->receipts, paper->text, v->hold_ms, v->not_before_ms);
    prefill(b, o);
    restate(b, o, paper->made);
    hold_order(b, p);
    k->refused = false;
    track_done(k);
    log_info("order.accepted", "order=%s resource=%s generation=%llu", o->id, o->resource,
             (unsigned long long)o->generation);
}

/* What came since may make room, and a clock that is wrong is set right. */
static bool
may_pass(const char *word)
{
    return strcmp(word, oc_reason_name(OC_EXCEEDS)) == 0 ||
           strcmp(word, oc_reason_name(OC_FUTURE)) == 0;
}

static bool
judged_before(const struct bench *b, const char *text, const struct w_order *o)
{
    const struct track *k = track_find(&b->ag->tracks, o->resource);
    char sum[65];

    if (k == NULL || !k->refused || may_pass(k->refused_word))
        return false;
    digest_sha256_hex(text, strlen(text), sum);
    return strcmp(sum, k->refused_sha256) == 0;
}

static bool
is_receipt(const struct bench *b, const char *text, const char *resource)
{
    const struct receipt *t = receipts_find(b->ag->receipts, resource);

    return t != NULL && strcmp(t->envelope, text) == 0;
}

/* The same order signed again, in another batch: its body must be the very one that is held. */
static bool
same_body(struct bench *b, const char *text, const char *resource)
{
    const struct receipt *t = receipts_find(b->ag->receipts, resource);
    struct w_envelope mine, theirs;

    return t != NULL && paper_parse(t->envelope, strlen(t->envelope), &b->a, &mine, NULL) == 0 &&
           paper_parse(text, strlen(text), &b->a, &theirs, NULL) == 0 &&
           strcmp(mine.body, theirs.body) == 0;
}

static void
judge_order(struct bench *b, const struct w_paper *paper, const struct w_order *peeked,
            struct papers_result *out)
{
    const char *text = paper->text;
    struct w_order *o = arena_alloc(&b->a, sizeof(*o));
    struct oc_order p;
    struct oc_papers papers;
    struct oc_verdict v;
    struct err e = {0};

    if (order_open(b, text, o, &e) < 0) {
        refuse(b, text, peeked, err_code_name(e.code), &e);
        out->refused++;
        return;
    }
    order_to_policy(b, o, &p);
    papers = (struct oc_papers){.grant = grant_of(b, o->grant),
                                .grants = b->grants,
                                .n_grants = b->n_grants,
                                .plans = b->plans,
                                .n_plans = b->n_plans,
                                .held = b->held,
                                .n_held = b->n_held};
    v = order_check(&b->host, &p, &papers);
    if (v.reason == OC_SAME && !same_body(b, text, o->resource))
        v.reason = OC_FORGED;
    if (v.reason == OC_SAME) {
        out->known++;
    } else if (v.reason == OC_OK) {
        accept(b, paper, o, &p, &v);
        out->accepted++;
    } else {
        (void)err_set(&e, BY_E_DENIED, "%s", oc_reason_text(v.reason));
        refuse(b, text, o, oc_reason_name(v.reason), &e);
        out->refused++;
        out->later += may_pass(oc_reason_name(v.reason));
    }
}

static void
take_orders(struct bench *b, const struct w_desired_answer *in, struct papers_result *out)
{
    for (size_t i = 0; i < in->orders.n; i++) {
        const struct w_paper *paper = JM_ITEM(in->orders, struct w_paper, i);
        const char *text = paper->text;
        struct w_order peeked;
        struct track *k;

        if (!order_peek(b, text, &peeked)) {
            log_warn("order.unreadable", "index=%zu", i);
            out->refused++;
            continue;
        }
        k = track_get(&b->ag->tracks, peeked.resource);
        k->set_serial = b->ag->set_serial;
        if (is_receipt(b, text, peeked.resource))
            out->known++;
        else if (judged_before(b, text, &peeked))
            out->refused++;
        else
            judge_order(b, paper, &peeked, out);
        k->out_of_set = false;
    }
}

/* ---- the rest of an answer ---- */

static void
take_set(struct bench *b, const struct w_desired_answer *in, const struct papers_result *r)
{
    struct agent *ag = b->ag;

    if (!in->full || in->recovery)
        return;
    for (size_t i = 0; i < receipts_count(ag->receipts); i++) {
        const struct receipt *t = receipts_at(ag->receipts, i);
        struct track *k = track_get(&ag->tracks, t->id);

        k->out_of_set = k->set_serial != ag->set_serial && !t->facts.absent;
    }
    ag->heard = true;
    if (receipts_lost(ag->receipts) && r->refused == 0) {
        log_info("receipts.restated", "orders=%zu", in->orders.n);
        receipts_stage_restated(ag->receipts);
    }
}

struct holds {
    struct jm_list items;
};
static const struct jm_field schema_holds[] = {
    {"items", "holds in force", JM_LIST, JM_KEEP0, .off = offsetof(struct holds, items),
     .size = sizeof(struct jm_list), .max = 1024, .sub = schema_hold,
     .sub_size = sizeof(struct w_hold)},
    {0},
};

/* A hold must outlast a restart that happens while the controller is away. */
static void
holds_keep(struct agent *ag)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    struct holds h = {.items = ag->holds};
    struct err e = {0};
    char sum[65];

    jm_encode(schema_holds, &h, &b);
    digest_sha256_hex(strbuf_peek(&b), b.len, sum);
    if (strcmp(sum, ag->holds_kept) == 0)
        return;
    if (durable_write(arena_printf(&a, "%s/holds.json", ag->id.dir), strbuf_peek(&b), b.len, 0600,
                      &e) < 0)
        log_warn("holds.not_kept", "reason=" LOG_Q, e.msg);
    else
        memcpy(ag->holds_kept, sum, sizeof(sum));
}

int
papers_load_holds(struct agent *ag, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    struct holds h;

    if (durable_read(arena_printf(&a, "%s/holds.json", ag->id.dir), HOLDS_BYTES, &b, e) < 0) {
        if (e->code != BY_E_NOT_FOUND)
            return -1;
        err_clear(e);
        return 0;
    }
    if (jm_decode(strbuf_peek(&b), b.len, schema_holds, sizeof(h), JM_PEER, &ag->holds_arena, &h,
                  e) < 0)
        return err_wrap(e, "holds.json");
    ag->holds = h.items;
    return 0;
}

static void
take_holds(struct bench *b, const struct w_desired_answer *in)
{
    struct agent *ag = b->ag;
    struct w_hold *items;
    size_t n = 0;

    arena_clear(&ag->holds_arena);
    items = arena_alloc(&ag->holds_arena, (in->holds.n + 1) * sizeof(*items));
    for (size_t i = 0; i < in->holds.n; i++) {
        const struct w_hold *h = JM_ITEM(in->holds, struct w_hold, i);

        if (strcmp(h->host, ag->id.host) != 0)
            continue;
        items[n] = *h;
        items[n++].reason = "kept by the host"; /* the controller knows the words */
    }
    ag->holds = (struct jm_list){.items = items, .n = n};
    holds_keep(ag);
}

/* -1: no head there. */
static int
head_decode(struct bench *b, const char *text, struct w_ledger_head *out)
{
    struct w_envelope env;

    if (text == NULL || paper_parse(text, strlen(text), &b->a, &env, NULL) < 0)
        return -1;
    return W_DECODE(ledger_head, env.body, strlen(env.body), JM_SIGNED, &b->a, out, NULL);
}

/* A new head agrees with our clock after it jumped: the jump was a correction. */
static void
clock_check(struct agent *ag, const struct w_ledger_head *h, int64_t wall_ms)
{
    int64_t off = wall_ms - h->at_ms;

    if (!ag->clock_suspect || off > CLOCK_AGREES_MS || off < -CLOCK_AGREES_MS)
        return;
    ag->clock_suspect = false;
    ag->clock_base_ms = wall_ms - clock_mono_ms();
    log_info("clock.agrees", "with the controller's signed time");
}

static void
take_head(struct bench *b, const struct w_desired_answer *in, struct papers_result *out)
{
    struct agent *ag = b->ag;
    struct w_ledger_head mine = {0}, theirs;
    const char *body = NULL, *head = in->head;
    struct err e = {0};
    bool had = head_decode(b, receipts_head(ag->receipts), &mine) == 0;
    int64_t now = clock_mono_ms();

    if (head != NULL && (keyring_check(ag->keys, head, strlen(head), PAPER_HEAD, NULL, KEY_ORDER,
                                       b->wall_ms, &b->a, &body, &e) < 0 ||
                         head_decode(b, head, &theirs) < 0)) {
        log_warn("head.refused", "reason=" LOG_Q, e.msg);
        head = NULL;
    }
    if (head != NULL && had && strcmp(mine.store, theirs.store) == 0 && theirs.seq < mine.seq) {
        if (!ag->head_fell)
            log_error("head.fell",
                      "ours=%llu theirs=%llu the controller's ledger is behind what it "
                      "told this host",
                      (unsigned long long)mine.seq, (unsigned long long)theirs.seq);
        ag->head_fell = true;
        head = NULL;
    }
    if (head != NULL) {
        ag->head_fell = false;
        out->head_new = !had || theirs.seq > mine.seq;
        if (out->head_new)
            clock_check(ag, &theirs, b->wall_ms);
    }
    if (in->term > receipts_term(ag->receipts) || out->accepted > 0 ||
        (out->head_new && now - ag->head_kept_ms > HEAD_KEEP_MS)) {
        receipts_stage_seen(ag->receipts, in->term, in->store, out->head_new ? head : NULL);
        ag->head_kept_ms = now;
    }
}

int
papers_take(struct agent *ag, const struct w_desired_answer *in, int64_t wall_ms,
            struct papers_result *out, struct err *e)
{
    SCOPED(bench) struct bench b = {.ag = ag, .wall_ms = wall_ms};

    memset(out, 0, sizeof(*out));
    if (strcmp(in->store, ag->id.store) != 0)
        return err_set(e, BY_E_DENIED, "orders of another store (%s): not ours", in->store);
    if (in->term < receipts_term(ag->receipts))
        return err_set(e, BY_E_CONFLICT,
                       "the controller's term %llu is older than %llu, which this host has seen",
                       (unsigned long long)in->term,
                       (unsigned long long)receipts_term(ag->receipts));
    ag->recovery = in->recovery;
    take_holds(&b, in);
    if (in->full)
        ag->set_serial++;
    take_keys(&b, in);
    bench_fill(&b, in);
    take_grants(&b, in);
    take_plans(&b, in);
    take_orders(&b, in, out);
    take_set(&b, in, out);
    take_head(&b, in, out);
    ag->dirty = true;
    return 0;
}

int
papers_keyring(const struct ident *id, const struct receipts *r, struct keyring **out,
               struct err *e)
{
    SCOPED(keyring_free) struct keyring *k = NULL;

    if (keyring_new(id->root_pem, &k, e) < 0)
        return -1;
    for (size_t i = 0; i < receipts_papers(r); i++) {
        const struct receipt_paper *p = receipts_paper_at(r, i);

        if (p->kind == PAPER_KIND_KEYS && keyring_add(k, p->envelope, strlen(p->envelope), e) < 0)
            return err_wrap(e, "key statement in the receipts");
    }
    *out = TAKE(k);
    return 0;
}
