/* Approvals given elsewhere (批复导入): real CMS and SM2 signatures, over real HTTP, each fault. */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/approvers.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/approval_sig.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/paper.h"
#include "policies/calendar.h"
#include "policies/case_fsm.h"
#include "tests/unit/flow.h"
#include "tests/unit/signers.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
#define REFUSED(call, http, words)                                                                 \
    do {                                                                                           \
        CU_ASSERT_EQUAL(call, -1);                                                                 \
        CU_ASSERT_EQUAL(f.status, http);                                                           \
        CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, words));                                          \
        if (strstr(f.err.msg, words) == NULL)                                                      \
            fprintf(stderr, "line %d: %s\n", __LINE__, f.err.msg);                                 \
    } while (0)

/* ---- over HTTP ---------------------------------------------------------------------------------
 */

struct world {
    struct flow f;
    struct httpc *security;
    struct signer s;
    struct w_approver approver;
};

static int
approver_add(struct flow *f, struct httpc *h, const char *name, const char *pem,
             struct w_approver *out)
{
    return FLOW_CALL(
        f, h, "POST", "/v1/approvers",
        flow_text(f, "{\"request\":\"%s\",\"name\":\"%s\",\"unit\":\"发改委\",\"credential\":%s}",
                  flow_uuid(f), name, flow_quote(f, pem)),
        approver, out);
}

static int
withdraw(struct flow *f, struct httpc *h, const char *id, const char *reason,
         struct w_approver *out)
{
    return FLOW_CALL(f, h, "POST", flow_text(f, "/v1/approvers/%s:withdraw", id),
                     flow_text(f, "{\"request\":\"%s\",\"reason\":\"%s\"}", flow_uuid(f), reason),
                     approver, out);
}

static void
start(struct world *w, struct signer (*make)(struct arena *a))
{
    struct caller who;
    char token[64];

    memset(w, 0, sizeof(*w));
    flow_start(&w->f);
    ctl_person(&w->f.ctl, "security", NULL, ROLE_SECADMIN, &who, token);
    w->security = ctl_client(&w->f.ctl, token);
    w->s = make(&w->f.a);
    OK(approver_add(&w->f, w->security, "发改委审批处", w->s.pem, &w->approver));
}

static void
stop(struct world *w)
{
    signer_clear(&w->s);
    httpc_free(w->security);
    flow_stop(&w->f);
}

static struct signer
p256_certificate(struct arena *a)
{
    return signer_certificate(false, a);
}

static struct signer
sm2_key(struct arena *a)
{
    return signer_key(ALG_SM2, a);
}

static const char *
day_text(struct flow *f, int32_t day)
{
    char *out = arena_alloc(&f->a, 11);

    cal_text(day, out);
    return out;
}

static int32_t
today(struct flow *f)
{
    return cal_day_of_ms(f->ctl.c.wall_ms(), CAL_TZ_CHINA);
}

/* What flow_grant() grants, as an approval of today. */
static struct w_approval_import
approval(struct flow *f, const char *number)
{
    struct w_approval_import d = {.version = 1, .lines = flow_grant(f, "x")->lines};

    (void)snprintf(d.number, sizeof(d.number), "%s", number);
    (void)snprintf(d.date, sizeof(d.date), "%s", day_text(f, today(f)));
    memcpy(d.system, f->system, W_ID);
    memcpy(d.unit, f->unit[FLOW_TENANT], W_ID);
    digest_sha256_hex("approval", 8, d.approval_sha256);
    digest_sha256_hex("agreement", 9, d.agreement_sha256);
    digest_sha256_hex("declaration", 11, d.declaration_sha256);
    return d;
}

static const char *
text_of(struct flow *f, const struct w_approval_import *d)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_approval_import, d, &b);
    return arena_strdup(&f->a, strbuf_peek(&b));
}

static const char *
import_body(struct flow *f, const struct signer *s, const char *doc, struct signed_bytes sig,
            const char *request)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_import_request in = {
        .document = doc, .signature = base64_encode(sig.p, sig.n, &f->a), .credential = s->pem};

    (void)snprintf(in.request, sizeof(in.request), "%s", request);
    jm_encode(schema_import_request, &in, &b);
    return arena_strdup(&f->a, strbuf_peek(&b));
}

static int
import_text(struct flow *f, const struct signer *s, const char *doc, struct w_import_result *out)
{
    return FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/grants:import",
                     import_body(f, s, doc, signer_sign(s, doc, &f->a), flow_uuid(f)),
                     import_result, out);
}

static int
import(struct world *w, const struct w_approval_import *d, struct w_import_result *out)
{
    return import_text(&w->f, &w->s, text_of(&w->f, d), out);
}

static void
case_of(struct flow *f, const struct w_import_result *r, struct w_case_view *v)
{
    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", flow_text(f, "/v1/cases/%s", r->case_id), NULL,
                 case_view, v));
}

/* The bureau's own grant from what was imported, changed by the test or not. */
static struct w_grant
grant_of(struct flow *f, const struct w_case_view *v)
{
    struct w_approval_import *d = arena_alloc(&f->a, sizeof(*d));
    struct w_grant g;

    OK(W_DECODE(approval_import, v->imported.document, strlen(v->imported.document), JM_SIGNED,
                &f->a, d, &f->err));
    approval_grant(d, v->imported.approved_at_ms, INT64_C(1296000000), &g);
    memcpy(g.id, flow_uuid(f), 37);
    memcpy(g.approver, f->account[FLOW_BUREAU], W_ID);
    return g;
}

static int
confirm(struct flow *f, const struct w_case_view *v, const struct w_grant *g,
        struct w_accepted *out)
{
    SCOPED(strbuf) struct strbuf b = {0}, in = {0};
    struct w_case_approve x = {.rev = v->rev, .reason = "as approved"};

    jm_encode(schema_grant, g, &b);
    OK(paper_sign(f->grant_key, PAPER_GRANT, strbuf_peek(&b), &f->a, &x.grant, &f->err));
    memcpy(x.request, flow_uuid(f), 37);
    jm_encode(schema_case_approve, &x, &in);
    return FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", flow_text(f, "/v1/cases/%s:confirm", v->id),
                     strbuf_peek(&in), accepted, out);
}

static int
refuse(struct flow *f, const struct w_case_view *v)
{
    return flow_call(
        f, f->people[FLOW_BUREAU], "POST", flow_text(f, "/v1/cases/%s:move", v->id),
        flow_text(f, "{\"request\":\"%s\",\"rev\":%llu,\"event\":\"refuse\",\"reason\":\"no\"}",
                  flow_uuid(f), (unsigned long long)v->rev),
        NULL, 0, NULL);
}

static void
an_imported_approval_becomes_the_bureaus_grant(void)
{
    struct signer (*const kinds[])(struct arena *) = {p256_certificate, sm2_key};

    for (size_t i = 0; i < 2; i++) {
        struct world w;
        struct w_import_result r, again;
        struct w_grant_view view;
        struct w_inbox_list inbox;
        struct w_case_view v;
        struct w_explanation why;
        struct w_accepted acc;
        struct err e = {0};
        uint64_t n;

        start(&w, kinds[i]);
        struct flow *f = &w.f;
        struct w_approval_import d = approval(f, "汴发改〔2026〕7号");
        const char *doc = text_of(f, &d), *request = flow_uuid(f);
        const char *body = import_body(f, &w.s, doc, signer_sign(&w.s, doc, &f->a), request);
        OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/grants:import", body, import_result,
                     &r));
        CU_ASSERT_TRUE(r.fits);
        CU_ASSERT_EQUAL(r.state, CASE_IS_CONFIRM);
        OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/grants:import", body, import_result,
                     &again)); /* its answer was lost */
        CU_ASSERT_STRING_EQUAL(again.case_id, r.case_id);
        OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/inbox", NULL, inbox_list, &inbox));
        CU_ASSERT_EQUAL(inbox.total, 1);
        CU_ASSERT_EQUAL(ctl_int(&f->ctl, DB_STATUS_COUNTS), 0); /* no order yet */
        case_of(f, &r, &v);
        CU_ASSERT_STRING_EQUAL(v.imported.document, doc);
        CU_ASSERT_STRING_EQUAL(v.imported.approver_name, "发改委审批处");
        struct w_grant g = grant_of(f, &v);
        OK(confirm(f, &v, &g, &acc));
        CU_ASSERT_EQUAL(acc.orders.n, 4);
        case_of(f, &r, &v);
        CU_ASSERT_EQUAL(v.state, CASE_IS_GRANTED);
        CU_ASSERT_STRING_EQUAL(v.grant, g.id);
        OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/grants/%s", g.id), NULL,
                     grant_view, &view));
        CU_ASSERT_EQUAL(view.clock.start_ms, cal_ms_of_day(today(f), CAL_TZ_CHINA));
        CU_ASSERT_STRING_EQUAL(view.clock.due_day, r.due_day);
        OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/explain/%s", g.id), NULL,
                     explanation, &why));
        bool told = false;
        for (size_t k = 0; k < why.lines.n; k++)
            told = told || strstr(JM_ITEM(why.lines, struct w_explain_line, k)->text,
                                  "signed by 发改委审批处") != NULL;
        CU_ASSERT_TRUE(told);
        OK(ctl_verify(&f->ctl, &n, &e));
        stop(&w);
    }
}

static void
the_clock_counts_from_the_date_in_the_document(void)
{
    struct world w;
    struct w_import_result r;
    int32_t day;

    start(&w, p256_certificate);
    for (day = today(&w.f) - 1; cal_weekday(day) != 6; day--)
        ;
    struct w_approval_import d = approval(&w.f, "A-1");
    (void)snprintf(d.date, sizeof(d.date), "%s", day_text(&w.f, day));
    OK(import(&w, &d, &r));
    CU_ASSERT_STRING_EQUAL(r.due_day, day_text(&w.f, cal_plus_working(cal_base(), day, 3).day));
    stop(&w);
}

static void
what_is_not_signed_by_who_may_is_refused(void)
{
    struct world w;
    struct w_import_result r;

    start(&w, p256_certificate);
#define f (w.f)
    struct signer other = signer_certificate(false, &f.a);
    struct w_approval_import d = approval(&f, "A-1");
    const char *doc = text_of(&f, &d);
    struct signed_bytes sig = signer_sign(&w.s, doc, &f.a);
    char *changed = arena_strdup(&f.a, doc);

    changed[strlen(changed) / 2] ^= 1;
    REFUSED(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/grants:import",
                      import_body(&f, &w.s, changed, sig, flow_uuid(&f)), import_result, &r),
            403, "over these bytes");
    struct signer mixed = {.pem = w.s.pem};
    REFUSED(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/grants:import",
                      import_body(&f, &mixed, doc, signer_sign(&other, doc, &f.a), flow_uuid(&f)),
                      import_result, &r),
            403, "over these bytes");
    REFUSED(import_text(&f, &other, doc, &r), 403, "no approver is registered");
    OK(withdraw(&f, w.security, w.approver.id, "retired", &w.approver));
    REFUSED(import_text(&f, &w.s, doc, &r), 403, "was withdrawn as an approver");
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "retired"));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_IMPORT_HELD_COUNT), 0);
#undef f
    signer_clear(&other);
    stop(&w);
}

static void
a_withdrawn_approver_signs_no_more_and_never_again(void)
{
    struct w_approver p = {.name = "x", .not_after_ms = 1000 * CAL_DAY_MS, .reason = "gone"};
    struct err e = {0};

    OK(approver_may(&p, 10 * CAL_DAY_MS, 20 * CAL_DAY_MS, CAL_TZ_CHINA, &e));
    p.withdrawn_at_ms = 15 * CAL_DAY_MS + 1;
    CU_ASSERT_EQUAL(approver_may(&p, 15 * CAL_DAY_MS, 20 * CAL_DAY_MS, CAL_TZ_CHINA, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "also when it is dated before"));
    CU_ASSERT_EQUAL(approver_may(&p, 16 * CAL_DAY_MS, 20 * CAL_DAY_MS, CAL_TZ_CHINA, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "had no right to"));
    p = (struct w_approver){
        .name = "x", .not_before_ms = 5 * CAL_DAY_MS, .not_after_ms = 9 * CAL_DAY_MS};
    CU_ASSERT_EQUAL(approver_may(&p, 6 * CAL_DAY_MS, 9 * CAL_DAY_MS, CAL_TZ_CHINA, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "valid until"));
    CU_ASSERT_EQUAL(approver_may(&p, 3 * CAL_DAY_MS, 8 * CAL_DAY_MS, CAL_TZ_CHINA, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "before the certificate"));

    struct world w;
    struct w_approver v;

    start(&w, sm2_key);
#define f (w.f)
    REFUSED(approver_add(&f, f.people[FLOW_BUREAU], "y", w.s.pem, &v), 403, "role");
    REFUSED(approver_add(&f, w.security, "y", w.s.pem, &v), 409, "registered with this");
    struct signer other = signer_key(ALG_P256, &f.a);
    REFUSED(approver_add(&f, w.security, "发改委审批处", other.pem, &v), 409, "another name");
    REFUSED(withdraw(&f, w.security, w.approver.id, "", &v), 400, "say why");
    OK(withdraw(&f, w.security, w.approver.id, "left", &v));
    REFUSED(withdraw(&f, w.security, w.approver.id, "left", &v), 409, "already");
    REFUSED(approver_add(&f, w.security, "y", w.s.pem, &v), 409, "not registered again");
    OK(approver_add(&f, w.security, "发改委审批处", other.pem, &v));
#undef f
    signer_clear(&other);
    stop(&w);
}

static void
one_number_is_one_grant(void)
{
    struct world w;
    struct w_import_result r;
    struct w_case_view v;
    struct w_accepted acc;

    start(&w, p256_certificate);
#define f (w.f)
    struct w_approval_import d = approval(&f, "A-1");
    OK(import(&w, &d, &r));
    REFUSED(import(&w, &d, &r), 409, "waits in case");
    REFUSED(flow_grant_add(&f, flow_grant(&f, "A-1"), flow_uuid(&f), &acc), 409, "waits in case");
    case_of(&f, &r, &v);
    OK(refuse(&f, &v));
    OK(import(&w, &d, &r)); /* the number was free again */
    case_of(&f, &r, &v);
    OK(refuse(&f, &v));
    OK(flow_grant_add(&f, flow_grant(&f, "A-1"), flow_uuid(&f), &acc));
    REFUSED(import(&w, &d, &r), 409, "belongs to grant");
#undef f
    stop(&w);
}

struct racer {
    pthread_t t;
    struct httpc *h;
    const char *body;
    int status;
};

static void *
race(void *arg)
{
    struct racer *r = arg;
    struct httpc_answer ans = {0};
    struct err e = {0};

    (void)httpc_call(r->h, "POST", "/v1/grants:import", r->body, strlen(r->body), 60000, &ans, &e);
    r->status = ans.status;
    httpc_answer_clear(&ans);
    return NULL;
}

static void
of_two_imports_that_race_one_wins(void)
{
    struct world w;
    struct racer r[2] = {{0}};

    start(&w, sm2_key);
    struct w_approval_import d = approval(&w.f, "A-1");
    const char *doc = text_of(&w.f, &d);

    for (int i = 0; i < 2; i++) {
        r[i].h = ctl_client(&w.f.ctl, w.f.token[i == 0 ? FLOW_PROVIDER : FLOW_BUREAU]);
        r[i].body = import_body(&w.f, &w.s, doc, signer_sign(&w.s, doc, &w.f.a), flow_uuid(&w.f));
    }
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&r[i].t, NULL, race, &r[i]), 0);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(r[i].t, NULL);
    CU_ASSERT_EQUAL(r[0].status + r[1].status, 200 + 409);
    CU_ASSERT_EQUAL(ctl_int(&w.f.ctl, DB_IMPORT_HELD_COUNT), 1);
    for (int i = 0; i < 2; i++)
        httpc_free(r[i].h);
    stop(&w);
}

static void
what_is_not_in_order_is_refused(void)
{
    struct world w;
    struct w_import_result r;

    start(&w, sm2_key);
#define f (w.f)
    struct w_approval_import d = approval(&f, "A-1");
    const char *doc = text_of(&f, &d);
    REFUSED(import_text(&f, &w.s, flow_text(&f, "{\"more\":1,%s", doc + 1), &r), 400, "more");
    REFUSED(import_text(&f, &w.s, flow_text(&f, "%s{}", doc), &r), 400, "");
    REFUSED(import_text(&f, &w.s, "[]", &r), 400, "");
    (void)snprintf(d.date, sizeof(d.date), "%s", day_text(&f, today(&f) + 1));
    REFUSED(import(&w, &d, &r), 400, "to come");
    (void)snprintf(d.date, sizeof(d.date), "2026-02-30");
    REFUSED(import(&w, &d, &r), 400, "no day");
    d = approval(&f, "A-1");
    memcpy(d.unit, f.unit[FLOW_OTHER], W_ID);
    REFUSED(import(&w, &d, &r), 400, "another unit");
    d = approval(&f, "A-1");
    memcpy(d.system, flow_uuid(&f), 37);
    REFUSED(import(&w, &d, &r), 400, "no information system");
    d = approval(&f, "A-1");
    JM_ITEM(d.lines, struct w_grant_line, 1)->line = JM_ITEM(d.lines, struct w_grant_line, 0)->line;
    REFUSED(import(&w, &d, &r), 400, "line");
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_IMPORT_HELD_COUNT), 0);
#undef f
    stop(&w);
}

static void
sixty_megabytes_are_not_even_read(void)
{
    struct world w;
    size_t n = 60 << 20;
    char *big = malloc(n);
    struct httpc_answer ans = {0};
    struct err e = {0};

    if (big == NULL)
        abort();
    memset(big, 'x', n);
    start(&w, sm2_key);
    (void)httpc_call(w.f.people[FLOW_PROVIDER], "POST", "/v1/grants:import", big, n, 60000, &ans,
                     &e);
    CU_ASSERT(ans.status == 413 || ans.status == 0); /* told, or the connection was closed on it */
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(approval_sig_check(w.s.pem, big, n, "x", 1, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TOO_LARGE);
    free(big);
    stop(&w);
}

static void
too_large(struct w_approval_import *d)
{
    for (size_t i = 0; i < d->lines.n; i++)
        if (JM_ITEM(d->lines, struct w_grant_line, i)->kind == RES_VM)
            JM_ITEM(d->lines, struct w_grant_line, i)->vcpus = 200;
}

static void
what_does_not_fit_stays_a_case_and_says_so(void)
{
    struct world w;
    struct w_case_check check;
    struct w_import_result r;
    struct w_case_view v;
    struct w_accepted acc;

    start(&w, sm2_key);
#define f (w.f)
    struct w_approval_import d = approval(&f, "A-1");
    too_large(&d);
    OK(import(&w, &d, &r));
    CU_ASSERT_FALSE(r.fits);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r.reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.reason, "no host has room"));
    CU_ASSERT_EQUAL(r.state, CASE_IS_CONFIRM);
    case_of(&f, &r, &v);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", flow_text(&f, "/v1/cases/%s:check", v.id), NULL,
                 case_check, &check));
    CU_ASSERT_FALSE(check.fits);
    CU_ASSERT_PTR_NOT_NULL_FATAL(check.reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(check.reason, "no host has room"));
    struct w_grant g = grant_of(&f, &v);
    REFUSED(confirm(&f, &v, &g, &acc), 409, "no host has room");
    case_of(&f, &r, &v);
    CU_ASSERT_EQUAL(v.state, CASE_IS_CONFIRM);
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_IMPORT_HELD_COUNT), 1);
#undef f
    stop(&w);
}

static void
only_exactly_what_was_approved_is_confirmed(void)
{
    struct world w;
    struct w_import_result r;
    struct w_case_view v;
    struct w_accepted acc;

    start(&w, p256_certificate);
#define f (w.f)
    struct w_approval_import d = approval(&f, "A-1");
    OK(import(&w, &d, &r));
    case_of(&f, &r, &v);
    for (int i = 0; i < 6; i++) {
        static const char *const words[] = {"number",      "lines",           "approved_at_ms",
                                            "valid_to_ms", "approval_sha256", "lines"};
        struct w_grant g = grant_of(&f, &v);

        if (i == 0)
            (void)snprintf(g.number, sizeof(g.number), "A-2");
        if (i == 1)
            JM_ITEM(g.lines, struct w_grant_line, 0)->count++;
        if (i == 2)
            g.approved_at_ms++;
        if (i == 3)
            g.valid_to_ms++;
        if (i == 4)
            g.approval_sha256[0] ^= 1;
        if (i == 5)
            g.lines.n--;
        REFUSED(confirm(&f, &v, &g, &acc), 400, words[i]);
    }
    struct w_grant g = grant_of(&f, &v);
    memcpy(g.approver, f.account[FLOW_PROVIDER], W_ID);
    REFUSED(confirm(&f, &v, &g, &acc), 403, "approver");
    g = grant_of(&f, &v);
    v.rev++;
    REFUSED(confirm(&f, &v, &g, &acc), 409, "changed meanwhile");
    v.rev--;
    OK(confirm(&f, &v, &g, &acc));
#undef f
    stop(&w);
}

static int
set_policy(struct flow *f, const char *version, bool at_once)
{
    struct w_policy p;
    SCOPED(strbuf) struct strbuf b = {0};

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", "/v1/policies", NULL, policy, &p));
    (void)snprintf(p.version, sizeof(p.version), "%s", version);
    p.import_at_once = at_once;
    jm_encode(schema_policy, &p, &b);
    return flow_call(f, f->people[FLOW_BUREAU], "POST", "/v1/policies",
                     flow_text(f, "{\"document\":%s}", flow_quote(f, strbuf_peek(&b))), NULL, 0,
                     NULL);
}

static void
a_policy_grants_at_once_only_with_a_key_of_the_controller(void)
{
    struct world w;
    struct w_import_result r;
    struct w_status_view s;
    struct w_case_view v;
    struct w_grant_view g;

    start(&w, p256_certificate);
#define f (w.f)
    REFUSED(set_policy(&f, "once", true), 409, "holds no grant key");
    const char *file = flow_text(&f, "%s/held.key", f.ctl.dir);
    OK(sigkey_save(f.grant_key, file, &f.err));
    OK(sigkey_load(file, &f.ctl.c.grant_key, &f.err));
    OK(set_policy(&f, "once", true));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/status", NULL, status_view, &s));
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.grant_key);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.grant_key, "weaker"));
    struct w_approval_import d = approval(&f, "A-1");
    OK(import(&w, &d, &r));
    CU_ASSERT_EQUAL(r.state, CASE_IS_GRANTED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r.note);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.note, "at once"));
    case_of(&f, &r, &v);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(v.steps, struct w_case_step, 0)->account, "controller");
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/grants/%s", r.grant), NULL,
                 grant_view, &g));
    CU_ASSERT_EQUAL(g.orders, 4);
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4); /* hosts take its signature */
    REFUSED(import(&w, &d, &r), 409, "belongs to grant");
    d = approval(&f, "A-2");
    too_large(&d);
    OK(import(&w, &d, &r)); /* what does not fit waits for people */
    CU_ASSERT_EQUAL(r.state, CASE_IS_CONFIRM);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r.reason);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.reason, "no host has room"));
    /* A key that the root does not name signs nothing. */
    sigkey_free(f.ctl.c.grant_key);
    OK(sigkey_generate(ALG_SM2, &f.ctl.c.grant_key, &f.err));
    d = approval(&f, "A-4");
    for (size_t i = 0; i < d.lines.n; i++)
        if (JM_ITEM(d.lines, struct w_grant_line, i)->kind == RES_NETWORK)
            memcpy(JM_ITEM(d.lines, struct w_grant_line, i)->cidr, "10.78.0.0/24", 13);
    OK(import(&w, &d, &r));
    CU_ASSERT_EQUAL(r.state, CASE_IS_CONFIRM);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r.note);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.note, "root does not name"));
    REFUSED(set_policy(&f, "once more", true), 409, "root does not name");
    OK(set_policy(&f, "never", false));
#undef f
    stop(&w);
}

static void
a_grant_key_that_others_may_read_stops_the_start(void)
{
    struct ctl t;
    struct controller c = {0};
    struct controller_config conf;
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    struct err e = {0};

    ctl_start(&t, ALG_SM2);
    OK(config_default(&conf, &e));
    (void)snprintf(conf.grant_key, sizeof(conf.grant_key), "%s/held.key", t.dir);
    OK(sigkey_generate(ALG_SM2, &k, &e));
    OK(sigkey_save(k, conf.grant_key, &e));
    OK(chmod(conf.grant_key, 0644));
    CU_ASSERT_EQUAL(controller_open(&c, t.dir, &conf, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "can be read by others"));
    controller_free(&c);
    ctl_stop(&t);
}

static void
a_dry_run_keeps_nothing(void)
{
    struct world w;
    struct w_import_result r;

    start(&w, sm2_key);
    struct w_approval_import d = approval(&w.f, "A-1");
    const char *doc = text_of(&w.f, &d);
    const char *body =
        import_body(&w.f, &w.s, doc, signer_sign(&w.s, doc, &w.f.a), flow_uuid(&w.f));
    OK(FLOW_CALL(&w.f, w.f.people[FLOW_PROVIDER], "POST", "/v1/grants:import",
                 flow_text(&w.f, "{\"dry_run\":true,%s", body + 1), import_result, &r));
    CU_ASSERT_TRUE(r.fits);
    CU_ASSERT_STRING_EQUAL(r.case_id, "");
    CU_ASSERT_EQUAL(ctl_int(&w.f.ctl, DB_IMPORT_HELD_COUNT), 0);
    OK(import(&w, &d, &r));
    stop(&w);
}

CU_TestInfo imports_tests[] = {
    {"an imported approval becomes the bureau's grant",
     an_imported_approval_becomes_the_bureaus_grant},
    {"the clock counts from the date in the document",
     the_clock_counts_from_the_date_in_the_document},
    {"what is not signed by who may is refused", what_is_not_signed_by_who_may_is_refused},
    {"a withdrawn approver signs no more and never again",
     a_withdrawn_approver_signs_no_more_and_never_again},
    {"one number is one grant", one_number_is_one_grant},
    {"of two imports that race one wins", of_two_imports_that_race_one_wins},
    {"what is not in order is refused", what_is_not_in_order_is_refused},
    {"sixty megabytes are not even read", sixty_megabytes_are_not_even_read},
    {"what does not fit stays a case and says so", what_does_not_fit_stays_a_case_and_says_so},
    {"only exactly what was approved is confirmed", only_exactly_what_was_approved_is_confirmed},
    {"a policy grants at once only with a key of the controller",
     a_policy_grants_at_once_only_with_a_key_of_the_controller},
    {"a grant key that others may read stops the start",
     a_grant_key_that_others_may_read_stops_the_start},
    {"a dry run keeps nothing", a_dry_run_keeps_nothing},
    CU_TEST_INFO_NULL,
};
