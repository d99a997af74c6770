/* How the controller is, and ending its recovery. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/group.h"
#include "controller/hosts.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "controller/routes.h"

static int
status_counts(struct tx *t, struct w_status_view *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (db_query(t->d, DB_STATUS_COUNTS, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    out->orders_open = (uint64_t)db_int(r, 0);
    out->ledger_seq = (uint64_t)db_int(r, 1);
    return 0;
}

static int
status_hosts(struct tx *t, struct arena *a, struct w_status_view *out, struct err *e)
{
    struct jm_list hosts = {0};

    if (hosts_view(t, NULL, a, &hosts, e) < 0)
        return -1;
    for (size_t i = 0; i < hosts.n; i++) {
        const char *state = JM_ITEM(hosts, struct w_host_view, i)->state;

        if (strcmp(state, "silent") == 0)
            out->hosts_silent++;
        else if (strcmp(state, "ready") == 0 || strcmp(state, "cordoned") == 0 ||
                 strcmp(state, "held") == 0)
            out->hosts_ready++;
    }
    return 0;
}

/* From the store, not from memory: a step that changes it sees its own change. */
static int
status_fill(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_status_view *out = k->out;
    const char *recovery = NULL;
    int64_t term = 0, jumped = 0;

    memcpy(out->store, t->c->store, sizeof(out->store));
    (void)snprintf(out->version, sizeof(out->version), "%s", BY_VERSION);
    if (meta_get_int(t->d, META_TERM, &term, e) < 0 ||
        meta_get_int(t->d, META_CLOCK_JUMP, &jumped, e) < 0 ||
        meta_get(t->d, META_RECOVERY, k->a, &recovery, e) < 0)
        return -1;
    out->term = (uint64_t)term;
    out->recovery = recovery != NULL && recovery[0] != '\0';
    out->reason = out->recovery ? recovery : NULL;
    out->clock_jump = jumped != 0;
    if (status_counts(t, out, e) < 0)
        return -1;
    return status_hosts(t, k->a, out, e);
}

int
api_status_get(struct api_call *k, struct tx *t, struct err *e)
{
    return status_fill(k, t, e);
}

static void
recovery_over(struct controller *c, void *arg)
{
    const uint64_t *term = arg;

    live_set_term(c->live, *term);
    live_set_recovery(c->live, false);
    live_set_jumped(c->live, false);
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
    if (in->dry_run)
        return 0;
    if (recovery_end(t, k->who.account, out->recovery, e) < 0)
        return -1;
    memset(out, 0, sizeof(*out));
    return status_fill(k, t, e);
}
