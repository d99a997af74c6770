/* One wait over the links of all hosts: epoll for their sockets, a heap for their times. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/link.h"
#include "drivers/base/clock.h"
#include "tests/sim/sim.h"

enum { EVENTS = 256 };
#define NEVER INT64_MAX
#define OWN UINT64_MAX /* epoll's word of the eventfd; OWN - 1: the control pipe */

static int64_t
due_of(const struct sim_host *h)
{
    return h->timer_ms < h->round_ms ? h->timer_ms : h->round_ms;
}

static void
heap_set(struct sim *s, size_t at, struct sim_host *h)
{
    s->heap[at - 1] = h;
    h->heap_at = at;
}

void
sim_loop_due(struct sim_host *h)
{
    struct sim *s = h->s;
    size_t at = h->heap_at;

    while (at > 1 && due_of(s->heap[at / 2 - 1]) > due_of(h)) {
        heap_set(s, at, s->heap[at / 2 - 1]);
        at /= 2;
    }
    for (;;) {
        size_t kid = at * 2;

        if (kid < s->n_heap && due_of(s->heap[kid]) < due_of(s->heap[kid - 1]))
            kid++;
        if (kid > s->n_heap || due_of(s->heap[kid - 1]) >= due_of(h))
            break;
        heap_set(s, at, s->heap[kid - 1]);
        at = kid;
    }
    heap_set(s, at, h);
}

void
sim_wake(void *host)
{
    if (!sim_crew_runs())
        sim_wake_now(host);
}

void
sim_wake_now(struct sim_host *h)
{
    struct sim *s = h->s;
    uint64_t one = 1;
    bool tell;

    (void)pthread_mutex_lock(&s->lock);
    tell = s->n_ready == 0;
    if (!h->queued) {
        h->queued = true;
        s->ready[s->n_ready++] = h;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (tell && write(s->event, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes so small a number */
}

/* ---- sockets and times of links ---------------------------------------------------------------
 */

static void
remember_connect(struct sim_host *h)
{
    struct sim *s = h->s;

    h->connects++;
    h->lost =
        false; /* a poll that had just been answered goes on over a new one, and was never gone */
    s->connect_at[s->n_connect_at++ % SIM_CONNECT_RING] = clock_mono_ms();
    s->connects++;
}

static ino_t
inode_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* The place of a connection, or of one that nobody waits for; -1: an agent has fewer. */
static int
conn_place(struct sim_host *h, int fd)
{
    int unused = -1;

    for (int i = 0; i < SIM_FDS; i++) {
        if (h->conns[i].fd == fd && h->conns[i].inode != 0)
            return i;
        if (!h->conns[i].waits && (unused < 0 || h->conns[i].inode == 0))
            unused = i;
    }
    return unused;
}

void
sim_loop_socket(void *host, int fd, int wanted)
{
    struct sim_host *h = host;
    struct epoll_event ev = {.events = ((wanted & HTTPC_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                                       ((wanted & HTTPC_OUT) != 0 ? (uint32_t)EPOLLOUT : 0),
                             .data.u64 = (uint64_t)h->n << 32 | (uint32_t)fd};
    int i = conn_place(h, fd);
    ino_t inode = inode_of(fd);

    if (i < 0)
        abort();       /* an agent has six lanes */
    if (wanted == 0) { /* it is closed, or kept for later */
        (void)epoll_ctl(h->s->epoll, EPOLL_CTL_DEL, fd, NULL);
        h->conns[i].waits = false;
        return;
    }
    if (h->conns[i].fd != fd || h->conns[i].inode != inode)
        remember_connect(h);
    h->conns[i] = (struct sim_conn){.fd = fd, .inode = inode, .waits = true};
    if (epoll_ctl(h->s->epoll, EPOLL_CTL_MOD, fd, &ev) < 0 &&
        epoll_ctl(h->s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        fprintf(stderr, "hostsim: epoll: %s\n", strerror(errno));
        abort();
    }
}

void
sim_loop_sever(struct sim_host *h)
{
    for (int i = 0; i < SIM_FDS; i++) {
        const struct sim_conn *c = &h->conns[i];

        if (c->inode != 0 && inode_of(c->fd) == c->inode)
            (void)shutdown(c->fd, SHUT_RDWR); /* one that is not connected yet is no loss */
    }
}

void
sim_loop_timer(void *host, int in_ms)
{
    struct sim_host *h = host;

    h->timer_ms = in_ms < 0 ? NEVER : clock_mono_ms() + in_ms;
    sim_loop_due(h);
}

static void
socket_ready(struct sim *s, uint64_t word, uint32_t events)
{
    struct sim_host *h = &s->hosts[(word >> 32) - 1];
    int fd = (int)(uint32_t)word, ready = 0, i = conn_place(h, fd);

    if (!h->open || i < 0 || h->conns[i].fd != fd || !h->conns[i].waits)
        return; /* it ended earlier in this batch */
    if (h->cut)
        sim_loop_sever(h);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        ready |= HTTPC_IN;
    if ((events & (EPOLLOUT | EPOLLERR)) != 0)
        ready |= HTTPC_OUT;
    h->arrived_ns = clock_mono_ns();
    link_event(h->ag.link, fd, ready);
    sim_host_round(h);
}

static void
times_due(struct sim *s)
{
    int64_t now = clock_mono_ms();

    while (due_of(s->heap[0]) <= now) {
        struct sim_host *h = s->heap[0];

        if (h->timer_ms <= now) {
            h->timer_ms = NEVER; /* curl says when the next is */
            sim_loop_due(h);
            if (h->open)
                link_event(h->ag.link, -1, 0);
        }
        h->round_ms = NEVER;
        sim_loop_due(h);
        sim_host_round(h);
    }
}

static size_t
ready_count(struct sim *s)
{
    size_t n;

    (void)pthread_mutex_lock(&s->lock);
    n = s->n_ready;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

static void
ready_due(struct sim *s)
{
    size_t n = ready_count(s);

    for (size_t i = 0; i < n; i++) {
        struct sim_host *h;

        (void)pthread_mutex_lock(&s->lock);
        h = s->ready[i];
        h->queued = false;
        (void)pthread_mutex_unlock(&s->lock);
        sim_host_round(h);
    }
    (void)pthread_mutex_lock(&s->lock);
    memmove(s->ready, s->ready + n, (s->n_ready - n) * sizeof(struct sim_host *));
    s->n_ready -= n;
    (void)pthread_mutex_unlock(&s->lock);
}

static int
wait_of(struct sim *s, int wait_ms)
{
    int64_t in = due_of(s->heap[0]) - clock_mono_ms();

    if (in < 0 || ready_count(s) > 0)
        return 0;
    return in < wait_ms ? (int)in : wait_ms;
}

void
sim_loop_step(struct sim *s, int wait_ms)
{
    struct epoll_event ev[EVENTS];
    uint64_t drop;
    int n = epoll_wait(s->epoll, ev, EVENTS, wait_of(s, wait_ms));

    for (int i = 0; i < n; i++) {
        if (ev[i].data.u64 == OWN)
            (void)!read(s->event, &drop, sizeof(drop)); /* it only wakes */
        else if (ev[i].data.u64 == OWN - 1)
            sim_control_read(s);
        else
            socket_ready(s, ev[i].data.u64, ev[i].events);
    }
    times_due(s);
    ready_due(s);
}

void
sim_loop_run(struct sim *s)
{
    while (!s->ended)
        sim_loop_step(s, sim_script_step(s, 1000));
}

int
sim_loop_open(struct sim *s, struct err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = OWN};
    size_t n = (size_t)s->o.hosts;

    s->heap = calloc(n, sizeof(struct sim_host *));
    s->ready = calloc(2 * n, sizeof(struct sim_host *));
    s->connect_at = calloc(SIM_CONNECT_RING, sizeof(*s->connect_at));
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->heap == NULL || s->ready == NULL || s->connect_at == NULL || s->epoll < 0 ||
        s->event < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->event, &ev) < 0)
        return err_set(e, BY_E_NOMEM, "no event loop: %s", strerror(errno));
    (void)pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < n; i++) {
        s->hosts[i].timer_ms = s->hosts[i].round_ms = NEVER;
        s->n_heap = i + 1;
        heap_set(s, i + 1, &s->hosts[i]);
    }
    if (s->control < 0)
        return 0;
    ev.data.u64 = OWN - 1;
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->control, &ev) < 0
               ? err_set(e, BY_E_IO, "the control pipe: %s", strerror(errno))
               : 0;
}

void
sim_loop_close(struct sim *s)
{
    (void)close(s->epoll); /* nothing was written to either */
    (void)close(s->event);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->heap);
    free(s->ready);
    free(s->connect_at);
}
