#include "agent/receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/journal.h"
#include "drivers/base/sorted.h"
#include "drivers/crypto/paper.h"

/* Rewrite when the file is this large and mostly history. */
enum { REWRITE_BYTES = 4 << 20, REWRITE_RATIO = 4 };

enum line_kind {
    LINE_NONE,
    LINE_ORDER,
    LINE_GRANT,
    LINE_PLAN,
    LINE_KEYS,
    LINE_FACTS,
    LINE_SEEN,
    LINE_LOST,
    LINE_RESTATED,
    LINE__MAX
};
static const char *const line_kind_names[] = {
    [LINE_NONE] = "none", [LINE_ORDER] = "order", [LINE_GRANT] = "grant",
    [LINE_PLAN] = "plan", [LINE_KEYS] = "keys",   [LINE_FACTS] = "facts",
    [LINE_SEEN] = "seen", [LINE_LOST] = "lost",   [LINE_RESTATED] = "restated",
    [LINE__MAX] = NULL,
};
static const char *const fill_names[] = {
    [FILL_UNSAID] = "none",     [FILL_NOT_BEGUN] = "not_begun",
    [FILL_FILLING] = "filling", [FILL_DONE] = "done",
    [FILL__MAX] = NULL,
};

static const enum line_kind line_of[PAPER_KIND__MAX] = {
    [PAPER_KIND_GRANT] = LINE_GRANT,
    [PAPER_KIND_PLAN] = LINE_PLAN,
    [PAPER_KIND_KEYS] = LINE_KEYS,
};

/* One line of the file. */
struct line {
    int kind;
    const char *text; /* an envelope */
    char id[W_ID], store[W_ID];
    uint64_t term;
    int64_t hold_ms, not_before_ms;
    struct receipt_facts f;
};

#define AT(m) .off = offsetof(struct line, m), .size = sizeof(((struct line *)0)->m)
static const struct jm_field schema_line[] = {
    {"kind", "what the line says", JM_ENUM, JM_REQ, AT(kind), .names = line_kind_names},
    {"text", "an envelope, verbatim", JM_TEXT, 0, JM_ANY, AT(text), .max = 524288},
    {"id", "resource", JM_STR, 0, JM_UUID, AT(id)},
    {"store", "store of the controller", JM_STR, 0, JM_UUID, AT(store)},
    {"term", "highest seen", JM_U64, 0, AT(term)},
    {"hold_ms", "least time in the recycle bin", JM_I64, 0, AT(hold_ms)},
    {"not_before_ms", "plan: earliest time to act", JM_I64, 0, AT(not_before_ms)},
    {"fill", "volume", JM_ENUM, 0, AT(f.fill), .names = fill_names},
    {"root_fill", "root disk", JM_ENUM, 0, AT(f.root_fill), .names = fill_names},
    {"seed_fill", "seed", JM_ENUM, 0, AT(f.seed_fill), .names = fill_names},
    {"fill_bytes", "volume, when filled", JM_U64, 0, AT(f.fill_bytes)},
    {"root_bytes", "root disk, when filled", JM_U64, 0, AT(f.root_bytes)},
    {"seed_bytes", "seed, when filled", JM_U64, 0, AT(f.seed_bytes)},
    {"seed_sha256", "of what was put into the seed", JM_STR, 0, JM_SHA256, AT(f.seed_sha256)},
    {"seen_once", "was read back equal", JM_BOOL, 0, AT(f.seen_once)},
    {"restated", "accepted when the receipts had been lost", JM_BOOL, 0, AT(f.restated)},
    {"stop_asked_ms", "guest asked to stop", JM_I64, 0, AT(f.stop_asked_ms)},
    {"stop_generation", "under which generation", JM_U64, 0, AT(f.stop_generation)},
    {"binned_at_ms", "into the recycle bin", JM_I64, 0, AT(f.binned_at_ms)},
    {"binned_elapsed_ms", "time there before binned_mono_ms", JM_I64, 0, AT(f.binned_elapsed_ms)},
    {"binned_mono_ms", "a moment of binned_boot", JM_I64, 0, AT(f.binned_mono_ms)},
    {"binned_boot", "boot id", JM_STR, 0, JM_UUID, AT(f.binned_boot)},
    {"erase_begun", "the first overwrite was about to begin", JM_BOOL, 0, AT(f.erase_begun)},
    {"erased", "overwritten and signed for", JM_BOOL, 0, AT(f.erased)},
    {"told", "the controller has the signed report", JM_BOOL, 0, AT(f.told)},
    {"absent", "gone, read back", JM_BOOL, 0, AT(f.absent)},
    {"erasure", "signed report", JM_TEXT, 0, JM_ANY, AT(f.erasure), .max = 131072},
    {0},
};
#undef AT

/* A receipt and its memory. */
struct entry {
    struct receipt r; /* first: entries are given out as receipts */
    struct arena a;   /* of the order */
    char *erasure;
};
struct paper_entry {
    struct receipt_paper p;
    struct arena a;
};

struct receipts {
    struct journal *j;
    struct entry **v; /* sorted by id */
    size_t n, cap;
    struct paper_entry **papers;
    size_t n_papers, cap_papers;
    bool lost;
    uint64_t term;
    char store[W_ID];
    char *head;
    struct strbuf staged; /* framed lines */
    size_t look_at; /* size of the file at which it is worth looking what is needed; 0: first */
};

static void
entry_free(struct entry *t)
{
    arena_clear(&t->a);
    free(t->erasure);
    free(t);
}

/* Index of id, or where it belongs. */
static const char *
find_key(const void *table, size_t i)
{
    return ((const struct receipts *)table)->v[i]->r.id;
}

static size_t
find_index(const struct receipts *r, const char *id, bool *found)
{
    return sorted_index(r, r->n, find_key, id, found);
}

static void *
must(void *p)
{
    if (p == NULL)
        abort(); /* out of memory: a half-kept receipt is worse than a restart */
    return p;
}

static struct entry *
entry_get(struct receipts *r, const char *id)
{
    bool found;
    size_t i = find_index(r, id, &found);
    struct entry *t;

    if (found)
        return r->v[i];
    if (r->n == r->cap) {
        r->cap = r->cap == 0 ? 64 : r->cap * 2;
        r->v = must(realloc(r->v, r->cap * sizeof(struct entry *)));
    }
    memmove(&r->v[i + 1], &r->v[i], (r->n - i) * sizeof(struct entry *));
    t = must(calloc(1, sizeof(*t)));
    (void)snprintf(t->r.id, sizeof(t->r.id), "%s", id);
    r->v[i] = t;
    r->n++;
    return t;
}

/* The body of an envelope that was checked when it was accepted. */
static int
take_order(struct receipts *r, const struct line *l, struct err *e)
{
    struct arena a = {0};
    struct w_envelope env;
    struct w_order o;
    struct entry *t;

    if (l->text == NULL || paper_parse(l->text, strlen(l->text), &a, &env, e) < 0 ||
        W_DECODE(order, env.body, strlen(env.body), JM_SIGNED, &a, &o, e) < 0) {
        arena_clear(&a);
        return err_wrap(e, "order");
    }
    t = entry_get(r, o.resource);
    arena_clear(&t->a);
    t->a = a;
    t->r.order = o;
    t->r.envelope = arena_strdup(&t->a, l->text);
    t->r.hold_ms = l->hold_ms;
    t->r.not_before_ms = l->not_before_ms;
    return 0;
}

static int
take_facts(struct receipts *r, const struct line *l, struct err *e)
{
    bool found;
    size_t i = find_index(r, l->id, &found);
    struct entry *t;

    if (!found)
        return err_set(e, BY_E_INVALID, "facts of %s, whose order is not there", l->id);
    t = r->v[i];
    free(t->erasure);
    t->erasure = l->f.erasure != NULL ? must(strdup(l->f.erasure)) : NULL;
    t->r.facts = l->f;
    t->r.facts.erasure = t->erasure;
    return 0;
}

static const char *
paper_id(const struct receipt_paper *p)
{
    switch (p->kind) {
    case PAPER_KIND_GRANT:
        return p->u.grant.id;
    case PAPER_KIND_PLAN:
        return p->u.plan.id;
    case PAPER_KIND_KEYS:
    case PAPER_KIND__MAX:
        break;
    }
    return "";
}

static int
paper_decode(struct paper_entry *t, const char *text, struct err *e)
{
    struct w_envelope env;
    size_t len;

    if (text == NULL || paper_parse(text, strlen(text), &t->a, &env, e) < 0)
        return err_wrap(e, "paper");
    len = strlen(env.body);
    if (t->p.kind == PAPER_KIND_GRANT &&
        W_DECODE(grant, env.body, len, JM_SIGNED, &t->a, &t->p.u.grant, e) < 0)
        return err_wrap(e, "grant");
    if (t->p.kind == PAPER_KIND_PLAN &&
        W_DECODE(plan, env.body, len, JM_SIGNED, &t->a, &t->p.u.plan, e) < 0)
        return err_wrap(e, "plan");
    t->p.envelope = arena_strdup(&t->a, text);
    (void)snprintf(t->p.id, sizeof(t->p.id), "%s", paper_id(&t->p));
    return 0;
}

static int
take_paper(struct receipts *r, enum receipt_paper_kind kind, const char *text, struct err *e)
{
    struct paper_entry *t = must(calloc(1, sizeof(*t)));

    t->p.kind = kind;
    if (paper_decode(t, text, e) < 0) {
        arena_clear(&t->a);
        free(t);
        return -1;
    }
    for (size_t i = 0; i < r->n_papers; i++)
        if (strcmp(r->papers[i]->p.envelope, t->p.envelope) == 0) {
            arena_clear(&t->a); /* known */
            free(t);
            return 0;
        }
    if (r->n_papers == r->cap_papers) {
        r->cap_papers = r->cap_papers == 0 ? 16 : r->cap_papers * 2;
        r->papers = must(realloc(r->papers, r->cap_papers * sizeof(struct paper_entry *)));
    }
    r->papers[r->n_papers++] = t;
    return 0;
}

static int
take_line(struct receipts *r, const struct line *l, struct err *e)
{
    switch ((enum line_kind)l->kind) {
    case LINE_ORDER:
        return take_order(r, l, e);
    case LINE_GRANT:
        return take_paper(r, PAPER_KIND_GRANT, l->text, e);
    case LINE_PLAN:
        return take_paper(r, PAPER_KIND_PLAN, l->text, e);
    case LINE_KEYS:
        return take_paper(r, PAPER_KIND_KEYS, l->text, e);
    case LINE_FACTS:
        return take_facts(r, l, e);
    case LINE_SEEN:
        r->term = l->term > r->term ? l->term : r->term;
        if (l->store[0] != '\0')
            (void)snprintf(r->store, sizeof(r->store), "%s", l->store);
        if (l->text != NULL) {
            free(r->head);
            r->head = must(strdup(l->text));
        }
        return 0;
    case LINE_LOST:
        r->lost = true;
        return 0;
    case LINE_RESTATED:
        r->lost = false;
        return 0;
    case LINE_NONE:
    case LINE__MAX:
        break;
    }
    return err_set(e, BY_E_INVALID, "a line of unknown kind");
}

static int
read_line(void *arg, const char *text, size_t len, struct err *e)
{
    struct receipts *r = arg;
    SCOPED(arena) struct arena a = {0};
    struct line l;

    if (jm_decode(text, len, schema_line, sizeof(l), JM_SIGNED, &a, &l, e) < 0)
        return -1;
    return take_line(r, &l, e);
}

static void
frame_line(struct strbuf *out, const struct line *l)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_line, l, &b);
    journal_frame(out, strbuf_peek(&b), b.len);
}

static bool
is_authority(const struct receipts *r, const char *plan)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->v[i]->r.order.authority_id, plan) == 0)
            return true;
    return false;
}

/* The bureau gave a machine the sizes that it has now: an order after it may rest on that. */
static bool
has_planned_size(const struct receipts *r, const struct w_plan *p)
{
    for (size_t i = 0; i < p->lines.n; i++) {
        const struct w_plan_line *l = JM_ITEM(p->lines, struct w_plan_line, i);
        const struct receipt *t = receipts_find(r, l->resource);

        if (l->verb == VERB_DOWNGRADE && t != NULL && !t->facts.absent &&
            t->order.vm.vcpus == l->vcpus && t->order.vm.mem_mib == l->mem_mib)
            return true;
    }
    return false;
}

static bool
has_grant(const struct receipts *r, const char *grant)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->v[i]->r.order.grant, grant) == 0)
            return true;
    return false;
}

/* Whoever sends a later order sends the papers with it that it rests on. */
static bool
is_needed(const struct receipts *r, size_t at)
{
    const struct receipt_paper *p = &r->papers[at]->p;

    switch (p->kind) {
    case PAPER_KIND_GRANT:
        return has_grant(r, p->id);
    case PAPER_KIND_PLAN: /* one of version 2 says what its grant gives in all */
        return is_authority(r, p->id) || has_planned_size(r, &p->u.plan) ||
               (p->u.plan.version > 1 && has_grant(r, p->u.plan.grant));
    case PAPER_KIND_KEYS: /* taken in order of their number: the last is in force */
        for (size_t i = at + 1; i < r->n_papers; i++)
            if (r->papers[i]->p.kind == PAPER_KIND_KEYS)
                return false;
        return true;
    case PAPER_KIND__MAX:
        break;
    }
    return true;
}

static void
paper_free(struct paper_entry *t)
{
    arena_clear(&t->a);
    free(t);
}

static void
papers_prune(struct receipts *r)
{
    size_t keep = 0;

    for (size_t i = 0; i < r->n_papers; i++) {
        struct paper_entry *t = r->papers[i];

        if (is_needed(r, i))
            r->papers[keep++] = t;
        else
            paper_free(t);
    }
    r->n_papers = keep;
}

/* Everything that is true now, as lines. */
static void
frame_all(const struct receipts *r, struct strbuf *out)
{
    struct line seen = {.kind = LINE_SEEN, .term = r->term, .text = r->head};

    (void)snprintf(seen.store, sizeof(seen.store), "%s", r->store);
    frame_line(out, &seen);
    if (r->lost)
        frame_line(out, &(struct line){.kind = LINE_LOST});
    for (size_t i = 0; i < r->n_papers; i++) {
        const struct receipt_paper *p = &r->papers[i]->p;

        frame_line(out, &(struct line){.kind = (int)line_of[p->kind], .text = p->envelope});
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct receipt *t = &r->v[i]->r;
        struct line facts = {.kind = LINE_FACTS, .f = t->facts};

        frame_line(out, &(struct line){.kind = LINE_ORDER,
                                       .text = t->envelope,
                                       .hold_ms = t->hold_ms,
                                       .not_before_ms = t->not_before_ms});
        (void)snprintf(facts.id, sizeof(facts.id), "%s", t->id);
        frame_line(out, &facts);
    }
}

int
receipts_create(const char *dir, const char *id, bool lost, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(receipts_free) struct receipts *r = NULL;

    if (journal_create(dir, id, e) < 0)
        return -1;
    if (!lost)
        return 0;
    r = must(calloc(1, sizeof(*r)));
    if (journal_open(dir, id, true, read_line, r, &r->j, e) < 0)
        return -1;
    frame_line(&b, &(struct line){.kind = LINE_LOST});
    return journal_rewrite(r->j, &b, e);
}

static int
open_once(const char *dir, const char *id, bool writable, struct receipts **out, struct err *e)
{
    SCOPED(receipts_free) struct receipts *r = must(calloc(1, sizeof(*r)));

    if (journal_open(dir, id, writable, read_line, r, &r->j, e) < 0)
        return -1;
    *out = TAKE(r);
    return 0;
}

int
receipts_read(const char *dir, const char *id, struct receipts **out, struct err *e)
{
    return open_once(dir, id, false, out, e);
}

int
receipts_open(const char *dir, const char *id, struct receipts **out, struct err *e)
{
    if (open_once(dir, id, true, out, e) == 0)
        return 0;
    if (e->code != BY_E_NOT_FOUND && e->code != BY_E_CONFLICT && e->code != BY_E_INVALID)
        return -1;
    if (journal_put_aside(dir, e) < 0 || receipts_create(dir, id, true, e) < 0)
        return err_wrap(e, "begin anew after the receipts were lost");
    return open_once(dir, id, true, out, e);
}

void
receipts_free(struct receipts *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        entry_free(r->v[i]);
    for (size_t i = 0; i < r->n_papers; i++)
        paper_free(r->papers[i]);
    free(r->v);
    free(r->papers);
    free(r->head);
    strbuf_clear(&r->staged);
    journal_free(r->j);
    free(r);
}

bool
receipts_lost(const struct receipts *r)
{
    return r->lost;
}

size_t
receipts_count(const struct receipts *r)
{
    return r->n;
}

const struct receipt *
receipts_at(const struct receipts *r, size_t i)
{
    return &r->v[i]->r;
}

const struct receipt *
receipts_find(const struct receipts *r, const char *id)
{
    bool found;
    size_t i = find_index(r, id, &found);

    return found ? &r->v[i]->r : NULL;
}

size_t
receipts_papers(const struct receipts *r)
{
    return r->n_papers;
}

const struct receipt_paper *
receipts_paper_at(const struct receipts *r, size_t i)
{
    return &r->papers[i]->p;
}

static const struct receipt_paper *
find_paper(const struct receipts *r, enum receipt_paper_kind kind, const char *id)
{
    for (size_t i = 0; i < r->n_papers; i++)
        if (r->papers[i]->p.kind == kind && strcmp(r->papers[i]->p.id, id) == 0)
            return &r->papers[i]->p;
    return NULL;
}

const struct w_grant *
receipts_grant(const struct receipts *r, const char *id)
{
    const struct receipt_paper *p = find_paper(r, PAPER_KIND_GRANT, id);

    return p != NULL ? &p->u.grant : NULL;
}

const struct w_plan *
receipts_plan(const struct receipts *r, const char *id)
{
    const struct receipt_paper *p = find_paper(r, PAPER_KIND_PLAN, id);

    return p != NULL ? &p->u.plan : NULL;
}

uint64_t
receipts_term(const struct receipts *r)
{
    return r->term;
}

const char *
receipts_head(const struct receipts *r)
{
    return r->head;
}

const char *
receipts_store(const struct receipts *r)
{
    return r->store;
}

void
receipts_stage_order(struct receipts *r, const char *envelope, int64_t hold_ms,
                     int64_t not_before_ms)
{
    frame_line(&r->staged, &(struct line){.kind = LINE_ORDER,
                                          .text = envelope,
                                          .hold_ms = hold_ms,
                                          .not_before_ms = not_before_ms});
}

void
receipts_stage_paper(struct receipts *r, enum receipt_paper_kind kind, const char *envelope)
{
    frame_line(&r->staged, &(struct line){.kind = (int)line_of[kind], .text = envelope});
}

void
receipts_stage_facts(struct receipts *r, const char *id, const struct receipt_facts *f)
{
    struct line l = {.kind = LINE_FACTS, .f = *f};

    (void)snprintf(l.id, sizeof(l.id), "%s", id);
    frame_line(&r->staged, &l);
}

void
receipts_stage_seen(struct receipts *r, uint64_t term, const char *store, const char *head)
{
    struct line l = {.kind = LINE_SEEN, .term = term, .text = head};

    (void)snprintf(l.store, sizeof(l.store), "%s", store);
    frame_line(&r->staged, &l);
}

void
receipts_stage_restated(struct receipts *r)
{
    frame_line(&r->staged, &(struct line){.kind = LINE_RESTATED});
}

/* Take the staged lines into memory: they are known to be good, since we framed them. */
static int
apply_staged(struct receipts *r, struct err *e)
{
    const char *s = r->staged.s, *end = s + r->staged.len;

    while (s < end) {
        const char *text = strchr(s, ' ') + 1;
        const char *nl = memchr(text, '\n', (size_t)(end - text));

        if (read_line(r, text, (size_t)(nl - text), e) < 0)
            return err_wrap(e, "receipts: what was written cannot be read back");
        s = nl + 1;
    }
    return 0;
}

static int
rewrite(struct receipts *r, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    frame_all(r, &b);
    return journal_rewrite(r->j, &b, e);
}

int
receipts_compact(struct receipts *r, struct err *e)
{
    papers_prune(r);
    return rewrite(r, e);
}

/* Only saves space: when it fails, the file holds all that is needed, and more. */
static void
compact_when_due(struct receipts *r)
{
    SCOPED(strbuf) struct strbuf b = {0};

    if (journal_size(r->j) <= REWRITE_BYTES || journal_size(r->j) <= r->look_at)
        return;
    papers_prune(r);
    frame_all(r, &b);
    r->look_at = b.len * REWRITE_RATIO;
    if (journal_size(r->j) > r->look_at)
        (void)journal_rewrite(r->j, &b, NULL);
}

int
receipts_commit(struct receipts *r, struct err *e)
{
    int rc;

    if (r->staged.len == 0)
        return 0;
    rc = journal_append(r->j, &r->staged, e);
    if (rc == 0)
        rc = apply_staged(r, e);
    else if (e->code == BY_E_IO && rewrite(r, &(struct err){0}) == 0)
        err_wrap(e, "the receipts were rewritten without it");
    strbuf_reset(&r->staged);
    if (rc == 0)
        compact_when_due(r);
    return rc;
}

void
receipts_abort(struct receipts *r)
{
    strbuf_reset(&r->staged);
}

void
receipt_binned_count(struct receipt_facts *f, int64_t mono_ms, const char *boot)
{
    if (strcmp(f->binned_boot, boot) == 0) {
        if (mono_ms > f->binned_mono_ms)
            f->binned_elapsed_ms += mono_ms - f->binned_mono_ms;
    } else {
        f->binned_elapsed_ms += mono_ms; /* all of this boot was after it */
        (void)snprintf(f->binned_boot, sizeof(f->binned_boot), "%s", boot);
    }
    f->binned_mono_ms = mono_ms;
}

int64_t
receipt_binned_ms(const struct receipt_facts *f, int64_t wall_ms, int64_t mono_ms, const char *boot)
{
    struct receipt_facts now = *f;
    int64_t wall;

    if (f->binned_at_ms == 0)
        return -1;
    receipt_binned_count(&now, mono_ms, boot);
    wall = wall_ms > f->binned_at_ms ? wall_ms - f->binned_at_ms : 0;
    return wall < now.binned_elapsed_ms ? wall : now.binned_elapsed_ms;
}
