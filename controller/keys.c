#include "controller/keys.h"

#include <stdio.h>

#include "controller/listing.h"

int
keys_list(struct db *d, struct arena *a, struct jm_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_KEY_STATEMENTS, &r, e, DBI(KEYS_KEPT)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_paper *p = listing_add(out, sizeof(*p), a);

        p->text = arena_strdup(a, db_str(r, 0));
    }
    return rc;
}

int
keys_holder(struct db *d, const char *key_id, char account[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_ACCOUNT_KEY_GET, &r, e, DBS(key_id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_DENIED, "no account holds the key %.16s…", key_id);
    if (db_int(r, 1) != 0 || db_int(r, 2) != ROLE_BUREAU)
        return err_set(e, BY_E_DENIED,
                       "the account that holds the key %.16s… is disabled or not of the bureau",
                       key_id);
    (void)snprintf(account, W_ID, "%s", db_str(r, 0));
    return 0;
}
