/* One thread carries out what all hosts ask of their hypervisors, below everything else: a real
 * host has processors of its own for that; here it would take them from the controller and from the
 * links. */
#include <string.h>
#include <unistd.h>

#include "tests/sim/sim.h"

/* So many calls of a host in a row before it hears of their ends: a call here takes less than to
 * think about what follows, which on a real hypervisor is the other way round. */
enum { CREW_NICE = 10, CALLS_IN_A_ROW = 16 };

static _Thread_local bool in_crew;

bool
sim_crew_runs(void)
{
    return in_crew;
}

void
sim_crew_offer(void *host)
{
    struct sim_host *h = host;
    struct sim_crew *c = &h->s->crew;

    (void)pthread_mutex_lock(&c->lock);
    if (!h->offered && !h->leaves) {
        h->offered = true;
        TAILQ_INSERT_TAIL(&c->hosts, h, in_crew);
        (void)pthread_cond_broadcast(&c->changed);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

/* Some calls of one host, then the next host's. */
static void *
crew_main(void *arg)
{
    struct sim_crew *c = arg;

    in_crew = true;
    (void)!nice(CREW_NICE); /* of this thread alone; without it all is only slower */
    (void)pthread_mutex_lock(&c->lock);
    while (!c->ends) {
        struct sim_host *h = TAILQ_FIRST(&c->hosts);
        bool more;

        if (h == NULL) {
            (void)pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        TAILQ_REMOVE(&c->hosts, h, in_crew);
        h->offered = false;
        c->at = h;
        (void)pthread_mutex_unlock(&c->lock);
        more = true;
        for (int n = 0; n < CALLS_IN_A_ROW && more; n++)
            more = agent_run_call(&h->ag);
        sim_wake_now(h);
        (void)pthread_mutex_lock(&c->lock);
        c->at = NULL;
        (void)pthread_cond_broadcast(&c->changed);
        if (more && !h->offered && !h->leaves) {
            h->offered = true;
            TAILQ_INSERT_TAIL(&c->hosts, h, in_crew);
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

void
sim_crew_join(struct sim_host *h)
{
    (void)pthread_mutex_lock(&h->s->crew.lock);
    h->leaves = false;
    (void)pthread_mutex_unlock(&h->s->crew.lock);
}

void
sim_crew_leave(struct sim_host *h)
{
    struct sim_crew *c = &h->s->crew;

    (void)pthread_mutex_lock(&c->lock);
    h->leaves = true;
    if (h->offered)
        TAILQ_REMOVE(&c->hosts, h, in_crew);
    h->offered = false;
    while (c->at == h)
        (void)pthread_cond_wait(&c->changed, &c->lock);
    (void)pthread_mutex_unlock(&c->lock);
}

int
sim_crew_start(struct sim_crew *c, struct err *e)
{
    int rc;

    TAILQ_INIT(&c->hosts);
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    rc = pthread_create(&c->thread, NULL, crew_main, c);
    return rc == 0 ? 0 : err_set(e, BY_E_NOMEM, "cannot start a thread: %s", strerror(rc));
}

void
sim_crew_end(struct sim_crew *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->ends = true;
    (void)pthread_cond_broadcast(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
}
