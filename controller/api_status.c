#include "controller/api_status.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/grant_key.h"
#include "controller/hosts.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "controller/recovery.h"
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
status_notices(struct tx *t, struct w_status_view *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(t->d, DB_DELIVERY_DEAD, &r, e, DBI(t->now_ms - 7 * INT64_C(86400000))) < 0 ||
        db_next(r, e) != 1)
        return -1;
    out->notices_dead = (uint64_t)db_int(r, 0);
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

int
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
    out->grant_key = grant_key_note(t, k->a);
    if (out->recovery && recovery_missing(t, k->a, &out->receipts_missing, e) < 0)
        return -1;
    out->utc_offset_min = t->c->conf.utc_offset;
    if (status_counts(t, out, e) < 0 || status_notices(t, out, e) < 0)
        return -1;
    return status_hosts(t, k->a, out, e);
}

int
api_status_get(struct api_call *k, struct tx *t, struct err *e)
{
    return status_fill(k, t, e);
}
