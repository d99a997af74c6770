#include "controller/signin.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/login_policy.h"
#include "controller/notice.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/totp.h"

/* Each begins with its key. */
struct login_row {
    char login[W_NAME];
    char account[W_ID];
    char hash[PASSWORD_HASH];
    int64_t password_ms, locked_until_ms, expires_ms;
    bool disabled;
    unsigned failures, in_work; /* tries that were wrong, and those that are being compared */
};
struct address {
    char peer[64];
    unsigned failures;
    int64_t since_ms;
};

struct signin {
    pthread_mutex_t lock;
    void *entries;
    void *addresses;
    size_t n_addresses;
    void *used; /* nonces that were answered */
    size_t n_used;
    unsigned char seal[32];       /* of the challenges of this run */
    struct w_login_policy policy; /* second_factor is not used here */
};

static int
key_cmp(const void *x, const void *y)
{
    return strcmp(x, y);
}

/* The item of that key, made of *item when there is none. */
static void *
put(void **tree, const void *item, size_t size, bool *fresh)
{
    void *copy = malloc(size), **at;

    if (copy == NULL)
        abort(); /* as arena: a process without memory starts again */
    memcpy(copy, item, size);
    at = tsearch(copy, tree, key_cmp);
    if (at == NULL)
        abort();
    *fresh = *at == copy;
    if (!*fresh)
        free(copy);
    return *at;
}

static void
drop(void **tree, const char *key)
{
    void **at = tfind(key, tree, key_cmp);
    void *item;

    if (at == NULL)
        return;
    item = *at;
    (void)tdelete(key, tree, key_cmp);
    free(item);
}

int
signin_new(struct signin **out, struct err *e)
{
    struct signin *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    (void)pthread_mutex_init(&s->lock, NULL);
    random_bytes(s->seal, sizeof(s->seal));
    *out = s;
    return 0;
}

void
signin_free(struct signin *s)
{
    if (s == NULL)
        return;
    tdestroy(s->entries, free);
    tdestroy(s->addresses, free);
    tdestroy(s->used, free);
    OPENSSL_cleanse(s->seal, sizeof(s->seal));
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void
entry_read(const struct db_rows *r, struct login_row *o)
{
    *o = (struct login_row){.disabled = db_int(r, 2) == ROLE_NONE || db_int(r, 3) != 0,
                            .password_ms = db_int(r, 5),
                            .locked_until_ms = db_int(r, 6),
                            .expires_ms = db_int(r, 7)};
    (void)snprintf(o->login, sizeof(o->login), "%s", db_str(r, 0));
    (void)snprintf(o->account, sizeof(o->account), "%s", db_str(r, 1));
    (void)snprintf(o->hash, sizeof(o->hash), "%s", db_str(r, 4));
}

int
signin_load(struct signin *s, struct db *d, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_login_policy p;
    void *tree = NULL, *old;
    bool fresh;
    int rc;

    if (login_policy_in_force(d, &a, &p, e) < 0 ||
        db_query(d, DB_ACCOUNT_SIGNINS, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct login_row one;

        entry_read(r, &one);
        (void)put(&tree, &one, sizeof(one), &fresh);
    }
    if (rc < 0) {
        tdestroy(tree, free);
        return err_wrap(e, "passwords");
    }
    (void)pthread_mutex_lock(&s->lock);
    old = s->entries;
    s->entries = tree;
    (void)pthread_mutex_unlock(&s->lock);
    tdestroy(old, free);
    signin_policy(s, &p);
    return 0;
}

void
signin_policy(struct signin *s, const struct w_login_policy *p)
{
    (void)pthread_mutex_lock(&s->lock);
    s->policy = *p;
    s->policy.second_factor = NULL; /* not ours to keep */
    (void)pthread_mutex_unlock(&s->lock);
}

void
signin_rules(struct signin *s, struct w_login_policy *out)
{
    (void)pthread_mutex_lock(&s->lock);
    *out = s->policy;
    (void)pthread_mutex_unlock(&s->lock);
}

/* Failures are forgotten: the account was changed by somebody who may, or signed in. */
static void
entry_live(struct controller *c, void *arg)
{
    struct signin *s = c->signin;
    const struct login_row *fresh = arg;
    bool made;

    (void)pthread_mutex_lock(&s->lock);
    if (fresh->hash[0] == '\0') {
        drop(&s->entries, fresh->login);
    } else {
        struct login_row *e = put(&s->entries, fresh, sizeof(*fresh), &made);
        unsigned in_work = e->in_work;

        *e = *fresh;
        e->in_work = in_work;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

int
signin_refresh(struct tx *t, const char *account, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct login_row *fresh;

    if (DB_QUERY(t->d, DB_ACCOUNT_SIGNIN, &r, e, DBS(account)) < 0)
        return -1;
    if (db_next(r, e) != 1)
        return err_set(e, BY_E_BUG, "no account %s", account);
    fresh = arena_alloc(tx_arena(t), sizeof(*fresh));
    entry_read(r, fresh);
    commit_after(t, entry_live, fresh);
    return 0;
}

struct owner {
    const char *account;
    char *login;
    bool found;
};

static void
entry_owner(const void *node, VISIT which, void *arg)
{
    struct owner *o = arg;
    const struct login_row *one = *(const struct login_row *const *)node;

    if ((which != postorder && which != leaf) || strcmp(one->account, o->account) != 0)
        return;
    memcpy(o->login, one->login, W_NAME);
    o->found = true;
}

bool
signin_login(struct signin *s, const char *account, char login[W_NAME])
{
    struct owner o = {.account = account, .login = login};

    (void)pthread_mutex_lock(&s->lock);
    twalk_r(s->entries, entry_owner, &o);
    (void)pthread_mutex_unlock(&s->lock);
    return o.found;
}

/* ---- locks ---------------------------------------------------------------------------------- */

struct lock_note {
    char account[W_ID];
    unsigned failures;
    int64_t until_ms;
};

static int
lock_step(void *arg, struct tx *t, struct err *e)
{
    const struct lock_note *n = arg;
    char body[120];

    (void)snprintf(body, sizeof(body), "{\"failures\":%u,\"until_ms\":%" PRId64 "}", n->failures,
                   n->until_ms);
    if (DB_EXEC(t->d, DB_ACCOUNT_LOCK, NULL, e, DBI(n->until_ms), DBS(n->account)) < 0)
        return -1;
    if (ledger_append(t, "controller", "account.locked", n->account, body, e) < 0)
        return -1;
    return notice_add(t,
                      &(struct notice){.kind = NOTICE_ACCOUNT_LOCKED,
                                       .account = n->account,
                                       .subject = n->account,
                                       .title = ""},
                      e);
}

static void
lock_done(void *arg, const struct err *e)
{
    const struct lock_note *n = arg;

    if (e != NULL) /* in memory it is locked all the same */
        log_error("account.lock", "account=%s reason=" LOG_Q, n->account, e->msg);
    free(arg);
}

static void
lock_keep(struct controller *c, const struct lock_note *n)
{
    struct lock_note *copy = malloc(sizeof(*copy));
    struct err e = {0};

    if (copy == NULL)
        abort();
    *copy = *n;
    if (commit_submit(c->commit, lock_step, lock_done, copy, &e) < 0)
        lock_done(copy, &e);
}

/* ---- addresses ------------------------------------------------------------------------------ */

struct sweep {
    int64_t now_ms;
    char found[64][64];
    size_t n;
};

static void
address_old(const void *node, VISIT which, void *arg)
{
    struct sweep *w = arg;
    const struct address *a = *(const struct address *const *)node;

    if ((which == postorder || which == leaf) && w->n < ARRAY_LEN(w->found) &&
        a->since_ms + SIGNIN_ADDRESS_MS <= w->now_ms)
        memcpy(w->found[w->n++], a->peer, sizeof(a->peer));
}

/* Locked.  NULL when too many addresses are remembered: then none is let in by password before
 * the old ones are over, which is what a flood from everywhere deserves. */
static struct address *
address_of(struct signin *s, const char *peer, int64_t now_ms)
{
    struct address fresh = {.since_ms = now_ms}, *a;
    struct sweep w = {.now_ms = now_ms};
    void **at;
    bool made;

    (void)snprintf(fresh.peer, sizeof(fresh.peer), "%s", peer);
    at = tfind(fresh.peer, &s->addresses, key_cmp);
    if (at == NULL && s->n_addresses >= SIGNIN_ADDRESSES) {
        twalk_r(s->addresses, address_old, &w);
        for (size_t i = 0; i < w.n; i++)
            drop(&s->addresses, w.found[i]);
        s->n_addresses -= w.n;
        if (w.n == 0)
            return NULL;
    }
    a = put(&s->addresses, &fresh, sizeof(fresh), &made);
    s->n_addresses += made ? 1 : 0;
    if (a->since_ms + SIGNIN_ADDRESS_MS <= now_ms)
        *a = fresh;
    return a;
}

/* ---- one try -------------------------------------------------------------------------------- */

/* What goes from the beginning of a try to its end. */
struct one_try {
    const char *login, *peer;
    int64_t now_ms;
    char hash[PASSWORD_HASH]; /* "": nobody's, or not to be tried */
    bool right;
};

static void
entry_begin(struct login_row *one, unsigned limit, struct one_try *x)
{
    if (one->locked_until_ms != 0 && one->locked_until_ms <= x->now_ms)
        one->locked_until_ms = 0, one->failures = 0;
    if (one->locked_until_ms != 0 || one->failures + one->in_work >= limit)
        return;
    one->in_work++;
    memcpy(x->hash, one->hash, PASSWORD_HASH);
}

/* Counts the try before it is made. */
static int
try_begin(struct signin *s, struct one_try *x, struct err *e)
{
    struct address *a;
    void **at;
    int rc = 0;

    (void)pthread_mutex_lock(&s->lock);
    a = address_of(s, x->peer, x->now_ms);
    if (a == NULL || a->failures >= SIGNIN_OF_ADDRESS) {
        rc = err_set(e, BY_E_BUSY,
                     "too many sign-ins from this address have failed: try again in %d minutes",
                     SIGNIN_ADDRESS_MS / 60000);
    } else {
        a->failures++;
        at = tfind(x->login, &s->entries, key_cmp);
        if (at != NULL)
            entry_begin(*at, s->policy.failures, x);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

static void
entry_fail(struct signin *s, struct login_row *one, int64_t now_ms, struct lock_note *lock)
{
    if (++one->failures < s->policy.failures || one->locked_until_ms != 0)
        return;
    one->locked_until_ms = now_ms + s->policy.lock_minutes * INT64_C(60000);
    memcpy(lock->account, one->account, sizeof(lock->account));
    lock->failures = one->failures;
    lock->until_ms = one->locked_until_ms;
}

/* Of a try that was compared: does it count? */
static bool
entry_end(struct signin *s, struct login_row *one, const struct one_try *x, struct signin_pass *out,
          struct lock_note *lock)
{
    one->in_work -= one->in_work > 0 ? 1 : 0;
    if (!x->right)
        entry_fail(s, one, x->now_ms, lock);
    if (!x->right || one->disabled || one->locked_until_ms != 0 ||
        (one->expires_ms != 0 && one->expires_ms <= x->now_ms))
        return false;
    memcpy(out->account, one->account, sizeof(out->account));
    out->password_ms = one->password_ms;
    out->old = s->policy.max_age_days != 0 &&
               one->password_ms + s->policy.max_age_days * INT64_C(86400000) <= x->now_ms;
    return true;
}

static bool
try_end(struct signin *s, const struct one_try *x, struct signin_pass *out, struct lock_note *lock)
{
    void **at;
    bool ok = false;

    (void)pthread_mutex_lock(&s->lock);
    at = tfind(x->login, &s->entries, key_cmp);
    if (at != NULL && x->hash[0] != '\0')
        ok = entry_end(s, *at, x, out, lock);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

int
signin_try(struct controller *c, const char *login, const char *password, const char *peer,
           struct signin_pass *out, struct err *e)
{
    struct one_try x = {.login = login, .peer = peer, .now_ms = controller_now_ms(c)};
    struct lock_note lock = {0};
    bool ok;

    if (try_begin(c->signin, &x, e) < 0)
        return -1;
    x.right = password_matches(password, x.hash);
    ok = try_end(c->signin, &x, out, &lock);
    if (lock.until_ms != 0)
        lock_keep(c, &lock);
    return ok ? 0
              : err_set(e, BY_E_UNAUTHENTICATED,
                        "the login or the password is wrong, or the account may not sign in now: "
                        "after a few failures it is locked for a while; the security "
                        "administrator can unlock it");
}

void
signin_bad(struct controller *c, const char *login, int64_t now_ms)
{
    struct lock_note lock = {0};
    void **at;

    (void)pthread_mutex_lock(&c->signin->lock);
    at = tfind(login, &c->signin->entries, key_cmp);
    if (at != NULL)
        entry_fail(c->signin, *at, now_ms, &lock);
    (void)pthread_mutex_unlock(&c->signin->lock);
    if (lock.until_ms != 0)
        lock_keep(c, &lock);
}

void
signin_good(struct controller *c, const char *login, const char *peer)
{
    struct signin *s = c->signin;
    void **at;

    (void)pthread_mutex_lock(&s->lock);
    at = tfind(login, &s->entries, key_cmp);
    if (at != NULL)
        (*(struct login_row **)at)->failures = 0;
    at = tfind(peer, &s->addresses, key_cmp);
    if (at != NULL && (*(struct address **)at)->failures > 0)
        (*(struct address **)at)->failures--;
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- challenges ----------------------------------------------------------------------------- */

/* Nothing is kept of a challenge until it was answered: a nonce is a random word and the end of its
 * life, sealed with a key of this run for one store and login. */
static void
nonce_seal(struct controller *c, const char *word, const char *login, char mac[65])
{
    char text[300];

    (void)snprintf(text, sizeof(text), "%s %s %s", c->store, login, word);
    mac_sha256_hex(c->signin->seal, sizeof(c->signin->seal), text, mac);
}

void
signin_challenge(struct controller *c, const char *login, int64_t now_ms, char nonce[SIGNIN_NONCE],
                 int64_t *expires_ms)
{
    char random[64], mac[65], word[SIGNIN_NONCE - 66];

    *expires_ms = now_ms + SIGNIN_NONCE_MS;
    random_token("", random, sizeof(random));
    (void)snprintf(word, sizeof(word), "%s.%" PRId64, random, *expires_ms);
    nonce_seal(c, word, login, mac);
    (void)snprintf(nonce, SIGNIN_NONCE, "%.90s.%.64s", word, mac);
}

static int64_t
nonce_expires(const char *word)
{
    const char *dot = strchr(word, '.');

    return dot == NULL ? 0 : strtoll(dot + 1, NULL, 10);
}

bool
signin_nonce_ours(struct controller *c, const char *login, const char *nonce, int64_t now_ms)
{
    const char *dot = strrchr(nonce, '.');
    char word[SIGNIN_NONCE], mac[65];

    if (dot == NULL || strlen(dot + 1) != 64 || (size_t)(dot - nonce) >= sizeof(word))
        return false;
    (void)snprintf(word, sizeof(word), "%.*s", (int)(dot - nonce), nonce);
    nonce_seal(c, word, login, mac);
    return CRYPTO_memcmp(mac, dot + 1, 64) == 0 && nonce_expires(word) > now_ms;
}

struct used {
    char nonce[SIGNIN_NONCE];
    int64_t expires_ms;
};
struct used_over {
    int64_t now_ms;
    char (*found)[SIGNIN_NONCE];
    size_t n, max;
};

static void
used_old(const void *node, VISIT which, void *arg)
{
    struct used_over *w = arg;
    const struct used *u = *(const struct used *const *)node;

    if ((which == postorder || which == leaf) && w->n < w->max && u->expires_ms <= w->now_ms)
        memcpy(w->found[w->n++], u->nonce, sizeof(u->nonce));
}

bool
signin_nonce_use(struct controller *c, const char *nonce, int64_t now_ms)
{
    char found[16][SIGNIN_NONCE];
    struct used_over w = {.now_ms = now_ms, .found = found, .max = ARRAY_LEN(found)};
    struct used u = {.expires_ms = nonce_expires(nonce)};
    struct signin *s = c->signin;
    bool fresh = false;

    (void)snprintf(u.nonce, sizeof(u.nonce), "%s", nonce);
    (void)pthread_mutex_lock(&s->lock);
    twalk_r(s->used, used_old, &w); /* short: two minutes of answers that were right */
    for (size_t i = 0; i < w.n; i++)
        drop(&s->used, found[i]);
    s->n_used -= w.n;
    if (s->n_used < SIGNIN_USED)
        (void)put(&s->used, &u, sizeof(u), &fresh);
    s->n_used += fresh ? 1 : 0;
    (void)pthread_mutex_unlock(&s->lock);
    return fresh;
}
