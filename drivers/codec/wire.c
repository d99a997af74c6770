#include "drivers/codec/wire.h"

/* Order as in the enums of wire.h. */
const char *const w_res_kind_names[] = {"", "vm", "volume", "network", NULL};
const char *const w_verb_names[] = {"",        "create", "resize", "downgrade", "power", "bin",
                                    "restore", "erase",  "change", "adopt",     NULL};
const char *const w_wanted_names[] = {"",       "running", "stopped", "present",
                                      "binned", "absent",  NULL};
const char *const w_authority_names[] = {"", "grant", "plan", "unit", NULL};
const char *const w_pool_act_names[] = {"", "make", "grow", "overwrite", "remove", NULL};
const char *const w_seen_names[] = {"",        "unknown", "working", "running", "stopped",
                                    "present", "binned",  "absent",  "missing", "unclaimed",
                                    "foreign", "refused", "failed",  NULL};
const char *const w_shape_names[] = {"", "exact", "free", NULL};
const char *const w_unit_act_names[] = {"",    "create",  "resize", "rename", "attach", "detach",
                                        "bin", "restore", "start",  "stop",   NULL};
const char *const w_restart_names[] = {"", "now", "at", "later", NULL};
const char *const w_apart_names[] = {"", "soft", "hard", NULL};
const char *const w_firmware_names[] = {"", "bios", "uefi", NULL};
const char *const w_arch_names[] = {"", "x86_64", "aarch64", "loongarch64", NULL};
const char *const w_boot_names[] = {"", "bios", "uefi", "both", NULL};
const char *const w_format_names[] = {"", "qcow2", "raw", NULL};
const char *const w_role_names[] = {"",        "admin",  "bureau",   "provider",   "tenant",
                                    "auditor", "county", "secadmin", "auditadmin", NULL};
const char *const w_factor_kind_names[] = {"", "key", "totp", NULL};
const char *const w_unit_kind_names[] = {"",       "bureau",  "county",  "provider",
                                         "tenant", "finance", "auditor", NULL};
const char *const w_account_state_names[] = {"",       "registered", "active",
                                             "locked", "disabled",   NULL};
const char *const w_key_use_names[] = {"", "grant", "order", NULL};
const char *const w_plan_line_state_names[] = {"",          "date",     "hold",      "use",
                                               "room",      "due",      "moot",      "ordered",
                                               "withdrawn", "returned", "recovered", NULL};
const char *const w_verdict_names[] = {
    "", "active", "underused", "idle", "not_enough_data", "not_applicable", NULL};
const char *const w_clock_state_names[] = {"",
#define CLS(NAME, name) name,
#include "policies/clock_state.def"
#undef CLS
                                           NULL};
const char *const w_clock_cause_names[] = {"", "capacity", "unit", "fault", "other", NULL};
const char *const w_clock_kind_names[] = {"",
#define CLOCK(NAME, name, form, n, field, duty, basis, reminders, zh, en) name,
#include "policies/clock.def"
#undef CLOCK
                                          NULL};
const char *const w_metric_names[] = {"", "cpu", "mem", "net_tx", "net_rx", "disk_io", NULL};

const char *const w_notice_kind_names[] = {"",
#define NOTICE(NAME, word, text) word,
#include "policies/notice.def"
#undef NOTICE
                                           NULL};
const char *const w_notice_channel_names[] = {"", "mail", "webhook", NULL};
const char *const w_list_format_names[] = {"", "csv", "jsonl", "count", NULL};
const char *const w_host_shown_names[] = {"",       "enrolling", "ready",   "cordoned", "held",
                                          "silent", "refused",   "revoked", NULL};
const char *const w_delivery_state_names[] = {"", "waiting", "sent", "dead", NULL};
const char *const w_lang_names[] = {"", "zh", "en", NULL};
const char *const w_paper_kind_names[] = {"",       "approval", "agreement", "declaration",
                                          "survey", "evidence", "other",     NULL};
const char *const w_case_kind_names[] = {"",
#define KIND(name, word) word,
#include "policies/case_fsm.def"
                                         NULL};
const char *const w_inbox_kind_names[] = {"",
#define KIND(name, word) word,
#include "policies/case_fsm.def"
#define INBOX(NAME, word, roles, form, state, bind, todo, command, route, source) word,
#include "drivers/db/inbox.def"
#undef INBOX
                                          NULL};
const char *const w_case_state_names[] = {"",
#define STATE(name, word) word,
#include "policies/case_fsm.def"
                                          NULL};
const char *const w_case_event_names[] = {"",
#define EVENT(name, word, reason) word,
#include "policies/case_fsm.def"
                                          NULL};

#define AT(o, f) .off = offsetof(struct w_##o, f), .size = sizeof(((struct w_##o *)0)->f)
#define OBJ(o, doc_) const struct jm_field schema_##o[] = {
#define STR(o, f, fl, n, c, d)                                                                     \
    {.name = #f, .doc = d, .type = JM_STR, .flags = fl, .cls = c, AT(o, f)},
#define TEXT(o, f, fl, m, c, d)                                                                    \
    {.name = #f, .doc = d, .type = JM_TEXT, .flags = fl, .cls = c, .max = m, AT(o, f)},
#define U32(o, f, fl, lo, hi, d)                                                                   \
    {.name = #f, .doc = d, .type = JM_U32, .flags = fl, .min = lo, .max = hi, AT(o, f)},
#define U64(o, f, fl, lo, hi, d)                                                                   \
    {.name = #f, .doc = d, .type = JM_U64, .flags = fl, .min = lo, .max = hi, AT(o, f)},
#define I64(o, f, fl, lo, hi, d)                                                                   \
    {.name = #f, .doc = d, .type = JM_I64, .flags = fl, .min = lo, .max = hi, AT(o, f)},
#define BOOL(o, f, fl, d) {.name = #f, .doc = d, .type = JM_BOOL, .flags = fl, AT(o, f)},
#define ENUM(o, f, fl, t, d)                                                                       \
    {.name = #f, .doc = d, .type = JM_ENUM, .flags = fl, .names = w_##t##_names, AT(o, f)},
#define SUB(o, f, fl, of, d)                                                                       \
    {.name = #f,                                                                                   \
     .doc = d,                                                                                     \
     .type = JM_OBJ,                                                                               \
     .flags = fl,                                                                                  \
     .sub = schema_##of,                                                                           \
     .sub_size = sizeof(struct w_##of),                                                            \
     AT(o, f)},
#define LIST(o, f, fl, of, m, d)                                                                   \
    {.name = #f,                                                                                   \
     .doc = d,                                                                                     \
     .type = JM_LIST,                                                                              \
     .flags = fl,                                                                                  \
     .sub = schema_##of,                                                                           \
     .sub_size = sizeof(struct w_##of),                                                            \
     .max = m,                                                                                     \
     AT(o, f)},
#define END(o)                                                                                     \
    {                                                                                              \
        0                                                                                          \
    }                                                                                              \
    }                                                                                              \
    ;
#include "drivers/codec/wire.def"
#include "drivers/codec/wire_undef.h"

const struct w_object w_objects[] = {
#define OBJ(o, d) {#o, d, schema_##o, sizeof(struct w_##o)},
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
    {0}};
