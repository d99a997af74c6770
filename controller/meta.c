#include "controller/meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int
meta_get(struct db *d, const char *k, struct arena *a, const char **v, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_META_GET, &r, e, DBS(k)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    *v = rc == 0 ? NULL : arena_strdup(a, db_str(r, 0));
    return 0;
}

int
meta_get_int(struct db *d, const char *k, int64_t *v, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *s = NULL;

    if (meta_get(d, k, &a, &s, e) < 0)
        return -1;
    *v = s == NULL ? 0 : strtoll(s, NULL, 10);
    return 0;
}

int
meta_set(struct db *d, const char *k, const char *v, struct err *e)
{
    return DB_EXEC(d, DB_META_SET, NULL, e, DBS(k), DBS(v));
}

int
meta_set_int(struct db *d, const char *k, int64_t v, struct err *e)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, v);
    return meta_set(d, k, text, e);
}
