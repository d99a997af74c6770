#include "controller/paging.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/params.h"
#include "controller/routes.h"

static int
cursor_bad(struct err *e)
{
    return err_field(e, BY_E_INVALID, "after",
                     "pass what the page before gave as 'next', unchanged");
}

/* "LIST~N~LENGTH~ID~TEXT", LENGTH that of ID. */
static int
cursor_read(struct paging *p, const char *v, struct err *e)
{
    size_t name = strlen(p->k->route->name);
    unsigned long len;
    char *end;

    if (strncmp(v, p->k->route->name, name) != 0 || v[name] != '~')
        return err_field(e, BY_E_INVALID, "after",
                         "this is the 'next' of another list: go on there, or begin this one anew");
    p->from.n = strtoll(v + name + 1, &end, 10);
    if (end == v + name + 1 || *end != '~')
        return cursor_bad(e);
    len = strtoul(end + 1, &end, 10);
    if (*end != '~' || len >= W_NAME || strlen(end + 1) < len + 1 || end[1 + len] != '~')
        return cursor_bad(e);
    p->from.id = arena_strndup(p->k->a, end + 1, len);
    p->from.text = arena_strdup(p->k->a, end + 1 + len + 1);
    return 0;
}

int
paging_open(struct paging *p, struct api_call *k, struct jm_list *items, size_t item_size,
            const char **next, int64_t begin, struct err *e)
{
    bool own = k->page_limit == 0;
    const char *after = own ? param_text(k, "after") : k->page_after;

    *p = (struct paging){.k = k,
                         .items = items,
                         .item_size = item_size,
                         .next = next,
                         .limit = own ? (size_t)param_number(k, "limit", PAGING_DEFAULT)
                                      : (size_t)k->page_limit,
                         .first = after[0] == '\0',
                         .from = {.n = begin, .id = "", .text = ""}};
    p->from.limit = (int)p->limit + 1;
    return p->first ? 0 : cursor_read(p, after, e);
}

void
paging_pass(struct paging *p, int64_t n, const char *id, const char *text)
{
    size_t id_len = strnlen(id, sizeof(p->last_id) - 1);
    size_t text_len = strnlen(text, sizeof(p->last_text) - 1);

    memcpy(p->last_id, id, id_len);
    p->last_id[id_len] = '\0';
    memcpy(p->last_text, text, text_len);
    p->last_text[text_len] = '\0';
    p->last_n = n;
}

void
paging_stop(struct paging *p)
{
    if (*p->next == NULL)
        *p->next = arena_printf(p->k->a, "%s~%" PRId64 "~%zu~%s~%s", p->k->route->name, p->last_n,
                                strlen(p->last_id), p->last_id, p->last_text);
}

void *
paging_add(struct paging *p, int64_t n, const char *id, const char *text)
{
    struct arena *a = p->k->a;

    if (p->items->n >= p->limit) {
        paging_stop(p);
        return NULL;
    }
    if (p->items->n == p->room) {
        size_t room = p->room == 0 ? 16 : p->room * 8;
        char *more;

        room = room < p->limit ? room : p->limit;
        more = arena_alloc(a, room * p->item_size);
        if (p->items->n > 0)
            memcpy(more, p->items->items, p->items->n * p->item_size);
        p->items->items = more;
        p->room = room;
    }
    paging_pass(p, n, id, text);
    return (char *)p->items->items + p->item_size * p->items->n++;
}
