#include "controller/handover.h"

#include <stdio.h>
#include <string.h>

#include "controller/cases.h"
#include "controller/clocks.h"
#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/listing.h"
#include "controller/own.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_image.h"
#include "policies/calendar.h"

/* ---- the sheet
 * ----------------------------------------------------------------------------------- */

static int
found(struct db *d, enum db_stmt s, const char *grant, int64_t *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, s, &r, e, DBS(grant)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    *out = rc == 1 ? db_int(r, 0) : 0;
    return 0;
}

/* The account that the image names, when the order brought a key for it. */
static int
item_user(struct db *d, const char *order, struct arena *a, struct w_handover_item *it,
          struct w_handover *h, struct err *e)
{
    struct image_row im;
    struct w_order o;
    int rc;

    if (W_DECODE(order, order, strlen(order), JM_PEER, a, &o, e) < 0)
        return -1;
    h->ssh_key = h->ssh_key || (o.vm.ssh_key != NULL && o.vm.ssh_key[0] != '\0');
    rc = image_by_sha(d, o.vm.image, a, &im, e);
    if (rc == 1)
        memcpy(it->user, im.default_user, sizeof(it->user));
    return rc < 0 ? -1 : 0;
}

static int
add_items(struct db *d, struct arena *a, struct w_handover *h, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_HANDOVER_RESOURCES, &r, e, DBS(h->grant)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_handover_item *it = listing_add(&h->items, sizeof(*it), a);

        (void)snprintf(it->resource, sizeof(it->resource), "%s", db_str(r, 0));
        it->kind = (int)db_int(r, 1);
        (void)snprintf(it->name, sizeof(it->name), "%s", db_str(r, 2));
        it->vcpus = (uint32_t)db_int(r, 3);
        it->mem_mib = (uint64_t)db_int(r, 4);
        it->bytes = (uint64_t)db_int(r, 5);
        (void)snprintf(it->address, sizeof(it->address), "%s", db_str(r, 6));
        if (it->kind == RES_VM && item_user(d, db_str(r, 7), a, it, h, e) < 0)
            return -1;
    }
    return rc;
}

static int
fill(struct tx *t, const struct grant_row *g, struct arena *a, struct w_handover *h,
     int64_t *due_ms, struct err *e)
{
    struct clock_spec s = {.kind = CLK_DEPLOY,
                           .subject_kind = "grant",
                           .subject = g->id,
                           .title = g->number,
                           .unit = g->unit,
                           .start_ms = t->now_ms};
    struct clock_row clock;
    int64_t n;

    *h = (struct w_handover){.delivered_at_ms = t->now_ms};
    memcpy(h->grant, g->id, sizeof(h->grant));
    memcpy(h->number, g->number, sizeof(h->number));
    if (clock_start(t, "controller", &s, &clock, e) < 0 ||
        found(t->d, DB_HANDOVER_COUNT, g->id, &n, e) < 0 || add_items(t->d, a, h, e) < 0)
        return -1;
    memcpy(h->due_day, clock.due_day, sizeof(h->due_day));
    h->resources = (uint32_t)n;
    *due_ms = clock.due_ms;
    return 0;
}

int
handover_deliver(struct tx *t, const char *grant, struct arena *a, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct case_row c = {.kind = CASE_HANDOVER};
    struct w_handover h;
    struct grant_row g;
    char id[W_ID];
    int64_t clocked, due_ms = 0;
    int rc = case_of_subject(t->d, grant, CASE_HANDOVER, "", id, e);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (found(t->d, DB_HANDOVER_CLOCKED, grant, &clocked, e) < 0)
        return -1;
    if (clocked == 0)
        return 0;
    if (grant_row_get(t->d, grant, a, &g, e) < 0 || fill(t, &g, a, &h, &due_ms, e) < 0)
        return err_wrap(e, "handover");
    if (h.resources == 0)
        return 0;
    jm_encode(schema_handover, &h, &b);
    c.body = strbuf_peek(&b);
    memcpy(c.unit, g.unit, sizeof(c.unit));
    memcpy(c.system, g.system, sizeof(c.system));
    memcpy(c.grant, g.id, sizeof(c.grant));
    c.due_ms = due_ms;
    (void)snprintf(c.title, sizeof(c.title), "%s", g.number);
    return case_open(t, case_actor_self, CASE_EV_OPEN, NULL, &c, e);
}

static int
load_handover(struct api_call *k, struct tx *t, struct case_row *c, struct err *e)
{
    if (case_load(k, t, 0, c, e) < 0)
        return -1;
    return c->kind == CASE_HANDOVER
               ? 0
               : err_set(e, BY_E_CONFLICT, "case %s is no handover", c->number);
}

int
api_handover_page(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_case_view v;
    struct case_row c;

    if (load_handover(k, t, &c, e) < 0 || case_view_fill(t->d, &c, k->a, &v, e) < 0)
        return -1;
    handover_page(&v, controller_tz_minutes(k->c), &b);
    k->raw = arena_strdup(k->a, strbuf_peek(&b));
    k->raw_type = "text/html; charset=utf-8";
    return 0;
}

/* ---- the first sign-in
 * --------------------------------------------------------------------------- */

int
api_handover_link(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_signin_link *out = k->out;
    char hex[65];
    struct case_row c;

    if (load_handover(k, t, &c, e) < 0)
        return -1;
    random_uuid(out->token);
    digest_sha256_hex(out->token, strlen(out->token), hex);
    out->expires_at_ms = t->now_ms + HANDOVER_LINK_MS;
    /* A new link makes the one before void. */
    if (DB_EXEC(t->d, DB_SIGNIN_VOID, NULL, e, DBI(t->now_ms), DBS(c.id)) < 0)
        return -1;
    return DB_EXEC(t->d, DB_SIGNIN_ADD, NULL, e, DBS(hex), DBS(c.id), DBS(k->who.account),
                   DBI(out->expires_at_ms));
}

struct link {
    char sha256[65], case_[W_ID], account[W_ID];
};

static int
link_find(struct api_call *k, struct tx *t, struct link *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    int rc;

    digest_sha256_hex(k->id, strlen(k->id), out->sha256);
    if (DB_QUERY(t->d, DB_SIGNIN_GET, &r, e, DBS(out->sha256)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || db_int(r, 3) != 0 || db_int(r, 2) <= t->now_ms) {
        handover_spent_page(&b);
        k->fail_page = arena_strdup(k->a, strbuf_peek(&b));
        return err_set(e, BY_E_NOT_FOUND,
                       "this link was used, replaced or has run out: ask for a new one (bianyun "
                       "handovers link)");
    }
    (void)snprintf(out->case_, sizeof(out->case_), "%s", db_str(r, 0));
    (void)snprintf(out->account, sizeof(out->account), "%s", db_str(r, 1));
    return 0;
}

/* Looking at a link does not use it up: mail programs look. */
int
api_signin_look(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct link l;

    if (link_find(k, t, &l, e) < 0)
        return -1;
    handover_link_page(&b);
    k->raw = arena_strdup(k->a, strbuf_peek(&b));
    k->raw_type = "text/html; charset=utf-8";
    return 0;
}

int
api_signin_open(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_case_view v;
    struct case_row c;
    struct link l;

    if (link_find(k, t, &l, e) < 0 ||
        DB_EXEC(t->d, DB_SIGNIN_USE, NULL, e, DBI(t->now_ms), DBS(l.sha256)) < 0 ||
        case_row_get(t->d, l.case_, k->a, &c, e) < 0 || case_view_fill(t->d, &c, k->a, &v, e) < 0 ||
        ledger_append(t, l.account, "handover.signin", c.id, "{}", e) < 0 ||
        clock_meet(t, l.account, CLK_DEPLOY, c.grant, t->now_ms, e) < 0)
        return -1;
    handover_signin_page(&v, &b);
    k->raw = arena_strdup(k->a, strbuf_peek(&b));
    k->raw_type = "text/html; charset=utf-8";
    return 0;
}

/* The unit's own word that it has begun. */
int
api_grant_started(struct api_call *k, struct tx *t, struct err *e)
{
    struct grant_row g;

    if (grant_row_get(t->d, k->id, k->a, &g, e) < 0 || own_check(k, g.unit, "grant", e) < 0 ||
        clock_meet(t, k->who.account, CLK_DEPLOY, g.id, t->now_ms, e) < 0)
        return -1;
    k->status = 204;
    return 0;
}
