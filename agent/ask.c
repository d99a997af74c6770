#include "agent/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/apply.h"
#include "agent/erase.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/sharedpool.h"

/* ---- asking and waiting, in a worker ---- */

static int
ask_write(struct task *t, const char *name, enum w_pool_act act, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_pool_ask ask = {
        .version = 1, .act = act, .at_ms = clock_wall_ms(), .order = t->envelope};

    random_uuid(ask.id);
    (void)snprintf(ask.host, sizeof(ask.host), "%s", t->ag->id.host);
    (void)snprintf(ask.host_name, sizeof(ask.host_name), "%s", t->ag->id.name);
    jm_encode(schema_pool_ask, &ask, &b);
    if (sharedpool_remove(t->pool_path, SHAREDPOOL_ANSWER, name, e) < 0)
        return -1;
    return sharedpool_write(t->pool_path, SHAREDPOOL_ASK, name, strbuf_peek(&b), e);
}

/* An ask that lies there already and is this very one: before a crash, or a moment ago. */
static bool
ask_stands(struct task *t, const char *name, enum w_pool_act act, struct w_pool_ask *ask)
{
    SCOPED(strbuf) struct strbuf b = {0};

    return sharedpool_read(t->pool_path, SHAREDPOOL_ASK, name, &b, NULL) == 0 &&
           W_DECODE(pool_ask, b.s, b.len, JM_PEER, &t->a, ask, NULL) == 0 && ask->act == (int)act &&
           strcmp(ask->order, t->envelope) == 0;
}

static bool
answer_read(struct task *t, const char *name, const struct w_pool_ask *ask,
            struct w_pool_answer *ans)
{
    SCOPED(strbuf) struct strbuf b = {0};

    return sharedpool_read(t->pool_path, SHAREDPOOL_ANSWER, name, &b, NULL) == 0 &&
           W_DECODE(pool_answer, b.s, b.len, JM_PEER, &t->a, ans, NULL) == 0 && ans->done &&
           strcmp(ans->id, ask->id) == 0;
}

static enum err_code
code_of(const char *word)
{
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++)
        if (strcmp(err_code_name((enum err_code)c), word) == 0)
            return (enum err_code)c;
    return BY_E_IO;
}

static int
ask_end(struct task *t, struct virt *v, struct err *e)
{
    char name[SHAREDPOOL_NAME];

    (void)v; /* needs no connection */
    sharedpool_name(t->id, t->ag->id.host, name);
    return sharedpool_remove(t->pool_path, SHAREDPOOL_ASK, name, e) < 0 ||
                   sharedpool_remove(t->pool_path, SHAREDPOOL_ANSWER, name, e) < 0
               ? -1
               : 0;
}

/* 0: done, the answer is t->answer. */
static int
ask_for(struct task *t, enum w_pool_act act, struct err *e)
{
    struct w_pool_ask ask;
    char name[SHAREDPOOL_NAME];

    sharedpool_name(t->id, t->ag->id.host, name);
    if (!ask_stands(t, name, act, &ask)) {
        if (ask_write(t, name, act, e) < 0)
            return -1;
    } else if (answer_read(t, name, &ask, &t->answer)) {
        if (t->answer.code[0] == '\0')
            return 0;
        if (ask_end(t, NULL, e) < 0) /* asked anew when it is tried again */
            return -1;
        return err_set(e, code_of(t->answer.code), "%s, the steward of its shared pool: %s",
                       t->answer.steward_name, t->answer.reason != NULL ? t->answer.reason : "");
    }
    t->waits_steward = true;
    if (t->steward_name[0] == '\0')
        return err_set(e, BY_E_BUSY, "its shared pool has no steward yet");
    return err_set(e, BY_E_BUSY, "waits for %s, the steward of its shared pool", t->steward_name);
}

static int
ask_make(struct task *t, struct virt *v, struct err *e)
{
    (void)v;
    return ask_for(t, POOL_MAKE, e);
}

static int
ask_grow(struct task *t, struct virt *v, struct err *e)
{
    (void)v;
    return ask_for(t, POOL_GROW, e);
}

/* ---- looking at what was made ---- */

static const struct w_pool_volume *
answered_volume(const struct task *t, const char *id)
{
    for (size_t i = 0; i < t->answer.volumes.n; i++) {
        const struct w_pool_volume *p = JM_ITEM(t->answer.volumes, struct w_pool_volume, i);

        if (strcmp(p->id, id) == 0)
            return p;
    }
    return NULL;
}

/* The image cache of the pool must be at the same place on every host. */
static int
check_backing(const struct virt_vol_seen *seen, struct err *e)
{
    if (seen->backing_path == NULL || access(seen->backing_path, R_OK) == 0)
        return 0;
    return err_set(e, BY_E_NOT_FOUND,
                   "its disk is laid over %s, which is not on this host: image_dir must lie in the "
                   "shared pool and have the same path on every host",
                   seen->backing_path);
}

static int
look_volume(struct task *t, struct virt *v, const char *id, uint64_t *bytes, struct err *e)
{
    const struct virt_vol_seen *seen = apply_read_volume(t, v, id, e);

    if (seen == NULL || check_backing(seen, e) < 0)
        return -1;
    *bytes = seen->capacity_bytes;
    return 0;
}

static int
look_made(struct task *t, struct virt *v, struct err *e)
{
    struct receipt_facts *f = &t->facts;
    const struct w_order *o = &t->order;
    const struct w_pool_volume *seed;

    if (o->kind == RES_VOLUME) {
        if (look_volume(t, v, o->volume.id, &f->fill_bytes, e) < 0)
            return err_wrap(e, "volume %s", o->volume.name);
        f->fill = FILL_DONE;
    } else {
        if (look_volume(t, v, o->vm.root_volume, &f->root_bytes, e) < 0 ||
            look_volume(t, v, o->vm.seed_volume, &f->seed_bytes, e) < 0)
            return err_wrap(e, "disks of %s", o->vm.name);
        seed = answered_volume(t, o->vm.seed_volume);
        if (seed != NULL)
            memcpy(f->seed_sha256, seed->sha256, sizeof(f->seed_sha256));
        f->root_fill = f->seed_fill = FILL_DONE;
    }
    t->facts_changed = true;
    return 0;
}

static int
look_grown(struct task *t, struct virt *v, struct err *e)
{
    const struct w_order *o = &t->order;
    uint64_t bytes;

    return look_volume(t, v, o->kind == RES_VOLUME ? o->volume.id : o->vm.root_volume, &bytes, e);
}

/* ---- erasing ---- */

static int
answered_copy(struct task *t, struct task_copy *c, struct err *e)
{
    const char *name = arena_printf(&t->a, "/by-%s", c->volume_id);

    for (size_t i = 0; i < t->answer.copies.n; i++) {
        const struct w_erased_copy *r = JM_ITEM(t->answer.copies, struct w_erased_copy, i);
        const char *base = r->path != NULL ? strrchr(r->path, '/') : NULL;

        if (base == NULL || strcmp(base, name) != 0)
            continue;
        c->report = *r;
        c->report.path = c->path;
        return 0;
    }
    return err_set(e, BY_E_IO, "%s, the steward of its shared pool, says nothing of %s",
                   t->answer.steward_name, c->path);
}

/* Signed for already: overwritten before a crash. */
static int
ask_overwrite(struct task *t, struct virt *v, struct err *e)
{
    (void)v;
    if (t->facts.erased)
        return 0;
    if (ask_for(t, POOL_OVERWRITE, e) < 0)
        return -1;
    for (size_t i = 0; i < t->n_copies; i++)
        if (t->copies[i].volume && answered_copy(t, &t->copies[i], e) < 0)
            return -1;
    return 0;
}

static int
ask_remove(struct task *t, struct virt *v, struct err *e)
{
    (void)v;
    return ask_for(t, POOL_REMOVE, e);
}

static int
look_gone(struct task *t, struct virt *v, struct err *e)
{
    for (size_t i = 0; i < t->n_copies; i++)
        if (t->copies[i].volume && reading_vol(task_reading(t), v, t->copies[i].volume_id, e) < 0)
            return -1;
    return t->order.kind == RES_VM ? reading_dom(task_reading(t), v, t->id, e) : 0;
}

/* ---- what each action is made of ---- */

#define ASK(name)                                                                                  \
    {                                                                                              \
        .call = CALL_STEWARD_ASK, .aside = true, .run = (name)                                     \
    }
#define END                                                                                        \
    {                                                                                              \
        .call = CALL_STEWARD_END, .aside = true, .run = ask_end                                    \
    }

const struct task_phase *
ask_phases(enum rec_op op, const struct w_order *o)
{
    static const struct task_phase make[] = {
        ASK(ask_make), {.call = CALL_VOL_LOOK, .run = look_made}, END, {0}};
    static const struct task_phase grow[] = {
        ASK(ask_grow), {.call = CALL_VOL_LOOK, .run = look_grown}, END, {0}};
    static const struct task_phase erase[] = {
        {.call = CALL_ERASE_FIND, .run = erase_gather},
        ASK(ask_overwrite),
        {.call = CALL_ERASE_OVERWRITE, .disk = true, .run = erase_overwrite, .after = erase_sign},
        {.call = CALL_ERASE_REMOVE, .run = erase_remove},
        ASK(ask_remove),
        {.call = CALL_VOL_LOOK, .run = look_gone, .after = erase_gone},
        END,
        {0}};

    if (o->kind == RES_VM && o->vm.adopt.id[0] != '\0')
        return NULL; /* its disks are files of its own, no volumes */
    switch (op) {
    case REC_VOL_CREATE:
    case REC_VOL_REMAKE:
    case REC_VM_ROOT:
    case REC_VM_REMAKE:
        return make;
    case REC_VOL_GROW:
    case REC_VM_GROW:
        return grow;
    case REC_ERASE:
        return erase;
    case REC_NONE:
    case REC_NET_DEFINE:
    case REC_NET_START:
    case REC_NET_HOSTS:
    case REC_NET_SEGMENT:
    case REC_NET_REMOVE:
    case REC_VM_LIVE:
    case REC_VM_DEFINE:
    case REC_VM_START:
    case REC_VM_RESUME:
    case REC_VM_SHUTDOWN:
    case REC_VM_DESTROY:
    case REC_VM_ADOPT:
    case REC_BIN:
    case REC_UNBIN:
    case REC_OP__MAX:
        break;
    }
    return NULL;
}
