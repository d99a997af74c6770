#include "drivers/crypto/ledger_verify.h"

#include <string.h>

#include "drivers/crypto/chain.h"
#include "drivers/crypto/paper.h"

struct ledger_verify {
    const struct keyring *ring;
    enum digest_alg alg;
    struct w_ledger_head head;
    struct w_ledger_head *witnesses; /* n_witnesses of them, in no order */
    size_t n_witnesses;
    char prev[65]; /* chain hash of the last good entry */
    int64_t last_at_ms;
    uint64_t count, purged;
    bool bad;
    struct err verdict; /* when bad: the first fault, said again by every later call */
};

/* A head that is genuine by the key that was valid when it was signed. */
static int
ledger_verify_read(const struct keyring *ring, const char *text, size_t len,
                   struct w_ledger_head *out, enum digest_alg *alg, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct w_envelope env;
    const char *body;

    if (paper_parse(text, len, &a, &env, e) < 0 || sigkey_alg_digest(env.alg, alg, e) < 0)
        return -1;
    if (W_DECODE(ledger_head, env.body, strlen(env.body), JM_SIGNED, &a, out, e) < 0)
        return -1;
    return keyring_check(ring, text, len, PAPER_HEAD, NULL, KEY_ORDER, out->at_ms, &a, &body, e);
}

int
ledger_verify_new(const struct keyring *ring, const char *head, size_t len,
                  struct ledger_verify **out, struct err *e)
{
    SCOPED(ledger_verify_free) struct ledger_verify *v = calloc(1, sizeof(*v));

    if (v == NULL)
        abort();
    if (ledger_verify_read(ring, head, len, &v->head, &v->alg, e) < 0)
        return err_wrap(e, "head of the ledger");
    v->ring = ring;
    memcpy(v->prev, CHAIN_START, sizeof(v->prev));
    *out = TAKE(v);
    return 0;
}

void
ledger_verify_free(struct ledger_verify *v)
{
    if (v == NULL)
        return;
    free(v->witnesses);
    free(v);
}

int
ledger_verify_witness(struct ledger_verify *v, const char *head, size_t len, struct err *e)
{
    struct w_ledger_head w, *grown;
    enum digest_alg alg;

    if (v->count > 0 || v->bad)
        return err_set(e, BY_E_BUG, "witnessed heads come before the entries");
    if (v->n_witnesses >= LEDGER_VERIFY_MAX_WITNESSES)
        return err_set(e, BY_E_TOO_LARGE, "at most %d witnessed heads are read",
                       LEDGER_VERIFY_MAX_WITNESSES);
    if (ledger_verify_read(v->ring, head, len, &w, &alg, e) < 0)
        return err_wrap(e, "witnessed head");
    if (strcmp(w.store, v->head.store) != 0)
        return err_set(e, BY_E_DENIED, "witnessed head: it is of store %s, this ledger of %s",
                       w.store, v->head.store);
    grown = realloc(v->witnesses, (v->n_witnesses + 1) * sizeof(w));
    if (grown == NULL)
        abort();
    v->witnesses = grown;
    v->witnesses[v->n_witnesses++] = w;
    return 0;
}

static int
ledger_verify_place(const struct ledger_verify *v, const struct w_ledger_entry *n, struct err *e)
{
    unsigned long long want = v->count + 1, have = n->seq;

    if (have > want)
        return err_set(e, BY_E_DENIED, "entry %llu stands where %llu should: %llu is missing", have,
                       want, want);
    if (have < want)
        return err_set(e, BY_E_DENIED, "entry %llu stands where %llu should: out of order or twice",
                       have, want);
    if (n->seq > v->head.seq)
        return err_set(e, BY_E_DENIED, "entry %llu comes after the signed head (%llu)", have,
                       (unsigned long long)v->head.seq);
    if (n->at_ms < v->last_at_ms)
        return err_set(e, BY_E_DENIED, "entry %llu is earlier than the one before it", have);
    return 0;
}

static int
ledger_verify_hash(const struct ledger_verify *v, const struct w_ledger_entry *n, struct err *e)
{
    unsigned long long seq = n->seq;
    char hex[65];

    if (n->body != NULL) {
        digest_sha256_hex(n->body, strlen(n->body), hex);
        if (strcmp(hex, n->body_sha256) != 0)
            return err_set(e, BY_E_DENIED, "the body of entry %llu is not the one recorded", seq);
    }
    chain_hash(v->alg, v->prev, n, hex);
    if (strcmp(hex, n->hash) != 0)
        return err_set(e, BY_E_DENIED, "entry %llu was changed: its chain hash does not follow",
                       seq);
    if (n->seq == v->head.seq && strcmp(n->hash, v->head.hash) != 0)
        return err_set(e, BY_E_DENIED,
                       "entry %llu is not the one that the head signs: history was written anew",
                       seq);
    for (size_t i = 0; i < v->n_witnesses; i++)
        if (v->witnesses[i].seq == n->seq && strcmp(v->witnesses[i].hash, n->hash) != 0)
            return err_set(e, BY_E_DENIED,
                           "a witness keeps another entry %llu: history was written anew", seq);
    return 0;
}

static int
ledger_verify_say(const struct ledger_verify *v, struct err *e)
{
    if (e != NULL)
        *e = v->verdict;
    return -1;
}

int
ledger_verify_add(struct ledger_verify *v, const struct w_ledger_entry *entry, struct err *e)
{
    if (v->bad)
        return ledger_verify_say(v, e);
    if (ledger_verify_place(v, entry, &v->verdict) < 0 ||
        ledger_verify_hash(v, entry, &v->verdict) < 0) {
        v->bad = true;
        (void)err_wrap(&v->verdict, "line %llu", (unsigned long long)v->count + 1);
        return ledger_verify_say(v, e);
    }
    memcpy(v->prev, entry->hash, sizeof(v->prev));
    v->last_at_ms = entry->at_ms;
    v->count++;
    if (entry->body == NULL)
        v->purged++;
    return 0;
}

int
ledger_verify_end(struct ledger_verify *v, struct err *e)
{
    uint64_t most = v->head.seq;

    if (v->bad)
        return ledger_verify_say(v, e);
    for (size_t i = 0; i < v->n_witnesses; i++)
        if (v->witnesses[i].seq > most)
            most = v->witnesses[i].seq;
    if (v->count >= most)
        return 0;
    v->bad = true;
    (void)err_set(&v->verdict, BY_E_DENIED,
                  "the ledger ends at entry %llu, but %s entry %llu: the tail is cut",
                  (unsigned long long)v->count,
                  most > v->head.seq ? "a witness keeps a head of" : "its head signs",
                  (unsigned long long)most);
    return ledger_verify_say(v, e);
}

const struct w_ledger_head *
ledger_verify_head(const struct ledger_verify *v)
{
    return &v->head;
}

uint64_t
ledger_verify_count(const struct ledger_verify *v, uint64_t *purged)
{
    if (purged != NULL)
        *purged = v->purged;
    return v->count;
}
