#include "policies/place_scan.h"

#include <string.h>

#include "policies/host_fsm.h"

/* Hosts of a block; as many as a count in one byte can tell.  Loops over whole blocks know their
 * length and have no branch a host, so that the compiler makes vectors of them. */
enum { BLOCK = 128 };

/* Vectors of 64-bit numbers compare from AVX2 on: both are built, the machine's is taken at start.
 * What the sanitizers instrument cannot run that early. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BOTH_WIDTHS __attribute__((target_clones("avx2", "default")))
#else
#define BOTH_WIDTHS
#endif
#define INLINE static inline __attribute__((always_inline))

/* ---- filter ----------------------------------------------------------------------------------
 */

INLINE void
less_64(const int64_t *have, int64_t need, size_t n, enum place_why is, uint8_t *restrict w)
{
    for (size_t k = 0; k < n; k++)
        w[k] = have[k] < need ? (uint8_t)is : w[k];
}

INLINE void
less_32(const uint32_t *have, uint32_t need, size_t n, enum place_why is, uint8_t *restrict w)
{
    for (size_t k = 0; k < n; k++)
        w[k] = have[k] < need ? (uint8_t)is : w[k];
}

/* Of the bits of `mask`, those of `need`. */
INLINE void
other_32(const uint32_t *have, uint32_t mask, uint32_t need, size_t n, enum place_why is,
         uint8_t *restrict w)
{
    for (size_t k = 0; k < n; k++)
        w[k] = (have[k] & mask) != need ? (uint8_t)is : w[k];
}

INLINE void
other_8(const uint8_t *have, uint8_t need, size_t n, enum place_why is, uint8_t *restrict w)
{
    for (size_t k = 0; k < n; k++)
        w[k] = have[k] != need ? (uint8_t)is : w[k];
}

/* Where a network reaches from the hosts that have a part of it: everywhere while there is none;
 * from there every host with an underlay address; nowhere else when one of them has none. */
enum reach { REACH_ALL, REACH_WIDE, REACH_OWN };

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

INLINE void
judge_reach(const struct place_hosts *h, enum reach r, size_t at, size_t n, uint8_t *restrict w)
{
    for (size_t k = 0; r != REACH_ALL && k < n; k++)
        if (h->part[at + k] == 0 && (r == REACH_OWN || (h->can[at + k] & PLACE_CAN_REACH) == 0))
            w[k] = PLACE_REACH;
}

/* One question, as the blocks need it. */
struct scan {
    const struct place_hosts *h;
    const struct place_ask *q;
    enum reach reach;
    bool count_roomy;
    uint8_t *why;
    struct place_sums *sums;
};

/* What comes first in enum place_why is looked at last and stays. */
INLINE void
judge(const struct scan *s, size_t at, size_t n, uint8_t *restrict w)
{
    const struct place_hosts *h = s->h;
    const struct place_ask *q = s->q;

    memset(w, PLACE_FITS, n);
    if (q->apart == PLACE_HARD && q->machines > 1)
        memset(w, PLACE_APART, n);
    else if (q->apart == PLACE_HARD && q->machines > 0 && h->same != NULL)
        other_32(h->same + at, UINT32_MAX, 0, n, PLACE_APART, w);
    less_64(h->disk_free_bytes + at, q->disk_bytes, n, PLACE_DISK, w);
    less_64(h->mem_free_mib + at, q->mem_mib, n, PLACE_MEM, w);
    less_64(h->vcpus_free + at, q->vcpus, n, PLACE_CPU, w);
    less_32(h->cpus + at, q->largest_vcpus, n, PLACE_TOO_WIDE, w);
    judge_reach(h, s->reach, at, n, w);
    if (q->needs != 0)
        other_32(h->can + at, q->needs, q->needs, n, PLACE_CANNOT, w);
    if (q->pool_class != 0 && h->pool_class == NULL) /* no host has one */
        memset(w, PLACE_CLASS, n);
    else if (q->pool_class != 0)
        other_32(h->pool_class + at, UINT32_MAX, q->pool_class, n, PLACE_CLASS, w);
    if (q->zone != 0)
        other_32(h->zone + at, UINT32_MAX, q->zone, n, PLACE_ZONE, w);
    if (q->arch != PLACE_ARCH_ANY)
        other_8(h->arch + at, (uint8_t)q->arch, n, PLACE_ARCH, w);
    other_8(h->state + at, HS_READY, n, PLACE_NOT_READY, w); /* as host_fsm_takes_new() */
    if (q->pinned != PLACE_NOWHERE)
        for (size_t k = 0; k < n; k++)
            w[k] = at + k != q->pinned ? PLACE_ELSEWHERE : w[k];
}

/* Hosts of use to it, were there room, that have room for the largest machine. */
INLINE uint32_t
roomy_count(const struct scan *s, size_t at, size_t n, const uint8_t *w)
{
    const struct place_hosts *h = s->h;
    const struct place_ask *q = s->q;
    uint8_t no[BLOCK] = {0}, sum = 0;

    less_64(h->disk_free_bytes + at, q->room_disk_bytes, n, 1, no);
    less_64(h->mem_free_mib + at, q->room_mem_mib, n, 1, no);
    less_64(h->vcpus_free + at, q->room_vcpus, n, 1, no);
    less_32(h->cpus + at, q->room_vcpus, n, 1, no);
    for (size_t k = 0; k < n; k++) /* PLACE_FITS, less one, is the most */
        sum = (uint8_t)(sum + ((no[k] == 0) & ((uint8_t)(w[k] - 1) >= PLACE_TOO_WIDE - 1)));
    return sum;
}

INLINE void
tally(const struct scan *s, size_t at, size_t n, const uint8_t *w)
{
    for (int v = 0; v < PLACE_WHY__MAX; v++) {
        const uint8_t is = (uint8_t)v;
        uint8_t sum = 0;

        for (size_t k = 0; k < n; k++)
            sum = (uint8_t)(sum + (w[k] == is));
        s->sums->count[v] += sum;
    }
    if (s->h->same != NULL) {
        uint32_t sum = 0;

        for (size_t k = 0; k < n; k++)
            sum += s->h->same[at + k];
        s->sums->same_elsewhere += sum;
    }
    if (s->count_roomy)
        s->sums->roomy += roomy_count(s, at, n, w);
}

/* ---- score -----------------------------------------------------------------------------------
 */

bool
place_breaks_room(const struct place_hosts *h, const struct place_ask *ask, size_t i)
{
    const int64_t mem = h->mem_free_mib[i] - ask->room_mem_mib;
    const int64_t vcpus = h->vcpus_free[i] - ask->room_vcpus;
    const int64_t disk = h->disk_free_bytes[i] - ask->room_disk_bytes;

    return ask->room_vcpus > 0 && h->cpus[i] >= ask->room_vcpus && mem >= 0 && vcpus >= 0 &&
           disk >= 0 && (mem < ask->mem_mib || vcpus < ask->vcpus || disk < ask->disk_bytes);
}

/* What is left is measured in largest machines, or in some machine of usual proportions. */
enum { USUAL_VCPUS = 16, USUAL_MEM_MIB = 65536, USUAL_DISK_MIB = 102400, PART_BITS = 32 };

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

static int
top_of(uint64_t left)
{
    return 63 - __builtin_clzll(left | 1);
}

/* The smaller the better.  From the top: the last roomy host (1 bit), machines of the group when
 * they ask to be apart (15), how often what is left can be halved (6), machines of the group when
 * they do not (12), what is left, within that (30). */
enum { SOFT_AT = 48, TOP_AT = 42, SAME_AT = 30 };

static uint64_t
score_of(const struct place_hosts *h, const struct place_ask *ask, uint64_t left, bool scant,
         size_t i)
{
    uint64_t same = h->same == NULL ? 0 : h->same[i], soft = 0, top = (uint64_t)top_of(left);
    uint64_t rest = left << (63 - top) << 1 >> 34;

    if (ask->apart == PLACE_SOFT) {
        soft = same > INT16_MAX ? INT16_MAX : same;
        same = 0;
    }
    same = same > 0xfff ? 0xfff : same;
    return (uint64_t)(scant && place_breaks_room(h, ask, i)) << 63 | soft << SOFT_AT |
           top << TOP_AT | same << SAME_AT | rest;
}

/* The best so far, and what a host must not have more of to be better: at most so much free of one
 * of the three.  It spares all but a few the weighing. */
struct best {
    struct scale scale;
    bool scant;
    size_t at;
    uint64_t score;
    bool any; /* no such bound */
    int64_t vcpus, mem, disk;
};

/* The most that may be free where less than `limit` parts are left. */
static int64_t
bound(int64_t asked, uint64_t scale, uint64_t limit, unsigned shift)
{
    uint64_t units;
    int64_t most;

    if (scale == 0)
        return INT64_MIN;
    units = limit / scale + (limit % scale != 0); /* less than so many are left */
    if (units > INT32_MAX)
        return INT64_MAX;
    units = (units << shift) - 1; /* of none: one less than was asked for */
    return __builtin_add_overflow(asked, (int64_t)units, &most) ? INT64_MAX : most;
}

static void
best_is(struct best *b, const struct place_ask *q, size_t at, uint64_t score, uint64_t left)
{
    b->at = at;
    b->score = score;
    b->any = score >> SOFT_AT != 0 || top_of(left) == 63;
    if (b->any)
        return;
    if ((score & (UINT64_C(0xfff) << SAME_AT)) != 0) /* one with none of the group is better */
        left = UINT64_C(2) << top_of(left);
    b->vcpus = bound(q->vcpus, b->scale.vcpus, left, 0);
    b->mem = bound(q->mem_mib, b->scale.mem, left, 0);
    b->disk = bound(q->disk_bytes, b->scale.disk, left, 20);
}

static void
weigh(const struct place_hosts *h, const struct place_ask *q, size_t i, struct best *b)
{
    uint64_t left = left_at(h, q, &b->scale, i), score = score_of(h, q, left, b->scant, i);

    if (score < b->score || b->at == PLACE_NOWHERE)
        best_is(b, q, i, score, left);
}

/* Which of those where it fits may be better than the best. */
INLINE void
hopeful(const struct scan *s, const struct best *b, size_t at, size_t n, const uint8_t *w,
        uint8_t *restrict maybe)
{
    const int64_t *vcpus = s->h->vcpus_free + at, *mem = s->h->mem_free_mib + at;
    const int64_t *disk = s->h->disk_free_bytes + at;
    uint8_t any = b->any;

    for (size_t k = 0; k < n; k++)
        maybe[k] = (uint8_t)((vcpus[k] <= b->vcpus) | (mem[k] <= b->mem) | (disk[k] <= b->disk));
    for (size_t k = 0; k < n; k++)
        maybe[k] = (uint8_t)((maybe[k] | any) & (w[k] == PLACE_FITS));
}

INLINE void
weigh_block(const struct scan *s, struct best *b, size_t at, size_t n, const uint8_t *w)
{
    uint8_t maybe[BLOCK] = {0};
    uint64_t eight;

    hopeful(s, b, at, n, w, maybe);
    for (size_t k = 0; k < BLOCK; k += sizeof(eight)) {
        memcpy(&eight, maybe + k, sizeof(eight));
        for (size_t j = k; eight != 0 && j < k + sizeof(eight); j++)
            if (maybe[j] != 0)
                weigh(s->h, s->q, at + j, b);
    }
}

/* ---- both ------------------------------------------------------------------------------------
 */

INLINE void
block(const struct scan *s, struct best *b, size_t at, size_t n)
{
    uint8_t w[BLOCK];

    judge(s, at, n, w);
    tally(s, at, n, w);
    weigh_block(s, b, at, n, w);
    memcpy(s->why + at, w, n);
}

BOTH_WIDTHS static void
scan_blocks(const struct scan *s, struct best *b)
{
    size_t at = 0;

    for (; at + BLOCK <= s->h->n; at += BLOCK)
        block(s, b, at, BLOCK);
    if (at < s->h->n)
        block(s, b, at, s->h->n - at);
}

size_t
place_scan(const struct place_hosts *h, const struct place_ask *q, uint8_t *why,
           struct place_sums *sums)
{
    struct best b = {.scale = scale_new(q), .at = PLACE_NOWHERE, .any = true};
    const struct scan s = {.h = h,
                           .q = q,
                           .reach = reach_of(h),
                           .count_roomy = !q->roomy_known && q->room_vcpus > 0,
                           .why = why,
                           .sums = sums};

    b.scant = q->roomy_known && q->roomy <= 1;
    if (q->roomy_known)
        sums->roomy = q->roomy;
    scan_blocks(&s, &b);
    if (sums->roomy > 1 || b.scant)
        return b.at;
    b = (struct best){.scale = b.scale, .scant = true, .at = PLACE_NOWHERE};
    for (size_t i = 0; i < h->n; i++) /* rare: only now it is known that roomy hosts are scant */
        if (why[i] == PLACE_FITS)
            weigh(h, q, i, &b);
    return b.at;
}
