/* Cases as people see and move them: lists, one case, the steps that need no more than a reason.
 *  Opening and approving applications: api_application.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/application.h"
#include "controller/approvers.h"
#include "controller/attachment.h"
#include "controller/cases.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "policies/authz.h"

static int
page_add(void *arg, const struct case_row *c, struct err *e)
{
    struct w_case_item *to = paging_add(arg, c->opened_ms, c->id, "");

    (void)e;
    if (to != NULL)
        case_item_fill(c, to);
    return 0;
}

int
api_case_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_case_list *out = k->out;
    struct paging p;
    struct case_filter f = {.unit = own_filter(k),
                            .system = param_text(k, "system"),
                            .kind = param_word(k, "kind"),
                            .state = param_word(k, "state"),
                            .number = param_text(k, "number")};

    if (PAGING_OPEN(&p, k, out, case_item, INT64_MAX, e) < 0)
        return -1;
    f.before_ms = p.from.n;
    f.before_id = p.from.id;
    f.limit = p.from.limit;
    return case_each(t->d, &f, k->a, page_add, &p, e);
}

int
api_case_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct case_row c;

    if (case_load(k, t, 0, &c, e) < 0)
        return -1;
    return case_view_fill(t->d, &c, k->a, k->out, e);
}

int
api_case_move(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_case_move *in = k->in;
    struct case_row c;
    bool application;

    if (case_load(k, t, in->rev, &c, e) < 0)
        return -1;
    application = c.kind == CASE_NEW || c.kind == CASE_CHANGE;
    if (in->event == CASE_EV_OPEN || in->event == CASE_EV_EDIT || in->event == CASE_EV_APPROVE ||
        in->event == CASE_EV_REDUCE || in->event == CASE_EV_CONFIRM)
        return err_field(e, BY_E_INVALID, "event", "'%s' has a route of its own",
                         w_case_event_names[in->event]);
    if (application && in->event == CASE_EV_SUBMIT &&
        (case_may(case_actor_of(k), &c, CASE_EV_SUBMIT, in->reason, e) < 0 ||
         application_submit(k, t, &c, e) < 0))
        return -1;
    if (in->event == CASE_EV_DELIVER && in->papers.n == 0)
        return err_field(e, BY_E_INVALID, "papers", "evidence is missing: upload a document first");
    if (case_step(t, case_actor_of(k), &c, (enum case_event)in->event, in->reason, e) < 0 ||
        attachment_add_papers(k, t, &c, &in->papers, false, e) < 0 ||
        (application && application_reviewed(k, t, &c, (enum case_event)in->event, e) < 0) ||
        (c.kind == CASE_IMPORT && c.state == CASE_IS_REFUSED && import_release(t, c.id, e) < 0))
        return -1;
    return case_view_fill(t->d, &c, k->a, k->out, e);
}
