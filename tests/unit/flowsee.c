#include "tests/unit/flowsee.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/db/store_quota.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

const char *
flow_named(struct flow *f, const char *name)
{
    struct w_resource_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/resources", NULL, resource_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_resource_view, i)->name, name) == 0)
            return JM_ITEM(l.items, struct w_resource_view, i)->id;
    CU_FAIL_FATAL("no such resource");
    return "";
}

size_t
flow_resources(struct flow *f, enum flow_who who)
{
    struct w_resource_list l;

    OK(FLOW_CALL(f, f->people[who], "GET", "/v1/resources?limit=1000", NULL, resource_list, &l));
    return l.items.n;
}

struct w_resource_view
flow_resource(struct flow *f, const char *id)
{
    struct w_resource_view v;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/resources/%s", id), NULL,
                 resource_view, &v));
    return v;
}

struct w_quota_row
flow_quota(struct flow *f, const char *metric)
{
    struct w_quota_list l;

    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "GET", "/v1/quota", NULL, quota_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_quota_row, i)->metric, metric) == 0)
            return *JM_ITEM(l.items, struct w_quota_row, i);
    CU_FAIL_FATAL("no such metric");
    return (struct w_quota_row){.drift = 1};
}

void
flow_books_are_right(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    int64_t unbalanced = 1, wrong = 1;

    OK(quota_books_wrong(d, &unbalanced, &wrong, &f->err));
    CU_ASSERT_EQUAL(unbalanced, 0);
    CU_ASSERT_EQUAL(wrong, 0);
}

const char *
flow_receipts(struct flow *f, const struct w_desired_answer *set)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_receipts r = {.term = 1, .head = f->head};
    struct w_paper *p = arena_alloc(&f->a, 64 * sizeof(*p));
    const struct jm_list *lists[] = {&set->grants, &set->plans, &set->orders};

    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            p[r.papers.n++] = *JM_ITEM(*lists[l], struct w_paper, lists[l]->n - 1 - i);
    r.papers.items = p;
    jm_encode(schema_receipts, &r, &b);
    return arena_strdup(&f->a, strbuf_peek(&b));
}

struct w_network_part_list
flow_parts(struct flow *f, const char *network)
{
    struct w_network_part_list l = {0};

    CU_ASSERT_EQUAL_FATAL(FLOW_CALL(f, f->people[FLOW_TENANT], "GET",
                                    flow_text(f, "/v1/resources/%s/parts", network), NULL,
                                    network_part_list, &l),
                          0);
    return l;
}

struct w_order
flow_order_at(struct flow *f, const char *host, enum w_res_kind kind)
{
    struct w_order o[64], found = {0};
    size_t n;

    flow_as(f, host);
    f->cursor = 0;
    CU_ASSERT_EQUAL_FATAL(flow_desired(f, 0), 0);
    n = flow_orders(f, o, 64);
    for (size_t i = 0; i < n; i++)
        if (o[i].kind == (int)kind && o[i].wanted != WANT_ABSENT)
            found = o[i];
    return found;
}
