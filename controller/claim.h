#ifndef BY_CONTROLLER_CLAIM_H
#define BY_CONTROLLER_CLAIM_H
/* Machines that were there (存量): listed, claimed (认领) by a unit for a system of its own,
 * refused or withdrawn.  Confirming is adoption.h.  A unit may claim what it can name (a UUID is in
 * the guest's own firmware tables), but sees the machine's details only once the claim is
 * confirmed. Whoever claims gets nothing by it: the bureau decides, two claims to one machine are
 * both shown. Ledger, subject the machine: claim.made, claim.confirmed, claim.refused,
 * claim.withdrawn. Threads: as api.h says. */
#include "controller/api.h"
#include "drivers/db/store_claim.h"

int api_claim_add(struct api_call *k, struct tx *t, struct err *e);
int api_claim_get(struct api_call *k, struct tx *t, struct err *e);
int api_claim_list(struct api_call *k, struct tx *t, struct err *e);
int api_claim_refuse(struct api_call *k, struct tx *t, struct err *e);
int api_claim_withdraw(struct api_call *k, struct tx *t, struct err *e);
int api_unregistered_get(struct api_call *k, struct tx *t, struct err *e);
int api_unregistered_list(struct api_call *k, struct tx *t, struct err *e);
/** The machine as its host finds it now; false when nothing of it is known. */
bool claim_found(const char *json, struct arena *a, struct w_found *out);
/** CONFLICT unless the machine is free: no resource of that id, or one whose machine was never
 * taken over (then *again). */
int claim_is_free(struct tx *t, const char *vm, struct arena *a, bool *again, struct err *e);
/** Move by the table and tell the ledger. */
int claim_end(struct tx *t, const struct claim_row *c, enum claim_event ev, const char *account,
              const char *why, const char *grant, struct err *e);
/** What the ledger keeps of a claim. */
void claim_record_fill(const struct claim_row *c, enum claim_state s, const char *reason,
                       const struct w_found *found, struct w_claim_record *out);
#endif
