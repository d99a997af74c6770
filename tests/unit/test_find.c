#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "controller/paths.h"
#include "drivers/crypto/sigkey.h"
#include "drivers/net/url.h"
#include "tests/unit/flow.h"

#define OK(x) CU_ASSERT_EQUAL_FATAL(x, 0)

static const struct {
    const char *name, *text;
} sql[] = {
#define STMT(id, text) {#id, text},
#include "drivers/db/stmt.def"
#undef STMT
};

/* ---- one word ------------------------------------------------------------------------------- */

/* How many things of that kind the word means to that person. */
static size_t
found(struct flow *f, enum flow_who who, const char *word, const char *what)
{
    struct w_find_list l;
    size_t n = 0;

    OK(FLOW_CALL(f, f->people[who], "GET", flow_text(f, "/v1/find?q=%s", url_escape(word, &f->a)),
                 NULL, find_list, &l));
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_find_item *it = JM_ITEM(l.items, const struct w_find_item, i);

        n += strcmp(it->what, what) == 0;
        CU_ASSERT_PTR_NOT_NULL_FATAL(it->command);
        CU_ASSERT_EQUAL(strncmp(it->command, "bianyun ", 8), 0);
    }
    return n;
}

static void
a_word_finds_what_begins_so_in_ones_own_scope(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_resource_list l;
    const struct w_resource_view *vm;

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "政数批〔2026〕7号"), flow_uuid(&f), &acc));
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/resources?kind=vm", NULL, resource_list,
                 &l));
    vm = JM_ITEM(l.items, struct w_resource_view, 0);
    const struct {
        const char *word, *what;
        size_t tenant, bureau, other;
    } rows[] = {
        {"web", "vm", 2, 2, 0},
        {"web-1", "vm", 1, 1, 0},
        {"eb-1", "vm", 0, 0, 0},
        {vm->ip, "vm", 1, 1, 0},
        {vm->id, "vm", 1, 1, 0},
        {flow_text(&f, "%.30s", vm->id), "vm", 1, 1, 0},
        {flow_text(&f, "%.30s", vm->order), "order", 1, 1, 0},
        {"政数批〔2026〕", "grant", 1, 1, 0},
        {"lan", "network", 1, 1, 0},
        {"data", "volume", 1, 1, 0},
        {"a tenant", "unit", 1, 1, 0},
        {"another", "unit", 0, 1, 1},
        {flow_text(&f, "%.30s", f.host), "host", 0, 1, 0},
        {"52:54:00:00:00:00", "vm", 0, 0, 0},
        {"%", "vm", 0, 0, 0}, /* no pattern */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t t = found(&f, FLOW_TENANT, rows[i].word, rows[i].what),
               b = found(&f, FLOW_BUREAU, rows[i].word, rows[i].what),
               o = found(&f, FLOW_OTHER, rows[i].word, rows[i].what);

        if (t != rows[i].tenant || b != rows[i].bureau || o != rows[i].other)
            fprintf(stderr, "\n%s, %s: %zu %zu %zu\n", rows[i].word, rows[i].what, t, b, o);
        CU_ASSERT(t == rows[i].tenant && b == rows[i].bureau && o == rows[i].other);
    }
    flow_stop(&f);
}

static void
a_host_is_found_in_the_state_that_it_is_listed_in(void)
{
    struct flow f;
    struct w_find_list l;

    flow_start(&f);
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/find?q=h1", NULL, find_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_find_item, 0)->detail, "ready");
    ctl_clock(600000, 600000); /* ten minutes without a word of it */
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/find?q=h1", NULL, find_list, &l));
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_find_item, 0)->detail, "silent");
    ctl_clock(0, 0);
    flow_stop(&f);
}

/* ---- lists at any size ---------------------------------------------------------------------- */

static bool
is_list(const char *name)
{
    /* Few by nature: the tree of units, imported years, one's own factors, hooks. */
    static const char *const small[] = {"CALENDAR_LIST", "CLOCK_CAUSE_LIST", "CLOCK_TOLD_LIST",
                                        "WEBHOOK_LIST",  "HOLD_LIST",        "KEY_STATEMENTS"};

    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        if (strcmp(small[i], name) == 0)
            return false;
    return strstr(name, "_LIST") != NULL || strstr(name, "_PAGE") != NULL ||
           strncmp(name, "WALK", 4) == 0 || strncmp(name, "FIND_", 5) == 0 ||
           strcmp(name, "HOST_VIEW") == 0 || strcmp(name, "QUOTA_SUMS") == 0 ||
           strcmp(name, "RES_NAMED") == 0 || strcmp(name, "FINDING_NEWEST") == 0;
}

/* A step that goes through a whole table, and not in the order of an index. */
static bool
scans(const char *step)
{
    return strncmp(step, "SCAN ", 5) == 0 && strstr(step, "USING") == NULL &&
           strstr(step, "CONSTANT ROW") == NULL && strcmp(step, "SCAN scope_") != 0 &&
           strcmp(step, "SCAN few") != 0; /* a thousand rows of an index */
}

/* A step that reads all that is asked for before it gives the first of a page. */
static bool
sorts(const char *step)
{
    return strcmp(step, "USE TEMP B-TREE FOR ORDER BY") == 0;
}

static bool
sorts_few(const char *name)
{
    static const char *const few[] = {"CLOCK_LIST_SUBJECT", "ORDER_LIST_RESOURCE",
                                      "PART_LIST",          "WALK_HOST", /* of one thing */
                                      "FINDING_LIST_UNIT",  "GRANT_LIST_UNIT",
                                      "RES_PAGE_SCOPE",  /* a page of each unit */
                                      "ORDER_LIST_UNIT", /* a page of each grant */
                                      "RES_NAMED",          "WALK_NAMED"}; /* of one name */

    for (size_t i = 0; i < ARRAY_LEN(few); i++)
        if (strcmp(few[i], name) == 0)
            return true;
    return false;
}

/* What is called so must be found by its name, not looked for in the order of the list. */
static bool
finds_name(const char *name)
{
    return strcmp(name, "RES_NAMED") == 0 || strcmp(name, "WALK_NAMED") == 0;
}

/* For people of a unit: it must not go through what others have. */
static bool
finds_own(const char *name)
{
    return strncmp(name, "FIND_", 5) == 0 && strcmp(name + strlen(name) - 5, "_UNIT") == 0 &&
           strcmp(name, "FIND_UNIT") != 0;
}

static bool
by_index(sqlite3 *db, size_t i)
{
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql[i].text);
    sqlite3_stmt *s = NULL;
    bool good = true, recursive = false, own = !finds_own(sql[i].name),
         named = !finds_name(sql[i].name);

    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, explain, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(s, 3);

        if ((scans(step) && !recursive) /* of the units of a scope */ ||
            (sorts(step) && !sorts_few(sql[i].name))) {
            fprintf(stderr, "\n%s: %s\n", sql[i].name, step);
            good = false;
        }
        recursive = strcmp(step, "RECURSIVE STEP") == 0;
        named = named || strstr(step, "name=?)") != NULL;
        own = own || strstr(step, "(unit=?") != NULL || strstr(step, "(id=?)") != NULL;
    }
    if (!own)
        fprintf(stderr, "\n%s reads what others have\n", sql[i].name);
    if (!named)
        fprintf(stderr, "\n%s does not read by name\n", sql[i].name);
    (void)sqlite3_finalize(s);
    sqlite3_free(explain);
    return good && own && named;
}

static void
every_list_is_read_by_an_index(void)
{
    struct ctl t;
    sqlite3 *db = NULL;
    char path[320];
    size_t n = 0;

    ctl_start(&t, ALG_P256);
    (void)snprintf(path, sizeof(path), "%s/%s", t.dir, PATH_STORE);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(sql); i++)
        if (is_list(sql[i].name)) {
            CU_ASSERT_TRUE(by_index(db, i));
            n++;
        }
    CU_ASSERT(n > 40);
    (void)sqlite3_close(db);
    ctl_stop(&t);
}

/* 150 machines, each of another system, grant and host; the ids of half of them begin alike. */
static const char many[] =
    "CREATE TEMP TABLE few AS WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n+1 FROM s WHERE "
    "n<149) SELECT n, printf('%08x-0000-4000-8000-%012x', CASE WHEN n%2=0 THEN 0 ELSE "
    "(n*2654435761)%4294967296 END, n) AS id FROM s;"
    "INSERT INTO host (id, name, state, cpu_overcommit_percent, mem_overcommit_percent, "
    "created_ms) SELECT id, 'rack-'||n, 'ready', 100, 100, 1 FROM few;"
    "INSERT INTO system (id, name, unit, mlps_level, purpose, created_ms) SELECT id, 'sys-'||n, "
    "(SELECT unit FROM resource LIMIT 1), 2, 'x', 1 FROM few;"
    "INSERT INTO grant_ SELECT few.id, 'no-'||n, few.id, g.unit, g.approver, g.account, "
    "g.approved_ms, g.valid_from_ms, g.valid_to_ms, g.hold_ms, g.paper, g.body_sha256, "
    "g.accepted_ms, '', '' FROM few, (SELECT * FROM grant_ LIMIT 1) g;"
    "INSERT INTO resource (id, kind, wanted, name, system, unit, grant_, line, ordinal, host, "
    "order_, "
    "created_ms) SELECT id, 1, 1, 'many-'||n, id, (SELECT unit FROM system WHERE "
    "system.id=few.id), "
    "id, 0, 0, id, (SELECT id FROM order_ LIMIT 1), 1 FROM few;";

static void
a_page_names_system_grant_and_host_of_each_row(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_resource_list l;
    sqlite3 *db = NULL;
    char path[320], want[W_NAME];
    size_t n = 0;

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "政数批〔2026〕8号"), flow_uuid(&f), &acc));
    (void)snprintf(path, sizeof(path), "%s/%s", f.ctl.dir, PATH_STORE);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, many, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/resources?kind=vm&limit=1000", NULL,
                 resource_list, &l));
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_resource_view *vm = JM_ITEM(l.items, struct w_resource_view, i);

        if (strncmp(vm->name, "many-", 5) != 0)
            continue;
        (void)snprintf(want, sizeof(want), "sys-%s", vm->name + 5);
        CU_ASSERT_STRING_EQUAL(vm->system_name, want);
        (void)snprintf(want, sizeof(want), "no-%s", vm->name + 5);
        CU_ASSERT_STRING_EQUAL(vm->number, want);
        (void)snprintf(want, sizeof(want), "rack-%s", vm->name + 5);
        CU_ASSERT_STRING_EQUAL(vm->host_name, want);
        n++;
    }
    CU_ASSERT_EQUAL(n, 150);
    flow_stop(&f);
}

CU_TestInfo find_tests[] = {
    {"a host is found in the state that it is listed in",
     a_host_is_found_in_the_state_that_it_is_listed_in},
    {"a word finds what begins so, in one's own scope",
     a_word_finds_what_begins_so_in_ones_own_scope},
    {"every list is read by an index", every_list_is_read_by_an_index},
    {"a page names system, grant and host of each row",
     a_page_names_system_grant_and_host_of_each_row},
    CU_TEST_INFO_NULL,
};
