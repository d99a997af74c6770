#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/complete.h"
#include "controller/routes.h"
#include "drivers/codec/csv.h"

/* Run fn for every word of a row's option list. */
static void
each_option(const struct command *k, void (*fn)(const char *word, size_t len))
{
    for (const char *p = k->options; *p != '\0';) {
        size_t n = strcspn(p, " ");

        fn(p, n);
        p += n + strspn(p + n, " ");
    }
}

static void
is_a_row(const char *word, size_t len)
{
    for (size_t i = 0; option_rows[i].name != NULL; i++)
        if (strlen(option_rows[i].name) == len && strncmp(option_rows[i].name, word, len) == 0) {
            CU_ASSERT_FALSE(option_rows[i].global);
            return;
        }
    fprintf(stderr, "no option %.*s\n", (int)len, word);
    CU_FAIL("an option without a row");
}

static void
has_sound_rows(void)
{
    size_t n = 0;

    for (const struct command *k = commands; k->noun != NULL; k++) {
        CU_ASSERT(strlen(k->help) > 5);
        each_option(k, is_a_row);
        if (k[1].noun != NULL) {
            int by_noun = strcmp(k[0].noun, k[1].noun);

            CU_ASSERT(by_noun < 0 || (by_noun == 0 && strcmp(k[0].verb, k[1].verb) < 0));
        }
    }
    for (; option_rows[n].name != NULL; n++)
        CU_ASSERT(strlen(option_rows[n].help) > 3);
    CU_ASSERT(n < CLI_OPTIONS_MAX);
}

static const struct command *
command(const char *noun, const char *verb, int *used)
{
    char a[40], b[40];
    char *argv[] = {a, b};

    (void)snprintf(a, sizeof(a), "%s", noun);
    (void)snprintf(b, sizeof(b), "%s", verb);
    return options_command(verb[0] != '\0' ? 2 : 1, argv, used);
}

static void
finds_the_row_of_its_words(void)
{
    int used = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(command("vms", "list", &used));
    CU_ASSERT_EQUAL(used, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(command("status", "", &used));
    CU_ASSERT_EQUAL(used, 1);
    CU_ASSERT_PTR_NULL(command("vms", "", &used));
    CU_ASSERT_PTR_NULL(command("vms", "fly", &used));
    CU_ASSERT_PTR_NULL(command("vm", "list", &used));
}

/* "bianyun --json vms list" is "bianyun vms list --json". */
static void
takes_common_options_before_the_command(void)
{
    static const struct {
        const char *words[8], *as;
    } rows[] = {
        {{"--json", "vms", "list"}, "vms list --json"},
        {{"--lang", "zh", "--json", "vms", "show", "web"}, "vms show --lang zh --json web"},
        {{"--profile=a", "status", "--json"}, "status --profile=a --json"},
        {{"--json", "quux", "list"}, "quux --json list"},
        {{"--json"}, "--json"},
        {{"--watch", "vms", "list"}, "--watch vms list"},
        {{"--lang"}, "--lang"},
        {{"vms", "list", "--json"}, "vms list --json"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char copies[8][16], line[100] = "", *argv[10] = {0};
        int argc = 1;

        for (; rows[i].words[argc - 1] != NULL; argc++) {
            (void)snprintf(copies[argc - 1], sizeof(copies[0]), "%s", rows[i].words[argc - 1]);
            argv[argc] = copies[argc - 1];
        }
        options_lead(argc, argv);
        for (int k = 1; k < argc; k++)
            (void)snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s",
                           k > 1 ? " " : "", argv[k]);
        CU_ASSERT_STRING_EQUAL(line, rows[i].as);
    }
}

static void
says_bytes_as_people_read_them(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0 B"},
                {9, "9 B"},
                {1024, "1 KiB"},
                {10239, "10239 B"},
                {300000, "292.9 KiB"},
                {25833472, "24.6 MiB"},
                {UINT64_C(1) << 30, "1 GiB"},
                {(UINT64_C(1) << 30) * 3 / 2, "1536 MiB"},
                {UINT64_C(270553174016), "251.9 GiB"},
                {UINT64_C(1) << 50, "1024 TiB"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cli c = {0};
        struct w_host_view h = {.pool_bytes = rows[i].bytes};

        CU_ASSERT_STRING_EQUAL(cli_text(&c, schema_host_view,
                                        cli_field(schema_host_view, "pool_bytes", 10), &h, false),
                               rows[i].text);
        arena_clear(&c.a);
    }
}

/* The cell of a field in the CSV of one row. */
static const char *
csv_cell(struct cli *c, const struct jm_field *schema, const char *name, const void *row)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char *cells, *cell = NULL;

    cli_csv_row(c, schema, row, &b);
    cells = arena_strdup(&c->a, strbuf_peek(&b));
    cells[strcspn(cells, "\r")] = '\0';
    for (const struct jm_field *f = schema; f->name != NULL; f++) {
        if (!csv_has(f))
            continue;
        cell = strsep(&cells, ",");
        if (strcmp(f->name, name) == 0)
            return cell;
    }
    return "";
}

static void
has_every_time_of_a_csv_row_as_a_time(void)
{
    const struct w_resource_view r = {.kind = RES_VM,
                                      .as_of_ms = INT64_C(1795809987421),
                                      .created_at_ms = INT64_C(1795809987415),
                                      .system = "6123b3c6-7b00-4cdc-b2ed-08972394d3f2",
                                      .host = "bd86a43c-64a4-4582-9cf1-4c63840446a2",
                                      .host_name = "sim-5"};
    const struct w_resource_view never = {.kind = RES_VM};
    const struct w_clock_view clock = {.due_ms = INT64_C(1796140800000)};
    const struct w_session_view session = {.idle_ms = 1800000};
    struct cli c = {.utc_offset_min = 480};

    for (size_t i = 0; i < CLI_NAMED__MAX; i++)
        c.names[i].asked = true; /* nobody answers here */
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_resource_view, "created_at_ms", &r),
                           "\"2026-11-28 04:06:27\"");
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_resource_view, "as_of_ms", &r),
                           "\"2026-11-28 04:06:27\"");
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_resource_view, "as_of_ms", &never), "\"\"");
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_clock_view, "due_ms", &clock),
                           "\"2026-12-01 24:00\"");
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_session_view, "idle_ms", &session), "1800000");
    arena_clear(&c.a);
}

static void
leaves_an_id_in_csv_that_has_its_name_beside_it(void)
{
    struct w_host_view host = {.id = "bd86a43c-64a4-4582-9cf1-4c63840446a2", .name = "sim-5"};
    struct w_unit unit = {.id = "f8609653-8670-41cc-af31-6ab284b417a8", .name = "u"};
    const struct w_resource_view r = {.kind = RES_VM,
                                      .unit = "f8609653-8670-41cc-af31-6ab284b417a8",
                                      .host = "bd86a43c-64a4-4582-9cf1-4c63840446a2",
                                      .host_name = "sim-5"};
    struct cli c = {.utc_offset_min = 480};

    for (size_t i = 0; i < CLI_NAMED__MAX; i++)
        c.names[i].asked = true;
    c.names[CLI_HOSTS].list = (struct jm_list){&host, 1};
    c.names[CLI_UNITS].list = (struct jm_list){&unit, 1};
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_resource_view, "host", &r),
                           "\"bd86a43c-64a4-4582-9cf1-4c63840446a2\"");
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_resource_view, "host_name", &r), "\"sim-5\"");
    CU_ASSERT_STRING_EQUAL(csv_cell(&c, schema_resource_view, "unit", &r), "\"u\"");
    arena_clear(&c.a);
}

/* Read a line of words as options of a command; 0 or -1. */
static int
read_words(struct cli *c, const char *noun, const char *verb, char *words, struct err *e)
{
    static char *argv[20];
    int argc = 1, used = 0;

    *c = (struct cli){.cmd = command(noun, verb, &used)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(c->cmd);
    argv[0] = words + strlen(words); /* skipped */
    for (char *w = words, *end; *w != '\0' && argc < 19; w = end) {
        end = w + strcspn(w, " ");
        if (*end != '\0')
            *end++ = '\0';
        argv[argc++] = w;
    }
    argv[argc] = NULL;
    return options_read(c, argc, argv, e) < 0 || options_arguments(c, e) < 0 ? -1 : 0;
}

static void
takes_as_many_arguments_as_the_row_names(void)
{
    char words[] = "c unit --note x";
    struct cli c;
    struct err e = {0};

    CU_ASSERT_EQUAL(read_words(&c, "clocks", "cause", words, &e), 0);
    CU_ASSERT_EQUAL(c.argc, 2);
    CU_ASSERT_STRING_EQUAL(c.argv[1], "unit");
}

static void
reads_options_in_any_place(void)
{
    char words[] = "--vcpus 1 web --json --mem-mib=128";
    struct cli c;
    struct err e = {0};
    uint64_t n = 77;

    CU_ASSERT_EQUAL(read_words(&c, "downgrade", "", words, &e), 0);
    CU_ASSERT_EQUAL(c.argc, 1);
    CU_ASSERT_STRING_EQUAL(c.argv[0], "web");
    CU_ASSERT_STRING_EQUAL(cli_opt(&c, "vcpus"), "1");
    CU_ASSERT_PTR_NOT_NULL(cli_opt(&c, "json"));
    CU_ASSERT_PTR_NULL(cli_opt(&c, "watch"));
    CU_ASSERT_EQUAL(cli_opt_u64(&c, "mem-mib", 5, 128, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 128);
    CU_ASSERT_EQUAL(cli_opt_u64(&c, "days", 5, 1, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 5);
}

/* One table says what a list takes, whatever it is called. */
static void
every_list_takes_the_options_of_lists(void)
{
    static const char *const others[][2] = {{"accounts", "sessions"}, {"find", ""},  {"inbox", ""},
                                            {"networks", "parts"},    {"quota", ""}, {"usage", ""}};
    static const char *const options[] = {"all", "count",   "csv",  "limit",
                                          "out", "timeout", "watch"};

    for (const struct command *k = commands; k->noun != NULL; k++) {
        bool list = strcmp(k->verb, "list") == 0;

        for (size_t i = 0; i < ARRAY_LEN(others); i++)
            list =
                list || (strcmp(k->noun, others[i][0]) == 0 && strcmp(k->verb, others[i][1]) == 0);
        CU_ASSERT_EQUAL(options_list(k), list);
        for (size_t i = 0; i < ARRAY_LEN(options) && list; i++)
            CU_ASSERT(options_taken(k, options[i]));
    }
}

static void
refuses_what_does_not_belong(void)
{
    static const struct {
        const char *noun, *verb, *words, *says;
    } rows[] = {
        {"vms", "list", "--role x", "--role does not belong"},
        {"vms", "list", "--nothing", "unknown option --nothing"},
        {"vms", "list", "--sys x", "unknown option --sys;"},
        {"vms", "list", "--sys=x", "unknown option --sys;"},
        {"vms", "list", "--js", "unknown option --js;"},
        {"vms", "list", "web", "'web' is more than"},
        {"vms", "list", "--csv --json", "--csv or --json"},
        {"vms", "list", "--json --all --csv", "--csv or --json"},
        {"vms", "show", "", "needs VM"},
        {"vms", "show", "a b", "'b' is more than"},
        {"vms", "show", "a --profile", "--profile needs a value"},
        {"vms", "show", "a --dry-run", "--dry-run does not belong"},
        {"accounts", "add", "a --dry-run", "--dry-run does not belong"},
        {"vms", "bin", "a --request 7", "--request must be"},
        {"clocks", "cause", "a", "needs CLOCK CAUSE"},
        {"clocks", "cause", "a unit b", "'b' is more than"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char words[80];
        struct cli c;
        struct err e = {0};

        (void)snprintf(words, sizeof(words), "%s", rows[i].words);
        CU_ASSERT_EQUAL(read_words(&c, rows[i].noun, rows[i].verb, words, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        if (strstr(e.msg, rows[i].says) == NULL)
            fprintf(stderr, "row %zu: %s\n", i, e.msg);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].says));
    }
}

static void
reads_whole_numbers_only(void)
{
    static const struct {
        const char *text;
        uint64_t max;
        int rc;
    } rows[] = {
        {"0", 9, 0},
        {"9", 9, 0},
        {"10", 9, -1},
        {"4294967298", UINT32_MAX, -1},
        {"-1", 9, -1},
        {"+1", 9, -1},
        {"", 9, -1},
        {"0x1", 99, -1},
        {"1.5", 9, -1},
        {"1e1", 99, -1},
        {"99999999999999999999", UINT64_MAX, -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char words[80];
        struct cli c;
        struct err e = {0};
        uint64_t n = 0;

        (void)snprintf(words, sizeof(words), "host-1 --cpu-overcommit=%s", rows[i].text);
        CU_ASSERT_EQUAL_FATAL(read_words(&c, "hosts", "add", words, &e), 0);
        CU_ASSERT_EQUAL(cli_opt_u64(&c, "cpu-overcommit", 1, rows[i].max, &n, &e), rows[i].rc);
        CU_ASSERT(rows[i].rc == 0 || e.code == BY_E_INVALID);
    }
}

static void
copies_a_value_whole_or_not_at_all(void)
{
    char out[4] = "old";
    struct err e = {0};

    CU_ASSERT_EQUAL(cli_copy(out, sizeof(out), "zone", "abcd", &e), -1);
    CU_ASSERT_STRING_EQUAL(e.field, "zone");
    CU_ASSERT_STRING_EQUAL(out, "old");
    CU_ASSERT_EQUAL(cli_copy(out, sizeof(out), "zone", "abc", &e), 0);
    CU_ASSERT_STRING_EQUAL(out, "abc");
    CU_ASSERT_EQUAL(cli_copy(out, sizeof(out), "zone", NULL, &e), 0);
    CU_ASSERT_STRING_EQUAL(out, "");
}

static void
reads_durations_with_their_unit(void)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {{"500ms", 500},      {"30s", 30000}, {"10m", 600000}, {"2h", 7200000},
                {"15d", 1296000000}, {"0s", 0},      {"30", -1},      {"", -1},
                {"-1s", -1},         {"s", -1},      {"1w", -1},      {"99999999999999999999s", -1},
                {"1sm", -1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char words[80];
        struct cli c;
        struct err e = {0};
        int64_t ms = 0;

        (void)snprintf(words, sizeof(words), "h1 --for=%s", rows[i].text);
        CU_ASSERT_EQUAL_FATAL(read_words(&c, "hold", "", words, &e), 0);
        CU_ASSERT_EQUAL(cli_opt_ms(&c, "for", 1, &ms, &e), rows[i].ms < 0 ? -1 : 0);
        if (rows[i].ms >= 0)
            CU_ASSERT_EQUAL(ms, rows[i].ms);
    }
}

static void
completes_from_routes_that_are_there(void)
{
    for (const struct complete_row *r = complete_rows; r->kind != NULL; r++) {
        char path[80], id[W_ID];
        size_t n = strlen(r->words);

        (void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(r->path, "?"), r->path);
        CU_ASSERT_PTR_NOT_NULL(route_find("GET", path, id));
        CU_ASSERT(n > 2 && r->words[0] == ' ' && r->words[n - 1] == ' ');
        CU_ASSERT(r == complete_rows || strcmp(r[-1].kind, r->kind) < 0);
    }
    CU_ASSERT_PTR_NOT_NULL(complete_of("VM"));
    CU_ASSERT_PTR_NOT_NULL(complete_of("--system"));
    CU_ASSERT_PTR_NOT_NULL(complete_of("CASE"));
    CU_ASSERT_PTR_NOT_NULL(complete_of("CLAIM[,CLAIM…]"));
    CU_ASSERT_PTR_NOT_NULL(complete_of("CLOCK CAUSE"));
    CU_ASSERT_PTR_NOT_NULL(complete_of("[ACT]"));
    CU_ASSERT_PTR_NULL(complete_of("FILE"));
    CU_ASSERT_PTR_NULL(complete_of(""));
}

static void
guesses_what_was_meant_but_not_wildly(void)
{
    static const struct {
        const char *word, *candidates[4], *best;
    } rows[] = {
        {"vmss", {"vms", "volumes"}, "vms"},
        {"lsit", {"show", "list"}, "list"},
        {"netwroks", {"networks", "keys"}, "networks"},
        {"reco", {"reclaim", "recovery"}, "recovery"},
        {"xyz", {"vms", "list", "keys"}, NULL},
        {"a", {"b"}, NULL},
        {"", {"a"}, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct nearest n = {.word = rows[i].word};

        for (size_t k = 0; rows[i].candidates[k] != NULL; k++)
            nearest_try(&n, rows[i].candidates[k]);
        CU_ASSERT((n.best == NULL) == (rows[i].best == NULL));
        if (n.best != NULL && rows[i].best != NULL)
            CU_ASSERT_STRING_EQUAL(n.best, rows[i].best);
    }
}

CU_TestInfo cli_tests[] = {
    {"completes from routes that are there", completes_from_routes_that_are_there},
    {"guesses what was meant, but not wildly", guesses_what_was_meant_but_not_wildly},
    {"has sound rows", has_sound_rows},
    {"every list takes the options of lists", every_list_takes_the_options_of_lists},
    {"finds the row of its words", finds_the_row_of_its_words},
    {"reads options in any place", reads_options_in_any_place},
    {"refuses what does not belong", refuses_what_does_not_belong},
    {"reads whole numbers only", reads_whole_numbers_only},
    {"copies a value whole or not at all", copies_a_value_whole_or_not_at_all},
    {"reads durations with their unit", reads_durations_with_their_unit},
    {"takes as many arguments as the row names", takes_as_many_arguments_as_the_row_names},
    {"takes common options before the command", takes_common_options_before_the_command},
    {"says bytes as people read them", says_bytes_as_people_read_them},
    {"has every time of a CSV row as a time", has_every_time_of_a_csv_row_as_a_time},
    {"leaves an id in CSV that has its name beside it",
     leaves_an_id_in_csv_that_has_its_name_beside_it},
    CU_TEST_INFO_NULL,
};
