#include "agent/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/base/clock.h"

enum { TICK_MAX_MS = 60000, STOP_MS = 10000, STACK_BYTES = 1 << 20 };

/* One connection.  One job at a time uses it: libvirt's client lets threads that share a connection
 * wait in one another's name, and up to 10.3 (Debian 12 has 9.0) crashes there (CVE-2024-4418). */
struct conn {
    struct conn *next; /* of the idle ones */
    struct virt *v;
    bool retired, suspect;
};

struct queue {
    struct worker_job *head, *tail;
    int n;
};

struct workers {
    struct workers_config c; /* immutable */
    pthread_mutex_t lock;    /* all below */
    pthread_cond_t work;     /* a job, a connection or the end */
    pthread_cond_t left;     /* a thread ended */
    struct queue queue, done;
    struct worker_job *running; /* chained by next */
    struct conn *idle;          /* used last, first */
    bool opening, open_overdue, stop;
    int64_t open_started_ms;
    int threads, n_running, n_overdue, n_retired;
    int n_conns; /* idle or in use, not retired */
    unsigned open_failures;
    struct err open_err; /* why the last opening failed; code OK when it did not */
};

static void
queue_push(struct queue *q, struct worker_job *j)
{
    j->next = NULL;
    if (q->tail != NULL)
        q->tail->next = j;
    else
        q->head = j;
    q->tail = j;
    q->n++;
}

static struct worker_job *
queue_pop(struct queue *q)
{
    struct worker_job *j = q->head;

    if (j == NULL)
        return NULL;
    q->head = j->next;
    if (q->head == NULL)
        q->tail = NULL;
    q->n--;
    j->next = NULL;
    return j;
}

/* Close it, without the lock. */
static void
conn_close(struct workers *w, struct conn *c)
{
    (void)pthread_mutex_unlock(&w->lock);
    virt_close(c->v);
    free(c);
    (void)pthread_mutex_lock(&w->lock);
}

/* No other job gets it; whoever uses it closes it. */
static void
conn_retire(struct workers *w, struct conn *c)
{
    c->retired = true;
    w->n_retired++;
    w->n_conns--;
}

static void
conn_put(struct workers *w, struct conn *c)
{
    if (c->retired) {
        conn_close(w, c);
        return;
    }
    c->next = w->idle;
    w->idle = c;
    (void)pthread_cond_broadcast(&w->work);
}

/* What one connection lost, the others may have lost too. */
static void
conn_suspect(struct workers *w, struct conn *c)
{
    c->suspect = true;
    for (struct conn *o = w->idle; o != NULL; o = o->next)
        o->suspect = true;
}

/* Open one; the lock is released meanwhile. */
static struct conn *
conn_open(struct workers *w, struct err *e)
{
    struct virt *v = NULL;
    struct conn *c;
    int rc;

    w->opening = true;
    w->open_started_ms = clock_mono_ms();
    (void)pthread_mutex_unlock(&w->lock);
    rc = w->c.open(&w->c.virt, &v, e);
    (void)pthread_mutex_lock(&w->lock);
    w->opening = false;
    if (w->open_overdue) {
        w->open_overdue = false;
        w->n_overdue--;
    }
    (void)pthread_cond_broadcast(&w->work);
    if (rc < 0) {
        w->open_err = *e;
        w->open_failures++;
        return NULL;
    }
    err_clear(&w->open_err);
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        abort(); /* nothing here is worth half a state */
    c->v = v;
    w->n_conns++;
    return c;
}

/* An idle connection or a new one; one thread opens at a time, the others wait for how it goes. */
static struct conn *
conn_take(struct workers *w, struct err *e)
{
    unsigned failures = w->open_failures;
    struct conn *c;

    while (w->idle == NULL) {
        if (!w->opening)
            return conn_open(w, e);
        (void)pthread_cond_wait(&w->work, &w->lock);
        if (!w->stop && w->open_failures == failures)
            continue;
        *e = w->open_err;
        if (e->code == BY_E_OK)
            (void)err_set(e, BY_E_BUSY, "no connection to the hypervisor yet");
        return NULL;
    }
    c = w->idle;
    w->idle = c->next;
    c->next = NULL;
    return c;
}

/* A connection for one job, checked when there is doubt.  A check that hangs makes the job overdue
 * like any call: its connection is retired, and once the check is back the job begins anew. */
static struct conn *
conn_get(struct workers *w, struct worker_job *j, struct err *e)
{
    struct conn *c;

    while ((c = conn_take(w, e)) != NULL) {
        int rc;

        j->conn = c;
        j->started_ms = clock_mono_ms(); /* waiting for others to open it is not its own delay */
        if (!c->suspect)
            return c;
        (void)pthread_mutex_unlock(&w->lock);
        rc = c->v->ops->ping(c->v, e);
        (void)pthread_mutex_lock(&w->lock);
        c->suspect = rc < 0;
        if (rc == 0 && !c->retired)
            return c;
        if (!c->retired)
            conn_retire(w, c);
        j->conn = NULL;
        conn_close(w, c);
        if (j->overdue) {
            j->overdue = false;
            w->n_overdue--;
        }
        if (w->stop) {
            (void)err_set(e, BY_E_BUSY, "the agent is stopping");
            return NULL;
        }
    }
    return NULL;
}

static void
running_remove(struct workers *w, struct worker_job *j)
{
    struct worker_job **p = &w->running;

    while (*p != j)
        p = &(*p)->next;
    *p = j->next;
    w->n_running--;
}

/* Run one job; the lock is held on entry and exit. */
static void
worker_run(struct workers *w, struct worker_job *j)
{
    struct conn *c = NULL;

    j->started_ms = clock_mono_ms();
    j->overdue = false;
    j->conn = NULL;
    err_clear(&j->err);
    j->next = w->running;
    w->running = j;
    w->n_running++;
    j->rc = -1;
    if (!j->no_conn)
        c = conn_get(w, j, &j->err);
    if (c != NULL || j->no_conn) {
        j->conn = c;
        (void)pthread_mutex_unlock(&w->lock);
        j->rc = j->run(j, c != NULL ? c->v : NULL, &j->err);
        (void)pthread_mutex_lock(&w->lock);
        if (c != NULL && j->rc < 0 && j->err.code == BY_E_BUSY)
            conn_suspect(w, c);
    }
    j->took_ms = clock_mono_ms() - j->started_ms;
    running_remove(w, j);
    j->conn = NULL;
    if (c != NULL)
        conn_put(w, c); /* closing may hang like any call: the thread counts as stuck until then */
    if (j->overdue)
        w->n_overdue--;
    queue_push(&w->done, j);
}

static void *
worker_main(void *arg)
{
    struct workers *w = arg;

    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        struct worker_job *j;

        /* A stuck call came back: its replacement is already there. */
        if (w->threads > w->c.threads + w->n_overdue)
            break;
        j = w->stop ? NULL : queue_pop(&w->queue);
        if (j != NULL) {
            worker_run(w, j);
            (void)pthread_mutex_unlock(&w->lock);
            w->c.wake(w->c.wake_arg);
            (void)pthread_mutex_lock(&w->lock);
            continue;
        }
        if (w->stop)
            break;
        (void)pthread_cond_wait(&w->work, &w->lock);
    }
    w->threads--;
    (void)pthread_cond_broadcast(&w->left);
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int
worker_spawn(struct workers *w, struct err *e)
{
    pthread_attr_t attr;
    pthread_t t;
    int rc;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    w->threads++;
    rc = pthread_create(&t, &attr, worker_main, w);
    (void)pthread_attr_destroy(&attr);
    if (rc == 0)
        return 0;
    w->threads--;
    return err_set(e, BY_E_NOMEM, "cannot start a worker thread: %s", strerror(rc));
}

int
workers_new(const struct workers_config *c, struct workers **out, struct err *e)
{
    SCOPED(workers_free) struct workers *w = calloc(1, sizeof(*w));
    pthread_condattr_t mono;
    int rc = 0;

    if (w == NULL)
        return err_set(e, BY_E_NOMEM, "workers");
    w->c = *c;
    if (w->c.open == NULL)
        w->c.open = virt_open;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->work, NULL);
    (void)pthread_condattr_init(&mono);
    (void)pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->left, &mono);
    (void)pthread_condattr_destroy(&mono);
    (void)pthread_mutex_lock(&w->lock);
    for (int i = 0; i < c->threads && rc == 0; i++)
        rc = worker_spawn(w, e);
    (void)pthread_mutex_unlock(&w->lock);
    if (rc < 0)
        return -1;
    *out = TAKE(w);
    return 0;
}

bool
workers_stop(struct workers *w, int wait_ms)
{
    struct timespec until;
    struct worker_job *j;
    bool gone;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    while ((j = queue_pop(&w->queue)) != NULL) {
        j->rc = err_set(&j->err, BY_E_BUSY, "the agent is stopping");
        queue_push(&w->done, j);
    }
    (void)pthread_cond_broadcast(&w->work);
    while (w->threads > w->n_overdue && pthread_cond_timedwait(&w->left, &w->lock, &until) == 0)
        ;
    gone = w->threads == 0;
    (void)pthread_mutex_unlock(&w->lock);
    return gone;
}

void
workers_free(struct workers *w)
{
    if (w == NULL)
        return;
    if (!workers_stop(w, STOP_MS))
        return; /* a stuck thread still uses all this; the process is about to end */
    (void)workers_run_done(w);
    while (w->idle != NULL) {
        struct conn *c = w->idle;

        w->idle = c->next;
        virt_close(c->v);
        free(c);
    }
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_cond_destroy(&w->left);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

int
workers_submit(struct workers *w, struct worker_job *j, struct err *e)
{
    int rc = 0;

    (void)pthread_mutex_lock(&w->lock);
    if (w->queue.n >= w->c.queue_max) {
        rc = err_set(e, BY_E_BUSY, "%d calls are waiting for the hypervisor", w->queue.n);
    } else {
        queue_push(&w->queue, j);
        (void)pthread_cond_broadcast(&w->work);
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (rc == 0 && w->c.offer != NULL)
        w->c.offer(w->c.offer_arg);
    else if (rc == 0 && w->c.threads == 0)
        w->c.wake(w->c.wake_arg);
    return rc;
}

bool
workers_run_one(struct workers *w)
{
    struct worker_job *j;

    (void)pthread_mutex_lock(&w->lock);
    j = queue_pop(&w->queue);
    if (j != NULL)
        worker_run(w, j);
    (void)pthread_mutex_unlock(&w->lock);
    if (j != NULL)
        w->c.wake(w->c.wake_arg);
    return j != NULL;
}

int
workers_run_done(struct workers *w)
{
    struct queue q;
    struct worker_job *j;
    int n = 0;

    (void)pthread_mutex_lock(&w->lock);
    while (w->c.threads == 0 && w->c.offer == NULL && (j = queue_pop(&w->queue)) != NULL)
        worker_run(w, j);
    q = w->done;
    memset(&w->done, 0, sizeof(w->done));
    (void)pthread_mutex_unlock(&w->lock);
    while ((j = queue_pop(&q)) != NULL) {
        if (w->c.ended != NULL)
            w->c.ended(w->c.ended_arg, j);
        j->done(j);
        n++;
    }
    return n;
}

/* Mark what is over its deadline; returns when the next one would be. */
static int64_t
tick_jobs(struct workers *w, int64_t now)
{
    int64_t next = now + TICK_MAX_MS;

    for (struct worker_job *j = w->running; j != NULL; j = j->next) {
        int64_t due = j->started_ms + (j->deadline_ms > 0 ? j->deadline_ms : w->c.deadline_ms);
        struct conn *c = j->conn;

        if (j->overdue || (c == NULL && !j->no_conn && w->opening))
            continue;
        if (due > now) {
            next = due < next ? due : next;
            continue;
        }
        j->overdue = true;
        w->n_overdue++;
        if (c != NULL && !c->retired)
            conn_retire(w, c);
    }
    return next;
}

int
workers_tick(struct workers *w, int64_t now)
{
    struct err e = {0};
    int64_t next;

    if (w->c.threads == 0)
        return TICK_MAX_MS;
    (void)pthread_mutex_lock(&w->lock);
    next = tick_jobs(w, now);
    if (w->opening && !w->open_overdue) {
        int64_t due = w->open_started_ms + w->c.deadline_ms;

        if (due <= now) {
            w->open_overdue = true;
            w->n_overdue++;
        } else if (due < next) {
            next = due;
        }
    }
    while (w->threads < w->c.threads + w->n_overdue && w->threads < w->c.threads + w->c.max_stuck) {
        if (worker_spawn(w, &e) < 0)
            break; /* tried again at the next tick; workers_state() shows the loss */
    }
    (void)pthread_mutex_unlock(&w->lock);
    return next > now ? (int)(next - now) : 0;
}

bool
workers_quarantined(struct workers *w, const char *key)
{
    bool hit = false;

    (void)pthread_mutex_lock(&w->lock);
    for (struct worker_job *j = w->running; j != NULL && !hit; j = j->next)
        hit = j->overdue && strcmp(j->key, key) == 0;
    (void)pthread_mutex_unlock(&w->lock);
    return hit;
}

void
workers_state(struct workers *w, struct workers_state *out)
{
    memset(out, 0, sizeof(*out));
    (void)pthread_mutex_lock(&w->lock);
    out->queued = w->queue.n;
    out->running = w->n_running;
    out->overdue = w->n_overdue;
    out->retired = w->n_retired;
    out->usable = true;
    if (w->n_overdue >= w->c.max_stuck) {
        out->usable = false;
        (void)snprintf(out->reason, sizeof(out->reason),
                       "%d calls to the hypervisor hang; look at libvirtd and its storage",
                       w->n_overdue);
    } else if (w->open_overdue) {
        out->usable = false;
        (void)snprintf(out->reason, sizeof(out->reason),
                       "opening %s hangs; look at libvirtd, restart it if it does not answer virsh",
                       w->c.virt.uri);
    } else if (w->n_conns == 0 && w->open_err.code != BY_E_OK) {
        out->usable = false;
        (void)snprintf(out->reason, sizeof(out->reason), "%.230s", w->open_err.msg);
    }
    (void)pthread_mutex_unlock(&w->lock);
}
