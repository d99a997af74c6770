#ifndef BY_CONTROLLER_SELF_H
#define BY_CONTROLLER_SELF_H
/* What a unit does by itself with its own, within its grant and without a new approval: create,
 * resize, rename, attach, detach, and undo each of these and of the power and recycle bin acts.
 * Every act makes signed orders by the authority of the unit's account; nothing is edited.  The
 * grant's shape says how far it may go: exact (at most its line's size) or free (within the
 * totals). The hosts check the same by themselves (policies/order_check.h).  Threads: steps in the
 * writer; lists in readers. */
#include "controller/act.h"
#include "controller/grant_expand.h"
#include "controller/quota.h"
#include "drivers/db/store_act.h"
#include "drivers/db/store_grant.h"

enum { SELF_ORDERS_MAX = 3 };

/* One act on its way. */
struct self {
    struct api_call *k;
    struct tx *t;
    const struct w_unit_act_request *in;
    enum w_unit_act what;
    struct resource_row r; /* as it was; a thing to be made: as it will be */
    struct grant_row row;
    struct w_grant g;
    struct w_policy policy;
    const char *undo_of; /* the act that this undoes, or "" */
    const char *other;   /* the machine of an attach or detach, or "" */
    struct w_placing_facts facts;
    struct w_placing_choices choices; /* empty when nothing takes room */
    struct w_unit_state before, after;
    struct quota_size left; /* of the grant, afterwards */
    bool restart;
    int64_t restart_from_ms;
    const char *warning, *text;
    struct w_order orders[SELF_ORDERS_MAX];
    const char *names[SELF_ORDERS_MAX];
    size_t n_orders;
};

/** Of a resource that the caller's unit owns: row, grant, policy. */
int self_open(struct self *s, struct api_call *k, struct tx *t, enum w_unit_act what,
              const struct w_unit_act_request *in, const char *resource, struct err *e);
/** A grant's paper, opened; its unit must be the caller's. */
int self_grant(struct self *s, const char *grant, struct err *e);
/** The grant has as much left as `want` needs beyond what `resource` holds ("" a new one); CONFLICT
 * says what is free and what was asked. */
int self_quota(struct self *s, const char *resource, const struct quota_size *want, struct err *e);
/** Room for one group, on `host` or anywhere (NULL); *out the host chosen. */
int self_room(struct self *s, struct expansion *x, const char *host, char out[W_ID], struct err *e);
/** Nothing of that name in the system. */
int self_name_check(struct self *s, const char *name, struct err *e);
/** Whether a restart is needed and agreed to; CONFLICT says how to agree.  why: what needs it. */
int self_restart(struct self *s, bool needed, const char *why, struct err *e);
/** An order of this act was made. */
void self_made(struct self *s, const struct w_order *o, const char *name);
/** Order an act on a resource of this unit; added to the answer. */
int self_order(struct self *s, const struct resource_row *r, struct act *x, struct err *e);
void self_state(const struct resource_row *r, struct w_unit_state *out);
/** The row to undo it by, the ledger's entry, and the answer; in a dry run only the answer. */
int self_finish(struct self *s, struct err *e);

/** The row and the ledger's entry alone. */
int self_keep(struct self *s, struct err *e);

/* The acts themselves, also for undo. */
int self_resize(struct self *s, struct err *e);
int self_rename(struct self *s, struct err *e);
int self_attach(struct self *s, struct err *e);
int self_detach(struct self *s, struct err *e);
int self_simple(struct self *s, struct err *e); /* bin, restore, start, stop */
/** A volume joins a machine: both get an order; the volume's is given when it is being made. */
int self_join(struct self *s, const struct resource_row *vm, const char *volume, int format,
              struct err *e);

/** An act that was ordered elsewhere (power, recycle bin): kept so that it can be undone.  was: the
 * row before. */
int self_note(struct api_call *k, struct tx *t, enum w_unit_act what,
              const struct resource_row *was, const char *reason, struct err *e);

int api_resource_create(struct api_call *k, struct tx *t, struct err *e);
int api_resource_resize(struct api_call *k, struct tx *t, struct err *e);
int api_resource_rename(struct api_call *k, struct tx *t, struct err *e);
int api_resource_attach(struct api_call *k, struct tx *t, struct err *e);
int api_resource_detach(struct api_call *k, struct tx *t, struct err *e);
int api_unit_act_list(struct api_call *k, struct tx *t, struct err *e);
int api_unit_act_undo(struct api_call *k, struct tx *t, struct err *e);
#endif
