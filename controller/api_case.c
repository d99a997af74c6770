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
#include "controller/params.h"
#include "controller/routes.h"
#include "policies/authz.h"

enum { CASES_PAGE = 100 };

struct page {
    struct w_case_list *out;
    bool more;
};

static int
page_add(void *arg, const struct case_row *c, struct err *e)
{
    struct page *p = arg;
    struct jm_list *to = &p->out->items;

    if (to->n == CASES_PAGE) {
        p->more = true;
        return 0;
    }
    (void)e;
    case_item_fill(c, JM_ITEM(*to, struct w_case_item, to->n++));
    return 0;
}

/* "INSTANT ID": where the page before ended. */
static int
query_after(const struct api_call *k, int64_t *ms, char id[W_ID], struct err *e)
{
    const char *v = param_text(k, "after");
    char *end;

    id[0] = '\0';
    if (v[0] == '\0')
        return 0;
    *ms = strtoll(v, &end, 10);
    if (end == v || *end != ' ' || strlen(end + 1) != 36)
        return err_field(e, BY_E_INVALID, "after",
                         "pass what the page before gave as 'next', unchanged");
    (void)snprintf(id, W_ID, "%s", end + 1);
    return 0;
}

static void
page_end(struct api_call *k, struct page *p)
{
    const struct jm_list *l = &p->out->items;
    const struct w_case_item *last;

    if (!p->more)
        return;
    last = JM_ITEM(*l, struct w_case_item, l->n - 1);
    p->out->next = arena_printf(k->a, "%lld %s", (long long)last->opened_at_ms, last->id);
}

int
api_case_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct page p = {.out = k->out};
    char id[W_ID];
    struct case_filter f = {.unit = own_filter(k),
                            .system = param_text(k, "system"),
                            .kind = param_word(k, "kind"),
                            .state = param_word(k, "state"),
                            .number = param_text(k, "number"),
                            .before_ms = INT64_MAX,
                            .before_id = id,
                            .limit = CASES_PAGE + 1};

    if (query_after(k, &f.before_ms, id, e) < 0)
        return -1;
    p.out->items.items = arena_alloc(k->a, CASES_PAGE * sizeof(struct w_case_item));
    if (case_each(t->d, &f, k->a, page_add, &p, e) < 0)
        return -1;
    page_end(k, &p);
    return 0;
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
