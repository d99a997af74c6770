#include "controller/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/chain.h"

static int
ledger_line(char *out, size_t size, const char *what, const char *value, struct err *e)
{
    if (value == NULL || value[0] == '\0' || strlen(value) >= size ||
        strpbrk(value, "\r\n") != NULL)
        return err_set(e, BY_E_BUG, "ledger: the %s is empty, too long or more than a line", what);
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

int
ledger_append(struct tx *t, const char *actor, const char *act, const char *subject,
              const char *body, struct err *e)
{
    struct group_state *s = &t->group->s;
    struct w_ledger_entry en = {.seq = s->tail.seq + 1, .body = body};

    en.at_ms = t->now_ms > s->tail.at_ms ? t->now_ms : s->tail.at_ms;
    if (ledger_line(en.actor, sizeof(en.actor), "actor", actor, e) < 0 ||
        ledger_line(en.act, sizeof(en.act), "act", act, e) < 0 ||
        ledger_line(en.subject, sizeof(en.subject), "subject", subject, e) < 0)
        return -1;
    chain_seal(sigkey_digest(t->c->order_key), s->tail.seq == 0 ? CHAIN_START : s->tail.hash, &en);
    if (DB_EXEC(t->d, DB_LEDGER_ADD, NULL, e, DBI(en.seq), DBI(en.at_ms), DBS(en.actor),
                DBS(en.act), DBS(en.subject), DBS(body), DBS(en.body_sha256), DBS(en.hash)) < 0)
        return err_wrap(e, "ledger entry %" PRIu64, en.seq);
    s->tail.seq = en.seq;
    s->tail.at_ms = en.at_ms;
    memcpy(s->tail.hash, en.hash, sizeof(s->tail.hash));
    s->appended = true;
    return 0;
}

int
ledger_load_tail(struct db *d, struct ledger_tail *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (db_query(d, DB_LEDGER_TAIL, NULL, 0, &r, e) < 0 || (rc = db_next(r, e)) < 0)
        return err_wrap(e, "ledger");
    memset(out, 0, sizeof(*out));
    if (rc == 0)
        return 0;
    out->seq = (uint64_t)db_int(r, 0);
    out->at_ms = db_int(r, 1);
    (void)snprintf(out->hash, sizeof(out->hash), "%s", db_str(r, 2));
    return 0;
}

int
ledger_seal(struct group *g, int64_t now_ms, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_ledger_head h = {.version = 1, .seq = g->s.tail.seq, .at_ms = now_ms};

    if (!g->s.appended)
        return 0;
    h.term = controller_term(g->c);
    memcpy(h.store, g->c->store, sizeof(h.store));
    memcpy(h.hash, g->s.tail.hash, sizeof(g->s.tail.hash));
    jm_encode(schema_ledger_head, &h, &b);
    if (paper_sign(g->c->order_key, PAPER_HEAD, strbuf_peek(&b), &g->arena, &g->head, e) < 0 ||
        db_exec(g->d, DB_LEDGER_HEAD_CLEAR, NULL, 0, NULL, e) < 0 ||
        DB_EXEC(g->d, DB_LEDGER_HEAD_ADD, NULL, e, DBI(h.seq), DBS(g->head)) < 0)
        return err_wrap(e, "ledger head");
    return 0;
}
