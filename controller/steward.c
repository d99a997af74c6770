#include "controller/steward.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/ledger.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"

int
pool_get(struct db *d, const char *id, struct arena *a, struct pool_row *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    memset(o, 0, sizeof(*o));
    if (DB_QUERY(d, DB_POOL_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    db_copy(r, 0, o->id, sizeof(o->id));
    db_copy(r, 1, o->name, sizeof(o->name));
    db_copy(r, 2, o->class, sizeof(o->class));
    db_copy(r, 3, o->steward, sizeof(o->steward));
    db_copy(r, 4, o->steward_name, sizeof(o->steward_name));
    o->term = (uint64_t)db_int(r, 5);
    o->paper = arena_strdup(a, db_str(r, 6));
    o->since_ms = db_int(r, 7);
    return 1;
}

/* ---- the word ------------------------------------------------------------------------------- */

/* Every host of it looks again: it polls with the term that it holds. */
static int
pool_touch(struct tx *t, const char *pool, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_POOL_HOST_IDS, &r, e, DBS(pool)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (commit_touch_host(t, db_str(r, 0), e) < 0)
            return -1;
    return rc;
}

static void
word_of(const struct pool_row *p, int64_t now_ms, struct w_steward *s)
{
    memset(s, 0, sizeof(*s));
    s->version = 1;
    memcpy(s->pool, p->id, sizeof(s->pool));
    memcpy(s->host, p->steward, sizeof(s->host));
    memcpy(s->host_name, p->steward_name, sizeof(s->host_name));
    s->term = p->term;
    s->issued_at_ms = now_ms;
}

static void
steward_is(struct pool_row *p, const char *host, const char *host_name, uint64_t term, int64_t at)
{
    if (host != p->steward) { /* not the same anew */
        (void)snprintf(p->steward, sizeof(p->steward), "%s", host);
        (void)snprintf(p->steward_name, sizeof(p->steward_name), "%s", host_name);
    }
    p->term = term;
    p->since_ms = at;
}

/* The row has a new word: in the store, in the ledger, told to its hosts. */
static int
word_keep(struct tx *t, const char *actor, const char *act, const struct pool_row *p,
          const char *body, struct err *e)
{
    if (DB_EXEC(t->d, DB_POOL_STEWARD_SET, NULL, e, DBS(p->steward), DBS(p->steward_name),
                DBI(p->term), DBS(p->paper), DBI(p->since_ms), DBS(p->id)) < 0 ||
        ledger_append(t, actor, act, p->id, body, e) < 0)
        return -1;
    log_info(act, "pool=%s name=%s host=%s host_name=%s term=%llu", p->id, p->name, p->steward,
             p->steward_name, (unsigned long long)p->term);
    return pool_touch(t, p->id, e);
}

int
steward_name(struct tx *t, const char *actor, struct pool_row *p, const char *host,
             const char *host_name, struct err *e)
{
    SCOPED(strbuf) struct strbuf body = {0};
    struct w_steward s;

    steward_is(p, host, host_name, p->term + 1, t->now_ms);
    word_of(p, t->now_ms, &s);
    jm_encode(schema_steward, &s, &body);
    if (paper_sign(t->c->order_key, PAPER_STEWARD, strbuf_peek(&body), tx_arena(t), &p->paper, e) <
        0)
        return err_wrap(e, "steward of pool %s", p->name);
    return word_keep(t, actor, "pool.steward", p, strbuf_peek(&body), e);
}

/* ---- a pool that nobody told of before --------------------------------------------------------
 */

/* "pool-" and the beginning of its id; all of it where that is taken. */
static int
name_free(struct tx *t, struct pool_row *p, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    (void)snprintf(p->name, sizeof(p->name), "pool-%.8s", p->id);
    if (DB_QUERY(t->d, DB_POOL_BY_NAME, &r, e, DBS(p->name)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1)
        (void)snprintf(p->name, sizeof(p->name), "pool-%s", p->id);
    return 0;
}

/* Each is kept for good, with its term: no host makes them without end. */
static int
check_few(struct tx *t, const struct host_flow_row *h, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int n = 0, rc;

    if (DB_QUERY(t->d, DB_POOL_STEWARD_OF, &r, e, DBS(h->id), DBI(STEWARD_OF_MAX)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        n++;
    if (rc < 0 || n < STEWARD_OF_MAX)
        return rc;
    return err_set(e, BY_E_CONFLICT,
                   "host %s is the steward of %d shared pools already and tells of yet another: a "
                   "host is in one at a time. Name other stewards for those that there are: "
                   "bianyun pools set POOL --steward HOST",
                   h->name, n);
}

static int
pool_found(struct tx *t, const char *host, const char *id, struct pool_row *p, struct err *e)
{
    char body[120];

    memset(p, 0, sizeof(*p));
    (void)snprintf(p->id, sizeof(p->id), "%s", id);
    if (name_free(t, p, e) < 0 ||
        DB_EXEC(t->d, DB_POOL_ADD, NULL, e, DBS(p->id), DBS(p->name), DBS(""), DBS(""), DBI(0),
                DBS(""), DBI(0), DBI(t->now_ms)) < 0)
        return -1;
    (void)snprintf(body, sizeof(body), "{\"name\":\"%s\"}", p->name);
    return ledger_append(t, host, "pool.found", p->id, body, e);
}

/* ---- what a host holds ------------------------------------------------------------------------
 */

static int
word_refused(const struct host_flow_row *h, const char *pool, const char *why)
{
    log_warn("pool.steward_refused", "host=%s name=%s pool=%s reason=" LOG_Q, h->id, h->name, pool,
             why);
    return 0;
}

/* 1: it is ours, of this pool; 0: it counts nothing, and the log says why. */
static int
word_read(struct tx *t, const struct host_flow_row *h, const struct w_hello *in,
          struct w_steward *s)
{
    struct err why = {0};
    const char *body;

    if (controller_paper_check(t->c, in->steward, strlen(in->steward), PAPER_STEWARD, NULL,
                               KEY_ORDER, t->now_ms, tx_arena(t), &body, &why) < 0 ||
        W_DECODE(steward, body, strlen(body), JM_SIGNED, tx_arena(t), s, &why) < 0)
        return word_refused(h, in->pool, why.msg);
    if (strcmp(s->pool, in->pool) != 0)
        return word_refused(h, in->pool, "it is about another pool than the one that it sees");
    return 1;
}

/* Our own word beyond what the store has: it was restored from an older copy. */
static int
word_taken(struct tx *t, const struct host_flow_row *h, const struct w_hello *in,
           const struct w_steward *s, struct pool_row *p, bool *have, struct err *e)
{
    SCOPED(strbuf) struct strbuf body = {0};

    if (s->term > p->term + TERM_LEAP_MAX)
        return word_refused(h, in->pool, "its term is too far above the one that is known");
    if (!*have && pool_found(t, h->id, in->pool, p, e) < 0)
        return -1;
    *have = true;
    steward_is(p, s->host, s->host_name, s->term, s->issued_at_ms);
    p->paper = in->steward;
    jm_encode(schema_steward, s, &body);
    return word_keep(t, h->id, "pool.steward_proved", p, strbuf_peek(&body), e);
}

static int
word_heard(struct tx *t, const struct host_flow_row *h, const struct w_hello *in, bool recovery,
           struct pool_row *p, bool *have, struct err *e)
{
    struct w_steward s;

    if (in->steward == NULL || (*have && strcmp(in->steward, p->paper) == 0) ||
        word_read(t, h, in, &s) == 0)
        return 0;
    if (s.term > p->term)
        return word_taken(t, h, in, &s, p, have, e);
    /* Two words of one term, one of them from a time that was lost: the next term ends it. */
    if (s.term == p->term && strcmp(s.host, p->steward) != 0 && !recovery)
        return steward_name(t, "controller", p, p->steward, p->steward_name, e);
    return 0;
}

/* Signed by a key that is ours no more: hosts may not take it any longer. */
static bool
word_is_old(struct tx *t, const struct pool_row *p)
{
    struct w_envelope env;
    struct err e = {0};

    return paper_parse(p->paper, strlen(p->paper), tx_arena(t), &env, &e) < 0 ||
           strcmp(env.key, sigkey_id(t->c->order_key)) != 0;
}

int
steward_hello(struct tx *t, const struct host_flow_row *was, const struct w_hello *in,
              bool recovery, struct err *e)
{
    struct pool_row p;
    bool have;
    int rc;

    if (DB_EXEC(t->d, DB_POOL_TOLD, NULL, e, DBS(in->pool), DBS(was->id), DBS(in->pool)) < 0)
        return -1;
    if (in->pool[0] == '\0')
        return in->steward == NULL ? 0 : word_refused(was, "", "it tells of no shared pool");
    if ((rc = pool_get(t->d, in->pool, tx_arena(t), &p, e)) < 0)
        return -1;
    have = rc == 1;
    if (word_heard(t, was, in, recovery, &p, &have, e) < 0)
        return -1;
    if (recovery)
        return 0;
    if (have)
        return word_is_old(t, &p) ? steward_name(t, "controller", &p, p.steward, p.steward_name, e)
                                  : 0;
    return check_few(t, was, e) < 0 || pool_found(t, was->id, in->pool, &p, e) < 0
               ? -1
               : steward_name(t, "controller", &p, was->id, was->name, e);
}

/* ---- what hosts are told ------------------------------------------------------------------------
 */

/* As with orders: a host that never had one knows no key to check it with. */
static int
keys_with(struct db *d, struct arena *a, struct jm_list *keys, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_paper *p;
    int rc;

    if (keys->n > 0)
        return 0;
    if (db_query(d, DB_KEY_FLOW_NEWEST, NULL, 0, &r, e) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    p = arena_alloc(a, sizeof(*p));
    memset(p, 0, sizeof(*p));
    p->text = arena_strdup(a, db_str(r, 0));
    *keys = (struct jm_list){p, 1};
    return 0;
}

int
steward_news(struct db *d, const char *host, uint64_t held, struct arena *a,
             struct w_desired_answer *out, bool *news, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_POOL_WORD, &r, e, DBS(host)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || (uint64_t)db_int(r, 0) <= held)
        return 0;
    out->steward = arena_strdup(a, db_str(r, 1));
    *news = true;
    return keys_with(d, a, &out->keys, e);
}

int
steward_restate(struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct pool_row p, known;
    int rc;

    if (controller_recovery(t->c))
        return 0;
    if (db_query(t->d, DB_POOL_LOST, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        const char *host = arena_strdup(tx_arena(t), db_str(r, 1));
        const char *name = arena_strdup(tx_arena(t), db_str(r, 2));
        int have = pool_get(t->d, db_str(r, 0), tx_arena(t), &known, e);

        if (have < 0 || (have == 0 && (pool_found(t, host, db_str(r, 0), &p, e) < 0 ||
                                       steward_name(t, "controller", &p, host, name, e) < 0)))
            return -1;
    }
    return rc;
}
