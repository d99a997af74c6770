/* Brought in with the approver's signature, confirmed by the bureau with its own grant, or granted
 * at once where a policy says so. */
#include "controller/api_import.h"

#include <stdio.h>
#include <string.h>

#include "controller/api_grant.h"
#include "controller/approvers.h"
#include "controller/cases.h"
#include "controller/clocks.h"
#include "controller/controller.h"
#include "controller/grant_expand.h"
#include "controller/grant_key.h"
#include "controller/ledger.h"
#include "controller/own.h"
#include "controller/policy.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_grant.h"
#include "policies/calendar.h"

/* One approval on its way in. */
struct incoming {
    const struct w_import_request *in;
    struct w_approval_import doc;
    struct approver_cred cred;
    char document_sha256[65], signature_sha256[65];
    int64_t approved_ms; /* the date's beginning in the city */
    struct w_approver approver;
    struct w_policy policy;
    struct w_grant grant; /* that it leads to */
    struct clock_row clock;
    struct case_row c;
};

/* ---- on a worker: the signature, the form ------------------------------------------------------
 */

static int
check_signature(struct api_call *k, struct incoming *x, struct err *e)
{
    const struct w_import_request *in = x->in;
    struct err why = {0};
    const void *sig;
    size_t n;

    if (approver_cred_read(in->credential, &x->cred, &why) < 0)
        return err_field(e, why.code, "credential", "%s", why.msg);
    if (base64_decode(in->signature, k->a, &sig, &n, e) < 0)
        return err_field(e, BY_E_INVALID, "signature", "the signature is not base64");
    if (approval_sig_check(in->credential, in->document, strlen(in->document), sig, n, &why) < 0)
        return err_field(e, why.code, "signature", "%s", why.msg);
    digest_sha256_hex(sig, n, x->signature_sha256);
    digest_sha256_hex(in->document, strlen(in->document), x->document_sha256);
    return 0;
}

int
prepare_grant_import(struct api_call *k, struct err *e)
{
    struct incoming *x = arena_alloc(k->a, sizeof(*x));
    int32_t day;

    x->in = k->in;
    if (check_signature(k, x, e) < 0)
        return -1;
    if (W_DECODE(approval_import, x->in->document, strlen(x->in->document), JM_SIGNED, k->a,
                 &x->doc, e) < 0)
        return err_wrap(e, "document");
    if (!cal_parse(x->doc.date, &day))
        return err_field(e, BY_E_INVALID, "date", "'%s' is no day: write YYYY-MM-DD", x->doc.date);
    x->approved_ms = cal_ms_of_day(day, (int32_t)k->c->conf.utc_offset);
    k->prepared = x;
    return 0;
}

/* ---- may it come in ----------------------------------------------------------------------------
 */

static int
check_approver(struct tx *t, struct incoming *x, struct arena *a, struct err *e)
{
    int rc = approver_find(t->d, x->cred.sha256, a, &x->approver, e);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_DENIED, "credential",
                         "no approver is registered with the certificate or key %.16s…: the "
                         "security administrator registers approvers",
                         x->cred.sha256);
    return approver_may(&x->approver, x->approved_ms, t->now_ms, controller_tz_minutes(t->c), e);
}

static int
check_number(struct tx *t, const char *number, struct err *e)
{
    char id[W_ID], held[32];
    int rc = grant_number_find(t->d, number, id, e);

    if (rc == 1)
        return err_field(e, BY_E_CONFLICT, "number",
                         "the approval number %s belongs to grant %s already", number, id);
    if (rc == 0 && (rc = import_held(t->d, number, held, e)) == 1)
        return err_field(e, BY_E_CONFLICT, "number",
                         "the approval number %s was imported already and waits in case %s", number,
                         held);
    return rc;
}

static int
check_system(struct api_call *k, struct tx *t, struct incoming *x, struct err *e)
{
    struct system_row s;

    if (system_row_get(t->d, x->doc.system, k->a, &s, e) < 0)
        return err_field(e, BY_E_INVALID, "system", "no information system %s is registered",
                         x->doc.system);
    if (strcmp(s.unit, x->doc.unit) != 0)
        return err_field(e, BY_E_INVALID, "unit",
                         "the information system %s belongs to another unit", s.name);
    if (own_check(k, s.unit, "information system", e) < 0)
        return -1;
    memcpy(x->c.unit, s.unit, sizeof(x->c.unit));
    memcpy(x->c.system, s.id, sizeof(x->c.system));
    return 0;
}

static int
check(struct api_call *k, struct tx *t, struct incoming *x, struct err *e)
{
    struct clock_spec s = {.kind = CLK_CONFIGURE,
                           .subject_kind = "grant",
                           .title = x->doc.number,
                           .unit = x->doc.unit,
                           .start_ms = x->approved_ms};

    if (check_approver(t, x, k->a, e) < 0)
        return -1;
    if (x->approved_ms > t->now_ms)
        return err_field(e, BY_E_INVALID, "date", "the document is dated %s: that day is to come",
                         x->doc.date);
    if (check_number(t, x->doc.number, e) < 0 || check_system(k, t, x, e) < 0 ||
        policy_in_force(t->d, k->a, &x->policy, e) < 0)
        return -1;
    approval_grant(&x->doc, x->approved_ms, x->policy.least_hold_ms, &x->grant);
    random_uuid(x->grant.id);
    memcpy(x->grant.approver, k->who.account, sizeof(x->grant.approver));
    s.subject = x->grant.id;
    if (x->grant.lines.n > 0 && grant_lines_check(&x->grant, e) < 0)
        return -1;
    return clock_compute(t, &s, &x->clock, e);
}

/* ---- bringing it in ----------------------------------------------------------------------------
 */

static const char *
body_of(const struct incoming *x, struct arena *a)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_imported v = {.approved_at_ms = x->approved_ms,
                           .document = x->in->document,
                           .signature = x->in->signature};

    memcpy(v.approver, x->approver.id, sizeof(v.approver));
    memcpy(v.approver_name, x->approver.name, sizeof(v.approver_name));
    memcpy(v.credential_sha256, x->approver.sha256, sizeof(v.credential_sha256));
    jm_encode(schema_imported, &v, &b);
    return arena_strdup(a, strbuf_peek(&b));
}

static int
record(struct api_call *k, struct tx *t, const struct incoming *x, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_import_record r = {0};

    memcpy(r.number, x->doc.number, sizeof(r.number));
    memcpy(r.date, x->doc.date, sizeof(r.date));
    memcpy(r.system, x->doc.system, sizeof(r.system));
    memcpy(r.approver, x->approver.id, sizeof(r.approver));
    memcpy(r.credential_sha256, x->approver.sha256, sizeof(r.credential_sha256));
    (void)snprintf(r.document_sha256, sizeof(r.document_sha256), "%s", x->document_sha256);
    (void)snprintf(r.signature_sha256, sizeof(r.signature_sha256), "%s", x->signature_sha256);
    jm_encode(schema_import_record, &r, &b);
    return ledger_append(t, k->who.account, "import.received", x->c.id, strbuf_peek(&b), e);
}

/* By policy, without a person: only if it fits and the controller has a key for it. */
static bool
at_once(struct tx *t, struct incoming *x, struct w_import_result *out, struct arena *a)
{
    struct err why = {0};

    if (!x->policy.import_at_once || !out->fits)
        return false;
    if (grant_key_ready(t, x->grant.approver, &why) == 0)
        return true;
    out->note = arena_printf(a, "not granted at once: %s", why.msg);
    return false;
}

static int
bring_in(struct api_call *k, struct tx *t, struct incoming *x, struct w_import_result *out,
         struct err *e)
{
    bool now = at_once(t, x, out, k->a);
    struct w_accepted acc = {0};

    x->c.kind = CASE_IMPORT;
    x->c.due_ms = x->clock.due_ms;
    x->c.body = body_of(x, k->a);
    (void)snprintf(x->c.title, sizeof(x->c.title), "%s", x->doc.number);
    if (now)
        memcpy(x->c.grant, x->grant.id, sizeof(x->c.grant));
    if (case_open(t, now ? case_actor_self : case_actor_of(k), now ? CASE_EV_APPROVE : CASE_EV_OPEN,
                  now ? arena_printf(k->a, "granted at once by policy %s", x->policy.version)
                      : NULL,
                  &x->c, e) < 0 ||
        record(k, t, x, e) < 0)
        return -1;
    memcpy(out->case_id, x->c.id, sizeof(out->case_id));
    memcpy(out->case_number, x->c.number, sizeof(out->case_number));
    out->state = x->c.state;
    if (!now)
        return DB_EXEC(t->d, DB_IMPORT_HELD_ADD, NULL, e, DBS(x->doc.number), DBS(x->c.id));
    if (grant_accept_own(k, t, &x->grant, &acc, e) < 0)
        return -1;
    memcpy(out->grant, x->grant.id, sizeof(out->grant));
    out->note = arena_printf(k->a, "granted at once by policy %s with the controller's own key; %s",
                             x->policy.version, acc.note);
    return 0;
}

int
api_grant_import(struct api_call *k, struct tx *t, struct err *e)
{
    struct incoming *x = k->prepared;
    struct w_import_result *out = k->out;
    struct w_grant_check fit = {0};

    if (check(k, t, x, e) < 0 || grant_try(k, t, &x->grant, NULL, NULL, &fit, e) < 0)
        return -1;
    memcpy(out->number, x->doc.number, sizeof(out->number));
    memcpy(out->due_day, x->clock.due_day, sizeof(x->clock.due_day));
    out->fits = fit.fits;
    out->reason = fit.reason;
    return x->in->dry_run ? 0 : bring_in(k, t, x, out, e);
}

/* ---- confirming it -----------------------------------------------------------------------------
 */

static int
body_read(const struct case_row *c, struct arena *a, struct w_imported *v,
          struct w_approval_import *doc, struct err *e)
{
    if (W_DECODE(imported, c->body, strlen(c->body), JM_SIGNED, a, v, e) < 0 ||
        W_DECODE(approval_import, v->document, strlen(v->document), JM_SIGNED, a, doc, e) < 0)
        return err_wrap(e, "case %s", c->number);
    return 0;
}

int
import_check(struct api_call *k, struct tx *t, const struct case_row *c, struct w_case_check *out,
             struct err *e)
{
    struct w_approval_import doc;
    struct w_grant_check fit = {0};
    struct w_policy policy;
    struct w_imported v;
    struct w_grant g;

    if (body_read(c, k->a, &v, &doc, e) < 0 || policy_in_force(t->d, k->a, &policy, e) < 0)
        return -1;
    approval_grant(&doc, v.approved_at_ms, policy.least_hold_ms, &g);
    random_uuid(g.id);
    if (grant_try(k, t, &g, c->number, NULL, &fit, e) < 0)
        return -1;
    out->ready = c->state == CASE_IS_CONFIRM;
    out->fits = fit.fits;
    out->reason = fit.reason;
    return 0;
}

int
prepare_case_confirm(struct api_call *k, struct err *e)
{
    return grant_open(k, ((const struct w_case_approve *)k->in)->grant, e);
}

int
api_case_confirm(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_case_approve *in = k->in;
    const struct w_grant *g = grant_opened(k);
    struct w_approval_import doc;
    struct w_imported v;
    struct case_row c;

    if (case_load(k, t, in->rev, &c, e) < 0)
        return -1;
    if (c.kind != CASE_IMPORT)
        return err_set(e, BY_E_CONFLICT, "case %s is no import", c.number);
    if (body_read(&c, k->a, &v, &doc, e) < 0)
        return -1;
    if (approval_equals(&doc, v.approved_at_ms, g, e) < 0)
        return -1;
    memcpy(c.grant, g->id, sizeof(c.grant));
    if (case_step(t, case_actor_of(k), &c, CASE_EV_CONFIRM, in->reason, e) < 0 ||
        import_release(t, c.id, e) < 0)
        return -1;
    return grant_accept(k, t, k->out, e);
}
