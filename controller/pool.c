#include "controller/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define POOL_THREADS 64

struct work {
    struct work *next;
    pool_job job;
    void *arg;
};

struct pool_thread {
    struct pool *p;
    struct db *d; /* owner: this thread */
    pthread_t id;
};

struct pool {
    pthread_mutex_t lock; /* of head, tail, queued, stop */
    pthread_cond_t more;
    struct work *head, **tail;
    size_t queued, limit;
    bool stop;
    unsigned started; /* below: set before the threads start */
    struct pool_thread threads[POOL_THREADS];
};

static struct work *
pool_next(struct pool *p)
{
    struct work *w;

    (void)pthread_mutex_lock(&p->lock);
    while (p->head == NULL && !p->stop)
        (void)pthread_cond_wait(&p->more, &p->lock);
    w = p->head;
    if (w != NULL) {
        p->head = w->next;
        if (p->head == NULL)
            p->tail = &p->head;
        p->queued--;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return w;
}

static void *
pool_main(void *arg)
{
    struct pool_thread *t = arg;
    struct work *w;

    while ((w = pool_next(t->p)) != NULL) {
        w->job(w->arg, t->d);
        free(w);
    }
    return NULL;
}

static int
pool_thread_start(struct pool *p, const struct pool_config *conf, struct err *e)
{
    struct pool_thread *t = &p->threads[p->started];

    t->p = p;
    if (conf->store_path != NULL && db_open(conf->store_path, true, &t->d, e) < 0)
        return -1;
    if (pthread_create(&t->id, NULL, pool_main, t) != 0) {
        db_free(TAKE(t->d));
        return err_set(e, BY_E_NOMEM, "no thread for pool %s", conf->name);
    }
    (void)pthread_setname_np(t->id, conf->name); /* only for people who look */
    p->started++;
    return 0;
}

int
pool_new(const struct pool_config *conf, struct pool **out, struct err *e)
{
    SCOPED(pool_free) struct pool *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    p->tail = &p->head;
    p->limit = conf->queue;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->more, NULL);
    if (conf->threads < 1 || conf->threads > POOL_THREADS)
        return err_set(e, BY_E_INVALID, "pool %s: 1 to %d threads, not %u", conf->name,
                       POOL_THREADS, conf->threads);
    while (p->started < conf->threads)
        if (pool_thread_start(p, conf, e) < 0)
            return err_wrap(e, "pool %s", conf->name);
    *out = TAKE(p);
    return 0;
}

void
pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->more);
    (void)pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->started; i++) {
        (void)pthread_join(p->threads[i].id, NULL);
        db_free(p->threads[i].d);
    }
    (void)pthread_cond_destroy(&p->more);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

int
pool_submit(struct pool *p, pool_job job, void *arg, struct err *e)
{
    struct work *w = calloc(1, sizeof(*w));
    bool taken = false;

    if (w == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    *w = (struct work){.job = job, .arg = arg};
    (void)pthread_mutex_lock(&p->lock);
    if (p->queued < p->limit && !p->stop) {
        *p->tail = w;
        p->tail = &w->next;
        p->queued++;
        taken = true;
        (void)pthread_cond_signal(&p->more);
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (taken)
        return 0;
    free(w);
    return err_set(e, BY_E_BUSY, "too many requests wait: try again in a moment");
}

size_t
pool_take_like(struct pool *p, pool_job job, bool (*like)(const void *mine, const void *its),
               const void *mine, void **out, size_t max)
{
    struct work **at = &p->head, *taken = NULL, *w;
    size_t n = 0;

    (void)pthread_mutex_lock(&p->lock);
    for (int looks = 0; (w = *at) != NULL && n < max && looks < POOL_LOOK; looks++) {
        if (w->job != job || !like(mine, w->arg)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        if (w->next == NULL)
            p->tail = at;
        p->queued--;
        out[n++] = w->arg;
        w->next = taken;
        taken = w;
    }
    (void)pthread_mutex_unlock(&p->lock);
    while ((w = taken) != NULL) {
        taken = w->next;
        free(w);
    }
    return n;
}

size_t
pool_queued(struct pool *p)
{
    size_t n;

    (void)pthread_mutex_lock(&p->lock);
    n = p->queued;
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}
