#include "controller/witness.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "drivers/db/store_host_flow.h"

/* 1 with the hash of our entry, 0 when there is none. */
static int
ledger_hash(struct db *d, uint64_t seq, char hash[W_HASH], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_LEDGER_FLOW_HASH, &r, e, DBI(seq)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1)
        (void)snprintf(hash, W_HASH, "%s", db_str(r, 0));
    return rc;
}

static void
verdict(struct witness *w, enum witness_verdict v, const char *why)
{
    w->verdict = v;
    (void)snprintf(w->why, sizeof(w->why), "%s", why);
}

int
witness_judge(struct controller *c, struct db *d, const char *head, int64_t now_ms, struct arena *a,
              struct witness *out, struct err *e)
{
    struct w_envelope env;
    struct w_ledger_head h;
    struct err why = {0};
    char ours[W_HASH] = "";
    const char *body;
    int rc;

    memset(out, 0, sizeof(*out));
    if (head == NULL || head[0] == '\0')
        return 0;
    if (paper_parse(head, strlen(head), a, &env, &why) < 0 ||
        W_DECODE(ledger_head, env.body, strlen(env.body), JM_PEER, a, &h, &why) < 0) {
        verdict(out, WITNESS_NONE, why.msg);
        return 0;
    }
    out->seq = h.seq;
    out->at_ms = h.at_ms;
    if (strcmp(h.store, c->store) != 0) {
        verdict(out, WITNESS_NONE, "it is of another store");
        return 0;
    }
    if ((rc = ledger_hash(d, h.seq, ours, e)) < 0)
        return -1;
    if (rc == 1 && strcmp(ours, h.hash) == 0 && h.term <= controller_term(c)) {
        out->verdict = WITNESS_AGREES;
        return 0;
    }
    /* Only what our own key signed can say that we once knew more. */
    if (controller_paper_check(c, head, strlen(head), PAPER_HEAD, NULL, KEY_ORDER, now_ms, a, &body,
                               &why) < 0) {
        verdict(out, WITNESS_NONE, why.msg);
        return 0;
    }
    /* A person has confirmed since that what came after was lost: the fork is known. */
    if (h.term < controller_term(c)) {
        verdict(out, WITNESS_NONE, "it is from before a recovery that was confirmed");
        return 0;
    }
    out->verdict = WITNESS_AHEAD;
    (void)snprintf(out->why, sizeof(out->why),
                   rc == 1 ? "it holds entry %llu of our ledger with another hash"
                           : "it holds a head of our ledger at entry %llu, which we do not have",
                   (unsigned long long)h.seq);
    return 0;
}

int
witness_take(struct tx *t, const char *host, const char *head, struct witness *out, struct err *e)
{
    char reason[560];

    if (witness_judge(t->c, t->d, head, t->now_ms, tx_arena(t), out, e) < 0)
        return -1;
    if (out->verdict == WITNESS_AGREES)
        return host_flow_witness(t->d, host, out->seq, head, e);
    if (out->verdict != WITNESS_AHEAD)
        return 0;
    (void)snprintf(reason, sizeof(reason), "host %s: %s", host, out->why);
    return controller_enter_recovery(t, reason, e);
}
