/* Units, and the information systems that they own. */
#include <stdio.h>
#include <string.h>

#include "controller/listing.h"
#include "controller/own.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"

#define MLPS_MAX 3 /* a system above it may not live on this cloud */

int
api_unit_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_unit_list *out = k->out;
    const char *mine = own_filter(k);
    int rc;

    if (DB_QUERY(t->d, DB_UNIT_LIST, &r, e, DBS(mine), DBS(mine)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_unit *u = listing_add(&out->items, sizeof(*u), k->a);

        (void)snprintf(u->id, sizeof(u->id), "%s", db_str(r, 0));
        (void)snprintf(u->name, sizeof(u->name), "%s", db_str(r, 1));
        (void)snprintf(u->code, sizeof(u->code), "%s", db_str(r, 2));
    }
    return rc;
}

int
api_unit_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_unit *in = k->in;
    struct w_unit *out = k->out;

    *out = *in;
    random_uuid(out->id);
    if (DB_EXEC(t->d, DB_UNIT_ADD, NULL, e, DBS(out->id), DBS(in->name), DBS(in->code),
                DBI(t->now_ms)) == 0)
        return 0;
    return e->code == BY_E_CONFLICT
               ? err_field(e, BY_E_CONFLICT, "name", "a unit '%s' is registered already", in->name)
               : -1;
}

int
api_system_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_system_list *out = k->out;
    const char *mine = own_filter(k);
    int rc;

    if (DB_QUERY(t->d, DB_SYSTEM_LIST, &r, e, DBS(mine), DBS(mine), DBS(""), DBS("")) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_system *s = listing_add(&out->items, sizeof(*s), k->a);

        (void)snprintf(s->id, sizeof(s->id), "%s", db_str(r, 0));
        (void)snprintf(s->name, sizeof(s->name), "%s", db_str(r, 1));
        (void)snprintf(s->unit, sizeof(s->unit), "%s", db_str(r, 2));
        s->mlps_level = (uint32_t)db_int(r, 3);
        s->purpose = arena_strdup(k->a, db_str(r, 4));
        s->ssh_key = db_str(r, 5)[0] == '\0' ? NULL : arena_strdup(k->a, db_str(r, 5));
    }
    return rc;
}

int
api_system_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_system *in = k->in;
    struct w_system *out = k->out;

    if (own_check(k, in->unit, "unit", e) < 0)
        return err_field(e, BY_E_DENIED, "unit", "a tenant registers systems of its own unit only");
    if (in->mlps_level > MLPS_MAX)
        return err_field(e, BY_E_INVALID, "mlps_level",
                         "systems above MLPS level %d may not be put on this cloud", MLPS_MAX);
    *out = *in;
    random_uuid(out->id);
    if (DB_EXEC(t->d, DB_SYSTEM_ADD, NULL, e, DBS(out->id), DBS(in->name), DBS(in->unit),
                DBI(in->mlps_level), DBS(in->purpose), DBS(in->ssh_key == NULL ? "" : in->ssh_key),
                DBI(t->now_ms)) == 0)
        return 0;
    if (e->code != BY_E_CONFLICT)
        return -1;
    return err_set(e, BY_E_CONFLICT, "the unit is not registered, or it has a system '%s' already",
                   in->name);
}
