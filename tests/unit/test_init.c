#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/init.h"
#include "drivers/base/clock.h"
#include "drivers/base/fault.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/password.h"
#include "drivers/host/durable.h"
#include "tests/unit/tmpdir.h"

static int
make(const char *dir, const char *alg, char token[INIT_TOKEN], struct err *e)
{
    struct init_options o = {.dir = dir, .alg = alg, .name = "test", .wall_ms = clock_wall_ms};

    return init_run(&o, token, e);
}

/* The store opens, and the token is the one that its hash is of. */
static void
assert_whole(const char *dir, const char *token)
{
    struct controller c = {0};
    struct controller_config conf;
    struct err e = {0};
    char hash[65];

    CU_ASSERT_EQUAL_FATAL(config_default(&conf, &e), 0);
    CU_ASSERT_EQUAL(controller_open(&c, dir, &conf, &e), 0);
    if (e.code == BY_E_OK) {
        SCOPED(db_free) struct db *d = NULL;
        SCOPED(db_rows_free) struct db_rows *r = NULL;

        digest_sha256_hex(token, strlen(token), hash);
        CU_ASSERT_EQUAL_FATAL(db_open(c.store_path, true, &d, &e), 0);
        CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_ONE_TIME_GET, &r, &e, DBS(hash)), 0);
        CU_ASSERT_EQUAL(db_next(r, &e), 1);
    }
    controller_free(&c);
}

static void
makes_a_store_with_private_keys_in_both_algorithms(void)
{
    static const char *const algs[] = {ALG_SM2, ALG_P256};
    static const char *const private[] = {"root/root.key", "keys/order.key", "keys/ca.key",
                                          "store.db"};

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        SCOPED(tmpdir) char *dir = tmpdir_new();
        char token[INIT_TOKEN], path[400];
        struct err e = {0};
        struct stat st;

        CU_ASSERT_EQUAL_FATAL(make(dir, algs[i], token, &e), 0);
        CU_ASSERT_EQUAL(init_finish(dir, &e), 0);
        assert_whole(dir, token);
        for (size_t n = 0; n < ARRAY_LEN(private); n++) {
            (void)snprintf(path, sizeof(path), "%s/%s", dir, private[n]);
            CU_ASSERT_EQUAL(stat(path, &st), 0);
            CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
        }
        (void)snprintf(path, sizeof(path), "%s/.init", dir);
        CU_ASSERT_NOT_EQUAL(stat(path, &st), 0);
    }
}

static void
refuses_a_store_that_is_there_and_keys_that_are_not_its_own(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf before = {0};
    SCOPED(strbuf) struct strbuf after = {0};
    char token[INIT_TOKEN], path[400];
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(make(dir, ALG_P256, token, &e), 0);
    CU_ASSERT_EQUAL(init_finish(dir, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/root/root.key", dir);
    CU_ASSERT_EQUAL(durable_read(path, 4096, &before, &e), 0);
    CU_ASSERT_EQUAL(make(dir, ALG_P256, token, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    (void)snprintf(path, sizeof(path), "%s/store.db", dir);
    CU_ASSERT_EQUAL(unlink(path), 0); /* the store is lost, its keys are not */
    CU_ASSERT_EQUAL(make(dir, ALG_P256, token, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    (void)snprintf(path, sizeof(path), "%s/root/root.key", dir);
    CU_ASSERT_EQUAL(durable_read(path, 4096, &after, &e), 0);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&before), strbuf_peek(&after));
}

static void
child(const char *dir, const char *fault)
{
    char token[INIT_TOKEN];
    struct err e = {0};

    fault_restart();
    (void)setenv("BIANYUN_FAULT", fault, 1);
    _exit(make(dir, ALG_P256, token, &e) == 0 ? 0 : 1);
}

static void
a_crash_anywhere_is_made_good_by_running_again(void)
{
    static const char *const faults[] = {"COMMIT_BEFORE:1:kill", "COMMIT_AFTER:1:kill",
                                         "COMMIT_BEFORE:2:kill", "COMMIT_AFTER:2:kill",
                                         "INIT_MOVE:1:kill",     "INIT_MOVE:2:kill",
                                         "INIT_MOVE:3:kill",     "INIT_MOVE:4:kill"};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        SCOPED(tmpdir) char *dir = tmpdir_new();
        char token[INIT_TOKEN], path[400];
        struct err e = {0};
        struct stat st;
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
            child(dir, faults[i]);
        CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
        CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CU_ASSERT_EQUAL(make(dir, ALG_P256, token, &e), 0);
        CU_ASSERT_EQUAL(make(dir, ALG_P256, token, &e), 0); /* nobody saw the first token */
        CU_ASSERT_EQUAL(init_finish(dir, &e), 0);
        assert_whole(dir, token);
        (void)snprintf(path, sizeof(path), "%s/.init", dir);
        CU_ASSERT_NOT_EQUAL(stat(path, &st), 0);
        CU_ASSERT_EQUAL(make(dir, ALG_P256, token, &e), -1);
    }
}

static void
knows_the_administrator_by_id_number(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct init_options o = {.dir = dir,
                             .alg = ALG_P256,
                             .name = "test",
                             .id_number = "110105194912310021",
                             .wall_ms = clock_wall_ms};
    char token[INIT_TOKEN], hash[PASSWORD_HASH];
    struct controller c = {0};
    struct controller_config conf;
    struct err e = {0};

    CU_ASSERT_EQUAL(init_run(&o, token, &e), -1); /* its last character is wrong */
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    CU_ASSERT_PTR_NULL(strstr(e.msg, o.id_number));
    err_clear(&e);
    o.id_number = "11010519491231002X";
    CU_ASSERT_EQUAL_FATAL(init_run(&o, token, &e), 0);
    CU_ASSERT_EQUAL(init_finish(dir, &e), 0);
    assert_whole(dir, token);
    CU_ASSERT_EQUAL_FATAL(config_default(&conf, &e), 0);
    CU_ASSERT_EQUAL_FATAL(controller_open(&c, dir, &conf, &e), 0);
    {
        SCOPED(db_free) struct db *d = NULL;
        SCOPED(db_rows_free) struct db_rows *r = NULL;

        CU_ASSERT_EQUAL_FATAL(password_hash_in(o.id_number, c.store, hash, &e), 0);
        CU_ASSERT_EQUAL_FATAL(db_open(c.store_path, true, &d, &e), 0);
        CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_ACCOUNT_SAME_PERSON, &r, &e, DBS(hash)), 0);
        CU_ASSERT_EQUAL_FATAL(db_next(r, &e), 1); /* who registers that person is refused */
        CU_ASSERT_STRING_EQUAL(db_str(r, 0), "admin");
    }
    controller_free(&c);
}

CU_TestInfo init_tests[] = {
    {"makes a store with private keys, in both algorithms",
     makes_a_store_with_private_keys_in_both_algorithms},
    {"knows the administrator by id number", knows_the_administrator_by_id_number},
    {"refuses a store that is there, and keys that are not its own",
     refuses_a_store_that_is_there_and_keys_that_are_not_its_own},
    {"a crash anywhere is made good by running again",
     a_crash_anywhere_is_made_good_by_running_again},
    CU_TEST_INFO_NULL,
};
