/* Cases (办件): an application from draft to grant over real HTTP. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/attachment.h"
#include "controller/commit.h"
#include "controller/jobs.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "policies/authz.h"
#include "policies/case_fsm.h"
#include "tests/unit/casework.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

/* ---- documents
 * ------------------------------------------------------------------------------------ */

static void
a_document_is_kept_once_and_read_by_its_unit_only(void)
{
    struct flow f;
    struct w_attachment one, two, other;
    struct w_attachment_part p;
    size_t big = ATTACHMENT_PART + 100;
    char hex[65];

    flow_start(&f);
    char *bytes = arena_alloc(&f.a, big);
    memset(bytes, 'x', big);
    digest_sha256_hex(bytes, big, hex);
    OK(casework_announce(&f, FLOW_TENANT, "big.txt", hex, big, &one));
    CU_ASSERT_EQUAL(one.parts, 2);
    CU_ASSERT_EQUAL(casework_send_part(&f, FLOW_TENANT, one.id, 1, bytes, 100, &one),
                    -1); /* in order */
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_EQUAL(casework_send_part(&f, FLOW_TENANT, one.id, 0, bytes, 99, &one),
                    -1); /* its size */
    CU_ASSERT_EQUAL(f.status, 400);
    OK(casework_send_part(&f, FLOW_TENANT, one.id, 0, bytes, ATTACHMENT_PART, &one));
    OK(casework_send_part(&f, FLOW_TENANT, one.id, 0, bytes, ATTACHMENT_PART,
                          &one)); /* lost answer */
    CU_ASSERT_EQUAL(one.have, 1);
    CU_ASSERT_FALSE(one.whole);
    CU_ASSERT_EQUAL(casework_send_part(&f, FLOW_OTHER, one.id, 1, bytes, 100, &one), -1);
    CU_ASSERT_EQUAL(f.status, 404);
    OK(casework_send_part(&f, FLOW_TENANT, one.id, 1, bytes, 100, &one));
    CU_ASSERT_TRUE(one.whole);

    OK(casework_announce(&f, FLOW_OTHER, "same.txt", hex, big, &two));
    OK(casework_send_part(&f, FLOW_OTHER, two.id, 0, bytes, ATTACHMENT_PART, &two));
    OK(casework_send_part(&f, FLOW_OTHER, two.id, 1, bytes, 100, &two));
    CU_ASSERT_TRUE(two.whole);
    SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
    OK(job_run(&f.ctl.c, d, JOB_UPLOADS, &f.err));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_BLOBS), 1);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET",
                 flow_text(&f, "/v1/attachments/%s:part?part=1", one.id), NULL, attachment_part,
                 &p));
    CU_ASSERT_EQUAL(strlen(p.data), 136);
    OK(FLOW_CALL(&f, f.people[FLOW_OTHER], "GET",
                 flow_text(&f, "/v1/attachments/%s:part?part=1", two.id), NULL, attachment_part,
                 &p)); /* it lies under the first one's */
    CU_ASSERT_EQUAL(strlen(p.data), 136);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_OTHER], "GET",
                              flow_text(&f, "/v1/attachments/%s", one.id), NULL, attachment,
                              &other),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    flow_stop(&f);
}

static int
announced_today(void *arg, struct tx *t, struct err *e)
{
    const struct flow *f = arg;

    return DB_EXEC(t->d, DB_ATTACHMENT_ADD, NULL, e, DBS("0a9e2a0e-0000-4000-8000-000000000001"),
                   DBS(f->unit[FLOW_TENANT]), DBS(f->account[FLOW_TENANT]), DBS("all.pdf"), DBS(""),
                   DBI(ATTACHMENT_DAY_BYTES - 10), DBI(t->now_ms), DBS(""));
}

static void
a_unit_does_not_fill_the_store_within_a_day(void)
{
    struct flow f;
    struct w_attachment v;
    char hex[65];

    flow_start(&f);
    digest_sha256_hex("12345678901", 11, hex);
    OK(commit_run(f.ctl.c.commit, announced_today, &f, &f.err));
    CU_ASSERT_EQUAL(casework_announce(&f, FLOW_TENANT, "a.txt", hex, 11, &v), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "tomorrow"));
    OK(casework_announce(&f, FLOW_TENANT, "a.txt", hex, 10, &v));
    OK(casework_announce(&f, FLOW_OTHER, "a.txt", hex, 11, &v));
    /* Nothing is forgotten by a clock that jumped. */
    SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
    ctl_clock(ATTACHMENT_STALE_MS + 1000, 0);
    OK(job_run(&f.ctl.c, d, JOB_UPLOADS, &f.err));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_COUNT), 3);
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
a_document_that_is_not_what_was_announced_is_refused(void)
{
    struct flow f;
    struct w_attachment v;
    char hex[65];

    flow_start(&f);
    digest_sha256_hex("right", 5, hex);
    OK(casework_announce(&f, FLOW_TENANT, "a.txt", hex, 5, &v));
    CU_ASSERT_EQUAL(casework_send_part(&f, FLOW_TENANT, v.id, 0, "wrong", 5, &v), -1);
    CU_ASSERT_EQUAL(f.status, 400);
    OK(casework_announce(&f, FLOW_TENANT, "a.exe", hex, 5, &v));
    CU_ASSERT_EQUAL(casework_send_part(&f, FLOW_TENANT, v.id, 0, "MZ\0\0\0", 5, &v), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "PDF"));
    CU_ASSERT_EQUAL(casework_announce(&f, FLOW_TENANT, "bomb.zip", hex, 16777217, &v), -1);
    CU_ASSERT_EQUAL(f.status, 400);
    for (int i = 2; i < ATTACHMENT_OPEN_MAX; i++)
        OK(casework_announce(&f, FLOW_TENANT, "a.txt", hex, 5, &v));
    CU_ASSERT_EQUAL(casework_announce(&f, FLOW_TENANT, "a.txt", hex, 5, &v), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    /* What was never sent whole is forgotten after a day. */
    SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_COUNT), ATTACHMENT_OPEN_MAX);
    ctl_clock(ATTACHMENT_STALE_MS + 1000, ATTACHMENT_STALE_MS + 1000);
    OK(job_run(&f.ctl.c, d, JOB_UPLOADS, &f.err));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_COUNT), 0);
    ctl_clock(0, 0);
    flow_stop(&f);
}

/* ---- applications
 * ----------------------------------------------------------------------------------- */

static size_t
inbox(struct flow *f, enum flow_who who)
{
    struct w_inbox_list l;
    size_t n = 0;

    OK(FLOW_CALL(f, f->people[who], "GET", "/v1/inbox", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL(l.total, l.items.n);
    for (size_t i = 0; i < l.items.n; i++)
        n += JM_ITEM(l.items, struct w_inbox_item, i)->kind < CASE_KIND__MAX;
    return n;
}

/* The manual work that waits, enough of it for a move. */
static void
waiting(struct flow *f, enum flow_who who, struct w_case_view *v)
{
    struct w_inbox_list l;

    OK(FLOW_CALL(f, f->people[who], "GET", "/v1/inbox?kind=manual", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    OK(FLOW_CALL(f, f->people[who], "GET",
                 flow_text(f, "/v1/cases/%s", JM_ITEM(l.items, struct w_inbox_item, 0)->id), NULL,
                 case_view, v));
}

/* What a unit makes by itself later is asked for in the same way, and needs free shape. Then moves
 * that were made already, or say nothing. */
static void
a_unit_asks_for_free_shape(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_case_view v;
    struct w_case_check chk;

    flow_start(&f);
    for (int shape = SHAPE_NONE; shape <= SHAPE_FREE; shape += SHAPE_FREE) {
        struct w_application app = casework_complete(&f, papers);
        struct w_grant_line *l = arena_alloc(&f.a, sizeof(*l));

        *l = (struct w_grant_line){.line = 1,
                                   .kind = RES_VOLUME,
                                   .name = "later",
                                   .count = 2,
                                   .disk_gib = 1,
                                   .format = FMT_QCOW2,
                                   .deferred = true};
        app.lines = (struct jm_list){l, 1};
        app.shape = shape;
        casework_open_case(&f, &app, &v);
        OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s:check", v.id),
                     NULL, case_check, &chk));
        CU_ASSERT_EQUAL(chk.ready, shape == SHAPE_FREE);
    }
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_TENANT, &v, "submit", NULL), -1); /* pressed twice */
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "is review: 'submit' is not possible"));
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_BUREAU, &v, "reject", " \\u3000\\n"),
                    -1); /* says nothing */
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "needs a reason"));
    flow_stop(&f);
}

static size_t
removals(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    size_t n = 0;

    OK(DB_QUERY(d, DB_LEDGER_PAGE, &r, &f->err, DBI(0), DBI(1000)));
    while (db_next(r, &f->err) == 1)
        n += strcmp(db_str(r, 3), "document.removed") == 0;
    return n;
}

static void
a_document_that_no_case_names_goes_after_its_time(void)
{
    const int64_t keep = INT64_C(30) * 86400000;
    struct flow f;
    struct w_attachment papers[3], loose, twin;
    struct w_case_view v;

    flow_start(&f);
    struct w_application app = casework_complete(&f, papers);
    casework_open_case(&f, &app, &v);
    casework_upload(&f, FLOW_TENANT, "never named", &loose);
    casework_upload(&f, FLOW_OTHER, "document 0", &twin); /* its parts are the case's */
    SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
    /* Taken out of its case twenty minutes later: kept so much longer. */
    ctl_clock(1200000, 1200000);
    app.papers.n = 2;
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/cases/%s:edit", v.id),
                 casework_application_body(&f, &app, v.rev), case_view, &v));
    ctl_clock(keep - 60000, keep - 60000);
    OK(job_run(&f.ctl.c, d, JOB_UPLOADS, &f.err));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_COUNT), 5);
    ctl_clock(keep + 60000, keep + 60000);
    OK(job_run(&f.ctl.c, d, JOB_UPLOADS, &f.err));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_COUNT), 3);
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_BLOBS), 3);
    CU_ASSERT_EQUAL(removals(&f), 2);
    ctl_clock(keep + 1260000, keep + 1260000);
    OK(job_run(&f.ctl.c, d, JOB_UPLOADS, &f.err));
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_COUNT), 2);
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_ATTACHMENT_BLOBS), 2);
    CU_ASSERT_EQUAL(removals(&f), 3);
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
an_application_becomes_a_grant_and_its_manual_lines_are_accepted(void)
{
    struct flow f;
    struct w_attachment papers[3], evidence;
    struct w_case_view v, m;
    struct w_case_check chk;
    struct w_accepted acc;

    flow_start(&f);
    struct w_application app = casework_complete(&f, papers);
    casework_open_case(&f, &app, &v);
    CU_ASSERT_EQUAL(v.papers.n, 3);
    CU_ASSERT_EQUAL(inbox(&f, FLOW_TENANT), 1);
    CU_ASSERT_EQUAL(inbox(&f, FLOW_OTHER), 0);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s:check", v.id), NULL,
                 case_check, &chk));
    CU_ASSERT_TRUE(chk.ready);
    CU_ASSERT_TRUE(chk.fits);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    CU_ASSERT_EQUAL(v.state, CASE_IS_REVIEW);
    CU_ASSERT(v.due_ms > f.ctl.c.wall_ms());
    CU_ASSERT_EQUAL(inbox(&f, FLOW_TENANT), 0);
    CU_ASSERT_EQUAL(inbox(&f, FLOW_BUREAU), 1);

    struct w_grant *g = flow_grant(&f, "X-1");
    g->manual = app.manual;
    OK(casework_approve(&f, &v, g, papers, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 4);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s", v.id), NULL,
                 case_view, &v));
    CU_ASSERT_EQUAL(v.state, CASE_IS_GRANTED);
    CU_ASSERT_EQUAL(JM_ITEM(v.steps, struct w_case_step, 2)->event, CASE_EV_APPROVE);
    CU_ASSERT_STRING_EQUAL(v.grant, g->id);

    waiting(&f, FLOW_PROVIDER, &m);
    CU_ASSERT_EQUAL(m.kind, CASE_MANUAL);
    CU_ASSERT(m.due_ms > 0);
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_PROVIDER, &m, "deliver", "made"), -1); /* no evidence */
    CU_ASSERT_STRING_EQUAL(f.err.field, "papers");
    waiting(&f, FLOW_PROVIDER, &m);
    casework_upload(&f, FLOW_PROVIDER, "evidence", &evidence);
    OK(FLOW_CALL(
        &f, f.people[FLOW_PROVIDER], "POST", flow_text(&f, "/v1/cases/%s:move", m.id),
        flow_text(&f,
                  "{\"request\":\"%s\",\"rev\":1,\"event\":\"deliver\",\"reason\":\"made\","
                  "\"papers\":[{\"what\":\"evidence\",\"attachment\":\"%s\"}]}",
                  flow_uuid(&f), evidence.id),
        case_view, &m));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/attachments/%s", evidence.id),
                 NULL, attachment, &evidence));
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_PROVIDER, &m, "accept", NULL), -1);
    CU_ASSERT_EQUAL(f.status, 403);
    waiting(&f, FLOW_TENANT, &m);
    OK(casework_move(&f, FLOW_TENANT, &m, "accept", NULL));
    CU_ASSERT_EQUAL(m.state, CASE_IS_ACCEPTED);
    flow_stop(&f);
}

static void
what_is_missing_is_said_before_it_goes_in(void)
{
    static const char *const fields[] = {"purpose", "basis", "share_catalogue", "lines", "papers"};
    struct flow f;
    struct w_case_view v;
    struct w_case_check chk;
    struct w_application app = {0};

    flow_start(&f);
    memcpy(app.system, f.system, W_ID);
    casework_open_case(&f, &app, &v);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s:check", v.id), NULL,
                 case_check, &chk));
    CU_ASSERT_FALSE(chk.ready);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        bool found = false;

        for (size_t j = 0; j < chk.problems.n; j++)
            found = found ||
                    strcmp(JM_ITEM(chk.problems, struct w_case_problem, j)->field, fields[i]) == 0;
        CU_ASSERT_TRUE(found);
    }
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_TENANT, &v, "submit", NULL), -1);
    CU_ASSERT_EQUAL(f.status, 400);
    CU_ASSERT_STRING_EQUAL(f.err.field, "purpose");
    flow_stop(&f);
}

static void
a_decision_is_about_the_revision_that_was_read(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_case_view v, old, now;
    struct w_accepted acc;

    flow_start(&f);
    struct w_application app = casework_complete(&f, papers);
    casework_open_case(&f, &app, &v);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    old = v;
    /* Nobody edits what is under review; the unit takes it back first. */
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST",
                              flow_text(&f, "/v1/cases/%s:edit", v.id),
                              casework_application_body(&f, &app, v.rev), case_view, &now),
                    -1);
    CU_ASSERT_EQUAL(f.status, 409);
    OK(casework_move(&f, FLOW_TENANT, &v, "recall", "one more machine"));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", flow_text(&f, "/v1/cases/%s:edit", v.id),
                 casework_application_body(&f, &app, v.rev), case_view, &v));
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    struct w_grant *g = flow_grant(&f, "X-1");
    g->manual = app.manual;
    CU_ASSERT_EQUAL(casework_approve(&f, &old, g, papers, &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_STRING_EQUAL(f.err.field, "rev");
    /* Two reviewers at once: the second is told. */
    old = v;
    now = v;
    OK(casework_move(&f, FLOW_BUREAU, &v, "return", "the sizes rest on nothing"));
    CU_ASSERT_EQUAL(v.state, CASE_IS_RETURNED);
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_BUREAU, &now, "reject", "no"), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_EQUAL(casework_approve(&f, &old, g, papers, &acc), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_EQUAL(inbox(&f, FLOW_TENANT), 1);
    flow_stop(&f);
}

static void
less_may_be_granted_and_never_more(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_case_view v;
    struct w_accepted acc;

    flow_start(&f);
    struct w_application app = casework_complete(&f, papers);
    casework_open_case(&f, &app, &v);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    struct w_grant *g = flow_grant(&f, "X-1");
    struct w_grant_line *vm = JM_ITEM(g->lines, struct w_grant_line, 1);
    vm->count = 3;
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, papers, &acc), -1);
    CU_ASSERT_EQUAL(f.status, 400);
    vm->count = 1;
    /* Of what people carry out too: not in another measure or kind, not twice, not for longer. */
    struct w_manual_line m[2] = {*JM_ITEM(app.manual, struct w_manual_line, 0)};
    g->manual = (struct jm_list){m, 1};
    memcpy(m[0].measure, "Gbit/s", 7);
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, papers, &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "manual line 1"));
    memcpy(m[0].measure, "set", 4);
    m[0].spec = "the largest";
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, papers, &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "manual line 1"));
    m[0].spec = NULL;
    m[1] = m[0];
    g->manual.n = 2;
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, papers, &acc), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "manual line 1"));
    g->manual = (struct jm_list){0};
    g->valid_to_ms += INT64_C(2) * 86400000;
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, papers, &acc), -1);
    CU_ASSERT_STRING_EQUAL(f.err.field, "valid_to_ms");
    g->valid_to_ms -= INT64_C(2) * 86400000;
    struct w_attachment wrong[3] = {papers[1], papers[1], papers[2]};
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, wrong, &acc), -1);
    CU_ASSERT_STRING_EQUAL(f.err.field, "approval_sha256");
    OK(casework_approve(&f, &v, g, papers, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 3);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s", v.id), NULL,
                 case_view, &v));
    CU_ASSERT_EQUAL(JM_ITEM(v.steps, struct w_case_step, 2)->event, CASE_EV_REDUCE);
    CU_ASSERT_EQUAL(inbox(&f, FLOW_PROVIDER), 0); /* the manual line was reduced away */
    flow_stop(&f);
}

/* Who sees every unit's documents does not carry one unit's into the case of another. */
static void
a_case_takes_documents_of_its_unit_and_of_who_acts(void)
{
    struct flow f;
    struct w_attachment papers[3], theirs, own;
    struct w_case_view v;

    flow_start(&f);
    struct w_application app = casework_complete(&f, papers);
    casework_open_case(&f, &app, &v);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    casework_upload(&f, FLOW_OTHER, "of another unit", &theirs);
    casework_upload(&f, FLOW_BUREAU, "of the bureau", &own);
    const struct {
        const struct w_attachment *paper;
        const char *what;
        int rc;
    } rows[] = {
        {&theirs, "evidence", -1},
        {&own, "approval", -1}, /* else a remark would change on what a grant must rest */
        {&own, "evidence", 0},
        {&papers[0], "evidence", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct w_case_view now = v;
        int rc = FLOW_CALL(
            &f, f.people[FLOW_BUREAU], "POST", flow_text(&f, "/v1/cases/%s:move", v.id),
            flow_text(&f,
                      "{\"request\":\"%s\",\"rev\":%llu,\"event\":\"note\","
                      "\"reason\":\"see there\",\"papers\":[{\"what\":"
                      "\"%s\",\"attachment\":\"%s\"}]}",
                      flow_uuid(&f), (unsigned long long)v.rev, rows[i].what, rows[i].paper->id),
            case_view, &now);
        CU_ASSERT_EQUAL(rc, rows[i].rc);
        if (rc == 0)
            v = now;
        else
            CU_ASSERT_STRING_EQUAL(f.err.field, "papers");
    }
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET",
                              flow_text(&f, "/v1/attachments/%s", theirs.id), NULL, attachment,
                              &theirs),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    /* What the approval rests on stays what it was called. */
    CU_ASSERT_EQUAL(JM_ITEM(v.papers, struct w_case_paper, 0)->what, DOC_APPROVAL);
    flow_stop(&f);
}

static void
an_approved_change_grows_what_is_there(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_resource_list l;
    struct w_case_check chk;
    struct w_case_view v, other;
    struct w_accepted acc;
    struct w_order orders[2];
    struct w_observed seen[2];

    flow_start(&f);
    const struct w_grant *old = flow_grant(&f, "X-1");
    OK(flow_grant_add(&f, old, flow_uuid(&f), &acc));
    CU_ASSERT_EQUAL(flow_carry_out(&f), 4);
    struct w_application app = casework_complete(&f, papers);
    JM_ITEM(app.lines, struct w_grant_line, 1)->vcpus = 4;
    app.manual = (struct jm_list){0};
    memcpy(app.change_of, old->id, W_ID);
    app.restart = RESTART_AT;
    app.restart_at_ms = f.ctl.c.wall_ms() + 3600000;
    casework_open_case(&f, &app, &v);
    CU_ASSERT_EQUAL(v.kind, CASE_CHANGE);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s:check", v.id), NULL,
                 case_check, &chk));
    CU_ASSERT_TRUE(chk.ready && chk.fits);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    struct w_grant *g = flow_grant(&f, "X-2");
    JM_ITEM(g->lines, struct w_grant_line, 1)->vcpus = 4;
    CU_ASSERT_EQUAL(casework_approve(&f, &v, g, papers, &acc),
                    -1); /* it must name what it changes */
    CU_ASSERT_EQUAL(f.status, 400);
    g->version = 4;
    memcpy(g->supersedes, old->id, W_ID);
    OK(casework_approve(&f, &v, g, papers, &acc));
    CU_ASSERT_EQUAL(acc.orders.n, 2);
    OK(flow_desired(&f, 0));
    CU_ASSERT_EQUAL_FATAL(flow_orders(&f, orders, 2), 2);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(orders[i].restart_from_ms, app.restart_at_ms); /* as was agreed */
        seen[i] = flow_observed(&f, &orders[i]);
    }
    OK(flow_status(&f, seen, 2, false));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/resources?kind=vm", NULL, resource_list,
                 &l));
    CU_ASSERT_EQUAL(l.items.n, 2); /* grown, not made anew */
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_resource_view *r = JM_ITEM(l.items, struct w_resource_view, i);

        CU_ASSERT_EQUAL(r->vcpus, 4);
        CU_ASSERT_STRING_EQUAL(r->grant, g->id);
    }
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/cases/%s", v.id), NULL,
                 case_view, &other));
    CU_ASSERT_EQUAL(other.state, CASE_IS_GRANTED);
    /* The older grant cannot be changed once more. */
    casework_open_case(&f, &app, &other);
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_TENANT, &other, "submit", NULL), -1);
    CU_ASSERT_STRING_EQUAL(f.err.field, "change_of");
    flow_stop(&f);
}

static void
each_step_has_its_people_and_its_reason(void)
{
    struct flow f;
    struct w_attachment papers[3];
    struct w_case_view v, x;

    flow_start(&f);
    struct w_application app = casework_complete(&f, papers);
    casework_open_case(&f, &app, &v);
    x = v;
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_OTHER, &x, "submit", NULL), -1);
    CU_ASSERT_EQUAL(f.status, 404);
    x = v;
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_BUREAU, &x, "submit", NULL), -1);
    CU_ASSERT_EQUAL(f.status, 403);
    OK(casework_move(&f, FLOW_TENANT, &v, "submit", NULL));
    x = v;
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_BUREAU, &x, "reject", NULL), -1);
    CU_ASSERT_STRING_EQUAL(f.err.field, "reason");
    x = v;
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_TENANT, &x, "reject", "mine"), -1);
    CU_ASSERT_EQUAL(f.status, 403);
    x = v;
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_BUREAU, &x, "approve", "without a grant"), -1);
    CU_ASSERT_EQUAL(f.status, 400);
    OK(casework_move(&f, FLOW_BUREAU, &v, "reject", "the pilot was not evaluated"));
    CU_ASSERT_EQUAL(v.state, CASE_IS_REJECTED);
    x = v;
    CU_ASSERT_EQUAL(casework_move(&f, FLOW_TENANT, &x, "submit", NULL), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/cases",
                 flow_text(&f, "{\"request\":\"%s\",\"kind\":\"new\",\"copy_of\":\"%s\"}",
                           flow_uuid(&f), v.id),
                 case_view, &x));
    CU_ASSERT_EQUAL(x.application.lines.n, app.lines.n);
    CU_ASSERT_STRING_EQUAL(x.application.copied_from, v.id);
    CU_ASSERT_EQUAL(x.papers.n, 0);
    flow_stop(&f);
}

CU_TestInfo cases_tests[] = {
    {"a unit asks for free shape", a_unit_asks_for_free_shape},
    {"a document is kept once and read by its unit only",
     a_document_is_kept_once_and_read_by_its_unit_only},
    {"a unit does not fill the store within a day", a_unit_does_not_fill_the_store_within_a_day},
    {"a document that is not what was announced is refused",
     a_document_that_is_not_what_was_announced_is_refused},
    {"a document that no case names goes after its time",
     a_document_that_no_case_names_goes_after_its_time},
    {"an application becomes a grant and its manual lines are accepted",
     an_application_becomes_a_grant_and_its_manual_lines_are_accepted},
    {"what is missing is said before it goes in", what_is_missing_is_said_before_it_goes_in},
    {"a decision is about the revision that was read",
     a_decision_is_about_the_revision_that_was_read},
    {"less may be granted and never more", less_may_be_granted_and_never_more},
    {"a case takes documents of its unit and of who acts",
     a_case_takes_documents_of_its_unit_and_of_who_acts},
    {"an approved change grows what is there", an_approved_change_grows_what_is_there},
    {"each step has its people and its reason", each_step_has_its_people_and_its_reason},
    CU_TEST_INFO_NULL,
};
