/* Sessions: a one-time token, or login and password, becomes a bearer token, of which only the hash
 * is kept. */
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/factor.h"
#include "controller/login_policy.h"
#include "controller/routes.h"
#include "controller/session.h"
#include "controller/signin.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpd.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define REQUEST_KEEP_MS (30 * 24 * HOUR_MS) /* how long a request id is remembered */

/* The account behind a one-time token that still counts.  One answer for all that does not: nobody
 * learns which tokens once were. */
static int
session_account(struct tx *t, const char *hash, struct caller *who, int64_t *expires_ms,
                struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ONE_TIME_GET, &r, e, DBS(hash)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || db_int(r, 1) <= t->now_ms || db_int(r, 2) != 0 || db_int(r, 3) != 0 ||
        db_int(r, 4) == ROLE_NONE || (db_int(r, 8) != 0 && db_int(r, 8) <= t->now_ms))
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "this one-time token is unknown, used or expired: ask the security "
                       "administrator for a new one (accounts token)");
    (void)snprintf(who->account, sizeof(who->account), "%s", db_str(r, 0));
    who->role = (enum w_role)db_int(r, 4);
    (void)snprintf(who->unit, sizeof(who->unit), "%s", db_str(r, 5));
    (void)snprintf(who->name, sizeof(who->name), "%s", db_str(r, 6));
    (void)snprintf(who->employer, sizeof(who->employer), "%s", db_str(r, 7));
    *expires_ms = db_int(r, 8);
    return 0;
}

static void
session_begin_live(struct controller *c, void *arg)
{
    auth_session_add(c->auth, arg);
}

static void
session_end_live(struct controller *c, void *arg)
{
    auth_session_end(c->auth, arg);
}

/* Signing in is rare and regular: the moment to forget what is over. */
static int
session_housekeeping(struct tx *t, struct err *e)
{
    if (DB_EXEC(t->d, DB_SESSION_EXPIRED, NULL, e, DBI(t->now_ms)) < 0 ||
        DB_EXEC(t->d, DB_REQUEST_PURGE, NULL, e, DBI(t->now_ms - REQUEST_KEEP_MS)) < 0)
        return -1;
    if (auth_session_count(t->c->auth) >= AUTH_SESSIONS / 2)
        auth_sweep(t->c->auth, t->now_ms);
    return auth_session_count(t->c->auth) < AUTH_SESSIONS
               ? 0
               : err_set(e, BY_E_BUSY, "too many sessions are open: try again later");
}

/* An account keeps a bounded number of sessions: the oldest ends. */
static int
session_make_room(struct tx *t, const char *account, unsigned most, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    char *old;
    int rc;

    if (DB_QUERY(t->d, DB_SESSION_OLDEST, &r, e, DBS(account), DBI(most - 1)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    old = arena_strdup(tx_arena(t), db_str(r, 0));
    commit_after(t, session_end_live, old);
    return DB_EXEC(t->d, DB_SESSION_END, NULL, e, DBS(old));
}

/* What a new session is given. */
struct session_life {
    struct caller who;
    int64_t expires_ms; /* of the account; 0: never */
    bool password;      /* begun with one: it ends when it is idle */
    const char *how;
};

static int64_t
session_until(const struct tx *t, const struct w_login_policy *p, const struct session_life *l)
{
    int64_t until = t->now_ms + t->c->conf.session_hours * HOUR_MS;

    if (l->password && p->session_minutes != 0)
        until = t->now_ms + p->session_minutes * MINUTE_MS;
    return l->expires_ms != 0 && l->expires_ms < until ? l->expires_ms : until;
}

static int
session_insert(struct api_call *k, struct tx *t, const struct w_login_policy *p,
               const struct session_life *l, struct err *e)
{
    struct w_session *out = k->out;
    struct auth_session *s = arena_alloc(tx_arena(t), sizeof(*s));
    char token[64];

    random_token(AUTH_TOKEN_SESSION, token, sizeof(token));
    digest_sha256_hex(token, strlen(token), s->token_sha256);
    s->who = l->who;
    memcpy(s->who.session, s->token_sha256, sizeof(s->token_sha256));
    s->expires_ms = session_until(t, p, l);
    s->idle_ms = l->password ? p->idle_minutes * MINUTE_MS : 0;
    s->used_ms = t->now_ms;
    if (DB_EXEC(t->d, DB_SESSION_ADD, NULL, e, DBS(s->token_sha256), DBS(l->who.account),
                DBI(t->now_ms), DBI(s->expires_ms)) < 0 ||
        DB_EXEC(t->d, DB_SESSION_IDLE, NULL, e, DBI(s->idle_ms), DBS(s->token_sha256)) < 0)
        return -1;
    commit_after(t, session_begin_live, s);
    out->token = arena_strdup(k->a, token);
    out->expires_at_ms = s->expires_ms;
    memcpy(out->account, l->who.account, sizeof(out->account));
    out->role = (int)l->who.role;
    return 0;
}

int
session_note(struct tx *t, const struct caller *who, const char *act, const char *how,
             struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_session_record rec = {.how = how, .role = (int)who->role};

    memcpy(rec.name, who->name, sizeof(rec.name));
    memcpy(rec.employer, who->employer, sizeof(rec.employer));
    memcpy(rec.unit, who->unit, sizeof(rec.unit));
    jm_encode(schema_session_record, &rec, &b);
    return ledger_append(t, who->account, act, who->account, strbuf_peek(&b), e);
}

static int
session_begin(struct api_call *k, struct tx *t, const struct session_life *l, struct err *e)
{
    struct w_login_policy p;

    if (session_housekeeping(t, e) < 0 || login_policy_in_force(t->d, k->a, &p, e) < 0 ||
        session_make_room(t, l->who.account, p.sessions, e) < 0 ||
        session_insert(k, t, &p, l, e) < 0)
        return -1;
    return session_note(t, &l->who, "session.begun", l->how, e);
}

static int
session_by_token(struct api_call *k, struct tx *t, const char *token, struct err *e)
{
    struct session_life l = {.how = "one-time token"};
    char hash[65];
    int changed = 0;

    digest_sha256_hex(token, strlen(token), hash);
    if (session_account(t, hash, &l.who, &l.expires_ms, e) < 0 ||
        DB_EXEC(t->d, DB_ONE_TIME_USE, &changed, e, DBI(t->now_ms), DBS(hash)) < 0)
        return -1;
    return session_begin(k, t, &l, e);
}

/* ---- passwords ------------------------------------------------------------------------------ */

struct prepared {
    struct signin_pass pass;
    struct factor_claim claim;
    char fresh[PASSWORD_HASH]; /* hash of the new password, "" when there is none */
};

/* One and the same refusal for whatever may not be said before the password is right. */
static int
session_say_old(struct err *e)
{
    return err_field(e, BY_E_UNAUTHENTICATED, "new_password",
                     "the password is too old: sign in with a new one beside it");
}

int
prepare_session_add(struct api_call *k, struct err *e)
{
    const struct w_session_request *in = k->in;
    struct prepared *p;

    if ((in->one_time_token == NULL) == (in->login[0] == '\0'))
        return err_set(e, BY_E_INVALID, "give a one-time token, or login and password");
    if (in->login[0] == '\0')
        return 0;
    if (in->password == NULL)
        return err_field(e, BY_E_INVALID, "password", "the password is missing");
    p = arena_alloc(k->a, sizeof(*p));
    if (signin_try(k->c, in->login, in->password, http_req_peer(k->req), &p->pass, e) < 0)
        return -1;
    p->claim.login = in->login;
    p->claim.code = in->code;
    if (in->proof != NULL && factor_proof(k->c, in->login, in->proof, k->a, &p->claim, e) < 0) {
        signin_bad(k->c, in->login, controller_now_ms(k->c));
        return -1;
    }
    if (p->pass.old && in->new_password == NULL)
        return session_say_old(e);
    if (in->new_password != NULL &&
        password_new(k->c, in->login, in->password, in->new_password, p->fresh, e) < 0)
        return -1;
    k->prepared = p;
    return 0;
}

struct good {
    char login[W_NAME], peer[64];
};

static struct good *
good_of(const struct api_call *k, struct arena *a)
{
    struct good *g = arena_alloc(a, sizeof(*g));

    (void)snprintf(g->login, sizeof(g->login), "%s",
                   ((const struct w_session_request *)k->in)->login);
    (void)snprintf(g->peer, sizeof(g->peer), "%s", http_req_peer(k->req));
    return g;
}

static void
session_good(struct controller *c, void *arg)
{
    const struct good *g = arg;

    signin_good(c, g->login, g->peer);
}

/* The store once more: since the comparison the account may have been changed. */
static int
session_by_password(struct api_call *k, struct tx *t, const struct prepared *p, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct session_life l = {.password = true};
    struct w_login_policy rules;
    bool counts;

    if (DB_QUERY(t->d, DB_ACCOUNT_SIGNIN, &r, e, DBS(p->pass.account)) < 0 || db_next(r, e) != 1)
        return -1;
    if (db_int(r, 2) == ROLE_NONE || db_int(r, 3) != 0 || db_int(r, 5) != p->pass.password_ms ||
        db_int(r, 6) > t->now_ms || (db_int(r, 7) != 0 && db_int(r, 7) <= t->now_ms))
        return err_set(e, BY_E_UNAUTHENTICATED, "the account was changed meanwhile: sign in again");
    memcpy(l.who.account, p->pass.account, sizeof(l.who.account));
    l.who.role = (enum w_role)db_int(r, 2);
    l.expires_ms = db_int(r, 7);
    (void)snprintf(l.who.unit, sizeof(l.who.unit), "%s", db_str(r, 8));
    (void)snprintf(l.who.name, sizeof(l.who.name), "%s", db_str(r, 9));
    (void)snprintf(l.who.employer, sizeof(l.who.employer), "%s", db_str(r, 10));
    db_rows_free(TAKE(r)); /* the statement runs again */
    if (login_policy_in_force(t->d, k->a, &rules, e) < 0)
        return -1;
    if (factor_judge(t, l.who.account, l.who.role, &rules, &p->claim, &counts, e) < 0) {
        if (counts)
            signin_bad(t->c, p->claim.login, t->now_ms);
        return -1;
    }
    l.how = !counts                  ? "password"
            : p->claim.nonce != NULL ? "password and key"
                                     : "password and code";
    commit_after(t, session_good, good_of(k, tx_arena(t)));
    if (p->fresh[0] != '\0' && password_store(t, &l.who, p->fresh, "", e) < 0)
        return -1;
    return session_begin(k, t, &l, e);
}

int
api_session_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_session_request *in = k->in;

    return k->prepared != NULL ? session_by_password(k, t, k->prepared, e)
                               : session_by_token(k, t, in->one_time_token, e);
}

int
api_session_end(struct api_call *k, struct tx *t, struct err *e)
{
    const char *h = http_req_header(k->req, "Authorization");
    char *hash = arena_alloc(tx_arena(t), 65);

    if (h == NULL || strlen(h) < 8)
        return err_set(e, BY_E_UNAUTHENTICATED, "no session to end");
    digest_sha256_hex(h + 7, strlen(h + 7), hash);
    if (DB_EXEC(t->d, DB_SESSION_END, NULL, e, DBS(hash)) < 0)
        return -1;
    commit_after(t, session_end_live, hash);
    k->status = 204;
    return 0;
}
