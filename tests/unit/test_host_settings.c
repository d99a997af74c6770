/* Zone and pool class of hosts: said, said otherwise later, asked for by grants. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/grant_expand.h"
#include "controller/hosttable.h"
#include "drivers/codec/approval.h"
#include "tests/unit/flowok.h"
#include "tests/unit/flowsee.h"

static struct w_host_view
host_named(struct flow *f, const char *name)
{
    struct w_host_list l = {0};

    CU_ASSERT_EQUAL_FATAL(
        FLOW_CALL(f, f->people[FLOW_PROVIDER], "GET", "/v1/hosts", NULL, host_list, &l), 0);
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_host_view, i)->name, name) == 0)
            return *JM_ITEM(l.items, struct w_host_view, i);
    CU_FAIL_FATAL("no such host");
    return (struct w_host_view){0};
}

static int
set_as(struct flow *f, enum flow_who who, const char *id, const char *request, const char *zone,
       const char *class)
{
    struct w_host_view v;

    return FLOW_CALL(f, f->people[who], "POST", flow_text(f, "/v1/hosts/%s:set", id),
                     flow_text(f, "{\"request\":\"%s\"%s%s%s%s%s%s}", request,
                               zone[0] == '\0' ? "" : ",\"zone\":\"", zone,
                               zone[0] == '\0' ? "" : "\"",
                               class[0] == '\0' ? "" : ",\"pool_class\":\"", class,
                               class[0] == '\0' ? "" : "\""),
                     host_view, &v);
}

static void
set(struct flow *f, const char *name, const char *zone, const char *class)
{
    struct w_host_view h = host_named(f, name);

    CU_ASSERT_EQUAL_FATAL(set_as(f, FLOW_PROVIDER, h.id, flow_uuid(f), zone, class), 0);
    CU_ASSERT_STRING_EQUAL(host_named(f, name).zone, zone);
    CU_ASSERT_STRING_EQUAL(host_named(f, name).pool_class, class);
}

static int
same_step(void *arg, struct tx *t, struct err *e)
{
    return hosttable_differs(t->c->hosts, arg, e);
}

static bool
table_is_in_step(struct flow *f)
{
    size_t n = 99;

    return commit_run(f->ctl.c.commit, same_step, &n, &f->err) == 0 && n == 0;
}

static struct w_grant_line *
line(struct w_grant *g, size_t i)
{
    return JM_ITEM(g->lines, struct w_grant_line, i);
}

/* A network with one machine that asks for this. */
static struct w_grant *
asking(struct flow *f, const char *number, const char *net, const char *zone, const char *class)
{
    struct w_grant *g = flow_grant(f, number);

    g->lines.n = 2;
    (void)snprintf(line(g, 0)->name, sizeof(line(g, 0)->name), "n-%s", number);
    (void)snprintf(line(g, 0)->cidr, sizeof(line(g, 0)->cidr), "%s", net);
    (void)snprintf(line(g, 1)->name, sizeof(line(g, 1)->name), "vm-%s", number);
    line(g, 1)->count = 1;
    (void)snprintf(line(g, 1)->zone, sizeof(line(g, 1)->zone), "%s", zone);
    (void)snprintf(line(g, 1)->pool_class, sizeof(line(g, 1)->pool_class), "%s", class);
    grant_version_fit(g);
    CU_ASSERT_EQUAL(g->version, 6);
    return g;
}

static const char *
stands_on(struct flow *f, const char *name)
{
    return flow_text(f, "%s", flow_resource(f, flow_named(f, name)).host_name);
}

static void
a_host_is_said_otherwise_later(void)
{
    struct flow f;
    const char *id, *request;
    int64_t entries;

    flow_start(&f);
    id = f.host;
    request = flow_uuid(&f);
    entries = (int64_t)controller_head_seq(&f.ctl.c);
    OK(set_as(&f, FLOW_PROVIDER, id, request, "east", "ssd"));
    CU_ASSERT((int64_t)controller_head_seq(&f.ctl.c) > entries);
    entries = (int64_t)controller_head_seq(&f.ctl.c);
    OK(set_as(&f, FLOW_PROVIDER, id, request, "east", "ssd")); /* the same request acts once */
    CU_ASSERT_EQUAL((int64_t)controller_head_seq(&f.ctl.c), entries);
    CU_ASSERT_EQUAL(set_as(&f, FLOW_PROVIDER, id, request, "west", "ssd"), -1);
    CU_ASSERT_EQUAL(f.err.code, BY_E_CONFLICT);
    CU_ASSERT(table_is_in_step(&f));
    OK(set_as(&f, FLOW_PROVIDER, id, flow_uuid(&f), "", "")); /* and nothing again */
    CU_ASSERT(table_is_in_step(&f));
    CU_ASSERT_EQUAL(set_as(&f, FLOW_PROVIDER, flow_uuid(&f), flow_uuid(&f), "east", ""), -1);
    CU_ASSERT_EQUAL(f.err.code, BY_E_NOT_FOUND);
    CU_ASSERT_EQUAL(set_as(&f, FLOW_BUREAU, id, flow_uuid(&f), "east", ""), -1);
    CU_ASSERT_EQUAL(f.err.code, BY_E_DENIED);
    flow_stop(&f);
}

/* Among more hosts than are looked at first, the emptiest is the one that was asked for. */
static void
machines_go_where_their_line_asks(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_explanation why = {0};
    struct w_grant *g;
    bool told = false;

    flow_start(&f);
    for (int i = 2; i <= 11; i++)
        flow_host_add(&f, flow_text(&f, "h%d", i), "");
    set(&f, "h11", "west", "");
    set(&f, "h10", "", "ssd");
    set(&f, "h9", "west", "ssd");
    OK(flow_grant_add(&f, asking(&f, "1", "10.1.0.0/24", "west", "ssd"), flow_uuid(&f), &acc));
    CU_ASSERT_STRING_EQUAL(stands_on(&f, "vm-1"), "h9");
    set(&f, "h9", "", "");
    OK(flow_grant_add(&f, asking(&f, "2", "10.2.0.0/24", "west", ""), flow_uuid(&f), &acc));
    CU_ASSERT_STRING_EQUAL(stands_on(&f, "vm-2"), "h11");
    OK(flow_grant_add(&f, asking(&f, "3", "10.3.0.0/24", "", "ssd"), flow_uuid(&f), &acc));
    CU_ASSERT_STRING_EQUAL(stands_on(&f, "vm-3"), "h10");
    CU_ASSERT_STRING_EQUAL(stands_on(&f, "vm-1"), "h9"); /* what stands stays */
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET",
                 flow_text(&f, "/v1/explain/%s", flow_named(&f, "vm-2")), NULL, explanation, &why));
    for (size_t i = 0; i < why.lines.n; i++)
        told = told || strstr(JM_ITEM(why.lines, struct w_explain_line, i)->text,
                              "asked for zone/pool class west/-") != NULL;
    CU_ASSERT(told);
    /* No host is both now. */
    g = asking(&f, "4", "10.4.0.0/24", "west", "ssd");
    CU_ASSERT_EQUAL(flow_grant_add(&f, g, flow_uuid(&f), &acc), -1);
    CU_ASSERT(strstr(f.err.msg, "no host is of zone/pool class west/ssd; there are: -/-, -/ssd, "
                                "west/-") != NULL);
    flow_stop(&f);
}

static void
one_network_may_ask_for_two_zones(void)
{
    struct flow f;
    struct w_accepted acc;
    struct w_grant *g;

    flow_start(&f);
    (void)snprintf(f.underlay, sizeof(f.underlay), "192.0.2.1");
    OK(flow_hello(&f));
    flow_host_add(&f, "h2", "192.0.2.2");
    set(&f, "h1", "east", "");
    set(&f, "h2", "west", "");
    g = flow_grant(&f, "two");
    g->lines.n = 3;
    *line(g, 2) = *line(g, 1);
    line(g, 1)->count = line(g, 2)->count = 1;
    line(g, 2)->line = 3;
    (void)snprintf(line(g, 2)->name, sizeof(line(g, 2)->name), "db");
    (void)snprintf(line(g, 1)->zone, sizeof(line(g, 1)->zone), "east");
    (void)snprintf(line(g, 2)->zone, sizeof(line(g, 2)->zone), "west");
    grant_version_fit(g);
    OK(flow_grant_add(&f, g, flow_uuid(&f), &acc));
    CU_ASSERT_STRING_EQUAL(stands_on(&f, "web"), "h1");
    CU_ASSERT_STRING_EQUAL(stands_on(&f, "db"), "h2");
    flow_stop(&f);
}

static void
what_cannot_ask_is_told(void)
{
    static const struct {
        size_t line;
        uint32_t version;
        bool deferred;
        const char *says;
    } rows[] = {{0, 6, false, "a network stands where its machines are"},
                {1, 5, false, "of version 6"},
                {1, 6, true, "asks for no zone or class"},
                {2, 6, false, "a volume stands where its machine is"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int class = 0; class < 2; class ++) {
            struct w_grant_line l[3] = {
                {.line = 1, .kind = RES_NETWORK, .name = "n", .count = 1, .cidr = "10.0.0.0/24"},
                {.line = 2,
                 .kind = RES_VM,
                 .name = "v",
                 .count = 1,
                 .vcpus = 1,
                 .mem_mib = 64,
                 .disk_gib = 1,
                 .image = "a"},
                {.line = 3, .kind = RES_VOLUME, .name = "d", .count = 1, .disk_gib = 1}};
            struct w_grant g = {.version = rows[i].version, .lines = {l, 3}};
            struct err e = {0};

            l[2].attach_line = rows[i].deferred ? 0 : 2;
            l[1].deferred = rows[i].deferred;
            g.shape = rows[i].deferred ? SHAPE_FREE : SHAPE_NONE;
            g.resources_max = rows[i].deferred ? 10 : 0;
            (void)snprintf(class ? l[rows[i].line].pool_class : l[rows[i].line].zone, W_NAME, "x");
            CU_ASSERT_EQUAL(grant_lines_check(&g, &e), -1);
            if (strstr(e.msg, rows[i].says) == NULL)
                fprintf(stderr, "\nrow %zu: %s\n", i, e.msg);
            CU_ASSERT(strstr(e.msg, rows[i].says) != NULL);
        }
}

static int
invite(struct flow *f, const char *what)
{
    struct w_host_token tok;

    return FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/hosts",
                     flow_text(f, "{\"name\":\"h7\"%s}", what), host_token, &tok);
}

static int64_t
overcommit(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_HOST_BY_NAME, &r, &f->err, DBS("h7")), 0);
    CU_ASSERT_EQUAL_FATAL(db_next(r, &f->err), 1);
    return db_int(r, 3);
}

/* A second token for it moves nothing that nobody spoke of. */
static void
a_new_token_changes_no_host(void)
{
    struct flow f;

    flow_start(&f);
    OK(invite(&f, ",\"zone\":\"north\",\"cpu_overcommit_percent\":250"));
    OK(invite(&f, ""));
    CU_ASSERT_STRING_EQUAL(host_named(&f, "h7").zone, "north");
    CU_ASSERT_EQUAL(overcommit(&f), 250);
    OK(invite(&f, ",\"zone\":\"north\",\"cpu_overcommit_percent\":300"));
    CU_ASSERT_EQUAL(overcommit(&f), 300);
    CU_ASSERT_EQUAL(invite(&f, ",\"zone\":\"south\""), -1);
    CU_ASSERT_EQUAL(f.status, 409);
    CU_ASSERT_STRING_EQUAL(f.err.field, "zone");
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "bianyun hosts set h7"));
    CU_ASSERT_STRING_EQUAL(host_named(&f, "h7").zone, "north");
    flow_stop(&f);
}

CU_TestInfo host_settings_tests[] = {
    {"a new token for a host changes nothing else of it", a_new_token_changes_no_host},
    {"a host is said otherwise later", a_host_is_said_otherwise_later},
    {"machines go where their line asks", machines_go_where_their_line_asks},
    {"one network may ask for two zones", one_network_may_ask_for_two_zones},
    {"what cannot ask is told", what_cannot_ask_is_told},
    CU_TEST_INFO_NULL,
};
