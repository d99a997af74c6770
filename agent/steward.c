#include "agent/steward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/apply.h"
#include "agent/erase.h"
#include "agent/fetch.h"
#include "agent/shared.h"
#include "agent/task.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/durable.h"
#include "drivers/host/extent.h"

enum {
    WORKS_MAX = 8,
    WARN_MS = 60000,
    IMAGE_MS = 2000,
    NAMES_MAX = 4096, /* in one look; those with an answer do not hide the others */
    UNREADABLE_AGE_MS = 60000,
    REFUSED_AGE_MS = 3600000,
    VOLUMES_MAX = 2 /* of one resource */,
    DISK_DEADLINE_MS = 86400000
};

/* One ask under way.  Its task has no receipt and no track: those are the asking host's. */
struct work {
    struct task t; /* first: a job is its task */
    struct works *all;
    struct work *next;
    struct w_pool_ask ask;
    char name[SHAREDPOOL_NAME], pool[W_ID];
    char steward_name[W_NAME];
    uint64_t term;
    const struct work_step *step;
    struct err refusal;
};

/* A step runs in a worker; the last one's end is the answer. */
struct work_step {
    bool disk; /* in the pool for long work, without a connection */
    int (*run)(struct work *w, struct virt *v, struct err *e);
};

struct works {
    struct agent *ag;
    struct work *first;
    size_t n;
    int64_t warn_at_ms;  /* monotonic: the next refusal is logged then */
    int64_t image_at_ms; /* monotonic: machines that lack their image are tried again then */
    char image[W_HASH];  /* one that could not be fetched, or "": why not is told once */
    struct err image_err;
};

/* ---- the volumes of a resource ---- */

static size_t
volumes_of(const struct w_order *o, const char *ids[VOLUMES_MAX])
{
    if (o->kind == RES_VOLUME) {
        ids[0] = o->volume.id;
        return 1;
    }
    ids[0] = o->vm.root_volume;
    ids[1] = o->vm.seed_volume;
    return 2;
}

/* true: it is written down as filled, *out says how. */
static bool
is_filled(const struct work *w, const char *id, struct w_pool_volume *out)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(arena) struct arena a = {0};

    return sharedpool_read(w->t.pool_path, SHAREDPOOL_FILLED, id, &b, NULL) == 0 &&
           W_DECODE(pool_volume, b.s, b.len, JM_PEER, &a, out, NULL) == 0 &&
           strcmp(out->id, id) == 0;
}

static int
write_filled(const struct work *w, const char *id, uint64_t bytes, const char *sha256,
             struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_pool_volume v = {.bytes = bytes};

    (void)snprintf(v.id, sizeof(v.id), "%s", id);
    (void)snprintf(v.sha256, sizeof(v.sha256), "%s", sha256);
    jm_encode(schema_pool_volume, &v, &b);
    return sharedpool_write(w->t.pool_path, SHAREDPOOL_FILLED, id, strbuf_peek(&b), e);
}

/* ---- steps ---- */

/* What is there and not filled nobody ever ran on: it is overwritten and made anew. */
static int
step_clear(struct work *w, struct virt *v, struct err *e)
{
    const char *ids[VOLUMES_MAX];
    size_t n = volumes_of(&w->t.order, ids);

    (void)v; /* needs no connection */
    for (size_t i = 0; i < n; i++) {
        const char *path = arena_printf(&w->t.a, "%s/by-%s", w->t.pool_path, ids[i]);
        struct w_pool_volume have;
        struct extent_report r;

        if (is_filled(w, ids[i], &have))
            continue;
        if (extent_erase(path, NULL, &r, e) < 0 || durable_remove(path, e) < 0)
            return err_wrap(e, "half-made volume %s", ids[i]);
    }
    return 0;
}

/* As if our receipts knew of those that are filled. */
static void
facts_from_pool(struct work *w)
{
    struct receipt_facts *f = &w->t.facts;
    struct w_pool_volume have;

    if (w->t.order.kind == RES_VOLUME) {
        f->fill = is_filled(w, w->t.order.volume.id, &have) ? FILL_DONE : FILL_FILLING;
        return;
    }
    f->root_fill = is_filled(w, w->t.order.vm.root_volume, &have) ? FILL_DONE : FILL_FILLING;
    f->seed_fill = is_filled(w, w->t.order.vm.seed_volume, &have) ? FILL_DONE : FILL_FILLING;
}

static int
step_make(struct work *w, struct virt *v, struct err *e)
{
    const struct receipt_facts *f = &w->t.facts;
    const struct w_order *o = &w->t.order;
    bool root, seed;

    facts_from_pool(w);
    if (o->kind == RES_VOLUME)
        return f->fill == FILL_DONE ? 0
               : apply_vol_create(&w->t, v, e) < 0
                   ? -1
                   : write_filled(w, o->volume.id, f->fill_bytes, "", e);
    root = f->root_fill == FILL_DONE;
    seed = f->seed_fill == FILL_DONE;
    if (apply_vm_root(&w->t, v, e) < 0)
        return -1;
    if (!root && write_filled(w, o->vm.root_volume, f->root_bytes, "", e) < 0)
        return -1;
    return seed ? 0 : write_filled(w, o->vm.seed_volume, f->seed_bytes, f->seed_sha256, e);
}

static int
step_grow(struct work *w, struct virt *v, struct err *e)
{
    return w->t.order.kind == RES_VOLUME ? apply_vol_grow(&w->t, v, e) : apply_vm_grow(&w->t, v, e);
}

static int
forget_filled(struct work *w, struct err *e)
{
    const char *ids[VOLUMES_MAX];
    size_t n = volumes_of(&w->t.order, ids);

    for (size_t i = 0; i < n; i++)
        if (sharedpool_remove(w->t.pool_path, SHAREDPOOL_FILLED, ids[i], e) < 0)
            return -1;
    return 0;
}

static int
step_overwrite(struct work *w, struct virt *v, struct err *e)
{
    return forget_filled(w, e) < 0 || erase_volumes_find(&w->t, e) < 0
               ? -1
               : erase_overwrite(&w->t, v, e);
}

static int
step_remove(struct work *w, struct virt *v, struct err *e)
{
    return forget_filled(w, e) < 0 || erase_volumes_find(&w->t, e) < 0
               ? -1
               : erase_remove_copies(&w->t, v, e);
}

static const struct work_step make_steps[] = {{true, step_clear}, {false, step_make}, {0}},
                              grow_steps[] = {{false, step_grow}, {0}},
                              overwrite_steps[] = {{true, step_overwrite}, {0}},
                              remove_steps[] = {{false, step_remove}, {0}};

static const struct work_step *
steps_of(enum w_pool_act act)
{
    switch (act) {
    case POOL_MAKE:
        return make_steps;
    case POOL_GROW:
        return grow_steps;
    case POOL_OVERWRITE:
        return overwrite_steps;
    case POOL_REMOVE:
        return remove_steps;
    case POOL_ACT_NONE:
    case POOL_ACT__MAX:
        break;
    }
    return NULL;
}

/* ---- the answer, still in the worker ---- */

static void
answer_volumes(struct work *w, struct w_pool_answer *ans)
{
    const char *ids[VOLUMES_MAX];
    size_t n = volumes_of(&w->t.order, ids);
    struct w_pool_volume *v = arena_alloc(&w->t.a, VOLUMES_MAX * sizeof(*v));

    for (size_t i = 0; i < n; i++)
        if (is_filled(w, ids[i], &v[ans->volumes.n]))
            ans->volumes.n++;
    ans->volumes.items = v;
}

static void
answer_copies(struct work *w, struct w_pool_answer *ans)
{
    struct w_erased_copy *c = arena_alloc(&w->t.a, (w->t.n_copies + 1) * sizeof(*c));

    for (size_t i = 0; i < w->t.n_copies; i++)
        c[i] = w->t.copies[i].report;
    ans->copies = (struct jm_list){.items = c, .n = w->t.n_copies};
    ans->limits = strbuf_peek(&w->t.limits);
}

/* why NULL: it is done.  Not final: how far it is. */
static int
answer_write(struct work *w, const struct err *why, bool final, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_pool_answer ans = {
        .version = 1, .term = w->term, .done = final, .at_ms = clock_wall_ms()};

    (void)snprintf(ans.id, sizeof(ans.id), "%s", w->ask.id);
    (void)snprintf(ans.steward, sizeof(ans.steward), "%s", w->t.ag->id.host);
    (void)snprintf(ans.steward_name, sizeof(ans.steward_name), "%s", w->steward_name);
    if (why != NULL) {
        ans.reason = why->msg;
        if (final)
            (void)snprintf(ans.code, sizeof(ans.code), "%s", err_code_name(why->code));
    } else if (w->ask.act == POOL_OVERWRITE) {
        answer_copies(w, &ans);
    } else if (w->ask.act != POOL_REMOVE) {
        answer_volumes(w, &ans);
    }
    jm_encode(schema_pool_answer, &ans, &b);
    return sharedpool_write(w->t.pool_path, SHAREDPOOL_ANSWER, w->name, strbuf_peek(&b), e);
}

/* The pool may have been taken away since it was looked at; the lock is ours until the end. */
static int
work_run(struct worker_job *j, struct virt *v, struct err *e)
{
    struct work *w = (struct work *)j;
    char found[W_ID];
    struct err why = {0};
    bool last = w->step[1].run == NULL;

    if (shared_identify(w->t.ag, w->pool, found, e) < 0)
        return -1;
    if (w->step->run(w, v, &why) == 0)
        return last ? answer_write(w, NULL, true, e) : 0;
    *e = why;
    if (atomic_load(&w->t.ag->stopping))
        return -1; /* the next start, or the next steward, finds the ask */
    if (answer_write(w, &why, !w->t.wants_image, &why) < 0)
        log_warn("pool.answer", "ask=%s reason=" LOG_Q, w->name, why.msg);
    return -1;
}

/* ---- the owner ---- */

static void
work_free(struct work *w)
{
    struct works *all = w->all;

    for (struct work **p = &all->first; *p != NULL; p = &(*p)->next)
        if (*p == w) {
            *p = w->next;
            all->n--;
            all->ag->shared->acting--;
            break;
        }
    task_clear(&w->t);
    free(w);
}

static void work_submit(struct work *w);

static void
work_done(struct worker_job *j)
{
    struct work *w = (struct work *)j;

    if (j->rc < 0 && w->t.wants_image) {
        w->all->image_at_ms = clock_mono_ms() + IMAGE_MS;
        work_free(w);
        return;
    }
    if (j->rc < 0) {
        log_warn("pool.work_failed", "act=%s resource=%s for=" LOG_Q " reason=" LOG_Q,
                 w_pool_act_names[w->ask.act], w->t.id, w->ask.host_name, j->err.msg);
        work_free(w);
        return;
    }
    w->step++;
    if (w->step->run != NULL) {
        work_submit(w);
        return;
    }
    log_info("pool.work_done", "act=%s resource=%s for=" LOG_Q " ms=%lld",
             w_pool_act_names[w->ask.act], w->t.id, w->ask.host_name,
             (long long)(clock_mono_ms() - w->t.started_ms));
    w->t.ag->observe_at_ms = 0; /* its volumes are in our pool, too */
    work_free(w);
}

static void
work_submit(struct work *w)
{
    struct agent *ag = w->t.ag;
    struct err e = {0};

    w->t.job.no_conn = w->step->disk;
    w->t.job.deadline_ms = w->step->disk ? DISK_DEADLINE_MS : 0;
    w->t.job.run = work_run;
    w->t.job.done = work_done;
    if (workers_submit(w->step->disk ? ag->disk : ag->calls, &w->t.job, &e) < 0) {
        log_warn("pool.work_failed", "resource=%s reason=" LOG_Q, w->t.id, e.msg);
        work_free(w); /* the ask lies there: the next look takes it up */
    }
}

/* The order as signed, and the asking host's own; what is asked must be what it says. */
static int
work_check(struct work *w, const char *resource, const char *host, struct err *e)
{
    struct agent *ag = w->t.ag;
    const char *body = NULL, *text = w->ask.order;
    struct w_order *o = &w->t.order;
    bool taken = w->ask.act == POOL_OVERWRITE || w->ask.act == POOL_REMOVE;

    if (keyring_check(ag->keys, text, strlen(text), PAPER_ORDER, PAPER_ORDER_BATCH, KEY_ORDER,
                      clock_wall_ms(), &w->t.a, &body, e) < 0 ||
        W_DECODE(order, body, strlen(body), JM_SIGNED, &w->t.a, o, e) < 0)
        return -1;
    if (strcmp(o->host, host) != 0 || strcmp(w->ask.host, host) != 0 ||
        strcmp(o->resource, resource) != 0)
        return err_set(e, BY_E_DENIED, "its order is another host's or another resource's");
    if (o->kind != RES_VOLUME && (o->kind != RES_VM || o->vm.adopt.id[0] != '\0'))
        return err_set(e, BY_E_DENIED, "its order has no volume in a shared pool");
    if (strcmp(o->kind == RES_VM ? o->vm.id : o->volume.id, resource) != 0)
        return err_set(e, BY_E_DENIED, "its order is about one resource and describes another");
    if (taken != (o->wanted == WANT_ABSENT))
        return err_set(e, BY_E_DENIED, "its order does not want that");
    return 0;
}

static void
refused(struct works *all, const char *name, const struct err *e)
{
    int64_t now = clock_mono_ms();

    if (now < all->warn_at_ms)
        return; /* it lies there and is met every second */
    all->warn_at_ms = now + WARN_MS;
    log_warn("pool.ask_refused", "ask=%s reason=" LOG_Q, name, e->msg);
}

static struct work *
work_new(struct works *all, const char *name, const char *resource)
{
    struct agent *ag = all->ag;
    struct work *w = calloc(1, sizeof(*w));

    if (w == NULL)
        abort(); /* out of memory */
    w->all = all;
    w->t.ag = ag;
    w->t.started_ms = clock_mono_ms();
    w->t.pool_path = ag->conf.pool_path;
    w->t.image_dir = ag->conf.image_dir;
    w->t.image_cache = arena_printf(&w->t.a, "%s/images.cache", ag->id.dir);
    w->term = ag->shared->word.term;
    w->t.job.what = call_text(CALL_STEWARD_WORK);
    (void)snprintf(w->t.id, sizeof(w->t.id), "%s", resource);
    (void)snprintf(w->t.job.key, sizeof(w->t.job.key), "%s", resource);
    (void)snprintf(w->name, sizeof(w->name), "%s", name);
    memcpy(w->pool, ag->shared->id, W_ID);
    memcpy(w->steward_name, ag->id.name, sizeof(w->steward_name));
    w->next = all->first;
    all->first = w;
    all->n++;
    ag->shared->acting++;
    return w;
}

/* Only the answer: why not. */
static int
step_refuse(struct work *w, struct virt *v, struct err *e)
{
    (void)v;
    *e = w->refusal;
    return -1;
}

static const struct work_step refuse_steps[] = {{true, step_refuse}, {0}};

/* Why the image could not be fetched, said once: the next ask for it tries again. */
static bool
image_failed(struct works *all, const char *sha256, struct err *why)
{
    if (sha256[0] == '\0' || strcmp(all->image, sha256) != 0)
        return false;
    *why = all->image_err;
    all->image[0] = '\0';
    return true;
}

static int
ask_parse(struct work *w, const char *text, struct err *e)
{
    if (text == NULL)
        return err_set(e, BY_E_INVALID, "it is no plain file, or far too large");
    return W_DECODE(pool_ask, text, strlen(text), JM_PEER, &w->t.a, &w->ask, e);
}

void
works_take(struct works *all, const struct sharedpool_file *ask)
{
    char resource[W_ID], host[W_ID];
    struct err e = {0};
    struct work *w;

    for (w = all->first; w != NULL; w = w->next)
        if (strcmp(w->name, ask->name) == 0)
            return;
    if (all->n >= WORKS_MAX || !sharedpool_name_split(ask->name, resource, host))
        return; /* the next look meets it again */
    w = work_new(all, ask->name, resource);
    if (ask_parse(w, ask->content, &e) < 0) {
        refused(all, ask->name, &e);
        work_free(w);
        return;
    }
    w->step = steps_of((enum w_pool_act)w->ask.act);
    if (work_check(w, resource, host, &e) < 0) {
        refused(all, ask->name, &e);
        w->refusal = e;
        w->step = refuse_steps;
    } else if (w->ask.act == POOL_MAKE && image_failed(all, w->t.order.vm.image, &w->refusal)) {
        w->step = refuse_steps;
    } else if (w->ask.act == POOL_MAKE && w->t.order.kind == RES_VM &&
               clock_mono_ms() < all->image_at_ms) {
        work_free(w); /* its image is perhaps on its way */
        return;
    }
    work_submit(w);
}

void
works_image_ended(struct works *all, const char *sha256, const struct err *why)
{
    all->image_at_ms = 0;
    if (why->code == BY_E_OK)
        return;
    (void)snprintf(all->image, sizeof(all->image), "%s", sha256);
    all->image_err = *why;
}

/* ---- reading asks, in a worker ---- */

enum standing { ASK_OPEN, ASK_ANSWERED, ASK_REFUSED, ASK_UNREADABLE, ASK_AWAY };

static enum standing
ask_standing(const char *pool, struct sharedpool_file *f, struct strbuf *text)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(arena) struct arena a = {0};
    struct w_pool_ask ask;
    struct w_pool_answer ans;
    struct err e = {0};

    if (sharedpool_read(pool, SHAREDPOOL_ASK, f->name, text, &e) < 0)
        return e.code == BY_E_CONFLICT || e.code == BY_E_TOO_LARGE ? ASK_UNREADABLE : ASK_AWAY;
    if (W_DECODE(pool_ask, text->s, text->len, JM_PEER, &a, &ask, NULL) < 0)
        return ASK_UNREADABLE;
    if (sharedpool_read(pool, SHAREDPOOL_ANSWER, f->name, &b, NULL) < 0 ||
        W_DECODE(pool_answer, b.s, b.len, JM_PEER, &a, &ans, NULL) < 0 || !ans.done ||
        strcmp(ans.id, ask.id) != 0)
        return ASK_OPEN;
    return ans.code[0] != '\0' ? ASK_REFUSED : ASK_ANSWERED;
}

/* A host that still wants it finds its ask gone and writes it anew. */
static bool
ask_drop(const char *pool, const struct sharedpool_file *f, const char *why)
{
    struct err e = {0};

    if (sharedpool_remove(pool, SHAREDPOOL_ASK, f->name, &e) < 0 ||
        sharedpool_remove(pool, SHAREDPOOL_ANSWER, f->name, &e) < 0) {
        log_debug("pool.ask_stays", "ask=%s reason=" LOG_Q, f->name, e.msg);
        return false;
    }
    log_warn("pool.ask_removed", "ask=%s reason=" LOG_Q, f->name, why);
    return true;
}

/* true: it goes to the owner; of what is not readable one, which says so in the log. */
static bool
ask_kept(const char *pool, struct sharedpool_file *f, struct arena *a, bool *told)
{
    SCOPED(strbuf) struct strbuf text = {0};

    switch (ask_standing(pool, f, &text)) {
    case ASK_OPEN:
        f->content = arena_strdup(a, strbuf_peek(&text));
        return true;
    case ASK_REFUSED:
        if (f->age_ms > REFUSED_AGE_MS)
            (void)ask_drop(pool, f, "it was refused an hour ago and nobody took the answer");
        return false;
    case ASK_UNREADABLE:
        if ((f->age_ms > UNREADABLE_AGE_MS && ask_drop(pool, f, "nobody can read it")) || *told)
            return false;
        *told = true;
        return true;
    case ASK_ANSWERED:
    case ASK_AWAY:
        break;
    }
    return false;
}

int
works_read(const char *pool, size_t max, struct arena *a, struct sharedpool_file **out, size_t *n,
           struct err *e)
{
    size_t kept = 0;
    bool told = false;

    if (sharedpool_list(pool, SHAREDPOOL_ASK, NAMES_MAX, a, out, n, e) < 0)
        return -1;
    for (size_t i = 0; i < *n && kept < max; i++)
        if (ask_kept(pool, &(*out)[i], a, &told))
            (*out)[kept++] = (*out)[i];
    *n = kept;
    return 0;
}

int
works_new(struct agent *ag, struct works **out, struct err *e)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return err_set(e, BY_E_NOMEM, "the steward's work");
    (*out)->ag = ag;
    return 0;
}

void
works_free(struct works *all)
{
    if (all == NULL)
        return;
    while (all->first != NULL)
        work_free(all->first);
    free(all);
}
