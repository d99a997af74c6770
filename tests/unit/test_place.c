/* Golden cases of tests/cases/place: {hosts, ask, expect}. */
#include <CUnit/CUnit.h>
#include <json-c/json.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "policies/host_fsm.h"
#include "policies/place.h"
#include "tests/unit/golden.h"

#define HOSTS_MAX 16
#define GIB INT64_C(1073741824)

static const char *const states[] = {"",       "enrolling",       "ready",   "cordoned",
                                     "silent", "cordoned+silent", "revoked", NULL};

static const char *const aparts[] = {"", "soft", "hard", NULL};

struct table {
    struct place_hosts hosts;
    const char *name[HOSTS_MAX];
    uint8_t state[HOSTS_MAX];
    int64_t vcpus_free[HOSTS_MAX], mem_free_mib[HOSTS_MAX], disk_free_bytes[HOSTS_MAX];
    uint32_t cpus[HOSTS_MAX], can[HOSTS_MAX], zone[HOSTS_MAX], pool_class[HOSTS_MAX],
        same[HOSTS_MAX];
    uint8_t arch[HOSTS_MAX], part[HOSTS_MAX];
};

static void
table_read(struct json_object *list, struct table *t)
{
    memset(t, 0, sizeof(*t));
    t->hosts = (struct place_hosts){.n = json_object_array_length(list),
                                    .name = t->name,
                                    .state = t->state,
                                    .vcpus_free = t->vcpus_free,
                                    .mem_free_mib = t->mem_free_mib,
                                    .disk_free_bytes = t->disk_free_bytes,
                                    .cpus = t->cpus,
                                    .can = t->can,
                                    .zone = t->zone,
                                    .pool_class = t->pool_class,
                                    .arch = t->arch,
                                    .same = t->same};
    CU_ASSERT_FATAL(t->hosts.n <= HOSTS_MAX);
    for (size_t i = 0; i < t->hosts.n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        t->name[i] = golden_str(o, "name", "?");
        t->state[i] = (uint8_t)golden_enum(o, "state", states, HS_READY);
        t->cpus[i] = (uint32_t)golden_int(o, "cpus", 16);
        t->vcpus_free[i] = place_free(t->cpus[i], (uint32_t)golden_int(o, "cpu_percent", 400),
                                      (uint64_t)golden_int(o, "vcpus_promised", 0));
        t->mem_free_mib[i] = place_free((uint64_t)golden_int(o, "mem_mib", 65536),
                                        (uint32_t)golden_int(o, "mem_percent", 100),
                                        (uint64_t)golden_int(o, "mem_promised", 0));
        t->disk_free_bytes[i] = golden_int(o, "disk_free_gib", 1000) * GIB;
        t->can[i] = (uint32_t)golden_int(o, "can", 7);
        t->zone[i] = (uint32_t)golden_int(o, "zone", 1);
        t->pool_class[i] = (uint32_t)golden_int(o, "class", 0);
        t->same[i] = (uint32_t)golden_int(o, "same", 0);
        t->part[i] = (uint8_t)golden_int(o, "part", 0);
        if (t->part[i] != 0)
            t->hosts.part = t->part;
        t->arch[i] = (uint8_t)place_arch_of(golden_str(o, "arch", "x86_64"));
    }
}

/* Who asks for a class of pool where no host has one gets nothing, with the reason. */
static void
a_class_that_no_host_has_is_refused(void)
{
    struct json_object *list = json_tokener_parse("[{\"name\":\"h1\"},{\"name\":\"h2\"}]");
    struct place_ask ask = place_ask_new();
    uint8_t why[HOSTS_MAX];
    struct table t;

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    table_read(list, &t);
    t.hosts.pool_class = NULL;
    ask.rule = PLACE_RULE_2;
    place_ask_add(&ask, 1, 1024, 0);
    CU_ASSERT_EQUAL(place(&t.hosts, &ask, why, NULL), 0);
    ask.pool_class = 1;
    CU_ASSERT_EQUAL(place(&t.hosts, &ask, why, NULL), PLACE_NOWHERE);
    CU_ASSERT(why[0] == PLACE_CLASS && why[1] == PLACE_CLASS);
    json_object_put(list);
}

static void
case_run(struct json_object *c, struct strbuf *out)
{
    struct json_object *o = golden_get(c, "ask"), *group = golden_get(o, "group");
    struct place_ask ask = place_ask_new();
    struct table t;
    struct place_sums sums;
    uint8_t why[HOSTS_MAX];
    char chosen[300] = "";
    size_t best;

    table_read(golden_get(c, "hosts"), &t);
    ask.needs = (uint32_t)golden_int(o, "needs", 0);
    ask.zone = (uint32_t)golden_int(o, "zone", 0);
    ask.pool_class = (uint32_t)golden_int(o, "class", 0);
    ask.apart = (enum place_apart)golden_enum(o, "apart", aparts, PLACE_TOGETHER);
    ask.rule = (enum place_rule)golden_int(o, "rule", PLACE_RULE_2);
    ask.room_vcpus = (uint32_t)golden_int(o, "room_vcpus", 0);
    ask.roomy = (uint32_t)golden_int(o, "roomy", 0);
    ask.roomy_known = ask.roomy > 0;
    ask.room_mem_mib = golden_int(o, "room_mem_mib", 0);
    ask.room_disk_bytes = golden_int(o, "room_disk_gib", 0) * GIB;
    if (golden_get(o, "pinned") != NULL)
        ask.pinned = (size_t)golden_int(o, "pinned", 0);
    for (size_t i = 0; i < json_object_array_length(group); i++) {
        struct json_object *g = json_object_array_get_idx(group, i);

        ask.arch = place_arch_join(ask.arch, place_arch_of(golden_str(g, "arch", "")));
        place_ask_add(&ask, (uint32_t)golden_int(g, "vcpus", 0),
                      (uint64_t)golden_int(g, "mem_mib", 0),
                      (uint64_t)golden_int(g, "disk_gib", 0) * (uint64_t)GIB);
    }
    best = place(&t.hosts, &ask, why, &sums);
    CU_ASSERT_EQUAL(place(&t.hosts, &ask, why, NULL), best);
    if (best != PLACE_NOWHERE)
        (void)place_explain_choice(&t.hosts, &ask, best, &sums, chosen, sizeof(chosen));
    strbuf_addf(out, "{\n    \"host\": \"%s\",\n    \"chosen\": \"%s\",\n    \"why\": [",
                best == PLACE_NOWHERE ? "" : t.name[best], chosen);
    for (size_t i = 0; i < t.hosts.n; i++) {
        char text[200];

        CU_ASSERT(place_explain(&t.hosts, &ask, i, (enum place_why)why[i], text, sizeof(text)) > 4);
        strbuf_addf(out, "%s\n      \"%s\"", i > 0 ? "," : "", text);
    }
    strbuf_adds(out, "\n    ]\n  }");
}

static void
answers_every_golden_case(void)
{
    CU_ASSERT(golden_run("tests/cases/place", case_run) >= 12);
}

static void
finds_nowhere_among_no_hosts(void)
{
    struct place_hosts none = {0};
    struct place_ask ask = place_ask_new();

    CU_ASSERT_EQUAL(place(&none, &ask, NULL, NULL), PLACE_NOWHERE);
}

static void
does_not_overflow(void)
{
    struct place_ask ask = place_ask_new();

    place_ask_add(&ask, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    place_ask_add(&ask, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    CU_ASSERT_EQUAL(ask.mem_mib, INT64_MAX);
    CU_ASSERT_EQUAL(ask.disk_bytes, INT64_MAX);
    CU_ASSERT(place_free(UINT64_MAX, UINT32_MAX, 0) > 0);
    CU_ASSERT(place_free(1, 100, UINT64_MAX) < 0);
    CU_ASSERT_EQUAL(place_free(16, 400, 10), 54);
}

/* ---- what holds for every cloud --------------------------------------------------------------
 */

enum { CLOUD = 300, CLOUDS = 400 };

static struct cloud {
    struct place_hosts hosts;
    const char *name[CLOUD];
    uint8_t state[CLOUD], arch[CLOUD], part[CLOUD], why[CLOUD];
    int64_t vcpus[CLOUD], mem[CLOUD], disk[CLOUD];
    uint32_t cpus[CLOUD], can[CLOUD], zone[CLOUD], pool_class[CLOUD], same[CLOUD];
    struct place_ask ask;
} cloud, other;
static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void
cloud_columns(struct cloud *c, size_t n)
{
    c->hosts = (struct place_hosts){.n = n,
                                    .name = c->name,
                                    .state = c->state,
                                    .vcpus_free = c->vcpus,
                                    .mem_free_mib = c->mem,
                                    .disk_free_bytes = c->disk,
                                    .cpus = c->cpus,
                                    .can = c->can,
                                    .zone = c->zone,
                                    .pool_class = c->pool_class,
                                    .arch = c->arch,
                                    .same = c->same};
}

static void
cloud_draw(struct cloud *c)
{
    memset(c, 0, sizeof(*c));
    cloud_columns(c, draw(CLOUD));
    for (size_t i = 0; i < c->hosts.n; i++) {
        c->name[i] = "h";
        c->state[i] = (uint8_t)(draw(4) > 0 ? HS_READY : draw(HS__MAX));
        c->arch[i] = (uint8_t)draw(PLACE_ARCH_SEVERAL);
        c->part[i] = draw(20) == 0;
        c->vcpus[i] = (int64_t)draw(64) - 4;
        c->mem[i] = (int64_t)draw(60000) - 2000;
        c->disk[i] = ((int64_t)draw(500) - 10) * GIB;
        c->cpus[i] = 1 + draw(32);
        c->can[i] = draw(16);
        c->zone[i] = draw(3);
        c->pool_class[i] = draw(3);
        c->same[i] = draw(3);
    }
    if (draw(3) == 0)
        c->hosts.part = c->part;
    c->ask = place_ask_new();
    for (uint32_t k = draw(3); k < 3; k++)
        place_ask_add(&c->ask, draw(5), draw(9000), draw(20) * (uint64_t)GIB);
    c->ask.arch = draw(2) == 0 ? PLACE_ARCH_X86_64 : PLACE_ARCH_ANY;
    c->ask.zone = draw(3);
    c->ask.pool_class = draw(3);
    c->ask.needs = draw(4) == 0 ? PLACE_CAN_KVM : 0;
    c->ask.apart = (enum place_apart)draw(PLACE_APART__MAX);
    c->ask.room_vcpus = draw(2) * 16;
    c->ask.room_mem_mib = 32768;
    c->ask.room_disk_bytes = 50 * GIB;
}

static bool
reach_is_kept(const struct cloud *c, size_t at)
{
    for (size_t i = 0; c->hosts.part != NULL && c->part[at] == 0 && i < c->hosts.n; i++)
        if (c->part[i] != 0 && ((c->can[i] & c->can[at]) & PLACE_CAN_REACH) == 0)
            return false;
    return true;
}

static void
whatever_is_chosen_has_room_and_keeps_every_wish(void)
{
    size_t placed = 0;

    seed = 7;
    for (int k = 0; k < 2 * CLOUDS; k++) {
        struct cloud *c = &cloud;
        const struct place_ask *q = &c->ask;
        size_t at;

        cloud_draw(c);
        at = place(&c->hosts, q, c->why, NULL);
        if (at == PLACE_NOWHERE)
            continue;
        placed++;
        CU_ASSERT(c->vcpus[at] >= q->vcpus && c->mem[at] >= q->mem_mib);
        CU_ASSERT(c->disk[at] >= q->disk_bytes && c->cpus[at] >= q->largest_vcpus);
        CU_ASSERT(c->state[at] == HS_READY && (c->can[at] & q->needs) == q->needs);
        CU_ASSERT(q->arch == PLACE_ARCH_ANY || c->arch[at] == (uint8_t)q->arch);
        CU_ASSERT(q->zone == 0 || c->zone[at] == q->zone);
        CU_ASSERT(q->pool_class == 0 || c->pool_class[at] == q->pool_class);
        CU_ASSERT(reach_is_kept(c, at));
        CU_ASSERT(q->apart != PLACE_HARD || q->machines == 0 ||
                  (q->machines == 1 && c->same[at] == 0));
    }
    CU_ASSERT(placed > 100);
}

static void
it_is_placed_where_a_host_fits_and_only_then(void)
{
    seed = 21;
    for (int k = 0; k < CLOUDS; k++) {
        struct place_sums sums;
        size_t at, fit = 0, all = 0;

        cloud_draw(&cloud);
        at = place(&cloud.hosts, &cloud.ask, cloud.why, &sums);
        for (size_t i = 0; i < cloud.hosts.n; i++)
            fit += cloud.why[i] == PLACE_FITS;
        for (int w = 0; w < PLACE_WHY__MAX; w++)
            all += sums.count[w];
        CU_ASSERT_EQUAL(at != PLACE_NOWHERE, fit > 0);
        CU_ASSERT(at == PLACE_NOWHERE || cloud.why[at] == PLACE_FITS);
        CU_ASSERT_EQUAL(sums.count[PLACE_FITS], fit);
        CU_ASSERT_EQUAL(all, cloud.hosts.n);
    }
}

/* Only the chosen one, and how many hosts are roomy in all. */
static void
the_chosen_host_is_chosen_again_from_a_part_of_the_table(void)
{
    seed = 33;
    for (int k = 0; k < CLOUDS; k++) {
        struct place_sums sums;
        size_t at, n = 0, now = PLACE_NOWHERE;

        cloud_draw(&cloud);
        cloud.hosts.part = NULL; /* reach is a matter of the whole table */
        at = place(&cloud.hosts, &cloud.ask, cloud.why, &sums);
        if (at == PLACE_NOWHERE)
            continue;
        other = cloud;
        for (size_t i = 0; i < cloud.hosts.n; i++) {
            if (i != at && draw(2) == 0)
                continue;
            other.state[n] = cloud.state[i];
            other.arch[n] = cloud.arch[i];
            other.vcpus[n] = cloud.vcpus[i];
            other.mem[n] = cloud.mem[i];
            other.disk[n] = cloud.disk[i];
            other.cpus[n] = cloud.cpus[i];
            other.can[n] = cloud.can[i];
            other.zone[n] = cloud.zone[i];
            other.pool_class[n] = cloud.pool_class[i];
            other.same[n] = cloud.same[i];
            if (i == at)
                now = n;
            n++;
        }
        cloud_columns(&other, n);
        other.ask.roomy = sums.roomy;
        other.ask.roomy_known = true;
        CU_ASSERT_EQUAL(place(&other.hosts, &other.ask, other.why, NULL), now);
    }
}

/* ---- the plain rule --------------------------------------------------------------------------
 * One host after another, as place.h says it: what the scan must agree with. */

static enum place_why
plain_why(const struct cloud *c, size_t i)
{
    const struct place_ask *q = &c->ask;
    bool hard = q->apart == PLACE_HARD && q->machines > 0;
    const bool refused[PLACE_WHY__MAX] = {
        [PLACE_ELSEWHERE] = q->pinned != PLACE_NOWHERE && i != q->pinned,
        [PLACE_NOT_READY] = c->state[i] != HS_READY,
        [PLACE_ARCH] = q->arch != PLACE_ARCH_ANY && c->arch[i] != (uint8_t)q->arch,
        [PLACE_ZONE] = q->zone != 0 && c->zone[i] != q->zone,
        [PLACE_CLASS] = q->pool_class != 0 && c->pool_class[i] != q->pool_class,
        [PLACE_CANNOT] = (c->can[i] & q->needs) != q->needs,
        [PLACE_REACH] = !reach_is_kept(c, i),
        [PLACE_TOO_WIDE] = c->cpus[i] < q->largest_vcpus,
        [PLACE_CPU] = c->vcpus[i] < q->vcpus,
        [PLACE_MEM] = c->mem[i] < q->mem_mib,
        [PLACE_DISK] = c->disk[i] < q->disk_bytes,
        [PLACE_APART] = hard && (q->machines > 1 || (c->hosts.same != NULL && c->same[i] > 0))};

    for (int w = PLACE_FITS + 1; w < PLACE_WHY__MAX; w++)
        if (refused[w])
            return (enum place_why)w;
    return PLACE_FITS;
}

static bool
plain_roomy(const struct cloud *c, size_t i, int64_t less_mem, int64_t less_vcpus,
            int64_t less_disk)
{
    const struct place_ask *q = &c->ask;

    return q->room_vcpus > 0 && c->cpus[i] >= q->room_vcpus &&
           c->mem[i] - less_mem >= q->room_mem_mib && c->vcpus[i] - less_vcpus >= q->room_vcpus &&
           c->disk[i] - less_disk >= q->room_disk_bytes;
}

static bool
plain_breaks(const struct cloud *c, size_t i)
{
    const struct place_ask *q = &c->ask;

    return plain_roomy(c, i, 0, 0, 0) && !plain_roomy(c, i, q->mem_mib, q->vcpus, q->disk_bytes);
}

/* What is left of one thing, in 2^32nd parts of the largest machine. */
static uint64_t
plain_part(int64_t left, int64_t asked, int64_t whole, int64_t usual)
{
    if (asked <= 0)
        return UINT64_MAX;
    return (uint64_t)(left > INT32_MAX ? INT32_MAX : left) *
           ((UINT64_C(1) << 32) / (uint64_t)(whole > 0 ? whole : usual));
}

enum { KEYS = 5 }; /* breaks, apart, halvings, same, left */

static void
plain_keys(const struct cloud *c, size_t i, bool scant, uint64_t key[KEYS])
{
    const struct place_ask *q = &c->ask;
    uint64_t left[3] = {plain_part(c->mem[i] - q->mem_mib, q->mem_mib, q->room_mem_mib, 65536),
                        plain_part(c->vcpus[i] - q->vcpus, q->vcpus, q->room_vcpus, 16),
                        plain_part((c->disk[i] - q->disk_bytes) >> 20, q->disk_bytes,
                                   q->room_disk_bytes >> 20, 102400)};
    uint64_t least = left[0], same = c->hosts.same == NULL ? 0 : c->same[i];

    for (int k = 1; k < 3; k++)
        least = left[k] < least ? left[k] : least;
    least = least == 0 ? 1 : least;
    key[0] = scant && plain_breaks(c, i);
    key[1] = q->apart == PLACE_SOFT ? (same > 0x7fff ? 0x7fff : same) : 0;
    for (key[2] = 0; least >> key[2] > 1; key[2]++)
        continue;
    key[3] = q->apart == PLACE_SOFT ? 0 : (same > 0xfff ? 0xfff : same);
    key[4] = least - (UINT64_C(1) << key[2]); /* 30 bits of it count */
    key[4] = key[2] > 30 ? key[4] >> (key[2] - 30) : key[4] << (30 - key[2]);
}

static size_t
plain_best(const struct cloud *c, bool scant)
{
    size_t best = PLACE_NOWHERE;
    uint64_t least[KEYS], key[KEYS];

    for (size_t i = 0; i < c->hosts.n; i++) {
        int k = 0;

        if (plain_why(c, i) != PLACE_FITS)
            continue;
        plain_keys(c, i, scant, key);
        while (best != PLACE_NOWHERE && k < KEYS && key[k] == least[k])
            k++;
        if (best != PLACE_NOWHERE && (k == KEYS || key[k] > least[k]))
            continue;
        best = i;
        memcpy(least, key, sizeof(least));
    }
    return best;
}

static size_t
plain_place(const struct cloud *c, struct place_sums *sums)
{
    const struct place_ask *q = &c->ask;
    size_t best;

    *sums = (struct place_sums){.roomy = q->roomy_known ? q->roomy : 0};
    for (size_t i = 0; i < c->hosts.n; i++) {
        enum place_why w = plain_why(c, i);

        sums->count[w]++;
        sums->same_elsewhere += c->hosts.same == NULL ? 0 : c->same[i];
        sums->roomy += !q->roomy_known && plain_roomy(c, i, 0, 0, 0) &&
                       (w == PLACE_FITS || w >= PLACE_TOO_WIDE);
    }
    best = plain_best(c, sums->roomy <= 1);
    if (best == PLACE_NOWHERE)
        return best;
    sums->breaks = plain_breaks(c, best);
    sums->same_elsewhere -= c->hosts.same == NULL ? 0 : c->same[best];
    return best;
}

/* Tables that a cloud of usual hosts does not make: hosts that are alike, nothing or everything
 * free, machines of the group on every host, roomy hosts scant or known, tables of whole blocks. */
static void
cloud_draw_odd(struct cloud *c)
{
    static const size_t lengths[] = {1, 127, 128, 129, 255, 256, 257, CLOUD};
    bool alike = draw(3) == 0, full = draw(3) == 0, vast = draw(6) == 0;
    uint32_t many = draw(4) == 0 ? 1 + draw(70000) : 0;

    cloud_draw(c);
    if (draw(2) == 0) {
        size_t n = lengths[draw(sizeof(lengths) / sizeof(lengths[0]))];

        for (size_t i = c->hosts.n; i < n; i++)
            c->state[i] = HS_READY, c->arch[i] = PLACE_ARCH_X86_64, c->name[i] = "h";
        c->hosts.n = n;
    }
    for (size_t i = 0; i < c->hosts.n; i++) {
        if (alike)
            c->vcpus[i] = 16, c->mem[i] = 40000, c->disk[i] = 300 * GIB, c->cpus[i] = 32;
        if (full) /* one that fits just so, or not by one */
            c->mem[i] = c->ask.mem_mib - (int64_t)draw(2);
        if (vast)
            c->vcpus[i] = c->mem[i] = c->disk[i] = INT64_MAX - draw(3);
        c->same[i] += many;
    }
    if (draw(5) == 0)
        c->hosts.same = NULL;
    if (draw(8) == 0)
        c->ask.pinned = draw(CLOUD);
    if (draw(4) == 0)
        c->ask.largest_vcpus = 20;
    c->ask.roomy_known = draw(3) == 0;
    c->ask.roomy = draw(3);
    if (draw(4) == 0)
        c->ask.room_mem_mib = draw(3), c->ask.room_disk_bytes = draw(3) * (GIB / 512);
    if (draw(6) == 0)
        c->ask.mem_mib = c->ask.disk_bytes = 0;
}

static void
the_scan_decides_as_the_plain_rule(void)
{
    size_t placed = 0;

    seed = 55;
    for (int k = 0; k < 20 * CLOUDS; k++) {
        struct place_sums sums, plain;
        bool alike = true;
        size_t at;

        if (k % 2 == 0)
            cloud_draw(&cloud);
        else
            cloud_draw_odd(&cloud);
        at = place(&cloud.hosts, &cloud.ask, cloud.why, &sums);
        placed += at != PLACE_NOWHERE;
        CU_ASSERT_EQUAL(at, plain_place(&cloud, &plain));
        for (size_t i = 0; i < cloud.hosts.n; i++)
            alike = alike && cloud.why[i] == (uint8_t)plain_why(&cloud, i);
        CU_ASSERT(alike);
        CU_ASSERT_EQUAL(memcmp(sums.count, plain.count, sizeof(sums.count)), 0);
        CU_ASSERT(sums.roomy == plain.roomy && sums.breaks == plain.breaks &&
                  sums.same_elsewhere == plain.same_elsewhere);
    }
    CU_ASSERT(placed > 1000);
}

CU_TestInfo place_tests[] = {
    {"a class that no host has is refused", a_class_that_no_host_has_is_refused},
    {"answers every golden case", answers_every_golden_case},
    {"finds nowhere among no hosts", finds_nowhere_among_no_hosts},
    {"does not overflow", does_not_overflow},
    {"whatever is chosen has room and keeps every wish",
     whatever_is_chosen_has_room_and_keeps_every_wish},
    {"it is placed where a host fits, and only then", it_is_placed_where_a_host_fits_and_only_then},
    {"the chosen host is chosen again from a part of the table",
     the_chosen_host_is_chosen_again_from_a_part_of_the_table},
    {"the scan decides as the plain rule", the_scan_decides_as_the_plain_rule},
    CU_TEST_INFO_NULL,
};
