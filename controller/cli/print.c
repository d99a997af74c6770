/* Tables and objects, by reflection over the rows of wire.def: a field is said once. */
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/cli/cli.h"

static bool
ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && strcmp(s + n - m, tail) == 0;
}

static uint64_t
field_number(const struct jm_field *f, const char *at)
{
    switch (f->type) {
    case JM_U32:
        return *(const uint32_t *)(const void *)at;
    case JM_U64:
        return *(const uint64_t *)(const void *)at;
    case JM_I64:
        return (uint64_t) * (const int64_t *)(const void *)at;
    case JM_BOOL:
        return *(const bool *)(const void *)at;
    case JM_ENUM:
        return (uint64_t) * (const int *)(const void *)at;
    case JM_STR:
    case JM_TEXT:
    case JM_OBJ:
    case JM_LIST:
        break;
    }
    return 0;
}

/* In the largest unit that divides it. */
static const char *
span_text(struct arena *a, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (ms % units[i].ms == 0)
            return arena_printf(a, "%" PRId64 " %s", ms / units[i].ms, units[i].unit);
    return arena_printf(a, "%" PRId64 " ms", ms);
}

/* Local time for instants, one unit for spans, MiB or GiB for bytes. */
static const char *
number_text(struct arena *a, const char *name, int64_t v)
{
    if (ends_with(name, "_ms") && v > 1000000000000) {
        char buf[40];
        time_t s = (time_t)(v / 1000);
        struct tm tm;

        (void)localtime_r(&s, &tm);
        (void)strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm);
        return arena_strdup(a, buf);
    }
    if (ends_with(name, "_ms"))
        return v == 0 ? "" : span_text(a, v);
    if (ends_with(name, "bytes") && v >= 1048576)
        return v % 1073741824 == 0 ? arena_printf(a, "%" PRId64 " GiB", v / 1073741824)
                                   : arena_printf(a, "%" PRId64 " MiB", v / 1048576);
    return arena_printf(a, "%" PRId64, v);
}

static const char *
field_text(struct arena *a, const struct jm_field *f, const void *obj)
{
    const char *at = (const char *)obj + f->off;

    switch (f->type) {
    case JM_STR:
        return at;
    case JM_TEXT:
        return *(const char *const *)(const void *)at != NULL
                   ? *(const char *const *)(const void *)at
                   : "";
    case JM_BOOL:
        return field_number(f, at) != 0 ? "yes" : "no";
    case JM_ENUM:
        return f->names[field_number(f, at)];
    case JM_U32:
    case JM_U64:
    case JM_I64:
        return number_text(a, f->name, (int64_t)field_number(f, at));
    case JM_OBJ:
    case JM_LIST:
        break;
    }
    return "";
}

static const struct jm_field *
find_field(const struct jm_field *schema, const char *name, size_t len)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++)
        if (strlen(f->name) == len && strncmp(f->name, name, len) == 0)
            return f;
    return NULL;
}

static void
print_json(const struct jm_field *schema, const void *obj)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema, obj, &b);
    printf("%s\n", strbuf_peek(&b));
}

static int
add_rows(struct cli *c, struct libscols_table *t, const struct jm_field *items,
         const struct jm_list *list, const char *columns, struct err *e)
{
    for (size_t i = 0; i < list->n; i++) {
        struct libscols_line *line = scols_table_new_line(t, NULL);
        const char *row = (const char *)list->items + i * items->sub_size;
        size_t col = 0;

        if (line == NULL)
            return err_set(e, BY_E_NOMEM, "no memory for a table of %zu rows", list->n);
        for (const char *p = columns; *p != '\0'; col++) {
            size_t n = strcspn(p, " ");
            const struct jm_field *f = find_field(items->sub, p, n);

            if (f != NULL)
                (void)scols_line_set_data(line, col, field_text(&c->a, f, row)); /* copied */
            p += n + strspn(p + n, " ");
        }
    }
    return 0;
}

int
cli_print_list(struct cli *c, const struct jm_field *list_schema, const void *list,
               const char *columns, struct err *e)
{
    const struct jm_field *items = find_field(list_schema, "items", 5);
    const struct jm_list *l =
        (const struct jm_list *)(const void *)((const char *)list + items->off);
    struct libscols_table *t;
    int rc;

    if (cli_opt(c, "json") != NULL) {
        print_json(list_schema, list);
        return 0;
    }
    (void)setlocale(LC_ALL, "");
    t = scols_new_table();
    if (t == NULL)
        return err_set(e, BY_E_NOMEM, "no memory for a table");
    for (const char *p = columns; *p != '\0';) {
        size_t n = strcspn(p, " ");
        const struct jm_field *f = find_field(items->sub, p, n);
        char title[40];

        (void)snprintf(title, sizeof(title), "%.*s",
                       (int)(ends_with(f->name, "_at_ms") ? n - 6
                             : ends_with(f->name, "_ms")  ? n - 3
                                                          : n),
                       p);
        for (char *q = title; *q != '\0'; q++)
            *q = *q == '_' ? '-' : *q >= 'a' && *q <= 'z' ? (char)(*q - 32) : *q;
        (void)scols_table_new_column(t, title, 0, 0);
        p += n + strspn(p + n, " ");
    }
    rc = add_rows(c, t, items, l, columns, e);
    if (rc == 0)
        (void)scols_print_table(t);
    scols_unref_table(t);
    return rc;
}

static void
print_fields(struct cli *c, const struct jm_field *schema, const void *obj, int indent)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++) {
        const char *at = (const char *)obj + f->off;

        if (f->type == JM_OBJ) {
            printf("%*s%s\n", indent, "", f->name);
            print_fields(c, f->sub, at, indent + 2);
        } else if (f->type == JM_LIST) {
            const struct jm_list *l = (const struct jm_list *)(const void *)at;

            for (size_t i = 0; i < l->n; i++) {
                printf("%*s%s %zu\n", indent, "", f->name, i + 1);
                print_fields(c, f->sub, (const char *)l->items + i * f->sub_size, indent + 2);
            }
        } else {
            const char *text = field_text(&c->a, f, obj);

            if (text[0] != '\0' && (field_number(f, at) != 0 || (f->flags & JM_KEEP0) != 0 ||
                                    f->type == JM_STR || f->type == JM_TEXT))
                printf("%*s%-*s %s\n", indent, "", 22 - indent, f->name, text);
        }
    }
}

int
cli_print_one(struct cli *c, const struct jm_field *schema, const void *obj, struct err *e)
{
    (void)e;
    if (cli_opt(c, "json") != NULL)
        print_json(schema, obj);
    else
        print_fields(c, schema, obj, 0);
    return 0;
}

int
cli_print_accepted(struct cli *c, const struct w_accepted *acc, struct err *e)
{
    struct w_order_list l = {.items = acc->orders};

    if (cli_opt(c, "json") != NULL) {
        print_json(schema_accepted, acc);
    } else {
        if (acc->note != NULL)
            fprintf(stderr, "%s\n", acc->note);
        if (cli_print_list(c, schema_order_list, &l, "id kind name verb wanted generation", e) < 0)
            return -1;
    }
    return cli_opt(c, "watch") != NULL && acc->orders.n > 0 ? watch_orders(c, acc, e) : 0;
}
