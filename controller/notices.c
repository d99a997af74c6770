#include "controller/notices.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/notice_text.h"
#include "controller/paths.h"
#include "drivers/base/clock.h"
#include "drivers/base/fault.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"
#include "policies/retry.h"

enum { TICK_MS = 1000, ROUND_MAX = 16, ITEMS_MAX = 50, HOUR_MS = 3600000, SECRET_MAX = 4200 };

static const struct retry_rule again = {
    .base_ms = 30000, .cap_ms = 6 * (int64_t)HOUR_MS, .limit = NOTICE_ATTEMPTS};

struct way_out {
    struct notices *n;
    enum w_notice_channel channel;
    struct post post; /* ops NULL: this way is off */
    struct db *d;     /* of the thread */
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

static uint64_t
seed(void)
{
    uint64_t s;

    random_bytes(&s, sizeof(s));
    return s;
}

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

static int
one_int(struct db *d, enum db_stmt s, const char *id, int64_t *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, s, &r, e, DBS(id)) < 0 || db_next(r, e) != 1)
        return -1;
    *out = db_int(r, 0);
    return 0;
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
    if (one_int(t->d, DB_DELIVERY_LAST, account, &last, e) < 0)
        return -1;
    random_uuid(id);
    if (DB_EXEC(t->d, DB_DELIVERY_ADD, NULL, e, DBS(id), DBI(CHANNEL_MAIL), DBS(account),
                DBI(DELIVERY_WAITING), DBI(t->now_ms), DBI(notice_mail_at(t->now_ms, last)),
                DBS("")) < 0)
        return -1;
    return add_item(t, id, n->seq, e);
}

static int
to_hook(struct tx *t, const struct fresh *n, const char *hook, struct err *e)
{
    int64_t waiting;
    char id[W_ID];
    bool full;

    if (one_int(t->d, DB_DELIVERY_WAITING, hook, &waiting, e) < 0)
        return -1;
    full = waiting >= NOTICE_WAITING_MAX;
    random_uuid(id);
    if (DB_EXEC(t->d, DB_DELIVERY_ADD, NULL, e, DBS(id), DBI(CHANNEL_WEBHOOK), DBS(hook),
                DBI(full ? DELIVERY_DEAD : DELIVERY_WAITING), DBI(t->now_ms), DBI(t->now_ms),
                DBS(full ? "too many notices wait for this webhook" : "")) < 0)
        return -1;
    return add_item(t, id, n->seq, e);
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
                 DBI(n->role), DBI(n->role), DBS(n->unit), DBS(n->unit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && *count < READERS_MAX)
        if (notice_takes(db_str(r, 1), n->kind))
            (void)snprintf(out[(*count)++].id, W_ID, "%s", db_str(r, 0));
    return rc;
}

/* A notice about an account is its own, no hook's; a test of a hook names it. */
static int
hooks(struct tx *t, const struct fresh *n, struct target *out, size_t *count, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    *count = 0;
    if (db_query(t->d, DB_WEBHOOK_LIST, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && *count < HOOKS_MAX)
        if (n->kind == NOTICE_TEST ? strcmp(n->account, db_str(r, 0)) == 0
                                   : n->account[0] == '\0' && notice_takes(db_str(r, 3), n->kind))
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
        /* What is a day old when a way out is opened is not news. */
        bool news = list[i].at_ms > t->now_ms - 24 * (int64_t)HOUR_MS;

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

/* ---- sending ------------------------------------------------------------------------------- */

struct sending {
    struct controller *c;
    struct db *d;
    enum w_notice_channel channel;
    char id[W_ID], to[W_ID];
    uint32_t attempts; /* with this one */
    struct retry_verdict next;
    struct err *failed; /* NULL: it was taken */
    struct w_notices_record tally;
};

int
notices_secret_path(struct controller *c, const char *hook, char out[320], struct err *e)
{
    char file[120];

    (void)snprintf(file, sizeof(file), PATH_HOOKS_DIR "/%s.secret", hook);
    return paths_join(c->dir, file, out, 320, e);
}

/* The attempt counts before it is made, and what is in the delivery stays as it is from here on. */
static int
claim_step(void *arg, struct tx *t, struct err *e)
{
    struct sending *s = arg;

    return DB_EXEC(t->d, DB_DELIVERY_CLAIM, NULL, e,
                   DBI(s->next.give_up ? t->now_ms + HOUR_MS : s->next.next_ms), DBS(s->id));
}

/* A server that cannot be reached: what else waits for it waits with it. */
static int
postpone(struct sending *s, struct tx *t, struct err *e)
{
    if (s->channel != CHANNEL_WEBHOOK ||
        (s->failed->code != BY_E_IO && s->failed->code != BY_E_TIMEOUT))
        return 0;
    return DB_EXEC(t->d, DB_DELIVERY_POSTPONE, NULL, e, DBI(s->next.next_ms), DBS(s->to),
                   DBI(s->next.next_ms));
}

static int
mark_step(void *arg, struct tx *t, struct err *e)
{
    struct sending *s = arg;

    if (s->failed == NULL)
        return DB_EXEC(t->d, DB_DELIVERY_END, NULL, e, DBI(DELIVERY_SENT), DBI(t->now_ms), DBS(""),
                       DBS(s->id));
    if (s->next.give_up)
        return DB_EXEC(t->d, DB_DELIVERY_END, NULL, e, DBI(DELIVERY_DEAD), DBI(t->now_ms),
                       DBS(s->failed->msg), DBS(s->id));
    return DB_EXEC(t->d, DB_DELIVERY_FAILED, NULL, e, DBS(s->failed->msg), DBS(s->id)) < 0
               ? -1
               : postpone(s, t, e);
}

static int
tally_step(void *arg, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct sending *s = arg;

    s->tally.channel = (int)s->channel;
    jm_encode(schema_notices_record, &s->tally, &b);
    return ledger_append(t, "controller", "notices.sent", t->c->store, strbuf_peek(&b), e);
}

struct spec {
    int64_t more;
    char mail[130], hook[W_NAME], url[250];
    enum say_lang lang;
};

static int
spec_load(struct sending *s, struct spec *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(s->d, DB_DELIVERY_SPEC, &r, e, DBS(s->id)) < 0 || db_next(r, e) != 1)
        return -1;
    o->more = db_int(r, 0);
    (void)snprintf(o->mail, sizeof(o->mail), "%s", db_str(r, 1));
    o->lang = strcmp(db_str(r, 2), "en") == 0 ? SAY_EN : SAY_ZH;
    (void)snprintf(o->hook, sizeof(o->hook), "%s", db_str(r, 3));
    (void)snprintf(o->url, sizeof(o->url), "%s", db_str(r, 4));
    return 0;
}

/* The notices of the delivery; their texts are in the arena. */
static int
items_load(struct sending *s, struct arena *a, struct notice out[ITEMS_MAX], int64_t *at_ms,
           size_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    *n = 0;
    if (DB_QUERY(s->d, DB_DELIVERY_ITEMS, &r, e, DBS(s->id)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && *n < ITEMS_MAX) {
        out[(*n)++] = (struct notice){.kind = (enum notice_kind)db_int(r, 0),
                                      .title = arena_strdup(a, db_str(r, 1)),
                                      .due_ms = db_int(r, 2),
                                      .subject = arena_strdup(a, db_str(r, 3))};
        *at_ms = db_int(r, 4);
    }
    if (rc < 0)
        return -1;
    return *n > 0 ? 0 : err_set(e, BY_E_INVALID, "its notices are no longer kept");
}

static void
mail_body(struct sending *s, const struct spec *sp, const struct notice *list, size_t n,
          struct strbuf *subject, struct strbuf *b)
{
    enum say_lang l = sp->lang;
    const struct controller_config *conf = &s->c->conf;

    if (n == 1 && sp->more == 0)
        strbuf_addf(subject, "%s", say(l, notice_text(list[0].kind)));
    else
        strbuf_addf(subject, say(l, "%d notices of the government cloud"), (int)n + (int)sp->more);
    for (size_t i = 0; i < n; i++) {
        notice_line(l, &list[i], conf->utc_offset, b);
        strbuf_adds(b, "\r\n");
    }
    if (sp->more > 0) {
        strbuf_addf(b, say(l, "and %d more: see your inbox"), (int)sp->more);
        strbuf_adds(b, "\r\n");
    }
    if (conf->notice_link[0] != '\0')
        strbuf_addf(b, "\r\n%s\r\n", conf->notice_link);
}

static int
send_mail(struct sending *s, const struct post *p, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf subject = {0};
    SCOPED(strbuf) struct strbuf body = {0};
    struct notice list[ITEMS_MAX];
    struct spec sp;
    int64_t at_ms;
    size_t n;

    if (spec_load(s, &sp, e) < 0 || items_load(s, &a, list, &at_ms, &n, e) < 0)
        return -1;
    if (sp.mail[0] == '\0')
        return err_set(e, BY_E_INVALID, "the account wants no mail any more");
    mail_body(s, &sp, list, n, &subject, &body);
    return p->ops->send(p->self,
                        &(struct post_letter){.id = s->id,
                                              .to = sp.mail,
                                              .subject = strbuf_peek(&subject),
                                              .body = strbuf_peek(&body),
                                              .at_ms = s->c->wall_ms()},
                        e);
}

static void
hook_body(struct sending *s, const struct notice *n, int64_t at_ms, struct strbuf *b)
{
    SCOPED(strbuf) struct strbuf en = {0};
    SCOPED(strbuf) struct strbuf zh = {0};
    struct w_webhook_body out = {
        .kind = (int)n->kind, .at_ms = at_ms, .due_ms = n->due_ms, .link = s->c->conf.notice_link};

    memcpy(out.delivery, s->id, sizeof(out.delivery));
    (void)snprintf(out.subject, sizeof(out.subject), "%s", n->subject);
    (void)snprintf(out.title, sizeof(out.title), "%s", n->title);
    notice_line(SAY_EN, n, s->c->conf.utc_offset, &en);
    notice_line(SAY_ZH, n, s->c->conf.utc_offset, &zh);
    out.text_en = strbuf_peek(&en);
    out.text_zh = strbuf_peek(&zh);
    jm_encode(schema_webhook_body, &out, b);
}

static int
send_hook(struct sending *s, const struct post *p, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf body = {0};
    struct notice list[ITEMS_MAX];
    char path[320], secret[SECRET_MAX];
    struct spec sp;
    int64_t at_ms;
    size_t n, len;
    int rc;

    if (spec_load(s, &sp, e) < 0 || items_load(s, &a, list, &at_ms, &n, e) < 0)
        return -1;
    if (sp.url[0] == '\0')
        return err_set(e, BY_E_INVALID, "the webhook was removed");
    if (notices_secret_path(s->c, sp.hook, path, e) < 0 ||
        post_secret(path, secret, sizeof(secret), &len, e) < 0)
        return -1;
    hook_body(s, &list[0], at_ms, &body);
    rc = p->ops->send(p->self,
                      &(struct post_letter){.id = s->id,
                                            .to = sp.url,
                                            .body = strbuf_peek(&body),
                                            .secret = secret,
                                            .secret_len = len,
                                            .at_ms = s->c->wall_ms()},
                      e);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

/* 1 when there is one. */
static int
due(struct sending *s, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(s->d, DB_DELIVERY_DUE, &r, e, DBI(s->channel), DBI(s->c->wall_ms())) < 0)
        return -1;
    rc = db_next(r, e);
    if (rc != 1)
        return rc;
    (void)snprintf(s->id, sizeof(s->id), "%s", db_str(r, 0));
    (void)snprintf(s->to, sizeof(s->to), "%s", db_str(r, 1));
    s->attempts = (uint32_t)db_int(r, 2) + 1;
    s->next = retry_next(&again, s->attempts, true, s->c->wall_ms(), seed());
    return 1;
}

static int
send_one(struct sending *s, const struct post *p, struct err *failed, struct err *e)
{
    int rc;

    s->failed = NULL;
    if (commit_run(s->c->commit, claim_step, s, e) < 0)
        return -1;
    rc = s->channel == CHANNEL_MAIL ? send_mail(s, p, failed) : send_hook(s, p, failed);
    if (rc < 0) {
        s->failed = failed;
        log_warn("notice.failed", "channel=%s delivery=%s attempt=%u reason=" LOG_Q, p->ops->name,
                 s->id, s->attempts, failed->msg);
    }
    s->tally.sent += rc == 0;
    s->tally.failed += rc < 0 && !s->next.give_up;
    s->tally.dead += rc < 0 && s->next.give_up;
    if (fault_at(BY_FAULT_NOTICE_SENT) != FAULT_NONE)
        return err_set(e, BY_E_IO, "fault: after sending");
    return commit_run(s->c->commit, mark_step, s, e);
}

int
notices_send(struct controller *c, struct db *d, enum w_notice_channel ch, const struct post *p,
             unsigned *n, struct err *e)
{
    struct sending s = {.c = c, .d = d, .channel = ch};
    int rc;

    for (*n = 0; *n < ROUND_MAX; (*n)++) {
        struct err failed = {0};

        rc = due(&s, e);
        if (rc < 0)
            return -1;
        if (rc == 0)
            break;
        if (send_one(&s, p, &failed, e) < 0)
            return err_wrap(e, "delivery %s", s.id);
        /* The mail server is one for all: do not let each mail wait for it in turn. */
        if (ch == CHANNEL_MAIL && (failed.code == BY_E_IO || failed.code == BY_E_TIMEOUT)) {
            (*n)++;
            break;
        }
    }
    return *n == 0 ? 0 : commit_run(c->commit, tally_step, &s, e);
}

/* ---- what is over -------------------------------------------------------------------------- */

static int
drop_step(void *arg, struct tx *t, struct err *e)
{
    int64_t before = t->now_ms - NOTICE_KEEP_MS;

    (void)arg;
    return DB_EXEC(t->d, DB_DELIVERY_ITEM_DROP, NULL, e, DBI(before)) < 0 ||
                   DB_EXEC(t->d, DB_NOTICE_DROP, NULL, e, DBI(before)) < 0 ||
                   DB_EXEC(t->d, DB_DELIVERY_DROP, NULL, e, DBI(before)) < 0
               ? -1
               : 0;
}

/* ---- the threads --------------------------------------------------------------------------- */

static bool
wait_tick(struct notices *n)
{
    int64_t at = clock_mono_ms() + TICK_MS;
    struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000};
    bool stop;

    (void)pthread_mutex_lock(&n->lock);
    if (!n->stop)
        (void)pthread_cond_timedwait(&n->cond, &n->lock, &ts);
    stop = n->stop;
    (void)pthread_mutex_unlock(&n->lock);
    return !stop;
}

static void
round_of(struct way_out *w, int64_t *drop_ms)
{
    struct controller *c = w->n->c;
    struct err e = {0};
    unsigned n;
    int rc = 0;

    if (w->channel == CHANNEL_WEBHOOK) { /* the shorter waits: this thread spreads for both */
        rc = notices_spread(c, w->d, &e);
        if (rc == 0 && clock_mono_ms() >= *drop_ms) {
            rc = commit_run(c->commit, drop_step, NULL, &e);
            *drop_ms = clock_mono_ms() + HOUR_MS;
        }
    }
    if (rc == 0 && w->post.ops != NULL)
        rc = notices_send(c, w->d, w->channel, &w->post, &n, &e);
    if (rc < 0)
        log_error("notices.failed", "reason=" LOG_Q, e.msg);
}

static void *
way_main(void *arg)
{
    struct way_out *w = arg;
    int64_t drop_ms = clock_mono_ms() + HOUR_MS;

    while (wait_tick(w->n))
        round_of(w, &drop_ms);
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
        db_open(n->c->store_path, true, &w->d, e) < 0)
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
