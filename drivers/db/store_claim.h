#ifndef BY_DRIVERS_DB_STORE_CLAIM_H
#define BY_DRIVERS_DB_STORE_CLAIM_H
/* Claims (认领) to machines that were there, and what hosts say of such machines.  Texts live in
 * the arena given.  Threads: owner of the connection. */
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"
#include "drivers/db/page.h"
#include "drivers/db/store_resource.h"
#include "policies/claim_fsm.h"

struct claim_row {
    char id[W_ID], host[W_ID], vm[W_ID], system[W_ID], unit[W_ID], account[W_ID];
    char name[256], host_name[W_NAME], system_name[W_NAME], unit_name[W_NAME];
    const char *reason, *decision;
    const char *found; /* JSON of found, as it was when it was claimed */
    enum claim_state state;
    int64_t at_ms, decided_ms;
    char decided_by[W_ID], grant[W_ID];
    uint32_t rivals; /* other open claims to the same machine */
};
int claim_insert(struct db *d, const struct claim_row *c, struct err *e);
/** NOT_FOUND. */
int claim_get(struct db *d, const char *id, struct arena *a, struct claim_row *out, struct err *e);
/** An open claim ends; CONFLICT when it has ended already. */
int claim_decide(struct db *d, const struct claim_row *c, enum claim_state to, const char *account,
                 const char *why, const char *grant, int64_t now_ms, struct err *e);
int claim_count_open(struct db *d, const char *unit, int64_t *n, struct err *e);
typedef int (*claim_fn)(void *arg, const struct claim_row *c, struct err *e);
/** Of a unit ("" all), open ones first. */
int claim_each(struct db *d, const char *unit, const struct db_page *from, struct arena *a,
               claim_fn fn, void *arg, struct err *e);
/** Open ones to one machine. */
int claim_each_of(struct db *d, const char *vm, struct arena *a, claim_fn fn, void *arg,
                  struct err *e);

/* An unregistered object with what its host says of it. */
struct found_row {
    char host[W_ID], id[W_ID], name[256], host_name[W_NAME];
    int kind, seen;
    int64_t as_of_ms;
    const char *found; /* JSON, "" when nothing is known */
    uint32_t claims;   /* open ones; by found_each() only */
};
/** By libvirt's UUID, or a machine by its name: how many there are, at most 2; -1 error.  *out is
 * the first. */
int found_find(struct db *d, const char *id_or_name, struct arena *a, struct found_row *out,
               struct err *e);
typedef int (*found_fn)(void *arg, const struct found_row *f, struct err *e);
int found_each(struct db *d, const struct db_page *from, struct arena *a, found_fn fn, void *arg,
               struct err *e);
int found_set(struct db *d, const char *host, const char *id, const char *found, struct err *e);
/** A resource whose machine was never taken over belongs to another grant from now on. */
int resource_readopt(struct db *d, const struct resource_row *r, struct err *e);
#endif
