#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/paper.h"

struct world {
    struct arena a;
    struct sigkey *root, *grant, *order;
    struct keyring *ring;
};

static struct w_key_entry
entry_of(struct world *w, const struct sigkey *k, enum w_key_use use)
{
    struct w_key_entry n = {.use = use, .not_before_ms = 1000, .not_after_ms = 2000};

    (void)snprintf(n.id, sizeof(n.id), "%s", sigkey_id(k));
    (void)snprintf(n.alg, sizeof(n.alg), "%s", sigkey_alg(k));
    (void)snprintf(n.holder, sizeof(n.holder), "某局");
    n.public_pem = sigkey_public_pem(k, &w->a);
    return n;
}

static const char *
statement(struct world *w, const struct sigkey *signer, const char *purpose, uint64_t serial,
          struct w_key_entry *entries, size_t n)
{
    struct w_key_statement st = {.version = 1, .serial = serial, .keys = {entries, n}};
    SCOPED(strbuf) struct strbuf body = {0};
    const char *paper = NULL;
    struct err e = {0};

    jm_encode(schema_key_statement, &st, &body);
    CU_ASSERT_EQUAL_FATAL(paper_sign(signer, purpose, body.s, &w->a, &paper, &e), 0);
    return paper;
}

static int
add(struct world *w, const char *paper, struct err *e)
{
    *e = (struct err){0};
    return keyring_add(w->ring, paper, strlen(paper), e);
}

static void
world_open(struct world *w)
{
    struct w_key_entry entries[2];
    struct err e = {0};

    *w = (struct world){0};
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_SM2, &w->root, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &w->grant, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_SM2, &w->order, &e), 0);
    CU_ASSERT_EQUAL_FATAL(keyring_new(sigkey_public_pem(w->root, &w->a), &w->ring, &e), 0);
    CU_ASSERT_EQUAL(keyring_serial(w->ring), 0);
    entries[0] = entry_of(w, w->grant, KEY_GRANT);
    entries[1] = entry_of(w, w->order, KEY_ORDER);
    CU_ASSERT_EQUAL_FATAL(add(w, statement(w, w->root, PAPER_KEYS, 5, entries, 2), &e), 0);
}

static void
world_close(struct world *w)
{
    sigkey_free(w->root);
    sigkey_free(w->grant);
    sigkey_free(w->order);
    keyring_free(w->ring);
    arena_clear(&w->a);
}

static void
checks_key_use_time_and_purpose(void)
{
    struct world w;
    struct err e = {0};
    const char *texts[2] = {NULL, NULL};

    world_open(&w);
    CU_ASSERT_EQUAL_FATAL(paper_sign(w.grant, PAPER_GRANT, "{}", &w.a, &texts[0], &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_sign(w.order, PAPER_ORDER, "{}", &w.a, &texts[1], &e), 0);
    static const struct {
        int text;
        const char *purpose;
        enum w_key_use use;
        int64_t at_ms;
        int want;
        const char *what;
    } rows[] = {
        {0, PAPER_GRANT, KEY_GRANT, 1000, 0, ""},
        {0, PAPER_GRANT, KEY_GRANT, 1999, 0, ""},
        {0, PAPER_GRANT, KEY_GRANT, 999, -1, "not valid at that time"},
        {0, PAPER_GRANT, KEY_GRANT, 2000, -1, "not valid at that time"},
        {0, PAPER_GRANT, KEY_ORDER, 1500, -1, "not for this"},
        {0, PAPER_PLAN, KEY_GRANT, 1500, -1, "is a 'bianyun grant 1'"},
        {1, PAPER_ORDER, KEY_ORDER, 1500, 0, ""},
        {1, PAPER_ORDER, KEY_GRANT, 1500, -1, "not for this"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *body = "untouched", *text = texts[rows[i].text];

        e = (struct err){0};
        CU_ASSERT_EQUAL(keyring_check(w.ring, text, strlen(text), rows[i].purpose, NULL,
                                      rows[i].use, rows[i].at_ms, &w.a, &body, &e),
                        rows[i].want);
        CU_ASSERT_STRING_EQUAL(body, rows[i].want == 0 ? "{}" : "untouched");
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].what));
        CU_ASSERT_EQUAL(e.code, rows[i].want == 0 ? BY_E_OK : BY_E_DENIED);
    }
    world_close(&w);
}

static void
a_newer_statement_replaces_all_and_an_older_changes_nothing(void)
{
    struct w_key_entry grant, order;
    const struct w_key_entry *kept;
    struct world w;
    struct err e;

    world_open(&w);
    grant = entry_of(&w, w.grant, KEY_GRANT);
    order = entry_of(&w, w.order, KEY_ORDER);
    kept = keyring_find(w.ring, sigkey_id(w.order));
    CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
    CU_ASSERT_EQUAL(add(&w, statement(&w, w.root, PAPER_KEYS, 4, NULL, 0), &e), 0);
    CU_ASSERT_EQUAL(add(&w, statement(&w, w.root, PAPER_KEYS, 5, NULL, 0), &e), 0);
    CU_ASSERT_EQUAL(keyring_serial(w.ring), 5);
    CU_ASSERT_PTR_EQUAL(keyring_find(w.ring, sigkey_id(w.order)), kept);
    CU_ASSERT_EQUAL(add(&w, statement(&w, w.root, PAPER_KEYS, 6, &grant, 1), &e), 0);
    CU_ASSERT_EQUAL(keyring_serial(w.ring), 6);
    CU_ASSERT_PTR_NULL(keyring_find(w.ring, sigkey_id(w.order)));
    CU_ASSERT_PTR_NOT_NULL(keyring_find(w.ring, sigkey_id(w.grant)));
    CU_ASSERT_STRING_EQUAL(kept->id, sigkey_id(w.order)); /* still there for whoever holds it */
    CU_ASSERT_EQUAL(add(&w, statement(&w, w.root, PAPER_KEYS, 5, &order, 1), &e), 0);
    CU_ASSERT_PTR_NULL(keyring_find(w.ring, sigkey_id(w.order)));
    world_close(&w);
}

static void
refuses_statements_that_are_not_the_roots_or_not_sound(void)
{
    struct w_key_entry good, bad_id, bad_alg, bad_time, bad_pem, twice[2], private_pem;
    const char *papers[10], *unknown = NULL;
    char *key_pem;
    struct world w;
    struct err e = {0};
    size_t n = 0;

    world_open(&w);
    good = bad_id = bad_alg = bad_time = bad_pem = private_pem = entry_of(&w, w.grant, KEY_GRANT);
    bad_id.id[0] = bad_id.id[0] == 'a' ? 'b' : 'a';
    memcpy(bad_alg.alg, ALG_SM2, sizeof(ALG_SM2));
    bad_time.not_after_ms = bad_time.not_before_ms;
    bad_pem.public_pem = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n";
    key_pem = arena_printf(&w.a, "-----BEGIN PRIVATE KEY-----\n%s", good.public_pem);
    private_pem.public_pem = key_pem;
    twice[0] = twice[1] = good;
    twice[1].use = KEY_ORDER;
    papers[n++] = statement(&w, w.order, PAPER_KEYS, 9, &good, 1); /* by a key that is no root */
    papers[n++] = statement(&w, w.root, PAPER_GRANT, 9, &good, 1); /* another purpose */
    papers[n++] = statement(&w, w.root, PAPER_KEYS, 9, &bad_id, 1);
    papers[n++] = statement(&w, w.root, PAPER_KEYS, 9, &bad_alg, 1);
    papers[n++] = statement(&w, w.root, PAPER_KEYS, 9, &bad_time, 1);
    papers[n++] = statement(&w, w.root, PAPER_KEYS, 9, &bad_pem, 1);
    papers[n++] = statement(&w, w.root, PAPER_KEYS, 9, &private_pem, 1);
    papers[n++] = statement(&w, w.root, PAPER_KEYS, 9, twice, 2);
    CU_ASSERT_EQUAL_FATAL(
        paper_sign(w.root, PAPER_KEYS,
                   "{\"extra\":1,\"issued_at_ms\":0,\"keys\":[],\"serial\":9,\"version\":1}", &w.a,
                   &unknown, &e),
        0);
    papers[n++] = unknown;
    papers[n++] = "{}";
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(add(&w, papers[i], &e), -1);
        CU_ASSERT(e.code == BY_E_DENIED || e.code == BY_E_INVALID);
        CU_ASSERT_EQUAL(keyring_serial(w.ring), 5);
        CU_ASSERT_PTR_NOT_NULL(keyring_find(w.ring, sigkey_id(w.order)));
    }
    world_close(&w);
}

static void
will_not_hold_the_roots_private_part(void)
{
    struct keyring *r = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL(keyring_new("no key", &r, &e), -1);
    CU_ASSERT_PTR_NULL(r);
    CU_ASSERT_EQUAL(
        keyring_new("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", &r, &e), -1);
    CU_ASSERT_PTR_NULL(r);
}

enum { READERS = 3, STATEMENTS = 12 };

struct reader {
    pthread_t thread;
    const struct world *w;
    const char *text;
    atomic_bool *stop;
    int denied; /* of this thread */
};

static void *
reader_main(void *arg)
{
    struct reader *r = arg;

    while (!atomic_load(r->stop)) {
        SCOPED(arena) struct arena a = {0};
        const char *body = NULL;
        struct err e = {0};

        if (keyring_check(r->w->ring, r->text, strlen(r->text), PAPER_GRANT, NULL, KEY_GRANT, 1500,
                          &a, &body, &e) < 0 ||
            keyring_find(r->w->ring, sigkey_id(r->w->grant))->use != KEY_GRANT)
            r->denied++;
    }
    return NULL;
}

static void
takes_statements_in_while_others_check(void)
{
    struct reader readers[READERS];
    struct w_key_entry grant;
    const char *text = NULL;
    atomic_bool stop = false;
    struct err e = {0};
    struct world w;

    world_open(&w);
    grant = entry_of(&w, w.grant, KEY_GRANT);
    CU_ASSERT_EQUAL_FATAL(paper_sign(w.grant, PAPER_GRANT, "{}", &w.a, &text, &e), 0);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.w = &w, .text = text, .stop = &stop};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]),
                              0);
    }
    for (uint64_t n = 0; n < STATEMENTS; n++)
        CU_ASSERT_EQUAL(add(&w, statement(&w, w.root, PAPER_KEYS, 6 + n, &grant, 1), &e), 0);
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        CU_ASSERT_EQUAL(pthread_join(readers[i].thread, NULL), 0);
        CU_ASSERT_EQUAL(readers[i].denied, 0);
    }
    CU_ASSERT_EQUAL(keyring_serial(w.ring), 5 + STATEMENTS);
    world_close(&w);
}

static void
knows_nobody_before_the_first_statement(void)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(keyring_free) struct keyring *r = NULL;
    SCOPED(arena) struct arena a = {0};
    const char *text = NULL, *body = NULL;
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_P256, &k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(keyring_new(sigkey_public_pem(k, &a), &r, &e), 0);
    CU_ASSERT_EQUAL_FATAL(paper_sign(k, PAPER_GRANT, "{}", &a, &text, &e), 0);
    CU_ASSERT_PTR_NULL(keyring_find(r, sigkey_id(k)));
    CU_ASSERT_EQUAL(
        keyring_check(r, text, strlen(text), PAPER_GRANT, NULL, KEY_GRANT, 1, &a, &body, &e),
        -1); /* the root itself signs no grants */
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
}

CU_TestInfo keyring_tests[] = {
    {"checks key, use, time and purpose", checks_key_use_time_and_purpose},
    {"a newer statement replaces all and an older changes nothing",
     a_newer_statement_replaces_all_and_an_older_changes_nothing},
    {"refuses statements that are not the root's or not sound",
     refuses_statements_that_are_not_the_roots_or_not_sound},
    {"will not hold the root's private part", will_not_hold_the_roots_private_part},
    {"takes statements in while others check", takes_statements_in_while_others_check},
    {"knows nobody before the first statement", knows_nobody_before_the_first_statement},
    CU_TEST_INFO_NULL,
};
