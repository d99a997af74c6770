/* The inbox: what waits for me, and until when. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"
#include "drivers/base/clock.h"

#define COLUMNS "due_ms overdue kind number title todo unit_name since_ms command"
enum { PAGE = 1000, ALL_MAX = 10000, LOOK_MS = 2000 };

static const char *
first_page(struct cli *c, uint64_t limit)
{
    const char *path = arena_printf(&c->a, "/v1/inbox?limit=%d%s", limit < PAGE ? (int)limit : PAGE,
                                    cli_opt(c, "overdue") != NULL ? "&overdue=1" : "");

    return cli_query(c, path, "kind", cli_opt(c, "kind"));
}

static void
append(struct cli *c, struct w_inbox_list *all, const struct w_inbox_list *l)
{
    size_t n = all->items.n + l->items.n;
    struct w_inbox_item *items = arena_alloc(&c->a, (n + 1) * sizeof(*items));

    if (all->items.n > 0)
        memcpy(items, all->items.items, all->items.n * sizeof(*items));
    if (l->items.n > 0)
        memcpy(items + all->items.n, l->items.items, l->items.n * sizeof(*items));
    all->items = (struct jm_list){items, n};
}

static int
look(struct cli *c, struct w_inbox_list *all, struct err *e)
{
    struct w_inbox_list l;
    const char *path;
    uint64_t limit;

    if (cli_limit(c, &limit, e) < 0)
        return -1;
    path = first_page(c, limit);
    if (CLI_GET(c, path, inbox_list, all, e) < 0)
        return -1;
    l = *all;
    while (l.next != NULL && all->items.n < limit && all->items.n < ALL_MAX) {
        if (CLI_GET(c, cli_query(c, path, "after", l.next), inbox_list, &l, e) < 0)
            return -1;
        append(c, all, &l);
    }
    all->next = l.next;
    return 0;
}

static int
print_counts(struct cli *c, const struct w_inbox_list *l, struct err *e)
{
    static const struct jm_field rows[] = {{.name = "items",
                                            .doc = "counts",
                                            .type = JM_LIST,
                                            .sub = schema_inbox_count,
                                            .sub_size = sizeof(struct w_inbox_count)},
                                           {0}};
    struct {
        struct jm_list items;
    } counts = {l->counts};

    return cli_print_list(c, rows, &counts, "kind to_do overdue", e);
}

static int
print(struct cli *c, struct w_inbox_list *l, struct err *e)
{
    if (cli_opt(c, "json") == NULL) {
        if (cli_opt(c, "counts") != NULL)
            return print_counts(c, l, e);
        for (size_t i = 0; i < l->items.n; i++) {
            struct w_inbox_item *v = JM_ITEM(l->items, struct w_inbox_item, i);

            if (v->todo != NULL)
                v->todo = say(c->lang, v->todo);
        }
        if (l->next != NULL)
            fprintf(stderr, "%s\n",
                    say(c->lang, "there are more: narrow the list with --kind or --overdue"));
    }
    return cli_print_list(c, schema_inbox_list, l, COLUMNS, e);
}

/* Print it anew whenever it has changed, until --timeout or a signal. */
static int
follow(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf was = {0};
    int64_t limit_ms, start_ms = clock_mono_ms();
    struct arena kept = c->a;
    int rc = 0;

    if (cli_opt_ms(c, "timeout", INT64_MAX, &limit_ms, e) < 0)
        return -1;
    while (rc == 0) {
        SCOPED(strbuf) struct strbuf now = {0};
        struct w_inbox_list l;

        c->a = (struct arena){0};
        rc = look(c, &l, e);
        if (rc == 0) {
            jm_encode(schema_inbox_list, &l, &now);
            if (was.len == 0 || strcmp(strbuf_peek(&was), strbuf_peek(&now)) != 0) {
                if (isatty(STDOUT_FILENO) != 0)
                    printf("\033[H\033[2J");
                rc = print(c, &l, e);
                (void)fflush(stdout);
                strbuf_reset(&was);
                strbuf_adds(&was, strbuf_peek(&now));
            }
        }
        arena_clear(&c->a);
        c->a = kept;
        if (clock_mono_ms() - start_ms >= limit_ms)
            break;
        (void)nanosleep(&(struct timespec){.tv_sec = LOOK_MS / 1000}, NULL);
    }
    return rc;
}

int
cmd_inbox(struct cli *c, struct err *e)
{
    struct w_inbox_list l;

    if (cli_opt(c, "watch") != NULL)
        return follow(c, e);
    return look(c, &l, e) < 0 ? -1 : print(c, &l, e);
}
