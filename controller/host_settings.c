#include "controller/host_settings.h"

#include <string.h>

#include "controller/hosts.h"
#include "controller/ledger.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"

enum { SHOWN = 8 }; /* so many zones and classes in one sentence */

int
host_offers(struct tx *t, const char *host, const char *zone, const char *pool_class, bool *out,
            struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *z = zone == NULL ? "" : zone, *c = pool_class == NULL ? "" : pool_class;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_OFFERS, &r, e, DBS(host), DBS(host), DBS(z), DBS(z), DBS(c),
                 DBS(c)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    *out = rc == 1;
    return 0;
}

/* "zone east with pool class ssd, zone west" */
static int
offers_text(struct tx *t, struct arena *a, const char **out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    int rc;

    if (DB_QUERY(t->d, DB_HOST_OFFERED, &r, e, DBI(SHOWN)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        const char *zone = db_str(r, 0), *class = db_str(r, 1);

        strbuf_addf(&b, "%s%s/%s", b.len > 0 ? ", " : "", zone[0] == '\0' ? "-" : zone,
                    class[0] == '\0' ? "-" : class);
    }
    *out = arena_strdup(a, b.len == 0 ? "-" : strbuf_peek(&b));
    return rc;
}

int
host_offers_none(struct tx *t, const struct expansion *x, struct arena *a, const char **why,
                 struct err *e)
{
    *why = NULL;
    for (size_t i = 0; i < x->n_groups && *why == NULL; i++) {
        const struct expand_group *g = &x->groups[i];
        const char *offers;
        bool any;

        if (g->zone == NULL && g->pool_class == NULL)
            continue;
        if (host_offers(t, "", g->zone, g->pool_class, &any, e) < 0)
            return -1;
        if (any)
            continue;
        if (offers_text(t, a, &offers, e) < 0)
            return -1;
        *why = arena_printf(a, "no host is of zone/pool class %s/%s; there are: %s",
                            g->zone == NULL ? "-" : g->zone,
                            g->pool_class == NULL ? "-" : g->pool_class, offers);
    }
    return 0;
}

int
api_host_set(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_host_settings *in = k->in;
    SCOPED(strbuf) struct strbuf body = {0};
    int changed = 0;

    if (DB_EXEC(t->d, DB_HOST_SET, &changed, e, DBS(in->zone), DBS(in->pool_class), DBS(k->id)) < 0)
        return -1;
    if (changed == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host %s", k->id);
    jm_encode(schema_host_settings, in, &body);
    return ledger_append(t, k->who.account, "host.set", k->id, strbuf_peek(&body), e) < 0
               ? -1
               : hosts_view(t, k->id, k->a, k->out, e);
}
