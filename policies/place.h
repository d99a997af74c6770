#ifndef BY_POLICIES_PLACE_H
#define BY_POLICIES_PLACE_H
/* Where new resources go.  Networks are per host in this version, so all that one system gets goes
 * to one host: the caller adds up a group and asks once.  Filter, then score: of the hosts where it
 * fits, the one with the most memory left afterwards, then the most vCPUs, then the first.  Each
 * refusal has its reason and its numbers.  Pure; deterministic for one order of hosts (sort by id).
 * Cost: one pass over columns. */
#include <stddef.h>
#include <stdint.h>

enum {
    PLACE_CAN_UEFI = 1 << 0,
    PLACE_CAN_KVM = 1 << 1,
    PLACE_CAN_LOCK = 1 << 2, /* a lock manager guards the disks */
};

/* Processors; the names are those of images and of uname(1). */
enum place_arch {
    PLACE_ARCH_ANY, /* a host: not said, takes only what asks for none */
    PLACE_ARCH_X86_64,
    PLACE_ARCH_AARCH64,
    PLACE_ARCH_LOONGARCH64,
    PLACE_ARCH_SEVERAL, /* one group of several: no host has them */
    PLACE_ARCH__MAX
};

/* Columns of n entries each.  Free is after overcommit and after all that is promised; it may be
 * negative when a host has shrunk. */
struct place_hosts {
    size_t n;
    const char *const *name;
    const uint8_t *state; /* enum host_state */
    const int64_t *vcpus_free, *mem_free_mib, *disk_free_bytes;
    const uint32_t *cpus; /* real ones: no machine may have more */
    const uint32_t *can;  /* PLACE_CAN_ bits */
    const uint32_t *zone; /* number of its zone */
    const uint8_t *arch;  /* enum place_arch */
};
struct place_ask {
    int64_t vcpus, mem_mib, disk_bytes; /* of the whole group */
    uint32_t largest_vcpus;             /* of one machine */
    uint32_t needs;                     /* PLACE_CAN_ bits */
    uint32_t zone;                      /* 0: any */
    enum place_arch arch;               /* of the images */
    size_t pinned;                      /* host of the system's networks, or PLACE_NOWHERE */
};
#define PLACE_NOWHERE SIZE_MAX
#define PLACE_OVERCOMMIT_MAX 10000 /* percent; as host_request in wire.def */

enum place_why {
    PLACE_FITS,
    PLACE_ELSEWHERE, /* the system lives on another host */
    PLACE_NOT_READY,
    PLACE_ARCH, /* the images are made for another processor */
    PLACE_ZONE,
    PLACE_CANNOT,
    PLACE_TOO_WIDE, /* one machine has more vCPUs than the host has CPUs */
    PLACE_CPU,
    PLACE_MEM,
    PLACE_DISK,
    PLACE_WHY__MAX
};

struct place_ask place_ask_new(void);
/** Add one machine (vcpus above 0) or volume to the group. */
void place_ask_add(struct place_ask *ask, uint32_t vcpus, uint64_t mem_mib, uint64_t disk_bytes);
const char *place_arch_name(enum place_arch a);
/** PLACE_ARCH_ANY for a name that is none. */
enum place_arch place_arch_of(const char *name);
/** What a group of both asks for. */
enum place_arch place_arch_join(enum place_arch a, enum place_arch b);
/** What is free of `total` at `percent` overcommit when so much is promised. */
int64_t place_free(uint64_t total, uint32_t percent, uint64_t promised);
/** Index of the host, or PLACE_NOWHERE.  why: one entry per host (enum place_why), or NULL. */
size_t place(const struct place_hosts *hosts, const struct place_ask *ask, uint8_t *why);
/** "h2: 4 vCPUs needed, 1 free"; returns its length. */
size_t place_explain(const struct place_hosts *hosts, const struct place_ask *ask, size_t host,
                     enum place_why why, char *out, size_t cap);
#endif
