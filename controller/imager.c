#include "controller/imager.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/image_file.h"
#include "controller/notice.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/db/store_image.h"
#include "policies/authz.h"

enum { CACHE_KIB = 256, AGAIN_MS = 10000 }; /* a full disk, a full queue */

struct imager {
    struct controller *c;
    struct db *d;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t cond;
    bool stop, news;
};

struct finding {
    const struct image_row *row;
    const struct err *bad; /* NULL: good */
};

/* What was found becomes its state, unless it moved on meanwhile. */
static int
settle_step(void *arg, struct tx *t, struct err *e)
{
    const struct finding *f = arg;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_image_view v = {.format = f->row->format, .virtual_bytes = f->row->virtual_bytes};
    struct image_row now;
    int rc = image_by_id(t->d, f->row->id, tx_arena(t), &now, e);

    if (rc < 0)
        return -1;
    if (rc == 0 || now.state != IS_UPLOADED)
        return 0;
    now.format = f->row->format;
    now.virtual_bytes = f->row->virtual_bytes;
    memcpy(v.id, now.id, sizeof(v.id));
    memcpy(v.sha256, now.sha256, sizeof(v.sha256));
    memcpy(v.name, now.name, sizeof(v.name));
    memcpy(v.version, now.version, sizeof(v.version));
    if (image_move(t->d, &now, f->bad == NULL ? IS_EV_PASS : IS_EV_FAIL, e) < 0 ||
        image_found(t->d, &now, f->bad == NULL ? "" : f->bad->msg, t->now_ms, e) < 0)
        return -1;
    v.reason = f->bad == NULL ? NULL : f->bad->msg;
    v.size_bytes = now.size_bytes;
    jm_encode(schema_image_view, &v, &b);
    if (f->bad == NULL &&
        notice_waits(
            t, INBOX_IMAGE, AZ_EVERYONE,
            &(struct notice){.kind = NOTICE_IMAGE_WAITS,
                             .subject = now.id,
                             .title = arena_printf(tx_arena(t), "%s:%s", now.name, now.version)},
            e) < 0)
        return -1;
    return ledger_append(t, "controller", f->bad == NULL ? "image.checked" : "image.refused",
                         now.id, strbuf_peek(&b), e);
}

int
imager_step(struct controller *c, struct db *d, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct image_row r;
    struct err bad = {0};
    struct finding f = {.row = &r};
    int rc = image_in_state(d, IS_UPLOADED, &a, &r, e);

    if (rc <= 0)
        return rc;
    if (image_file_settle(c, r.sha256, r.size_bytes, &r.format, &r.virtual_bytes, &bad) < 0) {
        if (bad.code != BY_E_INVALID && bad.code != BY_E_NOT_FOUND) {
            *e = bad;
            return err_wrap(e, "image %s", r.name);
        }
        f.bad = &bad;
    }
    log_info("image.looked_at", "name=" LOG_Q " sha256=%s good=%d reason=" LOG_Q, r.name, r.sha256,
             f.bad == NULL, bad.msg);
    return commit_run(c->commit, settle_step, &f, e) < 0 ? -1 : 1;
}

static bool
wait_news(struct imager *m, int64_t wait_ms)
{
    int64_t at = clock_mono_ms() + wait_ms;
    struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000};
    bool stop;

    (void)pthread_mutex_lock(&m->lock);
    while (!m->stop && !m->news && pthread_cond_timedwait(&m->cond, &m->lock, &ts) == 0)
        ;
    m->news = false;
    stop = m->stop;
    (void)pthread_mutex_unlock(&m->lock);
    return !stop;
}

static void *
imager_main(void *arg)
{
    struct imager *m = arg;
    int64_t wait = 0; /* what a crash left is looked at first */

    while (wait_news(m, wait)) {
        struct err e = {0};
        int rc = imager_step(m->c, m->d, &e);

        if (rc < 0)
            log_error("image.failed", "reason=" LOG_Q, e.msg);
        wait = rc > 0 ? 0 : AGAIN_MS;
    }
    return NULL;
}

int
imager_new(struct controller *c, struct imager **out, struct err *e)
{
    struct imager *m = calloc(1, sizeof(*m));
    pthread_condattr_t attr;

    if (m == NULL)
        return err_set(e, BY_E_NOMEM, "images");
    m->c = c;
    (void)pthread_mutex_init(&m->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&m->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (db_open(c->store_path, true, &m->d, e) < 0 || db_limit_cache(m->d, CACHE_KIB, e) < 0) {
        imager_free(m);
        return err_wrap(e, "images");
    }
    if (pthread_create(&m->thread, NULL, imager_main, m) != 0) {
        imager_free(m);
        return err_set(e, BY_E_NOMEM, "no thread for images");
    }
    m->started = true;
    *out = m;
    return 0;
}

void
imager_free(struct imager *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_lock(&m->lock);
    m->stop = true;
    (void)pthread_cond_signal(&m->cond);
    (void)pthread_mutex_unlock(&m->lock);
    if (m->started)
        (void)pthread_join(m->thread, NULL);
    db_free(m->d);
    (void)pthread_cond_destroy(&m->cond);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

void
imager_wake(struct imager *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_lock(&m->lock);
    m->news = true;
    (void)pthread_cond_signal(&m->cond);
    (void)pthread_mutex_unlock(&m->lock);
}
