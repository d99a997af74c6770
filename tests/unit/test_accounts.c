/* Registration and roles, passwords, locks, second factors, sessions that end: over a real server.
 */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/server.h"
#include "controller/signin.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/totp.h"
#include "drivers/net/httpc.h"
#include "policies/person.h"
#include "policies/roles.h"
#include "drivers/db/migrate.h"
#include "tests/unit/ctl.h"
#include "tests/unit/tmpdir.h"

#define PASSWORD "Bian-liang 2026"
#define MINUTE_MS INT64_C(60000)

/* ---- policies ------------------------------------------------------------------------------- */

static void
roles_are_given_by_whom_the_rule_names(void)
{
    static const struct {
        struct roles_case c;
        enum roles_verdict is;
    } rows[] = {
        {{AZ_SECADMIN, AZ_BUREAU, 0, ROLES_BUREAU, false, false, false}, ROLES_OK},
        {{AZ_ADMIN, AZ_BUREAU, 0, ROLES_BUREAU, false, false, false}, ROLES_BY},
        {{AZ_BUREAU, AZ_TENANT, 0, ROLES_TENANT, false, false, false}, ROLES_OK},
        {{AZ_SECADMIN, AZ_TENANT, 0, ROLES_TENANT, false, false, false}, ROLES_BY},
        {{AZ_SECADMIN, AZ_BUREAU, 0, ROLES_TENANT, false, false, false}, ROLES_KIND},
        {{AZ_SECADMIN, AZ_COUNTY, 0, ROLES_BUREAU, false, false, false}, ROLES_KIND},
        {{AZ_SECADMIN, AZ_BUREAU, 0, 0, false, false, false}, ROLES_KIND},
        {{AZ_SECADMIN, AZ_PROVIDER, 0, ROLES_PROVIDER, false, false, false}, ROLES_EMPLOYER},
        {{AZ_SECADMIN, AZ_PROVIDER, 0, ROLES_PROVIDER, true, false, false}, ROLES_OK},
        {{AZ_SECADMIN, AZ_ADMIN, 0, ROLES_BUREAU, false, true, false}, ROLES_SELF},
        {{AZ_ADMIN, AZ_SECADMIN, 0, ROLES_BUREAU, false, false, true}, ROLES_OK},
        {{AZ_ADMIN, AZ_SECADMIN, 0, ROLES_BUREAU, false, false, false}, ROLES_BY},
        {{AZ_ADMIN, AZ_ADMIN, 0, ROLES_BUREAU, false, false, true}, ROLES_BY},
        {{AZ_BUREAU, AZ_TENANT, AZ_SECADMIN, ROLES_BUREAU, false, false, false}, ROLES_NOW},
        {{AZ_SECADMIN, AZ_BUREAU, AZ_TENANT, ROLES_BUREAU, false, false, false}, ROLES_NOW},
        {{AZ_SECADMIN, AZ_ADMIN, AZ_BUREAU, ROLES_BUREAU, false, false, false}, ROLES_OK},
        {{AZ_SECADMIN, AZ_NOBODY, 0, ROLES_BUREAU, false, false, false}, ROLES_UNKNOWN},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(roles_judge(&rows[i].c), rows[i].is);
    for (unsigned role = 1; role < AZ_EVERYONE; role <<= 1)
        CU_ASSERT(roles_assigner(role) != 0 && roles_is_staff(role) == (role != AZ_TENANT));
}

static void
passwords_and_id_numbers_are_judged(void)
{
    static const struct password_rules rules = {8, 3};
    static const struct {
        const char *password;
        enum password_verdict is;
    } rows[] = {
        {"Bian-26", PASSWORD_SHORT},     {"bianliang", PASSWORD_PLAIN},
        {PASSWORD, PASSWORD_OK},         {"Aa1Aa1Aa1", PASSWORD_DULL},
        {"x-Li.Wei-99", PASSWORD_LOGIN}, {"汴梁城州桥明月a1", PASSWORD_OK},
    };
    static const char *const no[] = {"",
                                     "11010519491231002",
                                     "110105194912310021",
                                     "11010519491231002x",
                                     "1101051949123100X2",
                                     "010105194912310028",
                                     "110105194913310027"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(password_judge(rows[i].password, "li.wei", &rules), rows[i].is);
    CU_ASSERT_TRUE(person_id_is_possible("11010519491231002X"));
    CU_ASSERT_TRUE(person_id_is_possible("110101199003070134"));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CU_ASSERT_FALSE(person_id_is_possible(no[i]));
}

/* RFC 6238, appendix B; the last six of its eight digits. */
static void
codes_are_those_of_the_standard(void)
{
    static const uint8_t key[] = "12345678901234567890123456789012";
    static const struct {
        uint64_t at;
        const char *sha1, *sha256;
    } rows[] = {{59, "287082", "119246"},         {1111111109, "081804", "084774"},
                {1111111111, "050471", "062674"}, {1234567890, "005924", "819424"},
                {2000000000, "279037", "698825"}, {20000000000, "353130", "737706"}};
    char code[7];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        totp_code(TOTP_SHA1, key, 20, rows[i].at / 30, code);
        CU_ASSERT_STRING_EQUAL(code, rows[i].sha1);
        totp_code(TOTP_SHA256, key, 32, rows[i].at / 30, code);
        CU_ASSERT_STRING_EQUAL(code, rows[i].sha256);
    }
    totp_code(TOTP_SHA1, key, 20, 1000, code);
    for (int64_t off = -2; off <= 2; off++)
        CU_ASSERT_EQUAL(totp_find(TOTP_SHA1, key, 20, code, (1000 + off) * TOTP_STEP_MS, 0),
                        off >= -TOTP_SKEW && off <= TOTP_SKEW ? 1000 : 0);
    CU_ASSERT_EQUAL(totp_find(TOTP_SHA1, key, 20, code, 1000 * TOTP_STEP_MS, 1000), 0);
    CU_ASSERT_EQUAL(totp_find(TOTP_SHA1, key, 20, "", 1000 * TOTP_STEP_MS, 0), 0);
}

/* ---- over a server -------------------------------------------------------------------------- */

/* Status; the answer's text or the problem's field and message in out. */
static int
call(struct httpc *h, const char *method, const char *path, const char *body, char out[2000])
{
    struct httpc_answer ans = {0};
    struct err e = {0};
    int status;

    (void)httpc_call(h, method, path, body, body == NULL ? 0 : strlen(body), 60000, &ans, &e);
    status = ans.status;
    if (out != NULL)
        (void)snprintf(out, 2000, "%s",
                       status < 300 ? (ans.body == NULL ? "" : ans.body) : ans.err.msg);
    httpc_answer_clear(&ans);
    return status;
}

static int text(struct httpc *h, const char *method, const char *path, char out[2000],
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static int
text(struct httpc *h, const char *method, const char *path, char out[2000], const char *fmt, ...)
{
    char body[8192];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(body, sizeof(body), fmt, ap);
    va_end(ap);
    return call(h, method, path, body, out);
}

/* Value of the first string field of that name. */
static void
field(const char *json, const char *name, char *out, size_t size)
{
    char key[40];
    const char *at;

    out[0] = '\0';
    (void)snprintf(key, sizeof(key), "\"%s\":\"", name);
    at = strstr(json, key);
    if (at != NULL)
        (void)snprintf(out, size, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
}

static int
sign_in(struct ctl *t, const char *login, const char *password, char session[64])
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(t, NULL);
    char out[2000];
    int status = text(h, "POST", "/v1/sessions", out, "{\"login\":\"%s\",\"password\":\"%s\"}",
                      login, password);

    if (session != NULL)
        field(out, "token", session, 64);
    return status;
}

/* A tenant called "chen" with a password; its session, begun by a one-time token. */
static struct httpc *
start(struct ctl *t, struct caller *who)
{
    char token[64];
    struct httpc *h;

    ctl_start(t, ALG_P256);
    ctl_serve(t);
    ctl_person(t, "chen", NULL, ROLE_TENANT, who, token);
    h = ctl_client(t, token);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/me:password", NULL, "{\"password\":\"" PASSWORD "\"}"),
                    204);
    return h;
}

static void
an_account_is_nobody_until_another_person_assigned_it(void)
{
    static const struct {
        const char *role, *says;
        bool provider;
        int status;
    } unfit[] = {{"provider", "of this kind", false, 409},
                 {"bureau", "of this kind", true, 409},
                 {"county", "of this kind", false, 409},
                 {"provider", "company", true, 400}};
    SCOPED(httpc_free) struct httpc *admin = NULL;
    SCOPED(httpc_free) struct httpc *guard = NULL;
    char token[64], out[2000], unit[W_ID], other[W_ID], id[W_ID], path[100], one[64];
    struct ctl t;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    admin = ctl_client(&t, token);
    CU_ASSERT_EQUAL(call(admin, "POST", "/v1/units", "{\"kind\":\"bureau\",\"name\":\"b\"}", out),
                    200);
    field(out, "id", unit, sizeof(unit));
    CU_ASSERT_EQUAL(call(admin, "POST", "/v1/units", "{\"kind\":\"provider\",\"name\":\"p\"}", out),
                    200);
    field(out, "id", other, sizeof(other));
#define REGISTER(login, number)                                                                    \
    text(admin, "POST", "/v1/accounts", out,                                                       \
         "{\"id_number\":\"" number "\",\"login\":\"" login                                        \
         "\",\"name\":\"n\",\"role\":\"secadmin\",\"unit\":\"%s\"}",                               \
         unit)
    CU_ASSERT_EQUAL(REGISTER("first", "11010519491231002X"), 200);
    CU_ASSERT_PTR_NULL(strstr(out, "1101051949"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "registered"));
    field(out, "id", id, sizeof(id));
    CU_ASSERT_EQUAL(REGISTER("second", "11010519491231002X"), 409); /* the same person */
    CU_ASSERT_EQUAL(REGISTER("second", "110105194912310021"), 400);
    CU_ASSERT_EQUAL(REGISTER("second", "110101199003070134"), 200);
    for (size_t i = 0; i < ARRAY_LEN(unfit); i++) { /* what could never be assigned */
        CU_ASSERT_EQUAL(text(admin, "POST", "/v1/accounts", out,
                             "{\"id_number\":\"110101199001011237\",\"login\":\"third\",\"name\":"
                             "\"n\",\"role\":\"%s\",\"unit\":\"%s\"}",
                             unfit[i].role, unfit[i].provider ? other : unit),
                        unfit[i].status);
        CU_ASSERT_PTR_NOT_NULL(strstr(out, unfit[i].says));
    }
    ctl_account(&t, ROLE_SECADMIN, NULL, token);
    guard = ctl_client(&t, token);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:token", id);
    CU_ASSERT_EQUAL(call(guard, "POST", path, NULL, out), 409); /* nobody yet */
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:assign", id);
    CU_ASSERT_EQUAL(call(admin, "POST", path, "{}", out), 403); /* there is a secadmin */
    CU_ASSERT_EQUAL(call(guard, "POST", path, "{\"role\":\"tenant\"}", out), 403);
    CU_ASSERT_EQUAL(call(guard, "POST", path, "{\"role\":\"provider\"}", out), 409);
    CU_ASSERT_EQUAL(call(guard, "POST", path, "{}", out), 200);
    field(out, "one_time_token", one, sizeof(one));
    CU_ASSERT_EQUAL(text(admin, "POST", "/v1/sessions", out, "{\"one_time_token\":\"%s\"}", one),
                    200);
    field(out, "token", one, sizeof(one));
    httpc_token(admin, one);
    CU_ASSERT_EQUAL(call(admin, "POST", path, "{}", out), 403); /* nobody assigns himself */
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:disable", id);
    CU_ASSERT_EQUAL(call(guard, "POST", path, NULL, out), 200); /* the person may come back */
    CU_ASSERT_EQUAL(call(admin, "GET", "/v1/me", NULL, out), 401);
    ctl_stop(&t);
}

struct duel {
    struct httpc *h;
    char path[100];
    int status;
};

static void *
strike(void *arg)
{
    struct duel *d = arg;

    d->status = call(d->h, "POST", d->path, NULL, NULL);
    return NULL;
}

/* For each of the three: the last one stays, also when two disable each other at once. */
static void
of_two_administrators_who_disable_each_other_one_stays(void)
{
    static const enum w_role roles[] = {ROLE_ADMIN, ROLE_SECADMIN, ROLE_AUDITADMIN};
    struct ctl t;
    struct caller first;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        struct duel d[2];
        struct caller who[2];
        pthread_t thread[2];
        char token[2][64], guard[64];

        ctl_account(&t, ROLE_SECADMIN, &first, guard); /* who may: a secadmin, or both themselves */
        for (int k = 0; k < 2; k++)
            ctl_account(&t, roles[i], &who[k], token[k]);
        for (int k = 0; k < 2; k++) {
            d[k].h = ctl_client(&t, roles[i] == ROLE_AUDITADMIN ? guard : token[k]);
            (void)snprintf(d[k].path, sizeof(d[k].path), "/v1/accounts/%s:disable",
                           roles[i] == ROLE_ADMIN && k == 1 ? who[0].account : who[1 - k].account);
            (void)pthread_create(&thread[k], NULL, strike, &d[k]);
        }
        for (int k = 0; k < 2; k++) {
            (void)pthread_join(thread[k], NULL);
            httpc_free(d[k].h);
        }
        CU_ASSERT(d[0].status == 200 || d[1].status == 200);
        if (roles[i] == ROLE_AUDITADMIN) /* there is no third: exactly one goes */
            CU_ASSERT(d[0].status == 409 || d[1].status == 409);
    }
    ctl_stop(&t);
}

static void *
wrong(void *arg)
{
    (void)sign_in(arg, "chen", "Wrong-liang 2026", NULL);
    return NULL;
}

static void
failures_lock_an_account_however_many_try_at_once(void)
{
    SCOPED(httpc_free) struct httpc *guard = NULL;
    SCOPED(httpc_free) struct httpc *h = NULL;
    pthread_t thread[8];
    struct caller who;
    struct ctl t;
    char token[64], path[100], one[2000], two[2000];

    h = start(&t, &who);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 200);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
            (void)pthread_create(&thread[i], NULL, wrong, &t);
        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
            (void)pthread_join(thread[i], NULL);
    }
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 401);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/sessions", one, "{\"login\":\"chen\",\"password\":\"x\"}"),
                    401);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/sessions", two, "{\"login\":\"no\",\"password\":\"x\"}"),
                    401);
    CU_ASSERT_STRING_EQUAL(one, two); /* whether it exists is not told */
    ctl_restart(&t);
    ctl_serve(&t);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 401); /* a start forgets no lock */
    ctl_clock(29 * MINUTE_MS, 29 * MINUTE_MS);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 401);
    ctl_account(&t, ROLE_SECADMIN, NULL, token);
    guard = ctl_client(&t, token);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:unlock", who.account);
    CU_ASSERT_EQUAL(call(guard, "POST", path, NULL, NULL), 200);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 200);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(sign_in(&t, "chen", "Wrong-liang 2026", NULL), 401);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 401);
    ctl_clock(61 * MINUTE_MS, 61 * MINUTE_MS);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 200); /* it ends by itself */
    ctl_stop(&t);
}

static void
a_flood_from_one_address_ends_and_others_are_served(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct ctl t;
    struct caller who;
    int status = 401, n = 0;

    h = start(&t, &who);
    while (status == 401 && n <= SIGNIN_OF_ADDRESS) {
        status = sign_in(&t, "nobody", "x", NULL);
        n++;
        if (n % 20 == 0)
            CU_ASSERT_EQUAL(call(h, "GET", "/v1/status", NULL, NULL), 200);
    }
    CU_ASSERT_EQUAL(status, 503);
    CU_ASSERT_EQUAL(call(h, "GET", "/v1/me", NULL, NULL), 200);
    ctl_clock(11 * MINUTE_MS, 11 * MINUTE_MS);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 200);
    ctl_stop(&t);
}

static void
a_session_ends_when_idle_and_an_old_password_must_change(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    SCOPED(httpc_free) struct httpc *s = NULL;
    struct ctl t;
    struct caller who;
    char session[64], out[2000];

    h = start(&t, &who);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, session), 200);
    s = ctl_client(&t, session);
    for (int i = 1; i <= 3; i++) { /* used every 20 minutes it goes on */
        ctl_clock(i * 20 * MINUTE_MS, i * 20 * MINUTE_MS);
        CU_ASSERT_EQUAL(call(s, "GET", "/v1/me", NULL, NULL), 200);
    }
    ctl_clock(91 * MINUTE_MS, 91 * MINUTE_MS);
    CU_ASSERT_EQUAL(call(s, "GET", "/v1/me", NULL, NULL), 401);
    ctl_clock(91 * 24 * 60 * MINUTE_MS, 91 * 24 * 60 * MINUTE_MS);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 401);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/sessions", out,
                         "{\"login\":\"chen\",\"password\":\"" PASSWORD
                         "\",\"new_password\":\"" PASSWORD "\"}"),
                    400);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/sessions", out,
                         "{\"login\":\"chen\",\"password\":\"" PASSWORD
                         "\",\"new_password\":\"Xiangguo-2027\"}"),
                    200);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 401);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", "Xiangguo-2027", NULL), 200);
    ctl_stop(&t);
}

static int
end_in_the_store(void *arg, struct tx *t, struct err *e)
{
    return DB_EXEC(t->d, DB_SESSION_END_ACCOUNT, NULL, e, DBS((const char *)arg));
}

/* As when its end stands before it in the same group: memory does not know yet, the store does. */
static void
a_request_that_waited_while_its_session_ended_changes_nothing(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct ctl t;
    struct caller who;
    struct err e = {0};
    uint64_t seq;

    h = start(&t, &who);
    CU_ASSERT_EQUAL(commit_run(t.c.commit, end_in_the_store, who.account, &e), 0);
    CU_ASSERT_EQUAL(call(h, "GET", "/v1/me", NULL, NULL), 200); /* memory still has it */
    seq = controller_head_seq(&t.c);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/systems", NULL,
                         "{\"mlps_level\":2,\"name\":\"a\",\"purpose\":\"p\",\"unit\":\"%s\"}",
                         who.unit),
                    401);
    CU_ASSERT_EQUAL(controller_head_seq(&t.c), seq);
    ctl_stop(&t);
}

/* ---- second factors ------------------------------------------------------------------------- */

static const char *
prove(struct ctl *t, const struct sigkey *k, const char *store, const char *login,
      const char *nonce, struct arena *a)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(strbuf) struct strbuf quoted = {0};
    struct w_login_proof p = {.version = 1, .nonce = nonce};
    struct w_paper q = {0};
    struct err e = {0};

    (void)t;
    (void)snprintf(p.store, sizeof(p.store), "%s", store);
    (void)snprintf(p.login, sizeof(p.login), "%s", login);
    p.public_pem = sigkey_public_pem(k, a);
    jm_encode(schema_login_proof, &p, &b);
    CU_ASSERT_EQUAL(paper_sign(k, PAPER_LOGIN, strbuf_peek(&b), a, &q.text, &e), 0);
    jm_encode(schema_paper, &q, &quoted);
    return arena_strndup(a, quoted.s + 8, quoted.len - 9);
}

static int
sign_in_by(struct ctl *t, const char *login, const char *proof)
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(t, NULL);

    return text(h, "POST", "/v1/sessions", NULL,
                "{\"login\":\"%s\",\"password\":\"" PASSWORD "\",\"proof\":%s}", login, proof);
}

static void
register_key(struct httpc *h, const struct sigkey *k, struct arena *a)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_factor f = {.kind = FACTOR_KEY, .name = "key", .public_pem = sigkey_public_pem(k, a)};

    jm_encode(schema_factor, &f, &b);
    CU_ASSERT_EQUAL(call(h, "POST", "/v1/factors", strbuf_peek(&b), NULL), 200);
}

static void
challenge(struct ctl *t, const char *login, char nonce[200])
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(t, NULL);
    char out[2000];

    CU_ASSERT_EQUAL(text(h, "POST", "/v1/challenges", out, "{\"login\":\"%s\"}", login), 200);
    field(out, "nonce", nonce, 200);
}

static void
a_signed_challenge_is_good_once_for_one_login_and_store(void)
{
    static const char *const algs[] = {ALG_SM2, ALG_P256};
    char nonce[200], other[200];
    struct caller who;
    struct ctl t;
    struct err e = {0};

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        SCOPED(arena) struct arena a = {0};
        SCOPED(sigkey_free) struct sigkey *k = NULL;
        SCOPED(sigkey_free) struct sigkey *stranger = NULL;
        SCOPED(httpc_free) struct httpc *h = NULL;
        const char *login = i == 0 ? "wang" : "zhao", *proof;
        char token[64];

        ctl_person(&t, login, NULL, ROLE_BUREAU, &who, token);
        h = ctl_client(&t, token);
        CU_ASSERT_EQUAL(text(h, "POST", "/v1/me:password", NULL, "{\"password\":\"" PASSWORD "\"}"),
                        204);
        CU_ASSERT_EQUAL(sign_in(&t, login, PASSWORD, NULL), 401); /* staff: none is registered */
        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &k, &e), 0);
        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &stranger, &e), 0);
        register_key(h, k, &a);
        CU_ASSERT_EQUAL(sign_in(&t, login, PASSWORD, NULL), 401); /* and it is needed */
        challenge(&t, login, nonce);
        challenge(&t, "nobody", other); /* the same kind of answer for a login that is none */
        CU_ASSERT_EQUAL(strlen(nonce), strlen(other));
        proof = prove(&t, k, t.c.store, login, nonce, &a);
        CU_ASSERT_EQUAL(sign_in_by(&t, login, proof), 200);
        CU_ASSERT_EQUAL(sign_in_by(&t, login, proof), 401); /* once */
        CU_ASSERT_EQUAL(sign_in_by(&t, login, prove(&t, k, t.c.store, login, other, &a)), 401);
        challenge(&t, login, nonce);
        CU_ASSERT_EQUAL(sign_in_by(&t, login, prove(&t, stranger, t.c.store, login, nonce, &a)),
                        401);
        CU_ASSERT_EQUAL(sign_in_by(&t, login, prove(&t, k, who.account, login, nonce, &a)), 401);
        CU_ASSERT_EQUAL(sign_in_by(&t, login, prove(&t, k, t.c.store, login, nonce, &a)), 200);
        challenge(&t, login, nonce);
        ctl_clock(3 * MINUTE_MS, 3 * MINUTE_MS);
        CU_ASSERT_EQUAL(sign_in_by(&t, login, prove(&t, k, t.c.store, login, nonce, &a)), 401);
        ctl_clock(0, 0);
    }
    ctl_stop(&t);
}

static int
sign_in_with(struct ctl *t, const char *code)
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(t, NULL);

    return text(h, "POST", "/v1/sessions", NULL,
                "{\"code\":\"%s\",\"login\":\"chen\",\"password\":\"" PASSWORD "\"}", code);
}

/* The secret that base32 text means. */
static void
secret_of(const char *base32, uint8_t out[TOTP_SECRET])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    int have = 0, n = 0;

    for (const char *p = base32; *p != '\0' && n < TOTP_SECRET; p++) {
        bits = bits << 5 | (uint32_t)(strchr(digits, *p) - digits);
        have += 5;
        if (have >= 8)
            out[n++] = (uint8_t)(bits >> (have -= 8));
    }
}

static void
a_code_counts_once_and_wrong_ones_lock(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct ctl t;
    struct caller who;
    char out[2000], base32[40], id[W_ID], path[100], code[7], next[7];
    uint8_t secret[TOTP_SECRET] = {0};
    uint64_t step;

    h = start(&t, &who);
    CU_ASSERT_EQUAL(call(h, "POST", "/v1/factors", "{\"kind\":\"totp\",\"name\":\"codes\"}", out),
                    200);
    field(out, "secret", base32, sizeof(base32));
    field(out, "id", id, sizeof(id));
    secret_of(base32, secret);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL), 200); /* not confirmed: does not count */
    step = (uint64_t)(t.c.wall_ms() / TOTP_STEP_MS);
    totp_code(TOTP_SHA1, secret, TOTP_SECRET, step, code);
    totp_code(TOTP_SHA1, secret, TOTP_SECRET, step + 1, next);
    (void)snprintf(path, sizeof(path), "/v1/factors/%s:confirm", id);
    CU_ASSERT_EQUAL(text(h, "POST", path, NULL, "{\"code\":\"%s\"}", code), 200);
    CU_ASSERT_EQUAL(sign_in(&t, "chen", PASSWORD, NULL),
                    401);                         /* a tenant who has one must show it */
    CU_ASSERT_EQUAL(sign_in_with(&t, code), 401); /* shown already */
    CU_ASSERT_EQUAL(sign_in_with(&t, next), 200);
    CU_ASSERT_EQUAL(sign_in_with(&t, next), 401);
    for (int i = 0; i < 4; i++) /* the right password forgets no wrong code */
        CU_ASSERT_EQUAL(sign_in_with(&t, "000000"), 401);
    ctl_clock(2 * TOTP_STEP_MS, 2 * TOTP_STEP_MS);
    step = (uint64_t)(t.c.wall_ms() / TOTP_STEP_MS);
    totp_code(TOTP_SHA1, secret, TOTP_SECRET, step, code);
    CU_ASSERT_EQUAL(sign_in_with(&t, code), 401); /* locked */
    ctl_stop(&t);
}

/* ---- older stores --------------------------------------------------------------------------- */

/* The list up to the last migration before accounts had states. */
static size_t
before_accounts(const struct migration **list)
{
    size_t n = 0, i = 0;

    *list = migrate_list(&n);
    while (i < n && strstr((*list)[i].name, "-accounts") == NULL)
        i++;
    CU_ASSERT_FATAL(i > 0 && i < n);
    return i;
}

static void
people_of_an_older_store_keep_their_roles(void)
{
    static const char *const old[] = {
        "INSERT INTO unit (id, name, created_ms) VALUES ('u-provider', 'p', 1), ('u-new', 'n', 1)",
        "INSERT INTO account (id, login, name, unit, role, disabled, created_ms) VALUES ('a', "
        "'old', 'n', 'u-provider', 3, 0, 1)",
        "INSERT INTO session (token_sha256, account, created_ms, expires_ms) VALUES ('s', 'a', 1, "
        "9)"};
    SCOPED(tmpdir) char *dir = tmpdir_new();
    const struct migration *list;
    struct db_schema then = {NULL, 0, old, ARRAY_LEN(old)};
    struct err e = {0};
    char path[400];

    then.migration_count = before_accounts(&list);
    then.migrations = list;
    (void)snprintf(path, sizeof(path), "%s/store.db", dir);
    {
        SCOPED(db_free) struct db *d = NULL;
        static const char *const none[] = {NULL};
        struct db_schema empty = {then.migrations, then.migration_count, none, 0};

        CU_ASSERT_EQUAL_FATAL(db_open_schema(path, false, &empty, &d, &e), 0);
    }
    {
        SCOPED(db_free) struct db *d = NULL;

        CU_ASSERT_EQUAL_FATAL(db_open_schema(path, false, &then, &d, &e), 0);
        for (size_t i = 0; i < ARRAY_LEN(old); i++)
            CU_ASSERT_EQUAL(db_exec(d, (enum db_stmt)i, NULL, 0, NULL, &e), 0);
    }
    {
        SCOPED(db_free) struct db *d = NULL;
        SCOPED(db_rows_free) struct db_rows *a = NULL;
        SCOPED(db_rows_free) struct db_rows *u = NULL;

        CU_ASSERT_EQUAL_FATAL(db_open(path, false, &d, &e), 0);
        CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_ACCOUNT_GET, &a, &e, DBS("a")), 0);
        CU_ASSERT_EQUAL(db_next(a, &e), 1);
        CU_ASSERT_EQUAL(db_int(a, 5), ROLE_PROVIDER);
        CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_UNIT_GET, &u, &e, DBS("u-provider")), 0);
        CU_ASSERT_EQUAL(db_next(u, &e), 1);
        CU_ASSERT_EQUAL(db_int(u, 3), UNIT_PROVIDER);
        CU_ASSERT_STRING_EQUAL(db_str(u, 4), "");
    }
}

/* Who acted for the provider before companies had to be named sees, and changes nothing. */
static void
a_provider_without_a_company_changes_nothing(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct caller who;
    struct ctl t;
    char token[64], out[2000];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_nameless(&t, &who, token);
    h = ctl_client(&t, token);
    CU_ASSERT_EQUAL(call(h, "GET", "/v1/hosts", NULL, out), 200);
    CU_ASSERT_EQUAL(call(h, "POST", "/v1/hosts", "{\"name\":\"h\"}", out), 403);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "company"));
    CU_ASSERT_EQUAL(call(h, "DELETE", "/v1/sessions", NULL, out), 204);
    ctl_stop(&t);
}

static void
units_make_no_ring_and_no_tower(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    char token[64], out[2000], id[10][W_ID], path[100];
    struct ctl t;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    h = ctl_client(&t, token);
    for (int i = 0; i < 8; i++) {
        int status = i == 0 ? call(h, "POST", "/v1/units", "{\"name\":\"u0\"}", out)
                            : text(h, "POST", "/v1/units", out,
                                   "{\"name\":\"u%d\",\"parent\":\"%s\"}", i, id[i - 1]);

        CU_ASSERT_EQUAL(status, 200);
        field(out, "id", id[i], W_ID);
    }
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/units", out, "{\"name\":\"u8\",\"parent\":\"%s\"}", id[7]),
                    409); /* the ninth level */
    (void)snprintf(path, sizeof(path), "/v1/units/%s:move", id[0]);
    CU_ASSERT_EQUAL(text(h, "POST", path, out, "{\"parent\":\"%s\"}", id[3]), 409);
    CU_ASSERT_EQUAL(text(h, "POST", path, out, "{\"parent\":\"%s\"}", id[0]), 409);
    CU_ASSERT_EQUAL(call(h, "POST", "/v1/units", "{\"name\":\"top\"}", out), 200);
    field(out, "id", id[8], W_ID);
    CU_ASSERT_EQUAL(text(h, "POST", path, out, "{\"parent\":\"%s\"}", id[8]),
                    409); /* nine levels */
    (void)snprintf(path, sizeof(path), "/v1/units/%s:move", id[1]);
    CU_ASSERT_EQUAL(text(h, "POST", path, out, "{\"parent\":\"%s\"}", id[8]), 200);
    CU_ASSERT_EQUAL(
        text(h, "POST", path, out, "{\"parent\":\"00000000-0000-4000-8000-000000000001\"}"), 404);
    ctl_stop(&t);
}

static void
nobody_stands_below_a_provider(void)
{
    SCOPED(httpc_free) struct httpc *h = NULL;
    char token[64], out[2000], company[W_ID], unit[W_ID], below[W_ID], path[100];
    struct ctl t;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_ADMIN, NULL, token);
    h = ctl_client(&t, token);
    CU_ASSERT_EQUAL(
        call(h, "POST", "/v1/units", "{\"name\":\"company\",\"kind\":\"provider\"}", out), 200);
    field(out, "id", company, W_ID);
    CU_ASSERT_EQUAL(call(h, "POST", "/v1/units", "{\"name\":\"u\"}", out), 200);
    field(out, "id", unit, W_ID);
    CU_ASSERT_EQUAL(text(h, "POST", "/v1/units", out, "{\"name\":\"v\",\"parent\":\"%s\"}", unit),
                    200);
    field(out, "id", below, W_ID);
    CU_ASSERT_EQUAL(
        text(h, "POST", "/v1/units", out, "{\"name\":\"w\",\"parent\":\"%s\"}", company), 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "below company, a provider"));
    (void)snprintf(path, sizeof(path), "/v1/units/%s:move", unit);
    CU_ASSERT_EQUAL(text(h, "POST", path, out, "{\"parent\":\"%s\"}", company), 409);
    CU_ASSERT_EQUAL(call(h, "POST", path, "{\"kind\":\"provider\"}", out), 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "units stand below u"));
    (void)snprintf(path, sizeof(path), "/v1/units/%s:move", below);
    CU_ASSERT_EQUAL(call(h, "POST", path, "{\"kind\":\"provider\"}", out), 200);
    ctl_stop(&t);
}

CU_TestInfo accounts_tests[] = {
    {"roles are given by whom the rule names", roles_are_given_by_whom_the_rule_names},
    {"passwords and id numbers are judged", passwords_and_id_numbers_are_judged},
    {"codes are those of the standard", codes_are_those_of_the_standard},
    {"an account is nobody until another person assigned it",
     an_account_is_nobody_until_another_person_assigned_it},
    {"of two administrators who disable each other one stays",
     of_two_administrators_who_disable_each_other_one_stays},
    {"failures lock an account, however many try at once",
     failures_lock_an_account_however_many_try_at_once},
    {"a flood from one address ends and others are served",
     a_flood_from_one_address_ends_and_others_are_served},
    {"a session ends when idle, and an old password must change",
     a_session_ends_when_idle_and_an_old_password_must_change},
    {"a request that waited while its session ended changes nothing",
     a_request_that_waited_while_its_session_ended_changes_nothing},
    {"a signed challenge is good once, for one login and store",
     a_signed_challenge_is_good_once_for_one_login_and_store},
    {"people of an older store keep their roles", people_of_an_older_store_keep_their_roles},
    {"a provider without a company changes nothing", a_provider_without_a_company_changes_nothing},
    {"units make no ring and no tower", units_make_no_ring_and_no_tower},
    {"nobody stands below a provider", nobody_stands_below_a_provider},
    {"a code counts once, and wrong ones lock", a_code_counts_once_and_wrong_ones_lock},
    CU_TEST_INFO_NULL,
};
