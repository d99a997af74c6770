#include "controller/units.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct units {
    pthread_rwlock_t lock;
    void *tree; /* of struct unit_place, by id */
};

/* Each begins with its key. */
static int
units_cmp(const void *x, const void *y)
{
    return strcmp(x, y);
}

static void
units_insert(void **tree, const struct unit_place *p)
{
    struct unit_place *copy = malloc(sizeof(*copy));
    void **at;

    if (copy == NULL)
        abort(); /* as arena: a process without memory starts again */
    *copy = *p;
    at = tsearch(copy, tree, units_cmp);
    if (at == NULL)
        abort();
    if (*at == copy)
        return;
    memcpy(*at, p, sizeof(*p));
    free(copy);
}

int
units_new(struct units **out, struct err *e)
{
    struct units *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    (void)pthread_rwlock_init(&u->lock, NULL);
    *out = u;
    return 0;
}

void
units_free(struct units *u)
{
    if (u == NULL)
        return;
    tdestroy(u->tree, free);
    (void)pthread_rwlock_destroy(&u->lock);
    free(u);
}

int
units_load(struct units *u, struct db *d, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    void *tree = NULL, *old;
    int rc;

    if (db_query(d, DB_UNIT_PARENTS, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct unit_place p;

        (void)snprintf(p.id, sizeof(p.id), "%s", db_str(r, 0));
        (void)snprintf(p.parent, sizeof(p.parent), "%s", db_str(r, 1));
        units_insert(&tree, &p);
    }
    if (rc < 0) {
        tdestroy(tree, free);
        return err_wrap(e, "units");
    }
    (void)pthread_rwlock_wrlock(&u->lock);
    old = u->tree;
    u->tree = tree;
    (void)pthread_rwlock_unlock(&u->lock);
    tdestroy(old, free);
    return 0;
}

void
units_put(struct units *u, const struct unit_place *p)
{
    (void)pthread_rwlock_wrlock(&u->lock);
    units_insert(&u->tree, p);
    (void)pthread_rwlock_unlock(&u->lock);
}

bool
units_is_under(struct units *u, const char *unit, const char *top)
{
    const char *id = unit;
    bool under = false;

    if (unit[0] == '\0' || top[0] == '\0')
        return false;
    (void)pthread_rwlock_rdlock(&u->lock);
    for (int n = 0; n <= UNITS_DEPTH && id[0] != '\0' && !under; n++) {
        void **at = tfind(id, &u->tree, units_cmp);

        if (at == NULL)
            break;
        under = strcmp(id, top) == 0;
        id = (*(struct unit_place **)at)->parent;
    }
    (void)pthread_rwlock_unlock(&u->lock);
    return under;
}
