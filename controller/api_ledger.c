/* The ledger, page by page, with what is needed to check it. */
#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/keys.h"
#include "controller/listing.h"
#include "controller/params.h"
#include "controller/routes.h"

#define PAGE_ENTRIES 500
#define PAGE_BYTES (4 * 1024 * 1024)

static size_t
ledger_read(const struct db_rows *r, struct arena *a, struct w_ledger_entry *en)
{
    en->seq = (uint64_t)db_int(r, 0);
    en->at_ms = db_int(r, 1);
    (void)snprintf(en->actor, sizeof(en->actor), "%s", db_str(r, 2));
    (void)snprintf(en->act, sizeof(en->act), "%s", db_str(r, 3));
    (void)snprintf(en->subject, sizeof(en->subject), "%s", db_str(r, 4));
    en->body = db_is_null(r, 5) ? NULL : arena_strdup(a, db_str(r, 5));
    (void)snprintf(en->body_sha256, sizeof(en->body_sha256), "%s", db_str(r, 6));
    (void)snprintf(en->hash, sizeof(en->hash), "%s", db_str(r, 7));
    return db_len(r, 5) + 400;
}

/* The head of the same snapshot as the entries: a newer one would not fit the last page. */
static int
ledger_head_of(struct db *d, struct arena *a, const char **out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (db_query(d, DB_LEDGER_HEAD_GET, NULL, 0, &r, e) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    *out = rc == 1 ? arena_strdup(a, db_str(r, 0)) : NULL;
    return 0;
}

int
api_ledger_page(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_ledger_page *out = k->out;
    int64_t after = param_number(k, "after", 0), limit = param_number(k, "limit", PAGE_ENTRIES);
    size_t bytes = 0;
    int rc = 0;

    if (DB_QUERY(t->d, DB_LEDGER_PAGE, &r, e, DBI(after), DBI(limit)) < 0)
        return -1;
    while (bytes < PAGE_BYTES && (rc = db_next(r, e)) == 1)
        bytes +=
            ledger_read(r, k->a, listing_add(&out->items, sizeof(struct w_ledger_entry), k->a));
    if (rc < 0 || ledger_head_of(t->d, k->a, &out->head, e) < 0)
        return -1;
    return keys_list(t->d, k->a, &out->keys, e);
}
