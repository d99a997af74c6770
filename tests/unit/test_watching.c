/* Lists that wait for another answer than the one that their caller has. */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/watching.h"
#include "drivers/crypto/digest.h"
#include "tests/unit/ctl.h"
#include "tests/unit/flow.h"

#define OK(x) CU_ASSERT_EQUAL_FATAL(x, 0)

struct scene;

/* One who watches, on a thread of his own. */
struct watcher {
    struct scene *s;
    struct httpc *h;
    char path[200], known[65];
    pthread_t thread;
    int status;
};

struct scene {
    struct flow f;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int done, busy; /* how many have their answer; and were told that too many watch */
};

static void
scene_start(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    flow_start(&s->f);
}

static void
scene_stop(struct scene *s)
{
    flow_stop(&s->f);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}

static int
ask(struct httpc *h, const char *path, char hash[65])
{
    struct httpc_answer ans = {0};
    struct err e = {0};
    int status;

    (void)httpc_call(h, "GET", path, NULL, 0, 110000, &ans, &e);
    status = ans.status;
    if (status == 200)
        digest_sha256_hex(ans.body, ans.len, hash);
    httpc_answer_clear(&ans);
    return status;
}

static void *
watch(void *arg)
{
    struct watcher *w = arg;

    w->status = ask(w->h, w->path, w->known);
    (void)pthread_mutex_lock(&w->s->lock);
    w->s->done++;
    w->s->busy += w->status == 503;
    (void)pthread_cond_broadcast(&w->s->changed);
    (void)pthread_mutex_unlock(&w->s->lock);
    return NULL;
}

static void
watch_start(struct scene *s, struct watcher *w, const char *known)
{
    w->s = s;
    w->h = ctl_client(&s->f.ctl, s->f.token[FLOW_BUREAU]);
    (void)snprintf(w->path, sizeof(w->path), "/v1/units?known=%s&wait=50", known);
    OK(pthread_create(&w->thread, NULL, watch, w));
}

static void
watch_end(struct watcher *w)
{
    OK(pthread_join(w->thread, NULL));
    httpc_free(w->h);
}

static void
wait_for(struct scene *s, const int *counter)
{
    (void)pthread_mutex_lock(&s->lock);
    while (*counter == 0)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

static int
unit_step(void *arg, struct tx *t, struct err *e)
{
    char id[W_ID];

    (void)arg;
    random_uuid(id);
    return DB_EXEC(t->d, DB_UNIT_ADD, NULL, e, DBS(id), DBS(id), DBS(""), DBI(t->now_ms));
}

static void
a_commit_that_changes_the_list_ends_the_wait(void)
{
    struct scene s;
    struct watcher w = {0};
    char known[65] = "";

    scene_start(&s);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    watch_start(&s, &w, known);
    OK(commit_run(s.f.ctl.c.commit, unit_step, NULL, &s.f.err));
    watch_end(&w);
    CU_ASSERT_EQUAL(w.status, 200);
    CU_ASSERT(strcmp(w.known, known) != 0);
    scene_stop(&s);
}

static void
what_is_known_is_sent_when_the_wait_is_over(void)
{
    struct scene s;
    char known[65] = "", again[65] = "";
    char path[200];

    scene_start(&s);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    for (int wait = 0; wait <= 1; wait++) {
        (void)snprintf(path, sizeof(path), "/v1/units?known=%s&wait=%d", known, wait);
        CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], path, again), 200);
        CU_ASSERT_STRING_EQUAL(again, known);
    }
    /* Another one than that is sent at once. */
    (void)snprintf(path, sizeof(path), "/v1/units?known=%064d&wait=50", 0);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], path, again), 200);
    CU_ASSERT_STRING_EQUAL(again, known);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units?wait=51", again), 400);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units?known=x", again), 400);
    scene_stop(&s);
}

static void
an_account_watches_so_many_lists_and_no_more(void)
{
    struct scene s;
    struct watcher w[WATCH_OF_ONE + 1] = {{0}};
    char known[65] = "";
    int fine = 0;

    scene_start(&s);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    for (size_t i = 0; i < WATCH_OF_ONE + 1; i++)
        watch_start(&s, &w[i], known);
    wait_for(&s, &s.busy); /* the others wait by then: one too many */
    OK(commit_run(s.f.ctl.c.commit, unit_step, NULL, &s.f.err));
    for (size_t i = 0; i < WATCH_OF_ONE + 1; i++) {
        watch_end(&w[i]);
        fine += w[i].status == 200 && strcmp(w[i].known, known) != 0;
    }
    CU_ASSERT_EQUAL(fine, WATCH_OF_ONE);
    CU_ASSERT_EQUAL(s.busy, 1);
    /* Their places are free again. */
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    watch_start(&s, &w[0], known);
    OK(commit_run(s.f.ctl.c.commit, unit_step, NULL, &s.f.err));
    watch_end(&w[0]);
    CU_ASSERT_EQUAL(w[0].status, 200);
    scene_stop(&s);
}

static void
the_end_of_the_session_ends_the_wait(void)
{
    struct scene s;
    struct watcher w = {0};
    char known[65] = "";

    scene_start(&s);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    watch_start(&s, &w, known);
    OK(flow_call(&s.f, s.f.people[FLOW_BUREAU], "DELETE", "/v1/sessions", NULL, NULL, 0, NULL));
    watch_end(&w);
    CU_ASSERT_EQUAL(w.status, 401);
    scene_stop(&s);
}

static void
the_controller_stops_while_lists_wait(void)
{
    struct scene s;
    struct watcher w[WATCH_OF_ONE] = {{0}};
    char known[65] = "";

    scene_start(&s);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    for (size_t i = 0; i < WATCH_OF_ONE; i++)
        watch_start(&s, &w[i], known);
    flow_pause(&s.f); /* some wait by now, some look, some have not come */
    for (size_t i = 0; i < WATCH_OF_ONE; i++) {
        watch_end(&w[i]);
        CU_ASSERT(w[i].status == 503 || w[i].status == 0 || w[i].status == 200);
    }
    flow_restart(&s.f, NULL);
    scene_stop(&s);
}

static void
dropped(void *arg, struct httpc_answer *a)
{
    (void)arg;
    (void)a;
}

static void
a_client_that_leaves_leaves_no_one_waiting(void)
{
    struct scene s;
    char known[65] = "", path[200];
    struct err e = {0};

    scene_start(&s);
    CU_ASSERT_EQUAL(ask(s.f.people[FLOW_BUREAU], "/v1/units", known), 200);
    (void)snprintf(path, sizeof(path), "/v1/units?known=%s&wait=50", known);
    for (int i = 0; i < 3 * WATCH_OF_ONE; i++) {
        struct httpc *h = ctl_client(&s.f.ctl, s.f.token[FLOW_BUREAU]);

        OK(httpc_start(h, "GET", path, NULL, 0, 60000, dropped, NULL, &e));
        for (int k = 0; k < 10; k++)
            httpc_run(h, 5); /* it is on its way, or waits */
        httpc_free(h);
    }
    scene_stop(&s); /* ends: nothing is in work any more */
}

CU_TestInfo watching_tests[] = {
    {"a commit that changes the list ends the wait", a_commit_that_changes_the_list_ends_the_wait},
    {"what is known is sent when the wait is over", what_is_known_is_sent_when_the_wait_is_over},
    {"an account watches so many lists and no more", an_account_watches_so_many_lists_and_no_more},
    {"the end of the session ends the wait", the_end_of_the_session_ends_the_wait},
    {"the controller stops while lists wait", the_controller_stops_while_lists_wait},
    {"a client that leaves leaves no one waiting", a_client_that_leaves_leaves_no_one_waiting},
    CU_TEST_INFO_NULL,
};
