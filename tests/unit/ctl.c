#include "tests/unit/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/init.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/ledger_verify.h"
#include "tests/unit/tmpdir.h"

/* Tests of one process run one after the other. */
static int64_t wall_plus, mono_plus;

static int64_t
ctl_wall(void)
{
    return clock_wall_ms() + __atomic_load_n(&wall_plus, __ATOMIC_SEQ_CST);
}

static int64_t
ctl_mono(void)
{
    return clock_mono_ms() + __atomic_load_n(&mono_plus, __ATOMIC_SEQ_CST);
}

void
ctl_clock(int64_t wall_plus_ms, int64_t mono_plus_ms)
{
    __atomic_store_n(&wall_plus, wall_plus_ms, __ATOMIC_SEQ_CST);
    __atomic_store_n(&mono_plus, mono_plus_ms, __ATOMIC_SEQ_CST);
}

static void
ctl_die(const char *what, const struct err *e)
{
    fprintf(stderr, "%s: %s\n", what, e->msg);
    abort();
}

static void
ctl_open(struct ctl *t)
{
    struct controller_config conf;
    struct err e = {0};

    t->c = (struct controller){.wall_ms = ctl_wall, .mono_ms = ctl_mono};
    if (config_default(&conf, &e) < 0)
        ctl_die("config", &e);
    conf.people_port = conf.agents_port = 0;
    if (controller_open(&t->c, t->dir, &conf, &e) < 0)
        ctl_die("open", &e);
}

void
ctl_start(struct ctl *t, const char *alg)
{
    struct init_options o = {.alg = alg, .name = "test", .wall_ms = ctl_wall};
    struct err e = {0};

    memset(t, 0, sizeof(*t));
    ctl_clock(0, 0);
    t->dir = tmpdir_new();
    o.dir = t->dir;
    if (init_run(&o, t->token, &e) < 0 || init_finish(t->dir, &e) < 0)
        ctl_die("init", &e);
    ctl_open(t);
}

void
ctl_restart(struct ctl *t)
{
    controller_free(&t->c);
    ctl_open(t);
}

void
ctl_stop(struct ctl *t)
{
    controller_free(&t->c);
    tmpdir_free(TAKE(t->dir));
}

struct db *
ctl_db(struct ctl *t)
{
    struct db *d = NULL;
    struct err e = {0};

    if (db_open(t->c.store_path, true, &d, &e) < 0)
        ctl_die("store", &e);
    return d;
}

int64_t
ctl_int(struct ctl *t, enum db_stmt s)
{
    SCOPED(db_free) struct db *d = ctl_db(t);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err e = {0};

    if (db_query(d, s, NULL, 0, &r, &e) < 0)
        ctl_die("query", &e);
    return db_next(r, &e) == 1 ? db_int(r, 0) : -1;
}

static int
ctl_verify_rows(struct db *d, struct ledger_verify *v, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_LEDGER_PAGE, &r, e, DBI(0), DBI(INT64_MAX)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_ledger_entry en = {.seq = (uint64_t)db_int(r, 0), .at_ms = db_int(r, 1)};

        (void)snprintf(en.actor, sizeof(en.actor), "%s", db_str(r, 2));
        (void)snprintf(en.act, sizeof(en.act), "%s", db_str(r, 3));
        (void)snprintf(en.subject, sizeof(en.subject), "%s", db_str(r, 4));
        en.body = db_str(r, 5);
        (void)snprintf(en.body_sha256, sizeof(en.body_sha256), "%s", db_str(r, 6));
        (void)snprintf(en.hash, sizeof(en.hash), "%s", db_str(r, 7));
        if (ledger_verify_add(v, &en, e) < 0)
            return -1;
    }
    return rc < 0 ? -1 : ledger_verify_end(v, e);
}

int
ctl_verify(struct ctl *t, uint64_t *n, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(keyring_free) struct keyring *ring = NULL;
    SCOPED(ledger_verify_free) struct ledger_verify *v = NULL;
    SCOPED(db_free) struct db *d = ctl_db(t);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *head = controller_head(&t->c, &a);
    int rc;

    if (keyring_new(t->c.root_pem, &ring, e) < 0 ||
        DB_QUERY(d, DB_KEY_STATEMENTS, &r, e, DBI(64)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (keyring_add(ring, db_str(r, 0), db_len(r, 0), e) < 0)
            return -1;
    if (rc < 0 || ledger_verify_new(ring, head, strlen(head), &v, e) < 0 ||
        ctl_verify_rows(d, v, e) < 0)
        return -1;
    *n = ledger_verify_count(v, NULL);
    return 0;
}
