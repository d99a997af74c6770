/* Bugs that are planted: each must be found within a few seeds (tests/seeds/plants), or the laws do
 * not see what they are there for. */
#include <stdio.h>
#include <string.h>

#include "agent/journal.h"
#include "controller/recall.h"
#include "drivers/db/db.h"
#include "drivers/db/store_host_flow.h"
#include "policies/reconcile.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/sim.h"

static bool
planted(const char *name)
{
    return sim.plant != NULL && strcmp(sim.plant, name) == 0;
}

/* ---- the store --------------------------------------------------------------------------------
 */

void __real_db_savepoint_rollback(struct db *d);
void __wrap_db_savepoint_rollback(struct db *d);
int __real_db_commit(struct db *d, struct err *e);
int __wrap_db_commit(struct db *d, struct err *e);
int __real_recall_find(const struct recall *r, struct api_call *k, struct tx *t,
                       struct strbuf *answer, bool *again, struct err *e);
int __wrap_recall_find(const struct recall *r, struct api_call *k, struct tx *t,
                       struct strbuf *answer, bool *again, struct err *e);

void
__wrap_db_savepoint_rollback(struct db *d)
{
    struct err e = {0};

    if (!planted("keep-refused-step"))
        __real_db_savepoint_rollback(d);
    else
        (void)db_savepoint_release(d, &e);
}

int
__wrap_db_commit(struct db *d, struct err *e)
{
    if (!planted("answer-before-commit") || fiber_chance() % 8 != 0)
        return __real_db_commit(d, e);
    db_rollback(d);
    return 0;
}

int
__wrap_recall_find(const struct recall *r, struct api_call *k, struct tx *t, struct strbuf *answer,
                   bool *again, struct err *e)
{
    if (planted("forget-request-id"))
        return 0;
    return __real_recall_find(r, k, t, answer, again, e);
}

/* ---- what a host is told ------------------------------------------------------------------------
 */

int __real_host_papers_load(struct db *d, const char *host, uint64_t cursor, struct arena *a,
                            struct host_papers *out, struct err *e);
int __wrap_host_papers_load(struct db *d, const char *host, uint64_t cursor, struct arena *a,
                            struct host_papers *out, struct err *e);

/* A controller that forgot half of it; not a plant: an empty or shorter set removes nothing. */
int
__wrap_host_papers_load(struct db *d, const char *host, uint64_t cursor, struct arena *a,
                        struct host_papers *out, struct err *e)
{
    if (__real_host_papers_load(d, host, cursor, a, out, e) < 0)
        return -1;
    if (sim.forgetful && cursor == 0 && out->orders.n > 0) {
        out->orders.n = fiber_chance() % out->orders.n;
        sim_trace("a host is told %zu orders, not all", out->orders.n);
    }
    return 0;
}

/* ---- what a host does ---------------------------------------------------------------------------
 */

size_t __real_reconcile(const struct rec_world *w, struct rec_action *out, size_t cap);
size_t __wrap_reconcile(const struct rec_world *w, struct rec_action *out, size_t cap);
int __real_journal_append(struct journal *j, const struct strbuf *batch, struct err *e);
int __wrap_journal_append(struct journal *j, const struct strbuf *batch, struct err *e);

static void
as_planted(struct rec_world *w, struct rec_want *wants)
{
    for (size_t i = 0; i < w->n_wants; i++) {
        wants[i] = w->wants[i];
        if (planted("empty-set-removes") && !wants[i].wanted_now && wants[i].kind == MO_VM) {
            wants[i].wanted = MO_STOPPED;
            wants[i].wanted_now = true;
        }
        if (planted("no-hold-in-bin") && wants[i].wanted == MO_BINNED)
            wants[i].wanted = MO_ABSENT;
        if (planted("start-what-is-stopped") && wants[i].wanted == MO_STOPPED)
            wants[i].wanted = MO_RUNNING;
    }
    w->wants = wants;
    if (planted("unknown-is-empty"))
        w->observed_ok = true;
}

size_t
__wrap_reconcile(const struct rec_world *w, struct rec_action *out, size_t cap)
{
    static struct rec_want wants[512];
    struct rec_world copy = *w;
    size_t n;

    if (sim.plant != NULL && w->n_wants <= 512)
        as_planted(&copy, wants);
    n = __real_reconcile(&copy, out, cap);
    for (size_t i = 0; i < n && !w->observed_ok; i++)
        laws_break("4 unknown is not stopped", "host %d acts on %s while it cannot look",
                   fiber_node() - SIM_FIRST_HOST + 1, w->wants[out[i].want].id);
    return n;
}

int
__wrap_journal_append(struct journal *j, const struct strbuf *batch, struct err *e)
{
    if (planted("drop-receipt") && fiber_chance() % 10 == 0)
        return 0;
    return __real_journal_append(j, batch, e);
}
