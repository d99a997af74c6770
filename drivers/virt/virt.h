#ifndef BY_DRIVERS_VIRT_VIRT_H
#define BY_DRIVERS_VIRT_VIRT_H
/* What a hypervisor must do for us, by noun.  Back ends: virt_libvirt.c (the only file that knows
 * libvirt), virt_fake.c (a world in a folder, with scripted failures).  All pass tests/contract.
 *
 * Every operation is idempotent: create-if-absent, delete-if-present; "already so" is success, so
 * reconcile may repeat after a crash.  Undo removes only what the very call made.  Calls block, and
 * may hang for ever: callers run them in workers with a deadline (agent/workers.h).
 * Errors: NOT_FOUND (the object is not there), CONFLICT (it is there and is another's), NO_SPACE,
 * TIMEOUT, UNSUPPORTED (the back end cannot; contract rows skip with this reason), BUSY (a job is
 * running, or the connection is gone: open a new one), IO.  A lost connection is never "not there".
 * Threads: one handle may be used from several threads; answers belong to the caller's arena. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

struct virt;

enum virt_state {
    VIRT_UNKNOWN, /* libvirt could not say: conclude nothing */
    VIRT_RUNNING,
    VIRT_PAUSED,
    VIRT_SHUTOFF,
    VIRT_CRASHED,
    VIRT_STATE__MAX
};

/* What a back end can do; a contract row that needs a missing one is skipped with its reason. */
enum {
    VIRT_CAN_BOOT = 1 << 0,     /* guests really run */
    VIRT_CAN_VOLUMES = 1 << 1,  /* volumes are real files */
    VIRT_CAN_OVERLAY = 1 << 2,  /* qcow2 over a base image */
    VIRT_CAN_BALLOON = 1 << 3,  /* memory statistics from the guest */
    VIRT_CAN_STATS = 1 << 4,    /* counters are real */
    VIRT_CAN_DHCP = 1 << 5,     /* fixed addresses live */
    VIRT_CAN_METADATA = 1 << 6, /* our metadata on domains */
};

struct virt_caps {
    unsigned can;
    bool kvm;          /* CPU shows vmx or svm and the hypervisor offers it */
    bool uefi;         /* a loader without secure boot is installed */
    bool lock_manager; /* lockd or sanlock configured; false also when it cannot be told */
    char arch[20], machine[64], emulator[256];
    uint32_t cpus;
    uint64_t mem_mib;
    uint32_t vcpus_max; /* of one domain */
};

/* Our mark on a domain or network. */
struct virt_mark {
    char order[W_ID];
    uint64_t term, generation;
};

/* A domain to be: the order's spec and where its parts are on this host. */
struct virt_dom_spec {
    const struct w_vm_spec *vm;
    struct virt_mark mark;
    const char *root_path, *seed_path; /* files that exist */
    const char *const *disk_paths;     /* as vm->disks */
    const char *serial_log;            /* file that libvirt appends the serial console to */
    uint32_t segment_nics; /* bit i: card i is on a part of a segment, which carries less */
};

struct virt_disk_seen {
    char target[16], serial[48], format[16];
    const char *path; /* NULL: no file behind it */
    uint64_t bytes;   /* of a disk that is no volume of ours, as its file says; 0 not known */
};
struct virt_nic_seen {
    char mac[20], network[W_ID]; /* network: UUID of one of ours (by-<uuid>), "" otherwise */
    uint32_t mtu;                /* that its definition names; 0: none */
};
/* Size and parts as one definition says them. */
struct virt_dom_def {
    uint32_t vcpus, vcpus_max;
    uint64_t mem_mib, mem_max_mib;
    const struct virt_disk_seen *disks;
    size_t n_disks;
    const struct virt_nic_seen *nics;
    size_t n_nics;
};
struct virt_dom_seen {
    char id[W_ID], name[256];
    bool ours;        /* carries our mark */
    bool other_owner; /* another manager's metadata */
    struct virt_mark mark;
    enum virt_state state;
    bool no_space; /* paused because writes found no room, and for nothing else */
    bool persistent, has_live, has_saved;
    struct virt_dom_def config, live; /* live only when has_live */
    const struct w_found *found;      /* not ours: in detail, or NULL when it cannot be read */
};

struct virt_vol_spec {
    char id[W_ID]; /* becomes the volume by-<id> */
    enum w_format format;
    uint64_t size_bytes;
    const char *backing_path; /* qcow2 over this image, or NULL */
    const char *content_path; /* raw copy of this file (seed), or NULL; size is the file's */
};
struct virt_vol_seen {
    char name[256]; /* by-<id>, or a foreign name */
    const char *path, *backing_path;
    enum w_format format; /* FMT_NONE when neither */
    uint64_t capacity_bytes, allocation_bytes;
};

struct virt_net_spec {
    const struct w_network_spec *net;
    struct virt_mark mark;
};
struct virt_net_host {
    char mac[20], ip[20], name[W_NAME];
};
struct virt_net_seen {
    char id[W_ID], name[256], bridge[20], cidr[20];
    bool ours, active;
    struct virt_mark mark;
    const struct virt_net_host *hosts; /* fixed addresses */
    size_t n_hosts;
};

struct virt_pool_seen {
    const char *path;
    uint64_t capacity_bytes, free_bytes;
};

/* Counters of one running domain, NOWAIT; a flag says what could be read.  Never a number for what
 * could not be measured. */
struct virt_sample {
    char id[W_ID];
    int64_t taken_ns; /* monotonic, before the call */
    int64_t run_id;   /* changes when the process does: counters start anew */
    enum virt_state state;
    uint32_t vcpus;
    bool has_cpu, has_mem, has_net, has_block;
    uint64_t cpu_ns;
    uint64_t mem_available_kib, mem_usable_kib; /* balloon's */
    int64_t mem_updated_s;                      /* wall clock of the guest's last report */
    uint64_t net_rx_bytes, net_tx_bytes, block_bytes;
};

struct virt_dom_ops {
    /** All domains, ours and foreign.  A failure is a failure of the whole: no partial lists. */
    int (*list)(struct virt *v, struct arena *a, const struct virt_dom_seen **out, size_t *n,
                struct err *e);
    /** One domain by UUID; NOT_FOUND. */
    int (*get)(struct virt *v, const char *id, struct arena *a, struct virt_dom_seen *out,
               struct err *e);
    /** Define when absent, else change size and mark property by property; elements that we do not
     * know survive byte for byte.  A running one takes the mark at once and the size at its next
     * start.  A domain of that UUID without our mark is CONFLICT.  Of one that was there before its
     * grant only size and mark are changed; absent, it is NOT_FOUND: none is made. */
    int (*define)(struct virt *v, const struct virt_dom_spec *s, struct err *e);
    /** Put our mark on a machine that somebody else made, live and persistent, and change nothing
     * else of its definition; libvirt's autostart is turned off.  Runs on, nothing enters the
     * guest. CONFLICT: it has no persistent definition; BUSY: a job is running on it. */
    int (*adopt)(struct virt *v, const char *id, const struct virt_mark *m, struct err *e);
    /** Running already is success. */
    int (*start)(struct virt *v, const char *id, struct err *e);
    /** Let a paused guest run on; running already is success, off is CONFLICT. */
    int (*resume)(struct virt *v, const char *id, struct err *e);
    /** Ask the guest to stop (ACPI); returns at once.  A paused one cannot hear it: success. */
    int (*shutdown)(struct virt *v, const char *id, struct err *e);
    /** Pull the plug; off already, or absent, is success. */
    int (*destroy)(struct virt *v, const char *id, struct err *e);
    /** Remove the definition with NVRAM, saved state, snapshot and checkpoint metadata; absent is
     * success, running is CONFLICT. */
    int (*undefine)(struct virt *v, const char *id, struct err *e);
    /** Files that hold state of this domain beside its disks: NVRAM, saved state, core dumps, logs
     * of its console.  For erasure; absent domain: the paths where they would be, if they exist. */
    int (*leftovers)(struct virt *v, const char *id, struct arena *a, const char *const **paths,
                     size_t *n, struct err *e);
    /** Full XML, live or persistent, for people and tests. */
    int (*xml)(struct virt *v, const char *id, bool live, struct arena *a, const char **out,
               struct err *e);
};
struct virt_vol_ops {
    int (*list)(struct virt *v, struct arena *a, const struct virt_vol_seen **out, size_t *n,
                struct err *e);
    int (*get)(struct virt *v, const char *id, struct arena *a, struct virt_vol_seen *out,
               struct err *e);
    /** Make by-<id>; one that is there already with another size or format is CONFLICT.  Whether
     * its content can be trusted is the receipt's to say, never this call's. */
    int (*create)(struct virt *v, const struct virt_vol_spec *s, struct err *e);
    /** Grow to size_bytes; smaller is INVALID. */
    int (*grow)(struct virt *v, const char *id, uint64_t size_bytes, struct err *e);
    /** Unlink; absent is success.  Overwriting comes before, and is not this call's. */
    int (*remove)(struct virt *v, const char *id, struct err *e);
};
struct virt_net_ops {
    int (*list)(struct virt *v, struct arena *a, const struct virt_net_seen **out, size_t *n,
                struct err *e);
    /** Define and start an isolated network with DHCP; there already with our mark: update mark. */
    int (*define)(struct virt *v, const struct virt_net_spec *s, struct err *e);
    int (*start)(struct virt *v, const char *id, struct err *e);
    /** Give a MAC its address, live and persistent; there already is success. */
    int (*host_add)(struct virt *v, const char *id, const struct virt_net_host *h, struct err *e);
    int (*host_remove)(struct virt *v, const char *id, const char *mac, struct err *e);
    int (*remove)(struct virt *v, const char *id, struct err *e);
};
struct virt_pool_ops {
    /** Make sure that the pool is there and started (dir pool at the handle's path). */
    int (*ensure)(struct virt *v, struct err *e);
    int (*info)(struct virt *v, struct arena *a, struct virt_pool_seen *out, struct err *e);
};
/* Adding to a running domain, which keeps its process; the definition is dom->define()'s, and takes
 * the same sizes at the next start.  Nothing is ever taken away here: guests do not give it back
 * reliably.  s says what should be.  There already, or more, is success; a domain that is not
 * running is CONFLICT; what its process was not started for is UNSUPPORTED. */
struct virt_live_ops {
    /** Put processors online up to s->vm->vcpus; the guest uses them when it likes. */
    int (*vcpus)(struct virt *v, const struct virt_dom_spec *s, struct err *e);
    /** Plug memory in up to s->vm->mem_mib, in one piece. */
    int (*memory)(struct virt *v, const struct virt_dom_spec *s, struct err *e);
    /** Plug in the data volumes of s that the domain lacks. */
    int (*disks)(struct virt *v, const struct virt_dom_spec *s, struct err *e);
};
struct virt_stats_ops {
    /** One bulk call over running domains.  cheap: CPU and interfaces only. */
    int (*sample)(struct virt *v, bool cheap, struct arena *a, const struct virt_sample **out,
                  size_t *n, struct err *e);
};

struct virt_ops {
    const char *name;
    int (*caps)(struct virt *v, struct virt_caps *out, struct err *e);
    /** Whether the connection still answers; cheap, but may hang. */
    int (*ping)(struct virt *v, struct err *e);
    void (*close)(struct virt *v);
    const struct virt_dom_ops *dom;
    const struct virt_vol_ops *vol;
    const struct virt_net_ops *net;
    const struct virt_live_ops *live;
    const struct virt_pool_ops *pool;
    const struct virt_stats_ops *stats;
};

/* Every back end's handle starts with this; the back end sets ops. */
struct virt {
    const struct virt_ops *ops;
    const struct virt_ops *inner; /* virt_open(): the back end behind the fault points */
};

struct virt_config {
    const char
        *uri; /* qemu:///system, qemu+unix:///system?socket=…, test:///default, fake:///FOLDER */
    const char *pool_name; /* libvirt's name of the pool */
    const char *pool_path; /* its folder */
    bool read_only;
    bool forbid_kvm; /* TCG whatever the machine says */
};

/** Open by the scheme of c->uri.  *out is the caller's; virt_close().  Its ops pass the fault
 * points VIRT_BEFORE and VIRT_AFTER around everything that changes the hypervisor. */
int virt_open(const struct virt_config *c, struct virt **out, struct err *e);
void virt_close(struct virt *v); /* NULL is fine */
#endif
