#include "controller/init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/meta.h"
#include "controller/paths.h"
#include "controller/policy.h"
#include "drivers/base/fault.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/password.h"
#include "drivers/crypto/x509.h"
#include "drivers/db/db.h"
#include "drivers/host/durable.h"
#include "policies/person.h"

#define STAGE ".init"
#define CA_DAYS 7300
#define KEY_YEARS_MS (20 * INT64_C(31557600000))

/* Every file that a run may leave behind. */
static const char *const made[] = {PATH_ROOT_KEY, PATH_ROOT_PUB, PATH_ORDER_KEY, PATH_CA_KEY,
                                   PATH_CA_CERT};
static const char *const made_dirs[] = {PATH_ROOT_DIR, PATH_KEYS_DIR, PATH_RUN_DIR};
static const char *const store_tails[] = {"", "-wal", "-shm", "-journal"};

static int
init_exists(const char *dir, const char *file, bool *yes, struct err *e)
{
    char path[400];
    struct stat st;

    if (paths_join(dir, file, path, sizeof(path), e) < 0)
        return -1;
    *yes = lstat(path, &st) == 0;
    if (!*yes && errno != ENOENT && errno != ENOTDIR)
        return durable_errno(e, errno, "looking for", path);
    return 0;
}

static int
init_remove(const char *dir, const char *file, struct err *e)
{
    char path[400];

    if (paths_join(dir, file, path, sizeof(path), e) < 0)
        return -1;
    if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
        return durable_errno(e, errno, "removing", path);
    return 0;
}

/* What an unfinished run left in dir: keys that never signed anything that counts. */
static int
init_sweep(const char *dir, struct err *e)
{
    char path[400], tail[32];

    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        if (init_remove(dir, made[i], e) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_LEN(store_tails); i++) {
        (void)snprintf(tail, sizeof(tail), PATH_STORE "%s", store_tails[i]);
        if (init_remove(dir, tail, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(made_dirs); i++) {
        if (paths_join(dir, made_dirs[i], path, sizeof(path), e) < 0)
            return -1;
        (void)rmdir(path); /* absent or with other things in it: both fine */
    }
    return 0;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int
init_write(const char *dir, const char *file, const char *text, mode_t mode, struct err *e)
{
    char path[400];

    if (paths_join(dir, file, path, sizeof(path), e) < 0)
        return -1;
    return durable_write(path, text, strlen(text), mode, e);
}

static int
init_key(const char *dir, const char *file, const char *alg, struct sigkey **out, struct err *e)
{
    char path[400];

    if (paths_join(dir, file, path, sizeof(path), e) < 0 || sigkey_generate(alg, out, e) < 0)
        return -1;
    return sigkey_save(*out, path, e);
}

static int
init_statement(const struct sigkey *root, const struct sigkey *order, int64_t now_ms,
               struct arena *a, const char **paper, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_key_entry key = {.use = KEY_ORDER, .not_before_ms = now_ms - 60000};
    struct w_key_statement st = {
        .version = 1, .serial = 1, .issued_at_ms = now_ms, .keys = {.items = &key, .n = 1}};

    (void)snprintf(key.id, sizeof(key.id), "%s", sigkey_id(order));
    (void)snprintf(key.alg, sizeof(key.alg), "%s", sigkey_alg(order));
    (void)snprintf(key.holder, sizeof(key.holder), "controller");
    key.public_pem = sigkey_public_pem(order, a);
    key.not_after_ms = now_ms + KEY_YEARS_MS;
    jm_encode(schema_key_statement, &st, &b);
    return paper_sign(root, PAPER_KEYS, strbuf_peek(&b), a, paper, e);
}

static int
init_ca(const char *dir, const char *name, struct arena *a, struct err *e)
{
    const char *key = NULL, *cert = NULL;

    if (x509_ca_new(name, CA_DAYS, a, &key, &cert, e) < 0 ||
        init_write(dir, PATH_CA_KEY, key, 0600, e) < 0)
        return err_wrap(e, "CA");
    return init_write(dir, PATH_CA_CERT, cert, 0644, e);
}

/* ---- the store ------------------------------------------------------------------------------ */

struct init_store {
    const struct init_options *o;
    const char *root_pem, *statement;
    int64_t now_ms;
    char store[W_ID], unit[W_ID], account[W_ID], token_sha256[W_HASH];
    char id_hash[PASSWORD_HASH];
};

/* What the controller needs before it can open the store. */
static int
init_facts(struct db *d, const struct init_store *s, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct w_policy p;

    if (db_begin(d, e) < 0)
        return -1;
    if (meta_set(d, META_STORE, s->store, e) < 0 || meta_set(d, META_NAME, s->o->name, e) < 0 ||
        meta_set_int(d, META_TERM, 1, e) < 0 || meta_set(d, META_ROOT, s->root_pem, e) < 0 ||
        DB_EXEC(d, DB_KEY_STATEMENT_ADD, NULL, e, DBI(1), DBS(s->statement), DBI(s->now_ms)) < 0 ||
        policy_store(d, policy_shipped(), "controller", s->now_ms, &a, &p, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e);
}

/* The first account, and the first entry of the ledger: signed as everything after it. */
static int
init_people(void *arg, struct tx *t, struct err *e)
{
    struct init_store *s = arg;
    char body[320];

    if (DB_EXEC(t->d, DB_UNIT_ADD_TREE, NULL, e, DBS(s->unit), DBS(s->o->name), DBS(""),
                DBI(UNIT_BUREAU), DBS(""), DBI(t->now_ms)) < 0 ||
        DB_EXEC(t->d, DB_ACCOUNT_ADD, NULL, e, DBS(s->account), DBS("admin"), DBS("administrator"),
                DBS(s->unit), DBS(""), DBI(ROLE_ADMIN), DBI(t->now_ms)) < 0 ||
        (s->o->id_number != NULL &&
         DB_EXEC(t->d, DB_ACCOUNT_IDENTIFY, NULL, e, DBS(s->id_hash), DBS(s->account)) < 0) ||
        DB_EXEC(t->d, DB_ONE_TIME_ADD, NULL, e, DBS(s->token_sha256), DBS(s->account),
                DBI(t->now_ms + INIT_TOKEN_MS)) < 0)
        return -1;
    (void)snprintf(body, sizeof(body), "{\"account\":\"%s\",\"order_key\":\"%s\",\"unit\":\"%s\"}",
                   s->account, sigkey_id(t->c->order_key), s->unit);
    return ledger_append(t, "controller", "store.created", s->store, body, e);
}

static int
init_commit(const char *dir, struct init_store *s, struct err *e)
{
    struct controller c = {.wall_ms = s->o->wall_ms};
    struct controller_config conf;
    int rc;

    if (config_default(&conf, e) < 0)
        return -1;
    conf.readers = conf.workers = conf.hashers = 1;
    rc = controller_open(&c, dir, &conf, e);
    if (rc == 0)
        rc = commit_run(c.commit, init_people, s, e);
    controller_free(&c);
    return rc;
}

static int
init_store_make(const char *dir, struct init_store *s, struct err *e)
{
    char path[400];

    if (paths_join(dir, PATH_STORE, path, sizeof(path), e) < 0)
        return -1;
    {
        SCOPED(db_free) struct db *d = NULL;

        if (db_open(path, false, &d, e) < 0 || init_facts(d, s, e) < 0)
            return err_wrap(e, "new store");
    }
    return init_commit(dir, s, e);
}

/* ---- staging -------------------------------------------------------------------------------- */

static int
init_build(const struct init_options *o, const char *stage, const char *token, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(sigkey_free) struct sigkey *root = NULL;
    SCOPED(sigkey_free) struct sigkey *order = NULL;
    struct init_store s = {.o = o, .now_ms = o->wall_ms()};
    char path[400];

    for (size_t i = 0; i < ARRAY_LEN(made_dirs); i++)
        if (paths_join(stage, made_dirs[i], path, sizeof(path), e) < 0 ||
            durable_mkdirs(path, i == 2 ? 0755 : 0700, e) < 0)
            return -1;
    if (init_key(stage, PATH_ROOT_KEY, o->alg, &root, e) < 0 ||
        init_key(stage, PATH_ORDER_KEY, o->alg, &order, e) < 0 ||
        init_statement(root, order, s.now_ms, &a, &s.statement, e) < 0 ||
        init_ca(stage, o->name, &a, e) < 0)
        return err_wrap(e, "keys");
    s.root_pem = sigkey_public_pem(root, &a);
    if (init_write(stage, PATH_ROOT_PUB, s.root_pem, 0644, e) < 0)
        return -1;
    random_uuid(s.store);
    if (o->id_number != NULL && password_hash_in(o->id_number, s.store, s.id_hash, e) < 0)
        return err_wrap(e, "the administrator's id number");
    random_uuid(s.unit);
    random_uuid(s.account);
    digest_sha256_hex(token, strlen(token), s.token_sha256);
    return init_store_make(stage, &s, e);
}

static int
init_move(const char *stage, const char *dir, const char *file, struct err *e)
{
    char from[400], to[400];

    if (paths_join(stage, file, from, sizeof(from), e) < 0 ||
        paths_join(dir, file, to, sizeof(to), e) < 0)
        return -1;
    if (rename(from, to) < 0)
        return durable_errno(e, errno, "moving", from);
    return durable_sync_parent(to, e);
}

/* The store goes last: with it the run counts. */
static int
init_publish(const char *stage, const char *dir, struct err *e)
{
    (void)fault_at(BY_FAULT_INIT_MOVE);
    if (init_move(stage, dir, PATH_ROOT_DIR, e) < 0)
        return -1;
    (void)fault_at(BY_FAULT_INIT_MOVE);
    if (init_move(stage, dir, PATH_KEYS_DIR, e) < 0 || init_move(stage, dir, PATH_CA_CERT, e) < 0)
        return -1;
    (void)fault_at(BY_FAULT_INIT_MOVE);
    if (init_move(stage, dir, PATH_STORE, e) < 0)
        return -1;
    (void)fault_at(BY_FAULT_INIT_MOVE);
    return 0;
}

/* Where to listen; a file that is there already is the owner's. */
static int
init_config(const struct init_options *o, struct err *e)
{
    bool there = false;
    char text[256];

    if (o->address == NULL || init_exists(o->dir, PATH_CONF, &there, e) < 0)
        return o->address == NULL ? 0 : -1;
    (void)snprintf(text, sizeof(text), "[people]\naddress = %.60s\n[agents]\naddress = %.60s\n",
                   o->address, o->address);
    return there ? 0 : init_write(o->dir, PATH_CONF, text, 0644, e);
}

/* The store is there, but a crash came before its token was shown: make a new one. */
static int
init_again(const char *dir, const char *token, struct err *e)
{
    SCOPED(db_free) struct db *d = NULL;
    char path[400], hash[65];
    int changed = 0;

    digest_sha256_hex(token, strlen(token), hash);
    if (paths_join(dir, PATH_STORE, path, sizeof(path), e) < 0 || db_open(path, false, &d, e) < 0 ||
        db_begin(d, e) < 0)
        return -1;
    if (DB_EXEC(d, DB_ONE_TIME_RENEW, &changed, e, DBS(hash), DBS("admin")) < 0) {
        db_rollback(d);
        return -1;
    }
    if (changed != 1) {
        db_rollback(d);
        return err_set(e, BY_E_CONFLICT, "%s is initialised and its first token was used", dir);
    }
    return db_commit(d, e);
}

static int
init_prepare(const char *dir, const char *stage, struct err *e)
{
    bool staged = false, there = false;

    if (init_exists(dir, STAGE, &staged, e) < 0)
        return -1;
    for (size_t i = 0; !staged && i < ARRAY_LEN(made); i++) {
        if (init_exists(dir, made[i], &there, e) < 0)
            return -1;
        if (there)
            return err_set(e, BY_E_CONFLICT,
                           "%s holds %s but no store: restore the store's backup beside it, or "
                           "choose an empty folder",
                           dir, made[i]);
    }
    if (staged && (init_sweep(dir, e) < 0 || init_sweep(stage, e) < 0))
        return -1;
    return durable_mkdirs(stage, 0700, e);
}

int
init_run(const struct init_options *o, char token[INIT_TOKEN], struct err *e)
{
    char stage[300];
    bool there = false, staged = false;
    enum digest_alg alg;

    if (sigkey_alg_digest(o->alg, &alg, e) < 0 ||
        paths_join(o->dir, STAGE, stage, sizeof(stage), e) < 0 ||
        init_exists(o->dir, PATH_STORE, &there, e) < 0 ||
        init_exists(o->dir, STAGE, &staged, e) < 0)
        return -1;
    if (o->id_number != NULL && !person_id_is_possible(o->id_number))
        return err_set(e, BY_E_INVALID,
                       "what --id-file holds is no id number: 18 characters, the last one checks "
                       "the others");
    random_token(AUTH_TOKEN_ONE_TIME, token, INIT_TOKEN);
    if (there && !staged)
        return err_set(e, BY_E_CONFLICT, "%s is initialised already: nothing was changed", o->dir);
    if (there)
        return init_again(o->dir, token, e);
    if (durable_mkdirs(o->dir, 0700, e) < 0 || init_prepare(o->dir, stage, e) < 0 ||
        init_build(o, stage, token, e) < 0 || init_config(o, e) < 0)
        return err_wrap(e, "init %s", o->dir);
    return init_publish(stage, o->dir, e);
}

int
init_finish(const char *dir, struct err *e)
{
    char stage[300];

    if (paths_join(dir, STAGE, stage, sizeof(stage), e) < 0 || init_sweep(stage, e) < 0)
        return -1;
    if (rmdir(stage) < 0 && errno != ENOENT)
        return durable_errno(e, errno, "removing", stage);
    return durable_sync_parent(stage, e);
}
