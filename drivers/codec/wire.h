#ifndef BY_DRIVERS_CODEC_WIRE_H
#define BY_DRIVERS_CODEC_WIRE_H
/* Every object that crosses a wire or is signed: struct w_<name> and its rows schema_<name>, both
 * made from wire.def, so a field is said once.  Units are in the names.  Ids are UUID text. */
#include "drivers/codec/jmap.h"

#define W_ID 40         /* char[] that holds a UUID */
#define W_NAME 68       /* char[] that holds a display name, up to 64 bytes */
#define W_HASH 72       /* char[] that holds 64 hex digits */
#define W_PEERS_MAX 256 /* other parts of one segment */

/* Enumerations: index 0 is always "not given".  The names are in wire.c; enum clock_kind is in
 * policies/clock.h. */

enum w_res_kind { RES_NONE, RES_VM, RES_VOLUME, RES_NETWORK, RES__MAX };
enum w_verb {
    VERB_NONE,
    VERB_CREATE,
    VERB_RESIZE,    /* within the grant, by the unit */
    VERB_DOWNGRADE, /* under a plan */
    VERB_POWER,     /* start or stop, by the unit */
    VERB_BIN,       /* into the recycle bin */
    VERB_RESTORE,   /* out of it */
    VERB_ERASE,     /* overwrite, then absent */
    VERB_CHANGE,    /* name or parts, sizes as they are, by the unit */
    VERB_ADOPT,     /* a machine that was there: marked as ours, otherwise as it is */
    VERB__MAX
};
enum w_wanted {
    WANT_NONE,
    WANT_RUNNING, /* a VM */
    WANT_STOPPED, /* a VM */
    WANT_PRESENT, /* a volume or a network */
    WANT_BINNED,
    WANT_ABSENT,
    WANT__MAX
};
enum w_authority { AUTH_NONE, AUTH_GRANT, AUTH_PLAN, AUTH_UNIT, AUTH__MAX };
/* What a host asks the steward of its shared pool to do with volumes. */
enum w_pool_act { POOL_ACT_NONE, POOL_MAKE, POOL_GROW, POOL_OVERWRITE, POOL_REMOVE, POOL_ACT__MAX };
/* What an agent says of a resource. */
enum w_seen {
    SEEN_NONE,
    SEEN_UNKNOWN, /* libvirt did not answer: nothing may be concluded */
    SEEN_WORKING,
    SEEN_RUNNING,
    SEEN_STOPPED,
    SEEN_PRESENT,
    SEEN_BINNED,
    SEEN_ABSENT,
    SEEN_MISSING,   /* registered, gone */
    SEEN_UNCLAIMED, /* registered by receipt, not in the wanted set */
    SEEN_FOREIGN,   /* not ours */
    SEEN_REFUSED,   /* the order was refused; reason says why */
    SEEN_FAILED,    /* tried, failed, will retry; reason says why */
    SEEN__MAX
};
/* How far a unit may reshape what a grant gives. */
enum w_shape { SHAPE_NONE, SHAPE_EXACT, SHAPE_FREE, SHAPE__MAX };
/* What a unit does with its own. */
enum w_unit_act {
    ACT_NONE,
    ACT_CREATE,
    ACT_RESIZE,
    ACT_RENAME,
    ACT_ATTACH,
    ACT_DETACH,
    ACT_BIN,
    ACT_RESTORE,
    ACT_START,
    ACT_STOP,
    ACT__MAX
};
/* A restart that the unit agrees to, if its act needs one. */
enum w_restart { RESTART_NONE, RESTART_NOW, RESTART_AT, RESTART_LATER, RESTART__MAX };
enum w_apart { APART_NONE, APART_SOFT, APART_HARD, APART__MAX }; /* as enum place_apart */
enum w_firmware { FW_NONE, FW_BIOS, FW_UEFI, FW__MAX };
enum w_arch { ARCH_NONE, ARCH_X86_64, ARCH_AARCH64, ARCH_LOONGARCH64, ARCH__MAX };
/* How an image can be started. */
enum w_boot { BOOT_NONE, BOOT_BIOS, BOOT_UEFI, BOOT_BOTH, BOOT__MAX };
enum w_format { FMT_NONE, FMT_QCOW2, FMT_RAW, FMT__MAX };
enum w_role {
    ROLE_NONE,
    ROLE_ADMIN,
    ROLE_BUREAU,
    ROLE_PROVIDER,
    ROLE_TENANT,
    ROLE_AUDITOR,
    ROLE_COUNTY,     /* county bureau: sees and pre-checks its own subtree */
    ROLE_SECADMIN,   /* security administrator (安全管理员) */
    ROLE_AUDITADMIN, /* audit administrator (审计管理员) */
    ROLE__MAX
};
enum w_unit_kind {
    UNIT_NONE,
    UNIT_BUREAU,   /* the city's bureau (主管部门) */
    UNIT_COUNTY,   /* a county's bureau; the units of the county stand below it */
    UNIT_PROVIDER, /* runs the cloud (服务提供方) */
    UNIT_TENANT,   /* uses it (使用单位) */
    UNIT_FINANCE,
    UNIT_AUDITOR,
    UNIT__MAX
};
enum w_account_state { ACC_NONE, ACC_REGISTERED, ACC_ACTIVE, ACC_LOCKED, ACC_DISABLED, ACC__MAX };
enum w_factor_kind { FACTOR_NONE, FACTOR_KEY, FACTOR_TOTP, FACTOR__MAX };
enum w_key_use { KEY_NONE, KEY_GRANT, KEY_ORDER, KEY__MAX };
enum w_plan_line_state {
    PLS_NONE,
    PLS_DATE,
    PLS_HOLD,
    PLS_USE,
    PLS_ROOM,
    PLS_DUE,
    PLS_MOOT,
    PLS_ORDERED,
    PLS_WITHDRAWN,
    PLS_RETURNED,
    PLS_RECOVERED,
    PLS__MAX
};
enum w_verdict {
    VERDICT_NONE,
    VERDICT_ACTIVE,
    VERDICT_UNDERUSED,
    VERDICT_IDLE,
    VERDICT_NOT_ENOUGH_DATA,
    VERDICT_NOT_APPLICABLE,
    VERDICT__MAX
};
enum w_metric {
    METRIC_NONE,
    METRIC_CPU,
    METRIC_MEM,
    METRIC_NET_TX,
    METRIC_NET_RX,
    METRIC_DISK_IO,
    METRIC__MAX
};

extern const char *const w_arch_names[], *const w_boot_names[];
/* case_kind, case_state, case_event: policies/case_fsm.h; inbox_kind: controller/inbox.h. */
enum w_paper_kind {
    DOC_NONE,
    DOC_APPROVAL,    /* project approval document (项目批复文件, G14) */
    DOC_AGREEMENT,   /* cloud security agreement (G28) */
    DOC_DECLARATION, /* non-classified declaration (G2) */
    DOC_SURVEY,      /* survey and migration plan of a system that exists (G15) */
    DOC_EVIDENCE,    /* that something was done */
    DOC_OTHER,
    DOC__MAX
};

extern const char *const w_case_kind_names[],
    *const w_case_state_names[], *const w_case_event_names[], *const w_paper_kind_names[],
                                                                  *const w_inbox_kind_names[];
/* Why a clock may run long; shown beside it, never stopping it. */
extern const char *const w_clock_state_names[], *const w_clock_cause_names[];
extern const char *const w_plan_line_state_names[];
enum w_clock_cause { CAUSE_NONE, CAUSE_CAPACITY, CAUSE_UNIT, CAUSE_FAULT, CAUSE_OTHER, CAUSE__MAX };

extern const char *const w_res_kind_names[],
    *const w_verb_names[],
        *const w_wanted_names[],
            *const w_authority_names[],
                *const w_pool_act_names[],
                    *const w_seen_names[],
                        *const w_apart_names[],
                            *const w_firmware_names[],
                                *const w_format_names[],
                                    *const w_role_names[],
                                        *const w_key_use_names[],
                                            *const w_verdict_names[],
                                                *const w_metric_names[],
                                                    *const w_clock_kind_names[],
                                                        *const w_unit_kind_names[],
                                                            *const w_account_state_names[],
                                                                *const w_factor_kind_names[];

/* notice_kind: policies/notice.h. */
enum w_notice_channel { CHANNEL_NONE, CHANNEL_MAIL, CHANNEL_WEBHOOK, CHANNEL__MAX };
/* An export of a list, of one moment: its rows, or how many they are. */
enum w_list_format { LIST_FORMAT_NONE, LIST_CSV, LIST_JSONL, LIST_COUNT, LIST_FORMAT__MAX };
extern const char *const w_list_format_names[];
extern const char *const w_host_shown_names[]; /* what people are told of a host's state */

enum w_delivery_state {
    DELIVERY_NONE,
    DELIVERY_WAITING,
    DELIVERY_SENT,
    DELIVERY_DEAD, /* given up */
    DELIVERY__MAX
};
enum w_lang { LANG_NONE, LANG_ZH, LANG_EN, LANG__MAX };
extern const char *const w_notice_kind_names[], *const w_notice_channel_names[];
extern const char *const w_delivery_state_names[], *const w_lang_names[];

extern const char *const w_shape_names[], *const w_unit_act_names[], *const w_restart_names[];

#define OBJ(o, doc) struct w_##o {
#define STR(o, f, flags, n, cls, doc) char f[n];
#define TEXT(o, f, flags, max, cls, doc) const char *f;
#define U32(o, f, flags, min, max, doc) uint32_t f;
#define U64(o, f, flags, min, max, doc) uint64_t f;
#define I64(o, f, flags, min, max, doc) int64_t f;
#define BOOL(o, f, flags, doc) bool f;
#define ENUM(o, f, flags, type, doc) int f; /* enum w_##type */
#define SUB(o, f, flags, of, doc) struct w_##of f;
#define LIST(o, f, flags, of, max, doc) struct jm_list f; /* of struct w_##of */
#define END(o)                                                                                     \
    }                                                                                              \
    ;
#include "drivers/codec/wire.def"
#include "drivers/codec/wire_undef.h"

#define OBJ(o, doc) extern const struct jm_field schema_##o[];
#define STR(o, f, flags, n, cls, doc)
#define TEXT(o, f, flags, max, cls, doc)
#define U32(o, f, flags, min, max, doc)
#define U64(o, f, flags, min, max, doc)
#define I64(o, f, flags, min, max, doc)
#define BOOL(o, f, flags, doc)
#define ENUM(o, f, flags, type, doc)
#define SUB(o, f, flags, of, doc)
#define LIST(o, f, flags, of, max, doc)
#define END(o)
#include "drivers/codec/wire.def"
#include "drivers/codec/wire_undef.h"

/* A row per object, for generated documents and tests. */
struct w_object {
    const char *name, *doc;
    const struct jm_field *schema;
    size_t size;
};
extern const struct w_object w_objects[]; /* ends with name NULL */

#define W_DECODE(o, text, len, mode, arena, out, e)                                                \
    jm_decode(text, len, schema_##o, sizeof(struct w_##o), mode, arena, out, e)
#endif
