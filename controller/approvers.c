#include "controller/approvers.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/paging.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "policies/calendar.h"

#define FAR_MS INT64_C(4102444800000) /* 2100: of a key that names no end */

/* Columns as in APPROVER_COLS of stmt_import.def. */
static void
row_read(const struct db_rows *r, struct arena *a, struct w_approver *o)
{
    int c = 0;

    memset(o, 0, sizeof(*o));
    (void)snprintf(o->id, sizeof(o->id), "%s", db_str(r, c++));
    (void)snprintf(o->name, sizeof(o->name), "%s", db_str(r, c++));
    (void)snprintf(o->unit, sizeof(o->unit), "%s", db_str(r, c++));
    (void)snprintf(o->alg, sizeof(o->alg), "%s", db_str(r, c++));
    (void)snprintf(o->sha256, sizeof(o->sha256), "%s", db_str(r, c++));
    o->credential = arena_strdup(a, db_str(r, c++));
    o->not_before_ms = db_int(r, c++);
    o->not_after_ms = db_int(r, c++);
    (void)snprintf(o->registered_by, sizeof(o->registered_by), "%s", db_str(r, c++));
    o->registered_at_ms = db_int(r, c++);
    o->withdrawn_at_ms = db_int(r, c++);
    o->reason = o->withdrawn_at_ms == 0 ? NULL : arena_strdup(a, db_str(r, c));
}

static int
row_one(struct db *d, enum db_stmt s, const char *key, struct arena *a, struct w_approver *out,
        struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc = DB_FIRST(d, s, &r, e, DBS(key));

    if (rc == 1)
        row_read(r, a, out);
    return rc;
}

/* ---- may it ------------------------------------------------------------------------------------
 */

int
approver_find(struct db *d, const char *sha256, struct arena *a, struct w_approver *out,
              struct err *e)
{
    return row_one(d, DB_APPROVER_BY_SHA, sha256, a, out, e);
}

int
approver_may(const struct w_approver *p, int64_t date_ms, int64_t now_ms, int32_t tz_minutes,
             struct err *e)
{
    char day[11];

    cal_text(cal_day_of_ms(p->withdrawn_at_ms, tz_minutes), day);
    if (p->withdrawn_at_ms != 0 && date_ms > p->withdrawn_at_ms)
        return err_set(e, BY_E_DENIED,
                       "the document is dated after %s was withdrawn as an approver (%s, %s): "
                       "whoever signed it had no right to; tell the security administrator",
                       p->name, day, p->reason);
    if (p->withdrawn_at_ms != 0)
        return err_set(e, BY_E_DENIED,
                       "%s was withdrawn as an approver on %s (%s): nothing that it signed is "
                       "imported any more, also when it is dated before; ask for it to be signed "
                       "anew",
                       p->name, day, p->reason);
    if (now_ms >= p->not_after_ms || date_ms >= p->not_after_ms) {
        cal_text(cal_day_of_ms(p->not_after_ms, tz_minutes), day);
        return err_set(e, BY_E_DENIED,
                       "the certificate or key of %s was valid until %s: register its next one",
                       p->name, day);
    }
    if (date_ms + CAL_DAY_MS <= p->not_before_ms)
        return err_set(e, BY_E_DENIED,
                       "the document is dated before the certificate of %s became valid", p->name);
    return 0;
}

/* ---- numbers that are held ---------------------------------------------------------------------
 */

int
import_held(struct db *d, const char *number, char case_number[32], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_IMPORT_HELD_BY, &r, e, DBS(number)) < 0)
        return -1;
    rc = db_next(r, e);
    if (rc == 1)
        (void)snprintf(case_number, 32, "%s", db_str(r, 0));
    return rc;
}

int
import_release(struct tx *t, const char *case_id, struct err *e)
{
    return DB_EXEC(t->d, DB_IMPORT_HELD_DROP, NULL, e, DBS(case_id));
}

/* ---- routes ------------------------------------------------------------------------------------
 */

int
api_approver_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_approver_list *out = k->out;
    struct paging p;
    struct w_approver one;
    int rc;

    if (PAGING_OPEN(&p, k, out, approver, 0, e) < 0 ||
        DB_QUERY(t->d, DB_APPROVER_LIST, &r, e, DBS(p.from.text), DBI(p.from.n), DBS(p.from.id),
                 DBI(p.from.limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_approver *to;

        row_read(r, k->a, &one);
        to = paging_add(&p, one.registered_at_ms, one.id, one.name);
        if (to != NULL)
            *to = one;
    }
    return rc;
}

int
prepare_approver_add(struct api_call *k, struct err *e)
{
    const struct w_approver_request *in = k->in;
    struct approver_cred *c = arena_alloc(k->a, sizeof(*c));
    struct err why = {0};

    if (approver_cred_read(in->credential, c, &why) < 0)
        return err_field(e, why.code, "credential", "%s", why.msg);
    k->prepared = c;
    return 0;
}

static int
add_check(struct api_call *k, struct tx *t, const struct w_approver *v, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_approver other;
    int rc = row_one(t->d, DB_APPROVER_BY_SHA, v->sha256, k->a, &other, e);

    if (rc < 0)
        return -1;
    if (rc == 1)
        return err_field(e, BY_E_CONFLICT, "credential",
                         other.withdrawn_at_ms != 0
                             ? "%s had this certificate or key until it was withdrawn: one that "
                               "was withdrawn is not registered again"
                             : "%s is registered with this certificate or key already",
                         other.name);
    if ((rc = row_one(t->d, DB_APPROVER_NAMED, v->name, k->a, &other, e)) < 0)
        return -1;
    if (rc == 1)
        return err_field(e, BY_E_CONFLICT, "name",
                         "an approver %s is registered: withdraw that one first, or give this one "
                         "another name",
                         v->name);
    if (v->not_after_ms <= t->now_ms || v->not_after_ms <= v->not_before_ms)
        return err_field(e, BY_E_INVALID, "not_after_ms", "it has run out already");
    if (db_query(t->d, DB_APPROVER_COUNT, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    return db_int(r, 0) < APPROVERS_MAX
               ? 0
               : err_set(e, BY_E_CONFLICT, "%d approvers are registered: no more are taken",
                         APPROVERS_MAX);
}

static int
record(struct api_call *k, struct tx *t, const char *act, const struct w_approver *v, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_approver, v, &b);
    return ledger_append(t, k->who.account, act, v->id, strbuf_peek(&b), e);
}

int
api_approver_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_approver_request *in = k->in;
    const struct approver_cred *c = k->prepared;
    struct w_approver *v = k->out;
    int64_t end = c->not_after_ms == 0 ? FAR_MS : c->not_after_ms;

    *v = (struct w_approver){.credential = in->credential,
                             .not_before_ms = c->not_before_ms,
                             .not_after_ms = in->not_after_ms == 0 ? end : in->not_after_ms,
                             .registered_at_ms = t->now_ms};
    random_uuid(v->id);
    (void)snprintf(v->name, sizeof(v->name), "%s", in->name);
    (void)snprintf(v->unit, sizeof(v->unit), "%s", in->unit);
    (void)snprintf(v->alg, sizeof(v->alg), "%s", c->alg);
    (void)snprintf(v->sha256, sizeof(v->sha256), "%s", c->sha256);
    (void)snprintf(v->registered_by, sizeof(v->registered_by), "%s", k->who.account);
    if (v->not_after_ms > end)
        return err_field(e, BY_E_INVALID, "not_after_ms",
                         "the certificate itself runs out before that");
    if (add_check(k, t, v, e) < 0 ||
        DB_EXEC(t->d, DB_APPROVER_ADD, NULL, e, DBS(v->id), DBS(v->name), DBS(v->unit), DBS(v->alg),
                DBS(v->sha256), DBS(v->credential), DBI(v->not_before_ms), DBI(v->not_after_ms),
                DBS(v->registered_by), DBI(v->registered_at_ms)) < 0)
        return -1;
    return record(k, t, "approver.registered", v, e);
}

int
api_approver_withdraw(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_act_request *in = k->in;
    struct w_approver *v = k->out;
    int rc = row_one(t->d, DB_APPROVER_GET, k->id, k->a, v, e);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no approver %s", k->id);
    if (in->reason == NULL || in->reason[0] == '\0')
        return err_field(e, BY_E_INVALID, "reason", "say why %s is withdrawn", v->name);
    if (v->withdrawn_at_ms != 0)
        return err_set(e, BY_E_CONFLICT, "%s is withdrawn already", v->name);
    v->withdrawn_at_ms = t->now_ms;
    v->reason = in->reason;
    if (in->dry_run)
        return 0;
    if (DB_EXEC(t->d, DB_APPROVER_WITHDRAW, NULL, e, DBI(t->now_ms), DBS(in->reason), DBS(k->id)) <
        0)
        return -1;
    return record(k, t, "approver.withdrawn", v, e);
}
