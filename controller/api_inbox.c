/* The inbox: what waits for the caller and until when. */
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/inbox.h"
#include "controller/params.h"
#include "controller/routes.h"

enum { PAGE = 100 };

/* "DUE SINCE ID": where the page before ended. */
static int
after_of(const struct api_call *k, struct inbox_ask *a, struct err *e)
{
    const char *v = param_text(k, "after");
    char *end;

    if (v[0] == '\0')
        return 0;
    a->after_due_ms = strtoll(v, &end, 10);
    if (end != v && *end == ' ') {
        v = end + 1;
        a->after_since_ms = strtoll(v, &end, 10);
    }
    if (end == v || *end != ' ' || strlen(end + 1) != 36)
        return err_field(e, BY_E_INVALID, "after",
                         "pass what the page before gave as 'next', unchanged");
    a->after_id = end + 1;
    return 0;
}

int
api_inbox_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct inbox_ask a = {.kind = (enum inbox_kind)param_word(k, "kind"),
                          .overdue = param_flag(k, "overdue"),
                          .after_due_ms = -1,
                          .after_since_ms = -1,
                          .after_id = "",
                          .limit = (int)param_number(k, "limit", PAGE),
                          .late_ms = controller_clock_jumped(k->c) ? 0 : t->now_ms};

    return after_of(k, &a, e) < 0 ? -1 : inbox_page(k, t, &a, k->out, e);
}
