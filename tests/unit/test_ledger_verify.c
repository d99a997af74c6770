#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/chain.h"
#include "drivers/crypto/ledger_verify.h"
#include "drivers/crypto/paper.h"

#define STORE "6f1ed002-ab59-4f6f-8a7c-2f1a3d0c5b11"
#define OTHER_STORE "00000000-ab59-4f6f-8a7c-2f1a3d0c5b11"
enum { N = 12, HOUR = 3600000 };

/* A ledger of N entries, its keys and heads. */
struct world {
    struct arena a;
    struct sigkey *root, *order;
    struct keyring *ring;
    enum digest_alg alg;
    struct w_ledger_entry entry[N];
    const char *head[N + 1]; /* head at entry i */
};

static void
add_key(struct world *w, const struct sigkey *k, enum w_key_use use, uint64_t serial)
{
    struct w_key_entry entry = {
        .use = use, .not_before_ms = 0, .not_after_ms = 100 * HOUR, .holder = "controller"};
    struct w_key_statement st = {.version = 1, .serial = serial, .issued_at_ms = 1};
    SCOPED(strbuf) struct strbuf body = {0};
    const char *paper = NULL;
    struct err e = {0};

    (void)snprintf(entry.id, sizeof(entry.id), "%s", sigkey_id(k));
    (void)snprintf(entry.alg, sizeof(entry.alg), "%s", sigkey_alg(k));
    entry.public_pem = sigkey_public_pem(k, &w->a);
    st.keys = (struct jm_list){&entry, 1};
    jm_encode(schema_key_statement, &st, &body);
    CU_ASSERT_EQUAL_FATAL(paper_sign(w->root, PAPER_KEYS, body.s, &w->a, &paper, &e), 0);
    CU_ASSERT_EQUAL_FATAL(keyring_add(w->ring, paper, strlen(paper), &e), 0);
}

static const char *
make_head(struct world *w, const char *store, uint64_t seq, const char *hash)
{
    struct w_ledger_head h = {.version = 1, .term = 1, .seq = seq, .at_ms = 50 * HOUR};
    SCOPED(strbuf) struct strbuf body = {0};
    const char *paper = NULL;
    struct err e = {0};

    (void)snprintf(h.store, sizeof(h.store), "%s", store);
    (void)snprintf(h.hash, sizeof(h.hash), "%s", hash);
    jm_encode(schema_ledger_head, &h, &body);
    CU_ASSERT_EQUAL_FATAL(paper_sign(w->order, PAPER_HEAD, body.s, &w->a, &paper, &e), 0);
    return paper;
}

/* Chain entries from the one numbered `from` (1 based) on. */
static void
chain_from(struct world *w, size_t from)
{
    for (size_t i = from - 1; i < N; i++)
        chain_seal(w->alg, i == 0 ? CHAIN_START : w->entry[i - 1].hash, &w->entry[i]);
}

static void
world_open(struct world *w, const char *alg)
{
    struct err e = {0};

    *w = (struct world){0};
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(alg, &w->root, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(alg, &w->order, &e), 0);
    CU_ASSERT_EQUAL_FATAL(keyring_new(sigkey_public_pem(w->root, &w->a), &w->ring, &e), 0);
    add_key(w, w->order, KEY_ORDER, 1);
    w->alg = sigkey_digest(w->order);
    for (size_t i = 0; i < N; i++) {
        w->entry[i] = (struct w_ledger_entry){.seq = i + 1, .at_ms = (int64_t)(1000 + i / 2)};
        (void)snprintf(w->entry[i].actor, sizeof(w->entry[i].actor), "controller");
        (void)snprintf(w->entry[i].act, sizeof(w->entry[i].act), "order.issued");
        (void)snprintf(w->entry[i].subject, sizeof(w->entry[i].subject), "vm-%zu", i);
        w->entry[i].body = arena_printf(&w->a, "{\"n\":%zu}", i);
    }
    chain_from(w, 1);
    for (size_t i = 1; i <= N; i++)
        w->head[i] = make_head(w, STORE, i, w->entry[i - 1].hash);
}

static void
world_close(struct world *w)
{
    sigkey_free(w->root);
    sigkey_free(w->order);
    keyring_free(w->ring);
    arena_clear(&w->a);
}

/* 0 when n entries hold under head and, unless NULL, a witnessed head. */
static int
verify(struct world *w, size_t n, const char *head, const char *witness, struct err *e)
{
    SCOPED(ledger_verify_free) struct ledger_verify *v = NULL;

    *e = (struct err){0};
    if (ledger_verify_new(w->ring, head, strlen(head), &v, e) < 0)
        return -1;
    if (witness != NULL && ledger_verify_witness(v, witness, strlen(witness), e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (ledger_verify_add(v, &w->entry[i], e) < 0) {
            struct err again = {0};

            CU_ASSERT_EQUAL(ledger_verify_end(v, &again), -1);
            CU_ASSERT_STRING_EQUAL(again.msg, e->msg);
            return -1;
        }
    return ledger_verify_end(v, e);
}

static void
expect_line(const struct err *e, size_t line)
{
    char want[32];

    (void)snprintf(want, sizeof(want), "line %zu: ", line);
    CU_ASSERT_EQUAL(e->code, BY_E_DENIED);
    if (strncmp(e->msg, want, strlen(want)) != 0) {
        printf("\nwanted '%s', got '%s'\n", want, e->msg);
        CU_FAIL("another line is named");
    }
}

static void
holds_for_an_untouched_ledger_with_both_algorithms(void)
{
    static const char *const algs[] = {ALG_SM2, ALG_P256};

    for (size_t i = 0; i < 2; i++) {
        struct world w;
        struct err e;

        world_open(&w, algs[i]);
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), 0);
        for (size_t k = 1; k <= N; k++)
            CU_ASSERT_EQUAL(verify(&w, N, w.head[N], w.head[k], &e), 0);
        CU_ASSERT_EQUAL(verify(&w, 5, w.head[5], w.head[2], &e), 0);
        world_close(&w);
    }
}

static void
holds_when_a_body_was_purged_and_counts_it(void)
{
    SCOPED(ledger_verify_free) struct ledger_verify *v = NULL;
    struct world w;
    struct err e = {0};
    uint64_t purged = 99;

    world_open(&w, ALG_P256);
    w.entry[3].body = NULL;
    CU_ASSERT_EQUAL_FATAL(ledger_verify_new(w.ring, w.head[N], strlen(w.head[N]), &v, &e), 0);
    for (size_t i = 0; i < N; i++)
        CU_ASSERT_EQUAL(ledger_verify_add(v, &w.entry[i], &e), 0);
    CU_ASSERT_EQUAL(ledger_verify_end(v, &e), 0);
    CU_ASSERT_EQUAL(ledger_verify_count(v, &purged), N);
    CU_ASSERT_EQUAL(purged, 1);
    CU_ASSERT_STRING_EQUAL(ledger_verify_head(v)->store, STORE);
    world_close(&w);
}

static void
names_the_line_of_an_edit_of_any_field(void)
{
    struct world w;
    struct err e;

    world_open(&w, ALG_P256);
    for (size_t i = 0; i < N; i++) {
        struct w_ledger_entry good = w.entry[i], *n = &w.entry[i];

        n->at_ms++;
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        *n = good;
        n->actor[0] ^= 1;
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        *n = good;
        n->act[3] ^= 1;
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        *n = good;
        n->subject[1] ^= 1;
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        *n = good;
        n->body = "{\"n\":999}";
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        digest_sha256_hex(n->body, strlen(n->body), n->body_sha256); /* the forger follows up */
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        *n = good;
        n->hash[5] = n->hash[5] == 'a' ? 'b' : 'a';
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        *n = good;
    }
    CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), 0);
    world_close(&w);
}

static void
moves_between_fields_do_not_hash_alike(void)
{
    struct w_ledger_entry one = {.seq = 1, .actor = "ab", .act = "c"};
    struct w_ledger_entry two = {.seq = 1, .actor = "a", .act = "bc"};
    char h1[65], h2[65];

    chain_hash(DIGEST_SHA256, CHAIN_START, &one, h1);
    chain_hash(DIGEST_SHA256, CHAIN_START, &two, h2);
    CU_ASSERT_STRING_NOT_EQUAL(h1, h2);
}

static void
names_the_line_where_an_entry_is_gone_or_swapped(void)
{
    struct world w;
    struct err e;

    for (size_t i = 0; i + 1 < N; i++) {
        struct w_ledger_entry t;

        world_open(&w, ALG_P256);
        t = w.entry[i];
        w.entry[i] = w.entry[i + 1];
        w.entry[i + 1] = t;
        CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        w.entry[i + 1] = w.entry[i];
        w.entry[i] = t; /* now the next one is there twice and one is gone behind it */
        memmove(&w.entry[i], &w.entry[i + 1], (N - i - 1) * sizeof(t));
        CU_ASSERT_EQUAL(verify(&w, N - 1, w.head[N], NULL, &e), -1);
        expect_line(&e, i + 1);
        world_close(&w);
    }
}

static void
finds_an_entry_that_was_deleted_and_the_rest_renumbered(void)
{
    struct world w;
    struct err e;

    world_open(&w, ALG_P256);
    memmove(&w.entry[4], &w.entry[5], (N - 5) * sizeof(w.entry[0]));
    for (size_t i = 4; i < N - 1; i++)
        w.entry[i].seq = i + 1;
    chain_from(&w, 5); /* as one would who holds the database but not the key */
    CU_ASSERT_EQUAL(verify(&w, N - 1, w.head[N], NULL, &e), -1);
    CU_ASSERT_EQUAL(verify(&w, N - 1, w.head[N - 1], NULL, &e), -1);
    expect_line(&e, N - 1);
    CU_ASSERT_EQUAL(verify(&w, N - 1, w.head[N - 1], w.head[6], &e), -1);
    expect_line(&e, 6);
    world_close(&w);
}

static void
finds_a_cut_tail_only_with_a_witness(void)
{
    struct world w;
    struct err e;

    world_open(&w, ALG_P256);
    CU_ASSERT_EQUAL(verify(&w, N - 3, w.head[N], NULL, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "tail is cut"));
    CU_ASSERT_EQUAL(verify(&w, N - 3, w.head[N - 3], NULL, &e), 0); /* an older genuine head */
    CU_ASSERT_EQUAL(verify(&w, N - 3, w.head[N - 3], w.head[N - 2], &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "tail is cut"));
    CU_ASSERT_EQUAL(verify(&w, N, w.head[N - 1], NULL, &e), -1); /* more than the head signs */
    expect_line(&e, N);
    world_close(&w);
}

static void
finds_history_written_anew_and_signed_again(void)
{
    struct world w;
    const char *kept, *anew;
    struct err e;

    world_open(&w, ALG_P256);
    kept = w.head[7];
    w.entry[2].body = "{\"n\":\"better\"}";
    chain_from(&w, 3);
    anew = make_head(&w, STORE, N, w.entry[N - 1].hash); /* by the order key itself */
    CU_ASSERT_EQUAL(verify(&w, N, anew, NULL, &e), 0);
    CU_ASSERT_EQUAL(verify(&w, N, anew, kept, &e), -1);
    expect_line(&e, 7);
    world_close(&w);
}

static void
refuses_time_that_falls_even_when_well_chained(void)
{
    struct world w;
    const char *head;
    struct err e;

    world_open(&w, ALG_P256);
    w.entry[6].at_ms = w.entry[5].at_ms - 1;
    chain_from(&w, 7);
    head = make_head(&w, STORE, N, w.entry[N - 1].hash);
    CU_ASSERT_EQUAL(verify(&w, N, head, NULL, &e), -1);
    expect_line(&e, 7);
    world_close(&w);
}

static void
refuses_heads_of_another_store_or_key(void)
{
    SCOPED(sigkey_free) struct sigkey *stranger = NULL;
    const char *other_store, *other_key = NULL;
    struct sigkey *mine;
    struct world w;
    struct err e = {0};

    world_open(&w, ALG_P256);
    other_store = make_head(&w, OTHER_STORE, N, w.entry[N - 1].hash);
    CU_ASSERT_EQUAL(verify(&w, N, w.head[N], other_store, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &stranger, &e), 0);
    mine = w.order;
    w.order = stranger;
    other_key = make_head(&w, STORE, N, w.entry[N - 1].hash);
    w.order = mine;
    CU_ASSERT_EQUAL(verify(&w, N, other_key, NULL, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    CU_ASSERT_EQUAL(verify(&w, N, w.head[N], other_key, &e), -1);
    add_key(&w, w.order, KEY_GRANT, 2); /* the same key, now for grants only */
    CU_ASSERT_EQUAL(verify(&w, N, w.head[N], NULL, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    world_close(&w);
}

CU_TestInfo ledger_verify_tests[] = {
    {"holds for an untouched ledger with both algorithms",
     holds_for_an_untouched_ledger_with_both_algorithms},
    {"holds when a body was purged and counts it", holds_when_a_body_was_purged_and_counts_it},
    {"names the line of an edit of any field", names_the_line_of_an_edit_of_any_field},
    {"moves between fields do not hash alike", moves_between_fields_do_not_hash_alike},
    {"names the line where an entry is gone or swapped",
     names_the_line_where_an_entry_is_gone_or_swapped},
    {"finds an entry that was deleted and the rest renumbered",
     finds_an_entry_that_was_deleted_and_the_rest_renumbered},
    {"finds a cut tail only with a witness", finds_a_cut_tail_only_with_a_witness},
    {"finds history written anew and signed again", finds_history_written_anew_and_signed_again},
    {"refuses time that falls even when well chained",
     refuses_time_that_falls_even_when_well_chained},
    {"refuses heads of another store or key", refuses_heads_of_another_store_or_key},
    CU_TEST_INFO_NULL,
};
