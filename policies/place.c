#include "policies/place.h"

#include <inttypes.h>
#include <string.h>

#include "policies/host_fsm.h"
#include "policies/text.h"

struct place_ask
place_ask_new(void)
{
    return (struct place_ask){.pinned = PLACE_NOWHERE, .rule = PLACE_RULE_2};
}

static int64_t
add_sat(int64_t a, uint64_t b)
{
    return b > (uint64_t)(INT64_MAX - a) ? INT64_MAX : a + (int64_t)b;
}

void
place_ask_add(struct place_ask *ask, uint32_t vcpus, uint64_t mem_mib, uint64_t disk_bytes)
{
    ask->vcpus = add_sat(ask->vcpus, vcpus);
    ask->mem_mib = add_sat(ask->mem_mib, mem_mib);
    ask->disk_bytes = add_sat(ask->disk_bytes, disk_bytes);
    ask->machines += vcpus > 0;
    if (vcpus > ask->largest_vcpus)
        ask->largest_vcpus = vcpus;
}

int64_t
place_free(uint64_t total, uint32_t percent, uint64_t promised)
{
    uint64_t cap =
        total > UINT64_MAX / PLACE_OVERCOMMIT_MAX ? UINT64_MAX / PLACE_OVERCOMMIT_MAX : total;

    if (percent > PLACE_OVERCOMMIT_MAX)
        percent = PLACE_OVERCOMMIT_MAX;
    cap = cap * percent / 100;
    if (cap > INT64_MAX)
        cap = INT64_MAX;
    if (promised > INT64_MAX)
        promised = INT64_MAX;
    return (int64_t)cap - (int64_t)promised;
}

static const char *const arch_names[PLACE_ARCH__MAX] = {"", "x86_64", "aarch64", "loongarch64",
                                                        "several"};

const char *
place_arch_name(enum place_arch a)
{
    return a < PLACE_ARCH__MAX ? arch_names[a] : "?";
}

enum place_arch
place_arch_of(const char *name)
{
    for (int a = PLACE_ARCH_ANY + 1; a < PLACE_ARCH__MAX; a++)
        if (strcmp(arch_names[a], name) == 0)
            return (enum place_arch)a;
    return PLACE_ARCH_ANY;
}

enum place_arch
place_arch_join(enum place_arch a, enum place_arch b)
{
    if (a == PLACE_ARCH_ANY || a == b)
        return b;
    return b == PLACE_ARCH_ANY ? a : PLACE_ARCH_SEVERAL;
}

/* ---- filter ----------------------------------------------------------------------------------
 */

/* The verdicts that every question needs, without a branch a host: what comes first in enum
 * place_why is looked at last and stays. */
static void
judge_all(const struct place_hosts *h, const struct place_ask *ask, uint8_t *restrict why)
{
    const uint8_t *state = h->state, *arch = h->arch;
    const uint32_t *zone = h->zone, *cpus = h->cpus;
    const int64_t *vcpus = h->vcpus_free, *mem = h->mem_free_mib, *disk = h->disk_free_bytes;
    const uint32_t any_arch = ask->arch == PLACE_ARCH_ANY ? 0 : UINT32_MAX;
    const uint32_t any_zone = ask->zone == 0 ? 0 : UINT32_MAX;
    const struct place_ask q = *ask;

    for (size_t i = 0; i < h->n; i++) {
        uint32_t w = PLACE_FITS;

        w = disk[i] < q.disk_bytes ? PLACE_DISK : w;
        w = mem[i] < q.mem_mib ? PLACE_MEM : w;
        w = vcpus[i] < q.vcpus ? PLACE_CPU : w;
        w = cpus[i] < q.largest_vcpus ? PLACE_TOO_WIDE : w;
        w = ((zone[i] ^ q.zone) & any_zone) != 0 ? PLACE_ZONE : w;
        w = ((arch[i] ^ q.arch) & any_arch) != 0 ? PLACE_ARCH : w;
        w = state[i] != HS_READY ? PLACE_NOT_READY : w; /* as host_fsm_takes_new() */
        why[i] = (uint8_t)w;
    }
}

/* Refused for this, unless something that comes first did. */
static void
refuse(uint8_t *why, enum place_why for_this)
{
    if (*why == PLACE_FITS || *why > for_this)
        *why = (uint8_t)for_this;
}

/* Where a network reaches from the hosts that have a part of it: everywhere while there is none;
 * from there every host with an underlay address; nowhere else when one of them has none. */
enum reach { REACH_ALL, REACH_WIDE, REACH_OWN };

static enum reach
reach_of(const struct place_hosts *h)
{
    enum reach r = REACH_ALL;

    for (size_t i = 0; i < h->n; i++) {
        if (h->part[i] == 0)
            continue;
        if ((h->can[i] & PLACE_CAN_REACH) == 0)
            return REACH_OWN;
        r = REACH_WIDE;
    }
    return r;
}

static void
judge_reach(const struct place_hosts *h, uint8_t *why)
{
    enum reach r = reach_of(h);

    for (size_t i = 0; r != REACH_ALL && i < h->n; i++)
        if (h->part[i] == 0 && (r == REACH_OWN || (h->can[i] & PLACE_CAN_REACH) == 0))
            refuse(&why[i], PLACE_REACH);
}

static uint32_t
same_at(const struct place_hosts *h, size_t i)
{
    return h->same == NULL ? 0 : h->same[i];
}

/* What few ask for. */
static void
judge_more(const struct place_hosts *h, const struct place_ask *ask, uint8_t *why)
{
    bool hard = ask->apart == PLACE_HARD && ask->machines > 0;

    for (size_t i = 0; ask->pinned != PLACE_NOWHERE && i < h->n; i++)
        if (i != ask->pinned)
            refuse(&why[i], PLACE_ELSEWHERE);
    for (size_t i = 0; ask->pool_class != 0 && i < h->n; i++)
        if (h->pool_class[i] != ask->pool_class)
            refuse(&why[i], PLACE_CLASS);
    for (size_t i = 0; ask->needs != 0 && i < h->n; i++)
        if ((h->can[i] & ask->needs) != ask->needs)
            refuse(&why[i], PLACE_CANNOT);
    if (h->part != NULL)
        judge_reach(h, why);
    for (size_t i = 0; hard && i < h->n; i++)
        if (same_at(h, i) > 0 || ask->machines > 1)
            refuse(&why[i], PLACE_APART);
}

/* Hosts by verdict; four tables, so that one count need not wait for the one before. */
static void
count(const uint8_t *why, size_t n, uint32_t out[PLACE_WHY__MAX])
{
    uint32_t c[4][PLACE_WHY__MAX] = {{0}};
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        c[0][why[i]]++;
        c[1][why[i + 1]]++;
        c[2][why[i + 2]]++;
        c[3][why[i + 3]]++;
    }
    for (; i < n; i++)
        c[0][why[i]]++;
    for (int w = 0; w < PLACE_WHY__MAX; w++)
        out[w] = c[0][w] + c[1][w] + c[2][w] + c[3][w];
}

/* Hosts of use to it, were there room, that have room for the largest machine. */
static uint32_t
roomy_count(const struct place_hosts *h, const struct place_ask *ask, const uint8_t *why)
{
    uint32_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        if (h->mem_free_mib[i] >= ask->room_mem_mib && h->vcpus_free[i] >= ask->room_vcpus &&
            h->disk_free_bytes[i] >= ask->room_disk_bytes && h->cpus[i] >= ask->room_vcpus &&
            (why[i] == PLACE_FITS || why[i] >= PLACE_TOO_WIDE))
            n++;
    return n;
}

static void
survey(const struct place_hosts *h, const struct place_ask *ask, uint8_t *why,
       struct place_sums *out)
{
    judge_all(h, ask, why);
    judge_more(h, ask, why);
    count(why, h->n, out->count);
    for (size_t i = 0; h->same != NULL && i < h->n; i++)
        out->same_elsewhere += h->same[i];
    out->roomy = ask->roomy;
    if (!ask->roomy_known)
        out->roomy = ask->room_vcpus > 0 ? roomy_count(h, ask, why) : 0;
}

/* ---- score -----------------------------------------------------------------------------------
 */

static bool
breaks_room(const struct place_hosts *h, const struct place_ask *ask, size_t i)
{
    const int64_t mem = h->mem_free_mib[i] - ask->room_mem_mib;
    const int64_t vcpus = h->vcpus_free[i] - ask->room_vcpus;
    const int64_t disk = h->disk_free_bytes[i] - ask->room_disk_bytes;

    return ask->room_vcpus > 0 && h->cpus[i] >= ask->room_vcpus && mem >= 0 && vcpus >= 0 &&
           disk >= 0 && (mem < ask->mem_mib || vcpus < ask->vcpus || disk < ask->disk_bytes);
}

/* What is left is measured in largest machines, or in some machine of usual proportions. */
enum {
    BLOCK = 256,
    USUAL_VCPUS = 16,
    USUAL_MEM_MIB = 65536,
    USUAL_DISK_MIB = 102400,
    PART_BITS = 32
};

struct scale {
    uint64_t mem, vcpus, disk; /* parts of such a machine for each unit; 0: not asked for */
};

static uint64_t
scale_of(int64_t asked, int64_t whole, int64_t usual)
{
    if (asked <= 0)
        return 0;
    return (UINT64_C(1) << PART_BITS) / (uint64_t)(whole > 0 ? whole : usual);
}

static struct scale
scale_new(const struct place_ask *ask)
{
    return (struct scale){
        .mem = scale_of(ask->mem_mib, ask->room_mem_mib, USUAL_MEM_MIB),
        .vcpus = scale_of(ask->vcpus, ask->room_vcpus, USUAL_VCPUS),
        .disk = scale_of(ask->disk_bytes, ask->room_disk_bytes >> 20, USUAL_DISK_MIB)};
}

static uint64_t
parts(int64_t left, uint64_t scale)
{
    uint64_t most = left > INT32_MAX ? INT32_MAX : (uint64_t)left;

    return scale == 0 ? UINT64_MAX : most * scale;
}

/* How much of what it will run out of first is left on a host where it fits. */
static uint64_t
left_at(const struct place_hosts *h, const struct place_ask *ask, const struct scale *s, size_t i)
{
    uint64_t mem = parts(h->mem_free_mib[i] - ask->mem_mib, s->mem);
    uint64_t vcpus = parts(h->vcpus_free[i] - ask->vcpus, s->vcpus);
    uint64_t disk = parts((h->disk_free_bytes[i] - ask->disk_bytes) >> 20, s->disk);
    uint64_t least = mem < vcpus ? mem : vcpus;

    return disk < least ? disk : least;
}

/* The smaller the better.  From the top: the last roomy host (1 bit), machines of the group when
 * they ask to be apart (15), how often what is left can be halved (6), machines of the group when
 * they do not (12), what is left, within that (30). */
static uint64_t
score_of(const struct place_hosts *h, const struct place_ask *ask, const struct scale *s,
         bool scant, size_t i)
{
    uint64_t left = left_at(h, ask, s, i), same = same_at(h, i), soft = 0;
    uint64_t top = 63 - (uint64_t)__builtin_clzll(left | 1), rest = left << (63 - top) << 1 >> 34;

    if (ask->apart == PLACE_SOFT) {
        soft = same > INT16_MAX ? INT16_MAX : same;
        same = 0;
    }
    same = same > 0xfff ? 0xfff : same;
    return (uint64_t)(scant && breaks_room(h, ask, i)) << 63 | soft << 48 | top << 42 | same << 30 |
           rest;
}

/* By the first rule. */
static size_t
most_memory(const struct place_hosts *h, const uint8_t *why)
{
    size_t best = PLACE_NOWHERE;

    for (size_t i = 0; i < h->n; i++) {
        if (why[i] != PLACE_FITS)
            continue;
        if (best == PLACE_NOWHERE || h->mem_free_mib[i] > h->mem_free_mib[best] ||
            (h->mem_free_mib[i] == h->mem_free_mib[best] && h->vcpus_free[i] > h->vcpus_free[best]))
            best = i;
    }
    return best;
}

static size_t
best_score(const struct place_hosts *h, const struct place_ask *ask, bool scant, const uint8_t *why)
{
    const struct scale s = scale_new(ask);
    size_t best = PLACE_NOWHERE;
    uint64_t least = UINT64_MAX;
    uint32_t fit[BLOCK];

    for (size_t from = 0; from < h->n; from += BLOCK) {
        size_t to = h->n - from < BLOCK ? h->n : from + BLOCK, n = 0;

        for (size_t i = from; i < to; i++) { /* no branch that cannot be foreseen */
            fit[n] = (uint32_t)i;
            n += why[i] == PLACE_FITS;
        }
        for (size_t k = 0; k < n; k++) {
            uint64_t score = score_of(h, ask, &s, scant, fit[k]);

            if (score < least || best == PLACE_NOWHERE) {
                best = fit[k];
                least = score;
            }
        }
    }
    return best;
}

size_t
place(const struct place_hosts *h, const struct place_ask *ask, uint8_t *why,
      struct place_sums *out)
{
    struct place_sums sums = {.breaks = false};
    size_t best;

    survey(h, ask, why, &sums);
    best =
        ask->rule == PLACE_RULE_1 ? most_memory(h, why) : best_score(h, ask, sums.roomy <= 1, why);
    if (best != PLACE_NOWHERE) {
        sums.breaks = breaks_room(h, ask, best);
        sums.same_elsewhere -= same_at(h, best);
    }
    if (out != NULL)
        *out = sums;
    return best;
}

/* ---- in words --------------------------------------------------------------------------------
 */

static void
explain_arch(struct text *t, enum place_arch host, enum place_arch image)
{
    if (image == PLACE_ARCH_SEVERAL)
        text_add(t, "the images of one network are made for several processors");
    else
        text_add(t, "it is %s, the image is made for %s",
                 host == PLACE_ARCH_ANY ? "of another kind" : place_arch_name(host),
                 place_arch_name(image));
}

static void
explain_cannot(struct text *t, uint32_t missing)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } bits[] = {{PLACE_CAN_UEFI, "UEFI"},
                {PLACE_CAN_KVM, "KVM"},
                {PLACE_CAN_LOCK, "a lock manager"},
                {PLACE_CAN_REACH, "an underlay address"}};
    const char *before = "it lacks ";

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if ((missing & bits[i].bit) == 0)
            continue;
        text_add(t, "%s%s", before, bits[i].name);
        before = ", ";
    }
}

static void
explain_apart(struct text *t, const struct place_ask *ask, uint32_t same)
{
    if (same > 0)
        text_add(t, "machines that must be apart from it are there: %" PRIu32, same);
    else
        text_add(t, "%" PRIu32 " machines must be apart, and their network is on one host",
                 ask->machines);
}

size_t
place_explain(const struct place_hosts *h, const struct place_ask *ask, size_t i,
              enum place_why why, char *out, size_t cap)
{
    struct text t = text_on(out, cap);

    text_add(&t, "%s: ", h->name[i]);
    switch (why) {
    case PLACE_FITS:
        text_add(&t, "fits; %" PRId64 " MiB and %" PRId64 " vCPUs would be left",
                 h->mem_free_mib[i] - ask->mem_mib, h->vcpus_free[i] - ask->vcpus);
        break;
    case PLACE_ELSEWHERE:
        text_add(&t, "the networks of this system are on another host");
        break;
    case PLACE_NOT_READY:
        text_add(&t, "it is %s, not ready", host_state_name((enum host_state)h->state[i]));
        break;
    case PLACE_ARCH:
        explain_arch(&t, (enum place_arch)h->arch[i], ask->arch);
        break;
    case PLACE_ZONE:
        text_add(&t, "it is in another zone");
        break;
    case PLACE_CLASS:
        text_add(&t, "its storage pool is of another class");
        break;
    case PLACE_CANNOT:
        explain_cannot(&t, ask->needs & ~h->can[i]);
        break;
    case PLACE_REACH:
        text_add(&t, (h->can[i] & PLACE_CAN_REACH) == 0
                         ? "it has no underlay address, and the network is on other hosts"
                         : "the network is on a host without an underlay address");
        break;
    case PLACE_TOO_WIDE:
        text_add(&t, "one machine needs %" PRIu32 " vCPUs, it has %" PRIu32 " CPUs",
                 ask->largest_vcpus, h->cpus[i]);
        break;
    case PLACE_CPU:
        text_add(&t, "%" PRId64 " vCPUs needed, %" PRId64 " free", ask->vcpus, h->vcpus_free[i]);
        break;
    case PLACE_MEM:
        text_add(&t, "%" PRId64 " MiB of memory needed, %" PRId64 " free", ask->mem_mib,
                 h->mem_free_mib[i]);
        break;
    case PLACE_DISK:
        text_add(&t, "%" PRId64 " bytes of disk needed, %" PRId64 " free", ask->disk_bytes,
                 h->disk_free_bytes[i]);
        break;
    case PLACE_APART:
        explain_apart(&t, ask, same_at(h, i));
        break;
    case PLACE_WHY__MAX:
        text_add(&t, "?");
        break;
    }
    return t.len;
}

static uint32_t
roomy_left(const struct place_sums *s)
{
    return s->roomy - (s->breaks && s->roomy > 0 ? 1 : 0);
}

size_t
place_explain_choice(const struct place_hosts *h, const struct place_ask *ask, size_t i,
                     const struct place_sums *s, char *out, size_t cap)
{
    struct text t = text_on(out, cap);
    uint32_t fit = s->count[PLACE_FITS], same = same_at(h, i);

    text_add(&t, "%s: ", h->name[i]);
    if (fit == 1)
        text_add(&t, "the only host where it fits");
    else
        text_add(&t, "the best of %" PRIu32 " hosts where it fits", fit);
    text_add(&t, "; left there: %" PRId64 " MiB, %" PRId64 " vCPUs",
             h->mem_free_mib[i] - ask->mem_mib, h->vcpus_free[i] - ask->vcpus);
    if (ask->room_vcpus > 0)
        text_add(&t, "; hosts with room for the largest machine: %" PRIu32, roomy_left(s));
    if (same > 0 || s->same_elsewhere > 0)
        text_add(&t, "; machines of the system: %" PRIu32 " here, %" PRIu32 " elsewhere", same,
                 s->same_elsewhere);
    return t.len;
}
