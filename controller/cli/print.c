/* Tables and objects, by reflection over the rows of wire.def: a field is said once. */
#include <libsmartcols/libsmartcols.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/cli.h"
#include "drivers/codec/csv.h"

static void
print_json(const struct jm_field *schema, const void *obj)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema, obj, &b);
    printf("%s\n", strbuf_peek(&b));
}

/* Fields named in columns, in their order; returns how many, 0 when one is no field. */
static size_t
pick_columns(const struct jm_field *schema, const char *columns, const struct jm_field **out)
{
    size_t n = 0;

    for (const char *p = columns; *p != '\0' && n < CLI_COLUMNS_MAX;) {
        size_t len = strcspn(p, " ");

        out[n] = cli_field(schema, p, len);
        if (out[n++] == NULL)
            return 0;
        p += len + strspn(p + len, " ");
    }
    return n;
}

/* Elsewhere a "number" is that of an approval. */
static const char *
label_of(const struct cli *c, const struct jm_field *schema, const struct jm_field *f)
{
    static const struct {
        const struct jm_field *schema;
        const char *name, *label;
    } others[] = {
        {schema_calendar_view, "number", "notice number"},
        {schema_case_item, "number", "case_number"},
        {schema_case_view, "number", "case_number"},
        {schema_image_view, "boot", "boot firmware"},
        {schema_inbox_item, "number", "number or name"},
    };

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (others[i].schema == schema && strcmp(others[i].name, f->name) == 0)
            return say(c->lang, others[i].label);
    return say(c->lang, f->name);
}

/* Texts are UTF-8 whatever the place says: in another locale, or one that is not installed, each
 * Chinese character would come out as an escape. */
static void
locale_set(void)
{
    if (setlocale(LC_ALL, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* English: the field's name in capitals without its unit, which the values carry, and without
 * _name, which they show. */
static const char *
heading(struct cli *c, const struct jm_field *schema, const struct jm_field *f)
{
    static const char *const units[] = {"_at_ms", "_ms",      "_mib", "_gib",
                                        "_bytes", "_percent", "_name"};
    char *title;

    if (c->lang != SAY_EN && say_has(f->name))
        return label_of(c, schema, f);
    title = arena_strdup(&c->a, f->name);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (cli_ends_with(title, units[i])) {
            title[strlen(title) - strlen(units[i])] = '\0';
            break;
        }
    for (char *q = title; *q != '\0'; q++)
        *q = *q == '_' ? '-' : *q >= 'a' && *q <= 'z' ? (char)(*q - 32) : *q;
    return title;
}

static bool
is_number(const struct jm_field *f)
{
    return (f->type == JM_U32 || f->type == JM_U64 || f->type == JM_I64) &&
           !cli_ends_with(f->name, "_ms");
}

/* On a narrow terminal texts are cut, numbers and the first column never; into a file all is whole.
 */
static int
new_columns(struct cli *c, struct libscols_table *t, const struct jm_field *schema,
            const struct jm_field *const *f, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        bool yields = f[i]->type == JM_TEXT || f[i]->cls == JM_UUID || f[i]->cls == JM_SHA256;
        int flags = is_number(f[i]) ? SCOLS_FL_RIGHT : i > 0 && yields ? SCOLS_FL_TRUNC : 0;

        if (scols_table_new_column(t, heading(c, schema, f[i]), 0, flags) == NULL)
            return err_set(e, BY_E_NOMEM, "no memory for a table of %zu columns", n);
    }
    return 0;
}

/* A zero that the answer would leave out says that nothing is known: an empty cell. */
static const char *
cell(struct cli *c, const struct jm_field *schema, const struct jm_field *f, const void *row)
{
    if (is_number(f) && (f->flags & (JM_KEEP0 | JM_REQ)) == 0 && cli_number(f, row) == 0)
        return "";
    return cli_text(c, schema, f, row, false);
}

static const char *
shown(struct libscols_line *line, size_t k)
{
    const char *s = scols_cell_get_data(scols_line_get_cell(line, k));

    return s == NULL ? "" : s;
}

/* A watched list: on a terminal what is new or another stands out, elsewhere it alone is printed.
 * A row is known by its id, one without by its first cells: of what, and which metric. */
static void
mark(struct cli *c, struct libscols_table *t, struct libscols_line *line, size_t n, const char *id)
{
    SCOPED(strbuf) struct strbuf text = {0}, key = {0};
    bool fresh;

    for (size_t k = 0; k < n; k++)
        strbuf_addf(&text, "%s%s", k > 0 ? "  " : "", shown(line, k));
    strbuf_addf(&key, "%s  %s", shown(line, 0), n > 1 ? shown(line, 1) : "");
    fresh = follow_row(c, id != NULL ? id : strbuf_peek(&key), strbuf_peek(&text));
    if (isatty(STDOUT_FILENO) != 0 && fresh)
        (void)scols_line_set_color(line, "bold");
    else if (isatty(STDOUT_FILENO) == 0 && !fresh && !follow_first(c))
        scols_table_remove_line(t, line);
}

static int
add_rows(struct cli *c, struct libscols_table *t, const struct jm_field *items,
         const struct jm_list *list, const char *columns, struct err *e)
{
    const struct jm_field *f[CLI_COLUMNS_MAX];
    const struct jm_field *id = cli_field(items->sub, "id", 2);
    size_t n = pick_columns(items->sub, columns, f);

    if (n == 0)
        return err_set(e, BY_E_BUG, "the columns '%s' are not all fields of the rows", columns);
    if (new_columns(c, t, items->sub, f, n, e) < 0)
        return -1;
    for (size_t i = 0; i < list->n; i++) {
        struct libscols_line *line = scols_table_new_line(t, NULL);
        const char *row = (const char *)list->items + i * items->sub_size;

        if (line == NULL)
            return err_set(e, BY_E_NOMEM, "no memory for a table of %zu rows", list->n);
        for (size_t k = 0; k < n; k++)
            (void)scols_line_set_data(line, k, cell(c, items->sub, f[k], row)); /* copied */
        if (c->follow != NULL)
            mark(c, t, line, n, id != NULL && id->type == JM_STR ? row + id->off : NULL);
    }
    return 0;
}

int
cli_limit(const struct cli *c, uint64_t *out, struct err *e)
{
    if (cli_opt_u64(c, "limit", UINT32_MAX, UINT32_MAX, out, e) < 0)
        return -1;
    return *out > 0 ? 0 : err_set(e, BY_E_INVALID, "--limit is at least 1");
}

/* A copy of the answer that has at most --limit items. */
static void *
limited(struct cli *c, const struct jm_field *items, const void *list, uint64_t limit)
{
    size_t size = items->off + items->size;
    char *copy;
    struct jm_list *l;

    for (const struct jm_field *f = items; f->name != NULL; f++) /* items may come first */
        if (f->off + f->size > size)
            size = f->off + f->size;
    copy = arena_alloc(&c->a, size);
    memcpy(copy, list, size);
    l = (struct jm_list *)(void *)(copy + items->off);
    if (l->n > limit)
        l->n = (size_t)limit;
    return copy;
}

static void
print_rows(struct cli *c, struct libscols_table *t)
{
    if (c->follow != NULL && isatty(STDOUT_FILENO) != 0) {
        printf("\033[H\033[2J");
        (void)fflush(stdout); /* the table goes there by itself */
        (void)scols_table_enable_colors(t, 1);
    } else if (c->follow != NULL && !follow_first(c)) {
        (void)scols_table_enable_noheadings(t, 1);
    }
    (void)scols_print_table(t);
    if (c->follow != NULL)
        follow_end(c);
}

/* The list that is the field called name of obj, as a table. */
static int
print_table(struct cli *c, const struct jm_field *schema, const char *name, const void *obj,
            const char *columns, struct err *e)
{
    const struct jm_field *items = cli_field(schema, name, strlen(name));
    const struct jm_list *l;
    struct libscols_table *t;
    int rc;

    l = (const struct jm_list *)(const void *)((const char *)obj + items->off);
    locale_set();
    t = scols_new_table();
    if (t == NULL)
        return err_set(e, BY_E_NOMEM, "no memory for a table");
    rc = add_rows(c, t, items, l, columns, e);
    if (rc == 0)
        print_rows(c, t);
    scols_unref_table(t);
    if (rc == 0 && l->n == 0 && isatty(STDOUT_FILENO) != 0)
        fprintf(stderr, "%s\n", say(c->lang, "nothing to list"));
    return rc;
}

/* Texts, and times as on the screen; a span of time stays a number, one that is absent is empty. */
static bool
is_csv_text(const struct jm_field *f, const void *row)
{
    int64_t v;

    if (f->type == JM_STR || f->type == JM_TEXT || f->type == JM_ENUM || f->type == JM_BOOL)
        return true;
    if (!cli_ends_with(f->name, "_ms"))
        return false;
    v = cli_number(f, row);
    return v > CLI_TIMES_FROM_MS ||
           (v == 0 && (cli_ends_with(f->name, "at_ms") || cli_ends_with(f->name, "of_ms") ||
                       (f->flags & (JM_KEEP0 | JM_REQ)) == 0));
}

bool
cli_named_beside(const struct jm_field *schema, const struct jm_field *f)
{
    char name[80];
    int n = snprintf(name, sizeof(name), "%s_name", f->name);

    return f->type == JM_STR && f->cls == JM_UUID && cli_field(schema, name, (size_t)n) != NULL;
}

void
cli_csv_row(struct cli *c, const struct jm_field *schema, const void *row, struct strbuf *out)
{
    bool first = true;

    for (const struct jm_field *f = schema; f->name != NULL; f++) {
        if (!csv_has(f))
            continue;
        if (cli_named_beside(schema, f))
            csv_text(out, (const char *)row + f->off, first);
        else if (is_csv_text(f, row))
            csv_text(out, cli_text(c, schema, f, row, false), first);
        else
            csv_number(out, cli_number(f, row), first);
        first = false;
    }
    csv_end(out);
}

/* Every field that is a value, under its own name. */
static int
print_csv(struct cli *c, const struct jm_field *schema, const char *name, const void *obj)
{
    const struct jm_field *items = cli_field(schema, name, strlen(name));
    const struct jm_list *l =
        (const struct jm_list *)(const void *)((const char *)obj + items->off);
    SCOPED(strbuf) struct strbuf b = {0};

    csv_head(&b, items->sub);
    for (size_t i = 0; i < l->n; i++)
        cli_csv_row(c, items->sub, (const char *)l->items + i * items->sub_size, &b);
    printf("%s", strbuf_peek(&b));
    return 0;
}

void
cli_count(struct cli *c, const struct w_list_count *n)
{
    if (cli_opt(c, "json") != NULL)
        print_json(schema_list_count, n);
    else if (n->more)
        cli_line(c, stdout, "more than %llu", (unsigned long long)n->count);
    else
        printf("%llu\n", (unsigned long long)n->count);
}

int
cli_print_part(struct cli *c, const struct jm_field *schema, const char *name, const void *obj,
               const char *columns, struct err *e)
{
    uint64_t limit;

    if (c->streamed)
        return 0; /* it was printed as it came */
    if (cli_limit(c, &limit, e) < 0)
        return -1;
    if (cli_opt(c, "count") != NULL) {
        const struct jm_field *items = cli_field(schema, name, strlen(name));
        const struct jm_list *l =
            (const struct jm_list *)(const void *)((const char *)obj + items->off);

        cli_count(c, &(struct w_list_count){.count = l->n});
        return 0;
    }
    if (limit != UINT32_MAX)
        obj = limited(c, cli_field(schema, name, strlen(name)), obj, limit);
    if (cli_opt(c, "csv") != NULL)
        return print_csv(c, schema, name, obj);
    if (cli_opt(c, "json") == NULL)
        return print_table(c, schema, name, obj, columns, e);
    print_json(schema, obj);
    return 0;
}

int
cli_print_list(struct cli *c, const struct jm_field *list_schema, const void *list,
               const char *columns, struct err *e)
{
    return cli_print_part(c, list_schema, "items", list, columns, e);
}

/* Nothing was said in it: an object that was not there. */
static bool
is_blank(const struct jm_field *schema, const void *obj)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++) {
        const char *at = (const char *)obj + f->off;
        bool said = f->type == JM_OBJ    ? !is_blank(f->sub, at)
                    : f->type == JM_LIST ? ((const struct jm_list *)(const void *)at)->n > 0
                    : f->type == JM_STR  ? at[0] != '\0'
                    : f->type == JM_TEXT ? *(const char *const *)(const void *)at != NULL
                                         : cli_number(f, obj) != 0;

        if (said)
            return false;
    }
    return true;
}

/* "host_name" behind "host", which is shown with its name already? */
static bool
is_shown(const struct jm_field *schema, const struct jm_field *f, const void *obj)
{
    const struct jm_field *of;

    if (!cli_ends_with(f->name, "_name"))
        return false;
    of = cli_field(schema, f->name, strlen(f->name) - strlen("_name"));
    return of != NULL && of->cls == JM_UUID && ((const char *)obj + of->off)[0] != '\0';
}

static void
print_fields(struct cli *c, const struct jm_field *schema, const void *obj, int indent)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++) {
        const char *at = (const char *)obj + f->off,
                   *label = c->lang == SAY_EN ? f->name : label_of(c, schema, f);

        if (f->type == JM_OBJ) {
            if (is_blank(f->sub, at))
                continue;
            printf("%*s%s\n", indent, "", label);
            print_fields(c, f->sub, at, indent + 2);
        } else if (f->type == JM_LIST) {
            const struct jm_list *l = (const struct jm_list *)(const void *)at;

            for (size_t i = 0; i < l->n; i++) {
                printf("%*s%s %zu\n", indent, "", label, i + 1);
                print_fields(c, f->sub, (const char *)l->items + i * f->sub_size, indent + 2);
            }
        } else {
            const char *text = is_shown(schema, f, obj) ? "" : cli_text(c, schema, f, obj, true);

            if (text[0] != '\0' && (cli_number(f, obj) != 0 || (f->flags & JM_KEEP0) != 0 ||
                                    f->type == JM_STR || f->type == JM_TEXT))
                printf("%*s%s%*s %s\n", indent, "", label, cli_pad(label, 22 - indent), "", text);
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
            fprintf(stderr, "%s\n", cli_sentence(c, acc->note));
        if (cli_print_list(c, schema_order_list, &l, "name kind verb wanted host generation id",
                           e) < 0)
            return -1;
        cli_undo_orders(c, acc);
    }
    return cli_opt(c, "watch") != NULL && acc->orders.n > 0 ? watch_orders(c, acc, e) : 0;
}
