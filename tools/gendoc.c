/* Prints docs/api.md out of the rows: routes, objects, error codes; `gendoc openapi` prints
 * docs/openapi.json, `gendoc metrics` docs/metrics.md,
 * `gendoc metrics controller|agent` what that daemon prints.  What a reader sees is what the
 * router and the decoder use, so it cannot be out of date. */
#include <stdio.h>
#include <string.h>

#include "agent/metrics.h"
#include "controller/metrics.h"
#include "controller/openapi.h"
#include "controller/params.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/jclass.h"
#include "drivers/codec/jscan.h"
#include "drivers/codec/wire.h"

struct doc_route {
    const char *method, *path, *roles, *handler, *in, *out, *doc;
};

static const struct doc_route routes[] = {
#define ROUTE(m, p, r, h, i, o, d) {#m, p, #r, #h, #i, #o, d},
#include "controller/routes.def"
#undef ROUTE
};

/* Text in a table cell or paragraph. */
static void
put_text(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '|' || *s == '<' || *s == '*')
            putchar('\\');
        putchar(*s);
    }
}

static void
put_lower(const char *s)
{
    for (; *s != '\0'; s++)
        if (*s == '|')
            putchar(',');
        else if (!(*s == ' ' && s[1] == '|'))
            putchar(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
}

static void
put_object_link(const char *name)
{
    if (strcmp(name, "none") == 0)
        printf("—");
    else if (strcmp(name, "raw") == 0)
        printf("as it is");
    else
        printf("[%s](#%s)", name, name);
}

static void
put_routes(bool agents)
{
    printf("| method | path | who | body | answer | what |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        const struct doc_route *r = &routes[i];

        if ((strcmp(r->roles, "AGENT") == 0) != agents)
            continue;
        printf("| %s | `%s` | ", r->method, r->path);
        put_lower(r->roles);
        printf(" | ");
        put_object_link(r->in);
        printf(" | ");
        put_object_link(r->out);
        printf(" | ");
        put_text(r->doc);
        printf(" |\n");
    }
    printf("\n");
}

static const char *
name_of_rows(const struct jm_field *rows)
{
    for (const struct w_object *o = w_objects; o->name != NULL; o++)
        if (o->schema == rows)
            return o->name;
    return "?";
}

static void
put_number(int64_t v)
{
    if (v == INT64_C(9007199254740991))
        printf("2^53-1");
    else if (v == -INT64_C(9007199254740991))
        printf("-(2^53-1)");
    else
        printf("%lld", (long long)v);
}

static void
put_range(const struct jm_field *f)
{
    printf("integer, ");
    put_number(f->min);
    printf(" to ");
    if (f->max != 0 || f->min < 0)
        put_number(f->max);
    else
        put_number(f->type == JM_U32 ? (int64_t)UINT32_MAX : INT64_C(9007199254740991));
}

/* A text whose form leaves its length open. */
static bool
length_open(const struct jm_field *f)
{
    return jclass_room(f->cls) == 2 && f->cls != JM_HOST;
}

static void
put_type(const struct jm_field *f)
{
    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        printf("%s", jclass_name(f->cls));
        if (length_open(f))
            printf(", at most %lld bytes",
                   f->type == JM_STR ? (long long)f->size - 1 : (long long)f->max);
        break;
    case JM_U32:
    case JM_U64:
    case JM_I64:
        put_range(f);
        break;
    case JM_BOOL:
        printf("true or false");
        break;
    case JM_ENUM:
        for (int i = 1; f->names[i] != NULL; i++)
            printf("%s`%s`", i > 1 ? ", " : "", f->names[i]);
        break;
    case JM_OBJ:
        put_object_link(name_of_rows(f->sub));
        break;
    case JM_LIST:
        printf("list of ");
        put_object_link(name_of_rows(f->sub));
        printf(", at most %lld", (long long)f->max);
        break;
    }
}

static void
put_params(void)
{
    printf("An unknown parameter is refused. Flags are 1 or 0.\n\n"
           "| route | parameter | form | what |\n|---|---|---|---|\n");
    for (size_t i = 0; i < params_count; i++) {
        const struct jm_field *f = &params[i].f;

        for (size_t k = 0; k < ARRAY_LEN(routes); k++)
            if (strcmp(routes[k].handler, params[i].route) == 0)
                printf("| `%s` | `%s` | ", routes[k].path, f->name);
        put_type(f);
        printf(" | ");
        put_text(f->doc);
        printf(" |\n");
    }
    printf("\n");
}

static void
put_flags(unsigned flags)
{
    const char *comma = "";

    if ((flags & JM_REQ) != 0) {
        printf("required");
        comma = ", ";
    }
    if ((flags & JM_RO) != 0) {
        printf("%sset by the server", comma);
        comma = ", ";
    }
    if ((flags & JM_SECRET) != 0)
        printf("%ssecret", comma);
}

static void
put_objects(void)
{
    for (const struct w_object *o = w_objects; o->name != NULL; o++) {
        printf("### %s\n", o->name);
        put_text(o->doc);
        printf("\n\n| field | form | | what |\n|---|---|---|---|\n");
        for (const struct jm_field *f = o->schema; f->name != NULL; f++) {
            printf("| `%s` | ", f->name);
            put_type(f);
            printf(" | ");
            put_flags(f->flags);
            printf(" | ");
            put_text(f->doc);
            printf(" |\n");
        }
        printf("\n");
    }
}

static void
put_errors(void)
{
    printf("| title | HTTP status | exit status of `bianyun` | may the same help later |\n"
           "|---|---|---|---|\n");
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++)
        printf("| `%s` | %d | %d | %s |\n", err_code_name((enum err_code)c),
               err_http_status((enum err_code)c), err_exit_status((enum err_code)c),
               err_retryable((enum err_code)c) ? "yes" : "no");
    printf("\n");
}

static void
put_rules(void)
{
    printf("# API\n"
           "Generated by `make docs` from `controller/routes.def` and `drivers/codec/wire.def`; "
           "change those, not this page.\n\n"
           "## Rules\n"
           "- HTTP/1.1 over TLS 1.3, JSON in UTF-8. People send `Authorization: Bearer TOKEN` "
           "(see `POST /v1/sessions`); hosts use their certificate on a listener of their own.\n"
           "- A body is one JSON object (RFC 8259) of at most %d MiB (a listener "
           "takes less: 413), nested at most %d deep, with "
           "at most %d keys, %d in one object, none of them twice. Numbers are whole. Unknown and "
           "read-only fields are refused from people; hosts' unknown fields are ignored.\n"
           "- Times are UTC milliseconds since 1970, in fields that end in `_ms`. Ids are "
           "UUIDs in lower case.\n"
           "- Answers leave empty fields out and are canonical (RFC 8785).\n"
           "- A list has pages: `next` of one, unchanged as `?after=`, is the next; without `next` it "
           "was the last. A filter looks at some rows a page, so one with few rows, or none, may "
           "have a `next` too.\n"
           "- `?format=csv` or `jsonl` of a list sends every row, of one moment, in chunks; without "
           "the last chunk it is not whole. Of CSV the first line names the fields, and a cell that "
           "a spreadsheet would calculate begins with an apostrophe. `?format=count` answers "
           "[list_count](#list_count).\n"
           "- `?known=HASH&wait=SECONDS` of a list waits while its answer has that SHA-256, and "
           "then sends it all the same: news without asking again and again.\n"
           "- `request` is an id that the caller makes: the same id with the same body gets the "
           "same answer again; with another body it is refused as `conflict`.\n"
           "- An error is a [problem](#problem) (RFC 9457): `title` is one of the words below, "
           "`detail` a sentence to act on, in Chinese for who accepts that (`Accept-Language: "
           "zh`), `field` the path of the field at fault, as in "
           "`lines[2].vcpus`.\n\n",
           JSCAN_MAX_BYTES >> 20, JSCAN_MAX_DEPTH, JSCAN_MAX_KEYS, JSCAN_MAX_OBJECT_KEYS);
}

static void
put_words(const struct metric_label *l)
{
    /* Routes are in api.md; of others one version stands for all. */
    if (l->n > METRIC_FEW) {
        printf("`%s`: see [api.md](api.md)", l->name);
        return;
    }
    printf("`%s`%s", l->name, l->n == 1 ? "" : ":");
    for (size_t i = 0; l->n > 1 && i < l->n; i++)
        printf("%s %s", i == 0 ? "" : ",", l->words[i]);
}

static void
put_metrics(const char *title, const char *how, const struct metric_row *rows, size_t n)
{
    static const char *const units[] = {"", "seconds", "bytes"};

    printf("## %s\n%s\n\n| metric | kind | unit | labels | what |\n|---|---|---|---|---|\n", title,
           how);
    for (size_t i = 0; i < n; i++) {
        printf("| `%s` | %s | %s | ", rows[i].name, metric_kind_name(rows[i].kind),
               units[rows[i].unit]);
        if (rows[i].label != NULL)
            put_words(rows[i].label);
        if (rows[i].label2 != NULL) {
            printf("; ");
            put_words(rows[i].label2);
        }
        printf(" | ");
        put_text(rows[i].help);
        printf(" |\n");
    }
    printf("\n");
}

static int
main_metrics(void)
{
    printf("# Metrics\nWritten by `make docs` out of the rows that the daemons print. Text format "
           "0.0.4 of Prometheus.\nWho may read them, how to scrape, what to be woken by: "
           "[operations](operations.md#metrics).\nLabels have the words that are listed and no "
           "others: no id, no name, no text of a user. A gauge\nthat is not known yet is left "
           "out; so are series of `bianyun_requests_total` that are 0.\n\n");
    put_metrics("The controller", "`GET /metrics` on the people's listener.", controller_metrics,
                CM__MAX);
    put_metrics("The agent",
                "In the file that `[metrics] file` names, for node_exporter's textfile collector; "
                "without it nothing is kept.",
                agent_metrics, AM__MAX);
    return ferror(stdout) != 0;
}

/* As a daemon prints it when everything is known, for promtool. */
static int
main_sample(const struct metric_row *rows, size_t n)
{
    SCOPED(metrics_free) struct metrics *m = NULL;
    SCOPED(strbuf) struct strbuf b = {0};

    if (metrics_new(rows, n, &m, NULL) < 0)
        return 1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < metric_series(&rows[i]); k++)
            if (rows[i].kind == METRIC_HISTOGRAM)
                metric_observe(m, i, k, 1500000);
            else
                metric_set(m, i, k, 1500000);
    metrics_text(m, &b);
    (void)fputs(strbuf_peek(&b), stdout);
    return ferror(stdout) != 0;
}

int
main(int argc, char **argv)
{
    SCOPED(strbuf) struct strbuf json = {0};

    if (argc == 2 && strcmp(argv[1], "metrics") == 0)
        return main_metrics();
    if (argc == 3 && strcmp(argv[1], "metrics") == 0)
        return strcmp(argv[2], "agent") == 0 ? main_sample(agent_metrics, AM__MAX)
                                             : main_sample(controller_metrics, CM__MAX);
    if (argc == 2 && strcmp(argv[1], "openapi") == 0) {
        openapi_write(&json);
        (void)fputs(strbuf_peek(&json), stdout);
        return ferror(stdout) != 0;
    }
    put_rules();
    put_errors();
    printf("## Routes for people\n`any` is every signed-in account, `open` needs none.\n\n");
    put_routes(false);
    printf("### Query parameters\n");
    put_params();
    printf("## Routes for hosts\n\n");
    put_routes(true);
    printf("## Objects\n\n");
    put_objects();
    return ferror(stdout) != 0;
}
