#include "controller/notices.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/notice.h"
#include "controller/sender.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"

enum { TICK_MS = 1000, GLANCE_MS = 250, ITEMS_MAX = 50, HOUR_MS = 3600000, CACHE_KIB = 512 };

struct way_out {
    struct notices *n;
    enum w_notice_channel channel;
    struct post post; /* ops NULL: this way is off */
    struct db *d;     /* of the thread */
    struct sender *sender;
    pthread_t thread;
    bool started;
};

struct notices {
    struct controller *c;
    struct way_out mail, hooks;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop;
};

/* ---- from notices to deliveries ------------------------------------------------------------ */

struct fresh {
    int64_t seq, at_ms;
    enum notice_kind kind;
    int role;
    char unit[W_ID], account[W_ID];
};

struct target {
    char id[W_ID];
};

enum { READERS_MAX = 200, HOOKS_MAX = 64, FRESH_MAX = 50 };

static int
add_item(struct tx *t, const char *delivery, int64_t seq, struct err *e)
{
    return DB_EXEC(t->d, DB_DELIVERY_ITEM_ADD, NULL, e, DBS(delivery), DBI(seq));
}

/* When the newest mail to the account goes, or went.  What a clock that was wrong wrote is none. */
static int
last_mail(struct tx *t, const char *account, int64_t *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(t->d, DB_DELIVERY_LAST, &r, e, DBS(account),
                 DBI(controller_now_ms(t->c) + NOTICE_WAIT_MAX_MS)) < 0 ||
        db_next(r, e) != 1)
        return -1;
    *out = db_int(r, 0);
    return 0;
}

static int
delivery_add(struct tx *t, enum w_notice_channel ch, const char *to, int64_t next_ms,
             const char *dead, char id[W_ID], struct err *e)
{
    random_uuid(id);
    return DB_EXEC(t->d, DB_DELIVERY_ADD, NULL, e, DBS(id), DBI(ch), DBS(to),
                   DBI(dead[0] != '\0' ? DELIVERY_DEAD : DELIVERY_WAITING), DBI(t->now_ms),
                   DBI(next_ms), DBS(dead));
}

/* Into the mail that waits for this account, or a new one. */
static int
to_account(struct tx *t, const struct fresh *n, const char *account, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    char id[W_ID];
    int64_t last, items = 0;
    int rc;

    if (DB_QUERY(t->d, DB_DELIVERY_OPEN, &r, e, DBS(account)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1) {
        (void)snprintf(id, sizeof(id), "%s", db_str(r, 0));
        items = db_int(r, 1);
        db_rows_free(TAKE(r));
        return items < ITEMS_MAX ? add_item(t, id, n->seq, e)
                                 : DB_EXEC(t->d, DB_DELIVERY_MORE, NULL, e, DBS(id));
    }
    db_rows_free(TAKE(r));
    if (last_mail(t, account, &last, e) < 0 ||
        delivery_add(t, CHANNEL_MAIL, account, notice_mail_at(controller_now_ms(t->c), last), "",
                     id, e) < 0)
        return -1;
    return add_item(t, id, n->seq, e);
}

static int
to_hook(struct tx *t, const struct fresh *n, const char *hook, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    char id[W_ID];
    bool full;

    if (DB_QUERY(t->d, DB_DELIVERY_WAITING, &r, e, DBS(hook)) < 0 || db_next(r, e) != 1)
        return -1;
    full = db_int(r, 0) >= NOTICE_WAITING_MAX;
    db_rows_free(TAKE(r));
    if (delivery_add(t, CHANNEL_WEBHOOK, hook, controller_now_ms(t->c),
                     full ? "too many notices wait for this webhook" : "", id, e) < 0)
        return -1;
    return add_item(t, id, n->seq, e);
}

int
notices_test(struct tx *t, enum w_notice_channel ch, const char *to, char id[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const struct notice n = {.kind = NOTICE_TEST, .account = to, .subject = to, .title = ""};
    int64_t seq;

    if (notice_add(t, &n, e) < 0 || db_query(t->d, DB_NOTICE_LAST, NULL, 0, &r, e) < 0 ||
        db_next(r, e) != 1)
        return -1;
    seq = db_int(r, 0);
    db_rows_free(TAKE(r));
    return DB_EXEC(t->d, DB_NOTICE_SPREAD, NULL, e, DBI(seq)) < 0 ||
                   delivery_add(t, ch, to, controller_now_ms(t->c), "", id, e) < 0
               ? -1
               : add_item(t, id, seq, e);
}

static int
readers(struct tx *t, const struct fresh *n, struct target *out, size_t *count, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    *count = 0;
    if (t->c->conf.mail_server[0] == '\0')
        return 0;
    if (DB_QUERY(t->d, DB_NOTICE_READERS, &r, e, DBI(t->now_ms), DBS(n->account), DBS(n->account),
                 DBI(n->role), DBI(n->role), DBS(n->unit), DBS(n->unit), DBI(n->role),
                 DBS(n->unit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && *count < READERS_MAX)
        if (notice_takes(db_str(r, 1), n->kind))
            (void)snprintf(out[(*count)++].id, W_ID, "%s", db_str(r, 0));
    return rc;
}

/* A notice about an account is its own, no hook's; a county's was told the city too. */
static int
hooks(struct tx *t, const struct fresh *n, struct target *out, size_t *count, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    *count = 0;
    if (db_query(t->d, DB_WEBHOOK_LIST, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && *count < HOOKS_MAX)
        if (n->account[0] == '\0' && n->role != ROLE_COUNTY && notice_takes(db_str(r, 3), n->kind))
            (void)snprintf(out[(*count)++].id, W_ID, "%s", db_str(r, 0));
    return rc;
}

static int
spread_one(struct tx *t, const struct fresh *n, struct err *e)
{
    struct target to[READERS_MAX];
    size_t count;

    if (readers(t, n, to, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (to_account(t, n, to[i].id, e) < 0)
            return -1;
    if (hooks(t, n, to, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (to_hook(t, n, to[i].id, e) < 0)
            return -1;
    return 0;
}

static int
fresh_load(struct db *d, struct fresh *out, size_t *count, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    *count = 0;
    if (db_query(d, DB_NOTICE_NEW, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && *count < FRESH_MAX) {
        struct fresh *n = &out[(*count)++];

        n->seq = db_int(r, 0);
        n->at_ms = db_int(r, 1);
        n->kind = (enum notice_kind)db_int(r, 2);
        n->role = (int)db_int(r, 3);
        (void)snprintf(n->unit, sizeof(n->unit), "%s", db_str(r, 4));
        (void)snprintf(n->account, sizeof(n->account), "%s", db_str(r, 5));
    }
    return rc;
}

static int
spread_step(void *arg, struct tx *t, struct err *e)
{
    struct fresh list[FRESH_MAX];
    size_t n;

    (void)arg;
    if (fresh_load(t->d, list, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        /* What is a day old when a way out is opened is not news, but for a clock that jumped. */
        bool news = tx_clock_jumped(t) || list[i].at_ms > t->now_ms - 24 * (int64_t)HOUR_MS;

        if (DB_EXEC(t->d, DB_NOTICE_SPREAD, NULL, e, DBI(list[i].seq)) < 0 ||
            (news && spread_one(t, &list[i], e) < 0))
            return err_wrap(e, "notice %lld", (long long)list[i].seq);
    }
    return 0;
}

static int
hook_count(struct db *d, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (db_query(d, DB_WEBHOOK_COUNT, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    *n = db_int(r, 0);
    return 0;
}

int
notices_spread(struct controller *c, struct db *d, struct err *e)
{
    struct fresh list[FRESH_MAX];
    int64_t n_hooks;
    size_t n = FRESH_MAX;

    if (hook_count(d, &n_hooks, e) < 0)
        return -1;
    if (n_hooks == 0 && c->conf.mail_server[0] == '\0')
        return 0; /* no way out is open: the outbox alone */
    while (n == FRESH_MAX) {
        if (fresh_load(d, list, &n, e) < 0 ||
            (n > 0 && commit_run(c->commit, spread_step, NULL, e) < 0))
            return -1;
    }
    return 0;
}

/* ---- what is over -------------------------------------------------------------------------- */

static int
drop_step(void *arg, struct tx *t, struct err *e)
{
    int64_t before = t->now_ms - NOTICE_KEEP_MS;

    (void)arg;
    if (tx_clock_jumped(t))
        return 0; /* by such a clock nothing is old */
    return DB_EXEC(t->d, DB_DELIVERY_ITEM_DROP, NULL, e, DBI(before)) < 0 ||
                   DB_EXEC(t->d, DB_NOTICE_DROP, NULL, e, DBI(before)) < 0 ||
                   DB_EXEC(t->d, DB_DELIVERY_DROP, NULL, e, DBI(before)) < 0
               ? -1
               : 0;
}

/* ---- the threads --------------------------------------------------------------------------- */

static bool
wait_tick(struct notices *n, int ms)
{
    int64_t at = clock_mono_ms() + ms;
    struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000};
    bool stop;

    (void)pthread_mutex_lock(&n->lock);
    if (!n->stop && ms > 0)
        (void)pthread_cond_timedwait(&n->cond, &n->lock, &ts);
    stop = n->stop;
    (void)pthread_mutex_unlock(&n->lock);
    return !stop;
}

/* How many ended; -1: trouble with the store. */
static int
round_of(struct way_out *w, int64_t *drop_ms)
{
    struct controller *c = w->n->c;
    struct err e = {0};
    unsigned n = 0;
    int rc = 0;

    if (w->channel == CHANNEL_WEBHOOK) { /* the shorter waits: this thread spreads for both */
        rc = notices_spread(c, w->d, &e);
        if (rc == 0 && clock_mono_ms() >= *drop_ms) {
            rc = commit_run(c->commit, drop_step, NULL, &e);
            *drop_ms = clock_mono_ms() + HOUR_MS;
        }
    }
    if (rc == 0 && w->sender == NULL) /* here: only the threads run beside the writer */
        rc = sender_new(c, w->d, w->channel, &w->post, &w->sender, &e);
    if (rc == 0)
        rc = sender_round(w->sender, GLANCE_MS, &n, &e);
    if (rc < 0)
        log_error("notices.failed", "reason=" LOG_Q, e.msg);
    return rc < 0 ? -1 : (int)n;
}

static void *
way_main(void *arg)
{
    struct way_out *w = arg;
    int64_t drop_ms = clock_mono_ms() + HOUR_MS;

    int wait_ms = 0;

    /* While something is under way the sender itself waits. */
    while (wait_tick(w->n, wait_ms)) {
        int ended = round_of(w, &drop_ms);

        wait_ms = ended > 0 || (ended == 0 && sender_busy(w->sender)) ? 0 : TICK_MS;
    }
    return NULL;
}

static int
way_start(struct notices *n, struct way_out *w, enum w_notice_channel ch, struct err *e)
{
    const struct controller_config *conf = &n->c->conf;
    const struct post_config pc = {.server = conf->mail_server,
                                   .from = conf->mail_from,
                                   .login_file = conf->mail_login,
                                   .plain = conf->mail_plain,
                                   .ca_file = conf->notice_ca};

    w->n = n;
    w->channel = ch;
    if (ch == CHANNEL_MAIL && conf->mail_server[0] == '\0')
        return 0;
    if (ch == CHANNEL_MAIL && !notice_address_ok(conf->mail_from))
        return err_set(e, BY_E_INVALID,
                       "notices.mail_from is a mail address, as cloud@example.com");
    if ((ch == CHANNEL_MAIL ? post_mail_new(&pc, &w->post, e) : post_hook_new(&pc, &w->post, e)) <
            0 ||
        db_open(n->c->store_path, true, &w->d, e) < 0 || db_limit_cache(w->d, CACHE_KIB, e) < 0)
        return err_wrap(e, "notices");
    if (pthread_create(&w->thread, NULL, way_main, w) != 0)
        return err_set(e, BY_E_NOMEM, "no thread for notices");
    w->started = true;
    return 0;
}

int
notices_new(struct controller *c, struct notices **out, struct err *e)
{
    struct notices *n = calloc(1, sizeof(*n));
    pthread_condattr_t attr;

    if (n == NULL)
        return err_set(e, BY_E_NOMEM, "notices");
    n->c = c;
    (void)pthread_mutex_init(&n->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&n->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (way_start(n, &n->mail, CHANNEL_MAIL, e) < 0 ||
        way_start(n, &n->hooks, CHANNEL_WEBHOOK, e) < 0) {
        notices_free(n);
        return -1;
    }
    *out = n;
    return 0;
}

static void
way_end(struct way_out *w)
{
    if (w->started)
        (void)pthread_join(w->thread, NULL);
    post_clear(&w->post);
    sender_free(w->sender);
    db_free(w->d);
}

void
notices_free(struct notices *n)
{
    if (n == NULL)
        return;
    (void)pthread_mutex_lock(&n->lock);
    n->stop = true;
    (void)pthread_cond_broadcast(&n->cond);
    (void)pthread_mutex_unlock(&n->lock);
    way_end(&n->mail);
    way_end(&n->hooks);
    (void)pthread_cond_destroy(&n->cond);
    (void)pthread_mutex_destroy(&n->lock);
    free(n);
}
