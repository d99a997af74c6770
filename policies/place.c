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

/* Where a network reaches from the hosts that have a part of it. */
enum reach {
    REACH_ALL,  /* it is nowhere yet */
    REACH_WIDE, /* every host with an underlay address, and its own */
    REACH_OWN,  /* one of its hosts has no underlay address: no other can join them */
};

static enum reach
reach_of(const struct place_hosts *h)
{
    enum reach r = REACH_ALL;

    for (size_t i = 0; h->part != NULL && i < h->n; i++) {
        if (h->part[i] == 0)
            continue;
        if ((h->can[i] & PLACE_CAN_REACH) == 0)
            return REACH_OWN;
        r = REACH_WIDE;
    }
    return r;
}

static bool
reaches(const struct place_hosts *h, enum reach r, size_t i)
{
    return r == REACH_ALL || h->part[i] != 0 ||
           (r == REACH_WIDE && (h->can[i] & PLACE_CAN_REACH) != 0);
}

static uint32_t
same_at(const struct place_hosts *h, size_t i)
{
    return h->same == NULL ? 0 : h->same[i];
}

static enum place_why
judge_room(const struct place_hosts *h, const struct place_ask *ask, size_t i)
{
    if (ask->largest_vcpus > h->cpus[i])
        return PLACE_TOO_WIDE;
    if (h->vcpus_free[i] < ask->vcpus)
        return PLACE_CPU;
    if (h->mem_free_mib[i] < ask->mem_mib)
        return PLACE_MEM;
    if (h->disk_free_bytes[i] < ask->disk_bytes)
        return PLACE_DISK;
    if (ask->apart == PLACE_HARD && ask->machines > 0 && (same_at(h, i) > 0 || ask->machines > 1))
        return PLACE_APART;
    return PLACE_FITS;
}

/* PLACE_FITS: of use to it, were there room. */
static enum place_why
judge_use(const struct place_hosts *h, const struct place_ask *ask, enum reach reach, size_t i)
{
    if (ask->pinned != PLACE_NOWHERE && i != ask->pinned)
        return PLACE_ELSEWHERE;
    if (h->state[i] != HS_READY) /* as host_fsm_takes_new(), without a call per host */
        return PLACE_NOT_READY;
    if (ask->arch != PLACE_ARCH_ANY && h->arch[i] != (uint8_t)ask->arch)
        return PLACE_ARCH;
    if (ask->zone != 0 && h->zone[i] != ask->zone)
        return PLACE_ZONE;
    if (ask->pool_class != 0 && h->pool_class[i] != ask->pool_class)
        return PLACE_CLASS;
    if ((h->can[i] & ask->needs) != ask->needs)
        return PLACE_CANNOT;
    return reaches(h, reach, i) ? PLACE_FITS : PLACE_REACH;
}

/* ---- score -----------------------------------------------------------------------------------
 */

/* Sums of what is free on the hosts of use, in the order of enum place_dim. */
struct free_sums {
    int64_t by[PLACE_DIM_DISK + 1];
};

static int64_t
above_0(int64_t x)
{
    return x > 0 ? x : 0;
}

static void
free_add(struct free_sums *f, const struct place_hosts *h, size_t i)
{
    f->by[PLACE_DIM_MEM] = add_sat(f->by[PLACE_DIM_MEM], (uint64_t)above_0(h->mem_free_mib[i]));
    f->by[PLACE_DIM_CPU] = add_sat(f->by[PLACE_DIM_CPU], (uint64_t)above_0(h->vcpus_free[i]));
    f->by[PLACE_DIM_DISK] =
        add_sat(f->by[PLACE_DIM_DISK], (uint64_t)above_0(h->disk_free_bytes[i]));
}

/* That of which the fewest more of the same could be had. */
static enum place_dim
scarce_of(const struct free_sums *f, const struct place_ask *ask)
{
    const int64_t asked[] = {0, ask->mem_mib, ask->vcpus, ask->disk_bytes};
    enum place_dim scarce = PLACE_DIM_MEM;
    int64_t fewest = INT64_MAX;

    for (int d = PLACE_DIM_MEM; d <= PLACE_DIM_DISK; d++) {
        if (asked[d] <= 0 || f->by[d] / asked[d] >= fewest)
            continue;
        fewest = f->by[d] / asked[d];
        scarce = (enum place_dim)d;
    }
    return scarce;
}

/* Room for the largest machine, when so much has gone. */
static bool
is_roomy(const struct place_hosts *h, const struct place_ask *ask, size_t i, int64_t vcpus,
         int64_t mem_mib, int64_t disk_bytes)
{
    return h->cpus[i] >= ask->room_vcpus && h->vcpus_free[i] - vcpus >= ask->room_vcpus &&
           h->mem_free_mib[i] - mem_mib >= ask->room_mem_mib &&
           h->disk_free_bytes[i] - disk_bytes >= ask->room_disk_bytes;
}

static bool
breaks_room(const struct place_hosts *h, const struct place_ask *ask, size_t i)
{
    return ask->room_vcpus > 0 && is_roomy(h, ask, i, 0, 0, 0) &&
           !is_roomy(h, ask, i, ask->vcpus, ask->mem_mib, ask->disk_bytes);
}

/* The smaller the better, the first number first. */
struct score {
    uint64_t rank;
    int64_t left[3];
};

static struct score
score_of(const struct place_hosts *h, const struct place_ask *ask, const struct place_fleet *fleet,
         size_t i)
{
    const int64_t mem = h->mem_free_mib[i], cpu = h->vcpus_free[i], disk = h->disk_free_bytes[i];
    bool breaks = breaks_room(h, ask, i), last = breaks && fleet->roomy <= 1;
    uint32_t same = same_at(h, i), soft = ask->apart == PLACE_SOFT ? same : 0;
    struct score s = {.rank = 0};

    if (ask->rule == PLACE_RULE_1)
        return (struct score){.left = {-mem, -cpu, 0}};
    if (soft > INT32_MAX)
        soft = INT32_MAX;
    if (same > INT32_MAX)
        same = INT32_MAX;
    s.rank = ask->apart == PLACE_SOFT ? (uint64_t)last << 63 | (uint64_t)soft << 1 | breaks
                                      : (uint64_t)breaks << 32 | same;
    s.left[0] = fleet->scarce == PLACE_DIM_CPU ? cpu : fleet->scarce == PLACE_DIM_DISK ? disk : mem;
    s.left[1] = fleet->scarce == PLACE_DIM_MEM ? cpu : mem;
    s.left[2] = fleet->scarce == PLACE_DIM_DISK ? cpu : disk;
    return s;
}

static bool
is_better(const struct score *a, const struct score *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    for (size_t i = 0; i < sizeof(a->left) / sizeof(a->left[0]); i++)
        if (a->left[i] != b->left[i])
            return a->left[i] < b->left[i];
    return false;
}

static void
survey(const struct place_hosts *h, const struct place_ask *ask, uint8_t *why,
       struct place_sums *out)
{
    enum reach reach = reach_of(h);
    struct free_sums all = {{0}};
    uint32_t roomy = 0;

    for (size_t i = 0; i < h->n; i++) {
        enum place_why w = judge_use(h, ask, reach, i);

        if (w == PLACE_FITS) {
            free_add(&all, h, i);
            roomy += is_roomy(h, ask, i, 0, 0, 0);
            w = judge_room(h, ask, i);
        }
        why[i] = (uint8_t)w;
        out->count[w]++;
        out->same_elsewhere += same_at(h, i);
    }
    out->fleet = ask->fleet;
    if (ask->fleet.scarce == PLACE_DIM_UNKNOWN)
        out->fleet = (struct place_fleet){scarce_of(&all, ask), ask->room_vcpus > 0 ? roomy : 0};
}

size_t
place(const struct place_hosts *h, const struct place_ask *ask, uint8_t *why,
      struct place_sums *out)
{
    struct place_sums sums = {.breaks = false};
    size_t best = PLACE_NOWHERE;
    struct score top = {0};

    survey(h, ask, why, &sums);
    for (size_t i = 0; i < h->n; i++) {
        struct score s;

        if (why[i] != PLACE_FITS)
            continue;
        s = score_of(h, ask, &sums.fleet, i);
        if (best == PLACE_NOWHERE || is_better(&s, &top)) {
            best = i;
            top = s;
        }
    }
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
    return s->fleet.roomy - (s->breaks && s->fleet.roomy > 0 ? 1 : 0);
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
