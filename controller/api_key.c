/* Key statements: signed by the offline root, they say which keys may sign what. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/keys.h"
#include "controller/live.h"
#include "controller/routes.h"
#include "drivers/base/log.h"

int
api_key_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_ledger_page *out = k->out;

    return keys_list(t->d, k->a, &out->keys, e);
}

struct key_prepared {
    struct w_key_statement st;
    const char *text; /* the envelope in its canonical form is what the root signed around */
};

int
prepare_key_add(struct api_call *k, struct err *e)
{
    const struct w_key_request *in = k->in;
    SCOPED(keyring_free) struct keyring *ring = NULL;
    struct key_prepared *p = arena_alloc(k->a, sizeof(*p));
    struct w_envelope env;

    p->text = in->statement;
    if (keyring_new(k->c->root_pem, &ring, e) < 0 ||
        keyring_add(ring, p->text, strlen(p->text), e) < 0 ||
        paper_parse(p->text, strlen(p->text), k->a, &env, e) < 0 ||
        W_DECODE(key_statement, env.body, strlen(env.body), JM_SIGNED, k->a, &p->st, e) < 0) {
        (void)err_wrap(e, "key statement");
        return err_field(e, e->code, "statement", "%s", arena_strdup(k->a, e->msg));
    }
    k->prepared = p;
    return 0;
}

static int
key_of_account(struct tx *t, const struct w_key_entry *key, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ACCOUNT_LOGIN, &r, e, DBS(key->holder)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0 || db_int(r, 1) != ROLE_BUREAU || db_int(r, 2) != 0)
        return err_field(e, BY_E_CONFLICT, "statement",
                         "the holder of grant key %.16s… must be the login of a bureau account; "
                         "'%s' is not",
                         key->id, key->holder);
    return DB_EXEC(t->d, DB_ACCOUNT_KEY_ADD, NULL, e, DBS(key->id), DBS(db_str(r, 0)));
}

/* Bind each grant key to its holder's account; our own order key must stay valid. */
static int
key_bind(struct tx *t, const struct w_key_statement *st, struct err *e)
{
    bool ours = false;

    if (db_exec(t->d, DB_ACCOUNT_KEY_CLEAR, NULL, 0, NULL, e) < 0)
        return -1;
    for (size_t i = 0; i < st->keys.n; i++) {
        const struct w_key_entry *key = JM_ITEM(st->keys, struct w_key_entry, i);

        if (key->use == KEY_GRANT && key_of_account(t, key, e) < 0)
            return -1;
        ours |= key->use == KEY_ORDER && strcmp(key->id, sigkey_id(t->c->order_key)) == 0;
    }
    return ours ? 0
                : err_field(e, BY_E_CONFLICT, "statement",
                            "the statement does not name this controller's order key %s: every "
                            "host would refuse its orders",
                            sigkey_id(t->c->order_key));
}

/* The very statement that is in force: its answer was lost. */
static int
key_same(struct tx *t, const char *text, bool *same, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_KEY_STATEMENTS, &r, e, DBI(1)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    *same = rc == 1 && strcmp(db_str(r, 0), text) == 0;
    return 0;
}

static void
key_live(struct controller *c, void *arg)
{
    struct err e = {0};

    if (live_keys_add(c->live, arg, &e) < 0)
        log_error("keys.not_loaded", "reason=" LOG_Q, e.msg);
}

int
api_key_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct key_prepared *p = k->prepared;
    uint64_t now = live_keys_serial(t->c->live);
    bool same = false;
    char body[64];

    k->status = 204;
    if (key_same(t, p->text, &same, e) < 0)
        return -1;
    if (same)
        return 0;
    if (p->st.serial <= now)
        return err_field(e, BY_E_CONFLICT, "statement",
                         "statement %" PRIu64 " is not newer than %" PRIu64 ", which is in force",
                         p->st.serial, now);
    if (DB_EXEC(t->d, DB_KEY_STATEMENT_ADD, NULL, e, DBI(p->st.serial), DBS(p->text),
                DBI(t->now_ms)) < 0)
        return err_wrap(e, "key statement %" PRIu64, p->st.serial);
    if (key_bind(t, &p->st, e) < 0)
        return -1;
    (void)snprintf(body, sizeof(body), "{\"serial\":%" PRIu64 "}", p->st.serial);
    commit_after(t, key_live, arena_strdup(tx_arena(t), p->text));
    return ledger_append(t, k->who.account, "keys.stated", t->c->store, body, e);
}
