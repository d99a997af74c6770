/* Bugs that are planted: each must be found within a few seeds (tests/seeds/plants), or the laws do
 * not see what they are there for. */
#include <stdio.h>
#include <string.h>

#include "agent/journal.h"
#include "controller/erasure.h"
#include "controller/placing.h"
#include "controller/recall.h"
#include "drivers/db/db.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_resource.h"
#include "policies/order_check.h"
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
    if (sim.full && fiber_node() == SIM_CONTROLLER) { /* no plant: its disk */
        db_rollback(d);
        return err_set(e, BY_E_NO_SPACE, "store: database or disk is full");
    }
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
    if (planted("any-host") && fiber_chance() % 4 == 0)
        host = sim.host[fiber_chance() % SIM_HOSTS].id;
    if (__real_host_papers_load(d, host, cursor, a, out, e) < 0)
        return -1;
    if (sim.forgetful && cursor == 0 && out->orders.n > 0) {
        out->orders.n = fiber_chance() % out->orders.n;
        sim_trace("a host is told %zu orders, not all", out->orders.n);
    }
    return 0;
}

struct oc_verdict __real_order_check(const struct oc_host *host, const struct oc_order *o,
                                     const struct oc_papers *papers);
struct oc_verdict __wrap_order_check(const struct oc_host *host, const struct oc_order *o,
                                     const struct oc_papers *papers);

struct oc_verdict
__wrap_order_check(const struct oc_host *host, const struct oc_order *o,
                   const struct oc_papers *papers)
{
    struct oc_order any = *o;

    if (planted("any-host"))
        any.host = host->id;
    return __real_order_check(host, &any, papers);
}

/* ---- what a host says --------------------------------------------------------------------------
 */

int __real_host_flow_get(struct db *d, const char *id, struct host_flow_row *out, struct err *e);
int __wrap_host_flow_get(struct db *d, const char *id, struct host_flow_row *out, struct err *e);
int __real_resource_find(struct db *d, const char *id, struct arena *a, struct resource_row *out,
                         struct err *e);
int __wrap_resource_find(struct db *d, const char *id, struct arena *a, struct resource_row *out,
                         struct err *e);
int __real_grant_row_get(struct db *d, const char *id, struct arena *a, struct grant_row *out,
                         struct err *e);
int __wrap_grant_row_get(struct db *d, const char *id, struct arena *a, struct grant_row *out,
                         struct err *e);
int __real_erasure_certify(struct tx *t, const struct resource_row *r, const struct order_row *o,
                           const char *report, struct arena *a, char id[W_ID], struct err *e);
int __wrap_erasure_certify(struct tx *t, const struct resource_row *r, const struct order_row *o,
                           const char *report, struct arena *a, char id[W_ID], struct err *e);
bool __real_placing_decide(const struct w_placing_facts *f, struct arena *a,
                           struct w_placing_choices *out);
bool __wrap_placing_decide(const struct w_placing_facts *f, struct arena *a,
                           struct w_placing_choices *out);

static char speaks[W_ID]; /* whose report is being taken */

int
__wrap_host_flow_get(struct db *d, const char *id, struct host_flow_row *out, struct err *e)
{
    (void)snprintf(speaks, sizeof(speaks), "%s", id);
    return __real_host_flow_get(d, id, out, e);
}

int
__wrap_resource_find(struct db *d, const char *id, struct arena *a, struct resource_row *out,
                     struct err *e)
{
    int rc = __real_resource_find(d, id, a, out, e);

    if (rc == 1 && planted("believe-any-host"))
        memcpy(out->host, speaks, sizeof(out->host));
    return rc;
}

/* The controller forgets the hold as well as the host does, or the host is never asked. */
int
__wrap_grant_row_get(struct db *d, const char *id, struct arena *a, struct grant_row *out,
                     struct err *e)
{
    int rc = __real_grant_row_get(d, id, a, out, e);

    if (rc == 0 && planted("hold-is-nothing"))
        out->hold_ms = 0;
    return rc;
}

int
__wrap_erasure_certify(struct tx *t, const struct resource_row *r, const struct order_row *o,
                       const char *report, struct arena *a, char id[W_ID], struct err *e)
{
    return planted("no-certificate") ? 0 : __real_erasure_certify(t, r, o, report, a, id, e);
}

/* By something that no record holds. */
bool
__wrap_placing_decide(const struct w_placing_facts *f, struct arena *a,
                      struct w_placing_choices *out)
{
    struct w_placing_facts less = *f;

    if (planted("decide-by-chance") && less.hosts.n > 1)
        less.hosts.n -= fiber_chance() % 2;
    return __real_placing_decide(&less, a, out);
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
        if (planted("hold-is-nothing"))
            wants[i].hold_ms = 0;
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
    const struct sim_host *h = sim_host_of(fiber_node());

    if (h != NULL && h->full) /* no plant: its disk */
        return err_set(e, BY_E_NO_SPACE, "receipts: no space left on the disk");
    if (planted("drop-receipt") && fiber_chance() % 10 == 0)
        return 0;
    return __real_journal_append(j, batch, e);
}
