#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/keys.h"
#include "controller/live.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpc.h"
#include "tests/unit/ctl.h"

#define WAIT_MS 60000 /* longer than anything here takes on a busy machine */

struct office {
    struct ctl t;
    struct httpc *admin;
    struct sigkey *root, *bureau;
    struct caller who;
    char login[W_NAME];
};

static void
office_make(struct office *o)
{
    struct err e = {0};
    char token[64], path[400];

    memset(o, 0, sizeof(*o));
    ctl_start(&o->t, ALG_SM2);
    ctl_serve(&o->t);
    ctl_account(&o->t, ROLE_ADMIN, NULL, token);
    o->admin = ctl_client(&o->t, token);
    ctl_account(&o->t, ROLE_BUREAU, &o->who, token);
    (void)snprintf(o->login, sizeof(o->login), "p%.8s", o->who.account);
    (void)snprintf(path, sizeof(path), "%s/root/root.key", o->t.dir);
    CU_ASSERT_EQUAL_FATAL(sigkey_load(path, &o->root, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_SM2, &o->bureau, &e), 0);
}

static void
office_clear(struct office *o)
{
    httpc_free(o->admin);
    sigkey_free(o->root);
    sigkey_free(o->bureau);
    ctl_stop(&o->t);
}

static struct w_key_entry
entry(const struct sigkey *k, enum w_key_use use, const char *holder, struct arena *a)
{
    struct w_key_entry en = {.use = (int)use, .not_before_ms = 1, .not_after_ms = INT64_MAX / 2048};

    (void)snprintf(en.id, sizeof(en.id), "%s", sigkey_id(k));
    (void)snprintf(en.alg, sizeof(en.alg), "%s", sigkey_alg(k));
    (void)snprintf(en.holder, sizeof(en.holder), "%s", holder);
    en.public_pem = sigkey_public_pem(k, a);
    return en;
}

/* Register statement `serial` signed by `by`; its status. */
static int
state(struct office *o, uint64_t serial, const struct sigkey *by, const char *holder, bool ours)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf body = {0};
    SCOPED(strbuf) struct strbuf req = {0};
    struct w_key_entry keys[2] = {entry(o->bureau, KEY_GRANT, holder, &a)};
    struct w_key_statement st = {
        .version = 1, .serial = serial, .issued_at_ms = 1, .keys = {.items = keys, .n = 1}};
    struct w_key_request in = {0};
    struct httpc_answer ans = {0};
    struct err e = {0};
    int status;

    if (ours)
        keys[st.keys.n++] = entry(o->t.c.order_key, KEY_ORDER, "controller", &a);
    jm_encode(schema_key_statement, &st, &body);
    CU_ASSERT_EQUAL_FATAL(paper_sign(by, PAPER_KEYS, strbuf_peek(&body), &a, &in.statement, &e), 0);
    jm_encode(schema_key_request, &in, &req);
    (void)httpc_call(o->admin, "POST", "/v1/keys", strbuf_peek(&req), req.len, WAIT_MS, &ans, &e);
    status = ans.status;
    httpc_answer_clear(&ans);
    return status;
}

static enum err_code
holder(struct office *o, char account[W_ID])
{
    SCOPED(db_free) struct db *d = ctl_db(&o->t);
    struct err e = {0};

    (void)keys_holder(d, sigkey_id(o->bureau), account, &e);
    return e.code;
}

static void
only_the_root_names_keys_and_only_newer_statements_count(void)
{
    struct office o;
    char account[W_ID] = "";

    office_make(&o);
    CU_ASSERT_EQUAL(holder(&o, account), BY_E_DENIED);
    CU_ASSERT_EQUAL(state(&o, 2, o.bureau, o.login, true), 403); /* signed by another key */
    CU_ASSERT_EQUAL(state(&o, 1, o.root, o.login, true), 409);   /* not newer */
    CU_ASSERT_EQUAL(state(&o, 2, o.root, "nobody", true), 409);  /* no such account */
    CU_ASSERT_EQUAL(state(&o, 2, o.root, o.login, false), 409);  /* forgets our order key */
    CU_ASSERT_EQUAL(holder(&o, account), BY_E_DENIED);
    CU_ASSERT_EQUAL(live_keys_serial(o.t.c.live), 1);
    CU_ASSERT_EQUAL(state(&o, 2, o.root, o.login, true), 204);
    CU_ASSERT_EQUAL(live_keys_serial(o.t.c.live), 2);
    CU_ASSERT_EQUAL(holder(&o, account), BY_E_OK);
    CU_ASSERT_STRING_EQUAL(account, o.who.account);
    CU_ASSERT_EQUAL(state(&o, 2, o.root, o.login, true), 409); /* another of the same number */
    ctl_restart(&o.t);
    ctl_serve(&o.t);
    CU_ASSERT_EQUAL(live_keys_serial(o.t.c.live), 2);
    office_clear(&o);
}

static void
a_key_whose_holder_is_disabled_is_nobodys(void)
{
    struct office o;
    struct httpc_answer ans = {0};
    struct err e = {0};
    char account[W_ID] = "", path[100];

    office_make(&o);
    CU_ASSERT_EQUAL(state(&o, 5, o.root, o.login, true), 204);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s:disable", o.who.account);
    CU_ASSERT_EQUAL(httpc_call(o.admin, "POST", path, NULL, 0, WAIT_MS, &ans, &e), 0);
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(holder(&o, account), BY_E_DENIED);
    office_clear(&o);
}

CU_TestInfo keys_tests[] = {
    {"only the root names keys, and only newer statements count",
     only_the_root_names_keys_and_only_newer_statements_count},
    {"a key whose holder is disabled is nobody's", a_key_whose_holder_is_disabled_is_nobodys},
    CU_TEST_INFO_NULL,
};
