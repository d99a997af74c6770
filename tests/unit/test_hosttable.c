/* The host table in memory is what the store has, whatever happened before. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/hosttable.h"
#include "drivers/base/fault.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_host_flow.h"
#include "tests/unit/ctl.h"

enum { HOSTS = 40, ROUNDS = 60, ACTS = 12 };

struct fleet {
    char id[HOSTS][W_ID], held[W_ID];
    int n;
    uint32_t seed;
    bool fails, looks;
    size_t differs;
};

/* Numbers that any machine makes alike. */
static uint32_t
dice(struct fleet *f, uint32_t below)
{
    f->seed = f->seed * 1664525 + 1013904223;
    return (f->seed >> 8) % below;
}

static int
add_host(struct fleet *f, struct tx *t, struct err *e)
{
    char name[W_NAME], *id;

    if (f->n == HOSTS)
        return 0;
    id = f->id[f->n++];
    random_uuid(id);
    (void)snprintf(name, sizeof(name), "host-%d-%.8s", f->n, id);
    return DB_EXEC(t->d, DB_HOST_ADD, NULL, e, DBS(id), DBS(name),
                   DBS(dice(f, 2) == 0 ? "east" : "west"), DBI(100 + dice(f, 400)), DBI(100),
                   DBI(t->now_ms));
}

/* Also of one of its machines: that says nothing of the host. */
static int
hold_some(struct fleet *f, struct tx *t, const char *id, struct err *e)
{
    struct hold_row h = {.at_ms = t->now_ms};

    if (id[0] == '\0')
        return 0;
    random_uuid(h.hold.id);
    memcpy(h.hold.host, id, sizeof(h.hold.host));
    if (dice(f, 2) == 0)
        random_uuid(h.hold.resource);
    h.hold.until_ms = t->now_ms + dice(f, 100000);
    h.hold.reason = "fire";
    memcpy(f->held, h.hold.id, sizeof(f->held));
    return hold_insert(t->d, &h, e);
}

static int
one_act(struct fleet *f, struct tx *t, struct err *e)
{
    const char *id = f->id[dice(f, (uint32_t)f->n + 1) % HOSTS]; /* or one that is not there */
    struct w_hello h = {
        .cpus = 1 + dice(f, 64), .mem_mib = dice(f, 1 << 18), .pool_bytes = 1 << 30};
    struct w_status s = {.seq = 1, .complete = dice(f, 2) == 0, .unknown = dice(f, 9) == 0};

    const char *pools[] = {"", "11111111-2222-4333-8444-555555555555", "another"};
    const char *pool = pools[dice(f, 3)];

    (void)snprintf(h.arch, sizeof(h.arch), "%s", dice(f, 3) == 0 ? "aarch64" : "x86_64");
    switch (dice(f, 10)) {
    case 8:
        return hold_some(f, t, id, e);
    case 9:
        return f->held[0] == '\0' ? 0 : hold_end(t->d, f->held, t->now_ms, e);
    case 6:
        return DB_EXEC(t->d, DB_POOL_TOLD, NULL, e, DBS(pool), DBS(id), DBS(pool));
    case 0:
        return add_host(f, t, e);
    case 1:
        return DB_EXEC(t->d, DB_HOST_STATE, NULL, e, DBS(dice(f, 2) == 0 ? "cordoned" : "ready"),
                       DBS(""), DBS(id));
    case 2:
        return host_flow_hello(t->d, id, &h, false, t->now_ms, e);
    case 3:
        return host_flow_status(t->d, id, &s, t->now_ms, e);
    case 4:
        return DB_EXEC(t->d, DB_HOST_FLOW_PROMISE, NULL, e, DBI(dice(f, 8)), DBI(dice(f, 4096)),
                       DBI(dice(f, 1 << 20)), DBS(id));
    case 5:
        return DB_EXEC(t->d, DB_HOST_OVERCOMMIT, NULL, e, DBS("north"), DBI(100 + dice(f, 900)),
                       DBI(150), DBS(id));
    default:
        return host_flow_samples(t->d, id, "boot", 1, t->now_ms, e);
    }
}

static int
acts_step(void *arg, struct tx *t, struct err *e)
{
    const struct place_hosts *cols;
    struct fleet *f = arg;

    for (int i = 0; i < ACTS; i++) {
        if (one_act(f, t, e) < 0)
            return -1;
        /* Some look in the middle, so that what is taken back had been read. */
        if (f->looks && hosttable_columns(t->c->hosts, t->now_ms, &cols, e) < 0)
            return -1;
    }
    return f->fails ? err_set(e, BY_E_CONFLICT, "asked to fail") : 0;
}

static int
differs_step(void *arg, struct tx *t, struct err *e)
{
    return hosttable_differs(t->c->hosts, &((struct fleet *)arg)->differs, e);
}

static void
is_as_the_store(struct ctl *t, struct fleet *f)
{
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(commit_run(t->c.commit, differs_step, f, &e), 0);
    CU_ASSERT_EQUAL(f->differs, 0);
}

/* The group that is committed next fails in that way. */
static void
group_fails(const char *how)
{
    fault_restart();
    (void)setenv("BIANYUN_FAULT", how, 1);
}

/* Steps that fail, groups that fail before or after their commit, restarts. */
static void
is_as_the_store_after_whatever_happened(void)
{
    enum { KEPT, STEP_FAILS, NOT_KEPT, ANSWER_LOST, RESTARTS, FATES };
    struct fleet f = {.seed = 7};
    struct ctl t;
    struct err e = {0};

    ctl_start(&t, ALG_P256);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t fate = dice(&f, FATES);
        struct fleet before = f;
        int rc;

        f.fails = fate == STEP_FAILS;
        f.looks = dice(&f, 2) == 0;
        if (fate == NOT_KEPT)
            group_fails("COMMIT_BEFORE:1:fail");
        if (fate == ANSWER_LOST)
            group_fails("COMMIT_AFTER:1:lose");
        rc = commit_run(t.c.commit, acts_step, &f, &e);
        (void)unsetenv("BIANYUN_FAULT");
        CU_ASSERT_EQUAL(rc, fate == KEPT || fate == RESTARTS ? 0 : -1);
        if (rc < 0 && fate != ANSWER_LOST) {
            memcpy(f.id, before.id, sizeof(f.id)); /* what it had added is not there */
            f.n = before.n;
        }
        is_as_the_store(&t, &f);
        if (fate == RESTARTS) {
            ctl_restart(&t);
            is_as_the_store(&t, &f);
        }
    }
    CU_ASSERT(f.n > 10);
    ctl_stop(&t);
}

struct promise {
    char host[W_ID];
    int64_t before, within;
    bool fails;
};

static int64_t
free_mem(struct tx *t, const char *host, struct err *e)
{
    const struct hosttable_need none = {0};
    struct hosttable_picked p;

    CU_ASSERT_EQUAL_FATAL(
        hosttable_pick(t->c->hosts, &none, 1, t->now_ms, 8, NULL, tx_arena(t), &p, e), 0);
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.hosts[i].id, host) == 0)
            return (int64_t)p.hosts[i].mem_mib - (int64_t)p.hosts[i].mem_used_mib;
    return -1;
}

static int
promise_step(void *arg, struct tx *t, struct err *e)
{
    struct promise *p = arg;

    p->before = free_mem(t, p->host, e);
    if (DB_EXEC(t->d, DB_HOST_FLOW_PROMISE, NULL, e, DBI(1), DBI(1000), DBI(0), DBS(p->host)) < 0)
        return -1;
    p->within = free_mem(t, p->host, e);
    return p->fails ? err_set(e, BY_E_CONFLICT, "asked to fail") : 0;
}

/* What a step has promised counts for the next one of the group at once; what is taken back, not.
 */
static void
promises_count_at_once_and_go_with_their_step(void)
{
    struct promise p = {0};
    struct ctl t;
    struct err e = {0};

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", p.host);
    for (int i = 0; i < 4; i++) {
        p.fails = i % 2 == 1;
        CU_ASSERT_EQUAL(commit_run(t.c.commit, promise_step, &p, &e), p.fails ? -1 : 0);
        CU_ASSERT_EQUAL(p.before, -1000 * ((i + 1) / 2));
        CU_ASSERT_EQUAL(p.within, p.before - 1000);
    }
    ctl_stop(&t);
}

static int
overlook_step(void *arg, struct tx *t, struct err *e)
{
    struct promise *p = arg;
    int rc = DB_EXEC(t->d, DB_HOST_FLOW_PROMISE, NULL, e, DBI(1), DBI(1), DBI(0), DBS(p->host));

    hosttable_kept(t->c->hosts); /* as if the step had touched nothing */
    (void)free_mem(t, p->host, e);
    return rc < 0 ? -1 : err_set(e, BY_E_CONFLICT, "asked to fail");
}

/* The comparison of these tests can fail. */
static void
a_difference_is_found(void)
{
    struct fleet f = {0};
    struct promise p = {0};
    struct ctl t;
    struct err e = {0};

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", p.host);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, overlook_step, &p, &e), -1);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, differs_step, &f, &e), 0);
    CU_ASSERT_EQUAL(f.differs, 1);
    ctl_stop(&t);
}

struct claim {
    char host[W_ID];
    uint64_t mem_mib, promise_mib, ask_mib; /* what it says it has, and so on */
    int64_t free_mib;
    bool fits;
};

static int
claim_step(void *arg, struct tx *t, struct err *e)
{
    struct claim *c = arg;
    const struct w_hello h = {
        .boot = "b", .arch = "x86_64", .cpus = 64, .mem_mib = c->mem_mib, .pool_bytes = 1 << 30};
    struct place_ask ask = place_ask_new();
    const struct place_hosts *cols;
    uint8_t why[8];

    if (host_flow_hello(t->d, c->host, &h, false, t->now_ms, e) < 0 ||
        DB_EXEC(t->d, DB_HOST_FLOW_PROMISE, NULL, e, DBI(0), DBI(c->promise_mib), DBI(0),
                DBS(c->host)) < 0 ||
        hosttable_columns(t->c->hosts, t->now_ms, &cols, e) < 0)
        return -1;
    CU_ASSERT_FATAL(cols->n <= sizeof(why));
    place_ask_add(&ask, 1, c->ask_mib, 0);
    c->fits = place(cols, &ask, why, NULL) != PLACE_NOWHERE;
    c->free_mib = cols->mem_free_mib[cols->n - 1];
    return 0;
}

/* What it says now is its capacity; what was promised stays, and nothing is placed below zero. */
static void
a_host_that_shrinks_takes_nothing_more(void)
{
    static const struct {
        uint64_t has, promised, ask;
        int64_t left;
        bool fits;
    } rows[] = {
        {8192, 4096, 1024, 4096, true},
        {2048, 0, 1, -2048, false},                 /* less than it was promised */
        {0, 0, 1, -4096, false},                    /* nothing at all */
        {4096, 0, 1, 0, false},                     /* just that */
        {1 << 30, 0, 1024, (1 << 30) - 4096, true}, /* more than a machine can have: as it says */
        {4097, 0, 2, 1, false},
    };
    struct claim c = {0};
    struct ctl t;
    struct err e = {0};

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", c.host);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        c.mem_mib = rows[i].has;
        c.promise_mib = rows[i].promised;
        c.ask_mib = rows[i].ask;
        CU_ASSERT_EQUAL_FATAL(commit_run(t.c.commit, claim_step, &c, &e), 0);
        CU_ASSERT_EQUAL(c.free_mib, rows[i].left);
        CU_ASSERT_EQUAL(c.fits, rows[i].fits);
    }
    ctl_stop(&t);
}

CU_TestInfo hosttable_tests[] = {
    {"is as the store after whatever happened", is_as_the_store_after_whatever_happened},
    {"promises count at once and go with their step",
     promises_count_at_once_and_go_with_their_step},
    {"a difference is found", a_difference_is_found},
    {"a host that shrinks takes nothing more", a_host_that_shrinks_takes_nothing_more},
    CU_TEST_INFO_NULL,
};
