#include "drivers/crypto/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "drivers/crypto/paper.h"

/* One statement as taken in.  Older ones stay until the ring is freed, so that whoever holds an
 * entry may go on; each was signed by the root, so there are few. */
struct keyring_set {
    struct keyring_set *older;
    struct arena a;
    struct w_key_statement st;
    struct sigkey **keys; /* by index of st.keys */
};

struct keyring {
    struct sigkey *root;
    pthread_mutex_t writer;               /* one statement at a time */
    _Atomic(struct keyring_set *) newest; /* NULL before the first */
};

static void
keyring_set_free(struct keyring_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; s->keys != NULL && i < s->st.keys.n; i++)
        sigkey_free(s->keys[i]);
    arena_clear(&s->a);
    free(s);
}

SCOPE_FN(keyring_set_free, struct keyring_set)

int
keyring_new(const char *root_public_pem, struct keyring **out, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *root = NULL;
    struct keyring *r;

    if (sigkey_from_pem(root_public_pem, &root, e) < 0)
        return err_wrap(e, "root key");
    if (sigkey_is_private(root))
        return err_set(e, BY_E_DENIED,
                       "root key: this is the private part; give the public one and put the "
                       "private one away");
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        abort();
    r->root = TAKE(root);
    (void)pthread_mutex_init(&r->writer, NULL);
    atomic_init(&r->newest, NULL);
    *out = r;
    return 0;
}

void
keyring_free(struct keyring *r)
{
    struct keyring_set *s;

    if (r == NULL)
        return;
    s = atomic_load(&r->newest);
    while (s != NULL) {
        struct keyring_set *older = s->older;

        keyring_set_free(s);
        s = older;
    }
    sigkey_free(r->root);
    (void)pthread_mutex_destroy(&r->writer);
    free(r);
}

static int
keyring_load_key(struct keyring_set *s, size_t i, struct err *e)
{
    const struct w_key_entry *k = JM_ITEM(s->st.keys, struct w_key_entry, i);

    if (sigkey_from_pem(k->public_pem, &s->keys[i], e) < 0)
        return -1;
    if (sigkey_is_private(s->keys[i]))
        return err_set(e, BY_E_DENIED, "it holds a private key: that key is no secret any more");
    if (strcmp(sigkey_id(s->keys[i]), k->id) != 0 || strcmp(sigkey_alg(s->keys[i]), k->alg) != 0)
        return err_set(e, BY_E_INVALID, "the id or algorithm is not that of the PEM key");
    if (k->not_before_ms >= k->not_after_ms)
        return err_set(e, BY_E_INVALID, "it ends before it begins");
    for (size_t j = 0; j < i; j++)
        if (strcmp(JM_ITEM(s->st.keys, struct w_key_entry, j)->id, k->id) == 0)
            return err_set(e, BY_E_INVALID, "the key is named twice; one key has one use");
    return 0;
}

static int
keyring_read(const struct keyring *r, const char *text, size_t len, struct keyring_set *s,
             struct err *e)
{
    struct w_envelope env;

    if (paper_parse(text, len, &s->a, &env, e) < 0 ||
        paper_check(&env, PAPER_KEYS, NULL, r->root, e) < 0)
        return -1;
    return W_DECODE(key_statement, env.body, strlen(env.body), JM_SIGNED, &s->a, &s->st, e);
}

int
keyring_add(struct keyring *r, const char *statement, size_t len, struct err *e)
{
    SCOPED(keyring_set_free) struct keyring_set *s = calloc(1, sizeof(*s));

    if (s == NULL)
        abort();
    if (keyring_read(r, statement, len, s, e) < 0)
        return err_wrap(e, "key statement");
    s->keys = arena_alloc(&s->a, (s->st.keys.n + 1) * sizeof(struct sigkey *));
    for (size_t i = 0; i < s->st.keys.n; i++)
        if (keyring_load_key(s, i, e) < 0)
            return err_wrap(e, "key statement %llu, key %zu", (unsigned long long)s->st.serial, i);
    (void)pthread_mutex_lock(&r->writer);
    s->older = atomic_load(&r->newest);
    if (s->older == NULL || s->older->st.serial < s->st.serial)
        atomic_store(&r->newest, TAKE(s));
    (void)pthread_mutex_unlock(&r->writer);
    return 0;
}

uint64_t
keyring_serial(const struct keyring *r)
{
    const struct keyring_set *s = atomic_load(&r->newest);

    return s != NULL ? s->st.serial : 0;
}

static const struct w_key_entry *
keyring_entry(const struct keyring_set *s, const char *id, size_t *index)
{
    for (size_t i = 0; s != NULL && i < s->st.keys.n; i++) {
        const struct w_key_entry *k = JM_ITEM(s->st.keys, struct w_key_entry, i);

        if (strcmp(k->id, id) == 0) {
            *index = i;
            return k;
        }
    }
    return NULL;
}

const struct w_key_entry *
keyring_find(const struct keyring *r, const char *id)
{
    size_t i;

    return keyring_entry(atomic_load(&r->newest), id, &i);
}

int
keyring_check(const struct keyring *r, const char *text, size_t len, const char *purpose,
              const char *batch_purpose, enum w_key_use use, int64_t at_ms, struct arena *a,
              const char **body, struct err *e)
{
    const struct keyring_set *s = atomic_load(&r->newest);
    const struct w_key_entry *k;
    struct w_envelope env;
    size_t i;

    if (paper_parse(text, len, a, &env, e) < 0)
        return err_wrap(e, "%s", purpose);
    k = keyring_entry(s, env.key, &i);
    if (k == NULL)
        return err_set(e, BY_E_DENIED, "%s: signed by key %.16s, which the root does not name",
                       purpose, env.key);
    if (k->use != (int)use)
        return err_set(e, BY_E_DENIED, "%s: signed by a key for '%s', which is not for this",
                       purpose, w_key_use_names[k->use]);
    if (at_ms < k->not_before_ms || at_ms >= k->not_after_ms)
        return err_set(e, BY_E_DENIED, "%s: its key %.16s is not valid at that time", purpose,
                       env.key);
    if (paper_check(&env, purpose, batch_purpose, s->keys[i], e) < 0)
        return -1;
    *body = env.body;
    return 0;
}
