#include "controller/controller.h"
#include "controller/metrics.h"
#include "controller/routes.h"

int
api_metrics_get(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    if (cm_collect(t, e) < 0)
        return -1;
    metrics_text(t->c->metrics, &b);
    k->raw = arena_strdup(k->a, strbuf_peek(&b));
    k->raw_type = METRIC_TEXT_TYPE;
    return 0;
}
