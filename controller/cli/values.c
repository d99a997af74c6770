/* Values as people read them: times in the city's zone, sizes with units, words in the language,
 * names instead of ids. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/cli/cli.h"
#include "drivers/codec/jclass.h"
#include "policies/sentence.h"

bool
cli_ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && strcmp(s + n - m, tail) == 0;
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

int
cli_pad(const char *label, int want)
{
    int width = 0;

    for (const unsigned char *p = (const unsigned char *)label; *p != '\0'; p++)
        width += (*p & 0xc0) == 0x80 ? 0 : *p < 0x80 ? 1 : 2;
    return width < want ? want - width : 0;
}

const char *
cli_time(struct cli *c, int64_t ms)
{
    time_t s = (time_t)(ms / 1000 + (int64_t)c->utc_offset_min * 60);
    char buf[40];
    struct tm tm;

    (void)gmtime_r(&s, &tm);
    (void)strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm);
    return arena_strdup(&c->a, buf);
}

/* In the largest unit of 1024 that keeps it whole; bytes that would then be more than anyone reads,
 * with one decimal. */
static const char *
size_text(struct arena *a, int64_t v, size_t unit)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t first = unit;
    int64_t rest = 0;

    while (v != 0 && v % 1024 == 0 && unit + 1 < ARRAY_LEN(units)) {
        v /= 1024;
        unit++;
    }
    while (first == 0 && v >= 10240 && unit + 1 < ARRAY_LEN(units)) {
        rest = v % 1024;
        v /= 1024;
        unit++;
    }
    return rest != 0
               ? arena_printf(a, "%" PRId64 ".%" PRId64 " %s", v, rest * 10 / 1024, units[unit])
               : arena_printf(a, "%" PRId64 " %s", v, units[unit]);
}

/* A day's end belongs to that day: 2026-12-04 24:00, not the next day's first second. */
static const char *
due_text(struct cli *c, int64_t ms)
{
    const int64_t day_ms = 86400000;

    if ((ms + (int64_t)c->utc_offset_min * 60000) % day_ms != 0)
        return cli_time(c, ms);
    return arena_printf(&c->a, "%.10s 24:00", cli_time(c, ms - day_ms));
}

static const char *
number_text(struct cli *c, const char *name, int64_t v)
{
    if (strcmp(name, "due_ms") == 0 && v > CLI_TIMES_FROM_MS)
        return due_text(c, v);
    if (cli_ends_with(name, "_ms") && v > CLI_TIMES_FROM_MS)
        return cli_time(c, v);
    if (cli_ends_with(name, "_below"))
        return arena_printf(&c->a, "%" PRId64 ".%02d %%", v / 100, (int)(v % 100));
    if (cli_ends_with(name, "_ms"))
        return v == 0 ? "" : span_text(&c->a, v);
    if (cli_ends_with(name, "bytes"))
        return size_text(&c->a, v, 0);
    if (cli_ends_with(name, "_mib"))
        return size_text(&c->a, v, 2);
    if (cli_ends_with(name, "_gib"))
        return size_text(&c->a, v, 3);
    if (cli_ends_with(name, "_percent"))
        return arena_printf(&c->a, "%" PRId64 " %%", v);
    return arena_printf(&c->a, "%" PRId64, v);
}

int64_t
cli_number(const struct jm_field *f, const void *obj)
{
    const char *at = (const char *)obj + f->off;

    switch (f->type) {
    case JM_U32:
        return *(const uint32_t *)(const void *)at;
    case JM_U64:
        return (int64_t) * (const uint64_t *)(const void *)at;
    case JM_I64:
        return *(const int64_t *)(const void *)at;
    case JM_BOOL:
        return *(const bool *)(const void *)at;
    case JM_ENUM:
        return *(const int *)(const void *)at;
    case JM_STR:
    case JM_TEXT:
    case JM_OBJ:
    case JM_LIST:
        break;
    }
    return 0;
}

/* ---- names instead of ids ----------------------------------------------------------------------
 */

/* A unit sees no hosts, but where its resources are. */
static void
hosts_of_resources(struct cli *c, struct jm_list *out)
{
    struct w_resource_list l = {0};
    struct err none = {0};
    struct w_host_view *h;

    if (CLI_GET(c, "/v1/resources?limit=1000", resource_list, &l, &none) < 0)
        return;
    h = arena_alloc(&c->a, (l.items.n + 1) * sizeof(*h));
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_resource_view *r = JM_ITEM(l.items, const struct w_resource_view, i);

        memcpy(h[i].id, r->host, sizeof(h[i].id));
        (void)snprintf(h[i].name, sizeof(h[i].name), "%s", r->host_name);
    }
    *out = (struct jm_list){h, l.items.n};
}

/* Each list is asked for once; what the caller may not see stays an id. */
static const struct jm_list *
names_of(struct cli *c, enum cli_named kind)
{
    struct cli_names *n = &c->names[kind];
    struct err none = {0};
    struct w_unit_list units = {0};
    struct w_system_list systems = {0};
    struct w_host_list hosts = {0};
    struct w_account_list accounts = {0};

    if (n->asked)
        return &n->list;
    n->asked = true;
    if (kind == CLI_UNITS && CLI_GET(c, "/v1/units", unit_list, &units, &none) == 0)
        n->list = units.items;
    if (kind == CLI_SYSTEMS && CLI_GET(c, "/v1/systems", system_list, &systems, &none) == 0)
        n->list = systems.items;
    if (kind == CLI_ACCOUNTS && CLI_GET(c, "/v1/accounts", account_list, &accounts, &none) == 0)
        n->list = accounts.items;
    if (kind == CLI_HOSTS && CLI_GET(c, "/v1/hosts", host_list, &hosts, &none) == 0)
        n->list = hosts.items;
    else if (kind == CLI_HOSTS && none.code == BY_E_DENIED)
        hosts_of_resources(c, &n->list);
    return &n->list;
}

#define NAME_IN(list, T, key, says)                                                                \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < (list)->n; i_++)                                                  \
            if (strcmp(JM_ITEM(*(list), const T, i_)->id, key) == 0 &&                             \
                JM_ITEM(*(list), const T, i_)->says[0] != '\0')                                    \
                return JM_ITEM(*(list), const T, i_)->says;                                        \
    } while (0)

static const char *
name_of(struct cli *c, const char *field, const char *id)
{
    if (jclass_fault(JM_UUID, id, strlen(id)) != NULL)
        return NULL;
    if (strcmp(field, "unit") == 0 || strcmp(field, "parent") == 0)
        NAME_IN(names_of(c, CLI_UNITS), struct w_unit, id, name);
    else if (strcmp(field, "system") == 0)
        NAME_IN(names_of(c, CLI_SYSTEMS), struct w_system, id, name);
    else if (strcmp(field, "host") == 0)
        NAME_IN(names_of(c, CLI_HOSTS), struct w_host_view, id, name);
    else if (strcmp(field, "actor") == 0 || strcmp(field, "account") == 0)
        NAME_IN(names_of(c, CLI_ACCOUNTS), struct w_account, id, login);
    return NULL;
}

void
cli_names(struct cli *c, const struct jm_field *schema)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++)
        if ((f->type == JM_STR || f->type == JM_TEXT) && !cli_named_beside(schema, f))
            (void)name_of(c, f->name, "00000000-0000-4000-8000-000000000000"); /* nobody's */
}

/* ---- one value ---------------------------------------------------------------------------------
 */

/* Figures of utilization: hundredths of a percent, or bytes a second, as the metric of the row. */
static const char *
figure_text(struct cli *c, const struct jm_field *schema, const void *obj, const struct jm_field *f)
{
    static const char *const figures[] = {"avg", "p95", "p95_peak", "max"};
    int64_t v = cli_number(f, obj), metric;
    const struct jm_field *m = cli_field(schema, "metric", 6);
    size_t i = 0;

    while (i < ARRAY_LEN(figures) && strcmp(f->name, figures[i]) != 0)
        i++;
    if (m == NULL || m->type != JM_ENUM || i == ARRAY_LEN(figures))
        return NULL;
    metric = cli_number(m, obj);
    if (metric == METRIC_CPU || metric == METRIC_MEM)
        return arena_printf(&c->a, "%" PRId64 ".%02" PRId64 " %%", v / 100, v % 100);
    return v < 10240      ? arena_printf(&c->a, "%" PRId64 " B/s", v)
           : v < 10485760 ? arena_printf(&c->a, "%" PRId64 " KiB/s", v / 1024)
                          : arena_printf(&c->a, "%" PRId64 " MiB/s", v / 1048576);
}

void
cli_line(struct cli *c, FILE *f, const char *fmt, ...)
{
    va_list ap, again;
    char *text;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    text = arena_alloc(&c->a, n < 0 ? 1 : (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    fprintf(f, "%s\n", cli_sentence(c, text));
}

const char *
cli_sentence(struct cli *c, const char *english)
{
    struct text t;

    if (c->lang == SAY_EN)
        return english;
    t.cap = 4 * strlen(english) + 256;
    t = text_on(arena_alloc(&c->a, t.cap), t.cap);
    sentence_add(c->lang, english, &t);
    return t.s;
}

/* A text that programs wrote, not people; "state" is a word where it is no enumeration. */
static bool
is_said(const struct jm_field *f)
{
    static const char *const names[] = {"detail", "error",        "note", "obstacle", "reason",
                                        "state",  "subject_kind", "text", "todo",     "warning"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(f->name, names[i]) == 0)
            return true;
    return false;
}

const char *
cli_text(struct cli *c, const struct jm_field *schema, const struct jm_field *f, const void *obj,
         bool whole)
{
    const char *at = (const char *)obj + f->off, *s, *name;

    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        s = f->type == JM_STR ? at : *(const char *const *)(const void *)at;
        if (s == NULL)
            return "";
        name = name_of(c, f->name, s);
        if (name == NULL)
            return is_said(f) ? cli_sentence(c, s) : s;
        return whole ? arena_printf(&c->a, "%s (%s)", name, s) : name;
    case JM_BOOL:
        return cli_number(f, obj) != 0 ? say(c->lang, "yes") : say(c->lang, "no");
    case JM_ENUM:
        return say(c->lang, f->names[cli_number(f, obj)]);
    case JM_U32:
    case JM_U64:
    case JM_I64:
        s = figure_text(c, schema, obj, f);
        return s != NULL ? s : number_text(c, f->name, cli_number(f, obj));
    case JM_OBJ:
    case JM_LIST:
        break;
    }
    return "";
}

const struct jm_field *
cli_field(const struct jm_field *schema, const char *name, size_t len)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++)
        if (strlen(f->name) == len && strncmp(f->name, name, len) == 0)
            return f;
    return NULL;
}
