#include "controller/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/notice_text.h"
#include "controller/paths.h"
#include "drivers/base/fault.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"
#include "policies/retry.h"

enum {
    HOUR_MS = 3600000,
    ITEMS_MAX = 50,
    SECRET_MAX = 4200,
    TALLY_MAX = 16,      /* of one entry of the ledger, */
    TALLY_MS = 10000,    /* or so long */
    PAUSE_MS = 1000,     /* after a mail server was not reached */
    CLOCK_FALL_MS = 5000 /* smaller ones are of no account here */
};

struct trip {
    bool ended, ok;
    char id[W_ID], to[W_ID];
    uint32_t attempts; /* with this one */
    struct err failed;
    char answer[POST_ANSWER];
};

struct sender {
    struct controller *c;
    struct db *d;
    enum w_notice_channel channel;
    const struct post *post;
    struct trip *trips[POST_FLIGHTS];
    size_t n, claimed; /* claimed: from here on, of this round */
    int64_t wall_ms, mono_ms;
    int64_t pause_until_ms; /* mono */
    struct w_notices_record tally;
    int64_t tally_ms; /* mono; of its first */
};

int
sender_secret_path(struct controller *c, const char *hook, char out[320], struct err *e)
{
    char file[120];

    (void)snprintf(file, sizeof(file), PATH_HOOKS_DIR "/%s.secret", hook);
    return paths_join(c->dir, file, out, 320, e);
}

/* ---- what a letter says -------------------------------------------------------------------- */

struct spec {
    int64_t more;
    char mail[130], hook[W_NAME], url[250];
    enum say_lang lang;
};

static int
spec_load(struct sender *s, const char *id, struct spec *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(s->d, DB_DELIVERY_SPEC, &r, e, DBS(id)) < 0 || db_next(r, e) != 1)
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
items_load(struct sender *s, const char *id, struct arena *a, struct notice out[ITEMS_MAX],
           int64_t *at_ms, size_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    *n = 0;
    if (DB_QUERY(s->d, DB_DELIVERY_ITEMS, &r, e, DBS(id)) < 0)
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
mail_body(struct sender *s, const struct spec *sp, const struct notice *list, size_t n,
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

static void
hook_body(struct sender *s, const char *id, const struct notice *n, int64_t at_ms, struct strbuf *b)
{
    SCOPED(strbuf) struct strbuf en = {0};
    SCOPED(strbuf) struct strbuf zh = {0};
    struct w_webhook_body out = {
        .kind = (int)n->kind, .at_ms = at_ms, .due_ms = n->due_ms, .link = s->c->conf.notice_link};

    memcpy(out.delivery, id, sizeof(out.delivery));
    (void)snprintf(out.subject, sizeof(out.subject), "%s", n->subject);
    (void)snprintf(out.title, sizeof(out.title), "%s", n->title);
    notice_line(SAY_EN, n, s->c->conf.utc_offset, &en);
    notice_line(SAY_ZH, n, s->c->conf.utc_offset, &zh);
    out.text_en = strbuf_peek(&en);
    out.text_zh = strbuf_peek(&zh);
    jm_encode(schema_webhook_body, &out, b);
}

static void
arrived(void *arg, const char *answer, const struct err *failed)
{
    struct trip *t = arg;

    t->ended = true;
    t->ok = failed == NULL;
    if (failed != NULL)
        t->failed = *failed;
    (void)snprintf(t->answer, sizeof(t->answer), "%s", answer);
}

static int
start_mail(struct sender *s, struct trip *t, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf subject = {0};
    SCOPED(strbuf) struct strbuf body = {0};
    struct notice list[ITEMS_MAX];
    struct spec sp;
    int64_t at_ms;
    size_t n;

    if (spec_load(s, t->id, &sp, e) < 0 || items_load(s, t->id, &a, list, &at_ms, &n, e) < 0)
        return -1;
    if (sp.mail[0] == '\0')
        return err_set(e, BY_E_INVALID, "the account wants no mail any more");
    mail_body(s, &sp, list, n, &subject, &body);
    return s->post->ops->start(s->post->self,
                               &(struct post_letter){.id = t->id,
                                                     .to = sp.mail,
                                                     .subject = strbuf_peek(&subject),
                                                     .body = strbuf_peek(&body),
                                                     .at_ms = controller_now_ms(s->c)},
                               arrived, t, e);
}

static int
start_hook(struct sender *s, struct trip *t, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf body = {0};
    struct notice list[ITEMS_MAX];
    char path[320], secret[SECRET_MAX];
    struct spec sp;
    int64_t at_ms;
    size_t n, len;
    int rc;

    if (spec_load(s, t->id, &sp, e) < 0 || items_load(s, t->id, &a, list, &at_ms, &n, e) < 0)
        return -1;
    if (sp.url[0] == '\0')
        return err_set(e, BY_E_INVALID, "the webhook was removed");
    if (sender_secret_path(s->c, sp.hook, path, e) < 0 ||
        post_secret(path, secret, sizeof(secret), &len, e) < 0)
        return -1;
    hook_body(s, t->id, &list[0], at_ms, &body);
    rc = s->post->ops->start(s->post->self,
                             &(struct post_letter){.id = t->id,
                                                   .to = sp.url,
                                                   .body = strbuf_peek(&body),
                                                   .secret = secret,
                                                   .secret_len = len,
                                                   .at_ms = controller_now_ms(s->c)},
                             arrived, t, e);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

/* ---- claim and start ----------------------------------------------------------------------- */

static bool
under_way(const struct sender *s, const char *to)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->channel == CHANNEL_MAIL || strcmp(s->trips[i]->to, to) == 0)
            return true;
    return false;
}

/* The next delivery of everybody for whom nothing is under way: trips from s->claimed on. */
static int
due(struct sender *s, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    s->claimed = s->n;
    if (DB_QUERY(s->d, s->channel == CHANNEL_MAIL ? DB_DELIVERY_DUE_MAIL : DB_DELIVERY_DUE_HOOK, &r,
                 e, DBI(controller_now_ms(s->c))) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && s->n < POST_FLIGHTS) {
        struct trip *t;

        if (under_way(s, db_str(r, 1)))
            continue;
        t = calloc(1, sizeof(*t));
        if (t == NULL)
            return err_set(e, BY_E_NOMEM, "out of memory");
        (void)snprintf(t->id, sizeof(t->id), "%s", db_str(r, 0));
        (void)snprintf(t->to, sizeof(t->to), "%s", db_str(r, 1));
        t->attempts = (uint32_t)db_int(r, 2) + 1;
        s->trips[s->n++] = t;
    }
    return rc < 0 ? -1 : 0;
}

/* Forget trips from the i-th on. */
static void
forget(struct sender *s, size_t i)
{
    while (s->n > i)
        free(s->trips[--s->n]);
}

/* The attempt counts before it is made, and what is in the delivery stays as it is from here on.
 * Should nobody be there to write down how it went: again in an hour. */
static int
claim_step(void *arg, struct tx *t, struct err *e)
{
    struct sender *s = arg;

    for (size_t i = s->claimed; i < s->n; i++)
        if (DB_EXEC(t->d, DB_DELIVERY_CLAIM, NULL, e, DBI(controller_now_ms(t->c)),
                    DBI(controller_now_ms(t->c) + HOUR_MS), DBS(s->trips[i]->id)) < 0)
            return -1;
    return 0;
}

static int
start_due(struct sender *s, struct err *e)
{
    if (s->c->mono_ms() < s->pause_until_ms)
        return 0;
    if (due(s, e) < 0 || (s->n > s->claimed && commit_run(s->c->commit, claim_step, s, e) < 0)) {
        forget(s, s->claimed);
        return -1;
    }
    if (s->n > s->claimed && fault_at(BY_FAULT_NOTICE_CLAIM) != FAULT_NONE) {
        forget(s, s->claimed);
        return err_set(e, BY_E_IO, "fault: before sending");
    }
    for (size_t i = s->claimed; i < s->n; i++) {
        struct trip *t = s->trips[i];
        struct err failed = {0};

        if ((s->channel == CHANNEL_MAIL ? start_mail : start_hook)(s, t, &failed) < 0)
            arrived(t, "", &failed);
    }
    return 0;
}

/* ---- how it went --------------------------------------------------------------------------- */

static bool
unreached(const struct trip *t)
{
    return !t->ok && (t->failed.code == BY_E_IO || t->failed.code == BY_E_TIMEOUT);
}

/* A receiver that cannot be reached: what else waits for it waits with it, until it is there. */
static int
others(struct sender *s, const struct trip *t, struct tx *tx, int64_t next_ms, struct err *e)
{
    if (s->channel != CHANNEL_WEBHOOK)
        return 0;
    if (t->ok)
        return DB_EXEC(tx->d, DB_DELIVERY_SOONER, NULL, e, DBI(controller_now_ms(tx->c)),
                       DBS(t->to), DBI(controller_now_ms(tx->c)));
    return unreached(t) ? DB_EXEC(tx->d, DB_DELIVERY_POSTPONE, NULL, e, DBI(next_ms), DBS(t->to),
                                  DBI(next_ms))
                        : 0;
}

static int
mark_one(struct sender *s, struct trip *t, struct tx *tx, struct err *e)
{
    const struct retry_rule again = {.base_ms = 30000,
                                     .cap_ms = 6 * (int64_t)HOUR_MS,
                                     .limit = unreached(t) ? NOTICE_ATTEMPTS : NOTICE_REFUSALS};
    int64_t now = controller_now_ms(tx->c);
    struct retry_verdict v = {0};
    uint64_t seed;

    random_bytes(&seed, sizeof(seed));
    if (!t->ok)
        v = retry_next(&again, t->attempts, true, now, seed);
    s->tally.sent += t->ok;
    s->tally.failed += !t->ok && !v.give_up;
    s->tally.dead += !t->ok && v.give_up;
    if (t->ok || v.give_up)
        return DB_EXEC(tx->d, DB_DELIVERY_END, NULL, e, DBI(t->ok ? DELIVERY_SENT : DELIVERY_DEAD),
                       DBI(now), DBS(t->ok ? "" : t->failed.msg), DBS(t->answer), DBS(t->id)) < 0
                   ? -1
                   : others(s, t, tx, now, e);
    return DB_EXEC(tx->d, DB_DELIVERY_FAILED, NULL, e, DBI(v.next_ms), DBS(t->failed.msg),
                   DBS(t->answer), DBS(t->id)) < 0
               ? -1
               : others(s, t, tx, v.next_ms, e);
}

static int
mark_step(void *arg, struct tx *t, struct err *e)
{
    struct sender *s = arg;
    struct w_notices_record before = s->tally;

    for (size_t i = 0; i < s->n; i++)
        if (s->trips[i]->ended && mark_one(s, s->trips[i], t, e) < 0) {
            s->tally = before;
            return -1;
        }
    return 0;
}

/* Trips that ended are over, whether that could be written down or not. */
static unsigned
forget_ended(struct sender *s)
{
    unsigned ended = 0;

    for (size_t i = 0; i < s->n;) {
        struct trip *t = s->trips[i];

        if (!t->ended) {
            i++;
            continue;
        }
        ended++;
        if (s->channel == CHANNEL_MAIL && unreached(t))
            s->pause_until_ms = s->c->mono_ms() + PAUSE_MS;
        if (!t->ok)
            log_warn("notice.failed", "channel=%s delivery=%s attempt=%u reason=" LOG_Q,
                     s->post->ops->name, t->id, t->attempts, t->failed.msg);
        free(t);
        s->trips[i] = s->trips[--s->n];
    }
    return ended;
}

static int
mark(struct sender *s, unsigned *n, struct err *e)
{
    bool any = false;
    int rc;

    for (size_t i = 0; i < s->n; i++)
        any = any || s->trips[i]->ended;
    if (!any)
        return 0;
    rc = fault_at(BY_FAULT_NOTICE_SENT) != FAULT_NONE ? err_set(e, BY_E_IO, "fault: after sending")
                                                      : commit_run(s->c->commit, mark_step, s, e);
    *n = forget_ended(s);
    return rc;
}

static int
tally_step(void *arg, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct sender *s = arg;

    jm_encode(schema_notices_record, &s->tally, &b);
    return ledger_append(t, "controller", "notices.sent", t->c->store, strbuf_peek(&b), e);
}

static int
tally(struct sender *s, struct err *e)
{
    uint32_t n = s->tally.sent + s->tally.failed + s->tally.dead;

    if (n == 0 || s->tally_ms == 0)
        s->tally_ms = s->c->mono_ms();
    if (n == 0 || (s->n > 0 && n < TALLY_MAX && s->c->mono_ms() < s->tally_ms + TALLY_MS))
        return 0;
    if (commit_run(s->c->commit, tally_step, s, e) < 0)
        return -1;
    s->tally = (struct w_notices_record){.channel = (int)s->channel};
    s->tally_ms = 0;
    return 0;
}

/* ---- clocks -------------------------------------------------------------------------------- */

static int
recover_step(void *arg, struct tx *t, struct err *e)
{
    struct sender *s = arg;
    int64_t now = controller_now_ms(t->c);

    return DB_EXEC(t->d, DB_DELIVERY_LOST, NULL, e, DBI(now), DBI(s->channel)) < 0
               ? -1
               : DB_EXEC(t->d, DB_DELIVERY_FROM, NULL, e, DBI(now), DBI(s->channel),
                         DBI(now + NOTICE_WAIT_MAX_MS));
}

static int
fall_step(void *arg, struct tx *t, struct err *e)
{
    const struct sender *s = arg;
    int64_t now = controller_now_ms(t->c);

    return DB_EXEC(t->d, DB_DELIVERY_FROM, NULL, e, DBI(now), DBI(s->channel), DBI(now));
}

/* Waits were counted by a clock that has fallen: all that waits is due. */
static int
clock_fall(struct sender *s, struct err *e)
{
    int64_t wall = controller_now_ms(s->c), mono = s->c->mono_ms();
    int64_t fall = (mono - s->mono_ms) - (wall - s->wall_ms);

    s->wall_ms = wall;
    s->mono_ms = mono;
    return fall > CLOCK_FALL_MS ? commit_run(s->c->commit, fall_step, s, e) : 0;
}

/* -------------------------------------------------------------------------------------------- */

int
sender_new(struct controller *c, struct db *d, enum w_notice_channel ch, const struct post *p,
           struct sender **out, struct err *e)
{
    struct sender *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    *s = (struct sender){.c = c,
                         .d = d,
                         .channel = ch,
                         .post = p,
                         .wall_ms = controller_now_ms(c),
                         .mono_ms = c->mono_ms(),
                         .tally = {.channel = (int)ch}};
    if (commit_run(c->commit, recover_step, s, e) < 0) {
        sender_free(s);
        return -1;
    }
    *out = s;
    return 0;
}

void
sender_free(struct sender *s)
{
    if (s == NULL)
        return;
    forget(s, 0);
    free(s);
}

bool
sender_busy(const struct sender *s)
{
    return s->n > 0;
}

int
sender_round(struct sender *s, int wait_ms, unsigned *n, struct err *e)
{
    bool waits = false;

    *n = 0;
    if (clock_fall(s, e) < 0 || start_due(s, e) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        waits = waits || !s->trips[i]->ended;
    if (waits)
        s->post->ops->run(s->post->self, wait_ms);
    return mark(s, n, e) < 0 ? -1 : tally(s, e);
}
