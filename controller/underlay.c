#include "controller/underlay.h"

#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/parts.h"
#include "drivers/base/log.h"

/* 1 another host has it, 0 none. */
static int
holder(struct tx *t, const char *host, const char *ip, char id[W_ID], char name[W_NAME],
       struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_UNDERLAY_HOLDER, &r, e, DBS(ip), DBS(host)) < 0)
        return -1;
    rc = db_next(r, e);
    if (rc == 1) {
        (void)snprintf(id, W_ID, "%s", db_str(r, 0));
        (void)snprintf(name, W_NAME, "%s", db_str(r, 1));
    }
    return rc;
}

int
underlay_said(struct tx *t, const struct host_flow_row *h, struct w_hello *in, struct err *e)
{
    char why[400] = "", body[200], id[W_ID], name[W_NAME];
    int changed = 0;
    int rc = in->underlay[0] == '\0' ? 0 : holder(t, h->id, in->underlay, id, name, e);

    if (rc < 0)
        return -1;
    if (rc == 1)
        (void)snprintf(why, sizeof(why),
                       "it takes no part of a network over several hosts: its address between "
                       "hosts, %s, is that of host %s. Correct the setting underlay of the one "
                       "that is wrong, or revoke host %s if it is no more, then restart the agent "
                       "of this one",
                       in->underlay, name, name);
    if (DB_EXEC(t->d, DB_UNDERLAY_WHY, &changed, e, DBS(why), DBS(h->id), DBS(why)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    (void)snprintf(body, sizeof(body), "{\"underlay\":\"%s\",\"of\":\"%s\"}", in->underlay, id);
    in->underlay[0] = '\0';
    if (changed == 0)
        return 0;
    log_warn("host.underlay", "host=%s name=%s reason=" LOG_Q, h->id, h->name, why);
    return ledger_append(t, "controller", "host.underlay_refused", h->id, body, e);
}

int
underlay_told(struct tx *t, const struct host_flow_row *was, const struct w_hello *in,
              struct arena *a, struct err *e)
{
    /* In recovery nothing is ordered: underlay_restate() when it ends. */
    if (controller_recovery(t->c) || strcmp(was->underlay, in->underlay) == 0)
        return 0;
    return parts_moved(t, was->id, a, e);
}

int
underlay_end(struct tx *t, const char *host, struct arena *a, struct err *e)
{
    if (DB_EXEC(t->d, DB_UNDERLAY_END, NULL, e, DBS(host)) < 0)
        return -1;
    return controller_recovery(t->c) ? 0 : parts_moved(t, host, a, e);
}

struct restate {
    struct tx *t;
    struct arena *a;
};

static int
restate_one(void *arg, const char *network, struct err *e)
{
    struct restate *s = arg;

    return parts_sync(s->t, "controller", network, s->a, e);
}

int
underlay_restate(struct tx *t, struct arena *a, struct err *e)
{
    struct restate s = {t, a};

    return part_each_of_host(t->d, NULL, a, restate_one, &s, e);
}
