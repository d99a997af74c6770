/* The inbox, role × kind × owner, cell by cell: what waits for whom, the most urgent first. */
#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/inbox.h"
#include "controller/notice.h"
#include "controller/notices.h"
#include "controller/paths.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_case.h"
#include "drivers/db/store_image.h"
#include "policies/authz.h"
#include "policies/case_todo.h"
#include "tests/unit/flow.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
#define HOUR INT64_C(3600000)

enum { OWN, SAME_COUNTY, OTHER_COUNTY, OWNERS };
enum { THINGS_MAX = 400 };

/* Something in the store, and for whom it waits by the table below. */
struct thing {
    enum inbox_kind kind;
    char id[W_ID];
    int owner;
    unsigned roles; /* a county sees its tenants' */
};
struct world {
    struct flow f;
    char county[2][W_ID], unit[OWNERS][W_ID];
    struct httpc *h[ROLE__MAX]; /* a tenant's person of OWN, a county's of the county above it */
    struct thing t[THINGS_MAX];
    size_t n;
    int64_t now_ms;
};

static struct thing *
add(struct world *w, enum inbox_kind kind, int owner, unsigned roles)
{
    struct thing *t = &w->t[w->n++];

    if (w->n == THINGS_MAX)
        abort();
    *t = (struct thing){.kind = kind, .owner = owner, .roles = roles};
    random_uuid(t->id);
    return t;
}

/* By hand, not by case_fsm.def. */
static const struct {
    enum case_kind kind;
    enum case_state state;
    int waits;
    unsigned roles;
} cases[] = {
    {CASE_NEW, CASE_IS_DRAFT, ROLE_TENANT, AZ_TENANT},
    {CASE_NEW, CASE_IS_REVIEW, ROLE_BUREAU, AZ_BUREAU | AZ_COUNTY},
    {CASE_NEW, CASE_IS_RETURNED, ROLE_TENANT, AZ_TENANT},
    {CASE_NEW, CASE_IS_GRANTED, ROLE_NONE, 0},
    {CASE_CHANGE, CASE_IS_DRAFT, ROLE_TENANT, AZ_TENANT},
    {CASE_CHANGE, CASE_IS_REVIEW, ROLE_BUREAU, AZ_BUREAU | AZ_COUNTY},
    {CASE_CHANGE, CASE_IS_RETURNED, ROLE_TENANT, AZ_TENANT},
    {CASE_IMPORT, CASE_IS_CONFIRM, ROLE_BUREAU, AZ_BUREAU},
    {CASE_HANDOVER, CASE_IS_DELIVERED, ROLE_TENANT, AZ_TENANT},
    {CASE_HANDOVER, CASE_IS_CONTESTED, ROLE_PROVIDER, AZ_PROVIDER},
    {CASE_HANDOVER, CASE_IS_ACCEPTED, ROLE_NONE, 0},
    {CASE_MANUAL, CASE_IS_WORK, ROLE_PROVIDER, AZ_PROVIDER},
    {CASE_MANUAL, CASE_IS_DELIVERED, ROLE_TENANT, AZ_TENANT},
};
static const struct {
    enum clock_kind kind;
    enum inbox_kind shown;
    unsigned roles;
} clocks[] = {
    {CLK_ANSWER, INBOX_CLOCK, AZ_TENANT},
    {CLK_CHANGE, INBOX_GRANT, AZ_PROVIDER},
    {CLK_CONFIGURE, INBOX_GRANT, AZ_PROVIDER},
    {CLK_DEPLOY, INBOX_DEPLOY, AZ_TENANT},
    {CLK_EXPANSION_ASK, INBOX_CLOCK, AZ_TENANT},
    {CLK_EXPANSION_END, INBOX_CLOCK, AZ_PROVIDER},
    {CLK_PLATFORM_CHANGE, INBOX_CLOCK, AZ_PROVIDER},
    {CLK_REVIEW, INBOX_CLOCK, 0}, /* the case has it */
    {CLK_TESTS, INBOX_CLOCK, AZ_TENANT},
};

static int
add_cases(struct world *w, struct tx *t, int owner, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct thing *x = add(w, (enum inbox_kind)cases[i].kind, owner, cases[i].roles);
        /* Some are overdue, some have no deadline. */
        int64_t due = i % 3 == 0   ? t->now_ms - (int64_t)i * HOUR
                      : i % 3 == 1 ? t->now_ms + (int64_t)i * HOUR
                                   : CASE_NO_DUE;

        if (DB_EXEC(t->d, DB_CASE_ADD, NULL, e, DBS(x->id), DBS(x->id), DBI(cases[i].kind),
                    DBI(cases[i].state), DBS(w->unit[owner]), DBS(""), DBS(""), DBS(""), DBS("t"),
                    DBS("{}"), DBI(cases[i].waits), DBI(due), DBI(t->now_ms), DBS("x"),
                    DBI(t->now_ms - (int64_t)i)) < 0)
            return -1;
    }
    return 0;
}

static int
add_clocks(struct world *w, struct tx *t, int owner, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        struct thing *x = add(w, clocks[i].shown, owner, clocks[i].roles);
        struct clock_row r;
        char subject[W_ID];
        struct clock_spec s = {.kind = clocks[i].kind,
                               .subject_kind = "grant",
                               .subject = subject,
                               .title = "批复 1 号",
                               .unit = w->unit[owner],
                               .start_ms = t->now_ms - 24 * HOUR};

        random_uuid(subject);
        if (clock_has_event(clocks[i].kind))
            s.event_day = (int32_t)(t->now_ms / (24 * HOUR)) + 30;
        if (clock_start(t, "tester", &s, &r, e) < 0)
            return -1;
        memcpy(x->id, r.id, W_ID);
    }
    return 0;
}

static int
add_accounts(struct world *w, struct tx *t, int owner, struct err *e)
{
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++) {
        struct thing *x =
            add(w, INBOX_ACCOUNT, owner, role == ROLE_TENANT ? AZ_BUREAU : AZ_SECADMIN);

        if (DB_EXEC(t->d, DB_ACCOUNT_REGISTER, NULL, e, DBS(x->id), DBS(x->id), DBS("李"),
                    DBS(w->unit[owner]), DBS(""), DBI(role), DBI(t->now_ms), DBS(x->id), DBS(""),
                    DBI(0)) < 0)
            return -1;
    }
    return 0;
}

static int
add_claims(struct world *w, struct tx *t, int owner, struct err *e)
{
    for (int state = 1; state <= 2; state++) {
        struct thing *x = add(w, INBOX_CLAIM, owner, state == 1 ? AZ_BUREAU : 0);

        if (DB_EXEC(t->d, DB_CLAIM_ADD, NULL, e, DBS(x->id), DBS(w->f.host), DBS(x->id), DBS("vm"),
                    DBS(w->f.system), DBS(w->unit[owner]), DBS("x"), DBS("r"), DBI(state),
                    DBI(t->now_ms), DBS("{}")) < 0)
            return -1;
    }
    return 0;
}

static int
add_image(struct world *w, struct tx *t, const char *version, enum image_state s, int64_t at_ms,
          enum inbox_kind kind, unsigned roles, struct err *e)
{
    struct thing *x = add(w, kind, OWN, roles);
    struct image_row r = {.arch = 1, .boot = 1, .state = s, .size_bytes = 1, .created_ms = 1};

    memcpy(r.id, x->id, W_ID);
    (void)snprintf(r.sha256, sizeof(r.sha256), "%064zu", w->n);
    (void)snprintf(r.name, sizeof(r.name), "debian");
    (void)snprintf(r.version, sizeof(r.version), "%s", version);
    return image_insert(t->d, &r, e) < 0 ||
                   DB_EXEC(t->d, DB_IMAGE_PUBLISHED, NULL, e, DBS("x"), DBI(at_ms), DBS(x->id)) < 0
               ? -1
               : 0;
}

static int
fill(void *arg, struct tx *t, struct err *e)
{
    struct world *w = arg;

    w->now_ms = t->now_ms;
    for (int owner = OWN; owner < OWNERS; owner++)
        if (add_cases(w, t, owner, e) < 0 || add_clocks(w, t, owner, e) < 0 ||
            add_accounts(w, t, owner, e) < 0 || add_claims(w, t, owner, e) < 0)
            return -1;
    return add_image(w, t, "1", IS_UPLOADING, 0, INBOX_IMAGE, 0, e) < 0 ||
                   add_image(w, t, "2", IS_CHECKED, 0, INBOX_IMAGE, AZ_BUREAU | AZ_SECADMIN, e) <
                       0 ||
                   add_image(w, t, "3", IS_PUBLISHED, 5, INBOX_OLD_IMAGE,
                             AZ_BUREAU | AZ_PROVIDER | AZ_SECADMIN, e) < 0 ||
                   add_image(w, t, "4", IS_PUBLISHED, 6, INBOX_OLD_IMAGE, 0, e) < 0
               ? -1
               : 0;
}

static void
unit(struct world *w, const char *name, const char *kind, const char *parent, char id[W_ID])
{
    struct flow *f = &w->f;
    struct w_unit u;

    OK(FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/units",
                 flow_text(f, "{\"name\":\"%s\",\"kind\":\"%s\"%s%s%s}", name, kind,
                           parent == NULL ? "" : ",\"parent\":\"", parent == NULL ? "" : parent,
                           parent == NULL ? "" : "\""),
                 unit, &u));
    memcpy(id, u.id, W_ID);
}

static void
world_start(struct world *w)
{
    memset(w, 0, sizeof(*w));
    flow_start(&w->f);
    unit(w, "county A", "county", NULL, w->county[0]);
    unit(w, "county B", "county", NULL, w->county[1]);
    unit(w, "A one", "tenant", w->county[0], w->unit[OWN]);
    unit(w, "A two", "tenant", w->county[0], w->unit[SAME_COUNTY]);
    unit(w, "B one", "tenant", w->county[1], w->unit[OTHER_COUNTY]);
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++) {
        char token[64];

        ctl_person(&w->f.ctl, NULL,
                   role == ROLE_TENANT   ? w->unit[OWN]
                   : role == ROLE_COUNTY ? w->county[0]
                                         : NULL,
                   (enum w_role)role, NULL, token);
        w->h[role] = ctl_client(&w->f.ctl, token);
    }
    OK(commit_run(w->f.ctl.c.commit, fill, w, &w->f.err));
}

static void
world_stop(struct world *w)
{
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++)
        httpc_free(w->h[role]);
    flow_stop(&w->f);
}

static void
ask(struct world *w, enum w_role role, const char *query, struct w_inbox_list *out)
{
    OK(FLOW_CALL(&w->f, w->h[role], "GET", flow_text(&w->f, "/v1/inbox%s", query), NULL, inbox_list,
                 out));
}

static const struct w_inbox_item *
item_of(const struct w_inbox_list *l, const char *id)
{
    for (size_t i = 0; i < l->items.n; i++)
        if (strcmp(JM_ITEM(l->items, struct w_inbox_item, i)->id, id) == 0)
            return JM_ITEM(l->items, struct w_inbox_item, i);
    return NULL;
}

static bool
sees(enum w_role role, const struct thing *t)
{
    if (role == ROLE_TENANT)
        return (t->roles & AZ_TENANT) != 0 && t->owner == OWN;
    if (role == ROLE_COUNTY)
        return (t->roles & (AZ_TENANT | AZ_COUNTY)) != 0 && t->owner != OTHER_COUNTY;
    return (t->roles & 1U << (role - 1)) != 0;
}

static void
each_role_sees_what_waits_for_it_and_no_other_thing(void)
{
    struct world w;

    world_start(&w);
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++) {
        struct w_inbox_list l;
        size_t expected = 0, late = 0;

        ask(&w, (enum w_role)role, "?limit=1000", &l);
        for (size_t i = 0; i < w.n; i++) {
            const struct thing *t = &w.t[i];
            const struct w_inbox_item *v = item_of(&l, t->id);
            bool in = sees((enum w_role)role, t), county = role == ROLE_COUNTY;

            if ((v != NULL) != in)
                fprintf(stderr, "\n%s: %s of owner %d\n", w_role_names[role],
                        w_inbox_kind_names[t->kind], t->owner);
            CU_ASSERT_EQUAL(v != NULL, in);
            expected += in;
            if (v == NULL)
                continue;
            CU_ASSERT_EQUAL(v->kind, county && (t->roles & AZ_COUNTY) ? INBOX_NOTE : (int)t->kind);
            CU_ASSERT_EQUAL(v->waits, county && v->kind != INBOX_NOTE ? ROLE_TENANT : role);
            CU_ASSERT_EQUAL(v->overdue, v->due_ms != 0 && v->due_ms <= w.now_ms);
            late += v->overdue;
        }
        CU_ASSERT_EQUAL(l.items.n, expected);
        CU_ASSERT_EQUAL(l.total, expected);
        CU_ASSERT_EQUAL(l.overdue, late);
    }
    world_stop(&w);
}

static void
nobody_sees_nothing(void)
{
    struct world w;
    struct w_inbox_list l = {0};
    SCOPED(db_free) struct db *d = NULL;

    world_start(&w);
    d = ctl_db(&w.f.ctl);
    struct tx t = {.c = &w.f.ctl.c, .d = d, .now_ms = w.now_ms};
    struct api_call k = {.c = &w.f.ctl.c, .a = &w.f.a};
    struct inbox_ask a = {.after_due_ms = -1, .after_id = "", .limit = 100, .late_ms = w.now_ms};
    OK(inbox_page(&k, &t, &a, &l, &w.f.err));
    CU_ASSERT_EQUAL(l.items.n, 0);
    CU_ASSERT_EQUAL(l.total, 0);
    world_stop(&w);
}

static int64_t
due_of(const struct w_inbox_item *v)
{
    return v->due_ms == 0 ? INT64_MAX : v->due_ms;
}

static void
the_most_urgent_comes_first_and_pages_lose_and_repeat_nothing(void)
{
    static const enum w_role roles[] = {ROLE_BUREAU, ROLE_COUNTY, ROLE_SECADMIN, ROLE_TENANT};
    struct world w;

    world_start(&w);
    for (size_t r = 0; r < ARRAY_LEN(roles); r++)
        for (int limit = 1; limit <= 7; limit += 3) {
            struct w_inbox_list all, page = {0};
            size_t n = 0;

            ask(&w, roles[r], "?limit=1000", &all);
            CU_ASSERT_PTR_NULL(all.next);
            /* Counted by a statement, or in the page. */
            ask(&w, roles[r], flow_text(&w.f, "?limit=%d", limit), &page);
            CU_ASSERT_EQUAL(page.total, all.total);
            CU_ASSERT_EQUAL(page.overdue, all.overdue);
            page = (struct w_inbox_list){0};
            do {
                const char *after =
                    page.next == NULL ? "" : flow_text(&w.f, "&after=%s", page.next);
                char *q = arena_strdup(&w.f.a, flow_text(&w.f, "?limit=%d%s", limit, after));

                for (char *p = q; *p != '\0'; p++)
                    *p = *p == ' ' ? '+' : *p;
                ask(&w, roles[r], q, &page);
                for (size_t i = 0; i < page.items.n && n < all.items.n; i++, n++)
                    CU_ASSERT_STRING_EQUAL(JM_ITEM(page.items, struct w_inbox_item, i)->id,
                                           JM_ITEM(all.items, struct w_inbox_item, n)->id);
            } while (page.next != NULL);
            CU_ASSERT_EQUAL(n, all.items.n);
            for (size_t i = 1; i < all.items.n; i++) {
                const struct w_inbox_item *x = JM_ITEM(all.items, struct w_inbox_item, i - 1);

                CU_ASSERT(due_of(x) < due_of(x + 1) ||
                          (due_of(x) == due_of(x + 1) && x->since_ms <= x[1].since_ms));
            }
        }
    world_stop(&w);
}

static void
filters_take_a_kind_or_what_is_overdue(void)
{
    struct world w;
    struct w_inbox_list all, some;

    world_start(&w);
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++) {
        size_t late = 0, sum = 0;

        ask(&w, (enum w_role)role, "?limit=1000", &all);
        for (int kind = 1; kind < INBOX__MAX; kind++) {
            size_t n = 0, counted = 0;

            for (size_t i = 0; i < all.items.n; i++)
                n += JM_ITEM(all.items, struct w_inbox_item, i)->kind == kind;
            for (size_t i = 0; i < all.counts.n; i++)
                if (JM_ITEM(all.counts, struct w_inbox_count, i)->kind == kind)
                    counted = JM_ITEM(all.counts, struct w_inbox_count, i)->to_do;
            ask(&w, (enum w_role)role,
                flow_text(&w.f, "?limit=1000&kind=%s", w_inbox_kind_names[kind]), &some);
            CU_ASSERT_EQUAL(some.items.n, n);
            CU_ASSERT_EQUAL(some.total, n);
            CU_ASSERT_EQUAL(counted, n);
            sum += n;
        }
        CU_ASSERT_EQUAL(sum, all.items.n);
        for (size_t i = 0; i < all.items.n; i++)
            late += JM_ITEM(all.items, struct w_inbox_item, i)->overdue;
        ask(&w, (enum w_role)role, "?overdue=1", &some);
        CU_ASSERT_EQUAL(some.items.n, late);
        CU_ASSERT_EQUAL(some.total, late);
    }
    CU_ASSERT_EQUAL(
        FLOW_CALL(&w.f, w.h[ROLE_BUREAU], "GET", "/v1/inbox?kind=letter", NULL, inbox_list, &some),
        -1);
    CU_ASSERT_EQUAL(w.f.status, 400);
    CU_ASSERT_EQUAL(FLOW_CALL(&w.f, w.h[ROLE_BUREAU], "GET", "/v1/inbox?after=yesterday", NULL,
                              inbox_list, &some),
                    -1);
    CU_ASSERT_STRING_EQUAL(w.f.err.field, "after");
    world_stop(&w);
}

/* The row of a request whose path has {id} or {subject} where the row has {id}. */
static const struct route *
route_of(struct flow *f, const char *request)
{
    char *method = arena_strdup(&f->a, request), *path = strchr(method, ' '), *hole;

    if (path == NULL)
        return NULL;
    *path++ = '\0';
    path[strcspn(path, "?")] = '\0';
    hole = strstr(path, "{subject}");
    if (hole != NULL)
        path = arena_strdup(&f->a, flow_text(f, "%.*s{id}%s", (int)(hole - path), path, hole + 9));
    for (size_t i = 0; i < routes_count; i++)
        if (strcmp(routes[i].method, method) == 0 && strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

/* The command is one that there is, the request one that this role may make. */
static void
try_way(struct world *w, enum w_role role, const struct w_inbox_item *v)
{
    char *words[3], *line = arena_strdup(&w->f.a, v->command), *save = NULL;
    const struct route *r = route_of(&w->f, v->route);
    int n = 0, used;

    for (char *p = strtok_r(line, " ", &save); p != NULL && n < 3; p = strtok_r(NULL, " ", &save))
        words[n++] = p;
    CU_ASSERT_FATAL(n == 3);
    CU_ASSERT_PTR_NOT_NULL(options_command(2, words + 1, &used));
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    if ((r->roles & 1U << role) == 0)
        fprintf(stderr, "\n%s: %s\n", w_role_names[role], v->route);
    CU_ASSERT((r->roles & 1U << role) != 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v->todo);
    if (!say_has(v->todo))
        fprintf(stderr, "\nwants: ZH(\"%s\", …)\n", v->todo);
    CU_ASSERT_TRUE(say_has(v->todo));
}

static void
each_thing_names_a_command_and_a_request_that_its_reader_may_make(void)
{
    struct world w;

    world_start(&w);
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++) {
        struct w_inbox_list l;

        ask(&w, (enum w_role)role, "?limit=1000", &l);
        for (size_t i = 0; i < l.items.n; i++)
            try_way(&w, (enum w_role)role, JM_ITEM(l.items, struct w_inbox_item, i));
    }
    world_stop(&w);
}

static void
every_state_that_waits_says_what_to_do_and_every_kind_is_somebodys(void)
{
    for (int k = 1; k < CASE_KIND__MAX; k++)
        for (int s = 1; s < CASE_STATE__MAX; s++) {
            bool waits = case_waits((enum case_kind)k, (enum case_state)s) != AZ_NOBODY;
            bool said = case_todo_of((enum case_kind)k, (enum case_state)s) != NULL;

            if (waits != said)
                fprintf(stderr, "\ncase_todo.def: %s, %s\n", w_case_kind_names[k],
                        w_case_state_names[s]);
            CU_ASSERT_EQUAL(waits, said);
        }
    for (int k = 1; k < INBOX__MAX; k++) {
        CU_ASSERT(inbox_roles((enum inbox_kind)k) != AZ_NOBODY);
        CU_ASSERT_EQUAL(inbox_todo((enum inbox_kind)k) == NULL, k < CASE_KIND__MAX);
        CU_ASSERT_TRUE(say_has(w_inbox_kind_names[k]));
    }
}

static void
a_grant_waits_for_the_provider(void)
{
    struct flow f;
    struct w_inbox_list l;
    struct w_accepted acc;
    const struct w_inbox_item *v;

    flow_start(&f);
    OK(flow_grant_add(&f, flow_grant(&f, "A-1"), flow_uuid(&f), &acc));
    OK(FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/inbox", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    v = JM_ITEM(l.items, struct w_inbox_item, 0);
    CU_ASSERT_EQUAL(v->kind, INBOX_GRANT);
    CU_ASSERT_STRING_EQUAL(v->number, "A-1");
    CU_ASSERT_STRING_EQUAL(v->command, "bianyun orders list --grant A-1 --open");
    CU_ASSERT(v->due_ms > f.ctl.c.wall_ms() && !v->overdue);
    flow_stop(&f);
}

static void
register_person(struct flow *f, const char *login, const char *number, const char *role,
                const char *of, struct w_account *out)
{
    OK(FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/accounts",
                 flow_text(f,
                           "{\"id_number\":\"%s\",\"login\":\"%s\",\"name\":\"n\",\"role\":\"%s\","
                           "\"unit\":\"%s\"}",
                           number, login, role, of),
                 account, out));
}

static void
an_account_waits_for_who_gives_its_role_and_the_bureau_has_a_deadline(void)
{
    struct flow f;
    struct w_inbox_list l;
    struct w_account guard, one, two;
    struct w_clock_list clocks_of;
    struct w_unit u;

    flow_start(&f);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/units",
                 "{\"kind\":\"bureau\",\"name\":\"guards\"}", unit, &u));
    register_person(&f, "guard", "11010519491231002X", "secadmin", u.id, &guard);
    /* The first security administrator, and no other, by the system administrator. */
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", "/v1/inbox", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_inbox_item, 0)->due_ms, 0);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST",
                 flow_text(&f, "/v1/accounts/%s:assign", guard.id), "{}", account, &guard));
    register_person(&f, "one", "110101199003070134", "tenant", f.unit[FLOW_TENANT], &one);
    register_person(&f, "two", "110101199001011237", "tenant", f.unit[FLOW_TENANT], &two);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", "/v1/inbox", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 0);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/inbox", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 2);
    CU_ASSERT(item_of(&l, one.id)->due_ms > f.ctl.c.wall_ms());
    CU_ASSERT_STRING_EQUAL(item_of(&l, one.id)->state, "tenant");
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "POST", flow_text(&f, "/v1/accounts/%s:assign", one.id),
                 "{}", account, &one));
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", flow_text(&f, "/v1/accounts/%s:disable", two.id),
                 NULL, account, &two));
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/inbox", NULL, inbox_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 0);
    OK(FLOW_CALL(&f, f.people[FLOW_BUREAU], "GET", "/v1/clocks?kind=account", NULL, clock_list,
                 &clocks_of));
    CU_ASSERT_EQUAL_FATAL(clocks_of.items.n, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct w_clock_view *v = JM_ITEM(clocks_of.items, struct w_clock_view, i);

        CU_ASSERT_EQUAL(v->state, strcmp(v->subject, one.id) == 0 ? CLS_MET : CLS_CANCELLED);
    }
    flow_stop(&f);
}

/* ---- notices -------------------------------------------------------------------------------- */

static struct httpc *
county_person(struct world *w, int i, const char *login)
{
    struct w_notice_settings s;
    struct flow *f = &w->f;
    struct httpc *h;
    char token[64];

    ctl_person(&f->ctl, login, w->county[i], ROLE_COUNTY, NULL, token);
    h = ctl_client(&f->ctl, token);
    OK(FLOW_CALL(f, h, "POST", "/v1/me/notices",
                 flow_text(f, "{\"request\":\"%s\",\"mail\":\"a@example.com\"}", flow_uuid(f)),
                 notice_settings, &s));
    return h;
}

static int
tell_step(void *arg, struct tx *t, struct err *e)
{
    const struct world *w = arg;
    static const struct {
        enum w_role role;
        int owner; /* OWNERS: nobody's */
    } told[] = {{ROLE_TENANT, OWN},
                {ROLE_TENANT, SAME_COUNTY},
                {ROLE_COUNTY, OWN},
                {ROLE_BUREAU, OWNERS},
                {ROLE_TENANT, OTHER_COUNTY}};

    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (notice_add(
                t,
                &(struct notice){.kind = NOTICE_CASE_RETURNED,
                                 .role = told[i].role,
                                 .unit = told[i].owner == OWNERS ? "" : w->unit[told[i].owner],
                                 .subject = "x",
                                 .title = "A-1"},
                e) < 0)
            return -1;
    return 0;
}

/* How many notices a mail to him unites. */
static unsigned
heard(struct world *w, const char *login)
{
    struct w_delivery_list l;

    OK(FLOW_CALL(&w->f, w->f.people[FLOW_ADMIN], "GET", "/v1/notices", NULL, delivery_list, &l));
    for (size_t i = 0; i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, struct w_delivery, i)->to, login) == 0)
            return JM_ITEM(l.items, struct w_delivery, i)->notices;
    return 0;
}

static void
a_county_hears_what_units_below_it_hear_and_of_no_other(void)
{
    SCOPED(httpc_free) struct httpc *a = NULL;
    SCOPED(httpc_free) struct httpc *b = NULL;
    SCOPED(db_free) struct db *d = NULL;
    struct world w;

    world_start(&w);
    (void)snprintf(w.f.ctl.c.conf.mail_server, sizeof(w.f.ctl.c.conf.mail_server), "smtp://x");
    a = county_person(&w, 0, "above-a");
    b = county_person(&w, 1, "above-b");
    OK(commit_run(w.f.ctl.c.commit, tell_step, &w, &w.f.err));
    d = ctl_db(&w.f.ctl);
    OK(notices_spread(&w.f.ctl.c, d, &w.f.err));
    CU_ASSERT_EQUAL(heard(&w, "above-a"), 1 + 3); /* and the one that the address is right */
    CU_ASSERT_EQUAL(heard(&w, "above-b"), 1 + 1);
    world_stop(&w);
}

/* ---- how they are read ---------------------------------------------------------------------- */

static const char *const sql[DB_STMT__MAX] = {
#define STMT(id, text) [DB_##id] = text,
#include "drivers/db/stmt.def"
#undef STMT
};

/* No step of the plan goes through a whole table. */
static bool
by_index(sqlite3 *db, const char *text)
{
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", text);
    sqlite3_stmt *s = NULL;
    bool good = true;

    if (sqlite3_prepare_v2(db, explain, -1, &s, NULL) != SQLITE_OK)
        abort();
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(s, 3);
        bool scans = strncmp(step, "SCAN ", 5) == 0 && strstr(step, "USING INDEX") == NULL &&
                     strstr(step, "USING COVERING INDEX") == NULL &&
                     strstr(step, "CONSTANT ROW") == NULL;

        /* Of what was read by an index before: these have no more than 1000 rows.  Pools are few.
         */
        if (strcmp(step, "SCAN w") == 0 || strcmp(step, "SCAN x") == 0 ||
            strcmp(step, "SCAN s") == 0 || strcmp(step, "SCAN p") == 0 ||
            strcmp(step, "SCAN scope_") == 0)
            scans = false;
        if (scans)
            fprintf(stderr, "\n%s\n  in %s\n", step, text);
        good = good && !scans;
    }
    (void)sqlite3_finalize(s);
    sqlite3_free(explain);
    return good;
}

static void
every_kind_is_read_by_an_index(void)
{
    struct ctl t;
    sqlite3 *db = NULL;
    char path[320];

    ctl_start(&t, ALG_SM2);
    (void)snprintf(path, sizeof(path), "%s/%s", t.dir, PATH_STORE);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (int k = 1; k < INBOX__MAX; k++)
        for (int of_unit = 0; of_unit <= 1; of_unit++)
            CU_ASSERT_TRUE(by_index(db, sql[inbox_stmt((enum inbox_kind)k, of_unit != 0)]));
    (void)sqlite3_close(db);
    ctl_stop(&t);
}

CU_TestInfo inbox_tests[] = {
    {"each role sees what waits for it, and no other thing",
     each_role_sees_what_waits_for_it_and_no_other_thing},
    {"nobody sees nothing", nobody_sees_nothing},
    {"the most urgent comes first, and pages lose and repeat nothing",
     the_most_urgent_comes_first_and_pages_lose_and_repeat_nothing},
    {"filters take a kind or what is overdue", filters_take_a_kind_or_what_is_overdue},
    {"each thing names a command and a request that its reader may make",
     each_thing_names_a_command_and_a_request_that_its_reader_may_make},
    {"every state that waits says what to do, and every kind is somebody's",
     every_state_that_waits_says_what_to_do_and_every_kind_is_somebodys},
    {"a grant waits for the provider", a_grant_waits_for_the_provider},
    {"an account waits for who gives its role, and the bureau has a deadline",
     an_account_waits_for_who_gives_its_role_and_the_bureau_has_a_deadline},
    {"a county hears what units below it hear, and of no other",
     a_county_hears_what_units_below_it_hear_and_of_no_other},
    {"every kind is read by an index", every_kind_is_read_by_an_index},
    CU_TEST_INFO_NULL,
};
