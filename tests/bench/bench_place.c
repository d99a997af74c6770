/* Placing: microseconds a decision among 100 to 25,000 hosts in a cloud that is four fifths full,
 * every refusal counted, beside what first-fit and best-fit take to choose only; and packing of a
 * real mix of sizes: hosts used over the lower bound by volume, beside first-fit and best-fit,
 * filling only and with machines coming and going. Seeded: the same figures in each run, but for
 * the times.  Prints JSON lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "policies/host_fsm.h"
#include "policies/place.h"
#include "tests/bench/place_mix.h"

#define GIB INT64_C(1073741824)
enum { HOSTS_MAX = 25000, SYSTEM_VMS = 6, DISK_GIB = 40, VMS = 8400, CHURN = 40000 };

/* What a host has; vCPUs after overcommit. */
struct shape {
    const char *name;
    int64_t vcpus, mem_mib;
    uint32_t cpus;
};
static const struct shape shapes[] = {
    {"memory", 256, 262144, 64}, /* 64 CPUs at 400 %, 256 GiB: memory runs out first */
    {"both", 96, 262144, 96},    /* 96 CPUs without overcommit: the two run out together */
};

struct vm {
    uint32_t vcpus, system;
    int64_t mem_mib;
    size_t host;
};

static struct {
    const char *name[HOSTS_MAX];
    uint8_t state[HOSTS_MAX], arch[HOSTS_MAX], why[HOSTS_MAX];
    int64_t vcpus[HOSTS_MAX], mem[HOSTS_MAX], disk[HOSTS_MAX];
    uint32_t cpus[HOSTS_MAX], can[HOSTS_MAX], zone[HOSTS_MAX], pool_class[HOSTS_MAX],
        same[HOSTS_MAX];
    uint32_t vms[HOSTS_MAX];
} t;
static struct place_hosts hosts;
static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void
hosts_reset(size_t n, const struct shape *s)
{
    memset(&t, 0, sizeof(t));
    for (size_t i = 0; i < n; i++) {
        t.name[i] = "h";
        t.state[i] = HS_READY;
        t.arch[i] = PLACE_ARCH_X86_64;
        t.vcpus[i] = s->vcpus;
        t.mem[i] = s->mem_mib;
        t.disk[i] = 20000 * GIB;
        t.cpus[i] = s->cpus;
        t.can[i] = PLACE_CAN_KVM | PLACE_CAN_LOCK | PLACE_CAN_REACH;
    }
    hosts = (struct place_hosts){.n = n,
                                 .name = t.name,
                                 .state = t.state,
                                 .vcpus_free = t.vcpus,
                                 .mem_free_mib = t.mem,
                                 .disk_free_bytes = t.disk,
                                 .cpus = t.cpus,
                                 .can = t.can,
                                 .zone = t.zone,
                                 .pool_class = t.pool_class,
                                 .arch = t.arch,
                                 .same = t.same};
}

static struct vm
draw_vm(uint32_t system)
{
    uint32_t at = draw(PLACE_MIX_MACHINES);
    size_t i = 0;

    while (at >= place_mix[i].count)
        at -= place_mix[i++].count;
    return (struct vm){place_mix[i].vcpus, system, place_mix[i].mem_mib, PLACE_NOWHERE};
}

static void
vm_on(const struct vm *v, size_t host, int sign)
{
    t.vcpus[host] -= sign * (int64_t)v->vcpus;
    t.mem[host] -= sign * v->mem_mib;
    t.disk[host] -= sign * DISK_GIB * GIB;
    t.vms[host] += (uint32_t)sign;
}

/* ---- the ways to choose ----------------------------------------------------------------------
 */

static struct place_ask
ask_of(const struct vm *v)
{
    struct place_ask ask = place_ask_new();

    place_ask_add(&ask, v->vcpus, (uint64_t)v->mem_mib, DISK_GIB * (uint64_t)GIB);
    ask.arch = PLACE_ARCH_X86_64;
    ask.room_vcpus = 32;
    ask.room_mem_mib = 65536;
    ask.room_disk_bytes = DISK_GIB * GIB;
    return ask;
}

static size_t
by_policy(const struct vm *v)
{
    struct place_ask ask = ask_of(v);

    return place(&hosts, &ask, t.why, NULL);
}

static size_t
by_old_rule(const struct vm *v)
{
    struct place_ask ask = ask_of(v);

    ask.rule = PLACE_RULE_1;
    return place(&hosts, &ask, t.why, NULL);
}

static bool
fits(const struct vm *v, size_t i)
{
    return t.vcpus[i] >= v->vcpus && t.mem[i] >= v->mem_mib;
}

static size_t
by_first_fit(const struct vm *v)
{
    for (size_t i = 0; i < hosts.n; i++)
        if (fits(v, i))
            return i;
    return PLACE_NOWHERE;
}

static size_t
by_best_fit(const struct vm *v)
{
    size_t best = PLACE_NOWHERE;

    for (size_t i = 0; i < hosts.n; i++)
        if (fits(v, i) && (best == PLACE_NOWHERE || t.mem[i] < t.mem[best]))
            best = i;
    return best;
}

static const struct way {
    const char *name;
    size_t (*choose)(const struct vm *v);
} ways[] = {{"ours", by_policy},
            {"first_fit", by_first_fit},
            {"best_fit", by_best_fit},
            {"most_memory_left", by_old_rule}};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* ---- packing ---------------------------------------------------------------------------------
 */

static struct vm vms[VMS];

static void
same_fill(uint32_t system, size_t n)
{
    memset(t.same, 0, hosts.n * sizeof(t.same[0]));
    for (size_t i = 0; i < n; i++)
        if (vms[i].system == system && vms[i].host != PLACE_NOWHERE)
            t.same[vms[i].host]++;
}

static void
put(const struct way *w, struct vm *v, size_t n)
{
    same_fill(v->system, n);
    v->host = w->choose(v);
    if (v->host == PLACE_NOWHERE) {
        fprintf(stderr, "bench: no host is left\n");
        exit(1);
    }
    vm_on(v, v->host, 1);
}

/* Hosts in use over the fewest that could hold as much. */
static double
ratio(const struct shape *s, size_t *used)
{
    int64_t vcpus = 0, mem = 0, least;

    *used = 0;
    for (size_t i = 0; i < hosts.n; i++)
        *used += t.vms[i] > 0;
    for (size_t i = 0; i < VMS; i++) {
        vcpus += vms[i].host == PLACE_NOWHERE ? 0 : vms[i].vcpus;
        mem += vms[i].host == PLACE_NOWHERE ? 0 : vms[i].mem_mib;
    }
    vcpus = (vcpus + s->vcpus - 1) / s->vcpus;
    mem = (mem + s->mem_mib - 1) / s->mem_mib;
    least = vcpus > mem ? vcpus : mem;
    return (double)*used / (double)least;
}

static void
pack(const struct shape *s, const struct way *w, double *filled, double *churned, size_t *used)
{
    size_t ignored;

    seed = 7;
    hosts_reset(2000, s);
    for (size_t i = 0; i < VMS; i++) {
        vms[i] = draw_vm((uint32_t)(i / SYSTEM_VMS));
        put(w, &vms[i], i);
    }
    *filled = ratio(s, used);
    for (size_t k = 0; k < CHURN; k++) { /* one goes, another comes */
        size_t i = draw(VMS);
        uint32_t system = vms[i].system;

        vm_on(&vms[i], vms[i].host, -1);
        vms[i] = draw_vm(system);
        put(w, &vms[i], VMS);
    }
    *churned = ratio(s, &ignored);
}

static void
packing(const struct shape *s)
{
    for (size_t i = 0; i < WAYS; i++) {
        double filled, churned;
        size_t used;

        pack(s, &ways[i], &filled, &churned, &used);
        printf("{\"name\":\"place.pack.%s.%s\",\"value\":%.4f,\"unit\":\"hosts over volume bound\","
               "\"churn\":%.4f,\"hosts\":%zu,\"vms\":%d,\"replaced\":%d}\n",
               s->name, ways[i].name, filled, churned, used, VMS, CHURN);
    }
}

/* ---- time ------------------------------------------------------------------------------------
 */

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Four fifths of the memory are taken, hosts of all states, zones and processors. */
static void
cloud(size_t n)
{
    seed = 11;
    hosts_reset(n, &shapes[0]);
    for (size_t i = 0; i < n; i++) {
        t.state[i] = draw(50) == 0 ? HS_CORDONED : HS_READY;
        t.arch[i] = draw(5) == 0 ? PLACE_ARCH_AARCH64 : PLACE_ARCH_X86_64;
        t.zone[i] = 1 + draw(3);
        t.same[i] = draw(100) == 0;
        for (uint32_t used = 60 + draw(41), k = 0; k < 200; k++) {
            struct vm v = draw_vm(0);

            if (fits(&v, i) && (t.mem[i] - v.mem_mib) * 100 >= shapes[0].mem_mib * (100 - used))
                vm_on(&v, i, 1);
        }
    }
}

enum { ROUNDS = 400 };

/* The median of one that only chooses. */
static double
us_of(size_t (*choose)(const struct vm *v))
{
    static int64_t took[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        struct vm v = draw_vm(0);
        int64_t began = clock_mono_ns();

        v.host = choose(&v);
        took[r] = clock_mono_ns() - began;
    }
    qsort(took, ROUNDS, sizeof(took[0]), by_value);
    return (double)took[ROUNDS / 2] / 1000;
}

static void
time_of(const char *name, size_t n)
{
    static int64_t took[ROUNDS];
    uint64_t fit = 0, refused = 0;

    cloud(n);
    for (int r = 0; r < ROUNDS; r++) {
        struct vm v = draw_vm(0);
        struct place_ask ask = ask_of(&v);
        struct place_sums sums;
        int64_t began;

        ask.apart = (enum place_apart)(r % PLACE_APART__MAX);
        ask.zone = r % 4;
        began = clock_mono_ns();
        v.host = place(&hosts, &ask, t.why, &sums);
        took[r] = clock_mono_ns() - began;
        fit += sums.count[PLACE_FITS];
        refused += n - sums.count[PLACE_FITS];
    }
    qsort(took, ROUNDS, sizeof(took[0]), by_value);
    printf("{\"name\":\"place.us.%s\",\"value\":%.1f,\"unit\":\"us\",\"least\":%.1f,\"p99\":%.1f,"
           "\"hosts\":%zu,\"fit\":%llu,\"refused\":%llu,\"first_fit\":%.2f,\"best_fit\":%.2f}\n",
           name, (double)took[ROUNDS / 2] / 1000, (double)took[0] / 1000,
           (double)took[ROUNDS * 99 / 100] / 1000, n, (unsigned long long)(fit / ROUNDS),
           (unsigned long long)(refused / ROUNDS), us_of(by_first_fit), us_of(by_best_fit));
}

int
main(void)
{
    time_of("100", 100);
    time_of("300", 300);
    time_of("1k", 1000);
    time_of("3k", 3000);
    time_of("10k", 10000);
    time_of("25k", HOSTS_MAX);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        packing(&shapes[i]);
    return 0;
}
