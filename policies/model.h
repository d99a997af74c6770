#ifndef BY_POLICIES_MODEL_H
#define BY_POLICIES_MODEL_H
/* Plain facts that policies judge.  No pointers into drivers; strings are borrowed for the call.
 * Units are in the names.  Enumerations mirror the words of the wire, translated at the edge. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MLPS_MAX 3 /* MLPS level (等保): a system above it may not live on this cloud (G28) */

enum mo_kind { MO_VM = 1, MO_VOLUME, MO_NETWORK };
enum mo_wanted { MO_RUNNING = 1, MO_STOPPED, MO_PRESENT, MO_BINNED, MO_ABSENT };
enum mo_verb {
    MO_CREATE = 1,
    MO_RESIZE,
    MO_DOWNGRADE,
    MO_POWER,
    MO_BIN,
    MO_RESTORE,
    MO_ERASE,
    MO_CHANGE,
    MO_ADOPT,
    MO_VERB__MAX
};
enum mo_authority { MO_BY_GRANT = 1, MO_BY_PLAN, MO_BY_UNIT };
enum mo_metric { MO_CPU = 1, MO_MEM, MO_NET_TX, MO_NET_RX, MO_DISK_IO, MO_METRIC__MAX };
enum mo_power { MO_PW_UNKNOWN, MO_PW_RUNNING, MO_PW_PAUSED, MO_PW_OFF, MO_PW_CRASHED };
enum mo_fill { MO_FILL_NONE, MO_FILL_FILLING, MO_FILL_DONE }; /* by receipt, never by looking */

#define REC_NO_RESTART INT64_MAX
#define REC_DIMM_MIB 128 /* memory is added to a running guest in pieces of this */

/* One accepted order (a receipt): the newest of its resource. */
struct rec_want {
    const char *id; /* resource */
    enum mo_kind kind;
    enum mo_wanted wanted;
    const char *system; /* a machine uses only networks and volumes of its own; NULL: not checked */
    uint64_t term, generation;
    bool wanted_now;  /* in the controller's set, or nothing heard since boot; false: unclaimed */
    bool held;        /* emergency hold: observe only */
    bool quarantined; /* a call about it is overdue */
    bool may_restart; /* the verb changes size or parts (resize, change, downgrade, restore): a
                         running guest that follows an older order may be restarted for it */
    int64_t restart_from_ms; /* not before; REC_NO_RESTART: none was agreed */
    bool live_failed;        /* growing it while it runs was tried for this order and failed */
    bool seen_once;          /* was read back equal before: when it is gone now, it is missing */
    bool restated; /* its receipt was lost, and the controller has restated the order since */
    uint32_t vcpus;
    uint64_t mem_mib, bytes;    /* vm: root disk; volume: size */
    const char *root, *seed;    /* vm: its two volumes by id */
    const char *const *volumes; /* vm: data volumes by id, in order */
    size_t n_volumes;
    const char *const *networks; /* vm: networks by id */
    size_t n_networks;
    enum mo_fill root_fill, seed_fill; /* vm */
    enum mo_fill fill;                 /* volume */
    int64_t binned_at_ms;              /* when this host put it into the recycle bin, 0 never */
    int64_t hold_ms;       /* least time there before overwriting (grant or plan, the larger) */
    int64_t not_before_ms; /* plan: earliest time to act */
    bool erase_begun;      /* the first overwrite is recorded: there is no way back */
    bool erased;           /* overwritten, read back and signed for */
    int64_t stop_asked_ms; /* when the guest was asked to stop, under this very generation, since
                              its last start; 0 never */
    int64_t retry_at_ms;   /* nothing before, after a failure */
    bool existing;        /* vm: it was there before its grant: never made, its parts are its own */
    bool segment_left;    /* network: a part of a segment is there on its bridge, or may be */
    const char *obstacle; /* existing, and not marked yet: why it may not be now, or NULL */
};

/* What libvirt has.  Domains of others are passed too: they may use what is ours. */
struct rec_dom {
    const char *id;
    bool ours;
    enum mo_power power;
    bool no_space; /* paused because a write of it found its pool full, and for nothing else */
    uint64_t term, generation; /* of our mark */
    uint32_t vcpus, live_vcpus;
    uint64_t mem_mib, live_mem_mib;
    uint32_t live_vcpus_max;   /* what the running guest can grow to; 0: not known */
    uint64_t live_mem_max_mib; /* likewise */
    bool live_parts_lack;      /* the running guest only lacks data volumes that the order names */
    bool defined, parts_equal; /* disks and cards as the order says, in the persistent definition */
    bool live_parts_equal;
    const char *const *volumes; /* every by-<id> that it names, live or persistent: ids */
    size_t n_volumes;
    const char *const *networks; /* every network that it names, live or persistent: ids */
    size_t n_networks;
};
struct rec_vol {
    const char *id; /* of by-<id>, roots and seeds too; foreign names are not passed */
    uint64_t capacity_bytes;
    bool format_equal; /* as its order says; true where no order does */
};
struct rec_net {
    const char *id;
    bool ours, active;
    uint64_t term, generation;
    bool hosts_equal; /* every fixed address that the orders want is there */
    bool segment_off; /* its part of a segment is not as the order says */
};

struct rec_index;
struct rec_world {
    bool observed_ok;   /* every list was answered */
    bool heard;         /* the controller's set and its holds were heard since this agent started */
    bool clock_suspect; /* the wall clock jumped: nothing that cannot be undone */
    int64_t now_ms;
    int64_t stop_grace_ms; /* from asking a guest to pulling the plug */
    uint64_t pool_free_bytes;
    const struct rec_want *wants;
    size_t n_wants;
    const struct rec_dom *doms;
    size_t n_doms;
    const struct rec_vol *vols;
    size_t n_vols;
    const struct rec_net *nets;
    size_t n_nets;
    const struct rec_index *index; /* of the four lists (policies/recindex.h), or NULL */
};

enum rec_op {
    REC_NONE,
    REC_NET_DEFINE, /* also to bring its mark up to date */
    REC_NET_START,
    REC_NET_HOSTS,   /* bring fixed addresses up to date */
    REC_NET_SEGMENT, /* bring its part of a segment up to date, live; or take it away */
    REC_NET_REMOVE,
    REC_VOL_REMAKE, /* found filling: overwrite, remove, make again */
    REC_VOL_CREATE, /* create and fill, then write the receipt */
    REC_VOL_GROW,
    REC_VM_REMAKE, /* root or seed found filling: overwrite and remove those, then as REC_VM_ROOT */
    REC_VM_ROOT,   /* root overlay and seed, then the receipt */
    REC_VM_GROW,   /* the root disk, running or not */
    REC_VM_LIVE,   /* add processors, memory and volumes to the running guest, then define */
    REC_VM_DEFINE, /* persistent; also when size, parts or mark differ */
    REC_VM_START,
    REC_VM_RESUME, /* paused on a full pool that has room again: it goes on where it stood */
    REC_VM_SHUTDOWN,
    REC_VM_DESTROY,
    REC_VM_ADOPT, /* mark a machine that was there as ours, live and persistent; nothing else */
    REC_BIN,      /* record the moment it entered the recycle bin */
    REC_UNBIN,
    REC_ERASE, /* overwrite every copy, read back, sign, undefine, unlink */
    REC_OP__MAX
};
struct rec_action {
    enum rec_op op;
    size_t want;        /* index into wants */
    const char *reason; /* static text, for log and explain */
};
enum rec_seen {
    REC_SEEN_NONE,
    REC_SEEN_UNKNOWN,
    REC_SEEN_WORKING,
    REC_SEEN_RUNNING,
    REC_SEEN_STOPPED,
    REC_SEEN_PRESENT,
    REC_SEEN_BINNED,
    REC_SEEN_ABSENT,
    REC_SEEN_MISSING,
    REC_SEEN_UNCLAIMED,
    REC_SEEN_FOREIGN, /* there is one of that id, without our mark */
    REC_SEEN__MAX
};
struct rec_verdict {
    enum rec_seen seen;
    bool equal;         /* read back and as the order says */
    const char *reason; /* static text; NULL when equal */
};
#endif
