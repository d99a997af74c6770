#include "tests/unit/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/init.h"
#include "controller/server.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/ledger_verify.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/net/httpc.h"
#include "tests/unit/tmpdir.h"

/* Tests of one process run one after the other. */
static int64_t wall_plus, mono_plus;

static int64_t
ctl_wall(void)
{
    return clock_wall_ms() + __atomic_load_n(&wall_plus, __ATOMIC_SEQ_CST);
}

static int64_t
ctl_mono(void)
{
    return clock_mono_ms() + __atomic_load_n(&mono_plus, __ATOMIC_SEQ_CST);
}

void
ctl_clock(int64_t wall_plus_ms, int64_t mono_plus_ms)
{
    __atomic_store_n(&wall_plus, wall_plus_ms, __ATOMIC_SEQ_CST);
    __atomic_store_n(&mono_plus, mono_plus_ms, __ATOMIC_SEQ_CST);
}

static void
ctl_die(const char *what, const struct err *e)
{
    fprintf(stderr, "%s: %s\n", what, e->msg);
    abort();
}

static void
ctl_open(struct ctl *t)
{
    struct controller_config conf;
    struct err e = {0};

    t->c = (struct controller){.wall_ms = ctl_wall, .mono_ms = ctl_mono};
    if (config_default(&conf, &e) < 0)
        ctl_die("config", &e);
    conf.people_port = conf.agents_port = 0;
    conf.unregistered_images = true; /* most tests are not about images */
    if (controller_open(&t->c, t->dir, &conf, &e) < 0)
        ctl_die("open", &e);
}

void
ctl_start(struct ctl *t, const char *alg)
{
    struct init_options o = {.alg = alg, .name = "test", .wall_ms = ctl_wall};
    struct err e = {0};

    memset(t, 0, sizeof(*t));
    ctl_clock(0, 0);
    t->dir = tmpdir_new();
    o.dir = t->dir;
    if (init_run(&o, t->token, &e) < 0 || init_finish(t->dir, &e) < 0)
        ctl_die("init", &e);
    ctl_open(t);
}

void
ctl_restart(struct ctl *t)
{
    server_stop(&t->c);
    controller_free(&t->c);
    ctl_open(t);
}

void
ctl_stop(struct ctl *t)
{
    server_stop(&t->c);
    controller_free(&t->c);
    tmpdir_free(TAKE(t->dir));
}

struct db *
ctl_db(struct ctl *t)
{
    struct db *d = NULL;
    struct err e = {0};

    if (db_open(t->c.store_path, true, &d, &e) < 0)
        ctl_die("store", &e);
    return d;
}

int64_t
ctl_int(struct ctl *t, enum db_stmt s)
{
    SCOPED(db_free) struct db *d = ctl_db(t);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err e = {0};

    if (db_query(d, s, NULL, 0, &r, &e) < 0)
        ctl_die("query", &e);
    return db_next(r, &e) == 1 ? db_int(r, 0) : -1;
}

/* ---- people and hosts ----------------------------------------------------------------------- */

void
ctl_serve(struct ctl *t)
{
    struct err e = {0};

    if (server_start(&t->c, &e) < 0)
        ctl_die("serve", &e);
}

struct newcomer {
    struct caller who;
    char login[W_NAME], token_sha256[65];
    bool new_unit;
};

static void
ctl_session_live(struct controller *c, void *arg)
{
    auth_session_add(c->auth, arg);
}

static int
ctl_account_step(void *arg, struct tx *t, struct err *e)
{
    struct newcomer *n = arg;
    struct auth_session *s = arena_alloc(tx_arena(t), sizeof(*s));

    s->who = n->who;
    memcpy(s->who.session, n->token_sha256, sizeof(n->token_sha256));
    s->expires_ms = t->now_ms + INT64_C(30) * 86400000;
    memcpy(s->token_sha256, n->token_sha256, sizeof(n->token_sha256));
    if ((n->new_unit && DB_EXEC(t->d, DB_UNIT_ADD, NULL, e, DBS(n->who.unit), DBS(n->login),
                                DBS(""), DBI(t->now_ms)) < 0) ||
        DB_EXEC(t->d, DB_ACCOUNT_ADD, NULL, e, DBS(n->who.account), DBS(n->login), DBS(n->who.name),
                DBS(n->who.unit), DBS(n->who.employer), DBI(n->who.role), DBI(t->now_ms)) < 0 ||
        DB_EXEC(t->d, DB_SESSION_ADD, NULL, e, DBS(s->token_sha256), DBS(n->who.account),
                DBI(t->now_ms), DBI(s->expires_ms)) < 0)
        return -1;
    commit_after(t, ctl_session_live, s);
    return 0;
}

/* Adds *n, in a unit of its own unless it names one. */
static void
ctl_add(struct ctl *t, struct newcomer *n, struct caller *who, char token[64])
{
    struct err e = {0};

    random_uuid(n->who.account);
    n->new_unit = n->who.unit[0] == '\0';
    if (n->new_unit)
        random_uuid(n->who.unit);
    if (n->login[0] == '\0')
        (void)snprintf(n->login, sizeof(n->login), "p%.8s", n->who.account);
    random_token(AUTH_TOKEN_SESSION, token, 64);
    digest_sha256_hex(token, strlen(token), n->token_sha256);
    if (commit_run(t->c.commit, ctl_account_step, n, &e) < 0)
        ctl_die("account", &e);
    if (who != NULL)
        *who = n->who;
}

void
ctl_person(struct ctl *t, const char *login, const char *unit, enum w_role role, struct caller *who,
           char token[64])
{
    struct newcomer n = {.who = {.role = role, .name = "person"}};

    if (unit != NULL)
        (void)snprintf(n.who.unit, sizeof(n.who.unit), "%s", unit);
    if (role == ROLE_PROVIDER)
        (void)snprintf(n.who.employer, sizeof(n.who.employer), "company");
    if (login != NULL)
        (void)snprintf(n.login, sizeof(n.login), "%s", login);
    ctl_add(t, &n, who, token);
}

void
ctl_nameless(struct ctl *t, struct caller *who, char token[64])
{
    struct newcomer n = {.who = {.role = ROLE_PROVIDER, .name = "person"}};

    ctl_add(t, &n, who, token);
}

void
ctl_account(struct ctl *t, enum w_role role, struct caller *who, char token[64])
{
    ctl_person(t, NULL, NULL, role, who, token);
}

static struct httpc *
client_new(struct ctl *t, const char *token, bool page)
{
    struct httpc_config conf = {.ca_pem = t->c.ca_pem, .page = page};
    struct httpc *h = NULL;
    struct err e = {0};
    char url[64];

    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", server_people_port(&t->c));
    conf.base_url = url;
    if (httpc_new(&conf, &h, &e) < 0)
        ctl_die("client", &e);
    if (token != NULL)
        httpc_token(h, token);
    return h;
}

struct httpc *
ctl_client(struct ctl *t, const char *token)
{
    return client_new(t, token, false);
}

struct httpc *
ctl_browser(struct ctl *t)
{
    return client_new(t, NULL, true);
}

static void
ctl_post(struct httpc *h, const char *path, const struct jm_field *in, const void *what,
         const struct jm_field *out, size_t size, struct arena *a, void *got)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct httpc_answer ans = {0};
    struct err e = {0};

    jm_encode(in, what, &b);
    if (httpc_call(h, "POST", path, strbuf_peek(&b), b.len, 60000, &ans, &e) < 0 ||
        jm_decode(ans.body, ans.len, out, size, JM_PEER, a, got, &e) < 0)
        ctl_die(path, &e);
    httpc_answer_clear(&ans);
}

static void
ctl_save(struct ctl *t, const char *name, const char *tail, const char *text)
{
    struct err e = {0};
    char path[400];

    (void)snprintf(path, sizeof(path), "%s/%s.%s", t->dir, name, tail);
    if (durable_write(path, text, strlen(text), 0600, &e) < 0)
        ctl_die(path, &e);
}

void
ctl_enrol(struct ctl *t, const char *name, char host[W_ID])
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(httpc_free) struct httpc *h = NULL;
    struct w_host_request ask = {0};
    struct w_host_token token;
    struct w_enrol_request req = {0};
    struct w_enrol_answer got;
    struct err e = {0};
    const char *key = NULL;
    char session[64];

    ctl_account(t, ROLE_PROVIDER, NULL, session);
    h = ctl_client(t, session);
    (void)snprintf(ask.name, sizeof(ask.name), "%s", name);
    ctl_post(h, "/v1/hosts", schema_host_request, &ask, schema_host_token, sizeof(token), &a,
             &token);
    memcpy(req.name, ask.name, sizeof(req.name));
    req.token = token.token;
    if (x509_csr_new("whatever", &a, &key, &req.csr_pem, &e) < 0)
        ctl_die("csr", &e);
    ctl_post(h, "/v1/enrol", schema_enrol_request, &req, schema_enrol_answer, sizeof(got), &a,
             &got);
    ctl_save(t, name, "pem", got.certificate_pem);
    ctl_save(t, name, "key", key);
    memcpy(host, got.host, W_ID);
}

struct httpc *
ctl_agent(struct ctl *t, const char *name)
{
    struct httpc_config conf = {.ca_pem = t->c.ca_pem};
    struct httpc *h = NULL;
    struct err e = {0};
    char url[64], cert[400], key[400];

    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", server_agents_port(&t->c));
    (void)snprintf(cert, sizeof(cert), "%s/%s.pem", t->dir, name);
    (void)snprintf(key, sizeof(key), "%s/%s.key", t->dir, name);
    conf.base_url = url;
    conf.cert_file = cert;
    conf.key_file = key;
    if (httpc_new(&conf, &h, &e) < 0)
        ctl_die("agent", &e);
    return h;
}

static int
ctl_verify_rows(struct db *d, struct ledger_verify *v, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_LEDGER_PAGE, &r, e, DBI(0), DBI(INT64_MAX)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_ledger_entry en = {.seq = (uint64_t)db_int(r, 0), .at_ms = db_int(r, 1)};

        (void)snprintf(en.actor, sizeof(en.actor), "%s", db_str(r, 2));
        (void)snprintf(en.act, sizeof(en.act), "%s", db_str(r, 3));
        (void)snprintf(en.subject, sizeof(en.subject), "%s", db_str(r, 4));
        en.body = db_str(r, 5);
        (void)snprintf(en.body_sha256, sizeof(en.body_sha256), "%s", db_str(r, 6));
        (void)snprintf(en.hash, sizeof(en.hash), "%s", db_str(r, 7));
        if (ledger_verify_add(v, &en, e) < 0)
            return -1;
    }
    return rc < 0 ? -1 : ledger_verify_end(v, e);
}

int
ctl_verify(struct ctl *t, uint64_t *n, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(keyring_free) struct keyring *ring = NULL;
    SCOPED(ledger_verify_free) struct ledger_verify *v = NULL;
    SCOPED(db_free) struct db *d = ctl_db(t);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *head = controller_head(&t->c, &a);
    int rc;

    if (keyring_new(t->c.root_pem, &ring, e) < 0 ||
        DB_QUERY(d, DB_KEY_STATEMENTS, &r, e, DBI(64)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (keyring_add(ring, db_str(r, 0), db_len(r, 0), e) < 0)
            return -1;
    if (rc < 0 || ledger_verify_new(ring, head, strlen(head), &v, e) < 0 ||
        ctl_verify_rows(d, v, e) < 0)
        return -1;
    *n = ledger_verify_count(v, NULL);
    return 0;
}
