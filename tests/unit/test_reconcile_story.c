/* The life of a system, played against a small model of a host: whatever is lost or half done on
 * the way, every order is reached in bounded time, and what must never happen does not. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/reconcile.h"

#define TICK_MS 10000
#define GRACE_MS 30000
#define HOLD_MS 120000
#define TICKS_MAX 200

enum { LAN, DATA, WEB, N_WANTS };

static const char *const web_disks[] = {"web-root", "web-seed", "data"};
static const char *const web_volumes[] = {"data"};
static const char *const web_networks[] = {"lan"};

/* What is on the host, and what the receipts say. */
struct host {
    struct rec_want want[N_WANTS];
    struct rec_dom dom;
    struct rec_net net;
    bool has_dom, has_net, has_vol, has_root, has_seed;
    bool guest_obeys; /* stops when it is asked */
    bool observed_ok;
    int64_t now_ms;
    uint64_t seed, root_bytes;
};

static uint64_t
chance(struct host *h, uint64_t n)
{
    h->seed = h->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (h->seed >> 33) % n;
}

static struct rec_world
observe(const struct host *h, struct rec_vol vols[3])
{
    struct rec_world w = {.observed_ok = h->observed_ok,
                          .heard = true,
                          .now_ms = h->now_ms,
                          .stop_grace_ms = GRACE_MS,
                          .pool_free_bytes = 1ULL << 30,
                          .wants = h->want,
                          .n_wants = N_WANTS,
                          .vols = vols};

    if (!h->observed_ok)
        return w;
    w.doms = &h->dom;
    w.n_doms = h->has_dom ? 1 : 0;
    w.nets = &h->net;
    w.n_nets = h->has_net ? 1 : 0;
    if (h->has_vol)
        vols[w.n_vols++] = (struct rec_vol){"data", h->want[DATA].bytes, true};
    if (h->has_root)
        vols[w.n_vols++] = (struct rec_vol){"web-root", h->root_bytes, true};
    if (h->has_seed)
        vols[w.n_vols++] = (struct rec_vol){"web-seed", 1, true};
    return w;
}

/* What must hold whenever something is done, in whatever state the host is. */
static void
check_action(const struct host *h, const struct rec_action *a)
{
    const struct rec_want *want = &h->want[a->want];
    bool up = h->has_dom && h->dom.power == MO_PW_RUNNING;

    CU_ASSERT_TRUE(h->observed_ok);
    switch (a->op) {
    case REC_ERASE:
    case REC_NET_REMOVE:
        CU_ASSERT(want->wanted == MO_ABSENT && !up && want->binned_at_ms != 0);
        CU_ASSERT(h->now_ms - want->binned_at_ms >= HOLD_MS);
        CU_ASSERT_FALSE(want->erased);
        break;
    case REC_VM_SHUTDOWN:
    case REC_VM_DESTROY:
        CU_ASSERT(want->wanted != MO_RUNNING ||
                  (want->may_restart && h->dom.generation < want->generation));
        CU_ASSERT(a->op == REC_VM_SHUTDOWN || h->now_ms - want->stop_asked_ms >= GRACE_MS);
        break;
    case REC_VM_START:
        CU_ASSERT(h->has_net && h->net.active && h->has_vol && h->has_root && h->has_seed);
        CU_ASSERT(h->want[DATA].fill == MO_FILL_DONE && want->root_fill == MO_FILL_DONE);
        CU_ASSERT(want->wanted == MO_RUNNING && want->binned_at_ms == 0);
        break;
    case REC_VM_RESUME:
        CU_ASSERT(h->dom.power == MO_PW_PAUSED && h->dom.no_space && want->wanted == MO_RUNNING);
        break;
    case REC_VM_ROOT:
    case REC_VM_REMAKE:
        CU_ASSERT(want->root_fill != MO_FILL_DONE || want->seed_fill != MO_FILL_DONE);
        break;
    case REC_VOL_CREATE:
    case REC_VOL_REMAKE:
        CU_ASSERT(want->fill != MO_FILL_DONE);
        break;
    case REC_VM_LIVE: /* a running guest is only added to, and only by its order */
        CU_ASSERT(up && want->may_restart && h->dom.generation < want->generation);
        CU_ASSERT(want->vcpus >= h->dom.live_vcpus && want->mem_mib >= h->dom.live_mem_mib);
        break;
    case REC_VM_GROW:
        CU_ASSERT(h->root_bytes < want->bytes);
        break;
    case REC_NONE:
    case REC_NET_DEFINE:
    case REC_NET_START:
    case REC_NET_HOSTS:
    case REC_NET_SEGMENT:
    case REC_VOL_GROW:
    case REC_VM_DEFINE:
    case REC_VM_ADOPT:
    case REC_BIN:
    case REC_UNBIN:
    case REC_OP__MAX:
        break;
    }
}

static void
fill_volume(struct rec_want *want, bool *has, bool half)
{
    *has = true;
    want->fill = half ? MO_FILL_FILLING : MO_FILL_DONE;
}

static void
fill_own(struct host *h, struct rec_want *want, bool half)
{
    h->has_root = true;
    h->root_bytes = want->bytes;
    want->root_fill = half ? MO_FILL_FILLING : MO_FILL_DONE;
    if (half)
        return;
    h->has_seed = true;
    want->seed_fill = MO_FILL_DONE;
}

static void
define(struct host *h, const struct rec_want *want)
{
    bool up = h->has_dom && h->dom.power == MO_PW_RUNNING;
    struct rec_dom old = h->dom;

    h->dom = (struct rec_dom){.id = "web",
                              .ours = true,
                              .power = up ? MO_PW_RUNNING : MO_PW_OFF,
                              .term = want->term,
                              .generation = want->generation,
                              .vcpus = want->vcpus,
                              .mem_mib = want->mem_mib,
                              .live_vcpus = up ? old.live_vcpus : 0,
                              .live_mem_mib = up ? old.live_mem_mib : 0,
                              .live_vcpus_max = up ? old.live_vcpus_max : 0,
                              .live_mem_max_mib = up ? old.live_mem_max_mib : 0,
                              .defined = true,
                              .parts_equal = true,
                              .live_parts_equal = true,
                              .volumes = web_disks,
                              .n_volumes = 3,
                              .networks = web_networks,
                              .n_networks = 1};
    h->has_dom = true;
}

static void
erase(struct host *h, struct rec_want *want, bool half)
{
    want->erase_begun = true;
    if (want->kind == MO_VOLUME)
        h->has_vol = false;
    else
        h->has_dom = h->has_root = h->has_seed = false;
    want->erased = !half; /* half: killed before the receipt */
}

static void
apply_net(struct host *h, enum rec_op op, const struct rec_want *want)
{
    if (op == REC_NET_DEFINE || op == REC_NET_START) {
        h->has_net = true;
        h->net = (struct rec_net){
            "lan", true, op == REC_NET_START, want->term, want->generation, h->net.hosts_equal,
            true};
    } else if (op == REC_NET_SEGMENT) {
        h->net.segment_off = false;
    } else if (op == REC_NET_HOSTS) {
        h->net.hosts_equal = true;
    } else {
        h->has_net = false;
    }
}

static void
start(struct host *h)
{
    h->dom.power = MO_PW_RUNNING;
    h->dom.live_vcpus = h->dom.vcpus;
    h->dom.live_mem_mib = h->dom.mem_mib;
    h->dom.live_vcpus_max = 8;
    h->dom.live_mem_max_mib = 8192;
}

static void
ask_to_stop(struct host *h, struct rec_want *want)
{
    want->stop_asked_ms = h->now_ms;
    if (h->guest_obeys && h->dom.power == MO_PW_RUNNING)
        h->dom.power = MO_PW_OFF;
}

/* half: the process died in the middle of it. */
static void
apply(struct host *h, const struct rec_action *a, bool half)
{
    struct rec_want *want = &h->want[a->want];

    switch (a->op) {
    case REC_NET_DEFINE:
    case REC_NET_START:
    case REC_NET_HOSTS:
    case REC_NET_SEGMENT:
    case REC_NET_REMOVE:
        apply_net(h, a->op, want);
        break;
    case REC_VOL_CREATE:
    case REC_VOL_REMAKE:
        fill_volume(want, &h->has_vol, half);
        break;
    case REC_VM_ROOT:
    case REC_VM_REMAKE:
        fill_own(h, want, half);
        break;
    case REC_VM_GROW:
        h->root_bytes = want->bytes;
        break;
    case REC_VM_LIVE: /* half: the processors came, then the process died */
        h->dom.live_vcpus = want->vcpus;
        h->dom.live_mem_mib = half ? h->dom.live_mem_mib : want->mem_mib;
        if (!half)
            define(h, want);
        break;
    case REC_VM_DEFINE:
        define(h, want);
        break;
    case REC_VM_START:
        start(h);
        want->stop_asked_ms = 0;
        break;
    case REC_VM_RESUME:
        h->dom.power = MO_PW_RUNNING;
        break;
    case REC_VM_SHUTDOWN:
        ask_to_stop(h, want);
        break;
    case REC_VM_DESTROY:
        h->dom.power = MO_PW_OFF;
        break;
    case REC_BIN:
        want->binned_at_ms = h->now_ms;
        break;
    case REC_UNBIN:
        want->binned_at_ms = 0;
        break;
    case REC_ERASE:
        erase(h, want, half);
        break;
    case REC_VOL_GROW:
    case REC_VM_ADOPT:
    case REC_NONE:
    case REC_OP__MAX:;
    }
}

/* Until everything is equal; trouble: of 10 actions, so many are lost or half done. */
static int
play(struct host *h, uint64_t trouble)
{
    for (int tick = 0; tick < TICKS_MAX; tick++) {
        struct rec_vol vols[3];
        struct rec_action acts[N_WANTS];
        struct rec_world w;
        size_t n, equal = 0;

        h->observed_ok = chance(h, 10) >= trouble;
        w = observe(h, vols);
        for (size_t i = 0; i < N_WANTS; i++)
            equal += reconcile_judge(&w, &h->want[i]).equal ? 1 : 0;
        n = reconcile(&w, acts, ARRAY_LEN(acts));
        if (equal == N_WANTS) {
            CU_ASSERT_EQUAL(n, 0);
            return tick;
        }
        for (size_t i = 0; i < n; i++) {
            uint64_t luck = chance(h, 10);

            check_action(h, &acts[i]);
            if (luck >= trouble || luck % 2 == 0)
                apply(h, &acts[i], luck < trouble);
        }
        h->now_ms += TICK_MS;
    }
    return -1;
}

static void
host_init(struct host *h, uint64_t seed, bool obeys)
{
    *h = (struct host){.guest_obeys = obeys, .now_ms = 1000000, .seed = seed};
    for (int i = 0; i < N_WANTS; i++)
        h->want[i] = (struct rec_want){.term = 1,
                                       .generation = 1,
                                       .wanted_now = true,
                                       .hold_ms = HOLD_MS,
                                       .bytes = 10,
                                       .wanted = MO_PRESENT};
    h->want[LAN].id = "lan";
    h->want[LAN].kind = MO_NETWORK;
    h->want[DATA].id = "data";
    h->want[DATA].kind = MO_VOLUME;
    h->want[WEB].id = "web";
    h->want[WEB].kind = MO_VM;
    h->want[WEB].wanted = MO_RUNNING;
    h->want[WEB].vcpus = 4;
    h->want[WEB].mem_mib = 4096;
    h->want[WEB].root = "web-root";
    h->want[WEB].seed = "web-seed";
    h->want[WEB].volumes = web_volumes;
    h->want[WEB].n_volumes = 1;
    h->want[WEB].networks = web_networks;
    h->want[WEB].n_networks = 1;
}

/* A newer order, as the agent takes it: what belonged to the older one starts anew. */
static void
order(struct host *h, int which, enum mo_wanted wanted, bool may_restart)
{
    h->want[which].generation++;
    h->want[which].wanted = wanted;
    h->want[which].may_restart = may_restart;
    h->want[which].stop_asked_ms = 0;
}

static void
order_all(struct host *h, enum mo_wanted wanted)
{
    for (int i = 0; i < N_WANTS; i++)
        order(h, i, wanted, false);
}

static void
play_story(uint64_t seed, bool obeys, uint64_t trouble)
{
    struct host h;

    host_init(&h, seed, obeys);
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT_EQUAL(h.dom.live_vcpus, 4);
    h.want[WEB].vcpus = 2; /* downgrade by restart */
    order(&h, WEB, MO_RUNNING, true);
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT_EQUAL(h.dom.live_vcpus, 2);
    h.want[WEB].vcpus = 4; /* the unit grows it while it runs; no restart was agreed */
    h.want[WEB].mem_mib = 4096 + 2 * REC_DIMM_MIB;
    h.want[WEB].bytes = 20;
    h.want[WEB].restart_from_ms = REC_NO_RESTART;
    order(&h, WEB, MO_RUNNING, true);
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT_EQUAL(h.dom.live_vcpus, 4);
    CU_ASSERT_EQUAL(h.dom.live_mem_mib, 4096 + 2 * REC_DIMM_MIB);
    CU_ASSERT_EQUAL(h.root_bytes, 20);
    h.want[WEB].restart_from_ms = 0;
    h.dom.power = MO_PW_OFF; /* the host rebooted */
    h.net.active = false;
    CU_ASSERT(play(&h, trouble) >= 0);
    h.dom.power = MO_PW_PAUSED; /* its pool was full */
    h.dom.no_space = true;
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT_EQUAL(h.dom.power, MO_PW_RUNNING);
    h.dom.power = MO_PW_PAUSED; /* by somebody */
    h.dom.no_space = false;
    order_all(&h, MO_BINNED);
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT(h.has_root && h.has_vol && h.dom.power == MO_PW_OFF);
    order(&h, LAN, MO_PRESENT, true); /* restored once */
    order(&h, DATA, MO_PRESENT, true);
    order(&h, WEB, MO_RUNNING, true);
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT_EQUAL(h.dom.power, MO_PW_RUNNING);
    order_all(&h, MO_ABSENT);
    CU_ASSERT(play(&h, trouble) >= 0);
    CU_ASSERT_FALSE(h.has_dom || h.has_net || h.has_vol || h.has_root || h.has_seed);
    CU_ASSERT(h.want[DATA].erased && h.want[WEB].erased);
}

static void
reaches_every_order_when_all_goes_well(void)
{
    play_story(1, true, 0);
    play_story(2, false, 0);
}

static void
reaches_every_order_through_any_trouble(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++)
        play_story(seed, seed % 3 != 0, 1 + seed % 5);
}

static void
does_nothing_for_an_empty_set(void)
{
    struct host h;
    struct rec_vol vols[3];
    struct rec_action acts[N_WANTS];
    struct rec_world w;

    host_init(&h, 5, true);
    CU_ASSERT(play(&h, 0) >= 0);
    h.observed_ok = true;
    w = observe(&h, vols);
    w.n_wants = 0;
    CU_ASSERT_EQUAL(reconcile(&w, acts, N_WANTS), 0);
    for (int i = 0; i < N_WANTS; i++)
        h.want[i].wanted_now = false;
    order_all(&h, MO_ABSENT);
    h.now_ms += 1000 * HOLD_MS;
    w = observe(&h, vols);
    CU_ASSERT_EQUAL(reconcile(&w, acts, N_WANTS), 0);
}

CU_TestInfo reconcile_story_tests[] = {
    {"reaches every order when all goes well", reaches_every_order_when_all_goes_well},
    {"reaches every order through any trouble", reaches_every_order_through_any_trouble},
    {"does nothing for an empty set", does_nothing_for_an_empty_set},
    CU_TEST_INFO_NULL,
};
