#include <CUnit/CUnit.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/account.h"
#include "controller/metrics.h"
#include "controller/pool.h"
#include "controller/routes.h"
#include "controller/server.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpc.h"
#include "tests/unit/ctl.h"
#include "tests/unit/net_fixture.h"

#define WAIT_MS 60000 /* longer than anything here takes on a busy machine */
#define SOME_ID "00000000-0000-4000-8000-000000000001"

/* Status of one call; code NULL: not wanted. */
static int
ask(struct httpc *h, const char *method, const char *path, const char *body, enum err_code *code,
    char *field)
{
    struct httpc_answer ans = {0};
    struct err e = {0};
    int status;

    (void)httpc_call(h, method, path, body, body == NULL ? 0 : strlen(body), WAIT_MS, &ans, &e);
    status = ans.status;
    if (code != NULL)
        *code = ans.err.code;
    if (field != NULL)
        (void)snprintf(field, 64, "%s", ans.err.field);
    httpc_answer_clear(&ans);
    return status;
}

static void
concrete(const struct route *r, char path[200])
{
    const char *hole = strstr(r->path, "{id}");

    if (hole == NULL)
        (void)snprintf(path, 200, "%s", r->path);
    else
        (void)snprintf(path, 200, "%.*s%s%s", (int)(hole - r->path), r->path, SOME_ID, hole + 4);
}

static void
rows_are_whole_sorted_and_found(void)
{
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *r = &routes[i];
        char path[200], id[W_ID];

        concrete(r, path);
        CU_ASSERT_PTR_EQUAL(route_find(r->method, path, id), r);
        CU_ASSERT(r->roles != 0 && strlen(r->doc) > 5);
        CU_ASSERT(i == 0 || strcmp(routes[i - 1].path, r->path) <= 0);
        CU_ASSERT(route_max_body(r) > 0);
    }
}

static bool
has_field(const struct jm_field *f, const char *name)
{
    for (; f != NULL && f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return true;
    return false;
}

static bool
has_secret(const struct jm_field *f)
{
    for (; f != NULL && f->name != NULL; f++)
        if ((f->flags & JM_SECRET) != 0 || has_secret(f->sub))
            return true;
    return false;
}

/* What is answered under a request id is kept, to be answered again: no secret may be in it. */
static void
no_answer_that_is_kept_has_a_secret(void)
{
    size_t secret = 0;

    for (size_t i = 0; i < routes_count; i++) {
        secret += has_secret(routes[i].out);
        CU_ASSERT(!has_field(routes[i].in, "request") || !has_secret(routes[i].out));
    }
    CU_ASSERT(secret >= 5); /* sessions, one-time tokens, links, feeds, codes: it can be told */
}

static void
paths_that_only_look_like_a_route_are_none(void)
{
    static const char *const no[] = {"/v1/hosts/",
                                     "/v1/hosts/x:cordon",
                                     "/v1/hosts/" SOME_ID ":x",
                                     "/v1/resources/../units",
                                     "/v1/resources/" SOME_ID "/",
                                     "/v1/resources/00000000-0000-4000-8000-00000000000A",
                                     "/V1/units",
                                     "",
                                     "/",
                                     "/v1//units"};
    char id[W_ID];

    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CU_ASSERT_PTR_NULL(route_find("GET", no[i], id));
    CU_ASSERT_PTR_NULL(route_find("PUT", "/v1/units", id));
}

static void
says_what_is_wrong_with_an_address(void)
{
    static const struct {
        const char *method, *path, *says;
        bool agent;
    } rows[] = {
        {"PUT", "/v1/units", "PUT is not served on /v1/units; it takes GET, POST", false},
        {"GET", "/v1/resources/abc", "'abc' is no id", false},
        {"GET", "/v1/resources/" SOME_ID "/x", "no such route", false},
        {"GET", "/v1/resources/", "no such route", false},
        {"GET", "/v1/units", "no such route", true},
        {"GET", "/", "no such route", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        char allow[ROUTE_ALLOW_MAX] = "x";

        CU_ASSERT_EQUAL(route_missing(rows[i].method, rows[i].path, rows[i].agent, allow, &e), -1);
        CU_ASSERT_EQUAL(e.code, i == 0 ? BY_E_UNSUPPORTED : BY_E_NOT_FOUND);
        CU_ASSERT_STRING_EQUAL(allow, i == 0 ? "GET, POST" : "");
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].says));
        if (strstr(e.msg, rows[i].says) == NULL)
            fprintf(stderr, "row %zu: %s\n", i, e.msg);
    }
}

static void
a_known_address_says_its_methods(void)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *allow;
    } rows[] = {{"PUT", "/v1/units", 405, "GET, POST"},
                {"HEAD", "/v1/units", 405, "GET, POST"},
                {"OPTIONS", "/v1/units", 204, "GET, POST"},
                {"DELETE", "/v1/resources/" SOME_ID, 405, "GET"},
                {"PATCH", "/v1/nothing", 404, NULL},
                {"OPTIONS", "/v1/nothing", 404, NULL},
                {"GET", "/v1/units", 401, NULL}};
    struct ctl t;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(raw_free) struct raw *r = raw_open(server_people_port(&t.c), NULL, NULL);
        char text[200], allow[60];
        bool head = strcmp(rows[i].method, "HEAD") == 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        (void)snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", rows[i].method,
                       rows[i].path);
        CU_ASSERT_TRUE(raw_says(r, text));
        CU_ASSERT_EQUAL(raw_status(r, 60000), rows[i].status);
        (void)snprintf(allow, sizeof(allow), "\r\nAllow: %s\r\n",
                       rows[i].allow == NULL ? "" : rows[i].allow);
        CU_ASSERT_EQUAL(strstr(raw_head(r), rows[i].allow == NULL ? "Allow" : allow) != NULL,
                        rows[i].allow != NULL);
        CU_ASSERT_EQUAL(strstr(raw_body(r), "it takes GET") != NULL,
                        rows[i].status == 405 && !head);
    }
    ctl_stop(&t);
}

static void
refuses_broken_requests_in_the_language_of_their_sender(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"GET /v1/me HTTP/1.1\r\nHost: x\r\nNo colon\r\nAccept-Language: zh-CN,zh\r\n\r\n",
         "请求头应为：名称、冒号、值"},
        {"GET /v1/me HTTP/1.1\r\naccept-language: zh\r\nHost: x\r\nNo colon\r\n\r\n",
         "请求头应为：名称、冒号、值"},
        {"GET echo HTTP/1.1\r\nHost: x\r\nAccept-Language: zh\r\n\r\n", "斜杠"},
        {"GET echo HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\n\r\n", "slash"},
        {"GET echo HTTP/1.1\r\nHost: x\r\n\r\n", "slash"},
        {"POST /v1/me HTTP/1.1\r\nHost: x\r\nAccept-Language: zh\r\nContent-Length: "
         "2000000\r\n\r\n",
         "2000000"},
    };
    struct ctl t;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(raw_free) struct raw *r = raw_open(server_people_port(&t.c), NULL, NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_TRUE(raw_says(r, rows[i].text));
        CU_ASSERT(raw_status(r, 60000) >= 400);
        if (strstr(raw_body(r), rows[i].says) == NULL)
            fprintf(stderr, "row %zu: %s\n", i, raw_body(r));
        CU_ASSERT_PTR_NOT_NULL(strstr(raw_body(r), rows[i].says));
    }
    ctl_stop(&t);
}

/* What the table says that this role gets here. */
static void
judge(const struct route *r, unsigned bit, int status)
{
    bool may = (r->roles & bit) != 0 || (r->roles & ROUTE_OPEN) != 0;
    bool refused = status == 401 || status == 403;

    if ((r->roles & ROUTE_AGENT) != 0)
        may = false, refused = status == 404; /* not even told that it is there */
    /* With an empty body a one-time token cannot be good, so OPEN routes say 400, not 401. */
    if (may == refused || status == 0)
        fprintf(stderr, "\n%s %s role bits %x: %d\n", r->method, r->path, bit, status);
    CU_ASSERT(may != refused && status != 0);
}

static void
each_role_gets_what_the_table_says(void)
{
    struct ctl t;
    char path[200];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (int role = ROLE_NONE; role < ROLE__MAX; role++) {
        char token[64] = "bys_nobody";
        SCOPED(httpc_free) struct httpc *h = NULL;

        if (role != ROLE_NONE)
            ctl_account(&t, (enum w_role)role, NULL, token);
        h = ctl_client(&t, token);
        for (size_t i = 0; i < routes_count; i++) {
            const struct route *r = &routes[i];

            if (strcmp(r->name, "session_end") == 0)
                continue; /* last: it ends what the others need */
            concrete(r, path);
            judge(r, role == ROLE_NONE ? 0 : 1U << role,
                  ask(h, r->method, path, r->in == NULL ? NULL : "{}", NULL, NULL));
        }
        CU_ASSERT_EQUAL(ask(h, "DELETE", "/v1/sessions", NULL, NULL, NULL),
                        role == ROLE_NONE ? 401 : 204);
        CU_ASSERT_EQUAL(ask(h, "GET", "/v1/me", NULL, NULL, NULL), 401);
    }
    ctl_stop(&t);
}

static void
an_agent_gets_agents_routes_and_no_others(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct ctl t;
    char path[200], host[W_ID];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    h = ctl_agent(&t, "host-1");
    for (size_t i = 0; i < routes_count; i++) {
        int status;

        concrete(&routes[i], path);
        status = ask(h, routes[i].method, path, routes[i].in == NULL ? NULL : "{}", NULL, NULL);
        CU_ASSERT_EQUAL(status == 404, (routes[i].roles & ROUTE_AGENT) == 0);
        CU_ASSERT(status != 401 && status != 403 && status != 0);
    }
    ctl_stop(&t);
}

/* ---- bad input ------------------------------------------------------------------------------ */

struct bad {
    const char *what, *body;
    int status;
    const char *field; /* NULL: any */
};

static void
bad_input_is_one_clear_error_and_changes_nothing(void)
{
    static const struct bad rows[] = {
        {"unknown key", "{\"name\":\"a\",\"colour\":\"red\"}", 400, "colour"},
        {"key twice", "{\"name\":\"a\",\"name\":\"b\"}", 400, NULL},
        {"NaN", "{\"name\":NaN}", 400, NULL},
        {"wrong type", "{\"name\":7}", 400, "name"},
        {"read-only", "{\"id\":\"" SOME_ID "\",\"name\":\"a\"}", 400, "id"},
        {"missing", "{}", 400, "name"},
        {"XML", "{\"name\":\"a<b>&\"}", 400, "name"},
        {"shell", "{\"name\":\"a;rm -rf $HOME\"}", 400, "name"},
        {"path trick", "{\"name\":\"../../etc/passwd\"}", 400, "name"},
        {"control character", "{\"name\":\"a\\u0007b\"}", 400, "name"},
        {"broken UTF-8", "{\"name\":\"a\xc3(\"}", 400, NULL},
        {"lone surrogate", "{\"name\":\"\\ud800\"}", 400, NULL},
        {"NUL", "{\"name\":\"a\\u0000b\"}", 400, NULL},
        {"trailing comma", "{\"name\":\"a\",}", 400, NULL},
        {"trailing garbage", "{\"name\":\"a\"} x", 400, NULL},
        {"not an object", "[]", 400, NULL},
        {"a number of a thousand digits", NULL, 400, NULL},
        {"nested a thousand deep", NULL, 400, NULL},
        {"a name of a thousand bytes", NULL, 400, "name"},
        {"a megabyte", NULL, 413, NULL},
    };
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct ctl t;
    char token[64], field[64];
    uint64_t seq;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    h = ctl_client(&t, token);
    seq = controller_head_seq(&t.c);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(strbuf) struct strbuf b = {0};
        int status;

        strbuf_adds(&b, rows[i].body == NULL ? "{\"name\":" : rows[i].body);
        for (int n = 0; rows[i].body == NULL && n < (rows[i].status == 413 ? 1100000 : 1000); n++)
            strbuf_addc(&b, strstr(rows[i].what, "nested") != NULL   ? '['
                            : strstr(rows[i].what, "digits") != NULL ? '9'
                            : n == 0                                 ? '"'
                                                                     : 'x');
        if (rows[i].body == NULL)
            strbuf_adds(&b, strstr(rows[i].what, "digits") != NULL ? "}" : "\"}");
        status = ask(h, "POST", "/v1/units", strbuf_peek(&b), NULL, field);
        if (status != rows[i].status)
            fprintf(stderr, "\n%s: %d\n", rows[i].what, status);
        CU_ASSERT_EQUAL(status, rows[i].status);
        CU_ASSERT(rows[i].field == NULL || strcmp(field, rows[i].field) == 0);
    }
    CU_ASSERT_EQUAL(controller_head_seq(&t.c), seq);
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/units", "{\"name\":\"卫健委\"}", NULL, NULL), 200);
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/units", "{\"name\":\"卫健委\"}", NULL, field), 409);
    CU_ASSERT_STRING_EQUAL(field, "name");
    CU_ASSERT_EQUAL(controller_head_seq(&t.c), seq + 1);
    ctl_stop(&t);
}

static void
a_body_that_no_row_can_need_is_refused_before_it_is_read(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    struct ctl t;
    char token[64];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    h = ctl_client(&t, token);
    strbuf_adds(&b, "{\"name\":\"");
    while (b.len < 100000)
        strbuf_addc(&b, 'x');
    strbuf_adds(&b, "\"}");
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/units", strbuf_peek(&b), NULL, NULL), 413);
    CU_ASSERT_EQUAL(ask(h, "GET", "/v1/units", "{\"a\":1}", NULL, NULL), 400);
    ctl_stop(&t);
}

/* ---- request ids ---------------------------------------------------------------------------- */

static void
text_of(struct httpc *h, const char *body, int *status, char out[600])
{
    struct httpc_answer ans = {0};
    struct err e = {0};

    (void)httpc_call(h, "POST", "/v1/recovery:confirm", body, strlen(body), WAIT_MS, &ans, &e);
    *status = ans.status;
    (void)snprintf(out, 600, "%s", ans.body == NULL ? "" : ans.body);
    httpc_answer_clear(&ans);
}

static void
a_request_id_acts_once_and_answers_the_same(void)
{
    static const char body[] = "{\"reason\":\"clock was set\",\"request\":\"" SOME_ID "\"}";
    static const char other[] = "{\"reason\":\"another\",\"request\":\"" SOME_ID "\"}";
    SCOPED(httpc_free) struct httpc *h = NULL;
    SCOPED(httpc_free) struct httpc *h2 = NULL;
    struct ctl t;
    char token[64], first[600], again[600];
    uint64_t seq;
    int status = 0;

    ctl_start(&t, ALG_P256);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    ctl_serve(&t);
    ctl_clock(600000, 0); /* something to confirm; sessions outlast it */
    h = ctl_client(&t, token);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    h2 = ctl_client(&t, token);
    CU_ASSERT_TRUE(controller_clock_jumped(&t.c));
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    httpc_token(h, token);
    text_of(h, body, &status, first);
    CU_ASSERT_EQUAL(status, 200);
    CU_ASSERT_FALSE(controller_clock_jumped(&t.c));
    seq = controller_head_seq(&t.c);
    text_of(h, body, &status, again); /* there is nothing to confirm any more, and yet */
    CU_ASSERT_EQUAL(status, 200);
    CU_ASSERT_STRING_EQUAL(first, again);
    CU_ASSERT_EQUAL(controller_head_seq(&t.c), seq);
    text_of(h, other, &status, again); /* never "take a new id": it would act twice */
    CU_ASSERT_EQUAL(status, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(again, "was carried out already"));
    text_of(h2, body, &status, again); /* ids are an account's own */
    CU_ASSERT_EQUAL(status, 409);
    CU_ASSERT_PTR_NULL(strstr(again, SOME_ID));
    ctl_stop(&t);
}

/* ---- sessions ------------------------------------------------------------------------------- */

static int
sign_in(struct ctl *t, const char *one_time, char session[64])
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(t, NULL);
    SCOPED(arena) struct arena a = {0};
    struct httpc_answer ans = {0};
    struct w_session got;
    struct err e = {0};
    char body[200];
    int status;

    (void)snprintf(body, sizeof(body), "{\"one_time_token\":\"%s\"}", one_time);
    (void)httpc_call(h, "POST", "/v1/sessions", body, strlen(body), WAIT_MS, &ans, &e);
    status = ans.status;
    if (status == 200 && W_DECODE(session, ans.body, ans.len, JM_PEER, &a, &got, &e) == 0)
        (void)snprintf(session, 64, "%s", got.token);
    httpc_answer_clear(&ans);
    return status;
}

static void
a_one_time_token_works_once_and_is_nowhere_in_the_store(void)
{
    SCOPED(strbuf) struct strbuf all = {0};
    struct ctl t;
    struct err e = {0};
    char session[64] = "", more[64];
    FILE *f;
    int ch;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    CU_ASSERT_EQUAL(sign_in(&t, "byo_wrong", session), 401);
    CU_ASSERT_EQUAL(sign_in(&t, t.token, session), 200);
    CU_ASSERT_EQUAL(sign_in(&t, t.token, more), 401);
    {
        SCOPED(httpc_free) struct httpc *h = ctl_client(&t, session);

        CU_ASSERT_EQUAL(ask(h, "GET", "/v1/me", NULL, NULL, NULL), 200);
        ctl_restart(&t);
    }
    (void)e;
    f = fopen(t.c.store_path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while ((ch = fgetc(f)) != EOF)
        strbuf_addc(&all, (char)ch);
    (void)fclose(f);
    CU_ASSERT_PTR_NULL(memmem(all.s, all.len, t.token, strlen(t.token)));
    CU_ASSERT_PTR_NULL(memmem(all.s, all.len, session, strlen(session)));
    ctl_serve(&t);
    {
        SCOPED(httpc_free) struct httpc *h = ctl_client(&t, session);

        CU_ASSERT_EQUAL(ask(h, "GET", "/v1/me", NULL, NULL, NULL), 200); /* outlives a restart */
        ctl_clock(13 * 3600000, 13 * 3600000);
        CU_ASSERT_EQUAL(ask(h, "GET", "/v1/me", NULL, NULL, NULL), 401);
    }
    ctl_stop(&t);
}

static void
a_disabled_account_is_out_at_once_but_never_the_last_administrator(void)
{
    SCOPED(httpc_free) struct httpc *admin = NULL;
    SCOPED(httpc_free) struct httpc *tenant = NULL;
    SCOPED(httpc_free) struct httpc *guard = NULL;
    struct caller who;
    struct ctl t;
    char session[64] = "", token[64], path[100];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    CU_ASSERT_EQUAL(sign_in(&t, t.token, session), 200);
    admin = ctl_client(&t, session);
    ctl_account(&t, ROLE_SECADMIN, NULL, token);
    guard = ctl_client(&t, token);
    ctl_account(&t, ROLE_TENANT, &who, token);
    tenant = ctl_client(&t, token);
    CU_ASSERT_EQUAL(ask(tenant, "GET", "/v1/me", NULL, NULL, NULL), 200);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:disable", who.account);
    CU_ASSERT_EQUAL(ask(admin, "POST", path, NULL, NULL, NULL), 200);
    CU_ASSERT_EQUAL(ask(tenant, "GET", "/v1/me", NULL, NULL, NULL), 401);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:token", who.account);
    CU_ASSERT_EQUAL(ask(guard, "POST", path, NULL, NULL, NULL), 409);
    ctl_account(&t, ROLE_ADMIN, &who, token);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:disable", who.account);
    CU_ASSERT_EQUAL(ask(admin, "POST", path, NULL, NULL, NULL), 200);
    {
        SCOPED(arena) struct arena a = {0};
        struct httpc_answer ans = {0};
        struct w_account me;
        struct err e = {0};

        CU_ASSERT_EQUAL(httpc_call(admin, "GET", "/v1/me", NULL, 0, WAIT_MS, &ans, &e), 0);
        CU_ASSERT_EQUAL(W_DECODE(account, ans.body, ans.len, JM_PEER, &a, &me, &e), 0);
        (void)snprintf(path, sizeof(path), "/v1/accounts/%s:disable", me.id);
        httpc_answer_clear(&ans);
    }
    CU_ASSERT_EQUAL(ask(admin, "POST", path, NULL, NULL, NULL), 409);
    CU_ASSERT_EQUAL(ask(admin, "GET", "/v1/me", NULL, NULL, NULL), 200);
    ctl_stop(&t);
}

static void
an_account_gets_back_in_by_the_security_administrator_or_on_the_machine_itself(void)
{
    SCOPED(arena) struct arena a = {0};
    struct httpc_answer ans = {0};
    struct w_account got;
    struct caller who;
    struct ctl t;
    struct err e = {0};
    char session[64] = "", token[ACCOUNT_TOKEN], path[100];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    CU_ASSERT_EQUAL(sign_in(&t, t.token, session), 200);
    ctl_account(&t, ROLE_AUDITOR, &who, token);
    {
        SCOPED(httpc_free) struct httpc *guard = NULL;

        (void)snprintf(path, sizeof(path), "/v1/accounts/%s:token", who.account);
        ctl_account(&t, ROLE_SECADMIN, NULL, token);
        guard = ctl_client(&t, token);
        CU_ASSERT_EQUAL(httpc_call(guard, "POST", path, NULL, 0, WAIT_MS, &ans, &e), 0);
        CU_ASSERT_EQUAL_FATAL(W_DECODE(account, ans.body, ans.len, JM_PEER, &a, &got, &e), 0);
        httpc_answer_clear(&ans);
    }
    CU_ASSERT_EQUAL(sign_in(&t, got.one_time_token, session), 200);
    server_stop(&t.c);
    controller_free(&t.c);
    CU_ASSERT_EQUAL(account_rescue(t.dir, "nobody", token, &e), -1);
    CU_ASSERT_EQUAL(account_rescue(t.dir, "admin", token, &e), 0);
    t.c = (struct controller){0};
    ctl_restart(&t);
    ctl_serve(&t);
    CU_ASSERT_EQUAL(sign_in(&t, token, session), 200);
    ctl_stop(&t);
}

static void
a_tenant_sees_and_registers_only_what_is_its_units(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct httpc_answer ans = {0};
    struct caller mine, other;
    struct ctl t;
    struct err e = {0};
    char token[64], body[300];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_TENANT, &other, token);
    ctl_account(&t, ROLE_TENANT, &mine, token);
    h = ctl_client(&t, token);
    (void)snprintf(body, sizeof(body),
                   "{\"mlps_level\":2,\"name\":\"a\",\"purpose\":\"p\",\"unit\":\"%s\"}",
                   other.unit);
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/systems", body, NULL, NULL), 403);
    (void)snprintf(body, sizeof(body),
                   "{\"mlps_level\":2,\"name\":\"a\",\"purpose\":\"p\",\"unit\":\"%s\"}",
                   mine.unit);
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/systems", body, NULL, NULL), 200);
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/systems", body, NULL, NULL), 409);
    (void)snprintf(body, sizeof(body),
                   "{\"mlps_level\":4,\"name\":\"b\",\"purpose\":\"p\",\"unit\":\"%s\"}",
                   mine.unit);
    CU_ASSERT_EQUAL(ask(h, "POST", "/v1/systems", body, NULL, NULL), 400);
    CU_ASSERT_EQUAL(httpc_call(h, "GET", "/v1/units", NULL, 0, WAIT_MS, &ans, &e), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, mine.unit));
    CU_ASSERT_PTR_NULL(strstr(ans.body, other.unit));
    httpc_answer_clear(&ans);
    ctl_stop(&t);
}

/* Threads that read wait here until their test says so. */
struct held {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
};

static void
hold_reader(void *arg, struct db *d)
{
    struct held *g = arg;

    (void)d;
    (void)pthread_mutex_lock(&g->lock);
    while (!g->open)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
}

struct asker {
    pthread_t thread;
    struct httpc *h;
    const char *path;
    struct httpc_answer ans;
};

static void *
asker_main(void *arg)
{
    struct asker *k = arg;
    struct err e = {0};

    (void)httpc_call(k->h, "GET", k->path, NULL, 0, WAIT_MS, &k->ans, &e);
    return NULL;
}

/* Two sessions ask while no thread is free to read: who asks what. */
static void
one_look_answers_the_same_question_of_a_session(void)
{
    static const struct {
        int who;
        const char *path;
    } rows[] = {{0, "/v1/units"},         {0, "/v1/units"},         {0, "/v1/units"},
                {0, "/v1/units?limit=1"}, {0, "/v1/units?limit=2"}, {0, "/v1/systems"},
                {1, "/v1/units"},         {0, "/v1/units?limit=1"}, {0, "/v1/units?limlt=1"}};
    struct held gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct asker ask_[ARRAY_LEN(rows)] = {0};
    struct caller who[2];
    char token[2][64];
    struct err e = {0};
    struct ctl t;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (int i = 0; i < 2; i++)
        ctl_account(&t, ROLE_TENANT, &who[i], token[i]);
    for (int i = 0; i < (int)t.c.conf.readers; i++)
        CU_ASSERT_EQUAL(pool_submit(t.c.readers, hold_reader, &gate, &e), 0);
    while (pool_queued(t.c.readers) > 0)
        (void)sched_yield();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask_[i].h = ctl_client(&t, token[rows[i].who]);
        ask_[i].path = rows[i].path;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&ask_[i].thread, NULL, asker_main, &ask_[i]), 0);
    }
    while (pool_queued(t.c.readers) < ARRAY_LEN(rows) - 1) /* the last is refused at once */
        (void)sched_yield();
    (void)pthread_mutex_lock(&gate.lock);
    gate.open = true;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool wrong = i == ARRAY_LEN(rows) - 1;

        (void)pthread_join(ask_[i].thread, NULL);
        CU_ASSERT_EQUAL(ask_[i].ans.status, wrong ? 400 : 200);
        if (!wrong && strncmp(rows[i].path, "/v1/units", 9) == 0) {
            CU_ASSERT_PTR_NOT_NULL(strstr(ask_[i].ans.body, who[rows[i].who].unit));
            CU_ASSERT_PTR_NULL(strstr(ask_[i].ans.body, who[1 - rows[i].who].unit));
        }
    }
    CU_ASSERT_STRING_EQUAL(ask_[0].ans.body, ask_[2].ans.body);
    CU_ASSERT_EQUAL(metric_get(t.c.metrics, CM_READS_SHARED, 0), 3);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        httpc_answer_clear(&ask_[i].ans);
        httpc_free(ask_[i].h);
    }
    ctl_stop(&t);
}

CU_TestInfo server_tests[] = {
    {"says what is wrong with an address", says_what_is_wrong_with_an_address},
    {"a known address says its methods", a_known_address_says_its_methods},
    {"refuses broken requests in the language of their sender",
     refuses_broken_requests_in_the_language_of_their_sender},
    {"rows are whole, sorted and found", rows_are_whole_sorted_and_found},
    {"no answer that is kept has a secret", no_answer_that_is_kept_has_a_secret},
    {"paths that only look like a route are none", paths_that_only_look_like_a_route_are_none},
    {"each role gets what the table says", each_role_gets_what_the_table_says},
    {"an agent gets agents' routes and no others", an_agent_gets_agents_routes_and_no_others},
    {"bad input is one clear error and changes nothing",
     bad_input_is_one_clear_error_and_changes_nothing},
    {"a body that no row can need is refused",
     a_body_that_no_row_can_need_is_refused_before_it_is_read},
    {"a request id acts once and answers the same", a_request_id_acts_once_and_answers_the_same},
    {"a one-time token works once and is nowhere in the store",
     a_one_time_token_works_once_and_is_nowhere_in_the_store},
    {"a disabled account is out at once, but never the last administrator",
     a_disabled_account_is_out_at_once_but_never_the_last_administrator},
    {"an account gets back in by the security administrator, or on the machine itself",
     an_account_gets_back_in_by_the_security_administrator_or_on_the_machine_itself},
    {"one look answers the same question of a session",
     one_look_answers_the_same_question_of_a_session},
    {"a tenant sees and registers only what is its unit's",
     a_tenant_sees_and_registers_only_what_is_its_units},
    CU_TEST_INFO_NULL,
};
