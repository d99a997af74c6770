#ifndef BY_CONTROLLER_ACT_H
#define BY_CONTROLLER_ACT_H
/* Making orders about resources that exist, and the one gate that every order passes: what a verb
 * needs as authority.  Taking away (downgrade, bin, erase) needs a plan of the bureau or the unit's
 * own will, which for less and for the recycle bin may be an approved change; no route, job or
 * repair gets around it.  Threads: steps in the writer; the rest any. */
#include "controller/api.h"
#include "drivers/db/store_resource.h"

/** DENIED unless a verb may be ordered by that authority. */
int act_authority_check(int verb, int authority, struct err *e);

/** Issue through the gate: quota is held, the order signed with the group, the ledger told.
 * actor: account id, or "controller". */
int act_issue(struct tx *t, const char *actor, struct w_order *o, struct err *e);

/* What to do to a resource. */
struct act {
    enum w_verb verb;
    enum w_wanted wanted; /* WANT_NONE: as it is */
    enum w_authority authority;
    const char *authority_id; /* grant, plan, account */
    const char *actor;
    uint32_t vcpus;   /* 0: as it is */
    uint64_t mem_mib; /* 0: as it is */
    bool backup_declared;
    /* resize, change; NULL or 0: as it is */
    uint64_t bytes;
    uint32_t vcpus_max;   /* what the guest is started for, so that it can grow while it runs */
    uint64_t mem_max_mib; /* likewise */
    const char *name;
    const struct jm_list *disks; /* vm: all its data volumes */
    const char *volume_vm;       /* volume: the machine that has it; "" none */
    int64_t restart_from_ms;     /* 0: no restart was agreed */
};
/** Whether it makes sense now (neighbours, holds, states); CONFLICT says what to do first.
 * r is as the store has it. */
int act_check(struct tx *t, const struct resource_row *r, const struct act *x, struct arena *a,
              struct err *e);
/** The host has heard the newest order, or it is one that may be overtaken; else CONFLICT. */
int act_taken_up(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e);
/** Check, then order it; *out is the order made, its texts in the arena. */
int act_do(struct tx *t, const struct resource_row *r, const struct act *x, struct arena *a,
           struct w_order *out, struct err *e);
/** Least instant at which a resource in the recycle bin may be overwritten; 0 when it is not
 * binned by readback. */
int64_t act_erase_from_ms(const struct resource_row *r, int64_t hold_ms);
#endif
