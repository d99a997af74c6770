#include "controller/api_order.h"

#include <string.h>

#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"

void
order_view_fill(const struct order_row *o, bool paper, struct w_order_view *v)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->id, o->id, sizeof(v->id));
    memcpy(v->grant, o->grant, sizeof(v->grant));
    memcpy(v->resource, o->resource, sizeof(v->resource));
    memcpy(v->name, o->name, sizeof(v->name));
    memcpy(v->host, o->host, sizeof(v->host));
    v->kind = o->kind;
    v->verb = o->verb;
    v->wanted = o->wanted;
    v->generation = o->generation;
    v->issued_at_ms = o->issued_ms;
    v->closed_at_ms = o->closed_ms;
    v->superseded = o->superseded_ms > 0;
    v->reason = o->reason[0] == '\0' ? NULL : o->reason;
    if (v->reason == NULL && o->closed_ms == 0 && o->superseded_ms == 0)
        v->reason = "the host has not read it back as equal yet";
    v->paper = paper ? o->paper : NULL;
}

void
order_view_new(const struct w_order *o, const char *name, struct w_order_view *v)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->id, o->id, sizeof(v->id));
    memcpy(v->grant, o->grant, sizeof(v->grant));
    memcpy(v->resource, o->resource, sizeof(v->resource));
    memcpy(v->host, o->host, sizeof(v->host));
    memcpy(v->name, name, strlen(name) + 1);
    v->kind = o->kind;
    v->verb = o->verb;
    v->wanted = o->wanted;
    v->generation = o->generation;
    v->issued_at_ms = o->issued_at_ms;
}

struct list {
    struct order_filter f;
    struct paging p;
};

static int
list_add(void *arg, const struct order_row *o, struct err *e)
{
    struct list *l = arg;
    struct w_order_view *to = paging_add(&l->p, order_list_key(&l->f, o), o->id, "");

    (void)e;
    if (to != NULL)
        order_view_fill(o, false, to);
    return 0;
}

int
api_order_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_order_list *out = k->out;
    struct list l = {.f = {.unit = own_filter(k),
                           .grant = param_text(k, "grant"),
                           .resource = param_text(k, "resource"),
                           .host = param_text(k, "host"),
                           .open = param_flag(k, "open")}};

    if (PAGING_OPEN(&l.p, k, out, order_view, INT64_MAX, e) < 0)
        return -1;
    l.f.from = l.p.from;
    return order_each(t->d, &l.f, k->a, list_add, &l, e);
}

int
api_order_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct order_row o;

    if (order_row_get(t->d, k->id, k->a, &o, e) < 0 || own_check(k, o.unit, "order", e) < 0)
        return -1;
    order_view_fill(&o, true, k->out);
    return 0;
}
