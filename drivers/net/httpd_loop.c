#include "drivers/net/httpd_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/log.h"
#include "drivers/net/httpd_conn.h"
#include "drivers/net/httpd_req.h"

#define RETRY_MS 100 /* after accept() found no descriptor or memory */

static void
loop_close_revoked(struct loop *l, const char *fingerprint)
{
    struct conn *c = TAILQ_FIRST(&l->conns);

    while (c != NULL) {
        struct conn *next = conn_next(c);

        if (conn_is_of(c, fingerprint))
            conn_close(c);
        c = next;
    }
}

/* One posted request: tell that its client is gone, or answer it.  It stays marked as queued while
 * it is told, so a reply made meanwhile, here or on another thread, does not queue it again. */
static void
loop_serve(struct http_req *r)
{
    bool replied, stream;

    req_tell(r);
    (void)pthread_mutex_lock(&r->box->lock);
    r->queued = false;
    replied = r->replied;
    stream = r->stream;
    (void)pthread_mutex_unlock(&r->box->lock);
    if (!replied && stream && r->conn != NULL)
        conn_piece(r);
    if (!replied)
        return; /* its reply posts it again, from now on at any moment */
    if (r->conn == NULL)
        req_free(r);
    else if (stream)
        conn_end(r);
    else
        conn_answer(r);
}

/* Take what was posted, then work without the lock.  What is taken stays marked as queued until its
 * turn: a request has one link, and who queued it again would tear this list. */
static bool
loop_take(struct mailbox *b, struct req_list *posted, struct note_list *notes)
{
    bool stop;

    TAILQ_INIT(posted);
    STAILQ_INIT(notes);
    (void)pthread_mutex_lock(&b->lock);
    TAILQ_CONCAT(posted, &b->posted, next);
    STAILQ_CONCAT(notes, &b->notes);
    b->alive = b->asked;
    (void)pthread_cond_broadcast(&b->answered);
    stop = b->stop;
    (void)pthread_mutex_unlock(&b->lock);
    return stop;
}

static void
loop_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    struct req_list posted;
    struct note_list notes;
    struct http_req *r;
    struct note *n;
    uint64_t count;

    (void)what;
    (void)!read(fd, &count, sizeof(count)); /* only a bell */
    if (loop_take(l->box, &posted, &notes))
        (void)event_base_loopbreak(l->base); /* cannot fail on a live base */
    while ((n = STAILQ_FIRST(&notes)) != NULL) {
        STAILQ_REMOVE_HEAD(&notes, next);
        loop_close_revoked(l, n->fingerprint);
        free(n);
    }
    while ((r = TAILQ_FIRST(&posted)) != NULL) {
        TAILQ_REMOVE(&posted, r, next);
        loop_serve(r);
    }
}

int
loop_init(struct loop *l, struct err *e)
{
    struct event_config *cfg = event_config_new();

    TAILQ_INIT(&l->conns);
    for (size_t i = 0; i < CONN_BUCKETS; i++)
        TAILQ_INIT(&l->alike[i]);
    l->box = mailbox_new(e);
    if (cfg == NULL || l->box == NULL) {
        if (cfg != NULL)
            event_config_free(cfg);
        return err_wrap(e, "event loop");
    }
    /* A base has one thread; others only write to the eventfd. */
    (void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
    l->base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    if (l->base != NULL)
        l->wake = event_new(l->base, l->box->wake_fd, EV_READ | EV_PERSIST, loop_wake, l);
    if (l->wake == NULL || event_add(l->wake, NULL) < 0)
        return err_set(e, BY_E_NOMEM, "event loop: out of memory");
    return 0;
}

static void
port_retry(evutil_socket_t fd, short what, void *arg)
{
    struct port *p = arg;

    (void)fd;
    (void)what;
    if (p->paused && p->count < p->cap) {
        p->paused = false;
        (void)evconnlistener_enable(p->listener); /* -1: no memory, a closing connection retries */
    }
}

static void
port_error(struct evconnlistener *listener, void *arg)
{
    struct port *p = arg;
    struct timeval tv = {.tv_usec = RETRY_MS * 1000};
    int err = EVUTIL_SOCKET_ERROR();

    log_warn("accept_failed", "port=%d reason=" LOG_Q, p->lst->port, strerror(err));
    p->paused = true;
    (void)evconnlistener_disable(listener); /* cannot fail for a listener in use */
    (void)evtimer_add(p->retry, &tv);
}

int
loop_listen(struct loop *l, struct lst *s, int cap, struct err *e)
{
    struct port *p = &l->ports[l->nports];
    int fd = dup(s->fd);

    *p = (struct port){.loop = l, .lst = s, .cap = cap > 0 ? cap : 1};
    l->nports++;
    if (fd < 0)
        return err_set(e, BY_E_IO, "listener: %s", strerror(errno));
    p->http = evhttp_new(l->base);
    p->retry = evtimer_new(l->base, port_retry, p);
    p->listener = evconnlistener_new(l->base, NULL, NULL,
                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, fd);
    if (p->listener == NULL)
        (void)close(fd);
    if (p->http == NULL || p->retry == NULL || p->listener == NULL)
        return err_set(e, BY_E_NOMEM, "listener: out of memory");
    /* head.h refuses before these; they stand behind it. */
    evhttp_set_max_headers_size(p->http, (ev_ssize_t)s->limits.max_header_bytes);
    evhttp_set_max_body_size(p->http, (ev_ssize_t)s->limits.max_body_bytes);
    evhttp_set_allowed_methods(p->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                            EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_HEAD |
                                            EVHTTP_REQ_OPTIONS);
    evhttp_set_default_content_type(p->http, NULL);
    evhttp_set_bevcb(p->http, conn_make, p);
    evhttp_set_gencb(p->http, conn_request, p);
    if (evhttp_bind_listener(p->http, p->listener) == NULL)
        return err_set(e, BY_E_NOMEM, "listener: out of memory");
    evconnlistener_set_error_cb(p->listener, port_error);
    return 0;
}

/* In the loop's own thread, or after it has ended. */
static void
loop_close_all(struct loop *l)
{
    for (int i = 0; i < l->nports; i++) {
        struct port *p = &l->ports[i];

        if (p->listener != NULL)
            (void)evconnlistener_disable(p->listener); /* it is freed in loop_clear() */
        p->paused = false;
    }
    while (!TAILQ_EMPTY(&l->conns)) {
        struct conn *first = TAILQ_FIRST(&l->conns);

        conn_close(first);
        if (TAILQ_FIRST(&l->conns) == first)
            break; /* accepted this moment: evhttp_free() has it */
    }
}

static void *
loop_run(void *arg)
{
    struct loop *l = arg;

    (void)event_base_dispatch(l->base); /* ends by loop_wake() only */
    loop_close_all(l);
    return NULL;
}

int
loop_start(struct loop *l, struct err *e)
{
    sigset_t all, before;
    int rc;

    /* Signals are for main(); SIGPIPE of a dying client for nobody. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&l->thread, NULL, loop_run, l);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(e, BY_E_IO, "event loop: %s", strerror(rc));
    (void)pthread_setname_np(l->thread, "loop"); /* only for people who look */
    l->started = true;
    return 0;
}

static void
port_clear(struct port *p)
{
    struct evconnlistener *bare = p->listener;

    p->listener = NULL; /* closing connections must not enable it again */
    if (p->http != NULL)
        evhttp_free(p->http); /* frees the listener that is bound to it */
    else if (bare != NULL)
        evconnlistener_free(bare);
    if (p->retry != NULL)
        event_free(p->retry);
}

/* Nobody posts any more; answers that were posted have no client.  What is only watched goes with
 * its reply, which may come at any moment once the lock is released: nothing here looks at it then.
 */
static void
loop_close_box(struct mailbox *b)
{
    struct req_list over;
    struct http_req *r;

    TAILQ_INIT(&over);
    (void)pthread_mutex_lock(&b->lock);
    b->closed = true;
    (void)pthread_cond_broadcast(&b->answered);
    while ((r = TAILQ_FIRST(&b->posted)) != NULL) {
        TAILQ_REMOVE(&b->posted, r, next);
        if (r->replied)
            TAILQ_INSERT_TAIL(&over, r, next);
    }
    (void)pthread_mutex_unlock(&b->lock);
    while ((r = TAILQ_FIRST(&over)) != NULL) {
        TAILQ_REMOVE(&over, r, next);
        req_free(r);
    }
    mailbox_unref(b);
}

void
loop_clear(struct loop *l)
{
    if (l->started) {
        (void)pthread_mutex_lock(&l->box->lock);
        l->box->stop = true;
        mailbox_wake(l->box);
        (void)pthread_mutex_unlock(&l->box->lock);
        (void)pthread_join(l->thread, NULL); /* a thread of ours, joined once */
    }
    for (int i = 0; i < l->nports; i++)
        port_clear(&l->ports[i]);
    conn_drop_all(l);
    if (l->wake != NULL)
        event_free(l->wake);
    if (l->base != NULL)
        event_base_free(l->base); /* runs what bufferevents have put off */
    if (l->box != NULL)
        loop_close_box(l->box);
    *l = (struct loop){.nports = 0};
}

void
loop_revoke(struct loop *l, const char *fingerprint)
{
    struct note *n = calloc(1, sizeof(*n));

    if (n == NULL)
        abort(); /* a connection that must close would stay */
    memcpy(n->fingerprint, fingerprint, strnlen(fingerprint, sizeof(n->fingerprint) - 1));
    (void)pthread_mutex_lock(&l->box->lock);
    STAILQ_INSERT_TAIL(&l->box->notes, n, next);
    mailbox_wake(l->box);
    (void)pthread_mutex_unlock(&l->box->lock);
}

uint64_t
loop_ask(struct loop *l)
{
    uint64_t asked;

    (void)pthread_mutex_lock(&l->box->lock);
    asked = ++l->box->asked;
    mailbox_wake(l->box);
    (void)pthread_mutex_unlock(&l->box->lock);
    return asked;
}

int
loop_wait(struct loop *l, uint64_t asked, const struct timespec *deadline)
{
    int rc = 0, ok;

    (void)pthread_mutex_lock(&l->box->lock);
    while (l->box->alive < asked && rc == 0)
        rc = pthread_cond_timedwait(&l->box->answered, &l->box->lock, deadline);
    ok = l->box->alive >= asked;
    (void)pthread_mutex_unlock(&l->box->lock);
    return ok ? 0 : -1;
}
