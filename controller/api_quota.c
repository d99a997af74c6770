#include "controller/api_quota.h"

#include <string.h>

#include "controller/own.h"
#include "controller/paging.h"
#include "controller/quota.h"

struct list {
    struct paging p; /* of grants: each keeps all its rows */
    struct jm_list grants, *rows;
    size_t room;
};

static int
add_grant(void *arg, const char *grant, const struct w_quota_row *rows, size_t n, struct err *e)
{
    struct list *l = arg;

    (void)e;
    if (paging_add(&l->p, 0, grant, "") != NULL && n > 0) {
        memcpy((struct w_quota_row *)l->rows->items + l->rows->n, rows, n * sizeof(*rows));
        l->rows->n += n;
    }
    return 0;
}

int
api_quota_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_quota_list *out = k->out;
    struct list l = {.rows = &out->items};

    if (paging_open(&l.p, k, &l.grants, 1, &out->next, 0, e) < 0)
        return -1;
    l.rows->items = arena_alloc(k->a, l.p.limit * QM__MAX * sizeof(struct w_quota_row));
    return quota_view(t->d, own_filter(k), t->now_ms, l.p.from.id, l.p.from.limit, add_grant, &l,
                      e);
}
