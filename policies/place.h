#ifndef BY_POLICIES_PLACE_H
#define BY_POLICIES_PLACE_H
/* Where new resources go: one machine, or a group that has to stand together.  Filter, then score.
 * Of the hosts where it fits, in this order:
 *   1. not the last that could still take the largest machine of the catalogue;
 *   2. apart soft: the fewest machines of the asking group;
 *   3. the fullest, up to a factor of two; 4. of these the fewest machines of the asking group, so
 *      that a system is spread over hosts that are about as full; 5. of these the fullest;
 *   6. the first.
 * Full is what leaves least of what it asks for and the host will run out of first, measured in
 * largest machines (1 vCPU to 4 GiB when none is known).
 * Each refusal has its reason and its numbers.  What only the whole table can tell, how many hosts
 * have room for the largest machine, is a result and may be an input: a part of the table that has
 * the chosen host then gives the same choice.  Pure; deterministic for one order of hosts (sort by
 * id). Cost: one pass over columns. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLACE_CAN_UEFI = 1 << 0,
    PLACE_CAN_KVM = 1 << 1,
    PLACE_CAN_LOCK = 1 << 2,  /* a lock manager guards the disks */
    PLACE_CAN_REACH = 1 << 3, /* it has an underlay address: segments may span it and others */
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

/* May machines of one group share a host? */
enum place_apart {
    PLACE_TOGETHER, /* they may; spread where it costs nothing */
    PLACE_SOFT,     /* only where there is no other */
    PLACE_HARD,     /* never */
    PLACE_APART__MAX
};

/* Ways to choose among the hosts where it fits; old decisions are made again by theirs. */
enum place_rule {
    PLACE_RULE_1 = 1, /* the most memory left, then the most vCPUs, then the first */
    PLACE_RULE_2,     /* as above */
    PLACE_RULE__MAX
};

/* Columns of n entries each.  Free is after overcommit and after all that is promised; it may be
 * negative when a host has shrunk.  The last two are of one question; NULL: none anywhere. */
struct place_hosts {
    size_t n;
    const char *const *name; /* for explaining only */
    const uint8_t *state;    /* enum host_state */
    const int64_t *vcpus_free, *mem_free_mib, *disk_free_bytes;
    const uint32_t *cpus;       /* real ones: no machine may have more */
    const uint32_t *can;        /* PLACE_CAN_ bits */
    const uint32_t *zone;       /* number of its zone; 0: none */
    const uint32_t *pool_class; /* number of its class; 0: none; NULL: no host has one */
    const uint8_t *arch;        /* enum place_arch */
    const uint32_t *same;       /* machines of the asking group (its system) there already */
    const uint8_t *part;        /* 1: the asked network has a part there already */
};

struct place_ask {
    int64_t vcpus, mem_mib, disk_bytes; /* of the whole group */
    uint32_t machines;
    uint32_t largest_vcpus; /* of one machine */
    uint32_t needs;         /* PLACE_CAN_ bits */
    uint32_t zone;          /* 0: any */
    uint32_t pool_class;    /* 0: any */
    enum place_arch arch;   /* of the images */
    enum place_apart apart;
    enum place_rule rule;
    size_t pinned;  /* host of the system's networks, or PLACE_NOWHERE */
    uint32_t roomy; /* when it is known: hosts of use to it with room for the largest machine */
    bool roomy_known;
    uint32_t room_vcpus; /* the largest machine of the catalogue; 0: no room is kept */
    int64_t room_mem_mib, room_disk_bytes;
};
#define PLACE_NOWHERE SIZE_MAX
#define PLACE_OVERCOMMIT_MAX 10000 /* percent; as host_request in wire.def */

enum place_why {
    PLACE_FITS,
    PLACE_ELSEWHERE, /* the system lives on another host */
    PLACE_NOT_READY,
    PLACE_ARCH, /* the images are made for another processor */
    PLACE_ZONE,
    PLACE_CLASS, /* its pool is of another class */
    PLACE_CANNOT,
    PLACE_REACH,    /* the network lives on hosts that it cannot reach */
    PLACE_TOO_WIDE, /* one machine has more vCPUs than the host has CPUs */
    PLACE_CPU,
    PLACE_MEM,
    PLACE_DISK,
    PLACE_APART, /* a machine of the group is there, and they must be apart */
    PLACE_WHY__MAX
};

struct place_sums {
    uint32_t roomy;                 /* as given, or as counted */
    uint32_t count[PLACE_WHY__MAX]; /* hosts by verdict; their sum is n */
    uint32_t same_elsewhere;        /* machines of the group on the other hosts */
    bool breaks;                    /* the chosen one can take the largest machine no more */
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
/** Index of the host, or PLACE_NOWHERE.  why: one entry per host (enum place_why), written; sums:
 * written, or NULL. */
size_t place(const struct place_hosts *hosts, const struct place_ask *ask, uint8_t *why,
             struct place_sums *sums);
/** "h2: 4 vCPUs needed, 1 free"; returns its length. */
size_t place_explain(const struct place_hosts *hosts, const struct place_ask *ask, size_t host,
                     enum place_why why, char *out, size_t cap);
/** Why the chosen one, in one sentence ("h2: the best of 3 hosts where it fits; …"); its length.
 * sums: as place() wrote them. */
size_t place_explain_choice(const struct place_hosts *hosts, const struct place_ask *ask,
                            size_t host, const struct place_sums *sums, char *out, size_t cap);
#endif
