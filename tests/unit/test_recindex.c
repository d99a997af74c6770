/* With an index and without one the same is found, and in the same order. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "agent/facts.h"
#include "drivers/base/arena.h"
#include "drivers/base/scope.h"
#include "policies/recindex.h"
#include "policies/reconcile.h"

enum { N_IDS = 12, N_MAX = 9, N_LISTED = 4, WORLDS = 2000 };

struct dice {
    uint64_t seed;
};

static uint64_t
chance(struct dice *d, uint64_t n)
{
    d->seed = d->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (d->seed >> 33) % n;
}

/* Few ids for many places: they meet; now and then there is none. */
static const char *
id_any(struct dice *d)
{
    static const char *const ids[N_IDS] = {"a",  "b",  "c",  "aa", "ab", "ba",
                                           "bb", "ac", "ca", "",   "cc", "abc"};

    return chance(d, 10) == 0 ? NULL : ids[chance(d, N_IDS)];
}

static const char *const *
ids_any(struct dice *d, struct arena *a, size_t *n)
{
    const char **v = arena_alloc(a, N_LISTED * sizeof(*v));

    *n = chance(d, N_LISTED + 1);
    for (size_t i = 0; i < *n; i++)
        v[i] = id_any(d);
    return v;
}

static void
want_any(struct dice *d, struct arena *a, struct rec_want *out)
{
    *out = (struct rec_want){.id = id_any(d),
                             .kind = (enum mo_kind)(1 + chance(d, 3)),
                             .wanted = (enum mo_wanted)(1 + chance(d, 5)),
                             .term = 1,
                             .generation = chance(d, 3),
                             .wanted_now = chance(d, 8) > 0,
                             .held = chance(d, 8) == 0,
                             .root = id_any(d),
                             .seed = id_any(d),
                             .root_fill = (enum mo_fill)chance(d, 3),
                             .seed_fill = (enum mo_fill)chance(d, 3),
                             .fill = (enum mo_fill)chance(d, 3),
                             .binned_at_ms = chance(d, 2) == 0 ? 0 : 1,
                             .erase_begun = chance(d, 6) == 0};
    out->volumes = ids_any(d, a, &out->n_volumes);
    out->networks = ids_any(d, a, &out->n_networks);
}

static void
dom_any(struct dice *d, struct arena *a, struct rec_dom *out)
{
    *out = (struct rec_dom){.id = id_any(d),
                            .ours = chance(d, 4) > 0,
                            .power = (enum mo_power)chance(d, MO_PW_CRASHED + 1),
                            .term = 1,
                            .generation = chance(d, 3),
                            .defined = chance(d, 4) > 0,
                            .parts_equal = chance(d, 4) > 0};
    out->volumes = ids_any(d, a, &out->n_volumes);
    out->networks = ids_any(d, a, &out->n_networks);
}

static struct rec_world
world_any(struct dice *d, struct arena *a)
{
    struct rec_world w = {.observed_ok = true, .heard = true, .now_ms = 1000000};
    struct rec_want *wants = arena_alloc(a, N_MAX * sizeof(*wants));
    struct rec_dom *doms = arena_alloc(a, N_MAX * sizeof(*doms));
    struct rec_vol *vols = arena_alloc(a, N_MAX * sizeof(*vols));
    struct rec_net *nets = arena_alloc(a, N_MAX * sizeof(*nets));

    for (w.n_wants = 0; w.n_wants < chance(d, N_MAX + 1); w.n_wants++)
        want_any(d, a, &wants[w.n_wants]);
    for (w.n_doms = 0; w.n_doms < chance(d, N_MAX + 1); w.n_doms++)
        dom_any(d, a, &doms[w.n_doms]);
    for (w.n_vols = 0; w.n_vols < chance(d, N_MAX + 1); w.n_vols++)
        vols[w.n_vols] = (struct rec_vol){.id = id_any(d), .format_equal = true};
    for (w.n_nets = 0; w.n_nets < chance(d, N_MAX + 1); w.n_nets++)
        nets[w.n_nets] = (struct rec_net){.id = id_any(d), .ours = true, .active = true};
    w.wants = wants;
    w.doms = doms;
    w.vols = vols;
    w.nets = nets;
    return w;
}

static void
finds_same(const struct rec_world *bare, const struct rec_world *indexed, const char *id)
{
    for (int what = 0; what < REC_NAMED__MAX; what++) {
        struct rec_find f = recindex_find(bare, (enum rec_named)what, id);
        struct rec_find g = recindex_find(indexed, (enum rec_named)what, id);
        size_t i = 0, k = 0, last = SIZE_MAX;

        while (recindex_next(&f, &i)) {
            bool more = recindex_next(&g, &k);

            while (more && k == last) /* one that names it twice is found twice */
                more = recindex_next(&g, &k);
            CU_ASSERT_TRUE_FATAL(more);
            CU_ASSERT_EQUAL(i, k);
            last = k;
        }
        while (recindex_next(&g, &k))
            CU_ASSERT_EQUAL(k, last);
    }
}

static void
finds_in_any_world_what_looking_finds(void)
{
    struct dice d = {7};

    for (int n = 0; n < WORLDS; n++) {
        SCOPED(arena) struct arena a = {0};
        struct rec_world w = world_any(&d, &a), x = w;
        struct rec_action plain[N_MAX], quick[N_MAX];
        size_t n_acts;

        facts_index(&x, &a);
        for (int k = 0; k < 4; k++)
            finds_same(&w, &x, id_any(&d));
        n_acts = reconcile(&w, plain, N_MAX);
        CU_ASSERT_EQUAL_FATAL(reconcile(&x, quick, N_MAX), n_acts);
        for (size_t i = 0; i < n_acts; i++)
            CU_ASSERT(plain[i].op == quick[i].op && plain[i].want == quick[i].want &&
                      plain[i].reason == quick[i].reason);
        for (size_t i = 0; i < w.n_wants; i++) {
            struct rec_verdict p = reconcile_judge(&w, &w.wants[i]);
            struct rec_verdict q = reconcile_judge(&x, &x.wants[i]);

            CU_ASSERT(p.seen == q.seen && p.equal == q.equal && p.reason == q.reason);
        }
    }
}

static void
finds_nothing_for_nobody(void)
{
    SCOPED(arena) struct arena a = {0};
    struct rec_world w = {.n_wants = 0};
    struct rec_find f;
    size_t at;

    facts_index(&w, &a);
    f = recindex_find(&w, REC_DOM, NULL);
    CU_ASSERT_FALSE(recindex_next(&f, &at));
    f = recindex_find(&w, REC_DOM, "a");
    CU_ASSERT_FALSE(recindex_next(&f, &at));
}

CU_TestInfo recindex_tests[] = {
    {"finds in any world what looking finds", finds_in_any_world_what_looking_finds},
    {"finds nothing for nobody", finds_nothing_for_nobody},
    CU_TEST_INFO_NULL,
};
