#include "policies/recname.h"

const char *const rec_op_names[REC_OP__MAX] = {
    [REC_NONE] = "none",
    [REC_NET_DEFINE] = "net_define",
    [REC_NET_START] = "net_start",
    [REC_NET_HOSTS] = "net_hosts",
    [REC_NET_SEGMENT] = "net_segment",
    [REC_NET_REMOVE] = "net_remove",
    [REC_VOL_REMAKE] = "vol_remake",
    [REC_VOL_CREATE] = "vol_create",
    [REC_VOL_GROW] = "vol_grow",
    [REC_VM_REMAKE] = "vm_remake",
    [REC_VM_ROOT] = "vm_root",
    [REC_VM_GROW] = "vm_grow",
    [REC_VM_LIVE] = "vm_live",
    [REC_VM_DEFINE] = "vm_define",
    [REC_VM_START] = "vm_start",
    [REC_VM_RESUME] = "vm_resume",
    [REC_VM_ADOPT] = "vm_adopt",
    [REC_VM_SHUTDOWN] = "vm_shutdown",
    [REC_VM_DESTROY] = "vm_destroy",
    [REC_BIN] = "bin",
    [REC_UNBIN] = "unbin",
    [REC_ERASE] = "erase",
};

const char *
rec_op_name(enum rec_op op)
{
    return op < REC_OP__MAX ? rec_op_names[op] : "?";
}

const char *
rec_seen_name(enum rec_seen seen)
{
    static const char *const names[REC_SEEN__MAX] = {
        [REC_SEEN_NONE] = "",           [REC_SEEN_UNKNOWN] = "unknown",
        [REC_SEEN_WORKING] = "working", [REC_SEEN_RUNNING] = "running",
        [REC_SEEN_STOPPED] = "stopped", [REC_SEEN_PRESENT] = "present",
        [REC_SEEN_BINNED] = "binned",   [REC_SEEN_ABSENT] = "absent",
        [REC_SEEN_MISSING] = "missing", [REC_SEEN_UNCLAIMED] = "unclaimed",
        [REC_SEEN_FOREIGN] = "foreign",
    };

    return seen < REC_SEEN__MAX ? names[seen] : "?";
}
