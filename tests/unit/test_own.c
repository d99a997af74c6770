/* Role × route × owner, cell by cell over a real server, from the rows of routes.def: whatever a
 * role may do, it does it to its own unit's things, a county to its subtree's, and to no other's. A
 * thing of another is answered as one that is not there. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/routes.h"
#include "controller/server.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_claim.h"
#include "drivers/db/store_usage.h"
#include "tests/unit/flow.h"

enum kind { FREE_, PATH, STEP, LIST_, SOME, ASK, BODY };
enum thing {
    UNIT,
    SYSTEM,
    CASE,
    ATTACHMENT,
    GRANT,
    ORDER,
    VM,
    NETWORK,
    CERTIFICATE,
    ACT,
    CLOCK,
    CLAIM,
    PLAN,
    THINGS
};

/* A machine that no order made, on the host: whoever's system it is claimed for. */
#define FOREIGN "deadbeef-0000-4000-8000-000000000001"

static const struct cell {
    const char *handler, *text;
    enum kind kind;
    enum thing thing;
} cells[] = {
#define CELL(h, k, t, x) {#h, x, k, t},
#define FREE(h, why) {#h, why, FREE_, UNIT},
#define LIST LIST_
#include "tests/unit/own_routes.def"
#undef CELL
#undef FREE
#undef LIST
};

/* The tree: county A with two units, county B with one.  Whose things are there: */
enum owner { OWN, SAME_COUNTY, OTHER_COUNTY, ABSENT, OWNERS };

struct own {
    struct flow f;
    char county[2][W_ID];
    char id[OWNERS][THINGS][W_ID]; /* UNIT: of the owner */
    struct httpc *h[ROLE__MAX];    /* a county's person of A, a tenant's of OWN */
};

static void
die(const char *what, const struct own *o)
{
    fprintf(stderr, "own: %s: %d %s\n", what, o->f.status, o->f.err.msg);
    abort();
}

static void
add_unit(struct own *o, const char *name, const char *kind, const char *parent, char id[W_ID])
{
    struct flow *f = &o->f;
    const char *body = parent == NULL
                           ? flow_text(f, "{\"name\":\"%s\",\"kind\":\"%s\"}", name, kind)
                           : flow_text(f, "{\"name\":\"%s\",\"kind\":\"%s\",\"parent\":\"%s\"}",
                                       name, kind, parent);
    struct w_unit u;

    if (FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/units", body, unit, &u) < 0)
        die("unit", o);
    memcpy(id, u.id, W_ID);
}

static struct httpc *
add_person(struct own *o, const char *unit, enum w_role role)
{
    char token[64];

    ctl_person(&o->f.ctl, NULL, unit, role, NULL, token);
    return ctl_client(&o->f.ctl, token);
}

struct papers {
    struct own *o;
    enum owner w;
};

/* A plan that waits for its day. */
static int
add_plan(const struct papers *p, struct tx *t, struct err *e)
{
    char(*id)[W_ID] = p->o->id[p->w];
    struct w_plan_line line = {.kind = RES_VM, .verb = VERB_BIN, .not_before_ms = INT64_MAX / 2};
    struct w_plan plan = {.version = 1,
                          .issued_at_ms = t->now_ms,
                          .hold_ms = 1000,
                          .reason = "idle",
                          .lines = {&line, 1}};

    memcpy(line.resource, id[VM], W_ID);
    memcpy(plan.id, id[PLAN], W_ID);
    memcpy(plan.finding, id[CERTIFICATE], W_ID);
    memcpy(plan.grant, id[GRANT], W_ID);
    memcpy(plan.system, id[SYSTEM], W_ID);
    memcpy(plan.approver, p->o->f.account[FLOW_BUREAU], W_ID);
    return plan_insert(t->d, &plan, plan.approver, "{}", t->now_ms, e);
}

/* What nothing but the end of a life or weeks of measuring would make. */
static int
add_papers(void *arg, struct tx *t, struct err *e)
{
    const struct papers *p = arg;
    char(*id)[W_ID] = p->o->id[p->w];
    struct clock_spec s = {.kind = CLK_REVIEW,
                           .subject_kind = "case",
                           .subject = id[ACT],
                           .unit = id[UNIT],
                           .start_ms = t->now_ms};
    struct claim_row claim = {
        .state = CS_CLAIMED, .name = "old", .at_ms = t->now_ms, .reason = "", .found = ""};
    struct clock_row clock;

    if (clock_start(t, "tester", &s, &clock, e) < 0)
        return -1;
    memcpy(id[CLOCK], clock.id, W_ID);
    memcpy(claim.host, p->o->f.host, W_ID);
    memcpy(claim.id, id[CLAIM], W_ID);
    memcpy(claim.vm, id[ACT], W_ID);
    memcpy(claim.system, id[SYSTEM], W_ID);
    memcpy(claim.unit, id[UNIT], W_ID);
    if (claim_insert(t->d, &claim, e) < 0)
        return -1;
    if (DB_EXEC(t->d, DB_CERTIFICATE_INSERT, NULL, e, DBS(id[CERTIFICATE]), DBS(id[VM]),
                DBS(id[UNIT]), DBS(id[ORDER]), DBS("{}"), DBS("page"), DBI(t->now_ms)) < 0)
        return -1;
    if (DB_EXEC(t->d, DB_UNIT_ACT_INSERT, NULL, e, DBS(id[ACT]), DBI(t->now_ms), DBS(id[UNIT]),
                DBS(id[ACT]), DBI(1), DBS(id[VM]), DBS(""), DBS("made"), DBS("{}"), DBS("{}"),
                DBI(0)) < 0)
        return -1;
    if (DB_EXEC(t->d, DB_FINDING_INSERT, NULL, e, DBS(id[CERTIFICATE]), DBS(id[VM]),
                DBS(id[SYSTEM]), DBS(id[UNIT]), DBS(id[GRANT]), DBI(VERDICT_IDLE), DBS("idle"),
                DBS("{}"), DBS("demo"), DBI(t->now_ms), DBI(t->now_ms), DBI(1), DBI(512)) < 0)
        return -1;
    return add_plan(p, t, e);
}

static void
add_case(struct own *o, enum owner w, struct httpc *h)
{
    struct flow *f = &o->f;
    struct w_case_view c;
    struct w_attachment a;

    if (FLOW_CALL(
            f, h, "POST", "/v1/attachments",
            flow_text(f, "{\"name\":\"paper\",\"sha256\":\"%064d\",\"size_bytes\":1}", (int)w),
            attachment, &a) < 0 ||
        FLOW_CALL(f, h, "POST", "/v1/cases",
                  flow_text(f,
                            "{\"application\":{\"system\":\"%s\"},\"kind\":\"new\",\"request\":"
                            "\"%s\"}",
                            o->id[w][SYSTEM], flow_uuid(f)),
                  case_view, &c) < 0)
        die("case", o);
    memcpy(o->id[w][ATTACHMENT], a.id, W_ID);
    memcpy(o->id[w][CASE], c.id, W_ID);
}

/* Machine, network and the machine's order that a grant made. */
static void
find_made(struct own *o, enum owner w)
{
    struct flow *f = &o->f;
    struct w_resource_list l;

    if (FLOW_CALL(f, f->people[FLOW_BUREAU], "GET",
                  flow_text(f, "/v1/resources?system=%s", o->id[w][SYSTEM]), NULL, resource_list,
                  &l) < 0)
        die("resources", o);
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_resource_view *r = JM_ITEM(l.items, struct w_resource_view, i);

        if (r->kind == RES_VM) {
            memcpy(o->id[w][VM], r->id, W_ID);
            memcpy(o->id[w][ORDER], r->order, W_ID);
        } else if (r->kind == RES_NETWORK) {
            memcpy(o->id[w][NETWORK], r->id, W_ID);
        }
    }
}

static void
add_things(struct own *o, enum owner w)
{
    struct papers p = {.o = o, .w = w};
    struct flow *f = &o->f;
    struct httpc *h = add_person(o, o->id[w][UNIT], ROLE_TENANT);
    struct w_accepted acc;
    struct w_system s;
    struct w_grant *g;

    if (FLOW_CALL(
            f, h, "POST", "/v1/systems",
            flow_text(f, "{\"mlps_level\":2,\"name\":\"system\",\"purpose\":\"p\",\"unit\":\"%s\"}",
                      o->id[w][UNIT]),
            system, &s) < 0)
        die("system", o);
    memcpy(o->id[w][SYSTEM], s.id, W_ID);
    g = flow_grant(f, flow_text(f, "OWN-%d", (int)w));
    memcpy(g->system, s.id, W_ID);
    memcpy(g->unit, o->id[w][UNIT], W_ID);
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 0)->cidr, 20, "10.9%c.0.0/24",
                   '0' + (char)w);
    if (flow_grant_add(f, g, flow_uuid(f), &acc) < 0)
        die("grant", o);
    memcpy(o->id[w][GRANT], g->id, W_ID);
    find_made(o, w);
    random_uuid(o->id[w][CERTIFICATE]);
    random_uuid(o->id[w][ACT]);
    random_uuid(o->id[w][CLAIM]);
    random_uuid(o->id[w][PLAN]);
    if (commit_run(f->ctl.c.commit, add_papers, &p, &f->err) < 0)
        die("papers", o);
    add_case(o, w, h);
    httpc_free(h);
}

/* What its host says of the machine that no order made. */
static void
report_foreign(struct own *o)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct flow *f = &o->f;
    struct w_observed seen = {.kind = RES_VM, .seen = SEEN_FOREIGN, .at_ms = f->ctl.c.wall_ms()};
    struct w_status s = {.seq = ++f->seq, .complete = true, .pool_free_bytes = 1ULL << 40};
    struct w_found_text text = {
        .text = "{\"parts\":{\"disks\":[],\"firmware\":\"bios\",\"id\":\"" FOREIGN
                "\",\"mem_max_mib\":64,\"mem_mib\":64,\"name\":\"old\",\"nics\":[],\"vcpus\":1,"
                "\"vcpus_max\":1},\"state\":\"running\"}"};
    struct w_status_answer ans;

    memcpy(seen.resource, FOREIGN, sizeof(FOREIGN));
    memcpy(seen.name, "old", 4);
    memcpy(s.boot, f->boot, sizeof(s.boot));
    s.items = (struct jm_list){&seen, 1};
    s.found = (struct jm_list){&text, 1};
    jm_encode(schema_status, &s, &b);
    if (FLOW_CALL(f, f->agent, "POST", "/a/v1/status", strbuf_peek(&b), status_answer, &ans) < 0)
        die("status", o);
}

static void
own_start(struct own *o)
{
    memset(o, 0, sizeof(*o));
    flow_start(&o->f);
    add_unit(o, "county A", "county", NULL, o->county[0]);
    add_unit(o, "county B", "county", NULL, o->county[1]);
    add_unit(o, "A one", "tenant", o->county[0], o->id[OWN][UNIT]);
    add_unit(o, "A two", "tenant", o->county[0], o->id[SAME_COUNTY][UNIT]);
    add_unit(o, "B one", "tenant", o->county[1], o->id[OTHER_COUNTY][UNIT]);
    for (int w = OWN; w < ABSENT; w++)
        add_things(o, (enum owner)w);
    report_foreign(o);
    for (int t = 0; t < THINGS; t++)
        random_uuid(o->id[ABSENT][t]);
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++)
        o->h[role] = add_person(o,
                                role == ROLE_TENANT   ? o->id[OWN][UNIT]
                                : role == ROLE_COUNTY ? o->county[0]
                                                      : NULL,
                                (enum w_role)role);
}

static void
own_stop(struct own *o)
{
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++)
        httpc_free(o->h[role]);
    flow_stop(&o->f);
}

/* Sees it, by the rule: the whole city, a county its subtree, a tenant its own. */
static bool
sees(enum w_role role, enum owner w)
{
    if (w == ABSENT)
        return false;
    if (role == ROLE_TENANT)
        return w == OWN;
    return role != ROLE_COUNTY || w != OTHER_COUNTY;
}

/* # becomes the thing's id, @ a new request id. */
static const char *
filled(struct own *o, const char *text, const char *id)
{
    SCOPED(strbuf) struct strbuf b = {0};

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '#')
            strbuf_adds(&b, id);
        else if (*p == '@')
            strbuf_adds(&b, flow_uuid(&o->f));
        else
            strbuf_addc(&b, *p);
    }
    return arena_strdup(&o->f.a, strbuf_peek(&b));
}

/* An unsigned grant for that owner. */
static const char *
grant_body(struct own *o, enum owner w)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant *g = flow_grant(&o->f, "OWN-CHECK");

    memcpy(g->system, o->id[w][SYSTEM], W_ID);
    memcpy(g->unit, o->id[w][UNIT], W_ID);
    jm_encode(schema_grant, g, &b);
    return flow_text(&o->f, "{\"grant\":%s,\"request\":\"%s\"}", flow_quote(&o->f, strbuf_peek(&b)),
                     flow_uuid(&o->f));
}

struct answer {
    int status;
    bool holds; /* the thing's id */
};

static struct answer
ask(struct own *o, const struct cell *c, const struct route *r, enum w_role role, enum owner w)
{
    const char *id = o->id[w][c->thing], *hole = strstr(r->path, "{id}"), *body = NULL;
    const char *path = r->path, *text = filled(o, c->text, id);
    struct httpc_answer ans = {0};
    struct answer got;
    struct err e = {0};

    if (hole != NULL)
        path = flow_text(&o->f, "%.*s%s%s", (int)(hole - r->path), r->path, id, hole + 4);
    if (strcmp(r->method, "GET") == 0)
        path = flow_text(&o->f, "%s%s", path, text);
    else if (r->in != NULL)
        body = strcmp(c->text, "grant") == 0 ? grant_body(o, w) : text;
    (void)httpc_call(o->h[role], r->method, path, body, body == NULL ? 0 : strlen(body), 60000,
                     &ans, &e);
    got = (struct answer){ans.status,
                          ans.status == 200 && ans.body != NULL &&
                              strstr(ans.body, c->kind == ASK ? o->id[w][UNIT] : id) != NULL};
    httpc_answer_clear(&ans);
    return got;
}

/* What the cell must be. */
static bool
right(const struct cell *c, const struct route *r, enum w_role role, enum owner w, struct answer a)
{
    bool in = sees(role, w), gone = a.status == 404 || a.status == 403;

    if (a.status == 0 || a.status >= 500)
        return false;
    if ((r->roles & (1U << role)) == 0)
        return a.status == 403;
    switch (c->kind) {
    case FREE_:
        return true;
    case PATH:
        return in ? !gone && a.status != 401 : a.status == 404;
    case STEP:
        return in ? a.status != 404 : a.status == 404;
    case BODY: /* a system's unit that is not there is a conflict, to those who see the city */
        return in ? !gone : gone || (sees(role, OTHER_COUNTY) && w == ABSENT);
    case LIST_:
        return a.holds == in;
    case SOME:
    case ASK:
        return in || !a.holds;
    }
    return false;
}

static void
try_cell(struct own *o, const struct cell *c, const struct route *r)
{
    static const char *const owners[] = {"own", "same county's", "other county's", "absent"};

    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++)
        for (int w = OWN; w < OWNERS; w++) {
            struct answer a = ask(o, c, r, (enum w_role)role, (enum owner)w);

            if (right(c, r, (enum w_role)role, (enum owner)w, a))
                continue;
            fprintf(stderr, "\n%s %s %s: %s, %s: %d%s\n", r->method, r->path, c->text,
                    w_role_names[role], owners[w], a.status, a.holds ? ", and holds it" : "");
            CU_FAIL("a cell");
        }
}

static void
no_role_reaches_another_units_things(void)
{
    struct own *o = calloc(1, sizeof(*o));

    if (o == NULL)
        abort();
    own_start(o);
    for (size_t i = 0; i < routes_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(cells); k++)
            if (cells[k].kind != FREE_ && strcmp(cells[k].handler, routes[i].name) == 0)
                try_cell(o, &cells[k], &routes[i]);
    own_stop(o);
    free(o);
}

static void
every_route_has_a_decision_about_whose_things_it_is(void)
{
    size_t used = 0;

    for (size_t i = 0; i < routes_count; i++) {
        bool found = (routes[i].roles & ROUTE_AGENT) != 0;

        for (size_t k = 0; k < ARRAY_LEN(cells); k++)
            if (strcmp(cells[k].handler, routes[i].name) == 0)
                found = true, used++;
        if (!found)
            fprintf(stderr, "\n%s: whose things is it about? tests/unit/own_routes.def\n",
                    routes[i].name);
        CU_ASSERT(found);
    }
    CU_ASSERT_EQUAL(used, ARRAY_LEN(cells)); /* a row for a route that is gone */
}

/* What moves in the tree moves out of one county's sight and into another's, at once. */
static void
a_unit_that_moves_changes_its_county(void)
{
    struct own *o = calloc(1, sizeof(*o));
    const char *path, *move;
    struct w_system_list l;
    struct w_unit u;

    if (o == NULL)
        abort();
    own_start(o);
    path = flow_text(&o->f, "/v1/units/%s:move", o->id[OWN][UNIT]);
    move = flow_text(&o->f, "{\"parent\":\"%s\"}", o->county[1]);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&o->f, o->h[ROLE_COUNTY], "GET", "/v1/systems", NULL, system_list, &l), 0);
    CU_ASSERT_EQUAL(l.items.n, 2);
    CU_ASSERT_EQUAL(FLOW_CALL(&o->f, o->h[ROLE_ADMIN], "POST", path, move, unit, &u), 0);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&o->f, o->h[ROLE_COUNTY], "GET", "/v1/systems", NULL, system_list, &l), 0);
    CU_ASSERT_EQUAL(l.items.n, 1);
    CU_ASSERT_EQUAL(flow_call(&o->f, o->h[ROLE_COUNTY], "GET",
                              flow_text(&o->f, "/v1/resources/%s", o->id[OWN][VM]), NULL, NULL, 0,
                              NULL),
                    -1);
    CU_ASSERT_EQUAL(o->f.status, 404);
    flow_restart(&o->f, NULL); /* from the store, as from memory */
    httpc_free(TAKE(o->h[ROLE_COUNTY]));
    o->h[ROLE_COUNTY] = add_person(o, o->county[0], ROLE_COUNTY);
    CU_ASSERT_EQUAL(flow_call(&o->f, o->h[ROLE_COUNTY], "GET",
                              flow_text(&o->f, "/v1/resources/%s", o->id[SAME_COUNTY][VM]), NULL,
                              NULL, 0, NULL),
                    0);
    own_stop(o);
    free(o);
}

CU_TestInfo own_tests[] = {
    {"every route has a decision about whose things it is",
     every_route_has_a_decision_about_whose_things_it_is},
    {"no role reaches another unit's things", no_role_reaches_another_units_things},
    {"a unit that moves changes its county", a_unit_that_moves_changes_its_county},
    CU_TEST_INFO_NULL,
};
