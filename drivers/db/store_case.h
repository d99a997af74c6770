#ifndef BY_DRIVERS_DB_STORE_CASE_H
#define BY_DRIVERS_DB_STORE_CASE_H
/* Cases (办件) with their steps and documents, as the store has them.  Texts live in the arena
 * given.  Threads: owner of the connection. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

#define CASE_NO_DUE INT64_MAX /* nothing says until when */
#define CASE_TITLE 200        /* bytes of a title with its end */

struct case_row {
    char id[W_ID], number[32], unit[W_ID], unit_name[W_NAME], system[W_ID], system_name[W_NAME];
    char grant[W_ID], subject[W_ID], opened_by[W_NAME], title[CASE_TITLE];
    int kind, state; /* policies/case_fsm.h */
    int waits;       /* enum w_role */
    uint64_t rev;
    int64_t due_ms, opened_ms, changed_ms;
    const char *body; /* JSON */
};
struct case_filter {
    const char *unit, *system, *number; /* "" for all */
    int kind, state;                    /* 0 for all */
    int64_t before_ms;                  /* page: opened before; INT64_MAX for the first */
    const char *before_id;
    int limit;
};
typedef int (*case_fn)(void *arg, const struct case_row *c, struct err *e);

/** Number, id and rev are set by the caller; CONFLICT when the unit is not registered. */
int case_row_add(struct db *d, const struct case_row *c, struct err *e);
/** NOT_FOUND when there is none. */
int case_row_get(struct db *d, const char *id, struct arena *a, struct case_row *out,
                 struct err *e);
/** Write state, system, grant, title, body, waits, due and changed_ms; CONFLICT unless c->rev is
 * the store's; then c->rev rises. */
int case_row_set(struct db *d, struct case_row *c, struct err *e);
int case_step_add(struct db *d, const struct case_row *c, const char *account, int event,
                  const char *reason, const char *body_sha256, struct err *e);
int case_each(struct db *d, const struct case_filter *f, struct arena *a, case_fn fn, void *arg,
              struct err *e);
/** 1 with the id of the newest case of that kind about grant and subject, 0 none. */
int case_of_subject(struct db *d, const char *grant, int kind, const char *subject, char id[W_ID],
                    struct err *e);
/** Lists of w_case_step and w_case_paper. */
int case_steps(struct db *d, const char *id, struct arena *a, struct jm_list *out, struct err *e);
int case_papers(struct db *d, const char *id, struct arena *a, struct jm_list *out, struct err *e);
#endif
