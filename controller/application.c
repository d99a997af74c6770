#include "controller/application.h"

#include <stdio.h>
#include <string.h>

#include "controller/api_grant.h"
#include "controller/clocks.h"
#include "controller/grant_expand.h"
#include "controller/listing.h"
#include "controller/own.h"
#include "controller/supersede.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/db/store_grant.h"
#include "policies/calendar.h"
#include "policies/model.h"

int
application_of(const struct case_row *c, struct arena *a, struct w_application *out, struct err *e)
{
    return W_DECODE(application, c->body, strlen(c->body), JM_SIGNED, a, out, e) < 0
               ? err_wrap(e, "case %s", c->number)
               : 0;
}

/* ---- what is missing ---------------------------------------------------------------------------
 */

struct finding {
    struct api_call *k;
    struct w_case_check *out;
};

static void
problem(struct finding *f, const char *field, const char *text)
{
    struct w_case_problem *p = listing_add(&f->out->problems, sizeof(*p), f->k->a);

    (void)snprintf(p->field, sizeof(p->field), "%s", field);
    p->text = arena_strdup(f->k->a, text);
}

static bool
has_text(const char *s)
{
    return s != NULL && s[0] != '\0';
}

static void
check_words(struct finding *f, const struct w_application *app)
{
    if (!has_text(app->purpose))
        problem(f, "purpose", "say what it is needed for");
    if (!has_text(app->basis) || (app->users == 0 && app->concurrent == 0 && app->data_gib == 0))
        problem(f, "basis",
                "say on what the sizes rest, with a number of users, of users at the same time, or "
                "an amount of data (G8)");
    if (app->share_catalogue[0] == '\0' && !has_text(app->share_reason))
        problem(f, "share_catalogue",
                "give the number in the catalogue of shared data, or the reason why there is none "
                "(G8)");
}

static int
check_papers(struct finding *f, struct tx *t, const struct case_row *c, struct err *e)
{
    static const struct {
        int what;
        const char *text;
    } need[] = {
        {DOC_APPROVAL, "the project approval document (项目批复文件, G14) is missing"},
        {DOC_AGREEMENT, "the cloud security agreement (G28) is missing"},
        {DOC_DECLARATION, "the non-classified declaration (G2) is missing"},
    };
    struct jm_list papers;

    if (case_papers(t->d, c->id, f->k->a, &papers, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
        bool found = false;

        for (size_t j = 0; j < papers.n; j++)
            found = found || JM_ITEM(papers, struct w_case_paper, j)->what == need[i].what;
        if (!found)
            problem(f, "papers", need[i].text);
    }
    return 0;
}

static int
check_manual(const struct w_application *app, struct err *e)
{
    for (size_t i = 0; i < app->manual.n; i++)
        if (JM_ITEM(app->manual, struct w_manual_line, i)->line != i + 1)
            return err_field(e, BY_E_INVALID, "manual", "number the manual lines 1, 2, 3 …");
    return 0;
}

static int
check_lines(struct finding *f, struct tx *t, const struct case_row *c,
            const struct w_application *app, struct err *e)
{
    struct err why = {0};
    struct system_row s;
    struct w_grant g;

    if (app->lines.n == 0 && app->manual.n == 0)
        problem(f, "lines", "nothing is asked for");
    application_grant(c, app, t->now_ms, 0, &g);
    if (app->lines.n > 0 && grant_lines_check(&g, &why) < 0)
        problem(f, why.field[0] == '\0' ? "lines" : why.field, why.msg);
    if (check_manual(app, &why) < 0)
        problem(f, "manual", why.msg);
    if (system_row_get(t->d, app->system, f->k->a, &s, e) < 0)
        return -1;
    if (s.mlps_level > MLPS_MAX)
        problem(f, "system", "systems above MLPS level 3 may not run on this cloud");
    return 0;
}

/* R36: a guest that may really use more than it will have: said, and asked. */
static int
check_less(struct finding *f, struct tx *t, const struct case_row *c,
           const struct w_application *app, struct err *e)
{
    struct supersede *s = arena_alloc(f->k->a, sizeof(*s));
    struct err why = {0};
    struct w_grant g;

    application_grant(c, app, t->now_ms, 0, &g);
    if (application_change(t, app, &g, f->k->a, e) < 0)
        return -1;
    if (supersede_check(t, &g, app, f->k->a, s, &why) < 0 &&
        (why.code == BY_E_IO || why.code == BY_E_BUG)) {
        *e = why;
        return -1;
    }
    if (why.code != 0) /* known now, and not only to the bureau */
        problem(f, why.field[0] == '\0' ? "lines" : why.field, why.msg);
    for (size_t i = 0; i < s->n && !app->less_confirmed; i++)
        if (s->items[i].warning != NULL) {
            problem(f, "less_confirmed",
                    arena_printf(f->k->a, "%s: say that you know (less_confirmed), or ask for more",
                                 s->items[i].warning));
            break;
        }
    return 0;
}

static int
check_change(struct finding *f, struct tx *t, const struct case_row *c,
             const struct w_application *app, struct err *e)
{
    struct grant_row g;
    int rc;

    if (c->kind != CASE_CHANGE) {
        if (app->change_of[0] != '\0')
            problem(f, "change_of", "only a case of kind 'change' names the grant that it changes");
        return 0;
    }
    if (app->change_of[0] == '\0') {
        problem(f, "change_of", "name the grant that is to be changed");
        return 0;
    }
    rc = grant_row_find(t->d, app->change_of, f->k->a, &g, e);
    if (rc == 0 || (rc == 1 && strcmp(g.system, app->system) != 0))
        problem(f, "change_of", "there is no such grant of this system");
    else if (rc == 1 && g.superseded_by[0] != '\0')
        problem(f, "change_of", "this grant was superseded already: name the newest");
    if (app->restart == RESTART_AT && app->restart_at_ms < t->now_ms)
        problem(f, "restart_at_ms", "the time of the restart is missing or has passed");
    return rc < 0 ? -1 : f->out->problems.n > 0 ? 0 : check_less(f, t, c, app, e);
}

int
application_problems(struct api_call *k, struct tx *t, const struct case_row *c,
                     const struct w_application *app, struct w_case_check *out, struct err *e)
{
    struct finding f = {k, out};

    check_words(&f, app);
    if (check_lines(&f, t, c, app, e) < 0 || check_change(&f, t, c, app, e) < 0 ||
        check_papers(&f, t, c, e) < 0)
        return -1;
    out->ready = out->problems.n == 0;
    return 0;
}

/* The review's own clock; what waits in the inbox is due when it is. */
static int
application_clock_start(struct api_call *k, struct tx *t, struct case_row *c, struct err *e)
{
    struct clock_spec s = {.kind = CLK_REVIEW,
                           .subject_kind = "case",
                           .subject = c->id,
                           .title = c->number,
                           .unit = c->unit,
                           .start_ms = t->now_ms};
    struct clock_row r;

    if (clock_start(t, k->who.account, &s, &r, e) < 0)
        return err_wrap(e, "case %s", c->number);
    c->due_ms = r.due_ms;
    return 0;
}

int
application_submit(struct api_call *k, struct tx *t, struct case_row *c, struct err *e)
{
    struct w_case_check found = {0};
    struct w_application app;
    const struct w_case_problem *p;

    if (application_of(c, k->a, &app, e) < 0 || application_problems(k, t, c, &app, &found, e) < 0)
        return -1;
    if (!found.ready) {
        p = JM_ITEM(found.problems, struct w_case_problem, 0);
        return err_field(e, BY_E_INVALID, p->field, "%s%s", p->text,
                         found.problems.n > 1 ? "; and more: see the check of the case" : "");
    }
    return application_clock_start(k, t, c, e);
}

int
application_reviewed(struct api_call *k, struct tx *t, const struct case_row *c, enum case_event ev,
                     struct err *e)
{
    if (ev == CASE_EV_RECALL)
        return clock_cancel(t, k->who.account, CLK_REVIEW, c->id, "taken back by the unit", e);
    if (ev == CASE_EV_APPROVE || ev == CASE_EV_REDUCE || ev == CASE_EV_RETURN ||
        ev == CASE_EV_REJECT)
        return clock_meet(t, k->who.account, CLK_REVIEW, c->id, t->now_ms, e);
    return 0;
}

/* ---- what a decision may grant ------------------------------------------------------------------
 */

void
application_grant(const struct case_row *c, const struct w_application *app, int64_t now_ms,
                  int64_t hold_ms, struct w_grant *out)
{
    int64_t days = app->valid_days == 0 ? GRANT_DEFAULT_DAYS : app->valid_days;

    *out = (struct w_grant){.version = 1,
                            .lines = app->lines,
                            .manual = app->manual,
                            .approved_at_ms = now_ms,
                            .valid_from_ms = now_ms,
                            .valid_to_ms = now_ms + days * CAL_DAY_MS,
                            .hold_ms = hold_ms};
    random_uuid(out->id);
    (void)snprintf(out->number, sizeof(out->number), "%s", c->number);
    memcpy(out->system, app->system, sizeof(out->system));
    memcpy(out->unit, c->unit, sizeof(out->unit));
    if (app->shape == SHAPE_FREE && app->change_of[0] == '\0')
        grant_free_shape(out, 0);
    grant_version_fit(out);
}

int
application_change(struct tx *t, const struct w_application *app, struct w_grant *g,
                   struct arena *a, struct err *e)
{
    struct w_envelope env;
    struct grant_row row;
    struct w_grant old;
    uint64_t more = 0;

    if (grant_row_get(t->d, app->change_of, a, &row, e) < 0)
        return -1;
    if (paper_parse(row.paper, strlen(row.paper), a, &env, e) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_SIGNED, a, &old, e) < 0)
        return err_wrap(e, "grant %s", row.number);
    g->version = 4;
    memcpy(g->supersedes, row.id, sizeof(g->supersedes));
    g->shape = old.shape;
    for (size_t i = 0; i < g->lines.n; i++)
        more += JM_ITEM(g->lines, struct w_grant_line, i)->count;
    for (size_t i = 0; i < old.lines.n && more > 0; i++) {
        uint32_t was = JM_ITEM(old.lines, struct w_grant_line, i)->count;

        more -= was < more ? was : more;
    }
    if (old.shape == SHAPE_FREE)
        g->resources_max =
            (uint32_t)(old.resources_max + more > 1000 ? 1000 : old.resources_max + more);
    grant_version_fit(g);
    return 0;
}

int64_t
application_restart_ms(const struct w_application *app, int64_t now_ms)
{
    switch ((enum w_restart)app->restart) {
    case RESTART_NOW:
        return now_ms;
    case RESTART_AT: /* a time that has passed was agreed to then, not now */
        return app->restart_at_ms >= now_ms ? app->restart_at_ms : 0;
    case RESTART_LATER:
    case RESTART_NONE:
    case RESTART__MAX:
        break;
    }
    return 0;
}

static int
line_covers(const struct w_grant_line *asked, const struct w_grant_line *g, bool *less,
            struct err *e)
{
    if (g->kind != asked->kind || strcmp(g->name, asked->name) != 0 ||
        strcmp(g->image, asked->image) != 0 || g->firmware != asked->firmware ||
        g->format != asked->format || strcmp(g->cidr, asked->cidr) != 0 ||
        g->network_line != asked->network_line || g->attach_line != asked->attach_line)
        return err_field(e, BY_E_INVALID, "grant",
                         "line %u is something else than what was applied for: return the "
                         "application (退回补正) instead",
                         g->line);
    if (g->count > asked->count || g->vcpus > asked->vcpus || g->mem_mib > asked->mem_mib ||
        g->disk_gib > asked->disk_gib)
        return err_field(e, BY_E_INVALID, "grant",
                         "line %u grants more than was applied for: a larger quota needs an "
                         "application",
                         g->line);
    *less = *less || g->count < asked->count || g->vcpus < asked->vcpus ||
            g->mem_mib < asked->mem_mib || g->disk_gib < asked->disk_gib;
    return 0;
}

static const struct w_manual_line *
manual_find(const struct jm_list *manual, size_t n, uint32_t line)
{
    for (size_t i = 0; i < n; i++)
        if (JM_ITEM(*manual, struct w_manual_line, i)->line == line)
            return JM_ITEM(*manual, struct w_manual_line, i);
    return NULL;
}

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static int
manual_covers(const struct w_application *app, const struct w_grant *g, bool *less, struct err *e)
{
    for (size_t i = 0; i < g->manual.n; i++) {
        const struct w_manual_line *l = JM_ITEM(g->manual, struct w_manual_line, i);
        const struct w_manual_line *asked = manual_find(&app->manual, app->manual.n, l->line);

        if (asked == NULL || manual_find(&g->manual, i, l->line) != NULL ||
            strcmp(asked->item, l->item) != 0 || strcmp(asked->measure, l->measure) != 0 ||
            !same_text(asked->spec, l->spec) || l->count > asked->count)
            return err_field(e, BY_E_INVALID, "grant",
                             "manual line %u is not, or not so, applied for", l->line);
        *less = *less || l->count < asked->count;
    }
    *less = *less || g->manual.n < app->manual.n;
    return 0;
}

/* To the day: a grant is made some time after it was applied for. */
static int
validity_covers(const struct w_application *app, const struct w_grant *g, bool *less, struct err *e)
{
    int64_t asked = (app->valid_days == 0 ? GRANT_DEFAULT_DAYS : app->valid_days) * CAL_DAY_MS;
    int64_t more = g->valid_to_ms - g->valid_from_ms - asked;

    if (more > CAL_DAY_MS)
        return err_field(e, BY_E_INVALID, "valid_to_ms",
                         "the grant is valid for longer than was applied for");
    *less = *less || more < -CAL_DAY_MS;
    return 0;
}

int
application_covers(const struct w_application *app, const struct w_grant *g, bool *less,
                   struct err *e)
{
    *less = g->lines.n < app->lines.n;
    if (validity_covers(app, g, less, e) < 0)
        return -1;
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i), *asked = NULL;

        for (size_t j = 0; j < app->lines.n; j++)
            if (JM_ITEM(app->lines, struct w_grant_line, j)->line == l->line)
                asked = JM_ITEM(app->lines, struct w_grant_line, j);
        if (asked == NULL)
            return err_field(e, BY_E_INVALID, "grant", "line %u was not applied for", l->line);
        if (line_covers(asked, l, less, e) < 0)
            return -1;
    }
    return manual_covers(app, g, less, e);
}
