/* Undoing what a unit did by itself: always a new act with new orders, never an edit; and only
 * while the thing still is as the act left it. */
#include <stdio.h>
#include <string.h>

#include "controller/own.h"
#include "controller/paging.h"
#include "controller/self.h"

/* Why it cannot be undone now, or NULL.  r: as the register has it. */
static const char *
why_not(const struct act_row *u, const struct resource_row *r, int64_t now_ms)
{
    bool same =
        r->vcpus == u->after.vcpus && r->mem_mib == u->after.mem_mib && r->bytes == u->after.bytes;

    if (u->undone_by[0] != '\0')
        return "it was undone already";
    if (now_ms > u->until_ms)
        return "the time for undoing it is over";
    if (r->absent_ms > 0 || r->wanted == WANT_ABSENT)
        return "it is erased, or being erased";
    switch ((enum w_unit_act)u->what) {
    case ACT_RESIZE:
        if (u->after.bytes > u->before.bytes)
            return "a disk that has grown is never cut";
        return same ? NULL : "its size was changed since";
    case ACT_RENAME:
        return strcmp(r->name, u->after.name) == 0 ? NULL : "its name was changed since";
    case ACT_ATTACH:
    case ACT_DETACH:
        return strcmp(r->vm, u->after.vm) == 0 ? NULL : "it was attached or detached since";
    case ACT_CREATE:
        return r->wanted != WANT_BINNED ? NULL : "it is in the recycle bin already";
    case ACT_BIN:
    case ACT_RESTORE:
    case ACT_START:
    case ACT_STOP:
        return r->wanted == u->after.wanted ? NULL : "something else was done with it since";
    case ACT_NONE:
    case ACT__MAX:
        break;
    }
    return "it is nothing that can be undone";
}

struct list {
    struct api_call *k;
    struct tx *t;
    struct paging p;
};

static int
list_add(void *arg, const struct act_row *u, struct err *e)
{
    struct list *l = arg;
    struct w_unit_act_view *v = paging_add(&l->p, u->seq, "", "");
    struct resource_row r;
    const char *why;

    if (v == NULL)
        return 0;
    if (resource_get(l->t->d, u->resource, l->k->a, &r, e) < 0)
        return -1;
    why = why_not(u, &r, l->t->now_ms);
    memcpy(v->id, u->id, sizeof(v->id));
    v->at_ms = u->at_ms;
    v->what = u->what;
    v->kind = r.kind;
    memcpy(v->resource, r.id, sizeof(v->resource));
    memcpy(v->name, r.name, sizeof(v->name));
    memcpy(v->account, u->account, sizeof(v->account));
    v->text = u->text;
    v->can_undo = why == NULL;
    v->until_ms = u->until_ms;
    memcpy(v->undone_by, u->undone_by, sizeof(v->undone_by));
    v->reason = why;
    return 0;
}

int
api_unit_act_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_unit_act_list *out = k->out;
    struct list l = {.k = k, .t = t};

    if (PAGING_OPEN(&l.p, k, out, unit_act_view, INT64_MAX, e) < 0)
        return -1;
    return act_row_each(t->d, own_filter(k), &l.p.from, k->a, list_add, &l, e);
}

/* The act that takes it back, and what it is asked for. */
static int
undo(struct self *s, const struct act_row *u, struct w_unit_act_request *in, struct err *e)
{
    switch ((enum w_unit_act)u->what) {
    case ACT_CREATE:
    case ACT_RESTORE:
        s->what = ACT_BIN;
        return self_simple(s, e);
    case ACT_BIN:
        s->what = ACT_RESTORE;
        return self_simple(s, e);
    case ACT_START:
        s->what = ACT_STOP;
        return self_simple(s, e);
    case ACT_STOP:
        s->what = ACT_START;
        return self_simple(s, e);
    case ACT_RESIZE:
        s->what = ACT_RESIZE;
        in->vcpus = u->before.vcpus;
        in->mem_mib = u->before.mem_mib;
        return self_resize(s, e);
    case ACT_RENAME:
        s->what = ACT_RENAME;
        memcpy(in->name, u->before.name, sizeof(in->name));
        return self_rename(s, e);
    case ACT_ATTACH:
        s->what = ACT_DETACH;
        return self_detach(s, e);
    case ACT_DETACH:
        s->what = ACT_ATTACH;
        memcpy(in->vm, u->other, sizeof(in->vm));
        return self_attach(s, e);
    case ACT_NONE:
    case ACT__MAX:
        break;
    }
    return err_set(e, BY_E_BUG, "act %s: no such act", u->id);
}

int
api_unit_act_undo(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_unit_act_request *asked = k->in;
    struct w_unit_act_request *in = arena_alloc(k->a, sizeof(*in));
    struct self *s = arena_alloc(k->a, sizeof(*s));
    struct act_row u;
    const char *why;

    if (act_row_get(t->d, k->id, k->a, &u, e) < 0 || own_check(k, u.unit, "act", e) < 0)
        return -1;
    *in = (struct w_unit_act_request){.restart = asked->restart,
                                      .restart_at_ms = asked->restart_at_ms,
                                      .confirm = asked->confirm,
                                      .dry_run = asked->dry_run,
                                      .reason = asked->reason};
    if (self_open(s, k, t, ACT_NONE, in, u.resource, e) < 0)
        return -1;
    why = why_not(&u, &s->r, t->now_ms);
    if (why != NULL)
        return err_set(e, BY_E_CONFLICT, "'%s' cannot be undone: %s", u.text, why);
    s->undo_of = arena_strdup(k->a, u.id);
    return undo(s, &u, in, e);
}
