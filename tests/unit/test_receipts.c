#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/receipts.h"
#include "drivers/base/fault.h"
#include "drivers/crypto/digest.h"
#include "tests/unit/papermill.h"
#include "tests/unit/tmpdir.h"

#define IMAGE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A folder of receipts with one order in it. */
struct fix {
    char *tmp;
    char dir[300], id[W_ID];
    struct mill m;
    const char *order;
};

static void
fix_open(struct fix *f)
{
    struct w_order o;
    struct err e = {0};

    memset(f, 0, sizeof(*f));
    f->tmp = tmpdir_new();
    (void)snprintf(f->dir, sizeof(f->dir), "%s/receipts", f->tmp);
    random_uuid(f->id);
    mill_open(&f->m, ALG_P256, IMAGE);
    mill_vol_order(&f->m, &o);
    f->order = mill_sign_order(&f->m, f->m.controller, &o);
    CU_ASSERT_EQUAL_FATAL(receipts_create(f->dir, f->id, false, &e), 0);
}

static void
fix_close(struct fix *f)
{
    mill_close(&f->m);
    tmpdir_free(f->tmp);
}

static void
put_order(struct fix *f, struct receipts *r)
{
    struct receipt_facts facts = {.fill = FILL_FILLING};

    receipts_stage_paper(r, PAPER_KIND_KEYS, f->m.keys);
    receipts_stage_paper(r, PAPER_KIND_GRANT, f->m.grant_text);
    receipts_stage_order(r, f->order, 7, 9);
    receipts_stage_facts(r, f->m.vol, &facts);
    receipts_stage_seen(r, 3, f->m.store, NULL);
}

static void
keeps_the_exact_bytes_over_a_restart(void)
{
    struct fix f;
    struct err e = {0};
    struct receipts *r = NULL;
    const struct receipt *t;

    fix_open(&f);
    CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    put_order(&f, r);
    CU_ASSERT_PTR_NULL(receipts_find(r, f.m.vol)); /* not before it is durable */
    CU_ASSERT_EQUAL_FATAL(receipts_commit(r, &e), 0);
    for (int round = 0; round < 2; round++) {
        t = receipts_find(r, f.m.vol);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        CU_ASSERT_STRING_EQUAL(t->envelope, f.order);
        CU_ASSERT_EQUAL(t->hold_ms, 7);
        CU_ASSERT_EQUAL(t->not_before_ms, 9);
        CU_ASSERT_EQUAL(t->facts.fill, FILL_FILLING);
        CU_ASSERT_EQUAL(receipts_term(r), 3);
        CU_ASSERT_STRING_EQUAL(receipts_store(r), f.m.store);
        CU_ASSERT_PTR_NOT_NULL(receipts_grant(r, f.m.grant.id));
        CU_ASSERT_FALSE(receipts_lost(r));
        receipts_free(r);
        CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    }
    receipts_free(r);
    fix_close(&f);
}

static void
forgets_what_was_staged_but_not_committed(void)
{
    struct fix f;
    struct err e = {0};
    struct receipts *r = NULL;

    fix_open(&f);
    CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    put_order(&f, r);
    receipts_abort(r);
    CU_ASSERT_EQUAL(receipts_commit(r, &e), 0);
    CU_ASSERT_EQUAL(receipts_count(r), 0);
    receipts_free(r);
    fix_close(&f);
}

static void
log_path(const struct fix *f, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/log", f->dir);
}

/* Write the order, then spoil the file by hand. */
static void
spoil(struct fix *f, void (*how)(const char *path))
{
    struct receipts *r = NULL;
    struct err e = {0};
    char path[400];

    CU_ASSERT_EQUAL_FATAL(receipts_open(f->dir, f->id, &r, &e), 0);
    put_order(f, r);
    CU_ASSERT_EQUAL_FATAL(receipts_commit(r, &e), 0);
    receipts_free(r);
    log_path(f, path, sizeof(path));
    how(path);
}

static void
cut_tail(const char *path)
{
    struct stat st;

    CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL_FATAL(truncate(path, st.st_size - 5), 0);
}

static void
flip_middle(const char *path)
{
    int fd = open(path, O_RDWR);
    char c = 0;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pread(fd, &c, 1, 200), 1);
    c = (char)(c ^ 1);
    CU_ASSERT_EQUAL(pwrite(fd, &c, 1, 200), 1);
    (void)close(fd);
}

static void
unlink_it(const char *path)
{
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void
drops_a_torn_last_line_only(void)
{
    struct fix f;
    struct err e = {0};
    struct receipts *r = NULL;

    fix_open(&f);
    spoil(&f, cut_tail);
    CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    CU_ASSERT_FALSE(receipts_lost(r));
    CU_ASSERT_PTR_NOT_NULL(receipts_find(r, f.m.vol)); /* its line was before the torn one */
    CU_ASSERT_EQUAL(receipts_term(r), 0);              /* the torn one said the term */
    receipts_stage_seen(r, 5, f.m.store, NULL);
    CU_ASSERT_EQUAL(receipts_commit(r, &e), 0); /* and new lines follow cleanly */
    receipts_free(r);
    CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    CU_ASSERT_EQUAL(receipts_term(r), 5);
    receipts_free(r);
    fix_close(&f);
}

static void
says_lost_when_damaged_gone_or_anothers(void)
{
    void (*const how[])(const char *) = {flip_middle, unlink_it, NULL};

    for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
        struct fix f;
        struct err e = {0};
        struct receipts *r = NULL;

        fix_open(&f);
        if (how[i] != NULL)
            spoil(&f, how[i]);
        else
            random_uuid(f.id); /* the folder of another host */
        CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
        CU_ASSERT_TRUE(receipts_lost(r));
        CU_ASSERT_EQUAL(receipts_count(r), 0);
        receipts_free(r);
        CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
        CU_ASSERT_TRUE(receipts_lost(r)); /* still, after a restart */
        put_order(&f, r);
        receipts_stage_restated(r);
        CU_ASSERT_EQUAL(receipts_commit(r, &e), 0);
        CU_ASSERT_FALSE(receipts_lost(r));
        receipts_free(r);
        fix_close(&f);
    }
}

/* A child commits and is killed at the fault point; returns whether the order is there after. */
static bool
killed_at(struct fix *f, const char *fault)
{
    struct receipts *r = NULL;
    struct err e = {0};
    int status = 0;
    pid_t pid = fork();
    bool there;

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        fault_restart();
        (void)setenv("BIANYUN_FAULT", fault, 1);
        if (receipts_open(f->dir, f->id, &r, &e) < 0)
            _exit(1);
        put_order(f, r);
        (void)receipts_commit(r, &e);
        _exit(2);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CU_ASSERT_EQUAL_FATAL(receipts_open(f->dir, f->id, &r, &e), 0);
    CU_ASSERT_FALSE(receipts_lost(r));
    there = receipts_find(r, f->m.vol) != NULL;
    receipts_free(r);
    return there;
}

static void
has_all_or_nothing_after_a_kill(void)
{
    struct fix f;

    fix_open(&f);
    CU_ASSERT_FALSE(killed_at(&f, "RECEIPT_BEFORE:1:kill"));
    CU_ASSERT_TRUE(killed_at(&f, "RECEIPT_AFTER:1:kill"));
    fix_close(&f);
}

static void
changes_nothing_when_the_write_fails(void)
{
    struct fix f;
    pid_t pid;
    int status = 0;

    fix_open(&f);
    pid = fork();
    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) { /* a process of its own counts fault points from 1 */
        struct receipts *r = NULL;
        struct err e = {0};

        fault_restart();
        (void)setenv("BIANYUN_FAULT", "RECEIPT_BEFORE:1:fail", 1);
        if (receipts_open(f.dir, f.id, &r, &e) < 0)
            _exit(1);
        put_order(&f, r);
        if (receipts_commit(r, &e) == 0 || receipts_count(r) != 0)
            _exit(2);
        put_order(&f, r);
        _exit(receipts_commit(r, &e) == 0 && receipts_count(r) == 1 ? 0 : 3);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fix_close(&f);
}

static void
never_shortens_the_hold_by_a_clock_jump(void)
{
    static const char boot1[] = "11111111-1111-4111-8111-111111111111";
    static const char boot2[] = "22222222-2222-4222-8222-222222222222";
    static const struct {
        const char *boot;
        int64_t wall, mono, want;
    } rows[] = {
        {boot1, 1000000, 5000, 0},          /* the moment itself */
        {boot1, 1060000, 65000, 60000},     /* both clocks agree */
        {boot1, 999000000, 65000, 60000},   /* wall jumped ahead: elapsed counts */
        {boot1, 1000, 65000, 0},            /* wall jumped back: not yet */
        {boot2, 1060000, 20000, 20000 + 0}, /* rebooted: only this boot's time is sure */
        {boot2, 999000000, 90000, 90000},
    };
    struct receipt_facts f = {.binned_at_ms = 1000000, .binned_mono_ms = 5000};

    (void)snprintf(f.binned_boot, sizeof(f.binned_boot), "%s", boot1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CU_ASSERT_EQUAL(receipt_binned_ms(&f, rows[i].wall, rows[i].mono, rows[i].boot),
                        rows[i].want);
    receipt_binned_count(&f, 45000, boot1);
    CU_ASSERT_EQUAL(f.binned_elapsed_ms, 40000);
    CU_ASSERT_EQUAL(receipt_binned_ms(&f, 2000000, 1000, boot2), 41000);
}

/* What nobody needs any more, beside what put_order() wrote. */
static void
put_history(struct fix *f, struct receipts *r, struct w_grant *old, struct w_plan *done)
{
    *old = f->m.grant;
    random_uuid(old->id);
    (void)snprintf(old->number, sizeof(old->number), "superseded");
    receipts_stage_paper(r, PAPER_KIND_GRANT, mill_sign_grant(&f->m, f->m.bureau, old));
    mill_plan(&f->m, done, RES_VM, f->m.vm, VERB_DOWNGRADE);
    receipts_stage_paper(r, PAPER_KIND_PLAN, mill_sign_plan(&f->m, f->m.bureau, done));
    put_order(f, r);
}

/* Everything that must survive; whether the history is still there. */
static bool
holds_what_is_needed(struct fix *f, const struct receipts *r, const char *old_grant,
                     const char *done_plan)
{
    const struct receipt *t = receipts_find(r, f->m.vol);
    size_t keys = 0;

    CU_ASSERT_FALSE(receipts_lost(r));
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_STRING_EQUAL(t->envelope, f->order);
    CU_ASSERT(t->hold_ms == 7 && t->not_before_ms == 9 && t->facts.fill == FILL_FILLING);
    CU_ASSERT_EQUAL(receipts_term(r), 3);
    CU_ASSERT_STRING_EQUAL(receipts_store(r), f->m.store);
    CU_ASSERT_PTR_NOT_NULL(receipts_grant(r, f->m.grant.id));
    for (size_t i = 0; i < receipts_papers(r); i++)
        keys += receipts_paper_at(r, i)->kind == PAPER_KIND_KEYS;
    CU_ASSERT_EQUAL(keys, 1);
    CU_ASSERT_EQUAL(receipts_grant(r, old_grant) != NULL, receipts_plan(r, done_plan) != NULL);
    return receipts_grant(r, old_grant) != NULL;
}

static void
keeps_what_is_needed_when_it_is_rewritten(void)
{
    struct fix f;
    struct err e = {0};
    struct receipts *r = NULL;
    struct w_grant old;
    struct w_plan done, sized, binds;
    struct w_order vm;

    fix_open(&f);
    CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    put_history(&f, r, &old, &done);
    mill_vm_order(&f.m, &vm);
    receipts_stage_order(r, mill_sign_order(&f.m, f.m.controller, &vm), 7, 0);
    mill_plan(&f.m, &sized, RES_VM, f.m.vm, VERB_DOWNGRADE); /* the size that it has now */
    JM_ITEM(sized.lines, struct w_plan_line, 0)->vcpus = vm.vm.vcpus;
    JM_ITEM(sized.lines, struct w_plan_line, 0)->mem_mib = vm.vm.mem_mib;
    receipts_stage_paper(r, PAPER_KIND_PLAN, mill_sign_plan(&f.m, f.m.bureau, &sized));
    mill_plan(&f.m, &binds, RES_VM, f.m.net, VERB_BIN); /* it lowers what the grant gives in all */
    binds.version = 2;
    receipts_stage_paper(r, PAPER_KIND_PLAN, mill_sign_plan(&f.m, f.m.bureau, &binds));
    CU_ASSERT_EQUAL_FATAL(receipts_commit(r, &e), 0);
    CU_ASSERT_TRUE(holds_what_is_needed(&f, r, old.id, done.id));
    CU_ASSERT_EQUAL(receipts_compact(r, &e), 0);
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_FALSE(holds_what_is_needed(&f, r, old.id, done.id));
        CU_ASSERT_PTR_NOT_NULL(receipts_plan(r, sized.id));
        CU_ASSERT_PTR_NOT_NULL(receipts_plan(r, binds.id));
        CU_ASSERT_EQUAL(receipts_count(r), 2);
        receipts_free(r);
        CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
    }
    receipts_free(r);
    fix_close(&f);
}

/* A child rewrites under a fault, and if it lives, commits one thing more. */
static int
rewritten_under(struct fix *f, const char *fault)
{
    struct receipts *r = NULL;
    struct err e = {0};
    int status = 0;
    pid_t pid = fork();

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        fault_restart();
        if (receipts_open(f->dir, f->id, &r, &e) < 0)
            _exit(1);
        (void)setenv("BIANYUN_FAULT", fault, 1);
        (void)receipts_compact(r, &e);
        for (int i = 0; i < 2; i++) { /* what fails once is asked again, as the agent does */
            receipts_stage_seen(r, 3, f->m.store, "head after");
            if (receipts_commit(r, &e) == 0)
                _exit(0);
        }
        _exit(2);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return status;
}

static void
loses_nothing_at_any_step_of_rewriting(void)
{
    static const struct {
        const char *fault;
        bool killed, history; /* afterwards what is not needed may still be there */
    } rows[] = {
        {"COMPACT_BEFORE:1:kill", true, true}, {"COMPACT_BEFORE:1:fail", false, true},
        {"COMPACT_MOVE:1:kill", true, true},   {"COMPACT_MOVE:1:fail", false, true},
        {"COMPACT_MOVE:1:lose", false, false}, {"COMPACT_AFTER:1:kill", true, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fix f;
        struct err e = {0};
        struct receipts *r = NULL;
        struct w_grant old;
        struct w_plan done;
        int status;

        fix_open(&f);
        CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
        put_history(&f, r, &old, &done);
        CU_ASSERT_EQUAL_FATAL(receipts_commit(r, &e), 0);
        receipts_free(r);
        status = rewritten_under(&f, rows[i].fault);
        CU_ASSERT_EQUAL(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, rows[i].killed);
        CU_ASSERT(rows[i].killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        CU_ASSERT_EQUAL_FATAL(receipts_open(f.dir, f.id, &r, &e), 0);
        CU_ASSERT_EQUAL(holds_what_is_needed(&f, r, old.id, done.id), rows[i].history);
        if (!rows[i].killed) { /* what was acknowledged after it is not in a file that is gone */
            CU_ASSERT_PTR_NOT_NULL_FATAL(receipts_head(r));
            CU_ASSERT_STRING_EQUAL(receipts_head(r), "head after");
        }
        CU_ASSERT_EQUAL(receipts_compact(r, &e), 0);
        CU_ASSERT_FALSE(holds_what_is_needed(&f, r, old.id, done.id));
        receipts_free(r);
        fix_close(&f);
    }
}

CU_TestInfo receipts_tests[] = {
    {"keeps the exact bytes over a restart", keeps_the_exact_bytes_over_a_restart},
    {"forgets what was staged but not committed", forgets_what_was_staged_but_not_committed},
    {"drops a torn last line only", drops_a_torn_last_line_only},
    {"says lost when damaged, gone or another's", says_lost_when_damaged_gone_or_anothers},
    {"has all or nothing after a kill", has_all_or_nothing_after_a_kill},
    {"changes nothing when the write fails", changes_nothing_when_the_write_fails},
    {"keeps what is needed when it is rewritten", keeps_what_is_needed_when_it_is_rewritten},
    {"loses nothing at any step of rewriting", loses_nothing_at_any_step_of_rewriting},
    {"never shortens the hold by a clock jump", never_shortens_the_hold_by_a_clock_jump},
    CU_TEST_INFO_NULL,
};
