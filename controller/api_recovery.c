/* Ending a recovery: when every host's receipts are in, or a person answers for those that are not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/api_status.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/group.h"
#include "controller/hostauth.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "controller/routes.h"
#include "controller/steward.h"
#include "controller/underlay.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"

/* What hosts said of their addresses and shared pools, and who was enrolled again, while nothing
 * could be ordered.
 */
static int
restate_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    return hostauth_restate_all(t, e) < 0 || underlay_restate(t, tx_arena(t), e) < 0
               ? -1
               : steward_restate(t, e);
}

static void
restate_done(void *arg, const struct err *e)
{
    (void)arg;
    if (e != NULL)
        log_error("recovery.restate", "reason=" LOG_Q, e->msg);
}

static void
recovery_over(struct controller *c, void *arg)
{
    const uint64_t *term = arg;
    struct err e = {0};

    live_set_term(c->live, *term);
    live_set_recovery(c->live, false);
    live_jump_end(c->live);
    if (commit_submit(c->commit, restate_step, restate_done, NULL, &e) < 0)
        restate_done(NULL, &e);
}

#define RECOVERY_REVISIONS (1 << 24)

/* The next term is above every term that any host has seen. */
static int
recovery_end(struct tx *t, const char *actor, bool recovery, struct err *e)
{
    uint64_t *term = arena_alloc(tx_arena(t), sizeof(*term));
    int64_t seen = 0;
    char body[120];

    *term = controller_term(t->c);
    if (meta_get_int(t->d, META_TERM_SEEN, &seen, e) < 0)
        return -1;
    if (recovery) {
        *term = ((uint64_t)seen > *term ? (uint64_t)seen : *term) + 1;
        /* A host that slept through this has a cursor of the lost time: new orders stay above it.
         */
        t->group->s.revision += RECOVERY_REVISIONS;
        t->group->s.revised = true;
    }
    if (meta_set_int(t->d, META_TERM, (int64_t)*term, e) < 0 ||
        meta_set(t->d, META_RECOVERY, "", e) < 0 || meta_set_int(t->d, META_CLOCK_JUMP, 0, e) < 0)
        return -1;
    commit_after(t, recovery_over, term);
    (void)snprintf(body, sizeof(body), "{\"recovery\":%s,\"term\":%" PRIu64 "}",
                   recovery ? "true" : "false", *term);
    if (db_exec(t->d, DB_RECOVERY_WITHOUT_CLEAR, NULL, 0, NULL, e) < 0)
        return -1;
    return ledger_append(t, actor, "recovery.confirmed", t->c->store, body, e);
}

int
api_recovery_confirm(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_act_request *in = k->in;
    struct w_status_view *out = k->out;

    if (status_fill(k, t, e) < 0)
        return -1;
    if (!out->recovery && !out->clock_jump)
        return err_set(e, BY_E_CONFLICT,
                       "the controller is not in recovery, and its clock did not jump: there is "
                       "nothing to confirm");
    if (out->recovery && out->receipts_missing != NULL)
        return err_set(e, BY_E_CONFLICT,
                       "the receipts of %s are not imported, so what they were ordered in the lost "
                       "time would be forgotten: wait until they have spoken; of a host that is "
                       "really lost say so with its reason (bianyun recovery without HOST --reason "
                       "TEXT), then confirm again",
                       out->receipts_missing);
    if (out->clock_jump && (in->reason == NULL || in->reason[0] == '\0'))
        return err_field(e, BY_E_INVALID, "reason",
                         "the system clock jumped: say why its time is right now; verdicts that "
                         "were held are made by it");
    if (in->dry_run)
        return 0;
    if (recovery_end(t, k->who.account, out->recovery, e) < 0)
        return -1;
    memset(out, 0, sizeof(*out));
    return status_fill(k, t, e);
}

static int
without_ledger(struct tx *t, const char *actor, const char *host,
               const struct w_recovery_without *in, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_recovery_without body = *in;

    (void)snprintf(body.host, sizeof(body.host), "%s", host);
    jm_encode(schema_recovery_without, &body, &b);
    return ledger_append(t, actor, "recovery.without", host, strbuf_peek(&b), e);
}

/* A person answers for it: what that host was ordered in the lost time is not waited for. */
int
api_recovery_without(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_recovery_without *in = k->in;
    const struct w_status_view *out = k->out;
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_RECOVERY_HOST, &r, e, DBS(in->host), DBS(in->host)) < 0 ||
        (rc = db_next(r, e)) < 0 || status_fill(k, t, e) < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_NOT_FOUND, "host", "there is no host %s", in->host);
    if (!out->recovery)
        return err_set(e, BY_E_CONFLICT,
                       "the controller is not in recovery: no host is waited for");
    if (db_int(r, 2) == 0)
        return err_field(e, BY_E_CONFLICT, "host",
                         "the receipts of host %s are imported: it is not waited for",
                         db_str(r, 1));
    if (in->dry_run)
        return 0;
    if (DB_EXEC(t->d, DB_RECOVERY_WITHOUT_ADD, NULL, e, DBS(db_str(r, 0)), DBS(k->who.account),
                DBS(in->reason), DBI(t->now_ms)) < 0 ||
        without_ledger(t, k->who.account, db_str(r, 0), in, e) < 0)
        return err_wrap(e, "host %s", db_str(r, 1));
    memset(k->out, 0, sizeof(*out));
    return status_fill(k, t, e);
}
