#include "controller/live.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/ledger.h"
#include "controller/meta.h"

struct live {
    pthread_rwlock_t lock; /* of everything below */
    uint64_t term;
    bool recovery, jumped;
    int64_t jumped_wall_ms, jumped_mono_ms; /* the time then, as it would be without the jump */
    int64_t seen_wall_ms, seen_mono_ms;     /* of the newest group; 0: none yet */
    char *head;
    uint64_t head_seq;
    int64_t head_ms;
    struct keyring *ring;
};

int
live_new(struct live **out, struct err *e)
{
    struct live *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    (void)pthread_rwlock_init(&l->lock, NULL);
    *out = l;
    return 0;
}

void
live_free(struct live *l)
{
    if (l == NULL)
        return;
    keyring_free(l->ring);
    free(l->head);
    (void)pthread_rwlock_destroy(&l->lock);
    free(l);
}

static int
live_load_ring(struct db *d, const char *root, struct keyring **out, struct err *e)
{
    SCOPED(keyring_free) struct keyring *ring = NULL;
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (keyring_new(root, &ring, e) < 0 || DB_QUERY(d, DB_KEY_STATEMENTS, &r, e, DBI(1)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (keyring_add(ring, db_str(r, 0), db_len(r, 0), e) < 0)
            return err_wrap(e, "a key statement of the store");
    if (rc == 0)
        *out = TAKE(ring);
    return rc;
}

static int
live_load_head(struct db *d, char **out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (db_query(d, DB_LEDGER_HEAD_GET, NULL, 0, &r, e) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    *out = rc == 0 ? NULL : strdup(db_str(r, 0));
    return rc == 1 && *out == NULL ? err_set(e, BY_E_NOMEM, "out of memory") : 0;
}

static void
live_swap(struct live *l, struct live *n)
{
    (void)pthread_rwlock_wrlock(&l->lock);
    free(l->head);
    keyring_free(l->ring);
    l->term = n->term;
    l->recovery = n->recovery;
    if (!l->jumped) {
        l->jumped_wall_ms = n->jumped_wall_ms;
        l->jumped_mono_ms = n->jumped_mono_ms;
    }
    l->jumped = n->jumped;
    l->head = n->head;
    l->head_seq = n->head_seq;
    l->head_ms = n->head_ms;
    l->ring = n->ring;
    (void)pthread_rwlock_unlock(&l->lock);
}

int
live_load(struct live *l, struct db *d, const struct sigkey *order_key, int64_t mono_ms,
          struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct live n = {0};
    struct ledger_tail tail = {0};
    const char *root = NULL, *recovery = NULL;
    int64_t term = 0, jumped = 0;

    if (meta_get_int(d, META_TERM, &term, e) < 0 ||
        meta_get_int(d, META_CLOCK_JUMP, &jumped, e) < 0 ||
        meta_get(d, META_RECOVERY, &a, &recovery, e) < 0 ||
        meta_get(d, META_ROOT, &a, &root, e) < 0 || ledger_load_tail(d, &tail, e) < 0)
        return -1;
    if (root == NULL || term < 1)
        return err_set(e, BY_E_CONFLICT,
                       "the store was never initialised: run bianyun-controller init");
    if (live_load_ring(d, root, &n.ring, e) < 0)
        return -1;
    if (order_key != NULL && keyring_find(n.ring, sigkey_id(order_key)) == NULL) {
        keyring_free(n.ring);
        return err_set(e, BY_E_CONFLICT,
                       "the newest key statement does not name the order key of this controller");
    }
    if (live_load_head(d, &n.head, e) < 0) {
        keyring_free(n.ring);
        return -1;
    }
    n.term = (uint64_t)term;
    n.jumped = jumped != 0;
    n.jumped_wall_ms = tail.at_ms; /* how long it was away is not known: late, never early */
    n.jumped_mono_ms = mono_ms;
    n.recovery = recovery != NULL && recovery[0] != '\0';
    n.head_seq = tail.seq;
    n.head_ms = tail.at_ms;
    live_swap(l, &n);
    return 0;
}

uint64_t
live_term(struct live *l)
{
    uint64_t v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = l->term;
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

void
live_set_term(struct live *l, uint64_t term)
{
    (void)pthread_rwlock_wrlock(&l->lock);
    l->term = term;
    (void)pthread_rwlock_unlock(&l->lock);
}

bool
live_recovery(struct live *l)
{
    bool v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = l->recovery;
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

void
live_set_recovery(struct live *l, bool on)
{
    (void)pthread_rwlock_wrlock(&l->lock);
    l->recovery = on;
    (void)pthread_rwlock_unlock(&l->lock);
}

bool
live_jumped(struct live *l)
{
    bool v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = l->jumped;
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

void
live_jump_begin(struct live *l, int64_t wall_ms, int64_t mono_ms)
{
    (void)pthread_rwlock_wrlock(&l->lock);
    if (!l->jumped) { /* one jump after another: time goes on from before the first */
        l->jumped_wall_ms = wall_ms;
        l->jumped_mono_ms = mono_ms;
    }
    l->jumped = true;
    (void)pthread_rwlock_unlock(&l->lock);
}

void
live_jump_end(struct live *l)
{
    (void)pthread_rwlock_wrlock(&l->lock);
    l->jumped = false;
    (void)pthread_rwlock_unlock(&l->lock);
}

void
live_clock_seen(struct live *l, int64_t wall_ms, int64_t mono_ms)
{
    (void)pthread_rwlock_wrlock(&l->lock);
    l->seen_wall_ms = wall_ms;
    l->seen_mono_ms = mono_ms;
    (void)pthread_rwlock_unlock(&l->lock);
}

static bool
strays(const struct live *l, int64_t wall_ms, int64_t mono_ms, int64_t *expect_ms)
{
    *expect_ms = l->seen_wall_ms + (mono_ms - l->seen_mono_ms);
    return !l->jumped && l->seen_mono_ms != 0 && llabs(wall_ms - *expect_ms) > CLOCK_JUMP_MS;
}

bool
live_clock_strays(struct live *l, int64_t wall_ms, int64_t mono_ms)
{
    int64_t expect;
    bool v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = strays(l, wall_ms, mono_ms, &expect);
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

int64_t
live_now_ms(struct live *l, int64_t wall_ms, int64_t mono_ms)
{
    int64_t now = wall_ms, expect;

    (void)pthread_rwlock_rdlock(&l->lock);
    if (l->jumped)
        now = l->jumped_wall_ms + (mono_ms - l->jumped_mono_ms);
    else if (strays(l, wall_ms, mono_ms, &expect))
        now = expect;
    (void)pthread_rwlock_unlock(&l->lock);
    return now;
}

const char *
live_head(struct live *l, struct arena *a)
{
    const char *v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = l->head == NULL ? NULL : arena_strdup(a, l->head);
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

uint64_t
live_head_seq(struct live *l)
{
    uint64_t v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = l->head_seq;
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

int64_t
live_head_ms(struct live *l)
{
    int64_t v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = l->head_ms;
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

void
live_set_head(struct live *l, const char *head, uint64_t seq, int64_t at_ms)
{
    char *copy = strdup(head);

    if (copy == NULL)
        abort(); /* as arena and strbuf: a process without memory starts again */
    (void)pthread_rwlock_wrlock(&l->lock);
    free(l->head);
    l->head = copy;
    l->head_seq = seq;
    l->head_ms = at_ms;
    (void)pthread_rwlock_unlock(&l->lock);
}

int
live_keys_add(struct live *l, const char *statement, struct err *e)
{
    int rc;

    (void)pthread_rwlock_wrlock(&l->lock);
    rc = keyring_add(l->ring, statement, strlen(statement), e);
    (void)pthread_rwlock_unlock(&l->lock);
    return rc;
}

uint64_t
live_keys_serial(struct live *l)
{
    uint64_t v;

    (void)pthread_rwlock_rdlock(&l->lock);
    v = keyring_serial(l->ring);
    (void)pthread_rwlock_unlock(&l->lock);
    return v;
}

int
live_keys_named(struct live *l, const char *id, enum w_key_use use, int64_t at_ms, struct err *e)
{
    const struct w_key_entry *k;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&l->lock);
    k = keyring_find(l->ring, id);
    if (k == NULL || k->use != (int)use)
        rc = err_set(e, BY_E_DENIED, "the root does not name the key %.16s… for '%s'", id,
                     w_key_use_names[use]);
    else if (at_ms < k->not_before_ms || at_ms >= k->not_after_ms)
        rc = err_set(e, BY_E_DENIED, "the key %.16s… is not valid at this time", id);
    (void)pthread_rwlock_unlock(&l->lock);
    return rc;
}

int
live_keys_check(struct live *l, const char *text, size_t len, const char *purpose,
                const char *batch_purpose, enum w_key_use use, int64_t at_ms, struct arena *a,
                const char **body, struct err *e)
{
    int rc;

    (void)pthread_rwlock_rdlock(&l->lock);
    rc = keyring_check(l->ring, text, len, purpose, batch_purpose, use, at_ms, a, body, e);
    (void)pthread_rwlock_unlock(&l->lock);
    return rc;
}
