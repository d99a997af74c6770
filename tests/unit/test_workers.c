#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/workers.h"
#include "drivers/base/clock.h"

/* Nothing here sleeps to wait: every step is a condition that a job or the test sets. */
enum { FAR_MS = 1000000, GUARD_S = 60, HANGING = 6 };

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int started, finished, woken;
    bool open;
    int opened, closing, closed, pings;
    bool ping_fails, ping_hangs, open_fails;
    bool close_hangs, close_open; /* until close_open */
};

static struct gate gate; /* of the test that runs; tests run one after another */

static void
gate_reset(void)
{
    memset(&gate, 0, sizeof(gate));
    (void)pthread_mutex_init(&gate.lock, NULL);
    (void)pthread_cond_init(&gate.cond, NULL);
}

static void
gate_add(int *what)
{
    (void)pthread_mutex_lock(&gate.lock);
    (*what)++;
    (void)pthread_cond_broadcast(&gate.cond);
    (void)pthread_mutex_unlock(&gate.lock);
}

/* Wait until *what reaches n; the guard only ends a broken test. */
static bool
gate_wait(const int *what, int n)
{
    struct timespec until;
    bool ok;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GUARD_S;
    (void)pthread_mutex_lock(&gate.lock);
    while (*what < n && pthread_cond_timedwait(&gate.cond, &gate.lock, &until) == 0)
        ;
    ok = *what >= n;
    (void)pthread_mutex_unlock(&gate.lock);
    return ok;
}

static void
gate_release(void)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.open = true;
    (void)pthread_cond_broadcast(&gate.cond);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void
wake(void *arg)
{
    (void)arg;
    gate_add(&gate.woken);
}

static int
ping(struct virt *v, struct err *e)
{
    (void)v;
    gate_add(&gate.pings);
    if (gate.ping_hangs) {
        (void)pthread_mutex_lock(&gate.lock);
        while (!gate.open)
            (void)pthread_cond_wait(&gate.cond, &gate.lock);
        (void)pthread_mutex_unlock(&gate.lock);
    }
    return gate.ping_fails ? err_set(e, BY_E_BUSY, "gone") : 0;
}

static void
close_it(struct virt *v)
{
    free(v);
    (void)pthread_mutex_lock(&gate.lock);
    gate.closing++;
    (void)pthread_cond_broadcast(&gate.cond);
    while (gate.close_hangs && !gate.close_open)
        (void)pthread_cond_wait(&gate.cond, &gate.lock);
    (void)pthread_mutex_unlock(&gate.lock);
    gate_add(&gate.closed);
}

static const struct virt_ops ops = {.name = "test", .ping = ping, .close = close_it};

static int
open_it(const struct virt_config *c, struct virt **out, struct err *e)
{
    struct virt *v;

    (void)c;
    if (gate.open_fails)
        return err_set(e, BY_E_IO, "nobody listens");
    v = calloc(1, sizeof(*v));
    if (v == NULL)
        return err_set(e, BY_E_NOMEM, "virt");
    v->ops = &ops;
    *out = v;
    gate_add(&gate.opened);
    return 0;
}

struct test_job {
    struct worker_job job;
    int result;
    bool done;
};

static int
run_quick(struct worker_job *j, struct virt *v, struct err *e)
{
    struct test_job *t = (struct test_job *)j;

    (void)v;
    gate_add(&gate.started);
    return t->result < 0 ? err_set(e, BY_E_BUSY, "the connection is gone") : 0;
}

static int
run_hanging(struct worker_job *j, struct virt *v, struct err *e)
{
    (void)j;
    (void)v;
    (void)e;
    gate_add(&gate.started);
    (void)pthread_mutex_lock(&gate.lock);
    while (!gate.open)
        (void)pthread_cond_wait(&gate.cond, &gate.lock);
    (void)pthread_mutex_unlock(&gate.lock);
    gate_add(&gate.finished);
    return 0;
}

static void
done(struct worker_job *j)
{
    ((struct test_job *)j)->done = true;
}

static struct workers *
workers_make_for(int threads, int max_stuck, void (*offer)(void *), void *arg)
{
    struct workers_config c = {.virt = {.uri = "test:///"},
                               .threads = threads,
                               .deadline_ms = 1000,
                               .max_stuck = max_stuck,
                               .queue_max = 8,
                               .open = open_it,
                               .wake = wake,
                               .offer = offer,
                               .offer_arg = arg};
    struct workers *w = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(workers_new(&c, &w, &e), 0);
    return w;
}

static struct workers *
workers_make(int threads, int max_stuck)
{
    return workers_make_for(threads, max_stuck, NULL, NULL);
}

static void
submit(struct workers *w, struct test_job *t, const char *key,
       int (*run)(struct worker_job *, struct virt *, struct err *))
{
    struct err e = {0};

    t->job.what = "test";
    t->job.run = run;
    t->job.done = done;
    (void)snprintf(t->job.key, sizeof(t->job.key), "%s", key);
    CU_ASSERT_EQUAL_FATAL(workers_submit(w, &t->job, &e), 0);
}

/* Run finished jobs until this one was given back. */
static bool
wait_done(struct workers *w, struct test_job *t)
{
    int seen;

    for (;;) {
        (void)pthread_mutex_lock(&gate.lock);
        seen = gate.woken;
        (void)pthread_mutex_unlock(&gate.lock);
        (void)workers_run_done(w);
        if (t->done)
            return true;
        if (!gate_wait(&gate.woken, seen + 1))
            return false;
    }
}

static void
runs_jobs_and_gives_them_back(void)
{
    struct workers *w;
    struct test_job a = {0}, b = {0};

    gate_reset();
    w = workers_make(2, 4);
    submit(w, &a, "a", run_quick);
    submit(w, &b, "b", run_quick);
    CU_ASSERT_TRUE(wait_done(w, &a));
    CU_ASSERT_TRUE(wait_done(w, &b));
    CU_ASSERT_EQUAL(a.job.rc, 0);
    workers_free(w);
    CU_ASSERT_EQUAL(gate.closed, gate.opened);
}

static void
uses_a_connection_for_one_call_at_a_time(void)
{
    struct workers *w;
    struct test_job a = {0}, b = {0}, after[2] = {{.result = 0}, {.result = 0}};

    gate_reset();
    w = workers_make(2, 4);
    submit(w, &a, "a", run_hanging);
    submit(w, &b, "b", run_hanging);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 2));
    CU_ASSERT_EQUAL(gate.opened, 2);
    gate_release();
    CU_ASSERT_TRUE(wait_done(w, &a));
    CU_ASSERT_TRUE(wait_done(w, &b));
    for (int i = 0; i < 2; i++) {
        submit(w, &after[i], "a", run_quick);
        CU_ASSERT_TRUE(wait_done(w, &after[i]));
    }
    CU_ASSERT_EQUAL(gate.opened, 2); /* kept for the next calls */
    workers_free(w);
    CU_ASSERT_EQUAL(gate.closed, 2);
}

static void
serves_a_healthy_machine_beside_six_that_hang(void)
{
    struct workers *w;
    struct test_job hang[HANGING], healthy = {0};
    struct workers_state s;

    gate_reset();
    memset(hang, 0, sizeof(hang));
    w = workers_make(4, 16);
    for (int i = 0; i < HANGING; i++) {
        char key[2] = {(char)('0' + i), '\0'};

        submit(w, &hang[i], key, run_hanging);
    }
    submit(w, &healthy, "healthy", run_quick);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 4)); /* all workers hang */
    CU_ASSERT_FALSE(workers_quarantined(w, "0"));
    (void)workers_tick(w, clock_mono_ms() + FAR_MS);
    CU_ASSERT_TRUE(workers_quarantined(w, "0"));
    CU_ASSERT_TRUE(gate_wait(&gate.started, HANGING + 1)); /* their replacements hang too */
    CU_ASSERT_TRUE(wait_done(w, &healthy));                /* before any of them came back */
    CU_ASSERT_EQUAL(gate.finished, 0);
    (void)workers_tick(w, clock_mono_ms() + FAR_MS);
    CU_ASSERT_EQUAL(healthy.job.rc, 0);
    workers_state(w, &s);
    CU_ASSERT_EQUAL(s.overdue, HANGING);
    CU_ASSERT_TRUE(s.usable);
    CU_ASSERT(s.retired >= 1);
    CU_ASSERT(gate.opened >= 2);
    CU_ASSERT_EQUAL(gate.closed, 0); /* never closed under a stuck call */
    gate_release();
    for (int i = 0; i < HANGING; i++)
        CU_ASSERT_TRUE(wait_done(w, &hang[i]));
    CU_ASSERT_FALSE(workers_quarantined(w, "0"));
    workers_free(w);
    CU_ASSERT_EQUAL(gate.opened, gate.closed);
}

static void
stops_at_its_bound_and_says_so(void)
{
    struct workers *w;
    struct test_job hang[4];
    struct workers_state s;

    gate_reset();
    memset(hang, 0, sizeof(hang));
    w = workers_make(2, 2);
    for (int i = 0; i < 4; i++)
        submit(w, &hang[i], "x", run_hanging);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 2));
    (void)workers_tick(w, clock_mono_ms() + FAR_MS);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 4));
    (void)workers_tick(w, clock_mono_ms() + FAR_MS);
    workers_state(w, &s);
    CU_ASSERT_FALSE(s.usable);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.reason, "hang"));
    gate_release();
    for (int i = 0; i < 4; i++)
        CU_ASSERT_TRUE(wait_done(w, &hang[i]));
    workers_state(w, &s);
    CU_ASSERT_TRUE(s.usable);
    workers_free(w);
}

static void
opens_anew_after_the_connection_was_lost(void)
{
    struct workers *w;
    struct test_job lost = {.result = -1}, next = {0};

    gate_reset();
    w = workers_make(1, 2);
    submit(w, &lost, "a", run_quick);
    CU_ASSERT_TRUE(wait_done(w, &lost));
    CU_ASSERT_EQUAL(lost.job.rc, -1);
    gate.ping_fails = true;
    submit(w, &next, "a", run_quick);
    CU_ASSERT_TRUE(wait_done(w, &next));
    CU_ASSERT_EQUAL(next.job.rc, 0);
    CU_ASSERT_EQUAL(gate.opened, 2);
    CU_ASSERT_EQUAL(gate.closed, 1);
    workers_free(w);
}

static void
leaves_a_connection_whose_check_hangs(void)
{
    struct workers *w;
    struct test_job lost = {.result = -1}, hang[2], healthy = {0};

    gate_reset();
    memset(hang, 0, sizeof(hang));
    w = workers_make(2, 4);
    submit(w, &lost, "a", run_quick);
    CU_ASSERT_TRUE(wait_done(w, &lost));
    gate.ping_hangs = true;
    submit(w, &hang[0], "b", run_quick);
    CU_ASSERT_TRUE(gate_wait(&gate.pings, 1)); /* the connection that lost a call is checked */
    submit(w, &hang[1], "c", run_quick);
    CU_ASSERT_TRUE(wait_done(w, &hang[1])); /* on another one */
    (void)workers_tick(w, clock_mono_ms() + FAR_MS);
    CU_ASSERT_TRUE(workers_quarantined(w, "b"));
    submit(w, &healthy, "healthy", run_quick);
    CU_ASSERT_TRUE(gate_wait(&gate.opened, 2)); /* without waiting for the old one */
    CU_ASSERT_TRUE(wait_done(w, &healthy));
    CU_ASSERT_EQUAL(healthy.job.rc, 0);
    gate_release();
    CU_ASSERT_TRUE(wait_done(w, &hang[0]));
    CU_ASSERT_EQUAL(hang[0].job.rc, 0);
    CU_ASSERT_EQUAL(gate.pings, 1);
    workers_free(w);
    CU_ASSERT_EQUAL(gate.opened, gate.closed);
}

static void
reports_a_hypervisor_that_cannot_be_opened(void)
{
    struct workers *w;
    struct test_job a = {0};
    struct workers_state s;

    gate_reset();
    gate.open_fails = true;
    w = workers_make(1, 2);
    submit(w, &a, "a", run_quick);
    CU_ASSERT_TRUE(wait_done(w, &a));
    CU_ASSERT_EQUAL(a.job.rc, -1);
    CU_ASSERT_EQUAL(a.job.err.code, BY_E_IO);
    workers_state(w, &s);
    CU_ASSERT_FALSE(s.usable);
    CU_ASSERT_STRING_EQUAL(s.reason, "nobody listens");
    workers_free(w);
}

/* A call comes back late, and giving up its connection hangs in turn. */
static void
keeps_its_workers_while_a_connection_hangs_at_its_end(void)
{
    struct workers *w;
    struct test_job hang = {0}, next = {0};

    gate_reset();
    gate.close_hangs = true;
    w = workers_make(1, 2);
    submit(w, &hang, "a", run_hanging);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 1));
    (void)workers_tick(w, clock_mono_ms() + FAR_MS);
    gate_release();
    CU_ASSERT_TRUE(gate_wait(&gate.closing, 1));
    submit(w, &next, "b", run_quick);
    CU_ASSERT_TRUE_FATAL(gate_wait(&gate.started, 2));
    CU_ASSERT_TRUE(wait_done(w, &next));
    (void)pthread_mutex_lock(&gate.lock);
    gate.close_open = true;
    (void)pthread_cond_broadcast(&gate.cond);
    (void)pthread_mutex_unlock(&gate.lock);
    CU_ASSERT_TRUE(wait_done(w, &hang));
    workers_free(w);
    CU_ASSERT_EQUAL(gate.opened, gate.closed);
}

static void
bounds_its_queue(void)
{
    struct workers *w;
    struct test_job hang = {0}, more[9];
    struct err e = {0};

    gate_reset();
    memset(more, 0, sizeof(more));
    w = workers_make(1, 2);
    submit(w, &hang, "a", run_hanging);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 1));
    for (int i = 0; i < 8; i++)
        submit(w, &more[i], "b", run_quick);
    more[8].job.run = run_quick;
    more[8].job.done = done;
    CU_ASSERT_EQUAL(workers_submit(w, &more[8].job, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    gate_release();
    CU_ASSERT_TRUE(wait_done(w, &more[7]));
    workers_free(w);
}

/* Less than a second is time, too; a call that comes back later is found by the next stop. */
static void
stops_after_the_time_that_it_was_given(void)
{
    struct workers *w;
    struct test_job hang = {0};
    int64_t begin;

    gate_reset();
    w = workers_make(1, 2);
    submit(w, &hang, "a", run_hanging);
    CU_ASSERT_TRUE(gate_wait(&gate.started, 1));
    begin = clock_mono_ms();
    CU_ASSERT_FALSE(workers_stop(w, 200));
    CU_ASSERT(clock_mono_ms() - begin >= 199);
    gate_release();
    CU_ASSERT_TRUE(workers_stop(w, FAR_MS));
    workers_free(w);
    CU_ASSERT_TRUE(hang.done);
}

static void
runs_jobs_where_they_are_taken_back_when_it_has_no_threads(void)
{
    struct workers *w;
    struct test_job a = {0}, b = {.result = -1};

    gate_reset();
    w = workers_make(0, 2);
    submit(w, &a, "a", run_quick);
    submit(w, &b, "b", run_quick);
    CU_ASSERT_EQUAL(gate.woken, 2); /* its owner has something to do */
    CU_ASSERT_EQUAL(gate.started, 0);
    CU_ASSERT_EQUAL(workers_run_done(w), 2);
    CU_ASSERT_TRUE(a.done && b.done);
    CU_ASSERT_EQUAL(a.job.rc, 0);
    CU_ASSERT_EQUAL(b.job.err.code, BY_E_BUSY);
    CU_ASSERT_TRUE(workers_stop(w, 0));
    workers_free(w);
    CU_ASSERT_EQUAL(gate.closed, gate.opened);
}

static void
count_offer(void *arg)
{
    ++*(int *)arg;
}

static void
offers_jobs_to_another_thread_when_it_has_none(void)
{
    struct workers *w;
    struct test_job a = {0}, b = {0}, left = {0};
    int offers = 0;

    gate_reset();
    w = workers_make_for(0, 2, count_offer, &offers);
    submit(w, &a, "a", run_quick);
    submit(w, &b, "b", run_quick);
    CU_ASSERT_EQUAL(offers, 2);
    CU_ASSERT_EQUAL(workers_run_done(w), 0); /* its owner runs none */
    CU_ASSERT_EQUAL(gate.woken, 0);
    CU_ASSERT_TRUE(workers_run_one(w));
    CU_ASSERT_EQUAL(gate.woken, 1); /* and takes back what has ended */
    CU_ASSERT_EQUAL(workers_run_done(w), 1);
    CU_ASSERT_TRUE(a.done && !b.done);
    CU_ASSERT_TRUE(workers_run_one(w));
    CU_ASSERT_FALSE(workers_run_one(w));
    CU_ASSERT_EQUAL(workers_run_done(w), 1);
    CU_ASSERT_TRUE(b.done);
    submit(w, &left, "a", run_quick);
    CU_ASSERT_TRUE(workers_stop(w, 0));
    CU_ASSERT_FALSE(workers_run_one(w));
    CU_ASSERT_EQUAL(workers_run_done(w), 1);
    CU_ASSERT_EQUAL(left.job.err.code, BY_E_BUSY);
    workers_free(w);
    CU_ASSERT_EQUAL(gate.closed, gate.opened);
}

CU_TestInfo workers_tests[] = {
    {"runs jobs and gives them back", runs_jobs_and_gives_them_back},
    {"serves a healthy machine beside six that hang",
     serves_a_healthy_machine_beside_six_that_hang},
    {"uses a connection for one call at a time", uses_a_connection_for_one_call_at_a_time},
    {"stops at its bound and says so", stops_at_its_bound_and_says_so},
    {"opens anew after the connection was lost", opens_anew_after_the_connection_was_lost},
    {"leaves a connection whose check hangs", leaves_a_connection_whose_check_hangs},
    {"reports a hypervisor that cannot be opened", reports_a_hypervisor_that_cannot_be_opened},
    {"keeps its workers while a connection hangs at its end",
     keeps_its_workers_while_a_connection_hangs_at_its_end},
    {"bounds its queue", bounds_its_queue},
    {"runs jobs where they are taken back when it has no threads",
     runs_jobs_where_they_are_taken_back_when_it_has_no_threads},
    {"offers jobs to another thread when it has none",
     offers_jobs_to_another_thread_when_it_has_none},
    {"stops after the time that it was given", stops_after_the_time_that_it_was_given},
    CU_TEST_INFO_NULL,
};
