/* Sessions: a one-time token becomes a bearer token, of which only the hash is kept. */
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpd.h"

#define HOUR_MS INT64_C(3600000)
#define REQUEST_KEEP_MS (30 * 24 * HOUR_MS) /* how long a request id is remembered */

/* The account behind a one-time token that still counts.  One answer for all that does not: nobody
 * learns which tokens once were. */
static int
session_account(struct tx *t, const char *hash, struct caller *who, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ONE_TIME_GET, &r, e, DBS(hash)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || db_int(r, 1) <= t->now_ms || db_int(r, 2) != 0 || db_int(r, 3) != 0)
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "this one-time token is unknown, used or expired: ask the administrator "
                       "for a new account token");
    (void)snprintf(who->account, sizeof(who->account), "%s", db_str(r, 0));
    who->role = (enum w_role)db_int(r, 4);
    (void)snprintf(who->unit, sizeof(who->unit), "%s", db_str(r, 5));
    (void)snprintf(who->name, sizeof(who->name), "%s", db_str(r, 6));
    (void)snprintf(who->employer, sizeof(who->employer), "%s", db_str(r, 7));
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
session_make_room(struct tx *t, const char *account, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    char *old;
    int rc;

    if (DB_QUERY(t->d, DB_SESSION_OLDEST, &r, e, DBS(account), DBI(AUTH_SESSIONS_OF_ACCOUNT - 1)) <
            0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    old = arena_strdup(tx_arena(t), db_str(r, 0));
    commit_after(t, session_end_live, old);
    return DB_EXEC(t->d, DB_SESSION_END, NULL, e, DBS(old));
}

static int
session_insert(struct api_call *k, struct tx *t, const struct caller *who, struct err *e)
{
    struct w_session *out = k->out;
    struct auth_session *s = arena_alloc(tx_arena(t), sizeof(*s));
    char token[64];

    random_token(AUTH_TOKEN_SESSION, token, sizeof(token));
    digest_sha256_hex(token, strlen(token), s->token_sha256);
    s->who = *who;
    s->expires_ms = t->now_ms + t->c->conf.session_hours * HOUR_MS;
    if (DB_EXEC(t->d, DB_SESSION_ADD, NULL, e, DBS(s->token_sha256), DBS(who->account),
                DBI(t->now_ms), DBI(s->expires_ms)) < 0)
        return -1;
    commit_after(t, session_begin_live, s);
    out->token = arena_strdup(k->a, token);
    out->expires_at_ms = s->expires_ms;
    memcpy(out->account, who->account, sizeof(out->account));
    out->role = (int)who->role;
    return 0;
}

int
api_session_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_session_request *in = k->in;
    struct caller who = {0};
    char hash[65];
    int changed = 0;

    digest_sha256_hex(in->one_time_token, strlen(in->one_time_token), hash);
    if (session_account(t, hash, &who, e) < 0 || session_housekeeping(t, e) < 0)
        return -1;
    if (DB_EXEC(t->d, DB_ONE_TIME_USE, &changed, e, DBI(t->now_ms), DBS(hash)) < 0 ||
        session_make_room(t, who.account, e) < 0 || session_insert(k, t, &who, e) < 0)
        return -1;
    return ledger_append(t, who.account, "session.begun", who.account, "{}", e);
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
