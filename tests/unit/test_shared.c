/* A pool that two hosts see, through both their agents: who they are told the steward is, what is
 * asked and answered through the pool, and what happens when either of them dies on the way. */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/facts.h"
#include "agent/shared.h"
#include "agent/show_pool.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/host/sharedpool.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/agenthost.h"

enum { GUARD_MS = 60000, STEP_MS = 20, MARK_AT = 65536 };

/* east is made first and owns the keys; both have one pool and one cache of images. */
struct two {
    struct agenthost east, west;
    char pool[W_ID];
};

static const char *
word(struct two *t, const struct sigkey *k, const char *pool, const struct agenthost *steward,
     uint64_t term)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_steward w = {.version = 1, .term = term, .issued_at_ms = t->east.m.now_ms};
    const char *text = NULL;
    struct err e = {0};

    (void)snprintf(w.pool, sizeof(w.pool), "%s", pool);
    (void)snprintf(w.host, sizeof(w.host), "%s", steward->m.host);
    (void)snprintf(w.host_name, sizeof(w.host_name), "%s", steward == &t->east ? "east" : "west");
    jm_encode(schema_steward, &w, &b);
    CU_ASSERT_EQUAL_FATAL(paper_sign(k, PAPER_STEWARD, strbuf_peek(&b), &t->east.m.a, &text, &e),
                          0);
    return text;
}

/* As if the controller had said so; with it the keys. */
static void
tell(struct two *t, struct agenthost *h, const struct agenthost *steward, uint64_t term)
{
    struct w_desired_answer in;

    mill_answer(&h->m, NULL, 0, &in);
    in.full = false;
    agenthost_give(h, &in);
    shared_take_word(h->ag.shared, word(t, t->east.m.controller, t->pool, steward, term));
}

static void
drive(struct agenthost *h)
{
    int wait;

    if (!h->running)
        return;
    wait = agent_round(&h->ag);
    agent_wait(&h->ag, wait < STEP_MS ? wait : STEP_MS);
}

static bool
is_seen(struct agenthost *h, const char *id, enum w_seen seen, const char *words)
{
    char why[500] = "";
    bool equal = false;
    enum w_seen now = agenthost_seen(h, id, &equal, why, sizeof(why));

    return now == seen && (words != NULL ? strstr(why, words) != NULL : equal);
}

/* Drive those that run until host h says this of a resource; words: not equal, and with them. */
static bool
until_says(struct two *t, struct agenthost *h, const char *id, enum w_seen seen, const char *words)
{
    int64_t end = clock_mono_ms() + GUARD_MS;
    char why[500] = "";
    bool equal = false;

    while (clock_mono_ms() < end) {
        drive(&t->east);
        drive(&t->west);
        if (is_seen(h, id, seen, words))
            return true;
    }
    fprintf(stderr, "shared: %s is %s %s, wanted %s\n", id,
            w_seen_names[agenthost_seen(h, id, &equal, why, sizeof(why))], why, w_seen_names[seen]);
    return false;
}

static bool
until(struct two *t, struct agenthost *h, const char *id, enum w_seen seen)
{
    return until_says(t, h, id, seen, NULL);
}

static bool
knows_pool(struct two *t, struct agenthost *h)
{
    int64_t end = clock_mono_ms() + GUARD_MS;

    while (clock_mono_ms() < end) {
        drive(h);
        if (strcmp(h->ag.shared->id, t->pool) == 0)
            return true;
    }
    return false;
}

static bool
holds_lock(struct two *t, struct agenthost *h)
{
    int64_t end = clock_mono_ms() + GUARD_MS;

    while (clock_mono_ms() < end) {
        drive(&t->east);
        drive(&t->west);
        if (h->ag.shared->lock_fd >= 0)
            return true;
    }
    return false;
}

/* Two hosts, the pool marked, east its steward and at work. */
static void
two_make(struct two *t)
{
    struct err e = {0};

    agenthost_new(&t->east, NULL);
    agenthost_beside(&t->west, &t->east);
    CU_ASSERT_EQUAL_FATAL(sharedpool_share(t->east.pool, t->pool, &e), 0);
    agenthost_start(&t->east);
    agenthost_start(&t->west);
    CU_ASSERT_TRUE_FATAL(knows_pool(t, &t->east));
    CU_ASSERT_TRUE_FATAL(knows_pool(t, &t->west));
    tell(t, &t->east, &t->east, 1);
    tell(t, &t->west, &t->east, 1);
    CU_ASSERT_TRUE_FATAL(holds_lock(t, &t->east));
}

static void
two_free(struct two *t)
{
    agenthost_free(&t->west);
    agenthost_free(&t->east);
}

static void
give_all(struct agenthost *h)
{
    struct w_order o[3];
    const char *texts[3];
    struct w_desired_answer in;

    mill_net_order(&h->m, &o[0]);
    mill_vol_order(&h->m, &o[1]);
    mill_vm_order(&h->m, &o[2]);
    for (size_t i = 0; i < 3; i++)
        texts[i] = mill_sign_order(&h->m, h->m.controller, &o[i]);
    mill_answer(&h->m, texts, 3, &in);
    agenthost_give(h, &in);
}

static void
give_next(struct agenthost *h, struct w_order *o, uint64_t generation, int verb, int wanted)
{
    o->generation = generation;
    o->verb = verb;
    o->wanted = wanted;
    o->authority = AUTH_UNIT;
    (void)snprintf(o->authority_id, sizeof(o->authority_id), "%s", h->m.grant.approver);
    random_uuid(o->id);
    agenthost_order(h, o);
}

static unsigned long long
calls(const struct agenthost *h, const char *op)
{
    unsigned long long n = 0;
    struct err e = {0};

    CU_ASSERT_EQUAL(virt_fake_calls(h->world, op, &n, &e), 0);
    return n;
}

static size_t
files(struct two *t, enum sharedpool_kind kind)
{
    SCOPED(arena) struct arena a = {0};
    struct sharedpool_file *f;
    struct err e = {0};
    size_t n = 0;

    CU_ASSERT_EQUAL(sharedpool_list(t->east.pool, kind, 1000, &a, &f, &n, &e), 0);
    return n;
}

static void
path_of(const struct two *t, const char *volume, char out[400])
{
    (void)snprintf(out, 400, "%s/by-%s", t->east.pool, volume);
}

/* All of west's is there, made by east, and nothing is left of asking. */
static void
check_made(struct two *t)
{
    struct agenthost *w = &t->west;

    CU_ASSERT_TRUE_FATAL(until(t, w, w->m.vm, SEEN_RUNNING));
    CU_ASSERT_TRUE(until(t, w, w->m.vol, SEEN_PRESENT));
    CU_ASSERT_EQUAL(calls(w, "vol.create"), 0);
    CU_ASSERT_EQUAL(calls(w, "dom.start"), 1);
    CU_ASSERT_EQUAL(files(t, SHAREDPOOL_FILLED), 3);
    CU_ASSERT_TRUE(agenthost_settle(w));
    CU_ASSERT_EQUAL(files(t, SHAREDPOOL_ASK), 0);
    CU_ASSERT_EQUAL(files(t, SHAREDPOOL_ANSWER), 0);
}

static void
the_steward_makes_for_the_other(void)
{
    struct two t;

    two_make(&t);
    give_all(&t.west);
    check_made(&t);
    CU_ASSERT_EQUAL(calls(&t.east, "vol.create"), 3);
    CU_ASSERT_EQUAL(calls(&t.east, "dom.define"), 0);
    two_free(&t);
}

static void
the_steward_makes_its_own_itself(void)
{
    struct two t;

    two_make(&t);
    give_all(&t.east);
    CU_ASSERT_TRUE(until(&t, &t.east, t.east.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&t.east, "vol.create"), 3);
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_FILLED), 0);
    two_free(&t);
}

static void
waits_for_a_steward_that_is_away(void)
{
    struct two t;

    two_make(&t);
    agenthost_stop(&t.east);
    give_all(&t.west);
    CU_ASSERT_TRUE(until_says(&t, &t.west, t.west.m.vol, SEEN_WORKING, "waits for east"));
    CU_ASSERT_EQUAL(calls(&t.west, "vol.create"), 0);
    agenthost_start(&t.east);
    check_made(&t);
    two_free(&t);
}

/* Killed before it read the answer: asked once, made once. */
static void
takes_an_answer_that_came_while_it_was_away(void)
{
    int64_t end = clock_mono_ms() + GUARD_MS;
    struct two t;

    two_make(&t);
    agenthost_stop(&t.east);
    give_all(&t.west);
    CU_ASSERT_TRUE(until_says(&t, &t.west, t.west.m.vm, SEEN_WORKING, "waits for east"));
    CU_ASSERT_TRUE(until_says(&t, &t.west, t.west.m.vol, SEEN_WORKING, "waits for east"));
    agenthost_stop(&t.west);
    agenthost_start(&t.east);
    while (files(&t, SHAREDPOOL_ANSWER) < 2 && clock_mono_ms() < end)
        drive(&t.east);
    agenthost_start(&t.west);
    check_made(&t);
    CU_ASSERT_EQUAL(calls(&t.east, "vol.create"), 3);
    two_free(&t);
}

static void
a_new_steward_waits_for_the_lock(void)
{
    struct two t;

    two_make(&t);
    tell(&t, &t.west, &t.west, 2); /* east does not hear of it */
    give_all(&t.west);
    for (int i = 0; i < 20; i++)
        drive(&t.west);
    CU_ASSERT_EQUAL(t.west.ag.shared->lock_fd, -1);
    CU_ASSERT_EQUAL(calls(&t.west, "vol.create"), 0);
    /* It finds the word in the pool, lets the lock go, and makes nothing more. */
    CU_ASSERT_TRUE(holds_lock(&t, &t.west));
    CU_ASSERT_EQUAL(t.east.ag.shared->lock_fd, -1);
    CU_ASSERT_EQUAL(t.east.ag.shared->word.term, 2);
    CU_ASSERT_TRUE(until(&t, &t.west, t.west.m.vm, SEEN_RUNNING));
    give_all(&t.east);
    CU_ASSERT_TRUE(until(&t, &t.east, t.east.m.vm, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&t.east, "vol.create"), 0);
    two_free(&t);
}

/* As on a full disk: the steward is the one that can make room. */
static void
a_steward_whose_word_finds_no_room_acts(void)
{
    char path[500];
    struct two t;

    two_make(&t);
    agenthost_stop(&t.east);
    (void)snprintf(path, sizeof(path), "%s/.bianyun/steward", t.east.pool);
    (void)unlink(path); /* perhaps nobody has put it there yet */
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    tell(&t, &t.west, &t.west, 2);
    CU_ASSERT_TRUE(holds_lock(&t, &t.west));
    give_all(&t.west);
    CU_ASSERT_TRUE(until(&t, &t.west, t.west.m.vm, SEEN_RUNNING));
    two_free(&t);
}

static void
grows_by_the_guest_or_by_the_steward(void)
{
    struct two t;
    struct w_order o;
    struct agenthost *w = &t.west;

    two_make(&t);
    give_all(w);
    check_made(&t);
    mill_vol_order(&w->m, &o);
    o.volume.size_bytes += 64ULL << 20;
    give_next(w, &o, 2, VERB_RESIZE, WANT_PRESENT);
    CU_ASSERT_TRUE(until(&t, w, w->m.vol, SEEN_PRESENT));
    CU_ASSERT_EQUAL(calls(w, "vol.grow"), 1);
    mill_vm_order(&w->m, &o);
    give_next(w, &o, 2, VERB_POWER, WANT_STOPPED);
    CU_ASSERT_TRUE(until(&t, w, w->m.vm, SEEN_STOPPED));
    mill_vol_order(&w->m, &o);
    o.volume.size_bytes += 128ULL << 20;
    give_next(w, &o, 3, VERB_RESIZE, WANT_PRESENT);
    CU_ASSERT_TRUE(until(&t, w, w->m.vol, SEEN_PRESENT));
    CU_ASSERT_EQUAL(calls(w, "vol.grow"), 1);
    CU_ASSERT_EQUAL(calls(&t.east, "vol.grow"), 1);
    two_free(&t);
}

static void
mark(const char *path)
{
    FILE *f = fopen(path, "r+b");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fseek(f, MARK_AT, SEEK_SET), 0);
    CU_ASSERT_EQUAL(fwrite("a tenant's own", 1, 14, f), 14);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

/* A second name of the file shows what became of its bytes. */
static bool
is_wiped(const char *path)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(durable_read(path, 1 << 30, &b, &e), 0);
    return memmem(strbuf_peek(&b), b.len, "a tenant's own", 14) == NULL;
}

static void
the_steward_overwrites_and_the_host_signs(void)
{
    struct two t;
    struct w_order o;
    struct agenthost *w = &t.west;
    char path[400], other[400];
    const struct receipt *r;

    two_make(&t);
    w->m.grant.hold_ms = 0;
    give_all(w);
    check_made(&t);
    path_of(&t, w->m.root_vol, path);
    (void)snprintf(other, sizeof(other), "%s/second-name", t.east.tmp);
    CU_ASSERT_EQUAL(link(path, other), 0);
    mark(path);
    mill_vm_order(&w->m, &o);
    give_next(w, &o, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(until(&t, w, w->m.vm, SEEN_BINNED));
    give_next(w, &o, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(until(&t, w, w->m.vm, SEEN_ABSENT));
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_TRUE(is_wiped(other));
    CU_ASSERT_EQUAL(calls(w, "vol.remove"), 0);
    r = receipts_find(w->ag.receipts, w->m.vm);
    CU_ASSERT_TRUE(r != NULL && r->facts.erasure != NULL &&
                   strstr(r->facts.erasure, "the steward of the shared pool") != NULL &&
                   strstr(r->facts.erasure, w->m.root_vol) != NULL);
    CU_ASSERT_TRUE(agenthost_settle(w));
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_FILLED), 1); /* the data volume's */
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_ASK), 0);
    two_free(&t);
}

/* What the old steward wrote down as filled goes with the volume, whoever is steward then. */
static void
a_new_steward_erases_its_own(void)
{
    struct two t;
    struct w_order o;
    struct agenthost *w = &t.west;

    two_make(&t);
    w->m.grant.hold_ms = 0;
    give_all(w);
    check_made(&t);
    tell(&t, w, w, 2);
    tell(&t, &t.east, w, 2);
    CU_ASSERT_TRUE(holds_lock(&t, w));
    mill_vm_order(&w->m, &o);
    give_next(w, &o, 2, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(until(&t, w, w->m.vm, SEEN_BINNED));
    give_next(w, &o, 3, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(until(&t, w, w->m.vm, SEEN_ABSENT));
    CU_ASSERT_EQUAL(calls(w, "vol.remove"), 2);
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_FILLED), 1); /* the data volume's */
    two_free(&t);
}

/* What is there and not written down as filled is made anew; what is written down never is. */
static void
fills_once(void)
{
    struct two t;
    struct agenthost *w = &t.west;
    char path[400], other[400];
    struct err e = {0};

    two_make(&t);
    path_of(&t, w->m.vol, path);
    (void)snprintf(other, sizeof(other), "%s/second-name", t.east.tmp);
    agenthost_stop(&t.east);
    give_all(w);
    CU_ASSERT_TRUE(until_says(&t, w, w->m.vol, SEEN_WORKING, "waits for east"));
    CU_ASSERT_EQUAL(durable_write(path, "half", 4, 0600, &e), 0); /* as a killed one left it */
    CU_ASSERT_EQUAL(truncate(path, 1 << 20), 0);
    mark(path);
    CU_ASSERT_EQUAL(link(path, other), 0);
    agenthost_start(&t.east);
    check_made(&t);
    CU_ASSERT_TRUE(is_wiped(other));
    two_free(&t);
}

static void
put_ask(struct two *t, const char *resource, const struct agenthost *h, int act, const char *order)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_pool_ask ask = {.version = 1, .act = act, .at_ms = 1, .order = order};
    char name[SHAREDPOOL_NAME];
    struct err e = {0};

    random_uuid(ask.id);
    (void)snprintf(ask.host, sizeof(ask.host), "%s", h->m.host);
    (void)snprintf(ask.host_name, sizeof(ask.host_name), "west");
    jm_encode(schema_pool_ask, &ask, &b);
    sharedpool_name(resource, h->m.host, name);
    CU_ASSERT_EQUAL(sharedpool_write(t->east.pool, SHAREDPOOL_ASK, name, strbuf_peek(&b), &e), 0);
}

static bool
answered(struct two *t, const char *resource, const struct agenthost *h, const char *word_of_it)
{
    int64_t end = clock_mono_ms() + GUARD_MS;
    char name[SHAREDPOOL_NAME];

    sharedpool_name(resource, h->m.host, name);
    while (clock_mono_ms() < end) {
        SCOPED(strbuf) struct strbuf b = {0};

        drive(&t->east);
        if (sharedpool_read(t->east.pool, SHAREDPOOL_ANSWER, name, &b, NULL) == 0)
            return strstr(strbuf_peek(&b), word_of_it) != NULL;
    }
    return false;
}

/* Killed after the answer: what was asked is seen to be done, and nothing waits for it any more. */
static void
sweeps_what_nothing_waits_for(void)
{
    int64_t end = clock_mono_ms() + GUARD_MS;
    const struct timespec long_ago[2] = {{0}, {0}};
    char resource[W_ID], path[500];
    struct two t;

    two_make(&t);
    random_uuid(resource);
    put_ask(&t, resource, &t.west, POOL_GROW, "{}");
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_ASK), 1);
    (void)snprintf(path, sizeof(path), "%s/.bianyun/ask/%s.%s", t.east.pool, resource,
                   t.west.m.host);
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    CU_ASSERT_TRUE(t.west.ag.shared->sweep_at_ms <= clock_mono_ms() + 60000);
    t.west.ag.shared->sweep_at_ms = t.west.ag.shared->look_at_ms = 0;
    while (files(&t, SHAREDPOOL_ASK) > 0 && clock_mono_ms() < end)
        drive(&t.west);
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_ASK), 0);
    two_free(&t);
}

/* West does not run: what lies in the pool in its name is not its own. */
static void
refuses_what_is_not_signed_or_not_wanted(void)
{
    struct two t;
    struct w_order o;
    struct agenthost *w = &t.west;
    char other[W_ID], name[SHAREDPOOL_NAME];
    struct err e = {0};

    two_make(&t);
    give_all(w);
    check_made(&t);
    agenthost_stop(w);
    mill_vol_order(&w->m, &o);
    put_ask(&t, w->m.vol, w, POOL_OVERWRITE, mill_sign_order(&w->m, w->m.controller, &o));
    CU_ASSERT_TRUE(answered(&t, w->m.vol, w, "does not want that"));
    o.wanted = WANT_ABSENT;
    put_ask(&t, w->m.vol, w, POOL_OVERWRITE, mill_sign_order(&w->m, w->m.stranger, &o));
    CU_ASSERT_TRUE(answered(&t, w->m.vol, w, "\"denied\""));
    random_uuid(other);
    put_ask(&t, other, w, POOL_OVERWRITE, mill_sign_order(&w->m, w->m.controller, &o));
    CU_ASSERT_TRUE(answered(&t, other, w, "another resource"));
    put_ask(&t, w->m.vol, &t.east, POOL_OVERWRITE, mill_sign_order(&w->m, w->m.controller, &o));
    CU_ASSERT_TRUE(answered(&t, w->m.vol, &t.east, "another host"));
    random_uuid(other);
    sharedpool_name(other, w->m.host, name);
    CU_ASSERT_EQUAL(sharedpool_write(t.east.pool, SHAREDPOOL_ASK, name, "{\"version\":", &e), 0);
    for (int i = 0; i < 100; i++)
        drive(&t.east);
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_FILLED), 3);
    CU_ASSERT_EQUAL(t.east.ag.shared->acting, 0);
    two_free(&t);
}

/* More files than one look takes up, none of them any host's ask: what a host asks is found. */
static void
junk_hides_no_ask_and_goes(void)
{
    enum { JUNK = 300 };
    static char path[JUNK][500];
    const struct timespec long_ago[2] = {{0}, {0}};
    int64_t end = clock_mono_ms() + GUARD_MS;
    struct err e = {0};
    struct two t;

    two_make(&t);
    for (int i = 0; i < JUNK; i++) {
        char resource[W_ID], host[W_ID];

        random_uuid(resource);
        random_uuid(host);
        (void)snprintf(path[i], sizeof(path[i]), "%s/.bianyun/ask/%s.%s", t.east.pool, resource,
                       host);
        CU_ASSERT_EQUAL(i == 0   ? symlink("nowhere", path[i])
                        : i == 1 ? mkfifo(path[i], 0600)
                                 : durable_write(path[i], "{", 1, 0644, &e),
                        0);
    }
    give_all(&t.west);
    CU_ASSERT_TRUE(until(&t, &t.west, t.west.m.vm, SEEN_RUNNING));
    for (int i = 0; i < JUNK; i++)
        CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path[i], long_ago, AT_SYMLINK_NOFOLLOW), 0);
    while (files(&t, SHAREDPOOL_ASK) > 0 && clock_mono_ms() < end) {
        drive(&t.east);
        drive(&t.west);
    }
    CU_ASSERT_EQUAL(files(&t, SHAREDPOOL_ASK), 0);
    two_free(&t);
}

static void
takes_the_newest_word_only(void)
{
    struct two t;
    struct shared *s;
    char other[W_ID];

    two_make(&t);
    s = t.west.ag.shared;
    random_uuid(other);
    shared_take_word(s, word(&t, t.east.m.stranger, t.pool, &t.west, 9));
    shared_take_word(s, word(&t, t.east.m.controller, other, &t.west, 9));
    shared_take_word(s, "{");
    shared_take_word(s, word(&t, t.east.m.controller, t.pool, &t.west, 1)); /* not newer */
    CU_ASSERT_EQUAL(s->word.term, 1);
    CU_ASSERT_STRING_EQUAL(s->word.host, t.east.m.host);
    shared_take_word(s, word(&t, t.east.m.controller, t.pool, &t.west, 5));
    CU_ASSERT_EQUAL(s->word.term, 5);
    agenthost_stop(&t.west);
    agenthost_start(&t.west); /* kept */
    CU_ASSERT_EQUAL(t.west.ag.shared->word.term, 5);
    CU_ASSERT_STRING_EQUAL(t.west.ag.shared->id, t.pool);
    two_free(&t);
}

static bool
observes(struct agenthost *h, bool well)
{
    int64_t end = clock_mono_ms() + GUARD_MS;
    char why[400] = "";

    while (clock_mono_ms() < end) {
        drive(h);
        if (facts_observed_ok(&h->ag, clock_mono_ms(), why, sizeof(why)) == well)
            return well || strstr(why, "mount") != NULL;
    }
    return false;
}

/* An empty folder, or another pool, in its place is no pool of ours. */
static void
does_nothing_while_the_pool_is_away(void)
{
    struct two t;
    char away[400], junk[400], id[W_ID];
    struct err e = {0};

    two_make(&t);
    (void)snprintf(junk, sizeof(junk), "%s/junk", t.east.tmp);
    (void)snprintf(away, sizeof(away), "%s/away", t.east.tmp);
    CU_ASSERT_EQUAL(rename(t.east.pool, away), 0);
    CU_ASSERT_EQUAL(mkdir(t.east.pool, 0755), 0);
    CU_ASSERT_TRUE(observes(&t.west, false));
    give_all(&t.west);
    for (int i = 0; i < 50; i++)
        drive(&t.west);
    CU_ASSERT_EQUAL(calls(&t.west, "vol.create") + calls(&t.west, "dom.define"), 0);
    CU_ASSERT_EQUAL(sharedpool_share(t.east.pool, id, &e), 0);
    for (int i = 0; i < 50; i++)
        drive(&t.west);
    CU_ASSERT_TRUE(observes(&t.west, false));
    CU_ASSERT_EQUAL(rename(t.east.pool, junk), 0);
    CU_ASSERT_EQUAL(rename(away, t.east.pool), 0);
    CU_ASSERT_TRUE(observes(&t.west, true));
    check_made(&t);
    two_free(&t);
}

/* What the program prints of the pool of a host; rc as the call's. */
static bool
shows(struct agenthost *h, const char *words)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    struct err e = {0};
    bool ok;

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(show_pool(h->dir, h->config, out, &e), 0);
    CU_ASSERT_EQUAL(fclose(out), 0);
    ok = text != NULL && strstr(text, words) != NULL;
    free(text);
    return ok;
}

static void
shows_what_is_asked_and_leaves_when_it_may(void)
{
    struct two t;
    struct err e = {0};

    two_make(&t);
    CU_ASSERT_TRUE(shows(&t.west, "steward  east"));
    CU_ASSERT_TRUE(shows(&t.west, "lock     held\n"));
    CU_ASSERT_EQUAL(show_pool_leave(t.west.dir, stderr, &e), -1); /* its agent runs */
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    agenthost_stop(&t.east);
    CU_ASSERT_TRUE(shows(&t.west, "held by nobody"));
    give_all(&t.west);
    CU_ASSERT_TRUE(until_says(&t, &t.west, t.west.m.vol, SEEN_WORKING, "waits for east"));
    CU_ASSERT_TRUE(shows(&t.west, "make       west"));
    agenthost_stop(&t.west);
    CU_ASSERT_EQUAL(show_pool_leave(t.west.dir, stderr, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(show_pool_leave(t.east.dir, stderr, &e), 0); /* nothing of it is there */
    agenthost_start(&t.east);
    CU_ASSERT_STRING_EQUAL(t.east.ag.shared->id, "");
    two_free(&t);
}

static void
marks_a_pool_once(void)
{
    struct agenthost h;
    char a[W_ID], b[W_ID], path[400];
    struct err e = {0};

    agenthost_new(&h, NULL);
    CU_ASSERT_EQUAL(sharedpool_identify(h.pool, a, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_EQUAL(sharedpool_share(h.pool, a, &e), 0);
    CU_ASSERT_EQUAL(sharedpool_share(h.pool, b, &e), 0);
    CU_ASSERT_STRING_EQUAL(a, b);
    (void)snprintf(path, sizeof(path), "%s/.bianyun/pool", h.pool);
    CU_ASSERT_EQUAL(durable_write(path, "no identity", 11, 0644, &e), 0);
    CU_ASSERT_EQUAL(sharedpool_identify(h.pool, a, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0); /* never waited for */
    CU_ASSERT_EQUAL(sharedpool_identify(h.pool, a, &e), -1);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(symlink("/etc/hostname", path), 0);
    CU_ASSERT_EQUAL(sharedpool_identify(h.pool, a, &e), -1);
    agenthost_free(&h);
}

CU_TestInfo shared_tests[] = {
    {"marks a pool once, and reads only plain files", marks_a_pool_once},
    {"shows what is asked, and leaves when it may", shows_what_is_asked_and_leaves_when_it_may},
    {"the steward makes volumes for the other host", the_steward_makes_for_the_other},
    {"the steward makes its own itself", the_steward_makes_its_own_itself},
    {"waits for a steward that is away, and says so", waits_for_a_steward_that_is_away},
    {"takes an answer that came while it was away", takes_an_answer_that_came_while_it_was_away},
    {"a new steward waits for the lock of the old one", a_new_steward_waits_for_the_lock},
    {"a steward whose word finds no room acts all the same",
     a_steward_whose_word_finds_no_room_acts},
    {"grows by the guest while it runs, else by the steward", grows_by_the_guest_or_by_the_steward},
    {"the steward overwrites, the host signs", the_steward_overwrites_and_the_host_signs},
    {"a new steward erases its own, with the old one's note", a_new_steward_erases_its_own},
    {"sweeps asks that nothing waits for", sweeps_what_nothing_waits_for},
    {"fills once: what is half made is made anew", fills_once},
    {"junk in the pool hides no ask, and goes", junk_hides_no_ask_and_goes},
    {"refuses what is not signed or not wanted", refuses_what_is_not_signed_or_not_wanted},
    {"takes the newest genuine word of the steward", takes_the_newest_word_only},
    {"does nothing while the pool is away", does_nothing_while_the_pool_is_away},
    CU_TEST_INFO_NULL,
};
