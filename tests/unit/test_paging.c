#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/own.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_resource.h"
#include "drivers/db/store_usage.h"
#include "drivers/net/url.h"
#include "tests/unit/flow.h"

#define OK(x) CU_ASSERT_EQUAL_FATAL(x, 0)

enum { EACH = 5, TEXT_MAX = 60000 };

/* Lists that have pages: those whose route takes `after`, but for the ledger's, by number. */
static const struct route *
list_at(size_t i)
{
    const struct route *r = NULL;

    if (strcmp(params[i].f.name, "after") != 0 || params[i].f.type != JM_TEXT)
        return NULL;
    for (r = routes; r < routes + routes_count; r++)
        if (strcmp(r->name, params[i].route) == 0)
            return r;
    return NULL;
}

/* Bounded by what may be there at one time; no pages. */
static bool
is_short(const char *name)
{
    static const char *const names[] = {"account_sessions", "calendar_list", "factor_list",
                                        "find_get",         "key_list",      "ledger_page",
                                        "resource_parts",   "webhook_list"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const struct jm_field *
field(const struct jm_field *schema, const char *name)
{
    for (; schema->name != NULL; schema++)
        if (strcmp(schema->name, name) == 0)
            return schema;
    return NULL;
}

static void
every_list_has_pages(void)
{
    for (const struct route *r = routes; r < routes + routes_count; r++) {
        bool paged = false;

        if (r->out == NULL || r->out == schema_raw || strcmp(r->method, "GET") != 0 ||
            field(r->out, "items") == NULL || is_short(r->name))
            continue;
        for (size_t i = 0; i < params_count; i++)
            paged = paged || (strcmp(params[i].route, r->name) == 0 &&
                              strcmp(params[i].f.name, "after") == 0);
        if (!paged || field(r->out, "next") == NULL)
            fprintf(stderr, "\n%s gives a list without pages\n", r->path);
        CU_ASSERT(paged && field(r->out, "next") != NULL);
    }
}

/* ---- some of everything --------------------------------------------------------------------- */

struct scene {
    struct flow f;
    char vm[W_ID], grant[W_ID];
};

static int
fill_hosts_and_images(struct scene *s, struct tx *t, int i, struct err *e)
{
    char id[W_ID], name[W_NAME], hash[65];
    struct w_observed o = {.kind = RES_VM, .seen = SEEN_FOREIGN};
    struct hold_row h = {.at_ms = t->now_ms + i / 2, .hold = {.until_ms = t->now_ms + 3600000}};

    random_uuid(id);
    (void)snprintf(name, sizeof(name), "数 %d", i / 2); /* two of each name where that may be */
    (void)snprintf(o.name, sizeof(o.name), "%s", name);
    digest_sha256_hex(id, strlen(id), hash);
    random_uuid(o.resource);
    random_uuid(h.hold.id);
    h.hold.reason = "test";
    memcpy(h.hold.host, s->f.host, W_ID);
    memcpy(h.account, s->f.account[FLOW_BUREAU], W_ID);
    return DB_EXEC(t->d, DB_IMAGE_INSERT, NULL, e, DBS(id), DBS(hash), DBS(name), DBS(id),
                   DBS("os"), DBS("x86_64"), DBI(1), DBI(0), DBI(0), DBS(""), DBI(0), DBI(1),
                   DBS("published"), DBS(h.account), DBI(t->now_ms + i / 2)) < 0 ||
                   DB_EXEC(t->d, DB_APPROVER_ADD, NULL, e, DBS(id), DBS(id), DBS("elsewhere"),
                           DBS("sm2-sm3"), DBS(hash), DBS("x"), DBI(1), DBI(2), DBS(h.account),
                           DBI(t->now_ms)) < 0 ||
                   unregistered_put(t->d, s->f.host, &o, t->now_ms, e) < 0 ||
                   DB_EXEC(t->d, DB_POOL_ADD, NULL, e, DBS(id), DBS(id), DBS(s->f.host), DBS("h1"),
                           DBI(1), DBS("x"), DBI(1), DBI(1)) < 0 ||
                   hold_insert(t->d, &h, e) < 0
               ? -1
               : 0;
}

static int
fill_matters(struct scene *s, struct tx *t, int i, struct err *e)
{
    const char *unit = s->f.unit[FLOW_TENANT], *account = s->f.account[FLOW_TENANT];
    char id[W_ID], vm[W_ID];
    const char *found =
        "{\"parts\":{\"id\":\"00000000-0000-4000-8000-000000000000\",\"name\":\"x\","
        "\"vcpus\":1,\"vcpus_max\":1,\"mem_mib\":1,\"mem_max_mib\":1,"
        "\"firmware\":\"bios\"}}";
    struct w_plan p = {.version = 1, .issued_at_ms = t->now_ms};

    random_uuid(id);
    random_uuid(vm);
    memcpy(p.id, id, W_ID);
    memcpy(p.finding, id, W_ID);
    memcpy(p.grant, s->grant, W_ID);
    memcpy(p.system, s->f.system, W_ID);
    memcpy(p.approver, s->f.account[FLOW_BUREAU], W_ID);
    return DB_EXEC(t->d, DB_CLAIM_ADD, NULL, e, DBS(id), DBS(s->f.host), DBS(vm), DBS("old"),
                   DBS(s->f.system), DBS(unit), DBS(account), DBS(""), DBI(1 + i % 2),
                   DBI(t->now_ms + i / 2), DBS(found)) < 0 ||
                   DB_EXEC(t->d, DB_UNIT_ACT_INSERT, NULL, e, DBS(id), DBI(t->now_ms), DBS(unit),
                           DBS(account), DBI(ACT_STOP), DBS(s->vm), DBS(""), DBS("stopped"),
                           DBS("{}"), DBS("{}"), DBI(t->now_ms)) < 0 ||
                   DB_EXEC(t->d, DB_DELIVERY_ADD, NULL, e, DBS(id), DBI(1), DBS(account), DBI(3),
                           DBI(t->now_ms + i / 2), DBI(t->now_ms), DBS("gone")) < 0 ||
                   DB_EXEC(t->d, DB_CASE_ADD, NULL, e, DBS(id), DBS(id), DBI(1), DBI(1), DBS(unit),
                           DBS(""), DBS(""), DBS(""), DBS("a case"), DBS("{}"), DBI(0),
                           DBI(INT64_MAX), DBI(t->now_ms + i / 2), DBS(account),
                           DBI(t->now_ms)) < 0 ||
                   DB_EXEC(t->d, DB_CERTIFICATE_INSERT, NULL, e, DBS(id), DBS(s->vm), DBS(unit),
                           DBS(id), DBS("{}"), DBS(""), DBI(t->now_ms + i / 2)) < 0 ||
                   plan_insert(t->d, &p, account, "{}", t->now_ms + i / 2, e) < 0
               ? -1
               : 0;
}

static int
fill_step(void *arg, struct tx *t, struct err *e)
{
    struct scene *s = arg;

    for (int i = 0; i < EACH; i++)
        if (fill_hosts_and_images(s, t, i, e) < 0 || fill_matters(s, t, i, e) < 0)
            return -1;
    return 0;
}

static int
findings_step(void *arg, struct tx *t, struct err *e)
{
    const struct w_resource_list *l = arg;

    for (size_t i = 0; i < l->items.n; i++) {
        const struct w_resource_view *r = JM_ITEM(l->items, const struct w_resource_view, i);
        struct finding_row f = {.verdict = VERDICT_IDLE,
                                .reason = "idle",
                                .facts = "{}",
                                .policy = "p",
                                .at_ms = t->now_ms,
                                .since_ms = t->now_ms,
                                .newest = true};

        random_uuid(f.id);
        memcpy(f.vm, r->id, W_ID);
        memcpy(f.system, r->system, W_ID);
        memcpy(f.unit, r->unit, W_ID);
        memcpy(f.grant, r->grant, W_ID);
        if (finding_insert(t->d, &f, e) < 0)
            return -1;
    }
    return 0;
}

static void
scene_start(struct scene *s)
{
    struct w_resource_list vms;
    struct w_accepted acc;
    char host[W_ID];

    flow_start(&s->f);
    for (int i = 0; i < 3; i++) {
        struct w_grant *g = flow_grant(&s->f, flow_text(&s->f, "批 %d", i));

        for (size_t j = 0; j < g->lines.n; j++)
            if (JM_ITEM(g->lines, struct w_grant_line, j)->kind == RES_NETWORK)
                (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, j)->cidr, 20, "10.%d.0.0/24",
                               50 + i);
        if (flow_grant_add(&s->f, g, flow_uuid(&s->f), &acc) < 0)
            CU_FAIL_FATAL("grant");
        ctl_enrol(&s->f.ctl, flow_text(&s->f, "more-%d", i), host);
        OK(flow_call(&s->f, s->f.people[FLOW_TENANT], "POST", "/v1/systems",
                     flow_text(&s->f,
                               "{\"name\":\"系统 %d\",\"unit\":\"%s\",\"mlps_level\":1,"
                               "\"purpose\":\"test\"}",
                               i, s->f.unit[FLOW_TENANT]),
                     NULL, 0, NULL));
    }
    memcpy(s->grant, acc.id, W_ID);
    OK(FLOW_CALL(&s->f, s->f.people[FLOW_BUREAU], "GET", "/v1/resources?kind=vm", NULL,
                 resource_list, &vms));
    memcpy(s->vm, JM_ITEM(vms.items, struct w_resource_view, 0)->id, W_ID);
    OK(commit_run(s->f.ctl.c.commit, fill_step, s, &s->f.err));
    OK(commit_run(s->f.ctl.c.commit, findings_step, &vms, &s->f.err));
}

/* ---- reading -------------------------------------------------------------------------------- */

static struct httpc *
reader_of(struct flow *f, const struct route *r)
{
    static const struct {
        enum w_role role;
        enum flow_who who;
    } who[] = {{ROLE_BUREAU, FLOW_BUREAU},
               {ROLE_ADMIN, FLOW_ADMIN},
               {ROLE_PROVIDER, FLOW_PROVIDER},
               {ROLE_TENANT, FLOW_TENANT}};

    for (size_t i = 0; i < ARRAY_LEN(who); i++)
        if ((r->roles & (1U << who[i].role)) != 0)
            return f->people[who[i].who];
    CU_FAIL_FATAL("nobody may read it");
    return NULL;
}

/* What tells rows apart: all their texts of bounded length, and enumerations. */
static void
add_rows(const struct route *r, const void *out, char *text)
{
    const struct jm_field *items = field(r->out, "items");
    const struct jm_list *l =
        (const struct jm_list *)(const void *)((const char *)out + items->off);
    size_t n = strlen(text);

    for (size_t i = 0; i < l->n; i++) {
        const char *row = (const char *)l->items + i * items->sub_size;

        for (const struct jm_field *f = items->sub; f->name != NULL; f++)
            if (f->type == JM_STR)
                n += (size_t)snprintf(text + n, TEXT_MAX - n, "%s|", row + f->off);
            else if (f->type == JM_ENUM)
                n += (size_t)snprintf(text + n, TEXT_MAX - n, "%d|",
                                      *(const int *)(const void *)(row + f->off));
        n += (size_t)snprintf(text + n, TEXT_MAX - n, "\n");
        CU_ASSERT_FATAL(n < TEXT_MAX);
    }
}

/* Pages of `limit` one after the other; how many there were. */
static size_t
read_pages(struct flow *f, const struct route *r, struct httpc *reader, const char *query,
           int limit, char *text)
{
    size_t next_off = field(r->out, "next")->off, pages = 0;
    const char *next = "";
    void *out = arena_alloc(&f->a, r->out_size);

    text[0] = '\0';
    do {
        const char *path = flow_text(f, "%s?limit=%d%s%s%s", r->path, limit, query,
                                     next[0] == '\0' ? "" : "&after=", url_escape(next, &f->a));

        if (flow_call(f, reader, "GET", path, NULL, r->out, r->out_size, out) < 0)
            fprintf(stderr, "\n%s: %s\n", path, f->err.msg);
        CU_ASSERT_EQUAL_FATAL(f->status, 200);
        add_rows(r, out, text);
        memcpy(&next, (const char *)out + next_off, sizeof(next));
    } while (next != NULL && ++pages < 200);
    CU_ASSERT_PTR_NULL(next);
    return pages + 1;
}

static void
pages_together_are_the_whole(void)
{
    static char whole[TEXT_MAX], paged[TEXT_MAX];
    struct scene s;
    size_t lists = 0;

    scene_start(&s);
    for (size_t i = 0; i < params_count; i++) {
        const struct route *r = list_at(i);

        if (r == NULL)
            continue;
        lists++;
        (void)read_pages(&s.f, r, reader_of(&s.f, r), "", 1000, whole);
        if (strlen(whole) < 20)
            fprintf(stderr, "\n%s is empty\n", r->path);
        CU_ASSERT(strlen(whole) >= 20 || strcmp(r->name, "inbox_list") == 0);
        for (int limit = 1; limit <= 2; limit++) {
            size_t pages = read_pages(&s.f, r, reader_of(&s.f, r), "", limit, paged);

            if (strcmp(whole, paged) != 0)
                fprintf(stderr, "\n%s by %d\n%s\nis not\n%s\n", r->path, limit, paged, whole);
            CU_ASSERT_STRING_EQUAL(whole, paged);
            CU_ASSERT(pages > 1 || strcmp(r->name, "inbox_list") == 0);
        }
    }
    CU_ASSERT(lists >= 20);
    flow_stop(&s.f);
}

/* A county above the unit of the scene, and somebody of it. */
static struct httpc *
county_of(struct flow *f)
{
    struct w_unit county;
    struct caller who;
    char token[64];

    OK(FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/units",
                 "{\"name\":\"a county\",\"kind\":\"county\"}", unit, &county));
    OK(flow_call(f, f->people[FLOW_ADMIN], "POST",
                 flow_text(f, "/v1/units/%s:move", f->unit[FLOW_TENANT]),
                 flow_text(f, "{\"parent\":\"%s\"}", county.id), NULL, 0, NULL));
    ctl_person(&f->ctl, "of-the-county", county.id, ROLE_COUNTY, &who, token);
    return ctl_client(&f->ctl, token);
}

/* All of the scene is one unit's, so each filter gives the unit and its county what it gives the
 * bureau. */
static void
pages_of_one_unit_are_the_whole_too(void)
{
    static char whole[TEXT_MAX], paged[TEXT_MAX];
    struct scene s;
    struct httpc *county;

    scene_start(&s);
    county = county_of(&s.f);
    const struct {
        const char *route, *query;
    } rows[] = {{"finding_list", ""},
                {"finding_list", "&verdict=idle"},
                {"grant_list", ""},
                {"grant_list", flow_text(&s.f, "&system=%s", s.f.system)},
                {"order_list", ""},
                {"order_list", "&open=1"},
                {"order_list", flow_text(&s.f, "&grant=%s", s.grant)},
                {"order_list", flow_text(&s.f, "&host=%s", s.f.host)},
                {"order_list", flow_text(&s.f, "&resource=%s", s.vm)},
                {"resource_list", "&kind=vm"},
                {"resource_list", "&name=web-1"},
                {"resource_list", "&seen=unknown"},
                {"resource_list", "&wanted=running&name=web-1"},
                {"resource_list", flow_text(&s.f, "&host=%s", s.f.host)},
                {"resource_list", flow_text(&s.f, "&system=%s&starts=web", s.f.system)},
                {"resource_list", flow_text(&s.f, "&unit=%s", s.f.unit[FLOW_TENANT])}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct route *r = routes;

        while (strcmp(r->name, rows[i].route) != 0)
            r++;
        (void)read_pages(&s.f, r, s.f.people[FLOW_BUREAU], rows[i].query, 1000, whole);
        CU_ASSERT(strlen(whole) >= 20);
        for (int limit = 1; limit <= 4; limit++) {
            (void)read_pages(&s.f, r, limit % 2 == 0 ? county : s.f.people[FLOW_TENANT],
                             rows[i].query, limit, paged);
            if (strcmp(whole, paged) != 0)
                fprintf(stderr, "\n%s%s by %d\n%s\nis not\n%s\n", r->path, rows[i].query, limit,
                        paged, whole);
            CU_ASSERT_STRING_EQUAL(whole, paged);
        }
        if (strstr(rows[i].query, "unit=") != NULL)
            continue; /* refused, see own */
        (void)read_pages(&s.f, r, s.f.people[FLOW_OTHER], rows[i].query, 1000, paged);
        CU_ASSERT_STRING_EQUAL(paged, "");
    }
    httpc_free(county);
    flow_stop(&s.f);
}

/* The rows of an export, as lines; told by read_pages()'s own rules. */
static int
take_text(void *arg, const char *bytes, size_t n)
{
    strbuf_add(arg, bytes, n);
    return 0;
}

static size_t
read_export(struct flow *f, const struct route *r, const char *format, char *text)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const struct jm_field *items = field(r->out, "items");
    struct jm_list one = {.n = 1};
    void *out = arena_alloc(&f->a, r->out_size);
    size_t lines = 0;

    text[0] = '\0';
    OK(httpc_stream(reader_of(f, r), flow_text(f, "%s?format=%s", r->path, format), take_text, &b,
                    &f->err));
    for (const char *at = strbuf_peek(&b), *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        lines++;
        if (strcmp(format, "jsonl") != 0)
            continue;
        one.items = arena_alloc(&f->a, items->sub_size);
        OK(jm_decode(at, (size_t)(end - at), items->sub, items->sub_size, JM_PEER, &f->a, one.items,
                     &f->err));
        memcpy((char *)out + items->off, &one, sizeof(one));
        add_rows(r, out, text);
    }
    return lines;
}

static void
an_export_is_the_whole(void)
{
    static char whole[TEXT_MAX], export[TEXT_MAX];
    struct scene s;
    size_t lists = 0;

    scene_start(&s);
    for (size_t i = 0; i < params_count; i++) {
        const struct route *r = list_at(i);
        size_t rows;

        if (r == NULL)
            continue;
        lists++;
        (void)read_pages(&s.f, r, reader_of(&s.f, r), "", 1000, whole);
        rows = read_export(&s.f, r, "jsonl", export);
        if (strcmp(whole, export) != 0)
            fprintf(stderr, "\n%s exports\n%s\nand lists\n%s\n", r->path, export, whole);
        CU_ASSERT_STRING_EQUAL(whole, export);
        CU_ASSERT(read_export(&s.f, r, "csv", export) >= rows + 1); /* texts may have lines */
    }
    CU_ASSERT(lists >= 20);
    flow_stop(&s.f);
}

static void
a_cursor_of_another_list_is_refused(void)
{
    struct scene s;

    flow_start(&s.f);
    for (size_t i = 0; i < params_count; i++) {
        const struct route *r = list_at(i);
        const char *bad[] = {"else_list~0~0~~x", "x", "17000 00000000-0000-4000-8000-000000000000"};

        if (r == NULL)
            continue;
        for (size_t b = 0; b < ARRAY_LEN(bad); b++) {
            void *out = arena_alloc(&s.f.a, r->out_size);

            CU_ASSERT_EQUAL(
                flow_call(&s.f, reader_of(&s.f, r), "GET",
                          flow_text(&s.f, "%s?after=%s", r->path, url_escape(bad[b], &s.f.a)), NULL,
                          r->out, r->out_size, out),
                -1);
            CU_ASSERT_EQUAL(s.f.status, 400);
            CU_ASSERT_STRING_EQUAL(s.f.err.field, "after");
            CU_ASSERT(strlen(s.f.err.msg) > 30);
        }
    }
    flow_stop(&s.f);
}

/* ---- what comes and goes in between --------------------------------------------------------- */

static void
add_system(struct flow *f, const char *name)
{
    OK(flow_call(f, f->people[FLOW_TENANT], "POST", "/v1/systems",
                 flow_text(f,
                           "{\"name\":\"%s\",\"unit\":\"%s\",\"mlps_level\":1,\"purpose\":\"t\"}",
                           name, f->unit[FLOW_TENANT]),
                 NULL, 0, NULL));
}

static const char *
system_page(struct flow *f, const char *next, char *names)
{
    struct w_system_list l;
    const char *path =
        flow_text(f, "/v1/systems?limit=2%s%s",
                  next == NULL ? "" : "&after=", next == NULL ? "" : url_escape(next, &f->a));

    OK(FLOW_CALL(f, f->people[FLOW_BUREAU], "GET", path, NULL, system_list, &l));
    size_t n = 0;

    names[0] = '\0';
    for (size_t i = 0; i < l.items.n; i++)
        n += (size_t)snprintf(names + n, 200, "%s ", JM_ITEM(l.items, struct w_system, i)->name);
    return l.next;
}

static void
what_comes_in_between_repeats_and_hides_nothing(void)
{
    struct flow f;
    const char *next;
    char names[400];

    flow_start(&f); /* has one whose name begins with another letter */
    for (const char *const *n = (const char *const[]){"0a", "0c", "0e", "0g", NULL}; *n != NULL;
         n++)
        add_system(&f, *n);
    next = system_page(&f, NULL, names);
    CU_ASSERT_STRING_EQUAL(names, "0a 0c ");
    add_system(&f, "0b"); /* before the cursor, and behind it */
    add_system(&f, "0d");
    next = system_page(&f, next, names);
    CU_ASSERT_STRING_EQUAL(names, "0d 0e ");
    next = system_page(&f, next, names);
    CU_ASSERT_EQUAL(strncmp(names, "0g ", 3), 0);
    flow_stop(&f);
}

static void
what_goes_in_between_repeats_and_hides_nothing(void)
{
    struct flow f;
    struct w_hold_list one, two;
    struct w_hold h[4];

    flow_start(&f);
    for (int i = 0; i < 4; i++)
        OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "POST", "/v1/holds",
                     flow_text(&f,
                               "{\"request\":\"%s\",\"host\":\"%s\",\"for_ms\":3600000,"
                               "\"reason\":\"test\"}",
                               flow_uuid(&f), f.host),
                     hold, &h[i]));
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/holds?limit=2", NULL, hold_list, &one));
    CU_ASSERT_EQUAL_FATAL(one.items.n, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(one.next);
    OK(flow_call(&f, f.people[FLOW_PROVIDER], "DELETE",
                 flow_text(&f, "/v1/holds/%s", JM_ITEM(one.items, struct w_hold, 1)->id), NULL,
                 NULL, 0, NULL)); /* the very one that the cursor names */
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET",
                 flow_text(&f, "/v1/holds?limit=2&after=%s", url_escape(one.next, &f.a)), NULL,
                 hold_list, &two));
    CU_ASSERT_EQUAL_FATAL(two.items.n, 2);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            CU_ASSERT_STRING_NOT_EQUAL(JM_ITEM(one.items, struct w_hold, i)->id,
                                       JM_ITEM(two.items, struct w_hold, j)->id);
    flow_stop(&f);
}

static void
machines_are_found_by_what_they_are(void)
{
    static const struct {
        const char *query;
        size_t n;
    } rows[] = {{"kind=vm", 6},
                {"kind=vm&starts=web", 6},
                {"starts=web-1", 3},
                {"contains=eb-2", 3},
                {"starts=eb", 0},
                {"contains=nothing", 0},
                {"wanted=running", 6},
                {"kind=vm&wanted=binned", 0},
                {"seen=running", 0},
                {"seen=unknown", 12},
                {"verdict=idle", 6},
                {"verdict=active", 0},
                {"kind=network", 3},
                {"verdict=idle&starts=web-2", 3},
                {"name=web-1", 3},
                {"name=web-1&kind=network", 0},
                {"name=web-1&verdict=active", 0},
                {"name=web-1&verdict=idle", 3},
                {"name=web-1&starts=db", 0},
                {"name=web-1&contains=b-1&wanted=running", 3}};
    struct scene s;
    struct w_resource_list l;

    scene_start(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        OK(FLOW_CALL(&s.f, s.f.people[FLOW_BUREAU], "GET",
                     flow_text(&s.f, "/v1/resources?%s", rows[i].query), NULL, resource_list, &l));
        if (l.items.n != rows[i].n)
            fprintf(stderr, "\n%s: %zu\n", rows[i].query, l.items.n);
        CU_ASSERT_EQUAL(l.items.n, rows[i].n);
        OK(FLOW_CALL(&s.f, s.f.people[FLOW_OTHER], "GET",
                     flow_text(&s.f, "/v1/resources?%s", rows[i].query), NULL, resource_list, &l));
        CU_ASSERT_EQUAL(l.items.n, 0); /* another's unit */
    }
    flow_stop(&s.f);
}

/* ---- what is gone --------------------------------------------------------------------------- */

static int
gone_step(void *arg, struct tx *t, struct err *e)
{
    const struct w_resource_list *l = arg;

    for (size_t i = 0; i < 2; i++)
        if (resource_absent_set(t->d, JM_ITEM(l->items, struct w_resource_view, i)->id, t->now_ms,
                                "", e) < 0)
            return -1;
    return 0;
}

static void
two_machines_go(struct scene *s)
{
    struct w_resource_list l;

    OK(FLOW_CALL(&s->f, s->f.people[FLOW_BUREAU], "GET", "/v1/resources?name=web-1&kind=vm", NULL,
                 resource_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 3);
    OK(commit_run(s->f.ctl.c.commit, gone_step, &l, &s->f.err));
}

/* So many by the count, whole, and page by page, for the unit and those above it. */
static void
asked_by_all(struct scene *s, struct httpc *county, const char *query, size_t want)
{
    static char whole[TEXT_MAX], paged[TEXT_MAX];
    const struct route *r = routes;
    struct w_list_count n;
    size_t lines = 0;

    while (strcmp(r->name, "resource_list") != 0)
        r++;
    OK(FLOW_CALL(&s->f, s->f.people[FLOW_TENANT], "GET",
                 flow_text(&s->f, "/v1/resources?format=count&%s", query), NULL, list_count, &n));
    (void)read_pages(&s->f, r, s->f.people[FLOW_BUREAU], flow_text(&s->f, "&%s", query), 1000,
                     whole);
    for (const char *p = whole; *p != '\0'; p++)
        lines += *p == '\n';
    if (n.count != want || lines != want)
        fprintf(stderr, "\n%s: %llu, %zu\n", query, (unsigned long long)n.count, lines);
    CU_ASSERT_EQUAL(n.count, want);
    CU_ASSERT_EQUAL(lines, want);
    for (int limit = 1; limit <= 2; limit++) {
        (void)read_pages(&s->f, r, limit == 1 ? county : s->f.people[FLOW_TENANT],
                         flow_text(&s->f, "&%s", query), limit, paged);
        CU_ASSERT_STRING_EQUAL(paged, whole);
    }
}

static void
what_is_gone_is_a_list_of_its_own(void)
{
    struct scene s;
    struct httpc *county;

    scene_start(&s);
    county = county_of(&s.f);
    two_machines_go(&s);
    const struct {
        const char *query;
        size_t there, gone;
    } rows[] = {{"kind=vm", 4, 2},
                {"kind=vm&starts=web", 4, 2},
                {"name=web-1", 1, 2},
                {"name=web-1&contains=eb", 1, 2},
                {"kind=vm&verdict=idle", 4, 2},
                {flow_text(&s.f, "kind=vm&system=%s", s.f.system), 4, 2},
                {flow_text(&s.f, "contains=web&system=%s", s.f.system), 4, 2},
                {flow_text(&s.f, "kind=vm&host=%s", s.f.host), 4, 2},
                {"kind=network", 3, 0}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        asked_by_all(&s, county, rows[i].query, rows[i].there);
        asked_by_all(&s, county, flow_text(&s.f, "%s&gone=1", rows[i].query), rows[i].gone);
    }
    httpc_free(county);
    flow_stop(&s.f);
}

CU_TestInfo paging_tests[] = {
    {"every list has pages", every_list_has_pages},
    {"pages together are the whole", pages_together_are_the_whole},
    {"pages of one unit are the whole too", pages_of_one_unit_are_the_whole_too},
    {"an export is the whole", an_export_is_the_whole},
    {"a cursor of another list is refused", a_cursor_of_another_list_is_refused},
    {"what comes in between repeats and hides nothing",
     what_comes_in_between_repeats_and_hides_nothing},
    {"what goes in between repeats and hides nothing",
     what_goes_in_between_repeats_and_hides_nothing},
    {"machines are found by what they are", machines_are_found_by_what_they_are},
    {"what is gone is a list of its own", what_is_gone_is_a_list_of_its_own},
    CU_TEST_INFO_NULL,
};
