#include "controller/auth.h"

#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/meta.h"
#include "drivers/base/arena.h"
#include "drivers/crypto/digest.h"

struct seen {
    char host[W_ID];
    int64_t at_ms;
};

struct auth {
    pthread_rwlock_t lock; /* of the trees; seen has its own, it is written by readers */
    void *sessions, *certs;
    void *ended; /* fingerprints of certificates that were revoked and have not expired */
    size_t n_sessions;
    char scrape[W_HASH]; /* "" none */
    pthread_mutex_t seen_lock;
    void *seen;
};

/* Each struct begins with its key. */
static int
auth_cmp(const void *x, const void *y)
{
    return strcmp(x, y);
}

static void *
auth_dup(const void *from, size_t size)
{
    void *p = malloc(size);

    if (p == NULL)
        abort(); /* as arena: a process without memory starts again */
    memcpy(p, from, size);
    return p;
}

/* True when it is new; an old one of the same key is replaced. */
static bool
auth_put(void **tree, const void *item, size_t size)
{
    void *copy = auth_dup(item, size);
    void **at = tsearch(copy, tree, auth_cmp);

    if (at == NULL)
        abort();
    if (*at == copy)
        return true;
    memcpy(*at, item, size);
    free(copy);
    return false;
}

static bool
auth_drop(void **tree, const char *key)
{
    void **at = tfind(key, tree, auth_cmp);
    void *item;

    if (at == NULL)
        return false;
    item = *at;
    (void)tdelete(key, tree, auth_cmp);
    free(item);
    return true;
}

int
auth_new(struct auth **out, struct err *e)
{
    struct auth *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    (void)pthread_rwlock_init(&a->lock, NULL);
    (void)pthread_mutex_init(&a->seen_lock, NULL);
    *out = a;
    return 0;
}

void
auth_free(struct auth *a)
{
    if (a == NULL)
        return;
    tdestroy(a->sessions, free);
    tdestroy(a->certs, free);
    tdestroy(a->ended, free);
    tdestroy(a->seen, free);
    (void)pthread_mutex_destroy(&a->seen_lock);
    (void)pthread_rwlock_destroy(&a->lock);
    free(a);
}

/* ---- from the store ------------------------------------------------------------------------- */

static int
auth_load_sessions(struct db *d, int64_t now_ms, void **tree, size_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_AUTH_SESSIONS, &r, e, DBI(now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct auth_session s = {.expires_ms = db_int(r, 1)};

        (void)snprintf(s.token_sha256, sizeof(s.token_sha256), "%s", db_str(r, 0));
        (void)snprintf(s.who.account, sizeof(s.who.account), "%s", db_str(r, 2));
        (void)snprintf(s.who.unit, sizeof(s.who.unit), "%s", db_str(r, 3));
        (void)snprintf(s.who.name, sizeof(s.who.name), "%s", db_str(r, 4));
        (void)snprintf(s.who.employer, sizeof(s.who.employer), "%s", db_str(r, 5));
        s.who.role = (enum w_role)db_int(r, 6);
        s.idle_ms = db_int(r, 7);
        s.used_ms = now_ms; /* what was before the start is not known */
        memcpy(s.who.session, s.token_sha256, sizeof(s.who.session));
        if (auth_put(tree, &s, sizeof(s)))
            (*n)++;
    }
    return rc;
}

static int
auth_load_certs(struct db *d, int64_t now_ms, void **tree, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_AUTH_CERTS, &r, e, DBI(now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct auth_cert c = {.incarnation = (uint64_t)db_int(r, 2), .not_after_ms = db_int(r, 3)};

        (void)snprintf(c.fingerprint, sizeof(c.fingerprint), "%s", db_str(r, 0));
        (void)snprintf(c.host, sizeof(c.host), "%s", db_str(r, 1));
        (void)auth_put(tree, &c, sizeof(c)); /* fingerprints are unique there */
    }
    return rc;
}

static void
auth_put_ended(void **tree, const char *fingerprint)
{
    char text[W_HASH];

    (void)snprintf(text, sizeof(text), "%.*s", W_HASH - 1, fingerprint);
    (void)auth_put(tree, text, sizeof(text));
}

static int
auth_load_ended(struct db *d, int64_t now_ms, void **tree, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_AUTH_CERTS_ENDED, &r, e, DBI(now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        auth_put_ended(tree, db_str(r, 0));
    return rc;
}

int
auth_load(struct auth *a, struct db *d, int64_t now_ms, struct err *e)
{
    SCOPED(arena) struct arena mem = {0};
    void *sessions = NULL, *certs = NULL, *ended = NULL, *old_sessions, *old_certs, *old_ended;
    const char *scrape = NULL;
    size_t n = 0;

    if (meta_get(d, META_SCRAPE, &mem, &scrape, e) < 0 ||
        auth_load_sessions(d, now_ms, &sessions, &n, e) < 0 ||
        auth_load_certs(d, now_ms, &certs, e) < 0 || auth_load_ended(d, now_ms, &ended, e) < 0) {
        tdestroy(sessions, free);
        tdestroy(certs, free);
        tdestroy(ended, free);
        return err_wrap(e, "sessions and certificates");
    }
    (void)pthread_rwlock_wrlock(&a->lock);
    old_sessions = a->sessions;
    old_certs = a->certs;
    old_ended = a->ended;
    a->sessions = sessions;
    a->certs = certs;
    a->ended = ended;
    a->n_sessions = n;
    (void)pthread_rwlock_unlock(&a->lock);
    auth_scrape_set(a, scrape == NULL ? "" : scrape);
    tdestroy(old_sessions, free);
    tdestroy(old_certs, free);
    tdestroy(old_ended, free);
    return 0;
}

/* ---- people --------------------------------------------------------------------------------- */

/* A reader may move used_ms on meanwhile. */
static bool
session_is_on(const struct auth_session *s, int64_t now_ms)
{
    return s->expires_ms > now_ms &&
           (s->idle_ms == 0 ||
            __atomic_load_n(&s->used_ms, __ATOMIC_RELAXED) + s->idle_ms > now_ms);
}

int
auth_session_find(struct auth *a, const char *token, int64_t now_ms, struct caller *out,
                  struct err *e)
{
    char key[W_HASH];
    void **at;
    bool ok = false;

    digest_sha256_hex(token, strlen(token), key);
    (void)pthread_rwlock_rdlock(&a->lock);
    at = tfind(key, &a->sessions, auth_cmp);
    if (at != NULL) {
        struct auth_session *s = *at;

        ok = session_is_on(s, now_ms);
        if (ok) {
            *out = s->who;
            __atomic_store_n(&s->used_ms, now_ms, __ATOMIC_RELAXED);
        }
    }
    (void)pthread_rwlock_unlock(&a->lock);
    if (ok)
        return 0;
    return err_set(e, BY_E_UNAUTHENTICATED,
                   "the session is unknown or has ended: sign in again, with your password or a "
                   "one-time token");
}

bool
auth_session_alive(struct auth *a, const char *token_sha256, int64_t now_ms)
{
    void **at;
    bool on;

    (void)pthread_rwlock_rdlock(&a->lock);
    at = tfind(token_sha256, &a->sessions, auth_cmp);
    on = at != NULL && session_is_on(*at, now_ms);
    (void)pthread_rwlock_unlock(&a->lock);
    return on;
}

void
auth_session_add(struct auth *a, const struct auth_session *s)
{
    (void)pthread_rwlock_wrlock(&a->lock);
    if (auth_put(&a->sessions, s, sizeof(*s)))
        a->n_sessions++;
    (void)pthread_rwlock_unlock(&a->lock);
}

void
auth_session_end(struct auth *a, const char *token_sha256)
{
    (void)pthread_rwlock_wrlock(&a->lock);
    if (auth_drop(&a->sessions, token_sha256))
        a->n_sessions--;
    (void)pthread_rwlock_unlock(&a->lock);
}

/* What a walk over a tree looks for; tdelete() is not allowed inside a walk. */
struct hunt {
    const char *want, *keep;
    int64_t now_ms;
    char (*found)[W_HASH];
    size_t n, max;
};

static void
auth_hunt_session(const void *node, VISIT which, void *arg)
{
    struct hunt *h = arg;
    const struct auth_session *s = *(const struct auth_session *const *)node;

    if ((which == postorder || which == leaf) && h->n < h->max &&
        strcmp(s->who.account, h->want) == 0 &&
        (h->keep == NULL || strcmp(s->token_sha256, h->keep) != 0))
        memcpy(h->found[h->n++], s->token_sha256, W_HASH);
}

static void
auth_hunt_ended(const void *node, VISIT which, void *arg)
{
    struct hunt *h = arg;
    const struct auth_session *s = *(const struct auth_session *const *)node;

    if ((which == postorder || which == leaf) && h->n < h->max && !session_is_on(s, h->now_ms))
        memcpy(h->found[h->n++], s->token_sha256, W_HASH);
}

static void
auth_hunt_cert(const void *node, VISIT which, void *arg)
{
    struct hunt *h = arg;
    const struct auth_cert *c = *(const struct auth_cert *const *)node;

    if ((which == postorder || which == leaf) && h->n < h->max && strcmp(c->host, h->want) == 0 &&
        (h->keep == NULL || strcmp(c->fingerprint, h->keep) != 0))
        memcpy(h->found[h->n++], c->fingerprint, W_HASH);
}

static void
auth_drop_sessions(struct auth *a, struct hunt h, void (*hunt)(const void *, VISIT, void *))
{
    char found[64][W_HASH];

    h.found = found;
    h.max = 64;
    do {
        h.n = 0;
        (void)pthread_rwlock_wrlock(&a->lock);
        twalk_r(a->sessions, hunt, &h);
        for (size_t i = 0; i < h.n; i++)
            if (auth_drop(&a->sessions, found[i]))
                a->n_sessions--;
        (void)pthread_rwlock_unlock(&a->lock);
    } while (h.n == h.max);
}

void
auth_account_end(struct auth *a, const char *account, const char *keep)
{
    auth_drop_sessions(a, (struct hunt){.want = account, .keep = keep}, auth_hunt_session);
}

void
auth_sweep(struct auth *a, int64_t now_ms)
{
    auth_drop_sessions(a, (struct hunt){.now_ms = now_ms}, auth_hunt_ended);
}

size_t
auth_session_count(struct auth *a)
{
    size_t n;

    (void)pthread_rwlock_rdlock(&a->lock);
    n = a->n_sessions;
    (void)pthread_rwlock_unlock(&a->lock);
    return n;
}

void
auth_scrape_set(struct auth *a, const char *token_sha256)
{
    (void)pthread_rwlock_wrlock(&a->lock);
    (void)snprintf(a->scrape, sizeof(a->scrape), "%s", token_sha256);
    (void)pthread_rwlock_unlock(&a->lock);
}

bool
auth_scrape_is(struct auth *a, const char *token)
{
    char hash[W_HASH];
    bool is;

    if (strncmp(token, AUTH_TOKEN_SCRAPE, strlen(AUTH_TOKEN_SCRAPE)) != 0)
        return false;
    digest_sha256_hex(token, strlen(token), hash);
    (void)pthread_rwlock_rdlock(&a->lock);
    is = strcmp(a->scrape, hash) == 0; /* of hashes: how far they agree tells nothing */
    (void)pthread_rwlock_unlock(&a->lock);
    return is;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static void
auth_host_spoke(struct auth *a, const char *host, int64_t now_ms)
{
    struct seen s = {.at_ms = now_ms};

    (void)snprintf(s.host, sizeof(s.host), "%s", host);
    (void)pthread_mutex_lock(&a->seen_lock);
    (void)auth_put(&a->seen, &s, sizeof(s)); /* replaced when there */
    (void)pthread_mutex_unlock(&a->seen_lock);
}

int64_t
auth_host_seen(struct auth *a, const char *host)
{
    int64_t at_ms = 0;
    void **at;

    (void)pthread_mutex_lock(&a->seen_lock);
    at = tfind(host, &a->seen, auth_cmp);
    if (at != NULL)
        at_ms = (*(struct seen **)at)->at_ms;
    (void)pthread_mutex_unlock(&a->seen_lock);
    return at_ms;
}

int
auth_cert_find(struct auth *a, const char *fingerprint, const char *uri, int64_t now_ms,
               struct caller *out, struct err *e)
{
    char expect[96];
    void **at = NULL;
    bool ok = false;

    (void)pthread_rwlock_rdlock(&a->lock);
    if (fingerprint != NULL && uri != NULL)
        at = tfind(fingerprint, &a->certs, auth_cmp);
    if (at != NULL) {
        const struct auth_cert *c = *at;

        (void)snprintf(expect, sizeof(expect), "bianyun:host:%s:%" PRIu64, c->host, c->incarnation);
        ok = c->not_after_ms > now_ms && strcmp(uri, expect) == 0;
        if (ok) {
            *out = (struct caller){.role = ROLE_NONE, .incarnation = c->incarnation};
            memcpy(out->host, c->host, sizeof(out->host));
        }
    }
    (void)pthread_rwlock_unlock(&a->lock);
    if (!ok)
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "this host's certificate is not in force: it was revoked, replaced or has "
                       "expired; enrol the host again");
    auth_host_spoke(a, out->host, now_ms);
    return 0;
}

/* A certificate in force whose host and incarnation a URI names. */
struct namesake {
    const char *uri;
    int64_t now_ms;
    struct caller *out;
    bool found;
};

static void
auth_hunt_uri(const void *node, VISIT which, void *arg)
{
    struct namesake *n = arg;
    const struct auth_cert *c = *(const struct auth_cert *const *)node;
    char expect[96];

    if ((which != postorder && which != leaf) || n->found || c->not_after_ms <= n->now_ms)
        return;
    (void)snprintf(expect, sizeof(expect), "bianyun:host:%s:%" PRIu64, c->host, c->incarnation);
    if (strcmp(n->uri, expect) != 0)
        return;
    n->found = true;
    *n->out = (struct caller){.role = ROLE_NONE, .incarnation = c->incarnation};
    memcpy(n->out->host, c->host, sizeof(n->out->host));
}

bool
auth_cert_lost(struct auth *a, const char *fingerprint, const char *uri, int64_t now_ms,
               struct caller *out)
{
    struct namesake n = {.uri = uri, .now_ms = now_ms, .out = out};

    if (fingerprint == NULL || uri == NULL)
        return false;
    (void)pthread_rwlock_rdlock(&a->lock);
    if (tfind(fingerprint, &a->ended, auth_cmp) == NULL &&
        tfind(fingerprint, &a->certs, auth_cmp) == NULL)
        twalk_r(a->certs, auth_hunt_uri, &n);
    (void)pthread_rwlock_unlock(&a->lock);
    return n.found;
}

void
auth_cert_add(struct auth *a, const struct auth_cert *c)
{
    (void)pthread_rwlock_wrlock(&a->lock);
    (void)auth_put(&a->certs, c, sizeof(*c));
    (void)pthread_rwlock_unlock(&a->lock);
}

void
auth_cert_end(struct auth *a, const char *fingerprint)
{
    (void)pthread_rwlock_wrlock(&a->lock);
    auth_put_ended(&a->ended, fingerprint);
    (void)auth_drop(&a->certs, fingerprint); /* there or not, it is ended */
    (void)pthread_rwlock_unlock(&a->lock);
}

void
auth_host_end(struct auth *a, const char *host, const char *keep,
              void (*gone)(void *arg, const char *fingerprint), void *arg)
{
    char found[16][W_HASH];
    struct hunt h;

    do {
        h = (struct hunt){.want = host, .keep = keep, .found = found, .max = 16};
        (void)pthread_rwlock_wrlock(&a->lock);
        twalk_r(a->certs, auth_hunt_cert, &h);
        for (size_t i = 0; i < h.n; i++) {
            auth_put_ended(&a->ended, found[i]);
            (void)auth_drop(&a->certs, found[i]); /* just found */
        }
        (void)pthread_rwlock_unlock(&a->lock);
        for (size_t i = 0; i < h.n && gone != NULL; i++)
            gone(arg, found[i]);
    } while (h.n == h.max);
}
