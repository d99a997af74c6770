/* Lists that have pages: asked for page by page, until the last or enough, into one list. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"

enum { PAGE = 1000, UNASKED = 1000, MOST = 1000000 };

/* How many the person wants. */
static int
wanted(const struct cli *c, uint64_t *most, bool *asked, struct err *e)
{
    if (cli_limit(c, most, e) < 0)
        return -1;
    *asked = *most != UINT32_MAX || cli_opt(c, "all") != NULL;
    if (!*asked)
        *most = UNASKED;
    else if (*most > MOST)
        *most = MOST;
    return 0;
}

static void
join(struct cli *c, struct jm_list *all, size_t *room, const struct jm_list *page, size_t size)
{
    if (all->n + page->n > *room) {
        char *more = arena_alloc(&c->a, 2 * (all->n + page->n) * size);

        if (all->n > 0)
            memcpy(more, all->items, all->n * size);
        all->items = more;
        *room = 2 * (all->n + page->n);
    }
    if (page->n > 0)
        memcpy((char *)all->items + all->n * size, page->items, page->n * size);
    all->n += page->n;
}

bool
cli_has_pages(const char *method, const char *path, const struct jm_field *schema)
{
    return strcmp(method, "GET") == 0 && schema != NULL && strstr(path, "limit=") == NULL &&
           cli_field(schema, "items", 5) != NULL && cli_field(schema, "next", 4) != NULL;
}

/* The first page is *out; the items of the others come behind its own. */
static int
follow(struct cli *c, const char *path, const struct jm_field *schema, size_t size, void *out,
       uint64_t most, struct err *e)
{
    const struct jm_field *items = cli_field(schema, "items", 5);
    size_t next_off = cli_field(schema, "next", 4)->off, room = 0;
    struct jm_list all = {0};
    const char *next = NULL;

    do {
        char *page = next == NULL ? out : memset(arena_alloc(&c->a, size), 0, size);
        const char *at =
            cli_query(c, path, "limit", arena_printf(&c->a, "%d", most < PAGE ? (int)most : PAGE));

        if (cli_send(c, "GET", cli_query(c, at, "after", next), NULL, 0, schema, size, page, e) < 0)
            return -1;
        join(c, &all, &room, (const struct jm_list *)(const void *)(page + items->off),
             items->sub_size);
        memcpy(&next, page + next_off, sizeof(next));
    } while (next != NULL && all.n < most);
    memcpy((char *)out + items->off, &all, sizeof(all));
    memcpy((char *)out + next_off, &next, sizeof(next));
    return 0;
}

int
cli_pages(struct cli *c, const char *path, const struct jm_field *schema, size_t size, void *out,
          struct err *e)
{
    return follow(c, path, schema, size, out, MOST, e);
}

static int
count(struct cli *c, const char *path, struct err *e)
{
    struct w_list_count n = {0};

    c->streamed = true;
    if (cli_send(c, "GET", cli_query(c, path, "format", "count"), NULL, 0, schema_list_count,
                 sizeof(n), &n, e) < 0)
        return -1;
    cli_count(c, &n);
    return 0;
}

int
cli_list(struct cli *c, const char *path, const struct jm_field *schema, size_t size, void *out,
         struct err *e)
{
    const char *next;
    uint64_t most;
    bool asked;

    if (wanted(c, &most, &asked, e) < 0)
        return -1;
    memset(out, 0, size);
    if (c->follow != NULL)
        return follow_list(c, path, schema, size, out, e);
    if (cli_opt(c, "count") != NULL && cli_has_pages("GET", path, schema))
        return count(c, path, e);
    if (stream_fits(c, path, schema))
        return stream_list(c, path, schema, e);
    if (!cli_has_pages("GET", path, schema))
        return cli_send(c, "GET", path, NULL, 0, schema, size, out, e);
    if (follow(c, path, schema, size, out, most, e) < 0)
        return -1;
    memcpy(&next, (const char *)out + cli_field(schema, "next", 4)->off, sizeof(next));
    if (next != NULL && !asked)
        cli_line(c, stderr, "these are the first %d: --all shows the rest, --limit N so many",
                 UNASKED);
    return 0;
}
