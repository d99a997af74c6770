#include "controller/controller.h"

#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/jobs.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "controller/metrics.h"
#include "controller/paths.h"
#include "controller/pool.h"
#include "controller/signin.h"
#include "controller/units.h"
#include "controller/watching.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"

#define POOL_QUEUE 2048
#define HASH_QUEUE 64
#define PEM_MAX 16384

static int
controller_text(struct controller *c, const char *file, const char **out, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char path[320];

    if (paths_join(c->dir, file, path, sizeof(path), e) < 0 ||
        durable_read(path, PEM_MAX, &b, e) < 0)
        return -1;
    *out = arena_strdup(&c->arena, strbuf_peek(&b));
    return 0;
}

static int
controller_keys(struct controller *c, struct err *e)
{
    char path[320];

    if (controller_text(c, PATH_CA_CERT, &c->ca_pem, e) < 0 ||
        controller_text(c, PATH_CA_KEY, &c->ca_key, e) < 0 ||
        x509_fingerprint(c->ca_pem, c->ca_sha256, e) < 0 ||
        paths_join(c->dir, PATH_ORDER_KEY, path, sizeof(path), e) < 0 ||
        sigkey_load(path, &c->order_key, e) < 0)
        return err_wrap(e, "keys");
    if (c->conf.grant_key[0] == '\0')
        return 0;
    log_warn("grant_key.held", "file=%s effect=" LOG_Q, c->conf.grant_key,
             "the controller can approve by itself: weaker than a key in the bureau's hands");
    return sigkey_load(c->conf.grant_key, &c->grant_key, e);
}

static int
controller_load(struct controller *c, struct err *e)
{
    SCOPED(db_free) struct db *d = NULL;
    const char *store = NULL;

    if (db_open(c->store_path, false, &d, e) < 0 || /* migrates, once, before the readers open */
        meta_get(d, META_STORE, &c->arena, &store, e) < 0 ||
        meta_get(d, META_ROOT, &c->arena, &c->root_pem, e) < 0)
        return -1;
    if (store == NULL || c->root_pem == NULL)
        return err_set(e, BY_E_CONFLICT, "%s was never initialised: run bianyun-controller init",
                       c->store_path);
    (void)snprintf(c->store, sizeof(c->store), "%s", store);
    if (live_load(c->live, d, c->order_key, c->mono_ms(), e) < 0)
        return -1;
    return controller_load_people(c, d, e);
}

int
controller_load_people(struct controller *c, struct db *d, struct err *e)
{
    if (auth_load(c->auth, d, controller_now_ms(c), e) < 0 || units_load(c->units, d, e) < 0)
        return -1;
    return signin_load(c->signin, d, e);
}

static int
controller_pools(struct controller *c, struct err *e)
{
    const struct pool_config readers = {.name = "reader",
                                        .threads = (unsigned)c->conf.readers,
                                        .queue = POOL_QUEUE,
                                        .store_path = c->store_path};
    const struct pool_config workers = {
        .name = "worker", .threads = (unsigned)c->conf.workers, .queue = POOL_QUEUE};
    const struct pool_config hashers = {
        .name = "hasher", .threads = (unsigned)c->conf.hashers, .queue = HASH_QUEUE};

    if (commit_new(c, &c->commit, e) < 0 || pool_new(&readers, &c->readers, e) < 0)
        return -1;
    return pool_new(&workers, &c->workers, e) < 0 ? -1 : pool_new(&hashers, &c->hashers, e);
}

int
controller_open(struct controller *c, const char *dir, const struct controller_config *conf,
                struct err *e)
{
    c->conf = *conf;
    if (c->wall_ms == NULL)
        c->wall_ms = clock_wall_ms;
    if (c->mono_ms == NULL)
        c->mono_ms = clock_mono_ms;
    c->opened_ms = c->mono_ms();
    if (snprintf(c->dir, sizeof(c->dir), "%s", dir) >= (int)sizeof(c->dir))
        return err_set(e, BY_E_INVALID, "the path of the store is too long");
    if (paths_join(c->dir, PATH_STORE, c->store_path, sizeof(c->store_path), e) < 0 ||
        controller_keys(c, e) < 0 || metrics_new(controller_metrics, CM__MAX, &c->metrics, e) < 0 ||
        live_new(&c->live, e) < 0 || auth_new(&c->auth, e) < 0 || units_new(&c->units, e) < 0 ||
        signin_new(&c->signin, e) < 0 || watching_new(&c->watching, e) < 0 ||
        controller_load(c, e) < 0 || controller_pools(c, e) < 0)
        return err_wrap(e, "controller in %s", dir);
    jobs_begin(c);
    return 0;
}

void
controller_free(struct controller *c)
{
    pool_free(TAKE(c->hashers));
    pool_free(TAKE(c->workers));
    pool_free(TAKE(c->readers));
    commit_free(TAKE(c->commit));
    watching_free(TAKE(c->watching));
    signin_free(TAKE(c->signin));
    units_free(TAKE(c->units));
    auth_free(TAKE(c->auth));
    live_free(TAKE(c->live));
    metrics_free(TAKE(c->metrics));
    sigkey_free(TAKE(c->order_key));
    sigkey_free(TAKE(c->grant_key));
    arena_clear(&c->arena);
}

int32_t
controller_tz_minutes(const struct controller *c)
{
    return (int32_t)c->conf.utc_offset;
}

uint64_t
controller_term(struct controller *c)
{
    return live_term(c->live);
}

bool
controller_recovery(struct controller *c)
{
    return live_recovery(c->live);
}

int64_t
controller_now_ms(struct controller *c)
{
    return live_now_ms(c->live, c->wall_ms(), c->mono_ms());
}

bool
controller_clock_jumped(struct controller *c)
{
    return live_jumped(c->live);
}

const char *
controller_head(struct controller *c, struct arena *a)
{
    return live_head(c->live, a);
}

uint64_t
controller_head_seq(struct controller *c)
{
    return live_head_seq(c->live);
}

int
controller_paper_check(struct controller *c, const char *text, size_t len, const char *purpose,
                       const char *batch_purpose, enum w_key_use use, int64_t at_ms,
                       struct arena *a, const char **body, struct err *e)
{
    return live_keys_check(c->live, text, len, purpose, batch_purpose, use, at_ms, a, body, e);
}

static void
controller_recovery_on(struct controller *c, void *arg)
{
    (void)arg;
    live_set_recovery(c->live, true);
    log_error("recovery", "action=" LOG_Q,
              "hosts know more than this store: nothing is dispatched until an administrator "
              "confirms");
}

int
controller_enter_recovery(struct tx *t, const char *reason, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *now = NULL;
    int64_t term = 0;

    if (meta_get(t->d, META_RECOVERY, &a, &now, e) < 0 ||
        meta_get_int(t->d, META_TERM, &term, e) < 0)
        return -1;
    /* A person has confirmed in this very group, and memory does not know yet: what was said is
     * judged by the older term.  It will be said again. */
    if ((now != NULL && now[0] != '\0') || (uint64_t)term > controller_term(t->c))
        return 0;
    if (meta_set(t->d, META_RECOVERY, reason, e) < 0 ||
        db_exec(t->d, DB_RECOVERY_ASK_ALL, NULL, 0, NULL, e) < 0 ||
        db_exec(t->d, DB_RECOVERY_WITHOUT_CLEAR, NULL, 0, NULL, e) < 0 ||
        ledger_append(t, "controller", "recovery.entered", t->c->store, "{}", e) < 0)
        return -1;
    commit_after(t, controller_recovery_on, NULL);
    return 0;
}

int
controller_note_term(struct tx *t, uint64_t term, struct err *e)
{
    int64_t known = 0;

    /* It rises by one with each confirmed recovery: a host that has seen so many more has something
     * broken, and believing it would leave no term to rise to. */
    if (term > controller_term(t->c) + TERM_LEAP_MAX)
        return err_field(e, BY_E_INVALID, "term",
                         "term %llu is not believed: we are in term %llu; look at this host",
                         (unsigned long long)term, (unsigned long long)controller_term(t->c));
    if (meta_get_int(t->d, META_TERM_SEEN, &known, e) < 0)
        return -1;
    if ((uint64_t)known >= term)
        return 0;
    return meta_set_int(t->d, META_TERM_SEEN, (int64_t)term, e);
}
