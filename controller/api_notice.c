/* Notices: what I am told, the outbox, webhooks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/listing.h"
#include "controller/notice.h"
#include "controller/notices.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "controller/sender.h"
#include "drivers/crypto/digest.h"

enum { OUTBOX_PAGE = 100, HOOKS_MAX = 64 };

/* ---- what I am told ------------------------------------------------------------------------ */

int
api_notice_settings_get(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_notice_settings *out = k->out;
    int rc;

    out->lang = LANG_ZH;
    out->kinds = "";
    if (DB_QUERY(t->d, DB_NOTICE_SETTING_GET, &r, e, DBS(k->who.account)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    (void)snprintf(out->mail, sizeof(out->mail), "%s", db_str(r, 0));
    out->lang = strcmp(db_str(r, 1), "en") == 0 ? LANG_EN : LANG_ZH;
    out->kinds = arena_strdup(k->a, db_str(r, 2));
    return 0;
}

static int
kinds_check(const char *kinds, struct err *e)
{
    return kinds == NULL || notice_kinds_ok(kinds)
               ? 0
               : err_field(e, BY_E_INVALID, "kinds",
                           "kinds of notices, with commas and no blanks between: "
                           "case_waits,reminder,…; empty names all");
}

int
api_notice_settings_set(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_notice_settings *in = k->in;
    struct w_notice_settings *out = k->out;
    const char *kinds = in->kinds == NULL ? "" : in->kinds;
    int lang = in->lang == LANG_NONE ? LANG_ZH : in->lang;

    if (in->mail[0] != '\0' && !notice_address_ok(in->mail))
        return err_field(e, BY_E_INVALID, "mail", "one plain mail address: name@domain");
    if (kinds_check(kinds, e) < 0 ||
        DB_EXEC(t->d, DB_NOTICE_SETTING_SET, NULL, e, DBS(k->who.account), DBS(in->mail),
                DBS(w_lang_names[lang]), DBS(kinds), DBI(t->now_ms)) < 0)
        return -1;
    memcpy(out, in, sizeof(*out));
    out->request[0] = '\0';
    out->lang = lang;
    out->kinds = kinds;
    /* A first mail shows whether the address is right. */
    if (in->mail[0] != '\0' && notice_add(t,
                                          &(struct notice){.kind = NOTICE_TEST,
                                                           .account = k->who.account,
                                                           .subject = k->who.account,
                                                           .title = ""},
                                          e) < 0)
        return -1;
    /* The address itself is nobody else's business. */
    return ledger_append(t, k->who.account, "notices.set", k->who.account,
                         in->mail[0] != '\0' ? "{\"mail\":true}" : "{\"mail\":false}", e);
}

/* ---- the outbox ---------------------------------------------------------------------------- */

static void
fill(const struct db_rows *r, struct arena *a, struct w_delivery *o)
{
    (void)snprintf(o->id, sizeof(o->id), "%s", db_str(r, 0));
    o->channel = (int)db_int(r, 1);
    (void)snprintf(o->to, sizeof(o->to), "%s", db_str(r, 2));
    o->state = (int)db_int(r, 3);
    o->attempts = (uint32_t)db_int(r, 4);
    o->made_at_ms = db_int(r, 5);
    o->next_at_ms = o->state == DELIVERY_WAITING ? db_int(r, 6) : 0;
    o->error = arena_strdup(a, db_str(r, 7));
    o->kind = (int)db_int(r, 8);
    (void)snprintf(o->title, sizeof(o->title), "%s", db_str(r, 9));
    o->due_ms = db_int(r, 10);
    o->notices = (uint32_t)(db_int(r, 11) + db_int(r, 12));
    o->sending = db_int(r, 13) != 0;
    o->tried_at_ms = db_int(r, 14);
    o->answer = arena_strdup(a, db_str(r, 15));
}

int
api_notice_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_delivery_list *out = k->out;
    int state = param_word(k, "state"), rc;
    struct paging p;

    if (PAGING_OPEN(&p, k, out, delivery, INT64_MAX, e) < 0 ||
        DB_QUERY(t->d, DB_DELIVERY_PAGE, &r, e, DBI(state), DBI(state), DBI(p.from.n),
                 DBS(p.from.id), DBI(p.from.limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_delivery *to = paging_add(&p, db_int(r, 5), db_str(r, 0), "");

        if (to != NULL)
            fill(r, k->a, to);
    }
    return rc;
}

int
api_notice_get(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_DELIVERY_VIEW, &r, e, DBS(k->id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no delivery %s: the outbox keeps 30 days",
                       k->id);
    fill(r, k->a, k->out);
    return 0;
}

int
api_notice_retry(struct api_call *k, struct tx *t, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(t->d, DB_DELIVERY_RETRY, &changed, e, DBI(controller_now_ms(t->c)), DBS(k->id)) < 0)
        return -1;
    if (changed == 0)
        return err_set(e, BY_E_NOT_FOUND,
                       "nothing that waits or was given up has the id %s, or it is under way at "
                       "this moment: notices list",
                       k->id);
    k->status = 204;
    return ledger_append(t, k->who.account, "notices.retried", k->id, "{}", e);
}

int
api_notice_retry_dead(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_notice_retried *out = k->out;
    int changed = 0;

    if (DB_EXEC(t->d, DB_DELIVERY_RETRY_DEAD, &changed, e, DBI(controller_now_ms(t->c))) < 0)
        return -1;
    out->notices = (uint32_t)changed;
    jm_encode(schema_notice_retried, out, &b);
    return ledger_append(t, k->who.account, "notices.retried", t->c->store, strbuf_peek(&b), e);
}

/* A test leaves at once, on its own; who asked follows it by its id. */
static int
test_out(struct api_call *k, struct tx *t, enum w_notice_channel ch, const char *to, struct err *e)
{
    struct w_delivery *out = k->out;

    if (notices_test(t, ch, to, out->id, e) < 0)
        return -1;
    out->channel = (int)ch;
    out->state = DELIVERY_WAITING;
    out->made_at_ms = t->now_ms;
    out->kind = NOTICE_TEST;
    out->notices = 1;
    return ledger_append(t, k->who.account,
                         ch == CHANNEL_MAIL ? "notices.tested" : "webhook.tested", to, "{}", e);
}

int
api_notice_test(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (t->c->conf.mail_server[0] == '\0')
        return err_set(e, BY_E_CONFLICT,
                       "no mail leaves this controller: set mail_server in section notices of its "
                       "configuration, and start it again");
    if (DB_QUERY(t->d, DB_NOTICE_SETTING_GET, &r, e, DBS(k->who.account)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || db_str(r, 0)[0] == '\0')
        return err_set(e, BY_E_CONFLICT,
                       "you have no mail address here: bianyun notices settings --mail ADDRESS");
    db_rows_free(TAKE(r));
    return test_out(k, t, CHANNEL_MAIL, k->who.account, e);
}

/* ---- webhooks ------------------------------------------------------------------------------ */

int
api_webhook_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_webhook_list *out = k->out;
    int rc;

    if (db_query(t->d, DB_WEBHOOK_LIST, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_webhook *w = listing_add(&out->items, sizeof(*w), k->a);

        (void)snprintf(w->id, sizeof(w->id), "%s", db_str(r, 0));
        (void)snprintf(w->name, sizeof(w->name), "%s", db_str(r, 1));
        (void)snprintf(w->url, sizeof(w->url), "%s", db_str(r, 2));
        w->kinds = arena_strdup(k->a, db_str(r, 3));
        w->added_at_ms = db_int(r, 5);
    }
    return rc;
}

/* It names a file. */
static bool
name_ok(const char *s)
{
    if (s[0] == '\0' || s[0] == '-')
        return false;
    for (; *s != '\0'; s++)
        if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') && *s != '-')
            return false;
    return true;
}

/* In a worker: a file is read. */
int
prepare_webhook_add(struct api_call *k, struct err *e)
{
    const struct w_webhook *in = k->in;
    char path[320], secret[4200];
    struct err why = {0};
    size_t len;

    if (!name_ok(in->name))
        return err_field(e, BY_E_INVALID, "name", "small letters, digits and hyphens");
    if (!notice_url_ok(in->url))
        return err_field(e, BY_E_INVALID, "url",
                         "an https address without a password in it; http is for receivers on the "
                         "controller's own machine");
    if (kinds_check(in->kinds, e) < 0 || sender_secret_path(k->c, in->name, path, e) < 0)
        return -1;
    if (post_secret(path, secret, sizeof(secret), &len, &why) < 0)
        return err_field(e, BY_E_CONFLICT, "name",
                         "the secret comes first, as a file on the controller's machine: %s",
                         why.msg);
    explicit_bzero(secret, sizeof(secret));
    return 0;
}

static int
hook_tell(struct api_call *k, struct tx *t, const char *act, const char *id, struct err *e)
{
    return ledger_append(t, k->who.account, act, id, "{}", e);
}

int
api_webhook_add(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    const struct w_webhook *in = k->in;
    struct w_webhook *out = k->out;

    if (db_query(t->d, DB_WEBHOOK_COUNT, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    if (db_int(r, 0) >= HOOKS_MAX)
        return err_set(e, BY_E_CONFLICT, "there are %d webhooks: remove one first", HOOKS_MAX);
    db_rows_free(TAKE(r));
    memcpy(out, in, sizeof(*out));
    out->request[0] = '\0';
    random_uuid(out->id);
    out->added_at_ms = t->now_ms;
    if (DB_EXEC(t->d, DB_WEBHOOK_ADD, NULL, e, DBS(out->id), DBS(out->name), DBS(out->url),
                DBS(in->kinds == NULL ? "" : in->kinds), DBS(k->who.account), DBI(t->now_ms)) < 0)
        return e != NULL && e->code == BY_E_CONFLICT
                   ? err_field(e, BY_E_CONFLICT, "name", "there is a webhook '%s' already",
                               in->name)
                   : -1;
    jm_encode(schema_webhook, out, &b);
    return ledger_append(t, k->who.account, "webhook.added", out->id, strbuf_peek(&b), e);
}

int
api_webhook_remove(struct api_call *k, struct tx *t, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(t->d, DB_WEBHOOK_DROP, &changed, e, DBS(k->id)) < 0)
        return -1;
    if (changed == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no webhook %s", k->id);
    if (DB_EXEC(t->d, DB_DELIVERY_END_ALL, NULL, e, DBS("the webhook was removed"), DBS(k->id)) < 0)
        return -1;
    k->status = 204;
    return hook_tell(k, t, "webhook.removed", k->id, e);
}

int
api_webhook_test(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    bool found = false;
    int rc;

    if (db_query(t->d, DB_WEBHOOK_LIST, NULL, 0, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        found = found || strcmp(db_str(r, 0), k->id) == 0;
    if (rc < 0)
        return -1;
    if (!found)
        return err_set(e, BY_E_NOT_FOUND, "there is no webhook %s", k->id);
    db_rows_free(TAKE(r));
    return test_out(k, t, CHANNEL_WEBHOOK, k->id, e);
}
