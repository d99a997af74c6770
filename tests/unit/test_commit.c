#include <CUnit/CUnit.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "drivers/base/fault.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "tests/unit/ctl.h"
#include "tests/unit/tmpdir.h"

struct note { /* a step that writes one name and one ledger line */
    char k[32], v[32];
    bool fails;
    enum err_code with;
};

static int
note_step(void *arg, struct tx *t, struct err *e)
{
    struct note *n = arg;

    if (meta_set(t->d, n->k, n->v, e) < 0 ||
        ledger_append(t, "controller", "test.note", n->k, "{}", e) < 0)
        return -1;
    return n->fails ? err_set(e, n->with, "asked to fail") : 0;
}

static bool
note_kept(struct ctl *t, const char *k)
{
    SCOPED(db_free) struct db *d = ctl_db(t);
    SCOPED(arena) struct arena a = {0};
    const char *v = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(meta_get(d, k, &a, &v, &e), 0);
    return v != NULL;
}

static void
keeps_a_step_and_signs_the_head(void)
{
    static const char *const algs[] = {ALG_SM2, ALG_P256};

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        struct ctl t;
        struct note n = {.k = "one", .v = "1"};
        struct err e = {0};
        uint64_t entries = 0;

        ctl_start(&t, algs[i]);
        CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
        CU_ASSERT_TRUE(note_kept(&t, "one"));
        CU_ASSERT_EQUAL(ctl_verify(&t, &entries, &e), 0);
        CU_ASSERT_EQUAL(entries, 2); /* the store's creation, and ours */
        CU_ASSERT_EQUAL(controller_head_seq(&t.c), 2);
        ctl_stop(&t);
    }
}

/* Holds the writer inside a step until the queue is filled. */
struct gate {
    atomic_bool open, inside;
    atomic_int done, failed, no_space;
};

static int
gate_step(void *arg, struct tx *t, struct err *e)
{
    struct gate *g = arg;

    (void)t;
    (void)e;
    atomic_store(&g->inside, true);
    while (!atomic_load(&g->open))
        (void)sched_yield();
    return 0;
}

static void
gate_done(void *arg, const struct err *e)
{
    struct gate *g = arg;

    if (e != NULL)
        atomic_fetch_add(&g->failed, 1);
    if (e != NULL && e->code == BY_E_NO_SPACE)
        atomic_fetch_add(&g->no_space, 1);
    atomic_fetch_add(&g->done, 1);
}

struct counted {
    struct note n;
    struct gate *g;
    enum err_code told; /* what its caller was answered */
};

static int
counted_step(void *arg, struct tx *t, struct err *e)
{
    return note_step(&((struct counted *)arg)->n, t, e);
}

static void
counted_done(void *arg, const struct err *e)
{
    struct counted *c = arg;

    c->told = e == NULL ? BY_E_OK : e->code;
    gate_done(c->g, e);
}

static void
gate_wait(struct gate *g, int n)
{
    while (atomic_load(&g->done) < n)
        (void)sched_yield(); /* every queued item is answered */
}

static void
one_failing_step_leaves_its_neighbours_alone(void)
{
    static struct counted items[30];
    struct gate g = {0};
    struct ctl t;
    struct err e = {0};
    uint64_t entries = 0;

    ctl_start(&t, ALG_P256);
    CU_ASSERT_EQUAL(commit_submit(t.c.commit, gate_step, gate_done, &g, &e), 0);
    for (int i = 0; i < 30; i++) {
        items[i] = (struct counted){.g = &g};
        (void)snprintf(items[i].n.k, sizeof(items[i].n.k), "k%d", i);
        items[i].n.fails = i % 3 == 1;
        items[i].n.with = BY_E_CONFLICT;
        CU_ASSERT_EQUAL(commit_submit(t.c.commit, counted_step, counted_done, &items[i], &e), 0);
    }
    atomic_store(&g.open, true);
    gate_wait(&g, 31);
    CU_ASSERT_EQUAL(atomic_load(&g.failed), 10);
    for (int i = 0; i < 30; i++)
        CU_ASSERT_EQUAL(note_kept(&t, items[i].n.k), i % 3 != 1);
    CU_ASSERT_EQUAL(ctl_verify(&t, &entries, &e), 0);
    CU_ASSERT_EQUAL(entries, 21); /* no entry of a failed step, no hole in the numbers */
    ctl_stop(&t);
}

/* Caps the store at its present size; -1 lifts it. */
static int
cap_step(void *arg, struct tx *t, struct err *e)
{
    return db_limit_bytes(t->d, *(int64_t *)arg, e);
}

static int
fat_step(void *arg, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    strbuf_adds(&b, "{\"x\":\"");
    while (b.len < 20000)
        strbuf_addc(&b, 'x');
    strbuf_adds(&b, "\"}");
    if (note_step(&((struct counted *)arg)->n, t, e) < 0)
        return -1;
    return ledger_append(t, "controller", "test.fat", "x", strbuf_peek(&b), e);
}

static void
a_full_disk_refuses_its_whole_group_and_keeps_nothing_by_half(void)
{
    static struct counted items[40];
    struct gate g = {0};
    struct note after = {.k = "after", .v = "1"};
    int64_t small = 4096 * 130, big = INT64_C(1) << 30;
    struct ctl t;
    struct err e = {0};
    uint64_t entries = 0;
    int refused = 0;

    ctl_start(&t, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, cap_step, &small, &e), 0);
    CU_ASSERT_EQUAL(commit_submit(t.c.commit, gate_step, gate_done, &g, &e), 0);
    while (!atomic_load(&g.inside))
        (void)sched_yield();
    for (int i = 0; i < 40; i++) {
        items[i] = (struct counted){.g = &g};
        (void)snprintf(items[i].n.k, sizeof(items[i].n.k), "k%d", i);
        CU_ASSERT_EQUAL(commit_submit(t.c.commit, fat_step, counted_done, &items[i], &e), 0);
    }
    atomic_store(&g.open, true);
    gate_wait(&g, 41);
    for (int i = 0; i < 40; i++) {
        refused += items[i].told == BY_E_NO_SPACE;
        CU_ASSERT(items[i].told == BY_E_OK || items[i].told == BY_E_NO_SPACE);
        CU_ASSERT_EQUAL(note_kept(&t, items[i].n.k), items[i].told == BY_E_OK);
    }
    CU_ASSERT(refused > 0);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, cap_step, &big, &e), 0);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &after, &e), 0);
    CU_ASSERT_EQUAL(ctl_verify(&t, &entries, &e), 0);
    ctl_stop(&t);
}

static void
refuses_when_the_queue_is_full(void)
{
    static struct counted items[COMMIT_QUEUE + 1];
    struct gate g = {0};
    struct ctl t;
    struct err e = {0};
    int taken = 0;

    ctl_start(&t, ALG_P256);
    CU_ASSERT_EQUAL(commit_submit(t.c.commit, gate_step, gate_done, &g, &e), 0);
    while (!atomic_load(&g.inside))
        (void)sched_yield();
    for (int i = 0; i <= COMMIT_QUEUE; i++) {
        items[i] = (struct counted){.g = &g, .n = {.k = "same", .v = "v"}};
        taken += commit_submit(t.c.commit, counted_step, counted_done, &items[i], &e) == 0;
    }
    CU_ASSERT_EQUAL(taken, COMMIT_QUEUE);
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    atomic_store(&g.open, true);
    gate_wait(&g, taken + 1);
    CU_ASSERT_EQUAL(atomic_load(&g.failed), 0);
    ctl_stop(&t);
}

/* A child that writes until its k-th passing of a fault point kills it; it tells each answer. */
static void
crash_child(const char *dir, int out)
{
    struct ctl t = {.dir = (char *)(uintptr_t)dir};
    struct controller_config conf;
    struct err e = {0};

    if (config_default(&conf, &e) < 0 || controller_open(&t.c, dir, &conf, &e) < 0)
        _exit(3);
    for (int i = 0; i < 20; i++) {
        struct note n = {.v = "1"};

        (void)snprintf(n.k, sizeof(n.k), "crash%d", i);
        if (commit_run(t.c.commit, note_step, &n, &e) < 0 || write(out, &i, sizeof(i)) < 0)
            _exit(4);
    }
    _exit(0);
}

static int
crash_run(struct ctl *t, const char *fault)
{
    int pipefd[2], last = -1, i, status = 0;
    pid_t pid;

    CU_ASSERT_EQUAL_FATAL(pipe(pipefd), 0);
    pid = fork();
    if (pid == 0) {
        fault_restart();
        (void)setenv("BIANYUN_FAULT", fault, 1);
        (void)close(pipefd[0]);
        crash_child(t->dir, pipefd[1]);
    }
    (void)close(pipefd[1]);
    while (read(pipefd[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
        last = i;
    (void)close(pipefd[0]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static void
nothing_acknowledged_is_lost_in_a_crash(void)
{
    static const char *const faults[] = {"COMMIT_BEFORE:1:kill",  "COMMIT_AFTER:1:kill",
                                         "COMMIT_BEFORE:7:kill",  "COMMIT_AFTER:7:kill",
                                         "COMMIT_BEFORE:20:kill", "COMMIT_AFTER:20:kill"};

    for (size_t f = 0; f < ARRAY_LEN(faults); f++) {
        struct ctl t;
        struct note n = {.k = "later", .v = "1"};
        struct err e = {0};
        uint64_t entries = 0;
        char k[32];
        int last;

        ctl_start(&t, ALG_P256);
        controller_free(&t.c); /* one controller a store */
        last = crash_run(&t, faults[f]);
        t.c = (struct controller){0};
        ctl_restart(&t);
        for (int i = 0; i <= last; i++) {
            (void)snprintf(k, sizeof(k), "crash%d", i);
            CU_ASSERT_TRUE(note_kept(&t, k));
        }
        (void)snprintf(k, sizeof(k), "crash%d", last + 2);
        CU_ASSERT_FALSE(note_kept(&t, k));
        CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
        CU_ASSERT_EQUAL(ctl_verify(&t, &entries, &e), 0);
        ctl_stop(&t);
    }
}

static atomic_int woken;

static void
count_woken(struct controller *c, const char *host)
{
    (void)c;
    CU_ASSERT_STRING_EQUAL(host, "host-a");
    atomic_fetch_add(&woken, 1);
}

static int
touching_step(void *arg, struct tx *t, struct err *e)
{
    return note_step(arg, t, e) < 0 ? -1 : commit_touch_host(t, "host-a", e);
}

/* Else what was kept after all would reach its host at the end of a poll, a minute later. */
static void
a_lost_answer_wakes_the_hosts_all_the_same(void)
{
    static const char *const faults[] = {"COMMIT_BEFORE:1:lose", "COMMIT_AFTER:1:lose"};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct ctl t;
        struct note n = {.k = "maybe", .v = "1"};
        struct err e = {0};

        ctl_start(&t, ALG_P256);
        t.c.wake_host = count_woken;
        atomic_store(&woken, 0);
        fault_restart();
        (void)setenv("BIANYUN_FAULT", faults[i], 1);
        CU_ASSERT_EQUAL(commit_run(t.c.commit, touching_step, &n, &e), -1);
        (void)unsetenv("BIANYUN_FAULT");
        CU_ASSERT_TRUE(note_kept(&t, "maybe"));
        CU_ASSERT_EQUAL(atomic_load(&woken), 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "not known"));
        ctl_stop(&t);
    }
}

static void
a_lost_answer_is_an_error_and_the_chain_goes_on(void)
{
    struct ctl t;
    struct note n = {.k = "maybe", .v = "1"}, m = {.k = "next", .v = "1"};
    struct err e = {0};
    uint64_t entries = 0;

    ctl_start(&t, ALG_P256);
    fault_restart();
    (void)setenv("BIANYUN_FAULT", "COMMIT_BEFORE:1:lose", 1);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), -1);
    (void)unsetenv("BIANYUN_FAULT");
    CU_ASSERT_TRUE(note_kept(&t, "maybe")); /* it was written; only nobody could know */
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &m, &e), 0);
    CU_ASSERT_EQUAL(ctl_verify(&t, &entries, &e), 0);
    CU_ASSERT_EQUAL(entries, 3);
    ctl_stop(&t);
}

static void
time_in_the_ledger_never_falls_and_a_jump_is_told(void)
{
    struct ctl t;
    struct note n = {.k = "a", .v = "1"};
    struct err e = {0};
    uint64_t entries = 0;

    ctl_start(&t, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    CU_ASSERT_FALSE(controller_clock_jumped(&t.c));
    ctl_clock(-60000, 0); /* a minute back is no jump, and yet time does not fall */
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    CU_ASSERT_FALSE(controller_clock_jumped(&t.c));
    ctl_clock(3600000, 3600000); /* an hour on both clocks is an hour */
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    CU_ASSERT_FALSE(controller_clock_jumped(&t.c));
    ctl_clock(7200000, 3600000); /* an hour on the wall only is a jump */
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    CU_ASSERT_TRUE(controller_clock_jumped(&t.c));
    CU_ASSERT_EQUAL(ctl_verify(&t, &entries, &e), 0);
    CU_ASSERT_EQUAL(entries, 6); /* one of them tells of the jump */
    ctl_restart(&t);
    CU_ASSERT_TRUE(controller_clock_jumped(&t.c)); /* until a person confirms */
    ctl_stop(&t);
}

/* Else one wrong hour in the ledger would keep everything later an hour ahead of the hosts. */
static void
time_goes_on_as_before_a_jump_until_it_is_confirmed(void)
{
    static const struct {
        int64_t wall, mono, least, most; /* what is added to the clocks; what time may say */
    } rows[] = {
        {7200000, 1000, 1000, 60000},      /* two hours ahead */
        {7205000, 6000, 6000, 65000},      /* and on */
        {-7200000, 20000, 20000, 80000},   /* then two behind */
        {30000, 30000, 30000, 90000},      /* and right again */
        {360000000, 50000, 50000, 110000}, /* days ahead */
    };
    struct ctl t;
    struct note n = {.k = "a", .v = "1"};
    struct err e = {0};
    int64_t start;

    ctl_start(&t, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    start = controller_now_ms(&t.c);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ctl_clock(rows[i].wall, rows[i].mono);
        CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
        CU_ASSERT_TRUE(controller_clock_jumped(&t.c));
        CU_ASSERT(controller_now_ms(&t.c) - start >= rows[i].least - 1000);
        CU_ASSERT(controller_now_ms(&t.c) - start <= rows[i].most);
        CU_ASSERT(live_head_ms(t.c.live) - start <= rows[i].most);
    }
    ctl_restart(&t); /* how long it was away is not known */
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    CU_ASSERT(controller_now_ms(&t.c) - start <= 170000);
    live_jump_end(t.c.live);
    CU_ASSERT(controller_now_ms(&t.c) - start >= 360000000);
    ctl_stop(&t);
}

static void
a_clock_far_behind_the_ledger_is_a_jump_after_a_restart(void)
{
    struct ctl t;
    struct note n = {.k = "a", .v = "1"};
    struct err e = {0};

    ctl_start(&t, ALG_P256);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    ctl_clock(-3600000, 0);
    ctl_restart(&t);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, note_step, &n, &e), 0);
    CU_ASSERT_TRUE(controller_clock_jumped(&t.c));
    ctl_stop(&t);
}

CU_TestInfo commit_tests[] = {
    {"keeps a step and signs the head", keeps_a_step_and_signs_the_head},
    {"one failing step leaves its neighbours alone", one_failing_step_leaves_its_neighbours_alone},
    {"a full disk refuses its whole group and keeps nothing by half",
     a_full_disk_refuses_its_whole_group_and_keeps_nothing_by_half},
    {"refuses when the queue is full", refuses_when_the_queue_is_full},
    {"nothing acknowledged is lost in a crash", nothing_acknowledged_is_lost_in_a_crash},
    {"a lost answer wakes the hosts all the same", a_lost_answer_wakes_the_hosts_all_the_same},
    {"a lost answer is an error and the chain goes on",
     a_lost_answer_is_an_error_and_the_chain_goes_on},
    {"time in the ledger never falls and a jump is told",
     time_in_the_ledger_never_falls_and_a_jump_is_told},
    {"time goes on as before a jump until it is confirmed",
     time_goes_on_as_before_a_jump_until_it_is_confirmed},
    {"a clock far behind the ledger is a jump after a restart",
     a_clock_far_behind_the_ledger_is_a_jump_after_a_restart},
    CU_TEST_INFO_NULL,
};
