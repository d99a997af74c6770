#include "policies/place.h"

#include <inttypes.h>
#include <string.h>

#include "policies/host_fsm.h"
#include "policies/place_scan.h"
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

static uint32_t
same_at(const struct place_hosts *h, size_t i)
{
    return h->same == NULL ? 0 : h->same[i];
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

size_t
place(const struct place_hosts *h, const struct place_ask *ask, uint8_t *why,
      struct place_sums *out)
{
    struct place_sums sums = {.breaks = false};
    size_t best = place_scan(h, ask, why, &sums);

    if (ask->rule == PLACE_RULE_1)
        best = most_memory(h, why);
    if (best != PLACE_NOWHERE) {
        sums.breaks = place_breaks_room(h, ask, best);
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
