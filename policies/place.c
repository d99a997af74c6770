#include "policies/place.h"

#include <inttypes.h>
#include <string.h>

#include "policies/host_fsm.h"
#include "policies/text.h"

struct place_ask
place_ask_new(void)
{
    return (struct place_ask){.pinned = PLACE_NOWHERE};
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

static enum place_why
judge(const struct place_hosts *h, const struct place_ask *ask, size_t i)
{
    if (ask->pinned != PLACE_NOWHERE && i != ask->pinned)
        return PLACE_ELSEWHERE;
    if (h->state[i] != HS_READY) /* as host_fsm_takes_new(), without a call per host */
        return PLACE_NOT_READY;
    if (ask->arch != PLACE_ARCH_ANY && h->arch[i] != (uint8_t)ask->arch)
        return PLACE_ARCH;
    if (ask->zone != 0 && h->zone[i] != ask->zone)
        return PLACE_ZONE;
    if ((h->can[i] & ask->needs) != ask->needs)
        return PLACE_CANNOT;
    if (ask->largest_vcpus > h->cpus[i])
        return PLACE_TOO_WIDE;
    if (h->vcpus_free[i] < ask->vcpus)
        return PLACE_CPU;
    if (h->mem_free_mib[i] < ask->mem_mib)
        return PLACE_MEM;
    return h->disk_free_bytes[i] < ask->disk_bytes ? PLACE_DISK : PLACE_FITS;
}

/* The same is asked of every host, so what is free now orders hosts as what is left would. */
static bool
is_better(const struct place_hosts *h, size_t a, size_t b)
{
    if (h->mem_free_mib[a] != h->mem_free_mib[b])
        return h->mem_free_mib[a] > h->mem_free_mib[b];
    return h->vcpus_free[a] > h->vcpus_free[b];
}

size_t
place(const struct place_hosts *hosts, const struct place_ask *ask, uint8_t *why)
{
    size_t best = PLACE_NOWHERE;

    for (size_t i = 0; i < hosts->n; i++) {
        enum place_why w = judge(hosts, ask, i);

        if (why != NULL)
            why[i] = (uint8_t)w;
        if (w == PLACE_FITS && (best == PLACE_NOWHERE || is_better(hosts, i, best)))
            best = i;
    }
    return best;
}

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
    } bits[] = {
        {PLACE_CAN_UEFI, "UEFI"}, {PLACE_CAN_KVM, "KVM"}, {PLACE_CAN_LOCK, "a lock manager"}};
    const char *before = "it lacks ";

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if ((missing & bits[i].bit) == 0)
            continue;
        text_add(t, "%s%s", before, bits[i].name);
        before = ", ";
    }
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
    case PLACE_CANNOT:
        explain_cannot(&t, ask->needs & ~h->can[i]);
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
    case PLACE_WHY__MAX:
        text_add(&t, "?");
        break;
    }
    return t.len;
}
