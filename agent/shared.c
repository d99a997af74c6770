#include "agent/shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/calls.h"
#include "agent/link.h"
#include "agent/steward.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/durable.h"

enum {
    LOOK_MS = 250,        /* while an answer is waited for */
    ASKED_MS = 500,       /* the steward: whether somebody asks */
    IDLE_MS = 10000,      /* a new steward may be named in the pool alone */
    SWEEP_MS = 60000,     /* asks of ours that nothing waits for */
    SWEEP_AGE_MS = 60000, /* a younger one was perhaps written just now */
    ASKS_MAX = 256,
    NAMES_MAX = 4096, /* of ours and others, that a sweep goes through */
    FAR_MS = 60000
};

/* ---- what is remembered ---- */

static const char *
file_of(const struct agent *ag, const char *name, struct arena *a)
{
    return arena_printf(a, "%s/%s", ag->id.dir, name);
}

static int
read_kept(const struct agent *ag, const char *name, struct strbuf *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};

    if (durable_read(file_of(ag, name, &a), 4096, out, e) == 0)
        return 0;
    if (e->code != BY_E_NOT_FOUND)
        return -1;
    err_clear(e);
    return 0;
}

static int
keep(const struct agent *ag, const char *name, const char *text, struct err *e)
{
    SCOPED(arena) struct arena a = {0};

    return durable_write(file_of(ag, name, &a), text, strlen(text), 0600, e);
}

int
shared_open(struct agent *ag, struct shared **out, struct err *e)
{
    struct shared *s = calloc(1, sizeof(*s));
    SCOPED(strbuf) struct strbuf id = {0}, word = {0};

    if (s == NULL)
        return err_set(e, BY_E_NOMEM, "shared pool");
    s->ag = ag;
    s->lock_fd = -1;
    s->sweep_at_ms = clock_mono_ms() + SWEEP_MS;
    *out = s;
    if (works_new(ag, &s->works, e) < 0 || read_kept(ag, "pool.shared", &id, e) < 0 ||
        read_kept(ag, "pool.steward", &word, e) < 0)
        return -1;
    (void)snprintf(s->id, sizeof(s->id), "%.36s", strbuf_peek(&id));
    if (word.len > 0)
        shared_take_word(s, word.s);
    return 0;
}

void
shared_free(struct shared *s)
{
    if (s == NULL)
        return;
    works_free(s->works);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd); /* ends the lock; nothing was written to it */
    free(s->word_text);
    free(s);
}

int
shared_identify(const struct agent *ag, const char *expected, char found[W_ID], struct err *e)
{
    found[0] = '\0';
    if (sharedpool_identify(ag->conf.pool_path, found, e) < 0 && e->code != BY_E_NOT_FOUND)
        return -1;
    err_clear(e);
    if (expected[0] == '\0' || strcmp(expected, found) == 0)
        return 0;
    if (found[0] == '\0')
        return err_set(e, BY_E_BUSY,
                       "the shared pool %.8s… is not at %s: mount it there; nothing is done until "
                       "then",
                       expected, ag->conf.pool_path);
    return err_set(e, BY_E_BUSY,
                   "at %s lies the shared pool %.8s…, this host works with %.8s…: mount that one",
                   ag->conf.pool_path, found, expected);
}

void
shared_found(struct shared *s, const char *id)
{
    struct err e = {0};

    if (id[0] == '\0' || strcmp(id, s->id) == 0)
        return;
    if (keep(s->ag, "pool.shared", id, &e) < 0) {
        log_error("pool.not_kept", "pool=%s reason=" LOG_Q, id, e.msg);
        return; /* the next reading tries again */
    }
    log_info("pool.shared", "pool=%s path=" LOG_Q, id, s->ag->conf.pool_path);
    (void)snprintf(s->id, sizeof(s->id), "%s", id);
    link_hello_again(s->ag->link);
}

bool
shared_is_on(const struct shared *s)
{
    return s->id[0] != '\0';
}

static bool
is_named(const struct shared *s)
{
    return strcmp(s->word.host, s->ag->id.host) == 0;
}

bool
shared_acts(const struct shared *s)
{
    return !shared_is_on(s) || (is_named(s) && s->lock_fd >= 0);
}

const char *
shared_steward_name(const struct shared *s)
{
    return s->word.term != 0 ? s->word.host_name : "";
}

/* ---- who the steward is ---- */

static int
word_open(const struct shared *s, const char *text, struct arena *a, struct w_steward *out,
          struct err *e)
{
    const char *body = NULL;

    if (keyring_check(s->ag->keys, text, strlen(text), PAPER_STEWARD, NULL, KEY_ORDER,
                      clock_wall_ms(), a, &body, e) < 0 ||
        W_DECODE(steward, body, strlen(body), JM_SIGNED, a, out, e) < 0)
        return -1;
    if (strcmp(out->pool, s->id) != 0)
        return err_set(e, BY_E_CONFLICT, "it is about another pool");
    return 0;
}

void
shared_take_word(struct shared *s, const char *text)
{
    SCOPED(arena) struct arena a = {0};
    struct w_steward w;
    struct err e = {0};
    char *copy;

    if (s->word_text != NULL && strcmp(text, s->word_text) == 0)
        return;
    if (word_open(s, text, &a, &w, &e) < 0) {
        log_warn("steward.refused", "reason=" LOG_Q, e.msg);
        return;
    }
    if (w.term <= s->word.term)
        return;
    copy = strdup(text);
    if (copy == NULL || keep(s->ag, "pool.steward", text, &e) < 0) {
        log_error("steward.not_kept", "term=%llu reason=" LOG_Q, (unsigned long long)w.term, e.msg);
        free(copy);
        return; /* it is told again */
    }
    free(s->word_text);
    s->word_text = copy;
    s->word = w;
    s->put_word = true;
    s->look_at_ms = 0;
    s->ag->dirty = true;
    log_info("steward", "pool=%s host=%s name=%s term=%llu", w.pool, w.host, w.host_name,
             (unsigned long long)w.term);
}

/* ---- looking into the pool ---- */

/* In a worker; it has all to itself. */
struct look {
    struct worker_job job; /* first */
    struct agent *ag;
    struct arena a;
    const char *put;       /* word to write there, or NULL */
    bool want_lock, sweep; /* sweep: remove asks of ours that are none of open */
    bool for_us;           /* read the asks */
    char pool[W_ID], host[W_ID];
    char (*open)[W_ID]; /* resources that wait for an answer */
    size_t n_open;
    /* what was found */
    struct strbuf word;
    int lock_fd;
    struct sharedpool_file *asks;
    size_t n_asks;
    const char **answers; /* as open; NULL: none */
};

static bool
is_open(const struct look *l, const char *resource)
{
    for (size_t i = 0; i < l->n_open; i++)
        if (strcmp(l->open[i], resource) == 0)
            return true;
    return false;
}

static int
remove_both(const char *pool, const char *name, struct err *e)
{
    return sharedpool_remove(pool, SHAREDPOOL_ASK, name, e) < 0 ||
                   sharedpool_remove(pool, SHAREDPOOL_ANSWER, name, e) < 0
               ? -1
               : 0;
}

/* What an agent that was killed between answer and end left behind. */
static int
look_sweep(struct look *l, const char *pool, struct err *e)
{
    static const enum sharedpool_kind kinds[] = {SHAREDPOOL_ASK, SHAREDPOOL_ANSWER};
    char resource[W_ID], host[W_ID];
    struct sharedpool_file *files;
    size_t n;

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (sharedpool_list(pool, kinds[k], NAMES_MAX, &l->a, &files, &n, e) < 0)
            return -1;
        for (size_t i = 0; i < n; i++)
            if (files[i].age_ms > SWEEP_AGE_MS &&
                sharedpool_name_split(files[i].name, resource, host) &&
                strcmp(host, l->host) == 0 && !is_open(l, resource) &&
                remove_both(pool, files[i].name, e) < 0)
                return -1;
    }
    return 0;
}

static int
look_answers(struct look *l, const char *pool, struct err *e)
{
    l->answers = arena_alloc(&l->a, (l->n_open + 1) * sizeof(*l->answers));
    for (size_t i = 0; i < l->n_open; i++) {
        SCOPED(strbuf) struct strbuf b = {0};
        char name[SHAREDPOOL_NAME];

        sharedpool_name(l->open[i], l->host, name);
        if (sharedpool_read(pool, SHAREDPOOL_ANSWER, name, &b, e) == 0)
            l->answers[i] = arena_strdup(&l->a, strbuf_peek(&b));
        else if (e->code != BY_E_NOT_FOUND)
            return -1;
        err_clear(e);
    }
    return 0;
}

/* It is there for hosts that have not heard from the controller yet.  A pool that is full takes no
 * word, and is the one whose steward must work: only it can make room. */
static void
look_word(struct look *l, const char *pool)
{
    struct err e = {0};

    if (l->put != NULL && sharedpool_steward_write(pool, l->put, &e) < 0 && l->sweep)
        log_warn("steward.not_put", "path=" LOG_Q " reason=" LOG_Q, pool, e.msg);
    err_clear(&e);
    if (sharedpool_steward_read(pool, &l->word, &e) < 0 && e.code != BY_E_NOT_FOUND && l->sweep)
        log_warn("steward.not_read", "path=" LOG_Q " reason=" LOG_Q, pool, e.msg);
}

static int
look_run(struct worker_job *j, struct virt *v, struct err *e)
{
    struct look *l = (struct look *)j;
    const char *pool = l->ag->conf.pool_path;
    char found[W_ID];

    (void)v; /* needs no connection */
    if (shared_identify(l->ag, l->pool, found, e) < 0)
        return -1;
    look_word(l, pool);
    if (l->want_lock && sharedpool_lock(pool, &l->lock_fd, e) < 0 && e->code != BY_E_BUSY)
        return -1;
    err_clear(e);
    if (l->for_us && works_read(pool, ASKS_MAX, &l->a, &l->asks, &l->n_asks, e) < 0)
        return -1;
    if (l->sweep && look_sweep(l, pool, e) < 0)
        return -1;
    return look_answers(l, pool, e);
}

/* An answer is there, or says how far it is. */
static void
answer_seen(struct shared *s, const char *resource, const char *text)
{
    SCOPED(arena) struct arena a = {0};
    struct track *k = track_find(&s->ag->tracks, resource);
    struct w_pool_answer ans;
    struct err said = {0};

    if (k == NULL || !k->asks || W_DECODE(pool_answer, text, strlen(text), JM_PEER, &a, &ans, NULL))
        return;
    if (ans.done) {
        k->retry_mono_ms = 0;
        s->ag->dirty = true;
    } else if (ans.reason != NULL) {
        (void)err_set(&said, BY_E_BUSY, "%s, the steward of its shared pool: %s", ans.steward_name,
                      ans.reason);
        (void)snprintf(k->steward, sizeof(k->steward), "%.*s", (int)sizeof(k->steward) - 1,
                       said.msg);
        link_touch(s->ag->link);
    }
}

/* What a word says of itself, genuine or not; 0: nothing. */
static uint64_t
word_claims(const char *text)
{
    SCOPED(arena) struct arena a = {0};
    struct w_envelope env;
    struct w_steward w;

    if (paper_parse(text, strlen(text), &a, &env, NULL) < 0 ||
        W_DECODE(steward, env.body, strlen(env.body), JM_PEER, &a, &w, NULL) < 0)
        return 0;
    return w.term;
}

/* One that claims to be newer is left there, though its key may not be known here yet. */
static void
look_take(struct shared *s, struct look *l)
{
    if (l->word.len > 0)
        shared_take_word(s, l->word.s);
    s->put_word = s->word.term != 0 && word_claims(strbuf_peek(&l->word)) < s->word.term;
    if (l->lock_fd >= 0 && is_named(s)) {
        s->lock_fd = l->lock_fd;
        l->lock_fd = -1;
        s->ag->dirty = true;
        log_info("steward.acts", "pool=%s term=%llu", s->id, (unsigned long long)s->word.term);
    }
    for (size_t i = 0; i < l->n_open; i++)
        if (l->answers[i] != NULL)
            answer_seen(s, l->open[i], l->answers[i]);
    if (is_named(s) && s->lock_fd >= 0)
        for (size_t i = 0; i < l->n_asks; i++)
            works_take(s->works, &l->asks[i]);
}

static void
look_done(struct worker_job *j)
{
    struct look *l = (struct look *)j;
    struct shared *s = l->ag->shared;

    s->looking = false;
    if (j->rc < 0)
        log_debug("pool.look", "reason=" LOG_Q, j->err.msg); /* the reading of all says it louder */
    else
        look_take(s, l);
    if (l->lock_fd >= 0)
        (void)close(l->lock_fd); /* not named any more; nothing was written to it */
    strbuf_clear(&l->word);
    arena_clear(&l->a);
    free(l);
}

static void
open_add(const struct shared *s, struct look *l, bool all)
{
    l->open = arena_alloc(&l->a, (s->ag->tracks.n + 1) * sizeof(*l->open));
    for (size_t i = 0; i < s->ag->tracks.n && (all || l->n_open < ASKS_MAX); i++) {
        const struct track *k = s->ag->tracks.v[i];

        if (k->asks || (all && k->busy))
            memcpy(l->open[l->n_open++], k->id, W_ID);
    }
}

static void
look_start(struct shared *s, int64_t now)
{
    struct look *l = calloc(1, sizeof(*l));
    struct err e = {0};

    if (l == NULL)
        abort(); /* out of memory */
    l->ag = s->ag;
    l->lock_fd = -1;
    l->want_lock = is_named(s) && s->lock_fd < 0;
    l->for_us = is_named(s) && s->lock_fd >= 0;
    l->sweep = now >= s->sweep_at_ms;
    if (l->sweep)
        s->sweep_at_ms = now + SWEEP_MS;
    if (s->put_word)
        l->put = arena_strdup(&l->a, s->word_text);
    memcpy(l->pool, s->id, W_ID);
    memcpy(l->host, s->ag->id.host, W_ID);
    open_add(s, l, l->sweep);
    l->job.what = call_text(CALL_STEWARD_LOOK);
    l->job.no_conn = true;
    l->job.run = look_run;
    l->job.done = look_done;
    if (workers_submit(s->ag->calls, &l->job, &e) < 0) {
        arena_clear(&l->a);
        free(l);
        return; /* too many calls hang or wait: the next time */
    }
    s->looking = true;
}

static bool
waits(const struct shared *s)
{
    for (size_t i = 0; i < s->ag->tracks.n; i++)
        if (s->ag->tracks.v[i]->asks)
            return true;
    return false;
}

static int
look_every(const struct shared *s)
{
    if (waits(s))
        return LOOK_MS;
    return is_named(s) || s->put_word ? ASKED_MS : IDLE_MS;
}

int
shared_step(struct shared *s, int64_t now)
{
    if (!shared_is_on(s) || s->ag->observe_err.code != BY_E_OK)
        return FAR_MS;
    if (!is_named(s) && s->lock_fd >= 0 && s->acting == 0) {
        (void)close(s->lock_fd); /* ends the lock: the next one may begin */
        s->lock_fd = -1;
        log_info("steward.over", "pool=%s next=%s", s->id, s->word.host_name);
    }
    if (!s->looking && now >= s->look_at_ms) {
        s->look_at_ms = now + look_every(s);
        look_start(s, now);
    }
    if (!s->looking && waits(s) && s->look_at_ms > now + LOOK_MS)
        s->look_at_ms = now + LOOK_MS;
    return s->look_at_ms > now ? (int)(s->look_at_ms - now) : LOOK_MS;
}
