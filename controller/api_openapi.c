/* The API tells itself. */
#include "controller/openapi.h"
#include "controller/routes.h"

int
api_openapi_get(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};

    (void)t;
    (void)e;
    openapi_write(&text);
    k->raw = arena_strdup(k->a, strbuf_peek(&text));
    k->raw_type = "application/json";
    return 0;
}
