#include "controller/watching.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/params.h"
#include "controller/server.h"
#include "drivers/base/clock.h"
#include "drivers/net/httpd.h"

struct watcher {
    struct api_call *k; /* NULL: free */
    uint64_t seen;      /* commits before it looked */
    int64_t looked_ms, until_ms;
    bool waits; /* else a reader has it */
    bool over;
};

struct watching {
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t cond;
    pthread_t thread;
    bool started, stop; /* the thread is there from the first that waits on */
    uint64_t commits;
    size_t n;
    struct watcher of[WATCH_MOST];
};

bool
watching_wanted(const struct api_call *k)
{
    return http_req_query(k->req, "wait") != NULL && http_req_query(k->req, "known") != NULL;
}

/* ---- looking again -------------------------------------------------------------------------- */

/* When it is to look again; the lock is held. */
static int64_t
due_ms(const struct watching *w, const struct watcher *x)
{
    int64_t soon = x->looked_ms + WATCH_LOOK_MS;

    return w->commits != x->seen && soon < x->until_ms ? soon : x->until_ms;
}

/* One whose time has come, or NULL and when the next one's comes (0: nobody waits). */
static struct watcher *
next_due(struct watching *w, int64_t now, int64_t *next)
{
    *next = 0;
    for (size_t i = 0; i < WATCH_MOST; i++) {
        struct watcher *x = &w->of[i];
        int64_t at;

        if (x->k == NULL || !x->waits)
            continue;
        at = due_ms(w, x);
        if (at <= now)
            return x;
        if (*next == 0 || at < *next)
            *next = at;
    }
    return NULL;
}

static void
wait_until(struct watching *w, int64_t at_ms)
{
    const struct timespec until = {.tv_sec = at_ms / 1000,
                                   .tv_nsec = at_ms % 1000 * INT64_C(1000000)};

    if (at_ms == 0)
        (void)pthread_cond_wait(&w->cond, &w->lock);
    else
        (void)pthread_cond_timedwait(&w->cond, &w->lock, &until);
}

static void *
watching_run(void *arg)
{
    struct watching *w = arg;

    (void)pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        int64_t now = clock_mono_ms(), next = 0;
        struct watcher *x = next_due(w, now, &next);
        struct api_call *k;
        struct err e = {0};
        int rc;

        if (x == NULL) {
            wait_until(w, next);
            continue;
        }
        x->waits = false;
        x->over = now >= x->until_ms;
        k = x->k;
        (void)pthread_mutex_unlock(&w->lock);
        rc = server_resume(k, &e);
        (void)pthread_mutex_lock(&w->lock);
        if (rc < 0) { /* the readers have too much to do: still ours, in a moment */
            x->waits = true;
            x->looked_ms = now;
            x->until_ms = x->over ? now + WATCH_LOOK_MS : x->until_ms;
        }
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

void
watching_commit(struct watching *w)
{
    if (w == NULL)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->commits++;
    if (w->n > 0)
        (void)pthread_cond_signal(&w->cond);
    (void)pthread_mutex_unlock(&w->lock);
}

uint64_t
watching_seen(struct watching *w)
{
    uint64_t n;

    (void)pthread_mutex_lock(&w->lock);
    n = w->commits;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

/* ---- in and out ----------------------------------------------------------------------------- */

/* The client went away: if it waits, the call ends here; else who looks for it answers nobody. */
static void
gone(struct http_req *req, void *arg)
{
    struct watching *w = arg;
    struct api_call *k = NULL;
    struct err e = {0};

    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < WATCH_MOST; i++) {
        struct watcher *x = &w->of[i];

        if (x->k == NULL || x->k->req != req)
            continue;
        x->over = true;
        if (!x->waits)
            continue;
        k = x->k;
        x->k = NULL;
        w->n--;
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (k == NULL)
        return;
    (void)err_set(&e, BY_E_BUSY, "nobody waits for it any more");
    server_fail(k, &e);
}

/* A place for a call that waits for the first time; the lock is held. */
static struct watcher *
place(struct watching *w, struct api_call *k, struct err *e)
{
    struct watcher *free_one = NULL;
    size_t own = 0;

    for (size_t i = 0; i < WATCH_MOST; i++)
        if (w->of[i].k == NULL)
            free_one = &w->of[i];
        else if (strcmp(w->of[i].k->who.account, k->who.account) == 0)
            own++;
    if (own >= WATCH_OF_ONE) {
        (void)err_set(e, BY_E_BUSY, "this account watches %d lists already: end one of them",
                      WATCH_OF_ONE);
        return NULL;
    }
    if (free_one == NULL) {
        (void)err_set(e, BY_E_BUSY, "%d lists are watched already: try again in a moment",
                      WATCH_MOST);
        return NULL;
    }
    if (!w->started && pthread_create(&w->thread, NULL, watching_run, w) != 0) {
        (void)err_set(e, BY_E_NOMEM, "no thread for lists that wait");
        return NULL;
    }
    w->started = true;
    *free_one =
        (struct watcher){.k = k, .until_ms = clock_mono_ms() + 1000 * param_number(k, "wait", 0)};
    w->n++;
    return free_one;
}

static int
enter(struct watching *w, struct api_call *k, uint64_t seen, bool *first, struct err *e)
{
    struct watcher *x = k->parked;

    *first = x == NULL;
    if (w->stop || (x != NULL && x->over) || (x == NULL && param_number(k, "wait", 0) == 0))
        return 0;
    if (x == NULL && (x = place(w, k, e)) == NULL)
        return -1;
    k->parked = x;
    x->seen = seen;
    x->looked_ms = clock_mono_ms();
    return 1;
}

int
watching_wait(struct watching *w, struct api_call *k, uint64_t seen, struct err *e)
{
    struct watcher *x;
    bool first;
    int rc;

    (void)pthread_mutex_lock(&w->lock);
    rc = enter(w, k, seen, &first, e);
    x = k->parked;
    (void)pthread_mutex_unlock(&w->lock);
    if (rc != 1)
        return rc;
    if (first)
        http_req_on_gone(k->req, gone, w); /* it may be told at once: then it is over */
    (void)pthread_mutex_lock(&w->lock);
    rc = !x->over && !w->stop;
    if (rc == 1) {
        x->waits = true; /* from here on it is not ours */
        (void)pthread_cond_signal(&w->cond);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return rc;
}

void
watching_leave(struct watching *w, struct api_call *k)
{
    struct watcher *x = k->parked;

    if (x == NULL)
        return;
    (void)pthread_mutex_lock(&w->lock);
    x->k = NULL;
    w->n--;
    (void)pthread_mutex_unlock(&w->lock);
    k->parked = NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

int
watching_new(struct watching **out, struct err *e)
{
    struct watching *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;

    if (w == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    *out = w;
    return 0;
}

void
watching_stop(struct watching *w)
{
    struct api_call *left[WATCH_MOST];
    struct err e = {0};
    size_t n = 0;
    bool started;

    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    started = w->started;
    w->started = false;
    (void)pthread_cond_signal(&w->cond);
    (void)pthread_mutex_unlock(&w->lock);
    if (started)
        (void)pthread_join(w->thread, NULL);
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < WATCH_MOST; i++)
        if (w->of[i].k != NULL && w->of[i].waits) {
            left[n++] = w->of[i].k;
            w->of[i].k = NULL;
            w->n--;
        }
    (void)pthread_mutex_unlock(&w->lock);
    (void)err_set(&e, BY_E_BUSY, "the controller is stopping: ask again");
    while (n > 0)
        server_fail(left[--n], &e);
}

void
watching_free(struct watching *w)
{
    if (w == NULL)
        return;
    watching_stop(w);
    (void)pthread_cond_destroy(&w->cond);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
