#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/hostauth.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/net/httpc.h"
#include "tests/unit/ctl.h"

#define WAIT_MS 60000 /* longer than anything here takes on a busy machine */

static int
post(struct httpc *h, const char *path, const struct jm_field *rows, const void *in,
     struct httpc_answer *ans)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    memset(ans, 0, sizeof(*ans));
    if (rows != NULL)
        jm_encode(rows, in, &b);
    (void)httpc_call(h, "POST", path, rows == NULL ? NULL : strbuf_peek(&b), b.len, WAIT_MS, ans,
                     &e);
    return ans->status;
}

/* 404 tells an accepted certificate and a route of people; 401 a refused one. */
static int
knock(struct ctl *t, const char *name)
{
    SCOPED(httpc_free) struct httpc *h = ctl_agent(t, name);
    struct httpc_answer ans = {0};
    struct err e = {0};
    int status;

    (void)httpc_call(h, "GET", "/v1/units", NULL, 0, WAIT_MS, &ans, &e);
    status = ans.status;
    httpc_answer_clear(&ans);
    (void)httpc_call(h, "POST", "/a/v1/renew", "{}", 2, WAIT_MS, &ans, &e);
    if (status == 404)
        status = ans.status == 400 ? 200 : ans.status; /* a body without its request */
    httpc_answer_clear(&ans);
    return status;
}

static void
token_for(struct ctl *t, struct httpc *h, const char *name, struct arena *a,
          struct w_host_token *out)
{
    struct w_host_request ask = {0};
    struct httpc_answer ans;
    struct err e = {0};

    (void)t;
    (void)snprintf(ask.name, sizeof(ask.name), "%s", name);
    CU_ASSERT_EQUAL_FATAL(post(h, "/v1/hosts", schema_host_request, &ask, &ans), 200);
    CU_ASSERT_EQUAL_FATAL(W_DECODE(host_token, ans.body, ans.len, JM_PEER, a, out, &e), 0);
    httpc_answer_clear(&ans);
}

static int
enrol(struct ctl *t, const char *name, const char *token, const char *csr, struct arena *a,
      struct w_enrol_answer *out)
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(t, NULL);
    struct w_enrol_request req = {.token = token, .csr_pem = csr};
    struct httpc_answer ans;
    struct err e = {0};
    int status;

    (void)snprintf(req.name, sizeof(req.name), "%s", name);
    status = post(h, "/v1/enrol", schema_enrol_request, &req, &ans);
    if (status == 200)
        CU_ASSERT_EQUAL(W_DECODE(enrol_answer, ans.body, ans.len, JM_PEER, a, out, &e), 0);
    httpc_answer_clear(&ans);
    return status;
}

static void
a_token_is_for_one_name_one_request_and_one_hour(void)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct w_host_token tok;
    struct w_enrol_answer first = {0}, again = {0};
    const char *key = NULL, *csr = NULL, *other = NULL;
    struct err e = {0};
    struct ctl t;
    char session[64], uri[120];
    const char *san = NULL;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_account(&t, ROLE_PROVIDER, NULL, session);
    h = ctl_client(&t, session);
    token_for(&t, h, "host-1", &a, &tok);
    CU_ASSERT_STRING_EQUAL(tok.ca_sha256, t.c.ca_sha256);
    CU_ASSERT_EQUAL_FATAL(x509_csr_new("root", &a, &key, &csr, &e), 0);
    CU_ASSERT_EQUAL_FATAL(x509_csr_new("root", &a, &key, &other, &e), 0);
    CU_ASSERT_EQUAL(enrol(&t, "host-2", tok.token, csr, &a, &first), 401);
    CU_ASSERT_EQUAL(enrol(&t, "host-1", "byh_guess", csr, &a, &first), 401);
    CU_ASSERT_EQUAL(enrol(&t, "host-1", tok.token, "not a request", &a, &first), 400);
    CU_ASSERT_EQUAL(enrol(&t, "host-1", tok.token, csr, &a, &first), 200);
    CU_ASSERT_EQUAL(enrol(&t, "host-1", tok.token, other, &a, &again), 401);
    CU_ASSERT_EQUAL(enrol(&t, "host-1", tok.token, csr, &a, &again), 200); /* lost answer */
    CU_ASSERT_STRING_EQUAL(first.certificate_pem, again.certificate_pem);
    CU_ASSERT_EQUAL(again.incarnation, 1);
    (void)snprintf(uri, sizeof(uri), "bianyun:host:%s:1", first.host);
    CU_ASSERT_EQUAL(x509_san_uri(first.certificate_pem, &a, &san, &e), 0);
    CU_ASSERT_STRING_EQUAL(san, uri);
    token_for(&t, h, "host-3", &a, &tok);
    ctl_clock(3700000, 3700000);
    CU_ASSERT_EQUAL(enrol(&t, "host-3", tok.token, csr, &a, &first), 401);
    ctl_stop(&t);
}

static void
a_new_enrolment_is_a_new_incarnation_and_voids_the_old_certificate(void)
{
    SCOPED(arena) struct arena a = {0};
    struct ctl t;
    char host[W_ID], same[W_ID], from[400], to[400];
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};
    const char *san = NULL;

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 200);
    for (int i = 0; i < 2; i++) { /* keep the old pair */
        (void)snprintf(from, sizeof(from), "%s/host-1.%s", t.dir, i == 0 ? "pem" : "key");
        (void)snprintf(to, sizeof(to), "%s/old.%s", t.dir, i == 0 ? "pem" : "key");
        CU_ASSERT_EQUAL(rename(from, to), 0);
    }
    ctl_enrol(&t, "host-1", same);
    CU_ASSERT_STRING_EQUAL(host, same);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 200);
    CU_ASSERT_EQUAL(knock(&t, "old"), 401);
    CU_ASSERT_EQUAL(durable_read(from, 1, &b, &e), -1);
    (void)snprintf(from, sizeof(from), "%s/host-1.pem", t.dir);
    CU_ASSERT_EQUAL(durable_read(from, 16384, &b, &e), 0);
    CU_ASSERT_EQUAL(x509_san_uri(strbuf_peek(&b), &a, &san, &e), 0);
    CU_ASSERT_STRING_EQUAL(strrchr(san, ':'), ":2");
    ctl_restart(&t); /* and so it stays */
    ctl_serve(&t);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 200);
    CU_ASSERT_EQUAL(knock(&t, "old"), 401);
    ctl_stop(&t);
}

/* As if an older backup had been put back. */
static void
forget_certificate(struct ctl *t, const char *pem)
{
    sqlite3 *db = NULL;
    struct err e = {0};
    char print[65], sql[160];

    CU_ASSERT_EQUAL_FATAL(x509_fingerprint(pem, print, &e), 0);
    (void)snprintf(sql, sizeof(sql), "DELETE FROM host_cert WHERE fingerprint='%s'", print);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(t->c.store_path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_changes(db), 1);
    (void)sqlite3_close(db);
    ctl_restart(t);
    ctl_serve(t);
}

/* Renews with the certificate of that name; the new one is kept under the other. */
static int
renew(struct ctl *t, const char *name, const char *next, struct w_enrol_answer *got,
      struct arena *a)
{
    SCOPED(httpc_free) struct httpc *h = ctl_agent(t, name);
    struct w_renew_request req = {0};
    struct httpc_answer ans;
    struct err e = {0};
    const char *key = NULL;
    char path[400];
    int status;

    CU_ASSERT_EQUAL_FATAL(x509_csr_new("x", a, &key, &req.csr_pem, &e), 0);
    status = post(h, "/a/v1/renew", schema_renew_request, &req, &ans);
    if (status == 200) {
        CU_ASSERT_EQUAL_FATAL(W_DECODE(enrol_answer, ans.body, ans.len, JM_PEER, a, got, &e), 0);
        (void)snprintf(path, sizeof(path), "%s/%s.pem", t->dir, next);
        CU_ASSERT_EQUAL(
            durable_write(path, got->certificate_pem, strlen(got->certificate_pem), 0600, &e), 0);
        (void)snprintf(path, sizeof(path), "%s/%s.key", t->dir, next);
        CU_ASSERT_EQUAL(durable_write(path, key, strlen(key), 0600, &e), 0);
    }
    httpc_answer_clear(&ans);
    return status;
}

static int
asks(struct ctl *t, const char *name)
{
    SCOPED(httpc_free) struct httpc *h = ctl_agent(t, name);
    struct httpc_answer ans;
    int status = post(h, "/a/v1/desired", NULL, NULL, &ans);

    httpc_answer_clear(&ans);
    return status;
}

static void
a_renewed_certificate_works_beside_the_old_one(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_enrol_answer got;
    struct ctl t;
    char host[W_ID];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    CU_ASSERT_EQUAL_FATAL(renew(&t, "host-1", "next", &got, &a), 200);
    CU_ASSERT_EQUAL(got.incarnation, 1);
    CU_ASSERT_EQUAL(knock(&t, "next"), 200);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 200);
    ctl_stop(&t);
}

/* An ask that is answered late, or twice, may be carried out after the one whose answer came: what
 * the host has then is not taken from it. */
static void
an_ask_that_comes_late_ends_nothing_that_is_newer(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_enrol_answer got;
    struct ctl t;
    char host[W_ID];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    CU_ASSERT_EQUAL_FATAL(renew(&t, "host-1", "next", &got, &a), 200);
    CU_ASSERT_EQUAL_FATAL(renew(&t, "host-1", "late", &got, &a), 200);
    CU_ASSERT_EQUAL(knock(&t, "next"), 200);
    CU_ASSERT_EQUAL(renew(&t, "next", "newest", &got, &a), 200); /* ends the one before it */
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 401);
    CU_ASSERT_EQUAL(knock(&t, "next"), 200);
    CU_ASSERT_EQUAL(knock(&t, "newest"), 200);
    for (int i = 0; i < 6; i++) /* and not more of them than a few */
        CU_ASSERT_EQUAL(renew(&t, "next", "again", &got, &a), 200);
    CU_ASSERT_EQUAL(knock(&t, "newest"), 401);
    CU_ASSERT_EQUAL(knock(&t, "next"), 200);
    ctl_stop(&t);
}

static void
a_certificate_that_an_older_store_does_not_know_may_be_renewed_and_no_more(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_enrol_answer got;
    struct ctl t;
    char host[W_ID];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    CU_ASSERT_EQUAL_FATAL(renew(&t, "host-1", "lost", &got, &a), 200);
    forget_certificate(&t, got.certificate_pem);
    CU_ASSERT_EQUAL(asks(&t, "lost"), 401);
    CU_ASSERT_EQUAL(renew(&t, "lost", "found", &got, &a), 200);
    CU_ASSERT_EQUAL(asks(&t, "lost"), 401);
    CU_ASSERT_EQUAL(asks(&t, "found"), 400);                  /* an empty body */
    CU_ASSERT_EQUAL(renew(&t, "host-1", "x", &got, &a), 401); /* replaced: known, and ended */
    CU_ASSERT_EQUAL(renew(&t, "found", "newest", &got, &a), 200);
    forget_certificate(&t, got.certificate_pem);
    ctl_enrol(&t, "host-1", host); /* a new incarnation: what the machine had before is void */
    CU_ASSERT_EQUAL(renew(&t, "newest", "x", &got, &a), 401);
    ctl_stop(&t);
}

static void
a_revoked_host_is_out_at_once_and_after_a_restart(void)
{
    SCOPED(httpc_free) struct httpc *provider = NULL;
    struct httpc_answer ans;
    struct ctl t;
    char session[64], host[W_ID], path[100];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    ctl_account(&t, ROLE_PROVIDER, NULL, session);
    provider = ctl_client(&t, session);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 200);
    (void)snprintf(path, sizeof(path), "/v1/hosts/%s:cordon", host);
    CU_ASSERT_EQUAL(post(provider, path, NULL, NULL, &ans), 200);
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 200); /* cordoned hosts still speak */
    (void)snprintf(path, sizeof(path), "/v1/hosts/%s:revoke", host);
    CU_ASSERT_EQUAL(post(provider, path, NULL, NULL, &ans), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "\"state\":\"revoked\""));
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 401);
    (void)snprintf(path, sizeof(path), "/v1/hosts/%s:uncordon", host);
    CU_ASSERT_EQUAL(post(provider, path, NULL, NULL, &ans), 409);
    httpc_answer_clear(&ans);
    ctl_restart(&t);
    ctl_serve(&t);
    CU_ASSERT_EQUAL(knock(&t, "host-1"), 401);
    ctl_stop(&t);
}

static int
get(struct httpc *h, const char *path, struct httpc_answer *ans)
{
    struct err e = {0};

    *ans = (struct httpc_answer){0};
    (void)httpc_call(h, "GET", path, NULL, 0, WAIT_MS, ans, &e);
    return ans->status;
}

/* Nobody gets up for a host of which nothing was ever heard; of one that is enrolled anew,
 * something was. */
static void
a_new_host_is_enrolling_until_it_speaks(void)
{
    SCOPED(httpc_free) struct httpc *provider = NULL;
    struct httpc_answer ans;
    struct ctl t;
    char session[64], host[W_ID];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    ctl_account(&t, ROLE_PROVIDER, NULL, session);
    provider = ctl_client(&t, session);
    CU_ASSERT_EQUAL(get(provider, "/v1/hosts", &ans), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "\"state\":\"enrolling\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "it has not spoken since it was enrolled"));
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(get(provider, "/v1/hosts?state=silent", &ans), 200);
    CU_ASSERT_STRING_EQUAL(ans.body, "{\"items\":[]}");
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(get(provider, "/v1/status", &ans), 200);
    CU_ASSERT_PTR_NULL(strstr(ans.body, "silent: host-1"));
    httpc_answer_clear(&ans);
    ctl_enrol(&t, "host-1", host);
    CU_ASSERT_EQUAL(get(provider, "/v1/hosts", &ans), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "\"state\":\"silent\""));
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(get(provider, "/v1/status", &ans), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "silent: host-1"));
    httpc_answer_clear(&ans);
    ctl_stop(&t);
}

/* For how long is told of those that spoke once, whatever stands before or behind them. */
static void
the_longest_silence_is_one_that_is_known(void)
{
    SCOPED(httpc_free) struct httpc *provider = NULL;
    struct httpc_answer ans;
    struct ctl t;
    char session[64], host[W_ID];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    for (int i = 0; i < 2; i++) { /* enrolled anew: silent until they speak */
        ctl_enrol(&t, "host-1", host);
        ctl_enrol(&t, "host-2", host);
        ctl_enrol(&t, "host-3", host);
    }
    ctl_account(&t, ROLE_PROVIDER, NULL, session);
    provider = ctl_client(&t, session);
    CU_ASSERT_EQUAL(knock(&t, "host-2"), 200);
    ctl_clock(600000, 600000);
    CU_ASSERT_EQUAL(get(provider, "/v1/status", &ans), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "3 hosts are silent, the longest for 10 min"));
    httpc_answer_clear(&ans);
    ctl_clock(0, 0);
    ctl_stop(&t);
}

/* The state and reason of the only host in the store. */
static void
stored_state(struct ctl *t, char out[100])
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db = NULL;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(t->c.store_path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_prepare_v2(db, "SELECT state || ': ' || reason FROM host", -1, &s, NULL),
        SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_step(s), SQLITE_ROW);
    (void)snprintf(out, 100, "%s", (const char *)sqlite3_column_text(s, 0));
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
}

static void
a_new_enrolment_lifts_no_cordon(void)
{
    SCOPED(httpc_free) struct httpc *provider = NULL;
    struct httpc_answer ans;
    struct ctl t;
    char session[64], host[W_ID], path[100], state[100];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    ctl_account(&t, ROLE_PROVIDER, NULL, session);
    provider = ctl_client(&t, session);
    (void)snprintf(path, sizeof(path), "/v1/hosts/%s:cordon", host);
    CU_ASSERT_EQUAL(post(provider, path, NULL, NULL, &ans), 200);
    httpc_answer_clear(&ans);
    ctl_enrol(&t, "host-1", host);
    CU_ASSERT_EQUAL(get(provider, "/v1/hosts", &ans), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "\"state\":\"silent\"")); /* it is both */
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ans.body, "it has not spoken since it was enrolled; it is cordoned"));
    httpc_answer_clear(&ans);
    stored_state(&t, state);
    CU_ASSERT_STRING_EQUAL(state, "cordoned: nothing new is placed here");
    (void)snprintf(path, sizeof(path), "/v1/hosts/%s:uncordon", host);
    CU_ASSERT_EQUAL(post(provider, path, NULL, NULL, &ans), 200);
    httpc_answer_clear(&ans);
    (void)snprintf(path, sizeof(path), "/v1/hosts/%s:revoke", host);
    CU_ASSERT_EQUAL(post(provider, path, NULL, NULL, &ans), 200);
    httpc_answer_clear(&ans);
    ctl_enrol(&t, "host-1", host);
    stored_state(&t, state);
    CU_ASSERT_STRING_EQUAL(state, "ready: ");
    ctl_stop(&t);
}

/* ---- boot ids ------------------------------------------------------------------------------- */

struct boot {
    const char *host, *id;
    bool hello;
};

static int
boot_step(void *arg, struct tx *t, struct err *e)
{
    struct boot *b = arg;

    return hostauth_boot(t, b->host, b->id, b->hello, e);
}

static int
nothing_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    (void)t;
    (void)e;
    return 0;
}

static enum err_code
boots(struct ctl *t, const char *host, const char *id, bool hello)
{
    struct boot b = {.host = host, .id = id, .hello = hello};
    struct err e = {0};

    (void)commit_run(t->c.commit, boot_step, &b, &e);
    (void)commit_run(t->c.commit, nothing_step, NULL, NULL); /* a refusal is a step of its own */
    return e.code;
}

static void
two_machines_on_one_key_are_both_refused(void)
{
    struct ctl t;
    char host[W_ID], a[37], b[37];

    ctl_start(&t, ALG_P256);
    ctl_serve(&t);
    ctl_enrol(&t, "host-1", host);
    random_uuid(a);
    random_uuid(b);
    CU_ASSERT_EQUAL(boots(&t, host, a, false), BY_E_DENIED); /* hello comes first */
    CU_ASSERT_EQUAL(boots(&t, host, a, true), BY_E_OK);
    CU_ASSERT_EQUAL(boots(&t, host, a, true), BY_E_OK); /* the agent started again */
    CU_ASSERT_EQUAL(boots(&t, host, a, false), BY_E_OK);
    CU_ASSERT_EQUAL(boots(&t, host, b, true), BY_E_OK); /* the machine started again */
    CU_ASSERT_EQUAL(boots(&t, host, b, false), BY_E_OK);
    CU_ASSERT_EQUAL(boots(&t, host, a, false), BY_E_DENIED); /* and yet the first one lives */
    CU_ASSERT_EQUAL(boots(&t, host, b, false), BY_E_DENIED); /* now neither is believed */
    CU_ASSERT_EQUAL(boots(&t, host, a, true), BY_E_DENIED);
    ctl_enrol(&t, "host-1", host); /* a person decides which one it is; it need not start again */
    CU_ASSERT_EQUAL(boots(&t, host, a, true), BY_E_OK);
    CU_ASSERT_EQUAL(boots(&t, host, b, true), BY_E_OK);
    CU_ASSERT_EQUAL(boots(&t, host, a, false), BY_E_DENIED);
    ctl_stop(&t);
}

CU_TestInfo enrol_tests[] = {
    {"a token is for one name, one request and one hour",
     a_token_is_for_one_name_one_request_and_one_hour},
    {"a new host is enrolling until it speaks", a_new_host_is_enrolling_until_it_speaks},
    {"the longest silence is one that is known", the_longest_silence_is_one_that_is_known},
    {"a new enrolment lifts no cordon", a_new_enrolment_lifts_no_cordon},
    {"a new enrolment is a new incarnation and voids the old certificate",
     a_new_enrolment_is_a_new_incarnation_and_voids_the_old_certificate},
    {"a certificate that an older store does not know may be renewed and no more",
     a_certificate_that_an_older_store_does_not_know_may_be_renewed_and_no_more},
    {"an ask that comes late ends nothing that is newer",
     an_ask_that_comes_late_ends_nothing_that_is_newer},
    {"a renewed certificate works beside the old one",
     a_renewed_certificate_works_beside_the_old_one},
    {"a revoked host is out at once and after a restart",
     a_revoked_host_is_out_at_once_and_after_a_restart},
    {"two machines on one key are both refused", two_machines_on_one_key_are_both_refused},
    CU_TEST_INFO_NULL,
};
