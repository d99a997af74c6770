#include "controller/manual.h"

#include <stdio.h>
#include <string.h>

#include "controller/cases.h"
#include "controller/commit.h"
#include "drivers/base/strbuf.h"

int
manual_open(struct tx *t, const struct w_grant *g, int64_t due_ms, struct err *e)
{
    for (size_t i = 0; i < g->manual.n; i++) {
        const struct w_manual_line *l = JM_ITEM(g->manual, struct w_manual_line, i);
        SCOPED(strbuf) struct strbuf b = {0};
        struct w_manual_order body = {.what = *l};
        struct case_row c = {.kind = CASE_MANUAL, .due_ms = due_ms};

        memcpy(body.grant, g->id, sizeof(body.grant));
        jm_encode(schema_manual_order, &body, &b);
        c.body = strbuf_peek(&b);
        memcpy(c.unit, g->unit, sizeof(c.unit));
        memcpy(c.system, g->system, sizeof(c.system));
        memcpy(c.grant, g->id, sizeof(c.grant));
        (void)snprintf(c.subject, sizeof(c.subject), "%u", l->line);
        (void)snprintf(c.title, sizeof(c.title), "%s × %u %s", l->item, l->count, l->measure);
        if (case_open(t, case_actor_self, CASE_EV_OPEN, NULL, &c, e) < 0)
            return err_wrap(e, "manual line %u", l->line);
    }
    return 0;
}
