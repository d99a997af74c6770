#ifndef BY_AGENT_WORKERS_H
#define BY_AGENT_WORKERS_H
/* Threads for calls that may hang for ever.  A job runs in a worker with a connection that no other
 * job uses meanwhile; its owner submits it and is told the end in workers_run_done(), always on the
 * owner's thread.
 *
 * A job over its deadline is overdue: its key is quarantined until the call returns, and another
 * worker takes its place.  Its connection is retired: left to the stuck thread, closed when that
 * comes back; others open new ones.  Stuck threads are bounded by max_stuck; beyond that nothing
 * new runs and workers_state() says why.  Connections: at most one a thread.
 * With no threads (threads 0) workers_run_done() itself runs what was queued, or with an offer
 * whoever calls workers_run_one(); nothing is overdue then. Threads: submit, run_done, tick and
 * state from the owner; jobs run in workers; no lock is held across a call. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/virt/virt.h"

struct workers;

struct worker_job {
    char key[W_ID];   /* resource; one job of a key at a time is the owner's duty; "" is none */
    const char *what; /* static text, for reasons: "start vm" */
    int deadline_ms;  /* from the moment it runs; 0: the configured one */
    bool no_conn;     /* needs no connection: v is NULL */
    /** In a worker.  Returns 0 or -1 with *e; BUSY makes the connection be checked. */
    int (*run)(struct worker_job *j, struct virt *v, struct err *e);
    /** On the owner's thread; rc and err are set; frees the job. */
    void (*done)(struct worker_job *j);
    int rc;
    struct err err;
    /* kept by workers.c under its lock */
    struct worker_job *next;
    int64_t started_ms, took_ms;
    bool overdue;
    void *conn;
};

struct workers_config {
    struct virt_config virt; /* strings live as long as the workers */
    int threads;             /* kept free of stuck calls; 0: the owner's runs the jobs */
    int deadline_ms;
    int max_stuck; /* threads that may hang beside them */
    int queue_max; /* jobs that may wait */
    int (*open)(const struct virt_config *c, struct virt **out, struct err *e); /* virt_open */
    void (*wake)(void *arg); /* from any thread, when workers_run_done() has work */
    void *wake_arg;
    /** With no threads: a job waits for workers_run_one(), on the owner's; NULL: it does not. */
    void (*offer)(void *arg);
    void *offer_arg;
    void (*ended)(void *arg, const struct worker_job *j); /* before its done; may be NULL */
    void *ended_arg;
};

struct workers_state {
    int queued, running, overdue, retired;
    bool usable; /* false: calls cannot be made now; reason says why */
    char reason[240];
};

int workers_new(const struct workers_config *c, struct workers **out, struct err *e);
/** Take no more jobs, end what is queued with BUSY, wait at most so long for what runs; false when
 * some still runs: then the process must end without freeing what jobs use. */
bool workers_stop(struct workers *w, int wait_ms);
/** Stop and free; what hangs is left behind with what it uses.  NULL is fine. */
void workers_free(struct workers *w);
/** Queue a job; BUSY when the queue is full (the job stays the caller's). */
int workers_submit(struct workers *w, struct worker_job *j, struct err *e);
/** Call done of every finished job; returns how many. */
int workers_run_done(struct workers *w);
/** Run a job that waits, in the caller's thread; false: none does.  Never beside workers_stop(). */
bool workers_run_one(struct workers *w);
/** Find overdue jobs, replace their threads, retire connections.  Returns milliseconds until it
 * should be called again, at most 60,000. */
int workers_tick(struct workers *w, int64_t now_mono_ms);
bool workers_quarantined(struct workers *w, const char *key);
void workers_state(struct workers *w, struct workers_state *out);

SCOPE_FN(workers_free, struct workers)
#endif
