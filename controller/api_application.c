/* Applications: opened by a unit as a draft (also as a copy of its last one), edited, looked at,
 * approved together with the signed grant. */
#include <stdio.h>
#include <string.h>

#include "controller/api_grant.h"
#include "controller/api_import.h"
#include "controller/application.h"
#include "controller/attachment.h"
#include "controller/cases.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/own.h"
#include "controller/policy.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_grant.h"
#include "policies/calendar.h"

enum { PEERS = 5, PEER_DAYS = 92 };

/* ---- drafts ------------------------------------------------------------------------------------
 */

/* What a copy leaves open is taken from the case that it copies; documents are asked for anew. */
static int
copy_from(struct api_call *k, struct tx *t, const char *id, struct w_application *app,
          struct err *e)
{
    struct w_application old;
    struct case_row c;

    if (case_row_get(t->d, id, k->a, &c, e) < 0 || own_check(k, c.unit, "case", e) < 0)
        return -1;
    if (c.kind != CASE_NEW && c.kind != CASE_CHANGE)
        return err_field(e, BY_E_INVALID, "copy_of", "case %s is no application", c.number);
    if (application_of(&c, k->a, &old, e) < 0)
        return -1;
    if (app->system[0] == '\0')
        memcpy(app->system, old.system, sizeof(app->system));
    if (app->purpose == NULL)
        app->purpose = old.purpose;
    if (app->basis == NULL) {
        app->basis = old.basis;
        app->users = old.users;
        app->concurrent = old.concurrent;
        app->data_gib = old.data_gib;
    }
    if (app->share_catalogue[0] == '\0' && app->share_reason == NULL) {
        memcpy(app->share_catalogue, old.share_catalogue, sizeof(app->share_catalogue));
        app->share_reason = old.share_reason;
    }
    if (app->valid_days == 0)
        app->valid_days = old.valid_days;
    if (app->lines.n == 0)
        app->lines = old.lines;
    if (app->manual.n == 0)
        app->manual = old.manual;
    memcpy(app->copied_from, c.id, sizeof(app->copied_from));
    return 0;
}

/* Documents are rows of their own: the body keeps the rest. */
static const char *
body_of(struct api_call *k, const struct w_application *app)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_application x = *app;

    x.papers = (struct jm_list){0};
    jm_encode(schema_application, &x, &b);
    return arena_strdup(k->a, strbuf_peek(&b));
}

static int
fill(struct api_call *k, struct tx *t, const struct w_application *app, struct case_row *c,
     struct err *e)
{
    struct system_row s;

    if (app->system[0] == '\0')
        return err_field(e, BY_E_INVALID, "application.system",
                         "name the information system that it is for");
    if (system_row_get(t->d, app->system, k->a, &s, e) < 0 ||
        own_check(k, s.unit, "information system", e) < 0)
        return -1;
    memcpy(c->system, s.id, sizeof(c->system));
    memcpy(c->system_name, s.name, sizeof(c->system_name));
    memcpy(c->unit, s.unit, sizeof(c->unit));
    (void)snprintf(c->title, sizeof(c->title), "%s", s.name);
    c->body = body_of(k, app);
    return 0;
}

int
api_case_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_case_request *in = k->in;
    struct w_application app = in->application;
    struct case_row c = {.kind = in->kind};

    if (in->kind != CASE_NEW && in->kind != CASE_CHANGE)
        return err_field(e, BY_E_INVALID, "kind", "kind is new or change");
    if ((in->copy_of[0] != '\0' && copy_from(k, t, in->copy_of, &app, e) < 0) ||
        fill(k, t, &app, &c, e) < 0 ||
        case_open(t, case_actor_of(k), CASE_EV_OPEN, NULL, &c, e) < 0 ||
        attachment_add_papers(k, t, &c, &app.papers, true, e) < 0)
        return -1;
    return case_view_fill(t->d, &c, k->a, k->out, e);
}

int
api_case_edit(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_case_request *in = k->in;
    struct case_row c;

    if (in->rev == 0)
        return err_field(e, BY_E_INVALID, "rev", "name the revision that you read");
    if (in->copy_of[0] != '\0' || in->kind != CASE_KIND_NONE)
        return err_field(e, BY_E_INVALID, "kind", "kind and copy_of are said when it is opened");
    if (case_load(k, t, in->rev, &c, e) < 0 || fill(k, t, &in->application, &c, e) < 0 ||
        case_step(t, case_actor_of(k), &c, CASE_EV_EDIT, NULL, e) < 0 ||
        attachment_add_papers(k, t, &c, &in->application.papers, true, e) < 0)
        return -1;
    return case_view_fill(t->d, &c, k->a, k->out, e);
}

/* ---- looking at it ------------------------------------------------------------------------------
 */

/* What the machines of a system have used in the last quarter of a year. */
static int
peer_use(struct tx *t, const char *system, struct w_case_peer *p, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int32_t from = cal_day_of_ms(t->now_ms, controller_tz_minutes(t->c)) - PEER_DAYS;

    if (DB_QUERY(t->d, DB_CASE_PEER_USE, &r, e, DBS(system), DBI(from)) < 0 || db_next(r, e) != 1)
        return -1;
    p->cpu_avg = (uint64_t)db_int(r, 0);
    p->cpu_peak = (uint64_t)db_int(r, 1);
    return 0;
}

/* Systems of about this size, and what they really use; their names only for those who see all. */
static int
peers(struct api_call *k, struct tx *t, const struct w_application *app, struct w_case_check *out,
      struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err not_ours = {0};
    int64_t vcpus = 0;
    int rc;

    for (size_t i = 0; i < app->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(app->lines, struct w_grant_line, i);

        vcpus += (int64_t)l->count * l->vcpus;
    }
    if (DB_QUERY(t->d, DB_CASE_PEERS, &r, e, DBS(app->system), DBI(vcpus), DBI(PEERS), DBI(vcpus)) <
        0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_case_peer *p = listing_add(&out->peers, sizeof(*p), k->a);

        if (own_check(k, db_str(r, 2), "system", &not_ours) == 0)
            (void)snprintf(p->name, sizeof(p->name), "%s", db_str(r, 1));
        p->vms = (uint32_t)db_int(r, 3);
        p->vcpus = (uint32_t)db_int(r, 4);
        p->mem_mib = (uint64_t)db_int(r, 5);
        if (peer_use(t, db_str(r, 0), p, e) < 0)
            return -1;
    }
    return rc;
}

/* Asked while there is time: a machine that cannot grow while it runs, and no restart agreed. */
static int
check_restart(struct api_call *k, struct w_case_check *out)
{
    struct w_case_problem *p = listing_add(&out->problems, sizeof(*p), k->a);

    (void)snprintf(p->field, sizeof(p->field), "restart");
    p->text = "some machines cannot change their size while they run: agree to a restart (now, at, "
              "later), or they change when they next stop";
    return 0;
}

int
api_case_check(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_case_check *out = k->out;
    struct w_grant_check fit = {0};
    struct w_application app;
    struct w_policy policy;
    struct case_row c;
    struct w_grant g;

    if (case_load(k, t, 0, &c, e) < 0)
        return -1;
    if (c.kind == CASE_IMPORT)
        return import_check(k, t, &c, out, e);
    if (c.kind != CASE_NEW && c.kind != CASE_CHANGE)
        return err_set(e, BY_E_CONFLICT, "case %s is no application", c.number);
    if (application_of(&c, k->a, &app, e) < 0 || policy_in_force(t->d, k->a, &policy, e) < 0 ||
        application_problems(k, t, &c, &app, out, e) < 0 || peers(k, t, &app, out, e) < 0)
        return -1;
    application_grant(&c, &app, t->now_ms, policy.least_hold_ms, &g);
    if (c.kind == CASE_CHANGE && out->ready && application_change(t, &app, &g, k->a, e) < 0)
        return -1;
    if (g.lines.n == 0) {
        out->fits = g.manual.n > 0;
        return 0;
    }
    if (grant_try(k, t, &g, NULL, &app, &fit, e) < 0)
        return -1;
    out->fits = fit.fits;
    out->reason = fit.reason;
    out->changes = fit.changes;
    if (app.restart == RESTART_NONE)
        for (size_t i = 0; i < fit.changes.n; i++)
            if (JM_ITEM(fit.changes, struct w_grant_change, i)->restart)
                return check_restart(k, out);
    return 0;
}

/* ---- the decision -------------------------------------------------------------------------------
 */

int
prepare_case_approve(struct api_call *k, struct err *e)
{
    return grant_open(k, ((const struct w_case_approve *)k->in)->grant, e);
}

static const char *
paper_hash(const struct jm_list *papers, int what)
{
    for (size_t i = 0; i < papers->n; i++)
        if (JM_ITEM(*papers, struct w_case_paper, i)->what == what)
            return JM_ITEM(*papers, struct w_case_paper, i)->sha256;
    return "";
}

/* The grant rests on the documents of this case and no others. */
static int
check_hashes(struct api_call *k, struct tx *t, const struct case_row *c, const struct w_grant *g,
             struct err *e)
{
    struct jm_list papers;
    const char *wrong = NULL;

    if (case_papers(t->d, c->id, k->a, &papers, e) < 0)
        return -1;
    if (strcmp(paper_hash(&papers, DOC_APPROVAL), g->approval_sha256) != 0)
        wrong = "approval_sha256";
    else if (strcmp(paper_hash(&papers, DOC_AGREEMENT), g->agreement_sha256) != 0)
        wrong = "agreement_sha256";
    else if (strcmp(paper_hash(&papers, DOC_DECLARATION), g->declaration_sha256) != 0)
        wrong = "declaration_sha256";
    return wrong == NULL
               ? 0
               : err_field(e, BY_E_INVALID, wrong,
                           "the grant names another document than the one in case %s", c->number);
}

int
api_case_approve(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_case_approve *in = k->in;
    const struct w_grant *g = grant_opened(k);
    struct w_application app;
    struct case_row c;
    enum case_event ev;
    bool less;

    if (case_load(k, t, in->rev, &c, e) < 0)
        return -1;
    if (c.kind != CASE_NEW && c.kind != CASE_CHANGE)
        return err_set(e, BY_E_CONFLICT, "case %s is no application", c.number);
    if (application_of(&c, k->a, &app, e) < 0)
        return -1;
    if (strcmp(g->system, c.system) != 0 || strcmp(g->unit, c.unit) != 0)
        return err_field(e, BY_E_INVALID, "grant", "the grant is for another system than case %s",
                         c.number);
    if (strcmp(g->supersedes, app.change_of) != 0)
        return err_field(e, BY_E_INVALID, "grant",
                         "the grant must supersede exactly what case %s asks to change", c.number);
    if (application_covers(&app, g, &less, e) < 0 || check_hashes(k, t, &c, g, e) < 0)
        return -1;
    memcpy(c.grant, g->id, sizeof(c.grant));
    ev = less ? CASE_EV_REDUCE : CASE_EV_APPROVE;
    if (case_step(t, case_actor_of(k), &c, ev, in->reason, e) < 0 ||
        application_reviewed(k, t, &c, ev, e) < 0)
        return -1;
    grant_asked(k, &app, application_restart_ms(&app, t->now_ms));
    return grant_accept(k, t, k->out, e);
}
