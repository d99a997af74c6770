#include "controller/hold.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/notice.h"
#include "controller/paging.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_resource.h"

enum { HOLDS_MAX = 1000 };

static int
hold_where(struct api_call *k, struct tx *t, const struct w_hold_request *in, struct hold_row *h,
           struct err *e)
{
    struct host_flow_row host;
    struct resource_row r;

    if ((in->host[0] == '\0') == (in->resource[0] == '\0'))
        return err_field(e, BY_E_INVALID, "host", "name a host, or a resource, not both");
    if (in->host[0] != '\0') {
        if (host_flow_get(t->d, in->host, &host, e) < 0)
            return -1;
        memcpy(h->hold.host, host.id, sizeof(h->hold.host));
        return 0;
    }
    if (resource_get(t->d, in->resource, k->a, &r, e) < 0)
        return -1;
    memcpy(h->hold.host, r.host, sizeof(h->hold.host));
    memcpy(h->hold.resource, r.id, sizeof(h->hold.resource));
    return 0;
}

static int
tell(struct tx *t, int role, const struct w_hold *h, struct err *e)
{
    return notice_add(t,
                      &(struct notice){.kind = NOTICE_HOLD,
                                       .role = role,
                                       .subject = h->id,
                                       .title = h->resource[0] != '\0' ? h->resource : h->host,
                                       .due_ms = h->until_ms},
                      e);
}

static int
hold_tell(struct tx *t, const char *actor, const char *act, const struct w_hold *h, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_hold, h, &b);
    if (ledger_append(t, actor, act, h->resource[0] != '\0' ? h->resource : h->host,
                      strbuf_peek(&b), e) < 0 ||
        tell(t, ROLE_PROVIDER, h, e) < 0 || tell(t, ROLE_BUREAU, h, e) < 0)
        return -1;
    return commit_touch_host(t, h->host, e);
}

int
api_hold_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_hold_request *in = k->in;
    struct w_hold *out = k->out;
    struct hold_row h = {.at_ms = t->now_ms};
    struct jm_list now;

    if (hold_where(k, t, in, &h, e) < 0 || hold_in_force(t->d, "", t->now_ms, k->a, &now, e) < 0)
        return -1;
    if (now.n >= HOLDS_MAX)
        return err_set(e, BY_E_CONFLICT, "%zu holds are in force: end some first", now.n);
    random_uuid(h.hold.id);
    h.hold.until_ms = t->now_ms + in->for_ms;
    h.hold.reason = in->reason;
    memcpy(h.account, k->who.account, sizeof(h.account));
    if (hold_insert(t->d, &h, e) < 0 || hold_tell(t, k->who.account, "hold.set", &h.hold, e) < 0)
        return err_wrap(e, "hold");
    *out = h.hold;
    return 0;
}

int
api_hold_end(struct api_call *k, struct tx *t, struct err *e)
{
    struct hold_row h;

    k->status = 204;
    if (hold_get(t->d, k->id, k->a, &h, e) < 0)
        return -1;
    if (h.ended_ms > 0)
        return err_set(e, BY_E_CONFLICT, "this hold has ended already");
    if (hold_end(t->d, k->id, t->now_ms, e) < 0)
        return -1;
    return hold_tell(t, k->who.account, "hold.ended", &h.hold, e);
}

static int
list_add(void *arg, const struct hold_row *h, struct err *e)
{
    struct w_hold *to = paging_add(arg, h->at_ms, h->hold.id, "");

    (void)e;
    if (to != NULL)
        *to = h->hold;
    return 0;
}

int
api_hold_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_hold_list *out = k->out;
    struct paging p;

    if (PAGING_OPEN(&p, k, out, hold, 0, e) < 0)
        return -1;
    return hold_each_page(t->d, t->now_ms, &p.from, k->a, list_add, &p, e);
}

/* ---- by itself ----------------------------------------------------------------------------------
 */

struct expired {
    struct arena *a;
    char (*ids)[W_ID];
    size_t n;
};

static int
note_expired(void *arg, const char *id, const char *host, struct err *e)
{
    struct expired *x = arg;

    (void)host;
    (void)e;
    (void)snprintf(x->ids[x->n++], W_ID, "%s", id);
    return 0;
}

int
hold_expire(struct tx *t, size_t *n, struct err *e)
{
    struct expired x = {.a = tx_arena(t)};

    *n = 0;
    x.ids = arena_alloc(x.a, 100 * sizeof(*x.ids)); /* the statement gives at most 100 */
    if (hold_each_expired(t->d, t->now_ms, note_expired, &x, e) < 0)
        return -1;
    for (size_t i = 0; i < x.n; i++) {
        struct hold_row h;

        if (hold_get(t->d, x.ids[i], x.a, &h, e) < 0 ||
            hold_end(t->d, h.hold.id, t->now_ms, e) < 0 ||
            hold_tell(t, "controller", "hold.expired", &h.hold, e) < 0)
            return -1;
        log_warn("hold.expired", "host=%s resource=%s", h.hold.host, h.hold.resource);
    }
    *n = x.n;
    return 0;
}
