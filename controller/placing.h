#ifndef BY_CONTROLLER_PLACING_H
#define BY_CONTROLLER_PLACING_H
/* Placing a grant's groups on hosts: facts are gathered from the store, the decision is a function
 * of the facts alone, and both go into the ledger, so that it can be made again and compared byte
 * for byte.  Threads: owner of the connection; deciding is pure. */
#include "controller/api.h"
#include "controller/grant_expand.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

/* The fullest hosts with room: asked first; more when they do not do, and while there are others
 * with room the next so many. */
#define PLACING_FEW 8
#define PLACING_KEPT 4 /* so many are recorded, if they are enough to decide the same again */
#define PLACING_MANY 1024

struct resource_row;
struct supersede;

/** Facts of one host only, and the groups: what is made or grown there can stand nowhere else.  A
 * host unheard for too long takes nothing; one under a hold no new machine. */
int placing_gather_host(struct tx *t, const struct expansion *x, const struct w_policy *policy,
                        const char *host, struct arena *a, struct w_placing_facts *out,
                        struct err *e);
/** Whether what stands on its host may be of that size there, beyond what is kept for it; whether
 * the host takes anything new does not matter.  *why: NULL, or what it lacks. */
int placing_room_again(struct tx *t, const struct resource_row *r, uint32_t vcpus, uint64_t mem_mib,
                       struct arena *a, const char **why, struct err *e);
/** Gathers and decides; of the hosts only those are kept that the record needs. over: what grows
 * takes its room first, and is not in the store yet; NULL: nothing. *fits: every group found its
 * host. */
int placing_choose(struct tx *t, const struct expansion *x, const struct supersede *over,
                   const struct w_policy *policy, struct arena *a, struct w_placing_facts *facts,
                   struct w_placing_choices *choices, bool *fits, struct err *e);
/** What of a choice's reason has room in a message: whole sentences, and how many hosts are left
 * out. */
const char *placing_told(const char *reason, struct arena *a);
/** One choice a group, in order; each takes its room from the next.  True when all found a host. */
bool placing_decide(const struct w_placing_facts *f, struct arena *a,
                    struct w_placing_choices *out);
#endif
