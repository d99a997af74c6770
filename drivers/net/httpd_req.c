#include "drivers/net/httpd_req.h"

#include <errno.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "drivers/net/head.h"

struct mailbox *
mailbox_new(struct err *e)
{
    struct mailbox *b = calloc(1, sizeof(*b));
    pthread_condattr_t attr;

    if (b == NULL) {
        (void)err_set(e, BY_E_NOMEM, "out of memory");
        return NULL;
    }
    b->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (b->wake_fd < 0) {
        (void)err_set(e, BY_E_IO, "eventfd: %s", strerror(errno));
        free(b);
        return NULL;
    }
    /* These cannot fail on Linux with these arguments. */
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->answered, &attr);
    (void)pthread_condattr_destroy(&attr);
    TAILQ_INIT(&b->posted);
    STAILQ_INIT(&b->notes);
    b->refs = 1;
    return b;
}

void
mailbox_unref(struct mailbox *b)
{
    struct note *n;
    unsigned left;

    (void)pthread_mutex_lock(&b->lock);
    left = --b->refs;
    (void)pthread_mutex_unlock(&b->lock);
    if (left > 0)
        return;
    while ((n = STAILQ_FIRST(&b->notes)) != NULL) {
        STAILQ_REMOVE_HEAD(&b->notes, next);
        free(n);
    }
    if (b->wake_fd >= 0)
        (void)close(b->wake_fd); /* nothing was written to keep */
    (void)pthread_cond_destroy(&b->answered);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

void
mailbox_wake(struct mailbox *b)
{
    uint64_t one = 1;

    if (b->wake_fd >= 0)
        (void)!write(b->wake_fd, &one, sizeof(one)); /* full means: awake already */
}

static void
req_copy_headers(struct http_req *r, struct evkeyvalq *in)
{
    struct evkeyval *h;
    size_t n = 0;

    TAILQ_FOREACH(h, in, next)
    n++;
    r->headers = arena_alloc(&r->arena, n * sizeof(*r->headers));
    TAILQ_FOREACH(h, in, next)
    {
        r->headers[r->nheaders].name = arena_strdup(&r->arena, h->key);
        r->headers[r->nheaders++].value = arena_strdup(&r->arena, h->value);
    }
}

static const char *
req_method(struct evhttp_request *ev)
{
    /* head_scan() lets only these pass. */
    switch ((unsigned)evhttp_request_get_command(ev)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    default:
        return "?";
    }
}

int
req_new(struct mailbox *box, struct evhttp_request *ev, struct http_req **out, struct err *e)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(ev);
    const char *target = evhttp_request_get_uri(ev);
    struct http_req *r = calloc(1, sizeof(*r));
    char *body;

    if (r == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (url_parse(target, strlen(target), &r->arena, &r->url, e) < 0) {
        arena_clear(&r->arena);
        free(r);
        return -1;
    }
    r->box = box;
    r->ev = ev;
    r->method = req_method(ev);
    r->chunks = ev->major > 1 || (ev->major == 1 && ev->minor >= 1);
    req_copy_headers(r, evhttp_request_get_input_headers(ev));
    r->body_len = evbuffer_get_length(in);
    body = arena_alloc(&r->arena, r->body_len + 1);
    (void)evbuffer_remove(in, body, r->body_len); /* all of it is there */
    r->body = body;
    (void)pthread_mutex_lock(&box->lock);
    box->refs++;
    (void)pthread_mutex_unlock(&box->lock);
    *out = r;
    return 0;
}

void
req_free(struct http_req *r)
{
    struct mailbox *box = r->box;

    free(r->answer);
    arena_clear(&r->arena);
    free(r);
    mailbox_unref(box);
}

/* The lock is held. */
static void
req_queue(struct http_req *r)
{
    if (r->queued)
        return;
    r->queued = true;
    if (TAILQ_EMPTY(&r->box->posted)) /* else it was woken, and has not looked yet */
        mailbox_wake(r->box);
    TAILQ_INSERT_TAIL(&r->box->posted, r, next);
}

void
req_post(struct http_req *r)
{
    struct mailbox *box = r->box;
    bool closed;

    (void)pthread_mutex_lock(&box->lock);
    closed = box->closed;
    r->replied = true;
    if (!closed)
        req_queue(r);
    (void)pthread_mutex_unlock(&box->lock);
    if (closed)
        req_free(r);
}

void
req_stream(struct http_req *r)
{
    (void)pthread_mutex_lock(&r->box->lock);
    r->stream = true;
    (void)pthread_mutex_unlock(&r->box->lock);
}

int
req_piece(struct http_req *r)
{
    struct mailbox *box = r->box;
    bool over;

    (void)pthread_mutex_lock(&box->lock);
    r->taken = false;
    over = r->gone || r->cut || box->closed;
    if (!over)
        req_queue(r);
    while (!over && !r->taken) {
        (void)pthread_cond_wait(&box->answered, &box->lock); /* the connection has a timer */
        over = r->gone || r->cut || box->closed;
    }
    (void)pthread_mutex_unlock(&box->lock);
    return over ? -1 : 0;
}

void
req_taken(struct http_req *r)
{
    (void)pthread_mutex_lock(&r->box->lock);
    r->taken = true;
    (void)pthread_cond_broadcast(&r->box->answered);
    (void)pthread_mutex_unlock(&r->box->lock);
}

void
req_cut(struct http_req *r)
{
    (void)pthread_mutex_lock(&r->box->lock);
    r->cut = true;
    (void)pthread_cond_broadcast(&r->box->answered);
    (void)pthread_mutex_unlock(&r->box->lock);
}

void
req_tell(struct http_req *r)
{
    void (*fn)(struct http_req *, void *) = NULL;
    void *arg = NULL;

    (void)pthread_mutex_lock(&r->box->lock);
    if (r->gone && !r->replied && !r->told && r->on_gone != NULL) {
        r->told = true;
        fn = r->on_gone;
        arg = r->gone_arg;
    }
    (void)pthread_mutex_unlock(&r->box->lock);
    if (fn != NULL)
        fn(r, arg);
}

void
req_gone(struct http_req *r)
{
    r->conn = NULL;
    r->ev = NULL;
    (void)pthread_mutex_lock(&r->box->lock);
    r->gone = true;
    (void)pthread_cond_broadcast(&r->box->answered); /* who sends pieces waits there */
    (void)pthread_mutex_unlock(&r->box->lock);
    req_tell(r);
}

void
req_watch(struct http_req *r, void (*fn)(struct http_req *r, void *arg), void *arg)
{
    (void)pthread_mutex_lock(&r->box->lock);
    r->on_gone = fn;
    r->gone_arg = arg;
    if (r->gone && !r->box->closed)
        req_queue(r); /* it is to be told on the loop thread */
    (void)pthread_mutex_unlock(&r->box->lock);
}
